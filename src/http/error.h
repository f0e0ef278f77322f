/* SPDX-License-Identifier: MIT
 *
 * error: the one table of what can become of a fetch. Each row: enum, stable name (in results, for
 * programs), curl's exit number (for people who know those), whether trying again may help, text
 * (for people).
 *
 * Names are part of the interface: add rows, never rename one. The numbers are not: store and send
 * names. "Retryable" is about the error alone; whether a job is tried again depends on its method,
 * budget and deadline as well. Any thread.
 */
#ifndef HTTP_ERROR_H
#define HTTP_ERROR_H

#include <stdbool.h>

#include "src/common/str.h"

#define FETCH_ERRORS(X)                                                                            \
	X(FETCH_OK, "ok", 0, false, "no error")                                                    \
	/* before anything is sent */                                                              \
	X(FETCH_BAD_URL, "bad_url", 3, false, "the URL can't be parsed")                           \
	X(FETCH_UNSUPPORTED_SCHEME, "unsupported_scheme", 1, false,                                \
	  "the URL is neither http nor https")                                                     \
	X(FETCH_BAD_REQUEST, "bad_request", 43, false,                                             \
	  "the request holds a byte or a field that must not be sent")                             \
	X(FETCH_POLICY_DENIED, "policy_denied", 7, false,                                          \
	  "the address policy refuses the server's address")                                       \
	/* name */                                                                                 \
	X(FETCH_DNS_NOT_FOUND, "dns_not_found", 6, false,                                          \
	  "the name doesn't exist or has no address")                                              \
	X(FETCH_DNS_FAILED, "dns_failed", 6, true, "no DNS server gave a usable answer")           \
	X(FETCH_DNS_TIMEOUT, "dns_timeout", 28, true, "resolving the name took too long")          \
	/* connection */                                                                           \
	X(FETCH_CONNECT_REFUSED, "connect_refused", 7, true, "the server refused the connection")  \
	X(FETCH_CONNECT_TIMEOUT, "connect_timeout", 28, true, "connecting took too long")          \
	X(FETCH_CONNECT_FAILED, "connect_failed", 7, true, "no connection could be made")          \
	/* proxy */                                                                                \
	X(FETCH_PROXY_NOT_FOUND, "proxy_not_found", 5, true, "the proxy's name can't be resolved") \
	X(FETCH_PROXY_UNREACHABLE, "proxy_unreachable", 7, true,                                   \
	  "no connection to the proxy could be made")                                              \
	X(FETCH_PROXY_AUTH, "proxy_auth", 56, false,                                               \
	  "the proxy wants a user name and password, or other ones")                               \
	X(FETCH_PROXY_REFUSED, "proxy_refused", 56, false,                                         \
	  "the proxy refuses to connect to the server")                                            \
	X(FETCH_PROXY_CONNECT, "proxy_connect", 97, true,                                          \
	  "the proxy could not connect to the server")                                             \
	X(FETCH_PROXY_BAD_ANSWER, "proxy_bad_answer", 97, true,                                    \
	  "the proxy gave no answer that can be understood")                                       \
	/* TLS */                                                                                  \
	X(FETCH_TLS_HANDSHAKE, "tls_handshake", 35, true, "the TLS handshake failed")              \
	X(FETCH_TLS_PROTOCOL, "tls_protocol", 35, false, "no common TLS version or cipher")        \
	X(FETCH_TLS_UNTRUSTED, "tls_untrusted", 60, false,                                         \
	  "no trusted authority vouches for the certificate")                                      \
	X(FETCH_TLS_SELF_SIGNED, "tls_self_signed", 60, false,                                     \
	  "the certificate is self-signed and not trusted")                                        \
	X(FETCH_TLS_EXPIRED, "tls_expired", 60, false, "the certificate has expired")              \
	X(FETCH_TLS_NOT_YET_VALID, "tls_not_yet_valid", 60, false,                                 \
	  "the certificate is not valid yet")                                                      \
	X(FETCH_TLS_HOST_MISMATCH, "tls_host_mismatch", 60, false,                                 \
	  "the certificate is for another host")                                                   \
	X(FETCH_TLS_WEAK, "tls_weak", 60, false, "the certificate's key or signature is too weak") \
	X(FETCH_TLS_PIN_MISMATCH, "tls_pin_mismatch", 90, false,                                   \
	  "the server showed none of the keys that are pinned for it")                             \
	X(FETCH_TLS_TIMEOUT, "tls_timeout", 28, true, "the TLS handshake took too long")           \
	X(FETCH_TLS_BROKEN, "tls_broken", 56, true, "TLS broke after its handshake")               \
	/* transfer */                                                                             \
	X(FETCH_SEND_FAILED, "send_failed", 55, true, "sending the request failed")                \
	X(FETCH_BODY_SOURCE, "body_source", 26, false, "the request's body could not be read")     \
	X(FETCH_BODY_SPENT, "body_spent", 65, false,                                               \
	  "the request's body can't be sent a second time")                                        \
	X(FETCH_CLOSED_EARLY, "closed_early", 52, true,                                            \
	  "the server closed before a whole answer head")                                          \
	X(FETCH_RESET, "reset", 56, true, "the connection was reset")                              \
	X(FETCH_TRUNCATED, "truncated", 18, true,                                                  \
	  "the connection ended before the body was complete")                                     \
	X(FETCH_FIRST_BYTE_TIMEOUT, "first_byte_timeout", 28, true,                                \
	  "the server took too long to begin its answer")                                          \
	X(FETCH_IDLE_TIMEOUT, "idle_timeout", 28, true,                                            \
	  "the server paused too long within its answer")                                          \
	X(FETCH_TOO_SLOW, "too_slow", 28, true, "the body came too slowly for too long")           \
	X(FETCH_TOTAL_TIMEOUT, "total_timeout", 28, false,                                         \
	  "the request took longer than its total time")                                           \
	/* malformed answers (requests, where we serve) */                                         \
	X(FETCH_MALFORMED_STATUS, "malformed_status", 8, false,                                    \
	  "the first line is no HTTP/1.x line")                                                    \
	X(FETCH_MALFORMED_FIELD, "malformed_field", 8, false, "a field line is malformed")         \
	X(FETCH_MALFORMED_CHUNK, "malformed_chunk", 56, false, "the chunked framing is malformed") \
	X(FETCH_CONTENT_LENGTH, "content_length", 8, false,                                        \
	  "Content-Length is malformed or contradictory")                                          \
	X(FETCH_TRANSFER_ENCODING, "transfer_encoding", 8, false,                                  \
	  "Transfer-Encoding is not exactly chunked, or stands beside Content-Length")             \
	X(FETCH_UNEXPECTED_UPGRADE, "unexpected_upgrade", 8, false,                                \
	  "the server switched protocols unasked")                                                 \
	/* limits */                                                                               \
	X(FETCH_STATUS_LINE_TOO_LONG, "status_line_too_long", 56, false,                           \
	  "the first line is longer than the limit")                                               \
	X(FETCH_FIELD_TOO_LARGE, "field_too_large", 56, false,                                     \
	  "a field line is longer than the limit")                                                 \
	X(FETCH_FIELDS_TOO_LARGE, "fields_too_large", 56, false,                                   \
	  "the head is larger than the limit")                                                     \
	X(FETCH_TOO_MANY_FIELDS, "too_many_fields", 56, false, "more fields than the limit")       \
	X(FETCH_TOO_MANY_INFORMATIONAL, "too_many_informational", 56, false,                       \
	  "more 1xx answers than the limit")                                                       \
	X(FETCH_CHUNK_OVERHEAD, "chunk_overhead", 56, false,                                       \
	  "more chunk framing and extensions than the limit")                                      \
	X(FETCH_TRAILERS_TOO_LARGE, "trailers_too_large", 56, false,                               \
	  "the trailer section is larger than the limit")                                          \
	X(FETCH_BODY_TOO_LARGE, "body_too_large", 63, false, "the body is larger than the limit")  \
	/* decoding */                                                                             \
	X(FETCH_DECODE_FAILED, "decode_failed", 61, false,                                         \
	  "the body's content encoding is corrupt or cut short")                                   \
	X(FETCH_DECODE_LIMIT, "decode_limit", 63, false,                                           \
	  "the decoded body is larger than a limit, or its layers too many")                       \
	/* redirects */                                                                            \
	X(FETCH_TOO_MANY_REDIRECTS, "too_many_redirects", 47, false,                               \
	  "more redirects than the limit")                                                         \
	X(FETCH_REDIRECT_LOOP, "redirect_loop", 47, false, "the redirects go in a circle")         \
	X(FETCH_REDIRECT_REFUSED, "redirect_refused", 1, false,                                    \
	  "a redirect from https to http is refused")                                              \
	X(FETCH_REDIRECT_BAD, "redirect_bad", 3, false,                                            \
	  "the Location of a redirect can't be followed")                                          \
	/* ours */                                                                                 \
	X(FETCH_CANCELLED, "cancelled", 42, false, "cancelled on request")                         \
	X(FETCH_EXPIRED, "expired", 28, false,                                                     \
	  "the batch's deadline passed before the job was done")                                   \
	X(FETCH_INTERRUPTED, "interrupted", 42, false,                                             \
	  "the daemon ended after the request may have been sent")                                 \
	X(FETCH_OUT_OF_MEMORY, "out_of_memory", 27, true, "not enough memory for this request")    \
	X(FETCH_OUT_OF_DESCRIPTORS, "out_of_descriptors", 7, true, "no file descriptor left")      \
	X(FETCH_SINK_FAILED, "sink_failed", 23, true, "the body could not be kept or passed on")   \
	X(FETCH_INTERNAL, "internal", 2, false, "a defect in fetchd")

enum fetch_error {
#define X(id, name, curl, retryable, text) id,
	FETCH_ERRORS(X)
#undef X
	FETCH_ERRORS_LEN
};

/* Stable name: "dns_not_found". Never NULL. */
const char *fetch_error_name(enum fetch_error e);
/* A phrase for people, without a full stop. */
const char *fetch_error_text(enum fetch_error e);
/* curl's exit number for the same misfortune. */
int fetch_error_curl(enum fetch_error e);
bool fetch_error_retryable(enum fetch_error e);
/* -EINVAL when no error has that name. */
int fetch_error_by_name(struct str name, enum fetch_error *ret) MUST_USE;

#endif
