#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A configuration with an error is refused with exit 78 before anything is touched; the message names file, line and key.

. "$(dirname "$0")/lib.sh"

mkdir state

# refused WHAT LINE TEXT: fetchd.conf from standard input is refused, naming its line and TEXT.
refused()
{
	cat >fetchd.conf
	exit_is 78 timeout 20 "$BUILD/fetchd" -c fetchd.conf --state-dir state --socket sock
	contains "$1" "$(cat err)" "fetchd.conf:$2"
	contains "$1" "$(cat err)" "$3"
	[ -z "$(ls state)" ] || fail "$1: the state folder was touched"
	[ ! -e sock ] || fail "$1: the socket was made"
}

refused 'an unknown key' 2 max_in_flite <<'CONF'
[fetch]
max_in_flite = 100
CONF
refused 'an unknown section' 4 fetsch <<'CONF'
# a comment
[fetch]
max_in_flight = 100
[fetsch]
max_in_flight = 100
CONF
refused 'a number that is none' 2 max_in_flight <<'CONF'
[fetch]
max_in_flight = many
CONF
refused 'an address that is none' 3 127.0.0.0/99 <<'CONF'

[policy]
allow = 10.0.0.0/8, 127.0.0.0/99
CONF
refused 'a line that is none' 2 '' <<'CONF'
[fetch]
what is this
CONF

# What names no line.
exit_is 78 timeout 20 "$BUILD/fetchd" -c no-such-file --state-dir state --socket sock
contains 'a missing file' "$(cat err)" no-such-file
printf '[tls]\nca_file = /no/such/ca.pem\n' >fetchd.conf
exit_is 78 timeout 20 "$BUILD/fetchd" -c fetchd.conf --state-dir state --socket sock
contains 'a missing CA file' "$(cat err)" /no/such/ca.pem
exit_is 64 timeout 20 "$BUILD/fetchd" --no-such-option
