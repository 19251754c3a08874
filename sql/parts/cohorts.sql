-- Cohort retention.  See docs/cohorts.md.

--each source
CREATE FUNCTION cohort_retention(
    @source@ @type@,
    every interval DEFAULT '1 month',
    since date DEFAULT NULL,
    until date DEFAULT NULL,
    time_zone text DEFAULT NULL,
    policy churn_policy DEFAULT NULL,
    origin date DEFAULT NULL)
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
COMMENT ON FUNCTION cohort_retention(@type@, interval, date, date, text, churn_policy, date) IS 'retention of cohorts by period, @of@';
--end
