#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# compare.sh [-n PERCENT] [-r ROUNDS] [SCENARIO ...]: CPU a request of fetchbench beside a peer, on the same origin on
# loopback, as one table. Runs take turns within a round (3), for machines get faster and slower: compare the figures of
# one round, not of two runs. PERCENT (100) makes every run shorter or longer. GOMAXPROCS is for fetchbench.
#
#	keep-64 keep-1000 keep-10000   GETs of 1 KiB over kept connections, that many in flight; wrk
#	close-64                       a connection a request; wrk
#	big-64                         bodies of 100 KiB; wrk
#	tls-64 tls-1000                HTTPS over kept connections, from nginx; h2load over HTTP/1.1
#	tls-full-64 tls-resumed-64     HTTPS from nginx, a connection a request; ours alone
#	slow-10000                     answers that take a second; h2load
#
# CPU is user + system of the client process alone, its start included; MiB is fetchbench's peak of memory. wrk is given the
# wall time that fetchbench took. A peer that is not installed is left out, and scenarios without their origin, with a line
# that says so.

set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1
. bench/loopback.sh
BUILD=${BUILD:-build/release}
PATH=$PATH:/usr/sbin
TIMEFORMAT='%R %U %S'
percent=100 rounds=3
while getopts n:r: option; do
	case $option in
	n) percent=$OPTARG ;;
	r) rounds=$OPTARG ;;
	*) exit 64 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- keep-64 keep-1000 keep-10000 close-64 big-64 tls-64 tls-1000 tls-full-64 tls-resumed-64 slow-10000
[ -x "$BUILD/fetchbench" ] && [ -x "$BUILD/origin" ] || { echo "compare: build first: make" >&2; exit 1; }
out=$(mktemp -d "$(realpath "$BUILD")/compare.XXXXXX") || exit 1
origin='' nginx='' tls_url=''

finish()
{
	[ -z "$origin" ] || kill "$origin"
	[ -z "$nginx" ] || kill "$nginx"
	wait
	rm -rf "$out"
}
trap finish EXIT
trap 'exit 130' INT TERM

has()
{
	command -v "$1" >/dev/null
}

# --- Origins ---

start_origin()
{
	env -u GOMAXPROCS "$BUILD/origin" --port 0 --addrs 16 >"$out/origin" &
	origin=$!
	until grep -q '^port ' "$out/origin"; do
		alive $origin || exit 1
		sleep 0.05
	done
	url=http://127.0.0.1:$(sed -n 's/^port //p' "$out/origin")
}

# Unlike that of loopback.sh it never closes a connection.
start_nginx()
{
	local port
	has nginx && has openssl || { echo 'nginx or openssl is not installed: no tls scenarios'; return; }
	free_port
	certificate "$out" 2>/dev/null || { echo "compare: openssl made no certificate" >&2; exit 1; }
	cat >"$out/nginx.conf" <<-END
		$([ "$(id -u)" != 0 ] || echo 'user root;') daemon off; worker_processes 2; pid $out/nginx.pid; error_log $out/nginx.log;
		events { worker_connections 4096; }
		http { access_log off; keepalive_requests 1000000000;
		client_body_temp_path $out; proxy_temp_path $out; fastcgi_temp_path $out; uwsgi_temp_path $out; scgi_temp_path $out;
		ssl_certificate $out/leaf.pem; ssl_certificate_key $out/leaf.key; ssl_protocols TLSv1.3;
		server { listen 127.0.0.1:$port ssl backlog=4096; location / { return 200 "$(printf '%01024d' 0)"; } } }
	END
	nginx -c "$out/nginx.conf" -p "$out" 2>>"$out/nginx.log" &
	nginx=$!
	until listening "$port"; do
		alive $nginx || { cat "$out/nginx.log" >&2; exit 1; }
		sleep 0.05
	done
	tls_url=https://127.0.0.1:$port
}

# --- Runs; `time` leaves the seconds of each in $out/time ---

