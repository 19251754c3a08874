-- Views that BI tools query: over the tables of a billing system, or over any table of subscription rows.  See docs/views.md.
--since 0.3.0

-- ---- Providers ----

CREATE FUNCTION billing_providers()
    RETURNS TABLE (
        provider text,
        table_name text,
        column_name text,
        data_type text,
        table_required boolean,
        column_required boolean,
        used_for text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 200
    SET search_path = pg_catalog, pg_temp
    SET standard_conforming_strings = on
    AS $$
    SELECT p.provider, part[1], part[2], replace(replace(replace(part[3], 'any_', ''), '_', ' '), ',', ', '), bool_and(part[4] !~ 'optional_table') OVER (PARTITION BY p.n, part[1]), part[4] !~ 'optional( |$)', part[5]
    FROM (VALUES (1, 'stripe', @extschema@.stripe_needs()), (2, 'stripe_fivetran', @extschema@.stripe_fivetran_needs()), (3, 'killbill', @extschema@.killbill_needs()), (4, 'lago', @extschema@.lago_needs()),
                 (5, 'chargebee', @extschema@.chargebee_needs()), (6, 'recurly', @extschema@.recurly_needs())) AS p (n, provider, needs),
         string_to_table(p.needs, E'\n') WITH ORDINALITY AS line (text, n),
         regexp_match(line.text, '^\s*(\S+)\s+(\S+)\s+(\S+)((?: +optional| +optional_table)*)\s*(?:#\s*(.*))?$') AS part
    WHERE part IS NOT NULL
    ORDER BY p.n, line.n
    $$;
COMMENT ON FUNCTION billing_providers() IS 'the billing systems that create_billing_views() reads, with the tables and columns that each needs';

CREATE FUNCTION check_billing_source(provider text, source_schema name) RETURNS void LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    need record;
    relation name;
    attribute name;
    type_name text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = source_schema) THEN
        RAISE EXCEPTION 'schema "%" does not exist', source_schema USING ERRCODE = 'invalid_schema_name',
            HINT = format('Provider "%s" reads the tables %s: name the schema in which they are.', provider,
                          (SELECT string_agg(DISTINCT table_name, ', ') FROM @extschema@.billing_providers() b WHERE b.provider = check_billing_source.provider AND b.table_required));
    END IF;
    FOR need IN SELECT b.* FROM @extschema@.billing_providers() b WHERE b.provider = check_billing_source.provider LOOP
        relation := @extschema@.source_table(source_schema, need.table_name);
        IF relation IS NULL THEN
            CONTINUE WHEN NOT need.table_required;
            RAISE EXCEPTION 'schema "%" has no table %', source_schema, replace(format('"%s"', need.table_name), '|', '" or "') USING ERRCODE = 'undefined_table',
                HINT = format('billing_providers() lists what provider "%s" needs.', provider);
        END IF;
        attribute := @extschema@.source_column(source_schema, relation, need.column_name);
        IF attribute IS NULL THEN
            CONTINUE WHEN NOT need.column_required;
            RAISE EXCEPTION 'table %.% has no column %', quote_ident(source_schema), quote_ident(relation), replace(format('"%s"', need.column_name), '|', '" or "') USING ERRCODE = 'undefined_column',
                DETAIL = format('Provider "%s" reads it for: %s.', provider, need.used_for), HINT = format('billing_providers() lists what provider "%s" needs.', provider);
        END IF;
        type_name := @extschema@.source_column_type(source_schema, relation, attribute);
        IF NOT @extschema@.type_serves(type_name, need.data_type) THEN
            RAISE EXCEPTION 'column %.%.% has type %, but must be %', quote_ident(source_schema), quote_ident(relation), quote_ident(attribute), type_name, replace(need.data_type, ', ', ' or ')
                USING ERRCODE = 'datatype_mismatch', HINT = format('billing_providers() lists what provider "%s" needs.', provider);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION check_billing_source(text, name) IS 'internal: an error that names what a provider needs and a schema does not have';

-- ---- Arguments ----

CREATE FUNCTION check_view_word(argument text, word text, allowed text[]) RETURNS void LANGUAGE plpgsql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF word IS NULL THEN
        RAISE EXCEPTION '% must not be null', argument USING ERRCODE = 'null_value_not_allowed';
    ELSIF word <> ALL (allowed) THEN
        RAISE EXCEPTION '% must be one of %, not "%"', argument, array_to_string(allowed, ', '), word USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION check_view_word(text, text, text[]) IS 'internal: an error for an argument that is none of the allowed words';

CREATE FUNCTION check_view_argument(argument text, is_null boolean) RETURNS void LANGUAGE plpgsql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF is_null THEN
        RAISE EXCEPTION '% must not be null', argument USING ERRCODE = 'null_value_not_allowed';
    END IF;
END
$$;
COMMENT ON FUNCTION check_view_argument(text, boolean) IS 'internal: an error for an argument that is NULL';

-- Names are qualified and arguments have the exact types, here and in the texts of the views, so that no function or operator that somebody puts
-- into the extension's schema is taken for what is meant.
CREATE FUNCTION policy_call(policy churn_policy) RETURNS text LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    SET IntervalStyle = 'postgres'
    AS $$
    SELECT format('@extschema@.churn_policy(''standard''::text, %L::text, %L::text, %L::text, %L::boolean, %L::interval, %L::interval, %L::interval, %L::boolean, %L::boolean, %L::integer, %L::integer)',
                  policy.boundary, policy.basis, policy.denominator, policy.count_transient, policy.grace, policy.reactivation_window, policy.minimum_absence, policy.count_free,
                  policy.reactivation_offsets, policy.lookback, policy.smoothing)
    $$;
COMMENT ON FUNCTION policy_call(churn_policy) IS 'internal: the text of a call that makes a policy';

-- Both kinds of views have these arguments.
CREATE FUNCTION view_options(
    recognition text,
    trials text,
    time_zone text,
    end_inclusive boolean,
    reporting_currency text,
    fx regclass,
    policy churn_policy)
    RETURNS jsonb LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    SET IntervalStyle = 'postgres'
    AS $$
DECLARE
    fx_schema name;
    fx_table name;
    fx_column name;
    problem record;
