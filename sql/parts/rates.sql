-- Churn, retention, GRR, NRR and CLV of one period, as aggregates.  See docs/rates.md.

--each period_rate
CREATE FUNCTION @rate@_final(state subscription_ledger) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_@rate@_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @rate@_final(subscription_ledger) IS 'final function of @rate@()';

--end
--each customer time policy
CREATE FUNCTION period_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@, period @range@@policy@) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_@trans@_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION period_trans(subscription_ledger, @customer@, @time@, @time@, @range@@policytype@) IS 'transition function of the rates of one period@bypolicy@';

CREATE FUNCTION period_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@@policy@) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_@trans@_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION period_trans(subscription_ledger, @customer@, @time@, @time@, numeric, @range@@policytype@) IS 'transition function of the rates of one period@bypolicy@';

CREATE FUNCTION period_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@, gross_margin numeric@policy@) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_@trans@_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION period_trans(subscription_ledger, @customer@, @time@, @time@, numeric, @range@, numeric@policytype@) IS 'transition function of the rates of one period@bypolicy@';
--end
--each customer time policy
CREATE AGGREGATE churn_rate(customer @customer@, started_at @time@, ended_at @time@, period @range@@policy@) (
    SFUNC = period_trans,
    FINALFUNC = churn_rate_final,
    @ledger_state@);
COMMENT ON AGGREGATE churn_rate(@customer@, @time@, @time@, @range@@policytype@) IS 'customers lost in the period / customers at its opening@bypolicy@';
--end
--each customer time policy
CREATE AGGREGATE churn_rate(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@@policy@) (
    SFUNC = period_trans,
    FINALFUNC = churn_rate_final,
    @ledger_state@);
COMMENT ON AGGREGATE churn_rate(@customer@, @time@, @time@, numeric, @range@@policytype@) IS 'paying customers lost in the period / paying customers at its opening@bypolicy@';
--end
--each customer time policy
CREATE AGGREGATE retention_rate(customer @customer@, started_at @time@, ended_at @time@, period @range@@policy@) (
    SFUNC = period_trans,
    FINALFUNC = retention_rate_final,
    @ledger_state@);
COMMENT ON AGGREGATE retention_rate(@customer@, @time@, @time@, @range@@policytype@) IS '1 - churn_rate@bypolicy@';
--end
--each customer time policy
CREATE AGGREGATE retention_rate(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@@policy@) (
    SFUNC = period_trans,
    FINALFUNC = retention_rate_final,
    @ledger_state@);
COMMENT ON AGGREGATE retention_rate(@customer@, @time@, @time@, numeric, @range@@policytype@) IS '1 - churn_rate of paying customers@bypolicy@';
--end
--each customer time policy
CREATE AGGREGATE mrr_churn(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@@policy@) (
    SFUNC = period_trans,
    FINALFUNC = mrr_churn_final,
    @ledger_state@);
COMMENT ON AGGREGATE mrr_churn(@customer@, @time@, @time@, numeric, @range@@policytype@) IS 'gross MRR churn: what the opening customers pay less at closing / opening MRR@bypolicy@';
--end
--each customer time policy
CREATE AGGREGATE net_mrr_churn(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@@policy@) (
    SFUNC = period_trans,
    FINALFUNC = net_mrr_churn_final,
    @ledger_state@);
COMMENT ON AGGREGATE net_mrr_churn(@customer@, @time@, @time@, numeric, @range@@policytype@) IS '(opening MRR - closing MRR of the opening customers) / opening MRR@bypolicy@';
--end
--each customer time policy
CREATE AGGREGATE grr(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@@policy@) (
    SFUNC = period_trans,
    FINALFUNC = grr_final,
    @ledger_state@);
COMMENT ON AGGREGATE grr(@customer@, @time@, @time@, numeric, @range@@policytype@) IS 'gross revenue retention: 1 - mrr_churn@bypolicy@';
--end
--each customer time policy
CREATE AGGREGATE nrr(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@@policy@) (
    SFUNC = period_trans,
    FINALFUNC = nrr_final,
    @ledger_state@);
COMMENT ON AGGREGATE nrr(@customer@, @time@, @time@, numeric, @range@@policytype@) IS 'net revenue retention: closing MRR of the opening customers / opening MRR@bypolicy@';
--end
--each customer time policy
CREATE AGGREGATE clv(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@@policy@) (
    SFUNC = period_trans,
    FINALFUNC = clv_final,
    @ledger_state@);
COMMENT ON AGGREGATE clv(@customer@, @time@, @time@, numeric, @range@@policytype@) IS 'customer lifetime value: opening ARPA x months / churn_rate@bypolicy@';
--end
--each customer time policy
CREATE AGGREGATE clv(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@, gross_margin numeric@policy@) (
    SFUNC = period_trans,
    FINALFUNC = clv_final,
    @ledger_state@);
COMMENT ON AGGREGATE clv(@customer@, @time@, @time@, numeric, @range@, numeric@policytype@) IS 'customer lifetime value: opening ARPA x months / churn_rate x gross margin@bypolicy@';
--end

-- What stands in quotes behind the period, such as '0.8', is the margin and no policy: text is what PostgreSQL prefers then.
--since 0.2.0
--each customer time
CREATE FUNCTION period_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@, gross_margin text) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_quoted_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION period_trans(subscription_ledger, @customer@, @time@, @time@, numeric, @range@, text) IS 'transition function of the rates of one period, for a margin in quotes';

CREATE AGGREGATE clv(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@, gross_margin text) (
    SFUNC = period_trans,
    FINALFUNC = clv_final,
    @ledger_state@);
COMMENT ON AGGREGATE clv(@customer@, @time@, @time@, numeric, @range@, text) IS 'customer lifetime value: opening ARPA x months / churn_rate x gross margin, the margin in quotes';
--end
