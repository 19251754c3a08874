-- Surveys: NPS and CSAT, from totals and over answers.
\pset null NULL

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- From totals; the first two are published examples.
SELECT nps(100, 90, 60), round(nps(120, 45, 30), 2) AS nps, nps(1, 2, 0), nps(0, 0, 3), nps(3, 0, 0), nps(0, 3, 0);
SELECT nps(promoters => 50, passives => 30, detractors => 20), csat_rate(satisfied => 60, responses => 100);
SELECT csat_rate(2, 3), csat_rate(0, 3), csat_rate(3, 3);
SELECT nps(0, 0, 0), csat_rate(0, 0), csat_rate(5, 0), nps(NULL, 1, 1), csat_rate(1, NULL);
SELECT pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'nps(-1, 0, 0)'), (2, 'nps(1, -1, 0)'), (3, 'nps(1, 0, -1)'), (4, 'nps(''NaN'', 1, 1)'),
    (5, 'csat_rate(-1, 0)'), (6, 'csat_rate(1, -1)'), (7, 'csat_rate(4, 3)'), (8, 'csat_rate(1, ''Infinity'')')
) AS v (n, call) ORDER BY n;

-- NPS over answers: the published examples, each score alone, nothing, NULL only.
SELECT nps(score) FROM (SELECT 10 AS score FROM generate_series(1, 100) UNION ALL SELECT 8 FROM generate_series(1, 90)
                        UNION ALL SELECT 0 FROM generate_series(1, 60)) q;
SELECT round(nps(score), 2) AS nps
FROM (SELECT 9 AS score FROM generate_series(1, 120) UNION ALL SELECT 7 FROM generate_series(1, 45)
      UNION ALL SELECT 6 FROM generate_series(1, 30)) q;
SELECT score, nps(score), csat(score + 1, 11) FROM generate_series(0, 10) score GROUP BY score ORDER BY score;
SELECT nps(score), csat(score), csat(score, 7) FROM (VALUES (5::numeric)) v (score) WHERE false;
SELECT nps(score), csat(score), csat(score, 7), csat(score, NULL)
FROM (VALUES (NULL::numeric), (NULL)) v (score);
SELECT nps(score), csat(score / 2) FROM (VALUES (10.0), (NULL), (8.00), (2), (NULL)) v (score);

-- CSAT over answers: top two boxes of five, or of the scale.
SELECT csat(score) FROM (VALUES (1), (2), (3), (4), (5), (5)) v (score);
SELECT csat(score, 7) AS seven, csat(score, 5) AS five, csat(score, 10) AS ten
FROM (VALUES (1), (2), (3), (4), (5), (5)) v (score);
SELECT csat(score, 3) FROM (VALUES (1), (2), (3), (NULL)) v (score);
SELECT csat(score, scale) FROM (VALUES (2147483647, 2147483647), (2147483646, 2147483647), (2147483645, 2147483647),
                                       (NULL, NULL), (NULL, 5)) v (score, scale);
SELECT scale, csat(score, scale) FROM (VALUES (5, 5), (4, 5), (4, 7), (6, 7), (1, 7)) v (score, scale) GROUP BY scale ORDER BY scale;

