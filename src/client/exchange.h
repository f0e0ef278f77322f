/* SPDX-License-Identifier: MIT
 *
 * exchange: one request and its answer on one connection. Judges whether the connection may carry
 * another.
 *
 *	struct exchange *x = ...;		// on the heap: it is large, and lives for long
 *	enum fetch_error e = exchange_run(x, h);	// parks
 *	if (x->reusable) pool_put(pool, h, x->resp->t.done); else pool_discard(pool, h);
 *
 * An answer that another request follows (a redirect, or a 417 to Expect) counts as whole once its head
 * is: its body is read for the connection's sake only, and not far.
 */
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include "src/client/body.h"
#include "src/client/client.h"
#include "src/client/httpconn.h"
#include "src/client/pace.h"
#include "src/client/scope.h"
#include "src/http/message.h"

struct exchange {
	/* What to do; all borrowed. */
	struct scope scope;
	const struct client_options *options; /* with the defaults filled in */
	struct str method;
	const struct url *url;
	const struct fields *fields; /* the caller's; NULL = none */
	struct str sensitive;	     /* names of fields that are for the first origin only */
	struct auth auth;
	const struct proxy *own_proxy; /* the caller's; NULL = as the client's rules say */
	bool direct;		       /* through no proxy, whatever those say */
	struct body_source *body;      /* NULL = none */
	bool body_begun;	       /* something was read of it */
	bool expects;		       /* the body waits for a 100 (Continue) */
	bool bodiless;		    /* a redirect has taken the body away, and what is said of it */
	bool withhold;		    /* the chain has left the first origin */
	bool follow;		    /* redirects are followed */
	bool https_to_http;	    /* even there */
	struct body_sink *sink;	    /* NULL = drop the body */
	struct fetch_limits limits; /* the request's own, filled up with the client's */
	struct fetch_response *resp; /* gets status, fields, sizes, times and detail of failures */

	/* What became of it. */
	const struct proxy *proxy; /* this hop's; NULL = direct */
	bool as_is;		   /* codings aren't taken off the body */
	bool wrote;		   /* a byte of the request may have gone out */
	bool answered;		   /* a byte of an answer came */
	bool awaits;		   /* the body waits for a 100 at this moment */
	bool continued;		   /* a 100 came */
	bool refused;		   /* a 417 came instead: to be repeated without that expectation */
	bool cut_short;		   /* the peer answered before it had the whole body */
	bool spoke_first;	   /* it did before it was asked */
	bool redirect;		   /* the answer is a redirect to be followed */
	bool reusable;		   /* the connection may carry another exchange */

	struct decoder *decoder;       /* of this answer's body; NULL = it has no coding */
	struct pace pace;	       /* of this answer's body */
	int64_t heard_ns;	       /* when bytes came last and were used */
	struct message_limits message; /* of this hop's answer */
	struct message_parser parser;
};

/* The connection is to an HTTP proxy that reads our request itself, for a plain one needs no tunnel. */
static inline bool exchange_is_relayed(const struct exchange *x)
{
	return x->proxy && x->proxy->kind == PROXY_HTTP && !x->url->https;
}

/* Parks. h is open; it is the caller's to give back. */
enum fetch_error exchange_run(struct exchange *x, struct httpconn *h) MUST_USE;

/* For send.c: takes in what the peer has said while the request goes out. cut_short when that has an
 * answer's final head. Parks if nothing has come. */
enum fetch_error exchange__hear(struct exchange *x, struct httpconn *h) MUST_USE;

#endif
