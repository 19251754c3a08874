-- logit_fit: logistic regression.
\pset null NULL
SET extra_float_digits = 0;
CREATE SCHEMA test_logit;
SET search_path = test_logit, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- Numbers as they are printed here: rounded to a few digits that count.
CREATE FUNCTION pg_temp.short(v float8, digits int DEFAULT 8) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN v = 0 THEN 0 ELSE round(v::numeric, digits - 1 - floor(log(abs(v)::numeric))::int) END $$;
CREATE FUNCTION pg_temp.short(v float8[], digits int DEFAULT 8) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(pg_temp.short(e, digits) ORDER BY i) FROM unnest(v) WITH ORDINALITY u (e, i) $$;
-- Two models agree to 1e-9.
CREATE FUNCTION pg_temp.alike(a logit_model, b logit_model) RETURNS boolean LANGUAGE sql AS $$
    SELECT (a).n = (b).n AND (a).n_events = (b).n_events AND (a).n_skipped = (b).n_skipped AND (a).names IS NOT DISTINCT FROM (b).names
        AND bool_and(abs(u - v) <= 1e-9 * (abs(u) + 1e-6)) AND max(i) = 4 * cardinality((a).coef) + 2
    FROM unnest((a).coef || (a).se || (a).means || (a).sds || ARRAY[(a).loglik, (a).null_loglik, (a).auc, (a).condition],
                (b).coef || (b).se || (b).means || (b).sds || ARRAY[(b).loglik, (b).null_loglik, (b).auc, (b).condition]) WITH ORDINALITY w (u, v, i)
$$;
-- The probability as it is written.
CREATE FUNCTION pg_temp.p(m logit_model, x float8[]) RETURNS float8 LANGUAGE sql AS
$$ SELECT 1 / (1 + exp(-(m).coef[1] - sum(c * v))) FROM unnest((m).coef[2:], x) u (c, v) $$;

-- By hand: a flag. Of 10 rows with it 8 have y true, of 10 without 2: the log-odds are ln(2/8) without it and ln(8/2) with it, so that the
-- coefficients are -ln 4 and 2 ln 4; their variances 1/2 + 1/8 and 1/2 + 1/8 + 1/2 + 1/8; the log-likelihood is 4 ln .2 + 16 ln .8.
CREATE TABLE flag AS SELECT g % 10 < CASE WHEN g > 10 THEN 8 ELSE 2 END AS y, (g > 10)::int AS f FROM generate_series(1, 20) g;
SELECT pg_temp.short((m).coef) AS coef, pg_temp.short((m).se) AS se, pg_temp.short((m).loglik) AS loglik, pg_temp.short((m).null_loglik) AS null_loglik, (m).n, (m).n_events, (m).n_skipped, (m).means, pg_temp.short((m).sds) AS sds, (m).names, (m).ridge, (m).firth
FROM (SELECT logit_fit(y, ARRAY[f]) AS m FROM flag) q;
SELECT pg_temp.short(ARRAY[-ln(4), 2 * ln(4)]::float8[]) AS coef, pg_temp.short(ARRAY[sqrt(0.625), sqrt(1.25)]::float8[]) AS se, pg_temp.short((4 * ln(0.2) + 16 * ln(0.8))::float8) AS loglik, pg_temp.short((20 * ln(0.5))::float8) AS null_loglik, pg_temp.short(sqrt(5.0 / 19)::float8) AS sds;
-- AUC of the fit: of 100 pairs 64 in order, 32 tied: 0.8.
SELECT round((m).auc::numeric, 12) AS auc, round((m).condition::numeric, 6) AS condition, (m).n_iter BETWEEN 2 AND 8 AS soon FROM (SELECT logit_fit(y, ARRAY[f]) AS m FROM flag) q;

-- Published: the second heart attacks of 20 patients (treatment, anxiety): -6.36346994, -1.02410605, 0.119044917, log-likelihood -9.41018298.
CREATE TABLE patients (y boolean, tr int, ax int);
INSERT INTO patients VALUES (true, 1, 70), (true, 1, 80), (true, 1, 50), (true, 0, 60), (true, 0, 40), (true, 0, 65), (true, 0, 75), (true, 0, 80), (true, 0, 70), (true, 0, 60),
    (false, 1, 65), (false, 1, 50), (false, 1, 45), (false, 1, 35), (false, 1, 40), (false, 1, 50), (false, 0, 55), (false, 0, 45), (false, 0, 50), (false, 0, 60);
