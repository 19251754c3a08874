-- Monthly MRR movements the usual way: a spine of customers and months, and lag().
WITH months AS (
    SELECT generate_series(date '2020-01-01', '2025-01-01', interval '1 month')::date AS month
),
closings AS (
    SELECT customer_id, month, sum(mrr) AS mrr
    FROM months JOIN subs ON started_at < month + interval '1 month' AND (ended_at IS NULL OR ended_at >= month + interval '1 month')
    GROUP BY 1, 2
),
lives AS (
    SELECT customer_id, min(month) AS first_month, max(month) AS last_month FROM closings GROUP BY 1
),
spine AS (
    SELECT customer_id, month, first_month
    FROM lives JOIN months ON month BETWEEN first_month AND last_month + interval '1 month'
),
states AS (
    SELECT month, first_month, coalesce(mrr, 0) AS closing,
           lag(coalesce(mrr, 0), 1, 0) OVER (PARTITION BY customer_id ORDER BY month) AS opening
    FROM spine LEFT JOIN closings USING (customer_id, month)
)
SELECT month, sum(closing) AS closing_mrr,
       sum(closing) FILTER (WHERE month = first_month) AS new_mrr,
       sum(closing) FILTER (WHERE opening = 0 AND closing > 0 AND month > first_month) AS reactivation_mrr,
       sum(closing - opening) FILTER (WHERE opening > 0 AND closing > opening) AS expansion_mrr,
       sum(opening - closing) FILTER (WHERE closing > 0 AND closing < opening) AS contraction_mrr,
       sum(opening) FILTER (WHERE closing = 0 AND opening > 0) AS churned_mrr
FROM states GROUP BY 1 ORDER BY 1;
