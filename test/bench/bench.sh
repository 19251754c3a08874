#!/usr/bin/env bash
# Measures the reports against the physical floor, hand-written SQL and, where its module is at hand, DuckDB, on a
# throw-away server; prints markdown tables.
#
#   ROWS=2000000        rows of the table
#   ROWS_USUAL=100000   rows of the table that the usual SQL is measured on
#   ROUNDS=5            rounds, interleaved; medians are printed
#   WORK_MEM=256MB SHARED_BUFFERS=2GB
#   SECTIONS="reports expert usual sharing periods scale customers policies questions rollups views estimators memory duckdb"
#   ROWS_FIT=1000000    rows of the logistic regression
#   DATA=               folder with the public data sets, for the one that the usage models are measured on
#   DUCKDB=1            fetches @duckdb/node-api with npm when it is not there
#   PG_CONFIG=          another server version
# shellcheck disable=SC2119
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

ROWS=${ROWS:-2000000}
ROWS_USUAL=${ROWS_USUAL:-100000}
ROWS_FIT=${ROWS_FIT:-1000000}
# Not in the environment: PGXS installs what a variable of this name lists.
export -n DATA=${DATA:-}
ROUNDS=${ROUNDS:-5}
WORK_MEM=${WORK_MEM:-256MB}
SHARED_BUFFERS=${SHARED_BUFFERS:-2GB}
SECTIONS=${SECTIONS:-reports expert usual sharing periods scale customers policies questions rollups views estimators memory duckdb}
BENCH=$ROOT/test/bench

REPORTS=(churn_by_period mrr_movements cohort_retention)
declare -A EXPERT=([churn_by_period]=expert_churn [mrr_movements]=expert_movements [cohort_retention]=expert_cohorts)
LEDGER='subscription_ledger(customer_id, started_at, ended_at, mrr)'
SUBS='SELECT customer_id, started_at, ended_at, mrr FROM subs'
YEARS="'2020-01-01', '2025-01-01'"
SERIAL='SET max_parallel_workers_per_gather = 0;'
# shellcheck disable=SC2034 # used by name
PARALLEL='SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = on;'

wanted() { [[ " $SECTIONS " == *" $1 "* ]]; }

progress() { printf '%s\n' "$*" >&2; }

# ---- The statements ----

names=()
declare -A statement setting

# $1: name, $2: settings, $3: one statement. What another section has added already is there once.
add() {
    [[ -z ${statement[$1]:-} ]] || return 0
    names+=("$1")
    setting[$1]=$2
    statement[$1]=${3%;*}
}

# A file's statement, without its comments.
text_of() { sed '/^ *--/d' "$BENCH/$1.sql"; }

# $1: report, $2: period's length
report_of_text() { echo "SELECT count(*) FROM $1('$SUBS', '${2:-1 month}', $YEARS)"; }

# $1: a relation with a ledger l; the others: reports, all from that one ledger
reports_of_ledger() {
    local source=$1 report sum=
    shift
    for report in "$@"; do
        sum+="${sum:+ + }(SELECT count(*) FROM q, $report(l, '1 month', $YEARS))"
    done
    echo "WITH q AS MATERIALIZED (SELECT l FROM $source) SELECT $sum"
}

add_reports() {
    local report mode
    for mode in serial parallel; do
        local set=${mode^^}
        add "floor.$mode" "${!set}" "$(text_of floor)"
        for report in "${REPORTS[@]}"; do
            add "$report.$mode" "${!set}" "$(report_of_text "$report")"
        done
    done
}

add_expert() {
    local report mode
    for mode in serial parallel; do
        local set=${mode^^}
        for report in "${REPORTS[@]}"; do
            add "$report.$mode" "${!set}" "$(report_of_text "$report")"
            add "${EXPERT[$report]}.$mode" "${!set}" "$(text_of "${EXPERT[$report]}")"
        done
    done
}

add_usual() {
    local report mode small
    for mode in serial parallel; do
        local set=${mode^^}
        small="SET search_path = small, public; ${!set}"
        for report in "${REPORTS[@]}"; do
            add "small.$report.$mode" "$small" "$(report_of_text "$report")"
            add "small.${EXPERT[$report]}.$mode" "$small" "$(text_of "${EXPERT[$report]}")"
            add "small.${EXPERT[$report]/expert/usual}.$mode" "$small" "$(text_of "${EXPERT[$report]/expert/usual}")"
        done
    done
}

