-- Kaplan-Meier and the log-rank test.  See docs/survival.md.
--since 0.4.0

CREATE TYPE survival_model AS (
    times float8[],
    entered bigint[],
    events bigint[],
    censored bigint[],
    n bigint,
    n_events bigint,
    n_skipped bigint);
COMMENT ON TYPE survival_model IS 'who came under observation, had the event and was censored at which time: what Kaplan-Meier needs, mergeable';
COMMENT ON COLUMN survival_model.times IS 'the times at which something happens, ascending';
COMMENT ON COLUMN survival_model.entered IS 'subjects who come under observation just after that time; empty where all were from the beginning';
COMMENT ON COLUMN survival_model.events IS 'subjects who have the event at that time';
COMMENT ON COLUMN survival_model.censored IS 'subjects who were last seen at that time, without the event';
COMMENT ON COLUMN survival_model.n IS 'subjects';
COMMENT ON COLUMN survival_model.n_events IS 'subjects who had the event';
COMMENT ON COLUMN survival_model.n_skipped IS 'rows left out for a NULL';

CREATE FUNCTION survival_fit_trans(state internal, duration float8, event boolean) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_survival_fit_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION survival_fit_trans(internal, float8, boolean) IS 'transition function of survival_fit()';

CREATE FUNCTION survival_fit_trans(state internal, duration float8, event boolean, entry float8) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_survival_fit_entry_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION survival_fit_trans(internal, float8, boolean, float8) IS 'transition function of survival_fit()';

CREATE FUNCTION survival_fit_trans(state internal, duration float8, event boolean, entry float8, weight bigint) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_survival_fit_entry_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION survival_fit_trans(internal, float8, boolean, float8, bigint) IS 'transition function of survival_fit()';

CREATE FUNCTION survival_fit_trans(state internal, duration interval, event boolean) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_survival_fit_interval_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION survival_fit_trans(internal, interval, boolean) IS 'transition function of survival_fit()';

CREATE FUNCTION survival_fit_trans(state internal, duration interval, event boolean, entry interval) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_survival_fit_interval_entry_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION survival_fit_trans(internal, interval, boolean, interval) IS 'transition function of survival_fit()';

CREATE FUNCTION survival_merge_trans(state internal, model survival_model) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_survival_merge_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION survival_merge_trans(internal, survival_model) IS 'transition function of merge()';

@partial_functions survival_fit@

CREATE FUNCTION survival_fit_final(state internal) RETURNS survival_model
    AS 'MODULE_PATHNAME', 'cm_survival_fit_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION survival_fit_final(internal) IS 'final function of survival_fit() and merge()';

CREATE AGGREGATE survival_fit(duration float8, event boolean) (
    SFUNC = survival_fit_trans,
    SSPACE = 65536,
    FINALFUNC = survival_fit_final,
    @partial_state survival_fit@
);
COMMENT ON AGGREGATE survival_fit(float8, boolean) IS 'the Kaplan-Meier model of durations, each ended by the event or censored';

CREATE AGGREGATE survival_fit(duration float8, event boolean, entry float8) (
    SFUNC = survival_fit_trans,
    SSPACE = 65536,
    FINALFUNC = survival_fit_final,
    @partial_state survival_fit@
);
COMMENT ON AGGREGATE survival_fit(float8, boolean, float8) IS 'the Kaplan-Meier model of durations that were under observation only after an entry';

CREATE AGGREGATE survival_fit(duration float8, event boolean, entry float8, weight bigint) (
    SFUNC = survival_fit_trans,
    SSPACE = 65536,
    FINALFUNC = survival_fit_final,
    @partial_state survival_fit@
);
COMMENT ON AGGREGATE survival_fit(float8, boolean, float8, bigint) IS 'the Kaplan-Meier model of rows that stand for several subjects each';

CREATE AGGREGATE survival_fit(duration interval, event boolean) (
    SFUNC = survival_fit_trans,
    SSPACE = 65536,
    FINALFUNC = survival_fit_final,
    @partial_state survival_fit@
);
COMMENT ON AGGREGATE survival_fit(interval, boolean) IS 'the Kaplan-Meier model, in days, of intervals, each ended by the event or censored';

CREATE AGGREGATE survival_fit(duration interval, event boolean, entry interval) (
    SFUNC = survival_fit_trans,
    SSPACE = 65536,
    FINALFUNC = survival_fit_final,
    @partial_state survival_fit@
);
COMMENT ON AGGREGATE survival_fit(interval, boolean, interval) IS 'the Kaplan-Meier model, in days, of intervals that were under observation only after an entry';

CREATE AGGREGATE merge(model survival_model) (
    SFUNC = survival_merge_trans,
    SSPACE = 65536,
    FINALFUNC = survival_fit_final,
    @partial_state survival_fit@
);
COMMENT ON AGGREGATE merge(survival_model) IS 'the union of Kaplan-Meier models of disjoint sets of subjects';

CREATE FUNCTION survival_table(model survival_model, confidence float8 DEFAULT 0.95, conf_type text DEFAULT 'log-log')
    RETURNS TABLE (
        at_time float8,
        n_risk bigint,
        n_event bigint,
        n_censor bigint,
        survival float8,
        std_err float8,
        lower float8,
        upper float8,
        cumulative_hazard float8)
    AS 'MODULE_PATHNAME', 'cm_survival_table' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 100;
