/* SPDX-License-Identifier: MIT
 *
 * tls_sessions: sessions by host and port, in a table with a list from the newest to the oldest; the
 * oldest makes room. A TLS 1.3 ticket is used once (RFC 8446 §C.4), so a host keeps as many as connections
 * to it may be opened in one burst; a session of TLS 1.2 stays until it is replaced.
 *
 * A resumed handshake doesn't look at certificates again. So a session is used only for the host and
 * port for which it was verified, under the very settings (a cache belongs to one SSL_CTX); how long,
 * the library judges by the ticket's lifetime.
 *
 * The table has a bucket a session, and hosts, which anybody may choose, can't be chosen to meet in one.
 *
 * The lock guards everything; sessions are freed outside of it.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/key.h"
#include "runtime/list.h"
#include "runtime/lock.h"
#include "runtime/rand.h"
#include "src/client/tls_openssl.h"

struct entry {
	struct list place;  /* in its bucket; the newest first */
	struct list recent; /* in the list of all */
	SSL_SESSION *session;
	uint16_t port;
	size_t host_len;
	char host[];
};

struct tls_sessions {
	struct lock lock;
	uint32_t len, most;
	struct list recent;
	uint64_t seed;
	struct list buckets[]; /* `most` */
};

static struct list *bucket_of(struct tls_sessions *s, struct str host, uint16_t port)
{
	return &s->buckets[key_hash(key_bytes(host.data, host.len), s->seed + port) % s->most];
}

static bool is_for(const struct entry *e, struct str host, uint16_t port)
{
	return e->port == port && str_eq(str_make(e->host, e->host_len), host);
}

static void unlink_entry(struct tls_sessions *s, struct entry *e)
{
	list_remove(&e->place);
	list_remove(&e->recent);
	s->len--;
}

static void free_entry(struct entry *e)
{
	if (e)
		SSL_SESSION_free(e->session);
	free(e);
}

struct tls_sessions *tls_sessions_new(uint32_t most)
{
	struct tls_sessions *s = calloc(1, sizeof(*s) + most * sizeof(s->buckets[0]));
	if (!s)
		return NULL;
	s->most = most;
	s->seed = rand_u64();
	list_init(&s->recent);
	for (uint32_t i = 0; i < most; i++)
		list_init(&s->buckets[i]);
	return s;
}

void tls_sessions_free(struct tls_sessions *s)
{
	struct list *node;
	if (!s)
		return;
	while ((node = list_pop_front(&s->recent)))
		free_entry(CONTAINER_OF(node, struct entry, recent));
	free(s);
}

/* Whom a new one of that host puts out: the oldest of the host's when they are many, or of all. */
static struct entry *make_room(struct tls_sessions *s, struct list *bucket, struct str host,
			       uint16_t port)
{
	struct entry *oldest = NULL;
	uint32_t n = 0;
	for (struct list *at = bucket->next; at != bucket; at = at->next) {
		struct entry *e = CONTAINER_OF(at, struct entry, place);
		if (is_for(e, host, port)) {
			oldest = e;
			n++;
		}
	}
	if (n < TLS_SESSIONS_PER_HOST)
		oldest = s->len < s->most ? NULL
					  : CONTAINER_OF(s->recent.prev, struct entry, recent);
	if (oldest)
		unlink_entry(s, oldest);
	return oldest;
}

void tls_sessions_put(struct tls_sessions *s, struct str host, uint16_t port, SSL_SESSION *session)
{
	struct entry *e = malloc(sizeof(*e) + host.len);
	if (!e) {
		SSL_SESSION_free(session);
		return;
	}
	*e = (struct entry){ .session = session, .port = port, .host_len = host.len };
	memcpy(e->host, host.data, host.len);
	struct list *bucket = bucket_of(s, host, port);
	lock_acquire(&s->lock);
	struct entry *out = make_room(s, bucket, host, port);
	list_push_front(bucket, &e->place);
	list_push_front(&s->recent, &e->recent);
	s->len++;
	lock_release(&s->lock);
	free_entry(out);
}

static struct entry *find(struct list *bucket, struct str host, uint16_t port)
{
	for (struct list *at = bucket->next; at != bucket; at = at->next) {
		struct entry *e = CONTAINER_OF(at, struct entry, place);
		if (is_for(e, host, port))
			return e;
	}
	return NULL;
}

SSL_SESSION *tls_sessions_take(struct tls_sessions *s, struct str host, uint16_t port)
{
	struct list *bucket = bucket_of(s, host, port);
	SSL_SESSION *session = NULL;
	lock_acquire(&s->lock);
	struct entry *e = find(bucket, host, port);
	bool keep = e && SSL_SESSION_get_protocol_version(e->session) < TLS1_3_VERSION &&
		    SSL_SESSION_is_resumable(e->session);
	if (e) {
		session = e->session;
		SSL_SESSION_up_ref(session);
		if (!keep)
			unlink_entry(s, e);
	}
	lock_release(&s->lock);
	if (e && !keep)
		free_entry(e);
	return session;
}
