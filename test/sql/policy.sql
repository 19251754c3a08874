-- churn_policy: how to count where vendors differ. What the presets are: presets.sql; all axes on many rows, against plain SQL: policy_oracle.sql.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET extra_float_digits = 0;
SET TimeZone = 'UTC';
CREATE SCHEMA test_policy;
SET search_path = test_policy, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- The standard: opening is just before the period, snapshots, the opening as denominator; no grace, any absence counts, reactivation at any time; 1 period.
SELECT * FROM churn_policy();
SELECT churn_policy() = churn_policy('standard') AS preset, churn_policy() = churn_policy(preset => 'standard', grace => NULL, boundary => NULL) AS nulls, pg_typeof(churn_policy()) AS type;
-- Every axis may be given as what it is.
SELECT churn_policy(boundary => 'before', basis => 'snapshot', denominator => 'opening', count_transient => false, grace => '0', reactivation_window => NULL,
                    minimum_absence => '0 months', count_free => false, reactivation_offsets => false, lookback => 1, smoothing => 1) = churn_policy() AS standard;
-- Every axis at its other value; by position, too.
SELECT * FROM churn_policy('standard', 'at', 'events', 'opening_plus_new', true, '31 days', '90 days', '1 month', true, true, 12, 6);
SELECT (churn_policy(denominator => 'average')).denominator, (churn_policy(reactivation_window => '0')).reactivation_window,
       (churn_policy(grace => '1 month 2 days 03:04:05.678901')).grace, (churn_policy(lookback => 10000, smoothing => 10000)).*;
-- The longest intervals.
SELECT (churn_policy(grace => '100 years')).grace, (churn_policy(reactivation_window => '1200 months')).reactivation_window, (churn_policy(minimum_absence => '36500 days')).minimum_absence;
-- The presets in the order of the documentation; the function makes what the table shows.
SELECT v.preset, to_jsonb(v) - 'preset' - 'n' = to_jsonb(churn_policy(v.preset)) AS same
FROM churn_policies() WITH ORDINALITY v (preset, boundary, basis, denominator, count_transient, grace, reactivation_window, minimum_absence, count_free, reactivation_offsets, lookback, smoothing, n)
ORDER BY n;
SELECT * FROM churn_policies() WHERE preset = 'standard';
-- An axis changes a preset in this axis only.
SELECT (churn_policy('recurly', minimum_absence => '2 months')).minimum_absence, to_jsonb(churn_policy('recurly', minimum_absence => '2 months')) - 'minimum_absence' = to_jsonb(churn_policy('recurly')) - 'minimum_absence' AS others;

-- Nonsense: the allowed values.
SELECT pg_temp.err(format('SELECT churn_policy(%s)', arguments)) AS error FROM (VALUES
    (1, '''Stripe'''), (2, ''''''), (3, 'NULL'), (4, 'boundary => ''after'''), (5, 'basis => ''event'''), (6, 'denominator => '''''), (7, 'boundary => ''BEFORE'''), (8, 'basis => ''Events'''),
    (10, 'grace => ''-1 days'''), (11, 'grace => ''1 month -1 days'''), (12, 'grace => ''-1 month 40 days'''), (13, 'grace => ''1 day -1 second'''), (14, 'grace => ''101 years'''), (15, 'grace => ''40000 days'''),
    (16, 'grace => ''1000000 hours'''), (17, 'grace => ''100 years 1 month'''),
    (20, 'reactivation_window => ''-90 days'''), (21, 'reactivation_window => ''101 years'''), (22, 'minimum_absence => ''-1 month'''), (23, 'minimum_absence => ''-1 second'''), (24, 'minimum_absence => ''1300 months'''),
    (30, 'lookback => 0'), (31, 'lookback => -12'), (32, 'lookback => 10001'), (33, 'smoothing => 0'), (34, 'smoothing => 10001'), (35, 'smoothing => 2147483647')
) v (n, arguments) ORDER BY n;
-- The first axis that is wrong is named.
SELECT pg_temp.err($$SELECT churn_policy(boundary => 'on', lookback => 0)$$) AS error UNION ALL SELECT pg_temp.err($$SELECT churn_policy(boundary => 'at', lookback => 0)$$);
-- An infinite interval is too long, in the versions that have one.
SELECT current_setting('server_version_num')::int < 170000
       OR (SELECT bool_and(pg_temp.err(format('SELECT churn_policy(%s => %L)', axis, length)) LIKE format('22023: policy %s must be between 0 and 100 years, not %s / Give %%', axis, length))
           FROM (VALUES ('grace'), ('reactivation_window'), ('minimum_absence')) a (axis), (VALUES ('infinity'), ('-infinity')) l (length)) AS infinite;

