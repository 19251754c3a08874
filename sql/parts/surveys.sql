
-- surveys: NPS and CSAT, from totals and over answers

CREATE FUNCTION nps(promoters numeric, passives numeric, detractors numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_nps' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION nps(numeric, numeric, numeric)
    IS 'net promoter score: 100 x (promoters - detractors) / all';

CREATE FUNCTION csat_rate(satisfied numeric, responses numeric) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_csat_rate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION csat_rate(numeric, numeric)
    IS 'share of the responses that are satisfied';

CREATE FUNCTION nps_trans(state bigint[], score numeric) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'cm_nps_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION nps_trans(bigint[], numeric) IS 'support of nps';

CREATE FUNCTION nps_combine(state bigint[], other bigint[]) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'cm_nps_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION nps_combine(bigint[], bigint[]) IS 'support of nps';

CREATE FUNCTION nps_final(state bigint[]) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_nps_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION nps_final(bigint[]) IS 'support of nps';

CREATE AGGREGATE nps(score numeric) (
    SFUNC = nps_trans,
    STYPE = bigint[],
    SSPACE = 48,
    COMBINEFUNC = nps_combine,
    FINALFUNC = nps_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE nps(numeric)
    IS 'net promoter score of answers from 0 to 10';

CREATE FUNCTION csat_trans(state bigint[], score numeric) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'cm_csat_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION csat_trans(bigint[], numeric) IS 'support of csat';

CREATE FUNCTION csat_trans(state bigint[], score numeric, scale integer) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'cm_csat_scale_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION csat_trans(bigint[], numeric, integer) IS 'support of csat';

CREATE FUNCTION csat_combine(state bigint[], other bigint[]) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'cm_csat_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION csat_combine(bigint[], bigint[]) IS 'support of csat';

CREATE FUNCTION csat_final(state bigint[]) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_csat_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION csat_final(bigint[]) IS 'support of csat';

CREATE AGGREGATE csat(score numeric) (
    SFUNC = csat_trans,
    STYPE = bigint[],
    SSPACE = 48,
    COMBINEFUNC = csat_combine,
    FINALFUNC = csat_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE csat(numeric)
    IS 'share of the answers from 1 to 5 that are 4 or 5';

CREATE AGGREGATE csat(score numeric, scale integer) (
    SFUNC = csat_trans,
    STYPE = bigint[],
    SSPACE = 48,
    COMBINEFUNC = csat_combine,
    FINALFUNC = csat_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE csat(numeric, integer)
    IS 'share of the answers from 1 to scale that are in the top two boxes';
