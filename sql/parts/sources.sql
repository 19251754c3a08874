-- What the sources of subscription rows share: money in minor units, ends of billing periods, and what lies in a schema.  See docs/views.md.
--since 0.3.0

-- ---- Money in minor units ----

-- A hashed look-up each, so that it costs little in a view over millions of rows.
CREATE FUNCTION currency_digits(currency text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN upper(currency COLLATE "C") = ANY ('{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}') THEN 0
        WHEN upper(currency COLLATE "C") = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}') THEN 3
        WHEN upper(currency COLLATE "C") = ANY ('{CLF,UYW}') THEN 4
        WHEN upper(currency COLLATE "C") = ANY ('{AED,AFN,ALL,AMD,ANG,AOA,ARS,AUD,AWG,AZN,BAM,BBD,BDT,BGN,BMD,BND,BOB,BOV,BRL,BSD,BTN,BWP,BYN,BZD,CAD,CDF,
            CHE,CHF,CHW,CNY,COP,COU,CRC,CUC,CUP,CVE,CZK,DKK,DOP,DZD,EGP,ERN,ETB,EUR,FJD,FKP,GBP,GEL,GHS,GIP,GMD,GTQ,GYD,HKD,HNL,HRK,HTG,HUF,IDR,
            ILS,INR,IRR,JMD,KES,KGS,KHR,KPW,KYD,KZT,LAK,LBP,LKR,LRD,LSL,MAD,MDL,MGA,MKD,MMK,MNT,MOP,MRU,MUR,MVR,MWK,MXN,MXV,MYR,MZN,NAD,NGN,
            NIO,NOK,NPR,NZD,PAB,PEN,PGK,PHP,PKR,PLN,QAR,RON,RSD,RUB,SAR,SBD,SCR,SDG,SEK,SGD,SHP,SLE,SLL,SOS,SRD,SSP,STN,SVC,SYP,SZL,THB,TJS,
            TMT,TOP,TRY,TTD,TWD,TZS,UAH,USD,USN,UYU,UZS,VED,VES,WST,XCD,XCG,YER,ZAR,ZMW,ZWG,ZWL}') THEN 2
    END;
COMMENT ON FUNCTION currency_digits(text) IS 'digits of a currency''s minor unit by ISO 4217; NULL for a code that is none';

CREATE FUNCTION from_minor_units(amount numeric, currency text, exceptions jsonb DEFAULT NULL) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN amount * CASE coalesce((exceptions ->> upper(currency COLLATE "C"))::integer, currency_digits(currency), 2)
        WHEN 0 THEN 1 WHEN 1 THEN 0.1 WHEN 2 THEN 0.01 WHEN 3 THEN 0.001 WHEN 4 THEN 0.0001 WHEN 5 THEN 0.00001 WHEN 6 THEN 0.000001 WHEN 7 THEN 0.0000001
        WHEN 8 THEN 0.00000001 END;
COMMENT ON FUNCTION from_minor_units(numeric, text, jsonb) IS 'an amount in minor units (cents) in the currency itself; exceptions, such as {"ISK": 2}, go before ISO 4217';

-- jsonb_array_elements() and generate_series(), but that the planner thinks of a few rows each, not of a hundred or a thousand: it
-- multiplies that by the rows of a table, and then compiles what would be over before that is done.
CREATE FUNCTION few_elements(array_value jsonb, OUT element jsonb) RETURNS SETOF jsonb LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE ROWS 2 AS 'jsonb_array_elements';
COMMENT ON FUNCTION few_elements(jsonb) IS 'internal: the elements of a short array';
CREATE FUNCTION few_numbers(first integer, last integer) RETURNS SETOF integer LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE ROWS 1 AS 'generate_series_int4';
COMMENT ON FUNCTION few_numbers(integer, integer) IS 'internal: the numbers of a short series';

-- monthly_amount(), but NULL, which leaves a stretch out, where that would be an error that no view comes past.
CREATE FUNCTION price_per_month(amount numeric, billing_interval interval) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN billing_interval >= interval '1 day' AND billing_interval <= interval '1000 years' AND billing_interval = date_trunc('day', billing_interval)
                     AND (date_part('day', billing_interval) = 0 OR billing_interval = date_part('day', billing_interval) * interval '1 day' AND date_part('month', billing_interval) = 0 AND date_part('year', billing_interval) = 0)
                     AND amount BETWEEN 0 AND 1000000000000000
                THEN monthly_amount(amount, billing_interval) END;
