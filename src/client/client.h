/* SPDX-License-Identifier: MIT
 *
 * client: turns one request into one true answer or one precise error. The client floor's front
 * door; the daemon, fetchbench and tests use this and nothing below it.
 *
 *	struct client *client;
 *	int err = client_new(&options, &client, &reason);
 *	struct fetch_request req = { .method = STR("GET"), .url = &url, .sink = &sink };
 *	struct fetch_response *resp = fetch_response_new();
 *	enum fetch_error e = client_fetch(client, ctx, &req, resp);	// parks
 *	fetch_response_free(resp);
 *
 * One client serves all goroutines on all processors. It follows redirects (redirect.c), retries
 * once a kept-alive connection that went stale (transport.c), and says FETCH_OK only of a message
 * that is complete by its framing and its content codings.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <netinet/in.h>

#include "runtime/context.h"
#include "src/client/auth.h"
#include "src/client/body.h"
#include "src/client/cache.h"
#include "src/client/fault.h"
#include "src/client/limits.h"
#include "src/client/policy.h"
#include "src/client/proxy_rules.h"
#include "src/client/tls.h"
#include "src/common/str.h"
#include "src/http/error.h"
#include "src/http/fields.h"
#include "src/http/url.h"

/* Zero = the default that the comment names. Borrowed by client_new, copied where kept. */
struct client_options {
	struct fetch_limits limits;
	bool no_redirects;
	bool https_to_http;		  /* a redirect may lead from https to http */
	bool no_keepalive;		  /* "Connection: close" and a connection a request */
	uint32_t max_conns_per_host;	  /* 0 = no limit of the pool's own */
	uint32_t max_idle_conns;	  /* 20,000; the least recently used goes */
	uint32_t max_idle_conns_per_host; /* likewise; 0 = no limit */
	uint32_t max_requests_per_conn;	  /* 0 = no limit */
	int64_t idle_conn_ns;		  /* how long a kept connection is trusted; 55 s */
	int64_t conn_lifetime_ns; /* a connection takes no further request when it is that old, or up to a
				     tenth less; 0 = no limit */
	const char *user_agent; /* "fetchd/VERSION" */
	bool no_decode;		/* bodies as they come; nothing is said of codings */
	/* Trust, our own certificate, pins, sessions. insecure: fetchbench only, no config key sets
	 * it. */
	struct tls_options tls;
	/* A body that ends with the connection counts as whole over TLS without close_notify, too. */
	bool unclean_close;
	/* Per host; see credentials.h. NULL = none. */
	const char *credentials_file;
	const char *dns_servers; /* comma separated addr[:port]; NULL = resolv.conf */
	struct cache_limits dns; /* names 0: cache_default_limits, all of them */
	/* Which addresses may be connected to; NULL = the default policy. Borrowed for the client's
	 * life. */
	const struct policy *policy;
	/* Which proxy for which URL; NULL = none. Borrowed for the client's life. */
	const struct proxy_rules *proxies;
};

struct client;
/* 0, -ENOMEM, or -EINVAL: an option can't be used. *ret_reason then says which file or key, and the
 * caller frees it; may be NULL. Parks. */
int client_new(const struct client_options *options, struct client **ret_client,
	       char **ret_reason) MUST_USE;
void client_free(struct client *client); /* no request may be under way; parks */

/* Where body bytes go. A negative errno from any of the functions ends the request with
 * FETCH_SINK_FAILED. The body of a redirect that is followed never gets here. */
struct body_sink {
	/* The final head is there. Optional. Must not park. Called again: start over. */
	int (*begin)(struct body_sink *s, uint16_t status, const struct fields *fields);
	/* Decoded bytes. Must not park: they lie in the thread's read buffer or a decoder's. */
	int (*write)(struct body_sink *s, const char *data, size_t len);
	/* After each read. Optional. May park: back-pressure. */
	int (*drain)(struct body_sink *s);
};

