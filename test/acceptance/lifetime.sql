-- The telco sample as subscription rows, with months of 30 days up to 2024-01-01: lifetimes are then 30 times the tenure.
-- Who churned ended on that day; the others still run. The eleven with a tenure of 0 have not begun yet.
-- 20 checks.
CREATE VIEW telco_months AS
SELECT "customerID" AS customer, "Contract" AS contract, date '2024-01-01' - 30 * tenure AS started_at,
       CASE WHEN "Churn" = 'Yes' THEN date '2024-01-01' END AS ended_at, "MonthlyCharges" AS mrr
FROM telco;

INSERT INTO checks (what, reference, computed, digits)
SELECT 'lifetime, telco: ' || v.what, v.reference, v.computed, 15
FROM expected, customer_lifetime_km('SELECT customer, started_at, ended_at, mrr FROM telco_months', '2024-01-01') AS l,
     LATERAL (VALUES ('customers', (j #>> '{km_telco_tenure,n_positive}')::numeric, l.customers),
                     ('churned', (j #>> '{km_telco_tenure,events}')::numeric, l.churned),
                     ('still running', (j #>> '{km_telco_tenure,n_positive}')::numeric - (j #>> '{km_telco_tenure,events}')::numeric, l.censored),
                     ('last month', 72, l.horizon_days::numeric / 30)) AS v(what, reference, computed)
UNION ALL
SELECT format('lifetime, telco: S(%s)', key), value::numeric,
       survival_at(lifetime_model('SELECT customer, started_at, ended_at, mrr FROM telco_months', '2024-01-01'), 30 * key::int)::numeric, 10
FROM expected, jsonb_each_text(j #> '{km_telco_tenure,S}')
UNION ALL
SELECT 'lifetime, telco: S at the last month', (j #>> '{km_telco_tenure,S,72}')::numeric, l.survival_at_horizon::numeric, 10
FROM expected, customer_lifetime_km('SELECT customer, started_at, ended_at, mrr FROM telco_months', '2024-01-01') AS l;

-- By contract, of ledgers: the median of those from month to month, with its interval; the log-rank test of all three.
CREATE TABLE telco_contracts AS
SELECT contract, subscription_ledger(customer, started_at, ended_at, mrr) AS ledger FROM telco_months GROUP BY contract;

INSERT INTO checks (what, reference, computed, digits)
SELECT 'lifetime, telco, month to month: ' || v.what, v.reference, v.computed::numeric / 30, 15
FROM expected, telco_contracts AS c, customer_lifetime_km(c.ledger, '2024-01-01') AS l,
     LATERAL (VALUES ('median', (j #>> '{km_telco_tenure,median_month_to_month}')::numeric, l.median_days),
                     ('lower', (j #>> '{km_telco_tenure,median_mtm_ci,0}')::numeric, l.median_lower),
                     ('upper', (j #>> '{km_telco_tenure,median_mtm_ci,1}')::numeric, l.median_upper)) AS v(what, reference, computed)
WHERE c.contract = 'Month-to-month'
UNION ALL
SELECT 'lifetime, telco: log-rank by contract', (j #>> '{km_telco_tenure,logrank_contract_chisq}')::numeric, t.chisq::numeric, 10
FROM expected, (SELECT (logrank(lifetime_model(ledger, '2024-01-01'), contract)).* FROM telco_contracts) AS t
UNION ALL
-- The area is the sum of the survival at the beginning of each month; here from the tenures, in plain SQL.
SELECT 'lifetime, telco: mean up to the last month', a.area, l.expected_days::numeric, 12
FROM customer_lifetime_km('SELECT customer, started_at, ended_at, mrr FROM telco_months', '2024-01-01') AS l,
     (SELECT 30 * sum(survival) AS area
      FROM (SELECT exp(coalesce(sum(ln(1 - churned / at_risk)) OVER (ORDER BY month ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)) AS survival
            FROM (SELECT month, (count(*) FILTER (WHERE tenure = month AND "Churn" = 'Yes'))::numeric AS churned, count(*)::numeric AS at_risk
                  FROM generate_series(1, 72) AS month, telco WHERE tenure >= month GROUP BY month) AS months) AS curve) AS a;
