-- Subscription rows from Recurly, as Fivetran replicates it. See docs/providers/recurly.md.
--since 0.3.0

CREATE FUNCTION recurly_needs() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $needs$ SELECT $$
subscription_history id any_text   # subscription
subscription_history updated_at timestamp_with_time_zone,timestamp_without_time_zone   # since when a record holds
subscription_history account_id any_text   # customer
subscription_history plan_id any_text   # plan
subscription_history state any_text   # which subscriptions count, pauses, status
subscription_history activated_at timestamp_with_time_zone,timestamp_without_time_zone   # start
subscription_history canceled_at timestamp_with_time_zone,timestamp_without_time_zone   # when the customer cancelled
subscription_history expires_at timestamp_with_time_zone,timestamp_without_time_zone   # end
subscription_history trial_started_at timestamp_with_time_zone,timestamp_without_time_zone   # trial
subscription_history trial_ends_at timestamp_with_time_zone,timestamp_without_time_zone   # trial
subscription_history current_period_started_at timestamp_with_time_zone,timestamp_without_time_zone   # since when a change at a renewal holds
subscription_history current_period_ends_at timestamp_with_time_zone,timestamp_without_time_zone   # end where expires_at is empty, recognition at the period's end
subscription_history currency any_text   # currency
subscription_history quantity any_number   # quantity, price
subscription_history unit_amount any_number   # price
subscription_history add_ons_total any_number optional   # price of the add-ons
subscription_history paused_at timestamp_with_time_zone,timestamp_without_time_zone optional   # begin of a pause
subscription_history expiration_reason any_text optional   # reason
subscription_history _fivetran_synced timestamp_with_time_zone,timestamp_without_time_zone optional   # order of records of one moment
plan_history id any_text   # plan
plan_history updated_at timestamp_with_time_zone,timestamp_without_time_zone   # which record is the last
plan_history interval_length|period_length any_number   # billing interval
plan_history interval_unit|period_unit any_text   # billing interval
plan_history name any_text optional   # plan's name
plan_history code any_text optional   # plan's name where it has none
account_history id any_text optional optional_table   # whose subscriptions end with an account
account_history updated_at timestamp_with_time_zone,timestamp_without_time_zone optional optional_table   # which record is the last
account_history deleted_at timestamp_with_time_zone,timestamp_without_time_zone optional optional_table   # when an account was closed
account_history state any_text optional optional_table   # whether it is still closed
coupon_redemption_history id any_text optional optional_table   # discounts
coupon_redemption_history updated_at timestamp_with_time_zone,timestamp_without_time_zone optional optional_table   # which record is the last
coupon_redemption_history account_id any_text optional optional_table   # whose discount it is
coupon_redemption_history subscription_id any_text optional optional_table   # which subscription's discount it is
coupon_redemption_history coupon_id any_text optional optional_table   # coupon
coupon_redemption_history created_at timestamp_with_time_zone,timestamp_without_time_zone optional optional_table   # begin of a discount
coupon_redemption_history removed_at timestamp_with_time_zone,timestamp_without_time_zone optional optional_table   # end of a discount
coupon_redemption_history state any_text optional optional_table   # whether a discount still runs
coupon_discount coupon_id any_text optional optional_table   # discounts
coupon_discount percentage any_number,any_text optional optional_table   # discount
coupon_discount amount any_number,any_text optional optional_table   # discount
coupon_discount currency any_text optional optional_table   # currency of a discount
coupon_history|coupon id any_text optional optional_table   # how long discounts last
coupon_history|coupon updated_at timestamp_with_time_zone,timestamp_without_time_zone optional optional_table   # which record is the last
coupon_history|coupon duration any_text optional optional_table   # forever, single_use, temporal
coupon_history|coupon temporal_amount any_number optional optional_table   # how long a discount lasts
coupon_history|coupon temporal_unit any_text optional optional_table   # how long a discount lasts
invoice_history id any_text optional optional_table   # past due
invoice_history updated_at timestamp_with_time_zone,timestamp_without_time_zone optional optional_table   # since when an invoice is past due
invoice_history state any_text optional optional_table   # whether an invoice is past due
invoice_subscription_history invoice_id any_text optional optional_table   # past due
invoice_subscription_history subscription_id any_text optional optional_table   # whose invoice it is
$$ $needs$;
COMMENT ON FUNCTION recurly_needs() IS 'internal: the tables and columns that recurly_query() reads';

