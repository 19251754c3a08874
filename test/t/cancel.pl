# A cancel takes effect while a ledger is built and while a report runs; the session goes on, nothing stays behind and the
# next run gives the right answer. No speed is asserted: a job that ends before its cancel is tried again, with less delay.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use IO::Handle;
use Test::More;
use Time::HiRes qw(time sleep);

my $ATTEMPTS = 20;    # at most, a job
my $CANCELS = 3;      # wanted of them; one must be
my $PATIENCE = 600;   # seconds until a session that does not answer is a failure

$SIG{PIPE} = 'IGNORE';
my $db = fresh_db();
make_subs($db, 2_000_000);
my $ledger = 'subscription_ledger(customer_id, started_at, ended_at, mrr)';
my $rows = 'SELECT customer_id, started_at, ended_at, mrr FROM subs';
scalar_of($db, "SET work_mem = '1GB'; CREATE TABLE stored AS SELECT $ledger AS l FROM subs");
# True when it cancelled the statement that holds the mark, false when that ended before.
scalar_of($db, <<'SQL');
CREATE FUNCTION cancel_after(backend int, mark text, delay interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    seen record;
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT state, query_start, query LIKE '%' || mark || '%' AS is_job INTO seen FROM pg_stat_activity WHERE pid = backend;
        IF NOT FOUND OR (seen.is_job AND seen.state <> 'active') THEN
            RETURN false;
        ELSIF seen.is_job AND clock_timestamp() >= seen.query_start + delay THEN
            RETURN pg_cancel_backend(backend);
        END IF;
        PERFORM pg_sleep(0.001);
    END LOOP;
END $$;
SQL

# A psql that stays: statements go in with "tell", "answer" waits for what they print.
my $sessions = 0;
sub session
{
    my $out = spew(scratch_dir() . '/session' . ++$sessions, '');
    open(my $in, '|-', "exec psql -X -q -A -t -d $db >'$out' 2>&1") or die "psql: $!";
    $in->autoflush(1);
    return { in => $in, out => $out, name => $sessions, told => 0, read => 0 };
}

sub tell_session
{
    my ($session, $sql) = @_;
    print { $session->{in} } "$sql\n\\echo end of $session->{name}.@{[ ++$session->{told} ]}\n";
    return;
}

sub answer
{
    my ($session) = @_;
    my $end = "end of $session->{name}.$session->{told}\n";
    for (my $until = time + $PATIENCE; time < $until; sleep 0.005)
    {
        my $text = substr(slurp($session->{out}), $session->{read});
        next unless $text =~ /^(.*?)\Q$end\E/s;
        $session->{read} += length($1) + length($end);
        return $1 =~ s/\n\z//r;
    }
    die "no answer from psql:\n" . slurp($session->{out});
}

sub ask
{
    my ($session, $sql) = @_;
    tell_session($session, $sql);
    return answer($session);
}

my $serial = 'SET max_parallel_workers_per_gather = 0;';
my @jobs = (
    [ 'a ledger, serial', $serial, "SELECT length($ledger\::text) FROM subs" ],
    [ 'a ledger, parallel', 'SET parallel_setup_cost = 0; SET max_parallel_workers_per_gather = 2;', "SELECT length($ledger\::text) FROM subs" ],
    [ 'ledgers per customer', $serial, "SELECT count(l) FROM (SELECT $ledger AS l FROM subs GROUP BY customer_id) q" ],
    [ 'merge', $serial, "SELECT length(merge(l)::text) FROM (SELECT $ledger AS l FROM subs GROUP BY customer_id % 1000) q" ],
    [ 'query text', $serial, "SELECT count(*) FROM mrr_movements('$rows')" ],
    [ 'query text, cohorts', $serial, "SELECT count(*) FROM cohort_retention('$rows')" ],
    [ 'churn_by_period over a stored ledger', $serial, "SELECT count(*) FROM stored, churn_by_period(l, '1 day')" ],
    [ 'mrr_movements over a stored ledger', $serial, "SELECT count(*) FROM stored, mrr_movements(l, '1 day')" ],
    [ 'cohort_retention over a stored ledger', $serial, "SELECT count(*) FROM stored, cohort_retention(l, '1 week')" ],
    [ 'input of a ledger', $serial, 'SELECT count(l::text::subscription_ledger) FROM stored' ],
    [ 'mrr_movements by a policy, over a stored ledger', $serial, "SELECT count(*) FROM stored, mrr_movements(l, '1 day', policy => churn_policy('maxio', grace => '1 month'))" ],
    [ 'mrr_movements looking back a year by the day', $serial, "SELECT count(*) FROM stored, mrr_movements(l, '1 day', policy => churn_policy(lookback => 365, smoothing => 30))" ],
    [ 'cohort_retention by a policy, over a stored ledger', $serial, "SELECT count(*) FROM stored, cohort_retention(l, '1 month', policy => churn_policy('maxio'))" ],
    [ 'win_backs_by_period looking back a year', $serial, "SELECT count(*) FROM stored, win_backs_by_period(l, '1 day', policy => churn_policy(lookback => 365))" ],
    [ 'customer_movements', $serial, "SELECT count(*) FROM customer_movements('$rows', '2023-01-01', '2024-01-01')" ],
    [ 'customer_movements, unchanged too', $serial, "SELECT count(*) FROM customer_movements('$rows', '2023-01-01', '2023-02-01', include_unchanged => true)" ],
    [ 'churn_by_reason', $serial, "SELECT count(*) FROM churn_by_reason('SELECT customer_id, started_at, ended_at, mrr, ''voluntary'' FROM subs')" ],
    [ 'renewals_by_period', $serial, "SELECT count(*) FROM renewals_by_period('$rows', '1 day')" ],
    [ 'nrr by a policy', $serial, "SELECT nrr(customer_id, started_at, ended_at, mrr, daterange '[2023-01-01,2024-01-01)', churn_policy('maxio')) FROM subs" ],
    [ 'survival_fit, 2,000,000 durations', "SET churnmetrics.fit_memory = '1GB'; $serial", 'SELECT (survival_fit(id + 0.1, ended_at IS NULL)).n_events FROM subs' ],
    [ 'logrank', $serial, "SELECT (logrank(coalesce(ended_at, '2026-01-01') - started_at, ended_at IS NOT NULL, country)).df FROM subs" ],
    [ 'customer_lifetime_km', $serial, "SELECT churned FROM customer_lifetime_km('$rows', '2025-01-01')" ],
    [ 'sbg_fit up to an age of 1,000,000', "SET client_min_messages = warning; $serial", 'SELECT (sbg_fit(id % 1000000 + 1, id % 3 = 0)).n FROM subs' ],
    [ 'logit_fit', $serial, 'SELECT (logit_fit(ended_at IS NULL, ARRAY[mrr, id % 7, id % 11, id % 13, id % 17, id % 19])).n FROM subs' ],
    [ 'did by unit', "SET churnmetrics.fit_memory = '1GB'; $serial", 'SELECT (did(customer_id % 2 = 0, id % 2 = 0, mrr, customer_id)).units FROM subs' ],
    [ 'btyd_fit of 20,000 distinct customers', "SET client_min_messages = warning; $serial", "SELECT (btyd_fit(id % 5, CASE WHEN id % 5 > 0 THEN id % 1000 + 1 ELSE 0 END, 1001 + id % 997, interval '1 day', 'pnbd')).n FROM subs WHERE id <= 20000" ],
    [ 'auc of 2,000,000 scores', "SET churnmetrics.fit_memory = '1GB'; $serial", 'SELECT auc(id, id % 2 = 0) FROM subs' ],
    [ 'rfm', $serial, "SELECT count(r) FROM (SELECT rfm(started_at, mrr, date '2027-01-01', interval '1 day') AS r FROM subs GROUP BY customer_id) q" ],
    [ 'gesd', $serial, "SELECT count(*) FROM gesd((SELECT array_agg(mrr::float8) FROM subs WHERE id <= 200000), 100)" ],
    [ 'gg_fit', $serial, 'SELECT (gg_fit(1 + id % 5, 10 + id % 1009)).n FROM subs' ],
    [ 'modified_z', $serial, 'SELECT count(z) FROM (SELECT modified_z(mrr) OVER () AS z FROM subs) q' ],
    [ 'nrr', $serial, "SELECT nrr(customer_id, started_at, ended_at, mrr, daterange '[2023-01-01,2024-01-01)') FROM subs" ],
);
my $memory = 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts;';

# In one session: the job to its end, twice; cancelled from another session at several moments; to its end again.
my $canceller = session();
for my $number (1 .. @jobs)
{
    my ($name, $settings, $query) = @{ $jobs[ $number - 1 ] };
    my $session = session();
    my $backend = ask($session, "\\set VERBOSITY verbose\n$settings\nSELECT pg_backend_pid();");
    my $right = ask($session, "$query;");
    like($right, qr/^[-\d.]+\z/, "$name: answers");
    my $began = time;
    is(ask($session, "$query;"), $right, "$name: answers the same again");
    my $took = 1000 * (time - $began);
    my $before = ask($session, $memory);

    my ($cancels, $share, @wrong) = (0, 0.1);
    for my $attempt (1 .. $ATTEMPTS)
    {
        my $mark = "/* job $number.$attempt */";
        my $delay = sprintf('%.3f ms', $took * $share);
        tell_session($canceller, "SELECT cancel_after($backend, '$mark', '$delay');");
        tell_session($session, ($query =~ s/^SELECT/SELECT $mark/r) . ';');
        my $out = answer($session);
        answer($canceller);
        if ($out =~ /^ERROR:  57014: /) { $share += 0.2; $cancels++ }
        elsif ($out eq $right) { $share /= 2 }
        else { push @wrong, $out }
        last if $cancels == $CANCELS || @wrong;
    }
    cmp_ok($cancels, '>=', 1, "$name: cancelled");
    is("@wrong", '', "$name: nothing but cancelled or right");
    my $after = ask($session, $memory);
    cmp_ok($after, '<', $before + 16 * 1024 * 1024, "$name: no memory is kept");
    is(ask($session, "$query;"), $right, "$name: the session goes on and answers right");
    close($session->{in});
}
close($canceller->{in});

is(psql($db, 'SELECT count(*) FROM pg_ls_tmpdir()'), 0, 'no temporary file stays behind');
done_testing();
