-- Rollups: the recipes of docs/rollups.md on some thousands of rows, against the reports from the rows.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_rollups;
SET search_path = test_rollups, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- 9000 rows of some 1700 customers, in six countries: that of the customer in nine of ten rows, so that many customers lie in several.
-- Free rows, discounts, empty stretches, ends in the future; Iceland has few rows, and Malta nothing but an empty stretch.
CREATE FUNCTION make_rows(first int, last int) RETURNS TABLE (subscription_id int, customer_id bigint, country text, plan text, started_at date, ended_at date, mrr numeric)
LANGUAGE sql AS $$
    SELECT g, c - 5, (ARRAY['AT', 'DE', 'FR', 'IT', 'US'])[1 + (CASE WHEN g % 10 = 0 THEN g / 10 ELSE c END) % 5], (ARRAY['basic', 'team', 'pro'])[1 + g % 3],
           s, CASE g % 8 WHEN 0 THEN NULL WHEN 3 THEN NULL WHEN 5 THEN date 'infinity' WHEN 6 THEN s + g * 31 % 40 ELSE s + 1 + g * 101 % 900 END,
           CASE g % 11 WHEN 0 THEN 0 WHEN 5 THEN -3.50 ELSE 5 + g * 17 % 9000 / 100.0 END
    FROM (SELECT g, g * 7919 % 1709 AS c, date '2020-01-01' + g * 7919 % 1500 AS s FROM generate_series(first, last) g) q
$$;
CREATE TABLE billing AS SELECT * FROM make_rows(1, 9000);
INSERT INTO billing SELECT 9000 + subscription_id, customer_id, 'IS', plan, started_at, ended_at, mrr FROM make_rows(1, 7);
INSERT INTO billing VALUES (9100, 77, 'MT', 'pro', '2022-05-01', '2022-05-01', 10);
ALTER TABLE billing ADD PRIMARY KEY (subscription_id);
SELECT count(*) AS rows, count(DISTINCT customer_id) AS customers, count(*) FILTER (WHERE ended_at = started_at) AS empty, count(DISTINCT country) AS countries FROM billing;

-- A ledger's three reports against those of a query: rows, and rows that the one has and the other has not.
CREATE FUNCTION compare(ledger subscription_ledger, query text) RETURNS TABLE (report text, rows bigint, differences bigint) LANGUAGE sql AS $$
    WITH a AS (SELECT * FROM churn_by_period(ledger, '1 month', '2020-01-01', '2025-01-01')), b AS (SELECT * FROM churn_by_period(query, '1 month', '2020-01-01', '2025-01-01')),
         c AS (SELECT * FROM mrr_movements(ledger, '1 week', '2020-02-05', '2025-01-01')), d AS (SELECT * FROM mrr_movements(query, '1 week', '2020-02-05', '2025-01-01')),
         e AS (SELECT * FROM cohort_retention(ledger, '3 months', '2020-01-01', '2025-01-01')), f AS (SELECT * FROM cohort_retention(query, '3 months', '2020-01-01', '2025-01-01'))
    SELECT 'churn_by_period', (SELECT count(*) FROM a), (SELECT count(*) FROM ((TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)) q)
    UNION ALL SELECT 'mrr_movements', (SELECT count(*) FROM c), (SELECT count(*) FROM ((TABLE c EXCEPT ALL TABLE d) UNION ALL (TABLE d EXCEPT ALL TABLE c)) q)
    UNION ALL SELECT 'cohort_retention', (SELECT count(*) FROM e), (SELECT count(*) FROM ((TABLE e EXCEPT ALL TABLE f) UNION ALL (TABLE f EXCEPT ALL TABLE e)) q)
$$;

-- A table by segment, refreshed by one statement. The second time there is nothing to write.
CREATE TABLE country_ledgers (country text PRIMARY KEY, ledger subscription_ledger, changed_at timestamptz NOT NULL);
PREPARE refresh_countries AS
WITH fresh AS (SELECT country, subscription_ledger(customer_id, started_at, ended_at, mrr) AS ledger FROM billing GROUP BY country),
     gone AS (DELETE FROM country_ledgers l WHERE NOT EXISTS (SELECT FROM fresh f WHERE f.country = l.country) RETURNING l.country, 'removed' AS what),
     written AS (INSERT INTO country_ledgers AS l SELECT country, ledger, now() FROM fresh
                 ON CONFLICT (country) DO UPDATE SET ledger = EXCLUDED.ledger, changed_at = EXCLUDED.changed_at
                 WHERE ROW(l.ledger)::record *<> ROW(EXCLUDED.ledger)::record RETURNING l.country, 'written' AS what)
