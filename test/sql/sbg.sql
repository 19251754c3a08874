-- sbg: the shifted beta-geometric model of contractual renewals.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_sbg;
SET search_path = test_sbg, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
SET client_min_messages = warning;

-- Significant digits.
CREATE FUNCTION sig(x float8, digits int DEFAULT 10) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN x = 0 THEN 0 ELSE round(x::numeric, digits - 1 - floor(log(abs(x)))::int) END $$;
-- A model by hand.
CREATE FUNCTION sbg(alpha float8, beta float8) RETURNS sbg_model LANGUAGE sql IMMUTABLE AS
$$ SELECT ROW(alpha, beta, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'sbg', NULL, NULL, NULL, NULL, NULL, NULL)::sbg_model $$;
CREATE FUNCTION boundary(form text, churn float8, trials bigint DEFAULT NULL) RETURNS sbg_model LANGUAGE sql IMMUTABLE AS
$$ SELECT ROW(NULL, NULL, churn, NULL, NULL, NULL, NULL, NULL, NULL, true, form, NULL, NULL, NULL, trials, trials, NULL)::sbg_model $$;

-- Fader and Hardie (2007): 1000 customers of two segments, left after 0..12 years.
CREATE TABLE years (segment text, year bigint, alive bigint);
INSERT INTO years SELECT segment, n - 1, alive FROM (VALUES ('High End', ARRAY[1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394]), ('Regular', ARRAY[1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173])) v (segment, counts), unnest(counts) WITH ORDINALITY AS c (alive, n);
CREATE FUNCTION customers(since bigint) RETURNS TABLE (segment text, age bigint, churned boolean, n bigint) LANGUAGE sql STABLE AS $$
    SELECT segment, year, true, before - alive FROM (SELECT *, lag(alive) OVER (PARTITION BY segment ORDER BY year) AS before FROM years) y WHERE year BETWEEN 1 AND since
    UNION ALL SELECT segment, year, false, alive FROM years WHERE year = since
$$;
CREATE TABLE fits AS SELECT segment, since, sbg_fit(age, churned, n) AS m FROM generate_series(4, 7, 3) AS since, customers(since) GROUP BY segment, since;
-- The paper prints 0.668 and 3.806, 0.704 and 1.182. The wanted values are those of a search in 40 digits.
SELECT segment, since, sig((m).alpha, 12) AS alpha, sig((m).beta, 12) AS beta, sig((m).loglik, 14) AS loglik, sig((m).se_alpha, 9) AS se_alpha, sig((m).se_beta, 9) AS se_beta
FROM fits ORDER BY since DESC, segment;
SELECT segment, since, sig((m).alpha, 12) = w_alpha AS alpha, sig((m).beta, 12) = w_beta AS beta, sig((m).loglik, 14) = w_loglik AS loglik, sig((m).se_alpha, 9) = w_se_alpha AS se_alpha, sig((m).se_beta, 9) = w_se_beta AS se_beta
FROM fits NATURAL JOIN (VALUES ('High End', 7, 0.668088351106, 3.80609496406, -1611.1581473912, 0.103734931, 0.785531692), ('Regular', 7, 0.704077298474, 1.18204302621, -1680.2651884633, 0.0655989642, 0.152475632),
    ('High End', 4, 1.28097638037, 7.79038409526, -1225.1349070416, 0.553467968, 3.80872234), ('Regular', 4, 0.763665062565, 1.29583027218, -1401.5594235775, 0.0967952476, 0.210625744)) w (segment, since, w_alpha, w_beta, w_loglik, w_se_alpha, w_se_beta) ORDER BY since DESC, segment;
SELECT segment, since, (m).form, (m).boundary, (m).n, (m).n_churned, (m).n_exposed, (m).renewals, (m).n_skipped, (m).n_iter < 15 AS soon, abs((m).mean_churn - (m).alpha / ((m).alpha + (m).beta)) < 1e-15 AS mean_churn,
    sig((m).se_mean_churn, 6) AS se_mean_churn, sig((m).loglik_geometric, 8) AS loglik_geometric, array_length((m).covariance, 1) AS covariance FROM fits ORDER BY since DESC, segment;