# row PROGRAM REQUESTS ERRORS SECONDS [KIB]
row()
{
	awk -v name="$scenario" -v program="$1" -v n="$2" -v errors="$3" -v wall="$4" -v kib="${5:-}" \
		'END { printf "%-15s %-11s %8d %7d %9.0f %8.2f %6s\n", name, program, n, errors, n / wall,
			($2 + $3) * 1e6 / (n ? n : 1), kib ? sprintf("%.1f", kib / 1024) : "" }' "$out/time"
}

# field NAME: a number of fetchbench's line.
field()
{
	sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" "$out/bench"
}

ours()
{
	{ time "$BUILD/fetchbench" --url "$1" --n "$n" --c "$c" "${@:2}" >"$out/bench"; } 2>"$out/time"
	[ -s "$out/bench" ] || { cat "$out/time" >&2; exit 1; }
	wall=$(field wall_s)
	row fetchbench "$(field ok)" "$(field errors)" "$wall" "$(field rss_kb)"
}

wrk_for()
{
	local seconds
	has wrk || return
	seconds=$(awk -v wall="$wall" 'BEGIN { print wall < 1 ? 1 : int(wall + 0.5) }')
	{ time wrk -t1 -c "$c" -d "${seconds}s" --timeout 10s "${@:2}" "$1" >"$out/wrk"; } 2>"$out/time"
	row wrk "$(sed -n 's/ *\([0-9]*\) requests in.*/\1/p' "$out/wrk")" \
		"$(sed -n 's/.*connect \([0-9]*\), read \([0-9]*\).*/\1/p' "$out/wrk" | grep . || echo 0)" "$seconds"
}

h2load_for()
{
	local ok
	has h2load || return
	{ time h2load --h1 -n "$n" -c "$c" -t1 "$1" >"$out/h2load"; } 2>"$out/time"
	ok=$(sed -n 's/^status codes: \([0-9]*\) 2xx.*/\1/p' "$out/h2load")
	row h2load "$ok" "$((n - ok))" "$(tail -1 "$out/time" | cut -d' ' -f1)"
}

# requests N: as many, by -n, but no fewer than are in flight.
requests()
{
	n=$(($1 * percent / 100))
	[ "$n" -ge "$c" ] || n=$c
}

run()
{
	scenario=$1 c=${1##*-}
	case $1 in
	keep-*) requests 200000 && ours "$url/b/1024" --hosts 16 && wrk_for "$url/b/1024" ;;
	close-*) requests 20000 && ours "$url/b/1024" --no-keepalive && wrk_for "$url/b/1024" -H 'Connection: close' ;;
	big-*) requests 20000 && ours "$url/b/102400" && wrk_for "$url/b/102400" ;;
	slow-*) requests 30000 && ours "$url/d/1000/1024" --hosts 16 && h2load_for "$url/d/1000/1024" ;;
	tls-*) [ -n "$tls_url" ] || return ;;&
	tls-full-*) requests 5000 && ours "$tls_url/" --no-keepalive --no-resume --cacert "$out/ca.pem" ;;
	tls-resumed-*) requests 5000 && ours "$tls_url/" --no-keepalive --cacert "$out/ca.pem" ;;
	tls-*) requests 60000 && ours "$tls_url/" --cacert "$out/ca.pem" && h2load_for "$tls_url/" ;;
	*) echo "compare: no scenario $1" >&2; exit 64 ;;
	esac
}

has wrk || echo 'wrk is not installed: ours alone where it is the peer'
has h2load || echo 'h2load (nghttp2-client) is not installed: ours alone where it is the peer'
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 11000 ] || echo 'fewer than 11000 descriptors: 10,000 in flight will show errors'
ulimit -Sn hard 2>/dev/null
start_origin
[[ " $*" != *' tls-'* ]] || start_nginx
printf '%-15s %-11s %8s %7s %9s %8s %6s\n' scenario program requests errors req/s 'CPU µs' MiB
for ((round = 0; round < rounds; round++)); do
	for each; do run "$each"; done
done
