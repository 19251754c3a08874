-- win_backs_by_period: customers won back, how long they were away, what they paid before and pay again.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_winbacks;
SET search_path = test_winbacks, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set oracle_file :abs_srcdir '/oracle.sql'
\set rows_file :abs_srcdir '/rows.sql'
\set ECHO none
\i :helpers
\i :oracle_file
\i :rows_file
\set ECHO all

-- March 2024.
CREATE TABLE subs (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO subs VALUES
    (1, '2024-01-20', '2024-02-27', 20), (1, '2024-03-03', NULL, 20),                                               -- away for 5 days (2024 has a 29 February), 20 and 20
    (2, '2023-10-01', '2023-11-01', 10), (2, '2024-03-10', NULL, 30),                                               -- 130 days, 10 and 30
    (3, '2024-01-01', '2024-02-01', 40), (3, '2024-03-20', 'infinity', 60),                                         -- 48 days, 40 and 60
    (4, '2024-01-01', '2024-02-28', 8), (4, '2024-03-02', '2024-03-10', 9), (4, '2024-03-15', NULL, 12),            -- 3 days, 8 and 12 at closing; of events 3 days, 8 and 9, and 5 days, 9 and 12
    (5, '2023-12-01', '2023-12-20', 5), (5, '2024-03-02', '2024-03-04', 7),                                         -- back, and gone again: not won; of events 73 days, 5 and 7
    (6, '2024-01-01', '2024-03-05', 50), (6, '2024-03-09', NULL, 50),                                               -- away within the month: nothing; of events 4 days, 50 and 50
    (7, '2023-01-01', '2023-02-01', 1), (7, '2023-06-01', '2024-01-10', 2), (7, '2024-01-01', '2024-01-15', 70),    -- left last with 70 (2 of it left before),
    (7, '2024-03-01', NULL, 90), (7, '2024-03-25', NULL, 5),                                                        -- 46 days, 70 and 95; of events 70 and 90
    (8, '2024-01-05', '2024-02-15', 25), (8, '2024-02-15', NULL, 0), (8, '2024-03-17', NULL, 25),                   -- free for 31 days in between, 25 and 25
    (9, '2024-01-01', NULL, 100), (10, '2024-03-05', NULL, 15), (NULL, NULL, NULL, NULL);                           -- nothing
-- Away 5 130 48 3 46 31: 263 / 6 = 43.83, median (31 + 46) / 2 = 38.5. Lost 20 10 40 8 70 25: 173; regained 20 30 60 12 95 25: 242.
SELECT * FROM win_backs_by_period('TABLE subs', '1 month', '2024-03-01', '2024-04-01');
SELECT w.* FROM (SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS l FROM subs) q, win_backs_by_period(l, '1 month', '2024-03-01', '2024-04-01') w;
SELECT c.reactivated_customers, m.reactivation_mrr FROM churn_by_period('TABLE subs', '1 month', '2024-03-01', '2024-04-01') c, mrr_movements('TABLE subs', '1 month', '2024-03-01', '2024-04-01') m;
-- From the first start's period on: 7 was away for 120 days in 2023, 1 and 2. Where nobody is back: zeros, and no mean, median, share.
SELECT * FROM win_backs_by_period('TABLE subs', '3 months', until => '2024-03-25');
-- Without mrr every running row counts: 8 never leaves. 5 130 48 3 46: 232 / 5 = 46.4, median 46; no amounts.
SELECT * FROM win_backs_by_period('SELECT customer, started_at, ended_at FROM subs', '1 month', '2024-03-01', '2024-04-01');
SELECT w.* FROM (SELECT subscription_ledger(customer, started_at, ended_at) AS l FROM subs) q, win_backs_by_period(ledger => l, since => '2024-03-01', until => '2024-04-01') w;
-- One customer at a time: how long away.
SELECT customer, won_back_customers AS won, round(mean_days_away, 3) AS mean, round(median_days_away, 3) AS median, lost_mrr AS lost, regained_mrr AS regained, round(regained_share, 4) AS share
FROM generate_series(1, 10) customer, win_backs_by_period(format('SELECT * FROM subs WHERE customer = %s', customer), '1 month', '2024-03-01', '2024-04-01') ORDER BY customer;

-- Policies.
CREATE FUNCTION pg_temp.shown(policy churn_policy, since date DEFAULT '2024-03-01', until date DEFAULT '2024-04-01') RETURNS text LANGUAGE sql AS $$
    SELECT won_back_customers || ' mean ' || round(mean_days_away, 2) || ' median ' || round(median_days_away, 2) || ' lost ' || round(lost_mrr) || ' regained ' || round(regained_mrr)
    FROM win_backs_by_period('TABLE subs', '1 month', since, until, policy => policy)
$$;
-- events: 5 130 48 3 5 73 4 46 31: 345 / 9 = 38.33, median 31; lost 20 10 40 8 9 5 50 70 25: 237; regained 20 30 60 9 12 7 50 90 25: 303.
SELECT pg_temp.shown(churn_policy(basis => 'events')) AS events;
-- at: 7 comes back at the boundary, in February. Without it 217 / 5 = 43.4, median 31.
SELECT pg_temp.shown(churn_policy(boundary => 'at')) AS march, pg_temp.shown(churn_policy(boundary => 'at'), '2024-02-01', '2024-03-01') AS february;
-- grace: 5 days or less are no absence: 130 48 46 31: 255 / 4 = 63.75, median 47. Of events 73 too: 328 / 5, median 48.
SELECT pg_temp.shown(churn_policy(grace => '5 days')) AS snapshot, pg_temp.shown(churn_policy(grace => '5 days', basis => 'events')) AS events;
-- minimum_absence: 31 days is long enough, 5 is not; with 32 days 8 was not away either: 130 48 46: 224 / 3 = 74.67, lost 120, regained 185.
SELECT pg_temp.shown(churn_policy(minimum_absence => '31 days')) AS days_31, pg_temp.shown(churn_policy(minimum_absence => '32 days')) AS days_32;
-- reactivation_window: after more than 46 days they are new. 5 3 46 31: 85 / 4 = 21.25, median 18.
SELECT pg_temp.shown(churn_policy(reactivation_window => '46 days')) AS window_46;
-- count_free: 8 never left. 5 130 48 3 46 as without mrr; lost 148, regained 217.
SELECT pg_temp.shown(churn_policy(count_free => true)) AS count_free;
-- Back at nothing: a customer at 0 before, and one at 0 after.
SELECT won_back_customers, mean_days_away, lost_mrr, regained_mrr, regained_share
FROM win_backs_by_period($$VALUES (1, date '2024-01-01', date '2024-02-01', 0), (1, '2024-03-02', NULL, 10)$$, '1 month', '2024-03-01', '2024-04-01', policy => churn_policy(count_free => true));
SELECT won_back_customers, mean_days_away, lost_mrr, regained_mrr, regained_share
FROM win_backs_by_period($$VALUES (1, date '2024-01-01', date '2024-02-01', 10), (1, '2024-03-02', NULL, 0)$$, '1 month', '2024-03-01', '2024-04-01', policy => churn_policy(count_free => true));
-- lookback: March against the start of February. Away there: 2 7; 3 is away from that very day on, so it is there before; 1 4 8 leave in February and are back: nothing. 130 46.
SELECT pg_temp.shown(churn_policy(lookback => 2)) AS lookback, pg_temp.shown(churn_policy(lookback => 2, basis => 'events')) = pg_temp.shown(churn_policy(basis => 'events')) AS events_of_march_alone;
-- Nothing here is a rate.
SELECT pg_temp.shown(churn_policy(denominator => 'average', count_transient => true, reactivation_offsets => true, smoothing => 12)) = pg_temp.shown(NULL) AS same;

-- To the microsecond: half a day, and 1 microsecond.
SELECT mean_days_away, median_days_away FROM win_backs_by_period($$VALUES (1, timestamp '2024-01-01', timestamp '2024-02-29 18:00', 1), (1, '2024-03-01 06:00', NULL, 1)$$, '1 month', '2024-03-01', '2024-04-01');
SELECT mean_days_away = 1 / 86400000000.0 AS microsecond FROM win_backs_by_period($$VALUES (1, timestamp '2024-01-01', timestamp '2024-02-29 23:59:59.999999', 1), (1, '2024-03-01', NULL, 1)$$, '1 month', '2024-03-01', '2024-04-01');
-- Instants: elapsed time. From midnight of 30 March to midnight of 1 April in Berlin it is 47 hours; in UTC both are in March: nothing.
SELECT zone, period_start, won_back_customers, round(mean_days_away, 6) AS days
FROM unnest(ARRAY['Europe/Berlin', 'Pacific/Kiritimati', 'UTC']) WITH ORDINALITY z (zone, n),
     win_backs_by_period($$VALUES (1, timestamptz '2024-01-01 00:00+01', timestamptz '2024-03-30 00:00+01', 1), (1, '2024-04-01 00:00+02', NULL, 1)$$, '1 month', '2024-03-01', '2024-05-01', zone) ORDER BY n, period_start;
-- The same days away: the median is that, and uuid and text customers are customers.
SELECT won_back_customers, round(mean_days_away, 2) AS mean, median_days_away FROM win_backs_by_period('SELECT md5(g::text)::uuid, date ''2024-01-01'', date ''2024-02-01'', g FROM generate_series(1, 7) g
    UNION ALL SELECT md5(g::text)::uuid, date ''2024-02-11'', NULL, g FROM generate_series(1, 7) g', '1 month', '2024-02-11', '2024-03-01');
SELECT won_back_customers, median_days_away FROM win_backs_by_period($$VALUES ('Zoë', date '2024-01-01', date '2024-02-01', 1), ('Zoë', '2024-03-01', NULL, 1), ('O''Brien', '2024-01-01', '2024-02-01', 1), ('O''Brien', '2024-03-31', NULL, 1)$$, '1 month', '2024-03-01', '2024-04-01');

-- Nothing: no rows, or rows of zeros where both bounds are given.
SELECT count(*) FROM win_backs_by_period(NULL::subscription_ledger);
SELECT count(*) FROM win_backs_by_period('SELECT * FROM subs WHERE false', since => '2024-01-01');
SELECT * FROM win_backs_by_period(NULL::subscription_ledger, '1 month', '2024-03-01', '2024-04-01');
SELECT * FROM win_backs_by_period('SELECT 1, date ''2024-03-01'', NULL::date, 1', '1 month', '2024-03-01', '2024-04-01');

-- Pseudo-random rows under several policies: as many, and as much, as the reports say; of a ledger as of the query.
CREATE TABLE policies (name text, policy churn_policy);
INSERT INTO policies VALUES
    ('standard', NULL), ('at', churn_policy(boundary => 'at')), ('events', churn_policy(basis => 'events')), ('grace', churn_policy(grace => '5 days')),
    ('window', churn_policy(reactivation_window => '2 months')), ('absence', churn_policy(minimum_absence => '20 days')), ('free', churn_policy(count_free => true)),
    ('lookback', churn_policy(lookback => 3)), ('lookback, window', churn_policy(lookback => 12, reactivation_window => '1 month')), ('events, lookback', churn_policy(basis => 'events', lookback => 12, smoothing => 2)),
    ('all', churn_policy(boundary => 'at', basis => 'events', grace => '1 day', reactivation_window => '2 months', minimum_absence => '10 days', count_free => true)),
    ('chartmogul', churn_policy('chartmogul')), ('fight_churn', churn_policy('fight_churn'));
CREATE TABLE kinds (kind text, query text, zone text, every interval, since date, until date, ledger subscription_ledger);
CREATE TABLE dates AS SELECT customer, started_at::date, ended_at::date, mrr FROM oracle.random_rows(81, 1000, true);
CREATE TABLE times AS SELECT 'no ' || customer AS customer, started_at, ended_at, mrr FROM oracle.random_rows(82, 1000);
CREATE TABLE line AS SELECT md5(customer::text)::uuid AS customer, started_at AT TIME ZONE 'Pacific/Kiritimati' AS started_at, ended_at AT TIME ZONE 'Pacific/Kiritimati' AS ended_at, mrr FROM oracle.random_rows(83, 1000);
INSERT INTO kinds
    SELECT 'dates', 'TABLE dates', NULL, interval '1 month', NULL::date, date '2025-01-01', subscription_ledger(customer, started_at, ended_at, mrr) FROM dates UNION ALL
    SELECT 'times', 'TABLE times', NULL, '7 days', '2022-06-08', '2024-02-14', subscription_ledger(customer, started_at, ended_at, mrr) FROM times UNION ALL
    SELECT 'line', 'TABLE line', 'Pacific/Kiritimati', '3 months', NULL, NULL, subscription_ledger(customer, started_at, ended_at, mrr) FROM line UNION ALL
    SELECT 'no mrr', 'SELECT customer, started_at, ended_at FROM times', NULL, '1 month', NULL, '2024-11-11', subscription_ledger(customer, started_at, ended_at) FROM times;
CREATE TABLE found AS SELECT k.kind, p.name, r.* FROM kinds k, policies p, win_backs_by_period(k.query, k.every, k.since, k.until, k.zone, p.policy) r;
SELECT kind, sum(won_back_customers) > 1000 AS often FROM found GROUP BY kind ORDER BY kind;
WITH got AS (
    SELECT kind, name, period_start, period_end, won_back_customers, regained_mrr, complete FROM found
), wanted AS (
    SELECT kind, name, c.period_start, c.period_end, c.reactivated_customers, m.reactivation_mrr, c.complete
    FROM kinds k CROSS JOIN policies p CROSS JOIN churn_by_period(k.query, k.every, k.since, k.until, k.zone, p.policy) c
         LEFT JOIN mrr_movements(CASE WHEN kind <> 'no mrr' THEN k.ledger END, k.every, k.since, k.until, k.zone, p.policy) m ON m.period_start = c.period_start
)
SELECT (SELECT count(*) > 1000 FROM wanted) AS many, (SELECT count(*) FROM (TABLE got EXCEPT ALL TABLE wanted) d) AS surplus, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE got) d) AS missing;
SELECT count(*) AS ledgers_differ FROM (SELECT k.kind, p.name, r.* FROM kinds k, policies p, win_backs_by_period(k.ledger, k.every, k.since, k.until, k.zone, p.policy) r EXCEPT ALL TABLE found) d;
SELECT count(*) FILTER (WHERE (won_back_customers = 0) <> (mean_days_away IS NULL) OR (mean_days_away IS NULL) <> (median_days_away IS NULL)) AS wrong_nulls, count(*) FILTER (WHERE least(mean_days_away, median_days_away) <= 0) AS not_away,
       count(*) FILTER (WHERE regained_share IS DISTINCT FROM regained_mrr / nullif(lost_mrr, 0)) AS share_differs, count(*) FILTER (WHERE won_back_customers = 1 AND mean_days_away <> median_days_away) AS one_differs,
       count(*) FILTER (WHERE kind = 'no mrr' AND num_nonnulls(lost_mrr, regained_mrr, regained_share) > 0) AS amounts_without_mrr
