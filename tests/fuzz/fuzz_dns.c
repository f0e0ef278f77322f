/* SPDX-License-Identifier: MIT
 *
 * fuzz_dns: answers of name servers under libFuzzer. The first byte of the input says how the rest becomes
 * an answer: whether for A or AAAA, whether header and question are made such that they fit the query, and
 * whether it comes through c-ares, whose socket is then ours. What is read must be addresses of the family
 * asked for, each once, no more than are used, with a TTL that a zone can have; or a failure with a reason. Cut
 * short, an answer may not become a better one. Two families come together in a flight and a round.
 */
#include <ares.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "src/client/cache.h"
#include "src/client/dns_message.h"
#include "src/client/flight.h"
#include "src/client/round.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME "a.test"

static void insist(bool holds)
{
	if (!holds)
		abort();
}

/* --- What must hold of an answer --- */

static void check_addresses(const struct dns_answer *a, int family)
{
	insist(a->len > 0 && a->len <= DNS_ADDRS_MAX);
	insist(a->ttl_ns >= 0 && a->ttl_ns <= INT32_MAX * SECOND);
	for (uint32_t i = 0; i < a->len; i++) {
		insist(family == AF_UNSPEC || a->addrs[i].sa.sa_family == family);
		for (uint32_t k = 0; k < i; k++)
			insist(!dns_addr_equal(&a->addrs[i], &a->addrs[k]));
	}
}

static void check(const struct dns_answer *a, int family)
{
	insist(a);
	if (a->error == FETCH_OK) {
		check_addresses(a, family);
		return;
	}
	insist(a->len == 0 && a->detail[0]);
	insist(a->error == FETCH_DNS_NOT_FOUND || a->error == FETCH_DNS_FAILED);
	insist(a->ttl_ns >= 0 && a->ttl_ns <= INT32_MAX * SECOND);
	insist(a->error == FETCH_DNS_NOT_FOUND || a->ttl_ns == 0);
}

/* A copy of exactly that size: reads beyond it are seen. */
static struct dns_answer *read_message(const uint8_t *bytes, size_t len, int family)
{
	uint8_t *copy = malloc(len ? len : 1);
	memcpy(copy, bytes, len);
	struct dns_answer *a = dns_message_read(copy, len, NAME, family);
	free(copy);
	check(a, family);
	return a;
}

/* --- Through c-ares --- */

static uint8_t query[512], reply[65535];
static size_t reply_len;
static bool replied;

static ares_socket_t open_socket(int domain, int type, int protocol, void *user)
{
	(void)domain, (void)protocol, (void)user;
	return type == SOCK_DGRAM ? 1000 : ARES_SOCKET_BAD; /* TCP: out of descriptors */
}

static int close_socket(ares_socket_t fd, void *user)
{
	(void)fd, (void)user;
	return 0;
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len,
			  void *user)
{
	(void)fd, (void)to, (void)len, (void)user;
	return 0;
}

