/* SPDX-License-Identifier: MIT
 *
 * dns_cares: a resolver on c-ares. One channel, and one goroutine that owns it: nobody else calls
 * into the library, and the library's callbacks never park; they note what is to be done, and the
 * owner does it once the library has returned.
 *
 * For each of the library's sockets that is open, one goroutine at a time waits for readiness and
 * reports it (struct watch). It waits on a duplicate of the descriptor. The library closes its own
 * from within its calls, at a moment when the waiter can't be stopped; the number would be given to
 * somebody else's socket while the waiter still means the old one. The duplicate is closed by the
 * owner, after its waiter has gone.
 *
 * Level-triggered, because the library's TCP path reads once a call. The lock guards only
 * `incoming`.
 */
#include <ares.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/lock.h"
#include "src/client/dns.h"
#include "src/client/scope.h"

/* The library doubles the wait with each try: a silent server costs 2 + 4 + 8 s. */
#define TIMEOUT_MS 2000
#define TRIES	   3
/* Each query is two datagrams, and a socket's receive buffer holds some 270 small ones; one that is
 * lost costs TIMEOUT_MS. So a query takes a credit, an answer gives one, and when none is left all
 * come back after a pause: names whose servers are silent slow the others down, no more. */
#define CREDITS	      64
#define PAUSE	      (10 * MILLISECOND)
#define UNDER_WAY_MAX 4096

struct cares {
	struct dns dns;
	ares_channel channel;
	struct errgroup *group; /* borrowed */
	struct event wake;
	struct lock lock;
	struct list incoming; /* queries not yet begun; under the lock */
	bool ended;	      /* no owner any more: under the lock */
	struct list watches;  /* from here on the owner's */
	uint32_t under_way;   /* queries that the library has */
	uint32_t credits;
	int64_t credit_ns; /* when all come back */
};

struct watch {
	struct list link;
	struct cares *cares;
	int library_fd; /* -1 = the library has closed it */
	int fd;		/* our duplicate */
	unsigned wanted;
	unsigned awaited; /* what the goroutine under way waits for; 0 = there is none */
	int ready;	  /* what it found, or -errno; valid once reported */
	_Atomic bool reported;
};

/* --- Answers --- */

static enum fetch_error error_of(int status)
{
	switch (status) {
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_ENONAME:
	case ARES_EBADNAME:
		return FETCH_DNS_NOT_FOUND;
	case ARES_ETIMEOUT:
		return FETCH_DNS_TIMEOUT;
	case ARES_ENOMEM:
		return FETCH_OUT_OF_MEMORY;
	case ARES_EDESTRUCTION:
	case ARES_ECANCELLED:
		return FETCH_CANCELLED;
	default:
		return FETCH_DNS_FAILED;
	}
}

static struct dns_answer *failure(const char *name, int status)
{
	struct dns_answer *a = dns_answer_new(0);
	if (a)
		a->error =
			fault(a->detail, error_of(status), "%s: %s", name, ares_strerror(status));
	return a;
}

static int64_t shortest_ttl(const struct ares_addrinfo *info)
{
	int ttl = INT32_MAX;
	for (const struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next)
		ttl = n->ai_ttl < ttl ? n->ai_ttl : ttl;
	for (const struct ares_addrinfo_cname *n = info->cnames; n; n = n->next)
		ttl = n->ttl < ttl ? n->ttl : ttl;
	return (ttl < 0 ? 0 : ttl) * SECOND;
}

static struct dns_answer *success(const struct ares_addrinfo *info)
{
	struct dns_answer *a = dns_answer_new(DNS_ADDRS_MAX);
	if (!a)
		return NULL;
	a->ttl_ns = shortest_ttl(info);
	for (const struct ares_addrinfo_node *n = info->nodes; n && a->len < DNS_ADDRS_MAX;
	     n = n->ai_next) {
		bool known = n->ai_family == AF_INET || n->ai_family == AF_INET6;
		if (known && n->ai_addrlen <= sizeof(a->addrs[0]))
			memcpy(&a->addrs[a->len++], n->ai_addr, n->ai_addrlen);
	}
	return a;
}

