/* SPDX-License-Identifier: MIT
 *
 * pool_line: who finds no idle connection lines up with a claim, and with a dial of its own that begins
 * at once or is held back by the limit. Whichever comes first serves it: that dial; a connection that
 * comes back, or that was dialled for somebody who has gone (those go to the first in line). Its dial's
 * failure ends its wait; that of another's doesn't concern it.
 *
 * A claim is served under the lock, once, and out of the line from then on. A claimant who gives up at
 * that moment finds that it is served, and passes on what it got. One whose connection has died between
 * the line and its hands opens another with that one's right, first in line as it was.
 *
 * A claim for a fresh connection takes none that was kept before. At the limit it could wait for ever
 * for a right while kept connections go from hand to hand: so, being first in line, it has the next of
 * them closed for its right.
 */
#include "runtime/clock.h"
#include "src/client/pool_internal.h"
#include "src/client/proxy.h"

/* --- Under the lock --- */

/* Its dial isn't for it any more: one held back is still its own to free, one under way is an orphan.
 * Orphans count as if they were idle already. */
static void part_from_dial(struct pool_claim *c)
{
	struct pool_dial *d = c->dial;
	struct pool_host *host = c->host;
	if (!d)
		return;
	d->claim = NULL;
	if (c->held) {
		list_remove(&d->link);
		return;
	}
	c->made = pool__dial_times(d);
	c->dial = NULL;
	c->let_go = context_ref(d->ctx);
	host->orphans++;
	atomic_fetch_add(&d->pool->orphans, 1);
	c->unwelcome = host->max_idle && host->idle_len + host->orphans > host->max_idle;
}

static void leave(struct pool_claim *c)
{
	list_remove(&c->link);
	c->host->shard->waiting--;
	part_from_dial(c);
}

void pool__serve(struct pool_claim *c, enum fetch_error e, struct httpconn *h)
{
	leave(c);
	c->error = e;
	c->conn = h;
	c->served = true;
	c->host->shard->reuses += h && h->kept;
	event_set(&c->event);
}

/* Its dial, which was held back, has a right now. */
static void let_begin(struct pool_claim *c, int64_t now)
{
	list_remove(&c->dial->link);
	c->held = false;
	c->begun_ns = now;
}

enum pool_offer pool__offer(struct pool_host *host, struct httpconn *h,
			    const struct pool_made *made, struct pool_dial **ret_begin)
{
	list_for_each (node, &host->line) {
		struct pool_claim *c = CONTAINER_OF(node, struct pool_claim, link);
		bool takes = !c->ask->fresh || !h->kept;
		if (takes) {
			pool__serve(c, FETCH_OK, h);
			c->watched = true;
			if (made)
				c->made = *made;
			return POOL_TAKEN;
		}
		if (c->held) {
			*ret_begin = c->dial;
			let_begin(c, clock_now());
			return POOL_INSTEAD;
		}
	}
	return POOL_NO_TAKER;
}

struct pool_dial *pool__release(struct pool_host *host)
{
	if (!list_empty(&host->held)) {
		struct pool_dial *d = CONTAINER_OF(host->held.next, struct pool_dial, link);
		let_begin(d->claim, clock_now());
		return d;
	}
	host->conns--;
	host->shard->conns--;
	pool__host_drop_unused(host);
	return NULL;
}

/* Places c in line. *ret_close: an idle connection whose right its dial gets. */
static void line_up(struct pool_claim *c, bool has_right, struct httpconn **ret_close)
{
	struct pool_host *host = c->host;
	bool full = !has_right && host->max_conns && host->conns >= host->max_conns;
	if (full) {
		*ret_close = pool__idle_take(host, c->ask->t->start);
		c->held = *ret_close == NULL;
	} else if (!has_right) {
		host->conns++;
		host->shard->conns++;
	}
	host->shard->waiting++;
	if (c->held)
		list_push_back(&host->held, &c->dial->link);
	if (has_right)
		list_push_front(&host->line, &c->link);
	else
		list_push_back(&host->line, &c->link);
}

/* --- Lining up --- */

/* True with an idle connection, still watched, that has come back meanwhile. Else c is in line. */
static bool take_or_line_up(struct pool_claim *c, bool has_right, struct httpconn **ret_close)
{
	struct pool_host *host = c->host;
	if (!c->ask->fresh && !has_right)
		c->conn = pool__idle_take(host, c->ask->t->start);
	if (c->conn) {
		c->watched = true;
		host->shard->reuses++;
		return true;
	}
	c->dial->host = c->dial->conn->host = host;
	c->dial->claim = c;
	line_up(c, has_right, ret_close);
	return false;
}

