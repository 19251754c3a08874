-- Chargebee: subscription rows of a replicated schema, and what they add up to.
\set VERBOSITY terse
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET client_min_messages = warning;
CREATE SCHEMA chargebee_src;
SET search_path = chargebee_src, public;

-- As Airbyte writes them: moments are seconds since 1970, lists are jsonb.
CREATE TABLE subscriptions (
    id varchar, customer_id varchar, status varchar, currency_code varchar, billing_period bigint, billing_period_unit varchar, auto_collection varchar, start_date bigint, created_at bigint, started_at bigint,
    activated_at bigint, trial_start bigint, trial_end bigint, current_term_start bigint, current_term_end bigint, next_billing_at bigint, cancelled_at bigint, cancel_schedule_created_at bigint, pause_date bigint,
    resume_date bigint, due_invoices_count bigint, due_since bigint, total_dues bigint, cancel_reason varchar, cancel_reason_code varchar, mrr bigint, exchange_rate numeric, subscription_items jsonb, coupons jsonb,
    discounts jsonb, deleted boolean, updated_at bigint, resource_version bigint, channel varchar, _airbyte_raw_id varchar, _airbyte_extracted_at timestamptz);
CREATE TABLE customers (id varchar, deleted boolean, updated_at bigint, email varchar);
CREATE TABLE item_prices (id varchar, name varchar, item_id varchar, item_type varchar, price bigint, period bigint, period_unit varchar, currency_code varchar, pricing_model varchar);
CREATE TABLE items (id varchar, name varchar, type varchar, metered boolean);
CREATE TABLE coupons (id varchar, name varchar, discount_type varchar, discount_percentage numeric, discount_amount bigint, duration_type varchar, apply_on varchar);
INSERT INTO items VALUES ('basic', 'Basic', 'plan', false), ('usage', 'Usage', 'plan', true), ('seats', 'Seats', 'addon', false), ('setup', 'Setup', 'charge', false);
INSERT INTO item_prices VALUES ('basic-m', 'Basic monthly', 'basic', 'plan', 1000, 1, 'month', 'EUR'), ('basic-y', 'Basic yearly', 'basic', 'plan', 12000, 1, 'year', 'EUR'), ('basic-w', 'Basic weekly', 'basic', 'plan', 1000, 1, 'week', 'USD'),
    ('usage-m', 'Usage monthly', 'usage', 'plan', 700, 1, 'month', 'EUR'), ('seats-m', 'Seats monthly', 'seats', 'addon', 500, 1, 'month', 'EUR'), ('setup', 'Setup', 'setup', 'charge', 5000, NULL, NULL, 'EUR');
INSERT INTO coupons VALUES ('LOYAL', 'Loyal', 'percentage', 20, NULL, 'forever', 'invoice_amount'), ('HALF', 'Half', 'percentage', 50, NULL, 'limited_period', 'invoice_amount'),
    ('ONCE', 'Once', 'fixed_amount', NULL, 900, 'one_time', 'invoice_amount'), ('SEATS', 'Seats', 'percentage', 100, NULL, 'forever', 'each_specified_item');
INSERT INTO customers VALUES ('c01', false, NULL), ('c18', true, extract(epoch FROM timestamptz '2024-01-10 00:00+00'));

CREATE FUNCTION item(price text, amount bigint, quantity int DEFAULT 1, type text DEFAULT 'plan') RETURNS jsonb LANGUAGE sql AS
    $$ SELECT jsonb_build_object('object', 'subscription_item', 'item_price_id', price, 'item_type', type, 'quantity', quantity, 'unit_price', amount / quantity, 'amount', amount) $$;
