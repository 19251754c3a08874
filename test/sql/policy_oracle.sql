-- Counting policies against plain SQL: test/policy_oracle.sql over the rows of test/rows.sql. Every column of every row of
-- the reports, of the one-period aggregates and of customer_movements is compared, with EXCEPT ALL both ways.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET TimeZone = 'America/New_York';    -- must not matter: the zones are given
CREATE SCHEMA test_policy_oracle;
SET search_path = test_policy_oracle, public;
SET jit = off;    -- costs more than these queries take
\getenv abs_srcdir PG_ABS_SRCDIR
\set oracle_file :abs_srcdir '/oracle.sql'
\set rows_file :abs_srcdir '/rows.sql'
\set policy_oracle_file :abs_srcdir '/policy_oracle.sql'
\set ECHO none
\i :oracle_file
\i :rows_file
\i :policy_oracle_file
\set ECHO all

-- Four kinds of rows, 1,000 of each: local time, or the instants at which that local time is in a zone.
CREATE TABLE kind (k int, kind text, whole_days boolean, customer_type text, customer_order text, time_type text, time_zone text, today date);
INSERT INTO kind VALUES
    (0, 'dates', true, 'bigint', 'customer::bigint', 'date', NULL, CURRENT_DATE),
    (1, 'timestamps', false, 'text', 'customer COLLATE "C"', 'timestamp', NULL, CURRENT_DATE),
    (2, 'berlin_midnights', true, 'uuid', 'customer::uuid', 'timestamptz', 'Europe/Berlin', now() AT TIME ZONE 'Europe/Berlin'),
    (3, 'kiritimati', false, 'text', 'customer COLLATE "C"', 'timestamptz', 'Pacific/Kiritimati', now() AT TIME ZONE 'Pacific/Kiritimati');

-- The tables rows_KIND. Where clocks go forward, local time may run backwards: such rows become empty. In the table input
-- the same as ledgers, and as the oracle takes them.
CREATE TABLE input (k int, with_mrr boolean, query text, ledger subscription_ledger, subs oracle.subscription[]);
DO $do$
DECLARE
    k kind;
    columns text;
BEGIN
    FOR k IN SELECT * FROM kind LOOP
        EXECUTE format($q$
            CREATE TABLE rows_%1$s AS
            SELECT customer, started_at, CASE WHEN ended_at < started_at THEN started_at ELSE ended_at END AS ended_at, mrr
            FROM (SELECT CASE %2$L WHEN 'bigint' THEN customer::text WHEN 'text' THEN 'customer ' || customer ELSE md5(customer::text) END::%2$s AS customer,
                         %3$s AS started_at, %4$s AS ended_at, mrr
                  FROM oracle.random_rows(%5$s, 1000, %6$L)) r$q$,
            k.kind, k.customer_type,
            CASE k.time_type WHEN 'timestamptz' THEN format('started_at AT TIME ZONE %L', k.time_zone) ELSE 'started_at::' || k.time_type END,
            CASE k.time_type WHEN 'timestamptz' THEN format('ended_at AT TIME ZONE %L', k.time_zone) ELSE 'ended_at::' || k.time_type END,
            21 + k.k, k.whole_days);
        FOREACH columns IN ARRAY ARRAY['customer, started_at, ended_at', 'customer, started_at, ended_at, mrr'] LOOP
            EXECUTE format('INSERT INTO input SELECT %1$s, %2$L, %3$L, subscription_ledger(%4$s), array_agg(oracle.%5$s(customer::text, started_at, ended_at, mrr)) FROM rows_%6$s',
                k.k, columns LIKE '%mrr', format('SELECT %s FROM test_policy_oracle.rows_%s', columns, k.kind), columns,
                CASE WHEN k.time_zone IS NULL THEN 'local' ELSE 'instant' END, k.kind);
        END LOOP;
    END LOOP;
END $do$;

-- A policy as jsonb, which is what the oracle takes, made into one of the extension.
CREATE FUNCTION policy(axes jsonb) RETURNS churn_policy LANGUAGE sql STABLE AS $$
    SELECT churn_policy('standard', boundary => axes ->> 'boundary', basis => axes ->> 'basis', denominator => axes ->> 'denominator',
        count_transient => (axes ->> 'count_transient')::boolean, grace => (axes ->> 'grace')::interval,
        reactivation_window => (axes ->> 'reactivation_window')::interval, minimum_absence => (axes ->> 'minimum_absence')::interval,
        count_free => (axes ->> 'count_free')::boolean, reactivation_offsets => (axes ->> 'reactivation_offsets')::boolean,
        lookback => (axes ->> 'lookback')::int, smoothing => (axes ->> 'smoothing')::int)
