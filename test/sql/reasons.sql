-- churn_by_reason: churned customers and MRR, voluntary, involuntary and unknown.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_reasons;
SET search_path = test_reasons, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set oracle_file :abs_srcdir '/oracle.sql'
\set rows_file :abs_srcdir '/rows.sql'
\set ECHO none
\i :helpers
\i :oracle_file
\i :rows_file
\set ECHO all

-- February 2024. All are there before unless said.
CREATE TABLE subs (customer int, started_at date, ended_at date, mrr numeric, reason text);
INSERT INTO subs VALUES
    (1, '2024-01-01', '2024-02-10', 50, 'voluntary'),                                                           -- voluntary 50
    (2, '2024-01-01', '2024-02-15', 30, 'involuntary'),                                                         -- involuntary 30
    (3, '2024-01-01', '2024-02-20', 20, NULL),                                                                  -- unknown 20
    (4, '2024-01-01', '2024-02-20', 5, 'unknown'),                                                              -- unknown 5
    (5, '2024-01-01', '2024-02-12', 10, 'voluntary'), (5, '2024-01-01', '2024-02-12', 15, 'involuntary'),       -- at one moment: involuntary 25
    (6, '2024-01-01', '2024-02-12', 7, 'unknown'), (6, '2024-01-01', '2024-02-12', 1, 'voluntary'),             -- voluntary 8
    (7, '2024-01-01', '2024-02-05', 40, 'voluntary'), (7, '2024-01-01', '2024-02-25', 60, 'involuntary'),       -- leaves with the last of its rows: involuntary 100
    (8, '2024-01-01', NULL, 20, 'voluntary'), (8, '2024-02-08', NULL, -20, NULL),                               -- a discount begins, no row ends: unknown 20
    (9, '2024-01-01', '2024-02-10', 10, 'voluntary'), (9, '2024-02-10', NULL, 15, NULL),                        -- a larger plan: no churn
    (10, '2024-01-01', '2024-02-03', 12, 'voluntary'), (10, '2024-02-20', NULL, 12, NULL),                      -- away and back: no churn, of events voluntary 12
    (11, '2024-01-01', '2024-02-03', 9, 'voluntary'), (11, '2024-02-10', '2024-02-25', 6, 'involuntary'),       -- lost 9, for the reason it left last: involuntary; of events voluntary 9, involuntary 6
    (12, '2024-01-01', '2024-03-01', 80, 'voluntary'),                                                          -- of March; at the boundary, of February
    (13, '2024-01-01', NULL, 25, NULL), (13, '2024-01-01', '2024-02-14', 0, 'involuntary'),                     -- a free row ends: no churn
    (14, '2024-01-01', '2024-02-18', 11, 'voluntary'), (14, '2024-01-01', NULL, 0, NULL),                       -- falls to free: voluntary 11; counting free, no churn
    (15, '2024-01-01', '2024-02-18', 13, 'voluntary'), (15, '2024-02-18', '2024-02-18', 99, 'involuntary'),     -- an empty stretch is nothing: voluntary 13
    (16, '2024-01-01', 'infinity', 100, 'involuntary'),                                                         -- never ends
    (17, '2024-02-05', '2024-02-20', 33, 'voluntary'),                                                          -- comes and goes: no churn; of events voluntary 33
    (NULL, NULL, NULL, NULL, NULL);
-- Voluntary 1 6 14 15: 82; involuntary 2 5 7 11: 164; unknown 3 4 8: 45. Together 11 customers, 291.
SELECT * FROM churn_by_reason('TABLE subs', '1 month', '2024-02-01', '2024-03-01');
SELECT c.churned_customers, m.churned_mrr FROM churn_by_period('SELECT customer, started_at, ended_at, mrr FROM subs', '1 month', '2024-02-01', '2024-03-01') c,
    mrr_movements('SELECT customer, started_at, ended_at, mrr FROM subs', '1 month', '2024-02-01', '2024-03-01') m;
