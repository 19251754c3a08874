-- The reports in plain SQL.
--
-- This file uses nothing of the extension. It says what each number means, as literally as SQL allows, and
-- not how to compute it fast: the tests hold the extension's answers against these, and where C extensions
-- are not allowed it can be used instead (thousands of rows, not millions). PostgreSQL 15 or later.
--
--   SELECT m.*
--   FROM (SELECT array_agg(oracle.local(customer_id::text, started_at, ended_at, mrr)) AS subs FROM subscriptions) q,
--        oracle.mrr_movements(q.subs, every => '1 month', since => '2024-01-01', until => '2025-01-01') m;
--
-- The input of every report is an array of rows, made by oracle.local (date or timestamp: local time) or by
-- oracle.instant (timestamptz). Reports over instants must be given time_zone; for local time leave it NULL.

CREATE SCHEMA oracle;

-- Time -----------------------------------------------------------------------------------------------

-- One kind of time serves both kinds of input: local time is read as if it were UTC, and so are the midnights
-- it is compared with. Only "today" has to know the difference.
CREATE TYPE oracle.subscription AS (customer text, started_at timestamptz, ended_at timestamptz, mrr numeric);

CREATE FUNCTION oracle.local(customer text, started_at timestamp, ended_at timestamp, mrr numeric DEFAULT NULL)
RETURNS oracle.subscription LANGUAGE sql IMMUTABLE AS
$$ SELECT ROW(customer, started_at AT TIME ZONE 'UTC', ended_at AT TIME ZONE 'UTC', mrr)::oracle.subscription $$;

CREATE FUNCTION oracle.instant(customer text, started_at timestamptz, ended_at timestamptz, mrr numeric DEFAULT NULL)
RETURNS oracle.subscription LANGUAGE sql IMMUTABLE AS
$$ SELECT ROW(customer, started_at, ended_at, mrr)::oracle.subscription $$;

-- The moment at which a day begins.
CREATE FUNCTION oracle.midnight(day date, time_zone text)
RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT day::timestamp AT TIME ZONE coalesce(time_zone, 'UTC') $$;

-- The day a moment belongs to: the last one whose midnight is not after it. (Not simply the local date: where
-- clocks go back over midnight, the hour that is lived twice belongs, the first time, to the day before.)
CREATE FUNCTION oracle.day_of(moment timestamptz, time_zone text)
RETURNS date LANGUAGE sql STABLE AS
$$ SELECT CASE WHEN oracle.midnight(d, time_zone) <= moment THEN d ELSE d - 1 END
   FROM (SELECT (moment AT TIME ZONE coalesce(time_zone, 'UTC'))::date AS d) x $$;

CREATE FUNCTION oracle.today(time_zone text)
RETURNS date LANGUAGE sql STABLE AS
$$ SELECT CASE WHEN time_zone IS NULL THEN CURRENT_DATE ELSE (now() AT TIME ZONE time_zone)::date END $$;

-- Periods --------------------------------------------------------------------------------------------

-- The grid passes through origin: its n-th line is origin + n * every, each computed from origin itself, so that
-- months from the 31st end on the 30th or the 28th and come back to the 31st. Yields the periods that have a day
-- in [from_day, to_day). every: whole months or whole days.
CREATE FUNCTION oracle.grid(every interval, origin date, from_day date, to_day date)
RETURNS TABLE (n int, grid_start date, grid_end date) LANGUAGE sql STABLE AS $$
    WITH size AS (
        SELECT (extract(year FROM every) * 12 + extract(month FROM every))::int AS months, extract(day FROM every)::int AS days
    ), guess AS (   -- about how many periods lie between origin and the two days: two more on each side, and the filter below
        SELECT CASE WHEN months > 0
                    THEN floor((extract(year FROM day) - extract(year FROM origin)) * 12 / months)::int
                    ELSE floor((day - origin)::numeric / days)::int END AS about,
               CASE WHEN months > 0 THEN 12 / months + 2 ELSE 2 END AS margin
        FROM size, (VALUES (from_day), (to_day)) v (day)
    )
    SELECT i, (origin + i * every)::date, (origin + (i + 1) * every)::date
    FROM (SELECT min(about - margin) AS first, max(about + margin) AS last FROM guess) g, generate_series(g.first, g.last) i
    WHERE (origin + (i + 1) * every)::date > from_day AND (origin + i * every)::date < to_day