FROM found;
-- In plain SQL: stretches at one MRR over 0 (times are to the microsecond), and the gaps between them.
CREATE FUNCTION pg_temp.rate(r numeric) RETURNS numeric LANGUAGE sql AS $$ SELECT round(r, 9) $$;
CREATE VIEW change AS
    SELECT customer, moment, sum(mrr) AS mrr
    FROM (SELECT customer, started_at AS moment, round(mrr, 6) AS mrr FROM times WHERE started_at <> coalesce(ended_at, 'infinity')
          UNION ALL SELECT customer, ended_at, -round(mrr, 6) FROM times WHERE started_at <> ended_at AND ended_at < 'infinity') r GROUP BY customer, moment;
CREATE VIEW state AS SELECT customer, moment, greatest(sum(mrr) OVER w, 0) AS mrr, greatest(sum(mrr) OVER w - mrr, 0) AS before FROM change WINDOW w AS (PARTITION BY customer ORDER BY moment);
CREATE VIEW gap AS
    SELECT customer, moment AS left_at, before AS lost, back_at, regained
    FROM (SELECT *, lead(moment) OVER w AS back_at, lead(mrr) OVER w AS regained FROM state WHERE (mrr > 0) <> (before > 0) WINDOW w AS (PARTITION BY customer ORDER BY moment)) g
    WHERE mrr = 0 AND back_at IS NOT NULL;
