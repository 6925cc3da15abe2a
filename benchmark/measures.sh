#!/usr/bin/env bash
# Builds, runs the measures on both databases, and prints every measure with its target and its figure.
#   benchmark/measures.sh [sqlite] [postgresql]
#   benchmark/measures.sh rules    decisions, reading events and state resolution only
set -eu
cd "$(dirname "$0")/.."
if [ "${1:-}" = rules ]; then
    dotnet build benchmark/Matrix.Benchmarks -c Release --nologo -v q
    exec dotnet benchmark/Matrix.Benchmarks/bin/Release/net10.0/matrix-benchmarks.dll rules
fi
dotnet build Matrix.Hybrid.sln -c Release --nologo -v q
exec dotnet benchmark/Matrix.Benchmarks/bin/Release/net10.0/matrix-benchmarks.dll measures "$@"
