-- What stands out in a series: pchart, ewma, ewma_chart, modified_z, is_anomaly, gesd.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_anomalies;
SET search_path = test_anomalies, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- Pseudo-random rows in four partitions of different lengths: rates of different denominators, values with ties and NULLs.
CREATE TABLE series AS
SELECT g AS t, g % 37 % 4 AS p, (g * 7919::bigint % 23) AS k, (40 + g * 104729::bigint % 60) AS n,
       CASE WHEN g % 11 <> 0 THEN (g * 7919::bigint % 1000 / 50)::float8 / 8 END AS x, g % 3 > 0 AS base
FROM generate_series(1, 600) g;
-- To ten significant digits.
CREATE FUNCTION digits(x float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT to_char(x, '9.999999999EEEE') $$;
CREATE FUNCTION near(a float8, b float8) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= 1e-12 * greatest(abs(a), abs(b), 1), false) $$;

-- pchart

-- By hand: 10 of 100 and 30 of 100: centre 0.2, sigma sqrt(0.2 x 0.8 / 100) = 0.04, limits 0.08 and 0.32, z -2.5 and 2.5. At a width of 2 both are outside.
SELECT t, (pchart(k, 100) OVER (ORDER BY t)).* FROM (VALUES (1, 10), (2, 30)) v (t, k);
SELECT t, (pchart(k, 100, 'p', 2) OVER (ORDER BY t)).signal FROM (VALUES (1, 10), (2, 30)) v (t, k);
-- Laney: one moving range, of 5: sigma_z = 5 / 1.128 = 4.43262..., sigma 0.17730...
SELECT t, round((c).sigma::numeric, 10) AS sigma, (c).lower, round((c).upper::numeric, 10) AS upper, round((c).z::numeric, 10) AS z, (c).signal
FROM (SELECT t, pchart(k, 100, 'laney') OVER (ORDER BY t) AS c FROM (VALUES (1, 10), (2, 30)) v (t, k)) q;
-- NIST/SEMATECH, section 6.3.3.2: thirty samples of 50; two are outside of 0.0524 to 0.4102.
CREATE TABLE nist AS SELECT t, k FROM unnest(ARRAY[12,15,8,10,4,7,16,9,14,10,5,6,17,12,22,8,10,5,13,11,20,18,24,15,9,12,7,13,9,6]) WITH ORDINALITY AS u(k, t);
SELECT round((c).center::numeric, 10) AS center, round((c).lower::numeric, 11) AS lower, round((c).upper::numeric, 10) AS upper, array_agg(t ORDER BY t) FILTER (WHERE (c).signal) AS outside
FROM (SELECT t, pchart(k, 50) OVER (ORDER BY t) AS c FROM nist) q GROUP BY 1, 2, 3;
-- Learnt from a baseline, a bad last row does not widen its own limits. All five: centre 0.124, sigma 0.03296, upper limit 0.2229; the first four: 0.1, 0.03 and 0.19.
SELECT round((a).upper::numeric, 4) AS upper, (a).signal, round((b).upper::numeric, 4) AS upper_4, (b).signal AS signal_4
FROM (SELECT t, pchart(k, 100) OVER w AS a, pchart(k, 100, baseline => t < 5) OVER w AS b FROM unnest(ARRAY[9, 11, 10, 10, 22]) WITH ORDINALITY AS u(k, t) WINDOW w AS (ORDER BY t)) q WHERE t = 5;

-- The oracle: partitions, denominators that differ, baseline, both methods, a width.
CREATE FUNCTION pchart_differs(laney boolean, width float8, only_base boolean) RETURNS TABLE (differ bigint, all_rows bigint) LANGUAGE sql AS $$
    WITH learnt AS (
        SELECT p, sum(k)::float8 / sum(n) AS c FROM series WHERE base OR NOT only_base GROUP BY p
    ), ranges AS (
        SELECT p, avg(abs(z - before)) / 1.128 AS s
        FROM (SELECT p, z, lag(z) OVER (PARTITION BY p ORDER BY t) AS before
              FROM (SELECT p, t, (k::float8 / n - c) / sqrt(c * (1 - c) / n) AS z FROM series JOIN learnt USING (p) WHERE base OR NOT only_base) z) r GROUP BY p
    ), wanted AS (
        SELECT t, k::float8 / n AS rate, c, sqrt(c * (1 - c) / n) * CASE WHEN laney THEN s ELSE 1 END AS sigma FROM series JOIN learnt USING (p) JOIN ranges USING (p)
    ), got AS (
        SELECT t, pchart(k, n, CASE WHEN laney THEN 'laney' ELSE 'p' END, width, base OR NOT only_base) OVER (PARTITION BY p ORDER BY t) AS c FROM series
    )
    SELECT count(*) FILTER (WHERE NOT (near((g.c).rate, w.rate) AND near((g.c).center, w.c) AND near((g.c).sigma, w.sigma) AND near((g.c).lower, greatest(w.c - width * w.sigma, 0))
               AND near((g.c).upper, least(w.c + width * w.sigma, 1)) AND near((g.c).z, (w.rate - w.c) / w.sigma) AND (g.c).signal = (abs(w.rate - w.c) > width * w.sigma))), count(*)
    FROM wanted w FULL JOIN got g USING (t) $$;