add_sharing() {
    local report
    add ledger "$SERIAL" "SELECT pg_column_size($LEDGER) FROM subs"
    for report in "${REPORTS[@]}"; do
        add "one.$report" "$SERIAL" "$(reports_of_ledger "(SELECT $LEDGER AS l FROM subs) s" "$report")"
        add "stored.$report" "$SERIAL" "$(reports_of_ledger stored "$report")"
    done
    add one.all "$SERIAL" "$(reports_of_ledger "(SELECT $LEDGER AS l FROM subs) s" "${REPORTS[@]}")"
    add stored.all "$SERIAL" "$(reports_of_ledger stored "${REPORTS[@]}")"
}

# '5 months' cuts the five years into 13 periods, '3 days' into 609.
add_periods() {
    local report
    for report in "${REPORTS[@]}"; do
        add "$report.13" "$SERIAL" "$(report_of_text "$report" '5 months')"
        add "$report.609" "$SERIAL" "$(report_of_text "$report" '3 days')"
    done
}

add_scale() {
    local report
    for report in "${REPORTS[@]}"; do
        add "$report.one" "$SERIAL" "$(report_of_text "$report")"
        add "$report.ten" "SET search_path = tenfold, public; $SERIAL" "$(report_of_text "$report")"
    done
}

add_customers() {
    add customers.ledger "$SERIAL" "SELECT count(l) FROM (SELECT customer_id, $LEDGER AS l FROM subs GROUP BY customer_id) q"
    add customers.plain "$SERIAL" "SELECT count(a), count(b), count(c) FROM (SELECT customer_id, min(started_at) AS a, max(ended_at) AS b,
        sum(mrr) AS c FROM subs GROUP BY customer_id) q"
}

# Every axis alone, and the presets; the last word is the argument of churn_policy().
POLICIES=("standard|preset => 'standard'" "at|boundary => 'at'" "events|basis => 'events'" "plus_new|denominator => 'opening_plus_new'" "average|denominator => 'average'"
    "transient|count_transient => true" "grace|grace => '31 days'" "grace_month|grace => '1 month'"
    "window|reactivation_window => '90 days'" "absence|minimum_absence => '1 month'" "free|count_free => true"
    "offsets|reactivation_offsets => true" "lookback|lookback => 12" "smoothing|smoothing => 6" "stripe|'stripe'" "maxio|'maxio'"
    "fight_churn|'fight_churn'")

add_policies() {
    local report policy
    for report in "${REPORTS[@]}"; do
        add "$report.no_policy" "$SERIAL" "$(report_of_text "$report")"
        for policy in "${POLICIES[@]}"; do
            add "$report.${policy%%|*}" "$SERIAL" "SELECT count(*) FROM $report('$SUBS', '1 month', $YEARS, policy => churn_policy(${policy#*|}))"
        done
    done
}

# What is asked about customers and reasons beside the reports.
MONTH="'2023-06-01', '2023-07-01'"
add_questions() {
    local period="daterange($MONTH)"
    add question.report "$SERIAL" "$(report_of_text mrr_movements)"
    add question.customer_movements "$SERIAL" "SELECT count(*) FROM customer_movements('$SUBS', $MONTH)"
    add question.with_unchanged "$SERIAL" "SELECT count(*) FROM customer_movements('$SUBS', $MONTH, include_unchanged => true)"
    add question.churn_by_reason "$SERIAL" "SELECT count(*) FROM churn_by_reason('SELECT customer_id, started_at, ended_at, mrr,
        CASE plan WHEN ''team'' THEN ''involuntary'' WHEN ''starter'' THEN ''voluntary'' END FROM subs', '1 month', $YEARS)"
    add question.win_backs_by_period "$SERIAL" "SELECT count(*) FROM win_backs_by_period('$SUBS', '1 month', $YEARS)"
    add question.churn_alarm "$SERIAL" "SELECT count(*) FROM churn_alarm('$SUBS', 0.05, 0.95, '1 month', $YEARS)"
    add question.renewals_by_period "$SERIAL" "SELECT count(*) FROM renewals_by_period('$SUBS', '1 month', $YEARS)"
    add question.renewal_rate "$SERIAL" "SELECT renewal_rate(customer_id, started_at, ended_at, $period) FROM subs"
    add question.nrr "$SERIAL" "SELECT nrr(customer_id, started_at, ended_at, mrr, $period) FROM subs"
    add question.nrr_policy "$SERIAL" "SELECT nrr(customer_id, started_at, ended_at, mrr, $period, churn_policy('stripe')) FROM subs"
}

