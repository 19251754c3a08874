-- Cohort retention.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA test_cohorts;
SET search_path = test_cohorts, public;

CREATE TABLE subs (customer text, started_at date, ended_at date, mrr numeric);
INSERT INTO subs VALUES
    ('a', '2024-01-05', NULL, 10),                                          -- January; 10 ever after
    ('b', '2024-01-20', '2024-03-10', 20),                                  -- January; 20 until March
    ('c', '2024-01-31', '2024-02-01', 30), ('c', '2024-04-15', NULL, 40),   -- January; 30 at its end, gone, 40 from April on
    ('d', '2024-03-01', NULL, 50),                                          -- March, not February: the first moment of March
    ('e', '2024-03-05', '2024-03-10', 5),                                   -- March; never there at the end of a month
    ('f', '2024-01-01', '2024-03-20', 0), ('f', '2024-03-20', NULL, 25),    -- pays from March on: of March by MRR, of January as a customer
    ('g', '2024-01-10', '2024-02-15', 10), ('g', '2024-02-15', NULL, 15),   -- January; 10, then 15
    ('h', '2024-01-01', NULL, 0),                                           -- never pays: in no cohort by MRR, of January as a customer
    ('i', '2024-05-02', NULL, 60),                                          -- after the periods shown
    ('j', '2024-01-03', NULL, -7), ('j', '2024-03-02', '2024-03-20', 9),    -- pays 2 from 2 to 20 March: March, of 2 at its first paying moment; of January as a customer
    ('k', '2024-02-10', '2024-02-10', 99), (NULL, NULL, NULL, NULL);        -- nothing
CREATE TABLE ledger AS SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS paying, subscription_ledger(customer, started_at, ended_at) AS running FROM subs;

-- January: a b c g, 10 + 20 + 30 + 10 = 70. Ends of months: a b c g 70, a b g 45, a g 25, a c g 65. March: d e f j, 50 + 5 + 25 + 2 = 82; d f 75, d f 75.
-- February has no members and is no row; April: c is not new.
SELECT r.* FROM ledger, cohort_retention(paying, until => '2024-05-01') r;
-- Running: January a b c f g h j; ends of months all seven, all but c, a f g h j, a c f g h j. March: d e; d, d.
SELECT r.* FROM ledger, cohort_retention(running, until => '2024-05-01') r;
-- By quarter: the first has all eight of January and March, at its end a d f g (10 + 50 + 25 + 15); at the end of the second c (40) is back, and i is new.
SELECT r.* FROM ledger, cohort_retention(paying, '3 months', until => '2024-07-01') r;

-- since and until choose the rows: February from the 10th, April to the 9th, cut and not complete. c is not yet back on 10 April. Cumulative from the beginning:
-- 70 + 45, + 25, + 25; 75, 150.
SELECT r.* FROM ledger, cohort_retention(paying, since => '2024-02-10', until => '2024-04-10') r;
-- Cohorts are of whole periods: e, f and j come in March, after until; at the end of the 3rd there are d and j.
SELECT r.* FROM ledger, cohort_retention(paying, since => '2024-03-01', until => '2024-03-04') r;
-- since at the first of a month and before everything; until at the end of everything.
SELECT period_start, cohort, period_number, customers, cumulative_mrr, complete FROM ledger, cohort_retention(paying, since => '2024-04-01', until => '2024-05-01') ORDER BY 2, 1;
SELECT count(*) AS rows, min(cohort), min(period_start) FROM ledger, cohort_retention(paying, since => '2020-01-01', until => '2024-05-01');
SELECT count(*) AS rows FROM ledger, cohort_retention(paying, since => '2020-01-01', until => '2024-01-01');
SELECT count(*) AS rows FROM ledger, cohort_retention(paying, until => '2024-01-01');
-- Whoever has left leaves rows of zeros.
SELECT cohort, string_agg(customers || ' at ' || mrr, ', ' ORDER BY period_number) AS standing
FROM cohort_retention($$VALUES (1, date '2024-01-05', date '2024-02-10', 5), (2, '2024-02-03', '2024-02-04', 6)$$, '1 month', NULL, '2024-05-01') GROUP BY cohort ORDER BY cohort;
-- The first paying moment decides, also where it was long before, and short.
SELECT cohort, cohort_size, cohort_mrr, period_number, customers, mrr, mrr_retention
FROM cohort_retention($$VALUES (1, date '2024-01-05', date '2024-01-06', 4), (1, '2024-03-10', NULL, 8)$$, '1 month', NULL, '2024-04-01');
-- All rows that begin at that moment are its MRR: 3 + 4, not the 5 of the day after.
SELECT cohort_size, cohort_mrr, mrr FROM cohort_retention($$VALUES (1, date '2024-01-05', NULL::date, 3), (1, '2024-01-05', NULL, 4), (1, '2024-01-06', NULL, 5)$$, '1 month', NULL, '2024-02-01');

-- Nothing: a cohort without members is no row, whatever the bounds.
SELECT count(*) FROM cohort_retention(NULL::subscription_ledger);
SELECT count(*) FROM cohort_retention(NULL::subscription_ledger, since => '2024-01-01', until => '2024-03-01');
SELECT count(*) FROM cohort_retention('SELECT * FROM subs WHERE false', since => '2024-01-01', until => '2024-03-01');
SELECT count(*) FROM cohort_retention('SELECT * FROM subs WHERE customer = ''h''', since => '2024-01-01', until => '2024-03-01');

