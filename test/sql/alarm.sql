-- churn_alarm: the periods whose churn lies above a target beyond chance.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_alarm;
SET search_path = test_alarm, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set oracle_file :abs_srcdir '/oracle.sql'
\set rows_file :abs_srcdir '/rows.sql'
\set ECHO none
\i :helpers
\i :oracle_file
\i :rows_file
\set ECHO all

-- February 2024, with so many customers at opening of whom so many are lost.
CREATE FUNCTION pg_temp.lost(lost int, customers int) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT g, date ''2024-01-01'', CASE WHEN g <= %s THEN date ''2024-02-10'' END, 1 FROM generate_series(1, %s) g', lost, customers) $$;
CREATE FUNCTION pg_temp.bound(lost int, customers int, confidence numeric DEFAULT 0.95, target numeric DEFAULT 0) RETURNS numeric LANGUAGE sql AS
$$ SELECT lower_bound FROM churn_alarm(pg_temp.lost(lost, customers), target, confidence, '1 month', '2024-02-01', '2024-03-01') $$;
-- Wilson's lower bound as it is written: p + z^2/2n - z sqrt(p(1-p)/n + z^2/4n^2), over 1 + z^2/n.
CREATE FUNCTION wilson(lost float8, n float8, z float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT (lost / n + z * z / (2 * n) - z * sqrt(lost / n * (1 - lost / n) / n + z * z / (4 * n * n))) / (1 + z * z / n) $$;

-- 10 of 100 at 95 percent: p = 0.1, z = 1.959964: (0.1 + 0.0192073 - 1.959964 sqrt(0.0009 + 0.0000960365)) / 1.0384146 = 0.0573506 / 1.0384146 = 0.0552291.
SELECT * FROM churn_alarm(pg_temp.lost(10, 100), 0.05, 0.95, '1 month', '2024-02-01', '2024-03-01');
SELECT a.* FROM (SELECT subscription_ledger(g, date '2024-01-01', CASE WHEN g <= 10 THEN date '2024-02-10' END, 1) AS l FROM generate_series(1, 100) g) q, churn_alarm(l, 0.05, since => '2024-02-01', until => '2024-03-01') a;
SELECT a.* FROM (SELECT subscription_ledger(g, date '2024-01-01', CASE WHEN g <= 10 THEN date '2024-02-10' END) AS l FROM generate_series(1, 100) g) q, churn_alarm(ledger => l, confidence => 0.95, target => 0.05, since => '2024-02-01', until => '2024-03-01') a;
-- Published, to four decimals: 81 of 263, 15 of 148, 1 of 29 and none of 20 (Newcombe 1998, method 3).
SELECT lost, customers, published, coalesce(round(pg_temp.bound(lost, customers), 4), 0) AS bound FROM (VALUES (81, 263, 0.2553), (15, 148, 0.0624), (1, 29, 0.0061), (0, 20, 0.0000)) v (lost, customers, published);
-- Small numbers: 2 of 20, twice the target, are no proof against 5 percent, 3 of 20 are barely; the more customers, the less it takes.
SELECT lost, customers, pg_temp.bound(lost, customers) AS bound, pg_temp.bound(lost, customers, target => 0.05) IS NOT NULL AS rings
FROM (VALUES (1, 1), (1, 2), (1, 10), (2, 20), (3, 20), (6, 60), (7, 60), (30, 300), (70, 1000)) v (lost, customers);
-- Churn of everybody is 1 / (1 + z^2 / n).
SELECT n, pg_temp.bound(n, n) AS bound, round((1 / (1 + 1.959963984540054 ^ 2 / n))::numeric, 10) AS wanted FROM unnest(ARRAY[1, 2, 5, 100, 10000]) n;
-- Churn of nobody never rings, however many they are; not at a target of 0 either, nor at any confidence.
SELECT count(pg_temp.bound(0, n)) AS rings FROM generate_series(1, 300) n;
SELECT count(pg_temp.bound(0, n, c)) AS rings FROM generate_series(1, 20) n, unnest(ARRAY[0.001, 0.5, 0.9999]) c;
-- The bound is above 0 with one lost, and below the rate.
SELECT bool_and(pg_temp.bound(1, n) BETWEEN 0.0000000001 AND 1.0 / n) AS ok FROM unnest(ARRAY[1, 2, 3, 10, 100, 1000, 100000]) n;

-- Confidence: the surer, the lower. z of the normal distribution's tables.
SELECT confidence, pg_temp.bound(10, 100, confidence) AS bound, abs(pg_temp.bound(10, 100, confidence) - wilson(10, 100, z)::numeric) < 1e-9 AS as_wanted
FROM (VALUES (0.5, 0.6744897501960817), (0.8, 1.2815515655446008), (0.9, 1.6448536269514715), (0.95, 1.9599639845400536), (0.99, 2.5758293035489), (0.999, 3.2905267314919255), (0.9999, 3.89059188641312), (0.999999, 4.891638475698587)) v (confidence, z);
-- Near 0 the bound is the rate itself; near 1 it is far away.
SELECT pg_temp.bound(10, 100, 0.0000000001) AS nearly_0, pg_temp.bound(10, 100, 0.99999999999999) < pg_temp.bound(10, 100, 0.999999) AS nearly_1;
-- Targets: just below and just above the bound of 0.0552291371; 0 rings with any churn, 1 never.
SELECT target, pg_temp.bound(10, 100, 0.95, target) AS bound FROM unnest(ARRAY[0, 0.0552291, 0.05522914, 0.1, 1]) target;
SELECT pg_temp.bound(100, 100, 0.95, 1) AS all_lost_at_1;

-- A year: 100 customers in January, some lost on the 10th of each month: 2 of 100, 9 of 98, 4 of 89, 11 of 85, none of 74, 74 of 74, none of nobody.
CREATE TABLE subs (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO subs SELECT g, '2024-01-01', CASE WHEN g <= 2 THEN date '2024-02-10' WHEN g <= 11 THEN '2024-03-10' WHEN g <= 15 THEN '2024-04-10' WHEN g <= 26 THEN '2024-05-10' ELSE '2024-07-10' END, 10 FROM generate_series(1, 100) g;
INSERT INTO subs SELECT 200 + g, '2024-05-15', '2024-05-20', 10 FROM generate_series(1, 12) g;    -- come and go
SELECT period_start, opening_customers, churned_customers, round(churn_rate, 4) AS churn_rate FROM churn_by_period('TABLE subs', '1 month', '2024-01-01', '2024-10-01');
-- Bounds by hand: 2/100 0.0055, 9/98 0.0491, 4/89 0.0176, 11/85 0.0738, 74/74 0.9507. Against 4 percent: March, May, July; 5 percent: May and July.
SELECT period_start, opening_customers, churned_customers, round(churn_rate, 4) AS churn_rate, round(lower_bound, 4) AS lower_bound, complete FROM churn_alarm('TABLE subs', 0.04, 0.95, '1 month', '2024-01-01', '2024-10-01');
SELECT period_start FROM churn_alarm('TABLE subs', 0.05, until => '2024-10-01');
-- A period that is cut short counts too, and says so.
SELECT period_start, period_end, complete FROM churn_alarm('TABLE subs', 0.04, since => '2024-03-05', until => '2024-05-11');
-- Quarters: 11 of 100 (2 and 9), 15 of 89 (4 and 11), 74 of 74.
SELECT period_start, opening_customers, churned_customers, round(lower_bound, 4) AS lower_bound FROM churn_alarm('TABLE subs', 0.05, 0.95, '3 months', '2024-01-01', '2024-10-01');
SELECT period_start, lower_bound FROM churn_alarm('TABLE subs', 0.05, 0.95, '3 months', '2024-02-01', '2024-08-01', origin => '2001-02-01');

-- Policies. The bound is that of the rate which the policy makes, over its denominator.
CREATE FUNCTION pg_temp.shown(policy churn_policy, target numeric DEFAULT 0.0001) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(to_char(period_start, 'MM') || ' ' || churned_customers || '/' || opening_customers || ' ' || round(churn_rate, 4) || ' > ' || round(lower_bound, 4), ', ' ORDER BY period_start)
    FROM churn_alarm('TABLE subs', target, 0.95, '1 month', '2024-02-01', '2024-06-01', policy => policy)
$$;
SELECT pg_temp.shown(NULL) AS standard;
-- smoothing: sums over three months: 2/100 (January opens with nobody), 11/198, 15/287, 24/272. Against 5 percent May alone, at 0.0600.
SELECT pg_temp.shown(churn_policy(smoothing => 3)) AS smoothing, pg_temp.shown(churn_policy(smoothing => 3), 0.05) AS against_5_percent;
-- denominators: with the new ones May is (11 + 12) of (85 + 12); the average of May (85 + 74) / 2 = 79.5.
SELECT pg_temp.shown(churn_policy(denominator => 'opening_plus_new'), 0.02) AS opening_plus_new, pg_temp.shown(churn_policy(denominator => 'average'), 0.02) AS average;
SELECT round(wilson(23, 97, 1.959963984540054)::numeric, 4) AS may_of_97, round(wilson(11, 79.5, 1.959963984540054)::numeric, 4) AS may_of_79_5;
-- count_transient: May is 23 of 85. lookback: two months: 11/100, 13/98, 15/89.
SELECT pg_temp.shown(churn_policy(count_transient => true), 0.06) AS count_transient, pg_temp.shown(churn_policy(lookback => 2), 0.06) AS lookback;
-- A rate above 1 counts as 1: of events one customer leaves three times; 12 and 11 of 11.
SELECT opening_customers, churned_customers, churn_rate, lower_bound FROM churn_alarm($$SELECT 1, date '2024-01-01' + 10 * g, date '2024-01-05' + 10 * g, 1 FROM generate_series(0, 8) g UNION ALL SELECT 1, '2023-12-01', '2024-01-01', 1$$,
    0.01, 0.95, '1 month', '2024-01-01', '2024-02-01', policy => churn_policy(basis => 'events'));
SELECT opening_customers, churned_customers, round(churn_rate, 4) AS churn_rate, lower_bound = pg_temp.bound(11, 11) AS as_11_of_11
FROM churn_alarm($$SELECT g, date '2024-01-01', date '2024-02-05', 1 FROM generate_series(1, 11) g UNION ALL SELECT 1, '2024-02-07', '2024-02-09', 1$$, 0.5, 0.95, '1 month', '2024-02-01', '2024-03-01', policy => churn_policy(basis => 'events'));
-- boundary at, and midnight in Kiritimati: lost in January or in February.
SELECT boundary, period_start FROM unnest(ARRAY['before', 'at']) boundary, churn_alarm('SELECT g, date ''2023-12-01'', date ''2024-02-01'', 1 FROM generate_series(1, 5) g', 0.05, 0.95, '1 month', '2024-01-01', '2024-03-01', policy => churn_policy(boundary => boundary)) ORDER BY 2;
SELECT zone, period_start FROM unnest(ARRAY['UTC', 'Pacific/Kiritimati']) zone, churn_alarm('SELECT ''c'' || g, timestamptz ''2023-12-01'', timestamptz ''2024-01-31 10:00+00'', 1 FROM generate_series(1, 5) g', 0.05, 0.95, '1 month', '2024-01-01', '2024-03-01', zone) ORDER BY 2;
-- Free customers count where mrr is left out.
SELECT (SELECT count(*) FROM churn_alarm('SELECT g, date ''2024-01-01'', date ''2024-02-10'', 0 FROM generate_series(1, 9) g', 0.05, until => '2024-04-01')) AS paying, (SELECT count(*) FROM churn_alarm('SELECT g, date ''2024-01-01'', date ''2024-02-10'' FROM generate_series(1, 9) g', 0.05, until => '2024-04-01')) AS running;
-- uuid customers.
SELECT lower_bound = pg_temp.bound(10, 100) AS same FROM churn_alarm('SELECT md5(g::text)::uuid, date ''2024-01-01'', CASE WHEN g <= 10 THEN date ''2024-02-10'' END, 1 FROM generate_series(1, 100) g', 0, 0.95, '1 month', '2024-02-01', '2024-03-01');

-- Nothing: no customers, no alarm.
SELECT count(*) FROM churn_alarm(NULL::subscription_ledger, 0.05);
SELECT count(*) FROM churn_alarm(NULL::subscription_ledger, 0, 0.95, '1 month', '2024-01-01', '2024-03-01');
SELECT count(*) FROM churn_alarm('SELECT * FROM subs WHERE false', 0, since => '2024-01-01', until => '2024-03-01');
SELECT count(*) FROM churn_alarm('SELECT 1, date ''2024-01-01'', date ''2024-01-01'', 1', 0, since => '2024-01-01', until => '2024-03-01');

-- Pseudo-random rows under several policies: the bound in plain SQL from the columns of churn_by_period, for every period.
CREATE TABLE policies (name text, policy churn_policy);
INSERT INTO policies VALUES
    ('standard', churn_policy()), ('at', churn_policy(boundary => 'at')), ('events', churn_policy(basis => 'events')), ('plus new', churn_policy(denominator => 'opening_plus_new')), ('average', churn_policy(denominator => 'average')),
    ('transient', churn_policy(count_transient => true)), ('grace', churn_policy(grace => '1 month')), ('free', churn_policy(count_free => true)), ('lookback', churn_policy(lookback => 3)), ('smoothing', churn_policy(smoothing => 3)),
    ('average, smoothing', churn_policy(denominator => 'average', smoothing => 12, lookback => 2)), ('events, new, smoothing', churn_policy(basis => 'events', denominator => 'opening_plus_new', smoothing => 2)), ('stripe', churn_policy('stripe')), ('baremetrics', churn_policy('baremetrics')),
    ('maxio', churn_policy('maxio')), ('fight_churn', churn_policy('fight_churn'));
CREATE TABLE kinds (kind text, query text, every interval, since date, until date, ledger subscription_ledger);
CREATE TABLE dates AS SELECT customer, started_at::date, ended_at::date, mrr FROM oracle.random_rows(91, 1000, true);
INSERT INTO kinds
    SELECT 'months', 'TABLE dates', interval '1 month', date '2022-06-01', date '2025-01-01', subscription_ledger(customer, started_at, ended_at, mrr) FROM dates UNION ALL
    SELECT 'weeks', 'SELECT customer, started_at, ended_at FROM dates', '7 days', '2023-01-02', '2023-12-25', subscription_ledger(customer, started_at, ended_at) FROM dates;
-- Lost and the denominator of every period, from long before since on; then summed as smoothing wants it.
CREATE TABLE single AS
    SELECT k.kind, k.since, p.name, (p.policy).smoothing, c.period_start, c.complete, c.opening_customers, c.churned_customers,
           c.churned_customers + CASE WHEN (p.policy).count_transient OR (p.policy).denominator = 'opening_plus_new' THEN c.transient_customers ELSE 0 END AS lost,
           CASE (p.policy).denominator WHEN 'opening' THEN opening_customers WHEN 'average' THEN (opening_customers + closing_customers) / 2.0 ELSE opening_customers + new_customers + transient_new_customers END AS base,
           row_number() OVER (PARTITION BY kind, name ORDER BY c.period_start) AS n
    FROM kinds k, policies p, churn_by_period(k.ledger, k.every, (k.since - 12 * k.every)::date, k.until, NULL, jsonb_populate_record(p.policy, '{"smoothing": 1}')) c;
CREATE TABLE parts AS
    SELECT a.kind, a.name, a.period_start, a.complete, a.opening_customers, a.churned_customers, sum(b.lost) AS lost, sum(b.base) AS base
    FROM single a JOIN single b ON b.kind = a.kind AND b.name = a.name AND b.n > a.n - a.smoothing AND b.n <= a.n
    WHERE a.period_start >= a.since GROUP BY a.kind, a.name, a.period_start, a.complete, a.opening_customers, a.churned_customers;
CREATE TABLE levels (target numeric, confidence numeric, z float8);
INSERT INTO levels VALUES (0, 0.95, 1.9599639845400536), (0.0373, 0.95, 1.9599639845400536), (0.0373, 0.8, 1.2815515655446008), (0.1117, 0.99, 2.5758293035489), (0.1117, 0.5, 0.6744897501960817), (0.0503, 0.9999, 3.89059188641312);
CREATE TABLE wanted AS
    SELECT p.kind, p.name, l.target, l.confidence, p.period_start, p.opening_customers, p.churned_customers, p.lost / p.base AS rate, wilson(least(p.lost, p.base)::float8, p.base::float8, l.z) AS bound, p.complete
    FROM parts p, levels l WHERE p.base > 0 AND p.lost > 0 AND wilson(least(p.lost, p.base)::float8, p.base::float8, l.z) > l.target;
CREATE TABLE got AS
    SELECT k.kind, p.name, l.target, l.confidence, a.* FROM kinds k, policies p, levels l, churn_alarm(k.query, l.target, l.confidence, k.every, k.since, k.until, NULL, p.policy) a;
SELECT l.target, l.confidence, (SELECT count(*) FROM wanted w WHERE (w.target, w.confidence) = (l.target, l.confidence)) > 10 AS some,
       (SELECT count(*) FROM wanted w WHERE (w.target, w.confidence) = (l.target, l.confidence)) < (SELECT count(*) FROM parts) AS not_all
FROM levels l ORDER BY 1, 2;
SELECT count(*) FILTER (WHERE g.kind IS NULL) AS missing, count(*) FILTER (WHERE w.kind IS NULL) AS surplus, count(*) FILTER (WHERE abs(g.lower_bound::float8 - w.bound) > 1e-9) AS bound_differs,
       count(*) FILTER (WHERE round(g.churn_rate, 12) <> round(w.rate, 12)) AS rate_differs, count(*) FILTER (WHERE (g.opening_customers, g.churned_customers, g.complete) <> (w.opening_customers, w.churned_customers, w.complete)) AS columns_differ
FROM got g FULL JOIN wanted w USING (kind, name, target, confidence, period_start);
-- The rate, and the counts, are those of churn_by_period; of a ledger as of the query.
SELECT count(*) AS differ FROM (SELECT kind, name, period_start, period_end, opening_customers, churned_customers, churn_rate, complete FROM got
    EXCEPT SELECT k.kind, p.name, c.period_start, c.period_end, c.opening_customers, c.churned_customers, c.churn_rate, c.complete FROM kinds k, policies p, churn_by_period(k.query, k.every, k.since, k.until, NULL, p.policy) c) d;
SELECT count(*) AS ledgers_differ FROM (SELECT k.kind, p.name, l.target, l.confidence, a.* FROM kinds k, policies p, levels l, churn_alarm(k.ledger, l.target, l.confidence, k.every, k.since, k.until, NULL, p.policy) a EXCEPT ALL TABLE got) d;

-- Errors.
SELECT n, pg_temp.err(format('SELECT * FROM churn_alarm(%s)', arguments)) AS error FROM (VALUES
    (1, 'NULL::text, 0.05'), (2, '''TABLE subs'', NULL'), (3, '''TABLE subs'', 0.05, NULL'), (4, '''TABLE subs'', 5'), (5, '''TABLE subs'', -0.01'), (6, '''TABLE subs'', ''NaN'''), (7, '''TABLE subs'', ''infinity'''), (8, '''TABLE subs'', 1.0000001'),
    (9, '''TABLE subs'', 0.05, 0'), (10, '''TABLE subs'', 0.05, 1'), (11, '''TABLE subs'', 0.05, 95'), (12, '''TABLE subs'', 0.05, -0.5'), (13, '''TABLE subs'', 0.05, ''NaN'''), (14, '''TABLE subs'', 0.05, 1.00'),
    (15, '''TABLE subs'', 0.05, 0.95, NULL'), (16, '''TABLE subs'', 0.05, 0.95, ''0 days'''), (17, '''TABLE subs'', 0.05, 0.95, ''1 month'', ''2024-03-01'', ''2024-02-01'''), (18, '''TABLE subs'', 0.05, time_zone => ''Mars/Olympus'''), (19, '''TABLE subs'', 0.05, origin => ''infinity'''),
    (20, '''TABLE subs'', 0.05, since => ''0001-01-01'', until => ''2024-01-01'', every => ''1 day'''), (21, '''TABLE subs'', 0.05, policy => ROW(''at'', ''events'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 0)::churn_policy'),
    (22, '''SELECT 1, date ''''2024-01-01'''''', 0.05'), (23, '''SELECT *, 5 FROM subs'', 0.05'), (24, '''DELETE FROM subs RETURNING *'', 0.05'), (25, '''SELECT 1, NULL::date, NULL::date, 1'', 0.05')
) v (n, arguments) ORDER BY n;
-- Where there is nothing to report, too.
SELECT pg_temp.err('SELECT * FROM churn_alarm(NULL::subscription_ledger, 2)') AS error UNION ALL SELECT pg_temp.err('SELECT * FROM churn_alarm(NULL::subscription_ledger, 0.05, 1.5)');
SELECT left(pg_temp.err('SELECT * FROM churn_alarm(''TABLE subs'')'), 5) AS without_target;
-- The caller's rights; read only; where the extension is not in the search path.
CREATE ROLE regress_cm_stranger;
GRANT USAGE ON SCHEMA test_alarm TO regress_cm_stranger;
SET ROLE regress_cm_stranger;
SELECT pg_temp.err('SELECT * FROM churn_alarm(''TABLE subs'', 0.05)') AS error;
RESET ROLE;
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM subs; RETURN 1; END $$;
SELECT left(pg_temp.err('SELECT * FROM churn_alarm(''SELECT writes(), date ''''2024-01-01'''', NULL::date'', 0.05)'), 5) AS code;
BEGIN READ ONLY;
SET LOCAL search_path = pg_catalog;
SELECT count(*) FROM public.churn_alarm('TABLE test_alarm.subs', 0.04, until => '2024-10-01');
ROLLBACK;

-- What the planner may assume, and comments.
SELECT proargnames[1:9] AS takes, provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc WHERE proname = 'churn_alarm' AND pronamespace = 'public'::regnamespace ORDER BY takes;

SET client_min_messages = warning;
DROP SCHEMA test_alarm, oracle CASCADE;
DROP ROLE regress_cm_stranger;
