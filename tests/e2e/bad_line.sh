#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A bad line refuses the whole submission, with exit 65, the file, the line's number and what is wrong; nothing is half
# accepted. Comments and blank lines are skipped. An input that isn't there is exit 66.

. "$(dirname "$0")/lib.sh"
need jq curl

start_fetchd

no_batches()
{
	same "batches after $1" 0 "$(api /v1/batches | jq '.batches | length')"
}

# refused WHAT LINE TEXT: the file "input" is refused for that line.
refused()
{
	exit_is 65 ctl submit input
	contains "$1" "$(cat err)" "line $2"
	contains "$1" "$(cat err)" "$3"
	[ ! -s out ] || fail "$1: an id was printed: $(cat out)"
	no_batches "$1"
}

good='http://127.0.0.1:9/'
{ yes "$good" | head -n 16; echo 'no url at all'; echo "$good"; } >input
refused 'a line without scheme' 17 input
{ echo "$good"; echo 'ftp://example.com/'; } >input
refused 'a scheme that is not ours' 2 ''
{ echo "$good"; echo "http://example.com:99999/"; } >input
refused 'a port above 65535' 2 port
{ echo "$good"; echo 'http://exa mple.com/'; } >input
refused 'a space in the host' 2 ''
{ yes "$good" | head -n 100000; echo 'http://[::1/'; } >input
refused 'a bad line behind many good ones' 100001 ''
printf '%s\nhttp://example.com/%070000d\n' "$good" 0 >input
refused 'a line longer than the limit' 2 ''
printf 'http://%s' 'no end' >input
refused 'a bad last line without its newline' 1 ''

printf '# a comment\n\n  \n' >input
printf '%s\r\n%s\n# another\n%s' "$good" "$good" "$good" >>input
submit input
same 'jobs' 3 "$(api "/v1/batches/$batch" | jq .jobs)"
exit_is 1 ctl wait "$batch"

exit_is 66 ctl submit no-such-file
contains 'missing input' "$(cat err)" no-such-file
exit_is 64 ctl submit
exit_is 64 ctl no-such-verb
exit_is 64 ctl submit --no-such-option input

# From standard input, and as NDJSON over the API.
batch=$(ctl submit - <input) || fail 'submit -'
exit_is 1 ctl wait "$batch"
same 'jobs of -' 3 "$(api "/v1/batches/$batch" | jq .jobs)"
printf '{"url":"%s"}\n{"url":17}\n' "$good" >input.ndjson
same 'status for bad NDJSON' 400 "$(code /v1/batches -H 'Content-Type: application/x-ndjson' --data-binary @input.ndjson)"
contains 'bad NDJSON' "$(cat body)" 'line'
printf '{"url":"%s"}\n{"url":"%s","tag":"seventeen"}\n' "$good" "$good" >input.ndjson
same 'status for good NDJSON' 201 "$(code /v1/batches -H 'Content-Type: application/x-ndjson' --data-binary @input.ndjson)"
batch=$(jq -r .id body)
exit_is 1 ctl wait "$batch"
same 'the tag comes back' seventeen "$(ctl results "$batch" | jq -r 'select(.index == 1) | .tag')"
