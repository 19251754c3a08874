-- survival: Kaplan-Meier with right censoring and left truncation, log-rank test.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
SET max_parallel_workers_per_gather = 0;
CREATE SCHEMA test_survival;
SET search_path = test_survival, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- Doubles as the tests show them: the last digits differ between systems.
CREATE FUNCTION pg_temp.shown(float8) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT trim_scale(round($1::numeric, 10)) $$;
CREATE FUNCTION pg_temp.shown(float8[]) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS $$ SELECT array_agg(pg_temp.shown(x) ORDER BY o) FROM unnest($1) WITH ORDINALITY u (x, o) $$;
-- The curve in one line: time, at risk, events, censored, survival.
CREATE FUNCTION pg_temp.curve(survival_model) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s:%s-%s-%s=%s', at_time, n_risk, n_event, n_censor, trim_scale(round(survival::numeric, 4))), ' ' ORDER BY at_time) FROM survival_table($1)
$$;

-- By hand: six customers, 1, 1+, 2, 3, 3, 5 (+ is censored). S: 5/6; then 4 at risk, 5/6 x 3/4 = 0.625; then 3, of whom 2 leave: 0.625 / 3 = 0.2083; then nobody is left.
-- Greenwood: 1/(6 x 5) = 0.0333; + 1/(4 x 3) = 0.1167; + 2/(3 x 1) = 0.7833; the roots times S are 0.1521, 0.2135, 0.1844. Hazard: 1/6, + 1/4, + 2/3, + 1.
CREATE TABLE six (d float8, ev boolean);
INSERT INTO six VALUES (3, true), (1, true), (5, true), (1, false), (2, true), (3, true);
SELECT survival_fit(d, ev) FROM six;
SELECT at_time, n_risk, n_event, n_censor, pg_temp.shown(survival) AS survival, pg_temp.shown(std_err) AS std_err, pg_temp.shown(lower) AS lower, pg_temp.shown(upper) AS upper, pg_temp.shown(cumulative_hazard) AS hazard
FROM (SELECT survival_fit(d, ev) AS m FROM six) q, survival_table(m);
-- The bounds by their formulas: S^exp(-+ z se / (S ln S)), S exp(-+ z se / S) and S -+ z se, within 0 and 1.
SELECT c AS conf_type, at_time, pg_temp.shown(lower) AS lower, pg_temp.shown(upper) AS upper,
       CASE c WHEN 'log-log' THEN abs(lower - survival ^ exp(-z * std_err / (survival * ln(survival)))) + abs(upper - survival ^ exp(z * std_err / (survival * ln(survival))))
              WHEN 'log' THEN abs(lower - survival * exp(-z * std_err / survival)) + abs(upper - least(survival * exp(z * std_err / survival), 1))
              ELSE abs(lower - greatest(survival - z * std_err, 0)) + abs(upper - least(survival + z * std_err, 1)) END < 1e-12 AS as_wanted
FROM (SELECT survival_fit(d, ev) AS m FROM six) q, unnest(ARRAY['log-log', 'log', 'plain']) c, (VALUES (1.6448536269514722::float8)) v (z), survival_table(m, 0.9, c) WHERE survival > 0 ORDER BY 1, 2;
-- Before the first event the survival is 1 for sure; log-log bounds are not defined there.
SELECT c AS conf_type, t.at_time, t.n_risk, t.survival, t.std_err, t.lower, t.upper, t.cumulative_hazard
FROM (SELECT survival_fit(d, d > 1) AS m FROM six) q, unnest(ARRAY['log-log', 'log', 'plain']) c, survival_table(m, conf_type => c) t WHERE at_time = 1 ORDER BY c;

-- Left truncation, by hand: at risk at t are those with entry < t <= duration. At 3: the four that entered before 3, one leaves: 3/4. At 5: two of the four (5, 7, 2-5, 3-8)
-- leave, who enters at 5 is not there yet: 3/8. At 7 one of three is censored. At 8 one of two leaves: 3/16. Greenwood: 1/12; + 2/8; + 1/2.
CREATE TABLE tiny (entry float8, exit float8, ev boolean);
INSERT INTO tiny VALUES (0, 3, true), (0, 5, true), (0, 7, false), (2, 5, true), (3, 8, true), (5, 9, false);
SELECT survival_fit(exit, ev, entry) FROM tiny;
SELECT at_time, n_risk, n_event, n_censor, survival, round(std_err::numeric, 8) AS std_err, cumulative_hazard FROM (SELECT survival_fit(exit, ev, entry) AS m FROM tiny) q, survival_table(m);
-- An entry at the moment of an event is not at risk for it, an exit at that moment is.
SELECT pg_temp.curve(survival_fit(exit, ev, entry)) FROM (VALUES (0::float8, 4::float8, true), (4, 6, true), (3.999, 4, false)) v (entry, exit, ev);
-- Entry 0 is no late entry: those are at risk at 0, too. An event at 0 counts there.
SELECT survival_fit(d, ev, 0) = survival_fit(d, ev) AS same, pg_temp.curve(survival_fit(d, ev, 0)) AS curve FROM (VALUES (0::float8, true), (0, false), (-0.0, true), (2, true)) v (d, ev);
SELECT survival_fit(d, ev, e) AS model, pg_temp.curve(survival_fit(d, ev, e)) AS curve FROM (VALUES (0::float8, true, 0::float8), (1, true, -0.0), (2, true, 0.5)) v (d, ev, e);
-- Late entries may leave nobody at risk for a while, and may come when the curve has ended: it stays where it was.
SELECT pg_temp.curve(survival_fit(d, ev, e)) FROM (VALUES (1::float8, false, 0::float8), (5, true, 4), (6, false, 4)) v (d, ev, e);
SELECT at_time, n_risk, survival, std_err, lower, upper, cumulative_hazard FROM (SELECT survival_fit(d, ev, e) AS m FROM (VALUES (1::float8, true, 0::float8), (5, true, 4), (6, false, 4)) v (d, ev, e)) q, survival_table(m);

