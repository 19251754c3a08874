-- churn_policy: how to count where vendors differ.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA test_policy;
SET search_path = test_policy, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- The standard: opening is just before the period, snapshots, the opening as denominator; no grace, any absence counts, reactivation at any time; 1 period.
SELECT * FROM churn_policy();
SELECT churn_policy() = churn_policy('standard') AS preset, churn_policy() = churn_policy(preset => 'standard', grace => NULL, boundary => NULL) AS nulls, pg_typeof(churn_policy()) AS type;
-- Every axis may be given as what it is.
SELECT churn_policy(boundary => 'before', basis => 'snapshot', denominator => 'opening', count_transient => false, grace => '0', reactivation_window => NULL,
                    minimum_absence => '0 months', count_free => false, reactivation_offsets => false, lookback => 1, smoothing => 1) = churn_policy() AS standard;

-- Not built yet: the axis and its value are named.
SELECT pg_temp.err(format('SELECT churn_policy(%s)', arguments)) AS error FROM (VALUES
    (1, '''stripe'''), (2, '''chartmogul'''), (3, '''baremetrics'''), (4, '''recurly'''), (5, '''profitwell'''), (6, '''maxio'''), (7, '''fight_churn'''),
    (8, 'boundary => ''at'''), (9, 'basis => ''events'''), (10, 'denominator => ''opening_plus_new'''), (11, 'denominator => ''average'''), (12, 'count_transient => true'),
    (13, 'grace => ''31 days'''), (14, 'reactivation_window => ''90 days'''), (15, 'minimum_absence => ''1 month'''), (16, 'count_free => true'), (17, 'reactivation_offsets => true'),
    (18, 'lookback => 12'), (19, 'smoothing => 6'), (20, 'grace => ''1 hour'''), (21, 'reactivation_window => ''0''')
) v (n, arguments) ORDER BY n;
-- Nonsense: the allowed values.
SELECT pg_temp.err(format('SELECT churn_policy(%s)', arguments)) AS error FROM (VALUES
    (1, '''Stripe'''), (2, ''''''), (3, 'NULL'), (4, 'boundary => ''after'''), (5, 'basis => ''event'''), (6, 'denominator => '''''), (7, 'grace => ''-1 days'''), (8, 'grace => ''1 month -1 days'''),
    (9, 'reactivation_window => ''-90 days'''), (10, 'minimum_absence => ''-1 month'''), (11, 'minimum_absence => ''-1 second'''), (12, 'lookback => 0'), (13, 'lookback => -12'), (14, 'smoothing => 0'), (15, 'boundary => ''BEFORE''')
) v (n, arguments) ORDER BY n;
-- The first axis that is wrong is named.
SELECT pg_temp.err($$SELECT churn_policy(boundary => 'at', lookback => 0)$$) AS error UNION ALL SELECT pg_temp.err($$SELECT churn_policy(boundary => 'before', lookback => 0)$$);

-- In a report: made by the function, made by hand, stored; NULL is the standard.
CREATE TABLE subs (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO subs VALUES (1, '2024-01-05', NULL, 10), (2, '2024-01-10', '2024-02-15', 20);
CREATE TABLE policies (name text, policy churn_policy);
INSERT INTO policies VALUES ('none', NULL), ('made', churn_policy()), ('by hand', ROW('before', 'snapshot', 'opening', false, '0', NULL, '0', false, false, 1, 1)::churn_policy);
SELECT name, c.churned_customers, c.churn_rate, m.churned_mrr, r.customers
FROM policies, churn_by_period('TABLE subs', '1 month', '2024-02-01', '2024-03-01', NULL, policy) c, mrr_movements('TABLE subs', '1 month', '2024-02-01', '2024-03-01', policy => policies.policy) m,
     cohort_retention('TABLE subs', '1 month', '2024-02-01', '2024-03-01', NULL, policy) r ORDER BY name;
SELECT c.churned_customers FROM (SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS l FROM subs) q, churn_by_period(l, '1 month', '2024-02-01', '2024-03-01', policy => churn_policy()) c;
-- Made by hand, and wrong.
SELECT pg_temp.err(format('SELECT * FROM churn_by_period(''TABLE subs'', policy => ROW(%s)::churn_policy)', fields)) AS error FROM (VALUES
    (1, '''at'', ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 1'),
    (2, '''before'', ''snapshots'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 1'),
    (3, '''before'', ''snapshot'', ''opening'', false, ''0'', ''90 days'', ''0'', false, false, 1, 1'),
    (4, '''before'', ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 0'),
    (5, '''before'', ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 12, 1')
) v (n, fields) ORDER BY n;
SELECT field, pg_temp.err(format('SELECT * FROM mrr_movements(''TABLE subs'', policy => (SELECT jsonb_populate_record(churn_policy(), %L)))', jsonb_build_object(field, NULL))) AS error
FROM (VALUES (1, 'boundary'), (2, 'basis'), (3, 'denominator'), (4, 'count_transient'), (5, 'grace'), (6, 'reactivation_window'), (7, 'minimum_absence'), (8, 'count_free'), (9, 'reactivation_offsets'), (10, 'lookback'), (11, 'smoothing')) v (n, field)
ORDER BY n;
-- A row of NULLs is not NULL.
SELECT pg_temp.err('SELECT * FROM cohort_retention(''TABLE subs'', policy => ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::churn_policy)') AS error;
-- The policy is checked where there is nothing to report, too.
SELECT pg_temp.err(format('SELECT * FROM %s(NULL::subscription_ledger, policy => ROW(''at'', ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 1)::churn_policy)', report)) AS error
FROM (VALUES ('churn_by_period'), ('mrr_movements'), ('cohort_retention')) v (report);

-- What the planner may assume, and a comment for everything.
SELECT provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc WHERE proname = 'churn_policy';
SELECT count(*) AS fields, count(col_description(attrelid, attnum)) AS described, obj_description('churn_policy'::regtype, 'pg_type') IS NOT NULL AS type_described
FROM pg_attribute WHERE attrelid = 'churn_policy'::regclass AND attnum > 0;

SET client_min_messages = warning;
DROP SCHEMA test_policy CASCADE;
