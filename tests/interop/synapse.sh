#!/usr/bin/env bash
# Talks with a real Synapse over federation: rooms of every version, made by either side, and through outages. Starts
# all servers on this machine and ends them. Needs Node and the lab (LAB_TOOLS, default ../shared/lab beside the
# repository), whose setup.sh has run. Arguments are room versions; without any, all are tried. ONLY=text runs the
# checks whose name has that text. GAPS=30 and HISTORY=100 (messages) make gaps and history shorter. KEEP=1 leaves
# Synapse running and all databases in place. With a SYNAPSE_NAME and ports of its own (below), one run may go on beside
# another.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
root=$(cd "$here/../.." && pwd)
tools=${LAB_TOOLS:-$root/../shared/lab}
lab=${LAB:-$HOME/lab}

refuse() { echo "interop: not run: $*" >&2; exit 2; }

command -v node >/dev/null || refuse "node is missing"
[ -x "$tools/synapse-up.sh" ] || refuse "there is no lab at $tools"
[ -e "$lab/sid/usr/bin/python3" ] && [ -s "$lab/ca/ca.crt" ] || refuse "the lab is not set up: run $tools/setup.sh"

name=${SYNAPSE_NAME:-interop}
work=$(mktemp -d) || exit 1
finish() {
    if [ "${KEEP:-0}" = 1 ]; then
        echo "interop: Synapse runs on; our databases and logs are in $work" >&2
    else
        "$tools/synapse-down.sh" "$name" --wipe >/dev/null 2>&1
        rm -rf "$work"
    fi
}
trap finish EXIT

"$tools/synapse-down.sh" "$name" --wipe >/dev/null 2>&1
"$tools/mkcert.sh" "$work/tls.crt" "$work/tls.key" localhost 127.0.0.1 || refuse "no certificate"

server=${OUR_SERVER:-$root/host/Matrix.Host/bin/Release/net10.0/matrix-host.dll}
mx=${MX:-$root/tools/Matrix.Cli/bin/Release/net10.0/mx.dll}
[ -e "$server" ] && [ -e "$mx" ] || dotnet build "$root/tools/Matrix.Cli" -c Release --nologo -v q ||
    refuse "the server does not build"
[ -d "$root/tests/e2e/node_modules" ] ||
    (cd "$root/tests/e2e" && npm install --no-audit --no-fund --no-package-lock >/dev/null) || refuse "npm failed"

# Synapse with us as its notary: the lab's script with another line of its configuration.
mkdir "$work/notary"
cp "$tools/common.sh" "$tools/mkcert.sh" "$tools/pg-up.sh" "$work/notary/"
our_federation=${OUR_FEDERATION_PORT:-19448}
sed "s/^trusted_key_servers: \[\]/trusted_key_servers: [{server_name: \"localhost:$our_federation\"}]/" \
    "$tools/synapse-up.sh" >"$work/notary/synapse-up.sh"
chmod +x "$work/notary"/*.sh

WORK=$work LAB=$lab LAB_TOOLS=$tools OUR_SERVER=$server MX=$mx \
OUR_PORT=${OUR_PORT:-19008} OUR_FEDERATION_PORT=$our_federation \
SYNAPSE_NAME=$name SYNAPSE_PORT=${SYNAPSE_PORT:-18008} SYNAPSE_FEDERATION_PORT=${SYNAPSE_FEDERATION_PORT:-18448} \
    node "$here/synapse.mjs" "$@"
code=$?
[ $code = 0 ] || grep -hE 'WARN|ERROR|warn|error' "$work"/*.log | tail -n "${LOG_LINES:-40}" >&2
exit $code
