-- Buy-till-you-die models: btyd_fit and its accessors, btyd_clv.
\pset null NULL
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
CREATE SCHEMA test_btyd;
SET search_path = test_btyd, public;

\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- Models by hand, and a float8 to so many digits after the point.
CREATE FUNCTION pg_temp.btyd(model text, VARIADIC params float8[]) RETURNS btyd_model LANGUAGE sql AS
$$ SELECT ROW(model, interval '7 days', params, NULL, NULL, 0, 0, 0, 0, 0)::btyd_model $$;
CREATE FUNCTION pg_temp.gg(p float8, q float8, v float8) RETURNS gg_model LANGUAGE sql AS
$$ SELECT ROW(p, q, v, NULL, NULL, 0, 0, 0, 0, NULL)::gg_model $$;
CREATE FUNCTION pg_temp.r(value float8, digits int DEFAULT 6) RETURNS numeric LANGUAGE sql AS $$ SELECT round(value::numeric, digits) $$;
CREATE FUNCTION pg_temp.params(m btyd_model, digits int DEFAULT 4) RETURNS numeric[] LANGUAGE sql AS
$$ SELECT array_agg(round(p::numeric, digits) ORDER BY n) FROM unnest(m.params) WITH ORDINALITY AS u(p, n) $$;
-- Do two models agree to nine digits, counts exactly?
CREATE FUNCTION pg_temp.same(a btyd_model, b btyd_model) RETURNS boolean LANGUAGE sql AS $$
    SELECT (a.model, a.unit, a.n, a.n_repeaters, a.n_skipped) = (b.model, b.unit, b.n, b.n_repeaters, b.n_skipped) AND abs(a.loglik / b.loglik - 1) < 1e-12
           AND bool_and(abs(p / q - 1) < 1e-9) FROM unnest(a.params, b.params) AS u(p, q)
$$;

-- Derived values, published or computed with 40 digits elsewhere: BG/NBD of CDNOW for (2, 30.43, 38.86), 39 weeks ahead; Pareto/NBD of the same.
SELECT pg_temp.r(btyd_expected(m, 39, 2, 30.43, 38.86), 10) AS expected, pg_temp.r(btyd_p_alive(m, 2, 30.43, 38.86), 12) AS p_alive
FROM unnest(ARRAY[pg_temp.btyd('bgnbd', .243, 4.414, .793, 2.426), pg_temp.btyd('pnbd', .553, 10.578, .606, 11.669)]) m;
-- 25.4549135115 and .997917766552; 6.206051788963 and 6.252872247574, between which the usual 2F1 underflow; 1.8851281874e-3, 1.4171442913e-96, 6.7329748718e-60, where they overflow.
SELECT pg_temp.r(btyd_expected(m, 52, 26, 30.86, 31), 10) AS expected, pg_temp.r(btyd_p_alive(m, 26, 30.86, 31), 12) AS p_alive FROM pg_temp.btyd('pnbd', .5534, 10.5802, .6061, 11.6562) m;
SELECT x, pg_temp.r(btyd_expected(m, 10, x, 200, 200), 12) AS expected FROM pg_temp.btyd('pnbd', .55, 10.58, .61, 11.67) m, unnest(ARRAY[132, 133]) x;
SELECT pg_temp.r(btyd_p_alive(m, 40, 5, 6) * 1e3, 10) AS "e-3", pg_temp.r(btyd_p_alive(m, 50, 1, 37) * 1e96, 10) AS "e-96", pg_temp.r(btyd_p_alive(m, 50, 4, 37) * 1e60, 10) AS "e-60" FROM pg_temp.btyd('pnbd', 10.465, .00798565181, 3.0516, 2.82) m;
-- New customers: .00781607 .05318474 .15063193 1.04049431 1.04373723 1.85797178, and 1.4734342883 of the Pareto/NBD; 6.2260196003 purchases to come at 15 % a year.
SELECT t, pg_temp.r(btyd_expected_new(m, t), 8) AS expected FROM pg_temp.btyd('bgnbd', .242592907205, 4.413531561206, .792886148079, 2.42575343642) m, unnest(ARRAY[.1429, 1, 3, 31.8571, 32, 78]) t;
SELECT pg_temp.r(btyd_expected_new(m, 52), 10) AS expected FROM pg_temp.btyd('pnbd', .553277046858, 10.577683463325, .606239989066, 11.668735286812) m;
SELECT pg_temp.r(btyd_residual(m, .15 / 52, 2, 30.43, 38.86), 10) AS residual FROM pg_temp.btyd('pnbd', .553275508687, 10.577612238653, .606213568697, 11.667911238667) m;
-- The value of a year at 1 % a month: 36.30053688 in months of 365.25/12 days; in months of 30 days 35.87104355; and 140.096 where months are 30 weeks long, a mistake that a unit in the model makes impossible.
SELECT pg_temp.r(btyd_clv(m, g, 2, 30.43, 38.86, 22.35, '12 months', 1.01 ^ 12 - 1), 8) AS clv, pg_temp.r(btyd_clv(m, g, 2, 30.43, 38.86, 22.35, '365 days 6 hours', 1.01 ^ 12 - 1), 8) AS clv_in_days,
       (SELECT pg_temp.r(sum(gg_expected(g, 2, 22.35) * (btyd_expected(m, i * 30 / 7.0, 2, 30.43, 38.86) - btyd_expected(m, (i - 1) * 30 / 7.0, 2, 30.43, 38.86)) / 1.01 ^ i), 8) FROM generate_series(1, 12) i) AS of_30_days,
       (SELECT pg_temp.r(sum(gg_expected(g, 2, 22.35) * (btyd_expected(m, i * 30, 2, 30.43, 38.86) - btyd_expected(m, (i - 1) * 30, 2, 30.43, 38.86)) / 1.01 ^ i), 5) FROM generate_series(1, 12) i) AS of_30_weeks
FROM pg_temp.btyd('bgnbd', .242592907205, 4.413531561206, .792886148079, 2.42575343642) m, pg_temp.gg(6.248802489419, 3.744588453361, 15.447748010564) g;
-- By summaries: the same; x = 0 has no mean value and the population's is taken.
SELECT pg_temp.r(btyd_clv(m, g, ROW(2, 30.43, 38.86, 22.35, '1 week')::rfm_summary, '1 year', 0.1), 8) = pg_temp.r(btyd_clv(m, g, 2, 30.43, 38.86, 22.35, '1 year', 0.1), 8) AS same,
       pg_temp.r(btyd_clv(m, g, ROW(0, 0, 38.86, NULL, '1 week')::rfm_summary, '1 year', 0.1)) AS none, pg_temp.r(btyd_clv(m, g, 0, 0, 38.86, NULL, '1 year', 0.1)) AS none_either,
       pg_temp.r(btyd_expected(m, '1 year', ROW(2, 30.43, 38.86, NULL, '1 week')::rfm_summary)) AS expected, pg_temp.r(btyd_expected(m, 365.25 / 7, 2, 30.43, 38.86)) AS in_units,
       pg_temp.r(btyd_expected_new(m, interval '1 month')) AS of_a_new_one, pg_temp.r(btyd_expected_new(m, 365.25 / 84)) AS in_units
