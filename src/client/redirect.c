/* SPDX-License-Identifier: MIT
 *
 * redirect: a loop is seen when a hop asks for a URL that an earlier one asked for with the same
 * method (fragments don't count). A change of method begins a new stretch: 303 back to the same URL
 * is how a form answers.
 */
#include "src/client/redirect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "src/common/buf.h"
#include "src/common/cleanup.h"

/* Where the redirect leads. A Location without fragment inherits the one we came with (RFC 9110
 * §10.2.2). */
static enum fetch_error target_of(const struct fetch_response *resp, struct url *ret, char *detail)
{
	struct str location = fields_value(&resp->fields, STR("Location"));
	const struct url *from = &resp->url_effective;
	const char *reason = "";
	cleanup(buf_done) struct buf with_hash = { 0 };
	if (from->hash.len && str_index(location, '#') < 0) {
		buf_append_str(&with_hash, location);
		buf_append_str(&with_hash, from->hash);
		if (with_hash.failed)
			return FETCH_OUT_OF_MEMORY;
		location = buf_str(&with_hash);
	}
	int err = url_parse(location, from, ret, &reason);
	if (err == -ENOMEM)
		return FETCH_OUT_OF_MEMORY;
	if (err)
		return fault(detail, FETCH_REDIRECT_BAD, "Location: %s", reason);
	return FETCH_OK;
}

/* href without #fragment, as a C string holds it. */
static struct str without_hash(const char *href)
{
	return str_make(href, strcspn(href, "#"));
}

static bool visited(const struct fetch_response *resp, uint32_t since, const struct url *next)
{
	struct str wanted = url_without_hash(next);
	for (uint32_t i = since; i < resp->hops_len; i++)
		if (str_eq(without_hash(resp->hops[i].url), wanted))
			return true;
	return false;
}

/* Puts the hop just made on the list. */
static enum fetch_error keep_hop(struct fetch_response *resp)
{
	struct fetch_hop *hops = reallocarray(resp->hops, resp->hops_len + 1, sizeof(*hops));
	if (!hops)
		return FETCH_OUT_OF_MEMORY;
	resp->hops = hops;
	char *url = str_dup(resp->url_effective.href);
	if (!url)
		return FETCH_OUT_OF_MEMORY;
	hops[resp->hops_len++] = (struct fetch_hop){
		.url = url, .status = resp->status, .conn_reused = resp->conn_reused, .t = resp->t
	};
	return FETCH_OK;
}

static struct str method_after(uint16_t status, struct str method)
{
	bool post = str_eq(method, STR("POST"));
	if (status == 303 && !str_eq(method, STR("HEAD")))
		return STR("GET");
	return (status == 301 || status == 302) && post ? STR("GET") : method;
}

/* What the next hop is to fill anew. */
static void forget_answer(struct fetch_response *resp)
{
	fields_done(&resp->fields);
	resp->status = 0;
	resp->http_minor = 0;
	resp->conn_reused = false;
	resp->size_download = 0;
	resp->size_body = 0;
	memset(&resp->remote, 0, sizeof(resp->remote));
	resp->t = (struct fetch_timings){ .start = clock_now() };
}

/* May the chain go on to `next`? stretch: the first hop with the present method. */
static enum fetch_error judge(const struct exchange *x, const struct url *next, uint32_t stretch)
{
	const struct fetch_response *resp = x->resp;
	if (x->url->https && !next->https)
		return fault(x->resp->detail, FETCH_REDIRECT_REFUSED, "from https to http: %.*s",
			     STR_ARG(next->host_port));
	if (visited(resp, stretch, next))
		return fault(x->resp->detail, FETCH_REDIRECT_LOOP, "after %u redirects",
			     resp->hops_len);
	if (resp->hops_len > x->limits.max_redirects)
		return fault(x->resp->detail, FETCH_TOO_MANY_REDIRECTS, "the limit is %u",
			     x->limits.max_redirects);
	return FETCH_OK;
}

/* The body goes along with its method, or not at all. */
static enum fetch_error carry_body(struct exchange *x, bool method_changed)
{
	if (method_changed) {
		x->body = NULL;
		x->bodiless = true;
	} else if (x->body && (!x->body->rewind || x->body->rewind(x->body))) {
		return fault(x->resp->detail, FETCH_BODY_SPENT, "redirected by a %u",
			     x->resp->status);
	}
	return FETCH_OK;
}

static enum fetch_error step(struct exchange *x, uint32_t *stretch)
{
	struct fetch_response *resp = x->resp;
	struct url next = { 0 };
	enum fetch_error e = target_of(resp, &next, resp->detail);
	if (e == FETCH_OK)
		e = keep_hop(resp);
	struct str method = method_after(resp->status, x->method);
	bool changed = !str_eq(method, x->method);
	if (changed)
		*stretch = resp->hops_len;
	if (e == FETCH_OK)
		e = judge(x, &next, *stretch);
	if (e == FETCH_OK)
		e = carry_body(x, changed);
	if (e) {
		url_done(&next);
		return e;
	}
	x->withhold = x->withhold || !url_same_origin(x->url, &next);
	x->method = method;
	url_done(&resp->url_effective);
	resp->url_effective = next;
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
