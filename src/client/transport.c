/* SPDX-License-Identifier: MIT
 *
 * transport: the retry rule is that of Go's net/http: a connection that had carried an exchange
 * before failed without a byte of an answer, and either nothing of the request had gone out or the
 * method may be repeated. Then the server most likely closed it while it was idle, and the request
 * goes out once more, on a connection that is new for certain. Any other failure is an answer to
 * the caller.
 */
#include "src/client/transport.h"

#include <string.h>

#include "src/client/proxy_dial.h"
#include "src/client/send.h"
#include "src/http/method.h"

/* RFC 9110 §9.2.2, and the draft that lets a key make any method so. */
static bool may_repeat(const struct exchange *x)
{
	return method_idempotent(x->method) ||
	       (x->fields && fields_count(x->fields, STR("Idempotency-Key")));
}

static bool went_stale(struct exchange *x, enum fetch_error e)
{
	bool closed = e == FETCH_SEND_FAILED || e == FETCH_CLOSED_EARLY || e == FETCH_RESET ||
		      e == FETCH_TLS_BROKEN;
	return closed && !x->answered && (!x->wrote || may_repeat(x)) && send_rewind(x);
}

/* Any connection to an HTTP proxy will do for a plain request, whatever its origin. */
static struct pool_key key_for(const struct transport *t, const struct exchange *x)
{
	if (exchange_is_relayed(x))
		return (struct pool_key){ .host = STR(""), .proxy = x->proxy };
	return (struct pool_key){ .host = x->url->hostname,
				  .port = x->url->port_number,
				  .tls = x->url->https ? t->tls : NULL,
				  .proxy = x->proxy };
}

static enum fetch_error obtain(struct transport *t, struct exchange *x, bool fresh,
			       struct httpconn **ret_conn)
{
	const struct pool_key key = key_for(t, x);
	const struct pool_ask ask = { .key = &key,
				      .scope = &x->scope,
				      .limits = &x->limits,
				      .fresh = fresh,
				      .t = &x->resp->t,
				      .detail = x->resp->detail };
	return pool_get(t->pool, &ask, ret_conn);
}

static void note_peer(struct fetch_response *resp, const struct conn *conn)
{
	socklen_t len;
	const struct sockaddr *peer = conn_peer(conn, &len);
	memcpy(&resp->remote, peer, len < sizeof(resp->remote) ? len : sizeof(resp->remote));
}

static enum fetch_error try_once(struct transport *t, struct exchange *x, bool fresh,
				 bool *ret_again)
{
	struct httpconn *h = NULL;
	*ret_again = false;
	enum fetch_error e = obtain(t, x, fresh, &h);
	if (e)
		return e;
	x->resp->attempts++;
	x->resp->conn_reused = h->kept;
	note_peer(x->resp, h->conn);
	e = exchange_run(x, h);
	*ret_again = x->resp->conn_reused && went_stale(x, e);
	if (x->reusable)
		pool_put(t->pool, h, x->resp->t.done);
	else
		pool_discard(t->pool, h);
	return e;
}

static const struct proxy *choose_proxy(const struct exchange *x)
{
	if (x->direct)
		return NULL;
	if (x->own_proxy)
		return x->own_proxy;
	return x->options->proxies ? proxy_rules_choose(x->options->proxies, x->url) : NULL;
}

enum fetch_error transport_round_trip(struct transport *t, struct exchange *x)
{
	bool again = false;
	enum fetch_error e = FETCH_OK;
	x->proxy = choose_proxy(x);
	x->resp->proxy_used = x->proxy != NULL;
	if (x->proxy)
		e = proxy_dial_judge(t->connector.policy, x->proxy, x->url, x->resp->detail);
	if (e == FETCH_OK)
		e = try_once(t, x, false, &again);
	if (!again)
		return e;
	atomic_fetch_add_explicit(&t->stale_retries, 1, memory_order_relaxed);
	x->resp->detail[0] = '\0';
	x->resp->t = (struct fetch_timings){ .start = x->resp->t.start };
	return try_once(t, x, true, &again);
}