SELECT * FROM gone UNION ALL SELECT * FROM written ORDER BY country;
EXECUTE refresh_countries;
EXECUTE refresh_countries;
SELECT country, ledger IS NULL AS nothing, pg_column_size(ledger) > 8192 AS out_of_line FROM country_ledgers ORDER BY country;
SELECT l.country, r.rows, r.differences FROM country_ledgers l, compare(l.ledger, format('SELECT customer_id, started_at, ended_at, mrr FROM billing WHERE country = %L', l.country)) r ORDER BY l.country, r.report;
SELECT r.* FROM (SELECT merge(ledger) AS l FROM country_ledgers) q, compare(l, 'SELECT customer_id, started_at, ended_at, mrr FROM billing') r ORDER BY report;
-- The reports say something, and what plain SQL says.
SELECT m.period_start, m.churned_mrr > 0 AS churned, m.reactivation_mrr > 0 AS reactivation, m.closing_mrr =
       (SELECT sum(mrr) FROM (SELECT sum(mrr) AS mrr FROM billing WHERE started_at < m.period_end AND (ended_at IS NULL OR ended_at >= m.period_end) GROUP BY customer_id) c WHERE mrr > 0) AS closing
FROM (SELECT merge(ledger) AS l FROM country_ledgers) q, mrr_movements(l, '6 months', '2022-01-01', '2024-07-01') m ORDER BY m.period_start;
-- Without the comparison each ledger is written again, with the same bytes.
CREATE TABLE kept AS SELECT country, ledger, ctid AS place FROM country_ledgers;
INSERT INTO country_ledgers SELECT country, subscription_ledger(customer_id, started_at, ended_at, mrr ORDER BY mrr, subscription_id DESC), now() FROM billing GROUP BY country
ON CONFLICT (country) DO UPDATE SET ledger = EXCLUDED.ledger;
SELECT count(*) AS ledgers, count(*) FILTER (WHERE l.ctid <> k.place) AS written, count(*) FILTER (WHERE l.ledger::text IS NOT DISTINCT FROM k.ledger::text) AS same,
       count(*) FILTER (WHERE ROW(l.ledger)::record *= ROW(k.ledger)::record) AS same_record FROM country_ledgers l JOIN kept k USING (country);
SELECT ROW((SELECT merge(ledger) FROM country_ledgers))::record *= ROW((SELECT subscription_ledger(customer_id, started_at, ended_at, mrr) FROM billing))::record AS same;
-- A segment that vanished, one that is new, one that changed.
BEGIN;
DELETE FROM billing WHERE country IN ('IS', 'MT');
UPDATE billing SET country = 'NZ' WHERE country = 'US' AND customer_id % 3 = 0;
EXECUTE refresh_countries;
SELECT r.* FROM (SELECT merge(ledger) AS l FROM country_ledgers) q, compare(l, 'SELECT customer_id, started_at, ended_at, mrr FROM billing') r ORDER BY report;
ROLLBACK;

-- Any split of the rows can be merged: the whole, byte for byte.
SELECT split, count(*) AS ledgers, merge(l)::text = (SELECT subscription_ledger(customer_id, started_at, ended_at, mrr)::text FROM billing) AS same
FROM (SELECT split, key, subscription_ledger(customer_id, started_at, ended_at, mrr) AS l
      FROM billing, LATERAL (VALUES ('country', country), ('plan', plan), ('year of the start', date_trunc('year', started_at)::text),
          ('month of the end, if before 2024', CASE WHEN ended_at < '2024-01-01' THEN date_trunc('month', ended_at)::text END),
          ('customer % 64', abs(customer_id % 64)::text), ('country, customer % 64', concat(country, abs(customer_id % 64)))) s (split, key)
      GROUP BY split, key) q
