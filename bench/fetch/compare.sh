#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# compare.sh [N [ROUNDS]]: CPU a request of fetchbench beside wrk (when it is installed), keep-alive GETs of 1 KiB from our own
# origin on loopback, at 64, 1,000 and 10,000 in flight. Runs take turns within a round, for machines get faster and slower:
# compare the figures of one round, not of two runs. N requests a run (200000), ROUNDS (3). GOMAXPROCS is for fetchbench.
#
# CPU is user + system of the client process alone, its start included. wrk is given the wall time that fetchbench took.

set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build/release}
n=${1:-200000} rounds=${2:-3}
out=$(mktemp -d "$BUILD/compare.XXXXXX") || exit 1
TIMEFORMAT='%R %U %S'
origin=

finish()
{
	[ -z "$origin" ] || kill "$origin"
	rm -rf "$out"
}
trap finish EXIT
trap 'exit 130' INT TERM

# row PROGRAM IN_FLIGHT REQUESTS ERRORS SECONDS: with the CPU seconds that `time` left in $out/time.
row()
{
	awk -v name="$1" -v c="$2" -v n="$3" -v errors="$4" -v wall="$5" \
		'END { printf "%-12s %6d %9d %7d %10.0f %8.2f\n", name, c, n, errors, n / wall, ($2 + $3) * 1e6 / n }' "$out/time"
}

# field NAME: a number of fetchbench's line.
field()
{
	sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" "$out/bench"
}

ours()
{
	{ time "$BUILD/fetchbench" --url "$url" --n "$n" --c "$1" --hosts 16 >"$out/bench"; } 2>"$out/time"
	[ -s "$out/bench" ] || { cat "$out/time" >&2; exit 1; }
	wall=$(field wall_s)
	row fetchbench "$1" "$(field ok)" "$(field errors)" "$wall"
}

wrk_for()
{
	local seconds
	command -v wrk >/dev/null || return
	seconds=$(awk -v wall="$wall" 'BEGIN { print wall < 1 ? 1 : int(wall + 0.5) }')
	{ time wrk -t1 -c "$1" -d "${seconds}s" --timeout 10s "$url" >"$out/wrk"; } 2>"$out/time"
	row wrk "$1" "$(sed -n 's/ *\([0-9]*\) requests in.*/\1/p' "$out/wrk")" \
		"$(sed -n 's/.*connect \([0-9]*\), read \([0-9]*\).*/\1/p' "$out/wrk" | grep . || echo 0)" "$seconds"
}

[ -x "$BUILD/fetchbench" ] && [ -x "$BUILD/origin" ] || { echo "compare: build first: make" >&2; exit 1; }
command -v wrk >/dev/null || echo 'wrk is not installed: ours alone (apt-get install wrk)'
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 11000 ] || echo 'fewer than 11000 descriptors: 10,000 in flight will show errors'
ulimit -Sn hard 2>/dev/null
env -u GOMAXPROCS "$BUILD/origin" --port 0 --addrs 16 >"$out/origin" &
origin=$!
until grep -q '^port ' "$out/origin"; do
	kill -0 $origin 2>/dev/null || exit 1
	sleep 0.05
done
url=http://127.0.0.1:$(sed -n 's/^port //p' "$out/origin")/b/1024

printf '%-12s %6s %9s %7s %10s %8s\n' program c requests errors req/s 'CPU µs'
for ((round = 0; round < rounds; round++)); do
	for c in 64 1000 10000; do
		ours "$c"
		wrk_for "$c"
	done
done
