-- Subscription rows from Chargebee, as replicated into PostgreSQL. See docs/providers/chargebee.md.
--since 0.3.0

CREATE FUNCTION chargebee_needs() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $needs$ SELECT $$
subscriptions id any_text   # subscription
subscriptions customer_id any_text   # customer
subscriptions status any_text   # which subscriptions count, and status
subscriptions currency_code any_text   # currency
subscriptions billing_period any_number   # billing interval
subscriptions billing_period_unit any_text   # billing interval
subscriptions started_at any_number,timestamp_with_time_zone,timestamp_without_time_zone   # start
subscriptions activated_at any_number,timestamp_with_time_zone,timestamp_without_time_zone   # whether a trial became paid, end of a pause
subscriptions trial_start any_number,timestamp_with_time_zone,timestamp_without_time_zone   # trial
subscriptions trial_end any_number,timestamp_with_time_zone,timestamp_without_time_zone   # trial
subscriptions current_term_start any_number,timestamp_with_time_zone,timestamp_without_time_zone   # recognition at the period's end
subscriptions current_term_end any_number,timestamp_with_time_zone,timestamp_without_time_zone   # end where cancelled_at is empty, recognition at the period's end
subscriptions cancelled_at any_number,timestamp_with_time_zone,timestamp_without_time_zone   # end
subscriptions cancel_schedule_created_at any_number,timestamp_with_time_zone,timestamp_without_time_zone optional   # when the customer cancelled
subscriptions pause_date any_number,timestamp_with_time_zone,timestamp_without_time_zone optional   # begin of a pause
subscriptions resume_date any_number,timestamp_with_time_zone,timestamp_without_time_zone optional   # end of a pause
subscriptions due_since any_number,timestamp_with_time_zone,timestamp_without_time_zone optional   # past due
subscriptions created_at any_number,timestamp_with_time_zone,timestamp_without_time_zone optional   # start where started_at is empty
subscriptions updated_at any_number,timestamp_with_time_zone,timestamp_without_time_zone optional   # when a subscription was deleted
subscriptions deleted boolean optional   # whether a subscription was deleted
subscriptions mrr any_number optional   # MRR
subscriptions cancel_reason any_text optional   # reason
subscriptions cancel_reason_code any_text optional   # reason
subscriptions subscription_items any_json optional   # price where mrr says nothing, plan, quantity
subscriptions discounts any_json optional   # discounts where mrr says nothing
subscriptions coupons any_json optional   # discounts where mrr says nothing
subscriptions plan_id any_text optional   # plan (Product Catalog 1.0)
subscriptions plan_quantity any_number optional   # quantity (Product Catalog 1.0)
subscriptions plan_amount any_number optional   # price where mrr says nothing (Product Catalog 1.0)
subscriptions plan_unit_price any_number optional   # price where mrr says nothing (Product Catalog 1.0)
subscriptions addons any_json optional   # price where mrr says nothing (Product Catalog 1.0)
customers id any_text optional optional_table   # whose subscriptions end with a customer
customers deleted boolean optional optional_table   # whether a customer was deleted
customers updated_at any_number,timestamp_with_time_zone,timestamp_without_time_zone optional optional_table   # when a customer was deleted
item_prices id any_text optional optional_table   # plan
item_prices item_id any_text optional optional_table   # product
item_prices name any_text optional optional_table   # plan's name
item_prices period any_number optional optional_table   # interval of an addon's price
item_prices period_unit any_text optional optional_table   # interval of an addon's price
items id any_text optional optional_table   # product
items name any_text optional optional_table   # product's name
items metered boolean optional optional_table   # metered items have no MRR
plans id any_text optional optional_table   # plan (Product Catalog 1.0)
plans name any_text optional optional_table   # plan's name (Product Catalog 1.0)
coupons id any_text optional optional_table   # discounts where mrr says nothing
coupons discount_type any_text optional optional_table   # percentage or amount
coupons discount_percentage any_number optional optional_table   # discount
coupons discount_amount any_number optional optional_table   # discount
coupons duration_type any_text optional optional_table   # whether a discount lasts forever
coupons apply_on any_text optional optional_table   # whether a discount is one of the whole invoice
$$ $needs$;
COMMENT ON FUNCTION chargebee_needs() IS 'internal: the tables and columns that chargebee_query() reads';

