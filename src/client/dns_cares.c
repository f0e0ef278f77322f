/* SPDX-License-Identifier: MIT
 *
 * dns_cares: a resolver on c-ares. One channel, and one goroutine that owns it: nobody else calls
 * into the library, and the library's callbacks never park; they note what is to be done, and the
 * owner does it once the library has returned. dns_sockets.c waits for the library's sockets.
 *
 * Of the library we use what goes over the network: servers, tries, time limits, the check that an answer
 * is from the server that was asked, with the id and the question of a query under way, and TCP for an
 * answer that was cut. What an answer says is read by dns_message.c. Not used: its getaddrinfo, which
 * ends with the slower family, reads /etc/hosts anew each time, and connects a socket to each address
 * found, to sort them. Queries carry no EDNS: what is longer than 512 bytes comes by TCP, which is seldom;
 * the library gives EDNS up for good at the first SERVFAIL, so that nothing could rely on it.
 *
 * /etc/hosts (hosts.c) goes first, then names that must never be asked for (RFC 6761 §6.4, RFC 7686). When
 * resolv.conf changes, a new channel takes the old one's place, and its queries.
 *
 * The lock guards `incoming`, `ended`, and which queries are in the former. It may be taken under the
 * cache's, never the other way: no callback is called with it held.
 */
#include <ares.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "runtime/clock.h"
#include "runtime/lock.h"
#include "src/client/dns.h"
#include "src/client/dns_message.h"
#include "src/client/dns_sockets.h"
#include "src/client/hosts.h"
#include "src/client/stamp.h"
#include "src/common/str.h"

/* How often it is looked whether the files have changed, while there are queries. */
#define FILES_INTERVAL SECOND

/* The library doubles the wait with each try: a silent server costs 2 + 4 + 8 s. */
#define TIMEOUT_MS 2000
#define TRIES	   3
/* A socket's receive buffer holds some 270 small datagrams; one that is lost costs TIMEOUT_MS. So a
 * query takes a credit, an answer gives one, and when none is left all come back after a pause: names
 * whose servers are silent slow the others down, no more. */
#define CREDITS	      128
#define PAUSE	      (10 * MILLISECOND)
#define UNDER_WAY_MAX 8192

struct cares {
	struct dns dns;
	struct event wake;
	struct lock lock;
	struct list incoming; /* queries not yet begun; under the lock */
	bool ended;	      /* no owner any more: under the lock */
	ares_channel channel; /* from here on the owner's */
	struct dns_sockets sockets;
	struct errgroup *group; /* borrowed */
	char *servers;		/* NULL = resolv.conf's */
	char *hosts_file, *resolv_conf;
	uint16_t port;
	struct hosts *hosts;
	struct stamp resolv_conf_stamp;
	int64_t files_ns;   /* when to look at them again */
	bool replaced;	    /* a new channel is there: queries of the old one begin anew */
	uint32_t under_way; /* queries that the library has */
	uint32_t credits;
	int64_t credit_ns; /* when all come back */
};

/* --- Answers --- */

