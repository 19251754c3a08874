-- customer_movements: the customers behind a cell of a report.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_evidence;
SET search_path = test_evidence, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set oracle_file :abs_srcdir '/oracle.sql'
\set rows_file :abs_srcdir '/rows.sql'
\set ECHO none
\i :helpers
\i :oracle_file
\i :rows_file
\set ECHO all

-- March 2024, a customer or two for every movement.
CREATE TABLE subs (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO subs VALUES
    (10, '2024-03-01', NULL, 15),                                               -- new at the boundary
    (1, '2024-01-10', NULL, 100),                                               -- stays
    (2, '2024-01-15', '2024-03-20', 50),                                        -- leaves
    (3, '2024-03-05', '2024-03-25', 30),                                        -- comes and goes, never there before
    (4, '2024-01-20', '2024-03-04', 40), (4, '2024-03-09', NULL, 60),           -- away for five days, back with more
    (5, '2024-01-20', '2024-02-27', 20), (5, '2024-03-03', NULL, 20),           -- away for five days over the boundary
    (6, '2024-03-10', NULL, 0),                                                 -- begins free
    (7, '2024-01-05', '2024-03-15', 70), (7, '2024-03-15', NULL, 0),            -- falls to a free plan
    (8, '2023-10-01', '2023-11-01', 10), (8, '2024-03-10', 'infinity', 10),     -- back after 130 days
    (9, '2024-01-01', '2024-04-01', 80),                                        -- ends at the boundary
    (11, '2024-02-01', '2024-03-12', 90), (11, '2024-03-12', NULL, 60),         -- a smaller plan
    (12, '2023-12-01', '2023-12-20', 5), (12, '2024-03-02', '2024-03-04', 5),   -- comes and goes, was there before: 73 days away
    (13, '2024-01-01', '2024-03-05', 30), (13, '2024-01-01', '2024-03-05', 20), -- two plans become one at the same price,
    (13, '2024-03-05', NULL, 50), (13, '2024-03-11', '2024-03-16', 5),          -- and five days at 55
    (14, '2024-03-03', '2024-03-03', 999), (NULL, NULL, NULL, NULL);            -- nothing

-- By hand: 2 churned 50, 3 transient_new, 4 expansion 20, 5 reactivation 20, 7 churned 70, 8 reactivation 10, 10 new 15, 11 contraction 30, 12 transient.
SELECT * FROM customer_movements('TABLE subs', '2024-03-01', '2024-04-01');
-- And 1 9 13 unchanged.
SELECT customer, movement, opening_mrr, closing_mrr, change, first_start FROM customer_movements('TABLE subs', '2024-03-01', '2024-04-01', include_unchanged => true) WHERE movement = 'unchanged';
-- The cells: opening 100 + 50 + 40 + 70 + 80 + 90 + 50 = 480 of 7; net new 20 + 20 + 10 + 15 - 50 - 70 - 30 = -85.
SELECT c.opening_customers, c.new_customers, c.reactivated_customers, c.churned_customers, c.closing_customers, c.transient_customers, c.transient_new_customers, m.opening_mrr, m.net_new_mrr, m.closing_mrr
FROM churn_by_period('TABLE subs', '1 month', '2024-03-01', '2024-04-01') c, mrr_movements('TABLE subs', '1 month', '2024-03-01', '2024-04-01') m;
SELECT count(*) FILTER (WHERE movement IN ('churned', 'expansion', 'contraction', 'unchanged')) AS opening_customers,
       count(*) FILTER (WHERE movement IN ('new', 'reactivation', 'expansion', 'contraction', 'unchanged')) AS closing_customers,
       sum(opening_mrr) AS opening_mrr, sum(change) AS net_new_mrr, sum(closing_mrr) AS closing_mrr
FROM customer_movements('TABLE subs', '2024-03-01', '2024-04-01', include_unchanged => true);
-- Without mrr, every running row: 2 churned, 3 transient_new, 5 8 reactivation, 6 10 new, 12 transient; no amounts. 4, 7, 11 are unchanged, as are 1 9 13.
SELECT * FROM customer_movements('SELECT customer, started_at, ended_at FROM subs', '2024-03-01', '2024-04-01');
SELECT string_agg(customer, ' ' ORDER BY customer::int) AS unchanged, count(opening_mrr) AS amounts
FROM customer_movements('SELECT customer, started_at, ended_at FROM subs', '2024-03-01', '2024-04-01', include_unchanged => true) WHERE movement = 'unchanged';

-- Policies. One line per policy: customer, movement, opening > closing, first_start.
CREATE FUNCTION pg_temp.shown(policy churn_policy, every interval DEFAULT NULL, unchanged boolean DEFAULT false, query text DEFAULT 'TABLE subs') RETURNS SETOF text LANGUAGE sql AS $$
    SELECT customer || ' ' || movement || ' ' || coalesce(round(opening_mrr) || '>' || round(closing_mrr), '') || ' since ' || to_char(first_start, 'YYMMDD')
    FROM customer_movements(query, '2024-03-01', '2024-04-01', NULL, policy, every, NULL, unchanged) WITH ORDINALITY ORDER BY ordinality
$$;
-- basis events, in order of time: 3 comes and goes, 4 goes and comes, 12 comes and goes, 13 goes up and down.
SELECT pg_temp.shown(churn_policy(basis => 'events'));
-- unchanged are those at both ends for whom nothing happened: 1 and 9, not 13.
SELECT * FROM pg_temp.shown(churn_policy(basis => 'events'), NULL, true) s WHERE s LIKE '% unchanged %';
-- boundary at: 9 leaves in March; 10 came in February, since every moment is moved back by a microsecond: first_start is the day that decides the cohort.
SELECT * FROM pg_temp.shown(churn_policy(boundary => 'at'), NULL, true) s WHERE split_part(s, ' ', 1) IN ('9', '10');
SELECT * FROM customer_movements('TABLE subs', '2024-02-01', '2024-03-01', policy => churn_policy(boundary => 'at'));    -- 5 churned 20, 10 new 15; 11 is of January
-- grace: five days are no gap, four are one. As events, 4 then expands from 40 on the day it is back.
SELECT grace, s FROM (VALUES (interval '4 days'), ('5 days')) v (grace), pg_temp.shown(churn_policy(grace => v.grace, basis => 'events')) s WHERE split_part(s, ' ', 1) IN ('4', '5') ORDER BY grace, s;
-- minimum_absence: away for five days is an absence of five days; below six it is MRR of nothing: 5 expands from 0, 4 contracts to 0 and expands.
SELECT length, s FROM (VALUES (interval '5 days'), ('6 days')) v (length), pg_temp.shown(churn_policy(minimum_absence => length, basis => 'events')) s WHERE split_part(s, ' ', 1) IN ('4', '5') ORDER BY length, s;
SELECT * FROM pg_temp.shown(churn_policy(minimum_absence => '6 days')) s WHERE split_part(s, ' ', 1) IN ('4', '5');
-- count_free: 6 is new at 0, 7 contracts to 0.
SELECT * FROM pg_temp.shown(churn_policy(count_free => true)) s WHERE split_part(s, ' ', 1) IN ('6', '7');
-- reactivation_window: 8 is new in March, 12 is back within 73 days; after 72 it is new too.
SELECT length, s FROM (VALUES (interval '72 days'), ('73 days'), ('130 days')) v (length), pg_temp.shown(churn_policy(reactivation_window => length)) s WHERE split_part(s, ' ', 1) IN ('8', '12') ORDER BY length, s;
-- Lives: 1 leaves and is back in a new one, unchanged; 2 is lost, and lost again in a new one: what is lost is the life of the opening; 3 is lost, and back in a new one, with less.
CREATE TABLE lives (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO lives VALUES (1, '2024-01-01', '2024-03-05', 10), (1, '2024-03-20', NULL, 10), (2, '2024-01-02', '2024-03-05', 10), (2, '2024-03-20', '2024-03-22', 20), (3, '2024-01-03', '2024-03-05', 30), (3, '2024-03-20', NULL, 20);
SELECT pg_temp.shown(churn_policy(reactivation_window => '10 days'), NULL, true, 'TABLE lives');
SELECT pg_temp.shown(churn_policy(reactivation_window => '10 days', basis => 'events'), NULL, true, 'TABLE lives');
-- lookback: opening is the start of February. 5 is there at both ends, 11 is new; 2 3 4 7 8 10 12 as before, 1 5 9 13 unchanged.
SELECT pg_temp.shown(churn_policy(lookback => 2), '1 month');
SELECT string_agg(split_part(s, ' ', 1), ' ' ORDER BY split_part(s, ' ', 1)::int) AS unchanged FROM pg_temp.shown(churn_policy(lookback => 2), '1 month', true) s WHERE s LIKE '% unchanged %';
-- With events both months' changes: those of March, 5 churned 20 on 27 February, 11 new 90 on 1 February.
SELECT * FROM pg_temp.shown(churn_policy(lookback => 2, basis => 'events'), '1 month') s WHERE split_part(s, ' ', 1) IN ('5', '11');
SELECT count(*) - (SELECT count(*) FROM pg_temp.shown(churn_policy(basis => 'events'))) AS more FROM pg_temp.shown(churn_policy(lookback => 2, basis => 'events'), '1 month');
-- A fiscal grid: the two months up to 15 March begin on 15 January. 1 7 9 13 are there, the others come: 12 goes again, 8 was there before, 13 is at 55.
SELECT customer, movement, opening_mrr, closing_mrr FROM customer_movements('TABLE subs', '2024-02-15', '2024-03-15', policy => churn_policy(lookback => 2), every => '1 month', origin => '2001-01-15');
-- Axes that only make rates do not matter.
SELECT count(*) AS differ FROM (SELECT * FROM pg_temp.shown(churn_policy(denominator => 'average', count_transient => true, reactivation_offsets => true, smoothing => 6), '1 month')
    EXCEPT ALL SELECT * FROM pg_temp.shown(NULL)) d;

-- A row of a report that is cut short, and periods of any length; every may be given where it is not needed.
SELECT customer, movement FROM customer_movements('TABLE subs', '2024-03-10', '2024-03-16');
SELECT customer, movement FROM customer_movements('TABLE subs', '2024-03-10', '2024-03-16', every => '1 month');
SELECT count(*) AS year FROM customer_movements('TABLE subs', '2023-01-01', '2024-01-01');    -- 8 and 12: came and went
SELECT count(*) AS before, (SELECT count(*) FROM customer_movements('TABLE subs', '2035-01-01', '2036-01-01')) AS after FROM customer_movements('TABLE subs', '2020-01-01', '2021-01-01');
-- Nothing, one row, padding only.
SELECT count(*) FROM customer_movements('SELECT 1, date ''2024-01-01'', NULL::date, 1 WHERE false', '2024-03-01', '2024-04-01', include_unchanged => true);
SELECT count(*) FROM customer_movements('SELECT customer, started_at, ended_at, mrr FROM subs WHERE customer IS NULL OR customer = 14', '2024-03-01', '2024-04-01', include_unchanged => true);
SELECT * FROM customer_movements('SELECT 1, date ''2024-03-31'', NULL, 0.0000005', '2024-03-01', '2024-04-01');

-- Customers: bigint by value, uuid by value, text by the "C" collation, whatever the text holds.
SELECT string_agg(customer, ' ') AS by_value FROM customer_movements('SELECT c, date ''2024-03-01'', NULL, 1 FROM unnest(ARRAY[10, 9, -1, 0, 9223372036854775807]) c', '2024-03-01', '2024-04-01');
SELECT customer FROM customer_movements('SELECT lpad(c, 32, ''0'')::uuid, date ''2024-03-01'', NULL, 1 FROM unnest(ARRAY[''ff'', ''a'', ''9'']) c', '2024-03-01', '2024-04-01');
CREATE TABLE names (customer text, started_at date, ended_at date, mrr numeric);
INSERT INTO names SELECT n, '2024-03-01', NULL, 1 FROM unnest(ARRAY['b', 'B', 'a', '', ' a', 'O''Brien', 'say "hi"', '$$', '\x00', 'Zoë', 'Ære', 'łódź', '日本', '2', '10', 'NULL']) n;
SELECT quote_nullable(customer) AS customer FROM customer_movements('TABLE names', '2024-03-01', '2024-04-01');
SELECT string_agg(customer, ' ') AS varchars FROM customer_movements('SELECT customer::varchar(10), started_at, ended_at, mrr FROM names WHERE customer > ''a''', '2024-03-01', '2024-04-01') WHERE customer < 'c';
-- One customer, out of order, overlapping and touching rows: from 30 to 25.
SELECT * FROM customer_movements($$VALUES ('a', date '2024-03-10', date '2024-03-20', 7), ('a', '2024-02-01', '2024-03-10', 20), ('a', '2024-02-10', NULL, 10), ('a', '2024-03-20', NULL, 15)$$, '2024-03-01', '2024-04-01');
-- The hash of a ledger does not matter: 200 text customers, each with its own amount.
SELECT count(*) AS customers, count(DISTINCT customer) AS different, bool_and(customer = 'customer ' || round(closing_mrr)) AS right_amounts
FROM customer_movements('SELECT ''customer '' || g, date ''2024-03-01'', NULL, g FROM generate_series(1, 200) g', '2024-03-01', '2024-04-01');

-- Instants: a start half past midnight of 1 April in Berlin; midnight of 1 April in Kiritimati, and a microsecond before it.
CREATE TABLE instants (customer text, started_at timestamptz, ended_at timestamptz, mrr numeric);
INSERT INTO instants VALUES ('berlin', '2024-03-31 22:30+00', NULL, 1), ('line', '2024-03-31 10:00+00', NULL, 1), ('just before', '2024-03-31 09:59:59.999999+00', NULL, 1);
SELECT zone, customer, movement, first_start FROM unnest(ARRAY['Europe/Berlin', 'Pacific/Kiritimati', 'UTC']) WITH ORDINALITY z (zone, n), customer_movements('TABLE instants', '2024-04-01', '2024-05-01', zone) ORDER BY n, customer;
SELECT customer, first_start FROM customer_movements('TABLE instants', '2024-03-01', '2024-04-01', 'Pacific/Kiritimati');
-- boundary at: the start at midnight is of March.
SELECT customer, first_start FROM customer_movements('TABLE instants', '2024-03-01', '2024-04-01', 'Pacific/Kiritimati', churn_policy(boundary => 'at'));
SET TimeZone = 'Pacific/Kiritimati';
SELECT customer, first_start FROM customer_movements('TABLE instants', '2024-03-01', '2024-04-01');
-- Local time knows no zone.
SELECT * FROM customer_movements($$VALUES ('a', timestamp '2024-03-31 23:59:59.999999', NULL::timestamp)$$, '2024-03-01', '2024-04-01', 'Pacific/Honolulu');
SET TimeZone = 'UTC';
-- A grace of a day in Berlin over the change of the clocks is a day of 23 hours: from Saturday noon to Sunday noon.
SELECT customer, movement FROM customer_movements($$VALUES ('noon', timestamptz '2024-03-01 12:00+01', timestamptz '2024-03-30 12:00+01', 1), ('noon', '2024-03-31 12:00+02', NULL, 2),
    ('later', '2024-03-01 12:00+01', '2024-03-30 12:00+01', 1), ('later', '2024-03-31 12:00:00.000001+02', NULL, 2)$$, '2024-03-31', '2024-04-01', 'Europe/Berlin', churn_policy(grace => '1 day'));

-- Pseudo-random rows of four kinds under several policies: the evidence of every period adds up to the cells of the reports.
CREATE TABLE policies (name text, policy churn_policy);
INSERT INTO policies VALUES
    ('standard', NULL), ('at', churn_policy(boundary => 'at')), ('events', churn_policy(basis => 'events')), ('grace', churn_policy(grace => '1 month')),
    ('window', churn_policy(reactivation_window => '15 days')), ('absence', churn_policy(minimum_absence => '20 days')), ('free', churn_policy(count_free => true)),
    ('lookback', churn_policy(lookback => 3)), ('events, lookback', churn_policy(basis => 'events', lookback => 3, reactivation_window => '1 month')),
    ('all', churn_policy(boundary => 'at', basis => 'events', grace => '1 day', reactivation_window => '2 months', minimum_absence => '10 days', count_free => true)),
    ('all, snapshot', churn_policy(boundary => 'at', grace => '1 day', reactivation_window => '15 days', minimum_absence => '3 days', count_free => true, lookback => 2)),
    ('stripe', churn_policy('stripe')), ('chartmogul', churn_policy('chartmogul')), ('maxio', churn_policy('maxio')), ('fight_churn', churn_policy('fight_churn'));
CREATE TABLE kinds (kind text, query text, zone text, customers text);
CREATE TABLE dates AS SELECT customer, started_at::date, ended_at::date, mrr FROM oracle.random_rows(61, 600, true);
CREATE TABLE times AS SELECT 'no ' || customer AS customer, started_at, ended_at, mrr FROM oracle.random_rows(62, 600);
CREATE TABLE berlin AS SELECT md5(customer::text)::uuid AS customer, started_at AT TIME ZONE 'Europe/Berlin' AS started_at, ended_at AT TIME ZONE 'Europe/Berlin' AS ended_at, mrr FROM oracle.random_rows(63, 600, true);
CREATE TABLE line AS SELECT customer, started_at AT TIME ZONE 'Pacific/Kiritimati' AS started_at, ended_at AT TIME ZONE 'Pacific/Kiritimati' AS ended_at, mrr FROM oracle.random_rows(64, 600);
INSERT INTO kinds VALUES ('dates', 'TABLE dates', NULL, 'bigint'), ('times', 'TABLE times', NULL, 'text'), ('berlin', 'TABLE berlin', 'Europe/Berlin', 'uuid'), ('line', 'TABLE line', 'Pacific/Kiritimati', 'bigint'),
    ('no mrr', 'SELECT customer, started_at, ended_at FROM times', NULL, 'text');
CREATE TABLE cells AS
    SELECT k.kind, p.name, c.* FROM kinds k, policies p, churn_by_period(k.query, '1 month', '2023-01-01', '2023-05-20', k.zone, p.policy) c;
CREATE TABLE amounts AS
    SELECT k.kind, p.name, m.* FROM kinds k, policies p, mrr_movements(k.query, '1 month', '2023-01-01', '2023-05-20', k.zone, p.policy) m WHERE kind <> 'no mrr';
CREATE TABLE cohorts AS
    SELECT k.kind, p.name, r.* FROM kinds k, policies p, cohort_retention(k.query, '1 month', '2023-01-01', '2023-05-20', k.zone, p.policy) r;
CREATE TABLE evidence AS
    SELECT c.kind, c.name, c.period_start, m.*
    FROM cells c JOIN kinds k USING (kind) JOIN policies p USING (name), customer_movements(k.query, c.period_start, c.period_end, k.zone, p.policy, '1 month', NULL, true) WITH ORDINALITY m;
SELECT movement, count(*) > 50 AS often FROM evidence GROUP BY movement ORDER BY movement COLLATE "C";
-- Customers by movement.
WITH sums AS (
    SELECT kind, name, period_start, count(*) FILTER (WHERE movement = 'new'), count(*) FILTER (WHERE movement = 'reactivation'), count(*) FILTER (WHERE movement = 'churned'),
           count(*) FILTER (WHERE movement IN ('transient', 'transient_new')), count(*) FILTER (WHERE movement = 'transient_new')
    FROM evidence GROUP BY kind, name, period_start
), wanted AS (
    SELECT kind, name, period_start, new_customers, reactivated_customers, churned_customers, transient_customers, transient_new_customers FROM cells
)
SELECT (SELECT count(*) FROM wanted) AS rows, (SELECT count(*) FROM (TABLE sums EXCEPT ALL TABLE wanted) d) AS surplus, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE sums) d) AS missing;
-- MRR by movement; net new is the sum of all changes.
WITH sums AS (
    SELECT kind, name, period_start, coalesce(sum(change) FILTER (WHERE movement = 'new'), 0), coalesce(sum(change) FILTER (WHERE movement = 'reactivation'), 0), coalesce(sum(change) FILTER (WHERE movement = 'expansion'), 0),
           -coalesce(sum(change) FILTER (WHERE movement = 'contraction'), 0), -coalesce(sum(change) FILTER (WHERE movement = 'churned'), 0), sum(change)
    FROM evidence WHERE kind <> 'no mrr' GROUP BY kind, name, period_start
), wanted AS (
    SELECT kind, name, period_start, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, net_new_mrr FROM amounts
)
SELECT (SELECT count(*) FROM wanted) AS rows, (SELECT count(*) FROM (TABLE sums EXCEPT ALL TABLE wanted) d) AS surplus, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE sums) d) AS missing;
-- With the unchanged also the openings and closings. They have no basis: of an events policy the same policy as snapshots tells who is there.
CREATE TABLE standing AS
    SELECT c.kind, c.name, c.period_start, m.*
    FROM cells c JOIN kinds k USING (kind) JOIN policies p USING (name),
         customer_movements(k.query, c.period_start, c.period_end, k.zone, jsonb_populate_record(coalesce(p.policy, churn_policy()), '{"basis": "snapshot"}'), '1 month', NULL, true) m;
