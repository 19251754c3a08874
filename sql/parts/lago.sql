-- Subscription rows from Lago's own schema.  See docs/providers/lago.md.
--since 0.3.0

CREATE FUNCTION lago_needs() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $needs$SELECT $lines$
subscriptions id uuid                                                # a subscription at one plan
subscriptions customer_id uuid                                       # the customer
subscriptions plan_id uuid                                           # the plan
subscriptions external_id any_text                                   # the subscription, through changes of plan
subscriptions previous_subscription_id uuid                          # the row that a change of plan replaced
subscriptions status any_number                                      # 1 active, 2 terminated; others have not begun or never will
subscriptions started_at timestamp_without_time_zone                 # begin
subscriptions terminated_at timestamp_without_time_zone              # end
subscriptions canceled_at timestamp_without_time_zone                # when it was cancelled
subscriptions ending_at timestamp_without_time_zone optional         # end that is set beforehand
subscriptions trial_ended_at timestamp_without_time_zone optional    # end of the trial; without it the plan's trial_period
subscriptions billing_time any_number optional                       # 1: periods from subscription_at, otherwise those of the calendar
subscriptions subscription_at timestamp_without_time_zone optional   # anniversary of the billing periods
plans id uuid                                                        # the plan
plans name any_text                                                  # product
plans code any_text                                                  # plan
plans interval any_number                                            # 0 weekly, 1 monthly, 2 yearly, 3 quarterly, 4 semiannual
plans amount_cents any_number                                        # price of a billing period in minor units
plans amount_currency any_text                                       # currency
plans trial_period any_number optional                               # days of trial
customers id uuid                                                    # the customer
customers deleted_at timestamp_without_time_zone                     # end of what a deleted customer had
applied_coupons id uuid optional optional_table                               # a coupon of a customer
applied_coupons customer_id uuid optional optional_table                      # the customer
applied_coupons coupon_id uuid optional optional_table                        # the coupon
applied_coupons status any_number optional optional_table                     # 1: terminated
applied_coupons frequency any_number optional optional_table                  # 0 once, 1 recurring, 2 forever
applied_coupons frequency_duration any_number optional optional_table         # billing periods of a recurring coupon
applied_coupons frequency_duration_remaining any_number optional optional_table  # those left, where it was taken away early
applied_coupons amount_cents any_number optional optional_table               # amount off each billing period
applied_coupons amount_currency any_text optional optional_table              # currency of the amount
applied_coupons percentage_rate any_number optional optional_table            # per cent off
applied_coupons created_at timestamp_without_time_zone optional optional_table     # begin of the discount
applied_coupons terminated_at timestamp_without_time_zone optional optional_table  # end of the discount
coupons id uuid optional optional_table                                       # the coupon
coupons limited_plans boolean optional optional_table                         # coupons of certain plans only are left out
coupons limited_billable_metrics boolean optional optional_table              # coupons of certain metrics only are left out
invoices id uuid optional optional_table                                      # the invoice
invoices payment_overdue boolean optional optional_table                      # past due
invoices payment_due_date date optional optional_table                        # since when
fees invoice_id uuid optional optional_table                                  # which invoices
fees subscription_id uuid optional optional_table                             # belong to which subscriptions
$lines$$needs$;
COMMENT ON FUNCTION lago_needs() IS 'internal: the tables and columns that lago_query() reads';

