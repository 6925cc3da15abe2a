#!/usr/bin/env bash
# Measures what each trick below the database and the scheduler gains: two servers, with and without it, take turns.
#   benchmark/tricks.sh [TRICK...] [--slices N]
# Tricks: gather (a commit is one write), slices (short slices for the writer), log (the log is laid out at start),
# climbing (a fixed number of pool threads). `none`: the same server twice (noise).
# Workloads: one sender, ten in one room, fifty rooms. A trick takes about two minutes; ten minutes are the limit.
set -u
cd "$(dirname "$0")/.." || exit 1

tricks=()
slices=10
while [ $# -gt 0 ]; do
    case $1 in
        --slices) slices=${2:?}; shift ;;
        none | gather | slices | log | climbing) tricks+=("$1") ;;
        *) sed -n '2,6p' "$0" >&2; exit 2 ;;
    esac
    shift
done
[ ${#tricks[@]} -gt 0 ] || tricks=(none gather slices log climbing)

dotnet build tools/Matrix.LoadGen -c Release --nologo -v q >&2 || exit 1
[ -f host/Matrix.Host/bin/Release/net10.0/matrix-host.dll ] ||
    dotnet build host/Matrix.Host -c Release --nologo -v q >&2 || exit 1

folder=$(mktemp -d "${TMPDIR:-/tmp}/matrix-tricks.XXXXXX")
servers=()
stop_servers() {
    for server in "${servers[@]}"; do kill "$server" 2>/dev/null; done
    wait
    servers=()
}
trap 'stop_servers; rm -rf "$folder"' EXIT
secret=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')

# serve NAME PORT VARIABLE=VALUE
serve() {
    rm -rf "${folder:?}/$1"
    mkdir -p "$folder/$1"
    env MATRIX_DATA_DIR="$folder/$1" MATRIX_LISTENERS__CLIENT="127.0.0.1:$2" \
        MATRIX_REGISTRATION__SHARED_SECRET="$secret" MATRIX_RATE_LIMITS__ENABLED=false \
        "$3" ./run --no-build >"$folder/$1.log" 2>&1 &
    servers+=($!)
    for _ in $(seq 300); do
        curl -sf "http://127.0.0.1:$2/health" >/dev/null && return 0
        sleep 0.1
    done
    cat "$folder/$1.log" >&2
    return 1
}

for trick in "${tricks[@]}"; do
    case $trick in
        none) on=MATRIX_NOTHING=1 off=MATRIX_NOTHING=1 ;;
        gather) on=MATRIX_DATABASE__SQLITE_GATHER_LOG=true off=MATRIX_DATABASE__SQLITE_GATHER_LOG=false ;;
        slices) on=MATRIX_DATABASE__SQLITE_SHORT_SLICES=true off=MATRIX_DATABASE__SQLITE_SHORT_SLICES=false ;;
        log) on=MATRIX_DATABASE__SQLITE_PREALLOCATED_LOG=16MiB off=MATRIX_DATABASE__SQLITE_PREALLOCATED_LOG=0 ;;
        climbing) on=DOTNET_HillClimbing_Disable=1 off=DOTNET_HillClimbing_Disable=0 ;;
    esac
    echo "== $trick: $on against $off"
    serve on 18181 "$on" && serve off 18182 "$off" || exit 1
    timeout 600 dotnet tools/Matrix.LoadGen/bin/Release/net10.0/matrix-loadgen.dll \
        --server on=http://127.0.0.1:18181 --server off=http://127.0.0.1:18182 --secret "$secret" \
        --workload send-sequential,send-one-room,send-many-rooms --slices "$slices" | grep -v '^{' || exit 1
    stop_servers
done
