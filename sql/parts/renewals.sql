-- Renewals of terms and conversions of trials.  See docs/renewals.md.
--since 0.2.0

--each renewal_rate
CREATE FUNCTION @rate@_final(state subscription_ledger) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_@rate@_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @rate@_final(subscription_ledger) IS 'final function of @rate@()';

--end
--each customer time policy
CREATE FUNCTION renewal_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@, period @range@@policy@) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_renewal_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION renewal_trans(subscription_ledger, @customer@, @time@, @time@, @range@@policytype@) IS 'transition function of renewal_rate()@bypolicy@';

CREATE FUNCTION renewal_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@@policy@) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_mrr_renewal_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION renewal_trans(subscription_ledger, @customer@, @time@, @time@, numeric, @range@@policytype@) IS 'transition function of mrr_renewal_rate()@bypolicy@';

CREATE FUNCTION trial_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@, on_trial boolean, period @range@@policy@) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_trial_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION trial_trans(subscription_ledger, @customer@, @time@, @time@, boolean, @range@@policytype@) IS 'transition function of trial_conversion()@bypolicy@';

CREATE FUNCTION trial_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@, mrr numeric, on_trial boolean, period @range@@policy@) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_mrr_trial_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION trial_trans(subscription_ledger, @customer@, @time@, @time@, numeric, boolean, @range@@policytype@) IS 'transition function of mrr_trial_conversion()@bypolicy@';

CREATE AGGREGATE renewal_rate(customer @customer@, started_at @time@, ended_at @time@, period @range@@policy@) (
    SFUNC = renewal_trans,
    FINALFUNC = renewal_rate_final,
    @ledger_state@);
COMMENT ON AGGREGATE renewal_rate(@customer@, @time@, @time@, @range@@policytype@) IS 'terms that ended in the period and went on / terms that ended@bypolicy@';

CREATE AGGREGATE mrr_renewal_rate(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, period @range@@policy@) (
    SFUNC = renewal_trans,
    FINALFUNC = mrr_renewal_rate_final,
    @ledger_state@);
COMMENT ON AGGREGATE mrr_renewal_rate(@customer@, @time@, @time@, numeric, @range@@policytype@) IS 'MRR of the terms that ended in the period and went on / of all that ended@bypolicy@';

CREATE AGGREGATE trial_conversion(customer @customer@, started_at @time@, ended_at @time@, on_trial boolean, period @range@@policy@) (
    SFUNC = trial_trans,
    FINALFUNC = trial_conversion_final,
    @ledger_state@);
COMMENT ON AGGREGATE trial_conversion(@customer@, @time@, @time@, boolean, @range@@policytype@) IS 'trials that ended in the period and became paid / trials that ended@bypolicy@';

CREATE AGGREGATE mrr_trial_conversion(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, on_trial boolean, period @range@@policy@) (
    SFUNC = trial_trans,
    FINALFUNC = mrr_trial_conversion_final,
    @ledger_state@);
COMMENT ON AGGREGATE mrr_trial_conversion(@customer@, @time@, @time@, numeric, boolean, @range@@policytype@) IS 'MRR of the trials that ended in the period and became paid / of all that ended@bypolicy@';

--end
--each customer time
CREATE FUNCTION renewal_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@, mrr numeric) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_renewal_terms_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION renewal_trans(subscription_ledger, @customer@, @time@, @time@, numeric) IS 'transition function of renewal_terms()';

CREATE FUNCTION trial_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@, mrr numeric, on_trial boolean) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_trial_terms_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION trial_trans(subscription_ledger, @customer@, @time@, @time@, numeric, boolean) IS 'transition function of trial_terms()';

CREATE AGGREGATE renewal_terms(customer @customer@, started_at @time@, ended_at @time@, mrr numeric) (
    SFUNC = renewal_trans,
    FINALFUNC = subscription_ledger_final,
    @ledger_state@);
COMMENT ON AGGREGATE renewal_terms(@customer@, @time@, @time@, numeric) IS 'internal: what renewals_by_period() counts; no ledger for the reports';

CREATE AGGREGATE trial_terms(customer @customer@, started_at @time@, ended_at @time@, mrr numeric, on_trial boolean) (
    SFUNC = trial_trans,
    FINALFUNC = subscription_ledger_final,
    @ledger_state@);
COMMENT ON AGGREGATE trial_terms(@customer@, @time@, @time@, numeric, boolean) IS 'internal: what trials_by_period() counts; no ledger for the reports';

--end
--each term_source
CREATE FUNCTION renewals_by_period(
    @term_source@,
    @series@)
    RETURNS TABLE (
        period_start date,
        period_end date,
        due bigint,
        renewed bigint,
        renewal_rate numeric,
        due_mrr numeric,
        renewed_mrr numeric,
        mrr_renewal_rate numeric,
        complete boolean)
    AS 'MODULE_PATHNAME', 'cm_renewals_by_period@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@ ROWS 60;
COMMENT ON FUNCTION renewals_by_period(@type@, @series_types@) IS 'terms that ended and terms that went on, by period, @of@';

CREATE FUNCTION trials_by_period(
    @term_source@,
    @series@)
    RETURNS TABLE (
        period_start date,
        period_end date,
        ended_trials bigint,
        converted_trials bigint,
        trial_conversion numeric,
        ended_mrr numeric,
        converted_mrr numeric,
        mrr_trial_conversion numeric,
        complete boolean)
    AS 'MODULE_PATHNAME', 'cm_trials_by_period@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@ ROWS 60;
COMMENT ON FUNCTION trials_by_period(@type@, @series_types@) IS 'trials that ended and trials that became paid, by period, @of_trials@';
--end
--since 0.3.0

-- With a report over their values these two are for everybody.
--each customer time
COMMENT ON AGGREGATE renewal_terms(@customer@, @time@, @time@, numeric) IS 'what renewals_by_period() counts; no ledger for the other reports';
COMMENT ON AGGREGATE trial_terms(@customer@, @time@, @time@, numeric, boolean) IS 'what trials_by_period() counts; no ledger for the other reports';
--end