SELECT laney, width, only_base, d.* FROM (VALUES (false), (true)) l (laney), (VALUES (3), (0.7)) w (width), (VALUES (false), (true)) b (only_base), LATERAL pchart_differs(laney, width, only_base) d ORDER BY 1, 2, 3;

-- A row without a rate has no chart and does not count; one beside the baseline has one.
SELECT t, (pchart(k, n, 'laney', baseline => base) OVER (ORDER BY t) IS NULL) AS none, round((pchart(k, n, 'laney', baseline => base) OVER (ORDER BY t)).center::numeric, 6) AS center
FROM (VALUES (1, 10, 100, true), (2, 0, 0, true), (3, NULL, 100, true), (4, 10, NULL, true), (5, 20, 100, true), (6, 90, 100, NULL), (7, 90, 100, false)) v (t, k, n, base) ORDER BY t;
-- Nothing to learn from; one row to learn from, which has no moving range; nobody or everybody lost; one row.
SELECT t, (pchart(k, 10, baseline => false) OVER (ORDER BY t)).* FROM (VALUES (1, 1), (2, 3)) v (t, k);
SELECT t, (pchart(k, 10, 'laney', baseline => t = 1) OVER (ORDER BY t)).* FROM (VALUES (1, 1), (2, 3)) v (t, k);
SELECT t, (pchart(k, 10, m, baseline => t < 4) OVER (PARTITION BY m ORDER BY t)).* FROM (VALUES (1, 0), (2, 0), (3, 0), (4, 1)) v (t, k), unnest(ARRAY['p', 'laney']) m ORDER BY m DESC, t;
SELECT t, (pchart(k, 10, m, baseline => t < 4) OVER (PARTITION BY m ORDER BY t)).* FROM (VALUES (1, 10), (2, 10), (3, 10), (4, 9)) v (t, k), unnest(ARRAY['p', 'laney']) m ORDER BY m DESC, t;
SELECT (pchart(1, 4) OVER ()).*;
SELECT count(*) FROM (SELECT pchart(k, n) OVER (ORDER BY t) FROM series WHERE false) q;
-- Counts are numeric, as a sum() of bigint is.
SELECT count(*) AS weeks, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differ FROM (SELECT pchart(sum(k), sum(n)) OVER (ORDER BY t / 4) AS a, pchart(sum(k)::int, sum(n)::bigint) OVER (ORDER BY t / 4) AS b FROM (SELECT t, k::bigint AS k, n::bigint AS n FROM series) q GROUP BY t / 4) w;
-- Equal rates of different denominators have no range.
SELECT DISTINCT (pchart(n / 10, n, 'laney') OVER (ORDER BY n)).sigma, (pchart(n / 10, n, 'laney') OVER (ORDER BY n)).signal FROM unnest(ARRAY[10, 20, 30, 70, 110]) n;
-- Counts near the largest.
SELECT (pchart(9223372036854775807, 9223372036854775807) OVER ()).*;
SELECT t, round((c).rate::numeric, 6) AS rate, round((c).center::numeric, 6) AS center, (c).signal FROM (SELECT t, pchart(k, 9223372036854775807) OVER (ORDER BY t) AS c FROM (VALUES (1, 0), (2, 9223372036854775807), (3, 4611686018427387904)) v (t, k)) q;
-- The frame does not matter, nor do other functions of the window.
SELECT count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differ, count(DISTINCT r) AS rows
FROM (SELECT pchart(k, n) OVER (ORDER BY t) AS a, pchart(k, n) OVER (ORDER BY t ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING EXCLUDE TIES) AS b, row_number() OVER (ORDER BY t) AS r FROM series) q;

-- ewma