COMMENT ON FUNCTION survival_table(survival_model, float8, text) IS 'the Kaplan-Meier curve: a row for each time with an event or a censoring';

CREATE FUNCTION survival_at(model survival_model, t float8) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_survival_at' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION survival_at(survival_model, float8) IS 'the share that survives t; NULL behind the last time, unless nobody is left there';

CREATE FUNCTION survival_at_ci(model survival_model, t float8, confidence float8 DEFAULT 0.95, conf_type text DEFAULT 'log-log',
    OUT survival float8, OUT std_err float8, OUT lower float8, OUT upper float8)
    AS 'MODULE_PATHNAME', 'cm_survival_at_ci' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION survival_at_ci(survival_model, float8, float8, text) IS 'the share that survives t, with its standard error and confidence limits';

CREATE FUNCTION survival_quantile(model survival_model, q float8) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_survival_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION survival_quantile(survival_model, float8) IS 'the time by which a share q has had the event, 0.5 for the median; NULL if not reached';

CREATE FUNCTION survival_quantile_ci(model survival_model, q float8, confidence float8 DEFAULT 0.95, conf_type text DEFAULT 'log-log',
    OUT quantile float8, OUT lower float8, OUT upper float8)
    AS 'MODULE_PATHNAME', 'cm_survival_quantile_ci' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION survival_quantile_ci(survival_model, float8, float8, text) IS 'the time by which a share q has had the event, with its confidence limits';

CREATE FUNCTION survival_rmst(model survival_model, tau float8) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_survival_rmst' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION survival_rmst(survival_model, float8) IS 'the mean time until the event within the first tau: the area under the curve';

CREATE FUNCTION survival_rmst_ci(model survival_model, tau float8, confidence float8 DEFAULT 0.95,
    OUT rmst float8, OUT std_err float8, OUT lower float8, OUT upper float8)
    AS 'MODULE_PATHNAME', 'cm_survival_rmst_ci' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION survival_rmst_ci(survival_model, float8, float8) IS 'the mean time until the event within the first tau, with its standard error and confidence limits';

CREATE TYPE logrank_result AS (
    chisq float8,
    df integer,
    p float8,
    groups text[],
    n bigint[],
    observed bigint[],
    expected float8[],
    n_skipped bigint);
COMMENT ON TYPE logrank_result IS 'the log-rank test of whether groups have the same curve';
COMMENT ON COLUMN logrank_result.chisq IS 'the statistic; NULL where nothing can be compared';
COMMENT ON COLUMN logrank_result.df IS 'its degrees of freedom';
COMMENT ON COLUMN logrank_result.p IS 'how often chance alone makes the statistic as large';
COMMENT ON COLUMN logrank_result.groups IS 'the groups, by the bytes of their names';
COMMENT ON COLUMN logrank_result.n IS 'subjects of each group';
COMMENT ON COLUMN logrank_result.observed IS 'events of each group';
COMMENT ON COLUMN logrank_result.expected IS 'events of each group if all had the same curve';
COMMENT ON COLUMN logrank_result.n_skipped IS 'rows left out for a NULL';

CREATE FUNCTION logrank_trans(state internal, duration float8, event boolean, grp text) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_logrank_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logrank_trans(internal, float8, boolean, text) IS 'transition function of logrank()';

CREATE FUNCTION logrank_trans(state internal, duration float8, event boolean, grp text, entry float8) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_logrank_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logrank_trans(internal, float8, boolean, text, float8) IS 'transition function of logrank()';

CREATE FUNCTION logrank_trans(state internal, duration interval, event boolean, grp text) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_logrank_interval_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logrank_trans(internal, interval, boolean, text) IS 'transition function of logrank()';

CREATE FUNCTION logrank_trans(state internal, model survival_model, grp text) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_logrank_model_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logrank_trans(internal, survival_model, text) IS 'transition function of logrank()';

@partial_functions logrank@

CREATE FUNCTION logrank_final(state internal) RETURNS logrank_result
    AS 'MODULE_PATHNAME', 'cm_logrank_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION logrank_final(internal) IS 'final function of logrank()';

CREATE AGGREGATE logrank(duration float8, event boolean, grp text) (
    SFUNC = logrank_trans,
    SSPACE = 131072,
    FINALFUNC = logrank_final,
    @partial_state logrank@
);
COMMENT ON AGGREGATE logrank(float8, boolean, text) IS 'the log-rank test of whether groups have the same curve';

CREATE AGGREGATE logrank(duration float8, event boolean, grp text, entry float8) (
    SFUNC = logrank_trans,
    SSPACE = 131072,
    FINALFUNC = logrank_final,
    @partial_state logrank@
);
COMMENT ON AGGREGATE logrank(float8, boolean, text, float8) IS 'the log-rank test of groups that were under observation only after an entry';

CREATE AGGREGATE logrank(duration interval, event boolean, grp text) (
    SFUNC = logrank_trans,
    SSPACE = 131072,
    FINALFUNC = logrank_final,
    @partial_state logrank@
);
COMMENT ON AGGREGATE logrank(interval, boolean, text) IS 'the log-rank test, of intervals, of whether groups have the same curve';

CREATE AGGREGATE logrank(model survival_model, grp text) (
    SFUNC = logrank_trans,
    SSPACE = 131072,
    FINALFUNC = logrank_final,
    @partial_state logrank@
);
COMMENT ON AGGREGATE logrank(survival_model, text) IS 'the log-rank test of models, such as stored ones; those of one name are one group';