-- One subscription: columns as text, moments as dates.
CREATE FUNCTION add(id text, customer_id text, status text, mrr bigint, items jsonb, moments text, rest jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
    INSERT INTO subscriptions SELECT (jsonb_populate_record(NULL::subscriptions,
        '{"currency_code": "EUR", "billing_period": 1, "billing_period_unit": "month", "deleted": false}'::jsonb || jsonb_build_object('id', id, 'customer_id', customer_id, 'status', status, 'mrr', mrr, 'subscription_items', items)
        || (SELECT jsonb_object_agg(split_part(m, '=', 1), extract(epoch FROM (split_part(m, '=', 2) || '+00')::timestamptz)::bigint) FROM string_to_table(moments, ', ') AS m) || rest)).*
    $$;
DO $$ BEGIN
PERFORM add('s01', 'c01', 'active', 5000, jsonb_build_array(item('basic-m', 5000, 5)), 'started_at=2023-01-15 10:00, activated_at=2023-01-15 10:00, current_term_start=2025-01-15 10:00, current_term_end=2025-02-15 10:00');
PERFORM add('s02', 'c02', 'active', 10000, jsonb_build_array(item('basic-y', 120000)), 'started_at=2023-03-01 00:00, activated_at=2023-03-01 00:00', '{"billing_period_unit": "year"}');
-- no mrr from Chargebee: 10 a week
PERFORM add('s03', 'c03', 'active', NULL, jsonb_build_array(item('basic-w', 1000)), 'started_at=2023-02-01 00:00, activated_at=2023-02-01 00:00', '{"billing_period_unit": "week", "currency_code": "USD"}');
-- trials: given up, paid, let run out, cut short to pay, and one that runs; activated, and cancelled 40 minutes later
PERFORM add('s04', 'c04', 'cancelled', 0, jsonb_build_array(item('basic-m', 3000)), 'started_at=2023-04-01 00:00, trial_start=2023-04-01 00:00, trial_end=2023-04-15 00:00, cancelled_at=2023-04-08 00:00');
PERFORM add('s05', 'c05', 'active', 3000, jsonb_build_array(item('basic-m', 3000)), 'started_at=2023-04-01 00:00, trial_start=2023-04-01 00:00, trial_end=2023-04-15 00:00, activated_at=2023-04-15 00:00');
PERFORM add('s06', 'c06', 'cancelled', 0, jsonb_build_array(item('basic-m', 3000)), 'started_at=2023-04-01 00:00, trial_start=2023-04-01 00:00, trial_end=2023-04-15 00:00, cancelled_at=2023-04-15 00:07');
PERFORM add('s07', 'c07', 'active', 3000, jsonb_build_array(item('basic-m', 3000)), 'started_at=2023-05-01 00:00, trial_start=2023-05-01 00:00, trial_end=2023-05-31 00:00, activated_at=2023-05-10 00:00');
PERFORM add('s08', 'c08', 'in_trial', 0, jsonb_build_array(item('basic-m', 3000)), 'started_at=2024-05-01 00:00, trial_start=2024-05-01 00:00, trial_end=2024-05-31 00:00');
PERFORM add('s30', 'c30', 'cancelled', 0, jsonb_build_array(item('basic-m', 3000)), 'started_at=2023-04-01 00:00, trial_start=2023-04-01 00:00, trial_end=2023-04-15 00:00, activated_at=2023-04-15 00:00, cancelled_at=2023-04-15 00:40');
-- cancelled at once for a payment, with an addon and a one-time charge; cancelled for the end of the term; about to end
PERFORM add('s09', 'c09', 'cancelled', 0, jsonb_build_array(item('basic-m', 6000), item('seats-m', 2000, 4, 'addon'), item('setup', 5000, 1, 'charge')),
    'started_at=2023-01-01 00:00, activated_at=2023-01-01 00:00, current_term_start=2023-06-01 00:00, current_term_end=2023-07-01 00:00, cancelled_at=2023-06-10 00:00', '{"cancel_reason": "not_paid"}');
PERFORM add('s10', 'c10', 'cancelled', 0, jsonb_build_array(item('basic-m', 4000)),
    'started_at=2023-01-01 00:00, activated_at=2023-01-01 00:00, current_term_start=2023-05-01 00:00, current_term_end=2023-06-01 00:00, cancel_schedule_created_at=2023-05-10 00:00, cancelled_at=2023-06-01 00:00', '{"cancel_reason_code": "Too expensive"}');
PERFORM add('s11', 'c11', 'non_renewing', 1000, jsonb_build_array(item('basic-m', 1000)),
    'started_at=2024-01-01 00:00, activated_at=2024-01-01 00:00, current_term_start=2025-02-01 00:00, current_term_end=2025-03-01 00:00, cancel_schedule_created_at=2025-01-20 00:00, cancelled_at=2025-03-01 00:00');
-- a year's plan given up after three months; what Chargebee keeps of the term is gone
PERFORM add('s12', 'c12', 'cancelled', 0, jsonb_build_array(item('basic-y', 24000)), 'started_at=2023-02-01 00:00, activated_at=2023-02-01 00:00, cancelled_at=2023-05-10 00:00', '{"billing_period_unit": "year"}');
-- pauses: one that lasts, one that is over, and one that was ended before its day
PERFORM add('s13', 'c13', 'paused', 0, jsonb_build_array(item('basic-m', 2500)), 'started_at=2023-11-01 00:00, activated_at=2023-11-01 00:00, pause_date=2024-02-01 00:00');
PERFORM add('s14', 'c14', 'active', 2500, jsonb_build_array(item('basic-m', 2500)), 'started_at=2023-06-01 00:00, activated_at=2023-09-01 00:00, pause_date=2023-07-01 00:00, resume_date=2023-09-01 00:00');
PERFORM add('s15', 'c15', 'active', 200, jsonb_build_array(item('basic-m', 200)), 'started_at=2023-06-01 00:00, activated_at=2023-08-01 00:00, pause_date=2023-07-01 00:00, resume_date=2023-12-01 00:00');
PERFORM add('s16', 'c16', 'active', 4500, jsonb_build_array(item('basic-m', 4500)), 'started_at=2023-09-01 00:00, activated_at=2023-09-01 00:00, due_since=2024-03-01 00:00', '{"due_invoices_count": 2}');
-- deleted: a subscription, a customer
PERFORM add('s17', 'c17', 'active', 0, jsonb_build_array(item('basic-m', 1000)), 'started_at=2023-06-15 00:00, activated_at=2023-06-15 00:00, updated_at=2023-08-20 00:00', '{"deleted": true}');
PERFORM add('s18', 'c18', 'active', 900, jsonb_build_array(item('basic-m', 900)), 'started_at=2023-06-15 00:00, activated_at=2023-06-15 00:00');
-- discounts: 100 - 20 % - 5 forever, the rest is limited; half off a seat forever; one that runs
PERFORM add('s19', 'c19', 'cancelled', 0, jsonb_build_array(item('basic-m', 10000)), 'started_at=2023-03-01 00:00, activated_at=2023-03-01 00:00, cancelled_at=2023-12-01 00:00',
    '{"coupons": [{"coupon_id": "LOYAL"}, {"coupon_id": "HALF", "apply_till": 1700000000}, {"coupon_id": "ONCE"}, {"coupon_id": "SEATS"}], "discounts": [{"type": "fixed_amount", "amount": 500, "duration_type": "forever", "apply_on": "invoice_amount"}]}');
PERFORM add('s20', 'c20', 'cancelled', 0, jsonb_build_array(item('basic-m', 1000), item('seats-m', 500, 1, 'addon')), 'started_at=2023-03-01 00:00, activated_at=2023-03-01 00:00, cancelled_at=2023-12-01 00:00',
    '{"discounts": [{"type": "percentage", "percentage": 50, "duration_type": "forever", "apply_on": "specific_item_price", "item_price_id": "seats-m"}, {"type": "percentage", "percentage": 10, "duration_type": "one_time", "apply_on": "invoice_amount"}]}');
PERFORM add('s21', 'c21', 'active', 8000, jsonb_build_array(item('basic-m', 10000)), 'started_at=2023-10-01 00:00, activated_at=2023-10-01 00:00', '{"coupons": [{"coupon_id": "LOYAL"}]}');
-- an addon at a price a month on a plan at one a year: 1200 / 12 + 10
PERFORM add('s22', 'c22', 'cancelled', 0, jsonb_build_array(item('basic-y', 120000), item('seats-m', 1000, 2, 'addon')), 'started_at=2023-01-01 00:00, activated_at=2023-01-01 00:00, cancelled_at=2024-01-01 00:00', '{"billing_period_unit": "year"}');
-- free; metered; not there yet; another site's now
PERFORM add('s23', 'c23', 'active', 0, jsonb_build_array(item('basic-m', 0)), 'started_at=2023-01-01 00:00, activated_at=2023-01-01 00:00');
PERFORM add('s24', 'c24', 'cancelled', 0, jsonb_build_array(item('usage-m', 700)), 'started_at=2023-01-01 00:00, activated_at=2023-01-01 00:00, cancelled_at=2023-03-01 00:00');
PERFORM add('s25', 'c25', 'future', 0, jsonb_build_array(item('basic-m', 1000)), 'start_date=2023-01-01 00:00');
PERFORM add('s26', 'c26', 'transferred', 1000, jsonb_build_array(item('basic-m', 1000)), 'started_at=2023-01-01 00:00, activated_at=2023-01-01 00:00');
-- yen have no minor unit, dinars have two digits here
PERFORM add('s27', 'c27', 'active', 1500, jsonb_build_array(item('basic-m', 1500)), 'started_at=2023-01-10 00:00, activated_at=2023-01-10 00:00', '{"currency_code": "JPY"}');
PERFORM add('s28', 'c28', 'cancelled', 0, jsonb_build_array(item('basic-m', 12345)), 'started_at=2023-01-10 00:00, activated_at=2023-01-10 00:00, cancelled_at=2023-07-01 00:00', '{"currency_code": "KWD"}');
-- reactivated with a new trial: what was before it is not in the row
PERFORM add('s29', 'c29', 'active', 700, jsonb_build_array(item('basic-m', 700)), 'started_at=2023-01-01 00:00, trial_start=2024-06-01 00:00, trial_end=2024-06-15 00:00, activated_at=2024-06-15 00:00');
END $$;

SELECT * FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_views');
SELECT customer_id AS customer, product, plan, currency AS cur, billing_interval AS interval, quantity, started_at::date AS started, ended_at::date AS ended, mrr, status, canceled_at::date AS canceled, cancel_reason
FROM chargebee_views.subscriptions ORDER BY customer_id, subscription_id, started_at;
SELECT s.customer_id AS customer, started_at, ended_at, trial_started_at, trial_ended_at, mrr, status FROM chargebee_views.subscriptions s WHERE trial_ended_at IS NOT NULL ORDER BY 1;
SELECT currency, period_start, ended_trials, converted_trials, ended_mrr, converted_mrr FROM chargebee_views.trials WHERE ended_trials > 0 ORDER BY 1, 2;

-- MRR when the month ends, added up by hand. An end at a month's first day belongs to that month.
CREATE VIEW wanted AS SELECT * FROM (VALUES
    ('EUR', date '2023-01-01', 50 + 80 + 40 + 110.0),                                                  -- c01, c09, c10, c22
    ('EUR', '2023-02-01', 280 + 20.0),                                                                 -- c12: 240 a year
    ('EUR', '2023-03-01', 300 + 100 + 75 + 12.5),                                                      -- c02, c19, c20
    ('EUR', '2023-04-01', 487.5 + 30),                                                                 -- c05 pays; c04, c06 and c30 do not
    ('EUR', '2023-05-01', 517.5 + 30 - 20),                                                            -- c07; c12 is gone; c10 ends on 1 June
    ('EUR', '2023-06-01', 527.5 - 80 - 40 + 25 + 2 + 10 + 9.0),                                        -- c09 and c10 are gone; c14, c15, c17, c18
    ('EUR', '2023-07-01', 453.5 - 25 - 2),                                                             -- c14 and c15 pause
    ('EUR', '2023-08-01', 426.5 + 2 - 10),                                                             -- c15 is back early; c17 is deleted
    ('EUR', '2023-09-01', 418.5 + 25 + 45),                                                            -- c14 is back; c16
    ('EUR', '2023-10-01', 488.5 + 80),                                                                 -- c21
    ('EUR', '2023-11-01', 568.5 + 25),                                                                 -- c13; c19 and c20 end on 1 December
    ('EUR', '2023-12-01', 593.5 - 75 - 12.5),
    ('EUR', '2024-01-01', 506.0 - 110 - 9 + 10),                                                       -- c22, c18's customer is deleted, c11
    ('EUR', '2024-02-01', 397.0 - 25),                                                                 -- c13 pauses
    ('EUR', '2024-06-01', 372.0 + 7),                                                                  -- c29
    ('EUR', '2025-03-01', 379.0 - 10)) AS w (currency, month, mrr)                                     -- c11 ends
    UNION ALL SELECT currency, month::date, mrr FROM (VALUES                                           -- the same for months
    ('EUR', timestamp '2024-03-01', timestamp '2024-05-01', 372.0), ('EUR', '2024-07-01', '2025-02-01', 379.0),
    ('USD', '2023-02-01', '2025-03-01', 43.333333),                                                    -- c03: 10 x 52 / 12
    ('JPY', '2023-01-01', '2025-03-01', 1500), ('KWD', '2023-01-01', '2023-06-01', 123.45),            -- c27; c28: 12345 / 100
    ('KWD', '2023-07-01', '2025-03-01', 0)) AS same (currency, first, last, mrr), generate_series(first, last, '1 month') AS month;
CREATE VIEW got AS SELECT currency, period_start, closing_mrr FROM chargebee_views.mrr_movements WHERE period_start <= '2025-03-01';
SELECT 'missing' AS difference, * FROM (TABLE wanted EXCEPT TABLE got) AS d UNION ALL SELECT 'wrong', * FROM (TABLE got EXCEPT TABLE wanted) AS d ORDER BY 1, 2, 3;
SELECT count(*) AS compared FROM got;

-- What each option changes.
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_option');
CREATE FUNCTION changed() RETURNS TABLE (customer text, started timestamptz, ended timestamptz, mrr numeric, difference text) LANGUAGE sql AS $$
    WITH was AS (SELECT customer_id, started_at, ended_at, mrr FROM chargebee_views.subscriptions), is_now AS (SELECT customer_id, started_at, ended_at, mrr FROM chargebee_option.subscriptions)
    SELECT *, 'before' FROM (TABLE was EXCEPT ALL TABLE is_now) AS d UNION ALL SELECT *, 'after' FROM (TABLE is_now EXCEPT ALL TABLE was) AS d ORDER BY 1, 5 DESC, 2
    $$;
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_option', recognition => 'canceled');
SELECT * FROM changed();
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_option', recognition => 'period_end');
SELECT * FROM changed();
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_option', pauses => 'keep');
SELECT * FROM changed();
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_option', past_due => '14 days');
SELECT * FROM changed();
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_option', discounts => 'none');
SELECT * FROM changed();
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_option', discounts => 'all');
SELECT * FROM changed();
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_option', minor_units => '{"KWD": 3}');
SELECT * FROM changed();
-- A month of grace from the last day of January, by the calendar of a zone; the session's zone does not matter.
UPDATE subscriptions SET due_since = extract(epoch FROM timestamptz '2024-01-30 23:30+00') WHERE id = 's16';
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_option', past_due => '1 month', time_zone => 'Europe/Berlin');
SET TimeZone = 'Pacific/Honolulu';
SELECT ended_at AT TIME ZONE 'Europe/Berlin' AS ended_in_berlin FROM chargebee_option.subscriptions WHERE customer_id = 'c16';
SET TimeZone = 'UTC';

-- Rows that cannot be are left out, and counted; views and other rows stay as they are. Moments beyond the years 1 to 9998 are infinitely far away.
CREATE FUNCTION read_all(target name) RETURNS TABLE (view_name name, readable boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH view_name IN ARRAY '{subscriptions,mrr_movements,churn,cohorts,customers,renewals,trials}'::name[] LOOP
        EXECUTE format('SELECT count(v::text) > 0 FROM %I.%I AS v', target, view_name) INTO readable;
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_views');
CREATE TABLE good AS TABLE chargebee_views.subscriptions;
INSERT INTO item_prices VALUES ('bad-0', 'Every 0 months', 'basic', 'addon', 1000, 0, 'month', 'EUR'), ('bad-n', 'Every -1 months', 'basic', 'addon', 1000, -1, 'month', 'EUR'), ('bad-h', 'Every so many years', 'basic', 'addon', 1000, 9999999999, 'year', 'EUR');
INSERT INTO coupons VALUES ('MINUS', 'Minus', 'fixed_amount', NULL, -500, 'forever', 'invoice_amount'), ('NONE', 'None', 'percentage', 'NaN', NULL, 'forever', 'invoice_amount');
DO $$
DECLARE
    since text := 'started_at=2024-01-01 00:00, activated_at=2024-01-01 00:00';
    bad record;
BEGIN
-- intervals of the subscription, of an item, of the price of an item
PERFORM add('b01', 'b01', 'active', NULL, jsonb_build_array(item('basic-m', 1000) - 'item_price_id'), since, '{"billing_period": 0}');
PERFORM add('b02', 'b02', 'active', NULL, jsonb_build_array(item('basic-m', 1000) - 'item_price_id'), since, '{"billing_period": -1}');
PERFORM add('b03', 'b03', 'active', NULL, jsonb_build_array(item('basic-m', 1000) - 'item_price_id'), since, '{"billing_period": 9999999999, "billing_period_unit": "year"}');
PERFORM add('b04', 'b04', 'active', NULL, jsonb_build_array(item('basic-m', 1000) - 'item_price_id'), since, '{"billing_period": 2147483647, "billing_period_unit": "week"}');
PERFORM add('b05', 'b05', 'active', NULL, jsonb_build_array(item('basic-m', 1000) || '{"billing_period": 0, "billing_period_unit": "month"}'), since);
PERFORM add('b06', 'b06', 'active', NULL, jsonb_build_array(item('basic-m', 1000) || '{"billing_period": "x", "billing_period_unit": "month"}'), since);
PERFORM add('b07', 'b07', 'active', NULL, jsonb_build_array(item('basic-m', 1000) || '{"billing_period": 1e12, "billing_period_unit": "year"}'), since);
PERFORM add('b08', 'b08', 'active', NULL, jsonb_build_array(item('bad-0', 1000)), since);
PERFORM add('b09', 'b09', 'active', NULL, jsonb_build_array(item('bad-n', 1000)), since);
PERFORM add('b10', 'b10', 'active', NULL, jsonb_build_array(item('bad-h', 1000)), since);
-- amounts, quantities and unit prices that are none
FOR bad IN SELECT 'b' || 10 + n AS id, element::jsonb FROM unnest('{"{\"amount\": \"x\"}","{\"amount\": -5}","{\"amount\": \"NaN\"}","{\"amount\": 1e400}","{\"amount\": null, \"quantity\": \"x\"}","{\"amount\": null, \"quantity\": {}}",
    "{\"amount\": null, \"quantity\": -2}","{\"amount\": null, \"unit_price\": \"x\"}","{\"amount\": [], \"unit_price\": [1]}"}'::text[]) WITH ORDINALITY AS e (element, n) LOOP
    PERFORM add(bad.id, bad.id, 'active', NULL, jsonb_build_array(item('basic-m', 1000) || bad.element), since);
END LOOP;
-- Chargebee's own figure: less than nothing; good, with bad items beside it
PERFORM add('b20', 'b20', 'active', -500, jsonb_build_array(item('basic-m', 1000)), since);
PERFORM add('b21', 'b21', 'active', 700, jsonb_build_array(item('basic-m', 700) || '{"unit_price": "x", "amount": "y", "amount_in_decimal": "", "quantity": "z"}', 'null', '7', '"x"'), since);
PERFORM add('b22', 'b22', 'active', 800, '{"not": "a list"}', since, '{"discounts": "none", "coupons": 7}');
-- discounts that are none: on the invoice, on an item, of a coupon
PERFORM add('b23', 'b23', 'active', NULL, jsonb_build_array(item('basic-m', 1000)), since, '{"discounts": [{"type": "percentage", "percentage": "x", "duration_type": "forever"}, {"type": "fixed_amount", "amount": "x", "duration_type": "forever"},
    {"type": "fixed_amount", "amount": -5, "duration_type": "forever"}, {"type": "percentage", "percentage": -50, "duration_type": "forever"}, {"type": "fixed_amount", "amount": "NaN", "duration_type": "forever"},
    {"type": "percentage", "percentage": "x", "duration_type": "forever", "apply_on": "specific_item_price", "item_price_id": "basic-m"}, {"type": "fixed_amount", "amount": "x", "duration_type": "forever", "apply_on": "specific_item_price", "item_price_id": "basic-m"}],
    "coupons": [{"coupon_id": "MINUS"}, {"coupon_id": "NONE"}]}');
-- moments in milliseconds or microseconds, and before all time
PERFORM add('b24', 'b24', 'active', 1000, jsonb_build_array(item('basic-m', 1000)), since, '{"started_at": 1704067200000}');
PERFORM add('b25', 'b25', 'active', 1000, jsonb_build_array(item('basic-m', 1000)), since, '{"started_at": -9223372036854775808}');
PERFORM add('b26', 'b26', 'cancelled', 0, jsonb_build_array(item('basic-m', 1000)), since, '{"cancelled_at": 1704067200000000, "current_term_start": -1000000000000000, "current_term_end": 1704067200000000}');
PERFORM add('b27', 'b27', 'active', 1000, jsonb_build_array(item('basic-m', 1000)), since, '{"due_since": 100000000000000, "due_invoices_count": 1}');
PERFORM add('b28', 'b28', 'in_trial', 0, jsonb_build_array(item('basic-m', 1000)), since, '{"trial_start": 1704067200, "trial_end": 9223372036854775807, "activated_at": null}');
PERFORM add('b29', 'b29', 'active', 1000, jsonb_build_array(item('basic-m', 1000)), since, '{"pause_date": 100000000000000, "resume_date": 100000000000001}');
PERFORM add('b30', 'b30', 'active', 1000, jsonb_build_array(item('basic-m', 1000)), since);
PERFORM add('b31', 'b31', 'active', 1000, jsonb_build_array(item('basic-m', 1000)), since);
END $$;
INSERT INTO customers VALUES ('b30', true, 1704067200000000), ('b31', true, -1704067200000000);
-- b01 to b20, b24 and b25; b31's customer was deleted before it began
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_views');
SELECT * FROM read_all('chargebee_views');
SELECT customer_id AS customer, plan, quantity, started_at, ended_at, mrr, status, trial_ended_at, canceled_at FROM chargebee_views.subscriptions WHERE customer_id LIKE 'b%' ORDER BY 1, started_at;
SELECT count(*) AS differences FROM ((TABLE good EXCEPT TABLE chargebee_views.subscriptions) UNION ALL (SELECT * FROM chargebee_views.subscriptions WHERE customer_id LIKE 'c%' EXCEPT TABLE good)) d;
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_views', recognition => 'period_end', past_due => '10 days', discounts => 'all', time_zone => 'America/New_York');
SELECT bool_and(readable) FROM read_all('chargebee_views');
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee_src', 'chargebee_views', recognition => 'canceled', pauses => 'keep', discounts => 'none', trials => 'free', time_zone => 'Pacific/Kiritimati');
SELECT bool_and(readable) FROM read_all('chargebee_views');

-- As a Singer tap writes it: timestamps; Product Catalog 1.0 with plans and addons, and few of the optional columns and tables.
CREATE SCHEMA "chargebee ""1""";
SET search_path = "chargebee ""1""", public;
CREATE TABLE subscriptions (id text, customer_id text, status text, currency_code text, billing_period integer, billing_period_unit text, started_at timestamptz, activated_at timestamptz, trial_start timestamp, trial_end timestamp,
    current_term_start timestamptz, current_term_end timestamptz, cancelled_at timestamptz, plan_id text, plan_quantity integer, plan_unit_price integer, plan_amount integer, addons json, deleted boolean, _sdc_batched_at timestamptz);
CREATE TABLE plans (id text, name text, price integer);
INSERT INTO plans VALUES ('gold', 'Gold');
INSERT INTO subscriptions VALUES
    ('a', '1', 'active', 'usd', 3, 'month', '2023-01-01', '2023-01-08', '2023-01-01', '2023-01-08', NULL, NULL, NULL, 'gold', 2, 3000, 6000, '[{"id": "phone", "quantity": 3, "unit_price": 100}]'),
    ('b', '2', 'cancelled', 'usd', 30, 'day', '2023-01-01', '2023-01-01', NULL, NULL, NULL, NULL, '2023-05-01', 'silver', NULL, 1200, NULL, 'null'),
    ('c', '3', 'cancelled', 'usd', 1, 'month', '2023-01-01', '2023-01-01', NULL, NULL, NULL, NULL, NULL, 'gold', 1, 1000, 1000, NULL),
    ('e', '5', 'active', 'usd', NULL, NULL, '2023-01-01', '2023-01-01', NULL, NULL, NULL, NULL, NULL, 'gold', 1, 1000, 1000, NULL),
    ('d', '4', 'non_renewing', 'usd', 1, 'month', '2023-01-01', '2023-01-01', NULL, NULL, '2023-02-01', '2023-03-01', NULL, 'gold', 1, 1000, 1000, NULL);
SELECT count(*) FROM create_billing_views('chargebee', 'chargebee "1"', 'chargebee_old');
SELECT subscription_id AS id, product, plan, currency, billing_interval, quantity, started_at, ended_at, mrr, status, trial_started_at, trial_ended_at, canceled_at FROM chargebee_old.subscriptions ORDER BY 1;

-- What is missing is named.
SELECT count(*) FROM drop_billing_views('chargebee_old');
ALTER TABLE subscriptions ALTER cancelled_at TYPE text;
SELECT create_billing_views('chargebee', 'chargebee "1"', 'chargebee_none');
ALTER TABLE subscriptions DROP COLUMN cancelled_at;
SELECT create_billing_views('chargebee', 'chargebee "1"', 'chargebee_none');
DROP TABLE subscriptions CASCADE;
SELECT create_billing_views('chargebee', 'chargebee "1"', 'chargebee_none');
