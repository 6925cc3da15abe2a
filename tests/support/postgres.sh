#!/usr/bin/env bash
# Starts a PostgreSQL server for tests, on 127.0.0.1 and a free port, with its files in a given folder.
#   postgres.sh start FOLDER   prints postgres://matrix:…@127.0.0.1:PORT/matrix
#   postgres.sh standby FOLDER URL   starts one that follows the server of this address, and prints its own address
#   postgres.sh stop FOLDER
#   postgres.sh crash FOLDER   ends it at once, without a checkpoint
set -euo pipefail

verb=${1:?start, standby, stop or crash}
folder=${2:?a folder}

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)
if [ -z "$bin" ] && command -v initdb >/dev/null; then bin=$(dirname "$(command -v initdb)"); fi
if [ -z "$bin" ] || [ ! -x "$bin/initdb" ]; then
    echo "PostgreSQL is not installed: apt-get install postgresql" >&2
    exit 1
fi

# The server refuses to run as root.
as_server() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

prepare() {
    mkdir -p "$folder"
    if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi
    chmod 711 "$folder"
}

# Starts the server of the folder on a free port, which is in `port` then.
serve() {
    local tries=0
    while :; do
        # Below the ports that tests give to servers.
        port=$((6100 + RANDOM % 3900))
        if as_server "$bin/pg_ctl" -D "$folder/data" -l "$folder/server.log" -w -t 30 \
            -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$folder -c max_connections=200" \
            start >"$folder/start.log" 2>&1; then break; fi
        tries=$((tries + 1))
        if [ "$tries" -ge 5 ]; then cat "$folder/start.log" "$folder/server.log" >&2; exit 1; fi
    done
}

start() {
    prepare
    local password port
    password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s' "$password" | as_server tee "$folder/password" >/dev/null
    as_server "$bin/initdb" -D "$folder/data" -U matrix --pwfile="$folder/password" --auth=scram-sha-256 \
        --encoding=UTF8 --locale=C >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; exit 1; }
    serve
    PGPASSWORD=$password "$bin/psql" -q -h 127.0.0.1 -p "$port" -U matrix -d postgres -c 'CREATE DATABASE matrix' >&2
    echo "postgres://matrix:$password@127.0.0.1:$port/matrix"
}

standby() {
    prepare
    local port url=${1:?the address of the primary}
    as_server "$bin/pg_basebackup" -D "$folder/data" -d "$url" -R -X stream -c fast >"$folder/backup.log" 2>&1 ||
        { cat "$folder/backup.log" >&2; exit 1; }
    serve
    echo "$url" | sed -E "s/:[0-9]+\/matrix$/:$port\/matrix/"
}

stop() {
    as_server "$bin/pg_ctl" -D "$folder/data" -m fast -w stop >/dev/null
}

crash() {
    as_server "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null
}

case $verb in
    start) start ;;
    standby) standby "${3:-}" ;;
    stop) stop ;;
    crash) crash ;;
    *) echo "start, standby, stop or crash, not $verb" >&2; exit 2 ;;
esac
