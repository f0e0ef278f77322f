/* SPDX-License-Identifier: MIT
 *
 * dial: tries addresses one after the other for as long as each answers soon, with no more than the
 * one connection at a time: that is nearly always all there is. An address that is slow while others
 * are left makes it a race (race.c). What ends the whole request (cancelled, out of time, out of
 * descriptors) ends the round; what concerns one address only leads to the next.
 */
#include "src/client/dial.h"

#include <errno.h>
#include <string.h>

#include "runtime/clock.h"
#include "src/client/race.h"

static uint32_t index_of_first(const struct dns_answer *answer)
{
	uint8_t winner = atomic_load_explicit(&answer->winner, memory_order_relaxed);
	return winner > 0 && winner <= answer->len ? winner - 1u : 0;
}

/* The next address from *at on that is of that family, or is not; the one tried first is left out. */
static bool next_of(const struct dns_answer *answer, uint32_t first, bool same, uint32_t *at)
{
	sa_family_t family = answer->addrs[first].sa.sa_family;
	while (*at < answer->len &&
	       (*at == first || (answer->addrs[*at].sa.sa_family == family) != same))
		++*at;
	return *at < answer->len;
}

void dial_order(const struct dns_answer *answer, uint8_t order[DNS_ADDRS_MAX])
{
	uint32_t same = 0, other = 0, n = 0, first = index_of_first(answer);
	if (answer->len > 0)
		order[n++] = (uint8_t)first;
	for (bool want_same = false; n < answer->len; want_same = !want_same) {
		uint32_t *at = want_same ? &same : &other;
		if (next_of(answer, first, want_same, at))
			order[n++] = (uint8_t)(*at)++;
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

/* scope NULL: nobody has waited. */
static enum fetch_error error_of(const struct scope *scope, int err)
{
	switch (err) {
	case -ECANCELED:
	case -ETIMEDOUT:
		return scope ? scope_error(scope, err, FETCH_CONNECT_TIMEOUT)
			     : FETCH_CONNECT_FAILED;
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

/* --- One address --- */

enum fetch_error dial_start(const struct dial_options *how, struct dial *d, int64_t *ret_until,
			    char *detail)
{
	char text[FAULT_ADDR_BYTES];
	int err = conn_dial_start(&d->addr.sa, d->addr_len, &d->conn);
	if (err)
		return fault(detail, error_of(NULL, err), "%s: %s", fault_addr(&d->addr.sa, text),
			     fault_errno(err));
	*ret_until = clock_after(clock_now(), how->connect_timeout_ns);
	return FETCH_OK;
}

enum fetch_error dial_wait(const struct scope *scope, struct dial *d, int64_t until, char *detail)
{
	char text[FAULT_ADDR_BYTES];
	struct scope_guard guard;
	conn_set_write_deadline(d->conn, until < scope->deadline_ns ? until : scope->deadline_ns);
	scope_guard(&guard, scope, d->conn);
	int err = conn_dial_wait(d->conn);
	if (!scope_unguard(&guard) && !err)
		err = -ECANCELED;
	conn_set_write_deadline(d->conn, NEVER);
	if (!err)
		return FETCH_OK;
	return fault(detail, error_of(scope, err), "%s: %s", fault_addr(&d->addr.sa, text),
		     fault_errno(err));
}

void dial_abandon(struct dial *d)
{
	conn_close(d->conn);
	d->conn = NULL;
}

bool dial_is_final(enum fetch_error e)
{
	return e == FETCH_OK || e == FETCH_CANCELLED || e == FETCH_TOTAL_TIMEOUT ||
	       e == FETCH_OUT_OF_DESCRIPTORS || e == FETCH_OUT_OF_MEMORY;
}

/* --- All of them --- */

/* Those that policy lets through, in the order in which to try them. When there are none, *ret_error
 * and detail say why the first was refused. */
static uint32_t choose(const struct dial_options *how, const struct dns_answer *answer,
		       uint16_t port, struct dial *list, enum fetch_error *ret_error, char *detail)
{
	uint8_t order[DNS_ADDRS_MAX];
	char text[FAULT_ADDR_BYTES];
	uint32_t n = 0;
	*ret_error = FETCH_DNS_NOT_FOUND;
	dial_order(answer, order);
	for (uint32_t i = 0; i < answer->len; i++) {
		struct dial *d = &list[n];
		*d = (struct dial){ .index = order[i] };
		d->addr_len = with_port(&answer->addrs[order[i]], port, &d->addr);
		const char *refused = policy_check(how->policy, &d->addr.sa);
		if (!refused)
			n++;
		else if (*ret_error == FETCH_DNS_NOT_FOUND)
			*ret_error = fault(detail, FETCH_POLICY_DENIED, "%s: %s%s",
					   fault_addr(&d->addr.sa, text), refused,
					   refused[0] == '[' ? "" : " (see [policy] allow)");
	}
	return n;
}

/* Tries one address for as long as nobody is kept waiting by it. FETCH_CONNECT_TIMEOUT with d still
 * connecting, until *ret_until: it goes into the race. */
static enum fetch_error try_alone(const struct dial_options *how, const struct scope *scope,
				  struct dial *d, bool last, int64_t *ret_until, char *detail)
{
	enum fetch_error e = dial_start(how, d, ret_until, detail);
	if (e)
		return e;
	int64_t soon = clock_now() + RACE_DELAY_NS;
	bool patient = last || *ret_until <= soon;
	e = dial_wait(scope, d, patient ? *ret_until : soon, detail);
	if (e != FETCH_OK && (patient || e != FETCH_CONNECT_TIMEOUT))
		dial_abandon(d);
	return e;
}

/* Gives the one that connected: its conn is set. */
static enum fetch_error try_all(const struct dial_options *how, const struct scope *scope,
				struct dial *list, uint32_t n, struct dial **ret_winner,
				char *detail)
{
	enum fetch_error e = FETCH_INTERNAL;
	for (uint32_t i = 0; i < n; i++) {
		int64_t until;
		*ret_winner = &list[i];
		e = try_alone(how, scope, &list[i], i + 1 == n, &until, detail);
		if (e == FETCH_CONNECT_TIMEOUT && list[i].conn)
			return race_run(how, scope, &list[i], n - i, until, ret_winner, detail);
		if (dial_is_final(e))
			return e;
	}
	return e;
}

enum fetch_error dial_connect(const struct dial_options *how, const struct scope *scope,
			      struct dns_answer *answer, uint16_t port, struct conn **ret_conn,
			      char *detail)
{
	enum fetch_error e;
	struct dial list[DNS_ADDRS_MAX], *winner = NULL;
	uint32_t n = choose(how, answer, port, list, &e, detail);
	if (n == 0)
		return e;
	e = try_all(how, scope, list, n, &winner, detail);
	if (e)
		return e;
	detail[0] = '\0';
	if (winner != &list[0])
		atomic_store_explicit(&answer->winner, (uint8_t)(winner->index + 1),
				      memory_order_relaxed);
	*ret_conn = winner->conn;
	return FETCH_OK;
}
