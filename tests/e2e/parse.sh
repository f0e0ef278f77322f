#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# fetchctl parse: what our URL parser makes of a URL, as one JSON object; exit 65 for what is none. A table of cases as the
# WHATWG URL standard decides them: input, base (- for none), href (- for refused).

. "$(dirname "$0")/lib.sh"
need jq

cases=0
while IFS='|' read -r input base href; do
	cases=$((cases + 1))
	arguments=("$input")
	[ "$base" = - ] || arguments+=("$base")
	if [ "$href" = - ]; then
		exit_is 65 "$BUILD/fetchctl" parse "${arguments[@]}"
		[ -s err ] && [ ! -s out ] || fail "parse $input: expected a message on stderr alone"
	else
		exit_is 0 "$BUILD/fetchctl" parse "${arguments[@]}"
		same "parse $input${base:+ (base $base)}" "$href" "$(jq -r .href out)"
	fi
done <<'CASES'
http://example.com|-|http://example.com/
HTTP://EXAMPLE.com:80/A/../B?Q#F|-|http://example.com/B?Q#F
https://example.com:443/|-|https://example.com/
https://example.com:80/|-|https://example.com:80/
http://example.com:0/|-|http://example.com:0/
http://example.com:/|-|http://example.com/
http://example.com:65535/|-|http://example.com:65535/
http://example.com:65536/|-|-
http://example.com:8o/|-|-
http:example.com|-|http://example.com/
http:/example.com|-|http://example.com/
http:////example.com//a|-|http://example.com//a
http:\\example.com\a\b|-|http://example.com/a/b
  http://example.com/  |-|http://example.com/
http://exa	mple.com/|-|http://example.com/
http://exa mple.com/|-|-
http://example.com/a b|-|http://example.com/a%20b
http://example.com/a%20b|-|http://example.com/a%20b
http://example.com/a%zz|-|http://example.com/a%zz
http://example.com/?a b"<>|-|http://example.com/?a%20b%22%3C%3E
http://example.com/?it's|-|http://example.com/?it%27s
http://example.com/#a b|-|http://example.com/#a%20b
http://example.com/%2e%2E/a/./b/..|-|http://example.com/a/
http://example.com/a/../../../b|-|http://example.com/b
http://user:pa ss@example.com/|-|http://user:pa%20ss@example.com/
http://user@example.com/|-|http://user@example.com/
http://a@b@example.com/|-|http://a%40b@example.com/
http://@example.com/|-|http://example.com/
http://user@/|-|-
http://|-|-
http:///|-|-
http://?|-|-
http://127.0.0.1|-|http://127.0.0.1/
http://127.1/|-|http://127.0.0.1/
http://0x7f.1/|-|http://127.0.0.1/
http://0177.0.0.01/|-|http://127.0.0.1/
http://2130706433/|-|http://127.0.0.1/
http://256.0.0.1/|-|-
http://1.2.3.4.5/|-|-
http://0x100000000/|-|-
http://1.2.3.4./|-|http://1.2.3.4/
http://[::1]/|-|http://[::1]/
http://[0:0:0:0:0:0:0:1]/|-|http://[::1]/
http://[::ffff:127.0.0.1]/|-|http://[::ffff:7f00:1]/
http://[2001:DB8::0:1]:8080/|-|http://[2001:db8::1]:8080/
http://[::1/|-|-
http://[::1%eth0]/|-|-
http://[1::2::3]/|-|-
http://bücher.example/|-|http://xn--bcher-kva.example/
http://BÜCHER.example/|-|http://xn--bcher-kva.example/
http://straße.de/|-|http://xn--strae-oqa.de/
http://日本語。jp/|-|http://xn--wgv71a119e.jp/
http://１２７.0.0.1/|-|http://127.0.0.1/
http://%65xample.com/|-|http://example.com/
http://ex%00ample.com/|-|-
http://a<b/|-|-
http://a^b/|-|-
http://a..b/|-|http://a..b/
http://example.com./|-|http://example.com./
http://example.com/ü|-|http://example.com/%C3%BC
ftp://example.com/|-|-
file:///etc/passwd|-|-
javascript:alert(1)|-|-
mailto:a@b.c|-|-
example.com|-|-
/path|-|-
//example.com|-|-
/b|http://example.com/a?q#f|http://example.com/b
b|http://example.com/a/c?q|http://example.com/a/b
../b|http://example.com/a/c/d|http://example.com/a/b
?x|http://example.com/a?q#f|http://example.com/a?x
#x|http://example.com/a?q#f|http://example.com/a?q#x
//other.example/b|https://example.com/a|https://other.example/b
https:b|https://example.com/a/c|https://example.com/a/b
http:b|https://example.com/a/c|http://b/
\b|http://example.com/a|http://example.com/b
http://other.example/|http://example.com/|http://other.example/
CASES

# All components, under the names that JavaScript's URL has.
exit_is 0 "$BUILD/fetchctl" parse 'https://user:secret@example.com:8443/a/b?q=1#top'
same 'components' 'https: user secret example.com:8443 example.com 8443 /a/b ?q=1 #top' \
	"$(jq -r '[.protocol, .username, .password, .host, .hostname, .port, .pathname, .search, .hash] | join(" ")' out)"
same 'one line' 1 "$(wc -l <out)"
exit_is 64 "$BUILD/fetchctl" parse
exit_is 65 "$BUILD/fetchctl" parse /a not-a-base
say "$cases cases"
