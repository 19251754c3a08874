# The views as a BI tool uses them: through a driver, as a role that only reads and has no part in the extension's schema, in any
# session; described in the catalogs; under row level security; dumped and restored. And the queries of the Grafana dashboard.
use strict;
use warnings;
use DBI;
use DBD::Pg;
use File::Basename qw(dirname);
use JSON::PP ();
use lib dirname(__FILE__);
use Server;
use Test::More;

my @views = qw(subscriptions mrr_movements churn cohorts customers renewals trials);
my %columns = (
    subscriptions => 'customer_id text, subscription_id text, product text, plan text, currency text, billing_interval interval, quantity numeric, started_at timestamptz, '
        . 'ended_at timestamptz, mrr numeric, status text, trial_started_at timestamptz, trial_ended_at timestamptz, canceled_at timestamptz, cancel_reason text',
    mrr_movements => 'currency text, period_start date, period_end date, opening_mrr numeric, new_mrr numeric, reactivation_mrr numeric, expansion_mrr numeric, contraction_mrr numeric, '
        . 'churned_mrr numeric, closing_mrr numeric, net_new_mrr numeric, gross_mrr_churn numeric, net_mrr_churn numeric, grr numeric, nrr numeric, quick_ratio numeric, '
        . 'closing_customers bigint, arpa numeric, complete boolean',
    churn => 'currency text, period_start date, period_end date, opening_customers bigint, new_customers bigint, reactivated_customers bigint, churned_customers bigint, '
        . 'closing_customers bigint, transient_customers bigint, transient_new_customers bigint, churn_rate numeric, retention_rate numeric, complete boolean',
    cohorts => 'currency text, cohort date, period_number integer, period_start date, cohort_size bigint, customers bigint, retention numeric, cohort_mrr numeric, mrr numeric, '
        . 'mrr_retention numeric, cumulative_mrr numeric, complete boolean',
    customers => 'customer_id text, currency text, mrr numeric, status text, lifecycle_stage text, first_start date, ended_on date, tenure_days integer',
    renewals => 'currency text, period_start date, period_end date, due bigint, renewed bigint, renewal_rate numeric, due_mrr numeric, renewed_mrr numeric, mrr_renewal_rate numeric, '
        . 'complete boolean',
    trials => 'currency text, period_start date, period_end date, ended_trials bigint, converted_trials bigint, trial_conversion numeric, ended_mrr numeric, converted_mrr numeric, '
        . 'mrr_trial_conversion numeric, complete boolean',
);
my %order = (
    subscriptions => 'customer_id, subscription_id, started_at', mrr_movements => 'currency, period_start', churn => 'currency, period_start',
    cohorts => 'currency, cohort, period_number', customers => 'customer_id, currency', renewals => 'currency, period_start', trials => 'currency, period_start',
);
my %driver_type = (bigint => 'int8', integer => 'int4', boolean => 'bool');


# ---- The data: two tenants, three currencies, stretches that touch at the end of Berlin's month ----

my %role = map { $_ => "cm_tap_${_}_$$" } qw(reader north south stranger);
psql('postgres', "CREATE ROLE $_ LOGIN") for sort values %role;
my $db = fresh_db('CREATE SCHEMA metrics; CREATE EXTENSION churnmetrics SCHEMA metrics; REVOKE ALL ON SCHEMA metrics, public FROM PUBLIC');
scalar_of($db, <<"SQL");
DO \$\$ BEGIN EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()); EXECUTE format('GRANT CONNECT ON DATABASE %I TO PUBLIC', current_database()); END \$\$;
CREATE SCHEMA billing;
CREATE TABLE billing.subscriptions (
    tenant text, id text, customer text, product text, plan text, currency varchar(3), billed interval, seats int, started_at timestamptz, ended_at timestamptz, trial_from timestamptz,
    trial_to timestamptz, price numeric(12, 2), canceled_at timestamptz, reason text, state text);
