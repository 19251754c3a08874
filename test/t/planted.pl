# Who may create objects in the extension's schema (which can be public) must not get them run by others: neither by who makes views, nor by who reads
# them. Functions and operators that fit an inexact call better than ours are put there; none is called, and no view depends on one.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

my $db = fresh_db();

# For every function of ours one for each argument with another type in its place, and one for each argument with a default that is left out.
# From here on names of the schema public are qualified in this test, too.
scalar_of($db, <<'SQL');
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = pg_catalog', current_database()); END $$;
SET search_path = pg_catalog;
CREATE FUNCTION public.plant(name text, arguments text, result text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS $plant$
BEGIN
    EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION ''planted: %s(%s)''; END $$', name, arguments, result, name, arguments);
    RETURN true;
EXCEPTION WHEN duplicate_function OR invalid_function_definition OR feature_not_supported OR undefined_object THEN
    RETURN false;
END $plant$;
CREATE TABLE public.planted AS
WITH ours AS (
    SELECT p.proname::text AS name, string_to_array(oidvectortypes(p.proargtypes), ', ') AS types, p.pronargs, p.pronargdefaults, CASE WHEN p.prokind = 'a' THEN 'numeric' ELSE format_type(p.prorettype, NULL) END AS result
    FROM pg_depend d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'churnmetrics') AND p.pronargs > 0
      AND oidvectortypes(p.proargtypes) !~ 'internal|cstring'),
other (type, fits) AS (VALUES ('text', 'name'), ('text', 'character varying'), ('text', 'integer'), ('name', 'text'), ('numeric', 'integer'), ('numeric', 'double precision'), ('double precision', 'numeric'), ('interval', 'text'),
    ('date', 'text'), ('text[]', 'text'), ('jsonb', 'text'), ('timestamp without time zone', 'text'), ('timestamp with time zone', 'text'), ('oid', 'regclass'), ('integer', 'bigint'), ('boolean', 'text')),
wanted AS (
    SELECT name, array_to_string(types[1:n - 1] || other.fits || types[n + 1:], ', ') AS arguments, result FROM ours, generate_series(1, pronargs) AS n, other WHERE other.type = types[n]
    UNION
    SELECT name, array_to_string(types[1:n], ', '), result FROM ours, generate_series(pronargs - pronargdefaults, pronargs - 1) AS n WHERE n > 0
    UNION VALUES ('format', 'text, text', 'text'), ('format', 'text, name', 'text'), ('format', 'text, name, name', 'text'), ('format', 'text, text, text', 'text'), ('format', 'text, text, name', 'text'), ('format', 'text, name, text', 'text'),
        ('array_to_string', 'text[], text', 'text'), ('unnest', 'text[]', 'text'), ('array_agg', 'text', 'text[]'), ('array_remove', 'text[], text', 'text[]'), ('string_agg', 'character varying, text', 'text'), ('lower', 'character varying', 'text'),
        ('upper', 'character varying', 'text'), ('round', 'numeric, bigint', 'numeric'), ('date_trunc', 'character varying, timestamp', 'timestamp'), ('timezone', 'character varying, timestamptz', 'timestamp'),
        ('coalesce', 'text, text', 'text'), ('quote_ident', 'name', 'text'), ('jsonb_build_object', 'text, boolean', 'jsonb'), ('concat_ws', 'text, text, text', 'text'))
SELECT name, arguments FROM wanted WHERE public.plant(name, arguments, result);
DO $do$
DECLARE
    o record;
BEGIN
    FOR o IN SELECT * FROM unnest('{=,<>,<,<=,>,>=}'::text[]) AS op, (VALUES ('character varying', 'character varying'), ('character varying', 'text'), ('text', 'character varying'), ('name', 'text'), ('numeric', 'integer'),
                 ('double precision', 'integer'), ('bigint', 'numeric'), ('timestamptz', 'date')) AS t (l, r) LOOP
        EXECUTE format('CREATE OR REPLACE FUNCTION public.planted_compare(%s, %s) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION ''planted operator''; END $$', o.l, o.r);
        BEGIN
            EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.planted_compare)', o.op, o.l, o.r);
        EXCEPTION WHEN duplicate_function THEN NULL;
        END;
    END LOOP;
END $do$;
SQL
cmp_ok(scalar_of($db, 'SELECT count(*) FROM public.planted'), '>', 300, 'many functions are planted');

