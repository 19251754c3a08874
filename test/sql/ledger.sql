-- The ledger: rows in, bytes, union, summary.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA test_ledger;
SET search_path = test_ledger, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- A small company. Breakpoints (moments at which anything changes) of each customer, and its bytes in the ledger:
-- 8 of key, 1 of length, per breakpoint 2 of control, the distance in days (3 for the first, then 1), the cents (2 below 655.36).
CREATE TABLE small (customer bigint, started_at date, ended_at date, mrr numeric);
INSERT INTO small VALUES
    (1, '2024-01-10', NULL, 10), (1, '2024-03-01', '2024-06-01', 5.5),              -- 3; bytes 9 + 7 + 5 + 5 = 26; runs
    (2, '2023-12-31', '2024-02-29', 0),                                             -- 2; 9 + 5 + 3 = 17
    (3, '2024-05-05', 'infinity', -3), (3, '2024-05-05', NULL, 3),                  -- 1: two rows more, MRR 0; 9 + 5 + 4 = 18; runs, free, never negative
    (4, '2024-01-01', '2024-02-01', 20), (4, '2024-02-02', NULL, 20),               -- 3; 26; runs; a gap of one day
    (5, '2024-02-01', '2024-03-01', 20), (5, '2024-01-01', '2024-02-01', 20),       -- 2: touching, nothing changes on 1 February; 9 + 7 + 5 = 21
    (6, '2024-04-01', '2024-04-01', 99),                                            -- an empty stretch: no customer
    (7, '2024-01-01', NULL, 5), (7, '2024-02-01', '2024-03-01', -8),                -- 3; 26; runs; negative in February
    (8, '2024-01-01', NULL, 0),                                                     -- 1; 9 + 5 = 14; runs, free
    (NULL, NULL, NULL, NULL), (NULL, NULL, '2024-01-01', 7);                        -- padding

-- 7 customers, 3 + 2 + 1 + 3 + 2 + 3 + 1 = 15 changes, 5 run, 148 bytes and 12 of header.
SELECT * FROM ledger_summary((SELECT subscription_ledger(customer, started_at, ended_at, mrr) FROM small));
-- Without mrr the breakpoints carry no cents (22 less, in 11 breakpoints). Rows begin and end as
-- before, so there are as many breakpoints.
SELECT * FROM ledger_summary((SELECT subscription_ledger(customer, started_at, ended_at) FROM small));

-- Three customer types and three time types, with and without mrr. Before 1 January: customer 2, at no MRR. Then, just before
-- each month's end, paying: 1 4 5 7 (10 + 20 + 20 + 5), 1 4 5 (7 pays 5 - 8), 1 4 7 (15.5 + 20 + 5) three times, 1 4 7 (10 + 20 + 5);
-- running: 1 2 4 5 7 8, 1 4 5 7 8, 1 4 7 8 twice, 1 3 4 7 8 twice.
CREATE VIEW typed AS
SELECT customer AS b, lpad(to_hex(customer), 32, '0')::uuid AS u, 'customer ' || customer AS t,
       started_at AS d1, ended_at AS d2, started_at::timestamp AS l1, ended_at::timestamp AS l2, started_at::timestamptz AS i1, ended_at::timestamptz AS i2, mrr
FROM small;
CREATE TEMP TABLE nine AS
SELECT n, kind, with_mrr, without_mrr FROM (
    SELECT 1 AS n, 'bigint, date' AS kind, subscription_ledger(b, d1, d2, mrr) AS with_mrr, subscription_ledger(b, d1, d2) AS without_mrr FROM typed
    UNION ALL SELECT 2, 'bigint, timestamp', subscription_ledger(b, l1, l2, mrr), subscription_ledger(b, l1, l2) FROM typed
    UNION ALL SELECT 3, 'bigint, timestamptz', subscription_ledger(b, i1, i2, mrr), subscription_ledger(b, i1, i2) FROM typed
    UNION ALL SELECT 4, 'uuid, date', subscription_ledger(u, d1, d2, mrr), subscription_ledger(u, d1, d2) FROM typed
    UNION ALL SELECT 5, 'uuid, timestamp', subscription_ledger(u, l1, l2, mrr), subscription_ledger(u, l1, l2) FROM typed
    UNION ALL SELECT 6, 'uuid, timestamptz', subscription_ledger(u, i1, i2, mrr), subscription_ledger(u, i1, i2) FROM typed
    UNION ALL SELECT 7, 'text, date', subscription_ledger(t, d1, d2, mrr), subscription_ledger(t, d1, d2) FROM typed
    UNION ALL SELECT 8, 'text, timestamp', subscription_ledger(t, l1, l2, mrr), subscription_ledger(t, l1, l2) FROM typed
    UNION ALL SELECT 9, 'text, timestamptz', subscription_ledger(t, i1, i2, mrr), subscription_ledger(t, i1, i2) FROM typed
) q;
SELECT kind, m.closing_mrr, m.paying, c.running
FROM nine,
     LATERAL (SELECT string_agg(closing_mrr::text, ' ' ORDER BY period_start) AS closing_mrr, string_agg(closing_customers::text, ' ' ORDER BY period_start) AS paying
              FROM mrr_movements(with_mrr, since => '2023-12-01', until => '2024-07-01')) m,
     LATERAL (SELECT string_agg(closing_customers::text, ' ' ORDER BY period_start) AS running
              FROM churn_by_period(without_mrr, since => '2023-12-01', until => '2024-07-01')) c
