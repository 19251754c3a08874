-- sbg: Fader and Hardie (2007), High End and Regular; and the customers of the telco sample by contract.
-- The references of expected.json come from a general optimiser: its parameters are good to 6 digits, its errors,
-- of a numerical Hessian, to 5. Beside them are the same numbers from a search and derivatives in 40-digit arithmetic.
-- 121 checks.
SET client_min_messages = warning;
CREATE TABLE sbg_fits AS
WITH customers AS (
    SELECT segment, until, year::bigint AS age, true AS churned, n_lost_in_year::bigint AS n
    FROM sbg_fader_hardie_2007, unnest(ARRAY[4, 7]) AS until WHERE year BETWEEN 1 AND until
    UNION ALL
    SELECT segment, until, year::bigint, false, n_alive_of_1000::bigint
    FROM sbg_fader_hardie_2007, unnest(ARRAY[4, 7]) AS until WHERE year = until
)
SELECT segment || '_' || until || 'y' AS key, sbg_fit(age, churned, n) AS m FROM customers GROUP BY segment, until
UNION ALL
SELECT 'telco_all', sbg_fit(tenure, "Churn" = 'Yes') FROM telco
UNION ALL
SELECT CASE "Contract" WHEN 'Month-to-month' THEN 'telco_month_to_month' WHEN 'One year' THEN 'telco_one_year_BOUNDARY' ELSE 'telco_two_year_BOUNDARY' END,
       sbg_fit(tenure, "Churn" = 'Yes') FROM telco GROUP BY "Contract";

-- Parameters, log-likelihoods, errors.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('sbg, %s: %s', key, name), (j #>> ARRAY['sbg', key, name])::numeric, computed::numeric, digits
FROM sbg_fits, expected, LATERAL (VALUES (1, 'alpha', (m).alpha, 6), (2, 'beta', (m).beta, 6), (3, 'loglik', (m).loglik, 11), (4, 'se_alpha', (m).se_alpha, 5), (5, 'se_beta', (m).se_beta, 5),
    (6, 'theta', (m).mean_churn, 10), (7, 'S12', sbg_survival(m, 12), 6), (8, 'S24', sbg_survival(m, 24), 6)) AS v (i, name, computed, digits)
WHERE j #>> ARRAY['sbg', key, name] IS NOT NULL AND j #>> ARRAY['sbg', key, name] <> 'inf'
ORDER BY key, i;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('sbg, %s: %s as printed', key, name), (j #>> ARRAY['sbg', key, 'pub', i::text])::numeric, round(computed::numeric, 3), 15
FROM sbg_fits, expected, LATERAL (VALUES (0, 'alpha', (m).alpha), (1, 'beta', (m).beta)) AS v (i, name, computed)
WHERE key IN ('highend_7y', 'regular_7y') ORDER BY key, i;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('sbg, %s: %s, 40-digit arithmetic', key, name), reference, computed::numeric, 11
FROM (VALUES ('highend_7y', 0.668088351106446, 3.80609496405827, -1611.15814739116, 0.10373493115, 0.785531691776), ('regular_7y', 0.704077298473516, 1.18204302620948, -1680.26518846329, 0.065598964234, 0.152475631676),
    ('highend_4y', 1.28097638036743, 7.79038409526386, -1225.13490704161, 0.553467968378, 3.8087223418), ('regular_4y', 0.763665062564553, 1.2958302721825, -1401.55942357745, 0.0967952476386, 0.210625744284)) AS r (key, alpha, beta, loglik, se_alpha, se_beta)
JOIN sbg_fits USING (key), LATERAL (VALUES (1, 'alpha', alpha, (m).alpha), (2, 'beta', beta, (m).beta), (3, 'loglik', loglik, (m).loglik), (4, 'se_alpha', se_alpha, (m).se_alpha), (5, 'se_beta', se_beta, (m).se_beta)) AS v (i, name, reference, computed)
ORDER BY key, i;

-- The boundaries: 1 where the model says so, without alpha and beta; what was lost of what came due.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('sbg, %s: %s', key, name), reference, computed, 15
FROM sbg_fits, expected, LATERAL (VALUES (1, 'boundary', 1, ((m).boundary AND (m).form = 'geometric' AND (m).alpha IS NULL AND (m).beta IS NULL)::int), (2, 'events', (j #>> ARRAY['sbg', key, 'events'])::numeric, (m).n_churned),
    (3, 'exposure', (j #>> ARRAY['sbg', key, 'exposure'])::numeric, (m).renewals)) AS v (i, name, reference, computed)
WHERE key LIKE '%BOUNDARY' ORDER BY key, i;

-- Survival, retention, discounted expected lifetimes.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('sbg, %s: S(%s) in percent', key, t - 1), reference::numeric, (100 * sbg_survival(m, t - 1))::numeric, 6
FROM sbg_fits, expected, jsonb_array_elements_text(j #> ARRAY['sbg', key, 'S_pct_0_12']) WITH ORDINALITY AS v (reference, t) ORDER BY key, t;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('sbg, %s: retention %s', key, t), reference::numeric, sbg_retention(m, t)::numeric, 6
FROM sbg_fits, expected, jsonb_array_elements_text(j #> ARRAY['sbg', key, 'retention_1_12']) WITH ORDINALITY AS v (reference, t) ORDER BY key, t;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('sbg, %s: DEL at %s', key, d), reference::numeric, sbg_clv(m, 1, d::float8)::numeric, 6
FROM sbg_fits, expected, jsonb_each_text(j #> ARRAY['sbg', key, 'DEL']) AS v (d, reference) ORDER BY key, d;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('sbg, %s: DERL(%s) at 0.10', key, made), (j #>> ARRAY['sbg', key, 'DERL_d0.10_n1_2_3_4_5_8', (i - 1)::text])::numeric, sbg_clv(m, 1, 0.1, made)::numeric, 6
FROM sbg_fits, expected, unnest(ARRAY[1, 2, 3, 4, 5, 8]) WITH ORDINALITY AS v (made, i)
WHERE key IN ('highend_7y', 'regular_7y') ORDER BY key, i;

-- Fitted on 7 years of 12: year 12 as projected, and as it came.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('sbg, %s: year 12 in percent, %s', segment, what), reference, computed, digits
FROM (VALUES ('highend', 37.80, 39.4), ('regular', 17.00, 17.3)) AS r (segment, projected, came)
JOIN sbg_fits ON key = segment || '_7y' JOIN sbg_fader_hardie_2007 AS d USING (segment),
LATERAL (VALUES (1, 'projected', projected, (100 * sbg_survival(m, 12))::numeric, 4), (2, 'as it came', came, n_alive_of_1000 / 10.0, 3)) AS v (i, what, reference, computed, digits)
WHERE year = 12 ORDER BY segment, i;

-- A row per tenure, or a row per customer: the same model; telco has 73 tenures.
INSERT INTO checks (what, reference, computed, digits)
SELECT 'sbg, telco: rows by tenure give the model of the customers', 1, ((SELECT sbg_fit(age, churned, n) FROM (SELECT tenure::bigint AS age, false AS churned, active::bigint AS n FROM telco_tenure
    UNION ALL SELECT tenure::bigint, true, churned::bigint FROM telco_tenure) AS q) = m)::int, 15
FROM sbg_fits WHERE key = 'telco_all';
