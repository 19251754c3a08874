-- What the self-tests of the oracles share; included by them.

-- Two queries give the same rows, or an exception shows the first that differs.
CREATE PROCEDURE same(what text, got text, wanted text) LANGUAGE plpgsql AS $$
DECLARE
    difference text;
BEGIN
    EXECUTE format($q$
        WITH got AS (%s), wanted AS (%s)
        SELECT string_agg(d, E'\n') FROM (
            (SELECT 'got    ' || t::text AS d FROM (TABLE got EXCEPT ALL TABLE wanted) t LIMIT 5)
            UNION ALL
            (SELECT 'wanted ' || t::text FROM (TABLE wanted EXCEPT ALL TABLE got) t LIMIT 5)
            UNION ALL
            (SELECT 'no rows at all' WHERE NOT EXISTS (TABLE wanted))) x $q$, got, wanted) INTO difference;
    IF difference IS NOT NULL THEN
        RAISE EXCEPTION E'%:\n%', what, difference;
    END IF;
END $$;

-- A query that looks for violations finds none.
CREATE PROCEDURE nothing(what text, query text) LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    EXECUTE format('SELECT string_agg(t::text, E''\n'') FROM (SELECT * FROM (%s) q LIMIT 5) t', query) INTO found;
    IF found IS NOT NULL THEN
        RAISE EXCEPTION E'%:\n%', what, found;
    END IF;
END $$;
