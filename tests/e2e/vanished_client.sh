#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Clients that vanish: a submission cut off in the middle leaves no batch, nor does one without its end; a reader killed in
# mid-stream and clients that connect and say nothing harm nobody.

. "$(dirname "$0")/lib.sh"
need jq curl

start_origin
config '[fetch]' 'max_in_flight = 50' 'max_per_host = 50'
start_fetchd

# A submission whose writer is killed after 20,000 good lines were sent, before the end of the body.
mkfifo pipe
start upload.log curl -sS --unix-socket sock -T pipe -X POST -H 'Content-Type: text/plain' http://fetchd/v1/batches
uploader=$!
exec 3>pipe
for ((i = 0; i < 20000; i++)); do
	echo "http://127.0.0.1:$origin/b/100?$i"
done >&3
stop "$uploader" KILL
exec 3>&-

no_batch()
{
	[ "$(api /v1/batches | jq '.batches | length')" = 0 ]
}
await 10 'the cut submission to leave no batch' no_batch

# Content-Length promises more than comes.
start short.log curl -vsS --unix-socket sock -X POST -H "Content-Length: 1000000" -H "Content-Type: text/plain" \
	--data-binary "http://127.0.0.1:9/" http://fetchd/v1/batches
short=$!
await 10 "the short submission to be sent" grep -q "^> Content-Length: 1000000" short.log
stop "$short" KILL
await 10 'the short submission to leave no batch' no_batch

# Readers killed in mid-stream while the batch goes on.
for ((i = 0; i < 3000; i++)); do
	echo "http://127.0.0.$((i % 16 + 1)):$origin/d/20/100?$i"
done >urls
submit urls
has_lines()
{
	[ "$(wc -l <"$1" 2>/dev/null)" -ge "$2" ]
}
for reader in 1 2 3; do
	start "follow.$reader" curl -sSN --unix-socket sock "http://fetchd/v1/batches/$batch/results?follow=1"
	follower=$!
	await 30 "lines for reader $reader" has_lines "follow.$reader" $((reader * 100))
	stop "$follower" KILL
done
start follow.ctl "$BUILD/fetchctl" --socket sock wait "$batch"
stop $! KILL

# A reader that doesn't read: stopped while the daemon streams to it.
start follow.slow curl -sSN --unix-socket sock "http://fetchd/v1/batches/$batch/results?follow=1"
slow=$!
kill -STOP "$slow"
exit_is 0 ctl wait "$batch"
kill -CONT "$slow"
await 30 'the slow reader to get everything' gone "$slow"
same 'lines of the slow reader' 3000 "$(wc -l <follow.slow)"
one_result_each 3000
alive "$FETCHD" || fail 'fetchd ended'
