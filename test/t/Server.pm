# What the TAP tests share: databases and psql on the server that PGHOST, PGPORT and PGUSER name.
package Server;
use strict;
use warnings;
use Exporter 'import';
use File::Temp ();
our @EXPORT = qw(fresh_db drop_db make_subs psql scalar_of sqlstate_of try_sql version_num scratch_dir slurp spew);

my $count = 0;
my @databases;

# A directory for this test's files, removed at its end.
my $scratch;
sub scratch_dir
{
    $scratch //= File::Temp->newdir(CLEANUP => 1);
    return "$scratch";
}

sub slurp
{
    my ($path) = @_;
    open(my $in, '<:raw', $path) or die "$path: $!";
    local $/;
    my $text = <$in>;
    return $text // '';
}

sub spew
{
    my ($path, $text) = @_;
    open(my $out, '>:raw', $path) or die "$path: $!";
    print $out $text;
    close($out) or die "$path: $!";
    return $path;
}

# Runs SQL in one psql session and returns its output (errors and notices in their places, trailing newline cut).
# Options: args => more arguments of psql; the default prints unaligned rows without headings.
sub psql
{
    my ($db, $sql, %option) = @_;
    my $input = spew(scratch_dir() . '/input.sql', $sql);
    my @args = map { quotemeta } ('-X', '-q', '-d', $db, @{ $option{args} // [ '-A', '-t' ] });
    my $out = `psql @args <\Q$input\E 2>&1`;
    die "psql did not run: $!" if $? == -1;
    $out =~ s/\n\z//;
    return $out;
}

# The single value of a query, which must not fail.
sub scalar_of
{
    my ($db, $sql) = @_;
    my $out = psql($db, $sql);
    die "$sql\n$out" if $out =~ /^(?:ERROR|FATAL|PANIC):/m;
    return $out;
}

# Runs statements in one session: '' when none failed, otherwise "SQLSTATE message" of the first error.
sub try_sql
{
    my ($db, $sql) = @_;
    my $out = psql($db, "\\set VERBOSITY verbose\n$sql");
    return $out =~ /^(?:ERROR|FATAL|PANIC): +(\w{5}: .*)$/m ? $1 : '';
}

# As try_sql, the SQLSTATE alone.
sub sqlstate_of
{
    return substr(try_sql(@_), 0, 5);
}

# A new database with the extension; $create replaces the statements that set it up.
sub fresh_db
{
    my ($create) = @_;
    my $name = 'cm_tap_' . $$ . '_' . ++$count;
    scalar_of('postgres', "CREATE DATABASE $name TEMPLATE template0");
    push @databases, $name;
    scalar_of($name, $create // 'CREATE EXTENSION churnmetrics');
    return $name;
}

sub drop_db
{
    my ($name) = @_;
    psql('postgres', "DROP DATABASE IF EXISTS $name WITH (FORCE)");
    @databases = grep { $_ ne $name } @databases;
    return;
}

# A table of subscription rows that is the same in every run: about four rows a customer, gaps, overlaps, touching rows,
# free plans, standing discounts, rows without an end, empty stretches.
sub make_subs
{
    my ($db, $rows) = @_;
    scalar_of($db, <<"    SQL");
        CREATE TABLE subs AS
        SELECT g AS id, (h >> 8) % greatest($rows / 4, 1) AS customer_id,
               (ARRAY['DE', 'FR', 'US', 'BR', 'JP'])[1 + (h >> 8) % greatest($rows / 4, 1) % 5] AS country,
               date '2020-01-01' + ((h >> 24) % 1826)::int AS started_at,
               CASE WHEN g % 4 <> 0 THEN date '2020-01-01' + ((h >> 24) % 1826 + (h >> 40) % 500 * (g % 25 <> 0)::int)::int END AS ended_at,
               CASE WHEN g % 17 = 0 THEN 0 WHEN g % 23 = 0 THEN -5.50 ELSE 9.99 + (h >> 12) % 400 / 4.0 END AS mrr
        FROM (SELECT g, hashint8extended(g, 42) & 9223372036854775807 AS h FROM generate_series(1::bigint, $rows) AS g) AS q;
        ANALYZE subs;
    SQL
    return;
}

sub version_num { return scalar_of('postgres', 'SHOW server_version_num') }

END
{
    my $status = $?;
    drop_db($_) for @databases;
    $? = $status;
}

1;