static void answered(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct dns_query *q = arg;
	struct dns_answer *a = NULL;
	(void)timeouts;
	struct cares *c = CONTAINER_OF(q->dns, struct cares, dns);
	c->under_way--;
	c->credits += c->credits < CREDITS;
	if (status == ARES_SUCCESS)
		a = success(info);
	if (status == ARES_SUCCESS && a && a->len == 0) {
		dns_answer_unref(a);
		status = ARES_ENODATA;
	}
	if (status != ARES_SUCCESS)
		a = failure(q->name, status);
	if (info)
		ares_freeaddrinfo(info);
	q->done(q, a);
}

/* --- Sockets --- */

static struct watch *watch_find(struct cares *c, int library_fd)
{
	list_for_each (node, &c->watches) {
		struct watch *w = CONTAINER_OF(node, struct watch, link);
		if (w->library_fd == library_fd)
			return w;
	}
	return NULL;
}

/* Without memory or descriptors nobody waits for the socket: the query ends by its time limit. */
static struct watch *watch_new(struct cares *c, int library_fd)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->fd = fcntl(library_fd, F_DUPFD_CLOEXEC, 0);
	if (w->fd < 0) {
		free(w);
		return NULL;
	}
	w->cares = c;
	w->library_fd = library_fd;
	list_push_back(&c->watches, &w->link);
	return w;
}

/* The library opened a socket, wants something else from it, or is about to close it. */
static void socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct cares *c = arg;
	struct watch *w = watch_find(c, fd);
	if (!w && (readable || writable))
		w = watch_new(c, fd);
	if (!w)
		return;
	w->wanted = (readable ? FD_READ : 0) | (writable ? FD_WRITE : 0);
	if (!w->wanted)
		w->library_fd = -1;
}

static int watch_run(void *arg)
{
	struct watch *w = arg;
	struct cares *c = w->cares;
	w->ready = fd_wait(w->fd, w->awaited, NEVER);
	atomic_store_explicit(&w->reported, true, memory_order_release);
	event_set(&c->wake);
	return 0;
}

/* A waiter that has not begun to wait can't be woken: so again, until it has gone. */
static void watch_stop(struct watch *w)
{
	while (w->awaited && !atomic_load_explicit(&w->reported, memory_order_acquire)) {
		fd_wait_end(w->fd);
		goroutine_yield();
	}
	w->awaited = 0;
}

static void watch_free(struct watch *w)
{
	watch_stop(w);
	fd_wait_end(w->fd);
	close(w->fd);
	list_remove(&w->link);
	free(w);
}

/* Makes what waits agree with what the library wants. Parks. */
static void reconcile(struct cares *c)
{
	list_for_each_safe (node, next, &c->watches) {
		struct watch *w = CONTAINER_OF(node, struct watch, link);
		if (!w->wanted) {
			watch_free(w);
			continue;
		}
		if (w->awaited == w->wanted)
			continue;
		watch_stop(w);
		w->awaited = w->wanted;
		atomic_store_explicit(&w->reported, false, memory_order_relaxed);
		errgroup_go(c->group, watch_run, w);
	}
}

/* Tells the library which sockets are ready. A socket that can't be waited for is left to the
 * query's time limit. */
static void process_ready(struct cares *c)
{
	list_for_each_safe (node, next, &c->watches) {
		struct watch *w = CONTAINER_OF(node, struct watch, link);
		if (!w->awaited || !atomic_load_explicit(&w->reported, memory_order_acquire))
			continue;
		if (w->ready < 0)
			continue;
		unsigned ready = (unsigned)w->ready;
		w->awaited = 0;
		if (w->wanted)
			ares_process_fd(c->channel,
					ready & FD_READ ? w->library_fd : ARES_SOCKET_BAD,
					ready & FD_WRITE ? w->library_fd : ARES_SOCKET_BAD);
	}
}

/* --- The owner --- */

