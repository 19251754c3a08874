-- The periods of a series: grids, bounds, time zones.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA test_periods;
SET search_path = test_periods, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- The beginnings of the periods and the end of the last; a star where a period is not complete.
CREATE FUNCTION pg_temp.periods(every interval, since date, until date, origin date DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(period_start || CASE WHEN complete THEN '' ELSE '*' END, ' ' ORDER BY period_start) || ' to ' || max(period_end)
           || CASE WHEN bool_and(next IS NULL OR next = period_end) THEN '' ELSE ', not adjacent' END
    FROM (SELECT *, lead(period_start) OVER (ORDER BY period_start) AS next FROM churn_by_period(NULL::subscription_ledger, every, since, until, NULL, NULL, origin)) p
$$;
SELECT what, pg_temp.periods(every, since, until, origin) AS periods FROM (VALUES
    (1, 'months', interval '1 month', date '2024-01-01', date '2024-04-01', NULL::date),
    (2, 'quarters', '3 months', '2024-01-01', '2025-01-01', NULL), (3, 'years', '1 year', '2021-01-01', '2024-01-01', NULL), (4, 'decades', '10 years', '2001-01-01', '2021-01-01', NULL),
    (5, 'weeks begin on Mondays', '1 week', '2024-02-26', '2024-03-18', NULL), (6, 'two weeks', '14 days', '2000-12-18', '2001-01-29', NULL),
    (7, '10 days, from 1 January 2001', '10 days', '2001-01-01', '2001-02-01', NULL), (8, 'days, a leap day', '1 day', '2024-02-28', '2024-03-02', NULL), (9, 'days, none', '1 day', '2023-02-28', '2023-03-02', NULL),
    (10, '5 months, the 275th month of the grid is December 2023', '5 months', '2024-01-01', '2024-10-01', NULL),
    (11, 'from the 31st', '1 month', '2024-01-31', '2024-06-30', '2001-01-31'), (12, 'from the 31st, no leap year', '1 month', '2022-12-31', '2023-05-31', '2001-01-31'), (13, 'quarters from the 31st', '3 months', '2023-10-31', '2024-10-31', '2001-01-31'),
    (14, 'years from a leap day', '1 year', '2015-02-28', '2018-02-28', '2004-02-29'), (15, 'from the 15th, origin later', '1 month', '2024-01-15', '2024-03-15', '2090-07-15'),
    (16, 'fiscal years from April', '1 year', '2022-04-01', '2024-04-01', '2001-04-01'), (17, 'fiscal years, cut by the calendar year', '1 year', '2023-01-01', '2024-01-01', '2001-04-01'), (18, 'fiscal quarters from April', '3 months', '2023-04-01', '2024-04-01', '2001-04-01'),
    (19, 'weeks from Sunday', '7 days', '2024-03-03', '2024-03-24', '2001-01-07'),
    (20, 'cut at both ends', '1 month', '2024-01-15', '2024-03-10', NULL), (21, 'cut twice', '1 year', '2024-02-03', '2024-02-04', NULL), (22, 'before the origin', '3 months', '1999-12-31', '2000-01-02', NULL), (23, 'a day before and after', '1 month', '2023-12-31', '2024-02-02', NULL),
    (24, 'before Christ', '1 month', '0001-12-01 BC', '0001-03-01', NULL), (25, 'the first day there is', '1 month', '4714-12-01 BC', '4713-02-01 BC', NULL), (26, 'the last day there is', '1 month', '294276-11-01', '294276-12-31', NULL), (27, 'the future', '1 year', '2998-01-01', '3000-01-01', NULL)
) v (n, what, every, since, until, origin) ORDER BY n;

-- Without since: from the grid period of the first start on, here Tuesday, 20 February 2024. Later bounds do not move the grid.
CREATE TABLE subs (customer int, started_at date, ended_at date);
INSERT INTO subs VALUES (1, '2024-02-20', '2024-03-05'), (2, '2024-03-01', NULL), (3, '2024-01-01', '2024-01-01'), (NULL, NULL, NULL);
SELECT every, origin, string_agg(period_start || CASE WHEN complete THEN '' ELSE '*' END, ' ' ORDER BY period_start) AS periods, string_agg(closing_customers::text, ' ' ORDER BY period_start) AS closing
FROM (VALUES (1, interval '1 month', NULL::date), (2, '3 months', NULL), (3, '1 year', NULL), (4, '7 days', NULL), (5, '10 days', NULL), (6, '1 month', '2001-01-31'), (7, '1 year', '2001-04-01')) v (n, every, origin),
     churn_by_period('TABLE subs', every, until => '2024-03-11', origin => origin) GROUP BY n, every, origin ORDER BY n;
-- since before the first start, between, and after; until before it.
SELECT since, until, string_agg(opening_customers || '+' || new_customers || '-' || churned_customers, ' ' ORDER BY period_start) AS movements
FROM (VALUES (1, date '2024-01-01', date '2024-04-01'), (2, '2024-02-25', '2024-04-01'), (3, '2024-03-02', '2024-04-01'), (4, '2024-03-06', '2024-05-01'), (5, '2024-01-01', '2024-02-01')) v (n, since, until),
     churn_by_period('TABLE subs', since => since, until => until) GROUP BY n, since, until ORDER BY n;
SELECT count(*) AS none FROM churn_by_period('TABLE subs', until => '2024-02-01');
SELECT count(*) AS none FROM churn_by_period('TABLE subs', since => '2990-01-01');
-- No rows: no periods, unless both bounds are given.
SELECT count(*) AS none, (SELECT count(*) FROM churn_by_period(NULL::subscription_ledger, since => '2024-01-01')) AS since, (SELECT count(*) FROM churn_by_period(NULL::subscription_ledger, until => '2024-01-01')) AS until,
       (SELECT count(*) FROM churn_by_period(NULL::subscription_ledger, since => '2024-01-01', until => '2024-01-02')) AS both
FROM churn_by_period(NULL::subscription_ledger);

-- Without until: to today. Four days from three days ago to tomorrow, of which today's is not complete; the running month and year are cut tomorrow, and never complete.
-- Active at the end of today: who ends tomorrow and who starts today, not who ends today or starts tomorrow.
SELECT count(*) = 4 AND bool_and(period_start = CURRENT_DATE - 3 + (n - 1)::int AND period_end = period_start + 1 AND complete = (period_start < CURRENT_DATE) AND new_customers = (n = 1)::int) AS days
FROM churn_by_period(format('SELECT 1, date %L, NULL::date', CURRENT_DATE - 3), '1 day') WITH ORDINALITY AS p (period_start, period_end, opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers, transient_customers, transient_new_customers, churn_rate, retention_rate, complete, n);
SELECT every, max(period_end) = CURRENT_DATE + 1 AS to_tomorrow, max(period_start) = date_trunc(unit, CURRENT_DATE)::date AS running, bool_and(complete = (period_end <= CURRENT_DATE)) AS complete, sum(closing_customers * (period_end > CURRENT_DATE)::int) AS active_now
FROM (VALUES (interval '1 month', 'month'), ('1 year', 'year'), ('7 days', 'week')) v (every, unit),
     churn_by_period(format('VALUES (1, date ''2020-01-01'', date %2$L), (2, ''2020-01-01'', %1$L), (3, %1$L, NULL), (4, %2$L, NULL)', CURRENT_DATE, CURRENT_DATE + 1), every)
GROUP BY every, unit ORDER BY every;
-- since alone: today's period from there on; today is that of the zone.
SELECT zone, min(period_start) = min(today) - 1 AS since, max(period_end) = min(today) + 1 AS tomorrow, max(period_end) FILTER (WHERE complete) = min(today) AS complete
FROM (VALUES ('Pacific/Kiritimati'), ('Pacific/Honolulu'), ('UTC')) v (zone), LATERAL (SELECT (now() AT TIME ZONE zone)::date AS today) t,
     (SELECT subscription_ledger(1, timestamptz '2020-01-01 00:00+00', NULL) AS l) q, churn_by_period(l, '1 day', since => today - 1, time_zone => zone)
GROUP BY zone ORDER BY zone;
SELECT complete FROM churn_by_period('TABLE subs', '1 day', CURRENT_DATE, CURRENT_DATE + 1) UNION ALL SELECT complete FROM churn_by_period('TABLE subs', '1 day', CURRENT_DATE - 1, CURRENT_DATE);

-- Instants: a start is new on the day that has begun in the zone. Customers come around midnights, a microsecond before and at it.
CREATE FUNCTION pg_temp.new_by_day(zone text, starts timestamptz[], since date, until date) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(to_char(period_start, 'MM-DD') || ': ' || new_customers, ', ' ORDER BY period_start)
    FROM (SELECT subscription_ledger(n, s, NULL) AS l FROM unnest(starts) WITH ORDINALITY u (s, n)) q, churn_by_period(l, '1 day', since, until, zone)
$$;
-- Berlin: 31 March has 23 hours (from 23:00 to 22:00 UTC), 27 October 25 (from 22:00 to 23:00).
SELECT pg_temp.new_by_day('Europe/Berlin', '{2024-03-30 22:59:59.999999+00,2024-03-30 23:00+00,2024-03-31 21:59:59.999999+00,2024-03-31 22:00+00}', '2024-03-30', '2024-04-02') AS spring,
       pg_temp.new_by_day('Europe/Berlin', '{2024-10-26 21:59:59.999999+00,2024-10-26 22:00+00,2024-10-27 22:59:59.999999+00,2024-10-27 23:00+00}', '2024-10-26', '2024-10-29') AS autumn;
-- Kiritimati is 14 hours ahead, Honolulu 10 behind; Kathmandu 5:45 ahead.
SELECT pg_temp.new_by_day('Pacific/Kiritimati', '{2024-02-01 09:59:59.999999+00,2024-02-01 10:00+00}', '2024-02-01', '2024-02-03') AS kiritimati,
       pg_temp.new_by_day('Pacific/Honolulu', '{2024-02-01 09:59:59.999999+00,2024-02-01 10:00+00}', '2024-01-31', '2024-02-02') AS honolulu,
       pg_temp.new_by_day('Asia/Kathmandu', '{2024-01-31 18:14:59.999999+00,2024-01-31 18:15+00}', '2024-01-31', '2024-02-02') AS kathmandu;
-- Havana: 10 March has no midnight and begins at 1:00 (5:00 UTC); 3 November has two and begins with the second (5:00 UTC), so that the first 0:30 is still of the 2nd.
SELECT pg_temp.new_by_day('America/Havana', '{2024-03-10 04:59:59.999999+00,2024-03-10 05:00+00,2024-03-11 03:59:59.999999+00,2024-03-11 04:00+00}', '2024-03-09', '2024-03-12') AS spring,
       pg_temp.new_by_day('America/Havana', '{2024-11-03 04:30+00,2024-11-03 04:59:59.999999+00,2024-11-03 05:00+00,2024-11-04 04:59:59.999999+00}', '2024-11-02', '2024-11-05') AS autumn;
-- Apia had no 30 December 2011: 10:00 UTC of that day ended the 29th and began the 31st.
SELECT pg_temp.new_by_day('Pacific/Apia', '{2011-12-30 09:59:59.999999+00,2011-12-30 10:00+00,2011-12-31 09:59:59.999999+00,2011-12-31 10:00+00}', '2011-12-29', '2012-01-02') AS apia;
-- The first period is that of the day of the first start in the zone.
SELECT zone, every, min(period_start) AS since
FROM (VALUES (1, 'Europe/Berlin', timestamptz '2024-01-31 23:00+00', interval '1 month'), (2, 'Europe/Berlin', '2024-01-31 22:59:59.999999+00', '1 month'), (3, 'Pacific/Kiritimati', '2024-01-31 10:00+00', '1 month'), (4, 'Pacific/Honolulu', '2024-02-01 09:59:59+00', '1 month'),
             (5, 'America/Havana', '2024-11-03 04:30+00', '1 day'), (6, 'America/Havana', '2024-11-03 05:30+00', '1 day'), (7, 'America/Havana', '2024-03-10 05:00+00', '1 day'), (8, 'Pacific/Apia', '2011-12-30 10:00+00', '1 year'), (9, 'Pacific/Apia', '2011-12-31 09:59:59+00', '1 year'), (10, 'Pacific/Apia', '2011-12-31 10:00+00', '1 year')) v (n, zone, s, every),
     churn_by_period(format('SELECT 1, timestamptz %L, NULL::timestamptz', s), every, until => '2024-12-01', time_zone => zone) GROUP BY n, zone, every ORDER BY n;
-- Months in Berlin: April begins at 22:00 UTC, February at 23:00; an end at the boundary is of the period that begins there.
SELECT period_start, opening_customers AS opening, new_customers AS new, churned_customers AS churned
FROM (SELECT subscription_ledger(c, s, e) AS l FROM (VALUES (1, timestamptz '2024-01-31 22:59:59.999999+00', timestamptz '2024-03-31 22:00+00'), (2, '2024-01-31 23:00+00', '2024-03-31 21:59:59.999999+00')) v (c, s, e)) q,
     churn_by_period(l, since => '2024-01-01', until => '2024-05-01', time_zone => 'Europe/Berlin');

-- The zone is the argument's, else the session's, of whatever form; local time has none.
CREATE FUNCTION pg_temp.january(zone text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(new_customers::text, ' ' ORDER BY period_start)
    FROM (SELECT subscription_ledger(n, s, NULL) AS l FROM unnest('{2024-01-31 09:00+00,2024-01-31 17:00+00,2024-01-31 22:30+00,2024-02-01 06:00+00,2024-02-01 12:00+00}'::timestamptz[]) WITH ORDINALITY u (s, n)) q,
         churn_by_period(l, since => '2024-01-01', until => '2024-03-01', time_zone => zone)
$$;
SELECT zone, pg_temp.january(zone) AS january_february
FROM (VALUES (1, 'UTC'), (2, 'Pacific/Kiritimati'), (3, 'Pacific/Honolulu'), (4, 'Europe/Berlin'), (5, 'Asia/Tokyo'), (6, 'america/new_york'), (7, NULL)) v (n, zone) ORDER BY n;
SET TimeZone = 'Pacific/Kiritimati';
SELECT pg_temp.january(NULL) AS kiritimati, pg_temp.january('Europe/Berlin') AS berlin;
SET TimeZone = 'Pacific/Honolulu';
SELECT pg_temp.january(NULL) AS honolulu, pg_temp.january('Europe/Berlin') AS berlin;
SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE;
SELECT pg_temp.january(NULL) AS two_hours_ahead;
SET TIME ZONE -10;
SELECT pg_temp.january(NULL) AS ten_hours_behind;
SET TimeZone = 'Pacific/Kiritimati';
SELECT string_agg(new_customers::text, ' ' ORDER BY period_start) AS local_time, string_agg(p.period_start::text, ' ') AS periods
FROM (SELECT subscription_ledger(n, s, NULL) AS l FROM unnest('{2024-01-31 23:59:59,2024-02-01 00:00:00}'::timestamp[]) WITH ORDINALITY u (s, n)) q, churn_by_period(l, until => '2024-03-01', time_zone => 'Pacific/Honolulu') p;
SET TimeZone = 'UTC';

-- What the arguments must not be.
SELECT pg_temp.err(format('SELECT * FROM churn_by_period(NULL::subscription_ledger, %L)', every)) AS error
FROM (VALUES (1, NULL), (2, '0'), (3, '-1 month'), (4, '-7 days'), (5, '1 month 1 day'), (6, '1 month -30 days'), (7, '36 hours'), (8, '1 day 1 hour'), (9, '1.5 months'), (10, '1 month 1 microsecond'), (11, '-1 year 13 days')) v (n, every) ORDER BY n;
SELECT pg_temp.err(format('SELECT * FROM mrr_movements(NULL::subscription_ledger, since => %L, until => %L)', since, until)) AS error
FROM (VALUES (1, '2024-01-02', '2024-01-01'), (2, '2024-01-01', '2024-01-01'), (3, 'infinity', NULL), (4, '-infinity', '2024-01-01'), (5, NULL, 'infinity'), (6, '2024-01-01', '-infinity'), (7, '300000-01-01', NULL), (8, NULL, '294277-01-01')) v (n, since, until) ORDER BY n;
SELECT pg_temp.err(format('SELECT * FROM cohort_retention(NULL::subscription_ledger, origin => %L)', origin)) AS error FROM (VALUES (1, 'infinity'), (2, '-infinity'), (3, '300000-01-01')) v (n, origin) ORDER BY n;
-- An unknown zone, also where none is needed.
SELECT left(pg_temp.err(format('SELECT * FROM %s(%s, time_zone => %L)', report, source, zone)), 5) AS code
FROM (VALUES (1, 'churn_by_period', 'NULL::subscription_ledger', 'Mars/Olympus'), (2, 'mrr_movements', '''SELECT 1, date ''''2024-01-01'''', NULL::date, 5''', 'Europe/Atlantis'), (3, 'cohort_retention', '''TABLE subs''', ''), (4, 'churn_by_period', '''TABLE subs''', 'Europe/Berlin ''')) v (n, report, source, zone) ORDER BY n;
-- All three reports, from a ledger and from a query, check the same way.
SELECT count(*) AS calls, count(DISTINCT error) AS errors, min(error) AS error
FROM (SELECT pg_temp.err(format('SELECT * FROM %s(%s, ''1 month'', ''2024-01-02'', ''2024-01-01'')', report, source)) AS error
      FROM (VALUES ('churn_by_period'), ('mrr_movements'), ('cohort_retention')) r (report), (VALUES ('NULL::subscription_ledger'), ('''SELECT 1, date ''''2024-01-01'''', NULL::date, 5''')) s (source)) q;

-- Many periods: 100,000 and no more. From 1700 to 2000 there are 109,572 days.
SELECT count(*), sum(new_customers), min(period_start) FROM churn_by_period('TABLE subs', '1 day', date '2024-04-01' - 100000, '2024-04-01');
SELECT pg_temp.err('SELECT * FROM churn_by_period(NULL::subscription_ledger, ''1 day'', ''1700-01-01'', ''2000-01-01'')') AS error
UNION ALL SELECT pg_temp.err('SELECT * FROM churn_by_period(NULL::subscription_ledger, ''1 day'', date ''2024-04-01'' - 100001, ''2024-04-01'')')
UNION ALL SELECT pg_temp.err('SELECT * FROM mrr_movements(''SELECT 1, date ''''1700-01-01'''', NULL::date, 5'', ''1 day'', until => ''2000-01-01'')')
-- cohorts reach back to the first start, whatever since is
UNION ALL SELECT pg_temp.err('SELECT * FROM cohort_retention(''SELECT 1, date ''''1700-01-01'''', NULL::date, 5'', ''1 day'', ''1999-12-01'', ''2000-01-01'')');
-- Every day of 60 years finds its day, and every century its century.
SELECT count(*) AS days, count(*) FILTER (WHERE new_customers <> 1 OR closing_customers <> period_end - date '1960-01-01') AS wrong
FROM churn_by_period('SELECT g, timestamp ''1960-01-01'' + g * interval ''1 day'' + g % 86400 * interval ''1 second'', NULL::timestamp FROM generate_series(0, 21915) g', '1 day', '1960-01-01', '2020-01-01');
SELECT count(*) AS centuries, count(*) FILTER (WHERE new_customers <> 1) AS wrong
FROM churn_by_period('SELECT g, timestamp ''2001-01-01'' + g * interval ''100 years'' + CASE WHEN g % 2 = 0 THEN interval ''0'' ELSE interval ''100 years'' - interval ''1 microsecond'' END, NULL::timestamp FROM generate_series(-20, 2900) g', '100 years', '0001-01-01', '292001-01-01');
-- At the ends of time.
SELECT period_start, period_end, new_customers, complete FROM churn_by_period('SELECT 1, date ''294276-12-01'', NULL::date', '1 month', '294276-11-15', '294276-12-31');
-- The year of the first day there is begins before it: the period is cut there.
SELECT min(period_start) AS first, count(*) AS years, sum(new_customers) AS new, count(*) FILTER (WHERE complete) AS complete
FROM churn_by_period('SELECT 1, date ''4714-11-24 BC'', NULL', '1 year', until => '4700-01-01 BC');
SELECT period_start, period_end, new_customers, complete FROM churn_by_period('SELECT 1, date ''2005-01-01'', NULL', '10000 years', '1990-01-01', '2010-01-01');
-- A session zone whose name is an abbreviation too: days begin by the zone's rules, summer time and all, as now() shows them.
-- As an argument the abbreviation means what it means to AT TIME ZONE: winter time all year.
SELECT CASE WHEN EXISTS (SELECT FROM pg_timezone_names WHERE name = 'CET') THEN 'CET' ELSE 'Europe/Paris' END AS central \gset
SET TimeZone = :'central';
SELECT zone, (SELECT string_agg(new_customers::text, ' ' ORDER BY period_start)
              FROM churn_by_period('SELECT 1, timestamptz ''2024-07-01 00:30+02'', NULL', '1 month', '2024-06-01', '2024-08-01', time_zone => zone)) AS june_and_july
FROM (VALUES (NULL), ('Europe/Paris'), ('CET')) v (zone);
SET TimeZone = 'UTC';

SET client_min_messages = warning;
DROP SCHEMA test_periods CASCADE;