$$;

-- The periods of a series: the grid, cut by since and until. until is exclusive; by default it is tomorrow, and since
-- is the start of the grid period that holds first_start. No rows at all (first_start NULL): no periods, unless both are given.
CREATE FUNCTION oracle.boundaries(first_start date, every interval, since date, until date, origin date, today date DEFAULT CURRENT_DATE)
RETURNS TABLE (n int, grid_start date, grid_end date, period_start date, period_end date, complete boolean) LANGUAGE sql STABLE AS $$
    WITH span AS (
        SELECT coalesce(boundaries.since, (SELECT g.grid_start FROM oracle.grid(every, coalesce(origin, '2001-01-01'), first_start, first_start + 1) g)) AS since,
               coalesce(boundaries.until, today + 1) AS until
        WHERE first_start IS NOT NULL OR (boundaries.since IS NOT NULL AND boundaries.until IS NOT NULL)
    )
    SELECT g.n, g.grid_start, g.grid_end, greatest(g.grid_start, span.since), least(g.grid_end, span.until),
           g.grid_start >= span.since AND g.grid_end <= span.until AND g.grid_end <= today
    FROM span, oracle.grid(every, coalesce(origin, '2001-01-01'), span.since, span.until) g
    WHERE span.since < span.until
$$;

-- Customers ------------------------------------------------------------------------------------------

-- The rows that count: no padding of outer joins, no empty stretches; 'infinity' is no end; money to 6 decimals.
CREATE FUNCTION oracle.clean(subs oracle.subscription[])
RETURNS SETOF oracle.subscription LANGUAGE sql IMMUTABLE AS $$
    SELECT s.customer, s.started_at, nullif(s.ended_at, 'infinity'), round(s.mrr, 6)
    FROM unnest(subs) s
    WHERE NOT (s.customer IS NULL AND s.started_at IS NULL)
      AND s.ended_at IS DISTINCT FROM s.started_at
$$;

-- The stretches [valid_from, valid_to) over which a customer is active, with the MRR held there. With MRR, active
-- means a sum of more than 0 over all running rows; without, that any row runs. All changes of one moment count together.
CREATE FUNCTION oracle.active_stretches(subs oracle.subscription[], with_mrr boolean)
RETURNS TABLE (customer text, valid_from timestamptz, valid_to timestamptz, mrr numeric) LANGUAGE sql IMMUTABLE AS $$
    WITH change AS (
        SELECT c.customer, c.started_at AS moment, c.mrr, 1 AS running FROM oracle.clean(subs) c
        UNION ALL
        SELECT c.customer, c.ended_at, -c.mrr, -1 FROM oracle.clean(subs) c WHERE c.ended_at IS NOT NULL
    ), moment AS (
        SELECT customer, moment, sum(mrr) AS mrr, sum(running) AS running FROM change GROUP BY customer, moment
    ), state AS (
        SELECT customer, moment AS valid_from,
               coalesce(lead(moment) OVER w, 'infinity') AS valid_to,
               greatest(sum(mrr) OVER w, 0) AS mrr,
               sum(running) OVER w AS running
        FROM moment WINDOW w AS (PARTITION BY customer ORDER BY moment)
    )
    SELECT customer, valid_from, valid_to, CASE WHEN with_mrr THEN mrr END
    FROM state WHERE CASE WHEN with_mrr THEN mrr > 0 ELSE running > 0 END
$$;

