-- Subscription rows from Stripe as Fivetran replicates it. See docs/providers/stripe_fivetran.md.
--since 0.3.0

CREATE FUNCTION stripe_fivetran_needs() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT $needs$
    subscription_history|subscription id any_text                                          # the subscription
    subscription_history|subscription customer_id any_text                                 # the customer
    subscription_history|subscription status any_text                                      # paid, on trial, past due, unpaid, paused, ended
    subscription_history|subscription start_date_1|start_date|created timestamp_with_time_zone  # the start
    subscription_history|subscription ended_at timestamp_with_time_zone                    # the end of service
    subscription_history|subscription canceled_at timestamp_with_time_zone                 # when the customer cancelled
    subscription_history|subscription trial_start timestamp_with_time_zone                 # the trial
    subscription_history|subscription trial_end timestamp_with_time_zone                   # the trial
    subscription_history|subscription cancel_at timestamp_with_time_zone optional          # a scheduled end
    subscription_history|subscription cancel_at_period_end boolean optional                # a scheduled end
    subscription_history|subscription current_period_start timestamp_with_time_zone optional  # since when past due, where no record says so
    subscription_history|subscription current_period_end timestamp_with_time_zone optional # a scheduled end, recognition at the period's end
    subscription_history|subscription pause_collection_behavior any_text optional          # pauses
    subscription_history|subscription pause_collection_resumes_at timestamp_with_time_zone optional  # the end of a pause
    subscription_history|subscription cancellation_details_reason|cancellation_reason any_text optional  # the reason
    subscription_history|subscription _fivetran_start timestamp_with_time_zone optional    # from when a record of the history holds
    subscription_history|subscription _fivetran_end timestamp_with_time_zone optional      # the end of a record that was deleted at Stripe
    subscription_history|subscription _fivetran_active boolean optional                    # the record that holds today
    subscription_history|subscription _fivetran_deleted boolean optional                   # rows deleted at Stripe
    subscription_history|subscription _fivetran_synced timestamp_with_time_zone optional   # when they were
    subscription_item id any_text                                                          # the items
    subscription_item subscription_id any_text                                             # whose they are
    subscription_item price_id|plan_id any_text                                            # the price
    subscription_item quantity any_number                                                  # the quantity
    subscription_item created timestamp_with_time_zone optional                            # since when the item is there
    subscription_item current_period_start timestamp_with_time_zone optional               # the billing period, where the subscription does not say
    subscription_item current_period_end timestamp_with_time_zone optional                 # the billing period, where the subscription does not say
    subscription_item _fivetran_deleted boolean optional                                   # items deleted at Stripe
    subscription_item _fivetran_synced timestamp_with_time_zone optional                   # since when a price or quantity holds that was not billed yet
    subscription_item_history id any_text optional_table                                   # price and quantity history of items
    subscription_item_history subscription_id any_text optional_table                      # price and quantity history of items
    subscription_item_history price_id|plan_id any_text optional_table                     # price and quantity history of items
    subscription_item_history quantity any_number optional_table                           # price and quantity history of items
    subscription_item_history _fivetran_start timestamp_with_time_zone optional_table      # price and quantity history of items
    subscription_item_history _fivetran_end timestamp_with_time_zone optional_table        # price and quantity history of items
    subscription_item_history _fivetran_active boolean optional_table                      # price and quantity history of items
    subscription_item_history created timestamp_with_time_zone optional                    # since when the item is there
    price|plan id any_text                                                                 # the price
    price|plan currency any_text                                                           # the price
    price|plan unit_amount|amount any_number                                               # the price
    price|plan unit_amount_decimal|amount_decimal any_text,any_number optional             # the price, in fractions of a minor unit
    price|plan recurring_interval|interval any_text                                        # the billing interval
    price|plan recurring_interval_count|interval_count any_number                          # the billing interval
    price|plan recurring_usage_type|usage_type any_text optional                           # metered prices
    price|plan type any_text optional                                                      # one-time prices
    price|plan transform_quantity_divide_by any_number optional                            # prices per package
    price|plan transform_quantity_round any_text optional                                  # prices per package
    price|plan nickname any_text optional                                                  # the plan's name
    price|plan product_id any_text optional                                                # the product
    product id any_text optional_table                                                     # the product's name
    product name any_text optional_table                                                   # the product's name
    customer id any_text optional_table                                                    # deleted customers
    customer is_deleted boolean optional_table                                             # deleted customers
    customer _fivetran_synced timestamp_with_time_zone optional_table                      # when they were deleted
    invoice_line_item invoice_id any_text optional_table                                   # price and quantity history
    invoice_line_item subscription_id any_text optional_table                              # price and quantity history
    invoice_line_item subscription_item_id any_text optional_table                         # price and quantity history
    invoice_line_item price_id|plan_id any_text optional_table                             # price and quantity history
    invoice_line_item quantity any_number optional_table                                   # price and quantity history
    invoice_line_item amount any_number optional_table                                     # credits of prorations; tiered prices, other currencies
    invoice_line_item currency any_text optional_table                                     # prices with several currencies
    invoice_line_item period_start timestamp_with_time_zone optional_table                 # from when the price and quantity hold
    invoice_line_item period_end timestamp_with_time_zone optional_table                   # until when removed items were billed
    invoice_line_item proration boolean optional_table                                     # changes within a billing period
    invoice id any_text optional_table                                                     # the lines of void and deleted invoices do not count
    invoice status any_text optional_table                                                 # void invoices
    invoice is_deleted boolean optional                                                    # deleted invoices
    discount|subscription_discount subscription_id any_text optional_table                 # discounts of the subscription
    discount|subscription_discount coupon_id any_text optional_table                       # discounts
    discount|subscription_discount start timestamp_with_time_zone optional_table           # from when they hold
    discount|subscription_discount end timestamp_with_time_zone optional_table             # until when they hold
    discount|subscription_discount customer_id any_text optional                           # discounts of the customer
    discount|subscription_discount invoice_id any_text optional                            # discounts of one invoice do not count
    discount|subscription_discount invoice_item_id any_text optional                       # discounts of one invoice do not count
    discount|subscription_discount checkout_session_id|checkout_session any_text optional  # discounts of a checkout do not count
    coupon id any_text optional_table                                                      # discounts
    coupon duration any_text optional_table                                                # discounts that last
    coupon percent_off any_number optional_table                                           # discounts
    coupon amount_off any_number optional_table                                            # discounts
    coupon currency any_text optional_table                                                # discounts
    coupon duration_in_months any_number optional                                          # until when a discount holds that says no end
    $needs$
    $$;
