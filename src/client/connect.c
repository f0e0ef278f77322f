/* SPDX-License-Identifier: MIT
 *
 * connect: the three phases in turn. Each has its own time limit within the request's, and its own
 * error for it.
 */
#include "src/client/connect.h"

#include "runtime/clock.h"
#include "src/client/literal.h"
#include "src/client/proxy_dial.h"
#include "src/common/cleanup.h"

void connect_lookup_done(struct cache_lookup *found)
{
	dns_answer_unref(found->answer);
}

struct connect_limits connect_limits_of(const struct fetch_limits *l)
{
	return (struct connect_limits){ .resolve_ns = l->resolve_timeout_ns,
					.connect_ns = l->connect_timeout_ns,
					.tls_ns = l->tls_timeout_ns,
					.message = l->message };
}

static enum fetch_error open_tls(struct connector *c, const struct scope *scope, int64_t timeout_ns,
				 const struct pool_key *key, struct httpconn *h, char *detail)
{
	int err = key->tls->ops->open(key->tls, h->conn, literal_bare_host(key->host), key->port,
				      &h->tls);
	if (err)
		return FETCH_OUT_OF_MEMORY;
	atomic_fetch_add_explicit(&c->tls_handshakes, 1, memory_order_relaxed);
	struct scope_guard guard;
	conn_set_deadline(h->conn, scope_until(scope, clock_now(), timeout_ns));
	scope_guard(&guard, scope, h->conn);
	enum fetch_error e = tls_handshake(h->tls, scope, detail);
	if (!scope_unguard(&guard) && e == FETCH_OK)
		e = scope_error(scope, -ECANCELED, FETCH_TLS_TIMEOUT);
	conn_set_deadline(h->conn, NEVER);
	if (e == FETCH_OK && h->tls->ops->resumed(h->tls))
		atomic_fetch_add_explicit(&c->tls_resumed, 1, memory_order_relaxed);
	return e;
}

/* For the next who want a connection to that name. */
static void tell_cache(struct cache *cache, struct str name, enum fetch_error e,
		       const struct conn *conn)
{
	socklen_t len;
	if (e == FETCH_OK)
		cache_won(cache, name, conn_peer(conn, &len));
	else if (e == FETCH_CONNECT_REFUSED || e == FETCH_CONNECT_TIMEOUT ||
		 e == FETCH_CONNECT_FAILED)
		cache_lost(cache, name);
}

enum fetch_error connect_resolve(struct connector *c, const struct scope *scope, struct str host,
				 int64_t timeout_ns, struct cache_lookup *ret, char *detail)
{
	*ret = (struct cache_lookup){ .half = false };
	enum fetch_error e = literal_answer(host, &ret->answer);
	if (e == FETCH_OK && !ret->answer)
		e = cache_resolve(c->cache, scope, host, timeout_ns, ret, detail);
	return e;
}

enum fetch_error connect_tcp(const struct connect_tcp *to, struct conn **ret_conn,
			     struct connect_times *t, char *detail)
{
	struct connector *c = to->connector;
	cleanup(connect_lookup_done) struct cache_lookup found;
	enum fetch_error e =
		connect_resolve(c, to->scope, to->host, to->limits->resolve_ns, &found, detail);
	if (e)
		return e;
	const struct dial_options how = { .policy = to->judge,
					  .connect_timeout_ns = to->limits->connect_ns,
					  .rest = cache_rest(&found) };
	atomic_store(&t->dns_done, clock_now());
	atomic_fetch_add_explicit(&c->dials, 1, memory_order_relaxed);
	e = dial_connect(&how, to->scope, found.answer, to->port, ret_conn, detail);
	if (found.cache)
		tell_cache(c->cache, to->host, e, e ? NULL : *ret_conn);
	return e;
}

static enum fetch_error open_tcp(struct connector *c, const struct scope *scope,
				 const struct connect_limits *limits, const struct pool_key *key,
				 struct conn **ret_conn, struct connect_times *t, char *detail)
{
	const struct connect_tcp to = { .connector = c,
					.scope = scope,
					.limits = limits,
					.judge = c->policy,
					.host = key->host,
					.port = key->port };
	return key->proxy ? proxy_dial(c, scope, limits, key, ret_conn, t, detail)
			  : connect_tcp(&to, ret_conn, t, detail);
}

enum fetch_error connect_open(void *connector, const struct scope *scope,
			      const struct connect_limits *limits, const struct pool_key *key,
			      struct httpconn *h, struct connect_times *t, char *detail)
{
	enum fetch_error e = open_tcp(connector, scope, limits, key, &h->conn, t, detail);
	if (e)
		return e;
	atomic_store(&t->connect_done, clock_now());
	if (!key->tls)
		return FETCH_OK;
	e = open_tls(connector, scope, limits->tls_ns, key, h, detail);
	if (e)
		httpconn_close(h);
	else
		atomic_store(&t->tls_done, clock_now());
	return e;
}
