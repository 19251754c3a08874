-- Renewals of terms and conversions of trials: aggregates of one period, and series.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA test_renewals;
SET search_path = test_renewals, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set oracle_file :abs_srcdir '/oracle.sql'
\set rows_file :abs_srcdir '/rows.sql'
\set ECHO none
\i :helpers
\i :oracle_file
\i :rows_file
\set ECHO all

-- Terms that end in June 2024.
CREATE TABLE terms (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO terms VALUES
    (1, '2024-01-01', '2024-06-01', 100), (1, '2024-06-01', '2024-12-01', 120),     -- 100 renewed: an end at the opening belongs to June
    (2, '2024-01-01', '2024-07-01', 60),                                            -- an end at the closing does not
    (3, '2024-01-10', '2024-06-10', 40),                                            -- 40 lost
    (4, '2024-01-15', '2024-06-15', 80), (4, '2024-06-20', NULL, 80),               -- 80 lost, but for a grace of 5 days
    (5, '2024-01-15', '2024-06-15', 50), (5, '2024-06-21', NULL, 50),               -- 50 lost, but for one of 6
    (6, '2024-01-01', '2024-06-30', 10), (6, '2024-02-01', '2024-06-30', 15),       -- 10 and 15 lost on one day
    (7, '2024-01-20', '2024-06-20', 30), (7, '2024-03-01', 'infinity', 20),         -- 30 renewed: another subscription of the customer runs on
    (8, '2024-01-12', '2024-06-12', 5), (8, '2024-02-12', '2024-06-12', 6), (8, '2024-02-12', '2024-06-12', 7), (8, '2024-06-12', NULL, 1),   -- 5, 6 and 7 renewed by one row
    (9, '2024-01-01', NULL, 33), (10, '2024-06-05', '2024-06-05', 99), (NULL, NULL, NULL, NULL),                                              -- no terms that end
    (11, '2024-06-24', '2024-06-25', 90), (11, '2024-06-25', '2099-01-01', 90),     -- 90 renewed, up to a day far away
    (12, '2024-01-08', '2024-06-08', 9), (12, '2024-01-01', '2024-06-18', 11),      -- 9 renewed by the row around it, 11 lost
    (13, '2024-01-01', '2024-06-30', 0), (13, '2024-06-30', '2024-06-30', 5);       -- a free term lost: an empty stretch does not go on

-- 14 due: 1 3 4 5 6 6 7 8 8 8 11 12 12 13; renewed 1 7 8 8 8 11 12. Due 100 + 40 + 80 + 50 + 25 + 30 + 18 + 90 + 20 = 453, renewed 100 + 30 + 18 + 90 + 9 = 247.
-- (a, b]: 2 instead of 1: still 14, but 6 renewed; 413, 147. Grace: 4 too, 327; 5 too, 377.
SELECT preset, round(renewal_rate(customer, started_at, ended_at, period, policy), 6) AS rate, round(by_count, 6) AS wanted,
       round(mrr_renewal_rate(customer, started_at, ended_at, mrr, period, policy), 6) AS mrr_rate, round(by_mrr, 6) AS wanted
FROM terms, (SELECT daterange('2024-06-01', '2024-07-01') AS period) p,
     (VALUES (1, 'standard', churn_policy(), 7.0 / 14, 247.0 / 453), (2, 'NULL', NULL, 7.0 / 14, 247.0 / 453), (3, 'at', churn_policy(boundary => 'at'), 6.0 / 14, 147.0 / 413),
             (4, '4 days', churn_policy(grace => '4 days'), 7.0 / 14, 247.0 / 453), (5, '5 days', churn_policy(grace => '5 days'), 8.0 / 14, 327.0 / 453),
             (6, '6 days', churn_policy(grace => '6 days'), 9.0 / 14, 377.0 / 453), (7, 'other axes', churn_policy('chartmogul', count_free => true, minimum_absence => '1 year'), 7.0 / 14, 247.0 / 453),
             (8, 'at, 1 month', churn_policy(boundary => 'at', grace => '1 month'), 8.0 / 14, 277.0 / 413)) w (n, preset, policy, by_count, by_mrr)
GROUP BY n, preset, policy, by_count, by_mrr ORDER BY n;
SELECT renewal_rate(customer, started_at, ended_at, '[2024-06-01,2024-07-01)') AS rate, mrr_renewal_rate(customer, started_at, ended_at, mrr, '[2024-06-01,2024-07-01)') AS mrr_rate,
       round(mrr_renewal_rate(customer, started_at, ended_at, mrr, '[2024-06-01,2024-07-01)', NULL), 6) AS mrr_rate FROM terms;
-- By month: July has 2's end; since and until cut. Without since from the month of the first start on, without mrr by count only.
SELECT * FROM renewals_by_period('TABLE terms', since => '2024-05-01', until => '2024-08-01');
SELECT * FROM renewals_by_period('TABLE terms', since => '2024-05-01', until => '2024-08-01', policy => churn_policy(boundary => 'at', grace => '5 days'));
SELECT * FROM renewals_by_period('TABLE terms', '1 month', '2024-06-08', '2024-06-30');
SELECT period_start, due, renewed, due_mrr, renewed_mrr FROM renewals_by_period('SELECT customer, started_at, ended_at FROM terms', '3 months', until => '2024-10-01');
SELECT period_start, period_end, due, renewed, due_mrr FROM renewals_by_period('TABLE terms', '2 weeks', '2024-06-01', '2024-06-29', origin => '2024-06-01');

-- Trials that end in June 2024.
CREATE TABLE trials (customer int, started_at date, ended_at date, mrr numeric, on_trial boolean);
INSERT INTO trials VALUES
    (1, '2024-05-18', '2024-06-01', 10, true), (1, '2024-06-01', NULL, 12, false),                      -- 10 converted: an end at the opening belongs to June
    (2, '2024-06-17', '2024-07-01', 20, true), (2, '2024-07-01', NULL, 20, false),                      -- July's
    (3, '2024-06-01', '2024-06-15', 30, true),                                                          -- 30 lost
    (4, '2024-06-01', '2024-06-15', 40, true), (4, '2024-06-18', '2024-06-19', 40, false),              -- 40 lost, but for a grace of 3 days
    (5, '2024-06-01', '2024-06-15', 50, true), (5, '2024-06-15', '2024-06-29', 50, true),               -- 50 lost twice: another trial is no paid stretch
    (6, '2024-06-01', '2024-06-15', 60, true), (6, '2024-06-10', '2024-06-15', 70, false), (6, '2024-06-15', '2024-06-20', 70, false),      -- 60 converted: one paid stretch follows another
    (7, '2024-06-01', '2024-06-15', 70, true), (7, '2024-01-01', '2024-06-15', 70, false),              -- 70 lost: it ended with the paid stretch
    (8, '2024-06-01', '2024-06-15', 80, true), (8, '2024-01-01', '2024-06-16', 70, false),              -- 80 converted: one runs on, for a day
    (9, '2024-06-01', NULL, 90, true), (9, '2024-06-03', '2024-06-04', 90, false), (10, '2024-06-01', '2024-06-01', 99, true), (NULL, NULL, NULL, NULL, NULL),        -- no trials that end
    (11, '2024-06-01', '2024-06-10', 5, true), (11, '2024-06-01', '2024-06-10', 6, true), (11, '2024-06-20', NULL, 1, false),               -- 5 and 6 lost, but for a grace of 10 days
    (12, '2024-06-01', '2024-06-10', 7, true), (12, '2024-06-10', '2024-06-10', 7, false);              -- 7 lost: an empty stretch is none
-- 11 ended: 1 3 4 5 5 6 7 8 11 11 12; converted 1 6 8. 10 + 30 + 40 + 100 + 60 + 70 + 80 + 11 + 7 = 408, converted 150. (a, b]: 2 instead of 1: 418, 160.
SELECT preset, round(trial_conversion(customer, started_at, ended_at, on_trial, period, policy), 6) AS rate, round(by_count, 6) AS wanted,
       round(mrr_trial_conversion(customer, started_at, ended_at, mrr, on_trial, period, policy), 6) AS mrr_rate, round(by_mrr, 6) AS wanted
FROM trials, (SELECT daterange('2024-06-01', '2024-07-01') AS period) p,
     (VALUES (1, 'standard', churn_policy(), 3.0 / 11, 150.0 / 408), (2, 'at', churn_policy(boundary => 'at'), 3.0 / 11, 160.0 / 418), (3, '2 days', churn_policy(grace => '2 days'), 3.0 / 11, 150.0 / 408),
             (4, '3 days', churn_policy(grace => '3 days'), 4.0 / 11, 190.0 / 408), (5, '10 days', churn_policy(grace => '10 days'), 6.0 / 11, 201.0 / 408)) w (n, preset, policy, by_count, by_mrr)
GROUP BY n, preset, policy, by_count, by_mrr ORDER BY n;
SELECT trial_conversion(customer, started_at, ended_at, on_trial, '[2024-06-01,2024-07-01)') AS rate, mrr_trial_conversion(customer, started_at, ended_at, mrr, on_trial, '[2024-06-01,2024-07-01)') AS mrr_rate FROM trials;
SELECT * FROM trials_by_period('TABLE trials', since => '2024-05-01', until => '2024-08-01');
SELECT * FROM trials_by_period('TABLE trials', since => '2024-06-01', until => '2024-07-01', policy => churn_policy(boundary => 'at', grace => '10 days'));
-- Without mrr; the first start is that of a trial, also of one that has not ended.
SELECT * FROM trials_by_period('SELECT customer, started_at, ended_at, on_trial FROM trials WHERE customer > 1 AND started_at >= ''2024-05-01''', '7 days', until => '2024-06-24');
SELECT period_start, period_end, ended_trials FROM trials_by_period('SELECT customer, started_at, ended_at, on_trial FROM trials WHERE customer = 9', until => '2024-08-01');

-- The same of every customer type and time type, by aggregate and by series.
CREATE VIEW typed AS
SELECT t.*, customer::bigint AS b, lpad(customer::text, 32, '0')::uuid AS u, 'customer ' || customer AS t, started_at::timestamp AS l1, ended_at::timestamp AS l2, started_at::timestamptz AS i1, ended_at::timestamptz AS i2
FROM (SELECT false AS is_trial, customer, started_at, ended_at, mrr, false AS on_trial FROM terms UNION ALL SELECT true, * FROM trials) t;
CREATE FUNCTION pg_temp.rates(columns text, range text, OUT renewal numeric, OUT mrr_renewal numeric, OUT trials numeric, OUT mrr_trials numeric,
                              OUT renewal_5 numeric, OUT mrr_renewal_5 numeric, OUT trials_5 numeric, OUT mrr_trials_5 numeric, OUT series text) LANGUAGE plpgsql AS $$
DECLARE
    trial_series text;
BEGIN
    EXECUTE format('SELECT round(renewal_rate(%1$s, p) FILTER (WHERE NOT is_trial), 4), round(mrr_renewal_rate(%1$s, mrr, p) FILTER (WHERE NOT is_trial), 4), '
                   'round(trial_conversion(%1$s, on_trial, p) FILTER (WHERE is_trial), 4), round(mrr_trial_conversion(%1$s, mrr, on_trial, p) FILTER (WHERE is_trial), 4), '
                   'round(renewal_rate(%1$s, p, l) FILTER (WHERE NOT is_trial), 4), round(mrr_renewal_rate(%1$s, mrr, p, l) FILTER (WHERE NOT is_trial), 4), '
                   'round(trial_conversion(%1$s, on_trial, p, l) FILTER (WHERE is_trial), 4), round(mrr_trial_conversion(%1$s, mrr, on_trial, p, l) FILTER (WHERE is_trial), 4) '
                   'FROM typed, (SELECT %2$s AS p, churn_policy(grace => ''5 days'') AS l) p', columns, range)
    INTO renewal, mrr_renewal, trials, mrr_trials, renewal_5, mrr_renewal_5, trials_5, mrr_trials_5;
    SELECT concat_ws(' ', due, renewed, due_mrr, renewed_mrr) INTO series FROM renewals_by_period(format('SELECT %s, mrr FROM typed WHERE NOT is_trial', columns), since => '2024-06-01', until => '2024-07-01');
    SELECT concat_ws(' ', ended_trials, converted_trials, ended_mrr, converted_mrr) INTO trial_series
    FROM trials_by_period(format('SELECT %s, mrr, on_trial FROM typed WHERE is_trial', columns), since => '2024-06-01', until => '2024-07-01');
    series := series || ', ' || trial_series;
END $$;
SELECT types, r.*
FROM (VALUES (1, 'bigint, date', 'b, started_at, ended_at', 'date'), (2, 'bigint, timestamp', 'b, l1, l2', 'ts'), (3, 'bigint, timestamptz', 'b, i1, i2', 'tstz'), (4, 'uuid, date', 'u, started_at, ended_at', 'date'), (5, 'uuid, timestamp', 'u, l1, l2', 'ts'),
             (6, 'uuid, timestamptz', 'u, i1, i2', 'tstz'), (7, 'text, date', 't, started_at, ended_at', 'date'), (8, 'text, timestamp', 't, l1, l2', 'ts'), (9, 'text, timestamptz', 't, i1, i2', 'tstz')) v (n, types, columns, range),
     pg_temp.rates(columns, range || 'range(''2024-06-01'', ''2024-07-01'')') r
ORDER BY n;

-- Published: 180 of 250 renewed (Userpilot). Of 100 contracts that end in December 90 renew, and 5 of the 90 leave by March (Zenskar): renewal 0.90, retention 0.85.
SELECT renewal_rate(c, s, e, '[2024-12-01,2025-01-01)') FROM (
    SELECT g, date '2024-01-01' + g % 28, date '2024-12-01' + g % 28 FROM generate_series(1, 250) g UNION ALL SELECT g, date '2024-12-01' + g % 28, NULL FROM generate_series(1, 180) g) v (c, s, e);
SELECT round(renewal_rate(c, s, e, '[2024-12-01,2025-01-01)'), 2) AS renewal, round(retention_rate(c, s, e, '[2024-12-01,2025-04-01)'), 2) AS retention FROM (
    SELECT g, date '2023-12-20', date '2024-12-20' FROM generate_series(1, 100) g UNION ALL SELECT g, date '2024-12-20', CASE WHEN g <= 5 THEN date '2025-03-10' END FROM generate_series(1, 90) g) v (c, s, e);

-- Grace to the microsecond, and to the day. A month from 31 January ends on 29 February.
SELECT n, g, renewal_rate(1, s, e, '[2024-01-01,2024-02-01)', churn_policy(grace => g::interval)) AS renewed
FROM (VALUES (1, '10 days', '2024-01-21'), (2, '10 days', '2024-01-21 00:00:00.000001'), (3, '0', '2024-01-11'), (4, '0', '2024-01-11 00:00:00.000001'), (5, '1 microsecond', '2024-01-11 00:00:00.000001'),
             (6, '1 microsecond', '2024-01-11 00:00:00.000002'), (7, '1 day 05:30', '2024-01-12 05:30'), (8, '1 day 05:30', '2024-01-12 05:30:00.000001'), (9, '100 years', '2124-01-11'), (10, '100 years', '2124-01-11 00:00:00.000001')) v (n, g, back),
     LATERAL (VALUES (timestamp '2023-01-11', timestamp '2024-01-11'), (back::timestamp, NULL)) r (s, e)
GROUP BY n, g ORDER BY n;
SELECT n, renewal_rate(1, s, e, '[2024-01-01,2024-02-01)', churn_policy(grace => '1 month')) AS aggregate, (SELECT sum(renewed) FROM renewals_by_period(format('VALUES (1, date ''2023-01-31'', date ''2024-01-31''), (1, %L, NULL)', back), policy => churn_policy(grace => '1 month'))) AS series
FROM (VALUES (1, '2024-02-29'), (2, '2024-03-01')) v (n, back), LATERAL (VALUES (date '2023-01-31', date '2024-01-31'), (back::date, NULL)) r (s, e) GROUP BY n, back ORDER BY n;
-- The clocks of Berlin go back on 27 October: a day lasts 25 hours there, and the aggregates, which are in UTC, do not know.
CREATE TABLE berlin AS SELECT 1 AS c, timestamptz '2024-01-26 12:00 Europe/Berlin' AS s, timestamptz '2024-10-26 12:00 Europe/Berlin' AS e UNION ALL SELECT 1, '2024-10-27 12:00 Europe/Berlin', NULL;
SELECT zone, (SELECT string_agg(due || '/' || renewed, ' ') FROM renewals_by_period('TABLE berlin', '1 day', '2024-10-26', '2024-10-28', zone, churn_policy(grace => '1 day'))) AS a_day,
       (SELECT string_agg(due || '/' || renewed, ' ') FROM renewals_by_period('TABLE berlin', '1 day', '2024-10-26', '2024-10-28', zone, churn_policy(grace => '24 hours'))) AS hours
FROM (VALUES (1, 'Europe/Berlin'), (2, 'UTC')) v (n, zone) ORDER BY n;
SET TimeZone = 'Europe/Berlin';
SELECT renewal_rate(c, s, e, '[2024-10-26,2024-10-27)', churn_policy(grace => '1 day')) AS a_day, renewal_rate(c, s, e, '[2024-10-26,2024-10-27)', churn_policy(grace => '25 hours')) AS hours,
       (SELECT sum(renewed) FROM renewals_by_period('TABLE berlin', policy => churn_policy(grace => '1 day'))) AS of_the_session FROM berlin;
SET TimeZone = 'UTC';
-- Midnight is where the zone says; local times have none.
SELECT zone, instants.due AS instants, local.due AS local
FROM (VALUES (1, 'Pacific/Kiritimati'), (2, 'UTC'), (3, 'Pacific/Honolulu')) v (n, zone),
     LATERAL (SELECT string_agg(due::text, ' ') AS due FROM renewals_by_period('VALUES (1, timestamptz ''2023-01-01 12:00+00'', timestamptz ''2024-01-31 10:00+00''), (2, ''2023-01-01 12:00+00'', ''2024-02-01 09:59:59.999999+00'')', '1 month', '2024-01-01', '2024-03-01', zone)) instants,
     LATERAL (SELECT string_agg(due::text, ' ') AS due FROM renewals_by_period('VALUES (1, timestamp ''2023-01-01'', timestamp ''2024-01-31 10:00''), (2, ''2023-01-01'', ''2024-02-01'')', '1 month', '2024-01-01', '2024-03-01', zone)) local
ORDER BY n;
-- Ends to the microsecond around a bound: (a, b] has the one at the bound, and the default since follows.
SELECT boundary, due, first FROM (VALUES (1, 'before'), (2, 'at')) v (n, boundary),
     LATERAL (SELECT string_agg(due::text, ' ' ORDER BY period_start) AS due, min(period_start) AS first FROM renewals_by_period('SELECT c, timestamp ''2024-01-01'', timestamp ''2024-02-01'' + (c - 2) * interval ''1 microsecond'' FROM generate_series(1, 3) c',
              until => '2024-03-01', policy => churn_policy(boundary => boundary))) r ORDER BY n;

-- The latest time that there is, and the first.
SELECT renewal_rate(1, s, e, '[69999-12-01,70000-01-01)') AS date, renewal_rate(1, s::timestamp, e - interval '1 microsecond', '[69999-12-01,70000-01-01)') AS timestamp, renewal_rate(1, s, e, '[4714-11-24 BC,4714-11-26 BC)') AS bc
FROM (VALUES (date '4714-11-24 BC', date '4714-11-25 BC'), ('4714-11-25 BC', '69999-12-31'), ('69999-12-31', NULL)) v (s, e);
SELECT renewal_rate(1, timestamp '69999-12-30', timestamp '69999-12-31 23:59:59.999999', '[69999-12-01,70000-01-01)') AS lost, renewal_rate(1, timestamp '69999-12-30', timestamp 'infinity', '[200000-01-01,294276-12-31)') AS none,
       renewal_rate(1, timestamp '4714-11-24 00:00 BC', timestamp '2024-01-01', '[2024-01-01,294276-12-31 23:59:59.999999)', churn_policy(boundary => 'at', grace => '100 years')) AS none, renewal_rate(1, timestamp '4714-11-24 00:00 BC', timestamp '2024-01-01', '[4714-11-24 00:00 BC,294276-12-31 23:59:59.999999)', churn_policy(boundary => 'at')) AS lost;
SELECT due FROM renewals_by_period('VALUES (1, date ''4714-11-24 BC'', date ''4714-11-25 BC''), (2, ''2024-01-01'', ''69999-12-31'')', '100 years', since => '69900-01-01', until => '70001-01-01');
-- Ends in the future are due when their time has come: the default until stops at tomorrow.
SELECT sum(due) AS due, bool_or(period_end > current_date + 1) AS beyond FROM renewals_by_period('SELECT g, date ''2024-01-01'', current_date + g FROM generate_series(-1, 5) g');
-- A period is complete when the grace is over, too; other axes do not matter.
SELECT grace, bool_and(complete) AS complete FROM (VALUES (1, '0'), (2, '1 month'), (3, '100 years')) v (n, grace),
     renewals_by_period('VALUES (1, date ''2024-01-01'', date ''2024-01-11'')', since => '2024-01-01', until => '2024-02-01', policy => churn_policy(grace => grace::interval, minimum_absence => '100 years')) GROUP BY n, grace ORDER BY n;

-- No rows, padding, empty stretches, nothing due: NULL, and rows of zeros.
SELECT renewal_rate(customer, started_at, ended_at, p), mrr_renewal_rate(customer, started_at, ended_at, mrr, p, NULL), trial_conversion(customer, started_at, ended_at, on_trial, p), mrr_trial_conversion(customer, started_at, ended_at, mrr, on_trial, p)
FROM trials, (SELECT daterange('2024-06-01', '2024-07-01') AS p) p WHERE customer > 99;
SELECT n, renewal_rate(c, s, e, p), mrr_renewal_rate(c, s, e, mrr, p), trial_conversion(c, s, e, on_trial, p), mrr_trial_conversion(c, s, e, mrr, on_trial, p)
FROM (VALUES ('padding', NULL, NULL::date, NULL::date, NULL::numeric, NULL::boolean), ('empty stretch', 1, '2024-06-05', '2024-06-05', 5, true), ('running', 1, '2024-06-05', NULL, 5, true), ('later', 1, '2024-06-05', '2024-07-01', 5, true),
             ('before', 1, '2024-01-05', '2024-05-31', 5, true), ('free', 1, '2024-01-05', '2024-06-05', 0, true), ('discount', 1, '2024-01-05', '2024-06-05', -1, true), ('one row', 1, '2024-01-05', '2024-06-05', 1, false)) v (n, c, s, e, mrr, on_trial), (SELECT daterange('2024-06-01', '2024-07-01') AS p) p
GROUP BY n ORDER BY n;
SELECT * FROM renewals_by_period('SELECT * FROM terms WHERE customer > 99');
SELECT * FROM renewals_by_period('SELECT customer, started_at, ended_at FROM terms WHERE customer IS NULL', since => '2024-06-01', until => '2024-08-01');
SELECT * FROM trials_by_period('SELECT * FROM trials WHERE customer > 99', since => '2024-06-01', until => '2024-08-01');
SELECT period_start, due FROM renewals_by_period('VALUES (1, date ''2024-06-05'', date ''2024-06-05'')', since => '2024-06-01', until => '2024-07-01');
-- The period of a padding row does not matter; that of any other does.
SELECT renewal_rate(c, s, e, p) FROM (VALUES (1, date '2024-01-01', date '2024-06-05', daterange('2024-06-01', '2024-07-01')), (NULL, NULL, NULL, NULL), (NULL, NULL, NULL, 'empty')) v (c, s, e, p);

-- What the arguments must not be.
SELECT pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'renewal_rate(NULL::int, date ''2024-01-01'', NULL, ''[2024-06-01,2024-07-01)'')'), (2, 'renewal_rate(1, NULL::date, NULL, ''[2024-06-01,2024-07-01)'')'),
    (3, 'mrr_renewal_rate(1, date ''2024-01-01'', NULL, NULL, ''[2024-06-01,2024-07-01)'')'), (4, 'trial_conversion(1, date ''2024-01-01'', NULL, NULL, ''[2024-06-01,2024-07-01)'')'),
    (5, 'mrr_trial_conversion(''x'', timestamp ''2024-01-01'', NULL, 5, NULL, ''[2024-06-01,2024-07-01)'')'), (6, 'renewal_rate(1, date ''2024-01-02'', ''2024-01-01'', ''[2024-06-01,2024-07-01)'')'),
    (7, 'renewal_rate(1, date ''2024-01-02'', ''-infinity'', ''[2024-06-01,2024-07-01)'')'), (8, 'mrr_renewal_rate(1, date ''2024-01-01'', NULL, ''NaN'', ''[2024-06-01,2024-07-01)'')'),
    (9, 'renewal_rate(1, date ''2024-01-01'', ''70000-01-01'', ''[2024-06-01,2024-07-01)'')'), (10, 'renewal_rate(1, date ''70000-01-01'', NULL, ''[2024-06-01,2024-07-01)'')'),
    (11, 'trial_conversion(1, timestamp ''2024-01-01'', ''294276-12-31 23:59:59.999999'', true, ''[2024-06-01,2024-07-01)'')'), (12, 'trial_conversion(1, timestamptz ''2024-01-01'', ''70000-01-01 00:00+00'', true, ''[2024-06-01,2024-07-01)'')'),
    (13, 'renewal_rate(1, date ''2024-01-01'', ''5874897-12-31'', ''[2024-06-01,2024-07-01)'')'),
    (14, 'renewal_rate(1, date ''2024-01-01'', NULL, NULL::daterange)'), (15, 'trial_conversion(1, date ''2024-01-01'', NULL, true, ''empty''::daterange)'), (16, 'mrr_renewal_rate(1, timestamp ''2024-01-01'', NULL, 5, ''(2024-06-01,2024-07-01]''::tsrange)'),
    (17, 'renewal_rate(1, date ''2024-01-01'', NULL, ''[2024-06-01,2024-07-01)'', churn_policy(lookback => 12))'), (18, 'mrr_trial_conversion(1, date ''2024-01-01'', NULL, 5, true, ''[2024-06-01,2024-07-01)'', churn_policy(smoothing => 6))'),
    (19, 'renewal_rate(1, date ''2024-01-01'', NULL, ''[2024-06-01,2024-07-01)'', ROW(''before'', ''snapshot'', ''opening'', false, ''-1 day'', NULL, ''0'', false, false, 1, 1)::churn_policy)')
) v (n, call) ORDER BY n;
SELECT pg_temp.err('SELECT * FROM ' || call) AS error FROM (VALUES
    (1, 'renewals_by_period(NULL)'), (2, 'trials_by_period(NULL)'), (3, 'renewals_by_period(''TABLE terms'', NULL)'), (4, 'renewals_by_period(''TABLE terms'', ''1 hour'')'),
    (5, 'renewals_by_period(''TABLE terms'', policy => churn_policy(lookback => 12))'), (6, 'trials_by_period(''TABLE trials'', policy => churn_policy(smoothing => 6))'),
    (7, 'renewals_by_period(''SELECT customer, started_at FROM terms'')'), (8, 'renewals_by_period(''TABLE trials'')'), (9, 'trials_by_period(''SELECT customer, started_at, ended_at FROM trials'')'), (10, 'trials_by_period(''SELECT *, 1 FROM trials'')'),
    (11, 'trials_by_period(''TABLE terms'')'), (12, 'trials_by_period(''SELECT customer, started_at, ended_at, on_trial, mrr FROM trials'')'), (13, 'trials_by_period(''SELECT customer, started_at, ended_at, mrr, NULL::boolean FROM trials'')'),
    (14, 'renewals_by_period(''SELECT customer, started_at, ended_at, mrr, 1 FROM terms'')'), (15, 'renewals_by_period(''SELECT customer, started_at, 30000000 + ended_at FROM terms'')'), (16, 'renewals_by_period(''DELETE FROM terms'')'),
    (17, 'renewals_by_period(''TABLE terms'', since => ''2024-06-01'', until => ''2024-06-01'')'), (18, 'renewals_by_period(''TABLE terms'', time_zone => ''Mars'')'), (19, 'renewals_by_period(''SELECT g, date ''''2024-01-01'''', NULL::date FROM generate_series(1, 5) g'', ''1 day'', ''1700-01-01'')')
) v (n, call) ORDER BY n;
-- One period and one policy in a group, in small states and in large ones.
SELECT pg_temp.err('SELECT renewal_rate(g, date ''2024-01-01'', ''2024-06-05'', daterange(''2024-06-01'', date ''2024-07-01'' + g / 20000)) FROM generate_series(1, 20000) g') AS error
UNION ALL SELECT pg_temp.err('SELECT renewal_rate(g, date ''2024-01-01'', ''2024-06-05'', ''[2024-06-01,2024-07-01)'', churn_policy(grace => g / 2 * interval ''1 day'')) FROM generate_series(1, 2) g');
-- The states are no ledgers, and only aggregates take them.
SELECT pg_temp.err('SELECT churn_by_period(renewal_terms(1, date ''2024-01-01'', NULL, 5))') AS error
UNION ALL SELECT pg_temp.err('SELECT merge(l) FROM (SELECT trial_terms(1, date ''2024-01-01'', NULL, 5, true) AS l UNION ALL SELECT subscription_ledger(1, date ''2024-01-01'', NULL, 5)) q')
UNION ALL SELECT pg_temp.err('SELECT renewal_rate_final(renewal_terms(1, date ''2024-01-01'', NULL, 5))')
UNION ALL SELECT pg_temp.err('SELECT renewal_trans(NULL, 1, date ''2024-01-01'', NULL, 5)');
-- The reports over the aggregates' values take these and no others; NULL is one without rows.
SELECT pg_temp.err('SELECT * FROM ' || call) AS error FROM (VALUES
    (1, 'renewals_by_period((SELECT subscription_ledger(1, date ''2024-01-01'', NULL, 5)))'), (2, 'trials_by_period((SELECT subscription_ledger(1, date ''2024-01-01'', NULL, 5)))'),
    (3, 'renewals_by_period((SELECT trial_terms(1, date ''2024-01-01'', NULL, 5, true)))'), (4, 'trials_by_period((SELECT renewal_terms(1, date ''2024-01-01'', NULL, 5)))'),
    (5, 'renewals_by_period((SELECT renewal_terms(1, date ''2024-01-01'', NULL, 5)), policy => churn_policy(lookback => 2))'), (6, 'renewals_by_period(NULL::subscription_ledger, NULL)'),
    (7, 'ledger_summary((SELECT renewal_terms(1, date ''2024-01-01'', NULL, 5)))')
) v (n, call) ORDER BY n;
SELECT count(*) FROM renewals_by_period(NULL::subscription_ledger);
SELECT period_start, due, due_mrr, complete FROM renewals_by_period(NULL::subscription_ledger, '1 month', '2024-01-01', '2024-03-01');
-- The same as over the query, also stored, merged from parts of the rows by the planner, and asked twice.
CREATE TABLE kept AS SELECT renewal_terms(customer, started_at, ended_at, mrr) AS terms FROM terms;
SELECT count(*) AS differences FROM (
    (SELECT * FROM renewals_by_period('SELECT customer, started_at, ended_at, mrr FROM terms') EXCEPT SELECT r.* FROM kept, renewals_by_period(terms) r) UNION ALL
    (SELECT r.* FROM kept, renewals_by_period(terms) r EXCEPT SELECT * FROM renewals_by_period('SELECT customer, started_at, ended_at, mrr FROM terms')) UNION ALL
    (SELECT * FROM trials_by_period('SELECT customer, started_at, ended_at, mrr, on_trial FROM trials') EXCEPT SELECT r.* FROM (SELECT trial_terms(customer, started_at, ended_at, mrr, on_trial) AS terms FROM trials) q, trials_by_period(terms) r) UNION ALL
    (SELECT a.* FROM (SELECT renewal_terms(g % 7000, date '2024-01-01' + g % 90, date '2024-04-01' + g % 200, g % 90) AS terms FROM generate_series(1, 30000) g) q, renewals_by_period(terms) a
     EXCEPT SELECT * FROM renewals_by_period('SELECT g % 7000, date ''2024-01-01'' + g % 90, date ''2024-04-01'' + g % 200, g % 90 FROM generate_series(1, 30000) g')) UNION ALL
    (SELECT b.* FROM (SELECT renewal_terms(g % 7000, date '2024-01-01' + g % 90, date '2024-04-01' + g % 200, g % 90) AS terms FROM generate_series(1, 30000) g) q, renewals_by_period(terms) a, renewals_by_period(terms) b
     EXCEPT SELECT * FROM renewals_by_period('SELECT g % 7000, date ''2024-01-01'' + g % 90, date ''2024-04-01'' + g % 200, g % 90 FROM generate_series(1, 30000) g'))) d;
