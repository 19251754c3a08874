-- The presets of churn_policy: what each vendor published, reproduced from subscription rows; and all of them on one set of rows.
-- Sources: docs/presets. Dates and amounts that a vendor leaves open are chosen here.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA test_presets;
SET search_path = test_presets, public;

-- What they are. Changed from the standard: stripe basis, denominator; chartmogul basis, count_free, reactivation_offsets; baremetrics count_transient;
-- recurly minimum_absence; maxio basis, count_transient, reactivation_window, reactivation_offsets; fight_churn boundary, grace, count_free; profitwell nothing.
SELECT preset, (churn_policy(preset)).*
FROM unnest(ARRAY['standard', 'stripe', 'chartmogul', 'baremetrics', 'recurly', 'profitwell', 'maxio', 'fight_churn']) WITH ORDINALITY v (preset, n) ORDER BY n;
SELECT churn_policy('profitwell') = churn_policy() AS profitwell_is_standard;
-- An axis beside the preset wins, NULL does not.
SELECT churn_policy('chartmogul', basis => 'snapshot') = churn_policy('chartmogul') AS other, churn_policy('stripe', lookback => NULL) = churn_policy('stripe') AS same;

-- All presets on one set of rows, March 2024.
CREATE TABLE subs (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO subs VALUES
    (1, '2024-01-10', NULL,         100),    -- stays
    (2, '2024-01-15', '2024-03-20',  50),    -- leaves in March
    (3, '2024-03-05', '2024-03-25',  30),    -- comes and goes in March
    (4, '2024-01-20', '2024-03-04',  40),    -- away for five days in March,
    (4, '2024-03-09', NULL,          60),    -- and back with more
    (5, '2024-01-20', '2024-02-27',  20),    -- away for five days over the boundary
    (5, '2024-03-03', NULL,          20),
    (6, '2024-03-10', NULL,           0),    -- begins free
    (7, '2024-01-05', '2024-03-15',  70),    -- falls to a free plan
    (7, '2024-03-15', NULL,           0),
    (8, '2023-10-01', '2023-11-01',  10),    -- back after 130 days
    (8, '2024-03-10', NULL,          10),
    (9, '2024-01-01', '2024-04-01',  80);    -- ends at the boundary
-- Counted by hand: opening, new, reactivated, churned, closing, transient; churn rate.
--   standard, profitwell   5 (1 2 4 7 9), 0, 2 (5 8), 2 (2 7), 5 (1 4 5 8 9), 1 (3); 2/5
--   stripe                 5, 1 (3), 3 (4 5 8), 4 (2 3 4 7), 5, 0; 4/(5 + 1)
--   chartmogul             5, 2 (3 6), 3 (4 5 8), 3 (2 3 4), 7 (1 4 5 6 7 8 9), 0; 3/5
--   baremetrics            as standard; (2 + 1)/5
--   recurly                6 (5 too), 0, 1 (8), 2 (2 7), 5, 1 (3); 2/6
--   maxio                  5, 2 (3 8), 2 (4 5), 4 (2 3 4 7), 5, 0; 4/5
--   fight_churn            6 (5 too), 1 (6), 1 (8), 2 (2 9), 6 (1 4 5 6 7 8), 1 (3); 2/6
SELECT preset, opening_customers AS opening, new_customers AS new, reactivated_customers AS reactivated, churned_customers AS churned, closing_customers AS closing,
       transient_customers AS transient, transient_new_customers AS transient_new, round(churn_rate, 4) AS churn_rate, round(retention_rate, 4) AS retention_rate
FROM unnest(ARRAY['standard', 'stripe', 'chartmogul', 'baremetrics', 'recurly', 'profitwell', 'maxio', 'fight_churn']) WITH ORDINALITY v (preset, n),
     churn_by_period('TABLE subs', '1 month', '2024-03-01', '2024-04-01', policy => churn_policy(preset)) ORDER BY n;
-- MRR: opening, new, reactivation, expansion, contraction, churned, closing; gross, net.
--   standard, profitwell, baremetrics   340, 0, 30 (20 + 10), 20 (4), 0, 120 (50 + 70), 270; 120/340, 100/340
--   stripe                              340, 30, 90 (60 + 20 + 10), 0, 0, 190 (50 + 30 + 40 + 70), 270; 190/340, 190/340
--   chartmogul                          340, 30, 90, 0, 70 (7), 120 (50 + 30 + 40), 270; 190/340, (190 - 90)/340
--   recurly                             340, 0, 10, 40 (4: 20, 5: 20), 0, 120, 270; 120/340, 80/340
--   maxio                               340, 40 (30 + 10), 80 (60 + 20), 0, 0, 190, 270; 190/340, (190 - 80)/340
--   fight_churn                         360 (5: 20), 0, 10, 20, 70 (7), 130 (50 + 80), 190; 200/360, 180/360
SELECT preset, opening_mrr AS opening, new_mrr AS new, reactivation_mrr AS reactivation, expansion_mrr AS expansion, contraction_mrr AS contraction, churned_mrr AS churned,
       closing_mrr AS closing, round(gross_mrr_churn, 4) AS gross, round(net_mrr_churn, 4) AS net, round(nrr, 4) AS nrr, closing_customers, round(arpa, 2) AS arpa
FROM unnest(ARRAY['standard', 'stripe', 'chartmogul', 'baremetrics', 'recurly', 'profitwell', 'maxio', 'fight_churn']) WITH ORDINALITY v (preset, n),
     mrr_movements('TABLE subs', '1 month', '2024-03-01', '2024-04-01', policy => churn_policy(preset)) ORDER BY n;
-- The customers of ChartMogul (compared at the boundaries) and of Recurly (any subscription, a day away): 1 (2) of 5 is lost; new 6, reactivated 5 8, transient 3.
SELECT name, opening_customers AS opening, new_customers AS new, reactivated_customers AS reactivated, churned_customers AS churned, closing_customers AS closing,
       transient_customers AS transient, round(churn_rate, 4) AS churn_rate
FROM (VALUES (1, 'chartmogul', churn_policy('chartmogul', basis => 'snapshot')), (2, 'recurly', churn_policy('recurly', minimum_absence => '1 day', count_free => true))) v (n, name, policy),
     churn_by_period('TABLE subs', '1 month', '2024-03-01', '2024-04-01', policy => v.policy) ORDER BY n;

-- ChartMogul, 201244842: new 166.67, expansion 60, contraction 60 in January 2023; churn 166.67 a year later; reactivation 150.
CREATE TABLE syncalytics (customer text, started_at date, ended_at date, mrr numeric);
INSERT INTO syncalytics VALUES ('Syncalytics', '2023-01-10', '2024-01-10', round(4 * 500 / 12.0, 2)), ('Syncalytics', '2023-01-14', '2023-01-28', 60), ('Syncalytics', '2024-03-05', NULL, 150);
SELECT period_start, new_mrr, expansion_mrr, contraction_mrr, churned_mrr, reactivation_mrr, closing_mrr
FROM mrr_movements('TABLE syncalytics', '1 month', '2023-01-01', '2024-04-01', policy => churn_policy('chartmogul')) WHERE new_mrr + churned_mrr + expansion_mrr + reactivation_mrr > 0 ORDER BY 1;
-- Flows of changes add up: one row of 15 months has the same five numbers.
SELECT new_mrr, expansion_mrr, contraction_mrr, churned_mrr, reactivation_mrr, closing_mrr
FROM mrr_movements('TABLE syncalytics', '15 months', '2023-01-01', '2024-04-01', policy => churn_policy('chartmogul'), origin => '2023-01-01');
-- ChartMogul, 203359341 and 4414075567250: gross 0.20, net 0.10. With 5 of reactivation, net is 0.05; the standard stays at 0.10.
CREATE TABLE revenue (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO revenue VALUES (1, '2024-01-01', '2024-02-10', 10), (2, '2024-01-01', '2024-02-15', 30), (2, '2024-02-15', NULL, 20), (3, '2024-01-01', '2024-02-20', 60), (3, '2024-02-20', NULL, 70);
SELECT opening_mrr, round(gross_mrr_churn, 2) AS gross, round(net_mrr_churn, 2) AS net FROM mrr_movements('TABLE revenue', '1 month', '2024-02-01', '2024-03-01', policy => churn_policy('chartmogul'));
INSERT INTO revenue VALUES (4, '2023-12-01', '2023-12-20', 5), (4, '2024-02-12', NULL, 5);
SELECT preset, round(gross_mrr_churn, 2) AS gross, round(net_mrr_churn, 2) AS net, round(nrr, 2) AS nrr
FROM (VALUES ('chartmogul'), ('standard')) v (preset), mrr_movements('TABLE revenue', '1 month', '2024-02-01', '2024-03-01', policy => churn_policy(preset)) ORDER BY preset;
-- ChartMogul, 207340419: of 100 customers 12 churn, one of whom joined, and one of whom reactivated in the period: 10 percent; 12 by events.
CREATE TABLE customers (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO customers SELECT c, '2024-01-01', CASE WHEN c <= 11 THEN date '2024-02-10' END, 10 FROM generate_series(1, 100) c;
INSERT INTO customers VALUES (11, '2024-02-20', NULL, 10), (101, '2024-02-05', '2024-02-15', 10);
SELECT v.basis, opening_customers AS opening, new_customers AS new, reactivated_customers AS reactivated, churned_customers AS churned, closing_customers AS closing, round(churn_rate, 2) AS churn_rate
FROM (VALUES ('snapshot'), ('events')) v (basis), churn_by_period('TABLE customers', '1 month', '2024-02-01', '2024-03-01', policy => churn_policy('chartmogul', basis => v.basis)) ORDER BY 1;
-- ChartMogul, 203359061: ARPA 100, 5 percent in each of the six months before: 2000.
CREATE TABLE accounts (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO accounts SELECT c, '2023-12-01', CASE WHEN c <= 7 THEN make_date(2024, c, 10) END, 100 FROM generate_series(1, 20) c;
INSERT INTO accounts SELECT 20 + c, make_date(2024, c, 20), NULL, 100 FROM generate_series(1, 7) c;
SELECT month, round(arpa, 2) AS arpa, round(churn_rate, 4) AS churn_rate, round(arpa / churn_rate, 2) AS ltv
FROM (SELECT period_start AS month, arpa, avg(churn_rate) OVER (ORDER BY period_start ROWS BETWEEN 6 PRECEDING AND 1 PRECEDING) AS churn_rate
      FROM churn_by_period('TABLE accounts', '1 month', '2024-01-01', '2024-08-01', policy => churn_policy('chartmogul', basis => 'snapshot'))
           JOIN mrr_movements('TABLE accounts', '1 month', '2024-01-01', '2024-08-01', policy => churn_policy('chartmogul')) USING (period_start)) s WHERE month = '2024-07-01';
-- With as many customers every month the sums of smoothing agree: 6/120.
SELECT period_start, round(churn_rate, 4) AS churn_rate FROM churn_by_period('TABLE accounts', '1 month', '2024-06-01', '2024-07-01', policy => churn_policy('chartmogul', basis => 'snapshot', smoothing => 6));

-- ProfitWell, "Churn": 10 USD from 15 April, cancelled on 8 June, churned on 15 June with 10 lost.
CREATE TABLE sarah (customer text, started_at date, ended_at date, mrr numeric);
INSERT INTO sarah VALUES ('Sarah', '2024-04-15', '2024-06-15', 10);
SELECT period_start, new_mrr, churned_mrr, closing_mrr FROM mrr_movements('TABLE sarah', '1 day', '2024-04-01', '2024-07-01', policy => churn_policy('profitwell')) WHERE net_new_mrr <> 0 ORDER BY 1;
-- ProfitWell, "Are cancellations in the first month counted as churn?": 100 paid on 5 December, churned on 6 December: neither new nor churned in the month.
-- Stripe and Maxio, by "ProfitWell vs. ...": in both. Baremetrics: lost, but of nobody at the start, so no rate.
CREATE TABLE december (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO december VALUES (1, '2023-12-05', '2023-12-06', 100);
SELECT preset, new_mrr, churned_mrr, new_customers AS new, churned_customers AS churned, transient_customers AS transient, round(churn_rate, 2) AS churn_rate
FROM unnest(ARRAY['profitwell', 'stripe', 'maxio', 'baremetrics']) WITH ORDINALITY v (preset, n), mrr_movements('TABLE december', '1 month', '2023-12-01', '2024-01-01', policy => churn_policy(preset)) m,
     churn_by_period('TABLE december', '1 month', '2023-12-01', '2024-01-01', policy => churn_policy(preset)) c ORDER BY n;

-- Stripe, "Billing metric definitions": 100 at 100 a month and 50 at 600 a year: 12500.
CREATE TABLE plans (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO plans SELECT c, '2024-01-01', NULL, CASE WHEN c <= 100 THEN 100 ELSE 600 / 12.0 END FROM generate_series(1, 150) c;
SELECT closing_customers, closing_mrr FROM mrr_movements('TABLE plans', '1 month', '2024-01-01', '2024-02-01', policy => churn_policy('stripe'));
-- Stripe, "Calculating subscriber churn rate in Billing": the 30 days from 1 March, 8 subscribers; 1 leaves, 2 leaves twice, 9 comes and goes, 10 comes: 4/(8 + 2).
CREATE TABLE stripe (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO stripe SELECT c, '2024-01-01', CASE c WHEN 1 THEN date '2024-03-05' WHEN 2 THEN '2024-03-08' END, 10 FROM generate_series(1, 8) c;
INSERT INTO stripe VALUES (2, '2024-03-14', '2024-03-22', 10), (9, '2024-03-10', '2024-03-20', 10), (10, '2024-03-12', NULL, 10);
SELECT period_start, period_end, opening_customers AS opening, new_customers AS new, reactivated_customers AS reactivated, churned_customers AS churned, closing_customers AS closing, round(churn_rate, 4) AS churn_rate
FROM churn_by_period('TABLE stripe', '1 day', '2024-03-30', '2024-03-31', policy => churn_policy('stripe', lookback => 30));
-- Two paid subscriptions, both cancelled: a downgrade first, then churn.
CREATE TABLE two (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO two VALUES (1, '2024-01-01', '2024-03-05', 30), (1, '2024-01-01', '2024-03-20', 20);
SELECT preset, contraction_mrr, churned_mrr FROM (VALUES ('stripe'), ('standard')) v (preset), mrr_movements('TABLE two', '1 month', '2024-03-01', '2024-04-01', policy => churn_policy(preset)) ORDER BY preset DESC;

-- Baremetrics, "Improved Revenue Churn Calculation": 500, then 1379, then gone within the window: 500/500 now, 1379/500 = 2.758 before the change, which counted by events.
CREATE TABLE upgraded (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO upgraded VALUES (1, '2024-01-01', '2024-03-05', 500), (1, '2024-03-05', '2024-03-20', 1379);
SELECT v.basis, opening_mrr, expansion_mrr, churned_mrr, round(gross_mrr_churn, 4) AS gross
FROM (VALUES ('snapshot'), ('events')) v (basis), mrr_movements('TABLE upgraded', '1 day', '2024-03-30', '2024-03-31', policy => churn_policy('baremetrics', basis => v.basis, lookback => 30)) ORDER BY 1 DESC;
-- Baremetrics, "Churn Update": who signs up and cancels in the same 30 days is in the rate: (1 + 1)/20.
CREATE TABLE signups (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO signups SELECT c, '2024-01-01', CASE WHEN c = 20 THEN date '2024-03-15' END, 10 FROM generate_series(1, 20) c;
INSERT INTO signups VALUES (21, '2024-03-05', '2024-03-20', 10);
SELECT preset, churned_customers AS churned, transient_customers AS transient, round(churn_rate, 4) AS churn_rate, round(retention_rate, 4) AS retention_rate
FROM (VALUES ('baremetrics'), ('standard')) v (preset), churn_by_period('TABLE signups', '1 day', '2024-03-30', '2024-03-31', policy => churn_policy(preset, lookback => 30)) ORDER BY preset;

-- Recurly, "How can I calculate Reactivation MRR?": a gap of at least a month. From 10 February: back on 9 March is none, on 10 March is one.
-- Under a month: contraction to 0 in February, expansion in March. A month: churned, reactivation.
CREATE TABLE gaps (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO gaps VALUES (1, '2024-01-01', '2024-02-10', 30), (1, '2024-03-09', NULL, 30), (2, '2024-01-01', '2024-02-10', 20), (2, '2024-03-10', NULL, 20);
SELECT period_start, opening_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, closing_customers
FROM mrr_movements('TABLE gaps', '1 month', '2024-02-01', '2024-04-01', policy => churn_policy('recurly')) ORDER BY 1;
-- Months count in the calendar: from 31 January a month is over on 29 February.
TRUNCATE gaps;
INSERT INTO gaps VALUES (1, '2023-12-01', '2024-01-31', 30), (1, '2024-02-28', NULL, 30), (2, '2023-12-01', '2024-01-31', 20), (2, '2024-02-29', NULL, 20);
SELECT period_start, opening_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, closing_customers
FROM mrr_movements('TABLE gaps', '1 month', '2024-01-01', '2024-03-01', policy => churn_policy('recurly')) ORDER BY 1;

-- Maxio, by "ProfitWell vs. Maxio": back within 90 days is a reactivation, later new. 1 March and 90 days are 30 May: 1 is reactivated, 2 is new.
TRUNCATE gaps;
INSERT INTO gaps VALUES (1, '2024-01-01', '2024-03-01', 10), (1, '2024-05-30', NULL, 10), (2, '2024-01-01', '2024-03-01', 20), (2, '2024-05-31', NULL, 20);
SELECT period_start, new_customers AS new, reactivated_customers AS reactivated, churned_customers AS churned, closing_customers AS closing
FROM churn_by_period('TABLE gaps', '1 month', '2024-03-01', '2024-06-01', policy => churn_policy('maxio')) ORDER BY 1;
-- The new one is of May's cohort, the old one of January's, where it is lost for good.
SELECT cohort, period_number, cohort_size, customers FROM cohort_retention('TABLE gaps', '1 month', '2024-01-01', '2024-06-01', policy => churn_policy('maxio')) WHERE cohort_size > 0 ORDER BY 1, 2;

-- Fighting Churn With Data, listings 4.1 and 4.2: an end is none if the next start is no later than the gap after it, 7 days: 1 is joined, 2 is not.
TRUNCATE gaps;
INSERT INTO gaps VALUES (1, '2024-01-01', '2024-02-25', 10), (1, '2024-03-03', NULL, 10), (2, '2024-01-01', '2024-02-25', 20), (2, '2024-03-04', NULL, 20), (3, '2024-01-01', NULL, 40);
SELECT period_start, opening_customers AS opening, reactivated_customers AS reactivated, churned_customers AS churned, closing_customers AS closing, round(churn_rate, 4) AS churn_rate
FROM churn_by_period('TABLE gaps', '1 month', '2024-02-01', '2024-04-01', policy => churn_policy('fight_churn')) ORDER BY 1;
-- With 31 days both are.
SELECT period_start, opening_customers AS opening, churned_customers AS churned, closing_customers AS closing
FROM churn_by_period('TABLE gaps', '1 month', '2024-02-01', '2024-04-01', policy => churn_policy('fight_churn', grace => '31 days')) ORDER BY 1;
-- Listings 2.1, 2.2 and 2.4 between 1 March and 1 April, as plain SQL over the rows of the first table, and the preset without the gap: 2 (2 9) of 5 lost, (50 + 80 + 70)/340, (100 + 60 + 0)/340.
WITH opening AS (SELECT customer, sum(mrr) AS mrr FROM subs WHERE started_at <= '2024-03-01' AND (ended_at > '2024-03-01' OR ended_at IS NULL) GROUP BY customer),
     closing AS (SELECT customer, sum(mrr) AS mrr FROM subs WHERE started_at <= '2024-04-01' AND (ended_at > '2024-04-01' OR ended_at IS NULL) GROUP BY customer)
SELECT 'by hand' AS counted, count(*) AS opening, count(*) FILTER (WHERE c.customer IS NULL) AS churned, sum(o.mrr)::numeric(12, 2) AS opening_mrr,
       round(sum(greatest(o.mrr - coalesce(c.mrr, 0), 0)) / sum(o.mrr), 4) AS mrr_churn, round(sum(c.mrr) / sum(o.mrr), 4) AS net_retention
FROM opening o LEFT JOIN closing c USING (customer)
UNION ALL
SELECT 'preset', c.opening_customers, c.churned_customers, m.opening_mrr::numeric(12, 2), round(m.gross_mrr_churn, 4), round(m.nrr, 4)
FROM churn_by_period('TABLE subs', '1 month', '2024-03-01', '2024-04-01', policy => churn_policy('fight_churn', grace => '0')) c,
     mrr_movements('TABLE subs', '1 month', '2024-03-01', '2024-04-01', policy => churn_policy('fight_churn', grace => '0')) m ORDER BY 1;

-- PostHog's tests: six subscriptions, 6 customers in February of whom 3 are new, 3 churned in May, 1 in June 2025 and 2 in January 2026.
CREATE TABLE posthog (customer text, started_at date, ended_at date, mrr numeric);
INSERT INTO posthog VALUES ('cus_1', '2025-01-23', '2026-01-23', 10), ('cus_2', '2025-01-23', '2026-01-23', 10), ('cus_3', '2025-01-23', '2025-06-23', 10),
    ('cus_4', '2025-02-23', '2025-05-23', 10), ('cus_5', '2025-02-23', '2025-05-23', 10), ('cus_6', '2025-02-23', '2025-05-23', 10);
SELECT period_start, opening_customers + new_customers + reactivated_customers AS in_month, new_customers AS new, churned_customers AS churned
FROM churn_by_period('TABLE posthog', '1 month', '2024-11-01', '2026-06-01', policy => churn_policy('standard')) ORDER BY 1;

SET client_min_messages = warning;
DROP SCHEMA test_presets CASCADE;
