#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A second daemon on the same state folder is refused (exit 73), also when it comes with a socket of its own; and one on the same
# socket doesn't take it away. The first goes on undisturbed; once it is gone, the next one starts although socket and lock
# files were left by a kill -9.

. "$(dirname "$0")/lib.sh"
need jq curl

start_fetchd
exit_is 73 timeout 20 "$BUILD/fetchd" -c fetchd.conf --state-dir state --socket other
contains 'a second daemon' "$(cat err)" state
[ ! -e other ] || fail 'the second daemon left its socket'

mkdir state2
timeout 20 "$BUILD/fetchd" -c fetchd.conf --state-dir state2 --socket sock >out 2>err
case $? in
0 | 124) fail 'a second daemon took the socket of the first' ;;
esac
contains 'a socket in use' "$(cat err)" sock

echo http://127.0.0.1:9/ >urls
submit urls
exit_is 1 ctl wait "$batch"
one_result_each 1

stop "$FETCHD" KILL
[ -S sock ] || fail 'expected a stale socket after kill -9'
exit_is 69 ctl status
contains 'no daemon' "$(cat err)" sock
start_fetchd
one_result_each 1