-- Survival in percent, as the paper's tables have it, and the retention rate, which rises; year 12: 37.80 against 39.4 that came, 17.00 against 17.3.
SELECT segment, string_agg(round((100 * sbg_survival(m, t))::numeric, 4)::text, ' ' ORDER BY t) AS survival FROM fits, generate_series(0, 12) t WHERE since = 7 GROUP BY segment ORDER BY segment;
SELECT segment, string_agg(round(sbg_retention(m, t)::numeric, 6)::text, ' ' ORDER BY t) AS retention FROM fits, generate_series(1, 12) t WHERE since = 7 GROUP BY segment ORDER BY segment;
-- DEL at 5, 10 and 20 percent; DERL at 10 percent for 1, 2, 3, 4, 5, 8 payments made.
SELECT segment, string_agg(round(sbg_clv(m, 1, d)::numeric, 6)::text, ' ' ORDER BY d) AS del FROM fits, unnest(ARRAY[0.05, 0.1, 0.2]) d WHERE since = 7 GROUP BY segment ORDER BY segment;
SELECT segment, string_agg(round(sbg_clv(m, 1, 0.1, n)::numeric, 6)::text, ' ' ORDER BY n) AS derl FROM fits, unnest(ARRAY[1, 2, 3, 4, 5, 8]) n WHERE since = 7 GROUP BY segment ORDER BY segment;
-- A row per customer says the same; so does a row with n = 0 nothing.
SELECT segment, sbg_fit(age, churned) = (SELECT m FROM fits f WHERE f.segment = c.segment AND since = 7) AS same FROM customers(7) c, generate_series(1, n) GROUP BY segment ORDER BY segment;
SELECT segment, sbg_fit(age, churned, n) = (SELECT m FROM fits f WHERE f.segment = c.segment AND since = 7) AS same FROM (SELECT * FROM customers(7) UNION ALL SELECT s, a, true, 0 FROM unnest(ARRAY['High End', 'Regular']) s, unnest(ARRAY[0, 5, 99]) a) c GROUP BY segment ORDER BY segment;

-- The log-likelihood in SQL, of rows in table data: it is what the model says, and no place nearby is higher.
CREATE TABLE data (name text, age bigint, churned boolean, n bigint);
CREATE FUNCTION loglik(which text, a float8, b float8) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT sum(n * (SELECT coalesce(sum(ln((b::numeric + k) / (a::numeric + b::numeric + k))), 0) FROM generate_series(0, age - CASE WHEN churned THEN 2 ELSE 1 END) k)
             + CASE WHEN churned THEN n * ln(a::numeric / (a::numeric + b::numeric + age - 1)) ELSE 0 END) FROM data WHERE name = which
$$;
INSERT INTO data SELECT segment, age, churned, n FROM customers(7);
-- Staggered: five cohorts of High End, seen for 7, 6, 5, 4, 3 years; a pseudo-random heap; churn at every 30th renewal only; three customers.
INSERT INTO data SELECT 'staggered', age, churned, n FROM generate_series(3, 7) since, customers(since) WHERE segment = 'High End';
INSERT INTO data SELECT 'heap', age, g * 104729 % 100 < 100 / (1 + age), 1 + g % 3 FROM generate_series(1, 500) g, LATERAL (SELECT 1 + g * 7919 % 97 % (1 + g * 31 % 40) AS age) a;
INSERT INTO data SELECT 'every 30th', 30 * age, churned, n FROM customers(7) WHERE segment = 'Regular';
INSERT INTO data VALUES ('three', 1, true, 1), ('three', 2, true, 1), ('three', 9, false, 1);
CREATE TABLE data_fits AS SELECT name, sbg_fit(age, churned, n) AS m FROM data GROUP BY name;
SELECT name, (m).form, sig((m).alpha, 9) AS alpha, sig((m).beta, 9) AS beta, sig((m).loglik, 12) AS loglik FROM data_fits ORDER BY name;
SELECT name, abs(loglik(name, (m).alpha, (m).beta) / (m).loglik::numeric - 1) < 1e-13 AS loglik, bool_and(loglik(name, (m).alpha, (m).beta) > loglik(name, (m).alpha * (1 + da * h), (m).beta * (1 + db * h))) AS highest
FROM data_fits, generate_series(-1, 1) da, generate_series(-1, 1) db, unnest(ARRAY[1e-5, 0.1]) h WHERE (da, db) <> (0, 0) GROUP BY name, m ORDER BY name;
-- The errors are those of second differences of it.
SELECT name, bool_and(abs(se / want - 1) < 1e-3) AS as_wanted FROM (
    SELECT name, unnest(ARRAY[(m).se_alpha, (m).se_beta]) AS se, unnest(ARRAY[sqrt(-bb / (aa * bb - ab * ab)), sqrt(-aa / (aa * bb - ab * ab))]) AS want FROM data_fits, LATERAL (
        SELECT (loglik(name, a + h, b) - 2 * loglik(name, a, b) + loglik(name, a - h, b))::float8 / (h * h) AS aa, (loglik(name, a, b + k) - 2 * loglik(name, a, b) + loglik(name, a, b - k))::float8 / (k * k) AS bb,
            (loglik(name, a + h, b + k) - loglik(name, a + h, b - k) - loglik(name, a - h, b + k) + loglik(name, a - h, b - k))::float8 / (4 * h * k) AS ab FROM (SELECT (m).alpha AS a, (m).beta AS b, (m).alpha * 1e-3 AS h, (m).beta * 1e-3 AS k) p) d) e GROUP BY name ORDER BY name;
