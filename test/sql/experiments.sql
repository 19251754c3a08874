-- Experiments: uplift, difference in differences, sample size.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_experiments;
SET search_path = test_experiments, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- A result without its NULLs, rounded; and whether two agree to 1e-9.
CREATE FUNCTION shown(r json, digits int DEFAULT 8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(key || ' ' || trim_scale(round(value::text::numeric, digits))::text, ', ' ORDER BY n) FROM json_each(r) WITH ORDINALITY j(key, value, n) WHERE value::text <> 'null'
$$;
CREATE FUNCTION same(a json, b json) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT bool_and((x.value::text = 'null') = (y.value::text = 'null') AND coalesce(abs(nullif(x.value::text, 'null')::float8 - nullif(y.value::text, 'null')::float8) <= 1e-9 * greatest(abs(nullif(x.value::text, 'null')::float8), 1), true))
    FROM json_each(a) x JOIN json_each(b) y USING (key)
$$;

-- 56 of 70 against 48 of 80: 0.8 - 0.6 = 0.2; pooled 104 / 150: z = 0.2 / sqrt(0.693333 x 0.306667 x (1/70 + 1/80)) = 2.650172; Newcombe 1998: 0.0524 to 0.3339.
SELECT shown(to_json(uplift_test(56, 70, 48, 80)), 10) AS uplift;
-- 9 of 10 against 3 of 10 (Newcombe 1998: 0.1705 to 0.8090); 500 against 430 of 10000. At 90 percent; swapped: all signs turn.
SELECT shown(to_json(uplift_test(9, 10, 3, 10)), 10) AS small UNION ALL SELECT shown(to_json(uplift_test(500, 10000, 430, 10000)), 10) UNION ALL SELECT shown(to_json(uplift_test(56, 70, 48, 80, 0.9)), 10) UNION ALL SELECT shown(to_json(uplift_test(48, 80, 56, 70)), 10);
-- Nothing shown: 51 of 1000 against 47 of 1000: the interval holds 0.
SELECT shown(to_json(uplift_test(51, 1000, 47, 1000)), 6) AS no_effect_shown;
-- What cannot be known is NULL: an empty arm, nobody converted, everybody, control of 0, all against none.
SELECT k1, n1, k0, n0, shown(to_json(uplift_test(k1, n1, k0, n0)), 6) AS known FROM (VALUES (0, 0, 3, 10), (3, 10, 0, 0), (0, 0, 0, 0), (0, 10, 0, 12), (10, 10, 12, 12), (3, 10, 0, 10), (10, 10, 0, 10), (0, 1, 1, 1)) v (k1, n1, k0, n0);
-- Counts are numeric, as a sum() of bigint is.
SELECT uplift_test(sum(k1), sum(n1), sum(k0), sum(n0)) = uplift_test(56, 70, 48, 80) AS sums, uplift_test(56.0, 7e1, '48', 80::smallint) = uplift_test(56, 70, 48, 80) AS whole FROM (VALUES (50::bigint, 60::bigint, 40::bigint, 70::bigint), (6, 10, 8, 10)) v (k1, n1, k0, n0);
SELECT uplift_test(1, 2, NULL, 4) IS NULL AS unknown, uplift_test(1, 2, 3, 4, NULL) IS NULL AS confidence;
-- Newcombe's interval as it is written, from Wilson's; the pooled z, with p of the normal distribution's tails.
SELECT count(*) AS compared, count(*) FILTER (WHERE abs(u.lower - (d - sqrt((p1 - w1.lower) ^ 2 + (w0.upper - p0) ^ 2))) > 1e-12 OR abs(u.upper - (d + sqrt((w1.upper - p1) ^ 2 + (p0 - w0.lower) ^ 2))) > 1e-12 OR abs(u.difference - d) > 1e-14) AS interval_differs,
       count(*) FILTER (WHERE abs(z - d / nullif(sqrt((k1 + k0) / (n1 + n0) * (1 - (k1 + k0) / (n1 + n0)) * (1 / n1 + 1 / n0)), 0)) > 1e-9) AS z_differs, count(*) FILTER (WHERE (z IS NULL) <> (k1 + k0 IN (0, n1 + n0))) AS z_null_differs,
       count(*) FILTER (WHERE abs(relative_lift - (p1 / nullif(p0, 0) - 1)) > 1e-12) AS lift_differs, count(*) FILTER (WHERE (relative_lift IS NULL) <> (k0 = 0)) AS lift_null_differs
FROM (SELECT n1::float8, k1::float8, n0::float8, k0::float8, k1::float8 / n1 AS p1, k0::float8 / n0 AS p0 FROM unnest(ARRAY[1, 2, 7, 30]) n1, generate_series(0, n1) k1, unnest(ARRAY[1, 3, 19]) n0, generate_series(0, n0) k0) v,
     LATERAL (SELECT p1 - p0 AS d) x, uplift_test(k1::int, n1::int, k0::int, n0::int, 0.9) u, rate_ci(k1::int, n1::int, 0.9) w1, rate_ci(k0::int, n0::int, 0.9) w0;
SELECT round(p::numeric, 8) AS p FROM (VALUES (500, 450), (60, 60)) v (a, b), uplift_test(a, 1000, b, 1000);
SELECT difference, round(z::numeric, 4) AS z, lower >= -1 AND upper <= 1 AS within FROM uplift_test(9223372036854775807, 9223372036854775807, 0, 9223372036854775807);

-- The aggregate: the same from rows; a row with a NULL is counted and left out; a group with an empty arm does not stop the others.
CREATE TABLE sent (id int, segment text, treated boolean, converted boolean);
INSERT INTO sent SELECT g, 'a', g <= 70, g <= 56 OR g BETWEEN 71 AND 118 FROM generate_series(1, 150) g;
INSERT INTO sent VALUES (201, 'a', NULL, true), (202, 'a', true, NULL), (203, 'a', NULL, NULL), (204, 'b', true, true), (205, 'b', true, false), (206, 'c', false, true), (207, 'd', NULL, true), (208, 'd', true, NULL);
SELECT segment, shown(to_json(uplift(treated, converted)), 10) AS uplift FROM sent GROUP BY segment ORDER BY segment;
SELECT shown(to_json(uplift(treated, converted, 0.9)), 10) AS ninety FROM sent WHERE segment = 'a';
SELECT uplift(treated, converted) IS NULL AS none, uplift(treated, converted, 0.9) IS NULL AS none_9 FROM sent WHERE false;
SELECT uplift(treated, converted) IS NULL AS nulls_only FROM sent WHERE segment = 'd';
SELECT shown(to_json(uplift(true, true))) AS one_row;

-- Difference in differences without units, by hand: treated 1, 2 before, 5, 4 after; control 1, 1.5 before, 2, 3 after: (4.5 - 1.5) - (2.5 - 1.25) = 1.75;
-- population variances 0.25, 0.25, 0.0625, 0.25 over 2 each: sqrt(0.40625) = 0.63737744; z = 2.74562589.
CREATE TABLE tiny (unit int, treated boolean, post boolean, y float8);
INSERT INTO tiny VALUES (1, true, false, 1), (2, true, false, 2), (1, true, true, 5), (2, true, true, 4), (3, false, false, 1), (4, false, false, 1.5), (3, false, true, 2), (4, false, true, 3);
SELECT shown(to_json(did(treated, post, y))) AS did FROM tiny;
-- The same customers before and after: changes 4, 2 and 1, 1.5: 3 - 1.25 = 1.75; sample variances 2 and 0.125 over 2 each: sqrt(1.0625) = 1.03077641.
SELECT shown(to_json(did(treated, post, y, unit))) AS paired FROM tiny;
-- Units with one phase only are dropped and counted, with several rows in a phase have their mean; rows with a NULL are counted.
SELECT shown(to_json(did(treated, post, y, unit))) AS paired FROM (TABLE tiny UNION ALL VALUES (5, true, true, 100), (6, false, false, 7), (6, false, false, 8), (1, true, false, 0), (1, true, false, 2), (NULL, true, true, 1), (7, NULL, true, 1), (7, true, NULL, 1), (7, true, true, NULL)) v (unit, treated, post, y);
SELECT shown(to_json(did(treated, post, y))) AS did FROM (TABLE tiny UNION ALL VALUES (7, NULL, true, 1), (7, true, NULL, 1), (7, true, true, NULL)) v (unit, treated, post, y);
-- The interval of another confidence.
SELECT shown(to_json(did_at(did(treated, post, y), 0.9))) AS ninety FROM tiny UNION ALL SELECT shown(to_json(did_at(did(treated, post, y, unit), 0.5))) FROM tiny;
SELECT did_at(did(treated, post, y), 0.95)::text = did(treated, post, y)::text AS same, did_at(NULL, 0.9) IS NULL AS none, did_at(did(treated, post, y), NULL) IS NULL AS unknown FROM tiny;
-- Shares: 40 after 60 of 1000, and 55 after 58: (-0.020) - (-0.003) = -0.017; sqrt(sum of p (1 - p) / n) = sqrt((0.0384 + 0.0564 + 0.051975 + 0.054636) / 1000) = 0.014191934329.
SELECT shown(to_json(did(treated, post, (g <= k)::int)), 10) AS shares FROM (VALUES (true, false, 60), (true, true, 40), (false, false, 58), (false, true, 55)) v (treated, post, k), generate_series(1, 1000) g;
-- An empty cell, one value in a cell, nothing that varies, one row.
SELECT n, shown(to_json(did(treated, post, y))) AS did, shown(to_json(did(treated, post, y, unit))) AS paired FROM (VALUES
    (1, 1, true, false, 1), (1, 1, true, true, 2), (1, 2, false, false, 1), (2, 1, true, false, 1), (2, 1, true, true, 2), (2, 2, false, false, 1), (2, 2, false, true, 4), (3, 1, true, true, 7),
    (4, 1, true, false, 1), (4, 2, true, false, 1), (4, 1, true, true, 2), (4, 2, true, true, 2), (4, 3, false, false, 1), (4, 4, false, false, 1), (4, 3, false, true, 1), (4, 4, false, true, 1)) v (n, unit, treated, post, y) GROUP BY n ORDER BY n;
SELECT did(treated, post, y) IS NULL AS none, did(treated, post, y, unit) IS NULL AS none_paired FROM tiny WHERE false;
SELECT did(NULL, true, 1) IS NULL AS nulls, did(true, false, 1, NULL::text) IS NULL AS nulls_paired;

-- Pseudo-random rows against plain SQL: means and population variances; changes of units and their sample variances.
CREATE TABLE visits AS SELECT g AS id, g % 7 AS segment, g * 7919 % 5003 AS unit, (g * 7919 % 5003) % 3 = 0 AS treated, (g::bigint * 104729 % 1009) % 2 = 0 AS post, (g::bigint * 48271 % 65537)::float8 / 97 + CASE WHEN (g * 7919 % 5003) % 3 = 0 AND (g::bigint * 104729 % 1009) % 2 = 0 THEN 20 ELSE 0 END AS y FROM generate_series(1, 20000) g;
INSERT INTO visits SELECT 20000 + g, 7, NULL, true, false, NULL FROM generate_series(1, 3000) g;
ANALYZE visits;
CREATE VIEW did_oracle AS
    WITH cells AS (SELECT segment, treated, post, count(*) AS n, avg(y) AS mean, var_pop(y::numeric) AS variance FROM visits WHERE y IS NOT NULL GROUP BY 1, 2, 3)
    SELECT segment, sum(CASE WHEN treated = post THEN mean ELSE -mean END) AS effect, sqrt(sum(variance / n)) AS std_err, sum(n) AS n FROM cells GROUP BY 1;
CREATE VIEW paired_oracle AS
    WITH units AS (SELECT segment, unit, treated, avg(y) FILTER (WHERE post) - avg(y) FILTER (WHERE NOT post) AS change FROM visits WHERE y IS NOT NULL GROUP BY 1, 2, 3),
         arms AS (SELECT segment, treated, count(change) AS n, count(*) - count(change) AS dropped, avg(change) AS mean, var_samp(change::numeric) AS variance FROM units GROUP BY 1, 2)
    SELECT segment, sum(CASE WHEN treated THEN mean ELSE -mean END) AS effect, sqrt(sum(variance / n)) AS std_err, sum(n) AS units, sum(dropped) AS dropped FROM arms GROUP BY 1;
CREATE VIEW did_result_rows AS SELECT segment, to_json(did(treated, post, y)) AS result FROM visits GROUP BY segment;
CREATE VIEW paired_rows AS SELECT segment, to_json(did(treated, post, y, unit)) AS result FROM visits GROUP BY segment;
CREATE VIEW uplift_rows AS SELECT segment, to_json(uplift(treated, y > 300)) AS result FROM visits GROUP BY segment;
CREATE TABLE did_first AS SELECT * FROM did_result_rows;
CREATE TABLE paired_first AS SELECT * FROM paired_rows;
CREATE TABLE uplift_first AS SELECT segment, to_json(r) AS result FROM (SELECT segment, (uplift_test(count(*) FILTER (WHERE treated AND y > 300), count(*) FILTER (WHERE treated), count(*) FILTER (WHERE NOT treated AND y > 300), count(*) FILTER (WHERE NOT treated))).* FROM visits WHERE segment < 7 GROUP BY segment) r;
CREATE TABLE total AS SELECT to_json(did(treated, post, y)) AS did, to_json(did(treated, post, y, unit)) AS paired, to_json(uplift(treated, y > 300)) AS uplift FROM visits;
SELECT count(*) AS segments, count(*) FILTER (WHERE abs((result->>'effect')::float8 - o.effect) > 1e-9 OR abs((result->>'std_err')::float8 / o.std_err - 1) > 1e-9) AS differ FROM did_first JOIN did_oracle o USING (segment);
SELECT count(*) AS segments, count(*) FILTER (WHERE abs((result->>'effect')::float8 - o.effect) > 1e-9 OR abs((result->>'std_err')::float8 / o.std_err - 1) > 1e-9 OR (result->>'units')::int <> units OR (result->>'units_dropped')::int <> dropped) AS differ, sum(dropped) > 0 AS some_dropped FROM paired_first JOIN paired_oracle o USING (segment);
SELECT segment, result IS NULL AS no_row FROM did_first WHERE segment = 7;
-- Ordinary least squares with an interaction and the errors of HC0 (White): the mean and its squared residual of a saturated model are those of the cell, so the sandwich is sum of residuals^2 / n^2 of each cell.
SELECT round((t.did->>'std_err')::numeric, 9) = round(sqrt(sum(s))::numeric, 9) AS hc0 FROM total t, (SELECT sum((y - mean) ^ 2) / count(*) ^ 2 AS s FROM (SELECT *, avg(y) OVER (PARTITION BY treated, post) AS mean FROM visits WHERE y IS NOT NULL) v GROUP BY treated, post) c GROUP BY t.did->>'std_err';

-- The same on every plan.
CREATE FUNCTION pg_temp.differ() RETURNS TABLE (did bigint, paired bigint, uplift bigint) LANGUAGE sql AS $$
    SELECT (SELECT count(*) FROM did_result_rows a FULL JOIN did_first b USING (segment) WHERE NOT same(a.result, b.result)), (SELECT count(*) FROM paired_rows a FULL JOIN paired_first b USING (segment) WHERE NOT same(a.result, b.result)),
           (SELECT count(*) FROM uplift_rows a FULL JOIN uplift_first b USING (segment) WHERE NOT same((a.result::jsonb - 'n_skipped')::json, (b.result::jsonb - 'n_skipped')::json))
$$;
SET enable_hashagg = off;
SELECT pg_temp.plan_has('TABLE did_result_rows', 'GroupAggregate') AS plan, * FROM pg_temp.differ();
RESET enable_hashagg;
SET enable_sort = off;
SELECT pg_temp.plan_has('TABLE did_result_rows', 'HashAggregate') AS plan, * FROM pg_temp.differ();
RESET enable_sort;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 4;
ALTER TABLE visits SET (parallel_workers = 4);
SELECT pg_temp.plan_has('TABLE did_result_rows', 'Partial') AS did, pg_temp.plan_has('TABLE uplift_rows', 'Partial') AS uplift, pg_temp.plan_has('SELECT did(treated, post, y), uplift(treated, y > 300) FROM visits', 'Partial') AS total;
SELECT * FROM pg_temp.differ();
SELECT same((SELECT to_json(did(treated, post, y)) FROM visits), total.did) AS did, same((SELECT to_json(did(treated, post, y, unit)) FROM visits), paired) AS paired, (SELECT to_json(uplift(treated, y > 300))::text FROM visits) = uplift::text AS uplift FROM total;
-- Workers that see no row, or only NULL; confidences that differ.
SELECT shown(to_json(did(treated, post, y))) AS one FROM visits WHERE id = 12345;
SELECT did(treated, post, y) IS NULL AS did, did(treated, post, y, unit) IS NULL AS paired, uplift(treated, y > 3) IS NULL AS uplift FROM visits WHERE segment = 7;
SELECT pg_temp.err('SELECT uplift(treated, post, CASE segment WHEN 0 THEN 0.5 ELSE 0.75 END) FROM visits') ~ '^22023: confidence must be the same in all rows of a group, not (0.5 and 0.75|0.75 and 0.5)$' AS differ;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
-- Shuffled: with units to the last digit.
SELECT same(q.did, total.did) AS did, q.paired::text = total.paired::text AS paired FROM (SELECT to_json(did(treated, post, y)) AS did, to_json(did(treated, post, y, unit)) AS paired FROM (SELECT treated, post, y, unit FROM visits ORDER BY id * 48271::bigint % 99991) v) q, total;
-- Units by bigint, uuid and text are the same units.
SELECT same(b, paired) AS bigint, same(u, paired) AS uuid, same(t, paired) AS text, same(v, paired) AS varchar
FROM total, (SELECT to_json(did(treated, post, y, unit::bigint)) AS b, to_json(did(treated, post, y, md5(unit::text)::uuid)) AS u, to_json(did(treated, post, y, unit::text)) AS t, to_json(did(treated, post, y, unit::varchar)) AS v FROM visits) q;
-- Filtered, over windows; stored and read back.
SELECT (did(treated, post, y) FILTER (WHERE segment < 3)).std_err = (did(treated, post, CASE WHEN segment < 3 THEN y END)).std_err AS same_but_skipped, did(treated, post, y, unit) FILTER (WHERE id < 0) IS NULL AS none FROM visits;
SELECT unit, treated, post, y, (did(treated, post, y) OVER w).effect, (did(treated, post, y, unit) OVER w).effect AS paired, round((uplift(treated, y > 1.5) OVER w).difference::numeric, 6) AS difference FROM tiny WINDOW w AS (ORDER BY unit, post DESC) ORDER BY unit, post DESC;
SELECT unit, (did(treated, post, y) OVER w).n_treated_pre, (did(treated, post, y, unit) OVER w).units FROM tiny WINDOW w AS (ORDER BY unit, post ROWS 1 PRECEDING) ORDER BY unit, post;
CREATE TABLE stored (d did_result, u uplift_result);
INSERT INTO stored SELECT did(treated, post, y), uplift(treated, y > 300) FROM visits;
SELECT same(to_json(d), did) AS did, (u).treated = (uplift->>'treated')::int AS uplift, shown(to_json(did_at(d, 0.8)), 6) LIKE '%confidence 0.8' AS at FROM stored, total;

-- Hard values: a thousand million with a spread of 1, an outlier first, huge, tiny, negative; a million rows that are the same.
SELECT round((d).effect::numeric, 9) AS effect, round((d).std_err::numeric, 9) AS std_err FROM (SELECT did(treated, post, 1e9 + y) AS d FROM tiny UNION ALL SELECT did(treated, post, -1e9 - y) FROM tiny UNION ALL SELECT did(treated, post, 1e9 + y, unit) FROM tiny) q;
SELECT first, abs((d).std_err / sqrt(2 * (v1 + v0)::float8 / 20000) - 1) < 1e-9 AS outlier_first
FROM (SELECT first, did(treated, post, y) AS d, var_pop(y::numeric) FILTER (WHERE treated AND post) AS v1, var_pop(y::numeric) FILTER (WHERE NOT treated AND post) AS v0
      FROM unnest(ARRAY[1e3, 1e9, -1e12]) first, (VALUES (true, true), (false, true), (true, false), (false, false)) c (treated, post), generate_series(1, 20000) g, LATERAL (SELECT CASE WHEN g = 1 THEN first ELSE 1e6 + g % 7 + treated::int * (g % 3) END) y (y) GROUP BY first) q ORDER BY first;
SELECT round(((d).effect / scale)::numeric, 9) AS effect, round(((d).std_err / scale)::numeric, 9) AS std_err, round((d).z::numeric, 9) AS z FROM (SELECT scale, did(treated, post, y * scale) AS d FROM tiny, unnest(ARRAY[1e-130, 1e-60, 1e60, 1e139]) scale GROUP BY scale) q ORDER BY scale;
SELECT round(((d).effect / scale)::numeric, 9) AS effect, round(((d).std_err / scale)::numeric, 9) AS std_err, round((d).z::numeric, 9) AS z FROM (SELECT scale, did(treated, post, y * scale, unit) AS d FROM tiny, unnest(ARRAY[1e-130, 1e-60, 1e60, 1e139]) scale GROUP BY scale) q ORDER BY scale;
SELECT shown(to_json(did(g % 2 = 0, g % 4 < 2, 0.1))) AS same_values FROM generate_series(1, 1000000) g;
SELECT shown(to_json(uplift(g % 2 = 0, g % 4 < 2))) AS million FROM generate_series(1, 1000000) g;
-- Units that all change alike do not vary, though 5.1 - 5 and 2.1 - 2 differ as doubles; a variation of a billionth does.
SELECT round((d).effect::numeric, 9) AS effect, (d).std_err, (d).z, (d).p, (d).lower, (d).units
FROM (SELECT did(g % 2 = 0, post, g + CASE WHEN post AND g % 2 = 0 THEN 0.3 WHEN post THEN 0.1 ELSE 0 END, g) AS d FROM generate_series(1, 9) g, unnest(ARRAY[false, true]) post) q;
SELECT round((d).effect::numeric, 9) AS effect, round((d).std_err::numeric, 12) AS std_err FROM (SELECT did(g % 2 = 0, post, g + CASE WHEN post THEN g / 2 % 2 * 1e-9 ELSE 0 END, g) AS d FROM generate_series(1, 8) g, unnest(ARRAY[false, true]) post) q;
-- Many units; the limit of memory; a result for each row of a window leaves nothing behind.
SELECT shown(to_json(did(g % 2 = 0, post, g % 10 + CASE WHEN post AND g % 2 = 0 THEN g % 3 ELSE 0 END, g)), 6) AS many_units FROM generate_series(1, 100000) g, unnest(ARRAY[false, true]) post;
SET churnmetrics.fit_memory = '1MB';
SELECT left(pg_temp.err('SELECT did(true, true, 1, g) FROM generate_series(1, 100000) g'), 5) AS code;
SELECT (did(g % 2 = 0, g % 4 < 2, 1, g)).units_dropped FROM generate_series(1, 3000) g;
RESET churnmetrics.fit_memory;

-- Sample sizes: R's power.prop.test, at a tolerance of 1e-12.
SELECT p1, p2, power, alpha, round(sample_size(p1, p2, power, alpha)::numeric, 8) AS sample_size, round(r::numeric, 8) AS r FROM (VALUES (0.05, 0.04, 0.8, 0.05, 6744.933074884895), (0.5, 0.75, 0.9, 0.05, 76.7069284517774), (0.02, 0.03, 0.9, 0.01, 7251.22910533307), (0, 0.01, 0.8, 0.05, 779.783558004723)) v (p1, p2, power, alpha, r);
SELECT ceil(sample_size(0.05, 0.04)) AS each_arm, sample_size(0.04, 0.05) = sample_size(0.05, 0.04) AS either_way, abs(sample_size(0.95, 0.96) / sample_size(0.05, 0.04) - 1) < 1e-12 AS mirrored, round(sample_size(0, 1)::numeric, 6) AS all_or_none, sample_size(NULL, 0.1) IS NULL AS unknown;
-- An alpha far below the precision of 1 - alpha: R again.
SELECT alpha, round(sample_size(0.05, 0.04, 0.8, alpha)::numeric, 4) AS sample_size FROM unnest(ARRAY[1e-20, 1e-300]::float8[]) alpha;
SELECT sample_size(0.05, 0.04, 0.8, 5e-324) = sample_size(0.05, 0.04, 0.8, 1e-310) AS least_alpha;
-- So many find a difference of that size in four of five cases: the z of the expected counts is z(alpha/2) + z(power), but for the two variances.
SELECT round(z::numeric, 2) AS z, round((normal.a + normal.b)::numeric, 2) AS wanted FROM uplift_test(337, 6745, 270, 6745), (VALUES (1.959964, 0.841621)) normal (a, b);

-- Errors.
SELECT n, CASE WHEN n IN (44, 45, 46) THEN split_part(pg_temp.err('SELECT ' || call), ' / ', 1) ELSE pg_temp.err('SELECT ' || call) END AS error FROM (VALUES
    (1, 'uplift_test(3, 2, 1, 2)'), (2, 'uplift_test(1, 2, 3, 2)'), (3, 'uplift_test(-1, 2, 1, 2)'), (4, 'uplift_test(1, -2, 1, 2)'), (5, 'uplift_test(1, 2, -1, 2)'), (6, 'uplift_test(1, 2, 1, -2)'), (7, 'uplift_test(1, 2, 1, 2, 95)'), (8, 'uplift_test(1, 2, 1, 2, ''NaN'')'), (9, 'uplift_test(1, 2, 1, 2, 0)'),
    (50, 'uplift_test(1.5, 2, 1, 2)'), (51, 'uplift_test(1, 2.1, 1, 2)'), (52, 'uplift_test(1, 2, ''NaN'', 2)'), (53, 'uplift_test(1, 2, 1, ''infinity'')'), (54, 'uplift_test(1, 9223372036854775808, 1, 2)'),
    (10, 'uplift(true, true, 1)'), (11, 'uplift(true, true, NULL)'), (12, 'uplift(NULL, true, NULL)'), (13, 'uplift(true, true, g / 10.0) FROM generate_series(3, 4) g'),
    (20, 'did(true, true, ''NaN'')'), (21, 'did(true, true, ''-infinity'')'), (22, 'did(true, true, 2e140)'), (23, 'did(true, post, y * 1e-150) FROM tiny'), (24, 'did(true, true, ''NaN'', 1)'), (25, 'did(true, true, 1e300, 1)'), (26, 'did(treated, post, y * 1e-150, unit) FROM tiny'),
    (27, 'did(g = 1, true, 1, 17) FROM generate_series(1, 2) g'), (28, 'did(g = 1, true, 1, ''acme'') FROM generate_series(1, 2) g'), (29, 'did(g = 1, g = 1, 1, ''00000000-0000-0000-0000-000000000017''::uuid) FROM generate_series(1, 2) g'),
    (31, 'did_at(did(treated, post, y), 1) FROM tiny'), (32, 'did_at(did(treated, post, y), ''NaN'') FROM tiny'),
    (40, 'sample_size(0.05, 0.05)'), (41, 'sample_size(-0.05, 0.05)'), (42, 'sample_size(0.05, 5)'), (43, 'sample_size(''NaN'', 0.5)'), (44, 'sample_size(0.05, 0.04, 1)'), (45, 'sample_size(0.05, 0.04, 80)'), (46, 'sample_size(0.05, 0.04, 0.8, 0)'), (47, 'sample_size(0.05, 0.04, 0.05, 0.05)'), (48, 'sample_size(0.05, 0.04, 0.8, 0.9)'), (49, 'sample_size(0, 1e-309)')
) AS v (n, call) ORDER BY n;
-- A fourth argument is a unit, never a confidence; the aggregate's functions are called by it alone.
SELECT n, left(pg_temp.err('SELECT ' || call), 5) AS code FROM (VALUES (1, 'did(true, true, 1, 0.9)'), (2, 'did_trans(NULL, true, true, 1)'), (3, 'did_final(NULL)'), (4, 'did(g = 1, true, 1, ''0.9'') FROM generate_series(1, 2) g')) v (n, call) ORDER BY n;
-- Results written by hand; states that the aggregate does not make.
CREATE FUNCTION pg_temp.by_hand(effect float8, std_err float8) RETURNS did_result LANGUAGE sql AS $$ SELECT ROW(effect, std_err, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::did_result $$;
SELECT n, pg_temp.err(format('SELECT did_at(pg_temp.by_hand(%s), 0.9)', fields)) AS error FROM (VALUES (1, '1, ''NaN'''), (2, '''NaN'', 1'), (3, '1, -1'), (4, '1, ''infinity'''), (5, '1e308, 1'), (6, '1, 1e308')) v (n, fields) ORDER BY n;
SELECT n, pg_temp.err(format('SELECT did_at(jsonb_populate_record(pg_temp.by_hand(1, 1), %L), 0.9)', fields)) AS error FROM (VALUES (1, '{"z": "NaN"}'), (2, '{"p": 2}'), (3, '{"treated_pre": "Infinity"}'), (4, '{"control_post": 1e200}'), (5, '{"n_treated_pre": -1}'), (6, '{"units": -1}'), (7, '{"lower": "NaN", "confidence": "NaN", "z": 1e300}')) v (n, fields) ORDER BY n;
SELECT did_at(pg_temp.by_hand(NULL, 1), 0.9) AS no_effect, did_at(pg_temp.by_hand(1, NULL), 0.9) AS no_error, did_at(pg_temp.by_hand(1, 0), 0.9) AS certain;
SELECT shown(to_json(did_at(pg_temp.by_hand(1, 2), 0.95))) AS by_hand;
SELECT n, pg_temp.err('SELECT ' || call) AS error FROM (VALUES (1, 'uplift_final(''{}'')'), (2, 'uplift_final(''{1,2,3}'')'), (3, 'uplift_final(''{3,2,1,1,0,4606732058837280358}'')'), (4, 'uplift_final(''{1,2,3,1,0,4606732058837280358}'')'), (5, 'uplift_final(''{1,2,1,2,0,0}'')'), (6, 'uplift_final(''{1,-2,1,2,0,4606732058837280358}'')'),
    (7, 'uplift_trans(''{1,9223372036854775807,1,2,0,4606732058837280358}'', true, false)'), (8, 'uplift_trans(''{1,2,1,2,9223372036854775807,4606732058837280358}'', NULL, false)'), (9, 'uplift_combine(''{1,2,1,2,0,4606732058837280358}'', ''{1,2,1,2,0,4602678819172646912}'')'), (10, 'uplift_trans(''{1,2,1,2,0,4602678819172646912}'', true, true, 0.6)'), (11, 'uplift_final(''{{1,2,1,2,0,4606732058837280358}}'')')) v (n, call) ORDER BY n;
SELECT uplift_trans(state, true, false) AS row, uplift_trans(state, NULL, false) AS skipped, uplift_combine(state, state) AS twice, state AS unchanged FROM (VALUES ('{1,2,3,4,5,4606732058837280358}'::bigint[])) v (state);

-- What the planner may assume, and comments.
SELECT p.oid::regprocedure AS function, provolatile, proisstrict, proparallel, obj_description(p.oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc p
WHERE pronamespace = 'public'::regnamespace AND (proname IN ('sample_size', 'did', 'uplift') OR proname LIKE 'did\_%' OR proname LIKE 'uplift\_%') ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT t::regtype AS type, obj_description(t, 'pg_type') AS comment FROM unnest(ARRAY['uplift_result'::regtype, 'did_result', 'nps_result']) t;

SET client_min_messages = warning;
DROP SCHEMA test_experiments CASCADE;
