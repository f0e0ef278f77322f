#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the channel macros must refuse. Each program of nocompile/ compiles as it is (so that nothing else is wrong with it) and,
# with -DWRONG, fails with the message that its "expect:" line names. CC: one compiler; default: gcc and clang-14, those there are.
set -u
cd "$(dirname "$0")/../.."

flags='-std=gnu11 -D_GNU_SOURCE= -I. -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wvla -Werror'
failed=0

complain() { # MESSAGE
	echo "$1" && failed=$((failed + 1))
}

check() { # COMPILER PROGRAM
	local expect errors
	expect=$(sed -n 's/^ \* expect: //p' "$2")
	errors=$($1 $flags -c -o /dev/null "$2" 2>&1) || complain "$1 $2: should compile: $errors"
	if errors=$($1 $flags -DWRONG -c -o /dev/null "$2" 2>&1); then
		complain "$1 -DWRONG $2: compiled"
	elif [ -z "$expect" ] || ! grep -qE "error: .*($expect)|($expect).*Werror" <<<"$errors"; then
		complain "$1 -DWRONG $2: expected '$expect' in: $errors"
	fi
}

programs=(tests/runtime/nocompile/*.c)
for compiler in ${CC:-gcc clang-14}; do
	command -v "$compiler" >/dev/null || continue
	for program in "${programs[@]}"; do
		check "$compiler" "$program"
	done
	echo "$compiler: ${#programs[@]} programs"
done
[ $failed = 0 ]