BEGIN
    PERFORM @extschema@.check_view_word('recognition', recognition, '{ended,canceled,period_end}'::text[]);
    PERFORM @extschema@.check_view_word('trials', trials, '{exclude,free}'::text[]);
    PERFORM @extschema@.check_view_argument('time_zone', time_zone IS NULL), @extschema@.check_view_argument('end_inclusive', end_inclusive IS NULL);
    PERFORM count(*) FROM @extschema@.cohort_retention(NULL::@extschema@.subscription_ledger, interval '1 month', NULL::date, NULL::date, time_zone, policy, NULL::date);
    IF @extschema@.currency_digits(reporting_currency) IS NULL AND reporting_currency IS NOT NULL THEN
        RAISE EXCEPTION 'unknown currency "%"', reporting_currency USING ERRCODE = 'invalid_parameter_value',
            HINT = 'reporting_currency is a code of ISO 4217, such as EUR.';
    END IF;
    IF fx IS NOT NULL THEN
        IF reporting_currency IS NULL THEN
            RAISE EXCEPTION 'fx needs reporting_currency' USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Its rates are prices of the currencies in one other: say in which.';
        END IF;
        SELECT s.nspname, c.relname INTO fx_schema, fx_table FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace WHERE c.oid = fx AND c.relkind IN ('r', 'p', 'v', 'm', 'f');
        IF NOT FOUND THEN
            RAISE EXCEPTION 'fx "%" is no table', fx USING ERRCODE = 'wrong_object_type';
        ELSIF @extschema@.is_temporary(fx::oid) THEN
            RAISE EXCEPTION 'fx "%" is temporary', fx USING ERRCODE = 'wrong_object_type', HINT = 'The views would be gone with it.';
        END IF;
        FOREACH fx_column IN ARRAY '{currency,rate}'::name[] LOOP
            IF @extschema@.source_column(fx_schema, fx_table, fx_column::text) IS NULL THEN
                RAISE EXCEPTION 'table %.% has no column "%"', quote_ident(fx_schema), quote_ident(fx_table), fx_column USING ERRCODE = 'undefined_column',
                    HINT = 'fx has the columns currency, and rate: what one unit of it is worth in the reporting currency.';
            ELSIF NOT @extschema@.type_serves(@extschema@.source_column_type(fx_schema, fx_table, fx_column), CASE fx_column WHEN 'rate' THEN 'number' ELSE 'text' END) THEN
                RAISE EXCEPTION 'column %.%.% has type %, but must be %', quote_ident(fx_schema), quote_ident(fx_table), fx_column, @extschema@.source_column_type(fx_schema, fx_table, fx_column),
                    CASE fx_column WHEN 'rate' THEN 'a number' ELSE 'text' END USING ERRCODE = 'datatype_mismatch';
            END IF;
        END LOOP;
        FOR problem IN EXECUTE format('SELECT upper(currency::text COLLATE "C") AS currency, count(*), min(rate::numeric) AS rate FROM %I.%I GROUP BY 1 ORDER BY 1', fx_schema, fx_table) LOOP
            IF problem.currency IS NULL THEN
                RAISE EXCEPTION '%.% has a rate without a currency', quote_ident(fx_schema), quote_ident(fx_table) USING ERRCODE = 'invalid_parameter_value';
            ELSIF problem.count > 1 THEN
                RAISE EXCEPTION '%.% has % rates for "%"', quote_ident(fx_schema), quote_ident(fx_table), problem.count, problem.currency USING ERRCODE = 'invalid_parameter_value',
                    HINT = 'Rates are constant: one row for each currency. A view of your own can choose among several.';
            ELSIF problem.rate IS NULL OR problem.rate <= 0 OR problem.rate >= 'Infinity' THEN
                RAISE EXCEPTION '%.% has the rate % for "%", but a rate must be more than 0', quote_ident(fx_schema), quote_ident(fx_table), coalesce(problem.rate::text, 'NULL'), problem.currency
                    USING ERRCODE = 'invalid_parameter_value';
            ELSIF problem.currency = upper(reporting_currency COLLATE "C") AND problem.rate <> 1 THEN
                RAISE EXCEPTION '%.% has the rate % for "%", the reporting currency itself, but it must be 1', quote_ident(fx_schema), quote_ident(fx_table), problem.rate, problem.currency
                    USING ERRCODE = 'invalid_parameter_value';
            END IF;
        END LOOP;
    END IF;
    RETURN jsonb_build_object(
        'trials', trials, 'time_zone', time_zone, 'end_inclusive', end_inclusive, 'reporting_currency', upper(reporting_currency COLLATE "C"),
        'fx', CASE WHEN fx IS NOT NULL THEN format('%I.%I', fx_schema, fx_table) END,
        'policy', CASE WHEN policy IS NULL THEN 'NULL::@extschema@.churn_policy' ELSE @extschema@.policy_call(policy) END,
        'boundary', (policy).boundary,
        'term_policy', @extschema@.policy_call(ROW((policy).boundary, NULL, NULL, NULL, (policy).grace, NULL, NULL, NULL, NULL, NULL, NULL)::@extschema@.churn_policy));
END
$$;
COMMENT ON FUNCTION view_options(text, text, text, boolean, text, regclass, churn_policy) IS 'internal: the checked arguments of views';

-- ---- The views ----

-- The stretches that a source's query returns, as the views have them: types and collations of their own, money in one or in each currency; and which of
-- them a ledger would take. As one CASE the planner takes that for one condition, not for many that leave next to nothing.
CREATE FUNCTION view_stretches(source text, options jsonb, OUT stretches text, OUT taken text) LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    ended_at text := 'source.ended_at';
    code text := 'coalesce(upper(source.currency COLLATE "C"), ''XXX'')';
    currency text := code;
    mrr text := 'source.mrr';
    rates text := '';
BEGIN
    source := format('(%s) AS source', source);
    IF (options ->> 'end_inclusive')::boolean THEN
        ended_at := @extschema@.exclusive_end('source.ended_at', 'source.next_start', options ->> 'time_zone');
        source := format('(SELECT source.*, %s AS next_start FROM %s) AS source', @extschema@.next_start('source'), source);
    END IF;
    IF options ->> 'fx' IS NOT NULL THEN
        rates := format('LEFT JOIN (SELECT upper(currency::text COLLATE "C") AS currency, min(rate::numeric) AS rate FROM %s GROUP BY 1 '
                        'HAVING count(*) = 1 AND min(rate::numeric) > 0 AND min(rate::numeric) < ''Infinity'') AS fx ON fx.currency = %s', options ->> 'fx', code);
        mrr := 'source.mrr * coalesce(fx.rate, 1)';
        currency := format('CASE WHEN fx.rate IS NULL THEN %s ELSE %L END', code, options ->> 'reporting_currency');
    END IF;
    stretches := format($query$
        SELECT source.customer_id::text COLLATE pg_catalog."default" AS customer_id, source.subscription_id::text COLLATE pg_catalog."default" AS subscription_id,
               source.product::text COLLATE pg_catalog."default" AS product, source.plan::text COLLATE pg_catalog."default" AS plan,
               (%1$s)::text COLLATE pg_catalog."default" AS currency, source.billing_interval::interval AS billing_interval, source.quantity::numeric AS quantity,
               source.started_at::timestamptz AS started_at, (CASE %6$s WHEN source.ended_at < timestamptz '9999-01-01 00:00:00+00' THEN %2$s END)::timestamptz AS ended_at,
               round(%3$s, 6)::numeric AS mrr, source.status::text COLLATE pg_catalog."default" AS status, source.trial_started_at::timestamptz AS trial_started_at,
               source.trial_ended_at::timestamptz AS trial_ended_at, source.canceled_at::timestamptz AS canceled_at,
               source.cancel_reason::text COLLATE pg_catalog."default" AS cancel_reason, source.on_trial
        FROM %4$s %5$s$query$, currency, ended_at, mrr, source, rates,
        -- What is over within an hour of its trial's end was given up, and only ended late.
        CASE WHEN (options ->> 'end_inclusive')::boolean THEN '' ELSE $late$WHEN NOT source.on_trial AND source.started_at >= source.trial_ended_at AND source.ended_at < source.trial_ended_at + interval '1 hour'
                         AND coalesce(source.canceled_at, source.ended_at) <= source.ended_at AND coalesce(source.status, 'canceled') = 'canceled' THEN source.started_at$late$ END);
    taken := $condition$CASE WHEN customer_id IS NULL OR started_at < timestamptz '0001-01-01 00:00:00+00' OR started_at >= timestamptz '9999-01-01 00:00:00+00' THEN false
               WHEN ended_at <= started_at THEN false
               ELSE mrr BETWEEN -1000000000000 AND 1000000000000 AND started_at IS NOT NULL END$condition$;
