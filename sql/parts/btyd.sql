-- Buy-till-you-die models: who is still alive, what they will buy and what they are worth.  See docs/btyd.md.
--since 0.4.0

CREATE TYPE btyd_model AS (
    model text,
    unit interval,
    params float8[],
    se float8[],
    boundary text,
    loglik float8,
    n bigint,
    n_repeaters bigint,
    n_skipped bigint,
    n_iter bigint);
COMMENT ON TYPE btyd_model IS 'a buy-till-you-die model, as btyd_fit makes it';

-- From summaries to a model.
CREATE FUNCTION btyd_fit_trans(state internal, x bigint, t_x float8, t float8, unit interval) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_btyd_fit_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION btyd_fit_trans(internal, bigint, float8, float8, interval) IS 'support of btyd_fit';

CREATE FUNCTION btyd_fit_trans(state internal, x bigint, t_x float8, t float8, unit interval, model text) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_btyd_fit_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION btyd_fit_trans(internal, bigint, float8, float8, interval, text) IS 'support of btyd_fit';

CREATE FUNCTION btyd_fit_trans(state internal, summary rfm_summary) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_btyd_fit_trans_summary' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION btyd_fit_trans(internal, rfm_summary) IS 'support of btyd_fit';

CREATE FUNCTION btyd_fit_trans(state internal, summary rfm_summary, model text) RETURNS internal
    AS 'MODULE_PATHNAME', 'cm_btyd_fit_trans_summary' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION btyd_fit_trans(internal, rfm_summary, text) IS 'support of btyd_fit';

@partial_functions btyd_fit@

CREATE FUNCTION btyd_fit_final(state internal) RETURNS btyd_model
    AS 'MODULE_PATHNAME', 'cm_btyd_fit_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION btyd_fit_final(internal) IS 'support of btyd_fit';

CREATE AGGREGATE btyd_fit(x bigint, t_x float8, t float8, unit interval) (
    SFUNC = btyd_fit_trans,
    SSPACE = 4096,
    FINALFUNC = btyd_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    @partial_state btyd_fit@
);
COMMENT ON AGGREGATE btyd_fit(bigint, float8, float8, interval) IS 'the MBG/NBD model of customers, one row each';

CREATE AGGREGATE btyd_fit(x bigint, t_x float8, t float8, unit interval, model text) (
    SFUNC = btyd_fit_trans,
    SSPACE = 4096,
    FINALFUNC = btyd_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    @partial_state btyd_fit@
);
COMMENT ON AGGREGATE btyd_fit(bigint, float8, float8, interval, text) IS 'the named buy-till-you-die model of customers, one row each';

CREATE AGGREGATE btyd_fit(summary rfm_summary) (
    SFUNC = btyd_fit_trans,
    SSPACE = 4096,
    FINALFUNC = btyd_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    @partial_state btyd_fit@
);
COMMENT ON AGGREGATE btyd_fit(rfm_summary) IS 'the MBG/NBD model of customers, one summary each';

CREATE AGGREGATE btyd_fit(summary rfm_summary, model text) (
    SFUNC = btyd_fit_trans,
    SSPACE = 4096,
    FINALFUNC = btyd_fit_final,
    FINALFUNC_MODIFY = READ_ONLY,
    @partial_state btyd_fit@
);
COMMENT ON AGGREGATE btyd_fit(rfm_summary, text) IS 'the named buy-till-you-die model of customers, one summary each';

-- From a model to a customer.
CREATE FUNCTION btyd_summary(model btyd_model) RETURNS TABLE (parameter text, estimate float8, se float8)
    AS 'MODULE_PATHNAME', 'cm_btyd_summary' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 4;
COMMENT ON FUNCTION btyd_summary(btyd_model) IS 'the parameters of a model and their standard errors';

CREATE FUNCTION btyd_p_alive(model btyd_model, x bigint, t_x float8, t float8) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_btyd_p_alive' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION btyd_p_alive(btyd_model, bigint, float8, float8) IS 'the probability that a customer is still alive';

CREATE FUNCTION btyd_p_alive(model btyd_model, summary rfm_summary) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_btyd_p_alive_summary' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION btyd_p_alive(btyd_model, rfm_summary) IS 'the probability that a customer is still alive';

CREATE FUNCTION btyd_expected(model btyd_model, horizon float8, x bigint, t_x float8, t float8) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_btyd_expected' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION btyd_expected(btyd_model, float8, bigint, float8, float8) IS 'the purchases to expect of a customer within so many units of the model';

CREATE FUNCTION btyd_expected(model btyd_model, horizon interval, summary rfm_summary) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_btyd_expected_summary' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION btyd_expected(btyd_model, interval, rfm_summary) IS 'the purchases to expect of a customer within an interval';

CREATE FUNCTION btyd_expected_new(model btyd_model, horizon float8) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_btyd_expected_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION btyd_expected_new(btyd_model, float8) IS 'the repeat purchases to expect of a new customer within so many units of the model';

CREATE FUNCTION btyd_expected_new(model btyd_model, horizon interval) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_btyd_expected_new_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION btyd_expected_new(btyd_model, interval) IS 'the repeat purchases to expect of a new customer within an interval';

CREATE FUNCTION btyd_residual(model btyd_model, discount_rate float8, x bigint, t_x float8, t float8) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_btyd_residual' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION btyd_residual(btyd_model, float8, bigint, float8, float8) IS 'all purchases to come, discounted at a continuous rate per unit of the model';

-- What a customer is worth.
CREATE FUNCTION btyd_clv(
    model btyd_model,
    spend gg_model,
    x bigint,
    t_x float8,
    t float8,
    mean_value float8,
    horizon interval,
    annual_discount float8)
    RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_btyd_clv' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200;
COMMENT ON FUNCTION btyd_clv(btyd_model, gg_model, bigint, float8, float8, float8, interval, float8) IS 'the discounted value of a customer''s purchases within a horizon';

CREATE FUNCTION btyd_clv(model btyd_model, spend gg_model, summary rfm_summary, horizon interval, annual_discount float8) RETURNS float8
    AS 'MODULE_PATHNAME', 'cm_btyd_clv_summary' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION btyd_clv(btyd_model, gg_model, rfm_summary, interval, float8) IS 'the discounted value of a customer''s purchases within a horizon';
