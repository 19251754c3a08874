#!/usr/bin/env bash
# bash test/acceptance.sh DATA: public data sets in the folder DATA, and the published worked examples in DATA/../examples,
# through the extension on a throw-away server: reference beside computed value. Ends with "N passed, N failed".
# shellcheck disable=SC2119
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Not in the environment: PGXS installs what a variable of this name lists.
export -n DATA=${1:-}
[[ -n $DATA ]] || die 'which folder holds the data sets? make acceptance DATA=FOLDER' 2
EXAMPLES=$DATA/../examples
for file in "$DATA/telco_churn.csv" "$EXAMPLES"/{customer_counts_by_month,churn_rate_windows}_{subscriptions,expected}.csv \
    "$EXAMPLES/published_worked_examples.csv"; do
    [[ -r $file ]] || die "$file is missing: DATA must be the folder of the reference data sets, with examples beside it" 2
done

sql() { psql -X -q -v ON_ERROR_STOP=1 -d acceptance "$@"; }

# $1: table, $2: its columns, $3: file
load() {
    sql -c "CREATE TABLE $1 ($2)"
    sql -c "COPY $1 FROM STDIN (FORMAT csv, HEADER true)" <"$3"
}

load_all() {
    load telco '"customerID" text, tenure int, "MonthlyCharges" numeric, "TotalCharges" numeric, "Contract" text, "InternetService" text,
        "PaperlessBilling" text, "PaymentMethod" text, "SeniorCitizen" int, "Churn" text' "$DATA/telco_churn.csv"
    load counts_subscriptions 'subscription_id text, customer_id text, product_id text, created date, ended_at date' \
        "$EXAMPLES/customer_counts_by_month_subscriptions.csv"
    load counts_expected 'month date, subscriptions_in_month int, new_subscriptions int, churned_subscriptions int,
        customers_in_month int, new_customers int, churned_customers int' "$EXAMPLES/customer_counts_by_month_expected.csv"
    load windows_subscriptions '"case" text, subscription text, started_at date, canceled_at date, ended_at date' \
        "$EXAMPLES/churn_rate_windows_subscriptions.csv"
    load windows_expected '"case" text, bucket date, active_subscriptions int, canceled_subscriptions int, churned_subscriptions int, churn_rate numeric' \
        "$EXAMPLES/churn_rate_windows_expected.csv"
    load published 'metric text, inputs text, expected text, source text' "$EXAMPLES/published_worked_examples.csv"
}

# A computed value is right when it is the reference at the reference's digits; some publish them rounded, some cut.
SAME='coalesce(reference IN (round(computed, scale(reference)), trunc(computed, scale(reference))), false)'

find_postgres
build_extension
install_extension
start_server
createdb acceptance
sql -c 'CREATE EXTENSION churnmetrics'
say "Loading $DATA"
load_all
sql -f "$ROOT/test/acceptance.sql"
sql -P footer=off -c "SELECT what, reference, round(computed, greatest(scale(reference), 6)) AS computed, CASE WHEN $SAME THEN 'ok' ELSE 'FAILED' END AS result
    FROM checks ORDER BY n"
counts=$(sql -At -F ' ' -c "SELECT count(*) FILTER (WHERE $SAME), count(*) FILTER (WHERE NOT ($SAME)) FROM checks")
read -r passed failed <<<"$counts"
printf '%s passed, %s failed\n' "$passed" "$failed"
((failed == 0 && passed > 0))
