#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 10,000 URLs against nginx over HTTP and HTTPS, bodies of 1 KiB to 1 MiB, 404s, redirects, a loop, refused ports, refused
# addresses: exactly one result each, with the right status or error name and the right digest of the body.

. "$(dirname "$0")/lib.sh"
need nginx openssl jq curl sha256sum

start_nginx
free_port
dead=$port

# 1 KiB to 1 MiB, doubling; digests holds "k sha256" of www/k.bin, and of the 404's body.
for k in $(seq 0 10); do
	head -c $((1024 << k)) /dev/urandom >"www/$k.bin"
	echo "$k $(sha256sum <"www/$k.bin" | cut -d ' ' -f 1)"
done >digests
echo "missing $(echo 'no such page' | sha256sum | cut -d ' ' -f 1)" >>digests

# urls and expected (index, state, status, error, digest) from one list. Most bodies are small: about 400 MiB in all.
awk -v plain="http://127.0.0.1:$http" -v secure="https://127.0.0.1:$https" -v dead="$dead" '
BEGIN { OFS = "\t"; n = 0 }
{ digest[$1] = $2 }
function job(url, state, status, error, sum) {
	print url "?" n > "urls"
	print n++, state, status, error, sum > "expected"
}
function body(    r) { r = n % 100; return r < 60 ? n % 3 : r < 90 ? 3 + n % 4 : r < 98 ? 7 + n % 2 : 9 + n % 2 }
function page(server, path,    k) { k = body(); job(server path "/" k ".bin", "fetched", 200, "", digest[k]) }
END {
	for (i = 0; i < 100; i++) {
		for (j = 0; j < 43; j++) page(plain, "")
		for (j = 0; j < 30; j++) page(secure, "")
		for (j = 0; j < 4; j++) page(plain, "/redirect")
		for (j = 0; j < 3; j++) page(plain, "/to-https")
		job(plain "/loop", "failed", 0, "redirect_loop", "")
		for (j = 0; j < 5; j++) job(plain "/absent", "fetched", 404, "", digest["missing"])
		for (j = 0; j < 5; j++) job(secure "/absent", "fetched", 404, "", digest["missing"])
		for (j = 0; j < 6; j++) job("http://127.0.0.1:" dead "/", "failed", 0, "connect_refused", "")
		for (j = 0; j < 3; j++) job("http://10.0.0." i "/", "failed", 0, "policy_denied", "")
	}
}' digests
same 'URLs made' 10000 "$(wc -l <urls)"

config
start_fetchd
submit urls --digest sha256
began=$SECONDS
exit_is 1 ctl wait "$batch" # 1: some failed
one_result_each 10000
jq -r '[.index // 0, .state, (if .state == "fetched" then .http_code else 0 end), .error // "", .sha256 // ""] | @tsv' \
	results.ndjson | sort -n >actual
same_file 'results' expected actual
same 'counts' '10000 9000 1000' "$(api "/v1/batches/$batch" | jq -r '"\(.done) \(.fetched) \(.failed)"')"
say "10,000 URLs, one right result each, in $((SECONDS - began)) s"
