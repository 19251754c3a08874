# The oracle that the other tests compare with agrees with answers worked out by hand and with a second calculation.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

my $db = fresh_db('SELECT 1');
my $out = `psql -X -q -v ON_ERROR_STOP=1 -d $db -f \Q${\ dirname(__FILE__)}\E/../oracle_selftest.sql 2>&1`;
is($?, 0, 'the self-test of the oracle ends well') or diag($out);
like($out, qr/^\s*the oracle agrees with itself\s*\z/m, 'and says so');
done_testing();