INSERT INTO billing.subscriptions VALUES
    ('north', 's1', 'ada', 'Suite', 'Basic', 'eur', '1 month', 1, '2023-12-31 23:30+01', '2024-03-31 23:30+02', NULL, NULL, 40.10, NULL, NULL, 'active'),
    ('north', 's1', 'ada', 'Suite', 'Pro', 'eur', '1 month', 2, '2024-03-31 23:30+02', NULL, NULL, NULL, 60.35, NULL, NULL, 'active'),
    ('north', 's2', 'ben', 'Suite', 'Pro', 'eur', '1 year', 1, '2024-01-31 12:00+01', '2024-10-01 00:00+02', NULL, NULL, 50, '2024-09-10 10:00+02', 'too expensive', 'canceled'),
    ('south', 's3', 'cem', 'Suite', 'Basic', 'eur', '1 month', 1, '2024-02-10 00:00+01', '2024-04-10 00:00+02', NULL, NULL, 40, NULL, NULL, 'paused'),
    ('south', 's3', 'cem', 'Suite', 'Basic', 'eur', '1 month', 1, '2024-06-10 00:00+02', NULL, NULL, NULL, 40, NULL, NULL, 'active'),
    ('south', 's4', 'dee', 'Suite', 'Basic', 'usd', '1 month', 1, '2024-02-01 00:00+01', NULL, '2024-02-01 00:00+01', '2024-02-15 00:00+01', 45, NULL, NULL, 'active'),
    ('south', 's5', 'eve', 'Suite', 'Basic', 'usd', '7 days', 1, '2024-02-20 00:00+01', '2024-02-28 00:00+01', '2024-02-20 00:00+01', '2024-03-05 00:00+01', 45, NULL, NULL, 'canceled'),
    ('south', 's6', 'fay', 'Suite', 'Basic', 'jpy', '1 month', 1, '2024-01-01 00:00+09', 'infinity', NULL, NULL, 3000, NULL, NULL, 'active'),
    ('south', NULL, E'O''Hara \\\\ "x" ? \$1 :y\\n\\u00fc', NULL, NULL, 'jpy', NULL, NULL, '2024-05-05 00:00+09', '2024-05-06 00:00+09', NULL, NULL, 500, NULL, NULL, NULL);
CREATE TABLE billing.rates (currency text, rate numeric);
INSERT INTO billing.rates VALUES ('EUR', 1), ('USD', 0.9), ('JPY', 0.006);
CREATE FUNCTION billing.make_views(target name, to_euros boolean) RETURNS bigint LANGUAGE sql AS \$\$
    SELECT count(*) FROM metrics.create_metric_views('billing.subscriptions', target, customer_id => 'customer', mrr => 'price', subscription_id => 'id', product => 'product',
        plan => 'plan', currency => 'currency', billing_interval => 'billed', quantity => 'seats', status => 'state', trial_started_at => 'trial_from', trial_ended_at => 'trial_to',
        canceled_at => 'canceled_at', cancel_reason => 'reason', time_zone => 'Europe/Berlin', reporting_currency => CASE WHEN to_euros THEN 'EUR' END,
        fx => CASE WHEN to_euros THEN 'billing.rates'::regclass END)
\$\$;
ALTER TABLE billing.subscriptions ENABLE ROW LEVEL SECURITY;
CREATE POLICY everything ON billing.subscriptions TO $role{reader} USING (true);
CREATE POLICY own_north ON billing.subscriptions TO $role{north} USING (tenant = 'north');
CREATE POLICY own_south ON billing.subscriptions TO $role{south} USING (tenant = 'south');
SQL
is(scalar_of($db, "SELECT billing.make_views('churn', false), billing.make_views('in_euros', true)"), '7|7', 'the views are made');
my $everyone = join ', ', sort values %role;
scalar_of($db, <<"SQL");
GRANT USAGE ON SCHEMA churn, in_euros TO $everyone;
GRANT SELECT ON ALL TABLES IN SCHEMA churn, in_euros TO $everyone;
GRANT USAGE ON SCHEMA billing TO $everyone;
GRANT SELECT ON billing.subscriptions TO $role{reader}, $role{north}, $role{south};
GRANT SELECT ON billing.rates TO $role{reader};
SQL

# ---- Connections ----

my @connections;

# A tool's connection; an error of a statement dies, and is no line on stderr.
sub connection
{
    my ($database, $name) = @_;
    my $dbh = DBI->connect("dbi:Pg:dbname=$database", $role{$name}, '', { AutoCommit => 1, RaiseError => 1, PrintError => 0, pg_server_prepare => 1 });
    $dbh->do("SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'");
    push @connections, $dbh;
    return $dbh;
}

sub disconnect_all
{
    $_->disconnect for @connections;
    @connections = ();
    return;
}

# The SQLSTATE of a statement that fails, otherwise ''.
sub state_of
{
    my ($dbh, $sql) = @_;
    return eval { $dbh->do($sql); 1 } ? '' : $dbh->state;
}

