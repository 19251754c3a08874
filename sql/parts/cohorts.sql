-- Cohort retention.  See docs/cohorts.md.

--each source
CREATE FUNCTION cohort_retention(
    @source@ @type@,
    @series@)
    RETURNS TABLE (
        cohort date,
        period_number integer,
        period_start date,
        cohort_size bigint,
        customers bigint,
        retention numeric,
        cohort_mrr numeric,
        mrr numeric,
        mrr_retention numeric,
        cumulative_mrr numeric,
        complete boolean)
    AS 'MODULE_PATHNAME', 'cm_cohort_retention@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@ ROWS 2000;
COMMENT ON FUNCTION cohort_retention(@type@, @series_types@) IS 'retention of cohorts by period, @of@';
--end