# The providers' tables, empty, with varchar for text.
scalar_of($db, <<'SQL');
DO $do$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT concat('CREATE SCHEMA raw_', provider) FROM (SELECT DISTINCT provider FROM public.billing_providers()) p
        UNION ALL
        SELECT concat('CREATE TABLE raw_', provider, '.', quote_ident(table_name::text), ' (', string_agg(concat(quote_ident(column_name::text), ' ', data_type), ', '), ')')
        FROM (SELECT DISTINCT ON (provider, split_part(table_name, '|', 1), split_part(column_name, '|', 1)) provider, split_part(table_name, '|', 1) AS table_name, split_part(column_name, '|', 1) AS column_name,
                     CASE split_part(data_type, ', ', 1) WHEN 'text' THEN 'varchar(80)' WHEN 'enum' THEN 'varchar(80)' WHEN 'number' THEN 'bigint' WHEN 'json' THEN 'jsonb' WHEN 'time' THEN 'timestamptz' ELSE split_part(data_type, ', ', 1) END AS data_type
              FROM public.billing_providers()) needs
        GROUP BY provider, table_name
    LOOP
        EXECUTE statement;
    END LOOP;
END $do$;
CREATE TABLE public.rows (customer varchar(20), id varchar(20), currency varchar(3), every interval, started date, ended timestamp, trial timestamptz, gone timestamptz, price double precision);
INSERT INTO public.rows VALUES ('a', 's', 'eur', '1 month', '2024-01-01', '2024-03-05', '2024-01-05', '2024-02-02', 10), ('b', 't', 'usd', '1 month', '2024-01-01', NULL, NULL, NULL, 20);
CREATE TABLE public.rates (currency varchar(3), rate double precision);
INSERT INTO public.rates VALUES ('USD', 0.9);
SQL
my $policy = "public.churn_policy('standard'::text, 'at'::text, NULL::text, NULL::text, NULL::boolean, '3 days'::interval, NULL::interval, NULL::interval, NULL::boolean, NULL::boolean, NULL::integer, NULL::integer)";
my $table = "customer_id => 'customer', subscription_id => 'id', started_at => 'started', ended_at => 'ended', mrr => 'price', currency => 'currency', billing_interval => 'every', trial_ended_at => 'trial', canceled_at => 'gone'";
my %calls = (
    of_table => "public.create_metric_views('public.rows'::regclass, 'of_table'::name, $table, recognition => 'period_end'::text, end_inclusive => true, reporting_currency => 'EUR'::text, fx => 'public.rates'::regclass, policy => $policy)",
    plain_table => "public.create_metric_views('public.rows'::regclass, 'plain_table'::name, $table, recognition => 'canceled'::text, trials => 'free'::text)",
);
for my $provider (qw(stripe stripe_fivetran killbill lago chargebee recurly))
{
    $calls{"of_$provider"} = "public.create_billing_views('$provider'::text, 'raw_$provider'::name, 'of_$provider'::name, 'Europe/Berlin'::text, 'ended'::text, 'zero'::text, '10 days'::interval, 'free'::text, 'all'::text,
        true, NULL::text, NULL::regclass, '{\"XBT\": 8}'::jsonb, $policy)";
    $calls{"period_$provider"} = "public.create_billing_views('$provider'::text, 'raw_$provider'::name, 'period_$provider'::name, 'UTC'::text, 'period_end'::text, 'keep'::text, NULL::interval, 'exclude'::text, 'forever'::text,
        false, 'EUR'::text, 'public.rates'::regclass, NULL::jsonb, NULL::public.churn_policy)";
}
for my $schema (sort keys %calls)
{
    is(try_sql($db, "SELECT * FROM $calls{$schema};"), '', "$schema is made");
    my $views = join ', ', map { "(SELECT count(*) FROM $schema.$_)" } qw(subscriptions mrr_movements churn cohorts customers renewals trials);
    is(try_sql($db, "SELECT $views;"), '', "$schema is read");
}
is(scalar_of($db, <<'SQL'), '', 'no view depends on what was planted');
SELECT string_agg(DISTINCT c.oid::regclass || ': ' || pg_describe_object(d.refclassid, d.refobjid, 0), E'\n')
FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class c ON c.oid = r.ev_class
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) AND d.refobjid >= 16384
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e')
SQL
is(try_sql($db, "SELECT * FROM public.drop_billing_views('of_table'::name);"), '', 'the views are dropped');
drop_db($db);
done_testing();
