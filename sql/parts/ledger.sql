-- The type subscription_ledger, its aggregates and its summary.  See docs/ledger.md.

CREATE TYPE subscription_ledger;

CREATE FUNCTION subscription_ledger_in(cstring) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_subscription_ledger_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subscription_ledger_in(cstring) IS 'input function of subscription_ledger';

CREATE FUNCTION subscription_ledger_out(subscription_ledger) RETURNS cstring
    AS 'MODULE_PATHNAME', 'cm_subscription_ledger_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subscription_ledger_out(subscription_ledger) IS 'output function of subscription_ledger';

CREATE FUNCTION subscription_ledger_recv(internal) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_subscription_ledger_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subscription_ledger_recv(internal) IS 'binary input function of subscription_ledger';

CREATE FUNCTION subscription_ledger_send(subscription_ledger) RETURNS bytea
    AS 'MODULE_PATHNAME', 'cm_subscription_ledger_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subscription_ledger_send(subscription_ledger) IS 'binary output function of subscription_ledger';

CREATE TYPE subscription_ledger (
    INPUT = subscription_ledger_in,
    OUTPUT = subscription_ledger_out,
    RECEIVE = subscription_ledger_recv,
    SEND = subscription_ledger_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = double,
    STORAGE = external
);
COMMENT ON TYPE subscription_ledger IS 'who ran what at which MRR and when: everything the retention reports need, mergeable';

CREATE FUNCTION subscription_ledger_combine(state subscription_ledger, other subscription_ledger) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_subscription_ledger_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION subscription_ledger_combine(subscription_ledger, subscription_ledger) IS 'combine function of the aggregates over subscription rows';

CREATE FUNCTION subscription_ledger_final(state subscription_ledger) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_subscription_ledger_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION subscription_ledger_final(subscription_ledger) IS 'final function of subscription_ledger() and merge()';

CREATE FUNCTION merge_trans(state subscription_ledger, ledger subscription_ledger) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_merge_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION merge_trans(subscription_ledger, subscription_ledger) IS 'transition function of merge()';

CREATE AGGREGATE merge(ledger subscription_ledger) (
    SFUNC = merge_trans,
    STYPE = subscription_ledger,
    SSPACE = 256,
    FINALFUNC = subscription_ledger_final,
    COMBINEFUNC = subscription_ledger_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE merge(subscription_ledger) IS 'the union of ledgers of disjoint sets of subscription rows';

--each customer time
CREATE FUNCTION subscription_ledger_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_subscription_ledger_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION subscription_ledger_trans(subscription_ledger, @customer@, @time@, @time@) IS 'transition function of subscription_ledger()';

CREATE FUNCTION subscription_ledger_trans(state subscription_ledger, customer @customer@, started_at @time@, ended_at @time@, mrr numeric) RETURNS subscription_ledger
    AS 'MODULE_PATHNAME', 'cm_subscription_ledger_trans_@customer@_@time@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION subscription_ledger_trans(subscription_ledger, @customer@, @time@, @time@, numeric) IS 'transition function of subscription_ledger()';

CREATE AGGREGATE subscription_ledger(customer @customer@, started_at @time@, ended_at @time@) (
    SFUNC = subscription_ledger_trans,
    FINALFUNC = subscription_ledger_final,
    @ledger_state@);
COMMENT ON AGGREGATE subscription_ledger(@customer@, @time@, @time@) IS 'the ledger of subscription rows without MRR';

CREATE AGGREGATE subscription_ledger(customer @customer@, started_at @time@, ended_at @time@, mrr numeric) (
    SFUNC = subscription_ledger_trans,
    FINALFUNC = subscription_ledger_final,
    @ledger_state@);
COMMENT ON AGGREGATE subscription_ledger(@customer@, @time@, @time@, numeric) IS 'the ledger of subscription rows with MRR';

--end
CREATE FUNCTION ledger_summary(
    ledger subscription_ledger,
    OUT customers bigint,
    OUT changes bigint,
    OUT first_start date,
    OUT last_change date,
    OUT running_customers bigint,
    OUT free_customers bigint,
    OUT negative_customers bigint,
    OUT one_day_gaps bigint,
    OUT bytes bigint)
    AS 'MODULE_PATHNAME', 'cm_ledger_summary' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ledger_summary(subscription_ledger) IS 'what a ledger holds, to check how its source was read';
