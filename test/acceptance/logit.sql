-- logit: the patients of MADlib's documentation, Telco with two and nine features, and separated data.
-- 58 checks.

CREATE TEMP TABLE logit_rows AS
SELECT row_number() OVER () AS i, "Churn" = 'Yes' AS y,
    ARRAY[tenure, "MonthlyCharges", ("Contract" = 'One year')::int, ("Contract" = 'Two year')::int, ("InternetService" = 'Fiber optic')::int,
          ("InternetService" = 'No')::int, ("PaperlessBilling" = 'Yes')::int, ("PaymentMethod" = 'Electronic check')::int, "SeniorCitizen"]::float8[] AS x
FROM telco;

CREATE TEMP TABLE logit_fits AS
SELECT 'logit_telco_2' AS key, 'Telco, 2 features' AS title, logit_fit(y, x[1:2]) AS m FROM logit_rows
UNION ALL SELECT 'logit_telco_9', 'Telco, 9 features', logit_fit(y, x) FROM logit_rows
UNION ALL SELECT 'logit_madlib_patients', 'patients', logit_fit(y = 1, ARRAY[tr, ax]) FROM madlib_patients;

-- Coefficients, and standard errors: the patients' reference has those of one iteration before the last, right to 6 digits.
INSERT INTO checks (what, reference, computed, digits)
SELECT 'logit_fit, ' || title || ': coefficient ' || o - 1, r::numeric, (m).coef[o]::numeric, 10
FROM expected, logit_fits, jsonb_array_elements_text(j -> key -> 'coef') WITH ORDINALITY e (r, o) ORDER BY key, o;
INSERT INTO checks (what, reference, computed, digits)
SELECT 'logit_fit, ' || title || ': standard error ' || o - 1, r::numeric, (m).se[o]::numeric, CASE WHEN key LIKE 'logit_telco%' THEN 8 ELSE 6 END
FROM expected, logit_fits, jsonb_array_elements_text(j -> key -> 'se') WITH ORDINALITY e (r, o) ORDER BY key, o;
INSERT INTO checks (what, reference, computed, digits)
SELECT 'logit_fit, ' || title || ': log-likelihood', (j -> key ->> 'loglik')::numeric, (m).loglik::numeric, 12 FROM expected, logit_fits ORDER BY key;
INSERT INTO checks (what, reference, computed, digits)
SELECT 'logit_fit, ' || title || ': null deviance', (j -> key ->> 'null_dev')::numeric, (-2 * (m).null_loglik)::numeric, 12 FROM expected, logit_fits WHERE j -> key ? 'null_dev';

-- Scores: AUC of the fit and of its probabilities, Brier's score, the top tenth.
CREATE TEMP TABLE logit_scores AS SELECT key, title, i, y, logit_predict(m, x[1:cardinality((m).means)]) AS p, (m).auc AS fitted FROM logit_fits, logit_rows WHERE key LIKE 'logit_telco%';
INSERT INTO checks (what, reference, computed, digits)
SELECT 'logit_fit, ' || title || ': AUC', (j -> key ->> 'auc')::numeric, min(fitted)::numeric, 12 FROM expected, logit_scores GROUP BY j, key, title ORDER BY key;
INSERT INTO checks (what, reference, computed, digits)
SELECT 'auc, ' || title, (j -> key ->> 'auc')::numeric, auc(p, y)::numeric, 12 FROM expected, logit_scores GROUP BY j, key, title ORDER BY key;
INSERT INTO checks (what, reference, computed, digits)
SELECT 'brier, ' || title, (j -> key ->> 'brier')::numeric, brier(p, y)::numeric, 10 FROM expected, logit_scores GROUP BY j, key, title ORDER BY key;
-- With two features there are ties over the border: the reference counts those that come first in the file, lift_table shares them out.
INSERT INTO checks (what, reference, computed, digits)
SELECT 'logit_predict, ' || title || ': churners in the top 704', (j -> key ->> 'top704_churners')::numeric, count(*) FILTER (WHERE y), 15
FROM expected, (SELECT *, row_number() OVER (PARTITION BY key ORDER BY p DESC, i) AS place FROM logit_scores) q WHERE place <= 704 GROUP BY j, key, title ORDER BY key;
INSERT INTO checks (what, reference, computed, digits)
SELECT 'lift_table, Telco, 9 features: ' || what, reference, computed, 15
FROM (SELECT (j #>> '{logit_telco_9,top704_churners}')::numeric AS churners, lift_table(p, y) AS t FROM expected, logit_scores WHERE key = 'logit_telco_9' GROUP BY j) q,
    LATERAL (VALUES ('rows in the top tenth', 704, (t[1]).n::numeric), ('churners among them', churners, (t[1]).events::numeric)) v (what, reference, computed);
INSERT INTO checks (what, reference, computed, digits)
SELECT 'lift_table, Telco, 9 features: lift of the top tenth', 2.741, round((lift_table(p, y))[1].lift::numeric, 3), 15 FROM logit_scores WHERE key = 'logit_telco_9';
INSERT INTO checks (what, reference, computed, digits)
SELECT 'logit_predict, Telco, 9 features: row ' || i, (j #>> ARRAY['logit_telco_9', 'p_first5', (i - 1)::text])::numeric, p::numeric, 11 FROM expected, logit_scores WHERE key = 'logit_telco_9' AND i <= 5 ORDER BY i;

-- Separated: x = 1 to 6, y = 000111.
INSERT INTO checks (what, reference, computed, digits)
SELECT what || ', x = 1 to 6: coefficient ' || o - 1, r::numeric, coef[o]::numeric, 10
FROM expected, (SELECT (logit_fit_firth(g > 3, ARRAY[g])).coef AS firth, (logit_fit(g > 3, ARRAY[g], 1.0)).coef AS one, (logit_fit(g > 3, ARRAY[g], 0.1)).coef AS tenth FROM generate_series(1, 6) g) f,
    LATERAL (VALUES ('logit_fit_firth', 'firth', firth), ('logit_fit with ridge 1', 'ridge_lambda1', one), ('logit_fit with ridge 0.1', 'ridge_lambda0.1', tenth)) v (what, key, coef),
    jsonb_array_elements_text(j -> 'separation' -> 'x=1..6,y=000111' -> key) WITH ORDINALITY e (r, o) ORDER BY what, o;

DROP TABLE logit_rows, logit_fits, logit_scores;