$$;
CREATE TABLE policies (n int, class text, axes jsonb, policy churn_policy);

-- Every axis alone, at both of its words, or at some values.
INSERT INTO policies
SELECT row_number() OVER (ORDER BY n, v), 'one axis', axes, policy(axes)
FROM (VALUES
    (1, 'boundary', '["before", "at"]'::jsonb), (2, 'basis', '["snapshot", "events"]'), (3, 'denominator', '["opening", "opening_plus_new", "average"]'), (4, 'count_transient', '[false, true]'),
    (5, 'grace', '["0", "1 day", "31 days", "1 month", "1 month 3 days 02:00", "100 years"]'), (6, 'reactivation_window', '["0", "20 days", "90 days", "3 months"]'),
    (7, 'minimum_absence', '["0", "20 days", "90 days", "3 months", "1 month 3 days 02:00"]'), (8, 'count_free', '[false, true]'), (9, 'reactivation_offsets', '[false, true]'),
    (10, 'lookback', '[1, 2, 12]'), (11, 'smoothing', '[1, 3, 6]')) a (n, axis, vals),
    jsonb_array_elements(vals) WITH ORDINALITY v (value, v), jsonb_build_object(axis, value) axes;
-- The presets.
INSERT INTO policies
SELECT 100 + n, preset, to_jsonb(churn_policy(preset)), churn_policy(preset)
FROM unnest('{standard,stripe,chartmogul,baremetrics,recurly,profitwell,maxio,fight_churn}'::text[]) WITH ORDINALITY p (preset, n);
-- 30 mixtures, thrown by dice.
INSERT INTO policies
SELECT 200 + n, 'mixture', axes, policy(axes)
FROM generate_series(1, 30) n,
     LATERAL (SELECT jsonb_strip_nulls(jsonb_object_agg(axis, vals -> oracle.dice(n, 40 + a, jsonb_array_length(vals)))) AS axes FROM (VALUES
        (1, 'boundary', '[null, "at"]'::jsonb), (2, 'basis', '[null, "events"]'), (3, 'denominator', '[null, "opening_plus_new", "average"]'), (4, 'count_transient', '[null, true]'),
        (5, 'grace', '[null, null, "1 day", "5 days 12:00", "1 month", "31 days"]'), (6, 'reactivation_window', '[null, null, "15 days", "2 months", "90 days 06:00"]'),
        (7, 'minimum_absence', '[null, null, "7 days", "20 days", "1 month 1 day", "3 months"]'), (8, 'count_free', '[null, true]'), (9, 'reactivation_offsets', '[null, true]'),
        (10, 'lookback', '[null, null, null, 2, 3, 12]'), (11, 'smoothing', '[null, null, null, 2, 6]')) v (a, axis, vals)) m;

-- Pairs whose interplay is rare in the mixtures.
INSERT INTO policies
SELECT 300 + n, 'pair', axes, policy(axes)
FROM (VALUES
    (1, '{"reactivation_window": "0", "lookback": 3}'::jsonb), (2, '{"reactivation_window": "15 days", "lookback": 12}'), (3, '{"reactivation_window": "20 days", "count_free": true}'),
    (4, '{"grace": "5 days", "minimum_absence": "20 days"}'), (5, '{"minimum_absence": "3 months", "count_free": true}'), (6, '{"grace": "1 month", "basis": "events"}')) v (n, axes);

-- All axes of the extension are known to the oracle.
SELECT DISTINCT key FROM policies, jsonb_object_keys(axes) key WHERE key NOT IN (SELECT unnest(proargnames[2:]) FROM pg_proc WHERE oid = 'oracle.policy_axes'::regproc);
SELECT class, count(*) AS policies, count(DISTINCT axes) AS different FROM policies GROUP BY class ORDER BY min(n);

