#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# SIGTERM in mid-batch: fetchd ends with exit 0, its socket gone; the next start resumes and every URL gets exactly one result.
# Requests that outlast the grace period don't keep it from ending.

. "$(dirname "$0")/lib.sh"
need jq curl

jobs=3000
start_origin
config '[fetch]' 'max_in_flight = 100' 'max_per_host = 100' '[daemon]' 'shutdown_grace = 1s'
{
	for ((i = 0; i < jobs - 10; i++)); do
		echo "http://127.0.0.$((i % 16 + 1)):$origin/d/50/100?$i"
	done
	# Ten that are still waiting when the grace period is over.
	for ((i = 0; i < 10; i++)); do
		echo "http://127.0.0.$((i % 16 + 1)):$origin/d/8000/100?slow$i"
	done
} | sort -t '?' -k 2 -r >urls

start_fetchd
submit urls
for round in 1 2; do
	await 60 "results in round $round" done_at_least $((round * 700))
	ctl results "$batch" >shown || fail 'results'
	stop "$FETCHD"
	same "exit after SIGTERM in round $round" 0 "$status"
	[ ! -e sock ] || fail 'the socket is still there'
	start_fetchd
	[ "$(done_count)" -ge "$(wc -l <shown)" ] || fail 'results that were shown are gone'
done
exit_is 0 ctl wait "$batch"
one_result_each $jobs
head -n "$(wc -l <shown)" results.ndjson | cmp -s - shown || fail 'results that were shown have changed'

stop "$FETCHD" INT
same 'exit after SIGINT' 0 "$status"
