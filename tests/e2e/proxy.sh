#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Through real proxies: squid (absolute form, CONNECT, Basic) and microsocks (SOCKS5 by address and by name, password), http and https
# each. What they refuse, what they can't reach, what they want a password for; that no address goes past the policy by way of
# them, no password on to an origin, and that thousands of answers over shared connections all go to their own requests.

. "$(dirname "$0")/lib.sh"
need nginx openssl jq curl squid microsocks setpriv

# squid doesn't run as root, and its user may not look into our folder: it has one of its own.
SQUID_DIR=$(mktemp -d /tmp/fetchd-squid.XXXXXX)
trap 'result=$?; rm -rf "$SQUID_DIR"; (exit "$result"); finish' EXIT
as_squid=()
if [ "$(id -u)" = 0 ]; then
	chown proxy: "$SQUID_DIR"
	as_squid=(setpriv --reuid=proxy --regid=proxy --clear-groups)
fi

# start_squid: for anybody on $open, for who knows the password on $closed.
start_squid()
{
	local attempt
	printf 'user:%s\n' "$(openssl passwd -apr1 'pass:word')" >"$SQUID_DIR/passwd"
	printf '127.0.0.1 known-to-squid.test localhost\n' >"$SQUID_DIR/hosts"
	for attempt in 1 2 3 4 5; do
		free_port && open=$port
		free_port && closed=$port
		[ "$open" != "$closed" ] || continue
		cat >"$SQUID_DIR/squid.conf" <<CONF
http_port 127.0.0.1:$open name=open
http_port 127.0.0.1:$closed name=closed
visible_hostname localhost
hosts_file $SQUID_DIR/hosts
auth_param basic program /usr/lib/squid/basic_ncsa_auth $SQUID_DIR/passwd
auth_param basic children 1
auth_param basic realm squid
acl open myportname open
acl barred dst 127.9.9.9
acl known proxy_auth REQUIRED
http_access deny barred
http_access allow open
http_access allow known
http_access deny all
cache deny all
cache_mem 1 MB
access_log stdio:$SQUID_DIR/access.log
cache_log $SQUID_DIR/cache.log
pid_filename none
coredump_dir $SQUID_DIR
netdb_filename none
pinger_enable off
max_filedescriptors 1024
shutdown_lifetime 0 seconds
CONF
		chmod -R a+rX "$SQUID_DIR"
		start squid.log "${as_squid[@]}" squid -N -f "$SQUID_DIR/squid.conf"
		SQUID=$!
		await 30 'squid' squid_settled
		alive "$SQUID" && return
	done
	fail "squid does not start ($attempt): $(tail -n 3 squid.log "$SQUID_DIR/cache.log" 2>&1)"
}

squid_settled()
{
	gone "$SQUID" || { listening "$open" && listening "$closed"; }
}

# start_socks LOG ARGUMENTS: its port is in $port.
start_socks()
{
	local log=$1 attempt pid
	shift
	for attempt in 1 2 3 4 5; do
		free_port
		start "$log" microsocks -i 127.0.0.1 -p "$port" "$@"
		pid=$!
		await 10 'microsocks' socks_settled "$pid"
		alive "$pid" && return
	done
	fail "microsocks does not start ($attempt): $(tail -n 3 "$log")"
}

socks_settled()
{
	gone "$1" || listening "$port"
}

# through PROXY [LINE...]: a daemon with that proxy, which has a password perhaps.
through()
{
	local proxy=$1
	shift
	[ -z "$FETCHD" ] || stop "$FETCHD"
	config '[proxy]' "all = $proxy" "$@"
	chmod o-r fetchd.conf
	start_fetchd
}

# expect WHAT: ./urls have "URL outcome" lines; what became of each has to be that.
expect()
{
	awk '{ print $1 }' urls >asked
	submit asked
	ctl wait "$batch" >/dev/null 2>&1
	one_result_each "$(wc -l <asked)"
	jq -r '"\(.index // 0) \(.error // .http_code)"' results.ndjson | sort -n >actual
	awk '{ print NR - 1, $2 }' urls >expected
	same_file "$1" expected actual
}

# What an origin gets to see of passwords: nothing, so a bar and a line's end.
echo 'location = /seen { return 200 "$http_proxy_authorization|$http_authorization\n"; }' >locations.conf
start_nginx
echo hello >www/hello.txt
start_origin
start_squid
plain=http://127.0.0.1:$http secure=https://localhost:$https

cat >good <<URLS
$plain/hello.txt 200
$secure/hello.txt 200
$plain/none 404
$secure/none 404
$plain/redirect/hello.txt 200
$plain/to-https/hello.txt 200
http://localhost:$http/hello.txt 200
$plain/seen 200
$secure/seen 200
http://10.0.0.1/ policy_denied
https://10.0.0.1/ policy_denied
http://[::ffff:10.0.0.1]/ policy_denied
URLS

# ---- squid ----

