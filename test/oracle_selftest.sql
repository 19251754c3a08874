-- Tests of the oracle itself: answers worked out by hand, published counts, identities, and a second calculation written
-- another way. Run in an empty database; prints nothing but a last line, stops at the first difference:
--   psql -X -q -v ON_ERROR_STOP=1 -f test/oracle_selftest.sql
\set ON_ERROR_STOP on
\pset tuples_only on
SET client_min_messages = warning;
SET TimeZone = 'America/New_York';    -- must not matter
\ir oracle.sql
\ir rows.sql
CREATE SCHEMA selftest;
SET search_path = selftest, public;

\ir selftest_helpers.sql

-- 1. Periods -----------------------------------------------------------------------------------------

CALL same('months, cut at both ends', $$SELECT * FROM oracle.boundaries('2023-07-07', '1 month', '2024-01-15', '2024-03-10', NULL, '2024-03-01')$$,
    $$VALUES (276, date '2024-01-01', date '2024-02-01', date '2024-01-15', date '2024-02-01', false),
             (277, '2024-02-01', '2024-03-01', '2024-02-01', '2024-03-01', true),
             (278, '2024-03-01', '2024-04-01', '2024-03-01', '2024-03-10', false)$$);
CALL same('both cuts in one period', $$SELECT * FROM oracle.boundaries('2024-02-02', '1 year', '2024-02-03', '2024-02-04', NULL, '2030-01-01')$$,
    $$VALUES (23, date '2024-01-01', date '2025-01-01', date '2024-02-03', date '2024-02-04', false)$$);
CALL same('defaults: from the first start to tomorrow', $$SELECT * FROM oracle.boundaries('2024-02-29', '1 month', NULL, NULL, NULL, '2024-03-31')$$,
    $$VALUES (277, date '2024-02-01', date '2024-03-01', date '2024-02-01', date '2024-03-01', true),
             (278, '2024-03-01', '2024-04-01', '2024-03-01', '2024-04-01', false)$$);
CALL same('weeks begin on Mondays', $$SELECT grid_start, grid_end, extract(isodow FROM grid_start) FROM oracle.boundaries('2024-02-29', '7 days', NULL, '2024-03-05', NULL)$$,
    $$VALUES (date '2024-02-26', date '2024-03-04', 1::numeric), ('2024-03-04', '2024-03-11', 1)$$);
CALL same('months from the 31st', $$SELECT n, period_start, period_end FROM oracle.boundaries('2024-02-10', '1 month', NULL, '2024-05-31', '2001-01-31')$$,
    $$VALUES (276, date '2024-01-31', date '2024-02-29'), (277, '2024-02-29', '2024-03-31'), (278, '2024-03-31', '2024-04-30'), (279, '2024-04-30', '2024-05-31')$$);
CALL same('before the origin', $$SELECT n, period_start, period_end FROM oracle.boundaries('1999-12-31', '3 months', NULL, '2000-01-02', NULL)$$,
    $$VALUES (-5, date '1999-10-01', date '2000-01-01'), (-4, '2000-01-01', '2000-01-02')$$);
CALL same('fiscal years', $$SELECT period_start, period_end FROM oracle.boundaries('2024-03-31', '1 year', NULL, '2025-04-01', '2001-04-01')$$,
    $$VALUES (date '2023-04-01', date '2024-04-01'), ('2024-04-01', '2025-04-01')$$);
CALL nothing('no rows, no periods', $$SELECT * FROM oracle.boundaries(NULL, '1 month', '2024-01-01', NULL, NULL)
    UNION ALL SELECT * FROM oracle.boundaries(NULL, '1 month', NULL, '2024-01-01', NULL)
    UNION ALL SELECT * FROM oracle.boundaries('2024-01-01', '1 month', '2024-02-02', '2024-02-02', NULL)$$);

-- 2. A small company, by hand ------------------------------------------------------------------------

CREATE TABLE small (customer text, started_at date, ended_at date, mrr numeric);
INSERT INTO small VALUES
    ('A', '2024-01-01', '2024-05-01', 100), ('A', '2024-03-10', NULL, 50),                      -- 100, from 10 March 150, from 1 May 50
    ('B', '2024-01-15', '2024-03-01', 30), ('B', '2024-04-30', '2024-05-01', 30),               -- ends at boundaries
    ('C', '2024-04-05', '2024-04-06', 10), ('C', '2024-02-03', '2024-02-20', 10), ('C', '2024-05-31', 'infinity', 10),
    ('D', '2024-01-10', '2024-02-01', 0), ('D', '2024-02-01', NULL, 20), ('D', '2024-03-05', '2024-04-02', -25),
    ('E', '2024-03-03', '2024-03-03', 999), (NULL, NULL, NULL, NULL), (NULL, NULL, '2024-01-01', 5),
    ('F', '2023-12-10', NULL, 40), ('G', '2024-01-01', NULL, 0), ('H', '2024-04-01', NULL, 3.0000005);
