-- Rows for the estimators: :rows customers with a duration in whole days and one that is distinct for each; :rows_fit
-- customers with ten features. Uses the function of generate.sql.
CREATE TABLE lifetimes AS
SELECT floor(least(-800 * ln(1 - bench_uniform(g, 1)), 2000))::float8 AS days,
       -800 * ln(1 - bench_uniform(g, 1)) + g * 1e-9 AS duration,
       bench_uniform(g, 2) < 0.7 AS churned,
       CASE WHEN g % 3 = 0 THEN 'team' ELSE 'solo' END AS plan
FROM generate_series(1, :rows) g;

CREATE TABLE features AS
SELECT x, bench_uniform(g, 99) < 1 / (1 + exp(1.5 - 1.2 * x[1] + 0.8 * x[2] - 2 * x[3] * x[3] + 0.5 * x[4] + 0.3 * x[5])) AS churned
FROM generate_series(1, :rows_fit) g,
     LATERAL (SELECT ARRAY[bench_uniform(g, 11), bench_uniform(g, 12), bench_uniform(g, 13), bench_uniform(g, 14), bench_uniform(g, 15),
                           bench_uniform(g, 16), floor(60 * bench_uniform(g, 17)), (bench_uniform(g, 18) < 0.3)::int, 100 * bench_uniform(g, 19), (bench_uniform(g, 20) < 0.5)::int]) AS f(x);

-- Renewals of 20 yearly cohorts, one row per age.
CREATE TABLE renewals AS
SELECT age, churned, floor(CASE WHEN churned THEN 4000.0 / (age + 2) / (age + 1) ELSE 2000.0 / (age + 1) END)::bigint AS n
FROM generate_series(1, 72) age, unnest(ARRAY[true, false]) churned;

VACUUM ANALYZE lifetimes;
VACUUM ANALYZE features;
ANALYZE renewals;
