-- Monthly cohorts without an extension, by merged spans: a customer's cohort is the month of its first start; it counts in
-- every month at whose closing it is active. Runs in PostgreSQL and in DuckDB.
WITH bounds AS (
    SELECT customer_id,
           ((extract(year FROM started_at) - 2020) * 12 + extract(month FROM started_at))::int - 1 AS first_month,
           CASE WHEN ended_at IS NULL THEN 998
                ELSE ((extract(year FROM ended_at) - 2020) * 12 + extract(month FROM ended_at))::int - 2 END AS last_month
    FROM subs
),
with_cohort AS (
    SELECT first_month, last_month,
           min(first_month) OVER (PARTITION BY customer_id) AS cohort,
           max(last_month) OVER (PARTITION BY customer_id ORDER BY first_month
                                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
    FROM bounds
),
-- what a row adds to the months reached already
added AS (
    SELECT cohort, greatest(first_month, coalesce(reached + 1, first_month)) AS first_month, last_month
    FROM with_cohort WHERE (reached IS NULL OR last_month > reached) AND last_month >= first_month
),
steps AS (
    SELECT cohort, first_month AS month, count(*) AS change FROM added GROUP BY 1, 2
    UNION ALL
    SELECT cohort, last_month + 1, -count(*) FROM added GROUP BY 1, 2
),
changes AS (
    SELECT cohort, month, sum(change) AS change FROM steps GROUP BY 1, 2
)
SELECT cohort, month, sum(change) OVER (PARTITION BY cohort ORDER BY month) AS customers
FROM changes ORDER BY 1, 2;