GROUP BY split ORDER BY split COLLATE "C";
-- Buckets of text and uuid customers.
SELECT count(*) AS ledgers, merge(l)::text = (SELECT subscription_ledger('c' || customer_id, started_at, ended_at, mrr)::text FROM billing) AS same
FROM (SELECT subscription_ledger('c' || customer_id, started_at, ended_at, mrr) AS l FROM billing GROUP BY abs(hashtextextended('c' || customer_id, 0) % 16)::int) q;
SELECT count(*) AS ledgers, merge(l)::text = (SELECT subscription_ledger(md5(customer_id::text)::uuid, started_at, ended_at, mrr)::text FROM billing) AS same
FROM (SELECT subscription_ledger(md5(customer_id::text)::uuid, started_at, ended_at, mrr) AS l FROM billing GROUP BY abs(uuid_hash_extended(md5(customer_id::text)::uuid, 0) % 16)::int) q;

-- Segments and buckets, and the list of the buckets whose rows changed.
CREATE FUNCTION bucket_of(customer_id bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN abs(customer_id % 64)::int;
CREATE INDEX ON billing (bucket_of(customer_id));
CREATE VIEW billing_rows AS SELECT country, bucket_of(customer_id) AS bucket, customer_id, started_at, ended_at, mrr FROM billing;
CREATE TABLE ledgers (country text, bucket int, ledger subscription_ledger, changed_at timestamptz NOT NULL, PRIMARY KEY (country, bucket));
CREATE TABLE dirty_buckets (bucket int NOT NULL);
CREATE FUNCTION refresh_ledgers() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
BEGIN
    LOCK TABLE ledgers IN SHARE ROW EXCLUSIVE MODE;
    WITH dirty AS (DELETE FROM dirty_buckets RETURNING bucket),
         fresh AS (SELECT country, bucket, subscription_ledger(customer_id, started_at, ended_at, mrr) AS ledger
                   FROM billing_rows WHERE bucket = ANY (ARRAY(SELECT bucket FROM dirty)) GROUP BY country, bucket),
         gone AS (DELETE FROM ledgers l WHERE l.bucket = ANY (ARRAY(SELECT bucket FROM dirty)) AND NOT EXISTS (SELECT FROM fresh f WHERE f.country = l.country AND f.bucket = l.bucket) RETURNING 1),
         written AS (INSERT INTO ledgers AS l SELECT country, bucket, ledger, now() FROM fresh
                     ON CONFLICT (country, bucket) DO UPDATE SET ledger = EXCLUDED.ledger, changed_at = EXCLUDED.changed_at
                     WHERE ROW(l.ledger)::record *<> ROW(EXCLUDED.ledger)::record RETURNING 1)
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM written) INTO changed;
    RETURN changed;
END $$;
CREATE FUNCTION mark_buckets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN INSERT INTO dirty_buckets SELECT generate_series(0, 63); END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN INSERT INTO dirty_buckets SELECT DISTINCT bucket_of(customer_id) FROM old_rows; END IF;
    IF TG_OP IN ('UPDATE', 'INSERT') THEN INSERT INTO dirty_buckets SELECT DISTINCT bucket_of(customer_id) FROM new_rows; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_inserted AFTER INSERT ON billing REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_buckets();
CREATE TRIGGER mark_updated AFTER UPDATE ON billing REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_buckets();
CREATE TRIGGER mark_deleted AFTER DELETE ON billing REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_buckets();
CREATE TRIGGER mark_truncated AFTER TRUNCATE ON billing FOR EACH STATEMENT EXECUTE FUNCTION mark_buckets();

-- What the rollup says against the rows: the reports of all, those of each country, and each stored ledger, byte for byte.
CREATE VIEW rollup_check AS
SELECT (SELECT count(DISTINCT bucket) FROM dirty_buckets) AS dirty, (SELECT count(*) FROM ledgers) AS ledgers,
       (SELECT string_agg((differences > 0)::text, ' ' ORDER BY report) FROM (SELECT merge(ledger) AS l FROM ledgers) q, compare(l, 'SELECT customer_id, started_at, ended_at, mrr FROM test_rollups.billing_rows')) AS whole_differs,
       (SELECT count(*) FROM (SELECT country, merge(ledger) AS l FROM ledgers GROUP BY country) q,
               compare(l, format('SELECT customer_id, started_at, ended_at, mrr FROM test_rollups.billing_rows WHERE country = %L', country)) WHERE differences > 0) AS country_reports_differ,
       (SELECT count(*) FROM ledgers l FULL JOIN (SELECT country, bucket, subscription_ledger(customer_id, started_at, ended_at, mrr) AS ledger FROM billing_rows GROUP BY country, bucket) f USING (country, bucket)
        WHERE l.country IS NULL OR f.country IS NULL OR ROW(l.ledger)::record *<> ROW(f.ledger)::record) AS ledgers_differ;
