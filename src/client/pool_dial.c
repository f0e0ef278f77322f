/* SPDX-License-Identifier: MIT
 *
 * pool_dial: each connection is opened by a goroutine of its own, in the pool's group. So the request
 * that asked for it may meanwhile be served by a connection that comes back, or give up: the dial goes on
 * as an orphan, within its own phases' time limits and the client's life, and its connection goes to
 * the next in line or to rest. What it uses is its own or the pool's, nothing is the request's.
 *
 * That holds also where no other connection could come back: a request that dialled by itself would
 * save a spawn (a small part of a dial's cost), and take its half-open connection with it when it goes.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/rand.h"
#include "src/client/pool_internal.h"

struct pool_dial *pool__dial_new(struct pool *p, const struct pool_ask *ask, struct httpconn *right)
{
	struct pool_dial *d = calloc(1, sizeof(*d));
	struct httpconn *h = right || !d ? right : calloc(1, sizeof(*h));
	if (!d || !h) {
		free(d);
		return NULL;
	}
	d->pool = p;
	d->conn = h;
	d->limits = connect_limits_of(ask->limits);
	d->ctx = context_with_cancel(errgroup_context(p->group));
	return d;
}

void pool__dial_free(struct pool_dial *d)
{
	if (!d)
		return;
	context_unref(d->ctx);
	free(d->conn);
	free(d);
}

struct pool_made pool__dial_times(const struct pool_dial *d)
{
	const struct connect_times *t = &d->times;
	return (struct pool_made){ .dns_done = atomic_load(&t->dns_done),
				   .connect_done = atomic_load(&t->connect_done),
				   .tls_done = atomic_load(&t->tls_done) };
}

/* Under the lock: it has ended. Gives who has waited for that; or NULL. */
static struct pool_claim *end(struct pool_dial *d)
{
	struct pool_claim *c = d->claim;
	if (c) {
		c->made = pool__dial_times(d);
		c->dial = NULL;
	} else {
		d->host->orphans--;
		atomic_fetch_sub(&d->pool->orphans, 1);
	}
	return c;
}

/* Up to a tenth less than the limit, so that connections opened together don't end together. */
static int64_t end_of_life(const struct pool *p, int64_t now)
{
	int64_t life = p->options.lifetime_ns;
	if (life <= 0)
		return NEVER;
	return clock_after(now, life - (int64_t)(rand_u64() % (uint64_t)(life / 10 + 1)));
}

static void deliver(struct pool_dial *d)
{
	struct httpconn *h = d->conn;
	struct pool_shard *s = d->host->shard;
	int64_t now = clock_now();
	d->conn = NULL;
	h->ends_ns = end_of_life(d->pool, now);
	lock_acquire(&s->lock);
	struct pool_claim *c = end(d);
	if (c)
		pool__serve(c, FETCH_OK, h);
	lock_release(&s->lock);
	struct pool_made made = pool__dial_times(d);
	if (!c)
		pool__rest(d->pool, h, now, &made);
}

static void fail(struct pool_dial *d, enum fetch_error e)
{
	struct pool_shard *s = d->host->shard;
	lock_acquire(&s->lock);
	struct pool_claim *c = end(d);
	if (c) {
		memcpy(c->ask->detail, d->detail, FAULT_BYTES);
		pool__serve(c, e, NULL);
	}
	struct pool_dial *next = pool__release(d->host);
	lock_release(&s->lock);
	pool__dial_begin(next);
}

/* Out of descriptors, an idle connection is worth less than this one. */
static int run(void *arg)
{
	struct pool_dial *d = arg;
	const struct pool_opener *opener = &d->pool->options.opener;
	const struct scope scope = scope_of(d->ctx, NEVER);
	enum fetch_error e;
	do {
		e = opener->open(opener->user, &scope, &d->limits, &d->host->key, d->conn,
				 &d->times, d->detail);
	} while (e == FETCH_OUT_OF_DESCRIPTORS && pool_evict(d->pool));
	if (e)
		fail(d, e);
	else
		deliver(d);
	pool__dial_free(d);
	return 0;
}

void pool__dial_begin(struct pool_dial *d)
{
	if (d)
		errgroup_go(d->pool->group, run, d);
}