END
$$;
COMMENT ON FUNCTION view_stretches(text, jsonb) IS 'internal: the query of a source''s stretches as the views have them, and which of them are taken';

-- The text of each view, in the order in which they build on one another.
CREATE FUNCTION view_queries(source text, target_schema name, options jsonb)
    RETURNS TABLE (view_name name, query text)
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    zone text := quote_literal(options ->> 'time_zone') || '::text';
    policy text := options ->> 'policy';
    term_policy text := options ->> 'term_policy';
    -- amounts with two decimals, or as many as they have
    plain text := 'round(%1$s, greatest(2, min_scale(%1$s)))';
    stretches text := (SELECT format('SELECT * FROM (%s) AS stretch WHERE %s', v.stretches, v.taken) FROM @extschema@.view_stretches(source, options) v);
    subscriptions text := format('%I.subscriptions', target_schema);
    ledgers text := format('(SELECT currency, @extschema@.subscription_ledger(customer_id, started_at, ended_at, mrr) AS ledger FROM %s GROUP BY currency) AS ledgers', subscriptions);
BEGIN
    RETURN QUERY VALUES
    ('subscriptions'::name, CASE options ->> 'trials' WHEN 'free' THEN format(
        'SELECT customer_id, subscription_id, product, plan, currency, billing_interval, quantity, started_at, ended_at, CASE WHEN on_trial THEN 0.00 ELSE %s END AS mrr, status, '
        'trial_started_at, trial_ended_at, canceled_at, cancel_reason FROM (%s) AS stretch', format(plain, 'mrr'), stretches)
    ELSE format(
        'SELECT customer_id, subscription_id, product, plan, currency, billing_interval, quantity, started_at, ended_at, %s AS mrr, status, '
        'trial_started_at, trial_ended_at, canceled_at, cancel_reason FROM (%s) AS stretch WHERE NOT on_trial', format(plain, 'mrr'), stretches) END),

    ('mrr_movements', format(
        'SELECT ledgers.currency, m.period_start, m.period_end, m.opening_mrr, m.new_mrr, m.reactivation_mrr, m.expansion_mrr, m.contraction_mrr, m.churned_mrr, m.closing_mrr, m.net_new_mrr, '
        'm.gross_mrr_churn, m.net_mrr_churn, m.grr, m.nrr, m.quick_ratio, m.closing_customers, m.arpa, m.complete '
        'FROM %s CROSS JOIN LATERAL @extschema@.mrr_movements(ledgers.ledger, interval ''1 month'', NULL::date, NULL::date, %s, %s, NULL::date) AS m', ledgers, zone, policy)),

    ('churn', format(
        'SELECT ledgers.currency, c.period_start, c.period_end, c.opening_customers, c.new_customers, c.reactivated_customers, c.churned_customers, c.closing_customers, c.transient_customers, '
        'c.transient_new_customers, c.churn_rate, c.retention_rate, c.complete '
        'FROM %s CROSS JOIN LATERAL @extschema@.churn_by_period(ledgers.ledger, interval ''1 month'', NULL::date, NULL::date, %s, %s, NULL::date) AS c', ledgers, zone, policy)),

    ('cohorts', format(
        'SELECT ledgers.currency, c.cohort, c.period_number, c.period_start, c.cohort_size, c.customers, c.retention, c.cohort_mrr, c.mrr, c.mrr_retention, c.cumulative_mrr, c.complete '
        'FROM %s CROSS JOIN LATERAL @extschema@.cohort_retention(ledgers.ledger, interval ''1 month'', NULL::date, NULL::date, %s, %s, NULL::date) AS c', ledgers, zone, policy)),

    ('customers', format($query$
        SELECT customer_id, currency, %3$s AS mrr,
               CASE WHEN upcoming THEN 'upcoming' WHEN paused THEN 'paused' WHEN past_due THEN 'past_due' WHEN mrr > 0 THEN 'active' WHEN on_trial THEN 'trialing' WHEN running THEN 'free' ELSE 'churned' END AS status,
               CASE WHEN upcoming THEN 'upcoming' WHEN mrr > 0 AND won_back THEN 'won_back' WHEN mrr > 0 AND paid_since >= date_trunc('month', now() AT TIME ZONE %1$s) AT TIME ZONE %1$s THEN 'new'
                    WHEN mrr > 0 THEN 'active' WHEN on_trial THEN 'trial' WHEN running THEN CASE WHEN paused THEN 'paused' ELSE 'free' END
                    WHEN paid_since IS NOT NULL THEN 'churned' WHEN had_trial THEN 'trial_lost' ELSE 'churned' END AS lifecycle_stage,
               (paid_since AT TIME ZONE %1$s)::date AS first_start,
               CASE WHEN NOT running AND NOT upcoming THEN (last_end AT TIME ZONE %1$s)::date END AS ended_on,
               (CASE WHEN running THEN now() ELSE last_end END AT TIME ZONE %1$s)::date - (paid_since AT TIME ZONE %1$s)::date AS tenure_days
        FROM (SELECT customer_id, currency,
                     greatest(coalesce(sum(mrr) FILTER (WHERE is_running AND NOT on_trial), 0), 0) AS mrr,
                     bool_or(is_running) AS running,
                     bool_and(started_at > now()) AS upcoming,
                     coalesce(bool_or(is_running AND on_trial), false) AS on_trial,
                     bool_or(on_trial) AS had_trial,
                     coalesce(bool_and(mrr <= 0 AND status = 'paused') FILTER (WHERE is_running AND NOT on_trial), false) AS paused,
                     coalesce(bool_or(status = 'past_due') FILTER (WHERE is_running AND NOT on_trial), false) AS past_due,
                     coalesce(bool_or(started_at > ended_before AND started_at <= now()) FILTER (WHERE mrr > 0 AND NOT on_trial), false) AS won_back,
                     min(started_at) FILTER (WHERE mrr > 0 AND NOT on_trial AND started_at <= now()) AS paid_since,
                     max(least(ended_at, now())) FILTER (WHERE started_at <= now()) AS last_end
              FROM (SELECT customer_id, currency, started_at, ended_at, mrr, status, on_trial, started_at <= now() AND (ended_at IS NULL OR ended_at > now()) AS is_running,
                           max(coalesce(ended_at, 'infinity')) OVER (PARTITION BY customer_id, currency, mrr > 0 AND NOT on_trial ORDER BY started_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ended_before
                    FROM (%2$s) AS stretch) AS stretch
              GROUP BY customer_id, currency) AS customer$query$, zone, stretches, format(plain, 'mrr'))),

    -- A chain is a subscription at one billing interval without a gap; its terms are counted from its start, the anchor. At the end of a term within
    -- the chain it renews by itself: such ends lie a fixed number of months or days apart, so they are counted by steps (+ from here on, - from there
    -- on, at this distance). Only the end of a chain, for those that run the end of their present term, asks whether the customer goes on otherwise.
    -- Most chains are of one row, "alone", and need neither a search for their start and end nor a sum.
    ('renewals', format($query$
        WITH paid AS (        -- unit: months, or days below 0
            SELECT *, max(ended) OVER earlier AS before, lead(started) OVER earlier AS next
            FROM (SELECT currency, customer_id, coalesce(subscription_id, customer_id) COLLATE "C" AS subscription_id, billing_interval AS every, mrr,
                         CASE WHEN billing_interval < interval '1 day' OR billing_interval > interval '1000 years' OR billing_interval <> date_trunc('day', billing_interval) THEN NULL
                              WHEN date_part('day', billing_interval) = 0 THEN (date_part('year', billing_interval) * 12 + date_part('month', billing_interval))::integer
                              WHEN date_part('year', billing_interval) = 0 AND date_part('month', billing_interval) = 0 THEN - date_part('day', billing_interval)::integer END AS unit,
                         started_at AT TIME ZONE %1$s AS started, coalesce(ended_at AT TIME ZONE %1$s, 'infinity') AS ended
                  FROM %2$s WHERE mrr > 0 OFFSET 0) AS row
            WHERE unit IS NOT NULL AND started < ended
            WINDOW earlier AS (PARTITION BY subscription_id, customer_id, currency, unit ORDER BY started, ended ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)),
        stretch AS (
            SELECT currency, customer_id, subscription_id, unit, mrr, ended, anchor, alone, chain_end, CASE WHEN alone THEN 0 ELSE @extschema@.terms_until(anchor, started, every) END AS first_term,
                   CASE WHEN alone THEN 0 ELSE @extschema@.terms_until(anchor, least(greatest(started, before), chain_end), every) END AS first_counted,
                   CASE WHEN ended >= chain_end THEN chain_term ELSE @extschema@.terms_until(anchor, ended, every) END AS last_term
            FROM (SELECT *, CASE WHEN anchor + n0 * every > at THEN n0 - 1 ELSE n0 END::integer AS chain_term, least(last_end, anchor + (CASE WHEN anchor + n0 * every > at THEN n0 ELSE n0 + 1 END) * every) AS chain_end
                  FROM (SELECT *, round(date_part('epoch', at - anchor) / CASE WHEN unit > 0 THEN unit * 2629746.0::float8 ELSE unit * -86400.0::float8 END) AS n0
                        FROM (SELECT *, greatest(anchor, least(last_end - interval '1 microsecond', (SELECT now() AT TIME ZONE %1$s))) AS at
                              FROM (SELECT *, started AS anchor, ended AS last_end, true AS alone FROM paid WHERE (before >= started OR next <= ended) IS NOT TRUE
                                    UNION ALL
                                    SELECT *, max(ended) OVER (PARTITION BY subscription_id, customer_id, currency, unit, anchor), false
                                    FROM (SELECT *, max(CASE WHEN before >= started THEN NULL ELSE started END) OVER (PARTITION BY subscription_id, customer_id, currency, unit ORDER BY started, ended ROWS UNBOUNDED PRECEDING) AS anchor
                                          FROM paid WHERE before >= started OR next <= ended) AS row) AS row OFFSET 0) AS row OFFSET 0) AS row OFFSET 0) AS row
            WHERE alone OR started < chain_end),
        ends AS (
            SELECT currency, @extschema@.renewal_terms(customer_id, anchor AT TIME ZONE %1$s, chain_end AT TIME ZONE %1$s, mrr) AS terms
            FROM (SELECT currency, customer_id, anchor, chain_end, mrr FROM stretch WHERE alone
                  UNION ALL
                  SELECT currency, customer_id, anchor, chain_end, sum(mrr) FILTER (WHERE ended >= chain_end) FROM stretch WHERE NOT alone
                  GROUP BY currency, customer_id, subscription_id, unit, anchor, chain_end) AS chain
            GROUP BY currency),
        renewals AS (
            SELECT currency, date_trunc('month', CASE WHEN unit > 0 THEN timestamp '2001-01-01' + at * interval '1 month' ELSE timestamp '2001-01-01' + at * interval '1 day' END)::date AS period_start,
                   sum(terms)::bigint AS terms, sum(mrr) AS mrr
            FROM (SELECT currency, unit, generate_series(step, coalesce(next_step - abs(unit), step), abs(unit)) AS at, terms, mrr
                  FROM (SELECT currency, unit, step, lead(step) OVER class AS next_step, sum(sum(terms)) OVER class AS terms, sum(sum(mrr)) OVER class AS mrr
                        FROM (SELECT currency, unit, origin + term.n * abs(unit) AS step, term.terms, term.mrr
                              FROM (SELECT currency, unit, CASE WHEN unit > 0 THEN (date_part('year', anchor) * 12 + date_part('month', anchor))::integer - 24013 ELSE anchor::date - date '2001-01-01' END AS origin,
                                           first_term, first_counted, last_term, count(*) AS terms, sum(mrr) AS mrr
                                    FROM (SELECT currency, unit, anchor - CASE WHEN %4$s THEN interval '1 microsecond' ELSE '0' END AS anchor, first_term, first_counted, last_term, mrr
                                          FROM stretch WHERE first_term < last_term) AS stretch
                                    GROUP BY currency, unit, origin, first_term, first_counted, last_term) AS stretch
                                   CROSS JOIN LATERAL (VALUES (first_term + 1, 0, mrr), (first_counted + 1, stretch.terms, 0), (last_term + 1, CASE WHEN first_counted < last_term THEN - stretch.terms ELSE 0 END, - stretch.mrr)) AS term (n, terms, mrr)
                              WHERE term.terms <= 0 OR first_counted < last_term) AS step
                        GROUP BY currency, unit, step
                        WINDOW class AS (PARTITION BY currency, unit, ((step %% unit) + abs(unit)) %% unit ORDER BY step)) AS step) AS step
            GROUP BY 1, 2)
        SELECT ends.currency, e.period_start, e.period_end, e.due + coalesce(r.terms, 0) AS due, e.renewed + coalesce(r.terms, 0) AS renewed,
               CASE WHEN e.complete THEN @extschema@.renewal_rate((e.renewed + coalesce(r.terms, 0))::numeric, (e.due + coalesce(r.terms, 0))::numeric) END AS renewal_rate,
               %5$s AS due_mrr, %6$s AS renewed_mrr,
               CASE WHEN e.complete THEN (e.renewed_mrr + coalesce(r.mrr, 0)) / nullif(e.due_mrr + coalesce(r.mrr, 0), 0) END AS mrr_renewal_rate, e.complete
        FROM ends
             CROSS JOIN LATERAL @extschema@.renewals_by_period(ends.terms, interval '1 month', NULL::date, (date_trunc('month', now() AT TIME ZONE %1$s) + interval '13 months')::date, %1$s, %3$s, NULL::date) AS e
             LEFT JOIN renewals AS r ON r.currency = ends.currency AND r.period_start = e.period_start$query$,
        zone, subscriptions, term_policy, CASE WHEN options ->> 'boundary' = 'at' THEN 'true' ELSE 'false' END,
        format(plain, '(e.due_mrr + coalesce(r.mrr, 0))'), format(plain, '(e.renewed_mrr + coalesce(r.mrr, 0))'))),

    -- What touches of one subscription, its items and what it changed to on the way, is one trial; without subscription_id every row is one.
    ('trials', format($query$
        WITH stretch AS (SELECT currency, customer_id, subscription_id, started_at, ended_at, mrr, on_trial FROM (%1$s) AS stretch WHERE on_trial OR mrr > 0)
        SELECT terms.currency, t.period_start, t.period_end, t.ended_trials, t.converted_trials, t.trial_conversion, t.ended_mrr, t.converted_mrr, t.mrr_trial_conversion, t.complete
        FROM (SELECT currency, @extschema@.trial_terms(customer_id, started_at, ended_at, mrr, on_trial) AS terms
              FROM (SELECT currency, customer_id, started_at, ended_at, mrr, on_trial FROM stretch WHERE NOT on_trial
                    UNION ALL
                    %2$s) AS stretch GROUP BY currency HAVING bool_or(on_trial)) AS terms
             CROSS JOIN LATERAL @extschema@.trials_by_period(terms.terms, interval '1 month', NULL::date, NULL::date, %3$s, %4$s, NULL::date) AS t$query$, stretches,
        CASE WHEN (options ->> 'items')::boolean THEN $trials$
                    SELECT currency, customer_id, min(started_at), nullif(last_end, 'infinity'), sum(mrr) FILTER (WHERE ends = last_end), true
                    FROM (SELECT *, max(ends) OVER (PARTITION BY currency, customer_id, subscription_id, part) AS last_end
                          FROM (SELECT *, count(*) FILTER (WHERE (started_at <= ends_before) IS NOT TRUE) OVER (PARTITION BY currency, customer_id, subscription_id ORDER BY started_at, ends) AS part
                                FROM (SELECT *, max(ends) OVER (PARTITION BY currency, customer_id, subscription_id ORDER BY started_at, ends ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ends_before
                                      FROM (SELECT *, coalesce(ended_at, 'infinity') AS ends FROM stretch WHERE on_trial) AS trial) AS trial) AS trial) AS trial
                    GROUP BY currency, customer_id, subscription_id, part, last_end$trials$
        ELSE 'SELECT currency, customer_id, started_at, ended_at, mrr, true FROM stretch WHERE on_trial' END, zone, term_policy));
END
$$;
COMMENT ON FUNCTION view_queries(text, name, jsonb) IS 'internal: the views over the stretches of a source, and the query of each';

-- What the views' comments say: of the view itself where column_name is NULL, of a column of every view that has one where view_name is.
CREATE FUNCTION view_comments() RETURNS TABLE (view_name name, column_name name, comment text) LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
    VALUES
    ('subscriptions'::name, NULL::name, 'subscription rows: a row for each stretch of a subscription at one price'),
    ('mrr_movements', NULL, 'MRR at opening, what came and went, and MRR at closing, by month and currency'),
    ('churn', NULL, 'customers at opening, new, churned and at closing, and churn rate, by month and currency'),
    ('cohorts', NULL, 'what became of the customers who started in a month, month by month, by currency'),
    ('customers', NULL, 'every customer today, by currency'),
    ('renewals', NULL, 'terms that end in a month, those ahead too, and those that went on, by month and currency'),
    ('trials', NULL, 'trials that ended in a month and those that became paid, by month and currency'),
    (NULL, 'currency', 'currency by ISO 4217; amounts of different currencies are never added up'),
    (NULL, 'period_start', 'first day of the month'),
    (NULL, 'period_end', 'first day of the month after, or tomorrow in the running one'),
    (NULL, 'complete', 'false while the month, and the policy''s grace behind it, is not over'),
    (NULL, 'customer_id', 'customer, as the billing system names it'),
    ('subscriptions', 'subscription_id', 'subscription, as the billing system names it'),
    ('subscriptions', 'product', 'product'),
    ('subscriptions', 'plan', 'plan or price'),
    ('subscriptions', 'billing_interval', 'how often it is billed; NULL where unknown'),
    ('subscriptions', 'quantity', 'seats or units'),
    ('subscriptions', 'started_at', 'moment at which the stretch begins; trials are over by then'),
    ('subscriptions', 'ended_at', 'first moment without it; NULL while it runs on'),
    ('subscriptions', 'mrr', 'monthly recurring revenue of the stretch, in the currency, without taxes'),
    ('subscriptions', 'status', 'of the subscription today: active, trialing, past_due, unpaid, paused, canceled or future'),
    ('subscriptions', 'trial_started_at', 'moment at which the subscription''s trial began'),
    ('subscriptions', 'trial_ended_at', 'moment at which the subscription''s trial ended or will end'),
    ('subscriptions', 'canceled_at', 'moment at which the customer cancelled, which can be before the end'),
    ('subscriptions', 'cancel_reason', 'reason, as the billing system words it'),
    ('mrr_movements', 'opening_mrr', 'MRR just before the month'),
    ('mrr_movements', 'new_mrr', 'MRR of customers who pay for the first time'),
    ('mrr_movements', 'reactivation_mrr', 'MRR of customers who came back'),
    ('mrr_movements', 'expansion_mrr', 'what customers pay more'),
    ('mrr_movements', 'contraction_mrr', 'what customers pay less'),
    ('mrr_movements', 'churned_mrr', 'MRR of customers who left'),
    ('mrr_movements', 'closing_mrr', 'MRR just before the month ends'),
    ('mrr_movements', 'net_new_mrr', 'closing MRR less opening MRR'),
    ('mrr_movements', 'gross_mrr_churn', '(churned + contraction) / opening'),
    ('mrr_movements', 'net_mrr_churn', '(churned + contraction - expansion) / opening'),
    ('mrr_movements', 'grr', 'gross revenue retention: 1 - gross MRR churn'),
    ('mrr_movements', 'nrr', 'net revenue retention: 1 - net MRR churn'),
    ('mrr_movements', 'quick_ratio', '(new + reactivation + expansion) / (contraction + churned)'),
    ('mrr_movements', 'closing_customers', 'paying customers just before the month ends'),
    ('mrr_movements', 'arpa', 'closing MRR / closing customers'),
    ('churn', 'opening_customers', 'customers just before the month'),
    ('churn', 'new_customers', 'customers for the first time'),
    ('churn', 'reactivated_customers', 'customers who came back'),
    ('churn', 'churned_customers', 'customers who left'),
    ('churn', 'closing_customers', 'customers just before the month ends'),
    ('churn', 'transient_customers', 'customers who came and left within the month'),
    ('churn', 'transient_new_customers', 'those of them who were there for the first time'),
    ('churn', 'churn_rate', 'customers lost / customers at opening; NULL without any'),
    ('churn', 'retention_rate', '1 - churn rate'),
    ('cohorts', 'cohort', 'first day of the month in which the customers started'),
    ('cohorts', 'period_number', 'months since then'),
    ('cohorts', 'period_start', 'first day of that month'),
    ('cohorts', 'cohort_size', 'customers of the cohort'),
    ('cohorts', 'customers', 'those still there when the month ends'),
    ('cohorts', 'retention', 'customers / cohort size'),
    ('cohorts', 'cohort_mrr', 'MRR with which the cohort started'),
    ('cohorts', 'mrr', 'MRR of the cohort when the month ends'),
    ('cohorts', 'mrr_retention', 'MRR / MRR with which the cohort started'),
    ('cohorts', 'cumulative_mrr', 'sum of the MRR up to this month'),
    ('customers', 'mrr', 'MRR today'),
    ('customers', 'status', 'today: active, past_due, paused, free, trialing, churned or upcoming'),
    ('customers', 'lifecycle_stage', 'trial, trial_lost, new (this month), active, won_back, paused, free, churned or upcoming'),
    ('customers', 'first_start', 'first day with MRR; NULL if there was none'),
    ('customers', 'ended_on', 'first day without service, of those who left'),
    ('customers', 'tenure_days', 'days from the first start to today, or to the end'),
    ('renewals', 'due', 'terms that end in the month'),
    ('renewals', 'renewed', 'those of them that went on'),
    ('renewals', 'renewal_rate', 'renewed / due, once the month is complete'),
    ('renewals', 'due_mrr', 'MRR of the terms that end'),
    ('renewals', 'renewed_mrr', 'MRR of those that went on'),
    ('renewals', 'mrr_renewal_rate', 'renewed MRR / due MRR, once the month is complete'),
    ('trials', 'ended_trials', 'trials that ended in the month'),
    ('trials', 'converted_trials', 'those of them that became paid'),
    ('trials', 'trial_conversion', 'converted / ended'),
    ('trials', 'ended_mrr', 'MRR that the trials that ended would have brought'),
    ('trials', 'converted_mrr', 'MRR of those that became paid'),
    ('trials', 'mrr_trial_conversion', 'converted MRR / ended MRR')
    $$;
COMMENT ON FUNCTION view_comments() IS 'internal: what the comments on views and their columns say';

-- Ours is a view whose comment ends with this.
CREATE FUNCTION is_metric_view(relation oid) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND c.relkind = 'v' AND obj_description(c.oid, 'pg_class') LIKE '% (churnmetrics)') $$;
COMMENT ON FUNCTION is_metric_view(oid) IS 'internal: whether create_billing_views() or create_metric_views() made a view';

CREATE FUNCTION make_metric_views(source text, target_schema name, options jsonb, origin text) RETURNS SETOF regclass LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    view record;
    other record;
    attribute name;
    found text[];
    left_out bigint;
BEGIN
    PERFORM @extschema@.check_view_argument('target_schema', target_schema IS NULL);
    IF target_schema = '' THEN
        RAISE EXCEPTION 'target_schema must not be empty' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- two who make the same views at once: one after the other
    PERFORM pg_advisory_xact_lock(hashtext('churnmetrics'), hashtext(target_schema::text));
    FOR other IN SELECT c.oid, c.relname, c.relkind FROM @extschema@.view_comments() v JOIN pg_class c ON c.relname = v.view_name JOIN pg_namespace s ON s.oid = c.relnamespace
                 WHERE v.column_name IS NULL AND s.nspname = target_schema AND NOT @extschema@.is_metric_view(c.oid) ORDER BY c.relname LOOP
        RAISE EXCEPTION '% %.% exists, and is not of churnmetrics', CASE other.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' ELSE 'table' END,
            quote_ident(target_schema), quote_ident(other.relname) USING ERRCODE = 'duplicate_table', HINT = 'Choose another target_schema; one that does not exist is created. Views made before are known by their comments, which end with (churnmetrics).';
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = target_schema) THEN
        EXECUTE format('CREATE SCHEMA %I', target_schema);
        EXECUTE format('COMMENT ON SCHEMA %I IS %L', target_schema, 'subscription metrics (churnmetrics)');
    END IF;
    FOR view IN SELECT q.view_name, q.query FROM @extschema@.view_queries(source, target_schema, options) q LOOP
        EXECUTE format('CREATE OR REPLACE VIEW %I.%I WITH (security_invoker = true) AS %s', target_schema, view.view_name, view.query);
        FOR attribute IN SELECT a.attname FROM pg_attribute a WHERE a.attrelid = format('%I.%I', target_schema, view.view_name)::regclass AND a.attnum > 0 LOOP
            EXECUTE format('COMMENT ON COLUMN %I.%I.%I IS %L', target_schema, view.view_name, attribute,
                           (SELECT c.comment FROM @extschema@.view_comments() c WHERE c.column_name = attribute AND coalesce(c.view_name, view.view_name) = view.view_name ORDER BY c.view_name LIMIT 1));
        END LOOP;
        EXECUTE format('COMMENT ON VIEW %I.%I IS %L', target_schema, view.view_name,
                       (SELECT c.comment FROM @extschema@.view_comments() c WHERE c.view_name = view.view_name AND c.column_name IS NULL) || '; of ' || origin || ' (churnmetrics)');
        RETURN NEXT format('%I.%I', target_schema, view.view_name)::regclass;
    END LOOP;

    -- what the rows hold must be what was said of them
    EXECUTE (SELECT format($query$
        SELECT array_agg(currency ORDER BY currency) FILTER (WHERE taken > 0), sum(left_out)
        FROM (SELECT currency, count(*) FILTER (WHERE %2$s) AS taken,
                     count(*) FILTER (WHERE (%2$s) IS NOT TRUE AND (started_at = ended_at) IS NOT TRUE AND (customer_id IS NOT NULL OR started_at IS NOT NULL)) AS left_out
              FROM (%1$s) AS stretch GROUP BY currency) AS stretch$query$, v.stretches, v.taken) FROM @extschema@.view_stretches(source, options) v) INTO found, left_out;
    found := array_remove(found, coalesce(options ->> 'reporting_currency', 'XXX'));
    IF options ->> 'reporting_currency' IS NOT NULL AND found <> '{}' THEN
        RAISE EXCEPTION 'currency "%" has no rate to "%"', found[1], options ->> 'reporting_currency' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('The rows are in %s, too.', array_to_string(found, ', ')),
            HINT = CASE WHEN options ->> 'fx' IS NULL THEN 'Pass fx, a table of rates; or no reporting_currency: then every currency has rows of its own.' ELSE format('Add it to %s.', options ->> 'fx') END;
    END IF;
    SELECT array_agg(code) INTO found FROM unnest(found) AS code WHERE @extschema@.currency_digits(code) IS NULL AND NOT coalesce(nullif(options -> 'minor_units', 'null'), '{}') ? code;
    IF found IS NOT NULL AND options ? 'minor_units' THEN
        RAISE EXCEPTION 'unknown currency "%"', found[1] USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Codes are those of ISO 4217. Say how many digits another has with minor_units, such as ''{"XBT": 8}''.';
    END IF;
    IF left_out > 0 THEN
        RAISE WARNING '% of the stretches of % are left out', left_out, origin
            USING DETAIL = 'They have no customer, no start, no price, end before they start, or are beyond what a ledger takes.';
    END IF;
