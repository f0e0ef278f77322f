/* SPDX-License-Identifier: MIT
 *
 * hostq: the jobs in memory, queued by host, and the answer to "which job may start now?".
 *
 * A *host* is an origin. A *source* is a batch as the queues see it. A *lane* is the jobs of one
 * source for one host, and the runs of jobs that it has *parked*: left in the store because the
 * host has enough in memory. Hosts that may start a job stand in a ring and take turns; so do a
 * host's lanes: neither a slow host nor a large batch stands before the others.
 *
 *	refill: hostq_offer -> read lines -> hostq_put	(from the batch's chunks in order)
 *		hostq_claim -> read lines -> hostq_put	(a parked run, at half its host's depth)
 *	dispatcher: hostq_pop -> start it;  request: hostq_finish
 *
 * Bounded: at most `window` jobs and HELD_BYTES_MAX bytes of lines are held (queued or in flight),
 * at most `depth` queued for one host, at most PARKED_MAX parked runs; a source gets its share of
 * the window. While more than BACKLOG_MAX bytes of results wait for the disk nothing starts.
 */
#ifndef FETCHD_HOSTQ_H
#define FETCHD_HOSTQ_H

#include "runtime/chan.h"
#include "runtime/list.h"
#include "runtime/lock.h"
#include "src/fetchd/job.h"

#define HELD_BYTES_MAX ((size_t)64 << 20)
#define BACKLOG_MAX    ((size_t)16 << 20)
#define PARKED_MAX     (256 * 1024)

/* A batch. Embedded in its owner; counted, because requests and refill outlive a deletion. */
struct source {
	uint64_t batch;
	void (*free)(struct source *s); /* the last reference went */
	/* It was stopped, and now nothing of it is in flight. Must not park. */
	void (*settled)(struct source *s);
	_Atomic uint32_t refs;
	/* refill's alone */
	uint32_t chunk; /* the next to look at */
	size_t cursor;	/* in its directory */
	/* under the lock of the hostq */
	struct list node;  /* in hostq.sources while not all of its chunks were looked at */
	struct list lanes; /* of struct lane.of_source */
	uint32_t queued, in_flight, parked;
	uint32_t pins; /* refill works on it */
	bool scanning, loading, stopped;
};

/* Jobs left in the store: [place, place + count) of a chunk, the first one's line at offset.
 * malloc'd. */
struct parked {
	struct list node; /* in its lane */
	uint32_t chunk, place, count, offset;
};

struct lane {
	struct host *host;
	struct source *source;
	struct list of_host, of_source;
	struct list ready;   /* in host.ready while it has jobs */
	struct list waiting; /* in host.waiting while it has parked runs */
	struct list jobs, parked;
	uint32_t jobs_len, parked_len, pins;
	size_t bytes;
};

struct host {
	struct host *chain; /* in its bucket */
	uint64_t hash;
	struct list ready_node;	 /* in hostq.ready: has a job and may start one */
	struct list hungry_node; /* in hostq.hungry: has parked runs and room for them */
	struct list lanes, ready, waiting;
	uint32_t queued, in_flight;
	uint32_t origin_len;
	char origin[];
};

struct hostq {
	struct lock lock; /* guards all but backlog and the channels */
	struct host **buckets;
	size_t buckets_len, hosts_len;
	uint64_t seed;
	struct list ready, hungry, sources;
	uint32_t sources_len, hungry_len, loading_len;
	uint32_t max_per_host; /* UINT32_MAX = no limit */
	uint32_t depth, window;
	uint32_t queued, in_flight, parked;
	size_t held_bytes;
	uint32_t wake_at; /* refill wants to know when no more than this are held */
	bool news;	  /* a host became hungry, or a source came, since refill looked */
	bool dispatcher_waits, refill_waits;
	_Atomic size_t backlog; /* bytes of results that wait for their commit */
	done_chan work;		/* capacity 1: pop may succeed now */
	done_chan room;		/* capacity 1: refill has something to do now */
};

