-- Subscription rows from Stripe as Fivetran replicates it: each rule on hand-made rows, against what they come to by hand.
\set VERBOSITY terse
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET client_min_messages = warning;
CREATE SCHEMA stripe_fivetran_src;
SET search_path = stripe_fivetran_src, public;

CREATE TABLE subscription_history (
    id text, _fivetran_start timestamptz, _fivetran_end timestamptz, _fivetran_active boolean, _fivetran_synced timestamptz,
    customer_id text, status text, billing text, billing_cycle_anchor timestamptz, cancel_at timestamptz, cancel_at_period_end boolean, canceled_at timestamptz, created timestamptz,
    current_period_start timestamptz, current_period_end timestamptz, days_until_due integer, default_source_id text, ended_at timestamptz, latest_invoice_id text, livemode boolean,
    metadata jsonb, start_date timestamptz, tax_percent double precision, trial_start timestamptz, trial_end timestamptz,
    pause_collection_behavior text, pause_collection_resumes_at timestamptz, cancellation_details_reason text, PRIMARY KEY (id, _fivetran_start));
CREATE TABLE subscription_item (id text PRIMARY KEY, _fivetran_synced timestamptz, subscription_id text, plan_id text, quantity integer, created timestamptz, metadata jsonb,
    current_period_start timestamptz, current_period_end timestamptz);
CREATE TABLE price (id text PRIMARY KEY, _fivetran_synced timestamptz, active boolean, billing_scheme text, created timestamptz, currency text, is_deleted boolean, livemode boolean, metadata jsonb,
    nickname text, product_id text, recurring_aggregate_usage text, recurring_interval text, recurring_interval_count integer, recurring_usage_type text, tiers_mode text,
    transform_quantity_divide_by integer, transform_quantity_round text, type text, unit_amount integer, unit_amount_decimal text);
CREATE TABLE product (id text PRIMARY KEY, active boolean, name text, is_deleted boolean);
CREATE TABLE customer (id text PRIMARY KEY, _fivetran_synced timestamptz, created timestamptz, currency text, email text, is_deleted boolean);
CREATE TABLE invoice (id text PRIMARY KEY, customer_id text, subscription_id text, status text, created timestamptz, is_deleted boolean, total bigint);
CREATE TABLE invoice_line_item (id text, invoice_id text, unique_id text, _fivetran_synced timestamptz, amount bigint, currency text, description text, livemode boolean, period_start timestamptz, period_end timestamptz,
    plan_id text, price_id text, proration boolean, quantity integer, subscription_id text, subscription_item_id text, type text);
CREATE TABLE coupon (id text PRIMARY KEY, amount_off integer, currency text, duration text, duration_in_months integer, name text, percent_off double precision, valid boolean);
CREATE TABLE discount (id text, type text, type_id text, coupon_id text, customer_id text, subscription_id text, invoice_id text, invoice_item_id text, checkout_session_id text, start timestamptz, "end" timestamptz);

INSERT INTO product VALUES ('prod_1', true, 'Desk', false), ('prod_2', true, 'Lamp', false);
INSERT INTO price (id, currency, nickname, product_id, recurring_interval, recurring_interval_count, recurring_usage_type, type, unit_amount, unit_amount_decimal, billing_scheme,
                   transform_quantity_divide_by, transform_quantity_round)
VALUES ('basic', 'usd', 'Basic', 'prod_1', 'month', 1, 'licensed', 'recurring', 1000, '1000', 'per_unit', NULL, NULL),
       ('pro', 'usd', 'Pro', 'prod_1', 'month', 1, 'licensed', 'recurring', 3000, '3000', 'per_unit', NULL, NULL),
       ('free', 'usd', 'Free', 'prod_1', 'month', 1, 'licensed', 'recurring', 0, '0', 'per_unit', NULL, NULL),
       ('year', 'eur', 'Year', 'prod_1', 'year', 1, 'licensed', 'recurring', 12000, '12000', 'per_unit', NULL, NULL),
       ('week', 'eur', NULL, 'prod_1', 'week', 2, 'licensed', 'recurring', 1200, '1200', 'per_unit', NULL, NULL),
       ('yen', 'jpy', 'Yen', 'prod_1', 'month', 1, 'licensed', 'recurring', 3000, '3000', 'per_unit', NULL, NULL),
       ('dinar', 'kwd', 'Dinar', 'prod_1', 'month', 1, 'licensed', 'recurring', 12500, '12500', 'per_unit', NULL, NULL),
       ('krona', 'isk', 'Krona', 'prod_1', 'month', 3, 'licensed', 'recurring', 297000, '297000', 'per_unit', NULL, NULL),
       ('ariary', 'mga', 'Ariary', 'prod_1', 'month', 1, 'licensed', 'recurring', 45000, '45000', 'per_unit', NULL, NULL),
       ('cents', 'gbp', 'Cents', 'prod_2', 'month', 1, 'licensed', 'recurring', NULL, '0.25', 'per_unit', NULL, NULL),
       ('pack', 'gbp', 'Pack', 'prod_2', 'month', 1, 'licensed', 'recurring', 500, '500', 'per_unit', 10, 'up'),
       ('tiers', 'gbp', 'Tiers', 'prod_2', 'month', 1, 'licensed', 'recurring', NULL, NULL, 'tiered', NULL, NULL),
       ('usage', 'gbp', 'Usage', 'prod_2', 'month', 1, 'metered', 'recurring', 2, '2', 'per_unit', NULL, NULL);

-- One subscription of an item at a price, seen first when it began: the rest is said where it matters.
CREATE FUNCTION subscribe(sub text, price text, start timestamptz, quantity integer DEFAULT 1) RETURNS void LANGUAGE sql AS $$
    INSERT INTO subscription_history (id, _fivetran_start, _fivetran_end, _fivetran_active, customer_id, status, created, start_date, cancel_at_period_end)
        VALUES (sub, start, '9999-12-31 23:59:59.999+00', true, replace(sub, 'sub', 'cus'), 'active', start, start, false);
    INSERT INTO subscription_item (id, subscription_id, plan_id, quantity, created) VALUES (replace(sub, 'sub', 'si'), sub, price, quantity, start);
