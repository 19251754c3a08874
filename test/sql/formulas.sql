-- Formulas: the metrics from totals.
\pset null NULL
SET intervalstyle = 'postgres';

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- Published worked examples.
SELECT example, round(got, 4) AS got, want, round(got, 4) = want AS ok
FROM (VALUES
    ('ChartMogul: gross MRR churn', mrr_churn(100, 10, 10), 0.20),
    ('ChartMogul: net MRR churn', net_mrr_churn(100, 10, 10, 10, 0), 0.10),
    ('ChartMogul: LTV', clv_from_churn(100, 0.05), 2000),
    ('ChartMogul: yearly plan as MRR', monthly_amount(2000, '1 year'), 166.6667),
    ('Stripe: MRR of monthly and yearly plans',
     100 * monthly_amount(100, '1 month') + 50 * monthly_amount(600, '1 year'), 12500),
    ('Chargebee: GRR without losses', grr(5000, 0, 0), 1.0),
    ('PulseRevOps: GRR', grr(10.0, 0.9, 0.6), 0.85),
    ('PulseRevOps: NRR', nrr(10.0, 0.9, 0.6, 1.8), 1.03),
    ('Userpilot: customer retention', retention_rate(1000, 1000 - 100 + 200, 200), 0.90),
    ('Userpilot: renewal rate', renewal_rate(180, 250), 0.72),
    ('Zenskar: renewal rate', renewal_rate(90, 100), 0.90),
    ('Zenskar: retention rate', retention_rate(100, 85, 0), 0.85),
    ('Predict-Churn: customer churn', churn_rate(50, 500), 0.10),
    ('Odoo: customers churned', churn_rate(3, 20), 0.15),
    ('Odoo: revenue churned', mrr_churn(600, 600 - 544), 0.0933),
    ('Apparate: referral rate', referral_rate(150, 1000), 0.15)
) AS v (example, got, want);

-- Every digit is that of one division of exact sums.
SELECT churn_rate(1, 3), retention_rate(3, 2, 0), renewal_rate(2, 3), referral_rate(1, 7);
SELECT mrr_churn(700, 50.05, 49.95), net_mrr_churn(700, 50, 50, 30), net_mrr_churn(700, 50, 50, 300, 7);
SELECT grr(300, 50, 50), nrr(300, 50, 50, 200), quick_ratio(10, 5, 2, 1), quick_ratio(10, 5, 2, 1, 3);
SELECT arr(1234.56), arpa(1000, 3), customer_lifetime(0.03), customer_lifetime(1);
SELECT clv(50, 20, 24), clv(20, 50, 24) AS cost_above_mrr, clv(0, 0, 0);
SELECT ltv_cac_ratio(3000, 900), cac_payback_months(900, 100), cac_payback_months(900, 100, 0.8);
SELECT churn_rate(1e-20, 3e20) = 1e-20::numeric / 3e20::numeric AS tiny,
       churn_rate(12345678901234567890, 98765432109876543210) AS large;

-- Shares reach both ends; retention may pass 1.
SELECT churn_rate(0, 5), churn_rate(5, 5), retention_rate(100, 120, 0), retention_rate(100, 20, 20),
       mrr_churn(100, 60, 40), grr(100, 60, 40), nrr(100, 0, 0, 50), net_mrr_churn(100, 0, 0, 50);

-- 1 - churn is retention.
SELECT count(*) AS rows,
       count(*) FILTER (WHERE mrr_churn(o, c, d) + grr(o, c, d) <> 1) AS grr_differs,
       count(*) FILTER (WHERE net_mrr_churn(o, c, d, e) + nrr(o, c, d, e) <> 1) AS nrr_differs,
       count(*) FILTER (WHERE mrr_churn(o, c, d) <> (c + d) / o) AS churn_differs,
       count(*) FILTER (WHERE churn_rate(c, o) + retention_rate(o, o - c, 0) <> 1) AS retention_differs
FROM (SELECT 1000::numeric AS o, (g * 7919 % 400)::numeric AS c, (g * 104729 % 500)::numeric AS d,
             (g * 31 % 800)::numeric AS e
      FROM generate_series(1, 2000) g) q;

-- A zero denominator is NULL, whatever the other arguments are.
SELECT churn_rate(0, 0), churn_rate(5, 0), retention_rate(0, 0, 0), retention_rate(0, 5, 9),
       renewal_rate(3, 0), referral_rate(3, 0);
SELECT mrr_churn(0, 5), mrr_churn(0, 0, 0), net_mrr_churn(0, 5, 5, 5), grr(0, 5, 5), nrr(0, 0, 0, 9);
SELECT quick_ratio(10, 5, 0, 0), quick_ratio(0, 0, 0, 0), arpa(100, 0), customer_lifetime(0),
       clv_from_churn(100, 0), clv_from_churn(100, 0.00, 0.8, 0.0), ltv_cac_ratio(100, 0),
       cac_payback_months(100, 0), cac_payback_months(100, 50, 0);

