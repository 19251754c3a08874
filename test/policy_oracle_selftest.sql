-- Tests of the oracle for policies: answers worked out by hand at the edge of every axis, and identities over random rows.
-- Run in an empty database; prints nothing but a last line, stops at the first difference:
--   psql -X -q -v ON_ERROR_STOP=1 -f test/policy_oracle_selftest.sql
\set ON_ERROR_STOP on
\pset tuples_only on
SET client_min_messages = warning;
SET TimeZone = 'America/New_York';    -- must not matter
SET jit = off;
\ir oracle.sql
\ir rows.sql
\ir policy_oracle.sql
CREATE SCHEMA policy_selftest;
SET search_path = policy_selftest, public;

\ir selftest_helpers.sql

-- Rows written as 'A 2024-01-01 2024-03-01 10, A 2024-03-15 - 10'; a time goes with a T: 2024-03-15T12:00. With a zone they are instants, written in UTC.
CREATE FUNCTION subs(rows text, zone text DEFAULT NULL) RETURNS oracle.subscription[] LANGUAGE sql STABLE AS $$
    SELECT array_agg(CASE WHEN zone IS NULL THEN oracle.local(w[1], w[2]::timestamp, nullif(w[3], '-')::timestamp, w[4]::numeric)
                          ELSE oracle.instant(w[1], w[2]::timestamp AT TIME ZONE 'UTC', nullif(w[3], '-')::timestamp AT TIME ZONE 'UTC', w[4]::numeric) END)
    FROM regexp_split_to_table(rows, ',\s*') r, regexp_split_to_array(r, ' ') w
$$;

-- What moves from period to period, and the evidence has to say the same as the reports: 'Jan A new 0>10, Mar A churned 10>0'.
CREATE FUNCTION story(rows text, policy jsonb DEFAULT NULL, since date DEFAULT NULL, until date DEFAULT '2025-01-01', every interval DEFAULT '1 month',
    with_mrr boolean DEFAULT true, zone text DEFAULT NULL) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(concat_ws(' ', to_char(c.period_start, CASE WHEN extract(day FROM every) > 0 THEN 'Mon DD' ELSE 'Mon' END), m.customer, m.movement,
                                (trim_scale(m.opening_mrr) || '>' || trim_scale(m.closing_mrr))), ', ' ORDER BY c.period_start, m.ordinality)
    FROM oracle.policy_churn_by_period(subs(rows, zone), policy, with_mrr, every, since, until, zone) c,
         oracle.policy_customer_movements(subs(rows, zone), policy, with_mrr, c.period_start, c.period_end, zone, every) WITH ORDINALITY m
$$;

CREATE PROCEDURE tells(what text, got text, wanted text) LANGUAGE plpgsql AS $$
BEGIN
    IF got IS DISTINCT FROM wanted THEN
        RAISE EXCEPTION E'%:\ngot    %\nwanted %', what, got, wanted;
    END IF;
END $$;

-- 1. Lengths of time ---------------------------------------------------------------------------------

CALL same('by the calendar, then by the clock', $$SELECT oracle.later(m, l, z) FROM (VALUES
      (1, timestamptz '2024-01-31 00:00+00', interval '1 month', NULL), (2, '2024-01-31 00:00+00', '1 month 3 days 02:00', NULL), (3, '2024-03-30 11:00+00', '1 day', 'Europe/Berlin'),
      (4, '2024-03-30 11:00+00', '24:00', 'Europe/Berlin'), (5, '2024-03-30 11:00+00', '1 day', NULL), (6, '2024-10-26 10:00+00', '1 day', 'Europe/Berlin'),
      (7, '2024-03-30 01:30+00', '1 day', 'Europe/Berlin'),                    -- 02:30 does not exist on the 31st: 03:30
      (8, '2024-10-26 00:30+00', '1 day', 'Europe/Berlin'),                    -- 02:30 comes twice on the 27th: the second
      (9, '2024-10-27 00:30+00', '00:15', 'Europe/Berlin'), (10, '2024-10-27 00:30+00', '0', 'Europe/Berlin'),    -- hours ask no calendar
      (11, '2024-02-29 12:00+00', '1 year', NULL)) v (n, m, l, z)$$,
    $$VALUES (timestamptz '2024-02-29 00:00+00'), ('2024-03-03 02:00+00'), ('2024-03-31 10:00+00'), ('2024-03-31 11:00+00'), ('2024-03-31 11:00+00'), ('2024-10-27 11:00+00'),
             ('2024-03-31 01:30+00'), ('2024-10-27 01:30+00'), ('2024-10-27 00:45+00'), ('2024-10-27 00:30+00'), ('2025-02-28 12:00+00')$$);

-- 2. Grace -------------------------------------------------------------------------------------------

CALL tells('no grace', story('A 2024-01-05 2024-03-01 10, A 2024-03-02 - 10', '{}', every => '1 day'), 'Jan 05 A new 0>10, Mar 01 A churned 10>0, Mar 02 A reactivation 0>10');
CALL tells('a gap as long as grace', story('A 2024-01-05 2024-03-01 10, A 2024-04-01 - 10', '{"grace": "31 days"}'), 'Jan A new 0>10');
CALL tells('a gap of one day more', story('A 2024-01-05 2024-03-01 10, A 2024-04-02 - 10', '{"grace": "31 days"}'), 'Jan A new 0>10, Mar A churned 10>0, Apr A reactivation 0>10');
CALL tells('a gap of one microsecond more', story('A 2024-01-05 2024-03-01 10, A 2024-04-01T00:00:00.000001 - 10', '{"grace": "31 days"}'),
    'Jan A new 0>10, Mar A churned 10>0, Apr A reactivation 0>10');
CALL tells('a month from 31 January ends on the 29th', story('A 2023-12-05 2024-01-31 10, A 2024-02-29 - 10', '{"grace": "1 month"}'), 'Dec A new 0>10');
CALL tells('and not on 1 March', story('A 2023-12-05 2024-01-31 10, A 2024-03-01 - 10', '{"grace": "1 month"}'), 'Dec A new 0>10, Jan A churned 10>0, Mar A reactivation 0>10');
CALL tells('months, days and hours', story('A 2023-12-05 2024-01-31 10, A 2024-03-03T02:00 - 10, B 2023-12-05 2024-01-31 10, B 2024-03-03T02:00:00.000001 - 10', '{"grace": "1 month 3 days 02:00"}'),
    'Dec A new 0>10, Dec B new 0>10, Jan B churned 10>0, Mar B reactivation 0>10');
CALL tells('the last MRR goes on, whatever runs free meanwhile', story('A 2024-01-05 2024-03-10 10, A 2024-03-10 2024-04-08 0, A 2024-04-10 - 25', '{"grace": "31 days"}'),
    'Jan A new 0>10, Apr A expansion 10>25');
CALL tells('each gap on its own', story('A 2024-01-05 2024-02-10 10, A 2024-03-05 2024-03-06 10, A 2024-04-01 - 10', '{"grace": "26 days"}'), 'Jan A new 0>10');
CALL tells('the last stretch ends where it ends', story('A 2024-01-05 2024-03-01 10', '{"grace": "31 days"}'), 'Jan A new 0>10, Mar A churned 10>0');
CALL tells('without mrr the gap is that of the rows', story('A 2024-01-05 2024-03-10 10, A 2024-03-10 2024-04-08 0, A 2024-04-10 - 25, B 2024-01-05 2024-04-08 0, B 2024-04-11 - 0',
    '{"grace": "2 days"}', with_mrr => false), 'Jan A new, Jan B new');
CALL tells('without mrr, day by day', story('A 2024-01-05 2024-04-08 0, A 2024-04-10 - 0, B 2024-01-05 2024-04-08 0, B 2024-04-11 - 0', '{"grace": "2 days"}', every => '1 day', with_mrr => false),
    'Jan 05 A new, Jan 05 B new, Apr 08 B churned, Apr 11 B reactivation');
CALL tells('with count_free a free row is no gap', story('A 2024-01-05 2024-03-10 10, A 2024-03-10 2024-06-08 0, A 2024-06-10 - 25', '{"grace": "2 days", "count_free": true}'),
    'Jan A new 0>10, Mar A contraction 10>0, Jun A expansion 0>25');
