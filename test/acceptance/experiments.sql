-- Experiments against expected.json: two_prop, hillstrom, power, did_prop, did_card_krueger.
-- 53 checks.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('%s of %s against %s of %s: ', k1, n1, k0, n0) || what, reference, computed, 10
FROM expected, (VALUES (56, 70, 48, 80), (9, 10, 3, 10), (500, 10000, 430, 10000)) v (k1, n1, k0, n0), uplift_test(k1, n1, k0, n0) u, LATERAL (SELECT j #> ARRAY['two_prop', format('%s/%s vs %s/%s', k1, n1, k0, n0)] AS e) e,
     LATERAL (VALUES ('z', (e ->> 'z')::numeric, u.z::numeric), ('p', (e ->> 'p')::numeric, u.p::numeric), ('lower', (e #>> '{newcombe,0}')::numeric, u.lower::numeric), ('upper', (e #>> '{newcombe,1}')::numeric, u.upper::numeric)) c (what, reference, computed);
-- The interval of Wald, which nobody should use: difference in differences with nothing before has it.
INSERT INTO checks (what, reference, computed, digits)
WITH d AS (SELECT (did(treated, post, CASE WHEN post AND g <= k THEN 1 ELSE 0 END)).* FROM (VALUES (true, 70, 56), (false, 80, 48)) v (treated, n, k), unnest(ARRAY[false, true]) post, generate_series(1, n) g)
SELECT '56 of 70 against 48 of 80: Wald, lower', (j #>> '{two_prop,56/70 vs 48/80,wald,0}')::numeric, lower::numeric, 10 FROM expected, d
UNION ALL SELECT '56 of 70 against 48 of 80: Wald, upper', (j #>> '{two_prop,56/70 vs 48/80,wald,1}')::numeric, upper::numeric, 10 FROM expected, d;

-- Hillstrom's e-mails, from totals and by the aggregate over a row for each customer.
INSERT INTO checks (what, reference, computed, digits)
WITH arms AS (SELECT 'mens_vs_none_visits' AS key, segment <> 'No E-Mail' AS treated, n, visits AS k FROM hillstrom_summary WHERE segment <> 'Womens E-Mail'
              UNION ALL SELECT 'womens_vs_none_conversions', segment <> 'No E-Mail', n, conversions FROM hillstrom_summary WHERE segment <> 'Mens E-Mail'),
     results AS (SELECT key, 'from totals' AS way, u.* FROM (SELECT key, max(k) FILTER (WHERE treated) AS k1, max(n) FILTER (WHERE treated) AS n1, max(k) FILTER (WHERE NOT treated) AS k0, max(n) FILTER (WHERE NOT treated) AS n0 FROM arms GROUP BY key) a, uplift_test(k1, n1, k0, n0) u
                 UNION ALL SELECT key, 'over rows', (uplift(treated, g <= k)).* FROM arms, generate_series(1, n) g GROUP BY key)
SELECT format('Hillstrom, %s, %s: %s', key, way, what), reference, computed, 10
FROM expected, results r, LATERAL (SELECT j #> ARRAY['hillstrom', key] AS e) e,
     LATERAL (VALUES ('difference', (e ->> 'diff')::numeric, difference::numeric), ('z', (e ->> 'z')::numeric, z::numeric), ('p', (e ->> 'p')::numeric, p::numeric), ('lower', (e #>> '{newcombe,0}')::numeric, lower::numeric), ('upper', (e #>> '{newcombe,1}')::numeric, upper::numeric)) c (what, reference, computed)
WHERE reference IS NOT NULL;

-- Sample sizes. The second reference is R's root at its default tolerance, eps^(1/4); at 1e-12 R has 76.7069284517774.
INSERT INTO checks (what, reference, computed, digits)
SELECT 'sample size, 0.05 to 0.04, power 0.8', (j #>> '{power,p1=.05\,p2=.04\,power=.8}')::numeric, sample_size(0.05, 0.04)::numeric, 11 FROM expected
UNION ALL SELECT 'sample size, 0.5 to 0.75, power 0.9', (j #>> '{power,p1=.50\,p2=.75\,power=.9}')::numeric, sample_size(0.5, 0.75, 0.9)::numeric, 7 FROM expected
UNION ALL SELECT 'sample size, 0.5 to 0.75, power 0.9, R at 1e-12', 76.7069284517774, sample_size(0.5, 0.75, 0.9)::numeric, 13;

-- Difference in differences of shares.
INSERT INTO checks (what, reference, computed, digits)
SELECT 'DiD of shares: ' || what, reference, computed, digits
FROM expected, (SELECT (did(treated, post, (g <= k)::int)).* FROM (VALUES (true, true, 40), (true, false, 60), (false, true, 55), (false, false, 58)) v (treated, post, k), generate_series(1, 1000) g) d, LATERAL (SELECT j #> '{did_prop,40/1000\,60/1000\,55/1000\,58/1000}' AS e) e,
     LATERAL (VALUES ('effect', (e ->> 'est')::numeric, d.effect::numeric, 12), ('standard error', (e ->> 'se')::numeric, d.std_err::numeric, 11), ('z', (e ->> 'z')::numeric, d.z::numeric, 12), ('p', (e ->> 'p')::numeric, d.p::numeric, 12)) c (what, reference, computed, digits);

-- Card and Krueger: rows with exactly the n, mean and standard deviation (n - 1) of each cell: two values half and half about the mean, one at it where n is odd.
CREATE TABLE card_krueger_rows AS
SELECT state = 'New Jersey' AS treated, wave = 'after' AS post, mean_fte::float8 + CASE WHEN g > n / 2 * 2 THEN 0 WHEN g % 2 = 0 THEN 1 ELSE -1 END * sd_fte::float8 * sqrt((n - 1)::float8 / (n / 2 * 2)) AS y
FROM card_krueger_cells, generate_series(1, n) g;
INSERT INTO checks (what, reference, computed, digits)
WITH cells AS (SELECT treated, post, count(*) AS n, var_samp(y) AS v FROM card_krueger_rows GROUP BY 1, 2), sums AS (SELECT sum(n) AS n, sum(v / n) AS independent, sum((n - 1) * v) / sum(n - 1) * sum(1.0 / n) AS ols, sum((n - 1) * v / n / n) AS hc0 FROM cells),
     d AS (SELECT (did(treated, post, y)).* FROM card_krueger_rows)
SELECT 'Card and Krueger, cells: effect', (e ->> 'cells_est')::numeric, d.effect::numeric, 12 FROM expected, LATERAL (SELECT j -> 'did_card_krueger' AS e) e, d
-- what did() has is HC0; from it and from the cells the others
UNION ALL SELECT 'Card and Krueger, cells: std_err is HC0', sqrt(hc0)::numeric, d.std_err::numeric, 12 FROM d, sums
UNION ALL SELECT 'Card and Krueger, cells: HC1 = std_err x sqrt(n / (n - 4))', (e ->> 'hc1')::numeric, (d.std_err * sqrt(sums.n / (sums.n - 4)))::numeric, 11 FROM expected, LATERAL (SELECT j -> 'did_card_krueger' AS e) e, d, sums
UNION ALL SELECT 'Card and Krueger, cells: sample variances', (e ->> 'cells_se_independent')::numeric, sqrt(independent)::numeric, 12 FROM expected, LATERAL (SELECT j -> 'did_card_krueger' AS e) e, sums
UNION ALL SELECT 'Card and Krueger, cells: OLS, one variance for all', (e ->> 'ols_se')::numeric, sqrt(ols)::numeric, 11 FROM expected, LATERAL (SELECT j -> 'did_card_krueger' AS e) e, sums;

-- The balanced panel: stores with exactly the number, mean and standard error of the changes of each state.
INSERT INTO checks (what, reference, computed, digits)
WITH arms AS (SELECT state, state = 'NJ' AS treated, (e ->> 0)::int AS n, (e ->> 1)::float8 AS mean, (e ->> 2)::float8 AS error FROM expected, jsonb_each(j #> '{did_card_krueger,balanced_changes}') x (state, e) WHERE state IN ('NJ', 'PA')),
     stores AS (SELECT treated, state || g AS store, 20 + g % 5 AS before, mean + CASE WHEN g > n / 2 * 2 THEN 0 WHEN g % 2 = 0 THEN 1 ELSE -1 END * error * sqrt(n::float8) * sqrt((n - 1)::float8 / (n / 2 * 2)) AS change FROM arms, generate_series(1, n) g),
     d AS (SELECT (did(treated, post, before + CASE WHEN post THEN change ELSE 0 END, store)).* FROM stores, unnest(ARRAY[false, true]) post)
SELECT 'Card and Krueger, balanced: effect', (e ->> 'did')::numeric, d.effect::numeric, 12 FROM expected, LATERAL (SELECT j #> '{did_card_krueger,balanced_changes}' AS e) e, d
UNION ALL SELECT 'Card and Krueger, balanced: change of NJ', (e #>> '{NJ,1}')::numeric, (d.treated_post - d.treated_pre)::numeric, 12 FROM expected, LATERAL (SELECT j #> '{did_card_krueger,balanced_changes}' AS e) e, d
UNION ALL SELECT 'Card and Krueger, balanced: change of PA', (e #>> '{PA,1}')::numeric, (d.control_post - d.control_pre)::numeric, 12 FROM expected, LATERAL (SELECT j #> '{did_card_krueger,balanced_changes}' AS e) e, d
UNION ALL SELECT 'Card and Krueger, balanced: standard error', (e ->> 'se')::numeric, round(d.std_err::numeric, 4), 15 FROM expected, LATERAL (SELECT j #> '{did_card_krueger,balanced_changes}' AS e) e, d
UNION ALL SELECT 'Card and Krueger, balanced: standard error, exact', sqrt(sum(error ^ 2))::numeric, max(d.std_err)::numeric, 12 FROM arms, d
UNION ALL SELECT 'Card and Krueger, balanced: effect as published', (e #>> '{pub,0}')::numeric, round(d.effect::numeric, 2), 15 FROM expected, LATERAL (SELECT j #> '{did_card_krueger,balanced_changes}' AS e) e, d
UNION ALL SELECT 'Card and Krueger, balanced: standard error as published', (e #>> '{pub,1}')::numeric, round(d.std_err::numeric, 2), 15 FROM expected, LATERAL (SELECT j #> '{did_card_krueger,balanced_changes}' AS e) e, d
UNION ALL SELECT 'Card and Krueger, balanced: stores of NJ', (e #>> '{NJ,0}')::numeric, d.n_treated_pre, 15 FROM expected, LATERAL (SELECT j #> '{did_card_krueger,balanced_changes}' AS e) e, d
UNION ALL SELECT 'Card and Krueger, balanced: stores of PA', (e #>> '{PA,0}')::numeric, d.n_control_pre, 15 FROM expected, LATERAL (SELECT j #> '{did_card_krueger,balanced_changes}' AS e) e, d;