-- Weights: a row for many; 0 is no row.
SELECT survival_fit(d, ev, 0, w) AS model FROM (VALUES (1::float8, true, 3), (1, false, 2), (4, true, 0), (9, false, 5)) v (d, ev, w);
SELECT survival_fit(d, ev, 0, 0) AS model FROM six;
SELECT survival_fit(d, ev, e, w) = (SELECT survival_fit(d, ev, e) FROM (VALUES (2::float8, true, 1::float8, 3), (3, false, 1, 2)) v (d, ev, e, w), generate_series(1, w)) AS same
FROM (VALUES (2::float8, true, 1::float8, 3), (3, false, 1, 2)) v (d, ev, e, w);
-- As many as a bigint counts: 10^18, of whom 1, half, and all but one leave. 1 - S is 10^-18 first, which only its hazard and its error show.
SELECT at_time, n_risk, n_event, survival, std_err > 0 AS sure_of_1, pg_temp.shown(std_err * 1e9) AS std_err_1e9, lower = 1 AS lower_1, upper = 1 AS upper_1, cumulative_hazard > 0 AS some
FROM (SELECT survival_fit(d, true, 0, w) AS m FROM (VALUES (1, 1::bigint), (2, 499999999999999999), (3, 499999999999999999), (4, 1)) v (d, w)) q, survival_table(m);
-- What a curve does not lose: a half after a million steps of one each is a half, exactly; the product of ratios would be off.
SELECT survival_at(m, 1000000) = 0.5 AS half, survival_at(m, 500000) = 0.75 AS three_quarters, survival_at(m, 1999999) = 1 / 2000000::float8 AS last, survival_at(m, 2000000) AS none
FROM (SELECT survival_fit(g, true) AS m FROM generate_series(1, 2000000) g) q;
-- One million identical rows; huge and tiny times.
SELECT (m).times, (m).events, (m).censored, survival_quantile(m, 0.5) AS median, survival_rmst(m, 7) AS rmst FROM (SELECT survival_fit(7, true) AS m FROM generate_series(1, 1000000)) q;
SELECT (m).times, survival_quantile(m, 0.2) AS q2, survival_quantile(m, 0.7) AS q7, survival_rmst(m, 1e308) AS rmst, (survival_rmst_ci(m, 1e308)).std_err BETWEEN 1e307 AND 1e308 AS finite, (survival_rmst_ci(m, 1e-320)).*
FROM (SELECT survival_fit(d, ev) AS m FROM (VALUES (5e-324::float8, false), (1e-320, true), (1e-300, true), (1e300, true), (1.7e308, false)) v (d, ev)) q;

-- No row, one row, all censored, none censored, NULLs.
SELECT survival_fit(d, ev) AS none FROM six WHERE d < 0;
SELECT survival_fit(NULL::float8, true) AS no_duration, survival_fit(d, NULL) AS no_event, survival_fit(d, ev, NULL) AS no_entry, survival_fit(d, ev, 0, NULL) AS no_weight FROM six;
SELECT survival_fit(CASE WHEN d < 5 THEN d END, CASE WHEN d < 3 THEN ev END) AS skipped_3, survival_fit(d, ev, nullif(0, d::int % 2)) AS entry_5_skipped, survival_fit(d, ev, 0, nullif(1, d::int % 2)) AS weight_5_skipped FROM six;
SELECT survival_fit(d, ev) FILTER (WHERE d <= 2) AS filtered, survival_fit(DISTINCT d, ev) AS of_distinct FROM six;
SELECT what, m, survival_at(m, 4) AS s4, survival_at(m, 5) AS s5, survival_at(m, 6) AS s6, survival_quantile(m, 0.5) AS median, survival_rmst(m, 5) AS rmst5, q.lower, q.upper, r.std_err
FROM (SELECT 'one' AS what, survival_fit(5, true) AS m UNION ALL SELECT 'one, censored', survival_fit(5, false) UNION ALL SELECT 'all censored', survival_fit(d, false) FROM six) v, survival_quantile_ci(m, 0.5) q, survival_rmst_ci(m, 5) r ORDER BY what;