COMMENT ON FUNCTION stripe_fivetran_needs() IS 'internal: what create_billing_views() reads of Stripe as Fivetran replicates it';

-- The parts of the query depend on the tables and columns that are there. An expression that nothing is there for is a NULL of its type.
CREATE FUNCTION stripe_fivetran_query(source_schema name, option text) RETURNS text LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $function$
DECLARE
    subscriptions name := @extschema@.source_table(source_schema, 'subscription_history|subscription'::text);
    prices name := @extschema@.source_table(source_schema, 'price|plan'::text);
    discounts name := @extschema@.source_table(source_schema, 'discount|subscription_discount'::text);
    has_history boolean;        -- records of subscriptions
    has_item_history boolean;   -- records of items
    has_lines boolean;          -- lines of invoices
    has_invoices boolean;
    has_discounts boolean;
    spec text[];
    expression text;
    of jsonb := '{}';           -- the expressions by name
    digits text := $sql$('{"ISK": 2, "UGX": 2, "MGA": 0}'::jsonb || coalesce(option.minor_units, '{}'::jsonb))$sql$;
    made text;
BEGIN
    -- Name, alias, table, columns of which the first that is not NULL counts, type.
    FOREACH spec SLICE 1 IN ARRAY ARRAY[
        ['started', 's', subscriptions, 'start_date_1|start_date|created', 'timestamptz'],
        ['ended_at', 's', subscriptions, 'ended_at', 'timestamptz'],
        ['canceled_at', 's', subscriptions, 'canceled_at', 'timestamptz'],
        ['trial_start', 's', subscriptions, 'trial_start', 'timestamptz'],
        ['trial_end', 's', subscriptions, 'trial_end', 'timestamptz'],
        ['cancel_at', 's', subscriptions, 'cancel_at', 'timestamptz'],
        ['cancel_at_period_end', 's', subscriptions, 'cancel_at_period_end', 'boolean'],
        ['period_start', 's', subscriptions, 'current_period_start', 'timestamptz'],
        ['period_end', 's', subscriptions, 'current_period_end', 'timestamptz'],
        ['pause', 's', subscriptions, 'pause_collection_behavior', 'text'],
        ['resumes_at', 's', subscriptions, 'pause_collection_resumes_at', 'timestamptz'],
        ['reason', 's', subscriptions, 'cancellation_details_reason|cancellation_reason', 'text'],
        ['seen', 's', subscriptions, '_fivetran_start', 'timestamptz'],
        ['seen_until', 's', subscriptions, '_fivetran_end', 'timestamptz'],
        ['active', 's', subscriptions, '_fivetran_active', 'boolean'],
        ['deleted', 's', subscriptions, '_fivetran_deleted', 'boolean'],
        ['synced', 's', subscriptions, '_fivetran_synced', 'timestamptz'],
        ['item_price', 'i', 'subscription_item', 'price_id|plan_id', 'text'],
        ['item_created', 'i', 'subscription_item', 'created', 'timestamptz'],
        ['item_period_start', 'i', 'subscription_item', 'current_period_start', 'timestamptz'],
        ['item_period_end', 'i', 'subscription_item', 'current_period_end', 'timestamptz'],
        ['item_deleted', 'i', 'subscription_item', '_fivetran_deleted', 'boolean'],
        ['item_synced', 'i', 'subscription_item', '_fivetran_synced', 'timestamptz'],
        ['item_seen', 'i', 'subscription_item_history', '_fivetran_start', 'timestamptz'],
        ['item_seen_until', 'i', 'subscription_item_history', '_fivetran_end', 'timestamptz'],
        ['item_history_price', 'i', 'subscription_item_history', 'price_id|plan_id', 'text'],
        ['item_history_created', 'i', 'subscription_item_history', 'created', 'timestamptz'],
        ['unit', 'p', prices, 'unit_amount_decimal|amount_decimal|unit_amount|amount', 'numeric'],
        ['interval', 'p', prices, 'recurring_interval|interval', 'text'],
        ['interval_count', 'p', prices, 'recurring_interval_count|interval_count', 'numeric'],
        ['usage', 'p', prices, 'recurring_usage_type|usage_type', 'text'],
        ['type', 'p', prices, 'type', 'text'],
        ['divide_by', 'p', prices, 'transform_quantity_divide_by', 'numeric'],
        ['round', 'p', prices, 'transform_quantity_round', 'text'],
        ['nickname', 'p', prices, 'nickname', 'text'],
        ['product_id', 'p', prices, 'product_id', 'text'],
        ['product_name', 'o', 'product', 'name', 'text'],
        ['customer_deleted', 'c', 'customer', 'is_deleted', 'boolean'],
        ['customer_synced', 'c', 'customer', '_fivetran_synced', 'timestamptz'],
        ['line_item', 'l', 'invoice_line_item', 'subscription_item_id', 'text'],
        ['line_price', 'l', 'invoice_line_item', 'price_id|plan_id', 'text'],
        ['line_start', 'l', 'invoice_line_item', 'period_start', 'timestamptz'],
        ['line_end', 'l', 'invoice_line_item', 'period_end', 'timestamptz'],
        ['invoice_status', 'v', 'invoice', 'status', 'text'],
        ['invoice_deleted', 'v', 'invoice', 'is_deleted', 'boolean'],
        ['discount_start', 'd', discounts, 'start', 'timestamptz'],
        ['discount_end', 'd', discounts, 'end', 'timestamptz'],
        ['discount_customer', 'd', discounts, 'customer_id', 'text'],
        ['discount_invoice', 'd', discounts, 'invoice_id', 'text'],
        ['discount_invoice_item', 'd', discounts, 'invoice_item_id', 'text'],
        ['discount_checkout', 'd', discounts, 'checkout_session_id|checkout_session', 'text'],
        ['coupon_duration', 'k', 'coupon', 'duration', 'text'],
        ['coupon_months', 'k', 'coupon', 'duration_in_months', 'numeric']]
    LOOP
        SELECT string_agg(CASE WHEN spec[5] = 'numeric' AND @extschema@.type_serves(@extschema@.source_column_type(source_schema, spec[3]::name, a.name::name), 'text'::text)
                               THEN format('@extschema@.text_number(%I.%I::text)', spec[2], a.name) ELSE format('%I.%I::%s', spec[2], a.name, spec[5]) END, ', ' ORDER BY a.n) INTO expression
        FROM string_to_table(spec[4], '|') WITH ORDINALITY AS a (name, n)
        WHERE @extschema@.source_column(source_schema, spec[3]::name, a.name) IS NOT NULL
          AND (spec[5] <> 'timestamptz' OR @extschema@.source_column_type(source_schema, spec[3]::name, a.name::name) = 'timestamp with time zone');
        of := of || jsonb_build_object(spec[1], CASE WHEN expression IS NULL THEN format('NULL::%s', spec[5]) WHEN spec[5] = 'timestamptz' THEN format('@extschema@.bounded_moment(coalesce(%s))', expression)
                                                                   ELSE format('coalesce(%s)', expression) END,
                                       'has_' || spec[1], expression IS NOT NULL);
    END LOOP;
    has_history := (of ->> 'has_seen')::boolean;
    has_item_history := (of ->> 'has_item_seen')::boolean;
    has_lines := (of ->> 'has_line_item')::boolean;
    has_invoices := (of ->> 'has_invoice_status')::boolean;
    has_discounts := (of ->> 'has_discount_start')::boolean AND (of ->> 'has_coupon_duration')::boolean;

    -- The records of each subscription, in order: the last of them holds today. Only those are kept that begin a state, are the last of a trial, or of all.
    -- Identifiers are compared by the collation "C" throughout: it sorts several times faster.
    made := format($sql$
    WITH record AS (
        SELECT *
        FROM (SELECT *, row_number() OVER w AS n, lead(id) OVER w IS NULL AS latest, lead(trial_start) OVER w IS DISTINCT FROM trial_start AS last_of_trial,
                     (state, resumes_at) IS DISTINCT FROM (lag(state) OVER w, lag(resumes_at) OVER w) AS changed
              FROM (SELECT *, CASE WHEN status IN ('canceled', 'incomplete', 'incomplete_expired', 'unpaid') THEN status WHEN status = 'paused' OR (pause AND status <> 'trialing') THEN 'paused'
                                   WHEN status IN ('past_due', 'trialing') THEN status ELSE 'active' END AS state
                    FROM (SELECT s.id::text COLLATE "C" AS id, s.customer_id::text COLLATE "C" AS customer_id, s.status::text COLLATE "C" AS status, %2$s AS started, %3$s AS seen, coalesce(%4$s, true) AS active,
                                 CASE WHEN %4$s = false AND %5$s < timestamptz '9999-01-01 00:00:00+00' THEN %5$s WHEN %6$s THEN coalesce(%7$s, %2$s) END AS gone_at,
                                 %16$s AS ended_at, %17$s AS canceled_at, %8$s AS cancel_at, coalesce(%9$s, false) AS cancel_at_period_end, %10$s AS period_start, %11$s AS period_end,
                                 %18$s AS trial_start, %19$s AS trial_end, %12$s IS NOT NULL AS pause, %13$s AS resumes_at, %14$s AS reason
                          FROM %1$I.%15$I s
                          WHERE s.id IS NOT NULL) s) s
              WINDOW w AS (PARTITION BY id ORDER BY active, seen)) r
        WHERE latest OR changed OR last_of_trial
    )$sql$,
        source_schema, of ->> 'started', of ->> 'seen', of ->> 'active', of ->> 'seen_until', of ->> 'deleted', of ->> 'synced', of ->> 'cancel_at', of ->> 'cancel_at_period_end',
        of ->> 'period_start', of ->> 'period_end', of ->> 'pause', of ->> 'resumes_at', of ->> 'reason', subscriptions,
        of ->> 'ended_at', of ->> 'canceled_at', of ->> 'trial_start', of ->> 'trial_end');

    -- ends_at: the end of service; counts_until: the end by the option recognition, the end of service of what ends on trial or just after.
    made := made || format($sql$,
    item_period AS (
        SELECT i.subscription_id::text COLLATE "C" AS id, max(%2$s) AS period_start, max(%3$s) AS period_end FROM %1$I.subscription_item i
        WHERE %2$s IS NOT NULL OR %3$s IS NOT NULL GROUP BY 1
    ), subscription AS (
        SELECT h.*,
               CASE WHEN h.ends_at < h.trial_end + interval '1 hour' AND h.ends_at >= h.trial_start THEN h.ends_at
                    WHEN option.recognition = 'canceled' AND h.canceled_at IS NOT NULL AND h.ends_at IS NOT NULL THEN least(h.ends_at, greatest(h.canceled_at, h.started))
                    WHEN option.recognition = 'period_end' AND h.ends_at IS NOT NULL THEN greatest(h.ends_at, h.period_end)
                    ELSE h.ends_at END AS counts_until,
               CASE WHEN h.status = 'canceled' OR h.ends_at <= now() THEN 'canceled' WHEN h.started > now() THEN 'future'
                    WHEN h.status IN ('trialing', 'unpaid') THEN h.status WHEN h.status = 'paused' OR (h.pause AND (h.resumes_at IS NULL OR h.resumes_at > now())) THEN 'paused'
                    WHEN h.status = 'past_due' THEN h.status ELSE 'active' END AS word
        FROM (SELECT r.id, r.customer_id, r.status, r.started, r.seen, r.canceled_at, r.trial_start, r.trial_end, r.pause, r.resumes_at, r.reason,
                     coalesce(r.period_start, p.period_start) AS period_start, coalesce(r.period_end, p.period_end) AS period_end,
                     CASE WHEN e.ends_at < r.started THEN r.started ELSE e.ends_at END AS ends_at
              FROM (SELECT DISTINCT ON (id) * FROM record WHERE latest ORDER BY id) r
                   LEFT JOIN item_period p ON p.id = r.id
                   %4$s
                   CROSS JOIN LATERAL (SELECT CASE WHEN r.status = 'canceled' THEN coalesce(r.ended_at, r.canceled_at, r.gone_at, r.seen, r.period_end, p.period_end)
                       ELSE least(r.ended_at, r.cancel_at, CASE WHEN r.cancel_at_period_end THEN coalesce(r.period_end, p.period_end) END, r.gone_at,
                                  CASE WHEN %5$s THEN coalesce(%6$s, r.period_end, p.period_end) END) END AS ends_at) e
              WHERE r.status NOT IN ('incomplete', 'incomplete_expired') AND r.started IS NOT NULL) h CROSS JOIN %7$s
    )$sql$,
        source_schema, of ->> 'item_period_start', of ->> 'item_period_end',
        CASE WHEN (of ->> 'has_customer_deleted')::boolean THEN format('LEFT JOIN (SELECT * FROM %I.customer WHERE is_deleted) c ON c.id::text COLLATE "C" = r.customer_id', source_schema) ELSE '' END,
        of ->> 'customer_deleted', of ->> 'customer_synced', option);

    -- The trials: a later one of the same subscription has another start.
    made := made || $sql$,
    trial AS (
        SELECT t.id, t.trial_start AS since, least(t.trial_end, s.ends_at, lead(t.trial_start) OVER (PARTITION BY t.id ORDER BY t.trial_start)) AS until
        FROM record t JOIN subscription s ON s.id = t.id
        WHERE t.last_of_trial AND t.trial_end > t.trial_start
    )$sql$;

    -- The states. The first record holds from the start; of past due, unpaid and paused it is known only that they hold in the billing period, so it was active before.
    -- What follows a trial follows at the trial's end, however late it was seen. A cancellation is an end, not a state.
    made := made || format($sql$,
    known AS (
        SELECT r.id, r.seen, r.trial_end, r.resumes_at, s.started, r.state, coalesce(r.period_start, CASE WHEN r.latest THEN s.period_start END, r.seen) AS period_start,
               row_number() OVER w AS n, lag(r.state) OVER w AS state_before, lag(r.seen) OVER w AS seen_before, lead(r.seen) OVER w AS seen_next
        FROM record r JOIN subscription s ON s.id = r.id
        WHERE r.changed AND r.state NOT IN ('incomplete', 'incomplete_expired', 'canceled')
        WINDOW w AS (PARTITION BY r.id ORDER BY r.seen)
    ), event AS (
        SELECT k.id, e.at, e.state, k.seen, e.n
        FROM known k CROSS JOIN LATERAL (VALUES
            (1, CASE WHEN k.n = 1 THEN k.started END, CASE WHEN k.state IN ('past_due', 'unpaid', 'paused') THEN 'active' ELSE k.state END),
            (2, CASE WHEN k.n > 1 AND k.state_before = 'trialing' AND k.trial_end <= k.seen THEN greatest(k.trial_end, k.seen_before)
                     WHEN k.n > 1 THEN k.seen
                     WHEN k.state IN ('past_due', 'unpaid', 'paused') THEN greatest(k.started, least(k.seen,
                         CASE WHEN k.state = 'paused' AND k.trial_end > k.period_start AND k.trial_end <= coalesce(k.seen, now()) THEN k.trial_end ELSE coalesce(k.period_start, k.started) END)) END, k.state),
            (3, CASE WHEN k.state = 'paused' AND k.resumes_at < coalesce(k.seen_next, 'infinity') AND k.resumes_at > coalesce(k.seen, k.started) THEN k.resumes_at END, 'active')) AS e (n, at, state)
        WHERE e.at IS NOT NULL
        UNION ALL
        SELECT s.id, s.started, 'active', s.seen, 1
        FROM subscription s JOIN record r ON r.id = s.id
        WHERE r.n = 1 AND r.state = 'canceled'
    ), state AS (
        SELECT t.id, t.state, t.since, CASE WHEN t.state = 'past_due' AND option.past_due IS NOT NULL
                   THEN least(t.until, ((t.since AT TIME ZONE option.time_zone) + option.past_due) AT TIME ZONE option.time_zone) ELSE t.until END AS until
        FROM (SELECT c.id, c.state, c.at AS since, coalesce(lead(c.at) OVER (PARTITION BY c.id ORDER BY c.at, c.seen, c.n), 'infinity') AS until
              FROM (SELECT *, lag(state) OVER (PARTITION BY id ORDER BY at, seen, n) AS state_before FROM event) c
              WHERE c.state IS DISTINCT FROM c.state_before) t CROSS JOIN %1$s
        WHERE t.since < t.until AND t.state <> 'unpaid'
    )$sql$, option);

    -- The prices: metered for all that has no amount in advance.
    made := made || format($sql$,
    price AS (
        SELECT p.id::text COLLATE "C" AS id, p.currency::text COLLATE "C" AS currency, @extschema@.from_minor_units(u.unit, p.currency::text, %3$s) AS unit, b.billing_interval, %4$s AS divide_by, %5$s AS round,
               coalesce(%6$s = 'metered', false) OR coalesce(%7$s = 'one_time', false) AS metered, coalesce(nullif(%8$s, ''), p.id::text COLLATE pg_catalog."default") AS plan, %9$s AS product
        FROM %1$I.%10$I p %11$s CROSS JOIN %12$s
             CROSS JOIN LATERAL (SELECT %2$s AS unit, @extschema@.whole_count(%14$s) AS periods) n
             CROSS JOIN LATERAL (SELECT CASE WHEN n.unit >= 0 AND n.unit < 'Infinity' THEN n.unit END AS unit) u
             CROSS JOIN LATERAL (SELECT CASE %13$s WHEN 'day' THEN make_interval(days => n.periods) WHEN 'week' THEN make_interval(days => 7 * n.periods)
                 WHEN 'month' THEN make_interval(months => n.periods) WHEN 'year' THEN make_interval(months => 12 * n.periods) END AS billing_interval) b
    )$sql$,
        source_schema, of ->> 'unit', digits, of ->> 'divide_by', of ->> 'round', of ->> 'usage', of ->> 'type', of ->> 'nickname',
        CASE WHEN (of ->> 'has_product_name')::boolean THEN format('coalesce(nullif(%s, ''''), %s)', of ->> 'product_name', of ->> 'product_id') ELSE of ->> 'product_id' END, prices,
        CASE WHEN (of ->> 'has_product_name')::boolean THEN format('LEFT JOIN %I.product o ON o.id::text = %s', source_schema, of ->> 'product_id') ELSE '' END, option,
        of ->> 'interval', of ->> 'interval_count');

    -- The items: since when each has which price and quantity. amount: what a full period was billed at, where the price does not say.
    IF has_item_history THEN
        made := made || format($sql$,
    item_event AS (
        SELECT i.id::text COLLATE "C" AS item_id, i.subscription_id::text COLLATE "C" AS subscription_id, %4$s AS at, 0 AS n, %2$s COLLATE "C" AS price_id, coalesce(i.quantity::numeric, 1) AS quantity,
               NULL::numeric AS amount, NULL::text COLLATE "C" AS currency, false AS credit, %3$s AS born_at, bool_or(i._fivetran_active) OVER (PARTITION BY i.id) AS current, %5$s AS until
        FROM %1$I.subscription_item_history i
    )$sql$, source_schema, of ->> 'item_history_price', of ->> 'item_history_created', of ->> 'item_seen', of ->> 'item_seen_until');
    ELSE
        made := made || format($sql$,
    item AS (
        SELECT i.id::text COLLATE "C" AS id, i.subscription_id::text COLLATE "C" AS subscription_id, %2$s COLLATE "C" AS price_id, coalesce(i.quantity::numeric, 1) AS quantity, %3$s AS born_at, %4$s AS synced_at
        FROM %1$I.subscription_item i
        WHERE %5$s IS NOT TRUE
    )$sql$, source_schema, of ->> 'item_price', of ->> 'item_created', of ->> 'item_synced', of ->> 'item_deleted');
        IF has_lines THEN
            -- One line per item and moment: the charge of a proration before the line of a full period, a credit only where nothing else is.
            -- Of those only the changes are kept. The lines of a tier are added up.
            made := made || format($sql$,
    line AS (
        SELECT l.subscription_item_id::text COLLATE "C" AS item_id, l.subscription_id::text COLLATE "C" AS subscription_id, %2$s COLLATE "C" AS price_id, l.invoice_id::text COLLATE "C" AS invoice_id,
               %6$s AS at, %7$s AS until, l.quantity::numeric AS quantity, l.amount::numeric AS amount, l.currency::text COLLATE "C" AS currency,
               CASE WHEN l.proration IS NOT TRUE THEN 2 WHEN l.amount > 0 THEN 1 WHEN l.amount = 0 THEN 3 ELSE 4 END AS rank
        FROM %1$I.invoice_line_item l
        WHERE l.subscription_item_id IS NOT NULL AND l.period_start IS NOT NULL AND %2$s IS NOT NULL %3$s
    ), priced AS (
        SELECT l.item_id, l.subscription_id, l.price_id, l.at, l.until, coalesce(l.quantity, 1) AS quantity, l.rank, false AS by_amount, NULL::numeric AS amount, NULL::text COLLATE "C" AS currency
        FROM line l LEFT JOIN price p ON p.id = l.price_id
        WHERE (NOT p.metered AND (p.unit IS NULL OR upper(p.currency) <> upper(l.currency))) IS NOT TRUE OR l.rank = 4
        UNION ALL
        SELECT g.item_id, g.subscription_id, g.price_id, g.at, g.until, g.quantity, 2, true, @extschema@.from_minor_units(g.amount, g.currency, %4$s), g.currency
        FROM (SELECT l.item_id, l.subscription_id, l.price_id, l.at, l.currency, max(l.until) AS until, sum(l.quantity) AS quantity, sum(l.amount) AS amount, p.billing_interval,
                     row_number() OVER (PARTITION BY l.item_id, l.at ORDER BY l.invoice_id DESC) AS n
              FROM line l JOIN price p ON p.id = l.price_id
              WHERE NOT p.metered AND (p.unit IS NULL OR upper(p.currency) <> upper(l.currency)) AND l.rank = 2
              GROUP BY l.item_id, l.subscription_id, l.price_id, l.invoice_id, l.at, l.currency, p.billing_interval
              HAVING sum(l.amount) >= 0) g
             LEFT JOIN subscription s ON s.id = g.subscription_id CROSS JOIN %5$s
        WHERE g.n = 1 AND (g.at >= s.trial_start AND g.at < s.trial_end) IS NOT TRUE
          AND ((g.at AT TIME ZONE option.time_zone) + g.billing_interval) AT TIME ZONE option.time_zone <= g.until + interval '24 hours'
    ), billed AS (
        SELECT *
        FROM (SELECT *, rank = 4 AS credit, (price_id, quantity, amount, rank = 4) IS DISTINCT FROM (lag(price_id) OVER w, lag(quantity) OVER w, lag(amount) OVER w, lag(rank = 4) OVER w) AS changed,
                     max(until) OVER (PARTITION BY item_id) AS billed_until, max(at) FILTER (WHERE rank < 4) OVER (PARTITION BY item_id) AS billed_at
              FROM (SELECT *, lag(at) OVER (PARTITION BY item_id ORDER BY at, rank) IS DISTINCT FROM at AS chosen FROM priced) l
              WHERE chosen
              WINDOW w AS (PARTITION BY item_id ORDER BY at, rank)) l
        WHERE changed
    ), item_event AS (
        SELECT l.item_id, coalesce(i.subscription_id, l.subscription_id) AS subscription_id, l.at, 0 AS n, l.price_id, l.quantity, l.amount, l.currency, l.credit,
               i.born_at, i.id IS NOT NULL AS current, l.billed_until AS until
        FROM billed l LEFT JOIN item i ON i.id = l.item_id
        WHERE i.id IS NULL OR NOT l.credit
        UNION ALL
        SELECT i.id, i.subscription_id, greatest(l.billed_at, i.synced_at), 1, i.price_id, i.quantity, NULL, NULL, false, i.born_at, true, NULL
        FROM item i LEFT JOIN (SELECT DISTINCT ON (item_id) item_id, billed_at, price_id, quantity, by_amount FROM billed WHERE NOT credit ORDER BY item_id, at DESC) l ON l.item_id = i.id
        WHERE i.price_id IS DISTINCT FROM l.price_id OR (i.quantity <> l.quantity AND NOT l.by_amount)
    )$sql$,
                source_schema, of ->> 'line_price',
                CASE WHEN has_invoices THEN format('AND NOT EXISTS (SELECT FROM %I.invoice v WHERE v.id::text COLLATE "C" = l.invoice_id::text COLLATE "C" AND (v.status::text = ''void'' OR %s))',
                                                   source_schema, of ->> 'invoice_deleted') ELSE '' END, digits, option, of ->> 'line_start', of ->> 'line_end');
        ELSE
            made := made || $sql$,
    item_event AS (
        SELECT i.id AS item_id, i.subscription_id, i.synced_at AS at, 0 AS n, i.price_id, i.quantity, NULL::numeric AS amount, NULL::text COLLATE "C" AS currency, false AS credit,
               i.born_at, true AS current, NULL::timestamptz AS until
        FROM item i
    )$sql$;
        END IF;
    END IF;

    -- The items that were there first hold from the subscription's start. One that is there no more ends at its credit, else with what was billed of it;
    -- where no item of the subscription is left, the last ones end with the subscription.
    made := made || $sql$,
    piece AS (
        SELECT c.item_id, c.subscription_id, c.price_id, c.quantity, c.amount, c.currency,
               CASE WHEN c.first AND (c.born_at <= min(c.born_at) OVER s + interval '1 hour') IS NOT FALSE THEN '-infinity' WHEN c.first THEN c.born_at ELSE c.at END AS since,
               coalesce(lead(c.at) OVER i,
                        CASE WHEN c.current OR (NOT bool_or(c.current) OVER s AND c.billed_until >= max(c.billed_until) OVER s) THEN 'infinity' ELSE c.billed_until END, 'infinity') AS until,
               c.credit
        FROM (SELECT e.item_id, e.subscription_id, e.at, e.n, e.price_id, e.quantity, e.amount, e.currency, e.credit, e.current, lag(e.item_id) OVER w IS NULL AS first,
                     (e.price_id, e.quantity, e.amount, e.credit) IS DISTINCT FROM (lag(e.price_id) OVER w, lag(e.quantity) OVER w, lag(e.amount) OVER w, lag(e.credit) OVER w) AS changed,
                     least(e.born_at, min(e.at) OVER (PARTITION BY e.item_id)) AS born_at, max(e.until) OVER (PARTITION BY e.item_id) AS billed_until
              FROM item_event e WINDOW w AS (PARTITION BY e.item_id ORDER BY e.at, e.n)) c
        WHERE c.first OR c.changed
        WINDOW s AS (PARTITION BY c.subscription_id), i AS (PARTITION BY c.item_id ORDER BY c.at, c.n)
    )$sql$;

    -- Discounts of the subscription, and of the customer for where the subscription has none. One that holds once holds for a billing period.
    IF has_discounts THEN
        made := made || format($sql$,
    discount AS (
        SELECT DISTINCT d.id, d.of_customer, d.coupon_id, d.since, d.until, d.percent, d.amount, d.currency
        FROM (SELECT s.id, d.of_customer, d.coupon_id, t.since,
                     coalesce(least(d.until, CASE %3$s
                         WHEN 'once' THEN ((t.since AT TIME ZONE option.time_zone) + b.billing_interval) AT TIME ZONE option.time_zone
                         WHEN 'repeating' THEN ((d.since AT TIME ZONE option.time_zone) + make_interval(months => CASE WHEN %4$s IS NOT NULL THEN least(greatest(%4$s, 0), 12000)::integer END)) AT TIME ZONE option.time_zone END), 'infinity') AS until,
                     CASE WHEN k.percent_off >= 0 AND k.percent_off::numeric < 'Infinity' THEN least(k.percent_off::numeric, 100) END AS percent,
                     CASE WHEN k.amount_off >= 0 AND k.amount_off::numeric < 'Infinity' THEN @extschema@.from_minor_units(k.amount_off::numeric, k.currency::text, %5$s) END AS amount, k.currency::text COLLATE "C" AS currency
              FROM (SELECT d.subscription_id IS NULL AS of_customer, coalesce(d.subscription_id::text, %7$s) COLLATE "C" AS owner, d.coupon_id::text COLLATE "C" AS coupon_id, %11$s AS since, %12$s AS until
                    FROM %1$I.%2$I d WHERE %8$s IS NULL AND %9$s IS NULL AND %10$s IS NULL) d
                   JOIN %1$I.coupon k ON k.id::text COLLATE "C" = d.coupon_id
                   JOIN (SELECT id AS owner, false AS of_customer, id, started, trial_start, trial_end FROM subscription
                         UNION ALL SELECT customer_id, true, id, started, trial_start, trial_end FROM subscription) s ON s.owner = d.owner AND s.of_customer = d.of_customer
                   LEFT JOIN (SELECT x.subscription_id, min(p.billing_interval) AS billing_interval FROM piece x JOIN price p ON p.id = x.price_id GROUP BY 1) b ON b.subscription_id = s.id
                   CROSS JOIN LATERAL (SELECT CASE WHEN %3$s = 'once' AND d.since >= s.trial_start AND d.since < s.trial_end THEN s.trial_end
                                                   ELSE greatest(coalesce(d.since, s.started), s.started) END AS since) t
                   CROSS JOIN %6$s
              WHERE option.discounts = 'all' OR (option.discounts = 'forever' AND %3$s = 'forever')) d
        WHERE d.since < d.until
    )$sql$,
            source_schema, discounts, of ->> 'coupon_duration', of ->> 'coupon_months', digits, option, of ->> 'discount_customer', of ->> 'discount_invoice', of ->> 'discount_invoice_item',
            of ->> 'discount_checkout', of ->> 'discount_start', of ->> 'discount_end');
    END IF;

    -- Spans in which nothing of a subscription changes.
    made := made || format($sql$,
    span AS (
        SELECT b.id, b.at AS since, b.next AS until
        FROM (SELECT e.id, e.at, lead(e.at) OVER (PARTITION BY e.id ORDER BY e.at) AS next
              FROM (SELECT s.id, least(greatest(x.at, s.started), s.last_at) AS at
                    FROM (SELECT id, started, coalesce(greatest(counts_until, ends_at), 'infinity') AS last_at FROM subscription) s
                         JOIN (SELECT id, since AS at FROM state UNION ALL SELECT id, until FROM state
                               UNION ALL SELECT id, since FROM trial UNION ALL SELECT id, until FROM trial
                               UNION ALL SELECT id, ends_at FROM subscription WHERE ends_at IS NOT NULL UNION ALL SELECT id, counts_until FROM subscription WHERE counts_until <> ends_at
                               UNION ALL SELECT subscription_id, since FROM piece WHERE since > '-infinity' UNION ALL SELECT subscription_id, until FROM piece WHERE until < 'infinity'
                               %1$s) x ON x.id = s.id) e) b
        WHERE b.at < b.next
    ), cell AS (
        SELECT c.*, bool_or(NOT c.metered) OVER m AS has_licensed, min(c.item_id) OVER m AS first_item %2$s
        FROM (SELECT n.id, n.since, n.until, i.item_id, i.price_id, i.quantity, coalesce(i.currency, p.currency) AS currency, p.billing_interval, coalesce(p.metered, false) AS metered,
                     t.id IS NOT NULL AS on_trial, coalesce(x.state = 'paused', false) AND t.id IS NULL AND option.pauses <> 'keep' AS paused,
                     @extschema@.price_per_month(CASE WHEN i.currency IS NOT NULL THEN i.amount
                                         WHEN p.divide_by > 0 THEN p.unit * (CASE WHEN i.quantity < 0 THEN NULL WHEN p.round = 'down' THEN floor(i.quantity / p.divide_by) ELSE ceil(i.quantity / p.divide_by) END)
                                         WHEN i.quantity >= 0 THEN p.unit * i.quantity END, p.billing_interval) AS mrr %3$s
              FROM span n JOIN subscription s ON s.id = n.id
                   JOIN piece i ON i.subscription_id = n.id AND i.since <= n.since AND n.since < i.until AND NOT i.credit
                   LEFT JOIN state x ON x.id = n.id AND x.since <= n.since AND n.since < x.until
                   LEFT JOIN trial t ON t.id = n.id AND t.since <= n.since AND n.since < t.until
                   LEFT JOIN price p ON p.id = i.price_id
                   %4$s
                   CROSS JOIN %5$s
              WHERE t.id IS NOT NULL OR (n.since < coalesce(s.counts_until, 'infinity') AND x.id IS NOT NULL AND (x.state <> 'trialing' OR s.status <> 'trialing'))) c
        WINDOW m AS (PARTITION BY c.id, c.since)
    )$sql$,
        CASE WHEN has_discounts THEN 'UNION ALL SELECT id, since FROM discount UNION ALL SELECT id, until FROM discount' ELSE '' END,
        CASE WHEN has_discounts THEN ', sum(c.mrr * c.rest) FILTER (WHERE NOT c.metered) OVER m AS total' ELSE '' END,
        CASE WHEN has_discounts THEN ', coalesce(r.rest, 1) AS rest, r.amount_off, r.amount_currency' ELSE '' END,
        CASE WHEN has_discounts THEN $sql$LEFT JOIN (
                       SELECT g.id, g.since, CASE WHEN g.percents > 1 AND g.percent < 100 THEN round(exp(g.logs), 12) ELSE 1 - g.percent / 100 END AS rest, g.amount_off, g.amount_currency
                       FROM (SELECT d.id, d.since, count(d.percent) AS percents, least(coalesce(max(d.percent), 0), 100) AS percent, sum(d.amount) AS amount_off, max(d.currency) AS amount_currency,
                                    sum(ln(1 - d.percent / 100)) FILTER (WHERE d.percent < 100) AS logs
                             FROM (SELECT n.id, n.since, d.percent, d.amount, CASE WHEN d.amount IS NOT NULL THEN d.currency END AS currency, d.of_customer,
                                          bool_or(NOT d.of_customer) OVER (PARTITION BY n.id, n.since) AS has_own
                                   FROM discount d JOIN span n ON n.id = d.id AND d.since <= n.since AND n.since < d.until) d
                             WHERE NOT (d.of_customer AND d.has_own)
                             GROUP BY d.id, d.since) g) r ON r.id = n.id AND r.since = n.since$sql$ ELSE '' END,
        option);

    -- An amount off is shared by the items in proportion. Neighbours that do not differ are one stretch.
    -- DISTINCT ON changes nothing here and above: it bounds the planner's estimate of rows, which knows nothing of what is in a CTE.
    RETURN made || format($sql$
    SELECT s.customer_id, s.id AS subscription_id, p.product, coalesce(p.plan, m.price_id) AS plan, m.currency, m.billing_interval, m.quantity, m.started_at,
           nullif(m.ended_at, 'infinity') AS ended_at, m.mrr, s.word AS status,
           CASE WHEN (s.ends_at < s.trial_start) IS NOT TRUE THEN s.trial_start END AS trial_started_at,
           CASE WHEN (s.ends_at < s.trial_start) IS NOT TRUE THEN CASE WHEN s.trial_end > s.ends_at THEN s.ends_at ELSE s.trial_end END END AS trial_ended_at,
           s.canceled_at, s.reason AS cancel_reason, m.on_trial
    FROM (SELECT DISTINCT ON (b.id, b.item_id, b.since) b.id, b.price_id, b.currency, b.billing_interval, b.quantity, b.mrr, b.on_trial, b.since AS started_at,
                 coalesce(lead(b.until_before) OVER (PARTITION BY b.id, b.item_id ORDER BY b.since), b.last_until) AS ended_at
          FROM (SELECT a.*, lag(a.until) OVER w AS until_before, max(a.until) OVER (PARTITION BY a.id, a.item_id) AS last_until,
                       (a.since, a.price_id, a.quantity, a.mrr, a.on_trial) IS DISTINCT FROM
                       (lag(a.until) OVER w, lag(a.price_id) OVER w, lag(a.quantity) OVER w, lag(a.mrr) OVER w, lag(a.on_trial) OVER w) AS changed
                FROM (SELECT c.id, c.item_id, c.since, c.until, c.price_id, c.currency, c.billing_interval, c.quantity, c.on_trial,
                             CASE WHEN c.metered OR c.paused THEN 0 ELSE %1$s END AS mrr
                      FROM cell c
                      WHERE NOT c.metered OR (NOT c.has_licensed AND c.item_id = c.first_item)) a
                WINDOW w AS (PARTITION BY a.id, a.item_id ORDER BY a.since)) b
          WHERE b.changed) m
         JOIN subscription s ON s.id = m.id
         LEFT JOIN price p ON p.id = m.price_id$sql$,
        CASE WHEN has_discounts THEN $sql$CASE WHEN c.amount_off > 0 AND c.total > 0 AND c.mrr IS NOT NULL AND upper(c.amount_currency COLLATE "C") = upper(c.currency COLLATE "C")
                                        THEN greatest(c.mrr * c.rest - coalesce(@extschema@.price_per_month(c.amount_off, c.billing_interval), 0) * c.mrr * c.rest / c.total, 0) ELSE c.mrr * c.rest END$sql$
             ELSE 'c.mrr' END);
END
$function$;
COMMENT ON FUNCTION stripe_fivetran_query(name, text) IS 'internal: the query of create_billing_views() over Stripe as Fivetran replicates it';