-- Three rows a period, of zeros and without shares where nobody left. From the first start's period on; March: 12.
SELECT period_start, period_end, reason, churned_customers AS customers, churned_mrr AS mrr, share_of_customers, share_of_mrr, complete FROM churn_by_reason('TABLE subs', until => '2024-04-10');
-- One customer at a time, as voluntary involuntary unknown.
SELECT customer, string_agg(r.churned_customers || '/' || round(r.churned_mrr), '  ' ORDER BY array_position('{voluntary,involuntary,unknown}', r.reason)) AS february
FROM generate_series(1, 17) customer, churn_by_reason(format('SELECT * FROM subs WHERE customer = %s', customer), '1 month', '2024-02-01', '2024-03-01') r GROUP BY customer ORDER BY customer;

-- Policies. Snapshot: each customer of February and the reason.
CREATE FUNCTION pg_temp.shown(policy churn_policy, since date DEFAULT '2024-02-01', until date DEFAULT '2024-03-01') RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(churned_customers || '/' || round(churned_mrr), '  ' ORDER BY period_start, array_position('{voluntary,involuntary,unknown}', reason))
    FROM churn_by_reason('TABLE subs', '1 month', since, until, policy => policy)
$$;
-- at: 12 too, voluntary 5/162. events: voluntary 10 11 17 too, 82 + 12 + 9 + 33 = 136; involuntary 7 at 60, its last price, and 11 at 6: 121.
SELECT pg_temp.shown(churn_policy(boundary => 'at')) AS at, pg_temp.shown(churn_policy(basis => 'events')) AS events;
-- count_free: 8 goes on free, 14 falls to free: voluntary 3/71, unknown 2/25. Then 13 loses nothing.
SELECT pg_temp.shown(churn_policy(count_free => true)) AS count_free;
-- grace of seven days: 11 is away for seven days: none, with 6 at the end; as a snapshot it loses 9 all the same. As events involuntary 6 only; 10 is away for 17.
SELECT pg_temp.shown(churn_policy(grace => '7 days')) AS snapshot, pg_temp.shown(churn_policy(grace => '7 days', basis => 'events')) AS events;
-- minimum_absence of 18 days: neither 10 nor 11 leaves in between; 11 then leaves as a customer of 6. Events: voluntary 5/115.
SELECT pg_temp.shown(churn_policy(minimum_absence => '18 days', basis => 'events')) AS events;
-- reactivation_window: who is back is new, that does not change who left.
SELECT pg_temp.shown(churn_policy(reactivation_window => '1 day')) = pg_temp.shown(NULL) AS same;
-- lookback: March against the start of February: 12 too. Events: February's and March's.
SELECT pg_temp.shown(churn_policy(lookback => 2), '2024-03-01', '2024-04-01') AS snapshot, pg_temp.shown(churn_policy(lookback => 2, basis => 'events'), '2024-03-01', '2024-04-01') AS events;
-- Nothing is a rate here: denominators, transient customers and smoothing do not matter.
SELECT pg_temp.shown(churn_policy(denominator => 'opening_plus_new', count_transient => true, smoothing => 6)) = pg_temp.shown(NULL) AS same;

-- Local time to the microsecond: a row that ends a microsecond earlier is not the reason.
SELECT reason, churned_customers FROM churn_by_reason($$VALUES ('a', timestamp '2024-01-01', timestamp '2024-02-10 12:00', 1, 'voluntary'), ('a', '2024-01-01', '2024-02-10 11:59:59.999999', 1, 'involuntary')$$, '1 month', '2024-02-01', '2024-03-01');
-- Instants: midnight of 1 April in Kiritimati is 10:00 of 31 March in UTC; at the boundary it is of March; half past midnight in Berlin.
SELECT zone, boundary, period_start, string_agg(churned_customers::text, ' ' ORDER BY array_position('{voluntary,involuntary,unknown}', reason)) AS customers
FROM (VALUES (1, 'Pacific/Kiritimati', 'before'), (2, 'Pacific/Kiritimati', 'at'), (3, 'Europe/Berlin', 'before'), (4, 'UTC', 'before')) v (n, zone, boundary),
     churn_by_reason($$VALUES (1, timestamptz '2024-02-01', timestamptz '2024-03-31 10:00+00', 1, 'voluntary'), (2, '2024-02-01', '2024-03-31 22:30+00', 1, 'involuntary')$$, '1 month', '2024-03-01', '2024-05-01', zone, churn_policy(boundary => boundary))
