#!/usr/bin/env bash
# Builds, and lets drawn people with phones and laptops live on one node, on three nodes, and on Synapse, by turns.
#   benchmark/users.sh [--users 1000] [--seconds 60] [--rounds 3] [--seed 1] [--pace 1] [--share 0.75] [--only NAME]...
#     --users    people; their rates are in docs/users-load.md, which the program reads
#     --seconds  the counted time of a turn
#     --pace     how much more often than the rates say people do something
#     --share    processors that each server may use in all
#     --only     one, three or synapse
# Everything runs on this machine and listens on 127.0.0.0/8. It needs PostgreSQL and HAProxy, and root for the control
# groups. Synapse needs the lab of tests/interop/synapse.sh (LAB_TOOLS, LAB), and is left out without it.
set -eu
cd "$(dirname "$0")/.."
. tools/system.sh
need postgresql=/usr/lib/postgresql/*/bin/initdb haproxy=haproxy || exit 1
dotnet build benchmark/Matrix.Benchmarks -c Release --nologo -v q
./run --only-build
exec dotnet benchmark/Matrix.Benchmarks/bin/Release/net10.0/matrix-benchmarks.dll users "$@"