-- Beside the maximum inside there may be a rise to the boundary: of 1000, 30 percent leave at first, then nobody for 50 renewals, then 30 percent three times.
SELECT (m).form, sig((m).alpha, 8) AS alpha, sig((m).beta, 8) AS beta, sig((m).loglik - (m).loglik_geometric, 6) AS gain FROM (SELECT sbg_fit(a, c, n) AS m FROM (VALUES (1, true, 300), (52, true, 210), (53, true, 147), (54, true, 103), (54, false, 240)) v (a, c, n)) q;

-- Boundaries. Exactly geometric: half of 1024 leave each time. Rising churn. Only the first renewal seen. Nobody lost. All lost at once. Lost at first only. Nothing known.
CREATE TABLE edges (name text, age bigint, churned boolean, n bigint);
INSERT INTO edges SELECT 'a geometric', g, true, 1024 / 2 ^ g FROM generate_series(1, 5) g UNION ALL SELECT 'a geometric', 5, false, 32;
INSERT INTO edges VALUES ('b rising', 1, true, 10), ('b rising', 2, true, 20), ('b rising', 3, true, 30), ('b rising', 3, false, 40), ('c one renewal', 1, true, 3), ('c one renewal', 1, false, 9), ('d nobody', 5, false, 12), ('d nobody', 7, false, 1), ('e everybody', 1, true, 8),
    ('f split', 1, true, 25), ('f split', 6, false, 75), ('g nothing known', 0, false, 5), ('h one lost late', 6, true, 1), ('i one alive', 1, false, 1), ('j empty', 3, true, 0), ('k new ones too', 0, false, 1000), ('k new ones too', 1, true, 1), ('k new ones too', 2, true, 1);
CREATE TABLE edge_fits AS SELECT name, sbg_fit(age, churned, n) AS m FROM edges GROUP BY name;
SELECT name, (m).form, (m).boundary, (m).alpha IS NULL AND (m).beta IS NULL AND (m).covariance IS NULL AS without, sig((m).mean_churn) AS mean_churn, sig((m).se_mean_churn, 6) AS se, sig((m).loglik) AS loglik, sig((m).loglik_geometric) AS geometric, (m).n, (m).n_churned AS lost, (m).n_exposed AS exposed, (m).renewals FROM edge_fits ORDER BY name;
-- By hand: 1/2 = 992 / 1984; 60 / 260 (1 x 10 + 2 x 20 + 3 x 30 + 3 x 40); the split's likelihood 25 ln 0.25 + 75 ln 0.75 = -56.2335; 1 of 6 renewals.
SELECT name, string_agg(round(sbg_survival(m, t)::numeric, 6)::text, ' ' ORDER BY t) AS survival, string_agg(round(sbg_retention(m, t + 1)::numeric, 6)::text, ' ' ORDER BY t) AS retention FROM edge_fits, generate_series(0, 3) t GROUP BY name ORDER BY name;
-- Their values at 10 percent: 1.1 / (0.1 + churn) at acquisition, (1 - churn) of it before a renewal; the split 1 + 0.75 / 0.1 = 8.5, 0.75 x 11 before the first renewal, 11 after it.
SELECT name, round(sbg_clv(m, 10, 0.1)::numeric, 6) AS won, round(sbg_clv(m, 10, 0.1, 1)::numeric, 6) AS paid_once, round(sbg_clv(m, 10, 0.1, 2)::numeric, 6) AS paid_twice, round(sbg_clv(m, 10, 0, 0, 4)::numeric, 6) AS four_payments FROM edge_fits ORDER BY name;
SELECT name, pg_temp.err(format('SELECT sbg_lifetime(m) FROM edge_fits WHERE name = %L', name)) AS lifetime FROM edge_fits ORDER BY name;
SELECT name, round(sbg_lifetime(m)::numeric, 6) AS lifetime FROM edge_fits WHERE left(name, 1) IN ('a', 'b', 'c', 'e', 'g', 'h', 'j') ORDER BY name;
-- Bounds by Wilson's interval of the renewals: none of 67 lost: churn up to z^2 / (67 + z^2) = 0.054226; all of 8: from 8 / (8 + z^2) = 0.675592.
SELECT name, period, round(retention::numeric, 6) AS retention, round(survival::numeric, 6) AS survival, round(lower::numeric, 6) AS lower, round(upper::numeric, 6) AS upper FROM edge_fits, sbg_project(m, 2) WHERE left(name, 1) IN ('d', 'e', 'f', 'g') ORDER BY name, period;
SELECT round((1 - 3.8414588206941 / (67 + 3.8414588206941))::numeric, 6) AS d_lower_1, round((1 - 8 / (8 + 3.8414588206941))::numeric, 6) AS e_upper_1;
-- Nearly split, nearly never, nearly always: inside, and well.
SELECT name, (m).form, sig((m).alpha, 6) AS alpha, sig((m).beta, 6) AS beta, sig((m).mean_churn, 6) AS mean, (m).n_iter < 40 AS soon FROM (SELECT name, sbg_fit(a, c, n) AS m FROM (VALUES ('split', 1, true, 500000000), ('split', 2, true, 1), ('split', 9, false, 500000000),
    ('never', 1, true, 1), ('never', 2, true, 1), ('never', 9, false, 5000000000000), ('always', 1, true, 5000000000000), ('always', 2, true, 1), ('always', 9, false, 1)) v (name, a, c, n) GROUP BY name) q ORDER BY name;
