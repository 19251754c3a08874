-- With just-in-time compilation, whose libraries are loaded before the extension's: their functions must not stand in for ours.
SET jit = on;
SET jit_above_cost = 0;
SET jit_inline_above_cost = 0;
SET jit_optimize_above_cost = 0;
SET max_parallel_workers_per_gather = 0;
SELECT sum(g * 2) AS compiled FROM generate_series(1, 100) g WHERE g % 3 = 0;

CREATE SCHEMA test_jit;
SET search_path = test_jit, public;
CREATE TABLE subs AS
SELECT g % 100 AS customer, date '2024-01-01' + g % 120 AS started_at, date '2024-01-01' + g % 120 + 5 + g % 40 AS ended_at, (1 + g % 7) * 10 AS mrr
FROM generate_series(1, 3000) g;
SELECT sum(churned_customers) AS churned, sum(transient_customers) AS transient FROM churn_by_period('TABLE subs', '1 week', '2024-01-01', '2024-07-01');
SELECT sum(churned_mrr) AS churned FROM mrr_movements('TABLE subs', '1 week', '2024-01-01', '2024-07-01', policy => churn_policy('maxio'));
SELECT sum(customers) AS customers FROM cohort_retention('TABLE subs', '1 month', '2024-01-01', '2024-07-01');
SELECT customer % 3 AS segment, churn_rate(customer, started_at, ended_at, mrr, daterange('2024-03-01', '2024-04-01')) AS rate FROM subs GROUP BY 1 ORDER BY 1;
SELECT nps(customer % 11) FROM subs;
SELECT count(*) FROM customer_movements('TABLE subs', '2024-03-01', '2024-04-01');

SET client_min_messages = warning;
DROP SCHEMA test_jit CASCADE;
