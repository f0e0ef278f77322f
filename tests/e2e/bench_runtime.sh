#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The micro benchmarks run, and make bench-runtime's table says what they say: each with n = 1 and crowds a thousandth of their size,
# so that none of them rots; then the table over figures that are known.

. "$(dirname "$0")/lib.sh"

export BENCH_TIME=0 BENCH_DIVIDE=1000
for program in "$BUILD"/bench/runtime/bench_*; do
	[ -x "$program" ] || continue
	exit_is 0 timeout 60 "$program" -l
	names=$(cut -f 1 out)
	exit_is 0 env GOMAXPROCS=2 timeout 60 "$program"
	same "lines of ${program##*/}" "$names" "$(sed -n 's/^Benchmark\([A-Za-z0-9]*\)-2\t *1\t.* .*/\1/p' out)"
done
[ -n "${names:-}" ] || fail "nothing is built in $BUILD/bench/runtime"
exit_is 0 env GOMAXPROCS=1 timeout 60 "$BUILD/bench/runtime/bench_switch" '^Yield2$'
same 'one processor, one name' BenchmarkYield2 "$(cut -f 1 out)"

OUT=$WORK/raw GO='' REPS=2 BENCH='Yield2|Sema' exit_is 0 "$ROOT/bench/runtime/compare.sh"
contains 'without Go' "$(cat out)" 'Go is not installed'
same 'rows' 'Sema Yield2' "$(grep -oE '^(Sema|Yield2) .*ns ' out | cut -d ' ' -f 1 | sort | paste -sd ' ')"
same 'raw lines' 8 "$(grep -c ^Benchmark raw/ours.txt)"

# Medians of three, and of two; a budget kept, one missed by little, a figure that Go has not.
printf 'bench_a\tYield2\ta switch\nbench_b\tEcho\ta trip\n' >rows
printf 'Benchmark%s\t1\t%s\n' \
	Yield2 '30 ns/op' Yield2 '10 ns/op' Yield2 '20 ns/op' Yield2-2 '41 ns/op' Echo '20000 ns/op' >ours.txt
printf 'Benchmark%s   \t 1\t  %s\n' \
	Yield2 '100 ns/op' Yield2 '120 ns/op' Yield2-2 '120 ns/op' Echo '10000 ns/op	5 B/op' >go.txt
awk -f "$ROOT/bench/runtime/table.awk" rows ours.txt go.txt >table
same 'a median and its ratio' 'Yield2 20.0 110 0.18 41.0 120 0.34! ns a switch' \
	"$(grep ^Yield2 table | tr -s ' ' | sed 's/ $//')"
same 'larger units' 'Echo 20.0 10.0 2.00! - - us a trip' "$(grep ^Echo table | tr -s ' ' | sed 's/ $//')"
contains 'the count' "$(cat table)" '1 of 3 figures'
