# A ledger from outside is untrusted: text and binary with bytes flipped, cut off, inserted and repeated. Each is refused
# with 22P02 (text) or 22P03 (binary), or accepted, and then it gives itself back unchanged and every report survives it.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

my $db = fresh_db();
scalar_of($db, <<'SQL');
CREATE TABLE good (name text PRIMARY KEY, l subscription_ledger);
INSERT INTO good
SELECT 'three customers', subscription_ledger(c, s::date, e::date, m) FROM (VALUES
    (1::bigint, '2024-01-10', NULL, 10), (1, '2024-03-01', '2024-06-01', 5.5), (2, '2023-12-31', '2024-02-29', 0), (3, '2024-05-05', 'infinity', -3), (3, '2024-05-05', NULL, 100.123456)) AS v(c, s, e, m)
UNION ALL
SELECT 'without mrr', subscription_ledger(c, s::date, e::date) FROM (VALUES (1::bigint, '2024-01-10', NULL), (2, '2023-12-31', '2024-02-29')) AS v(c, s, e)
UNION ALL
SELECT 'instants and text', subscription_ledger(c, s::timestamptz, e::timestamptz, m) FROM (VALUES
    ('a', '2024-01-10 10:00+02', NULL, 10), ('b', '2024-03-01 00:00:00.5+00', '2024-06-01', 5.5)) AS v(c, s, e, m)
UNION ALL
SELECT 'uuid', subscription_ledger(md5(g::text)::uuid, timestamp '2024-01-01' + g * interval '7 hours', NULL, g) FROM generate_series(1, 12) g;

-- A fault of the reports over it, or NULL. Values out of range may be refused by a report.
CREATE FUNCTION survives(l subscription_ledger) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    report text;
    state text;
    message text;
BEGIN
    FOREACH report IN ARRAY ARRAY['churn_by_period($1, ''1 year'')', 'mrr_movements($1, ''1 month'', ''2024-01-01'', ''2025-01-01'')',
                                  'cohort_retention($1, ''1 month'', ''2024-01-01'', ''2025-01-01'')', 'ledger_summary($1)',
                                  '(SELECT merge(y) FROM (VALUES ($1), ($1)) AS v(y))'] LOOP
        BEGIN
            EXECUTE 'SELECT count(r::text) FROM (SELECT x::text FROM ' || report || ' AS x) AS r' USING l;
        EXCEPTION WHEN others THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
            IF state NOT IN ('22023', '22003', '54000', '22008') THEN
                RETURN report || ': ' || state || ' ' || message;
            END IF;
        END;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION check_text(variant text, OUT accepted boolean, OUT fault text) LANGUAGE plpgsql AS $$
DECLARE
    l subscription_ledger;
    state text;
    message text;
BEGIN
    BEGIN
        l := variant::subscription_ledger;
    EXCEPTION WHEN others THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
        accepted := false;
        IF state <> '22P02' THEN
            fault := state || ' ' || message;
        END IF;
        RETURN;
    END;
    accepted := true;
    IF l::text IS DISTINCT FROM lower(variant) THEN -- hexadecimal digits of either case
        fault := 'it gives back ' || l::text;
    ELSE
        fault := survives(l);
    END IF;
END $$;
SQL

# Deterministic numbers.
my $seed = 20240229;
sub number_below
{
    my ($limit) = @_;
    $seed = ($seed * 1103515245 + 12345) % 2147483648;
    return int($seed / 65536) % $limit;
}

