-- The customers behind a cell of a report.  See docs/evidence.md.
--since 0.2.0

CREATE FUNCTION customer_movements(
    query text,
    since date,
    until date,
    time_zone text DEFAULT NULL,
    policy churn_policy DEFAULT NULL,
    every interval DEFAULT NULL,
    origin date DEFAULT NULL,
    include_unchanged boolean DEFAULT false)
    RETURNS TABLE (
        customer text,
        movement text,
        opening_mrr numeric,
        closing_mrr numeric,
        change numeric,
        first_start date)
    AS 'MODULE_PATHNAME', 'cm_customer_movements' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION customer_movements(text, date, date, text, churn_policy, interval, date, boolean) IS 'the customers who moved in one period: the evidence behind a cell of a report';
