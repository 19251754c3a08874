-- Lifetimes of customers.  See docs/lifetime.md.
--since 0.4.0

CREATE TYPE lifetime_result AS (
    customers bigint,
    churned bigint,
    censored bigint,
    median_days float8,
    median_lower float8,
    median_upper float8,
    expected_days float8,
    expected_lower float8,
    expected_upper float8,
    horizon_days float8,
    survival_at_horizon float8,
    whole boolean,
    as_of date);
COMMENT ON TYPE lifetime_result IS 'how long customers stay, by the method of Kaplan and Meier; made by customer_lifetime_km';

--each source
CREATE FUNCTION customer_lifetime_km(
    @source@ @type@,
    as_of date DEFAULT NULL,
    observed_from date DEFAULT NULL,
    confidence float8 DEFAULT 0.95,
    time_zone text DEFAULT NULL,
    policy churn_policy DEFAULT NULL)
    RETURNS lifetime_result
    AS 'MODULE_PATHNAME', 'cm_customer_lifetime_km@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@;
COMMENT ON FUNCTION customer_lifetime_km(@type@, date, date, float8, text, churn_policy) IS 'median and expected lifetime of customers, those who still run included, @of@';

CREATE FUNCTION lifetime_model(
    @source@ @type@,
    as_of date DEFAULT NULL,
    observed_from date DEFAULT NULL,
    time_zone text DEFAULT NULL,
    policy churn_policy DEFAULT NULL)
    RETURNS survival_model
    AS 'MODULE_PATHNAME', 'cm_lifetime_model@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@;
COMMENT ON FUNCTION lifetime_model(@type@, date, date, text, churn_policy) IS 'the survival curve of customers in days, @of@';

CREATE FUNCTION customer_lifetimes(
    @source@ @type@,
    as_of date DEFAULT NULL,
    observed_from date DEFAULT NULL,
    time_zone text DEFAULT NULL,
    policy churn_policy DEFAULT NULL)
    RETURNS TABLE (
        days float8,
        churned boolean,
        entry_days float8,
        customers bigint)
    AS 'MODULE_PATHNAME', 'cm_customer_lifetimes@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@ ROWS 1000;
COMMENT ON FUNCTION customer_lifetimes(@type@, date, date, text, churn_policy) IS 'the lifetimes behind customer_lifetime_km, and of how many customers each is, @of@';
--end