-- Each customer that is active at any moment of a period or just before it, period by period. Opening is the
-- state just before the period's first moment, closing the one just before its end: a stretch that ends exactly at
-- a boundary still counts there, one that begins exactly there does not. A period without customers is a row of NULLs.
CREATE FUNCTION oracle.customers_by_period(subs oracle.subscription[], with_mrr boolean, every interval, since date, until date, time_zone text, origin date)
RETURNS TABLE (period_start date, period_end date, complete boolean, customer text, at_opening boolean, at_closing boolean, ever_before boolean,
               opening numeric, closing numeric) LANGUAGE sql STABLE AS $$
    WITH period AS (
        SELECT b.*, oracle.midnight(b.period_start, time_zone) AS a, oracle.midnight(b.period_end, time_zone) AS b
        FROM oracle.boundaries((SELECT oracle.day_of(min(c.started_at), time_zone) FROM oracle.clean(subs) c),
                               every, since, until, origin, oracle.today(time_zone)) b
    ), active AS MATERIALIZED (
        SELECT s.*, min(s.valid_from) OVER (PARTITION BY s.customer) AS first_active FROM oracle.active_stretches(subs, with_mrr) s
    )
    SELECT p.period_start, p.period_end, p.complete, s.customer,
           coalesce(bool_or(s.valid_from < p.a AND s.valid_to >= p.a), false),
           coalesce(bool_or(s.valid_from < p.b AND s.valid_to >= p.b), false),
           bool_or(s.first_active < p.a),
           coalesce(sum(s.mrr) FILTER (WHERE s.valid_from < p.a AND s.valid_to >= p.a), 0),
           coalesce(sum(s.mrr) FILTER (WHERE s.valid_from < p.b AND s.valid_to >= p.b), 0)
    FROM period p LEFT JOIN active s ON s.valid_from < p.b AND s.valid_to >= p.a
    GROUP BY p.period_start, p.period_end, p.complete, s.customer
$$;

-- Reports --------------------------------------------------------------------------------------------

CREATE FUNCTION oracle.churn_by_period(subs oracle.subscription[], with_mrr boolean DEFAULT true, every interval DEFAULT '1 month',
    since date DEFAULT NULL, until date DEFAULT NULL, time_zone text DEFAULT NULL, origin date DEFAULT NULL)
RETURNS TABLE (period_start date, period_end date, opening_customers bigint, new_customers bigint, reactivated_customers bigint,
    churned_customers bigint, closing_customers bigint, transient_customers bigint, transient_new_customers bigint,
    churn_rate numeric, retention_rate numeric, complete boolean) LANGUAGE sql STABLE AS $$
    WITH counted AS (
        SELECT c.period_start, c.period_end, c.complete,
               count(*) FILTER (WHERE at_opening) AS opening_customers,
               count(*) FILTER (WHERE NOT at_opening AND at_closing AND NOT ever_before) AS new_customers,
               count(*) FILTER (WHERE NOT at_opening AND at_closing AND ever_before) AS reactivated_customers,
               count(*) FILTER (WHERE at_opening AND NOT at_closing) AS churned_customers,
               count(*) FILTER (WHERE at_closing) AS closing_customers,
               count(customer) FILTER (WHERE NOT at_opening AND NOT at_closing) AS transient_customers,
               count(customer) FILTER (WHERE NOT at_opening AND NOT at_closing AND NOT ever_before) AS transient_new_customers
        FROM oracle.customers_by_period(subs, with_mrr, every, since, until, time_zone, origin) c
        GROUP BY c.period_start, c.period_end, c.complete
    )
    SELECT period_start, period_end, opening_customers, new_customers, reactivated_customers, churned_customers, closing_customers,
           transient_customers, transient_new_customers,
           churned_customers::numeric / nullif(opening_customers, 0),
           1 - churned_customers::numeric / nullif(opening_customers, 0),
           complete
    FROM counted ORDER BY period_start
$$;

CREATE FUNCTION oracle.mrr_movements(subs oracle.subscription[], every interval DEFAULT '1 month',
    since date DEFAULT NULL, until date DEFAULT NULL, time_zone text DEFAULT NULL, origin date DEFAULT NULL)
