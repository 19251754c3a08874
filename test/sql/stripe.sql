-- Subscription rows from the Supabase Stripe sync engine's tables.
\set VERBOSITY terse
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
SET client_min_messages = warning;
CREATE SCHEMA stripe_src;
CREATE SCHEMA test_stripe;
SET search_path = test_stripe, public;

-- The tables as the migrations of the sync engine make them, with the columns that are typical.
CREATE TYPE stripe_src.pricing_type AS ENUM ('one_time', 'recurring');
CREATE TYPE stripe_src.pricing_tiers AS ENUM ('graduated', 'volume');
CREATE TYPE stripe_src.subscription_status AS ENUM ('trialing', 'active', 'canceled', 'incomplete', 'incomplete_expired', 'past_due', 'unpaid', 'paused');
CREATE TYPE stripe_src.invoice_status AS ENUM ('draft', 'open', 'paid', 'uncollectible', 'void', 'deleted');
CREATE TABLE stripe_src.products (id text PRIMARY KEY, object text, active boolean, description text, metadata jsonb, name text, created integer, livemode boolean, unit_label text);
CREATE TABLE stripe_src.customers (id text PRIMARY KEY, object text, email text, name text, metadata jsonb, balance integer, created integer, currency text, delinquent boolean, discount jsonb,
    livemode boolean, deleted boolean DEFAULT false NOT NULL, updated_at timestamptz DEFAULT '2025-06-01' NOT NULL);
CREATE TABLE stripe_src.prices (id text PRIMARY KEY, object text, active boolean, currency text, metadata jsonb, nickname text, recurring jsonb, type stripe_src.pricing_type, unit_amount integer,
    billing_scheme text, created integer, livemode boolean, lookup_key text, tiers_mode stripe_src.pricing_tiers, transform_quantity jsonb, unit_amount_decimal text, product text);
CREATE TABLE stripe_src.plans (id text PRIMARY KEY, object text, active boolean, amount bigint, created integer, product text, currency text, "interval" text, livemode boolean, metadata jsonb,
    nickname text, tiers_mode text, usage_type text, billing_scheme text, interval_count bigint, aggregate_usage text, transform_usage text, trial_period_days bigint);
CREATE TABLE stripe_src.coupons (id text PRIMARY KEY, object text, name text, valid boolean, created integer, updated integer, currency text, duration text, livemode boolean, metadata jsonb,
    redeem_by integer, amount_off bigint, percent_off double precision, times_redeemed bigint, max_redemptions bigint, duration_in_months bigint, percent_off_precise double precision);
CREATE TABLE stripe_src.subscriptions (id text PRIMARY KEY, object text, cancel_at_period_end boolean, current_period_end integer, current_period_start integer, default_payment_method text,
    items jsonb, metadata jsonb, pending_setup_intent text, pending_update jsonb, status stripe_src.subscription_status, application_fee_percent double precision, billing_cycle_anchor integer,
    billing_thresholds jsonb, cancel_at integer, canceled_at integer, collection_method text, created integer, days_until_due integer, default_source text, default_tax_rates jsonb,
    discount jsonb, ended_at integer, livemode boolean, next_pending_invoice_item_invoice integer, pause_collection jsonb, pending_invoice_item_interval jsonb, start_date integer,
    transfer_data jsonb, trial_end jsonb, trial_start jsonb, schedule text, customer text, latest_invoice text, plan text);
CREATE TABLE stripe_src.subscription_items (id text PRIMARY KEY, object text, billing_thresholds jsonb, created integer, deleted boolean, metadata jsonb, quantity integer, price text,
    subscription text, tax_rates jsonb, current_period_end integer, current_period_start integer);
CREATE TABLE stripe_src.invoices (id text PRIMARY KEY, object text, currency text, lines jsonb, metadata jsonb, period_end integer, period_start integer, status stripe_src.invoice_status,
    total bigint, amount_due bigint, amount_paid bigint, billing_reason text, created integer, paid boolean, status_transitions jsonb, subtotal integer, tax integer, customer text,
    subscription text, charge text);

-- Moments as Stripe has them, invoice lines of the API before 2025 and since, and rows.
CREATE FUNCTION at(moment timestamptz) RETURNS integer LANGUAGE sql IMMUTABLE RETURN extract(epoch FROM moment)::integer;
CREATE FUNCTION line(item text, price text, quantity integer, amount bigint, starts timestamptz, ends timestamptz, proration boolean DEFAULT false) RETURNS jsonb LANGUAGE sql IMMUTABLE
    RETURN jsonb_build_object('id', 'il_1', 'object', 'line_item', 'amount', amount, 'currency', 'eur', 'discountable', NOT proration, 'period', jsonb_build_object('start', at(starts), 'end', at(ends)),
        'plan', jsonb_build_object('id', price), 'price', jsonb_build_object('id', price, 'object', 'price'), 'proration', proration, 'proration_details', '{"credited_items": null}'::jsonb,
        'quantity', quantity, 'subscription', 'sub_' || substr(item, 4, 2), 'subscription_item', item, 'type', CASE WHEN proration THEN 'invoiceitem' ELSE 'subscription' END);
CREATE FUNCTION basil(item text, price text, quantity integer, amount bigint, starts timestamptz, ends timestamptz, proration boolean DEFAULT false) RETURNS jsonb LANGUAGE sql IMMUTABLE
    RETURN jsonb_build_object('id', 'il_1', 'object', 'line_item', 'amount', amount, 'currency', 'eur', 'period', jsonb_build_object('start', at(starts), 'end', at(ends)), 'quantity', quantity,
        'pricing', jsonb_build_object('type', 'price_details', 'price_details', jsonb_build_object('price', price, 'product', 'prod_a')),
        'parent', jsonb_build_object('type', 'subscription_item_details', 'invoice_item_details', NULL, 'subscription_item_details',
            jsonb_build_object('proration', proration, 'subscription', 'sub_' || substr(item, 4, 2), 'subscription_item', item, 'proration_details', '{"credited_items": null}'::jsonb)));
CREATE FUNCTION subscribe(id text, status text, start timestamptz, canceled_at timestamptz DEFAULT NULL, ended_at timestamptz DEFAULT NULL, cancel_at timestamptz DEFAULT NULL,
    at_period_end boolean DEFAULT false, period_start timestamptz DEFAULT NULL, period_end timestamptz DEFAULT NULL, trial_start timestamptz DEFAULT NULL, trial_end timestamptz DEFAULT NULL,
    discount jsonb DEFAULT 'null', pause jsonb DEFAULT NULL, customer text DEFAULT NULL, items jsonb DEFAULT NULL, created timestamptz DEFAULT NULL) RETURNS void LANGUAGE sql
    BEGIN ATOMIC
        INSERT INTO stripe_src.subscriptions (id, object, status, start_date, created, canceled_at, ended_at, cancel_at, cancel_at_period_end, current_period_start, current_period_end, trial_start, trial_end,
                                              discount, pause_collection, customer, items)
        VALUES ('sub_' || id, 'subscription', status::stripe_src.subscription_status, at(start), at(coalesce(created, start)), at(canceled_at), at(ended_at), at(cancel_at), at_period_end, at(period_start),
                at(period_end), coalesce(to_jsonb(at(trial_start)), 'null'), coalesce(to_jsonb(at(trial_end)), 'null'), discount, pause, coalesce(customer, 'cus_' || id), items);
        INSERT INTO stripe_src.customers (id, email) VALUES (coalesce(customer, 'cus_' || id), 'somebody@example.com') ON CONFLICT DO NOTHING;
    END;
CREATE FUNCTION item(id text, price text, quantity integer DEFAULT 1, created timestamptz DEFAULT NULL, deleted boolean DEFAULT false) RETURNS void LANGUAGE sql
    BEGIN ATOMIC
        INSERT INTO stripe_src.subscription_items (id, object, price, quantity, created, deleted, subscription)
        VALUES ('si_' || id, 'subscription_item', price, quantity, coalesce(at(created), (SELECT s.created + 1 FROM stripe_src.subscriptions s WHERE s.id = 'sub_' || substr(item.id, 1, 2))), deleted,
                'sub_' || substr(id, 1, 2));
    END;
CREATE FUNCTION invoice(id text, status text, created timestamptz, VARIADIC lines jsonb[]) RETURNS void LANGUAGE sql
    BEGIN ATOMIC
        INSERT INTO stripe_src.invoices (id, object, status, created, customer, subscription, lines)
        SELECT 'in_' || invoice.id, 'invoice', invoice.status::stripe_src.invoice_status, at(invoice.created), s.customer, s.id, jsonb_build_object('object', 'list', 'has_more', false, 'data', to_jsonb(lines))
        FROM stripe_src.subscriptions s WHERE s.id = 'sub_' || substr(invoice.id, 1, 2);
    END;

INSERT INTO stripe_src.products (id, name) VALUES ('prod_a', 'App'), ('prod_b', 'Support');
INSERT INTO stripe_src.prices (id, currency, nickname, recurring, type, unit_amount, unit_amount_decimal, billing_scheme, tiers_mode, transform_quantity, product) VALUES
    ('basic',    'eur', 'Basic', '{"interval": "month", "usage_type": "licensed", "interval_count": 1}', 'recurring', 1000, '1000', 'per_unit', NULL, NULL, 'prod_a'),
    ('pro',      'eur', 'Pro',   '{"interval": "month", "usage_type": "licensed", "interval_count": 1}', 'recurring', 3000, '3000', 'per_unit', NULL, NULL, 'prod_a'),
    ('support',  'eur', NULL,    '{"interval": "month", "usage_type": "licensed", "interval_count": 1}', 'recurring', 500, '500', 'per_unit', NULL, NULL, 'prod_b'),
    ('free',     'eur', NULL,    '{"interval": "month", "usage_type": "licensed", "interval_count": 1}', 'recurring', 0, '0', 'per_unit', NULL, NULL, 'prod_a'),
    ('yearly',   'eur', NULL,    '{"interval": "year", "usage_type": "licensed", "interval_count": 1}', 'recurring', 12000, '12000', 'per_unit', NULL, NULL, 'prod_a'),
    ('yearpro',  'eur', NULL,    '{"interval": "year", "usage_type": "licensed", "interval_count": 1}', 'recurring', 24000, '24000', 'per_unit', NULL, NULL, 'prod_a'),
    ('weekly',   'usd', NULL,    '{"interval": "week", "usage_type": "licensed", "interval_count": 2}', 'recurring', 600, '600', 'per_unit', NULL, NULL, 'prod_a'),
    ('yen',      'jpy', NULL,    '{"interval": "month", "usage_type": "licensed", "interval_count": 1}', 'recurring', 1500, '1500', 'per_unit', NULL, NULL, 'prod_a'),
    ('dinar',    'kwd', NULL,    '{"interval": "month", "usage_type": "licensed", "interval_count": 1}', 'recurring', 5120, '5120', 'per_unit', NULL, NULL, 'prod_a'),
    ('krona',    'isk', NULL,    '{"interval": "month", "usage_type": "licensed", "interval_count": 1}', 'recurring', 150000, '150000', 'per_unit', NULL, NULL, 'prod_a'),
    ('ariary',   'mga', NULL,    '{"interval": "month", "usage_type": "licensed", "interval_count": 1}', 'recurring', 40000, '40000', 'per_unit', NULL, NULL, 'prod_a'),
    ('fraction', 'usd', NULL,    '{"interval": "month", "usage_type": "licensed", "interval_count": 1}', 'recurring', NULL, '12.5', 'per_unit', NULL, NULL, 'prod_x'),
    ('pack',     'eur', NULL,    '{"interval": "month", "usage_type": "licensed", "interval_count": 1}', 'recurring', 800, '800', 'per_unit', NULL, '{"round": "up", "divide_by": 10}', 'prod_a'),
    ('tiers',    'eur', NULL,    '{"interval": "month", "usage_type": "licensed", "interval_count": 1}', 'recurring', NULL, NULL, 'tiered', 'volume', NULL, 'prod_a'),
    ('usage',    'eur', NULL,    '{"interval": "month", "usage_type": "metered", "interval_count": 1}', 'recurring', 5, '5', 'per_unit', NULL, NULL, 'prod_a'),
    ('setup',    'eur', NULL,    NULL, 'one_time', 9900, '9900', 'per_unit', NULL, NULL, 'prod_a');