-- One NOTICE a query, of the first such group.
SET client_min_messages = notice;
SET enable_hashagg = off;
SELECT name, (sbg_fit(age, churned, n)).form FROM edges GROUP BY name ORDER BY name;
RESET enable_hashagg;
SELECT (sbg_fit(age, churned, n)).form FROM edges WHERE name = 'f split';
SELECT (sbg_fit(age, churned, n)).form FROM edges WHERE name = 'g nothing known';
SET client_min_messages = warning;

-- Closed forms. Uniform churn, alpha = beta = 1: S(t) = 1 / (t + 1), and the value (1 + d) ln((1 + d) / d).
SELECT bool_and(abs(sbg_survival(sbg(1, 1), t) * (t + 1) - 1) < 1e-12) AS survival FROM generate_series(0, 10000, 7) t;
SELECT d, abs(sbg_clv(sbg(1, 1), 1, d) / ((1 + d) * ln((1 + d) / d)) - 1) < 1e-12 AS value FROM unnest(ARRAY[1e-300, 1e-100, 1e-12, 1e-6, 0.001, 0.1, 0.9, 1]::float8[]) d;
-- beta -> infinity with the mean kept: geometric. alpha = 2, beta = 3, no discount: lifetime (2 + 3 - 1) / (2 - 1) = 4; after n payments r_n (beta + n + 1).
SELECT round(sbg_lifetime(sbg(2, 3))::numeric, 12) AS lifetime, round(sbg_clv(sbg(2, 3), 100, 0)::numeric, 9) AS value, bool_and(abs(sbg_clv(sbg(2, 3), 1, 0, n) - (2.0 + n) / (4 + n) * (4 + n)) < 1e-12) AS residual FROM generate_series(1, 50) n;
SELECT abs(sbg_clv(sbg(1e8, 9e8), 1, 0.1) / 5.5 - 1) < 1e-7 AS nearly_geometric, abs(sbg_lifetime(sbg(1e12, 9e12)) - 10) < 1e-10 AS lifetime;
-- The series in SQL, for several models, discounts and payments made; and payment by payment.
SELECT count(*), max(abs(sbg_clv(sbg(a, b), 1, d, n) / series - 1)) < 1e-12 AS as_series FROM unnest(ARRAY[0.01, 0.5, 2, 30, 1000]::float8[]) a, unnest(ARRAY[0.02, 1, 4, 700]::float8[]) b, unnest(ARRAY[0.1, 0.5]::float8[]) d, unnest(ARRAY[0, 1, 7]) n,
    LATERAL (WITH RECURSIVE s (k, term, total) AS (SELECT 0, f, f FROM (SELECT CASE WHEN n = 0 THEN 1 ELSE (b + n - 1) / (a + b + n - 1) END AS f) f UNION ALL SELECT k + 1, term * (b + n + k) / (a + b + n + k) / (1 + d), total + term * (b + n + k) / (a + b + n + k) / (1 + d) FROM s WHERE k < 450 AND term > 1e-200)
             SELECT total AS series FROM s ORDER BY k DESC LIMIT 1) s;
-- It obeys its recursion, V(n) = r_n (1 + V(n + 1) / (1 + d)), V(0) = 1 + V(1) / (1 + d), down to discounts whose series would need millions of terms.
SELECT d, max(abs(sbg_retention(m, n) * (1 + sbg_clv(m, 1, d, n + 1) / (1 + d)) / sbg_clv(m, 1, d, n) - 1)) < 1e-12 AS later, max(abs((1 + sbg_clv(m, 1, d, 1) / (1 + d)) / sbg_clv(m, 1, d) - 1)) < 1e-12 AS first
FROM unnest(ARRAY[1e-15, 1e-9, 1e-6, 1e-4, 0.01, 0.3, 1]::float8[]) d, (VALUES (sbg(0.668, 3.806)), (sbg(1e-3, 50)), (sbg(40, 0.1)), (sbg(7, 1e7))) v (m), generate_series(1, 9) n GROUP BY d ORDER BY d;
-- A small discount leads to the lifetime where there is one; 1 / d of those who never leave.
SELECT sig(sbg_clv(sbg(3, 5), 1, 1e-12), 9) AS small, sig(sbg_lifetime(sbg(3, 5)), 9) AS none, sig(sbg_clv(sbg(1e-100, 5), 1, 1e-6), 9) AS never, round(log(sbg_clv(sbg(1e-100, 1e-100), 1, 1e-300))::numeric, 6) AS half_never;
-- With a horizon: so many payments; far away it is no horizon; without a discount it is the sum of S.
SELECT bool_and(abs(sbg_clv(m, 1, 0, 0, h) - (SELECT sum(sbg_survival(m, t)) FROM generate_series(0, h - 1) t)) < 1e-12) AS sums, bool_and(sbg_lifetime(m, h) = sbg_clv(m, 1, 0, 0, h)) AS lifetime,
    bool_and(abs(sbg_clv(m, 1, 0.1, 3, h) - (SELECT sum(sbg_survival(m, 3 + t) / sbg_survival(m, 2) / 1.1 ^ t) FROM generate_series(0, h - 1) t)) < 1e-12) AS residual
