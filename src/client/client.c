/* SPDX-License-Identifier: MIT
 *
 * client: puts the parts together (DNS, cache, TLS, pool, transport) and takes them apart in the
 * reverse order. The goroutines of the parts run in one errgroup: client_free cancels it and waits,
 * and only then frees what they used.
 *
 * A fetch allocates nothing but what it gives: the response, in one block with all that is needed
 * while it is under way, its URL and its fields. Into a response that was used before it allocates
 * nothing.
 */
#include "src/client/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "src/client/redirect.h"
#include "src/common/reason.h"

struct client {
	struct client_options options; /* defaults filled in; strings are ours */
	struct errgroup *group;
	struct dns *dns;
	struct cache *cache;
	struct tls *tls;
	struct policy *anywhere;
	struct pool *pool;
	struct credentials *credentials; /* NULL = none */
	struct transport transport;
};

/* --- Options --- */

static void fill_in(struct client_options *o)
{
	fetch_limits_default(&o->limits);
	if (o->idle_conn_ns <= 0)
		o->idle_conn_ns = 55 * SECOND;
	if (o->dns.names == 0)
		o->dns = cache_default_limits;
	if (o->max_idle_conns == 0)
		o->max_idle_conns = 20000;
}

/* --- Making and freeing --- */

static int make_parts(struct client *c, char **ret_reason)
{
	const struct client_options *o = &c->options;
	const struct dns_cares_options dns = { .servers = o->dns_servers };
	const struct pool_options pool = {
		.opener = { .open = connect_open, .user = &c->transport.connector },
		.max_conns_per_host = o->max_conns_per_host,
		.max_idle = o->no_keepalive ? 0 : o->max_idle_conns,
		.max_idle_per_host = o->max_idle_conns_per_host,
		.max_exchanges = o->max_requests_per_conn,
		.idle_ns = o->idle_conn_ns,
		.lifetime_ns = o->conn_lifetime_ns,
	};
	int err = tls_openssl_new(&o->tls, &c->tls, ret_reason);
	if (!err && o->credentials_file)
		err = credentials_open(o->credentials_file, &c->credentials, ret_reason);
	if (!err)
		err = dns_cares_new(c->group, &dns, &c->dns);
	if (err == -EINVAL && !*ret_reason)
		err = refuse(err, ret_reason, "%s: no list of DNS servers", o->dns_servers);
	if (err)
		return err;
	c->cache = cache_new(c->dns, &o->dns);
	c->pool = pool_new(&pool, c->group);
	c->anywhere = policy_new();
	struct str bad;
	if (!c->cache || !c->pool || !c->anywhere)
		return -ENOMEM;
	return policy_allow(c->anywhere, STR("::/0"), &bad); /* IPv4 lies in there as well */
}

static void connect_parts(struct client *c)
{
	const struct client_options *o = &c->options;
	c->transport.pool = c->pool;
	c->transport.connector.cache = c->cache;
	c->transport.tls = c->tls;
	c->transport.connector.policy = o->policy;
	c->transport.connector.anywhere = c->anywhere;
	c->transport.connector.user_agent = o->user_agent;
}

int client_new(const struct client_options *options, struct client **ret_client, char **ret_reason)
{
	char *reason = NULL;
	struct client *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->options = *options;
	fill_in(&c->options);
	if (options->user_agent)
		c->options.user_agent = strdup(options->user_agent);
	c->group = errgroup_new(NULL);
	int err = options->user_agent && !c->options.user_agent ? -ENOMEM : make_parts(c, &reason);
	if (err) {
		client_free(c);
		*ret_reason = reason;
		return err;
	}
	connect_parts(c);
	*ret_client = c;
	return 0;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	context_cancel(errgroup_context(c->group));
	(void)!errgroup_wait(c->group);
	pool_free(c->pool);
	cache_free(c->cache);
	if (c->dns)
		c->dns->ops->close(c->dns);
	if (c->tls)
		c->tls->ops->free(c->tls);
	credentials_free(c->credentials);
	policy_free(c->anywhere);
	free((void *)(uintptr_t)c->options.user_agent);
	free(c);
}