INSERT INTO stripe_src.plans (id, amount, currency, interval, interval_count, usage_type, billing_scheme, product) VALUES
    ('quarter', 6000, 'eur', 'month', 3, 'licensed', 'per_unit', 'prod_a'), ('basic', 77700, 'eur', 'month', 1, 'licensed', 'per_unit', 'prod_a');
INSERT INTO stripe_src.coupons (id, duration, percent_off, amount_off, currency) VALUES ('TEN', 'forever', 10, NULL, NULL);

\o /dev/null
-- 01: three months at one price; the first invoice has a fee too, and one line is there twice
SELECT subscribe('01', 'active', '2024-01-15', period_start => '2024-03-15', period_end => '2024-04-15'), item('01', 'basic');
SELECT invoice('01c', 'paid', '2024-03-15', line('si_01', 'basic', 1, 1000, '2024-03-15', '2024-04-15')),
       invoice('01a', 'paid', '2024-01-15', line('si_01', 'basic', 1, 1000, '2024-01-15', '2024-02-15'), line(NULL, 'setup', 1, 9900, '2024-01-15', '2024-01-15')),
       invoice('01b', 'paid', '2024-02-15', line('si_01', 'basic', 1, 1000, '2024-02-15', '2024-03-15'), line('si_01', 'basic', 1, 1000, '2024-02-15', '2024-03-15'));
-- 02: a trial that converted; cancelled on 1 June, ended with its period
SELECT subscribe('02', 'canceled', '2024-01-01', canceled_at => '2024-06-01', ended_at => '2024-06-15', at_period_end => true, period_start => '2024-05-15', period_end => '2024-06-15',
                 trial_start => '2024-01-01', trial_end => '2024-01-15'), item('02', 'pro');
SELECT invoice('02a', 'paid', '2024-01-01', line('si_02', 'pro', 1, 0, '2024-01-01', '2024-01-15')), invoice('02b', 'paid', '2024-01-15', line('si_02', 'pro', 1, 3000, '2024-01-15', '2024-02-15')),
       invoice('02c', 'paid', '2024-05-15', line('si_02', 'pro', 1, 3000, '2024-05-15', '2024-06-15'));
-- 03: a trial given up
SELECT subscribe('03', 'canceled', '2024-02-01', canceled_at => '2024-02-08', ended_at => '2024-02-08', period_start => '2024-02-01', period_end => '2024-02-15',
                 trial_start => '2024-02-01', trial_end => '2024-02-15'), item('03', 'pro');
SELECT invoice('03a', 'paid', '2024-02-01', line('si_03', 'pro', 1, 0, '2024-02-01', '2024-02-15'));
-- 04: Basic to Pro on 16 March, on the invoice of April; lines of the later API
SELECT subscribe('04', 'active', '2024-03-01', period_start => '2024-05-01', period_end => '2024-06-01'), item('04', 'pro');
SELECT invoice('04a', 'paid', '2024-03-01', basil('si_04', 'basic', 1, 1000, '2024-03-01', '2024-04-01')),
       invoice('04b', 'paid', '2024-04-01', basil('si_04', 'pro', 1, 3000, '2024-04-01', '2024-05-01'), basil('si_04', 'basic', 1, -516, '2024-03-16', '2024-04-01', true),
               basil('si_04', 'pro', 1, 1548, '2024-03-16', '2024-04-01', true)),
       invoice('04c', 'open', '2024-05-01', basil('si_04', 'pro', 1, 3000, '2024-05-01', '2024-06-01'));
-- 05: 2 seats, 5 from 11 January, 3 from 21 January, all on the invoice of February, where 3 go on; void, draft and deleted invoices say nothing
SELECT subscribe('05', 'active', '2024-01-01', period_start => '2024-02-01', period_end => '2024-03-01'), item('05', 'basic', 3);
SELECT invoice('05z', 'draft', '2024-02-20', line('si_05', 'basic', 77, 77000, '2024-02-20', '2024-03-01')), invoice('05y', 'deleted', '2024-02-20', line('si_05', 'basic', 66, 66000, '2024-02-10', '2024-03-01')),
       invoice('05b', 'paid', '2024-02-01', line('si_05', 'basic', 3, 1065, '2024-01-21', '2024-02-01', true), line('si_05', 'basic', 5, -1774, '2024-01-21', '2024-02-01', true),
               line('si_05', 'basic', 5, 3387, '2024-01-11', '2024-02-01', true), line('si_05', 'basic', 2, -1355, '2024-01-11', '2024-02-01', true), line('si_05', 'basic', 3, 3000, '2024-02-01', '2024-03-01')),
       invoice('05x', 'void', '2024-01-15', line('si_05', 'basic', 99, 99000, '2024-01-15', '2024-02-01')), invoice('05a', 'paid', '2024-01-01', line('si_05', 'basic', 2, 2000, '2024-01-01', '2024-02-01'));
-- 06: was past due in February, paid later
SELECT subscribe('06', 'active', '2024-01-01', period_start => '2024-03-01', period_end => '2024-04-01'), item('06', 'basic');
SELECT invoice('06a', 'paid', '2024-01-01', line('si_06', 'basic', 1, 1000, '2024-01-01', '2024-02-01')), invoice('06b', 'paid', '2024-02-01', line('si_06', 'basic', 1, 1000, '2024-02-01', '2024-03-01')),
       invoice('06c', 'paid', '2024-03-01', line('si_06', 'basic', 1, 1000, '2024-03-01', '2024-04-01'));
-- 07: past due since 1 May (one of February was written off, but paid since)
SELECT subscribe('07', 'past_due', '2024-01-01', period_start => '2024-06-01', period_end => '2024-07-01'), item('07', 'basic');
SELECT invoice('07a', 'paid', '2024-01-01', line('si_07', 'basic', 1, 1000, '2024-01-01', '2024-02-01')), invoice('07b', 'uncollectible', '2024-02-01', line('si_07', 'basic', 1, 1000, '2024-02-01', '2024-03-01')),
       invoice('07c', 'paid', '2024-04-01', line('si_07', 'basic', 1, 1000, '2024-04-01', '2024-05-01')), invoice('07d', 'open', '2024-05-01', line('si_07', 'basic', 1, 1000, '2024-05-01', '2024-06-01')),
       invoice('07e', 'open', '2024-06-01', line('si_07', 'basic', 1, 1000, '2024-06-01', '2024-07-01'));
-- 08: unpaid since 1 April; 09: the same without an invoice
SELECT subscribe('08', 'unpaid', '2024-02-01', period_start => '2024-06-01', period_end => '2024-07-01'), item('08', 'pro');
SELECT invoice('08a', 'paid', '2024-02-01', line('si_08', 'pro', 1, 3000, '2024-02-01', '2024-03-01')), invoice('08b', 'paid', '2024-03-01', line('si_08', 'pro', 1, 3000, '2024-03-01', '2024-04-01')),
       invoice('08c', 'open', '2024-04-01', line('si_08', 'pro', 1, 3000, '2024-04-01', '2024-05-01')), invoice('08d', 'draft', '2024-05-01', line('si_08', 'pro', 1, 3000, '2024-05-01', '2024-06-01'));
SELECT subscribe('09', 'unpaid', '2024-02-01', period_start => '2024-05-01', period_end => '2024-06-01'), item('09', 'pro');
-- 10: a trial without a payment method, paused at its end
SELECT subscribe('10', 'paused', '2024-03-01', period_start => '2024-03-01', period_end => '2024-03-15', trial_start => '2024-03-01', trial_end => '2024-03-15'), item('10', 'basic');
SELECT invoice('10a', 'paid', '2024-03-01', line('si_10', 'basic', 1, 0, '2024-03-01', '2024-03-15'));
-- 11: collection paused after April was paid; 12: without an invoice; 13: resumes at a time that is set
SELECT subscribe('11', 'active', '2024-03-01', period_start => '2024-07-01', period_end => '2024-08-01', pause => '{"behavior": "void", "resumes_at": null}'), item('11', 'pro');
SELECT invoice('11a', 'paid', '2024-03-01', line('si_11', 'pro', 1, 3000, '2024-03-01', '2024-04-01')), invoice('11b', 'paid', '2024-04-01', line('si_11', 'pro', 1, 3000, '2024-04-01', '2024-05-01')),
       invoice('11c', 'void', '2024-05-01', line('si_11', 'pro', 1, 3000, '2024-05-01', '2024-06-01'));
SELECT subscribe('12', 'active', '2024-03-01', period_start => '2024-06-01', period_end => '2024-07-01', pause => '{"behavior": "keep_as_draft"}'), item('12', 'pro');
SELECT subscribe('13', 'active', '2024-03-01', period_start => '2024-06-01', period_end => '2024-07-01', pause => jsonb_build_object('behavior', 'void', 'resumes_at', at('2024-09-01'))), item('13', 'pro');
-- 14: cancelled within a period, without notice; lines beyond the end
SELECT subscribe('14', 'canceled', '2024-03-01', canceled_at => '2024-05-10', ended_at => '2024-05-10', period_start => '2024-05-01', period_end => '2024-06-01'), item('14', 'pro');
SELECT invoice('14a', 'paid', '2024-03-01', line('si_14', 'pro', 1, 3000, '2024-03-01', '2024-04-01')), invoice('14b', 'paid', '2024-05-01', line('si_14', 'pro', 1, 3000, '2024-05-01', '2024-06-01')),
       invoice('14c', 'open', '2024-06-01', line('si_14', 'pro', 9, 27000, '2024-06-01', '2024-07-01'));