INSERT INTO dirty_buckets SELECT generate_series(0, 63);
SELECT refresh_ledgers();
SELECT * FROM rollup_check;
-- Nothing marked: nothing done. Everything marked, twice: nothing written.
SELECT refresh_ledgers();
INSERT INTO dirty_buckets SELECT g % 64 FROM generate_series(0, 127) g;
CREATE TABLE places AS SELECT country, bucket, ctid AS place FROM ledgers;
SELECT refresh_ledgers();
SELECT (SELECT count(*) FROM dirty_buckets) AS marked, count(*) AS ledgers, count(*) FILTER (WHERE l.ctid <> p.place) AS moved FROM ledgers l JOIN places p USING (country, bucket);

-- New rows; ends; corrections of the past; a move to another country; another customer's number; deletions. Before each refresh the rollup is out of date.
BEGIN;
INSERT INTO billing SELECT * FROM make_rows(20001, 20012);
SELECT * FROM rollup_check;
SELECT refresh_ledgers();
SELECT * FROM rollup_check;
UPDATE billing SET ended_at = '2024-03-15' WHERE ended_at IS NULL AND started_at < '2024-03-15' AND customer_id IN (7, 8, 9);
SELECT * FROM rollup_check;
SELECT refresh_ledgers();
SELECT * FROM rollup_check;
UPDATE billing SET mrr = mrr + 0.01 WHERE subscription_id % 1500 = 77;
UPDATE billing SET started_at = started_at - 400, ended_at = ended_at - 3 WHERE subscription_id % 1500 = 78;
SELECT * FROM rollup_check;
SELECT refresh_ledgers();
SELECT * FROM rollup_check;
UPDATE billing SET country = 'NZ' WHERE customer_id BETWEEN 100 AND 103;
UPDATE billing SET customer_id = customer_id + 1 WHERE subscription_id IN (500, 501);
SELECT * FROM rollup_check;
SELECT refresh_ledgers();
SELECT * FROM rollup_check;
DELETE FROM billing WHERE customer_id BETWEEN -5 AND 5;
SELECT * FROM rollup_check;
-- A refresh that is rolled back leaves the marks.
SAVEPOINT before;
SELECT refresh_ledgers();
ROLLBACK TO before;
SELECT * FROM rollup_check;
SELECT refresh_ledgers();
SELECT * FROM rollup_check;
COMMIT;
-- An update that changes nothing of a ledger writes none.
UPDATE billing SET plan = 'other' WHERE customer_id = 50;
SELECT count(*) AS marks, refresh_ledgers() FROM dirty_buckets;

-- A country that vanished: its ledgers go. Then all rows, and back again.
DELETE FROM billing WHERE country = 'IS';
SELECT count(*) AS ledgers FROM ledgers WHERE country = 'IS';
SELECT refresh_ledgers();
SELECT count(*) AS ledgers FROM ledgers WHERE country = 'IS';
SELECT * FROM rollup_check;
BEGIN;
CREATE TABLE copy AS TABLE billing;
TRUNCATE billing;
SELECT refresh_ledgers() = (SELECT count(*) FROM places p JOIN ledgers USING (country, bucket)) + (SELECT count(*) FROM ledgers l WHERE NOT EXISTS (SELECT FROM places p WHERE (p.country, p.bucket) = (l.country, l.bucket))) AS all_removed;
SELECT * FROM rollup_check;
INSERT INTO billing TABLE copy;
SELECT refresh_ledgers() = (SELECT count(*) FROM (SELECT DISTINCT country, bucket FROM billing_rows) q) AS all_back;
SELECT * FROM rollup_check;
ROLLBACK;

