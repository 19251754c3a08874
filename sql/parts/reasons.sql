-- Churn by reason.  See docs/reasons.md.
--since 0.2.0

CREATE FUNCTION churn_by_reason(
    query text,
    @series@)
    RETURNS TABLE (
        period_start date,
        period_end date,
        reason text,
        churned_customers bigint,
        churned_mrr numeric,
        share_of_customers numeric,
        share_of_mrr numeric,
        complete boolean)
    AS 'MODULE_PATHNAME', 'cm_churn_by_reason' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 180;
COMMENT ON FUNCTION churn_by_reason(text, @series_types@) IS 'churned customers and MRR by period and reason: voluntary, involuntary, unknown';
