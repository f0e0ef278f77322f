/* SPDX-License-Identifier: MIT
 *
 * dial: tries addresses one after the other for as long as each answers soon, with no more than the
 * one connection at a time: that is nearly always all there is. An address that is slow while others
 * are left makes it a race (race.c). What ends the whole request (cancelled, out of time, out of
 * descriptors) ends the round; what concerns one address only leads to the next.
 */
#include "src/client/dial.h"

#include <errno.h>

#include "runtime/clock.h"
#include "src/client/race.h"

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
	case -ENOSPC: /* fs.epoll.max_user_watches */
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

struct dialling {
	const struct dial_options *how;
	const struct scope *scope;
	struct round *round;
	struct dns_rest *rest; /* NULL once it has come */
};

/* Tries one address for as long as nobody is kept waiting by it. FETCH_CONNECT_TIMEOUT with d still
 * connecting, until *ret_until: it goes into the race. */
static enum fetch_error try_alone(const struct dialling *x, struct dial *d, int64_t *ret_until,
				  char *detail)
{
	enum fetch_error e = dial_start(x->how, d, ret_until, detail);
	if (e)
		return e;
	int64_t soon = clock_now() + RACE_DELAY_NS;
	bool patient = (round_is_over(x->round) && !x->rest) || *ret_until <= soon;
	e = dial_wait(x->scope, d, patient ? *ret_until : soon, detail);
	if (e != FETCH_OK && (patient || e != FETCH_CONNECT_TIMEOUT))
		dial_abandon(d);
	return e;
}

/* The next to be tried; parks for the rest of the answer when all that is known has been. */
static struct dial *next(struct dialling *x)
{
	struct dial *d = round_next(x->round);
	if (d || !x->rest)
		return d;
	struct dns_answer *whole = x->rest->await(x->rest, x->scope);
	x->rest = NULL;
	if (whole)
		round_add(x->round, whole);
	dns_answer_unref(whole);
	return round_next(x->round);
}

/* Gives the one that connected: its conn is set. */
static enum fetch_error try_all(struct dialling *x, struct dial **ret_winner, char *detail)
{
	enum fetch_error e = FETCH_OK;
	for (struct dial *d; (d = next(x));) {
		int64_t until;
		*ret_winner = d;
		e = try_alone(x, d, &until, detail);
		if (e == FETCH_CONNECT_TIMEOUT && d->conn)
			return race_run(x->how, x->scope, x->round, x->rest, d, until, ret_winner,
					detail);
		if (dial_is_final(e))
			return e;
	}
	if (x->round->begun == 0 && x->round->refused)
		return fault(detail, x->round->refused, "%s", x->round->why);
	return x->round->begun > 0 ? e : FETCH_DNS_NOT_FOUND;
}

enum fetch_error dial_connect(const struct dial_options *how, const struct scope *scope,
			      const struct dns_answer *answer, uint16_t port,
			      struct conn **ret_conn, char *detail)
{
	struct dialling x = { how, scope, round_new(how->policy, port), how->rest };
	struct dial *winner = NULL;
	if (!x.round)
		return FETCH_OUT_OF_MEMORY;
	round_add(x.round, answer);
	enum fetch_error e = try_all(&x, &winner, detail);
	if (e == FETCH_OK) {
		detail[0] = '\0';
		*ret_conn = winner->conn;
	}
	round_free(x.round);
	enum fetch_error ended = dial_is_final(e) ? FETCH_OK : scope_check(scope);
	return ended ? ended : e;
}
