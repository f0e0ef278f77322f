/* SPDX-License-Identifier: MIT
 *
 * redirect: see redirect.h.
 */
#include "src/client/redirect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "src/client/redirect_next.h"
#include "src/client/send.h"

/* Room for the hop just made: then nothing can fail any more. */
static enum fetch_error reserve_hop(struct fetch_response *resp)
{
	struct fetch_hop *hops = reallocarray(resp->hops, resp->hops_len + 1, sizeof(*hops));
	if (!hops)
		return FETCH_OUT_OF_MEMORY;
	resp->hops = hops;
	hops[resp->hops_len].url = str_dup(resp->url_effective.href);
	return hops[resp->hops_len].url ? FETCH_OK : FETCH_OUT_OF_MEMORY;
}

static void keep_hop(struct fetch_response *resp)
{
	struct fetch_hop *hop = &resp->hops[resp->hops_len++];
	*hop = (struct fetch_hop){ .url = hop->url,
				   .status = resp->status,
				   .http_minor = resp->http_minor,
				   .conn_reused = resp->conn_reused,
				   .size_download = resp->size_download,
				   .remote = resp->remote,
				   .t = resp->t };
}

/* What the next hop is to fill anew. */
static void forget_answer(struct fetch_response *resp)
{
	fields_clear(&resp->fields);
	resp->status = 0;
	resp->http_minor = 0;
	resp->conn_reused = false;
	resp->size_download = 0;
	resp->size_body = 0;
	memset(&resp->remote, 0, sizeof(resp->remote));
	resp->t = (struct fetch_timings){ .start = clock_now() };
}

/* The body goes along with its method, or not at all. */
static enum fetch_error carry_body(struct exchange *x, bool method_changed)
{
	if (method_changed) {
		x->body = NULL;
		x->bodiless = true;
	} else if (!send_rewind(x)) {
		return fault(x->resp->detail, FETCH_BODY_SPENT, "redirected by a %u",
			     x->resp->status);
	}
	return FETCH_OK;
}

static enum fetch_error find_next(struct exchange *x, uint32_t stretch, struct redirect_to *ret)
{
	const struct fetch_response *resp = x->resp;
	const struct redirect_from from = {
		.url = x->url,
		.method = x->method,
		.status = resp->status,
		.location = fields_value(&resp->fields, STR("Location")),
		.hops = resp->hops,
		.hops_len = resp->hops_len,
		.stretch = stretch,
		.max_redirects = x->limits.max_redirects,
		.https_to_http = x->https_to_http,
	};
	return redirect_next(&from, ret, x->resp->detail);
}

/* A frame of its own: in its caller's it would be on the stack of every request that waits. */
__attribute__((noinline)) static enum fetch_error step(struct exchange *x, uint32_t *stretch)
{
	struct fetch_response *resp = x->resp;
	struct redirect_to to;
	enum fetch_error e = find_next(x, *stretch, &to);
	if (e)
		return e;
	e = carry_body(x, to.method_changed);
	if (e == FETCH_OK)
		e = reserve_hop(resp);
	if (e) {
		url_done(&to.url);
		return e;
	}
	keep_hop(resp);
	if (to.method_changed)
		*stretch = resp->hops_len;
	x->withhold = x->withhold || to.leaves;
	x->method = to.method;
	url_done(&resp->url_effective);
	resp->url_effective = to.url;
	forget_answer(resp);
	return FETCH_OK;
}

/* The same request again: RFC 9110 §10.1.1. None of its body was read. */
static void stop_expecting(struct exchange *x)
{
	x->expects = false;
	forget_answer(x->resp);
}

enum fetch_error redirect_run(struct transport *t, struct exchange *x)
{
	uint32_t stretch = 0;
	x->url = &x->resp->url_effective;
	x->resp->t.start = x->resp->start_ns;
	for (;;) {
		enum fetch_error e = transport_round_trip(t, x);
		if (e || (!x->redirect && !x->refused))
			return e;
		if (x->refused)
			stop_expecting(x);
		else
			e = step(x, &stretch);
		if (e)
			return e;
	}
}
