# The same ledger, byte for byte, and the same reports, however PostgreSQL plans the aggregate, in whatever order the rows
# arrive, and after every way of storing, sending and merging. Each case asserts that the plan is really the one meant.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

my $db = fresh_db();
make_subs($db, 60_000);
scalar_of($db, <<'SQL');
CREATE FUNCTION digest(l subscription_ledger) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN md5(l::text) || ' ' || length(l::text);
-- By country: rows of one region, none, and padding rows of an outer join only.
CREATE TABLE regions (LIKE subs, region text) PARTITION BY LIST (region);
CREATE TABLE regions_all PARTITION OF regions FOR VALUES IN ('all');
CREATE TABLE regions_empty PARTITION OF regions FOR VALUES IN ('empty');
CREATE TABLE regions_padding PARTITION OF regions FOR VALUES IN ('padding');
INSERT INTO regions SELECT s.*, 'all' FROM subs s;
INSERT INTO regions (id, country, region) SELECT g, 'DE', 'padding' FROM generate_series(1, 2000) g;
-- By customer.
CREATE TABLE hashed (LIKE subs) PARTITION BY HASH (customer_id);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE hashed_2 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO hashed SELECT * FROM subs;
-- A few rows on one page: with several workers most of them see nothing.
CREATE TABLE few AS SELECT * FROM subs WHERE id <= 40;
ANALYZE;
SQL

my $ledger = 'subscription_ledger(customer_id, started_at, ended_at, mrr)';
my $plain_ledger = 'subscription_ledger(customer_id, started_at, ended_at)';
my $period = "daterange '[2023-01-01,2024-01-01)'";
# One line for the ledgers with and without mrr, and every one-period aggregate.
my $everything = join(" || ' ' || ", "digest($ledger)", "digest($plain_ledger)",
    (map { "coalesce($_(customer_id, started_at, ended_at, $period)::text, '-')" } qw(churn_rate retention_rate)),
    (map { "coalesce($_(customer_id, started_at, ended_at, mrr, $period)::text, '-')" }
        qw(churn_rate retention_rate mrr_churn net_mrr_churn grr nrr clv)),
    (map { "coalesce(nrr(customer_id, started_at, ended_at, mrr, $period, churn_policy('$_'))::text, '-')" } qw(maxio fight_churn)),
    "coalesce(renewal_rate(customer_id, started_at, ended_at, $period)::text, '-')",
    "coalesce(mrr_renewal_rate(customer_id, started_at, ended_at, mrr, $period, churn_policy(grace => '1 month'))::text, '-')");

my $serial = 'SET max_parallel_workers_per_gather = 0;';
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; '
    . 'SET max_parallel_workers = 8; SET max_parallel_workers_per_gather = 4;';
my $forced = version_num() >= 160000 ? 'SET debug_parallel_query = on;' : 'SET force_parallel_mode = on;';
my $no_leader = 'SET parallel_leader_participation = off;';

# Asserts that a query under these settings has the plan meant (a list of patterns) and the answer expected.
sub same
{
    my ($name, $settings, $query, $plan, $expected) = @_;
    my $text = psql($db, "$settings EXPLAIN (COSTS OFF) $query");
    my @missing = grep { $text !~ $_ } @$plan;
    ok(!@missing, "$name: the plan is meant") or diag("no @missing in\n$text");
    is(psql($db, "$settings $query"), $expected, $name);
    return;
}

my $whole = psql($db, "$serial SELECT $everything FROM subs");
like($whole, qr/^[0-9a-f]{32} \d{5,} [0-9a-f]{32} \d{5,}( 0?\.\d+| \d+\.\d+){13}$/, 'the reference: a ledger and thirteen rates');
my $by_country = psql($db, $serial . join(' UNION ALL ', map { "SELECT '$_', $everything FROM subs WHERE country = '$_'" } qw(BR DE FR JP US)));
is(scalar(split /\n/, $by_country), 5, 'the reference by country: five lines');

# Plans without groups
same('serial', $serial, "SELECT $everything FROM subs", [qr/^Aggregate/], $whole);
same('parallel', $parallel, "SELECT $everything FROM subs", [qr/Finalize Aggregate.*Gather.*Partial Aggregate.*Parallel Seq Scan/s], $whole);
same('parallel without the leader', "$parallel $no_leader", "SELECT $everything FROM subs", [qr/Gather.*Partial Aggregate/s], $whole);
like(psql($db, "$parallel EXPLAIN (ANALYZE, COSTS OFF) SELECT $ledger FROM subs"), qr/Workers Launched: [1-4]/, 'workers are launched');
same('the whole query in a worker', "$serial SET max_parallel_workers_per_gather = 2; $forced", "SELECT $everything FROM few",
    [qr/Gather/], psql($db, "$serial SELECT $everything FROM few"));
same('workers that see no row', "$parallel $no_leader ALTER TABLE few SET (parallel_workers = 4);", "SELECT $everything FROM few",
    [qr/Gather.*Partial Aggregate/s], psql($db, "$serial SELECT $everything FROM few"));
