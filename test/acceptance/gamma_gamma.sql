-- Gamma-Gamma: what the 946 customers of CDNOW with a repeat purchase spend.
-- 14 checks.
CREATE FUNCTION pg_temp.gg_of(p float8, q float8, v float8) RETURNS gg_model LANGUAGE sql AS
$$ SELECT ROW(p, q, v, NULL, NULL, 0, 0, 0, 0, NULL)::gg_model $$;

CREATE TEMP TABLE gg_fits AS SELECT gg_fit(x::bigint, zbar::float8) AS g FROM cdnow_summary_lifetimes;

INSERT INTO checks (what, reference, computed, digits)
SELECT 'gg, cdnow_2dp: p', (j #>> '{cdnow_2dp,gg_946,p}')::numeric, (g).p::numeric, 9 FROM expected, gg_fits
UNION ALL SELECT 'gg, cdnow_2dp: q', (j #>> '{cdnow_2dp,gg_946,q}')::numeric, (g).q::numeric, 9 FROM expected, gg_fits
UNION ALL SELECT 'gg, cdnow_2dp: v', (j #>> '{cdnow_2dp,gg_946,v}')::numeric, (g).v::numeric, 9 FROM expected, gg_fits
UNION ALL SELECT 'gg, cdnow_2dp: log-likelihood', (j #>> '{cdnow_2dp,gg_946,loglik}')::numeric, (g).loglik::numeric, 11 FROM expected, gg_fits
UNION ALL SELECT 'gg, cdnow_2dp: customers', 946, (g).n, 15 FROM gg_fits
UNION ALL SELECT 'gg, cdnow_2dp: correlation of x and mean value', 0.1139, round((g).correlation::numeric, 4), 15 FROM gg_fits
UNION ALL
SELECT format('gg, 6.25/3.74/15.44: mean value of %s', key), value::numeric,
       gg_expected(pg_temp.gg_of(6.25, 3.74, 15.44), split_part(trim(key, '()'), ',', 1)::bigint, nullif(split_part(trim(key, '()'), ',', 2), '')::float8)::numeric, 7
FROM expected, jsonb_each_text(j #> '{cdnow_derived,"gg_cond(6.25,3.74,15.44)"}')
UNION ALL
SELECT format('gg, 6.25/3.74/15.44: mean value of the summary %s', key), value::numeric,
       gg_expected(pg_temp.gg_of(6.25, 3.74, 15.44), ROW(split_part(trim(key, '()'), ',', 1), 30, 40, nullif(split_part(trim(key, '()'), ',', 2), ''), '1 week')::rfm_summary)::numeric, 7
FROM expected, jsonb_each_text(j #> '{cdnow_derived,"gg_cond(6.25,3.74,15.44)"}');

DROP TABLE gg_fits;
