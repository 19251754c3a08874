-- What purchases are worth: gg_fit, gg_expected.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_gamma_gamma;
SET search_path = test_gamma_gamma, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- Models by hand, and a float8 to so many digits after the point.
CREATE FUNCTION pg_temp.gg(p float8, q float8, v float8) RETURNS gg_model LANGUAGE sql AS
$$ SELECT ROW(p, q, v, NULL, NULL, 0, 0, 0, 0, NULL)::gg_model $$;
CREATE FUNCTION pg_temp.r(value float8, digits int DEFAULT 6) RETURNS numeric LANGUAGE sql AS $$ SELECT round(value::numeric, digits) $$;

-- Gamma-Gamma: 24.663714, 18.916852, 35.218978, 71.469671. By hand: 6.25 x (15.44 + 44.7) / (12.5 + 2.74) = 375.875 / 15.24.
SELECT x, z, pg_temp.r(gg_expected(m, x, z)) AS expected FROM pg_temp.gg(6.25, 3.74, 15.44) m, (VALUES (2, 22.35), (1, 11.77), (0, NULL), (0, 0), (7, 73.74)) v(x, z);

-- By summaries the same, of which x and mean_value count, and NULL where these are not known.
SELECT x, z, t_x, pg_temp.r(gg_expected(m, ROW(x, t_x, 40, z, '1 week')::rfm_summary)) AS expected FROM pg_temp.gg(6.25, 3.74, 15.44) m, (VALUES (2, 22.35, 30), (1, 11.77, 3), (0, NULL, 0), (0, 0, 0), (7, 73.74, 39), (2, NULL, 30), (NULL, 22.35, 30), (2, 22.35, NULL)) v(x, z, t_x);
SELECT count(*), bool_and(gg_expected(m, s) = gg_expected(m, (s).x, (s).mean_value::float8)) AS same, gg_expected(NULL::gg_model, (max(s::text))::rfm_summary) AS a, gg_expected(m, NULL::rfm_summary) AS b
FROM pg_temp.gg(6.25, 3.74, 15.44) m, (SELECT rfm(day, amount, '2024-04-10', '1 day') AS s FROM (SELECT g % 5 AS customer, date '2024-03-01' + g * 7 % 30 AS day, g * 7919 % 100 + 0.5 AS amount FROM generate_series(1, 12) g) q GROUP BY customer) q GROUP BY m;

