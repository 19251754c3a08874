# An older version updated is what the current one is from the start: the same objects with the same properties, and
# stored ledgers and views as they were.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

my $current = scalar_of('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'churnmetrics'");
my @older = split /\n/, scalar_of('postgres', "SELECT version FROM pg_available_extension_versions WHERE name = 'churnmetrics' AND version <> '$current' ORDER BY version");
ok(@older > 0, 'there are older versions');

# Every object of the extension: what it is, what the planner knows of it, who may use it, its comment.
my $objects = <<'SQL';
SELECT string_agg(line, E'\n' ORDER BY line COLLATE "C") FROM (
    SELECT concat_ws(' | ', i.type, i.identity, obj_description(d.objid, d.classid::regclass::name),
                     replace(p.prosrc, E'\n', ' '), replace(pg_get_function_sqlbody(p.oid), E'\n', ' '), p.prolang, p.provolatile, p.proparallel, p.proisstrict, p.procost, p.prorows, p.prosecdef, p.proconfig, p.proacl, p.prokind,
                     pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
                     a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggtranstype::regtype, a.aggtransspace, t.typlen, t.typstorage, t.typalign, t.typinput, t.typsend) AS line
    FROM pg_depend d
         CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) i
         LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
         LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
         LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'churnmetrics')) o
SQL

my $fresh = fresh_db();
my $wanted = scalar_of($fresh, $objects);
is(scalar_of($fresh, "SELECT extversion FROM pg_extension WHERE extname = 'churnmetrics'"), $current, "a new one is $current");

for my $version (@older)
{
    my $db = fresh_db('');
    scalar_of($db, "CREATE EXTENSION churnmetrics VERSION '$version'");
    make_subs($db, 500);
    scalar_of($db, 'CREATE TABLE stored AS SELECT subscription_ledger(customer_id, started_at, ended_at, mrr) AS l FROM subs;
        CREATE VIEW monthly AS SELECT m.* FROM stored, LATERAL mrr_movements(l, \'1 month\', \'2020-01-01\', \'2025-01-01\', policy => churn_policy()) m');
    my $contents = "SELECT string_agg(m::text, E'\\n' ORDER BY period_start) FROM monthly m; SELECT l FROM stored";
    my $before = scalar_of($db, $contents);
    scalar_of($db, 'ALTER EXTENSION churnmetrics UPDATE');
    is(scalar_of($db, "SELECT extversion FROM pg_extension WHERE extname = 'churnmetrics'"), $current, "$version updates to $current");
    my %upgraded = map { $_ => 1 } split /\n/, scalar_of($db, $objects);
    my %missing = map { $_ => 1 } grep { !delete $upgraded{$_} } split /\n/, $wanted;
    is(join("\n", sort(keys %missing)), '', "$version updated has every object of $current");
    is(join("\n", sort(keys %upgraded)), '', "$version updated has no other");
    is(scalar_of($db, $contents), $before, "$version updated: stored ledgers and views as before");
    drop_db($db);
}
drop_db($fresh);
done_testing();