-- Where a customer lies in one ledger only, the reports add up.
SELECT count(*) AS months, count(*) FILTER (WHERE (a.opening_mrr, a.new_mrr, a.reactivation_mrr, a.expansion_mrr, a.contraction_mrr, a.churned_mrr, a.closing_mrr, a.closing_customers)
                                               IS DISTINCT FROM (m.opening_mrr, m.new_mrr, m.reactivation_mrr, m.expansion_mrr, m.contraction_mrr, m.churned_mrr, m.closing_mrr, m.closing_customers)) AS amounts_differ,
       count(*) FILTER (WHERE (round(a.grr, 12), round(a.nrr, 12)) IS DISTINCT FROM (round(m.grr, 12), round(m.nrr, 12))) AS rates_differ
FROM (SELECT period_start, sum(opening_mrr) AS opening_mrr, sum(new_mrr) AS new_mrr, sum(reactivation_mrr) AS reactivation_mrr, sum(expansion_mrr) AS expansion_mrr, sum(contraction_mrr) AS contraction_mrr,
             sum(churned_mrr) AS churned_mrr, sum(closing_mrr) AS closing_mrr, sum(closing_customers) AS closing_customers,
             grr(sum(opening_mrr), sum(churned_mrr), sum(contraction_mrr)) AS grr, nrr(sum(opening_mrr), sum(churned_mrr), sum(contraction_mrr), sum(expansion_mrr)) AS nrr
      FROM (SELECT bucket, merge(ledger) AS l FROM ledgers GROUP BY bucket) q, mrr_movements(l, '1 month', '2020-01-01', '2025-01-01') GROUP BY period_start) a
     FULL JOIN (SELECT m.* FROM (SELECT merge(ledger) AS l FROM ledgers) q, mrr_movements(l, '1 month', '2020-01-01', '2025-01-01') m) m USING (period_start);

-- Appending new rows is building again; appending a changed row counts it twice.
SELECT (SELECT merge(l)::text FROM (SELECT ledger AS l FROM ledgers UNION ALL SELECT subscription_ledger(customer_id, started_at, ended_at, mrr) FROM make_rows(30001, 30100)) q)
       = (SELECT subscription_ledger(customer_id, started_at, ended_at, mrr)::text FROM (SELECT customer_id, started_at, ended_at, mrr FROM billing UNION ALL SELECT customer_id, started_at, ended_at, mrr FROM make_rows(30001, 30100)) r) AS appended_new;
SELECT what, m.churned_mrr, m.contraction_mrr, m.closing_mrr
FROM (SELECT 'appended' AS what, merge(l) AS l FROM (SELECT subscription_ledger(1, date '2024-01-05', NULL, 50) AS l UNION ALL SELECT subscription_ledger(1, date '2024-01-05', date '2024-02-20', 50)) q
      UNION ALL SELECT 'built again', subscription_ledger(1, date '2024-01-05', date '2024-02-20', 50)) q, mrr_movements(l, '1 month', '2024-02-01', '2024-03-01') m ORDER BY what;

-- Materialised views, with ledgers out of line, with a ledger that is NULL (Malta), with a key that is NULL, and with the ledger as the first column.
INSERT INTO billing VALUES (9101, 3001, NULL, 'pro', '2022-05-01', NULL, 10), (9102, 3002, NULL, 'pro', '2022-05-01', '2023-05-01', 20);
CREATE MATERIALIZED VIEW by_country AS SELECT country, subscription_ledger(customer_id, started_at, ended_at, mrr) AS ledger FROM billing GROUP BY country;
CREATE MATERIALIZED VIEW by_bucket AS SELECT subscription_ledger(customer_id, started_at, ended_at, mrr) AS ledger, bucket_of(customer_id) AS bucket FROM billing GROUP BY 2;
SELECT left(pg_temp.err('REFRESH MATERIALIZED VIEW CONCURRENTLY by_country'), 5) AS without_index;
CREATE UNIQUE INDEX ON by_country (country);
CREATE UNIQUE INDEX ON by_bucket (bucket);
CREATE VIEW views_check AS
SELECT (SELECT count(*) FROM by_country) AS countries,
       (SELECT count(*) FROM (SELECT coalesce(country, '?') AS key, ledger FROM by_country) v
                             FULL JOIN (SELECT coalesce(country, '?') AS key, subscription_ledger(customer_id, started_at, ended_at, mrr) AS ledger FROM billing GROUP BY country) f USING (key)
        WHERE num_nulls(v.key, f.key) > 0 OR ROW(v.ledger)::record *<> ROW(f.ledger)::record) AS countries_differ,
       (SELECT count(*) FROM by_bucket) AS buckets,
       (SELECT count(*) FROM by_bucket v FULL JOIN (SELECT bucket_of(customer_id) AS bucket, subscription_ledger(customer_id, started_at, ended_at, mrr) AS ledger FROM billing GROUP BY 1) f USING (bucket)
        WHERE num_nulls(v.bucket, f.bucket) > 0 OR ROW(v.ledger)::record *<> ROW(f.ledger)::record) AS buckets_differ;
