-- What the sources of subscription rows share: values as billing systems store them, ends of billing periods, and what lies in a schema.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA test_sources;
SET search_path = test_sources, public;

-- JSON: what is no number, no boolean, no moment is NULL.
SELECT left(value::text, 20) AS value, left(json_number(value)::text, 20) AS number, json_boolean(value) AS boolean, json_moment(value) AS moment
FROM unnest(ARRAY['1704067200', '1704067200.5', '-1', '0', 'true', 'false', 'null', '"1704067200"', '"x"', '{}', '[1704067200]', '[]', '1e30', '-1e30', '1e400', '253370764800', '253370764801', '-62135596800', '-62135596801']::jsonb[]) WITH ORDINALITY AS v (value, n) ORDER BY n;
SELECT json_number(NULL) AS number, json_boolean(NULL) AS boolean, json_moment(NULL) AS moment;
SELECT json_number(('"' || repeat('x', 100000) || '"')::jsonb) AS of_a_long_text, length(json_number(repeat('9', 5000)::jsonb)::text) AS digits;
SELECT seconds, epoch_moment(seconds) AS moment, epoch_moment(seconds::double precision) AS same
FROM unnest('{1704067200,-62135596800,-62135596801,253370764800,253370764801,NaN,Infinity,-Infinity,NULL}'::numeric[]) WITH ORDINALITY AS v (seconds, n) ORDER BY n;
SELECT epoch_moment(1e400::numeric) AS too_large, epoch_moment(-0.0::double precision) AS zero;

-- Texts, counts, days and moments that are what they seem, and those that are not.
SELECT value, text_number(value) FROM unnest('{12,-3.50,0,1e3,.5,5.,x,"",NaN,Infinity,"1 ",NULL}'::text[]) WITH ORDINALITY AS v (value, n) ORDER BY n;
SELECT value, whole_count(value) FROM unnest('{1,12000,12001,0,-1,1.5,NaN,Infinity,NULL}'::numeric[]) WITH ORDINALITY AS v (value, n) ORDER BY n;
SELECT bounded_day(day), bounded_moment(day::timestamptz) FROM unnest('{0001-01-01,0001-12-31 BC,9998-12-31,9999-01-01,infinity,-infinity,NULL}'::date[]) WITH ORDINALITY AS v (day, n) ORDER BY n;
SELECT bounded_day('5874897-12-31') AS last_day, bounded_moment('294276-12-31') AS last_moment;

-- A price as MRR, and NULL where monthly_amount() is an error.
SELECT price_per_month(120, '1 year') AS year, round(price_per_month(12, '7 days'), 6) AS week, price_per_month(10, '1 month') AS month, price_per_month(0, '1 month') AS free;
SELECT n, price_per_month(amount, every) FROM (VALUES (1, -1::numeric, interval '1 month'), (2, 'NaN', '1 month'), (3, 'Infinity', '1 month'), (4, 10, '0'), (5, 10, '-1 month'), (6, 10, '1 month 1 day'), (7, 10, '36:00:00'), (8, 10, '2000 years'), (9, 10, NULL), (10, NULL, '1 month')) v (n, amount, every) ORDER BY n;

-- Billing periods by the calendar: 31 January and February, leap days, weeks; exact at an end, and a microsecond before it.
SELECT n, terms_until(anchor, at, every) FROM (VALUES
    (1, timestamp '2024-01-31', timestamp '2024-02-28', interval '1 month'), (2, '2024-01-31', '2024-02-29', '1 month'), (3, '2024-01-31', '2024-03-30', '1 month'), (4, '2024-01-31', '2024-03-31', '1 month'), (5, '2024-02-29', '2025-02-28', '1 year'),
    (6, '2024-02-29', '2025-02-27', '1 year'), (7, '2024-01-01', '2024-01-08', '7 days'), (8, '2024-01-01', '2024-01-07 23:59:59.999999', '7 days'), (9, '2024-01-01', '2024-01-01', '1 month'), (10, '2024-01-01', '2023-12-31', '1 month'),
    (11, '0001-01-01', '9998-12-31', '1 month'), (12, '2024-01-01', '2025-01-01', '1 month 1 day'), (13, '2024-01-01', '2025-01-01', '0'), (14, '2024-01-01', '2025-01-01', '36:00:00'), (15, '2024-01-01', '2025-01-01', NULL)) v (n, anchor, at, every) ORDER BY n;