-- A state that somebody made up: an error or a number.
CREATE FUNCTION keep_last(a subscription_ledger, b subscription_ledger) RETURNS subscription_ledger LANGUAGE sql IMMUTABLE AS 'SELECT coalesce(b, a)';
CREATE AGGREGATE made_up(subscription_ledger) (SFUNC = keep_last, STYPE = subscription_ledger, FINALFUNC = renewal_rate_final);
CREATE AGGREGATE made_up_trials(subscription_ledger) (SFUNC = keep_last, STYPE = subscription_ledger, FINALFUNC = mrr_trial_conversion_final);
SELECT pg_temp.err(format('SELECT made_up(%1$L)', l)) AS terms, pg_temp.err(format('SELECT made_up_trials(%1$L)', l)) AS trials
FROM (SELECT 1 AS n, subscription_ledger(1, date '2024-01-01', NULL, 5) AS l UNION ALL SELECT 2, renewal_terms(1, date '2024-01-01', '2024-02-01', 5) UNION ALL SELECT 3, trial_terms('x', timestamptz '4714-11-24 00:00+00 BC', '69999-12-31', 5, true)) q ORDER BY n;
-- Every byte of one changed, in several ways: what is still a ledger is survived.
CREATE TABLE altered AS
SELECT made_up, overlay(l PLACING lpad(to_hex(value), 2, '0') FROM 3 + 2 * byte FOR 2) AS l
FROM (SELECT 'made_up' AS made_up, renewal_terms(c, s, e, 5)::text AS l FROM (VALUES (1, date '2024-01-01', date '2024-02-01'), (1, '2024-02-01', '2024-03-01'), (2, '2024-01-01', NULL)) v (c, s, e)
      UNION ALL SELECT 'made_up_trials', trial_terms(c, s, e, 5, t)::text FROM (VALUES (1, date '2024-01-01', date '2024-02-01', true), (1, '2024-02-01', '2024-03-01', false), (2, '2024-01-01', NULL, true)) v (c, s, e, t)) q,
     LATERAL generate_series(0, length(l) / 2 - 2) byte, (VALUES (0), (1), (2), (8), (64), (127), (128), (200), (255)) a (value);