SELECT * FROM views_check;
SELECT country, ledger IS NULL AS nothing, pg_column_size(ledger) > 8192 AS out_of_line FROM by_country ORDER BY country;
CREATE TABLE view_places AS SELECT country, ctid AS place FROM by_country;
CREATE TABLE bucket_places AS SELECT bucket, ctid AS place FROM by_bucket;
-- Nothing has changed: nothing is written, but for the row whose key is NULL.
REFRESH MATERIALIZED VIEW CONCURRENTLY by_country;
REFRESH MATERIALIZED VIEW CONCURRENTLY by_bucket;
SELECT (SELECT string_agg(coalesce(v.country, '?'), ' ') FROM by_country v JOIN view_places p ON v.country IS NOT DISTINCT FROM p.country WHERE v.ctid <> p.place) AS countries_moved,
       (SELECT count(*) FROM by_bucket v JOIN bucket_places p USING (bucket) WHERE v.ctid <> p.place) AS buckets_moved;
-- Changes, a country less and one more.
UPDATE billing SET ended_at = '2024-04-01' WHERE country = 'FR' AND ended_at IS NULL AND customer_id % 64 IN (1, 2) AND started_at < '2024-04-01';
DELETE FROM billing WHERE country = 'IT';
INSERT INTO billing SELECT subscription_id, customer_id, 'CA', plan, started_at, ended_at, mrr FROM make_rows(40001, 40005);
UPDATE billing SET ended_at = '2022-06-01' WHERE country = 'MT';
SELECT * FROM views_check;
REFRESH MATERIALIZED VIEW CONCURRENTLY by_country;
REFRESH MATERIALIZED VIEW CONCURRENTLY by_bucket;
SELECT * FROM views_check;
SELECT v.country, v.ctid = p.place AS left_alone FROM by_country v LEFT JOIN view_places p ON v.country IS NOT DISTINCT FROM p.country ORDER BY v.country;
SELECT r.* FROM (SELECT merge(ledger) AS l FROM by_country) q, compare(l, 'SELECT customer_id, started_at, ended_at, mrr FROM billing') r ORDER BY report;
-- The same content as by a plain refresh.
CREATE TABLE by_concurrently AS SELECT country, ledger::text AS l FROM by_country;
REFRESH MATERIALIZED VIEW by_country;
SELECT count(*) AS differences FROM ((TABLE by_concurrently EXCEPT ALL SELECT country, ledger::text FROM by_country) UNION ALL (SELECT country, ledger::text FROM by_country EXCEPT ALL TABLE by_concurrently)) q;
-- A ledger has no operators.
SELECT statement, split_part(pg_temp.err(statement), ':', 1) AS error FROM (VALUES
    (1, 'SELECT DISTINCT ledger FROM by_country'), (2, 'SELECT 1 FROM by_country GROUP BY ledger'), (3, 'SELECT ledger FROM by_country UNION SELECT ledger FROM by_country'),
    (4, 'SELECT ledger FROM by_country EXCEPT ALL SELECT ledger FROM by_country'), (5, 'SELECT ledger FROM by_country ORDER BY ledger'), (6, 'SELECT ledger = ledger FROM by_country'),
    (7, 'CREATE INDEX ON by_country (ledger)'), (8, 'SELECT ledger FROM by_country UNION ALL SELECT ledger FROM by_country'), (9, 'SELECT ROW(ledger)::record *= ROW(ledger)::record FROM by_country')
) v (n, statement) ORDER BY n;
DELETE FROM billing WHERE country IS NULL;
SELECT refresh_ledgers() > 0 AS refreshed;
SELECT * FROM rollup_check;