WITH sums AS (
    SELECT kind, name, period_start, count(*) FILTER (WHERE movement IN ('churned', 'expansion', 'contraction', 'unchanged')), count(*) FILTER (WHERE movement IN ('new', 'reactivation', 'expansion', 'contraction', 'unchanged')),
           sum(opening_mrr), sum(closing_mrr)
    FROM standing GROUP BY kind, name, period_start
), wanted AS (
    SELECT c.kind, c.name, c.period_start, c.opening_customers, c.closing_customers, m.opening_mrr, m.closing_mrr
    FROM cells c LEFT JOIN amounts m ON (c.kind, c.name, c.period_start) = (m.kind, m.name, m.period_start)
)
SELECT (SELECT count(*) FROM wanted) AS rows, (SELECT count(*) FROM (TABLE sums EXCEPT ALL TABLE wanted) d) AS surplus, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE sums) d) AS missing;
-- A cohort's cell is the customers whose life began in its period and who are active at closing.
WITH sums AS (
    SELECT kind, name, date_trunc('month', first_start)::date AS cohort, period_start, count(*) AS customers, sum(closing_mrr) AS mrr
    FROM standing WHERE movement IN ('new', 'reactivation', 'expansion', 'contraction', 'unchanged') GROUP BY 1, 2, 3, 4
), wanted AS (
    SELECT kind, name, cohort, period_start, customers, mrr FROM cohorts WHERE customers > 0
)
SELECT (SELECT count(*) > 1000 FROM wanted) AS many, (SELECT count(*) FROM (TABLE sums EXCEPT ALL TABLE wanted) d) AS surplus, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE sums) d) AS missing;
-- A cohort's size and its MRR at first are the new of its period as events, under every policy: who begins two lives in the period is two. A look-back has no effect on cohorts.
WITH wanted AS (
    SELECT DISTINCT kind, name, cohort, cohort_size, cohort_mrr FROM cohorts
), sums AS (
    SELECT w.kind, w.name, w.cohort, count(*), sum(m.closing_mrr)
    FROM wanted w JOIN kinds k USING (kind) JOIN policies p USING (name),
         customer_movements(k.query, w.cohort, (w.cohort + interval '1 month')::date, k.zone, jsonb_populate_record(coalesce(p.policy, churn_policy()), '{"basis": "events", "lookback": 1}')) m
    WHERE m.movement = 'new' GROUP BY 1, 2, 3
)
SELECT (SELECT count(*) > 1000 FROM wanted) AS many, (SELECT count(*) FROM (TABLE sums EXCEPT ALL TABLE wanted) d) AS surplus, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE sums) d) AS missing;
-- New is who begins its life in the period; whoever is lost, moves or comes back began it before. Snapshots of one period.
SELECT count(*) FILTER (WHERE (movement IN ('new', 'transient_new')) <> (first_start >= period_start)) AS wrong_life
FROM evidence JOIN policies USING (name) WHERE coalesce((policy).basis, 'snapshot') = 'snapshot' AND coalesce((policy).lookback, 1) = 1
  AND NOT (movement IN ('unchanged', 'expansion', 'contraction') AND (policy).reactivation_window IS NOT NULL);    -- who may have left, and be back in a new life