ORDER BY n;
-- A key of 16 bytes instead of 8 for each of 7 customers: 56 bytes more.
SELECT kind, w.customers, w.changes, w.first_start, w.last_change, w.running_customers AS running, w.free_customers AS free, w.negative_customers AS negative,
       w.one_day_gaps AS gaps, w.bytes, pg_column_size(with_mrr) AS size, o.changes, o.free_customers AS free, o.bytes
FROM nine, ledger_summary(with_mrr) w, ledger_summary(without_mrr) o ORDER BY n;

-- The bytes of version 1: version, flags, reserved, number of customers; key, length, control, moment (Julian day 0x258aa0), cents.
-- Later versions must still read them.
SELECT subscription_ledger(customer, started_at, ended_at, mrr) FROM small WHERE customer = 1 AND mrr = 10;
-- Customer 2 has the smaller key.
SELECT subscription_ledger(c, s, NULL) FROM (VALUES (1, date '2024-01-10'), (2, '2024-01-10')) v (c, s);
-- Dates are timestamps at midnight; instants differ in the flags only, uuid and text in the flags and the key.
SELECT (SELECT count(DISTINCT with_mrr::text) FROM nine WHERE n IN (n1, n2)) AS ledgers,
       (SELECT count(DISTINCT overlay(with_mrr::text PLACING '..' FROM 5)) FROM nine WHERE n IN (n1, n2)) AS but_for_flags
FROM (VALUES (1, 2), (4, 5), (7, 8), (1, 3), (4, 6), (7, 9), (1, 4), (4, 7)) v (n1, n2);

-- Padding, and no rows at all: NULL. A ledger of nothing else than empty stretches is none.
SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS none, subscription_ledger(customer, started_at, ended_at) AS none FROM small WHERE false;
SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS padding, subscription_ledger(customer, started_at, ended_at) AS padding FROM small WHERE customer IS NULL;
SELECT subscription_ledger(1, date '2024-01-01', '2024-01-01', 5) AS empty_stretch, subscription_ledger('x', timestamp '2024-01-01 10:00', '2024-01-01 10:00') AS empty_stretch;
SELECT * FROM ledger_summary(NULL);
-- int4 and varchar customers arrive by cast.
SELECT subscription_ledger(1::int, date '2024-01-01', NULL)::text = subscription_ledger(1::bigint, date '2024-01-01', NULL)::text AS int4,
       subscription_ledger('a'::varchar(5), date '2024-01-01', NULL)::text = subscription_ledger('a'::text, date '2024-01-01', NULL)::text AS varchar;

-- An end of infinity is none.
SELECT count(DISTINCT l::text) AS ledgers FROM (
    SELECT subscription_ledger(1, date '2024-01-01', NULL, 5) AS l UNION ALL SELECT subscription_ledger(1, date '2024-01-01', 'infinity', 5)
    UNION ALL SELECT subscription_ledger(1, timestamp '2024-01-01', NULL, 5) UNION ALL SELECT subscription_ledger(1, timestamp '2024-01-01', 'infinity', 5)) q;
SELECT count(DISTINCT l::text) AS ledgers FROM (
    SELECT subscription_ledger(1, timestamptz '2024-01-01', NULL, 5) AS l UNION ALL SELECT subscription_ledger(1, timestamptz '2024-01-01', 'infinity', 5)) q;