-- The columns and their types are the oracle's.
SELECT e.oid::regprocedure AS report, pg_get_function_result(e.oid) = pg_get_function_result(o.oid) AS same_columns
FROM unnest('{churn_by_period,mrr_movements,cohort_retention,customer_movements}'::text[]) WITH ORDINALITY r (report, n)
     JOIN pg_proc e ON e.proname = report AND e.pronamespace = 'public'::regnamespace JOIN pg_proc o ON o.proname = 'policy_' || report AND o.pronamespace = 'oracle'::regnamespace
ORDER BY n, pg_get_function_identity_arguments(e.oid) COLLATE "C";

CREATE TABLE grid (g int, grid text, every interval, since date, until date, origin date);
INSERT INTO grid VALUES
    (0, 'months', '1 month', NULL, '2025-01-01', NULL),
    (1, 'months, cut', '1 month', '2022-06-11', '2024-02-29', NULL),
    (2, 'quarters', '3 months', NULL, '2024-12-30', NULL),
    (3, 'weeks', '7 days', '2022-12-01', '2023-08-03', NULL),
    (4, '10 days', '10 days', NULL, '2022-12-16', NULL),
    (5, 'months from the 31st', '1 month', '2022-03-31', '2023-12-31', '2001-01-31'),
    (6, 'days up to today', '1 day', NULL, NULL, NULL),    -- since: today less 40, so that grace and minimum absence reach past today
    (7, 'fiscal years', '1 year', '2022-12-31', '2024-06-01', '2001-04-01');

-- Each policy over all kinds, in turn over the grids; without mrr, over every other kind.
CREATE TABLE cases AS
    SELECT p.n, p.axes, p.policy, k.k, m.with_mrr, k.time_zone, g.grid, g.every, CASE g.grid WHEN 'days up to today' THEN k.today - 40 ELSE g.since END AS since, g.until, g.origin
    FROM policies p, kind k, (VALUES (0, false), (1, true)) m (m, with_mrr), grid g
    WHERE g.g = (p.n * 3 + k.k * 2 + m.m) % 8 AND (with_mrr OR (p.n + k.k) % 2 = 0);

