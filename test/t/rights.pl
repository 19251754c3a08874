# Query text: run with the caller's rights, read only, one statement, and refused with the name of the column that is wrong.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

my $db = fresh_db();
my ($reader, $stranger) = ("cm_tap_reader_$$", "cm_tap_stranger_$$");
scalar_of($db, <<"SQL");
CREATE TABLE subs (tenant text, customer_id bigint, started_at date, ended_at date, mrr numeric);
INSERT INTO subs VALUES ('a', 1, '2024-01-10', NULL, 10), ('a', 2, '2024-01-20', '2024-02-10', 20), ('b', 3, '2024-01-05', NULL, 400);
CREATE TABLE victim (x int);
INSERT INTO victim VALUES (1);
ALTER TABLE subs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON subs USING (tenant = current_setting('app.tenant', true));
CREATE ROLE $reader LOGIN;
CREATE ROLE $stranger LOGIN;
GRANT SELECT ON subs TO $reader;
GRANT ALL ON victim TO $reader;
CREATE FUNCTION as_owner() RETURNS SETOF subs LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM subs';
SQL

my @reports = ('churn_by_period', 'mrr_movements', 'cohort_retention', 'customer_movements', 'win_backs_by_period', 'churn_alarm', 'renewals_by_period');
my %arguments = (customer_movements => "'2024-01-01', '2024-04-01', include_unchanged => true", churn_alarm => "0, 0.1, '1 month', '2024-01-01', '2024-04-01'");
my $rows = 'SELECT customer_id, started_at, ended_at, mrr FROM subs';

# The call of a report, the query text quoted.
sub call
{
    my ($report, $text) = @_;
    my $arguments = $arguments{$report} // "'1 month', '2024-01-01', '2024-04-01'";
    return "SELECT * FROM $report(\$query\$$text\$query\$, $arguments);";
}

# The caller's rights
for my $report (@reports)
{
    my $all = psql($db, call($report, $rows));
    is(sqlstate_of($db, "SET ROLE $stranger; " . call($report, $rows)), '42501', "$report: a role without SELECT is refused");
    is(psql($db, "SET ROLE $reader; SET app.tenant = 'a'; " . call($report, $rows)), psql($db, call($report, "$rows WHERE tenant = 'a'")),
        "$report: row level security is honoured");
    isnt(psql($db, "SET ROLE $reader; SET app.tenant = 'b'; " . call($report, $rows)), $all, "$report: another tenant sees other rows") if $report ne 'win_backs_by_period';
    is(psql($db, "SET ROLE $stranger; " . call($report, 'SELECT customer_id, started_at, ended_at, mrr FROM as_owner()')), $all, "$report: a function with its owner's rights is the caller's way in");
}
is(psql($db, "CREATE FUNCTION tenant_closing() RETURNS numeric LANGUAGE sql SECURITY DEFINER AS \$f\$ SELECT max(closing_mrr) FROM mrr_movements('$rows', '1 month', '2024-01-01', '2024-04-01') \$f\$;"
        . "SET ROLE $stranger; SELECT tenant_closing() = 430"), 't', 'inside a function with its owner\'s rights the query has these too');

# What is a query of rows
my $plain = psql($db, call('mrr_movements', $rows));
like($plain, qr/^2024-01-01\|2024-02-01\|0\S*\|430/, 'the plain query');
my %accepted = (
    'a trailing semicolon' => "$rows;",
    'a semicolon, blanks and comments' => "/* all */ $rows -- no filter\n ; -- the end\n /* of it */ ",
    'a comment at the end without a newline' => "$rows -- the end",
    'a common table expression' => "WITH s AS ($rows) SELECT * FROM s",
    'VALUES' => "VALUES (1, date '2024-01-10', NULL::date, 10), (2, '2024-01-20', '2024-02-10', 20), (3, '2024-01-05', NULL, 400)",
    'a union' => "$rows WHERE tenant = 'a' UNION ALL $rows WHERE tenant = 'b'",
    'an order' => "$rows ORDER BY mrr DESC",
    'int4 customers' => 'SELECT customer_id::int, started_at, ended_at, mrr FROM subs',
    'an integer mrr' => 'SELECT customer_id, started_at, ended_at, mrr::bigint FROM subs',
    'a double precision mrr' => 'SELECT customer_id, started_at, ended_at, mrr::float8 FROM subs',
    'a semicolon in a string' => "SELECT customer_id, started_at, ended_at, mrr FROM subs WHERE tenant <> ';'",
    'columns without names' => 'SELECT customer_id + 0, started_at + 0, ended_at + 0, mrr + 0 FROM subs',
    'columns of one name' => 'SELECT customer_id AS x, started_at AS x, ended_at AS x, mrr AS x FROM subs',
);
is(psql($db, call('mrr_movements', $accepted{$_})), $plain, "accepted: $_") for sort keys %accepted;
my $values = psql($db, call('churn_by_period', 'SELECT customer_id, started_at, ended_at FROM subs'));
is(psql($db, call('churn_by_period', 'SELECT customer_id::text::varchar, started_at, ended_at FROM subs')), $values, 'accepted: varchar customers, no mrr');