RETURNS TABLE (period_start date, period_end date, opening_mrr numeric, new_mrr numeric, reactivation_mrr numeric, expansion_mrr numeric,
    contraction_mrr numeric, churned_mrr numeric, closing_mrr numeric, net_new_mrr numeric, gross_mrr_churn numeric, net_mrr_churn numeric,
    grr numeric, nrr numeric, quick_ratio numeric, closing_customers bigint, arpa numeric, complete boolean) LANGUAGE sql STABLE AS $$
    WITH summed AS (
        SELECT c.period_start, c.period_end, c.complete,
               sum(opening) AS opening_mrr,
               coalesce(sum(closing) FILTER (WHERE opening = 0 AND closing > 0 AND NOT ever_before), 0) AS new_mrr,
               coalesce(sum(closing) FILTER (WHERE opening = 0 AND closing > 0 AND ever_before), 0) AS reactivation_mrr,
               coalesce(sum(closing - opening) FILTER (WHERE closing > opening AND opening > 0), 0) AS expansion_mrr,
               coalesce(sum(opening - closing) FILTER (WHERE opening > closing AND closing > 0), 0) AS contraction_mrr,
               coalesce(sum(opening) FILTER (WHERE opening > 0 AND closing = 0), 0) AS churned_mrr,
               sum(closing) AS closing_mrr,
               count(*) FILTER (WHERE closing > 0) AS closing_customers
        FROM oracle.customers_by_period(subs, true, every, since, until, time_zone, origin) c
        GROUP BY c.period_start, c.period_end, c.complete
    ), rated AS (
        SELECT *, (churned_mrr + contraction_mrr) / nullif(opening_mrr, 0) AS gross_mrr_churn,
                  (churned_mrr + contraction_mrr - expansion_mrr) / nullif(opening_mrr, 0) AS net_mrr_churn
        FROM summed
    )
    SELECT period_start, period_end, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, closing_mrr,
           closing_mrr - opening_mrr, gross_mrr_churn, net_mrr_churn, 1 - gross_mrr_churn, 1 - net_mrr_churn,
           (new_mrr + expansion_mrr + reactivation_mrr) / nullif(contraction_mrr + churned_mrr, 0),
           closing_customers, closing_mrr / nullif(closing_customers, 0), complete
    FROM rated ORDER BY period_start
$$;

-- A customer belongs to the whole grid period of its first active moment, whatever since and until are: they only choose
-- the rows shown. Periods before since are not shown, but their MRR is in cumulative_mrr.
CREATE FUNCTION oracle.cohort_retention(subs oracle.subscription[], with_mrr boolean DEFAULT true, every interval DEFAULT '1 month',
    since date DEFAULT NULL, until date DEFAULT NULL, time_zone text DEFAULT NULL, origin date DEFAULT NULL)