SELECT count(*) > 500 AS many, count(*) FILTER (WHERE error = 'no error') > 100 AS survived, count(*) FILTER (WHERE error NOT LIKE 'no error' AND error NOT LIKE '22P02%' AND error NOT LIKE 'XX000: aggregate state has no terms%' AND error NOT LIKE '22008%') AS other
FROM (SELECT pg_temp.err(format('SELECT %I(%L)', made_up, l)) AS error FROM altered) q;

-- The oracle, in plain SQL: what ended, and the first of the customer's rows that last longer (paid ones, for trials).
CREATE TABLE kind (kind text, seed int, whole_days boolean, customer_type text, time_type text, zone text);
INSERT INTO kind VALUES ('dates', 31, true, 'bigint', 'date', 'UTC'), ('timestamps', 32, false, 'text', 'timestamp', 'UTC'), ('berlin', 33, false, 'uuid', 'timestamptz', 'Europe/Berlin'), ('kiritimati', 34, true, 'bigint', 'timestamptz', 'Pacific/Kiritimati');
CREATE TABLE policy (policy text, boundary text, grace interval);
INSERT INTO policy VALUES ('standard', 'before', '0'), ('at', 'at', '0'), ('a day', 'before', '1 day'), ('months', 'at', '1 month 3 days 05:30');
CREATE TABLE grid (grid text, every interval, since date, until date);
INSERT INTO grid VALUES ('months', '1 month', '2021-12-01', '2025-03-01'), ('weeks', '7 days', '2022-12-26', '2024-03-04'), ('years', '1 year', '2021-01-01', '2032-01-01');
CREATE FUNCTION pg_temp.make_sample(k kind) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($q$
        CREATE TABLE sample_%1$s AS
        SELECT CASE %2$L WHEN 'bigint' THEN customer::text WHEN 'text' THEN 'customer ' || customer ELSE md5(customer::text) END::%2$s AS customer, started_at, greatest(started_at, ended_at) AS ended_at, mrr, on_trial, n
        FROM (SELECT customer, %3$s AS started_at, %4$s AS ended_at, mrr, oracle.dice(n, 7, 3) = 0 AS on_trial, n FROM oracle.random_rows(%5$s, 3000, %6$L) WITH ORDINALITY AS r (customer, started_at, ended_at, mrr, n)) r$q$,
        k.kind, k.customer_type, CASE k.time_type WHEN 'timestamptz' THEN format('started_at AT TIME ZONE %L', k.zone) ELSE 'started_at::' || k.time_type END,
        CASE k.time_type WHEN 'timestamptz' THEN format('ended_at AT TIME ZONE %L', k.zone) ELSE 'ended_at::' || k.time_type END, k.seed, k.whole_days);
