-- The Gamma-Gamma model: what a customer's purchases are worth.  See docs/gamma_gamma.md.
--since 0.4.0

CREATE TYPE gg_model AS (
    p float8,
    q float8,
    v float8,
    se float8[],
    boundary text,
    loglik float8,
    n bigint,
    n_skipped bigint,
    n_iter bigint,
    correlation float8);
COMMENT ON TYPE gg_model IS 'a Gamma-Gamma model of the value of purchases, as gg_fit makes it';

CREATE FUNCTION gg_fit_trans(state internal, x bigint, mean_value float8) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_gg_fit_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION gg_fit_trans(internal, bigint, float8) IS 'support of gg_fit';

CREATE FUNCTION gg_fit_trans(state internal, summary rfm_summary) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_gg_fit_trans_summary' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION gg_fit_trans(internal, rfm_summary) IS 'support of gg_fit';

@partial_functions gg_fit@

CREATE FUNCTION gg_fit_final(state internal) RETURNS gg_model
    AS 'MODULE_PATHNAME', 'cm_gg_fit_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION gg_fit_final(internal) IS 'support of gg_fit';

CREATE AGGREGATE gg_fit(x bigint, mean_value float8) (
    SFUNC = gg_fit_trans,
    SSPACE = 4096,
    FINALFUNC = gg_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    @partial_state gg_fit@
);
COMMENT ON AGGREGATE gg_fit(bigint, float8) IS 'the Gamma-Gamma model of what customers spend, one row each';

CREATE AGGREGATE gg_fit(summary rfm_summary) (
    SFUNC = gg_fit_trans,
    SSPACE = 4096,
    FINALFUNC = gg_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    @partial_state gg_fit@
);
COMMENT ON AGGREGATE gg_fit(rfm_summary) IS 'the Gamma-Gamma model of what customers spend, one summary each';

CREATE FUNCTION gg_expected(model gg_model, x bigint, mean_value float8) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_gg_expected' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gg_expected(gg_model, bigint, float8) IS 'the mean value to expect of a customer''s purchases';

CREATE FUNCTION gg_expected(model gg_model, summary rfm_summary) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_gg_expected_summary' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gg_expected(gg_model, rfm_summary) IS 'the mean value to expect of a customer''s purchases';
