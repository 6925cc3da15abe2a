#!/usr/bin/env bash
# Builds, and measures three nodes against one. Prints each measure with its target, its figure, and "holds" or "SHORT".
#   benchmark/cluster.sh [--only NAME]... [--seconds N] [--rounds N] [--share N]
#     --only     one of: sends idle wakeups initial transactions latency kill drain promotion
#     --seconds  the length of a measured phase (10)
#     --rounds   phases of each cluster, by turns (3)
#     --share    the share of a processor that each node has, by a control group (0.25)
# Everything runs on this machine and listens on 127.0.0.0/8. It needs PostgreSQL and HAProxy, and root for the control
# groups: without them, three nodes against one is told from processor times. All takes some twenty minutes.
set -eu
cd "$(dirname "$0")/.."
. tools/system.sh
need postgresql=/usr/lib/postgresql/*/bin/initdb haproxy=haproxy || exit 1
dotnet build benchmark/Matrix.Benchmarks -c Release --nologo -v q
./run --only-build
exec dotnet benchmark/Matrix.Benchmarks/bin/Release/net10.0/matrix-benchmarks.dll cluster "$@"