-- What every row says of itself: nothing is wrong.
SELECT count(*) FILTER (WHERE change <> closing_mrr - opening_mrr) AS change_differs,
       count(*) FILTER (WHERE movement = 'expansion' AND change <= 0 OR movement = 'contraction' AND change >= 0 OR movement = 'unchanged' AND change <> 0 OR movement IN ('new', 'reactivation') AND opening_mrr <> 0
                        OR movement = 'churned' AND closing_mrr <> 0 OR movement LIKE 'transient%' AND (opening_mrr <> 0 OR closing_mrr <> 0)) AS wrong_name,
       count(*) FILTER (WHERE kind = 'no mrr' AND num_nonnulls(opening_mrr, closing_mrr, change) > 0 OR kind <> 'no mrr' AND num_nulls(opening_mrr, closing_mrr, change) > 0) AS wrong_nulls,
       count(*) FILTER (WHERE kind = 'no mrr' AND movement IN ('expansion', 'contraction')) AS no_amounts
FROM evidence;
-- One row per customer, of events one per change, in order of time: each begins where the one before ends.
SELECT count(*) FILTER (WHERE n > 1 AND coalesce((policy).basis, 'snapshot') = 'snapshot') AS twice, count(*) FILTER (WHERE n > 1 AND (policy).basis = 'events') > 1000 AS often, count(*) FILTER (WHERE opening_mrr <> before) AS not_in_order
FROM (SELECT *, row_number() OVER w AS n, lag(closing_mrr) OVER w AS before FROM evidence WINDOW w AS (PARTITION BY kind, name, period_start, customer ORDER BY ordinality)) e JOIN policies USING (name);
SELECT customers, count(*) > 1000 AS many, count(*) FILTER (WHERE ordinality <> wanted) AS not_in_order
FROM (SELECT customers, ordinality, row_number() OVER (PARTITION BY kind, name, period_start ORDER BY CASE customers WHEN 'bigint' THEN customer::bigint END, CASE customers WHEN 'uuid' THEN customer::uuid END, customer COLLATE "C", ordinality) AS wanted
      FROM evidence JOIN kinds USING (kind)) e GROUP BY customers ORDER BY customers;