CALL same('the standing in the gap', $$SELECT period_start, closing_customers, closing_mrr, arpa FROM oracle.policy_mrr_movements(subs('A 2024-01-05 2024-01-20 10, A 2024-02-20 - 30, B 2024-01-01 - 5'),
      '{"grace": "31 days"}', until => '2024-03-01')$$, $$VALUES (date '2024-01-01', 2::bigint, 15.0, 7.5), ('2024-02-01', 2, 35, 17.5)$$);

-- 3. Minimum absence ---------------------------------------------------------------------------------

CALL tells('away for less', story('A 2024-01-05 2024-02-10 10, A 2024-03-09 - 10', '{"minimum_absence": "1 month"}'), 'Jan A new 0>10, Feb A contraction 10>0, Mar A expansion 0>10');
CALL tells('away for exactly that', story('A 2024-01-05 2024-02-10 10, A 2024-03-10 - 10', '{"minimum_absence": "1 month"}'), 'Jan A new 0>10, Feb A churned 10>0, Mar A reactivation 0>10');
CALL tells('20 days, to the microsecond', story('A 2024-01-05 2024-02-20 10, A 2024-03-10 - 10, B 2024-01-05 2024-02-20 10, B 2024-03-11 - 10, C 2024-01-05 2024-02-20 10, C 2024-03-10T23:59:59.999999 - 12',
    '{"minimum_absence": "20 days"}', '2024-02-01'),
    'Feb A contraction 10>0, Feb B churned 10>0, Feb C contraction 10>0, Mar A expansion 0>10, Mar B reactivation 0>10, Mar C expansion 0>12');
CALL tells('gone for good', story('A 2024-01-05 2024-02-10 10', '{"minimum_absence": "1 month"}'), 'Jan A new 0>10, Feb A churned 10>0');
CALL tells('grace comes first', story('A 2024-01-05 2024-02-25 10, A 2024-03-05 2024-04-25 10, A 2024-05-10 2024-06-25 10, A 2024-08-01 - 10', '{"grace": "10 days", "minimum_absence": "1 month"}', '2024-02-01'),
    'Apr A contraction 10>0, May A expansion 0>10, Jun A churned 10>0, Aug A reactivation 0>10');
CALL tells('without mrr', story('A 2024-01-05 2024-02-10 10, A 2024-03-09 - 10, B 2024-01-05 2024-02-10 10, B 2024-03-10 - 10', '{"minimum_absence": "1 month"}', with_mrr => false),
    'Jan A new, Jan B new, Feb B churned, Mar B reactivation');
CALL tells('free meanwhile', story('A 2024-01-05 2024-02-10 10, A 2024-02-10 2024-03-09 0, A 2024-03-09 - 10', '{"minimum_absence": "1 month"}'), 'Jan A new 0>10, Feb A contraction 10>0, Mar A expansion 0>10');
CALL tells('gone at nothing, after a second gap', story('A 2024-01-05 2024-02-25 10, A 2024-03-05 2024-03-06 10, A 2024-03-20 - 10', '{"minimum_absence": "1 month", "basis": "events"}'),
    'Jan A new 0>10, Feb A contraction 10>0, Mar A expansion 0>10, Mar A contraction 10>0, Mar A expansion 0>10');
CALL same('active at nothing', $$SELECT * FROM oracle.policy_mrr_movements(subs('A 2024-01-05 2024-02-10 10, A 2024-03-09 - 10'), '{"minimum_absence": "1 month"}', since => '2024-02-01', until => '2024-04-01')$$, $$VALUES
    (date '2024-02-01', date '2024-03-01', 10.0, 0.0, 0.0, 0.0, 10.0, 0.0, 0.0, -10.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1::bigint, 0.0, true),
    ('2024-03-01', '2024-04-01', 0, 0, 0, 10, 0, 0, 10, 10, NULL, NULL, NULL, NULL, NULL, 1, 10, true)$$);

-- 4. Reactivation window -----------------------------------------------------------------------------

CALL tells('back after exactly the window', story('A 2024-01-05 2024-03-01 10, A 2024-05-30 - 10', '{"reactivation_window": "90 days"}'), 'Jan A new 0>10, Mar A churned 10>0, May A reactivation 0>10');
CALL tells('back one day later', story('A 2024-01-05 2024-03-01 10, A 2024-05-31 - 10', '{"reactivation_window": "90 days"}'), 'Jan A new 0>10, Mar A churned 10>0, May A new 0>10');
CALL tells('three months', story('A 2024-01-05 2024-03-01 10, A 2024-06-01 - 10, B 2024-01-05 2024-03-01 10, B 2024-06-02 - 10', '{"reactivation_window": "3 months"}', '2024-06-01'),
    'Jun A reactivation 0>10, Jun B new 0>10');
CALL tells('a window of nothing: always new', story('A 2024-01-05 2024-02-10 10, A 2024-02-11 2024-02-12 10, A 2024-03-12 - 10', '{"reactivation_window": "0"}'), 'Jan A new 0>10, Feb A churned 10>0, Mar A new 0>10');
CALL tells('the second life comes back, too', story('A 2024-01-05 2024-01-10 10, A 2024-05-31 2024-06-10 20, A 2024-07-01 2024-07-02 30, A 2024-09-01 - 40', '{"reactivation_window": "90 days"}'),
    'Jan A transient_new 0>0, May A new 0>20, Jun A churned 20>0, Jul A transient 0>0, Sep A reactivation 0>40');
CALL tells('transient, by its last life', story('A 2024-01-05 2024-01-10 10, A 2024-07-02 2024-07-03 10, A 2024-07-20 2024-07-21 10', '{"reactivation_window": "90 days"}'), 'Jan A transient_new 0>0, Jul A transient_new 0>0');
CALL tells('back, gone, and back in a new life, all inside', story('A 2023-12-01 2023-12-05 1, A 2024-01-05 2024-01-10 2, A 2024-03-20 - 4, B 2023-12-01 2023-12-05 1, B 2024-01-05 2024-01-10 2, B 2024-03-20 2024-03-21 4, C 2023-12-01 2023-12-05 1, C 2024-01-05 2024-01-10 2, C 2024-03-10 - 4',
    '{"reactivation_window": "60 days"}', '2024-01-01', every => '3 months'), 'Jan A new 0>4, Jan B transient_new 0>0, Jan C reactivation 0>4');
CALL same('who churned is of the life lost, whatever life came and went later', $$SELECT movement, opening_mrr, first_start FROM oracle.policy_customer_movements(subs('A 2024-01-05 2024-04-10 10, A 2024-05-30 2024-06-05 25'),
      '{"reactivation_window": "20 days"}', true, '2024-04-01', '2024-07-01')$$, $$VALUES ('churned', 10.0, date '2024-01-05')$$);
CALL tells('active at both ends, in two lives', story('A 2024-01-05 2024-04-10 10, A 2024-05-30 - 25', '{"reactivation_window": "20 days"}', every => '3 months'), 'Jan A new 0>10, Apr A expansion 10>25');
CALL tells('away for less than the minimum is no end of a life', story('A 2024-01-05 2024-02-10 10, A 2024-03-09 - 10, B 2024-01-05 2024-02-10 10, B 2024-03-09 - 10, B 2024-02-10 2024-02-11 0',
    '{"reactivation_window": "5 days", "minimum_absence": "1 month"}', '2024-02-01'), 'Feb A contraction 10>0, Feb B contraction 10>0, Mar A expansion 0>10, Mar B expansion 0>10');
CALL same('a cohort has lives as members',
    $$SELECT cohort, period_number, cohort_size, customers, cohort_mrr, mrr, cumulative_mrr
      FROM oracle.policy_cohort_retention(subs('A 2024-01-05 2024-01-20 10, A 2024-02-10 2024-02-20 15, A 2024-03-15 - 30, B 2024-03-01 - 5'), '{"reactivation_window": "21 days"}', until => '2024-04-01')$$,
    $$VALUES (date '2024-01-01', 0, 1::bigint, 0::bigint, 10.0, 0.0, 0.0), ('2024-01-01', 1, 1, 0, 10, 0, 0), ('2024-01-01', 2, 1, 0, 10, 0, 0), ('2024-03-01', 0, 2, 2, 35, 35, 35)$$);
CALL same('without a window', $$SELECT cohort, period_number, customers, mrr FROM oracle.policy_cohort_retention(subs('A 2024-01-05 2024-01-20 10, A 2024-02-10 2024-02-20 15, A 2024-03-15 - 30'), until => '2024-04-01')$$,
    $$VALUES (date '2024-01-01', 0, 0::bigint, 0.0), ('2024-01-01', 1, 0, 0), ('2024-01-01', 2, 1, 30)$$);
