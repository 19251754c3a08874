-- Confidence intervals of shares, of churn and retention, and of NPS.  See docs/intervals.md.
--since 0.4.0

CREATE FUNCTION rate_ci(k numeric, n numeric, confidence float8 DEFAULT 0.95, method text DEFAULT 'wilson', OUT rate numeric, OUT lower numeric, OUT upper numeric)
    AS 'MODULE_PATHNAME', 'cm_rate_ci' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rate_ci(numeric, numeric, float8, text) IS 'the share k of n with its confidence interval: wilson, clopper_pearson or jeffreys';

--each source
CREATE FUNCTION churn_intervals(
    @source@ @type@,
    confidence float8 DEFAULT 0.95,
    method text DEFAULT 'wilson',
    @series@)
    RETURNS TABLE (
        period_start date,
        period_end date,
        opening_customers bigint,
        churned_customers bigint,
        churn_rate numeric,
        churn_lower numeric,
        churn_upper numeric,
        retention_rate numeric,
        retention_lower numeric,
        retention_upper numeric,
        complete boolean)
    AS 'MODULE_PATHNAME', 'cm_churn_intervals@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@ ROWS 60;
COMMENT ON FUNCTION churn_intervals(@type@, float8, text, @series_types@) IS 'churn and retention by period with their confidence intervals, @of@';
--end

CREATE FUNCTION nps_ci(promoters numeric, passives numeric, detractors numeric, confidence float8 DEFAULT 0.95, method text DEFAULT 'adjusted_wald',
    OUT nps numeric, OUT margin_of_error numeric, OUT lower numeric, OUT upper numeric)
    AS 'MODULE_PATHNAME', 'cm_nps_ci' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION nps_ci(numeric, numeric, numeric, float8, text) IS 'net promoter score with its confidence interval: adjusted_wald or wald';

CREATE TYPE nps_result AS (
    nps numeric,
    promoters bigint,
    passives bigint,
    detractors bigint,
    responses bigint,
    margin_of_error numeric,
    lower numeric,
    upper numeric,
    confidence float8
);
COMMENT ON TYPE nps_result IS 'result of nps_summary(): net promoter score, the answers behind it, its confidence interval';

CREATE FUNCTION nps_summary_trans(state bigint[], score numeric) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'cm_nps_summary_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION nps_summary_trans(bigint[], numeric) IS 'support of nps_summary';

CREATE FUNCTION nps_summary_trans(state bigint[], score numeric, confidence float8) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'cm_nps_summary_confidence_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION nps_summary_trans(bigint[], numeric, float8) IS 'support of nps_summary';

CREATE FUNCTION nps_summary_combine(state bigint[], other bigint[]) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'cm_nps_summary_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION nps_summary_combine(bigint[], bigint[]) IS 'support of nps_summary';

CREATE FUNCTION nps_summary_final(state bigint[]) RETURNS nps_result
    AS 'MODULE_PATHNAME', 'cm_nps_summary_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION nps_summary_final(bigint[]) IS 'support of nps_summary';

CREATE AGGREGATE nps_summary(score numeric) (
    SFUNC = nps_summary_trans,
    STYPE = bigint[],
    SSPACE = 56,
    COMBINEFUNC = nps_summary_combine,
    FINALFUNC = nps_summary_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE nps_summary(numeric) IS 'net promoter score of answers from 0 to 10 with its groups and its interval of 95 percent';

CREATE AGGREGATE nps_summary(score numeric, confidence float8) (
    SFUNC = nps_summary_trans,
    STYPE = bigint[],
    SSPACE = 56,
    COMBINEFUNC = nps_summary_combine,
    FINALFUNC = nps_summary_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE nps_summary(numeric, float8) IS 'net promoter score of answers from 0 to 10 with its groups and its interval of the confidence given';
