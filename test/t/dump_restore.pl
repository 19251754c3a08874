# Stored ledgers survive pg_dump and restore; the extension can be dropped and created again, lives in a schema of its
# own, answers the same under any search_path, and can be created by a database's owner who is no superuser.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

my $ledger = 'subscription_ledger(customer_id, started_at, ended_at, mrr)';
my $contents = "SELECT string_agg(format('%s %s', country, l), E'\\n' ORDER BY country) FROM ledgers; "
    . "SELECT string_agg(m::text, E'\\n' ORDER BY period_start) FROM rollup, mrr_movements(l, '1 month', '2020-01-01', '2025-01-01') m; "
    . 'SELECT string_agg(c::text, E\'\\n\' ORDER BY period_start) FROM monthly c;';

my $db = fresh_db();
make_subs($db, 4000);
scalar_of($db, <<"SQL");
CREATE TABLE ledgers (country text PRIMARY KEY, l subscription_ledger);
INSERT INTO ledgers SELECT country, $ledger FROM subs GROUP BY country;
INSERT INTO ledgers VALUES ('none', NULL);
CREATE MATERIALIZED VIEW rollup AS SELECT merge(l) AS l FROM ledgers;
CREATE VIEW monthly AS SELECT c.* FROM rollup, LATERAL churn_by_period(l, '1 month', '2020-01-01', '2025-01-01') c;
SQL
my $before = scalar_of($db, $contents);
like($before, qr/DE .*2024-12-01/s, 'there is something to dump');

# Dumps and restores; returns the new database.
sub restored
{
    my ($format, $from) = @_;
    my $to = fresh_db('');
    my $file = scratch_dir() . "/dump.$format";
    my $out = `pg_dump -F $format -f \Q$file\E $from 2>&1`;
    is($out, '', "pg_dump, format $format");
    $out = $format eq 'p' ? `psql -X -q -A -t -v ON_ERROR_STOP=1 -d $to -f \Q$file\E 2>&1` : `pg_restore -d $to \Q$file\E 2>&1`;
    unlike($out, qr/ERROR|error/, "restore, format $format");
    return $to;
}

for my $format ('p', 'c')
{
    my $to = restored($format, $db);
    is(scalar_of($to, $contents), $before, "format $format: the same ledgers and reports");
    drop_db($to);
}
is(scalar_of(restored('p', restored('c', $db)), $contents), $before, 'dumped, restored, dumped, restored');

# Drop and create again
my $again = fresh_db();
make_subs($again, 1000);
my $answer = scalar_of($again, "SELECT $ledger FROM subs");
scalar_of($again, "CREATE TABLE ledgers AS SELECT $ledger AS l FROM subs");
is(sqlstate_of($again, 'DROP EXTENSION churnmetrics'), '2BP01', 'DROP EXTENSION minds the column that depends on it');
is(scalar_of($again, "SET client_min_messages = error; DROP EXTENSION churnmetrics CASCADE; SELECT count(*) FROM pg_attribute WHERE attrelid = 'ledgers'::regclass AND attnum > 0 AND NOT attisdropped"),
    0, 'DROP EXTENSION ... CASCADE');
is(scalar_of($again, "SELECT count(*) FROM pg_proc WHERE probin LIKE '%churnmetrics%'"), 0, 'nothing of it is left');
is(scalar_of($again, "CREATE EXTENSION churnmetrics; SELECT $ledger FROM subs"), $answer, 'CREATE EXTENSION again');

# A schema of its own, and search paths that do not hold it or hold something else
my $schema = fresh_db('CREATE SCHEMA metrics; CREATE EXTENSION churnmetrics SCHEMA metrics');
make_subs($schema, 1000);
my @calls = (
    (map { "SELECT string_agg(r::text, E'\\n') FROM metrics.$_('SELECT customer_id, started_at, ended_at, mrr FROM public.subs', '1 month', '2020-01-01', '2025-01-01') r" }
        qw(churn_by_period mrr_movements cohort_retention)),
    'SELECT metrics.subscription_ledger(customer_id, started_at, ended_at, mrr) FROM public.subs',
    'SELECT metrics.merge(l) FROM (SELECT metrics.subscription_ledger(customer_id, started_at, ended_at, mrr) AS l FROM public.subs GROUP BY country) q',
    'SELECT s FROM (SELECT metrics.subscription_ledger(customer_id, started_at, ended_at, mrr) AS l FROM public.subs) q, metrics.ledger_summary(l) s',
    (map { "SELECT metrics.$_(customer_id, started_at, ended_at, mrr, daterange '[2023-01-01,2024-01-01)') FROM public.subs" }
        qw(churn_rate retention_rate mrr_churn net_mrr_churn grr nrr clv)),
    (map { "SELECT metrics.$_" } 'churn_rate(5, 100)', 'retention_rate(100, 90, 4)', 'mrr_churn(100, 10, 5)', 'nrr(100, 10, 5, 20)', 'quick_ratio(9, 3, 2, 1)',
        "monthly_amount(120, '1 year')", "convert_rate(0.05, '1 month', '1 year')", 'clv_from_churn(100, 0.05, 0.8, 0.01)', 'customer_lifetime(0.05)',
        'nps(60, 30, 10)', 'csat_rate(40, 50)'),
    'SELECT r FROM metrics.clv_sensitivity(100, 0.1, 0.8, ARRAY[0, 0.05]) r',
    'SELECT metrics.nps(score) FROM (VALUES (9::numeric), (3), (8), (10)) AS v(score)',
    'SELECT metrics.health_score(score, weight) FROM (VALUES (47::numeric, 20::numeric), (59, 15), (21, 22)) AS v(score, weight)',
);
my %expected = map { $_ => scalar_of($schema, "SET search_path = public, metrics; $_") } @calls;

