-- Confidence intervals: of shares, of churn and retention by period, of NPS.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_intervals;
SET search_path = test_intervals, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set oracle_file :abs_srcdir '/oracle.sql'
\set rows_file :abs_srcdir '/rows.sql'
\set ECHO none
\i :helpers
\i :oracle_file
\i :rows_file
\set ECHO all

CREATE FUNCTION pg_temp.ci(k bigint, n bigint, confidence float8 DEFAULT 0.95, method text DEFAULT 'wilson', digits int DEFAULT 12) RETURNS text LANGUAGE sql AS
$$ SELECT round(rate, digits) || ': ' || round(lower, digits) || ' to ' || round(upper, digits) FROM rate_ci(k, n, confidence, method) $$;

-- 10 of 100 at 95 percent: p = 0.1, z = 1.959964; (0.1 + 0.0192073 -+ 1.959964 sqrt(0.0009 + 0.0000960365)) / 1.0384146 = (0.1192073 -+ 0.0618567) / 1.0384146 = 0.0552291 and 0.1743659.
SELECT pg_temp.ci(10, 100, digits => 6) AS wilson;
-- Published (Newcombe 1998, method 3, to four decimals), and R's prop.test.
SELECT k, n, pg_temp.ci(k, n, digits => 4) AS published, pg_temp.ci(k, n) AS wilson FROM (VALUES (81, 263), (15, 148), (0, 20), (1, 29), (5, 100), (20, 20), (27, 1000)) v (k, n);
-- R's binom.test, and its qbeta(c(.025, .975), k + .5, n - k + .5).
SELECT k, n, pg_temp.ci(k, n, method => 'clopper_pearson') AS clopper_pearson, pg_temp.ci(k, n, method => 'jeffreys') AS jeffreys FROM (VALUES (81, 263), (15, 148), (0, 20), (20, 20), (27, 1000)) v (k, n);
SELECT pg_temp.ci(3, 20, 0.99, 'clopper_pearson') AS clopper_pearson, pg_temp.ci(3, 20, 0.99, 'jeffreys') AS jeffreys;
-- None of n: (alpha/2)^(1/n), and the rule of three: 3/n at 95 percent on one side.
SELECT n, round(upper, 10) AS upper, round((1 - 0.025 ^ (1.0 / n))::numeric, 10) AS wanted, round((SELECT upper FROM rate_ci(0, n, 0.9, 'clopper_pearson'))::numeric, 4) AS rule_of_three
FROM unnest(ARRAY[1, 2, 10, 100, 1000]) n, rate_ci(0, n, 0.95, 'clopper_pearson');

-- Exactly 0 and 1 at the edges, by every method; strictly inside elsewhere, around the rate; and the same mirrored.
SELECT method, bool_and(CASE WHEN k = 0 THEN a.lower = 0 ELSE a.lower > 0 END) AS zero, bool_and(CASE WHEN k = n THEN a.upper = 1 ELSE a.upper < 1 END) AS one, bool_and(a.lower <= a.rate AND a.rate <= a.upper) AS around,
       bool_and(abs(a.lower + b.upper - 1) < 1e-14) AS mirrored, bool_and(a.rate = (k::float8 / n)::numeric) AS rate
FROM generate_series(1, 60) n, generate_series(0, n) k, unnest(ARRAY['wilson', 'clopper_pearson', 'jeffreys']) method, rate_ci(k, n, 0.95, method) a, rate_ci(n - k, n, 0.95, method) b GROUP BY method ORDER BY method;
-- Surer is wider.
SELECT method, bool_and(b.lower <= a.lower AND b.upper >= a.upper AND b.upper - b.lower > a.upper - a.lower) AS wider
FROM unnest(ARRAY['wilson', 'clopper_pearson', 'jeffreys']) method, (VALUES (0, 7), (3, 20), (7, 7), (400, 1000)) v (k, n), (VALUES (1e-9, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 0.999), (0.999, 1 - 1e-9), (1 - 1e-9, 1 - 1e-15)) c (less, more),
     rate_ci(k, n, less, method) a, rate_ci(k, n, more, method) b GROUP BY method ORDER BY method;
