# The documentation's examples: every ```sql block of README.md and docs is run, a page in one session in a database
# of its own, and what it prints must be the ``` block that follows directly. A block that shows no output must not fail.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

my $root = dirname(__FILE__) . '/../..';

# The sql blocks of a page: line number, statements, expected output (undef where none is shown).
sub examples
{
    my ($path) = @_;
    my (@found, $block, $follows);
    my $number = 0;
    for my $line (split /\n/, slurp($path))
    {
        $number++;
        if (!$block && $line =~ /^(\s*)```+\s*(\w*)\s*$/)
        {
            $block = { indent => $1, language => $2, line => $number + 1, text => '' };
            $follows = undef if $2 ne '' && $2 ne 'text';
        }
        elsif ($block && $line =~ /^\s*```+\s*$/)
        {
            if ($block->{language} eq 'sql')
            {
                push @found, $follows = { line => $block->{line}, sql => $block->{text} };
            }
            else
            {
                $follows->{expected} = $block->{text} if $follows;
                $follows = undef;
            }
            $block = undef;
        }
        elsif ($block)
        {
            $line =~ s/^\Q$block->{indent}\E//;
            $block->{text} .= "$line\n";
        }
        elsif ($line =~ /\S/)
        {
            $follows = undef;
        }
    }
    return @found;
}

# Trailing blanks and blank lines around the output are layout, not content.
sub tidy
{
    my ($text) = @_;
    $text =~ s/[ \t\r]+$//mg;
    $text =~ s/\A\n+//;
    $text =~ s/\n+\z//;
    return $text;
}

sub run_page
{
    my ($db, @examples) = @_;
    my $script = "SET TimeZone = 'UTC'; SET datestyle = 'ISO, YMD'; SET extra_float_digits = 0;\n";
    $script .= "\n$examples[$_]{sql}\n;\n\\echo --- example $_ ends\n" for 0 .. $#examples;
    my $rest = psql($db, $script, args => ['--no-psqlrc']) . "\n";
    for my $i (0 .. $#examples)
    {
        ($examples[$i]{output}, $rest) = split /^--- example $i ends\n/m, $rest, 2;
        $rest //= '';
    }
    return;
}

# A plain line diff: what the page lacks and what it should not have.
sub difference
{
    my ($expected, $got) = @_;
    my $old = spew(scratch_dir() . '/expected', "$expected\n");
    my $new = spew(scratch_dir() . '/printed', "$got\n");
    return scalar `diff -U3 \Q$old\E \Q$new\E`;
}

sub check_example
{
    my ($page, $example) = @_;
    my $name = "$page, line $example->{line}";
    my $got = tidy($example->{output} // '(the session ended before this example)');
    if (!defined $example->{expected})
    {
        ok($got !~ /^(?:ERROR|FATAL|PANIC|invalid command|\(the session)/m, "$name runs") or diag($got);
        return;
    }
    my $expected = tidy($example->{expected});
    ok($got eq $expected, "$name prints what it shows") or diag(difference($expected, $got));
    return;
}

for my $path (grep { -f } "$root/README.md", sort glob("$root/docs/*.md $root/docs/*/*.md"))
{
    my @examples = examples($path) or next;
    my $db = fresh_db();
    run_page($db, @examples);
    check_example($path =~ s{^\Q$root\E/(?:docs/)?}{}r, $_) for @examples;
    drop_db($db);
}
plan(skip_all => 'no page with an example') if !Test::More->builder->current_test;
done_testing();