CREATE VIEW s AS SELECT array_agg(oracle.local(customer, started_at, ended_at, mrr)) AS subs FROM small;

CALL same('small: paying customers', $$SELECT r.* FROM s, oracle.churn_by_period(subs, true, '1 month', '2024-01-01', '2024-06-01') r$$, $$VALUES
    (date '2024-01-01', date '2024-02-01', 1::bigint, 2::bigint, 0::bigint, 0::bigint, 3::bigint, 0::bigint, 0::bigint, 0.0, 1.0, true),
    ('2024-02-01', '2024-03-01', 3, 1, 0, 0, 4, 1, 1, 0, 1, true),
    ('2024-03-01', '2024-04-01', 4, 0, 0, 2, 2, 0, 0, 0.5, 0.5, true),
    ('2024-04-01', '2024-05-01', 2, 1, 2, 0, 5, 1, 0, 0, 1, true),
    ('2024-05-01', '2024-06-01', 5, 0, 1, 1, 5, 0, 0, 0.2, 0.8, true)$$);
CALL same('small: all customers', $$SELECT r.* FROM s, oracle.churn_by_period(subs, false, '1 month', NULL, '2024-06-01') r$$, $$VALUES
    (date '2023-12-01', date '2024-01-01', 0::bigint, 1::bigint, 0::bigint, 0::bigint, 1::bigint, 0::bigint, 0::bigint, NULL::numeric, NULL::numeric, true),
    ('2024-01-01', '2024-02-01', 1, 4, 0, 0, 5, 0, 0, 0, 1, true),
    ('2024-02-01', '2024-03-01', 5, 0, 0, 0, 5, 1, 1, 0, 1, true),
    ('2024-03-01', '2024-04-01', 5, 0, 0, 1, 4, 0, 0, 0.2, 0.8, true),
    ('2024-04-01', '2024-05-01', 4, 1, 1, 0, 6, 1, 0, 0, 1, true),
    ('2024-05-01', '2024-06-01', 6, 0, 1, 1, 6, 0, 0, 1 / 6.0, 1 - 1 / 6.0, true)$$);
CALL same('small: MRR', $$SELECT r.* FROM s, oracle.mrr_movements(subs, '1 month', '2024-01-01', '2024-06-01') r$$, $$VALUES
    (date '2024-01-01', date '2024-02-01', 40.0, 130.0, 0.0, 0.0, 0.0, 0.0, 170.0, 130.0, 0.0, 0.0, 1.0, 1.0, NULL::numeric, 3::bigint, 170 / 3.0, true),
    ('2024-02-01', '2024-03-01', 170, 20, 0, 0, 0, 0, 190, 20, 0, 0, 1, 1, NULL, 4, 47.5, true),
    ('2024-03-01', '2024-04-01', 190, 0, 0, 50, 0, 50, 190, 0, 50 / 190.0, 0, 1 - 50 / 190.0, 1, 1, 2, 95, true),
    ('2024-04-01', '2024-05-01', 190, 3.000001, 50, 0, 0, 0, 243.000001, 53.000001, 0, 0, 1, 1, NULL, 5, 48.6000002, true),
    ('2024-05-01', '2024-06-01', 243.000001, 0, 10, 0, 100, 30, 123.000001, -120, 130 / 243.000001, 130 / 243.000001,
     1 - 130 / 243.000001, 1 - 130 / 243.000001, 10 / 130.0, 5, 24.6000002, true)$$);
CALL same('small: cohorts, cut', $$SELECT r.* FROM s, oracle.cohort_retention(subs, true, '1 month', '2024-04-10', '2024-05-15') r$$, $$VALUES
    (date '2023-12-01', 4, date '2024-04-10', 1::bigint, 1::bigint, 1.0, 40.0, 40.0, 1.0, 200.0, false),
    ('2023-12-01', 5, '2024-05-01', 1, 1, 1, 40, 40, 1, 240, false),
    ('2024-01-01', 3, '2024-04-10', 2, 2, 1, 130, 180, 180 / 130.0, 590, false),
    ('2024-01-01', 4, '2024-05-01', 2, 1, 0.5, 130, 50, 50 / 130.0, 640, false),
    ('2024-02-01', 2, '2024-04-10', 2, 1, 0.5, 30, 20, 20 / 30.0, 40, false),
    ('2024-02-01', 3, '2024-05-01', 2, 1, 0.5, 30, 20, 20 / 30.0, 60, false),
    ('2024-04-01', 0, '2024-04-10', 1, 1, 1, 3.000001, 3.000001, 1, 3.000001, false),
    ('2024-04-01', 1, '2024-05-01', 1, 1, 1, 3.000001, 3.000001, 1, 6.000002, false)$$);
