#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Each header of runtime/ that users include opens with an essay of at most 20 lines and an example, and the example compiles as it
# stands there, inside what fixtures/essays.c puts around it. "..." in an example is where its reader's own code goes.
set -u
cd "$(dirname "$0")/../.."

flags='-std=gnu11 -D_GNU_SOURCE= -I. -Wall -Wextra -Wno-unused -Wno-unused-parameter -Wno-implicit-fallthrough -Werror -fsyntax-only'
around=tests/runtime/fixtures/essays.c
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/example"
failed=0

complain() { # MESSAGE
	echo "$1" && failed=$((failed + 1))
}

# What stands on floors 2 and 3, but for what says that it is internal; goroutine.h and label.h too.
public_headers() {
	local stem
	for stem in goroutine label $(awk '$1 == 2 || $1 == 3 { $1 = ""; print }' tests/lint/floors); do
		[ -e "runtime/$stem.h" ] && ! grep -q 'Internal to runtime/' "runtime/$stem.h" && echo "$stem"
	done
}

essay() { # STEM: the comment at the head, without its example
	sed -n '2,/\*\//p' "runtime/$1.h" | grep -v "^ \*	" | grep -c '^ \* '
}

example() { # STEM
	sed -n '2,/\*\//s/^ \*	//p' "runtime/$1.h" | sed 's/\.\.\./(void)0;/g'
}

for stem in $(public_headers); do
	[ "$(essay "$stem")" -le 20 ] || complain "runtime/$stem.h: the essay has more than 20 lines"
	example "$stem" >"$dir/example/$stem"
	[ -s "$dir/example/$stem" ] || complain "runtime/$stem.h: the essay has no example"
	grep -q "\"example/$stem\"" $around || complain "$around: nothing around the example of runtime/$stem.h"
done
for compiler in ${CC:-gcc clang-14}; do
	command -v "$compiler" >/dev/null || continue
	$compiler $flags -iquote "$dir" $around || complain "$compiler: an example doesn't compile"
	echo "$compiler: $(ls "$dir/example" | wc -l) examples"
done
[ $failed = 0 ]