-- The count by steps, one after the other: no difference on pseudo-random anchors and intervals.
SELECT count(*) AS cases, count(*) FILTER (WHERE terms_until(anchor, at, every) <> (SELECT count(*) FROM generate_series(1, 500) n WHERE anchor + n * every <= at)) AS differences
FROM (SELECT timestamp '2020-01-01' + (g * 7919 % 2000) * interval '1 day' + (g * 31 % 1440) * interval '1 minute' AS anchor, (ARRAY['1 month', '3 months', '1 year', '7 days', '30 days', '2 months']::interval[])[1 + g % 6] AS every, g FROM generate_series(1, 3000) g) v,
     LATERAL (SELECT anchor + (g * 104729::bigint % 2500) * interval '1 day' - CASE g % 3 WHEN 0 THEN interval '1 microsecond' ELSE '0' END AS at) a WHERE at >= anchor;
SELECT n, billing_period_end(anchor, ended, every, zone) FROM (VALUES
    (1, timestamptz '2024-01-31 00:00+00', timestamptz '2024-02-10 00:00+00', interval '1 month', 'UTC'), (2, '2024-01-31 00:00+00', '2024-02-29 00:00+00', '1 month', 'UTC'), (3, '2024-02-29 23:00+00', '2024-04-10 00:00+00', '1 month', 'Europe/Berlin'),
    (4, '2024-01-01 00:00+00', '2024-01-01 00:00+00', '1 month', 'UTC'), (5, '2024-01-01 00:00+00', 'infinity', '1 month', 'UTC'), (6, '2024-01-01 00:00+00', '2024-03-03 00:00+00', '1 month 1 day', 'UTC'), (7, '2024-01-01 00:00+00', NULL, '1 month', 'UTC')) v (n, anchor, ended, every, zone) ORDER BY n;

-- What a schema has: the first of several names, the type below its domains, and whether a provider reads it.
CREATE DOMAIN amount AS numeric(10, 2);
CREATE DOMAIN price AS amount;
CREATE TABLE b (id varchar, "old name" int, price price, lines jsonb);
CREATE INDEX a ON b (id);
ALTER TABLE b DROP COLUMN "old name";
SELECT source_table('test_sources', 'a|b') AS no_index, source_table('test_sources', 'c') AS missing, source_table('nowhere', 'b') AS no_schema;
SELECT source_column('test_sources', 'b', 'old name|id') AS not_the_dropped_one, source_column('test_sources', 'b', 'ctid') AS no_system_column, source_column_type('test_sources', 'b', 'price') AS below_its_domains, source_column_type('test_sources', 'b', 'x') AS missing;
SELECT type_serves('character varying', 'text') AS varchar, type_serves('numeric', 'number, json') AS number, type_serves('jsonb', 'json') AS json, type_serves('date', 'time') AS date, type_serves('integer', 'text') AS no_text, type_serves('x', 'text') AS unknown, type_serves(NULL, 'text') AS null;
CREATE TEMPORARY TABLE passing (x int);
SELECT is_temporary('passing'::regclass::oid), is_temporary('b'::regclass::oid) AS lasting, is_metric_view('b'::regclass::oid);
SELECT array_agg(e ORDER BY e) AS elements FROM few_elements('[1, 2, 3]') e;
SELECT array_agg(n) AS numbers, (SELECT count(*) FROM few_numbers(1, NULL)) AS none FROM few_numbers(2, 4) n;

SET client_min_messages = warning;
DROP SCHEMA test_sources CASCADE;
