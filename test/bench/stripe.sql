-- The benchmark's rows (generate.sql) in the shape of Stripe's tables as the Supabase sync engine keeps them: a subscription with one item for each
-- row, an invoice for each, and one more for every fifth, whose plan changed half-way.
\ir ../stripe_tables.sql

CREATE FUNCTION pg_temp.epoch(day date) RETURNS integer LANGUAGE sql IMMUTABLE RETURN extract(epoch FROM day::timestamp)::integer;

INSERT INTO stripe.products SELECT 'prod_' || plan, 'product', plan, true FROM (SELECT DISTINCT plan FROM subs) p;
INSERT INTO stripe.prices
SELECT format('price_%s_%s_%s', plan, currency, term), 'price', true, currency, format('%s, by the %s', plan, term), 'prod_' || plan, jsonb_build_object('interval', term, 'interval_count', 1, 'usage_type', 'licensed'),
       'recurring', 1000 * row_number() OVER (PARTITION BY currency ORDER BY term, plan), NULL, 'per_unit'
FROM (SELECT DISTINCT plan FROM subs) p, (VALUES ('eur'), ('usd'), ('jpy')) c (currency), (VALUES ('month'), ('year')) t (term);
CREATE TEMPORARY TABLE drawn AS
SELECT subscription_id, 'cus_' || customer_id AS customer, started_at, ended_at, (ARRAY['eur', 'usd', 'jpy'])[1 + customer_id % 3] AS currency, CASE WHEN subscription_id % 4 = 0 THEN 'year' ELSE 'month' END AS term, plan,
       CASE WHEN subscription_id % 5 = 0 THEN started_at + (coalesce(ended_at, date '2025-01-01') - started_at) / 2 END AS changed_at
FROM subs;
INSERT INTO stripe.customers SELECT DISTINCT customer, 'customer', customer, customer || '@example.com', currency, 1577836800, false FROM drawn;
INSERT INTO stripe.subscriptions
SELECT 'sub_' || subscription_id, 'subscription', customer, (CASE WHEN ended_at IS NULL THEN 'active' ELSE 'canceled' END)::stripe.subscription_status, NULL, pg_temp.epoch(started_at), pg_temp.epoch(started_at),
       pg_temp.epoch('2024-12-01'), pg_temp.epoch('2025-01-01'), NULL, false, pg_temp.epoch(ended_at), pg_temp.epoch(ended_at), NULL, NULL, NULL, NULL, NULL
FROM drawn;
INSERT INTO stripe.subscription_items
SELECT 'si_' || subscription_id, 'subscription_item', 'sub_' || subscription_id, format('price_%s_%s_%s', CASE WHEN changed_at > started_at THEN 'business' ELSE plan END, currency, term), 1, pg_temp.epoch(started_at), false FROM drawn;
INSERT INTO stripe.invoices
SELECT format('in_%s_%s', subscription_id, n), 'invoice', customer, 'sub_' || subscription_id, 'paid', currency, 1000, pg_temp.epoch(at), pg_temp.epoch(at), pg_temp.epoch(at),
       jsonb_build_object('object', 'list', 'data', jsonb_build_array(jsonb_build_object('id', format('il_%s_%s', subscription_id, n), 'type', 'subscription', 'amount', 1000, 'currency', currency, 'proration', n = 2, 'quantity', 1,
           'subscription', 'sub_' || subscription_id, 'subscription_item', 'si_' || subscription_id, 'price', jsonb_build_object('id', format('price_%s_%s_%s', CASE n WHEN 1 THEN plan ELSE 'business' END, currency, term)),
           'period', jsonb_build_object('start', pg_temp.epoch(at), 'end', pg_temp.epoch(at + 30))))), '{}'
FROM drawn, LATERAL (VALUES (1, started_at), (2, changed_at)) AS line (n, at)
WHERE at IS NOT NULL AND (n = 1 OR at > started_at);
VACUUM (ANALYZE) stripe.subscriptions, stripe.subscription_items, stripe.invoices, stripe.customers, stripe.prices, stripe.products;
