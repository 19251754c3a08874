#!/usr/bin/env bash
# The extension at work on a throw-away server: installs what is missing from Debian's packages, builds, loads billing
# rows, prints the reports, stops the server.
#
#   bash test/demo.sh                    generated billing rows
#   bash test/demo.sh FILE.csv           your own: customer,started_at,ended_at,mrr[,plan]
#   bash test/demo.sh --provider stripe  generated rows in the shape of Stripe's tables, and the views over them
#   bash test/demo.sh --keep ...         the server stays
#
# The file needs its header line; ended_at is the first day without service and empty while a subscription runs; mrr is the
# monthly amount. PG_CONFIG= picks another server version.
# shellcheck disable=SC2119
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WANTED='customer,started_at,ended_at,mrr[,plan]'
file=
keep=
provider=
columns=

usage() {
    sed -n '2,/^# shellcheck/{/^# shellcheck/!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    exit "${1:-0}"
}

read_arguments() {
    while (($#)); do
        case $1 in
        --keep) keep=1 ;;
        --provider)
            [[ ${2:-} == stripe ]] || die "--provider ${2:-}: the demo has rows of stripe; the other providers are in docs/providers"
            provider=$2
            shift
            ;;
        -h | --help) usage ;;
        -*) usage 2 >&2 ;;
        *)
            [[ -z $file ]] || usage 2 >&2
            file=$1
            ;;
        esac
        shift
    done
    [[ -z $file || -z $provider ]] || usage 2 >&2
    if [[ -n $file ]]; then
        [[ -f $file && -r $file ]] || die "$file: no such file, or not readable"
        check_text
        read_header
    fi
}

# What COPY would refuse without saying what to do: bytes that are no UTF-8, and lines with nothing on them.
check_text() {
    local line
    if ! iconv -f UTF-8 -t UTF-8 <"$file" >/dev/null 2>&1; then
        line=$(LC_ALL=C.UTF-8 grep -n -a -v -m 1 -x '.*' "$file" | cut -d : -f 1 || true)
        die "$file${line:+ line $line}: not UTF-8; save the file as UTF-8 (\"CSV UTF-8\" in a spreadsheet program)"
    fi
    line=$(grep -n -m 1 '^[[:space:]]*$' "$file" | cut -d : -f 1 || true)
    [[ -z $line ]] || die "$file line $line is blank: remove the blank lines"
}

# Sets columns from the file's first line; any order, any case, quoted or not.
read_header() {
    local name line number=0 names=()
    IFS= read -r line <"$file" || [[ -n $line ]] || die "$file is empty; the header line must be $WANTED"
    line=${line#$'\xef\xbb\xbf'}
    line=$(tr -d '"\r ' <<<"${line,,}")
    [[ $line == *,* ]] || die "$file line 1: no header line of columns separated by commas; wanted: $WANTED"
    IFS=, read -ra names <<<"$line,"
    for name in "${names[@]}"; do
        number=$((number + 1))
        [[ -n $name ]] || die "$file line 1, column $number has no name; wanted: $WANTED"
        [[ " customer started_at ended_at mrr plan " == *" $name "* ]] ||
            die "$file line 1, column $number: unknown column \"$name\"; wanted: $WANTED"
        [[ ",$columns," != *",$name,"* ]] || die "$file line 1, column $number: \"$name\" for the second time"
        columns+=${columns:+,}$name
    done
    for name in customer started_at ended_at mrr; do
        [[ ",$columns," == *",$name,"* ]] || die "$file line 1: the column \"$name\" is missing; wanted: $WANTED"
    done
}

sql() { psql -X -q -v ON_ERROR_STOP=1 -d demo "$@"; }

value() { sql -At -c "$1"; }

load_generated() {
    say 'Generating billing rows, survey answers and measures of health'
    sql -f "$ROOT/test/demo/data.sql"
    time_type=date has_plan=1 generated=1
}

load_file() {
    local error problems
    say "Loading $file"
    sql -f "$ROOT/test/demo/csv.sql"
    if ! error=$(sql -c "COPY csv_rows ($columns) FROM STDIN (FORMAT csv, HEADER true)" <"$file" 2>&1); then
        die "$file cannot be read: $(sed -e 's/^ERROR: *//' -e 's/COPY csv_rows, //' <<<"$error")"
    fi
    [[ $(value 'SELECT EXISTS (SELECT FROM csv_rows)') == t ]] || die "$file holds no rows below its header line"
    problems=$(value "SELECT format('  line %s, %s', line, problem) FROM csv_problems() LIMIT 10")
    [[ -z $problems ]] || die "$file: please mend"$'\n'"$problems"
    time_type=$(value 'SELECT csv_time_type()')
    sql -c "CREATE TABLE subscriptions AS
        SELECT btrim(customer) AS customer_id, started_at::$time_type, nullif(btrim(ended_at), '')::$time_type AS ended_at, mrr::numeric, plan
        FROM csv_rows; ANALYZE subscriptions;"
    has_plan=0 generated=0
    [[ ",$columns," != *,plan,* ]] || has_plan=1
}

say_how_to_connect() {
    local stop="$PG_BIN/pg_ctl -D $PGHOST/data -m fast stop"
    [[ -z $SERVER_USER ]] || stop="runuser -u $SERVER_USER -- $stop"
    say 'Connect to it while it runs:'
    printf '   %s\n' "$PG_BIN/psql -h $PGHOST -p $PGPORT -U postgres demo"
    if [[ -n $keep ]]; then
        KEEP=1
        say 'The server runs on. Stop and remove it:'
        printf '   %s\n' "$stop && rm -r $SCRATCH"
    elif [[ -t 0 && -t 1 ]]; then
        say 'The server stops in 60 seconds, or at the Enter key; with --keep it runs on'
        read -r -t 60 || true
    else
        say 'The server stops now; with --keep it runs on'
    fi
}

read_arguments "$@"
find_postgres
build_extension
install_extension
start_server
say 'CREATE EXTENSION churnmetrics'
createdb demo
sql -c 'CREATE EXTENSION churnmetrics'
if [[ -n $file ]]; then load_file; else load_generated; fi
if [[ -n $provider ]]; then
    say "The rows as tables of $provider"
    sql -f "$ROOT/test/demo/$provider.sql"
    sql -f "$ROOT/test/demo/views.sql"
    say_how_to_connect
    exit
fi
say "$(value "SELECT format('%s rows, %s customers, %s to %s', count(*), count(DISTINCT customer_id), min(started_at), max(greatest(started_at, ended_at)))
    FROM subscriptions")"
sql -v time_type="$time_type" -v has_plan="$has_plan" -v has_country="$generated" \
    -v has_surveys="$generated" -f "$ROOT/test/demo/reports.sql"
say_how_to_connect