CALL same('two lives in one cohort: two members', $$SELECT cohort_size, customers, cohort_mrr, mrr
      FROM oracle.policy_cohort_retention(subs('A 2024-01-05 2024-01-10 10, A 2024-01-20 - 15'), '{"reactivation_window": "5 days"}', until => '2024-02-01')$$, $$VALUES (2::bigint, 1::bigint, 25.0, 15.0)$$);
CALL same('the first day is that of the life', $$SELECT movement, first_start FROM oracle.policy_customer_movements(
      subs('A 2024-01-05 2024-02-10 10, A 2024-03-10 - 15, B 2024-01-06 2024-03-10 1, C 2024-01-07 2024-02-10 1, C 2024-02-20 - 1, D 2024-01-08 2024-03-02 1, D 2024-03-30 - 1'),
      '{"reactivation_window": "15 days", "basis": "events"}', true, '2024-03-01', '2024-04-01')$$,
    $$VALUES ('new', date '2024-03-10'), ('churned', '2024-01-06'), ('churned', '2024-01-08'), ('new', '2024-03-30')$$);

-- 5. Boundary ----------------------------------------------------------------------------------------

CALL tells('before: an event on a boundary is in the period that begins', story('A 2024-02-01 2024-03-01 10', '{"boundary": "before"}'), 'Feb A new 0>10, Mar A churned 10>0');
CALL tells('at: in the period that ends', story('A 2024-02-01 2024-03-01 10', '{"boundary": "at"}'), 'Jan A new 0>10, Feb A churned 10>0');
CALL tells('at: a microsecond later it is in the next', story('A 2024-02-01T00:00:00.000001 2024-03-01T00:00:00.000001 10', '{"boundary": "at"}'), 'Feb A new 0>10, Mar A churned 10>0');
CALL tells('at: one month from the first to the first', story('A 2024-02-01 2024-03-01 10, B 2024-02-01T00:00:00.000001 2024-03-01 10', '{"boundary": "at"}', '2024-02-01'), 'Feb A churned 10>0, Feb B transient_new 0>0');
CALL tells('at: gaps are judged before', story('A 2024-01-05 2024-03-01 10, A 2024-04-01 - 10, B 2024-01-05 2024-01-31 10, B 2024-02-29 - 10, C 2024-01-05 2024-01-31 10, C 2024-03-01 - 10',
    '{"boundary": "at", "grace": "1 month"}', '2024-02-01'), 'Feb C reactivation 0>10');
CALL same('at: the standing', $$SELECT period_start, closing_mrr FROM oracle.policy_mrr_movements(subs('A 2024-02-01 2024-03-01 10, B 2024-03-01 - 7'), '{"boundary": "at"}', until => '2024-04-01')$$,
    $$VALUES (date '2024-01-01', 10.0), ('2024-02-01', 7), ('2024-03-01', 7)$$);
CALL same('at: cohorts', $$SELECT cohort, period_number, customers FROM oracle.policy_cohort_retention(subs('A 2024-02-01 2024-03-01 10'), '{"boundary": "at"}', until => '2024-03-01')$$,
    $$VALUES (date '2024-01-01', 0, 1::bigint), ('2024-01-01', 1, 0)$$);
CALL tells('at: instants', story('A 2024-03-31T22:00 2024-04-30T22:00 10', '{"boundary": "at"}', zone => 'Europe/Berlin'), 'Mar A new 0>10, Apr A churned 10>0');
CALL tells('at: clocks forward over midnight', story('A 2024-04-25T22:00 2024-04-26T22:00:00.000001 10', '{"boundary": "at"}', every => '1 day', zone => 'Africa/Cairo'), 'Apr 25 A new 0>10, Apr 27 A churned 10>0');
CALL same('at: the first day is that of the moment moved back', $$SELECT movement, first_start FROM oracle.policy_customer_movements(subs('A 2024-02-01 - 10'), '{"boundary": "at"}', true, '2024-01-01', '2024-02-01')$$,
    $$VALUES ('new', date '2024-01-31')$$);
CALL same('at: one period (a, b]', $$SELECT churn_rate FROM oracle.policy_one_period(subs('A 2024-02-01 2024-03-01 10, B 2024-01-15 2024-02-01 10, C 2024-01-10 - 1'), '{"boundary": "at"}', daterange('2024-02-01', '2024-03-01'))
      UNION ALL SELECT churn_rate FROM oracle.policy_one_period(subs('A 2024-02-01 2024-03-01 10, B 2024-01-15 2024-02-01 10, C 2024-01-10 - 1'), '{}', daterange('2024-02-01', '2024-03-01'))$$,
    $$VALUES (0.5), (0.5)$$);    -- at: A of A and C; before: B of B and C

-- 6. Events ------------------------------------------------------------------------------------------

CALL tells('came and left inside', story('A 2024-01-05 2024-01-10 10', '{"basis": "events"}'), 'Jan A new 0>10, Jan A churned 10>0');
CALL tells('up and down inside', story('A 2024-01-05 - 10, A 2024-02-03 2024-02-09 5, A 2024-02-20 2024-03-01 -2', '{"basis": "events"}'),
    'Jan A new 0>10, Feb A expansion 10>15, Feb A contraction 15>10, Feb A contraction 10>8, Mar A expansion 8>10');
CALL tells('left and back inside', story('A 2024-01-05 2024-02-10 10, A 2024-02-12 - 12', '{"basis": "events"}'), 'Jan A new 0>10, Feb A churned 10>0, Feb A reactivation 0>12');
CALL tells('new, left and back inside', story('A 2024-01-05 2024-01-10 10, A 2024-01-12 - 12', '{"basis": "events"}'), 'Jan A new 0>10, Jan A churned 10>0, Jan A reactivation 0>12');
CALL tells('at one moment: the net effect', story('A 2024-01-05 2024-02-10 10, A 2024-02-10 2024-03-10 12, A 2024-03-10 - 6, A 2024-03-10 - 6', '{"basis": "events"}'), 'Jan A new 0>10, Feb A expansion 10>12');
CALL tells('on the boundary', story('A 2024-02-01 2024-03-01 10', '{"basis": "events"}') || ' / ' || story('A 2024-02-01 2024-03-01 10', '{"basis": "events", "boundary": "at"}'),
    'Feb A new 0>10, Mar A churned 10>0 / Jan A new 0>10, Feb A churned 10>0');
CALL tells('without mrr', story('A 2024-01-05 2024-01-10 10, A 2024-01-10 2024-01-20 5, A 2024-01-25 2024-01-26 5', '{"basis": "events"}', with_mrr => false), 'Jan A new, Jan A churned, Jan A reactivation, Jan A churned');
CALL tells('a window between', story('A 2024-01-05 2024-01-10 10, A 2024-01-20 - 12', '{"basis": "events", "reactivation_window": "5 days"}'), 'Jan A new 0>10, Jan A churned 10>0, Jan A new 0>12');
CALL same('rates may pass 1', $$SELECT opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers, transient_customers, churn_rate, retention_rate
      FROM oracle.policy_churn_by_period(subs('A 2024-01-05 2024-02-10 10, A 2024-02-11 2024-02-12 10, B 2024-02-01 2024-02-03 5'), '{"basis": "events"}', since => '2024-02-01', until => '2024-03-01')$$,
    $$VALUES (1::bigint, 1::bigint, 1::bigint, 3::bigint, 0::bigint, 0::bigint, 3.0, -2.0)$$);
CALL same('and so may those of MRR', $$SELECT gross_mrr_churn, net_mrr_churn, grr, nrr, quick_ratio
      FROM oracle.policy_mrr_movements(subs('A 2024-01-05 2024-02-10 10, A 2024-02-11 2024-02-12 20, A 2024-02-20 2024-02-25 10, A 2024-02-25 - 4'), '{"basis": "events"}', since => '2024-02-01', until => '2024-03-01')$$,
    $$VALUES (3.6, 3.6, -2.6, -2.6, 30 / 36.0)$$);    -- lost 10 + 20 + 6 of 10; back 20 + 10

-- 7. Denominator, transient --------------------------------------------------------------------------

