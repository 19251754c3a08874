-- Deterministic, unpleasant subscription rows for the tests. Needs test/oracle.sql (the schema).
--
--   SELECT * FROM oracle.random_rows(seed => 1, n => 4000);                       -- times to the microsecond
--   SELECT * FROM oracle.random_rows(seed => 1, n => 4000, whole_days => true);   -- midnights only: cast them to date
--
-- Some 850 customers in 4,000 rows, from 2022 to 2024 and beyond, in no order. Rows come from small scenes (a change of
-- plan, a gap of one day, a discount ...); a customer is in several scenes, so they overlap. Many things happen at
-- midnight on the first of a month, many at one moment. No padding rows (NULL, NULL, NULL, NULL): add them where wanted.

-- A number from 0 to sides - 1, always the same for the same arguments.
CREATE FUNCTION oracle.dice(g bigint, seed bigint, sides int)
RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(g, seed) % sides + sides) % sides)::int $$;

CREATE FUNCTION oracle.random_rows(seed int, n int, whole_days boolean DEFAULT false)
RETURNS TABLE (customer bigint, started_at timestamp, ended_at timestamp, mrr numeric) LANGUAGE sql IMMUTABLE AS $$
    WITH throw AS MATERIALIZED (
        SELECT g, oracle.dice(g, seed * 100 + 1, greatest(n / 4, 1)) + 1 AS customer, oracle.dice(g, seed * 100 + 2, 16) AS scene,
               timestamp '2022-01-01' + oracle.dice(g, seed * 100 + 3, 36) * interval '1 month' AS month,
               oracle.dice(g, seed * 100 + 4, 8) AS offset_kind, oracle.dice(g, seed * 100 + 5, 31) AS day,
               oracle.dice(g, seed * 100 + 6, 86400) * 1000000::bigint + oracle.dice(g, seed * 100 + 7, 1000000) AS microsecond,
               oracle.dice(g, seed * 100 + 8, 10) AS length_1, oracle.dice(g, seed * 100 + 9, 10) AS length_2,
               oracle.dice(g, seed * 100 + 10, 8) AS end_kind,
               oracle.dice(g, seed * 100 + 11, 12) AS price_kind, oracle.dice(g, seed * 100 + 12, 1000) AS price_number
        FROM generate_series(1, n) g
    ), start AS MATERIALIZED (
        SELECT *,
               CASE offset_kind
                   WHEN 0 THEN month + day * interval '1 day' + microsecond * interval '1 microsecond'
                   WHEN 1 THEN month + day * interval '1 day'
                   WHEN 2 THEN month + interval '1 month' - interval '1 microsecond'
                   WHEN 3 THEN month + interval '1 microsecond'
                   WHEN 4 THEN timestamp '2023-03-15 12:00' + day % 3 * interval '1 day'    -- a crowd at three moments
                   WHEN 5 THEN month + interval '1 month' - interval '1 day'                -- the last day of the month
                   ELSE month END AS t0,
               CASE price_kind
                   WHEN 0 THEN 0
                   WHEN 1 THEN -(1 + price_number % 40)
                   WHEN 2 THEN price_number + 0.0000005           -- a half: rounds up
                   WHEN 3 THEN -price_number - 0.0000005          -- and away from zero
                   WHEN 4 THEN 0.0000004999                       -- nothing, once rounded
                   WHEN 5 THEN price_number / 12.0                -- many decimals
                   WHEN 6 THEN price_number * 1000000.123456789
                   WHEN 7 THEN 9.99
                   ELSE 10 * (1 + price_number % 9) END AS price
        FROM throw
    ), scene AS MATERIALIZED (
        SELECT *, t0 + step_1.length AS t1, t0 + step_1.length + step_2.length AS t2,
               CASE end_kind WHEN 0 THEN NULL WHEN 1 THEN 'infinity'::timestamp WHEN 2 THEN timestamp '2031-05-01'
                             ELSE t0 + step_1.length + step_2.length END AS last
        FROM start,
             LATERAL (SELECT (ARRAY['1 microsecond', '1 hour', '1 day', '5 days', '12 days', '1 month', '1 month', '2 months', '6 months', '1 year'])[length_1 + 1]::interval) step_1 (length),
             LATERAL (SELECT (ARRAY['1 microsecond', '1 day', '3 days', '20 days', '1 month', '1 month', '2 months', '3 months', '9 months', '2 years'])[length_2 + 1]::interval) step_2 (length)
    ), made AS (
        SELECT s.g, r.part, s.customer, r.started_at, r.ended_at, r.mrr
        FROM scene s, LATERAL (VALUES
            (0, 1, t0, last, price),
            (1, 1, t0, t1, price), (1, 2, t1, last, price + 10),                                   -- upgrade, touching
            (2, 1, t0, t1, price), (2, 2, t1, last, price),                                        -- renewal: nothing changes
            (3, 1, t0, t1, price), (3, 2, t1 + interval '1 day', last + interval '1 day', price),  -- back after one day
            (4, 1, t0, last, price), (4, 2, t0, last, price),                                      -- the same row twice
            (5, 1, t0, last, price), (5, 2, t0 + (t1 - t0) / 2, t1, 5),                            -- nested
            (6, 1, t0, t1, 0), (6, 2, t1, last, abs(price)),                                       -- free at first
            (7, 1, t0, t0 + least(t1 - t0, interval '5 days'), abs(price)),                        -- often gone before the month is over
            (8, 1, t0, last, price), (8, 2, t1, last, -price), (8, 3, t2, NULL, -0.5),             -- discounted to nothing and below
            (9, 1, t0, t0, price), (9, 2, t2, t2, price),                                          -- empty stretches
            (10, 1, t0, t1, price), (10, 2, t1 + interval '1 microsecond', t2 + interval '1 microsecond', price),
            (11, 1, t0, t2, price), (11, 2, t1, last, 7.5),                                        -- overlapping
            (12, 1, t0, t1, abs(price)), (12, 2, t0, t1, -abs(price)), (12, 3, t1, last, 20),      -- nothing at first, by two rows
            (13, 1, t0, t1, 30), (13, 2, t1, t2, 20), (13, 3, t1, t2, 10),                         -- one plan becomes two of the same total
            (14, 1, t1, last, 12), (14, 2, t0, t1, 24),                                            -- downgrade, out of order
            (15, 1, t0, t0 + interval '1 month', abs(price)), (15, 2, t0 + interval '1 month 1 day', t0 + interval '2 months', abs(price))
        ) r (scene, part, started_at, ended_at, mrr)
        WHERE r.scene = s.scene
        ORDER BY s.g, r.part LIMIT n
    ), trimmed AS (
        SELECT g, part, customer, mrr,
               CASE WHEN whole_days THEN date_trunc('day', m.started_at) ELSE m.started_at END AS started_at,
               CASE WHEN whole_days THEN date_trunc('day', m.ended_at) ELSE m.ended_at END AS ended_at
        FROM made m
    )
    SELECT customer, started_at, CASE WHEN ended_at < started_at THEN started_at ELSE ended_at END, mrr
    FROM trimmed ORDER BY hashint8extended(g * 8 + part, seed)
$$;