-- Rows left out are counted as far as a bigint does, also in models by hand.
CREATE TABLE many_skipped AS SELECT ROW('{1}', '{}', '{1}', '{0}', 1, 1, 9223372036854775807)::survival_model AS m, g::text AS grp FROM generate_series(1, 2) g;
SELECT merge(m) AS model, (logrank(m, grp)).n_skipped FROM many_skipped;
-- Under any limit the rows are counted right, or refused: 60,000 distinct ones leave the hash table on the way.
CREATE FUNCTION pg_temp.under(kb int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('churnmetrics.fit_memory', kb || 'kB', true);
    RETURN (SELECT CASE WHEN (m).n = 60000 AND (m).n_events = 60000 AND cardinality((m).times) = 60000 THEN 'right' ELSE 'wrong' END FROM (SELECT survival_fit(g * 1.5, true) AS m FROM generate_series(1, 60000) g OFFSET 0) f);
EXCEPTION WHEN program_limit_exceeded THEN
    RETURN 'refused';
END $$;
SELECT answer, count(*) > 2 AS some FROM (SELECT pg_temp.under(kb) AS answer FROM generate_series(1024, 4096, 128) kb) q GROUP BY answer ORDER BY answer;
-- The groups of a test share the memory: each of 40 takes 32 kB of a megabyte; of 20, with late entries twice as much.
SET churnmetrics.fit_memory = '1MB';
SELECT n, late, left(pg_temp.err(format('SELECT logrank(d, true, (g %% %s)::text%s) FROM (SELECT g, g / %1$s + 1.0 AS d FROM generate_series(0, %1$s * 1000 - 1) g) q', n, CASE WHEN late THEN ', d / 2' ELSE '' END)), 5) AS code
FROM (VALUES (20, false), (40, false), (20, true)) v (n, late);
RESET churnmetrics.fit_memory;

-- The step function: right-continuous, 1 before the first event; behind the last time unknown unless it is 0.
SELECT t, survival_at(m, t) AS ended, survival_at(c, t) AS open, (survival_at_ci(c, t)).std_err IS NULL AS no_error
FROM (SELECT survival_fit(d, true) AS m, survival_fit(d, d < 4) AS c FROM unnest(ARRAY[1, 2, 2, 4]) d) q, unnest(ARRAY[0, 0.999, 1, 1.5, 2, 3.999, 4, 4.001, 1e300]::float8[]) t ORDER BY t;
SELECT t, pg_temp.shown(survival) AS survival, pg_temp.shown(std_err) AS std_err, pg_temp.shown(lower) AS lower, pg_temp.shown(upper) AS upper
FROM (SELECT survival_fit(exit, ev, entry) AS m FROM tiny) q, unnest(ARRAY[0, 3, 4, 5, 8.5, 9, 10]) t, survival_at_ci(m, t) ORDER BY t;
-- It is the row of the table.
SELECT count(*) AS rows, count(*) FILTER (WHERE (a.survival, a.std_err, a.lower, a.upper) IS NOT DISTINCT FROM (t.survival, t.std_err, t.lower, t.upper)) AS same
FROM (SELECT survival_fit(d, ev) AS m FROM six) q, unnest(ARRAY['log-log', 'log', 'plain']) c, survival_table(m, 0.8, c) t, survival_at_ci(m, t.at_time, 0.8, c) a;

-- Quantiles: the first time with S <= 1 - q; where S is 1 - q exactly until the next event, or to the end of the curve, the middle. Not reached: NULL.
SELECT q, survival_quantile(a, q) AS of_1234, survival_quantile(b, q) AS with_3_censored, survival_quantile(c, q) AS open_end
FROM (SELECT survival_fit(d, true) AS a, survival_fit(d, d <> 3) AS b, survival_fit(d, d < 3) AS c FROM generate_series(1, 4) d) v, unnest(ARRAY[0.000001, 0.2, 0.25, 0.3, 0.5, 0.6, 0.75, 0.999999]) q ORDER BY q;
-- Ten of ten leave, one by one: 1 - q in binary is not always the survival's double, and is taken for it. At q = 0.1, 0.2 ... 0.9 the middle of k and k + 1.
SELECT count(*) FILTER (WHERE survival_quantile(m, k / 10.0) = k + 0.5) AS middles FROM (SELECT survival_fit(d, true) AS m FROM generate_series(1, 10) d) v, generate_series(1, 9) k;
-- 2/3 x 3/4 is one half, too: 3 at risk, later 4.
SELECT pg_temp.curve(m), survival_quantile(m, 0.5) FROM (SELECT survival_fit(d, ev, e) AS m FROM (VALUES (1::float8, true, 0::float8), (9, false, 0), (9, false, 0), (5, true, 2), (7, false, 2)) v (d, ev, e)) q;
-- Limits of a quantile: where the bounds of S cross 1 - q; NULL where they do not.
SELECT c, q, r.quantile, r.lower, r.upper, r.quantile = survival_quantile(m, q) AS as_quantile
FROM (SELECT survival_fit(d, ev) AS m FROM six) v, unnest(ARRAY['log-log', 'log', 'plain']) c, unnest(ARRAY[0.25, 0.5, 0.75]) q, survival_quantile_ci(m, q, 0.95, c) r ORDER BY 1, 2;

-- The area: of 1, 2, 2, 4 leaving: 1 + 0.75 + 2 x 0.25 = 2.25 to 4, the mean; to 3 it is 2. Variance to 4, by hand: 1.25^2/12 + 0.5^2 x 2/(3 x 1) = 0.296875.
SELECT tau, survival_rmst(m, tau) AS rmst, pg_temp.shown(r.std_err ^ 2) AS variance, pg_temp.shown(r.lower) AS lower, pg_temp.shown(r.upper) AS upper, r.rmst = survival_rmst(m, tau) AS same
FROM (SELECT survival_fit(d, true) AS m FROM unnest(ARRAY[1, 2, 2, 4]) d) q, unnest(ARRAY[0.5, 1, 2, 3, 4, 5, 100]) tau, survival_rmst_ci(m, tau) r ORDER BY tau;

-- An oracle: pseudo-random rows, with and without late entries; n, d and c by counting, S as a product of numerics.
CREATE TABLE rows AS
SELECT g, (1 + g * 7919 % 97)::float8 AS d, g * 31 % 7 < 4 AS ev, CASE WHEN g % 3 = 0 THEN 0 ELSE g * 131 % (1 + g * 7919 % 97) END::float8 AS e, 'g' || g * 17 % 5 AS grp FROM generate_series(1, 3000) g;
INSERT INTO rows SELECT 3000 + g, g * 0.1, g % 4 > 0, g * 0.03, 'late' FROM generate_series(1, 200) g;
CREATE AGGREGATE product(numeric) (SFUNC = numeric_mul, STYPE = numeric);
CREATE VIEW oracle AS
WITH entries AS (SELECT late, grp, d, ev, CASE WHEN late THEN e ELSE 0 END AS e FROM rows, (VALUES (false), (true)) v (late)),
     times AS (SELECT late, grp, d AS at_time, count(*) FILTER (WHERE ev) AS d, count(*) FILTER (WHERE NOT ev) AS c FROM entries GROUP BY 1, 2, 3),
     risk AS (SELECT t.*, (SELECT count(*) FROM entries r WHERE r.late = t.late AND r.grp = t.grp AND r.d >= t.at_time AND (r.e < t.at_time)) AS n FROM times t)
SELECT late, grp, at_time, n, d, c, product(round(1 - d::numeric / n, 40)) OVER w AS s, sum(d / n::numeric) OVER w AS hazard,
       CASE WHEN min(n - d) OVER w > 0 THEN sqrt(sum(d / nullif(n::numeric * (n - d), 0)) OVER w) END AS deviation
FROM risk WINDOW w AS (PARTITION BY late, grp ORDER BY at_time);
CREATE TABLE fits AS SELECT false AS late, grp, survival_fit(d, ev) AS m FROM rows GROUP BY grp UNION ALL SELECT true, grp, survival_fit(d, ev, e) FROM rows GROUP BY grp;
CREATE TABLE got AS SELECT f.late, f.grp, t.* FROM fits f, survival_table(f.m, 0.95, 'plain') t;
SELECT count(*) AS rows, count(*) FILTER (WHERE o.late AND o.n <> g.n_risk) + count(*) FILTER (WHERE NOT o.late AND o.n <> g.n_risk) AS n_differs, count(*) FILTER (WHERE o.at_time IS NULL OR g.at_time IS NULL) AS missing,
       count(*) FILTER (WHERE (o.d, o.c) <> (g.n_event, g.n_censor)) AS counts_differ, count(*) FILTER (WHERE abs(o.s::float8 - g.survival) > 1e-15) AS survival_differs,
       count(*) FILTER (WHERE abs(o.hazard::float8 - g.cumulative_hazard) > 1e-13) AS hazard_differs, count(*) FILTER (WHERE (g.std_err IS NULL) <> (o.deviation IS NULL) OR abs((o.s * o.deviation)::float8 - g.std_err) > 1e-14) AS std_err_differs
FROM oracle o FULL JOIN got g USING (late, grp, at_time);
-- The accessors against the table: S at a time, quantiles, the area.
SELECT count(*) AS asked, count(*) FILTER (WHERE survival_at(f.m, t) IS DISTINCT FROM w.s) AS differ
FROM fits f, generate_series(0, 99, 0.5) t, LATERAL (SELECT CASE WHEN t <= max(at_time) OR min(survival) = 0 THEN coalesce(min(survival) FILTER (WHERE at_time <= t), 1) END AS s FROM got g WHERE (g.late, g.grp) = (f.late, f.grp)) w;
SELECT count(*) AS asked, count(*) FILTER (WHERE survival_quantile(f.m, q) IS DISTINCT FROM w.t) AS differ
FROM fits f, generate_series(0.03, 0.99, 0.017) q, LATERAL (SELECT min(at_time) AS t FROM got g WHERE (g.late, g.grp) = (f.late, f.grp) AND survival <= 1 - q) w;
SELECT count(*) AS asked, count(*) FILTER (WHERE abs(survival_rmst(f.m, tau) - w.area::float8) > 1e-12) AS differ
FROM fits f, unnest(ARRAY[0.25, 1, 7, 19.9]) tau,
     LATERAL (SELECT sum(before * (least(at_time, tau) - least(since, tau))) AS area FROM
        (SELECT at_time, lag(at_time, 1, 0::float8) OVER w AS since, lag(s, 1, 1) OVER w AS before FROM oracle o WHERE (o.late, o.grp) = (f.late, f.grp) WINDOW w AS (ORDER BY at_time)) q) w;

-- Published data. The lung cancer trial of the North Central Cancer Treatment Group (Loprinzi 1994), days by sex, negative where censored: median 310, limits of type log 285 to 363,
-- log-log 284 to 361, plain 284 to 361; by sex 270 (212 to 310) and 426 (348 to 550); S(365) 0.409241624460, standard error 0.035823638172; log-rank 10.3267419549, p 0.00131116452.
CREATE TABLE lung AS
SELECT abs(x)::float8 AS d, x > 0 AS ev, 'male' AS sex FROM unnest('{306,455,-1010,210,883,-1022,218,166,170,71,567,144,613,707,88,301,624,371,394,574,118,390,12,26,533,53,814,93,460,583,303,519,643,189,53,246,689,65,132,223,175,163,65,428,230,-840,11,132,11,176,791,95,-196,-806,284,147,163,655,239,88,30,179,310,477,364,107,177,156,11,429,15,181,283,13,212,524,288,363,442,54,558,207,92,60,202,353,267,387,457,337,-404,222,-458,353,163,31,229,-444,156,329,291,179,-292,142,-413,320,181,285,-301,197,-303,180,-300,-284,-259,110,286,270,81,131,-225,269,-225,-279,135,59,105,-237,-221,-185,13,-222,183,-197,116,-188,-191,-174}'::int[]) x
UNION ALL SELECT abs(x), x > 0, 'female' FROM unnest('{310,361,654,728,61,81,520,473,107,122,-965,731,153,433,145,95,765,735,5,687,345,444,60,208,-821,305,226,426,705,363,167,641,-740,245,-588,166,-559,450,-529,351,201,524,199,550,-551,-543,293,-511,-511,371,201,62,-356,340,-315,182,-364,-376,-384,268,-266,194,348,-382,-296,186,145,-269,350,-272,-292,-332,285,-243,-276,79,-240,-202,-235,-224,239,-173,-252,-92,-192,-211,-175,-203,-105,-177}'::int[]) x;
SELECT c AS conf_type, q, r.* FROM (SELECT survival_fit(d, ev) AS m FROM lung) f, unnest(ARRAY['log', 'log-log', 'plain']) c, unnest(ARRAY[0.25, 0.5, 0.75]) q, survival_quantile_ci(m, q, 0.95, c) r ORDER BY 1, 2;
SELECT sex, r.* FROM (SELECT sex, survival_fit(d, ev) AS m FROM lung GROUP BY sex) f, survival_quantile_ci(m, 0.5, 0.95, 'log') r ORDER BY sex;
SELECT c AS conf_type, pg_temp.shown(r.survival) AS survival, pg_temp.shown(r.std_err) AS std_err, pg_temp.shown(r.lower) AS lower, pg_temp.shown(r.upper) AS upper
FROM (SELECT survival_fit(d, ev) AS m FROM lung) f, unnest(ARRAY['log', 'log-log', 'plain']) c, survival_at_ci(m, 365, 0.95, c) r ORDER BY c;
SELECT tau, pg_temp.shown(r.rmst) AS rmst, pg_temp.shown(r.std_err) AS std_err FROM (SELECT survival_fit(d, ev) AS m FROM lung) f, unnest(ARRAY[365, 730]) tau, survival_rmst_ci(m, tau) r ORDER BY tau;
SELECT pg_temp.shown(chisq) AS chisq, df, pg_temp.shown(p) AS p, groups, n, observed, round(expected[2]::numeric, 6) AS expected_of_men FROM (SELECT (logrank(d, ev, sex)).* FROM lung) q;
-- IBM's Telco sample: customers by months of tenure, 0 to 72, who are still there and who left.
SELECT (m).n, (m).n_events, s.* FROM (SELECT survival_fit(tenure - 1, ended, 0, n) AS m FROM (
    SELECT false AS ended, * FROM unnest('{11,233,115,106,93,69,70,80,81,73,71,68,79,71,52,62,52,61,73,54,53,46,63,72,71,56,64,59,45,57,56,49,50,50,53,73,40,50,46,42,51,56,51,50,45,55,62,54,55,51,58,60,72,56,55,55,70,57,56,52,70,68,65,68,76,67,76,88,91,87,108,164,356}'::bigint[]) WITH ORDINALITY a (n, tenure)
    UNION ALL SELECT true, * FROM unnest('{0,380,123,94,83,64,40,51,42,46,45,31,38,38,24,37,28,26,24,19,18,17,27,13,23,23,15,13,12,15,16,16,19,14,12,15,10,15,13,14,13,14,14,15,6,6,12,14,9,15,10,8,8,14,13,9,10,8,11,8,6,8,5,4,4,9,13,10,9,8,11,6,6}'::bigint[]) WITH ORDINALITY a (n, tenure)) q) f,
    LATERAL (SELECT array_agg(round(survival_at(m, t)::numeric, 10) ORDER BY t) AS at_1_12_24_72 FROM unnest(ARRAY[1, 12, 24, 72]) t) s;

-- The same answer: serial, in another order, grouped, sorted, as a window, merged, in parallel; bit by bit.
CREATE TABLE spread AS SELECT g, d, ev, e, grp FROM rows UNION ALL SELECT 5000 + g, NULL, true, 1, 'null' FROM generate_series(1, 500) g;
INSERT INTO spread SELECT 10000 + g, g * 1.000001, g % 2 = 0, CASE WHEN g % 2 = 0 THEN g * 0.5 ELSE 0 END, 'many' FROM generate_series(1, 40000) g;    -- more than a hash table holds
ANALYZE spread;
CREATE TABLE wanted AS SELECT survival_fit(d, ev) AS m, survival_fit(d, ev, e) AS late, survival_fit(d, ev, e, 2) AS twice, logrank(d, ev, grp) AS test, logrank(d, ev, grp, e) AS late_test FROM spread;
CREATE TABLE wanted_groups AS SELECT grp, survival_fit(d, ev) AS m, survival_fit(d, ev, e) AS late FROM spread GROUP BY grp;
SELECT (m).n, (m).n_events, (m).n_skipped, cardinality((m).times) AS times, (late).n = (m).n AND cardinality((late).entered) > 20000 AS some_late, (twice).n AS n_twice FROM wanted;
SELECT w.* IS NOT DISTINCT FROM q.* AS shuffled FROM wanted w, (SELECT survival_fit(d, ev), survival_fit(d, ev, e), survival_fit(d, ev, e, 2), logrank(d, ev, grp), logrank(d, ev, grp, e) FROM (SELECT * FROM spread ORDER BY g * 7919 % 10007, g) s) q;
SELECT w.m IS NOT DISTINCT FROM q.m AND w.late IS NOT DISTINCT FROM q.l AS ordered FROM wanted w, (SELECT survival_fit(d, ev ORDER BY d DESC) AS m, survival_fit(d, ev, e ORDER BY e) AS l FROM spread) q;
SELECT count(*) FILTER (WHERE w.m IS NOT DISTINCT FROM q.m AND w.late IS NOT DISTINCT FROM q.l) AS filtered FROM wanted_groups w, LATERAL (SELECT survival_fit(d, ev) FILTER (WHERE grp = w.grp) AS m, survival_fit(d, ev, e) FILTER (WHERE grp = w.grp) AS l FROM spread) q;
SET enable_hashagg = off;
SELECT count(*) AS differ FROM ((SELECT grp, survival_fit(d, ev), survival_fit(d, ev, e) FROM spread GROUP BY grp) EXCEPT TABLE wanted_groups) q;
RESET enable_hashagg;
SELECT count(*) AS groupings, count(*) FILTER (WHERE q.m IS NOT DISTINCT FROM coalesce(w.m, CASE WHEN q.grp IS NULL THEN a.m END)) AS same FROM (SELECT grp, survival_fit(d, ev) AS m FROM spread GROUP BY ROLLUP (grp)) q LEFT JOIN wanted_groups w USING (grp), wanted a;
SELECT count(*) FILTER (WHERE q.m IS NOT DISTINCT FROM w.m) AS over_partitions FROM (SELECT DISTINCT grp, survival_fit(d, ev) OVER (PARTITION BY grp) AS m FROM spread WHERE grp <> 'many') q JOIN wanted_groups w USING (grp);
-- A running window takes the model of every row on the way.
SELECT count(*) AS rows, count(*) FILTER (WHERE q.m = (SELECT survival_fit(d, ev, e) FROM rows r WHERE r.g <= q.g)) AS same FROM (SELECT g, survival_fit(d, ev, e) OVER (ORDER BY g) AS m FROM rows WHERE g <= 150) q;
-- Models of the groups, stored, merged.
-- A group of NULLs alone has no model, which could tell of them.
SELECT grp, m, late FROM wanted_groups WHERE m IS NULL;
CREATE TABLE wanted_merged AS SELECT survival_fit(d, ev) AS m, survival_fit(d, ev, e) AS late, logrank(d, ev, grp) AS test, logrank(d, ev, grp, e) AS late_test FROM spread WHERE d IS NOT NULL;
SELECT merge(g.m) = (SELECT m FROM wanted_merged) AS merged, merge(g.late) = (SELECT late FROM wanted_merged) AS merged_late FROM wanted_groups g;
SELECT (merge(m)).n_skipped FROM (SELECT survival_fit(nullif(d, 3), ev) AS m FROM six, generate_series(1, 3) i GROUP BY i) q;
SELECT merge(NULL::survival_model) AS of_null, merge(m) AS of_none FROM wanted_groups WHERE false;
SELECT merge(m ORDER BY grp DESC) = (merge(m ORDER BY grp)) AS any_order FROM wanted_groups;
SELECT merge(m) = (SELECT survival_fit(d, ev, e, 3) FROM six, (VALUES (0::float8)) v (e)) AS three_times FROM (SELECT survival_fit(d, ev) AS m FROM six) q, generate_series(1, 3);
SELECT m::text::survival_model = m AS through_text FROM wanted;
-- Far more distinct times than the hash table holds, each several times, in no order: against GROUP BY.
CREATE TABLE wide AS SELECT (g * 7919 % 90001)::float8 / 7 AS d, g % 3 = 0 AS ev FROM generate_series(1::bigint, 240000) g;
SELECT count(*) AS times, count(*) FILTER (WHERE (o.n, o.c) IS DISTINCT FROM (t.n_event, t.n_censor)) AS differ
FROM (SELECT t.* FROM (SELECT survival_fit(d, ev) AS m FROM wide) q, survival_table(m) t) t FULL JOIN (SELECT d, count(*) FILTER (WHERE ev) AS n, count(*) FILTER (WHERE NOT ev) AS c FROM wide GROUP BY d) o ON o.d = t.at_time;

-- In parallel plans: the leader alone, workers that see NULLs or nothing.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 4;
ALTER TABLE spread SET (parallel_workers = 4);
ALTER TABLE wanted_groups SET (parallel_workers = 4);
SELECT pg_temp.plan_has('SELECT survival_fit(d, ev), logrank(d, ev, grp) FROM spread', 'Partial Aggregate') AS parallel, pg_temp.plan_has('SELECT merge(m) FROM wanted_groups', 'Partial Aggregate') AS parallel_merge, pg_temp.plan_has('SELECT grp, survival_fit(d, ev) FROM spread GROUP BY grp', 'Partial') AS parallel_groups;
SELECT leader, w.* IS NOT DISTINCT FROM q.* AS same FROM wanted w, unnest(ARRAY['on', 'off']) leader, LATERAL (SELECT set_config('parallel_leader_participation', leader, true)) c,
     LATERAL (SELECT survival_fit(d, ev), survival_fit(d, ev, e), survival_fit(d, ev, e, 2), logrank(d, ev, grp), logrank(d, ev, grp, e) FROM spread) q ORDER BY leader;
SET parallel_leader_participation = off;
SELECT count(*) AS differ FROM ((SELECT grp, survival_fit(d, ev), survival_fit(d, ev, e) FROM spread GROUP BY grp) EXCEPT TABLE wanted_groups) q;
SELECT merge(g.m) = (SELECT m FROM wanted_merged) AS merged, merge(g.late) = (SELECT late FROM wanted_merged) AS merged_late FROM wanted_groups g;
SELECT logrank(m, grp) = (SELECT test FROM wanted_merged) AS test_of_models, logrank(late, grp) = (SELECT late_test FROM wanted_merged) AS late_test FROM wanted_groups WHERE m IS NOT NULL;
SELECT survival_fit(d, ev) AS only_nulls, logrank(d, ev, grp) AS no_test FROM spread WHERE grp = 'null';
SELECT survival_fit(d, ev) AS nothing, logrank(d, ev, grp) AS no_test, merge(NULL::survival_model) AS no_model FROM spread WHERE g < 0;
RESET parallel_leader_participation;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SET max_parallel_workers_per_gather = 0;

-- Log-rank by hand: a leaves at 1 and 2, b at 3 and 4. Expected of a: 2/4 + 1/3 = 0.8333. Variance: 1/4 + 2/9 = 0.4722. (2 - 0.8333)^2 / 0.4722 = 2.8824.
SELECT pg_temp.shown(chisq) AS chisq, df, pg_temp.shown(p) AS p, groups, n, observed, pg_temp.shown(expected) AS expected, n_skipped
FROM (SELECT (logrank(d, true, CASE WHEN d < 3 THEN 'a' ELSE 'b' END)).* FROM generate_series(1, 4) d) q;
-- With entries, by hand: b enters at 1: at 1 only a's are at risk, at 2 one a and two b's. Expected of a: 1 + 1/3; variance 2/9: (2 - 4/3)^2 / (2/9) = 2.
SELECT pg_temp.shown(chisq) AS chisq, df, groups, n, observed, pg_temp.shown(expected) AS expected
FROM (SELECT (logrank(d, true, g, e)).* FROM (VALUES (1::float8, 'a', 0::float8), (2, 'a', 0), (3, 'b', 1), (4, 'b', 1)) v (d, g, e)) q;
-- Three groups: the quadratic form of two of them, by SQL; whichever two.
WITH t AS (SELECT DISTINCT d AS t FROM rows WHERE ev AND grp IN ('g0', 'g1', 'late')), g AS (SELECT unnest(ARRAY['g0', 'g1', 'late']) AS g),
     r AS (SELECT t, g, count(*) FILTER (WHERE d >= t AND (e < t)) AS n, count(*) FILTER (WHERE d = t AND ev) AS d FROM t CROSS JOIN g JOIN (SELECT d, ev, e, grp FROM rows) rows ON grp = g GROUP BY t, g),
     s AS (SELECT t, g, n::float8, d::float8, (sum(n) OVER w)::float8 AS nn, (sum(d) OVER w)::float8 AS dd FROM r WINDOW w AS (PARTITION BY t)),
     o AS (SELECT g, sum(d) AS o, sum(dd * n / nn) AS e FROM s GROUP BY g),
     v AS (SELECT a.g, b.g AS h, sum(CASE WHEN a.nn > 1 THEN a.dd * (a.nn - a.dd) / (a.nn - 1) * a.n / a.nn * ((a.g = b.g)::int - b.n / b.nn) ELSE 0 END) AS v FROM s a JOIN s b USING (t) GROUP BY 1, 2),
     x AS (SELECT p.g, q.g AS h, (SELECT o - e FROM o WHERE g = p.g) AS u1, (SELECT o - e FROM o WHERE g = q.g) AS u2,
                  (SELECT v FROM v WHERE (g, h) = (p.g, p.g)) AS v11, (SELECT v FROM v WHERE (g, h) = (q.g, q.g)) AS v22, (SELECT v FROM v WHERE (g, h) = (p.g, q.g)) AS v12 FROM g p JOIN g q ON p.g < q.g),
     w AS (SELECT (u1 * u1 * v22 - 2 * u1 * u2 * v12 + u2 * u2 * v11) / (v11 * v22 - v12 * v12) AS chisq FROM x),
     l AS (SELECT logrank(d, ev, grp, e) AS l FROM rows WHERE grp IN ('g0', 'g1', 'late'))
SELECT (SELECT count(*) FROM w WHERE abs(w.chisq / (l).chisq - 1) < 1e-9) AS as_wanted, (l).df, (l).chisq > 10 AS they_differ, (l).observed = (SELECT array_agg(o ORDER BY g COLLATE "C") FROM o)::bigint[] AS observed_same,
       (SELECT max(abs(e - (l).expected[i])) < 1e-9 FROM (SELECT e, row_number() OVER (ORDER BY g COLLATE "C") AS i FROM o) q) AS expected_same FROM l;
-- The sum of the expected is that of the observed; groups in the order of bytes.
SELECT groups, n, observed, round((SELECT sum(x) FROM unnest(expected) x)::numeric, 9) AS expected, n_skipped FROM wanted, LATERAL (SELECT (test).*) t;
SELECT (logrank(d, true, g)).groups FROM (VALUES (1, 'b'), (2, 'B'), (3, 'a'), (4, 'é'), (5, ''), (6, 'a b'), (7, 'aa'), (8, 'Z')) v (d, g);
-- One group, no events, one time: nothing to compare, no error.
SELECT (logrank(d, ev, 'all')).* FROM six;
SELECT (logrank(d, false, d::text)).* FROM six WHERE d > 1;
SELECT chisq, df, p, pg_temp.shown(expected) AS expected FROM (SELECT (logrank(7, true, (g % 2)::text)).* FROM generate_series(1, 10) g) q;
-- A group that is gone before the first event does not count; those that meet no others are compared among themselves: two pairs, two degrees of freedom.
SELECT pg_temp.shown(chisq) AS chisq, df, groups, pg_temp.shown(expected) AS expected FROM (SELECT (logrank(d, ev, g)).* FROM (VALUES (1, true, 'a'), (2, true, 'a'), (3, true, 'b'), (4, true, 'b'), (0.5, false, 'gone')) v (d, ev, g)) q;
SELECT pg_temp.shown(chisq) AS chisq, df, groups, pg_temp.shown(expected) AS expected
FROM (SELECT (logrank(d, true, g, e)).* FROM (SELECT d + s AS d, CASE WHEN s = 0 THEN '' ELSE 'late ' END || g AS g, s AS e FROM (VALUES (1, 'a'), (2, 'a'), (3, 'b'), (4, 'b')) v (d, g), unnest(ARRAY[0, 100]) s) q) q;
-- Identical groups: 0, and p is 1. NULLs are skipped.
SELECT chisq, df, p, n, n_skipped FROM (SELECT (logrank(d, ev, g)).* FROM six, unnest(ARRAY['x', 'y', NULL]) g) q;
SELECT chisq, df, n, n_skipped FROM (SELECT (logrank(d, ev, g, nullif(e, 3))).* FROM six, unnest(ARRAY['x', 'y']) g, unnest(ARRAY[0, 3]) e) q;
-- As many groups as there may be.
SELECT (l).df, cardinality((l).groups) AS groups, (l).chisq > 100 AS they_differ FROM (SELECT logrank(g % 100 + g % 7, g % 5 > 0, (g % 100)::text) AS l FROM generate_series(1, 5000) g) q;
SELECT pg_temp.err('SELECT logrank(g, true, g::text) FROM generate_series(1, 101) g');
-- Of models: those of one name are one group.
SELECT logrank(m, g) = (SELECT logrank(exit, ev, 'a' || (exit > 5), entry) FROM tiny) AS same, (logrank(m, g)).n FROM (SELECT 'a' || (exit > 5) AS g, survival_fit(exit, ev, entry) AS m FROM tiny GROUP BY exit) q;
SELECT logrank(m, g) FROM (VALUES (NULL::survival_model, 'a')) v (m, g);

-- Intervals are durations in days: what timestamps leave when subtracted. Days are of 24 hours, months a twelfth of 365.25 days.
SELECT survival_fit(i, true) FROM unnest(ARRAY['0', '36 hours', '1 day 12:00', '2 days', '1 month', '1 year', '100 days -2 hours', '00:00:00.000001']::interval[]) i;
SELECT survival_fit(d * interval '1 day', ev) = survival_fit(d, ev) AS same, survival_fit(make_interval(hours => 24 * d::int), ev) = survival_fit(d, ev) AS of_hours FROM six;
SELECT survival_fit(exit * interval '1 day', ev, entry * interval '1 day') = survival_fit(exit, ev, entry) AS same, logrank(exit * interval '1 day', ev, 'a' || (entry > 0)) = logrank(exit, ev, 'a' || (entry > 0)) AS test FROM tiny;
SELECT (survival_fit(NULL::interval, true)) IS NULL AS none, survival_fit(nullif(i, '2 days'), true) AS skipped, (logrank(nullif(i, '2 days'), true, 'a')).n_skipped AS and_here, (survival_fit(i, true, nullif(i, '2 days') - interval '1 day')).n_skipped AS entry FROM unnest(ARRAY['1 day', '2 days']::interval[]) i;
-- Instants, also over a change of clocks: 29 days of 24 hours and one of 23. The zone does not matter, nor do the settings.
SET TimeZone = 'Europe/Berlin';
SET intervalstyle = 'sql_standard';
SELECT (survival_fit(timestamptz '2024-04-30 00:00' - timestamptz '2024-03-31 00:00', true)).times[1] AS berlin, (survival_fit(timestamp '2024-04-30' - timestamp '2024-03-31', true)).times[1] AS stamps, (survival_fit(date '2024-04-30' - date '2024-03-31', true)).times[1] AS dates,
       (survival_fit(age('2024-04-30', '2024-02-28'), true)).times[1] AS by_age, (survival_fit(time '12:00' - time '06:00', true)).times[1] AS times;
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
-- The same answer in parallel and in groups; which form a call takes.
CREATE TABLE spans AS SELECT g % 1000 * interval '6 hours' AS i, g % 1000 / 4.0 AS d, g % 3 > 0 AS ev, (g % 5)::text AS grp FROM generate_series(1, 20000) g;
ANALYZE spans;
CREATE TABLE of_spans AS SELECT 'serial' AS how, survival_fit(i, ev) AS m, survival_fit(i, ev, i / 2) AS late, logrank(i, ev, grp) AS l FROM spans;
INSERT INTO of_spans SELECT 'numbers', survival_fit(d, ev), survival_fit(d, ev, d / 2), logrank(d, ev, grp) FROM spans;
INSERT INTO of_spans SELECT 'shuffled', survival_fit(i, ev), survival_fit(i, ev, i / 2), logrank(i, ev, grp) FROM (SELECT * FROM spans ORDER BY md5(i::text || grp || ev)) q;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT pg_temp.plan_has('SELECT survival_fit(i, ev), survival_fit(i, ev, i / 2), logrank(i, ev, grp) FROM spans', 'Partial Aggregate') AS parallel;
CREATE TABLE in_parallel AS SELECT 'parallel' AS how, survival_fit(i, ev) AS m, survival_fit(i, ev, i / 2) AS late, logrank(i, ev, grp) AS l FROM spans;
RESET min_parallel_table_scan_size;
RESET parallel_tuple_cost;
RESET parallel_setup_cost;
SET max_parallel_workers_per_gather = 0;
INSERT INTO of_spans TABLE in_parallel;
INSERT INTO of_spans SELECT 'grouped', (SELECT merge(m) FROM (SELECT survival_fit(i, ev) AS m FROM spans GROUP BY grp) q), (SELECT merge(m) FROM (SELECT survival_fit(i, ev, i / 2) AS m FROM spans GROUP BY grp) q), (SELECT logrank(m, grp) FROM (SELECT grp, survival_fit(i, ev) AS m FROM spans GROUP BY grp) q);
SELECT count(*) AS ways, count(DISTINCT m) AS models, count(DISTINCT late) AS late, count(DISTINCT l) AS tests FROM of_spans;

-- Errors.
SELECT n, pg_temp.err('SELECT ' || call || ' FROM (SELECT survival_fit(d, d < 4) AS m FROM six) q') AS error FROM (VALUES
    (1, 'survival_fit(-1, true)'), (2, 'survival_fit(float8 ''NaN'', false)'), (3, 'survival_fit(float8 ''infinity'', false)'), (4, 'survival_fit(float8 ''-infinity'', true)'), (5, 'survival_fit(-1e-300, true, 0)'),
    (6, 'survival_fit(5, true, -2)'), (7, 'survival_fit(5, true, ''NaN'')'), (8, 'survival_fit(5, true, ''infinity'')'), (9, 'survival_fit(5, true, 5)'), (10, 'survival_fit(5, true, 7.25)'), (11, 'survival_fit(0, true, 1e-9)'),
    (12, 'survival_fit(5, true, 0, -1)'),
    (15, 'logrank(-3, true, ''a'')'), (16, 'logrank(3, true, ''a'', 3)'), (17, 'logrank(3, true, ''a'', -1)'),
    (60, 'survival_fit(interval ''-1 day'', true)'), (61, 'survival_fit(interval ''-0.000001 seconds'', true)'), (62, 'survival_fit(interval ''-1 month'', true, interval ''0'')'), (63, 'survival_fit(interval ''5 days'', true, interval ''-36 hours'')'),
    (64, 'survival_fit(interval ''5 days'', true, interval ''120 hours'')'), (65, 'survival_fit(interval ''1 month'', true, interval ''31 days'')'), (66, 'logrank(interval ''-3 days'', true, ''a'')'),
    (67, 'survival_fit(interval ''5 days'', true, 2)'), (68, 'survival_fit(NULL, true)'),
    (20, 'survival_at(m, -1)'), (21, 'survival_at(m, ''NaN'')'), (22, 'survival_at(m, ''infinity'')'), (23, 'survival_at_ci(m, -1)'), (24, 'survival_at_ci(m, 1, 95)'), (25, 'survival_at_ci(m, 1, 0.95, ''arcsine'')'),
    (30, 'survival_quantile(m, 0)'), (31, 'survival_quantile(m, 1)'), (32, 'survival_quantile(m, 50)'), (33, 'survival_quantile(m, ''NaN'')'), (34, 'survival_quantile_ci(m, -0.5)'), (35, 'survival_quantile_ci(m, 0.5, 0)'), (36, 'survival_quantile_ci(m, 0.5, 0.95, ''loglog'')'),
    (40, 'survival_rmst(m, 0)'), (41, 'survival_rmst(m, -1)'), (42, 'survival_rmst(m, 5.5)'), (43, 'survival_rmst(m, ''infinity'')'), (44, 'survival_rmst_ci(m, 6)'), (45, 'survival_rmst_ci(m, 5, 1)'),
    (50, 'survival_table(m, 1.5)'), (51, 'survival_table(m, 0)'), (52, 'survival_table(m, ''NaN'')'), (53, 'survival_table(m, 0.95, ''Log'')'), (54, 'survival_table(m, 0.95, '''')')
) v (n, call) ORDER BY n;
SELECT pg_temp.err('SELECT survival_fit(5, true, 1, w) FROM (VALUES (9223372036854775807), (1)) v (w)') AS too_many, pg_temp.err('SELECT merge(survival_model) FROM (SELECT survival_fit(5, true, 0, 9223372036854775807) AS survival_model) q, generate_series(1, 2)') AS too_many_merged;
SELECT pg_temp.err('SELECT logrank(m, g) FROM (SELECT g, survival_fit(5, true, 0, 9223372036854775807) AS m FROM unnest(ARRAY[''a'', ''b'']) g GROUP BY g) q') AS too_many_in_groups;
-- Intervals without end came with version 17: they are as infinite numbers are.
SELECT call, current_setting('server_version_num')::int < 170000 OR pg_temp.err('SELECT ' || call) LIKE wanted AS refused FROM (VALUES ('survival_fit(interval ''infinity'', true)', '22023: duration must be a finite number, not Infinity / %'), ('survival_fit(interval ''-infinity'', true)', '22023: duration must be a finite number, not -Infinity / %'),
    ('survival_fit(interval ''1 day'', true, interval ''infinity'')', '22023: entry must be a finite number, not Infinity / %'), ('logrank(interval ''infinity'', true, ''a'')', '22023: duration must be a finite number, not Infinity / %')) v (call, wanted);
-- NULL gives NULL, or no rows.
SELECT survival_at(NULL, 1) AS a, survival_quantile(NULL, 0.5) AS q, survival_rmst(NULL, 1) AS r, survival_at(m, NULL) AS t, survival_at_ci(m, NULL) AS ci, (SELECT count(*) FROM survival_table(NULL)) AS rows FROM (SELECT survival_fit(d, ev) AS m FROM six) q;
-- The rows' memory.
SET churnmetrics.fit_memory = '1MB';
SELECT split_part(pg_temp.err('SELECT survival_fit(g, true) FROM generate_series(1, 100000) g'), ' need', 1) AS error;
SELECT (survival_fit(g % 1000, true)).n FROM generate_series(1, 100000) g;
RESET churnmetrics.fit_memory;

-- Models by hand: what no fit gives is refused by every accessor, without harm.
CREATE TABLE made (n int, m survival_model);
INSERT INTO made VALUES (0, ROW(ARRAY[1, 2], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (1, ROW(NULL, NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (2, ROW(ARRAY[1, 2], NULL, NULL, ARRAY[0, 2], 3, 1, 0)), (3, ROW(ARRAY[1, 2], NULL, ARRAY[1, 0], NULL, 3, 1, 0)),
    (4, ROW(ARRAY[1, 2], NULL, ARRAY[1, 0], ARRAY[0, 2], NULL, 1, 0)), (5, ROW(ARRAY[1, 2], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, NULL, 0)), (6, ROW(ARRAY[1, 2], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, NULL)), (7, ROW(ARRAY[1, NULL], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)),
    (8, ROW(ARRAY[2, 1], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (9, ROW(ARRAY[1, 1], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (10, ROW(ARRAY[-1, 2], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (11, ROW(ARRAY[1, 'NaN'::float8], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)),
    (12, ROW(ARRAY[1, 'Infinity'::float8], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (13, ROW(ARRAY[1, 2, 3], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (14, ROW(ARRAY[1, 2], NULL, ARRAY[1], ARRAY[0, 2], 3, 1, 0)), (15, ROW(ARRAY[1, 2], ARRAY[1], ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)),
    (16, ROW(ARRAY[1, 2], NULL, ARRAY[-1, 2], ARRAY[0, 2], 3, 1, 0)), (17, ROW(ARRAY[1, 2], NULL, ARRAY[1, 0], ARRAY[-2, 4], 3, 1, 0)), (18, ROW(ARRAY[1, 2], ARRAY[-1, 0], ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (19, ROW(ARRAY[1, 2], ARRAY[0, 1], ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)),
    (20, ROW(ARRAY[1, 2], ARRAY[3, 0], ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (21, ROW(ARRAY[1, 2], ARRAY[4, 0], ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (22, ROW(ARRAY[0, 2], ARRAY[1, 0], ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (23, ROW(ARRAY[1, 2], NULL, ARRAY[1, 0], ARRAY[0, 2], 4, 1, 0)),
    (24, ROW(ARRAY[1, 2], NULL, ARRAY[1, 0], ARRAY[0, 2], 2, 1, 0)), (25, ROW(ARRAY[1, 2], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 2, 0)), (26, ROW(ARRAY[1, 2], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, -1)), (27, ROW(ARRAY[1, 2, 3], NULL, ARRAY[1, 0, 0], ARRAY[0, 0, 2], 3, 1, 0)),
    (28, ROW('{}', NULL, '{}', '{}', 0, 0, 0)), (29, ROW('{}', NULL, '{}', '{}', 1, 0, 0)), (30, ROW(ARRAY[1, 2], NULL, ARRAY[9223372036854775807, 9223372036854775807], ARRAY[0, 2], 3, 1, 0)), (31, ROW(ARRAY[1, 2], ARRAY[9223372036854775807, 9223372036854775807], ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)),
    (32, ROW(ARRAY[[1, 2]], NULL, ARRAY[1, 0], ARRAY[0, 2], 3, 1, 0)), (33, ROW(ARRAY[1, 2], NULL, ARRAY[1, 0], ARRAY[0, 2], -3, 1, 0)), (34, NULL), (35, ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL));
SELECT n, pg_temp.err(format('SELECT survival_at(m, 1) FROM made WHERE n = %s', n)) AS error FROM made ORDER BY n;
SELECT count(*) AS refused, count(DISTINCT n) AS models FROM made, unnest(ARRAY['survival_table(m)', 'survival_at_ci(m, 1)', 'survival_quantile(m, 0.5)', 'survival_quantile_ci(m, 0.5)', 'survival_rmst(m, 1)', 'survival_rmst_ci(m, 1)', 'merge(m)', 'logrank(m, ''a'')']) call
WHERE n BETWEEN 1 AND 33 AND pg_temp.err(format('SELECT %s FROM made WHERE n = %s', call, n)) LIKE '22023: survival_model has a value in%';
-- Of arrays that do not begin at 1, and with a late entry that a fit could give.
SELECT pg_temp.curve(ROW('[5:6]={1,2}'::float8[], '[0:1]={1,0}'::bigint[], '[7:8]={1,0}'::bigint[], '{0,2}', 3, 1, 0)::survival_model) AS curve;
SELECT pg_temp.err($$SELECT survival_at('(,,,,,)'::survival_model, 1)$$) AS too_few;
-- A thousand late halves: the survival falls below what a double can hold, and ends there.
SELECT count(*) AS rows, count(*) FILTER (WHERE survival = 0) AS zeros, count(*) FILTER (WHERE (survival = 0) <> (std_err IS NULL) OR 'NaN' IN (survival, std_err, lower, upper, cumulative_hazard)) AS bad, min(survival) FILTER (WHERE survival > 0) BETWEEN 2.2e-308 AND 5e-308 AS smallest
FROM (SELECT survival_fit(CASE i WHEN 1 THEN g + 1 ELSE g + 1.5 END, i = 1, g) AS m FROM generate_series(0, 1999) g, generate_series(1, 2) i) q, unnest(ARRAY['log-log', 'log', 'plain']) c, survival_table(m, 0.999999, c);

-- What the planner may assume, and comments.
SELECT p.proname, p.proargnames, p.prokind, p.provolatile, p.proisstrict, p.proparallel, obj_description(p.oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND (p.proname ~ '^(survival|logrank)' OR p.proname = 'merge' AND p.proargtypes[0] = 'survival_model'::regtype) ORDER BY p.proname COLLATE "C", p.proargtypes;
SELECT obj_description('survival_model'::regtype, 'pg_type') IS NOT NULL AND obj_description('logrank_result'::regtype, 'pg_type') IS NOT NULL AS described;

SET client_min_messages = warning;
DROP SCHEMA test_survival CASCADE;