static void start(struct dns *dns, struct dns_query *q)
{
	struct cares *c = CONTAINER_OF(dns, struct cares, dns);
	q->dns = dns;
	lock_acquire(&c->lock);
	bool ended = c->ended;
	if (!ended)
		list_push_back(&c->incoming, &q->link);
	lock_release(&c->lock);
	if (ended)
		q->done(q, failure(q->name, ARES_EDESTRUCTION));
	else
		event_set(&c->wake);
}

static struct dns_query *take(struct cares *c)
{
	lock_acquire(&c->lock);
	struct list *node = list_pop_front(&c->incoming);
	lock_release(&c->lock);
	return node ? CONTAINER_OF(node, struct dns_query, link) : NULL;
}

/* Gives the time when it may go on; NEVER if it waits for nothing but queries and answers. */
static int64_t start_incoming(struct cares *c)
{
	static const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
							  .ai_socktype = SOCK_STREAM };
	int64_t now = clock_now();
	if (c->credits == 0 && now >= c->credit_ns)
		c->credits = CREDITS;
	struct dns_query *q;
	while (c->credits > 0 && c->under_way < UNDER_WAY_MAX && (q = take(c))) {
		c->credits--;
		c->under_way++;
		c->credit_ns = now + PAUSE;
		ares_getaddrinfo(c->channel, q->name, NULL, &hints, answered, q);
	}
	return c->credits == 0 ? c->credit_ns : NEVER;
}

static int64_t library_timeout(struct cares *c)
{
	struct timeval tv, *at = ares_timeout(c->channel, NULL, &tv);
	return at ? clock_now() + at->tv_sec * SECOND + at->tv_usec * MICROSECOND : NEVER;
}

static void shut_down(struct cares *c)
{
	lock_acquire(&c->lock);
	c->ended = true;
	lock_release(&c->lock);
	for (struct dns_query *q; (q = take(c));)
		q->done(q, failure(q->name, ARES_EDESTRUCTION));
	ares_destroy(c->channel);
	list_for_each (node, &c->watches)
		CONTAINER_OF(node, struct watch, link)->wanted = 0;
	reconcile(c);
}

static int own(void *arg)
{
	struct cares *c = arg;
	struct context *ctx = errgroup_context(c->group);
	while (!context_err(ctx)) {
		int64_t start_ns = start_incoming(c), timeout_ns = library_timeout(c);
		reconcile(c);
		int err = event_wait(&c->wake, ctx, start_ns < timeout_ns ? start_ns : timeout_ns);
		process_ready(c);
		if (err == -ETIMEDOUT)
			ares_process_fd(c->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
	shut_down(c);
	return 0;
}

/* --- Making and freeing --- */

static void close_cares(struct dns *dns)
{
	struct cares *c = CONTAINER_OF(dns, struct cares, dns);
	event_done(&c->wake);
	free(c);
}

static int open_channel(struct cares *c, const char *servers)
{
	char lookups[] = "fb"; /* the hosts file, then DNS */
	struct ares_options options = { .timeout = TIMEOUT_MS,
					.tries = TRIES,
					.lookups = lookups,
					.sock_state_cb = socket_state,
					.sock_state_cb_data = c };
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
	int status = ares_init_options(&c->channel, &options, mask);
	if (status != ARES_SUCCESS)
		return -ENOMEM;
	if (!servers)
		return 0;
	status = ares_set_servers_ports_csv(c->channel, servers);
	if (status == ARES_SUCCESS)
		return 0;
	ares_destroy(c->channel);
	return status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
}

static void init_library(void)
{
	(void)ares_library_init(ARES_LIB_INIT_ALL);
}

int dns_cares_new(struct errgroup *group, const char *servers, struct dns **ret_dns)
{
	static const struct dns_ops ops = { .start = start, .close = close_cares };
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_library);
	struct cares *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->dns.ops = &ops;
	c->group = group;
	c->credits = CREDITS;
	list_init(&c->incoming);
	list_init(&c->watches);
	int err = open_channel(c, servers);
	if (err) {
		free(c);
		return err;
	}
	event_init(&c->wake);
	errgroup_go(group, own, c);
	*ret_dns = &c->dns;
	return 0;
}