same('a parallel append with an empty part and one of padding only', "$parallel SET enable_partitionwise_aggregate = off;",
    "SELECT $everything FROM regions", [qr/Gather.*Partial Aggregate.*Parallel Append/s], $whole);
same('partial aggregates per partition', "$serial SET enable_partitionwise_aggregate = on;",
    "SELECT $everything FROM regions GROUP BY country = 'none' ORDER BY 1",
    [qr/Finalize.*Append.*Partial .*regions_all.*Partial .*regions_empty.*Partial .*regions_padding/s], $whole);
is(psql($db, "SELECT $ledger IS NULL, $ledger FILTER (WHERE false) IS NULL FROM regions WHERE region = 'padding'"), 't|t', 'padding rows only: NULL');

# Groups
my $grouped = "SELECT country, $everything FROM subs GROUP BY country ORDER BY country";
same('HashAggregate', "$serial SET enable_sort = on; SET enable_hashagg = on;", $grouped, [qr/HashAggregate/], $by_country);
same('GroupAggregate', "$serial SET enable_hashagg = off;", $grouped, [qr/GroupAggregate/], $by_country);
same('parallel HashAggregate', "$parallel SET enable_hashagg = on;", $grouped, [qr/Finalize .*Gather.*Partial HashAggregate/s], $by_country);
same('parallel GroupAggregate', "$parallel SET enable_hashagg = off;", $grouped, [qr/Finalize GroupAggregate.*Gather Merge.*Partial GroupAggregate/s], $by_country);
same('grouping sets by hash', "$serial SET enable_hashagg = on;",
    "SELECT country, $everything FROM subs GROUP BY GROUPING SETS ((country), ()) ORDER BY country NULLS LAST", [qr/MixedAggregate/], "$by_country\n|$whole");
same('grouping sets by sort', "$serial SET enable_hashagg = off;",
    "SELECT country, $everything FROM subs GROUP BY ROLLUP (country) ORDER BY country NULLS LAST", [qr/GroupAggregate/], "$by_country\n|$whole");
is(psql($db, "$serial SELECT $everything FROM subs CROSS JOIN LATERAL (SELECT 1) AS one WHERE country = 'DE' GROUP BY country"),
    (split /\|/, (split /\n/, $by_country)[1])[1], 'one group alone');

# One ledger per customer, merged
my $per_customer = "SELECT digest(merge(l)) FROM (SELECT customer_id, $ledger AS l FROM %s GROUP BY customer_id) q";
my $digest = (split / /, $whole)[0] . ' ' . (split / /, $whole)[1];
same('merged per customer, HashAggregate', "$serial SET enable_hashagg = on; SET work_mem = '256MB';", sprintf($per_customer, 'subs'), [qr/HashAggregate/], $digest);
same('merged per customer, HashAggregate that spills', "$serial SET enable_sort = off; SET work_mem = '64kB'; SET hash_mem_multiplier = 1;",
    sprintf($per_customer, 'subs'), [qr/HashAggregate/], $digest);
like(psql($db, "$serial SET enable_sort = off; SET work_mem = '64kB'; SET hash_mem_multiplier = 1; EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "
        . sprintf($per_customer, 'subs')), qr/Batches: (?!1\b)\d+/, 'it does spill');
same('merged per customer, GroupAggregate', "$serial SET enable_hashagg = off;", sprintf($per_customer, 'subs'), [qr/GroupAggregate/], $digest);
same('merged per customer, parallel', $parallel, sprintf($per_customer, 'subs'), [qr/Gather/], $digest);
same('merged per customer, partition-wise', "$serial SET enable_partitionwise_aggregate = on;", sprintf($per_customer, 'hashed'),
    [qr/Append.*(?:Hash|Group)Aggregate.*hashed_0.*(?:Hash|Group)Aggregate.*hashed_1/s], $digest);
same('merged per customer, partition-wise and parallel', "$parallel SET enable_partitionwise_aggregate = on;", sprintf($per_customer, 'hashed'),
    [qr/Gather.*(?:Hash|Group)Aggregate/s], $digest);
same('merge itself in parallel', "$parallel SET enable_partitionwise_aggregate = on;",
    'SELECT digest(merge(l)) FROM per_row', [qr/Gather.*Partial Aggregate/s], $digest)
    if scalar_of($db, "CREATE TABLE per_row AS SELECT id % 500 AS part, $ledger AS l FROM subs GROUP BY 1; ANALYZE per_row;") eq '';

# Windows
is(psql($db, "$serial SELECT DISTINCT digest($ledger OVER ()) FROM subs WHERE id <= 3000"),
    psql($db, "$serial SELECT digest($ledger) FROM subs WHERE id <= 3000"), 'OVER ()');
is(psql($db, "SELECT digest($ledger OVER (ORDER BY id)) FROM subs WHERE id <= 300 ORDER BY id"),
    psql($db, "SELECT (SELECT digest($ledger) FROM subs s WHERE s.id <= o.id) FROM subs o WHERE o.id <= 300 ORDER BY o.id"), 'a running window');
