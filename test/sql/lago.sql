-- Views over Lago's own tables.
\set VERBOSITY terse
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET client_min_messages = warning;

-- The tables with the columns that matter here, and some that do not.
CREATE SCHEMA lago_src;
SET search_path = lago_src, public;
CREATE TABLE customers (id uuid PRIMARY KEY, external_id varchar NOT NULL, name varchar, organization_id uuid, currency varchar, timezone varchar, created_at timestamp(6), deleted_at timestamp(6));
CREATE TABLE plans (id uuid PRIMARY KEY, organization_id uuid, name varchar, code varchar, interval integer NOT NULL, amount_cents bigint NOT NULL, amount_currency varchar NOT NULL,
                    trial_period double precision, pay_in_advance boolean DEFAULT false, parent_id uuid, deleted_at timestamp(6));
CREATE TABLE subscriptions (id uuid PRIMARY KEY, customer_id uuid NOT NULL, plan_id uuid NOT NULL, status integer NOT NULL, canceled_at timestamp(6), terminated_at timestamp(6), started_at timestamp(6),
                            created_at timestamp(6), previous_subscription_id uuid, name varchar, external_id varchar NOT NULL, billing_time integer DEFAULT 0 NOT NULL, subscription_at timestamp(6),
                            ending_at timestamp(6), trial_ended_at timestamp(6), organization_id uuid);
CREATE TABLE coupons (id uuid PRIMARY KEY, code varchar, limited_plans boolean DEFAULT false NOT NULL, limited_billable_metrics boolean DEFAULT false NOT NULL);
CREATE TABLE applied_coupons (id uuid PRIMARY KEY, coupon_id uuid, customer_id uuid, status integer DEFAULT 0 NOT NULL, amount_cents bigint, amount_currency varchar, created_at timestamp(6), terminated_at timestamp(6),
                              percentage_rate numeric(10, 5), frequency integer DEFAULT 0 NOT NULL, frequency_duration integer, frequency_duration_remaining integer);
CREATE TABLE invoices (id uuid PRIMARY KEY, customer_id uuid, payment_overdue boolean DEFAULT false, payment_due_date date, payment_status integer);
CREATE TABLE fees (id uuid PRIMARY KEY, invoice_id uuid, subscription_id uuid, amount_cents bigint, amount_currency varchar, properties jsonb);

CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid$$;
INSERT INTO plans (id, name, code, interval, amount_cents, amount_currency, trial_period, parent_id)
SELECT u(n), name, code, every, cents, currency, days, u(parent) FROM (VALUES
    (1, 'Basic', 'basic', 1, 2000, 'EUR', NULL, NULL), (2, 'Pro', 'pro', 1, 5000, 'EUR', 0, NULL), (3, 'Pro', 'pro_yearly', 2, 48000, 'EUR', NULL, NULL), (4, 'Weekly', 'weekly', 0, 1200, 'EUR', NULL, NULL),
    (5, 'Quarter', 'quarter', 3, 9000, 'EUR', NULL, NULL), (6, 'Half', 'half', 4, 12000, 'EUR', NULL, NULL), (7, 'Usage', 'usage', 1, 0, 'EUR', NULL, NULL), (8, 'Team', 'team', 1, 3000, 'EUR', 14, NULL),
    (9, 'Basic', 'basic_jp', 1, 1000, 'JPY', NULL, NULL), (10, 'Basic', 'basic_kw', 1, 12345, 'KWD', NULL, NULL), (11, 'Basic', 'basic', 1, 1500, 'EUR', NULL, 1), (12, 'Long', 'long', 1, 3000, 'EUR', 400000, NULL),
    (13, 'Team plus', 'team_plus', 1, 4500, 'EUR', 14, NULL)
) AS p (n, name, code, every, cents, currency, days, parent);
INSERT INTO customers (id, external_id, deleted_at) SELECT u(n), 'cust_' || n, CASE n WHEN 16 THEN timestamp '2024-03-10' END FROM generate_series(1, 31) n;
INSERT INTO subscriptions (id, customer_id, external_id, plan_id, status, started_at, terminated_at, ending_at, trial_ended_at, previous_subscription_id, billing_time, subscription_at, canceled_at)
SELECT u(n), u(customer), 'sub_' || external, u(plan), status, starts::timestamp, stops::timestamp, ending::timestamp, trial::timestamp, u(previous), billing_time, coalesce(starts::timestamp, '2030-01-01'), canceled::timestamp
FROM (VALUES
    -- 1: from the first day on. 2: a trial that converts. 3: a trial that is given up
    (1, 1, '1', 1, 1, '2024-01-10', NULL, NULL, NULL, NULL::integer, 0, NULL),
    (2, 2, '2', 8, 1, '2024-01-05', NULL, NULL, '2024-01-19', NULL, 0, NULL),
    (3, 3, '3', 8, 2, '2024-01-05', '2024-01-12 09:00', NULL, NULL, NULL, 0, NULL),
    -- 4: an upgrade, whose rows do not quite touch. 5: a downgrade at the end of a period, whose rows overlap a little, after one that was called off. 6: a downgrade to come
    (4, 4, '4', 1, 2, '2024-01-01', '2024-03-16 10:00:00.4', NULL, NULL, NULL, 0, NULL),
    (104, 4, '4', 3, 1, '2024-03-16 10:00:01', NULL, NULL, NULL, 4, 0, NULL),
    (5, 5, '5', 2, 2, '2024-01-01', '2024-04-01 00:00:30', NULL, NULL, NULL, 0, NULL),
    (105, 5, '5', 7, 3, NULL, NULL, NULL, NULL, 5, 0, '2024-03-15'),
    (205, 5, '5', 1, 1, '2024-04-01', NULL, NULL, NULL, 5, 0, NULL),
    (6, 6, '6', 2, 1, '2024-02-01', NULL, NULL, NULL, NULL, 0, NULL),
    (106, 6, '6', 1, 0, NULL, NULL, NULL, NULL, 6, 0, NULL),
    -- 7: terminated, billed by the calendar. 8: by the anniversary. 9: ended as set beforehand. 10: weekly
    (7, 7, '7', 1, 2, '2024-01-15', '2024-04-10 12:00', NULL, NULL, NULL, 0, NULL),
    (8, 8, '8', 1, 2, '2024-01-15', '2024-04-10 12:00', NULL, NULL, NULL, 1, NULL),
    (9, 9, '9', 1, 2, '2024-01-01', '2024-05-01 00:00:05', '2024-05-01', NULL, NULL, 0, NULL),
    (10, 10, '10', 4, 2, '2024-02-05', '2024-04-11 15:00', NULL, NULL, NULL, 0, NULL),
    -- 11 to 13: quarterly, semiannual, usage only. 14, 15: other currencies
    (11, 11, '11', 5, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    (12, 12, '12', 6, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    (13, 13, '13', 7, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    (14, 14, '14', 9, 1, '2024-02-01', NULL, NULL, NULL, NULL, 0, NULL),
    (15, 15, '15', 10, 1, '2024-02-01', NULL, NULL, NULL, NULL, 0, NULL),
    -- 16: its customer is deleted on 10 March. 17: came back under the same external id. 18: incomplete
    (16, 16, '16', 1, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    (17, 17, '17', 1, 2, '2024-01-01', '2024-02-10', NULL, NULL, NULL, 0, NULL),
    (117, 17, '17', 1, 1, '2024-04-05', NULL, NULL, NULL, NULL, 0, NULL),
    (18, 18, '18', 1, 4, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    -- 19 to 23, 29: coupons. 20 has two subscriptions. 24: past due. 25: a plan overridden for one customer
    (19, 19, '19', 2, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    (20, 20, '20', 1, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    (120, 20, '120', 3, 1, '2024-02-01', NULL, NULL, NULL, NULL, 0, NULL),
    (21, 21, '21', 1, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    (22, 22, '22', 1, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    (23, 23, '23', 1, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    (24, 24, '24', 1, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    (25, 25, '25', 11, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    (29, 29, '29', 2, 1, '2024-01-01', NULL, NULL, NULL, NULL, 0, NULL),
    -- 26: a trial known from the plan only. 27: a trial that still runs. 28: upgraded during the trial, to a plan without one
    (26, 26, '26', 8, 2, '2024-06-01 10:00', '2024-08-01', NULL, NULL, NULL, 0, NULL),
    (27, 27, '27', 12, 1, '2024-12-01', NULL, NULL, NULL, NULL, 0, NULL),
    (28, 28, '28', 8, 2, '2024-03-01', '2024-03-06', NULL, NULL, NULL, 0, NULL),
    (128, 28, '28', 2, 1, '2024-03-06', NULL, NULL, NULL, 28, 0, NULL),
    -- 30: terminated seven seconds after its trial. 31: upgraded during the trial, which goes on
    (30, 30, '30', 8, 2, '2024-04-01', '2024-04-15 00:00:07', NULL, '2024-04-15', NULL, 0, NULL),
    (31, 31, '31', 8, 2, '2024-04-01', '2024-04-06', NULL, NULL, NULL, 0, NULL),
    (131, 31, '31', 13, 1, '2024-04-06', NULL, NULL, '2024-04-15', 31, 0, NULL)
) AS s (n, customer, external, plan, status, starts, stops, ending, trial, previous, billing_time, canceled);
INSERT INTO coupons SELECT u(n), 'coupon_' || n, n = 3, false FROM generate_series(1, 3) n;
INSERT INTO applied_coupons (id, coupon_id, customer_id, status, amount_cents, amount_currency, percentage_rate, frequency, frequency_duration, frequency_duration_remaining, created_at, terminated_at)
SELECT u(n), u(coupon), u(customer), status, cents, CASE WHEN cents IS NOT NULL THEN 'EUR' END, percentage, frequency, periods, left_over, starts::timestamp, stops::timestamp
FROM (VALUES
    (1, 1, 19, 0, NULL, 25.0, 2, NULL, NULL::integer, '2024-02-01', NULL),      -- 25 % for good
    (2, 2, 20, 1, 500, NULL, 2, NULL, NULL, '2024-01-01', '2024-06-01'),        -- 5.00 off, taken away on 1 June
    (3, 1, 21, 1, NULL, 50.0, 1, 3, 0, '2024-02-01', '2024-04-01'),             -- 50 % for three periods, used up with the third invoice
    (4, 2, 22, 1, 1000, NULL, 0, NULL, NULL, '2024-03-01', '2024-03-01 00:05'), -- 10.00 off once
    (5, 3, 23, 0, NULL, 25.0, 2, NULL, NULL, '2024-02-01', NULL),               -- of certain plans only
    (6, 1, 29, 0, NULL, 10.0, 2, NULL, NULL, '2024-01-01', NULL), (7, 1, 29, 0, NULL, 20.0, 2, NULL, NULL, '2024-01-01', NULL), (8, 2, 29, 0, 500, NULL, 2, NULL, NULL, '2024-01-01', NULL)
) AS c (n, coupon, customer, status, cents, percentage, frequency, periods, left_over, starts, stops);
INSERT INTO invoices VALUES (u(1), u(24), true, '2024-08-15', 2), (u(2), u(24), true, '2024-09-15', 2), (u(3), u(1), false, '2024-08-15', 1);
INSERT INTO fees (id, invoice_id, subscription_id) VALUES (u(1), u(1), u(24)), (u(2), u(2), u(24)), (u(3), u(3), u(1)), (u(4), u(1), NULL);
SET search_path = public;

SELECT * FROM create_billing_views('lago', 'lago_src', 'lago_churn');
CREATE FUNCTION lago_src.n(text) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT ltrim(right($1, 3), ''ub_0'')::integer';
SELECT subscription_id AS id, lago_src.n(customer_id) AS customer, product, plan, currency AS cur, billing_interval AS every, quantity AS n, date_trunc('minute', started_at) AS started,
       date_trunc('minute', ended_at) AS ended, mrr, status, trial_started_at::date AS trial, trial_ended_at::date AS trial_end, canceled_at, cancel_reason
FROM lago_churn.subscriptions ORDER BY 2, subscription_id, started_at;
SELECT lago_src.n(customer_id) AS customer, currency, mrr, status, lifecycle_stage, first_start, ended_on FROM lago_churn.customers WHERE lago_src.n(customer_id) IN (3, 5, 9, 13, 16, 17, 24, 27, 28, 30, 31) ORDER BY 1;
-- rows of a chain touch: a change of plan is no churn, whatever the policy
SELECT started_at, ended_at, mrr FROM lago_churn.subscriptions WHERE subscription_id IN ('sub_4', 'sub_5') ORDER BY subscription_id, started_at;

-- MRR at the end of each month by hand. The same all along: 1, 2 from its trial's end on, 11, 12, 21 to 25, and 29: 50 x 0.9 x 0.8 - 5.
CREATE TABLE lago_src.by_hand (month date, currency text, mrr numeric);
INSERT INTO lago_src.by_hand SELECT month, 'EUR', 20 + 30 + 30 + 20 + 20 + 20 + 20 + 20 + 15 + 31 + others FROM (VALUES
    ('2024-01-01'::date, 20 + 50 + 20 + 20 + 20 + 20 + 20 + 50 + 15),       -- 4 5 7 8 9 16 17 19 20
    ('2024-02-01', 20 + 50 + 50 + 20 + 20 + 20 + 52 + 20 + 37.5 + 15 + 40), -- 4 5 6 7 8 9 10 16 19 20 120: 17 left, 19 has 25 % off, 10 pays 12 x 52 / 12
    ('2024-03-01', 40 + 50 + 50 + 20 + 20 + 20 + 52 + 37.5 + 15 + 40 + 50), -- 4 5 6 7 8 9 10 19 20 120 28: 4 is at 480 a year, 16 deleted
    ('2024-04-01', 40 + 20 + 50 + 20 + 20 + 37.5 + 15 + 40 + 50 + 45),      -- 4 5 6 9 17 19 20 120 28 31: 5 is at 20, 7, 8 and 10 left, 17 is back; 30 never paid
    ('2024-05-01', 40 + 20 + 50 + 20 + 37.5 + 15 + 40 + 50 + 45),           -- 9 left
    ('2024-06-01', 40 + 20 + 50 + 20 + 37.5 + 20 + 40 + 50 + 45 + 30),      -- 20 has no coupon any more, 26 pays from 15 June
    ('2024-07-01', 40 + 20 + 50 + 20 + 37.5 + 20 + 40 + 50 + 45 + 30)) AS h (month, others);
INSERT INTO lago_src.by_hand SELECT month, currency, mrr FROM generate_series('2024-02-01'::date, '2024-07-01', '1 month') AS month, (VALUES ('JPY', 1000), ('KWD', 12.345)) AS c (currency, mrr);
CREATE VIEW lago_src.computed AS
    SELECT period_start AS month, currency, closing_mrr AS mrr FROM lago_churn.mrr_movements WHERE period_start <= '2024-07-01';
(SELECT 'by hand' AS side, * FROM (TABLE lago_src.by_hand EXCEPT TABLE lago_src.computed) d) UNION ALL
(SELECT 'computed', * FROM (TABLE lago_src.computed EXCEPT TABLE lago_src.by_hand) d) ORDER BY 2, 3, 1;

-- Trials: 2 and 3 end in January, 28 with the upgrade in March, 30 and 31 in April, 26 in June; all but 3 and 30 convert. Amounts are those of the plan when the trial ends.
SELECT currency, period_start, ended_trials, converted_trials, ended_mrr, converted_mrr FROM lago_churn.trials WHERE period_start < '2024-07-01' AND ended_trials > 0 ORDER BY 2;
SELECT period_start, opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers FROM lago_churn.churn WHERE currency = 'EUR' AND period_start < '2024-06-01' ORDER BY 1;

-- Each option, and what it changes.
CREATE FUNCTION lago_src.changes(VARIADIC ids text[]) RETURNS TABLE (id text, started_at timestamptz, ended_at timestamptz, mrr numeric, status text) LANGUAGE sql
    AS 'SELECT subscription_id, started_at, ended_at, mrr, status FROM lago_churn.subscriptions WHERE subscription_id = ANY (ids) ORDER BY lago_src.n(subscription_id), started_at';
-- Lago terminates at once: the end and the cancellation are one moment
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn', recognition => 'canceled');
SELECT count(*) AS differences FROM (TABLE lago_src.by_hand EXCEPT TABLE lago_src.computed) d;
-- 7 to the end of the month, 8 to its 15th, 9 stays at the first moment of a month, 10 to Sunday; 30 has no period
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn', recognition => 'period_end');
SELECT * FROM lago_src.changes('sub_4', 'sub_7', 'sub_8', 'sub_9', 'sub_10', 'sub_17', 'sub_30');
-- 24 was due on 15 August
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn', past_due => '10 days');
SELECT * FROM lago_src.changes('sub_24');
-- all discounts, none, and those that last
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn', discounts => 'all');
SELECT * FROM lago_src.changes('sub_19', 'sub_20', 'sub_120', 'sub_21', 'sub_22', 'sub_23', 'sub_29');
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn', discounts => 'none');
SELECT * FROM lago_src.changes('sub_19', 'sub_20', 'sub_120', 'sub_21', 'sub_22', 'sub_23', 'sub_29');
-- there are no pauses; months and weeks of another zone; exceptions to the digits
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn', pauses => 'keep', time_zone => 'Europe/Paris', recognition => 'period_end', minor_units => '{"KWD": 2}');
SELECT * FROM lago_src.changes('sub_7', 'sub_8', 'sub_10', 'sub_15', 'sub_26');
-- the reader's zone and settings change nothing
SET TimeZone = 'Asia/Tokyo';
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'iso_8601';
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn');
SELECT count(*) AS differences FROM (TABLE lago_src.by_hand EXCEPT TABLE lago_src.computed) d;
SET TimeZone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';

-- A schema by any name.
ALTER SCHEMA lago_src RENAME TO "lago %1$s ""src""; --";
SELECT count(*) FROM create_billing_views('lago', 'lago %1$s "src"; --', 'lago_other');
SELECT count(*) AS differences FROM (TABLE lago_other.subscriptions EXCEPT TABLE lago_churn.subscriptions) d;
DROP SCHEMA lago_other CASCADE;
ALTER SCHEMA "lago %1$s ""src""; --" RENAME TO lago_src;

-- Rows that cannot be are left out, and counted; views and other rows stay as they are. Moments beyond the years 1 to 9998 are infinitely far away.
CREATE FUNCTION lago_src.read_all(target name) RETURNS TABLE (view_name name, readable boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH view_name IN ARRAY '{subscriptions,mrr_movements,churn,cohorts,customers,renewals,trials}'::name[] LOOP
        EXECUTE format('SELECT count(v::text) > 0 FROM %I.%I AS v', target, view_name) INTO readable;
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn');
CREATE TABLE lago_src.good AS TABLE lago_churn.subscriptions;
SET search_path = lago_src, public;
INSERT INTO plans (id, name, code, interval, amount_cents, amount_currency, trial_period) SELECT u(n), 'Bad', name, every, cents, 'EUR', days
FROM (VALUES (41, 'negative', 1, -100, NULL::double precision), (42, 'no such interval', 7, 100, NULL), (43, 'trial of many years', 1, 100, 1e300), (44, 'trial of no number', 1, 100, 'NaN'), (45, 'endless trial', 1, 100, 'Infinity'),
             (46, 'trial backwards', 1, 100, -1e9), (47, 'a trillion trillion', 1, 9223372036854775807, 0)) AS p (n, name, every, cents, days);
INSERT INTO customers (id, external_id) SELECT u(n), 'cust_' || n FROM generate_series(41, 60) n;
INSERT INTO subscriptions (id, customer_id, external_id, plan_id, status, started_at, terminated_at, ending_at, trial_ended_at, billing_time, subscription_at, canceled_at)
SELECT u(n), u(n), 'sub_' || n, u(plan), status, starts::timestamp, stops::timestamp, ending::timestamp, trial::timestamp, 1, anniversary::timestamp, canceled::timestamp
FROM (VALUES
    (41, 41, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL), (42, 42, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL), (43, 43, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL), (44, 44, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL),
    (45, 45, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL), (46, 46, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL), (47, 47, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL),
    (48, 1, 2, '4713-01-01 BC', '2024-03-05', NULL, NULL, NULL, NULL), (49, 1, 1, '294276-12-31', NULL, NULL, NULL, NULL, NULL), (50, 1, 2, '2024-01-01', '294276-12-31', NULL, NULL, NULL, '294276-12-31'),
    (51, 1, 2, '2024-01-01', '2024-03-05', NULL, NULL, '4713-01-01 BC', '-infinity'), (52, 1, 1, '2024-01-01', NULL, 'infinity', NULL, '294276-12-31', NULL), (53, 1, 1, '2024-01-01', NULL, NULL, '294276-12-31', NULL, NULL),
    (54, 1, 2, '2024-01-01', '4713-01-01 BC', NULL, NULL, NULL, NULL), (55, 1, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL), (56, 1, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL), (57, 1, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL),
    (58, 1, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL), (59, 1, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL), (60, 41, 1, '2024-01-01', NULL, NULL, NULL, NULL, NULL)
) AS s (n, plan, status, starts, stops, ending, trial, anniversary, canceled);
UPDATE customers SET deleted_at = '294276-12-31' WHERE id = u(55);
INSERT INTO applied_coupons (id, coupon_id, customer_id, status, amount_cents, amount_currency, percentage_rate, frequency, frequency_duration, frequency_duration_remaining, created_at, terminated_at)
SELECT u(n), u(1), u(customer), 0, cents, 'EUR', percentage, frequency, periods, NULL, starts::timestamp, stops::timestamp
FROM (VALUES (41, 56, NULL, 10::numeric, 1, 2147483647, '2024-02-01', NULL), (42, 57, NULL, 10, 1, -2147483648, '2024-02-01', NULL), (43, 58, NULL, 10, 0, NULL, '294276-12-31', '294276-12-31'), (44, 59, -500, NULL, 2, NULL, '4713-01-01 BC', NULL),
             (45, 59, NULL, 'NaN', 2, NULL, '2024-02-01', NULL), (46, 59, NULL, -99999, 2, NULL, '2024-02-01', NULL), (47, 60, 100, NULL, 2, NULL, '2024-02-01', NULL)) AS c (n, customer, cents, percentage, frequency, periods, starts, stops);
INSERT INTO invoices VALUES (u(41), u(55), true, '5874897-12-31', 2), (u(42), u(56), true, '-infinity', 2);
INSERT INTO fees (id, invoice_id, subscription_id) VALUES (u(41), u(41), u(55)), (u(42), u(42), u(56));
SET search_path = public;
-- 41, 42, 47, 48 and 60: 60 has no price, and no discount makes it one. 43, 45 and 53 are on trial, 49 has not begun, 54 was over before
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn');
SELECT * FROM lago_src.read_all('lago_churn');
SELECT subscription_id AS id, plan, started_at, ended_at, mrr, status, trial_ended_at, canceled_at FROM lago_churn.subscriptions WHERE lago_src.n(customer_id) > 40 ORDER BY 1, 3;
SELECT count(*) AS differences FROM ((TABLE lago_src.good EXCEPT TABLE lago_churn.subscriptions) UNION ALL (SELECT * FROM lago_churn.subscriptions WHERE lago_src.n(customer_id) < 40 EXCEPT TABLE lago_src.good)) d;
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn', recognition => 'period_end', past_due => '10 days', discounts => 'all', time_zone => 'America/New_York');
SELECT bool_and(readable) FROM lago_src.read_all('lago_churn');
SELECT subscription_id AS id, started_at, ended_at, mrr FROM lago_churn.subscriptions WHERE lago_src.n(customer_id) BETWEEN 51 AND 59 AND subscription_id NOT IN ('sub_52', 'sub_54') ORDER BY 1, 2;
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn', recognition => 'canceled', discounts => 'none', trials => 'free', time_zone => 'Pacific/Kiritimati');
SELECT bool_and(readable) FROM lago_src.read_all('lago_churn');
DELETE FROM lago_src.subscriptions WHERE id > lago_src.u(40) AND id < lago_src.u(100);

-- Older schemas: without what belongs to coupons, overdue invoices, ends set beforehand, ends of trials, anniversaries.
DROP SCHEMA lago_churn CASCADE;
ALTER TABLE lago_src.applied_coupons DROP COLUMN frequency_duration_remaining;
DROP TABLE lago_src.fees;
ALTER TABLE lago_src.subscriptions DROP COLUMN ending_at, DROP COLUMN trial_ended_at, DROP COLUMN billing_time, DROP COLUMN subscription_at;
SELECT count(*) FROM create_billing_views('lago', 'lago_src', 'lago_churn', recognition => 'period_end');
SELECT * FROM lago_src.changes('sub_2', 'sub_8', 'sub_9', 'sub_19', 'sub_24');

-- What is missing is named; nothing is made.
DROP SCHEMA lago_churn CASCADE;
ALTER TABLE lago_src.plans ALTER amount_currency TYPE integer USING 1;
SELECT * FROM create_billing_views('lago', 'lago_src', 'lago_other');
ALTER TABLE lago_src.plans DROP COLUMN amount_cents;
SELECT * FROM create_billing_views('lago', 'lago_src', 'lago_other');
ALTER TABLE lago_src.customers RENAME TO clients;
SELECT * FROM create_billing_views('lago', 'lago_src', 'lago_other');
SELECT count(*) FROM pg_namespace WHERE nspname = 'lago_other';