# One month from the rows, from a rollup of all segments, and of one segment.
add_rollups() {
    local report
    for report in "${REPORTS[@]}"; do
        add "rows.$report" "$SERIAL" "SELECT count(*) FROM $report('$SUBS', '1 month', $MONTH)"
        add "all.$report" "$SERIAL" "SELECT count(*) FROM (SELECT merge(ledger) AS ledger FROM rollup) q, LATERAL $report(q.ledger, '1 month', $MONTH)"
        add "each.$report" "$SERIAL" "SELECT count(*) FROM rollup, LATERAL $report(ledger, '1 month', $MONTH)"
        add "segment.$report" "$SERIAL" "SELECT count(*) FROM rollup, LATERAL $report(ledger, '1 month', $MONTH) WHERE segment = 7"
    done
}

# The views over Stripe's tables, and over a table of subscription rows: what a report adds to reading the view "subscriptions".
VIEWS=(mrr_movements churn cohorts customers renewals trials)
add_views() {
    local view schema
    for schema in stripe_views table_views; do
        add "$schema.subscriptions" "$SERIAL" "SELECT count(*), sum(mrr) FROM $schema.subscriptions"
        for view in "${VIEWS[@]}"; do
            add "$schema.$view" "$SERIAL" "SELECT count(v) FROM $schema.$view AS v"
        done
    done
    add views.stripe_tables "$SERIAL" 'SELECT (SELECT count(*) FROM stripe.subscriptions), (SELECT count(*) FROM stripe.subscription_items), (SELECT count(lines) FROM stripe.invoices)'
}

# The estimators, each against the cheapest aggregates over its columns.
USAGE_MODELS=(mbgnbd bgnbd pnbd)
add_estimators() {
    local mode model
    for mode in serial parallel; do
        local set=${mode^^}
        add "km.floor.$mode" "${!set}" 'SELECT count(churned), sum(days) FROM lifetimes'
        add "km.days.$mode" "${!set}" 'SELECT (survival_fit(days, churned)).n FROM lifetimes'
        add "km.floor_distinct.$mode" "${!set}" 'SELECT count(churned), sum(duration) FROM lifetimes'
        add "km.distinct.$mode" "${!set}" "SELECT (survival_fit(duration, churned)).n FROM lifetimes"
        add "km.logrank.$mode" "${!set}" 'SELECT (logrank(days, churned, plan)).p FROM lifetimes'
    done
    add fit.floor "$SERIAL" 'SELECT count(churned), count(x) FROM features'
    add fit.logit "$SERIAL" 'SELECT (logit_fit(churned, x)).loglik FROM features'
    add fit.predict "$SERIAL" 'SELECT sum(logit_predict(model, x)) FROM features, fitted'
    add fit.auc "$SERIAL" 'SELECT auc(x[1], churned) FROM features'
    add fit.sbg "$SERIAL" 'SELECT (sbg_fit(age, churned, n)).alpha FROM renewals'
    [[ -z $DATA ]] || for model in "${USAGE_MODELS[@]}"; do
        add "fit.$model" "$SERIAL" "SELECT (btyd_fit(x, t_x, t, interval '1 week', '$model')).loglik FROM cdnow"
    done
}

# ---- Measuring ----

# One round in one session: every statement once, "@ name" before its time.
round_script() {
    local name
    echo '\o /dev/null'
    for name in "${names[@]}"; do
        printf '\\timing off\nRESET ALL;\n%s\n\\echo @ %s\n\\timing on\n%s;\n' "${setting[$name]}" "$name" "${statement[$name]}"
    done
}

