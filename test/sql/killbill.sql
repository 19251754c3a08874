-- Views over the tables of Kill Bill's analytics plugin.
\set VERBOSITY terse
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET client_min_messages = warning;

-- The table as the plugin makes it in PostgreSQL; without the converted amounts.
CREATE SCHEMA killbill_src;
SET search_path = killbill_src, public;
CREATE DOMAIN killbill_src.datetime AS timestamp without time zone;
CREATE TABLE analytics_subscription_transitions (
    record_id serial PRIMARY KEY, subscription_event_record_id bigint, bundle_id varchar(36), bundle_external_key varchar(255), subscription_id varchar(36),
    requested_timestamp date, event varchar(50),
    prev_product_name varchar(255), prev_product_type varchar(50), prev_product_category varchar(50), prev_slug varchar(255), prev_phase varchar(255),
    prev_billing_period varchar(50), prev_price numeric(10, 4) DEFAULT 0, prev_price_list varchar(50), prev_mrr numeric(10, 4) DEFAULT 0, prev_currency varchar(50),
    prev_service varchar(50), prev_state varchar(50), prev_business_active bool DEFAULT true, prev_start_date date,
    next_product_name varchar(255), next_product_type varchar(50), next_product_category varchar(50), next_slug varchar(255), next_phase varchar(255),
    next_billing_period varchar(50), next_price numeric(10, 4) DEFAULT 0, next_price_list varchar(50), next_mrr numeric(10, 4) DEFAULT 0, next_currency varchar(50),
    next_service varchar(50), next_state varchar(50), next_business_active bool DEFAULT true, next_start_date date, next_end_date date,
    created_date datetime, created_by varchar(50), created_reason_code varchar(255), created_comments varchar(255),
    account_id varchar(36), account_name varchar(100), account_external_key varchar(255), account_record_id bigint, tenant_record_id bigint, report_group varchar(50) NOT NULL);

-- A row of the entitlement, and its twin of the billing where the plugin writes both; the plugin's mrr is 0 for weeks.
CREATE PROCEDURE entitlement(account text, subscription text, event text, starts date, ends date, product text, slug text, period text, price numeric,
                             created timestamp DEFAULT NULL, reason text DEFAULT NULL, currency text DEFAULT 'EUR', prev_phase text DEFAULT NULL, report_group text DEFAULT 'default')
LANGUAGE sql AS $$
    INSERT INTO killbill_src.analytics_subscription_transitions (account_id, subscription_id, event, prev_phase, next_start_date, next_end_date, next_product_name, next_product_type, next_slug, next_phase,
        next_billing_period, next_price, next_mrr, next_currency, next_service, next_state, created_date, created_reason_code, report_group)
    SELECT account, subscription, replace(event, 'ENTITLEMENT', part) || '_BASE', prev_phase, starts, ends, product, 'catalog', slug, upper(substring(slug FROM '[a-z]+$')), period, price,
        CASE period WHEN 'MONTHLY' THEN price WHEN 'QUARTERLY' THEN price / 3 WHEN 'ANNUAL' THEN price / 12 WHEN 'WEEKLY' THEN 0 END, currency,
        lower(part) || '-service', 'ENT_' || event, created, reason, report_group
    FROM unnest(ARRAY['ENTITLEMENT', 'BILLING']) AS part;
$$;
-- A state of the overdue system, which comes with PAUSE_ and RESUME_ where it blocks.
CREATE PROCEDURE overdue(account text, subscription text, event text, starts date, ends date, state text, slug text, price numeric)
LANGUAGE sql AS $$
    INSERT INTO killbill_src.analytics_subscription_transitions (account_id, subscription_id, event, next_start_date, next_end_date, next_product_name, next_slug, next_phase, next_billing_period,
        next_price, next_mrr, next_currency, next_service, next_state, report_group)
    VALUES (account, subscription, event || '_BASE', starts, ends, 'Gold', slug, 'EVERGREEN', 'MONTHLY', price, price, 'EUR', 'overdue-service', state, 'default');
$$;