-- Clopper-Pearson is the widest of the three, and holds Jeffreys'.
SELECT count(*) AS not_inside FROM generate_series(1, 40) n, generate_series(0, n) k, rate_ci(k, n, 0.9, 'clopper_pearson') c, rate_ci(k, n, 0.9, 'jeffreys') j WHERE j.lower < c.lower - 1e-12 OR j.upper > c.upper + 1e-12;
-- Large and tiny shares: Poisson's exact bounds of 1 are 0.0253178 and 5.5716434, of none 3.6888795.
SELECT n, k, method, round((lower * n)::numeric, 5) AS lower_x_n, round((upper * n)::numeric, 5) AS upper_x_n FROM (VALUES (1000000000, 1), (1000000000, 0), (1000000000000000, 1)) v (n, k), unnest(ARRAY['clopper_pearson', 'jeffreys', 'wilson']) method, rate_ci(k, n, 0.95, method) ORDER BY 1, 2, 3;
SELECT n, method, round(((lower - 0.25) * sqrt(n / 0.1875))::numeric, 5) AS lower_z, round(((upper - 0.25) * sqrt(n / 0.1875))::numeric, 5) AS upper_z FROM unnest(ARRAY[4e6, 4e12]::bigint[]) n, unnest(ARRAY['clopper_pearson', 'jeffreys', 'wilson']) method, rate_ci(n / 4, n, 0.95, method) ORDER BY 1, 2;
-- Far out, and beyond 10^9: R's qbeta with lower.tail = FALSE for the upper bound, and its qgamma for the last.
SELECT k, n, confidence, method, to_char(lower, '9.999999EEEE') AS lower, to_char(upper, '9.999999EEEE') AS upper
FROM (VALUES (1, 1e9::bigint, 0.99999999, 'clopper_pearson'), (2, 1e6, 0.99999999, 'jeffreys'), (1, 1e6, 0.999999999999, 'clopper_pearson'), (3, 1e15, 0.999999999999, 'jeffreys'), (0, 1e12, 0.999999999999, 'jeffreys'), (2000000000, 9e18, 0.95, 'clopper_pearson')) v (k, n, confidence, method), rate_ci(k, n::bigint, confidence, method) ORDER BY n, k, confidence;
SELECT method, lower >= 0 AND lower <= rate AND rate <= upper AND upper <= 1 AS ordered FROM unnest(ARRAY['wilson', 'clopper_pearson', 'jeffreys']) method, unnest(ARRAY[0, 1, 4611686018427387903, 9223372036854775806, 9223372036854775807]) k, rate_ci(k, 9223372036854775807, 0.95, method) GROUP BY 1, 2 ORDER BY 1, 2;
-- Counts are numeric, as a sum() of bigint is, and so are the results: of 15 digits, exact at 0 and 1.
SELECT k, n, rate, CASE WHEN k > 0 THEN round(lower, 10) ELSE lower END AS lower, CASE WHEN k < n THEN round(upper, 10) ELSE upper END AS upper, pg_typeof(rate) AS rate_is, pg_typeof(lower) AS lower_is, pg_typeof(upper) AS upper_is FROM (VALUES (1, 3), (0, 7), (7, 7), (1, 80)) v (k, n), rate_ci(k, n);
SELECT count(*) AS sums, bool_and(rate_ci(sum_k, sum_n) = rate_ci(6, 60) AND rate_ci(sum_k::int, sum_n::smallint) = rate_ci(6.0, 6e1) AND rate_ci(sum_k::bigint, sum_n) = rate_ci('6', '60.000')) AS same FROM (SELECT sum(k) AS sum_k, sum(10 * k) AS sum_n FROM unnest(ARRAY[1, 2, 3]::bigint[]) k) s;
SELECT oid::regprocedure AS only_one FROM pg_proc WHERE proname IN ('rate_ci', 'nps_ci') ORDER BY proname;
-- Nothing known: no rate.
SELECT * FROM rate_ci(0, 0);
SELECT rate_ci(0, 0) IS NULL AS none, rate_ci(NULL, 1) IS NULL AS k, rate_ci(1, NULL) IS NULL AS n, rate_ci(1, 2, NULL) IS NULL AS confidence, rate_ci(1, 2, 0.9, NULL) IS NULL AS method;
SELECT k, lower IS NULL AS no_bound FROM (VALUES (1, 0, 0), (2, 1, 4)) v (n, k, of), rate_ci(k, of) ORDER BY n;

