-- Subscription rows from Stripe, as the Supabase Stripe sync engine stores it. See docs/providers/stripe.md.
--since 0.3.0

CREATE FUNCTION stripe_needs() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT $needs$
subscriptions id any_text                                            # the subscription
subscriptions customer any_text                                      # its customer
subscriptions status any_text                                        # what counts, and the status shown
subscriptions start_date any_number                                  # start
subscriptions created any_number                                     # start where start_date is NULL; items added later
subscriptions ended_at any_number                                    # end of service
subscriptions canceled_at any_number                                 # when the customer cancelled
subscriptions cancel_at any_number                                   # scheduled end
subscriptions cancel_at_period_end boolean                           # scheduled end
subscriptions trial_start any_json,any_number                        # trial
subscriptions trial_end any_json,any_number                          # trial
subscriptions items any_json                                         # items, where subscription_items has none of the subscription
subscriptions current_period_start any_number optional               # since when the current item holds
subscriptions current_period_end any_number optional                 # scheduled end; recognition period_end
subscriptions pause_collection any_json optional                     # pauses
subscriptions discount any_json optional                             # discount
subscriptions discounts any_json optional                            # discounts, where they are stored expanded
subscriptions cancellation_details any_json optional                 # reason
subscriptions _raw_data|raw_data any_json optional                   # discounts and cancellation_details where they are no columns
subscription_items id any_text                                       # the item
subscription_items subscription any_text                             # its subscription
subscription_items price any_text,any_json                           # current price
subscription_items quantity any_number                               # current quantity
subscription_items created any_number optional                       # items added later
subscription_items deleted boolean optional                          # items removed
subscription_items current_period_start any_number optional          # since when the current item holds
prices id any_text                                                   # the price
prices currency any_text                                             # currency
prices unit_amount any_number                                        # amount
prices unit_amount_decimal any_text,any_number optional              # amount with fractions of a minor unit
prices recurring any_json                                            # interval, interval_count, usage_type
prices type any_text optional                                        # one_time
prices billing_scheme any_text optional                              # tiered
prices transform_quantity any_json optional                          # price of a package
prices product any_text optional                                     # product
prices nickname any_text optional                                    # name of the plan
plans id any_text optional_table                                     # the plan, where prices does not have it
plans amount any_number optional_table                               # amount
plans currency any_text optional_table                               # currency
plans interval any_text optional_table                               # interval
plans interval_count any_number optional_table                       # interval
plans usage_type any_text optional optional_table # metered
plans billing_scheme any_text optional optional_table # tiered
plans product any_text optional optional_table # product
plans nickname any_text optional optional_table # name of the plan
products id any_text optional_table                                  # product
products name any_text optional_table                                # name of the product
customers id any_text optional_table                                 # customer
customers deleted boolean optional optional_table # subscriptions left running of a customer deleted
customers _updated_at|updated_at timestamp_with_time_zone optional optional_table # when a customer was deleted
customers discount any_json optional optional_table # discount of all subscriptions of a customer
coupons id any_text optional_table                                   # discounts that name a coupon by its id
coupons percent_off any_number optional_table                        # percentage
coupons amount_off any_number optional_table                         # amount
coupons currency any_text optional_table                             # currency of the amount
coupons duration any_text optional_table                             # once, repeating, forever
coupons duration_in_months any_number optional optional_table # length of repeating
invoices id any_text optional_table                                  # order of invoices
invoices customer any_text optional_table                            # whose
invoices status any_text optional_table                              # paid, open, uncollectible count; draft, void, deleted do not
invoices created any_number optional_table                           # order of invoices; when unpaid began
invoices lines any_json optional_table                               # prices and quantities of the past
invoices subscription any_text optional optional_table # subscription, where the lines do not say
$needs$::text $$;
COMMENT ON FUNCTION stripe_needs() IS 'columns that the provider stripe reads';

