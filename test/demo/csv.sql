-- The user's own CSV: every column as text with its line number, and a function that names what is wrong.
CREATE TABLE csv_rows (
    line bigint GENERATED ALWAYS AS IDENTITY (START WITH 2),
    customer text,
    started_at text,
    ended_at text,
    mrr text,
    plan text
);

CREATE FUNCTION csv_is(value text, type text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT %L::%s', value, type);
    RETURN true;
EXCEPTION WHEN data_exception THEN
    RETURN false;
END $$;

-- date, timestamp (local time) or timestamptz (with a zone), from how the moments are written
CREATE FUNCTION csv_time_type() RETURNS text LANGUAGE sql
RETURN (SELECT CASE WHEN bool_or(v ~ ':\d\d(\.\d+)? *(Z|UTC|[+-]\d\d(:?\d\d)?)$') THEN 'timestamptz'
                    WHEN bool_or(v ~ '^\d{4}-\d\d-\d\d[ T]\d') THEN 'timestamp'
                    ELSE 'date' END
        FROM (SELECT btrim(started_at) FROM csv_rows UNION ALL SELECT btrim(ended_at) FROM csv_rows) AS m(v)
        WHERE v <> '');

CREATE FUNCTION csv_problems() RETURNS TABLE (line bigint, problem text) LANGUAGE plpgsql AS $$
DECLARE
    moment text := coalesce(csv_time_type(), 'date');
    bad_moment text := 'column %s: "%s" is no ' || CASE moment WHEN 'date' THEN 'date' ELSE 'timestamp' END
                       || ' (YYYY-MM-DD' || CASE moment WHEN 'date' THEN ')' ELSE ' HH:MM:SS)' END;
    r record;
BEGIN
    FOR r IN SELECT c.line, btrim(c.customer) AS customer, btrim(c.started_at) AS started_at,
                    nullif(btrim(c.ended_at), '') AS ended_at, btrim(c.mrr) AS mrr FROM csv_rows c ORDER BY c.line
    LOOP
        line := r.line;
        problem := NULL;
        IF coalesce(r.customer, '') = '' THEN
            problem := 'column customer: empty';
        ELSIF coalesce(r.started_at, '') = '' THEN
            problem := 'column started_at: empty';
        ELSIF r.started_at !~ '^\d{4}-\d\d-\d\d' OR NOT csv_is(r.started_at, moment) THEN
            problem := format(bad_moment, 'started_at', r.started_at);
        ELSIF r.ended_at !~ '^\d{4}-\d\d-\d\d' OR NOT csv_is(r.ended_at, moment) THEN
            problem := format(bad_moment, 'ended_at', r.ended_at);
        ELSIF r.ended_at::timestamptz < r.started_at::timestamptz THEN
            problem := format('column ended_at: %s lies before started_at, %s', r.ended_at, r.started_at);
        ELSIF coalesce(r.mrr, '') = '' THEN
            problem := 'column mrr: empty (0 = free)';
        ELSIF NOT csv_is(r.mrr, 'numeric') OR r.mrr::numeric::text IN ('NaN', 'Infinity', '-Infinity') THEN
            problem := format('column mrr: "%s" is no number (with a decimal point)', r.mrr);
        ELSIF abs(r.mrr::numeric) > 9000000000000 THEN
            problem := format('column mrr: %s is out of range', r.mrr);
        END IF;
        IF problem IS NOT NULL THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;