-- What a row must not be.
SELECT pg_temp.err('SELECT subscription_ledger(' || row || ')') AS error FROM (VALUES
    (1, 'NULL::bigint, date ''2024-01-01'', NULL, 5'), (2, 'NULL::uuid, timestamp ''2024-01-01'', NULL'), (3, 'NULL::text, timestamptz ''2024-01-01'', NULL, 5'),
    (4, '1, NULL::date, NULL, 5'), (5, '1, NULL::timestamp, ''2024-01-01'''), (6, '''x'', NULL::timestamptz, ''2024-01-01'', 5'),
    (7, '1, date ''2024-01-01'', NULL, NULL'), (8, '''x'', timestamptz ''2024-01-01'', NULL, NULL'),
    (9, '1, date ''2024-01-02'', ''2024-01-01'', 5'), (10, '1, timestamp ''2024-01-02 00:00:00.000001'', ''2024-01-02'', 5'),
    (11, '1, timestamptz ''2024-01-02 12:00+00'', ''2024-01-02 12:00+01'', 5'),
    (12, '1, date ''-infinity'', ''2024-01-01'', 5'), (13, '1, timestamp ''-infinity'', NULL, 5'), (14, '1, timestamptz ''infinity'', NULL'), (15, '1, date ''infinity'', ''infinity'''),
    (16, '1, date ''2024-01-01'', ''-infinity'', 5'), (17, '1, timestamp ''2024-01-01'', ''-infinity'''), (18, '1, timestamptz ''2024-01-01'', ''-infinity'', 5'),
    (19, '1, date ''294277-01-01'', NULL, 5'), (20, '1, date ''2024-01-01'', ''5874897-12-31'''),
    (21, '1, date ''2024-01-01'', NULL, ''NaN'''), (22, '1, date ''2024-01-01'', NULL, ''Infinity'''), (23, '1, date ''2024-01-01'', NULL, ''-Infinity'''),
    (24, '1, date ''2024-01-01'', NULL, 9223372036854.775808'), (25, '1, date ''2024-01-01'', NULL, -9223372036854.7758075'), (26, '1, date ''2024-01-01'', NULL, 1e20'),
    (27, '1, date ''2024-01-01'', ''2024-01-01'', ''NaN''')
) v (n, row) ORDER BY n;
-- The largest numeric that there is has no room for six more digits: the same code.
SELECT left(pg_temp.err('SELECT subscription_ledger(1, date ''2024-01-01'', NULL, 1e131071)'), 5);

-- The first and the last moments that there are.
SELECT s.first_start, s.last_change, l::text = l::text::subscription_ledger::text AS same
FROM (SELECT 1 AS n, subscription_ledger(1, date '4714-11-24 BC', '294276-12-31', 5) AS l
      UNION ALL SELECT 2, subscription_ledger(1, timestamp '4714-11-24 00:00:00 BC', '294276-12-31 23:59:59.999999', 5)
      UNION ALL SELECT 3, subscription_ledger(1, timestamptz '4714-11-24 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00', 5)) q, ledger_summary(l) s ORDER BY n;

-- The order of the rows does not matter.
SELECT count(DISTINCT l) AS ledgers FROM (
    SELECT subscription_ledger(customer, started_at, ended_at, mrr ORDER BY customer, started_at)::text AS l FROM small
    UNION ALL SELECT subscription_ledger(customer, started_at, ended_at, mrr ORDER BY ended_at DESC, mrr)::text FROM small
    UNION ALL SELECT subscription_ledger(customer, started_at, ended_at, mrr ORDER BY md5(small::text))::text FROM small) q;

-- Touching, overlapping, nested and repeated rows: what counts is what they add up to.
SELECT what, count(*) AS ways, count(DISTINCT l) AS ledgers, min((ledger_summary(l::subscription_ledger)).changes) AS changes FROM (
    -- January to April at 10, in one row, two and three: begins and ends
    SELECT 'touching' AS what, subscription_ledger(1, s, e, m)::text AS l FROM (VALUES (date '2024-01-01', date '2024-05-01', 10)) v (s, e, m)
    UNION ALL SELECT 'touching', subscription_ledger(1, s, e, m)::text FROM (VALUES (date '2024-03-01', date '2024-05-01', 10), ('2024-01-01', '2024-03-01', 10)) v (s, e, m)
    UNION ALL SELECT 'touching', subscription_ledger(1, s, e, m)::text FROM (VALUES (date '2024-02-01', date '2024-03-01', 10), ('2024-01-01', '2024-02-01', 10), ('2024-03-01', '2024-05-01', 10)) v (s, e, m)
    -- one row in January, two in February, one in March
    UNION ALL SELECT 'overlapping or nested', subscription_ledger(1, s, e, m)::text FROM (VALUES (date '2024-01-01', date '2024-03-01', 5), ('2024-02-01', '2024-04-01', 5)) v (s, e, m)
    UNION ALL SELECT 'overlapping or nested', subscription_ledger(1, s, e, m)::text FROM (VALUES (date '2024-01-01', date '2024-04-01', 5), ('2024-02-01', '2024-03-01', 5)) v (s, e, m)
    -- two rows at 5 are not one at 10
    UNION ALL SELECT 'repeated', subscription_ledger(1, s, e, m)::text FROM (VALUES (date '2024-01-01', date '2024-03-01', 5), ('2024-01-01', '2024-03-01', 5)) v (s, e, m)
    UNION ALL SELECT 'repeated', subscription_ledger(1, s, e, m)::text FROM (VALUES (date '2024-01-01', date '2024-03-01', 10)) v (s, e, m)
) q GROUP BY what ORDER BY what;

-- Customers are told apart by their bytes.
SELECT (ledger_summary(subscription_ledger(c, date '2024-01-01', NULL))).customers AS of_10
FROM (VALUES ('a'), ('A'), ('a '), (''), (E'\t'), ('NULL'), ('customer of more than sixteen bytes 1'), ('customer of more than sixteen bytes 2'),
             (repeat('long ', 2000) || '1'), (repeat('long ', 2000) || '2'), ('a'), (''), (repeat('long ', 2000) || '2')) v (c);
SELECT (ledger_summary(subscription_ledger(c, date '2024-01-01', NULL))).customers AS of_2
FROM (VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid), ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), ('{a0eebc999c0b4ef8bb6d6bb9bd380a12}')) v (c);
SELECT (ledger_summary(subscription_ledger(c, date '2024-01-01', NULL))).customers AS of_5
FROM (VALUES (0::bigint), (-1), (1), (9223372036854775807), (-9223372036854775808), (0)) v (c);

-- Gaps of one day, the sign of last days stored as ends: 24 hours; between instants an hour more or less, as the clocks change.
SELECT n, (ledger_summary(subscription_ledger(1, s, e, 5))).one_day_gaps
FROM (VALUES (1, timestamptz '2024-01-01 00:00+00', timestamptz '2024-02-01 00:00+00'), (1, '2024-02-02 00:00+00', '2024-02-10 00:00+00'), (1, '2024-02-11 01:00+00', '2024-02-20 00:00+00'),
             (1, '2024-02-20 23:00+00', NULL),                                              -- 24, 25 and 23 hours
             (2, '2024-01-01 00:00+00', '2024-02-01 00:00+00'), (2, '2024-02-02 01:00:01+00', '2024-02-10 00:00+00'), (2, '2024-02-10 22:59:59+00', '2024-03-01 00:00+00'),
             (2, '2024-03-03 00:00+00', NULL),                                              -- a second too long, too short, and two days
             (3, '2024-01-01 00:00+00', '2024-02-01 00:00+00'), (3, '2024-02-02 00:00+00', NULL), (3, '2024-01-20 00:00+00', '2024-02-05 00:00+00')) v (n, s, e)    -- no gap: another row runs
