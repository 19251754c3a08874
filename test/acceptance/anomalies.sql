-- Anomalies against the NIST/SEMATECH handbook's examples.
-- 65 checks.

-- Rosner's data: the statistics, the critical values and the three outliers.
WITH test AS (
    SELECT g.* FROM (SELECT array_agg(y::float8) AS x FROM nist_rosner_gesd) d, gesd(x, 10) g
)
INSERT INTO checks (what, reference, computed, digits)
SELECT format('gesd, Rosner: %s(%s)', v.what, step), (j #>> ARRAY['gesd_rosner', v.what, (step - 1)::text])::numeric, v.computed::numeric, 10
FROM expected, test, LATERAL (VALUES ('R', r), ('lambda', lambda)) AS v(what, computed)
WHERE step <= 4
UNION ALL
SELECT format('gesd, Rosner: outlier %s', step), (j #>> ARRAY['gesd_rosner', 'outliers', (step - 1)::text])::numeric, value::numeric, 15
FROM expected, test WHERE outlier
UNION ALL
SELECT 'gesd, Rosner: number of outliers', jsonb_array_length(j #> '{gesd_rosner,outliers}'), count(*) FILTER (WHERE outlier), 15
FROM expected, test GROUP BY 2;

-- The median and the MAD from two scores: z is linear in y.
WITH scored AS (
    SELECT y::float8 AS y, modified_z(y::float8) OVER () AS z FROM nist_rosner_gesd
), line AS (
    SELECT 0.6745 * (max(y) - min(y)) / (max(z) - min(z)) AS mad, max(y) AS top, max(z) AS z FROM scored
)
INSERT INTO checks (what, reference, computed, digits)
SELECT 'modified_z, Rosner: ' || v.what, (j #>> ARRAY['gesd_rosner', v.what])::numeric, v.computed::numeric, 10
FROM expected, line, LATERAL (VALUES ('modz_6.01', z), ('mad', mad), ('median', top - z * mad / 0.6745)) AS v(what, computed);

-- Target 50 and standard deviation 2.0539, as printed there; every average of the file, both limits, no signal.
WITH chart AS (
    SELECT t, y, "ewma_lambda0.3_start50" AS published, ewma(y::float8, 0.3, 50) OVER w AS average, ewma_chart(y::float8, 0.3, 50, 2.0539) OVER w AS point
    FROM nist_ewma WINDOW w AS (ORDER BY t)
)
INSERT INTO checks (what, reference, computed, digits)
SELECT format('ewma, NIST: t = %s', t), published::numeric, average::numeric, 10 FROM chart
UNION ALL
SELECT format('ewma_chart, NIST: t = %s', t), published::numeric, (point).ewma::numeric, 10 FROM chart
UNION ALL
SELECT 'ewma_chart, NIST: ' || v.what, (j #>> ARRAY['ewma_nist', v.what])::numeric, v.computed::numeric, v.digits
FROM expected, (SELECT max((point).upper) AS ucl, max((point).lower) AS lcl, (array_agg((point).ewma ORDER BY t))[20] AS last FROM chart) AS c,
     LATERAL (VALUES ('ucl', ucl, 9), ('lcl', lcl, 9), ('last', last, 6)) AS v(what, computed, digits)
UNION ALL
SELECT 'ewma_chart, NIST: number of signals', jsonb_array_length(j #> '{ewma_nist,out}'), count(*) FILTER (WHERE (point).signal), 15
FROM expected, chart GROUP BY 2;

-- Thirty samples of 50: the centre, both limits, and the two samples outside.
WITH chart AS (
    SELECT sample, (pchart(defective, n) OVER (ORDER BY sample)).* FROM nist_pchart
)
INSERT INTO checks (what, reference, computed, digits)
SELECT DISTINCT 'pchart, NIST: ' || v.what, (j #>> ARRAY['pchart_nist', v.what])::numeric, v.computed::numeric, 10
FROM expected, chart, LATERAL (VALUES ('pbar', center), ('ucl', upper), ('lcl', lower)) AS v(what, computed)
UNION ALL
SELECT format('pchart, NIST: sample %s is outside', o), o::numeric, (SELECT sample::numeric FROM chart WHERE signal AND sample = o::numeric), 15
FROM expected, jsonb_array_elements_text(j #> '{pchart_nist,out}') AS o
UNION ALL
SELECT 'pchart, NIST: number of signals', jsonb_array_length(j #> '{pchart_nist,out}'), count(*) FILTER (WHERE signal), 15
FROM expected, chart GROUP BY 2;