-- Customers, deterministic: 900 of them, some without a repeat purchase.
CREATE FUNCTION u(g int, i int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT ((hashint8(g * 7919::bigint + i * 104729::bigint)::bigint & 1048575) + 0.5) / 1048576 $$;
CREATE TABLE customers AS
SELECT g AS customer, x, CASE WHEN x > 0 THEN round((20 * (0.4 + u(g, 5) + u(g, 6) * u(g, 7) / sqrt(x)))::numeric, 2) END AS mean_value FROM generate_series(1, 900) g, LATERAL (SELECT floor(-ln(u(g, 1)) * 4 * u(g, 2))::bigint AS x) c;
SELECT count(*), sum(x), count(*) FILTER (WHERE x = 0) AS once, max(x), round(avg(mean_value), 6) AS mean FROM customers;
-- The likelihood as it is in the paper, and that no point around the fit has a greater one. The density of z in two gamma functions of real arguments, by Stirling's series in SQL.
CREATE FUNCTION lg(z float8) RETURNS float8 LANGUAGE sql AS $$ SELECT (w - .5) * ln(w) - w + .5 * ln(2 * pi()) + 1 / (12 * w) - 1 / (360 * w ^ 3) + 1 / (1260 * w ^ 5) - s FROM (SELECT z + 20 AS w, (SELECT sum(ln(z + i)) FROM generate_series(0, 19) i) AS s) q $$;
CREATE FUNCTION gg_total(p float8, q float8, v float8) RETURNS float8 LANGUAGE sql AS $$
    SELECT sum(lg(p * x + q) - lg(p * x) - lg(q) + q * ln(v) + (p * x - 1) * ln(z) + p * x * ln(x::float8) - (p * x + q) * ln(x * z + v)) FROM (SELECT x, mean_value::float8 AS z FROM customers WHERE x > 0) c
$$;
CREATE TABLE spend AS SELECT gg_fit(x, mean_value::float8) AS g FROM customers;
SELECT pg_temp.r((g).p, 4) AS p, pg_temp.r((g).q, 4) AS q, pg_temp.r((g).v, 4) AS v, (SELECT array_agg(pg_temp.r(s, 4)) FROM unnest((g).se) s) AS se, (g).boundary, pg_temp.r((g).loglik, 5) AS loglik, (g).n, (g).n_skipped, pg_temp.r((g).correlation, 6) AS correlation FROM spend;
SELECT abs(gg_total((g).p, (g).q, (g).v) / (g).loglik - 1) < 1e-9 AS same, bool_and(gg_total((g).p * a, (g).q * b, (g).v * c) < (g).loglik) AS lower
FROM spend, (VALUES (.98, 1, 1), (1.02, 1, 1), (1, .98, 1), (1, 1.02, 1), (1, 1, .98), (1, 1, 1.02), (1.02, 1, .98), (.98, .98, .98)) d(a, b, c) GROUP BY g;
SELECT pg_temp.r((g).correlation - corr(x, mean_value), 10) AS none FROM spend, customers WHERE x > 0 GROUP BY g;
-- Money in another currency changes v alone.
SELECT pg_temp.r((h).p - (g).p, 7) AS p, pg_temp.r((h).q - (g).q, 7) AS q, pg_temp.r((h).v / (g).v / 1e6, 7) AS v, pg_temp.r((h).se[3] / (g).se[3] / 1e6, 6) AS se FROM spend, (SELECT gg_fit(x, mean_value::float8 * 1e6) AS h FROM customers) q;

-- The same answer whatever the plan: shuffled, grouped, parallel with workers that see no row or only NULLs, as summaries, in a window, with FILTER.
CREATE FUNCTION pg_temp.same(a gg_model, b gg_model) RETURNS boolean LANGUAGE sql AS $$
    SELECT (a.n, a.n_skipped, a.boundary) IS NOT DISTINCT FROM (b.n, b.n_skipped, b.boundary) AND abs(a.loglik / b.loglik - 1) < 1e-12 AND abs(a.p / b.p - 1) < 1e-9 AND abs(a.q / b.q - 1) < 1e-9 AND abs(a.v / b.v - 1) < 1e-9 AND abs(a.correlation - b.correlation) < 1e-12
$$;
CREATE TABLE spread AS SELECT g % 3 AS part, c.x, c.mean_value FROM generate_series(1, 60) b, LATERAL (SELECT customer AS g, * FROM customers) c WHERE b % 30 = c.g % 30
    UNION ALL SELECT g % 3, CASE WHEN g % 2 = 0 THEN g END, NULL FROM generate_series(1, 40000) g;
ALTER TABLE spread SET (parallel_workers = 4);
CREATE TABLE serial AS SELECT gg_fit(x, mean_value::float8) AS g FROM spread;
SELECT (s.g).n, (s.g).n_skipped, pg_temp.r((s.g).p / (o.g).p, 8) AS p, pg_temp.r((s.g).loglik / (o.g).loglik, 9) AS twice FROM serial s, spend o;
SELECT pg_temp.same((SELECT gg_fit(x, mean_value::float8) FROM (SELECT * FROM spread ORDER BY mean_value DESC, x) s), g) AS shuffled FROM serial;
SET max_parallel_workers_per_gather = 4;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT pg_temp.plan_has('SELECT gg_fit(x, mean_value::float8) FROM spread', 'Partial Aggregate') AS parallel;
SELECT pg_temp.same((SELECT gg_fit(x, mean_value::float8) FROM spread), g) AS parallel, pg_temp.same((SELECT gg_fit(ROW(x, 1, 2, mean_value, '7 days')::rfm_summary) FROM spread), g) AS of_summaries FROM serial;
SELECT (SELECT gg_fit(x, mean_value::float8) FROM spread WHERE x > 70000) IS NULL AS no_row, (SELECT gg_fit(x, mean_value::float8) FROM spread WHERE x IS NULL) IS NULL AS only_null;
CREATE TABLE parts AS SELECT part, gg_fit(x, mean_value::float8) AS g FROM spread GROUP BY part;
SET max_parallel_workers_per_gather = 0;
SELECT bool_and(pg_temp.same(p.g, q.g)) AS by_part FROM parts p JOIN (SELECT part, gg_fit(x, mean_value::float8) AS g FROM spread GROUP BY part) q USING (part);
SET enable_hashagg = off;
SELECT bool_and(pg_temp.same(p.g, q.g)) AS by_part_sorted FROM parts p JOIN (SELECT part, gg_fit(x, mean_value::float8) AS g FROM spread GROUP BY part) q USING (part);
RESET enable_hashagg;
SELECT bool_and(pg_temp.same(p.g, q.g)) AS filtered FROM parts p JOIN (SELECT part, (SELECT gg_fit(x, mean_value::float8) FILTER (WHERE s.part = p.part) FROM spread s) AS g FROM parts p) q USING (part);
RESET max_parallel_workers_per_gather;
SELECT count(*), bool_and(pg_temp.same(q.g, (SELECT gg_fit(x, mean_value::float8) FROM customers WHERE customer <= 100 * block))) AS running
FROM (SELECT block, (gg_fit(x, mean_value::float8) OVER (ORDER BY block)) AS g, row_number() OVER (PARTITION BY block) AS n FROM customers, LATERAL (SELECT (customer + 99) / 100 AS block) b) q WHERE n = 1;
-- Stored, shown, read back.
SELECT pg_temp.same(g, g::text::gg_model) AS as_text FROM spend;
-- A million alike, and two of another value: the distinct rows are three.
SELECT (g).n, (g).n_skipped, pg_temp.r(gg_expected(g, 3, 20), 3) AS expected FROM (SELECT gg_fit(2, CASE WHEN n > 2 THEN 20 ELSE n * 10.0 + 1 END) AS g FROM generate_series(1, 1000000) n) q;
-- Huge and tiny values: money is a name.
SELECT f, pg_temp.r((h).p / (g).p, 6) AS p, pg_temp.r((h).v / f / (g).v, 6) AS v FROM spend, (SELECT f, gg_fit(x, mean_value::float8 * f) AS h FROM customers, unnest(ARRAY[1e-290, 1e290]::float8[]) f GROUP BY f) q ORDER BY f;

-- Small samples of all sorts: a fit ends, with a maximum, inside or at a limit, and what it says can be asked.
CREATE TABLE samples AS
SELECT s, floor(-ln(u(s, g)) * (s % 7) * u(s, 100 + g))::bigint AS x, (10 * u(s, 700 + g) ^ (s % 5) + 0.01)::numeric(9, 2)::float8 AS z FROM generate_series(1, 120) s, LATERAL generate_series(1, 1 + s % 37) g;
SELECT count(*) AS fits, count(*) FILTER (WHERE gg_expected(g, 5, 3) > 0) AS good FROM (SELECT gg_fit(1 + x, z) AS g FROM samples WHERE s IN (SELECT s FROM samples GROUP BY s HAVING count(DISTINCT z) > 1) GROUP BY s) q WHERE 5 * (g).p + (g).q > 1;
-- Gamma-Gamma at its limits: every customer spends the same on every purchase, but not as the others; and the other way round.
SELECT (g).boundary, (g).se IS NULL AS no_se, (g).n, (g).correlation IS NULL AS no_correlation FROM (SELECT gg_fit(x, z) AS g FROM (VALUES (1, 10.0), (1, 20), (1, 5), (1, 80)) v(x, z)) q;
SELECT (g).boundary, pg_temp.r(gg_expected(g, 5, 12), 2) AS expected FROM (SELECT gg_fit(10, 10 + (g % 7) / 10.0) AS g FROM generate_series(1, 100) g) q;
SELECT gg_fit(x, mean_value::float8) IS NULL AS none FROM customers WHERE x = 0;

-- Errors and NULL.
CREATE TABLE ones AS SELECT pg_temp.gg(6.25, 3.74, 15.44) AS gg, pg_temp.gg(6.25, .9, 15.44) AS heavy;
SELECT n, pg_temp.err(statement) AS error FROM (VALUES (1, 'SELECT gg_fit(-1, 5)'), (2, 'SELECT gg_fit(1, 0)'), (3, 'SELECT gg_fit(2, -5)'), (4, 'SELECT gg_fit(1, ''infinity'')'), (5, 'SELECT gg_fit(1, ''NaN'')'), (6, 'SELECT gg_fit(1, 5) FROM generate_series(1, 9)'), (7, 'SELECT gg_fit(0, -5) IS NULL'), (8, 'SELECT gg_fit(-1, NULL)'),
    (9, 'SELECT gg_expected(gg, -1, 5) FROM ones'), (10, 'SELECT gg_expected(gg, 1, 0) FROM ones'), (11, 'SELECT gg_expected(gg, 1, ''NaN'') FROM ones'), (12, 'SELECT gg_expected(heavy, 0, NULL) FROM ones'), (13, 'SELECT round(gg_expected(heavy, 2, 20)::numeric, 6) FROM ones'),
    (14, 'SELECT gg_expected(gg, ROW(-1, 1, 2, 5, ''1 day'')) FROM ones'), (15, 'SELECT gg_expected(gg, ROW(1, 1, 2, 0, ''1 day'')) FROM ones'), (16, 'SELECT gg_expected(heavy, ROW(0, 0, 2, NULL, ''1 day'')) FROM ones'), (17, 'SELECT gg_expected(gg, ROW(1, 1, 2, 5, NULL)) FROM ones'), (18, 'SELECT gg_expected(gg, ROW(1, 1, 2, 5, ''0 days'')) FROM ones')) v(n, statement) ORDER BY n;
SELECT gg_expected(gg, NULL, 5) AS a, gg_expected(gg, 1, NULL) AS b, gg_expected(NULL, 0, 5) AS c, gg_expected(NULL, NULL, NULL) AS d, gg_fit(NULL::rfm_summary) AS e FROM ones GROUP BY gg;
-- Models by hand that no fit makes; the last one is fine.
SELECT n, pg_temp.err(format('SELECT gg_expected(ROW(%s, NULL, NULL, 0, 0, 0, 0, 0)::gg_model, 2, 30)', model)) AS error FROM (VALUES (1, 'NULL, 1, 1'), (2, '1, 0, 1'), (3, '1, 1, ''NaN'''), (4, '''infinity'', 1, 1'), (5, '-1, 1, 1'), (6, '1, 2, 3')) v(n, model) ORDER BY n;
-- Extreme parameters give a number or 22003, never NaN or infinity.
CREATE FUNCTION pg_temp.outcome(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v float8; BEGIN
    EXECUTE 'SELECT ' || expression INTO v;
    RETURN CASE WHEN v = 'NaN' OR abs(v) = 'infinity' THEN 'BAD ' || expression ELSE 'a number' END;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
SELECT count(*), count(*) FILTER (WHERE outcome NOT IN ('a number', '22003')) AS bad FROM (SELECT pg_temp.outcome(format('gg_expected(ROW(%s, %s, %s, NULL, NULL, 0, 0, 0, 0, 0)::gg_model, %s, 1e300)', a, b, c, x)) AS outcome FROM unnest(ARRAY['1e-300', '1', '1e300']) a, unnest(ARRAY['1e-300', '2', '1e300']) b, unnest(ARRAY['1e-300', '1', '1e300']) c, unnest(ARRAY['0', '1', '9000000000000000000']) x) o;
-- Memory, and support functions outside of an aggregate.
SET churnmetrics.fit_memory = '1MB';
SELECT left(pg_temp.err('SELECT gg_fit(1, g) FROM generate_series(1, 100000) g'), 5) AS error;
RESET churnmetrics.fit_memory;
SELECT left(pg_temp.err(statement), 5) AS error FROM (VALUES ('SELECT gg_fit_trans(NULL, 1, 2)'), ('SELECT gg_fit_combine(NULL, NULL)'), ('SELECT gg_fit_final(NULL)')) v(statement);

-- What the planner may assume, and comments.
SELECT proname, count(*), array_agg(DISTINCT provolatile::text || proparallel::text || CASE WHEN proisstrict THEN ' strict' ELSE '' END) AS labels, bool_and(obj_description(oid, 'pg_proc') IS NOT NULL) AS described, bool_and(proargnames IS NOT NULL) AS named
FROM pg_proc WHERE proname ~ '^gg(_|$)' AND pronamespace = 'public'::regnamespace AND proname !~ '_(trans|final|combine|serial|deserial)$' GROUP BY proname ORDER BY proname;
SELECT count(*) AS undescribed FROM pg_proc WHERE proname ~ '^gg(_|$)' AND pronamespace = 'public'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL;

SET client_min_messages = warning;
DROP SCHEMA test_gamma_gamma CASCADE;
