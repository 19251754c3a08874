-- The demo of the views, for psql: over the schema stripe. Every statement that psql echoes can be copied as it stands.
\set QUIET on
\pset footer off
\pset null -
\set ECHO queries
\echo
\echo '== What provider stripe reads'
SELECT table_name, table_required, count(*) AS columns, count(*) FILTER (WHERE column_required) AS required FROM billing_providers() WHERE provider = 'stripe' GROUP BY table_name, table_required ORDER BY table_required DESC, table_name;

\echo
\echo '== The views'
SELECT * FROM create_billing_views('stripe', 'stripe', time_zone => 'Europe/Berlin');

\echo
\echo '== A customer who changed the plan: the history comes out of the prorated invoice lines'
SELECT subscription_id, plan, currency, started_at, ended_at, round(mrr, 2) AS mrr, status
FROM churn.subscriptions
WHERE customer_id = (SELECT customer_id FROM churn.subscriptions WHERE currency = 'EUR' GROUP BY customer_id HAVING count(DISTINCT plan) > 1 AND bool_or(ended_at IS NULL) ORDER BY customer_id LIMIT 1)
ORDER BY started_at;

\echo
\echo '== MRR movements in euros, 2024'
SELECT period_start AS month, round(opening_mrr) AS opening, round(new_mrr) AS new, round(reactivation_mrr) AS reactivation, round(expansion_mrr) AS expansion,
       round(contraction_mrr) AS contraction, round(churned_mrr) AS churned, round(closing_mrr) AS closing, round(100 * nrr, 1) AS nrr_percent
FROM churn.mrr_movements WHERE currency = 'EUR' AND period_start >= '2024-01-01' AND period_start < '2025-01-01' ORDER BY month;

\echo
\echo '== Customer churn by currency, last quarter of 2024'
SELECT currency, period_start AS month, opening_customers AS opening, new_customers AS new, reactivated_customers AS reactivated, churned_customers AS churned, closing_customers AS closing,
       round(100 * churn_rate, 2) AS churn_percent
FROM churn.churn WHERE period_start >= '2024-10-01' AND period_start < '2025-01-01' ORDER BY currency, month;

\echo
\echo '== Retention of the cohorts of early 2024, percent after n months'
SELECT cohort, min(cohort_size) AS size, round(100 * max(retention) FILTER (WHERE period_number = 0)) AS "0", round(100 * max(retention) FILTER (WHERE period_number = 1)) AS "1",
       round(100 * max(retention) FILTER (WHERE period_number = 3)) AS "3", round(100 * max(retention) FILTER (WHERE period_number = 6)) AS "6"
FROM churn.cohorts WHERE currency = 'EUR' AND cohort >= '2024-01-01' AND cohort < '2024-07-01' AND period_start < '2025-01-01' GROUP BY cohort ORDER BY cohort;

\echo
\echo '== Trials, and terms that came up for renewal, last quarter of 2024'
SELECT t.currency, period_start AS month, ended_trials, converted_trials, round(100 * trial_conversion, 1) AS conversion_percent, due, renewed, round(100 * renewal_rate, 1) AS renewal_percent
FROM churn.trials t JOIN churn.renewals r USING (currency, period_start) WHERE period_start >= '2024-10-01' AND period_start < '2025-01-01' ORDER BY t.currency, month;

\echo
\echo '== Customers today'
SELECT currency, lifecycle_stage, count(*) AS customers, round(sum(mrr)) AS mrr FROM churn.customers GROUP BY currency, lifecycle_stage ORDER BY currency, customers DESC;