CALL same('small: a member who comes after until', $$SELECT r.* FROM s, oracle.cohort_retention(subs, true, '1 month', '2024-02-01', '2024-02-02') r$$, $$VALUES
    (date '2023-12-01', 2, date '2024-02-01', 1::bigint, 1::bigint, 1.0, 40.0, 40.0, 1.0, 120.0, false),
    ('2024-01-01', 1, '2024-02-01', 2, 2, 1, 130, 130, 1, 260, false),
    ('2024-02-01', 0, '2024-02-01', 2, 1, 0.5, 30, 20, 20 / 30.0, 20, false)$$);
CALL same('small: cohorts of all customers', $$SELECT r.* FROM s, oracle.cohort_retention(subs, false, '3 months', NULL, '2024-07-01') r$$, $$VALUES
    (date '2023-10-01', 0, date '2023-10-01', 1::bigint, 1::bigint, 1.0, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, true),
    ('2023-10-01', 1, '2024-01-01', 1, 1, 1, NULL, NULL, NULL, NULL, true),
    ('2023-10-01', 2, '2024-04-01', 1, 1, 1, NULL, NULL, NULL, NULL, true),
    ('2024-01-01', 0, '2024-01-01', 5, 3, 0.6, NULL, NULL, NULL, NULL, true),    -- A B C D G: B and C gone at the end of March
    ('2024-01-01', 1, '2024-04-01', 5, 4, 0.8, NULL, NULL, NULL, NULL, true),    -- C is back
    ('2024-04-01', 0, '2024-04-01', 1, 1, 1, NULL, NULL, NULL, NULL, true)$$);
CALL same('small: one period, whole months',
    $$SELECT r.* FROM s, oracle.one_period(subs, daterange('2024-03-01', '2024-06-01'), 0.8) r$$,
    $$VALUES (0.2, 0.8, 0.25, 0.75, 80 / 190.0, 80 / 190.0, 110 / 190.0, 110 / 190.0, 456.0)$$);
CALL same('small: one period, days',
    $$SELECT r.* FROM s, oracle.one_period(subs, daterange('2024-02-15', '2024-03-15')) r$$,
    $$VALUES (1 / 3.0, 1 - 1 / 3.0, 0.6, 0.4, 0.3, 0.05, 0.7, 0.95, 200 * 29 * 12 / (3 * 365.25))$$);    -- B C of A B C D F G; B C D of A B C D F
CALL same('small: nobody lost', $$SELECT paying_churn_rate, clv FROM s, oracle.one_period(subs, daterange('2024-02-01', '2024-03-01'))$$, $$VALUES (0.0, NULL::numeric)$$);

-- 3. No rows, instants, today ------------------------------------------------------------------------

CALL same('no rows, no window', $$SELECT count(*) FROM oracle.churn_by_period(NULL) UNION ALL SELECT count(*) FROM oracle.mrr_movements('{}', since => '2024-01-01')
    UNION ALL SELECT count(*) FROM oracle.cohort_retention(NULL, since => '2024-01-01', until => '2024-03-01')$$, $$VALUES (0::bigint), (0), (0)$$);
CALL same('no rows, zeros', $$SELECT * FROM oracle.churn_by_period(NULL, since => '2024-01-20', until => '2024-02-01')$$,
    $$VALUES (date '2024-01-20', date '2024-02-01', 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, NULL::numeric, NULL::numeric, false)$$);
CALL same('no rows, zero MRR', $$SELECT * FROM oracle.mrr_movements(NULL, since => '2024-01-01', until => '2024-02-01')$$,
    $$VALUES (date '2024-01-01', date '2024-02-01', 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, 0::bigint, NULL::numeric, true)$$);
CALL same('no rows, one period', $$SELECT * FROM oracle.one_period(NULL, daterange('2024-01-01', '2024-02-01'))$$,
    $$SELECT n, n, n, n, n, n, n, n, n FROM (VALUES (NULL::numeric)) v (n)$$);

CREATE VIEW i AS SELECT array_agg(oracle.instant(c, a, e, 10)) AS subs FROM (VALUES    -- April begins at 22:00 UTC in Berlin, 10:00 in Kiritimati, 10:00 a day later in Honolulu
    ('ends before', timestamptz '2024-01-05 00:00+00', timestamptz '2024-03-31 21:59:59.999999+00'),
    ('ends at',     '2024-01-05 00:00+00', '2024-03-31 22:00+00'),
    ('starts before', '2024-03-31 21:59:59.999999+00', NULL),
    ('starts at',     '2024-03-31 22:00+00', NULL)) v (c, a, e);
CALL same('Berlin', $$SELECT opening_customers, new_customers, churned_customers, closing_customers FROM i, oracle.churn_by_period(subs, true, '1 month', '2024-03-01', '2024-05-01', 'Europe/Berlin')$$,
    $$VALUES (2::bigint, 1::bigint, 1::bigint, 2::bigint), (2, 1, 1, 2)$$);
