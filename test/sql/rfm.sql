-- The purchases of a customer in four numbers: rfm.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_rfm;
SET search_path = test_rfm, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- rfm by hand. First purchase 1 March, then 11 March (two, one transaction), 31 March; as of 10 April: 40 days; the purchase after that is not known yet.
CREATE TABLE purchases (customer int, day date, amount numeric);
INSERT INTO purchases VALUES (1, '2024-03-01', 100), (1, '2024-03-31', 5.5), (1, '2024-03-11', 20), (1, '2024-03-11', 10), (1, '2024-04-11', 1000),
    (2, '2024-04-10', 7), (2, '2024-04-10', 8), (3, '2024-04-11', 1), (4, '2024-03-01', NULL), (4, NULL, 5), (5, '2024-03-20', 1), (5, '2024-03-10', 2), (5, '2024-03-10', 4), (5, '2024-03-15', 8);
-- Mean value of the repeats: (20 + 10 + 5.5) / 2; of customer 5: (8 + 1) / 2, its first day being 10 March.
SELECT customer, (s).* FROM (SELECT customer, rfm(day, amount, '2024-04-10', '1 day') AS s FROM purchases GROUP BY customer) q ORDER BY customer;
SELECT unit, (s).t_x = 30 * 86400 / seconds AS t_x, (s).t = 40 * 86400 / seconds AS t
FROM (VALUES (interval '1 week', 604800.0::float8), ('1 day', 86400), ('24 hours', 86400), ('1 month', 2629800), ('1 year', 31557600), ('1 day 12 hours', 129600), ('1 second', 1)) u(unit, seconds),
     LATERAL (SELECT rfm(day, amount, '2024-04-10', unit) AS s FROM purchases WHERE customer = 1) q;
-- Moments: each one a transaction; whatever the session's time zone.
CREATE FUNCTION pg_temp.of_moments() RETURNS rfm_summary LANGUAGE sql AS $$
    SELECT rfm(ts, amount, '2024-03-02 00:00+00', '1 hour') FROM (VALUES (timestamptz '2024-03-01 12:00+00', 1), ('2024-03-01 13:00+00', 2), ('2024-03-01 14:00+01', 4), ('2024-03-01 23:30+00', 3), ('2024-03-02 00:00+00', 9), ('2024-03-02 00:00:00.000001+00', 100)) v(ts, amount)
$$;
SELECT * FROM pg_temp.of_moments();
SET TimeZone = 'Pacific/Kiritimati';
SELECT * FROM pg_temp.of_moments();
SET TimeZone = 'UTC';
-- Amounts are added exactly, whatever their size and order.
SELECT (rfm(day, amount, '2024-12-31', '1 day')).mean_value FROM (VALUES (date '2024-01-01', 1), ('2024-01-02', 1e40), ('2024-01-03', 0.000000000000000000000001), ('2024-01-04', -1e40), ('2024-01-05', 3.999999999999999999999999)) v(day, amount);
SELECT (rfm(date '2024-01-01' + g, 1e11 + 0.000001, '2025-12-31', '1 day')).mean_value FROM generate_series(0, 500) g;
-- Nothing.
SELECT rfm(day, amount, '2024-12-31', '1 day') IS NULL AS no_row FROM purchases WHERE false;
SELECT rfm(day, NULL, '2024-12-31', '1 day') IS NULL AS only_null FROM purchases;

