-- The purchases of a customer in four numbers.  See docs/rfm.md.
--since 0.4.0

CREATE TYPE rfm_summary AS (
    x bigint,
    t_x float8,
    t float8,
    mean_value numeric,
    unit interval);
COMMENT ON TYPE rfm_summary IS 'the purchases of one customer in four numbers, and the unit of their times';

CREATE FUNCTION rfm_trans(state internal, day date, amount numeric, as_of date, unit interval) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_rfm_trans_date' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rfm_trans(internal, date, numeric, date, interval) IS 'support of rfm';

CREATE FUNCTION rfm_trans(state internal, ts timestamptz, amount numeric, as_of timestamptz, unit interval) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_rfm_trans_timestamptz' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rfm_trans(internal, timestamptz, numeric, timestamptz, interval) IS 'support of rfm';

@partial_functions rfm@

CREATE FUNCTION rfm_final(state internal) RETURNS rfm_summary
    AS 'MODULE_PATHNAME', 'cm_rfm_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rfm_final(internal) IS 'support of rfm';

CREATE AGGREGATE rfm(day date, amount numeric, as_of date, unit interval) (
    SFUNC = rfm_trans,
    SSPACE = 256,
    FINALFUNC = rfm_final,
    FINALFUNC_MODIFY = READ_ONLY,
    @partial_state rfm@
);
COMMENT ON AGGREGATE rfm(date, numeric, date, interval) IS 'the summary of one customer''s purchases, those of a day taken as one';

CREATE AGGREGATE rfm(ts timestamptz, amount numeric, as_of timestamptz, unit interval) (
    SFUNC = rfm_trans,
    SSPACE = 256,
    FINALFUNC = rfm_final,
    FINALFUNC_MODIFY = READ_ONLY,
    @partial_state rfm@
);
COMMENT ON AGGREGATE rfm(timestamptz, numeric, timestamptz, interval) IS 'the summary of one customer''s purchases, those of the same moment taken as one';
