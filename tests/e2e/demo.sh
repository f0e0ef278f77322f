#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The demo does what it says, for its own 1,000 URLs and for a list that the user gives, leaves no process behind, and its summary
# counts right.

. "$(dirname "$0")/lib.sh"
need nginx openssl

export BUILD DEMO_DIR=$WORK/demo

# row OUTCOME: how many URLs the summary counts for it.
row()
{
	awk -v outcome="$1" 'index($0, outcome) == 1 { sub(outcome, ""); print $1 }' out
}

exit_is 0 "$ROOT/bench/demo.sh"
same 'all' 1000 "$(row all)"
same '200' 910 "$(row 'fetched, HTTP 200')"
same '404' 40 "$(row 'fetched, HTTP 404')"
same 'refused ports' 15 "$(row 'failed, connect_refused')"
same 'refused addresses' 20 "$(row 'failed, policy_denied')"
same 'loops' 5 "$(row 'failed, redirect_loop')"
for pid in $(cat demo/state/lock demo/nginx/pid 2>/dev/null); do
	await 10 "process $pid of the demo to be gone" gone "$pid"
done
[ ! -e demo/fetchd.sock ] || fail 'the demo left its socket'

printf '# two of ours\nhttp://127.0.0.1:9/\n\nhttp://10.0.0.1/\n' >urls
URLS=$WORK/urls exit_is 0 "$ROOT/bench/demo.sh"
same 'of a list' 2 "$(row all)"
same 'refused by the default policy' 2 "$(row 'failed, policy_denied')"
URLS=$WORK/no-such-file exit_is 1 "$ROOT/bench/demo.sh"
contains 'a missing list' "$(cat err)" no-such-file