SELECT pg_temp.short((m).coef, 9) AS coef, pg_temp.short((m).se, 7) AS se, pg_temp.short((m).loglik, 9) AS loglik, (m).n, (m).n_events, pg_temp.short((m).auc) AS auc FROM (SELECT logit_fit(y, ARRAY[tr, ax]) AS m FROM patients) q;
SELECT term, pg_temp.short(coef, 6) AS coef, pg_temp.short(se, 6) AS se, round(z::numeric, 5) AS z, round(p::numeric, 6) AS p, pg_temp.short(odds_ratio, 6) AS odds_ratio, pg_temp.short(lower, 6) AS lower, pg_temp.short(upper, 6) AS upper
FROM (SELECT logit_fit(y, ARRAY[tr, ax], ARRAY['treatment', 'anxiety']) AS m FROM patients) q, logit_summary(m);
-- Separated: 1 to 6. By Firth's method -3.95119371, 1.12891249; ridge 1 -3.92213360, 1.12060960; ridge 0.1 -9.36181570, 2.67480449.
SELECT (logit_fit_firth(g > 3, ARRAY[g])).coef AS firth, (logit_fit(g > 3, ARRAY[g], 1)).coef AS ridge_1, (logit_fit(g > 3, ARRAY[g], 0.1)).coef AS ridge_01 INTO TEMP separated FROM generate_series(1, 6) g;
SELECT pg_temp.short(firth, 9) AS firth, pg_temp.short(ridge_1, 9) AS ridge_1, pg_temp.short(ridge_01, 9) AS ridge_01 FROM separated;
SELECT pg_temp.err('SELECT logit_fit(g > 3, ARRAY[g]) FROM generate_series(1, 6) g');
-- Firth's method on a flag adds half a row to each of the four cells: ln(2.5/8.5) and 2 ln(8.5/2.5).
SELECT pg_temp.short((logit_fit_firth(y, ARRAY[f])).coef) AS firth, pg_temp.short(ARRAY[ln(2.5 / 8.5), 2 * ln(8.5 / 2.5)]::float8[]) AS wanted FROM flag;
-- Also where one row alone has the flag: ln(0.5 / 1.5) beside ln(3.5/4.5) of the seven others.
SELECT pg_temp.short((logit_fit_firth(g <= 3, ARRAY[(g = 8)::int])).coef) AS firth, pg_temp.short(ARRAY[ln(3.5 / 4.5), ln(0.5 / 1.5) - ln(3.5 / 4.5)]::float8[]) AS wanted FROM generate_series(1, 8) g;
-- A saturated model of four cells, one of which has the only event of 100000 rows: ln((e + 1/2) / (n - e + 1/2)) in each.
SELECT bool_and(abs(ln(logit_predict(m, ARRAY[a, b, a * b]) / (1 - logit_predict(m, ARRAY[a, b, a * b]))) - ln((e + 0.5) / (n - e + 0.5))) < 1e-8) AS cells, max((m).n_iter) < 40 AS soon
FROM (SELECT logit_fit_firth(g = 78, ARRAY[a, b, a * b]) AS m FROM (SELECT g, g % 2 AS a, (g % 5 = 0)::int AS b FROM generate_series(1, 100000) g) q) f,
    (SELECT g % 2 AS a, (g % 5 = 0)::int AS b, count(*) FILTER (WHERE g = 78) AS e, count(*) AS n FROM generate_series(1, 100000) g GROUP BY 1, 2) c;
-- One event, three features, two of which tell nothing; features that are the same up to a thousandth of their spread: both of them separate.
SELECT pg_temp.short((m).coef, 6) AS coef, (m).n_iter < 40 AS soon FROM (SELECT logit_fit_firth(g = 77, ARRAY[g % 2, g % 5, g]) AS m FROM generate_series(1, 100000) g) q;
SELECT pg_temp.short((m).coef[2:], 5) AS coef, (m).n_iter < 40 AS soon FROM (SELECT logit_fit_firth(g * 7919 % 31 > 15, ARRAY[1000 * (g * 7919 % 31), 1000 * (g * 7919 % 31) + g % 4]) AS m FROM generate_series(1, 60) g) q;

-- Pseudo-random rows with four features of unlike scales, and what SQL says of the fit.
CREATE TABLE rows AS
SELECT g AS id, u < 1 / (1 + exp(-(-1.5 + 0.8 * f - 0.05 * t + 0.02 * c + 0.5 * (t - 30) * f / 30))) AS y, ARRAY[t, c, f, k * 1e6]::float8[] AS x, g % 5 AS part
FROM (SELECT g, ('x' || substr(md5(g::text), 1, 8))::bit(32)::bigint / 4294967296.0::float8 AS u, g * 7919 % 73 AS t, 20 + g * 104729 % 997 / 10.0::float8 AS c, g * 31 % 7 % 2 AS f, g * 15485863::bigint % 101 AS k FROM generate_series(1, 4000) g) q;
CREATE TABLE fits AS SELECT 'plain' AS kind, logit_fit(y, x) AS m FROM rows UNION ALL SELECT 'ridge', logit_fit(y, x, 2.5) FROM rows UNION ALL SELECT 'firth', logit_fit_firth(y, x) FROM rows;
-- The score X'(y - p) is 0 at the fit, and lambda b with a ridge; in units of the features.
SELECT kind, j, abs(sum((y::int - pg_temp.p(m, x)) * coalesce(x[j], 1)) - CASE WHEN j > 0 THEN (m).ridge * (m).coef[j + 1] ELSE 0 END) / coalesce((m).sds[j], 1) < 1e-8 AS zero
FROM fits, rows, generate_series(0, 4) j WHERE kind <> 'firth' GROUP BY kind, m, j ORDER BY kind, j;
-- Log-likelihoods, means, deviations, AUC by pairs.
SELECT kind, abs((m).loglik - sum(ln(CASE WHEN y THEN pg_temp.p(m, x) ELSE 1 - pg_temp.p(m, x) END))) < 1e-9 AS loglik,
    abs((m).null_loglik - (count(*) FILTER (WHERE y) * ln(avg(y::int)) + count(*) FILTER (WHERE NOT y) * ln(1 - avg(y::int)))) < 1e-9 AS null_loglik,
    bool_and(abs((m).means[1] - t) < 1e-12 AND abs((m).sds[1] - s) < 1e-12) AS moments, (m).n, (m).n_events = count(*) FILTER (WHERE y) AS events
