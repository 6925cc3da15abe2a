#!/usr/bin/env bash
# Compares two versions of the server: both run at once, and the load generator drives them by turns.
#   benchmark/by-turns.sh OLD NEW [--slices N] [--workload A,B] [--old-env NAME=VALUE] [--new-env NAME=VALUE]
# OLD and NEW are checkouts with a built server (Release); the same checkout twice shows the noise, and with different
# environments what a setting gains. The first server has the better figures of one sender after the other (up to 15 %),
# so compare both orders. Everything listens on 127.0.0.1, and ends within ten minutes.
set -u
cd "$(dirname "$0")/.." || exit 1
[ $# -ge 2 ] || { sed -n '2,7p' "$0" >&2; exit 2; }
old=$1 new=$2
shift 2
slices=10
old_env=MATRIX_NOTHING=1
new_env=MATRIX_NOTHING=1
workloads=send-sequential,send-one-room,send-many-rooms,sync-idle,sync-initial,fan-out
while [ $# -gt 0 ]; do
    case $1 in
        --slices) slices=$2; shift 2 ;;
        --workload) workloads=$2; shift 2 ;;
        --old-env) old_env=$2; shift 2 ;;
        --new-env) new_env=$2; shift 2 ;;
        *) echo "unknown option $1" >&2; exit 2 ;;
    esac
done

dotnet build tools/Matrix.LoadGen -c Release --nologo -v q >&2 || exit 1
folder=$(mktemp -d) || exit 1
servers=()
stop_servers() {
    for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${servers[@]}"; do wait "$pid" 2>/dev/null; done
}
trap 'stop_servers; rm -rf "$folder"' EXIT
secret=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')

# serve NAME PORT CHECKOUT NAME=VALUE
serve() {
    mkdir -p "$folder/$1"
    env MATRIX_DATA_DIR="$folder/$1" MATRIX_LISTENERS__CLIENT="127.0.0.1:$2" \
        MATRIX_REGISTRATION__SHARED_SECRET="$secret" MATRIX_RATE_LIMITS__ENABLED=false "$4" \
        "$3/run" --no-build >"$folder/$1.log" 2>&1 &
    servers+=($!)
    for _ in $(seq 300); do
        curl -sf "http://127.0.0.1:$2/health" >/dev/null && return 0
        sleep 0.1
    done
    cat "$folder/$1.log" >&2
    return 1
}

serve old 18191 "$old" "$old_env" && serve new 18192 "$new" "$new_env" || exit 1
timeout 600 dotnet tools/Matrix.LoadGen/bin/Release/net10.0/matrix-loadgen.dll \
    --server old=http://127.0.0.1:18191 --server new=http://127.0.0.1:18192 --secret "$secret" \
    --pid old="${servers[0]}" --pid new="${servers[1]}" --workload "$workloads" --slices "$slices" | grep -v '^{'
