
-- formulas: the metrics from totals

CREATE FUNCTION churn_rate(lost numeric, at_start numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_churn_rate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION churn_rate(numeric, numeric)
    IS 'share of the customers at the start that were lost';

CREATE FUNCTION retention_rate(at_start numeric, at_end numeric, new_customers numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_retention_rate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION retention_rate(numeric, numeric, numeric)
    IS 'customers at the end without the new ones / customers at the start';

CREATE FUNCTION renewal_rate(renewed numeric, due numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_renewal_rate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION renewal_rate(numeric, numeric)
    IS 'share of the subscriptions due for renewal that renewed';

CREATE FUNCTION referral_rate(referrers numeric, customers numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_referral_rate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION referral_rate(numeric, numeric)
    IS 'share of the customers that referred somebody';

CREATE FUNCTION mrr_churn(opening numeric, churned numeric, contraction numeric DEFAULT 0) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_mrr_churn' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mrr_churn(numeric, numeric, numeric)
    IS 'gross MRR churn: (churned + contraction) / opening';

CREATE FUNCTION net_mrr_churn(opening numeric, churned numeric, contraction numeric, expansion numeric,
                              reactivation numeric DEFAULT 0) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_net_mrr_churn' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION net_mrr_churn(numeric, numeric, numeric, numeric, numeric)
    IS 'net MRR churn: (churned + contraction - expansion - reactivation) / opening';

CREATE FUNCTION grr(opening numeric, churned numeric, contraction numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_grr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION grr(numeric, numeric, numeric)
    IS 'gross revenue retention: 1 - gross MRR churn';

CREATE FUNCTION nrr(opening numeric, churned numeric, contraction numeric, expansion numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_nrr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION nrr(numeric, numeric, numeric, numeric)
    IS 'net revenue retention: 1 - net MRR churn';

CREATE FUNCTION quick_ratio(new numeric, expansion numeric, contraction numeric, churned numeric,
                            reactivation numeric DEFAULT 0) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_quick_ratio' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION quick_ratio(numeric, numeric, numeric, numeric, numeric)
    IS 'MRR gained per MRR lost: (new + expansion + reactivation) / (contraction + churned)';

CREATE FUNCTION monthly_amount(amount numeric, billing_interval interval) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_monthly_amount' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION monthly_amount(numeric, interval)
    IS 'price per billing interval as MRR';

CREATE FUNCTION arr(mrr numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_arr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION arr(numeric)
    IS 'annual recurring revenue: 12 x MRR';

CREATE FUNCTION arpa(mrr numeric, customers numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_arpa' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION arpa(numeric, numeric)
    IS 'average revenue per account: MRR / customers';

CREATE FUNCTION customer_lifetime(churn_rate numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_customer_lifetime' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION customer_lifetime(numeric)
    IS 'mean lifetime of a customer in periods: 1 / churn_rate';

CREATE FUNCTION convert_rate(rate numeric, from_interval interval, to_interval interval) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_convert_rate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION convert_rate(numeric, interval, interval)
    IS 'churn rate of one interval as that of another: 1 - (1 - rate)^(to / from)';

CREATE FUNCTION clv(mrr numeric, marginal_cost numeric, lifetime numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_clv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clv(numeric, numeric, numeric)
    IS 'customer lifetime value: (mrr - marginal_cost) x lifetime';

CREATE FUNCTION clv_from_churn(arpa numeric, churn_rate numeric, gross_margin numeric DEFAULT 1,
                               discount_rate numeric DEFAULT 0) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_clv_from_churn' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clv_from_churn(numeric, numeric, numeric, numeric)
    IS 'customer lifetime value at a constant churn rate, discounted';

CREATE FUNCTION clv_sensitivity(arpa numeric, churn_rate numeric, gross_margin numeric, retention_changes numeric[])
    RETURNS TABLE (retention_change numeric, churn_rate numeric, clv numeric, clv_change numeric)
    AS 'MODULE_PATHNAME', 'cm_clv_sensitivity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION clv_sensitivity(numeric, numeric, numeric, numeric[])
    IS 'customer lifetime value at changed retention rates';

CREATE FUNCTION ltv_cac_ratio(clv numeric, cac numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_ltv_cac_ratio' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ltv_cac_ratio(numeric, numeric)
    IS 'customer lifetime value / cost of acquiring a customer';

CREATE FUNCTION cac_payback_months(cac numeric, arpa numeric, gross_margin numeric DEFAULT 1) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_cac_payback_months' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cac_payback_months(numeric, numeric, numeric)
    IS 'months until a customer has paid back the cost of acquisition: cac / (arpa x gross_margin)';
