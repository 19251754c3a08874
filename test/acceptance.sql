-- Public data sets and published worked examples against the extension. Reads the tables telco, counts_subscriptions,
-- counts_expected, windows_subscriptions, windows_expected and published, which acceptance.sh loads; fills "checks".
CREATE TABLE checks (
    n int GENERATED ALWAYS AS IDENTITY,
    what text,
    reference numeric,
    computed numeric,
    digits int                  -- significant digits that must agree; NULL: as many as the reference shows
);

-- The telco sample: every row is one customer of the day 2024-01-01, with its tenure in months; who churned ended on that day.
CREATE VIEW telco_subscriptions AS
SELECT "customerID" AS customer, "Contract" AS contract,
       (date '2024-01-01' - tenure * interval '1 month' - interval '1 day')::date AS started_at,
       CASE WHEN "Churn" = 'Yes' THEN date '2024-01-01' END AS ended_at,
       "MonthlyCharges" AS mrr
FROM telco;

INSERT INTO checks (what, reference, computed)
SELECT 'telco: churn', 0.265370, churn_rate(customer, started_at, ended_at, daterange '[2024-01-01,2024-01-02)') FROM telco_subscriptions
UNION ALL
SELECT 'telco: churn, ' || contract, reference, rate
FROM (VALUES ('Month-to-month', 0.427097), ('One year', 0.112695), ('Two year', 0.028318)) AS r(contract, reference)
LEFT JOIN (SELECT contract, churn_rate(customer, started_at, ended_at, daterange '[2024-01-01,2024-01-02)') AS rate
           FROM telco_subscriptions GROUP BY contract) AS c USING (contract)
UNION ALL
SELECT 'telco: share of MRR lost', 0.305034, mrr_churn(customer, started_at, ended_at, mrr, daterange '[2024-01-01,2024-01-02)') FROM telco_subscriptions
UNION ALL
SELECT 'telco: share of MRR kept', 1 - 0.305034, grr(customer, started_at, ended_at, mrr, daterange '[2024-01-01,2024-01-02)') FROM telco_subscriptions
UNION ALL
SELECT 'telco: customers', 7043, opening_customers
FROM churn_by_period('SELECT customer, started_at, ended_at, mrr FROM telco_subscriptions', '1 day', '2024-01-01', '2024-01-02');

-- Counts of customers, and of subscriptions, by month: opening + new + reactivated; churn falls in the month of ended_at.
INSERT INTO checks (what, reference, computed)
SELECT format('%s in %s: %s', e.counted, to_char(e.month, 'YYYY-MM'), c.what), c.reference, c.computed
FROM (SELECT 'customers' AS counted, 'customer_id' AS counted_by, month, customers_in_month AS in_month, new_customers AS new, churned_customers AS churned FROM counts_expected
      UNION ALL
      SELECT 'subscriptions', 'subscription_id', month, subscriptions_in_month, new_subscriptions, churned_subscriptions FROM counts_expected) AS e
LEFT JOIN LATERAL churn_by_period(format('SELECT %I, created, ended_at FROM counts_subscriptions', e.counted_by), '1 month',
                                  (SELECT min(month) FROM counts_expected), (SELECT (max(month) + interval '1 month')::date FROM counts_expected)) AS p
    ON p.period_start = e.month,
LATERAL (VALUES (1, 'in the month', e.in_month, p.opening_customers + p.new_customers + p.reactivated_customers),
                (2, 'new', e.new, p.new_customers),
                (3, 'churned', e.churned, p.churned_customers)) AS c(n, what, reference, computed)
ORDER BY e.counted, e.month, c.n;

-- Churn dated by the end of service.
INSERT INTO checks (what, reference, computed)
SELECT format('windows in %s: %s', e.bucket, c.what), c.reference, c.computed
FROM windows_expected e
LEFT JOIN churn_by_period($$SELECT subscription, started_at, ended_at FROM windows_subscriptions WHERE "case" = 'month'$$, '1 month', '2024-01-01', '2024-04-01') AS p
    ON p.period_start = e.bucket,
LATERAL (VALUES (1, 'churned', e.churned_subscriptions, p.churned_customers), (2, 'churn rate', e.churn_rate, coalesce(p.churn_rate, 0))) AS c(n, what, reference, computed)
WHERE e."case" = 'month'
ORDER BY e.bucket, c.n;

-- Churn dated by the cancellation: thirty days that roll by the day, and years whose opening counts who starts at that moment.
INSERT INTO checks (what, reference, computed)
SELECT format('windows, %s, %s: churn rate', e."case", e.bucket), e.churn_rate, p.churn_rate
FROM windows_expected e,
LATERAL (SELECT churn_rate
         FROM churn_by_period($$SELECT subscription, started_at, canceled_at FROM windows_subscriptions WHERE "case" = 'rolling'$$, '1 day', e.bucket - 1, e.bucket,
                              policy => churn_policy(lookback => 30))
         WHERE e."case" = 'rolling-day'
         UNION ALL
         SELECT churn_rate
         FROM churn_by_period($$SELECT subscription, started_at, canceled_at FROM windows_subscriptions WHERE "case" = 'rolling'$$, '1 year', e.bucket,
                              (e.bucket + interval '1 year')::date, policy => churn_policy(boundary => 'at'))
         WHERE e."case" = 'rolling-year') AS p
