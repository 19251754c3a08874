# shellcheck shell=bash
# Sourced by demo.sh, run.sh, acceptance.sh and bench/bench.sh: finds PostgreSQL or installs it from Debian's
# packages, builds and installs the extension, and runs a throw-away server.
#
#   find_postgres [prove]       sets PG_CONFIG, PG_BIN and PG_MAJOR; installs what is missing
#   build_extension [VAR=value] compiles the checkout for that server
#   install_extension           copies it into that server's directories
#   start_server [name=value]   a server of its own; exports PGHOST, PGPORT, PGUSER, PGDATABASE
#
# Data, socket and log lie in one new directory. On exit that server is stopped and that directory removed, nothing
# else; a script that sets KEEP leaves both. PG_CONFIG in the environment picks another server version.

OLDEST_MAJOR=15
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRATCH=
SERVER_USER=
SERVER_RUNS=
NO_CLUSTER_FILE=
KEEP=

say() { printf '== %s\n' "$*"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit "${2:-1}"
}

# Runs a command as root: directly, or through sudo.
as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this step needs root: run it as root, or install sudo: $*"
    fi
}

# PostgreSQL refuses to run as root, so root's server runs as SERVER_USER.
as_server_user() {
    if [[ -n $SERVER_USER ]]; then
        (cd / && runuser -u "$SERVER_USER" -- "$@")
    else
        "$@"
    fi
}

cleanup() {
    local status=$?
    trap '' INT TERM HUP
    [[ -z $NO_CLUSTER_FILE ]] || allow_main_cluster
    if [[ -z $KEEP ]]; then
        stop_server
        [[ -z $SCRATCH ]] || rm -rf -- "$SCRATCH"
    fi
    exit "$status"
}

