-- What stands out in a series.  See docs/anomalies.md.
--since 0.4.0

CREATE TYPE pchart_point AS (
    rate float8,
    center float8,
    sigma float8,
    lower float8,
    upper float8,
    z float8,
    signal boolean);
COMMENT ON TYPE pchart_point IS 'a rate on a control chart, made by pchart';

CREATE FUNCTION pchart(k numeric, n numeric, method text DEFAULT 'p', width float8 DEFAULT 3, baseline boolean DEFAULT true)
    RETURNS pchart_point AS 'MODULE_PATHNAME', 'cm_pchart' LANGUAGE C IMMUTABLE WINDOW PARALLEL SAFE;
COMMENT ON FUNCTION pchart(numeric, numeric, text, float8, boolean)
    IS 'control chart of the rates k / n of a window: centre, limits, and whether a rate is outside';

CREATE FUNCTION ewma(x float8, lambda float8, start float8 DEFAULT NULL)
    RETURNS float8 AS 'MODULE_PATHNAME', 'cm_ewma' LANGUAGE C IMMUTABLE WINDOW PARALLEL SAFE;
COMMENT ON FUNCTION ewma(float8, float8, float8)
    IS 'exponentially weighted moving average of x; lambda is the weight of the newest value';

CREATE TYPE ewma_point AS (
    value float8,
    ewma float8,
    center float8,
    sigma float8,
    lower float8,
    upper float8,
    z float8,
    signal boolean);
COMMENT ON TYPE ewma_point IS 'a moving average on a control chart, made by ewma_chart';

CREATE FUNCTION ewma_chart(x float8, lambda float8, target float8 DEFAULT NULL, sigma float8 DEFAULT NULL,
        width float8 DEFAULT 3, exact boolean DEFAULT false, baseline boolean DEFAULT true)
    RETURNS ewma_point AS 'MODULE_PATHNAME', 'cm_ewma_chart' LANGUAGE C IMMUTABLE WINDOW PARALLEL SAFE;
COMMENT ON FUNCTION ewma_chart(float8, float8, float8, float8, float8, boolean, boolean)
    IS 'control chart of the exponentially weighted moving average of x: centre, limits, and whether it is outside';

CREATE FUNCTION modified_z(x float8, baseline boolean DEFAULT true)
    RETURNS float8 AS 'MODULE_PATHNAME', 'cm_modified_z' LANGUAGE C IMMUTABLE WINDOW PARALLEL SAFE;
COMMENT ON FUNCTION modified_z(float8, boolean)
    IS 'distance of x from the median of the window frame, in robust standard deviations';

CREATE FUNCTION is_anomaly(x float8, threshold float8 DEFAULT 3.5, baseline boolean DEFAULT true)
    RETURNS boolean AS 'MODULE_PATHNAME', 'cm_is_anomaly' LANGUAGE C IMMUTABLE WINDOW PARALLEL SAFE;
COMMENT ON FUNCTION is_anomaly(float8, float8, boolean)
    IS 'whether the modified z of x is beyond a threshold';

CREATE FUNCTION gesd(x float8[], max_outliers integer, alpha float8 DEFAULT 0.05)
    RETURNS TABLE (
        step integer,
        index integer,
        value float8,
        r float8,
        lambda float8,
        outlier boolean)
    AS 'MODULE_PATHNAME', 'cm_gesd' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION gesd(float8[], integer, float8)
    IS 'generalized extreme studentized deviate test for up to so many outliers';