-- Rates: to twelve digits.
CREATE FUNCTION rate(r numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT round(r, 12 - CASE WHEN abs(r) < 1 THEN 0 ELSE length(trunc(abs(r))::text) END) $$;
SELECT rate(1 / 3.0), rate(-2 / 3.0), rate(20000 / 3.0), rate(2e15 / 3), rate(0.05) = 0.050, rate(NULL);

-- What the extension says, of a query's text and of a ledger, and what the oracle says.
CREATE TABLE churn AS SELECT '' AS form, 0 AS n, 0 AS k, true AS with_mrr, '' AS grid, r.* FROM oracle.policy_churn_by_period(NULL) r LIMIT 0;
CREATE TABLE mrr AS SELECT '' AS form, 0 AS n, 0 AS k, true AS with_mrr, '' AS grid, r.* FROM oracle.policy_mrr_movements(NULL) r LIMIT 0;
CREATE TABLE cohort AS SELECT '' AS form, 0 AS n, 0 AS k, true AS with_mrr, '' AS grid, r.* FROM oracle.policy_cohort_retention(NULL) r LIMIT 0;
DO $do$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT * FROM cases JOIN input USING (k, with_mrr) LOOP
        INSERT INTO churn
            SELECT 'query', c.n, c.k, c.with_mrr, c.grid, r.* FROM churn_by_period(c.query, c.every, c.since, c.until, c.time_zone, c.policy, c.origin) r UNION ALL
            SELECT 'ledger', c.n, c.k, c.with_mrr, c.grid, r.* FROM churn_by_period(c.ledger, c.every, c.since, c.until, c.time_zone, c.policy, c.origin) r UNION ALL
            SELECT 'oracle', c.n, c.k, c.with_mrr, c.grid, r.* FROM oracle.policy_churn_by_period(c.subs, c.axes, c.with_mrr, c.every, c.since, c.until, c.time_zone, c.origin) r;
        IF c.with_mrr THEN
            INSERT INTO mrr
                SELECT 'query', c.n, c.k, c.with_mrr, c.grid, r.* FROM mrr_movements(c.query, c.every, c.since, c.until, c.time_zone, c.policy, c.origin) r UNION ALL
                SELECT 'ledger', c.n, c.k, c.with_mrr, c.grid, r.* FROM mrr_movements(c.ledger, c.every, c.since, c.until, c.time_zone, c.policy, c.origin) r UNION ALL
                SELECT 'oracle', c.n, c.k, c.with_mrr, c.grid, r.* FROM oracle.policy_mrr_movements(c.subs, c.axes, c.every, c.since, c.until, c.time_zone, c.origin) r;
        END IF;
        IF c.grid <> 'days up to today' THEN    -- would be a million cells
            INSERT INTO cohort
                SELECT 'query', c.n, c.k, c.with_mrr, c.grid, r.* FROM cohort_retention(c.query, c.every, c.since, c.until, c.time_zone, c.policy, c.origin) r UNION ALL
                SELECT 'ledger', c.n, c.k, c.with_mrr, c.grid, r.* FROM cohort_retention(c.ledger, c.every, c.since, c.until, c.time_zone, c.policy, c.origin) r UNION ALL
                SELECT 'oracle', c.n, c.k, c.with_mrr, c.grid, r.* FROM oracle.policy_cohort_retention(c.subs, c.axes, c.with_mrr, c.every, c.since, c.until, c.time_zone, c.origin) r;
        END IF;
    END LOOP;
END $do$;

-- The aggregates over one period, of the policies that have one.
CREATE TABLE one_period (p int, a date, b date);
INSERT INTO one_period VALUES (0, '2022-02-01', '2022-03-01'), (1, '2023-01-01', '2024-01-01'), (2, '2023-03-15', '2023-03-20'), (3, '2024-02-02', '2024-03-01'), (4, '2022-01-01', '2022-04-01');
CREATE TABLE single AS SELECT '' AS form, 0 AS n, 0 AS k, 0 AS p, r.* FROM oracle.policy_one_period(NULL, NULL, daterange('2024-01-01', '2024-01-02')) r LIMIT 0;
DO $do$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT p.n, p.axes, p.policy, k.k, k.kind, i.subs, o.p, r.*
             FROM policies p, kind k JOIN input i USING (k), one_period o,
                  LATERAL (SELECT CASE k.time_type WHEN 'date' THEN format('daterange(%L, %L)', a, b) WHEN 'timestamp' THEN format('tsrange(%L, %L)', a, b)
                                                   ELSE format('tstzrange(%L AT TIME ZONE %L, %L AT TIME ZONE %2$L)', a::timestamp || '', k.time_zone, b::timestamp || '') END AS range) r
             WHERE i.with_mrr AND o.p = (p.n + k.k) % 5 AND coalesce((p.axes ->> 'lookback')::int, 1) = 1 AND coalesce((p.axes ->> 'smoothing')::int, 1) = 1 LOOP
        EXECUTE format($q$
            WITH x AS MATERIALIZED (SELECT %1$s AS p, $2 AS pol)
            INSERT INTO single
            SELECT 'rows', $3, $4, $5, churn_rate(customer, started_at, ended_at, p, pol), retention_rate(customer, started_at, ended_at, p, pol),
                   churn_rate(customer, started_at, ended_at, mrr, p, pol), retention_rate(customer, started_at, ended_at, mrr, p, pol),
                   mrr_churn(customer, started_at, ended_at, mrr, p, pol), net_mrr_churn(customer, started_at, ended_at, mrr, p, pol),
                   grr(customer, started_at, ended_at, mrr, p, pol), nrr(customer, started_at, ended_at, mrr, p, pol), clv(customer, started_at, ended_at, mrr, p, pol)
            FROM rows_%2$s, x
            UNION ALL
            SELECT 'margin', $3, $4, $5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, clv(customer, started_at, ended_at, mrr, p, 0.815, pol)
            FROM rows_%2$s, x
            UNION ALL
            SELECT f.form, $3, $4, $5, o.churn_rate, o.retention_rate, o.paying_churn_rate, o.paying_retention_rate, o.mrr_churn, o.net_mrr_churn, o.grr, o.nrr, o.clv * f.margin
            FROM (VALUES ('oracle', 1), ('oracle, margin', 0.815)) f (form, margin), oracle.policy_one_period($1, $6, %1$s) o$q$, c.range, c.kind)
        USING c.subs, c.policy, c.n, c.k, c.p, c.axes;
    END LOOP;
END $do$;

-- The evidence of five periods, with the cells that it has to explain.
CREATE TABLE evidence_grid (g int, every interval, since date, until date);
INSERT INTO evidence_grid VALUES (0, '1 month', '2022-06-11', '2022-10-20'), (1, '3 months', '2022-11-20', '2023-12-31'), (2, '10 days', '2023-03-01', '2023-04-12');
CREATE TABLE evidence AS
    SELECT '' AS form, 0 AS n, 0 AS k, true AS with_mrr, NULL::date AS period_start, 0::bigint AS place, 0::bigint AS in_order, 0::bigint AS event, r.*
    FROM oracle.policy_customer_movements(NULL, NULL, true, '2024-01-01', '2024-02-01') r LIMIT 0;
CREATE TABLE cells (form text, n int, k int, with_mrr boolean, period_start date, new_customers bigint, reactivated_customers bigint, churned_customers bigint,
    transient_customers bigint, transient_new_customers bigint, new_mrr numeric, reactivation_mrr numeric, expansion_mrr numeric, contraction_mrr numeric, churned_mrr numeric, net_new_mrr numeric);
DO $do$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT p.n, p.axes, p.policy, k.k, k.time_zone, k.customer_order, i.with_mrr, i.query, i.ledger, i.subs, g.every, g.since, g.until
             FROM policies p, kind k JOIN input i USING (k), evidence_grid g
             WHERE g.g = p.n % 3 AND k.k = p.n / 3 % 4 AND (with_mrr OR p.n % 2 = 0) LOOP
        CREATE TEMP TABLE cell AS
            SELECT a.period_start, a.period_end, a.new_customers, a.reactivated_customers, a.churned_customers, a.transient_customers, a.transient_new_customers
            FROM churn_by_period(c.ledger, c.every, c.since, c.until, c.time_zone, c.policy) a;
        INSERT INTO cells
            SELECT 'report', c.n, c.k, c.with_mrr, a.period_start, a.new_customers, a.reactivated_customers, a.churned_customers, a.transient_customers, a.transient_new_customers,
                   b.new_mrr, b.reactivation_mrr, b.expansion_mrr, b.contraction_mrr, b.churned_mrr, b.net_new_mrr
            FROM cell a LEFT JOIN mrr_movements(CASE WHEN c.with_mrr THEN c.ledger END, c.every, c.since, c.until, c.time_zone, c.policy) b ON c.with_mrr AND b.period_start = a.period_start;
        EXECUTE format($q$
            INSERT INTO evidence
            SELECT 'query', $1, $2, $3, a.period_start, m.ordinality, row_number() OVER (PARTITION BY a.period_start ORDER BY m.%s, m.ordinality),
                   row_number() OVER (PARTITION BY a.period_start, m.customer ORDER BY m.ordinality), m.customer, m.movement, m.opening_mrr, m.closing_mrr, m.change, m.first_start
            FROM cell a, customer_movements($4, a.period_start, a.period_end, $5, $6, $7, NULL, true) WITH ORDINALITY m$q$, c.customer_order)
        USING c.n, c.k, c.with_mrr, c.query, c.time_zone, c.policy, c.every;
        INSERT INTO evidence
            SELECT 'oracle', c.n, c.k, c.with_mrr, a.period_start, NULL, NULL, row_number() OVER (PARTITION BY a.period_start, m.customer ORDER BY m.ordinality),
                   m.customer, m.movement, m.opening_mrr, m.closing_mrr, m.change, m.first_start
            FROM cell a, oracle.policy_customer_movements(c.subs, c.axes, c.with_mrr, a.period_start, a.period_end, c.time_zone, c.every, NULL, true) WITH ORDINALITY m;
        DROP TABLE cell;
    END LOOP;
END $do$;
ANALYZE evidence, cells;
INSERT INTO cells
    SELECT 'evidence', c.n, c.k, c.with_mrr, c.period_start, count(*) FILTER (WHERE movement = 'new'), count(*) FILTER (WHERE movement = 'reactivation'),
           count(*) FILTER (WHERE movement = 'churned'), count(*) FILTER (WHERE movement IN ('transient', 'transient_new')), count(*) FILTER (WHERE movement = 'transient_new'),
           CASE WHEN c.with_mrr THEN coalesce(sum(change) FILTER (WHERE movement = 'new'), 0) END, CASE WHEN c.with_mrr THEN coalesce(sum(change) FILTER (WHERE movement = 'reactivation'), 0) END,
           CASE WHEN c.with_mrr THEN coalesce(sum(change) FILTER (WHERE movement = 'expansion'), 0) END, CASE WHEN c.with_mrr THEN coalesce(-sum(change) FILTER (WHERE movement = 'contraction'), 0) END,
           CASE WHEN c.with_mrr THEN coalesce(-sum(change) FILTER (WHERE movement = 'churned'), 0) END, CASE WHEN c.with_mrr THEN coalesce(sum(change), 0) END
    FROM cells c LEFT JOIN evidence e ON e.form = 'query' AND (e.n, e.k, e.with_mrr, e.period_start) = (c.n, c.k, c.with_mrr, c.period_start)
    WHERE c.form = 'report'
    GROUP BY c.n, c.k, c.with_mrr, c.period_start;

-- What differs from what is wanted, row by row.
CREATE TABLE result (what text, form text, cases bigint, compared bigint);
CREATE TABLE difference (what text, form text, n int, k int, d text);
CREATE PROCEDURE compare(what text, relation text, columns text, form text, wanted text DEFAULT 'oracle') LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO result SELECT %L, %L, count(DISTINCT (n, k)), count(*) FROM %I WHERE form = %L', what, form, relation, wanted);
    EXECUTE format($q$
        INSERT INTO difference
        SELECT %1$L, %2$L, n, k, 'got    ' || d::text FROM (SELECT n, k, %3$s FROM %4$I WHERE form = %2$L EXCEPT ALL SELECT n, k, %3$s FROM %4$I WHERE form = %5$L) d
        UNION ALL
        SELECT %1$L, %2$L, n, k, 'wanted ' || d::text FROM (SELECT n, k, %3$s FROM %4$I WHERE form = %5$L EXCEPT ALL SELECT n, k, %3$s FROM %4$I WHERE form = %2$L) d$q$,
        what, form, columns, relation, wanted);
END $$;
CREATE PROCEDURE compare_reports(form text) LANGUAGE plpgsql AS $$
BEGIN
    CALL compare('churn_by_period', 'churn', 'with_mrr, grid, period_start, period_end, opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers,
        transient_customers, transient_new_customers, rate(churn_rate), rate(retention_rate), complete', form);
    CALL compare('mrr_movements', 'mrr', 'grid, period_start, period_end, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, net_new_mrr,
        rate(gross_mrr_churn), rate(net_mrr_churn), rate(grr), rate(nrr), rate(quick_ratio), closing_customers, rate(arpa), complete', form);
    CALL compare('cohort_retention', 'cohort', 'with_mrr, grid, cohort, period_number, period_start, cohort_size, customers, rate(retention), cohort_mrr, mrr, rate(mrr_retention),
        cumulative_mrr, complete', form);
END $$;
CALL compare_reports('query');
CALL compare_reports('ledger');
CALL compare('one period', 'single', 'p, rate(churn_rate), rate(retention_rate), rate(paying_churn_rate), rate(paying_retention_rate), rate(mrr_churn), rate(net_mrr_churn), rate(grr), rate(nrr), rate(clv)', 'rows');
CALL compare('one period', 'single', 'p, rate(clv)', 'margin', 'oracle, margin');
CALL compare('customer_movements', 'evidence', 'with_mrr, period_start, customer, event, movement, opening_mrr, closing_mrr, change, first_start', 'query');
CALL compare('evidence of the cells', 'cells', 'with_mrr, period_start, new_customers, reactivated_customers, churned_customers, transient_customers, transient_new_customers,
    new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, net_new_mrr', 'evidence', 'report');

-- The identities, in every row under every policy: nothing.
SELECT p.axes, c.* FROM churn c JOIN policies p USING (n)
WHERE c.form = 'query' AND (closing_customers <> opening_customers + new_customers + reactivated_customers - churned_customers OR retention_rate <> 1 - churn_rate
      OR transient_new_customers > transient_customers OR (axes ->> 'basis' = 'events' AND transient_customers > 0)) LIMIT 5;
SELECT p.axes, m.* FROM mrr m JOIN policies p USING (n)
WHERE m.form = 'query' AND (closing_mrr <> opening_mrr + new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churned_mrr OR net_new_mrr <> closing_mrr - opening_mrr
      OR grr <> 1 - gross_mrr_churn OR nrr <> 1 - net_mrr_churn OR least(opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr) < 0) LIMIT 5;
SELECT p.axes, x.* FROM policies p JOIN (SELECT *, lead(opening_customers) OVER (PARTITION BY n, k, with_mrr, grid ORDER BY period_start) AS next FROM churn WHERE form = 'query') x USING (n)
WHERE next <> closing_customers AND coalesce((axes ->> 'lookback')::int, 1) = 1 LIMIT 5;
SELECT p.axes, x.* FROM policies p JOIN (SELECT *, lead(opening_mrr) OVER (PARTITION BY n, k, grid ORDER BY period_start) AS next FROM mrr WHERE form = 'query') x USING (n)
WHERE next <> closing_mrr AND coalesce((axes ->> 'lookback')::int, 1) = 1 LIMIT 5;
-- The evidence is in order: nothing. And what is unchanged comes only if asked for: true.
SELECT p.axes, e.* FROM evidence e JOIN policies p USING (n) WHERE e.form = 'query' AND place <> in_order LIMIT 5;
SELECT count(*) FILTER (WHERE movement = 'unchanged') > 0 AND bool_and(opening_mrr = closing_mrr) FILTER (WHERE movement = 'unchanged') AS unchanged FROM evidence WHERE form = 'query' AND with_mrr;

-- Events: months add up to quarters and to years.
CREATE TABLE flow (form text, n int, k int, with_mrr boolean, a timestamp, new_customers numeric, reactivated_customers numeric, churned_customers numeric,
    new_mrr numeric, reactivation_mrr numeric, expansion_mrr numeric, contraction_mrr numeric, churned_mrr numeric);
INSERT INTO flow
    SELECT u.unit, p.n, i.k, i.with_mrr, c.period_start, c.new_customers, c.reactivated_customers, c.churned_customers, m.new_mrr, m.reactivation_mrr, m.expansion_mrr, m.contraction_mrr, m.churned_mrr
    FROM policies p CROSS JOIN kind k JOIN input i USING (k) CROSS JOIN (VALUES ('month', interval '1 month'), ('quarter', '3 months'), ('year', '1 year')) u (unit, every)
         CROSS JOIN LATERAL churn_by_period(i.ledger, u.every, '2022-01-01', '2025-01-01', k.time_zone, p.policy) c
         LEFT JOIN LATERAL mrr_movements(CASE WHEN i.with_mrr THEN i.ledger END, u.every, '2022-01-01', '2025-01-01', k.time_zone, p.policy) m ON i.with_mrr AND m.period_start = c.period_start
    WHERE p.axes ->> 'basis' = 'events' AND coalesce((p.axes ->> 'lookback')::int, 1) = 1;
INSERT INTO flow
    SELECT 'sum by ' || unit, n, k, with_mrr, date_trunc(unit, a), sum(new_customers), sum(reactivated_customers), sum(churned_customers),
           sum(new_mrr), sum(reactivation_mrr), sum(expansion_mrr), sum(contraction_mrr), sum(churned_mrr)
    FROM flow, unnest('{quarter,year}'::text[]) unit WHERE form = 'month' GROUP BY n, k, with_mrr, unit, date_trunc(unit, a);
CALL compare('events add up', 'flow', 'with_mrr, a, new_customers, reactivated_customers, churned_customers, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr', 'quarter', 'sum by quarter');
CALL compare('events add up', 'flow', 'with_mrr, a, new_customers, reactivated_customers, churned_customers, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr', 'year', 'sum by year');

-- What differs: nothing. Up to 20 cases, with some rows of each.
SELECT d.what, d.form, d.n, p.class, p.axes, k.kind, count(*) AS differs, (array_agg(d.d ORDER BY substr(d.d, 8), d.d))[1:4] AS example
FROM difference d LEFT JOIN policies p USING (n) LEFT JOIN kind k USING (k)
GROUP BY d.what, d.form, d.n, p.class, p.axes, k.kind ORDER BY d.n, d.what, d.form, k.kind LIMIT 20;

SELECT r.*, (SELECT count(*) FROM difference d WHERE (d.what, d.form) = (r.what, r.form)) AS differences FROM result r ORDER BY what COLLATE "C", form COLLATE "C";
SELECT p.class, count(DISTINCT p.n) AS policies, (SELECT count(*) FROM difference d JOIN policies q USING (n) WHERE q.class = p.class) AS differences
FROM policies p GROUP BY p.class ORDER BY min(p.n);

SET client_min_messages = warning;
DROP SCHEMA test_policy_oracle, oracle CASCADE;