END $$;
SELECT pg_temp.make_sample(k) FROM kind k;
-- For each period: what a period's row of the series says; the zone is the session's.
CREATE FUNCTION pg_temp.wanted(k kind, p policy, g grid)
RETURNS TABLE (trials boolean, period_start date, period_end date, ended bigint, went_on bigint, rate numeric, ended_mrr numeric, went_on_mrr numeric, mrr_rate numeric, complete boolean) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('TimeZone', k.zone, true);
    RETURN QUERY EXECUTE format($q$
        WITH ends AS MATERIALIZED (
            SELECT ended_at, round(mrr, 6) AS mrr, on_trial, min(started_at) OVER later <= ended_at + $1 AS renewed, min(started_at) FILTER (WHERE NOT on_trial) OVER later <= ended_at + $1 AS converted
            FROM sample_%1$s WHERE ended_at IS DISTINCT FROM started_at
            WINDOW later AS (PARTITION BY customer ORDER BY coalesce(ended_at, 'infinity') GROUPS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
        ), sums AS (
            SELECT kind.trials, s::date AS s, (s + $2)::date AS e, count(ended_at) AS n, count(ended_at) FILTER (WHERE w) AS y, coalesce(sum(mrr), 0) AS m, coalesce(sum(mrr) FILTER (WHERE w), 0) AS ym
            FROM generate_series($3::timestamp, $4 - interval '1 day', $2) s CROSS JOIN (VALUES (true), (false)) kind (trials)
            LEFT JOIN (SELECT *, false AS t, renewed AS w FROM ends UNION ALL SELECT *, true, converted FROM ends WHERE on_trial) ends
                 ON t = kind.trials AND CASE WHEN $5 = 'at' THEN ended_at > s::%2$s AND ended_at <= (s + $2)::%2$s ELSE ended_at >= s::%2$s AND ended_at < (s + $2)::%2$s END
            GROUP BY 1, 2, 3
        ) SELECT trials, s, e, n, y, round(y::numeric / nullif(n, 0), 9), m, ym, round(ym / nullif(m, 0), 9), e + $1 <= current_date AND e <= current_date FROM sums$q$, k.kind, k.time_type)
    USING p.grace, g.every, g.since, g.until, p.boundary;
    PERFORM set_config('TimeZone', 'UTC', true);
END $$;
CREATE FUNCTION pg_temp.found(k kind, p policy, g grid)
RETURNS TABLE (trials boolean, period_start date, period_end date, ended bigint, went_on bigint, rate numeric, ended_mrr numeric, went_on_mrr numeric, mrr_rate numeric, complete boolean) LANGUAGE sql AS $$
    SELECT false, period_start, period_end, due, renewed, round(renewal_rate, 9), due_mrr, renewed_mrr, round(mrr_renewal_rate, 9), complete
    FROM renewals_by_period('SELECT customer, started_at, ended_at, mrr FROM sample_' || k.kind, g.every, g.since, g.until, k.zone, churn_policy(boundary => p.boundary, grace => p.grace))
    UNION ALL SELECT true, period_start, period_end, ended_trials, converted_trials, round(trial_conversion, 9), ended_mrr, converted_mrr, round(mrr_trial_conversion, 9), complete
    FROM trials_by_period('SELECT customer, started_at, ended_at, mrr, on_trial FROM sample_' || k.kind, g.every, g.since, g.until, k.zone, churn_policy(boundary => p.boundary, grace => p.grace))
$$;
CREATE TABLE wanted AS SELECT kind, policy, grid, w.* FROM kind k, policy p, grid g, LATERAL pg_temp.wanted(k, p, g) w;
CREATE TABLE found AS SELECT kind, policy, grid, w.* FROM kind k, policy p, grid g, LATERAL pg_temp.found(k, p, g) w;
SELECT kind, policy, count(*) AS rows, sum(ended) FILTER (WHERE NOT trials) AS due, sum(went_on) FILTER (WHERE NOT trials) AS renewed, sum(ended) FILTER (WHERE trials) AS trials, sum(went_on) FILTER (WHERE trials) AS converted
FROM found WHERE grid = 'years' GROUP BY kind, policy ORDER BY kind, policy;
SELECT (SELECT count(*) FROM found) AS rows, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE found) q) AS missing, (SELECT count(*) FROM (TABLE found EXCEPT ALL TABLE wanted) q) AS wrong;

