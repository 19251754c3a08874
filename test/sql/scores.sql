-- auc, brier, lift_table: how good a score is.
\pset null NULL
SET extra_float_digits = 0;
CREATE SCHEMA test_scores;
SET search_path = test_scores, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- auc: of the pairs (0.9 0.5 0.5 | 0.5 0.2) 3 x 2 = 6: 0.9 above both, each 0.5 half and one: (2 + 1.5 + 1.5) / 6.
SELECT round(auc(s, y)::numeric, 12) AS auc FROM (VALUES (0.9, true), (0.5, true), (0.5, true), (0.5, false), (0.2, false)) v (s, y);
SELECT auc(s, y) AS perfect, auc(-s, y) AS wrong, auc(0 * s, y) AS blind, auc(s, true) AS one_kind, auc(s, NOT true), auc(s, NULL), auc(NULL, y), auc(s, y) FILTER (WHERE s > 7) AS none FROM (SELECT g AS s, g > 2 AS y FROM generate_series(1, 5) g) q;
SELECT auc(s * 1e300, y) AS huge, auc(s * 1e-320, y) AS tiny, auc(s::float8 - 3, y) AS negative FROM (SELECT g AS s, g IN (2, 4, 5) AS y FROM generate_series(1, 5) g) q;
SELECT auc(CASE WHEN g % 2 = 0 THEN 0.0::float8 ELSE '-0'::float8 END, g % 3 = 0) AS signed_zeros FROM generate_series(1, 12) g;
SELECT auc(g % 2, g % 2 = 0), auc(5, g % 2 = 0), brier(0.25, g % 2 = 0), (lift_table(0.5, true, 1))[1].n AS n FROM generate_series(1, 1000000) g;
SELECT auc(g, g % 2 = 0)::numeric(12, 9) AS many, auc(sqrt(g), g::bigint * g % 7 < 3)::numeric(12, 9) AS more FROM generate_series(1, 100000) g;
SELECT pg_temp.err(format('SELECT auc(%s, true)', s)) AS error FROM unnest(ARRAY['''NaN''', '''Infinity''', '''-Infinity''']) s;
-- brier: (0.1^2 + 0.5^2 + 0.8^2) / 3 = 0.3.
SELECT round(brier(s, y)::numeric, 12) AS brier FROM (VALUES (0.9, true), (0.5, true), (0.8, false), (NULL, true), (0.7, NULL)) v (s, y);
SELECT brier(g % 2, g % 2 = 1) AS right, brier(g % 2, g % 2 = 0) AS wrong, brier(g / 10.0, true) FILTER (WHERE g > 10) AS none, brier(NULL, true) FROM generate_series(1, 10) g;
SELECT pg_temp.err(format('SELECT brier(%s, true)', s)) AS error FROM unnest(ARRAY['''NaN''', '''Infinity''', '1.0000001', '-0.1']) s;

-- lift_table: 10 rows, 4 events, in 5 buckets. Scores 9 to 0, events at 9, 8, 6 and 2.
SELECT b.* FROM (SELECT lift_table(g, g IN (9, 8, 6, 2), 5) AS t FROM generate_series(0, 9) g) q, unnest(t) b;
-- Ties are shared out: of 4 rows with score 5, one an event, that lie over the border between 2 and 3, each row has a quarter of the event.
SELECT bucket, n, events, score_max, score_min, mean_score, rate FROM (SELECT lift_table(s, y, 2) AS t FROM (VALUES (9, true), (5, true), (5, false), (5, false), (5, false), (1, false)) v (s, y)) q, unnest(t);
SELECT bucket, n, round(events::numeric, 10) AS events FROM (SELECT lift_table(3, g <= 6, 4) AS t FROM generate_series(1, 18) g) q, unnest(t);
-- Buckets that would be empty are left out; sizes differ by one at the most.
SELECT bucket, n, events, rate, lift FROM (SELECT lift_table(g, g = 2) AS t FROM generate_series(1, 3) g) q, unnest(t);
SELECT string_agg(n::text, ' ' ORDER BY bucket) AS sizes FROM (SELECT lift_table(g, g = 2) AS t FROM generate_series(1, 7043) g) q, unnest(t);
SELECT bucket, n, events, rate, lift, cumulative_n, cumulative_events, cumulative_share, cumulative_lift FROM (SELECT lift_table(g, false, 2) AS t FROM generate_series(1, 3) g) q, unnest(t);
SELECT lift_table(g, NULL), lift_table(NULL, true, 3), lift_table(g, true) FILTER (WHERE g < 0) FROM generate_series(1, 3) g;
SELECT pg_temp.err(format('SELECT lift_table(g, true%s) FROM generate_series(1, 3) g', a)) AS error FROM unnest(ARRAY[', 0', ', 1001', ', NULL', ', g', ', -5']) a UNION ALL SELECT pg_temp.err('SELECT lift_table(''NaN'', true)') UNION ALL SELECT pg_temp.err('SELECT lift_table(1e308, true, 1) FROM generate_series(1, 3)');
-- Against SQL: bucket of a row by its number, downwards; distinct scores.
CREATE TABLE distinct_scores AS SELECT (g * 7919 % 4001) / 4001.0::float8 AS p, g * 104729 % 1009 < g * 7919 % 4001 / 4 AS y FROM generate_series(1, 4000) g;
SELECT count(*) AS buckets, count(*) FILTER (WHERE b.n = o.n AND b.events = o.events AND b.score_max = o.high AND b.score_min = o.low AND abs(b.mean_score - o.mean) < 1e-12 AND abs(b.lift - o.events / o.n::float8 / o.rate) < 1e-12 AND abs(b.cumulative_share - o.share) < 1e-12 AND b.cumulative_n = o.rows_so_far) AS same
FROM (SELECT lift_table(p, y, 7) AS t FROM distinct_scores) q, unnest(t) b
    JOIN (SELECT k, count(*) AS n, sum(y::int) AS events, max(p) AS high, min(p) AS low, avg(p) AS mean, max(rate) AS rate, sum(sum(y::int)) OVER (ORDER BY k) / max(events)::float8 AS share, sum(count(*)) OVER (ORDER BY k) AS rows_so_far
          FROM (SELECT p, y, avg(y::int) OVER () AS rate, sum(y::int) OVER () AS events, (SELECT min(b) FROM generate_series(1, 7) b WHERE row_number <= 4000 * b / 7) AS k FROM (SELECT *, row_number() OVER (ORDER BY p DESC) FROM distinct_scores) r) r GROUP BY k) o ON o.k = b.bucket;

