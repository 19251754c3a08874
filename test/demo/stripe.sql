-- The demo's billing rows (data.sql) in the shape in which the Supabase sync engine keeps Stripe's: schema stripe, amounts in cents, moments as
-- epoch seconds, changes of plan as prorated invoice lines. Trials, some given up, a few past-due subscriptions and coupons on top.
\ir ../stripe_tables.sql

CREATE FUNCTION pg_temp.epoch(day date) RETURNS integer LANGUAGE sql IMMUTABLE RETURN extract(epoch FROM day::timestamp)::integer;

INSERT INTO stripe.products SELECT 'prod_' || lower(plan), 'product', plan, true FROM (SELECT DISTINCT plan FROM subscriptions) p;
INSERT INTO stripe.prices
SELECT format('price_%s_%s', lower(plan), currency), 'price', true, currency, plan || ', monthly', 'prod_' || lower(plan), '{"interval": "month", "interval_count": 1, "usage_type": "licensed"}', 'recurring',
       mrr * 100, (mrr * 100)::text, 'per_unit'
FROM (SELECT DISTINCT plan, mrr::integer FROM subscriptions) p, (VALUES ('eur'), ('usd'), ('jpy')) c (currency);
INSERT INTO stripe.customers
SELECT DISTINCT 'cus_' || customer_id, 'customer', 'Customer ' || customer_id, customer_id || '@example.com', CASE country WHEN 'Japan' THEN 'jpy' WHEN 'Germany' THEN 'eur' WHEN 'France' THEN 'eur' ELSE 'usd' END,
       pg_temp.epoch('2022-01-01'), false
FROM subscriptions;

-- A subscription is a customer's stretches that touch; a stretch of it is what one price was paid for.
CREATE TEMPORARY TABLE stretches AS
SELECT s.*, format('sub_%s_%s', customer_id, chain) AS id, format('price_%s_%s', lower(plan), c.currency) AS price, c.currency,
       row_number() OVER w = 1 AS is_first, first_value(started_at) OVER w AS first_day, last_value(ended_at) OVER w AS last_day, last_value(plan) OVER w AS last_plan
FROM (SELECT s.*, count(*) FILTER (WHERE NOT touches) OVER (PARTITION BY customer_id ORDER BY started_at) AS chain
      FROM (SELECT s.*, coalesce(lag(ended_at) OVER (PARTITION BY customer_id ORDER BY started_at) = started_at, false) AS touches FROM subscriptions s) s) s
     JOIN stripe.customers c ON c.id = 'cus_' || customer_id
WINDOW w AS (PARTITION BY customer_id, chain ORDER BY started_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING);

-- Every fifth customer had a trial of two weeks before its first payment; another 2,000 gave theirs up.
INSERT INTO stripe.subscriptions
SELECT id, 'subscription', 'cus_' || customer_id,
       (CASE WHEN last_day IS NOT NULL THEN 'canceled' WHEN customer_id % 211 = 0 THEN 'past_due' ELSE 'active' END)::stripe.subscription_status, NULL,
       pg_temp.epoch(first_day - CASE WHEN has_trial THEN 14 ELSE 0 END), pg_temp.epoch(first_day - CASE WHEN has_trial THEN 14 ELSE 0 END),
       pg_temp.epoch('2024-12-01'), pg_temp.epoch('2025-01-01'), NULL, false, pg_temp.epoch(last_day), pg_temp.epoch(last_day),
       CASE WHEN has_trial THEN to_jsonb(pg_temp.epoch(first_day - 14)) END, CASE WHEN has_trial THEN to_jsonb(pg_temp.epoch(first_day)) END, NULL,
       CASE WHEN customer_id % 97 = 0 THEN '{"coupon": {"id": "partner", "percent_off": 20, "duration": "forever"}}'::jsonb END, NULL
FROM (SELECT DISTINCT id, customer_id, first_day, last_day, chain = 1 AND customer_id % 5 = 0 AS has_trial FROM stretches) s;
INSERT INTO stripe.subscriptions
SELECT 'sub_trial_' || g, 'subscription', 'cus_trial_' || g, 'canceled', NULL, pg_temp.epoch(day), pg_temp.epoch(day), pg_temp.epoch(day), pg_temp.epoch(day + 14), NULL, false, pg_temp.epoch(day + 9),
       pg_temp.epoch(day + 9), to_jsonb(pg_temp.epoch(day)), to_jsonb(pg_temp.epoch(day + 14)), NULL, NULL, NULL
FROM (SELECT g, date '2022-02-01' + g * 7919 % 1000 AS day FROM generate_series(1, 2000) g) t;
INSERT INTO stripe.subscription_items
SELECT replace(id, 'sub', 'si'), 'subscription_item', id, price, 1, pg_temp.epoch(first_day - 14), false FROM stretches WHERE ended_at IS NOT DISTINCT FROM last_day
UNION ALL
SELECT 'si_trial_' || g, 'subscription_item', 'sub_trial_' || g, 'price_basic_usd', 1, pg_temp.epoch('2022-02-01'), false FROM generate_series(1, 2000) g;

-- The invoice at the start, and one at each change: the rest of the month at the new price, and the credit for the old one.
INSERT INTO stripe.invoices
SELECT format('in_%s_%s', id, started_at), 'invoice', 'cus_' || customer_id, id, 'paid', currency, mrr * 100, pg_temp.epoch(started_at), pg_temp.epoch(started_at), pg_temp.epoch(started_at),
       jsonb_build_object('object', 'list', 'data', CASE WHEN is_first THEN '[]'::jsonb ELSE jsonb_build_array(jsonb_build_object('id', format('il_%s_%s_old', id, started_at), 'type', 'invoiceitem', 'amount', -100 * before, 'currency', currency,
               'proration', true, 'quantity', 1, 'subscription', id, 'subscription_item', replace(id, 'sub', 'si'), 'price', jsonb_build_object('id', price_before),
               'period', jsonb_build_object('start', pg_temp.epoch(started_at), 'end', pg_temp.epoch(started_at + 15)))) END
           || jsonb_build_array(jsonb_build_object('id', format('il_%s_%s', id, started_at), 'type', CASE WHEN is_first THEN 'subscription' ELSE 'invoiceitem' END, 'amount', 100 * mrr, 'currency', currency,
               'proration', NOT is_first, 'quantity', 1, 'subscription', id, 'subscription_item', replace(id, 'sub', 'si'), 'price', jsonb_build_object('id', price),
               'period', jsonb_build_object('start', pg_temp.epoch(started_at), 'end', pg_temp.epoch(started_at + 15))))),
       '{}'
FROM (SELECT s.*, lag(price) OVER w AS price_before, lag(mrr) OVER w AS before FROM stretches s WINDOW w AS (PARTITION BY id ORDER BY started_at)) s;
ANALYZE;
