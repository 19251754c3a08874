-- Errors of create_billing_views, create_metric_views and drop_billing_views: what they say, and that nothing is left behind; names that would break a query made of text.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA test_views_errors;
SET search_path = test_views_errors, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE TABLE rows (customer_id int, started_at date, ended_at date, mrr numeric, cur text, every interval, gone timestamptz, trial_to date, note json, wide bytea, digits double precision);
INSERT INTO rows VALUES (1, '2024-01-01', NULL, 10, 'EUR'), (2, '2024-01-01', NULL, 20, 'USD');
CREATE TABLE canary (alive boolean);
INSERT INTO canary VALUES (true);

-- Everything that a call could leave.
CREATE FUNCTION pg_temp.catalog() RETURNS text LANGUAGE sql AS $$
    SELECT concat((SELECT md5(string_agg(concat_ws(' ', oid, nspname, nspacl), ',' ORDER BY oid)) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'),
                  (SELECT md5(string_agg(concat_ws(' ', oid, relname, relnamespace, relkind, relowner, relacl, reloptions), ',' ORDER BY oid)) FROM pg_class WHERE oid >= 16384),
                  (SELECT md5(string_agg(concat_ws(' ', ev_class, md5(ev_action::text)), ',' ORDER BY oid)) FROM pg_rewrite WHERE oid >= 16384),
                  (SELECT md5(string_agg(concat_ws(' ', classoid, objoid, objsubid, description), ',' ORDER BY classoid, objoid, objsubid)) FROM pg_description WHERE objoid >= 16384),
                  (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_roles), (SELECT count(*) FROM pg_type)) $$;
CREATE FUNCTION pg_temp.fails(statement text, OUT says text) LANGUAGE plpgsql AS $$
DECLARE
    before text := pg_temp.catalog();
BEGIN
    says := pg_temp.err(statement);
    IF says <> 'no error' AND pg_temp.catalog() <> before THEN
        says := says || ' -- AND SOMETHING IS LEFT';
    END IF;
END $$;
CREATE FUNCTION pg_temp.metric(arguments text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.fails('SELECT create_metric_views(''test_views_errors.rows'', ''views_err''' || coalesce(', ' || arguments, '') || ')') $$;
CREATE FUNCTION pg_temp.billing(arguments text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.fails('SELECT create_billing_views(''killbill'', ''views_killbill'', ''views_err''' || coalesce(', ' || arguments, '') || ')') $$;

-- ---- Tables and columns ----
SELECT pg_temp.fails('SELECT create_metric_views(NULL, ''views_err'')');
SELECT pg_temp.fails('SELECT create_metric_views(''test_views_errors.missing'', ''views_err'')');
SELECT pg_temp.fails('SELECT create_metric_views(99999999::oid::regclass, ''views_err'')');
CREATE SEQUENCE counter;
CREATE INDEX rows_index ON rows (mrr);
CREATE TYPE pair AS (a int, b int);
CREATE TEMP TABLE passing AS TABLE rows;
SELECT relation, pg_temp.fails(format('SELECT create_metric_views(%L, ''views_err'')', relation)) FROM unnest('{counter,rows_index,passing}'::text[]) WITH ORDINALITY r (relation, n) ORDER BY n;
SELECT pg_temp.fails('SELECT create_metric_views(''pair'', ''views_err'')');
SELECT pg_temp.fails('SELECT create_metric_views(''test_views_errors.rows'', NULL)');
SELECT pg_temp.fails('SELECT create_metric_views(''test_views_errors.rows'', '''')');
SELECT pg_temp.fails('SELECT create_metric_views(''test_views_errors.rows'', ''pg_views_err'')');
SELECT argument, pg_temp.metric(argument || ' => NULL') FROM unnest('{customer_id,started_at,ended_at,mrr,time_zone,recognition,trials,end_inclusive}'::text[]) WITH ORDINALITY a (argument, n) ORDER BY n;
SELECT argument, pg_temp.metric(argument || ' => ''missing''')
FROM unnest('{customer_id,started_at,ended_at,mrr,subscription_id,product,plan,currency,billing_interval,quantity,status,canceled_at,cancel_reason}'::text[]) WITH ORDINALITY a (argument, n) ORDER BY n;
SELECT pg_temp.metric('trial_ended_at => ''missing''');
SELECT pg_temp.metric('trial_ended_at => ''trial_to'', trial_started_at => ''missing''');
SELECT pg_temp.metric('customer_id => ''''');
-- No columns to others: those of the system, and dropped ones.
SELECT name, pg_temp.metric(format('subscription_id => %L', name)) FROM unnest('{ctid,tableoid,xmin,rows}'::text[]) WITH ORDINALITY c (name, n) ORDER BY n;
CREATE TABLE shorter (customer_id int, started_at date, ended_at date, mrr numeric);
ALTER TABLE shorter DROP COLUMN mrr;
SELECT pg_temp.fails('SELECT create_metric_views(''test_views_errors.shorter'', ''views_err'')');
SELECT pg_temp.fails('SELECT create_metric_views(''test_views_errors.shorter'', ''views_err'', mrr => ''........pg.dropped.4........'')');
-- Types.
SELECT argument, name, pg_temp.metric(format('%s => %L', argument, name))
FROM (VALUES (1, 'customer_id', 'note'), (2, 'customer_id', 'wide'), (3, 'customer_id', 'started_at'), (4, 'customer_id', 'digits'), (5, 'started_at', 'cur'), (6, 'ended_at', 'mrr'), (7, 'mrr', 'cur'), (8, 'mrr', 'started_at'), (9, 'currency', 'mrr'), (10, 'billing_interval', 'cur'),
             (11, 'quantity', 'cur'), (12, 'canceled_at', 'every'), (13, 'trial_ended_at', 'every'), (14, 'status', 'note'), (15, 'product', 'gone'), (16, 'subscription_id', 'every')) v (n, argument, name) ORDER BY n;
-- What goes with what.
SELECT pg_temp.metric('recognition => ''canceled''');
SELECT pg_temp.metric('recognition => ''period_end''');
SELECT pg_temp.metric('trial_started_at => ''trial_to''');

-- ---- Words, zones, policies ----
SELECT argument, pg_temp.metric(format('%s => %L', argument, word))
FROM (VALUES (1, 'recognition', 'Ended'), (2, 'recognition', ''), (3, 'trials', 'include'), (4, 'time_zone', 'Nowhere/City'), (5, 'time_zone', ''), (6, 'time_zone', 'UTC''; DROP TABLE canary; --'), (7, 'time_zone', repeat('x', 300)), (8, 'reporting_currency', 'Euro'),
             (9, 'reporting_currency', ''), (10, 'reporting_currency', 'XXX'), (11, 'reporting_currency', 'EU'), (12, 'recognition', 'ended'' OR true; --'), (13, 'trials', '%1$I %s %')) v (n, argument, word) ORDER BY n;
SELECT policy, pg_temp.metric('policy => ' || policy)
FROM (VALUES (1, 'churn_policy(''mine'')'), (2, 'ROW(''after'', ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 1)::churn_policy'), (3, 'ROW(NULL, ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 1)::churn_policy'),
             (4, 'ROW(''before'', ''snapshot'', ''opening'', false, ''-1 day'', NULL, ''0'', false, false, 1, 1)::churn_policy'), (5, 'ROW(''before'', ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 0, 1)::churn_policy'),
             (6, 'ROW(''before''''; DROP TABLE canary; --'', ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 1)::churn_policy')) v (n, policy) ORDER BY n;

-- ---- Currencies and rates ----
SELECT pg_temp.metric('currency => ''cur'', reporting_currency => ''EUR''');
SELECT pg_temp.metric('currency => ''cur'', reporting_currency => ''CHF''');
SELECT pg_temp.metric('fx => ''test_views_errors.rates''');
CREATE TABLE rates (currency text, rate numeric);
SELECT pg_temp.metric('fx => ''test_views_errors.rates''');
CREATE TABLE rates_1 (code text, rate numeric);
CREATE TABLE rates_2 (currency text, price numeric);
CREATE TABLE rates_3 (currency int, rate numeric);
CREATE TABLE rates_4 (currency text, rate text);
CREATE TEMP TABLE rates_5 (currency text, rate numeric);
SELECT fx, pg_temp.metric(format('currency => ''cur'', reporting_currency => ''EUR'', fx => %L', fx)) FROM unnest('{rates,rates_1,rates_2,rates_3,rates_4,rates_5,counter,rows_index}'::text[]) WITH ORDINALITY f (fx, n) ORDER BY n;
CREATE FUNCTION pg_temp.with_rates(given text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    says text;
BEGIN
    EXECUTE 'INSERT INTO test_views_errors.rates VALUES ' || given;
    says := pg_temp.metric('currency => ''cur'', reporting_currency => ''eur'', fx => ''test_views_errors.rates''');
    DELETE FROM test_views_errors.rates;
    RETURN says;
END $$;
SELECT given, pg_temp.with_rates(given)
FROM (VALUES (1, '(''USD'', 0.9), (''USD'', 0.9)'), (2, '(''USD'', 0.9), (''usd'', 0.8)'), (3, '(''USD'', 0)'), (4, '(''USD'', -1)'), (5, '(''USD'', ''NaN'')'), (6, '(''USD'', ''Infinity'')'), (7, '(''USD'', NULL)'), (8, '(NULL, 1)'), (9, '(NULL, 1), (NULL, 2)'),
             (10, '(''USD'', 0.9), (''EUR'', 1.1)'), (11, '(''JPY'', 0.006)'), (12, '(''USD '', 1)'), (13, '(''U%1$s"'', 0)')) v (n, given) ORDER BY n;
INSERT INTO rows VALUES (3, '2024-01-01', NULL, 30, 'JPY'), (4, '2024-01-01', NULL, 40, NULL);
SELECT pg_temp.with_rates('(''KWD'', 3)');
SELECT pg_temp.with_rates('(''USD'', 0.9), (''JPY'', 0.006)');
DELETE FROM rows WHERE customer_id > 2;

-- ---- Providers ----
SELECT pg_temp.fails('SELECT create_billing_views(NULL, ''views_killbill'')');
SELECT pg_temp.fails('SELECT create_billing_views(''paypal'', ''views_killbill'')');
SELECT pg_temp.fails('SELECT create_billing_views(''Killbill'', ''views_killbill'')');
SELECT pg_temp.fails('SELECT create_billing_views(''killbill"(1); DROP TABLE canary; --'', ''views_killbill'')');
SELECT pg_temp.fails('SELECT create_billing_views(''killbill'', NULL)');
SELECT pg_temp.fails('SELECT create_billing_views(''killbill'', ''views_killbill'')');
SELECT pg_temp.fails('SELECT create_billing_views(''killbill'', '''')');
CREATE SCHEMA views_killbill;
SELECT pg_temp.fails('SELECT create_billing_views(''killbill'', ''views_killbill'')');
CREATE SEQUENCE views_killbill.analytics_subscription_transitions;
SELECT pg_temp.fails('SELECT create_billing_views(''killbill'', ''views_killbill'')');
DROP SEQUENCE views_killbill.analytics_subscription_transitions;
CREATE TABLE views_killbill.analytics_subscription_transitions (record_id int);
SELECT pg_temp.fails('SELECT create_billing_views(''killbill'', ''views_killbill'')');
-- The table as the provider wants it, by what it says itself; then each column away, and of another type.
DO $$
BEGIN
    DROP TABLE views_killbill.analytics_subscription_transitions;
    EXECUTE (SELECT format('CREATE TABLE views_killbill.analytics_subscription_transitions (%s)', string_agg(format('%I %s', column_name, CASE data_type WHEN 'number' THEN 'numeric' ELSE data_type END), ', '))
             FROM billing_providers() WHERE provider = 'killbill');
END $$;
SELECT count(*) FROM create_billing_views('killbill', 'views_killbill', 'views_err');
SELECT count(*) FROM drop_billing_views('views_err');
CREATE FUNCTION pg_temp.altered(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    says text;
BEGIN
    BEGIN
        EXECUTE 'ALTER TABLE views_killbill.analytics_subscription_transitions ' || change;
        says := pg_temp.billing(NULL);
        RAISE EXCEPTION 'back';
    EXCEPTION WHEN raise_exception THEN
        RETURN says;
    END;
END $$;
SELECT column_name, says LIKE format('42703: table views\_killbill.analytics\_subscription\_transitions has no column "%s" / Provider "killbill" reads it for: %%. / billing\_providers() lists what provider "killbill" needs.', column_name) AS dropped,
       pg_temp.altered(format('RENAME COLUMN %I TO other', column_name)) = says AS renamed, pg_temp.altered(format('ALTER COLUMN %1$I TYPE boolean USING NULL', column_name)) AS of_another_type
FROM billing_providers(), pg_temp.altered(format('DROP COLUMN %I', column_name)) says WHERE provider = 'killbill' ORDER BY column_name COLLATE "C";
SELECT argument, pg_temp.billing(argument || ' => NULL') FROM unnest('{time_zone,recognition,pauses,trials,discounts,end_inclusive}'::text[]) WITH ORDINALITY a (argument, n) ORDER BY n;
SELECT argument, pg_temp.billing(argument)
FROM (VALUES (1, 'pauses => ''skip'''), (2, 'discounts => ''some'''), (3, 'recognition => ''invoice'''), (4, 'past_due => ''-1 day'''), (5, 'past_due => ''-1 month 20 days'''), (6, 'minor_units => ''[]'''), (7, 'minor_units => ''2'''), (8, 'minor_units => ''null'''), (9, 'minor_units => ''{"EUR": 9}'''),
             (10, 'minor_units => ''{"EUR": -1}'''), (11, 'minor_units => ''{"EUR": "2"}'''), (12, 'minor_units => ''{"EUR": 2.5}'''), (13, 'minor_units => ''{"eur": 2}'''), (14, 'minor_units => ''{"EUR": null}'''), (15, 'minor_units => ''{"EUR": [1]}'''),
             (16, 'end_inclusive => true, recognition => ''canceled'''), (17, 'end_inclusive => true, recognition => ''period_end'''), (18, 'time_zone => ''Nowhere'''), (19, 'fx => ''test_views_errors.rates'''), (20, 'discounts => ''all'''' AS x); DROP TABLE canary; --''')) v (n, argument) ORDER BY n;
-- An unknown currency needs its digits said.
INSERT INTO views_killbill.analytics_subscription_transitions (record_id, account_id, subscription_id, event, next_product_name, next_slug, next_phase, next_billing_period, next_price, next_mrr, next_currency, next_service, next_state, next_start_date, created_date, report_group)
VALUES (1, 'a', 's', 'START_ENTITLEMENT_BASE', 'p', 'p-evergreen', 'EVERGREEN', 'MONTHLY', 10, 10, 'XBT', 'entitlement-service', 'START', '2024-01-01', '2024-01-01', 'default');
SELECT pg_temp.billing(NULL);
SELECT pg_temp.billing('reporting_currency => ''EUR''');
SELECT count(*) FROM create_billing_views('killbill', 'views_killbill', 'views_err', minor_units => '{"XBT": 8}');
SELECT customer_id, currency, trim_scale(mrr) AS mrr FROM views_err.subscriptions;
SELECT count(*) FROM drop_billing_views('views_err');

-- ---- What is there already ----
CREATE SCHEMA views_taken;
CREATE FUNCTION pg_temp.beside(made text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    says text;
BEGIN
    BEGIN
        EXECUTE made;
        says := pg_temp.fails('SELECT create_metric_views(''test_views_errors.rows'', ''views_taken'')');
        RAISE EXCEPTION 'back';
    EXCEPTION WHEN raise_exception THEN
        RETURN says;
    END;
END $$;
SELECT made, pg_temp.beside(made)
FROM (VALUES (1, 'CREATE TABLE views_taken.subscriptions (a int)'), (2, 'CREATE VIEW views_taken.churn AS SELECT 1 AS a'), (3, 'CREATE MATERIALIZED VIEW views_taken.cohorts AS SELECT 1 AS a'), (4, 'CREATE SEQUENCE views_taken.customers'),
             (5, 'CREATE TABLE views_taken.t (a int); CREATE INDEX renewals ON views_taken.t (a)'), (6, 'CREATE TYPE views_taken.trials AS (a int)'), (7, 'CREATE TABLE views_taken.mrr_movements (a int) PARTITION BY LIST (a)'), (8, 'CREATE DOMAIN views_taken.trials AS int'),
             (9, 'CREATE TABLE views_taken.t (a int) PARTITION BY LIST (a); CREATE INDEX renewals ON views_taken.t (a)'), (10, 'CREATE VIEW views_taken.churn AS SELECT 1 AS a; COMMENT ON VIEW views_taken.churn IS ''mine (churnmetrics) ''')) v (n, made) ORDER BY n;
-- The views themselves cannot be their source.
SELECT count(*) FROM create_metric_views('rows', 'views_taken');
SELECT view, pg_temp.fails(format('SELECT create_metric_views(''views_taken.%s'', ''views_taken'', customer_id => ''currency'', started_at => ''period_start'', ended_at => ''period_end'', mrr => ''closing_mrr'')', view)) FROM unnest('{subscriptions,mrr_movements}'::text[]) view;
SELECT pg_temp.fails('SELECT create_metric_views(''test_views_errors.rows'', ''views_taken'', reporting_currency => ''EUR'', fx => ''views_taken.subscriptions'')');
CREATE VIEW upon AS SELECT customer_id, started_at, ended_at, mrr FROM views_taken.subscriptions;
SELECT split_part(pg_temp.fails('SELECT create_metric_views(''test_views_errors.upon'', ''views_taken'')'), ':', 1);
-- What a failed re-creation leaves is what was there.
SELECT pg_temp.fails('SELECT create_metric_views(''test_views_errors.rows'', ''views_taken'', currency => ''cur'', reporting_currency => ''EUR'')');
SELECT count(*) FROM views_taken.subscriptions;

-- ---- Dropping ----
SELECT pg_temp.fails('SELECT drop_billing_views(NULL)');
SELECT pg_temp.fails('SELECT drop_billing_views(''views_missing'')');
SELECT pg_temp.fails('SELECT drop_billing_views(''test_views_errors'')');
SELECT split_part(pg_temp.fails('SELECT drop_billing_views(''views_taken'')'), ' because', 1);
DROP VIEW upon;
SELECT count(*) FROM drop_billing_views('views_taken');
DROP SCHEMA views_taken;

-- ---- Rights ----
CREATE ROLE regress_cm_views_a;
CREATE ROLE regress_cm_views_b;
CREATE FUNCTION pg_temp.as_role(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    says text;
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    says := pg_temp.fails(statement);
    RESET ROLE;
    RETURN replace(says, format('database %I', current_database()), 'database ...');
END $$;
GRANT USAGE ON SCHEMA test_views_errors TO regress_cm_views_a, regress_cm_views_b;
SELECT pg_temp.as_role('regress_cm_views_a', 'SELECT create_metric_views(''test_views_errors.rows'', ''views_new'')');
CREATE SCHEMA views_a AUTHORIZATION regress_cm_views_a;
SELECT pg_temp.as_role('regress_cm_views_a', 'SELECT create_metric_views(''test_views_errors.rows'', ''views_a'')');
GRANT SELECT ON rows TO regress_cm_views_a, regress_cm_views_b;
SELECT pg_temp.as_role('regress_cm_views_a', 'SELECT create_metric_views(''test_views_errors.rows'', ''views_a'')');
SELECT pg_temp.as_role('regress_cm_views_a', 'SELECT create_metric_views(''test_views_errors.rows'', ''views_a'', currency => ''cur'', reporting_currency => ''EUR'', fx => ''test_views_errors.rates'')');
SELECT pg_temp.as_role('regress_cm_views_b', 'SELECT create_metric_views(''test_views_errors.rows'', ''views_a'')');
GRANT ALL ON SCHEMA views_a TO regress_cm_views_b;
SELECT pg_temp.as_role('regress_cm_views_b', 'SELECT create_metric_views(''test_views_errors.rows'', ''views_a'')');
SELECT pg_temp.as_role('regress_cm_views_b', 'SELECT drop_billing_views(''views_a'')');
SELECT pg_temp.as_role('regress_cm_views_a', 'SELECT drop_billing_views(''views_a'')');
SELECT pg_temp.as_role('regress_cm_views_b', 'SELECT create_billing_views(''killbill'', ''views_killbill'', ''views_a'')');
DROP SCHEMA views_a;
DROP OWNED BY regress_cm_views_a, regress_cm_views_b;
DROP ROLE regress_cm_views_a, regress_cm_views_b;

-- ---- Names ----
-- Each of these as schema, table, column, beginning of all other columns, table of rates and target, in a provider's source or target, in an exception for a currency: the views are made and right, and nothing else happens.
CREATE TABLE names (n int GENERATED ALWAYS AS IDENTITY, name text);
INSERT INTO names (name) VALUES ('a''b'), ('a"b'), ('a\b'), ('\'), (''''), ('"'), ('""'), (' '), ('%'), ('%%'), ('%s'), ('%1$I'), ('%99$L'), ('$query$'), ('$$'), ('$1'), ('{0}'), ('a;b'), ('--'), ('/*'), ('a.b'), ('.'), (':name'), ('@extschema@'), (E'a\nb'), (E'\t'),
    ('ünï'), ('顧客'), ('A'), (repeat('x', 63)), (repeat('é', 31)), ('select'), ('null'), ('current_date'), ('source'), ('stretch'), ('option'), ('fx'), ('n'), ('customer_id'), ('mrr'), ('ended_at'), ('on_trial'), ('currency'), ('rate'), ('terms'), ('subscription_ledger'),
    ('x''; DROP TABLE test_views_errors.canary; --'), ('x"; DROP TABLE test_views_errors.canary; --'), ('x) AS s; DROP TABLE test_views_errors.canary; --'), ('$query$; DROP TABLE test_views_errors.canary; --'), (' (churnmetrics)');
CREATE SCHEMA views_fx;
CREATE FUNCTION pg_temp.tried(n int, name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    columns constant text[] := '{customer_id,started_at,ended_at,mrr,currency,subscription_id,product,plan,billing_interval,quantity,status,trial_started_at,trial_ended_at,canceled_at,cancel_reason}';
    list text;
    given text;
    found text;
    views bigint;
BEGIN
    SELECT string_agg(format('%I %s', called, CASE WHEN c LIKE '%\_at' THEN 'timestamptz' WHEN c IN ('mrr', 'quantity') THEN 'numeric' WHEN c = 'billing_interval' THEN 'interval' ELSE 'text' END), ', ' ORDER BY i), string_agg(format('%s => %L', c, called), ', ' ORDER BY i)
    INTO list, given FROM unnest(columns) WITH ORDINALITY u (c, i), LATERAL (SELECT CASE WHEN i - 1 = n % 15 THEN name ELSE left(name, 20) || ' ' || i END AS called) x;
    EXECUTE format('CREATE SCHEMA %I', name);
    EXECUTE format('CREATE TABLE %1$I.%1$I (%2$s)', name, list);
    EXECUTE format('INSERT INTO %1$I.%1$I VALUES (''k'', ''2024-01-01'', ''2024-06-01'', 20, ''eur'', ''s'', ''p'', ''q'', ''1 mon'', 1, ''active'', NULL, NULL, NULL, NULL), (''k'', ''2024-01-01'', NULL, 30, ''usd'', ''t'', ''p'', ''q'', ''1 mon'', 1, ''active'', NULL, NULL, NULL, NULL)', name);
    EXECUTE format('INSERT INTO %1$I.%1$I DEFAULT VALUES', name);
    EXECUTE format('INSERT INTO %1$I.%1$I (%2$I) VALUES (DEFAULT)', name, name);
    EXECUTE format('CREATE TABLE views_fx.%I AS SELECT ''USD'' AS currency, 0.5 AS rate', name);
    EXECUTE format('SELECT count(*) FROM create_metric_views(%L, %L, %s, reporting_currency => ''EUR'', fx => %L)', format('%1$I.%1$I', name), name, given, format('views_fx.%I', name)) INTO views;
    EXECUTE format('SELECT string_agg(concat_ws('' '', customer_id, currency, started_at::date, coalesce((ended_at::date)::text, ''-''), trim_scale(mrr), subscription_id, product, plan, billing_interval, quantity, status), '', '' ORDER BY subscription_id) FROM %I.subscriptions', name) INTO found;
    IF views <> 7 OR found IS DISTINCT FROM 'k EUR 2024-01-01 2024-06-01 20 s p q 1 mon 1 active, k EUR 2024-01-01 - 15 t p q 1 mon 1 active' THEN
        RAISE EXCEPTION '% views, %', views, found;
    END IF;
    EXECUTE format('SELECT (SELECT count(*) FROM %1$I.renewals WHERE due > 0) * (SELECT count(*) FROM %1$I.churn) * (SELECT count(*) FROM %1$I.customers) * (SELECT count(*) FROM %1$I.cohorts)', name) INTO views;
    IF views = 0 OR obj_description(format('%I.churn', name)::regclass, 'pg_class') IS DISTINCT FROM format('customers at opening, new, churned and at closing, and churn rate, by month and currency; of %1$I.%1$I (churnmetrics)', name) THEN
        RAISE EXCEPTION '% rows, %', views, obj_description(format('%I.churn', name)::regclass, 'pg_class');
    END IF;
    PERFORM drop_billing_views(name);
    EXECUTE format('DROP TABLE %1$I.%1$I, views_fx.%1$I', name);
    EXECUTE format('DROP SCHEMA %I', name);
    -- a provider's source, or a target that is made
    EXECUTE format('ALTER SCHEMA views_killbill RENAME TO %I', CASE n % 2 WHEN 0 THEN name ELSE 'views_other' END);
    SELECT count(*) INTO views FROM create_billing_views('killbill', CASE n % 2 WHEN 0 THEN name ELSE 'views_other' END, name, minor_units => jsonb_build_object(upper(name COLLATE "C"), 2, 'XBT', 8));
    EXECUTE format('SELECT string_agg(customer_id || currency, '' '') FROM %I.subscriptions', name) INTO found;
    IF views <> 7 OR found IS DISTINCT FROM 'aXBT' THEN
        RAISE EXCEPTION 'provider: % views, %', views, found;
    END IF;
    PERFORM drop_billing_views(name);
    EXECUTE format('ALTER SCHEMA %I RENAME TO views_killbill', CASE n % 2 WHEN 0 THEN name ELSE 'views_other' END);
    RETURN CASE WHEN to_regnamespace(quote_ident(name)) IS NULL THEN 'works' ELSE 'leaves the schema' END;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- One transaction each.
CREATE TABLE tried (n int, name text, how text);
CREATE PROCEDURE pg_temp.try_all() LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT n, name FROM names ORDER BY n LOOP
        INSERT INTO tried VALUES (one.n, one.name, pg_temp.tried(one.n, one.name));
        COMMIT;
    END LOOP;
END $$;
SET client_min_messages = error;
CALL pg_temp.try_all();
SELECT how, count(*) FROM tried GROUP BY how ORDER BY how;
SELECT name, how FROM tried WHERE how <> 'works' ORDER BY n;
RESET client_min_messages;
-- As values: of columns that are not there, schemas, providers, zones, words, currencies.
SELECT left(says, 5) AS error, count(*) FROM names, LATERAL (VALUES
    ('create_metric_views(''rows'', ''views_err'', customer_id => %L)'), ('create_metric_views(''rows'', ''views_err'', plan => %L)'), ('create_metric_views(''rows'', ''views_err'', time_zone => %L)'), ('create_metric_views(''rows'', ''views_err'', recognition => %L)'),
    ('create_metric_views(''rows'', ''views_err'', trials => %L)'), ('create_metric_views(''rows'', ''views_err'', reporting_currency => %L)'), ('create_billing_views(''killbill'', ''views_killbill'', ''views_err'', pauses => %L)'),
    ('create_billing_views(''killbill'', ''views_killbill'', ''views_err'', discounts => %L)'), ('create_billing_views(''killbill'', ''views_killbill'', ''views_err'', time_zone => %L)'), ('create_billing_views(%L, ''views_killbill'', ''views_err'')'),
    ('create_billing_views(''killbill'', %L, ''views_err'')'), ('drop_billing_views(%L)')) v (call), pg_temp.err(format('SELECT ' || call, 'No/' || translate(name, '0123456789', ''))) says GROUP BY 1 ORDER BY 1;
SELECT pg_temp.metric(format('customer_id => %L', name || '?')) FROM names WHERE name IN ('a''b', 'a"b', 'a\b', '%1$I', '$query$', '{0}') ORDER BY n;
SELECT pg_temp.fails(format('SELECT create_billing_views(''killbill'', %L)', name || '?')) FROM names WHERE name IN ('a''b', 'a"b', 'a\b', '%1$I', '$query$', '{0}') ORDER BY n;
-- Zones by POSIX have names of any characters: three hours west of Greenwich.
CREATE FUNCTION pg_temp.in_zone(zone text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    shown text;
BEGIN
    PERFORM create_metric_views('test_views_errors.rows', 'views_err', billing_interval => 'every', recognition => 'period_end', trial_ended_at => 'trial_to', end_inclusive => true, time_zone => zone);
    SELECT min(started_at) || ', ' || (SELECT count(*) > 20 FROM views_err.churn) || ', ' || (SELECT count(*) FROM views_err.renewals) || ', ' || (SELECT count(*) FROM views_err.customers) INTO shown FROM views_err.subscriptions;
    PERFORM drop_billing_views('views_err');
    RETURN shown;
END $$;
SELECT zone, pg_temp.in_zone(zone) FROM unnest(ARRAY['<%1$I>3', 'abc'';DROP TABLE test_views_errors.canary;/*3', 'abc\3', 'a"$query$%s%3', 'abc{}3', 'UTC+3', '+03']) zone;
-- Currencies are data: any text is one in a table.
CREATE TABLE odd AS SELECT n AS customer_id, date '2024-01-01' AS started_at, NULL::date AS ended_at, 10 AS mrr, name AS cur FROM names;
SELECT count(*) FROM create_metric_views('odd', 'views_err', currency => 'cur', status => 'cur', plan => 'cur', cancel_reason => 'cur');
SELECT count(*) AS stretches, count(*) FILTER (WHERE s.currency = upper(o.cur COLLATE "C") AND s.plan = o.cur) AS as_given FROM odd o JOIN views_err.subscriptions s ON s.customer_id = o.customer_id::text;
SELECT count(DISTINCT currency) > 40 AS by_currency FROM views_err.mrr_movements;
SELECT count(*) FROM drop_billing_views('views_err');
-- regclass reads names as SQL does.
CREATE TABLE "a.b" (customer_id int, started_at date, ended_at date, mrr numeric);
SELECT pg_temp.fails('SELECT create_metric_views(''a.b'', ''views_err'')') ~ '^(3F000|42P01)' AS refused;
SELECT count(*) FROM create_metric_views('"a.b"', 'views_err');
SELECT obj_description('views_err.churn'::regclass, 'pg_class');
SELECT count(*) FROM drop_billing_views('views_err');
-- Functions and operators that lie before ours in the search path are not taken.
CREATE FUNCTION test_views_errors.upper(text) RETURNS text LANGUAGE sql AS $$ SELECT 'HA' $$;
CREATE FUNCTION test_views_errors.subscription_ledger(text, timestamptz, timestamptz, numeric) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION test_views_errors.billing_period_end(timestamptz, timestamptz, interval, text) RETURNS timestamptz LANGUAGE sql AS $$ SELECT now() $$;
CREATE FUNCTION pg_temp.is_metric_view(oid) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE FUNCTION test_views_errors.never(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$;
CREATE OPERATOR test_views_errors.< (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = test_views_errors.never);
CREATE TABLE test_views_errors.pg_class (oid oid);
SET search_path = test_views_errors, pg_catalog, public;
SELECT count(*) FROM create_metric_views('rows', 'views_err', currency => 'cur', billing_interval => 'every', recognition => 'period_end');
SELECT customer_id, currency, started_at, mrr FROM views_err.subscriptions ORDER BY 1;
SELECT currency, closing_mrr FROM views_err.mrr_movements WHERE period_start = '2024-01-01' ORDER BY 1;
SELECT count(*) FROM drop_billing_views('views_err');
SET search_path = test_views_errors, public;

-- ---- Afterwards ----
SELECT alive FROM canary;
DROP TABLE views_killbill.analytics_subscription_transitions;
DROP SCHEMA views_killbill;
DROP SCHEMA views_fx;
SELECT nspname FROM pg_namespace WHERE nspname LIKE 'views\_%' OR nspname IN (SELECT name FROM names);
SELECT rolname FROM pg_roles WHERE rolname LIKE 'regress\_cm\_views\_%';

SET client_min_messages = warning;
DROP SCHEMA test_views_errors CASCADE;
