#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# demo.sh: what `make demo` shows: a private fetchd fetches 1,000 URLs from a real nginx on loopback, over HTTP and HTTPS, with the
# misfortunes that a batch of URLs has. `make demo URLS=FILE` fetches the list in FILE from the Internet instead.
#
# Everything lives in build/demo (socket, configuration, state, certificate, results) and is stopped by PID at the end; nothing is
# written elsewhere. Needs what Debian always has, and nginx and openssl for the demo's own server. Works for any user.
# Environment: BUILD (build/release), URLS, DEMO_DIR (build/demo). Exit 0 when every URL got its one result.

set -u
export LC_ALL=C PATH=$PATH:/usr/sbin
cd "$(dirname "$0")/.." || exit 1
. bench/loopback.sh
BUILD=${BUILD:-build/release}
URLS=${URLS:-}
D=${DEMO_DIR:-build/demo}
case $D in /*) absolute=$D ;; *) absolute=$PWD/$D ;; esac

started=()

say()
{
	printf '\n== %s\n' "$*"
}

die()
{
	printf 'demo: %s\n' "$*" >&2
	exit 1
}

# Says the command and runs it.
show()
{
	printf '$ %s\n' "$*"
	"$@"
}

# await WHAT PID COMMAND...: until COMMAND succeeds; dies when process PID ends first or 20 s pass.
await()
{
	local what=$1 pid=$2 until=$((SECONDS + 20))
	shift 2
	until "$@" >/dev/null 2>&1; do
		alive "$pid" || die "$what ended at its start: $(tail -n 3 "$D/$what.log" 2>/dev/null)"
		[ "$SECONDS" -lt "$until" ] || die "$what is not ready after 20 s"
		sleep 0.05
	done
}

# start NAME COMMAND...: in the background, noted for `finish`; the PID is in $!.
start()
{
	local name=$1
	shift
	"$@" >>"$D/$name.log" 2>&1 </dev/null &
	started+=($!)
}

finish()
{
	local result=$? i pid
	trap - EXIT INT TERM HUP
	# The last started goes first: fetchd before the server that it fetches from.
	for ((i = ${#started[@]} - 1; i >= 0; i--)); do
		pid=${started[i]}
		kill -TERM "$pid" 2>/dev/null
		for ((tick = 0; tick < 200; tick++)); do
			alive "$pid" || break
			sleep 0.05
		done
		kill -KILL "$pid" 2>/dev/null
	done
	wait
	exit "$result"
}

# ---- the server with the 1,000 URLs ----

# Files of 1 to 16 KiB, and of 1 to 4 MiB.
make_files()
{
	local i
	mkdir -p $D/www/s $D/www/l
	for ((i = 0; i < 100; i++)); do
		head -c $((1024 + i * 157)) /dev/urandom >$D/www/s/$i.bin
	done
	for ((i = 0; i < 8; i++)); do
		head -c $((1048576 * (1 + i % 4))) /dev/urandom >$D/www/l/$i.bin
	done
}

start_nginx()
{
	local attempt
	for attempt in 1 2 3 4 5; do
		free_port && http=$port
		free_port && https=$port
		free_port && dead=$port
		[ "$http" != "$https" ] && [ "$http" != "$dead" ] && [ "$https" != "$dead" ] || continue
		nginx_config "$absolute" "$http" "$https" >$D/nginx.conf
		nginx -t -q -e $D/nginx/error.log -p "$absolute" -c nginx.conf 2>/dev/null || continue
		start nginx nginx -e nginx/error.log -p "$absolute" -c nginx.conf
		await nginx $! listening "$https"
		return
	done
	nginx -t -e $D/nginx/error.log -p "$absolute" -c nginx.conf
	die "nginx did not start (attempt $attempt)"
}

# repeat N FORMAT: N lines; each %d is the line's number.
repeat()
{
	awk -v n="$1" -v format="$2" 'BEGIN { for (i = 0; i < n; i++) { line = format; gsub(/%d/, i, line); print line } }'
}

# repeat_of N M FORMAT: the same with the number modulo M.
repeat_of()
{
	awk -v n="$1" -v m="$2" -v format="$3" \
		'BEGIN { for (i = 0; i < n; i++) { line = format; gsub(/%d/, i % m, line); print line } }'
}

list_urls()
{
	local plain=http://127.0.0.1:$http secure=https://127.0.0.1:$https
	repeat_of 600 100 "$plain/s/%d.bin"
	repeat_of 200 100 "$secure/s/%d.bin"
	repeat_of 40 8 "$plain/l/%d.bin"
	repeat_of 20 8 "$secure/l/%d.bin"
	repeat 30 "$plain/redirect/s/%d.bin"
	repeat 20 "$plain/to-https/s/%d.bin"
	repeat 5 "$plain/loop?%d"
	repeat 40 "$plain/no/such/page/%d"
	repeat 15 "http://127.0.0.1:$dead/%d"
	repeat 10 "http://no-such-host-%d.invalid/"
	repeat 10 "http://169.254.169.254/latest/meta-data/%d"
	repeat 10 "http://10.0.0.1/%d"
}

prepare_own_server()
{
	local program
	for program in nginx openssl; do
		command -v $program >/dev/null || die "needs $program: run \`make demo\`, which installs it"
	done
	say 'a certificate authority and a certificate, made on the spot'
	certificate $D >$D/openssl.log 2>&1 || die "openssl: $(tail -n 2 $D/openssl.log)"
	echo "$D/ca.pem signed $D/leaf.pem"
	make_files
	start_nginx
	say "nginx serves http://127.0.0.1:$http and https://127.0.0.1:$https"
	list=$D/urls.txt
	list_urls >$list
	cat >$D/fetchd.conf <<CONF
# Loopback is refused unless it is allowed: an internal address must not be fetched by accident.
[policy]
allow = 127.0.0.0/8
[tls]
ca_file = $absolute/ca.pem
CONF
}

prepare_users_list()
{
	[ -r "$URLS" ] || die "URLS=$URLS: cannot read it"
	list=$URLS
	echo '# All defaults: public addresses only, the certificate authorities of this system.' >$D/fetchd.conf
}

# ---- what came out ----

# A line a result: outcome, seconds, bytes. A record's own members come before its hops, so the first of a name is the record's.
flatten()
{
	awk '
	function text(key,    at) {
		at = index($0, "\"" key "\":\"")
		if (!at) return ""
		value = substr($0, at + length(key) + 4)
		return substr(value, 1, index(value, "\"") - 1)
	}
	function number(key,    at) {
		at = index($0, "\"" key "\":")
		return at ? substr($0, at + length(key) + 3) + 0 : 0
	}
	{
		state = text("state")
		outcome = state == "fetched" ? "fetched, HTTP " number("http_code") : state ", " text("error")
		printf "%s\t%.6f\t%d\n", outcome, number("time_total"), number("size_download")
	}' "$1"
}

summary()
{
	flatten "$1" | sort -t '	' -k1,1 -k2,2n | awk -F '\t' '
	function row() {
		if (n) printf "%-32s %7d %10.1f %10.1f %10.1f %10.1f\n", outcome, n, bytes / 1048576, \
			1000 * time[int((n + 1) / 2)], 1000 * time[int(n * 0.95 + 0.999)], 1000 * time[n]
	}
	BEGIN { printf "%-32s %7s %10s %10s %10s %10s\n", "outcome", "URLs", "MiB", "median ms", "95 % ms", "max ms" }
	$1 != outcome { row(); outcome = $1; n = bytes = 0 }
	{ time[++n] = $2; bytes += $3; all++; all_bytes += $3 }
	END { row(); printf "%-32s %7d %10.1f\n", "all", all, all_bytes / 1048576 }'
}

# Every job of the batch has its one result: the indexes are 0 to N-1, each once.
check_results()
{
	local n=$1
	sed -n 's/^[^{]*{[^{]*"index":\([0-9]*\).*/\1/p' $D/results.ndjson | sort -n >$D/indexes
	seq 0 $((n - 1)) | cmp -s - $D/indexes || die "the results are not one for each URL: see $D/results.ndjson"
}