GROUP BY n ORDER BY n;
SELECT n, (ledger_summary(subscription_ledger(1, s, e, 5))).one_day_gaps
FROM (VALUES (1, timestamp '2024-01-01', timestamp '2024-02-01'), (1, '2024-02-02', '2024-02-10'), (1, '2024-02-11 00:00:00.000001', NULL)) v (n, s, e) GROUP BY n;

-- Text and binary.
SELECT count(*) AS ledgers, count(*) FILTER (WHERE l::text::subscription_ledger::text = l::text) AS as_text,
       count(*) FILTER (WHERE encode(subscription_ledger_send(l), 'hex') = substr(l::text, 3)) AS binary_is_text
FROM (SELECT with_mrr AS l FROM nine UNION ALL SELECT without_mrr FROM nine) q;
SELECT '\x01030000010000002CCBC234FCBC56B4074208A08A25E803'::subscription_ledger AS upper_case;
-- Stored, small and large, and read back.
CREATE TABLE stored (n int, l subscription_ledger);
INSERT INTO stored SELECT 1, subscription_ledger(customer, started_at, ended_at, mrr) FROM small WHERE customer = 1
UNION ALL SELECT 2, subscription_ledger(customer, started_at, ended_at, mrr) FROM small
UNION ALL SELECT 3, subscription_ledger(g, date '2024-01-01' + g % 500, NULL, g % 97) FROM generate_series(1, 20000) g
UNION ALL SELECT 4, NULL;
SELECT n, s.customers, s.changes, s.bytes = octet_length(l::text) / 2 - 1 + 4 AS all_bytes FROM stored, ledger_summary(l) s ORDER BY n;