$$;
-- A later record, like the one before but for the status.
CREATE FUNCTION then_is(sub text, status text, seen timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r subscription_history;
BEGIN
    SELECT * INTO r FROM subscription_history WHERE id = sub AND _fivetran_active;
    UPDATE subscription_history SET _fivetran_active = false, _fivetran_end = seen - interval '1 millisecond' WHERE id = sub AND _fivetran_active;
    r._fivetran_start := seen;
    r.status := then_is.status;
    INSERT INTO subscription_history SELECT r.*;
END
$$;
CREATE FUNCTION charge(sub text, line_item text, price text, quantity integer, since timestamptz, until timestamptz, amount bigint, proration boolean DEFAULT false, invoice text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO invoice_line_item (id, invoice_id, amount, currency, period_start, period_end, price_id, proration, quantity, subscription_id, subscription_item_id, type)
    VALUES ('il_' || sub || since || price || amount, coalesce(invoice, 'in_' || sub || until), amount, (SELECT currency FROM price p WHERE p.id = price), since, until, price, proration, quantity, sub, line_item,
            CASE WHEN proration THEN 'invoiceitem' ELSE 'subscription' END)
$$;
\o /dev/null

-- 01: first seen half a year after its start.
SELECT subscribe('sub_01', 'basic', '2024-01-15');
UPDATE subscription_history SET _fivetran_start = '2024-06-01' WHERE id = 'sub_01';
-- 02: a trial, cancelled in it. 03: a trial that converted, seen three hours late. 04: a trial without a card, paused at its end, paid later.
SELECT subscribe('sub_02', 'basic', '2024-02-01'), subscribe('sub_03', 'basic', '2024-02-01'), subscribe('sub_04', 'basic', '2024-02-01');
UPDATE subscription_history SET status = 'trialing', trial_start = '2024-02-01', trial_end = '2024-02-15' WHERE id IN ('sub_02', 'sub_03', 'sub_04');
SELECT then_is('sub_02', 'canceled', '2024-02-10 01:00'), then_is('sub_03', 'active', '2024-02-15 03:00'), then_is('sub_04', 'paused', '2024-02-15 01:00');
SELECT then_is('sub_04', 'active', '2024-04-01');
UPDATE subscription_history SET ended_at = '2024-02-10', canceled_at = '2024-02-10', cancellation_details_reason = 'cancellation_requested' WHERE id = 'sub_02' AND _fivetran_active;
-- 05: collection paused from March to May, seen late.
SELECT subscribe('sub_05', 'pro', '2024-01-01'), then_is('sub_05', 'active', '2024-03-01');
UPDATE subscription_history SET pause_collection_behavior = 'void', pause_collection_resumes_at = '2024-05-01' WHERE id = 'sub_05' AND _fivetran_active;
SELECT then_is('sub_05', 'active', '2024-05-01 06:00');
UPDATE subscription_history SET pause_collection_behavior = NULL, pause_collection_resumes_at = NULL WHERE id = 'sub_05' AND _fivetran_active;
-- 06: past due and paid, past due again, unpaid, cancelled.
SELECT subscribe('sub_06', 'basic', '2024-01-01'), then_is('sub_06', 'past_due', '2024-03-01'), then_is('sub_06', 'past_due', '2024-03-05'), then_is('sub_06', 'active', '2024-03-20'),
       then_is('sub_06', 'past_due', '2024-06-01'), then_is('sub_06', 'unpaid', '2024-06-22'), then_is('sub_06', 'canceled', '2024-08-01 00:10');
UPDATE subscription_history SET ended_at = '2024-08-01', canceled_at = '2024-08-01', cancellation_details_reason = 'payment_failed' WHERE id = 'sub_06' AND _fivetran_active;
-- 07: Basic to Pro in mid January, to three of it on 10 March, to four, not billed yet, seen on 20 May.
SELECT subscribe('sub_07', 'pro', '2024-01-01', 4);
UPDATE subscription_item SET _fivetran_synced = '2024-05-20' WHERE id = 'si_07';
SELECT charge('sub_07', 'si_07', 'basic', 1, '2024-01-01', '2024-02-01', 1000),
       charge('sub_07', 'si_07', 'basic', 1, '2024-01-16', '2024-02-01', -516, true), charge('sub_07', 'si_07', 'pro', 1, '2024-01-16', '2024-02-01', 1548, true),
       charge('sub_07', 'si_07', 'pro', 1, '2024-02-01', '2024-03-01', 3000), charge('sub_07', 'si_07', 'pro', 1, '2024-03-01', '2024-04-01', 3000),
       charge('sub_07', 'si_07', 'pro', 1, '2024-03-10', '2024-04-01', -2129, true), charge('sub_07', 'si_07', 'pro', 3, '2024-03-10', '2024-04-01', 6387, true),
       charge('sub_07', 'si_07', 'pro', 3, '2024-04-01', '2024-05-01', 9000), charge('sub_07', 'si_07', 'pro', 3, '2024-05-01', '2024-06-01', 9000);
-- 08: two items; the second was added in February and taken away in mid March. A void invoice with a wrong quantity, a deleted one with another.
SELECT subscribe('sub_08', 'basic', '2024-01-01');
SELECT charge('sub_08', 'si_08', 'basic', 1, '2024-01-01', '2024-02-01', 1000), charge('sub_08', 'si_08', 'basic', 1, '2024-02-01', '2024-03-01', 1000), charge('sub_08', 'si_08', 'basic', 1, '2024-03-01', '2024-04-01', 1000),
       charge('sub_08', 'si_08b', 'pro', 1, '2024-02-01', '2024-03-01', 3000), charge('sub_08', 'si_08b', 'pro', 1, '2024-03-01', '2024-04-01', 3000), charge('sub_08', 'si_08b', 'pro', 1, '2024-03-16', '2024-04-01', -1548, true),
       charge('sub_08', 'si_08', 'basic', 7, '2024-02-10', '2024-03-01', 5000, true, 'in_void'), charge('sub_08', 'si_08', 'basic', 9, '2024-02-11', '2024-03-01', 6000, true, 'in_deleted');
INSERT INTO invoice (id, status, is_deleted) VALUES ('in_void', 'void', false), ('in_deleted', 'draft', true);
-- 09: a fifth off for ever. 10: 5 USD off once. 11: a quarter off for three months. 12: 6 USD off for ever for the customer, on two items. 13: both, 20 % and 50 %, and then the customer's, which does not count.
SELECT subscribe('sub_09', 'pro', '2024-01-01'), subscribe('sub_10', 'basic', '2024-01-01'), subscribe('sub_11', 'basic', '2024-01-01', 4), subscribe('sub_12', 'basic', '2024-01-01'), subscribe('sub_13', 'pro', '2024-01-01');
INSERT INTO subscription_item (id, subscription_id, plan_id, quantity, created) VALUES ('si_12b', 'sub_12', 'pro', 1, '2024-01-01');
INSERT INTO coupon VALUES ('fifth', NULL, NULL, 'forever', NULL, 'Fifth', 20, true), ('five', 500, 'usd', 'once', NULL, 'Five', NULL, true), ('quarter', NULL, NULL, 'repeating', 3, 'Quarter', 25, true),
    ('six', 600, 'usd', 'forever', NULL, 'Six', NULL, true), ('half', NULL, NULL, 'forever', NULL, 'Half', 50, true), ('euro', 600, 'eur', 'forever', NULL, 'Euro', NULL, true);
INSERT INTO discount (id, coupon_id, customer_id, subscription_id, invoice_id, start, "end") VALUES
    ('di_09', 'fifth', 'cus_09', 'sub_09', NULL, '2024-03-01', NULL), ('di_09', 'fifth', 'cus_09', 'sub_09', 'in_1', '2024-03-01', NULL), ('di_09e', 'euro', 'cus_09', 'sub_09', NULL, '2024-03-01', NULL),
    ('di_10', 'five', 'cus_10', 'sub_10', NULL, '2024-01-01', NULL),
    ('di_11', 'quarter', 'cus_11', 'sub_11', NULL, '2024-01-01', '2024-04-01'), ('di_12', 'six', 'cus_12', NULL, NULL, '2024-01-01', NULL),
    ('di_13', 'fifth', 'cus_13', 'sub_13', NULL, '2024-01-01', NULL), ('di_13b', 'half', 'cus_13', 'sub_13', NULL, '2024-01-01', '2024-07-01'), ('di_13c', 'half', 'cus_13', NULL, NULL, '2023-01-01', NULL);
-- 14 to 19: currencies, years, two weeks. 20: free.
SELECT subscribe('sub_14', 'yen', '2024-01-01', 2), subscribe('sub_15', 'dinar', '2024-01-01'), subscribe('sub_16', 'krona', '2024-01-01'), subscribe('sub_17', 'ariary', '2024-01-01'),
       subscribe('sub_18', 'year', '2024-01-01'), subscribe('sub_19', 'week', '2024-01-01', 3), subscribe('sub_20', 'free', '2024-01-01');
-- 18 is cancelled on 1 May and ends on 10 May, in a period until the new year.
SELECT then_is('sub_18', 'canceled', '2024-05-10 12:00');
UPDATE subscription_history SET ended_at = '2024-05-10', canceled_at = '2024-05-01', current_period_start = '2024-01-01', current_period_end = '2025-01-01', cancellation_details_reason = 'cancellation_requested' WHERE id = 'sub_18' AND _fivetran_active;
-- 21: a customer deleted on 10 September.
SELECT subscribe('sub_21', 'basic', '2024-01-01');
INSERT INTO customer (id, is_deleted, _fivetran_synced) VALUES ('cus_21', true, '2024-09-10'), ('cus_01', false, '2024-12-01');
-- 22: only metered. 23: metered and licensed. 24: fractions of pence. 25: packages of ten. 26: tiers, by what was billed. 27: billed in another currency than the price's own.
SELECT subscribe('sub_22', 'usage', '2024-01-01'), subscribe('sub_23', 'usage', '2024-01-01'), subscribe('sub_24', 'cents', '2024-01-01', 1000), subscribe('sub_25', 'pack', '2024-01-01', 21),
       subscribe('sub_26', 'tiers', '2024-01-01', 15), subscribe('sub_27', 'cents', '2024-01-01', 400);
INSERT INTO subscription_item (id, subscription_id, plan_id, quantity, created) VALUES ('si_23b', 'sub_23', 'pack', 10, '2024-01-01'), ('si_22b', 'sub_22', 'usage', NULL, '2024-01-01');
SELECT charge('sub_26', 'si_26', 'tiers', 10, '2024-01-01', '2024-02-01', 5000), charge('sub_26', 'si_26', 'tiers', 2, '2024-01-01', '2024-02-01', 800),
       charge('sub_26', 'si_26', 'tiers', 15, '2024-01-20', '2024-02-01', 2000, true), charge('sub_26', 'si_26', 'tiers', 10, '2024-02-01', '2024-03-01', 5000), charge('sub_26', 'si_26', 'tiers', 5, '2024-02-01', '2024-03-01', 2000),
       charge('sub_27', 'si_27', 'cents', 400, '2024-01-01', '2024-02-01', 20000);
UPDATE invoice_line_item SET currency = 'jpy' WHERE subscription_id = 'sub_27';
-- 28: cancelled on 10 June for the end of the period, and the connection was stopped then.
SELECT subscribe('sub_28', 'basic', '2024-01-01'), then_is('sub_28', 'active', '2024-06-10');
UPDATE subscription_history SET cancel_at_period_end = true, canceled_at = '2024-06-10', current_period_start = '2024-06-01', current_period_end = '2024-07-01' WHERE id = 'sub_28' AND _fivetran_active;
-- 29: comes back after three months with another subscription.
SELECT subscribe('sub_29', 'basic', '2024-01-01'), then_is('sub_29', 'canceled', '2024-03-01'), subscribe('sub_29b', 'basic', '2024-06-01');
UPDATE subscription_history SET ended_at = '2024-03-01', canceled_at = '2024-02-20' WHERE id = 'sub_29' AND _fivetran_active;
UPDATE subscription_history SET customer_id = 'cus_29' WHERE id = 'sub_29b';
-- 30: never paid its first invoice. 31: paid it the next day. 32: ended before the connection was made. 33: past due when first seen. 34: deleted at Stripe in July.
SELECT subscribe('sub_30', 'basic', '2024-01-01'), subscribe('sub_31', 'basic', '2024-01-01'), subscribe('sub_32', 'basic', '2023-11-01'), subscribe('sub_33', 'basic', '2024-01-01'), subscribe('sub_34', 'basic', '2024-01-01');
UPDATE subscription_history SET status = 'incomplete' WHERE id IN ('sub_30', 'sub_31');
SELECT then_is('sub_30', 'incomplete_expired', '2024-01-02'), then_is('sub_31', 'active', '2024-01-02');
UPDATE subscription_history SET ended_at = '2024-01-02' WHERE id = 'sub_30' AND _fivetran_active;
UPDATE subscription_history SET _fivetran_start = '2024-06-01', status = 'canceled', canceled_at = '2024-01-20', ended_at = '2024-02-01' WHERE id = 'sub_32';
UPDATE subscription_history SET _fivetran_start = '2024-06-01', status = 'past_due', current_period_start = '2024-05-05', current_period_end = '2024-06-05' WHERE id = 'sub_33';
UPDATE subscription_history SET _fivetran_active = false, _fivetran_end = '2024-07-15' WHERE id = 'sub_34';
-- 35: a month for nothing, by a second trial. 36: on trial when last seen.
SELECT subscribe('sub_35', 'basic', '2024-01-01');
UPDATE subscription_history SET status = 'trialing', trial_start = '2024-01-01', trial_end = '2024-01-08' WHERE id = 'sub_35';
SELECT then_is('sub_35', 'active', '2024-01-08 00:05'), then_is('sub_35', 'trialing', '2024-04-10');
UPDATE subscription_history SET trial_start = '2024-04-10', trial_end = '2024-05-10' WHERE id = 'sub_35' AND _fivetran_active;
SELECT then_is('sub_35', 'active', '2024-05-10 00:05');
SELECT subscribe('sub_36', 'basic', '2024-12-20');
UPDATE subscription_history SET status = 'trialing', trial_start = '2024-12-20', trial_end = '2025-01-03' WHERE id = 'sub_36';
-- 37: two items in one trial. 38: from one to three within the trial. 39: from Basic to Pro within the trial. 40: given up on the third day, and ended seven seconds after the trial.
SELECT subscribe('sub_37', 'basic', '2024-06-01'), subscribe('sub_38', 'basic', '2024-06-01', 3), subscribe('sub_39', 'pro', '2024-06-01'), subscribe('sub_40', 'basic', '2024-06-01');
INSERT INTO subscription_item (id, subscription_id, plan_id, quantity, created) VALUES ('si_37b', 'sub_37', 'pro', 1, '2024-06-01');
UPDATE subscription_history SET status = 'trialing', trial_start = '2024-06-01', trial_end = '2024-06-15' WHERE id IN ('sub_37', 'sub_38', 'sub_39', 'sub_40');
SELECT then_is('sub_37', 'active', '2024-06-15 01:00'), then_is('sub_38', 'active', '2024-06-15 01:00'), then_is('sub_39', 'active', '2024-06-15 01:00'), then_is('sub_40', 'canceled', '2024-06-15 01:00');
UPDATE subscription_history SET ended_at = '2024-06-15 00:00:07', canceled_at = '2024-06-03' WHERE id = 'sub_40' AND _fivetran_active;
SELECT charge('sub_38', 'si_38', 'basic', 1, '2024-06-01', '2024-06-15', 0), charge('sub_38', 'si_38', 'basic', 3, '2024-06-08', '2024-06-15', 0, true), charge('sub_38', 'si_38', 'basic', 3, '2024-06-15', '2024-07-15', 3000),
       charge('sub_39', 'si_39', 'basic', 1, '2024-06-01', '2024-06-15', 0), charge('sub_39', 'si_39', 'pro', 1, '2024-06-10', '2024-06-15', 0, true), charge('sub_39', 'si_39', 'pro', 1, '2024-06-15', '2024-07-15', 3000);
\o

-- The query's text without the framework's views: what is read of the trials, too.
CREATE FUNCTION rows_of(source name, recognition text DEFAULT 'ended', pauses text DEFAULT 'zero', past_due interval DEFAULT NULL, discounts text DEFAULT 'forever', time_zone text DEFAULT 'UTC')
    RETURNS TABLE (customer_id text, subscription_id text, product text, plan text, currency text, billing_interval interval, quantity numeric, started_at timestamptz, ended_at timestamptz, mrr numeric, status text,
                   trial_started_at timestamptz, trial_ended_at timestamptz, canceled_at timestamptz, cancel_reason text, on_trial boolean)
    LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE stripe_fivetran_query(source, format('(SELECT %L::text AS recognition, %L::text AS pauses, %L::interval AS past_due, %L::text AS discounts, %L::text AS time_zone, NULL::jsonb AS minor_units) AS option',
        recognition, pauses, past_due, discounts, time_zone));
END
$$;
CREATE VIEW got AS
    SELECT subscription_id, plan, upper(currency) AS currency, quantity, (started_at AT TIME ZONE 'UTC')::date AS since, (ended_at AT TIME ZONE 'UTC')::date AS until, round(mrr, 2) AS mrr, status, on_trial
    FROM rows_of('stripe_fivetran_src');
SELECT * FROM got ORDER BY subscription_id, since, plan;

-- The same, as it comes to by hand.
CREATE TABLE wanted (subscription_id text, plan text, currency text, quantity numeric, since date, until date, mrr numeric, status text, on_trial boolean);
INSERT INTO wanted VALUES
    ('sub_01', 'Basic', 'USD', 1, '2024-01-15', NULL, 10.00, 'active', false),          -- from its own start, not from when it was seen
    ('sub_02', 'Basic', 'USD', 1, '2024-02-01', '2024-02-10', 10.00, 'canceled', true), -- no paid stretch
    ('sub_03', 'Basic', 'USD', 1, '2024-02-01', '2024-02-15', 10.00, 'active', true), ('sub_03', 'Basic', 'USD', 1, '2024-02-15', NULL, 10.00, 'active', false),
    ('sub_04', 'Basic', 'USD', 1, '2024-02-01', '2024-02-15', 10.00, 'active', true), ('sub_04', 'Basic', 'USD', 1, '2024-02-15', '2024-04-01', 0, 'active', false), ('sub_04', 'Basic', 'USD', 1, '2024-04-01', NULL, 10.00, 'active', false),
    ('sub_05', 'Pro', 'USD', 1, '2024-01-01', '2024-03-01', 30.00, 'active', false), ('sub_05', 'Pro', 'USD', 1, '2024-03-01', '2024-05-01', 0, 'active', false), ('sub_05', 'Pro', 'USD', 1, '2024-05-01', NULL, 30.00, 'active', false),
    ('sub_06', 'Basic', 'USD', 1, '2024-01-01', '2024-06-22', 10.00, 'canceled', false),    -- past due counts, unpaid does not
    ('sub_07', 'Basic', 'USD', 1, '2024-01-01', '2024-01-16', 10.00, 'active', false), ('sub_07', 'Pro', 'USD', 1, '2024-01-16', '2024-03-10', 30.00, 'active', false),
    ('sub_07', 'Pro', 'USD', 3, '2024-03-10', '2024-05-20', 90.00, 'active', false), ('sub_07', 'Pro', 'USD', 4, '2024-05-20', NULL, 120.00, 'active', false),
    ('sub_08', 'Basic', 'USD', 1, '2024-01-01', NULL, 10.00, 'active', false), ('sub_08', 'Pro', 'USD', 1, '2024-02-01', '2024-03-16', 30.00, 'active', false),
    ('sub_09', 'Pro', 'USD', 1, '2024-01-01', '2024-03-01', 30.00, 'active', false), ('sub_09', 'Pro', 'USD', 1, '2024-03-01', NULL, 24.00, 'active', false),
    ('sub_10', 'Basic', 'USD', 1, '2024-01-01', NULL, 10.00, 'active', false), ('sub_11', 'Basic', 'USD', 4, '2024-01-01', NULL, 40.00, 'active', false),   -- limited discounts do not count
    ('sub_12', 'Basic', 'USD', 1, '2024-01-01', NULL, 8.50, 'active', false), ('sub_12', 'Pro', 'USD', 1, '2024-01-01', NULL, 25.50, 'active', false),     -- 6 off 40: 1.50 and 4.50
    ('sub_13', 'Pro', 'USD', 1, '2024-01-01', '2024-07-01', 12.00, 'active', false), ('sub_13', 'Pro', 'USD', 1, '2024-07-01', NULL, 24.00, 'active', false), -- 30 x 0.8 x 0.5, 30 x 0.8
    ('sub_14', 'Yen', 'JPY', 2, '2024-01-01', NULL, 6000, 'active', false), ('sub_15', 'Dinar', 'KWD', 1, '2024-01-01', NULL, 12.50, 'active', false),
    ('sub_16', 'Krona', 'ISK', 1, '2024-01-01', NULL, 990, 'active', false), ('sub_17', 'Ariary', 'MGA', 1, '2024-01-01', NULL, 45000, 'active', false),  -- 2970.00 a quarter; no minor unit
    ('sub_18', 'Year', 'EUR', 1, '2024-01-01', '2024-05-10', 10.00, 'canceled', false), ('sub_19', 'week', 'EUR', 3, '2024-01-01', NULL, 78.00, 'active', false),  -- 36 each two weeks x 52 / 12 / 2
    ('sub_20', 'Free', 'USD', 1, '2024-01-01', NULL, 0, 'active', false), ('sub_21', 'Basic', 'USD', 1, '2024-01-01', '2024-09-10', 10.00, 'canceled', false),
    ('sub_22', 'Usage', 'GBP', 1, '2024-01-01', NULL, 0, 'active', false), ('sub_23', 'Pack', 'GBP', 10, '2024-01-01', NULL, 5.00, 'active', false),
    ('sub_24', 'Cents', 'GBP', 1000, '2024-01-01', NULL, 2.50, 'active', false), ('sub_25', 'Pack', 'GBP', 21, '2024-01-01', NULL, 15.00, 'active', false), -- three packages
    ('sub_26', 'Tiers', 'GBP', 12, '2024-01-01', '2024-02-01', 58.00, 'active', false), ('sub_26', 'Tiers', 'GBP', 15, '2024-02-01', NULL, 70.00, 'active', false),
    ('sub_27', 'Cents', 'JPY', 400, '2024-01-01', NULL, 20000, 'active', false),
    ('sub_28', 'Basic', 'USD', 1, '2024-01-01', '2024-07-01', 10.00, 'canceled', false),
    ('sub_29', 'Basic', 'USD', 1, '2024-01-01', '2024-03-01', 10.00, 'canceled', false), ('sub_29b', 'Basic', 'USD', 1, '2024-06-01', NULL, 10.00, 'active', false),
    ('sub_31', 'Basic', 'USD', 1, '2024-01-01', NULL, 10.00, 'active', false), ('sub_32', 'Basic', 'USD', 1, '2023-11-01', '2024-02-01', 10.00, 'canceled', false),
    ('sub_33', 'Basic', 'USD', 1, '2024-01-01', NULL, 10.00, 'past_due', false), ('sub_34', 'Basic', 'USD', 1, '2024-01-01', '2024-07-15', 10.00, 'canceled', false),
    ('sub_35', 'Basic', 'USD', 1, '2024-01-01', '2024-01-08', 10.00, 'active', true), ('sub_35', 'Basic', 'USD', 1, '2024-01-08', '2024-04-10', 10.00, 'active', false),
    ('sub_35', 'Basic', 'USD', 1, '2024-04-10', '2024-05-10', 10.00, 'active', true), ('sub_35', 'Basic', 'USD', 1, '2024-05-10', NULL, 10.00, 'active', false),
    ('sub_36', 'Basic', 'USD', 1, '2024-12-20', '2025-01-03', 10.00, 'trialing', true),
    ('sub_37', 'Basic', 'USD', 1, '2024-06-01', '2024-06-15', 10.00, 'active', true), ('sub_37', 'Pro', 'USD', 1, '2024-06-01', '2024-06-15', 30.00, 'active', true),
    ('sub_37', 'Basic', 'USD', 1, '2024-06-15', NULL, 10.00, 'active', false), ('sub_37', 'Pro', 'USD', 1, '2024-06-15', NULL, 30.00, 'active', false),
    ('sub_38', 'Basic', 'USD', 1, '2024-06-01', '2024-06-08', 10.00, 'active', true), ('sub_38', 'Basic', 'USD', 3, '2024-06-08', '2024-06-15', 30.00, 'active', true), ('sub_38', 'Basic', 'USD', 3, '2024-06-15', NULL, 30.00, 'active', false),
    ('sub_39', 'Basic', 'USD', 1, '2024-06-01', '2024-06-10', 10.00, 'active', true), ('sub_39', 'Pro', 'USD', 1, '2024-06-10', '2024-06-15', 30.00, 'active', true), ('sub_39', 'Pro', 'USD', 1, '2024-06-15', NULL, 30.00, 'active', false),
    ('sub_40', 'Basic', 'USD', 1, '2024-06-01', '2024-06-15', 10.00, 'canceled', true), ('sub_40', 'Basic', 'USD', 1, '2024-06-15', '2024-06-15', 10.00, 'canceled', false);  -- seven seconds, which the views leave out
SELECT 'too much' AS difference, d.* FROM (TABLE got EXCEPT TABLE wanted) d UNION ALL SELECT 'missing', d.* FROM (TABLE wanted EXCEPT TABLE got) d ORDER BY 2, 6;
-- What follows a trial or a pause begins with its end, not when it was seen.
SELECT subscription_id, started_at, ended_at, mrr, on_trial, trial_started_at, trial_ended_at, canceled_at, cancel_reason
FROM rows_of('stripe_fivetran_src') WHERE subscription_id IN ('sub_02', 'sub_03', 'sub_04', 'sub_05') ORDER BY subscription_id, started_at;

-- MRR just before the first of each month, from the rows typed above.
-- Euros: 10 of 18, 120 / 12, until May; 78 of 19. Pounds: 22 to 26, 0 + 5 + 2.50 + 15 + 58, from February on with 70 for 58. Yen: 14 and 27, 2 x 3000 + 400 x 50. Dinars: 15, 12500 / 1000.
-- Kronur: 16, 2970 / 3. Ariary: 17. Dollars, by subscription:
--             01   03   04   05   06   07+08     09   10   11+12+13      21   28   29   31   32   33   34   35   37   38   39
-- 1 February  10             30   10   30+10     30   10   40+34+12      10   10   10   10   10   10   10   10                  = 296   (07: Pro since 16 January; 08: Pro from 1 February on)
-- 1 March     10   10    0   30   10   30+40     30   10   40+34+12      10   10   10   10    0   10   10   10                  = 326
-- 1 April     10   10    0    0   10   90+10     24   10   40+34+12      10   10    0   10    0   10   10   10                  = 310
-- 1 May       10   10   10    0   10   90+10     24   10   40+34+12      10   10    0   10    0   10   10    0                  = 310
-- 1 June      10   10   10   30   10  120+10     24   10   40+34+12      10   10    0   10    0   10   10   10                  = 380
-- 1 July      10   10   10   30    0  120+10     24   10   40+34+12      10   10   10   10    0   10   10   10   40   30   30   = 480   (28 ends with the 30th: its end belongs to July; 40 never paid)
-- 1 August    10   10   10   30    0  120+10     24   10   40+34+24      10    0   10   10    0   10    0   10   40   30   30   = 472
-- 1 September                                                                                                                   = 472
-- 1 October   10   10   10   30    0  120+10     24   10   40+34+24       0    0   10   10    0   10    0   10   40   30   30   = 462
CREATE TABLE wanted_mrr (at date, currency text, mrr numeric);
INSERT INTO wanted_mrr VALUES ('2024-02-01', 'USD', 296), ('2024-03-01', 'USD', 326), ('2024-04-01', 'USD', 310), ('2024-05-01', 'USD', 310), ('2024-06-01', 'USD', 380), ('2024-07-01', 'USD', 480),
    ('2024-08-01', 'USD', 472), ('2024-09-01', 'USD', 472), ('2024-10-01', 'USD', 462),
    ('2024-02-01', 'EUR', 88), ('2024-03-01', 'EUR', 88), ('2024-04-01', 'EUR', 88), ('2024-05-01', 'EUR', 88), ('2024-02-01', 'GBP', 80.5);
INSERT INTO wanted_mrr SELECT at, 'EUR', 78 FROM generate_series(date '2024-06-01', '2024-10-01', '1 month') AS at;
INSERT INTO wanted_mrr SELECT at, 'GBP', 92.5 FROM generate_series(date '2024-03-01', '2024-10-01', '1 month') AS at;
INSERT INTO wanted_mrr SELECT at, currency, mrr FROM generate_series(date '2024-02-01', '2024-10-01', '1 month') AS at, (VALUES ('JPY', 26000), ('KWD', 12.5), ('ISK', 990), ('MGA', 45000)) AS c (currency, mrr);

SELECT * FROM create_billing_views('stripe_fivetran', 'stripe_fivetran_src', 'stripe_fivetran_views') ORDER BY 1;
CREATE VIEW got_mrr AS SELECT period_end AS at, currency, trim_scale(closing_mrr) AS mrr FROM stripe_fivetran_views.mrr_movements WHERE period_end IN (SELECT at FROM wanted_mrr);
SELECT 'too much' AS difference, d.* FROM (TABLE got_mrr EXCEPT TABLE wanted_mrr) d UNION ALL SELECT 'missing', d.* FROM (TABLE wanted_mrr EXCEPT TABLE got_mrr) d ORDER BY 3, 2;
SELECT customer_id, subscription_id, product, plan, currency, billing_interval, quantity, started_at, mrr, trial_ended_at FROM stripe_fivetran_views.subscriptions
WHERE subscription_id IN ('sub_03', 'sub_19', 'sub_25') ORDER BY subscription_id;
-- One trial per subscription, at what it would pay when it ends. January: 35. February: 02 is given up, 03 pays, 04 is paused. May: 35 again. June: 37 with 10 + 30, 38 with 3 x 10, 39 with 30, 40 given up. January: 36 is not known to pay.
CREATE TABLE wanted_trials (month date, ended bigint, converted bigint, ended_mrr numeric, converted_mrr numeric);
INSERT INTO wanted_trials VALUES ('2024-01-01', 1, 1, 10, 10), ('2024-02-01', 3, 1, 30, 10), ('2024-05-01', 1, 1, 10, 10), ('2024-06-01', 4, 3, 110, 100), ('2025-01-01', 1, 0, 10, 0);
CREATE VIEW got_trials AS SELECT period_start, ended_trials, converted_trials, ended_mrr, converted_mrr FROM stripe_fivetran_views.trials WHERE ended_trials > 0;
SELECT 'too much' AS difference, d.* FROM (TABLE got_trials EXCEPT TABLE wanted_trials) d UNION ALL SELECT 'missing', d.* FROM (TABLE wanted_trials EXCEPT TABLE got_trials) d ORDER BY 2, 1;
SELECT count(*) AS paid_rows FROM stripe_fivetran_views.subscriptions WHERE subscription_id = 'sub_40';
SELECT customer_id, lifecycle_stage, mrr, first_start FROM stripe_fivetran_views.customers WHERE customer_id IN ('cus_37', 'cus_40') ORDER BY 1;

-- The options: only what differs from the defaults.
CREATE FUNCTION differs(VARIADIC arguments text[]) RETURNS TABLE (row_of text, subscription_id text, plan text, since timestamptz, until timestamptz, mrr numeric, on_trial boolean) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH o AS (SELECT subscription_id, plan, started_at, ended_at, round(mrr, 2) AS mrr, on_trial FROM rows_of('stripe_fivetran_src', %s)),
             d AS (SELECT subscription_id, plan, started_at, ended_at, round(mrr, 2) AS mrr, on_trial FROM rows_of('stripe_fivetran_src'))
        SELECT 'default', x.* FROM (TABLE d EXCEPT TABLE o) x UNION ALL SELECT 'option', x.* FROM (TABLE o EXCEPT TABLE d) x ORDER BY 2, 3, 1, 4$q$, array_to_string(arguments, ', '));
END
$$;
-- 18, cancelled on 1 May, ended on the 10th, in a period until the new year; 28, cancelled on 10 June, ended on 1 July; 29 on 20 February and 1 March; 32 on 20 January and 1 February.
SELECT * FROM differs($$recognition => 'canceled'$$);
SELECT * FROM differs($$recognition => 'period_end'$$);
SELECT * FROM differs($$pauses => 'keep'$$);
-- 06 is past due on 1 March, paid on the 20th, and past due again on 1 June; 33 since 5 May.
SELECT * FROM differs($$past_due => interval '14 days'$$);
SELECT * FROM differs($$past_due => interval '0'$$);
-- 10: 5 off the first month. 11: 10 off three months.
SELECT * FROM differs($$discounts => 'all'$$);
SELECT * FROM differs($$discounts => 'none'$$);
-- By the calendar of the zone: 14 days in which the clocks change.
UPDATE subscription_history SET _fivetran_start = '2024-03-25 12:00' WHERE id = 'sub_06' AND _fivetran_start = '2024-03-20';
UPDATE subscription_history SET _fivetran_start = '2024-03-20 12:00' WHERE id = 'sub_06' AND _fivetran_start IN ('2024-03-01');
UPDATE subscription_history SET _fivetran_start = '2024-03-20 13:00' WHERE id = 'sub_06' AND _fivetran_start IN ('2024-03-05');
UPDATE subscription_history SET _fivetran_start = '2024-04-10 12:00' WHERE id = 'sub_06' AND _fivetran_start = '2024-03-25 12:00';
SELECT started_at, ended_at FROM rows_of('stripe_fivetran_src', past_due => '14 days', time_zone => 'Europe/Berlin') WHERE subscription_id = 'sub_06' ORDER BY 1;
SELECT started_at, ended_at FROM rows_of('stripe_fivetran_src', past_due => '14 days') WHERE subscription_id = 'sub_06' ORDER BY 1;

-- The session's settings do not matter.
CREATE TABLE settings AS SELECT * FROM rows_of('stripe_fivetran_src');
SET TimeZone = 'America/New_York';
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SELECT count(*) FROM (TABLE settings EXCEPT SELECT * FROM rows_of('stripe_fivetran_src')) d;
SET TimeZone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';

-- Rows that cannot be are left out, and counted; views and other rows stay as they are. Moments beyond the years 1 to 9998 are infinitely far away.
CREATE FUNCTION read_all(target name) RETURNS TABLE (view_name name, readable boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH view_name IN ARRAY '{subscriptions,mrr_movements,churn,cohorts,customers,renewals,trials}'::name[] LOOP
        EXECUTE format('SELECT count(v::text) > 0 FROM %I.%I AS v', target, view_name) INTO readable;
        RETURN NEXT;
    END LOOP;
END
$$;
CREATE TABLE good AS TABLE stripe_fivetran_views.subscriptions;
INSERT INTO price (id, currency, nickname, recurring_interval, recurring_interval_count, recurring_usage_type, type, unit_amount, unit_amount_decimal, transform_quantity_divide_by)
SELECT 'bad_' || n, 'usd', name, every, count, 'licensed', 'recurring', unit, unit_decimal, divide_by
FROM (VALUES ('01', 'every 0 months', 'month', 0, 1000, NULL, NULL::integer), ('02', 'every -1 months', 'month', -1, 1000, NULL, NULL), ('03', 'every so many years', 'year', 2147483647, 1000, NULL, NULL),
             ('04', 'every so many weeks', 'week', 2147483647, 1000, NULL, NULL), ('05', 'every 12000 years', 'year', 12000, 1000, NULL, NULL), ('06', 'every fortnight', 'fortnight', 1, 1000, NULL, NULL),
             ('07', 'letters', 'month', 1, NULL, 'x', NULL), ('08', 'nothing', 'month', 1, NULL, '', NULL), ('09', 'no number', 'month', 1, NULL, 'NaN', NULL), ('10', 'infinity', 'month', 1, NULL, 'Infinity', NULL),
             ('11', 'exponent', 'month', 1, NULL, '1e400', NULL), ('12', 'many digits', 'month', 1, NULL, repeat('9', 30), NULL), ('13', 'negative', 'month', 1, -500, NULL, NULL),
             ('14', 'letters, but a price', 'month', 1, 1000, 'x', NULL), ('15', 'packages of nothing', 'month', 1, 1000, NULL, 0)) AS p (n, name, every, count, unit, unit_decimal, divide_by);
\o /dev/null
SELECT subscribe(id, id, '2024-01-01') FROM price WHERE id LIKE 'bad%';
-- 16: minus one. 17: minus one was billed. 18: tiers with nothing but a credit. 19: a line from when no moment can be. 20: two items, one without a price, with 6 USD off.
SELECT subscribe('bad_16', 'basic', '2024-01-01', -1), subscribe('bad_17', 'basic', '2024-01-01'), subscribe('bad_18', 'tiers', '2024-01-01'), subscribe('bad_19', 'basic', '2024-01-01', 2), subscribe('bad_20', 'basic', '2024-01-01');
SELECT charge('bad_17', 'bad_17', 'basic', -1, '2024-02-01', '2024-03-01', -1000), charge('bad_18', 'bad_18', 'tiers', 1, '2024-02-01', '2024-03-01', -5000),
       charge('bad_19', 'bad_19', 'basic', 1, '2024-01-01', '2024-02-01', 1000), charge('bad_19', 'bad_19', 'basic', 3, '294276-12-31', '294276-12-31', 3000), charge('bad_19', 'bad_19', 'tiers', 3, '4713-01-01 BC', '294276-12-31', 3000);
INSERT INTO subscription_item (id, subscription_id, plan_id, quantity, created) VALUES ('bad_20b', 'bad_20', 'bad_01', 1, '2024-01-01');
-- 21: begun long ago. 22: to begin. 23: a trial without an end. 24: an end without an end. 25: an end before all time. 26, 27: past due since ever, until ever.
SELECT subscribe('bad_21', 'basic', '4713-01-01 BC'), subscribe('bad_22', 'basic', '294276-12-31'), subscribe('bad_23', 'basic', '2024-01-01'), subscribe('bad_24', 'basic', '2024-01-01'), subscribe('bad_25', 'basic', '2024-01-01'),
       subscribe('bad_26', 'basic', '2024-01-01'), subscribe('bad_27', 'basic', '2024-01-01');
UPDATE subscription_history SET status = 'trialing', trial_start = '2024-01-01', trial_end = '294276-12-31' WHERE id = 'bad_23';
UPDATE subscription_history SET status = 'canceled', ended_at = '294276-12-31', canceled_at = '294276-12-31', current_period_end = '294276-12-31' WHERE id = 'bad_24';
UPDATE subscription_history SET status = 'canceled', ended_at = '4713-01-01 BC', canceled_at = '-infinity' WHERE id = 'bad_25';
UPDATE subscription_history SET status = 'past_due', current_period_start = '4713-01-01 BC', current_period_end = '4713-01-01 BC' WHERE id = 'bad_26';
UPDATE subscription_history SET status = 'past_due', current_period_start = '294276-12-31', current_period_end = '294276-12-31', _fivetran_start = '294276-12-31' WHERE id = 'bad_27';
-- 28 to 33: discounts that last too long, or less than not at all, or are none.
SELECT subscribe('bad_' || n, 'basic', '2024-01-01') FROM generate_series(28, 33) n;
INSERT INTO coupon VALUES ('long', NULL, NULL, 'repeating', 2147483647, NULL, 10, true), ('short', NULL, NULL, 'repeating', -2147483648, NULL, 10, true), ('none', NULL, NULL, 'forever', NULL, NULL, 'NaN', true), ('more', NULL, NULL, 'forever', NULL, NULL, -1e300, true),
    ('minus', -600, 'usd', 'forever', NULL, NULL, NULL, true);
INSERT INTO discount (id, coupon_id, customer_id, subscription_id, start, "end") VALUES ('di_20', 'six', 'bad_20', 'bad_20', '2024-01-01', NULL),
    ('di_28', 'long', 'bad_28', 'bad_28', '2024-01-01', NULL), ('di_29', 'short', 'bad_29', 'bad_29', '2024-01-01', NULL), ('di_30', 'none', 'bad_30', 'bad_30', '2024-01-01', NULL), ('di_31', 'more', 'bad_31', 'bad_31', '2024-01-01', NULL),
    ('di_31b', 'more', 'bad_31', 'bad_31', '2024-02-01', NULL), ('di_32', 'minus', 'bad_32', 'bad_32', '2024-01-01', NULL), ('di_33', 'fifth', 'bad_33', 'bad_33', '4713-01-01 BC', '294276-12-31'), ('di_33b', 'five', 'bad_33', 'bad_33', '294276-12-31', NULL);
\o
-- 01 to 13, 16, 17 while minus one was billed, 18, 20's second item, and 21
SELECT count(*) FROM create_billing_views('stripe_fivetran', 'stripe_fivetran_src', 'stripe_fivetran_views');
SELECT * FROM read_all('stripe_fivetran_views');
SELECT subscription_id, plan, quantity, started_at, ended_at, mrr, status, trial_ended_at, canceled_at FROM stripe_fivetran_views.subscriptions WHERE subscription_id LIKE 'bad%' ORDER BY subscription_id, started_at;
SELECT count(*) AS differences FROM ((TABLE good EXCEPT TABLE stripe_fivetran_views.subscriptions) UNION ALL (SELECT * FROM stripe_fivetran_views.subscriptions WHERE subscription_id LIKE 'sub%' EXCEPT TABLE good)) d;
SELECT count(*) FROM create_billing_views('stripe_fivetran', 'stripe_fivetran_src', 'stripe_fivetran_views', recognition => 'period_end', past_due => '10 days', discounts => 'all', time_zone => 'America/New_York');
SELECT bool_and(readable) FROM read_all('stripe_fivetran_views');
SELECT subscription_id, started_at, ended_at, mrr FROM stripe_fivetran_views.subscriptions WHERE subscription_id >= 'bad_26' AND subscription_id < 'bad_34' ORDER BY subscription_id, started_at;
SELECT count(*) FROM create_billing_views('stripe_fivetran', 'stripe_fivetran_src', 'stripe_fivetran_views', recognition => 'canceled', pauses => 'keep', discounts => 'none', trials => 'free', time_zone => 'Pacific/Kiritimati');
SELECT bool_and(readable) FROM read_all('stripe_fivetran_views');

-- No history: the table subscription, plan instead of price, no invoices, no discounts. Odd names.
CREATE SCHEMA "stripe_fivetran %s ""plain""";
SET search_path = "stripe_fivetran %s ""plain""", stripe_fivetran_src, public;
CREATE TABLE subscription (id text PRIMARY KEY, customer_id text, status text, created timestamptz, start_date timestamptz, start_date_1 timestamptz, ended_at timestamptz, canceled_at timestamptz, cancel_at timestamptz,
    cancel_at_period_end boolean, current_period_start timestamptz, current_period_end timestamptz, trial_start timestamptz, trial_end timestamptz, _fivetran_deleted boolean, _fivetran_synced timestamptz);
CREATE TABLE subscription_item (id text, subscription_id text, plan_id text, quantity bigint);
CREATE TABLE plan (id text, currency text, amount bigint, "interval" text, interval_count integer, usage_type text, product_id text);
INSERT INTO plan VALUES ('day', 'usd', 100, 'day', 1, 'licensed', 'prod_1'), ('half', 'usd', 6000, 'month', 6, 'licensed', 'prod_1');
INSERT INTO subscription (id, customer_id, status, created, start_date_1, ended_at, canceled_at, current_period_start, current_period_end, trial_start, trial_end) VALUES
    ('sub_1', 'cus_1', 'active', '2024-02-01', '2024-01-01', NULL, NULL, '2024-07-01', '2025-01-01', NULL, NULL),
    ('sub_2', 'cus_2', 'past_due', '2024-01-01', NULL, NULL, NULL, '2024-07-01', '2025-01-01', NULL, NULL),
    ('sub_3', 'cus_3', 'unpaid', '2024-01-01', NULL, NULL, NULL, '2024-07-01', '2025-01-01', NULL, NULL),
    ('sub_4', 'cus_4', 'paused', '2024-01-01', NULL, NULL, NULL, '2024-01-01', '2024-02-01', '2024-01-01', '2024-02-01'),
    ('sub_5', 'cus_5', 'canceled', '2024-01-01', NULL, '2024-03-01', '2024-02-20', '2024-01-01', '2024-07-01', '2024-01-01', '2024-01-15'),
    ('sub_6', 'cus_6', 'active', '2024-01-01', NULL, NULL, NULL, '2024-07-01', '2025-01-01', NULL, NULL);
UPDATE subscription SET _fivetran_deleted = true, _fivetran_synced = '2024-08-08' WHERE id = 'sub_6';
INSERT INTO subscription_item SELECT replace(id, 'sub', 'si'), id, 'half', 1 FROM subscription;
UPDATE subscription_item SET plan_id = 'day' WHERE id = 'si_1';
SELECT subscription_id, product, plan, billing_interval, started_at, ended_at, trim_scale(round(mrr, 6)) AS mrr, status, on_trial FROM rows_of('stripe_fivetran %s "plain"') ORDER BY 2, 1, 5;
SELECT subscription_id, started_at, ended_at, mrr, status FROM rows_of('stripe_fivetran %s "plain"', past_due => '30 days', recognition => 'period_end') WHERE subscription_id IN ('sub_2', 'sub_5') AND NOT on_trial ORDER BY 1;

-- A history of items goes before the invoices.
CREATE TABLE subscription_item_history (id text, subscription_id text, plan_id text, quantity integer, _fivetran_start timestamptz, _fivetran_end timestamptz, _fivetran_active boolean);
INSERT INTO subscription_item_history VALUES ('si_1', 'sub_1', 'half', 1, '2024-03-01', '2024-04-01', false), ('si_1', 'sub_1', 'half', 1, '2024-04-01', '2024-05-01', false), ('si_1', 'sub_1', 'half', 2, '2024-05-01', '9999-12-31', true),
    ('si_1b', 'sub_1', 'half', 1, '2024-04-01', '2024-06-01', false);
SELECT plan, quantity, started_at, ended_at, mrr FROM rows_of('stripe_fivetran %s "plain"') WHERE subscription_id = 'sub_1' ORDER BY 3, 2;

-- Nothing is made where something is missing.
ALTER TABLE subscription DROP COLUMN trial_end;
SELECT * FROM create_billing_views('stripe_fivetran', 'stripe_fivetran %s "plain"', 'stripe_fivetran_nothing');
DROP TABLE subscription;
SELECT * FROM create_billing_views('stripe_fivetran', 'stripe_fivetran %s "plain"', 'stripe_fivetran_nothing');
