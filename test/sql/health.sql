-- Health: the weighted health score.
\pset null NULL

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- The published example, and by hand.
SELECT health_score(score, weight), round(health_score(score, weight), 3) AS rounded
FROM (VALUES (47, 20), (59, 15), (21, 22)) v (score, weight);
SELECT health_score(score, weight) FROM (VALUES (100, 1), (0, 3)) v (score, weight);
SELECT health_score(80, 0.25) AS one, health_score(0, 5) AS lowest, health_score(100, 5) AS highest;
SELECT health_score(score, 1) AS mean FROM generate_series(1, 100) score;

-- Weights renormalise where a score is missing; the weight of a missing score does not matter.
SELECT health_score(score, weight) FROM (VALUES (47, 20), (NULL, 15), (21, 22), (NULL, NULL), (NULL, -1)) v (score, weight);
-- No row, no score, no weight.
SELECT health_score(score, weight) FROM (VALUES (47, 20)) v (score, weight) WHERE false;
SELECT health_score(score, weight) FROM (VALUES (NULL::numeric, 20), (NULL, 15)) v (score, weight);
SELECT health_score(score, weight) FROM (VALUES (47, 0), (59, 0.000)) v (score, weight);
SELECT health_score(score, weight) FROM (VALUES (47, 0), (59, 2)) v (score, weight);

-- Exact, however different the weights are.
SELECT health_score(score, weight) = (50 * 1e40 + 100 * 1e-40::numeric) / (1e40 + 1e-40::numeric) AS exact
FROM (VALUES (50, 1e40), (100, 1e-40)) v (score, weight);
SELECT health_score(33.333333333333333333, 0.1) FROM generate_series(1, 1000);