FROM fits, rows, (SELECT avg(x[1]) AS t, stddev(x[1]) AS s FROM rows) a GROUP BY kind, m ORDER BY kind;
SELECT kind, abs((m).auc - sum(CASE WHEN a.p > b.p THEN 1 WHEN a.p = b.p THEN 0.5 ELSE 0 END) / count(*)) < 1e-12 AS auc
FROM fits, LATERAL (SELECT logit_predict(m, x) AS p FROM rows WHERE y) a, LATERAL (SELECT logit_predict(m, x) AS p FROM rows WHERE NOT y) b WHERE kind = 'plain' GROUP BY kind, m;
-- Nothing near is likelier: the penalised log-likelihood falls to both sides along every coefficient.
SELECT kind, bool_and(here > there) AS best FROM fits, generate_series(1, 5) j, unnest(ARRAY[-0.01, 0.01]) d,
    LATERAL (SELECT (m).coef[:j - 1] || (m).coef[j] + d * (m).se[j] || (m).coef[j + 1:] AS moved) v,
    LATERAL (SELECT sum(ln(CASE WHEN y THEN pg_temp.p(m, x) ELSE 1 - pg_temp.p(m, x) END)) - (m).ridge / 2 * (SELECT sum(b * b) FROM unnest((m).coef[2:]) b) AS here,
        sum(-ln(1 + exp(CASE WHEN y THEN -1 ELSE 1 END * (moved[1] + moved[2] * x[1] + moved[3] * x[2] + moved[4] * x[3] + moved[5] * x[4])))) - (m).ridge / 2 * (SELECT sum(b * b) FROM unnest(moved[2:]) b) AS there FROM rows) l
WHERE kind <> 'firth' GROUP BY kind ORDER BY kind;
-- Standard errors of one feature: the inverse of (sum w, sum wx; sum wx, sum wx^2), to which a ridge adds lambda.
SELECT ridge, abs((m).se[1] - sqrt((sxx + ridge) / det)) / (m).se[1] < 1e-9 AS intercept, abs((m).se[2] - sqrt(s / det)) / (m).se[2] < 1e-9 AS slope
FROM unnest(ARRAY[0, 50]) ridge, LATERAL (SELECT logit_fit(y, x[1:1], ridge) AS m FROM rows) f,
    LATERAL (SELECT sum(w) AS s, sum(w * x[1]) AS sx, sum(w * x[1] * x[1]) AS sxx FROM (SELECT x, pg_temp.p(m, x[1:1]) * (1 - pg_temp.p(m, x[1:1])) AS w FROM rows) w) v, LATERAL (SELECT s * (sxx + ridge) - sx * sx AS det) d;
-- Firth's equations for one feature: the sum of (y - p + h (1/2 - p)) x is 0, h = w (1 x) I^-1 (1 x)'.
SELECT abs(sum(y::int - p + h * (0.5 - p))) < 1e-8 AS intercept, abs(sum((y::int - p + h * (0.5 - p)) * x[1])) < 1e-7 AS slope
FROM (SELECT logit_fit_firth(y, x[1:1]) AS m FROM rows WHERE id <= 100) f,
    LATERAL (SELECT y, x, p, p * (1 - p) * (sum(w * x[1] * x[1]) OVER () - 2 * x[1] * sum(w * x[1]) OVER () + x[1] * x[1] * sum(w) OVER ()) / (sum(w) OVER () * sum(w * x[1] * x[1]) OVER () - (sum(w * x[1]) OVER ()) ^ 2) AS h
             FROM (SELECT y, x, p, p * (1 - p) AS w FROM (SELECT y, x, pg_temp.p(m, x[1:1]) AS p FROM rows WHERE id <= 100) a) b) c;
-- A ridge of 0 is none; a large one leaves the intercept, which is not penalised.
SELECT pg_temp.alike((SELECT m FROM fits WHERE kind = 'plain'), logit_fit(y, x, 0)) AS zero FROM rows;
SELECT round((m).coef[1]::numeric, 8) AS intercept, (SELECT bool_and(abs(b) < 1e-9) FROM unnest((m).coef[2:]) b) AS slopes, round(ln(avg(y::int) / (1 - avg(y::int))), 8) AS log_odds FROM rows, (SELECT logit_fit(y, x[1:3], 1e16) AS m FROM rows) f GROUP BY m;

-- The same answer: other orders, plans, groups, frames.
SELECT pg_temp.alike((SELECT m FROM fits WHERE kind = 'plain'), logit_fit(y, x ORDER BY md5(id::text))) AS shuffled, pg_temp.alike((SELECT m FROM fits WHERE kind = 'plain'), logit_fit(y, x ORDER BY y, id DESC)) AS sorted,
    pg_temp.alike((SELECT m FROM fits WHERE kind = 'ridge'), logit_fit(y, x, 2.5 ORDER BY md5(id::text))) AS ridge, pg_temp.alike((SELECT m FROM fits WHERE kind = 'firth'), logit_fit_firth(y, x ORDER BY md5(id::text))) AS firth FROM rows;