RETURNS TABLE (cohort date, period_number int, period_start date, cohort_size bigint, customers bigint, retention numeric,
    cohort_mrr numeric, mrr numeric, mrr_retention numeric, cumulative_mrr numeric, complete boolean) LANGUAGE sql STABLE AS $$
    WITH active AS MATERIALIZED (
        SELECT * FROM oracle.active_stretches(subs, with_mrr)
    ), first_active AS (
        SELECT DISTINCT ON (customer) customer, valid_from AS moment, mrr FROM active ORDER BY customer, valid_from
    ), span AS (
        SELECT coalesce(cohort_retention.until, oracle.today(time_zone) + 1) AS until
    ), period AS MATERIALIZED (  -- all grid periods from the first customer's on; only the last may be cut, by until
        SELECT g.n, g.grid_start, g.grid_end, least(g.grid_end, span.until) AS period_end,
               oracle.midnight(g.grid_start, time_zone) AS grid_opens, oracle.midnight(g.grid_end, time_zone) AS grid_closes,
               oracle.midnight(least(g.grid_end, span.until), time_zone) AS closes
        FROM span, oracle.grid(every, coalesce(origin, '2001-01-01'),
                               (SELECT oracle.day_of(min(moment), time_zone) FROM first_active), span.until) g
    ), member AS MATERIALIZED (
        SELECT p.n AS cohort, f.customer, f.mrr FROM first_active f JOIN period p ON f.moment >= p.grid_opens AND f.moment < p.grid_closes
    ), cohort AS (
        SELECT m.cohort AS n, count(*) AS cohort_size, sum(m.mrr) AS cohort_mrr FROM member m GROUP BY m.cohort
    ), closing AS (
        SELECT m.cohort, p.n, count(*) AS customers, sum(s.mrr) AS mrr
        FROM member m JOIN active s USING (customer) JOIN period p ON s.valid_from < p.closes AND s.valid_to >= p.closes
        GROUP BY m.cohort, p.n
    ), cell AS (
        SELECT c.n AS cohort, p.n - c.n AS period_number, p.*, c.cohort_size, c.cohort_mrr, coalesce(s.customers, 0) AS customers,
               CASE WHEN with_mrr THEN coalesce(s.mrr, 0) END AS mrr
        FROM cohort c JOIN period p ON p.n >= c.n LEFT JOIN closing s ON s.cohort = c.n AND s.n = p.n
    ), cumulated AS (
        SELECT *, sum(mrr) OVER (PARTITION BY cohort ORDER BY period_number) AS cumulative_mrr FROM cell
    )
    SELECT first.grid_start, c.period_number, greatest(c.grid_start, cohort_retention.since), c.cohort_size, c.customers,
           c.customers::numeric / c.cohort_size,
           c.cohort_mrr, c.mrr, c.mrr / c.cohort_mrr, c.cumulative_mrr,
           c.grid_start >= coalesce(cohort_retention.since, c.grid_start) AND c.grid_end = c.period_end AND c.grid_end <= oracle.today(time_zone)
    FROM cumulated c JOIN period first ON first.n = c.cohort
    WHERE cohort_retention.since IS NULL OR c.period_end > cohort_retention.since
    ORDER BY first.grid_start, c.period_number
$$;

-- One period -----------------------------------------------------------------------------------------

-- Each customer's state at the two ends of one period.
CREATE FUNCTION oracle.two_states(subs oracle.subscription[], with_mrr boolean, a timestamptz, b timestamptz)
RETURNS TABLE (customer text, at_opening boolean, at_closing boolean, opening numeric, closing numeric) LANGUAGE sql IMMUTABLE AS $$
    SELECT s.customer,
           bool_or(s.valid_from < a AND s.valid_to >= a), bool_or(s.valid_from < b AND s.valid_to >= b),
           coalesce(sum(s.mrr) FILTER (WHERE s.valid_from < a AND s.valid_to >= a), 0),
           coalesce(sum(s.mrr) FILTER (WHERE s.valid_from < b AND s.valid_to >= b), 0)
    FROM oracle.active_stretches(subs, with_mrr) s GROUP BY s.customer
$$;

-- The months in a period, as a fraction (months / divisor), so that a value is divided only once: whole calendar months
-- between first days of months, otherwise days * 12 / 365.25. An instant is taken for a first day of a month within
-- slack of one in UTC, which is where the first of the month begins in any zone.
CREATE FUNCTION oracle.months_between(a timestamptz, b timestamptz, slack interval, OUT months numeric, OUT divisor numeric)
LANGUAGE sql IMMUTABLE AS $$
    WITH bound AS (
        SELECT a AT TIME ZONE 'UTC' AS a, b AT TIME ZONE 'UTC' AS b,
               date_trunc('month', (a AT TIME ZONE 'UTC') + slack) AS first_a, date_trunc('month', (b AT TIME ZONE 'UTC') + slack) AS first_b
    ), whole AS (
        SELECT bound.*, bound.a <= first_a + slack AND bound.b <= first_b + slack AND first_a < first_b AS whole FROM bound
    )
    SELECT CASE WHEN whole THEN extract(year FROM age(first_b, first_a)) * 12 + extract(month FROM age(first_b, first_a))
                ELSE extract(epoch FROM w.b - w.a) * 12 END,
           CASE WHEN whole THEN 1 ELSE 86400 * 365.25 END
    FROM whole w