CALL same('Kiritimati', $$SELECT opening_customers, new_customers, churned_customers, closing_customers FROM i, oracle.churn_by_period(subs, true, '1 month', '2024-03-01', '2024-05-01', 'Pacific/Kiritimati')$$,
    $$VALUES (2::bigint, 0::bigint, 0::bigint, 2::bigint), (2, 2, 2, 2)$$);
CALL same('Honolulu', $$SELECT opening_customers, new_customers, churned_customers, closing_customers FROM i, oracle.churn_by_period(subs, true, '1 month', '2024-03-01', '2024-05-01', 'Pacific/Honolulu')$$,
    $$VALUES (2::bigint, 2::bigint, 2::bigint, 2::bigint), (2, 0, 0, 2)$$);
CALL same('the month of the first start is that of the zone', $$SELECT (SELECT min(period_start) FROM i, oracle.mrr_movements(subs, time_zone => z)) FROM (VALUES ('Pacific/Kiritimati')) v (z)
    UNION ALL SELECT min(cohort) FROM (SELECT array_agg(oracle.instant('x', '2024-01-31 12:00+00', NULL, 1)) AS subs) x, oracle.cohort_retention(subs, time_zone => 'Pacific/Kiritimati')
    UNION ALL SELECT min(period_start) FROM (SELECT array_agg(oracle.instant('x', '2024-01-31 12:00+00', NULL, 1)) AS subs) x, oracle.mrr_movements(subs, time_zone => 'Pacific/Kiritimati')
    UNION ALL SELECT min(period_start) FROM (SELECT array_agg(oracle.instant('x', '2024-02-01 09:00+00', NULL, 1)) AS subs) x, oracle.mrr_movements(subs, time_zone => 'Pacific/Honolulu')$$,
    $$VALUES (date '2024-01-01'), ('2024-02-01'), ('2024-02-01'), ('2024-01-01')$$);
CALL same('empty stretches and padding are no first start, free rows are', $$SELECT min(period_start) FROM oracle.mrr_movements(ARRAY[oracle.local(NULL, NULL, NULL, NULL), oracle.local('x', '2023-01-05', '2023-01-05', 1),
      oracle.local('x', '2023-03-05', '2023-03-09', 0), oracle.local('x', '2024-05-05', NULL, 1)])$$, $$VALUES (date '2023-03-01')$$);
CALL nothing('customers who never pay are in no cohort', $$SELECT * FROM oracle.cohort_retention(ARRAY[oracle.local('x', '2024-01-01', NULL, 0), oracle.local('y', '2024-01-01', NULL, 0.0000004)], until => '2024-03-01')$$);
CALL same('the last instant of a local day is still in it',
    $$SELECT z, min(new_customers) FILTER (WHERE period_start = '2024-03-10') FROM unnest('{Europe/Berlin,Pacific/Honolulu,America/Havana,Africa/Cairo}'::text[]) z,
      oracle.churn_by_period(ARRAY[oracle.instant('x', ((timestamp '2024-03-11' AT TIME ZONE z) - interval '1 microsecond'), NULL, 1)], every => '1 day', until => '2024-03-12', time_zone => z) GROUP BY z$$,
    $$SELECT z, 1::bigint FROM unnest('{Europe/Berlin,Pacific/Honolulu,America/Havana,Africa/Cairo}'::text[]) z$$);
CALL same('clocks back over midnight: the first 00:30 is of the day before',    -- Havana, 3 November 2024: 00:30 comes twice
    $$SELECT oracle.day_of('2024-11-03 04:30+00', 'America/Havana'), oracle.day_of('2024-11-03 05:30+00', 'America/Havana'),
      (SELECT min(period_start) FROM oracle.mrr_movements(ARRAY[oracle.instant('x', '2024-11-03 04:30+00', NULL, 1)], '1 day', until => '2024-11-05', time_zone => 'America/Havana'))$$,
    $$VALUES (date '2024-11-02', date '2024-11-03', date '2024-11-02')$$);
CALL same('months of an instant period',
    $$SELECT round(clv, 12) FROM (VALUES ('[2024-01-31 23:00+00, 2024-03-31 22:00+00)'::tstzrange), ('[2024-01-31 10:00+00, 2024-03-31 10:00+00)'), ('[2024-02-01 14:00+00, 2024-04-01 14:00+00)'),
                               ('[2024-01-31 09:59+00, 2024-03-31 10:00+00)')) v (p),
      oracle.one_period(ARRAY[oracle.instant('x', '2024-01-01 00:00+00', '2024-03-01 00:00+00', 30)], p)$$,
    $$VALUES (60.0), (60), (60), (round(30 * 60 * 12 / 365.25 + 30 * 12 / (24 * 60 * 365.25), 12))$$);
CALL same('a whole first day is no first moment, in local time',
    $$SELECT clv FROM oracle.one_period(ARRAY[oracle.local('x', '2024-01-01', '2024-03-01', 30)], tsrange('2024-02-01 12:00', '2024-04-01 12:00'))$$, $$VALUES (30 * 60 * 12 / 365.25)$$);
