-- How good a score is: AUC, Brier's score, lift.  See docs/scores.md.
--since 0.4.0

CREATE TYPE lift_bucket AS (
    bucket integer,
    n bigint,
    events float8,
    score_max float8,
    score_min float8,
    mean_score float8,
    rate float8,
    lift float8,
    cumulative_n bigint,
    cumulative_events float8,
    cumulative_share float8,
    cumulative_lift float8
);
COMMENT ON TYPE lift_bucket IS 'a row of lift_table';

@partial_functions scores@

CREATE FUNCTION auc_trans(state internal, score float8, label boolean) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_auc_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION auc_trans(internal, float8, boolean) IS 'support of auc';

CREATE FUNCTION auc_final(state internal) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_auc_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION auc_final(internal) IS 'support of auc';

CREATE AGGREGATE auc(score float8, label boolean) (
    SFUNC = auc_trans,
    SSPACE = 4096,
    FINALFUNC = auc_final,
    @partial_state scores@
);
COMMENT ON AGGREGATE auc(float8, boolean) IS 'how often a row with a true label has a higher score than one with a false label';

CREATE FUNCTION lift_table_trans(state internal, score float8, label boolean) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_lift_table_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lift_table_trans(internal, float8, boolean) IS 'support of lift_table';

CREATE FUNCTION lift_table_trans(state internal, score float8, label boolean, buckets integer) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_lift_table_buckets_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lift_table_trans(internal, float8, boolean, integer) IS 'support of lift_table';

CREATE FUNCTION lift_table_final(state internal) RETURNS lift_bucket[]
    AS 'MODULE_PATHNAME', 'cm_lift_table_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lift_table_final(internal) IS 'support of lift_table';

CREATE AGGREGATE lift_table(score float8, label boolean) (
    SFUNC = lift_table_trans,
    SSPACE = 4096,
    FINALFUNC = lift_table_final,
    @partial_state scores@
);
COMMENT ON AGGREGATE lift_table(float8, boolean) IS 'how many true labels each tenth of the rows has, the highest scores first';

CREATE AGGREGATE lift_table(score float8, label boolean, buckets integer) (
    SFUNC = lift_table_trans,
    SSPACE = 4096,
    FINALFUNC = lift_table_final,
    @partial_state scores@
);
COMMENT ON AGGREGATE lift_table(float8, boolean, integer) IS 'how many true labels each of so many parts of the rows has, the highest scores first';

CREATE FUNCTION brier_trans(state internal, score float8, label boolean) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_brier_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION brier_trans(internal, float8, boolean) IS 'support of brier';

@partial_functions brier@

CREATE FUNCTION brier_final(state internal) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_brier_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION brier_final(internal) IS 'support of brier';

CREATE AGGREGATE brier(score float8, label boolean) (
    SFUNC = brier_trans,
    SSPACE = 24,
    FINALFUNC = brier_final,
    @partial_state brier@
);
COMMENT ON AGGREGATE brier(float8, boolean) IS 'mean squared distance of probabilities from what happened';
