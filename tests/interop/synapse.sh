#!/usr/bin/env bash
# Talks with a real Synapse over federation: rooms of every version, made by either side. Starts both servers on this
# machine and ends them. Needs Node and the lab (LAB_TOOLS, default ../shared/lab beside the repository), whose setup.sh
# has run. Arguments are room versions; without any, all are tried. ONLY=text runs the checks whose name has that text.
# KEEP=1 leaves Synapse running and both databases in place.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
root=$(cd "$here/../.." && pwd)
tools=${LAB_TOOLS:-$root/../shared/lab}
lab=${LAB:-$HOME/lab}

refuse() { echo "interop: not run: $*" >&2; exit 2; }

command -v node >/dev/null || refuse "node is missing"
[ -x "$tools/synapse-up.sh" ] || refuse "there is no lab at $tools"
[ -e "$lab/sid/usr/bin/python3" ] && [ -s "$lab/ca/ca.crt" ] || refuse "the lab is not set up: run $tools/setup.sh"

synapse_port=${SYNAPSE_PORT:-18008}
synapse_federation=${SYNAPSE_FEDERATION_PORT:-18448}
our_port=${OUR_PORT:-19008}
our_federation=${OUR_FEDERATION_PORT:-19448}
name=interop

work=$(mktemp -d) || exit 1
ours=
finish() {
    [ -z "$ours" ] || { kill "$ours" 2>/dev/null; wait "$ours" 2>/dev/null; }
    if [ "${KEEP:-0}" = 1 ]; then
        echo "interop: Synapse runs on; our database and log are in $work" >&2
    else
        "$tools/synapse-down.sh" "$name" --wipe >/dev/null 2>&1
        rm -rf "$work"
    fi
}
trap finish EXIT

"$tools/synapse-down.sh" "$name" --wipe >/dev/null 2>&1
"$tools/synapse-up.sh" "$name" "$synapse_port" "$synapse_federation" sqlite || refuse "Synapse did not start"
"$tools/mkcert.sh" "$work/tls.crt" "$work/tls.key" localhost 127.0.0.1 || refuse "no certificate"

server=${OUR_SERVER:-$root/host/Matrix.Host/bin/Release/net10.0/matrix-host.dll}
[ -e "$server" ] || dotnet build "$root/host/Matrix.Host" -c Release --nologo -v q || refuse "the server does not build"

start_ours() {
    MATRIX_SERVER_NAME=localhost:$our_federation \
    MATRIX_DATA_DIR=$work/data \
    MATRIX_LISTENERS__CLIENT=127.0.0.1:$our_port \
    MATRIX_LISTENERS__FEDERATION=127.0.0.1:$our_federation \
    MATRIX_TLS__CERTIFICATE=$work/tls.crt \
    MATRIX_TLS__KEY=$work/tls.key \
    MATRIX_FEDERATION__CUSTOM_CA=$lab/ca/ca.crt \
    MATRIX_FEDERATION__ALLOW_NETWORKS=127.0.0.0/8,::1/128 \
    MATRIX_REGISTRATION__ENABLED=true \
    MATRIX_RATE_LIMITS__ENABLED=false \
    MATRIX_PASSWORDS__MEMORY=64KiB \
    MATRIX_PASSWORDS__OPERATIONS=1 \
    dotnet "$server" >>"$work/ours.log" 2>&1 &
    ours=$!
}

mkdir -p "$work/data"
start_ours
for _ in $(seq 1 100); do
    curl -fs -o /dev/null "http://127.0.0.1:$our_port/_matrix/client/versions" && break
    kill -0 "$ours" 2>/dev/null || { cat "$work/ours.log" >&2; refuse "our server did not start"; }
    sleep 0.2
done

OURS=http://127.0.0.1:$our_port SYNAPSE=http://127.0.0.1:$synapse_port node "$here/synapse.mjs" "$@"
code=$?
[ $code = 0 ] || grep -E 'WARN|ERROR|warn|error' "$work/ours.log" | tail -n "${LOG_LINES:-40}" >&2
exit $code