-- 1: from the first day on. 2: a trial that converts. 3: a trial that is given up.
CALL entitlement('a1', 's1', 'START_ENTITLEMENT', '2024-01-10', NULL, 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30);
CALL entitlement('a2', 's2', 'START_ENTITLEMENT', '2024-01-05', '2024-01-19', 'Gold', 'gold-monthly-trial', NULL, NULL);
CALL entitlement('a2', 's2', 'SYSTEM_CHANGE', '2024-01-19', NULL, 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30, prev_phase => 'TRIAL');
CALL entitlement('a3', 's3', 'START_ENTITLEMENT', '2024-01-05', '2024-01-12', 'Gold', 'gold-monthly-trial', NULL, NULL);
CALL entitlement('a3', 's3', 'STOP_ENTITLEMENT', '2024-01-12', NULL, NULL, NULL, NULL, NULL, '2024-01-12 09:00', 'too complex', prev_phase => 'TRIAL');
-- 4: paused in March and April. 5: overdue from 11 February, blocked from the 25th, paid on 10 March.
CALL entitlement('a4', 's4', 'START_ENTITLEMENT', '2024-01-01', '2024-03-01', 'Silver', 'silver-monthly-evergreen', 'MONTHLY', 20);
CALL entitlement('a4', 's4', 'PAUSE_ENTITLEMENT', '2024-03-01', '2024-05-01', 'Silver', 'silver-monthly-evergreen', 'MONTHLY', 20);
CALL entitlement('a4', 's4', 'RESUME_ENTITLEMENT', '2024-05-01', NULL, 'Silver', 'silver-monthly-evergreen', 'MONTHLY', 20);
CALL entitlement('a5', 's5', 'START_ENTITLEMENT', '2024-01-01', NULL, 'Gold', 'gold-plus-evergreen', 'MONTHLY', 40);
CALL overdue('a5', 's5', 'STATE_CHANGE', '2024-02-11', '2024-02-25', 'WARNING', 'gold-plus-evergreen', 40);
CALL overdue('a5', 's5', 'PAUSE_ENTITLEMENT', '2024-02-25', '2024-02-25', 'BLOCKED', 'gold-plus-evergreen', 40);
CALL overdue('a5', 's5', 'PAUSE_BILLING', '2024-02-25', '2024-03-10', 'BLOCKED', 'gold-plus-evergreen', 40);
CALL overdue('a5', 's5', 'RESUME_ENTITLEMENT', '2024-03-10', '2024-03-10', '__KILLBILL__CLEAR__OVERDUE_STATE__', 'gold-plus-evergreen', 40);
CALL overdue('a5', 's5', 'RESUME_BILLING', '2024-03-10', NULL, '__KILLBILL__CLEAR__OVERDUE_STATE__', 'gold-plus-evergreen', 40);
-- 6: from monthly to annual. 7: cancelled on 2 April for the 15th. 8: without service at once, billed to the period's end. 9: stopped at once.
CALL entitlement('a6', 's6', 'START_ENTITLEMENT', '2024-01-01', '2024-03-16', 'Silver', 'silver-monthly-evergreen', 'MONTHLY', 20);
CALL entitlement('a6', 's6', 'CHANGE', '2024-03-16', NULL, 'Gold', 'gold-annual-evergreen', 'ANNUAL', 300);
CALL entitlement('a7', 's7', 'START_ENTITLEMENT', '2024-01-15', '2024-04-15', 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30);
CALL entitlement('a7', 's7', 'STOP_ENTITLEMENT', '2024-04-15', NULL, NULL, NULL, NULL, NULL, '2024-04-02 10:00', 'price');
CALL entitlement('a8', 's8', 'START_ENTITLEMENT', '2024-01-20', '2024-03-05', 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30);
CALL entitlement('a8', 's8', 'STOP_ENTITLEMENT', '2024-03-05', NULL, NULL, NULL, NULL, NULL, '2024-03-05 12:00');
UPDATE analytics_subscription_transitions SET next_start_date = '2024-03-20' WHERE subscription_id = 's8' AND event = 'STOP_BILLING_BASE';
CALL entitlement('a9', 's9', 'START_ENTITLEMENT', '2024-01-31', '2024-03-10', 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30);
CALL entitlement('a9', 's9', 'STOP_ENTITLEMENT', '2024-03-10', NULL, NULL, NULL, NULL, NULL, '2024-03-10 08:00');
-- 10, 11: other currencies, in major units. 12: weekly. 13: usage only.
CALL entitlement('a10', 's10', 'START_ENTITLEMENT', '2024-02-01', NULL, 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 1000, currency => 'JPY');
CALL entitlement('a11', 's11', 'START_ENTITLEMENT', '2024-02-01', NULL, 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 12.345, currency => 'KWD');
CALL entitlement('a12', 's12', 'START_ENTITLEMENT', '2024-02-05', '2024-04-08', 'Gold', 'gold-weekly-evergreen', 'WEEKLY', 12);
CALL entitlement('a12', 's12', 'STOP_ENTITLEMENT', '2024-04-08', NULL, NULL, NULL, NULL, NULL, '2024-03-28 00:00');
CALL entitlement('a13', 's13', 'START_ENTITLEMENT', '2024-01-01', NULL, 'Meter', 'meter-evergreen', 'NO_BILLING_PERIOD', NULL);
-- 14: with an add-on. 16: an account for tests. 17: left, and came back with another subscription.
CALL entitlement('a14', 's14', 'START_ENTITLEMENT', '2024-01-01', NULL, 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30);
CALL entitlement('a14', 's15', 'START_ENTITLEMENT', '2024-01-01', NULL, 'Storage', 'storage-monthly-evergreen', 'MONTHLY', 5);
CALL entitlement('a16', 's16', 'START_ENTITLEMENT', '2024-01-01', NULL, 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30, report_group => 'test');
CALL entitlement('a17', 's17', 'START_ENTITLEMENT', '2024-01-01', '2024-02-10', 'Silver', 'silver-small-evergreen', 'MONTHLY', 18);
CALL entitlement('a17', 's17', 'STOP_ENTITLEMENT', '2024-02-10', NULL, NULL, NULL, NULL, NULL, '2024-02-10 16:00');
CALL entitlement('a17', 's18', 'START_ENTITLEMENT', '2024-04-05', NULL, 'Silver', 'silver-small-evergreen', 'MONTHLY', 18);
-- 19: a first phase at a lower price. 20: a phase of fixed length is the last. 21: a phase that ends while it is paused.
CALL entitlement('a19', 's19', 'START_ENTITLEMENT', '2024-01-01', '2024-03-01', 'Gold', 'gold-promo-discount', 'MONTHLY', 15);
CALL entitlement('a19', 's19', 'SYSTEM_CHANGE', '2024-03-01', NULL, 'Gold', 'gold-promo-evergreen', 'MONTHLY', 30, prev_phase => 'DISCOUNT');
CALL entitlement('a20', 's20', 'START_ENTITLEMENT', '2024-01-01', '2024-07-01', 'Gold', 'gold-half-fixedterm', 'QUARTERLY', 60);
CALL entitlement('a21', 's21', 'START_ENTITLEMENT', '2024-01-01', '2024-02-01', 'Silver', 'silver-promo-discount', 'MONTHLY', 10);
CALL entitlement('a21', 's21', 'PAUSE_ENTITLEMENT', '2024-02-01', '2024-03-01', 'Silver', 'silver-promo-discount', 'MONTHLY', 10);
CALL entitlement('a21', 's21', 'SYSTEM_CHANGE', '2024-03-01', '2024-04-01', 'Silver', 'silver-promo-evergreen', 'MONTHLY', 22, prev_phase => 'DISCOUNT');
CALL entitlement('a21', 's21', 'RESUME_ENTITLEMENT', '2024-04-01', NULL, 'Silver', 'silver-promo-evergreen', 'MONTHLY', 22);
-- 25: takes another plan within the trial, which goes on.
CALL entitlement('a25', 's25', 'START_ENTITLEMENT', '2024-03-01', '2024-03-06', 'Silver', 'silver-monthly-trial', NULL, NULL);
CALL entitlement('a25', 's25', 'CHANGE', '2024-03-06', '2024-03-15', 'Gold', 'gold-monthly-trial', NULL, NULL, prev_phase => 'TRIAL');
CALL entitlement('a25', 's25', 'SYSTEM_CHANGE', '2024-03-15', NULL, 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30, prev_phase => 'TRIAL');
-- 22: a trial that still runs. 23: not begun.
CALL entitlement('a22', 's22', 'START_ENTITLEMENT', '2024-12-01', '2999-01-01', 'Gold', 'gold-monthly-trial', NULL, NULL);
CALL entitlement('a22', 's22', 'SYSTEM_CHANGE', '2999-01-01', NULL, 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30, prev_phase => 'TRIAL');
CALL entitlement('a23', 's23', 'START_ENTITLEMENT', '2999-01-01', NULL, 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30);
SET search_path = public;