static enum fetch_error error_of(int status)
{
	switch (status) {
	case ARES_ENOTFOUND:
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
	const char *why = status == ARES_ECONNREFUSED
				  ? "each server failed, refused, or wasn't reached"
				  : ares_strerror(status);
	return dns_answer_failure(error_of(status), "%s: %s", name, why);
}

/* False: nobody will take it any more. */
static bool push_incoming(struct cares *c, struct dns_query *q)
{
	lock_acquire(&c->lock);
	bool ended = c->ended;
	if (!ended)
		list_push_back(&c->incoming, &q->link);
	q->waits = !ended;
	lock_release(&c->lock);
	return !ended;
}

static void answered(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
	struct dns_query *q = arg;
	struct cares *c = CONTAINER_OF(q->dns, struct cares, dns);
	(void)timeouts;
	c->under_way--;
	c->credits += c->credits < CREDITS;
	if (c->replaced && status == ARES_EDESTRUCTION && push_incoming(c, q))
		return;
	if (bytes && len > 0)
		q->done(q, dns_message_read(bytes, (size_t)len, q->name, q->family));
	else if (status == ARES_ECONNREFUSED && c->sockets.shortage)
		q->done(q, dns_answer_failure(c->sockets.shortage, "%s: no socket", q->name));
	else
		q->done(q, failure(q->name, status));
}

/* --- The channel --- */

static int open_with(struct cares *c, int flags, ares_channel *ret_channel)
{
	char lookups[] = "b"; /* DNS alone */
	struct ares_options options = { .flags = flags,
					.timeout = TIMEOUT_MS,
					.tries = TRIES,
					.lookups = lookups,
					.resolvconf_path = c->resolv_conf,
					.udp_port = c->port,
					.tcp_port = c->port,
					.sock_state_cb = dns_sockets_state,
					.sock_state_cb_data = &c->sockets };
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
		   ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF | ARES_OPT_UDP_PORT |
		   ARES_OPT_TCP_PORT;
	int status = ares_init_options(ret_channel, &options, mask);
	if (status != ARES_SUCCESS)
		return -ENOMEM;
	ares_set_socket_callback(*ret_channel, dns_sockets_opened, &c->sockets);
	if (!c->servers)
		return 0;
	status = ares_set_servers_ports_csv(*ret_channel, c->servers);
	if (status == ARES_SUCCESS)
		return 0;
	ares_destroy(*ret_channel);
	return status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
}

static bool has_one_server(ares_channel channel)
{
	struct ares_addr_port_node *servers;
	if (ares_get_servers_ports(channel, &servers) != ARES_SUCCESS)
		return false;
	bool one = servers && !servers->next;
	ares_free_data(servers);
	return one;
}

/* Where there is no other server to turn to, what the one says is the answer, also when it says that it
 * failed: asking it twice more at once would help nobody, and its reason would be lost. */
static int open_channel(struct cares *c, ares_channel *ret_channel)
{
	int err = open_with(c, 0, ret_channel);
	if (err || !has_one_server(*ret_channel))
		return err;
	ares_destroy(*ret_channel);
	return open_with(c, ARES_FLAG_NOCHECKRESP, ret_channel);
}

/* The new one before the old one goes: without memory for it all stays as it is. */
static void replace_channel(struct cares *c)
{
	ares_channel channel;
	if (open_channel(c, &channel))
		return;
	c->replaced = true;
	ares_destroy(c->channel);
	c->replaced = false;
	c->channel = channel;
}

static void look_at_files(struct cares *c, int64_t now)
{
	if (now < c->files_ns)
		return;
	c->files_ns = now + FILES_INTERVAL;
	hosts_refresh(c->hosts);
	if (!c->servers && stamp_update(&c->resolv_conf_stamp, c->resolv_conf))
		replace_channel(c);
}

static int64_t library_timeout(struct cares *c)
{
	struct timeval tv, *at = ares_timeout(c->channel, NULL, &tv);
	return at ? clock_now() + at->tv_sec * SECOND + at->tv_usec * MICROSECOND : NEVER;
}

/* --- Queries --- */

static void start(struct dns *dns, struct dns_query *q)
{
	struct cares *c = CONTAINER_OF(dns, struct cares, dns);
	q->dns = dns;
	if (push_incoming(c, q))
		event_set(&c->wake);
	else
		q->done(q, failure(q->name, ARES_EDESTRUCTION));
}

static struct dns_query *take(struct cares *c)
{
	lock_acquire(&c->lock);
	struct list *node = list_pop_front(&c->incoming);
	struct dns_query *q = node ? CONTAINER_OF(node, struct dns_query, link) : NULL;
	if (q)
		q->waits = false;
	lock_release(&c->lock);
	return q;
}

static bool withdraw(struct dns *dns, struct dns_query *q)
{
	struct cares *c = CONTAINER_OF(dns, struct cares, dns);
	lock_acquire(&c->lock);
	bool waits = q->waits;
	if (waits)
		list_remove(&q->link);
	q->waits = false;
	lock_release(&c->lock);
	return waits;
}

static bool ends_with_label(const char *name, struct str label)
{
	struct str n = str_of(name);
	if (str_ends(n, STR(".")))
		n.len--;
	return str_ends(n, label) && (n.len == label.len || n.data[n.len - label.len - 1] == '.');
}

/* What is known without asking a server; false: one has to be asked. */
static bool answer_here(struct cares *c, const struct dns_query *q, struct dns_answer **ret_answer)
{
	if (hosts_answer(c->hosts, q->name, q->family, ret_answer))
		return true;
	const char *why = NULL;
	if (!dns_message_can_ask(q->name))
		why = "DNS can't have such a name";
	else if (ends_with_label(q->name, STR("invalid")) || ends_with_label(q->name, STR("onion")))
		why = "no such name, and DNS is not asked for it";
	if (!why)
		return false;
	*ret_answer = dns_answer_failure(FETCH_DNS_NOT_FOUND, "%s: %s", q->name, why);
	return true;
}

static void begin(struct cares *c, struct dns_query *q, int64_t now)
{
	struct dns_answer *a;
	if (answer_here(c, q, &a)) {
		q->done(q, a);
		return;
	}
	c->credits--;
	c->under_way++;
	c->credit_ns = now + PAUSE;
	ares_query(c->channel, q->name, DNS_IN, q->family == AF_INET6 ? DNS_AAAA : DNS_A, answered,
		   q);
}

/* Gives the time when it may go on; NEVER if it waits for nothing but queries and answers. */
static int64_t start_incoming(struct cares *c)
{
	int64_t now = clock_now();
	if (c->credits == 0 && now >= c->credit_ns)
		c->credits = CREDITS;
	struct dns_query *q;
	while (c->credits > 0 && c->under_way < UNDER_WAY_MAX && (q = take(c))) {
		look_at_files(c, now);
		begin(c, q, now);
	}
	return c->credits == 0 ? c->credit_ns : NEVER;
}

/* --- The owner --- */

static void shut_down(struct cares *c)
{
	lock_acquire(&c->lock);
	c->ended = true;
	lock_release(&c->lock);
	for (struct dns_query *q; (q = take(c));)
		q->done(q, failure(q->name, ARES_EDESTRUCTION));
	ares_destroy(c->channel);
	dns_sockets_watch(&c->sockets);
}

static int own(void *arg)
{
	struct cares *c = arg;
	struct context *ctx = errgroup_context(c->group);
	while (!context_err(ctx)) {
		int64_t start_ns = start_incoming(c), timeout_ns = library_timeout(c);
		dns_sockets_watch(&c->sockets);
		int err = event_wait(&c->wake, ctx, start_ns < timeout_ns ? start_ns : timeout_ns);
		dns_sockets_process(&c->sockets, c->channel);
		if (err == -ETIMEDOUT)
			ares_process_fd(c->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
	shut_down(c);
	return 0;
}

/* --- Making and freeing --- */

static void free_cares(struct cares *c)
{
	hosts_free(c->hosts);
	free(c->servers);
	free(c->hosts_file);
	free(c->resolv_conf);
	free(c);
}

static void close_cares(struct dns *dns)
{
	struct cares *c = CONTAINER_OF(dns, struct cares, dns);
	event_done(&c->wake);
	free_cares(c);
}

static void init_library(void)
{
	(void)ares_library_init(ARES_LIB_INIT_ALL);
}

static int init(struct cares *c, const struct dns_cares_options *o)
{
	c->servers = o->servers ? strdup(o->servers) : NULL;
	c->hosts_file = strdup(o->hosts_file ? o->hosts_file : "/etc/hosts");
	c->resolv_conf = strdup(o->resolv_conf ? o->resolv_conf : "/etc/resolv.conf");
	c->port = o->port ? o->port : 53;
	if ((o->servers && !c->servers) || !c->hosts_file || !c->resolv_conf)
		return -ENOMEM;
	c->hosts = hosts_new(c->hosts_file);
	if (!c->hosts)
		return -ENOMEM;
	(void)stamp_update(&c->resolv_conf_stamp, c->resolv_conf);
	return open_channel(c, &c->channel);
}

int dns_cares_new(struct errgroup *group, const struct dns_cares_options *options,
		  struct dns **ret_dns)
{
	static const struct dns_ops ops = { .start = start,
					    .withdraw = withdraw,
					    .close = close_cares };
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_library);
	struct cares *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->dns.ops = &ops;
	c->group = group;
	c->credits = CREDITS;
	list_init(&c->incoming);
	dns_sockets_init(&c->sockets, group, &c->wake);
	int err = init(c, options);
	if (err) {
		free_cares(c);
		return err;
	}
	event_init(&c->wake);
	errgroup_go(group, own, c);
	*ret_dns = &c->dns;
	return 0;
}
