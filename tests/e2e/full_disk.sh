#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The disk below the state folder (a tmpfs in a mount namespace of our own) fills up in mid-batch: the daemon stays up, says what it
# waits for, refuses new batches with exit 75, and finishes the batch by itself once there is room: one result for each URL.

if [ -z "${FULL_DISK_NAMESPACE:-}" ]; then
	export FULL_DISK_NAMESPACE=1
	for how in -m -rm; do
		unshare $how true 2>/dev/null && exec unshare $how "$0" "$@"
	done
	unset FULL_DISK_NAMESPACE
fi

. "$(dirname "$0")/lib.sh"
[ -n "${FULL_DISK_NAMESPACE:-}" ] || skip 'no mount namespace is permitted here'
need jq curl

mkdir state
mount -t tmpfs -o size=24m tmpfs state 2>mount.err || skip "no tmpfs here: $(cat mount.err)"

jobs=20000
start_origin
config '[fetch]' 'max_in_flight = 200' 'max_per_host = 200'
for ((i = 0; i < jobs; i++)); do
	echo "http://127.0.0.$((i % 16 + 1)):$origin/d/50/100?$i"
done >urls
start_fetchd
submit urls
await 60 'the first results' done_at_least 500
cat /dev/zero >state/ballast 2>/dev/null

waits_for_disk()
{
	api "/v1/batches/$batch" | jq -r '.waits_for // ""' | grep -q disk
}
await 60 'the daemon to say that it waits for disk space' waits_for_disk
alive "$FETCHD" || fail 'fetchd ended on a full disk'
before=$(done_count)
[ "$before" -lt $jobs ] || fail 'the batch was done before the disk was full: no test of anything'

exit_is 75 ctl submit urls
grep -qiE 'full|space' err || fail "a submission to a full disk: $(cat err)"
same 'batches on a full disk' 1 "$(api /v1/batches | jq '.batches | length')"
ctl results "$batch" >shown || fail 'results on a full disk'

rm state/ballast
exit_is 0 timeout 120 "$BUILD/fetchctl" --socket sock wait "$batch"
one_result_each $jobs
head -n "$(wc -l <shown)" results.ndjson | cmp -s - shown || fail 'results that were shown have changed'
submit urls
say "$before of $jobs done when the disk was full; all after it had room again"
stop "$FETCHD"
stop "$ORIGIN"
umount state
