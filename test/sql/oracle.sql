-- The reports and the one-period aggregates against plain SQL: test/oracle.sql over the rows of test/rows.sql.
-- Every column of every row is compared, with EXCEPT ALL both ways.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET TimeZone = 'America/New_York';    -- must not matter: the zones are given
CREATE SCHEMA test_oracle;
SET search_path = test_oracle, public;
SET jit = off;    -- costs more than these queries take
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle_file :abs_srcdir '/oracle.sql'
\set rows_file :abs_srcdir '/rows.sql'
\set ECHO none
\i :oracle_file
\i :rows_file
\set ECHO all

-- Six kinds of rows, 3,000 of each: local time, or the instants at which that local time is in a zone.
CREATE TABLE kind (kind text, seed int, whole_days boolean, customer_type text, time_type text, time_zone text);
INSERT INTO kind VALUES
    ('dates', 11, true, 'bigint', 'date', NULL),
    ('timestamps', 12, false, 'text', 'timestamp', NULL),
    ('berlin', 13, false, 'uuid', 'timestamptz', 'Europe/Berlin'),
    ('berlin_midnights', 14, true, 'bigint', 'timestamptz', 'Europe/Berlin'),
    ('kiritimati', 15, false, 'text', 'timestamptz', 'Pacific/Kiritimati'),
    ('havana_midnights', 16, true, 'uuid', 'timestamptz', 'America/Havana');

-- The tables rows_KIND, with 30 rows of padding each. Where clocks go forward, local time may run backwards: such rows become empty.
DO $do$
DECLARE
    k kind;
BEGIN
    FOR k IN SELECT * FROM kind LOOP
        EXECUTE format($q$
            CREATE TABLE rows_%1$s AS
            SELECT segment, customer, started_at, CASE WHEN ended_at < started_at THEN started_at ELSE ended_at END AS ended_at, mrr
            FROM (SELECT customer %% 5 AS segment,
                         CASE %2$L WHEN 'bigint' THEN customer::text WHEN 'text' THEN 'customer ' || customer ELSE md5(customer::text) END::%2$s AS customer,
                         %3$s AS started_at, %4$s AS ended_at, mrr
                  FROM oracle.random_rows(%5$L, 3000, %6$L)) r
            UNION ALL
            SELECT g %% 5, NULL, NULL, CASE WHEN g %% 3 = 0 THEN '2023-05-05'::%7$s END, CASE WHEN g %% 2 = 0 THEN 5 END
            FROM generate_series(1, 30) g$q$,
            k.kind, k.customer_type,
            CASE k.time_type WHEN 'timestamptz' THEN format('started_at AT TIME ZONE %L', k.time_zone) ELSE 'started_at::' || k.time_type END,
            CASE k.time_type WHEN 'timestamptz' THEN format('ended_at AT TIME ZONE %L', k.time_zone) ELSE 'ended_at::' || k.time_type END,
            k.seed, k.whole_days, k.time_type);
    END LOOP;
END $do$;

CREATE TABLE grid (n int, grid text, every interval, since date, until date, origin date);
INSERT INTO grid VALUES
    (1, 'months', '1 month', NULL, '2025-01-01', NULL),                                     -- 36 periods: the first start is in January 2022
    (2, 'months, cut', '1 month', '2022-06-11', '2024-02-29', NULL),                        -- 21: June 2022 to February 2024
    (3, 'months from the 31st', '1 month', '2022-03-31', '2023-12-31', '2001-01-31'),       -- 21
    (4, 'quarters', '3 months', NULL, '2024-12-30', NULL),                                  -- 12
    (5, 'years', '1 year', '2021-01-01', '2032-06-01', NULL),                               -- 12: 2021 to 2032
    (6, 'fiscal years', '1 year', '2022-12-31', '2024-04-01', '2001-04-01'),                -- 2: those that begin in April 2022 and 2023
    (7, 'weeks', '7 days', '2022-12-01', '2023-08-03', NULL),                               -- 36: from Monday, 28 November, to Monday, 31 July
    (8, '10 days', '10 days', NULL, '2023-03-16', NULL),                                    -- 44: from 1 January 2022, day 7,670 of the grid
    (9, 'days', '1 day', '2023-02-20', '2023-03-26', NULL),                                 -- 34
    (10, 'one day', '1 year', '2023-03-15', '2023-03-16', NULL);                            -- 1