-- February: A and B open, B churns, C and D are new, C stays; E comes and goes; F was there in January, comes and goes.
CREATE FUNCTION february(policy jsonb) RETURNS TABLE (churn_rate numeric, retention_rate numeric) LANGUAGE sql STABLE AS $$
    SELECT churn_rate, retention_rate FROM oracle.policy_churn_by_period(subs('A 2024-01-05 - 10, B 2024-01-05 2024-02-10 10, C 2024-02-10 - 10, D 2024-02-29 - 1, E 2024-02-05 2024-02-06 1, F 2024-01-05 2024-01-06 1, F 2024-02-05 2024-02-06 1'),
        policy, since => '2024-02-01', until => '2024-03-01')
$$;
CALL same('churn of February', $$SELECT round(churn_rate, 12), round(retention_rate, 12) FROM unnest('{"{}", "{\"count_transient\": true}", "{\"denominator\": \"opening_plus_new\"}",
      "{\"denominator\": \"average\"}", "{\"denominator\": \"average\", \"count_transient\": true}", "{\"denominator\": \"opening_plus_new\", \"count_transient\": true}"}'::jsonb[]) p, february(p)$$,
    $$VALUES (0.5, 0.5),         -- 1 of 2
             (1.5, -0.5),        -- 1 + 2 of 2
             (0.6, 0.4),         -- 1 + 2 of 2 + 2 + 1
             (0.4, 0.6),         -- 1 of (2 + 3) / 2
             (1.2, -0.2),        -- 1 + 2 of 2.5
             (0.6, 0.4)$$);
CALL same('opening_plus_new under events', $$SELECT round(churn_rate, 12) FROM february('{"basis": "events", "denominator": "opening_plus_new"}')$$, $$VALUES (0.6)$$);    -- B, E, F of 2 + C, D, E

-- 8. Free customers ----------------------------------------------------------------------------------

CALL tells('free to paid and back: the standard', story('A 2024-01-05 2024-02-10 0, A 2024-02-10 2024-03-10 10, A 2024-03-10 2024-04-10 0, A 2024-04-10 - 5'), 'Feb A new 0>10, Mar A churned 10>0, Apr A reactivation 0>5');
CALL tells('free to paid and back', story('A 2024-01-05 2024-02-10 0, A 2024-02-10 2024-03-10 10, A 2024-03-10 2024-04-10 0, A 2024-05-10 - 5', '{"count_free": true}'),
    'Jan A new 0>0, Feb A expansion 0>10, Mar A contraction 10>0, Apr A churned 0>0, May A reactivation 0>5');
CALL tells('discounted below nothing', story('A 2024-01-05 - 10, A 2024-02-10 2024-03-10 -15', '{"count_free": true}'), 'Jan A new 0>10, Feb A contraction 10>0, Mar A expansion 0>10');
CALL tells('paid and free again inside', story('A 2024-01-05 - 0, A 2024-02-10 2024-02-20 10', '{"count_free": true, "basis": "events"}'), 'Jan A new 0>0, Feb A expansion 0>10, Feb A contraction 10>0');
CALL tells('grace of a free customer', story('A 2024-01-05 2024-02-10 0, A 2024-03-10 - 5', '{"count_free": true, "grace": "1 month"}'), 'Jan A new 0>0, Mar A expansion 0>5');
CALL same('free customers at closing', $$SELECT closing_customers, closing_mrr, arpa FROM oracle.policy_mrr_movements(subs('A 2024-01-05 - 0, B 2024-01-06 - 10'), '{"count_free": true}', until => '2024-02-01')$$,
    $$VALUES (2::bigint, 10.0, 5.0)$$);
CALL same('a cohort at no MRR', $$SELECT cohort, cohort_size, customers, cohort_mrr, mrr, mrr_retention FROM oracle.policy_cohort_retention(subs('A 2024-01-05 2024-02-05 0, A 2024-02-05 - 10'), '{"count_free": true}', until => '2024-03-01')$$,
    $$VALUES (date '2024-01-01', 1::bigint, 1::bigint, 0.0, 0.0, NULL::numeric), ('2024-01-01', 1, 1, 0, 10, NULL)$$);
CALL same('no effect without mrr', $$SELECT * FROM oracle.policy_churn_by_period(subs('A 2024-01-05 2024-02-05 0, A 2024-02-05 - 10'), '{"count_free": true}', false, until => '2024-03-01')$$,
    $$SELECT * FROM oracle.churn_by_period(subs('A 2024-01-05 2024-02-05 0, A 2024-02-05 - 10'), false, until => '2024-03-01')$$);

-- 9. Reactivation in net churn -----------------------------------------------------------------------

CALL same('reactivation offsets', $$SELECT p, gross_mrr_churn, net_mrr_churn, grr, nrr FROM unnest('{"{}", "{\"reactivation_offsets\": true}"}'::jsonb[]) p,
      oracle.policy_mrr_movements(subs('A 2024-01-05 - 60, B 2024-01-05 2024-02-10 40, C 2023-12-01 2023-12-10 1, C 2024-02-20 - 25, D 2024-02-20 - 7'), p, since => '2024-02-01', until => '2024-03-01')$$,
    $$VALUES (jsonb '{}', 0.4, 0.4, 0.6, 0.6), ('{"reactivation_offsets": true}', 0.4, 0.15, 0.6, 0.85)$$);

-- 10. Look-back --------------------------------------------------------------------------------------

-- Of 1,000,000 five percent go each month: what goes in month k was 5 % of what was left. And 0.95^12 is left after a year.
CREATE FUNCTION five_percent() RETURNS oracle.subscription[] LANGUAGE sql STABLE AS $$
    SELECT array_agg(oracle.local('c' || k, '2023-01-01', CASE WHEN k <= 24 THEN timestamp '2024-01-15' + (k - 1) * interval '1 month' END, CASE WHEN k <= 24 THEN 50000 ELSE 1000000 END * 0.95 ^ (k - 1)))
    FROM generate_series(1, 25) k
$$;
CALL same('five percent a month are 46 percent a year', $$SELECT p, round(gross_mrr_churn, 6), round(opening_mrr, 3)
      FROM unnest('{"{}", "{\"lookback\": 12}", "{\"smoothing\": 12}", "{\"lookback\": 12, \"basis\": \"events\"}"}'::jsonb[]) p, oracle.policy_mrr_movements(five_percent(), p, since => '2024-12-01', until => '2025-01-01')$$,
    $$VALUES (jsonb '{}', 0.05, 568800.092), ('{"lookback": 12}', 0.459640, 1000000), ('{"smoothing": 12}', 0.05, 568800.092), ('{"lookback": 12, "basis": "events"}', 0.459640, 1000000)$$);
CALL nothing('and so in every month', $$SELECT period_start, gross_mrr_churn, nrr FROM oracle.policy_mrr_movements(five_percent(), '{"lookback": 12}', since => '2024-12-01', until => '2026-01-01')
      WHERE abs(gross_mrr_churn - 0.459639912337421142578125) > 1e-11 OR nrr <> 1 - gross_mrr_churn$$);
CALL tells('new and back, against the opening of the window', story('A 2024-01-05 - 10, B 2024-01-06 2024-01-10 1, B 2024-03-05 - 2, C 2024-02-05 2024-02-06 3', '{"lookback": 2}', until => '2024-06-01'),
    'Jan A new 0>10, Jan B transient_new 0>0, Feb A new 0>10, Feb B transient_new 0>0, Feb C transient_new 0>0, Mar B reactivation 0>2, Mar C transient_new 0>0, Apr B reactivation 0>2');
CALL tells('events of two periods', story('A 2024-01-05 2024-02-10 10, A 2024-02-11 - 11', '{"lookback": 2, "basis": "events"}', until => '2024-05-01'),
    'Jan A new 0>10, Feb A new 0>10, Feb A churned 10>0, Feb A reactivation 0>11, Mar A churned 10>0, Mar A reactivation 0>11');
CALL same('the first row is a whole period, the last is cut by until', $$SELECT period_start, period_end, opening_mrr, closing_mrr, complete
      FROM oracle.policy_mrr_movements(subs('A 2024-01-05 - 10, B 2024-02-05 - 20, C 2024-03-05 - 40, C 2024-04-05 - 80, C 2024-04-25 - 160'), '{"lookback": 2}', since => '2024-03-20', until => '2024-04-20')$$,
    $$VALUES (date '2024-03-01', date '2024-04-01', 10.0, 70.0, true), ('2024-04-01', '2024-04-20', 30, 150, false)$$);