-- 15: ends with its period, not yet marked as ended; 16: ends at a moment that is set; 17: canceled without ended_at
SELECT subscribe('15', 'active', '2024-03-01', canceled_at => '2024-12-10', at_period_end => true, period_start => '2024-12-01', period_end => '2025-01-01'), item('15', 'basic');
SELECT subscribe('16', 'active', '2024-03-01', canceled_at => '2024-11-20', cancel_at => '2024-12-15', period_start => '2024-12-01', period_end => '2025-01-01'), item('16', 'basic');
SELECT subscribe('17', 'canceled', '2024-03-01', canceled_at => '2024-08-01'), item('17', 'basic');
-- 18, 19: never began
SELECT subscribe('18', 'incomplete', '2024-03-01', customer => 'cus_18'), item('18', 'basic');
SELECT subscribe('19', 'incomplete_expired', '2024-03-01', ended_at => '2024-03-02', customer => 'cus_18'), item('19', 'basic');
-- 20: a fifth off for good; 21: from 1 April on; 22: half off for three months; 23: the first month free; 24: a coupon by its id
SELECT subscribe('20', 'active', '2024-01-01', discount => jsonb_build_object('coupon', '{"percent_off": 20, "amount_off": null, "duration": "forever"}'::jsonb, 'start', at('2024-01-01 00:00:01'), 'end', NULL)), item('20', 'yen', 2);
SELECT subscribe('21', 'active', '2024-01-01', discount => jsonb_build_object('coupon', '{"percent_off": 12.5, "duration": "forever"}'::jsonb, 'start', at('2024-04-01'), 'end', NULL)), item('21', 'basic');
SELECT subscribe('22', 'active', '2024-01-01', discount => jsonb_build_object('coupon', '{"percent_off": 50, "duration": "repeating", "duration_in_months": 3}'::jsonb, 'start', at('2024-01-01'), 'end', at('2024-04-01'))), item('22', 'pro');
SELECT subscribe('23', 'active', '2024-01-31', discount => jsonb_build_object('coupon', '{"percent_off": 100, "duration": "once"}'::jsonb, 'start', at('2024-01-31'), 'end', NULL)), item('23', 'pro');
SELECT subscribe('24', 'active', '2024-01-01', discount => jsonb_build_object('source', '{"type": "coupon", "coupon": "TEN"}'::jsonb, 'start', at('2024-01-01'), 'end', NULL)), item('24', 'pro');
-- 25: 15 off the items Basic and Pro; a second Pro from March on. 26: 5 off a year of 120. 27: an amount in another currency. 28: the customer's quarter
SELECT subscribe('25', 'active', '2024-01-01', discount => jsonb_build_object('coupon', '{"amount_off": 1500, "currency": "eur", "duration": "forever"}'::jsonb, 'start', at('2024-01-01'), 'end', NULL)),
       item('25b', 'pro', 2), item('25a', 'basic');
SELECT invoice('25a', 'paid', '2024-01-01', line('si_25a', 'basic', 1, 1000, '2024-01-01', '2024-02-01'), line('si_25b', 'pro', 1, 3000, '2024-01-01', '2024-02-01')),
       invoice('25c', 'paid', '2024-03-01', line('si_25a', 'basic', 1, 1000, '2024-03-01', '2024-04-01'), line('si_25b', 'pro', 2, 6000, '2024-03-01', '2024-04-01'));
SELECT subscribe('26', 'active', '2024-01-01', discount => jsonb_build_object('coupon', '{"amount_off": 6000, "currency": "eur", "duration": "repeating"}'::jsonb, 'start', at('2024-01-01'), 'end', at('2025-01-01'))), item('26', 'yearly');
SELECT subscribe('27', 'active', '2024-01-01', discount => jsonb_build_object('coupon', '{"amount_off": 500, "currency": "usd", "duration": "forever"}'::jsonb, 'start', at('2024-01-01'))), item('27', 'basic');
SELECT subscribe('28', 'active', '2024-01-01', trial_start => '2024-01-01', trial_end => '2024-02-01'), item('28', 'pro');
UPDATE stripe_src.customers SET discount = jsonb_build_object('coupon', '{"percent_off": 25, "duration": "forever"}'::jsonb, 'start', at('2023-01-01')) WHERE id = 'cus_28';
-- 29: the customer was deleted on 10 September, the subscription left running; 30: ended before
SELECT subscribe('29', 'active', '2024-03-01', period_start => '2024-09-01', period_end => '2024-10-01'), item('29', 'basic');
SELECT subscribe('30', 'canceled', '2024-03-01', ended_at => '2024-05-01', canceled_at => '2024-05-01', customer => 'cus_29'), item('30', 'support');
UPDATE stripe_src.customers SET deleted = true, updated_at = '2024-09-10' WHERE id = 'cus_29';
-- 31 to 37: a year, two weeks, currencies, fractions of a cent, packages of ten, a plan that is no price
SELECT subscribe('31', 'active', '2024-01-01'), item('31', 'yearly', 3), subscribe('32', 'active', '2024-01-01'), item('32', 'weekly'), subscribe('33', 'active', '2024-01-01'), item('33', 'dinar', 2),
       subscribe('34', 'active', '2024-01-01'), item('34', 'krona'), subscribe('35', 'active', '2024-01-01'), item('35', 'fraction', 200), subscribe('36', 'active', '2024-01-01'), item('36', 'pack', 21),
       subscribe('37', 'active', '2024-01-01'), item('37', 'quarter'), subscribe('38', 'active', '2024-01-01'), item('38', 'ariary');
-- 39: metered only; 40: metered beside Basic; 41: free; 42: no seat
SELECT subscribe('39', 'active', '2024-01-01'), item('39a', 'usage', NULL), item('39b', 'usage', NULL);
SELECT invoice('39a', 'paid', '2024-02-01', line('si_39a', 'usage', 5000, 25000, '2024-01-01', '2024-02-01')), invoice('39b', 'paid', '2024-03-01', line('si_39a', 'usage', 6000, 30000, '2024-02-01', '2024-03-01'));
SELECT subscribe('40', 'active', '2024-01-01'), item('40a', 'usage', NULL), item('40b', 'basic');
SELECT invoice('40a', 'paid', '2024-02-01', line('si_40a', 'usage', 5000, 25000, '2024-01-01', '2024-02-01'), line('si_40b', 'basic', 1, 1000, '2024-02-01', '2024-03-01'));
SELECT subscribe('41', 'active', '2024-01-01'), item('41', 'free'), subscribe('42', 'active', '2024-01-01'), item('42', 'basic', 0);
-- 43: gone in March, back in June
SELECT subscribe('43', 'canceled', '2024-01-01', canceled_at => '2024-02-20', ended_at => '2024-03-01', period_start => '2024-02-01', period_end => '2024-03-01'), item('43', 'basic'),
       subscribe('44', 'active', '2024-06-01', customer => 'cus_43'), item('44', 'pro');
-- 45: items in the subscription only, in a list and in an array
SELECT subscribe('45', 'active', '2024-01-01', items => '{"object": "list", "data": [{"id": "si_45", "price": {"id": "basic"}, "quantity": 2}, {"id": "si_45b", "plan": {"id": "quarter"}, "quantity": 1}]}'),
       subscribe('46', 'active', '2024-01-01', items => '[{"id": "si_46", "price": {"id": "pro"}, "quantity": 1}]'), subscribe('47', 'active', '2024-01-01', items => 'null');
-- 48: tiers, from the invoices' amounts (the trial's is none); 49: tiers without an invoice, 50: an unknown price: left out
SELECT subscribe('48', 'active', '2024-01-01', trial_start => '2024-01-01', trial_end => '2024-02-01'), item('48', 'tiers', 20);
SELECT invoice('48a', 'paid', '2024-01-01', line('si_48', 'tiers', 10, 0, '2024-01-01', '2024-02-01')), invoice('48b', 'paid', '2024-02-01', line('si_48', 'tiers', 10, 4500, '2024-02-01', '2024-03-01')),
       invoice('48c', 'paid', '2024-03-01', line('si_48', 'tiers', 20, 8000, '2024-03-01', '2024-04-01'), line('si_48', 'tiers', 10, -2250, '2024-02-15', '2024-03-01', true),
               line('si_48', 'tiers', 20, 4000, '2024-02-15', '2024-03-01', true));
SELECT subscribe('49', 'active', '2024-01-01'), item('49', 'tiers'), subscribe('50', 'active', '2024-01-01'), item('50', 'nowhere');
-- 51: support removed on 10 April, as a credit says, and seats added; 52: removed, without a credit; 53: removed and never billed; 54: removed and not in the table any more
SELECT subscribe('51', 'active', '2024-03-01', period_start => '2024-05-01', period_end => '2024-06-01'), item('51a', 'basic'), item('51b', 'support', deleted => true);
SELECT invoice('51a', 'paid', '2024-03-01', line('si_51a', 'basic', 1, 1000, '2024-03-01', '2024-04-01'), line('si_51b', 'support', 1, 500, '2024-03-01', '2024-04-01')),
       invoice('51b', 'paid', '2024-04-01', line('si_51a', 'basic', 1, 1000, '2024-04-01', '2024-05-01'), line('si_51b', 'support', 1, 500, '2024-04-01', '2024-05-01')),
       invoice('51c', 'paid', '2024-05-01', line('si_51a', 'basic', 1, 1000, '2024-05-01', '2024-06-01'), line('si_51b', 'support', 1, -350, '2024-04-10', '2024-05-01', true));
SELECT subscribe('52', 'active', '2024-03-01', period_start => '2024-05-01', period_end => '2024-06-01'), item('52a', 'basic'), item('52b', 'support', deleted => true);
SELECT invoice('52a', 'paid', '2024-03-01', line('si_52a', 'basic', 1, 1000, '2024-03-01', '2024-04-01'), line('si_52b', 'support', 1, 500, '2024-03-01', '2024-04-01')),
       invoice('52b', 'paid', '2024-04-01', line('si_52a', 'basic', 1, 1000, '2024-04-01', '2024-05-01'));
SELECT subscribe('53', 'active', '2024-03-01'), item('53a', 'basic'), item('53b', 'support', deleted => true);
SELECT subscribe('54', 'active', '2024-03-01'), item('54a', 'basic');
SELECT invoice('54a', 'paid', '2024-04-01', line('si_54a', 'basic', 1, 1000, '2024-04-01', '2024-05-01'), line('si_54x', 'support', 1, 500, '2024-04-01', '2024-05-01'));
-- 55: a year paid, a month given for free, then paid again; 56: seats raised without proration and not billed yet; 57: an item added later; 58: entered late, began before
SELECT subscribe('55', 'active', '2023-01-01', period_start => '2024-02-01', period_end => '2025-02-01', trial_start => '2024-01-01', trial_end => '2024-02-01'), item('55', 'yearly');
SELECT invoice('55a', 'paid', '2023-01-01', line('si_55', 'yearly', 1, 12000, '2023-01-01', '2024-01-01')), invoice('55b', 'paid', '2024-01-01', line('si_55', 'yearly', 1, 0, '2024-01-01', '2024-02-01')),
       invoice('55c', 'paid', '2024-02-01', line('si_55', 'yearly', 1, 12000, '2024-02-01', '2025-02-01'));