CREATE FUNCTION lago_query(source_schema name, option text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $function$
DECLARE
    -- whether a schema has all of what serves one purpose
    has_coupons boolean := @extschema@.source_table(source_schema, 'applied_coupons'::text) IS NOT NULL
        AND (SELECT bool_and(@extschema@.source_column(source_schema, 'applied_coupons'::name, c) IS NOT NULL)
             FROM unnest('{id,customer_id,coupon_id,status,frequency,frequency_duration,frequency_duration_remaining,amount_cents,amount_currency,percentage_rate,created_at,terminated_at}'::text[]) c);
    has_limits boolean := @extschema@.source_table(source_schema, 'coupons'::text) IS NOT NULL
        AND (SELECT bool_and(@extschema@.source_column(source_schema, 'coupons'::name, c) IS NOT NULL) FROM unnest('{id,limited_plans,limited_billable_metrics}'::text[]) c);
    has_overdue boolean := @extschema@.source_table(source_schema, 'invoices'::text) IS NOT NULL AND @extschema@.source_table(source_schema, 'fees'::text) IS NOT NULL
        AND (SELECT bool_and(@extschema@.source_column(source_schema, 'invoices'::name, c) IS NOT NULL) FROM unnest('{id,payment_overdue,payment_due_date}'::text[]) c)
        AND (SELECT bool_and(@extschema@.source_column(source_schema, 'fees'::name, c) IS NOT NULL) FROM unnest('{invoice_id,subscription_id}'::text[]) c);
    overdue text := 'SELECT NULL::uuid AS subscription_id, NULL::date AS due_day WHERE false';
    priced text := 'SELECT p.*, p.started_at AS slice_start, p.ended_at AS slice_end, p.list_mrr AS mrr FROM pieces p';
BEGIN
    IF has_overdue THEN
        overdue := format('SELECT f.subscription_id, min(@extschema@.bounded_day(i.payment_due_date)) AS due_day FROM %1$I.invoices i JOIN %1$I.fees f ON f.invoice_id = i.id '
                          'WHERE i.payment_overdue AND f.subscription_id IS NOT NULL GROUP BY f.subscription_id', source_schema);
    END IF;
    IF has_coupons THEN
        priced := format($priced$
    -- each piece of a subscription, cut where a discount begins or ends
    SELECT p.*, s.slice_start, coalesce(s.next_start, p.ended_at) AS slice_end, CASE WHEN p.list_mrr IS NOT NULL THEN greatest(p.list_mrr * s.factor - s.amount, 0) END AS mrr
    FROM pieces p
    JOIN (SELECT s.id, s.on_trial, s.slice_start, s.next_start,
                 -- a product; exact to 12 digits
                 CASE WHEN bool_or(r.percentage >= 100) THEN 0 ELSE round(exp(coalesce(sum(CASE WHEN r.percentage < 100 THEN ln(1 - r.percentage / 100) END), 0)), 12) END AS factor,
                 coalesce(sum(r.amount), 0) AS amount
          FROM (SELECT b.id, b.on_trial, b.slice_start, lead(b.slice_start) OVER (PARTITION BY b.id, b.on_trial ORDER BY b.slice_start) AS next_start
                FROM (SELECT p.id, p.on_trial, p.started_at AS slice_start FROM pieces p
                      UNION SELECT r.id, r.on_trial, r.starts_at FROM runs r WHERE r.starts_at > r.started_at AND (r.ended_at IS NULL OR r.starts_at < r.ended_at)
                      UNION SELECT r.id, r.on_trial, r.ends_at FROM runs r WHERE r.ends_at > r.started_at AND (r.ended_at IS NULL OR r.ends_at < r.ended_at)) b) s
          LEFT JOIN runs r ON r.id = s.id AND r.on_trial = s.on_trial AND r.starts_at <= s.slice_start AND (r.ends_at IS NULL OR r.ends_at > s.slice_start)
          GROUP BY s.id, s.on_trial, s.slice_start, s.next_start) s ON s.id = p.id AND s.on_trial = p.on_trial
$priced$);
    END IF;
    RETURN format($query$
WITH begun AS (         -- the rows that have begun, in the order of their chains: a change of plan follows the row before it
    SELECT s.id, s.customer_id::text AS customer_id, coalesce(s.external_id::text, s.id::text) AS subscription_id, s.plan_id, s.status,
           @extschema@.bounded_moment(s.started_at AT TIME ZONE 'UTC') AS started_at,
           @extschema@.bounded_moment(least(CASE WHEN s.status = 2 THEN s.terminated_at END, %3$s) AT TIME ZONE 'UTC') AS own_end,
           @extschema@.bounded_moment(coalesce(s.canceled_at, CASE WHEN s.status = 2 AND (%3$s IS NULL OR s.terminated_at < %3$s) THEN s.terminated_at END) AT TIME ZONE 'UTC') AS canceled_at,
           @extschema@.bounded_moment(%4$s AT TIME ZONE 'UTC') AS trial_ended_at,
           CASE WHEN %5$s = 1 THEN @extschema@.bounded_moment(%6$s AT TIME ZONE 'UTC') END AS anniversary,
           %5$s = 1 AS by_anniversary,
           @extschema@.bounded_moment(c.deleted_at AT TIME ZONE 'UTC') AS deleted_at,
           count(*) FILTER (WHERE s.previous_subscription_id IS NULL) OVER (PARTITION BY s.customer_id, coalesce(s.external_id::text, s.id::text) ORDER BY s.started_at, s.id) AS chain
    FROM %1$I.subscriptions s
    LEFT JOIN %1$I.customers c ON c.id = s.customer_id
    WHERE s.status IN (1, 2) AND s.started_at AT TIME ZONE 'UTC' <= now()
), overdue AS (
    %7$s
), chained AS (
    SELECT b.*, o.due_day,
           -- terminated and started are not quite one moment; more than a day apart they are two
           least(CASE WHEN b.own_end < lead(b.started_at) OVER w - make_interval(hours => 24) THEN b.own_end ELSE coalesce(lead(b.started_at) OVER w, b.own_end) END, b.deleted_at) AS ended_at,
           lead(b.id) OVER w IS NULL AS is_last,
           min(b.started_at) OVER c AS chain_start,
           min(o.due_day) OVER c AS overdue_since
    FROM begun b
    LEFT JOIN overdue o ON o.subscription_id = b.id
    WINDOW w AS (PARTITION BY b.customer_id, b.subscription_id, b.chain ORDER BY b.started_at, b.id),
           c AS (PARTITION BY b.customer_id, b.subscription_id, b.chain)
), listed AS (          -- with the plan, and the end of the trial
    SELECT c.*, p.name::text AS product, p.code::text AS plan, p.amount_currency::text AS currency, i.billing_interval,
           @extschema@.price_per_month(@extschema@.from_minor_units(p.amount_cents::numeric, p.amount_currency::text, option.minor_units), i.billing_interval) AS list_mrr,
           coalesce(c.trial_ended_at, ((c.chain_start AT TIME ZONE option.time_zone) + CASE WHEN %8$s > 0 AND %8$s <> 'NaN' THEN least(%8$s, 1000000)::double precision END * make_interval(days => 1)) AT TIME ZONE option.time_zone) AS trial_end
    FROM chained c
    JOIN %1$I.plans p ON p.id = c.plan_id
    CROSS JOIN LATERAL (SELECT CASE p.interval WHEN 0 THEN make_interval(days => 7) WHEN 1 THEN make_interval(months => 1) WHEN 2 THEN make_interval(months => 12)
                                               WHEN 3 THEN make_interval(months => 3) WHEN 4 THEN make_interval(months => 6) END AS billing_interval) i
    CROSS JOIN %2$s
), known AS (           -- with what is known of the whole chain
    SELECT r.*,
           max(r.ended_at) FILTER (WHERE r.is_last) OVER c AS chain_end,
           max(r.canceled_at) FILTER (WHERE r.is_last) OVER c AS chain_canceled_at,
           min(r.started_at) FILTER (WHERE r.trial_end > r.started_at) OVER c AS trial_started_at,
           max(least(r.trial_end, r.ended_at)) FILTER (WHERE r.trial_end > r.started_at) OVER c AS trial_stopped_at,
           first_value(CASE WHEN r.ended_at <= now() THEN 'canceled' WHEN r.trial_end > now() THEN 'trialing' WHEN r.overdue_since IS NOT NULL THEN 'past_due' ELSE 'active' END)
               OVER (PARTITION BY r.customer_id, r.subscription_id ORDER BY r.started_at DESC, r.id DESC) AS state
    FROM listed r
    WINDOW c AS (PARTITION BY r.customer_id, r.subscription_id, r.chain)
), pieces AS (          -- the trial and the paid part of each row, with the end as it is recognised
    SELECT k.id, k.customer_id, k.subscription_id, k.chain, k.chain_start, k.chain_end, k.product, k.plan, k.currency, k.billing_interval, k.list_mrr, k.state,
           k.trial_started_at, k.trial_stopped_at, k.chain_canceled_at, x.on_trial, x.started_at,
           least(CASE WHEN option.recognition = 'period_end' AND k.is_last AND NOT x.on_trial AND (x.ended_at < k.trial_stopped_at + interval '1 hour') IS NOT TRUE
                      THEN @extschema@.billing_period_end(CASE WHEN k.by_anniversary THEN coalesce(k.anniversary, k.chain_start)
                                                   ELSE date_trunc(CASE WHEN k.billing_interval < make_interval(months => 1) THEN 'week' ELSE 'year' END, k.started_at AT TIME ZONE option.time_zone)
                                                        AT TIME ZONE option.time_zone END, x.ended_at, k.billing_interval, option.time_zone)
                      ELSE x.ended_at END,
                 CASE WHEN option.recognition = 'canceled' THEN k.chain_canceled_at END,
                 CASE WHEN NOT x.on_trial THEN ((k.overdue_since + 1)::timestamp + option.past_due) AT TIME ZONE option.time_zone END) AS ended_at
    FROM known k
    CROSS JOIN LATERAL (VALUES (k.started_at, least(coalesce(k.trial_end, k.started_at), k.ended_at), true),
                               (greatest(k.started_at, k.trial_end), k.ended_at, false)) AS x (started_at, ended_at, on_trial)
    CROSS JOIN %2$s
    WHERE (x.ended_at IS NULL OR x.ended_at > x.started_at) AND (x.on_trial OR k.trial_end IS NULL OR k.trial_end <= now())
)%9$s, priced AS (
    %10$s
), marked AS (          -- where a stretch differs from the one before it
    SELECT p.*,
           lag(p.slice_end) OVER w IS DISTINCT FROM p.slice_start
           OR (lag(p.product) OVER w, lag(p.plan) OVER w, lag(p.currency) OVER w, lag(p.billing_interval) OVER w, lag(p.mrr) OVER w, lag(p.on_trial) OVER w, lag(p.chain) OVER w)
               IS DISTINCT FROM (p.product, p.plan, p.currency, p.billing_interval, p.mrr, p.on_trial, p.chain) AS differs
    FROM priced p
    WHERE p.slice_end IS NULL OR p.slice_end > p.slice_start
    WINDOW w AS (PARTITION BY p.customer_id, p.subscription_id ORDER BY p.slice_start, p.on_trial DESC, p.id)
), numbered AS (
    SELECT m.*, count(*) FILTER (WHERE m.differs) OVER (PARTITION BY m.customer_id, m.subscription_id ORDER BY m.slice_start, m.on_trial DESC, m.id) AS n
    FROM marked m
)
SELECT m.customer_id, m.subscription_id, m.product, m.plan, m.currency, m.billing_interval, 1::numeric AS quantity,
       min(m.slice_start) AS started_at, nullif(max(coalesce(m.slice_end, 'infinity')), 'infinity') AS ended_at, m.mrr, m.state AS status,
       m.trial_started_at, m.trial_stopped_at AS trial_ended_at, m.chain_canceled_at AS canceled_at, NULL::text AS cancel_reason, m.on_trial
FROM numbered m
GROUP BY m.customer_id, m.subscription_id, m.n, m.product, m.plan, m.currency, m.billing_interval, m.mrr, m.state,
         m.trial_started_at, m.trial_stopped_at, m.chain_canceled_at, m.on_trial
$query$, source_schema, option,
        CASE WHEN @extschema@.source_column(source_schema, 'subscriptions'::name, 'ending_at'::text) IS NULL THEN 'NULL::timestamp' ELSE 's.ending_at' END,
        CASE WHEN @extschema@.source_column(source_schema, 'subscriptions'::name, 'trial_ended_at'::text) IS NULL THEN 'NULL::timestamp' ELSE 's.trial_ended_at' END,
        CASE WHEN @extschema@.source_column(source_schema, 'subscriptions'::name, 'billing_time'::text) IS NULL THEN '0' ELSE 's.billing_time' END,
        CASE WHEN @extschema@.source_column(source_schema, 'subscriptions'::name, 'subscription_at'::text) IS NULL THEN 'NULL::timestamp' ELSE 's.subscription_at' END,
        overdue,
        CASE WHEN @extschema@.source_column(source_schema, 'plans'::name, 'trial_period'::text) IS NULL THEN 'NULL::numeric' ELSE 'p.trial_period::numeric' END,
        CASE WHEN has_coupons THEN format($runs$, coupons AS (
    -- discounts of customers; an amount comes off once, from the subscription that was there first
    SELECT a.id, a.customer_id::text AS customer_id, @extschema@.bounded_moment(a.created_at AT TIME ZONE 'UTC') AS starts_at, a.amount_cents::numeric AS amount_cents, a.amount_currency::text AS currency,
           CASE WHEN a.percentage_rate >= 0 AND a.percentage_rate::numeric < 'Infinity' THEN least(a.percentage_rate::numeric, 100) WHEN a.percentage_rate IS NOT NULL THEN 0 END AS percentage,
           CASE WHEN a.frequency = 0 THEN 1 WHEN a.frequency = 1 AND a.frequency_duration IS NOT NULL THEN least(greatest(a.frequency_duration, 0), 12000)::integer END AS periods,
           CASE WHEN a.frequency = 2 OR a.status = 1 AND a.frequency_duration_remaining > 0 THEN @extschema@.bounded_moment(a.terminated_at AT TIME ZONE 'UTC') END AS taken_away_at
    FROM %1$I.applied_coupons a
    %3$s
    CROSS JOIN %2$s
    WHERE (option.discounts = 'all' OR option.discounts = 'forever' AND a.frequency = 2)%4$s
), targets AS (
    SELECT DISTINCT ON (c.id) c.id, p.subscription_id, p.chain
    FROM coupons c
    JOIN pieces p ON p.customer_id = c.customer_id AND upper(p.currency) = upper(c.currency) AND (p.chain_end IS NULL OR p.chain_end > c.starts_at)
    WHERE c.percentage IS NULL
    ORDER BY c.id, p.chain_start, p.subscription_id
), runs AS (            -- the discounts of each piece
    SELECT p.id, p.on_trial, p.started_at, p.ended_at, c.percentage, c.starts_at,
           least(c.taken_away_at, @extschema@.bounded_moment(((c.starts_at AT TIME ZONE option.time_zone) + c.periods * p.billing_interval) AT TIME ZONE option.time_zone)) AS ends_at,
           CASE WHEN c.percentage IS NULL THEN @extschema@.price_per_month(@extschema@.from_minor_units(c.amount_cents, c.currency, option.minor_units), p.billing_interval) END AS amount
    FROM pieces p
    JOIN coupons c ON c.customer_id = p.customer_id
    LEFT JOIN targets t ON t.id = c.id
    CROSS JOIN %2$s
    WHERE c.percentage IS NOT NULL OR (t.subscription_id, t.chain) = (p.subscription_id, p.chain)
)$runs$, source_schema, option,
            CASE WHEN has_limits THEN format('LEFT JOIN %I.coupons l ON l.id = a.coupon_id', source_schema) ELSE '' END,
            CASE WHEN has_limits THEN ' AND l.limited_plans IS NOT TRUE AND l.limited_billable_metrics IS NOT TRUE' ELSE '' END) ELSE '' END,
        priced);
END;
$function$;
COMMENT ON FUNCTION lago_query(name, text) IS 'internal: the query of subscription rows from Lago''s tables';