-- One period is one row of the series; of instants, by months of UTC.
CREATE FUNCTION pg_temp.of_period(k kind, a date, b date, policy churn_policy, OUT renewal numeric, OUT mrr_renewal numeric, OUT conversion numeric, OUT mrr_conversion numeric) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT renewal_rate(customer, started_at, ended_at, p, $3), mrr_renewal_rate(customer, started_at, ended_at, mrr, p, $3), trial_conversion(customer, started_at, ended_at, on_trial, p, $3), '
                   'mrr_trial_conversion(customer, started_at, ended_at, mrr, on_trial, p, $3) FROM sample_%s, (SELECT %s($1, $2) AS p) p', k.kind,
                   CASE k.time_type WHEN 'date' THEN 'daterange' WHEN 'timestamp' THEN 'tsrange' ELSE 'tstzrange' END)
    INTO renewal, mrr_renewal, conversion, mrr_conversion USING a, b, policy;
END $$;
SELECT k.kind, p.policy, count(*) AS months, count(a.mrr_conversion) > 10 AS many,
       count(*) FILTER (WHERE (a.renewal, a.mrr_renewal, a.conversion, a.mrr_conversion) IS NOT DISTINCT FROM (t.renewal_rate, t.mrr_renewal_rate, c.trial_conversion, c.mrr_trial_conversion)) AS same