END
$$;
COMMENT ON FUNCTION make_metric_views(text, name, jsonb, text) IS 'internal: makes the views over the stretches that a query returns';

CREATE FUNCTION create_billing_views(
    provider text,
    source_schema name,
    target_schema name DEFAULT 'churn',
    time_zone text DEFAULT 'UTC',
    recognition text DEFAULT 'ended',
    pauses text DEFAULT 'zero',
    past_due interval DEFAULT NULL,
    trials text DEFAULT 'exclude',
    discounts text DEFAULT 'forever',
    end_inclusive boolean DEFAULT false,
    reporting_currency text DEFAULT NULL,
    fx regclass DEFAULT NULL,
    minor_units jsonb DEFAULT NULL,
    policy churn_policy DEFAULT NULL)
    RETURNS SETOF regclass LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET IntervalStyle = 'postgres'
    AS $$
DECLARE
    options jsonb := @extschema@.view_options(recognition, trials, time_zone, end_inclusive, reporting_currency, fx, policy) || jsonb_build_object('minor_units', minor_units, 'items', true);
    problem text;
    option text;
    source text;
BEGIN
    PERFORM @extschema@.check_view_word('provider', provider, (SELECT array_agg(p.provider ORDER BY p.provider) FROM (SELECT DISTINCT b.provider FROM @extschema@.billing_providers() b) p));
    PERFORM @extschema@.check_view_argument('source_schema', source_schema IS NULL), @extschema@.check_view_word('pauses', pauses, '{zero,keep}'::text[]), @extschema@.check_view_word('discounts', discounts, '{forever,all,none}'::text[]);
    IF end_inclusive AND recognition <> 'ended' THEN
        RAISE EXCEPTION 'end_inclusive needs recognition "ended", not "%"', recognition USING ERRCODE = 'invalid_parameter_value', HINT = 'Cancellations and ends of billing periods are moments, not last days.';
    END IF;
    IF past_due < interval '0' THEN
        RAISE EXCEPTION 'past_due must not be negative, but is %', past_due USING ERRCODE = 'invalid_parameter_value', HINT = 'NULL counts what is past due until it is cancelled.';
    END IF;
    IF jsonb_typeof(minor_units) <> 'object' THEN
        RAISE EXCEPTION 'minor_units must be an object such as {"ISK": 2}, not %', minor_units USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT format('"%s": %s', key, value) INTO problem FROM jsonb_each(minor_units) WHERE value::text !~ '^[0-8]$' OR key <> upper(key COLLATE "C") LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'minor_units must map currencies in capitals to digits between 0 and 8, not %', problem USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM @extschema@.check_billing_source(provider, source_schema);
    option := format('(SELECT %L::text AS recognition, %L::text AS pauses, %L::interval AS past_due, %L::text AS discounts, %L::text AS time_zone, %L::jsonb AS minor_units) AS option',
                     recognition, pauses, past_due, discounts, time_zone, minor_units);
    EXECUTE format('SELECT @extschema@.%I($1, $2)', provider || '_query') INTO source USING source_schema, option;
    RETURN QUERY SELECT * FROM @extschema@.make_metric_views(source, target_schema, options, format('%s in schema %I', provider, source_schema));