# Variants of a string of bytes; @letters are what a byte may become.
sub variants
{
    my ($good, $count, @letters) = @_;
    my $length = length $good;
    my @found = ('', map({ substr($good, 0, $_) } 0 .. ($length < 400 ? $length - 1 : 400)), map({ substr($good, $_) } 1 .. ($length < 40 ? $length : 40) - 1));
    push @found, $good . $_, $_ . $good, $good . $good for @letters[ 0 .. ($#letters < 8 ? $#letters : 8) ];
    # every byte of the header, to several values
    for my $at (0 .. ($length < 96 ? $length : 96) - 1)
    {
        for (1 .. 6) { my $copy = $good; substr($copy, $at, 1) = $letters[ number_below(scalar @letters) ]; push @found, $copy; }
    }
    while (@found < $count)
    {
        my $copy = $good;
        my $kind = number_below(6);
        my ($at, $to) = (number_below($length), number_below($length));
        my $letter = $letters[ number_below(scalar @letters) ];
        if ($kind <= 2) { substr($copy, $at, 1) = $letter; substr($copy, $to, 1) = $letters[ number_below(scalar @letters) ] if $kind == 2; }
        elsif ($kind == 3) { substr($copy, $at, 1 + number_below(16)) = ''; }
        elsif ($kind == 4) { substr($copy, $at, 0) = $letter x (1 + number_below(16)); }
        else { my $part = substr($copy, $at, 16); substr($copy, $to, length $part) = $part if $to + length $part <= $length; }
        push @found, $copy;
    }
    my %seen = ($good => 1);
    return grep { !$seen{$_}++ } @found;
}

my $started = scalar_of('postgres', 'SELECT pg_postmaster_start_time()');
my @names = split /\n/, scalar_of($db, 'SELECT name FROM good ORDER BY name');

for my $name (@names)
{
    my $good = scalar_of($db, "SELECT l FROM good WHERE name = '$name'");
    is(scalar_of($db, "SELECT accepted, fault FROM check_text('$good')"), 't|', "$name: the good one is good");
    my @all = variants($good, 1800, split(//, '0123456789abcdefABCDEFxX\\ g:,;{}-') );
    my $script = "CREATE TEMP TABLE v (n int GENERATED ALWAYS AS IDENTITY, x text);\n"
        . join('', map { my $x = $_; $x =~ s/'/''/g; "INSERT INTO v (x) VALUES ('$x');\n" } @all)
        . "SELECT format('%s variants, %s refused, %s accepted', count(*), count(*) FILTER (WHERE NOT accepted), count(*) FILTER (WHERE accepted)),\n"
        . " (array_agg(format('%s: %s', x, fault)) FILTER (WHERE fault IS NOT NULL))[1:3] FROM v, check_text(x);\n";
    my $out = psql($db, "SET standard_conforming_strings = on;\nBEGIN;\n$script\nCOMMIT;\n");
    like($out, qr/^(\d+) variants, \d+ refused, \d+ accepted\|$/, "$name: text");
    note("$name: $out");
}

# Binary: one COPY a variant, because nothing else calls the receive function.
sub copy_file
{
    my ($path, $number, $bytes) = @_;
    return spew($path, "PGCOPY\n\377\r\n\0" . pack('NN', 0, 0) . pack('nNNNa*', 2, 4, $number, length $bytes, $bytes) . pack('n', 65535));
}

for my $name (@names)
{
    my $good = pack('H*', scalar_of($db, "SELECT encode(subscription_ledger_send(l), 'hex') FROM good WHERE name = '$name'"));
    my @all = ($good, variants($good, 900, map { chr } 0, 1, 127, 128, 255, 2, 16, 64, 254, 3, 4, 8, 32, 65));
    my $script = "\\set VERBOSITY verbose\nCREATE TABLE received (n int, l subscription_ledger);\nCREATE TABLE sent (n int, x bytea);\n";
    for my $n (0 .. $#all)
    {
        my $file = copy_file(scratch_dir() . "/v$n", $n, $all[$n]);
        $script .= "\\copy received FROM '$file' (FORMAT binary)\nINSERT INTO sent VALUES ($n, '\\x@{[ unpack('H*', $all[$n]) ]}');\n";
    }
    my $out = psql($db, $script);
    my @errors = $out =~ /^ERROR:  (\w{5}: .*)$/mg;
    my @other = grep { !/^22P03: / } @errors;
    is(scalar @other, 0, "$name: binary is refused with 22P03 only") or diag(join("\n", @other[ 0 .. ($#other < 3 ? $#other : 3) ]));
    is(scalar(@errors) + scalar_of($db, 'SELECT count(*) FROM received'), scalar @all, "$name: binary, each refused or accepted");
    is(scalar_of($db, 'SELECT count(*) FROM received WHERE n = 0'), 1, "$name: the good one is received");
    is(scalar_of($db, 'SELECT count(*) FROM received JOIN sent USING (n) WHERE subscription_ledger_send(l) <> x'), 0, "$name: the accepted ones give themselves back");
    is(scalar_of($db, 'SELECT (array_agg(f))[1:3] FROM received, survives(l) AS f WHERE f IS NOT NULL'), '', "$name: every report survives them");
    note(sprintf '%s: %d binary variants, %d refused', $name, scalar @all, scalar @errors);
    scalar_of($db, 'DROP TABLE received, sent');
    unlink glob(scratch_dir() . '/v*');
}

is(scalar_of('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server was not restarted');
SKIP:
{
    my $log = $ENV{CM_SERVER_LOG} // '';
    skip 'the server log is not at hand', 1 unless -r $log;
    unlike(slurp($log), qr/terminated by signal|PANIC/, 'no backend crashed');
}
done_testing();
