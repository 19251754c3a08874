-- Subscription rows from Kill Bill's analytics plugin.  See docs/providers/killbill.md.
--since 0.3.0

CREATE FUNCTION killbill_needs() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $needs$SELECT $lines$
analytics_subscription_transitions record_id any_number              # order of the rows of one day
analytics_subscription_transitions account_id any_text               # the customer
analytics_subscription_transitions subscription_id any_text          # the subscription
analytics_subscription_transitions event any_text                    # START_, STOP_, PAUSE_, RESUME_, CHANGE_, SYSTEM_CHANGE_, STATE_CHANGE_
analytics_subscription_transitions prev_phase any_text               # what a trial turned into: price of the trials that were given up
analytics_subscription_transitions next_product_name any_text        # product
analytics_subscription_transitions next_slug any_text                # plan and phase
analytics_subscription_transitions next_phase any_text               # TRIAL, DISCOUNT, FIXEDTERM, EVERGREEN
analytics_subscription_transitions next_billing_period any_text      # billing interval
analytics_subscription_transitions next_price any_number             # price of a billing period
analytics_subscription_transitions next_mrr any_number               # MRR where the billing period is not a known one
analytics_subscription_transitions next_currency any_text            # currency
analytics_subscription_transitions next_service any_text             # entitlement-service, overdue-service; billing-service is left out
analytics_subscription_transitions next_state any_text               # overdue or clear
analytics_subscription_transitions next_start_date date              # begin of the stretch
analytics_subscription_transitions next_end_date date                # end of a last phase of fixed length
analytics_subscription_transitions created_date timestamp_without_time_zone  # when it was cancelled
analytics_subscription_transitions created_reason_code any_text      # why it was cancelled
analytics_subscription_transitions report_group any_text             # accounts for tests
$lines$$needs$;
COMMENT ON FUNCTION killbill_needs() IS 'internal: the tables and columns that killbill_query() reads';