measure() {
    local round
    round_script >"$SCRATCH/round.sql"
    for ((round = 0; round <= ROUNDS; round++)); do
        if ((round == 0)); then progress 'warming up'; else progress "round $round of $ROUNDS"; fi
        psql -X -q -v ON_ERROR_STOP=1 -d bench -f "$SCRATCH/round.sql" >"$SCRATCH/round.out"
        ((round == 0)) || awk '/^@ / { name = $2 } /^Time: / { print name, $2 }' "$SCRATCH/round.out" >>"$SCRATCH/times"
    done
}

# The median of a statement, in seconds; empty when it was not measured.
seconds() {
    awk -v name="$1" '$1 == name { print $2 / 1000 }' "$SCRATCH/times" | sort -g |
        awk '{ v[NR] = $1 } END { if (NR) printf "%.4f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# $1 / $2 of two medians
ratio() {
    awk -v a="$(seconds "$1")" -v b="$(seconds "$2")" 'BEGIN { if (a != "" && b > 0) printf "%.2f", a / b; else printf "-" }'
}

row() {
    local cell
    for cell in "$@"; do printf '| %s ' "$cell"; done
    printf '|\n'
}

heading() {
    printf '\n### %s\n\n' "$1"
    shift
    row "$@"
    row "${@//*/---}"
}

# ---- The tables ----

print_reports() {
    local name
    heading "Reports from query text, one month a period, $ROWS rows" query 'serial, s' '/ floor' 'parallel (2 workers and leader), s' '/ floor' 'parallel / serial'
    for name in floor "${REPORTS[@]}"; do
        row "$name" "$(seconds "$name.serial")" "$(ratio "$name.serial" floor.serial)" "$(seconds "$name.parallel")" \
            "$(ratio "$name.parallel" floor.parallel)" "$(ratio "$name.parallel" "$name.serial")"
    done
}

print_expert() {
    local report name
    heading "SQL by an expert, $ROWS rows" query 'serial, s' '/ report' 'parallel, s' '/ report'
    for report in "${REPORTS[@]}"; do
        name=${EXPERT[$report]}
        row "$name" "$(seconds "$name.serial")" "$(ratio "$name.serial" "$report.serial")" \
            "$(seconds "$name.parallel")" "$(ratio "$name.parallel" "$report.parallel")"
    done
}

print_usual() {
    local report mode usual expert
    for mode in serial parallel; do
        heading "The usual SQL, $ROWS_USUAL rows, $mode" report 'report, s' 'usual SQL, s' 'usual / report' 'expert SQL, s' 'expert / report'
        for report in "${REPORTS[@]}"; do
            expert=small.${EXPERT[$report]}.$mode
            usual=${expert/expert/usual}
            row "$report" "$(seconds "small.$report.$mode")" "$(seconds "$usual")" "$(ratio "$usual" "small.$report.$mode")" \
                "$(seconds "$expert")" "$(ratio "$expert" "small.$report.$mode")"
        done
    done
}

print_sharing() {
    local name
    heading "Reports from one ledger, $ROWS rows, serial" reports 'ledger built in the query, s' 'stored ledger, s' 'stored / built'
    row '(the ledger alone)' "$(seconds ledger)" - -
    for name in "${REPORTS[@]}" all; do
        row "$name" "$(seconds "one.$name")" "$(seconds "stored.$name")" "$(ratio "stored.$name" "one.$name")"
    done
    row 'all / mrr_movements' "$(ratio one.all one.mrr_movements)" "$(ratio stored.all stored.mrr_movements)" -
}

print_periods() {
    local report
    heading "Number of periods, $ROWS rows, serial" report '13 periods, s' '609 periods, s' '609 / 13'
    for report in "${REPORTS[@]}"; do
        row "$report" "$(seconds "$report.13")" "$(seconds "$report.609")" "$(ratio "$report.609" "$report.13")"
    done
}

print_scale() {
    local report
    heading 'Ten times the rows, serial' report "$ROWS rows, s" "$((ROWS * 10)) rows, s" ratio
    for report in "${REPORTS[@]}"; do
        row "$report" "$(seconds "$report.one")" "$(seconds "$report.ten")" "$(ratio "$report.ten" "$report.one")"
    done
}

print_customers() {
    heading "GROUP BY customer_id, $ROWS rows, serial" query seconds 'ledger / plain'
    row 'a ledger per customer' "$(seconds customers.ledger)" "$(ratio customers.ledger customers.plain)"
    row 'min(started_at), max(ended_at), sum(mrr)' "$(seconds customers.plain)" -
}

print_policies() {
    local policy name report cells
    heading "Policies, $ROWS rows, serial, against the standard" policy 'churn_by_period, s' '/ none' 'mrr_movements, s' '/ none' 'cohort_retention, s' '/ none'
    for policy in "none|(no policy)" "${POLICIES[@]}"; do
        name=${policy%%|*}
        cells=()
        for report in "${REPORTS[@]}"; do
            if [[ $name == none ]]; then
                cells+=("$(seconds "$report.no_policy")" '')
            else
                cells+=("$(seconds "$report.$name")" "$(ratio "$report.$name" "$report.no_policy")")
            fi
        done
        row "${policy#*|}" "${cells[@]}"
    done
}

print_questions() {
    local name
    heading "Evidence, reasons, renewals, one period, $ROWS rows, serial" statement seconds '/ mrr_movements'
    for name in report customer_movements with_unchanged churn_by_reason win_backs_by_period churn_alarm renewals_by_period renewal_rate nrr nrr_policy; do
        row "$name" "$(seconds "question.$name")" "$(ratio "question.$name" question.report)"
    done
}

print_rollups() {
    local report
    heading "One month from a rollup of 100 segments, $ROWS rows, serial" report 'from the rows, s' 'all merged, s' 'rows / merged' 'all, one by one, s' 'rows / one by one' 'one segment, s' 'rows / segment'
    for report in "${REPORTS[@]}"; do
        row "$report" "$(seconds "rows.$report")" "$(seconds "all.$report")" "$(ratio "rows.$report" "all.$report")" \
            "$(seconds "each.$report")" "$(ratio "rows.$report" "each.$report")" \
            "$(seconds "segment.$report")" "$(ratio "rows.$report" "segment.$report")"
    done
}

print_views() {
    local view
    heading "Views, $ROWS subscriptions, serial" view "over Stripe's tables, s" '/ subscriptions' 'over a table of the same rows, s' '/ subscriptions'
    for view in subscriptions "${VIEWS[@]}"; do
        row "$view" "$(seconds "stripe_views.$view")" "$(ratio "stripe_views.$view" stripe_views.subscriptions)" \
            "$(seconds "table_views.$view")" "$(ratio "table_views.$view" table_views.subscriptions)"
    done
    row "(Stripe's tables read, nothing made of them)" "$(seconds views.stripe_tables)" "$(ratio views.stripe_tables stripe_views.subscriptions)" - -
}

# Seconds of R's glm.fit for the same matrix, where R is installed.
time_glm() {
    local took
    command -v Rscript >/dev/null || { progress 'R: not installed'; return 0; }
    progress 'R'
    psql -X -q -At -F ' ' -d bench -c "COPY (SELECT churned::int, x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8], x[9], x[10] FROM features) TO STDOUT (DELIMITER ' ')" >"$SCRATCH/features.txt"
    took=$(Rscript "$BENCH/glm.R" "$SCRATCH/features.txt" "$ROUNDS" 2>/dev/null)
    echo "glm $(awk -v s="$took" 'BEGIN { print s * 1000 }')" >>"$SCRATCH/times"
}

print_estimators() {
    local name model
    heading "Kaplan-Meier, $ROWS rows" statement 'serial, s' '/ its floor' 'parallel, s' '/ its floor'
    for name in floor days logrank floor_distinct distinct; do
        local floor=floor
        [[ $name != *distinct ]] || floor=floor_distinct
        row "$name" "$(seconds "km.$name.serial")" "$(ratio "km.$name.serial" "km.$floor.serial")" \
            "$(seconds "km.$name.parallel")" "$(ratio "km.$name.parallel" "km.$floor.parallel")"
    done
    time_glm
    heading "Logistic regression, 10 features, $ROWS_FIT rows, serial" statement seconds "/ R's glm.fit"
    for name in floor logit predict auc; do
        row "$name" "$(seconds "fit.$name")" "$(ratio "fit.$name" glm)"
    done
    row "R's glm.fit, its matrix at hand" "$(seconds glm)" -
    heading 'Fits of condensed rows, serial' fit milliseconds
    for model in sbg "${USAGE_MODELS[@]}"; do
        [[ -z $(seconds "fit.$model") ]] || row "$model" "$(awk -v s="$(seconds "fit.$model")" 'BEGIN { printf "%.2f", s * 1000 }')"
    done
}

# The highest RssAnon (memory of its own, shared buffers left out) of a new backend while it runs a statement, in kB.
peak_kb() {
    local pid=$SCRATCH/backend out=$SCRATCH/peak.out client peak=0 key kb rest
    rm -f "$pid"
    printf '%s\n%s\n' "$SERIAL" "\\o $pid" 'SELECT pg_backend_pid();' '\o' '\! sleep 0.1' "$1;" >"$SCRATCH/peak.sql"
    psql -X -q -A -t -v ON_ERROR_STOP=1 -d bench -f "$SCRATCH/peak.sql" >"$out" 2>&1 &
    client=$!
    until [[ -s $pid ]] || ! kill -0 "$client" 2>/dev/null; do sleep 0.01; done
    while kill -0 "$client" 2>/dev/null; do
        while read -r key kb rest; do
            [[ $key != RssAnon: ]] || { ((kb <= peak)) || peak=$kb; }
        done 2>/dev/null <"/proc/$(<"$pid")/status" || true
    done
    wait "$client" || die "$(cat "$out")"
    : "$rest"
    echo "$peak"
}

print_memory() {
    local floor peak report bytes
    floor=$(peak_kb "$(text_of floor)")
    bytes=$(psql -X -At -d bench -c 'SELECT pg_column_size(l) FROM stored')
    heading "Memory, $ROWS rows, serial" statement "backend's own memory at its peak, MB" 'more than the floor, MB' 'bytes a row'
    for report in floor "${REPORTS[@]}" "stored ledger, mrr_movements"; do
        case $report in
        floor) peak=$floor ;;
        stored*) peak=$(peak_kb "$(reports_of_ledger stored mrr_movements)") ;;
        *) peak=$(peak_kb "$(report_of_text "$report")") ;;
        esac
        awk -v name="$report" -v peak="$peak" -v floor="$floor" -v rows="$ROWS" \
            'BEGIN { printf "| %s | %.1f | %.1f | %.1f |\n", name, peak / 1024, (peak - floor) / 1024, (peak - floor) * 1024 / rows }'
    done
    heading 'The ledger' 'rows' 'bytes' 'bytes a row'
    row "$ROWS" "$bytes" "$(awk -v b="$bytes" -v r="$ROWS" 'BEGIN { printf "%.2f", b / r }')"
}