SELECT * FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn');
SELECT subscription_id AS id, customer_id AS customer, product, plan, currency AS cur, billing_interval AS every, quantity AS n, started_at::date AS started, ended_at::date AS ended, mrr, status,
       trial_started_at::date AS trial, trial_ended_at::date AS trial_end, canceled_at, cancel_reason
FROM killbill_churn.subscriptions ORDER BY substr(subscription_id, 2)::integer, started_at;
SELECT customer_id, currency, mrr, status, lifecycle_stage, first_start, ended_on FROM killbill_churn.customers ORDER BY substr(customer_id, 2)::integer;

-- MRR at the end of each month by hand, per subscription.
-- Trial 2 pays from 19 January, trial 25 from 15 March; 12 costs 12 x 52 / 12 = 52 from 5 February to 8 April.
CREATE TABLE killbill_src.by_hand (month date, currency text, mrr numeric);
INSERT INTO killbill_src.by_hand VALUES
    ('2024-01-01', 'EUR', 30 + 30 + 20 + 40 + 20 + 30 + 30 + 30 + 30 + 5 + 18 + 15 + 20 + 10),   -- 1 2 4 5 6 7 8 9 14 15 17 19 20 21
    ('2024-02-01', 'EUR', 30 + 30 + 20 + 40 + 20 + 30 + 30 + 30 + 52 + 30 + 5 + 15 + 20),        -- 1 2 4 5 6 7 8 9 12 14 15 19 20: 17 left, 21 paused
    ('2024-03-01', 'EUR', 30 + 30 + 40 + 25 + 30 + 52 + 30 + 5 + 30 + 20 + 30),                  -- 1 2 5 6 7 12 14 15 19 20 25: 8 and 9 left, 4 paused, 6 pays 300 a year
    ('2024-04-01', 'EUR', 30 + 30 + 40 + 25 + 30 + 5 + 18 + 30 + 20 + 22 + 30),                  -- 1 2 5 6 14 15 18 19 20 21 25: 7 and 12 left, 18 and 21 are back
    ('2024-05-01', 'EUR', 30 + 30 + 20 + 40 + 25 + 30 + 5 + 18 + 30 + 20 + 22 + 30),             -- 4 is back
    ('2024-06-01', 'EUR', 30 + 30 + 20 + 40 + 25 + 30 + 5 + 18 + 30 + 20 + 22 + 30),             -- 20 ends on 1 July
    ('2024-07-01', 'EUR', 30 + 30 + 20 + 40 + 25 + 30 + 5 + 18 + 30 + 22 + 30);