-- Wilson as it is written, in SQL.
CREATE FUNCTION wilson(side int, k float8, n float8, z float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT (k / n + z * z / (2 * n) + side * z * sqrt(k / n * (1 - k / n) / n + z * z / (4 * n * n))) / (1 + z * z / n) $$;
SELECT count(*) AS compared, count(*) FILTER (WHERE abs(lower - wilson(-1, k, n, z)) > 1e-12 OR abs(upper - wilson(1, k, n, z)) > 1e-12) AS differ
FROM generate_series(1, 120) n, generate_series(0, n) k, (VALUES (0.5, 0.6744897501960817), (0.9, 1.6448536269514715), (0.95, 1.9599639845400536), (0.999, 3.2905267314919255)) v (confidence, z), rate_ci(k, n, confidence);
-- Clopper-Pearson by its definition: at the lower bound k or more, at the upper bound k or fewer come with a chance of alpha/2.
CREATE FUNCTION binomial_at_most(k int, n int, p float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    WITH RECURSIVE terms(i, term) AS (SELECT 0, (1 - p) ^ n UNION ALL SELECT i + 1, term * (n - i) / (i + 1) * p / (1 - p) FROM terms WHERE i < k) SELECT sum(term) FROM terms
$$;
SELECT count(*) AS compared, count(*) FILTER (WHERE k < n AND abs(binomial_at_most(k, n, upper) / ((1 - confidence) / 2) - 1) > 1e-9) AS upper_differs, count(*) FILTER (WHERE k > 0 AND abs(binomial_at_most(n - k, n, 1 - lower) / ((1 - confidence) / 2) - 1) > 1e-9) AS lower_differs
FROM unnest(ARRAY[1, 2, 5, 17, 40]) n, generate_series(0, n) k, unnest(ARRAY[0.5, 0.95, 0.9999]) confidence, rate_ci(k, n, confidence, 'clopper_pearson');
-- Jeffreys by Simpson's rule: with x = sin^2 t the density of Beta(k + 1/2, n - k + 1/2) is that of sin^2k t cos^2(n-k) t.
CREATE FUNCTION jeffreys_area(k int, n int, t float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT sum(CASE WHEN i IN (0, 800) THEN 1 WHEN i % 2 = 1 THEN 4 ELSE 2 END * sin(t * i / 800) ^ (2 * k) * cos(t * i / 800) ^ (2 * (n - k))) * t / 2400 FROM generate_series(0, 800) i $$;
SELECT count(*) AS compared, count(*) FILTER (WHERE k > 0 AND abs(jeffreys_area(k, n, asin(sqrt(lower))) / whole - (1 - confidence) / 2) > 1e-9) AS lower_differs, count(*) FILTER (WHERE k < n AND abs(jeffreys_area(k, n, asin(sqrt(upper))) / whole - (1 + confidence) / 2) > 1e-9) AS upper_differs
FROM unnest(ARRAY[1, 3, 9]) n, generate_series(0, n) k, unnest(ARRAY[0.5, 0.95]) confidence, rate_ci(k, n, confidence, 'jeffreys'), LATERAL (SELECT jeffreys_area(k, n, pi() / 2) AS whole) w;

-- Churn and retention by period: 100 customers in January; 2 of 100 leave in February, 9 of 98 in March, all others in April; then there is nobody.
CREATE TABLE subs (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO subs SELECT g, '2024-01-01', CASE WHEN g <= 2 THEN date '2024-02-10' WHEN g <= 11 THEN '2024-03-10' ELSE '2024-04-10' END, 10 FROM generate_series(1, 100) g;
SELECT period_start, opening_customers AS opening, churned_customers AS churned, round(churn_rate, 4) AS churn_rate, round(churn_lower, 4) AS churn_lower, round(churn_upper, 4) AS churn_upper,
       round(retention_rate, 4) AS retention_rate, round(retention_lower, 4) AS lower, round(retention_upper, 4) AS upper, complete FROM churn_intervals('TABLE subs', since => '2024-01-01', until => '2024-06-01');
SELECT period_start, round(churn_lower, 6) AS churn_lower, round(churn_upper, 6) AS churn_upper FROM churn_intervals('TABLE subs', 0.9, 'clopper_pearson', '3 months', '2024-01-01', '2024-07-01');
SELECT period_start, period_end, churned_customers AS churned, round(churn_upper, 6) AS churn_upper, complete FROM churn_intervals('TABLE subs', method => 'jeffreys', since => '2024-02-05', until => '2024-03-11');
-- The same as a report's row with rate_ci beside it, of a ledger, without mrr, and by the average of the weeks' customers.
SELECT count(*) AS months, count(*) FILTER (WHERE (c.churn_rate::float8::numeric, i.lower, i.upper) IS DISTINCT FROM (i.rate, t.churn_lower, t.churn_upper)) AS differ
FROM churn_by_period('TABLE subs', since => '2024-02-01', until => '2024-05-01') c, LATERAL rate_ci(churned_customers, opening_customers) i, churn_intervals('TABLE subs', since => '2024-02-01', until => '2024-05-01') t WHERE t.period_start = c.period_start;
SELECT count(*) AS differ FROM (SELECT t.* FROM (SELECT subscription_ledger(customer, started_at, ended_at) AS ledger FROM subs) l, churn_intervals(ledger, since => '2024-02-01', until => '2024-05-01') t
    EXCEPT SELECT * FROM churn_intervals('SELECT customer, started_at, ended_at FROM subs', since => '2024-02-01', until => '2024-05-01')) d;
SELECT period_start, churn_rate, churn_lower = lower AS lower, churn_upper = upper AS upper FROM churn_intervals('TABLE subs', since => '2024-02-01', until => '2024-05-01', policy => churn_policy(denominator => 'opening_plus_new')), rate_ci(churned_customers, opening_customers);
-- A rate above 1 counts as 1: of events 12 of 11.
SELECT churn_rate, round(churn_lower, 6) AS churn_lower, churn_upper, retention_rate, retention_lower, round(retention_upper, 6) AS retention_upper, pg_temp.ci(11, 11, digits => 6) AS eleven
FROM churn_intervals($$SELECT g, date '2024-01-01', date '2024-02-05', 1 FROM generate_series(1, 11) g UNION ALL SELECT 1, '2024-02-07', '2024-02-09', 1$$, since => '2024-02-01', until => '2024-03-01', policy => churn_policy(basis => 'events'));
-- Nothing to report on.
SELECT count(*) FROM churn_intervals(NULL::subscription_ledger);
SELECT count(*), count(churn_rate), count(churn_lower), count(retention_upper) FROM churn_intervals('SELECT 1, date ''2024-01-10'', date ''2024-01-20'', 1', since => '2024-01-01', until => '2024-03-01');

-- Pseudo-random rows under several policies: the bounds in plain SQL from the columns of churn_by_period.
CREATE TABLE policies (name text, policy churn_policy);
INSERT INTO policies VALUES
    ('standard', churn_policy()), ('events', churn_policy(basis => 'events')), ('plus new', churn_policy(denominator => 'opening_plus_new')), ('average', churn_policy(denominator => 'average')), ('transient', churn_policy(count_transient => true)),
    ('grace', churn_policy(grace => '1 month')), ('lookback', churn_policy(lookback => 3)), ('smoothing', churn_policy(smoothing => 3)), ('average, smoothing', churn_policy(denominator => 'average', smoothing => 12, lookback => 2)),
    ('events, new, smoothing', churn_policy(basis => 'events', denominator => 'opening_plus_new', smoothing => 2)), ('stripe', churn_policy('stripe')), ('baremetrics', churn_policy('baremetrics')), ('maxio', churn_policy('maxio'));
CREATE TABLE kinds (kind text, query text, every interval, since date, until date, ledger subscription_ledger);
CREATE TABLE dates AS SELECT customer, started_at::date, ended_at::date, mrr FROM oracle.random_rows(91, 1000, true);
INSERT INTO kinds
    SELECT 'months', 'TABLE dates', interval '1 month', date '2022-06-01', date '2025-01-01', subscription_ledger(customer, started_at, ended_at, mrr) FROM dates UNION ALL
    SELECT 'weeks', 'SELECT customer, started_at, ended_at FROM dates', '7 days', '2023-01-02', '2023-12-25', subscription_ledger(customer, started_at, ended_at) FROM dates;
CREATE TABLE single AS
    SELECT k.kind, k.since, p.name, (p.policy).smoothing, c.period_start, c.complete, c.opening_customers, c.churned_customers,
           c.churned_customers + CASE WHEN (p.policy).count_transient OR (p.policy).denominator = 'opening_plus_new' THEN c.transient_customers ELSE 0 END AS lost,
           CASE (p.policy).denominator WHEN 'opening' THEN opening_customers WHEN 'average' THEN (opening_customers + closing_customers) / 2.0 ELSE opening_customers + new_customers + transient_new_customers END AS base,
           row_number() OVER (PARTITION BY kind, name ORDER BY c.period_start) AS n
    FROM kinds k, policies p, churn_by_period(k.ledger, k.every, (k.since - 12 * k.every)::date, k.until, NULL, jsonb_populate_record(p.policy, '{"smoothing": 1}')) c;
CREATE TABLE wanted AS
    SELECT a.kind, a.name, a.period_start, a.complete, a.opening_customers, a.churned_customers, sum(b.base) AS base, least(sum(b.lost), sum(b.base)) AS lost
    FROM single a JOIN single b ON b.kind = a.kind AND b.name = a.name AND b.n > a.n - a.smoothing AND b.n <= a.n
    WHERE a.period_start >= a.since GROUP BY a.kind, a.name, a.period_start, a.complete, a.opening_customers, a.churned_customers;
CREATE TABLE got AS SELECT k.kind, p.name, i.* FROM kinds k, policies p, churn_intervals(k.query, 0.95, 'wilson', k.every, k.since, k.until, NULL, p.policy) i;
SELECT count(*) > 800 AS many, count(*) FILTER (WHERE g.kind IS NULL) AS missing, count(*) FILTER (WHERE w.kind IS NULL) AS surplus, count(*) FILTER (WHERE (g.opening_customers, g.churned_customers, g.complete) <> (w.opening_customers, w.churned_customers, w.complete)) AS columns_differ,
       count(*) FILTER (WHERE w.base > 0 AND (abs(g.churn_lower - wilson(-1, lost::float8, base::float8, 1.9599639845400536)) > 1e-9 OR abs(g.churn_upper - wilson(1, lost::float8, base::float8, 1.9599639845400536)) > 1e-9) IS NOT FALSE) AS churn_differs,
       count(*) FILTER (WHERE w.base > 0 AND (abs(g.retention_lower + g.churn_upper - 1) > 1e-14 OR abs(g.retention_upper + g.churn_lower - 1) > 1e-14) IS NOT FALSE) AS retention_differs,
       count(*) FILTER (WHERE w.base = 0 AND num_nonnulls(g.churn_rate, g.churn_lower, g.churn_upper, g.retention_rate, g.retention_lower, g.retention_upper) > 0) AS not_null
FROM got g FULL JOIN wanted w USING (kind, name, period_start);
-- The rates are those of churn_by_period, the lower bounds those of churn_alarm; of a ledger as of the query; by the other methods, too.
SELECT count(*) AS differ FROM (SELECT kind, name, period_start, period_end, opening_customers, churned_customers, churn_rate, retention_rate, complete FROM got
    EXCEPT SELECT k.kind, p.name, c.period_start, c.period_end, c.opening_customers, c.churned_customers, c.churn_rate, c.retention_rate, c.complete FROM kinds k, policies p, churn_by_period(k.query, k.every, k.since, k.until, NULL, p.policy) c) d;
SELECT count(*) AS differ FROM (SELECT kind, name, period_start, round(churn_lower, 10) FROM got WHERE churn_lower > 0
    EXCEPT SELECT k.kind, p.name, a.period_start, a.lower_bound FROM kinds k, policies p, churn_alarm(k.ledger, 0, 0.95, k.every, k.since, k.until, NULL, p.policy) a) d;
SELECT count(*) AS differ FROM (SELECT k.kind, p.name, i.* FROM kinds k, policies p, churn_intervals(k.ledger, 0.95, 'wilson', k.every, k.since, k.until, NULL, p.policy) i EXCEPT ALL TABLE got) d;
SELECT method, count(*) > 50 AS many, count(*) FILTER (WHERE i.churn_lower <> c.lower OR i.churn_upper <> c.upper) AS differ FROM kinds k, unnest(ARRAY['wilson', 'clopper_pearson', 'jeffreys']) method, churn_intervals(k.ledger, 0.8, method, k.every, k.since, k.until) i, rate_ci(churned_customers, opening_customers, 0.8, method) c
WHERE opening_customers > 0 GROUP BY method ORDER BY method;

-- NPS. 100, 90, 60: 16 and by the plain way 9.716. 50, 30, 20: 30 +- 15.3078; adjusted 50.75, 31.5, 20.75 of 103: 100 (30 / 103) = 29.1262, +- 15.0751.
CREATE FUNCTION pg_temp.nps(promoters bigint, passives bigint, detractors bigint, confidence float8 DEFAULT 0.95, method text DEFAULT 'adjusted_wald') RETURNS text LANGUAGE sql AS
$$ SELECT round(nps, 6) || ' +- ' || round(margin_of_error, 8) || ': ' || round(lower, 8) || ' to ' || round(upper, 8) FROM nps_ci(promoters, passives, detractors, confidence, method) $$;
SELECT promoters, passives, detractors, pg_temp.nps(promoters, passives, detractors) AS adjusted, pg_temp.nps(promoters, passives, detractors, method => 'wald') AS plain FROM (VALUES (100, 90, 60), (50, 30, 20), (350, 150, 100), (5, 0, 0), (0, 0, 5), (0, 5, 0), (1, 0, 1)) v (promoters, passives, detractors);
-- Cut to -100 .. 100; the margin is not, and the middle is that of the adjusted counts: 62.5 of 5, 0, 0.
SELECT round((100 * (5 + 0.75 - 0.75) / 8 - margin_of_error)::numeric, 8) AS lower, round((100 * (5 + 0.75 - 0.75) / 8 + margin_of_error)::numeric, 8) AS upper, upper AS cut FROM nps_ci(5, 0, 0);
-- As it is written: z sqrt((P + D - (P - D)^2) / n) with n + 3, and 3/4 more promoters and detractors.
SELECT count(*) AS compared, count(*) FILTER (WHERE abs(margin_of_error - 164.48536269514715 * sqrt(((p + d + 1.5) / (n + 3) - ((p - d) / (n + 3)) ^ 2) / (n + 3))) > 1e-9 OR abs(lower - greatest(100 * (p - d) / (n + 3) - margin_of_error, -100)) > 1e-9 OR abs(upper - least(100 * (p - d) / (n + 3) + margin_of_error, 100)) > 1e-9 OR nps <> nps(p::numeric, s::numeric, d::numeric)) AS differ
FROM (SELECT a::float8 AS p, b::float8 AS s, c::float8 AS d, (a + b + c)::float8 AS n FROM generate_series(0, 12) a, generate_series(0, 12) b, generate_series(0, 12) c WHERE a + b + c > 0) v, nps_ci(p::bigint, s::bigint, d::bigint, 0.9);
SELECT nps_ci(0, 0, 0) IS NULL AS no_answers, nps_ci(NULL, 1, 1) IS NULL AS unknown, pg_temp.nps(9223372036854775807, 9223372036854775807, 9223372036854775807, method => 'wald') AS huge;
SELECT nps_ci(sum(p), sum(s), sum(d)) = nps_ci(50, 30, 20) AS sums, bool_and(pg_typeof(c.margin_of_error) = 'numeric'::regtype AND pg_typeof(c.lower) = 'numeric'::regtype AND pg_typeof(c.upper) = 'numeric'::regtype) AS numeric FROM (VALUES (20::bigint, 10::bigint, 5::bigint), (30, 20, 15)) v (p, s, d), nps_ci(p, s, d) c;
SELECT nps_ci(0, 0, 3, method => 'wald') AS all_against, nps_ci(0, 4, 0, method => 'wald') AS nobody;

-- Over answers.
SELECT round(nps, 4) AS nps, promoters, passives, detractors, responses, round(margin_of_error, 8) AS margin, round(lower, 8) AS lower, round(upper, 8) AS upper, confidence
FROM (SELECT (nps_summary(score)).* FROM (SELECT 9 AS score FROM generate_series(1, 50) UNION ALL SELECT 8 FROM generate_series(1, 30) UNION ALL SELECT NULL FROM generate_series(1, 7) UNION ALL SELECT 3 FROM generate_series(1, 20)) q) r;
SELECT score, s.promoters, s.passives, s.detractors, s.nps = nps(promoters, passives, detractors) AS nps FROM (SELECT score, (nps_summary(score)).* FROM generate_series(0, 10) score GROUP BY score) s ORDER BY score;
SELECT nps_summary(score) IS NULL AS none, nps_summary(score, 0.9) IS NULL AS none_9 FROM (VALUES (5::numeric)) v (score) WHERE false;
SELECT nps_summary(score) IS NULL AS nulls, nps_summary(score, NULL) IS NULL AS nulls_9 FROM (VALUES (NULL::numeric), (NULL)) v (score);
SELECT (nps_summary(10, 0.5)).confidence;

-- The same on every plan.
CREATE TABLE answers (id int, segment int, score numeric);
INSERT INTO answers SELECT g, g * 7919 % 13, CASE WHEN g % 10 <> 0 THEN g * 104729::bigint % 11 END FROM generate_series(1, 20000) g;
INSERT INTO answers SELECT g, 13, NULL FROM generate_series(20001, 22000) g;
ANALYZE answers;
CREATE VIEW by_segment AS SELECT segment, nps_summary(score, 0.9)::text AS result FROM answers GROUP BY segment;
CREATE TABLE first AS SELECT segment, CASE WHEN promoters + passives + detractors > 0 THEN (nps, promoters, passives, detractors, promoters + passives + detractors, margin_of_error, lower, upper, 0.9)::nps_result::text END AS result FROM (
    SELECT segment, count(*) FILTER (WHERE score >= 9) AS promoters, count(*) FILTER (WHERE score IN (7, 8)) AS passives, count(*) FILTER (WHERE score <= 6) AS detractors FROM answers GROUP BY segment) c LEFT JOIN LATERAL nps_ci(promoters, passives, detractors, 0.9) ON true;
CREATE TABLE total AS SELECT nps_summary(score)::text AS result FROM answers;
SET enable_hashagg = off;
SELECT pg_temp.plan_has('SELECT * FROM by_segment', 'GroupAggregate') AS plan, (SELECT count(*) FROM (TABLE by_segment EXCEPT TABLE first) d) AS surplus, (SELECT count(*) FROM (TABLE first EXCEPT TABLE by_segment) d) AS missing;
RESET enable_hashagg;
SET enable_sort = off;
SELECT pg_temp.plan_has('SELECT * FROM by_segment', 'HashAggregate') AS plan, (SELECT count(*) FROM (TABLE by_segment EXCEPT TABLE first) d) AS surplus;
RESET enable_sort;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 4;
ALTER TABLE answers SET (parallel_workers = 4);
SELECT pg_temp.plan_has('SELECT nps_summary(score) FROM answers', 'Partial') AS plan, (SELECT nps_summary(score)::text FROM answers) = result AS same FROM total;
SELECT pg_temp.plan_has('SELECT * FROM by_segment', 'Partial') AS plan, (SELECT count(*) FROM (TABLE by_segment EXCEPT TABLE first) d) AS surplus;
-- Workers that see no row, or only NULL; confidences that differ.
SELECT (nps_summary(score)).responses FROM answers WHERE id = 12345;
SELECT nps_summary(score) IS NULL AS nulls FROM answers WHERE segment = 13;
SELECT pg_temp.err('SELECT nps_summary(score, CASE segment WHEN 0 THEN 0.5 ELSE 0.75 END) FROM answers') ~ '^22023: confidence must be the same in all rows of a group, not (0.5 and 0.75|0.75 and 0.5)$' AS differ;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
-- Shuffled, filtered, over a window, grouping sets; stored and read back.
SELECT nps_summary(score)::text = result AS shuffled FROM (SELECT score FROM answers ORDER BY id * 48271::bigint % 99991) q, total GROUP BY result;
SELECT (nps_summary(score) FILTER (WHERE id % 2 = 0)).responses AS even, nps_summary(score) FILTER (WHERE id < 0) IS NULL AS none FROM answers;
SELECT n, score, round((nps_summary(score) OVER (ORDER BY n)).nps, 2) AS running, (nps_summary(score) OVER (ORDER BY n ROWS 1 PRECEDING)).responses AS last_two FROM (VALUES (1, NULL), (2, 10), (3, 3), (4, 9), (5, NULL), (6, 8)) v (n, score) ORDER BY n;
CREATE TABLE stored (result nps_result);
INSERT INTO stored SELECT nps_summary(score) FROM answers;
SELECT stored.result::text = total.result AS same FROM stored, total;
-- A million answers that are the same.
SELECT promoters, responses, round(lower, 6) AS lower, upper FROM (SELECT (nps_summary(10)).* FROM generate_series(1, 1000000)) q;

-- The aggregate's own functions leave their arguments as they are, and refuse what it does not make.
SELECT state, nps_summary_trans(state, 10)::text = '{2,2,3,' || state[4] || '}' AS counted, nps_summary_combine(state, state)::text = '{2,4,6,' || state[4] || '}' AS twice, state[1:3] AS unchanged FROM nps_summary_trans('{0,2,3,4606732058837280358}', 9, 0.95) state;
SELECT pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'nps_summary_trans(''{}'', 1)'), (2, 'nps_summary_trans(''{1,2,3}'', 1)'), (3, 'nps_summary_trans(''{1,2,3,0}'', 1)'), (4, 'nps_summary_trans(''{1,NULL,3,4}'', 1)'), (5, 'nps_summary_trans(''{1,2,-3,4606732058837280358}'', 1)'),
    (6, 'nps_summary_final(''{1,2,3,9218868437227405312}'')'), (7, 'nps_summary_final(''{1,2,3,4607182418800017408}'')'), (8, 'nps_summary_final(''{{1},{2},{3},{4}}'')'), (9, 'nps_summary_final(''{9223372036854775807,1,0,4606732058837280358}'')'),
    (10, 'nps_summary_combine(''{1,2,3,4606732058837280358}'', ''{1,2,3,4602678819172646912}'')'), (11, 'nps_summary_combine(''{1,2,3,4606732058837280358}'', ''{1}'')'), (12, 'nps_summary_trans(''{9223372036854775807,0,0,4606732058837280358}'', 9)'), (13, 'nps_summary_final(''{0,0,0,4606732058837280358}'')')
) AS v (n, call) ORDER BY n;

-- Errors.
SELECT n, pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'rate_ci(3, 2)'), (2, 'rate_ci(-1, 2)'), (3, 'rate_ci(0, -1)'), (4, 'rate_ci(1, 0)'), (5, 'rate_ci(1, 2, 0)'), (6, 'rate_ci(1, 2, 1)'), (7, 'rate_ci(1, 2, 95)'), (8, 'rate_ci(1, 2, ''NaN'')'), (9, 'rate_ci(1, 2, ''infinity'')'), (10, 'rate_ci(1, 2, 0.9, ''Wilson'')'), (11, 'rate_ci(0, 0, 2)'),
    (50, 'rate_ci(2.5, 10)'), (51, 'rate_ci(2, 10.000000000000000000001)'), (52, 'rate_ci(-0.5, 10)'), (53, 'rate_ci(''NaN'', 10)'), (54, 'rate_ci(1, ''infinity'')'), (55, 'rate_ci(''-infinity'', 1)'), (56, 'rate_ci(1, 9223372036854775808)'), (57, 'rate_ci(1, 9223372036854775806.5)'), (58, 'rate_ci(1, 1e30)'), (59, 'rate_ci(-1e30, 1)'), (60, 'rate_ci(1e-30, 1)'), (61, 'nps_ci(1.5, 0, 0)'), (62, 'nps_ci(0, ''NaN'', 0)'), (63, 'nps_ci(0, 0, 1e19)'),
    (12, 'nps_ci(-1, 0, 0)'), (13, 'nps_ci(0, -1, 0)'), (14, 'nps_ci(0, 0, -1)'), (15, 'nps_ci(1, 1, 1, 1)'), (16, 'nps_ci(1, 1, 1, 0.9, ''wilson'')'), (17, 'nps_ci(0, 0, 0, -0.1)'),
    (20, 'nps_summary(11)'), (21, 'nps_summary(9.5)'), (22, 'nps_summary(''NaN'')'), (23, 'nps_summary(5, 1)'), (24, 'nps_summary(5, NULL)'), (25, 'nps_summary(s, s / 10.0) FROM generate_series(3, 4) s'),
    (30, '* FROM churn_intervals(NULL::text)'), (31, '* FROM churn_intervals(''TABLE subs'', NULL)'), (32, '* FROM churn_intervals(''TABLE subs'', 1)'), (33, '* FROM churn_intervals(''TABLE subs'', 0.9, NULL)'), (34, '* FROM churn_intervals(''TABLE subs'', 0.9, ''wald'')'), (35, '* FROM churn_intervals(''TABLE subs'', every => NULL)'),
    (36, '* FROM churn_intervals(''TABLE subs'', every => ''0 days'')'), (37, '* FROM churn_intervals(''SELECT 1'')'), (38, '* FROM churn_intervals(NULL::subscription_ledger, 7)'), (39, '* FROM churn_intervals(''TABLE nothing'', 7)'), (40, '* FROM churn_intervals(''TABLE subs'', time_zone => ''Mars/Olympus'')')
) AS v (n, call) ORDER BY n;
-- Where the extension is not in the search path; what the planner may assume, and comments.
BEGIN READ ONLY;
SET LOCAL search_path = pg_catalog;
SELECT count(*) FROM public.churn_intervals('TABLE test_intervals.subs', until => '2024-06-01');
ROLLBACK;
SELECT p.oid::regprocedure AS function, provolatile, proisstrict, proparallel, obj_description(p.oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc p
WHERE pronamespace = 'public'::regnamespace AND (proname IN ('rate_ci', 'churn_intervals', 'nps_ci') OR proname LIKE 'nps\_summary%') ORDER BY p.oid::regprocedure::text COLLATE "C";

SET client_min_messages = warning;
DROP SCHEMA test_intervals, oracle CASCADE;