SELECT subscribe('56', 'active', '2024-01-01', period_start => '2024-03-01', period_end => '2024-04-01'), item('56', 'basic', 4);
SELECT invoice('56a', 'paid', '2024-01-01', line('si_56', 'basic', 2, 2000, '2024-01-01', '2024-02-01')), invoice('56b', 'paid', '2024-02-01', line('si_56', 'basic', 2, 2000, '2024-02-01', '2024-03-01'));
SELECT subscribe('57', 'active', '2024-01-01'), item('57a', 'basic'), item('57b', 'support', created => '2024-02-10');
SELECT subscribe('58', 'active', '2024-01-01', created => '2024-05-20'), item('58', 'basic');
-- 59: free to Basic and back, where credit and grant are both 0
SELECT subscribe('59', 'active', '2024-01-01', period_start => '2024-03-01', period_end => '2024-04-01'), item('59', 'free');
SELECT invoice('59a', 'paid', '2024-01-01', line('si_59', 'free', 1, 0, '2024-01-01', '2024-02-01')),
       invoice('59b', 'paid', '2024-02-01', line('si_59', 'free', 1, 0, '2024-01-20', '2024-02-01', true), line('si_59', 'basic', 1, 387, '2024-01-20', '2024-02-01', true), line('si_59', 'basic', 1, 1000, '2024-02-01', '2024-03-01')),
       invoice('59c', 'paid', '2024-03-01', line('si_59', 'free', 1, 0, '2024-02-15', '2024-03-01', true), line('si_59', 'basic', 1, -517, '2024-02-15', '2024-03-01', true), line('si_59', 'free', 1, 0, '2024-03-01', '2024-04-01'));
-- 60: two lines of one moment: that of the later invoice counts, and within one the proration
SELECT subscribe('60', 'active', '2024-01-01', period_start => '2024-02-01', period_end => '2024-03-01'), item('60', 'basic', 7);
SELECT invoice('60b', 'paid', '2024-01-02', line('si_60', 'basic', 4, 4000, '2024-01-01', '2024-02-01')), invoice('60c', 'paid', '2024-01-01', line('si_60', 'basic', 5, 5000, '2024-01-01', '2024-02-01')),
       invoice('60d', 'paid', '2024-02-01', line('si_60', 'basic', 7, 7000, '2024-02-01', '2024-03-01', true), line('si_60', 'basic', 4, 4000, '2024-02-01', '2024-03-01'));
-- 61: on trial to a far day; 62: lines as a plain array, and what is no list
SELECT subscribe('61', 'trialing', '2024-05-01', period_start => '2024-05-01', period_end => '2037-01-01', trial_start => '2024-05-01', trial_end => '2037-01-01'), item('61', 'pro');
SELECT subscribe('62', 'active', '2024-01-01'), item('62', 'basic', 2);
SELECT invoice('62a', 'paid', '2024-01-01', line('si_62', 'basic', 1, 1000, '2024-01-01', '2024-02-01')), invoice('62b', 'paid', '2024-02-01', line('si_62', 'basic', 2, 2000, '2024-02-01', '2024-03-01')),
       invoice('62c', 'paid', '2024-03-01', VARIADIC '{}'), invoice('62d', 'paid', '2024-03-01', VARIADIC '{}'), invoice('62e', 'paid', '2024-03-01', VARIADIC '{}');
UPDATE stripe_src.invoices SET lines = lines -> 'data' WHERE id IN ('in_62a', 'in_62b');
UPDATE stripe_src.invoices SET lines = CASE id WHEN 'in_62c' THEN 'null'::jsonb WHEN 'in_62d' THEN '{"object": "list"}' END WHERE id IN ('in_62c', 'in_62d', 'in_62e');
-- 63: a trial to 15 January, paid to 15 June, a second trial to 1 July, paid again; the subscription holds the second trial only
SELECT subscribe('63', 'active', '2024-01-01', period_start => '2024-07-01', period_end => '2024-08-01', trial_start => '2024-06-15', trial_end => '2024-07-01'), item('63', 'basic');
SELECT invoice('63a', 'paid', '2024-01-01', line('si_63', 'basic', 1, 0, '2024-01-01', '2024-01-15')), invoice('63b', 'paid', '2024-01-15', line('si_63', 'basic', 1, 1000, '2024-01-15', '2024-02-15')),
       invoice('63c', 'paid', '2024-05-15', line('si_63', 'basic', 1, 1000, '2024-05-15', '2024-06-15')), invoice('63d', 'paid', '2024-06-15', line('si_63', 'basic', 1, 0, '2024-06-15', '2024-07-01')),
       invoice('63e', 'paid', '2024-07-01', line('si_63', 'basic', 1, 1000, '2024-07-01', '2024-08-01'));
-- 64: half off once, in January; Basic to quarterly on 15 February, when that is over; 65: the same, but to quarterly on 16 January
SELECT subscribe('64', 'active', '2024-01-01', period_start => '2024-05-15', period_end => '2024-08-15',
                 discount => jsonb_build_object('coupon', '{"percent_off": 50, "duration": "once"}'::jsonb, 'start', at('2024-01-01'), 'end', NULL)), item('64', 'quarter');
SELECT invoice('64a', 'paid', '2024-01-01', line('si_64', 'basic', 1, 1000, '2024-01-01', '2024-02-01')), invoice('64b', 'paid', '2024-02-01', line('si_64', 'basic', 1, 1000, '2024-02-01', '2024-03-01')),
       invoice('64c', 'paid', '2024-02-15', line('si_64', 'basic', 1, -517, '2024-02-15', '2024-03-01', true), line('si_64', 'quarter', 1, 6000, '2024-02-15', '2024-05-15')),
       invoice('64d', 'paid', '2024-05-15', line('si_64', 'quarter', 1, 6000, '2024-05-15', '2024-08-15'));
SELECT subscribe('65', 'active', '2024-01-01', period_start => '2024-04-16', period_end => '2024-07-16',
                 discount => jsonb_build_object('coupon', '{"percent_off": 50, "duration": "once"}'::jsonb, 'start', at('2024-01-01'), 'end', NULL)), item('65', 'quarter');
SELECT invoice('65a', 'paid', '2024-01-01', line('si_65', 'basic', 1, 1000, '2024-01-01', '2024-02-01')),
       invoice('65b', 'paid', '2024-01-16', line('si_65', 'basic', 1, -258, '2024-01-16', '2024-02-01', true), line('si_65', 'quarter', 1, 6000, '2024-01-16', '2024-04-16')),
       invoice('65c', 'paid', '2024-04-16', line('si_65', 'quarter', 1, 6000, '2024-04-16', '2024-07-16'));
-- 66: a year, changed to Pro on 1 February, with the rest of the year credited; paid to 1 April and paused from there on
SELECT subscribe('66', 'active', '2024-01-01', period_start => '2024-11-01', period_end => '2024-12-01', pause => '{"behavior": "void"}'), item('66', 'pro');
SELECT invoice('66a', 'paid', '2024-01-01', line('si_66', 'yearly', 1, 12000, '2024-01-01', '2025-01-01')),
       invoice('66b', 'paid', '2024-02-01', line('si_66', 'yearly', 1, -10984, '2024-02-01', '2025-01-01', true), line('si_66', 'pro', 1, 3000, '2024-02-01', '2024-03-01')),
       invoice('66c', 'paid', '2024-03-01', line('si_66', 'pro', 1, 3000, '2024-03-01', '2024-04-01')), invoice('66d', 'void', '2024-04-01', line('si_66', 'pro', 1, 3000, '2024-04-01', '2024-05-01'));
-- 67: paused, nothing ever paid: from the start of the period; 68: paused at the end of a trial whose invoice is still open
SELECT subscribe('67', 'active', '2024-03-01', period_start => '2024-06-01', period_end => '2024-07-01', pause => '{"behavior": "void"}'), item('67', 'pro');
SELECT invoice('67a', 'open', '2024-03-01', line('si_67', 'pro', 1, 3000, '2024-03-01', '2024-04-01'));
SELECT subscribe('68', 'paused', '2024-03-01', period_start => '2024-03-01', period_end => '2024-03-15', trial_start => '2024-03-01', trial_end => '2024-03-15'), item('68', 'basic');
SELECT invoice('68a', 'open', '2024-03-01', line('si_68', 'basic', 1, 0, '2024-03-01', '2024-03-15'));
-- 69: a year of 120, its item swapped on 1 March for one of 240 a year, which is billed from the next year on; 70: a year's item removed, known only from the period that runs since 1 May
SELECT subscribe('69', 'active', '2024-01-01', period_start => '2025-01-01', period_end => '2026-01-01'), item('69a', 'yearly', deleted => true), item('69b', 'yearpro', created => '2024-03-01');
SELECT invoice('69a', 'paid', '2024-01-01', line('si_69a', 'yearly', 1, 12000, '2024-01-01', '2025-01-01')), invoice('69b', 'paid', '2025-01-01', line('si_69b', 'yearpro', 1, 24000, '2025-01-01', '2026-01-01'));
SELECT subscribe('70', 'active', '2024-03-01', period_start => '2024-05-01', period_end => '2024-06-01'), item('70a', 'basic'), item('70b', 'yearly', deleted => true);
SELECT invoice('70a', 'paid', '2024-03-01', line('si_70a', 'basic', 1, 1000, '2024-03-01', '2024-04-01'), line('si_70b', 'yearly', 1, 12000, '2024-03-01', '2037-03-01'));
-- 71: unpaid since 1 June: February was written off and March to May paid; the credit of 10 June (a seat less) is no payment. 72: past due since 1 May, with a credit on 10 May, June open too
SELECT subscribe('71', 'unpaid', '2024-01-01', period_start => '2024-08-01', period_end => '2024-09-01'), item('71', 'basic');
SELECT invoice('71a', 'paid', '2024-01-01', line('si_71', 'basic', 2, 2000, '2024-01-01', '2024-02-01')), invoice('71b', 'uncollectible', '2024-02-01', line('si_71', 'basic', 2, 2000, '2024-02-01', '2024-03-01')),
       invoice('71c', 'paid', '2024-03-01', line('si_71', 'basic', 2, 2000, '2024-03-01', '2024-04-01')), invoice('71d', 'paid', '2024-05-01', line('si_71', 'basic', 2, 2000, '2024-05-01', '2024-06-01')),
       invoice('71e', 'open', '2024-06-01', line('si_71', 'basic', 2, 2000, '2024-06-01', '2024-07-01')), invoice('71g', 'draft', '2024-07-01', line('si_71', 'basic', 1, 1000, '2024-07-01', '2024-08-01')),
       invoice('71f', 'paid', '2024-06-10', line('si_71', 'basic', 2, -1400, '2024-06-10', '2024-07-01', true), line('si_71', 'basic', 1, 700, '2024-06-10', '2024-07-01', true));