INSERT INTO killbill_src.by_hand SELECT month, currency, mrr FROM generate_series('2024-02-01'::date, '2024-07-01', '1 month') AS month, (VALUES ('JPY', 1000), ('KWD', 12.345)) AS c (currency, mrr);
CREATE VIEW killbill_src.computed AS
    SELECT period_start AS month, currency, closing_mrr AS mrr FROM killbill_churn.mrr_movements WHERE period_start <= '2024-07-01';
(SELECT 'by hand' AS side, * FROM (TABLE killbill_src.by_hand EXCEPT TABLE killbill_src.computed) d) UNION ALL
(SELECT 'computed', * FROM (TABLE killbill_src.computed EXCEPT TABLE killbill_src.by_hand) d) ORDER BY 2, 3, 1;

-- Trials: 2 and 3 end in January, 2 converts; 3 would have paid what the trials of its plan turn into. 25 is one trial, at the price of its second plan.
SELECT currency, period_start, ended_trials, converted_trials, ended_mrr, converted_mrr FROM killbill_churn.trials WHERE ended_trials > 0 AND period_start < '2999-01-01' ORDER BY period_start;
SELECT period_start, opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers FROM killbill_churn.churn WHERE currency = 'EUR' AND period_start < '2024-06-01' ORDER BY 1;

-- Each option, and what it changes.
CREATE FUNCTION killbill_src.changes(VARIADIC ids text[]) RETURNS TABLE (id text, started_at timestamptz, ended_at timestamptz, mrr numeric, status text) LANGUAGE sql
    AS 'SELECT subscription_id, started_at, ended_at, mrr, status FROM killbill_churn.subscriptions WHERE subscription_id = ANY (ids) ORDER BY substr(subscription_id, 2)::integer, started_at';