END
$$;
COMMENT ON FUNCTION create_billing_views(text, name, name, text, text, text, interval, text, text, boolean, text, regclass, jsonb, churn_policy) IS
    'views of subscriptions, MRR movements, churn, cohorts, customers, renewals and trials over the tables of a billing system';

CREATE FUNCTION create_metric_views(
    subscriptions regclass,
    target_schema name DEFAULT 'churn',
    customer_id name DEFAULT 'customer_id',
    started_at name DEFAULT 'started_at',
    ended_at name DEFAULT 'ended_at',
    mrr name DEFAULT 'mrr',
    subscription_id name DEFAULT NULL,
    product name DEFAULT NULL,
    plan name DEFAULT NULL,
    currency name DEFAULT NULL,
    billing_interval name DEFAULT NULL,
    quantity name DEFAULT NULL,
    status name DEFAULT NULL,
    trial_started_at name DEFAULT NULL,
    trial_ended_at name DEFAULT NULL,
    canceled_at name DEFAULT NULL,
    cancel_reason name DEFAULT NULL,
    time_zone text DEFAULT 'UTC',
    recognition text DEFAULT 'ended',
    trials text DEFAULT 'exclude',
    end_inclusive boolean DEFAULT false,
    reporting_currency text DEFAULT NULL,
    fx regclass DEFAULT NULL,
    policy churn_policy DEFAULT NULL)
    RETURNS SETOF regclass LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET IntervalStyle = 'postgres'
    AS $$