-- Merged customers: 9001 becomes 9002 in March 2023, in the same country; 9003 becomes 9004, from France to Germany.
INSERT INTO billing VALUES (50001, 9001, 'DE', 'pro', '2022-01-01', '2023-03-15', 80), (50002, 9002, 'DE', 'pro', '2023-03-15', NULL, 100),
                           (50003, 9003, 'FR', 'pro', '2022-01-01', '2023-03-20', 30), (50004, 9004, 'DE', 'pro', '2023-03-20', NULL, 25);
SELECT refresh_ledgers();
CREATE TABLE customer_merges (customer_id bigint PRIMARY KEY, merged_into bigint NOT NULL CHECK (merged_into <> customer_id));
CREATE TRIGGER mark_inserted AFTER INSERT ON customer_merges REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_buckets();
CREATE TRIGGER mark_updated AFTER UPDATE ON customer_merges REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_buckets();
CREATE TRIGGER mark_deleted AFTER DELETE ON customer_merges REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_buckets();
CREATE OR REPLACE VIEW billing_rows AS
SELECT b.country, bucket_of(b.customer_id) AS bucket, coalesce(m.merged_into, b.customer_id) AS customer_id, b.started_at, b.ended_at, b.mrr FROM billing b LEFT JOIN customer_merges m USING (customer_id);
CREATE VIEW march AS
SELECT q.country, m.opening_mrr, m.new_mrr, m.reactivation_mrr, m.expansion_mrr, m.contraction_mrr, m.churned_mrr, m.closing_mrr, c.new_customers, c.churned_customers, c.closing_customers
FROM (SELECT coalesce(country, 'all') AS country, merge(ledger) AS l FROM ledgers GROUP BY ROLLUP (country)) q, mrr_movements(l, '1 month', '2023-03-01', '2023-04-01') m, churn_by_period(l, '1 month', '2023-03-01', '2023-04-01') c;
CREATE TABLE march_before AS TABLE march;
CREATE TABLE ledgers_before AS TABLE ledgers;
INSERT INTO customer_merges VALUES (9001, 9002), (9003, 9004);
SELECT * FROM rollup_check;
SELECT refresh_ledgers();
SELECT * FROM rollup_check;
-- All: churn 80 + 30 and new 100 + 25 are gone, for expansion 20 and contraction 5. Germany: churn 80 and new 100, for expansion 20; 9004 is new there, and
-- 9003 has left France, as before.
SELECT country, a.opening_mrr - b.opening_mrr AS opening, a.new_mrr - b.new_mrr AS new, a.reactivation_mrr - b.reactivation_mrr AS react, a.expansion_mrr - b.expansion_mrr AS expansion,
       a.contraction_mrr - b.contraction_mrr AS contraction, a.churned_mrr - b.churned_mrr AS churned, a.closing_mrr - b.closing_mrr AS closing,
       a.new_customers - b.new_customers AS new, a.churned_customers - b.churned_customers AS churned, a.closing_customers - b.closing_customers AS closing
FROM march a JOIN march_before b USING (country) WHERE country IN ('all', 'DE', 'FR') ORDER BY country COLLATE "C";
-- What changed is the two ledgers of 9001 and 9003; the same as by rows that bear the new numbers.
SELECT l.country, bucket, bucket = bucket_of(9001) AS of_9001, bucket = bucket_of(9003) AS of_9003 FROM ledgers l JOIN ledgers_before b USING (country, bucket) WHERE ROW(l.ledger)::record *<> ROW(b.ledger)::record ORDER BY l.country, bucket;
SELECT (SELECT merge(ledger)::text FROM ledgers) = (SELECT subscription_ledger(CASE customer_id WHEN 9001 THEN 9002 WHEN 9003 THEN 9004 ELSE customer_id END, started_at, ended_at, mrr)::text FROM billing) AS same;
-- Undone.
DELETE FROM customer_merges;
SELECT refresh_ledgers();
SELECT count(*) AS ledgers, count(*) FILTER (WHERE ROW(l.ledger)::record *<> ROW(b.ledger)::record) AS differ FROM ledgers l FULL JOIN ledgers_before b USING (country, bucket);

SET client_min_messages = warning;
DROP SCHEMA test_rollups CASCADE;
