-- Churn, retention, GRR, NRR and CLV of one period, as aggregates.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA test_rates;
SET search_path = test_rates, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- June 2024: what each customer pays at opening and at closing.
CREATE TABLE subs (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO subs VALUES
    (1, '2024-01-01', NULL, 100),                                           -- 100, 100
    (2, '2024-01-01', '2024-06-01', 60),                                    -- 60, lost: an end at the opening belongs to June
    (3, '2024-01-01', '2024-07-01', 40),                                    -- 40, 40: an end at the closing does not
    (4, '2024-06-01', NULL, 500),                                           -- new, a start at the opening
    (5, '2024-05-31', '2024-06-30', 20),                                    -- 20, lost
    (6, '2024-01-01', '2024-06-10', 80), (6, '2024-06-10', NULL, 50),       -- 80, 50
    (7, '2024-01-01', NULL, 30), (7, '2024-06-15', NULL, 25),               -- 30, 55
    (8, '2024-01-01', '2024-06-20', 0),                                     -- free, lost
    (9, '2024-01-01', '2024-06-05', 70), (9, '2024-06-25', NULL, 90),       -- 70, 90: away in between
    (10, '2024-06-05', '2024-06-08', 99),                                   -- came and went
    (11, '2024-01-01', NULL, 10), (11, '2024-06-10', '2024-12-31', -15),    -- 10, lost to a discount; still runs
    (12, '2024-01-01', '2024-06-10', 0), (12, '2024-06-10', NULL, 35),      -- free, then 35; runs
    (13, '2024-06-01', '2024-06-01', 7), (NULL, NULL, NULL, NULL);          -- nothing

-- Running: 1 2 3 5 6 7 8 9 11 12 at opening, lost 2 5 8: 3/10. Paying: 1 2 3 5 6 7 9 11, lost 2 5 11: 3/8.
SELECT churn_rate(customer, started_at, ended_at, period) AS running_lost, retention_rate(customer, started_at, ended_at, period) AS running_kept,
       churn_rate(customer, started_at, ended_at, mrr, period) AS paying_lost, retention_rate(customer, started_at, ended_at, mrr, period) AS paying_kept
FROM subs, (SELECT daterange('2024-06-01', '2024-07-01') AS period) p;
-- Opening MRR 410; reduced by 60 + 20 + 30 + 10 = 120; closing MRR of the opening customers 100 + 40 + 50 + 55 + 90 = 335: 120/410, 75/410, 290/410, 335/410.
SELECT mrr_churn(customer, started_at, ended_at, mrr, period), net_mrr_churn(customer, started_at, ended_at, mrr, period),
       grr(customer, started_at, ended_at, mrr, period), nrr(customer, started_at, ended_at, mrr, period)
FROM subs, (SELECT daterange('2024-06-01', '2024-07-01') AS period) p;
-- ARPA 410/8 x 1 month / (3/8) = 410/3; 80% of that.
SELECT clv(customer, started_at, ended_at, mrr, period), clv(customer, started_at, ended_at, mrr, period, 0.8) AS with_margin FROM subs, (SELECT daterange('2024-06-01', '2024-07-01') AS period) p;

-- The same of every customer type and time type.
CREATE VIEW typed AS
SELECT customer::bigint AS b, lpad(customer::text, 32, '0')::uuid AS u, 'customer ' || customer AS t, started_at AS d1, ended_at AS d2, daterange('2024-06-01', '2024-07-01') AS dp,
       started_at::timestamp AS l1, ended_at::timestamp AS l2, tsrange('2024-06-01', '2024-07-01') AS lp, started_at::timestamptz AS i1, ended_at::timestamptz AS i2, tstzrange('2024-06-01', '2024-07-01') AS ip, mrr
FROM subs;
CREATE FUNCTION pg_temp.rates(columns text, period text, OUT churn numeric, OUT retention numeric, OUT paying_churn numeric, OUT paying_retention numeric, OUT mrr_churn numeric,
                              OUT net_mrr_churn numeric, OUT grr numeric, OUT nrr numeric, OUT clv numeric, OUT half_clv numeric) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT round(churn_rate(%1$s, %2$s), 4), round(retention_rate(%1$s, %2$s), 4), round(churn_rate(%1$s, mrr, %2$s), 4), round(retention_rate(%1$s, mrr, %2$s), 4), '
                   'round(mrr_churn(%1$s, mrr, %2$s), 4), round(net_mrr_churn(%1$s, mrr, %2$s), 4), round(grr(%1$s, mrr, %2$s), 4), round(nrr(%1$s, mrr, %2$s), 4), '
                   'round(clv(%1$s, mrr, %2$s), 4), round(clv(%1$s, mrr, %2$s, 0.5), 4) FROM typed', columns, period)
    INTO churn, retention, paying_churn, paying_retention, mrr_churn, net_mrr_churn, grr, nrr, clv, half_clv;
