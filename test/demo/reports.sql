-- The demo's reports, for psql. Variables: time_type (date, timestamp or timestamptz), has_plan, has_country, has_surveys.
-- Every statement that psql echoes can be copied as it stands.
\set QUIET on
\pset footer off
\pset null -
\set ECHO none
SELECT least(min(started_at)::date, current_date) AS first_day,
       coalesce(max(d) FILTER (WHERE d <= current_date), current_date) AS last_day
FROM subscriptions, LATERAL (VALUES (started_at::date), (ended_at::date)) AS m(d) \gset
-- The month of the last event ends the window if it is over, otherwise the month before; where the data hold none, the
-- running one.
SELECT (CASE WHEN complete > :'first_day' THEN complete ELSE complete + interval '1 month' END)::date AS until
FROM least(date_trunc('month', date :'last_day') + interval '1 month', date_trunc('month', current_date)) AS complete \gset
-- A year is looked at where the data reach back that far, otherwise a month. Cohorts: months, quarters over more than two
-- years; of the last 24 months or 12 quarters the latest twelve that have customers.
SELECT date :'first_day' < date :'until' - interval '1 year' AS has_year,
       greatest(date :'until' - interval '1 year', date_trunc('month', date :'first_day'))::date AS since,
       CASE WHEN date :'until' - :'first_day' > 740 THEN 'quarter' ELSE 'month' END AS unit,
       CASE WHEN date :'until' - :'first_day' > 740 THEN '3 months' ELSE '1 month' END AS cohort,
       CASE :'time_type' WHEN 'date' THEN 'daterange' WHEN 'timestamp' THEN 'tsrange' ELSE 'tstzrange' END AS range \gset
SELECT greatest(min(cohort), date_trunc(:'unit', date :'until' - CASE :'unit' WHEN 'month' THEN interval '24 months' ELSE interval '36 months' END))::date AS cohorts_since
FROM (SELECT DISTINCT date_trunc(:'unit', min(started_at)) AS cohort FROM subscriptions WHERE mrr > 0 AND started_at < :'until' GROUP BY customer_id
      ORDER BY cohort DESC LIMIT 12) AS latest \gset
\if :has_year
\set window '1 year'
\set months 12
\else
\set window '1 month'
\set months 1
\endif
SELECT (date :'until' - interval :'window')::date AS opening, (date :'until' - interval '1 month')::date AS last_month \gset
\echo
\echo '== The months from' :since 'on, to the end of the day before' :until
\echo '   Rates and lifetime value over' :window', from' :opening 'on'
\set ECHO queries

\echo
\echo '== MRR movements, month by month'
SELECT period_start, round(opening_mrr) AS opening, round(new_mrr) AS new, round(reactivation_mrr) AS reactivation,
       round(expansion_mrr) AS expansion, round(contraction_mrr) AS contraction, round(churned_mrr) AS churned,
       round(closing_mrr) AS closing, round(nrr * 100, 1) AS nrr_percent, round(quick_ratio, 1) AS quick_ratio
FROM mrr_movements('SELECT customer_id, started_at, ended_at, mrr FROM subscriptions', '1 month', :'since', :'until');

\echo '== Customers and churn, month by month'
SELECT period_start, opening_customers AS opening, new_customers AS new, reactivated_customers AS reactivated,
       churned_customers AS churned, closing_customers AS closing, round(churn_rate * 100, 1) AS churn_percent
FROM churn_by_period('SELECT customer_id, started_at, ended_at, mrr FROM subscriptions', '1 month', :'since', :'until');

\echo '== The last month as products count it'
SELECT preset, opening_customers AS opening, new_customers AS new, reactivated_customers AS reactivated, churned_customers AS churned,
       transient_customers AS transient, round(churn_rate * 100, 2) AS churn_percent
FROM churn_policies(), churn_by_period('SELECT customer_id, started_at, ended_at, mrr FROM subscriptions', '1 month', :'last_month', :'until',
                                       policy => churn_policy(preset));

\echo '== The five largest customers lost in the last month'
SELECT customer, opening_mrr, first_start
FROM customer_movements('SELECT customer_id, started_at, ended_at, mrr FROM subscriptions', :'last_month', :'until')
WHERE movement = 'churned' ORDER BY opening_mrr DESC, customer LIMIT 5;

\echo '== The cohort triangle, cohorts from' :cohorts_since 'on (older ones are not shown): per cent of each cohort active at the end of its period 0, 1, 2, ...'
SELECT cohort, cohort_size AS customers,
       string_agg(lpad(coalesce(round(retention * 100)::text, '-'), 4), '' ORDER BY period_number) AS percent_active