-- Errors.
SELECT pg_temp.err(format('SELECT health_score(score, weight) FROM (VALUES (%s)) v (score, weight)', row)) AS error FROM (VALUES
    (1, '101, 1'), (2, '-0.01, 1'), (3, '100.0000000001, 1'), (4, '''NaN''::numeric, 1'), (5, '''Infinity''::numeric, 1'),
    (6, '''-Infinity''::numeric, 1'), (7, '50, -1'), (8, '50, ''NaN''::numeric'), (9, '50, ''Infinity''::numeric'),
    (10, '50, NULL::numeric'), (11, '50, 1), (60, -0.5'), (12, '50, 1), (60, NULL'), (13, '101, NULL::numeric')
) AS v (n, row) ORDER BY n;

-- The same value on every plan.
CREATE TABLE health_scores (id integer, customer integer, score numeric, weight numeric);
INSERT INTO health_scores
SELECT g, g * 7919 % 17, CASE WHEN g % 9 <> 0 THEN (g * 104729::bigint % 10001) / 100.0 END, (g * 31 % 50) / 7.0
FROM generate_series(1, 20000) g;
-- A customer without scores, and one without weights.
INSERT INTO health_scores SELECT g, 17, NULL, 1 FROM generate_series(20001, 21000) g;
INSERT INTO health_scores SELECT g, 18, 50, 0 FROM generate_series(21001, 22000) g;
ANALYZE health_scores;
CREATE VIEW health_oracle AS
SELECT customer, sum(score * weight) / nullif(sum(weight) FILTER (WHERE score IS NOT NULL), 0) AS value
FROM health_scores GROUP BY customer;
CREATE VIEW health_result AS
SELECT customer, health_score(score, weight) AS value FROM health_scores GROUP BY customer;
CREATE VIEW health_total AS
SELECT health_score(score, weight) AS value FROM health_scores;
CREATE TABLE health_first AS SELECT * FROM health_total;
SELECT * FROM health_first;
SELECT customer, round(value, 6) AS value FROM health_result WHERE customer >= 15 ORDER BY customer;

SET enable_hashagg = off;
SELECT pg_temp.plan_has('SELECT * FROM health_result', 'GroupAggregate') AS plan,
       (SELECT count(*) FROM (TABLE health_result EXCEPT TABLE health_oracle) d) AS surplus,
       (SELECT count(*) FROM (TABLE health_oracle EXCEPT TABLE health_result) d) AS missing;
RESET enable_hashagg;
SET enable_sort = off;
SELECT pg_temp.plan_has('SELECT * FROM health_result', 'HashAggregate') AS plan,
       (SELECT count(*) FROM (TABLE health_result EXCEPT TABLE health_oracle) d) AS surplus;
RESET enable_sort;

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 4;
ALTER TABLE health_scores SET (parallel_workers = 4);
SELECT pg_temp.plan_has('SELECT * FROM health_total', 'Partial') AS plan,
       (SELECT count(*) FROM (TABLE health_total EXCEPT TABLE health_first) d) AS surplus;
SELECT pg_temp.plan_has('SELECT * FROM health_result', 'Partial') AS plan,
       (SELECT count(*) FROM (TABLE health_result EXCEPT TABLE health_oracle) d) AS surplus;
-- Workers that see no row, or only NULL.
SELECT health_score(score, weight) FROM health_scores WHERE id = 12345;
SELECT health_score(score, weight) FROM health_scores WHERE customer = 17;
SELECT count(*) AS surplus FROM (SELECT health_score(score, weight) FROM health_scores WHERE id < 100 OR customer = 17
                                 EXCEPT SELECT health_score(score, weight) FROM health_scores WHERE id < 100) d;

-- Partition by partition, one of them empty.
CREATE TABLE health_parts (customer integer, score numeric, weight numeric) PARTITION BY RANGE (customer);
CREATE TABLE health_parts_0 PARTITION OF health_parts FOR VALUES FROM (0) TO (9);
CREATE TABLE health_parts_1 PARTITION OF health_parts FOR VALUES FROM (9) TO (17);
CREATE TABLE health_parts_2 PARTITION OF health_parts FOR VALUES FROM (17) TO (18);
CREATE TABLE health_parts_3 PARTITION OF health_parts FOR VALUES FROM (18) TO (19);
CREATE TABLE health_parts_4 PARTITION OF health_parts FOR VALUES FROM (19) TO (20);
INSERT INTO health_parts SELECT customer, score, weight FROM health_scores;
ANALYZE health_parts;
SET enable_partitionwise_aggregate = on;
SELECT count(*) AS surplus FROM (SELECT health_score(score, weight) FROM health_parts EXCEPT TABLE health_first) d;
SET max_parallel_workers_per_gather = 0;
SELECT pg_temp.plan_has('SELECT health_score(score, weight) FROM health_parts', 'Partial') AS plan,
       (SELECT count(*) FROM (SELECT health_score(score, weight) FROM health_parts EXCEPT TABLE health_first) d) AS surplus,
       (SELECT count(*) FROM (SELECT customer, health_score(score, weight) FROM health_parts GROUP BY customer
                              EXCEPT TABLE health_oracle) d) AS surplus_by_customer;
RESET ALL;
DROP TABLE health_parts;

-- FILTER, OVER, GROUPING SETS, shuffled rows.
SELECT customer, round(health_score(score, weight) FILTER (WHERE id % 2 = 0), 6) AS even
FROM health_scores WHERE customer IN (0, 17) GROUP BY customer ORDER BY customer;
SELECT count(*) AS groups, count(*) FILTER (WHERE r.value IS DISTINCT FROM CASE WHEN r.customer IS NULL THEN f.value ELSE o.value END) AS different
FROM (SELECT customer, health_score(score, weight) AS value FROM health_scores GROUP BY GROUPING SETS ((customer), ())) r
LEFT JOIN health_oracle o USING (customer) CROSS JOIN health_first f;
SELECT n, score, weight, health_score(score, weight) OVER (ORDER BY n) AS running,
       health_score(score, weight) OVER (ORDER BY n ROWS 1 PRECEDING) AS last_two
FROM (VALUES (1, NULL, 2), (2, 40, 1), (3, 80, 3), (4, 10, 0), (5, NULL, NULL)) v (n, score, weight) ORDER BY n;
SELECT count(*) AS surplus FROM (SELECT health_score(score, weight) FROM (SELECT score, weight FROM health_scores
                                 ORDER BY id * 48271::bigint % 99991) q EXCEPT TABLE health_first) d;
DROP VIEW health_oracle, health_result, health_total;
DROP TABLE health_first, health_scores;

-- The support functions leave their arguments as they are, and refuse what the aggregate does not make.
SELECT state, health_score_trans(state, 50, 2) AS one_more, health_score_trans(state, NULL, 2) AS none,
       health_score_combine(state, state) AS twice, health_score_final(state), state AS unchanged
FROM (VALUES ('{90,3}'::numeric[])) v (state);
SELECT health_score_trans(NULL, 50, 2), health_score_trans(NULL, NULL, NULL), health_score_combine(NULL, NULL),
       health_score_final(NULL), health_score_final('{0,0}');
SELECT pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'health_score_trans(''{}'', 1, 1)'), (2, 'health_score_trans(''{1}'', 1, 1)'), (3, 'health_score_trans(''{1,2,3}'', 1, 1)'),
    (4, 'health_score_trans(''{1,NULL}'', 1, 1)'), (5, 'health_score_trans(''{{1,2}}'', 1, 1)'),
    (6, 'health_score_combine(''{1,2}'', ''{1}'')'), (7, 'health_score_combine(''{}'', ''{1,2}'')'),
    (8, 'health_score_combine(''{1,2}'', ''{NaN,2}'')'), (9, 'health_score_final(''{1,Infinity}'')'),
    (10, 'health_score_final(''{1,-2}'')'), (11, 'health_score_final(''{{1},{2}}'')'), (12, 'health_score_final(''{NULL,NULL}'')'),
    (13, 'length(health_score_combine(array[9e131071, 1], array[9e131071, 1])::text)')
) AS v (n, call) ORDER BY n;

-- Marks of the aggregate: a plain state, combined, parallel safe, no initial value, a comment.
SELECT aggfnoid::regprocedure AS aggregate, aggtranstype::regtype AS state, aggcombinefn::regproc AS combined_by,
       proparallel, provolatile, agginitval, obj_description(p.oid, 'pg_proc') AS comment
FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid
WHERE aggcombinefn::text = 'health_score_combine';
SELECT proname FROM pg_proc
WHERE prosrc ~ '^cm_health_score_'
  AND (provolatile <> 'i' OR proparallel <> 's' OR obj_description(oid, 'pg_proc') IS NULL);
