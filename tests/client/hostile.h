/* SPDX-License-Identifier: MIT
 *
 * hostile: what an origin may do to one request, and what must become of it, as a row of a table. The tables are in
 * hostile_heads.c (answers' heads), hostile_bodies.c (framing), hostile_floods.c (without end, or far too much),
 * hostile_stalls.c (silence, trickles, ends in each phase), hostile_cuts.c (answers that end at each of their bytes)
 * and hostile_tls.c. test_hostile.c plays all rows at once, hundreds at a time, beside honest requests of the same client.
 *
 * Each row has an origin of its own. Its first connection is played the row's part; every other request, also on that
 * connection, is answered well and with the connection's number. So after the row's own request a second one shows on
 * which connection it came: on the first only where `kept` says so.
 */
#ifndef TESTS_CLIENT_HOSTILE_H
#define TESTS_CLIENT_HOSTILE_H

#include "src/client/client.h"
#include "tests/client/certs.h"
#include "tests/client/scripted.h"

struct hostile {
	const char *name;

	/* The origin's part, once it has read the request's head: text, then `again` until nobody takes it, then `then`; bytes by
	 * themselves, with pauses, if pause_ns. */
	struct str text, again;
	int64_t pause_ns;
	enum then then;
	void (*play)(struct peer *p); /* instead of all that */
	void (*raw)(struct peer *p);  /* instead of reading a head, and of a TLS handshake */

	/* TLS, with that certificate; changed by set_up. */
	const struct cert *cert;
	void (*set_up)(SSL_CTX *ctx);
	const char *host; /* NULL = 127.0.0.1 */

	/* The request. */
	const char *method; /* NULL = GET */
	size_t upload;	    /* bytes of a body */
	struct fetch_limits limits;

	/* What must come of it. */
	enum fetch_error error;
	enum fetch_error or_errors[3]; /* where ends race */
	unsigned status;    /* not looked at after a total timeout, which may come at any time */
	const char *body;   /* NULL = whatever */
	const char *detail; /* a part of what is said; NULL = whatever */
	bool kept;	    /* the connection may carry another request */
	bool settle; /* what spoils it comes after the answer: wait until the connection is gone */
	bool always; /* every request of this origin ends so */
	bool alone; /* no second request: the first may run out of time before it has the connection, which is kept then */
};

struct hostile_table {
	const char *name;
	const struct hostile *rows;
	size_t len;
};

extern const struct hostile_table hostile_heads, hostile_bodies, hostile_floods, hostile_stalls,
	hostile_tls;

/* Answers that end, in several ways, behind each of their bytes. The caller frees the rows with hostile_cuts_free. */
struct hostile_table hostile_cuts(void);
void hostile_cuts_free(struct hostile_table *t);

/* A client that trusts the authority that signs the rows' certificates. */
struct hostile_world {
	struct certs *certs;
	struct rig *rig;
	_Atomic int failures; /* checks, each told on standard output */
};

/* One row, to its end. */
void hostile_run(struct hostile_world *w, const struct hostile *h);

/* For the tables. */
#define HOSTILE_TABLE(name_, rows_)                           \
	const struct hostile_table name_ = { .name = #name_,  \
					     .rows = (rows_), \
					     .len = sizeof(rows_) / sizeof((rows_)[0]) }
#define TEXT(literal) STR_INIT(literal)

/* For play and raw: as the row says. */
const struct hostile *hostile_of(const struct peer *p);
void hostile_say_without_end(struct peer *p, struct str text);

#endif
