-- The shifted beta-geometric model of contractual renewals.  See docs/sbg.md.
--since 0.4.0

CREATE TYPE sbg_model AS (
    alpha double precision,
    beta double precision,
    mean_churn double precision,
    loglik double precision,
    se_alpha double precision,
    se_beta double precision,
    n bigint,
    n_churned bigint,
    n_iter bigint,
    boundary boolean,
    form text,
    se_mean_churn double precision,
    covariance double precision[],
    loglik_geometric double precision,
    n_exposed bigint,
    renewals bigint,
    n_skipped bigint);
COMMENT ON TYPE sbg_model IS 'a shifted beta-geometric model, made by sbg_fit';

CREATE FUNCTION sbg_trans(state internal, age bigint, churned boolean) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_sbg_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION sbg_trans(internal, bigint, boolean) IS 'support of sbg_fit';

CREATE FUNCTION sbg_trans(state internal, age bigint, churned boolean, n bigint) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_sbg_trans_n' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION sbg_trans(internal, bigint, boolean, bigint) IS 'support of sbg_fit';

@partial_functions sbg@

CREATE FUNCTION sbg_final(state internal) RETURNS sbg_model
    AS 'MODULE_PATHNAME', 'cm_sbg_final' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION sbg_final(internal) IS 'support of sbg_fit';

CREATE AGGREGATE sbg_fit(age bigint, churned boolean) (
    SFUNC = sbg_trans,
    SSPACE = 2048,
    FINALFUNC = sbg_final,
    @partial_state sbg@
);
COMMENT ON AGGREGATE sbg_fit(bigint, boolean)
    IS 'shifted beta-geometric model of customers: lost at renewal "age", or alive after so many';

CREATE AGGREGATE sbg_fit(age bigint, churned boolean, n bigint) (
    SFUNC = sbg_trans,
    SSPACE = 2048,
    FINALFUNC = sbg_final,
    @partial_state sbg@
);
COMMENT ON AGGREGATE sbg_fit(bigint, boolean, bigint)
    IS 'shifted beta-geometric model of n customers a row: lost at renewal "age", or alive after so many';

CREATE FUNCTION sbg_survival(model sbg_model, t bigint) RETURNS double precision
    AS 'MODULE_PATHNAME', 'cm_sbg_survival' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION sbg_survival(sbg_model, bigint) IS 'share of the customers that is left after t renewals';

CREATE FUNCTION sbg_retention(model sbg_model, t bigint) RETURNS double precision
    AS 'MODULE_PATHNAME', 'cm_sbg_retention' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION sbg_retention(sbg_model, bigint) IS 'share of those before renewal t who renew';

CREATE FUNCTION sbg_project(
    model sbg_model,
    horizon integer,
    confidence double precision DEFAULT 0.95)
    RETURNS TABLE (
        period integer,
        retention double precision,
        survival double precision,
        lower double precision,
        upper double precision)
    AS 'MODULE_PATHNAME', 'cm_sbg_project' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 25;
COMMENT ON FUNCTION sbg_project(sbg_model, integer, double precision)
    IS 'retention and survival by period, from 0 to horizon, with bounds of survival';

CREATE FUNCTION sbg_clv(
    model sbg_model,
    margin double precision,
    discount_per_period double precision,
    payments_made bigint DEFAULT 0,
    horizon bigint DEFAULT NULL) RETURNS double precision
    AS 'MODULE_PATHNAME', 'cm_sbg_clv' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION sbg_clv(sbg_model, double precision, double precision, bigint, bigint)
    IS 'present value of a customer''s payments of a margin, at acquisition or after payments_made payments';

CREATE FUNCTION sbg_lifetime(model sbg_model, horizon bigint DEFAULT NULL) RETURNS double precision
    AS 'MODULE_PATHNAME', 'cm_sbg_lifetime' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION sbg_lifetime(sbg_model, bigint)
    IS 'expected lifetime of a customer at acquisition, in periods';
