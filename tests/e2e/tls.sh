#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What is wrong with a certificate is told apart: expired, not valid yet, for another host, self-signed, of an unknown authority; and
# a server that speaks no TLS. Nothing is ever fetched from such a server.

. "$(dirname "$0")/lib.sh"
need openssl jq curl

# An authority of our own, with the dates that we want (openssl x509 only knows days from now).
cat >ca.conf <<'CONF'
[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
email_in_dn = no
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
CONF
: >index.txt

key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'

# authority NAME
authority()
{
	# shellcheck disable=SC2086
	openssl req -x509 $key -keyout "$1.key" -out "$1.pem" -days 7 -subj "/CN=$1" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>>openssl.log || fail "authority $1"
}

# leaf NAME AUTHORITY START END SUBJECT_ALT_NAMES
leaf()
{
	# shellcheck disable=SC2086
	openssl req $key -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" -addext "subjectAltName = $5" 2>>openssl.log &&
		openssl ca -batch -notext -config ca.conf -cert "$2.pem" -keyfile "$2.key" -in "$1.csr" -out "$1.pem" \
			-startdate "$3" -enddate "$4" 2>>openssl.log || fail "leaf $1: $(tail -n 3 openssl.log)"
}

# serve NAME: on a port of its own, in $port; the URL is added to urls.
serve()
{
	for attempt in 1 2 3 4 5; do
		free_port
		start "$1.log" openssl s_server -quiet -accept "127.0.0.1:$port" -cert "$1.pem" -key "$1.key" -www
		server=$!
		await 10 "the server $1" server_settled
		alive "$server" && break
	done
	alive "$server" || fail "no server for $1 ($attempt)"
	echo "https://127.0.0.1:$port/" >>urls
}

server_settled()
{
	gone "$server" || listening "$port"
}

authority ca
authority stranger
long_ago=20200101000000Z yesterday=20200102000000Z far=20500101000000Z farther=20500102000000Z
: >urls
leaf good ca $long_ago $farther IP:127.0.0.1
leaf expired ca $long_ago $yesterday IP:127.0.0.1
leaf future ca $far $farther IP:127.0.0.1
leaf elsewhere ca $long_ago $farther IP:127.0.0.2,DNS:example.com
leaf unknown stranger $long_ago $farther IP:127.0.0.1
# shellcheck disable=SC2086
openssl req -x509 $key -keyout self.key -out self.pem -days 7 -subj /CN=self -addext 'subjectAltName = IP:127.0.0.1' 2>>openssl.log
for name in good expired future elsewhere unknown self; do
	serve $name
done
start_origin
echo "https://127.0.0.1:$origin/" >>urls

config
start_fetchd
submit urls
exit_is 1 ctl wait "$batch"
one_result_each 7
jq -r '"\(.index // 0) \(.error // .http_code)"' results.ndjson | sort -n >actual
cat >expected <<'LIST'
0 200
1 tls_expired
2 tls_not_yet_valid
3 tls_host_mismatch
4 tls_untrusted
5 tls_self_signed
6 tls_protocol
LIST
same_file 'what was wrong' expected actual