CALL same('complete: until today, not beyond',
    $$SELECT period_end, complete FROM oracle.mrr_movements(ARRAY[oracle.local('x', CURRENT_DATE - 3, NULL, 1)], '1 day')$$,
    $$SELECT CURRENT_DATE + d, d <= 0 FROM generate_series(-2, 1) d$$);
CALL same('today is that of the zone',
    $$SELECT z, max(period_end), max(period_end) FILTER (WHERE complete) FROM unnest('{Pacific/Kiritimati,Pacific/Honolulu}'::text[]) z,
      oracle.churn_by_period(ARRAY[oracle.instant('x', now() - interval '5 days', NULL, 1)], every => '1 day', time_zone => z) GROUP BY z$$,
    $$SELECT z, (now() AT TIME ZONE z)::date + 1, (now() AT TIME ZONE z)::date FROM unnest('{Pacific/Kiritimati,Pacific/Honolulu}'::text[]) z$$);

-- 4. Published counts --------------------------------------------------------------------------------

-- Re-typed from the tests of PostHog's revenue analytics (MIT): six subscriptions, customers per month.
CALL same('counts by month',
    $$SELECT period_start, opening_customers + new_customers + reactivated_customers, new_customers, churned_customers
      FROM oracle.churn_by_period(ARRAY[
        oracle.local('cus_1', '2025-01-23', '2026-01-23'), oracle.local('cus_2', '2025-01-23', '2026-01-23'), oracle.local('cus_3', '2025-01-23', '2025-06-23'),
        oracle.local('cus_4', '2025-02-23', '2025-05-23'), oracle.local('cus_5', '2025-02-23', '2025-05-23'), oracle.local('cus_6', '2025-02-23', '2025-05-23')],
        false, '1 month', '2024-11-01', '2026-06-01')$$,
    $$VALUES (date '2024-11-01', 0::bigint, 0::bigint, 0::bigint), ('2024-12-01', 0, 0, 0), ('2025-01-01', 3, 3, 0), ('2025-02-01', 6, 3, 0), ('2025-03-01', 6, 0, 0),
             ('2025-04-01', 6, 0, 0), ('2025-05-01', 6, 0, 3), ('2025-06-01', 3, 0, 1), ('2025-07-01', 2, 0, 0), ('2025-08-01', 2, 0, 0), ('2025-09-01', 2, 0, 0),
             ('2025-10-01', 2, 0, 0), ('2025-11-01', 2, 0, 0), ('2025-12-01', 2, 0, 0), ('2026-01-01', 2, 0, 2), ('2026-02-01', 0, 0, 0), ('2026-03-01', 0, 0, 0),
             ('2026-04-01', 0, 0, 0), ('2026-05-01', 0, 0, 0)$$);

-- 5. Random rows: the generator ----------------------------------------------------------------------

CREATE TABLE row_set AS
    SELECT seed, whole_days, r.* FROM (VALUES (1, false), (2, true)) v (seed, whole_days), oracle.random_rows(seed, 3000, whole_days) r;
CREATE INDEX ON row_set (seed, customer);
ANALYZE row_set;
CALL same('the generator repeats itself', 'SELECT * FROM oracle.random_rows(3, 500)', 'SELECT * FROM oracle.random_rows(3, 500)');
CALL nothing('rows of the right size', $$SELECT seed, count(*), count(DISTINCT customer) FROM row_set GROUP BY seed HAVING count(*) <> 3000 OR count(DISTINCT customer) NOT BETWEEN 525 AND 750$$);
CALL nothing('rows are valid', $$SELECT * FROM row_set WHERE customer IS NULL OR started_at IS NULL OR mrr IS NULL OR ended_at < started_at
    OR (whole_days AND isfinite(ended_at) AND (started_at <> started_at::date OR ended_at <> ended_at::date))$$);
CALL nothing('rows are unpleasant', $$
    SELECT * FROM (
        SELECT seed, bool_or(whole_days) AS whole_days,
               count(*) FILTER (WHERE ended_at IS NULL) AS unended, count(*) FILTER (WHERE ended_at = 'infinity') AS infinite, count(*) FILTER (WHERE ended_at = started_at) AS empty,
               count(*) FILTER (WHERE mrr = 0) AS free, count(*) FILTER (WHERE mrr < 0) AS negative, count(*) FILTER (WHERE mrr <> round(mrr, 6)) AS rounded,
               count(*) FILTER (WHERE mrr > 0 AND round(mrr, 6) = 0) AS rounded_to_nothing, count(*) FILTER (WHERE started_at = date_trunc('month', started_at)) AS on_the_first,
               count(*) FILTER (WHERE isfinite(ended_at) AND ended_at = date_trunc('month', ended_at)) AS ends_on_the_first,
               count(*) FILTER (WHERE ended_at > started_at AND ended_at <= started_at + interval '1 hour') AS short,
               count(*) FILTER (WHERE date_trunc('month', started_at) = date_trunc('month', nullif(ended_at, 'infinity')) AND ended_at > started_at) AS within_a_month,
               count(*) - count(DISTINCT (customer, started_at, ended_at, mrr)) AS repeated,
               count(*) FILTER (WHERE EXISTS (SELECT FROM row_set n WHERE n.seed = r.seed AND n.customer = r.customer AND n.started_at = r.ended_at)) AS touching,
               count(*) FILTER (WHERE EXISTS (SELECT FROM row_set n WHERE n.seed = r.seed AND n.customer = r.customer AND n.started_at > r.started_at AND n.ended_at < r.ended_at)) AS nesting,
               count(*) FILTER (WHERE EXISTS (SELECT FROM row_set n WHERE n.seed = r.seed AND n.customer = r.customer AND isfinite(r.ended_at) AND n.started_at = r.ended_at + interval '1 day')) AS one_day_gaps
        FROM row_set r GROUP BY seed) x
    WHERE least(unended, infinite, empty, free, negative, rounded, rounded_to_nothing, on_the_first, ends_on_the_first, within_a_month, repeated, touching, nesting, one_day_gaps) < 30
       OR (short < 30 AND NOT whole_days)$$);