END $$;
SELECT types, r.*
FROM (VALUES (1, 'bigint, date', 'b, d1, d2', 'dp'), (2, 'bigint, timestamp', 'b, l1, l2', 'lp'), (3, 'bigint, timestamptz', 'b, i1, i2', 'ip'),
             (4, 'uuid, date', 'u, d1, d2', 'dp'), (5, 'uuid, timestamp', 'u, l1, l2', 'lp'), (6, 'uuid, timestamptz', 'u, i1, i2', 'ip'),
             (7, 'text, date', 't, d1, d2', 'dp'), (8, 'text, timestamp', 't, l1, l2', 'lp'), (9, 'text, timestamptz', 't, i1, i2', 'ip')) v (n, types, columns, period),
     pg_temp.rates(columns, period) r
ORDER BY n;

-- A literal is a range of the type that goes with the times; an infinite end is none.
SELECT churn_rate(customer, started_at, ended_at, '[2024-06-01,2024-07-01)') AS date, churn_rate(customer, started_at::timestamp, coalesce(ended_at, 'infinity')::timestamp, '[2024-06-01,2024-07-01)') AS timestamp,
       churn_rate(customer, started_at::timestamptz, ended_at::timestamptz, mrr, '[2024-06-01,2024-07-01)') AS timestamptz, churn_rate(customer, started_at, ended_at, '(2024-05-31,2024-06-30]') AS other_brackets
FROM subs;

-- To the microsecond. At 12:00 to 13:00: 1 ends at the opening, lost; 2 ends a microsecond later, lost; 3 starts a microsecond before the opening, kept; 4 at the opening, new;
-- 5 ends at the closing, kept; 6 ends a microsecond before, lost; 7 ends a microsecond before the opening: 3 of 5.
SELECT churn_rate(customer, started_at, ended_at, tsrange('2024-06-01 12:00', '2024-06-01 13:00'))
FROM (VALUES (1, timestamp '2024-01-01', timestamp '2024-06-01 12:00'), (2, '2024-01-01', '2024-06-01 12:00:00.000001'), (3, '2024-06-01 11:59:59.999999', NULL), (4, '2024-06-01 12:00', NULL),
             (5, '2024-01-01', '2024-06-01 13:00'), (6, '2024-01-01', '2024-06-01 12:59:59.999999'), (7, '2024-01-01', '2024-06-01 11:59:59.999999')) v (customer, started_at, ended_at);

-- CLV by length: opening MRR x months / customers lost. May to July: 390 (5 is not there yet) x 3 / 3 (2 3 11). From 2 June, 29 days: 850 (with 4, without 2), 2 lost (5 11).
-- One day: 410, 1 lost (2). Year by days and by months: 390, 2 lost (2 3; 11 pays again on 31 December).
SELECT period, round(clv(customer, started_at, ended_at, mrr, period), 8) AS clv, round(wanted, 8) = round(clv(customer, started_at, ended_at, mrr, period), 8) AS ok
FROM subs, (VALUES (1, daterange('2024-05-01', '2024-08-01'), 390), (2, '[2024-06-02,2024-07-01)', 850 * 29 * 12 / 365.25 / 2), (3, '[2024-06-01,2024-06-02)', 410 * 12 / 365.25),
                   (4, '[2024-01-02,2025-01-01)', 390 * 365 * 12 / 365.25 / 2), (5, '[2024-02-01,2025-02-01)', 390 * 12 / 2)) p (n, period, wanted)