-- NULL in, NULL out.
SELECT churn_rate(NULL, 5), retention_rate(5, NULL, 0), mrr_churn(100, 5, NULL), arr(NULL),
       monthly_amount(5, NULL), convert_rate(0.1, NULL, '1 year'), clv_from_churn(100, 0.1, NULL);

-- Arguments by name.
SELECT churn_rate(lost => 50, at_start => 500), retention_rate(at_start => 100, at_end => 95, new_customers => 5),
       renewal_rate(renewed => 1, due => 2), referral_rate(referrers => 1, customers => 2);
SELECT mrr_churn(opening => 100, churned => 5), mrr_churn(opening => 100, churned => 5, contraction => 5),
       net_mrr_churn(opening => 100, churned => 5, contraction => 5, expansion => 2, reactivation => 1),
       grr(opening => 100, churned => 5, contraction => 5),
       nrr(opening => 100, churned => 5, contraction => 5, expansion => 20);
SELECT quick_ratio(new => 8, expansion => 2, contraction => 1, churned => 4, reactivation => 5),
       monthly_amount(amount => 120, billing_interval => '1 year'), arr(mrr => 10), arpa(mrr => 10, customers => 4),
       customer_lifetime(churn_rate => 0.2);
SELECT convert_rate(rate => 0.5, from_interval => '1 month', to_interval => '2 months'),
       clv(mrr => 50, marginal_cost => 20, lifetime => 10),
       clv_from_churn(arpa => 100, churn_rate => 0.05, gross_margin => 0.8, discount_rate => 0.01),
       ltv_cac_ratio(clv => 3000, cac => 1000),
       cac_payback_months(cac => 900, arpa => 100, gross_margin => 0.9);
SELECT * FROM clv_sensitivity(arpa => 100, churn_rate => 0.05, gross_margin => 1, retention_changes => '{0.01}');

-- Prices per billing interval.
SELECT billing, monthly_amount(120, billing)
FROM unnest(ARRAY['1 month', '3 months', '6 months', '1 year', '2 years', '1 week', '14 days', '4 weeks', '28 days',
                  '364 days', '365 days', '30 days', '90 days', '1 day', '10 days', '2147483647 months',
                  '2147483647 days']::interval[]) WITH ORDINALITY AS u (billing, n)
ORDER BY n;
SELECT monthly_amount(0, '1 year'), monthly_amount(9.99, '1 month'), monthly_amount(10, '3 weeks') = 10 * 52.0 / 36 AS weeks;

-- Rates of other intervals.
SELECT convert_rate(0.05, '1 month', '1 year') AS year, convert_rate(0.05, '1 month', '3 months') AS quarter,
       convert_rate(0.2, '1 year', '1 month') AS month, convert_rate(0.01, '7 days', '28 days') AS four_weeks;
SELECT round(1 - 0.95::numeric ^ 12, 15) = round(convert_rate(0.05, '1 month', '1 year'), 15) AS as_power,
       convert_rate(convert_rate(0.05, '1 month', '1 year'), '1 year', '1 month') AS there_and_back,
       convert_rate(convert_rate(0.05, '1 month', '10 days'), '10 days', '1 month') AS through_days;
-- A month is 365.25 / 12 days where one interval is in months and the other in days.
SELECT convert_rate(0.5, '1 year', '1461 days') = 1 - 0.5::numeric ^ 4 AS four_years,
       convert_rate(0.9375, '1461 days', '12 months') AS one_of_four;
SELECT convert_rate(0.1234, '1 year', '12 months') AS same, convert_rate(0.1234, '1 week', '7 days') AS same_days,
       convert_rate(0.1234, '48 months', '1461 days') AS same_length,
       convert_rate(0, '1 month', '1 year') AS none, convert_rate(1, '1 year', '1 day') AS everything,
       convert_rate(1, '1 day', '1 year') AS everything_too;
SELECT convert_rate(-0.02, '1 month', '1 year') AS net, convert_rate(-3, '2 months', '1 month') AS root,
       convert_rate(0.05, '1 day', '100000 years') AS in_the_long_run,
       round(convert_rate(1 - 1e-60, '1 year', '1 month'), 8) AS close_to_one;

-- CLV: the closed form is the sum of the series.
SELECT clv_from_churn(100, 0.05) AS plain, clv_from_churn(100, 0.05, 0.8) AS margin,
       clv_from_churn(100, 0.05, 0.8, 0.01) AS discounted, clv_from_churn(100, 0, 0.8, 0.01) AS nobody_leaves,
       clv_from_churn(100, 1) AS everybody_leaves, clv_from_churn(100, 0.05, 0) AS nothing_earned;