-- In a report: made by the function, made by hand, stored; NULL is the standard.
CREATE TABLE subs (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO subs VALUES (1, '2024-01-05', NULL, 10), (2, '2024-01-10', '2024-02-15', 20);
CREATE TABLE policies (name text, policy churn_policy);
INSERT INTO policies VALUES ('none', NULL), ('made', churn_policy()), ('by hand', ROW('before', 'snapshot', 'opening', false, '0', NULL, '0', false, false, 1, 1)::churn_policy);
SELECT name, c.churned_customers, c.churn_rate, m.churned_mrr, r.customers
FROM policies, churn_by_period('TABLE subs', '1 month', '2024-02-01', '2024-03-01', NULL, policy) c, mrr_movements('TABLE subs', '1 month', '2024-02-01', '2024-03-01', policy => policies.policy) m,
     cohort_retention('TABLE subs', '1 month', '2024-02-01', '2024-03-01', NULL, policy) r ORDER BY name;
SELECT name, round(churn_rate(customer, started_at, ended_at, mrr, daterange('2024-02-01', '2024-03-01'), policy), 4) AS churn_rate FROM subs, policies GROUP BY name ORDER BY name;
-- Made by hand, and wrong: in every report and aggregate.
SELECT pg_temp.err(format('SELECT * FROM churn_by_period(''TABLE subs'', policy => ROW(%s)::churn_policy)', fields)) AS error FROM (VALUES
    (1, '''on'', ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 1'),
    (2, '''before'', ''snapshots'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 1'),
    (3, '''before'', ''snapshot'', ''closing'', false, ''0'', NULL, ''0'', false, false, 1, 1'),
    (4, '''before'', ''snapshot'', ''opening'', false, ''0'', ''-90 days'', ''0'', false, false, 1, 1'),
    (5, '''before'', ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 0'),
    (6, '''before'', ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 10001, 1')
) v (n, fields) ORDER BY n;
SELECT field, pg_temp.err(format('SELECT * FROM mrr_movements(''TABLE subs'', policy => (SELECT jsonb_populate_record(churn_policy(), %L)))', jsonb_build_object(field, NULL))) AS error
FROM (VALUES (1, 'boundary'), (2, 'basis'), (3, 'denominator'), (4, 'count_transient'), (5, 'grace'), (6, 'reactivation_window'), (7, 'minimum_absence'), (8, 'count_free'), (9, 'reactivation_offsets'), (10, 'lookback'), (11, 'smoothing')) v (n, field)
ORDER BY n;
SELECT pg_temp.err(format('SELECT %s, ROW(''before'', ''snapshot'', ''opening'', NULL, ''0'', NULL, ''0'', false, false, 1, 1)::churn_policy) FROM subs', aggregate)) AS error
FROM (VALUES (1, 'churn_rate(customer, started_at, ended_at, daterange(''2024-02-01'', ''2024-03-01'')'), (2, 'nrr(customer, started_at, ended_at, mrr, daterange(''2024-02-01'', ''2024-03-01'')'),
             (3, 'clv(customer, started_at, ended_at, mrr, daterange(''2024-02-01'', ''2024-03-01''), 1')) v (n, aggregate) ORDER BY n;
-- A row of NULLs is not NULL.
SELECT pg_temp.err('SELECT * FROM cohort_retention(''TABLE subs'', policy => ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::churn_policy)') AS error;
-- The policy is checked where there is nothing to report, too.
SELECT pg_temp.err(format('SELECT * FROM %s(NULL::subscription_ledger, policy => ROW(''on'', ''snapshot'', ''opening'', false, ''0'', NULL, ''0'', false, false, 1, 1)::churn_policy)', report)) AS error
FROM (VALUES ('churn_by_period'), ('mrr_movements'), ('cohort_retention')) v (report);
-- One period is one row, and has one policy: what needs several is an error, and so are two policies in one group. Equal ones are one, NULL is the standard.
SELECT aggregate, pg_temp.err(format('SELECT %s FROM subs', replace(aggregate, 'POLICY', 'churn_policy(lookback => 12)'))) AS lookback,
       pg_temp.err(format('SELECT %s FROM subs', replace(aggregate, 'POLICY', 'churn_policy(smoothing => 6)'))) AS smoothing,
       pg_temp.err(format('SELECT %s FROM subs', replace(aggregate, 'POLICY', 'CASE customer WHEN 1 THEN churn_policy(grace => ''1 day'') ELSE churn_policy(grace => ''24 hours'') END'))) AS two,
       pg_temp.err(format('SELECT %s FROM subs', replace(aggregate, 'POLICY', 'CASE customer WHEN 1 THEN churn_policy(basis => ''snapshot'', grace => ''0 days'') END'))) AS one
FROM (VALUES (1, 'churn_rate(customer, started_at, ended_at, daterange(''2024-02-01'', ''2024-03-01''), POLICY)'), (2, 'retention_rate(customer, started_at, ended_at, mrr, daterange(''2024-02-01'', ''2024-03-01''), POLICY)'),
             (3, 'clv(customer, started_at, ended_at, mrr, daterange(''2024-02-01'', ''2024-03-01''), 0.8, POLICY)')) v (n, aggregate) ORDER BY n;
SELECT axis, pg_temp.err(format('SELECT grr(customer, started_at, ended_at, mrr, daterange(''2024-02-01'', ''2024-03-01''), CASE customer WHEN 1 THEN churn_policy(%s) END) FROM subs', axis)) AS two_policies
FROM (VALUES (1, 'boundary => ''at'''), (2, 'basis => ''events'''), (3, 'denominator => ''average'''), (4, 'count_transient => true'), (5, 'grace => ''1 day'''), (6, 'reactivation_window => ''0'''), (7, 'minimum_absence => ''1 day'''),
             (8, 'count_free => true'), (9, 'reactivation_offsets => true')) v (n, axis) ORDER BY n;
-- The name of a preset is no policy.
SELECT pg_temp.err('SELECT * FROM churn_by_period(''TABLE subs'', policy => ''stripe'')') AS error;
-- The other arguments are checked as ever.
SELECT pg_temp.err(format('SELECT nrr(customer, started_at, ended_at, mrr, %s, churn_policy(''stripe'')) FROM subs', period)) AS error
FROM (VALUES (1, 'NULL::daterange'), (2, 'daterange(''2024-02-01'', NULL)'), (3, 'daterange(''2024-02-01'', date ''2024-03-01'' + customer)')) v (n, period) ORDER BY n;

-- What the planner may assume, and a comment for everything.
SELECT proname, provolatile, proisstrict, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL AS described FROM pg_proc WHERE proname IN ('churn_policy', 'churn_policies') ORDER BY proname;
SELECT count(*) AS fields, count(col_description(attrelid, attnum)) AS described, obj_description('churn_policy'::regtype, 'pg_type') IS NOT NULL AS type_described
FROM pg_attribute WHERE attrelid = 'churn_policy'::regclass AND attnum > 0;
SELECT proname, count(*) AS overloads, bool_and(provolatile = 'i' AND proparallel = 's' AND obj_description(oid, 'pg_proc') LIKE '%by a policy') AS as_they_should
FROM pg_proc WHERE prokind = 'a' AND proargtypes[pronargs - 1] = 'churn_policy'::regtype GROUP BY proname ORDER BY proname;

-- Counted by hand ------------------------------------------------------------------------------------------
-- A period in one line, so that a hand can write it:
--   opening+new+reactivated-churned=closing transient/transient_new churn_rate; opening+new+reactivation+expansion-contraction-churned=closing gross_mrr_churn net_mrr_churn
-- with rates of at most 4 digits, "-" for NULL. "hand" is whether that is what was counted by hand. "everywhere" is whether a ledger and the query's text give the same, the other columns
-- follow from these, and the aggregates of one period have the value of the row.
CREATE FUNCTION pg_temp.brief(rate numeric) RETURNS text LANGUAGE sql AS $$SELECT coalesce(trim_scale(round(rate, 4))::text, '-')$$;
CREATE FUNCTION pg_temp.months(a date, b date) RETURNS numeric LANGUAGE sql AS $$
    SELECT CASE WHEN extract(day FROM a) = 1 AND extract(day FROM b) = 1 THEN 
        (extract(year FROM b) - extract(year FROM a)) * 12 + extract(month FROM b) - extract(month FROM a) ELSE (b - a) * 12 / 365.25 END$$;
CREATE FUNCTION pg_temp.counted(source text, policy churn_policy, since date, until date, every interval DEFAULT '1 month')
RETURNS TABLE (period_start date, counted text, everywhere boolean) LANGUAGE plpgsql AS $$
DECLARE
    ranges text;
    standard boolean := policy IS NULL;
BEGIN
    EXECUTE format('SELECT CASE pg_typeof(started_at) WHEN ''date''::regtype THEN ''daterange'' WHEN ''timestamp''::regtype THEN ''tsrange'' ELSE ''tstzrange'' END '
                   'FROM (%s) q (customer, started_at, ended_at, mrr) LIMIT 1', source) INTO ranges;
    RETURN QUERY EXECUTE format($query$
        WITH q AS MATERIALIZED (SELECT * FROM (%1$s) q (customer, started_at, ended_at, mrr)),
        l AS MATERIALIZED (SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS ledger FROM q),
        c AS MATERIALIZED (SELECT * FROM churn_by_period(%1$L, $1, $2, $3, NULL, $4)),
        m AS MATERIALIZED (SELECT * FROM mrr_movements(%1$L, $1, $2, $3, NULL, $4)),
        series AS (SELECT c.*, m.opening_mrr, m.new_mrr, m.reactivation_mrr, m.expansion_mrr, m.contraction_mrr, m.churned_mrr, m.closing_mrr, m.gross_mrr_churn, m.net_mrr_churn,
                          1 - c.churn_rate IS NOT DISTINCT FROM c.retention_rate AND 1 - m.gross_mrr_churn IS NOT DISTINCT FROM m.grr AND 1 - m.net_mrr_churn IS NOT DISTINCT FROM m.nrr
                          AND m.net_new_mrr = m.closing_mrr - m.opening_mrr AND m.closing_customers = c.closing_customers AND m.complete = c.complete
                          AND round((m.new_mrr + m.reactivation_mrr + m.expansion_mrr) / nullif(m.contraction_mrr + m.churned_mrr, 0), 6) IS NOT DISTINCT FROM round(m.quick_ratio, 6)
                          AND round(m.closing_mrr / nullif(m.closing_customers, 0), 6) IS NOT DISTINCT FROM round(m.arpa, 6)
                          AND c.opening_customers + c.new_customers + c.reactivated_customers - c.churned_customers = c.closing_customers
                          AND m.opening_mrr + m.new_mrr + m.reactivation_mrr + m.expansion_mrr - m.contraction_mrr - m.churned_mrr = m.closing_mrr
                          AND ($5 > 1 OR (lag(c.closing_customers, 1, c.opening_customers) OVER w = c.opening_customers AND lag(m.closing_mrr, 1, m.opening_mrr) OVER w = m.opening_mrr)) AS follows
                   FROM c JOIN m USING (period_start, period_end) WINDOW w AS (ORDER BY period_start)),
        ledger AS (SELECT NOT EXISTS (SELECT * FROM c EXCEPT ALL SELECT p.* FROM l, churn_by_period(l.ledger, $1, $2, $3, NULL, $4) p)
                          AND NOT EXISTS (SELECT * FROM m EXCEPT ALL SELECT p.* FROM l, mrr_movements(l.ledger, $1, $2, $3, NULL, $4) p)
                          AND (SELECT count(*) FROM l, churn_by_period(l.ledger, $1, $2, $3, NULL, $4) p) = (SELECT count(*) FROM c) AS same),
        one AS (SELECT p.period_start, churn_rate(customer, started_at, ended_at, mrr, period, $6) AS churn, retention_rate(customer, started_at, ended_at, mrr, period, $6) AS retention,
                       mrr_churn(customer, started_at, ended_at, mrr, period, $6) AS gross, net_mrr_churn(customer, started_at, ended_at, mrr, period, $6) AS net,
                       grr(customer, started_at, ended_at, mrr, period, $6) AS grr, nrr(customer, started_at, ended_at, mrr, period, $6) AS nrr, clv(customer, started_at, ended_at, mrr, period, 0.5, $6) AS clv
                FROM q, (SELECT c.period_start, %2$s(c.period_start, c.period_end) AS period FROM c WHERE $5 = 1) p GROUP BY p.period_start)
        SELECT s.period_start, concat(opening_customers, '+', new_customers, '+', reactivated_customers, '-', churned_customers, '=', closing_customers, ' ',
                                      transient_customers, '/', transient_new_customers, ' ', pg_temp.brief(churn_rate), '; ',
                                      trim_scale(opening_mrr), '+', trim_scale(new_mrr), '+', trim_scale(reactivation_mrr), '+', trim_scale(expansion_mrr), '-',
                                      trim_scale(contraction_mrr), '-', trim_scale(churned_mrr), '=', trim_scale(closing_mrr), ' ',
                                      pg_temp.brief(gross_mrr_churn), ' ', pg_temp.brief(net_mrr_churn)),
               follows AND ledger.same AND ($5 > 1 OR (one.period_start IS NOT NULL
               AND one.churn IS NOT DISTINCT FROM s.churn_rate AND one.retention IS NOT DISTINCT FROM s.retention_rate AND one.gross IS NOT DISTINCT FROM s.gross_mrr_churn AND one.net IS NOT DISTINCT FROM s.net_mrr_churn
               AND round(one.grr, 12) IS NOT DISTINCT FROM round(1 - s.gross_mrr_churn, 12) AND round(one.nrr, 12) IS NOT DISTINCT FROM round(1 - s.net_mrr_churn, 12)
               AND round(one.clv, 6) IS NOT DISTINCT FROM round(0.5 * opening_mrr / nullif(opening_customers, 0) * pg_temp.months(s.period_start, s.period_end) / nullif(churn_rate, 0), 6)))
        FROM series s CROSS JOIN ledger LEFT JOIN one USING (period_start) ORDER BY period_start$query$, source, ranges)
    USING every, since, until, policy, CASE WHEN standard THEN 1 ELSE greatest((policy).lookback, (policy).smoothing) END,
          CASE WHEN standard OR greatest((policy).lookback, (policy).smoothing) = 1 THEN policy END;
END $$;
CREATE FUNCTION pg_temp.by_hand(source text, policy churn_policy, since date, until date, expected text[], every interval DEFAULT '1 month')
RETURNS TABLE (period_start date, counted text, hand boolean, everywhere boolean) LANGUAGE sql AS $$
    SELECT c.period_start, c.counted, c.counted IS NOT DISTINCT FROM h.line, c.everywhere
    FROM (SELECT *, row_number() OVER (ORDER BY period_start) AS n FROM pg_temp.counted(source, policy, since, until, every)) c FULL JOIN unnest(expected) WITH ORDINALITY h (line, n) USING (n)$$;
-- The same of what runs, without mrr: opening+new+reactivated-churned=closing transient/transient_new churn_rate. count_free must not matter there.
CREATE FUNCTION pg_temp.runs_by_hand(source text, policy churn_policy, since date, until date, expected text[], every interval DEFAULT '1 month')
RETURNS TABLE (period_start date, counted text, hand boolean, everywhere boolean) LANGUAGE plpgsql AS $$
DECLARE
    rows text := format('SELECT customer, started_at, ended_at FROM (%s) q (customer, started_at, ended_at, mrr)', source);
    free churn_policy := jsonb_populate_record(policy, '{"count_free": true}');
BEGIN
    RETURN QUERY EXECUTE format($query$
        WITH q AS MATERIALIZED (%1$s),
        c AS MATERIALIZED (SELECT * FROM churn_by_period(%1$L, $1, $2, $3, NULL, $4)),
        others AS (SELECT p.* FROM (SELECT subscription_ledger(customer, started_at, ended_at) AS l FROM q) q, churn_by_period(l, $1, $2, $3, NULL, $4) p
                   UNION SELECT p.* FROM (SELECT subscription_ledger(customer, started_at, ended_at) AS l FROM q) q, churn_by_period(l, $1, $2, $3, NULL, $5) p),
        one AS (SELECT c.period_start, churn_rate(customer, started_at, ended_at, daterange(c.period_start, c.period_end), $4) AS churn,
                       retention_rate(customer, started_at, ended_at, daterange(c.period_start, c.period_end), $5) AS retention
                FROM q, c GROUP BY c.period_start),
        cohorts AS (SELECT period_start, sum(customers) AS customers, count(cohort_mrr) + count(mrr) + count(mrr_retention) + count(cumulative_mrr) AS amounts
                    FROM cohort_retention(%1$L, $1, $2, $3, NULL, $4) GROUP BY period_start),
        line AS (SELECT c.period_start, concat(opening_customers, '+', new_customers, '+', reactivated_customers, '-', churned_customers, '=', closing_customers, ' ',
                                               transient_customers, '/', transient_new_customers, ' ', pg_temp.brief(churn_rate)) AS counted,
                        one.churn IS NOT DISTINCT FROM churn_rate AND one.retention IS NOT DISTINCT FROM retention_rate
                        AND opening_customers + new_customers + reactivated_customers - churned_customers = closing_customers
                        AND coalesce(cohorts.customers, 0) = closing_customers AND coalesce(amounts, 0) = 0
                        AND NOT EXISTS (TABLE c EXCEPT TABLE others) AND NOT EXISTS (TABLE others EXCEPT TABLE c) AS everywhere
                 FROM c JOIN one USING (period_start) LEFT JOIN cohorts USING (period_start))
        SELECT l.period_start, l.counted, l.counted IS NOT DISTINCT FROM h.line, l.everywhere
        FROM (SELECT *, row_number() OVER (ORDER BY line.period_start) AS n FROM line) l FULL JOIN unnest($6) WITH ORDINALITY h (line, n) USING (n) ORDER BY n$query$, rows)
    USING every, since, until, policy, free, expected;
END $$;
-- A cohort in one line: size/cohort_mrr: customers(mrr) of its periods. "everywhere": from a ledger the same, the other columns follow, and the sums over the cohorts are the closings of the series.
CREATE FUNCTION pg_temp.cohorts_by_hand(source text, policy churn_policy, since date, until date, expected text[], every interval DEFAULT '1 month')
RETURNS TABLE (cohort date, counted text, hand boolean, everywhere boolean) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($query$
        WITH r AS MATERIALIZED (SELECT * FROM cohort_retention(%1$L, $1, $2, $3, NULL, $4)),
        ledger AS (SELECT p.* FROM (SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS l FROM (%1$s) q (customer, started_at, ended_at, mrr)) q,
                                   cohort_retention(l, $1, $2, $3, NULL, $4) p),
        sums AS (SELECT period_start, sum(customers) AS customers, sum(mrr) AS mrr FROM r GROUP BY period_start),
        checked AS (SELECT NOT EXISTS (SELECT * FROM r EXCEPT ALL SELECT * FROM ledger) AND NOT EXISTS (SELECT * FROM ledger EXCEPT ALL SELECT * FROM r)
                           AND NOT EXISTS (SELECT period_start, closing_customers, closing_mrr FROM mrr_movements(%1$L, $1, $2, $3, NULL, $4) WHERE closing_customers > 0 EXCEPT SELECT * FROM sums) AS same),
        line AS (SELECT r.cohort, concat(max(cohort_size), '/', trim_scale(max(cohort_mrr)), ': ', string_agg(concat(customers, '(', trim_scale(mrr), ')'), ' ' ORDER BY period_number)) AS counted,
                        checked.same AND bool_and(round(retention, 6) = round(customers / cohort_size::numeric, 6)
                                                  AND round(mrr_retention, 6) IS NOT DISTINCT FROM round(mrr / nullif(cohort_mrr, 0), 6)) AS everywhere
                 FROM r, checked GROUP BY r.cohort, checked.same)
        SELECT l.cohort, l.counted, l.counted IS NOT DISTINCT FROM h.line, l.everywhere
        FROM (SELECT *, row_number() OVER (ORDER BY line.cohort) AS n FROM line) l FULL JOIN unnest($5) WITH ORDINALITY h (line, n) USING (n) ORDER BY n$query$, source)
    USING every, since, until, policy, expected;
END $$;

-- grace: a gap as long as it is none, a day more is one. Joined, the last MRR goes on, whatever was free or a discount meanwhile. 1: 31 days, 2: 32 days, 3: 20 days beside a discount, 4: never back.
-- Opening of February: 30 + 20 + (30 - 5) + 40.
CREATE TABLE gaps (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO gaps VALUES (1, '2024-01-01', '2024-02-10', 30), (1, '2024-02-15', '2024-02-25', 0), (1, '2024-03-12', NULL, 50), (2, '2024-01-01', '2024-02-10', 20), (2, '2024-03-13', NULL, 20),
    (3, '2024-01-01', '2024-02-20', 30), (3, '2024-01-01', NULL, -5), (3, '2024-03-11', NULL, 40), (4, '2024-01-01', '2024-02-20', 40);
SELECT grace, h.* FROM (VALUES
    (1, '0',       ARRAY['4+0+0-4=0 0/0 1; 115+0+0+0-0-115=0 1 1',          '0+0+3-0=3 0/0 -; 0+0+105+0-0-0=105 - -']),
    (2, '19 days', ARRAY['4+0+0-4=0 0/0 1; 115+0+0+0-0-115=0 1 1',          '0+0+3-0=3 0/0 -; 0+0+105+0-0-0=105 - -']),
    (3, '20 days', ARRAY['4+0+0-3=1 0/0 0.75; 115+0+0+0-0-90=25 0.7826 0.7826', '1+0+2-0=3 0/0 0; 25+0+70+10-0-0=105 0 -0.4']),
    (4, '31 days', ARRAY['4+0+0-2=2 0/0 0.5; 115+0+0+0-0-60=55 0.5217 0.5217', '2+0+1-0=3 0/0 0; 55+0+20+30-0-0=105 0 -0.5455']),
    (5, '32 days', ARRAY['4+0+0-1=3 0/0 0.25; 115+0+0+0-0-40=75 0.3478 0.3478', '3+0+0-0=3 0/0 0; 75+0+0+30-0-0=105 0 -0.4'])
) v (n, grace, hand), pg_temp.by_hand('TABLE gaps', churn_policy(grace => v.grace::interval), '2024-02-01', '2024-04-01', v.hand) h ORDER BY n, period_start;
-- The return may lie beyond until. Cohorts: the last MRR of all, January; 31 days.
SELECT * FROM pg_temp.by_hand('TABLE gaps', churn_policy(grace => '31 days'), '2024-02-01', '2024-03-01', ARRAY['4+0+0-2=2 0/0 0.5; 115+0+0+0-0-60=55 0.5217 0.5217']);
SELECT * FROM pg_temp.cohorts_by_hand('TABLE gaps', churn_policy(grace => '31 days'), NULL, '2024-04-01', ARRAY['4/115: 4(115) 2(55) 3(105)']);
-- Without mrr: what runs. 1 has no gap but 10 Feb - 15 Feb and 25 Feb - 12 March (16 days); 3 always runs.
SELECT grace, h.* FROM (VALUES
    (1, '0',       ARRAY['4+0+0-3=1 0/0 0.75', '1+0+2-0=3 0/0 0']),
    (2, '15 days', ARRAY['4+0+0-3=1 0/0 0.75', '1+0+2-0=3 0/0 0']),
    (3, '16 days', ARRAY['4+0+0-2=2 0/0 0.5', '2+0+1-0=3 0/0 0']),
    (4, '32 days', ARRAY['4+0+0-1=3 0/0 0.25', '3+0+0-0=3 0/0 0'])
) v (n, grace, hand), pg_temp.runs_by_hand('TABLE gaps', churn_policy(grace => v.grace::interval), '2024-02-01', '2024-04-01', v.hand) h ORDER BY n, period_start;

-- minimum_absence: away for less counts at 0, so that MRR is contraction and expansion; for exactly as long is an absence. From 10 February a month is over on 10 March. 1: 9 March, 2: 10 March, 3: 11 March.
CREATE TABLE away (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO away VALUES (1, '2024-01-01', '2024-02-10', 30), (1, '2024-03-09', NULL, 50), (2, '2024-01-01', '2024-02-10', 20), (2, '2024-03-10', NULL, 20), (3, '2024-01-01', '2024-02-10', 10), (3, '2024-03-11', NULL, 5);
SELECT minimum_absence, h.* FROM (VALUES
    (1, '0',       ARRAY['3+0+0-3=0 0/0 1; 60+0+0+0-0-60=0 1 1',       '0+0+3-0=3 0/0 -; 0+0+75+0-0-0=75 - -']),
    (2, '28 days', ARRAY['3+0+0-3=0 0/0 1; 60+0+0+0-0-60=0 1 1',       '0+0+3-0=3 0/0 -; 0+0+75+0-0-0=75 - -']),
    (3, '1 month', ARRAY['3+0+0-2=1 0/0 0.6667; 60+0+0+0-30-30=0 1 1', '1+0+2-0=3 0/0 0; 0+0+25+50-0-0=75 - -']),
    (4, '30 days', ARRAY['3+0+0-1=2 0/0 0.3333; 60+0+0+0-50-10=0 1 1', '2+0+1-0=3 0/0 0; 0+0+5+70-0-0=75 - -']),
    (5, '31 days', ARRAY['3+0+0-0=3 0/0 0; 60+0+0+0-60-0=0 1 1',       '3+0+0-0=3 0/0 0; 0+0+0+75-0-0=75 - -'])
) v (n, minimum_absence, hand), pg_temp.by_hand('TABLE away', churn_policy(minimum_absence => v.minimum_absence::interval), '2024-02-01', '2024-04-01', v.hand) h ORDER BY n, period_start;
SELECT * FROM pg_temp.cohorts_by_hand('TABLE away', churn_policy(minimum_absence => '1 month'), NULL, '2024-04-01', ARRAY['3/60: 3(60) 1(0) 3(75)']);
SELECT * FROM pg_temp.runs_by_hand('TABLE away', churn_policy(minimum_absence => '1 month'), '2024-02-01', '2024-04-01', ARRAY['3+0+0-2=1 0/0 0.6667', '1+0+2-0=3 0/0 0']);

-- reactivation_window: back after exactly the window is a return, later is a new life, in a new cohort. From 1 February 90 days are over on 1 May. 1: 1 May, 2: 2 May.
CREATE TABLE lives (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO lives VALUES (1, '2024-01-01', '2024-02-01', 10), (1, '2024-05-01', NULL, 10), (2, '2024-01-01', '2024-02-01', 20), (2, '2024-05-02', NULL, 20);
SELECT reactivation_window, h.* FROM (VALUES
    (1, NULL,      ARRAY['0+0+2-0=2 0/0 -; 0+0+30+0-0-0=30 - -']),
    (2, '0',       ARRAY['0+2+0-0=2 0/0 -; 0+30+0+0-0-0=30 - -']),
    (3, '89 days', ARRAY['0+2+0-0=2 0/0 -; 0+30+0+0-0-0=30 - -']),
    (4, '90 days', ARRAY['0+1+1-0=2 0/0 -; 0+20+10+0-0-0=30 - -']),
    (5, '3 months', ARRAY['0+1+1-0=2 0/0 -; 0+20+10+0-0-0=30 - -']),
    (6, '91 days', ARRAY['0+0+2-0=2 0/0 -; 0+0+30+0-0-0=30 - -'])
) v (n, reactivation_window, hand), pg_temp.by_hand('TABLE lives', churn_policy(reactivation_window => v.reactivation_window::interval), '2024-05-01', '2024-06-01', v.hand) h ORDER BY n, period_start;
SELECT reactivation_window, h.* FROM (VALUES
    (1, NULL,      ARRAY['2/30: 2(30) 0(0) 0(0) 0(0) 2(30)']),
    (2, '0',       ARRAY['2/30: 2(30) 0(0) 0(0) 0(0) 0(0)', '2/30: 2(30)']),
    (3, '90 days', ARRAY['2/30: 2(30) 0(0) 0(0) 0(0) 1(10)', '1/20: 1(20)'])
) v (n, reactivation_window, hand), pg_temp.cohorts_by_hand('TABLE lives', churn_policy(reactivation_window => v.reactivation_window::interval), NULL, '2024-06-01', v.hand) h ORDER BY n, cohort;
SELECT * FROM pg_temp.runs_by_hand('TABLE lives', churn_policy(reactivation_window => '90 days'), '2024-05-01', '2024-06-01', ARRAY['0+1+1-0=2 0/0 -']);
-- Lives of days. 1: gone in January, comes and goes in March; 2: comes and goes twice in March; 3: 15 days away within March.
-- A snapshot sees 1 and 2 in between, and 3 at both ends; events see every change; a cohort has every life, 2 twice.
CREATE TABLE short (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO short VALUES (1, '2024-01-01', '2024-01-20', 10), (1, '2024-03-05', '2024-03-10', 10), (2, '2024-03-01', '2024-03-05', 20), (2, '2024-03-20', '2024-03-25', 20),
    (3, '2024-01-01', '2024-03-10', 30), (3, '2024-03-25', NULL, 40);
SELECT v.basis, v.reactivation_window, h.* FROM (VALUES
    (1, 'snapshot', NULL,    ARRAY['1+0+0-0=1 2/1 0; 30+0+0+10-0-0=40 0 -0.3333']),
    (2, 'snapshot', '7 days', ARRAY['1+0+0-0=1 2/2 0; 30+0+0+10-0-0=40 0 -0.3333']),
    (3, 'events', NULL,      ARRAY['1+1+3-4=1 0/0 4; 30+20+70+0-0-80=40 2.6667 2.6667']),
    (4, 'events', '15 days', ARRAY['1+2+2-4=1 0/0 4; 30+30+60+0-0-80=40 2.6667 2.6667']),    -- 15 days are the window, 45 are longer
    (5, 'events', '7 days',  ARRAY['1+4+0-4=1 0/0 4; 30+90+0+0-0-80=40 2.6667 2.6667'])
) v (n, basis, reactivation_window, hand), pg_temp.by_hand('TABLE short', churn_policy(basis => v.basis, reactivation_window => v.reactivation_window::interval), '2024-03-01', '2024-04-01', v.hand) h ORDER BY n, period_start;
SELECT reactivation_window, h.* FROM (VALUES
    (1, NULL,     ARRAY['2/40: 1(30) 1(30) 1(40)', '1/20: 0(0)']),
    (2, '7 days', ARRAY['2/40: 1(30) 1(30) 0(0)', '4/90: 1(40)'])
) v (n, reactivation_window, hand), pg_temp.cohorts_by_hand('TABLE short', churn_policy(reactivation_window => v.reactivation_window::interval), NULL, '2024-04-01', v.hand) h ORDER BY n, cohort;

-- What a gap is, by its edge: of one customer's 10, gone and back with 10, in one period of events from 2020 to 2030. "joined": nothing moved; "at 0": contraction and expansion;
-- "away": churned and reactivated; "new life": churned and new. Both from the series and from the aggregates, which add calendar intervals to instants in UTC.
CREATE FUNCTION pg_temp.gap(type text, left_at text, back_at text, grace text, minimum_absence text, reactivation_window text, zone text, OUT in_series text, OUT in_aggregate text) LANGUAGE plpgsql AS $$
DECLARE
    source text := format('VALUES (1, %1$L::%2$s, %3$L::%2$s, 10), (1, %4$L, NULL, 10)', '2019-01-01', type, left_at, back_at);
    policy churn_policy := churn_policy(basis => 'events', reactivation_offsets => true, grace => gap.grace::interval, minimum_absence => gap.minimum_absence::interval, reactivation_window => gap.reactivation_window::interval);
BEGIN
    SELECT CASE WHEN contraction_mrr + expansion_mrr = 20 THEN 'at 0' WHEN churned_mrr + reactivation_mrr = 20 THEN 'away' WHEN churned_mrr + new_mrr = 20 THEN 'new life' WHEN churned_mrr + contraction_mrr = 0 THEN 'joined' END
    INTO in_series FROM mrr_movements(source, '10 years', '2020-01-01', '2030-01-01', zone, policy, '2020-01-01');
    EXECUTE format('SELECT CASE concat(round(churn, 1), '' '', round(gross, 1), '' '', round(net, 1)) WHEN ''0.0 0.0 0.0'' THEN ''joined'' WHEN ''0.0 1.0 0.0'' THEN ''at 0'' WHEN ''1.0 1.0 0.0'' THEN ''away'' WHEN ''1.0 1.0 1.0'' THEN ''new life'' END '
                   'FROM (SELECT churn_rate(c, s, e, m, p, $1) AS churn, mrr_churn(c, s, e, m, p, $1) AS gross, net_mrr_churn(c, s, e, m, p, $1) AS net FROM (%s) q (c, s, e, m), (SELECT %s(''2020-01-01'', ''2030-01-01'')) x (p)) y',
                   source, CASE type WHEN 'date' THEN 'daterange' WHEN 'timestamp' THEN 'tsrange' ELSE 'tstzrange' END) INTO in_aggregate USING policy;
END $$;
-- Local time: a month from 31 January ends on the last of February, a year from 29 February on 28 February; days and months by the calendar, then hours.
SELECT left_at, back_at, grace, minimum_absence AS minimum, reactivation_window AS "window", g.in_series AS gap, g.in_series = hand AS hand, g.in_aggregate = hand AS aggregate FROM (VALUES
    ( 1, 'date', '2024-01-31', '2024-02-29', '1 month', '0', NULL, 'joined'), ( 2, 'date', '2024-01-31', '2024-03-01', '1 month', '0', NULL, 'away'),
    ( 3, 'date', '2023-01-31', '2023-02-28', '1 month', '0', NULL, 'joined'), ( 4, 'date', '2023-01-31', '2023-03-01', '1 month', '0', NULL, 'away'),
    ( 5, 'date', '2024-02-29', '2024-03-29', '1 month', '0', NULL, 'joined'), ( 6, 'date', '2024-02-29', '2024-03-30', '1 month', '0', NULL, 'away'),
    ( 7, 'date', '2024-02-29', '2025-02-28', '1 year', '0', NULL, 'joined'), ( 8, 'date', '2024-02-29', '2025-03-01', '1 year', '0', NULL, 'away'),
    ( 9, 'date', '2024-01-31', '2024-03-01', '1 month 1 day', '0', NULL, 'joined'), (10, 'date', '2024-01-31', '2024-03-02', '1 month 1 day', '0', NULL, 'away'),
    (11, 'date', '2024-01-31', '2024-03-02', '31 days', '0', NULL, 'joined'), (12, 'date', '2024-01-31', '2024-03-03', '31 days', '0', NULL, 'away'),
    (13, 'date', '2024-01-31', '2024-03-01', '36 hours', '0', NULL, 'away'), (14, 'date', '2024-01-31', '2024-02-01', '24 hours', '0', NULL, 'joined'),
    (15, 'timestamp', '2024-05-01 00:00', '2024-05-02 12:00', '36 hours', '0', NULL, 'joined'), (16, 'timestamp', '2024-05-01 00:00', '2024-05-02 12:00:00.000001', '1 day 12 hours', '0', NULL, 'away'),
    (17, 'timestamp', '2024-05-01 00:00', '2024-05-01 00:00:00.000001', '0', '0', NULL, 'away'), (18, 'timestamp', '2024-05-01 00:00', '2024-05-01 00:00:00.000001', '0.000001', '0', NULL, 'joined'),
    (19, 'date', '2024-05-01', '2024-05-01', '0', '0', '0', 'joined'),    -- rows that touch: no gap
    (20, 'date', '2024-01-31', '2024-02-28', '0', '1 month', NULL, 'at 0'), (21, 'date', '2024-01-31', '2024-02-29', '0', '1 month', NULL, 'away'),
    (22, 'date', '2023-01-31', '2023-02-27', '0', '1 month', NULL, 'at 0'), (23, 'date', '2023-01-31', '2023-02-28', '0', '1 month', NULL, 'away'),
    (24, 'timestamp', '2024-05-01 00:00', '2024-05-01 23:59:59.999999', '0', '1 day', NULL, 'at 0'), (25, 'timestamp', '2024-05-01 00:00', '2024-05-02 00:00', '0', '1 day', NULL, 'away'),
    (26, 'date', '2024-01-31', '2024-02-29', '0', '0', '1 month', 'away'), (27, 'date', '2024-01-31', '2024-03-01', '0', '0', '1 month', 'new life'),
    (28, 'timestamp', '2024-05-01 00:00', '2024-05-01 00:00:00.000001', '0', '0', '0', 'new life'),
    -- one after the other: grace, then the minimum, then the window
    (30, 'date', '2024-05-01', '2024-05-08', '7 days', '7 days', '0', 'joined'), (31, 'date', '2024-05-01', '2024-05-09', '7 days', '7 days', '0', 'new life'),
    (32, 'date', '2024-05-01', '2024-05-08', '7 days', '30 days', '0', 'joined'), (33, 'date', '2024-05-01', '2024-05-09', '7 days', '30 days', '0', 'at 0'), (34, 'date', '2024-05-01', '2024-05-30', '7 days', '30 days', '0', 'at 0'),
    (35, 'date', '2024-05-01', '2024-05-31', '7 days', '30 days', '30 days', 'away'), (36, 'date', '2024-05-01', '2024-06-01', '7 days', '30 days', '30 days', 'new life'),
    (37, 'date', '2024-05-01', '2024-05-20', '30 days', '7 days', '0', 'joined'), (38, 'date', '2024-05-01', '2024-06-01', '30 days', '7 days', NULL, 'away')
) v (n, type, left_at, back_at, grace, minimum_absence, reactivation_window, hand), pg_temp.gap(type, left_at, back_at, grace, minimum_absence, reactivation_window, NULL) g ORDER BY n;
-- Instants: clocks in Berlin go forward at 2024-03-31 02:00 and back at 2024-10-27 03:00. From 12:00 on the day before, a day later by the calendar is 12:00, after 23 and 25 hours; 24 hours are 24 hours.
SELECT left_at, back_at, grace, minimum_absence AS minimum, reactivation_window AS "window", g.in_series AS berlin, h.in_series AS utc, g.in_series = berlin AND h.in_series = utc AS hand, g.in_aggregate = utc AS aggregate FROM (VALUES
    ( 1, '2024-03-30 11:00+00', '2024-03-31 10:00+00',        '1 day', '0', NULL, 'joined', 'joined'), ( 2, '2024-03-30 11:00+00', '2024-03-31 10:00:00.000001+00', '1 day', '0', NULL, 'away', 'joined'),
    ( 3, '2024-03-30 11:00+00', '2024-03-31 11:00+00',        '1 day', '0', NULL, 'away', 'joined'),   ( 4, '2024-03-30 11:00+00', '2024-03-31 11:00:00.000001+00', '1 day', '0', NULL, 'away', 'away'),
    ( 5, '2024-03-30 11:00+00', '2024-03-31 11:00+00',        '24 hours', '0', NULL, 'joined', 'joined'), ( 6, '2024-03-30 11:00+00', '2024-03-31 11:00:00.000001+00', '24 hours', '0', NULL, 'away', 'away'),
    ( 7, '2024-03-30 11:00+00', '2024-03-31 11:00+00',        '1 day 1 hour', '0', NULL, 'joined', 'joined'), ( 8, '2024-03-30 11:00+00', '2024-03-31 12:00+00', '1 day 1 hour', '0', NULL, 'away', 'joined'),
    ( 9, '2024-10-26 10:00+00', '2024-10-27 11:00+00',        '1 day', '0', NULL, 'joined', 'away'),   (10, '2024-10-26 10:00+00', '2024-10-27 11:00:00.000001+00', '1 day', '0', NULL, 'away', 'away'),
    (11, '2024-10-26 10:00+00', '2024-10-27 10:00:00.000001+00', '24 hours', '0', NULL, 'away', 'away'),
    (12, '2024-03-30 11:00+00', '2024-03-31 09:59:59.999999+00', '0', '1 day', NULL, 'at 0', 'at 0'),  (13, '2024-03-30 11:00+00', '2024-03-31 10:00+00', '0', '1 day', NULL, 'away', 'at 0'),
    (14, '2024-03-30 11:00+00', '2024-03-31 10:00:00.000001+00', '0', '0', '1 day', 'new life', 'away'),
    -- 1 March 00:30 in Berlin and 1 April 00:30, which in UTC are 29 February 23:30 and 31 March 22:30
    (15, '2024-02-29 23:30+00', '2024-03-31 22:30+00',        '1 month', '0', NULL, 'joined', 'away'), (16, '2024-02-29 23:30+00', '2024-03-31 22:30:00.000001+00', '1 month', '0', NULL, 'away', 'away'),
    -- 02:30 in Berlin, which there is not on the next day: 03:30
    (17, '2024-03-30 01:30+00', '2024-03-31 01:30+00',        '1 day', '0', NULL, 'joined', 'joined'), (18, '2024-03-30 01:30+00', '2024-03-31 01:30:00.000001+00', '1 day', '0', NULL, 'away', 'away')
) v (n, left_at, back_at, grace, minimum_absence, reactivation_window, berlin, utc),
    pg_temp.gap('timestamptz', left_at, back_at, grace, minimum_absence, reactivation_window, 'Europe/Berlin') g, pg_temp.gap('timestamptz', left_at, back_at, grace, minimum_absence, reactivation_window, 'UTC') h ORDER BY n;
-- Without time_zone, that of the session; the aggregates stay in UTC.
SET TimeZone = 'Europe/Berlin';
SELECT * FROM pg_temp.gap('timestamptz', '2024-03-30 11:00+00', '2024-03-31 10:30+00', '1 day', '0', NULL, NULL);
SET TimeZone = 'UTC';
SELECT * FROM pg_temp.gap('timestamptz', '2024-03-30 11:00+00', '2024-03-31 10:30+00', '1 day', '0', NULL, NULL);

-- boundary: 1 leaves, 2 and 4 begin and 3 pays 5 more at the very beginning of March, 4 leaves at its very end. "at" has all that in the period that ends there, one row earlier, since as well.
CREATE TABLE edges (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO edges VALUES (1, '2024-02-01', '2024-03-01', 10), (2, '2024-03-01', NULL, 20), (3, '2024-02-01', '2024-03-01', 30), (3, '2024-03-01', NULL, 35), (4, '2024-03-01', '2024-04-01', 40);
SELECT * FROM pg_temp.by_hand('TABLE edges', churn_policy(boundary => 'before'), NULL, '2024-05-01', ARRAY[
    '0+2+0-0=2 0/0 -; 0+40+0+0-0-0=40 - -', '2+2+0-1=3 0/0 0.5; 40+60+0+5-0-10=95 0.25 0.125', '3+0+0-1=2 0/0 0.3333; 95+0+0+0-0-40=55 0.4211 0.4211']);
SELECT * FROM pg_temp.by_hand('TABLE edges', churn_policy(boundary => 'at'), NULL, '2024-05-01', ARRAY[
    '0+2+0-0=2 0/0 -; 0+40+0+0-0-0=40 - -', '2+2+0-1=3 0/0 0.5; 40+60+0+5-0-10=95 0.25 0.125', '3+0+0-1=2 0/0 0.3333; 95+0+0+0-0-40=55 0.4211 0.4211', '2+0+0-0=2 0/0 0; 55+0+0+0-0-0=55 0 0']);
SELECT * FROM pg_temp.cohorts_by_hand('TABLE edges', churn_policy(boundary => 'before'), NULL, '2024-05-01', ARRAY['2/40: 2(40) 1(35) 1(35)', '2/60: 2(60) 1(20)']);
SELECT * FROM pg_temp.cohorts_by_hand('TABLE edges', churn_policy(boundary => 'at'), NULL, '2024-05-01', ARRAY['2/40: 2(40) 1(35) 1(35) 1(35)', '2/60: 2(60) 1(20) 1(20)']);
SELECT * FROM pg_temp.runs_by_hand('TABLE edges', churn_policy(boundary => 'at'), '2024-02-01', '2024-04-01', ARRAY['2+2+0-1=3 0/0 0.5', '3+0+0-1=2 0/0 0.3333']);
-- since and until are dates as ever: (1 March, 1 April]. The first day of a first start belongs to the day before, by day, too.
SELECT * FROM pg_temp.by_hand('TABLE edges', churn_policy(boundary => 'at'), '2024-03-01', '2024-04-01', ARRAY['3+0+0-1=2 0/0 0.3333; 95+0+0+0-0-40=55 0.4211 0.4211']);
SELECT min(period_start) AS first, min(period_start) FILTER (WHERE new_customers > 0) AS first_new FROM churn_by_period('TABLE edges', '1 day', until => '2024-02-03', policy => churn_policy(boundary => 'at'));
-- A microsecond decides: 1 starts before midnight, 2 at it, 3 after it; 4 - 6 end so.
CREATE TABLE moments (customer int, started_at timestamp, ended_at timestamp, mrr numeric);
INSERT INTO moments VALUES (1, '2024-02-29 23:59:59.999999', NULL, 1), (2, '2024-03-01', NULL, 2), (3, '2024-03-01 00:00:00.000001', NULL, 4),
    (4, '2024-01-05', '2024-02-29 23:59:59.999999', 10), (5, '2024-01-05', '2024-03-01', 20), (6, '2024-01-05', '2024-03-01 00:00:00.000001', 40);
SELECT v.boundary, h.* FROM (VALUES
    (1, 'before', ARRAY['3+1+0-1=3 0/0 0.3333; 70+1+0+0-0-10=61 0.1429 0.1429', '3+2+0-2=3 0/0 0.6667; 61+6+0+0-0-60=7 0.9836 0.9836']),
    (2, 'at',     ARRAY['3+2+0-2=3 0/0 0.6667; 70+3+0+0-0-30=43 0.4286 0.4286', '3+1+0-1=3 0/0 0.3333; 43+4+0+0-0-40=7 0.9302 0.9302'])
) v (n, boundary, hand), pg_temp.by_hand('TABLE moments', churn_policy(boundary => v.boundary), '2024-02-01', '2024-04-01', v.hand) h ORDER BY n, period_start;
-- Instants: midnight in the report's zone. 22:00 in UTC is midnight of 1 April in Berlin.
SELECT v.boundary, tz, period_start, new_customers FROM (VALUES ('before'), ('at')) v (boundary), (VALUES ('Europe/Berlin'), ('UTC')) z (tz),
    churn_by_period($$VALUES ('ada', timestamptz '2024-03-31 22:00+00', NULL::timestamptz)$$, '1 month', '2024-03-01', '2024-05-01', tz, churn_policy(boundary => v.boundary)) WHERE new_customers > 0 ORDER BY v.boundary DESC, tz;
-- A gap keeps its length: from 1 March to 1 April 31 days, and to 2 April 32.
SELECT * FROM pg_temp.by_hand($$VALUES (1, date '2024-01-01', date '2024-03-01', 10), (1, '2024-04-01', NULL, 10), (2, '2024-01-01', '2024-03-01', 20), (2, '2024-04-02', NULL, 20)$$, churn_policy(boundary => 'at', grace => '31 days'), '2024-02-01', '2024-05-01',
    ARRAY['2+0+0-1=1 0/0 0.5; 30+0+0+0-0-20=10 0.6667 0.6667', '1+0+0-0=1 0/0 0; 10+0+0+0-0-0=10 0 0', '1+0+1-0=2 0/0 0; 10+0+20+0-0-0=30 0 0']);
-- until is tomorrow by default: who begins at its midnight has begun today.
SELECT v.boundary, coalesce(sum(new_customers), 0) AS new FROM (VALUES ('before'), ('at')) v (boundary), churn_by_period(format('VALUES (1, date %L, NULL::date)', current_date + 1), policy => churn_policy(boundary => v.boundary)) GROUP BY v.boundary ORDER BY v.boundary DESC;

-- Who comes and goes inside, and the denominators. March: of 1 - 4 (10 each) 1 leaves; 5 comes and goes, new; 6 comes to stay; 7, once here, comes and goes; 8, once here, comes to stay.
-- opening 4, new 1, reactivated 1, churned 1, closing 5, transient 2, of them new 1:
--   1/4; with the transient 3/4; over opening + new 3/(4 + 1 + 1), with or without; over the average 1/4.5, 3/4.5.
-- January: opening 0, new 4 (1 - 4), transient 2, both new (7 8): none; none; 2/(0 + 4 + 2); 0/2, 2/2. December: nobody.
CREATE TABLE inside (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO inside VALUES (1, '2024-01-01', '2024-03-10', 10), (2, '2024-01-01', NULL, 10), (3, '2024-01-01', NULL, 10), (4, '2024-01-01', NULL, 10), (5, '2024-03-05', '2024-03-20', 10), (6, '2024-03-08', NULL, 10),
    (7, '2024-01-01', '2024-01-20', 10), (7, '2024-03-03', '2024-03-09', 10), (8, '2024-01-01', '2024-01-20', 10), (8, '2024-03-15', NULL, 10);
SELECT v.denominator, v.count_transient, h.* FROM (VALUES
    (1, 'opening', false,          ARRAY['0+0+0-0=0 0/0 -', '0+4+0-0=4 2/2 -',      '4+0+0-0=4 0/0 0', '4+1+1-1=5 2/1 0.25']),
    (2, 'opening', true,           ARRAY['0+0+0-0=0 0/0 -', '0+4+0-0=4 2/2 -',      '4+0+0-0=4 0/0 0', '4+1+1-1=5 2/1 0.75']),
    (3, 'opening_plus_new', false, ARRAY['0+0+0-0=0 0/0 -', '0+4+0-0=4 2/2 0.3333', '4+0+0-0=4 0/0 0', '4+1+1-1=5 2/1 0.5']),
    (4, 'opening_plus_new', true,  ARRAY['0+0+0-0=0 0/0 -', '0+4+0-0=4 2/2 0.3333', '4+0+0-0=4 0/0 0', '4+1+1-1=5 2/1 0.5']),
    (5, 'average', false,          ARRAY['0+0+0-0=0 0/0 -', '0+4+0-0=4 2/2 0',      '4+0+0-0=4 0/0 0', '4+1+1-1=5 2/1 0.2222']),
    (6, 'average', true,           ARRAY['0+0+0-0=0 0/0 -', '0+4+0-0=4 2/2 1',      '4+0+0-0=4 0/0 0', '4+1+1-1=5 2/1 0.6667'])
) v (n, denominator, count_transient, hand), pg_temp.runs_by_hand('TABLE inside', churn_policy(denominator => v.denominator, count_transient => v.count_transient), '2023-12-01', '2024-04-01', v.hand) h ORDER BY n, period_start;
-- MRR rates have one denominator: (40 -> 50) 10 churned, 10 + 10 won. Events: 5 and 7 are new or reactivated, and churned, too: 3/4, 3/(4 + 2), 3/4.5; count_transient is nothing; 30/40.
SELECT v.basis, v.denominator, v.count_transient, h.* FROM (VALUES
    (1, 'snapshot', 'opening', false,         ARRAY['4+1+1-1=5 2/1 0.25; 40+10+10+0-0-10=50 0.25 0.25']),
    (2, 'snapshot', 'opening', true,          ARRAY['4+1+1-1=5 2/1 0.75; 40+10+10+0-0-10=50 0.25 0.25']),
    (3, 'snapshot', 'average', true,          ARRAY['4+1+1-1=5 2/1 0.6667; 40+10+10+0-0-10=50 0.25 0.25']),
    (4, 'events', 'opening', false,           ARRAY['4+2+2-3=5 0/0 0.75; 40+20+20+0-0-30=50 0.75 0.75']),
    (5, 'events', 'opening', true,            ARRAY['4+2+2-3=5 0/0 0.75; 40+20+20+0-0-30=50 0.75 0.75']),
    (6, 'events', 'opening_plus_new', false,  ARRAY['4+2+2-3=5 0/0 0.5; 40+20+20+0-0-30=50 0.75 0.75']),
    (7, 'events', 'average', false,           ARRAY['4+2+2-3=5 0/0 0.6667; 40+20+20+0-0-30=50 0.75 0.75'])
) v (n, basis, denominator, count_transient, hand), pg_temp.by_hand('TABLE inside', churn_policy(basis => v.basis, denominator => v.denominator, count_transient => v.count_transient), '2024-03-01', '2024-04-01', v.hand) h ORDER BY n;

-- basis: up and down, away and back within March. 1: 10, 30, 10; 2: 20, four days away, 20; 3: changes plan at one moment, by nothing; 4: two changes at one moment count as their sum, -3.
CREATE TABLE ups (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO ups VALUES (1, '2024-01-01', '2024-03-05', 10), (1, '2024-03-05', '2024-03-20', 30), (1, '2024-03-20', NULL, 10), (2, '2024-01-01', '2024-03-08', 20), (2, '2024-03-12', NULL, 20),
    (3, '2024-01-01', '2024-03-10', 10), (3, '2024-03-10', NULL, 10), (4, '2024-01-01', NULL, 10), (4, '2024-01-01', '2024-03-15', 5), (4, '2024-03-15', NULL, 2);
SELECT v.basis, h.* FROM (VALUES
    (1, 'snapshot', ARRAY['4+0+0-0=4 0/0 0; 55+0+0+0-3-0=52 0.0545 0.0545']),
    (2, 'events',   ARRAY['4+0+1-1=4 0/0 0.25; 55+0+20+20-23-20=52 0.7818 0.4182'])
) v (n, basis, hand), pg_temp.by_hand('TABLE ups', churn_policy(basis => v.basis), '2024-03-01', '2024-04-01', v.hand) h ORDER BY n;
-- By day both see the same, as one change a day is all there is.
SELECT count(*) AS differences FROM (SELECT * FROM mrr_movements('TABLE ups', '1 day', '2024-03-01', '2024-04-01', policy => churn_policy(basis => 'events'))
    EXCEPT SELECT * FROM mrr_movements('TABLE ups', '1 day', '2024-03-01', '2024-04-01')) d;
-- More than there was: retention and GRR below 0. 1 leaves twice.
SELECT churn_rate, retention_rate, gross_mrr_churn, grr, net_mrr_churn, nrr FROM (SELECT $$VALUES (1, date '2024-02-01', date '2024-03-05', 10), (1, '2024-03-10', '2024-03-20', 10)$$ AS q) s,
    churn_by_period(q, '1 month', '2024-03-01', '2024-04-01', policy => churn_policy(basis => 'events')) c, mrr_movements(q, '1 month', '2024-03-01', '2024-04-01', policy => churn_policy(basis => 'events')) m;

-- count_free: 1 begins free, pays 20 from February to March, is free again and leaves in April; 2 is free; 3 has nothing but a discount, -5, in February and March.
CREATE TABLE free (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO free VALUES (1, '2024-01-05', '2024-02-10', 0), (1, '2024-02-10', '2024-03-15', 20), (1, '2024-03-15', '2024-04-20', 0), (2, '2024-01-05', NULL, 0), (3, '2024-02-01', '2024-03-20', -5);
SELECT v.count_free, h.* FROM (VALUES
    (1, false, ARRAY['0+0+0-0=0 0/0 -; 0+0+0+0-0-0=0 - -', '0+1+0-0=1 0/0 -; 0+20+0+0-0-0=20 - -', '1+0+0-1=0 0/0 1; 20+0+0+0-0-20=0 1 1', '0+0+0-0=0 0/0 -; 0+0+0+0-0-0=0 - -']),
    (2, true,  ARRAY['0+2+0-0=2 0/0 -; 0+0+0+0-0-0=0 - -', '2+1+0-0=3 0/0 0; 0+0+0+20-0-0=20 - -', '3+0+0-1=2 0/0 0.3333; 20+0+0+0-20-0=0 1 1', '2+0+0-1=1 0/0 0.5; 0+0+0+0-0-0=0 - -'])
) v (n, count_free, hand), pg_temp.by_hand('TABLE free', churn_policy(count_free => v.count_free), '2024-01-01', '2024-05-01', v.hand) h ORDER BY n, period_start;
SELECT v.count_free, h.* FROM (VALUES
    (1, false, ARRAY['1/20: 1(20) 0(0) 0(0)']),
    (2, true,  ARRAY['2/0: 2(0) 2(20) 2(0) 1(0)', '1/0: 1(0) 0(0) 0(0)'])
) v (n, count_free, hand), pg_temp.cohorts_by_hand('TABLE free', churn_policy(count_free => v.count_free), NULL, '2024-05-01', v.hand) h ORDER BY n, cohort;
-- A cohort that begins free has no MRR retention.
SELECT period_number, mrr, mrr_retention, cumulative_mrr FROM cohort_retention('TABLE free', until => '2024-04-01', policy => churn_policy(count_free => true)) WHERE cohort = '2024-01-01' ORDER BY 1;
-- Without mrr the same customers.
SELECT * FROM pg_temp.runs_by_hand('TABLE free', churn_policy(), '2024-01-01', '2024-05-01', ARRAY['0+2+0-0=2 0/0 -', '2+1+0-0=3 0/0 0', '3+0+0-1=2 0/0 0.3333', '2+0+0-1=1 0/0 0.5']);
-- Events: 1 pays and stops paying within the half-year: expansion and contraction, as it never left. Opening ARPA is of all who are active: 20 / 3 customers x 1 month / (1/3) = 20.
SELECT * FROM pg_temp.by_hand('TABLE free', churn_policy(count_free => true, basis => 'events'), '2024-01-01', '2024-07-01', ARRAY['0+3+0-2=1 0/0 -; 0+0+0+20-20-0=0 - -'], '6 months');
SELECT round(clv(customer, started_at, ended_at, mrr, daterange('2024-03-01', '2024-04-01'), 1, churn_policy(count_free => true)), 4) AS clv FROM free;
-- With gaps: paid until 10 February, free until 5 March, nothing until 20 March, paid. Counted free, 15 days are the gap, and its last MRR is 0; else 39 days are.
SELECT v.count_free, v.grace, h.* FROM (VALUES
    (1, false, '38 days', ARRAY['1+0+0-1=0 0/0 1; 10+0+0+0-0-10=0 1 1', '0+0+1-0=1 0/0 -; 0+0+10+0-0-0=10 - -']),
    (2, false, '39 days', ARRAY['1+0+0-0=1 0/0 0; 10+0+0+0-0-0=10 0 0', '1+0+0-0=1 0/0 0; 10+0+0+0-0-0=10 0 0']),
    (3, true,  '0',       ARRAY['1+0+0-0=1 0/0 0; 10+0+0+0-10-0=0 1 1', '1+0+0-0=1 0/0 0; 0+0+0+10-0-0=10 - -']),
    (4, true,  '15 days', ARRAY['1+0+0-0=1 0/0 0; 10+0+0+0-10-0=0 1 1', '1+0+0-0=1 0/0 0; 0+0+0+10-0-0=10 - -'])
) v (n, count_free, grace, hand), pg_temp.by_hand($$VALUES (1, date '2024-01-01', date '2024-02-10', 10), (1, '2024-02-10', '2024-03-05', 0), (1, '2024-03-20', NULL, 10)$$,
    churn_policy(count_free => v.count_free, grace => v.grace::interval), '2024-02-01', '2024-04-01', v.hand) h ORDER BY n, period_start;
-- By event the 15 days of nothing do show: churned with 0, back with 10.
SELECT v.grace, h.* FROM (VALUES
    (1, '0',       ARRAY['1+0+0-0=1 0/0 0; 10+0+0+0-10-0=0 1 1', '1+0+1-1=1 0/0 1; 0+0+10+0-0-0=10 - -']),
    (2, '15 days', ARRAY['1+0+0-0=1 0/0 0; 10+0+0+0-10-0=0 1 1', '1+0+0-0=1 0/0 0; 0+0+0+10-0-0=10 - -'])
) v (n, grace, hand), pg_temp.by_hand($$VALUES (1, date '2024-01-01', date '2024-02-10', 10), (1, '2024-02-10', '2024-03-05', 0), (1, '2024-03-20', NULL, 10)$$,
    churn_policy(count_free => true, basis => 'events', grace => v.grace::interval), '2024-02-01', '2024-04-01', v.hand) h ORDER BY n, period_start;

-- reactivation_offsets: of 100, 40 churned, 5 expansion, 30 back: (40 - 5)/100, less 30.
CREATE TABLE back (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO back VALUES (1, '2024-01-01', '2024-03-15', 60), (1, '2024-03-15', NULL, 65), (2, '2024-01-01', '2024-03-10', 40), (3, '2024-01-01', '2024-01-20', 30), (3, '2024-03-10', NULL, 30);
SELECT v.reactivation_offsets AS offsets, v.basis, h.* FROM (VALUES
    (1, false, 'snapshot', ARRAY['2+0+1-1=2 0/0 0.5; 100+0+30+5-0-40=95 0.4 0.35']),
    (2, true,  'snapshot', ARRAY['2+0+1-1=2 0/0 0.5; 100+0+30+5-0-40=95 0.4 0.05']),
    (3, true,  'events',   ARRAY['2+0+1-1=2 0/0 0.5; 100+0+30+5-0-40=95 0.4 0.05'])
) v (n, reactivation_offsets, basis, hand), pg_temp.by_hand('TABLE back', churn_policy(reactivation_offsets => v.reactivation_offsets, basis => v.basis), '2024-03-01', '2024-04-01', v.hand) h ORDER BY n;
-- Who is new again after the window does not offset.
SELECT * FROM pg_temp.by_hand('TABLE back', churn_policy(reactivation_offsets => true, reactivation_window => '30 days'), '2024-03-01', '2024-04-01', ARRAY['2+1+0-1=2 0/0 0.5; 100+30+0+5-0-40=95 0.4 0.35']);

-- lookback: 1 leaves in March; 2 stays; 3 comes in February and goes in March; 4 pays 40, 50, 45; 5 was here in the autumn, and comes back in March.
-- 3 months, at the end of March: opening is just before January (4: 40), closing 2, 4, 5. By events the flows of the three months are added up.
CREATE TABLE roll (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO roll VALUES (1, '2024-01-10', '2024-03-20', 10), (2, '2024-02-05', NULL, 20), (3, '2024-02-10', '2024-03-05', 30),
    (4, '2023-12-01', '2024-02-15', 40), (4, '2024-02-15', '2024-03-15', 50), (4, '2024-03-15', NULL, 45), (5, '2023-11-01', '2023-12-15', 5), (5, '2024-03-10', NULL, 5);
SELECT v.basis, v.lookback, h.* FROM (VALUES
    (1, 'snapshot', 1, ARRAY['0+1+0-0=1 0/0 -; 0+5+0+0-0-0=5 - -', '1+1+0-1=1 0/0 1; 5+40+0+0-0-5=40 1 1', '1+1+0-0=2 0/0 0; 40+10+0+0-0-0=50 0 0',
                             '2+2+0-0=4 0/0 0; 50+50+0+10-0-0=110 0 -0.2', '4+0+1-2=3 0/0 0.5; 110+0+5+0-5-40=70 0.4091 0.4091', '3+0+0-0=3 0/0 0; 70+0+0+0-0-0=70 0 0']),
    (2, 'snapshot', 3, ARRAY['0+1+0-0=1 0/0 -; 0+5+0+0-0-0=5 - -', '0+1+0-0=1 1/1 -; 0+40+0+0-0-0=40 - -', '0+2+0-0=2 1/1 -; 0+50+0+0-0-0=50 - -',
                             '1+4+0-1=4 0/0 1; 5+110+0+0-0-5=110 1 1', '1+1+1-0=3 2/2 0; 40+20+5+5-0-0=70 0 -0.125', '2+1+1-1=3 1/1 0.5; 50+20+5+5-0-10=70 0.2 0.1']),
    (3, 'events', 3,   ARRAY['0+1+0-0=1 0/0 -; 0+5+0+0-0-0=5 - -', '0+2+0-1=1 0/0 -; 0+45+0+0-0-5=40 - -', '0+3+0-1=2 0/0 -; 0+55+0+0-0-5=50 - -',
                             '1+4+0-1=4 0/0 1; 5+100+0+10-0-5=110 1 -1', '1+3+1-2=3 0/0 2; 40+60+5+10-5-40=70 1.125 0.875', '2+2+1-2=3 0/0 1; 50+50+5+10-5-40=70 0.9 0.7'])
) v (n, basis, lookback, hand), pg_temp.by_hand('TABLE roll', churn_policy(basis => v.basis, lookback => v.lookback), NULL, '2024-05-01', v.hand) h ORDER BY n, period_start;
-- Other rates of the same window: the transient 1 and 3 over 1, over 1 + 1 + 2, over (1 + 3)/2. 5 was away for 86 days, from 15 December to 10 March.
SELECT * FROM pg_temp.by_hand('TABLE roll', churn_policy(count_transient => true, lookback => 3), '2024-03-01', '2024-04-01', ARRAY['1+1+1-0=3 2/2 2; 40+20+5+5-0-0=70 0 -0.125']);
SELECT * FROM pg_temp.by_hand('TABLE roll', churn_policy(denominator => 'opening_plus_new', lookback => 3), '2024-03-01', '2024-04-01', ARRAY['1+1+1-0=3 2/2 0.5; 40+20+5+5-0-0=70 0 -0.125']);
SELECT * FROM pg_temp.by_hand('TABLE roll', churn_policy(denominator => 'average', count_transient => true, lookback => 3), '2024-03-01', '2024-04-01', ARRAY['1+1+1-0=3 2/2 1; 40+20+5+5-0-0=70 0 -0.125']);
SELECT * FROM pg_temp.by_hand('TABLE roll', churn_policy(reactivation_window => '85 days', lookback => 3), '2024-03-01', '2024-04-01', ARRAY['1+2+0-0=3 2/2 0; 40+25+0+5-0-0=70 0 -0.125']);
SELECT * FROM pg_temp.by_hand('TABLE roll', churn_policy(reactivation_window => '86 days', lookback => 3), '2024-03-01', '2024-04-01', ARRAY['1+1+1-0=3 2/2 0; 40+20+5+5-0-0=70 0 -0.125']);
-- Since the beginning of time, nobody was here before.
SELECT * FROM pg_temp.by_hand('TABLE roll', churn_policy(lookback => 10000), '2024-03-01', '2024-04-01', ARRAY['0+3+0-0=3 2/2 -; 0+70+0+0-0-0=70 - -']);
-- since is moved back to the start of its period, as the first row is a whole one; until cuts as ever: just before 20 March there are 1, 2, 4, 5. The standard is cut at both ends.
SELECT * FROM pg_temp.by_hand('TABLE roll', churn_policy(lookback => 3), '2024-03-15', '2024-04-20', ARRAY['1+1+1-0=3 2/2 0; 40+20+5+5-0-0=70 0 -0.125', '2+1+1-1=3 1/1 0.5; 50+20+5+5-0-10=70 0.2 0.1']);
SELECT * FROM pg_temp.by_hand('TABLE roll', churn_policy(lookback => 3), '2024-03-15', '2024-03-20', ARRAY['1+2+1-0=4 1/1 0; 40+30+5+5-0-0=80 0 -0.125']);
SELECT lookback, smoothing, period_start, period_end, complete FROM (VALUES (1, 1), (3, 1), (1, 3), (3, 2)) v (lookback, smoothing),
    churn_by_period('TABLE roll', '1 month', '2024-03-15', '2024-05-20', policy => churn_policy(lookback => v.lookback, smoothing => v.smoothing)) ORDER BY lookback, smoothing, period_start;

-- Nobody: zeros from the start of the period on, if since and until are given.
SELECT period_start, period_end, opening_customers, closing_customers, churn_rate, complete FROM churn_by_period(NULL::subscription_ledger, '1 month', '2024-03-15', '2024-04-10', policy => churn_policy(lookback => 3, smoothing => 2));
SELECT count(*) AS rows FROM churn_by_period(NULL::subscription_ledger, policy => churn_policy(lookback => 3));

-- A constant churn of 5 percent a month: in twelve months 1 - 0.95^12, that is 0.459639912337. MRR: 20^12 millionths that become 19/20 of themselves each month, without rounding.
CREATE TABLE five (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO five SELECT 1, date '2022-12-01' + m * interval '1 month', date '2022-12-01' + (m + 1) * interval '1 month', 20::numeric ^ (12 - m) * 19::numeric ^ m / 1000000 FROM generate_series(0, 12) m;
SELECT lookback, opening_mrr, contraction_mrr, closing_mrr, round(gross_mrr_churn, 12) AS gross, round(nrr, 12) AS nrr, round(1 - 0.95 ^ lookback, 12) AS formula
FROM unnest(ARRAY[1, 2, 3, 6, 12]) lookback, mrr_movements('TABLE five', '1 month', '2023-12-01', '2024-01-01', policy => churn_policy(lookback => lookback)) ORDER BY lookback;
SELECT round(min(gross_mrr_churn), 12) AS least, round(max(gross_mrr_churn), 12) AS most, count(*) AS months FROM mrr_movements('TABLE five', '1 month', '2023-01-01', '2024-01-01');
-- One change after another: by events as much is lost, and nothing won. Smoothing is not looking back: the mean month stays at 5 percent.
SELECT round(gross_mrr_churn, 12) AS events FROM mrr_movements('TABLE five', '1 month', '2023-12-01', '2024-01-01', policy => churn_policy(basis => 'events', lookback => 12));
SELECT round(gross_mrr_churn, 12) AS smoothed FROM mrr_movements('TABLE five', '1 month', '2023-12-01', '2024-01-01', policy => churn_policy(smoothing => 12));
-- Customers: 8000, 7600, 7220, 6859: 1141/8000 = 1 - 0.95^3 = 0.142625. 4000 over twelve months, rounded to whole ones: round(4000 x 0.95^12) = 2161 are left, 1839/4000 = 0.45975.
SELECT opening_customers, churned_customers, closing_customers, round(churn_rate, 6) AS churn_rate
FROM churn_by_period($$SELECT c, date '2023-12-01', CASE WHEN c <= 400 THEN date '2024-01-10' WHEN c <= 780 THEN '2024-02-10' WHEN c <= 1141 THEN '2024-03-10' END FROM generate_series(1, 8000) c$$,
                     '1 month', '2024-03-01', '2024-04-01', policy => churn_policy(lookback => 3));
SELECT opening_customers, churned_customers, closing_customers, round(churn_rate, 6) AS churn_rate
FROM churn_by_period($$SELECT c, date '2022-12-01', (SELECT min(date '2023-01-10' + (m - 1) * interval '1 month')::date FROM generate_series(1, 12) m WHERE c > round(4000 * 0.95 ^ m)) FROM generate_series(1, 4000) c$$,
                     '1 month', '2023-12-01', '2024-01-01', policy => churn_policy(lookback => 12));

-- smoothing: 10 customers of 10, of whom 1, 2 and 1 leave in January, February and March; one comes in February, and one pays 5 more from 15 March on.
-- 3 months: 1/10 (nobody before), (1 + 2)/(10 + 9), (1 + 2 + 1)/(10 + 9 + 8), 3/(9 + 8 + 7). MRR: (40 - 5)/270, (30 - 5)/(90 + 80 + 75). Nothing but rates is smoothed.
CREATE TABLE smooth (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO smooth SELECT c, '2023-12-01', CASE c WHEN 1 THEN date '2024-01-10' WHEN 2 THEN '2024-02-10' WHEN 3 THEN '2024-02-10' WHEN 4 THEN '2024-03-10' END, 10 FROM generate_series(1, 10) c;
INSERT INTO smooth VALUES (11, '2024-02-20', NULL, 10), (5, '2024-03-15', NULL, 5);
SELECT v.smoothing, v.denominator, h.* FROM (VALUES
    (1, 1, 'opening', ARRAY['10+0+0-1=9 0/0 0.1; 100+0+0+0-0-10=90 0.1 0.1', '9+1+0-2=8 0/0 0.2222; 90+10+0+0-0-20=80 0.2222 0.2222', '8+0+0-1=7 0/0 0.125; 80+0+0+5-0-10=75 0.125 0.0625', '7+0+0-0=7 0/0 0; 75+0+0+0-0-0=75 0 0']),
    (2, 2, 'opening', ARRAY['10+0+0-1=9 0/0 0.1; 100+0+0+0-0-10=90 0.1 0.1', '9+1+0-2=8 0/0 0.1579; 90+10+0+0-0-20=80 0.1579 0.1579', '8+0+0-1=7 0/0 0.1765; 80+0+0+5-0-10=75 0.1765 0.1471', '7+0+0-0=7 0/0 0.0667; 75+0+0+0-0-0=75 0.0645 0.0323']),
    (3, 3, 'opening', ARRAY['10+0+0-1=9 0/0 0.1; 100+0+0+0-0-10=90 0.1 0.1', '9+1+0-2=8 0/0 0.1579; 90+10+0+0-0-20=80 0.1579 0.1579', '8+0+0-1=7 0/0 0.1481; 80+0+0+5-0-10=75 0.1481 0.1296', '7+0+0-0=7 0/0 0.125; 75+0+0+0-0-0=75 0.1224 0.102']),
    -- 3/(10 + 9 + 1) after December, whose 10 are new: 3/(0 + 10 + 10 + 10); 4/(10 + 10 + 8); 3/(10 + 8 + 7)
    (4, 3, 'opening_plus_new', ARRAY['10+0+0-1=9 0/0 0.05; 100+0+0+0-0-10=90 0.1 0.1', '9+1+0-2=8 0/0 0.1; 90+10+0+0-0-20=80 0.1579 0.1579', '8+0+0-1=7 0/0 0.1429; 80+0+0+5-0-10=75 0.1481 0.1296', '7+0+0-0=7 0/0 0.12; 75+0+0+0-0-0=75 0.1224 0.102']),
    -- 1/(5 + 9.5), 3/(5 + 9.5 + 8.5), 4/(9.5 + 8.5 + 7.5), 3/(8.5 + 7.5 + 7)
    (5, 3, 'average', ARRAY['10+0+0-1=9 0/0 0.069; 100+0+0+0-0-10=90 0.1 0.1', '9+1+0-2=8 0/0 0.1304; 90+10+0+0-0-20=80 0.1579 0.1579', '8+0+0-1=7 0/0 0.1569; 80+0+0+5-0-10=75 0.1481 0.1296', '7+0+0-0=7 0/0 0.1304; 75+0+0+0-0-0=75 0.1224 0.102'])
) v (n, smoothing, denominator, hand), pg_temp.by_hand('TABLE smooth', churn_policy(smoothing => v.smoothing, denominator => v.denominator), '2024-01-01', '2024-05-01', v.hand) h ORDER BY n, period_start;
-- Nobody in all three openings: none. A cut last row counts with what it has.
SELECT * FROM pg_temp.by_hand('TABLE smooth', churn_policy(smoothing => 3), '2023-11-01', '2024-01-01', ARRAY['0+0+0-0=0 0/0 -; 0+0+0+0-0-0=0 - -', '0+10+0-0=10 0/0 -; 0+100+0+0-0-0=100 - -']);
SELECT * FROM pg_temp.by_hand('TABLE smooth', churn_policy(smoothing => 3), '2024-03-05', '2024-03-10', ARRAY['8+0+0-0=8 0/0 0.1111; 80+0+0+0-0-0=80 0.1111 0.1111']);
-- Both: the sums of rows that look back. March: lost 2 - 4 since February, of 9; February: 1 - 3 since January, of 10: 6/19; MRR (30 + 30)/(90 + 100), less 5.
SELECT * FROM pg_temp.by_hand('TABLE smooth', churn_policy(lookback => 2, smoothing => 2), '2024-03-01', '2024-04-01', ARRAY['9+1+0-3=7 0/0 0.3158; 90+10+0+5-0-30=75 0.3158 0.2895']);
-- By day: the loss of 10 March is in the rates of 30 days, up to 8 April.
SELECT min(period_start) FILTER (WHERE churn_rate > 0) AS first, max(period_start) FILTER (WHERE churn_rate > 0) AS last, count(*) FILTER (WHERE churn_rate > 0) AS days
FROM churn_by_period('TABLE smooth', '1 day', '2024-03-12', '2024-06-01', policy => churn_policy(smoothing => 30));

-- Several at once --------------------------------------------------------------------------------------------
-- From 10 February away for 7 days (1: grace), 8 days and 28 days (2, 3: less than a month), a month (4), 90 days (5: the window) and 91 days (6: new).
CREATE TABLE several (customer int, started_at date, ended_at date, mrr numeric);
INSERT INTO several SELECT c, '2024-01-01', '2024-02-10', 10 * c FROM generate_series(1, 6) c;
INSERT INTO several VALUES (1, '2024-02-17', NULL, 12), (2, '2024-02-18', NULL, 20), (3, '2024-03-09', NULL, 30), (4, '2024-03-10', NULL, 40), (5, '2024-05-10', NULL, 50), (6, '2024-05-11', NULL, 60);
SELECT v.basis, h.* FROM (VALUES
    (1, 'snapshot', ARRAY['6+0+0-3=3 0/0 0.5; 210+0+0+2-30-150=32 0.8571 0.8476', '3+0+1-0=4 0/0 0; 32+0+40+30-0-0=102 0 -0.9375', '4+0+0-0=4 0/0 0; 102+0+0+0-0-0=102 0 0', '4+1+1-0=6 0/0 0; 102+60+50+0-0-0=212 0 0']),
    (2, 'events',   ARRAY['6+0+0-3=3 0/0 0.5; 210+0+0+22-50-150=32 0.9524 0.8476', '3+0+1-0=4 0/0 0; 32+0+40+30-0-0=102 0 -0.9375', '4+0+0-0=4 0/0 0; 102+0+0+0-0-0=102 0 0', '4+1+1-0=6 0/0 0; 102+60+50+0-0-0=212 0 0'])
) v (n, basis, hand), pg_temp.by_hand('TABLE several', churn_policy(basis => v.basis, grace => '7 days', minimum_absence => '1 month', reactivation_window => '90 days'), '2024-02-01', '2024-06-01', v.hand) h ORDER BY n, period_start;
SELECT * FROM pg_temp.cohorts_by_hand('TABLE several', churn_policy(grace => '7 days', minimum_absence => '1 month', reactivation_window => '90 days'), NULL, '2024-06-01', ARRAY['6/210: 6(210) 3(32) 4(102) 4(102) 5(152)', '1/60: 1(60)']);
-- At the boundary, by events, 2 months back, over opening + new, less reactivation. 1: away from 1 March to 1 April, 31 days; 2: to 2 April; 3: begins on 1 April, so in March.
-- March (opening just after 1 February): churned 2 (on 1 March, so in February), new 3: 1/(2 + 1). April (opening just after 1 March: 1): new 3, back 2: 0/(1 + 1), (0 - 20)/10.
SELECT * FROM pg_temp.by_hand($$VALUES (1, date '2024-01-01', date '2024-03-01', 10), (1, '2024-04-01', NULL, 10), (2, '2024-01-01', '2024-03-01', 20), (2, '2024-04-02', NULL, 20), (3, '2024-04-01', NULL, 30)$$,
    churn_policy(boundary => 'at', basis => 'events', grace => '31 days', lookback => 2, reactivation_offsets => true, denominator => 'opening_plus_new'), '2024-03-01', '2024-05-01',
    ARRAY['2+1+0-1=2 0/0 0.3333; 30+30+0+0-0-20=40 0.6667 0.6667', '1+1+1-0=3 0/0 0; 10+30+20+0-0-0=60 0 -2']);
-- A customer at no MRR for less than the minimum is there for all that counts customers: ARPA, cohorts, the average.
SELECT closing_customers, closing_mrr, arpa FROM mrr_movements('TABLE several', '1 month', '2024-02-01', '2024-03-01', policy => churn_policy(minimum_absence => '1 month'));

-- Where an axis has no effect: cohorts know the history only. MRR rates know one denominator.
SELECT axis, NOT EXISTS (SELECT * FROM cohort_retention('TABLE several', policy => axes.policy, until => '2024-06-01') EXCEPT ALL SELECT * FROM cohort_retention('TABLE several', until => '2024-06-01')) AS cohorts_are_the_same
FROM (VALUES (1, 'basis', churn_policy(basis => 'events')), (2, 'denominator', churn_policy(denominator => 'average')), (3, 'count_transient', churn_policy(count_transient => true)), (4, 'reactivation_offsets', churn_policy(reactivation_offsets => true)),
             (5, 'lookback', churn_policy(lookback => 6)), (6, 'smoothing', churn_policy(smoothing => 6)), (7, 'grace', churn_policy(grace => '31 days')), (8, 'boundary', churn_policy(boundary => 'at'))) axes (n, axis, policy) ORDER BY n;
-- since and until show cohorts as ever, whatever the look-back is.
SELECT cohort, period_number, period_start, customers FROM cohort_retention('TABLE several', '1 month', '2024-03-15', '2024-04-10', policy => churn_policy(lookback => 12, smoothing => 3)) ORDER BY 1, 2;

-- complete: a period is over for good when grace and minimum_absence after it are over. 41 days, of which today is one; ends from 39 days ago to tomorrow.
SELECT v.grace, v.minimum_absence, (SELECT count(*) FILTER (WHERE complete) FROM churn_by_period('TABLE gaps', '1 day', current_date - 40, current_date + 1, policy => p)) AS churn_by_period,
       (SELECT count(*) FILTER (WHERE complete) FROM mrr_movements('TABLE gaps', '1 day', current_date - 40, current_date + 1, policy => p)) AS mrr_movements,
       (SELECT count(*) FILTER (WHERE complete) FROM cohort_retention('TABLE gaps', '1 day', current_date - 40, current_date + 1, policy => p) WHERE cohort = '2024-01-01') AS cohort_retention, hand
FROM (VALUES (1, '0', '0', 40), (2, '31 days', '0', 9), (3, '0', '10 days', 30), (4, '31 days', '10 days', 9), (5, '10 days', '31 days', 9), (6, '36 hours', '0', 38), (7, '1 second', '0', 39), (8, '100 years', '0', 0)) v (n, grace, minimum_absence, hand),
     churn_policy(grace => v.grace::interval, minimum_absence => v.minimum_absence::interval) p ORDER BY n;
SELECT bool_and(complete = (period_end + interval '1 month' <= current_date)) AS by_the_calendar FROM churn_by_period('TABLE gaps', '1 day', current_date - 400, current_date + 1, policy => churn_policy(grace => '1 month'));
SELECT bool_and(complete = (period_end + interval '1 month' <= (now() AT TIME ZONE 'Pacific/Kiritimati')::date)) AS of_the_zone
FROM churn_by_period($$VALUES (1, timestamptz '2020-01-01 00:00+00', NULL::timestamptz)$$, '1 day', current_date - 400, current_date + 1, 'Pacific/Kiritimati', churn_policy(minimum_absence => '1 month'));
SELECT bool_and(complete) AS others FROM churn_by_period('TABLE gaps', '1 day', current_date - 40, current_date, policy => churn_policy('standard', 'at', 'events', 'average', true, NULL, '90 days', NULL, true, true, 12, 6));

-- Identities, under 384 policies ------------------------------------------------------------------------------
CREATE TABLE many AS
SELECT g * 7919 % 97 AS customer, date '2022-01-05' + g * 7919 % 800 AS started_at, CASE WHEN g % 9 > 0 THEN date '2022-01-05' + g * 7919 % 800 + 1 + g * 104729 % 150 END AS ended_at,
       CASE WHEN g % 6 = 0 THEN 0 WHEN g % 11 = 0 THEN -5 ELSE 10 + g % 5 * 2.5 END AS mrr FROM generate_series(1, 400) g;
CREATE TABLE axes AS
SELECT row_number() OVER () AS n, churn_policy(boundary => b, basis => f, grace => g, reactivation_window => w, minimum_absence => a, count_free => c, lookback => l) AS policy
FROM unnest(ARRAY['before', 'at']) b, unnest(ARRAY['snapshot', 'events']) f, unnest(ARRAY['0', '20 days']::interval[]) g, unnest(ARRAY[NULL, '90 days']::interval[]) w,
     unnest(ARRAY['0', '1 month', '45 days']::interval[]) a, unnest(ARRAY[false, true]) c, unnest(ARRAY[1, 2, 3, 7]) l;
CREATE TABLE ledger AS SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS ledger FROM many;
CREATE TABLE rows AS
SELECT a.n, a.policy, (a.policy).basis, (a.policy).lookback, c.*, m.opening_mrr, m.new_mrr, m.reactivation_mrr, m.expansion_mrr, m.contraction_mrr, m.churned_mrr, m.closing_mrr, m.net_new_mrr, m.gross_mrr_churn, m.net_mrr_churn, m.closing_customers AS mrr_customers
FROM axes a, ledger, churn_by_period(ledger, '1 month', '2022-01-01', '2024-07-01', policy => a.policy) c JOIN LATERAL mrr_movements(ledger, '1 month', '2022-01-01', '2024-07-01', policy => a.policy) m USING (period_start, period_end);
-- Closing is opening and what moved; the next opening is the closing n rows before.
SELECT count(DISTINCT n) AS policies, count(*) AS rows, count(*) FILTER (WHERE opening_customers + new_customers + reactivated_customers - churned_customers <> closing_customers OR mrr_customers <> closing_customers) AS customers,
       count(*) FILTER (WHERE opening_mrr + new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churned_mrr <> closing_mrr OR net_new_mrr <> closing_mrr - opening_mrr) AS mrr,
       count(*) FILTER (WHERE opening_customers <> before OR opening_mrr <> mrr_before) AS next,
       count(*) FILTER (WHERE transient_new_customers > transient_customers OR (basis = 'events' AND transient_customers > 0)) AS transient,
       count(*) FILTER (WHERE basis = 'snapshot' AND (churn_rate NOT BETWEEN 0 AND 1 OR gross_mrr_churn NOT BETWEEN 0 AND 1)) AS rates
FROM (SELECT *, CASE lookback WHEN 1 THEN lag(closing_customers) OVER w WHEN 2 THEN lag(closing_customers, 2) OVER w WHEN 3 THEN lag(closing_customers, 3) OVER w ELSE lag(closing_customers, 7) OVER w END AS before,
                CASE lookback WHEN 1 THEN lag(closing_mrr) OVER w WHEN 2 THEN lag(closing_mrr, 2) OVER w WHEN 3 THEN lag(closing_mrr, 3) OVER w ELSE lag(closing_mrr, 7) OVER w END AS mrr_before
      FROM rows WINDOW w AS (PARTITION BY n ORDER BY period_start)) s;
-- Events: months add up to quarters and years; a look-back is the sum of its months. Snapshots do not add up.
SELECT v.every, basis, bool_and(same) AS adds_up, count(*) FILTER (WHERE NOT same) > 0 AS some_do_not
FROM (VALUES (1, interval '3 months'), (2, '1 year')) v (n, every),
     LATERAL (SELECT a.n, (a.policy).basis, (c.new_customers, c.reactivated_customers, c.churned_customers, m.new_mrr, m.reactivation_mrr, m.expansion_mrr, m.contraction_mrr, m.churned_mrr)
                     = (SELECT sum(r.new_customers), sum(r.reactivated_customers), sum(r.churned_customers), sum(r.new_mrr), sum(r.reactivation_mrr), sum(r.expansion_mrr), sum(r.contraction_mrr), sum(r.churned_mrr)
                        FROM rows r WHERE r.n = a.n AND r.period_start >= c.period_start AND r.period_start < c.period_end) AS same
              FROM axes a, ledger, churn_by_period(ledger, v.every, '2022-01-01', '2024-07-01', policy => a.policy) c
                   JOIN LATERAL mrr_movements(ledger, v.every, '2022-01-01', '2024-07-01', policy => a.policy) m USING (period_start, period_end)
              WHERE (a.policy).lookback = 1) s GROUP BY v.n, v.every, basis ORDER BY v.n, basis DESC;
-- A look-back over three months is, at a quarter's end, the quarter; and the aggregates of the three months.
SELECT basis, count(*) AS quarters, count(*) FILTER (WHERE (r.opening_customers, r.new_customers, r.reactivated_customers, r.churned_customers, r.closing_customers, r.transient_customers, r.transient_new_customers, r.churn_rate)
                                                       IS DISTINCT FROM (q.opening_customers, q.new_customers, q.reactivated_customers, q.churned_customers, q.closing_customers, q.transient_customers, q.transient_new_customers, q.churn_rate)) AS different
FROM rows r, ledger, churn_by_period(ledger, '3 months', '2022-01-01', '2024-07-01', policy => jsonb_populate_record(r.policy, '{"lookback": 1}')) q
WHERE r.lookback = 3 AND q.period_end = r.period_end GROUP BY basis ORDER BY basis DESC;
SELECT (a.policy).basis, count(*) AS policies, count(*) FILTER (WHERE one.churn IS DISTINCT FROM churn_rate OR one.gross IS DISTINCT FROM gross_mrr_churn OR one.net IS DISTINCT FROM net_mrr_churn) AS different
FROM axes a JOIN rows r USING (n), LATERAL (SELECT churn_rate(customer, started_at, ended_at, mrr, p, o) AS churn, mrr_churn(customer, started_at, ended_at, mrr, p, o) AS gross, net_mrr_churn(customer, started_at, ended_at, mrr, p, o) AS net
    FROM many, (SELECT daterange('2023-03-01', '2023-06-01'), jsonb_populate_record(r.policy, '{"lookback": 1}')) x (p, o)) one
WHERE r.lookback = 3 AND r.period_start = '2023-05-01' GROUP BY 1 ORDER BY 1 DESC;
-- Cohorts: their sums are the closings; their sizes are the new ones, where no return makes anybody new; by events they always are, as every life is new once.
SELECT count(*) AS rows, count(*) FILTER (WHERE s.customers <> r.closing_customers OR s.mrr <> r.closing_mrr) AS closings,
       count(*) FILTER (WHERE ((r.policy).reactivation_window IS NULL OR r.basis = 'events') AND coalesce(s.size, 0) <> r.new_customers + r.transient_new_customers) AS sizes
FROM rows r JOIN (SELECT a.n, c.period_start, sum(c.customers) AS customers, sum(c.mrr) AS mrr, max(c.cohort_size) FILTER (WHERE c.period_number = 0) AS size
                  FROM axes a, ledger, cohort_retention(ledger, '1 month', until => '2024-07-01', policy => a.policy) c WHERE (a.policy).lookback = 1 GROUP BY 1, 2) s USING (n, period_start);
-- Smoothed rates are sums over sums, whatever the denominator, the basis and the look-back are.
SELECT count(*) AS rows, count(*) FILTER (WHERE round(s.churn_rate, 12) IS DISTINCT FROM round(lost / nullif(of, 0), 12)) AS churn, count(*) FILTER (WHERE s.retention_rate IS DISTINCT FROM 1 - s.churn_rate) AS retention
FROM (SELECT d, t, f, l, period_start, sum(churned_customers + CASE WHEN t OR d = 'opening_plus_new' THEN transient_customers ELSE 0 END) OVER w AS lost,
             sum(CASE d WHEN 'opening' THEN opening_customers WHEN 'average' THEN (opening_customers + closing_customers) / 2.0 ELSE opening_customers + new_customers + transient_new_customers END) OVER w AS of
      FROM ledger, unnest(ARRAY['opening', 'opening_plus_new', 'average']) d, unnest(ARRAY[false, true]) t, unnest(ARRAY['snapshot', 'events']) f, unnest(ARRAY[1, 4]) l,
           churn_by_period(ledger, '1 month', '2021-01-01', '2024-07-01', policy => churn_policy(denominator => d, count_transient => t, basis => f, lookback => l))
      WINDOW w AS (PARTITION BY d, t, f, l ORDER BY period_start ROWS 4 PRECEDING)) p
     JOIN (SELECT d, t, f, l, c.* FROM ledger, unnest(ARRAY['opening', 'opening_plus_new', 'average']) d, unnest(ARRAY[false, true]) t, unnest(ARRAY['snapshot', 'events']) f, unnest(ARRAY[1, 4]) l,
           churn_by_period(ledger, '1 month', '2022-01-01', '2024-07-01', policy => churn_policy(denominator => d, count_transient => t, basis => f, lookback => l, smoothing => 5)) c) s USING (d, t, f, l, period_start);
-- since hides rows and changes none, with any policy; the cut last row is that of a shorter until.
SELECT count(*) AS rows, count(*) FILTER (WHERE c IS DISTINCT FROM whole) AS different
FROM ledger, unnest(ARRAY['snapshot', 'events']) f, unnest(ARRAY[1, 4]) l, unnest(ARRAY[1, 5]) s, LATERAL (SELECT churn_policy(basis => f, lookback => l, smoothing => s, reactivation_window => '90 days', grace => '20 days') AS p) x,
     churn_by_period(ledger, '1 month', '2023-02-01', '2024-06-11', policy => p) c JOIN LATERAL churn_by_period(ledger, '1 month', '2021-01-01', '2024-06-11', policy => p) whole USING (period_start);
DROP TABLE rows;

-- A policy per group, from a table. February: of 115 / 4, all, 60 of 115 in 2 customers, 3 customers (3 stays at 0), all are lost; of 1 - 3, as they run, 2, 1, 1, 2.
TRUNCATE policies;
INSERT INTO policies VALUES ('1 standard', NULL), ('2 grace', churn_policy(grace => '31 days')), ('3 absence', churn_policy(minimum_absence => '1 month')), ('4 fresh', churn_policy(reactivation_window => '0', count_transient => true));
SELECT name, round(churn_rate(customer, started_at, ended_at, mrr, daterange('2024-02-01', '2024-03-01'), policy), 4) AS churn, round(nrr(customer, started_at, ended_at, mrr, daterange('2024-02-01', '2024-03-01'), policy), 4) AS nrr,
       round(clv(customer, started_at, ended_at, mrr, daterange('2024-02-01', '2024-03-01'), 0.8, policy), 2) AS clv, round(churn_rate(customer, started_at, ended_at, daterange('2024-02-01', '2024-03-01'), policy) FILTER (WHERE customer < 4), 4) AS running
FROM gaps, policies GROUP BY name ORDER BY name;
SELECT p.name, c.churned_customers, round(c.churn_rate, 4) AS churn FROM policies p, (SELECT subscription_ledger(customer, started_at, ended_at, mrr) AS l FROM gaps) q, churn_by_period(l, '1 month', '2024-02-01', '2024-03-01', policy => p.policy) c ORDER BY name;
-- OVER, and GROUPING SETS: by customer, and the whole.
SELECT DISTINCT customer, churn_rate(customer, started_at, ended_at, mrr, daterange('2024-02-01', '2024-03-01'), churn_policy(grace => '31 days')) OVER (PARTITION BY customer) AS churn FROM gaps ORDER BY customer;
SELECT customer, round(grr(customer, started_at, ended_at, mrr, daterange('2024-02-01', '2024-03-01'), churn_policy(grace => '31 days')), 4) AS grr FROM gaps GROUP BY GROUPING SETS ((customer), ()) ORDER BY customer NULLS LAST;
-- Nobody, and nothing but rows to be ignored: NULL. Every kind of customer and of time.
SELECT churn_rate(customer, started_at, ended_at, mrr, daterange('2024-02-01', '2024-03-01'), churn_policy('stripe')) AS nobody FROM gaps WHERE false;
SELECT nrr(NULL::int, NULL::date, NULL, NULL, daterange('2024-02-01', '2024-03-01'), churn_policy('stripe')) AS ignored;
SELECT round(churn_rate(customer::bigint, started_at, ended_at, mrr, daterange('2024-02-01', '2024-03-01'), p), 4) AS a, round(churn_rate(customer::text, started_at::timestamp, ended_at::timestamp, mrr, tsrange('2024-02-01', '2024-03-01'), p), 4) AS b,
       round(churn_rate(lpad(customer::text, 32, '0')::uuid, started_at::timestamptz, ended_at::timestamptz, mrr, tstzrange('2024-02-01', '2024-03-01'), p), 4) AS c, round(clv(customer::text, started_at, ended_at, mrr, daterange('2024-02-01', '2024-03-01'), 1, p), 4) AS d
FROM gaps, (SELECT churn_policy(grace => '31 days') AS p) x;

-- A parallel plan gives the same: aggregates, and the reports of a query.
CREATE TABLE big AS SELECT c + 100 * g AS customer, started_at, ended_at, mrr FROM (SELECT customer AS c, started_at, ended_at, mrr FROM many) m, generate_series(0, 49) g;
ANALYZE big;
CREATE TABLE results AS SELECT name, churn_rate(customer, started_at, ended_at, mrr, daterange('2023-03-01', '2023-06-01'), policy) AS churn, nrr(customer, started_at, ended_at, mrr, daterange('2023-03-01', '2023-06-01'), policy) AS nrr FROM big, policies GROUP BY name;
CREATE TABLE series AS SELECT p.name, m.* FROM policies p, mrr_movements('TABLE big', '1 month', '2022-01-01', '2024-07-01', policy => p.policy) m;
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT pg_temp.plan_has($$SELECT churn_rate(customer, started_at, ended_at, mrr, daterange('2023-03-01', '2023-06-01'), churn_policy(grace => '31 days')) FROM big$$, 'Partial Aggregate') AS parallel;
SELECT count(*) AS different FROM (SELECT name, churn_rate(customer, started_at, ended_at, mrr, daterange('2023-03-01', '2023-06-01'), policy) AS churn, nrr(customer, started_at, ended_at, mrr, daterange('2023-03-01', '2023-06-01'), policy) AS nrr
                                   FROM big, policies GROUP BY name EXCEPT SELECT * FROM results) d;
SELECT p.name, churn_rate(customer, started_at, ended_at, mrr, daterange('2023-03-01', '2023-06-01'), churn_policy(grace => '31 days')) = r.churn AS same
FROM big, policies p JOIN results r USING (name) WHERE p.name = '2 grace' GROUP BY p.name, r.churn;
SELECT churn_rate(customer, started_at, ended_at, mrr, daterange('2023-03-01', '2023-06-01'), churn_policy(grace => '31 days')) = (SELECT churn FROM results WHERE name = '2 grace') AS same FROM big;
SELECT count(*) AS different FROM (SELECT p.name, m.* FROM policies p, mrr_movements('TABLE big', '1 month', '2022-01-01', '2024-07-01', policy => p.policy) m EXCEPT TABLE series) d;
-- Two policies in one group, each in a worker's part: an error there, too.
SELECT pg_temp.err($$SELECT churn_rate(customer, started_at, ended_at, mrr, daterange('2023-03-01', '2023-06-01'), CASE WHEN customer % 2 = 0 THEN churn_policy(grace => '31 days') ELSE churn_policy(grace => '32 days') END) FROM big$$) AS error;

-- At the ends of what can be written: days whose microseconds no integer holds, a year that begins time, a zone set by more than a day.
SELECT pg_temp.err(format('SELECT churn_policy(grace => %L)', days)) AS error FROM unnest(ARRAY['36526 days', '106751992 days', '200000000 days', '213503983 days', '2147483647 days']) days;
SELECT cohort, period_start, customers
FROM cohort_retention('SELECT 1, date ''4714-11-24 BC'', date ''4700-01-01 BC'', 5.0', '100 years', until => '4600-01-01 BC', policy => churn_policy(boundary => 'at'));
SELECT period_start, churned_customers
FROM churn_by_period($$VALUES (1, timestamptz '1940-01-01 00:00Z', timestamptz '1949-01-15 00:00 Pacific/Apia', 5), (1, '2012-01-14 11:00Z', NULL, 5)$$,
                     '1 month', '1949-01-01', '1949-02-01', 'Pacific/Apia', churn_policy(grace => '23010 days'));

SET client_min_messages = warning;
DROP SCHEMA test_policy CASCADE;
