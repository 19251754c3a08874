-- psql -v rows=N -f generate.sql: a table "subs" of N subscription rows in the first schema of search_path, the same in every
-- run. Five years of starts, about 0.29 customers a row (a few have many rows), three of four rows ended, four plans.
\if :{?rows}
\else
\set rows 2000000
\endif

-- A number in [0, 1), fixed by row and purpose; random() would make another table in every run.
CREATE OR REPLACE FUNCTION bench_uniform(row_number bigint, purpose bigint) RETURNS float8
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT ((hashint8extended(row_number, purpose) >> 11) & 9007199254740991)::float8 / 9007199254740992 $$;

DROP TABLE IF EXISTS subs;
CREATE TABLE subs AS
SELECT r AS subscription_id,
       -- the product of two uniform numbers: small customer numbers come often
       (bench_uniform(r, 1) * bench_uniform(r, 2) * :rows * 0.4)::bigint AS customer_id,
       (ARRAY['starter', 'team', 'business', 'enterprise'])[1 + tier] AS plan,
       date '2020-01-01' + start_day AS started_at,
       -- lifetimes fall off exponentially, 300 days in the mean
       CASE WHEN bench_uniform(r, 5) < 0.75
            THEN date '2020-01-01' + start_day + (-ln(bench_uniform(r, 6) + 1e-9) * 300)::int END AS ended_at,
       -- 10, 30, 90 or 270 a month, give or take a fifth
       round((10 * power(3, tier) * (0.8 + 0.4 * bench_uniform(r, 7)))::numeric, 2) AS mrr
FROM generate_series(1::bigint, :rows) AS r,
     LATERAL (SELECT (bench_uniform(r, 3) * 3.999)::int % 4 AS tier, (bench_uniform(r, 4) * 1826)::int AS start_day) AS drawn;
VACUUM (FREEZE, ANALYZE) subs;
