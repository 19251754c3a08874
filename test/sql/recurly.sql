-- Recurly: subscription rows of a schema that Fivetran writes, and what they add up to.
\set VERBOSITY terse
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET client_min_messages = warning;
CREATE SCHEMA recurly_src;
SET search_path = recurly_src, public;
CREATE TABLE subscription_history (
    id text, updated_at timestamptz, _fivetran_synced timestamptz, account_id text, activated_at timestamptz, add_ons_total double precision, auto_renew boolean, canceled_at timestamptz, collection_method text, converted_at timestamptz,
    created_at timestamptz, currency text, current_period_ends_at timestamptz, current_period_started_at timestamptz, current_term_ends_at timestamptz, current_term_started_at timestamptz, expiration_reason text, expires_at timestamptz,
    object text, paused_at timestamptz, plan_id text, quantity integer, remaining_billing_cycles integer, remaining_pause_cycles integer, renewal_billing_cycles integer, started_with_gift boolean, state text, subtotal double precision,
    total_billing_cycles integer, trial_ends_at timestamptz, trial_started_at timestamptz, unit_amount double precision, uuid text, PRIMARY KEY (id, updated_at));
CREATE TABLE plan_history (id text, updated_at timestamptz, _fivetran_synced timestamptz, code text, name text, interval_length integer, interval_unit text, state text, deleted_at timestamptz, PRIMARY KEY (id, updated_at));
CREATE TABLE account_history (id text, updated_at timestamptz, code text, state text, deleted_at timestamptz, email text, PRIMARY KEY (id, updated_at));
CREATE TABLE coupon_redemption_history (id text, updated_at timestamptz, account_id text, coupon_id text, created_at timestamptz, currency text, discounted double precision, removed_at timestamptz, state text, subscription_id text, PRIMARY KEY (id, updated_at));
CREATE TABLE coupon_discount (coupon_id text, fivetran_id text, amount text, currency text, percentage integer, type text, trial_length integer, trial_unit text);
CREATE TABLE coupon_history (id text, updated_at timestamptz, code text, duration text, temporal_amount integer, temporal_unit text, PRIMARY KEY (id, updated_at));
CREATE TABLE invoice_history (id text, updated_at timestamptz, account_id text, state text, due_at timestamptz, total double precision, PRIMARY KEY (id, updated_at));
CREATE TABLE invoice_subscription_history (invoice_id text, invoice_updated_at timestamptz, subscription_id text);
INSERT INTO plan_history (id, updated_at, code, name, interval_length, interval_unit) VALUES ('m', '2022-01-01', 'monthly', 'Old name', 1, 'months'), ('m', '2022-06-01', 'monthly', 'Monthly', 1, 'months'),
    ('y', '2022-01-01', 'yearly', 'Yearly', 12, 'months'), ('q', '2022-01-01', 'quarterly', NULL, 3, 'months'), ('w', '2022-01-01', 'weekly', 'Weekly', 7, 'days');

