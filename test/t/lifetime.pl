# The notice of data that end long before today, the default of as_of: its text has today's distance, so it is not among
# the expected outputs of test/sql/lifetime.sql.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

my $db = fresh_db();
scalar_of($db, <<'SQL');
CREATE TABLE old (plan text, customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO old VALUES ('a', 1, '2025-01-01', NULL, 1), ('a', 2, '2025-02-01', '2025-06-30', 1), ('b', 3, '2025-03-01', NULL, 1), ('b', 4, '2025-03-01', '9999-01-01', 1);
SQL

# How many notices some statements bring.
sub notices
{
    my ($sql) = @_;
    return scalar(() = psql($db, $sql) =~ /^NOTICE:/mg);
}

my $rows = "'SELECT customer, started_at, ended_at, mrr FROM old'";
my $ledger = 'subscription_ledger(customer, started_at, ended_at, mrr)';
my $days = scalar_of($db, "SELECT current_date - date '2025-06-30'") + 0;

like(psql($db, "SELECT customers FROM customer_lifetime_km($rows)"),
    qr/^NOTICE:  the last start or end is of 2025-06-30, $days days before as_of\nDETAIL:  as_of was not given.*\nHINT:  Where the data end there.*\n4$/m,
    'old rows bring a notice; an end that lies ahead is none yet');
is(notices("SELECT plan, customer_lifetime_km($ledger) FROM old GROUP BY plan"), 1, 'one for all groups');
is(notices("SELECT (customer_lifetime_km($ledger)).* FROM old"), 1, 'one for all columns');
is(notices("SELECT lifetime_model($rows) IS NULL; SELECT count(*) FROM customer_lifetimes($rows)"), 2, 'each function, each statement');
is(notices("SELECT customers FROM customer_lifetime_km($rows, current_date)"), 0, 'none where as_of is given');
is(notices("SELECT customers FROM customer_lifetime_km('SELECT 1, current_date - 31, NULL::date')"), 0, 'none after 31 days');
is(notices("SELECT customers FROM customer_lifetime_km('SELECT 1, current_date - 32, NULL::date')"), 1, 'but after 32');
for my $zone ('Pacific/Kiritimati', 'Pacific/Honolulu')
{
    my $today = "(now() AT TIME ZONE ''$zone'')::date";
    is(notices("SELECT customers FROM customer_lifetime_km('SELECT 1, (($today - $_ + time ''23:59'') AT TIME ZONE ''$zone''), NULL::timestamptz', time_zone => '$zone')"), $_ - 31, "instants of $_ days ago in $zone")
        for 31, 32;
}
is(notices("SELECT customers FROM customer_lifetime_km('SELECT 1, current_date + 9, NULL::date'); SELECT customers FROM customer_lifetime_km(NULL::subscription_ledger)"), 0, 'none without a start so far');
done_testing();
