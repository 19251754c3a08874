-- Intervals of shares and of NPS against expected.json: wilson95, clopper_pearson95, nps.
-- 44 checks.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('%s of %s, %s: %s', k, n, method, side), (j #>> ARRAY[key, k || '/' || n, i::text])::numeric, CASE i WHEN 0 THEN lower ELSE upper END::numeric, 11
FROM expected,
     (VALUES ('wilson95', 'wilson', 81, 263), ('wilson95', 'wilson', 15, 148), ('wilson95', 'wilson', 0, 20), ('wilson95', 'wilson', 1, 29), ('wilson95', 'wilson', 5, 100), ('wilson95', 'wilson', 20, 20), ('wilson95', 'wilson', 27, 1000),
             ('clopper_pearson95', 'clopper_pearson', 81, 263), ('clopper_pearson95', 'clopper_pearson', 15, 148), ('clopper_pearson95', 'clopper_pearson', 0, 20), ('clopper_pearson95', 'clopper_pearson', 27, 1000)) v (key, method, k, n),
     (VALUES (0, 'lower'), (1, 'upper')) s (i, side), rate_ci(k, n, 0.95, method);

-- nps, the plain margin and its standard error (margin / z), the adjusted interval.
INSERT INTO checks (what, reference, computed, digits)
SELECT what, reference, computed, 11
FROM expected, (VALUES (50, 30, 20), (350, 150, 100), (5, 0, 0)) v (p, s, d), LATERAL (SELECT format('NPS of %s, %s, %s: ', p, s, d) AS name, j #> ARRAY['nps', format('%s/%s/%s', p, s, d)] AS want) e,
     nps_ci(p, s, d, method => 'wald') plain, nps_ci(p, s, d) adjusted,
     -- the middle of the adjusted interval, which is cut to -100 .. 100: 5, 0, 0 reaches 107.5
     LATERAL (SELECT 100 * (p - d)::float8 / (p + s + d + 3) AS middle) m,
     LATERAL (VALUES (name || 'score', (want ->> 'nps')::numeric, plain.nps), (name || 'standard error', (want ->> 'se')::numeric, (plain.margin_of_error / 1.9599639845400543)::numeric), (name || 'margin', (want ->> 'moe95')::numeric, plain.margin_of_error),
              (name || 'adjusted, lower', (want #>> '{adj_ci,0}')::numeric, (middle - adjusted.margin_of_error)::numeric), (name || 'adjusted, upper', (want #>> '{adj_ci,1}')::numeric, (middle + adjusted.margin_of_error)::numeric),
              (name || 'adjusted, lower, cut', greatest((want #>> '{adj_ci,0}')::numeric, -100), adjusted.lower), (name || 'adjusted, upper, cut', least((want #>> '{adj_ci,1}')::numeric, 100), adjusted.upper)) c (what, reference, computed)
WHERE reference IS NOT NULL;
INSERT INTO checks (what, reference, computed, digits)
SELECT 'NPS over 250 answers', 16, (nps_summary(score)).nps, 15 FROM (VALUES (10, 100), (8, 90), (3, 60)) v (score, n), generate_series(1, n)
UNION ALL SELECT 'NPS over 250 answers: plain margin', 9.716, round(margin_of_error, 3), 15 FROM nps_ci(100, 90, 60, method => 'wald');