CALL same('the same without look-back', $$SELECT period_start, period_end, opening_mrr, closing_mrr, complete
      FROM oracle.policy_mrr_movements(subs('A 2024-01-05 - 10, B 2024-02-05 - 20, C 2024-03-05 - 40, C 2024-04-05 - 80, C 2024-04-25 - 160'), '{}', since => '2024-03-20', until => '2024-04-20')$$,
    $$VALUES (date '2024-03-20', date '2024-04-01', 70.0, 70.0, false), ('2024-04-01', '2024-04-20', 70, 150, false)$$);
CALL same('days of 30', $$SELECT period_start, opening_customers, churned_customers, churn_rate
      FROM oracle.policy_churn_by_period(subs('A 2024-01-05 - 1, B 2024-01-05 2024-02-03 1, C 2024-02-03 - 1'), '{"lookback": 30}', true, '1 day', '2024-02-03', '2024-02-05')
      UNION ALL SELECT period_start, opening_customers, churned_customers, churn_rate
      FROM oracle.policy_churn_by_period(subs('A 2024-01-05 - 1, B 2024-01-05 2024-02-03 1, C 2024-02-03 - 1'), '{"lookback": 29}', true, '1 day', '2024-02-03', '2024-02-05')$$,
    $$VALUES (date '2024-02-03', 0::bigint, 0::bigint, NULL::numeric), ('2024-02-04', 2, 1, 0.5), ('2024-02-03', 2, 1, 0.5), ('2024-02-04', 2, 1, 0.5)$$);    -- the 30 days to the end of 3 February begin with 5 January

-- 11. Smoothing --------------------------------------------------------------------------------------

-- Four customers; one of 4 goes in February, none of 3 in March, two of 5 in April.
CREATE VIEW spring AS SELECT subs('A 2024-01-05 - 10, B 2024-01-05 - 10, C 2024-01-05 2024-04-10 10, D 2024-01-05 2024-02-10 20, E 2024-03-05 - 10, F 2024-03-05 2024-04-10 30, A 2024-04-20 - 5') AS subs;
CALL same('three months smoothed', $$SELECT c.period_start, c.opening_customers, c.churned_customers, round(c.churn_rate, 12), round(c.retention_rate, 12),
      round(m.gross_mrr_churn, 12), round(m.net_mrr_churn, 12), round(m.grr, 12), round(m.nrr, 12), m.quick_ratio, m.arpa
      FROM spring, oracle.policy_churn_by_period(subs, '{"smoothing": 3}', until => '2024-05-01') c JOIN oracle.policy_mrr_movements(subs, '{"smoothing": 3}', until => '2024-05-01') m USING (period_start)$$, $$VALUES
    (date '2024-01-01', 0::bigint, 0::bigint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, 12.5),
    ('2024-02-01', 4, 1, 0.25, 0.75, 0.4, 0.4, 0.6, 0.6, 0, 10),                               -- 20 of 50
    ('2024-03-01', 3, 0, round(1 / 7.0, 12), round(6 / 7.0, 12), 0.25, 0.25, 0.75, 0.75, NULL, 14),    -- 20 of 50 + 30
    ('2024-04-01', 5, 2, 0.25, 0.75, 0.4, round(55 / 150.0, 12), 0.6, round(95 / 150.0, 12), 0.125, round(35 / 3.0, 16))$$);    -- 3 of 4 + 3 + 5; 60 of 50 + 30 + 70, less 5
CALL same('the months before since count, and since moves', $$SELECT period_start, churn_rate, retention_rate FROM spring, oracle.policy_churn_by_period(subs, '{"smoothing": 3}', since => '2024-04-20', until => '2024-05-01')$$,
    $$VALUES (date '2024-04-01', 0.25, 0.75)$$);
CALL same('three months, the mean as denominator', $$SELECT round(churn_rate, 12) FROM spring, oracle.policy_churn_by_period(subs, '{"smoothing": 3, "denominator": "average"}', since => '2024-04-01', until => '2024-05-01')$$,
    $$VALUES (round(3 / 11.5, 12))$$);    -- of 3.5 + 4 + 4
CALL same('smoothed look-back', $$SELECT period_start, churn_rate FROM spring, oracle.policy_churn_by_period(subs, '{"smoothing": 2, "lookback": 2}', since => '2024-03-01', until => '2024-05-01')$$,
    $$VALUES (date '2024-03-01', 0.25), ('2024-04-01', 2 / 7.0)$$);    -- 0 of 0, 1 of 4; then C of the 3 at the end of February

-- 12. Daylight saving --------------------------------------------------------------------------------

CALL tells('a day of 23 hours', story('A 2024-03-05T00:00 2024-03-30T11:00 1, A 2024-03-31T10:00 - 1, B 2024-03-05T00:00 2024-03-30T11:00 1, B 2024-03-31T10:00:00.000001 - 1', '{"grace": "1 day"}', '2024-03-30', '2024-04-01', '1 day', zone => 'Europe/Berlin'),
    'Mar 30 B churned 1>0, Mar 31 B reactivation 0>1');
CALL tells('24 hours', story('A 2024-03-05T00:00 2024-03-30T11:00 1, A 2024-03-31T11:00 - 1, B 2024-03-05T00:00 2024-03-30T11:00 1, B 2024-03-31T11:00:00.000001 - 1', '{"grace": "24:00"}', '2024-03-30', '2024-04-01', '1 day', zone => 'Europe/Berlin'),
    'Mar 30 B churned 1>0, Mar 31 B reactivation 0>1');
CALL tells('a day of 25 hours', story('A 2024-10-05T00:00 2024-10-26T10:00 1, A 2024-10-27T11:00 - 1, B 2024-10-05T00:00 2024-10-26T10:00 1, B 2024-10-27T11:00:00.000001 - 1', '{"grace": "1 day"}', '2024-10-26', '2024-10-28', '1 day', zone => 'Europe/Berlin'),
    'Oct 26 B churned 1>0, Oct 27 B reactivation 0>1');
CALL tells('a month from midnight to midnight', story('A 2024-01-05T00:00 2024-03-15T23:00 1, A 2024-04-15T22:00 - 1, B 2024-01-05T00:00 2024-03-15T23:00 1, B 2024-04-15T22:00:00.000001 - 1', '{"reactivation_window": "1 month"}', '2024-03-01', zone => 'Europe/Berlin'),
    'Mar A churned 1>0, Mar B churned 1>0, Apr A reactivation 0>1, Apr B new 0>1');
CALL tells('away for a day of 23 hours', story('A 2024-03-05T00:00 2024-03-30T11:00 1, A 2024-03-31T09:59:59.999999 - 1, B 2024-03-05T00:00 2024-03-30T11:00 1, B 2024-03-31T10:00 - 1', '{"minimum_absence": "1 day"}', '2024-03-30', '2024-04-01', '1 day', zone => 'Europe/Berlin'),
    'Mar 30 A contraction 1>0, Mar 30 B churned 1>0, Mar 31 A expansion 0>1, Mar 31 B reactivation 0>1');
CALL same('one period: days in UTC', $$SELECT churn_rate FROM oracle.policy_one_period(subs('A 2024-03-05T00:00 2024-03-30T11:00 1, A 2024-03-31T11:00 - 1, B 2024-03-05T00:00 2024-03-30T11:00 1, B 2024-03-31T11:00:00.000001 - 1', 'UTC'),
      '{"grace": "1 day"}', tstzrange('2024-03-10 00:00+00', '2024-03-31 00:00+00'))$$, $$VALUES (0.5)$$);

-- 13. complete ---------------------------------------------------------------------------------------

CREATE FUNCTION completed(policy jsonb) RETURNS int LANGUAGE sql STABLE AS $$    -- how many days before today the last complete day ended
    SELECT CURRENT_DATE - max(period_end) FROM oracle.policy_mrr_movements(ARRAY[oracle.local('A', CURRENT_DATE - 99, NULL, 1)], policy, '1 day') WHERE complete
$$;
CALL same('complete when grace and minimum absence are over', $$SELECT completed('{}'), completed('{"grace": "3 days"}'), completed('{"minimum_absence": "31 days"}'), completed('{"grace": "3 days", "minimum_absence": "2 days"}'),
      completed('{"grace": "12:00"}'), completed('{"grace": "24:00"}'), completed('{"reactivation_window": "90 days"}'), completed('{"boundary": "at"}'), completed('{"lookback": 2}')$$, $$VALUES (0, 3, 31, 3, 1, 1, 0, 0, 0)$$);
CALL same('cohorts, too', $$SELECT CURRENT_DATE - max(period_start) FROM oracle.policy_cohort_retention(ARRAY[oracle.local('A', CURRENT_DATE - 99, NULL, 1)], '{"grace": "3 days"}', every => '1 day') WHERE complete$$, $$VALUES (4)$$);

