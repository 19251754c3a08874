# The oracles that the other tests compare with agree with answers worked out by hand and with a second calculation.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

for my $script ('oracle_selftest', 'policy_oracle_selftest')
{
    my $db = fresh_db('SELECT 1');
    my $out = `psql -X -q -v ON_ERROR_STOP=1 -d $db -f \Q${\ dirname(__FILE__)}\E/../$script.sql 2>&1`;
    is($?, 0, "$script ends well") or diag($out);
    like($out, qr/^\s*the (?:policy )?oracle agrees with itself\s*\z/m, 'and says so') or diag($out);
    drop_db($db);
}
done_testing();