-- A table as a subquery's text: its columns with types of their own, NULL where it has none of the names divided by |; no rows where there is no table. Timestamps without a zone are in UTC.
CREATE FUNCTION recurly_table(source_schema name, tables text, columns text) RETURNS text LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $table$
    SELECT format('SELECT %s %s', string_agg(CASE
               WHEN c.found IS NULL THEN format('NULL::%s', CASE c.kind WHEN 'moment' THEN 'timestamptz' ELSE c.kind END)
               WHEN c.kind = 'text' THEN format('source.%I::text COLLATE "C"', c.found)
               WHEN c.kind = 'numeric' AND @extschema@.type_serves(@extschema@.source_column_type(source_schema, t.name, c.found), 'text'::text) THEN format('@extschema@.text_number(source.%I::text)', c.found)
               WHEN c.kind <> 'moment' THEN format('source.%I::%s', c.found, c.kind)
               WHEN @extschema@.source_column_type(source_schema, t.name, c.found) = 'timestamp without time zone' THEN format('@extschema@.bounded_moment(source.%I AT TIME ZONE ''UTC'')', c.found)
               ELSE format('@extschema@.bounded_moment(source.%I)', c.found) END || format(' AS %I', c.name), ', ' ORDER BY c.n),
           CASE WHEN t.name IS NULL THEN 'WHERE false' ELSE format('FROM %I.%I AS source', source_schema, t.name) END)
    FROM (SELECT @extschema@.source_table(source_schema, tables) AS name) AS t CROSS JOIN LATERAL (
        SELECT split_part(split_part(word, ':', 1), '|', 1)::name AS name, split_part(word, ':', 2) AS kind, @extschema@.source_column(source_schema, t.name, split_part(word, ':', 1)) AS found, n
        FROM string_to_table(columns, ' ') WITH ORDINALITY AS word (word, n)) AS c
    GROUP BY t.name
    $table$;
COMMENT ON FUNCTION recurly_table(name, text, text) IS 'internal: the columns of a table, given as name:type, as a query';

