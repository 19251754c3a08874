# Stored ledgers and models survive pg_dump and restore; the extension can be dropped and created again, lives in a schema of its
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
    . 'SELECT string_agg(c::text, E\'\\n\' ORDER BY period_start) FROM monthly c; SELECT string_agg(m::text, E\'\\n\' ORDER BY country) FROM models m; TABLE medians';

my $db = fresh_db();
make_subs($db, 4000);
scalar_of($db, <<"SQL");
CREATE TABLE ledgers (country text PRIMARY KEY, l subscription_ledger);
INSERT INTO ledgers SELECT country, $ledger FROM subs GROUP BY country;
INSERT INTO ledgers VALUES ('none', NULL);
CREATE MATERIALIZED VIEW rollup AS SELECT merge(l) AS l FROM ledgers;
CREATE TABLE models AS
SELECT country, survival_fit(coalesce(ended_at, '2025-01-01') - started_at, ended_at IS NOT NULL) AS survival, sbg_fit(1 + id % 5, id % 3 = 0) AS sbg, logit_fit(ended_at IS NULL, ARRAY[mrr, id % 7]) AS logit,
       btyd_fit(id % 5, CASE WHEN id % 5 > 0 THEN 10 + id % 20 ELSE 0 END, 40 + id % 10, interval '1 week') AS btyd, gg_fit(id % 5, 10 + id % 50) AS spend, rfm(started_at, mrr, date '2026-01-01', interval '1 day') AS rfm, lift_table(mrr, ended_at IS NULL) AS lift
FROM subs GROUP BY country;
CREATE VIEW medians AS SELECT country, survival_quantile(survival, 0.5) AS median, sbg_survival(sbg, 3) AS sbg, logit_predict(logit, ARRAY[10, 3]) AS churn, btyd_clv(btyd, spend, 2, 10, 20, 15, interval '1 year', 0.1) AS clv FROM models ORDER BY country;
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
    'SELECT metrics.rate_ci(5, 100)', 'SELECT metrics.nps_ci(60, 30, 10)', 'SELECT metrics.uplift_test(5, 100, 9, 100)', 'SELECT r FROM metrics.gesd(ARRAY[1, 2, 3, 4, 90], 1) r',
    "SELECT metrics.customer_lifetime_km('SELECT customer_id, started_at, ended_at, mrr FROM public.subs', '2025-01-01')",
    "SELECT r FROM metrics.churn_intervals('SELECT customer_id, started_at, ended_at, mrr FROM public.subs', since => '2024-01-01', until => '2025-01-01') r",
    'SELECT metrics.survival_quantile_ci(metrics.survival_fit(id, id % 2 = 0), 0.5) FROM public.subs', 'SELECT metrics.logrank(id, id % 2 = 0, country) FROM public.subs',
    'SELECT metrics.logit_predict(metrics.logit_fit(ended_at IS NULL, ARRAY[mrr, id % 7]), ARRAY[10, 3]) FROM public.subs',
    'SELECT metrics.did(customer_id % 2 = 0, id % 2 = 0, mrr, customer_id) FROM public.subs',
    'SELECT p FROM (SELECT metrics.pchart(1, 10 + id) OVER (ORDER BY id) AS p FROM public.subs WHERE id < 10) q LIMIT 1',
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
