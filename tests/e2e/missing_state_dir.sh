#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A state folder that is missing, no folder, or not writable: exit 73 and a message that names it. fetchd never makes one up:
# a typing error must not start an empty daemon beside the real one.

. "$(dirname "$0")/lib.sh"

refused()
{
	exit_is 73 timeout 20 "$BUILD/fetchd" --state-dir "$1" --socket sock
	contains "state folder $1" "$(cat err)" "$1"
	[ ! -e sock ] || fail "state folder $1: the socket was made"
}

refused "$WORK/no/such/folder"
[ ! -e no ] || fail 'the missing folder was made'
echo 'no folder' >file
refused "$WORK/file"
if [ "$(id -u)" != 0 ]; then
	mkdir -m 555 readonly
	refused "$WORK/readonly"
fi