CREATE FUNCTION recurly_query(source_schema name, option text) RETURNS text LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $function$
    SELECT format($query$
-- every record, since when it holds, and whether it says anything new: a change at a renewal holds since the renewal, all others since they were made, and the first record ever since
WITH version AS (
    SELECT h.*, CASE WHEN h.n = 1 THEN '-infinity' WHEN h.current_period_started_at > h.period_before AND h.current_period_started_at > h.updated_before AND h.current_period_started_at <= h.updated_at
                          AND h.updated_at < h.current_period_started_at + interval '24:00:00' THEN h.current_period_started_at ELSE h.updated_at END AS since
    FROM (SELECT s.*, row_number() OVER w AS n, lag(s.current_period_started_at) OVER w AS period_before, lag(s.updated_at) OVER w AS updated_before, lead(s.id) OVER w IS NULL AS is_last,
                 (lag(s.state = 'paused') OVER w, lag(s.paused_at) OVER w, lag(s.plan_id) OVER w, lag(s.quantity) OVER w, lag(s.unit_amount) OVER w, lag(s.add_ons_total) OVER w, lag(s.currency) OVER w)
                 IS DISTINCT FROM (s.state = 'paused', s.paused_at, s.plan_id, s.quantity, s.unit_amount, s.add_ons_total, s.currency) AS changes
          FROM (%1$s) AS s WINDOW w AS (PARTITION BY s.id ORDER BY s.updated_at, s._fivetran_synced)) AS h
)
SELECT s.customer_id, s.subscription_id, NULL::text AS product, s.plan, s.currency, s.billing_interval, s.quantity, min(s.started_at) AS started_at, nullif(max(s.ended_at), 'infinity') AS ended_at, s.mrr, s.status,
       s.trial_started_at, s.trial_ended_at, s.canceled_at, s.cancel_reason, s.on_trial
FROM (
    -- neighbours of one price, plan and quantity are one stretch
    SELECT s.*, count(*) FILTER (WHERE s.changes) OVER (PARTITION BY s.subscription_id, s.on_trial ORDER BY s.started_at) AS n
    FROM (SELECT s.*, (lag(s.ended_at) OVER w, lag(s.mrr) OVER w, lag(s.quantity) OVER w, lag(s.plan_id) OVER w, lag(s.currency) OVER w) IS DISTINCT FROM (s.started_at, s.mrr, s.quantity, s.plan_id, s.currency) AS changes
          FROM (SELECT life.account_id AS customer_id, life.id AS subscription_id, record.plan_id, coalesce(plan.name, plan.code, record.plan_id) AS plan, record.currency, billed.billing_interval,
                       coalesce(record.quantity, 1) AS quantity, stretch.started_at, stretch.ended_at, stretch.on_trial,
                       CASE WHEN record.state = 'paused' AND option.pauses = 'zero' AND NOT stretch.on_trial AND (record.paused_at IS NULL OR record.paused_at > record.until OR stretch.started_at >= record.paused_at) THEN 0
                            WHEN billed.price IS NOT NULL THEN greatest(0, billed.price * (1 - least(reduction.percentage, 100) / 100) - reduction.amount) END AS mrr,
                       CASE WHEN life.state = 'expired' OR life.service_end <= now() THEN 'canceled' WHEN now() < life.trial_end THEN 'trialing' WHEN life.state = 'paused' THEN 'paused'
                            WHEN dunned.is_past_due THEN 'past_due' ELSE 'active' END AS status,
                       life.trial_start AS trial_started_at, life.trial_end AS trial_ended_at, life.canceled_at, life.expiration_reason AS cancel_reason
                FROM (SELECT v.*, coalesce(lead(v.since) OVER (PARTITION BY v.id ORDER BY v.n), 'infinity') AS until FROM version AS v WHERE v.changes OR v.n = 1) AS record CROSS JOIN %2$s
                -- the subscription as it is today: from when to when; one that is cancelled within its trial expires with it, be it some minutes later
                JOIN (SELECT l.*, CASE WHEN l.service_end = 'infinity' THEN l.service_end ELSE CASE option.recognition
                                      WHEN 'canceled' THEN greatest(l.begun, least(l.service_end, l.canceled_at))
                                      WHEN 'period_end' THEN CASE WHEN l.current_period_started_at < l.service_end THEN greatest(l.service_end, l.current_period_ends_at) ELSE l.service_end END
                                      ELSE l.service_end END END AS recognized_end,
                             CASE WHEN l.trial_end IS NULL THEN l.begun
                                  WHEN l.service_end < l.trial_end + interval '1 hour' OR l.canceled_at < l.trial_end OR l.expiration_reason = 'nonpayment_trial' OR l.trial_end > now() THEN 'infinity' ELSE l.trial_end END AS paid_start
                      FROM (SELECT l.id, l.account_id, l.state, l.begun, l.service_end, l.current_period_started_at, l.current_period_ends_at, l.expiration_reason,
                                   CASE WHEN l.service_end < 'infinity' THEN least(l.canceled_at, CASE WHEN l.canceled_at IS NOT NULL THEN l.service_end END) END AS canceled_at,
                                   CASE WHEN l.trial_ends_at > l.trial_start THEN l.trial_start END AS trial_start, CASE WHEN l.trial_ends_at > l.trial_start THEN least(l.trial_ends_at, l.service_end) END AS trial_end
                            FROM (SELECT r.id, r.account_id, r.state, r.current_period_started_at, r.current_period_ends_at, r.expiration_reason, r.canceled_at, r.trial_ends_at,
                                         coalesce(r.activated_at, r.trial_started_at) AS begun, coalesce(r.trial_started_at, r.activated_at) AS trial_start,
                                         greatest(coalesce(r.activated_at, r.trial_started_at), least(CASE r.state WHEN 'expired' THEN coalesce(r.expires_at, r.updated_at)
                                             WHEN 'canceled' THEN coalesce(r.expires_at, r.current_period_ends_at, 'infinity') ELSE 'infinity' END, account.deleted_at)) AS service_end
                                  FROM version AS r
                                  LEFT JOIN (SELECT DISTINCT ON (a.id) a.* FROM (%3$s) AS a ORDER BY a.id, a.updated_at DESC) AS account ON account.id = r.account_id AND account.state IS DISTINCT FROM 'active'
                                  WHERE r.is_last AND r.state NOT IN ('future', 'failed', 'pending')) AS l) AS l CROSS JOIN %2$s) AS life ON life.id = record.id
                LEFT JOIN (SELECT DISTINCT ON (p.id) p.* FROM (%4$s) AS p ORDER BY p.id, p.updated_at DESC) AS plan ON plan.id = record.plan_id
                -- coupons that were redeemed
                LEFT JOIN (SELECT r.account_id, array_agg(r.subscription_id) AS subscription_ids, array_agg(CASE WHEN d.percentage >= 0 AND d.percentage < 'Infinity' THEN d.percentage END) AS percentages, array_agg(d.amount) AS amounts, array_agg(upper(d.currency)) AS currencies,
                                  array_agg(coalesce(c.duration = 'single_use', false)) AS only_once, array_agg(r.created_at) AS since,
                                  array_agg(least(coalesce(r.removed_at, CASE WHEN r.state = 'inactive' THEN r.updated_at END, 'infinity'),
                                                  CASE WHEN c.duration = 'temporal' THEN @extschema@.bounded_moment(((r.created_at AT TIME ZONE option.time_zone) + CASE rtrim(c.temporal_unit, 's')
                                                      WHEN 'day' THEN make_interval(days => c.lasting) WHEN 'week' THEN make_interval(days => 7 * c.lasting)
                                                      WHEN 'month' THEN make_interval(months => c.lasting) WHEN 'year' THEN make_interval(months => 12 * c.lasting) END)
                                                      AT TIME ZONE option.time_zone) END)) AS until
                           FROM (SELECT DISTINCT ON (r.id) r.* FROM (%5$s) AS r ORDER BY r.id, r.updated_at DESC) AS r CROSS JOIN %2$s
                           JOIN (%6$s) AS d ON d.coupon_id = r.coupon_id
                           LEFT JOIN (SELECT DISTINCT ON (c.id) c.*, CASE WHEN c.temporal_amount IS NOT NULL THEN least(greatest(c.temporal_amount, 0), 12000)::integer END AS lasting FROM (%7$s) AS c ORDER BY c.id, c.updated_at DESC) AS c ON c.id = r.coupon_id
                           WHERE option.discounts = 'all' OR option.discounts = 'forever' AND c.duration = 'forever'
                           GROUP BY r.account_id) AS redeemed ON redeemed.account_id = life.account_id
                -- invoices that were past due: from when on they no longer count, and until when
                LEFT JOIN (SELECT o.subscription_id, array_agg(((o.since AT TIME ZONE option.time_zone) + option.past_due) AT TIME ZONE option.time_zone) AS since, array_agg(o.until) AS until, bool_or(o.until = 'infinity') AS is_past_due
                           FROM (SELECT b.subscription_id, late.since, coalesce(min(i.updated_at), 'infinity') AS until
                                 FROM (SELECT i.id, min(i.updated_at) AS since FROM (%8$s) AS i WHERE i.state = 'past_due' GROUP BY i.id) AS late
                                 JOIN (SELECT DISTINCT b.invoice_id, b.subscription_id FROM (%9$s) AS b) AS b ON b.invoice_id = late.id
                                 LEFT JOIN (%8$s) AS i ON i.id = late.id AND i.state <> 'past_due' AND i.updated_at > late.since
                                 GROUP BY b.subscription_id, late.id, late.since) AS o CROSS JOIN %2$s
                           GROUP BY o.subscription_id) AS dunned ON dunned.subscription_id = life.id
                CROSS JOIN LATERAL (SELECT b.billing_interval, CASE WHEN record.unit_amount >= 0 AND coalesce(record.quantity, 1) >= 0 AND coalesce(record.add_ons_total, 0) >= 0
                        THEN @extschema@.price_per_month(record.unit_amount * coalesce(record.quantity, 1) + coalesce(record.add_ons_total, 0), b.billing_interval) END AS price
                    FROM (SELECT CASE rtrim(plan.interval_unit, 's') WHEN 'day' THEN make_interval(days => n.periods) WHEN 'week' THEN make_interval(days => 7 * n.periods)
                                     WHEN 'month' THEN make_interval(months => n.periods) WHEN 'year' THEN make_interval(months => 12 * n.periods) END AS billing_interval
                          FROM (SELECT @extschema@.whole_count(plan.interval_length) AS periods) AS n) AS b) AS billed
                -- the trial, with what would be paid at its end; what is paid, cut where a pause, a discount or what is past due begins or ends
                CROSS JOIN LATERAL (
                    SELECT life.trial_start AS started_at, life.trial_end AS ended_at, true AS on_trial, life.trial_end AS priced_at WHERE record.since < life.trial_end AND record.until >= life.trial_end
                    UNION ALL
                    SELECT cut.at, lead(cut.at, 1, least(record.until, life.recognized_end)) OVER (ORDER BY cut.at), false, cut.at
                    FROM (SELECT greatest(record.since, life.paid_start) AS at UNION SELECT record.paused_at WHERE record.state = 'paused' UNION SELECT unnest(redeemed.since) UNION SELECT unnest(redeemed.until)
                          UNION SELECT ((greatest(r.since, life.paid_start) AT TIME ZONE option.time_zone) + billed.billing_interval) AT TIME ZONE option.time_zone FROM unnest(redeemed.since, redeemed.only_once) AS r (since, only_once) WHERE r.only_once
                          UNION SELECT unnest(dunned.since) UNION SELECT unnest(dunned.until)) AS cut
                    WHERE cut.at >= greatest(record.since, life.paid_start) AND cut.at < least(record.until, life.recognized_end)) AS stretch
                CROSS JOIN LATERAL (
                    SELECT coalesce(sum(r.percentage), 0) AS percentage, coalesce(sum(@extschema@.price_per_month(r.amount, billed.billing_interval)), 0) AS amount
                    FROM unnest(redeemed.subscription_ids, redeemed.percentages, redeemed.amounts, redeemed.currencies, redeemed.only_once, redeemed.since, redeemed.until)
                         AS r (subscription_id, percentage, amount, currency, only_once, since, until)
                    WHERE (r.subscription_id IS NULL OR r.subscription_id = life.id) AND (r.currency IS NULL OR r.currency = upper(record.currency)) AND r.since <= stretch.priced_at
                      AND stretch.priced_at < CASE WHEN r.only_once THEN ((greatest(r.since, life.paid_start) AT TIME ZONE option.time_zone) + billed.billing_interval) AT TIME ZONE option.time_zone ELSE r.until END) AS reduction
                WHERE stretch.on_trial OR option.past_due IS NULL
                   OR NOT EXISTS (SELECT FROM unnest(dunned.since, dunned.until) AS o (since, until) WHERE stretch.started_at >= o.since AND stretch.started_at < o.until)) AS s
          WINDOW w AS (PARTITION BY s.subscription_id, s.on_trial ORDER BY s.started_at)) AS s) AS s
GROUP BY s.customer_id, s.subscription_id, s.plan, s.currency, s.billing_interval, s.quantity, s.mrr, s.status, s.trial_started_at, s.trial_ended_at, s.canceled_at, s.cancel_reason, s.on_trial, s.n
$query$,
        @extschema@.recurly_table(source_schema, 'subscription_history'::text, 'id:text updated_at:moment account_id:text plan_id:text state:text activated_at:moment canceled_at:moment expires_at:moment trial_started_at:moment '
            'trial_ends_at:moment current_period_started_at:moment current_period_ends_at:moment currency:text quantity:numeric unit_amount:numeric add_ons_total:numeric paused_at:moment expiration_reason:text '
            '_fivetran_synced:moment'::text),
        option,
        @extschema@.recurly_table(source_schema, 'account_history'::text, 'id:text updated_at:moment deleted_at:moment state:text'::text),
        @extschema@.recurly_table(source_schema, 'plan_history'::text, 'id:text updated_at:moment interval_length|period_length:numeric interval_unit|period_unit:text name:text code:text'::text),
        @extschema@.recurly_table(source_schema, 'coupon_redemption_history'::text, 'id:text updated_at:moment account_id:text subscription_id:text coupon_id:text created_at:moment removed_at:moment state:text'::text),
        @extschema@.recurly_table(source_schema, 'coupon_discount'::text, 'coupon_id:text percentage:numeric amount:numeric currency:text'::text),
        @extschema@.recurly_table(source_schema, 'coupon_history|coupon'::text, 'id:text updated_at:moment duration:text temporal_amount:numeric temporal_unit:text'::text),
        @extschema@.recurly_table(source_schema, 'invoice_history'::text, 'id:text updated_at:moment state:text'::text),
        @extschema@.recurly_table(source_schema, 'invoice_subscription_history'::text, 'invoice_id:text subscription_id:text'::text))
    $function$;
COMMENT ON FUNCTION recurly_query(name, text) IS 'internal: the query of a Recurly schema''s stretches';
