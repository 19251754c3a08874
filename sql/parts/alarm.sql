-- An alarm on churn.  See docs/alarm.md.
--since 0.2.0

--each source
CREATE FUNCTION churn_alarm(
    @source@ @type@,
    target numeric,
    confidence numeric DEFAULT 0.95,
    every interval DEFAULT '1 month',
    since date DEFAULT NULL,
    until date DEFAULT NULL,
    time_zone text DEFAULT NULL,
    policy churn_policy DEFAULT NULL,
    origin date DEFAULT NULL)
    RETURNS TABLE (
        period_start date,
        period_end date,
        opening_customers bigint,
        churned_customers bigint,
        churn_rate numeric,
        lower_bound numeric,
        complete boolean)
    AS 'MODULE_PATHNAME', 'cm_churn_alarm@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@ ROWS 5;
COMMENT ON FUNCTION churn_alarm(@type@, numeric, numeric, interval, date, date, text, churn_policy, date) IS 'the periods whose churn lies above a target beyond chance, @of@';
--end