-- Without include_unchanged the same without these; every does not matter where nothing looks back.
SELECT count(*) AS rows FROM (
    SELECT m.* FROM kinds k, policies p, customer_movements(k.query, '2023-03-01', '2023-04-01', k.zone, p.policy, CASE WHEN (p.policy).lookback > 1 THEN interval '1 month' END) m
    EXCEPT ALL SELECT customer, movement, opening_mrr, closing_mrr, change, first_start FROM evidence WHERE period_start = '2023-03-01' AND movement <> 'unchanged') d;

-- The session's zone does not matter where the report's is given, however far they lie apart.
SET TimeZone = 'Pacific/Pago_Pago';
SELECT count(*) > 40 AS many FROM customer_movements('TABLE line', '2023-03-01', '2023-04-01', 'Pacific/Kiritimati');
SELECT count(*) AS differ FROM (SELECT p.name, m.* FROM policies p, customer_movements('TABLE line', '2023-03-01', '2023-04-01', 'Pacific/Kiritimati', p.policy, '1 month', NULL, true) m
    EXCEPT ALL SELECT name, customer, movement, opening_mrr, closing_mrr, change, first_start FROM evidence WHERE kind = 'line' AND period_start = '2023-03-01') d;
SET TimeZone = 'UTC';

-- In queries: beside the report, with parameters, in a subquery.
SELECT c.period_start, c.churned_customers, (SELECT string_agg(customer, ' ') FROM customer_movements('TABLE subs', c.period_start, c.period_end) WHERE movement = 'churned') AS who
FROM churn_by_period('TABLE subs', '1 month', '2024-01-01', '2024-05-01') c ORDER BY 1;
PREPARE lost (date, date) AS SELECT customer FROM customer_movements('TABLE subs', $1, $2) WHERE movement = 'churned' ORDER BY customer;
EXECUTE lost ('2024-03-01', '2024-04-01');
EXECUTE lost ('2024-04-01', '2024-05-01');
DEALLOCATE lost;
-- Where the extension is not in the search path, in a transaction that only reads.
BEGIN READ ONLY;
SET LOCAL search_path = pg_catalog;
SELECT count(*) FROM public.customer_movements('TABLE test_evidence.subs', '2024-03-01', '2024-04-01');
ROLLBACK;

