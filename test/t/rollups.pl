# The rollup of docs/rollups.md under concurrency: rows change in several sessions while others refresh; in the end every
# ledger is that of its rows. The statements are the page's own.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

my $page = slurp(dirname(__FILE__) . '/../../docs/rollups.md');
my @blocks = $page =~ /^```sql\n(.*?)^```/msg;

# The page's block that begins with these words.
sub block
{
    my ($words) = @_;
    my ($found) = grep { /^\Q$words\E/ } @blocks;
    die "no example begins with $words" if !defined $found;
    return $found;
}

my $db = fresh_db();
scalar_of($db, block($_)) for 'CREATE TABLE billing', 'CREATE FUNCTION bucket_of', 'CREATE FUNCTION refresh_ledgers', 'CREATE FUNCTION mark_buckets';
scalar_of($db, <<'SQL');
INSERT INTO billing SELECT 100 + g, g % 700, (ARRAY['DE', 'FR', 'US'])[1 + g % 3], 'pro', date '2023-01-01' + g % 500, CASE WHEN g % 3 = 0 THEN date '2023-01-01' + g % 500 + g % 90 END, 10 + g % 7
FROM generate_series(1, 5000) g;
INSERT INTO dirty_buckets SELECT generate_series(0, 63);
SELECT refresh_ledgers();
-- One change of a row, whatever it is: an end, a move, a new row, one that goes.
CREATE FUNCTION change_row(g int) RETURNS void LANGUAGE sql AS $$
    UPDATE billing SET ended_at = started_at + g % 300 WHERE subscription_id = 100 + g * 7919 % 5000;
    UPDATE billing SET country = (ARRAY['DE', 'FR', 'US', 'AT'])[1 + g % 4] WHERE customer_id = g % 700 AND g % 5 = 0;
    INSERT INTO billing VALUES (1000000 + g, g % 900, 'NZ', 'basic', '2024-01-01', NULL, 5);
    DELETE FROM billing WHERE subscription_id = 1000000 + g - 40 AND g % 2 = 0;
$$;
SQL

my $stale = <<'SQL';
SELECT count(*) FROM (SELECT country, bucket, subscription_ledger(customer_id, started_at, ended_at, mrr)::text AS l FROM billing_rows GROUP BY country, bucket) f
FULL JOIN (SELECT country, bucket, ledger::text AS l FROM ledgers) k USING (country, bucket) WHERE f.l IS DISTINCT FROM k.l
SQL
is(scalar_of($db, $stale), 0, 'every ledger is that of its rows');

# Sessions at once: two that change rows, each change a transaction, and two that refresh.
my @scripts = (
    (map { my $first = $_; join "\n", map { "SELECT change_row($_);" } map { 2 * $_ + $first } 1 .. 150 } 0, 1),
    ("SELECT refresh_ledgers();\n" x 60) x 2,
);
my @sessions;
for my $n (0 .. $#scripts)
{
    my $in = spew(scratch_dir() . "/script$n", "SET client_min_messages = warning;\n$scripts[$n]\n");
    my $out = scratch_dir() . "/out$n";
    my $pid = fork // die "fork: $!";
    if (!$pid)
    {
        open(STDOUT, '>', $out) and open(STDERR, '>&', \*STDOUT) and exec('psql', '-X', '-q', '-A', '-t', '-d', $db, '-f', $in);
        require POSIX;
        POSIX::_exit(127);
    }
    push @sessions, [ $pid, $out ];
}
for my $session (@sessions)
{
    waitpid($session->[0], 0);
    is($?, 0, 'a session ends');
    unlike(slurp($session->[1]), qr/ERROR|FATAL|PANIC/, 'without an error');
}
isnt(scalar_of($db, "SELECT count(*) FROM billing WHERE country = 'NZ'"), 0, 'rows changed');
scalar_of($db, 'SELECT refresh_ledgers()');
is(scalar_of($db, $stale), 0, 'after a last refresh every ledger is that of its rows again');
is(scalar_of($db, 'SELECT count(*) FROM dirty_buckets'), 0, 'and nothing is marked');
drop_db($db);
done_testing();