# Prints the directory that holds the module, or nothing.
duckdb_modules() {
    local place
    command -v node >/dev/null || return 0
    for place in "$ROOT" "$(npm root -g 2>/dev/null)/.."; do
        if node -e "require('module').createRequire('$place/index.js').resolve('@duckdb/node-api')" 2>/dev/null; then
            echo "$place"
            return
        fi
    done
    if [[ -n ${DUCKDB:-} ]]; then
        npm install --silent --no-audit --no-fund --prefix "$SCRATCH/duckdb" @duckdb/node-api >&2
        echo "$SCRATCH/duckdb"
    fi
}

print_duckdb() {
    local modules report threads took name
    modules=$(duckdb_modules)
    [[ -n $modules ]] || { progress 'DuckDB: no module @duckdb/node-api (DUCKDB=1 fetches it)'; return; }
    progress 'DuckDB'
    psql -X -q -d bench -c "COPY (SELECT customer_id, started_at, ended_at, mrr FROM subs) TO STDOUT (FORMAT csv, HEADER)" >"$SCRATCH/subs.csv"
    node "$BENCH/duckdb.mjs" "$modules" "$SCRATCH/subs.csv" "$ROUNDS" "$BENCH"/expert_{churn,movements,cohorts}.sql >"$SCRATCH/duckdb.out"
    heading "DuckDB, SQL by an expert, $ROWS rows" query threads seconds 'DuckDB / report (serial)' 'DuckDB / report (parallel)'
    for report in "${REPORTS[@]}"; do
        while read -r _ name threads took; do
            [[ $name != "${EXPERT[$report]}" ]] || {
                echo "duckdb.$name.$threads $took" >>"$SCRATCH/times"
                row "$name" "$threads" "$(seconds "duckdb.$name.$threads")" "$(ratio "duckdb.$name.$threads" "$report.serial")" \
                    "$(ratio "duckdb.$name.$threads" "$report.parallel")"
            }
        done <"$SCRATCH/duckdb.out"
    done
}

