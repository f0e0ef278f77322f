#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Credentials of a file reach the origins that it names, nginx says so, and nobody else; they are in no log, no result, and not in
# the state folder. A file that others can read, or that makes no sense, keeps fetchd from starting.

. "$(dirname "$0")/lib.sh"
need jq curl

secret=open-sesame-8271 token=t0ken.9127
mkdir -p www/basic www/bearer www/open
echo basic >www/basic/index.html
echo bearer >www/bearer/index.html
echo "crawler:{PLAIN}$secret" >htpasswd
cat >locations.conf <<LOCATIONS
location /basic/ {
	auth_basic "who are you";
	auth_basic_user_file $WORK/htpasswd;
}
location /bearer/ {
	if (\$http_authorization != "Bearer $token") {
		return 401;
	}
}
location /none/ {
	if (\$http_authorization) {
		return 400;
	}
	return 200 none;
}
LOCATIONS
start_nginx

cat >secrets <<SECRETS
# who we are
[127.0.0.1:$https]
user = crawler
password = $secret

[http://127.0.0.1:$http]
bearer = $token
SECRETS
config '[auth]' "credentials_file = $WORK/secrets"

# refused TEXT: fetchd doesn't start, and says why.
refused()
{
	exit_is 78 timeout 20 "$BUILD/fetchd" -c fetchd.conf --state-dir state --socket sock
	contains 'the reason' "$(cat err)" "$1"
	! grep -qF -e "$secret" -e "$token" out err || fail 'the reason shows a secret'
}
mkdir state
chmod 644 secrets
refused "$WORK/secrets: mode 0644 lets everybody at it"
chmod 600 secrets
sed "s/^bearer = /bearer /" secrets >broken
chmod 600 broken
config '[auth]' "credentials_file = $WORK/broken"
refused "$WORK/broken:7: neither"

config '[auth]' "credentials_file = $WORK/secrets"
start_fetchd
cat >urls <<URLS
https://127.0.0.1:$https/basic/
http://127.0.0.1:$http/bearer/
https://127.0.0.1:$https/bearer/
http://127.0.0.1:$http/basic/
https://localhost:$https/none/
http://localhost:$http/none/
http://localhost:$http/to-https/basic/
https://crawler:wrong@127.0.0.1:$https/basic/
URLS
submit urls
exit_is 0 ctl wait "$batch"
one_result_each 8
jq -r '"\(.index // 0) \(.http_code)"' results.ndjson | sort -n >actual
printf '%s\n' '0 200' '1 200' '2 401' '3 401' '4 200' '5 200' '6 200' '7 401' >expected
same_file 'who was let in' expected actual
stop "$FETCHD"
same 'exit status' 0 "$status"
basic=$(printf 'crawler:%s' "$secret" | base64)
! grep -qraF -e "$secret" -e "$token" -e "$basic" state fetchd.log results.ndjson || fail 'a secret was written down'