SELECT subscribe('72', 'past_due', '2024-01-01', period_start => '2024-06-01', period_end => '2024-07-01'), item('72', 'basic');
SELECT invoice('72a', 'paid', '2024-01-01', line('si_72', 'basic', 2, 2000, '2024-01-01', '2024-02-01')), invoice('72b', 'open', '2024-05-01', line('si_72', 'basic', 2, 2000, '2024-05-01', '2024-06-01')),
       invoice('72c', 'paid', '2024-05-10', line('si_72', 'basic', 2, -1419, '2024-05-10', '2024-06-01', true), line('si_72', 'basic', 1, 710, '2024-05-10', '2024-06-01', true)),
       invoice('72d', 'open', '2024-06-01', line('si_72', 'basic', 1, 1000, '2024-06-01', '2024-07-01'));
-- 73: two items in one trial; 74: a trial given up on 10 April, which ended half an hour after its last day: never paid
SELECT subscribe('73', 'active', '2024-04-01', period_start => '2024-04-15', period_end => '2024-05-15', trial_start => '2024-04-01', trial_end => '2024-04-15'), item('73a', 'basic'), item('73b', 'support');
SELECT subscribe('74', 'canceled', '2024-04-01', canceled_at => '2024-04-10', ended_at => '2024-04-15 00:30', at_period_end => true, period_start => '2024-04-15', period_end => '2024-05-15',
                 trial_start => '2024-04-01', trial_end => '2024-04-15'), item('74', 'pro');
-- 75: collection paused in the trial, nothing paid since it ended; 76: free, paused, and a fee paid in April
SELECT subscribe('75', 'active', '2024-03-01', period_start => '2024-06-15', period_end => '2024-07-15', trial_start => '2024-03-01', trial_end => '2024-03-15', pause => '{"behavior": "keep_as_draft"}'), item('75', 'basic');
SELECT invoice('75a', 'paid', '2024-03-01', line('si_75', 'basic', 1, 0, '2024-03-01', '2024-03-15')), invoice('75b', 'draft', '2024-03-15', line('si_75', 'basic', 1, 1000, '2024-03-15', '2024-04-15'));
SELECT subscribe('76', 'active', '2024-03-01', period_start => '2024-06-01', period_end => '2024-07-01', pause => '{"behavior": "void"}'), item('76', 'pro');
SELECT invoice('76a', 'paid', '2024-04-01', line('si_76', 'free', 1, 0, '2024-03-01', '2024-04-01'), line(NULL, 'setup', 1, 9900, '2024-03-20', '2024-03-20'));
\o

SELECT count(*) AS views FROM create_billing_views('stripe', 'stripe_src', 'stripe_views');
CREATE VIEW shown AS
SELECT substr(customer_id, 5) AS customer, substr(subscription_id, 5) AS sub, product, plan, currency, billing_interval AS every, quantity AS n, started_at::date AS started, ended_at::date AS ended,
       round(mrr, 2) AS mrr, status, trial_ended_at::date AS trial_ended, canceled_at::date AS canceled
FROM stripe_views.subscriptions ORDER BY subscription_id, started_at, plan, product;
TABLE shown;
SELECT count(*) AS with_a_time_of_day FROM stripe_views.subscriptions WHERE started_at::time <> '00:00' OR ended_at::time <> '00:00';

-- What they must be, by hand: each stretch as the comments above tell it. No difference either way.
CREATE TEMP TABLE wanted (sub text, plan text, n numeric, started date, ended date, mrr numeric, status text);
INSERT INTO wanted VALUES
    ('01', 'Basic', 1, '2024-01-15', NULL, 10.00, 'active'), ('02', 'Pro', 1, '2024-01-15', '2024-06-15', 30.00, 'canceled'),
    ('04', 'Basic', 1, '2024-03-01', '2024-03-16', 10.00, 'active'), ('04', 'Pro', 1, '2024-03-16', NULL, 30.00, 'active'), ('05', 'Basic', 2, '2024-01-01', '2024-01-11', 20.00, 'active'),
    ('05', 'Basic', 5, '2024-01-11', '2024-01-21', 50.00, 'active'), ('05', 'Basic', 3, '2024-01-21', NULL, 30.00, 'active'), ('06', 'Basic', 1, '2024-01-01', NULL, 10.00, 'active'),
    ('07', 'Basic', 1, '2024-01-01', NULL, 10.00, 'past_due'), ('08', 'Pro', 1, '2024-02-01', '2024-04-01', 30.00, 'unpaid'), ('09', 'Pro', 1, '2024-02-01', '2024-05-01', 30.00, 'unpaid'),
    ('10', 'Basic', 1, '2024-03-15', NULL, 0.00, 'paused'), ('11', 'Pro', 1, '2024-03-01', '2024-05-01', 30.00, 'paused'), ('11', 'Pro', 1, '2024-05-01', NULL, 0.00, 'paused'),
    ('12', 'Pro', 1, '2024-03-01', '2024-06-01', 30.00, 'paused'), ('12', 'Pro', 1, '2024-06-01', NULL, 0.00, 'paused'), ('13', 'Pro', 1, '2024-03-01', '2024-06-01', 30.00, 'active'),
    ('13', 'Pro', 1, '2024-06-01', '2024-09-01', 0.00, 'active'), ('13', 'Pro', 1, '2024-09-01', NULL, 30.00, 'active'), ('14', 'Pro', 1, '2024-03-01', '2024-05-10', 30.00, 'canceled'),
    ('15', 'Basic', 1, '2024-03-01', '2025-01-01', 10.00, 'canceled'), ('16', 'Basic', 1, '2024-03-01', '2024-12-15', 10.00, 'canceled'),
    ('17', 'Basic', 1, '2024-03-01', '2024-08-01', 10.00, 'canceled'), ('20', 'yen', 2, '2024-01-01', NULL, 2400.00, 'active'),
    ('21', 'Basic', 1, '2024-01-01', '2024-04-01', 10.00, 'active'), ('21', 'Basic', 1, '2024-04-01', NULL, 8.75, 'active'), ('22', 'Pro', 1, '2024-01-01', NULL, 30.00, 'active'),
    ('23', 'Pro', 1, '2024-01-31', NULL, 30.00, 'active'), ('24', 'Pro', 1, '2024-01-01', NULL, 27.00, 'active'), ('25', 'Basic', 1, '2024-01-01', NULL, 0.00, 'active'),
    ('25', 'Pro', 1, '2024-01-01', '2024-03-01', 25.00, 'active'), ('25', 'Pro', 2, '2024-03-01', NULL, 55.00, 'active'), ('26', 'yearly', 1, '2024-01-01', NULL, 10.00, 'active'),
    ('27', 'Basic', 1, '2024-01-01', NULL, 10.00, 'active'), ('28', 'Pro', 1, '2024-02-01', NULL, 22.50, 'active'), ('29', 'Basic', 1, '2024-03-01', '2024-09-10', 10.00, 'canceled'),
    ('30', 'support', 1, '2024-03-01', '2024-05-01', 5.00, 'canceled'), ('31', 'yearly', 3, '2024-01-01', NULL, 30.00, 'active'), ('32', 'weekly', 1, '2024-01-01', NULL, 13.00, 'active'),
    ('33', 'dinar', 2, '2024-01-01', NULL, 10.24, 'active'), ('34', 'krona', 1, '2024-01-01', NULL, 1500.00, 'active'), ('35', 'fraction', 200, '2024-01-01', NULL, 25.00, 'active'),
    ('36', 'pack', 21, '2024-01-01', NULL, 24.00, 'active'), ('37', 'quarter', 1, '2024-01-01', NULL, 20.00, 'active'), ('38', 'ariary', 1, '2024-01-01', NULL, 40000.00, 'active'),
    ('39', 'usage', NULL, '2024-01-01', NULL, 0.00, 'active'), ('40', 'Basic', 1, '2024-01-01', NULL, 10.00, 'active'), ('41', 'free', 1, '2024-01-01', NULL, 0.00, 'active'),
    ('42', 'Basic', 0, '2024-01-01', NULL, 0.00, 'active'), ('43', 'Basic', 1, '2024-01-01', '2024-03-01', 10.00, 'canceled'), ('44', 'Pro', 1, '2024-06-01', NULL, 30.00, 'active'),
    ('45', 'Basic', 2, '2024-01-01', NULL, 20.00, 'active'), ('45', 'quarter', 1, '2024-01-01', NULL, 20.00, 'active'), ('46', 'Pro', 1, '2024-01-01', NULL, 30.00, 'active'),
    ('48', 'tiers', 10, '2024-02-01', '2024-02-15', 45.00, 'active'), ('48', 'tiers', 20, '2024-02-15', NULL, 80.00, 'active'), ('51', 'Basic', 1, '2024-03-01', NULL, 10.00, 'active'),
    ('51', 'support', 1, '2024-03-01', '2024-04-10', 5.00, 'active'), ('52', 'Basic', 1, '2024-03-01', NULL, 10.00, 'active'),
    ('52', 'support', 1, '2024-03-01', '2024-04-01', 5.00, 'active'), ('53', 'Basic', 1, '2024-03-01', NULL, 10.00, 'active'), ('54', 'Basic', 1, '2024-03-01', NULL, 10.00, 'active'),
    ('54', 'support', 1, '2024-04-01', '2024-05-01', 5.00, 'active'), ('55', 'yearly', 1, '2023-01-01', '2024-01-01', 10.00, 'active'),
    ('55', 'yearly', 1, '2024-02-01', NULL, 10.00, 'active'), ('56', 'Basic', 2, '2024-01-01', '2024-03-01', 20.00, 'active'), ('56', 'Basic', 4, '2024-03-01', NULL, 40.00, 'active'),
    ('57', 'Basic', 1, '2024-01-01', NULL, 10.00, 'active'), ('57', 'support', 1, '2024-02-10', NULL, 5.00, 'active'), ('58', 'Basic', 1, '2024-01-01', NULL, 10.00, 'active'),
    ('59', 'free', 1, '2024-01-01', '2024-01-20', 0.00, 'active'), ('59', 'Basic', 1, '2024-01-20', '2024-02-15', 10.00, 'active'), ('59', 'free', 1, '2024-02-15', NULL, 0.00, 'active'),
    ('60', 'Basic', 4, '2024-01-01', '2024-02-01', 40.00, 'active'), ('60', 'Basic', 7, '2024-02-01', NULL, 70.00, 'active'),
    ('62', 'Basic', 1, '2024-01-01', '2024-02-01', 10.00, 'active'), ('62', 'Basic', 2, '2024-02-01', NULL, 20.00, 'active'),
    ('63', 'Basic', 1, '2024-01-15', '2024-06-15', 10.00, 'active'), ('63', 'Basic', 1, '2024-07-01', NULL, 10.00, 'active'),
    ('64', 'Basic', 1, '2024-01-01', '2024-02-15', 10.00, 'active'), ('64', 'quarter', 1, '2024-02-15', NULL, 20.00, 'active'),
    ('65', 'Basic', 1, '2024-01-01', '2024-01-16', 10.00, 'active'), ('65', 'quarter', 1, '2024-01-16', NULL, 20.00, 'active'),
    ('66', 'yearly', 1, '2024-01-01', '2024-02-01', 10.00, 'paused'), ('66', 'Pro', 1, '2024-02-01', '2024-04-01', 30.00, 'paused'), ('66', 'Pro', 1, '2024-04-01', NULL, 0.00, 'paused'),
    ('67', 'Pro', 1, '2024-03-01', '2024-06-01', 30.00, 'paused'), ('67', 'Pro', 1, '2024-06-01', NULL, 0.00, 'paused'), ('68', 'Basic', 1, '2024-03-15', NULL, 0.00, 'paused'),
    ('69', 'yearly', 1, '2024-01-01', '2024-03-01', 10.00, 'active'), ('69', 'yearpro', 1, '2024-03-01', NULL, 20.00, 'active'),
    ('70', 'Basic', 1, '2024-03-01', NULL, 10.00, 'active'), ('70', 'yearly', 1, '2024-03-01', '2024-05-01', 10.00, 'active'),
    ('71', 'Basic', 2, '2024-01-01', '2024-06-01', 20.00, 'unpaid'),
    ('72', 'Basic', 2, '2024-01-01', '2024-05-10', 20.00, 'past_due'), ('72', 'Basic', 1, '2024-05-10', NULL, 10.00, 'past_due'),
    ('73', 'Basic', 1, '2024-04-15', NULL, 10.00, 'active'), ('73', 'support', 1, '2024-04-15', NULL, 5.00, 'active'),
    ('75', 'Basic', 1, '2024-03-15', NULL, 0.00, 'paused'), ('76', 'free', 1, '2024-03-01', '2024-04-01', 0.00, 'paused'), ('76', 'free', 1, '2024-04-01', '2024-06-01', 0.00, 'paused'), ('76', 'Pro', 1, '2024-06-01', NULL, 0.00, 'paused');
