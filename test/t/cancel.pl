# A cancel takes effect while a ledger is built and while a report runs; the session goes on, nothing stays behind and the
# next run gives the right answer. No speed is asserted.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;
use Time::HiRes qw(time sleep);

my $db = fresh_db();
make_subs($db, 2_000_000);
my $ledger = 'subscription_ledger(customer_id, started_at, ended_at, mrr)';
my $rows = 'SELECT customer_id, started_at, ended_at, mrr FROM subs';
scalar_of($db, "SET work_mem = '1GB'; CREATE TABLE stored AS SELECT $ledger AS l FROM subs");
my $serial = 'SET max_parallel_workers_per_gather = 0;';

my @jobs = (
    [ 'a ledger, serial', "$serial ", "SELECT length($ledger\::text) FROM subs" ],
    [ 'a ledger, parallel', 'SET parallel_setup_cost = 0; SET max_parallel_workers_per_gather = 2;', "SELECT length($ledger\::text) FROM subs" ],
    [ 'ledgers per customer', $serial, "SELECT count(l) FROM (SELECT $ledger AS l FROM subs GROUP BY customer_id) q" ],
    [ 'merge', $serial, "SELECT length(merge(l)::text) FROM (SELECT $ledger AS l FROM subs GROUP BY customer_id % 1000) q" ],
    [ 'query text', $serial, "SELECT count(*) FROM mrr_movements('$rows')" ],
    [ 'query text, cohorts', $serial, "SELECT count(*) FROM cohort_retention('$rows')" ],
    [ 'churn_by_period over a stored ledger', $serial, "SELECT count(*) FROM stored, churn_by_period(l, '1 day')" ],
    [ 'mrr_movements over a stored ledger', $serial, "SELECT count(*) FROM stored, mrr_movements(l, '1 day')" ],
    [ 'cohort_retention over a stored ledger', $serial, "SELECT count(*) FROM stored, cohort_retention(l, '1 week')" ],
    [ 'input of a ledger', $serial, 'SELECT count(l::text::subscription_ledger) FROM stored' ],
    [ 'nrr', $serial, "SELECT nrr(customer_id, started_at, ended_at, mrr, daterange '[2023-01-01,2024-01-01)') FROM subs" ],
);

# In one session: the job to its end, twice as long as it may take later; the job cancelled at three moments; the job again.
for my $job (@jobs)
{
    my ($name, $settings, $query) = @$job;
    my $answer = psql($db, "$settings $query;");
    my $began = time;
    is(psql($db, "$settings $query;"), $answer, "$name: runs");
    my $took = 1000 * (time - $began);
    if ($took < 20) { note("$name takes $took ms: too quick to be cancelled"); next; }
    my $memory = 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts';
    my $script = "\\set VERBOSITY verbose\n$settings\n$query;\n$memory;\n";
    $script .= "SET statement_timeout = @{[ int($took * $_) ]};\n$query;\nRESET statement_timeout;\n" for 0.1, 0.3, 0.5;
    $script .= "$memory;\n$query;\n";
    my $out = psql($db, $script);
    is(() = $out =~ /^ERROR:  57014/mg, 3, "$name: cancelled at three moments") or diag($out);
    my @lines = grep { /^[-\d.]+$/ } split /\n/, $out;
    is($lines[-1], $answer, "$name: the session goes on and answers right");
    cmp_ok($lines[-2], '<', $lines[1] + 16 * 1024 * 1024, "$name: no memory is kept");
}

# pg_cancel_backend from another session
my $long = "SELECT /* cancel me */ count(*) FROM mrr_movements('$rows UNION ALL $rows UNION ALL SELECT customer_id + 1, started_at, ended_at, mrr FROM subs')";
my $outcome = scratch_dir() . '/outcome';
defined(my $child = fork) or die "fork: $!";
if (!$child)
{
    my $script = spew(scratch_dir() . '/long.sql', "\\set VERBOSITY verbose\n$serial\n$long;\nSELECT 'alive';\n");
    exec('sh', '-c', "exec psql -X -q -A -t -d $db <'$script' >'$outcome' 2>&1") or die "exec: $!";
}
my $cancelled = 'f';
for (1 .. 600)
{
    $cancelled = psql($db, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%/* cancel me */%' AND pid <> pg_backend_pid()"
        . " AND state = 'active' AND clock_timestamp() - query_start > '200 ms'");
    last if $cancelled eq 't';
    sleep 0.05;
}
waitpid($child, 0);
is($cancelled, 't', 'pg_cancel_backend reaches the backend');
like(slurp($outcome), qr/^ERROR:  57014.*^alive$/ms, 'it is cancelled and its session goes on');

is(psql($db, 'SELECT count(*) FROM pg_ls_tmpdir()'), 0, 'no temporary file stays behind');
done_testing();
