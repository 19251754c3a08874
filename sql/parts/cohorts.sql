-- Cohort retention.  See docs/cohorts.md.

CREATE FUNCTION cohort_retention(
    ledger subscription_ledger,
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
    AS 'MODULE_PATHNAME', 'cm_cohort_retention' LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 2000;
COMMENT ON FUNCTION cohort_retention(subscription_ledger, interval, date, date, text, churn_policy, date) IS 'retention of cohorts by period, of a ledger';

CREATE FUNCTION cohort_retention(
    query text,
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
    AS 'MODULE_PATHNAME', 'cm_cohort_retention_query' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 2000;
COMMENT ON FUNCTION cohort_retention(text, interval, date, date, text, churn_policy, date) IS 'retention of cohorts by period, of the subscription rows that a query returns';