-- the moment of the cancellation
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn', recognition => 'canceled');
SELECT * FROM killbill_src.changes('s7', 's8', 's9', 's12', 's17', 's20');
-- 7 was cancelled for the end of a period; 8 was billed until 20 March; 9's period ends on 31 March, that of 17 on 1 March
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn', recognition => 'period_end');
SELECT * FROM killbill_src.changes('s7', 's8', 's9', 's12', 's17', 's20');
-- 4 in one piece, 21 in two
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn', pauses => 'keep');
SELECT * FROM killbill_src.changes('s4', 's5', 's21');
-- 5 counts for ten days after 11 February, and again once it has paid; sixty days are enough
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn', past_due => '10 days');
SELECT * FROM killbill_src.changes('s4', 's5', 's21');
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn', past_due => '60 days');
SELECT * FROM killbill_src.changes('s5');
-- days of another zone; nothing is a discount
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn', time_zone => 'America/New_York', discounts => 'none');
SELECT * FROM killbill_src.changes('s2', 's7', 's19');
-- the reader's zone and settings change nothing
SET TimeZone = 'Asia/Tokyo';
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'iso_8601';
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn');
SELECT count(*) AS differences FROM (TABLE killbill_src.by_hand EXCEPT TABLE killbill_src.computed) d;
SET TimeZone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';

-- 1 is overdue today. 14 is overdue while it is paused: that stays a pause. 15 is blocked as overdue, paused meanwhile, and still paused when it has paid.
CALL killbill_src.overdue('a1', 's1', 'STATE_CHANGE', '2024-09-01', NULL, 'WARNING', 'gold-monthly-evergreen', 30);
CALL killbill_src.entitlement('a14', 's14', 'PAUSE_ENTITLEMENT', '2024-09-01', NULL, 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30);
CALL killbill_src.overdue('a14', 's14', 'STATE_CHANGE', '2024-10-01', '2024-11-01', 'WARNING', 'gold-monthly-evergreen', 30);
CALL killbill_src.overdue('a14', 's14', 'STATE_CHANGE', '2024-11-01', NULL, '__KILLBILL__CLEAR__OVERDUE_STATE__', 'gold-monthly-evergreen', 30);
CALL killbill_src.overdue('a14', 's15', 'PAUSE_ENTITLEMENT', '2024-10-01', '2024-11-01', 'BLOCKED', 'storage-monthly-evergreen', 5);
CALL killbill_src.overdue('a14', 's15', 'STATE_CHANGE', '2024-11-01', NULL, '__KILLBILL__CLEAR__OVERDUE_STATE__', 'storage-monthly-evergreen', 5);
-- 24 paid, and tries another plan
CALL killbill_src.entitlement('a24', 's24', 'START_ENTITLEMENT', '2024-01-01', '2024-06-01', 'Silver', 'silver-monthly-evergreen', 'MONTHLY', 20);
CALL killbill_src.entitlement('a24', 's24', 'CHANGE', '2024-06-01', '2999-01-01', 'Gold', 'gold-monthly-trial', NULL, NULL, prev_phase => 'EVERGREEN');
CALL killbill_src.entitlement('a24', 's24', 'SYSTEM_CHANGE', '2999-01-01', NULL, 'Gold', 'gold-monthly-evergreen', 'MONTHLY', 30, prev_phase => 'TRIAL');
SELECT * FROM killbill_src.changes('s1', 's14', 's15', 's24');
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn', past_due => '14 days');
SELECT * FROM killbill_src.changes('s1', 's14', 's15');

-- A schema by any name.
ALTER SCHEMA killbill_src RENAME TO "killbill %1$s ""src""; --";
SELECT count(*) FROM create_billing_views('killbill', 'killbill %1$s "src"; --', 'killbill_other', past_due => '14 days');
SELECT count(*) AS differences FROM (TABLE killbill_other.subscriptions EXCEPT TABLE killbill_churn.subscriptions) d;
DROP SCHEMA killbill_other CASCADE;
ALTER SCHEMA "killbill %1$s ""src""; --" RENAME TO killbill_src;