GROUP BY n, period, wanted ORDER BY n;
-- Nobody lost, or nobody there: NULL.
SELECT clv(customer, started_at, ended_at, mrr, '[2024-02-01,2024-03-01)') AS nobody_lost, clv(customer, started_at, ended_at, mrr, '[2023-02-01,2023-03-01)') AS nobody_there FROM subs;
-- Instants: whole months where both bounds lie within 14 hours of a month's first day in UTC, as they do in every zone, otherwise days;
-- 30 a month, one customer, lost. 31 days and 4 hours x 12 / 365.25 x 30 = 30.7187, 14 days 13.7988.
SELECT n, period, clv(1, timestamptz '2024-01-01 00:00+00', timestamptz '2024-06-10 00:00+00', 30, period) = wanted AS whole_months, round(clv(1, timestamptz '2024-01-01 00:00+00', timestamptz '2024-06-10 00:00+00', 30, period), 6) AS clv
FROM (VALUES (1, tstzrange('2024-06-01 00:00+00', '2024-07-01 00:00+00'), 30), (2, tstzrange('2024-06-01 00:00+14', '2024-07-01 00:00+14'), 30), (3, tstzrange('2024-06-01 00:00-11', '2024-07-01 00:00-10'), 30),
             (4, tstzrange('2024-05-31 10:00+00', '2024-07-01 14:00+00'), 30), (5, tstzrange('2024-05-31 09:59:59.999999+00', '2024-07-01 14:00+00'), 30), (6, tstzrange('2024-05-31 10:00+00', '2024-07-01 14:00:00.000001+00'), 30),
             (7, tstzrange('2024-02-29 23:00+00', '2024-08-31 22:00+00'), 180), (8, tstzrange('2024-06-01 00:00+00', '2024-06-15 00:00+00'), 15), (9, tstzrange('2024-05-31 23:00+00', '2025-05-31 22:00+00'), 360)) v (n, period, wanted)
GROUP BY n, period, wanted ORDER BY n;
-- Both bounds at the same month's beginning are 14 hours: 30 x 14 / 24 x 12 / 365.25.
SELECT round(clv(1, timestamptz '2024-01-01 00:00+00', timestamptz '2024-06-01 06:00+00', 30, '[2024-05-31 22:00+00,2024-06-01 12:00+00)'), 6) AS clv;
-- Local time: a month begins at midnight, not in the hours around it.
SELECT n, round(clv(1, timestamp '2024-01-01', timestamp '2024-06-10', 30, period), 6) AS clv
FROM (VALUES (1, tsrange('2024-06-01', '2024-07-01')), (2, tsrange('2024-06-01 00:00:00.000001', '2024-07-01')), (3, tsrange('2024-06-01', '2024-07-01 12:00')), (4, tsrange('2024-05-31 23:00', '2024-07-01'))) v (n, period)
GROUP BY n, period ORDER BY n;
-- The margin: up to 18 decimals, then rounded.
SELECT margin, clv(1, date '2024-01-01', '2024-06-10', 30, '[2024-06-01,2024-07-01)', margin) AS clv, clv(1, date '2024-01-01', '2024-06-10', 30, '[2024-06-01,2024-07-01)', margin) = 30 * round(margin, 18) AS ok
FROM (VALUES (1, 1), (2, 1.00), (3, 0), (4, 0.8), (5, 0.000001), (6, 0.1234567), (7, 0.123456789012345678), (8, 0.1234567890123456785), (9, 0.0000000000000000004), (10, 0.999999999999999999), (11, 0.50000000000000000000)) v (n, margin)
GROUP BY n, margin ORDER BY n;

-- No rows, padding, empty stretches: NULL. Nobody at opening, or nobody who pays: no rate.
SELECT churn_rate(customer, started_at, ended_at, p), retention_rate(customer, started_at, ended_at, mrr, p), mrr_churn(customer, started_at, ended_at, mrr, p), net_mrr_churn(customer, started_at, ended_at, mrr, p),
       grr(customer, started_at, ended_at, mrr, p), nrr(customer, started_at, ended_at, mrr, p), clv(customer, started_at, ended_at, mrr, p), clv(customer, started_at, ended_at, mrr, p, 0.5)
