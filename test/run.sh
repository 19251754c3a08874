#!/usr/bin/env bash
# Builds, installs, starts a throw-away server and runs every test: pg_regress, TAP, the documentation's examples.
# bash test/run.sh [NAME ...]   only the tests of these names (ledger, parallel, docs, ...)
# Ends with "N passed, N failed"; fails when a test failed or none ran. PG_CONFIG= picks another server version.
# shellcheck disable=SC2119
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

passed=0
failed=0

# $1: name, others: what the caller asked for; everything when it asked for nothing
selected() {
    local name=$1
    shift
    [[ $# == 0 || " $* " == *" $name "* ]]
}

# pg_regress writes "test NAME ... ok" up to version 15 and "ok 1 - NAME" from 16 on.
regress_lines() {
    sed -nE -e 's/^test +([^ ]+) +\.\.\. (ok|FAILED).*/\2 \1/p' \
        -e 's/^ok +[0-9]+ +[-+] +([^ ]+).*/ok \1/p' -e 's/^not ok +[0-9]+ +[-+] +([^ ]+).*/FAILED \1/p'
}

# pg_regress writes into the checkout: what root wrote becomes its owner's.
return_results() {
    local file
    for file in "$ROOT"/results "$ROOT"/regression.*; do
        [[ $EUID != 0 || ! -e $file ]] || chown -R --reference="$ROOT" "$file"
    done
}

run_regress() {
    local file name tests=() log=$SCRATCH/regress.log result bad=0
    for file in "$ROOT"/test/sql/*.sql; do
        name=$(basename "$file" .sql)
        [[ ! -f $file ]] || ! selected "$name" "$@" || tests+=("$name")
    done
    ((${#tests[@]})) || return 0
    say "pg_regress: ${#tests[@]} tests"
    make -s -C "$ROOT" PG_CONFIG="$PG_CONFIG" installcheck REGRESS="${tests[*]}" >"$log" 2>&1 || bad=1
    while read -r result name; do
        printf '   %-40s %s\n' "$name" "$result"
        if [[ $result == ok ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    done < <(regress_lines <"$log")
    return_results
    if ((bad)); then
        ((failed)) || { failed=1; cat "$log"; }
        [[ ! -s $ROOT/regression.diffs ]] || cat "$ROOT/regression.diffs"
    fi
}

# Counts one TAP file's assertions; a file that ends badly without a failed one counts as one failure.
run_tap() {
    local file=$1 name log good bad status=0
    name=$(basename "$file" .pl)
    log=$SCRATCH/$name.tap
    printf '   %-40s ' "t/$name"
    prove -v --nocolor -I "$ROOT/test/t" "$file" >"$log" 2>&1 || status=$?
    good=$(grep -cE '^ok ' "$log" || true)
    bad=$(grep -cE '^not ok ' "$log" || true)
    ((status == 0 || bad > 0)) || bad=1
    if ((bad == 0)); then
        printf 'ok (%s)\n' "$good"
    else
        printf 'FAILED (%s of %s)\n' "$bad" "$((good + bad))"
        sed -e '/^Test Summary Report/,$d' -e '/^ *ok /d' -e '/^ *1\.\./d' -e '/^$/d' "$log" | cut -c 1-400 | sed -n 1,80p
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
}

run_taps() {
    local file started=
    for file in "$ROOT"/test/t/*.pl; do
        if [[ -f $file ]] && selected "$(basename "$file" .pl)" "$@"; then
            [[ -n $started ]] || say 'TAP tests'
            started=1
            run_tap "$file"
        fi
    done
}

find_postgres prove
build_extension COPT=-Werror
install_extension
start_server 'log_min_messages = warning'
run_regress "$@"
run_taps "$@"
printf '%s passed, %s failed\n' "$passed" "$failed"
((failed == 0 && passed > 0))