GROUP BY n, zone, boundary, period_start ORDER BY n, period_start;
-- uuid and text customers, a date beside a timestamp, varchar reasons, columns of any name.
SELECT sum(churned_customers) AS uuid FROM churn_by_reason('SELECT md5(customer::text)::uuid, started_at, ended_at, mrr, reason FROM subs', '1 month', '2024-02-01', '2024-03-01');
SELECT reason, churned_customers FROM churn_by_reason('SELECT ''Zoë '''' '' || customer AS a, started_at AS a, ended_at::timestamp AS a, mrr::float8 AS a, reason::varchar(20) AS a FROM subs -- all', '1 month', '2024-02-01', '2024-03-01');
SELECT reason, churned_customers FROM churn_by_reason('SELECT customer, started_at, ended_at, mrr, NULL FROM subs', '1 month', '2024-02-01', '2024-03-01');
-- A CASE over the words of a payment processor.
SELECT reason, churned_customers, churned_mrr
FROM churn_by_reason($$SELECT customer, date '2024-01-01', date '2024-02-10', 10,
        CASE WHEN word IN ('payment_failed', 'payment_disputed', 'nonpayment', 'tax_location_invalid') THEN 'involuntary' WHEN word IN ('cancellation_requested', 'canceled') THEN 'voluntary' END
    FROM unnest(ARRAY['payment_failed', 'cancellation_requested', 'nonpayment', 'expired', NULL, 'payment_disputed']) WITH ORDINALITY w (word, customer)$$, '1 month', '2024-02-01', '2024-03-01');

-- Nothing: no rows, or rows of zeros where both bounds are given.
SELECT count(*) FROM churn_by_reason('SELECT * FROM subs WHERE false');
SELECT count(*) FROM churn_by_reason('SELECT * FROM subs WHERE customer IS NULL');
SELECT count(*) FROM churn_by_reason('SELECT 1, date ''2024-02-10'', date ''2024-02-10'', 1, ''voluntary''');
SELECT period_start, reason, churned_customers, churned_mrr, share_of_customers, share_of_mrr FROM churn_by_reason('SELECT * FROM subs WHERE false', '1 month', '2024-02-01', '2024-03-01');
-- One row; MRR of nothing to share is NULL, where free customers count.
SELECT period_start, reason, churned_customers, churned_mrr, share_of_customers, share_of_mrr FROM churn_by_reason('SELECT 1, date ''2024-01-31'', date ''2024-02-01'', 0, ''voluntary''', '1 month', '2024-02-01', '2024-03-01', policy => churn_policy(count_free => true));

-- Pseudo-random rows of three kinds under several policies: the reasons add up to the churn of the reports, period by period, over the same periods.
CREATE TABLE policies (name text, policy churn_policy);
INSERT INTO policies VALUES
    ('standard', NULL), ('at', churn_policy(boundary => 'at')), ('events', churn_policy(basis => 'events')), ('grace', churn_policy(grace => '1 month')),
    ('window', churn_policy(reactivation_window => '15 days')), ('absence', churn_policy(minimum_absence => '20 days')), ('free', churn_policy(count_free => true)),
    ('lookback', churn_policy(lookback => 3)), ('events, lookback', churn_policy(basis => 'events', lookback => 12, smoothing => 2)),
    ('all', churn_policy(boundary => 'at', basis => 'events', grace => '1 day', reactivation_window => '2 months', minimum_absence => '10 days', count_free => true)),
    ('chartmogul', churn_policy('chartmogul')), ('fight_churn', churn_policy('fight_churn'));
