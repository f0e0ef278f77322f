#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# compare.sh: the micro benchmarks beside their Go twins (go/), on 1 and on 2 processors, as one table of medians. `make bench-runtime`
# builds and runs it.
#
#	BENCH=REGEXP	those rows only
#	REPS=5		rounds. In each round every row runs once, ours and Go's by turns: machines get faster and slower, so a figure is
#			worth something only beside those measured at the same time
#	BENCH_TIME=0.2	seconds that a run takes at least
#
#	OUT=build/bench-runtime		where the raw figures stay: ours.txt and go.txt in Go's format, for benchstat
#	GO=go		empty: ours alone, as when Go isn't installed
#
# Each figure comes from a process of its own. The twins want Go 1.22 or later, and download nothing.

set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1
programs=${BUILD:-build/release}/bench/runtime
out=${OUT:-build/bench-runtime}
go=${GO-go}
reps=${REPS:-5}
export BENCH_TIME=${BENCH_TIME:-0.2}
parked_kib=$((8 * 1024 * 1024))
failures=0

build_twin()
{
	command -v "$go" >/dev/null || { echo 'Go is not installed: our figures alone'; return; }
	"$go" test -c -o "$out/twin" bench/runtime/go/*_test.go || exit 1
	version=$("$go" env GOVERSION)
}

# One line a benchmark, program TAB name TAB what it is: those that BENCH asks for.
list_rows()
{
	local program
	for program in "$programs"/bench_*; do
		[ -x "$program" ] && "$program" -l | sed "s|^|${program##*/}\t|"
	done | awk -F '\t' -v wanted="${BENCH:-}" '$2 ~ wanted'
}

enough_memory()
{
	[ "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)" -ge $parked_kib ]
}

# measure FILE PROCESSORS COMMAND...: appends the line of a benchmark; what else the command says is seen when there is none.
measure()
{
	local file=$1 procs=$2 said
	shift 2
	said=$(GOMAXPROCS=$procs timeout 120 "$@" 2>&1)
	grep '^Benchmark' <<<"$said" >>"$out/$file" && return
	if [[ $said == *'--- SKIP'* ]]; then
		grep -e '--- SKIP' <<<"$said" >>"$out/skipped"
	else
		echo "$*: $said" >&2
		failures=$((failures + 1))
	fi
}

run_row()
{
	local program=$1 name=$2 procs
	for procs in 1 2; do
		measure ours.txt $procs "$programs/$program" "^$name\$"
		[ -z "$version" ] || ! grep -qx "Benchmark$name" "$out/twins" ||
			measure go.txt $procs "$out/twin" -test.bench "^Benchmark$name\$" -test.benchtime "${BENCH_TIME}s"
	done
}

run_all()
{
	local rep program name what done=0
	for ((rep = 1; rep <= reps; rep++)); do
		while IFS=$'\t' read -r program name what; do
			[ ! -t 2 ] || printf '\r%3d%% %-24s' $((100 * done / (reps * rows))) "$name" >&2
			run_row "$program" "$name"
			done=$((done + 1))
		done <"$out/rows"
	done
	[ ! -t 2 ] || printf '\r%30s\r' '' >&2
}

[ -x "$programs/bench_switch" ] || { echo 'compare: build first: make bench-runtime' >&2; exit 1; }
ulimit -Sn hard 2>/dev/null # a thousand connections have four thousand ends
rm -rf "$out"
mkdir -p "$out"
version=
build_twin
list_rows >"$out/rows"
if ! enough_memory && grep -q Parked1M "$out/rows"; then
	echo 'Parked1M needs 8 GiB of available memory' >>"$out/skipped"
	sed -i '/\tParked1M\t/d' "$out/rows"
fi
rows=$(wc -l <"$out/rows")
[ "$rows" -gt 0 ] || { echo "compare: no benchmark matches BENCH=${BENCH:-}" >&2; exit 1; }
touch "$out/ours.txt" "$out/go.txt" "$out/skipped"
[ -z "$version" ] || "$out/twin" -test.list . >"$out/twins"
run_all

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "fetchd's runtime ${version:+beside $version }on $(nproc) CPUs (${cpu:-$(uname -m)}), Linux $(uname -r): medians of $reps"
awk -f bench/runtime/table.awk "$out/rows" "$out/ours.txt" "$out/go.txt"
sort -u "$out/skipped"
echo "raw figures: $out/*.txt (benchstat $out/go.txt $out/ours.txt)"
[ $failures = 0 ]
