-- create_metric_views: views over tables of subscription rows, by hand and against plain SQL; re-creation; drop_billing_views.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_views;
SET search_path = test_views, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set oracle_file :abs_srcdir '/oracle.sql'
\set rows_file :abs_srcdir '/rows.sql'
\set ECHO none
\i :helpers
\i :oracle_file
\i :rows_file
\set ECHO all

-- Makes the views views_out over a query with the options written, and shows its stretches; nothing stays.
CREATE FUNCTION pg_temp.stretches(query text, options text DEFAULT '') RETURNS TABLE (customer text, started_at timestamptz, ended_at timestamptz, mrr numeric, currency text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE VIEW test_views.given AS ' || query;
    EXECUTE format('SELECT create_metric_views(''test_views.given'', ''views_out''%s)', ', ' || nullif(options, ''));
    RETURN QUERY SELECT s.customer_id, s.started_at, s.ended_at, trim_scale(s.mrr), s.currency FROM views_out.subscriptions s ORDER BY s.customer_id COLLATE "C", s.started_at, s.ended_at, s.mrr, s.currency;
    PERFORM drop_billing_views('views_out');
    DROP VIEW test_views.given;
END $$;

-- Makes the views views_out with the arguments written, and shows what a query returns then.
CREATE FUNCTION pg_temp.then_shown(arguments text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT create_metric_views(%s)', arguments);
    RETURN QUERY EXECUTE format('SELECT rtrim(ltrim(shown::text, ''(''), '')'') FROM (%s) AS shown', query);
END $$;

-- ---- What is made ----
CREATE TABLE rows (customer_id int, started_at date, ended_at date, mrr numeric);
SELECT * FROM create_metric_views('rows', 'views_out');
-- Without rows there are none.
SELECT (SELECT count(*) FROM views_out.subscriptions) + (SELECT count(*) FROM views_out.mrr_movements) + (SELECT count(*) FROM views_out.churn) + (SELECT count(*) FROM views_out.cohorts)
     + (SELECT count(*) FROM views_out.customers) + (SELECT count(*) FROM views_out.renewals) + (SELECT count(*) FROM views_out.trials) AS of_no_rows;
SELECT c.relname AS view, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type, col_description(c.oid, a.attnum) AS comment
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relnamespace = 'views_out'::regnamespace ORDER BY c.relname, a.attnum;
SELECT c.relname AS view, c.reloptions AS options, obj_description(c.oid, 'pg_class') AS comment FROM pg_class c WHERE c.relnamespace = 'views_out'::regnamespace ORDER BY c.relname;
SELECT obj_description('views_out'::regnamespace, 'pg_namespace');

-- Three customers: 1 pays more from March on, 2 leaves in February and is back in April, 3 is free.
INSERT INTO rows VALUES (1, '2024-01-10', '2024-03-05', 50), (1, '2024-03-05', NULL, 80), (2, '2024-01-20', '2024-02-15', 30), (2, '2024-04-01', NULL, 40), (3, '2024-02-01', NULL, 0);
SELECT customer_id, started_at, ended_at, mrr, currency FROM views_out.subscriptions ORDER BY customer_id, started_at;
SELECT period_start, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, churned_mrr, closing_mrr, closing_customers, complete FROM views_out.mrr_movements WHERE period_start < '2024-05-01' ORDER BY 1;
SELECT period_start, opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers, churn_rate, complete FROM views_out.churn WHERE period_start < '2024-05-01' ORDER BY 1;
SELECT cohort, period_number, cohort_size, customers, cohort_mrr, mrr, cumulative_mrr FROM views_out.cohorts WHERE period_start < '2024-05-01' ORDER BY 1, 2;
SELECT customer_id, currency, mrr, status, lifecycle_stage, first_start, ended_on, tenure_days = CURRENT_DATE - first_start AS tenure FROM views_out.customers ORDER BY 1;

-- ---- Columns: names, types ----
CREATE DOMAIN price AS numeric(12, 2);
CREATE DOMAIN moment AS timestamp;
CREATE DOMAIN day AS date;
CREATE DOMAIN local_moment AS moment;
CREATE TYPE code AS ENUM ('eur', 'usd');
SELECT c.type AS customer, t.type AS time, m.type AS mrr, s.*
FROM (VALUES (1, 'integer'), (2, 'smallint'), (3, 'bigint'), (4, 'text'), (5, 'varchar(9)'), (6, 'char(9)'), (7, 'name'), (8, 'numeric'), (9, 'uuid')) c (n, type)
     JOIN (VALUES (1, 'date'), (2, 'timestamp'), (3, 'timestamptz'), (4, 'moment'), (5, 'day'), (6, 'local_moment'), (7, 'timestamp(0)'), (8, 'timestamptz(3)'), (9, 'date')) t (n, type) USING (n)
     JOIN (VALUES (1, 'integer'), (2, 'smallint'), (3, 'bigint'), (4, 'numeric'), (5, 'numeric(12,2)'), (6, 'real'), (7, 'double precision'), (8, 'price'), (9, 'numeric')) m (n, type) USING (n),
     LATERAL pg_temp.stretches(format('SELECT %s::%s AS customer_id, ''2024-03-31''::%s AS started_at, ''2024-10-27''::%s AS ended_at, 12.25::%s AS mrr',
                                      CASE c.type WHEN 'uuid' THEN quote_literal(lpad('7', 32, '0')) ELSE '7' END, c.type, t.type, t.type, m.type)) s
ORDER BY n;
SELECT * FROM pg_temp.stretches('SELECT 1 AS customer_id, date ''2024-01-01'' AS started_at, NULL::date AS ended_at, 10 AS mrr, ''usd''::code AS cur', 'currency => ''cur''');
SELECT * FROM pg_temp.stretches('SELECT 1 AS customer_id, date ''2024-01-01'' AS started_at, NULL::date AS ended_at, 0.1::double precision + 0.2 AS mrr');
SELECT * FROM pg_temp.stretches('SELECT 1 AS customer_id, date ''2024-01-01'' AS started_at, NULL::date AS ended_at, 10.0000005 AS mrr UNION ALL SELECT 2, ''2024-01-01'', NULL, -10.0000005 UNION ALL SELECT 3, ''2024-01-01'', NULL, 0.0000004999');
-- All columns, by names of their own.
CREATE TABLE billing ("Customer" text, "since" timestamptz, "till" timestamptz, "price" numeric, "sub" uuid, "what" text, "tier" varchar(10), "cur" char(3), "every" interval, "seats" int, "state" text,
                      "trial from" timestamptz, "trial to" timestamptz, "gone" timestamptz, "why" text);
INSERT INTO billing VALUES ('ACME', '2024-01-01', NULL, 100, lpad('1', 32, '0')::uuid, 'CRM', 'gold', 'eur', '1 year', 5, 'active', '2023-12-01', '2024-01-01', '2024-05-05 05:05', 'price');
SELECT count(*) FROM create_metric_views('billing', 'views_out', 'Customer', 'since', 'till', 'price', 'sub', 'what', 'tier', 'cur', 'every', 'seats', 'state', 'trial from', 'trial to', 'gone', 'why');
SELECT * FROM views_out.subscriptions;
-- Names that are those of other columns of ours, and of the aliases in our queries.
CREATE TABLE swapped (mrr int, customer_id numeric, ended_at date, started_at date);
INSERT INTO swapped VALUES (7, 100, '2024-01-01', '2024-02-01');
SELECT count(*) FROM create_metric_views('swapped', 'views_out', customer_id => 'mrr', mrr => 'customer_id', started_at => 'ended_at', ended_at => 'started_at');
SELECT customer_id, started_at, ended_at, mrr FROM views_out.subscriptions;
CREATE TABLE source (source text, stretch date, option date, fx numeric, s text, n text, "on" text, term text, anchor interval, chain_end numeric, on_trial text, "trial" date, ledgers date, ended date, rate text, subscriptions int);
INSERT INTO source VALUES ('a', '2024-01-15', NULL, 5, 'b', 'c', 'd', 'eur', '1 mon', 3, 'active', '2024-01-01', '2024-01-15', '2024-02-02', 'e', 1);
SELECT count(*) FROM create_metric_views('source', 'views_out', 'source', 'stretch', 'option', 'fx', 's', 'n', 'on', 'term', 'anchor', 'chain_end', 'on_trial', 'trial', 'ledgers', 'ended', 'rate');
SELECT * FROM views_out.subscriptions;
SELECT period_start, due, renewed, due_mrr FROM views_out.renewals WHERE period_start < '2024-04-01' ORDER BY 1;
SELECT period_start, ended_trials, converted_trials FROM views_out.trials WHERE ended_trials > 0;
-- Every kind of relation.
CREATE TABLE parts (customer_id int, started_at date, ended_at date, mrr numeric) PARTITION BY RANGE (started_at);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO parts VALUES (1, '2024-01-01', NULL, 10);
CREATE VIEW a_view AS TABLE parts;
CREATE MATERIALIZED VIEW a_matview AS TABLE parts;
SELECT relation, (SELECT count(*) FROM create_metric_views(relation, 'views_out')) AS made FROM unnest('{parts,part_1,a_view,a_matview}'::regclass[]) WITH ORDINALITY r (relation, n) ORDER BY n;
-- One table twice, with different columns.
SELECT count(*) FROM create_metric_views('swapped', 'views_other', customer_id => 'mrr', mrr => 'customer_id', started_at => 'ended_at', ended_at => 'started_at');
SELECT (SELECT mrr FROM views_out.subscriptions) AS here, (SELECT mrr FROM views_other.subscriptions) AS there;
SELECT * FROM drop_billing_views('views_other');
SELECT count(*) FROM drop_billing_views('views_out');
SELECT to_regnamespace('views_out'), to_regnamespace('views_other');

-- ---- Time zones ----
-- Dates and local times are of the zone, moments are moments. The clocks of Berlin go forward on 31 March and back on 27 October.
SELECT zone, s.started_at, s.ended_at
FROM (VALUES (1, 'UTC'), (2, 'Europe/Berlin'), (3, 'Pacific/Kiritimati'), (4, 'Pacific/Honolulu'), (5, 'Asia/Kolkata')) z (n, zone),
     LATERAL pg_temp.stretches('SELECT 1 AS customer_id, date ''2024-03-31'' AS started_at, date ''2024-10-28'' AS ended_at, 1 AS mrr', format('time_zone => %L', zone)) s ORDER BY n;
SELECT zone, s.started_at, s.ended_at
FROM (VALUES (1, 'UTC'), (2, 'Europe/Berlin'), (3, 'Pacific/Kiritimati')) z (n, zone),
     LATERAL pg_temp.stretches('SELECT 1 AS customer_id, timestamp ''2024-03-31 02:30'' AS started_at, timestamp ''2024-10-27 02:30'' AS ended_at, 1 AS mrr', format('time_zone => %L', zone)) s ORDER BY n;
SELECT zone, s.started_at, s.ended_at
FROM (VALUES (1, 'UTC'), (2, 'Pacific/Kiritimati')) z (n, zone),
     LATERAL pg_temp.stretches('SELECT 1 AS customer_id, timestamptz ''2024-03-31 02:30+00'' AS started_at, timestamptz ''2024-10-27 02:30+00'' AS ended_at, 1 AS mrr', format('time_zone => %L', zone)) s ORDER BY n;
-- The month of a moment: 10:00 on 31 January in UTC is 1 February in Kiritimati. The zone of the session has no say.
CREATE TABLE moments AS SELECT 1 AS customer_id, timestamptz '2024-01-31 10:00+00' AS started_at, timestamptz '2024-02-29 23:00+00' AS ended_at, 10 AS mrr;
CREATE FUNCTION pg_temp.months(zone text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    months text;
BEGIN
    PERFORM create_metric_views('moments', 'views_out', time_zone => zone);
    SELECT string_agg(period_start || ' +' || new_customers || ' -' || churned_customers || ' ~' || transient_customers, ', ' ORDER BY period_start) INTO months FROM views_out.churn WHERE new_customers + churned_customers + transient_customers > 0;
    RETURN months || '; ' || (SELECT first_start || ' to ' || ended_on || ': ' || tenure_days FROM views_out.customers);
END $$;
SELECT session, set_config('TimeZone', session, false) IS NOT NULL AS set, zone, pg_temp.months(zone)
FROM (VALUES (1, 'UTC'), (2, 'Pacific/Kiritimati'), (3, 'America/Los_Angeles')) s (n, session), (VALUES (1, 'UTC'), (2, 'Europe/Berlin'), (3, 'Pacific/Kiritimati'), (4, 'Pacific/Honolulu')) z (m, zone) ORDER BY n, m;
SET TimeZone = 'UTC';

-- ---- Last days ----
-- 1 on two plans that touch, both as first and last day; 2 ends on a leap day; 3 at 23:59:59; 4 and 5 last a day; 6 ends before it starts; 7's second plan starts on the last day of the first; 8 runs on.
CREATE TABLE days AS SELECT c AS customer_id, s::timestamp AS started_at, e::timestamp AS ended_at, m AS mrr, c * 10 AS sub FROM (VALUES
    (1, '2024-01-01', '2024-01-31', 10), (1, '2024-02-01', '2024-03-30', 20), (2, '2023-03-01', '2024-02-29', 30), (3, '2024-01-01', '2024-01-31 23:59:59', 40), (3, '2024-02-01', '2024-03-31 23:59:59', 45),
    (4, '2024-05-05', '2024-05-05', 50), (5, '2024-05-05 12:00', '2024-05-05 12:00', 60), (6, '2024-05-05', '2024-05-03', 70), (7, '2024-01-01', '2024-01-31', 80), (7, '2024-01-31', '2024-10-26', 85), (8, '2024-01-01', NULL, 90)) v (c, s, e, m);
SELECT * FROM pg_temp.stretches('TABLE test_views.days', 'end_inclusive => true');
SELECT * FROM pg_temp.stretches('TABLE test_views.days', 'end_inclusive => true, subscription_id => ''sub''');
SELECT * FROM pg_temp.stretches('SELECT customer_id, started_at::date, ended_at::date, mrr FROM test_views.days', 'end_inclusive => true, time_zone => ''Europe/Berlin''');
-- Of moments it is the midnight of the zone after them: 23:30 on 30 March is half past midnight in Berlin, on a day of 23 hours, and long 31 March in Kiritimati.
SELECT zone, s.ended_at FROM (VALUES (1, 'UTC'), (2, 'Europe/Berlin'), (3, 'Pacific/Kiritimati'), (4, 'Pacific/Honolulu')) z (n, zone),
    LATERAL pg_temp.stretches('SELECT 1 AS customer_id, timestamptz ''2024-01-01'' AS started_at, timestamptz ''2024-03-30 23:30+00'' AS ended_at, 1 AS mrr', format('end_inclusive => true, time_zone => %L', zone)) s ORDER BY n;
-- Two rows of one start, in both orders.
SELECT * FROM pg_temp.stretches('VALUES (1, date ''2024-01-05'', date ''2024-01-05'', 10, 1), (1, ''2024-01-05'', ''2024-02-05'', 20, 1), (1, ''2024-02-05'', NULL, 5, 1)', 'end_inclusive => true, customer_id => ''column1'', started_at => ''column2'', ended_at => ''column3'', mrr => ''column4'', subscription_id => ''column5''');
SELECT * FROM pg_temp.stretches('VALUES (1, date ''2024-02-05'', NULL::date, 5, 1), (1, ''2024-01-05'', ''2024-02-05'', 20, 1), (1, ''2024-01-05'', ''2024-01-05'', 10, 1)', 'end_inclusive => true, customer_id => ''column1'', started_at => ''column2'', ended_at => ''column3'', mrr => ''column4'', subscription_id => ''column5''');

-- ---- Recognition ----
-- 1 cancels on 10 May for the end of the month; 2 cancels on 10 May for a day far ahead; 3 cancelled and came back, a new row; 4 changes its plan on 15 February and leaves on 20 April; 5 on 31 January, monthly; 6 before it begins;
-- 7 is paid by the week; 8 has no interval; 9 runs on.
CREATE TABLE cancelled AS SELECT c AS customer_id, c * 10 AS sub, s::timestamptz AS started_at, e::timestamptz AS ended_at, m AS mrr, i::interval AS every, k::timestamptz AS gone FROM (VALUES
    (1, '2024-01-01', '2024-06-01', 10, '1 mon', '2024-05-10 10:10'), (2, '2024-01-01', '2999-01-01', 20, '1 year', '2024-05-10 10:10'), (3, '2024-01-01', '2024-03-01', 30, '1 mon', '2024-02-20'), (3, '2024-05-01', NULL, 30, '1 mon', NULL),
    (4, '2024-01-01', '2024-02-15', 40, '1 mon', '2024-04-18'), (4, '2024-02-15', '2024-04-20', 45, '1 mon', '2024-04-18'), (5, '2024-01-31', '2024-02-29', 50, '1 mon', '2024-03-15'), (6, '2024-03-01', '2024-03-31', 60, '1 mon', '2024-02-01'),
    (7, '2024-03-25', '2024-04-02 12:00', 70, '7 days', '2024-04-02 12:00'), (8, '2024-01-01', '2024-03-15', 80, NULL, NULL), (9, '2024-01-01', NULL, 90, '1 mon', '2024-05-05')) v (c, s, e, m, i, k);
SELECT * FROM pg_temp.stretches('TABLE test_views.cancelled', 'recognition => ''canceled'', canceled_at => ''gone'', subscription_id => ''sub''');
SELECT * FROM pg_temp.stretches('TABLE test_views.cancelled', 'recognition => ''period_end'', billing_interval => ''every'', subscription_id => ''sub''');
SELECT zone, s.started_at AT TIME ZONE zone AS started, s.ended_at AT TIME ZONE zone AS ended FROM (VALUES (1, 'UTC'), (2, 'Europe/Berlin'), (3, 'Pacific/Kiritimati')) z (n, zone),
    LATERAL pg_temp.stretches('SELECT 1 AS customer_id, timestamp ''2024-01-30 02:30'' AS started_at, timestamp ''2024-03-30 02:31'' AS ended_at, 1 AS mrr, interval ''1 mon'' AS every
                               UNION ALL SELECT 2, ''2024-01-31 00:00'', ''2024-03-31 00:00'', 1, ''1 mon'' UNION ALL SELECT 3, ''2024-02-29'', ''2025-02-28 00:00:01'', 1, ''1 year'' UNION ALL SELECT 4, ''2024-03-24 12:00'', ''2024-03-31 12:00'', 1, ''7 days''',
                               format('recognition => ''period_end'', billing_interval => ''every'', time_zone => %L', zone)) s ORDER BY n, customer;
-- With last days: the day counts before the end is recognized.
SELECT recognition, s.* FROM (VALUES (1, 'ended'), (2, 'canceled'), (3, 'period_end')) r (n, recognition),
    LATERAL pg_temp.stretches('SELECT 1 AS customer_id, 1 AS sub, date ''2024-01-01'' AS started_at, date ''2024-01-31'' AS ended_at, 1 AS mrr, interval ''1 mon'' AS every, timestamptz ''2024-01-10 15:00'' AS gone
                               UNION ALL SELECT 2, 2, ''2024-01-01'', ''2024-01-30'', 1, ''1 mon'', ''2024-01-30 15:00''',
                              format('recognition => %L, billing_interval => ''every'', canceled_at => ''gone'', end_inclusive => true', recognition)) s ORDER BY n, customer;
-- The end of a period, by itself: never before the end of service. Periods are whole months or whole days; of others nothing is known.
SELECT count(*) AS ends, count(*) FILTER (WHERE found < ended_at) AS before_the_end, count(*) FILTER (WHERE found IS DISTINCT FROM wanted) AS different
FROM (SELECT ended_at, billing_period_end(anchor, ended_at, every, zone) AS found,
             (SELECT min(((anchor AT TIME ZONE zone) + n * every) AT TIME ZONE zone) FROM generate_series(0, 520) n WHERE ((anchor AT TIME ZONE zone) + n * every) AT TIME ZONE zone >= ended_at) AS wanted
      FROM generate_series(0, 39) g, (VALUES ('1 day'::interval), ('7 days'), ('1 mon'), ('3 mons'), ('1 year')) i (every), (VALUES ('UTC'), ('Europe/Berlin'), ('Pacific/Kiritimati')) z (zone),
           LATERAL (SELECT timestamptz '2023-01-31 23:00+00' + g * 7919 % 400 * interval '25 hours' AS anchor) a, LATERAL (SELECT anchor + g * 104729 % 500 * interval '23 hours' + interval '1 second' AS ended_at) e) x;
SELECT billing_period_end(a::timestamptz, e::timestamptz, i::interval, 'UTC') FROM (VALUES (1, '2024-01-01', NULL, '1 mon'), (2, '2024-01-01', 'infinity', '1 mon'), (3, '2024-01-01', '2024-03-15', NULL), (4, '2024-01-01', '2024-03-15', '0'),
    (5, '2024-01-01', '2024-03-15', '-1 mon'), (6, '2024-01-01', '2024-03-15', '1 hour'), (7, '2024-01-01', '2024-01-01', '1 mon'), (8, '2024-01-01', '2023-01-01', '1 mon'), (9, NULL, '2023-01-01', '1 mon'), (10, '2024-01-31', '2024-02-29', '1 mon'), (11, '2024-01-31', '2024-03-15', '1 mon 3 days'), (12, '2024-01-31', '2024-03-30', '1 mon')) v (n, a, e, i) ORDER BY n;

-- ---- Trials ----
-- 1 converts; 2 cancels during its trial; 3's trial ends as it is cancelled; 4's trial lies before the row; 5's trial lies within the row, which paid before; 6 changes its plan later; 7 has none; 8's trial begins with the row; 9 changes its plan during the trial.
CREATE TABLE trying AS SELECT c AS customer_id, c * 10 AS sub, s::timestamptz AS started_at, e::timestamptz AS ended_at, m AS mrr, ts::timestamptz AS trial_from, te::timestamptz AS trial_to FROM (VALUES
    (1, '2024-01-01', NULL, 10, '2024-01-01', '2024-01-15'), (2, '2024-01-01', '2024-01-08', 20, '2024-01-01', '2024-01-15'), (3, '2024-01-01', '2024-01-15', 30, '2024-01-01', '2024-01-15'), (4, '2024-01-15', '2024-06-01', 40, '2024-01-01', '2024-01-15'),
    (5, '2024-01-01', NULL, 50, '2024-03-01', '2024-03-15'), (6, '2024-01-01', '2024-04-01', 60, '2024-01-01', '2024-01-15'), (6, '2024-04-01', NULL, 65, '2024-01-01', '2024-01-15'), (7, '2024-01-01', NULL, 70, NULL, NULL),
    (8, '2024-01-01', NULL, 80, NULL, '2024-01-15'), (9, '2024-01-01', '2024-01-05', 90, '2024-01-01', '2024-01-15'), (9, '2024-01-05', NULL, 95, '2024-01-01', '2024-01-15')) v (c, s, e, m, ts, te);
SELECT trials, s.customer, s.started_at, s.ended_at, s.mrr FROM (VALUES (1, 'exclude'), (2, 'free')) t (n, trials),
    LATERAL pg_temp.stretches('TABLE test_views.trying', format('trial_started_at => ''trial_from'', trial_ended_at => ''trial_to'', subscription_id => ''sub'', trials => %L', trials)) s ORDER BY n, customer, started_at, ended_at;
SELECT count(*) FROM create_metric_views('trying', 'views_out', subscription_id => 'sub', trial_started_at => 'trial_from', trial_ended_at => 'trial_to');
SELECT period_start, ended_trials, converted_trials, ended_mrr, converted_mrr FROM views_out.trials WHERE ended_trials > 0 ORDER BY 1;
SELECT customer_id, mrr, status, lifecycle_stage, first_start, ended_on, CASE WHEN status = 'churned' THEN tenure_days END AS tenure FROM views_out.customers ORDER BY 1;
SELECT customer_id, trial_started_at, trial_ended_at FROM views_out.subscriptions ORDER BY customer_id, started_at;
-- Free trials count where the policy counts what is free: 2 and 3 come and go.
SELECT trials, policy, shown
FROM (VALUES (1, 'exclude', 'NULL'), (2, 'exclude', 'churn_policy(count_free => true)'), (3, 'free', 'NULL'), (4, 'free', 'churn_policy(count_free => true)')) o (n, trials, policy),
     pg_temp.then_shown(format('''trying'', ''views_out'', subscription_id => ''sub'', trial_started_at => ''trial_from'', trial_ended_at => ''trial_to'', trials => %L, policy => %s', trials, policy),
                        'SELECT period_start, new_customers, churned_customers, transient_customers, closing_customers FROM views_out.churn WHERE period_start <= ''2024-02-01'' ORDER BY 1') shown ORDER BY n, shown;
-- The last days of rows are no last days of trials, which end at a moment.
SELECT options, s.started_at, s.ended_at, s.mrr FROM (VALUES (1, ', subscription_id => ''customer_id'''), (2, '')) o (n, options),
    LATERAL pg_temp.stretches('SELECT 1 AS customer_id, date ''2024-01-01'' AS started_at, date ''2024-01-31'' AS ended_at, 10 AS mrr, date ''2024-01-15'' AS trial_to',
                              'trial_ended_at => ''trial_to'', end_inclusive => true, trials => ''free''' || options) s ORDER BY n, s.started_at;
-- A trial that runs today: nobody has paid yet.
CREATE TABLE running_trial AS SELECT 1 AS customer_id, now() - interval '3 days' AS started_at, NULL::timestamptz AS ended_at, 10 AS mrr, now() + interval '4 days' AS trial_to;
SELECT options, shown FROM (VALUES (1, ''), (2, ', trials => ''free''')) o (n, options),
    pg_temp.then_shown('''running_trial'', ''views_out'', trial_ended_at => ''trial_to''' || options, 'SELECT customer_id, mrr, status, lifecycle_stage, first_start, ended_on, tenure_days FROM views_out.customers') shown ORDER BY n;

-- ---- Currencies ----
CREATE TABLE sales (customer_id int, started_at date, ended_at date, mrr numeric, cur text, sub text);
INSERT INTO sales VALUES (1, '2024-01-10', NULL, 100, 'EUR'), (1, '2024-01-10', NULL, 10, 'eur'), (1, '2024-01-10', NULL, 7, 'usd'), (2, '2024-01-15', '2024-02-15', 2500, 'JPY'), (3, '2024-01-20', NULL, 1.234, 'KWD');
SELECT * FROM pg_temp.then_shown('''sales'', ''views_out'', currency => ''cur''', 'SELECT currency, period_start, opening_mrr, new_mrr, churned_mrr, closing_mrr FROM views_out.mrr_movements WHERE period_start <= ''2024-02-01'' ORDER BY currency, 2');
SELECT currency, period_start, new_customers, churned_customers, closing_customers FROM views_out.churn WHERE period_start <= '2024-02-01' ORDER BY 1, 2;
SELECT customer_id, currency, trim_scale(mrr) AS mrr, status FROM views_out.customers ORDER BY 1, 2;
-- None: XXX. With a reporting currency and no column of currencies, the rows are in it.
SELECT * FROM pg_temp.stretches('SELECT 1 AS customer_id, date ''2024-01-10'' AS started_at, NULL::date AS ended_at, 10 AS mrr');
SELECT * FROM pg_temp.stretches('SELECT 1 AS customer_id, date ''2024-01-10'' AS started_at, NULL::date AS ended_at, 10 AS mrr', 'reporting_currency => ''chf''');
SELECT * FROM pg_temp.stretches('SELECT 1 AS customer_id, date ''2024-01-10'' AS started_at, NULL::date AS ended_at, 10 AS mrr, NULL::text AS cur UNION ALL SELECT 2, ''2024-01-10'', NULL, 20, ''xbt'' UNION ALL SELECT 3, ''2024-01-10'', NULL, 30, ''''', 'currency => ''cur''');
-- Constant rates: what one unit is worth. 100 + 10 + 7 * 0.92 = 116.44; 2500 * 0.006 = 15; 1.234 * 3.0001 = 3.702123.
CREATE TABLE rates (currency text, rate numeric);
INSERT INTO rates VALUES ('usd', 0.92), ('JPY', 0.006), ('KWD', 3.0001);
SELECT * FROM pg_temp.then_shown('''sales'', ''views_out'', currency => ''cur'', reporting_currency => ''eur'', fx => ''rates''', 'SELECT currency, period_start, opening_mrr, new_mrr, churned_mrr, closing_mrr, closing_customers FROM views_out.mrr_movements WHERE period_start <= ''2024-02-01'' ORDER BY currency, 2');
SELECT customer_id, currency, trim_scale(mrr) AS mrr FROM views_out.subscriptions ORDER BY 1, 3;
-- A currency without a rate that comes later stays by itself; so does one whose rate is lost or no rate any more. A rate that changes changes everything, the past too.
INSERT INTO sales VALUES (4, '2024-02-10', NULL, 50, 'Sek'), (5, '2024-02-10', NULL, 60, NULL);
SELECT customer_id, currency, trim_scale(mrr) AS mrr FROM views_out.subscriptions ORDER BY 1, 3;
INSERT INTO rates VALUES ('SEK', 0.1), ('sek', 0.2);
UPDATE rates SET rate = 'NaN' WHERE currency = 'JPY';
UPDATE rates SET rate = 4 WHERE currency = 'KWD';
DELETE FROM rates WHERE currency = 'usd';
SELECT customer_id, currency, trim_scale(mrr) AS mrr FROM views_out.subscriptions ORDER BY 1, 3;
SELECT currency, closing_mrr, closing_customers FROM views_out.mrr_movements WHERE period_start = '2024-02-01' ORDER BY 1;
SELECT rate, (SELECT string_agg(currency || ' ' || trim_scale(mrr), ', ' ORDER BY customer_id, mrr) FROM views_out.subscriptions) AS without_it FROM rates WHERE currency = 'sek';
-- Rates of other types, in a view; a rate of 1 for the reporting currency itself.
CREATE VIEW latest_rates AS SELECT code::varchar(3) AS currency, rate::double precision AS rate FROM (VALUES ('USD', 0.5), ('EUR', 1), ('JPY', 0.01), ('KWD', 3), ('SEK', 0.1), ('XXX', 2)) v (code, rate);
SELECT * FROM pg_temp.then_shown('''sales'', ''views_out'', currency => ''cur'', reporting_currency => ''EUR'', fx => ''latest_rates''', 'SELECT customer_id, currency, trim_scale(mrr) FROM views_out.subscriptions ORDER BY customer_id, mrr');
-- Digits of currencies.
SELECT code, currency_digits(code) AS digits, trim_scale(from_minor_units(1234567, code)) AS units, trim_scale(from_minor_units(1234567, code, '{"ISK": 2, "XBT": 8, "EUR": 0}')) AS with_exceptions
FROM (VALUES (1, 'EUR'), (2, 'usd'), (3, 'JPY'), (4, 'krw'), (5, 'KWD'), (6, 'CLF'), (7, 'ISK'), (8, 'isk'), (9, 'XBT'), (10, 'XXX'), (11, ''), (12, 'EURO'), (13, NULL)) v (n, code) ORDER BY n;
SELECT from_minor_units(NULL, 'EUR'), from_minor_units(-5, 'EUR'), from_minor_units('NaN', 'EUR'), from_minor_units(5, 'EUR', 'null'), from_minor_units(5, 'EUR', '{"EUR": 9}');
SELECT digits, count(*) FROM (SELECT currency_digits(chr(65 + a) || chr(65 + b) || chr(65 + c)) AS digits FROM generate_series(0, 25) a, generate_series(0, 25) b, generate_series(0, 25) c) x GROUP BY 1 ORDER BY 1;

-- ---- Policy ----
CREATE TABLE gaps AS SELECT c AS customer_id, s::date AS started_at, e::date AS ended_at, m AS mrr FROM (VALUES (1, '2024-01-01', '2024-02-10', 10), (1, '2024-02-20', NULL, 10), (2, '2024-01-01', '2024-03-01', 20), (3, '2024-02-05', '2024-02-20', 30),
    (4, '2024-01-01', '2024-02-15', 40), (4, '2024-04-15', NULL, 40), (5, '2024-01-01', NULL, 0), (6, '2024-01-01', '2024-02-25', 60), (6, '2024-03-05', NULL, 60)) v (c, s, e, m);
CREATE FUNCTION pg_temp.policy_differences(policy text) RETURNS TABLE (view text, here bigint, there bigint) LANGUAGE plpgsql AS $$
DECLARE
    ledger text := '(SELECT subscription_ledger(customer_id::text, started_at::timestamptz, ended_at::timestamptz, mrr) FROM gaps)';
    report record;
BEGIN
    EXECUTE format('SELECT create_metric_views(''gaps'', ''views_out'', policy => %s)', policy);
    FOR report IN VALUES ('mrr_movements', 'mrr_movements'), ('churn', 'churn_by_period'), ('cohorts', 'cohort_retention') LOOP
        view := report.column1;
        EXECUTE format('SELECT count(*) FROM (SELECT to_jsonb(v) - ''currency'' FROM views_out.%1$I v EXCEPT ALL SELECT to_jsonb(r) FROM %2$I(%3$s, time_zone => ''UTC'', policy => %4$s) r) x', report.column1, report.column2, ledger, policy) INTO here;
        EXECUTE format('SELECT count(*) FROM (SELECT to_jsonb(r) FROM %2$I(%3$s, time_zone => ''UTC'', policy => %4$s) r EXCEPT ALL SELECT to_jsonb(v) - ''currency'' FROM views_out.%1$I v) x', report.column1, report.column2, ledger, policy) INTO there;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT preset, d.* FROM churn_policies() p, pg_temp.policy_differences(format('churn_policy(%L)', preset)) d WHERE preset <> 'standard' AND here + there > 0;
SELECT policy, d.* FROM (VALUES ('NULL::churn_policy'), ('churn_policy()'), ('churn_policy(grace => ''10 days'')'), ('churn_policy(grace => ''1 mon 2 days 03:04:05.678901'', reactivation_window => ''1 year 1 day'')'),
    ('churn_policy(boundary => ''at'', basis => ''events'', denominator => ''average'', count_transient => true)'), ('churn_policy(minimum_absence => ''20 days'', count_free => true, reactivation_offsets => true, smoothing => 2)'),
    ('churn_policy(lookback => 3)')) v (policy), pg_temp.policy_differences(policy) d WHERE here + there > 0;
-- Grace and boundary go for renewals and trials, too: 1 is back after ten days, 2 leaves at the end of February.
CREATE VIEW gaps_monthly AS SELECT *, interval '1 mon' AS every FROM gaps WHERE customer_id <= 2;
SELECT policy, string_agg(shown, ' | ' ORDER BY shown) AS renewals
FROM (VALUES (1, 'NULL'), (2, 'churn_policy(grace => ''10 days'')'), (3, 'churn_policy(boundary => ''at'')'), (4, 'churn_policy(lookback => 2, smoothing => 3)')) v (n, policy),
     pg_temp.then_shown('''gaps_monthly'', ''views_out'', billing_interval => ''every'', policy => ' || policy, 'SELECT period_start, due, renewed, due_mrr, renewed_mrr FROM views_out.renewals WHERE period_start BETWEEN ''2024-01-01'' AND ''2024-03-01''') shown
GROUP BY n, policy ORDER BY n;
-- The style of intervals of the session has no say.
SET intervalstyle = 'sql_standard';
SELECT * FROM pg_temp.policy_differences('churn_policy(grace => interval ''1'' month + interval ''2'' day)') WHERE here + there > 0;
SET intervalstyle = 'postgres';

-- ---- What is left out ----
CREATE TABLE bad (n int, customer_id text, started_at timestamptz, ended_at timestamptz, mrr numeric, cur text, every interval);
INSERT INTO bad VALUES
    (1, NULL, '2024-01-01', NULL, 10), (2, 'b', NULL, NULL, 10), (3, 'c', '2024-01-01', NULL, NULL), (4, 'd', '2024-01-02', '2024-01-01', 10), (5, 'e', '-infinity', NULL, 10), (6, 'f', 'infinity', NULL, 10), (7, 'g', '2024-01-01', '-infinity', 10),
    (8, 'h', '2024-01-01', NULL, 'NaN'), (9, 'i', '2024-01-01', NULL, 1e15), (10, 'j', '2024-01-01', NULL, 'infinity'), (11, 'k', '2024-01-01', NULL, '-infinity'), (12, NULL, NULL, NULL, NULL), (13, 'l', '9999-12-31', NULL, 1), (14, 'm', '2024-01-01', NULL, -1e15),
    -- these stay out without a word
    (20, 'n', '2024-01-01', '2024-01-01', 10),
    -- these are in
    (30, 'o', '2024-01-01', 'infinity', 11), (31, 'p', '2024-01-01', '9999-12-31', 12), (32, 'q', '2024-01-01', '294276-12-31', 13), (33, 'r', '0001-01-02', '2024-01-01', 14), (34, 's', '2024-01-01', NULL, 0), (35, 't', '2024-01-01', NULL, -5), (36, '', '2024-01-01', NULL, 15),
    (37, 'u', '2024-01-01', NULL, 1e12), (38, 'v', '2024-01-01', NULL, -1e12), (39, 'w', '2024-01-01', '2024-01-01 00:00:00.000001', 16), (40, 'x', '2024-01-01', '9998-12-31', 17), (41, 'y', '2024-01-01', NULL, 1e-30), (42, 'z', '2999-01-01', NULL, 18);
SELECT * FROM pg_temp.stretches('TABLE test_views.bad');
-- Whatever is in the rows, a ledger takes what the views show, and they can be read.
CREATE FUNCTION pg_temp.readable(relation regclass, options text DEFAULT '') RETURNS TABLE (stretches bigint, customers bigint, views bigint) LANGUAGE plpgsql AS $$
DECLARE
    view regclass;
BEGIN
    views := 0;
    FOR view IN EXECUTE format('SELECT create_metric_views(%L, ''views_out''%s)', relation, ', ' || nullif(options, '')) LOOP
        EXECUTE format('SELECT count(*) FROM (SELECT * FROM %s OFFSET 0) AS view', view);
        views := views + 1;
    END LOOP;
    SELECT count(*), (ledger_summary(subscription_ledger(s.customer_id, s.started_at, s.ended_at, s.mrr))).customers INTO stretches, customers FROM views_out.subscriptions s;
    RETURN NEXT;
END $$;
SET client_min_messages = error;
UPDATE bad SET cur = 'USD', every = CASE n % 5 WHEN 0 THEN interval '1 mon' WHEN 1 THEN interval '-1 day' WHEN 2 THEN interval '0' WHEN 3 THEN interval '1000000 years' ELSE interval '1 day 1 hour' END;
DROP TABLE rates, sales CASCADE;
CREATE TABLE rates (currency, rate) AS VALUES ('USD', 1e-5), ('EUR', 1);
SELECT options, r.* FROM (VALUES (1, ''), (2, 'time_zone => ''Pacific/Kiritimati'''), (3, 'time_zone => ''Pacific/Honolulu'', end_inclusive => true'), (4, 'billing_interval => ''every'', recognition => ''period_end'''), (5, 'canceled_at => ''started_at'', recognition => ''canceled'''),
        (6, 'trial_started_at => ''started_at'', trial_ended_at => ''ended_at'', trials => ''free'''), (7, 'trial_started_at => ''ended_at'', trial_ended_at => ''started_at'', trials => ''free'''), (8, 'trial_ended_at => ''started_at'''),
        (9, 'subscription_id => ''customer_id'', end_inclusive => true, billing_interval => ''every'', recognition => ''period_end'''), (10, 'currency => ''cur'', reporting_currency => ''EUR'', fx => ''rates'''), (11, 'policy => churn_policy(''recurly'')')) o (n, options),
    LATERAL pg_temp.readable('bad', options) r ORDER BY n;
-- The same rows as local times and as dates, with years beyond those of moments.
CREATE VIEW bad_local AS SELECT n, customer_id, started_at AT TIME ZONE 'UTC' AS started_at, CASE WHEN n = 32 THEN '294276-12-31 23:59:59.999999' ELSE ended_at AT TIME ZONE 'UTC' END AS ended_at, mrr, cur, every FROM bad
UNION ALL SELECT 50, 'A', '4713-01-01 BC', '2024-01-01', 10, 'USD', '1 mon' UNION ALL SELECT 51, 'B', '0001-01-01', '2024-01-01', 10, 'USD', '1 mon';
CREATE VIEW bad_days AS SELECT n, customer_id, started_at::date AS started_at, CASE WHEN n = 32 THEN '5874897-12-31' ELSE ended_at::date END AS ended_at, mrr, cur, every FROM bad_local UNION ALL SELECT 52, 'C', '5874897-12-31', NULL, 10, 'USD', '1 mon';
SELECT relation, options, r.* FROM (VALUES (1, 'bad_local'), (2, 'bad_days')) v (m, relation), (VALUES (1, ''), (2, 'time_zone => ''Pacific/Kiritimati'''), (3, 'time_zone => ''Pacific/Honolulu'', end_inclusive => true'), (4, 'billing_interval => ''every'', recognition => ''period_end'''),
        (5, 'trial_started_at => ''ended_at'', trial_ended_at => ''started_at'', trials => ''free'''), (6, 'subscription_id => ''customer_id'', end_inclusive => true, billing_interval => ''every'', recognition => ''period_end''')) o (n, options),
    LATERAL pg_temp.readable(relation::regclass, options) r ORDER BY m, n;
-- The repository's unpleasant rows.
CREATE TABLE unpleasant AS SELECT customer AS customer_id, started_at AT TIME ZONE 'UTC' AS started_at, ended_at AT TIME ZONE 'UTC' AS ended_at, mrr, 'USD' AS cur, interval '1 mon' AS every FROM oracle.random_rows(7, 1500);
SELECT options, r.* FROM (VALUES (1, ''), (2, 'end_inclusive => true'), (3, 'subscription_id => ''customer_id'', end_inclusive => true, time_zone => ''Europe/Berlin'''), (4, 'billing_interval => ''every'', recognition => ''period_end''')) o (n, options), LATERAL pg_temp.readable('unpleasant', options) r ORDER BY n;
RESET client_min_messages;

-- ---- Customers ----
-- Words by hand. Times relative to now, and nothing that depends on the day of the month.
CREATE TABLE people AS SELECT c AS customer_id, s AS started_at, e AS ended_at, m AS mrr, w AS state, t AS trial_to, c AS sub FROM (VALUES
    ('01 active', timestamptz '2024-01-10', NULL::timestamptz, 10, 'active', NULL::timestamptz), ('02 new', now() - interval '1 microsecond', NULL, 20, 'active', NULL), ('03 churned', '2024-01-10', '2024-03-10', 30, 'canceled', NULL),
    ('04 won back', '2024-01-10', '2024-02-10', 40, 'canceled', NULL), ('04 won back', '2024-04-10', NULL, 45, 'active', NULL), ('05 paused', '2024-01-10', '2024-02-10', 50, 'paused', NULL), ('05 paused', '2024-02-10', NULL, 0, 'paused', NULL),
    ('06 past due', '2024-01-10', NULL, 60, 'past_due', NULL), ('07 free', '2024-01-10', NULL, 0, 'active', NULL), ('08 free again', '2024-01-10', '2024-02-10', 80, 'canceled', NULL), ('08 free again', '2024-02-10', NULL, 0, 'active', NULL),
    ('09 trial', now() - interval '1 day', NULL, 90, 'trialing', now() + interval '9 days'), ('10 trial lost', '2024-01-01', '2024-01-10', 100, 'canceled', '2024-01-15'), ('11 upcoming', now() + interval '1 day', NULL, 110, 'future', NULL),
    ('12 ends soon', '2024-01-10', now() + interval '1 day', 120, 'active', NULL), ('13 free left', '2024-01-10', '2024-02-10', 0, 'canceled', NULL), ('14 discount', '2024-01-10', NULL, 10, 'active', NULL), ('14 discount', '2024-01-10', NULL, -15, 'active', NULL),
    ('15 plans', '2024-01-10', '2024-02-10', 10, 'active', NULL), ('15 plans', '2024-02-10', NULL, 20, 'active', NULL), ('16 lost, to come', '2024-01-01', '2024-01-10', 100, 'canceled', '2024-01-15'), ('16 lost, to come', now() + interval '1 day', NULL, 100, 'future', NULL),
    ('17 left, to come', '2024-01-10', '2024-02-10', 100, 'canceled', NULL), ('17 left, to come', now() + interval '1 day', NULL, 100, 'future', NULL), ('18 half paused', '2024-01-10', NULL, 0, 'paused', NULL), ('18 half paused', '2024-02-10', NULL, 5, 'active', NULL),
    ('19 paid, trial', '2024-01-10', NULL, 5, 'active', NULL), ('19 paid, trial', now() - interval '1 day', NULL, 5, 'trialing', now() + interval '1 day'), ('20 churned, trial', '2024-01-10', '2024-02-10', 5, 'canceled', NULL),
    ('20 churned, trial', now() - interval '1 day', NULL, 5, 'trialing', now() + interval '1 day')) v (c, s, e, m, w, t);
SELECT count(*) FROM create_metric_views('people', 'views_out', status => 'state', trial_ended_at => 'trial_to');
SELECT customer_id, trim_scale(mrr) AS mrr, status, lifecycle_stage, CASE WHEN first_start < '2025-01-01' THEN first_start::text WHEN first_start IS NOT NULL THEN '(lately)' END AS first_start, ended_on,
       CASE WHEN status = 'churned' THEN tenure_days ELSE tenure_days - ((now() AT TIME ZONE 'UTC')::date - first_start) END AS tenure
FROM views_out.customers ORDER BY customer_id COLLATE "C";

-- A trial is the subscription's: 1 has two items, 2 another plan from its 5th day on (20 for 30), 3 ended 20 minutes late, 4 pays for 20 minutes and then another price, 5 pays for two hours, 6 two trials.
CREATE TABLE tried (c text, s timestamptz, e timestamptz, m numeric, f timestamptz, t timestamptz, k timestamptz, state text);
INSERT INTO tried VALUES
    ('1', '2024-01-01 00:00+00', NULL, 10, '2024-01-01 00:00+00', '2024-01-15 00:00+00', NULL, 'active'), ('1', '2024-01-01 00:00+00', NULL, 5, '2024-01-01 00:00+00', '2024-01-15 00:00+00', NULL, 'active'),
    ('2', '2024-01-01 00:00+00', '2024-01-05 00:00+00', 20, '2024-01-01 00:00+00', '2024-01-15 00:00+00', NULL, 'active'), ('2', '2024-01-05 00:00+00', NULL, 30, '2024-01-01 00:00+00', '2024-01-15 00:00+00', NULL, 'active'),
    ('3', '2024-01-01 00:00+00', '2024-01-15 00:20+00', 40, '2024-01-01 00:00+00', '2024-01-15 00:00+00', '2024-01-03 00:00+00', 'canceled'),
    ('4', '2024-01-01 00:00+00', '2024-01-15 00:20+00', 50, '2024-01-01 00:00+00', '2024-01-15 00:00+00', '2024-04-01 00:00+00', 'canceled'), ('4', '2024-01-15 00:20+00', '2024-04-01 00:00+00', 60, '2024-01-01 00:00+00', '2024-01-15 00:00+00', '2024-04-01 00:00+00', 'canceled'),
    ('5', '2024-01-01 00:00+00', '2024-01-15 02:00+00', 70, '2024-01-01 00:00+00', '2024-01-15 00:00+00', '2024-01-15 01:00+00', 'canceled'),
    ('6', '2024-01-01 00:00+00', '2024-01-08 00:00+00', 80, '2024-01-01 00:00+00', '2024-01-15 00:00+00', NULL, 'canceled'), ('6', '2024-03-01 00:00+00', NULL, 90, '2024-03-01 00:00+00', '2024-03-15 00:00+00', NULL, 'active');
SELECT count(*) FROM create_metric_views('tried', 'views_out', customer_id => 'c', subscription_id => 'c', started_at => 's', ended_at => 'e', mrr => 'm', trial_started_at => 'f', trial_ended_at => 't', canceled_at => 'k', status => 'state');
-- January: 15 + 30 + 40 + 50 + 70 + 80 tried, 1, 2, 4 and 5 pay: 15 + 30 + 50 + 70. March: 90.
SELECT period_start, ended_trials, converted_trials, ended_mrr, converted_mrr FROM views_out.trials WHERE ended_trials > 0 ORDER BY 1;
SELECT customer_id, started_at, ended_at, mrr FROM views_out.subscriptions ORDER BY customer_id, started_at, mrr;
SELECT customer_id, lifecycle_stage, mrr, first_start FROM views_out.customers ORDER BY customer_id;

-- ---- Renewals ----
-- 1 from 31 January by the month; 2 by the year, dearer in the middle of a term; 3 from the month to the year; 4 leaves within a term; 5 back after a gap; 6 by the week; 7 free; 8 without interval; 9 by hours; 10 two items of one subscription;
-- 11 from the month to 30 days, which are equal as intervals: 29 February, 1 March, then 31 March, 30 April, and 1 May within a term.
CREATE TABLE billed AS SELECT c AS customer_id, s::timestamp AS started_at, e::timestamp AS ended_at, m AS mrr, i::interval AS every, c AS sub FROM (VALUES
    (1, '2024-01-31', '2024-05-31', 10, '1 mon'), (2, '2023-02-10', '2023-08-01', 20, '1 year'), (2, '2023-08-01', '2025-02-10', 25, '1 year'), (3, '2024-01-05', '2024-03-05', 30, '1 mon'), (3, '2024-03-05', '2025-03-05', 28, '1 year'), (4, '2024-01-10', '2024-02-20', 40, '1 mon'),
    (5, '2024-01-10', '2024-02-10', 50, '1 mon'), (5, '2024-02-15', '2024-03-15', 50, '1 mon'), (6, '2024-01-29', '2024-02-26', 60, '7 days'), (7, '2024-01-01', '2024-06-01', 0, '1 mon'), (8, '2024-01-01', '2024-06-01', 80, NULL), (9, '2024-01-01', '2024-06-01', 90, '36:00:00'),
    (10, '2024-01-20', '2024-03-20', 7, '1 mon'), (10, '2024-02-25', '2024-04-20', 8, '1 mon'),
    (11, '2024-01-31', '2024-03-01', 100, '1 mon'), (11, '2024-03-01', '2024-05-01', 100, '30 days')) v (c, s, e, m, i);
SELECT count(*) FROM create_metric_views('billed', 'views_out', subscription_id => 'sub', billing_interval => 'every');
-- February: 1 on the 29th, 2 (25), 3 on the 5th, 4 on the 10th and the 20th (lost), 5 on the 10th (lost), 6 four times (the last lost), 10 on the 20th. March: 1, 3 on the 5th (goes on by the year), 5 (lost), 10 on the 20th (15).
SELECT period_start, due, renewed, round(renewal_rate, 4) AS rate, due_mrr, renewed_mrr, round(mrr_renewal_rate, 4) AS mrr_rate, complete FROM views_out.renewals WHERE period_start BETWEEN '2024-01-01' AND '2024-05-01' OR due > 0 AND period_start < '2025-06-01' ORDER BY 1;
-- What runs today ends a term ahead, by a year at most, and is not judged yet.
CREATE TABLE ahead AS SELECT 1 AS customer_id, date_trunc('month', now()) - interval '40 months' AS started_at, NULL::timestamptz AS ended_at, 10 AS mrr, interval '1 year' AS every UNION ALL SELECT 2, date_trunc('month', now()), NULL, 20, '1 year';
SELECT count(*) FROM create_metric_views('ahead', 'views_out', billing_interval => 'every');
SELECT (period_start - date_trunc('month', now())::date) / 30 AS months_ahead, due, renewed, renewal_rate, due_mrr, renewed_mrr, mrr_renewal_rate, complete FROM views_out.renewals WHERE period_start > now() AND due > 0 ORDER BY 1;
SELECT due, renewed, round(renewal_rate, 2) AS rate, due_mrr FROM views_out.renewals WHERE complete AND due > 0 ORDER BY period_start;

-- ---- Made again ----
-- What others hold on the views stays: rights, owners, views upon them. What they read and how they count changes.
CREATE ROLE regress_cm_views_reader;
CREATE TABLE other_rows (id text, from_day date, to_day date, price numeric);
INSERT INTO other_rows VALUES ('x', '2024-01-01', '2024-02-01', 99);
SELECT count(*) FROM create_metric_views('rows', 'views_out');
GRANT USAGE ON SCHEMA views_out TO regress_cm_views_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA views_out TO regress_cm_views_reader;
CREATE VIEW board AS SELECT currency, period_start, closing_mrr, complete FROM views_out.mrr_movements;
CREATE TABLE oids AS SELECT oid, relname, relacl::text FROM pg_class WHERE relnamespace = 'views_out'::regnamespace;
SELECT count(*), min(closing_mrr), max(closing_mrr) FROM board WHERE period_start < '2024-05-01';
SELECT count(*) FROM create_metric_views('other_rows', 'views_out', 'id', 'from_day', 'to_day', 'price', time_zone => 'Europe/Berlin', end_inclusive => true);
SELECT customer_id, started_at, ended_at, mrr FROM views_out.subscriptions;
SELECT count(*), min(closing_mrr), max(closing_mrr) FROM board WHERE period_start < '2024-05-01';
SELECT obj_description('views_out.churn'::regclass, 'pg_class') AS comment, obj_description('views_out'::regnamespace, 'pg_namespace') AS of_the_schema;
SELECT count(*) AS same FROM oids JOIN pg_class c USING (oid, relname) WHERE c.relacl::text = oids.relacl;
-- The same once more changes nothing.
CREATE TABLE definitions AS SELECT oid, pg_get_viewdef(oid) AS definition FROM pg_class WHERE relnamespace = 'views_out'::regnamespace;
SELECT count(*) FROM create_metric_views('other_rows', 'views_out', 'id', 'from_day', 'to_day', 'price', time_zone => 'Europe/Berlin', end_inclusive => true);
SELECT count(*) AS same FROM definitions WHERE pg_get_viewdef(oid) = definition;
-- A reader reads with rights of its own: those on the views do not do.
SELECT pg_temp.err('SET LOCAL ROLE regress_cm_views_reader; SELECT count(*) FROM views_out.churn');
GRANT USAGE ON SCHEMA test_views TO regress_cm_views_reader;
GRANT SELECT ON other_rows TO regress_cm_views_reader;
SET ROLE regress_cm_views_reader;
SELECT (SELECT count(*) FROM views_out.subscriptions) AS subscriptions, (SELECT count(*) > 0 FROM views_out.mrr_movements) AS mrr_movements, (SELECT count(*) > 0 FROM views_out.churn) AS churn, (SELECT count(*) > 0 FROM views_out.cohorts) AS cohorts,
       (SELECT count(*) FROM views_out.customers) AS customers, (SELECT count(*) FROM views_out.renewals) AS renewals, (SELECT count(*) FROM views_out.trials) AS trials;
RESET ROLE;
-- With row level security each reader has a business of its own.
ALTER TABLE other_rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY none ON other_rows FOR SELECT TO regress_cm_views_reader USING (id <> 'x');
SET ROLE regress_cm_views_reader;
SELECT count(*) FROM views_out.subscriptions;
RESET ROLE;
SELECT count(*) FROM views_out.subscriptions;
-- Views into a schema that was there, beside other things.
CREATE SCHEMA views_mine;
CREATE TABLE views_mine.notes (note text);
SELECT count(*) FROM create_metric_views('rows', 'views_mine');
SELECT obj_description('views_mine'::regnamespace, 'pg_namespace');
SELECT count(*) FROM create_metric_views('views_out.subscriptions', 'views_mine');
SELECT customer_id, mrr FROM views_mine.subscriptions;

-- ---- Dropped ----
-- What hangs on a view keeps all.
SELECT pg_temp.err('SELECT drop_billing_views(''views_out'')') LIKE '2BP01: cannot drop%' AS refused, (SELECT count(*) FROM pg_class WHERE relnamespace = 'views_out'::regnamespace) AS left;
DROP VIEW board;
SELECT pg_temp.err('SELECT drop_billing_views(''views_out'')') LIKE '2BP01: cannot drop%' AS refused;
-- A schema that was there stays, with what else is in it.
SELECT * FROM drop_billing_views('views_mine');
SELECT relname FROM pg_class WHERE relnamespace = 'views_mine'::regnamespace;
DROP TABLE views_mine.notes;
SELECT count(*) FROM create_metric_views('rows', 'views_mine');
SELECT count(*) FROM drop_billing_views('views_mine');
SELECT to_regnamespace('views_mine') IS NOT NULL AS stays;
-- One that was made stays with what is in it by now; some of the views may be gone before.
CREATE SEQUENCE views_out.counter;
DROP VIEW views_out.renewals, views_out.churn;
SELECT * FROM drop_billing_views('views_out');
SELECT relname FROM pg_class WHERE relnamespace = 'views_out'::regnamespace;
SELECT count(*) FROM create_metric_views('rows', 'views_out');
DROP SEQUENCE views_out.counter;
CREATE FUNCTION views_out.one() RETURNS int LANGUAGE sql RETURN 1;
SELECT count(*) FROM drop_billing_views('views_out');
SELECT to_regnamespace('views_out') IS NOT NULL AS stays;
DROP FUNCTION views_out.one();
SELECT count(*) FROM create_metric_views('rows', 'views_out');
DROP VIEW views_out.renewals;
SELECT count(*) FROM create_metric_views('rows', 'views_out');
SELECT count(*) FROM drop_billing_views('views_out');
SELECT to_regnamespace('views_out') IS NOT NULL AS stays;
DROP SCHEMA views_mine;
DROP OWNED BY regress_cm_views_reader;
DROP ROLE regress_cm_views_reader;

-- ---- Against plain SQL, on pseudo-random rows ----
-- Eight hundred subscriptions of some 300 customers: one to four stretches, touching or not, plans and intervals that change, items beside them, trials at the beginning, four currencies. The trial's days stand in every row of a subscription.
CREATE TABLE many AS
WITH subscription AS (
    SELECT g AS sub, 'c' || oracle.dice(g, 1, 320) AS customer_id, (ARRAY['EUR', 'EUR', 'usd', 'JPY', 'KWD'])[oracle.dice(g % 320, 2, 5) + 1] AS cur,
           timestamptz '2021-01-01 00:00+00' + oracle.dice(g, 3, 1500) * interval '1 day' + CASE oracle.dice(g, 4, 3) WHEN 0 THEN oracle.dice(g, 5, 86400) ELSE 23 * 3600 END * interval '1 second' AS first_start,
           CASE oracle.dice(g, 6, 4) WHEN 0 THEN 14 WHEN 1 THEN CASE oracle.dice(g, 7, 3) WHEN 0 THEN 3 ELSE 30 END END AS trial_days, oracle.dice(g, 8, 4) AS stretches, oracle.dice(g, 9, 3) = 0 AS before_it,
           (ARRAY['active', 'past_due', 'paused', NULL])[oracle.dice(g, 10, 4) + 1] AS state
    FROM generate_series(1, 800) g
), stretch AS (
    SELECT s.*, n, (ARRAY['7 days', '14 days', '1 mon', '1 mon', '1 mon', '3 mons', '1 year', '1 year', NULL, '36:00:00'])[oracle.dice(CASE oracle.dice(sub * 8 + n, 11, 6) WHEN 0 THEN sub * 8 + n ELSE sub END, 12, 10) + 1]::interval AS every,
           (ARRAY['7 days', '14 days', '1 mon', '1 mon', '2 mons', '3 mons', '6 mons', '1 year', '5 days 03:00:00', '40 days'])[oracle.dice(sub * 8 + n, 13, 10) + 1]::interval AS length,
           (ARRAY['0', '0', '0', '0', '1 day', '00:00:00.000001', '40 days'])[oracle.dice(sub * 8 + n, 14, 7) + 1]::interval AS gap, (ARRAY[10, 10, 20, 0, 99.99, 33.333333, -5])[oracle.dice(sub * 8 + n, 15, 7) + 1] AS mrr
    FROM subscription s, generate_series(0, stretches) n
), dated AS (
    SELECT *, first_start + coalesce(sum(length + CASE WHEN trial_days IS NULL THEN gap ELSE '0' END) OVER (PARTITION BY sub ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), '0') AS started_at
    FROM stretch
), ended AS (
    SELECT *, CASE WHEN n < stretches OR oracle.dice(sub, 16, 2) = 0 THEN started_at + length END AS ended_at, CASE WHEN before_it THEN first_start - trial_days * interval '1 day' ELSE first_start END AS trial_from FROM dated
)
SELECT sub, customer_id, cur, every, started_at, ended_at, mrr, state, trial_from, trial_from + trial_days * interval '1 day' AS trial_to FROM ended
UNION ALL SELECT sub, customer_id, cur, every, started_at + item * length / 3, ended_at, item * 7, state, NULL, NULL FROM ended, generate_series(1, 2) item WHERE trial_days IS NULL AND oracle.dice(sub * 8 + n, 17, 8) = 0;

-- What the views are to be: stretches paid, and trials, one of a subscription, at the price of the stretch in which it ends.
CREATE TABLE wanted_trials AS
SELECT m.sub, m.customer_id, upper(m.cur) AS currency, t.began AS started_at, t.ended AS ended_at, m.mrr
FROM (SELECT sub, trial_from AS began, least(trial_to, max(coalesce(ended_at, 'infinity'))) AS ended FROM many WHERE trial_to IS NOT NULL GROUP BY sub, trial_from, trial_to) t
     JOIN many m ON m.sub = t.sub AND (m.started_at < t.ended AND coalesce(m.ended_at, 'infinity') >= t.ended OR m.started_at = t.ended AND NOT EXISTS (SELECT FROM many p WHERE p.sub = m.sub AND p.started_at < m.started_at));
CREATE TABLE wanted AS
SELECT sub, customer_id, upper(cur) AS currency, every, greatest(started_at, trial_to) AS started_at, ended_at, mrr, state FROM many WHERE trial_to IS NULL OR ended_at IS NULL OR ended_at > trial_to;
SELECT (SELECT count(*) FROM many) AS rows, (SELECT count(*) FROM wanted) AS paid, (SELECT count(*) FROM wanted_trials) AS trials, (SELECT count(DISTINCT customer_id) FROM many) AS customers;

-- The reports by the oracle of the repository and by the functions, the others from their definitions.
CREATE FUNCTION pg_temp.differences(zone text, grace interval DEFAULT '0', boundary text DEFAULT 'before') RETURNS TABLE (view text, checked bigint, here bigint, there bigint) LANGUAGE plpgsql AS $$
DECLARE
    counting churn_policy := churn_policy(grace => differences.grace, boundary => differences.boundary);
    name text;
    report text;
BEGIN
    PERFORM create_metric_views('many', 'views_out', subscription_id => 'sub', currency => 'cur', billing_interval => 'every', status => 'state', trial_started_at => 'trial_from', trial_ended_at => 'trial_to',
                                time_zone => zone, policy => counting);
    RETURN QUERY
    WITH view AS (SELECT customer_id, subscription_id::int, currency, billing_interval, started_at, ended_at, mrr, status FROM views_out.subscriptions),
         wish AS (SELECT customer_id, sub, currency, every, started_at, ended_at, mrr::numeric, state FROM wanted)
    SELECT 'subscriptions', (SELECT count(*) FROM view), (SELECT count(*) FROM (TABLE view EXCEPT ALL TABLE wish) x), (SELECT count(*) FROM (TABLE wish EXCEPT ALL TABLE view) x);

    FOR name, report IN VALUES ('mrr_movements', 'mrr_movements'), ('churn', 'churn_by_period'), ('cohorts', 'cohort_retention') LOOP
        RETURN QUERY EXECUTE format($query$
            WITH view AS (SELECT currency, to_jsonb(v) - 'currency' FROM views_out.%1$I v),
                 wish AS MATERIALIZED (SELECT c.currency, to_jsonb(r) FROM (SELECT currency, subscription_ledger(customer_id, started_at, ended_at, mrr::numeric) AS ledger FROM wanted GROUP BY currency) c, %2$I(c.ledger, '1 month', time_zone => %3$L, policy => $1) r)
            SELECT %1$L, (SELECT count(*) FROM view), (SELECT count(*) FROM (TABLE view EXCEPT ALL TABLE wish) x), (SELECT count(*) FROM (TABLE wish EXCEPT ALL TABLE view) x)$query$, name, report, zone) USING counting;
    END LOOP;

    -- Terms: from the start of a chain of stretches that touch, of one subscription billed at one interval, interval by interval to the end of the chain.
    CREATE TEMP TABLE paid AS
    SELECT currency, customer_id, sub, every, mrr, started_at AT TIME ZONE zone AS started, coalesce(ended_at AT TIME ZONE zone, 'infinity') AS ended FROM wanted WHERE mrr > 0 AND every <> '36:00:00';
    CREATE INDEX ON paid (sub);
    CREATE TEMP TABLE term AS
    WITH chain AS MATERIALIZED (
        SELECT DISTINCT r.currency, r.customer_id, r.sub, r.every, r.started AS anchor,
               (SELECT min(l.ended) FROM paid l WHERE l.sub = r.sub AND l.every = r.every AND l.ended >= r.started AND NOT EXISTS (SELECT FROM paid n WHERE n.sub = r.sub AND n.every = r.every AND n.started <= l.ended AND n.ended > l.ended)) AS chain_end
        FROM paid r WHERE NOT EXISTS (SELECT FROM paid p WHERE p.sub = r.sub AND p.every = r.every AND p.started < r.started AND p.ended >= r.started)
    ), cut AS (
        SELECT c.*, anchor + n * every AS began, least(anchor + (n + 1) * every, chain_end) AS done
        FROM chain c, generate_series(0, ((now() AT TIME ZONE zone)::date - anchor::date) / CASE WHEN every < '1 mon' THEN 7 ELSE 28 END + 1) n WHERE anchor + n * every < chain_end AND anchor + n * every <= now() AT TIME ZONE zone
    )
    SELECT c.currency, c.customer_id, c.began AT TIME ZONE zone AS began, c.done AT TIME ZONE zone AS done, (SELECT sum(r.mrr) FROM paid r WHERE r.sub = c.sub AND r.every = c.every AND r.started < c.done AND r.ended >= c.done) AS mrr FROM cut c;
    CREATE INDEX ON term (customer_id, began);
    ANALYZE paid, term;
    RETURN QUERY
    WITH view AS (SELECT currency, period_start, due, renewed, due_mrr, renewed_mrr FROM views_out.renewals WHERE due > 0),
         answer AS (SELECT t.currency, t.mrr, date_trunc('month', (t.done AT TIME ZONE zone) - CASE boundary WHEN 'at' THEN interval '1 microsecond' ELSE '0' END)::date AS period_start,
                           EXISTS (SELECT FROM term n WHERE n.customer_id = t.customer_id AND n.currency = t.currency AND n.began <= ((t.done AT TIME ZONE zone) + differences.grace) AT TIME ZONE zone AND n.done > t.done
                                  AND n.began > t.done - interval '367 days' /* no term lasts longer */) AS renewed FROM term t),
         wish AS MATERIALIZED (SELECT currency, period_start, count(*) AS due, count(*) FILTER (WHERE renewed) AS renewed, sum(mrr) AS due_mrr, coalesce(sum(mrr) FILTER (WHERE renewed), 0) AS renewed_mrr FROM answer GROUP BY 1, 2)
    SELECT 'renewals', (SELECT sum(view.due)::bigint FROM view), (SELECT count(*) FROM (TABLE view EXCEPT ALL TABLE wish) x), (SELECT count(*) FROM (TABLE wish EXCEPT ALL TABLE view) x);
    DROP TABLE paid, term;

    RETURN QUERY
    WITH view AS (SELECT currency, period_start, ended_trials, converted_trials, ended_mrr, converted_mrr, mrr_trial_conversion FROM views_out.trials WHERE ended_trials > 0),
         answer AS (SELECT t.currency, t.mrr, date_trunc('month', (t.ended_at AT TIME ZONE zone) - CASE boundary WHEN 'at' THEN interval '1 microsecond' ELSE '0' END)::date AS period_start,
                           EXISTS (SELECT FROM wanted p WHERE p.customer_id = t.customer_id AND p.currency = t.currency AND p.mrr > 0 AND p.started_at <= ((t.ended_at AT TIME ZONE zone) + differences.grace) AT TIME ZONE zone AND (p.ended_at IS NULL OR p.ended_at > t.ended_at)) AS converted
                    FROM wanted_trials t WHERE (t.ended_at AT TIME ZONE zone)::date <= (now() AT TIME ZONE zone)::date),
         wish AS (SELECT currency, period_start, count(*), count(*) FILTER (WHERE converted), sum(mrr), coalesce(sum(mrr) FILTER (WHERE converted), 0), coalesce(sum(mrr) FILTER (WHERE converted), 0) / nullif(sum(mrr), 0) FROM answer GROUP BY 1, 2)
    SELECT 'trials', (SELECT sum(view.ended_trials)::bigint FROM view), (SELECT count(*) FROM (TABLE view EXCEPT ALL TABLE wish) x), (SELECT count(*) FROM (TABLE wish EXCEPT ALL TABLE view) x);

    CREATE TEMP TABLE stretch AS
    SELECT *, started_at <= now() AND coalesce(ended_at, 'infinity') > now() AS runs, mrr > 0 AND NOT on_trial AS pays
    FROM (SELECT customer_id, currency, started_at, ended_at, mrr, state, false AS on_trial FROM wanted UNION ALL SELECT t.customer_id, t.currency, t.started_at, t.ended_at, t.mrr, NULL, true FROM wanted_trials t) s;
    CREATE INDEX ON stretch (customer_id);
    ANALYZE stretch;
    RETURN QUERY
    WITH one AS (
        SELECT customer_id, currency, greatest(coalesce((SELECT sum(mrr) FROM stretch s WHERE s.customer_id = c.customer_id AND s.currency = c.currency AND runs AND NOT on_trial), 0), 0) AS mrr,
               EXISTS (SELECT FROM stretch s WHERE s.customer_id = c.customer_id AND s.currency = c.currency AND runs) AS runs,
               EXISTS (SELECT FROM stretch s WHERE s.customer_id = c.customer_id AND s.currency = c.currency AND runs AND on_trial) AS tries,
               EXISTS (SELECT FROM stretch s WHERE s.customer_id = c.customer_id AND s.currency = c.currency AND on_trial) AS tried,
               NOT EXISTS (SELECT FROM stretch s WHERE s.customer_id = c.customer_id AND s.currency = c.currency AND started_at <= now()) AS upcoming,
               EXISTS (SELECT FROM stretch s WHERE s.customer_id = c.customer_id AND s.currency = c.currency AND runs AND NOT on_trial AND state = 'past_due') AS past_due,
               EXISTS (SELECT FROM stretch s WHERE s.customer_id = c.customer_id AND s.currency = c.currency AND runs AND NOT on_trial AND mrr <= 0 AND state = 'paused')
               AND NOT EXISTS (SELECT FROM stretch s WHERE s.customer_id = c.customer_id AND s.currency = c.currency AND runs AND NOT on_trial AND (mrr > 0 OR state <> 'paused')) AS paused,
               EXISTS (SELECT FROM stretch s WHERE s.customer_id = c.customer_id AND s.currency = c.currency AND pays AND started_at <= now()
                       AND EXISTS (SELECT FROM stretch p WHERE p.customer_id = c.customer_id AND p.currency = c.currency AND p.pays AND p.started_at < s.started_at)
                       AND NOT EXISTS (SELECT FROM stretch p WHERE p.customer_id = c.customer_id AND p.currency = c.currency AND p.pays AND p.started_at < s.started_at AND coalesce(p.ended_at, 'infinity') >= s.started_at)) AS came_back,
               (SELECT (min(started_at) AT TIME ZONE zone)::date FROM stretch s WHERE s.customer_id = c.customer_id AND s.currency = c.currency AND pays AND started_at <= now()) AS first_start,
               (SELECT (max(ended_at) AT TIME ZONE zone)::date FROM stretch s WHERE s.customer_id = c.customer_id AND s.currency = c.currency AND started_at <= now()) AS last_end, (now() AT TIME ZONE zone)::date AS today
        FROM (SELECT DISTINCT s.customer_id, s.currency FROM stretch s) c
    ), wish AS (
        SELECT customer_id, currency, mrr, CASE WHEN upcoming THEN 'upcoming' WHEN paused THEN 'paused' WHEN past_due THEN 'past_due' WHEN mrr > 0 THEN 'active' WHEN tries THEN 'trialing' WHEN runs THEN 'free' ELSE 'churned' END AS status,
               CASE WHEN upcoming THEN 'upcoming' WHEN mrr > 0 THEN CASE WHEN came_back THEN 'won_back' WHEN date_trunc('month', first_start) = date_trunc('month', today) THEN 'new' ELSE 'active' END
                    WHEN tries THEN 'trial' WHEN paused THEN 'paused' WHEN runs THEN 'free' WHEN first_start IS NULL AND tried THEN 'trial_lost' ELSE 'churned' END AS stage,
               first_start, CASE WHEN NOT runs AND NOT upcoming THEN last_end END AS ended_on, CASE WHEN runs THEN today ELSE last_end END - first_start AS tenure
        FROM one
    ), view AS (SELECT customer_id, currency, mrr, status, lifecycle_stage, first_start, ended_on, tenure_days FROM views_out.customers)
    SELECT 'customers', (SELECT count(*) FROM view), (SELECT count(*) FROM (TABLE view EXCEPT ALL TABLE wish) x), (SELECT count(*) FROM (TABLE wish EXCEPT ALL TABLE view) x);
    DROP TABLE stretch;
END $$;
SELECT zone, view, checked > 100 AS checked, here, there FROM (VALUES (1, 'UTC'), (2, 'Europe/Berlin'), (3, 'Pacific/Kiritimati')) z (n, zone), pg_temp.differences(zone) ORDER BY n, view;
SELECT grace, boundary, view, here, there FROM (VALUES (1, interval '1 day', 'at'), (2, '1 mon', 'before')) p (n, grace, boundary), pg_temp.differences('Europe/Berlin', grace, boundary) WHERE here + there > 0 ORDER BY n, view;
-- That it would be noticed: one price, one day, one trial.
BEGIN;
UPDATE many SET mrr = mrr + 0.01 WHERE sub = 77;
UPDATE many SET ended_at = ended_at + interval '1 day' WHERE sub % 50 = 0;
UPDATE many SET trial_to = trial_to + interval '1 month' WHERE sub % 20 = 0;
SELECT view, here + there > 0 AS noticed FROM pg_temp.differences('UTC') ORDER BY view;
ROLLBACK;
-- The oracle of the repository, which uses nothing of ours.
SELECT count(*) FROM create_metric_views('many', 'views_out', subscription_id => 'sub', currency => 'cur', billing_interval => 'every', status => 'state', trial_started_at => 'trial_from', trial_ended_at => 'trial_to', time_zone => 'Europe/Berlin');
CREATE TABLE ledgers AS SELECT currency, array_agg(oracle.instant(customer_id, started_at, ended_at, mrr)) AS subs FROM wanted GROUP BY currency;
WITH v AS (SELECT currency, period_start, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, closing_customers, round(nrr, 6), round(quick_ratio, 6), round(arpa, 6), complete FROM views_out.mrr_movements),
     o AS MATERIALIZED (SELECT currency, period_start, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, closing_customers, round(nrr, 6), round(quick_ratio, 6), round(arpa, 6), complete
                        FROM ledgers, oracle.mrr_movements(subs, time_zone => 'Europe/Berlin'))
SELECT (SELECT count(*) > 200 FROM v) AS checked, (SELECT count(*) FROM (TABLE v EXCEPT ALL TABLE o) x) AS here, (SELECT count(*) FROM (TABLE o EXCEPT ALL TABLE v) x) AS there;
WITH v AS (SELECT currency, period_start, opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers, transient_customers, transient_new_customers, round(churn_rate, 6), complete FROM views_out.churn),
     o AS MATERIALIZED (SELECT currency, period_start, opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers, transient_customers, transient_new_customers, round(churn_rate, 6), complete
                        FROM ledgers, oracle.churn_by_period(subs, time_zone => 'Europe/Berlin'))
SELECT (SELECT count(*) > 200 FROM v) AS checked, (SELECT count(*) FROM (TABLE v EXCEPT ALL TABLE o) x) AS here, (SELECT count(*) FROM (TABLE o EXCEPT ALL TABLE v) x) AS there;
WITH v AS (SELECT currency, cohort, period_number, cohort_size, customers, cohort_mrr, mrr, round(mrr_retention, 6), cumulative_mrr, complete FROM views_out.cohorts),
     o AS MATERIALIZED (SELECT currency, cohort, period_number, cohort_size, customers, cohort_mrr, mrr, round(mrr_retention, 6), cumulative_mrr, complete FROM ledgers, oracle.cohort_retention(subs, time_zone => 'Europe/Berlin'))
SELECT (SELECT count(*) > 2000 FROM v) AS checked, (SELECT count(*) FROM (TABLE v EXCEPT ALL TABLE o) x) AS here, (SELECT count(*) FROM (TABLE o EXCEPT ALL TABLE v) x) AS there;

-- The same whatever the plan and the session, at one moment.
BEGIN;
SET LOCAL max_parallel_workers_per_gather = 0;
CREATE FUNCTION pg_temp.copies(prefix text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    view name;
BEGIN
    FOR view IN SELECT relname FROM pg_class WHERE relnamespace = 'views_out'::regnamespace LOOP
        EXECUTE format('CREATE TEMP TABLE %I AS TABLE views_out.%I', prefix || view, view);
    END LOOP;
END $$;
SELECT pg_temp.copies('first_');
CREATE FUNCTION pg_temp.changes(settings text) RETURNS TABLE (view name, here bigint, there bigint) LANGUAGE plpgsql AS $$
DECLARE
    setting text;
    before jsonb := '{}';
BEGIN
    FOREACH setting IN ARRAY string_to_array(settings, '; ') LOOP
        before := before || jsonb_build_object(split_part(setting, ' = ', 1), current_setting(split_part(setting, ' = ', 1)));
        PERFORM set_config(split_part(setting, ' = ', 1), split_part(setting, ' = ', 2), true);
    END LOOP;
    PERFORM pg_temp.copies('other_');
    PERFORM set_config(key, value, true) FROM jsonb_each_text(before);
    FOR view IN SELECT relname FROM pg_class WHERE relnamespace = 'views_out'::regnamespace ORDER BY relname LOOP
        EXECUTE format('SELECT (SELECT count(*) FROM (TABLE %1$I EXCEPT ALL TABLE %2$I) x), (SELECT count(*) FROM (TABLE %2$I EXCEPT ALL TABLE %1$I) x)', 'first_' || view, 'other_' || view) INTO here, there;
        EXECUTE format('DROP TABLE %I', 'other_' || view);
        RETURN NEXT;
    END LOOP;
END $$;
SELECT settings, sum(here) AS here, sum(there) AS there, count(*) AS views
FROM (VALUES (1, 'enable_hashagg = off'), (2, 'enable_sort = off'), (3, 'enable_hashjoin = off; enable_mergejoin = off'), (4, 'enable_nestloop = off'), (5, 'work_mem = 64kB'), (6, 'TimeZone = Pacific/Kiritimati'), (7, 'TimeZone = America/Los_Angeles; DateStyle = SQL, DMY; IntervalStyle = iso_8601; extra_float_digits = 3'),
             (8, 'max_parallel_workers_per_gather = 2; parallel_setup_cost = 0; parallel_tuple_cost = 0; min_parallel_table_scan_size = 0; parallel_leader_participation = off'), (9, 'search_path = pg_temp'),
             (10, 'from_collapse_limit = 1; join_collapse_limit = 1')) s (n, settings), pg_temp.changes(settings)
GROUP BY n, settings ORDER BY n;
COMMIT;
BEGIN;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SELECT view, pg_temp.plan_has('SELECT * FROM views_out.' || view, 'Gather') AS parallel FROM unnest('{subscriptions,churn,customers,renewals}'::text[]) WITH ORDINALITY v (view, n) ORDER BY n;
COMMIT;
-- The definitions as a dump has them.
BEGIN;
SELECT pg_temp.copies('dumped_');
SET LOCAL search_path = pg_catalog;
DO $$
DECLARE
    view record;
BEGIN
    FOR view IN SELECT oid, relname FROM pg_class WHERE relnamespace = 'views_out'::regnamespace LOOP
        EXECUTE format('CREATE VIEW test_views.%I AS %s', 'again_' || view.relname, pg_get_viewdef(view.oid));
    END LOOP;
END $$;
SET LOCAL search_path = test_views, public;
SELECT (SELECT count(*) FROM (TABLE dumped_subscriptions EXCEPT ALL TABLE again_subscriptions) x) + (SELECT count(*) FROM (TABLE dumped_churn EXCEPT ALL TABLE again_churn) x) + (SELECT count(*) FROM (TABLE dumped_renewals EXCEPT ALL TABLE again_renewals) x)
     + (SELECT count(*) FROM (TABLE dumped_trials EXCEPT ALL TABLE again_trials) x) + (SELECT count(*) FROM (TABLE dumped_customers EXCEPT ALL TABLE again_customers) x) + (SELECT count(*) FROM (TABLE dumped_cohorts EXCEPT ALL TABLE again_cohorts) x) AS differences;
ROLLBACK;
-- Rows in another order.
CREATE TABLE shuffled AS SELECT * FROM many ORDER BY oracle.dice(sub, 99, 1000), started_at DESC, mrr;
BEGIN;
SELECT pg_temp.copies('was_');
SELECT count(*) FROM create_metric_views('shuffled', 'views_out', subscription_id => 'sub', currency => 'cur', billing_interval => 'every', status => 'state', trial_started_at => 'trial_from', trial_ended_at => 'trial_to', time_zone => 'Europe/Berlin');
SELECT count(*) FROM (TABLE was_renewals EXCEPT ALL TABLE views_out.renewals) x;
SELECT count(*) FROM (TABLE was_trials EXCEPT ALL TABLE views_out.trials) x;
SELECT count(*) FROM (TABLE was_customers EXCEPT ALL TABLE views_out.customers) x;
SELECT count(*) FROM (TABLE was_subscriptions EXCEPT ALL TABLE views_out.subscriptions) x;
COMMIT;
SELECT count(*) FROM drop_billing_views('views_out');
SELECT nspname FROM pg_namespace WHERE nspname LIKE 'views\_%';

SET client_min_messages = warning;
DROP SCHEMA test_views, oracle CASCADE;
