-- Monthly cohorts the usual way: every month joined with every row.
WITH months AS (
    SELECT generate_series(date '2020-01-01', '2024-12-01', interval '1 month')::date AS month
),
firsts AS (
    SELECT customer_id, date_trunc('month', min(started_at))::date AS cohort FROM subs GROUP BY 1
),
active AS (
    SELECT DISTINCT customer_id, month
    FROM months JOIN subs ON started_at < (month + interval '1 month')::date
                         AND (ended_at IS NULL OR ended_at >= (month + interval '1 month')::date)
)
SELECT cohort, month, count(*) AS customers
FROM active JOIN firsts USING (customer_id) GROUP BY 1, 2 ORDER BY 1, 2;