FROM subs, (SELECT daterange('2024-06-01', '2024-07-01') AS p) p WHERE customer > 13;
SELECT n, churn_rate(c, s, e, p), churn_rate(c, s, e, mrr, p) AS paying_churn, retention_rate(c, s, e, mrr, p) AS paying_retention, mrr_churn(c, s, e, mrr, p), net_mrr_churn(c, s, e, mrr, p), grr(c, s, e, mrr, p), nrr(c, s, e, mrr, p), clv(c, s, e, mrr, p)
FROM (VALUES ('padding', NULL, NULL::date, NULL::date, NULL::numeric), ('empty stretch', 1, '2024-06-05', '2024-06-05', 5), ('new', 1, '2024-06-05', NULL, 5), ('gone', 1, '2024-01-05', '2024-05-31', 5),
             ('free', 1, '2024-01-05', '2024-06-05', 0), ('negative', 1, '2024-01-05', '2024-06-05', -1)) v (n, c, s, e, mrr), (SELECT daterange('2024-06-01', '2024-07-01') AS p) p
GROUP BY n ORDER BY n;
-- The period of a padding row does not matter; that of any other does.
SELECT churn_rate(c, s, e, p) FROM (VALUES (1, date '2024-01-01', date '2024-06-05', daterange('2024-06-01', '2024-07-01')), (NULL, NULL, NULL, NULL), (NULL, NULL, NULL, 'empty')) v (c, s, e, p);

-- What the period and the margin must not be.
SELECT pg_temp.err(format('SELECT churn_rate(1, %1$s ''2024-01-01'', %1$s ''2024-06-10'', %2$L::%3$s)', type, period, CASE type WHEN 'date' THEN 'daterange' WHEN 'timestamp' THEN 'tsrange' ELSE 'tstzrange' END)) AS error
FROM (VALUES (1, 'date', NULL), (2, 'timestamp', NULL), (3, 'timestamptz', NULL), (4, 'date', 'empty'), (5, 'timestamp', '[2024-06-01,2024-06-01)'), (6, 'date', '[2024-06-01,)'), (7, 'date', '(,2024-06-01)'), (8, 'timestamp', '[2024-06-01,)'),
             (9, 'timestamptz', '(,)'), (10, 'date', '[2024-06-01,infinity)'), (11, 'date', '[-infinity,2024-06-01)'), (12, 'timestamp', '[2024-06-01,infinity)'), (13, 'timestamptz', '[-infinity,2024-06-01)'),
             (14, 'timestamp', '(2024-06-01,2024-07-01]'), (15, 'timestamp', '[2024-06-01,2024-07-01]'), (16, 'timestamptz', '(2024-06-01,2024-07-01)'), (17, 'date', '[2024-06-01,300000-01-01)')) v (n, type, period)
ORDER BY n;
SELECT pg_temp.err(format('SELECT clv(1, date ''2024-01-01'', ''2024-06-10'', 30, ''[2024-06-01,2024-07-01)'', %L)', margin)) AS error
FROM (VALUES (1, NULL), (2, '-0.01'), (3, '1.01'), (4, '80'), (5, 'NaN'), (6, 'Infinity'), (7, '-Infinity'), (8, '1.0000000000000000000001'), (9, '-0.0000000000000000000001')) v (n, margin)
ORDER BY n;
-- What stands behind the period: a margin, also in quotes, or a policy, or both. 30 x 1 / (1 / 2) with all of it, half of it.
SELECT v.what, v.clv FROM (SELECT
    round(clv(c, s, e, 30, daterange('2024-06-01', '2024-07-01')), 2) AS none, round(clv(c, s, e, 30, daterange('2024-06-01', '2024-07-01'), 0.5), 2) AS margin,
    round(clv(c, s, e, 30, '[2024-06-01,2024-07-01)', '0.5'), 2) AS quoted, round(clv(c, s, e, 30, daterange('2024-06-01', '2024-07-01'), churn_policy()), 2) AS policy,
    round(clv(c, s, e, 30, daterange('2024-06-01', '2024-07-01'), 0.5, churn_policy('maxio')), 2) AS margin_policy, round(clv(c, s, e, 30, daterange('2024-06-01', '2024-07-01'), NULL::churn_policy), 2) AS null_policy
    FROM (VALUES (1, date '2024-01-01', date '2024-06-10'), (2, '2024-01-01', NULL)) r (c, s, e)) q,
    LATERAL (VALUES (1, 'none', none), (2, 'margin', margin), (3, 'quoted', quoted), (4, 'policy', policy), (5, 'margin, policy', margin_policy), (6, 'null policy', null_policy)) v (n, what, clv) ORDER BY n;
