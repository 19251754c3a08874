-- Buy-till-you-die models: CDNOW (2357 customers, times in weeks of two decimals, and the days these were made from),
-- the donations of Fader, Hardie and Shang, and the derived values published for them.
-- 98 checks.
CREATE FUNCTION pg_temp.btyd_of(model text, VARIADIC params float8[]) RETURNS btyd_model LANGUAGE sql AS
$$ SELECT ROW(model, interval '7 days', params, NULL, NULL, 0, 0, 0, 0, 0)::btyd_model $$;

CREATE TEMP TABLE btyd_fits AS
SELECT 'cdnow_2dp' AS data, model, btyd_fit(x::bigint, t_x::float8, t::float8, '7 days', model) AS m
FROM cdnow_summary_lifetimes, unnest(ARRAY['bgnbd', 'pnbd']) AS model GROUP BY model
UNION ALL
SELECT 'cdnow_2dp', 'mbgnbd', btyd_fit(x::bigint, t_x::float8, t::float8, '7 days') FROM cdnow_summary_lifetimes
UNION ALL
-- here by the names that the papers give the models
SELECT 'cdnow_exact_days_over_7', model, btyd_fit(x::bigint, (round(7 * t_x) / 7)::float8, (round(7 * t) / 7)::float8, '7 days', name)
FROM cdnow_summary_lifetimes, (VALUES ('bgnbd', 'BG/NBD'), ('pnbd', 'Pareto/NBD')) AS names(model, name) GROUP BY model
UNION ALL
-- the same in days: times and their parameters are seven times as long
SELECT 'cdnow_exact_days', model, btyd_fit(x::bigint, round(7 * t_x)::float8, round(7 * t)::float8, '1 day', model)
FROM cdnow_summary_lifetimes, unnest(ARRAY['bgnbd', 'pnbd']) AS model GROUP BY model
UNION ALL
SELECT 'bgbb_donations', 'bgbb', btyd_fit(frequency::bigint, recency::float8, periods::float8, '1 year', 'bgbb')
FROM bgbb_donations, generate_series(1, weights::int);

CREATE TEMP TABLE gg_fits AS SELECT gg_fit(x::bigint, zbar::float8) AS g FROM cdnow_summary_lifetimes;

