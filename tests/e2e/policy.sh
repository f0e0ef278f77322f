#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The address policy: by default nothing internal is reachable, in whatever spelling, by whatever name, also behind a redirect; `allow`
# opens and `deny` closes again. The server's own log shows that nothing came.

. "$(dirname "$0")/lib.sh"
need nginx openssl jq curl

echo "access_log nginx/access.log; location = /away { return 302 http://169.254.169.254/latest/meta-data/; }
location = /to-localhost { return 302 http://localhost:1/; }" >locations.conf
start_nginx
echo hello >www/hello.txt

# outcomes FILE: what became of each line, as "index error-or-status".
outcomes()
{
	submit "$1"
	ctl wait "$batch" >/dev/null 2>&1
	one_result_each "$(wc -l <"$1")"
	jq -r '"\(.index // 0) \(.error // .http_code)"' results.ndjson | sort -n
}

: >fetchd.conf
echo '# all defaults' >fetchd.conf
start_fetchd
cat >refused <<URLS
http://127.0.0.1:$http/hello.txt
https://127.0.0.1:$https/hello.txt
http://localhost:$http/hello.txt
http://127.1:$http/hello.txt
http://0x7f000001:$http/hello.txt
http://2130706433:$http/hello.txt
http://0177.0.0.1:$http/hello.txt
http://127.255.255.254:$http/hello.txt
http://0.0.0.0:$http/hello.txt
http://[::1]:$http/hello.txt
http://[::]:$http/hello.txt
http://[::ffff:127.0.0.1]:$http/hello.txt
http://[::ffff:7f00:1]:$http/hello.txt
http://[64:ff9b::7f00:1]:$http/hello.txt
http://[2002:7f00:1::]:$http/hello.txt
http://[fe80::1]:$http/hello.txt
http://[fc00::1]:$http/hello.txt
http://[ff02::1]:$http/hello.txt
http://169.254.169.254/latest/meta-data/
http://10.0.0.1/
http://172.16.0.1/
http://172.31.255.255/
http://192.168.1.1/
http://100.64.0.1/
http://224.0.0.1/
http://255.255.255.255/
http://240.0.0.1/
http://192.0.2.1/
http://user:password@127.0.0.1:$http/hello.txt
URLS
outcomes refused >actual
awk '{ print NR - 1, "policy_denied" }' refused >expected
same_file 'the default policy' expected actual
[ ! -s nginx/access.log ] || fail "nginx was reached: $(head -n 3 nginx/access.log)"
stop "$FETCHD"

config
start_fetchd
cat >urls <<URLS
http://127.0.0.1:$http/hello.txt
http://localhost:$http/hello.txt
http://127.0.0.1:$http/away
http://127.0.0.1:$http/to-localhost
http://[::1]:$http/hello.txt
http://10.0.0.1/
URLS
outcomes urls >actual
cat >expected <<LIST
0 200
1 200
2 policy_denied
3 connect_refused
4 policy_denied
5 policy_denied
LIST
same_file 'with 127.0.0.0/8 allowed' expected actual
stop "$FETCHD"

printf '[policy]\nallow = 127.0.0.0/8\ndeny = 127.0.0.1\n' >fetchd.conf
start_fetchd
cat >urls <<URLS
http://127.0.0.1:$http/hello.txt
http://127.0.0.2:$http/hello.txt
URLS
outcomes urls >actual
printf '0 policy_denied\n1 connect_refused\n' >expected
same_file 'deny wins over allow' expected actual