CREATE FUNCTION stripe_expression(source_schema name, table_name text, columns text, present text, absent text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT CASE WHEN c.name IS NULL THEN absent ELSE format(present, c.name) END FROM (SELECT @extschema@.source_column(source_schema, table_name::name, columns)) AS c (name) $$;
COMMENT ON FUNCTION stripe_expression(name, text, text, text, text) IS 'internal: an expression over the first of the columns that a table has, or what stands for it';

CREATE FUNCTION stripe_query(source_schema name, option text) RETURNS text LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $function$
DECLARE
    -- Where Stripe's digits are not those of ISO 4217.
    digits CONSTANT text := '(''{"ISK": 2, "MGA": 0, "UGX": 2}''::jsonb || coalesce(option.minor_units, ''{}''::jsonb))';
    has_plans CONSTANT boolean := @extschema@.source_table(source_schema, 'plans') IS NOT NULL;
    has_products CONSTANT boolean := @extschema@.source_table(source_schema, 'products') IS NOT NULL;
    has_customers CONSTANT boolean := @extschema@.source_table(source_schema, 'customers') IS NOT NULL;
    has_coupons CONSTANT boolean := @extschema@.source_table(source_schema, 'coupons') IS NOT NULL;
    has_invoices CONSTANT boolean := @extschema@.source_table(source_schema, 'invoices') IS NOT NULL;
    -- What is a column in some versions of the schema only.
    raw CONSTANT text := @extschema@.stripe_expression(source_schema, 'subscriptions', '_raw_data|raw_data', 's.%I::jsonb', 'NULL::jsonb');
    period_start CONSTANT text := @extschema@.stripe_expression(source_schema, 'subscriptions', 'current_period_start', 's.%I::numeric', 'NULL::numeric');
    period_end CONSTANT text := @extschema@.stripe_expression(source_schema, 'subscriptions', 'current_period_end', 's.%I::numeric', 'NULL::numeric');
    pause CONSTANT text := @extschema@.stripe_expression(source_schema, 'subscriptions', 'pause_collection', 's.%I::jsonb', 'NULL::jsonb');
    discount CONSTANT text := @extschema@.stripe_expression(source_schema, 'subscriptions', 'discount', 's.%I::jsonb', 'NULL::jsonb');
    discounts CONSTANT text := @extschema@.stripe_expression(source_schema, 'subscriptions', 'discounts', 's.%I::jsonb', format('(%s -> ''discounts'')', raw));
    details CONSTANT text := @extschema@.stripe_expression(source_schema, 'subscriptions', 'cancellation_details', 's.%I::jsonb', format('(%s -> ''cancellation_details'')', raw));
    customer_discount CONSTANT text := @extschema@.stripe_expression(source_schema, 'customers', 'discount', 'c.%I::jsonb', NULL);
    customer_deleted CONSTANT text := @extschema@.stripe_expression(source_schema, 'customers', 'deleted', 'c.%I', NULL);
    invoice_subscription CONSTANT text := @extschema@.stripe_expression(source_schema, 'invoices', 'subscription', 'v.%I::text', 'NULL::text');
    price_text text;
    item_text text;
    line_text text;
    due_text text;
    discount_text text;
    subscription_text text;
    stretch_text text;
BEGIN
    -- price: what a unit costs a month. Prices that have no MRR, metered and one-time ones, are unmeasured.
    price_text := format($query$
    SELECT p.id COLLATE "C" AS id, p.currency, p.product, p.plan, p.billing_interval, p.tiered, p.unmeasured, p.divide_by, p.round_up,
           CASE WHEN NOT p.tiered THEN @extschema@.price_per_month(@extschema@.from_minor_units(p.amount, p.currency, %3$s), p.billing_interval) END AS monthly
    FROM (SELECT p.id::text AS id, p.currency::text AS currency, %4$s AS product, coalesce(%5$s, p.id::text) AS plan,
                 CASE p.recurring::jsonb ->> 'interval'
                     WHEN 'day' THEN make_interval(days => n.n) WHEN 'week' THEN make_interval(days => 7 * n.n)
                     WHEN 'month' THEN make_interval(months => n.n) WHEN 'year' THEN make_interval(months => 12 * n.n) END AS billing_interval,
                 coalesce(p.unit_amount::numeric, %6$s) AS amount, coalesce(%7$s = 'tiered', false) AS tiered,
                 coalesce(p.recurring::jsonb ->> 'usage_type' = 'metered', false) OR coalesce(%8$s = 'one_time', false) AS unmeasured,
                 CASE WHEN @extschema@.json_number(%9$s -> 'divide_by') > 0 THEN @extschema@.json_number(%9$s -> 'divide_by') END AS divide_by, %9$s ->> 'round' = 'up' AS round_up
          FROM %1$I.prices p CROSS JOIN LATERAL (SELECT CASE WHEN coalesce(jsonb_typeof(p.recurring::jsonb -> 'interval_count'), 'null') = 'null' THEN 1
                                                                   ELSE @extschema@.whole_count(@extschema@.json_number(p.recurring::jsonb -> 'interval_count')) END AS n) n%10$s) p
    CROSS JOIN %2$s$query$,
        source_schema, option, digits,
        @extschema@.stripe_expression(source_schema, 'prices', 'product', 'p.%I::text', 'NULL::text'),
        @extschema@.stripe_expression(source_schema, 'prices', 'nickname', 'nullif(p.%I::text, '''')', 'NULL::text'),
        @extschema@.stripe_expression(source_schema, 'prices', 'unit_amount_decimal', 'CASE WHEN p.%1$I::text ~ ''^[0-9]{1,30}([.][0-9]{1,30})?$'' THEN p.%1$I::text::numeric END', 'NULL::numeric'),
        @extschema@.stripe_expression(source_schema, 'prices', 'billing_scheme', 'p.%I::text', 'NULL::text'),
        @extschema@.stripe_expression(source_schema, 'prices', 'type', 'p.%I::text', 'NULL::text'),
        @extschema@.stripe_expression(source_schema, 'prices', 'transform_quantity', 'p.%I::jsonb', 'NULL::jsonb'),
        CASE WHEN has_plans THEN format($query$
          UNION ALL
          SELECT p.id::text, p.currency::text, %2$s, coalesce(%3$s, p.id::text),
                 CASE p.interval::text
                     WHEN 'day' THEN make_interval(days => n.n) WHEN 'week' THEN make_interval(days => 7 * n.n)
                     WHEN 'month' THEN make_interval(months => n.n) WHEN 'year' THEN make_interval(months => 12 * n.n) END,
                 p.amount::numeric, coalesce(%4$s = 'tiered', false), coalesce(%5$s = 'metered', false), NULL, NULL
          FROM %1$I.plans p CROSS JOIN LATERAL (SELECT CASE WHEN p.interval_count IS NULL THEN 1 ELSE @extschema@.whole_count(p.interval_count::numeric) END AS n) n
          WHERE NOT EXISTS (SELECT FROM %1$I.prices q WHERE q.id = p.id)$query$,
            source_schema,
            @extschema@.stripe_expression(source_schema, 'plans', 'product', 'p.%I::text', 'NULL::text'),
            @extschema@.stripe_expression(source_schema, 'plans', 'nickname', 'nullif(p.%I::text, '''')', 'NULL::text'),
            @extschema@.stripe_expression(source_schema, 'plans', 'billing_scheme', 'p.%I::text', 'NULL::text'),
            @extschema@.stripe_expression(source_schema, 'plans', 'usage_type', 'p.%I::text', 'NULL::text')) END);

    -- item: the items as they are; those inside the subscription where the table has none of it.
    item_text := format($query$
    SELECT i.id COLLATE "C" AS id, i.subscription COLLATE "C" AS subscription, i.price COLLATE "C" AS price, CASE WHEN u.id IS NULL THEN coalesce(i.quantity, 1) END AS quantity, i.deleted,
           i.created, i.period_start, u.id IS NOT NULL AS unmeasured
    FROM (SELECT i.id::text AS id, i.subscription::text AS subscription, %2$s AS price, i.quantity::numeric AS quantity, %3$s AS deleted, %4$s AS created, %5$s AS period_start
          FROM %1$I.subscription_items i
          UNION ALL
          SELECT e.item ->> 'id', s.id::text, coalesce(e.item -> 'price' ->> 'id', e.item -> 'plan' ->> 'id', e.item ->> 'price'), @extschema@.json_number(e.item -> 'quantity'), false,
                 @extschema@.json_moment(e.item -> 'created'), @extschema@.json_moment(e.item -> 'current_period_start')
          FROM (SELECT s.id, coalesce(s.items::jsonb -> 'data', s.items::jsonb) AS items
                FROM %1$I.subscriptions s
                WHERE NOT EXISTS (SELECT FROM %1$I.subscription_items i WHERE i.subscription = s.id) OFFSET 0) s
          CROSS JOIN LATERAL @extschema@.few_elements(CASE WHEN jsonb_typeof(s.items) = 'array' THEN s.items END) AS e (item)) i
    LEFT JOIN price u ON u.id = i.price COLLATE "C" AND u.unmeasured$query$,
        source_schema,
        CASE WHEN @extschema@.type_serves(@extschema@.source_column_type(source_schema, 'subscription_items'::name, 'price'::name), 'json')
             THEN 'coalesce(i.price::jsonb ->> ''id'', i.price::jsonb #>> ''{}'')' ELSE 'i.price::text' END,
        @extschema@.stripe_expression(source_schema, 'subscription_items', 'deleted', 'coalesce(i.%I, false)', 'false'),
        @extschema@.stripe_expression(source_schema, 'subscription_items', 'created', '@extschema@.epoch_moment(i.%I::double precision)', 'NULL::timestamptz'),
        @extschema@.stripe_expression(source_schema, 'subscription_items', 'current_period_start', '@extschema@.epoch_moment(i.%I::double precision)', 'NULL::timestamptz'));

    -- line: from when on an item had which price and quantity, by the invoice lines that grant it. Of several that begin at
    -- one moment the last one counts; credits go before them, so that a credit behind the last of all is the item's end.
    line_text := CASE WHEN NOT has_invoices THEN $query$
    SELECT NULL::text COLLATE "C" AS item, NULL::text COLLATE "C" AS subscription, NULL::text COLLATE "C" AS price, NULL::numeric AS quantity, NULL::numeric AS amount,
           NULL::timestamptz AS starts, NULL::timestamptz AS next_starts, NULL::timestamptz AS first_starts, NULL::timestamptz AS first_paid,
           NULL::timestamptz AS last_starts, NULL::timestamptz AS last_ends, NULL::timestamptz AS credited_at
    WHERE false$query$
    ELSE format($query$
    SELECT l.item, l.subscription, l.price, l.quantity, l.amount, l.starts, lead(l.starts) OVER (PARTITION BY l.item ORDER BY l.starts) AS next_starts,
           l.first_starts, l.first_paid, l.last_starts, l.last_ends, l.credited_at
    FROM (SELECT l.item, first_value(l.subscription) OVER w AS subscription, l.price, l.quantity, l.starts,
                 coalesce(l.full_amount, CASE WHEN lead(l.price) OVER w = l.price AND lead(l.quantity) OVER w = l.quantity THEN lead(l.full_amount) OVER w END,
                          lag(l.full_amount) OVER w, CASE WHEN NOT l.proration THEN l.amount END) AS amount,
                 lag(l.price) OVER w IS DISTINCT FROM l.price OR lag(l.quantity) OVER w IS DISTINCT FROM l.quantity AS changes,
                 first_value(l.starts) OVER w AS first_starts, min(l.starts) FILTER (WHERE l.amount > 0) OVER w AS first_paid,
                 last_value(l.starts) OVER w AS last_starts, last_value(l.ends) OVER w AS last_ends, last_value(l.credited_at) OVER w AS credited_at
          FROM (SELECT l.item, l.subscription, l.price, l.quantity, l.amount, l.proration, l.starts, l.ends, l.grants,
                       CASE WHEN NOT l.proration THEN nullif(l.amount, 0) END AS full_amount,
                       lead(l.starts) OVER w AS next_starts, CASE WHEN NOT lead(l.grants) OVER w THEN lead(l.starts) OVER w END AS credited_at
                FROM (SELECT l.item COLLATE "C" AS item, l.subscription COLLATE "C" AS subscription, l.price COLLATE "C" AS price, CASE WHEN u.id IS NULL THEN coalesce(l.quantity, 1) END AS quantity,
                             l.amount, l.proration, l.starts, l.ends, l.created, l.invoice COLLATE "C" AS invoice, l.amount >= 0 AND NOT l.credit AS grants
                      FROM (SELECT coalesce(l.line ->> 'subscription_item', d.details ->> 'subscription_item') AS item,
                                   coalesce(l.line ->> 'subscription', d.details ->> 'subscription', l.subscription) AS subscription,
                                   coalesce(l.line -> 'price' ->> 'id', l.line -> 'pricing' -> 'price_details' -> 'price' ->> 'id',
                                            l.line -> 'pricing' -> 'price_details' ->> 'price', l.line -> 'plan' ->> 'id', l.line ->> 'price') AS price,
                                   @extschema@.json_number(l.line -> 'quantity') AS quantity, coalesce(@extschema@.json_number(l.line -> 'amount'), 0) AS amount,
                                   coalesce(@extschema@.json_boolean(l.line -> 'proration'), @extschema@.json_boolean(d.details -> 'proration'), false) AS proration,
                                   coalesce(jsonb_typeof(coalesce(l.line -> 'proration_details', d.details -> 'proration_details') -> 'credited_items') = 'object', false) AS credit,
                                   @extschema@.json_moment(l.line -> 'period' -> 'start') AS starts,
                                   @extschema@.json_moment(l.line -> 'period' -> 'end') AS ends, l.created, l.invoice
                            FROM (SELECT v.invoice, v.subscription, v.created, v.lines -> v.n AS line
                                  FROM (SELECT v.*, @extschema@.few_numbers(0, CASE WHEN jsonb_typeof(v.lines) = 'array' THEN jsonb_array_length(v.lines) - 1 END) AS n
                                        FROM (SELECT v.id::text AS invoice, %2$s AS subscription, v.created::double precision AS created,
                                                     coalesce(v.lines::jsonb -> 'data', v.lines::jsonb) AS lines
                                              FROM %1$I.invoices v WHERE v.status::text IN ('paid', 'open', 'uncollectible') OFFSET 0) v) v OFFSET 0) l
                            CROSS JOIN LATERAL (SELECT l.line -> 'parent' -> 'subscription_item_details' AS details) d OFFSET 0) l
                      LEFT JOIN price u ON u.id = l.price COLLATE "C" AND u.unmeasured
                      WHERE l.item IS NOT NULL AND l.price IS NOT NULL AND l.starts IS NOT NULL) l
                WINDOW w AS (PARTITION BY l.item ORDER BY l.starts, l.grants, l.created, l.invoice, l.proration, l.amount, l.price, l.quantity)) l
          WHERE l.grants AND l.next_starts IS DISTINCT FROM l.starts
          WINDOW w AS (PARTITION BY l.item ORDER BY l.starts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) l
    WHERE l.changes$query$, source_schema, invoice_subscription) END;

    -- due: since when a subscription is unpaid, and up to when it is paid, where that matters.
    due_text := CASE WHEN NOT has_invoices THEN $query$
    SELECT NULL::text COLLATE "C" AS id, NULL::timestamptz AS due_since, NULL::timestamptz AS paid_until WHERE false$query$
    ELSE format($query$
    SELECT v.id COLLATE "C" AS id, @extschema@.epoch_moment(coalesce(min(v.created) FILTER (WHERE NOT v.paid AND (v.last_paid IS NULL OR v.created > v.last_paid)),
                                       max(v.created) FILTER (WHERE NOT v.paid))) AS due_since,
           least((coalesce(max(v.period) FILTER (WHERE v.covers AND v.amount > 0), max(v.period) FILTER (WHERE v.covers)))[2], CASE WHEN bool_or(v.covers) THEN now() END) AS paid_until
    FROM (SELECT v.id, v.created, v.paid, v.amount, v.period, v.paid AND v.amount >= 0 AND v.period[1] < v.period[2] AS covers, max(v.created) FILTER (WHERE v.paid AND v.total > 0) OVER (PARTITION BY v.id) AS last_paid
          FROM (SELECT v.id, v.created, v.paid, @extschema@.json_number(e.line -> 'amount') AS amount, sum(@extschema@.json_number(e.line -> 'amount')) OVER (PARTITION BY v.id, v.invoice) AS total,
                       ARRAY[@extschema@.json_moment(e.line -> 'period' -> 'start'), @extschema@.json_moment(e.line -> 'period' -> 'end')] AS period,
                       coalesce(e.line ->> 'subscription', e.line -> 'parent' -> 'subscription_item_details' ->> 'subscription', v.subscription) = v.id AS own
                FROM (SELECT s.id::text AS id, v.id::text AS invoice, %2$s AS subscription, v.created::double precision AS created, v.status::text = 'paid' AS paid,
                             coalesce(v.lines::jsonb -> 'data', v.lines::jsonb) AS lines
                      FROM %1$I.subscriptions s JOIN %1$I.invoices v ON v.customer = s.customer
                      WHERE (s.status::text IN ('past_due', 'unpaid', 'paused') OR jsonb_typeof(%3$s) = 'object')
                        AND v.status::text IN ('paid', 'open', 'uncollectible') OFFSET 0) v
                LEFT JOIN LATERAL @extschema@.few_elements(CASE WHEN jsonb_typeof(v.lines) = 'array' THEN v.lines END) AS e (line) ON true) v
          WHERE v.own) v
    GROUP BY v.id$query$, source_schema, invoice_subscription, pause) END;

    -- discount: those of a subscription, otherwise of its customer. A coupon may be there by its id only. DISTINCT ON: as below.
    discount_text := format($query$
    SELECT DISTINCT ON (d.id) d.id, bool_or(d.amount_off > 0) AS by_amount, array_agg(d.percent_off) AS percents, array_agg(d.amount_off) AS amounts, array_agg(d.currency) AS currencies,
           array_agg(d.starts) AS starts, array_agg(d.ends) AS ends, array_agg(d.duration = 'once') AS once
    FROM (SELECT d.id COLLATE "C" AS id, d.starts, coalesce(k.coupon ->> 'duration', %3$s) AS duration,
                 coalesce(@extschema@.json_number(k.coupon -> 'percent_off'), %4$s) AS percent_off, coalesce(@extschema@.json_number(k.coupon -> 'amount_off'), %5$s) AS amount_off,
                 lower(coalesce(k.coupon ->> 'currency', %6$s) COLLATE "C") AS currency,
                 coalesce(d.ends, ((d.starts AT TIME ZONE option.time_zone) + make_interval(months => coalesce(@extschema@.whole_count(@extschema@.json_number(k.coupon -> 'duration_in_months')), %7$s)))
                                  AT TIME ZONE option.time_zone) AS ends
          FROM (SELECT s.id, coalesce(e.discount -> 'coupon', e.discount -> 'source' -> 'coupon') AS coupon,
                       @extschema@.json_moment(e.discount -> 'start') AS starts, @extschema@.json_moment(e.discount -> 'end') AS ends
                FROM (SELECT s.id::text AS id, %8$s AS discount, %9$s AS discounts, %10$s AS customer_discount
                      FROM %1$I.subscriptions s%11$s
                      WHERE jsonb_typeof(%8$s) = 'object' OR jsonb_typeof(%9$s) = 'array' OR jsonb_typeof(%10$s) = 'object' OFFSET 0) s
                CROSS JOIN LATERAL @extschema@.few_elements(
                    CASE WHEN jsonb_typeof(s.discounts -> 0) = 'object' THEN s.discounts
                         WHEN jsonb_typeof(s.discount) = 'object' THEN jsonb_build_array(s.discount)
                         WHEN coalesce(jsonb_typeof(s.discounts -> 0), 'null') = 'null' AND jsonb_typeof(s.customer_discount) = 'object' THEN jsonb_build_array(s.customer_discount) END) AS e (discount)
                WHERE jsonb_typeof(e.discount) = 'object') d
          CROSS JOIN LATERAL (SELECT CASE WHEN jsonb_typeof(d.coupon) = 'object' THEN d.coupon END AS coupon,
                                     CASE jsonb_typeof(d.coupon) WHEN 'object' THEN d.coupon ->> 'id' WHEN 'string' THEN d.coupon #>> '{}' END AS id) k%12$s
          CROSS JOIN %2$s) d
    CROSS JOIN %2$s
    WHERE option.discounts <> 'none' AND (d.duration = 'forever' OR option.discounts = 'all') AND (d.percent_off > 0 OR d.amount_off > 0)
    GROUP BY d.id$query$,
        source_schema, option,
        CASE WHEN has_coupons THEN 'o.duration::text' ELSE 'NULL::text' END,
        CASE WHEN has_coupons THEN 'o.percent_off::numeric' ELSE 'NULL::numeric' END,
        CASE WHEN has_coupons THEN 'o.amount_off::numeric' ELSE 'NULL::numeric' END,
        CASE WHEN has_coupons THEN 'o.currency::text' ELSE 'NULL::text' END,
        @extschema@.stripe_expression(source_schema, 'coupons', 'duration_in_months', '@extschema@.whole_count(o.%I::numeric)', 'NULL::integer'),
        discount, discounts, coalesce(customer_discount, 'NULL::jsonb'),
        format(' LEFT JOIN %I.customers c ON c.id = s.customer AND jsonb_typeof(', source_schema) || customer_discount || ') = ''object''',
        CASE WHEN has_coupons THEN format(' LEFT JOIN %I.coupons o ON o.id = k.id', source_schema) END);

    -- subscription: what ever began, with its moments. served_to is the end of service, ended_at the end as it is recognized.
    subscription_text := format($query$
    SELECT s.id, s.customer, s.status, s.reason, s.start_at, s.created_at, s.period_start, s.canceled_at, s.trial_from, s.trial_to, s.paused_at, s.resumes_at, s.paused, s.served_to,
           least(CASE option.recognition WHEN 'canceled' THEN least(s.given_up_at, CASE WHEN s.given_up_at IS NOT NULL THEN s.canceled_at END)
                                         WHEN 'period_end' THEN greatest(s.given_up_at, CASE WHEN s.given_up_at >= s.period_start AND (s.given_up_at < s.trial_to + interval '1 hour') IS NOT TRUE THEN s.period_end END)
                                         ELSE s.given_up_at END, s.dropped_at) AS ended_at
    FROM (SELECT s.*, least(s.given_up_at, s.dropped_at) AS served_to
          FROM (SELECT s.*, CASE WHEN %8$s AND s.status <> 'canceled' THEN least(s.end_at, coalesce(least(s.period_end, %9$s), s.start_at)) ELSE s.end_at END AS given_up_at,
                       CASE s.status WHEN 'unpaid' THEN coalesce(q.due_since, s.period_start, s.start_at)
                                     WHEN 'past_due' THEN ((coalesce(q.due_since, s.period_start) AT TIME ZONE option.time_zone) + option.past_due) AT TIME ZONE option.time_zone END AS dropped_at,
                       CASE WHEN option.pauses = 'keep' THEN NULL
                            WHEN s.status = 'paused' THEN coalesce(greatest(s.trial_to, q.paid_until), s.period_start, s.start_at)
                            WHEN s.paused THEN coalesce(q.paid_until, s.period_start, s.start_at) END AS paused_at
                FROM (SELECT s.id::text AS id, s.customer::text AS customer, s.status::text AS status, @extschema@.epoch_moment(coalesce(s.start_date, s.created)::double precision) AS start_at,
                             @extschema@.epoch_moment(coalesce(s.created, s.start_date)::double precision) AS created_at, @extschema@.epoch_moment(s.canceled_at::double precision) AS canceled_at,
                             @extschema@.epoch_moment(CASE WHEN s.trial_start::text ~ '^"?[0-9]{1,12}([.][0-9]+)?"?$' THEN btrim(s.trial_start::text, '"')::double precision END) AS trial_from, @extschema@.epoch_moment(CASE WHEN s.trial_end::text ~ '^"?[0-9]{1,12}([.][0-9]+)?"?$' THEN btrim(s.trial_end::text, '"')::double precision END) AS trial_to,
                             @extschema@.epoch_moment(coalesce(%3$s, @extschema@.json_number(s.items::jsonb #> '{data,0,current_period_start}'))) AS period_start,
                             @extschema@.epoch_moment(coalesce(%4$s, @extschema@.json_number(s.items::jsonb #> '{data,0,current_period_end}'))) AS period_end,
                             @extschema@.epoch_moment(coalesce(s.ended_at::numeric, CASE WHEN s.status::text = 'canceled' THEN s.canceled_at ELSE s.cancel_at END::numeric,
                                                   CASE WHEN s.cancel_at_period_end OR s.status::text = 'canceled'
                                                        THEN coalesce(%4$s, @extschema@.json_number(s.items::jsonb #> '{data,0,current_period_end}')) END)) AS end_at,
                             jsonb_typeof(%5$s) = 'object' AS paused, @extschema@.json_moment(%5$s -> 'resumes_at') AS resumes_at,
                             coalesce(%6$s ->> 'reason', %6$s ->> 'feedback') AS reason
                      FROM %1$I.subscriptions s
                      WHERE s.status::text NOT IN ('incomplete', 'incomplete_expired') OFFSET 0) s
                LEFT JOIN due q ON q.id = s.id%7$s
                CROSS JOIN %2$s) s) s
    CROSS JOIN %2$s$query$,
        source_schema, option, period_start, period_end, pause, details,
        format(' LEFT JOIN %I.customers c ON c.id = s.customer AND ', source_schema) || customer_deleted,
        CASE WHEN customer_deleted IS NULL THEN 'false' ELSE 'c.id IS NOT NULL' END,
        CASE WHEN customer_deleted IS NULL THEN 'NULL::timestamptz'
             ELSE @extschema@.stripe_expression(source_schema, 'customers', '_updated_at|updated_at', 'c.%I', 'NULL::timestamptz') END);

    -- What an item had when, in steps: held, the item with its lines; stated, a row for each price and quantity; bounded, within what is paid; divided,
    -- where pauses and discounts begin and end; piece, a row for each part between, number 0 is the trial; charged, with its MRR. bounded is stored, so
    -- that its many expressions are worked out once; few rows, those with pauses, trials and discounts, are not plain and go the longer way.
    -- DISTINCT ON says of keys that they are ones: without it the planner expects a thousand times the rows of the join.
    stretch_text := format($query$
), held AS (
    SELECT s.*, a.added, coalesce(d.by_amount, false) AS by_amount, d.percents, d.amounts, d.currencies, d.starts AS given_from, d.ends AS given_to, d.once, CASE WHEN s.trial_to IS NOT NULL THEN least(s.trial_to, s.served_to) END AS trial_ends,
           x.item, x.runs, x.item_price, x.item_quantity, x.line_price, x.line_quantity, x.amount, x.starts, x.next_starts, x.first_starts, x.last_starts, x.last_ends, x.credited_at,
           CASE WHEN x.item_id IS NULL THEN x.first_starts
                WHEN x.created > s.created_at + interval '1 minute' THEN least(x.created, x.first_starts)
                ELSE '-infinity' END AS item_from,
           coalesce(s.trial_from > s.start_at + interval '1 minute' AND x.first_paid < s.trial_from, false) AS paid_before, x.first_paid,
           CASE WHEN x.runs AND x.starts IS NOT NULL AND x.next_starts IS NULL AND (x.item_price IS DISTINCT FROM x.line_price OR x.item_quantity IS DISTINCT FROM x.line_quantity)
                THEN greatest(x.last_starts, coalesce(x.period_start, s.period_start), x.created) END AS changed_at
    FROM (SELECT coalesce(l.item, i.item) AS item, i.id AS item_id, CASE WHEN i.item IS NULL THEN l.subscription ELSE i.subscription END AS subscription, coalesce(NOT i.deleted, false) AS runs,
                 i.price AS item_price, i.quantity AS item_quantity, i.created, i.period_start, l.price AS line_price, l.quantity AS line_quantity, l.amount, l.starts, l.next_starts, l.first_starts,
                 l.first_paid, l.last_starts, l.last_ends, l.credited_at
          FROM (SELECT DISTINCT ON (item) coalesce(i.id, i.subscription || ' ' || i.price) AS item, i.* FROM item i ORDER BY item) i
          FULL JOIN line l ON l.item = i.item
          WHERE l.item IS NOT NULL OR NOT i.deleted) x
    JOIN subscription s ON s.id = x.subscription
    LEFT JOIN discount d ON d.id = s.id
    LEFT JOIN added a ON a.subscription = s.id AND NOT x.runs
), stated AS (
    SELECT h.*, CASE WHEN h.paid_before THEN CASE WHEN h.first_paid = h.first_starts THEN h.start_at ELSE greatest(h.start_at, h.first_paid) END ELSE greatest(h.start_at, h.trial_to) END AS paid_from,
           CASE WHEN h.part = 2 OR h.starts IS NULL THEN h.item_price ELSE h.line_price END AS price,
           CASE WHEN h.part = 2 OR h.starts IS NULL THEN h.item_quantity ELSE h.line_quantity END AS quantity,
           CASE WHEN h.part = 2 THEN h.changed_at WHEN h.starts IS NULL OR h.starts = h.first_starts THEN h.item_from ELSE h.starts END AS stated_from,
           CASE WHEN h.part = 1 THEN coalesce(h.next_starts, h.changed_at, CASE WHEN NOT h.runs THEN coalesce(h.credited_at, (SELECT min(a) FROM unnest(h.added) a WHERE a > h.last_starts + interval '1 minute' AND a < h.last_ends),
                    CASE WHEN h.last_ends > now() THEN greatest(h.last_starts, h.period_start) ELSE h.last_ends END, h.last_starts) END) END AS stated_to
    FROM (SELECT h.*, p.part FROM (SELECT * FROM held OFFSET 0) h JOIN (VALUES (1), (2)) AS p (part) ON p.part <= CASE WHEN h.changed_at IS NULL THEN 1 ELSE 2 END) h
), bounded AS MATERIALIZED (
    SELECT b.id, b.customer, b.canceled_at, b.reason, b.paused_at, b.resumes_at, b.trial_from, b.trial_to, b.trial_ends, b.paid_before, b.item, b.item_from, b.quantity, b.product, b.plan, b.currency,
           b.billing_interval, b.by_amount, b.percents, b.amounts, b.currencies, b.from_at, b.to_at, b.pays, b.tries, b.pays AND NOT b.tries AND NOT b.paid_before AND b.paused_at IS NULL AND b.percents IS NULL AS plain,
           CASE WHEN b.unmeasured THEN 0
                WHEN b.tiered THEN @extschema@.price_per_month(@extschema@.from_minor_units(b.amount, b.currency, %2$s), b.billing_interval)
                WHEN b.divide_by IS NULL THEN b.monthly * b.quantity
                WHEN b.round_up THEN b.monthly * ceil(b.quantity / b.divide_by)
                ELSE b.monthly * floor(b.quantity / b.divide_by) END AS mrr,
           CASE WHEN b.status = 'canceled' OR (b.served_to <= now() AND b.status <> 'unpaid' AND b.status <> 'past_due') THEN 'canceled'
                WHEN b.status = 'active' AND b.paused AND (b.resumes_at > now()) IS NOT FALSE THEN 'paused' ELSE b.status END AS status,
           CASE WHEN b.percents IS NOT NULL THEN
               ARRAY(SELECT CASE WHEN u.starts > b.start_at + interval '1 minute' THEN u.starts ELSE '-infinity' END
                     FROM unnest(b.given_from) WITH ORDINALITY AS u (starts, n) ORDER BY u.n) END AS discount_from,
           CASE WHEN b.percents IS NOT NULL THEN
               ARRAY(SELECT CASE WHEN u.once THEN ((greatest(u.starts, b.paid_from) AT TIME ZONE option.time_zone) + CASE WHEN b.from_at <= greatest(u.starts, b.paid_from) THEN b.billing_interval ELSE least(b.billing_interval, interval '1 month') END)
                                                 AT TIME ZONE option.time_zone ELSE u.ends END
                     FROM unnest(b.given_from, b.given_to, b.once) WITH ORDINALITY AS u (starts, ends, once, n) ORDER BY u.n) END AS discount_to
    FROM (SELECT b.*, b.to_at IS NULL OR b.from_at < b.to_at AS pays,
                 coalesce(b.trial_from < b.trial_ends AND b.stated_from < b.trial_ends AND (b.stated_to IS NULL OR b.stated_to >= b.trial_ends), false) AS tries
          FROM (SELECT b.*, c.product, c.plan, c.currency, c.billing_interval, c.tiered, c.unmeasured, c.divide_by, c.round_up, c.monthly, greatest(b.stated_from, b.paid_from) AS from_at,
                 least(b.stated_to, b.ended_at, CASE WHEN b.served_to <= b.paid_from THEN b.paid_from
                                                     WHEN b.status = 'trialing' THEN CASE WHEN b.paid_before THEN b.trial_from ELSE b.paid_from END END) AS to_at
          FROM stated b
          LEFT JOIN price c ON c.id = b.price
          WHERE c.unmeasured IS NOT TRUE OR b.item IN (SELECT m.item FROM metered m) OFFSET 0) b) b
    CROSS JOIN %1$s
), joined AS (      -- with the moments of the other items, where an amount is off them together
    SELECT b.*, NULL::timestamptz[] AS common_cuts FROM bounded b WHERE NOT b.by_amount AND NOT b.plain
    UNION ALL
    SELECT b.*, array_agg(b.from_at) OVER (PARTITION BY b.id) || array_agg(b.to_at) OVER (PARTITION BY b.id) FROM bounded b WHERE b.by_amount
), divided AS (
    SELECT b.*, CASE WHEN b.pays AND (b.paused_at IS NOT NULL OR b.percents IS NOT NULL OR b.paid_before) THEN
                    ARRAY(SELECT DISTINCT u.cut
                          FROM unnest(ARRAY[b.from_at, b.paused_at, b.resumes_at, CASE WHEN b.paid_before THEN b.trial_from END, CASE WHEN b.paid_before THEN b.trial_ends END]
                                      || b.discount_from || b.discount_to || b.common_cuts) AS u (cut)
                          WHERE u.cut >= b.from_at AND (b.to_at IS NULL OR u.cut < b.to_at) ORDER BY 1) END AS cuts
    FROM joined b
    WHERE b.pays OR b.tries
), piece AS (
    SELECT p.*, CASE WHEN p.piece = 0 THEN greatest(p.trial_from, p.item_from) ELSE coalesce(p.cuts[p.piece], p.from_at) END AS piece_from,
           CASE WHEN p.piece = 0 THEN p.trial_ends ELSE coalesce(p.cuts[p.piece + 1], p.to_at) END AS piece_to
    FROM (SELECT b.*, @extschema@.few_numbers(CASE WHEN b.tries THEN 0 ELSE 1 END, CASE WHEN b.pays THEN coalesce(cardinality(b.cuts), 1) ELSE 0 END) AS piece FROM divided b) p
), charged AS MATERIALIZED (
    SELECT p.customer, p.id, p.item, p.product, p.plan, p.currency, p.billing_interval, p.quantity, p.piece_from, p.piece_to, p.piece = 0 AS on_trial,
           CASE WHEN p.piece > 0 AND p.paused_at <= p.piece_from AND (p.resumes_at IS NULL OR p.resumes_at > p.piece_from) THEN 0
                WHEN p.percents IS NULL THEN p.mrr
                ELSE p.mrr * (SELECT CASE WHEN count(*) = 0 THEN 1 WHEN count(*) = 1 THEN greatest(0, 1 - 0.01 * max(u.percent_off)) WHEN max(u.percent_off) >= 100 THEN 0
                                          ELSE round(exp(sum(ln(1 - 0.01 * least(u.percent_off, 99.999999)))), 12) END
                              FROM unnest(p.percents, p.discount_from, p.discount_to) AS u (percent_off, starts, ends)
                              WHERE u.percent_off > 0 AND u.starts <= CASE WHEN p.piece = 0 THEN p.trial_to ELSE p.piece_from END
                                AND (u.ends IS NULL OR u.ends > CASE WHEN p.piece = 0 THEN p.trial_to ELSE p.piece_from END)) END AS mrr,
           p.status, p.trial_from, p.trial_ends, p.canceled_at, p.reason,
           CASE WHEN p.by_amount THEN
               (SELECT @extschema@.price_per_month(@extschema@.from_minor_units(sum(u.amount_off), p.currency, %2$s), p.billing_interval)
                FROM unnest(p.amounts, p.currencies, p.discount_from, p.discount_to) AS u (amount_off, currency, starts, ends)
                WHERE u.currency = lower(p.currency COLLATE "C") AND u.starts <= CASE WHEN p.piece = 0 THEN p.trial_to ELSE p.piece_from END
                  AND (u.ends IS NULL OR u.ends > CASE WHEN p.piece = 0 THEN p.trial_to ELSE p.piece_from END)) END AS amount_off, p.by_amount
    FROM piece p
    CROSS JOIN %1$s
    WHERE p.piece = 0 OR NOT p.paid_before OR p.piece_from < p.trial_from OR p.piece_from >= p.trial_ends$query$, option, digits);

    RETURN format($query$
WITH price AS MATERIALIZED (%1$s
), item AS MATERIALIZED (%2$s
), metered AS (     -- the first item of the subscriptions that have metered ones only: a row of 0 for the subscription
    SELECT min(i.id) FILTER (WHERE i.unmeasured AND NOT i.deleted) AS item
    FROM item i
    WHERE i.subscription IN (SELECT j.subscription FROM item j WHERE j.unmeasured)
    GROUP BY i.subscription
    HAVING bool_and(i.unmeasured OR i.deleted)
), added AS (SELECT i.subscription, array_agg(i.created) AS added FROM item i WHERE NOT i.deleted GROUP BY i.subscription
), line AS (%3$s
), due AS (%4$s
), discount AS (%5$s
), subscription AS (%6$s%7$s
), reduced AS (     -- amounts off, taken from the items in the order of their ids
    SELECT c.*, CASE WHEN c.mrr IS NOT NULL THEN greatest(0, c.mrr - greatest(0, coalesce(c.amount_off, 0) - coalesce(sum(c.mrr) OVER before, 0))) END AS net
    FROM charged c
    WHERE c.by_amount
    WINDOW before AS (PARTITION BY c.id, c.on_trial, CASE WHEN NOT c.on_trial THEN c.piece_from END ORDER BY c.item ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), united AS (
    SELECT r.*, count(*) FILTER (WHERE r.changes) OVER (PARTITION BY r.item, r.on_trial ORDER BY r.piece_from) AS n
    FROM (SELECT r.*, lag(r.piece_to) OVER w IS DISTINCT FROM r.piece_from OR lag(r.plan) OVER w IS DISTINCT FROM r.plan
                      OR lag(r.quantity) OVER w IS DISTINCT FROM r.quantity OR lag(r.net) OVER w IS DISTINCT FROM r.net AS changes
          FROM reduced r
          WINDOW w AS (PARTITION BY r.item, r.on_trial ORDER BY r.piece_from)) r
)
SELECT c.customer AS customer_id, c.id AS subscription_id, %8$s AS product, c.plan, c.currency, c.billing_interval, c.quantity, c.piece_from AS started_at, c.piece_to AS ended_at, c.mrr,
       c.status, c.trial_from AS trial_started_at, c.trial_ends AS trial_ended_at, c.canceled_at, c.reason AS cancel_reason, c.on_trial
FROM (SELECT b.customer, b.id, b.product, b.plan, b.currency, b.billing_interval, b.quantity, b.from_at AS piece_from, b.to_at AS piece_to, b.mrr, b.status, b.trial_from, b.trial_ends, b.canceled_at,
             b.reason, false AS on_trial
      FROM bounded b
      WHERE b.plain
      UNION ALL
      SELECT c.customer, c.id, c.product, c.plan, c.currency, c.billing_interval, c.quantity, c.piece_from, c.piece_to, c.mrr, c.status, c.trial_from, c.trial_ends, c.canceled_at, c.reason, c.on_trial
      FROM charged c
      WHERE NOT c.by_amount
      UNION ALL
      SELECT u.customer, u.id, u.product, u.plan, u.currency, u.billing_interval, u.quantity, min(u.piece_from), nullif(max(coalesce(u.piece_to, 'infinity')), 'infinity'), u.net,
             u.status, u.trial_from, u.trial_ends, u.canceled_at, u.reason, u.on_trial
      FROM united u
      GROUP BY u.customer, u.id, u.item, u.product, u.plan, u.currency, u.billing_interval, u.quantity, u.net, u.status, u.trial_from, u.trial_ends, u.canceled_at, u.reason, u.on_trial, u.n) c%9$s$query$,
        price_text, item_text, line_text, due_text, discount_text, subscription_text,
        stretch_text,
        CASE WHEN has_products THEN 'coalesce(nullif(r.name::text, ''''), c.product)' ELSE 'c.product' END,
        CASE WHEN has_products THEN format(E'\nLEFT JOIN %I.products r ON r.id = c.product', source_schema) END);
END
$function$;
COMMENT ON FUNCTION stripe_query(name, text) IS 'internal: the query that makes subscription rows of Stripe''s tables';
