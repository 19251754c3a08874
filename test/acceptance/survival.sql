-- Kaplan-Meier and the log-rank test: the NCCTG lung data, a tiny table with late entries, the tenures of the Telco sample.
-- 93 checks.
CREATE TABLE lung_model AS SELECT survival_fit(time, status = 2) AS m FROM lung;

INSERT INTO checks (what, reference, computed, digits)
SELECT 'lung: n', (j #>> '{km_lung,n}')::numeric, (m).n, 15 FROM expected, lung_model
UNION ALL
SELECT 'lung: events', (j #>> '{km_lung,events}')::numeric, (m).n_events, 15 FROM expected, lung_model
UNION ALL
SELECT 'lung: median', (j #>> '{km_lung,median}')::numeric, survival_quantile(m, 0.5)::numeric, 15 FROM expected, lung_model;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('lung: median, %s bounds, %s', b.type, CASE i WHEN 0 THEN 'lower' ELSE 'upper' END), (j #>> ARRAY['km_lung', b.key, i::text])::numeric,
       (CASE i WHEN 0 THEN q.lower ELSE q.upper END)::numeric, 15
FROM expected, lung_model, (VALUES ('log', 'ci_log'), ('log-log', 'ci_loglog'), ('plain', 'ci_plain')) AS b(type, key), generate_series(0, 1) AS i,
     survival_quantile_ci(m, 0.5, 0.95, b.type) AS q
ORDER BY b.key, i;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('lung: quartile %s', i + 1), (j #>> ARRAY['km_lung', 'quartiles', i::text])::numeric, survival_quantile(m, (i + 1) / 4.0)::numeric, 15
FROM expected, lung_model, generate_series(0, 2) AS i ORDER BY i;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('lung: %s at %s', c.what, t), (j #>> ARRAY['km_lung', c.key, t])::numeric, c.computed::numeric, 12
FROM expected, lung_model, unnest(ARRAY['90', '180', '365', '730']) AS t, survival_at_ci(m, t::float8) AS s,
     LATERAL (VALUES ('survival', 'S', s.survival), ('standard error', 'se', s.std_err)) AS c(what, key, computed)
ORDER BY c.key, t::int;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('lung: survival at 365, %s bounds, %s', b.type, CASE i WHEN 0 THEN 'lower' ELSE 'upper' END), (j #>> ARRAY['km_lung', 'ci365', b.key, i::text])::numeric,
       (CASE i WHEN 0 THEN s.lower ELSE s.upper END)::numeric, 11
FROM expected, lung_model, (VALUES ('log', 'log'), ('log-log', 'loglog'), ('plain', 'plain')) AS b(type, key), generate_series(0, 1) AS i,
     survival_at_ci(m, 365, 0.95, b.type) AS s
ORDER BY b.key, i;

INSERT INTO checks (what, reference, computed, digits)
SELECT 'lung: cumulative hazard at 365', (j #>> '{km_lung,nelson_aalen_365}')::numeric,
       (SELECT max(cumulative_hazard) FROM survival_table(m) WHERE at_time <= 365)::numeric, 11
FROM expected, lung_model;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('lung: restricted mean to %s, %s', tau, c.what), (j #>> ARRAY['km_lung', 'rmst' || tau || c.key])::numeric, c.computed::numeric, 11
FROM expected, lung_model, unnest(ARRAY[365, 730]) AS tau, survival_rmst_ci(m, tau) AS r,
     LATERAL (VALUES ('estimate', '', r.rmst), ('standard error', '_se', r.std_err)) AS c(what, key, computed)
ORDER BY tau, c.key;

-- By sex the published medians, with bounds of type log; all of these are days.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('lung: sex %s, %s', sex, c.what), c.reference, c.computed::numeric, 15
FROM (SELECT sex, survival_fit(time, status = 2) AS m FROM lung GROUP BY sex) AS f, survival_quantile_ci(m, 0.5, 0.95, 'log') AS q,
     LATERAL (VALUES (1, 'median', CASE sex WHEN 1 THEN 270 ELSE 426 END, q.quantile), (2, 'lower', CASE sex WHEN 1 THEN 212 ELSE 348 END, q.lower),
                     (3, 'upper', CASE sex WHEN 1 THEN 310 ELSE 550 END, q.upper)) AS c(n, what, reference, computed)
ORDER BY sex, c.n;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('log-rank, lung by %s: %s', l.what, c.what), (j #>> (ARRAY['logrank', l.key] || c.key))::numeric, c.computed::numeric, c.digits
FROM expected, (SELECT 'sex' AS what, 'lung_sex' AS key, logrank(time, status = 2, sex::text) AS r FROM lung
                UNION ALL SELECT 'ECOG score', 'lung_ecog', logrank(time, status = 2, "ph.ecog"::text) FROM lung) AS l,
     LATERAL (VALUES (1, 'chi-squared', ARRAY['chisq'], (r).chisq, 11), (2, 'degrees of freedom', ARRAY['df'], (r).df::float8, 15), (3, 'p', ARRAY['p'], (r).p, 10),
                     (4, 'expected in the first group', ARRAY['exp', '0'], (r).expected[1], 8), (5, 'expected in the second group', ARRAY['exp', '1'], (r).expected[2], 8)) AS c(n, what, key, computed, digits)
WHERE c.n < 4 OR l.key = 'lung_sex'
ORDER BY l.key DESC, c.n;

-- Left truncation: the three times with an event.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('late entries: %s', c.what), c.reference, c.computed::numeric, c.digits
FROM expected, (SELECT row_number() OVER (ORDER BY at_time) - 1 AS i, t.* FROM (SELECT survival_fit(exit, ev = 1, entry) AS m FROM lt_tiny) AS f, survival_table(m) AS t WHERE n_event > 0) AS t,
     LATERAL (VALUES (1, format('time %s', i + 1), (j #>> ARRAY['km_left_trunc_tiny', 't', i::text])::numeric, t.at_time, 15),
                     (2, format('at risk at %s', at_time), (j #>> ARRAY['km_left_trunc_tiny', 'n', i::text])::numeric, t.n_risk::float8, 15),
                     (3, format('survival at %s', at_time), (j #>> ARRAY['km_left_trunc_tiny', 'S', i::text])::numeric, t.survival, 15),
                     (4, format('standard error at %s', at_time), (j #>> ARRAY['km_left_trunc_tiny', 'se', i::text])::numeric, t.std_err, 7)) AS c(n, what, reference, computed, digits)
ORDER BY c.n, i;

-- The tenures of the Telco sample, customer by customer, and the same from 73 weighted rows.
CREATE TABLE telco_models AS
SELECT 'customers' AS source, survival_fit(tenure, "Churn" = 'Yes') AS m FROM telco
UNION ALL
SELECT 'counts', survival_fit(tenure, ended, 0, n) FROM telco_tenure, LATERAL (VALUES (true, churned::bigint), (false, active::bigint)) AS v(ended, n);

INSERT INTO checks (what, reference, computed, digits)
SELECT format('Telco, %s: %s', source, c.what), c.reference, c.computed, 15
FROM expected, telco_models, LATERAL (VALUES (1, 'n', (j #>> '{km_telco_tenure,n}')::numeric, (m).n), (2, 'events', (j #>> '{km_telco_tenure,events}')::numeric, (m).n_events),
     (3, 'with a positive tenure', (j #>> '{km_telco_tenure,n_positive}')::numeric, (SELECT n_risk FROM survival_table(m) WHERE at_time = 1))) AS c(n, what, reference, computed)
ORDER BY source DESC, c.n;

INSERT INTO checks (what, reference, computed, digits)
SELECT format('Telco, %s: survival at %s', source, t), s::numeric, survival_at(m, t::float8)::numeric, 10
FROM expected, telco_models, jsonb_each_text(j #> '{km_telco_tenure,S}') AS r(t, s) ORDER BY source DESC, t::int;

INSERT INTO checks (what, reference, computed, digits)
SELECT 'Telco: models from customers and from counts that are equal', 1, count(DISTINCT m), 15 FROM telco_models;

INSERT INTO checks (what, reference, computed, digits)
SELECT 'Telco, month-to-month: ' || c.what, c.reference, c.computed::numeric, 15
FROM expected, (SELECT survival_fit(tenure, "Churn" = 'Yes') AS m FROM telco WHERE "Contract" = 'Month-to-month') AS f, survival_quantile_ci(m, 0.5) AS q,
     LATERAL (VALUES (1, 'median', (j #>> '{km_telco_tenure,median_month_to_month}')::numeric, q.quantile), (2, 'lower', (j #>> '{km_telco_tenure,median_mtm_ci,0}')::numeric, q.lower),
                     (3, 'upper', (j #>> '{km_telco_tenure,median_mtm_ci,1}')::numeric, q.upper)) AS c(n, what, reference, computed)
ORDER BY c.n;

INSERT INTO checks (what, reference, computed, digits)
SELECT 'log-rank, Telco by contract: chi-squared', (j #>> '{km_telco_tenure,logrank_contract_chisq}')::numeric, (logrank(tenure, "Churn" = 'Yes', "Contract")).chisq::numeric, 12
FROM expected, telco GROUP BY j;

-- Intervals: the same days.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('lung, of intervals: survival at %s', t), (j #>> ARRAY['km_lung', 'S', t])::numeric, survival_at(m, t::float8)::numeric, 12
FROM expected, (SELECT survival_fit(time * interval '1 day', status = 2) AS m FROM lung) AS f, unnest(ARRAY['90', '180', '365', '730']) AS t ORDER BY t::int;

INSERT INTO checks (what, reference, computed, digits)
SELECT 'log-rank of intervals, Telco by contract: chi-squared', (j #>> '{km_telco_tenure,logrank_contract_chisq}')::numeric, (logrank(tenure * interval '1 month', "Churn" = 'Yes', "Contract")).chisq::numeric, 12
FROM expected, telco GROUP BY j;