-- 14. One period -------------------------------------------------------------------------------------

CREATE FUNCTION rates(policy jsonb, OUT churn numeric, OUT paying numeric, OUT gross numeric, OUT net numeric, OUT nrr numeric, OUT clv numeric) LANGUAGE sql STABLE AS $$
    -- A 60 to 50; B churns 40; C is back with 25, D is new with 7 for free, then 7; E comes and goes; F is free throughout
    SELECT round(churn_rate, 9), round(paying_churn_rate, 9), round(mrr_churn, 9), round(net_mrr_churn, 9), round(r.nrr, 9), round(r.clv, 9)
    FROM oracle.policy_one_period(subs('A 2024-01-05 - 60, A 2024-02-10 - -10, B 2024-01-05 2024-02-10 40, C 2023-12-01 2023-12-10 1, C 2024-02-20 - 25, D 2024-02-10 2024-02-20 0, D 2024-02-20 - 7, E 2024-02-05 2024-02-06 9, F 2024-01-05 - 0'),
        policy, daterange('2024-02-01', '2024-03-01'), 0.5) r
$$;
CALL same('one period', $$SELECT p, r.* FROM unnest('{"{}", "{\"denominator\": \"opening_plus_new\"}", "{\"denominator\": \"average\"}", "{\"count_transient\": true}", "{\"count_free\": true}", "{\"reactivation_offsets\": true}",
      "{\"basis\": \"events\"}", "{\"grace\": \"71 days\"}", "{\"grace\": \"72 days\"}"}'::jsonb[]) p, rates(p) r$$, $$VALUES
    (jsonb '{}', round(1 / 3.0, 9), 0.5, 0.5, 0.5, 0.5, 50.0),                                     -- ARPA 100 / 2, halved by the margin, / 0.5
    ('{"denominator": "opening_plus_new"}', 0.4, 0.5, 0.5, 0.5, 0.5, 50),                          -- all: B E of A B F D E; paying: B E of A B D E
    ('{"denominator": "average"}', round(1 / 3.5, 9), 0.4, 0.5, 0.5, 0.5, 62.5),                   -- A B F and A C D F; A B and A C D
    ('{"count_transient": true}', round(2 / 3.0, 9), 1, 0.5, 0.5, 0.5, 25),
    ('{"count_free": true}', round(1 / 3.0, 9), round(1 / 3.0, 9), 0.5, 0.5, 0.5, 50),             -- ARPA 100 / 3
    ('{"reactivation_offsets": true}', round(1 / 3.0, 9), 0.5, 0.5, 0.25, 0.75, 50),
    ('{"basis": "events"}', round(2 / 3.0, 9), 1, 0.59, 0.59, 0.41, 25),                           -- B and E: 40 + 9 + 10
    ('{"grace": "71 days"}', round(1 / 3.0, 9), 0.5, 0.5, 0.5, 0.5, 50),
    ('{"grace": "72 days"}', 0.25, round(1 / 3.0, 9), round(50 / 101.0, 9), round(26 / 101.0, 9), round(75 / 101.0, 9), round(101 / 2.0, 9))$$);    -- C stays, at 1, then 25
CALL same('nobody at opening', $$SELECT r.* FROM oracle.policy_one_period(subs('A 2024-02-05 2024-02-10 10, B 2024-02-20 - 10'), '{"denominator": "opening_plus_new"}', daterange('2024-02-01', '2024-03-01')) r$$,
    $$VALUES (0.5, 0.5, 0.5, 0.5, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric)$$);

-- 15. Evidence ---------------------------------------------------------------------------------------