DECLARE
    options jsonb := @extschema@.view_options(recognition, trials, time_zone, end_inclusive, reporting_currency, fx, policy);
    source_schema name;
    source_table name;
    kind "char";
    asked record;
    type_name text;
    wanted text;
    value text;
    columns text := '';
    source text;
    others constant text := 'source.customer_id, source.subscription_id, source.product, source.plan, source.currency, source.billing_interval, source.quantity, source.started_at, source.mrr, source.status, '
        'source.trial_started_at, source.trial_ended_at, source.canceled_at, source.cancel_reason, source.next_start, source.is_first';
BEGIN
    PERFORM @extschema@.check_view_argument('subscriptions', subscriptions IS NULL), @extschema@.check_view_argument('customer_id', customer_id IS NULL), @extschema@.check_view_argument('started_at', started_at IS NULL),
            @extschema@.check_view_argument('ended_at', ended_at IS NULL), @extschema@.check_view_argument('mrr', mrr IS NULL);
    SELECT s.nspname, c.relname, c.relkind INTO source_schema, source_table, kind FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace WHERE c.oid = subscriptions;
    IF kind IS NULL OR kind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
        RAISE EXCEPTION '"%" is no table', subscriptions USING ERRCODE = 'wrong_object_type';
    END IF;
    IF recognition = 'canceled' AND canceled_at IS NULL THEN
        RAISE EXCEPTION 'recognition "canceled" needs the column canceled_at' USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the column that holds when the customer cancelled.';
    ELSIF recognition = 'period_end' AND billing_interval IS NULL THEN
        RAISE EXCEPTION 'recognition "period_end" needs the column billing_interval' USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the column that holds how often a subscription is billed.';
    ELSIF trial_started_at IS NOT NULL AND trial_ended_at IS NULL THEN
        RAISE EXCEPTION 'trial_started_at needs trial_ended_at' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF source_schema = target_schema AND @extschema@.is_metric_view(subscriptions::oid) THEN
        RAISE EXCEPTION '%.% is one of the views to be made', quote_ident(source_schema), quote_ident(source_table) USING ERRCODE = 'invalid_parameter_value', HINT = 'Choose another target_schema.';
    ELSIF @extschema@.is_temporary(subscriptions::oid) THEN
        RAISE EXCEPTION 'table "%" is temporary', source_table USING ERRCODE = 'wrong_object_type', HINT = 'The views would be gone with it.';
    END IF;
    FOR asked IN VALUES ('customer_id', customer_id, 'key'), ('started_at', started_at, 'time'), ('ended_at', ended_at, 'time'), ('mrr', mrr, 'numeric'), ('subscription_id', subscription_id, 'key'),
                        ('product', product, 'key'), ('plan', plan, 'key'), ('currency', currency, 'text'), ('billing_interval', billing_interval, 'interval'), ('quantity', quantity, 'numeric'),
                        ('status', status, 'key'), ('trial_started_at', trial_started_at, 'time'), ('trial_ended_at', trial_ended_at, 'time'), ('canceled_at', canceled_at, 'time'), ('cancel_reason', cancel_reason, 'key') LOOP
        type_name := @extschema@.source_column_type(source_schema, source_table, asked.column2);
        wanted := CASE asked.column3 WHEN 'key' THEN 'text, smallint, integer, bigint, numeric, uuid' WHEN 'numeric' THEN 'number' ELSE asked.column3 END;
        IF asked.column2 IS NOT NULL AND type_name IS NULL THEN
            RAISE EXCEPTION 'table %.% has no column "%"', quote_ident(source_schema), quote_ident(source_table), asked.column2 USING ERRCODE = 'undefined_column',
                HINT = format('Name the column that holds %1$s: %1$s => ''...''.', asked.column1);
        ELSIF type_name IS NOT NULL AND NOT @extschema@.type_serves(type_name, wanted) THEN
            RAISE EXCEPTION 'column %.%.% has type %, but % must be %', quote_ident(source_schema), quote_ident(source_table), quote_ident(asked.column2), type_name, asked.column1,
                CASE asked.column3 WHEN 'key' THEN 'text, a whole number, numeric or uuid' WHEN 'time' THEN 'date, timestamp or timestamp with time zone' WHEN 'numeric' THEN 'a number' ELSE asked.column3 END
                USING ERRCODE = 'datatype_mismatch', HINT = 'A view over the table can cast it.';
        END IF;
        value := 'source.' || quote_ident(asked.column2);
        columns := columns || ', ' || CASE
            WHEN asked.column2 IS NULL AND asked.column1 = 'currency' THEN format('%L::text', options ->> 'reporting_currency')
            WHEN asked.column2 IS NULL THEN format('NULL::%s', CASE asked.column3 WHEN 'time' THEN 'timestamptz' WHEN 'key' THEN 'text' ELSE asked.column3 END)
            -- what lies beyond the years 1 to 9998 is no time, whatever the zone makes of it
            WHEN asked.column3 = 'time' THEN format('CASE WHEN %1$s >= ''9999-01-01'' THEN ''infinity'' WHEN %1$s < ''0001-01-01'' THEN ''-infinity'' ELSE %2$s END::timestamptz', value,
                CASE type_name WHEN 'timestamp with time zone' THEN value ELSE format('%s::timestamp AT TIME ZONE %L', value, time_zone) END)
            ELSE format('%s::%s', value, CASE asked.column3 WHEN 'key' THEN 'text' ELSE asked.column3 END) END || ' AS ' || asked.column1;
    END LOOP;
    source := format('SELECT %s FROM %I.%I AS source', substr(columns, 3), source_schema, source_table);
    -- the row that follows, and whether one went before; without subscription_id every row is a subscription of its own
    source := format('SELECT source.*, %s AS next_start, %s AS is_first FROM (%s) AS source',
        CASE WHEN subscription_id IS NOT NULL AND (end_inclusive OR recognition = 'period_end' OR trial_ended_at IS NOT NULL) THEN @extschema@.next_start('source') ELSE 'NULL::timestamptz' END,
        CASE WHEN subscription_id IS NOT NULL AND trial_ended_at IS NOT NULL THEN 'source.started_at = min(source.started_at) OVER (PARTITION BY source.customer_id, source.subscription_id)' ELSE 'true' END, source);
    IF end_inclusive THEN
        source := format('SELECT %s, %s AS ended_at FROM (%s) AS source', others, @extschema@.exclusive_end('source.ended_at', 'source.next_start', time_zone), source);
    END IF;
    IF recognition <> 'ended' THEN
        source := format('SELECT %s, %s AS ended_at FROM (%s) AS source', others,
            CASE recognition WHEN 'canceled' THEN 'CASE WHEN source.ended_at < ''infinity'' THEN least(source.ended_at, greatest(source.canceled_at, source.started_at)) ELSE source.ended_at END'
            ELSE format('CASE WHEN source.next_start <= source.ended_at THEN source.ended_at ELSE least(@extschema@.billing_period_end(source.started_at, source.ended_at, source.billing_interval, %L::text), source.next_start) END', time_zone) END, source);
    END IF;
    IF trial_ended_at IS NOT NULL THEN
        -- paid before the trial, the trial where its end lies in this row or this row is the last of it, paid after the trial
        source := format($query$
            SELECT source.customer_id, source.subscription_id, source.product, source.plan, source.currency, source.billing_interval, source.quantity, stretch.started_at, stretch.ended_at, source.mrr, source.status,
                   source.trial_started_at, CASE WHEN source.next_start IS NULL AND source.ended_at < source.trial_ended_at THEN source.ended_at ELSE source.trial_ended_at END AS trial_ended_at, source.canceled_at, source.cancel_reason, stretch.on_trial
            FROM (SELECT %s, source.ended_at, trial.trial_started_at, trial.trial_ended_at FROM (%s) AS source
                  CROSS JOIN LATERAL (SELECT CASE WHEN source.trial_ended_at > coalesce(source.trial_started_at, source.started_at) THEN coalesce(source.trial_started_at, source.started_at) END,
                                             CASE WHEN source.trial_ended_at > coalesce(source.trial_started_at, source.started_at) THEN source.trial_ended_at END OFFSET 0) AS trial (trial_started_at, trial_ended_at) OFFSET 0) AS source
                 CROSS JOIN LATERAL (VALUES
                     (source.started_at, least(source.trial_started_at, source.ended_at), false, source.trial_started_at > source.started_at),
                     (source.trial_started_at, least(source.trial_ended_at, source.ended_at), true,
                      source.trial_ended_at IS NOT NULL AND (source.trial_ended_at > source.started_at OR source.is_first) AND (source.ended_at IS NULL OR source.trial_ended_at <= source.ended_at OR source.next_start IS NULL OR source.next_start > source.ended_at)
                      AND (source.ended_at IS NULL OR source.ended_at > source.trial_started_at)),
                     (greatest(source.started_at, source.trial_ended_at), source.ended_at, false, source.trial_ended_at IS NULL OR source.ended_at IS NULL OR source.ended_at > source.trial_ended_at)
                 ) AS stretch (started_at, ended_at, on_trial, exists)
            WHERE stretch.exists$query$, replace(replace(others, 'source.trial_started_at, ', ''), 'source.trial_ended_at, ', ''), source);
    ELSE
        source := format('SELECT source.*, false AS on_trial FROM (%s) AS source', source);
    END IF;
    -- the ends are moments by now
    RETURN QUERY SELECT * FROM @extschema@.make_metric_views(source, target_schema, options || jsonb_build_object('end_inclusive', false, 'items', subscription_id IS NOT NULL), format('%I.%I', source_schema, source_table));