-- One record: columns as text. What is not given is as in an active monthly subscription at 30 EUR.
CREATE FUNCTION record(id text, updated_at timestamptz, state text, rest text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO subscription_history SELECT (jsonb_populate_record(NULL::subscription_history,
        '{"plan_id": "m", "quantity": 1, "unit_amount": 30, "currency": "EUR", "add_ons_total": 0}'::jsonb || jsonb_build_object('id', 's' || id, 'account_id', 'a' || id, 'updated_at', updated_at, 'state', state)
        || (SELECT jsonb_object_agg(split_part(m, '=', 1), split_part(m, '=', 2)) FROM string_to_table(rest, ', ') AS m))).*
    $$;
DO $$ BEGIN
-- renewed month by month at one price, three minutes after midnight; then a price that begins with a renewal, and seats in the middle of a month
PERFORM record('01', '2023-01-01 00:03', 'active', 'activated_at=2023-01-01, current_period_started_at=2023-01-01, current_period_ends_at=2023-02-01');
PERFORM record('01', '2023-02-01 00:03', 'active', 'activated_at=2023-01-01, current_period_started_at=2023-02-01, current_period_ends_at=2023-03-01');
PERFORM record('01', '2023-03-01 00:03', 'active', 'activated_at=2023-01-01, current_period_started_at=2023-03-01, current_period_ends_at=2023-04-01, unit_amount=35');
PERFORM record('01', '2023-03-12 09:30', 'active', 'activated_at=2023-01-01, current_period_started_at=2023-03-01, current_period_ends_at=2023-04-01, unit_amount=35, quantity=2');
-- first seen long after it began; from a month's plan to a year's, with an add-on
PERFORM record('02', '2023-04-10', 'active', 'activated_at=2022-12-15, current_period_started_at=2023-04-10, current_period_ends_at=2023-05-10');
PERFORM record('02', '2023-06-20', 'active', 'activated_at=2022-12-15, current_period_started_at=2023-06-20, current_period_ends_at=2024-06-20, plan_id=y, unit_amount=240, add_ons_total=60.6');
-- trials: cancelled within it and expired with it, two minutes late; paid, at a price that was agreed on within it; no card at its end; ended 40 minutes after it
PERFORM record('03', '2023-04-01 00:00:05', 'active', 'activated_at=2023-04-01, trial_started_at=2023-04-01, trial_ends_at=2023-04-15, current_period_started_at=2023-04-01, current_period_ends_at=2023-04-15');
PERFORM record('03', '2023-04-08', 'canceled', 'activated_at=2023-04-01, trial_started_at=2023-04-01, trial_ends_at=2023-04-15, canceled_at=2023-04-08, expires_at=2023-04-15, current_period_started_at=2023-04-01, current_period_ends_at=2023-04-15');
PERFORM record('03', '2023-04-15 00:02', 'expired', 'activated_at=2023-04-01, trial_started_at=2023-04-01, trial_ends_at=2023-04-15, canceled_at=2023-04-08, expires_at=2023-04-15 00:02, expiration_reason=canceled, current_period_started_at=2023-04-01, current_period_ends_at=2023-04-15');
PERFORM record('04', '2023-04-01 00:00:05', 'active', 'activated_at=2023-04-01, trial_started_at=2023-04-01, trial_ends_at=2023-04-15, current_period_started_at=2023-04-01, current_period_ends_at=2023-04-15');
PERFORM record('04', '2023-04-05', 'active', 'activated_at=2023-04-01, trial_started_at=2023-04-01, trial_ends_at=2023-04-15, current_period_started_at=2023-04-01, current_period_ends_at=2023-04-15, unit_amount=20');
PERFORM record('04', '2023-04-15 00:01', 'active', 'activated_at=2023-04-01, trial_started_at=2023-04-01, trial_ends_at=2023-04-15, current_period_started_at=2023-04-15, current_period_ends_at=2023-05-15, unit_amount=20');
PERFORM record('05', '2023-04-15 00:05', 'expired', 'activated_at=2023-04-01, trial_started_at=2023-04-01, trial_ends_at=2023-04-15, canceled_at=2023-04-15 00:05, expires_at=2023-04-15 00:05, expiration_reason=nonpayment_trial, current_period_started_at=2023-04-01');
PERFORM record('29', '2023-04-15 00:40', 'expired', 'activated_at=2023-04-01, trial_started_at=2023-04-01, trial_ends_at=2023-04-15, canceled_at=2023-04-15 00:40, expires_at=2023-04-15 00:40, expiration_reason=canceled, current_period_started_at=2023-04-15, current_period_ends_at=2023-05-15');
-- cancelled on 10 May, expired with its period; cancelled, and taken up again; terminated in the middle of a year; not paid; about to expire
PERFORM record('06', '2023-01-01', 'active', 'activated_at=2023-01-01, current_period_started_at=2023-01-01, current_period_ends_at=2023-02-01, unit_amount=40');
PERFORM record('06', '2023-05-10', 'canceled', 'activated_at=2023-01-01, canceled_at=2023-05-10, expires_at=2023-06-01, current_period_started_at=2023-05-01, current_period_ends_at=2023-06-01, unit_amount=40');
PERFORM record('06', '2023-06-01 00:04', 'expired', 'activated_at=2023-01-01, canceled_at=2023-05-10, expires_at=2023-06-01, expiration_reason=canceled, current_period_started_at=2023-05-01, current_period_ends_at=2023-06-01, unit_amount=40');
PERFORM record('07', '2023-05-10', 'canceled', 'activated_at=2023-01-01, canceled_at=2023-05-10, expires_at=2023-06-01, current_period_started_at=2023-05-01, current_period_ends_at=2023-06-01, unit_amount=10');
PERFORM record('07', '2023-05-20', 'active', 'activated_at=2023-01-01, current_period_started_at=2023-05-01, current_period_ends_at=2023-06-01, unit_amount=10');
PERFORM record('08', '2023-05-10', 'expired', 'activated_at=2023-02-01, canceled_at=2023-05-10, expires_at=2023-05-10, expiration_reason=canceled, current_period_started_at=2023-02-01, current_period_ends_at=2024-02-01, plan_id=y, unit_amount=240');
PERFORM record('09', '2023-08-20', 'expired', 'activated_at=2023-02-01, canceled_at=2023-08-20, expires_at=2023-08-20, expiration_reason=nonpayment, current_period_started_at=2023-08-01, current_period_ends_at=2023-09-01, unit_amount=15');
PERFORM record('10', '2025-01-20', 'canceled', 'activated_at=2024-01-01, canceled_at=2025-01-20, expires_at=2025-03-01, current_period_started_at=2025-02-01, current_period_ends_at=2025-03-01, unit_amount=5');
-- pauses: from a renewal to another; one that is seen only later, and lasts
PERFORM record('11', '2023-06-01', 'active', 'activated_at=2023-06-01, current_period_started_at=2023-06-01, current_period_ends_at=2023-07-01, unit_amount=25');
PERFORM record('11', '2023-06-11', 'active', 'activated_at=2023-06-01, current_period_started_at=2023-06-01, current_period_ends_at=2023-07-01, unit_amount=25, paused_at=2023-07-01, remaining_pause_cycles=2');
PERFORM record('11', '2023-07-01 00:02', 'paused', 'activated_at=2023-06-01, current_period_started_at=2023-07-01, current_period_ends_at=2023-08-01, unit_amount=25, paused_at=2023-07-01, remaining_pause_cycles=1');
PERFORM record('11', '2023-09-01 00:02', 'active', 'activated_at=2023-06-01, current_period_started_at=2023-09-01, current_period_ends_at=2023-10-01, unit_amount=25');
PERFORM record('12', '2024-02-20', 'paused', 'activated_at=2023-11-01, current_period_started_at=2024-02-01, current_period_ends_at=2024-03-01, unit_amount=25, paused_at=2024-02-01');
-- past due twice: paid after 25 days, and not at all; past due for 6 days only
PERFORM record('13', '2023-09-01', 'active', 'activated_at=2023-09-01, current_period_started_at=2023-09-01, current_period_ends_at=2023-10-01, unit_amount=45');
PERFORM record('14', '2023-09-01', 'active', 'activated_at=2023-09-01, current_period_started_at=2023-09-01, current_period_ends_at=2023-10-01, unit_amount=12');
-- the account is closed; it was closed, and is open again
PERFORM record('15', '2023-06-15', 'active', 'activated_at=2023-06-15, current_period_started_at=2023-06-15, current_period_ends_at=2023-07-15, unit_amount=9');
PERFORM record('16', '2023-06-15', 'active', 'activated_at=2023-06-15, current_period_started_at=2023-06-15, current_period_ends_at=2023-07-15, unit_amount=8');
-- coupons: a fifth off forever, until it is removed; 15 a quarter forever, of 3 x 30 + 15; half off for two months; once, to one with half off and to another; to one subscription of an account
PERFORM record('17', '2023-03-01', 'active', 'activated_at=2023-03-01, current_period_started_at=2023-03-01, current_period_ends_at=2023-04-01, unit_amount=100');
PERFORM record('18', '2023-03-01', 'active', 'activated_at=2023-03-01, current_period_started_at=2023-03-01, current_period_ends_at=2023-06-01, unit_amount=30, quantity=3, add_ons_total=15, plan_id=q');
PERFORM record('19', '2023-03-01', 'active', 'activated_at=2023-03-01, current_period_started_at=2023-03-01, current_period_ends_at=2023-04-01, unit_amount=50');
PERFORM record('20', '2023-03-01', 'active', 'activated_at=2023-03-01, current_period_started_at=2023-03-01, current_period_ends_at=2023-04-01, unit_amount=50');
PERFORM record('27', '2023-01-01', 'active', 'activated_at=2023-01-01, unit_amount=10, currency=USD');
PERFORM record('28', '2023-01-01', 'active', 'activated_at=2023-01-01, unit_amount=10, currency=USD, account_id=a27');
-- free; ten dollars a week; not there yet; never begun; yen and dinars are in major units; a plan that nobody knows
PERFORM record('21', '2023-01-01', 'active', 'activated_at=2023-01-01, current_period_started_at=2023-01-01, current_period_ends_at=2023-02-01, unit_amount=0');
PERFORM record('22', '2023-02-01', 'active', 'activated_at=2023-02-01, current_period_started_at=2023-02-01, current_period_ends_at=2023-02-08, unit_amount=10, currency=USD, plan_id=w');
PERFORM record('23', '2023-02-01', 'future', 'current_period_started_at=2023-12-01');
PERFORM record('24', '2023-02-01', 'failed', 'activated_at=2023-02-01');
PERFORM record('25', '2023-01-10', 'active', 'activated_at=2023-01-10, unit_amount=1500, currency=JPY');
PERFORM record('26', '2023-01-10', 'active', 'activated_at=2023-01-10, unit_amount=12.345, currency=KWD');
END $$;
INSERT INTO account_history VALUES ('a15', '2023-06-15', 'a15', 'active', NULL), ('a15', '2024-01-10', 'a15', 'inactive', '2024-01-10'), ('a16', '2023-07-01', 'a16', 'inactive', '2023-07-01'), ('a16', '2023-07-02', 'a16', 'active', '2023-07-01');
INSERT INTO coupon_history VALUES ('fifth', '2022-01-01', 'FIFTH', 'forever', NULL, NULL), ('fixed', '2022-01-01', 'FIXED', 'forever', NULL, NULL), ('half', '2022-01-01', 'HALF', 'temporal', 2, 'month'), ('once', '2022-01-01', 'ONCE', 'single_use', NULL, NULL);
INSERT INTO coupon_discount VALUES ('fifth', '1', NULL, NULL, 20, 'percent'), ('fixed', '2', '15.00', 'EUR', NULL, 'fixed'), ('fixed', '3', '16.00', 'USD', NULL, 'fixed'), ('half', '4', NULL, NULL, 50, 'percent'), ('once', '5', '5', 'EUR', NULL, 'fixed');
INSERT INTO coupon_redemption_history VALUES
    ('r1', '2023-03-01', 'a17', 'fifth', '2023-03-01', 'EUR', 0, NULL, 'active'), ('r1', '2023-10-01', 'a17', 'fifth', '2023-03-01', 'EUR', 140, '2023-10-01', 'inactive'),
    ('r2', '2023-03-01', 'a18', 'fixed', '2023-03-01', 'EUR', 0, NULL, 'active'),
    ('r3', '2023-03-01', 'a19', 'half', '2023-03-01', 'EUR', 0, NULL, 'active'), ('r3', '2023-04-30 23:00', 'a19', 'half', '2023-03-01', 'EUR', 50, NULL, 'inactive'), ('r4', '2023-04-01', 'a19', 'once', '2023-04-01', 'EUR', 5, '2023-04-01', 'inactive'),
    ('r5', '2023-03-01', 'a20', 'once', '2023-03-01', 'EUR', 5, '2023-03-01', 'inactive');
-- one of one subscription only
INSERT INTO coupon_redemption_history VALUES ('r6', '2023-01-01', 'a27', 'fifth', '2023-01-01', 'USD', 0, NULL, 'active', 's27');
INSERT INTO invoice_history (id, updated_at, state) VALUES
    ('i1', '2023-10-01', 'pending'), ('i1', '2023-10-02', 'past_due'), ('i1', '2023-10-09', 'past_due'), ('i1', '2023-10-27', 'paid'), ('i2', '2024-03-01', 'past_due'), ('i3', '2023-10-02', 'past_due'), ('i3', '2023-10-08', 'paid'), ('i4', '2023-10-02', 'paid');
INSERT INTO invoice_subscription_history SELECT id, updated_at, CASE WHEN id < 'i3' THEN 's13' ELSE 's14' END FROM invoice_history;

SELECT * FROM create_billing_views('recurly', 'recurly_src', 'recurly_views');
SELECT customer_id AS customer, product, plan, currency AS cur, billing_interval AS interval, quantity, started_at, ended_at, mrr, status, canceled_at::date AS canceled, cancel_reason
FROM recurly_views.subscriptions ORDER BY customer_id, subscription_id, started_at;
SELECT customer_id AS customer, started_at, ended_at, trial_started_at, trial_ended_at, mrr, status FROM recurly_views.subscriptions WHERE trial_ended_at IS NOT NULL ORDER BY 1;
SELECT currency, period_start, ended_trials, converted_trials, ended_mrr, converted_mrr FROM recurly_views.trials WHERE ended_trials > 0 ORDER BY 1, 2;

-- MRR when the month ends, added up by hand. An end at a month's first day belongs to that month.
CREATE VIEW wanted AS SELECT * FROM (VALUES
    ('EUR', date '2022-12-01', 30.0),                                                                  -- a02
    ('EUR', '2023-01-01', 30 + 30 + 40 + 10.0),                                                        -- a01, a06, a07
    ('EUR', '2023-02-01', 110 + 20 + 15.0),                                                            -- a08: 240 a year, a09
    ('EUR', '2023-03-01', 145 + 40 + 80 + 30 + 50 + 50.0),                                             -- a01: 2 x 35; a17: 100 less a fifth; a18: (90 + 15 - 15) / 3; a19, a20
    ('EUR', '2023-04-01', 395 + 20.0),                                                                 -- a04 pays, a03, a05 and a29 do not
    ('EUR', '2023-05-01', 415 - 20.0),                                                                 -- a08 is gone; a06 ends on 1 June; a07 goes on
    ('EUR', '2023-06-01', 395 - 40 - 30 + 25.05 + 25 + 9 + 8),                                         -- a06; a02: 300.60 a year instead of 30; a11, a15, a16
    ('EUR', '2023-07-01', 392.05 - 25),                                                                -- a11 pauses
    ('EUR', '2023-08-01', 367.05 - 15),                                                                -- a09 has not paid
    ('EUR', '2023-09-01', 352.05 + 25 + 45 + 12),                                                      -- a11 is back; a13, a14
    ('EUR', '2023-10-01', 434.05 + 20),                                                                -- a17 pays 100
    ('EUR', '2023-11-01', 454.05 + 25),                                                                -- a12
    ('EUR', '2024-01-01', 479.05 - 9 + 5),                                                             -- a15's account is closed; a10
    ('EUR', '2024-02-01', 475.05 - 25),                                                                -- a12 pauses
    ('EUR', '2025-03-01', 450.05 - 5),                                                                 -- a10 ends
    ('USD', '2023-01-01', 8 + 10)) AS w (currency, month, mrr)                                         -- a27: two subscriptions, one at a fifth less
    UNION ALL SELECT currency, month::date, mrr FROM (VALUES                                           -- the same for months
    ('EUR', timestamp '2023-12-01', timestamp '2023-12-01', 479.05), ('EUR', '2024-03-01', '2025-02-01', 450.05),
    ('USD', '2023-02-01', '2025-03-01', 18 + 43.333333),                                               -- a22: 10 x 52 / 12
    ('JPY', '2023-01-01', '2025-03-01', 1500), ('KWD', '2023-01-01', '2025-03-01', 12.345)) AS same (currency, first, last, mrr), generate_series(first, last, '1 month') AS month;
CREATE VIEW got AS SELECT currency, period_start, closing_mrr FROM recurly_views.mrr_movements WHERE period_start <= '2025-03-01';
SELECT 'missing' AS difference, * FROM (TABLE wanted EXCEPT TABLE got) AS d UNION ALL SELECT 'wrong', * FROM (TABLE got EXCEPT TABLE wanted) AS d ORDER BY 1, 2, 3;
SELECT count(*) AS compared FROM got;

-- What each option changes.
SELECT count(*) FROM create_billing_views('recurly', 'recurly_src', 'recurly_option');
CREATE FUNCTION changed() RETURNS TABLE (customer text, started timestamptz, ended timestamptz, mrr numeric, difference text) LANGUAGE sql AS $$
    WITH was AS (SELECT customer_id, started_at, ended_at, mrr FROM recurly_views.subscriptions), is_now AS (SELECT customer_id, started_at, ended_at, mrr FROM recurly_option.subscriptions)
    SELECT *, 'before' FROM (TABLE was EXCEPT ALL TABLE is_now) AS d UNION ALL SELECT *, 'after' FROM (TABLE is_now EXCEPT ALL TABLE was) AS d ORDER BY 1, 5 DESC, 2
    $$;
SELECT count(*) FROM create_billing_views('recurly', 'recurly_src', 'recurly_option', recognition => 'canceled');
SELECT * FROM changed();
SELECT count(*) FROM create_billing_views('recurly', 'recurly_src', 'recurly_option', recognition => 'period_end');
SELECT * FROM changed();
SELECT count(*) FROM create_billing_views('recurly', 'recurly_src', 'recurly_option', pauses => 'keep');
SELECT * FROM changed();
SELECT count(*) FROM create_billing_views('recurly', 'recurly_src', 'recurly_option', past_due => '14 days');
SELECT * FROM changed();
SELECT count(*) FROM create_billing_views('recurly', 'recurly_src', 'recurly_option', discounts => 'none');
SELECT * FROM changed();
SELECT count(*) FROM create_billing_views('recurly', 'recurly_src', 'recurly_option', discounts => 'all');
SELECT * FROM changed();

-- Rows that cannot be are left out, and counted; views and other rows stay as they are. Moments beyond the years 1 to 9998 are infinitely far away.
CREATE FUNCTION read_all(target name) RETURNS TABLE (view_name name, readable boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH view_name IN ARRAY '{subscriptions,mrr_movements,churn,cohorts,customers,renewals,trials}'::name[] LOOP
        EXECUTE format('SELECT count(v::text) > 0 FROM %I.%I AS v', target, view_name) INTO readable;
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT count(*) FROM create_billing_views('recurly', 'recurly_src', 'recurly_views');
CREATE TABLE good AS TABLE recurly_views.subscriptions;
INSERT INTO plan_history (id, updated_at, code, name, interval_length, interval_unit) VALUES ('b0', '2022-01-01', 'b0', 'Every 0 months', 0, 'months'), ('bn', '2022-01-01', 'bn', 'Every -3 months', -3, 'months'),
    ('bh', '2022-01-01', 'bh', 'Every so many years', 2147483647, 'years'), ('bw', '2022-01-01', 'bw', 'Every so many weeks', 2147483647, 'weeks'), ('bu', '2022-01-01', 'bu', 'Every moon', 1, 'moons');
DO $$ BEGIN
PERFORM record('b01', '2024-01-01', 'active', 'activated_at=2024-01-01, plan_id=b0');
PERFORM record('b02', '2024-01-01', 'active', 'activated_at=2024-01-01, plan_id=bn');
PERFORM record('b03', '2024-01-01', 'active', 'activated_at=2024-01-01, plan_id=bh');
PERFORM record('b04', '2024-01-01', 'active', 'activated_at=2024-01-01, plan_id=bw');
PERFORM record('b05', '2024-01-01', 'active', 'activated_at=2024-01-01, plan_id=bu');
PERFORM record('b06', '2024-01-01', 'active', 'activated_at=2024-01-01, unit_amount=NaN');
PERFORM record('b07', '2024-01-01', 'active', 'activated_at=2024-01-01, unit_amount=Infinity');
PERFORM record('b08', '2024-01-01', 'active', 'activated_at=2024-01-01, unit_amount=-5, add_ons_total=20');
PERFORM record('b09', '2024-01-01', 'active', 'activated_at=2024-01-01, add_ons_total=NaN');
PERFORM record('b10', '2024-01-01', 'active', 'activated_at=2024-01-01, quantity=-2');
PERFORM record('b11', '2024-01-01', 'active', 'activated_at=2024-01-01, unit_amount=1e300');
PERFORM record('b12', '2024-01-01', 'active', 'activated_at=4713-01-01 BC');
PERFORM record('b13', '2024-01-01', 'expired', 'activated_at=2024-01-01, expires_at=294276-12-31, canceled_at=294276-12-31, current_period_started_at=4713-01-01 BC, current_period_ends_at=294276-12-31');
PERFORM record('b14', '2024-01-01', 'active', 'activated_at=2024-01-01, trial_started_at=2024-01-01, trial_ends_at=294276-12-31');
-- records from before all time, and from when no moment can be; two in a row
PERFORM record('b15', '4713-01-01 BC', 'active', 'activated_at=2024-01-01, unit_amount=10, current_period_started_at=4713-01-01 BC');
PERFORM record('b15', '294276-12-30', 'active', 'activated_at=2024-01-01, unit_amount=20, current_period_started_at=294276-12-30');
PERFORM record('b15', '294276-12-31', 'active', 'activated_at=2024-01-01, unit_amount=30, current_period_started_at=infinity');
PERFORM record('b16', '2024-01-01', 'paused', 'activated_at=2024-01-01, paused_at=294276-12-31');
PERFORM record('b17', '2024-01-01', 'active', 'activated_at=2024-01-01');
PERFORM record('b18', '2024-01-01', 'active', 'activated_at=2024-01-01');
PERFORM record('b19', '2024-01-01', 'active', 'activated_at=2024-01-01');
PERFORM record('b20', '2024-01-01', 'active', 'activated_at=2024-01-01');
PERFORM record('b21', '2024-01-01', 'active', 'activated_at=2024-01-01, plan_id=bh');
PERFORM record('b22', '2024-01-01', 'active', 'activated_at=2024-01-01');
PERFORM record('b23', '2024-01-01', 'active', 'activated_at=294276-12-31');
END $$;
INSERT INTO account_history VALUES ('ab22', '294276-12-31', 'ab22', 'inactive', '294276-12-31');
INSERT INTO coupon_history VALUES ('long', '2022-01-01', 'LONG', 'temporal', 2147483647, 'year'), ('short', '2022-01-01', 'SHORT', 'temporal', -2147483648, 'week'), ('odd', '2022-01-01', 'ODD', 'forever', NULL, NULL);
INSERT INTO coupon_discount VALUES ('long', 'b1', NULL, NULL, 10, 'percent'), ('short', 'b2', NULL, NULL, 10, 'percent'), ('odd', 'b3', 'x', 'EUR', NULL, 'fixed'), ('odd', 'b4', '{"a": 1}', 'EUR', NULL, 'fixed'), ('odd', 'b5', 'NaN', 'EUR', NULL, 'fixed'),
    ('odd', 'b6', 'Infinity', 'EUR', NULL, 'fixed'), ('odd', 'b7', '-5', 'EUR', NULL, 'fixed'), ('odd', 'b8', NULL, NULL, -50, 'percent');
INSERT INTO coupon_redemption_history VALUES ('rb1', '2024-01-01', 'ab17', 'long', '2024-01-01', 'EUR', 0, NULL, 'active'), ('rb2', '2024-01-01', 'ab18', 'short', '2024-02-01', 'EUR', 0, NULL, 'active'), ('rb3', '2024-01-01', 'ab19', 'odd', '2024-01-01', 'EUR', 0, NULL, 'active'),
    ('rb4', '2024-01-01', 'ab20', 'long', '294276-12-31', 'EUR', 0, '294276-12-31', 'active'), ('rb5', '2024-01-01', 'ab21', 'once', '2024-01-01', 'EUR', 0, NULL, 'active');
INSERT INTO invoice_history (id, updated_at, state) VALUES ('ib1', '4713-01-01 BC', 'past_due'), ('ib1', '294276-12-31', 'paid'), ('ib2', '294276-12-31', 'past_due');
INSERT INTO invoice_subscription_history VALUES ('ib1', '4713-01-01 BC', 'sb18'), ('ib2', '294276-12-31', 'sb20');
-- b01 to b12 and b21; b23 has not begun
SELECT count(*) FROM create_billing_views('recurly', 'recurly_src', 'recurly_views');
SELECT * FROM read_all('recurly_views');
SELECT customer_id AS customer, plan, quantity, started_at, ended_at, mrr, status, trial_ended_at, canceled_at FROM recurly_views.subscriptions WHERE customer_id LIKE 'ab%' ORDER BY 1, started_at;
SELECT count(*) AS differences FROM ((TABLE good EXCEPT TABLE recurly_views.subscriptions) UNION ALL (SELECT * FROM recurly_views.subscriptions WHERE customer_id NOT LIKE 'ab%' EXCEPT TABLE good)) d;
SELECT count(*) FROM create_billing_views('recurly', 'recurly_src', 'recurly_views', recognition => 'period_end', past_due => '10 days', discounts => 'all', time_zone => 'America/New_York');
SELECT bool_and(readable) FROM read_all('recurly_views');
SELECT customer_id AS customer, started_at, ended_at, mrr FROM recurly_views.subscriptions WHERE customer_id BETWEEN 'ab17' AND 'ab22' ORDER BY 1, 2;
SELECT count(*) FROM create_billing_views('recurly', 'recurly_src', 'recurly_views', recognition => 'canceled', pauses => 'keep', discounts => 'none', trials => 'free', time_zone => 'Pacific/Kiritimati');
SELECT bool_and(readable) FROM read_all('recurly_views');

-- Without the tables that may be missing, with other names of a plan's columns, and timestamps without a zone.
CREATE SCHEMA "recurly's";
CREATE TABLE "recurly's".subscription_history AS
    SELECT id, updated_at AT TIME ZONE 'UTC' AS updated_at, account_id, plan_id, state, activated_at AT TIME ZONE 'UTC' AS activated_at, canceled_at, expires_at, trial_started_at, trial_ends_at, current_period_started_at, current_period_ends_at,
           currency, quantity, unit_amount::numeric AS unit_amount FROM subscription_history WHERE id IN ('s01', 's08', 's17');
CREATE TABLE "recurly's".plan_history AS SELECT id, updated_at, interval_length AS period_length, interval_unit AS period_unit FROM plan_history;
INSERT INTO "recurly's".subscription_history (id, updated_at, account_id, plan_id, state, activated_at, currency, unit_amount) VALUES ('s30', '2023-01-01', 'a30', 'lost', 'active', '2023-01-01', 'EUR', 10);
SELECT count(*) FROM create_billing_views('recurly', 'recurly''s', 'recurly_small');
SELECT subscription_id, plan, quantity, started_at, ended_at, mrr, status FROM recurly_small.subscriptions ORDER BY 1, started_at;

-- What is missing is named.
SELECT count(*) FROM drop_billing_views('recurly_small');
ALTER TABLE "recurly's".plan_history DROP COLUMN period_unit;
SELECT create_billing_views('recurly', 'recurly''s', 'recurly_none');
DROP TABLE "recurly's".plan_history;
SELECT create_billing_views('recurly', 'recurly''s', 'recurly_none');
