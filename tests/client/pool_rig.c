/* SPDX-License-Identifier: MIT
 *
 * pool_rig: a pool alone, with dials that tests hold at a gate.
 */
#include "tests/client/pool_rig.h"

#include <stdlib.h>

#include "runtime/select.h"

static void hold(struct peer *p)
{
	char c;
	while (conn_read(p->conn, &c, 1) == 1)
		if (c == 'q' || !peer_say(p, "!"))
			return;
}

static enum fetch_error wait_at_gate(struct world *w, const struct scope *scope)
{
	enum {
		ON_VERDICT,
		ON_DONE
	};
	enum fetch_error e = FETCH_OK;
	struct select_case cases[] = {
		[ON_VERDICT] = on_recv(w->verdicts, &e),
		[ON_DONE] = on_recv(context_done(scope->ctx), NULL),
	};
	if (select_wait(cases) == ON_VERDICT)
		return e;
	atomic_fetch_add(&w->cancelled, 1);
	return FETCH_CANCELLED;
}

static enum fetch_error open_conn(void *user, const struct scope *scope,
				  const struct connect_limits *limits, const struct pool_key *key,
				  struct httpconn *h, struct connect_times *t, char *detail)
{
	struct world *w = user;
	enum fetch_error e = FETCH_OK;
	socklen_t len;
	const struct sockaddr *addr = listener_addr(w->origin->listener, &len);
	CHECK(limits->connect_ns > 0);
	atomic_fetch_add(&w->dialling, 1);
	if (w->before)
		e = w->before(w, scope);
	else if (w->gated)
		e = wait_at_gate(w, scope);
	if (e == FETCH_OK) {
		CHECK_OK(conn_dial(addr, len, NEVER, &h->conn));
		atomic_fetch_add(&w->dials, 1);
		atomic_store(&t->dns_done, atomic_load(&w->times.dns_done));
		atomic_store(&t->connect_done, atomic_load(&w->times.connect_done));
	}
	atomic_fetch_sub(&w->dialling, 1);
	return e ? fault(detail, e, "%.*s says no", STR_ARG(key->host)) : e;
}

struct world *world_open(const struct pool_options *options)
{
	struct world *w = calloc(1, sizeof(*w));
	struct pool_options o = *options;
	o.opener = (struct pool_opener){ .open = open_conn, .user = w };
	o.max_idle = o.max_idle ? o.max_idle : 1000;
	o.idle_ns = o.idle_ns ? o.idle_ns : 60 * SECOND;
	w->origin = origin_open(&(struct origin_options){ .play = hold });
	w->group = errgroup_new(context_background());
	w->askers = errgroup_new(context_background());
	w->verdicts = chan_make(verdict_chan, 0);
	w->pool = pool_new(&o, w->group);
	return w;
}

void world_close(struct world *w)
{
	CHECK_EQ(errgroup_wait(w->askers), 0);
	context_cancel(errgroup_context(w->group));
	CHECK_EQ(errgroup_wait(w->group), 0);
	pool_free(w->pool);
	chan_unref(w->verdicts);
	origin_close(w->origin);
	free(w);
}

void gate(struct world *w, enum fetch_error e)
{
	chan_send(w->verdicts, e);
}

void tell(struct httpconn *h, const char *what)
{
	(void)!conn_write(h->conn, what, strlen(what));
}

static int run(void *arg)
{
	struct asker *a = arg;
	static const struct fetch_limits limits = { .resolve_timeout_ns = SECOND,
						    .connect_timeout_ns = SECOND,
						    .tls_timeout_ns = SECOND };
	int64_t patience = a->patience_ns ? a->patience_ns : 60 * SECOND;
	const struct pool_key key = { .host = str_of(a->host), .port = 80 };
	a->t.start = clock_now();
	const struct scope scope =
		scope_of(a->ctx ? a->ctx : context_background(), a->t.start + patience);
	const struct pool_ask ask = { .key = &key,
				      .scope = &scope,
				      .limits = &limits,
				      .fresh = a->fresh,
				      .t = &a->t,
				      .detail = a->detail };
	a->error = pool_get(a->w->pool, &ask, &a->got);
	a->order = atomic_fetch_add(&a->w->served, 1) + 1;
	atomic_store(&a->ended, true);
	return 0;
}

enum fetch_error asker_run(struct asker *a)
{
	(void)run(a);
	return a->error;
}

void asker_start(struct asker *a)
{
	uint64_t before = waiting(a->w);
	errgroup_go(a->w->askers, run, a);
	WAIT_FOR(atomic_load(&a->ended) || waiting(a->w) > before);
}

enum fetch_error asker_end(struct asker *a)
{
	WAIT_FOR(atomic_load(&a->ended));
	return a->error;
}

struct httpconn *get(struct world *w, const char *host)
{
	struct asker a = { .w = w, .host = host };
	CHECK_EQ(asker_run(&a), FETCH_OK);
	return a.got;
}

void put(struct world *w, struct httpconn *h)
{
	pool_put(w->pool, h, clock_now());
}

static struct pool_stats stats(struct world *w)
{
	struct pool_stats s;
	pool_stats(w->pool, &s);
	return s;
}

uint64_t conns(struct world *w)
{
	return stats(w).conns;
}

uint64_t idle(struct world *w)
{
	return stats(w).idle;
}

uint64_t waiting(struct world *w)
{
	return stats(w).waiting;
}
