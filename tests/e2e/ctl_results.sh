#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# fetchctl results: what there is now, the rest later, and a --follow that is as complete as ever although the daemon is killed twice while
# it runs.

. "$(dirname "$0")/lib.sh"
need jq curl

start_origin
config '[fetch]' 'max_in_flight = 40' 'max_per_host = 40'
start_fetchd
base=http://127.0.0.1:$origin

for ((i = 0; i < 4000; i++)); do
	echo "$base/d/20/10?$i"
done >urls
submit urls
start followed "$BUILD/fetchctl" --socket sock results --follow "$batch"
follower=$!
lines()
{
	[ "$(wc -l <followed)" -ge "$1" ]
}
for round in 1 2; do
	await 60 "results of round $round" lines $((round * 800))
	stop "$FETCHD" KILL
	start_fetchd
done
await 60 'the end of --follow' gone "$follower"
wait "$follower"
same 'exit of --follow' 0 $?

# The daemon's words about the restart went to stderr, which `start` puts into the same file.
grep -v '^fetchctl: the daemon is ' followed >lines
same 'results' 4000 "$(wc -l <lines)"
jq -r .index lines | sort -n | cmp -s - <(seq 0 3999) || fail 'not each index once'
ctl results "$batch" >again || fail 'results'
same_file 'the same as asked for afterwards' again lines

ctl results --after 3990 "$batch" >rest || fail 'results --after'
tail -n 10 again | cmp -s - rest || fail '--after 3990 is not the last ten'
exit_is 0 ctl results --after 4000 "$batch"
same 'after the last' '' "$(cat out)"

exit_is 66 ctl results 999
exit_is 64 ctl results --after some "$batch"
exit_is 74 bash -c "'$BUILD/fetchctl' --socket sock results $batch >/dev/full"
contains 'a full disk' "$(cat err)" 'standard output'

# Who stops reading stops it, quietly.
"$BUILD/fetchctl" --socket sock results "$batch" 2>err | head -n 1 >first
same 'the first line' "$(head -n 1 again)" "$(cat first)"
same 'no complaint' '' "$(cat err)"
