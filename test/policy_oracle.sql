-- The reports in plain SQL, under any counting policy. Needs test/oracle.sql (the schema), and nothing of the extension.
--
-- A policy is jsonb: the axes that differ from the standard, such as '{"boundary": "at", "grace": "31 days", "lookback": 12}'.
-- A missing key, and a JSON null, are the standard value. What each axis means is said here where it is applied.
--
--   SELECT m.*
--   FROM (SELECT array_agg(oracle.local(customer_id::text, started_at, ended_at, mrr)) AS subs FROM subscriptions) q,
--        oracle.policy_mrr_movements(q.subs, '{"basis": "events"}', since => '2024-01-01', until => '2025-01-01') m;
--
-- The order of things: the rows become stretches over which a customer is active (gaps, lives, boundary); the stretches are
-- looked at through windows, one per row of a report (lookback); what moved in a window is one snapshot or many events
-- (basis); the rates divide sums of it (denominator, count_transient, reactivation_offsets, smoothing).

CREATE FUNCTION oracle.policy_axes(policy jsonb)
RETURNS TABLE (boundary text, basis text, denominator text, count_transient boolean, grace interval, reactivation_window interval,
    minimum_absence interval, count_free boolean, reactivation_offsets boolean, lookback int, smoothing int) LANGUAGE sql STABLE AS $$
    SELECT coalesce(policy ->> 'boundary', 'before'), coalesce(policy ->> 'basis', 'snapshot'), coalesce(policy ->> 'denominator', 'opening'),
           coalesce((policy ->> 'count_transient')::boolean, false), coalesce((policy ->> 'grace')::interval, '0'),
           (policy ->> 'reactivation_window')::interval, coalesce((policy ->> 'minimum_absence')::interval, '0'),
           coalesce((policy ->> 'count_free')::boolean, false), coalesce((policy ->> 'reactivation_offsets')::boolean, false),
           coalesce((policy ->> 'lookback')::int, 1), coalesce((policy ->> 'smoothing')::int, 1)
$$;

-- Customers ------------------------------------------------------------------------------------------

-- A length of time after a moment: months and days by the calendar of the zone (local time: NULL), then hours as they pass.
CREATE FUNCTION oracle.later(moment timestamptz, length interval, time_zone text)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN extract(year FROM days) = 0 AND extract(month FROM days) = 0 AND extract(day FROM days) = 0 THEN moment
                ELSE ((moment AT TIME ZONE zone) + days) AT TIME ZONE zone END + hours
    FROM (SELECT date_trunc('day', length) AS days, length - date_trunc('day', length) AS hours, coalesce(time_zone, 'UTC') AS zone) x
$$;

-- A stretch [valid_from, valid_to) over which a customer is active, at one MRR. Stretches may touch. A customer has one life
-- after another, numbered from 1; life_start is the life's first active moment.
CREATE TYPE oracle.policy_stretch AS (customer text, life int, life_start timestamptz, valid_from timestamptz, valid_to timestamptz, mrr numeric);