-- 6. Random rows: identities -------------------------------------------------------------------------

CREATE TABLE ledger AS SELECT seed, array_agg(oracle.local(customer::text, started_at, ended_at, mrr)) AS subs FROM row_set GROUP BY seed;
CREATE TABLE grid_kind (kind text, every interval, since date, until date, origin date);
INSERT INTO grid_kind VALUES
    ('months', '1 month', NULL, '2025-03-01', NULL), ('months cut', '1 month', '2022-06-11', '2024-02-29', NULL), ('months from the 31st', '1 month', '2022-03-31', '2023-12-31', '2001-01-31'),
    ('quarters', '3 months', NULL, '2024-12-31', NULL), ('fiscal years', '1 year', '2021-01-01', '2026-01-01', '2001-04-01'),
    ('weeks', '7 days', '2022-12-01', '2023-05-03', NULL), ('days', '1 day', '2023-02-20', '2023-04-10', NULL);
CREATE TABLE churn AS SELECT k.*, with_mrr, seed, r.* FROM ledger, grid_kind k, (VALUES (true), (false)) v (with_mrr), oracle.churn_by_period(subs, with_mrr, k.every, k.since, k.until, NULL, k.origin) r;
CREATE TABLE movements AS SELECT k.*, seed, r.* FROM ledger, grid_kind k, oracle.mrr_movements(subs, k.every, k.since, k.until, NULL, k.origin) r;
CREATE TABLE cohorts AS SELECT k.*, with_mrr, seed, r.* FROM ledger, grid_kind k, (VALUES (true), (false)) v (with_mrr), oracle.cohort_retention(subs, with_mrr, k.every, k.since, k.until, NULL, k.origin) r;

CALL nothing('customers add up', $$SELECT * FROM churn WHERE closing_customers <> opening_customers + new_customers + reactivated_customers - churned_customers
    OR retention_rate <> 1 - churn_rate OR transient_new_customers > transient_customers$$);
CALL nothing('customers carry over', $$SELECT * FROM (SELECT *, lead(opening_customers) OVER (PARTITION BY seed, with_mrr, kind ORDER BY period_start) AS next FROM churn) x WHERE next <> closing_customers$$);
CALL nothing('MRR adds up', $$SELECT * FROM movements WHERE closing_mrr <> opening_mrr + new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churned_mrr
    OR net_new_mrr <> closing_mrr - opening_mrr OR least(opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr) < 0$$);
CALL nothing('MRR carries over', $$SELECT * FROM (SELECT *, lead(opening_mrr) OVER (PARTITION BY seed, kind ORDER BY period_start) AS next FROM movements) x WHERE next <> closing_mrr$$);
CALL same('customers and MRR agree', $$SELECT seed, kind, period_start, closing_customers FROM churn WHERE with_mrr$$, $$SELECT seed, kind, period_start, closing_customers FROM movements$$);
CALL same('cohorts sum to closings',
    $$SELECT seed, with_mrr, kind, period_start, sum(customers), sum(mrr) FROM cohorts GROUP BY 1, 2, 3, 4 HAVING sum(customers) > 0$$,
    $$SELECT seed, with_mrr, kind, period_start, c.closing_customers::numeric, CASE WHEN with_mrr THEN m.closing_mrr END
      FROM churn c JOIN movements m USING (seed, kind, period_start) WHERE c.closing_customers > 0$$);
CALL same('cohorts are the new customers of a whole period',
    $$SELECT seed, with_mrr, kind, cohort, cohort_size FROM cohorts WHERE period_number = 0 AND complete$$,
    $$SELECT seed, with_mrr, kind, period_start, new_customers + transient_new_customers FROM churn WHERE complete AND new_customers + transient_new_customers > 0$$);
