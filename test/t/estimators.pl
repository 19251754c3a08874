# The estimators: the same result however PostgreSQL plans the aggregate and in whatever order the rows come; models that
# no fit made; the limit on memory.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use Server;
use Test::More;

# sbg_fit says so where its model is at a boundary; psql() gives that back between the rows.
local $ENV{PGOPTIONS} = '-c client_min_messages=warning';

my $db = fresh_db();
scalar_of($db, <<'SQL');
-- A number in [0, 1), fixed by row and purpose.
CREATE FUNCTION u(g bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ((hashint8extended(g, salt) >> 11) & 9007199254740991)::float8 / 9007199254740992 $$;
CREATE TABLE people AS
SELECT g AS id, g % 4 AS part,
       floor(400 * u(g, 1)) + 1 AS days, 400 * u(g, 1) + 1 AS moment, u(g, 2) < 0.6 AS churned, floor(20 * u(g, 3)) * u(g, 4)::int * 0.04 AS entry, (g % 3)::bigint AS weight,
       least(ceil(ln(1 - u(g, 5)) / ln(1 - 0.9 * u(g, 6) * u(g, 6))), 12)::bigint AS age, ln(1 - u(g, 5)) / ln(1 - 0.9 * u(g, 6) * u(g, 6)) < 12 AS lost,
       u(g, 7) < 0.5 AS treated, u(g, 8) < 0.4 AS post, 1e6 + 10 * u(g, 9) + (g % 7) AS y, g / 4 AS unit,
       ARRAY[u(g, 10), floor(60 * u(g, 11)), (u(g, 12) < 0.3)::int::float8] AS x, u(g, 13) < 1 / (1 + exp(1 - 2 * u(g, 10) + 0.02 * floor(60 * u(g, 11)))) AS y_bool,
       floor(100 * u(g, 14)) / 100 AS score, floor(11 * u(g, 15))::numeric AS answer,
       floor(5 * u(g, 16) * u(g, 17))::bigint AS repeats, 40 + 10 * (g % 3)::float8 AS t, 5 + floor(1000 * u(g, 18)) / 100 AS spend,
       date '2024-01-01' + (g % 300)::int AS bought_on, (g % 97) AS buyer
FROM generate_series(1, 20000) g;
ALTER TABLE people ADD t_x float8;
UPDATE people SET t_x = CASE WHEN repeats > 0 THEN 1 + floor(u(id, 19) * (t - 1)) ELSE 0 END;
-- The unit's arm is that of its number.
UPDATE people SET treated = unit % 2 = 0, post = id % 2 = 0;
CREATE TABLE shuffled AS SELECT * FROM people ORDER BY hashint8extended(id, 4711);
CREATE TABLE parts (LIKE people) PARTITION BY LIST (part);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES IN (0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2, 3);
CREATE TABLE parts_none PARTITION OF parts FOR VALUES IN (9);
CREATE TABLE parts_null PARTITION OF parts FOR VALUES IN (10);
INSERT INTO parts SELECT * FROM people;
INSERT INTO parts (id, part) SELECT g, 10 FROM generate_series(1, 500) g;
VACUUM ANALYZE;
SQL

# name => aggregate, and whether every bit must agree and partial aggregation is meant
my @aggregates = (
    [ 'survival_fit', 'survival_fit(days, churned)', 1, 1 ],
    [ 'survival_fit, many moments', 'survival_fit(moment, churned)', 1, 1 ],
    [ 'survival_fit, entry', 'survival_fit(days, churned, entry)', 1, 1 ],
    [ 'survival_fit, weight', 'survival_fit(days, churned, entry, weight)', 1, 1 ],
    [ 'logrank', "logrank(days, churned, 'p' || part)", 0, 1 ],
    [ 'sbg_fit', 'sbg_fit(age, lost)', 0, 1 ],
    [ 'sbg_fit, n', 'sbg_fit(age, lost, weight)', 0, 1 ],
    [ 'uplift', 'uplift(treated, churned)', 0, 1 ],
    [ 'did', 'did(treated, post, y)', 0, 1 ],
    [ 'did, unit', 'did(treated, post, y, unit)', 0, 0 ],
    [ 'nps_summary', 'nps_summary(answer)', 0, 1 ],
    [ 'logit_fit', 'logit_fit(y_bool, x)', 0, 0 ],
    [ 'logit_fit, ridge', 'logit_fit(y_bool, x, 0.5)', 0, 0 ],
    [ 'auc', 'auc(score, y_bool)', 0, 1 ],
    [ 'brier', 'brier(score, y_bool)', 0, 1 ],
    [ 'lift_table', 'lift_table(score, y_bool)', 0, 1 ],
    [ 'logit_fit_firth', 'logit_fit_firth(y_bool, x)', 0, 0 ],
    [ 'rfm', "rfm(bought_on, spend::numeric, date '2025-01-01', interval '1 week')", 1, 1 ],
    (map { [ "btyd_fit, $_", "btyd_fit(repeats, t_x, t, interval '1 week', '$_')", 0, 1 ] } qw(mbgnbd bgnbd pnbd)),
    [ 'gg_fit', 'gg_fit(repeats, spend)', 0, 1 ],
);

my $serial = 'SET max_parallel_workers_per_gather = 0;';
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; '
    . 'SET max_parallel_workers = 8; SET max_parallel_workers_per_gather = 4;';
my $forced = version_num() >= 160000 ? 'SET debug_parallel_query = on;' : 'SET force_parallel_mode = on;';

# Two texts with the same words, and numbers that agree to a relative 1e-9.
sub agree
{
    my ($got, $wanted) = @_;
    my $number = qr/-?\d+(?:\.\d+)?(?:e[-+]?\d+)?/;
    return 0 if $got =~ s/$number/#/gr ne $wanted =~ s/$number/#/gr;
    my @got = $got =~ /$number/g;
    my @wanted = $wanted =~ /$number/g;
    for my $i (0 .. $#wanted)
    {
        my ($a, $b) = ($got[$i], $wanted[$i]);
        return 0 if abs($a - $b) > 1e-9 * (abs($a) > abs($b) ? abs($a) : abs($b)) + 1e-12;
    }
    return 1;
}

sub same_result
{
    my ($name, $exact, $settings, $query, $wanted, @plan) = @_;
    my $got = psql($db, "$settings $query");
    ok($exact ? $got eq $wanted : agree($got, $wanted), $name) or diag("got    $got\nwanted $wanted");
    return unless @plan;
    my $text = psql($db, "$settings EXPLAIN (COSTS OFF) $query");
    my @missing = grep { $text !~ $_ } @plan;
    ok(!@missing, "$name: the plan is meant") or diag("no @missing in\n$text");
    return;
}

for (@aggregates)
{
    my ($name, $call, $exact, $partial) = @$_;
    my @gathered = $partial ? (qr/Finalize.*Gather.*Partial/s) : ();
    my $whole = psql($db, "$serial SELECT $call FROM people");
    like($whole, qr/\d.*\d/, "$name: answers");
    unlike($whole, qr/nan|infinity/i, "$name: only numbers");
    same_result("$name: shuffled", $exact, $serial, "SELECT $call FROM shuffled", $whole);
    same_result("$name: parallel", $exact, $parallel, "SELECT $call FROM people", $whole, @gathered);
    same_result("$name: parallel without the leader, shuffled", $exact, "$parallel SET parallel_leader_participation = off;", "SELECT $call FROM shuffled", $whole);
    same_result("$name: in a worker", $exact, "$serial SET max_parallel_workers_per_gather = 2; $forced", "SELECT $call FROM people", $whole);
    my $by_part = join("\n", map { psql($db, "$serial SELECT $_, $call FROM people WHERE part = $_") } 0 .. 3);
    my $grouped = "SELECT part, $call FROM people GROUP BY part ORDER BY part";
    same_result("$name: HashAggregate", $exact, "$serial SET enable_hashagg = on; SET enable_sort = on;", $grouped, $by_part);
    same_result("$name: GroupAggregate", $exact, "$serial SET enable_hashagg = off;", $grouped, $by_part, qr/GroupAggregate/);
    same_result("$name: parallel groups", $exact, $parallel, $grouped, $by_part);
    same_result("$name: partitions, one empty and one of NULLs", $exact, "$parallel SET enable_partitionwise_aggregate = on;", "SELECT $call FROM parts WHERE part < 10", $whole);
    my $nothing = psql($db, "$serial SELECT ($call) IS NULL, ($call FILTER (WHERE true)) IS NULL FROM people WHERE false");
    is($nothing, 't|t', "$name: no rows give NULL");
    is(psql($db, "$serial SELECT count(DISTINCT r::text) FROM (SELECT $call OVER () AS r FROM people WHERE id <= 2000) q"), '1', "$name: OVER ()");
    # through a table, in binary and in text
    next if $call !~ /_fit/;
    my $file = scratch_dir() . '/models';
    is(psql($db, "CREATE TABLE stored AS SELECT part, $call AS m FROM people GROUP BY part; CREATE TABLE received (LIKE stored); CREATE TABLE read (LIKE stored);\n"
            . "\\copy stored TO '$file' (FORMAT binary)\n\\copy received FROM '$file' (FORMAT binary)\n\\copy stored TO '$file'\n\\copy read FROM '$file'\n"
            . 'SELECT bool_and(s.m = r.m AND s.m = d.m) FROM stored s JOIN received r USING (part) JOIN read d USING (part)'), 't', "$name: stored, sent and received");
    psql($db, 'DROP TABLE stored, received, read');
}

# Kaplan-Meier of merged models is that of all rows.
is(psql($db, 'SELECT merge(m) FROM (SELECT survival_fit(days, churned, entry) AS m FROM people GROUP BY part) q'), psql($db, 'SELECT survival_fit(days, churned, entry) FROM people'), 'merge');
is(psql($db, "$parallel SELECT merge(m) FROM (SELECT part, survival_fit(moment, churned) AS m FROM parts WHERE part < 10 GROUP BY part) q"), psql($db, 'SELECT survival_fit(moment, churned) FROM people'), 'merge, parallel');

# Memory: a clear error above the limit, and the session goes on.
for my $call ('survival_fit(id + u(id, 3), true)', 'logit_fit(y_bool, x || x || x)', 'auc(u(id, 4), y_bool)', "btyd_fit(1, u(id, 5), 2, interval '1 day')", 'did(treated, post, y, id)')
{
    my $error = try_sql($db, "SET churnmetrics.fit_memory = '1MB'; SELECT $call FROM people, generate_series(1, 10) g" =~ s/\bid\b/id * 10 + g/gr);
    like($error, qr/54000.*fit_memory/s, "$call: a limit on memory");
}

# Models that no fit made: every accessor answers or refuses, and the session goes on.
scalar_of($db, <<'SQL');
CREATE TABLE accessors (model regtype, call text);
INSERT INTO accessors VALUES
    ('survival_model', 'survival_at($1, 100)'), ('survival_model', 'survival_quantile($1, 0.5)'), ('survival_model', 'survival_rmst($1, 50)'), ('survival_model', 'survival_at_ci($1, 100)'),
    ('survival_model', 'survival_quantile_ci($1, 0.25)'), ('survival_model', 'survival_rmst_ci($1, 20)'), ('survival_model', '(SELECT string_agg(t::text, '' '') FROM survival_table($1) t)'),
    ('survival_model', '(SELECT merge(m) FROM (VALUES ($1), ($1)) v (m))'), ('survival_model', '(SELECT logrank(m, g) FROM (VALUES ($1, ''a''), ($1, ''b'')) v (m, g))'),
    ('sbg_model', 'sbg_survival($1, 5)'), ('sbg_model', 'sbg_retention($1, 5)'), ('sbg_model', '(SELECT string_agg(t::text, '' '') FROM sbg_project($1, 5) t)'), ('sbg_model', 'sbg_clv($1, 10, 0.1)'), ('sbg_model', 'sbg_clv($1, 10, 0.1, 3)'),
    ('sbg_model', 'sbg_lifetime($1)'), ('sbg_model', 'sbg_lifetime($1, 10)'),
    ('logit_model', 'logit_predict($1, ARRAY[1, 2, 3])'), ('logit_model', '(SELECT string_agg(t::text, '' '') FROM logit_summary($1) t)'), ('logit_model', '(SELECT string_agg(t::text, '' '') FROM logit_contributions($1, ARRAY[1, 2, 3]) t)'),
    ('did_result', 'did_at($1, 0.9)'),
    ('btyd_model', 'btyd_p_alive($1, 2, 10, 20)'), ('btyd_model', 'btyd_expected($1, 10, 2, 10, 20)'), ('btyd_model', 'btyd_expected_new($1, 10)'), ('btyd_model', '(SELECT string_agg(t::text, '' '') FROM btyd_summary($1) t)'), ('btyd_model', 'btyd_residual($1, 0.1, 2, 10, 20)'),
    ('btyd_model', 'btyd_clv($1, (SELECT gg_fit(repeats, spend) FROM people), 2, 10, 20, 10, interval ''1 year'', 0.1)'),
    ('gg_model', 'gg_expected($1, 2, 10)'), ('gg_model', 'btyd_clv((SELECT btyd_fit(repeats, t_x, t, interval ''1 week'') FROM people), $1, 2, 10, 20, 10, interval ''1 year'', 0.1)'),
    ('rfm_summary', '(SELECT btyd_fit(r) FROM (VALUES ($1), ($1)) v (r))'), ('rfm_summary', 'btyd_p_alive((SELECT btyd_fit(repeats, t_x, t, interval ''1 week'') FROM people), $1)'),
    ('rfm_summary', '(SELECT gg_fit(r) FROM (VALUES ($1), ($1)) v (r))');
CREATE TABLE spoilers (type regtype, value jsonb);
INSERT INTO spoilers
    SELECT regtype 'float8', v FROM jsonb_array_elements('[null, "NaN", "Infinity", "-Infinity", 0, -1, 1, 0.5, 1e300, 1e-300, -1e300, 5e-324]') v UNION ALL
    SELECT regtype 'bigint', v FROM jsonb_array_elements('[null, 0, 1, -1, 9223372036854775807, -9223372036854775808, 4611686018427387904]') v UNION ALL
    SELECT regtype 'integer', v FROM jsonb_array_elements('[null, 0, 1, -1, 2147483647, -2147483648]') v UNION ALL
    SELECT regtype 'boolean', v FROM jsonb_array_elements('[null, true, false]') v UNION ALL
    SELECT regtype 'numeric', v FROM jsonb_array_elements('[null, 0, -1, "NaN", "Infinity", 1e30]') v UNION ALL
    SELECT regtype 'text', v FROM jsonb_array_elements('[null, "", "bgnbd", "mbgnbd", "pnbd", "bgbb", "sbg", "geometric", "split", "none"]') v UNION ALL
    SELECT regtype 'interval', v FROM jsonb_array_elements('[null, "0", "-1 day", "1 day", "1000000 years", "1 microsecond", "1 month"]') v UNION ALL
    SELECT regtype 'date', v FROM jsonb_array_elements('[null, "infinity", "2024-01-01"]') v UNION ALL
    SELECT t, v FROM unnest('{float8[],bigint[]}'::regtype[]) t, jsonb_array_elements('[null, [], [null], [0], [1], [-1], [0, 0], [1, 2, 3], [3, 2, 1], [1, 1, 1], [[1, 2], [3, 4]], [1, 2, 3, 4, 5], [5, null, 1], [0, 9223372036854775807, 9223372036854775807]]') v UNION ALL
    SELECT regtype 'float8[]', v FROM jsonb_array_elements('[["NaN"], ["NaN", 1], ["Infinity", 2, 3, 4], [1e300, 1e300, 1e300, 1e300], [-1e300, 1e300, -1e300, 1e300], [1e-300, 1e-300, 1e-300, 1e-300]]') v UNION ALL
    SELECT regtype 'text[]', v FROM jsonb_array_elements('[null, [], [null], ["a"], ["a", "b", "c", "d"], [["a", "b"]]]') v;
CREATE TABLE good (model regtype, value jsonb);
INSERT INTO good
    SELECT regtype 'survival_model', to_jsonb(survival_fit(days, churned, entry)) FROM people WHERE id < 100 UNION ALL
    SELECT regtype 'survival_model', to_jsonb(survival_fit(days, churned)) FROM people WHERE id < 5 UNION ALL
    SELECT regtype 'sbg_model', to_jsonb(sbg_fit(age, lost)) FROM people UNION ALL
    SELECT regtype 'sbg_model', to_jsonb(sbg_fit(1, id = 1)) FROM people UNION ALL
    SELECT regtype 'logit_model', to_jsonb(logit_fit(y_bool, x)) FROM people UNION ALL
    SELECT regtype 'did_result', to_jsonb(did(treated, post, y)) FROM people UNION ALL
    SELECT regtype 'btyd_model', to_jsonb(btyd_fit(repeats, t_x, t, interval '1 week')) FROM people UNION ALL
    SELECT regtype 'btyd_model', to_jsonb(btyd_fit(repeats, t_x, t, interval '1 week', 'pnbd')) FROM people UNION ALL
    SELECT regtype 'gg_model', to_jsonb(gg_fit(repeats, spend)) FROM people UNION ALL
    SELECT regtype 'rfm_summary', to_jsonb(rfm(bought_on, spend::numeric, date '2025-01-01', interval '1 week')) FROM people WHERE buyer = 3;
CREATE TABLE bad AS
WITH fields AS (
    SELECT a.attrelid, t.oid::regtype AS model, a.attname::text AS field, a.atttypid::regtype AS type FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid WHERE t.oid IN (SELECT model FROM accessors) AND a.attnum > 0),
one AS (SELECT model, jsonb_build_object(field, value) AS change FROM fields JOIN spoilers USING (type)),
two AS (SELECT a.model, a.change || b.change AS change FROM one a JOIN one b USING (model) WHERE a.change <> b.change ORDER BY md5(a.change::text || b.change::text || a.model) LIMIT 2500)
SELECT g.model, g.value || c.change AS value FROM good g JOIN (TABLE one UNION ALL TABLE two) c USING (model);
-- What is wrong with an answer, or NULL.
CREATE FUNCTION fault(model regtype, value jsonb, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('WITH m AS MATERIALIZED (SELECT jsonb_populate_record(NULL::%s, $1) AS m) SELECT (%s)::text FROM m', model, replace(call, '$1', 'm.m')) INTO answer USING value;
    RETURN CASE WHEN answer ~* 'nan' THEN call || ' of ' || value::text || ' = ' || left(answer, 200) END;
EXCEPTION WHEN OTHERS THEN
    RETURN CASE WHEN SQLSTATE NOT IN ('22023', '22003', '22004', '2202E', '22000', '54000', '0A000') THEN call || ' of ' || value::text || ': ' || SQLSTATE || ' ' || SQLERRM END;
END $$;
SQL
my $tried = scalar_of($db, 'SELECT count(*) FROM bad JOIN accessors USING (model)');
cmp_ok($tried, '>', 10000, "$tried calls with models that no fit made");
is(scalar_of($db, "SET statement_timeout = '5min'; SELECT string_agg(left(f, 300), E'\\n') FROM (SELECT f FROM (SELECT fault(model, value, call) AS f FROM bad JOIN accessors USING (model)) q WHERE f IS NOT NULL LIMIT 10) q"), '', 'each is answered or refused');
is(scalar_of($db, 'SELECT 1'), '1', 'the server lives');
drop_db($db);
done_testing();