-- The three on every plan: a table with ties, NULLs, a part that is NULL only.
CREATE TABLE scored AS SELECT g AS id, CASE WHEN g % 11 <> 0 AND g % 13 <> 3 THEN (g * 7919 % 503) / 503.0::float8 END AS s, CASE WHEN g % 17 <> 0 THEN g * 104729 % 1009 < 2 * (g * 7919 % 503) END AS y, g % 13 AS part FROM generate_series(1, 20000) g;
ANALYZE scored;
CREATE VIEW measured AS SELECT part, auc(s, y) AS auc, brier(s, y) AS brier, lift_table(s, y) AS lift, lift_table(s, y, 4) AS lift4 FROM scored GROUP BY part;
SET enable_hashagg = off;
CREATE TABLE wanted AS TABLE measured;
RESET enable_hashagg;
SELECT count(*) AS parts, count(auc) AS with_rows, (SELECT round(auc::numeric, 10) FROM wanted WHERE part = 0) AS auc, (SELECT round(brier::numeric, 10) FROM wanted WHERE part = 0) AS brier FROM wanted;
SELECT w.part, abs(w.auc - (SELECT sum(CASE WHEN a.s > b.s THEN 1 WHEN a.s = b.s THEN 0.5 ELSE 0 END) / count(*) FROM scored a, scored b WHERE a.part = w.part AND b.part = w.part AND a.y AND NOT b.y AND a.s IS NOT NULL AND b.s IS NOT NULL)) < 1e-12 AS auc,
    abs(w.brier - (SELECT avg((s - y::int) ^ 2) FROM scored WHERE part = w.part)) < 1e-12 AS brier FROM wanted w WHERE part IN (1, 5) ORDER BY part;
CREATE FUNCTION pg_temp.differences() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM wanted w FULL JOIN measured m USING (part) WHERE w.auc IS DISTINCT FROM m.auc OR w.lift IS DISTINCT FROM m.lift OR w.lift4 IS DISTINCT FROM m.lift4 OR (abs(w.brier - m.brier) < 1e-12) IS NOT DISTINCT FROM false OR (w.brier IS NULL) <> (m.brier IS NULL) $$;
SELECT pg_temp.differences() AS hashed;
SET max_parallel_workers_per_gather = 3; SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET parallel_leader_participation = off;
SELECT pg_temp.plan_has('TABLE measured', 'Partial') AS partial, pg_temp.differences() AS parallel;
SELECT pg_temp.plan_has('SELECT auc(s, y) FROM scored', 'Partial') AS partial, round(auc(s, y)::numeric, 10) AS auc, round(brier(s, y)::numeric, 10) AS brier, md5(lift_table(s, y)::text) AS lift INTO TEMP at_once FROM scored;
SELECT count(*) AS workers_without_rows FROM (SELECT auc(s, y) AS a, brier(s, y) AS b, lift_table(s, y) AS l FROM scored WHERE id = 5 OR id = 30) q WHERE b IS NOT NULL AND cardinality(l) = 2;
SELECT count(*) AS nulls_only FROM (SELECT auc(s, y) AS a, brier(s, y) AS b, lift_table(s, y) AS l FROM scored WHERE part = 3) q WHERE a IS NULL AND b IS NULL AND l IS NULL;
RESET max_parallel_workers_per_gather; RESET min_parallel_table_scan_size; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET parallel_leader_participation;
SET max_parallel_workers_per_gather = 0;
SELECT partial, auc = (SELECT round(auc(s, y)::numeric, 10) FROM scored) AS auc, brier = (SELECT round(brier(s, y)::numeric, 10) FROM scored) AS brier, lift = (SELECT md5(lift_table(s, y)::text) FROM scored) AS lift, lift = (SELECT md5(lift_table(s, y ORDER BY md5(id::text))::text) FROM scored) AS shuffled FROM at_once;
RESET max_parallel_workers_per_gather;
-- A running value, and totals beside groups.
SELECT count(*) FILTER (WHERE a IS NOT DISTINCT FROM (SELECT auc(s, y) FROM scored i WHERE i.id <= q.id)) AS running, count(*) FROM (SELECT id, auc(s, y) OVER (ORDER BY id) AS a, brier(s, y) OVER (ORDER BY id) AS b FROM scored WHERE id <= 60) q;
SELECT count(*) AS rows, count(*) FILTER (WHERE part IS NULL AND a = (SELECT auc(s, y) FROM scored)) AS total FROM (SELECT part, auc(s, y) AS a FROM scored GROUP BY ROLLUP (part)) q;

-- What the planner may assume, and comments.
SELECT proname, pronargs, prokind, provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND (proname LIKE 'auc%' OR proname LIKE 'brier%' OR proname LIKE 'lift%' OR proname LIKE 'scores%') ORDER BY 1, 2, oid;

SET client_min_messages = warning;
DROP SCHEMA test_scores CASCADE;
