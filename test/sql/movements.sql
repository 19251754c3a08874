-- Customer churn and MRR movements by period, of ledgers and of queries.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA test_movements;
SET search_path = test_movements, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- One customer or two for every kind of movement, January to June 2024.
CREATE TABLE subs (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO subs VALUES
    (1, '2023-12-10', NULL, 100),                                               -- there before, and stays
    (2, '2023-12-20', '2024-01-15', 50), (2, '2024-03-01', NULL, 70),           -- churned 50 in January, reactivated 70 in March
    (3, '2024-01-05', '2024-02-10', 30), (3, '2024-02-10', NULL, 45),           -- new 30 in January, expansion 15 in February; touching, so no churn
    (4, '2024-01-01', '2024-03-01', 60), (4, '2024-03-01', '2024-06-01', 40),   -- new 60 in January, contraction 20 in March, churned 40 in June: what happens at
                                                                                -- a boundary belongs to the period that begins there
    (5, '2024-02-05', '2024-02-20', 10), (5, '2024-04-03', '2024-04-10', 10),   -- transient: new in February, not new in April;
    (5, '2024-05-02', NULL, 10),                                                -- reactivated 10 in May
    (6, '2024-01-10', '2024-03-15', 0), (6, '2024-03-15', NULL, 25),            -- free, then new 25 in March
    (7, '2024-01-01', NULL, 20), (7, '2024-02-01', '2024-04-01', -35),          -- new 20 in January; at -15, which counts 0, churned 20 in February; reactivated 20 in April
    (8, '2024-01-01', '2024-02-10', 40), (8, '2024-02-12', NULL, 40),           -- new 40 in January; two days away in February count for nothing
    (9, '2024-01-01', '2024-04-01', 30), (9, '2024-01-01', '2024-04-01', 20),   -- new 50 in January;
    (9, '2024-04-01', NULL, 50), (9, '2024-05-05', '2024-05-10', 5),            -- two plans become one at the same price, and five days at 55 in May: nothing
    (10, '2024-02-29', '2024-03-31', 15),                                       -- new 15 in February, churned 15 in March
    (11, '2024-06-01', '2031-01-01', 5),                                        -- new 5 in June, whatever comes later
    (12, '2024-03-03', '2024-03-03', 999), (NULL, NULL, NULL, NULL);            -- nothing
CREATE TABLE ledger AS
SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS paying, subscription_ledger(customer, started_at, ended_at) AS running FROM subs;

-- Paying customers at the end of each month: before January 1 2; then 1 3 4 7 8 9, 1 3 4 8 9 10, 1 2 3 4 6 8 9, that and 7, that and 5,
-- that without 4 but with 11.
SELECT r.* FROM ledger, churn_by_period(paying, since => '2024-01-01', until => '2024-07-01') r;
-- Opening 150; + 200 (30 60 20 40 50) - 50 = 300; + 15 + 15 - 20 = 310; + 25 + 70 - 20 - 15 = 370; + 20; + 10; + 5 - 40 = 365.
SELECT period_start, opening_mrr, new_mrr, reactivation_mrr AS reactivation, expansion_mrr AS expansion, contraction_mrr AS contraction, churned_mrr, closing_mrr, net_new_mrr AS net_new,
       closing_customers AS customers
FROM ledger, mrr_movements(paying, since => '2024-01-01', until => '2024-07-01');
-- Gross 50/150, 20/300, 35/310, 0, 0, 40/400; net less 15/300 in February; quick ratio 200/50, 30/20, 95/35, 20/0, 10/0, 5/40; ARPA 300/6, 310/6, 370/7, 390/8, 400/9, 365/9.
SELECT period_start, gross_mrr_churn, net_mrr_churn, grr, nrr, quick_ratio, arpa, complete FROM ledger, mrr_movements(paying, since => '2024-01-01', until => '2024-07-01');
-- All that run: 6 is new in January, 7 never leaves. January 2 + (3 4 6 7 8 9) - (2); then + (10), (2) for (10), nothing, (5), (11) for (4).
SELECT r.* FROM ledger, churn_by_period(running, since => '2024-01-01', until => '2024-07-01') r;
-- A year compares its two ends: 2 is an expansion of 20; new are 3 5 6 7 8 9 11 (45 10 25 20 40 50 5); 4 and 10 came and went.
SELECT r.* FROM ledger, churn_by_period(paying, '1 year', '2024-01-01', '2025-01-01') r;
SELECT opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, net_new_mrr, quick_ratio, closing_customers FROM ledger, mrr_movements(paying, '1 year', '2024-01-01', '2025-01-01');
-- Without since from the first start's period on.
SELECT period_start, opening_mrr, new_mrr, closing_mrr, gross_mrr_churn, arpa FROM ledger, mrr_movements(paying, until => '2024-02-01');

-- To the microsecond: a start at a boundary is of the period that begins there, and so is an end.
SELECT period_start, opening_customers AS opening, new_customers AS new, churned_customers AS churned, closing_customers AS closing
FROM (SELECT subscription_ledger(c, s, e) AS l FROM (VALUES
        ('a', timestamp '2024-01-31 23:59:59.999999', NULL::timestamp), ('b', '2024-02-01', NULL), ('c', '2024-02-01 00:00:00.000001', NULL),   -- new in January, February, February
        ('d', '2024-01-05', '2024-01-31 23:59:59.999999'), ('e', '2024-01-05', '2024-02-01'), ('f', '2024-01-05', '2024-02-01 00:00:00.000001'), -- transient; new in January and churned in February, twice
        ('g', '2024-01-31 23:59:59.999999', '2024-02-01')                                                                                       -- as e, for a microsecond
     ) v (c, s, e)) q, churn_by_period(l, until => '2024-03-01');

-- Identities over 4,000 rows: every row adds up, the next one begins where it ends, the parts are what the whole is.
CREATE TABLE made AS
SELECT g, g * 7919 % 997 AS customer, date '2022-01-01' + g * 31 % 900 AS started_at,
       CASE WHEN g % 7 > 0 THEN date '2022-01-01' + g * 31 % 900 + g * 17 % 200 END AS ended_at, CASE WHEN g % 11 = 0 THEN -1 ELSE 1 END * (g % 37) * 2.5 AS mrr
FROM generate_series(1, 4000) g;
SELECT count(*) AS rows,
       count(*) FILTER (WHERE closing_mrr <> opening_mrr + new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churned_mrr) AS closing_differs,
       count(*) FILTER (WHERE net_new_mrr <> closing_mrr - opening_mrr) AS net_new_differs,
       count(*) FILTER (WHERE next_opening <> closing_mrr) AS next_differs,
       count(*) FILTER (WHERE grr <> 1 - gross_mrr_churn OR nrr <> 1 - net_mrr_churn OR gross_mrr_churn <> mrr_churn(opening_mrr, churned_mrr, contraction_mrr)
                        OR net_mrr_churn <> net_mrr_churn(opening_mrr, churned_mrr, contraction_mrr, expansion_mrr)
                        OR quick_ratio <> quick_ratio(new_mrr, expansion_mrr, contraction_mrr, churned_mrr, reactivation_mrr) OR arpa <> arpa(closing_mrr, closing_customers)) AS formula_differs,
       count(*) FILTER (WHERE least(opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr) < 0) AS negative,
       least(sum(new_mrr), sum(reactivation_mrr), sum(expansion_mrr), sum(contraction_mrr), sum(churned_mrr)) > 1000 AS everything_happens
FROM (SELECT m.*, lead(opening_mrr) OVER (ORDER BY period_start) AS next_opening FROM (SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS l FROM made) q, mrr_movements(l, '7 days', '2022-01-03', '2024-12-30') m) m;
SELECT count(*) AS rows,
       count(*) FILTER (WHERE closing_customers <> opening_customers + new_customers + reactivated_customers - churned_customers) AS closing_differs,
       count(*) FILTER (WHERE next_opening <> closing_customers) AS next_differs,
       count(*) FILTER (WHERE churn_rate <> churn_rate(churned_customers, opening_customers) OR retention_rate <> 1 - churn_rate) AS formula_differs,
       count(*) FILTER (WHERE transient_new_customers > transient_customers) AS transient_differs
FROM (SELECT c.*, lead(opening_customers) OVER (ORDER BY period_start) AS next_opening FROM (SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS l FROM made) q, churn_by_period(l, '7 days', '2022-01-03', '2024-12-30') c) c;
WITH parts AS (
    SELECT period_start, sum(opening_mrr), sum(new_mrr), sum(reactivation_mrr), sum(expansion_mrr), sum(contraction_mrr), sum(churned_mrr), sum(closing_mrr), sum(closing_customers)
    FROM (SELECT customer % 7 AS segment, subscription_ledger(customer, started_at, ended_at, mrr) AS l FROM made GROUP BY 1) q, mrr_movements(l, '1 month', '2022-01-01', '2025-01-01') m GROUP BY period_start
), whole AS (
    SELECT period_start, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, closing_customers
    FROM mrr_movements('SELECT customer, started_at, ended_at, mrr FROM made', '1 month', '2022-01-01', '2025-01-01')
)
SELECT (SELECT count(*) FROM whole) AS months, (SELECT count(*) FROM (TABLE parts EXCEPT TABLE whole) d) AS surplus, (SELECT count(*) FROM (TABLE whole EXCEPT TABLE parts) d) AS missing;

-- Published: six subscriptions, customers per month (opening + new + reactivated), new and churned.
CREATE TABLE counts_subscriptions (customer text, created date, ended_at date);
INSERT INTO counts_subscriptions VALUES
    ('cus_1', '2025-01-23', '2026-01-23'), ('cus_2', '2025-01-23', '2026-01-23'), ('cus_3', '2025-01-23', '2025-06-23'),
    ('cus_4', '2025-02-23', '2025-05-23'), ('cus_5', '2025-02-23', '2025-05-23'), ('cus_6', '2025-02-23', '2025-05-23');
SELECT month, in_month, new, churned, in_month = opening_customers + new_customers + reactivated_customers AND new = new_customers AND churned = churned_customers AS ok
FROM (VALUES (date '2024-11-01', 0, 0, 0), ('2024-12-01', 0, 0, 0), ('2025-01-01', 3, 3, 0), ('2025-02-01', 6, 3, 0), ('2025-03-01', 6, 0, 0), ('2025-04-01', 6, 0, 0), ('2025-05-01', 6, 0, 3),
             ('2025-06-01', 3, 0, 1), ('2025-07-01', 2, 0, 0), ('2025-08-01', 2, 0, 0), ('2025-09-01', 2, 0, 0), ('2025-10-01', 2, 0, 0), ('2025-11-01', 2, 0, 0), ('2025-12-01', 2, 0, 0),
             ('2026-01-01', 2, 0, 2), ('2026-02-01', 0, 0, 0), ('2026-03-01', 0, 0, 0), ('2026-04-01', 0, 0, 0), ('2026-05-01', 0, 0, 0)) v (month, in_month, new, churned)
FULL JOIN churn_by_period('TABLE counts_subscriptions', '1 month', '2024-11-01', '2026-06-01') ON period_start = month
ORDER BY month;
-- Published: the end of service dates the churn, not the day of cancelling (15 February): 1 of 2 in March.
SELECT period_start, opening_customers, churned_customers, churn_rate
FROM churn_by_period($$VALUES ('s1', date '2024-01-01', date '2024-03-01'), ('s2', '2024-01-01', NULL)$$, '1 month', '2024-01-01', '2024-04-01');
-- Published: a yearly plan of 2,000 (166.67 a month), two Silver seats at 60 added and cancelled, left at the end of the term, back on 3 Gold at 50.
SELECT period_start, new_mrr, expansion_mrr, contraction_mrr, churned_mrr, reactivation_mrr
FROM mrr_movements($$VALUES ('customer', date '2023-01-01', date '2024-01-01', monthly_amount(2000, '1 year')), ('customer', '2023-03-01', '2023-06-01', 60), ('customer', '2024-03-01', NULL, 150)$$,
                   '1 month', '2023-01-01', '2024-06-01')
WHERE net_new_mrr <> 0;

-- Nothing: no rows, or rows of zeros where both bounds are given.
SELECT count(*) FROM churn_by_period(NULL::subscription_ledger);
SELECT count(*) FROM mrr_movements(NULL::subscription_ledger, since => '2024-01-01');
SELECT count(*) FROM mrr_movements(NULL::subscription_ledger, until => '2024-01-01');
SELECT count(*) FROM churn_by_period('SELECT 1, date ''2024-01-01'', date ''2024-02-01'' WHERE false');
SELECT * FROM churn_by_period(NULL::subscription_ledger, '1 month', '2024-01-01', '2024-03-01');
SELECT * FROM mrr_movements(NULL::subscription_ledger, '1 month', '2024-01-01', '2024-03-01');
SELECT count(*), sum(closing_mrr) FROM mrr_movements('SELECT customer, started_at, ended_at, mrr FROM subs WHERE customer IS NULL', '1 month', '2024-01-01', '2024-03-01');
-- Before the first start and after the last end: zeros, and no rates.
SELECT period_start, opening_customers, closing_customers, churn_rate, retention_rate FROM churn_by_period('TABLE counts_subscriptions', '1 year', '2023-01-01', '2024-01-01')
UNION ALL SELECT period_start, opening_customers, closing_customers, churn_rate, retention_rate FROM churn_by_period('TABLE counts_subscriptions', '1 year', '2027-01-01', '2028-01-01');

-- A ledger without mrr has no movements of it.
SELECT pg_temp.err('SELECT * FROM ledger, mrr_movements(running)') AS error;

-- A text is a query, a value of the type is a ledger; by position and by name.
SELECT (SELECT closing_mrr FROM mrr_movements('SELECT * FROM subs', '1 month', '2024-06-01', '2024-07-01')) AS literal,
       (SELECT closing_mrr FROM mrr_movements(q, '1 month', '2024-06-01', '2024-07-01')) AS text,
       (SELECT closing_mrr FROM mrr_movements(query => q, until => '2024-07-01', since => '2024-06-01', every => '1 month')) AS named,
       (SELECT closing_mrr FROM mrr_movements(paying, '1 month', '2024-06-01', '2024-07-01')) AS ledger,
       (SELECT closing_mrr FROM mrr_movements(ledger => paying, since => '2024-06-01', until => '2024-07-01', policy => NULL, origin => NULL, time_zone => NULL)) AS named
FROM ledger, (SELECT 'SELECT * FROM subs'::text AS q) q;
SELECT left(pg_temp.err(format('SELECT * FROM churn_by_period(%L)', paying)), 5) AS ledger_as_text, pg_temp.err(format('SELECT * FROM churn_by_period(%L::subscription_ledger)', paying)) AS cast FROM ledger;
SELECT pg_temp.err('SELECT * FROM churn_by_period(NULL)') AS error UNION ALL SELECT pg_temp.err('SELECT * FROM mrr_movements(NULL::text)');

-- Ways to write the query: January to June as above.
CREATE DOMAIN customer_number AS bigint;
CREATE DOMAIN customer_name AS varchar(20) CHECK (VALUE <> '');
CREATE DOMAIN amount AS numeric(12,2);
CREATE DOMAIN day AS date;
CREATE VIEW wanted AS SELECT period_start, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, closing_customers FROM ledger, mrr_movements(paying, '1 month', '2024-01-01', '2024-07-01');
CREATE FUNCTION pg_temp.as_wanted(query text) RETURNS boolean LANGUAGE sql AS $$
    SELECT count(*) = 6 AND count(*) FILTER (WHERE m.closing_mrr IS NULL OR w.closing_mrr IS NULL) = 0
    FROM (SELECT period_start, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, closing_customers FROM mrr_movements(query, '1 month', '2024-01-01', '2024-07-01')) m
    FULL JOIN wanted w USING (period_start, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, closing_customers)
$$;
SELECT n, pg_temp.as_wanted(query) AS ok FROM (VALUES
    (1, 'SELECT customer, started_at, ended_at, mrr FROM subs'),
    (2, 'SELECT * FROM subs;'),
    (3, E'SELECT * FROM subs ;  \n '),
    (4, 'SELECT * FROM subs -- all of them'),
    (5, 'SELECT * FROM subs; -- all of them; really'),
    (6, E'-- all of them\n/* ; */ SELECT * /* , 5 */ FROM subs /* ) */ ; /* end */'),
    (7, 'SELECT * FROM subs;;'),
    (8, 'TABLE subs'),
    (9, 'WITH s AS (SELECT * FROM subs) SELECT * FROM s'),
    (10, 'WITH RECURSIVE s AS (SELECT subs.*, 1 AS n FROM subs) SELECT customer, started_at, ended_at, mrr FROM s'),
    (11, '(SELECT * FROM subs)'),
    (12, 'SELECT * FROM subs WHERE customer < 5 UNION ALL SELECT * FROM subs WHERE customer >= 5'),
    (13, 'SELECT * FROM subs ORDER BY mrr DESC LIMIT 1000'),
    (14, 'SELECT customer AS a, started_at AS a, ended_at AS a, mrr AS a FROM subs'),
    (15, 'SELECT customer::smallint, started_at, ended_at, mrr FROM subs'), (16, 'SELECT customer::bigint, started_at, ended_at, mrr FROM subs'),
    (17, 'SELECT customer::customer_number, started_at::day, ended_at::day, mrr::amount FROM subs'),
    (18, 'SELECT customer::text, started_at, ended_at, mrr FROM subs'), (19, 'SELECT customer::varchar(4), started_at, ended_at, mrr FROM subs'),
    (20, 'SELECT customer::text::customer_name, started_at, ended_at, mrr FROM subs'), (21, 'SELECT customer::text::name, started_at, ended_at, mrr FROM subs'),
    (22, 'SELECT lpad(customer::text, 32, ''0'')::uuid, started_at, ended_at, mrr FROM subs'),
    (23, 'SELECT customer, started_at, ended_at, mrr::int FROM subs'), (24, 'SELECT customer, started_at, ended_at, mrr::smallint FROM subs'), (25, 'SELECT customer, started_at, ended_at, mrr::real FROM subs'),
    (26, 'SELECT customer, started_at, ended_at, mrr::float8 FROM subs'), (27, 'SELECT customer, started_at, ended_at, mrr::money FROM subs'),
    (28, 'SELECT customer, started_at::timestamp, ended_at::timestamp, mrr FROM subs'), (29, 'SELECT customer, started_at, ended_at::timestamp, mrr FROM subs'),
    (30, 'SELECT customer, started_at::timestamp, ended_at, mrr FROM subs'), (31, 'SELECT customer, started_at::timestamptz, ended_at::timestamptz, mrr FROM subs'),
    (32, 'SELECT ''; -- '' || customer || $x$ ) ; $x$, started_at, ended_at, mrr FROM subs'),
    (33, 'SELECT max(customer), started_at, ended_at, mrr FROM subs GROUP BY customer, started_at, ended_at, mrr'),
    (34, 'SELECT a.customer, a.started_at, a.ended_at, a.mrr FROM generate_series(1, 12) g LEFT JOIN subs a ON a.customer = g')
) v (n, query) ORDER BY n;
SELECT (SELECT sum(closing_mrr) FROM mrr_movements($$VALUES (1, date '2024-01-01', date '2024-02-15', 7.5), (2, '2024-02-01', NULL, 2)$$, '1 month', '2024-01-01', '2024-04-01')) AS sum_of_7_5_and_2_and_2;
-- A query for every segment; the query's columns decide whether churn counts paying customers.
SELECT segment, period_start, opening_mrr, closing_mrr
FROM (VALUES (0), (1)) v (segment), mrr_movements(format('SELECT * FROM subs WHERE customer %% 2 = %s', segment), '3 months', '2024-01-01', '2024-07-01') ORDER BY 1, 2;
SELECT (SELECT string_agg(closing_customers::text, ' ' ORDER BY period_start) FROM churn_by_period('SELECT customer, started_at, ended_at FROM subs', '1 month', '2024-01-01', '2024-07-01')) AS running,
       (SELECT string_agg(closing_customers::text, ' ' ORDER BY period_start) FROM churn_by_period('SELECT * FROM subs', '1 month', '2024-01-01', '2024-07-01')) AS paying;
-- Where the extension is not in the search path, and in a transaction that only reads.
BEGIN READ ONLY;
SET LOCAL search_path = pg_catalog;
SELECT closing_mrr FROM public.mrr_movements('SELECT * FROM test_movements.subs', '1 month', '2024-06-01', '2024-07-01');
ROLLBACK;

-- What the query must be. The parser's own errors are given by code.
SELECT pg_temp.err(format('SELECT * FROM %s(%L)', function, query)) AS error FROM (VALUES
    (1, 'churn_by_period', 'SELECT 1, date ''2024-01-01'''), (2, 'churn_by_period', 'SELECT 1, date ''2024-01-01'', date ''2024-01-01'', 5, 6'), (3, 'mrr_movements', 'SELECT 1, date ''2024-01-01'', date ''2024-01-01'''),
    (4, 'mrr_movements', 'SELECT customer, started_at, ended_at, mrr, mrr FROM subs'), (5, 'churn_by_period', 'SELECT'),
    (6, 'churn_by_period', 'SELECT 1.5, date ''2024-01-01'', date ''2024-01-01'''), (7, 'churn_by_period', 'SELECT true, date ''2024-01-01'', date ''2024-01-01'''), (8, 'churn_by_period', 'SELECT ARRAY[1], date ''2024-01-01'', date ''2024-01-01'''),
    (9, 'churn_by_period', 'SELECT 1, ''2024-01-01'', date ''2024-01-01'''), (10, 'churn_by_period', 'SELECT 1, 20240101, date ''2024-01-01'''), (11, 'churn_by_period', 'SELECT 1, time ''10:00'', date ''2024-01-01'''),
    (12, 'churn_by_period', 'SELECT 1, date ''2024-01-01'', NULL'), (13, 'churn_by_period', 'SELECT 1, date ''2024-01-01'', 5'),
    (14, 'churn_by_period', 'SELECT 1, date ''2024-01-01'', timestamptz ''2024-01-01'''), (15, 'churn_by_period', 'SELECT 1, timestamptz ''2024-01-01'', date ''2024-01-01'''), (16, 'churn_by_period', 'SELECT 1, timestamptz ''2024-01-01'', timestamp ''2024-01-01'''),
    (17, 'churn_by_period', 'SELECT 1, timestamp ''2024-01-01'', timestamptz ''2024-01-01'''),
    (18, 'mrr_movements', 'SELECT 1, date ''2024-01-01'', date ''2024-01-01'', ''5'''), (19, 'mrr_movements', 'SELECT 1, date ''2024-01-01'', date ''2024-01-01'', true'), (20, 'churn_by_period', 'SELECT 1, date ''2024-01-01'', date ''2024-01-01'', interval ''1 day'''),
    (21, 'churn_by_period', 'SELECT 1, date ''2024-01-01'', NULL::date; SELECT 1, date ''2024-01-01'', NULL::date'), (22, 'churn_by_period', ''), (23, 'churn_by_period', ' ; -- nothing'),
    (24, 'churn_by_period', 'INSERT INTO subs VALUES (1)'), (25, 'churn_by_period', 'INSERT INTO subs VALUES (1) RETURNING customer, started_at, ended_at'), (26, 'churn_by_period', 'UPDATE subs SET mrr = 1 RETURNING customer, started_at, ended_at'),
    (27, 'churn_by_period', 'DELETE FROM subs RETURNING customer, started_at, ended_at'), (28, 'churn_by_period', 'SELECT customer, started_at, ended_at INTO stolen FROM subs'), (29, 'churn_by_period', 'CREATE TABLE stolen AS SELECT customer, started_at, ended_at FROM subs'),
    (30, 'churn_by_period', 'EXPLAIN SELECT customer, started_at, ended_at FROM subs'), (31, 'churn_by_period', 'DROP TABLE subs'), (32, 'churn_by_period', 'ROLLBACK')
) v (n, function, query) ORDER BY n;
-- The name of a table is no query.
SELECT pg_temp.err(format('SELECT * FROM churn_by_period(%L)', name)) AS error FROM unnest(ARRAY['subs', ' test_movements.subs ;']) name;
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO subs VALUES (99, '2024-01-01', NULL, 1); RETURN 99; END $$;
SELECT n, left(pg_temp.err(format('SELECT * FROM churn_by_period(%L)', query)), 5) AS code FROM (VALUES
    (1, 'SELEC 1'),                                                                                                                 -- syntax error
    (2, 'SELECT 1, date ''2024-01-01'', NULL::date) AS q; DELETE FROM subs; --'),                                                   -- nothing gets out of the parentheses
    (3, 'SELECT 1, date ''2024-01-01'', NULL::date /* not closed'), (4, 'SELECT 1, date ''2024-01-01'', NULL::date WHERE ''not closed'),
    (5, 'SELECT 1, date ''2024-13-01'', NULL::date'),                                                                               -- datetime out of range
    (6, 'SELECT customer, started_at, ended_at FROM missing'),                                                                      -- undefined table
    (7, 'SELECT customer, started_at, ended_at FROM subs WHERE customer = $1'),                                                     -- undefined parameter
    (8, 'WITH d AS (DELETE FROM subs RETURNING *) SELECT customer, started_at, ended_at FROM d'),                                   -- not supported there
    (9, 'SELECT customer, started_at, ended_at FROM subs FOR UPDATE'),                                                              -- not supported when reading only
    (10, 'SELECT customer, started_at, ended_at, 1 / 0 FROM subs'),                                                                 -- division by zero
    (11, 'SELECT customer, started_at, ended_at, ''NaN''::float8 FROM subs'),                                                       -- no amount
    (12, 'SELECT customer, ended_at, started_at FROM subs'),                                                                        -- the two columns confused: NULL starts, ends before starts
    (13, 'SELECT writes(), date ''2024-01-01'', NULL::date')                                                                        -- reads only, in functions too
) v (n, query) ORDER BY n;
SELECT count(*) AS still_there FROM subs;
SELECT to_regclass('stolen') IS NULL AS nothing_stolen;
-- Afterwards the transaction can write as before, or not.
BEGIN;
SELECT left(pg_temp.err('SELECT * FROM churn_by_period(''SELECT writes(), date ''''2024-01-01'''', NULL::date'')'), 5) AS code, current_setting('transaction_read_only') AS read_only;
SELECT closing_mrr, writes() FROM mrr_movements('SELECT * FROM subs', '1 month', '2024-06-01', '2024-07-01');
SELECT closing_mrr FROM mrr_movements('SELECT * FROM subs', '1 month', '2024-06-01', '2024-07-01');
ROLLBACK;
BEGIN READ ONLY;
SELECT count(*), current_setting('transaction_read_only') AS read_only FROM churn_by_period('SELECT * FROM subs', '1 month', '2024-06-01', '2024-07-01');
SELECT left(pg_temp.err('SELECT writes()'), 5) AS code;
ROLLBACK;

-- What the planner may assume, and a comment for everything.
SELECT proname, proargnames[1] AS takes, provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described
FROM pg_proc WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND proname IN ('churn_by_period', 'mrr_movements', 'cohort_retention') ORDER BY proname, takes;

SET client_min_messages = warning;
DROP SCHEMA test_movements CASCADE;