CALL same('every movement', $$SELECT * FROM oracle.policy_customer_movements(subs('u 2024-01-05 - 60, e 2024-01-05 - 40, e 2024-02-02 - 5, c 2024-01-05 - 40, c 2024-02-02 - -5, l 2024-01-05 2024-02-05 7, b 2023-12-05 2023-12-06 1, b 2024-02-05 - 8,
      n 2024-02-05 - 9, t 2024-02-05 2024-02-06 1, s 2023-12-05 2023-12-06 1, s 2024-02-05 2024-02-07 1, x 2024-03-01 - 1, w 2024-01-05 2024-02-05 3, w 2024-02-06 - 3, y 2024-01-05 - 2, y 2024-02-06 2024-02-07 2'),
      '{}', true, '2024-02-01', '2024-03-01', include_unchanged => true)$$, $$VALUES
    ('u', 'unchanged', 60.0, 60.0, 0.0, date '2024-01-05'), ('e', 'expansion', 40, 45, 5, '2024-01-05'), ('c', 'contraction', 40, 35, -5, '2024-01-05'), ('l', 'churned', 7, 0, -7, '2024-01-05'),
    ('b', 'reactivation', 0, 8, 8, '2023-12-05'), ('n', 'new', 0, 9, 9, '2024-02-05'), ('t', 'transient_new', 0, 0, 0, '2024-02-05'), ('s', 'transient', 0, 0, 0, '2023-12-05'),
    ('w', 'unchanged', 3, 3, 0, '2024-01-05'), ('y', 'unchanged', 2, 2, 0, '2024-01-05')$$);
CALL same('unchanged under events', $$SELECT customer, movement, change FROM oracle.policy_customer_movements(subs('u 2024-01-05 - 60, w 2024-01-05 2024-02-05 3, w 2024-02-06 - 3, y 2024-01-05 - 2, y 2024-02-06 2024-02-07 2'),
      '{"basis": "events"}', true, '2024-02-01', '2024-03-01', include_unchanged => true)$$,
    $$VALUES ('u', 'unchanged', 0.0), ('w', 'churned', -3), ('w', 'reactivation', 3), ('y', 'expansion', 2), ('y', 'contraction', -2)$$);
CALL same('without mrr', $$SELECT * FROM oracle.policy_customer_movements(subs('u 2024-01-05 - 60, u 2024-02-03 - 6, n 2024-02-05 - 60'), '{}', false, '2024-02-01', '2024-03-01', include_unchanged => true)$$,
    $$VALUES ('u', 'unchanged', NULL::numeric, NULL::numeric, NULL::numeric, date '2024-01-05'), ('n', 'new', NULL, NULL, NULL, '2024-02-05')$$);

-- 16. Random rows ------------------------------------------------------------------------------------

CREATE TABLE ledger AS
    SELECT seed, array_agg(oracle.local(customer::text, started_at, ended_at, mrr)) AS subs
    FROM (VALUES (1, false), (2, true)) v (seed, whole_days), oracle.random_rows(seed, 1500, whole_days) r GROUP BY seed;
CREATE TABLE grid_kind (kind text, every interval, since date, until date, origin date);
INSERT INTO grid_kind VALUES
    ('months', '1 month', NULL, '2025-01-01', NULL), ('months cut', '1 month', '2022-06-11', '2024-02-29', NULL), ('quarters', '3 months', NULL, '2025-01-01', NULL), ('years', '1 year', '2020-01-01', '2025-01-01', NULL), ('weeks', '7 days', '2022-12-01', '2023-05-03', NULL);
CREATE TABLE policy_kind (policy jsonb);
INSERT INTO policy_kind VALUES ('{}'), ('{"boundary": "at"}'), ('{"basis": "events"}'), ('{"denominator": "opening_plus_new"}'), ('{"denominator": "average", "count_transient": true}'), ('{"grace": "31 days"}'),
    ('{"reactivation_window": "3 months"}'), ('{"minimum_absence": "1 month 3 days 02:00"}'), ('{"count_free": true}'), ('{"lookback": 3}'), ('{"smoothing": 3}'),
    ('{"basis": "events", "grace": "3 days", "minimum_absence": "1 month", "reactivation_window": "2 months", "count_free": true, "boundary": "at"}'), ('{"basis": "events", "lookback": 4, "smoothing": 2, "reactivation_offsets": true}'),
    ('{"grace": "100 years"}'), ('{"minimum_absence": "100 years"}'), ('{"reactivation_window": "0", "basis": "events"}');
CREATE TABLE churn AS SELECT k.*, policy, with_mrr, seed, r.* FROM ledger, grid_kind k, policy_kind, (VALUES (true), (false)) v (with_mrr), oracle.policy_churn_by_period(subs, policy, with_mrr, k.every, k.since, k.until, NULL, k.origin) r;
CREATE TABLE movements AS SELECT k.*, policy, seed, r.* FROM ledger, grid_kind k, policy_kind, oracle.policy_mrr_movements(subs, policy, k.every, k.since, k.until, NULL, k.origin) r;
CREATE TABLE cohorts AS SELECT k.*, policy, with_mrr, seed, r.* FROM ledger, grid_kind k, policy_kind, (VALUES (true), (false)) v (with_mrr), oracle.policy_cohort_retention(subs, policy, with_mrr, k.every, k.since, k.until, NULL, k.origin) r;

CALL same('the standard: churn', $$SELECT seed, kind, with_mrr, period_start, period_end, opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers, transient_customers, transient_new_customers, churn_rate, retention_rate, complete
      FROM churn WHERE policy = '{}'$$, $$SELECT seed, k.kind, with_mrr, r.* FROM ledger, grid_kind k, (VALUES (true), (false)) v (with_mrr), oracle.churn_by_period(subs, with_mrr, k.every, k.since, k.until, NULL, k.origin) r$$);
CALL same('the standard: MRR', $$SELECT seed, kind, period_start, period_end, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, net_new_mrr, round(gross_mrr_churn, 12), round(net_mrr_churn, 12),
      round(grr, 12), round(nrr, 12), quick_ratio, closing_customers, arpa, complete FROM movements WHERE policy = '{}'$$,
    $$SELECT seed, k.kind, period_start, period_end, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr, net_new_mrr, round(gross_mrr_churn, 12), round(net_mrr_churn, 12),
      round(grr, 12), round(nrr, 12), quick_ratio, closing_customers, arpa, complete FROM ledger, grid_kind k, oracle.mrr_movements(subs, k.every, k.since, k.until, NULL, k.origin) r$$);
CALL same('the standard: cohorts', $$SELECT seed, kind, with_mrr, cohort, period_number, period_start, cohort_size, customers, retention, cohort_mrr, mrr, mrr_retention, cumulative_mrr, complete FROM cohorts WHERE policy = '{}'$$,
    $$SELECT seed, k.kind, with_mrr, r.* FROM ledger, grid_kind k, (VALUES (true), (false)) v (with_mrr), oracle.cohort_retention(subs, with_mrr, k.every, k.since, k.until, NULL, k.origin) r$$);
CALL same('the standard: one period', $$SELECT seed, period_start, round(r.churn_rate, 12), round(r.retention_rate, 12), round(r.paying_churn_rate, 12), round(r.paying_retention_rate, 12), round(r.mrr_churn, 12), round(r.net_mrr_churn, 12), round(r.grr, 12), round(r.nrr, 12), round(r.clv, 8)
      FROM movements m JOIN ledger USING (seed), oracle.policy_one_period(subs, NULL, daterange(period_start, period_end), 0.815) r WHERE policy = '{}' AND kind = 'months cut'$$,
    $$SELECT seed, period_start, round(r.churn_rate, 12), round(r.retention_rate, 12), round(r.paying_churn_rate, 12), round(r.paying_retention_rate, 12), round(r.mrr_churn, 12), round(r.net_mrr_churn, 12), round(r.grr, 12), round(r.nrr, 12), round(r.clv, 8)
      FROM movements m JOIN ledger USING (seed), oracle.one_period(subs, daterange(period_start, period_end), 0.815) r WHERE policy = '{}' AND kind = 'months cut'$$);

CALL nothing('customers add up', $$SELECT * FROM churn WHERE closing_customers <> opening_customers + new_customers + reactivated_customers - churned_customers
    OR retention_rate <> 1 - churn_rate OR transient_new_customers > transient_customers OR (policy ->> 'basis' = 'events' AND transient_customers > 0)$$);
CALL nothing('MRR adds up', $$SELECT * FROM movements WHERE closing_mrr <> opening_mrr + new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churned_mrr
    OR net_new_mrr <> closing_mrr - opening_mrr OR least(opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr) < 0$$);
CALL nothing('closing is the next opening', $$SELECT * FROM (SELECT *, lead(opening_customers) OVER (PARTITION BY seed, with_mrr, policy, kind ORDER BY period_start) AS next FROM churn) x WHERE next <> closing_customers AND NOT policy ? 'lookback'$$);
CALL same('customers and MRR agree', $$SELECT seed, kind, policy, period_start, closing_customers FROM churn WHERE with_mrr$$, $$SELECT seed, kind, policy, period_start, closing_customers FROM movements$$);
CALL same('cohorts sum to closings',
    $$SELECT seed, with_mrr, kind, policy, period_start, sum(customers), sum(mrr) FROM cohorts WHERE NOT policy ?| '{lookback,smoothing}' GROUP BY 1, 2, 3, 4, 5 HAVING sum(customers) > 0$$,
    $$SELECT seed, with_mrr, kind, policy, period_start, c.closing_customers::numeric, CASE WHEN with_mrr THEN m.closing_mrr END
      FROM churn c JOIN movements m USING (seed, kind, policy, period_start) WHERE c.closing_customers > 0 AND NOT policy ?| '{lookback,smoothing}'$$);
CALL same('cohorts are the new customers of a whole period',
    $$SELECT seed, with_mrr, kind, policy, cohort, cohort_size FROM cohorts WHERE period_number = 0 AND complete AND NOT policy ?| '{lookback,smoothing}' AND (NOT policy ? 'reactivation_window' OR policy ->> 'basis' = 'events' OR kind = 'months')$$,
    $$SELECT seed, with_mrr, kind, policy, period_start, new_customers + transient_new_customers FROM churn WHERE complete AND new_customers + transient_new_customers > 0
      AND NOT policy ?| '{lookback,smoothing}' AND (NOT policy ? 'reactivation_window' OR policy ->> 'basis' = 'events' OR kind = 'months')$$);
CALL same('events of months add up to years', $$SELECT seed, policy, with_mrr, extract(year FROM period_start), sum(new_customers), sum(reactivated_customers), sum(churned_customers)
      FROM churn WHERE kind = 'months' AND policy ->> 'basis' = 'events' AND NOT policy ? 'lookback' AND period_start >= '2022-01-01' GROUP BY 1, 2, 3, 4$$,
    $$SELECT seed, policy, with_mrr, extract(year FROM period_start), new_customers::numeric, reactivated_customers::numeric, churned_customers::numeric FROM churn WHERE kind = 'years' AND policy ->> 'basis' = 'events' AND NOT policy ? 'lookback' AND period_start >= '2022-01-01'$$);
CALL same('MRR of months adds up to quarters', $$SELECT seed, policy, date_trunc('quarter', period_start), sum(new_mrr), sum(reactivation_mrr), sum(expansion_mrr), sum(contraction_mrr), sum(churned_mrr)
      FROM movements WHERE kind = 'months' AND policy ->> 'basis' = 'events' AND NOT policy ? 'lookback' AND period_start >= '2022-01-01' GROUP BY 1, 2, 3$$,
    $$SELECT seed, policy, period_start::timestamptz, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr FROM movements WHERE kind = 'quarters' AND policy ->> 'basis' = 'events' AND NOT policy ? 'lookback' AND period_start >= '2022-01-01'$$);
CALL same('a look-back of 3 months is a quarter', $$SELECT seed, c.with_mrr, period_end, c.opening_customers, c.new_customers, c.reactivated_customers, c.churned_customers, c.transient_customers, c.transient_new_customers, c.churn_rate, m.churned_mrr, m.expansion_mrr, m.nrr
      FROM churn c JOIN movements m USING (seed, kind, policy, period_start, period_end) WHERE policy = '{"lookback": 3}' AND kind = 'months' AND extract(month FROM period_start) IN (3, 6, 9, 12)$$,
    $$SELECT seed, c.with_mrr, period_end, c.opening_customers, c.new_customers, c.reactivated_customers, c.churned_customers, c.transient_customers, c.transient_new_customers, c.churn_rate, m.churned_mrr, m.expansion_mrr, m.nrr
      FROM churn c JOIN movements m USING (seed, kind, policy, period_start, period_end) WHERE policy = '{}' AND kind = 'quarters' AND period_start >= '2022-01-01'$$);
CALL same('smoothed rates are sums over sums', $$SELECT seed, with_mrr, kind, period_start, churn_rate FROM churn WHERE policy = '{"smoothing": 3}' AND kind IN ('months', 'quarters')$$,
    $$SELECT seed, with_mrr, kind, period_start, sum(churned_customers) OVER w / nullif(sum(opening_customers) OVER w, 0) FROM churn WHERE policy = '{}' AND kind IN ('months', 'quarters')
      WINDOW w AS (PARTITION BY seed, with_mrr, kind ORDER BY period_start ROWS 2 PRECEDING)$$);
CALL same('at: all rows one microsecond earlier', $$SELECT seed, kind, with_mrr, period_start, opening_customers, new_customers, reactivated_customers, churned_customers, transient_customers, transient_new_customers, churn_rate FROM churn WHERE policy = '{"boundary": "at"}'$$,
    $$SELECT seed, k.kind, with_mrr, r.period_start, opening_customers, new_customers, reactivated_customers, churned_customers, transient_customers, transient_new_customers, churn_rate
      FROM (SELECT seed, array_agg(ROW(s.customer, s.started_at - interval '1 microsecond', s.ended_at - interval '1 microsecond', s.mrr)::oracle.subscription) AS moved FROM ledger, unnest(subs) s GROUP BY seed) l,
      grid_kind k, (VALUES (true), (false)) v (with_mrr), oracle.churn_by_period(moved, with_mrr, k.every, k.since, k.until, NULL, k.origin) r$$);
CALL nothing('with endless grace, or an endless minimum absence, nobody comes back', $$SELECT * FROM churn WHERE policy IN ('{"grace": "100 years"}', '{"minimum_absence": "100 years"}') AND (reactivated_customers > 0 OR transient_customers <> transient_new_customers)$$);
CALL nothing('with no window, who comes back is new', $$SELECT * FROM churn WHERE policy @> '{"reactivation_window": "0"}' AND reactivated_customers > 0$$);
CALL same('the evidence counts and sums to the reports',
    $$SELECT seed, c.policy, c.kind, period_start, c.new_customers, c.reactivated_customers, c.churned_customers, c.transient_customers, c.transient_new_customers, m.new_mrr, m.reactivation_mrr, m.expansion_mrr, m.contraction_mrr, m.churned_mrr, m.net_new_mrr
      FROM churn c JOIN movements m USING (seed, kind, policy, period_start) WHERE c.with_mrr AND c.kind IN ('months cut', 'years') AND extract(month FROM period_start) IN (1, 6) AND period_start >= '2022-01-01'$$,
    $$SELECT seed, c.policy, c.kind, period_start, count(*) FILTER (WHERE movement = 'new'), count(*) FILTER (WHERE movement = 'reactivation'), count(*) FILTER (WHERE movement = 'churned'), count(*) FILTER (WHERE movement LIKE 'transient%'), count(*) FILTER (WHERE movement = 'transient_new'),
             coalesce(sum(change) FILTER (WHERE movement = 'new'), 0), coalesce(sum(change) FILTER (WHERE movement = 'reactivation'), 0), coalesce(sum(change) FILTER (WHERE movement = 'expansion'), 0),
             coalesce(-sum(change) FILTER (WHERE movement = 'contraction'), 0), coalesce(-sum(change) FILTER (WHERE movement = 'churned'), 0), coalesce(sum(change), 0)
      FROM churn c JOIN ledger USING (seed), oracle.policy_customer_movements(subs, c.policy, true, period_start, period_end, NULL, c.every, NULL) e
      WHERE c.with_mrr AND c.kind IN ('months cut', 'years') AND extract(month FROM period_start) IN (1, 6) AND period_start >= '2022-01-01' GROUP BY 1, 2, 3, 4$$);

-- 17. Random rows: walked through one by one ---------------------------------------------------------

-- No stretches: at each moment the rows that run are added up, and who is away waits for the verdict until it is back.
CREATE FUNCTION walk(subs oracle.subscription[], policy jsonb, with_mrr boolean) RETURNS TABLE (customer text, moment timestamp, movement text, was numeric, now_is numeric, life_start timestamp) LANGUAGE plpgsql AS $$
DECLARE
    c text;
    axes record;
    at record;
    active boolean;
    away_since timestamp;
    before numeric;         -- the MRR just before, or before the customer went away
    shift interval := CASE policy ->> 'boundary' WHEN 'at' THEN interval '1 microsecond' ELSE '0' END;
    grace interval := coalesce(policy ->> 'grace', '0');
    absence interval := coalesce(policy ->> 'minimum_absence', '0');
    win interval := policy ->> 'reactivation_window';
    free boolean := NOT with_mrr OR coalesce((policy ->> 'count_free')::boolean, false);
BEGIN
    CREATE TEMP TABLE walked ON COMMIT DROP AS
        SELECT s.customer, s.started_at AT TIME ZONE 'UTC' AS a, s.ended_at AT TIME ZONE 'UTC' AS b, round(s.mrr, 6) AS mrr FROM unnest(subs) s WHERE s.started_at IS DISTINCT FROM s.ended_at;
    CREATE INDEX ON walked (customer);
    FOR c IN SELECT DISTINCT w.customer FROM walked w LOOP
        active := false;
        away_since := NULL;
        life_start := NULL;
        customer := c;
        FOR at IN SELECT m.t, (SELECT greatest(coalesce(sum(w.mrr), 0), 0) FROM walked w WHERE w.customer = c AND w.a <= m.t AND coalesce(w.b, 'infinity') > m.t) AS mrr,
                         EXISTS (SELECT FROM walked w WHERE w.customer = c AND w.a <= m.t AND coalesce(w.b, 'infinity') > m.t) AS runs
                  FROM (SELECT w.a FROM walked w WHERE w.customer = c UNION SELECT w.b FROM walked w WHERE w.customer = c AND isfinite(w.b)) m (t) ORDER BY m.t LOOP
            IF NOT with_mrr THEN
                at.mrr := 0;
            END IF;
            IF NOT (CASE WHEN free THEN at.runs ELSE at.mrr > 0 END) THEN
                IF active THEN
                    active := false;
                    away_since := at.t;
                END IF;
                CONTINUE;
            END IF;
            moment := at.t - shift;
            IF active OR at.t <= away_since + grace THEN    -- here, or as good as here
                was := before; now_is := at.mrr;
                movement := CASE WHEN now_is > was THEN 'expansion' WHEN now_is < was THEN 'contraction' END;
                IF movement IS NOT NULL THEN RETURN NEXT; END IF;
            ELSIF at.t < away_since + absence THEN
                moment := away_since - shift; was := before; now_is := 0; movement := 'contraction';
                IF was > 0 THEN RETURN NEXT; END IF;
                moment := at.t - shift; was := 0; now_is := at.mrr; movement := 'expansion';
                IF now_is > 0 THEN RETURN NEXT; END IF;
            ELSE
                IF away_since IS NOT NULL THEN
                    moment := away_since - shift; was := before; now_is := 0; movement := 'churned';
                    RETURN NEXT;
                END IF;
                moment := at.t - shift; was := 0; now_is := at.mrr;
                movement := CASE WHEN life_start IS NULL OR at.t > away_since + win THEN 'new' ELSE 'reactivation' END;
                IF movement = 'new' THEN life_start := moment; END IF;
                RETURN NEXT;
            END IF;
            active := true;
            away_since := NULL;
            before := at.mrr;
        END LOOP;
        IF away_since IS NOT NULL THEN
            moment := away_since - shift; was := before; now_is := 0; movement := 'churned';
            RETURN NEXT;
        END IF;
    END LOOP;
    DROP TABLE walked;
END $$;

INSERT INTO policy_kind VALUES ('{"grace": "1 day 12:00", "minimum_absence": "20 days", "reactivation_window": "90 days"}'), ('{"grace": "1 month", "boundary": "at", "reactivation_window": "3 months", "count_free": true}');
CALL same('walked through', $$SELECT seed, policy, with_mrr, e.customer, e.moment, e.movement, e.was, e.now_is, e.life_start
      FROM ledger, policy_kind, (VALUES (true), (false)) v (with_mrr), LATERAL (SELECT array_agg(s) AS stretches FROM oracle.policy_stretches(subs, policy, with_mrr) s) x,
      oracle.policy_events(x.stretches, ARRAY[ROW(0, '-infinity', 'infinity')::oracle.policy_window]) e$$,
    $$SELECT seed, policy, with_mrr, w.customer, w.moment AT TIME ZONE 'UTC', w.movement, w.was, w.now_is, w.life_start AT TIME ZONE 'UTC'
      FROM ledger, policy_kind, (VALUES (true), (false)) v (with_mrr), walk(subs, policy, with_mrr) w$$);

SELECT 'the policy oracle agrees with itself';