FROM fits, generate_series(1, 40, 3) h;
SELECT bool_and(abs(sbg_clv(m, 1, d, n, 100000) / sbg_clv(m, 1, d, n) - 1) < 1e-12) AS far FROM (SELECT m FROM fits UNION ALL SELECT m FROM edge_fits WHERE left(name, 1) IN ('a', 'b', 'd', 'f')) f, unnest(ARRAY[0.01, 0.1]) d, unnest(ARRAY[0, 1, 5]) n;
-- Discounts: 10 percent a year is 0.797 percent a month, and twelve of these are 10 percent.
SELECT round((1.1 ^ (1.0 / 12) - 1)::numeric, 6) AS monthly, round((sbg_clv(boundary('geometric', 0), 1, 1.1 ^ (1.0 / 12) - 1) / sbg_clv(boundary('geometric', 0), 1, 0.1))::numeric, 6) AS payments_12_times_as_often;

-- Projection: survival and retention are those of the functions, the bounds hold them, widen, and are 1 at first.
SELECT bool_and(p.survival = sbg_survival(m, period)) AS survival, bool_and(period = 0 OR p.retention = sbg_retention(m, period)) AS retention, bool_and(lower <= p.survival AND p.survival <= upper AND lower >= 0 AND upper <= 1) AS inside,
    bool_and(period > 0 OR (lower = 1 AND upper = 1 AND p.retention IS NULL)) AS first, count(*) FROM fits, sbg_project(m, 300) p;