-- The columns of a table with types of their own, NULL where the table has none: its moments may be seconds since 1970 or timestamps, which are in UTC without a zone.
CREATE FUNCTION chargebee_columns(source_schema name, table_name name, columns text) RETURNS text LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $columns$
    SELECT string_agg(CASE
               WHEN @extschema@.source_column(source_schema, table_name, c.name::text) IS NULL THEN format('NULL::%s', CASE c.kind WHEN 'moment' THEN 'timestamptz' ELSE c.kind END)
               WHEN c.kind = 'text' THEN format('source.%I::text COLLATE "C"', c.name)
               WHEN c.kind <> 'moment' THEN format('source.%I::%s', c.name, c.kind)
               WHEN @extschema@.source_column_type(source_schema, table_name, c.name) = 'timestamp with time zone' THEN format('@extschema@.bounded_moment(source.%I)', c.name)
               WHEN @extschema@.source_column_type(source_schema, table_name, c.name) = 'timestamp without time zone' THEN format('@extschema@.bounded_moment(source.%I AT TIME ZONE ''UTC'')', c.name)
               ELSE format('CASE WHEN source.%1$I::numeric BETWEEN -62135596800 AND 253370764800 THEN @extschema@.epoch_moment(source.%1$I::numeric) '
                           'WHEN source.%1$I < 0 THEN ''-infinity''::timestamptz WHEN source.%1$I::numeric <> ''NaN'' THEN ''infinity''::timestamptz END', c.name) END || format(' AS %I', c.name), ', ' ORDER BY c.n)
    FROM (SELECT split_part(word, ':', 1)::name AS name, split_part(word, ':', 2) AS kind, n FROM string_to_table(columns, ' ') WITH ORDINALITY AS word (word, n)) AS c
    $columns$;
COMMENT ON FUNCTION chargebee_columns(name, name, text) IS 'internal: a select list of columns, given as name:type';

CREATE FUNCTION chargebee_query(source_schema name, option text) RETURNS text LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $function$
DECLARE
    -- Chargebee has two digits for every currency but those without any.
    digits text := $$('{"BHD": 2, "IQD": 2, "JOD": 2, "KWD": 2, "LYD": 2, "OMR": 2, "TND": 2, "CLF": 2, "UYW": 2}'::jsonb || coalesce(option.minor_units, '{}'))$$;
    tables text := '';
    wanted text[];
