#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# fetchctl submit: its input in every form, its output, and its errors by name; list, status, cancel and delete of what was submitted.

. "$(dirname "$0")/lib.sh"
need jq curl

start_origin
start_fetchd
base=http://127.0.0.1:$origin

# The number alone on standard output, nothing on stderr.
echo "$base/b/10" >urls
exit_is 0 ctl submit urls
grep -qx '[0-9]*' out || fail "more than a number: $(cat out)"
same 'stderr' '' "$(cat err)"
exit_is 0 ctl submit --json urls
same 'as JSON' 1 "$(jq -r .jobs out)"
FETCHD_SOCKET=sock "$BUILD/fetchctl" submit urls >out || fail 'the socket from the environment'

# NDJSON by its name or by --format; what the option says wins over the name.
printf '{"url":"%s","tag":"x"}\n' "$base/b/10" >jobs.ndjson
submit jobs.ndjson
cp jobs.ndjson jobs
submit --format ndjson jobs
exit_is 0 ctl wait "$batch"
same 'its tag' x "$(ctl results "$batch" | jq -r .tag)"
exit_is 65 ctl submit --format text jobs.ndjson
contains 'NDJSON as text' "$(cat err)" 'line 1 of jobs.ndjson is no URL'
exit_is 64 ctl submit --format xml jobs

# Bad lines are named as a person would.
printf '%s\nnonsense\n' "$base/b/10" >bad
exit_is 65 ctl submit bad
contains 'a bad line' "$(cat err)" 'fetchctl: line 2 of bad is no URL: '
exit_is 65 bash -c "'$BUILD/fetchctl' --socket sock submit - <bad"
contains 'a bad line of stdin' "$(cat err)" 'line 2 of standard input is no URL'
printf '{"url":17}\n' >bad.jsonl
exit_is 65 ctl submit bad.jsonl
contains 'a bad job' "$(cat err)" 'line 1 of bad.jsonl is no job'
exit_is 64 ctl submit --digest md5 urls
contains 'a bad option' "$(cat err)" 'md5'
exit_is 66 ctl submit .
contains 'a folder' "$(cat err)" 'is a folder'

# A refusal in the middle of a long upload that nothing ends.
before=$(api /v1/batches | jq '.batches | length')
exit_is 65 bash -c "{ echo nonsense; yes '$base/b/10'; } | '$BUILD/fetchctl' --socket sock submit -"
contains 'refused early' "$(cat err)" 'line 1 of standard input'
same 'batches' "$before" "$(api /v1/batches | jq '.batches | length')"

# No line at all: a batch that is done.
submit /dev/null
exit_is 0 ctl wait "$batch"
exit_is 0 ctl status "$batch"
grep -qx 'state *done' out || fail "status of the empty batch: $(cat out)"

# Lists.
exit_is 0 ctl list
grep -q '^ *1  done  *1  *1  *1  *0  20' out || fail "the list: $(cat out)"
exit_is 0 ctl status
head -n 1 out | grep -q '^ *ID  STATE' || fail "status without a number: $(cat out)"
exit_is 0 ctl list --json
same 'the list as JSON' 1 "$(jq '.batches[0].id' out)"

# Cancel, then delete.
yes "$base/d/10000/1" | head -n 2000 >slow
submit slow
exit_is 75 ctl delete "$batch"
contains 'delete of a running batch' "$(cat err)" 'still runs'
exit_is 0 ctl cancel "$batch"
same 'cancel says nothing' '' "$(cat out)$(cat err)"
exit_is 1 ctl wait "$batch"
contains 'the closing line' "$(cat err)" cancelled
exit_is 0 ctl delete "$batch" 1
exit_is 66 ctl status "$batch"
exit_is 66 ctl delete "$batch"
exit_is 66 ctl cancel 12345

# Who may not.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	place=$(mktemp -d) && chmod 0755 "$place"
	cp "$BUILD/fetchctl" "$place" && ln sock "$place/sock" 2>/dev/null &&
		exit_is 77 setpriv --reuid=65534 --regid=65534 --clear-groups "$place/fetchctl" --socket "$place/sock" list
	rm -rf "$place"
fi

# Versions.
exit_is 0 ctl version
grep -q '^fetchd  *[0-9]' out || fail "version: $(cat out)"
stop "$FETCHD"
exit_is 69 ctl version
contains 'no daemon' "$(cat err)" 'no daemon at sock; start fetchd'