FROM pg_temp.btyd('bgnbd', .243, 4.414, .793, 2.426) m, pg_temp.gg(6.25, 3.74, 15.44) g;
-- Without discount the value is purchases times their mean; the last step may be a part of a month; a horizon of 0 is worth nothing.
SELECT h, abs(btyd_clv(m, g, 2, 30.43, 38.86, 22.35, h, 0) / nullif(btyd_expected(m, h, ROW(2, 30.43, 38.86, 22.35, '7 days')) * gg_expected(g, 2, 22.35), 0) - 1) < 1e-12 AS sums_up, pg_temp.r(btyd_clv(m, g, 2, 30.43, 38.86, 22.35, h, 0.1)) AS clv
FROM pg_temp.btyd('mbgnbd', .525, 6.183, .891, 1.614) m, pg_temp.gg(6.25, 3.74, 15.44) g, unnest(ARRAY['0 days', '1 day', '1 month', '40 days', '100 years']::interval[]) h;

-- P(alive) by the textbook, on a grid.
CREATE TABLE grid AS SELECT x, t_x, t FROM (VALUES (0, 0.0), (1, 0.5), (1, 20), (4, 3), (4, 38), (29, 39), (29, 12)) c(x, t_x), unnest(ARRAY[39, 45.5, 200]) t;
SELECT bool_and(abs(btyd_p_alive(m, x, t_x, t) * (1 + CASE WHEN x > 0 THEN .8 / (2.4 + x - 1) * ((4.4 + t) / (4.4 + t_x)) ^ (.25 + x) ELSE 0 END) - 1) < 1e-11) AS bgnbd FROM grid, pg_temp.btyd('bgnbd', .25, 4.4, .8, 2.4) m;
SELECT bool_and(abs(btyd_p_alive(m, x, t_x, t) * (1 + .9 / (1.6 + x) * ((6.2 + t) / (6.2 + t_x)) ^ (.5 + x)) - 1) < 1e-11) AS mbgnbd FROM grid, pg_temp.btyd('mbgnbd', .5, 6.2, .9, 1.6) m;
-- Nobody who bought once has died in a BG/NBD; in an MBG/NBD the longer ago the likelier.
SELECT kind, t, pg_temp.r(btyd_p_alive(m, 0, 0, t)) AS p_alive FROM (VALUES ('bgnbd', pg_temp.btyd('bgnbd', .243, 4.414, .793, 2.426)), ('mbgnbd', pg_temp.btyd('mbgnbd', .525, 6.183, .891, 1.614)), ('pnbd', pg_temp.btyd('pnbd', .553, 10.578, .606, 11.669))) v(kind, m), unnest(ARRAY[0, 10, 100]) t ORDER BY 1, 2;

-- The integral of the Pareto/NBD by Simpson's rule in 2000 parts over the logarithm, in SQL, on all sorts of parameters.
CREATE FUNCTION tail(r float8, alpha float8, s float8, beta float8, x float8, t_x float8, t float8, parts int DEFAULT 2000) RETURNS float8 LANGUAGE sql AS $$
    -- s times the integral of (alpha + y)^-(r + x) (beta + y)^-(s + 1) over its value without dying, (alpha + t)^-(r + x) (beta + t)^-s
    SELECT sum(CASE WHEN i IN (0, parts) THEN 1 WHEN i % 2 = 1 THEN 4 ELSE 2 END * s * exp(-(r + x) * (ln(alpha + y) - ln(alpha + t)) - (s + 1) * ln(beta + y) + s * ln(beta + t)) * (least(alpha, beta) + y) * h / 3)
    FROM (SELECT i, h, (least(alpha, beta) + t_x) * exp(i * h) - least(alpha, beta) AS y FROM (SELECT ln((least(alpha, beta) + t) / (least(alpha, beta) + t_x)) / parts AS h) q, generate_series(0, parts) i) q
