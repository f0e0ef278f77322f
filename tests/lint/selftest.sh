#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Each rule of rules.awk, seen to fire on a line that breaks it and to keep quiet about one that
# looks alike.
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir -p tests/lint runtime src/common src/http src/client src/fetchd src/fetchctl
cp "$here"/floors "$here"/words tests/lint/
failures=0

# Lints one file with the given body behind a right first line; prints what the rules say.
lint() { # PATH BODY
	printf '/* SPDX-License-Identifier: MIT */\n%b\n' "$2" >"$1"
	awk -f "$here/rules.awk" tests/lint/floors tests/lint/words "$1"
	status=$?
	rm -f "$1"
	return $status
}

fires() { # PATH BODY TEXT
	local said
	if said=$(lint "$1" "$2") || [[ $said != *"$3"* ]]; then
		echo "did not fire: $1: $2: said: $said"
		failures=$((failures + 1))
	fi
}

quiet() { # PATH BODY
	local said
	if ! said=$(lint "$1" "$2") || [ -n "$said" ]; then
		echo "fired: $1: $2: said: $said"
		failures=$((failures + 1))
	fi
}

repeat() { # N TEXT
	local i
	for ((i = 0; i < $1; i++)); do printf '%s' "$2"; done
}

fires runtime/lock.c '#include "runtime/proc.h"' 'from above'
quiet runtime/proc.c '#include "runtime/lock.h"'
quiet runtime/poll_epoll.c '#include "runtime/stack.h"'
fires runtime/chan.c '#include "src/common/buf.h"' 'from above'
fires runtime/chan.c '#include "lock.h"' 'from the root'
fires runtime/novelty.c 'int x;' 'not in tests/lint/floors'
fires src/http/url.c '#include "runtime/chan.h"' 'may not include'
fires src/http/url.c '#include "src/client/client.h"' 'may not include'
fires src/client/pool.c '#include "src/fetchd/engine.h"' 'may not include'
fires src/fetchctl/main.c '#include "runtime/goroutine.h"' 'may not include'
quiet src/fetchctl/main.c '#include "src/http/url.h"\n#include "runtime/clock.h"'
quiet src/fetchd/engine.c '#include "src/client/client.h"\n#include "runtime/net.h"'

fires src/client/pool.c 'int e = errno;' 'errno has no place'
quiet src/client/pool.c '/* errno */ const char *s = "errno"; // errno'
quiet src/client/pool.c '/* a comment\n * with errno in it */'
quiet runtime/poll_epoll.c 'int e = errno;'
fires src/http/url.c 'static __thread int x;' '__thread has no place'
fires src/http/url.c 'x = time(NULL);' 'time has no place'
quiet src/http/url.c 'x = time + p->time(1) + a.rand();'
fires src/client/dns.c 'x = rand();' 'rand has no place'
fires runtime/net.c 'epoll_ctl(a, b, c, d);' 'epoll_ctl has no place'
fires src/fetchd/engine.c 'go(fn, arg);' 'go has no place'
quiet runtime/conn.c 'go(fn, arg);'

fires src/http/url.c 'int x; ' 'white space'
fires src/http/url.c 'int x;\r' 'carriage return'
fires src/http/url.c '    \tint x;' 'spaces before a tab'
fires src/http/url.c '\n\nint x;' 'two empty lines'
fires src/http/url.c '/* TO''DO */' 'unfinished'
fires src/http/url.c "$(repeat 801 '\n;')" 'the most is 800'
fires src/http/url.c "int f(void)\n{$(repeat 101 '\nx;')\n}" 'the most is 100'
quiet src/http/url.c "int f(void)\n{$(repeat 60 '\nx;')\n}\n\nint g(void)\n{$(repeat 60 '\nx;')\n}"

printf 'int x;\n' >src/http/url.c
awk -f "$here/rules.awk" tests/lint/floors tests/lint/words src/http/url.c | grep -q SPDX ||
	failures=$((failures + 1))

[ $failures = 0 ] || { echo "$failures rules misbehave"; exit 1; }
