#!/usr/bin/env bash
# Builds, runs the measures of the client API, and prints each with its target, its figure, and "holds" or "SHORT".
#   benchmark/clients.sh [MEASURE...]    all, or some of: sliding search indexing media thumbnails directories keys push
#                                        services logins floods
# What is compared with Synapse needs the lab of tests/interop/synapse.sh (LAB_TOOLS, LAB), and is left out without it.
# All servers run on this machine and listen on 127.0.0.1. Everything takes some twenty minutes, 26 on a busy machine.
set -eu
cd "$(dirname "$0")/.."
dotnet build benchmark/Matrix.Benchmarks -c Release --nologo -v q
./run --only-build
exec dotnet benchmark/Matrix.Benchmarks/bin/Release/net10.0/matrix-benchmarks.dll clients "$@"