-- Rows that cannot be are left out, and counted; views and other rows stay as they are. Days that no moment can be are infinitely far away.
CREATE FUNCTION killbill_src.read_all(target name) RETURNS TABLE (view_name name, readable boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH view_name IN ARRAY '{subscriptions,mrr_movements,churn,cohorts,customers,renewals,trials}'::name[] LOOP
        EXECUTE format('SELECT count(v::text) > 0 FROM %I.%I AS v', target, view_name) INTO readable;
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn');
CREATE TABLE killbill_src.good AS TABLE killbill_churn.subscriptions;
DROP VIEW killbill_src.computed;
SELECT count(*) FROM drop_billing_views('killbill_churn');
ALTER TABLE killbill_src.analytics_subscription_transitions ALTER next_price TYPE numeric, ALTER next_mrr TYPE numeric;
CALL killbill_src.entitlement('b1', 'b1', 'START_ENTITLEMENT', '2024-01-01', NULL, 'Gold', 'bad-price-evergreen', 'MONTHLY', -30);
CALL killbill_src.entitlement('b2', 'b2', 'START_ENTITLEMENT', '2024-01-01', NULL, 'Gold', 'bad-price-evergreen', 'ANNUAL', 'NaN');
CALL killbill_src.entitlement('b3', 'b3', 'START_ENTITLEMENT', '2024-01-01', NULL, 'Gold', 'bad-price-evergreen', 'WEEKLY', 'Infinity');
CALL killbill_src.entitlement('b4', 'b4', 'START_ENTITLEMENT', '2024-01-01', NULL, 'Gold', 'bad-price-evergreen', 'MONTHLY', 1e30);
CALL killbill_src.entitlement('b5', 'b5', 'START_ENTITLEMENT', '2024-01-01', NULL, 'Gold', 'bad-period-evergreen', 'FORTNIGHTLY', 30);
UPDATE killbill_src.analytics_subscription_transitions SET next_mrr = '-Infinity' WHERE subscription_id = 'b5';
CALL killbill_src.entitlement('b6', 'b6', 'START_ENTITLEMENT', '4713-01-01 BC', NULL, 'Gold', 'bad-start-evergreen', 'MONTHLY', 30);
CALL killbill_src.entitlement('b7', 'b7', 'START_ENTITLEMENT', '5874897-12-31', NULL, 'Gold', 'not-begun-evergreen', 'MONTHLY', 30);
CALL killbill_src.entitlement('b8', 'b8', 'START_ENTITLEMENT', '2024-01-01', '5874897-12-31', 'Gold', 'endless-evergreen', 'MONTHLY', 30);
CALL killbill_src.entitlement('b9', 'b9', 'START_ENTITLEMENT', '2024-01-01', '5874897-12-30', 'Gold', 'endless-evergreen', 'MONTHLY', 30);
CALL killbill_src.entitlement('b9', 'b9', 'STOP_ENTITLEMENT', '5874897-12-30', NULL, NULL, NULL, NULL, NULL, '294276-12-31 23:59:59');
CALL killbill_src.entitlement('b10', 'b10', 'START_ENTITLEMENT', '2024-01-01', NULL, 'Gold', 'no-currency-evergreen', 'MONTHLY', NULL, currency => NULL);
-- b1 to b6; b7 has not begun, b8 and b9 have no end
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn');
SELECT * FROM killbill_src.read_all('killbill_churn');
SELECT customer_id, currency, started_at, ended_at, mrr, status FROM killbill_churn.subscriptions WHERE customer_id LIKE 'b%' ORDER BY 1;
SELECT count(*) AS differences FROM ((TABLE killbill_src.good EXCEPT TABLE killbill_churn.subscriptions) UNION ALL (SELECT * FROM killbill_churn.subscriptions WHERE customer_id LIKE 'a%' EXCEPT TABLE killbill_src.good)) d;
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn', recognition => 'period_end', past_due => '10 days', discounts => 'all', time_zone => 'America/New_York');
SELECT bool_and(readable) FROM killbill_src.read_all('killbill_churn');
SELECT count(*) FROM create_billing_views('killbill', 'killbill_src', 'killbill_churn', recognition => 'canceled', pauses => 'keep', trials => 'free', time_zone => 'Pacific/Kiritimati');
SELECT bool_and(readable) FROM killbill_src.read_all('killbill_churn');

-- What is missing is named; nothing is made.
ALTER TABLE killbill_src.analytics_subscription_transitions RENAME next_slug TO slug;
SELECT * FROM create_billing_views('killbill', 'killbill_src', 'killbill_other');
ALTER TABLE killbill_src.analytics_subscription_transitions RENAME TO other;
SELECT * FROM create_billing_views('killbill', 'killbill_src', 'killbill_other');
SELECT count(*) FROM pg_namespace WHERE nspname = 'killbill_other';