$$;

CREATE FUNCTION oracle.one_period(subs oracle.subscription[], a timestamptz, b timestamptz, slack interval, gross_margin numeric,
    OUT churn_rate numeric, OUT retention_rate numeric, OUT paying_churn_rate numeric, OUT paying_retention_rate numeric,
    OUT mrr_churn numeric, OUT net_mrr_churn numeric, OUT grr numeric, OUT nrr numeric, OUT clv numeric) LANGUAGE sql IMMUTABLE AS $$
    WITH every_customer AS (
        SELECT count(*) FILTER (WHERE at_opening AND NOT at_closing)::numeric / nullif(count(*) FILTER (WHERE at_opening), 0) AS churn_rate
        FROM oracle.two_states(subs, false, a, b)
    ), paying AS (
        SELECT count(*) AS opening_customers, count(*) FILTER (WHERE closing = 0) AS lost,
               sum(opening) AS opening_mrr, sum(closing) AS closing_mrr,
               sum(greatest(opening - closing, 0)) AS reduced, sum(least(opening, closing)) AS kept
        FROM oracle.two_states(subs, true, a, b) WHERE opening > 0
    )
    SELECT e.churn_rate, 1 - e.churn_rate,
           p.lost::numeric / nullif(p.opening_customers, 0), 1 - p.lost::numeric / nullif(p.opening_customers, 0),
           p.reduced / nullif(p.opening_mrr, 0), (p.opening_mrr - p.closing_mrr) / nullif(p.opening_mrr, 0),
           p.kept / nullif(p.opening_mrr, 0), p.closing_mrr / nullif(p.opening_mrr, 0),
           p.opening_mrr * m.months * gross_margin / nullif(p.lost * m.divisor, 0)
    FROM every_customer e, paying p, oracle.months_between(a, b, slack) m
$$;

-- The aggregates over one period [a, b): a daterange, tsrange (local time) or tstzrange (instants).
-- churn_rate and retention_rate count every customer with a running row, the paying_ ones those with an MRR.
CREATE FUNCTION oracle.one_period(subs oracle.subscription[], period tsrange, gross_margin numeric DEFAULT 1,
    OUT churn_rate numeric, OUT retention_rate numeric, OUT paying_churn_rate numeric, OUT paying_retention_rate numeric,
    OUT mrr_churn numeric, OUT net_mrr_churn numeric, OUT grr numeric, OUT nrr numeric, OUT clv numeric) LANGUAGE sql IMMUTABLE AS
$$ SELECT * FROM oracle.one_period(subs, lower(period) AT TIME ZONE 'UTC', upper(period) AT TIME ZONE 'UTC', '0', gross_margin) $$;

CREATE FUNCTION oracle.one_period(subs oracle.subscription[], period daterange, gross_margin numeric DEFAULT 1,
    OUT churn_rate numeric, OUT retention_rate numeric, OUT paying_churn_rate numeric, OUT paying_retention_rate numeric,
    OUT mrr_churn numeric, OUT net_mrr_churn numeric, OUT grr numeric, OUT nrr numeric, OUT clv numeric) LANGUAGE sql IMMUTABLE AS
$$ SELECT * FROM oracle.one_period(subs, tsrange(lower(period), upper(period)), gross_margin) $$;

CREATE FUNCTION oracle.one_period(subs oracle.subscription[], period tstzrange, gross_margin numeric DEFAULT 1,
    OUT churn_rate numeric, OUT retention_rate numeric, OUT paying_churn_rate numeric, OUT paying_retention_rate numeric,
    OUT mrr_churn numeric, OUT net_mrr_churn numeric, OUT grr numeric, OUT nrr numeric, OUT clv numeric) LANGUAGE sql IMMUTABLE AS
$$ SELECT * FROM oracle.one_period(subs, lower(period), upper(period), '14 hours', gross_margin) $$;