# ---- Setting up ----

# $1: schema, $2: rows
make_table() {
    progress "making $2 rows"
    PGOPTIONS="-c search_path=$1 -c client_min_messages=warning" psql -X -q -d bench -v rows="$2" -f "$BENCH/generate.sql"
}

set_up() {
    find_postgres
    build_extension
    install_extension
    start_server "churnmetrics.fit_memory = '2GB'" "shared_buffers = '$SHARED_BUFFERS'" "work_mem = '$WORK_MEM'" 'jit = off' 'max_worker_processes = 16' \
        'max_parallel_workers = 8' "max_wal_size = '16GB'" 'checkpoint_timeout = 1h' 'autovacuum = off'
    createdb bench
    psql -X -q -d bench -c 'CREATE EXTENSION churnmetrics; CREATE SCHEMA small; CREATE SCHEMA tenfold;'
    make_table public "$ROWS"
    ! wanted usual || make_table small "$ROWS_USUAL"
    ! wanted scale || make_table tenfold "$((ROWS * 10))"
    if wanted estimators; then
        progress "making $ROWS lifetimes, $ROWS_FIT rows of features"
        psql -X -q -v ON_ERROR_STOP=1 -d bench -v rows="$ROWS" -v rows_fit="$ROWS_FIT" -f "$BENCH/estimators.sql"
        psql -X -q -v ON_ERROR_STOP=1 -d bench -c 'CREATE TABLE fitted AS SELECT logit_fit(churned, x) AS model FROM features'
        if [[ -n $DATA ]]; then
            psql -X -q -v ON_ERROR_STOP=1 -d bench -c 'CREATE TABLE cdnow (id int, x bigint, t_x float8, t float8, mean_value float8)' \
                -c 'COPY cdnow FROM STDIN (FORMAT csv, HEADER)' <"$DATA/cdnow_summary_lifetimes.csv"
        fi
    fi
    psql -X -q -d bench -c "CREATE TABLE stored AS SELECT $LEDGER AS l FROM subs"
    if wanted views; then
        progress "making Stripe's tables of $ROWS rows"
        psql -X -q -v ON_ERROR_STOP=1 -d bench -f "$BENCH/stripe.sql"
        psql -X -q -v ON_ERROR_STOP=1 -d bench -o /dev/null -c "SELECT * FROM create_billing_views('stripe', 'stripe', 'stripe_views'); CREATE TABLE stretches AS TABLE stripe_views.subscriptions; ANALYZE stretches;
            SELECT * FROM create_metric_views('stretches', 'table_views', subscription_id => 'subscription_id', product => 'product', plan => 'plan', currency => 'currency', billing_interval => 'billing_interval')"
    fi
    ! wanted rollups || psql -X -q -d bench -c "CREATE TABLE rollup AS SELECT customer_id % 100 AS segment, $LEDGER AS ledger FROM subs GROUP BY 1"
}

set_up >&2
: >>"$SCRATCH/times"
for section in reports expert usual sharing periods scale customers policies questions rollups views estimators; do
    ! wanted $section || "add_$section"
done
((${#names[@]} == 0)) || measure
printf '%s, %s processors (%s), work_mem %s, shared_buffers %s, jit off; medians of %s interleaved rounds\n' \
    "$("$PG_CONFIG" --version)" "$(nproc)" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$WORK_MEM" "$SHARED_BUFFERS" "$ROUNDS"
for section in reports expert usual sharing periods scale customers policies questions rollups views estimators memory duckdb; do
    ! wanted $section || "print_$section"
done