-- A query gives what its ledger gives, with three columns and with four.
SELECT count(*) AS rows, count(*) FILTER (WHERE q::text = l.l::text) AS same
FROM cohort_retention('SELECT * FROM subs', '1 month', '2024-02-10', '2024-04-10') q FULL JOIN (SELECT cohort, period_number, l AS l FROM ledger, cohort_retention(paying, '1 month', '2024-02-10', '2024-04-10') l) l USING (cohort, period_number);
SELECT count(*) AS rows, count(*) FILTER (WHERE q::text = l.l::text) AS same, count(mrr) + count(cohort_mrr) + count(mrr_retention) + count(cumulative_mrr) AS with_mrr
FROM cohort_retention('SELECT customer, started_at, ended_at FROM subs;', '1 month', NULL, '2024-05-01') q FULL JOIN (SELECT cohort, period_number, l AS l FROM ledger, cohort_retention(running, '1 month', NULL, '2024-05-01') l) l USING (cohort, period_number);

-- Instants: January still lasts in Honolulu when it is February in Kiritimati.
SELECT zone, cohort, period_number, period_start, customers
FROM (SELECT subscription_ledger(1, timestamptz '2024-01-31 12:00+00', timestamptz '2024-02-29 11:00+00', 5) AS l) q, (VALUES ('Pacific/Kiritimati'), ('Pacific/Honolulu')) v (zone), cohort_retention(l, '1 month', NULL, '2024-04-01', zone)
ORDER BY zone, period_number;

-- 3,000 rows: cohorts add up to the closings of the series, are its new customers, begin at 0 and have no holes.
CREATE TABLE made AS
SELECT g * 7919 % 797 AS customer, date '2022-01-01' + g * 31 % 700 AS started_at, CASE WHEN g % 7 > 0 THEN date '2022-01-01' + g * 31 % 700 + g * 17 % 200 END AS ended_at, CASE WHEN g % 11 = 0 THEN -1 ELSE 1 END * (g % 37) * 2.5 AS mrr
FROM generate_series(1, 3000) g;
CREATE TABLE grid (n int, every interval, since date, until date, origin date);
INSERT INTO grid VALUES (1, '1 month', NULL, '2024-07-01', NULL), (2, '1 month', '2022-05-20', '2023-11-03', NULL), (3, '3 months', NULL, '2024-07-01', '2001-02-01'), (4, '7 days', '2022-03-01', '2023-03-01', NULL), (5, '1 year', NULL, '2025-01-01', NULL);
CREATE VIEW cohorts AS SELECT n, r.* FROM grid, cohort_retention('TABLE made', every, since, until, NULL, NULL, origin) r;
CREATE VIEW series AS
SELECT n, c.period_start, c.complete, c.closing_customers, c.new_customers + c.transient_new_customers AS come,
       (SELECT closing_mrr FROM mrr_movements('TABLE made', every, since, until, NULL, NULL, origin) m WHERE m.period_start = c.period_start) AS closing_mrr
FROM grid, churn_by_period('TABLE made', every, since, until, NULL, NULL, origin) c;
CREATE TABLE sums_wanted AS SELECT n, period_start, closing_customers, closing_mrr, complete FROM series;
CREATE TABLE sums AS SELECT n, period_start, sum(customers) AS closing_customers, sum(mrr) AS closing_mrr, bool_and(complete) AS complete FROM cohorts GROUP BY 1, 2;
CREATE TABLE sizes_wanted AS SELECT n, period_start, come FROM series WHERE complete AND come > 0;
CREATE TABLE sizes AS SELECT n, period_start, cohort_size AS come FROM cohorts WHERE complete AND period_number = 0;
SELECT n, (SELECT count(*) FROM series s WHERE s.n = g.n) AS periods,
       (SELECT count(*) FROM (TABLE sums INTERSECT TABLE sums_wanted) d WHERE d.n = g.n) AS sums_agree,
       (SELECT count(*) FROM ((TABLE sums EXCEPT TABLE sums_wanted) UNION ALL (TABLE sums_wanted EXCEPT TABLE sums)) d WHERE d.n = g.n) AS sums_differ,
       (SELECT count(*) FROM (TABLE sizes INTERSECT TABLE sizes_wanted) d WHERE d.n = g.n) AS sizes_agree,
       (SELECT count(*) FROM ((TABLE sizes EXCEPT TABLE sizes_wanted) UNION ALL (TABLE sizes_wanted EXCEPT TABLE sizes)) d WHERE d.n = g.n) AS sizes_differ,
       (SELECT count(*) FROM (SELECT cohort FROM cohorts c WHERE c.n = g.n GROUP BY cohort
                              HAVING count(*) <> max(period_number) - min(period_number) + 1 OR max(period_start) <> (SELECT max(period_start) FROM series s WHERE s.n = g.n) OR min(cohort_size) <> max(cohort_size)) d) AS holes,
       (SELECT count(*) FROM cohorts c WHERE c.n = g.n AND (retention <> customers / cohort_size::numeric OR mrr_retention <> mrr / cohort_mrr OR customers > cohort_size OR cohort_size = 0)) AS rates_differ,
       (SELECT count(*) FROM (SELECT cumulative_mrr, sum(mrr) OVER (PARTITION BY cohort ORDER BY period_number) AS wanted FROM cohorts c WHERE c.n = g.n) d WHERE g.since IS NULL AND cumulative_mrr <> wanted) AS cumulative_differs
FROM grid g ORDER BY n;

SET client_min_messages = warning;
DROP SCHEMA test_cohorts CASCADE;