BEGIN
    -- A table that may be missing is an empty one then.
    FOREACH wanted SLICE 1 IN ARRAY ARRAY[
        ['customers', 'id:text deleted:boolean updated_at:moment'],
        ['item_prices', 'id:text item_id:text name:text period:numeric period_unit:text'],
        ['items', 'id:text name:text metered:boolean'],
        ['plans', 'id:text name:text'],
        ['coupons', 'id:text discount_type:text discount_percentage:numeric discount_amount:numeric duration_type:text apply_on:text']]
    LOOP
        tables := tables || format(', source_%s AS NOT MATERIALIZED (SELECT %s %s)', wanted[1], @extschema@.chargebee_columns(source_schema, wanted[1]::name, wanted[2]),
            CASE WHEN @extschema@.source_table(source_schema, wanted[1]) IS NULL THEN 'WHERE false' ELSE format('FROM %I.%I AS source', source_schema, wanted[1]) END);
    END LOOP;

    RETURN format($query$
WITH subscription AS NOT MATERIALIZED (
    SELECT %1$s FROM %2$I.subscriptions AS source
)%3$s,
-- what is in a subscription: the items of Product Catalog 2.0, or else the plan and the addons of 1.0 (materialized: else prices are looked up once for every subscription)
item AS MATERIALIZED (
    SELECT s.id, i.item_price_id, i.item_type, i.quantity, i.amount, i.amount_in_decimal, s.currency_code,
           i.period IS NOT NULL AND i.period_unit IS NOT NULL AS has_own_interval,
           CASE i.period_unit WHEN 'day' THEN make_interval(days => own.periods) WHEN 'week' THEN make_interval(days => 7 * own.periods)
                              WHEN 'month' THEN make_interval(months => own.periods) WHEN 'year' THEN make_interval(months => 12 * own.periods) END AS own_interval,
           bill.billing_interval,
           s.discounts
    FROM subscription AS s CROSS JOIN LATERAL (
        SELECT (e ->> 'item_price_id') COLLATE "C" AS item_price_id, e ->> 'item_type' AS item_type, coalesce(@extschema@.text_number(e ->> 'quantity_in_decimal'), n.quantity, 1) AS quantity,
               n.amount, @extschema@.text_number(e ->> 'amount_in_decimal') AS amount_in_decimal, e ->> 'billing_period' AS period, e ->> 'billing_period_unit' AS period_unit
        FROM @extschema@.few_elements(CASE WHEN jsonb_typeof(s.subscription_items) = 'array' THEN s.subscription_items ELSE '[]' END) AS e %7$s
        UNION ALL
        SELECT s.plan_id, 'plan', coalesce(s.plan_quantity, 1), CASE WHEN s.plan_amount IS NOT NULL THEN s.plan_amount WHEN coalesce(s.plan_quantity, 1) >= 0 THEN s.plan_unit_price * coalesce(s.plan_quantity, 1) END, NULL, NULL, NULL
        WHERE s.plan_id IS NOT NULL AND coalesce(s.subscription_items, '[]') IN ('[]', 'null')
        UNION ALL
        SELECT (e ->> 'id') COLLATE "C", 'addon', coalesce(n.quantity, 1), n.amount, @extschema@.text_number(e ->> 'amount_in_decimal'), NULL, NULL
        FROM @extschema@.few_elements(CASE WHEN jsonb_typeof(s.addons) = 'array' AND coalesce(s.subscription_items, '[]') IN ('[]', 'null') THEN s.addons ELSE '[]' END) AS e %7$s) AS i
    CROSS JOIN LATERAL (SELECT @extschema@.whole_count(@extschema@.text_number(i.period)) AS periods) AS own %6$s
)
SELECT s.customer_id, s.id AS subscription_id, price.product, price.plan, s.currency_code AS currency, life.billing_interval, price.quantity,
       stretch.started_at, nullif(stretch.ended_at, 'infinity') AS ended_at,
       CASE WHEN stretch.paused THEN 0 ELSE CASE option.discounts
           WHEN 'none' THEN coalesce(price.list, own.mrr)
           ELSE CASE WHEN s.mrr IS NULL OR s.mrr = 0 AND (s.status NOT IN ('active', 'non_renewing') OR s.deleted)
                     THEN CASE WHEN price.list_after_own IS NOT NULL THEN greatest(0, price.list_after_own * (1 - least(coalesce(reduction.percentage, 0), 100) / 100) - coalesce(reduction.amount, 0))
                               WHEN price.id IS NULL THEN own.mrr END
                     ELSE own.mrr END END END AS mrr,
       CASE WHEN s.deleted OR s.status = 'cancelled' OR life.service_end <= now() THEN 'canceled' WHEN s.status = 'in_trial' THEN 'trialing' WHEN s.status = 'paused' THEN 'paused'
            WHEN s.due_since IS NOT NULL THEN 'past_due' ELSE 'active' END AS status,
       life.trial_start AS trial_started_at, nullif(life.trial_end, 'infinity') AS trial_ended_at, life.canceled_at,
       CASE WHEN life.service_end < 'infinity' THEN coalesce(s.cancel_reason, s.cancel_reason_code) END AS cancel_reason, stretch.on_trial
FROM subscription AS s CROSS JOIN %5$s CROSS JOIN LATERAL (SELECT CASE WHEN s.mrr >= 0 THEN @extschema@.from_minor_units(s.mrr, s.currency_code, %4$s) END AS mrr) AS own
LEFT JOIN (SELECT c.id, min(c.updated_at) AS deleted_at FROM source_customers AS c WHERE c.deleted GROUP BY c.id) AS customer ON customer.id = s.customer_id
-- list prices: of all that recurs and is not metered
LEFT JOIN (
    SELECT i.id, max(i.plan) AS plan, max(i.product) AS product, max(i.quantity) FILTER (WHERE i.item_type = 'plan') AS quantity,
           CASE WHEN count(*) = count(i.price) THEN sum(i.price) END AS list, CASE WHEN count(*) = count(i.price) THEN sum(greatest(0, i.price - i.reduction)) END AS list_after_own
    FROM (SELECT i.id, i.item_type, i.quantity, CASE WHEN i.item_type = 'plan' THEN coalesce(ip.name, p.name, i.item_price_id) END AS plan,
                 CASE WHEN i.item_type = 'plan' THEN coalesce(m.name, ip.item_id) END AS product, monthly.price,
                 (SELECT coalesce(sum(CASE d ->> 'type' WHEN 'percentage' THEN monthly.price * greatest(0, @extschema@.text_number(d ->> 'percentage')) / 100
                                           ELSE @extschema@.price_per_month(@extschema@.from_minor_units(@extschema@.text_number(d ->> 'amount'), i.currency_code, %4$s), i.billing_interval) END), 0)
                  FROM @extschema@.few_elements(CASE WHEN jsonb_typeof(i.discounts) = 'array' THEN i.discounts ELSE '[]' END) AS d
                  WHERE d ->> 'duration_type' = 'forever' AND d ->> 'apply_on' = 'specific_item_price' AND (d ->> 'item_price_id') COLLATE "C" = i.item_price_id) AS reduction
          FROM item AS i CROSS JOIN %5$s
          LEFT JOIN source_item_prices AS ip ON ip.id = i.item_price_id
          LEFT JOIN source_items AS m ON m.id = ip.item_id
          LEFT JOIN source_plans AS p ON p.id = i.item_price_id AND ip.id IS NULL
          CROSS JOIN LATERAL (SELECT @extschema@.whole_count(ip.period) AS periods) AS listed
          CROSS JOIN LATERAL (SELECT CASE WHEN i.item_type IN ('plan', 'addon') AND m.metered IS NOT TRUE THEN @extschema@.price_per_month(
              coalesce(i.amount_in_decimal, @extschema@.from_minor_units(i.amount, i.currency_code, %4$s)),
              CASE WHEN i.has_own_interval THEN i.own_interval
                   WHEN ip.period IS NOT NULL AND ip.period_unit IS NOT NULL
                   THEN CASE ip.period_unit WHEN 'day' THEN make_interval(days => listed.periods) WHEN 'week' THEN make_interval(days => 7 * listed.periods)
                                            WHEN 'month' THEN make_interval(months => listed.periods) WHEN 'year' THEN make_interval(months => 12 * listed.periods) END
                   ELSE i.billing_interval END) ELSE 0 END AS price) AS monthly) AS i
    GROUP BY i.id) AS price ON price.id = s.id
-- discounts on the whole invoice that last forever
LEFT JOIN (
    SELECT d.id, sum(d.percentage) AS percentage, sum(@extschema@.price_per_month(@extschema@.from_minor_units(d.amount, d.currency_code, %4$s), d.billing_interval)) AS amount
    FROM (SELECT s.id, s.currency_code, s.billing_period, s.billing_period_unit, CASE d ->> 'type' WHEN 'percentage' THEN greatest(0, @extschema@.text_number(d ->> 'percentage')) END AS percentage,
                 CASE d ->> 'type' WHEN 'fixed_amount' THEN @extschema@.text_number(d ->> 'amount') END AS amount, bill.billing_interval
          FROM subscription AS s CROSS JOIN LATERAL @extschema@.few_elements(CASE WHEN jsonb_typeof(s.discounts) = 'array' THEN s.discounts ELSE '[]' END) AS d %6$s
          WHERE d ->> 'duration_type' = 'forever' AND coalesce(d ->> 'apply_on', 'invoice_amount') = 'invoice_amount'
          UNION ALL
          SELECT s.id, s.currency_code, s.billing_period, s.billing_period_unit, CASE WHEN c.discount_type = 'percentage' AND c.discount_percentage >= 0 AND c.discount_percentage < 'Infinity' THEN c.discount_percentage END,
                 CASE c.discount_type WHEN 'fixed_amount' THEN c.discount_amount END, bill.billing_interval
          FROM subscription AS s CROSS JOIN LATERAL @extschema@.few_elements(CASE WHEN jsonb_typeof(s.coupons) = 'array' THEN s.coupons ELSE '[]' END) AS d %6$s
          JOIN source_coupons AS c ON c.id = (d ->> 'coupon_id') COLLATE "C"
          WHERE c.duration_type = 'forever' AND coalesce(c.apply_on, 'invoice_amount') = 'invoice_amount') AS d CROSS JOIN %5$s
    GROUP BY d.id) AS reduction ON reduction.id = s.id
-- from when to when: begin, end of service, trial (OFFSET 0: worked out once, not wherever it is used)
CROSS JOIN LATERAL (
    SELECT coalesce(s.started_at, s.trial_start, s.activated_at, s.created_at) AS begun, bill.billing_interval,
           least(CASE WHEN s.deleted AND s.status <> 'cancelled' THEN s.updated_at
                      WHEN s.status IN ('cancelled', 'non_renewing') THEN coalesce(s.cancelled_at, s.current_term_end, CASE WHEN s.status = 'non_renewing' AND s.deleted IS NOT TRUE THEN 'infinity'::timestamptz ELSE s.updated_at END)
                      WHEN s.status IN ('in_trial', 'paused') THEN coalesce(s.cancelled_at, 'infinity')
                      ELSE 'infinity' END, customer.deleted_at) AS service_end
    FROM (SELECT 1) AS one %6$s OFFSET 0) AS served
CROSS JOIN LATERAL (
    SELECT served.begun, served.billing_interval, served.service_end, trial.trial_start,
           CASE WHEN trial.trial_start IS NOT NULL THEN least(s.trial_end, served.service_end, CASE WHEN s.status <> 'in_trial' AND s.activated_at >= trial.trial_start THEN s.activated_at END) END AS trial_end,
           CASE WHEN s.status <> 'active' AND s.cancelled_at IS NOT NULL AND (s.cancel_schedule_created_at IS NOT NULL OR s.status = 'cancelled')
                THEN least(s.cancel_schedule_created_at, s.cancelled_at, served.service_end) END AS canceled_at
    FROM (SELECT CASE WHEN s.trial_end > coalesce(s.trial_start, served.begun) THEN coalesce(s.trial_start, served.begun) END AS trial_start) AS trial OFFSET 0) AS life
-- the paid stretch, if there is one
CROSS JOIN LATERAL (
    SELECT recognized.paid_start,
           least(CASE WHEN recognized.paid_start >= life.service_end OR life.service_end < life.trial_end + interval '1 hour' THEN recognized.paid_start ELSE CASE option.recognition
               WHEN 'canceled' THEN greatest(recognized.paid_start, coalesce(life.canceled_at, life.service_end))
               WHEN 'period_end' THEN CASE WHEN s.current_term_start < life.service_end AND s.current_term_end >= life.service_end THEN s.current_term_end
                   ELSE @extschema@.billing_period_end(CASE WHEN s.current_term_end < life.service_end THEN s.current_term_end ELSE recognized.paid_start END, life.service_end, life.billing_interval, option.time_zone) END
               ELSE life.service_end END END,
               CASE WHEN option.past_due IS NOT NULL AND s.due_since IS NOT NULL THEN greatest(recognized.paid_start, ((s.due_since AT TIME ZONE option.time_zone) + option.past_due) AT TIME ZONE option.time_zone) END) AS paid_end,
           CASE WHEN option.pauses = 'zero' THEN coalesce(s.pause_date, CASE WHEN s.status = 'paused' THEN s.updated_at END) END AS pause_start,
           CASE WHEN s.status <> 'paused' AND s.activated_at > s.pause_date THEN least(s.activated_at, s.resume_date) ELSE coalesce(s.resume_date, 'infinity') END AS pause_end
    FROM (SELECT coalesce(life.trial_end, life.begun) AS paid_start) AS recognized OFFSET 0) AS paid
CROSS JOIN LATERAL (VALUES
    (life.trial_start, life.trial_end, true, false),
    (paid.paid_start, least(paid.paid_end, paid.pause_start), false, false),
    (greatest(paid.paid_start, paid.pause_start), CASE WHEN paid.pause_start IS NOT NULL THEN least(paid.paid_end, paid.pause_end) END, false, true),
    (greatest(paid.paid_start, paid.pause_end), CASE WHEN paid.pause_start IS NOT NULL THEN paid.paid_end END, false, false)) AS stretch (started_at, ended_at, on_trial, paused)
WHERE s.status NOT IN ('future', 'transferred') AND life.service_end IS NOT NULL AND (stretch.started_at < stretch.ended_at OR life.begun = 'infinity' AND stretch.ended_at = 'infinity' AND NOT stretch.paused)
  AND (stretch.on_trial OR s.status <> 'in_trial' AND NOT (s.status = 'cancelled' AND life.trial_start IS NOT NULL AND s.activated_at IS NULL))
$query$,
        @extschema@.chargebee_columns(source_schema, 'subscriptions'::name, 'id:text customer_id:text status:text currency_code:text billing_period:numeric billing_period_unit:text started_at:moment activated_at:moment '
            'trial_start:moment trial_end:moment current_term_start:moment current_term_end:moment cancelled_at:moment cancel_schedule_created_at:moment pause_date:moment resume_date:moment due_since:moment '
            'created_at:moment updated_at:moment deleted:boolean mrr:numeric cancel_reason:text cancel_reason_code:text subscription_items:jsonb discounts:jsonb coupons:jsonb plan_id:text plan_quantity:numeric '
            'plan_amount:numeric plan_unit_price:numeric addons:jsonb'::text),
        source_schema, tables, digits, option,
        $$CROSS JOIN LATERAL (SELECT CASE s.billing_period_unit WHEN 'day' THEN make_interval(days => n.periods) WHEN 'week' THEN make_interval(days => 7 * n.periods)
            WHEN 'month' THEN make_interval(months => n.periods) WHEN 'year' THEN make_interval(months => 12 * n.periods) END AS billing_interval
            FROM (SELECT @extschema@.whole_count(s.billing_period) AS periods) AS n) AS bill$$,
        -- what is there but is no number leaves an amount unknown
        $$CROSS JOIN LATERAL (SELECT q.quantity, CASE WHEN e ->> 'amount' IS NOT NULL THEN @extschema@.text_number(e ->> 'amount') WHEN q.quantity >= 0 THEN @extschema@.text_number(e ->> 'unit_price') * q.quantity END AS amount
            FROM (SELECT CASE WHEN e ->> 'quantity' IS NULL THEN 1 ELSE @extschema@.text_number(e ->> 'quantity') END AS quantity) AS q) AS n$$);
END
$function$;
COMMENT ON FUNCTION chargebee_query(name, text) IS 'internal: the query of a Chargebee schema''s stretches';
