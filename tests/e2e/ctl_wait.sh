#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# fetchctl wait: its exit codes, plain lines and bar, --timeout, and that it lives through a restart of the daemon.

. "$(dirname "$0")/lib.sh"
need jq curl

start_origin
config '[fetch]' 'max_in_flight = 50' 'max_per_host = 50' '[daemon]' 'shutdown_grace = 0'
start_fetchd
base=http://127.0.0.1:$origin

# All fetched: 0, also when the status is an error of HTTP. Some failed: 1.
printf '%s\n' "$base/b/10" "$base/status/404" >good
submit good
exit_is 0 ctl wait "$batch"
contains 'the closing line' "$(cat err)" "batch $batch: 2 fetched, 0 failed"
same 'standard output' '' "$(cat out)"
printf '%s\n' "$base/b/10" http://127.0.0.1:9/ >mixed
submit mixed
exit_is 1 ctl wait "$batch"
contains 'the closing line' "$(cat err)" "batch $batch: 1 fetched, 1 failed"
exit_is 1 ctl wait --json "$batch"
same 'the JSON' "$batch done" "$(jq -r '"\(.id) \(.state)"' out)"

# Elsewhere than on a terminal: plain lines, no control characters.
yes "$base/d/300/10" | head -n 100 >slow
submit slow
exit_is 0 ctl wait "$batch"
grep -q "^batch $batch: [0-9]*/100 " err || fail "no plain line: $(cat err)"
grep -q $'\033' err && fail 'a control sequence in a pipe'

# On a terminal: a bar.
if command -v script >/dev/null; then
	submit slow
	script -qec "stty cols 70; '$BUILD/fetchctl' --socket sock wait $batch" typescript >/dev/null </dev/null || fail 'wait on a terminal'
	grep -q $'\r\033\\[K\\[#*-*\\] [0-9]*/100 ' typescript || fail "no bar: $(cat -v typescript)"
	tr '\r' '\n' <typescript | grep -q "batch $batch: 100 fetched" || fail "no closing line: $(cat -v typescript)"
fi

# --timeout: 75, and the batch goes on.
yes "$base/d/3000/10" | head -n 10 >slower
submit slower
exit_is 75 ctl wait --timeout 100ms "$batch"
contains 'the time is over' "$(cat err)" 'the batch goes on'
same 'the batch' running "$(api "/v1/batches/$batch" | jq -r .state)"
exit_is 64 ctl wait --timeout soon "$batch"

# A restart in between.
start wait.log "$BUILD/fetchctl" --socket sock wait "$batch"
waiter=$!
await 10 'the first line' grep -q '0/10' wait.log
stop "$FETCHD" KILL
await 10 'a word about the absence' grep -q 'the daemon is gone' wait.log
start_fetchd
await 30 'the end of wait' gone "$waiter"
wait "$waiter"
same 'exit of wait' 0 $?
grep -q 'the daemon is back' wait.log || fail "no word about the return: $(cat wait.log)"

# What is not there.
exit_is 66 ctl wait 999
contains 'no such batch' "$(cat err)" 'batch 999'
exit_is 64 ctl wait first
exit_is 64 ctl wait
stop "$FETCHD"
exit_is 69 ctl wait 1
