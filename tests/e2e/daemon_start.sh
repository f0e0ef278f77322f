#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# fetchd's command line, what it says at its start, READY=1, a socket handed over by systemd, and the second signal.

. "$(dirname "$0")/lib.sh"
need curl jq

d=$BUILD/fetchd
exit_is 0 "$d" --version
grep -q '^fetchd [0-9]' out || fail "version: $(cat out)"
exit_is 0 "$d" --help
grep -q -- '--check-config' out || fail 'no help'
exit_is 64 "$d" --no-such-option
exit_is 64 "$d" what is this

# --check-config touches nothing.
exit_is 0 "$d" --check-config -c "$ROOT/config/fetchd.conf" --state-dir /nonexistent
contains 'check' "$(cat out)" ': ok'
echo nonsense >bad.conf
exit_is 78 "$d" --check-config -c bad.conf
contains 'check' "$(cat err)" 'bad.conf:1: '

# Sockets that can't be.
mkdir state
long=$(printf '%0150d' 0)
exit_is 74 timeout 20 "$d" --state-dir state --socket "$long"
contains 'a long path' "$(cat err)" 'too long (150 bytes, at most 107)'
exit_is 74 timeout 20 "$d" --state-dir state --socket none/sock
contains 'a missing folder' "$(cat err)" 'there is no folder none'
echo precious >file
exit_is 74 timeout 20 "$d" --state-dir state --socket file
same 'the file' precious "$(cat file)"

# What it chose is said.
config
start_fetchd
grep -q 'limits: max_in_flight=[0-9]* .*descriptors=[0-9]' fetchd.log || fail 'no word about limits'
same 'the limit is raised' "$(ulimit -Hn)" "$(awk '/^Max open files/ { print $4 }' "/proc/$FETCHD/limits")"
same 'mode of the socket' 660 "$(stat -c %a sock)"
stop "$FETCHD"
same 'exit' 0 "$status"
(ulimit -n 400 && exec timeout 20 "$d" -c fetchd.conf --state-dir state --socket sock >few.log 2>&1) &
few=$!
started+=($few)
await 20 'the few descriptors' grep -q 'ready' few.log
grep -q 'limits: max_in_flight=60 ' few.log || fail "400 descriptors: $(cat few.log)"
stop "$few"
(ulimit -n 300 && exec timeout 20 "$d" -c fetchd.conf --state-dir state --socket sock >few.log 2>&1)
same 'exit with 300 descriptors' 71 $?

# A second signal ends it at once although a request holds the first one up.
start_origin
config '[daemon]' 'shutdown_grace = 1h'
start_fetchd
echo "http://127.0.0.1:$origin/d/3600000/1" >urls
submit urls
in_flight()
{
	[ "$(api "/v1/batches/$batch" | jq .in_flight)" = 1 ]
}
await 10 'the request' in_flight
kill -TERM "$FETCHD"
await 10 'the first signal' grep -q 'stopping, requests under way get 3600s' fetchd.log
alive "$FETCHD" || fail 'the first signal ended it at once'
stop "$FETCHD" TERM
same 'killed by the second' 143 "$status"

# systemd's side: a socket of its making, and READY=1 to its own.
need systemd-socket-activate
config
start activate.log systemd-socket-activate -l "$WORK/handed" "$d" -c fetchd.conf --state-dir state
FETCHD=$!
await 10 'the handed socket' test -S handed
await 20 'an answer over it' curl -sS --fail --unix-socket handed http://fetchd/readyz
stop "$FETCHD"
same 'exit' 0 "$status"
[ -S handed ] || fail "systemd's socket was removed"