is(psql($db, "SELECT digest($ledger OVER (ORDER BY id ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)) FROM subs WHERE id <= 200 ORDER BY id"),
    psql($db, "SELECT (SELECT digest($ledger) FROM subs s WHERE s.id BETWEEN o.id - 9 AND o.id) FROM subs o WHERE o.id <= 200 ORDER BY o.id"), 'a sliding window');

# Order of the rows
for my $order ('id DESC', 'hashint8extended(id, 7)', 'customer_id, started_at', 'customer_id DESC, ended_at DESC NULLS FIRST', 'started_at, id')
{
    is(psql($db, "$serial SELECT $everything FROM (SELECT * FROM subs ORDER BY $order) s"), $whole, "rows ordered by $order");
}
is(psql($db, "$serial SELECT digest(subscription_ledger(customer_id, started_at, ended_at, mrr ORDER BY id % 97, id)) FROM subs"), $digest, 'ORDER BY in the aggregate');

# Input and output, storage, merging
is(psql($db, "SELECT digest($ledger\::text::subscription_ledger) FROM subs"), $digest, 'through text');
scalar_of($db, "CREATE TABLE stored AS SELECT country, $ledger AS l FROM subs GROUP BY country; INSERT INTO stored VALUES ('none', NULL)");
my $file = scratch_dir() . '/ledgers.bin';
is(psql($db, "CREATE TABLE received (LIKE stored);\n\\copy stored TO '$file' (FORMAT binary)\n\\copy received FROM '$file' (FORMAT binary)\n"), '', 'sent and received in binary');
is(psql($db, 'SELECT country, digest(l) FROM received WHERE l IS NOT NULL ORDER BY 1'), psql($db, 'SELECT country, digest(l) FROM stored WHERE l IS NOT NULL ORDER BY 1'),
    'the same through binary');
is(psql($db, 'SELECT bool_and(s.l::text = r.l::text AND subscription_ledger_send(s.l) = subscription_ledger_send(r.l)) FROM stored s JOIN received r USING (country)'), 't',
    'text and binary are byte-equal');
is(psql($db, "SELECT digest(merge(l)) FROM $_"), $digest, "merged from $_")
    for 'stored', 'received', '(SELECT l FROM stored ORDER BY country DESC) s', '(SELECT merge(l) AS l FROM stored GROUP BY country < \'FR\') s', '(SELECT l::text::subscription_ledger AS l FROM received) s';
scalar_of($db, "CREATE MATERIALIZED VIEW seen AS SELECT $ledger AS l FROM subs; REFRESH MATERIALIZED VIEW seen");
is(psql($db, 'SELECT digest(l) FROM seen'), $digest, 'a materialised view');

# Reports
for my $report ('churn_by_period', 'mrr_movements', 'cohort_retention')
{
    my $rows = "md5(string_agg(r::text, E'\\n' ORDER BY r::text)) || ' ' || count(*)";
    my $args = "'1 month', '2020-01-01', '2025-01-01'";
    my $expected = psql($db, "$serial SELECT $rows FROM (SELECT $ledger AS l FROM subs) q, LATERAL $report(q.l, $args) r");
    like($expected, qr/^[0-9a-f]{32} \d{2,}$/, "$report over a subquery's ledger");
    is(psql($db, "$_->[1] SELECT $rows FROM $report('SELECT customer_id, started_at, ended_at, mrr FROM $_->[2]', $args) r"), $expected, "$report: $_->[0]")
        for ['query text', $serial, 'subs'], ['query text in parallel', $parallel, 'subs'], ['query text, partitions', $parallel, 'regions'],
        ['query text, partition-wise', "$parallel SET enable_partitionwise_aggregate = on;", 'hashed'];
    is(psql($db, "SELECT $rows FROM (SELECT merge(l) AS l FROM received) q, LATERAL $report(q.l, $args) r"), $expected, "$report: merged from stored ledgers");
}

# Other types
for my $case ([ 'uuid', 'md5(customer_id::text)::uuid', 'timestamp' ], [ 'text', "'c' || customer_id", 'timestamptz' ], [ 'text', "'c' || customer_id", 'date' ])
{
    my ($type, $customer, $time) = @$case;
    my $other = "digest(subscription_ledger($customer, started_at::$time, ended_at::$time, mrr))";
    my $expected = psql($db, "$serial SELECT $other FROM subs");
    same("parallel, $type and $time", $parallel, "SELECT $other FROM subs", [qr/Gather.*Partial Aggregate/s], $expected);
    is(psql($db, "$parallel SET TimeZone = 'Pacific/Kiritimati'; SELECT digest(merge(l)) FROM (SELECT country, subscription_ledger($customer, started_at::$time, ended_at::$time, mrr) AS l FROM subs GROUP BY 1) q"),
        $expected, "$type and $time: merged by country in another zone") unless $time eq 'timestamptz';
}

done_testing();