FROM cohort_retention('SELECT customer_id, started_at, ended_at, mrr FROM subscriptions', :'cohort', until => :'until')
WHERE cohort >= :'cohorts_since'
GROUP BY cohort, cohort_size ORDER BY cohort;

\if :has_country
\echo '== Churn and net revenue retention by country'
SELECT coalesce(country, 'all') AS country,
       round(churn_rate(customer_id, started_at, ended_at, mrr, :range(:'opening', :'until')) * 100, 1) AS churn_percent,
       round(grr(customer_id, started_at, ended_at, mrr, :range(:'opening', :'until')) * 100, 1) AS grr_percent,
       round(nrr(customer_id, started_at, ended_at, mrr, :range(:'opening', :'until')) * 100, 1) AS nrr_percent
FROM subscriptions GROUP BY ROLLUP (country) ORDER BY grouping(country), country;
\else
\echo '== Churn and revenue retention'
SELECT round(churn_rate(customer_id, started_at, ended_at, mrr, :range(:'opening', :'until')) * 100, 1) AS churn_percent,
       round(grr(customer_id, started_at, ended_at, mrr, :range(:'opening', :'until')) * 100, 1) AS grr_percent,
       round(nrr(customer_id, started_at, ended_at, mrr, :range(:'opening', :'until')) * 100, 1) AS nrr_percent
FROM subscriptions;
\endif

\if :has_plan
\echo '== The same by the plan held at opening (a customer who changes plan stays in one line)'
SELECT held.plan, count(DISTINCT customer_id) AS customers,
       round(churn_rate(customer_id, started_at, ended_at, mrr, :range(:'opening', :'until')) * 100, 1) AS churn_percent,
       round(nrr(customer_id, started_at, ended_at, mrr, :range(:'opening', :'until')) * 100, 1) AS nrr_percent
FROM subscriptions
JOIN (SELECT DISTINCT ON (customer_id) customer_id, plan
      FROM subscriptions
      WHERE started_at < :'opening' AND (ended_at IS NULL OR ended_at >= :'opening') AND mrr > 0
      ORDER BY customer_id, mrr DESC, started_at DESC, plan) AS held USING (customer_id)
GROUP BY held.plan ORDER BY held.plan;
\endif

\echo '== Customer lifetime value, at a gross margin of 80 per cent'
\if :has_country
SELECT coalesce(country, 'all') AS country, round(clv(customer_id, started_at, ended_at, mrr, :range(:'opening', :'until'), 0.8), 2) AS clv
FROM subscriptions GROUP BY ROLLUP (country) ORDER BY grouping(country), country;
\else
SELECT round(clv(customer_id, started_at, ended_at, mrr, :range(:'opening', :'until'), 0.8), 2) AS clv
FROM subscriptions;
\endif

\echo '== What five points of retention are worth, retention over' :window
WITH total AS (
    SELECT c.churn_rate AS churn, arpa(m.opening_mrr, c.opening_customers) * :months AS revenue
    FROM mrr_movements('SELECT customer_id, started_at, ended_at, mrr FROM subscriptions',
                       :'window', :'opening', :'until', origin => :'opening') AS m
    JOIN churn_by_period('SELECT customer_id, started_at, ended_at, mrr FROM subscriptions',
                         :'window', :'opening', :'until', origin => :'opening') AS c USING (period_start)
)
SELECT s.retention_change, round(s.churn_rate * 100, 1) AS churn_percent, round(s.clv, 2) AS clv, round(s.clv_change, 2) AS clv_change
FROM total, clv_sensitivity(revenue, churn, 0.8,
                            ARRAY(SELECT change FROM unnest(ARRAY[-0.05, 0, 0.05]) AS change WHERE churn - change BETWEEN 0 AND 1)) AS s;

\if :has_surveys
\echo '== Net promoter score'
SELECT coalesce(country, 'all') AS country, count(score) AS answers, round(nps(score), 1) AS nps
FROM survey_answers GROUP BY ROLLUP (country) ORDER BY grouping(country), country;

\echo '== Health: the five largest accounts in trouble'
SELECT customer_id, plan, mrr, round(health, 1) AS health
FROM (SELECT customer_id, health_score(score, weight) AS health FROM health_measures GROUP BY customer_id) AS h
JOIN subscriptions USING (customer_id)
WHERE ended_at IS NULL AND health < 40
ORDER BY mrr DESC, health, customer_id LIMIT 5;
\endif
