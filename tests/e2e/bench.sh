#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# fetchbench and origin: what they promise in their first comments. Every request is counted once, connections are kept or
# not as asked, failures come by name, the origin survives running out of descriptors, and compare.sh has a row for each run.

. "$(dirname "$0")/lib.sh"
need jq curl prlimit

# bench WANTED_EXIT ARGUMENTS: its line is in ./out.
bench()
{
	local want=$1
	shift
	exit_is "$want" timeout 60 "$BUILD/fetchbench" "$@"
	same 'lines' 1 "$(wc -l <out)"
}

start_origin
url=http://127.0.0.1:$origin
bench 0 --url "$url/b/1000" --n 3000 --c 30
same 'kept connections' '3000 0 3000000 true' "$(jq -r '"\(.ok) \(.errors) \(.bytes) \(.dials <= 60)"' out)"
jq -e '.wall_s > 0 and .cpu_s > 0 and .rss_kb > 1000' out >/dev/null || fail "figures: $(cat out)"
bench 0 --url "$url/b/1000" --n 300 --c 30 --no-keepalive
same 'a connection a request' '300 300' "$(jq -r '"\(.ok) \(.dials)"' out)"
bench 0 --url "$url/b/1" --n 160 --c 160 --hosts 16
bench 1 --url "$url/status/404" --n 50 --c 5
same 'statuses' '0 50 50' "$(jq -r '"\(.ok) \(.errors) \(.error_names.http_404)"' out)"
contains 'failures by name' "$(cat err)" 'http_404: 50'
bench 1 --url "$url/d/5000/1" --n 10 --c 10 --timeout-ms 100
same 'time-outs' 10 "$(jq -r '.errors' out)"
free_port
bench 1 --url "http://127.0.0.1:$port/" --n 10 --c 2
same 'refused' 10 "$(jq -r '.error_names.connect_refused' out)"
exit_is 64 "$BUILD/fetchbench" --url "$url/" --n 1
exit_is 64 "$BUILD/fetchbench" --url "$url/" --n 0 --c 1
exit_is 64 "$BUILD/fetchbench" --url "$url/" --n 1 --c 1 --no-such-option

# The origin: pipelined requests, a large body, HEAD, what is no HTTP.
raw()
{
	timeout 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$origin; printf '$1' >&3; cat <&3"
}
same 'pipelined answers' 3 "$(raw 'GET /b/16 HTTP/1.1\r\nHost: a\r\n\r\nGET /d/20/16 HTTP/1.1\r\nHost: a\r\n\r\nGET /b/16 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' |
	grep -c '^HTTP/1.1 200')"
contains 'no HTTP' "$(raw 'nonsense\r\n\r\n')" 400
same 'a large body' "$(yes 0123456789abcde | head -c 5000000 | cksum)" "$(curl -sS "$url/b/5000000" | cksum)"
same 'HEAD' 1000 "$(curl -sSI "$url/b/1000" | tr -d '\r' | sed -n 's/^Content-Length: //p')"
same 'redirects' '200 3' "$(curl -sSL -o body -w '%{http_code} %{num_redirects}' "$url/redirect/3")"
stop "$ORIGIN"
same 'exit of the origin' 0 "$status"

# With too few descriptors it hangs up on some and goes on serving.
start_origin
prlimit --nofile=64:64 --pid "$ORIGIN"
timeout 60 "$BUILD/fetchbench" --url "http://127.0.0.1:$origin/d/20/10" --n 400 --c 50 --no-keepalive --timeout-ms 20000 >out 2>err
same "requests, answered or hung up on" 400 "$(jq -r ".ok + .errors" out)"
[ "$(jq -r .ok out)" -gt 0 ] || fail "none was served: $(cat out)"
# The rush's last connections are closed a moment after their client has gone: until then a newcomer, too, is hung up on.
answers()
{
	[ "$(curl -s -o body -w '%{http_code}' "http://127.0.0.1:$origin/b/1")" = 200 ]
}
await 10 'an answer after the rush' answers

# The comparison with peers: ours has a row without errors in each scenario, whoever else is there.
exit_is 0 env BUILD="$BUILD" "$ROOT/bench/fetch/compare.sh" -n 1 -r 1 keep-64 close-64 big-64 tls-64 tls-full-64 tls-resumed-64
same 'scenarios' 'keep-64 0,close-64 0,big-64 0,tls-64 0,tls-full-64 0,tls-resumed-64 0' \
	"$(awk '$2 == "fetchbench" { print $1, $4 }' out | paste -sd,)"
exit_is 64 env BUILD="$BUILD" "$ROOT/bench/fetch/compare.sh" no-such-scenario