-- Errors.
SELECT pg_temp.err(format('SELECT %s FROM (VALUES (%s)) v (score)', call, score)) AS error FROM (VALUES
    (1, 'nps(score)', '11'), (2, 'nps(score)', '-1'), (3, 'nps(score)', '9.5'), (4, 'nps(score)', '''NaN''::numeric'),
    (5, 'nps(score)', '''Infinity''::numeric'), (6, 'nps(score)', '1e30'), (7, 'nps(score)', '10.0000000000000001'),
    (8, 'nps(score)', '5), (99'),
    (9, 'csat(score)', '0'), (10, 'csat(score)', '6'), (11, 'csat(score)', '4.5'), (12, 'csat(score)', '''NaN''::numeric'),
    (13, 'csat(score, 7)', '8'), (14, 'csat(score, 7)', '0'), (15, 'csat(score, 2147483647)', '2147483648'),
    (16, 'csat(score, 2)', '1'), (17, 'csat(score, 0)', '1'), (18, 'csat(score, -5)', '1'), (19, 'csat(score, NULL)', '1'),
    (20, 'csat(score, score + 2)', '3), (4')
) AS v (n, call, score) ORDER BY n;

-- The same answers on every plan.
CREATE TABLE survey_answers (id integer, segment integer, score numeric);
INSERT INTO survey_answers
SELECT g, g * 7919 % 13, CASE WHEN g % 10 <> 0 THEN g * 104729::bigint % 11 END FROM generate_series(1, 20000) g;
-- A segment without answers.
INSERT INTO survey_answers SELECT g, 13, NULL FROM generate_series(20001, 22000) g;
ANALYZE survey_answers;
CREATE VIEW survey_oracle AS
SELECT segment,
       100 * (count(*) FILTER (WHERE score >= 9) - count(*) FILTER (WHERE score <= 6))::numeric / nullif(count(score), 0) AS nps,
       count(*) FILTER (WHERE score >= 9)::numeric / nullif(count(score), 0) AS csat
FROM survey_answers GROUP BY segment;
CREATE VIEW survey_result AS
SELECT segment, nps(score) AS nps, csat(score + 1, 11) AS csat FROM survey_answers GROUP BY segment;
CREATE VIEW survey_total AS
SELECT nps(score) AS nps, csat(score + 1, 11) AS csat FROM survey_answers;
CREATE TABLE survey_first AS SELECT * FROM survey_total;
SELECT * FROM survey_first;
SELECT segment, nps, round(csat, 4) AS csat FROM survey_result WHERE segment >= 11 ORDER BY segment;

SET enable_hashagg = off;
SELECT pg_temp.plan_has('SELECT * FROM survey_result', 'GroupAggregate') AS plan,
       (SELECT count(*) FROM (TABLE survey_result EXCEPT TABLE survey_oracle) d) AS surplus,
       (SELECT count(*) FROM (TABLE survey_oracle EXCEPT TABLE survey_result) d) AS missing;
RESET enable_hashagg;
SET enable_sort = off;
SELECT pg_temp.plan_has('SELECT * FROM survey_result', 'HashAggregate') AS plan,
       (SELECT count(*) FROM (TABLE survey_result EXCEPT TABLE survey_oracle) d) AS surplus;
RESET enable_sort;

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 4;
ALTER TABLE survey_answers SET (parallel_workers = 4);
SELECT pg_temp.plan_has('SELECT * FROM survey_total', 'Partial') AS plan,
       (SELECT count(*) FROM (TABLE survey_total EXCEPT TABLE survey_first) d) AS surplus;
SELECT pg_temp.plan_has('SELECT * FROM survey_result', 'Partial') AS plan,
       (SELECT count(*) FROM (TABLE survey_result EXCEPT TABLE survey_oracle) d) AS surplus;
-- Workers that see no row, or only NULL.
SELECT nps(score), csat(score), csat(score, 5) FROM survey_answers WHERE id = 12345;
SELECT nps(score), csat(score), csat(score, 5) FROM survey_answers WHERE segment = 13;
SELECT pg_temp.err('SELECT csat(3, 5 + segment % 2) FROM survey_answers') ~
       '^22023: scale must be the same in all rows of a group, not (5 and 6|6 and 5) / ' AS scales_differ;

-- Partition by partition, one of them empty.
CREATE TABLE survey_parts (segment integer, score numeric) PARTITION BY LIST (segment);
CREATE TABLE survey_parts_0 PARTITION OF survey_parts FOR VALUES IN (0, 1, 2, 3, 4, 5, 6);
CREATE TABLE survey_parts_1 PARTITION OF survey_parts FOR VALUES IN (7, 8, 9, 10, 11, 12);
CREATE TABLE survey_parts_2 PARTITION OF survey_parts FOR VALUES IN (13);
CREATE TABLE survey_parts_3 PARTITION OF survey_parts FOR VALUES IN (14);
INSERT INTO survey_parts SELECT segment, score FROM survey_answers;
ANALYZE survey_parts;
SET enable_partitionwise_aggregate = on;
SELECT count(*) AS surplus FROM (SELECT nps(score), csat(score + 1, 11) FROM survey_parts EXCEPT TABLE survey_first) d;
SET max_parallel_workers_per_gather = 0;
SELECT pg_temp.plan_has('SELECT nps(score), csat(score + 1, 11) FROM survey_parts', 'Partial') AS plan,
       (SELECT count(*) FROM (SELECT nps(score), csat(score + 1, 11) FROM survey_parts EXCEPT TABLE survey_first) d) AS surplus,
       (SELECT count(*) FROM (SELECT segment, nps(score), csat(score + 1, 11) FROM survey_parts GROUP BY segment
                              EXCEPT TABLE survey_oracle) d) AS surplus_by_segment;
RESET ALL;
DROP TABLE survey_parts;

-- FILTER, OVER, GROUPING SETS, a moving frame, shuffled rows.
SELECT segment, nps(score) FILTER (WHERE id % 2 = 0) AS even,
       round(csat(score + 1, 11) FILTER (WHERE score IS NOT NULL), 4) AS answered
FROM survey_answers WHERE segment IN (0, 13) GROUP BY segment ORDER BY segment;
SELECT count(*) AS groups, count(*) FILTER (WHERE r.nps IS DISTINCT FROM coalesce(o.nps, f.nps)) AS different
FROM (SELECT segment, nps(score) AS nps FROM survey_answers WHERE segment < 13 GROUP BY GROUPING SETS ((segment), ())) r
LEFT JOIN survey_oracle o USING (segment) CROSS JOIN survey_first f;
SELECT n, score, nps(score) OVER (ORDER BY n) AS running, nps(score) OVER (ORDER BY n ROWS 1 PRECEDING) AS last_two,
       csat(score + 1, 11) OVER (ORDER BY n) AS csat
FROM (VALUES (1, NULL), (2, 10), (3, 3), (4, 9), (5, NULL), (6, 8)) v (n, score) ORDER BY n;
SELECT count(*) AS surplus FROM (SELECT nps(score), csat(score + 1, 11) FROM (SELECT score FROM survey_answers
                                 ORDER BY id * 48271::bigint % 99991) q EXCEPT TABLE survey_first) d;
CREATE MATERIALIZED VIEW survey_stored AS SELECT * FROM survey_result;
SELECT count(*) AS surplus FROM (TABLE survey_stored EXCEPT TABLE survey_oracle) d;
DROP MATERIALIZED VIEW survey_stored;
DROP VIEW survey_oracle, survey_result, survey_total;
DROP TABLE survey_first, survey_answers;

-- The support functions leave their arguments as they are, and refuse what the aggregates do not make.
SELECT state, nps_trans(state, 10) AS promoter, nps_trans(state, NULL) AS none, nps_combine(state, state) AS twice, state AS unchanged
FROM (VALUES ('{1,2,3}'::bigint[])) v (state);
SELECT csat_trans(NULL, 4), csat_trans('{5,1,2}', 5), csat_trans('{7,1,2}', 5, 7), csat_combine('{5,1,2}', '{5,3,4}'),
       csat_final('{5,3,4}'), csat_final('{5,0,0}');
SELECT nps_trans(NULL, 7), nps_trans(NULL, NULL), nps_combine(NULL, NULL), csat_combine(NULL, NULL),
       nps_final('{0,0,0}'), nps_final(NULL), csat_trans(NULL, NULL, NULL);
SELECT nps_final('{9223372036854775807,9223372036854775807,0}');
SELECT pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'nps_trans(''{}'', 1)'), (2, 'nps_trans(''{1,2}'', 1)'), (3, 'nps_trans(''{1,2,3,4}'', 1)'),
    (4, 'nps_trans(''{1,NULL,3}'', 1)'), (5, 'nps_trans(''{{1,2,3}}'', 1)'), (6, 'nps_trans(''{1,2,-3}'', 1)'),
    (7, 'nps_trans(''{9223372036854775807,0,0}'', 10)'), (8, 'nps_combine(''{1,2,3}'', ''{1}'')'),
    (9, 'nps_combine(''{1}'', ''{1,2,3}'')'), (10, 'nps_combine(''{0,0,9223372036854775807}'', ''{0,0,1}'')'),
    (11, 'nps_final(''{}'')'), (12, 'nps_final(''{{1},{2},{3}}'')'), (13, 'nps_final(''{NULL,NULL,NULL}'')'),
    (14, 'csat_trans(''{5}'', 1)'), (15, 'csat_trans(''{5,1,2}'', 1, 7)'), (16, 'csat_trans(''{5,NULL,2}'', 1, 5)'),
    (17, 'csat_trans(''{5,0,9223372036854775807}'', 1)'), (18, 'csat_combine(''{5,1,2}'', ''{7,1,2}'')'),
    (19, 'csat_combine(''{5,1,2}'', ''{}'')'), (20, 'csat_final(''{1,2}'')'), (21, 'csat_final(''{5,-1,2}'')'),
    (22, 'csat_combine(''{5,1,9223372036854775807}'', ''{5,1,1}'')')
) AS v (n, call) ORDER BY n;

-- Marks of the aggregates: a plain state, combined, parallel safe, no initial value, a comment.
SELECT aggfnoid::regprocedure AS aggregate, aggtranstype::regtype AS state, aggcombinefn::regproc AS combined_by,
       proparallel, provolatile, agginitval, obj_description(p.oid, 'pg_proc') AS comment
FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid
WHERE aggcombinefn::text IN ('nps_combine', 'csat_combine') ORDER BY aggfnoid::regprocedure::text COLLATE "C";
SELECT proname FROM pg_proc
WHERE prosrc ~ '^cm_(nps|csat)'
  AND (provolatile <> 'i' OR proparallel <> 's' OR obj_description(oid, 'pg_proc') IS NULL);