# What is none
my %refused = (
    'INSERT' => 'INSERT INTO victim VALUES (2)',
    'INSERT ... RETURNING' => "INSERT INTO subs VALUES ('c', 9, '2024-01-01', NULL, 1) RETURNING customer_id, started_at, ended_at, mrr",
    'UPDATE ... RETURNING' => 'UPDATE subs SET mrr = 0 RETURNING customer_id, started_at, ended_at, mrr',
    'DELETE ... RETURNING' => 'DELETE FROM subs RETURNING customer_id, started_at, ended_at, mrr',
    'a common table expression that writes' => 'WITH w AS (DELETE FROM victim RETURNING x) SELECT x::bigint, current_date, current_date, 1 FROM w',
    'CREATE TABLE' => 'CREATE TABLE stolen (x int)',
    'CREATE TABLE AS' => "CREATE TABLE stolen AS $rows",
    'SELECT INTO' => 'SELECT customer_id, started_at, ended_at, mrr INTO stolen FROM subs',
    'DROP' => 'DROP TABLE victim',
    'TRUNCATE' => 'TRUNCATE victim',
    'SET' => "SET app.tenant = 'b'",
    'COPY' => 'COPY victim TO STDOUT',
    'DO' => 'DO $x$ BEGIN DELETE FROM victim; END $x$',
    'a transaction statement' => 'COMMIT',
    'EXPLAIN' => "EXPLAIN $rows",
    'two statements' => "$rows; $rows",
    'a second statement that writes' => "$rows; DROP TABLE victim",
    'an injection by parenthesis' => "SELECT 1, 2, 3) q; DROP TABLE victim; --",
    'an injection by parenthesis, four columns' => "SELECT 1, current_date, NULL::date, 3) q(a, b, c, d); DROP TABLE victim; --",
    'an injection without a second statement' => 'SELECT customer_id, started_at, ended_at, mrr FROM subs) q, (SELECT 1',
    'an open comment' => "$rows /* never closed",
    'an open quote' => "$rows WHERE tenant = 'a",
    'nothing' => '',
    'a semicolon alone' => ' ; ',
    'a comment alone' => '-- nothing',
    'no SQL' => 'all subscriptions, please',
    'a missing table' => 'SELECT customer_id, started_at, ended_at, mrr FROM nowhere',
    'a parameter' => 'SELECT $1::bigint, started_at, ended_at, mrr FROM subs',
);
for my $name (sort keys %refused)
{
    for my $report (@reports)
    {
        my $error = try_sql($db, call($report, $refused{$name}));
        like($error, qr/^(?!XX000)\w{5}: ./, "$report refuses: $name");
    }
}
is(psql($db, "SELECT count(*), sum(mrr) FROM subs; SELECT count(*), to_regclass('stolen') FROM victim"), "3|430\n1|", 'nothing was changed');

# Columns: number and type
my %column = (
    'no column' => [ 'SELECT FROM subs', qr/column/ ],
    'one column' => [ 'SELECT customer_id FROM subs', qr/column|started_at/ ],
    'two columns' => [ 'SELECT customer_id, started_at FROM subs', qr/column|ended_at/ ],
    'five columns' => [ 'SELECT customer_id, started_at, ended_at, mrr, tenant FROM subs', qr/column/ ],
    'a customer that is a date' => [ 'SELECT started_at, started_at, ended_at, mrr FROM subs', qr/customer|column "?1|started_at/ ],
    'a start that is text' => [ "SELECT customer_id, 'soon'::text, ended_at, mrr FROM subs", qr/started_at|column "?2/ ],
    'an end that is a number' => [ 'SELECT customer_id, started_at, 5, mrr FROM subs', qr/ended_at|column "?3/ ],
    'an mrr that is jsonb' => [ "SELECT customer_id, started_at, ended_at, '{}'::jsonb FROM subs", qr/mrr|column "?4/ ],
    'an mrr that is text' => [ "SELECT customer_id, started_at, ended_at, 'ten'::text FROM subs", qr/mrr|column "?4/ ],
);
for my $name (sort keys %column)
{
    my ($query, $pattern) = @{ $column{$name} };
    my $out = psql($db, "\\set VERBOSITY verbose\n" . call('mrr_movements', $query));
    like($out, qr/^ERROR:  (?!XX000)\w{5}: .*$pattern/m, "$name: the error names it") or diag($out);
}
like(try_sql($db, call('mrr_movements', 'SELECT customer_id, started_at, ended_at FROM subs')), qr/^(?!XX000)\w{5}: .*(?:mrr|4 columns, not 3)/, 'mrr_movements without mrr: the error says so');

drop_db($db);
psql('postgres', "DROP ROLE $reader; DROP ROLE $stranger");
done_testing();