ORDER BY e."case", e.bucket;

-- The scalar examples: the nth number of the published text beside the formula.
CREATE FUNCTION published_number(example text, given text, nth int DEFAULT 1) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT m.number[1]::numeric
    FROM published, regexp_matches(expected, '[0-9]+(?:\.[0-9]+)?', 'g') WITH ORDINALITY AS m(number, n)
    WHERE metric = example AND inputs LIKE given AND m.n = nth
$$;

INSERT INTO checks (what, reference, computed)
SELECT 'published: ' || what, reference, computed
FROM (VALUES
    ('gross MRR churn', published_number('gross_mrr_churn', 'start=100%'), mrr_churn(100, 10, 10)),
    ('net MRR churn', published_number('net_mrr_churn', 'start=100%'), net_mrr_churn(100, 10, 10, 10)),
    ('lifetime value', published_number('ltv', 'ARPA=100%'), clv_from_churn(100, 0.05)),
    ('MRR of monthly and yearly plans', published_number('mrr', '100x100/mo%'), 100 * monthly_amount(100, '1 month') + 50 * monthly_amount(600, '1 year')),
    ('GRR without losses', published_number('grr', 'start=5000%'), grr(5000, 0, 0)),
    ('GRR', published_number('nrr_grr', 'start=10.0M%', 1), grr(10.0, 0.9, 0.6)),
    ('NRR', published_number('nrr_grr', 'start=10.0M%', 2), nrr(10.0, 0.9, 0.6, 1.8)),
    ('customer retention', published_number('customer_retention', 'start=1000%'), retention_rate(1000, 1100, 200)),
    ('renewal', published_number('renewal_rate', 'up_for_renewal=250%'), renewal_rate(180, 250)),
    ('renewal beside retention', published_number('renewal_vs_retention', '100 expire%', 1), renewal_rate(90, 100)),
    ('retention beside renewal', published_number('renewal_vs_retention', '100 expire%', 2), retention_rate(100, 85, 0)),
    ('customer churn', published_number('customer_churn', 'start=500%'), churn_rate(50, 500)),
    ('logo churn', published_number('logo_vs_revenue_churn', '20 customers%', 1), churn_rate(3, 20)),
    ('revenue churn', published_number('logo_vs_revenue_churn', '20 customers%', 2), mrr_churn(600, 600 - 544)),
    ('NPS of 250 answers', published_number('nps', '60 detractors%'), nps(100, 90, 60)),
    ('NPS of 195 answers', published_number('nps', '120 promoters%'), nps(120, 45, 30)),
    ('referral', published_number('referral_rate', '1000 customers%'), referral_rate(150, 1000)),
    ('health, as displayed', published_number('health_group_score', 'weights 20 15 22%', 2),
     (SELECT round(health_score(score, weight)) FROM (VALUES (47, 20), (59, 15), (21, 22)) AS h(score, weight))),
    ('health', published_number('health_group_score', 'weights 20 15 22%', 1),
     (SELECT health_score(score, weight) FROM (VALUES (47, 20), (59, 15), (21, 22)) AS h(score, weight))),
    ('NPS of single answers', published_number('nps', '60 detractors%'),
     (SELECT nps(score) FROM (SELECT 10 FROM generate_series(1, 100) UNION ALL SELECT 8 FROM generate_series(1, 90)
                              UNION ALL SELECT 6 FROM generate_series(1, 60)) AS answers(score)))
) AS c(what, reference, computed);

-- The one customer who upgrades, downgrades, leaves and comes back.
CREATE TABLE one_customer AS
SELECT 1::bigint AS customer, s AS started_at, e AS ended_at, mrr
FROM (VALUES (date '2023-01-01', date '2024-01-01', monthly_amount(2000, '1 year')), ('2023-03-01', '2023-06-01', 60), ('2024-03-01', NULL, 150)) AS v(s, e, mrr);

INSERT INTO checks (what, reference, computed)
SELECT 'published: movements, ' || what, published_number('mrr_movements', '4xGold%', n), computed
FROM (SELECT sum(new_mrr) AS new, sum(expansion_mrr) AS expansion, sum(contraction_mrr) AS contraction, sum(churned_mrr) AS churned,
             sum(reactivation_mrr) AS reactivation
      FROM mrr_movements('SELECT * FROM one_customer', '1 month', '2023-01-01', '2024-06-01')) AS m,
LATERAL (VALUES (1, 'new', new), (2, 'expansion', expansion), (3, 'contraction', contraction), (4, 'churned', churned), (5, 'reactivation', reactivation)) AS c(n, what, computed)
ORDER BY n;
