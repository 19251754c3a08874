
-- health: the weighted health score

CREATE FUNCTION health_score_trans(state numeric[], score numeric, weight numeric) RETURNS numeric[]
    AS 'MODULE_PATHNAME', 'cm_health_score_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION health_score_trans(numeric[], numeric, numeric) IS 'support of health_score';

CREATE FUNCTION health_score_combine(state numeric[], other numeric[]) RETURNS numeric[]
    AS 'MODULE_PATHNAME', 'cm_health_score_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION health_score_combine(numeric[], numeric[]) IS 'support of health_score';

CREATE FUNCTION health_score_final(state numeric[]) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_health_score_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION health_score_final(numeric[]) IS 'support of health_score';

CREATE AGGREGATE health_score(score numeric, weight numeric) (
    SFUNC = health_score_trans,
    STYPE = numeric[],
    SSPACE = 64,
    COMBINEFUNC = health_score_combine,
    FINALFUNC = health_score_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE health_score(numeric, numeric)
    IS 'weighted mean of the scores that are not NULL';
