/* SPDX-License-Identifier: MIT
 *
 * pool_internal: what the files of the pool share. pool.c gets and puts, pool_host.c finds a key's host,
 * pool_idle.c keeps connections that nobody uses, pool_reap.c closes them, pool_line.c is where requests
 * wait for one, pool_dial.c opens new ones.
 *
 * A shard's lock guards all that is said here of its hosts, their lines, dials and connections. It is
 * held for some tens of instructions. Under it nothing is opened, closed, watched, cancelled or started:
 * who finds that to be done remembers it, and does it after.
 *
 * A host's `conns` counts rights: each connection and each dial that has begun holds one from birth to
 * death. With a limit there are only so many; a dial for which there is none is held back, and whoever
 * gives a right back (pool__release) gets the first of those to begin, with that right. So a right is
 * never free while a dial waits for it, and nobody has to be woken to take it.
 */
#ifndef CLIENT_POOL_INTERNAL_H
#define CLIENT_POOL_INTERNAL_H

#include "runtime/lock.h"
#include "src/client/pool.h"

#define POOL_SHARDS 16

struct pool_host {
	struct pool_host *next; /* in its bucket */
	struct pool_shard *shard;
	uint64_t hash;
	struct pool_key key;
	struct list idle; /* httpconn.place; the most recently used first */
	struct list line; /* pool_claim.link; in order of arrival */
	struct list held; /* pool_dial.link; likewise */
	uint32_t conns;	  /* being opened, open, idle, or dead and not yet closed */
	uint32_t idle_len;
	uint32_t orphans;	      /* dials that nobody waits for any more */
	uint32_t max_conns, max_idle; /* 0 = no limit; constant */
	char name[];		      /* the key's host */
};

struct pool_shard {
	_Alignas(64) struct lock lock;
	struct pool *pool;
	struct pool_host **buckets;
	uint32_t mask; /* buckets - 1 */
	uint32_t hosts;
	struct list recent; /* httpconn.recent of all idle ones; the most recently used first */
	struct list dead;   /* httpconn.place: for the reaper */
	int64_t ends_ns;    /* no idle one's lifetime ends before this ... */
	int64_t scanned_ns; /* ... and when it was last looked for */
	uint64_t conns, reuses, waiting;
};

struct pool {
	struct pool_options options;
	uint64_t seed; /* of the hosts' hashes */
	struct errgroup *group;
	struct event wake;	  /* the reaper's */
	_Atomic int64_t wakes_ns; /* when it will look by itself; NEVER also while it looks */
	_Atomic uint32_t idle;
	_Atomic uint32_t orphans;
	struct pool_shard shards[POOL_SHARDS];
};

/* When the phases of a dial ended; 0 = not (yet). */
struct pool_made {
	int64_t dns_done, connect_done, tls_done;
};

/* Who waits for a connection; on its own stack, so it is kept small. Under the lock. */
struct pool_claim {
	struct list link; /* until it is served */
	const struct pool_ask *ask;
	struct pool_shard *shard;
	struct pool_host *host; /* may be gone once it is served */
	struct event event;
	bool served;	/* then error, or conn: */
	bool watched;	/* conn is, still */
	bool held;	/* the dial is held back */
	bool unwelcome; /* the host has no room for its own dial's connection */
	enum fetch_error error;
	struct httpconn *conn;
	struct pool_dial
		*dial; /* its own, held back or under way; NULL when that has ended or was let go */
	int64_t begun_ns; /* when it had been held back, and began; else 0 */
	struct pool_made
		made; /* of the dial that made conn, or of its own as far as that had come */
	struct context
		*let_go; /* a reference to the context of its own dial, which is an orphan now */
};

/* One connection being opened, in a goroutine of its own. Its owner is the claim while it is held back,
 * then that goroutine. */