-- Pseudo-random purchases: rfm against plain SQL, plain, shuffled, in parallel.
CREATE TABLE random_purchases AS
SELECT (g * 7919 % 1009) AS customer, date '2023-01-01' + (g * 104729 % 700)::int AS day, (g * 31 % 997 - 50) / 4.0 + CASE WHEN g % 50 = 0 THEN 0.123456789 ELSE 0 END AS amount FROM generate_series(1, 8000) g;
CREATE VIEW wanted AS
WITH days AS (SELECT customer, day, sum(amount) AS amount, row_number() OVER (PARTITION BY customer ORDER BY day) AS n FROM random_purchases WHERE day <= '2024-10-01' GROUP BY customer, day)
SELECT customer, count(*) - 1 AS x, (max(day) - min(day)) / 7.0::float8 AS t_x, (date '2024-10-01' - min(day)) / 7.0::float8 AS t, round(avg(amount) FILTER (WHERE n > 1), 10) AS mean_value FROM days GROUP BY customer;
CREATE FUNCTION pg_temp.differs(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint; BEGIN
    EXECUTE format('SELECT count(*) FROM (SELECT customer, (s).x, (s).t_x, (s).t, round((s).mean_value, 10) AS mean_value FROM (%s) q) a FULL JOIN wanted b USING (customer) WHERE (a.x, a.t_x, a.t) IS DISTINCT FROM (b.x, b.t_x, b.t) OR a.mean_value IS DISTINCT FROM b.mean_value', query) INTO n;
    RETURN n;
END $$;
\set by_customer 'SELECT customer, rfm(day, amount, ''2024-10-01'', ''7 days'') AS s FROM random_purchases GROUP BY customer'
SELECT (SELECT count(*) FROM wanted) AS customers, pg_temp.differs(:'by_customer') AS differ, pg_temp.differs('SELECT customer, rfm(day, amount, ''2024-10-01'', ''7 days'') AS s FROM (SELECT * FROM random_purchases ORDER BY amount, day DESC) p GROUP BY customer') AS shuffled;
SET enable_hashagg = off;
SELECT pg_temp.differs(:'by_customer') AS sorted;
RESET enable_hashagg;
SET max_parallel_workers_per_gather = 4;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE random_purchases SET (parallel_workers = 4);
SELECT pg_temp.plan_has(:'by_customer', 'Partial') AS parallel, pg_temp.differs(:'by_customer') AS differ;
RESET max_parallel_workers_per_gather;
-- In a window the state grows and is asked again and again.
SELECT day, (s).x, (s).t_x, (s).mean_value FROM (SELECT day, rfm(day, amount, '2024-04-10', '1 day') OVER (ORDER BY day) AS s FROM purchases WHERE customer IN (1, 5)) q ORDER BY 1, 2;

-- Errors.
CREATE FUNCTION pg_temp.rfm_error(arguments text, source text DEFAULT 'generate_series(1, 2) g') RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.err(format('SELECT rfm(%s) FROM %s', arguments, source)) $$;
SELECT n, pg_temp.rfm_error(arguments) AS error FROM (VALUES
    (1, 'date ''2024-01-01'', 1, NULL::date, ''1 day'''), (2, 'date ''2024-01-01'', 1, date ''2024-02-01'', NULL'), (3, 'date ''2024-01-01'', 1, date ''2024-02-01'', ''-1 day'''), (4, 'date ''2024-01-01'', 1, date ''2024-02-01'', ''0'''), (5, 'date ''infinity'', 1, date ''2024-02-01'', ''1 day'''),
    (6, 'date ''2024-01-01'', 1, date ''infinity'', ''1 day'''), (7, 'date ''2024-01-01'', ''NaN'', date ''2024-02-01'', ''1 day'''), (8, 'date ''2024-01-01'', ''infinity'', date ''2024-02-01'', ''1 day'''), (9, 'timestamptz ''-infinity'', 1, timestamptz ''2024-02-01'', ''1 day'''), (10, 'timestamptz ''2024-01-01'', 1, timestamptz ''infinity'', ''1 day'''),
    (11, 'date ''2024-01-01'', 1, date ''2024-02-01'' + g, ''1 day'''), (12, 'date ''2024-01-01'', 1, date ''2024-02-01'', g * interval ''1 day''')) v(n, arguments) ORDER BY n;
-- A unit is what it is long; of two names the same one is kept in whatever order they come.
SELECT (rfm(date '2024-01-01' + g, 1, date '2024-02-01', CASE WHEN g % 2 = r THEN interval '1 day' ELSE '24:00:00' END)).* FROM generate_series(1, 5) g, generate_series(0, 1) r GROUP BY r;
-- The longest and the shortest unit, the first and the last day.
SELECT (s).x, (s).t_x > 0 AS t_x, (s).t > (s).t_x AS t, (s).t < 'infinity' AS finite FROM (SELECT rfm(day, 1, '294276-12-31', unit) AS s FROM (VALUES (date '4713-01-01 BC'), ('294276-12-30')) d(day), unnest(ARRAY['1 microsecond', '1000000 years', '178956970 years 7 months 2147483647 days']::interval[]) unit GROUP BY unit) q;
-- Summaries by hand: whoever reads one takes what rfm cannot have made for an error; NULL fields but the unit mean that it is not known.
SELECT n, pg_temp.err(format('SELECT gg_fit(ROW(%s)::rfm_summary)', fields)) AS error FROM (VALUES (1, '1, 1, 2, 5, NULL'), (2, '1, 1, 2, 5, ''0 days'''), (3, '1, 1, 2, 5, ''-1 day'''), (4, '1, 1, 2, ''NaN'', ''1 day'''), (5, '1, 1, 2, ''infinity'', ''1 day'''), (6, '1, 1, 2, 1e400, ''1 day'''), (7, '-1, 1, 2, 5, ''1 day'''), (8, 'NULL, 1, 2, 5, ''1 day'''), (9, '1, NULL, NULL, 5, ''1 day''')) v(n, fields) ORDER BY n;
-- Many decimals in descending order: the sum of the first day begins anew with every row.
SELECT (s).x, (s).mean_value FROM (SELECT rfm(date '2024-01-01' - g, 0.12345678, '2024-02-01', '1 day') AS s FROM generate_series(1, 20000) g) q;
-- Memory: 8 bytes for every moment of a customer, up to churnmetrics.fit_memory; sorting them can be cancelled.
SET churnmetrics.fit_memory = '1MB';
SELECT (rfm('2024-01-01'::timestamptz - g * interval '1 second', 1, '2024-01-01', '1 day')).x FROM generate_series(1, 100000) g;
SELECT left(pg_temp.err('SELECT rfm(''2024-01-01''::timestamptz - g * interval ''1 second'', 1, ''2024-01-01'', ''1 day'') FROM generate_series(1, 200000) g'), 5) AS error;
RESET churnmetrics.fit_memory;
-- Support functions are no use outside of an aggregate.
SELECT left(pg_temp.err(statement), 5) AS error FROM (VALUES ('SELECT rfm_trans(NULL, date ''2024-01-01'', 1, date ''2024-01-01'', ''1 week'')'), ('SELECT rfm_combine(NULL, NULL)'), ('SELECT rfm_final(NULL)')) v(statement);

-- A million purchases of the same day are one, at the same moment, too.
SELECT rfm(date '2024-01-01', 1, '2024-01-08', '1 day') AS day, rfm(timestamptz '2024-01-01 00:00+00', 1, '2024-01-08 00:00+00', '1 day') AS moment FROM generate_series(1, 1000000) g;

-- What the planner may assume, and comments.
SELECT proname, count(*), array_agg(DISTINCT provolatile::text || proparallel::text || CASE WHEN proisstrict THEN ' strict' ELSE '' END) AS labels, bool_and(obj_description(oid, 'pg_proc') IS NOT NULL) AS described, bool_and(proargnames IS NOT NULL) AS named
FROM pg_proc WHERE proname ~ '^rfm(_|$)' AND pronamespace = 'public'::regnamespace AND proname !~ '_(trans|final|combine|serial|deserial)$' GROUP BY proname ORDER BY proname;
SELECT count(*) AS undescribed FROM pg_proc WHERE proname ~ '^rfm(_|$)' AND pronamespace = 'public'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL;

SET client_min_messages = warning;
DROP SCHEMA test_rfm CASCADE;