# Rows as lines, to compare them and to show them.
sub lines
{
    my ($rows) = @_;
    return join "\n", map { join '|', map { $_ // 'NULL' } @$_ } @$rows;
}

sub rows_of
{
    my ($dbh, $sql, @values) = @_;
    return lines($dbh->selectall_arrayref($sql, undef, @values));
}

# All rows of a view in their order.
sub view_rows
{
    my ($dbh, $view, $schema) = @_;
    return rows_of($dbh, 'SELECT * FROM ' . ($schema // 'churn') . ".$view ORDER BY $order{$view}");
}

my $reader = connection($db, 'reader');
is(rows_of($reader, "SELECT rolsuper, rolbypassrls, has_schema_privilege('metrics', 'USAGE'), has_schema_privilege('public', 'USAGE') FROM pg_roles WHERE rolname = current_user"),
    '0|0|0|0', 'the reader is nobody special, and has no USAGE on the extension\'s schema');
is(state_of($reader, "SELECT metrics.churn_rate(1, 2)"), '42501', 'and cannot call the extension by name');

# ---- What the catalogs say ----

my %short = ('timestamp with time zone' => 'timestamptz');
for my $view (@views)
{
    my $described = $reader->selectall_arrayref(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'churn' AND table_name = ? ORDER BY ordinal_position", undef, $view);
    is(join(', ', map { "$_->[0] " . ($short{ $_->[1] } // $_->[1]) } @$described), $columns{$view}, "information_schema.columns: $view");
    is(rows_of($reader, "SELECT obj_description(?::regclass, 'pg_class') ~ '^[[:alpha:]].* \\(churnmetrics\\)\$'", "churn.$view"), 1, "$view has a comment");
    is(rows_of($reader, "SELECT attname FROM pg_attribute WHERE attrelid = ?::regclass AND attnum > 0 AND coalesce(col_description(attrelid, attnum), '') = ''", "churn.$view"),
        '', "every column of $view has a comment");
    my $found = $reader->column_info(undef, 'churn', $view, undef)->fetchall_arrayref({});
    is(scalar(grep { ($_->{REMARKS} // '') ne '' } @$found), scalar(split /, /, $columns{$view}), "$view: the driver's column_info() has them as remarks");
}
is(join(' ', sort map { $_->{TABLE_NAME} } @{ $reader->table_info(undef, 'churn', undef, 'VIEW')->fetchall_arrayref({}) }), join(' ', sort @views), 'table_info() lists the views');
is(rows_of($reader, "SELECT count(*) FROM pg_class WHERE relnamespace = 'churn'::regnamespace AND relkind = 'v' AND 'security_invoker=true' = ANY (reloptions)"), 7, 'all are security_invoker views');

# ---- Prepared statements, cursors, transactions that only read ----

my %rows = map { $_ => view_rows($reader, $_) } @views;
for my $view (@views)
{
    my $select = "SELECT * FROM churn.$view ORDER BY $order{$view}";
    isnt($rows{$view}, '', "$view has rows");
    my $sth = $reader->prepare($select, { pg_prepare_now => 1 });
    my %seen = map { $sth->execute; lines($sth->fetchall_arrayref) => 1 } 1 .. 7;
    is_deeply([ keys %seen ], [ $rows{$view} ], "$view: seven times from one prepared statement");
    is(join(', ', map { "$sth->{NAME}[$_] $sth->{pg_type}[$_]" } 0 .. $#{ $sth->{NAME} }), $columns{$view} =~ s/ (\w+)(?=,|$)/' ' . ($driver_type{$1} \/\/ $1)/ger, "$view: the driver's types");

    $reader->begin_work;
    $reader->do("DECLARE page CURSOR FOR $select");
    my @pages;
    while (my $page = $reader->selectall_arrayref('FETCH 3 FROM page'))
    {
        last if !@$page;
        push @pages, @$page;
    }
    $reader->commit;
    is(lines(\@pages), $rows{$view}, "$view: by a cursor, three rows at a time");

    $reader->do('BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE');
    is(view_rows($reader, $view), $rows{$view}, "$view: in a transaction that only reads");
    $reader->do('COMMIT');
}
my $parallel = version_num() >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
$reader->do("SET $parallel = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0");
is(view_rows($reader, $_), $rows{$_}, "$_: in a parallel worker") for @views;
$reader->do("RESET $parallel; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size");

my $month = $reader->prepare('SELECT closing_mrr, complete FROM churn.mrr_movements WHERE currency = ? AND period_start = ?', { pg_prepare_now => 1 });
my %closing = map { $month->execute('EUR', $_); $_ => $month->fetchrow_arrayref->[0] } qw(2024-01-01 2024-04-01 2024-06-01);
is_deeply(\%closing, { '2024-01-01' => '90.10', '2024-04-01' => '110.35', '2024-06-01' => '150.35' }, 'parameters: closing MRR of three months, by hand');
is(rows_of($reader, 'SELECT count(*) FROM churn.mrr_movements WHERE currency = ?', "EUR' OR true --"), 0, 'a parameter is a value');

# ---- Values there and back ----

for my $view (@views)
{
    my $all = $reader->selectall_arrayref("SELECT * FROM churn.$view");
    my @names = map { (split / /)[0] } split /, /, $columns{$view};
    my $back = $reader->prepare("SELECT count(*) FROM churn.$view WHERE " . join(' AND ', map { "$_ IS NOT DISTINCT FROM ?" } @names));
    my @lost = grep { $back->execute(@$_); $back->fetchrow_arrayref->[0] != 1 } @$all[0 .. ($#$all < 9 ? $#$all : 9)];
    is(lines(\@lost), '', "$view: what the driver fetched finds its row again");
}
my $odd = $reader->selectrow_hashref("SELECT * FROM churn.subscriptions WHERE customer_id LIKE 'O''Hara%'");
is($odd->{customer_id}, "O'Hara \\ \"x\" ? \$1 :y\n\x{fc}", 'text with quotes, backslash, placeholders, a line feed, an umlaut');
ok(!defined $odd->{subscription_id} && !defined $odd->{billing_interval} && !defined $odd->{quantity} && !defined $odd->{status}, 'NULL is undef');
is_deeply([ map { $_->[0] } @{ $reader->selectall_arrayref("SELECT DISTINCT complete FROM churn.churn ORDER BY 1") } ], [ 0, 1 ], 'booleans are 0 and 1');
ok(!defined $reader->selectrow_array("SELECT ended_at FROM churn.subscriptions WHERE customer_id = 'fay'"), 'infinity is NULL, which every driver can hold');
is(rows_of($reader, "SELECT bool_and(isfinite(started_at) AND isfinite(ended_at)) FROM churn.subscriptions"), 1, 'no infinite moment is left');

# ---- Row level security ----

my ($north, $south, $stranger) = map { connection($db, $_) } qw(north south stranger);
for my $view (@views)
{
    isnt(view_rows($north, $view), view_rows($south, $view), "$view: two tenants see two things") if $view ne 'trials';
    isnt(view_rows($south, $view), $rows{$view}, "$view: a tenant does not see all") if $view ne 'trials';
    is(state_of($stranger, "SELECT * FROM churn.$view"), '42501', "$view: without SELECT on the table there is nothing to see");
    is(state_of($north, "SELECT * FROM in_euros.$view"), '42501', "$view: nor without SELECT on the rates");
}
is(join("\n", sort map { split /\n/, view_rows($_, 'subscriptions') } $north, $south), join("\n", sort split /\n/, $rows{subscriptions}),
    'the tenants\' subscriptions are all there are');
is(view_rows($north, 'trials'), '', 'a tenant without trials has none');
is(rows_of($north, "SELECT closing_mrr FROM churn.mrr_movements WHERE currency = 'EUR' AND period_start = '2024-06-01'") + rows_of($south,
        "SELECT closing_mrr FROM churn.mrr_movements WHERE currency = 'EUR' AND period_start = '2024-06-01'"), 150.35, 'and their MRR adds up to it');
is(rows_of($north, 'SELECT DISTINCT currency FROM churn.mrr_movements'), 'EUR', 'the other tenant\'s currencies do not show');
is(rows_of($reader, "SELECT round(closing_mrr, 2), currency FROM in_euros.mrr_movements WHERE period_start = '2024-06-01'"), '208.85|EUR', 'in euros: 150.35 + 45 x 0.9 + 3000 x 0.006');

# ---- The reader's session ----

# A view's columns so that their text does not depend on the session.
sub plain_select
{
    my ($view) = @_;
    my @expressions = map {
        my ($name, $type) = split / /;
          $type eq 'timestamptz' ? "extract(epoch FROM $name)"
        : $type eq 'date' ? "to_char($name, 'YYYY-MM-DD')"
        : $type eq 'interval' ? "extract(month FROM $name) + 12 * extract(year FROM $name), extract(day FROM $name)"
        : "$name"
    } split /, /, $columns{$view};
    return 'SELECT ' . join(', ', @expressions) . " FROM churn.$view ORDER BY $order{$view}";
}
my %plain = map { $_ => rows_of($reader, plain_select($_)) } @views;
my @sessions = map { my $zone = $_; map { [ $zone, @$_ ] } [ 'ISO, MDY', 'postgres' ], [ 'SQL, DMY', 'iso_8601' ], [ 'German', 'sql_standard' ], [ 'Postgres, MDY', 'postgres_verbose' ] }
    'Pacific/Kiritimati', 'Pacific/Honolulu', 'UTC', 'Europe/Berlin';
for my $session (@sessions)
{
    my ($zone, $date_style, $interval_style) = @$session;
    my $dbh = connection($db, 'reader');
    $dbh->do("SET TimeZone = '$zone'; SET DateStyle = '$date_style'; SET IntervalStyle = '$interval_style'; SET extra_float_digits = -5; SET search_path = ''; SET lc_numeric = 'C'");
    my @other = grep { rows_of($dbh, plain_select($_)) ne $plain{$_} } @views;
    is("@other", '', "no value changes in $zone, DateStyle $date_style, IntervalStyle $interval_style");
    $dbh->disconnect;
}

# Schemas and temporary tables in front with other things under the same names.
scalar_of($db, <<"SQL");
CREATE SCHEMA evil;
CREATE TABLE evil.subscriptions AS SELECT 'evil'::text AS customer_id;
CREATE VIEW evil.churn AS SELECT 'evil'::text AS currency;
CREATE TABLE evil.churn_policy (x int);
CREATE TABLE evil.subscription_ledger (x int);
CREATE TABLE evil.rates AS SELECT 'EUR'::text AS currency, 1000 AS rate;
DO \$do\$
DECLARE
    kind text;
    op text;
    call text;
    body text := 'LANGUAGE plpgsql AS \$\$ BEGIN RAISE ''evil was called''; END \$\$';
BEGIN
    FOREACH kind IN ARRAY ARRAY['numeric', 'bigint', 'integer', 'date', 'text', 'boolean', 'interval', 'timestamp', 'timestamptz'] LOOP
        FOREACH op IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>=', '+', '-', '*', '/', '||'] LOOP
            call := CASE WHEN op IN ('=', '<>', '<', '<=', '>', '>=') THEN 'boolean' ELSE kind END;
            EXECUTE format('CREATE OR REPLACE FUNCTION evil.%s_%s(%s, %s) RETURNS %s ', kind, call, kind, kind, call) || body;
            EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.%s_%s)', op, kind, kind, kind, call);
        END LOOP;
    END LOOP;
    FOREACH call IN ARRAY ARRAY['now()', 'round(numeric, integer)', 'upper(text)', 'sum(numeric)', 'max(timestamptz)', 'date_trunc(text, timestamptz)', 'timezone(text, timestamptz)',
                                'subscription_ledger(text, timestamptz, timestamptz, numeric)', 'churn_policy(text)', 'generate_series(integer, integer)'] LOOP
        EXECUTE 'CREATE FUNCTION evil.' || call || ' RETURNS numeric ' || body;
    END LOOP;
END \$do\$;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA evil TO PUBLIC;
SQL
for my $path ('evil, pg_catalog', 'evil, pg_catalog, churn', '')
{
    my $dbh = connection($db, 'reader');
    $dbh->do('SET search_path = ' . ($path eq '' ? "''" : $path));
    is(state_of($dbh, 'SELECT 1.5 + 1.5'), $path eq '' ? '' : 'P0001', "search_path \"$path\" is " . ($path eq '' ? 'empty' : 'hostile'));
    is(join("\n", sort split /\n/, rows_of($dbh, "SELECT * FROM churn.$_")), join("\n", sort split /\n/, $rows{$_}), "$_: the same under search_path \"$path\"") for @views;
    $dbh->disconnect;
}
my %of_north = map { $_ => view_rows($north, $_) } @views;
scalar_of($db, "DO \$\$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO $role{north}', current_database()); END \$\$");
$north->do("CREATE TEMP TABLE $_ (x int)") for qw(subscriptions churn churn_policy subscription_ledger rates numeric_ops);
$north->do('SET search_path = pg_temp, pg_catalog');
is(view_rows($north, $_), $of_north{$_}, "$_: the same behind temporary tables") for @views;

# ---- The reader changes nothing ----

my $catalog = "SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_namespace), (SELECT md5(string_agg(s::text, '' ORDER BY s::text)) FROM billing.subscriptions s)";
my $before = scalar_of($db, $catalog);
my %attempt = (
    'INSERT into a view' => "INSERT INTO churn.subscriptions (customer_id) VALUES ('x')",
    'UPDATE of a view' => 'UPDATE churn.customers SET mrr = 0',
    'DELETE from a view' => 'DELETE FROM churn.mrr_movements',
    'UPDATE of the table' => 'UPDATE billing.subscriptions SET price = 0',
    'DELETE from the table' => 'DELETE FROM billing.subscriptions',
    'TRUNCATE' => 'TRUNCATE billing.subscriptions',
    'UPDATE of the rates' => 'UPDATE billing.rates SET rate = 2',
    'CREATE TABLE in the views\' schema' => 'CREATE TABLE churn.x (x int)',
    'CREATE TABLE' => 'CREATE TABLE public.x (x int)',
    'a temporary table' => 'CREATE TEMP TABLE x (x int)',
    'CREATE SCHEMA' => 'CREATE SCHEMA x',
    'CREATE VIEW' => 'CREATE VIEW churn.x AS SELECT 1',
    'OR REPLACE' => 'CREATE OR REPLACE VIEW churn.trials AS SELECT 1',
    'DROP VIEW' => 'DROP VIEW churn.trials',
    'DROP SCHEMA' => 'DROP SCHEMA churn CASCADE',
    'ALTER VIEW' => 'ALTER VIEW churn.trials SET (security_invoker = false)',
    'COMMENT' => "COMMENT ON VIEW churn.trials IS 'mine'",
    'CREATE FUNCTION' => "CREATE FUNCTION churn.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    'SELECT INTO' => 'SELECT * INTO churn.x FROM churn.trials',
    'FOR UPDATE' => 'SELECT * FROM billing.subscriptions FOR UPDATE',
    'create_metric_views' => "SELECT * FROM metrics.create_metric_views('billing.subscriptions')",
    'drop_billing_views' => "SELECT * FROM metrics.drop_billing_views('churn')",
    'no row security' => 'SET row_security = off; SELECT * FROM churn.subscriptions',
    'ALTER TABLE' => 'ALTER TABLE billing.subscriptions DISABLE ROW LEVEL SECURITY',
    'another role' => "SET ROLE $role{north}",
    'COPY to a program' => "COPY churn.trials TO PROGRAM 'cat'",
);
for my $name (sort keys %attempt)
{
    my $state = state_of($reader, $attempt{$name});
    ok($state =~ /^(?:42501|55000|42P16)$/, "refused: $name") or diag("SQLSTATE '$state'");
    $reader->do('SET row_security = on');
}
is(scalar_of($db, $catalog), $before, 'nothing was changed');
is(view_rows($reader, $_), $rows{$_}, "$_: nor is its answer") for @views;

# ---- Dump and restore ----

my $described = "SELECT string_agg(format('%s.%s %s %s', c.relname, a.attname, col_description(c.oid, a.attnum), c.reloptions), E'\\n' ORDER BY c.relname, a.attnum) "
    . "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'churn'::regnamespace";
for my $format ('p', 'c')
{
    my $to = fresh_db('');
    my $file = scratch_dir() . "/dump.$format";
    is(`pg_dump -F $format -f \Q$file\E $db 2>&1`, '', "pg_dump, format $format");
    my $out = $format eq 'p' ? `psql -X -q -A -t -v ON_ERROR_STOP=1 -d $to -f \Q$file\E 2>&1` : `pg_restore -d $to \Q$file\E 2>&1`;
    unlike($out, qr/ERROR|error/, "restore, format $format");
    is(scalar_of($to, $described), scalar_of($db, $described), 'comments and options are the same');
    my $dbh = connection($to, 'reader');
    is(view_rows($dbh, $_), $rows{$_}, "$_: the reader finds the same in the restored database") for @views;
    is(view_rows($dbh, $_, 'in_euros'), view_rows($reader, $_, 'in_euros'), "$_: and in euros") for @views;
    my $tenant = connection($to, 'south');
    is(view_rows($tenant, 'mrr_movements'), view_rows($south, 'mrr_movements'), 'row level security is restored, too');
    $_->disconnect for $dbh, $tenant;
    is(scalar_of($to, "SELECT billing.make_views('churn', false)"), 7, 'the restored views can be made again');
    drop_db($to);
}

# Made again, with other arguments, they keep their grants and their columns.
is(scalar_of($db, "SELECT billing.make_views('churn', true); SELECT billing.make_views('churn', false)"), "7\n7", 'made again');
is(view_rows($reader, $_), $rows{$_}, "$_: the same, without new grants") for @views;

# ---- The billing systems: the same columns from each, over tables without a row ----

scalar_of($db, <<'SQL');
DO $do$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('CREATE SCHEMA raw_%s', provider) FROM (SELECT DISTINCT provider FROM metrics.billing_providers()) p
        UNION ALL
        SELECT format('CREATE TABLE raw_%s.%I (%s)', provider, table_name, string_agg(format('%I %s', column_name, data_type), ', ' ORDER BY column_name))
        FROM (SELECT DISTINCT ON (provider, split_part(table_name, '|', 1), split_part(column_name, '|', 1))
                     provider, split_part(table_name, '|', 1) AS table_name, split_part(column_name, '|', 1) AS column_name,
                     CASE regexp_replace(split_part(data_type, ', ', 1), '^any ', '') WHEN 'enum' THEN 'text' WHEN 'number' THEN 'bigint' WHEN 'json' THEN 'jsonb' WHEN 'time' THEN 'timestamptz'
                          ELSE regexp_replace(split_part(data_type, ', ', 1), '^any ', '') END AS data_type
              FROM metrics.billing_providers()) needs
        GROUP BY provider, table_name
    LOOP
        EXECUTE statement;
    END LOOP;
END $do$;
SQL
my @providers = split /\n/, scalar_of($db, 'SELECT DISTINCT provider FROM metrics.billing_providers() ORDER BY 1');
ok(scalar(grep { $_ eq 'stripe' } @providers), 'there are billing systems, Stripe among them');
for my $provider (@providers)
{
    is(try_sql($db, "SELECT metrics.create_billing_views('$provider', 'raw_$provider', 'of_$provider')"), '', "$provider: the views are made");
    scalar_of($db, "GRANT USAGE ON SCHEMA raw_$provider, of_$provider TO $role{reader}; GRANT SELECT ON ALL TABLES IN SCHEMA raw_$provider, of_$provider TO $role{reader}");
    my $like = "SELECT c.table_name, c.column_name, c.data_type, col_description(format('%I.%I', c.table_schema, c.table_name)::regclass, c.ordinal_position) "
        . 'FROM information_schema.columns c WHERE c.table_schema = ? ORDER BY c.table_name, c.ordinal_position';
    is(rows_of($reader, $like, "of_$provider"), rows_of($reader, $like, 'churn'), "$provider: columns, types and comments of every view");
    is(join('', map { view_rows($reader, $_, "of_$provider") } @views), '', "$provider: no rows of no rows");
}

# Stripe with rows: euros in cents, yen without any, a trial.
scalar_of($db, <<'SQL');
INSERT INTO raw_stripe.prices (id, currency, unit_amount, recurring, type) VALUES
    ('price_eur', 'eur', 2500, '{"interval": "month", "interval_count": 1, "usage_type": "licensed"}', 'recurring'),
    ('price_jpy', 'jpy', 12000, '{"interval": "year", "interval_count": 1, "usage_type": "licensed"}', 'recurring');
INSERT INTO raw_stripe.subscriptions (id, customer, status, start_date, created, ended_at, canceled_at, trial_start, trial_end, items)
SELECT id, customer, status, extract(epoch FROM start_date), extract(epoch FROM start_date), extract(epoch FROM ended_at), extract(epoch FROM ended_at),
       to_jsonb(extract(epoch FROM trial_start)::int), to_jsonb(extract(epoch FROM trial_end)::int),
       jsonb_build_object('data', jsonb_build_array(jsonb_build_object('id', 'si_' || id, 'quantity', 2, 'price', jsonb_build_object('id', price))))
FROM (VALUES ('sub_1', 'cus_1', 'active', timestamptz '2024-01-10 00:00+00', NULL::timestamptz, timestamptz '2024-01-10 00:00+00', timestamptz '2024-01-24 00:00+00', 'price_eur'),
             ('sub_2', 'cus_2', 'canceled', '2024-02-01 00:00+00', '2024-05-15 00:00+00', NULL, NULL, 'price_jpy')) v (id, customer, status, start_date, ended_at, trial_start, trial_end, price);
INSERT INTO raw_stripe.subscription_items (id, subscription, price, quantity) VALUES ('si_sub_1', 'sub_1', 'price_eur', 2), ('si_sub_2', 'sub_2', 'price_jpy', 2);
SQL
is(rows_of($reader, "SELECT currency, round(opening_mrr, 2), round(new_mrr, 2), round(churned_mrr, 2), round(closing_mrr, 2) FROM of_stripe.mrr_movements "
            . "WHERE period_start IN ('2024-01-01', '2024-02-01', '2024-05-01') ORDER BY currency, period_start"),
    "EUR|0.00|50.00|0.00|50.00\nEUR|50.00|0.00|0.00|50.00\nEUR|50.00|0.00|0.00|50.00\nJPY|0.00|2000.00|0.00|2000.00\nJPY|2000.00|0.00|2000.00|0.00", 'stripe: MRR, by hand');
is(rows_of($reader, "SELECT ended_trials, converted_trials FROM of_stripe.trials WHERE period_start = '2024-01-01'"), '1|1', 'stripe: its trial');
is(state_of($south, 'SELECT * FROM of_stripe.churn'), '42501', 'stripe: not for those who may not read its tables');

# ---- The Grafana dashboard ----

my $dashboard = JSON::PP->new->utf8->decode(slurp(dirname(__FILE__) . '/../../docs/bi/churnmetrics.grafana.json'));
my %variable = map { $_->{name} => $_ } @{ $dashboard->{templating}{list} };
is(join(' ', map { "$_:$variable{$_}{type}" } sort keys %variable), 'currency:query datasource:datasource schema:textbox', 'the dashboard\'s variables');
ok($dashboard->{schemaVersion} >= 36 && $dashboard->{timezone} eq 'utc', 'its schema version and its time zone');
ok(!defined $dashboard->{id}, 'it has no id of some Grafana');

# A query as Grafana sends it: its macros (macros.go of the data source) and variables replaced.
sub interpolated
{
    my ($sql) = @_;
    my ($from, $to) = ('2024-01-01T00:00:00Z', '2024-06-30T23:59:59.999Z');
    $sql =~ s/\$\{currency:sqlstring\}/'EUR'/g;
    $sql =~ s/\$\{?schema\b\}?/churn/g;
    $sql =~ s/\$__timeFilter\(([^)]*)\)/$1 BETWEEN '$from' AND '$to'/g;
    die "not replaced: $sql" if $sql =~ /\$/;
    return $sql;
}

is(rows_of($reader, interpolated($variable{currency}{query})), "EUR\nJPY\nUSD", 'the currencies to choose from');
my (%titles, %ids);
for my $panel (@{ $dashboard->{panels} })
{
    my $title = $panel->{title};
    ok(!$titles{$title}++ && !$ids{ $panel->{id} }++, "panel \"$title\" is the only one of its title and id");
    is($panel->{datasource}{uid}, '${datasource}', "$title: the data source is the variable");
    for my $target (@{ $panel->{targets} })
    {
        my $sth = $reader->prepare(interpolated($target->{rawSql}));
        $sth->execute;
        my @types = @{ $sth->{pg_type} };
        my $found = $sth->fetchall_arrayref;
        isnt(scalar(@$found), 0, "$title: has rows") if $title ne 'Trial conversion';
        if ($target->{format} eq 'time_series')
        {
            is("$sth->{NAME}[0] " . join(' ', @types), 'time timestamptz' . ' numeric' x $#types, "$title: a time and numbers");
            my @times = map { $_->[0] } @$found;
            is("@times", join(' ', sort @times), "$title: sorted by time");
            is(scalar(grep { !/^2024-0[1-6]-01 00:00:00\+00$/ } @times), 0, "$title: the months of the range, at midnight UTC");
        }
        my %named = map { $_ => 1 } @{ $sth->{NAME} };
        my @fields = grep { defined } map { @{ $_->{options} }{qw(columnField rowField valueField)} } @{ $panel->{transformations} // [] };
        push @fields, $panel->{options}{xField} if defined $panel->{options}{xField};
        push @fields, grep { !/\\/ } map { $_->{matcher}{options} } @{ $panel->{fieldConfig}{overrides} };
        is(join(' ', grep { !$named{$_} } @fields), '', "$title: the fields it names are columns of its query");
    }
}
ok($titles{$_}, "there is a panel \"$_\"") for 'MRR movements', 'MRR waterfall', 'Closing MRR', 'Churn', 'NRR and GRR', 'Cohort retention', 'Renewals due', 'Trial conversion';
my ($waterfall) = grep { $_->{title} eq 'MRR waterfall' } @{ $dashboard->{panels} };
is(rows_of($reader, interpolated($waterfall->{targets}[0]{rawSql})),
    "Opening|0.00|110.35\nNew|110.35|0.00\nReactivation|110.35|40.00\nExpansion|150.35|0.00\nContraction|150.35|0.00\nChurned|150.35|0.00\nClosing|0.00|150.35", 'the waterfall of June, by hand');

END
{
    my $status = $?;
    disconnect_all();
    drop_db($db) if defined $db;
    psql('postgres', "DROP ROLE IF EXISTS $_") for values %role;
    $? = $status;
}

done_testing();
