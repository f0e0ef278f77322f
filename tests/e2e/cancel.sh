#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Cancelling is durable: kill -9 right after the order was confirmed, and the restarted daemon ends the batch as cancelled, one
# result for each URL. Batches share the daemon: a small one behind a huge one is done long before it. Deleting lasts too.

. "$(dirname "$0")/lib.sh"
need jq curl

jobs=50000
start_origin
config '[fetch]' 'max_in_flight = 50'
awk -v n=$jobs -v port="$origin" \
	'BEGIN { for (i = 0; i < n; i++) printf "http://127.0.0.%d:%d/d/50/10?%d\n", i % 16 + 1, port, i }' >urls
head -n 200 urls >few
start_fetchd

submit urls
huge=$batch
await 30 'the first results' done_at_least 50
submit few
exit_is 0 ctl wait "$batch"
small=$batch batch=$huge
[ "$(done_count)" -lt $((jobs / 2)) ] || fail 'the small batch had to wait for half of the huge one'
exit_is 75 ctl delete "$huge"

ctl cancel "$huge" >/dev/null || fail "cancel: exit $?"
stop "$FETCHD" KILL
start_fetchd
exit_is 1 ctl wait "$huge"
one_result_each $jobs
jq -r .state results.ndjson | sort | uniq -c >states
[ "$(awk '$2 == "cancelled" { print $1 }' states)" -gt $((jobs / 2)) ] || fail "states: $(cat states)"
same 'other states' 0 "$(grep -cvE 'cancelled|fetched' states)"

ctl delete "$huge" >/dev/null || fail "delete: exit $?"
stop "$FETCHD" KILL
start_fetchd
exit_is 66 ctl status "$huge"
exit_is 66 ctl results "$huge"
same 'batches' "$small" "$(api /v1/batches | jq -r '.batches[].id')"
batch=$small
one_result_each 200