prepare() {
    local name base=${TMPDIR:-/tmp}
    # The caller's connection settings must not lead to another server.
    for name in "${!PG@}"; do
        [[ $name == PG_CONFIG ]] || unset "$name"
    done
    unset MAKEFLAGS MFLAGS MAKELEVEL LANGUAGE
    export LC_ALL=C.UTF-8 PSQL_PAGER=cat
    ((${#base} <= 60)) || base=/tmp # a socket's path has 107 bytes at most
    SCRATCH=$(mktemp -d "$base/churnmetrics.XXXXXX")
    chmod 755 "$SCRATCH"
    trap cleanup EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# ---- PostgreSQL and the compiler ----

# A pg_config serves when the server, its PGXS and its headers are there: libpq-dev alone brings a /usr/bin/pg_config, and
# the server's package a PGXS without headers.
usable() {
    local bin
    [[ -x $1 ]] && bin=$("$1" --bindir 2>/dev/null) && [[ -x $bin/postgres && -x $bin/initdb && -x $bin/psql ]] &&
        [[ -f $("$1" --pgxs) && -f $("$1" --includedir-server)/postgres.h ]] && (($(major_of "$1") + 0 >= OLDEST_MAJOR))
}

major_of() {
    "$1" --version | sed -n 's/^PostgreSQL \([0-9][0-9]*\).*/\1/p'
}

# Newest first: Debian's servers, then the one in PATH.
candidates() {
    find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/pg_config' 2>/dev/null | sort -rV
    command -v pg_config || true
}

first_usable() {
    local candidate
    while read -r candidate; do
        if usable "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done < <(candidates)
}

has_compiler() {
    command -v gcc >/dev/null && echo '#include <stdio.h>' | gcc -E - >/dev/null 2>&1
}

# The packages of the tools that are missing, one per line. $1: prove or nothing
missing_tools() {
    command -v make >/dev/null || echo make
    has_compiler || printf '%s\n' gcc libc6-dev
    [[ ${1:-} != prove ]] || { command -v prove >/dev/null && perl -MTest::More -e 1 2>/dev/null; } || echo perl
    [[ ${1:-} != prove ]] || perl -MDBD::Pg -e 1 2>/dev/null || echo libdbd-pg-perl
}

# The version to install: that of a server already here, otherwise Debian's current one.
wanted_major() {
    local major
    major=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/postgres' 2>/dev/null |
        sed -n 's:^/usr/lib/postgresql/\([0-9]*\)/bin/postgres$:\1:p' | sort -n | tail -n 1)
    if [[ -z $major ]] || ((major < OLDEST_MAJOR)); then
        major=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
    fi
    [[ -n $major ]] || die 'apt does not know the package "postgresql": is there a Debian mirror in /etc/apt?'
    ((major >= OLDEST_MAJOR)) || die "apt offers PostgreSQL $major; $OLDEST_MAJOR or newer is needed"
    printf '%s\n' "$major"
}

# Debian's first installation of a server makes a cluster "main" on port 5432 and starts it. Not here.
forbid_main_cluster() {
    NO_CLUSTER_FILE=/etc/postgresql-common/createcluster.d/churnmetrics-$$.conf
    as_root mkdir -p "${NO_CLUSTER_FILE%/*}"
    echo 'create_main_cluster = false' | as_root tee "$NO_CLUSTER_FILE" >/dev/null
}

allow_main_cluster() {
    as_root rm -f "$NO_CLUSTER_FILE"
    as_root rmdir --ignore-fail-on-non-empty "${NO_CLUSTER_FILE%/*}"
    NO_CLUSTER_FILE=
}

# Runs apt-get, a progress line now and then, everything else into a log that is shown on failure.
apt_get() {
    local log=$SCRATCH/apt.log
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" \
        </dev/null 2>&1 | tee "$log" |
        awk '/^(Get:|Unpacking|Setting up)/ && ++n % 50 == 0 { print "   ... " ($1 ~ /^Get/ ? "fetched " $5 : $0); fflush() }'; then
        tail -n 20 "$log" >&2
        die "apt-get $1 failed"
    fi
}

# $1: prove or nothing; $2: not empty when PostgreSQL itself is missing
install_packages() {
    local packages=() major=
    command -v apt-get >/dev/null ||
        die "missing here: $(missing_tools "${1:-}" | xargs) ${2:+PostgreSQL $OLDEST_MAJOR or newer with its PGXS}; and there is no apt-get to install it"
    ((EUID == 0)) || command -v sudo >/dev/null ||
        die 'packages must be installed: run this as root, or as a user with sudo'
    say 'Reading the package lists'
    apt_get update
    mapfile -t packages < <(missing_tools "${1:-}")
    if [[ -n ${2:-} ]]; then
        major=$(wanted_major)
        packages+=("postgresql-server-dev-$major")
        # A server that is there stays as it is: to upgrade its package would restart its clusters.
        if [[ ! -x /usr/lib/postgresql/$major/bin/postgres ]]; then
            packages+=("postgresql-$major")
            forbid_main_cluster
        fi
    fi
    say "Installing ${packages[*]} (a few minutes)"
    apt_get install --no-install-recommends "${packages[@]}"
    [[ -z $NO_CLUSTER_FILE ]] || allow_main_cluster
}

find_postgres() {
    local tools asked=${PG_CONFIG:-}
    prepare
    if [[ -n $asked ]]; then
        PG_CONFIG=$(command -v "$asked") || die "PG_CONFIG=$asked: no such program"
        usable "$PG_CONFIG" || die "PG_CONFIG=$PG_CONFIG: its server (version $OLDEST_MAJOR or newer) or its PGXS is not installed; \
on Debian: apt-get install postgresql-NN postgresql-server-dev-NN"
    else
        PG_CONFIG=$(first_usable)
    fi
    tools=$(missing_tools "${1:-}")
    if [[ -z $PG_CONFIG ]]; then
        install_packages "${1:-}" server
        PG_CONFIG=$(first_usable)
        [[ -n $PG_CONFIG ]] || die 'PostgreSQL was installed, but no server with PGXS was found'
    elif [[ -n $tools ]]; then
        install_packages "${1:-}"
    fi
    PG_BIN=$("$PG_CONFIG" --bindir)
    PG_MAJOR=$(major_of "$PG_CONFIG")
    export PG_CONFIG PG_BIN PG_MAJOR PATH="$PG_BIN:$PATH"
    say "$("$PG_CONFIG" --version) in $PG_BIN"
}

# ---- The extension ----

# In somebody else's checkout root works as that owner, so that no file of root's stays behind.
as_owner() {
    local ids
    ids=$(stat -c '%u %g' "$ROOT")
    local drop=(setpriv --reuid "${ids% *}" --regid "${ids#* }" --clear-groups --)
    if ((EUID == 0)) && [[ ${ids% *} != 0 ]] && "${drop[@]}" test -w "$ROOT/Makefile" -a -x "$PG_CONFIG" 2>/dev/null; then
        "${drop[@]}" "$@"
    else
        "$@"
    fi
}

# Objects are used again only when they were made here, for this very server.
build_extension() {
    local stamp=$ROOT/tmp_check/built_for server
    server=$("$PG_CONFIG" | cksum)
    say 'Building the extension'
    [[ -w $ROOT ]] || die "$ROOT is not writable: build in a copy of your own"
    if [[ ! -f $stamp || $(cat "$stamp") != "$server" ]] || newer_objects "$stamp"; then
        as_owner make -s -C "$ROOT" PG_CONFIG="$PG_CONFIG" clean
    fi
    as_owner make -s -C "$ROOT" -j "$(nproc)" PG_CONFIG="$PG_CONFIG" "$@"
    as_owner mkdir -p "${stamp%/*}"
    printf '%s\n' "$server" | as_owner tee "$stamp" >/dev/null
}

newer_objects() {
    [[ -n $(find "$ROOT" "$ROOT/src" -maxdepth 1 \( -name '*.o' -o -name '*.bc' -o -name '*.so' \) -newer "$1") ]]
}

install_extension() {
    local root=
    say "Installing the extension into $("$PG_CONFIG" --pkglibdir)"
    [[ -w $("$PG_CONFIG" --pkglibdir) && -w $("$PG_CONFIG" --sharedir)/extension ]] || root=as_root
    $root make -s -C "$ROOT" PG_CONFIG="$PG_CONFIG" install >"$SCRATCH/install.log" 2>&1 ||
        { tail -n 20 "$SCRATCH/install.log" >&2; die 'make install failed'; }
}

# ---- The server ----

choose_server_user() {
    local user
    ((EUID == 0)) || return 0
    for user in postgres nobody; do
        if id "$user" >/dev/null 2>&1 && runuser -u "$user" -- test -x "$PG_BIN/postgres"; then
            SERVER_USER=$user
            return
        fi
    done
    die "PostgreSQL does not run as root, and neither \"postgres\" nor \"nobody\" may run $PG_BIN/postgres"
}

# Each argument is one more setting, "name = value".
write_settings() {
    printf '%s\n' "listen_addresses = ''" "port = 54321" "unix_socket_directories = '$SCRATCH/pg'" \
        "fsync = off" "full_page_writes = off" "synchronous_commit = off" \
        "wal_level = minimal" "max_wal_senders = 0" "max_wal_size = '4GB'" "shared_buffers = '256MB'" \
        "timezone = 'UTC'" "log_timezone = 'UTC'" "datestyle = 'ISO, YMD'" "$@"
}

start_server() {
    local home=$SCRATCH/pg
    choose_server_user
    say "Starting a server of its own in $home"
    mkdir -m 700 "$home"
    [[ -z $SERVER_USER ]] || chown "$SERVER_USER" "$home"
    as_server_user "$PG_BIN/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
        --no-instructions >"$SCRATCH/initdb.log" 2>&1 || { cat "$SCRATCH/initdb.log" >&2; die 'initdb failed'; }
    write_settings "$@" | as_server_user tee -a "$home/data/postgresql.conf" >/dev/null
    SERVER_RUNS=1
    as_server_user "$PG_BIN/pg_ctl" -D "$home/data" -l "$home/log" -w -t 60 start >"$SCRATCH/start.log" 2>&1 ||
        { cat "$SCRATCH/start.log" "$home/log" >&2; die 'the server did not start'; }
    export PGHOST=$home PGPORT=54321 PGUSER=postgres PGDATABASE=postgres CM_SERVER_LOG=$home/log
}

stop_server() {
    [[ -n $SERVER_RUNS ]] || return 0
    as_server_user "$PG_BIN/pg_ctl" -D "$SCRATCH/pg/data" -m fast -t 20 stop >/dev/null 2>&1 ||
        as_server_user "$PG_BIN/pg_ctl" -D "$SCRATCH/pg/data" -m immediate stop >/dev/null 2>&1 || true
    SERVER_RUNS=
}
