#!/usr/bin/env bash
# bash test/acceptance.sh DATA: public data sets in the folder DATA, and the published worked examples in DATA/../examples,
# through the extension on a throw-away server: reference beside computed value. Ends with "N passed, N failed".
# The data sets are public: Fader and Hardie (2007), CDNOW as in the package lifetimes (MIT), IBM's Telco sample (Apache-2.0), lung of R's
# survival, the patients of MADlib's documentation, Hillstrom's e-mails, Card and Krueger's cells, NIST's handbook; DATA/expected.json has
# what they give, from independent software.
# shellcheck disable=SC2119
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Not in the environment: PGXS installs what a variable of this name lists.
export -n DATA=${1:-}
[[ -n $DATA ]] || die 'which folder holds the data sets? make acceptance DATA=FOLDER' 2
EXAMPLES=$DATA/../examples
for file in "$DATA"/{telco_churn,telco_tenure,lung,lt_tiny,sbg_fader_hardie_2007,cdnow_summary_lifetimes,bgbb_donations,madlib_patients,hillstrom_summary,card_krueger_cells,nist_rosner_gesd,nist_ewma,nist_pchart}.csv \
    "$DATA/expected.json" "$EXAMPLES"/{customer_counts_by_month,churn_rate_windows}_{subscriptions,expected}.csv \
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
    load telco_tenure 'tenure bigint, active bigint, churned bigint' "$DATA/telco_tenure.csv"
    load lung 'inst int, time float8, status int, age float8, sex int, "ph.ecog" int, "ph.karno" int, "pat.karno" int, "meal.cal" int, "wt.loss" int' "$DATA/lung.csv"
    load lt_tiny 'entry float8, exit float8, ev int' "$DATA/lt_tiny.csv"
    load sbg_fader_hardie_2007 'segment text, year int, pct_surviving numeric, n_alive_of_1000 bigint, n_lost_in_year bigint' "$DATA/sbg_fader_hardie_2007.csv"
    load cdnow_summary_lifetimes 'id int, x bigint, t_x float8, t float8, zbar float8' "$DATA/cdnow_summary_lifetimes.csv"
    load bgbb_donations 'frequency bigint, recency float8, periods float8, weights bigint' "$DATA/bgbb_donations.csv"
    load madlib_patients 'id int, y int, tr float8, ax float8' "$DATA/madlib_patients.csv"
    load hillstrom_summary 'segment text, n bigint, visits bigint, conversions bigint, spend_sum numeric, spend_sumsq numeric' "$DATA/hillstrom_summary.csv"
    load card_krueger_cells 'state text, wave text, n bigint, mean_fte float8, sd_fte float8' "$DATA/card_krueger_cells.csv"
    load nist_rosner_gesd 'y float8' "$DATA/nist_rosner_gesd.csv"
    load nist_ewma 't int, y float8, "ewma_lambda0.3_start50" float8' "$DATA/nist_ewma.csv"
    load nist_pchart 'sample int, n bigint, defective bigint' "$DATA/nist_pchart.csv"
    # one value per line of a text table: the file has no newline inside of a string
    sql -c 'CREATE TABLE expected_lines (n int GENERATED ALWAYS AS IDENTITY, line text)'
    sql -c "COPY expected_lines (line) FROM STDIN (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')" <"$DATA/expected.json"
    sql -c "CREATE TABLE expected AS SELECT string_agg(line, E'\\n' ORDER BY n)::jsonb AS j FROM expected_lines"
}

# A computed value is right when it is the reference at the reference's digits (some publish them rounded, some cut), or,
# where significant digits are named, when the two agree to so many.
SAME='CASE WHEN digits IS NULL THEN coalesce(reference IN (round(computed, scale(reference)), trunc(computed, scale(reference))), false)
      ELSE coalesce(abs(computed - reference) <= 0.5 * abs(reference) * 10::numeric ^ (1 - digits), false) END'

find_postgres
build_extension
install_extension
start_server
createdb acceptance
sql -c 'CREATE EXTENSION churnmetrics'
say "Loading $DATA"
load_all
sql -f "$ROOT/test/acceptance.sql"
# A reference that is not found makes no row: each file says how many there must be.
before=$(sql -At -c 'SELECT count(*) FROM checks')
for file in "$ROOT"/test/acceptance/*.sql; do
    sql -f "$file"
    after=$(sql -At -c 'SELECT count(*) FROM checks')
    grep -qx -- "-- $((after - before)) checks\\." "$file" || die "${file##*/} made $((after - before)) checks, but does not say so in its first lines"
    before=$after
done
sql -P footer=off -c "SELECT what, reference, round(computed, greatest(scale(reference), 6)) AS computed, digits, CASE WHEN $SAME THEN 'ok' ELSE 'FAILED' END AS result
    FROM checks ORDER BY n"
counts=$(sql -At -F ' ' -c "SELECT count(*) FILTER (WHERE $SAME), count(*) FILTER (WHERE NOT ($SAME)) FROM checks")
read -r passed failed <<<"$counts"
printf '%s passed, %s failed\n' "$passed" "$failed"
((failed == 0 && passed > 0))