through "http://127.0.0.1:$open"
{
	cat good
	echo "http://known-to-squid.test:$http/hello.txt 200"
	echo "http://127.9.9.9:$http/ 403"
	echo "https://127.9.9.9:$https/ proxy_refused"
	echo 'http://127.0.0.1:1/ 503'
	echo 'https://127.0.0.1:1/ proxy_connect'
} >urls
expect 'through squid'
same 'a proxy was used' 14 "$(jq -s '[.[] | select(.proxy_used)] | length - 3' results.ndjson)"
same 'what origins saw' '2 2' "$(jq -r 'select(.url | endswith("/seen")) | .size_download' results.ndjson | xargs)"
same 'whom answers came from' "$open" "$(jq -r 'select(.index == 1) | .remote_port' results.ndjson)"
contains 'squid' "$(cat "$SQUID_DIR/access.log")" "GET $plain/hello.txt"
stop "$FETCHD" # squid tells of a tunnel when it ends
FETCHD=
await 10 "squid's word of a tunnel" grep -q "CONNECT localhost:$https" "$SQUID_DIR/access.log"
! grep -q '10\.0\.0\.1' "$SQUID_DIR/access.log" || fail 'squid was asked for what policy refuses'

through "http://user:pass%3Aword@127.0.0.1:$closed"
cp good urls
expect 'through squid with a password'
same 'what origins saw' '2 2' "$(jq -r 'select(.url | endswith("/seen")) | .size_download' results.ndjson | xargs)"
! grep -q 'pass:word\|pass%3Aword' fetchd.log results.ndjson || fail 'the password was told'

printf '%s proxy_auth\n' "$plain/hello.txt" "$secure/hello.txt" >urls
through "http://user:wrong@127.0.0.1:$closed"
expect 'through squid with a wrong password'
through "http://127.0.0.1:$closed"
expect 'through squid without a password'

# ---- microsocks ----

start_socks socks.log
free=$port
start_socks socks_auth.log -u user -P 'pass:word'
asking=$port

through "socks5://127.0.0.1:$free"
{
	cat good
	echo 'http://127.0.0.1:1/ proxy_connect'
	echo 'https://127.0.0.1:1/ proxy_connect'
} >urls
expect 'through SOCKS5'
same 'what origins saw' '2 2' "$(jq -r 'select(.url | endswith("/seen")) | .size_download' results.ndjson | xargs)"
! grep -q 'localhost:' socks.log || fail 'microsocks was given a name'
through "socks5h://127.0.0.1:$free"
expect 'through SOCKS5 that resolves'
contains 'microsocks' "$(cat socks.log)" "connected to localhost:$https"
! grep -q '10\.0\.0\.1' socks.log || fail 'microsocks was asked for what policy refuses'

cp good urls
through "socks5h://user:pass%3Aword@127.0.0.1:$asking"
expect 'through SOCKS5 with a password'
printf '%s proxy_auth\n' "$plain/hello.txt" "$secure/hello.txt" >urls
through "socks5://user:wrong@127.0.0.1:$asking"
expect 'through SOCKS5 with a wrong password'
through "socks5://127.0.0.1:$asking"
expect 'through SOCKS5 without a password'

# ---- which proxy ----

free_port # nobody is there
through "http://127.0.0.1:$port" "https = http://127.0.0.1:$open" 'no_proxy = 127.0.0.0/8'
printf '%s\n' "$plain/hello.txt 200" "$secure/hello.txt 200" "http://localhost:$http/ proxy_unreachable" >urls
expect 'which proxy'
same 'which proxy' 'null true' "$(jq -r 'select((.index // 0) < 2) | .proxy_used' results.ndjson | xargs)"

# ---- many ----

# Each URL has a size of its own, on one of 16 origins.
for ((i = 0; i < 2000; i++)); do
	echo "http://127.0.0.$((1 + i % 16)):$origin/b/$((i + 1))"
done >many
for proxy in "http://127.0.0.1:$open" "socks5h://127.0.0.1:$free"; do
	through "$proxy"
	submit many
	ctl wait "$batch" >/dev/null 2>&1
	one_result_each 2000
	jq -r 'select(.http_code != 200 or .size_download != (.index // 0) + 1) | "\(.index) \(.error)"' results.ndjson >wrong
	[ ! -s wrong ] || fail "$proxy: answers that aren't right: $(head -n 3 wrong)"
done
exit_is 0 timeout 60 "$BUILD/fetchbench" --url "http://127.0.0.1:$origin/b/1000" --n 2000 --c 20 --proxy "http://127.0.0.1:$open"
same 'connections to the proxy' true "$(jq '.dials <= 40' out)"
exit_is 0 timeout 60 "$BUILD/fetchbench" --url "http://127.0.0.1:$origin/b/1000" --n 2000 --c 20 --proxy "socks5://127.0.0.1:$free"
exit_is 1 timeout 60 "$BUILD/fetchbench" --url 'https://127.0.0.1:1/' --n 1 --c 1 --proxy "http://127.0.0.1:$open"
contains 'failures by name' "$(cat err)" 'proxy_connect: 1'
exit_is 70 "$BUILD/fetchbench" --url 'http://127.0.0.1/' --n 1 --c 1 --proxy "https://127.0.0.1"