SELECT 'missing' AS what, w.* FROM (TABLE wanted EXCEPT SELECT sub, plan, n, started, ended, mrr, status FROM shown) w
UNION ALL SELECT 'too many', s.* FROM (SELECT sub, plan, n, started, ended, mrr, status FROM shown EXCEPT TABLE wanted) s;

-- MRR of the first seventeen. 15 January: 10 + 30 + 5 x 10 + 10 + 10. 15 April: 10 + 30 + 30 + 30 + 10 + 10 + 30 (09) + 4 x 30 (11 to 14) + 3 x 10 (15 to 17).
-- 15 July: 11, 12, 13 are paused, 02, 09, 14 gone: 10 + 30 + 30 + 10 + 10 + 30. 20 December: 16 and 17 gone, 13 is back: 10 + 30 + 30 + 10 + 10 + 30 + 10.
SELECT moment, sum(s.mrr) AS mrr, wanted, sum(s.mrr) = wanted AS same
FROM (VALUES (timestamptz '2024-01-15 12:00', 110), ('2024-04-15', 300), ('2024-07-15', 120), ('2024-12-20', 130)) AS m (moment, wanted)
JOIN stripe_views.subscriptions s ON s.started_at <= moment AND (s.ended_at IS NULL OR s.ended_at > moment) AND s.subscription_id <= 'sub_17'
GROUP BY moment, wanted ORDER BY moment;
-- MRR by month and currency, of all of the subscriptions above, by hand: what each has just before the month ends.
-- EUR. The whole year 351: 10 of each of 01, 06, 07, 26, 27, 40, 58 (70); 30 of 05, 22, 23, 31, 46 (150); 27 of 24; 24 of 36; 40 of 45; 20 of 37, 65 (40).
-- January:   351 + 30 (02) + 10 (21) + 25 (25: 10 + 30 - 15) + 10 (43) + 20 (56) + 10 (57) + 10 (59) + 40 (60) + 10 (62) + 10 (63) + 10 (64) + 10 (66) + 10 (69) + 20 (71) + 20 (72) = 596
-- February:  + 30 (08) + 30 (09) + 22.50 (28: 30 less a quarter, trial over) + 80 (48, trial over) + 10 (55 pays again) + 5 (57, support) - 10 (59, free again) + 30 (60: 7 seats)
--            + 10 (62) + 10 (64: 60 a quarter) + 20 (66: from 10 to 30) = 596 + 237.50
-- March:     + 30 each (04 on Pro already, 11, 12, 13, 14, 67: 180) + 10 each (15, 16, 17, 29, 53, 54: 60) + 5 (30) + 30 (25: one Pro more) - 10 (43 gone) + 15 (51) + 15 (52) + 20 (56: from 2 to 4 seats)
--            + 10 (69 swapped) + 20 (70: 10 + 10) = 833.50 + 345
-- April:     - 30 (08 unpaid) - 1.25 (21: an eighth off) - 5 (51, support removed) - 5 (52, the same) + 5 (54, support of April) - 30 (66 paused) + 15 (73, trial over) = 1178.50 - 51.25
-- May:       - 30 (09 unpaid) - 30 (11 paused) - 30 (14 gone) - 5 (30 gone) - 5 (54) - 10 (70, an item removed) - 10 (72, a seat less) = 1127.25 - 120
-- June:      - 30 (02 gone) - 30 (12 paused) - 30 (13 paused) + 30 (44: 43 is back) - 10 (63 in its second trial) - 30 (67 paused) - 20 (71 unpaid) = 1007.25 - 120
-- July:      + 10 (63). August: - 10 (17 gone on the 1st). September: + 30 (13 resumed) - 10 (29 deleted). December: - 10 (16 gone on the 15th; 15 ends with the year)
-- With limited discounts too: 22 has 15 less in January to March, 23 (free to 29 February) 30 less in January, 26 has 5 less all year, 64 5 less and 65 10 less in January:
--            January 596 - 65, February 833.50 - 20, March 1178.50 - 20, the other months 5 less
-- USD 38: 6 x 26/12 = 13 (32) and 12.5 cents x 200 = 25 (35). JPY 2 x 1500 less a fifth (20), KWD 2 x 5.120 (33), ISK 1500.00 (34), MGA 40000 (38): the whole year.
CREATE TEMP TABLE wanted_months (month date, currency text, mrr numeric, all_discounts numeric);
INSERT INTO wanted_months VALUES
    ('2024-01-01', 'EUR',  596.00,  531.00), ('2024-02-01', 'EUR',  833.50,  813.50), ('2024-03-01', 'EUR', 1178.50, 1158.50), ('2024-04-01', 'EUR', 1127.25, 1122.25),
    ('2024-05-01', 'EUR', 1007.25, 1002.25), ('2024-06-01', 'EUR',  887.25,  882.25), ('2024-07-01', 'EUR',  897.25,  892.25), ('2024-08-01', 'EUR',  887.25,  882.25),
    ('2024-09-01', 'EUR',  907.25,  902.25), ('2024-10-01', 'EUR',  907.25,  902.25), ('2024-11-01', 'EUR',  907.25,  902.25), ('2024-12-01', 'EUR',  897.25,  892.25);
INSERT INTO wanted_months
SELECT month, currency, mrr, mrr FROM generate_series(timestamp '2024-01-01', '2024-12-01', '1 month') AS month,
    (VALUES ('USD', 38), ('JPY', 2400), ('KWD', 10.24), ('ISK', 1500), ('MGA', 40000)) AS c (currency, mrr);
SELECT 'missing' AS what, w.* FROM (SELECT month, currency, mrr FROM wanted_months EXCEPT SELECT period_start, currency, closing_mrr FROM stripe_views.mrr_movements) w
UNION ALL SELECT 'too many', s.* FROM (SELECT period_start, currency, closing_mrr FROM stripe_views.mrr_movements WHERE period_start BETWEEN '2024-01-01' AND '2024-12-01'
                                       EXCEPT SELECT month, currency, mrr FROM wanted_months) s ORDER BY 3, 2, 1;
SELECT currency, count(*) AS months, min(closing_mrr), max(closing_mrr), sum(closing_mrr) FROM stripe_views.mrr_movements WHERE period_start BETWEEN '2024-01-01' AND '2024-12-01' GROUP BY currency ORDER BY currency;
-- Trials. January: 02. February: 28, 48, 55 became paid, 03 did not, with 22.50 + 45 + 10 + 30. March: 10, 68 and 75 did not. April: 73, one trial of two items with 10 + 5, became paid,
-- 74 with 30 did not. July: the second trial of 63.
SELECT currency, period_start, ended_trials, converted_trials, ended_mrr, converted_mrr FROM stripe_views.trials WHERE ended_trials > 0 AND period_start < '2025-01-01' ORDER BY 1, 2;