-- Events: every gap, in the week of its end.
WITH wanted AS (
    SELECT p.period_start, count(*), pg_temp.rate(avg(extract(epoch FROM back_at - left_at)) / 86400), pg_temp.rate(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM back_at - left_at))::numeric / 86400), sum(lost), sum(regained)
    FROM gap JOIN found p ON p.kind = 'times' AND p.name = 'events' AND back_at >= p.period_start AND back_at < p.period_end GROUP BY p.period_start
), got AS (
    SELECT period_start, won_back_customers, pg_temp.rate(mean_days_away), pg_temp.rate(median_days_away), lost_mrr, regained_mrr FROM found WHERE kind = 'times' AND name = 'events' AND won_back_customers > 0
)
SELECT (SELECT sum(count) > 50 FROM wanted) AS many, (SELECT count(*) FROM (TABLE got EXCEPT ALL TABLE wanted) d) AS surplus, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE got) d) AS missing;
-- Snapshots: those in a gap at opening who are active at closing, with what they pay there.
WITH won AS (
    SELECT p.period_start, g.customer, g.back_at - g.left_at AS away, g.lost,
           (SELECT s.mrr FROM state s WHERE s.customer = g.customer AND s.moment < p.period_end ORDER BY s.moment DESC LIMIT 1) AS regained
    FROM gap g JOIN found p ON p.kind = 'times' AND p.name = 'standard' AND g.left_at < p.period_start AND g.back_at >= p.period_start AND g.back_at < p.period_end
), wanted AS (
    SELECT period_start, count(*), pg_temp.rate(avg(extract(epoch FROM away)) / 86400), pg_temp.rate(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM away))::numeric / 86400), sum(lost), sum(regained)
    FROM won WHERE regained > 0 GROUP BY period_start
), got AS (
    SELECT period_start, won_back_customers, pg_temp.rate(mean_days_away), pg_temp.rate(median_days_away), lost_mrr, regained_mrr FROM found WHERE kind = 'times' AND name = 'standard' AND won_back_customers > 0
)
SELECT (SELECT sum(count) > 20 FROM wanted) AS many, (SELECT count(*) FROM (TABLE got EXCEPT ALL TABLE wanted) d) AS surplus, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE got) d) AS missing;