struct pool_dial {
	struct list link; /* while held back */
	struct pool *pool;
	struct pool_host *host;
	struct pool_claim *claim; /* who waits for it; NULL = an orphan. Under the lock */
	struct context *ctx;
	struct httpconn *conn; /* empty until it is open */
	struct connect_limits limits;
	struct connect_times times;
	char detail[FAULT_BYTES]; /* not on a stack that waits */
};

static inline struct pool_shard *pool__shard(struct pool *p, uint64_t hash)
{
	return &p->shards[hash % POOL_SHARDS];
}

/* --- pool_host.c; under the lock --- */

bool pool__hosts_init(struct pool_shard *s) MUST_USE;
/* NULL = there is none. */
struct pool_host *pool__host_find(struct pool_shard *s, const struct pool_key *key, uint64_t hash);
/* Makes one if need be. NULL = out of memory. */
struct pool_host *pool__host_get(struct pool_shard *s, const struct pool_key *key, uint64_t hash);
void pool__host_drop_unused(struct pool_host *h);

/* --- pool_idle.c --- */

/* Under the lock. Gives the time at which the reaper must have looked. */
int64_t pool__idle_insert(struct httpconn *h, int64_t now);
void pool__idle_remove(struct httpconn *h);
/* Under the lock. The most recently used one that is good at now, still watched; or NULL. */
struct httpconn *pool__idle_take(struct pool_host *host, int64_t now);
/* Under the lock. The one to be closed when the host has more than its limit; or NULL. */
struct httpconn *pool__idle_surplus(struct pool_host *host);
/* Puts h, open and quiet, to whoever is first in line, or to rest. made: the times of the dial that it
 * comes from; NULL when it has carried an exchange. */
void pool__rest(struct pool *p, struct httpconn *h, int64_t now, const struct pool_made *made);
/* Closes what is watched and on no list any more, but keeps its right, which the caller has. */
void pool__close_for_right(struct httpconn *h);
/* Closes a connection that no list has any more but that is, or was, watched; gives its right back. */
void pool__bury(struct pool *p, struct httpconn *h);
/* Takes the lock. Puts those whose lifetime is over with the dead. Gives the time when to do so again. */
int64_t pool__idle_scan(struct pool_shard *s, int64_t now);
/* For one of the dead, off their list: it has spoken, or its time is up. */
void pool__idle_settle(struct pool *p, struct httpconn *h);

/* --- pool_reap.c --- */

int pool__reap(void *pool);
/* Closes all that is idle, for good. */
void pool__idle_done(struct pool *p);

/* --- pool_line.c --- */

/* Lines up, with a dial under way or held back, and parks until served. */
enum fetch_error pool__wait(struct pool *p, const struct pool_ask *ask, uint64_t hash,
			    struct httpconn **ret_conn) MUST_USE;

/* The rest under the lock. What became of a connection that was offered to a host's line: */
enum pool_offer {
	POOL_TAKEN, /* a claim has it */
	POOL_NO_TAKER,
	POOL_INSTEAD /* it is to be closed, and *ret_begin to begin with its right */
};
enum pool_offer pool__offer(struct pool_host *host, struct httpconn *h,
			    const struct pool_made *made, struct pool_dial **ret_begin);
/* Takes c out of its line, and gives it what it gets. */
void pool__serve(struct pool_claim *c, enum fetch_error e, struct httpconn *h);
/* One right is given back. Gives the dial that is to begin with it; or NULL, and the host may be gone. */
struct pool_dial *pool__release(struct pool_host *host) MUST_USE;

/* --- pool_dial.c --- */

/* Owns right, which may be NULL, unless it fails: NULL = out of memory. */
struct pool_dial *pool__dial_new(struct pool *p, const struct pool_ask *ask,
				 struct httpconn *right) MUST_USE;
void pool__dial_free(struct pool_dial *d);
/* Starts the goroutine. d may be NULL, else it holds a right. May give way. */
void pool__dial_begin(struct pool_dial *d);
/* As far as it has come. */
struct pool_made pool__dial_times(const struct pool_dial *d);

#endif