COMMENT ON FUNCTION price_per_month(numeric, interval) IS 'internal: a price as MRR, NULL where it has none';

-- What a JSON document holds, and NULL where that is nothing of the kind: one bad row must not end every view.
CREATE FUNCTION json_number(value jsonb) RETURNS numeric
    AS 'MODULE_PATHNAME', 'cm_json_number' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION json_number(jsonb) IS 'internal: a JSON number, otherwise NULL';
CREATE FUNCTION json_moment(value jsonb) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'cm_json_moment' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION json_moment(jsonb) IS 'internal: a JSON number of seconds since 1970 as a moment, otherwise NULL';
CREATE FUNCTION epoch_moment(seconds double precision) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'cm_epoch_moment' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION epoch_moment(double precision) IS 'internal: a moment in seconds since 1970, NULL beyond the years 1 to 9998';
CREATE FUNCTION epoch_moment(seconds numeric) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'cm_epoch_moment_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION epoch_moment(numeric) IS 'internal: a moment in seconds since 1970, NULL beyond the years 1 to 9998';
CREATE FUNCTION json_boolean(value jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(value) = 'boolean' THEN value::boolean END;
COMMENT ON FUNCTION json_boolean(jsonb) IS 'internal: a JSON boolean, otherwise NULL';
CREATE FUNCTION whole_count(value numeric) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN value BETWEEN 1 AND 12000 AND value = trunc(value) THEN value::integer END;
COMMENT ON FUNCTION whole_count(numeric) IS 'internal: a number of days, weeks, months or years in an interval, otherwise NULL';

-- What providers read of columns that hold anything: one bad row must not end every view.
CREATE FUNCTION text_number(value text) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (value COLLATE "C") ~ '^-?[0-9]{1,30}([.][0-9]{1,30})?$'::text THEN value::numeric END;
COMMENT ON FUNCTION text_number(text) IS 'internal: a decimal number in a text, otherwise NULL';
CREATE FUNCTION bounded_moment(at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN at >= timestamptz '9999-01-01 00:00:00+00' THEN timestamptz 'infinity' WHEN at < timestamptz '0001-01-01 00:00:00+00' THEN timestamptz '-infinity' ELSE at END;
COMMENT ON FUNCTION bounded_moment(timestamptz) IS 'internal: a moment, infinite beyond the years 1 to 9998';
CREATE FUNCTION bounded_day(at date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN at >= date '9999-01-01' THEN date 'infinity' WHEN at < date '0001-01-01' THEN date '-infinity' ELSE at END;
COMMENT ON FUNCTION bounded_day(date) IS 'internal: a day, infinite beyond the years 1 to 9998';

-- ---- What lies in a schema ----

CREATE FUNCTION source_table(source_schema name, tables text) RETURNS name LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT c.relname
    FROM string_to_table(tables, '|') WITH ORDINALITY AS wanted (name, n) JOIN pg_class c ON c.relname = wanted.name::name JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE s.nspname = source_schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    ORDER BY wanted.n LIMIT 1
    $$;
COMMENT ON FUNCTION source_table(name, text) IS 'internal: the first of the tables, divided by |, that a schema has';

CREATE FUNCTION source_column(source_schema name, table_name name, columns text) RETURNS name LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT a.attname
    FROM string_to_table(columns, '|') WITH ORDINALITY AS wanted (name, n) JOIN pg_attribute a ON a.attname = wanted.name::name
         JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE s.nspname = source_schema AND c.relname = table_name AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY wanted.n LIMIT 1
    $$;
COMMENT ON FUNCTION source_column(name, name, text) IS 'internal: the first of the columns, divided by |, that a table has';

CREATE FUNCTION source_column_type(source_schema name, table_name name, column_name name) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
    WITH RECURSIVE type AS (
        SELECT t.oid, t.typbasetype
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace s ON s.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
        WHERE s.nspname = source_schema AND c.relname = table_name AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT t.oid, t.typbasetype FROM type JOIN pg_type t ON t.oid = type.typbasetype
    )
    SELECT format_type(oid, NULL) FROM type WHERE typbasetype = 0
    $$;
COMMENT ON FUNCTION source_column_type(name, name, name) IS 'internal: the type of a column, that below its domains';

CREATE FUNCTION is_temporary(relation oid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND c.relpersistence = 't') $$;
COMMENT ON FUNCTION is_temporary(oid) IS 'internal: whether a table is a temporary one';

CREATE FUNCTION type_serves(type_name text, wanted text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT coalesce(bool_or(CASE kind
               WHEN 'text' THEN t.typcategory IN ('S', 'E')
               WHEN 'enum' THEN t.typcategory = 'E'
               WHEN 'number' THEN t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype, 'float4'::regtype, 'float8'::regtype)
               WHEN 'json' THEN t.oid IN ('json'::regtype, 'jsonb'::regtype)
               WHEN 'time' THEN t.oid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
               ELSE t.oid = to_regtype(kind) END), false)
    FROM pg_type t, string_to_table(wanted, ', ') AS kind
    WHERE t.oid = to_regtype(type_name)
    $$;
COMMENT ON FUNCTION type_serves(text, text) IS 'internal: whether a type is one of those that a provider reads, divided by commas';

-- ---- Time ----

-- How many billing periods, counted from an anchor by the calendar, end at a moment or before it; NULL where they are no whole months and no whole days.
-- A guess by the mean length of a month, at most a half too high, is put right by the calendar.
CREATE FUNCTION terms_until(anchor timestamp, at timestamp, every interval) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN every < interval '1 day' OR every > interval '1000 years' OR every <> date_trunc('day', every) OR date_part('day', every) <> 0 AND (date_part('year', every) <> 0 OR date_part('month', every) <> 0) THEN NULL
        ELSE (round(date_part('epoch', at - anchor) / (date_part('day', every) * 86400 + (date_part('year', every) * 12 + date_part('month', every)) * 2629746))
            - CASE WHEN anchor + round(date_part('epoch', at - anchor) / (date_part('day', every) * 86400 + (date_part('year', every) * 12 + date_part('month', every)) * 2629746)) * every > at THEN 1 ELSE 0 END)::integer
    END;
COMMENT ON FUNCTION terms_until(timestamp, timestamp, interval) IS 'internal: billing periods that have ended by a moment';

-- The first end of a billing period, counted from an anchor by the calendar of a zone, that is not before a moment.
CREATE FUNCTION billing_period_end(anchor timestamptz, ended_at timestamptz, billing_interval interval, time_zone text) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN ended_at < timestamptz '9999-01-01 00:00:00+00' AND anchor >= timestamptz '0001-01-01 00:00:00+00' AND anchor < ended_at THEN coalesce(
        ((anchor AT TIME ZONE time_zone) + (@extschema@.terms_until(anchor AT TIME ZONE time_zone, (ended_at AT TIME ZONE time_zone) - interval '1 microsecond', billing_interval) + 1) * billing_interval) AT TIME ZONE time_zone,
        ended_at) ELSE ended_at END;
COMMENT ON FUNCTION billing_period_end(timestamptz, timestamptz, interval, text) IS 'internal: the end of the billing period in which a service ended';

-- The next start of the same subscription that is later than a row's, for a query that selects from "source"; one row's start is no other's where there is no id.
CREATE FUNCTION next_start(source text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN replace('CASE WHEN @.subscription_id IS NOT NULL THEN first_value(@.started_at) OVER (PARTITION BY @.customer_id, @.subscription_id, @.mrr IS NULL ORDER BY @.started_at GROUPS BETWEEN 1 FOLLOWING AND 1 FOLLOWING) END', '@', source);
COMMENT ON FUNCTION next_start(text) IS 'internal: the text of a column, the next later start of a subscription';

-- The first moment without service where a source stores the last day of it: the midnight after, or what follows before that.
CREATE FUNCTION exclusive_end(ended_at text, next_start text, time_zone text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN format('CASE WHEN %1$s < timestamptz ''9999-01-01 00:00:00+00'' THEN least(CASE WHEN %2$s >= %1$s THEN %2$s END, (date_trunc(''day'', %1$s AT TIME ZONE %3$L) + interval ''1 day'') AT TIME ZONE %3$L) END', ended_at, next_start, time_zone);
COMMENT ON FUNCTION exclusive_end(text, text, text) IS 'internal: the text of a column, the moment after a last day';