-- By hand, lambda 0.5: 8, then (4 + 8) / 2 = 6, (2 + 6) / 2 = 4, a NULL carries it on, (0 + 4) / 2 = 2. From 16 on: 12, 8, 5, 5, 2.5.
SELECT t, x, ewma(x, 0.5) OVER w, ewma(x, 0.5, 16) OVER w AS from_16, ewma(x, 1) OVER w AS itself FROM (VALUES (1, 8), (2, 4), (3, 2), (4, NULL), (5, 0)) v (t, x) WINDOW w AS (ORDER BY t);
-- Nothing before the first value, unless a start is given.
SELECT t, ewma(x, 0.5) OVER w, ewma(x, lambda => 0.5, start => 3) OVER w AS from_3 FROM (VALUES (1, NULL), (2, NULL), (3, 1.0)) v (t, x) WINDOW w AS (ORDER BY t);
-- NIST/SEMATECH, section 6.3.2.4: lambda 0.3 from the target of 50; limits with a standard deviation of 2.0539.
CREATE TABLE nist_ewma AS SELECT t, x FROM unnest(ARRAY[52.0,47.0,53.0,49.3,50.1,47.0,51.0,50.1,51.2,50.5,49.6,47.6,49.9,51.3,47.8,51.2,52.6,52.4,53.6,52.1]) WITH ORDINALITY AS u(x, t);
SELECT t, x, round(ewma(x, 0.3, 50) OVER w::numeric, 4) AS ewma, round((c).lower::numeric, 4) AS lower, round((c).upper::numeric, 4) AS upper, (c).signal
FROM (SELECT t, x, ewma(x, 0.3, 50) OVER (ORDER BY t), ewma_chart(x, 0.3, 50, 2.0539) OVER (ORDER BY t) AS c FROM nist_ewma) q WINDOW w AS (ORDER BY t) ORDER BY t;
-- The oracle, an aggregate in plain SQL.
CREATE FUNCTION average_step(state float8, x float8, lambda float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN x IS NULL THEN state WHEN state IS NULL THEN x ELSE lambda * x + (1 - lambda) * state END $$;
CREATE AGGREGATE average(float8, float8) (SFUNC = average_step, STYPE = float8);
SELECT lambda, count(*) FILTER (WHERE NOT near(got, wanted)) AS differ, count(*) AS rows
FROM (SELECT lambda, ewma(x, lambda) OVER w AS got, average(x, lambda) OVER (w ROWS UNBOUNDED PRECEDING) AS wanted
      FROM series, unnest(ARRAY[0.01, 0.2, 0.3, 1]) lambda WINDOW w AS (PARTITION BY lambda, p ORDER BY t)) q GROUP BY 1 ORDER BY 1;

-- ewma_chart

-- By hand, lambda 0.5, target 10, sigma sqrt(3): in the long run sqrt(3) x sqrt(0.5 / 1.5) = 1, limits 7 and 13: 12, 12, 14; exactly after 1, 2, 3 values sqrt(1 - 1/4), sqrt(1 - 1/16), sqrt(1 - 1/64).
SELECT t, (c).value, (c).ewma, (c).center, round((c).sigma::numeric, 10) AS sigma, round((c).lower::numeric, 10) AS lower, round((c).upper::numeric, 10) AS upper, round((c).z::numeric, 10) AS z, (c).signal, round((e).sigma::numeric, 10) AS exact, (e).signal AS e_signal
FROM (SELECT t, ewma_chart(x, 0.5, 10, sqrt(3)) OVER w AS c, ewma_chart(x, 0.5, 10, sqrt(3), exact => true) OVER w AS e FROM (VALUES (1, 14), (2, 12), (3, NULL), (4, 16)) v (t, x) WINDOW w AS (ORDER BY t)) q ORDER BY t;
-- Learnt: the mean of 10, 12, 11, 11 is 11, their moving ranges 2, 1, 0 have the mean 1: sigma 1 / 1.128. Known ones are kept.
SELECT t, (a).center, round((a).sigma::numeric, 10) AS sigma, (a).signal, (b).center AS b_center, round((b).sigma::numeric, 10) AS b_sigma, (c).center AS c_center, round((c).sigma::numeric, 10) AS c_sigma
FROM (SELECT t, ewma_chart(x, 1, baseline => t < 5) OVER w AS a, ewma_chart(x, 1, target => 10, baseline => t < 5) OVER w AS b, ewma_chart(x, 1, sigma => 2, baseline => t < 5) OVER w AS c
      FROM unnest(ARRAY[10, 12, 11, 11, 15]) WITH ORDINALITY AS u(x, t) WINDOW w AS (ORDER BY t)) q ORDER BY t;
-- The oracle: learnt from the baseline, the average from the centre on.
CREATE AGGREGATE average_from(float8, float8) (SFUNC = average_step, STYPE = float8, INITCOND = '1.2');
WITH learnt AS (
    SELECT p, avg(x) AS c, avg(abs(x - before)) / 1.128 AS s
    FROM (SELECT p, t, x, lag(x) OVER (PARTITION BY p ORDER BY t) AS before FROM series WHERE base AND x IS NOT NULL) r GROUP BY p
), got AS (
    SELECT p, t, x, ewma_chart(x, 0.2, baseline => base) OVER w AS a, ewma_chart(x, 0.2, 1.2, 0.5, 2, true) OVER w AS b, average_from(x, 0.2) OVER (w ROWS UNBOUNDED PRECEDING) AS e, count(x) OVER (w ROWS UNBOUNDED PRECEDING) AS i
    FROM series WINDOW w AS (PARTITION BY p ORDER BY t)
), limits AS (
    SELECT *, s * sqrt(0.2 / 1.8) AS sa, 0.5 * sqrt(0.2 / 1.8 * (1 - 0.8 ^ (2 * i))) AS sb FROM got JOIN learnt USING (p)
)
SELECT count(*) FILTER (WHERE NOT (near((a).center, c) AND near((a).sigma, sa) AND near((a).lower, c - 3 * sa) AND near((a).upper, c + 3 * sa) AND (a).value IS NOT DISTINCT FROM x
           AND near((a).z, CASE WHEN x IS NOT NULL THEN ((a).ewma - c) / sa END) AND (a).signal IS NOT DISTINCT FROM CASE WHEN x IS NOT NULL THEN abs((a).ewma - c) > 3 * sa END)) AS differ_learnt,
       count(*) FILTER (WHERE NOT (near((b).ewma, e) AND (b).center = 1.2 AND near((b).sigma, sb) AND near((b).lower, 1.2 - 2 * sb) AND near((b).upper, 1.2 + 2 * sb)
           AND (b).signal IS NOT DISTINCT FROM CASE WHEN x IS NOT NULL THEN abs(e - 1.2) > 2 * sb END)) AS differ_given, count(*) AS rows
FROM limits;
-- A constant series is on its centre, to the last digit; what then differs is outside, without a z.
SELECT DISTINCT (c).ewma = 0.1 AS same, (c).center = 0.1 AS mean, (c).sigma, (c).z, (c).signal FROM (SELECT ewma_chart(0.1, 0.3) OVER (ORDER BY g) AS c FROM generate_series(1, 7) g) q;
SELECT t, (ewma_chart(x, 0.5, baseline => t < 4) OVER (ORDER BY t)).* FROM (VALUES (1, 5), (2, 5), (3, 5), (4, 6)) v (t, x);
-- Nothing to learn from; one value; only NULLs; one row before the first value, exact.
SELECT t, (ewma_chart(x, 0.5, baseline => false) OVER (ORDER BY t)).* FROM (VALUES (1, 5), (2, 6)) v (t, x);
SELECT t, (ewma_chart(x, 0.5, baseline => t = 1) OVER (ORDER BY t)).* FROM (VALUES (1, 5), (2, 6)) v (t, x);
SELECT t, (ewma_chart(NULL, 0.5) OVER (ORDER BY t)).* FROM (VALUES (1), (2)) v (t);
SELECT (ewma_chart(NULL, 0.5, 10, 1, exact => true) OVER ()).*;

-- modified_z, is_anomaly

-- By hand: 1, 2, 3, 4, 100: median 3, deviations 2, 1, 0, 1, 97, MAD 1: 0.6745 times -2, -1, 0, 1, 97.
SELECT x, round(modified_z(x) OVER ()::numeric, 10) AS z, is_anomaly(x) OVER (), is_anomaly(x, 0.6) OVER () AS above_0_6 FROM unnest(ARRAY[1, 2, 3, 4, 100]) x;
-- More than half are equal: the mean deviation, here 12 / 5: (12 - 0) / (1.253314 x 2.4) = 3.98942...
SELECT x, round(modified_z(x) OVER ()::numeric, 8) AS z, is_anomaly(x) OVER () FROM unnest(ARRAY[0, 0, 0, 0, 12]) x;
-- Two of ten: median 2.45, MAD 0.15, so 0.6745 x 5.75 / 0.15 and 0.6745 x 5.85 / 0.15.
SELECT x, round(z::numeric, 9) AS z, a FROM (SELECT x, modified_z(x) OVER () AS z, is_anomaly(x) OVER () AS a FROM unnest(ARRAY[2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3]) x) q WHERE a;
-- All equal: 0. One value is all equal. A NULL has no score and is not in the median.
SELECT x, modified_z(x) OVER () AS z, is_anomaly(x) OVER () FROM unnest(ARRAY[7, 7, NULL, 7]) x;
SELECT modified_z(7) OVER (), is_anomaly(7) OVER (), modified_z(NULL) OVER () AS of_null, is_anomaly(NULL) OVER () AS is_null;
-- Against the rows before it: none, one, then more. What differs from values that are all equal is one, without a z.
SELECT t, x, round(modified_z(x) OVER w::numeric, 6) AS z, is_anomaly(x) OVER w FROM (VALUES (1, 5), (2, 5), (3, 6), (4, 5), (5, NULL), (6, 7), (7, 90)) v (t, x) WINDOW w AS (ORDER BY t ROWS BETWEEN 4 PRECEDING AND 1 PRECEDING) ORDER BY t;
-- Against a baseline: 1 to 9, median 5, MAD 2.
SELECT x, round(modified_z(x, x < 10) OVER ()::numeric, 6) AS z, is_anomaly(x, baseline => x < 10) OVER () AS a, is_anomaly(x, 1.7, x < 10) OVER () AS a_1_7 FROM generate_series(1, 15, 2) x UNION ALL SELECT NULL, modified_z(5, false) OVER ()::numeric, is_anomaly(5, 1, NULL) OVER (), NULL;

-- The oracle, by frame: what array_agg sees, taken apart by percentile_cont. Partitions, NULLs, ties, baseline.
CREATE FUNCTION score(x float8, sample float8[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN x = median THEN 0 WHEN mad > 0 THEN 0.6745 * (x - median) / mad WHEN mean > 0 THEN (x - median) / (1.253314 * mean) END
    FROM (SELECT median, percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(y - median)) AS mad, avg(abs(y - median)) AS mean
          FROM unnest(sample) y, (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY y) AS median FROM unnest(sample) y) m WHERE y IS NOT NULL GROUP BY 1) d $$;
CREATE FUNCTION score_differs(frame text) RETURNS TABLE (all_rows bigint, scored bigint, differ bigint, differ_baseline bigint, differ_anomaly bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        SELECT count(*), count(z), count(*) FILTER (WHERE NOT near(z, score(x, sample))), count(*) FILTER (WHERE NOT near(zb, score(x, sample_b))),
               count(*) FILTER (WHERE a IS DISTINCT FROM (abs(score(x, sample)) > 1.5) AND (a IS NOT TRUE OR score(x, sample) IS NOT NULL))
        FROM (SELECT x, modified_z(x) OVER w AS z, modified_z(x, base) OVER w AS zb, is_anomaly(x, 1.5) OVER w AS a, array_agg(x) OVER w AS sample,
                     array_agg(CASE WHEN base THEN x END) OVER w AS sample_b FROM series WINDOW w AS (PARTITION BY p %s)) q $q$, frame);
END $$;
SELECT frame, d.* FROM unnest(ARRAY['', 'ORDER BY t', 'ORDER BY t / 50', 'ORDER BY t ROWS BETWEEN 12 PRECEDING AND 1 PRECEDING', 'ORDER BY t ROWS BETWEEN 3 PRECEDING AND 3 FOLLOWING',
    'ORDER BY t ROWS BETWEEN 2 FOLLOWING AND 9 FOLLOWING', 'ORDER BY t ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING', 'ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING',
    'ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW', 'ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND 40 FOLLOWING', 'ORDER BY t RANGE BETWEEN 60 PRECEDING AND 1 PRECEDING',
    'ORDER BY t / 20 GROUPS BETWEEN 2 PRECEDING AND CURRENT ROW EXCLUDE GROUP', 'ORDER BY t / 20 GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES', 'ORDER BY t ROWS BETWEEN 20 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW'])
    WITH ORDINALITY AS f(frame, o), LATERAL score_differs(frame) d ORDER BY o;

-- Amounts as numeric, integer and bigint; large and small values.
SELECT bool_and(near(a, b) AND near(a, c)) AS same FROM (SELECT modified_z(x::numeric) OVER () AS a, modified_z(x) OVER () AS b, modified_z((x * 8)::int) OVER () AS c FROM series) q;
SELECT count(DISTINCT round(z::numeric, 9)) AS results FROM (SELECT x, s, modified_z(x * s) OVER (PARTITION BY s) AS z FROM unnest(ARRAY[1, 2, 4, 7, 11, 90]) x, unnest(ARRAY[1e-300, 1e-9, 1, 1e9, 1e300]) s) q WHERE x = 90;

-- gesd

-- Rosner's data, NIST/SEMATECH section 1.3.5.17.3: ten steps as printed there; the third is the last above its critical value, though the first is not: it was masked.
CREATE TABLE rosner AS SELECT ARRAY[-0.25,0.68,0.94,1.15,1.20,1.26,1.26,1.34,1.38,1.43,1.49,1.49,1.55,1.56,1.58,1.65,1.69,1.70,1.76,1.77,1.81,1.91,1.94,1.96,1.99,2.06,2.09,2.10,2.14,2.15,2.23,2.24,2.26,2.35,2.37,2.40,2.47,2.54,2.62,2.64,2.90,2.92,2.92,2.93,3.21,3.26,3.30,3.59,3.68,4.30,4.64,5.34,5.42,6.01]::float8[] AS x;
SELECT step, index, value, round(r::numeric, 9) AS r, round(g.lambda::numeric, 9) AS lambda, outlier, round(r::numeric, 3) = wr AND round(g.lambda::numeric, 3) = wl AS as_printed
FROM rosner, gesd(x, 10) g JOIN (SELECT * FROM unnest(ARRAY[3.119,2.943,3.179,2.810,2.816,2.848,2.279,2.310,2.102,2.067], ARRAY[3.159,3.151,3.144,3.136,3.128,3.120,3.112,3.103,3.094,3.085]) WITH ORDINALITY AS p(wr, wl, step)) p USING (step);
-- By hand: 0, 0, 0, 4: mean 1, standard deviation 2, R 1.5; then all equal: 0. Critical values with 2 and 1 degrees of freedom, whose t have closed forms.
SELECT step, index, value, r, digits(lambda) = digits(wanted) AS closed_form, outlier
FROM gesd(ARRAY[0, 0, 0, 4], 2) g JOIN (SELECT step, left_over * t / sqrt((left_over - 1 + t * t) * (left_over + 1)) AS wanted
    FROM (SELECT 1 AS step, 3 AS left_over, (2 * q - 1) * sqrt(2 / (1 - (2 * q - 1) ^ 2)) AS t FROM (SELECT 1 - 0.05 / 8 AS q) p
          UNION ALL SELECT 2, 2, tan(pi() * (1 - 0.05 / 6 - 0.5))) w) w USING (step);
-- The oracle: mean and standard deviation of what is left, in numeric.
WITH RECURSIVE sample AS (
    SELECT t::int AS i, (t * 7919 % 1009)::numeric / 7 + CASE WHEN t % 29 = 0 THEN 300 ELSE 0 END AS v FROM generate_series(1, 120) t
), steps AS (
    SELECT 0 AS step, ARRAY[]::int[] AS gone, NULL::float8 AS r
    UNION ALL
    SELECT s.step + 1, s.gone || f.i, f.r FROM steps s, LATERAL (
        SELECT i, (abs(v - avg(v) OVER ()) / stddev_samp(v) OVER ())::float8 AS r FROM sample WHERE i <> ALL (s.gone) ORDER BY 2 DESC, 1 LIMIT 1) f WHERE s.step < 12
)
SELECT count(*) AS steps, count(*) FILTER (WHERE g.index = s.gone[s.step] AND near(g.r, s.r)) AS same, count(*) FILTER (WHERE outlier) AS outliers
FROM steps s JOIN gesd((SELECT array_agg(v ORDER BY i)::float8[] FROM sample), 12) g USING (step);
-- Of equal distances the first place in the array; NULLs keep their place; the array's own subscripts.
SELECT step, index, value, outlier FROM gesd(ARRAY[5, -5, 5, NULL, -5, 0, 5, -5]::float8[], 3);
SELECT index, value FROM gesd('[-2:3]={1,1,9,1,NULL,2}'::float8[], 1);
-- All equal: no outlier. The surer, the fewer. The scale does not matter.
SELECT count(*) AS steps, max(r) AS r, bool_or(outlier) AS outlier FROM gesd(ARRAY(SELECT 0.1 FROM generate_series(1, 9))::float8[], 7);
SELECT alpha, count(*) FILTER (WHERE outlier) AS outliers FROM rosner, unnest(ARRAY[0.000001, 0.01, 0.05, 0.1, 0.9]) alpha, gesd(x, 10, alpha) GROUP BY 1 ORDER BY 1;
SELECT scale, count(*) FILTER (WHERE outlier) AS outliers, digits(max(r)) AS r FROM rosner, unnest('{1e-300,1e-160,1,1e160,2.9e307}'::float8[]) scale, gesd(ARRAY(SELECT v * scale FROM unnest(x) v), 10) GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM gesd(NULL::float8[], 3);
SELECT count(*) FROM gesd(ARRAY[1, 2, 3, 9], NULL);

-- Same answers with rows from parallel workers, in another order, in one partition among others, and from a view.
CREATE VIEW judged AS
SELECT p, t, pchart(k, n, 'laney', baseline => base) OVER w AS c, ewma(x, 0.3) OVER w AS e, ewma_chart(x, 0.3, width => 2, baseline => base) OVER w AS ec, modified_z(x) OVER (PARTITION BY p) AS z, is_anomaly(x, baseline => base) OVER w AS a
FROM series WINDOW w AS (PARTITION BY p ORDER BY t);
CREATE TABLE serial AS TABLE judged;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE series SET (parallel_workers = 2);
SELECT pg_temp.plan_has('TABLE judged', 'Gather') AS parallel;
SELECT count(*) FROM (TABLE judged EXCEPT TABLE serial) d;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
CREATE TABLE shuffled AS SELECT * FROM series ORDER BY t * 7919 % 601;
ALTER TABLE series RENAME TO ordered;
ALTER TABLE shuffled RENAME TO series;
SELECT count(*) AS differ FROM (SELECT p, t, pchart(k, n, 'laney', baseline => base) OVER w AS c, ewma(x, 0.3) OVER w AS e, ewma_chart(x, 0.3, width => 2, baseline => base) OVER w AS ec, modified_z(x) OVER (PARTITION BY p) AS z, is_anomaly(x, baseline => base) OVER w AS a
    FROM series WINDOW w AS (PARTITION BY p ORDER BY t) EXCEPT TABLE serial) d;
SELECT count(*) AS differ FROM (SELECT p, t, pchart(k, n, 'laney', baseline => base) OVER w AS c, ewma(x, 0.3) OVER w AS e, ewma_chart(x, 0.3, width => 2, baseline => base) OVER w AS ec, modified_z(x) OVER () AS z, is_anomaly(x, baseline => base) OVER w AS a
    FROM series WHERE p = 2 WINDOW w AS (ORDER BY t) EXCEPT TABLE serial) d;
-- A point is stored and read back.
CREATE TABLE points AS SELECT t, (pchart(k, n) OVER (ORDER BY t)) AS c FROM series;
SET extra_float_digits = 1;
SELECT count(*) AS points, bool_and(c = c::text::pchart_point) AS same FROM points;
SET extra_float_digits = 0;
-- One series after the other in a lateral query; the first rows only, as the server stops a window early.
SELECT s, round(v::numeric, 10) = (SELECT round(sum(e)::numeric, 10) FROM serial WHERE p = s) AS same FROM generate_series(0, 3) s, LATERAL (SELECT sum(e) AS v FROM (SELECT ewma(x, 0.3) OVER (ORDER BY t) AS e FROM series WHERE p = s) q) l;
SELECT count(*) AS rows, count(*) FILTER (WHERE q.e IS NOT DISTINCT FROM s.e) AS same FROM (SELECT t, p, ewma(x, 0.3) OVER w AS e, row_number() OVER w AS r FROM series WINDOW w AS (PARTITION BY p ORDER BY t)) q JOIN serial s USING (t) WHERE r <= 5;

-- Long series, in one partition: no quadratic work, and nothing that grows with the rows of a pass.
CREATE TABLE long AS SELECT g AS t, g * 7919::bigint % 100 AS k, 100 + g % 7 AS n, (g * 7919::bigint % 1000)::numeric / 7 AS x FROM generate_series(1, 100000) g;
SET statement_timeout = '20s';
SELECT count(c) AS points, count(*) FILTER (WHERE (c).signal) AS outside FROM (SELECT pchart(k, n, 'laney', baseline => t < 50000) OVER (ORDER BY t) AS c FROM long) q;
SELECT count(z) AS scores, round(max(z)::numeric, 6) AS most FROM (SELECT modified_z(x) OVER () AS z FROM long) q;
SELECT count(e) AS averages, count(c) AS points FROM (SELECT ewma(x, 0.1) OVER (ORDER BY t) AS e, ewma_chart(x, 0.1) OVER (ORDER BY t) AS c FROM long) q;
SELECT count(a) AS judged FROM (SELECT is_anomaly(x) OVER (ORDER BY t ROWS BETWEEN 12 PRECEDING AND 1 PRECEDING) AS a FROM long) q;
SELECT count(*) FILTER (WHERE outlier) AS outliers FROM gesd((SELECT array_agg(x)::float8[] FROM long), 10);
RESET statement_timeout;
-- A long frame that is read anew for each row is interrupted.
SET statement_timeout = '200ms';
SELECT count(z) FROM (SELECT modified_z(x) OVER (ORDER BY t) AS z FROM long) q;
RESET statement_timeout;
-- The values of a frame have a limit; the charts keep none.
SET churnmetrics.fit_memory = '1MB';
SELECT left(pg_temp.err('SELECT count(z) FROM (SELECT modified_z(x) OVER () AS z FROM (SELECT x FROM long UNION ALL SELECT x FROM long) l) q'), 5) AS code;
SELECT left(pg_temp.err('SELECT count(*) FROM gesd((SELECT array_agg(x)::float8[] FROM long), 10)'), 5) AS code;
SELECT count(c) FROM (SELECT pchart(k, n, 'laney') OVER (ORDER BY t) AS c FROM (TABLE long UNION ALL TABLE long) l) q;
RESET churnmetrics.fit_memory;

-- Errors.
SELECT call, pg_temp.err(format('SELECT %s OVER (ORDER BY t) FROM (VALUES (1, 1), (2, 2)) v (t, k)', call)) AS error FROM unnest(ARRAY[
    'pchart(3, k)', 'pchart(-1, k)', 'pchart(0, -k)', 'pchart(0.5, k)', 'pchart(0, k + 0.5)', 'pchart(''NaN'', k)', 'pchart(0, ''infinity'')', 'pchart(0, 1e19)', 'pchart(k, 9, NULL)', 'pchart(k, 9, ''c'')', 'pchart(k, 9, ''p'', NULL)', 'pchart(k, 9, ''p'', 0)', 'pchart(k, 9, ''p'', ''NaN'')', 'pchart(k, 9, ''p'', ''infinity'')',
    'pchart(k, 9, ''p'', k)', 'pchart(k, 9, CASE k WHEN 1 THEN ''p'' ELSE ''laney'' END)',
    'ewma(k, NULL)', 'ewma(k, 0)', 'ewma(k, 1.01)', 'ewma(k, -0.2)', 'ewma(k, ''NaN'')', 'ewma(k, 0.2, ''infinity'')', 'ewma(''NaN'', 0.2)', 'ewma(''-infinity'', 0.2)', 'ewma(k, 0.1 * k)', 'ewma(k, 0.1, nullif(k, 2))',
    'ewma_chart(k, 2)', 'ewma_chart(k, 0.2, ''NaN'')', 'ewma_chart(k, 0.2, 1, 0)', 'ewma_chart(k, 0.2, 1, -1)', 'ewma_chart(k, 0.2, 1, 1, 0)', 'ewma_chart(k, 0.2, 1, 1, NULL)', 'ewma_chart(k, 0.2, 1, 1, 3, NULL)', 'ewma_chart(''NaN'', 0.2)', 'ewma_chart(''infinity'', 0.2, 1, 1)',
    'ewma_chart(k, 0.2, k)', 'ewma_chart(k, 0.2, 1, k)', 'ewma_chart(k, 0.2, 1, 1, k)', 'ewma_chart(k, 0.2, 1, 1, 3, k > 1)', 'ewma_chart(1.7e308 * (3 - 2 * k), 0.2)', 'ewma_chart(1.7e308, 0.2, sigma => 1e308)',
    'modified_z(''NaN'')', 'modified_z(''infinity'')', 'modified_z(1.7e308 * (3 - 2 * k))', 'is_anomaly(k, NULL)', 'is_anomaly(k, 0)', 'is_anomaly(k, -3)', 'is_anomaly(k, ''NaN'')', 'is_anomaly(k, k)', 'is_anomaly(''NaN'')']) WITH ORDINALITY AS c(call, o) ORDER BY o;
SELECT pg_temp.err('SELECT modified_z(x) OVER (ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) FROM (VALUES (1, 1e-300), (2, 2e-300), (3, 3e-300), (4, 1e300)) v (t, x)') AS error;
SELECT call, pg_temp.err('SELECT ' || call) AS error FROM unnest(ARRAY['pchart(1, 2)', 'ewma(1, 0.2)', 'ewma_chart(1, 0.2)', 'modified_z(1)', 'is_anomaly(1)', 'pchart(1, 2) FILTER (WHERE true) OVER ()', 'modified_z(DISTINCT 1) OVER ()']) WITH ORDINALITY AS c(call, o) ORDER BY o;
SELECT call, pg_temp.err('SELECT * FROM gesd(' || call || ')') AS error FROM unnest(ARRAY['ARRAY[1, 2, 3, 4], 3', 'ARRAY[1, 2, 3, 4], 0', 'ARRAY[1, 2, 3, 4], -1', 'ARRAY[1, 2], 1', '''{}'', 1', 'ARRAY[1, NULL, 2, NULL], 1', 'ARRAY[1, 2, ''NaN''::float8], 1', 'ARRAY[1, 2, ''-infinity''::float8], 1',
    'ARRAY[[1, 2], [3, 4]], 1', 'ARRAY[1, 2, 3, 4], 1, 0', 'ARRAY[1, 2, 3, 4], 1, 1', 'ARRAY[1, 2, 3, 4], 1, 5', 'ARRAY[1, 2, 3, 4], 1, ''NaN''']) WITH ORDINALITY AS c(call, o) ORDER BY o;
-- An operator can call a window function without a window.
CREATE OPERATOR @@@ (LEFTARG = float8, RIGHTARG = boolean, FUNCTION = modified_z);
SELECT pg_temp.err('SELECT 1::float8 @@@ true') AS error;

-- What the planner may assume, and comments.
SELECT proname, prokind, provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc
WHERE proname IN ('pchart', 'ewma', 'ewma_chart', 'modified_z', 'is_anomaly', 'gesd') AND pronamespace = 'public'::regnamespace ORDER BY proname;
SELECT typname, obj_description(oid, 'pg_type') IS NOT NULL AS described FROM pg_type WHERE typname IN ('pchart_point', 'ewma_point') AND typnamespace = 'public'::regnamespace ORDER BY typname;

-- Numeric counts of rows that are so wide that each takes memory of its own.
SELECT i, round((p).center::numeric, 6) AS center, length(pad) AS bytes
FROM (SELECT i, pad, pchart(k, n) OVER (ORDER BY i) AS p FROM (SELECT i, (i * 3)::numeric AS k, (i * 3 + 7)::numeric AS n, repeat('x', 34000000) AS pad FROM generate_series(1, 2) i OFFSET 0) v) r;
-- A million rows that are the same: nothing stands out.
SELECT count(*) FILTER (WHERE (p).signal OR a OR z <> 0 OR e <> 3) AS signals, count(*) AS rows
FROM (SELECT pchart(5, 100) OVER w AS p, is_anomaly(3) OVER () AS a, modified_z(3) OVER () AS z, ewma(3, 0.2) OVER w AS e FROM generate_series(1, 1000000) g WINDOW w AS (ORDER BY g)) q;

SET client_min_messages = warning;
DROP SCHEMA test_anomalies CASCADE;