-- Errors.
SELECT n, pg_temp.err(format('SELECT * FROM win_backs_by_period(%s)', arguments)) AS error FROM (VALUES
    (1, 'NULL::text'), (2, '''TABLE subs'', NULL'), (3, '''TABLE subs'', ''36 hours'''), (4, '''TABLE subs'', ''1 month'', ''2024-03-01'', ''2024-02-01'''), (5, '''TABLE subs'', time_zone => ''Mars/Olympus'''), (6, '''TABLE subs'', origin => ''-infinity'''),
    (7, 'NULL::subscription_ledger, ''1 day'', ''0001-01-01'', ''2024-01-01'''), (8, 'NULL::subscription_ledger, policy => ROW(''at'', ''events'', ''opening'', false, ''0'', NULL, ''0'', false, false, 0, 1)::churn_policy'),
    (9, '''SELECT 1, date ''''2024-01-01'''''''), (10, '''SELECT *, 5 FROM subs'''), (11, '''DELETE FROM subs RETURNING *'''), (12, '''SELECT 1, NULL::date, NULL::date, 1'''), (13, '''SELECT 1, date ''''2024-01-02'''', date ''''2024-01-01'''', 1''')
) v (n, arguments) ORDER BY n;
-- The caller's rights; read only; where the extension is not in the search path.
CREATE ROLE regress_cm_stranger;
GRANT USAGE ON SCHEMA test_winbacks TO regress_cm_stranger;
SET ROLE regress_cm_stranger;
SELECT pg_temp.err('SELECT * FROM win_backs_by_period(''TABLE subs'')') AS error;
RESET ROLE;
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM subs; RETURN 1; END $$;
SELECT left(pg_temp.err('SELECT * FROM win_backs_by_period(''SELECT writes(), date ''''2024-01-01'''', NULL::date'')'), 5) AS code;
BEGIN READ ONLY;
SET LOCAL search_path = pg_catalog;
SELECT won_back_customers FROM public.win_backs_by_period('TABLE test_winbacks.subs', '1 month', '2024-03-01', '2024-04-01');
ROLLBACK;

-- What the planner may assume, and comments.
SELECT proargnames[1:7] AS takes, provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc WHERE proname = 'win_backs_by_period' AND pronamespace = 'public'::regnamespace ORDER BY takes;

-- Away for longer than 64 bits of microseconds.
SELECT won_back_customers, round(mean_days_away, 2) AS mean, round(median_days_away, 2) AS median
FROM win_backs_by_period($$VALUES (1, date '4714-11-24 BC', date '4714-11-26 BC', 5), (1, '294276-11-01', NULL, 5)$$, '100 years', '294200-01-01', '294276-12-01') WHERE won_back_customers > 0;

SET client_min_messages = warning;
DROP SCHEMA test_winbacks, oracle CASCADE;
DROP ROLE regress_cm_stranger;
