-- Experiments: two shares compared, difference in differences, sample size.  See docs/experiments.md.
--since 0.4.0

CREATE TYPE uplift_result AS (
    treated_rate float8,
    control_rate float8,
    difference float8,
    relative_lift float8,
    z float8,
    p float8,
    lower float8,
    upper float8,
    treated bigint,
    treated_converted bigint,
    control bigint,
    control_converted bigint,
    n_skipped bigint,
    confidence float8
);
COMMENT ON TYPE uplift_result IS 'result of uplift() and uplift_test(): two shares, their difference, its test and its confidence interval';

CREATE FUNCTION uplift_test(treated_converted numeric, treated numeric, control_converted numeric, control numeric, confidence float8 DEFAULT 0.95) RETURNS uplift_result
    AS 'MODULE_PATHNAME', 'cm_uplift_test' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION uplift_test(numeric, numeric, numeric, numeric, float8) IS 'compares the share converted of two arms: z test, interval of Newcombe';

CREATE FUNCTION uplift_trans(state bigint[], treated boolean, converted boolean) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'cm_uplift_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION uplift_trans(bigint[], boolean, boolean) IS 'support of uplift';

CREATE FUNCTION uplift_trans(state bigint[], treated boolean, converted boolean, confidence float8) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'cm_uplift_confidence_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION uplift_trans(bigint[], boolean, boolean, float8) IS 'support of uplift';

CREATE FUNCTION uplift_combine(state bigint[], other bigint[]) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'cm_uplift_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION uplift_combine(bigint[], bigint[]) IS 'support of uplift';

CREATE FUNCTION uplift_final(state bigint[]) RETURNS uplift_result
    AS 'MODULE_PATHNAME', 'cm_uplift_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION uplift_final(bigint[]) IS 'support of uplift';

CREATE AGGREGATE uplift(treated boolean, converted boolean) (
    SFUNC = uplift_trans,
    STYPE = bigint[],
    SSPACE = 72,
    COMBINEFUNC = uplift_combine,
    FINALFUNC = uplift_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE uplift(boolean, boolean) IS 'compares the share converted of the treated and of the others: z test, interval of 95 percent';

CREATE AGGREGATE uplift(treated boolean, converted boolean, confidence float8) (
    SFUNC = uplift_trans,
    STYPE = bigint[],
    SSPACE = 72,
    COMBINEFUNC = uplift_combine,
    FINALFUNC = uplift_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE uplift(boolean, boolean, float8) IS 'compares the share converted of the treated and of the others: z test, interval of the confidence given';

CREATE TYPE did_result AS (
    effect float8,
    std_err float8,
    z float8,
    p float8,
    lower float8,
    upper float8,
    treated_pre float8,
    treated_post float8,
    control_pre float8,
    control_post float8,
    n_treated_pre bigint,
    n_treated_post bigint,
    n_control_pre bigint,
    n_control_post bigint,
    units bigint,
    units_dropped bigint,
    n_skipped bigint,
    confidence float8
);
COMMENT ON TYPE did_result IS 'result of did(): the difference in differences, its test and its confidence interval, means and counts of the four cells';

CREATE FUNCTION did_trans(state internal, treated boolean, post boolean, y float8) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_did_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION did_trans(internal, boolean, boolean, float8) IS 'support of did';

@partial_functions did@

CREATE FUNCTION did_final(state internal) RETURNS did_result
    AS 'MODULE_PATHNAME', 'cm_did_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION did_final(internal) IS 'support of did';

CREATE AGGREGATE did(treated boolean, post boolean, y float8) (
    SFUNC = did_trans,
    SSPACE = 256,
    FINALFUNC = did_final,
    @partial_state did@
);
COMMENT ON AGGREGATE did(boolean, boolean, float8) IS 'difference in differences of the means of y, of separate customers before and after';

CREATE FUNCTION did_unit_final(state internal) RETURNS did_result
    AS 'MODULE_PATHNAME', 'cm_did_unit_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION did_unit_final(internal) IS 'support of did';
--each customer
CREATE FUNCTION did_trans(state internal, treated boolean, post boolean, y float8, unit @customer@) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_did_trans_@customer@' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION did_trans(internal, boolean, boolean, float8, @customer@) IS 'support of did';

CREATE AGGREGATE did(treated boolean, post boolean, y float8, unit @customer@) (
    SFUNC = did_trans,
    STYPE = internal,
    SSPACE = 8192,
    FINALFUNC = did_unit_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE did(boolean, boolean, float8, @customer@) IS 'difference in differences of the same units before and after';
--end

CREATE FUNCTION did_at(result did_result, confidence float8) RETURNS did_result
    AS 'MODULE_PATHNAME', 'cm_did_at' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION did_at(did_result, float8) IS 'a result of did() with the interval of another confidence';

CREATE FUNCTION sample_size(p1 float8, p2 float8, power float8 DEFAULT 0.8, alpha float8 DEFAULT 0.05) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_sample_size' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sample_size(float8, float8, float8, float8) IS 'customers in each of two arms to tell two rates apart, two-sided; round it up';
