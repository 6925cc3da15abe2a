#!/usr/bin/env bash
# Builds, starts what is needed on both databases, and prints every measure with its target and its figure.
#   tests/Matrix.Benchmarks/measures.sh [sqlite] [postgresql]
set -eu
cd "$(dirname "$0")/../.."
dotnet build Matrix.Hybrid.sln -c Release --nologo -v q
exec dotnet tests/Matrix.Benchmarks/bin/Release/net10.0/matrix-benchmarks.dll measures "$@"