FROM kind k, policy p, LATERAL (SELECT churn_policy(boundary => boundary, grace => grace) AS policy) l,
     LATERAL renewals_by_period('SELECT customer, started_at, ended_at, mrr FROM sample_' || k.kind, '1 month', '2022-01-01', '2024-01-01', 'UTC', l.policy) t
     JOIN LATERAL trials_by_period('SELECT customer, started_at, ended_at, mrr, on_trial FROM sample_' || k.kind, '1 month', '2022-01-01', '2024-01-01', 'UTC', l.policy) c USING (period_start, period_end),
     LATERAL pg_temp.of_period(k, period_start, period_end, l.policy) a
WHERE k.kind <> 'kiritimati' GROUP BY k.kind, p.policy ORDER BY k.kind, p.policy;

-- Groups, filters, grouping sets, windows. Even: due 4 6 6 8 8 8 12 12, renewed 8 8 8 12, 27 of 143. Odd: due 1 3 5 7 11 13, renewed 1 7 11, 220 of 310.
SELECT customer % 2 AS odd, renewal_rate(customer, started_at, ended_at, p), round(mrr_renewal_rate(customer, started_at, ended_at, mrr, p), 4) AS mrr_rate, renewal_rate(customer, started_at, ended_at, p) FILTER (WHERE customer < 8) AS below_8
FROM terms, (SELECT daterange('2024-06-01', '2024-07-01') AS p) p WHERE customer IS NOT NULL GROUP BY GROUPING SETS ((customer % 2), ()) ORDER BY odd;
SELECT p, renewal_rate(customer, started_at, ended_at, p), trial_conversion(customer, started_at, ended_at, on_trial, p) FILTER (WHERE is_trial) FROM typed, (VALUES (daterange('2024-05-01', '2024-06-01')), ('[2024-06-01,2024-07-01)'), ('[2024-07-01,2024-08-01)')) v (p) GROUP BY p ORDER BY p;
SELECT DISTINCT customer, round(renewal_rate(customer, started_at, ended_at, p) OVER (ORDER BY customer), 4) AS so_far, round(renewal_rate(customer, started_at, ended_at, p) OVER (ORDER BY customer RANGE 1 PRECEDING), 4) AS of_two, renewal_rate(customer, started_at, ended_at, p) OVER (PARTITION BY customer) AS alone
FROM terms, (SELECT daterange('2024-06-01', '2024-07-01') AS p) p WHERE customer <= 8 ORDER BY customer;