/* As above, under the lock, and does then what couldn't be done there. FETCH_OUT_OF_MEMORY: neither. */
static enum fetch_error enter(struct pool *p, struct pool_claim *c, uint64_t hash, bool has_right,
			      bool *ret_waits)
{
	struct pool_shard *s = pool__shard(p, hash);
	struct httpconn *close = NULL;
	bool waits = false;
	lock_acquire(&s->lock);
	c->shard = s;
	c->host = pool__host_get(s, c->ask->key, hash);
	if (c->host)
		waits = !take_or_line_up(c, has_right, &close);
	bool begin = waits && !c->held;
	struct pool_dial *d = c->dial;
	lock_release(&s->lock);
	if (close)
		pool__close_for_right(close);
	if (begin)
		pool__dial_begin(d);
	*ret_waits = waits;
	return c->host ? FETCH_OK : FETCH_OUT_OF_MEMORY;
}

/* --- Waiting --- */

/* A dial that goes on without us takes the place of an idle connection. Where none gives way, it ends. */
static void let_dial_go(struct pool *p, struct pool_claim *c)
{
	bool room = !c->unwelcome;
	while (room && atomic_load(&p->idle) + atomic_load(&p->orphans) > p->options.max_idle)
		room = pool_evict(p);
	if (!room)
		context_cancel(c->let_go);
	context_unref(c->let_go);
	c->let_go = NULL;
}

/* Parks. 0 when c is served, else what ended the wait. */
static int wait_until_served(struct pool *p, struct pool_claim *c)
{
	const struct scope *scope = c->ask->scope;
	struct pool_shard *s = c->shard;
	int err = event_wait(&c->event, scope->ctx, scope->deadline_ns);
	lock_acquire(&s->lock);
	if (!c->served) {
		leave(c);
		pool__host_drop_unused(c->host);
	}
	lock_release(&s->lock);
	if (c->let_go)
		let_dial_go(p, c);
	return err;
}

/* Takes the watch off what c was given, if there is one. False when that one had fired. */
static bool lives(struct pool_claim *c)
{
	bool was_watched = c->watched;
	c->watched = false;
	return !was_watched || conn_watch_idle(c->conn->conn, NULL, NULL);
}

/* c has given up, and was given a connection just then. */
static void pass_on(struct pool *p, struct pool_claim *c)
{
	struct httpconn *h = c->conn;
	if (lives(c))
		pool__rest(p, h, clock_now(), h->kept ? NULL : &c->made);
	else
		pool_discard(p, h);
}

/* A proxy's connection that serves any origin has no host of its own. */
static struct str peer_name(const struct pool_key *key)
{
	return key->host.len || !key->proxy ? key->host : key->proxy->at.hostname;
}

static enum fetch_error give_up(struct pool *p, struct pool_claim *c, int err)
{
	const struct pool_ask *ask = c->ask;
	const char *doing = "connecting to";
	if (c->conn)
		pass_on(p, c);
	if (c->held)
		doing = "waiting in line for a connection to";
	else if (c->made.connect_done)
		doing = "in the TLS handshake with";
	else if (!c->made.dns_done)
		doing = "resolving";
	return fault(ask->detail, scope_error(ask->scope, err, FETCH_TOTAL_TIMEOUT), "%s %.*s",
		     doing, STR_ARG(peer_name(ask->key)));
}

/* --- Timings --- */

static int64_t later(int64_t at, int64_t than)
{
	return at && at < than ? than : at;
}

/* What a connection that another's dial has made took before we came, took us no time. */
static void note_times(const struct pool_claim *c)
{
	struct fetch_timings *t = c->ask->t;
	int64_t now = clock_now();
	bool kept = c->conn && c->conn->kept;
	t->queued = kept || c->held ? now : c->begun_ns;
	if (kept)
		return;
	int64_t begin = t->queued ? t->queued : t->start;
	t->dns_done = later(c->made.dns_done, begin);
	t->connect_done = later(c->made.connect_done, begin);
	t->tls_done = later(c->made.tls_done, begin);
}

/* --- The whole --- */

static enum fetch_error wait_in_line(struct pool *p, struct pool_claim *c)
{
	int err = wait_until_served(p, c);
	note_times(c);
	return err ? give_up(p, c, err) : c->error;
}

/* FETCH_OK with c->conn, or why there is none. Owns right, which may be NULL. */
static enum fetch_error claim(struct pool *p, struct pool_claim *c, uint64_t hash,
			      struct httpconn *right)
{
	bool waits;
	c->dial = pool__dial_new(p, c->ask, right);
	if (!c->dial) {
		if (right)
			pool_discard(p, right);
		return FETCH_OUT_OF_MEMORY;
	}
	event_init(&c->event);
	enum fetch_error e = enter(p, c, hash, right != NULL, &waits);
	if (e == FETCH_OK && waits)
		e = wait_in_line(p, c);
	event_done(&c->event);
	pool__dial_free(c->dial);
	return e;
}

enum fetch_error pool__wait(struct pool *p, const struct pool_ask *ask, uint64_t hash,
			    struct httpconn **ret_conn)
{
	for (struct httpconn *right = NULL;;) {
		struct pool_claim c = { .ask = ask };
		enum fetch_error e = claim(p, &c, hash, right);
		if (e)
			return e;
		if (lives(&c)) {
			*ret_conn = c.conn;
			return FETCH_OK;
		}
		right = c.conn;
		httpconn_close(right);
		struct pool_host *host = right->host;
		*right = (struct httpconn){ .host = host };
	}
}
