#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 10,000 requests in flight at once against an origin that waits a second: all are answered, by the client alone and through the
# daemon. The wall times are said, not judged: this may run on a busy machine.

. "$(dirname "$0")/lib.sh"
need jq curl
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 11000 ] || skip "needs 11000 descriptors, may have $(ulimit -Hn)"

start_origin
GOMAXPROCS=2 "$BUILD/fetchbench" --url "http://127.0.0.1:$origin/d/1000/1024" --n 10000 --c 10000 --hosts 16 \
	--timeout-ms 60000 >bench.json 2>bench.err || fail "fetchbench: $(cat bench.json bench.err)"
same 'answers to fetchbench' '10000 0' "$(jq -r '"\(.ok) \(.errors)"' bench.json)"
say "fetchbench: 10,000 in flight, 1 s each, took $(jq -r .wall_s bench.json) s, $(jq -r .rss_kb bench.json) KiB"

for ((i = 0; i < 10000; i++)); do
	echo "http://127.0.0.$((i % 16 + 1)):$origin/d/1000/1024?$i"
done >urls
config '[fetch]' 'max_in_flight = 10000' 'max_per_host = 1000'
start_fetchd
began=$SECONDS
submit urls
exit_is 0 ctl wait "$batch"
one_result_each 10000
same 'fetched' 10000 "$(jq -r 'select(.state == "fetched" and .size_download == 1024) | .index // 0' results.ndjson | wc -l)"
say "fetchd: submitted, fetched, committed and read in about $((SECONDS - began)) s"