-- What each option changes: the rows without it (-) and with it (+).
CREATE PROCEDURE compare(options text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('client_min_messages', 'error', true);
    EXECUTE format('SELECT count(*) FROM create_billing_views(''stripe'', ''stripe_src'', ''stripe_option'', %s)', options);
END $$;
CREATE FUNCTION changed() RETURNS TABLE (d text, sub text, plan text, n numeric, started date, ended date, mrr numeric) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY WITH a AS (SELECT subscription_id, plan, quantity, started_at::date, ended_at::date, round(mrr, 2) FROM stripe_views.subscriptions),
         b AS (SELECT subscription_id, plan, quantity, started_at::date, ended_at::date, round(mrr, 2) FROM stripe_option.subscriptions)
    SELECT * FROM (SELECT '-', x.* FROM (TABLE a EXCEPT TABLE b) x UNION ALL SELECT '+', x.* FROM (TABLE b EXCEPT TABLE a) x) x ORDER BY 2, 1 DESC, 5, 3;
END $$;
CALL compare('recognition => ''canceled''');
SELECT * FROM changed();
CALL compare('recognition => ''period_end''');
SELECT * FROM changed();
CALL compare('pauses => ''keep''');
SELECT * FROM changed();
CALL compare('past_due => ''14 days''');
SELECT * FROM changed();
CALL compare('discounts => ''all''');
SELECT * FROM changed();
SELECT 'missing' AS what, w.* FROM (SELECT month, currency, all_discounts FROM wanted_months EXCEPT SELECT period_start, currency, closing_mrr FROM stripe_option.mrr_movements) w
UNION ALL SELECT 'too many', s.* FROM (SELECT period_start, currency, closing_mrr FROM stripe_option.mrr_movements WHERE period_start BETWEEN '2024-01-01' AND '2024-12-01'
                                       EXCEPT SELECT month, currency, all_discounts FROM wanted_months) s ORDER BY 3, 2, 1;
CALL compare('discounts => ''none''');
SELECT * FROM changed();

-- Other shapes of the schema: generated columns over the raw object, no periods, few tables.
CREATE SCHEMA stripe_raw;
CREATE TABLE stripe_raw.subscriptions (_raw_data jsonb NOT NULL, id text GENERATED ALWAYS AS (_raw_data ->> 'id') STORED, customer text GENERATED ALWAYS AS (_raw_data ->> 'customer') STORED,
    status text GENERATED ALWAYS AS (_raw_data ->> 'status') STORED, items jsonb GENERATED ALWAYS AS (_raw_data -> 'items') STORED, start_date bigint GENERATED ALWAYS AS ((_raw_data ->> 'start_date')::bigint) STORED,
    created bigint GENERATED ALWAYS AS ((_raw_data ->> 'created')::bigint) STORED, ended_at bigint GENERATED ALWAYS AS ((_raw_data ->> 'ended_at')::bigint) STORED,
    canceled_at bigint GENERATED ALWAYS AS ((_raw_data ->> 'canceled_at')::bigint) STORED, cancel_at bigint GENERATED ALWAYS AS ((_raw_data ->> 'cancel_at')::bigint) STORED,
    cancel_at_period_end boolean GENERATED ALWAYS AS ((_raw_data ->> 'cancel_at_period_end')::boolean) STORED, trial_start bigint GENERATED ALWAYS AS ((_raw_data ->> 'trial_start')::bigint) STORED,
    trial_end bigint GENERATED ALWAYS AS ((_raw_data ->> 'trial_end')::bigint) STORED);
CREATE TABLE stripe_raw.subscription_items (_raw_data jsonb NOT NULL, id text GENERATED ALWAYS AS (_raw_data ->> 'id') STORED, subscription text GENERATED ALWAYS AS (_raw_data ->> 'subscription') STORED,
    price jsonb GENERATED ALWAYS AS (_raw_data -> 'price') STORED, quantity bigint GENERATED ALWAYS AS ((_raw_data ->> 'quantity')::bigint) STORED);
CREATE TABLE stripe_raw.prices (id text, currency text, unit_amount bigint, recurring jsonb);
INSERT INTO stripe_raw.prices VALUES ('p', 'usd', 5000, '{"interval": "month", "interval_count": 1}');
INSERT INTO stripe_raw.subscription_items VALUES ('{"id": "si_1", "subscription": "sub_1", "price": {"id": "p"}, "quantity": 2}'), ('{"id": "si_2", "subscription": "sub_2", "price": "p", "quantity": 1}');
INSERT INTO stripe_raw.subscriptions VALUES
    (jsonb_build_object('id', 'sub_1', 'customer', 'cus_1', 'status', 'canceled', 'start_date', at('2024-01-01'), 'created', at('2024-01-01'), 'ended_at', at('2024-05-01'), 'canceled_at', at('2024-05-01'),
        'trial_end', at('2024-01-08'), 'trial_start', at('2024-01-01'), 'cancellation_details', '{"reason": "payment_failed", "feedback": null}'::jsonb,
        'discounts', jsonb_build_array(jsonb_build_object('coupon', '{"percent_off": 10, "duration": "forever"}'::jsonb, 'start', at('2024-01-01')),
                                       jsonb_build_object('coupon', '{"percent_off": 50, "duration": "forever"}'::jsonb, 'start', at('2024-01-01'))))),
    (jsonb_build_object('id', 'sub_2', 'customer', 'cus_2', 'status', 'active', 'start_date', at('2024-01-01'), 'created', at('2024-01-01'), 'cancel_at_period_end', true, 'discounts', '["di_1"]'::jsonb,
        'items', jsonb_build_object('data', jsonb_build_array(jsonb_build_object('id', 'si_2', 'current_period_end', at('2024-06-01'))))));
-- sub_3 to sub_5: half off by the customer's discount, where the subscription has none: discounts is null, empty, not there. sub_6 has one of its own, a tenth
CREATE TABLE stripe_raw.customers (id text, discount jsonb);
INSERT INTO stripe_raw.customers SELECT 'cus_' || i, jsonb_build_object('coupon', '{"percent_off": 50, "duration": "forever"}'::jsonb, 'start', at('2024-01-01')) FROM generate_series(3, 6) AS i;
INSERT INTO stripe_raw.subscriptions
SELECT jsonb_build_object('id', 'sub_' || i, 'customer', 'cus_' || i, 'status', 'active', 'start_date', at('2024-01-01'), 'created', at('2024-01-01'), 'cancel_at_period_end', false) || d
FROM (VALUES (3, '{"discounts": null}'::jsonb), (4, '{"discounts": []}'), (5, '{}'), (6, '{"discounts": [{"coupon": {"percent_off": 10, "duration": "forever"}}]}')) AS v (i, d);
INSERT INTO stripe_raw.subscription_items SELECT jsonb_build_object('id', 'si_' || i, 'subscription', 'sub_' || i, 'price', 'p', 'quantity', 1) FROM generate_series(3, 6) AS i;
SELECT count(*) AS views FROM create_billing_views('stripe', 'stripe_raw', 'stripe_raw_views');
-- 2 x 50 x 0.9 x 0.5; 50; 50 x 0.5 three times; 50 x 0.9
SELECT 'missing' AS what, w.* FROM (VALUES ('sub_1', 45), ('sub_2', 50), ('sub_3', 25), ('sub_4', 25), ('sub_5', 25), ('sub_6', 45) EXCEPT SELECT subscription_id, mrr FROM stripe_raw_views.subscriptions) AS w (sub, mrr);
SELECT subscription_id, plan, quantity, started_at, ended_at, mrr, status, trial_ended_at, cancel_reason FROM stripe_raw_views.subscriptions ORDER BY 1;
CREATE SCHEMA stripe_wrong;
CREATE TABLE stripe_wrong.subscriptions AS SELECT id, customer, status FROM stripe_raw.subscriptions;
SELECT * FROM create_billing_views('stripe', 'stripe_wrong', 'stripe_wrong_views');

-- A pause begins at the latest now: of a year that is paid to 2037.
\o /dev/null
SELECT subscribe('80', 'active', '2024-01-01', period_start => '2024-01-01', period_end => '2037-01-01', pause => '{"behavior": "void"}'), item('80', 'yearly');
SELECT invoice('80a', 'paid', '2024-01-01', line('si_80', 'yearly', 1, 12000, '2024-01-01', '2037-01-01'));
\o
SELECT plan, mrr, status, started_at = now() AS begins_now, ended_at = now() AS ends_now FROM stripe_views.subscriptions WHERE subscription_id = 'sub_80' ORDER BY started_at;
DELETE FROM stripe_src.subscriptions WHERE id = 'sub_80';

-- Rows that hold what they should not. Those without a price or a start are left out and counted; what is otherwise no number, moment or boolean is as if it were not there. The good rows stay as they are.
CREATE TEMP TABLE good AS SELECT * FROM stripe_views.subscriptions;
CREATE TEMP TABLE bad (id text, price text DEFAULT 'basic', status text DEFAULT 'active', quantity integer DEFAULT 1, trial_start jsonb DEFAULT 'null', trial_end jsonb DEFAULT 'null', pause jsonb, discount jsonb, items jsonb, line jsonb);
INSERT INTO stripe_src.prices (id, currency, recurring, type, unit_amount, unit_amount_decimal, billing_scheme, transform_quantity, product)
SELECT id, 'eur', recurring, 'recurring', amount, decimals, 'per_unit', transform, 'prod_a'
FROM (VALUES ('count 0', '{"interval": "month", "interval_count": 0}'::jsonb, 1000, '1000', NULL::jsonb), ('count -1', '{"interval": "month", "interval_count": -1}', 1000, '1000', NULL),
             ('count 1.5', '{"interval": "month", "interval_count": 1.5}', 1000, '1000', NULL), ('count x', '{"interval": "month", "interval_count": "x"}', 1000, '1000', NULL),
             ('count {}', '{"interval": "month", "interval_count": {}}', 1000, '1000', NULL), ('count huge', '{"interval": "month", "interval_count": 99999999999}', 1000, '1000', NULL),
             ('years', '{"interval": "year", "interval_count": 2000000000}', 1000, '1000', NULL), ('weeks', '{"interval": "week", "interval_count": 2000000000}', 1000, '1000', NULL),
             ('interval 7', '{"interval": 7}', 1000, '1000', NULL), ('recurring []', '[]', 1000, '1000', NULL), ('decimal x', '{"interval": "month"}', NULL, 'x', NULL),
             ('decimal NaN', '{"interval": "month"}', NULL, 'NaN', NULL), ('decimal Infinity', '{"interval": "month"}', NULL, 'Infinity', NULL), ('amount -1', '{"interval": "month"}', -1, '-1', NULL),
             ('divide by 0', '{"interval": "month"}', 1000, '1000', '{"round": "up", "divide_by": 0}'), ('divide by x', '{"interval": "month"}', 1000, '1000', '{"round": "up", "divide_by": "x"}')
     ) AS p (id, recurring, amount, decimals, transform);
INSERT INTO stripe_src.plans (id, amount, currency, interval, interval_count, usage_type, billing_scheme, product) VALUES
    ('plan count 0', 1000, 'eur', 'month', 0, 'licensed', 'per_unit', 'prod_a'), ('plan count -1', 1000, 'eur', 'month', -1, 'licensed', 'per_unit', 'prod_a'),
    ('plan count huge', 1000, 'eur', 'month', 9999999999, 'licensed', 'per_unit', 'prod_a');
INSERT INTO stripe_src.coupons (id, duration, percent_off, duration_in_months) VALUES ('HUGE', 'repeating', 10, 9999999999), ('LEAST', 'repeating', 10, -2147483648), ('NAN', 'forever', 'NaN', NULL);
INSERT INTO bad (id, price) SELECT id, id FROM stripe_src.prices WHERE id ~ ' |^years$|^weeks$' UNION ALL SELECT id, id FROM stripe_src.plans WHERE id ~ ' ';
INSERT INTO bad (id, trial_start, trial_end) VALUES
    ('trial x', '"x"', '"x"'), ('trial {}', '{}', '{}'), ('trial [1]', '[1]', '[1]'), ('trial false', 'false', 'false'), ('trial empty', '""', '""'), ('trial 1e30', to_jsonb(at('2024-01-01')), '1e30'),
    ('trial 1e400', to_jsonb(at('2024-01-01')), '1e400'), ('trial -1', '-1', '-1'), ('trial as text', to_jsonb(at('2024-01-01')::text), to_jsonb(at('2024-02-01')::text));
INSERT INTO bad (id, pause) SELECT 'resumes ' || n, jsonb_build_object('behavior', 'void', 'resumes_at', v) FROM (VALUES ('x', '"x"'::jsonb), ('{}', '{}'), ('1e30', '1e30'), ('1e400', '1e400')) AS v (n, v);
INSERT INTO bad (id, discount) VALUES
    ('percent x', '{"coupon": {"percent_off": "x", "duration": "forever"}}'), ('percent {}', '{"coupon": {"percent_off": {}, "duration": "forever"}}'), ('percent 150', '{"coupon": {"percent_off": 150, "duration": "forever"}}'),
    ('percent -50', '{"coupon": {"percent_off": -50, "duration": "forever"}}'), ('percent NaN', '{"coupon": "NAN"}'),
    ('amount NaN', '{"coupon": {"amount_off": "NaN", "currency": "eur", "duration": "forever"}}'), ('amount 1e300', '{"coupon": {"amount_off": 1e300, "currency": "eur", "duration": "forever"}}'),
    ('amount of 7', '{"coupon": {"amount_off": 100, "currency": 7, "duration": "forever"}}'), ('start x', '{"coupon": {"percent_off": 10, "duration": "forever"}, "start": "x", "end": "x"}'),
    ('start 1e300', '{"coupon": {"percent_off": 10, "duration": "forever"}, "start": 1e300, "end": 1e300}'), ('months x', '{"coupon": {"percent_off": 10, "duration": "repeating", "duration_in_months": "x"}, "start": 1704067200}'),
    ('months 1.5', '{"coupon": {"percent_off": 10, "duration": "repeating", "duration_in_months": 1.5}, "start": 1704067200}'), ('months huge', '{"coupon": "HUGE", "start": 1704067200}'), ('months least', '{"coupon": "LEAST", "start": 1704067200}');
INSERT INTO bad (id, price, items) SELECT 'item ' || n, NULL, jsonb_build_object('data', jsonb_build_array('{"price": {"id": "basic"}}'::jsonb || v || jsonb_build_object('id', 'si item ' || n)))
FROM (VALUES ('quantity x', '{"quantity": "x"}'::jsonb), ('quantity {}', '{"quantity": {}}'), ('quantity 1e300', '{"quantity": 1e300}'), ('created x', '{"created": "x"}'), ('created true', '{"created": true}'),
             ('created 1e300', '{"created": 1e300}'), ('period NaN', '{"current_period_start": "NaN"}')) AS v (n, v);
INSERT INTO bad (id, line) SELECT 'line ' || n, line('x', 'basic', 1, 1000, '2024-01-01', '2024-02-01') || v
FROM (VALUES ('period x', '{"period": {"start": "x", "end": "x"}}'::jsonb), ('period {}', '{"period": {"start": {}, "end": {}}}'), ('period 1e30', '{"period": {"start": 1e30, "end": 1e30}}'),
             ('start NaN', '{"period": {"start": "NaN"}}'), ('period 7', '{"period": 7}'), ('quantity x', '{"quantity": "x"}'), ('quantity 1e20', '{"quantity": 1e20}'), ('amount x', '{"amount": "x"}'), ('amount {}', '{"amount": {}}'),
             ('proration x', '{"proration": "x"}'), ('proration 7', '{"proration": 7}'), ('price 7', '{"price": 7, "pricing": "x", "plan": []}'), ('parent 7', '{"parent": 7, "proration_details": "x"}')) AS v (n, v);
INSERT INTO stripe_src.subscriptions (id, customer, status, start_date, created, current_period_start, current_period_end, trial_start, trial_end, pause_collection, discount, items)
SELECT 'bad ' || id, 'bad', status::stripe_src.subscription_status, at('2024-01-01'), at('2024-01-01'), at('2024-06-01'), at('2024-07-01'), trial_start, trial_end, pause, discount, items FROM bad;
INSERT INTO stripe_src.subscription_items (id, subscription, price, quantity, created) SELECT 'si ' || id, 'bad ' || id, price, quantity, at('2024-01-01') FROM bad WHERE price IS NOT NULL;
INSERT INTO stripe_src.invoices (id, customer, subscription, status, created, lines)
SELECT 'in ' || id, 'bad', 'bad ' || id, 'paid', at('2024-01-01'), jsonb_build_array(line || jsonb_build_object('subscription_item', 'si ' || id, 'subscription', 'bad ' || id), 7, 'x'::text, NULL, '[]'::jsonb, '{}'::jsonb) FROM bad WHERE line IS NOT NULL;
-- the same lines in subscriptions that are paused, past due and unpaid, where it matters too what is paid: here January, on a line as it should be
CREATE TEMP VIEW bad_due AS SELECT s || ' ' || id AS id, s::stripe_src.subscription_status AS status, line FROM bad, unnest('{active,past_due,unpaid}'::text[]) AS s WHERE line IS NOT NULL;
INSERT INTO stripe_src.subscriptions (id, customer, status, start_date, created, current_period_start, current_period_end, pause_collection)
SELECT id, 'bad', status, at('2024-01-01'), at('2024-01-01'), at('2024-06-01'), at('2024-07-01'), CASE WHEN status = 'active' THEN '{"behavior": "void"}'::jsonb END FROM bad_due;
INSERT INTO stripe_src.subscription_items (id, subscription, price, quantity, created) SELECT 'si ' || id, id, 'basic', 1, at('2024-01-01') FROM bad_due;
INSERT INTO stripe_src.invoices (id, customer, subscription, status, created, lines)
SELECT 'in ' || id || n, 'bad', id, 'paid', at('2024-01-01'), jsonb_build_array(v || jsonb_build_object('subscription_item', 'si ' || id, 'subscription', id))
FROM bad_due CROSS JOIN LATERAL (VALUES (1, line('x', 'basic', 1, 1000, '2024-01-01', '2024-02-01')), (2, line)) AS v (n, v);

SELECT count(*) AS views FROM create_billing_views('stripe', 'stripe_src', 'stripe_bad');
CREATE VIEW is_bad AS SELECT * FROM stripe_bad.subscriptions WHERE subscription_id ~ '^(bad|active|past_due|unpaid) ';
SELECT count(*) AS lost FROM (TABLE good EXCEPT ALL TABLE stripe_bad.subscriptions) x;
SELECT count(*) AS gained FROM (TABLE stripe_bad.subscriptions EXCEPT ALL (TABLE good UNION ALL TABLE is_bad)) x;
SELECT count(*) AS bad_rows, count(*) FILTER (WHERE plan = 'Basic' AND quantity = 1 AND started_at = '2024-01-01' AND ended_at IS NULL AND mrr = 10 AND status = 'active') AS as_if_it_were_not_there FROM is_bad;
SELECT substr(subscription_id, 5) AS sub, quantity AS n, started_at::date AS started, ended_at::date AS ended, mrr, status FROM is_bad
WHERE subscription_id LIKE 'bad %' AND (plan = 'Basic' AND quantity = 1 AND started_at = '2024-01-01' AND ended_at IS NULL AND mrr = 10 AND status = 'active') IS NOT TRUE ORDER BY subscription_id COLLATE "C", started_at;
SELECT status, started_at::date AS started, ended_at::date AS ended, mrr, count(*), array_agg(substr(subscription_id, position('line ' IN subscription_id) + 5) ORDER BY subscription_id COLLATE "C") AS lines
FROM is_bad WHERE subscription_id NOT LIKE 'bad %' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
SELECT id AS left_out FROM stripe_src.subscriptions WHERE id ~ '^(bad|active|past_due|unpaid) ' AND id NOT IN (SELECT subscription_id FROM is_bad) ORDER BY id COLLATE "C";
-- each view, with each option, can be read to the end
CREATE FUNCTION readable() RETURNS TABLE (view text, is_read boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH view IN ARRAY '{subscriptions,mrr_movements,churn,cohorts,customers,renewals,trials}'::text[] LOOP
        EXECUTE format('SELECT count(x::text) > 0 FROM stripe_option.%I x', view) INTO is_read;
        RETURN NEXT;
    END LOOP;
END $$;
CREATE TEMP TABLE reads (n integer, view text, is_read boolean);
CALL compare('time_zone => ''UTC''');
INSERT INTO reads SELECT 1, * FROM readable();
CALL compare('recognition => ''period_end'', time_zone => ''America/New_York'', past_due => ''10 days'', discounts => ''all''');
INSERT INTO reads SELECT 2, * FROM readable();
CALL compare('recognition => ''canceled'', pauses => ''keep'', discounts => ''none'', trials => ''free''');
INSERT INTO reads SELECT 3, * FROM readable();
SELECT n, count(*) AS views, bool_and(is_read) AS are_read FROM reads GROUP BY n ORDER BY n;

-- Columns of bigint: moments beyond the years 1 to 9998. A start there is none; an end is as if it were not there.
CREATE SCHEMA stripe_far;
CREATE TABLE stripe_far.subscriptions (id text, customer text, status text, items jsonb, start_date bigint, created bigint, ended_at bigint, canceled_at bigint, cancel_at bigint, cancel_at_period_end boolean,
    trial_start bigint, trial_end bigint, current_period_start bigint, current_period_end bigint);
CREATE TABLE stripe_far.subscription_items (id text, subscription text, price text, quantity bigint, created bigint);
CREATE TABLE stripe_far.prices (id text, currency text, unit_amount bigint, recurring jsonb);
CREATE TABLE stripe_far.invoices (id text, customer text, subscription text, status text, created bigint, lines jsonb);
INSERT INTO stripe_far.prices VALUES ('p', 'usd', 5000, '{"interval": "month"}'), ('far', 'usd', 9223372036854775807, '{"interval": "month"}');
INSERT INTO stripe_far.subscriptions (id, customer, status, start_date, created, canceled_at, ended_at, cancel_at, trial_start, trial_end, current_period_start, current_period_end) VALUES
    ('start', 'c', 'active', 9223372036854775807, 1704067200, NULL, NULL, NULL, NULL, NULL, NULL, NULL), ('start before', 'c', 'active', -9223372036854775808, 1704067200, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('canceled', 'c', 'canceled', 1704067200, 1704067200, 9223372036854775807, 1711929600, NULL, NULL, NULL, NULL, NULL), ('cancel', 'c', 'active', 1704067200, 1704067200, NULL, NULL, 9223372036854775807, NULL, NULL, NULL, NULL),
    ('trial', 'c', 'active', 1704067200, 1704067200, NULL, NULL, NULL, -9223372036854775808, 9223372036854775807, NULL, NULL), ('period', 'c', 'unpaid', 1704067200, 1704067200, NULL, NULL, NULL, NULL, NULL, 9223372036854775807, 9223372036854775807),
    ('item', 'c', 'active', 1704067200, 1704067200, NULL, NULL, NULL, NULL, NULL, NULL, NULL), ('price', 'c', 'active', 1704067200, 1704067200, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('invoice', 'c', 'past_due', 1704067200, 1704067200, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO stripe_far.subscription_items SELECT 'si_' || id, id, CASE id WHEN 'price' THEN 'far' ELSE 'p' END, 1, CASE id WHEN 'item' THEN 9223372036854775807 ELSE 1704067200 END FROM stripe_far.subscriptions;
INSERT INTO stripe_far.invoices VALUES ('in_1', 'c', 'invoice', 'open', 9223372036854775807, '{"data": [{"subscription_item": "si_invoice", "price": {"id": "p"}, "quantity": 1, "amount": 5000, "period": {"start": 1704067200, "end": 1706745600}}]}');
SELECT count(*) AS views FROM create_billing_views('stripe', 'stripe_far', 'stripe_option', past_due => '10 days');
SELECT subscription_id AS sub, started_at::date AS started, ended_at::date AS ended, mrr, status, canceled_at::date AS canceled FROM stripe_option.subscriptions ORDER BY subscription_id COLLATE "C";
SELECT bool_and(is_read IS NOT NULL) AS are_read FROM readable();