what_next()
{
	cat <<TEXT

== what to try next
make demo URLS=my-urls.txt              # your own list, from the Internet
less $D/results.ndjson         # every result: status, timings of each phase, redirects, digest
less $list $D/fetchd.conf

mkdir -p /tmp/fetchd                    # a fetchd of your own, in one terminal
$BUILD/fetchd --state-dir /tmp/fetchd --socket /tmp/fetchd/sock
                                        # and in another
id=\$(echo https://example.com/ | $BUILD/fetchctl --socket /tmp/fetchd/sock submit -)
$BUILD/fetchctl --socket /tmp/fetchd/sock wait \$id
$BUILD/fetchctl --socket /tmp/fetchd/sock results \$id
TEXT
}

main()
{
	local id begin jobs socket=$D/fetchd.sock
	[ -x "$BUILD/fetchd" ] || die "$BUILD/fetchd is missing: run \`make\` first"
	[ ! -e $D ] || [ -e $D/fetchd.conf ] || die "$D is there and no folder of the demo"
	rm -rf $D && mkdir -p $D/nginx $D/state && touch $D/fetchd.conf $D/locations.conf || die "cannot write $D"
	if [ -n "$URLS" ]; then prepare_users_list; else prepare_own_server; fi

	say 'a private fetchd'
	echo "\$ $BUILD/fetchd -c $D/fetchd.conf --state-dir $D/state --socket $socket &"
	start fetchd "$BUILD/fetchd" -c $D/fetchd.conf --state-dir $D/state --socket $socket
	await fetchd $! "$BUILD/fetchctl" --socket $socket status

	begin=$EPOCHREALTIME
	say "$(wc -l <"$list") lines, one batch"
	printf '$ %s\n' "id=\$($BUILD/fetchctl --socket $socket submit $list --digest sha256)"
	id=$("$BUILD/fetchctl" --socket $socket submit "$list" --digest sha256) || exit
	show "$BUILD/fetchctl" --socket $socket wait "$id" # exit 1: some URLs failed, as they should
	printf '$ %s\n' "$BUILD/fetchctl --socket $socket results $id >$D/results.ndjson"
	"$BUILD/fetchctl" --socket $socket results "$id" >$D/results.ndjson || die 'no results'

	jobs=$("$BUILD/fetchctl" --socket $socket status "$id" --json | sed -n "s/.*\"jobs\":\([0-9]*\).*/\1/p")
	say "$(wc -l <$D/results.ndjson) results in $(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s"
	summary $D/results.ndjson
	check_results "$jobs"
	[ -n "$URLS" ] || [ "$jobs" = 1000 ] || die "1000 URLs, but $jobs jobs"
	what_next
}

trap finish EXIT
trap 'exit 130' INT TERM HUP
main
