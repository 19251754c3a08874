-- churn_policy: how to count where vendors differ.  See docs/policy.md.

CREATE TYPE churn_policy AS (
    boundary text,
    basis text,
    denominator text,
    count_transient boolean,
    grace interval,
    reactivation_window interval,
    minimum_absence interval,
    count_free boolean,
    reactivation_offsets boolean,
    lookback integer,
    smoothing integer
);
COMMENT ON TYPE churn_policy IS 'how to count where vendors differ; made by churn_policy()';
COMMENT ON COLUMN churn_policy.boundary IS 'before: an event at a boundary belongs to the period that begins there; at: to the one that ends';
COMMENT ON COLUMN churn_policy.basis IS 'snapshot: opening against closing; events: every change counts';
COMMENT ON COLUMN churn_policy.denominator IS 'of customer churn: opening, opening_plus_new or average';
COMMENT ON COLUMN churn_policy.count_transient IS 'customers who come and go inside a period count as churned';
COMMENT ON COLUMN churn_policy.grace IS 'a gap no longer than this is no churn';
COMMENT ON COLUMN churn_policy.reactivation_window IS 'back after longer than this is new again; NULL: never';
COMMENT ON COLUMN churn_policy.minimum_absence IS 'away for less than this is neither churn nor reactivation';
COMMENT ON COLUMN churn_policy.count_free IS 'customers at no MRR are active too';
COMMENT ON COLUMN churn_policy.reactivation_offsets IS 'net MRR churn subtracts reactivation';
COMMENT ON COLUMN churn_policy.lookback IS 'opening lies this many periods before closing';
COMMENT ON COLUMN churn_policy.smoothing IS 'rates are over the sums of this many periods';

CREATE FUNCTION churn_policy(
    preset text DEFAULT 'standard',
    boundary text DEFAULT NULL,
    basis text DEFAULT NULL,
    denominator text DEFAULT NULL,
    count_transient boolean DEFAULT NULL,
    grace interval DEFAULT NULL,
    reactivation_window interval DEFAULT NULL,
    minimum_absence interval DEFAULT NULL,
    count_free boolean DEFAULT NULL,
    reactivation_offsets boolean DEFAULT NULL,
    lookback integer DEFAULT NULL,
    smoothing integer DEFAULT NULL)
    RETURNS churn_policy
    AS 'MODULE_PATHNAME', 'cm_churn_policy' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION churn_policy(text, text, text, text, boolean, interval, interval, interval, boolean, boolean, integer, integer) IS 'a counting policy: a preset, and the axes that differ from it';

--since 0.2.0
CREATE FUNCTION churn_policies()
    RETURNS TABLE (
        preset text,
        boundary text,
        basis text,
        denominator text,
        count_transient boolean,
        grace interval,
        reactivation_window interval,
        minimum_absence interval,
        count_free boolean,
        reactivation_offsets boolean,
        lookback integer,
        smoothing integer)
    AS 'MODULE_PATHNAME', 'cm_churn_policies' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 8;
COMMENT ON FUNCTION churn_policies() IS 'the presets of churn_policy(), and what each of them sets';