CALL nothing('cohort rows are consecutive, up to the last period',
    $$SELECT seed, with_mrr, kind, cohort FROM cohorts JOIN (SELECT kind, max(period_start) AS last FROM cohorts GROUP BY kind) l USING (kind)
      GROUP BY 1, 2, 3, 4 HAVING count(*) <> max(period_number) - min(period_number) + 1 OR max(period_start) <> max(last)$$);
CALL same('one period is one row of the series',
    $$SELECT seed, period_start, round(o.paying_churn_rate, 12), round(o.mrr_churn, 12), round(o.net_mrr_churn, 12), round(o.grr, 12), round(o.nrr, 12)
      FROM movements JOIN ledger USING (seed), oracle.one_period(subs, daterange(period_start, period_end)) o WHERE kind = 'months cut'$$,
    $$SELECT seed, period_start, round(c.churn_rate, 12), round(m.gross_mrr_churn, 12), round(m.net_mrr_churn, 12), round(m.grr, 12), round(m.nrr, 12)
      FROM movements m JOIN churn c USING (seed, kind, period_start) WHERE kind = 'months cut' AND c.with_mrr$$);
CALL same('one period, all customers',
    $$SELECT seed, period_start, o.churn_rate, o.retention_rate FROM churn c JOIN ledger USING (seed), oracle.one_period(subs, daterange(period_start, period_end)) o
      WHERE kind = 'months cut' AND NOT with_mrr$$,
    $$SELECT seed, period_start, churn_rate, retention_rate FROM churn WHERE kind = 'months cut' AND NOT with_mrr$$);
CALL same('instants in a zone are local time there',
    $$SELECT l.seed, r.* FROM (SELECT seed, array_agg(oracle.instant(customer::text, started_at AT TIME ZONE 'Asia/Kolkata', ended_at AT TIME ZONE 'Asia/Kolkata', mrr)) AS subs FROM row_set GROUP BY seed) l,
      oracle.mrr_movements(l.subs, '1 month', '2022-06-11', '2024-02-29', 'Asia/Kolkata') r$$,
    $$SELECT l.seed, r.* FROM ledger l, oracle.mrr_movements(l.subs, '1 month', '2022-06-11', '2024-02-29') r$$);

-- 7. Random rows: counted another way ----------------------------------------------------------------

-- No step functions and no grid: each customer is looked at just before each boundary, and at every moment at which
-- anything of it changes, by adding up the rows that run.
CREATE TABLE customer AS SELECT DISTINCT seed, customer FROM row_set;

CREATE FUNCTION mrr_before(s int, c bigint, d timestamp) RETURNS numeric LANGUAGE sql STABLE AS
$$ SELECT greatest(coalesce(sum(round(mrr, 6)), 0), 0) FROM row_set WHERE seed = s AND customer = c AND started_at < d AND (ended_at IS NULL OR ended_at >= d) AND started_at IS DISTINCT FROM ended_at $$;
CREATE FUNCTION rows_before(s int, c bigint, d timestamp) RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT count(*) FROM row_set WHERE seed = s AND customer = c AND started_at < d AND (ended_at IS NULL OR ended_at >= d) AND started_at IS DISTINCT FROM ended_at $$;

CREATE TABLE look AS    -- the state at each moment of change, not just before it
    SELECT m.seed, m.customer, m.moment,
           (SELECT greatest(coalesce(sum(round(r.mrr, 6)), 0), 0) FROM row_set r WHERE r.seed = m.seed AND r.customer = m.customer AND r.started_at <= m.moment AND coalesce(r.ended_at, 'infinity') > m.moment) AS mrr,
           EXISTS (SELECT FROM row_set r WHERE r.seed = m.seed AND r.customer = m.customer AND r.started_at <= m.moment AND coalesce(r.ended_at, 'infinity') > m.moment) AS runs
    FROM (SELECT seed, customer, started_at AS moment FROM row_set UNION SELECT seed, customer, ended_at FROM row_set WHERE isfinite(ended_at)) m;
CREATE INDEX ON look (seed, customer);
ANALYZE look;

CREATE TABLE span (kind text, a date, b date);    -- typed out, not computed from a grid
INSERT INTO span
    SELECT 'months', d, d + interval '1 month' FROM generate_series(timestamp '2022-01-01', '2025-02-01', '1 month') d UNION ALL
    SELECT 'months cut', greatest(d, '2022-06-11'), least(d + interval '1 month', '2024-02-29') FROM generate_series(timestamp '2022-06-01', '2024-02-01', '1 month') d UNION ALL
    SELECT 'quarters', d, least(d + interval '3 months', '2024-12-31') FROM generate_series(timestamp '2022-01-01', '2024-10-01', '3 months') d UNION ALL
    SELECT 'fiscal years', greatest(d, '2021-01-01'), least(d + interval '1 year', '2026-01-01') FROM generate_series(timestamp '2020-04-01', '2025-04-01', '1 year') d UNION ALL
    SELECT 'weeks', greatest(d, '2022-12-01'), least(d + interval '7 days', '2023-05-03') FROM generate_series(timestamp '2022-11-28', '2023-05-01', '7 days') d;

