-- customer_lifetime_km, lifetime_model, customer_lifetimes: how long customers stay, from subscription rows.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_lifetime;
SET search_path = test_lifetime, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set oracle_file :abs_srcdir '/oracle.sql'
\set policy_oracle_file :abs_srcdir '/policy_oracle.sql'
\set rows_file :abs_srcdir '/rows.sql'
\set ECHO none
\i :helpers
\i :oracle_file
\i :policy_oracle_file
\i :rows_file
\set ECHO all

-- A result in one line, rounded.
CREATE FUNCTION pg_temp.shown(l lifetime_result) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s = %s + %s, median %s (%s - %s), expected %s (%s - %s) to %s, S %s, %s, %s', l.customers, l.churned, l.censored,
                  coalesce(round(l.median_days::numeric, 6)::text, '?'), coalesce(round(l.median_lower::numeric, 6)::text, '?'), coalesce(round(l.median_upper::numeric, 6)::text, '?'),
                  coalesce(round(l.expected_days::numeric, 6)::text, '?'), coalesce(round(l.expected_lower::numeric, 6)::text, '?'), coalesce(round(l.expected_upper::numeric, 6)::text, '?'),
                  coalesce(round(l.horizon_days::numeric, 6)::text, '?'), coalesce(round(l.survival_at_horizon::numeric, 10)::text, '?'), coalesce(l.whole::text, '?'), l.as_of)
