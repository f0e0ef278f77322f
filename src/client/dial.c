/* SPDX-License-Identifier: MIT
 *
 * dial: tries addresses one after the other. What ends the whole request (cancelled, out of time,
 * out of descriptors) ends the round; what concerns one address only leads to the next.
 */
#include "src/client/dial.h"

#include <errno.h>
#include <string.h>

#include "runtime/clock.h"

void dial_order(const struct dns_answer *answer, uint8_t order[DNS_ADDRS_MAX])
{
	uint32_t same = 0, other = 0, n = 0;
	bool want_same = true;
	sa_family_t first = answer->len ? answer->addrs[0].sa.sa_family : AF_UNSPEC;
	while (n < answer->len) {
		uint32_t *at = want_same ? &same : &other;
		while (*at < answer->len && (answer->addrs[*at].sa.sa_family == first) != want_same)
			++*at;
		if (*at < answer->len)
			order[n++] = (uint8_t)(*at)++;
		want_same = !want_same;
	}
}

static socklen_t with_port(const union dns_addr *from, uint16_t port, union dns_addr *ret)
{
	*ret = *from;
	if (from->sa.sa_family == AF_INET6) {
		ret->in6.sin6_port = htons(port);
		return sizeof(ret->in6);
	}
	ret->in.sin_port = htons(port);
	return sizeof(ret->in);
}

static enum fetch_error error_of(const struct scope *scope, int err)
{
	switch (err) {
	case -ECANCELED:
	case -ETIMEDOUT:
		return scope_error(scope, err, FETCH_CONNECT_TIMEOUT);
	case -ECONNREFUSED:
		return FETCH_CONNECT_REFUSED;
	case -EMFILE:
	case -ENFILE:
		return FETCH_OUT_OF_DESCRIPTORS;
	case -ENOMEM:
	case -ENOBUFS:
		return FETCH_OUT_OF_MEMORY;
	default:
		return FETCH_CONNECT_FAILED;
	}
}

static int connect_one(const struct dial_options *how, const struct scope *scope,
		       const union dns_addr *addr, socklen_t addr_len, struct conn **ret_conn)
{
	struct conn *conn;
	int err = conn_dial_start(&addr->sa, addr_len, &conn);
	if (err)
		return err;
	struct scope_guard guard;
	conn_set_write_deadline(conn, scope_until(scope, clock_now(), how->connect_timeout_ns));
	scope_guard(&guard, scope, conn);
	err = conn_dial_wait(conn);
	if (!scope_unguard(&guard) && !err)
		err = -ECANCELED;
	if (err) {
		conn_close(conn);
		return err;
	}
	conn_set_write_deadline(conn, NEVER);
	*ret_conn = conn;
	return 0;
}

static enum fetch_error attempt(const struct dial_options *how, const struct scope *scope,
				const union dns_addr *addr, socklen_t addr_len,
				struct conn **ret_conn, char *detail)
{
	char text[FAULT_ADDR_BYTES];
	const char *refused = policy_check(how->policy, &addr->sa);
	if (refused)
		return fault(detail, FETCH_POLICY_DENIED, "%s: %s%s", fault_addr(&addr->sa, text),
			     refused, refused[0] == '[' ? "" : " (see [policy] allow)");
	int err = connect_one(how, scope, addr, addr_len, ret_conn);
	if (!err)
		return FETCH_OK;
	return fault(detail, error_of(scope, err), "%s: %s", fault_addr(&addr->sa, text),
		     fault_errno(err));
}

static bool is_final(enum fetch_error e)
{
	return e == FETCH_OK || e == FETCH_CANCELLED || e == FETCH_TOTAL_TIMEOUT ||
	       e == FETCH_OUT_OF_DESCRIPTORS || e == FETCH_OUT_OF_MEMORY;
}

enum fetch_error dial_connect(const struct dial_options *how, const struct scope *scope,
			      const struct dns_answer *answer, uint16_t port,
			      struct conn **ret_conn, char *detail)
{
	uint8_t order[DNS_ADDRS_MAX];
	enum fetch_error result = FETCH_DNS_NOT_FOUND;
	dial_order(answer, order);
	for (uint32_t i = 0; i < answer->len; i++) {
		union dns_addr addr;
		char why[FAULT_BYTES] = "";
		socklen_t addr_len = with_port(&answer->addrs[order[i]], port, &addr);
		enum fetch_error e = attempt(how, scope, &addr, addr_len, ret_conn, why);
		if (e == FETCH_POLICY_DENIED && i > 0 && result != FETCH_POLICY_DENIED)
			continue;
		if (e != FETCH_OK)
			fault(detail, e, "%s", why);
		result = e;
		if (is_final(e))
			break;
	}
	return result;
}