-- Malformed text. The first customer's key is 1, its length 7; 4208 is 3 bytes of days, 2 of cents, one row more.
SELECT pg_temp.err(format('SELECT %L::subscription_ledger', replace(l, ' ', ''))) AS error
FROM (VALUES
    (1, '\x 01030000 01000000 0100000000000000 07 4208 a08a25 e803'), (2, ''), (3, '\'), (4, '\x'), (5, '\x 01030000 010000'),
    (6, '01030000 01000000 0100000000000000 07 4208 a08a25 e803'), (7, '\x 01030000 01000000 0100000000000000 07 4208 a08a25 e80'),
    (8, '\x 01030000 01000000 0100000000000000 07 4208 a08a25 e8g3'), (9, 'hello')) v (n, l) ORDER BY n;
SELECT n, what, substring(pg_temp.err(format('SELECT %L::subscription_ledger', '\x' || replace(l, ' ', ''))) FROM '^.{5}') AS code,
       substring(pg_temp.err(format('SELECT %L::subscription_ledger', '\x' || replace(l, ' ', ''))) FROM '/ .*') AS detail
FROM (VALUES
    (1, 'version 0', '00030000 01000000 0100000000000000 07 4208 a08a25 e803'),
    (2, 'version 2', '02030000 01000000 0100000000000000 07 4208 a08a25 e803'),
    (3, 'reserved flag', '01830000 01000000 0100000000000000 07 4208 a08a25 e803'),
    (4, 'fourth customer type', '01330000 01000000 0100000000000000 07 4208 a08a25 e803'),
    (5, 'reserved byte', '01030100 01000000 0100000000000000 07 4208 a08a25 e803'),
    (6, 'working records', '01020000 01000000 0100000000000000 07 4208 a08a25 e803'),
    (7, 'dates', '01430000 01000000 0100000000000000 07 4208 a08a25 e803'),
    (8, 'no customers', '01030000 00000000'),
    (9, 'one customer of two', '01030000 02000000 0100000000000000 07 4208 a08a25 e803'),
    (10, 'two customers of one', '01030000 01000000 0100000000000000 07 4208 a08a25 e803 0200000000000000 07 4208 a08a25 e803'),
    (11, 'half a key', '01030000 01000000 01000000'),
    (12, 'no length', '01030000 01000000 0100000000000000'),
    (13, 'a byte missing', '01030000 01000000 0100000000000000 07 4208 a08a25 e8'),
    (14, 'a byte too many', '01030000 01000000 0100000000000000 07 4208 a08a25 e803 00'),
    (15, 'keys of 8 bytes for 16', '01130000 01000000 0100000000000000 07 4208 a08a25 e803'),
    (16, 'out of order', '01030000 02000000 0200000000000000 07 4208 a08a25 e803 0100000000000000 07 4208 a08a25 e803'),
    (17, 'twice', '01030000 02000000 0100000000000000 07 4208 a08a25 e803 0100000000000000 07 4208 a08a25 e803'),
    (18, 'length in two bytes', '01030000 01000000 0100000000000000 8700 4208 a08a25 e803'),
    (19, 'length without end', '01030000 01000000 0100000000000000 ffffffffffffffff'),
    (20, 'no breakpoint', '01030000 01000000 0100000000000000 00'),
    (21, 'length too short', '01030000 01000000 0100000000000000 06 4208 a08a25 e8'),
    (22, 'length of one control word', '01030000 01000000 0100000000000000 02 4208'),
    (23, 'moment in four bytes', '01030000 01000000 0100000000000000 08 4308 a08a2500 e803'),
    (24, 'days in quarter hours', '01030000 01000000 0100000000000000 08 4b08 00fc130e e803'),
    (25, 'cents in three bytes', '01030000 01000000 0100000000000000 08 6208 a08a25 e80300'),
    (26, 'cents in millionths', '01030000 01000000 0100000000000000 08 620c a08a25 809698'),
    (27, 'one row in four bytes', '01030000 01000000 0100000000000000 0b 4218 a08a25 01000000 e803'),
    (28, 'minus nothing', '01030000 01000000 0100000000000000 05 020a a08a25'),
    (29, 'reserved control bit', '01030000 01000000 0100000000000000 07 4228 a08a25 e803'),
    (30, 'amount of 11 bytes', '01030000 01000000 0100000000000000 10 6209 a08a25 0102030405060708090a0b'),
    (31, 'amount of ten bytes for nine', '01030000 01000000 0100000000000000 0f 420d a08a25 01020304050607080900'),
    (42, 'amount beyond 2^80', '01030000 01000000 0100000000000000 0f 4209 a08a25 ffffffffffffffffffff'),
    (32, 'a change of nothing', '01030000 01000000 0100000000000000 0a 4208 a08a25 e803 0000 01'),
    (33, 'two changes at one moment', '01030000 01000000 0100000000000000 0c 4208 a08a25 e803 2012 00 e803'),
    (34, 'fewer than no rows', '01030000 01000000 0100000000000000 07 4210 a08a25 e803'),
    (35, 'MRR before any row', '01030000 01000000 0100000000000000 07 4200 a08a25 e803'),
    (36, 'MRR after the last row', '01030000 01000000 0100000000000000 0a 4208 a08a25 e803 0010 01'),
    (37, 'MRR in a ledger without', '01010000 01000000 0100000000000000 07 4208 a08a25 e803'),
    (38, 'after the last timestamp', '01030000 01000000 0100000000000000 08 4308 48508206 e803'),
    (39, 'period of no length', '010b0000 00000000 0000000000000000 0000000000000000 0000000000000000'),
    (40, 'margin of more than 1', '010b0000 00000000 0000000000000000 0100000000000000 010064a7b3b6e00d'),
    (41, 'period cut off', '010b0000 00000000 0000000000000000')
) v (n, what, l) ORDER BY n;
-- Well-formed: the last day there is; no amount; 2^64 cents, in nine bytes.
SELECT (ledger_summary('\x0103000001000000010000000000000008430847508206e803')).last_change,
       (ledger_summary('\x01030000010000000100000000000000050208a08a25')).free_customers, closing_mrr = 184467440737095516.16 AS in_nine_bytes
FROM mrr_movements('\x010300000100000001000000000000000e2209a08a25000000000000000001'::subscription_ledger, '1 month', '2024-01-01', '2024-02-01');
-- No beginning of a ledger is one, nor is one with a byte behind it.
SELECT count(*) AS tried, count(*) FILTER (WHERE pg_temp.err(format('SELECT %L::subscription_ledger', part)) LIKE '22P02: %') AS refused
FROM (SELECT left(l, g) AS part FROM (SELECT with_mrr::text AS l FROM nine WHERE n = 9) q, generate_series(0, length(l) - 1) g
      UNION ALL SELECT l || lpad(to_hex(g), 2, '0') FROM (SELECT with_mrr::text AS l FROM nine WHERE n = 9) q, generate_series(0, 255) g) q;

-- The state of a one-period aggregate travels as text, but is no ledger.
SELECT pg_temp.err(format(call, '\x010b000000000000000000000000000000010000000000000000000000000000')) AS error
FROM (VALUES (1, 'SELECT %L::subscription_ledger'), (2, 'SELECT ledger_summary(%L)'), (3, 'SELECT merge(l) FROM (SELECT %L::subscription_ledger AS l) q'), (4, 'SELECT * FROM churn_by_period(%L::subscription_ledger)')) v (n, call)
ORDER BY n;

-- Union: nothing, one, many; of customers apart and of one customer's rows apart.
SELECT merge(l) IS NULL AS none FROM stored WHERE false;
SELECT merge(l) IS NULL AS nulls FROM stored WHERE l IS NULL;
SELECT n, merge(l)::text = min(l::text) AS one FROM stored WHERE l IS NOT NULL GROUP BY n ORDER BY n;
SELECT merge(l)::text = (SELECT l::text FROM stored WHERE n = 2) AS one_and_null FROM stored WHERE n IN (2, 4);
SELECT parts, (SELECT merge(l)::text FROM (SELECT subscription_ledger(b, d1, d2, mrr) AS l FROM typed GROUP BY abs(hashtext(typed::text)) % parts) q) = (SELECT with_mrr::text FROM nine WHERE n = 1) AS same,
              (SELECT merge(l)::text FROM (SELECT subscription_ledger(u, i1, i2, mrr) AS l FROM typed GROUP BY abs(hashtext(typed::text)) % parts) q) = (SELECT with_mrr::text FROM nine WHERE n = 6) AS same,
              (SELECT merge(l)::text FROM (SELECT subscription_ledger(t, l1, l2) AS l FROM typed GROUP BY abs(hashtext(typed::text)) % parts) q) = (SELECT without_mrr::text FROM nine WHERE n = 8) AS same
FROM (VALUES (1), (2), (3), (5), (1000)) v (parts);
-- The union of ledgers of the same rows has them twice: customer 1 pays 10 twice in June.
SELECT closing_mrr, closing_customers FROM (SELECT merge(l) AS l FROM (SELECT l FROM stored WHERE n = 1 UNION ALL SELECT l FROM stored WHERE n = 1) q) q, mrr_movements(l, since => '2024-06-01', until => '2024-07-01');
SELECT pg_temp.err(format('SELECT merge(l ORDER BY n) FROM (SELECT 1 AS n, %s AS l FROM typed UNION ALL SELECT 2, %s FROM typed) q', a, b)) AS error
FROM (VALUES
    (1, 'subscription_ledger(b, d1, d2, mrr)', 'subscription_ledger(b, d1, d2)'),
    (2, 'subscription_ledger(b, d1, d2, mrr)', 'subscription_ledger(b, i1, i2, mrr)'),
    (3, 'subscription_ledger(b, d1, d2, mrr)', 'subscription_ledger(u, d1, d2, mrr)'),
    (4, 'subscription_ledger(u, i1, i2)', 'subscription_ledger(t, i1, i2)'),
    (5, 'subscription_ledger(t, l1, l2)', 'subscription_ledger(b, i1, i2, mrr)'),
    (6, 'subscription_ledger(b, d1, d2, mrr)', 'subscription_ledger(b, l1, l2, mrr)')
) v (n, a, b) ORDER BY n;

-- Amounts are kept to six decimals, a half away from zero. A second row of 9e12 keeps the sum positive.
CREATE FUNCTION pg_temp.kept(amount numeric) RETURNS numeric LANGUAGE sql AS $$
    SELECT closing_mrr - 9000000000000
    FROM (SELECT subscription_ledger(1, date '2024-01-01', NULL, m) AS l FROM (VALUES (amount), (9000000000000)) v (m)) q, mrr_movements(l, '1 year', '2024-01-01', '2025-01-01')
$$;
SELECT amount, pg_temp.kept(amount) AS kept, pg_temp.kept(amount) = wanted AS ok
FROM (VALUES
    (1, 0.0000005, 0.000001), (2, 0.00000049999999999999999999, 0), (3, -0.0000005, -0.000001), (4, -0.00000049999, 0), (5, 0.0000015, 0.000002), (6, 0.0000025, 0.000003),
    (7, 0.000001, 0.000001), (8, -0.000001, -0.000001), (9, 0.1234565, 0.123457), (10, 0.12345649, 0.123456), (11, 0.00005, 0.00005), (12, 0.0001, 0.0001), (13, 1e-20, 0), (14, 0.00, 0),
    (15, 1e11, 1e11), (16, 1e12, 1e12), (17, 999999999999, 999999999999), (18, 999999999999.9999995, 1e12), (19, 99999999.9999994999, 99999999.999999), (20, 123456789012, 123456789012),
    (21, 123456789012.3456789, 123456789012.345679), (22, -123456789012.3456785, -123456789012.345679), (23, 10000, 10000), (24, 9999.9999995, 10000), (25, 10000.0000005, 10000.000001),
    (26, 9223372036854.775807, 9223372036854.775807), (27, 9223372036854.77580749, 9223372036854.775807), (28, -8999999999999.999999, -8999999999999.999999), (29, 49.90, 49.9), (30, 1e0, 1)
) v (n, amount, wanted) ORDER BY n;
-- Thousands of amounts, of 1 to 24 digits with the point anywhere, against round(): read short and by the general conversion (more than
-- 63 decimals, or 1e12 and more), from a table and from an expression.
CREATE TABLE amounts AS
SELECT g, (CASE WHEN g % 3 = 0 THEN '-' ELSE '' END || left(digits, 1 + g % 24))::numeric * (10::numeric ^ -((g / 24) % 20)) AS amount
FROM (SELECT g, translate(md5(g::text), 'abcdef', '012399') AS digits FROM generate_series(1, 6000) g) q;
INSERT INTO amounts SELECT 10000 + row_number() OVER (ORDER BY a, b), a + b FROM (VALUES (0.0), (1), (9999), (10000), (99999999), (100000000), (999999999999), (1000000000000)) v (a), (VALUES (0.0000005), (0.00000049999999), (0.0000004), (0.0000015), (0.00009999), (0.00999950)) w (b);
INSERT INTO amounts SELECT g + 20000, round(amount, 70) FROM amounts WHERE g % 10 = 0;
DELETE FROM amounts WHERE abs(amount) >= 9000000000000;
SELECT count(*) > 5000 AS thousands, count(*) FILTER (WHERE amount < 0) > 1000 AS negative, count(*) FILTER (WHERE abs(amount) < 0.000001 AND amount <> 0) > 100 AS tiny,
       count(*) FILTER (WHERE abs(amount) >= 1e12) > 100 AS large, max(scale(amount)) > 63 AS long FROM amounts;
SELECT count(*) AS differences FROM (
    SELECT a.g, closing_mrr - 9000000000000 AS kept, round(amount, 6) AS wanted
    FROM (SELECT a.g, amount, subscription_ledger(1, date '2024-01-01', NULL, m) AS l FROM amounts a, LATERAL (VALUES (9000000000000), (amount)) v (m) GROUP BY a.g, amount) a,
         mrr_movements(l, '1 year', '2024-01-01', '2025-01-01')
    UNION ALL
    SELECT a.g, closing_mrr - 9000000000000, round(amount, 6)
    FROM (SELECT g, sum(amount) AS amount, merge(l) AS l FROM (SELECT g, amount, subscription_ledger(1, date '2024-01-01', NULL, amount) AS l FROM amounts GROUP BY g, amount
                                                                UNION ALL SELECT g, 0, subscription_ledger(1, date '2024-01-01', NULL, 9000000000000) FROM amounts GROUP BY g) q GROUP BY g) a,
         mrr_movements(l, '1 year', '2024-01-01', '2025-01-01')) q
WHERE kept <> wanted;

-- One customer with 100,000 rows: its breakpoints and its MRR, against sums.
CREATE TABLE heavy AS SELECT date '2000-01-01' + g * 79 % 6000 AS started_at, date '2000-01-01' + g * 79 % 6000 + 1 + g * 1009 % 900 AS ended_at, g % 89 - 30 + 0.25 AS mrr FROM generate_series(1, 100000) g;
SELECT s.customers, s.changes = (SELECT count(*) FROM (SELECT 1 FROM (SELECT started_at AS at, 1 AS rows, mrr FROM heavy UNION ALL SELECT ended_at, -1, -mrr FROM heavy) c GROUP BY at HAVING sum(rows) <> 0 OR sum(mrr) <> 0) q) AS changes,
       s.running_customers, (SELECT count(*) FROM mrr_movements(l, '1 month', '2000-01-01', '2020-01-01') m
                             WHERE closing_mrr <> greatest((SELECT coalesce(sum(mrr), 0) FROM heavy h WHERE h.started_at < m.period_end AND h.ended_at >= m.period_end), 0)) AS differences
FROM (SELECT subscription_ledger('the one', started_at, ended_at, mrr) AS l FROM heavy) q, ledger_summary(l) s;
SELECT merge(l)::text = (SELECT subscription_ledger('the one', started_at, ended_at, mrr)::text FROM heavy) AS of_parts
FROM (SELECT subscription_ledger('the one', started_at, ended_at, mrr) AS l FROM heavy GROUP BY extract(month FROM ended_at)) q;

-- Thousands of customers: the ledger of all is the union of any parts, down to one customer and to one row each.
CREATE TABLE many AS
SELECT g, g * 7919 % 5003 AS customer, timestamp '2020-01-01' + g * 31 % 1500 * interval '1 day' + g % 7 * interval '1 hour' AS started_at,
       CASE WHEN g % 4 > 0 THEN timestamp '2024-06-01' + g % 900 * interval '1 day' + g % 3 * interval '1 microsecond' END AS ended_at, (g % 50) * 9.99 - 20 AS mrr
FROM generate_series(1, 12000) g;
CREATE TABLE whole AS
SELECT 'bigint' AS kind, subscription_ledger(customer, started_at, ended_at, mrr) AS l FROM many
UNION ALL SELECT 'text', subscription_ledger('c' || customer, started_at, ended_at, mrr) FROM many
UNION ALL SELECT 'uuid', subscription_ledger(md5(customer::text)::uuid, started_at::date, ended_at::date) FROM many;
SELECT kind, s.customers, s.bytes > 64 * 1024 AS large, l::text::subscription_ledger::text = l::text AS as_text FROM whole, ledger_summary(l) s ORDER BY kind;
SELECT part, count(*) AS kinds, count(*) FILTER (WHERE l::text = (SELECT l::text FROM whole w WHERE w.kind = q.kind)) AS same
FROM (
    SELECT part, 'bigint' AS kind, merge(l) AS l FROM (SELECT part, subscription_ledger(customer, started_at, ended_at, mrr) AS l
        FROM many, LATERAL (VALUES ('2 halves', g % 2), ('large and small', (g > 100)::int), ('customers', customer), ('rows', g)) p (part, k) GROUP BY part, k) q GROUP BY part
    UNION ALL SELECT part, 'text', merge(l) FROM (SELECT part, subscription_ledger('c' || customer, started_at, ended_at, mrr) AS l
        FROM many, LATERAL (VALUES ('2 halves', g % 2), ('large and small', (g > 100)::int), ('customers', customer), ('rows', g)) p (part, k) GROUP BY part, k) q GROUP BY part
    UNION ALL SELECT part, 'uuid', merge(l) FROM (SELECT part, subscription_ledger(md5(customer::text)::uuid, started_at::date, ended_at::date) AS l
        FROM many, LATERAL (VALUES ('2 halves', g % 2), ('large and small', (g > 100)::int), ('customers', customer), ('rows', g)) p (part, k) GROUP BY part, k) q GROUP BY part
) q GROUP BY part ORDER BY part;
SELECT count(DISTINCT l) AS ledgers FROM (
    SELECT subscription_ledger(customer, started_at, ended_at, mrr ORDER BY g)::text AS l FROM many UNION ALL SELECT subscription_ledger(customer, started_at, ended_at, mrr ORDER BY md5(g::text))::text FROM many
    UNION ALL SELECT subscription_ledger(customer, started_at, ended_at, mrr ORDER BY customer, started_at DESC)::text FROM many) q;

-- Sums of more than 64 bits of millionths: 100,000 rows of 9e12, of one customer and of 100,000.
SELECT closing_mrr, new_mrr, arpa FROM (SELECT subscription_ledger(1, date '2024-01-01', NULL, 9e12) AS l FROM generate_series(1, 100000)) q, mrr_movements(l, '1 year', '2024-01-01', '2025-01-01');
SELECT closing_mrr, closing_customers, arpa FROM (SELECT subscription_ledger(g, date '2024-01-01', NULL, 9e12) AS l FROM generate_series(1, 100000) g) q, mrr_movements(l, '1 year', '2024-01-01', '2025-01-01');
SELECT l::text::subscription_ledger::text = l::text AS as_text, closing_mrr FROM (SELECT subscription_ledger(1, date '2024-01-01' + g % 3, NULL, 9e12) AS l FROM generate_series(1, 300000) g) q, mrr_movements(l, '1 year', '2024-01-01', '2025-01-01');
-- At one moment a customer's MRR changes by less than 2^80 millionths: 1208925.8e18, or 134,325 times 9e12.
SELECT pg_temp.err('SELECT subscription_ledger(1, date ''2024-01-01'', NULL, 9e12) FROM generate_series(1, ' || n || ')') AS error FROM (VALUES (134325), (134326)) v (n) ORDER BY n;

-- Support functions are of no use outside of an aggregate, and do no harm.
SELECT pg_temp.err('SELECT ' || call) AS error FROM (VALUES
    (1, 'subscription_ledger_trans(NULL, 1, date ''2024-01-01'', NULL)'), (2, 'subscription_ledger_trans(NULL, ''x'', timestamptz ''2024-01-01'', NULL, 5)'),
    (3, 'subscription_ledger_trans(l, 1, date ''2024-01-01'', NULL, 5) FROM stored WHERE n = 1'), (4, 'subscription_ledger_combine(NULL, NULL)'),
    (5, 'subscription_ledger_combine(l, l) FROM stored WHERE n = 1'), (6, 'merge_trans(NULL, NULL)'), (7, 'merge_trans(l, l) FROM stored WHERE n = 3'),
    (8, 'period_trans(NULL, 1, date ''2024-01-01'', NULL, daterange(''2024-01-01'', ''2024-02-01''))'), (9, 'churn_rate_final(l) FROM stored WHERE n = 1'),
    (10, 'clv_final(''\x010b000000000000000000000000000000010000000000000000000000000000'')')
) v (n, call) ORDER BY n;
SELECT subscription_ledger_final(NULL) AS nothing, subscription_ledger_final(l)::text = l::text AS itself, churn_rate_final(NULL) AS nothing FROM stored WHERE n = 1;

-- Windows: cumulative, and a frame that moves. Rows in order of their start: customers 2, 4, 5, 7 and 8, 1, 5 again, ...
SELECT customer, started_at, mrr, (ledger_summary(subscription_ledger(customer, started_at, ended_at, mrr) OVER w)).customers AS so_far,
       (ledger_summary(subscription_ledger(customer, started_at, ended_at, mrr) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW))).customers AS of_two