SELECT round(sum(100 * 0.8 * (0.95 / 1.01) ^ t), 6) = round(clv_from_churn(100, 0.05, 0.8, 0.01), 6) AS as_series
FROM generate_series(0, 800) t;
SELECT clv(100, 20, customer_lifetime(0.05)) = clv_from_churn(100, 0.05, 0.8) AS same_as_clv;

-- What five points of retention are worth.
SELECT * FROM clv_sensitivity(100, 0.1, 0.8, ARRAY[0.05, 0.01, 0, -0.05, 0.1, -0.9]);
SELECT * FROM clv_sensitivity(100, 0, 0.8, '{0,-0.05}');
SELECT * FROM clv_sensitivity(100, 0.1, 0.8, '{}');
SELECT * FROM clv_sensitivity(100, 0.1, 0.8, NULL);
SELECT * FROM clv_sensitivity(NULL, 0.1, 0.8, '{0.05}');
SELECT clv_sensitivity(100, 0.1, 0.8, '{0.05}');
SELECT count(*) AS rows, count(*) FILTER (WHERE s.clv = clv_from_churn(100, 0.5 - retention_change, 0.8)
                                          AND s.clv_change = s.clv - clv_from_churn(100, 0.5, 0.8)) AS as_formula
FROM clv_sensitivity(100, 0.5, 0.8, (SELECT array_agg(g / 1000.0) FROM generate_series(-500, 499) g)) s;
SELECT margin, s.clv FROM unnest(ARRAY[0.5, 1]) margin, LATERAL clv_sensitivity(10, 0.1, margin, '{0.05}') s ORDER BY margin;

-- Errors: a negative count or amount, also where the denominator is zero.
SELECT pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'churn_rate(-1, 10)'), (2, 'churn_rate(1, -10)'), (3, 'churn_rate(-1, 0)'),
    (4, 'retention_rate(-1, 1, 1)'), (5, 'retention_rate(1, -1, 1)'), (6, 'retention_rate(1, 1, -1)'),
    (7, 'renewal_rate(-1, 1)'), (8, 'renewal_rate(1, -1)'), (9, 'referral_rate(-1, 1)'), (10, 'referral_rate(1, -1)'),
    (11, 'mrr_churn(-1, 1)'), (12, 'mrr_churn(1, -1)'), (13, 'mrr_churn(1, 1, -1)'), (14, 'mrr_churn(0, -1)'),
    (15, 'net_mrr_churn(1, 1, 0, -1)'), (16, 'net_mrr_churn(1, 1, 0, 1, -1)'), (17, 'net_mrr_churn(0, 1, 0, 1, -1.50)'),
    (18, 'grr(1, 0, -1)'), (19, 'nrr(1, 0, 0, -1)'),
    (20, 'quick_ratio(-1, 1, 1, 1)'), (21, 'quick_ratio(1, -1, 1, 1)'), (22, 'quick_ratio(1, 1, -1, 1)'),
    (23, 'quick_ratio(1, 1, 1, -1)'), (24, 'quick_ratio(1, 1, 1, 1, -1)'),
    (25, 'monthly_amount(-5, ''1 month'')'), (26, 'arr(-1)'), (27, 'arpa(-1, 1)'), (28, 'arpa(1, -1)'),
    (29, 'clv(-1, 1, 1)'), (30, 'clv(1, -1, 1)'), (31, 'clv(1, 1, -1)'),
    (32, 'clv_from_churn(-1, 0.1)'), (33, 'clv_from_churn(1, 0.1, 1, -0.1)'),
    (34, 'ltv_cac_ratio(-1, 1)'), (35, 'ltv_cac_ratio(1, -1)'), (36, 'cac_payback_months(-1, 1)'),
    (37, 'cac_payback_months(1, -1)'), (38, 'clv_sensitivity(-1, 0.1, 1, ''{0}'')')
) AS v (n, call) ORDER BY n;

-- Errors: a rate or a margin outside 0..1.
SELECT pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'customer_lifetime(1.5)'), (2, 'customer_lifetime(-0.1)'), (3, 'clv_from_churn(1, 5)'),
    (4, 'clv_from_churn(1, -0.1)'), (5, 'clv_from_churn(1, 0.1, 1.01)'), (6, 'clv_from_churn(1, 0.1, -0.01)'),
    (7, 'cac_payback_months(1, 1, 80)'), (8, 'cac_payback_months(1, 0, 80)'),
    (9, 'clv_sensitivity(1, 1.1, 1, ''{}'')'), (10, 'clv_sensitivity(1, 0.1, 1.1, ''{}'')'),
    (11, 'clv_sensitivity(1, 0.1, 1, ''{0.05,0.15}'')'), (12, 'clv_sensitivity(1, 0.1, 1, ''[0:1]={0.05,-0.95}'')'),
    (13, 'convert_rate(1.2, ''1 month'', ''1 year'')'), (14, 'convert_rate(1.2, ''1 month'', ''1 month'')')
) AS v (n, call) ORDER BY n;

