-- The demo's data, the same in every run: 30,000 customers over three years (2022 to 2024), 36,000 billing rows with
-- changes of plan (touching rows), free plans, cancellations and returns; survey answers; measures of health.
CREATE TABLE subscriptions (
    customer_id bigint NOT NULL,
    country text NOT NULL,
    channel text NOT NULL,
    plan text NOT NULL,
    started_at date NOT NULL,
    ended_at date,
    mrr numeric NOT NULL
);
COMMENT ON COLUMN subscriptions.ended_at IS 'the first day without service; NULL = still running';

-- Evenly spread in [0, 1), fixed by customer and purpose.
CREATE FUNCTION demo_share(customer bigint, purpose bigint) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN ((hashint8extended(customer, purpose) >> 11) & 9007199254740991)::float8 / 9007199254740992;

WITH plans(step, plan, mrr, mean_days) AS (
    VALUES (1, 'Free', 0, 250), (2, 'Basic', 19, 420), (3, 'Pro', 49, 900), (4, 'Team', 149, 1800)
),
customers AS (
    SELECT g AS customer_id,
           (ARRAY['Germany', 'Germany', 'France', 'United States', 'United States', 'United States', 'Brazil', 'Japan'])
               [1 + floor(8 * demo_share(g, 1))::int] AS country,
           (ARRAY['search', 'search', 'ads', 'partner', 'referral'])[1 + floor(5 * demo_share(g, 2))::int] AS channel,
           (ARRAY[1, 2, 2, 2, 2, 3, 3, 3, 4, 4])[1 + floor(10 * demo_share(g, 3))::int] AS first_step,
           date '2022-01-01' + floor(1096 * sqrt(demo_share(g, 4)))::int AS first_day,
           demo_share(g, 5) AS change,
           20 + floor(260 * demo_share(g, 6))::int AS days_to_change,
           -ln(1 - demo_share(g, 7)) AS patience,
           demo_share(g, 8) AS returns,
           20 + floor(200 * demo_share(g, 9))::int AS days_away,
           -ln(1 - demo_share(g, 10)) AS second_patience
    FROM generate_series(1::bigint, 30000) AS g
),
lives AS (
    SELECT c.*,
           CASE WHEN change < 0.25 THEN least(first_step + 1, 4)
                WHEN change > 0.92 THEN greatest(first_step - 1, 1) ELSE first_step END AS second_step,
           1 + floor(patience * p.mean_days * CASE country WHEN 'Brazil' THEN 0.6 WHEN 'Japan' THEN 1.6 ELSE 1 END
                     * CASE channel WHEN 'ads' THEN 0.7 WHEN 'referral' THEN 1.4 ELSE 1 END)::int AS days
    FROM customers c JOIN plans p ON p.step = c.first_step
),
stretches AS (
    SELECT l.customer_id, l.country, l.channel, s.step, s.first_day, s.last_day
    FROM lives l,
    LATERAL (VALUES
        (first_step, first_day, first_day + least(days, CASE WHEN second_step <> first_step THEN days_to_change ELSE days END)),
        (second_step, first_day + days_to_change, CASE WHEN second_step <> first_step AND days > days_to_change THEN first_day + days END),
        (second_step, first_day + days + days_away,
         CASE WHEN returns < 0.18 THEN first_day + days + days_away + 30 + floor(second_patience * 500)::int END)
    ) AS s(step, first_day, last_day)
    WHERE s.last_day IS NOT NULL
)
INSERT INTO subscriptions
SELECT customer_id, country, channel, plan, first_day, CASE WHEN last_day <= date '2024-12-31' THEN last_day END, mrr
FROM stretches JOIN plans USING (step)
WHERE first_day <= date '2024-12-31'
ORDER BY customer_id, first_day;

-- One answer (0 to 10) a customer who was asked and answered; NULL = asked, not answered.
CREATE TABLE survey_answers AS
SELECT customer_id, country,
       CASE WHEN demo_share(customer_id, 12) < 0.6
            THEN least(10, floor(11 * power(demo_share(customer_id, 11), CASE country WHEN 'Japan' THEN 0.3 WHEN 'Brazil' THEN 0.6 ELSE 0.42 END)))::int
       END AS score
FROM (SELECT DISTINCT customer_id, country FROM subscriptions WHERE ended_at IS NULL) AS running;

-- Measures of 0 to 100; NULL = not known.
CREATE TABLE health_measures AS
SELECT customer_id, measure, weight,
       CASE WHEN demo_share(customer_id, 20 + n) < 0.93 THEN floor(101 * sqrt(demo_share(customer_id, 30 + n)))::int END AS score
FROM (SELECT DISTINCT customer_id FROM subscriptions WHERE ended_at IS NULL) AS running,
     (VALUES (1, 'usage', 20), (2, 'support', 15), (3, 'relationship', 22)) AS m(n, measure, weight);

ANALYZE;