$$;
SELECT r, alpha, s, beta, count(*) AS customers, bool_and(abs(btyd_p_alive(pg_temp.btyd('pnbd', r, alpha, s, beta), x, t_x, t) * (1 + tail(r, alpha, s, beta, x, t_x, t)) - 1) < 1e-9) AS agree
FROM (VALUES (.55, 10.6, .61, 11.7), (.05, .5, 3, 40), (8, 100, .05, .5), (1, 1, 1, 1), (.2, 1e-3, .3, 1e-2), (3, 100, 2, .01)) p(r, alpha, s, beta), (SELECT * FROM grid WHERE t < 100) g GROUP BY 1, 2, 3, 4 ORDER BY 1, 2;
-- Expected purchases: the derivative of nothing else than P(alive) times the rate; at t = 0 their slope is P(alive) times the mean rate.
SELECT kind, bool_and(abs(btyd_expected(m, 1e-6, x, t_x, t) / 1e-6 / (btyd_p_alive(m, x, t_x, t) * ((m).params[1] + x) / ((m).params[2] + t)) - 1) < 1e-5) AS slope
FROM grid, (VALUES ('bgnbd', pg_temp.btyd('bgnbd', .243, 4.414, .793, 2.426)), ('mbgnbd', pg_temp.btyd('mbgnbd', .525, 6.183, .891, 1.614)), ('pnbd', pg_temp.btyd('pnbd', .553, 10.578, .606, 11.669))) v(kind, m) GROUP BY kind ORDER BY kind;
-- The removable singularities a = 1 and s = 1: values beside them lie as near as they should.
SELECT kind, pg_temp.r(btyd_expected(at1, 39, 2, 30.43, 38.86), 10) AS at_1, abs(btyd_expected(beside, 39, 2, 30.43, 38.86) / btyd_expected(at1, 39, 2, 30.43, 38.86) - 1) < 1e-11 AS beside_it
FROM (VALUES ('bgnbd', pg_temp.btyd('bgnbd', .243, 4.414, 1, 2.426), pg_temp.btyd('bgnbd', .243, 4.414, 1 + 1e-12, 2.426)), ('mbgnbd', pg_temp.btyd('mbgnbd', .243, 4.414, 1, 2.426), pg_temp.btyd('mbgnbd', .243, 4.414, 1 - 1e-12, 2.426)), ('pnbd', pg_temp.btyd('pnbd', .553, 10.578, 1, 11.669), pg_temp.btyd('pnbd', .553, 10.578, 1 + 1e-12, 11.669))) v(kind, at1, beside) ORDER BY kind;
-- Far ahead the series gives way to an integral: both as a sum of negative binomial chances times what is left alive, in SQL.
CREATE FUNCTION ahead(k float8, z float8, a float8, b float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE chance float8 := exp(-k * ln(1 + z)); survival float8 := 1; purchases float8 := 0; total float8 := 0;
BEGIN
    FOR i IN 0 .. 200000 LOOP
        purchases := purchases + survival;
        survival := survival * (b + i) / (a + b + i);
        chance := chance * z / (1 + z) * (k + i) / (i + 1);
        total := total + chance * purchases;
        EXIT WHEN i > 2 * k * z + 100 * z AND chance * purchases < 1e-18 * total;
    END LOOP;
    RETURN total;
END $$;
SELECT k, z, a, b, pg_temp.r(btyd_expected_new(pg_temp.btyd('bgnbd', k, 1, a, b), z), 4) AS expected, abs(btyd_expected_new(pg_temp.btyd('bgnbd', k, 1, a, b), z) / ahead(k, z, a, b) - 1) < 1e-10 AS agree
FROM (VALUES (5.0, 1.0, .7, 3.0), (5, 60, .7, 3), (5, 200, .7, 3), (.24, 500, 1, 2.4), (.24, 100, 1e-6, .001), (100, 50, 1e5, 2e5), (50, 80, 3, 1e5), (300, 10, 2, 1e-3)) v(k, z, a, b);
SELECT pg_temp.r(btyd_expected(m, 1e6, 3, 20, 39)) AS million_weeks, pg_temp.r(btyd_expected(m, 1e12, 3, 20, 39)) AS more, pg_temp.r(btyd_expected(m, 0, 3, 20, 39)) AS none FROM pg_temp.btyd('bgnbd', .243, 4.414, 1.793, 2.426) m;
-- Residual purchases: those of a horizon summed up in small steps, discounted; the undiscounted ones are finite for s > 1.
SELECT pg_temp.r(btyd_residual(m, .01, 4, 30, 39), 5) AS residual, (SELECT pg_temp.r(sum((btyd_expected(m, i, 4, 30, 39) - btyd_expected(m, i - 1, 4, 30, 39)) * exp(-.01 * (i - .5))), 5) FROM generate_series(1, 3000) i) AS summed_up,
       pg_temp.r(btyd_residual(m, 0, 4, 30, 39), 3) AS undiscounted, pg_temp.r(btyd_expected(m, 1e9, 4, 30, 39), 3) AS horizon FROM pg_temp.btyd('pnbd', .553, 10.578, 2.5, 11.669) m;
-- The faster customers die, the narrower the integral's peak: .2629824851, .2534643810, .2524287581 with 40 digits.
SELECT s, pg_temp.r(btyd_residual(pg_temp.btyd('pnbd', 1, 10, s, 10 * s), .01, 4, 30, 39), 10) AS residual FROM unnest(ARRAY[200, 2000, 160000]) s;
-- A BG/BB whose customers hardly die at a rate of next to nothing: the series would need millions of terms. 1142.709944, 11451.056979, 1145369.654959; near 0 it comes to the undiscounted ones where these are finite.
SELECT rate, pg_temp.r(btyd_residual(pg_temp.btyd('bgbb', 1, 1, .5, 2), rate, 1, 1, 2)) AS residual, pg_temp.r(btyd_residual(pg_temp.btyd('bgbb', 1, 1, 2.5, 2), rate, 1, 1, 2)) AS finite,
       pg_temp.r(btyd_residual(pg_temp.btyd('bgbb', 1, 1, 2.5, 2), 0, 1, 1, 2)) AS undiscounted FROM unnest(ARRAY[1e-6, 1e-8, 1e-12]) rate;
-- BG/BB by hand: alpha = beta = gamma = delta = 1, one opportunity taken out of two, the first. Alive at both: B(2,2) B(1,3) = 1/6 x 1/3; dead before the second: B(2,1) B(2,2) = 1/2 x 1/6.
-- Alive at the third: 1/6 x B(1,4) = 1/24 of 5/36: 0.3. One purchase of two more: p (2/4) times alive at the third and the fourth, (1/24 + 1/30) / (5/36) = 0.54, so 0.27.
SELECT pg_temp.r(btyd_p_alive(m, 1, 1, 2)) AS p_alive, pg_temp.r(btyd_expected(m, 2, 1, 1, 2)) AS expected, pg_temp.r(btyd_expected_new(m, 2)) AS of_a_new_one, pg_temp.r(btyd_residual(m, ln(2), 1, 1, 2)) AS residual,
       (SELECT pg_temp.r(sum((btyd_expected(m, i, 1, 1, 2) - btyd_expected(m, i - 1, 1, 1, 2)) / 2 ^ i)) FROM generate_series(1, 60) i) AS summed_up, pg_temp.r(btyd_residual(pg_temp.btyd('bgbb', 1, 1, 2, 1), 0, 1, 1, 2)) AS undiscounted
FROM pg_temp.btyd('bgbb', 1, 1, 1, 1) m;
SELECT pg_temp.r(btyd_clv(m, g, 1, 1, 2, 10, '14 days', 0)) AS clv, pg_temp.r(gg_expected(g, 1, 10) * btyd_expected(m, 2, 1, 1, 2)) AS by_hand FROM pg_temp.btyd('bgbb', 1, 1, 1, 1) m, pg_temp.gg(6, 4, 15) g;

-- Customers made by a process with dying, deterministic: 900 of them, times in weeks of one decimal.
CREATE FUNCTION u(g int, i int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT ((hashint8(g * 7919::bigint + i * 104729::bigint)::bigint & 1048575) + 0.5) / 1048576 $$;
CREATE FUNCTION customer(g int, OUT x bigint, OUT t_x float8, OUT t float8) LANGUAGE plpgsql AS $$
DECLARE rate float8 := -ln(u(g, 1)) * 0.12; chance float8 := u(g, 2) * u(g, 3); now float8 := 0;
BEGIN
    t := 30 + g % 11; x := 0; t_x := 0;
    LOOP
        EXIT WHEN u(g, 1000 + x::int) < chance;
        now := now - ln(u(g, 10 + x::int)) / rate;
        EXIT WHEN now > t;
        x := x + 1;
        t_x := least(greatest(round(now::numeric, 1), 0.1), t::numeric);
    END LOOP;
END $$;
CREATE TABLE customers AS SELECT g AS customer, c.*, CASE WHEN c.x > 0 THEN round((20 * (0.4 + u(g, 5) + u(g, 6) * u(g, 7) / sqrt(c.x)))::numeric, 2) END AS mean_value FROM generate_series(1, 900) g, customer(g) c;
SELECT count(*), sum(x), count(*) FILTER (WHERE x = 0) AS once, max(x), count(DISTINCT (x, t_x, t)) FROM customers;
-- The likelihood as it is in the papers, row by row in PL/pgSQL: gamma functions as products, the integral of the Pareto/NBD by Simpson's rule.
CREATE FUNCTION loglik(kind text, p float8[], x bigint, t_x float8, t float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE l float8 := 0; r float8 := p[1]; alpha float8 := p[2]; a float8 := p[3]; b float8 := p[4]; k float8 := p[1] + x; die float8; live float8;
BEGIN
    IF kind = 'bgbb' THEN       -- a, b: gamma, delta
        live := 1;
        FOR i IN 0 .. t::int - 1 LOOP live := live * (b + i) / (a + b + i) * (CASE WHEN i < x THEN r + i ELSE alpha + i - x END) / (r + alpha + i); END LOOP;
        FOR n IN t_x::int .. t::int - 1 LOOP    -- died before opportunity n + 1
            die := a / (a + b + n);
            FOR i IN 0 .. n - 1 LOOP die := die * (b + i) / (a + b + i) * (CASE WHEN i < x THEN r + i ELSE alpha + i - x END) / (r + alpha + i); END LOOP;
            live := live + die;
        END LOOP;
        RETURN ln(live);
    END IF;
    FOR i IN 0 .. x::int - 1 LOOP l := l + ln(r + i); END LOOP;
    l := l + r * ln(alpha);
    IF kind = 'pnbd' THEN       -- a, b: s, beta
        RETURN l + a * ln(b) - k * ln(alpha + t) - a * ln(b + t) + ln(1 + CASE WHEN t > t_x THEN tail(r, alpha, a, b, x, t_x, t, 200) ELSE 0 END);
    END IF;
    FOR i IN 0 .. x::int - CASE kind WHEN 'mbgnbd' THEN 0 ELSE 1 END LOOP l := l + ln((b + i) / (a + b + i)); END LOOP;
    IF kind = 'mbgnbd' THEN
        RETURN l + ln((alpha + t) ^ -k + a / (b + x) * (alpha + t_x) ^ -k);
    END IF;
    RETURN l + ln((alpha + t) ^ -k + CASE WHEN x > 0 THEN a / (b + x - 1) * (alpha + t_x) ^ -k ELSE 0 END);
END $$;
-- Opportunities, six of them, of customers whose numbers are what the model of the parameters 1.2, 0.75, 0.66, 2.8 says: the fit finds them again.
CREATE TABLE opportunities AS
SELECT x::bigint, t_x::float8, 6::float8 AS t, round(20000 * ways * exp(loglik('bgbb', ARRAY[1.2, .75, .66, 2.8], x, t_x, 6)))::bigint AS n
FROM (SELECT x, t_x, CASE WHEN x = 0 THEN 1 ELSE factorial(t_x - 1) / factorial(x - 1) / factorial(t_x - x) END AS ways FROM generate_series(0, 6) x, generate_series(0, 6) t_x WHERE x <= t_x AND (x = 0) = (t_x = 0)) c;
SELECT count(*), sum(n) FROM opportunities;
CREATE TABLE models AS
SELECT kind, btyd_fit(x, t_x, t, '1 week', kind) AS m FROM customers, unnest(ARRAY['mbgnbd', 'bgnbd', 'pnbd']) kind GROUP BY kind
UNION ALL SELECT 'bgbb', btyd_fit(x, t_x, t, '5 weeks', 'bgbb') FROM opportunities, generate_series(1, n);
SELECT kind, (m).unit, pg_temp.params(m, 3) AS params, (m).boundary, pg_temp.r((m).loglik, 4) AS loglik, (m).n, (m).n_repeaters, (m).n_skipped FROM models ORDER BY kind;
SELECT kind, s.parameter, pg_temp.r(s.estimate, 3) AS estimate, pg_temp.r(s.se, 3) AS se FROM models, btyd_summary(m) WITH ORDINALITY AS s(parameter, estimate, se, n) ORDER BY kind, n;
CREATE TABLE compressed AS SELECT 'weeks' AS unit, x, t_x, t, count(*) AS n FROM customers GROUP BY x, t_x, t UNION ALL SELECT 'opportunities', * FROM opportunities;
CREATE FUNCTION total(kind text, p float8[]) RETURNS float8 LANGUAGE sql AS $$ SELECT sum(n * loglik(kind, p, x, t_x, t)) FROM compressed WHERE unit = CASE kind WHEN 'bgbb' THEN 'opportunities' ELSE 'weeks' END $$;
-- The fit's log-likelihood is that one, and no point around it has a greater one: each parameter 2 percent up and down.
SELECT kind, abs(total(kind, (m).params) / (m).loglik - 1) < CASE kind WHEN 'pnbd' THEN 1e-8 ELSE 1e-11 END AS same FROM models ORDER BY kind;
SELECT kind, count(*) AS points, bool_and(total(kind, p.moved) < (m).loglik) AS lower, bool_and((m).loglik - total(kind, p.moved) < 2) AS near
FROM models, LATERAL (SELECT array_agg(v * CASE WHEN i = j THEN f ELSE 1 END ORDER BY j) AS moved FROM unnest((m).params) WITH ORDINALITY w(v, j), generate_series(1, 4) i, unnest(ARRAY[0.98, 1.02]) f GROUP BY i, f) p GROUP BY kind ORDER BY kind;
-- The standard errors: minus the inverse of the second derivatives; here the curvature along each parameter is no more than its inverse square says.
SELECT kind, bool_and((2 * (m).loglik - total(kind, up.p) - total(kind, down.p)) / (1e-3 * (m).params[i]) ^ 2 >= 0.999 / (m).se[i] ^ 2) AS ok
FROM models, generate_series(1, 4) i, LATERAL (SELECT array_agg(v * CASE WHEN i = j THEN 1.001 ELSE 1 END ORDER BY j) AS p FROM unnest((m).params) WITH ORDINALITY w(v, j)) up,
     LATERAL (SELECT array_agg(v * CASE WHEN i = j THEN 0.999 ELSE 1 END ORDER BY j) AS p FROM unnest((m).params) WITH ORDINALITY w(v, j)) down WHERE kind <> 'pnbd' GROUP BY kind ORDER BY kind;

-- The words of the models as people write them; the model has its own word, and two spellings of it are the same.
SELECT word, (m).model, pg_temp.same(m, (SELECT o.m FROM models o WHERE o.kind = (q.m).model)) AS same
FROM (SELECT word, btyd_fit(x, t_x, t, '1 week', word) AS m FROM customers, unnest(ARRAY['MBG/NBD', 'mbg_nbd', 'BG/NBD', 'bg-nbd', ' Bg Nbd ', 'Pareto/NBD', 'pareto_nbd', 'PNBD']) word GROUP BY word) q ORDER BY word COLLATE "C";
SELECT (btyd_fit(x, t_x, t, '5 weeks', CASE WHEN x = 0 THEN 'BG/BB' ELSE 'bgbb' END)).model AS two_spellings, (btyd_fit(ROW(x, t_x, t, NULL, '5 weeks')::rfm_summary, 'bg_bb')).model AS of_summaries FROM opportunities, generate_series(1, n);
SELECT word, pg_temp.err(format('SELECT btyd_fit(2, 1, 5, ''1 week'', %L)', word)) AS error FROM unnest(ARRAY['', '/', 'nbd', 'pareto', 'pareto/nbd2', 'paretonbdparetonbd', 'bg.nbd']) word;

-- Time in another unit changes alpha and beta alone.
SELECT kind, array_agg(pg_temp.r(d / w, 7) ORDER BY n) AS params, pg_temp.r(btyd_expected((SELECT m FROM models o WHERE o.kind = q.kind), interval '1 year', ROW(3, 20, 39, NULL, '7 days')), 7) - pg_temp.r(btyd_expected(days, interval '1 year', ROW(3, 140, 273, NULL, '1 day')), 7) AS expected
FROM (SELECT kind, btyd_fit(x, 7 * t_x, 7 * t, '1 day', kind) AS days FROM customers, unnest(ARRAY['mbgnbd', 'bgnbd', 'pnbd']) kind GROUP BY kind) q, LATERAL unnest((days).params, (SELECT (m).params FROM models o WHERE o.kind = q.kind)) WITH ORDINALITY AS v(d, w, n) GROUP BY kind, days ORDER BY kind;

-- What is at a limit tells so; further down is what it says.
SET client_min_messages = warning;
-- The same answer whatever the plan: shuffled, grouped, parallel with workers that see no row or only NULLs, as summaries, in a window, with FILTER.
CREATE TABLE spread AS SELECT g % 7 AS part, c.x, c.t_x, c.t, c.mean_value FROM generate_series(1, 60) b, LATERAL (SELECT row_number() OVER () AS g, * FROM customers) c WHERE b % 30 = c.g % 30
    UNION ALL SELECT g % 7, NULL, 1, 2, NULL FROM generate_series(1, 40000) g;
ALTER TABLE spread SET (parallel_workers = 4);
CREATE TABLE serial AS SELECT kind, btyd_fit(x, t_x, t, '1 week', kind) AS m FROM spread, unnest(ARRAY['mbgnbd', 'bgnbd', 'pnbd']) kind GROUP BY kind;
SELECT kind, (m).n, (m).n_skipped, pg_temp.r((m).loglik / (SELECT (o.m).loglik FROM models o WHERE o.kind = s.kind), 9) AS twice, pg_temp.r((m).params[1] / (SELECT (o.m).params[1] FROM models o WHERE o.kind = s.kind), 8) AS params FROM serial s ORDER BY kind;
SELECT kind, pg_temp.same((SELECT btyd_fit(x, t_x, t, '7 days', kind) FROM (SELECT * FROM spread ORDER BY t_x, x DESC, t) s), m) AS shuffled FROM serial ORDER BY kind;
SET max_parallel_workers_per_gather = 4;
SELECT pg_temp.plan_has('SELECT btyd_fit(x, t_x, t, ''1 week'') FROM spread', 'Partial Aggregate') AS parallel;
SELECT pg_temp.same((SELECT btyd_fit(x, t_x, t, '1 week') FROM spread), (SELECT m FROM serial WHERE kind = 'mbgnbd')) AS mbgnbd, pg_temp.same((SELECT btyd_fit(x, t_x, t, '1 week', 'pnbd') FROM spread), (SELECT m FROM serial WHERE kind = 'pnbd')) AS pnbd,
       pg_temp.same((SELECT btyd_fit(ROW(x, t_x, t, mean_value, '7 days')::rfm_summary) FROM spread), (SELECT m FROM serial WHERE kind = 'mbgnbd')) AS of_summaries;
SELECT pg_temp.same((SELECT btyd_fit(x, t_x, t, '1 week') FROM spread WHERE x > 7000), NULL) IS NULL AS no_row, (SELECT btyd_fit(x, t_x, t, '1 week') FROM spread WHERE x IS NULL) IS NULL AS only_null;
CREATE TABLE parts AS SELECT part, btyd_fit(x, t_x, t, '1 week') AS m FROM spread GROUP BY part;
SET max_parallel_workers_per_gather = 0;
SELECT bool_and(pg_temp.same(p.m, q.m)) AS by_part FROM parts p JOIN (SELECT part, btyd_fit(x, t_x, t, '1 week') AS m FROM spread GROUP BY part) q USING (part);
SET enable_hashagg = off;
SELECT bool_and(pg_temp.same(p.m, q.m)) AS by_part_sorted FROM parts p JOIN (SELECT part, btyd_fit(x, t_x, t, '1 week') AS m FROM spread GROUP BY part) q USING (part);
RESET enable_hashagg;
SELECT bool_and(pg_temp.same(p.m, q.m)) AS filtered FROM parts p JOIN (SELECT part, (SELECT btyd_fit(x, t_x, t, '1 week') FILTER (WHERE s.part = p.part) FROM spread s) AS m FROM parts p) q USING (part);
RESET max_parallel_workers_per_gather;
SELECT count(*), bool_and(pg_temp.same(q.m, (SELECT btyd_fit(x, t_x, t, '1 week') FROM customers WHERE customer <= 100 * block))) AS running
FROM (SELECT block, (btyd_fit(x, t_x, t, '1 week') OVER (ORDER BY block)) AS m, row_number() OVER (PARTITION BY block) AS n FROM customers, LATERAL (SELECT (customer + 99) / 100 AS block) b) q WHERE n = 1;
-- A unit is what it is long: of two names one is kept, whichever comes first.
SELECT (btyd_fit(x, t_x, t, CASE WHEN n % 2 = r THEN interval '7 days' ELSE '168:00:00' END)).unit FROM customers, generate_series(0, 1) r, LATERAL (SELECT customer AS n) c GROUP BY r;
SELECT (btyd_fit(x, t_x, t, CASE WHEN x IS NULL THEN interval '7 days' ELSE '168:00:00' END)).unit FROM spread;
-- Stored, shown, read back.
SELECT count(*) AS models, bool_and(pg_temp.same(m, m::text::btyd_model)) AS as_text FROM models;
SELECT kind, abs(btyd_p_alive(m, 3, 20, 39) / btyd_p_alive(m::text::btyd_model, 3, 20, 39) - 1) < 1e-12 AS same FROM models WHERE kind <> 'bgbb' ORDER BY kind;

-- At a limit one NOTICE a query, of the first such group, that says which.
SET client_min_messages = notice;
CREATE TABLE edges AS SELECT n, x, t_x, t FROM (VALUES (1, 3, 2, 5), (2, 3, 5, 5), (3, 0, 0, 100), (3, 1, 3, 100)) v(n, x, t_x, t), generate_series(1, 50);
SET enable_hashagg = off;
SELECT n, (btyd_fit(x, t_x, t, '1 week')).boundary FROM edges GROUP BY n ORDER BY n;
SELECT n, (btyd_fit(x, t_x, t, '1 week', 'Pareto/NBD')).boundary FROM edges WHERE n > 1 GROUP BY n ORDER BY n;
SELECT DISTINCT n, (btyd_fit(x, t_x, t, '1 week') OVER (PARTITION BY n)).boundary AS in_a_window FROM edges ORDER BY n;
RESET enable_hashagg;
SELECT (btyd_fit(1, 1, 1, '1 week', 'bgbb')).boundary FROM generate_series(1, 9);
SET client_min_messages = warning;

-- Hard cases. One customer; a million alike; nobody ever dies; everybody dies at once: the model is at a limit, says which, has no standard errors, and can be used.
CREATE FUNCTION pg_temp.fits(query text) RETURNS TABLE (kind text, boundary text, se boolean, p_alive numeric, expected numeric) LANGUAGE plpgsql AS $$
DECLARE m btyd_model;
BEGIN
    FOREACH kind IN ARRAY ARRAY['mbgnbd', 'bgnbd', 'pnbd'] LOOP
        EXECUTE format('SELECT (w.m).* FROM (SELECT btyd_fit(x, t_x, t, ''1 week'', %L) AS m FROM (%s) q(x, t_x, t) OFFSET 0) w', kind, query) INTO m;
        boundary := m.boundary; se := m.se IS NOT NULL; p_alive := round(btyd_p_alive(m, 3, 4, 5)::numeric, 3); expected := round(btyd_expected(m, 5, 3, 4, 5)::numeric, 3);
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM pg_temp.fits('SELECT 3, 2.0, 5.0');
SELECT * FROM pg_temp.fits('SELECT 3, 5.0, 5.0');
SELECT * FROM pg_temp.fits('SELECT 3, 2.0, 5.0 FROM generate_series(1, 1000000)');
SELECT * FROM pg_temp.fits('SELECT x, CASE WHEN x = 0 THEN 0 ELSE 52 - g % 3 / 2.0 END, 52 FROM (SELECT g, g * 7919 % 11 AS x FROM generate_series(1, 500) g) q');
SELECT * FROM pg_temp.fits('SELECT x, CASE WHEN x = 0 THEN 0 ELSE g % 5 + 1 END, 100 FROM (SELECT g, g % 2 AS x FROM generate_series(1, 500) g) q');
-- Small samples of all sorts: a fit ends, with a maximum, inside or at a limit, and what it says can be asked.
CREATE TABLE samples AS
SELECT s, x, CASE WHEN x = 0 THEN 0 ELSE share * t END AS t_x, t, x > 0 AS back
FROM (SELECT s, g, floor(-ln(u(s, g)) * (s % 7) * u(s, 100 + g))::bigint AS x, u(s, 200 + g) ^ (1 + s % 3) AS share, 1 + floor(u(s, 300 + g) * (s % 20)) AS t FROM generate_series(1, 120) s, LATERAL generate_series(1, 1 + s % 37) g) q;
SELECT kind, count(*) AS fits, count(*) FILTER (WHERE p BETWEEN 0 AND 1 AND e >= 0 AND loglik < 'infinity') AS good
FROM (SELECT kind, (m).loglik, btyd_p_alive(m, 3, 4, 5) AS p, btyd_expected(m, 10, 3, 4, 5) AS e FROM (SELECT kind, s, btyd_fit(x, t_x, t, '1 week', kind) AS m FROM samples, unnest(ARRAY['mbgnbd', 'bgnbd', 'pnbd']) kind WHERE s IN (SELECT s FROM samples WHERE back) GROUP BY kind, s) q) r GROUP BY kind ORDER BY kind;

-- Customers of today know nothing yet and change nothing.
SELECT pg_temp.r((b).loglik - (a).loglik, 6) AS nothing, (b).n FROM (SELECT btyd_fit(x, t_x, t, '1 week') AS a FROM customers) q, (SELECT btyd_fit(x, t_x, t, '1 week') AS b FROM (SELECT x, t_x, t FROM customers UNION ALL SELECT 0, 0, 0 FROM generate_series(1, 100)) c) r;
-- Tiny and huge times: the unit of time is a name.
SELECT kind, f, pg_temp.r((q.m).params[1] / (o.m).params[1], 7) AS r, pg_temp.r((q.m).params[2] / f / (o.m).params[2], 7) AS alpha, pg_temp.r((q.m).params[3] / (o.m).params[3], 6) AS third FROM (SELECT kind, f, btyd_fit(x, t_x * f, t * f, '1 second', kind) AS m FROM customers, unnest(ARRAY[1e-290, 1e290]::float8[]) f, unnest(ARRAY['mbgnbd', 'bgnbd', 'pnbd']) kind GROUP BY kind, f) q JOIN models o(k, m) ON k = kind ORDER BY kind, f;
-- Very many purchases: products give way to Stirling's series.
SELECT kind, (m).boundary, (m).loglik > 0 AS loglik FROM (SELECT kind, btyd_fit(g * 7919 % 5000, 1 + g * 31 % 50, 52, '1 week', kind) AS m FROM generate_series(1, 2000) g, unnest(ARRAY['mbgnbd', 'pnbd']) kind WHERE g * 7919 % 5000 > 0 GROUP BY kind) q ORDER BY kind;
SELECT kind, pg_temp.r(btyd_p_alive(m, 9000000000000000000, 38, 39), 6) AS p_alive, pg_temp.r(btyd_p_alive(m, 9000000000000000000, 39, 39), 6) AS just_now, btyd_expected(m, 1, 9000000000000000000, 39, 39) > 1e17 OR kind = 'bgnbd' AS many FROM (VALUES ('bgnbd', pg_temp.btyd('bgnbd', .243, 4.414, .793, 2.426)), ('pnbd', pg_temp.btyd('pnbd', .553, 10.578, .606, 11.669))) v(kind, m);

-- Errors: the data.
SELECT n, pg_temp.err(format('SELECT btyd_fit(%s, interval ''1 week'', ''%s'')', row, model)) AS error FROM (VALUES
    (1, '-1, 0.0, 5.0', 'bgnbd'), (2, '0, 1.0, 5.0', 'bgnbd'), (3, '2, 0.0, 5.0', 'bgnbd'), (4, '2, 6.0, 5.0', 'bgnbd'), (5, '2, -1.0, 5.0', 'bgnbd'), (6, '2, 1.0, ''infinity''', 'bgnbd'), (7, '2, ''NaN'', 5.0', 'bgnbd'), (8, '2, 1.0, ''NaN''', 'bgnbd'), (9, '0, 0.0, -1.0', 'bgnbd'),
    (10, '2, 1.0, 5.0', 'BGMBD'), (11, '1, 1.5, 5.0', 'bgbb'), (12, '3, 2.0, 5.0', 'bgbb'), (13, '1, 1.0, 10001.0', 'bgbb'), (14, '0, 0.0, 5.0', 'pnbd'), (15, '0, 0.0, 0.0', 'mbgnbd')) v(n, row, model) ORDER BY n;
SELECT n, pg_temp.err(statement) AS error FROM (VALUES
    (1, 'SELECT btyd_fit(1, 1, 2, NULL)'), (2, 'SELECT btyd_fit(1, 1, 2, ''0 days'')'), (3, 'SELECT btyd_fit(1, 1, 2, ''-1 week'')'), (4, 'SELECT btyd_fit(1, 1, 2, ''1 week'', NULL)'),
    (5, 'SELECT btyd_fit(1, 1, 2, CASE WHEN g = 1 THEN interval ''1 week'' ELSE ''1 month'' END) FROM generate_series(1, 2) g'), (6, 'SELECT btyd_fit(1, 1, 2, ''1 week'', CASE WHEN g = 1 THEN ''pnbd'' ELSE ''bgnbd'' END) FROM generate_series(1, 2) g'),
    (7, 'SELECT btyd_fit(ROW(1, 1, 2, 5, CASE WHEN g = 1 THEN interval ''1 week'' ELSE ''1 day'' END)::rfm_summary) FROM generate_series(1, 2) g'), (8, 'SELECT btyd_fit(ROW(1, 1, 2, 5, NULL)::rfm_summary)'), (9, 'SELECT btyd_fit(ROW(1, 3, 2, 5, ''1 week'')::rfm_summary)')) v(n, statement) ORDER BY n;
-- Errors: the customer and the question.
CREATE TABLE ones AS SELECT pg_temp.btyd('bgnbd', .243, 4.414, .793, 2.426) AS bg, pg_temp.btyd('pnbd', .553, 10.578, .606, 11.669) AS pn, pg_temp.btyd('bgbb', 1, 1, 1, 1) AS bb, pg_temp.gg(6.25, 3.74, 15.44) AS gg, pg_temp.gg(6.25, .9, 15.44) AS heavy;
SELECT n, pg_temp.err(format('SELECT %s FROM ones', expression)) AS error FROM (VALUES
    (1, 'btyd_p_alive(bg, 2, 40, 39)'), (2, 'btyd_p_alive(bg, ROW(2, 3, 4, 5, ''1 day''))'), (3, 'btyd_p_alive(bg, ROW(2, 3, 4, 5, NULL))'), (4, 'btyd_expected(bg, -1, 2, 30, 39)'), (5, 'btyd_expected(bg, ''NaN'', 2, 30, 39)'), (6, 'btyd_expected(bg, ''infinity'', 2, 30, 39)'),
    (7, 'btyd_expected(bg, interval ''-1 day'', ROW(2, 3, 4, 5, ''7 days''))'), (8, 'btyd_expected(bb, 1.5, 1, 1, 2)'), (9, 'btyd_expected(bb, 1000001, 1, 1, 2)'), (10, 'btyd_expected_new(bb, interval ''1 day'')'), (11, 'btyd_residual(bg, .01, 2, 30, 39)'), (12, 'btyd_residual(pn, 0, 2, 30, 39)'),
    (13, 'btyd_residual(bb, 0, 1, 1, 2)'), (14, 'btyd_residual(pn, -1, 2, 30, 39)'),
    (15, 'btyd_clv(bg, gg, 2, 30, 39, 20, ''1 year'', -0.1)'), (16, 'btyd_clv(bg, gg, 2, 30, 39, 20, ''1 year'', 10)'), (17, 'btyd_clv(bg, gg, 2, 30, 39, 20, ''101 years'', 0.1)'), (18, 'btyd_clv(bg, gg, 2, 30, 39, -20, ''1 year'', 0.1)'), (19, 'btyd_clv(bg, gg, ROW(2, 30, 39, 20, ''1 day''), ''1 year'', 0.1)'),
    (20, 'btyd_clv(bb, gg, 1, 1, 2, 20, ''1 year'', 0.1)'), (21, 'btyd_clv(bg, heavy, 0, 0, 39, NULL, ''1 year'', 0.1)')) v(n, expression) ORDER BY n;
-- NULL in, NULL out; a summary without numbers, too.
SELECT btyd_p_alive(NULL, 1, 1, 2) AS a, btyd_p_alive(bg, NULL, 1, 2) AS b, btyd_p_alive(bg, ROW(NULL, 1, 2, 5, '7 days')::rfm_summary) AS c, btyd_expected(bg, '1 year', NULL::rfm_summary) AS d,
       btyd_clv(bg, gg, 2, 30, 39, NULL, '1 year', 0.1) AS e, btyd_clv(bg, gg, ROW(2, 30, 39, NULL, '7 days')::rfm_summary, '1 year', 0.1) AS f, btyd_clv(bg, gg, 0, 0, 39, NULL, NULL, 0.1) AS g, btyd_clv(NULL, gg, 0, 0, 39, NULL, '1 year', 0.1) AS h FROM ones;
-- Models by hand that no fit makes.
SELECT n, pg_temp.err(format('SELECT btyd_p_alive(%s::btyd_model, 2, 30, 39)', model)) AS error FROM (VALUES
    (1, 'ROW(NULL, ''7 days'', ARRAY[1, 1, 1, 1], NULL, NULL, 0, 0, 0, 0, 0)'), (2, 'ROW(''nbd'', ''7 days'', ARRAY[1, 1, 1, 1], NULL, NULL, 0, 0, 0, 0, 0)'), (3, 'ROW(''bgnbd'', NULL, ARRAY[1, 1, 1, 1], NULL, NULL, 0, 0, 0, 0, 0)'), (4, 'ROW(''bgnbd'', ''0'', ARRAY[1, 1, 1, 1], NULL, NULL, 0, 0, 0, 0, 0)'),
    (5, 'ROW(''bgnbd'', ''7 days'', NULL, NULL, NULL, 0, 0, 0, 0, 0)'), (6, 'ROW(''bgnbd'', ''7 days'', ''{}'', NULL, NULL, 0, 0, 0, 0, 0)'), (7, 'ROW(''bgnbd'', ''7 days'', ARRAY[1, 1, 1], NULL, NULL, 0, 0, 0, 0, 0)'), (8, 'ROW(''bgnbd'', ''7 days'', ARRAY[1, 1, 1, 0], NULL, NULL, 0, 0, 0, 0, 0)'),
    (9, 'ROW(''bgnbd'', ''7 days'', ''{1, 1, 1, NaN}'', NULL, NULL, 0, 0, 0, 0, 0)'), (10, 'ROW(''bgnbd'', ''7 days'', ARRAY[1, 1, 1, NULL], NULL, NULL, 0, 0, 0, 0, 0)'), (11, 'ROW(''bgnbd'', ''7 days'', ''{{1, 1}, {1, 1}}'', NULL, NULL, 0, 0, 0, 0, 0)'), (12, 'ROW(''bgnbd'', ''7 days'', ARRAY[1, 1, 1, -1], NULL, NULL, 0, 0, 0, 0, 0)'),
    (13, 'ROW(''bgnbd'', ''7 days'', ''[5:8]={1, 1, 1, 1}'', NULL, NULL, 0, 0, 0, 0, 0)')) v(n, model) ORDER BY n;
SELECT pg_temp.err('SELECT * FROM btyd_summary(ROW(''bgnbd'', ''7 days'', ARRAY[1, 1, 1, 1], ARRAY[1, 2], NULL, 0, 0, 0, 0, 0)::btyd_model)') AS error;
-- Extreme parameters give a number or 22003, never NaN or infinity, and never take long.
CREATE FUNCTION pg_temp.outcome(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v float8; BEGIN
    EXECUTE 'SELECT ' || expression INTO v;
    RETURN CASE WHEN v = 'NaN' OR abs(v) = 'infinity' THEN 'BAD ' || expression ELSE 'a number' END;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
SELECT kind, count(*), count(*) FILTER (WHERE outcome NOT IN ('a number', '22003', '0A000')) AS bad, count(*) FILTER (WHERE outcome = 'a number') > 200 AS most_are_numbers FROM (SELECT kind, pg_temp.outcome(format('btyd_%s ROW(%L, interval ''7 days'', ARRAY[%s, %s, %s, %s]::float8[], NULL, NULL, 0, 0, 0, 0, 0)::btyd_model, %s)', f, kind, a, b, c, d, customer)) AS outcome
    FROM unnest(ARRAY['mbgnbd', 'bgnbd', 'pnbd', 'bgbb']) kind, (VALUES ('p_alive(', '2, 30, 39'), ('expected(', '10, 2, 30, 39'), ('expected(', '1000000, 0, 0, 1'), ('expected_new(', '20'), ('residual(', '.01, 1, 1, 3')) q(f, customer),
         unnest(ARRAY['1e-300', '1e-3', '1e8', '1e300']) a, unnest(ARRAY['1e-300', '1e8']) b, unnest(ARRAY['1e-300', '1', '1e300']) c, unnest(ARRAY['1e-300', '1e3', '1e300']) d) o GROUP BY 1 ORDER BY 1;
-- Units and horizons of all sizes, discounts that may not be; dying with the same chance for all, which is a limit and not a sum.
SELECT kind, count(*), count(*) FILTER (WHERE outcome NOT IN ('a number', '22003', '22023')) AS bad, count(*) FILTER (WHERE outcome = 'a number') > 100 AS numbers FROM (SELECT kind, pg_temp.outcome(format('btyd_clv(ROW(%L, %L::interval, ARRAY[%s, %s]::float8[], NULL, NULL, 0, 0, 0, 0, 0)::btyd_model, pg_temp.gg(6.25, 3.74, %s), %s, %L, %s)', kind, unit, pair, other, v, customer, horizon, discount)) AS outcome
    FROM unnest(ARRAY['mbgnbd', 'pnbd', 'bgbb']) kind, unnest(ARRAY['1 microsecond', '1000000 years']) unit, unnest(ARRAY['1e-300, 1e-3', '1e8, 1e300']) pair, unnest(ARRAY['1e-300, 1e-3', '1e300, 1e300', '1, 1']) other, unnest(ARRAY['1e-300', '15']) v, unnest(ARRAY['0, 0, 0, NULL', '2, 3, 9000, 20', '2, 1e300, 1e308, 1e300']) customer, unnest(ARRAY['0 days', '1 microsecond', '10 years', '1000000 years']) horizon, unnest(ARRAY['-0.99', '0', '9.99']) discount) o GROUP BY 1 ORDER BY 1;
SELECT z, pg_temp.r(btyd_expected_new(m, z), 8) AS expected, pg_temp.r(3 * (1 - (1 + z / 3.0) ^ -0.5), 8) AS one_chance_for_all FROM pg_temp.btyd('bgnbd', .5, 1, 1e18, 2e18) m, unnest(ARRAY[1e-3, 10, 1e6, 1e300]::float8[]) z;
SELECT kind, btyd_expected(m, 1e300, 2, 30, 39) > 1e50 AS without_end FROM (VALUES ('bgnbd', pg_temp.btyd('bgnbd', .243, 4.414, .793, 2.426)), ('mbgnbd', pg_temp.btyd('mbgnbd', .243, 4.414, .793, 2.426)), ('pnbd', pg_temp.btyd('pnbd', .553, 10.578, .606, 11.669))) v(kind, m) ORDER BY kind;
-- Memory: more distinct rows than churnmetrics.fit_memory allows.
SET churnmetrics.fit_memory = '1MB';
SELECT left(pg_temp.err('SELECT btyd_fit(1, g / 1e6, 1, ''1 week'') FROM generate_series(1, 100000) g'), 5) AS error;
RESET churnmetrics.fit_memory;
-- Support functions are no use outside of an aggregate.
SELECT left(pg_temp.err('SELECT btyd_fit_trans(NULL, 1, 1, 2, ''1 week'')'), 5) AS error UNION ALL SELECT left(pg_temp.err('SELECT btyd_fit_final(NULL)'), 5);

-- What the planner may assume, and comments.
SELECT proname, count(*), array_agg(DISTINCT provolatile::text || proparallel::text || CASE WHEN proisstrict THEN ' strict' ELSE '' END) AS labels, bool_and(obj_description(oid, 'pg_proc') IS NOT NULL) AS described, bool_and(proargnames IS NOT NULL) AS named
FROM pg_proc WHERE proname ~ '^btyd(_|$)' AND pronamespace = 'public'::regnamespace AND proname !~ '_(trans|final|combine|serial|deserial)$' GROUP BY proname ORDER BY proname;
SELECT count(*) AS undescribed FROM pg_proc WHERE proname ~ '^btyd(_|$)' AND pronamespace = 'public'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL;

SET client_min_messages = warning;
DROP SCHEMA test_btyd CASCADE;