/* --- Fetching --- */

/* A response, as its owner sees it, and what a fetch into it needs while it is under way. */
struct fetch {
	struct fetch_response resp;
	struct exchange x;
};

struct fetch_response *fetch_response_new(void)
{
	struct fetch *f = calloc(1, sizeof(*f));
	return f ? &f->resp : NULL;
}

/* But for the memory of URL and fields, which the next fetch fills again. */
static void forget(struct fetch_response *r)
{
	for (uint32_t i = 0; i < r->hops_len; i++)
		free(r->hops[i].url);
	free(r->hops);
	*r = (struct fetch_response){ .url_effective = r->url_effective, .fields = r->fields };
	fields_clear(&r->fields);
}

void fetch_response_free(struct fetch_response *r)
{
	if (!r)
		return;
	forget(r);
	url_done(&r->url_effective);
	fields_done(&r->fields);
	free(CONTAINER_OF(r, struct fetch, resp));
}

static void set_up(struct exchange *x, const struct client *c, struct context *ctx,
		   const struct fetch_request *req, struct fetch_response *resp)
{
	const struct client_options *o = &c->options;
	x->limits = req->limits;
	fetch_limits_fill(&x->limits, &o->limits);
	resp->start_ns = clock_now();
	x->scope = scope_of(ctx, clock_after(resp->start_ns, x->limits.total_timeout_ns));
	x->options = o;
	x->method = req->method;
	x->fields = req->fields;
	x->sensitive = req->sensitive;
	x->auth = (struct auth){ .own = &req->auth, .first = req->url, .file = c->credentials };
	x->own_proxy = req->proxy;
	x->direct = req->direct;
	x->body = req->body;
	x->body_begun = false;
	x->expects = req->expect_continue;
	x->bodiless = false;
	x->withhold = false;
	x->decoder = NULL;
	x->follow = !o->no_redirects && !req->no_redirects;
	x->https_to_http = o->https_to_http || req->https_to_http;
	x->sink = req->sink;
	x->resp = resp;
}

static enum fetch_error check(const struct exchange *x)
{
	if (str_eq(x->method, STR("CONNECT")))
		return fault(x->resp->detail, FETCH_BAD_REQUEST, "CONNECT would make a tunnel");
	const char *problem = fetch_auth_problem(x->auth.own);
	if (problem)
		return fault(x->resp->detail, FETCH_BAD_REQUEST, "%s", problem);
	return scope_check(&x->scope);
}

enum fetch_error client_fetch(struct client *c, struct context *ctx,
			      const struct fetch_request *req, struct fetch_response *resp)
{
	struct exchange *x = &CONTAINER_OF(resp, struct fetch, resp)->x;
	forget(resp);
	if (url_copy(req->url, &resp->url_effective)) {
		url_done(&resp->url_effective);
		return resp->error = FETCH_OUT_OF_MEMORY;
	}
	set_up(x, c, ctx, req, resp);
	enum fetch_error e = check(x);
	if (e == FETCH_OK)
		e = redirect_run(&c->transport, x);
	if (resp->t.done == 0) /* it failed before an answer's end */
		resp->t.done = clock_now();
	return resp->error = e;
}

void client_stats(struct client *c, struct client_stats *ret_stats)
{
	struct pool_stats pool;
	struct cache_stats cache;
	pool_stats(c->pool, &pool);
	cache_stats(c->cache, &cache);
	*ret_stats = (struct client_stats){
		.dials = atomic_load(&c->transport.connector.dials),
		.tls_handshakes = atomic_load(&c->transport.connector.tls_handshakes),
		.tls_resumed = atomic_load(&c->transport.connector.tls_resumed),
		.stale_retries = atomic_load(&c->transport.stale_retries),
		.reuses = pool.reuses,
		.conns_open = pool.conns,
		.conns_idle = pool.idle,
		.dns_lookups = cache.lookups,
		.dns_hits = cache.hits,
		.dns_stale = cache.stale,
		.dns_names = cache.names,
	};
}