CREATE TABLE by_part AS SELECT p AS part, (SELECT logit_fit(y, x, ARRAY['t', 'c', 'f', 'k']) FROM rows WHERE part = p) AS m FROM generate_series(0, 4) p;
SELECT count(*) FILTER (WHERE pg_temp.alike(b.m, g.m)) AS grouped FROM by_part b JOIN (SELECT part, logit_fit(y, x, ARRAY['t', 'c', 'f', 'k']) AS m FROM rows GROUP BY part) g USING (part);
SET enable_hashagg = off;
SELECT count(*) FILTER (WHERE pg_temp.alike(b.m, g.m)) AS sorted FROM by_part b JOIN (SELECT part, logit_fit(y, x, ARRAY['t', 'c', 'f', 'k']) AS m FROM rows GROUP BY part) g USING (part);
RESET enable_hashagg;
SELECT pg_temp.alike((SELECT m FROM by_part WHERE part = 3), logit_fit(y, x, ARRAY['t', 'c', 'f', 'k']) FILTER (WHERE part = 3)) AS filtered FROM rows;
SELECT bool_and(pg_temp.alike(m, (SELECT logit_fit(y, x[1:3]) FROM rows WHERE id <= q.id + 200))) AS over_ordered, count(*)
FROM (SELECT id, logit_fit(y, x[1:3]) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 200 FOLLOWING) AS m FROM rows WHERE id <= 1000) q WHERE id <= 800 AND id % 97 = 1;
SELECT bool_and(pg_temp.alike(m, (SELECT logit_fit(y, x[1:3]) FROM rows WHERE id BETWEEN q.id - 300 AND q.id + 300))) AS over_moving
FROM (SELECT id, logit_fit(y, x[1:3]) OVER (ORDER BY id ROWS BETWEEN 300 PRECEDING AND 300 FOLLOWING) AS m FROM rows WHERE id <= 700) q WHERE id % 133 = 1 AND id <= 400;
SELECT bool_and(pg_temp.alike(q.m, b.m)) AS over_partition FROM (SELECT DISTINCT ON (part) part, logit_fit(y, x, ARRAY['t', 'c', 'f', 'k']) OVER (PARTITION BY part) AS m FROM rows) q JOIN by_part b USING (part);
SET max_parallel_workers_per_gather = 2; SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
SELECT pg_temp.plan_has('SELECT logit_fit(y, x) FROM rows', 'Gather') AS workers, pg_temp.plan_has('SELECT logit_fit(y, x) FROM rows', 'Partial') AS partial;
SELECT pg_temp.alike((SELECT m FROM fits WHERE kind = 'plain'), logit_fit(y, x)) AS parallel FROM rows;
RESET max_parallel_workers_per_gather; RESET min_parallel_table_scan_size; RESET parallel_setup_cost; RESET parallel_tuple_cost;
-- A row ten times is ten rows: the coefficients stay, the errors shrink by the root of ten.
SELECT (SELECT bool_and(abs(a / b - 1) < 1e-9) FROM unnest((m).coef, (n).coef) u (a, b)) AS coef, (SELECT bool_and(abs(a / b / sqrt(10) - 1) < 1e-9) FROM unnest((m).se, (n).se) u (a, b)) AS se, abs((n).loglik / (m).loglik - 10) < 1e-9 AS loglik, abs((m).auc - (n).auc) < 1e-12 AS auc
FROM fits, (SELECT logit_fit(y, x) AS n FROM rows, generate_series(1, 10)) q WHERE kind = 'plain';
-- Other units: coefficients in inverse proportion; everything else stays.
SELECT pg_temp.short(ARRAY[(a).coef[2] / (b).coef[2] / 1e-9, (a).coef[3] / (b).coef[3] / 1e9, (a).se[4] / (b).se[4] / 1e100, (a).se[5] / (b).se[5] / 1e-130], 9) AS ratios, abs((a).loglik - (b).loglik) < 1e-8 AS loglik, abs((a).auc - (b).auc) < 1e-9 AS auc, abs((a).condition / (b).condition - 1) < 1e-6 AS condition
FROM (SELECT logit_fit(y, x) AS b, logit_fit(y, ARRAY[1e9 * x[1], 1e-9 * x[2], 1e-100 * x[3], 1e130 * x[4]]) AS a FROM rows) q;
-- Another zero moves the intercept only, however far it is: seconds since 1970 instead of days.
SELECT pg_temp.short((a).coef[2] / (b).coef[2] * 86400, 9) AS ratio, abs((a).loglik - (b).loglik) < 1e-8 AS loglik, abs((a).coef[1] - ((b).coef[1] - (a).coef[2] * 1.7e9)) < 1e-7 AS intercept FROM (SELECT logit_fit(y, x[1:1]) AS b, logit_fit(y, ARRAY[1.7e9 + 86400 * x[1]]) AS a FROM rows) q;

-- Rows with a NULL are skipped, whatever else is wrong with them.
SELECT pg_temp.short((m).coef) AS coef, (m).n, (m).n_skipped FROM (SELECT logit_fit(y, x) AS m FROM (SELECT y, ARRAY[f::float8] AS x FROM flag UNION ALL VALUES (NULL, '{1}'::float8[]), (true, NULL), (true, '{NULL}'), (NULL, '{1,2,3}'), (false, '{NaN,NULL}'), (NULL, NULL)) v) q;
SELECT logit_fit(y, x) AS no_row, logit_fit(y, x, 1.0) AS ridge, logit_fit_firth(y, x) AS firth, logit_fit(y, x, ARRAY['a']) AS names FROM (SELECT true AS y, ARRAY[1.0] AS x WHERE false) q;
SELECT logit_fit(y, ARRAY[x]) AS all_skipped, logit_fit(y, ARRAY[x], ARRAY['a', 'b', 'c']) AS names FROM (VALUES (true, NULL::float8), (NULL, 1)) v (y, x);
SELECT logit_fit(NULL, ARRAY[g]), logit_fit_firth(g > 1, NULL) FROM generate_series(1, 1000) g;