CREATE FUNCTION killbill_query(source_schema name, option text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $function$
DECLARE
    -- a row's plan, billing interval and MRR; the plugin's own MRR is 0 where a period is days or weeks
    plan text := $plan$CROSS JOIN LATERAL (
        SELECT CASE WHEN right(t.next_slug::text, length(t.next_phase::text) + 1) = '-' || lower(t.next_phase::text)
                    THEN left(t.next_slug::text, -(length(t.next_phase::text) + 1)) ELSE t.next_slug::text END AS plan,
            CASE t.next_billing_period::text
                WHEN 'DAILY' THEN make_interval(days => 1)
                WHEN 'WEEKLY' THEN make_interval(days => 7)
                WHEN 'BIWEEKLY' THEN make_interval(days => 14)
                WHEN 'THIRTY_DAYS' THEN make_interval(days => 30)
                WHEN 'THIRTY_ONE_DAYS' THEN make_interval(days => 31)
                WHEN 'SIXTY_DAYS' THEN make_interval(days => 60)
                WHEN 'NINETY_DAYS' THEN make_interval(days => 90)
                WHEN 'MONTHLY' THEN make_interval(months => 1)
                WHEN 'BIMESTRIAL' THEN make_interval(months => 2)
                WHEN 'QUARTERLY' THEN make_interval(months => 3)
                WHEN 'TRIANNUAL' THEN make_interval(months => 4)
                WHEN 'BIANNUAL' THEN make_interval(months => 6)
                WHEN 'ANNUAL' THEN make_interval(months => 12)
                WHEN 'SESQUIENNIAL' THEN make_interval(months => 18)
                WHEN 'BIENNIAL' THEN make_interval(months => 24)
                WHEN 'TRIENNIAL' THEN make_interval(months => 36) END AS billing_interval) p
    CROSS JOIN LATERAL (
        SELECT CASE WHEN p.billing_interval IS NULL THEN CASE WHEN coalesce(t.next_mrr, 0) >= 0 THEN coalesce(t.next_mrr::numeric, 0) END
                    ELSE @extschema@.price_per_month(coalesce(t.next_price::numeric, 0), p.billing_interval) END AS mrr) m
    CROSS JOIN LATERAL (SELECT @extschema@.bounded_day(t.next_start_date) AS start_day, @extschema@.bounded_day(t.next_end_date) AS end_day,
                               @extschema@.bounded_moment(t.created_date::timestamp AT TIME ZONE 'UTC') AS created_at) d$plan$;
BEGIN
    RETURN format($query$
WITH events AS (        -- what changes a subscription, in order
    SELECT t.account_id::text AS customer_id,
           t.subscription_id::text AS subscription_id,
           row_number() OVER (PARTITION BY t.account_id::text, t.subscription_id::text ORDER BY d.start_day, t.record_id) AS ord,
           t.event::text AS event,
           d.start_day AS day,
           t.next_service::text = 'entitlement-service' AND NOT starts_with(t.event::text, 'STOP_ENTITLEMENT') AS sets_plan,
           t.next_service::text = 'overdue-service' AS sets_overdue,
           t.next_state::text IS DISTINCT FROM '__KILLBILL__CLEAR__OVERDUE_STATE__' AS is_overdue,
           t.next_product_name::text AS product,
           p.plan,
           t.next_phase::text IS NOT DISTINCT FROM 'TRIAL' AS on_trial,
           t.next_currency::text AS currency,
           p.billing_interval,
           m.mrr,
           d.end_day AS phase_end,
           min(d.start_day) FILTER (WHERE starts_with(t.event::text, 'STOP_ENTITLEMENT')) OVER s AS stop_day,
           max(d.start_day) FILTER (WHERE starts_with(t.event::text, 'STOP_BILLING')) OVER s AS billing_stop_day,
           min(d.created_at) FILTER (WHERE starts_with(t.event::text, 'STOP_ENTITLEMENT')) OVER s AS canceled_at,
           min(t.created_reason_code::text) FILTER (WHERE starts_with(t.event::text, 'STOP_ENTITLEMENT')) OVER s AS cancel_reason
    FROM %1$I.analytics_subscription_transitions t
    %3$s
    WHERE t.next_start_date IS NOT NULL AND t.report_group::text IS DISTINCT FROM 'test'
        AND (t.next_service::text IN ('entitlement-service', 'overdue-service')
             OR starts_with(t.event::text, 'PAUSE_') OR starts_with(t.event::text, 'RESUME_') OR starts_with(t.event::text, 'STOP_BILLING'))
    WINDOW s AS (PARTITION BY t.account_id::text, t.subscription_id::text)
), states AS (          -- after each event: which row holds the plan, and the flags, as the last event that sets one left it: a pause is 1, one by the overdue system 2
    SELECT e.*,
           max(e.ord) FILTER (WHERE e.sets_plan) OVER w AS plan_ord,
           max(e.ord) FILTER (WHERE e.sets_plan) OVER s AS last_plan_ord,
           lead(e.day) OVER w AS until_day,
           coalesce(max(CASE WHEN starts_with(e.event, 'PAUSE_ENTITLEMENT') THEN e.ord * 4 + CASE WHEN e.sets_overdue THEN 2 ELSE 1 END
                             WHEN starts_with(e.event, 'RESUME_ENTITLEMENT') THEN e.ord * 4 END) OVER w %% 4, 0) AS entitlement_pause,
           coalesce(max(CASE WHEN starts_with(e.event, 'PAUSE_BILLING') THEN e.ord * 4 + CASE WHEN e.sets_overdue THEN 2 ELSE 1 END
                             WHEN starts_with(e.event, 'RESUME_BILLING') THEN e.ord * 4 END) OVER w %% 4, 0) AS billing_pause,
           coalesce(max(CASE WHEN e.sets_overdue THEN e.ord * 2 + e.is_overdue::integer END) OVER w %% 2, 0) = 1 AS overdue
    FROM events e
    WINDOW s AS (PARTITION BY e.customer_id, e.subscription_id),
           w AS (PARTITION BY e.customer_id, e.subscription_id ORDER BY e.ord)
), plans AS (           -- with the plan that holds after each event
    SELECT t.customer_id, t.subscription_id, t.ord, t.plan_ord, t.day, t.until_day, t.overdue,
           1 IN (t.entitlement_pause, t.billing_pause) OR 2 IN (t.entitlement_pause, t.billing_pause) AND NOT t.overdue AS paused,
           t.stop_day, t.billing_stop_day, t.canceled_at, t.cancel_reason,
           t.overdue AND NOT coalesce(lag(t.overdue) OVER w, false) AS becomes_overdue,
           first_value(t.product) OVER p AS product, first_value(t.plan) OVER p AS plan, first_value(t.on_trial) OVER p AS on_trial,
           first_value(t.currency) OVER p AS currency, first_value(t.billing_interval) OVER p AS billing_interval, first_value(t.mrr) OVER p AS mrr,
           CASE WHEN t.plan_ord = t.last_plan_ord THEN first_value(t.phase_end) OVER p END AS last_end
    FROM states t
    WINDOW w AS (PARTITION BY t.customer_id, t.subscription_id ORDER BY t.ord),
           p AS (PARTITION BY t.customer_id, t.subscription_id, t.plan_ord ORDER BY t.ord)
), bounds AS (          -- with what is known of the whole subscription
    SELECT p.*,
           coalesce(p.stop_day, max(p.last_end) OVER s) AS service_end,
           min(p.day) FILTER (WHERE p.plan_ord IS NOT NULL) OVER s AS first_day,
           max(p.day) FILTER (WHERE p.becomes_overdue) OVER w AS overdue_since,
           (min(ARRAY[p.ord::numeric, p.mrr]) FILTER (WHERE NOT p.on_trial AND p.plan_ord IS NOT NULL)
                OVER (PARTITION BY p.customer_id, p.subscription_id ORDER BY p.ord ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING))[2] AS paid_mrr
    FROM plans p
    WINDOW s AS (PARTITION BY p.customer_id, p.subscription_id),
           w AS (PARTITION BY p.customer_id, p.subscription_id ORDER BY p.ord)
), lists AS (           -- what the trials of a plan turn into
    SELECT DISTINCT ON (p.plan, t.next_currency::text) p.plan, t.next_currency::text AS currency, m.mrr
    FROM %1$I.analytics_subscription_transitions t
    %3$s
    WHERE t.prev_phase::text = 'TRIAL' AND t.next_phase::text <> 'TRIAL' AND t.next_service::text = 'entitlement-service' AND t.report_group::text IS DISTINCT FROM 'test'
    ORDER BY p.plan, t.next_currency::text, t.next_start_date DESC, t.record_id DESC
), stretches AS (
    SELECT b.customer_id, b.subscription_id, b.product, b.plan, b.currency, b.billing_interval, b.on_trial, b.canceled_at, b.cancel_reason, b.ord,
           b.service_end, b.stop_day, b.billing_stop_day,
           least(b.until_day, b.service_end) AS until_day,
           b.day::timestamp AT TIME ZONE option.time_zone AS started_at,
           least(b.until_day, b.service_end)::timestamp AT TIME ZONE option.time_zone AS ended_at,
           b.service_end::timestamp AT TIME ZONE option.time_zone AS service_ended_at,
           CASE WHEN b.on_trial THEN coalesce(b.paid_mrr, l.mrr, 0)
                WHEN b.paused AND option.pauses = 'zero' THEN 0
                ELSE b.mrr END AS mrr,
           CASE WHEN b.on_trial THEN 'trialing' WHEN b.paused THEN 'paused' WHEN b.overdue THEN 'past_due' ELSE 'active' END AS state,
           CASE WHEN b.overdue AND NOT b.on_trial AND (NOT b.paused OR option.pauses = 'keep')
                THEN (greatest(b.overdue_since, b.first_day)::timestamp + option.past_due) AT TIME ZONE option.time_zone END AS counts_until,
           min(b.day) OVER (PARTITION BY b.customer_id, b.subscription_id, b.plan, b.billing_interval, b.on_trial) AS billed_since
    FROM bounds b
    LEFT JOIN lists l ON b.on_trial AND l.plan = b.plan AND l.currency = b.currency
    CROSS JOIN %2$s
    WHERE b.plan_ord IS NOT NULL
        AND (b.until_day IS NULL OR b.until_day > b.day) AND (b.service_end IS NULL OR b.service_end > b.day)
        AND b.first_day::timestamp AT TIME ZONE option.time_zone <= now()
), recognised AS (
    SELECT t.customer_id, t.subscription_id, t.product, t.plan, t.currency, t.billing_interval, t.mrr, t.on_trial, t.ord,
           t.canceled_at, t.cancel_reason, t.started_at,
           least(CASE WHEN option.recognition = 'period_end' AND NOT t.on_trial AND t.until_day = t.service_end AND t.stop_day IS NOT NULL
                      THEN CASE WHEN t.billing_stop_day > t.stop_day THEN t.billing_stop_day::timestamp AT TIME ZONE option.time_zone
                                WHEN t.billing_interval IS NULL OR t.canceled_at < t.service_ended_at THEN t.ended_at
                                ELSE @extschema@.billing_period_end(t.billed_since::timestamp AT TIME ZONE option.time_zone, t.ended_at, t.billing_interval, option.time_zone) END
                      ELSE t.ended_at END,
                 CASE WHEN option.recognition = 'canceled' THEN t.canceled_at END,
                 t.counts_until) AS ended_at,
           CASE WHEN t.service_ended_at <= now() THEN 'canceled'
                ELSE max(t.state) FILTER (WHERE t.started_at <= now() AND (t.ended_at IS NULL OR t.ended_at > now())) OVER s END AS status,
           min(t.started_at) FILTER (WHERE t.on_trial) OVER s AS trial_started_at,
           max(t.ended_at) FILTER (WHERE t.on_trial) OVER s AS trial_ended_at
    FROM stretches t
    CROSS JOIN %2$s
    WINDOW s AS (PARTITION BY t.customer_id, t.subscription_id)
), marked AS (          -- where a stretch differs from the one before it
    SELECT r.*,
           lag(r.ended_at) OVER w IS DISTINCT FROM r.started_at
           OR (lag(r.product) OVER w, lag(r.plan) OVER w, lag(r.currency) OVER w, lag(r.billing_interval) OVER w, lag(r.mrr) OVER w, lag(r.on_trial) OVER w)
               IS DISTINCT FROM (r.product, r.plan, r.currency, r.billing_interval, r.mrr, r.on_trial) AS differs
    FROM recognised r
    WHERE (r.ended_at IS NULL OR r.ended_at > r.started_at)
        AND (r.on_trial OR r.started_at <= now() OR r.trial_ended_at IS NULL OR r.trial_ended_at <= now())      -- what follows a running trial may not come
    WINDOW w AS (PARTITION BY r.customer_id, r.subscription_id ORDER BY r.ord)
), numbered AS (
    SELECT m.*, count(*) FILTER (WHERE m.differs) OVER (PARTITION BY m.customer_id, m.subscription_id ORDER BY m.ord) AS n
    FROM marked m
)
SELECT m.customer_id, m.subscription_id, m.product, m.plan, m.currency, m.billing_interval, 1::numeric AS quantity,
       min(m.started_at) AS started_at, nullif(max(coalesce(m.ended_at, 'infinity')), 'infinity') AS ended_at, m.mrr, m.status,
       m.trial_started_at, m.trial_ended_at, m.canceled_at, m.cancel_reason, m.on_trial
FROM numbered m
GROUP BY m.customer_id, m.subscription_id, m.n, m.product, m.plan, m.currency, m.billing_interval, m.mrr, m.status,
         m.trial_started_at, m.trial_ended_at, m.canceled_at, m.cancel_reason, m.on_trial
$query$, source_schema, option, plan);
END;
$function$;
COMMENT ON FUNCTION killbill_query(name, text) IS 'internal: the query of subscription rows from Kill Bill''s analytics tables';
