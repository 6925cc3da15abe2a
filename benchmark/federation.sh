#!/usr/bin/env bash
# Builds, runs the measures of federation, and prints each with its target and its figure.
#   benchmark/federation.sh [MEASURE...]    all, or some of: message flood transactions growth join silent outage idle
# What is compared with Synapse needs the lab of tests/interop/synapse.sh (LAB_TOOLS, LAB), and is left out without it.
# All servers run on this machine and listen on 127.0.0.0/8. Everything takes about twenty minutes.
set -eu
cd "$(dirname "$0")/.."
dotnet build benchmark/Matrix.Benchmarks -c Release --nologo -v q
./run --only-build
exec dotnet benchmark/Matrix.Benchmarks/bin/Release/net10.0/matrix-benchmarks.dll federation "$@"