CREATE TABLE kinds (kind text, query text, zone text, every interval, since date, until date);
CREATE FUNCTION pg_temp.reason(n bigint) RETURNS text LANGUAGE sql AS $$ SELECT (ARRAY['voluntary', 'involuntary', 'unknown', NULL])[1 + oracle.dice(n, 5, 4)] $$;
CREATE TABLE dates AS SELECT customer, started_at::date, ended_at::date, mrr, pg_temp.reason(row_number() OVER (ORDER BY customer, started_at, ended_at, mrr)) AS reason FROM oracle.random_rows(71, 1000, true);
CREATE TABLE times AS SELECT 'no ' || customer AS customer, started_at, ended_at, mrr, pg_temp.reason(row_number() OVER (ORDER BY customer, started_at, ended_at, mrr)) AS reason FROM oracle.random_rows(72, 1000);
CREATE TABLE berlin AS SELECT md5(customer::text)::uuid AS customer, started_at AT TIME ZONE 'Europe/Berlin' AS started_at, ended_at AT TIME ZONE 'Europe/Berlin' AS ended_at, mrr,
    pg_temp.reason(row_number() OVER (ORDER BY customer, started_at, ended_at, mrr)) AS reason FROM oracle.random_rows(73, 1000, true);
INSERT INTO kinds VALUES ('dates', 'dates', NULL, '1 month', NULL, '2025-01-01'), ('times', 'times', NULL, '7 days', '2022-06-08', '2024-02-14'), ('berlin', 'berlin', 'Europe/Berlin', '3 months', NULL, NULL);
CREATE TABLE found AS SELECT k.kind, p.name, r.* FROM kinds k, policies p, churn_by_reason('TABLE ' || k.query, k.every, k.since, k.until, k.zone, p.policy) r;
SELECT reason, sum(churned_customers) > 500 AS often FROM found GROUP BY reason ORDER BY reason;
WITH sums AS (
    SELECT kind, name, period_start, period_end, sum(churned_customers), sum(churned_mrr), complete FROM found GROUP BY kind, name, period_start, period_end, complete
), wanted AS (
    SELECT kind, name, c.period_start, c.period_end, c.churned_customers, m.churned_mrr, c.complete
    FROM kinds k, policies p, churn_by_period(format('SELECT customer, started_at, ended_at, mrr FROM %I', k.query), k.every, k.since, k.until, k.zone, p.policy) c,
         mrr_movements(format('SELECT customer, started_at, ended_at, mrr FROM %I', k.query), k.every, k.since, k.until, k.zone, p.policy) m WHERE m.period_start = c.period_start
)
SELECT (SELECT count(*) > 1000 FROM wanted) AS many, (SELECT count(*) FROM (TABLE sums EXCEPT ALL TABLE wanted) d) AS surplus, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE sums) d) AS missing;
-- Three rows a period in their order; shares are of the period's sums, and NULL where these are 0.
SELECT count(*) FILTER (WHERE reasons <> '{voluntary,involuntary,unknown}') AS wrong_order
FROM (SELECT array_agg(reason ORDER BY n) AS reasons FROM (SELECT k.kind, r.* FROM kinds k, churn_by_reason('TABLE ' || k.query, k.every, k.since, k.until, k.zone) WITH ORDINALITY r (a, b, reason, d, e, f, g, h, n)) x GROUP BY kind, (n - 1) / 3) y;
SELECT count(*) FILTER (WHERE share_of_customers IS DISTINCT FROM churned_customers / nullif(customers, 0)) AS customers_differ,
       count(*) FILTER (WHERE share_of_mrr IS DISTINCT FROM churned_mrr / nullif(mrr, 0)) AS mrr_differs, count(*) FILTER (WHERE share_of_customers IS NULL) > 0 AS some_nulls