-- The same answer however it is planned, and in whatever order the rows come: 60,000 rows of 3,000 customers.
CREATE TABLE big AS
SELECT g, g * 7919 % 3001 AS customer, date '2023-01-01' + g * 31 % 500 AS started_at, CASE WHEN g % 9 > 0 THEN date '2023-01-01' + g * 31 % 500 + 1 + g * 17 % 60 END AS ended_at, g % 37 * 2.5 AS mrr, g % 4 = 0 AS on_trial, g % 3 AS part FROM generate_series(1, 60000) g;
INSERT INTO big (g, part) SELECT 60000 + g, 3 FROM generate_series(1, 500) g;
ANALYZE big;
CREATE FUNCTION pg_temp.answer_query(source text, clause text) RETURNS text LANGUAGE sql AS $$
    SELECT format('SELECT concat_ws('' '', renewal_rate(customer, started_at, ended_at, ''[2023-06-01,2024-01-01)'') %3$s, mrr_renewal_rate(customer, started_at, ended_at, mrr, ''[2023-06-01,2024-01-01)'', churn_policy(grace => ''3 days'')) %3$s, '
                  'trial_conversion(customer::text, started_at::timestamptz, ended_at::timestamptz, on_trial, ''[2023-06-01,2024-01-01)'') %3$s, mrr_trial_conversion(customer, started_at::timestamp, ended_at::timestamp, mrr, on_trial, ''[2023-06-01,2024-01-01)'', churn_policy(boundary => ''at'')) %3$s) AS a '
                  'FROM %1$s %2$s', source, CASE WHEN clause NOT LIKE 'OVER%' THEN clause END, CASE WHEN clause LIKE 'OVER%' THEN clause END)