struct hostq_stats {
	uint32_t queued, in_flight;
	bool starved; /* there are queued jobs, but no host may start one */
};

/* max_per_host 0 = no limit. */
void hostq_init(struct hostq *q, uint32_t max_per_host, uint32_t window);
void hostq_done(struct hostq *q); /* all sources stopped, nothing in flight */
void hostq_stats(struct hostq *q, struct hostq_stats *ret_stats);

/* ---- the dispatcher's side ---- */

/* The next job, in flight from now on; NULL: none may start, q->work will say when. Holds a
 * reference to its source. */
struct job *hostq_pop(struct hostq *q);
/* Its request has ended and its record is made. Frees it. */
void hostq_finish(struct hostq *q, struct job *job);
/* Result bytes that came, and that were committed. */
void hostq_backlog_add(struct hostq *q, size_t bytes);
void hostq_backlog_sub(struct hostq *q, size_t bytes);

/* ---- sources ---- */

/* Zeroes s but for what the owner set before: batch, free, settled. One reference. */
void source_init(struct source *s);
struct source *source_ref(struct source *s);
void source_unref(struct source *s);

/* Refill takes its chunks from now on. Takes a reference until they all were looked at or it is
 * stopped. */
void hostq_add_source(struct hostq *q, struct source *s);
/* Drops what is queued and parked, loads no more of it. What is in flight goes on; s->settled is
 * called when it has ended. */
void hostq_stop_source(struct hostq *q, struct source *s);
/* Stopped, and nothing of it in flight or in refill's hands. */
bool hostq_settled(struct hostq *q, struct source *s);
void hostq_source_counts(struct hostq *q, struct source *s, uint32_t *ret_queued,
			 uint32_t *ret_in_flight);

/* ---- refill's side: one goroutine ---- */

/* From now on q->room gets a token when there is something to do. */
void hostq_refill_arm(struct hostq *q);

/* The next source whose chunks are to be looked at, with a pin; at most *turns more, which counts
 * down. NULL: no more. */
struct source *hostq_take_source(struct hostq *q, uint32_t *turns);
/* Gives it back; scanned: its chunks were all looked at. */
void hostq_give_source(struct hostq *q, struct source *s, bool scanned);
uint32_t hostq_turns(struct hostq *q); /* as many turns as there are sources */

/* Some source has chunks to be looked at, or parked runs. */
bool hostq_loading(struct hostq *q);

/* False: the window, the source's share of it or the room for parked runs is used up. */
bool hostq_has_room(struct hostq *q, struct source *s);
/* The lane for origin, and how many of its jobs may be put now (may be 0). NULL = out of memory.
 * Each lane given is put. */
struct lane *hostq_offer(struct hostq *q, struct source *s, struct str origin, uint32_t *ret_room);
/* The next parked run of a hungry host, its source pinned; NULL = none. */
struct lane *hostq_claim(struct hostq *q, uint32_t *turns, uint32_t *ret_room,
			 struct parked **ret_run);
uint32_t hostq_hungry(struct hostq *q); /* as many turns as there are hungry hosts */

/* Jobs for an offered or claimed lane, and what is left of the run (may be NULL; first: before the
 * lane's other runs). Owns all of it. */
struct fill {
	struct list jobs; /* source and host are set by put */
	uint32_t len;
	size_t bytes;
};
void fill_init(struct fill *f);
void hostq_put(struct hostq *q, struct lane *lane, struct fill *f, struct parked *rest, bool first);

/* ---- shared by hostq's files; under the lock ---- */
/* Finds or makes it. NULL = out of memory. */
struct host *hostq__host(struct hostq *q, struct str origin);
/* Frees it when nothing needs it. */
void hostq__forget(struct hostq *q, struct host *h);
/* Puts it into the rings where it belongs now; may free it. */
void hostq__update(struct hostq *q, struct host *h);
/* The same in its host's rings; may free the lane, not the host. */
void hostq__lane_update(struct lane *lane);
/* Releases the lock, then wakes who waits for what has come about. */
void hostq__unlock(struct hostq *q);

#endif
