-- An alarm on churn.  See docs/alarm.md.
--since 0.2.0

--each source
CREATE FUNCTION churn_alarm(
    @source@ @type@,
    target numeric,
    confidence numeric DEFAULT 0.95,
    @series@)
    RETURNS TABLE (
        period_start date,
        period_end date,
        opening_customers bigint,
        churned_customers bigint,
        churn_rate numeric,
        lower_bound numeric,
        complete boolean)
    AS 'MODULE_PATHNAME', 'cm_churn_alarm@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@ ROWS 5;
COMMENT ON FUNCTION churn_alarm(@type@, numeric, numeric, @series_types@) IS 'the periods whose churn lies above a target beyond chance, @of@';
--end