struct fetch_request {
	struct str method;	     /* GET, HEAD, ...; not CONNECT */
	const struct url *url;	     /* borrowed until client_fetch returns */
	const struct fields *fields; /* the caller's extra fields; NULL = none. With Accept-Encoding
					among them the body is given as it comes, not decoded */
	struct str sensitive;	     /* names, comma-separated, of fields that a redirect to another
					origin takes away; Authorization and Cookie always are */
	struct fetch_auth auth;	     /* for the origin of url; see auth.h */
	const struct proxy *proxy; /* for all hops; NULL = as the client's rules say. Not trusted if
					it comes from whoever may not choose addresses */
	bool direct;		   /* through no proxy, whatever those say */
	struct body_source *body;  /* NULL = none; begins at its beginning */
	bool no_redirects;	   /* a redirect is the answer, whatever the client says */
	bool https_to_http;	   /* a redirect may lead there, whatever the client says */
	bool expect_continue;	   /* the body waits up to a second for a 100 (Continue); after
					a 417 it goes out without */
	struct body_sink *sink;	   /* NULL = the body is read, decoded, counted and dropped */
	struct fetch_limits limits; /* what is 0 is the client's */
};

/* Nanoseconds of clock_now(); 0 = did not happen (a reused connection has no dns, connect, tls). queued: the
 * end of a wait in line: for the limit of the host's connections to let a dial begin, or for a connection that
 * came back before an own one was open. Another's dial counts only from the moment on from which it was
 * waited for. With a proxy, dns is about the proxy (and the origin where we resolve it), and connect is done
 * when the way to the origin stands. */
struct fetch_timings {
	int64_t start, queued, dns_done, connect_done, tls_done, sent, first_byte, done;
};

/* Whom a hop talked to. */
union fetch_remote {
	struct sockaddr sa; /* sa_family 0 = it never was connected; a proxy's where one is used */
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* A redirect that was followed. Its body is read for the connection's sake, and not decoded. */
struct fetch_hop {
	char *url; /* href asked for. Owned */
	uint16_t status;
	uint8_t http_minor; /* HTTP/1.x */
	bool conn_reused;
	uint64_t size_download; /* body bytes on the wire */
	union fetch_remote remote;
	struct fetch_timings t;
};

struct fetch_response {
	enum fetch_error error;
	/* For people: "certificate has expired", "10.0.0.1:80: private address (see [policy]
	 * allow)"; may be empty. */
	char detail[FAULT_BYTES];
	struct url url_effective; /* of the last hop; owned */
	uint16_t status;	  /* 0 = no final head came */
	uint8_t http_minor;	  /* HTTP/1.x */
	bool conn_reused;
	uint8_t attempts;     /* exchanges begun, over all hops; the retry of a stale one counts */
	struct fields fields; /* of the final head; owned */
	uint64_t size_download; /* body bytes on the wire (framing taken off) */
	uint64_t size_body;	/* and without their content coding; 0 for a redirect followed */
	union fetch_remote remote;
	bool proxy_used;	/* by the last hop */
	struct fetch_timings t; /* of the last hop */
	int64_t start_ns;	/* of the first hop */
	struct fetch_hop *hops; /* the hops before the last; owned */
	uint32_t hops_len;
};

/* May be fetched into again and again: it keeps its memory, so that fetches of a kind allocate nothing.
 * NULL = out of memory. */
struct fetch_response *fetch_response_new(void) MUST_USE;
void fetch_response_free(struct fetch_response *r); /* NULL is fine */

/* Parks until the answer is whole or the request failed. Fills resp in both cases; gives
 * resp->error. ctx's end ends the request at its next park: FETCH_CANCELLED, or FETCH_TOTAL_TIMEOUT
 * when ctx's own deadline passed. */
enum fetch_error client_fetch(struct client *client, struct context *ctx,
			      const struct fetch_request *req,
			      struct fetch_response *resp) MUST_USE;

/* A view for metrics. */
struct client_stats {
	uint64_t dials, reuses, dns_lookups, dns_hits, tls_handshakes, tls_resumed, stale_retries;
	uint64_t dns_stale, dns_names; /* as in cache_stats */
	uint64_t conns_open, conns_idle;
};
void client_stats(struct client *client, struct client_stats *ret_stats);

#endif