-- Errors of the arguments.
SELECT n, pg_temp.err(format('SELECT * FROM customer_movements(%s)', arguments)) AS error FROM (VALUES
    (1, 'NULL, ''2024-03-01'', ''2024-04-01'''), (2, '''TABLE subs'', NULL, ''2024-04-01'''), (3, '''TABLE subs'', ''2024-03-01'', NULL'), (4, '''TABLE subs'', ''2024-03-01'', ''2024-04-01'', include_unchanged => NULL'),
    (5, '''TABLE subs'', ''2024-04-01'', ''2024-03-01'''), (6, '''TABLE subs'', ''2024-03-01'', ''2024-03-01'''), (7, '''TABLE subs'', ''-infinity'', ''2024-03-01'''), (8, '''TABLE subs'', ''2024-03-01'', ''infinity'''),
    (9, '''TABLE subs'', ''2024-03-01'', ''2024-04-01'', ''Mars/Olympus'''),
    (10, '''TABLE subs'', ''2024-03-01'', ''2024-04-01'', policy => churn_policy(lookback => 2)'), (11, '''TABLE subs'', ''2024-03-01'', ''2024-05-01'', policy => churn_policy(lookback => 2), every => ''1 month'''),
    (12, '''TABLE subs'', ''2024-03-01'', ''2024-05-01'', every => ''1 month'''), (13, '''TABLE subs'', ''2024-03-01'', ''2024-04-01'', every => ''1 month'', origin => ''2001-01-15'''),
    (14, '''TABLE subs'', ''2024-03-01'', ''2024-04-01'', every => ''0 days'''), (15, '''TABLE subs'', ''2024-03-01'', ''2024-04-01'', every => ''24 hours'''), (16, '''TABLE subs'', ''2024-03-01'', ''2024-04-01'', every => ''1 month'', origin => ''infinity'''),
    (17, '''TABLE subs'', ''2024-03-01'', ''2024-04-01'', policy => ROW(''at'', ''flows'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 1)::churn_policy'),
    (18, '''TABLE subs'', ''0001-01-01'', ''2024-01-01'', every => ''1 day''')
) v (n, arguments) ORDER BY n;
-- They come before the query runs.
SELECT pg_temp.err('SELECT * FROM customer_movements(''SELECT 1 / 0, date ''''2024-01-01'''', NULL::date'', ''2024-03-01'', ''2024-02-01'')') AS error;
-- Errors of the query, and of its rows.
SELECT n, pg_temp.err(format('SELECT * FROM customer_movements(%L, ''2024-03-01'', ''2024-04-01'')', query)) AS error FROM (VALUES
    (1, 'SELECT 1, date ''2024-01-01'''), (2, 'SELECT *, 5 FROM subs'), (3, 'SELECT 1.5, started_at, ended_at, mrr FROM subs'), (4, 'SELECT customer, 5, ended_at, mrr FROM subs'), (5, 'SELECT customer, started_at, ended_at, ''5'' FROM subs'),
    (6, 'DELETE FROM subs RETURNING *'), (7, 'TABLE subs; TABLE subs'), (8, ''),
    (9, 'SELECT NULL::int, date ''2024-01-01'', NULL::date, 1'), (10, 'SELECT 1, NULL::date, NULL::date, 1'), (11, 'SELECT 1, date ''2024-01-01'', NULL::date, NULL::int'), (12, 'SELECT 1, date ''2024-01-02'', date ''2024-01-01'', 1'),
    (13, 'SELECT 1, date ''infinity'', NULL::date, 1'), (14, 'SELECT 1, date ''2024-01-01'', date ''-infinity'', 1'), (15, 'SELECT 1, date ''2024-01-01'', NULL::date, ''NaN''::float8'), (16, 'SELECT 1, date ''2024-01-01'', NULL::date, 1e13')
) v (n, query) ORDER BY n;
SELECT left(pg_temp.err('SELECT * FROM customer_movements(''SELECT 1) q; DELETE FROM subs; --'', ''2024-03-01'', ''2024-04-01'')'), 5) AS syntax, count(*) AS still_there FROM subs;

-- The caller's rights: a role that may not read the table, one that sees its own rows, and a function with its owner's rights.
CREATE ROLE regress_cm_stranger;
CREATE ROLE regress_cm_reader;
GRANT USAGE ON SCHEMA test_evidence TO regress_cm_stranger, regress_cm_reader;
CREATE TABLE tenants (tenant text, customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO tenants VALUES ('a', 1, '2024-03-10', NULL, 10), ('a', 2, '2024-01-20', '2024-03-10', 20), ('b', 3, '2024-01-05', '2024-03-10', 400);
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON tenants USING (tenant = current_setting('test.tenant', true));
GRANT SELECT ON tenants TO regress_cm_reader;
CREATE FUNCTION owners() RETURNS TABLE (customer int, started_at date, ended_at date, mrr numeric) LANGUAGE sql SECURITY DEFINER AS 'SELECT customer, started_at, ended_at, mrr FROM test_evidence.tenants';
SET ROLE regress_cm_stranger;
SELECT pg_temp.err('SELECT * FROM customer_movements(''SELECT customer, started_at, ended_at, mrr FROM tenants'', ''2024-03-01'', ''2024-04-01'')') AS error;
SELECT count(*) FROM customer_movements('SELECT * FROM owners()', '2024-03-01', '2024-04-01');
SET ROLE regress_cm_reader;
SELECT count(*) FROM customer_movements('SELECT customer, started_at, ended_at, mrr FROM tenants', '2024-03-01', '2024-04-01');
SET test.tenant = 'a';
SELECT customer, movement, change FROM customer_movements('SELECT customer, started_at, ended_at, mrr FROM tenants', '2024-03-01', '2024-04-01');
RESET ROLE;
SELECT count(*) FROM customer_movements('SELECT customer, started_at, ended_at, mrr FROM tenants', '2024-03-01', '2024-04-01');
-- Read only: a function that the query calls must not write, afterwards the transaction can.
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO subs VALUES (99, '2024-01-01', NULL, 1); RETURN 99; END $$;
SELECT left(pg_temp.err('SELECT * FROM customer_movements(''SELECT writes(), date ''''2024-01-01'''', NULL::date'', ''2024-03-01'', ''2024-04-01'')'), 5) AS code, current_setting('transaction_read_only') AS read_only;
BEGIN;
SELECT count(*), writes() FROM customer_movements('TABLE subs', '2024-03-01', '2024-04-01');
ROLLBACK;

-- What the planner may assume, and a comment.
SELECT proargnames[1:8] AS takes, provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc WHERE proname = 'customer_movements' AND pronamespace = 'public'::regnamespace;

-- A zone that is many days from any other.
SELECT * FROM customer_movements($$VALUES (10, timestamptz '2024-01-08 00:00Z', NULL::timestamptz, 5), (11, '2024-01-01 00:00Z', NULL, 5)$$, '2024-01-01', '2024-01-02', 'XXX+160');

SET client_min_messages = warning;
DROP SCHEMA test_evidence, oracle CASCADE;
DROP ROLE regress_cm_stranger, regress_cm_reader;
