#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# closed_stdio: programs started with closed standard descriptors write nothing into sockets and files that got their
# numbers: fetchctl says that it can't print, and the daemon's lock file stays empty of log lines.
. "$(dirname "$0")/lib.sh"

need jq curl

config
mkdir -p state
(exec "$BUILD/fetchd" -c fetchd.conf --state-dir state --socket sock <&- >&- 2>&-) &
FETCHD=$!
started+=("$FETCHD")
await 20 'fetchd to be ready' fetchd_settled
alive "$FETCHD" || fail 'fetchd ended at its start'

echo http://127.0.0.1:9/ >urls
submit urls
exit_is 1 ctl wait "$batch"
one_result_each 1

timeout 20 "$BUILD/fetchctl" --socket sock results "$batch" >&- 2>err
same 'exit code without standard output' 74 $?
! grep -q '[a-z]' state/lock || fail "log lines in the lock file: $(cat state/lock)"
stop "$FETCHD"
same 'exit code of fetchd' 0 "$status"