-- Errors: more lost than there was.
SELECT pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'churn_rate(11, 10)'), (2, 'renewal_rate(2.5, 2)'), (3, 'referral_rate(2, 1)'), (4, 'retention_rate(10, 5, 6)'),
    (5, 'mrr_churn(100, 101)'), (6, 'mrr_churn(100, 60, 40.01)'), (7, 'net_mrr_churn(100, 60, 50, 500)'),
    (8, 'grr(100, 60, 50)'), (9, 'nrr(100, 60, 50, 500)')
) AS v (n, call) ORDER BY n;

-- Errors: NaN and infinity.
SELECT pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'churn_rate(''NaN'', 1)'), (2, 'churn_rate(1, ''Infinity'')'), (3, 'churn_rate(''-Infinity'', 0)'),
    (4, 'mrr_churn(''NaN'', 1)'), (5, 'arr(''Infinity'')'), (6, 'monthly_amount(''NaN'', ''1 month'')'),
    (7, 'customer_lifetime(''NaN'')'), (8, 'convert_rate(''-Infinity'', ''1 month'', ''1 year'')'),
    (9, 'convert_rate(''NaN'', ''1 month'', ''1 month'')'), (10, 'clv_from_churn(1, 0.1, 1, ''Infinity'')'),
    (11, 'cac_payback_months(1, 1, ''NaN'')'), (12, 'clv_sensitivity(1, 0.1, 1, ''{0,NaN}'')'),
    (13, 'clv_sensitivity(1, 0.1, 1, ''{-Infinity}'')')
) AS v (n, call) ORDER BY n;

-- Errors: intervals.
SELECT pg_temp.err(format('SELECT monthly_amount(1, %L)', billing)) AS error
FROM unnest(ARRAY['0', '1 month 1 day', '1 hour', '1 day 1 hour', '1 month 1 second', '-1 month', '-7 days',
                  '1 month -30 days', '-1 month 60 days', '24 hours']) WITH ORDINALITY AS u (billing, n)
ORDER BY n;
SELECT pg_temp.err($$SELECT convert_rate(0.1, '1.5 months', '1 year')$$) AS error
UNION ALL SELECT pg_temp.err($$SELECT convert_rate(0.1, '1 month', '0 days')$$)
UNION ALL SELECT pg_temp.err($$SELECT convert_rate(0.1, '1 hour', '1 hour')$$)
UNION ALL SELECT pg_temp.err($$SELECT convert_rate(-1e100, '1 month', '2000 years')$$);
-- Infinite intervals came with PostgreSQL 17; before, they were an error of their own.
SELECT left(pg_temp.err(format('SELECT monthly_amount(1, %L)', billing)), 5) IN ('22023', '22007') AS refused,
       left(pg_temp.err(format('SELECT convert_rate(0.1, ''1 month'', %L)', billing)), 5) IN ('22023', '22007') AS refused
FROM unnest(ARRAY['infinity', '-infinity']) billing;

-- Errors: the array of changes.
SELECT pg_temp.err($$SELECT clv_sensitivity(1, 0.1, 1, '{0.05,NULL}')$$) AS error
UNION ALL SELECT pg_temp.err($$SELECT clv_sensitivity(1, 0.1, 1, '[3:4]={NULL,0.05}')$$)
UNION ALL SELECT pg_temp.err($$SELECT clv_sensitivity(1, 0.1, 1, '{{0.05},{0.01}}')$$);

-- Every formula is immutable, strict and parallel safe, and has a comment.
SELECT count(*) AS functions,
       count(*) FILTER (WHERE provolatile = 'i' AND proisstrict AND proparallel = 's'
                        AND obj_description(oid, 'pg_proc') IS NOT NULL) AS well_marked
FROM pg_proc
WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND prokind = 'f'
  AND prosrc IN ('cm_churn_rate', 'cm_retention_rate', 'cm_renewal_rate', 'cm_referral_rate', 'cm_mrr_churn',
                 'cm_net_mrr_churn', 'cm_grr', 'cm_nrr', 'cm_quick_ratio', 'cm_monthly_amount', 'cm_arr', 'cm_arpa',
                 'cm_customer_lifetime', 'cm_convert_rate', 'cm_clv', 'cm_clv_from_churn', 'cm_ltv_cac_ratio',
                 'cm_cac_payback_months', 'cm_clv_sensitivity');
