-- Logistic regression.  See docs/logit.md.
--since 0.4.0

CREATE TYPE logit_model AS (
    names text[],
    coef float8[],
    se float8[],
    means float8[],
    sds float8[],
    loglik float8,
    null_loglik float8,
    auc float8,
    n bigint,
    n_events bigint,
    n_skipped bigint,
    n_iter bigint,
    condition float8,
    ridge float8,
    firth boolean
);
COMMENT ON TYPE logit_model IS 'a logistic regression, as logit_fit makes it';

CREATE FUNCTION logit_fit_final(state internal) RETURNS logit_model
    AS 'MODULE_PATHNAME', 'cm_logit_fit_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logit_fit_final(internal) IS 'support of logit_fit';

CREATE FUNCTION logit_fit_trans(state internal, y boolean, x float8[]) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_logit_fit_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logit_fit_trans(internal, boolean, float8[]) IS 'support of logit_fit';

CREATE AGGREGATE logit_fit(y boolean, x float8[]) (
    SFUNC = logit_fit_trans,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = logit_fit_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE logit_fit(boolean, float8[]) IS 'logistic regression of y on the features x';

CREATE FUNCTION logit_fit_trans(state internal, y boolean, x float8[], ridge float8) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_logit_fit_ridge_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logit_fit_trans(internal, boolean, float8[], float8) IS 'support of logit_fit';

CREATE AGGREGATE logit_fit(y boolean, x float8[], ridge float8) (
    SFUNC = logit_fit_trans,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = logit_fit_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE logit_fit(boolean, float8[], float8) IS 'logistic regression with a penalty of ridge / 2 on each squared coefficient';

CREATE FUNCTION logit_fit_trans(state internal, y boolean, x float8[], names text[]) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_logit_fit_names_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logit_fit_trans(internal, boolean, float8[], text[]) IS 'support of logit_fit';

CREATE AGGREGATE logit_fit(y boolean, x float8[], names text[]) (
    SFUNC = logit_fit_trans,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = logit_fit_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE logit_fit(boolean, float8[], text[]) IS 'logistic regression of y on the features x, with their names';

CREATE FUNCTION logit_fit_trans(state internal, y boolean, x float8[], ridge float8, names text[]) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_logit_fit_ridge_names_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logit_fit_trans(internal, boolean, float8[], float8, text[]) IS 'support of logit_fit';

CREATE AGGREGATE logit_fit(y boolean, x float8[], ridge float8, names text[]) (
    SFUNC = logit_fit_trans,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = logit_fit_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE logit_fit(boolean, float8[], float8, text[]) IS 'logistic regression with a penalty of ridge / 2 on each squared coefficient, with names of the features';

CREATE FUNCTION logit_fit_firth_trans(state internal, y boolean, x float8[]) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_logit_fit_firth_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logit_fit_firth_trans(internal, boolean, float8[]) IS 'support of logit_fit_firth';

CREATE AGGREGATE logit_fit_firth(y boolean, x float8[]) (
    SFUNC = logit_fit_firth_trans,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = logit_fit_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE logit_fit_firth(boolean, float8[]) IS 'logistic regression with Firth''s reduction of bias';

CREATE FUNCTION logit_fit_firth_trans(state internal, y boolean, x float8[], names text[]) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_logit_fit_firth_names_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logit_fit_firth_trans(internal, boolean, float8[], text[]) IS 'support of logit_fit_firth';

CREATE AGGREGATE logit_fit_firth(y boolean, x float8[], names text[]) (
    SFUNC = logit_fit_firth_trans,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = logit_fit_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE logit_fit_firth(boolean, float8[], text[]) IS 'logistic regression with Firth''s reduction of bias, with names of the features';

CREATE FUNCTION logit_predict(model logit_model, x float8[]) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_logit_predict' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION logit_predict(logit_model, float8[]) IS 'probability that y is true, by a logistic regression';

CREATE FUNCTION logit_summary(model logit_model, names text[] DEFAULT NULL, confidence float8 DEFAULT 0.95)
    RETURNS TABLE (
        term text,
        coef float8,
        se float8,
        z float8,
        p float8,
        odds_ratio float8,
        lower float8,
        upper float8)
    AS 'MODULE_PATHNAME', 'cm_logit_summary' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION logit_summary(logit_model, text[], float8) IS 'coefficients of a logistic regression, and odds ratios with their intervals';

CREATE FUNCTION logit_contributions(model logit_model, x float8[], names text[] DEFAULT NULL)
    RETURNS TABLE (
        term text,
        value float8,
        contribution float8)
    AS 'MODULE_PATHNAME', 'cm_logit_contributions' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION logit_contributions(logit_model, float8[], text[]) IS 'what each feature adds to the log-odds of one row, the largest first';