CREATE TABLE flow AS
    SELECT x.*,
           EXISTS (SELECT FROM look k WHERE k.seed = x.seed AND k.customer = x.customer AND k.moment < x.a AND k.mrr > 0) AS paid_before,
           EXISTS (SELECT FROM look k WHERE k.seed = x.seed AND k.customer = x.customer AND k.moment < x.a AND k.runs) AS ran_before,
           EXISTS (SELECT FROM look k WHERE k.seed = x.seed AND k.customer = x.customer AND k.moment >= x.a AND k.moment < x.b AND k.mrr > 0) AS pays_within,
           EXISTS (SELECT FROM look k WHERE k.seed = x.seed AND k.customer = x.customer AND k.moment >= x.a AND k.moment < x.b AND k.runs) AS runs_within
    FROM (SELECT span.*, c.seed, c.customer, mrr_before(c.seed, c.customer, a) AS o, mrr_before(c.seed, c.customer, b) AS c,
                 rows_before(c.seed, c.customer, a) > 0 AS ro, rows_before(c.seed, c.customer, b) > 0 AS rc
          FROM span, customer c) x;

CALL same('paying customers, counted', $$SELECT kind, seed, period_start, period_end, opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers,
          transient_customers, transient_new_customers FROM churn WHERE with_mrr AND kind IN (SELECT kind FROM span)$$,
    $$SELECT kind, seed, a, b, count(*) FILTER (WHERE o > 0), count(*) FILTER (WHERE o = 0 AND c > 0 AND NOT paid_before), count(*) FILTER (WHERE o = 0 AND c > 0 AND paid_before),
             count(*) FILTER (WHERE o > 0 AND c = 0), count(*) FILTER (WHERE c > 0), count(*) FILTER (WHERE o = 0 AND c = 0 AND pays_within),
             count(*) FILTER (WHERE o = 0 AND c = 0 AND pays_within AND NOT paid_before)
      FROM flow GROUP BY kind, seed, a, b$$);
CALL same('all customers, counted', $$SELECT kind, seed, period_start, period_end, opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers,
          transient_customers, transient_new_customers FROM churn WHERE NOT with_mrr AND kind IN (SELECT kind FROM span)$$,
    $$SELECT kind, seed, a, b, count(*) FILTER (WHERE ro), count(*) FILTER (WHERE NOT ro AND rc AND NOT ran_before), count(*) FILTER (WHERE NOT ro AND rc AND ran_before),
             count(*) FILTER (WHERE ro AND NOT rc), count(*) FILTER (WHERE rc), count(*) FILTER (WHERE NOT ro AND NOT rc AND runs_within),
             count(*) FILTER (WHERE NOT ro AND NOT rc AND runs_within AND NOT ran_before)
      FROM flow GROUP BY kind, seed, a, b$$);
CALL same('MRR, counted', $$SELECT kind, seed, period_start, period_end, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr
          FROM movements WHERE kind IN (SELECT kind FROM span)$$,
    $$SELECT kind, seed, a, b, sum(o), sum(CASE WHEN o = 0 AND NOT paid_before THEN c ELSE 0 END), sum(CASE WHEN o = 0 AND paid_before THEN c ELSE 0 END),
             sum(CASE WHEN o > 0 AND c > o THEN c - o ELSE 0 END), sum(CASE WHEN c > 0 AND o > c THEN o - c ELSE 0 END), sum(CASE WHEN c = 0 THEN o ELSE 0 END), sum(c)
      FROM flow GROUP BY kind, seed, a, b$$);

CREATE TABLE birth AS    -- quarters and months of the first paying moment
    SELECT u.kind, k.seed, k.customer, date_trunc(u.unit, k.moment)::date AS cohort, k.mrr
    FROM (VALUES ('months', 'month'), ('quarters', 'quarter')) u (kind, unit),
         (SELECT DISTINCT ON (seed, customer) * FROM look WHERE mrr > 0 ORDER BY seed, customer, moment) k;
CALL same('cohorts, counted', $$SELECT kind, seed, cohort, period_start, cohort_size, cohort_mrr, customers, mrr, cumulative_mrr FROM cohorts WHERE with_mrr AND kind IN ('months', 'quarters')$$,
    $$SELECT kind, seed, cohort, a, count(*), sum(first_mrr), count(*) FILTER (WHERE c > 0), sum(c), sum(sum(c)) OVER (PARTITION BY kind, seed, cohort ORDER BY a)
      FROM (SELECT f.kind, f.seed, f.customer, f.a, f.c, b.cohort, b.mrr AS first_mrr FROM flow f JOIN birth b USING (kind, seed, customer) WHERE f.a >= b.cohort) x
      GROUP BY kind, seed, cohort, a$$);

SELECT 'the oracle agrees with itself';
