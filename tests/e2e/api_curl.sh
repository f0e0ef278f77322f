#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The API as any program may use it, with nothing but curl: submit, look, follow, resume, cancel, delete, errors, metrics.

. "$(dirname "$0")/lib.sh"
need jq curl

start_origin
config '[fetch]' 'max_in_flight = 20' 'max_per_host = 20'
start_fetchd
base=http://127.0.0.1:$origin

for path in /healthz /readyz; do
	same "status of $path" 200 "$(code $path)"
done
same 'a version' true "$(api /v1/version | jq 'has("version")')"

# Submit, as text; the batch's id is in the body and in Location.
printf '%s\n' "$base/b/1000" "$base/status/404" "$base/redirect/3" "$base/d/200/5" >urls
same 'status of a submission' 201 "$(code '/v1/batches?digest=sha256' -D head -H 'Content-Type: text/plain' --data-binary @urls)"
batch=$(jq -r .id body)
contains 'Location' "$(tr -d '\r' <head)" "/v1/batches/$batch"
same 'jobs' 4 "$(jq -r .jobs body)"

# Follow until the end: every result in the order of completion, then the stream ends by itself.
api "/v1/batches/$batch/results?follow=1" -N >followed || fail 'follow'
same 'followed' 4 "$(wc -l <followed)"
same 'indexes' '0 1 2 3' "$(jq -r '.index // 0' followed | sort -n | paste -sd ' ')"
same 'the delayed one comes last' 3 "$(tail -n 1 followed | jq .index)"
same '404 is fetched' 'fetched 404' "$(jq -r 'select(.index == 1) | "\(.state) \(.http_code)"' followed)"
same 'redirects' "3 $base/redirect/0" "$(jq -r 'select(.index == 2) | "\(.num_redirects) \(.url_effective)"' followed)"
same 'digest' "$(yes 0123456789abcde | head -c 1000 | sha256sum | cut -d ' ' -f 1)" \
	"$(jq -r 'select((.index // 0) == 0) | .sha256' followed)"
same 'the size' 1000 "$(jq -r 'select((.index // 0) == 0) | .size_download' followed)"
jq -e 'select(.index == 3) | .time_total >= 0.2 and .time_starttransfer >= 0.2 and .time_total < 20' followed >/dev/null ||
	fail "timings of a 200 ms answer: $(jq -c 'select(.index == 3)' followed)"

# Resume after N.
api "/v1/batches/$batch/results?after=3" >rest
tail -n 1 followed | cmp -s - rest || fail 'after=3 is not the fourth line'
same 'after the end' '' "$(api "/v1/batches/$batch/results?after=4")"

# The batch.
same 'counts' 'done 4 4 4 0' \
	"$(api "/v1/batches/$batch" | jq -r '"\(.state) \(.jobs) \(.done) \(.fetched) \(.failed)"')"
same 'the list' 1 "$(api /v1/batches | jq '.batches | length')"

# Errors: the status, and a JSON object that says what is wrong.
error()
{
	local want=$1
	shift
	same "status of $*" "$want" "$(code "$@")"
	jq -e '.error' body >/dev/null 2>&1 || fail "$*: the body is no JSON with an error: $(head -c 200 body)"
}
error 404 /v1/batches/99999
error 404 /v1/batches/99999/results
error 404 /v1/batches/nonsense
error 404 /v2
error 404 /
error 405 /v1/version -X POST
error 405 "/v1/batches/$batch" -X PUT
error 400 "/v1/batches/$batch/results?after=minus"
error 400 '/v1/batches?digest=md4' --data-binary @urls -H 'Content-Type: text/plain'
error 400 '/v1/batches?digest=sha256&digest=sha256' --data-binary @urls -H 'Content-Type: text/plain'
error 400 '/v1/batches?no_such_option=1' --data-binary @urls -H 'Content-Type: text/plain'
error 415 /v1/batches --data-binary @urls -H 'Content-Type: image/png'
error 400 /v1/batches --data-binary 'no url' -H 'Content-Type: text/plain'
error 404 /v1/batches/99999/cancel -X POST

# Cancel: the jobs not yet started end as cancelled, one result each.
for ((i = 0; i < 500; i++)); do echo "$base/d/300/1?$i"; done >urls
same 'status of a submission' 201 "$(code /v1/batches -H 'Content-Type: text/plain' --data-binary @urls)"
batch=$(jq -r .id body)
error 409 "/v1/batches/$batch" -X DELETE
case $(code "/v1/batches/$batch/cancel" -X POST) in
200 | 202 | 204) ;;
*) fail "cancel: $(cat body)" ;;
esac
exit_is 1 ctl wait "$batch"
one_result_each 500
[ "$(jq -r 'select(.state == "cancelled") | .index // 0' results.ndjson | wc -l)" -ge 400 ] ||
	fail 'fewer than 400 of 500 jobs were cancelled'

# Delete.
case $(code "/v1/batches/$batch" -X DELETE) in
200 | 202 | 204) ;;
*) fail "delete: $(cat body)" ;;
esac
error 404 "/v1/batches/$batch"
error 404 "/v1/batches/$batch/results"

# Metrics in Prometheus' text format; goroutines as text.
same 'status of /metrics' 200 "$(code /metrics)"
grep -q '^# TYPE fetchd_' body || fail 'no fetchd_ metric'
grep -vE '^(#|$)' body | grep -vE '^[a-z_]+(\{[^}]*\})? [0-9.e+-]+$' && fail 'a line of /metrics is malformed'
grep -q '^fetchd_sched_parks_total [1-9]' body || fail 'the scheduler counts nothing'
grep -q '^fetchd_sched_latency_seconds_bucket{le="+Inf"} [0-9]' body || fail 'no latency'
same 'status of /debug/goroutines' 200 "$(code /debug/goroutines)"
grep -q '^goroutine [0-9]' body || fail 'no goroutine in the dump'
same 'status of /debug/goroutines?debug=1' 200 "$(code '/debug/goroutines?debug=1')"
grep -q '^goroutine profile: total [0-9]' body || fail 'no counts in the dump with debug=1'

# Two requests on one connection, and one that is no HTTP.
api '/v1/version' "http://fetchd/healthz" >/dev/null || fail 'a second request on the same connection'
printf 'nonsense\r\n\r\n' | timeout 10 curl -sS --unix-socket sock telnet://fetchd 2>/dev/null | head -n 1 >answer
contains 'nonsense' "$(cat answer)" '400'
same 'still ready' 200 "$(code /readyz)"
