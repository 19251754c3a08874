-- Monthly MRR movements without an extension, by each customer's changes at month boundaries. One difference from
-- mrr_movements: a customer whose earlier rows all lay inside one month comes back as "new". Runs in PostgreSQL and DuckDB.
WITH bounds AS (
    SELECT customer_id, mrr,
           ((extract(year FROM started_at) - 2020) * 12 + extract(month FROM started_at))::int AS first_boundary,
           CASE WHEN ended_at IS NULL THEN 999
                ELSE ((extract(year FROM ended_at) - 2020) * 12 + extract(month FROM ended_at))::int END AS after_boundary
    FROM subs
),
steps AS (
    SELECT customer_id, first_boundary AS month, mrr AS change FROM bounds WHERE after_boundary > first_boundary
    UNION ALL
    SELECT customer_id, after_boundary, -mrr FROM bounds WHERE after_boundary > first_boundary
),
changes AS (
    SELECT customer_id, month, sum(change) AS change FROM steps GROUP BY 1, 2
),
states AS (
    SELECT month, change,
           sum(change) OVER (PARTITION BY customer_id ORDER BY month) AS closing,
           row_number() OVER (PARTITION BY customer_id ORDER BY month) AS nth
    FROM changes
)
SELECT month,
       sum(change) FILTER (WHERE nth = 1) AS new_mrr,
       sum(change) FILTER (WHERE nth > 1 AND closing - change = 0) AS reactivation_mrr,
       sum(change) FILTER (WHERE nth > 1 AND closing - change > 0 AND change > 0) AS expansion_mrr,
       sum(-change) FILTER (WHERE closing > 0 AND change < 0) AS contraction_mrr,
       sum(-change) FILTER (WHERE closing = 0 AND change < 0) AS churned_mrr
FROM states GROUP BY 1 ORDER BY 1;
