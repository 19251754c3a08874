-- Monthly churn without an extension, by gaps and islands. Month n is n months after January 2020; a row is active at the
-- boundaries first_boundary .. last_boundary. Runs in PostgreSQL and in DuckDB.
WITH bounds AS (
    SELECT customer_id,
           ((extract(year FROM started_at) - 2020) * 12 + extract(month FROM started_at))::int AS first_boundary,
           CASE WHEN ended_at IS NULL THEN 999
                ELSE ((extract(year FROM ended_at) - 2020) * 12 + extract(month FROM ended_at))::int - 1 END AS last_boundary
    FROM subs
),
with_previous AS (
    SELECT customer_id, first_boundary, last_boundary,
           max(last_boundary) OVER (PARTITION BY customer_id ORDER BY first_boundary
                                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
    FROM bounds WHERE last_boundary >= first_boundary
),
-- an island: boundaries without a gap, whatever rows cover them
numbered AS (
    SELECT customer_id, first_boundary, last_boundary,
           sum(CASE WHEN reached IS NULL OR first_boundary > reached + 1 THEN 1 ELSE 0 END)
               OVER (PARTITION BY customer_id ORDER BY first_boundary ROWS UNBOUNDED PRECEDING) AS island
    FROM with_previous
),
islands AS (
    SELECT customer_id, island, min(first_boundary) AS first_boundary, max(last_boundary) AS last_boundary
    FROM numbered GROUP BY 1, 2
),
ends AS (
    SELECT first_boundary AS month, count(*) AS gained, 0 AS lost FROM islands GROUP BY 1
    UNION ALL
    SELECT last_boundary, 0, count(*) FROM islands GROUP BY 1
),
months AS (
    SELECT month, sum(gained) AS gained, sum(lost) AS lost FROM ends GROUP BY 1
)
SELECT month,
       sum(gained) OVER (ORDER BY month)
           - coalesce(sum(lost) OVER (ORDER BY month ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS opening_customers,
       lost AS churned_customers
FROM months ORDER BY month;