-- Parameters and log-likelihoods.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('btyd, %s, %s: %s', f.data, f.model, s.parameter), (j #>> ARRAY[f.data, f.model, s.parameter])::numeric, s.estimate::numeric, 9
FROM expected, btyd_fits AS f, btyd_summary(f.m) AS s WHERE f.data LIKE 'cdnow%' AND f.data <> 'cdnow_exact_days'
UNION ALL
SELECT format('btyd, %s, %s: log-likelihood', f.data, f.model), (j #>> ARRAY[f.data, f.model, 'loglik'])::numeric, (f.m).loglik::numeric, 11
FROM expected, btyd_fits AS f WHERE f.data LIKE 'cdnow%' AND f.data <> 'cdnow_exact_days'
UNION ALL
SELECT format('btyd, cdnow in days, %s: %s / 7 or as it is', f.model, s.parameter), (j #>> ARRAY['cdnow_exact_days_over_7', f.model, s.parameter])::numeric,
       s.estimate::numeric / CASE WHEN s.parameter IN ('alpha', 'beta') THEN 7 ELSE 1 END, 9
FROM expected, btyd_fits AS f, btyd_summary(f.m) AS s WHERE f.data = 'cdnow_exact_days'
UNION ALL
SELECT format('btyd, bgbb_donations: %s', s.parameter), (j #>> ARRAY['bgbb_donations', s.parameter])::numeric, s.estimate::numeric, 8
FROM expected, btyd_fits AS f, btyd_summary(f.m) AS s WHERE f.data = 'bgbb_donations'
UNION ALL
SELECT 'btyd, bgbb_donations: log-likelihood', (j #>> '{bgbb_donations,loglik}')::numeric, (m).loglik::numeric, 11 FROM expected, btyd_fits WHERE data = 'bgbb_donations'
UNION ALL
SELECT 'btyd, bgbb_donations: customers', 11104, (m).n, 15 FROM btyd_fits WHERE data = 'bgbb_donations'
UNION ALL
SELECT 'btyd, cdnow: customers', 2357, (m).n, 15 FROM btyd_fits WHERE data = 'cdnow_2dp' AND model = 'bgnbd'
UNION ALL
SELECT 'btyd, cdnow: customers with a repeat purchase', 946, (m).n_repeaters, 15 FROM btyd_fits WHERE data = 'cdnow_2dp' AND model = 'bgnbd'
UNION ALL
SELECT 'btyd, cdnow: repeat purchases', 2457, sum(x), 15 FROM cdnow_summary_lifetimes;

-- Standard errors. Those of expected.json come from a Hessian by simple differences and are good to four or five digits; those of
-- BG/NBD and Pareto/NBD once more from one by extrapolated differences in R, whose digits stand.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('btyd, cdnow_2dp, %s: standard error of %s', f.model, s.parameter), (j #>> ARRAY['cdnow_2dp', f.model, 'se', (s.n - 1)::text])::numeric, s.se::numeric, 5
FROM expected, btyd_fits AS f, btyd_summary(f.m) WITH ORDINALITY AS s(parameter, estimate, se, n) WHERE f.data = 'cdnow_2dp' AND f.model <> 'mbgnbd'
UNION ALL
SELECT format('btyd, cdnow_2dp, %s: standard error of %s, by R', f.model, s.parameter), v.se[s.n], s.se::numeric, 7
FROM (VALUES ('bgnbd', ARRAY[0.0125573196, 0.3782214152, 0.1857191370, 0.7053457298]), ('pnbd', ARRAY[0.0476287562, 0.8427239364, 0.1872795836, 6.2110298])) AS v(model, se)
JOIN btyd_fits AS f ON f.data = 'cdnow_2dp' AND f.model = v.model, btyd_summary(f.m) WITH ORDINALITY AS s(parameter, estimate, se, n);

-- As they are printed.
INSERT INTO checks (what, reference, computed, digits)
SELECT format('btyd, %s, %s: %s as published', v.data, v.model, s.parameter), v.published[s.n], round(s.estimate::numeric, v.decimals), 15
FROM (VALUES ('cdnow_2dp', 'bgnbd', ARRAY[.243, 4.414, .793, 2.426], 3), ('cdnow_2dp', 'mbgnbd', ARRAY[.525, 6.183, .891, 1.614], 3),
             ('cdnow_exact_days_over_7', 'pnbd', ARRAY[.553, 10.578, .606, 11.669], 3), ('bgbb_donations', 'bgbb', ARRAY[1.204, .750, .657, 2.783], 3)) AS v(data, model, published, decimals)
JOIN btyd_fits AS f USING (data, model), btyd_summary(f.m) WITH ORDINALITY AS s(parameter, estimate, se, n);

-- One customer, many customers.
INSERT INTO checks (what, reference, computed, digits)
SELECT 'bgnbd as published: purchases within 39 weeks of (2, 30.43, 38.86)', (j #>> '{cdnow_derived,bgnbd_pub_params,"cet(t=39,x=2,tx=30.43,T=38.86)"}')::numeric,
       btyd_expected(pg_temp.btyd_of('bgnbd', .243, 4.414, .793, 2.426), 39, 2, 30.43, 38.86)::numeric, 10 FROM expected
UNION ALL
SELECT 'bgnbd as published: P(alive) of (2, 30.43, 38.86)', (j #>> '{cdnow_derived,bgnbd_pub_params,palive}')::numeric,
       btyd_p_alive(pg_temp.btyd_of('bgnbd', .243, 4.414, .793, 2.426), 2, 30.43, 38.86)::numeric, 12 FROM expected
UNION ALL
SELECT 'pnbd as published: purchases within 39 weeks of (2, 30.43, 38.86)', (j #>> '{cdnow_derived,pnbd_pub_params,"cet(39,2,30.43,38.86)"}')::numeric,
       btyd_expected(pg_temp.btyd_of('pnbd', .553, 10.578, .606, 11.669), 39, 2, 30.43, 38.86)::numeric, 10 FROM expected
UNION ALL
SELECT 'pnbd as published: P(alive) of (2, 30.43, 38.86)', (j #>> '{cdnow_derived,pnbd_pub_params,palive}')::numeric,
       btyd_p_alive(pg_temp.btyd_of('pnbd', .553, 10.578, .606, 11.669), 2, 30.43, 38.86)::numeric, 11 FROM expected
UNION ALL
SELECT 'pnbd: purchases within 52 weeks of (26, 30.86, 31)', (j #>> '{cdnow_derived,"pnbd(0.5534,10.5802,0.6061,11.6562) x=26 tx=30.86 T=31",cet52}')::numeric,
       btyd_expected(pg_temp.btyd_of('pnbd', 0.5534, 10.5802, 0.6061, 11.6562), 52, 26, 30.86, 31)::numeric, 11 FROM expected
UNION ALL
SELECT 'pnbd: P(alive) of (26, 30.86, 31)', (j #>> '{cdnow_derived,"pnbd(0.5534,10.5802,0.6061,11.6562) x=26 tx=30.86 T=31",palive}')::numeric,
       btyd_p_alive(pg_temp.btyd_of('pnbd', 0.5534, 10.5802, 0.6061, 11.6562), 26, 30.86, 31)::numeric, 12 FROM expected
UNION ALL
SELECT format('pnbd, where two 2F1 underflow: purchases, %s', key), value::numeric,
       btyd_expected(pg_temp.btyd_of('pnbd', .55, 10.58, .61, 11.67), 10, split_part(key, '=', 2)::bigint, 200, 200)::numeric, 13
FROM expected, jsonb_each_text(j #> '{cdnow_derived,"pnbd(.55,10.58,.61,11.67) tx=T=200 t=10"}')
UNION ALL
SELECT format('pnbd, where 2F1 overflow: P(alive) of %s', key), value::numeric,
       btyd_p_alive(pg_temp.btyd_of('pnbd', 10.465, 0.00798565181, 3.0516, 2.820), k[1]::bigint, k[2]::float8, k[3]::float8)::numeric, 11
FROM expected, jsonb_each_text(j #> '{cdnow_derived,"pnbd_palive_overflow (10.465,0.00798565181,3.0516,2.820)"}'), string_to_array(trim(key, '()'), ',') AS k
UNION ALL
SELECT 'pnbd, cdnow_exact: purchases of a new customer within 52 weeks', (j #>> '{cdnow_derived,"pnbd_E[X(52)]_exact_MLE"}')::numeric, btyd_expected_new(m, 52)::numeric, 9
FROM expected, btyd_fits WHERE data = 'cdnow_exact_days_over_7' AND model = 'pnbd'
UNION ALL
SELECT format('bgnbd, cdnow_2dp: purchases of a new customer within %s weeks', t),
       (j #>> ARRAY['cdnow_derived', 'bgnbd_E[X(t)]_MLE t=.1429,1,3,31.8571,32,78', (n - 1)::text])::numeric, round(btyd_expected_new(m, t::float8)::numeric, 8), 6
FROM expected, btyd_fits, unnest(ARRAY[.1429, 1, 3, 31.8571, 32, 78]) WITH ORDINALITY AS h(t, n) WHERE data = 'cdnow_2dp' AND model = 'bgnbd'
UNION ALL
SELECT format('%s, cdnow_exact: purchases of all customers within the 39 weeks to come', model), (j #>> ARRAY['cdnow_exact_days_over_7', 'sum_cet39', model])::numeric,
       (SELECT sum(btyd_expected(m, 39, x::bigint, (round(7 * t_x) / 7)::float8, (round(7 * t) / 7)::float8)) FROM cdnow_summary_lifetimes)::numeric, 9
FROM expected, btyd_fits WHERE data = 'cdnow_exact_days_over_7'
UNION ALL
SELECT 'pnbd, cdnow_2dp: discounted residual purchases of customer 1 at 15 % a year', (j #>> '{cdnow_derived,"dert_cust1_delta=.15/52"}')::numeric,
       btyd_residual(m, .15 / 52, 2, 30.43, 38.86)::numeric, 10 FROM expected, btyd_fits WHERE data = 'cdnow_2dp' AND model = 'pnbd';

-- The value of customer 1 over 12 months at 1 percent a month: in months of 365.25/12 days as btyd_clv takes them, in months of
-- 30 days from btyd_expected, and the well-known value whose months are 30 weeks long.
INSERT INTO checks (what, reference, computed, digits)
SELECT 'clv of customer 1, months of 365.25/12 days', (j #>> '{cdnow_derived,clv12_cust1_monthly1pct,"steps_of_365.25/84_weeks"}')::numeric,
       btyd_clv(m, g, 2, 30.43, 38.86, 22.35, '1 year', 1.01 ^ 12 - 1)::numeric, 9
FROM expected, gg_fits, btyd_fits WHERE data = 'cdnow_2dp' AND model = 'bgnbd'
UNION ALL
SELECT 'clv of customer 1, ' || key, (j #>> ARRAY['cdnow_derived', 'clv12_cust1_monthly1pct', key])::numeric,
       (SELECT sum(gg_expected(g, 2, 22.35) * (btyd_expected(m, i * step, 2, 30.43, 38.86) - btyd_expected(m, (i - 1) * step, 2, 30.43, 38.86)) / 1.01 ^ i)
        FROM generate_series(1, 12) AS i)::numeric, 9
FROM expected, gg_fits, btyd_fits, (VALUES ('steps_of_30/7_weeks', 30 / 7.0::float8), ('lifetimes_doc_WRONG_UNITS', 30)) AS s(key, step)
WHERE data = 'cdnow_2dp' AND model = 'bgnbd';

DROP TABLE btyd_fits, gg_fits;