$$;
CREATE FUNCTION pg_temp.answer(source text, clause text DEFAULT '') RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    answer text[];
BEGIN
    EXECUTE format('SELECT array_agg(a ORDER BY a) FROM (%s) q', pg_temp.answer_query(source, clause)) INTO answer;
    RETURN answer;
END $$;
CREATE FUNCTION pg_temp.series(source text) RETURNS text LANGUAGE sql AS $$
    SELECT md5(string_agg(r::text, ' ' ORDER BY period_start)) || md5((SELECT string_agg(t::text, ' ' ORDER BY period_start) FROM trials_by_period('SELECT customer::text, started_at, ended_at, on_trial FROM ' || source, '7 days', until => '2024-09-01', policy => churn_policy(grace => '2 days')) t))
    FROM renewals_by_period('SELECT customer, started_at, ended_at, mrr FROM ' || source, '1 day', until => '2024-09-01') r
$$;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS SELECT pg_temp.answer('big') AS answer, pg_temp.answer('big', 'GROUP BY part') AS by_part, pg_temp.series('big') AS series;
SELECT array_length(answer, 1) AS groups, array_length(by_part, 1) AS by_part, length(answer[1]) > 80 AS long, length(series) AS series FROM serial;
SELECT pg_temp.answer('(SELECT * FROM big ORDER BY hashint8(g)) b') = answer AS shuffled, pg_temp.answer('(SELECT * FROM big ORDER BY ended_at DESC) b') = answer AS latest_first, pg_temp.series('(SELECT * FROM big ORDER BY hashint8(g)) b') = series AS series FROM serial;
SELECT pg_temp.answer('big', 'GROUP BY GROUPING SETS ((part), ())') = (SELECT array_agg(a ORDER BY a) FROM unnest(answer || by_part) a) AS grouping_sets, (SELECT array_agg(DISTINCT a) FROM unnest(pg_temp.answer('(SELECT * FROM big WHERE part = 1 LIMIT 2000) b', 'OVER ()')) a) = pg_temp.answer('(SELECT * FROM big WHERE part = 1 LIMIT 2000) b') AS over FROM serial;
SET enable_hashagg = off;
SELECT pg_temp.plan_has(pg_temp.answer_query('big', 'GROUP BY part'), 'GroupAggregate') AS meant, pg_temp.answer('big', 'GROUP BY part') = by_part AS group_aggregate, pg_temp.answer('big', 'GROUP BY ROLLUP (part)') = (SELECT array_agg(a ORDER BY a) FROM unnest(answer || by_part) a) AS rollup FROM serial;
RESET enable_hashagg;
SET max_parallel_workers_per_gather = 4; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SELECT pg_temp.plan_has(pg_temp.answer_query('big', ''), 'Partial Aggregate') AS meant, pg_temp.answer('big') = answer AS parallel, pg_temp.answer('big', 'GROUP BY part') = by_part AS by_part, pg_temp.series('big') = series AS series FROM serial;
-- Few rows for many workers.
SELECT (SELECT array_agg(a) FROM unnest(pg_temp.answer('(SELECT * FROM big WHERE g <= 40) b')) a) = pg_temp.answer('(SELECT * FROM big WHERE g <= 40 OFFSET 0) b') AS few;
RESET max_parallel_workers_per_gather; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size;
-- A customer of very many rows: terms of an hour in fives, then two hours without, so that 800 and the last one are lost. As trials, those are converted that end in the
-- 24 hours before the paid one begins at hour 5600: 17.
SELECT round(renewal_rate(1, d, d + interval '1 hour', '[2024-01-01,2025-01-01)', churn_policy(grace => '1 hour')) * 4001) AS renewed, trial_conversion(1, d, d + interval '1 hour', g < 4000, '[2024-01-01,2025-01-01)', churn_policy(grace => '1 day')) * 4000 AS converted
FROM generate_series(0, 4000) g, LATERAL (SELECT timestamp '2024-01-01' + g * interval '1 hour' + g / 5 * interval '2 hours' AS d) q;

-- What the planner may assume, and a comment for everything.
SELECT p.proname, count(*), count(*) FILTER (WHERE p.provolatile = 'i' AND p.proparallel = 's' AND obj_description(p.oid, 'pg_proc') IS NOT NULL AND p.proargnames IS NOT NULL) AS well_marked
FROM pg_proc p LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid LEFT JOIN pg_proc t ON t.oid = a.aggtransfn
WHERE p.pronamespace = 'public'::regnamespace AND ('renewal_trans' IN (p.proname, t.proname) OR 'trial_trans' IN (p.proname, t.proname) OR p.proname ~ '^(mrr_)?(renewal_rate|trial_conversion)_final$') GROUP BY p.proname ORDER BY p.proname;
SELECT proname, provolatile, proparallel, proisstrict, procost, prorows, obj_description(oid, 'pg_proc') IS NOT NULL AS commented FROM pg_proc WHERE proname IN ('renewals_by_period', 'trials_by_period') ORDER BY proname;

SET client_min_messages = warning;
DROP SCHEMA test_renewals CASCADE;
DROP SCHEMA oracle CASCADE;