FROM small WHERE customer IS NOT NULL WINDOW w AS (ORDER BY started_at, customer, mrr) ORDER BY started_at, customer, mrr;
-- The same where the state becomes large on the way, and is read again and again.
SELECT count(*) AS rows, count(*) FILTER (WHERE s.customers = g) AS so_far, count(*) FILTER (WHERE s.bytes = 12 + 14 * g) AS bytes, count(*) FILTER (WHERE w.customers = least(g, 100)) AS of_hundred
FROM (SELECT g, subscription_ledger(g, date '2024-01-01', NULL, 0) OVER (ORDER BY g) AS l, subscription_ledger(g, date '2024-01-01', NULL, 0) OVER (ORDER BY g ROWS 99 PRECEDING) AS frame FROM generate_series(1, 4500) g) q,
     ledger_summary(l) s, ledger_summary(frame) w;
SELECT g, (ledger_summary(merge(l) OVER (ORDER BY g))).customers FROM (SELECT g, subscription_ledger(c, date '2024-01-01', NULL) AS l FROM generate_series(1, 4) g, generate_series(1, g * 3000) c GROUP BY g) q ORDER BY g;

-- Many groups at once, plain, filtered and in grouping sets.
SELECT count(*) AS groups, sum((ledger_summary(l)).changes) AS changes FROM (SELECT g, subscription_ledger(g, date '2024-01-01', '2024-02-01', 5) AS l FROM generate_series(1, 20000) g GROUP BY g) q;
SELECT even, (ledger_summary(l)).customers, (ledger_summary(f)).customers AS filtered
FROM (SELECT customer % 2 = 0 AS even, subscription_ledger(customer, started_at, ended_at, mrr) AS l, subscription_ledger(customer, started_at, ended_at, mrr) FILTER (WHERE mrr > 0) AS f FROM small WHERE customer IS NOT NULL GROUP BY ROLLUP (1)) q
ORDER BY even;

-- What the planner may assume, and a comment for everything.
SELECT p.prokind AS kind, count(*), count(*) FILTER (WHERE provolatile = 'i' AND proparallel = 's' AND obj_description(p.oid, 'pg_proc') IS NOT NULL) AS well_marked
FROM pg_proc p WHERE proname LIKE 'subscription\_ledger%' OR proname IN ('merge', 'merge_trans', 'ledger_summary') GROUP BY p.prokind ORDER BY p.prokind;
SELECT count(*) AS aggregates, count(*) FILTER (WHERE aggcombinefn <> 0 AND aggfinalmodify = 'r' AND aggtransspace > 0 AND agginitval IS NULL) AS well_made
FROM pg_aggregate WHERE aggtranstype = 'subscription_ledger'::regtype;

SET client_min_messages = warning;
DROP SCHEMA test_ledger CASCADE;