static ares_ssize_t receive(ares_socket_t fd, void *buffer, size_t size, int flags,
			    struct sockaddr *from, ares_socklen_t *from_len, void *user)
{
	struct sockaddr_in server = { .sin_family = AF_INET,
				      .sin_port = htons(53),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	(void)fd, (void)flags, (void)user;
	if (replied) {
		errno = EAGAIN;
		return -1;
	}
	replied = true;
	if (from) {
		memcpy(from, &server, sizeof(server));
		*from_len = sizeof(server);
	}
	if (reply_len >= 2)
		memcpy(reply, query, 2); /* the id */
	size_t len = reply_len < size ? reply_len : size;
	memcpy(buffer, reply, len);
	return (ares_ssize_t)len;
}

static ares_ssize_t send_query(ares_socket_t fd, const struct iovec *parts, int n, void *user)
{
	(void)fd, (void)n, (void)user;
	insist(parts[0].iov_len <= sizeof(query));
	memcpy(query, parts[0].iov_base, parts[0].iov_len);
	return (ares_ssize_t)parts[0].iov_len;
}

static ares_channel channel_of_ours(void)
{
	static const struct ares_socket_functions functions = { open_socket, close_socket,
								connect_socket, receive,
								send_query };
	static ares_channel channel;
	struct ares_options options = { .tries = 1 };
	if (channel)
		return channel;
	insist(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
	insist(ares_init_options(&channel, &options, ARES_OPT_TRIES) == ARES_SUCCESS);
	insist(ares_set_servers_ports_csv(channel, "127.0.0.1") == ARES_SUCCESS);
	ares_set_socket_functions(channel, &functions, NULL);
	return channel;
}

struct asked {
	int family;
	bool done;
};

static void answered(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
	struct asked *asked = arg;
	(void)timeouts, (void)status;
	insist(!asked->done);
	asked->done = true;
	if (bytes && len > 0)
		dns_answer_unref(read_message(bytes, (size_t)len, asked->family));
}

static void ask(const uint8_t *bytes, size_t len, int family)
{
	struct asked asked = { .family = family };
	ares_channel channel = channel_of_ours();
	memcpy(reply, bytes, len);
	reply_len = len;
	replied = false;
	ares_query(channel, NAME, DNS_IN, family == AF_INET6 ? DNS_AAAA : DNS_A, answered, &asked);
	ares_process_fd(channel, 1000, ARES_SOCKET_BAD);
	ares_cancel(channel);
	insist(asked.done);
}

/* --- Together --- */

static struct dns_answer *other_family(int family)
{
	struct dns_answer *a = dns_answer_new(DNS_ADDRS_MAX);
	for (a->len = 0; a->len < DNS_ADDRS_MAX; a->len++) {
		a->addrs[a->len].sa.sa_family = family == AF_INET ? AF_INET6 : AF_INET;
		a->addrs[a->len].in.sin_addr.s_addr = htonl(a->len);
		a->addrs[a->len].in6.sin6_addr.s6_addr[15] = (uint8_t)a->len;
	}
	return a;
}

static void try_round(const struct dns_answer *half, const struct dns_answer *whole)
{
	struct round *r = round_new(NULL, 80);
	uint32_t begun = 0;
	round_add(r, half);
	while (begun < half->len / 2 && round_next(r))
		begun++;
	round_add(r, whole);
	while (round_next(r))
		begun++;
	insist(begun <= DNS_ADDRS_MAX);
	round_free(r);
}

/* Takes a. */
static void join(struct dns_answer *a, int family)
{
	struct flight f = { .began_ns = 0 };
	int own = family == AF_INET6 ? FLIGHT_V6 : FLIGHT_V4;
	bool half;
	f.got[own] = a;
	f.got[!own] = other_family(family);
	struct dns_answer *whole = flight_land(&f, &half);
	check_addresses(whole, AF_UNSPEC);
	try_round(a, whole);
	dns_answer_unref(whole);
	flight_done(&f);
}

/* The header and the question such that they fit the query; the counts of records and the server's error
 * stay as they are. */
static void make_fit(uint8_t *bytes, int family)
{
	static const uint8_t question[] = "\1a\4test\0\0\1\0\1";
	bytes[2] = 0x84 | (bytes[2] & 2); /* cut, perhaps */
	bytes[4] = 0;
	bytes[5] = 1;
	memcpy(bytes + 12, question, sizeof(question) - 1);
	bytes[21] = family == AF_INET6 ? DNS_AAAA : DNS_A;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum {
		HEAD = 24 /* header and question */
	};
	if (size < 1 || size > sizeof(reply))
		return -1;
	size_t len = size - 1;
	uint8_t *bytes = malloc(len + 1);
	int family = data[0] & 1 ? AF_INET6 : AF_INET;
	memcpy(bytes, data + 1, len);
	if (data[0] & 2 && len >= HEAD)
		make_fit(bytes, family);
	if (data[0] & 4)
		ask(bytes, len, family);
	struct dns_answer *a = read_message(bytes, len, family);
	struct dns_answer *cut = read_message(bytes, len / 2, family);
	insist(cut->error != FETCH_OK || a->error == FETCH_OK);
	dns_answer_unref(cut);
	join(a, family);
	free(bytes);
	return 0;
}