SELECT pg_temp.err($$SELECT clv(1, date '2024-01-01', date '2024-06-10', 30, daterange('2024-06-01', '2024-07-01'), 'half')$$) AS error;

-- One period in a group: also where the second row is not there at all, and where the state is large.
SELECT pg_temp.err('SELECT churn_rate(c, s, NULL, p) FROM (VALUES ' || rows || ') v (c, s, p)') AS error FROM (VALUES
    (1, '(1, date ''2024-01-01'', daterange(''2024-06-01'', ''2024-07-01'')), (1, date ''2024-01-01'', daterange(''2024-06-01'', ''2024-07-02''))'),
    (2, '(1, date ''2024-01-01'', daterange(''2024-06-01'', ''2024-07-01'')), (2, date ''2030-01-01'', daterange(''2024-05-01'', ''2024-07-01''))')
) v (n, rows) ORDER BY n;
SELECT pg_temp.err('SELECT churn_rate(g, date ''2024-01-01'', NULL, daterange(''2024-06-01'', date ''2024-07-01'' + g / 19999)) FROM generate_series(1, 20000) g') AS error
UNION ALL SELECT pg_temp.err('SELECT clv(g, date ''2024-01-01'', NULL, 5, ''[2024-06-01,2024-07-01)'', 0.5 + (g = 1000)::int * 0.1) FROM generate_series(1, 1000) g');
-- The rows are checked as those of a ledger.
SELECT pg_temp.err('SELECT churn_rate(NULL::int, date ''2024-01-01'', NULL, ''[2024-06-01,2024-07-01)'')') AS error
UNION ALL SELECT pg_temp.err('SELECT grr(1, date ''2024-01-02'', ''2024-01-01'', 5, ''[2024-06-01,2024-07-01)'')')
UNION ALL SELECT pg_temp.err('SELECT nrr(1, date ''2024-01-01'', NULL, ''NaN'', ''[2024-06-01,2024-07-01)'')');

-- Groups, filters, grouping sets. Even: 60 lost and 80 to 50 of 140. Odd: 20 and 10 lost of 270. Customers from 6 on: 80 + 30 + 70 + 10, reduced by 30 + 10.
SELECT customer % 2 AS odd, mrr_churn(customer, started_at, ended_at, mrr, p), churn_rate(customer, started_at, ended_at, mrr, p), mrr_churn(customer, started_at, ended_at, mrr, p) FILTER (WHERE customer >= 6) AS from_6
FROM subs, (SELECT daterange('2024-06-01', '2024-07-01') AS p) p WHERE customer IS NOT NULL GROUP BY GROUPING SETS ((customer % 2), ()) ORDER BY odd;
SET enable_hashagg = off;
SELECT customer % 2 AS odd, mrr_churn(customer, started_at, ended_at, mrr, p) FROM subs, (SELECT daterange('2024-06-01', '2024-07-01') AS p) p WHERE customer IS NOT NULL GROUP BY ROLLUP (customer % 2) ORDER BY odd;
RESET enable_hashagg;
-- A period for every group.
SELECT p, churn_rate(customer, started_at, ended_at, p), grr(customer, started_at, ended_at, mrr, p)
FROM subs, (VALUES (daterange('2024-05-01', '2024-06-01')), ('[2024-06-01,2024-07-01)'), ('[2024-07-01,2024-08-01)')) v (p) GROUP BY p ORDER BY p;
-- Windows: lost so far of those so far; and of this customer and the one before.
SELECT DISTINCT customer, round(churn_rate(customer, started_at, ended_at, p) OVER (ORDER BY customer), 4) AS so_far, round(churn_rate(customer, started_at, ended_at, p) OVER (ORDER BY customer RANGE 1 PRECEDING), 4) AS of_two,
       round(churn_rate(customer, started_at, ended_at, p) OVER (), 4) AS of_all, round(churn_rate(customer, started_at, ended_at, p) OVER (PARTITION BY customer > 6), 4) AS of_half
FROM subs, (SELECT daterange('2024-06-01', '2024-07-01') AS p) p WHERE customer <= 12 ORDER BY customer;
CREATE MATERIALIZED VIEW june AS SELECT nrr(customer, started_at, ended_at, mrr, '[2024-06-01,2024-07-01)') FROM subs;
SELECT round(nrr, 6) AS nrr FROM june;