-- The stretches of every customer. Active means a sum of more than 0; without MRR, or with count_free, that any row runs. Each
-- gap between two active stretches, from the end of the one to the start of the other, is judged on its own:
--   no longer than grace: no gap, the last MRR goes on;
--   else shorter than minimum_absence: active at an MRR of 0;
--   else not active; and after more than reactivation_window a new life begins.
-- boundary at: every moment is moved one microsecond back. So what happens at a period's end is in the period that ends.
CREATE FUNCTION oracle.policy_stretches(subs oracle.subscription[], policy jsonb DEFAULT NULL, with_mrr boolean DEFAULT true, time_zone text DEFAULT NULL)
RETURNS SETOF oracle.policy_stretch LANGUAGE sql STABLE AS $$
    WITH axes AS MATERIALIZED (
        SELECT *, CASE boundary WHEN 'at' THEN interval '1 microsecond' ELSE '0' END AS moved_back FROM oracle.policy_axes(policy)
    ), change AS (
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
    ), active AS (    -- back: when the customer is next active, which is at valid_to if there is no gap
        SELECT s.customer, s.valid_from, s.valid_to, CASE WHEN with_mrr THEN s.mrr END AS mrr,
               lead(s.valid_from) OVER (PARTITION BY s.customer ORDER BY s.valid_from) AS back
        FROM state s, axes WHERE CASE WHEN with_mrr AND NOT axes.count_free THEN s.mrr > 0 ELSE s.running > 0 END
    ), judged AS (
        SELECT a.*, CASE WHEN back IS NULL OR back = valid_to THEN 'no gap'
                         WHEN back <= oracle.later(valid_to, grace, time_zone) THEN 'joined'
                         WHEN back < oracle.later(valid_to, minimum_absence, time_zone) THEN 'at nothing'
                         WHEN back > oracle.later(valid_to, reactivation_window, time_zone) THEN 'new life'
                         ELSE 'absence' END AS gap
        FROM active a, axes
    ), numbered AS (
        SELECT j.*, 1 + count(*) FILTER (WHERE gap = 'new life') OVER before AS life
        FROM judged j WINDOW before AS (PARTITION BY customer ORDER BY valid_from ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), filled AS (
        SELECT customer, life, valid_from, valid_to, mrr FROM numbered
        UNION ALL
        SELECT customer, life, valid_to, back, CASE gap WHEN 'joined' THEN mrr ELSE 0 * mrr END FROM numbered WHERE gap IN ('joined', 'at nothing')
    )
    SELECT f.customer, f.life::int, min(f.valid_from) OVER (PARTITION BY f.customer, f.life) - moved_back, f.valid_from - moved_back, f.valid_to - moved_back, f.mrr
    FROM filled f, axes
$$;

-- Movements ------------------------------------------------------------------------------------------

-- What a change from one state of a customer to another is called. Being active decides, not the MRR. seen_before: the
-- life was active before already. Not active before nor after, but in between: transient.
CREATE FUNCTION oracle.policy_movement(was_active boolean, is_active boolean, was numeric, now_is numeric, seen_before boolean)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN was_active AND is_active THEN CASE WHEN now_is > was THEN 'expansion' WHEN now_is < was THEN 'contraction' ELSE 'unchanged' END
                WHEN was_active THEN 'churned'
                WHEN is_active THEN CASE WHEN seen_before THEN 'reactivation' ELSE 'new' END
                WHEN seen_before THEN 'transient' ELSE 'transient_new' END
$$;

-- What a row of a report looks at: the state just before opens, the one just before closes, and what happens from the one to
-- the other.
CREATE TYPE oracle.policy_window AS (n int, opens timestamptz, closes timestamptz);

-- Snapshot: each customer active in a window or just before it, its two states, and what that movement is called. New is
-- who was not active before the window in the life of the closing (transient: in the last life). life_start is that of
-- this life; of the life lost, where the customer churned.
CREATE FUNCTION oracle.policy_snapshots(stretches oracle.policy_stretch[], windows oracle.policy_window[])
RETURNS TABLE (n int, customer text, at_opening boolean, at_closing boolean, movement text, opening numeric, closing numeric, life_start timestamptz)
LANGUAGE sql IMMUTABLE AS $$
    WITH look AS (
        SELECT w.n, w.opens, s.customer,
               bool_or(s.valid_from < w.opens AND s.valid_to >= w.opens) AS at_opening,
               bool_or(s.valid_from < w.closes AND s.valid_to >= w.closes) AS at_closing,
               coalesce(sum(s.mrr) FILTER (WHERE s.valid_from < w.opens AND s.valid_to >= w.opens), 0) AS opening,
               coalesce(sum(s.mrr) FILTER (WHERE s.valid_from < w.closes AND s.valid_to >= w.closes), 0) AS closing,
               min(s.life_start) AS first_life, max(s.life_start) AS last_life
        FROM unnest(windows) w JOIN unnest(stretches) s ON s.valid_from < w.closes AND s.valid_to >= w.opens
        GROUP BY w.n, w.opens, s.customer
    )
    SELECT l.n, l.customer, l.at_opening, l.at_closing,
           oracle.policy_movement(l.at_opening, l.at_closing, l.opening, l.closing, l.last_life < l.opens), l.opening, l.closing,
           CASE WHEN l.at_opening AND NOT l.at_closing THEN l.first_life ELSE l.last_life END
    FROM look l
$$;

-- Events: every single change of a customer in a window, from the state just before the moment (the stretch that ends there)
-- to the state at the moment (the stretch that begins there). So nothing is transient.
CREATE FUNCTION oracle.policy_events(stretches oracle.policy_stretch[], windows oracle.policy_window[])
RETURNS TABLE (n int, customer text, moment timestamptz, movement text, was numeric, now_is numeric, life_start timestamptz)
LANGUAGE sql IMMUTABLE AS $$
    WITH change AS (
        SELECT coalesce(a.customer, b.customer) AS customer, coalesce(a.valid_from, b.valid_to) AS moment, coalesce(b.mrr, 0) AS was, coalesce(a.mrr, 0) AS now_is,
               oracle.policy_movement(b.customer IS NOT NULL, a.customer IS NOT NULL, coalesce(b.mrr, 0), coalesce(a.mrr, 0), a.life_start < a.valid_from) AS movement,
               coalesce(a.life_start, b.life_start) AS life_start
        FROM unnest(stretches) b FULL JOIN unnest(stretches) a ON a.customer = b.customer AND a.valid_from = b.valid_to
    )
    SELECT w.n, c.customer, c.moment, c.movement, c.was, c.now_is, c.life_start
    FROM change c JOIN unnest(windows) w ON c.moment >= w.opens AND c.moment < w.closes
    WHERE c.movement <> 'unchanged'
$$;

-- One row per window: who is there at both ends and what moved, and the parts of the rates.
--   churn_lost: churned; the transient ones too with count_transient, and always where the new ones are in the denominator.
--   churn_base: the opening; opening + new + transient new; or the mean of opening and closing.
--   net_lost: less expansion, and less reactivation with reactivation_offsets.
CREATE FUNCTION oracle.policy_rows(stretches oracle.policy_stretch[], windows oracle.policy_window[], policy jsonb)
RETURNS TABLE (n int, opening_customers bigint, new_customers bigint, reactivated_customers bigint, churned_customers bigint, closing_customers bigint,
    transient_customers bigint, transient_new_customers bigint, opening_mrr numeric, new_mrr numeric, reactivation_mrr numeric, expansion_mrr numeric,
    contraction_mrr numeric, churned_mrr numeric, closing_mrr numeric, churn_lost numeric, churn_base numeric, gross_lost numeric, net_lost numeric)
LANGUAGE sql STABLE AS $$
    WITH axes AS MATERIALIZED (
        SELECT * FROM oracle.policy_axes(policy)
    ), snapshot AS MATERIALIZED (
        SELECT * FROM oracle.policy_snapshots(stretches, windows)
    ), standing AS (
        SELECT s.n, count(*) FILTER (WHERE at_opening) AS opening_customers, count(*) FILTER (WHERE at_closing) AS closing_customers,
               sum(opening) AS opening_mrr, sum(closing) AS closing_mrr
        FROM snapshot s GROUP BY s.n
    ), movement AS (
        SELECT s.n, s.movement, s.opening AS was, s.closing AS now_is FROM snapshot s WHERE (SELECT basis FROM axes) = 'snapshot'
        UNION ALL
        SELECT e.n, e.movement, e.was, e.now_is FROM oracle.policy_events(stretches, windows) e WHERE (SELECT basis FROM axes) = 'events'
    ), flow AS (
        SELECT m.n,
               count(*) FILTER (WHERE movement = 'new') AS new_customers,
               count(*) FILTER (WHERE movement = 'reactivation') AS reactivated_customers,
               count(*) FILTER (WHERE movement = 'churned') AS churned_customers,
               count(*) FILTER (WHERE movement IN ('transient', 'transient_new')) AS transient_customers,
               count(*) FILTER (WHERE movement = 'transient_new') AS transient_new_customers,
               sum(now_is) FILTER (WHERE movement = 'new') AS new_mrr,
               sum(now_is) FILTER (WHERE movement = 'reactivation') AS reactivation_mrr,
               sum(now_is - was) FILTER (WHERE movement = 'expansion') AS expansion_mrr,
               sum(was - now_is) FILTER (WHERE movement = 'contraction') AS contraction_mrr,
               sum(was) FILTER (WHERE movement = 'churned') AS churned_mrr
        FROM movement m GROUP BY m.n
    ), counted AS (
        SELECT w.n, coalesce(s.opening_customers, 0) AS opening_customers, coalesce(f.new_customers, 0) AS new_customers,
               coalesce(f.reactivated_customers, 0) AS reactivated_customers, coalesce(f.churned_customers, 0) AS churned_customers,
               coalesce(s.closing_customers, 0) AS closing_customers, coalesce(f.transient_customers, 0) AS transient_customers,
               coalesce(f.transient_new_customers, 0) AS transient_new_customers,
               coalesce(s.opening_mrr, 0) AS opening_mrr, coalesce(f.new_mrr, 0) AS new_mrr, coalesce(f.reactivation_mrr, 0) AS reactivation_mrr,
               coalesce(f.expansion_mrr, 0) AS expansion_mrr, coalesce(f.contraction_mrr, 0) AS contraction_mrr,
               coalesce(f.churned_mrr, 0) AS churned_mrr, coalesce(s.closing_mrr, 0) AS closing_mrr
        FROM unnest(windows) w LEFT JOIN standing s ON s.n = w.n LEFT JOIN flow f ON f.n = w.n
    )
    SELECT c.*,
           c.churned_customers + CASE WHEN count_transient OR denominator = 'opening_plus_new' THEN c.transient_customers ELSE 0 END,
           CASE denominator WHEN 'opening' THEN c.opening_customers
                            WHEN 'opening_plus_new' THEN c.opening_customers + c.new_customers + c.transient_new_customers
                            WHEN 'average' THEN (c.opening_customers + c.closing_customers) * 0.5 END,
           c.churned_mrr + c.contraction_mrr,
           c.churned_mrr + c.contraction_mrr - c.expansion_mrr - CASE WHEN reactivation_offsets THEN c.reactivation_mrr ELSE 0 END
    FROM counted c, axes
$$;

-- Periods --------------------------------------------------------------------------------------------

CREATE FUNCTION oracle.grid_line(n int, every interval, origin date)
RETURNS date LANGUAGE sql IMMUTABLE AS
$$ SELECT (coalesce(origin, '2001-01-01') + n * every)::date $$;

-- The periods of a series, and what each looks at. The first start decides the default of since; boundary at moves it one microsecond back, too.
--   lookback n: a row closes with its period, but opens with the one n - 1 before.
--   smoothing n: n - 1 periods more before the first, which are not shown.
--   With either of them the first period shown is a whole one: since is moved back to its start.
-- complete: grace and minimum_absence after the end are over, too: until then a gap may still turn out to be none.
CREATE FUNCTION oracle.policy_periods(first_start timestamptz, policy jsonb, every interval, since date, until date, time_zone text, origin date)
RETURNS TABLE (n int, shown boolean, period_start date, period_end date, complete boolean, opens timestamptz, closes timestamptz) LANGUAGE sql STABLE AS $$
    WITH axes AS MATERIALIZED (
        SELECT *, CASE boundary WHEN 'at' THEN interval '1 microsecond' ELSE '0' END AS moved_back FROM oracle.policy_axes(policy)
    ), shown AS MATERIALIZED (
        SELECT b.*
        FROM axes, oracle.boundaries(oracle.day_of(first_start - moved_back, time_zone), every,
                 CASE WHEN lookback > 1 OR smoothing > 1
                      THEN (SELECT g.grid_start FROM oracle.grid(every, coalesce(policy_periods.origin, '2001-01-01'), policy_periods.since, policy_periods.since + 1) g)
                      ELSE policy_periods.since END,
                 policy_periods.until, policy_periods.origin, oracle.today(time_zone)) b
    ), period AS (
        SELECT s.n, true AS shown, s.period_start, s.period_end,
               s.complete AND s.period_end + grace <= oracle.today(time_zone) AND s.period_end + minimum_absence <= oracle.today(time_zone) AS complete
        FROM shown s, axes
        UNION ALL
        SELECT i, false, oracle.grid_line(i, every, policy_periods.origin), oracle.grid_line(i + 1, every, policy_periods.origin), NULL
        FROM axes, (SELECT min(s.n) AS first FROM shown s) x, generate_series(first - smoothing + 1, first - 1) i
    )
    SELECT p.n, p.shown, p.period_start, p.period_end, p.complete,
           oracle.midnight(CASE WHEN lookback > 1 THEN oracle.grid_line(p.n - lookback + 1, every, policy_periods.origin) ELSE p.period_start END, time_zone),
           oracle.midnight(p.period_end, time_zone)
    FROM period p, axes
$$;

-- Both reports by period in one: smoothed rates are sums over sums.
CREATE FUNCTION oracle.policy_series(subs oracle.subscription[], policy jsonb, with_mrr boolean, every interval, since date, until date, time_zone text, origin date)
RETURNS TABLE (period_start date, period_end date, complete boolean, opening_customers bigint, new_customers bigint, reactivated_customers bigint,
    churned_customers bigint, closing_customers bigint, transient_customers bigint, transient_new_customers bigint, opening_mrr numeric, new_mrr numeric,
    reactivation_mrr numeric, expansion_mrr numeric, contraction_mrr numeric, churned_mrr numeric, closing_mrr numeric,
    churn_rate numeric, gross_mrr_churn numeric, net_mrr_churn numeric) LANGUAGE sql STABLE AS $$
    WITH period AS MATERIALIZED (
        SELECT p.* FROM oracle.policy_periods((SELECT min(c.started_at) FROM oracle.clean(subs) c), policy, every, since, until, time_zone, origin) p
    ), input AS MATERIALIZED (
        SELECT (SELECT array_agg(s) FROM oracle.policy_stretches(subs, policy, with_mrr, time_zone) s) AS stretches,
               (SELECT array_agg(ROW(p.n, p.opens, p.closes)::oracle.policy_window) FROM period p) AS windows
    ), rated AS (
        SELECT r.*, sum(r.churn_lost) OVER smooth / nullif(sum(r.churn_base) OVER smooth, 0) AS churn_rate,
               sum(r.gross_lost) OVER smooth / nullif(sum(r.opening_mrr) OVER smooth, 0) AS gross_mrr_churn,
               sum(r.net_lost) OVER smooth / nullif(sum(r.opening_mrr) OVER smooth, 0) AS net_mrr_churn
        FROM input i, oracle.policy_rows(i.stretches, i.windows, policy) r
        WINDOW smooth AS (ORDER BY r.n ROWS (SELECT smoothing - 1 FROM oracle.policy_axes(policy)) PRECEDING)
    )
    SELECT p.period_start, p.period_end, p.complete, r.opening_customers, r.new_customers, r.reactivated_customers, r.churned_customers, r.closing_customers,
           r.transient_customers, r.transient_new_customers, r.opening_mrr, r.new_mrr, r.reactivation_mrr, r.expansion_mrr, r.contraction_mrr, r.churned_mrr,
           r.closing_mrr, r.churn_rate, r.gross_mrr_churn, r.net_mrr_churn
    FROM period p JOIN rated r ON r.n = p.n
    WHERE p.shown
$$;

-- Reports --------------------------------------------------------------------------------------------

CREATE FUNCTION oracle.policy_churn_by_period(subs oracle.subscription[], policy jsonb DEFAULT NULL, with_mrr boolean DEFAULT true, every interval DEFAULT '1 month',
    since date DEFAULT NULL, until date DEFAULT NULL, time_zone text DEFAULT NULL, origin date DEFAULT NULL)
RETURNS TABLE (period_start date, period_end date, opening_customers bigint, new_customers bigint, reactivated_customers bigint,
    churned_customers bigint, closing_customers bigint, transient_customers bigint, transient_new_customers bigint,
    churn_rate numeric, retention_rate numeric, complete boolean) LANGUAGE sql STABLE AS $$
    SELECT s.period_start, s.period_end, s.opening_customers, s.new_customers, s.reactivated_customers, s.churned_customers, s.closing_customers,
           s.transient_customers, s.transient_new_customers, s.churn_rate, 1 - s.churn_rate, s.complete
    FROM oracle.policy_series(subs, policy, with_mrr, every, since, until, time_zone, origin) s ORDER BY s.period_start
$$;

CREATE FUNCTION oracle.policy_mrr_movements(subs oracle.subscription[], policy jsonb DEFAULT NULL, every interval DEFAULT '1 month',
    since date DEFAULT NULL, until date DEFAULT NULL, time_zone text DEFAULT NULL, origin date DEFAULT NULL)
RETURNS TABLE (period_start date, period_end date, opening_mrr numeric, new_mrr numeric, reactivation_mrr numeric, expansion_mrr numeric,
    contraction_mrr numeric, churned_mrr numeric, closing_mrr numeric, net_new_mrr numeric, gross_mrr_churn numeric, net_mrr_churn numeric,
    grr numeric, nrr numeric, quick_ratio numeric, closing_customers bigint, arpa numeric, complete boolean) LANGUAGE sql STABLE AS $$
    SELECT s.period_start, s.period_end, s.opening_mrr, s.new_mrr, s.reactivation_mrr, s.expansion_mrr, s.contraction_mrr, s.churned_mrr, s.closing_mrr,
           s.closing_mrr - s.opening_mrr, s.gross_mrr_churn, s.net_mrr_churn, 1 - s.gross_mrr_churn, 1 - s.net_mrr_churn,
           (s.new_mrr + s.expansion_mrr + s.reactivation_mrr) / nullif(s.contraction_mrr + s.churned_mrr, 0),
           s.closing_customers, s.closing_mrr / nullif(s.closing_customers, 0), s.complete
    FROM oracle.policy_series(subs, policy, true, every, since, until, time_zone, origin) s ORDER BY s.period_start
$$;

-- A member of a cohort is a life: its cohort is the whole grid period of its first active moment, and it counts while it
-- lasts. Only the axes that make stretches matter, and complete.
CREATE FUNCTION oracle.policy_cohort_retention(subs oracle.subscription[], policy jsonb DEFAULT NULL, with_mrr boolean DEFAULT true, every interval DEFAULT '1 month',
    since date DEFAULT NULL, until date DEFAULT NULL, time_zone text DEFAULT NULL, origin date DEFAULT NULL)
RETURNS TABLE (cohort date, period_number int, period_start date, cohort_size bigint, customers bigint, retention numeric,
    cohort_mrr numeric, mrr numeric, mrr_retention numeric, cumulative_mrr numeric, complete boolean) LANGUAGE sql STABLE AS $$
    WITH axes AS MATERIALIZED (
        SELECT * FROM oracle.policy_axes(policy)
    ), stretch AS MATERIALIZED (
        SELECT * FROM oracle.policy_stretches(subs, policy, with_mrr, time_zone)
    ), span AS (
        SELECT coalesce(policy_cohort_retention.until, oracle.today(time_zone) + 1) AS until
    ), period AS MATERIALIZED (    -- all grid periods from the first life's on; only the last may be cut, by until
        SELECT g.n, g.grid_start, g.grid_end, least(g.grid_end, span.until) AS period_end,
               oracle.midnight(g.grid_start, time_zone) AS grid_opens, oracle.midnight(g.grid_end, time_zone) AS grid_closes,
               oracle.midnight(least(g.grid_end, span.until), time_zone) AS closes
        FROM span, oracle.grid(every, coalesce(origin, '2001-01-01'),
                               (SELECT oracle.day_of(min(s.life_start), time_zone) FROM stretch s), span.until) g
    ), member AS MATERIALIZED (
        SELECT p.n AS cohort, s.customer, s.life, s.mrr FROM stretch s JOIN period p ON s.life_start >= p.grid_opens AND s.life_start < p.grid_closes
        WHERE s.valid_from = s.life_start
    ), cohort AS (
        SELECT m.cohort AS n, count(*) AS cohort_size, sum(m.mrr) AS cohort_mrr FROM member m GROUP BY m.cohort
    ), closing AS (
        SELECT m.cohort, p.n, count(*) AS customers, sum(s.mrr) AS mrr
        FROM member m JOIN stretch s USING (customer, life) JOIN period p ON s.valid_from < p.closes AND s.valid_to >= p.closes
        GROUP BY m.cohort, p.n
    ), cell AS (
        SELECT c.n AS cohort, p.n - c.n AS period_number, p.*, c.cohort_size, c.cohort_mrr, coalesce(s.customers, 0) AS customers,
               CASE WHEN with_mrr THEN coalesce(s.mrr, 0) END AS mrr
        FROM cohort c JOIN period p ON p.n >= c.n LEFT JOIN closing s ON s.cohort = c.n AND s.n = p.n
    ), cumulated AS (
        SELECT *, sum(mrr) OVER (PARTITION BY cohort ORDER BY period_number) AS cumulative_mrr FROM cell
    )
    SELECT first.grid_start, c.period_number, greatest(c.grid_start, policy_cohort_retention.since), c.cohort_size, c.customers,
           c.customers::numeric / c.cohort_size,
           c.cohort_mrr, c.mrr, c.mrr / nullif(c.cohort_mrr, 0), c.cumulative_mrr,
           c.grid_start >= coalesce(policy_cohort_retention.since, c.grid_start) AND c.grid_end = c.period_end AND c.grid_end <= oracle.today(time_zone)
           AND c.grid_end + grace <= oracle.today(time_zone) AND c.grid_end + minimum_absence <= oracle.today(time_zone)
    FROM axes, cumulated c JOIN period first ON first.n = c.cohort
    WHERE policy_cohort_retention.since IS NULL OR c.period_end > policy_cohort_retention.since
    ORDER BY first.grid_start, c.period_number
$$;

-- The movements behind one row of the reports, customer by customer; events in order of time. since and until are the
-- row's period_start and period_end; with lookback > 1 every (and origin) say where the grid is. unchanged: active at
-- both ends, and nothing moved. first_start: the first day of the life that the movement belongs to.
CREATE FUNCTION oracle.policy_customer_movements(subs oracle.subscription[], policy jsonb, with_mrr boolean, since date, until date, time_zone text DEFAULT NULL,
    every interval DEFAULT NULL, origin date DEFAULT NULL, include_unchanged boolean DEFAULT false)
RETURNS TABLE (customer text, movement text, opening_mrr numeric, closing_mrr numeric, change numeric, first_start date) LANGUAGE sql STABLE AS $$
    WITH axes AS MATERIALIZED (
        SELECT * FROM oracle.policy_axes(policy)
    ), input AS MATERIALIZED (
        SELECT (SELECT array_agg(s) FROM oracle.policy_stretches(subs, policy, with_mrr, time_zone) s) AS stretches,
               ARRAY[ROW(0, oracle.midnight(CASE WHEN lookback > 1 THEN oracle.grid_line(g.n + 1 - lookback, every, policy_customer_movements.origin) ELSE since END, time_zone),
                         oracle.midnight(until, time_zone))::oracle.policy_window] AS windows
        FROM axes LEFT JOIN oracle.grid(every, coalesce(origin, '2001-01-01'), until - 1, until) g ON lookback > 1
    ), snapshot AS MATERIALIZED (
        SELECT s.* FROM input i, oracle.policy_snapshots(i.stretches, i.windows) s
    ), event AS MATERIALIZED (
        SELECT e.* FROM input i, oracle.policy_events(i.stretches, i.windows) e
    ), moved AS (
        SELECT s.customer, NULL::timestamptz AS moment, s.movement, s.opening, s.closing, s.life_start FROM snapshot s
        WHERE (SELECT basis FROM axes) = 'snapshot' AND s.movement <> 'unchanged'
        UNION ALL
        SELECT e.customer, e.moment, e.movement, e.was, e.now_is, e.life_start FROM event e
        WHERE (SELECT basis FROM axes) = 'events'
        UNION ALL
        SELECT s.customer, NULL, 'unchanged', s.opening, s.closing, s.life_start FROM snapshot s
        WHERE include_unchanged AND s.movement = 'unchanged'
          AND NOT ((SELECT basis FROM axes) = 'events' AND EXISTS (SELECT FROM event e WHERE e.customer = s.customer))
    )
    SELECT m.customer, m.movement, CASE WHEN with_mrr THEN m.opening END, CASE WHEN with_mrr THEN m.closing END, CASE WHEN with_mrr THEN m.closing - m.opening END,
           oracle.day_of(m.life_start, time_zone)
    FROM moved m ORDER BY m.customer COLLATE "C", m.moment
$$;

-- One period -----------------------------------------------------------------------------------------

-- The value is that of the report's row over this one period; lookback and smoothing have no place here. Days of grace and the
-- like are days in UTC. clv: opening MRR per opening customer x months / churn rate x margin, divided once.
CREATE FUNCTION oracle.policy_one_period(subs oracle.subscription[], policy jsonb, a timestamptz, b timestamptz, slack interval, gross_margin numeric,
    OUT churn_rate numeric, OUT retention_rate numeric, OUT paying_churn_rate numeric, OUT paying_retention_rate numeric,
    OUT mrr_churn numeric, OUT net_mrr_churn numeric, OUT grr numeric, OUT nrr numeric, OUT clv numeric) LANGUAGE sql STABLE AS $$
    WITH input AS MATERIALIZED (
        SELECT (SELECT array_agg(s) FROM oracle.policy_stretches(subs, policy, false) s) AS every_stretch,
               (SELECT array_agg(s) FROM oracle.policy_stretches(subs, policy, true) s) AS paying_stretch,
               ARRAY[ROW(0, a, b)::oracle.policy_window] AS windows
    ), rated AS (
        SELECT e.churn_lost / nullif(e.churn_base, 0) AS every_rate, p.churn_lost / nullif(p.churn_base, 0) AS paying_rate,
               p.gross_lost / nullif(p.opening_mrr, 0) AS gross, p.net_lost / nullif(p.opening_mrr, 0) AS net,
               p.opening_mrr * m.months * gross_margin * p.churn_base / nullif(p.opening_customers * m.divisor * p.churn_lost, 0) AS value
        FROM input i, oracle.policy_rows(i.every_stretch, i.windows, policy) e, oracle.policy_rows(i.paying_stretch, i.windows, policy) p,
             oracle.months_between(a, b, slack) m
    )
    SELECT every_rate, 1 - every_rate, paying_rate, 1 - paying_rate, gross, net, 1 - gross, 1 - net, value FROM rated
$$;

CREATE FUNCTION oracle.policy_one_period(subs oracle.subscription[], policy jsonb, period tsrange, gross_margin numeric DEFAULT 1,
    OUT churn_rate numeric, OUT retention_rate numeric, OUT paying_churn_rate numeric, OUT paying_retention_rate numeric,
    OUT mrr_churn numeric, OUT net_mrr_churn numeric, OUT grr numeric, OUT nrr numeric, OUT clv numeric) LANGUAGE sql STABLE AS
$$ SELECT * FROM oracle.policy_one_period(subs, policy, lower(period) AT TIME ZONE 'UTC', upper(period) AT TIME ZONE 'UTC', '0', gross_margin) $$;

CREATE FUNCTION oracle.policy_one_period(subs oracle.subscription[], policy jsonb, period daterange, gross_margin numeric DEFAULT 1,
    OUT churn_rate numeric, OUT retention_rate numeric, OUT paying_churn_rate numeric, OUT paying_retention_rate numeric,
    OUT mrr_churn numeric, OUT net_mrr_churn numeric, OUT grr numeric, OUT nrr numeric, OUT clv numeric) LANGUAGE sql STABLE AS
$$ SELECT * FROM oracle.policy_one_period(subs, policy, tsrange(lower(period), upper(period)), gross_margin) $$;

CREATE FUNCTION oracle.policy_one_period(subs oracle.subscription[], policy jsonb, period tstzrange, gross_margin numeric DEFAULT 1,
    OUT churn_rate numeric, OUT retention_rate numeric, OUT paying_churn_rate numeric, OUT paying_retention_rate numeric,
    OUT mrr_churn numeric, OUT net_mrr_churn numeric, OUT grr numeric, OUT nrr numeric, OUT clv numeric) LANGUAGE sql STABLE AS
$$ SELECT * FROM oracle.policy_one_period(subs, policy, lower(period), upper(period), '14 hours', gross_margin) $$;