-- How many rows "wanted" has, and how many rows only one of the two queries has, with examples.
CREATE FUNCTION compare(got text, wanted text, OUT compared bigint, OUT differs bigint, OUT example text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($q$
        WITH got AS MATERIALIZED (%s), wanted AS MATERIALIZED (%s), difference AS MATERIALIZED (
            SELECT 'got ' || d::text AS d FROM (TABLE got EXCEPT ALL TABLE wanted) d
            UNION ALL
            SELECT 'wanted ' || d::text FROM (TABLE wanted EXCEPT ALL TABLE got) d)
        SELECT (SELECT count(*) FROM wanted), (SELECT count(*) FROM difference),
               (SELECT string_agg(d, E'\n' ORDER BY d) FROM (SELECT * FROM difference LIMIT 4) x)$q$, got, wanted)
    INTO compared, differs, example;
END $$;
SELECT * FROM compare('VALUES (1, NULL), (1, NULL), (2, 0.10)', 'VALUES (1, NULL), (2, 0.1), (2, 0.2)');

-- The arguments of one call, with the zone where there is one.
CREATE FUNCTION arguments(g grid, k kind) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('every => %L, since => %L, until => %L, time_zone => %L, origin => %L', g.every, g.since, g.until, k.time_zone, g.origin)
$$;

CREATE TABLE result (kind text, what text, form text, grid text, compared bigint, differs bigint, example text);

-- Three reports, with and without mrr, ten grids: from the query's text, and from a ledger.
INSERT INTO result
SELECT k.kind, r.what, form, g.grid, c.*
FROM kind k, grid g,
     (VALUES ('churn_by_period', true), ('churn_by_period', false), ('mrr_movements', true), ('cohort_retention', true), ('cohort_retention', false)) v (report, with_mrr),
     LATERAL (SELECT report || CASE WHEN with_mrr THEN '' ELSE ', no mrr' END AS what,
                     'customer, started_at, ended_at' || CASE WHEN with_mrr THEN ', mrr' ELSE '' END AS columns) r,
     (VALUES ('query'), ('ledger')) f (form),
     LATERAL compare(
        CASE form
            WHEN 'query' THEN format('SELECT r.* FROM %s(%L, %s) r', report, format('SELECT %s FROM rows_%s', columns, k.kind), arguments(g, k))
            ELSE format('SELECT r.* FROM (SELECT subscription_ledger(%s) AS l FROM rows_%s) q, LATERAL %s(q.l, %s) r', columns, k.kind, report, arguments(g, k))
        END,
        format('SELECT r.* FROM (SELECT array_agg(oracle.%s(customer::text, started_at, ended_at, mrr)) AS subs FROM rows_%s) q, LATERAL oracle.%s(q.subs, %s%s) r',
               CASE WHEN k.time_zone IS NULL THEN 'local' ELSE 'instant' END, k.kind, report,
               CASE WHEN report = 'mrr_movements' THEN '' ELSE format('with_mrr => %L, ', with_mrr) END, arguments(g, k))) c
WHERE form = 'query' OR g.grid IN ('months, cut', 'quarters', '10 days');

-- By segment.
INSERT INTO result
SELECT k.kind, report, 'segments', g.grid, c.*
FROM kind k, grid g, (VALUES ('churn_by_period'), ('mrr_movements'), ('cohort_retention')) v (report),
     LATERAL compare(
        format('SELECT q.segment, r.* FROM (SELECT segment, subscription_ledger(customer, started_at, ended_at, mrr) AS l FROM rows_%s GROUP BY segment) q, LATERAL %s(q.l, %s) r',
               k.kind, report, arguments(g, k)),
        format('SELECT q.segment, r.* FROM (SELECT segment, array_agg(oracle.%s(customer::text, started_at, ended_at, mrr)) AS subs FROM rows_%s GROUP BY segment) q, LATERAL oracle.%s(q.subs, %s) r',
               CASE WHEN k.time_zone IS NULL THEN 'local' ELSE 'instant' END, k.kind, report, arguments(g, k))) c
WHERE g.grid IN ('months, cut', 'quarters') AND k.kind IN ('timestamps', 'berlin', 'havana_midnights');

-- The aggregates over one period, by segment and over all.
CREATE TABLE one_period (period tsrange);    -- 9 of them of whole days
INSERT INTO one_period VALUES
    ('[2022-01-01,2022-01-02)'), ('[2022-02-01,2022-03-01)'), ('[2022-12-01,2023-03-01)'), ('[2023-01-01,2024-01-01)'), ('[2023-03-15,2023-03-20)'),
    ('[2024-02-01,2024-03-02)'), ('[2024-02-02,2024-03-01)'), ('[2021-01-01,2022-01-01)'), ('[2030-05-05,2031-07-01)'),
    ('[2023-03-15 12:00,2023-03-16 12:00)'), ('[2023-03-15 12:00:00.000001,2023-07-31 23:59:59.999999)'), ('[2023-06-30 15:00,2023-09-01)');

INSERT INTO result
SELECT k.kind, 'one period', 'rows', upper(p.period)::text, c.*
FROM kind k, one_period p,
     LATERAL (SELECT CASE k.time_type WHEN 'date' THEN format('daterange(%L, %L)', lower(period)::date, upper(period)::date)
                                      WHEN 'timestamp' THEN format('tsrange(%L, %L)', lower(period), upper(period))
                                      ELSE format('tstzrange(%L AT TIME ZONE %L, %L AT TIME ZONE %2$L)', lower(period) || '', k.time_zone, upper(period) || '') END AS range) r,
     LATERAL compare(
        format($q$SELECT segment, churn_rate(customer, started_at, ended_at, p), retention_rate(customer, started_at, ended_at, p),
                         churn_rate(customer, started_at, ended_at, mrr, p), retention_rate(customer, started_at, ended_at, mrr, p),
                         mrr_churn(customer, started_at, ended_at, mrr, p), net_mrr_churn(customer, started_at, ended_at, mrr, p),
                         grr(customer, started_at, ended_at, mrr, p), nrr(customer, started_at, ended_at, mrr, p),
                         round(clv(customer, started_at, ended_at, mrr, p), 8), round(clv(customer, started_at, ended_at, mrr, p, 0.815), 8)
                  FROM rows_%s, (SELECT %s AS p) x GROUP BY ROLLUP (segment)$q$, k.kind, r.range),
        format($q$SELECT segment, o.churn_rate, o.retention_rate, o.paying_churn_rate, o.paying_retention_rate, o.mrr_churn, o.net_mrr_churn, o.grr, o.nrr,
                         round(o.clv, 8), round((oracle.one_period(q.subs, %1$s, 0.815)).clv, 8)
                  FROM (SELECT segment, array_agg(oracle.%2$s(customer::text, started_at, ended_at, mrr)) AS subs FROM rows_%3$s GROUP BY ROLLUP (segment)) q,
                       LATERAL oracle.one_period(q.subs, %1$s) o$q$, r.range, CASE WHEN k.time_zone IS NULL THEN 'local' ELSE 'instant' END, k.kind)) c
WHERE k.time_type <> 'date' OR (lower(period) = date_trunc('day', lower(period)) AND upper(period) = date_trunc('day', upper(period)));

-- What differs: nothing.
SELECT * FROM result WHERE differs <> 0 OR compared = 0 ORDER BY 1, 2, 3, 4;

SELECT what, form, count(DISTINCT kind) AS kinds, count(*) AS cases, sum(compared) AS rows_compared, sum(differs) AS differences
FROM result GROUP BY what, form ORDER BY what COLLATE "C", form COLLATE "C";
SELECT kind, count(*) AS cases, sum(compared) AS rows_compared, sum(differs) AS differences
FROM result GROUP BY kind ORDER BY kind COLLATE "C";

SET client_min_messages = warning;
DROP SCHEMA test_oracle, oracle CASCADE;