-- Large and hard: a million rows of two kinds; steep; 64 features; a thousand groups.
SELECT pg_temp.short((m).coef) AS coef, pg_temp.short((m).se) AS se, (m).n, pg_temp.short((m).auc) AS auc FROM (SELECT logit_fit(g % 10 < CASE WHEN g > 500000 THEN 8 ELSE 2 END, ARRAY[(g > 500000)::int]) AS m FROM generate_series(1, 1000000) g) q;
SELECT pg_temp.short((m).coef, 6) AS coef, pg_temp.short((m).auc) AS auc FROM (SELECT logit_fit(g > 50000 OR g = 5, ARRAY[g]) AS m FROM generate_series(1, 100000) g) q;
SELECT cardinality((m).coef), abs(sum(y::int) - sum(logit_predict(m, x))) < 1e-8 AS balanced, max((m).n_iter) < 12 AS soon
FROM (SELECT logit_fit(y, x) OVER () AS m, y, x FROM (SELECT g % 3 = 0 AS y, (SELECT array_agg(('x' || substr(md5(g || '-' || j), 1, 6))::bit(24)::int % 100 ORDER BY j)::float8[] FROM generate_series(1, 64) j) AS x FROM generate_series(1, 2000) g) r) q GROUP BY m;
SELECT count(*), count(DISTINCT round((m).coef[2]::numeric, 8)) FROM (SELECT logit_fit(h % 10 < CASE WHEN h > 10 THEN 8 ELSE 2 END, ARRAY[(h > 10)::int]) AS m FROM generate_series(1, 1000) g, generate_series(1, 20) h GROUP BY g) q;
-- Nearly constant, nearly collinear: fine as long as there is something to see.
SELECT pg_temp.short((m).coef, 6) AS coef, (m).n FROM (SELECT logit_fit(y, ARRAY[1e9 + 1e-4 * f]) AS m FROM flag) q;
SELECT (m).condition > 1e6 AS ill, pg_temp.short((m).loglik) AS loglik FROM (SELECT logit_fit(y, ARRAY[x[1], x[1] + 1e-3 * x[2]]) AS m FROM rows) q UNION ALL SELECT false, pg_temp.short((m).loglik) FROM (SELECT logit_fit(y, x[1:2]) AS m FROM rows) q;
-- Small random tables, where features often separate: either the fit balances, or a next to absent ridge shows that it had no end.
CREATE FUNCTION pg_temp.pick(what text, n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || substr(md5(what), 1, 7))::bit(28)::int % n $$;
CREATE TABLE small AS
SELECT s, i, pg_temp.pick(format('y %s %s', s, i), 100) < 30 + 20 * pg_temp.pick(format('x1 %s %s', s, i), levels) AS y, (SELECT array_agg(pg_temp.pick(format('x%s %s %s', j, s, i), levels)::float8 ORDER BY j) FROM generate_series(1, k) j) AS x
FROM (SELECT s, 8 + pg_temp.pick('n' || s, 14) AS n, 1 + pg_temp.pick('k' || s, 3) AS k, 2 + pg_temp.pick('l' || s, 5) AS levels FROM generate_series(1, 160) s) q, generate_series(1, n) i;
CREATE FUNCTION pg_temp.verdict(which int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    m logit_model;
    message text;
    far float8;
BEGIN
    BEGIN
        m := (SELECT logit_fit(y, x) FROM small WHERE s = which);
        RETURN CASE WHEN (SELECT abs(sum(y::int - logit_predict(m, x))) < 1e-9 AND abs(sum((y::int - logit_predict(m, x)) * x[1])) < 1e-9 FROM small WHERE s = which) AND (SELECT max(e) < 1e3 FROM unnest(m.se) e) THEN 'fitted' ELSE 'not balanced' END;
    EXCEPTION WHEN data_exception THEN
        GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
    END;
    IF message NOT LIKE '%separate%' THEN
        RETURN regexp_replace(message, '[0-9]+', 'N', 'g');
    END IF;
    m := (SELECT logit_fit(y, x, 1e-10) FROM small WHERE s = which);
    far := (SELECT max(abs(ln(p / (1 - p)))) FROM (SELECT logit_predict(m, x) AS p FROM small WHERE s = which) q WHERE p BETWEEN 1e-15 AND 1 - 1e-15);
    RETURN split_part(message, ' ', 1) || CASE WHEN far > 10 THEN ' separates' ELSE ' does not separate' END;
END $$;
SELECT pg_temp.verdict(s) AS verdict, count(*) FROM generate_series(1, 160) s GROUP BY 1 ORDER BY 1;
SELECT count((logit_fit_firth).coef) AS by_firth FROM (SELECT logit_fit_firth(y, x) FROM small WHERE s IN (SELECT s FROM small GROUP BY s HAVING count(DISTINCT y) = 2) GROUP BY s) q;
-- A row far out is no separation, though it decides much: here the slope is that of the others but for 1e-9 of it.
SELECT pg_temp.short((m).coef[2:], 5) AS coef FROM (SELECT logit_fit(g * 7919 % 1000 < 300, ARRAY[g % 7, CASE g WHEN 78 THEN 1e9 ELSE g % 2 END]) AS m FROM generate_series(1, 2000) g) q;

-- Nothing to learn: errors that say of what.
CREATE FUNCTION pg_temp.fit_err(y text, x text, n int DEFAULT 200, more text DEFAULT '', fit text DEFAULT 'logit_fit') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.err(format('SELECT %s(%s, %s%s) FROM (SELECT g, g %% 5 AS a, g * 7919 %% 13 AS b, g * 31 %% 7 AS c, g * 7919 %% 1000 < 300 AS r FROM generate_series(1, %s) g) q', fit, y, x, more, n)) $$;
-- one outcome
SELECT pg_temp.fit_err('true', 'ARRAY[a]') UNION ALL SELECT pg_temp.fit_err('g < 0', 'ARRAY[a]', more => ', 1.0') UNION ALL SELECT pg_temp.fit_err('g < 0', 'ARRAY[a]', fit => 'logit_fit_firth') UNION ALL SELECT pg_temp.fit_err('true', 'ARRAY[a]', 1);
-- constant
SELECT pg_temp.fit_err('r', 'ARRAY[a, 0.1]') UNION ALL SELECT pg_temp.fit_err('r', 'ARRAY[a, 7]', more => ', ARRAY[''plan'', ''seats'']') UNION ALL SELECT pg_temp.fit_err('r', 'ARRAY[a, 7]', fit => 'logit_fit_firth');
-- separated by one feature: completely, up to ties, below, by a flag
SELECT pg_temp.fit_err('a > 2', 'ARRAY[b, a]') UNION ALL SELECT pg_temp.fit_err('a > 2 OR a = 2 AND r', 'ARRAY[b, a]') UNION ALL SELECT pg_temp.fit_err('a < 2', 'ARRAY[b, -a, a]', more => ', ARRAY[''b'', ''minus_a'', ''a'']')
    UNION ALL SELECT pg_temp.fit_err('r', 'ARRAY[a, (r AND b > 3)::int]', more => ', ARRAY[''a'', ''cancelled'']') UNION ALL SELECT pg_temp.fit_err('r', 'ARRAY[a, CASE WHEN r THEN 1 ELSE b - 20 END]');
-- by several together: completely; but for ties; in one corner
SELECT pg_temp.fit_err('a + b > 8', 'ARRAY[c, a, b]') UNION ALL SELECT pg_temp.fit_err('a + b > 8 OR a + b = 8 AND r', 'ARRAY[c, a, b]') UNION ALL SELECT pg_temp.fit_err('a + b > 8 OR a + b = 8 AND r', 'ARRAY[c, a, b]', more => ', ARRAY[''calls'', ''a'', ''bills'']')
    UNION ALL SELECT pg_temp.fit_err('r OR a > 2', 'ARRAY[b, (a > 2)::int + (a = 4)::int, (a = 3)::int]');
-- by the value of a category that has no flag: nobody of it left
SELECT pg_temp.fit_err('g % 4 <> 0 AND r', 'ARRAY[(g % 4 = 1)::int, a, (g % 4 = 2)::int, (g % 4 = 3)::int]', 2000, ', ARRAY[''month'', ''seats'', ''year'', ''two'']');
-- a linear combination
SELECT pg_temp.fit_err('r', 'ARRAY[a, b, 2 * a - b + 3, c]') UNION ALL SELECT pg_temp.fit_err('r', 'ARRAY[a, a]', more => ', ARRAY[''seats'', ''users'']') UNION ALL SELECT pg_temp.fit_err('r', 'ARRAY[(g % 3 = 0)::int, (g % 3 = 1)::int, b, (g % 3 = 2)::int]', more => ', ARRAY[''monthly'', ''yearly'', ''b'', ''two_years'']')
    UNION ALL SELECT pg_temp.fit_err('r', 'ARRAY[1e8 * a, a + 1e-9 * b]') UNION ALL SELECT pg_temp.fit_err('r', 'ARRAY[a, a]', fit => 'logit_fit_firth') UNION ALL SELECT pg_temp.fit_err('r', 'ARRAY[1e9 * a, 1e9 * a]', more => ', 1.0');
-- few events
SELECT pg_temp.fit_err('g IN (7, 78)', 'ARRAY[a, b]') UNION ALL SELECT pg_temp.fit_err('g NOT IN (7, 78)', 'ARRAY[a, b]') UNION ALL SELECT pg_temp.fit_err('g IN (7, 78, 100)', 'ARRAY[a, b]') UNION ALL SELECT pg_temp.fit_err('r', 'ARRAY[a, b]', 2);
-- The ways out work.
SELECT fit, more, x, pg_temp.fit_err(y, x, 200, more, fit) AS result FROM (VALUES ('logit_fit', ', 1.0'), ('logit_fit', ', 0.001, ARRAY[''a'', ''b'']'), ('logit_fit_firth', ''), ('logit_fit_firth', ', ARRAY[''a'', ''b'']')) f (fit, more),
    (VALUES ('a > 2', 'ARRAY[b, a]'), ('a + b > 8 OR a + b = 8 AND r', 'ARRAY[a, b]'), ('r', 'ARRAY[a, (r AND b > 3)::int]'), ('g IN (7, 78)', 'ARRAY[a, b]'), ('g = 7', 'ARRAY[a, b]')) v (y, x) ORDER BY 1, 2, y;
-- With a ridge a constant feature has no coefficient, and features that say the same share one.
SELECT pg_temp.short((m).coef) AS coef, pg_temp.short((m).se) AS se, (m).sds[2] FROM (SELECT logit_fit(y, ARRAY[f, 3], 4.0) AS m FROM flag) q UNION ALL SELECT pg_temp.short((logit_fit(y, ARRAY[f], 4.0)).coef), NULL, NULL FROM flag;
SELECT (m).coef[2] BETWEEN 0 AND 1e-200 AS vanished, (m).coef[3] AS constant FROM (SELECT logit_fit(y, ARRAY[f, 3], 1e308) AS m FROM flag) q;
SELECT pg_temp.short((logit_fit(y, ARRAY[f, f], 2)).coef) AS shared, pg_temp.short((logit_fit(y, ARRAY[f], 1)).coef) AS one FROM flag;

-- Arguments.
SELECT n, pg_temp.fit_err(y, x, 20, more, fit) AS error FROM (VALUES
    (1, 'r', '(ARRAY[a, b])[:1 + (g <> 9)::int]', '', 'logit_fit'), (2, 'r', '''{}''', '', 'logit_fit'), (3, 'r', 'ARRAY[ARRAY[a, b]]', '', 'logit_fit'), (4, 'r', 'array_fill(1.0, ARRAY[65])', '', 'logit_fit'),
    (5, 'r', 'ARRAY[a, CASE g WHEN 9 THEN ''NaN'' ELSE b::float8 END]', '', 'logit_fit'), (6, 'r', 'ARRAY[a, CASE g WHEN 9 THEN ''-Infinity'' ELSE b::float8 END]', ', ARRAY[''a'', ''mrr'']', 'logit_fit'), (7, 'r', 'ARRAY[''Infinity''::float8, b]', '', 'logit_fit_firth'),
    (8, 'r', 'ARRAY[a]', ', -1', 'logit_fit'), (9, 'r', 'ARRAY[a]', ', ''NaN''::float8', 'logit_fit'), (10, 'r', 'ARRAY[a]', ', NULL::float8', 'logit_fit'), (11, 'r', 'ARRAY[a]', ', g', 'logit_fit'), (12, 'r', 'ARRAY[a]', ', ''Infinity''::float8', 'logit_fit'),
    (13, 'r', 'ARRAY[a, b]', ', ARRAY[''a'']', 'logit_fit'), (14, 'r', 'ARRAY[a, b]', ', ARRAY[''a'', NULL]', 'logit_fit'), (15, 'r', 'ARRAY[a, b]', ', NULL::text[]', 'logit_fit'), (16, 'r', 'ARRAY[a, b]', ', ARRAY[''a'', g::text]', 'logit_fit'), (17, 'r', 'ARRAY[a, b]', ', ARRAY[ARRAY[''a'', ''b'']]', 'logit_fit'),
    (18, 'r', 'ARRAY[a]', ', ''1.0''', 'logit_fit'), (19, 'r', 'ARRAY[a, 1e200 * b]', '', 'logit_fit'), (20, 'r', 'ARRAY[a, 1e-200 * b]', '', 'logit_fit'), (21, 'r', 'ARRAY[a]', ', 1, ''{a,b}''', 'logit_fit'), (22, 'r', 'ARRAY[a]', ', NULL::text[]', 'logit_fit_firth'),
    (23, 'g % 3 = 0', 'ARRAY[1e308 - 1e299 * (g % 2), a]', '', 'logit_fit'), (24, 'g % 3 = 0', 'ARRAY[1e308 - 1e139 * (g % 2)]', '', 'logit_fit')
) v (n, y, x, more, fit) ORDER BY n;
-- Memory: 8 bytes a feature and row, and 17 a row.
SET churnmetrics.fit_memory = '4MB';
SELECT pg_temp.err('SELECT logit_fit(g % 3 = 0, ARRAY[g % 7, g % 11, g % 5]) FROM generate_series(1, 200000) g') AS error;
SELECT (logit_fit(g % 3 = 0, ARRAY[g % 7, g % 11, g % 5])).n FROM generate_series(1, 50000) g;
RESET churnmetrics.fit_memory;

-- Predictions.
SELECT id, abs(logit_predict(m, x) - pg_temp.p(m, x)) < 1e-14 AS same FROM fits, rows WHERE kind = 'plain' AND id <= 3 ORDER BY id;
SELECT count(*) FILTER (WHERE abs(logit_predict(m, x) - pg_temp.p(m, x)) < 1e-14) FROM by_part b JOIN rows r ON id % 5 = b.part WHERE id <= 500;
SELECT logit_predict(m, NULL) AS null_x, logit_predict(m, ARRAY[1, NULL, 3, 4]) AS null_element, logit_predict(NULL, ARRAY[1]) AS null_model, logit_predict(m, ARRAY[-1e300, 0, 0, 0]) AS sure, logit_predict(m, ARRAY[1e300, 0, 0, 0]) AS never FROM fits WHERE kind = 'plain';
SELECT pg_temp.err(format('SELECT logit_predict(m, %s) FROM fits WHERE kind = ''plain''', x)) AS error FROM unnest(ARRAY['ARRAY[1, 2, 3]', 'ARRAY[1, 2, 3, 4, 5]', '''{}''', '''{1,2,NaN,4}''', 'ARRAY[[1, 2, 3, 4]]']) x;
SELECT pg_temp.err('SELECT logit_predict(ROW(NULL, ARRAY[1, 1e300, -1e300], ARRAY[1, 1, 1], ARRAY[0, 0], NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, false)::logit_model, ARRAY[1e300, 1e300])') AS error;
-- Stored, shown and read back.
CREATE TABLE kept (m logit_model, at date);
INSERT INTO kept SELECT m, '2024-01-01' FROM fits;
SET extra_float_digits = 1;
SELECT count(*) FILTER (WHERE logit_predict(m, x) = logit_predict(m::text::logit_model, x)) AS through_text FROM kept, (SELECT x FROM rows WHERE id = 7) r;
SET extra_float_digits = 0;

-- Summaries: names of the argument go before those of the model; intervals of the odds ratio.
SELECT string_agg(term, ', ' ORDER BY o) AS plain FROM fits, ROWS FROM (logit_summary(m)) WITH ORDINALITY s (term, coef, se, z, p, odds_ratio, lower, upper, o) WHERE kind = 'plain';
SELECT (SELECT string_agg(term, ', ') FROM logit_summary(m)) AS named, (SELECT string_agg(term, ', ') FROM logit_summary(m, ARRAY['a', 'b', 'c', 'd'])) AS renamed FROM by_part WHERE part = 0;
SELECT term, abs(z - coef / se) < 1e-12 AS z, abs(odds_ratio - exp(coef)) < 1e-12 AS odds, abs(ln(upper / lower) / 2 / se - 2.5758293035489) < 1e-9 AS width, abs(ln(upper * lower) / 2 - coef) < 1e-12 AS middle FROM fits, logit_summary(m, confidence => 0.99) WHERE kind = 'plain' AND term <> 'x4' ORDER BY term;
-- z and p: what is beyond double is NULL; 1.959964 is 0.05, and far out there is still a p.
SELECT term, round(z::numeric, 6) AS z, pg_temp.short(p, 6) AS p, odds_ratio, lower, upper FROM logit_summary(ROW(NULL, ARRAY[0, 1.959963984540054, -30, 800], ARRAY[1, 1, 1, 1e-320], ARRAY[0, 0, 0], NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, false)::logit_model) s (term, coef, se, z, p, odds_ratio, lower, upper) WHERE term <> 'intercept' AND term <> 'x1' AND term <> 'x2';
SELECT term, round(z::numeric, 6) AS z, round(log(p)::numeric, 6) AS log_p FROM logit_summary(ROW(NULL, ARRAY[0, 1.959963984540054, -30], ARRAY[1, 1, 1], ARRAY[0, 0], NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, false)::logit_model);
SELECT count(*) FROM logit_summary(NULL);
SELECT pg_temp.err(format('SELECT * FROM by_part, logit_summary(m, %s) WHERE part = 1', a)) AS error FROM unnest(ARRAY['ARRAY[''a'']', 'ARRAY[''a'', ''b'', ''c'', NULL]', 'NULL, 1', 'NULL, 95', 'NULL, NULL', 'ARRAY[''a'', ''b'', ''c'', ''d'', ''e'']', 'ARRAY[[''a'', ''b'', ''c'', ''d'']]']) a;

-- Contributions: they add up to the difference of the log-odds to those of the mean row; the largest first.
SELECT abs(sum(contribution) - (ln(p / (1 - p)) - ln(q / (1 - q)))) < 1e-9 AS sum FROM fits, logit_contributions(m, ARRAY[3, 90, 1, 5e7]), LATERAL (SELECT logit_predict(m, ARRAY[3, 90, 1, 5e7]) AS p, logit_predict(m, (m).means) AS q) l WHERE kind = 'plain' GROUP BY p, q;
SELECT term, value, contribution FROM logit_contributions(ROW(NULL, ARRAY[7, 1, -2, 0.5, 2, 0], ARRAY[1, 1, 1, 1, 1, 1], ARRAY[10, 10, 10, 10, 10], NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, false)::logit_model, ARRAY[9, 9, 20, 11, 3]);
SELECT term, value, contribution FROM logit_contributions(ROW('{a,b}', ARRAY[7, 1, -2], ARRAY[1, 1, 1], ARRAY[0, 0], NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, false)::logit_model, ARRAY[1, 1], NULL) UNION ALL
    SELECT * FROM (SELECT term, value, contribution FROM logit_contributions(ROW('{a,b}', ARRAY[7, 1, -2], ARRAY[1, 1, 1], ARRAY[0, 0], NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, false)::logit_model, ARRAY[5, 1], ARRAY['seats', 'calls'])) q;
SELECT count(*) FROM fits, logit_contributions(m, ARRAY[1, NULL, 3, 4]) UNION ALL SELECT count(*) FROM fits, logit_contributions(m, NULL) UNION ALL SELECT count(*) FROM logit_contributions(NULL, ARRAY[1]);
SELECT pg_temp.err(format('SELECT * FROM by_part, logit_contributions(m, %s) WHERE part = 1', a)) AS error FROM unnest(ARRAY['ARRAY[1]', '''{1,2,3,Infinity}''', 'ARRAY[1, 2, 3, 4], ARRAY[''a'']']) a;

-- Models that no fit makes.
SELECT n, pg_temp.err(format('SELECT logit_predict(%1$s, ARRAY[1, 2])', model)) AS predict, pg_temp.err(format('SELECT * FROM logit_summary(%1$s)', model)) = pg_temp.err(format('SELECT logit_predict(%1$s, ARRAY[1, 2])', model)) AND pg_temp.err(format('SELECT * FROM logit_contributions(%1$s, ARRAY[1, 2])', model)) = pg_temp.err(format('SELECT logit_predict(%1$s, ARRAY[1, 2])', model)) AS all_the_same
FROM (SELECT n, format('ROW(%s, %s, %s, %s, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, false)::logit_model', names, coef, se, means) AS model FROM (VALUES
    (1, 'NULL', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2]'), (2, 'NULL', 'NULL', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2]'), (3, 'NULL', '''{}''', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2]'), (4, 'NULL', 'ARRAY[1]', 'ARRAY[1]', '''{}'''), (5, 'NULL', 'ARRAY[1, 2, NULL]', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2]'),
    (6, 'NULL', '''{1,2,NaN}''', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2]'), (7, 'NULL', 'ARRAY[[1, 2, 3]]', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2]'), (8, 'NULL', 'array_fill(1.0, ARRAY[66])', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2]'), (9, 'NULL', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2]', 'ARRAY[1, 2]'), (10, 'NULL', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2, 0]', 'ARRAY[1, 2]'),
    (11, 'NULL', 'ARRAY[1, 2, 3]', '''{1,2,Infinity}''', 'ARRAY[1, 2]'), (12, 'NULL', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2, 3]', 'ARRAY[1]'), (13, 'NULL', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2, 3]', 'NULL'), (14, '''{a}''', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2]'), (15, '''{a,NULL}''', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2]'),
    (16, '''{{a,b}}''', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2, 3]', 'ARRAY[1, 2]'), (17, '''{a,b}''', 'ARRAY[1, 2, 3]', 'ARRAY[-1, 2, 3]', 'ARRAY[1, 2]')) v (n, names, coef, se, means)) w ORDER BY n;
SELECT pg_temp.err('SELECT logit_predict(ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::logit_model, ARRAY[1])') AS error;
-- A model changes from row to row, also to a bad one and back.
SELECT logit_predict(ROW(NULL, ARRAY[g - 3, 0], ARRAY[1, 1], ARRAY[0], NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, false)::logit_model, ARRAY[1])::numeric(6, 4) AS p FROM generate_series(1, 5) g;
SELECT pg_temp.err('SELECT logit_predict(ROW(NULL, ARRAY[g - 3, 0], ARRAY[1, 2 - g], ARRAY[0], NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, false)::logit_model, ARRAY[1]) FROM generate_series(1, 5) g') AS error;
SELECT pg_temp.err('SELECT * FROM logit_contributions(ROW(NULL, ARRAY[1, 1e300], ARRAY[1, 1], ARRAY[0], NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, false)::logit_model, ARRAY[1e300])') AS error;

-- The fit's own AUC is that of its probabilities.
SELECT kind, abs(max((m).auc) - auc(logit_predict(m, x), y)) < 1e-12 AS auc FROM fits, rows GROUP BY kind ORDER BY kind;

-- What the planner may assume, and comments.
SELECT proname, pronargs, prokind, provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'logit%' ORDER BY 1, 2, oid;

SET client_min_messages = warning;
DROP SCHEMA test_logit CASCADE;