FROM (SELECT *, sum(churned_customers) OVER w AS customers, sum(churned_mrr) OVER w AS mrr FROM found WINDOW w AS (PARTITION BY kind, name, period_start)) f;
-- The reasons in plain SQL, by events: a customer leaves where its sum falls to 0 or below; the reason is that of its rows that end there.
CREATE VIEW left_at AS
    WITH rows AS (
        SELECT * FROM dates WHERE started_at <> coalesce(ended_at, 'infinity')
    ), change AS (
        SELECT customer, started_at AS moment, round(mrr, 6) AS mrr FROM rows UNION ALL SELECT customer, ended_at, -round(mrr, 6) FROM rows WHERE ended_at < 'infinity'
    ), state AS (
        SELECT customer, moment, sum(sum(mrr)) OVER w AS mrr, sum(sum(mrr)) OVER w - sum(mrr) AS before FROM change GROUP BY customer, moment WINDOW w AS (PARTITION BY customer ORDER BY moment)
    )
    SELECT s.customer, s.moment, s.before AS mrr,
           CASE WHEN bool_or(r.reason = 'involuntary') THEN 'involuntary' WHEN bool_or(r.reason = 'voluntary') THEN 'voluntary' ELSE 'unknown' END AS reason
    FROM state s LEFT JOIN rows r ON r.customer = s.customer AND r.ended_at = s.moment
    WHERE s.before > 0 AND s.mrr <= 0 GROUP BY s.customer, s.moment, s.before;
WITH wanted AS (
    SELECT date_trunc('month', moment)::date AS month, reason, count(*) AS customers, sum(mrr) AS mrr FROM left_at WHERE moment < '2025-01-01' GROUP BY 1, 2
), got AS (
    SELECT period_start, reason, churned_customers, churned_mrr FROM found WHERE kind = 'dates' AND name = 'events' AND churned_customers > 0
)
SELECT (SELECT sum(customers) > 100 FROM wanted) AS many, (SELECT count(*) FROM (TABLE got EXCEPT ALL TABLE wanted) d) AS surplus, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE got) d) AS missing;
-- By snapshots: those whom the evidence names, with the reason for which they left last in the period.
WITH wanted AS (
    SELECT month, reason, count(*) AS customers, sum(mrr) AS mrr
    FROM (SELECT p.period_start AS month, -e.change AS mrr, (SELECT l.reason FROM left_at l WHERE l.customer = e.customer::bigint AND l.moment >= p.period_start AND l.moment < p.period_end ORDER BY l.moment DESC LIMIT 1) AS reason
          FROM (SELECT DISTINCT period_start, period_end FROM found WHERE kind = 'dates' AND name = 'standard') p, customer_movements('SELECT customer, started_at, ended_at, mrr FROM dates', p.period_start, p.period_end) e
          WHERE e.movement = 'churned') x GROUP BY month, reason
), got AS (
    SELECT period_start, reason, churned_customers, churned_mrr FROM found WHERE kind = 'dates' AND name = 'standard' AND churned_customers > 0
)
SELECT (SELECT sum(customers) > 100 FROM wanted) AS many, (SELECT count(*) FROM (TABLE got EXCEPT ALL TABLE wanted) d) AS surplus, (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE got) d) AS missing;