-- Published: the telco sample (IBM, 7,043 customers). Who churned ended on the day of the sample.
CREATE TABLE telco AS
SELECT contract, row_number() OVER () AS customer, date '2023-12-31' - g % 72 * 30 AS started_at, CASE WHEN g <= churned THEN date '2024-01-01' END AS ended_at
FROM (VALUES ('month-to-month', 3875, 1655), ('one year', 1473, 166), ('two years', 1695, 48)) v (contract, customers, churned), generate_series(1, customers) g;
SELECT contract, round(churn_rate(customer, started_at, ended_at, '[2024-01-01,2024-01-02)'), 6) AS churn, round(retention_rate(customer, started_at, ended_at, '[2024-01-01,2024-01-02)'), 6) AS retention
FROM telco GROUP BY ROLLUP (contract) ORDER BY contract;

-- One period is one row of the series: 24 months, 3,000 rows.
CREATE TABLE made AS
SELECT g * 7919 % 797 AS customer, date '2022-01-01' + g * 31 % 700 AS started_at, CASE WHEN g % 7 > 0 THEN date '2022-01-01' + g * 31 % 700 + g * 17 % 200 END AS ended_at, CASE WHEN g % 11 = 0 THEN -1 ELSE 1 END * (g % 37) * 2.5 AS mrr
FROM generate_series(1, 3000) g;
SELECT count(*) AS months, count(*) FILTER (WHERE (a.churn, a.retention, a.gross, a.net, a.grr, a.nrr) IS NOT DISTINCT FROM (c.churn_rate, c.retention_rate, m.gross_mrr_churn, m.net_mrr_churn, m.grr, m.nrr) AND a.churn > 0 AND a.clv = round(m.opening_mrr / c.churned_customers, 8)) AS same
FROM churn_by_period('TABLE made', '1 month', '2022-02-01', '2024-02-01') c JOIN mrr_movements('TABLE made', '1 month', '2022-02-01', '2024-02-01') m USING (period_start),
     LATERAL (SELECT churn_rate(customer, started_at, ended_at, mrr, p) AS churn, retention_rate(customer, started_at, ended_at, mrr, p) AS retention, mrr_churn(customer, started_at, ended_at, mrr, p) AS gross,
                     net_mrr_churn(customer, started_at, ended_at, mrr, p) AS net, grr(customer, started_at, ended_at, mrr, p) AS grr, nrr(customer, started_at, ended_at, mrr, p) AS nrr, round(clv(customer, started_at, ended_at, mrr, p), 8) AS clv
              FROM made, (SELECT daterange(c.period_start, c.period_end) AS p) p) a;

-- Large groups and many: a third is lost of 30,000 customers, and of each of 2,000 groups of 15.
SELECT churn_rate(g, date '2024-01-01', CASE WHEN g % 3 = 0 THEN date '2024-06-10' END, '[2024-06-01,2024-07-01)') AS bigint, churn_rate(md5(g::text), timestamp '2024-01-01', CASE WHEN g % 3 = 0 THEN timestamp '2024-06-10' END, 5, '[2024-06-01,2024-07-01)') AS text
FROM generate_series(1, 30000) g;
SELECT count(*) AS groups, min(rate), max(rate) FROM (SELECT round(churn_rate(g, date '2024-01-01', CASE WHEN g % 3 = 0 THEN date '2024-06-10' END, '[2024-06-01,2024-07-01)'), 6) AS rate FROM generate_series(1, 30000) g GROUP BY g / 3 % 2000) q;

-- What the planner may assume, and a comment for everything.
SELECT p.proname, count(*), count(*) FILTER (WHERE p.provolatile = 'i' AND p.proparallel = 's' AND obj_description(p.oid, 'pg_proc') IS NOT NULL) AS well_marked
FROM pg_proc p JOIN pg_aggregate a ON a.aggfnoid = p.oid JOIN pg_proc t ON t.oid = a.aggtransfn WHERE t.proname = 'period_trans' GROUP BY p.proname ORDER BY p.proname;

SET client_min_messages = warning;
DROP SCHEMA test_rates CASCADE;