# Functions, operators and types that would be taken instead if something of the extension looked them up in the caller's search_path.
scalar_of($schema, <<'SQL');
CREATE SCHEMA evil;
DO $do$
DECLARE
    kind text;
    op text;
    result text;
    call text;
    body text := 'LANGUAGE plpgsql AS $$ BEGIN RAISE ''evil was called''; END $$';
BEGIN
    FOREACH kind IN ARRAY ARRAY['numeric', 'bigint', 'integer', 'date', 'text', 'boolean', 'interval', 'timestamp', 'timestamptz'] LOOP
        FOREACH op IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>=', '+', '-', '*', '/', '||'] LOOP
            result := CASE WHEN op IN ('=', '<>', '<', '<=', '>', '>=') THEN 'boolean' ELSE kind END;
            EXECUTE format('CREATE OR REPLACE FUNCTION evil.%s_%s(%s, %s) RETURNS %s ', kind, result, kind, kind, result) || body;
            EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.%s_%s)', op, kind, kind, kind, result);
        END LOOP;
    END LOOP;
    FOREACH call IN ARRAY ARRAY['subscription_ledger(bigint, date, date, numeric)', 'merge(metrics.subscription_ledger)', 'now()', 'round(numeric, integer)',
                                'churn_rate(numeric, numeric)', 'mrr_churn(numeric, numeric, numeric)', 'nrr(numeric, numeric, numeric, numeric)',
                                'clv_from_churn(numeric, numeric, numeric, numeric)', 'unnest(numeric[])', 'power(numeric, numeric)', 'sum(numeric)'] LOOP
        EXECUTE 'CREATE FUNCTION evil.' || call || ' RETURNS numeric ' || body;
    END LOOP;
END $do$;
SQL
my $temporary = 'CREATE TEMP TABLE churn_policy (x int); CREATE TEMP TABLE subscription_ledger (x int); CREATE TEMP TABLE subs (x int);';
is(sqlstate_of($schema, 'SET search_path = evil, pg_catalog; SELECT 1.5 + 1.5'), 'P0001', 'the hostile schema is hostile');
for my $call (@calls)
{
    my ($name) = $call =~ /metrics\.(\w+)/;
    is(psql($schema, "SET search_path = ''; $call"), $expected{$call}, "$name: a search_path without the extension");
    is(psql($schema, "$temporary SET search_path = pg_temp, evil, pg_catalog; $call"), $expected{$call}, "$name: a hostile search_path");
}

# Trusted: a database's owner suffices
my $owner = "cm_tap_owner_$$";
scalar_of('postgres', "CREATE ROLE $owner LOGIN");
my $owned = fresh_db('');
scalar_of($owned, "ALTER DATABASE $owned OWNER TO $owner");
is(psql($owned, "CREATE EXTENSION churnmetrics; CREATE TABLE subs (c bigint, s date, e date, m numeric); INSERT INTO subs VALUES (1, '2024-01-01', NULL, 10); "
        . "SELECT closing_mrr FROM mrr_movements('SELECT * FROM subs', '1 month', '2024-01-01', '2024-02-01')", args => [ '-A', '-t', '-U', $owner ]) + 0,
    10, 'a database owner without superuser rights creates and uses it');
is(scalar_of($owned, "SELECT rolname FROM pg_extension JOIN pg_roles r ON r.oid = extowner WHERE extname = 'churnmetrics'"), $owner, 'and owns it');
drop_db($owned);
scalar_of('postgres', "DROP ROLE $owner");

done_testing();
