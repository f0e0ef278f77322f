# SPDX-License-Identifier: MIT
#
# table.awk: medians of Go benchmark lines as a table for people. Input: rows (program TAB name TAB what), ours.txt, go.txt; see
# compare.sh. A benchmark with several figures gets a line for each. POSIX awk.
#
# The budget: at most Go's time, for a switch a third of it; a parked goroutine takes at most 4.4 KiB, whatever Go's takes.

BEGIN { FS = "\t"; PARKED_BYTES = 4.4 * 1024 }

FNR == 1 { side++ }

side == 1 {
	order[++rows] = $2
	what[$2] = $3
	next
}

# BenchmarkName[-PROCESSORS] N VALUE UNIT VALUE UNIT ...: tabs between pairs, spaces within.
{
	name = $1
	sub(/^Benchmark/, "", name)
	sub(/ +$/, "", name)
	procs = sub(/-2$/, "", name) ? 2 : 1
	for (i = 3; i <= NF; i++) {
		split($i, pair, " ")
		add(name, pair[2], FILENAME ~ /ours/ ? "ours" : "go", procs, pair[1])
	}
}

function add(name, unit, who, procs, value,    key)
{
	if (!((name, unit) in seen)) {
		seen[name, unit]
		units[name] = units[name] " " unit
	}
	key = name SUBSEP unit SUBSEP who SUBSEP procs
	values[key] = values[key] " " value
}

# Of a list of numbers in a string; "" if there are none.
function median(list,    v, n, i, j, x)
{
	n = split(list, v, " ")
	for (i = 2; i <= n; i++) {
		x = v[i] + 0
		for (j = i - 1; j >= 1 && v[j] + 0 > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
	return n == 0 ? "" : n % 2 ? v[(n + 1) / 2] + 0 : (v[n / 2] + v[n / 2 + 1]) / 2
}

function budget_is_kept(name, unit, ours, go)
{
	if (unit ~ /^B\//)
		return ours <= PARKED_BYTES
	return sprintf("%.2f", ours / go) + 0 <= (name ~ /^Yield/ ? 1 / 3 : 1)
}

# Three figures that count.
function number(value)
{
	return value == "" ? "-" : sprintf(value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f", value)
}

function half(name, unit, procs, scale,    ours, go, mark)
{
	ours = median(values[name, unit, "ours", procs])
	go = median(values[name, unit, "go", procs])
	mark = " "
	if (ours != "" && go != "") {
		figures++
		if (budget_is_kept(name, unit, ours, go))
			kept++
		else
			mark = "!"
	}
	return sprintf(" %7s %7s %6s%s ", number(ours == "" ? "" : ours / scale), number(go == "" ? "" : go / scale),
		ours != "" && go != "" ? sprintf("%.2f", ours / go) : "", mark)
}

function label(name, unit)
{
	if (unit == "ns/op")
		return name
	if (unit ~ /^B\//)
		return "  memory"
	sub(/-ns(\/op)?$/, "", unit)
	return "  " (unit == "cpu" ? "CPU" : unit)
}

function line(name, unit, text,    scale, first, scaled)
{
	first = median(values[name, unit, "ours", 1])
	scale = unit ~ /^B\// || first < 10000 ? 1 : first < 10000000 ? 1000 : 1000000
	scaled = unit ~ /^B\// ? "bytes" : scale == 1 ? "ns" : scale == 1000 ? "us" : "ms"
	printf "%-18s%s%s %-5s %s\n", label(name, unit), half(name, unit, 1, scale), half(name, unit, 2, scale),
		scaled, text
}

END {
	printf "%-18s|%22s  |%22s\n", "", "1 processor", "2 processors"
	printf "%-18s %7s %7s %6s   %7s %7s %6s  unit\n", "", "ours", "Go", "ratio", "ours", "Go", "ratio"
	for (r = 1; r <= rows; r++) {
		name = order[r]
		n = split(units[name], list, " ")
		if (n > 0 && list[1] != "ns/op")
			printf "%-74s%s\n", name, what[name]
		for (u = 1; u <= n; u++)
			line(name, list[u], list[u] == "ns/op" ? what[name] : "")
	}
	if (figures)
		printf "%d of %d figures keep the budget; ! marks those over it: Go's time, a third of it for Yield*, %d bytes parked\n",
			kept, figures, PARKED_BYTES
}