$$;
-- The lifetimes in one line: days, + still running, > entered later, x customers.
CREATE FUNCTION pg_temp.lives(query text, as_of date, observed_from date DEFAULT NULL, time_zone text DEFAULT NULL, policy churn_policy DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(trim_scale(round(days::numeric, 6)) || CASE WHEN churned THEN '' ELSE '+' END || CASE WHEN entry_days > 0 THEN '>' || trim_scale(round(entry_days::numeric, 6)) ELSE '' END ||
                      CASE WHEN customers > 1 THEN 'x' || customers ELSE '' END, ' ' ORDER BY days, churned DESC, entry_days)
    FROM customer_lifetimes(query, as_of, observed_from, time_zone, policy)
$$;

CREATE TABLE subs (customer text, started_at date, ended_at date, mrr numeric);
INSERT INTO subs VALUES
    ('A', '2024-01-01', '2024-01-11', 10),      -- 10 days
    ('B', '2024-01-01', '2024-01-21', 10),      -- 20, then away,
    ('B', '2024-03-01', NULL, 10),              -- and back: another stay
    ('C', '2024-01-15', '2024-01-31', 20),      -- 30, a plan after another, touching
    ('C', '2024-01-01', '2024-01-15', 10),
    ('D', '2024-01-01', '2024-02-01', 0),       -- a free trial,
    ('D', '2024-02-01', '2024-03-12', 10),      -- then 40 days
    ('E', '2024-06-01', NULL, 10),              -- 30 so far
    ('F', '2024-05-12', '2024-09-01', 10),      -- 50 so far: it ends later
    ('G', '2024-07-01', NULL, 10),              -- begins at as_of: not there yet
    ('H', '2024-08-01', NULL, 10),
    ('I', '2024-05-02', '2024-07-01', 10),      -- 60: ends at as_of
    ('J', '2024-01-01', NULL, 0),               -- free for ever: no customer
    ('K', '2024-03-01', '2024-03-01', 10),      -- an empty stretch
    (NULL, NULL, NULL, NULL);                   -- padding
SELECT pg_temp.lives('TABLE subs', '2024-07-01') AS lives;
-- By hand: S is 6/7 at 10, 5/7 at 20, 4/7 at 30 of the 5 at risk (E counts at 30), 8/21 at 40 of 3, 0 at 60 of 1. Median 40.
-- The area is 10 + 60/7 + 50/7 + 40/7 + 160/21 = 820/21 = 39.047619.
SELECT pg_temp.shown(customer_lifetime_km('TABLE subs', '2024-07-01')) AS km;
SELECT customers, churned, censored, median_days, expected_days::numeric(12,6), horizon_days, survival_at_horizon, whole, as_of FROM customer_lifetime_km('TABLE subs', '2024-07-01');
SELECT pg_temp.shown(customer_lifetime_km(subscription_ledger(customer, started_at, ended_at, mrr), '2024-07-01')) AS km FROM subs;
-- Named arguments, and confidence.
SELECT pg_temp.shown(customer_lifetime_km(query => 'TABLE subs', as_of => '2024-07-01', confidence => 0.8)) AS by_query;
SELECT pg_temp.shown(customer_lifetime_km(ledger => subscription_ledger(customer, started_at, ended_at, mrr), as_of => '2024-07-01', confidence => 0.8)) AS by_ledger FROM subs;
-- The model, and its accessors.
SELECT at_time, n_risk, n_event, n_censor, round(survival::numeric, 10) AS survival FROM survival_table(lifetime_model('TABLE subs', '2024-07-01')) ORDER BY at_time;
SELECT survival_quantile(lifetime_model('TABLE subs', '2024-07-01'), 0.5) AS median, round(survival_at(lifetime_model('TABLE subs', '2024-07-01'), 35)::numeric, 10) AS at_35, round(survival_rmst(lifetime_model('TABLE subs', '2024-07-01'), 30)::numeric, 10) AS to_30;
SELECT (SELECT survival_fit(days, churned, entry_days, customers) FROM customer_lifetimes('TABLE subs', '2024-07-01'))::text = lifetime_model('TABLE subs', '2024-07-01')::text AS same_model;
-- as_of goes through the story: each day what was known.
SELECT as_of::date, pg_temp.lives('TABLE subs', as_of::date) AS lives FROM unnest(ARRAY['2023-12-31', '2024-01-01', '2024-01-02', '2024-01-11', '2024-01-16', '2024-01-31', '2024-02-01', '2024-02-02', '2024-03-31', '2024-08-31', '2024-09-01', '2025-01-01']::date[]) as_of;
-- Without mrr every running row counts: D from its trial on, J too.
SELECT pg_temp.lives('SELECT customer, started_at, ended_at FROM subs', '2024-07-01') AS lives;
-- Nothing reached: the median is NULL, and the mean is that of the first 30 days.
SELECT pg_temp.shown(customer_lifetime_km('SELECT g, date ''2024-01-01'', CASE WHEN g = 1 THEN date ''2024-01-11'' END, 1 FROM generate_series(1, 4) g', '2024-01-31')) AS km;
-- Nobody churned; everybody did on one day.
SELECT pg_temp.shown(customer_lifetime_km('SELECT g, date ''2024-01-01'', NULL::date, 1 FROM generate_series(1, 4) g', '2024-01-31')) AS all_censored;
SELECT pg_temp.shown(customer_lifetime_km('SELECT g, date ''2024-01-01'', date ''2024-01-31'', 1 FROM generate_series(1, 4) g', '2024-03-01')) AS none_censored;
SELECT pg_temp.shown(customer_lifetime_km('SELECT 1, date ''2024-01-01'', date ''2024-01-31''', '2024-03-01')) AS one_churned, pg_temp.shown(customer_lifetime_km('SELECT 1, date ''2024-01-01'', date ''infinity''', '2024-03-01')) AS one_running;
-- No customers: a row all the same.
SELECT pg_temp.shown(customer_lifetime_km('SELECT * FROM subs WHERE false', '2024-07-01')) AS no_rows, pg_temp.shown(customer_lifetime_km(NULL::subscription_ledger, '2024-07-01')) AS no_ledger, pg_temp.shown(customer_lifetime_km('TABLE subs', '2020-01-01')) AS too_early;
SELECT lifetime_model('SELECT * FROM subs WHERE false', '2024-07-01') IS NULL AS no_model, lifetime_model(NULL::subscription_ledger, '2024-07-01') IS NULL AS nor_here, (SELECT count(*) FROM customer_lifetimes(NULL::subscription_ledger, '2024-07-01')) AS lifetimes;
SELECT count(*), count(l) FROM customer_lifetime_km('SELECT * FROM subs WHERE false', '2024-07-01') l;

-- A day in the future is an answer, and a warning, as nobody is known to stay until then; tomorrow is none, to count today's churn.
SELECT customers, churned, censored, horizon_days, as_of FROM customer_lifetime_km('TABLE subs', '9999-12-31');
SELECT customers FROM customer_lifetime_km('SELECT 1, timestamptz ''2024-01-01'', NULL::timestamptz', (now() AT TIME ZONE 'Pacific/Kiritimati')::date + 1, time_zone => 'Pacific/Kiritimati');
SELECT customers FROM customer_lifetime_km('SELECT 1, date ''2024-01-01'', NULL::date', current_date + 1);

-- Today is the default, in the zone; what lies ahead is not counted early.
SELECT (l).as_of = current_date AS today, (l).customers, (l).churned, (l).censored FROM (SELECT customer_lifetime_km('SELECT v.*, 1 FROM (VALUES (1, current_date - 10, NULL), (2, current_date - 10, current_date + 5), (3, current_date - 10, current_date), (4, current_date - 10, current_date - 1), (5, current_date, NULL), (6, current_date + 1, NULL)) v') AS l) q;
SELECT (customer_lifetime_km('SELECT 1, now() - interval ''9 days'', NULL::timestamptz', time_zone => zone)).as_of = (now() AT TIME ZONE zone)::date AS today FROM unnest(ARRAY['Pacific/Kiritimati', 'Pacific/Honolulu', 'UTC']) zone;
SELECT (customer_lifetime_km(NULL::subscription_ledger)).as_of = current_date AS today;

-- Where as_of is not given and the last start or end is more than 31 days old a notice says so (test/t/lifetime.pl); the answer is the same. None up to then, none where as_of is given, none where all lies ahead.
SELECT (l).customers, (l).churned, (l).horizon_days FROM (SELECT customer_lifetime_km('SELECT v.*, 1 FROM (VALUES (1, current_date - 400, NULL), (2, current_date - 400, current_date - 31)) v') AS l) q;
SELECT customers, churned, censored FROM customer_lifetime_km('SELECT 1, date ''2020-01-01'', NULL::date', current_date);
SELECT count(*) AS none FROM customer_lifetimes('SELECT 1, current_date + 100, NULL::date');
SET client_min_messages = warning;
SELECT (l).as_of = current_date AS today, (l).customers, (l).churned, (l).censored, (l).horizon_days FROM (SELECT customer_lifetime_km('SELECT v.*, 1 FROM (VALUES (1, current_date - 400, NULL), (2, current_date - 400, current_date - 32)) v') AS l) q;
RESET client_min_messages;

-- observed_from: the history was taken over on a day. Who had left by then is not known; who was there enters at its age of that day.
SELECT observed_from, pg_temp.lives('TABLE subs', '2024-07-01', observed_from) AS lives FROM unnest(ARRAY['2023-01-01', '2024-01-01', '2024-01-11', '2024-01-12', '2024-02-01', '2024-03-01', '2024-05-20', '2024-06-30']::date[]) observed_from;
-- By hand, from 20 May on: F 50+ enters at 8, I 60 at 18, E 30+ at 0. At 60 only I is at risk.
SELECT at_time, n_risk, n_event, n_censor, survival FROM survival_table(lifetime_model('TABLE subs', '2024-07-01', '2024-05-20')) ORDER BY at_time;
-- Left truncation by hand. Since 2024-01-01: one of 100 days enters at 40, one of 60 days enters at 0, one of 50 days at 45, 80+ at 0.
-- At 50: 4 at risk (entries 0, 0, 40, 45), S = 3/4; at 60: 3, S = 1/2; at 100: 1, S = 0. Median: S is exactly 1/2 from 60 to 100: 80.
SELECT pg_temp.lives($$VALUES (1, date '2024-01-01' - 40, date '2024-01-01' + 60, 1), (2, date '2024-01-01' + 10, date '2024-01-01' + 70, 1), (3, date '2024-01-01' - 45, date '2024-01-01' + 5, 1), (4, date '2024-01-01' + 10, NULL, 1)$$, date '2024-01-01' + 90, '2024-01-01') AS lives,
       pg_temp.shown(customer_lifetime_km($$VALUES (1, date '2024-01-01' - 40, date '2024-01-01' + 60, 1), (2, date '2024-01-01' + 10, date '2024-01-01' + 70, 1), (3, date '2024-01-01' - 45, date '2024-01-01' + 5, 1), (4, date '2024-01-01' + 10, NULL, 1)$$, date '2024-01-01' + 90, '2024-01-01')) AS km;
-- The only customer observed at 10 days leaves: the curve is 0 from there on, whatever those do who were older at first. That is told; not where the last of all leaves.
SELECT pg_temp.shown(customer_lifetime_km($$VALUES (1, date '2024-01-01' - 100, NULL::date, 1), (2, date '2024-01-01' - 50, date '2024-01-20', 1), (3, '2024-01-05', '2024-01-15', 1)$$, '2024-03-01', '2024-01-01')) AS km;
SELECT pg_temp.shown(customer_lifetime_km($$VALUES (2, date '2024-01-01' - 50, date '2024-01-20', 1), (3, '2024-01-05', NULL, 1)$$, '2024-03-01', '2024-01-01')) AS last;
-- Who left before and came back after is not a life that is seen.
SELECT pg_temp.lives($$VALUES (1, date '2023-01-01', date '2023-02-01', 1), (1, '2024-02-01', NULL, 1), (2, '2023-01-01', '2024-01-02', 1)$$, '2024-03-01', '2024-01-01') AS lives;

-- Time stamps: parts of days. Local time has days of 24 hours; instants have those that were.
SELECT pg_temp.lives($$VALUES (1, timestamp '2024-01-01 12:00', timestamp '2024-01-02', 1), (2, '2024-01-01 00:00:00.000001', '2024-01-01 00:00:00.000002', 1), (3, '2024-01-01 18:00', NULL, 1)$$, '2024-01-03') AS lives;
SELECT round(min(days)::numeric * 86400 * 1000000, 9) AS microseconds FROM customer_lifetimes($$VALUES (2, timestamp '2024-01-01 00:00:00.000001', timestamp '2024-01-01 00:00:00.000002', 1)$$, '2024-01-03');
SELECT zone, pg_temp.lives($$VALUES (1, timestamptz '2024-03-30 00:00+01', timestamptz '2024-04-01 00:00+02', 1), (2, '2024-03-30 00:00+01', NULL, 1)$$, '2024-04-02', NULL, zone) AS lives FROM unnest(ARRAY['Europe/Berlin', 'UTC', 'Pacific/Kiritimati', 'Pacific/Honolulu', '+05:30']) zone;
SELECT zone, pg_temp.lives($$VALUES (1, timestamptz '2024-01-01 00:00+00', timestamptz '2024-01-03 00:00+00', 1)$$, '2024-01-03', '2024-01-02', zone) AS lives FROM unnest(ARRAY['UTC', 'Pacific/Kiritimati', 'Pacific/Honolulu']) zone;
-- The session's zone where none is given; a date column stays local.
SET TimeZone = 'Pacific/Kiritimati';
SELECT pg_temp.lives($$VALUES (1, timestamptz '2024-01-01 00:00+00', timestamptz '2024-01-09 00:00+00', 1)$$, '2024-01-03') AS instants, pg_temp.lives($$VALUES (1, date '2024-01-01', NULL::date, 1)$$, '2024-01-03') AS dates;
SET TimeZone = 'UTC';
-- Customers by number, uuid and name.
SELECT pg_temp.shown(customer_lifetime_km('SELECT ascii(customer), started_at, ended_at, mrr FROM subs', '2024-07-01')) = pg_temp.shown(customer_lifetime_km('TABLE subs', '2024-07-01')) AS numbers,
       pg_temp.shown(customer_lifetime_km('SELECT md5(customer)::uuid, started_at, ended_at, mrr FROM subs', '2024-07-01')) = pg_temp.shown(customer_lifetime_km('TABLE subs', '2024-07-01')) AS uuids;
-- Far away and long ago.
SELECT pg_temp.lives($$VALUES (1, timestamp '4713-01-01 BC', timestamp '294276-12-31 23:59:59.999999', 1), (2, '4713-01-01 BC', NULL, 1)$$, '294276-12-31') AS lives, pg_temp.lives($$VALUES (1, date '4713-01-01 BC', NULL::date, 1)$$, '294276-12-31', '4713-01-02 BC') AS dates;

-- By plan: ledgers by GROUP BY, in one statement.
CREATE TABLE plans AS SELECT CASE WHEN ascii(customer) % 2 = 0 THEN 'basic' ELSE 'pro' END AS plan, * FROM subs WHERE customer IS NOT NULL;
SELECT q.plan, l.customers, l.churned, l.censored, l.median_days, l.expected_days::numeric(12,4), l.horizon_days FROM (SELECT plan, subscription_ledger(customer, started_at, ended_at, mrr) AS ledger FROM plans GROUP BY plan) q, LATERAL customer_lifetime_km(q.ledger, '2024-07-01') l ORDER BY plan;
SELECT plan, customers, churned, censored, median_days, round(median_lower::numeric, 6) AS lower, round(expected_days::numeric, 6) AS expected, whole, as_of
FROM (SELECT plan, (customer_lifetime_km(subscription_ledger(customer, started_at, ended_at, mrr), date '2024-07-01')).* FROM plans GROUP BY plan) q ORDER BY plan;
-- Do they differ? And together they are the whole.
SELECT groups, n, observed, df, round(chisq::numeric, 6) AS chisq FROM (SELECT (logrank(model, plan)).* FROM (SELECT plan, lifetime_model(subscription_ledger(customer, started_at, ended_at, mrr), '2024-07-01') AS model FROM plans GROUP BY plan) q) r;
SELECT merge(model)::text = lifetime_model('TABLE subs', '2024-07-01')::text AS whole FROM (SELECT lifetime_model(subscription_ledger(customer, started_at, ended_at, mrr), '2024-07-01') AS model FROM plans GROUP BY plan) q;
-- Kept in a table, and read back.
CREATE TABLE kept AS SELECT plan, customer_lifetime_km(subscription_ledger(customer, started_at, ended_at, mrr), '2024-07-01') AS lifetime, lifetime_model(subscription_ledger(customer, started_at, ended_at, mrr), '2024-07-01') AS model FROM plans GROUP BY plan;
SELECT plan, (lifetime).median_days, survival_quantile(model, 0.5) AS median, round(survival_rmst(model, 20)::numeric, 6) AS first_20_days FROM kept ORDER BY plan;

-- Policies.
CREATE FUNCTION pg_temp.by(policy churn_policy, as_of date DEFAULT '2024-07-01', observed_from date DEFAULT NULL) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.lives('TABLE gaps', as_of, observed_from, NULL, policy) $$;
CREATE TABLE gaps (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO gaps VALUES
    (1, '2024-01-01', '2024-01-11', 10), (1, '2024-01-21', '2024-02-10', 10), (1, '2024-06-01', NULL, 10),    -- 10 days, away for 10, 20 days, away for 112, 30 so far
    (2, '2024-01-01', '2024-01-31', 0), (2, '2024-01-31', '2024-03-01', 5), (2, '2024-03-01', '2024-06-29', 0),    -- 30 days paid, within 180 days
    (3, '2024-05-02', '2024-06-26', 10), (3, '2024-07-03', NULL, 10);    -- 55 days, away for 7 about as_of
SELECT n, pg_temp.by(policy) AS lives FROM (VALUES
    (1, NULL), (2, churn_policy()), (3, churn_policy(grace => '9 days')), (4, churn_policy(grace => '10 days')), (5, churn_policy(grace => '112 days')), (6, churn_policy(minimum_absence => '10 days')), (7, churn_policy(minimum_absence => '11 days')),
    (8, churn_policy(reactivation_window => '9 days')), (9, churn_policy(reactivation_window => '10 days')), (10, churn_policy(reactivation_window => '112 days')), (11, churn_policy(grace => '10 days', reactivation_window => '90 days')),
    (12, churn_policy(count_free => true)), (13, churn_policy(boundary => 'at')), (14, churn_policy(boundary => 'at', grace => '10 days')), (15, churn_policy(basis => 'events', denominator => 'average', count_transient => true, reactivation_offsets => true, lookback => 12, smoothing => 3)),
    (16, churn_policy('fight_churn')), (17, churn_policy('maxio')), (18, churn_policy('recurly'))) v (n, policy) ORDER BY n;
-- A gap is judged by all rows, also those behind as_of; while nobody is back it is an end, at its beginning.
SELECT as_of, pg_temp.by(churn_policy(grace => '7 days'), as_of) AS grace, pg_temp.by(churn_policy(grace => '6 days'), as_of) AS too_short FROM unnest(ARRAY['2024-06-25', '2024-06-26', '2024-06-27', '2024-07-03', '2024-07-04']::date[]) as_of;
SELECT pg_temp.lives('SELECT * FROM gaps WHERE customer = 3 AND ended_at IS NOT NULL', '2024-06-28', policy => churn_policy(grace => '7 days')) AS not_back_yet;
-- Lives, and what is seen of them.
SELECT observed_from, pg_temp.by(churn_policy(reactivation_window => '9 days'), observed_from => observed_from) AS lives FROM unnest(ARRAY['2024-01-11', '2024-01-15', '2024-01-26', '2024-06-11']::date[]) observed_from;
-- Calendar months in a policy go by the zone: a month after half past eleven on 30 January is late on 29 February, in Berlin early on that day.
SELECT zone, pg_temp.lives($$VALUES (1, timestamptz '2024-01-01', timestamptz '2024-01-30 23:30+00', 1), (1, timestamptz '2024-02-29 10:00+00', NULL, 1)$$, '2024-05-01', NULL, zone, churn_policy(grace => '1 month')) AS lives FROM unnest(ARRAY['UTC', 'Europe/Berlin']) zone;

-- Pseudo-random rows under several policies, against plain SQL: stretches by window functions, then the first of each life.
CREATE FUNCTION oracle.days(a timestamptz, b timestamptz) RETURNS float8 LANGUAGE sql STABLE AS
$$ SELECT ((extract(epoch FROM b) - extract(epoch FROM a)) * 1000000)::float8 / 86400000000 $$;
CREATE FUNCTION oracle.lifetimes(subs oracle.subscription[], policy jsonb, with_mrr boolean, as_of date, observed_from date, time_zone text)
RETURNS TABLE (days float8, churned boolean, entry_days float8, customers bigint) LANGUAGE sql STABLE AS $$
    WITH bounds AS MATERIALIZED (
        SELECT oracle.midnight(as_of, time_zone) AS e, coalesce(oracle.midnight(observed_from, time_zone), '-infinity') AS b
    ), stretch AS (
        SELECT s.*, lag(s.valid_to) OVER (PARTITION BY s.customer, s.life ORDER BY s.valid_from) AS previous_end
        FROM oracle.policy_stretches(subs, policy, with_mrr, time_zone) s
    ), numbered AS (
        SELECT s.*, count(*) FILTER (WHERE previous_end < valid_from) OVER (PARTITION BY customer, life ORDER BY valid_from) AS absences FROM stretch s
    ), first AS (
        SELECT min(valid_from) AS began, max(valid_to) AS ended FROM numbered WHERE absences = 0 GROUP BY customer, life
    ), seen AS (
        SELECT began, least(ended, e) AS until, ended <= e AS churned, b FROM first, bounds WHERE began < e AND ended > b
    )
    SELECT oracle.days(began, until), churned, CASE WHEN began < b THEN oracle.days(began, b) ELSE 0 END, count(*)
    FROM seen GROUP BY 1, 2, 3
$$;
-- Kaplan and Meier's curve over them: at risk at t is who entered before t and was there up to t or longer.
CREATE FUNCTION oracle.km(lives jsonb) RETURNS TABLE (t float8, n bigint, d bigint, c bigint, s float8) LANGUAGE sql STABLE AS $$
    WITH life AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(lives) l (days float8, churned boolean, entry_days float8, customers bigint)),
         change AS (SELECT days AS t, -customers AS n, CASE WHEN churned THEN customers ELSE 0 END AS d, CASE WHEN churned THEN 0 ELSE customers END AS c FROM life
                    UNION ALL SELECT entry_days, customers, 0, 0 FROM life),
         moment AS (SELECT t, sum(n) AS n, sum(d) AS d, sum(c) AS c FROM change GROUP BY t),
         risk AS (SELECT t, d, c, coalesce(sum(n) OVER (ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS n FROM moment)
    SELECT t, n::bigint, d::bigint, c::bigint,
           CASE WHEN bool_or(d > 0 AND d = n) OVER w THEN 0 ELSE exp(sum(CASE WHEN d > 0 AND d < n THEN ln(1 - d::float8 / n::float8) ELSE 0 END) OVER w) END
    FROM risk WHERE d > 0 OR c > 0 WINDOW w AS (ORDER BY t)
$$;
CREATE TABLE policies (name text, policy churn_policy, axes jsonb);
INSERT INTO policies SELECT name, jsonb_populate_record(churn_policy(), axes), axes FROM (VALUES
    ('standard', '{}'::jsonb), ('grace', '{"grace": "1 month"}'), ('absence', '{"minimum_absence": "20 days"}'), ('lives', '{"reactivation_window": "45 days"}'), ('free', '{"count_free": true}'),
    ('all', '{"grace": "3 days", "minimum_absence": "1 month", "reactivation_window": "2 months", "count_free": true}')) v (name, axes);
CREATE TABLE kinds (kind text, query text, with_mrr boolean, zone text, subs oracle.subscription[], ledger subscription_ledger);
CREATE TABLE dates AS SELECT customer, started_at::date, ended_at::date, mrr FROM oracle.random_rows(17, 1500, true);
CREATE TABLE stamps AS SELECT md5(customer::text)::uuid AS customer, started_at, ended_at, mrr FROM oracle.random_rows(18, 1500);
CREATE TABLE instants AS SELECT 'c' || customer AS customer, started_at AT TIME ZONE 'UTC' AS started_at, ended_at AT TIME ZONE 'UTC' AS ended_at, mrr FROM oracle.random_rows(19, 1500);
INSERT INTO kinds
    SELECT 'dates', 'TABLE dates', true, NULL, array_agg(oracle.local(customer::text, started_at, ended_at, mrr)), subscription_ledger(customer, started_at, ended_at, mrr) FROM dates UNION ALL
    SELECT 'dates alone', 'SELECT customer, started_at, ended_at FROM dates', false, NULL, array_agg(oracle.local(customer::text, started_at, ended_at)), subscription_ledger(customer, started_at, ended_at) FROM dates UNION ALL
    SELECT 'stamps', 'TABLE stamps', true, NULL, array_agg(oracle.local(customer::text, started_at, ended_at, mrr)), subscription_ledger(customer, started_at, ended_at, mrr) FROM stamps UNION ALL
    SELECT 'instants', 'TABLE instants', true, 'Europe/Berlin', array_agg(oracle.instant(customer, started_at, ended_at, mrr)), subscription_ledger(customer, started_at, ended_at, mrr) FROM instants;
CREATE TABLE spans (as_of date, observed_from date);
INSERT INTO spans VALUES ('2024-06-15', NULL), ('2024-10-27', '2023-03-15'), ('2023-01-01', '2022-06-30');
CREATE TABLE wanted AS SELECT k.kind, p.name, s.as_of, s.observed_from, l.* FROM kinds k, policies p, spans s, oracle.lifetimes(k.subs, p.axes, k.with_mrr, s.as_of, s.observed_from, k.zone) l;
CREATE TABLE got AS SELECT k.kind, p.name, s.as_of, s.observed_from, l.* FROM kinds k, policies p, spans s, customer_lifetimes(k.query, s.as_of, s.observed_from, k.zone, p.policy) l;
SELECT count(*) > 5000 AS many, count(*) FILTER (WHERE entry_days > 0) > 500 AS late, count(*) FILTER (WHERE churned) BETWEEN 1000 AND count(*) - 1000 AS both, count(DISTINCT kind || name || as_of) AS cells FROM wanted;
SELECT count(*) AS differ FROM ((TABLE wanted EXCEPT ALL TABLE got) UNION ALL (TABLE got EXCEPT ALL TABLE wanted)) d;
SELECT count(*) AS ledgers_differ FROM (SELECT k.kind, p.name, s.as_of, s.observed_from, l.* FROM kinds k, policies p, spans s, customer_lifetimes(k.ledger, s.as_of, s.observed_from, k.zone, p.policy) l EXCEPT ALL TABLE got) d;
-- The boundary does not matter here.
SELECT count(*) AS differ FROM (SELECT k.kind, p.name, s.as_of, s.observed_from, l.* FROM kinds k, policies p, spans s, customer_lifetimes(k.query, s.as_of, s.observed_from, k.zone, jsonb_populate_record(p.policy, '{"boundary": "at"}')) l EXCEPT ALL TABLE got) d;
-- The curve, the model, and the summary.
SET extra_float_digits = 1;    -- jsonb is to have all digits
CREATE TABLE cells AS SELECT kind, name, as_of, observed_from, jsonb_agg(to_jsonb(w)) AS lives, sum(customers) AS customers, sum(customers) FILTER (WHERE churned) AS churned, sum(customers) FILTER (WHERE NOT churned) AS censored FROM wanted w GROUP BY 1, 2, 3, 4;
CREATE TABLE curves AS SELECT c.kind, c.name, c.as_of, k.* FROM cells c, oracle.km(c.lives) k;
SET extra_float_digits = 0;
CREATE TABLE tables AS SELECT k.kind, p.name, s.as_of, t.* FROM kinds k, policies p, spans s, survival_table(lifetime_model(k.query, s.as_of, s.observed_from, k.zone, p.policy)) t;
SELECT count(*) > 4000 AS many, count(*) FILTER (WHERE c.kind IS NULL OR t.kind IS NULL) AS missing, count(*) FILTER (WHERE (c.n, c.d, c.c) IS DISTINCT FROM (t.n_risk, t.n_event, t.n_censor)) AS counts_differ, count(*) FILTER (WHERE abs(c.s - t.survival) > 1e-12) AS survival_differs
FROM curves c FULL JOIN tables t ON (c.kind, c.name, c.as_of, c.t) = (t.kind, t.name, t.as_of, t.at_time);
-- The area up to the last time; the median: the first time at which the curve is at 1/2 or below, and the middle of its rest there where it rests at 1/2.
CREATE TABLE steps AS SELECT *, lead(t, 1, t) OVER w AS next, s * (lead(t, 1, t) OVER w - t) AS area FROM curves WINDOW w AS (PARTITION BY kind, name, as_of ORDER BY t);
CREATE TABLE areas AS SELECT kind, name, as_of, sum(area) + min(t) AS area, max(t) AS last, min(s) AS at_last,
       CASE WHEN bool_or(abs(s - 0.5) < 1e-12) THEN (min(t) FILTER (WHERE s < 0.5 + 1e-12) + coalesce(min(t) FILTER (WHERE s < 0.5 - 1e-12), min(t) FILTER (WHERE s < 0.5 + 1e-12))) / 2 ELSE min(t) FILTER (WHERE s < 0.5) END AS median
FROM steps GROUP BY kind, name, as_of;
-- Its variance: the area right of every churn, squared, times Greenwood's term.
CREATE TABLE variances AS SELECT kind, name, as_of, sum(CASE WHEN d > 0 AND d < n THEN d / (n::float8 * (n - d)) * rest * rest ELSE 0 END) AS variance
FROM (SELECT *, sum(area) OVER (PARTITION BY kind, name, as_of ORDER BY t DESC) AS rest FROM steps) q GROUP BY kind, name, as_of;
CREATE TABLE summaries AS SELECT k.kind, p.name, l.* FROM kinds k, policies p, spans s, customer_lifetime_km(k.query, s.as_of, s.observed_from, 0.95, k.zone, p.policy) l;
SELECT count(*) AS cells, count(*) FILTER (WHERE (s.customers, s.churned, s.censored) IS DISTINCT FROM (c.customers, c.churned, c.censored)) AS counts_differ, count(*) FILTER (WHERE abs(s.median_days - a.median) > 1e-9 OR (s.median_days IS NULL) <> (a.median IS NULL)) AS medians_differ,
       count(*) FILTER (WHERE NOT abs(s.expected_days - a.area) < 1e-9 * a.area) AS areas_differ, count(*) FILTER (WHERE s.horizon_days <> a.last) AS horizons_differ, count(*) FILTER (WHERE NOT abs(s.survival_at_horizon - a.at_last) < 1e-12 OR s.whole <> (a.at_last = 0)) AS ends_differ,
       count(*) FILTER (WHERE s.median_days IS NULL) AS not_reached, count(*) FILTER (WHERE s.whole) AS whole
FROM summaries s JOIN cells c USING (kind, name, as_of) JOIN areas a USING (kind, name, as_of);
SELECT count(*) FILTER (WHERE NOT abs(expected_upper - expected_days - 1.959963984540054 * sqrt(variance)) < 1e-9 * expected_days AND expected_upper < horizon_days) AS intervals_differ FROM summaries JOIN variances USING (kind, name, as_of);
SELECT count(*) FILTER (WHERE median_days NOT BETWEEN median_lower AND median_upper) AS medians_outside, count(*) FILTER (WHERE expected_days NOT BETWEEN expected_lower AND expected_upper) AS means_outside, count(median_upper) > 0 AS some FROM summaries;
-- Of the ledger the same, to the last bit; shuffled, merged from parts, read back.
SELECT count(*) AS ledgers_differ FROM (SELECT k.kind, p.name, l.* FROM kinds k, policies p, spans s, customer_lifetime_km(k.ledger, s.as_of, s.observed_from, 0.95, k.zone, p.policy) l EXCEPT ALL TABLE summaries) d;
CREATE TABLE shapes AS
    SELECT 'shuffled' AS shape, subscription_ledger(customer, started_at, ended_at, mrr ORDER BY md5(customer::text || started_at)) AS ledger FROM stamps UNION ALL
    SELECT 'merged', merge(part) FROM (SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS part FROM stamps GROUP BY extract(day FROM started_at)) q UNION ALL
    SELECT 'text', subscription_ledger(customer, started_at, ended_at, mrr)::text::subscription_ledger FROM stamps;
SELECT shape, customer_lifetime_km(ledger, '2024-06-15') IS NOT DISTINCT FROM customer_lifetime_km('TABLE stamps', '2024-06-15') AS same, lifetime_model(ledger, '2024-06-15')::text = lifetime_model('TABLE stamps', '2024-06-15')::text AS same_model FROM shapes ORDER BY shape;
-- In parallel, with workers that see nothing.
CREATE TABLE many AS SELECT customer, started_at, ended_at, mrr FROM oracle.random_rows(20, 8000);
ANALYZE many;
CREATE TABLE serial AS SELECT * FROM customer_lifetime_km('TABLE many', '2024-06-15', '2022-06-01');
SET max_parallel_workers_per_gather = 3;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT pg_temp.plan_has('SELECT subscription_ledger(customer, started_at, ended_at, mrr) FROM many', 'Gather') AS parallel;
SELECT count(*) AS differ FROM (SELECT * FROM customer_lifetime_km('TABLE many', '2024-06-15', '2022-06-01') EXCEPT TABLE serial) d;
SELECT count(*) AS differ FROM (SELECT * FROM customer_lifetime_km((SELECT subscription_ledger(customer, started_at, ended_at, mrr) FROM many), '2024-06-15', '2022-06-01') EXCEPT TABLE serial) d;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
-- Over a ledger that an aggregate still holds, twice in one statement, and over a window's that grows.
SELECT bool_and(a = b) AS same FROM (SELECT customer_lifetime_km(l, '2024-06-15') AS a, customer_lifetime_km(l, '2024-06-15') AS b FROM (SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS l FROM many GROUP BY customer % 7) q) r;
SELECT customer, (customer_lifetime_km(subscription_ledger(customer, started_at, ended_at, mrr) OVER (ORDER BY customer), '2024-07-01')).customers FROM (SELECT DISTINCT ON (customer) * FROM plans ORDER BY customer, started_at) q ORDER BY customer;
-- A million customers alike.
SELECT customers, churned, censored, median_days, expected_days, whole FROM customer_lifetime_km('SELECT g, date ''2024-01-01'', date ''2024-01-31'' FROM generate_series(1, 1000000) g', '2024-03-01');

-- Where every gap is closed those who still run are the customers at closing, and the others are all who ever came and went.
SELECT l.censored = p.closing_customers AS running, l.customers = (SELECT sum(new_customers + transient_new_customers) FROM churn_by_period('TABLE many', '1 month', until => '2024-06-15')) AS all_of_them
FROM customer_lifetime_km('TABLE many', '2024-06-15', policy => churn_policy(grace => '100 years')) l, churn_by_period('TABLE many', '1 month', '2024-06-01', '2024-06-15', policy => churn_policy(grace => '100 years')) p;

-- Errors.
SELECT n, pg_temp.err(format('SELECT customer_lifetime_km(%s)', arguments)) AS error FROM (VALUES
    (1, 'NULL::text'), (2, '''TABLE subs'', ''infinity'''), (3, '''TABLE subs'', ''2024-01-01'', ''-infinity'''), (4, '''TABLE subs'', ''2024-01-01'', ''2024-01-01'''), (5, '''TABLE subs'', ''2024-01-01'', ''2024-02-01'''), (6, '''TABLE subs'', ''2024-01-01'', ''5874897-12-31'''),
    (7, '''TABLE subs'', confidence => NULL'), (8, '''TABLE subs'', confidence => 0'), (9, '''TABLE subs'', confidence => 95'), (10, '''TABLE subs'', confidence => ''NaN'''), (11, '''TABLE subs'', time_zone => ''Mars/Olympus'''),
    (12, '''TABLE subs'', policy => ROW(''at'', ''events'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 0)::churn_policy'), (13, '''SELECT 1, date ''''2024-01-01'''''''), (14, '''SELECT *, 5 FROM subs'''), (15, '''DELETE FROM subs RETURNING *'''),
    (16, '''SELECT 1, NULL::date, NULL::date, 1'''), (17, '''SELECT 1, date ''''2024-01-02'''', date ''''2024-01-01'''''''), (18, '''TABLE nowhere''')
) v (n, arguments) ORDER BY n;
SELECT n, pg_temp.err(format('SELECT %s', call)) AS error FROM (VALUES
    (1, 'lifetime_model(NULL::text)'), (2, 'lifetime_model(''TABLE subs'', ''infinity'')'), (3, 'lifetime_model(NULL::subscription_ledger, ''2024-01-01'', ''2024-01-01'')'), (4, 'lifetime_model(NULL::subscription_ledger, time_zone => ''nowhere'')'),
    (5, 'customer_lifetimes(NULL::text)'), (6, 'customer_lifetimes(NULL::subscription_ledger, ''2024-01-01'', ''2025-01-01'')'), (7, 'customer_lifetime_km(NULL::subscription_ledger, confidence => 1)')
) v (n, call) ORDER BY n;
SELECT left(pg_temp.err('SELECT customer_lifetime_km(NULL::subscription_ledger, NULL, ''2999-01-01'')'), 60) AS error UNION ALL SELECT left(pg_temp.err('SELECT customer_lifetime_km(''TABLE subs'', NULL, ''2999-01-01'')'), 60);
-- More lifetimes than the memory takes.
SET churnmetrics.fit_memory = '1MB';
SELECT left(pg_temp.err('SELECT customer_lifetime_km(''SELECT g, timestamp ''''2020-01-01'''' + g * interval ''''1 second'''', NULL FROM generate_series(1, 100000) g'')'), 5) AS code;
RESET churnmetrics.fit_memory;
-- The caller's rights; read only; where the extension is not in the search path.
CREATE ROLE regress_cm_stranger;
GRANT USAGE ON SCHEMA test_lifetime TO regress_cm_stranger;
SET ROLE regress_cm_stranger;
SELECT pg_temp.err('SELECT customer_lifetime_km(''TABLE subs'')') AS error;
RESET ROLE;
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM subs; RETURN 1; END $$;
SELECT left(pg_temp.err('SELECT customer_lifetime_km(''SELECT writes(), date ''''2024-01-01'''', NULL::date'')'), 5) AS code, left(pg_temp.err('SELECT lifetime_model(''SELECT writes(), date ''''2024-01-01'''', NULL::date'')'), 5) AS model_code;
BEGIN READ ONLY;
SET LOCAL search_path = pg_catalog;
SELECT customers FROM public.customer_lifetime_km('TABLE test_lifetime.subs', '2024-07-01');
ROLLBACK;

-- What the planner may assume, and comments.
SELECT proname, proargnames[1:6] AS takes, provolatile, proisstrict, proparallel, proretset, obj_description(oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc WHERE proname IN ('customer_lifetime_km', 'lifetime_model', 'customer_lifetimes') AND pronamespace = 'public'::regnamespace ORDER BY proname, takes;

SET client_min_messages = warning;
DROP SCHEMA test_lifetime, oracle CASCADE;
DROP ROLE regress_cm_stranger;