-- Errors: unknown words, also of rows that do not count, of customers who stay, in other letters, and empty.
SELECT n, pg_temp.err(format('SELECT * FROM churn_by_reason(%L)', query)) AS error FROM (VALUES
    (1, 'SELECT 1, date ''2024-01-01'', date ''2024-02-01'', 1, ''nonpayment'''), (2, 'SELECT 1, date ''2024-01-01'', NULL::date, 1, ''Voluntary'''), (3, 'SELECT 1, date ''2024-01-01'', NULL::date, 1, '''''),
    (4, 'SELECT 1, date ''2024-01-01'', NULL::date, 1, ''voluntary '''), (5, 'SELECT NULL::int, NULL::date, NULL::date, NULL::numeric, ''a''''b''')
) v (n, query) ORDER BY n;
SELECT n, pg_temp.err(format('SELECT * FROM churn_by_reason(%s)', arguments)) AS error FROM (VALUES
    (1, 'NULL'), (2, '''TABLE subs'', NULL'), (3, '''TABLE subs'', ''0 days'''), (4, '''TABLE subs'', ''1 month'', ''2024-03-01'', ''2024-03-01'''), (5, '''TABLE subs'', time_zone => ''Mars/Olympus'''), (6, '''TABLE subs'', origin => ''infinity'''),
    (7, '''TABLE subs'', ''1 day'', ''0001-01-01'', ''2024-01-01'''), (8, '''TABLE subs'', policy => ROW(''at'', ''flows'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 1)::churn_policy')
) v (n, arguments) ORDER BY n;
SELECT n, pg_temp.err(format('SELECT * FROM churn_by_reason(%L)', query)) AS error FROM (VALUES
    (1, 'SELECT customer, started_at, ended_at, mrr FROM subs'), (2, 'SELECT customer, started_at, ended_at, reason FROM subs'), (3, 'SELECT *, 6 FROM subs'), (4, 'SELECT customer, started_at, ended_at, mrr, 5 FROM subs'), (5, 'SELECT customer, started_at, ended_at, reason, mrr FROM subs'),
    (6, 'DELETE FROM subs RETURNING *'), (7, 'SELECT customer, started_at, ended_at, mrr, reason FROM subs; SELECT 1'), (8, ''),
    (9, 'SELECT NULL::int, date ''2024-01-01'', NULL::date, 1, NULL'), (10, 'SELECT 1, NULL::date, NULL::date, 1, NULL'), (11, 'SELECT 1, date ''2024-01-01'', NULL::date, NULL::int, NULL'), (12, 'SELECT 1, date ''2024-01-02'', date ''2024-01-01'', 1, NULL')
) v (n, query) ORDER BY n;

-- The caller's rights, row level security; read only.
CREATE ROLE regress_cm_stranger;
CREATE ROLE regress_cm_reader;
GRANT USAGE ON SCHEMA test_reasons TO regress_cm_stranger, regress_cm_reader;
CREATE TABLE tenants (tenant text, customer int, started_at date, ended_at date, mrr numeric, reason text);
INSERT INTO tenants VALUES ('a', 1, '2024-01-20', '2024-02-10', 20, 'voluntary'), ('b', 2, '2024-01-05', '2024-02-10', 400, 'voluntary');
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON tenants USING (tenant = current_setting('test.tenant', true));
GRANT SELECT ON tenants TO regress_cm_reader;
SET ROLE regress_cm_stranger;
SELECT pg_temp.err('SELECT * FROM churn_by_reason(''SELECT customer, started_at, ended_at, mrr, reason FROM tenants'')') AS error;
SET ROLE regress_cm_reader;
SET test.tenant = 'a';
SELECT reason, churned_customers, churned_mrr FROM churn_by_reason('SELECT customer, started_at, ended_at, mrr, reason FROM tenants', '1 month', '2024-02-01', '2024-03-01');
RESET ROLE;
CREATE FUNCTION writes() RETURNS text LANGUAGE plpgsql AS $$ BEGIN DELETE FROM subs; RETURN 'voluntary'; END $$;
SELECT left(pg_temp.err('SELECT * FROM churn_by_reason(''SELECT 1, date ''''2024-01-01'''', NULL::date, 1, writes()'')'), 5) AS code, current_setting('transaction_read_only') AS read_only, (SELECT count(*) FROM subs) AS still_there;
BEGIN READ ONLY;
SET LOCAL search_path = pg_catalog;
SELECT sum(churned_customers) FROM public.churn_by_reason('TABLE test_reasons.subs', '1 month', '2024-02-01', '2024-03-01');
ROLLBACK;

-- What the planner may assume, and a comment.
SELECT proargnames[1:7] AS takes, provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc WHERE proname = 'churn_by_reason' AND pronamespace = 'public'::regnamespace;

SET client_min_messages = warning;
DROP SCHEMA test_reasons, oracle CASCADE;
DROP ROLE regress_cm_stranger, regress_cm_reader;