SELECT segment, confidence, string_agg(round(100 * survival::numeric, 2) || ' (' || round(100 * lower::numeric, 2) || '-' || round(100 * upper::numeric, 2) || ')', ' ' ORDER BY period) AS projected FROM fits, unnest(ARRAY[0.5, 0.95]) confidence, sbg_project(m, 12, confidence) WHERE since = 7 AND period IN (1, 7, 8, 12) GROUP BY segment, confidence ORDER BY segment, confidence;
-- ln(-ln S) +- z of the delta method, by differences in u = ln(alpha / beta) and v = ln(alpha + beta).
CREATE FUNCTION loglog(m sbg_model, t bigint, du float8, dv float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT ln(-ln(sbg_survival(sbg(s * mean, s * (1 - mean)), t))) FROM (SELECT ((m).alpha + (m).beta) * exp(dv) AS s, 1 / (1 + (m).beta / (m).alpha * exp(-du)) AS mean) p
$$;
SELECT segment, max(abs(p.lower - exp(-exp(y + 1.959963984540054 * se)))) < 1e-6 AS lower, max(abs(p.upper - exp(-exp(y - 1.959963984540054 * se)))) < 1e-6 AS upper
FROM fits, sbg_project(m, 12) p, LATERAL (SELECT loglog(m, period, 0, 0) AS y, sqrt(gu * gu * (m).covariance[1] + 2 * gu * gv * (m).covariance[2] + gv * gv * (m).covariance[3]) AS se FROM (
    SELECT (loglog(m, period, 1e-4, 0) - loglog(m, period, -1e-4, 0)) / 2e-4 AS gu, (loglog(m, period, 0, 1e-4) - loglog(m, period, 0, -1e-4)) / 2e-4 AS gv) g) q
WHERE since = 7 AND period > 0 GROUP BY segment ORDER BY segment;
-- More customers, narrower: a hundred times as many, a tenth of the width.
SELECT round(((p1.upper - p1.lower) / (p100.upper - p100.lower))::numeric, 2) AS narrower FROM (SELECT sbg_fit(age, churned, n) AS a, sbg_fit(age, churned, 100 * n) AS b FROM customers(7) WHERE segment = 'High End') f, sbg_project(a, 7) p1, sbg_project(b, 7) p100 WHERE p1.period = 7 AND p100.period = 7;
-- A model by hand, of published alpha and beta: everything but the bounds; one that knows nothing: no rows.
SELECT period, round(retention::numeric, 4) AS retention, round(survival::numeric, 4) AS survival, lower, upper FROM sbg_project(sbg(0.668, 3.806), 2);
SELECT count(*) FROM sbg_project((SELECT m FROM edge_fits WHERE name = 'g nothing known'), 10);

-- The same in every plan: serial, grouped, shuffled, parallel with workers that see no row or NULLs only, windows, filters.
CREATE TABLE rows (part int, age bigint, churned boolean, n bigint);
INSERT INTO rows SELECT g % 7, age, g * 104729 % 100 < 100 / (1 + age), g % 4 FROM generate_series(1, 20000) g, LATERAL (SELECT 1 + g::bigint * 7919 % 97 % (1 + g * 31 % 60) AS age) a;
INSERT INTO rows SELECT g % 7, NULLIF(g % 3, 0), NULLIF(g % 3 = 1, g % 2 = 1), NULLIF(g % 5, 2) FROM generate_series(1, 3000) g WHERE g % 3 = 0 OR g % 5 = 2;
ANALYZE rows;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS SELECT part, sbg_fit(age, churned, n) AS m, sbg_fit(age, churned) AS m1 FROM rows GROUP BY ROLLUP (part);
SELECT part, (m).n, (m).n_skipped, (m1).n AS rows, (m1).n_skipped AS rows_skipped, (m).form, sig((m).alpha, 8) AS alpha, sig((m).beta, 8) AS beta FROM serial ORDER BY part;
SELECT count(*) AS shuffled FROM (SELECT part, sbg_fit(age, churned, n ORDER BY md5(age::text || n), churned) AS m, sbg_fit(age, churned ORDER BY n DESC) AS m1 FROM rows GROUP BY ROLLUP (part) INTERSECT SELECT * FROM serial) q;
SELECT count(*) AS from_counts FROM (SELECT part, sbg_fit(age, churned, s::bigint) AS m FROM (SELECT part, age, churned, sum(n) AS s FROM rows WHERE NOT (rows.* IS NULL) AND age IS NOT NULL AND churned IS NOT NULL AND n IS NOT NULL GROUP BY 1, 2, 3) q GROUP BY part) f JOIN serial s USING (part) WHERE (f.m).alpha = (s.m).alpha AND (f.m).loglik = (s.m).loglik;
SET enable_hashagg = off;
SELECT count(*) AS sorted FROM (SELECT part, sbg_fit(age, churned, n) AS m FROM rows GROUP BY part INTERSECT SELECT part, m FROM serial) q;
RESET enable_hashagg;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
SELECT pg_temp.plan_has('SELECT sbg_fit(age, churned, n) FROM rows', 'Partial Aggregate') AS parallel;
SELECT (SELECT sbg_fit(age, churned, n) FROM rows) = (SELECT m FROM serial WHERE part IS NULL) AS parallel, (SELECT sbg_fit(age, churned) FROM rows) = (SELECT m1 FROM serial WHERE part IS NULL) AS of_rows;
SELECT count(*) AS parallel_groups FROM (SELECT part, sbg_fit(age, churned, n) AS m FROM rows GROUP BY part INTERSECT SELECT part, m FROM serial) q;
SELECT sbg_fit(age, churned, n) AS none FROM rows WHERE part > 7;
SELECT (sbg_fit(age, churned, n)).n AS few FROM rows WHERE part = 3 AND age = 17;
SELECT sbg_fit(age, churned, NULLIF(n, n)) AS nulls FROM rows;
SELECT sbg_fit(NULLIF(age, age), churned) IS NULL AS nulls FROM rows;
-- With the leader out, workers alone; more workers than pages.
SET parallel_leader_participation = off;
CREATE TABLE few AS SELECT * FROM rows WHERE part = 1 LIMIT 20;
SELECT (SELECT sbg_fit(age, churned, n) FROM few) = (SELECT sbg_fit(age, churned, n ORDER BY n) FROM few) AS same;
RESET parallel_leader_participation;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
-- Windows: running fits are those of the rows so far. FILTER; the empty set.
SELECT bool_and(running = (SELECT sbg_fit(age, churned, n) FROM customers(7) b WHERE b.segment = 'Regular' AND (b.age, b.churned) <= (a.age, a.churned))) AS running FROM (SELECT age, churned, sbg_fit(age, churned, n) OVER (ORDER BY age, churned) AS running FROM customers(7) WHERE segment = 'Regular') a;
SELECT bool_and(w.m = f.m) AS windows FROM (SELECT segment, sbg_fit(age, churned, n) OVER (PARTITION BY segment) AS m FROM customers(7)) w JOIN fits f ON f.segment = w.segment AND f.since = 7;
SELECT sbg_fit(age, churned, n) FILTER (WHERE segment = 'Regular') = (SELECT m FROM fits WHERE segment = 'Regular' AND since = 7) AS filtered, sbg_fit(age, churned, n) FILTER (WHERE false) IS NULL AS nothing FROM customers(7);
-- Stored, and read back; through text.
CREATE TABLE models (m sbg_model);
INSERT INTO models SELECT m FROM fits;
SELECT count(*) AS stored FROM models JOIN fits USING (m) WHERE sbg_survival(models.m, 5) = sbg_survival(fits.m, 5);
SET extra_float_digits = 1;
SELECT count(*) AS as_text FROM fits WHERE m::text::sbg_model = m;
SET extra_float_digits = 0;

-- Hard cases: a million rows of one customer's kind, with and without churn; a million ages; 10^18 customers; two rows; age 1,000,000.
SELECT (m).form, (m).mean_churn, (m).n FROM (SELECT sbg_fit(12, false) AS m FROM generate_series(1, 1000000)) q;
SELECT (m).form, (m).mean_churn, (m).n, (m).renewals FROM (SELECT sbg_fit(4, true) AS m FROM generate_series(1, 1000000)) q;
SELECT (m).form, (m).n, sig((m).alpha, 6) AS alpha, sig((m).beta, 6) AS beta FROM (SELECT sbg_fit(1 + g::bigint * g % 100000, g % 3 = 0) AS m FROM generate_series(1, 200000) g) q;
SELECT sig((m).alpha, 12) AS alpha, sig((m).beta, 12) AS beta, sig((m).se_alpha, 8) AS se_alpha, sig((m).loglik, 12) AS loglik, (m).n FROM (SELECT sbg_fit(age, churned, n * 1000000000000000) AS m FROM customers(7) WHERE segment = 'High End') q;
SELECT (m).form, sig((m).alpha, 6) AS alpha, sig(sbg_survival(m, 1000000), 6) AS survival FROM (SELECT sbg_fit(a, c) AS m FROM (VALUES (1, true), (2, true), (1000000, false)) v (a, c)) q;
-- Nearly all lost: of N + 2 customers all but two at first, then one of the two, so that alpha + beta is 1 and the log-likelihood 2 ln(2 / N) - 2 + 2 ln(1/2); of 2^63 - 1 all but one: -ln(2^63) - 1.
SELECT n, (m).form, sig((m).alpha, 9) AS alpha, sig((m).beta * n, 9) AS beta_n, abs((m).loglik - (2 * ln(2 / n::float8) - 2 + 2 * ln(0.5))) < 1e-9 AS loglik
FROM (SELECT n, sbg_fit(a, c, w) AS m FROM unnest(ARRAY[1000000000000, 4611686018427387000]) n, LATERAL (VALUES (1, true, n), (2, false, 1), (2, true, 1)) v (a, c, w) GROUP BY n) q ORDER BY n;
SELECT (m).form, abs((m).loglik - (-63 * ln(2::float8) - 1)) < 1e-12 AS loglik FROM (SELECT sbg_fit(1, c, w) AS m FROM (VALUES (true, 9223372036854775806), (false, 1)) v (c, w)) q;
SELECT (m).form, (m).n, (m).loglik FROM (SELECT sbg_fit(1, c) AS m FROM unnest(ARRAY[true]) c) q;
-- Parameters at the limits. At 1e-100 twice, half of the customers leave at once, half never: (1 + 1e9) / 2 and a half.
SELECT a, b, round(log(sbg_survival(sbg(a, b), 3))::numeric, 6) AS log_survival, sig(sbg_clv(sbg(a, b), 1, 1e-9), 6) AS value, round(log(sbg_clv(sbg(a, b), 1, 1, 2))::numeric, 6) AS log_later FROM unnest(ARRAY[1e-100, 1, 1e15]::float8[]) a, unnest(ARRAY[1e-100, 1, 1e15]::float8[]) b ORDER BY a, b;
SELECT sbg_project(ROW(1e-100, 1e15, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'sbg', NULL, ARRAY[1e300, 1e308, 1e300], NULL, NULL, NULL, NULL)::sbg_model, 1) AS wide;
SELECT sbg_project(ROW(1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'sbg', NULL, ARRAY[1e308, -1e308, 1e308], NULL, NULL, NULL, NULL)::sbg_model, 1) AS wider;
SELECT sig(sbg_clv(sbg(1, 1), -5, 0.1), 6) AS a_loss, sbg_clv(sbg(1, 1), 0, 0.1) AS nothing;

-- NULL: none.
SELECT sbg_survival(NULL, 1), sbg_survival(sbg(1, 1), NULL), sbg_retention(NULL, 1), sbg_clv(NULL, 1, 0.1), sbg_clv(sbg(1, 1), NULL, 0.1), sbg_clv(sbg(1, 1), 1, NULL), sbg_clv(sbg(1, 1), 1, 0.1, NULL), sbg_lifetime(NULL);
SELECT count(*) FROM sbg_project(NULL, 10);

-- Errors.
SELECT n, pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'sbg_fit(-1, false)'), (2, 'sbg_fit(1000001, true)'), (3, 'sbg_fit(0, true)'), (4, 'sbg_fit(0, true, 1)'), (5, 'sbg_fit(3, true, -1)'), (6, 'sbg_fit(1000000, false, 9223372036854775807)'), (7, 'sbg_fit(1, g = 1, 9223372036854775807) FROM generate_series(1, 2) g'),
    (8, 'sbg_survival(sbg(1, 1), -1)'), (9, 'sbg_survival(sbg(1, 1), 1000001)'), (10, 'sbg_retention(sbg(1, 1), 0)'), (11, 'sbg_project(sbg(1, 1), -1)'), (12, 'sbg_project(sbg(1, 1), 1000001)'), (13, 'sbg_project(sbg(1, 1), 5, 1)'), (14, 'sbg_project(sbg(1, 1), 5, 95)'), (15, 'sbg_project(sbg(1, 1), 5, ''NaN'')'),
    (16, 'sbg_clv(sbg(1, 1), ''NaN'', 0.1)'), (17, 'sbg_clv(sbg(1, 1), ''Infinity'', 0.1)'), (18, 'sbg_clv(sbg(1, 1), 10, -0.1)'), (19, 'sbg_clv(sbg(1, 1), 10, ''NaN'')'), (31, 'sbg_clv(sbg(1, 1), 10, 1.000001)'), (32, 'sbg_clv(sbg(1, 1), 10, 10)'), (33, 'sbg_clv(sbg(1, 1), 10, ''Infinity'')'), (20, 'sbg_clv(sbg(1, 1), 10, 0.1, -1)'), (21, 'sbg_clv(sbg(1, 1), 10, 0.1, 0, 0)'), (22, 'sbg_clv(sbg(1, 1), 10, 0.1, 0, 1000001)'), (23, 'sbg_lifetime(sbg(3, 1), 0)'),
    (24, 'sbg_clv(sbg(0.668, 3.806), 10, 0)'), (25, 'sbg_lifetime(sbg(1, 1))'), (26, 'sbg_clv(boundary(''geometric'', 0), 10, 0)'), (27, 'sbg_clv(boundary(''split'', 0.5), 10, 0)'), (28, 'sbg_clv(boundary(''split'', 0.5), 10, 0, 3)'), (29, 'sbg_clv(sbg(1, 1), 1e308, 1e-9)'), (30, 'sbg_clv(boundary(''geometric'', 0), 1, 1e-320)')
) v (n, call) ORDER BY n;
-- Models that no fit makes.
SELECT n, pg_temp.err('SELECT sbg_project(' || model || ', 3)') AS error FROM (VALUES
    (1, 'ROW(NULL, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ''sbg'', NULL, NULL, NULL, NULL, NULL, NULL)::sbg_model'), (2, 'sbg(0, 1)'), (3, 'sbg(1, -1)'), (4, 'sbg(''NaN'', 1)'), (5, 'sbg(1, ''Infinity'')'), (6, 'sbg(1e16, 1)'), (7, 'boundary(NULL, 0.5)'), (8, 'boundary(''weird'', 0.5)'),
    (9, 'boundary(''geometric'', NULL)'), (10, 'boundary(''geometric'', 1.1)'), (11, 'boundary(''split'', -0.1)'), (12, 'boundary(''split'', ''NaN'')'), (13, 'boundary(''geometric'', 0.5, 0)'), (14, 'boundary(''split'', 0.5, -5)'),
    (15, 'ROW(1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ''sbg'', NULL, ARRAY[1, 0], NULL, NULL, NULL, NULL)::sbg_model'), (16, 'ROW(1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ''sbg'', NULL, ARRAY[1, 0, NULL], NULL, NULL, NULL, NULL)::sbg_model'), (17, 'ROW(1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ''sbg'', NULL, ARRAY[1, 0, ''NaN''::float8], NULL, NULL, NULL, NULL)::sbg_model'),
    (18, 'ROW(1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ''sbg'', NULL, ARRAY[-1, 0, 1], NULL, NULL, NULL, NULL)::sbg_model'), (19, 'ROW(1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ''sbg'', NULL, ARRAY[[1, 0, 1]], NULL, NULL, NULL, NULL)::sbg_model'), (20, 'ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::sbg_model')
) v (n, model) ORDER BY n;
-- At a boundary there is no alpha and no beta.
SELECT field, pg_temp.err(format('SELECT sbg_survival(jsonb_populate_record(boundary(''geometric'', 0.5), ''{"%s": 1}''), 3)', field)) AS error FROM unnest(ARRAY['alpha', 'beta']) field;
SELECT count(*) AS without_trials FROM sbg_project(boundary('geometric', 0.5), 3) WHERE lower IS NULL AND upper IS NULL;

-- What the planner may assume, and comments.
SELECT proname, pg_get_function_arguments(oid) AS arguments, prokind, provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc WHERE proname LIKE 'sbg\_%' AND pronamespace = 'public'::regnamespace ORDER BY proname, arguments;
SELECT obj_description('sbg_model'::regtype, 'pg_type') AS described;

SET client_min_messages = warning;
DROP SCHEMA test_sbg CASCADE;