END
$$;
COMMENT ON FUNCTION create_metric_views(regclass, name, name, name, name, name, name, name, name, name, name, name, name, name, name, name, name, text, text, text, boolean, text, regclass, churn_policy) IS
    'views of subscriptions, MRR movements, churn, cohorts, customers, renewals and trials over a table of subscription rows';

CREATE FUNCTION drop_billing_views(target_schema name DEFAULT 'churn') RETURNS SETOF text LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    views text[];
BEGIN
    PERFORM @extschema@.check_view_argument('target_schema', target_schema IS NULL);
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = target_schema) THEN
        RAISE EXCEPTION 'schema "%" does not exist', target_schema USING ERRCODE = 'invalid_schema_name';
    END IF;
    SELECT array_agg(format('%I.%I', target_schema, c.relname) ORDER BY c.relname) INTO views
    FROM @extschema@.view_comments() v JOIN pg_class c ON c.relname = v.view_name JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE v.column_name IS NULL AND s.nspname = target_schema AND @extschema@.is_metric_view(c.oid);
    IF views IS NULL THEN
        RAISE EXCEPTION 'schema "%" has no views of churnmetrics', target_schema USING ERRCODE = 'undefined_table';
    END IF;
    EXECUTE 'DROP VIEW ' || array_to_string(views, ', ');
    IF obj_description((SELECT oid FROM pg_namespace WHERE nspname = target_schema), 'pg_namespace') LIKE '% (churnmetrics)'
        AND NOT EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = (SELECT oid FROM pg_namespace WHERE nspname = target_schema)) THEN
        EXECUTE format('DROP SCHEMA %I', target_schema);
    END IF;
    RETURN QUERY SELECT unnest(views);
END
$$;
COMMENT ON FUNCTION drop_billing_views(name) IS 'drops the views that create_billing_views() or create_metric_views() made, and their schema if it was made for them and is empty';
