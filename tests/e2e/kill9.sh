#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# kill -9 of the daemon right after the submission was answered, and five times in mid-batch: the batch finishes by itself
# after each restart, every URL gets exactly one result, and no result that was ever shown is lost or changed.

. "$(dirname "$0")/lib.sh"
need jq curl

jobs=6000
start_origin
config '[fetch]' 'max_in_flight = 100' 'max_per_host = 100'
for ((i = 0; i < jobs; i++)); do
	echo "http://127.0.0.$((i % 16 + 1)):$origin/d/80/$((i % 3000))?$i"
done >urls

start_fetchd
submit urls --digest sha256
stop "$FETCHD" KILL
start_fetchd
for kill in 1 2 3 4 5; do
	await 60 "more results before kill $kill" done_at_least $((kill * 600))
	ctl results "$batch" >shown.$kill || fail "results before kill $kill"
	stop "$FETCHD" KILL
	start_fetchd
	[ "$(done_count)" -ge "$(wc -l <shown.$kill)" ] || fail "kill $kill lost results that were shown"
	[ "$(done_count)" -lt $jobs ] || fail "the batch was done before kill $((kill + 1)): no test of anything"
done
exit_is 0 ctl wait "$batch"
one_result_each $jobs
for kill in 1 2 3 4 5; do
	head -n "$(wc -l <shown.$kill)" results.ndjson | cmp -s - shown.$kill || fail "results shown before kill $kill have changed"
done
same 'fetched' $jobs "$(jq -r 'select(.state == "fetched" and .http_code == 200) | .url' results.ndjson | sort -u | wc -l)"
jq -r '"\(.size_download // 0) \(.url | capture("/d/80/(?<n>[0-9]+)").n)"' results.ndjson | awk '$1 != $2' >wrong
[ ! -s wrong ] || fail "bodies of a wrong size: $(head -n 3 wrong)"
say "killed 6 times, $jobs results, one each"
