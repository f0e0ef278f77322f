# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the end-to-end scenarios share: a folder of their own, real servers on loopback, a private fetchd, waiting, comparing.
#
# A scenario is a bash script that sources this file first. It then stands in an empty folder below $BUILD/e2e; so the socket
# is the short relative path "sock" wherever the tree lies. Everything is started through `start`, which notes the PID, and
# is stopped by that PID when the script ends, however it ends. Exit status: 0 passed, 1 failed (the folder is
# kept and named), 77 skipped. Nothing here sleeps for a time that something is hoped to take: `await` asks again and again.
#
# BUILD=build/release (default) names the programs under test.

set -u
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-build/release}
case $BUILD in /*) ;; *) BUILD=$ROOT/$BUILD ;; esac
NAME=$(basename "$0" .sh)
mkdir -p "$BUILD/e2e"
. "$ROOT/bench/loopback.sh"
WORK=$(mktemp -d "$BUILD/e2e/$NAME.XXXXXX")
cd "$WORK" || exit 1

started=() # PIDs of all that runs
FETCHD=    # PID of the daemon

say()
{
	printf '%s: %s\n' "$NAME" "$*"
}

fail()
{
	printf '%s: FAILED: %s\n' "$NAME" "$*" >&2
	for log in fetchd.log nginx/error.log; do
		[ -s "$log" ] && { echo "--- the end of $log" && tail -n 15 "$log"; } >&2
	done
	exit 1
}

skip()
{
	say "skipped: $*"
	exit 77
}

# need PROGRAM...: skips when one is missing.
need()
{
	for program; do
		command -v "$program" >/dev/null || skip "needs $program"
	done
}

# await SECONDS WHAT COMMAND...: asks until COMMAND succeeds; fails with WHAT when it takes too long.
await()
{
	local until=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		[ "$SECONDS" -lt "$until" ] || fail "waited in vain for $what"
		sleep 0.05
	done
}

gone()
{
	! alive "$1"
}

# start LOG COMMAND...: in the background; the PID is in $!.
start()
{
	local log=$1
	shift
	"$@" >>"$log" 2>&1 </dev/null &
	started+=($!)
}

# stop PID [SIGNAL]: and waits; its exit status is in $status.
status=0
stop()
{
	kill "-${2:-TERM}" "$1" 2>/dev/null
	await 30 "the end of process $1" gone "$1"
	wait "$1" 2>/dev/null
	status=$?
	local pid left=()
	for pid in "${started[@]}"; do
		[ "$pid" = "$1" ] || left+=("$pid")
	done
	started=(${left[@]+"${left[@]}"})
}

# end PID: SIGTERM, SIGKILL after 10 s; its exit status is the result.
end()
{
	local i
	kill -TERM "$1" 2>/dev/null
	for ((i = 0; i < 200; i++)); do
		alive "$1" || break
		sleep 0.05
	done
	kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# A passed scenario fails after all when its daemon doesn't end well: that is where leaks and sanitizers' finds are told.
finish()
{
	local result=$? i pid
	trap - EXIT
	for ((i = ${#started[@]} - 1; i >= 0; i--)); do
		pid=${started[i]}
		end "$pid" || [ "$pid" != "$FETCHD" ] || [ $result != 0 ] || {
			result=1
			echo "$NAME: FAILED: fetchd's exit status at its end was not 0" >&2
			tail -n 30 fetchd.log >&2
		}
	done
	cd "$ROOT" || exit 1
	case $result in
	0 | 77) rm -rf "$WORK" ;;
	*) echo "$NAME: look at $WORK" >&2 ;;
	esac
	exit "$result"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

# ---- comparing ----

# same WHAT EXPECTED ACTUAL
same()
{
	[ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}

# same_file WHAT EXPECTED ACTUAL: files.
same_file()
{
	cmp -s "$2" "$3" && return
	diff "$2" "$3" | head -n 20 >&2
	fail "$1: $2 and $3 differ"
}

# contains WHAT TEXT PATTERN: a case pattern somewhere in TEXT.
contains()
{
	# shellcheck disable=SC2254
	case $2 in
	*$3*) ;;
	*) fail "$1: expected '$3' in '$2'" ;;
	esac
}

# exit_is CODE COMMAND...: its output goes to ./out and ./err.
exit_is()
{
	local want=$1 got
	shift
	"$@" >out 2>err
	got=$?
	[ "$got" = "$want" ] || fail "expected exit $want, got $got from: $* -- $(head -c 300 err)"
}

# ---- servers ----

# start_nginx: serves ./www on $http and $https; extra locations from ./locations.conf when there.
start_nginx()
{
	need nginx openssl
	[ -s leaf.pem ] || certificate . >openssl.log 2>&1 || fail "openssl: $(tail -n 2 openssl.log)"
	mkdir -p www nginx
	touch locations.conf
	for attempt in 1 2 3 4 5; do
		free_port && http=$port
		free_port && https=$port
		[ "$http" != "$https" ] || continue
		nginx_config "$WORK" "$http" "$https" >nginx.conf
		start nginx/out nginx -e nginx/error.log -p "$WORK" -c nginx.conf
		NGINX=$!
		await 10 'nginx' nginx_settled
		alive "$NGINX" && return
	done
	fail "nginx does not start (attempt $attempt)"
}

nginx_settled()
{
	gone "$NGINX" || { listening "$http" && listening "$https"; }
}

# start_origin [ARGUMENTS]: our own test server, on $origin.
start_origin()
{
	: >origin.out
	start origin.out "$BUILD/origin" --port 0 --addrs 16 "$@"
	ORIGIN=$!
	await 10 'the origin' grep -q '^port ' origin.out
	origin=$(sed -n 's/^port //p' origin.out)
}

# ---- the daemon ----

# config LINE...: writes fetchd.conf: loopback allowed, our CA trusted, and these lines after it.
config()
{
	{
		printf '[policy]\nallow = 127.0.0.0/8\n'
		[ ! -s ca.pem ] || printf '[tls]\nca_file = %s/ca.pem\n' "$WORK"
		[ $# = 0 ] || printf '%s\n' "$@"
	} >fetchd.conf
}

# start_fetchd: on ./state and ./sock, when both servers' facts are known; ready on return.
start_fetchd()
{
	[ -s fetchd.conf ] || config
	mkdir -p state
	start fetchd.log "$BUILD/fetchd" -c fetchd.conf --state-dir state --socket sock "$@"
	FETCHD=$!
	await 20 'fetchd to be ready' fetchd_settled
	alive "$FETCHD" || fail 'fetchd ended at its start'
}

fetchd_settled()
{
	gone "$FETCHD" || api /readyz >/dev/null 2>&1
}

# api PATH [CURL ARGUMENTS]: fails on a status of 400 and more.
api()
{
	local path=$1
	shift
	curl -sS --fail --max-time 60 --unix-socket sock "$@" "http://fetchd$path"
}

# code PATH [CURL ARGUMENTS]: the answer's status; its body goes to ./body.
code()
{
	local path=$1
	shift
	curl -sS --max-time 60 --unix-socket sock -o body -w '%{http_code}' "$@" "http://fetchd$path"
}

ctl()
{
	"$BUILD/fetchctl" --socket sock "$@"
}

# submit ARGUMENTS: the batch's id is in $batch.
submit()
{
	batch=$(ctl submit "$@" 2>err) || fail "submit $*: exit $?: $(cat err)"
	case $batch in
	'' | *[!0-9]*) fail "submit printed no id: '$batch'" ;;
	esac
}

# done_count: results of $batch that are committed.
done_count()
{
	api "/v1/batches/$batch" | jq -r '.done'
}

# done_at_least N
done_at_least()
{
	local n
	n=$(done_count) && [ "$n" -ge "$1" ]
}

# one_result_each N: writes results.ndjson of $batch; each index of 0..N-1 is there exactly once.
one_result_each()
{
	ctl results "$batch" >results.ndjson || fail "results $batch: exit $?"
	same 'number of results' "$1" "$(wc -l <results.ndjson)"
	jq -r '.index // 0' results.ndjson | sort -n >indexes
	seq 0 $(($1 - 1)) | cmp -s - indexes || fail "the indexes are not 0..$(($1 - 1)) each once"
}
