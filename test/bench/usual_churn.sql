-- Monthly churn the usual way: every month joined with every row.
WITH months AS (
    SELECT generate_series(date '2020-01-01', '2024-12-01', interval '1 month')::date AS month
),
active AS (
    SELECT DISTINCT month, customer_id
    FROM months JOIN subs ON started_at < month AND (ended_at IS NULL OR ended_at >= month)
)
SELECT a.month, count(*) AS opening_customers, count(*) FILTER (WHERE b.customer_id IS NULL) AS churned_customers
FROM active a
LEFT JOIN active b ON b.customer_id = a.customer_id AND b.month = (a.month + interval '1 month')::date
GROUP BY 1 ORDER BY 1;
