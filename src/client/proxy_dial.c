/* SPDX-License-Identifier: MIT
 *
 * proxy_dial: the proxy is resolved and dialled as connect.c does with a server, then socks.c or tunnel.c
 * asks it for the target; that talk has once more the time that connecting to one address has.
 *
 * A target that is resolved here (socks5) may have several addresses: they are asked for one after the
 * other, in the order in which they would be dialled, each on a connection of its own, until the proxy
 * reaches one or refuses for another reason than the network.
 */
#include "src/client/proxy_dial.h"

#include <errno.h>
#include <string.h>

#include "runtime/clock.h"
#include "src/client/literal.h"
#include "src/client/round.h"
#include "src/client/socks.h"
#include "src/client/tunnel.h"
#include "src/common/cleanup.h"

/* One call's parameters. */
struct way {
	struct connector *c;
	const struct scope *scope;
	const struct connect_limits *limits;
	const struct pool_key *key;
	struct connect_times *t;
	char *detail;
};

static void unref_answer(struct dns_answer **a)
{
	dns_answer_unref(*a);
}

static void free_round(struct round **r)
{
	round_free(*r);
}

/* --- The proxy itself --- */

/* What has become of a connection to a server reads as one to the proxy. */
static enum fetch_error of_proxy(const struct way *w, enum fetch_error e)
{
	char why[FAULT_BYTES];
	memcpy(why, w->detail, sizeof(why));
	switch (e) {
	case FETCH_DNS_NOT_FOUND:
	case FETCH_DNS_FAILED:
		return fault(w->detail, FETCH_PROXY_NOT_FOUND, "proxy %.*s: %s",
			     STR_ARG(w->key->proxy->at.hostname),
			     why[0] ? why : fetch_error_text(e));
	case FETCH_CONNECT_REFUSED:
	case FETCH_CONNECT_FAILED:
		return fault(w->detail, FETCH_PROXY_UNREACHABLE, "proxy %s", why);
	case FETCH_DNS_TIMEOUT:
	case FETCH_CONNECT_TIMEOUT:
	case FETCH_POLICY_DENIED:
		return fault(w->detail, e, "proxy %s", why);
	default:
		return e;
	}
}

static enum fetch_error dial_proxy(const struct way *w, struct conn **ret_conn)
{
	const struct proxy *proxy = w->key->proxy;
	const struct connect_tcp to = { .connector = w->c,
					.scope = w->scope,
					.limits = w->limits,
					.judge = proxy->trusted ? w->c->anywhere : w->c->policy,
					.host = proxy->at.hostname,
					.port = proxy->port };
	w->detail[0] = '\0';
	return of_proxy(w, connect_tcp(&to, ret_conn, w->t, w->detail));
}

/* --- Through it --- */

/* addr NULL: the proxy gets the host's name. */
static enum fetch_error ask(const struct way *w, struct conn *conn, const struct sockaddr *addr)
{
	const struct pool_key *key = w->key;
	if (key->proxy->kind != PROXY_HTTP) {
		const struct socks_target target = { .addr = addr,
						     .host = key->host,
						     .port = key->port };
		return socks_connect(conn, key->proxy, &target, w->scope, w->detail);
	}
	const struct tunnel_request request = { .host = key->host,
						.port = key->port,
						.user_agent = str_of(w->c->user_agent),
						.limits = &w->limits->message };
	return tunnel_open(conn, key->proxy, &request, w->scope, w->detail);
}

/* A new connection to the proxy, and through it. */
static enum fetch_error reach(const struct way *w, const struct sockaddr *addr,
			      struct conn **ret_conn)
{
	struct conn *conn = NULL;
	enum fetch_error e = dial_proxy(w, &conn);
	if (e)
		return e;
	struct scope_guard guard;
	conn_set_deadline(conn, scope_until(w->scope, clock_now(), w->limits->connect_ns));
	scope_guard(&guard, w->scope, conn);
	e = w->key->host.len ? ask(w, conn, addr) : FETCH_OK;
	if (!scope_unguard(&guard) && e == FETCH_OK)
		e = scope_error(w->scope, -ECANCELED, FETCH_CONNECT_TIMEOUT);
	conn_set_deadline(conn, NEVER);
	if (e)
		conn_close(conn);
	else
		*ret_conn = conn;
	return e;
}

/* The next address of the target; parks for those that DNS hasn't told yet. */
static struct dial *next_address(const struct way *w, struct round *round, struct dns_rest **rest)
{
	struct dial *d = round_next(round);
	if (d || !*rest)
		return d;
	struct dns_answer *whole = (*rest)->await(*rest, w->scope);
	*rest = NULL;
	if (whole)
		round_add(round, whole);
	dns_answer_unref(whole);
	return round_next(round);
}

/* Each address of the target that policy lets through, in turn. */
static enum fetch_error reach_any(const struct way *w, struct cache_lookup *found,
				  struct conn **ret_conn)
{
	cleanup(free_round) struct round *round = round_new(w->c->policy, w->key->port);
	struct dns_rest *rest = cache_rest(found);
	if (!round)
		return FETCH_OUT_OF_MEMORY;
	round_add(round, found->answer);
	enum fetch_error e = FETCH_PROXY_CONNECT;
	for (struct dial *d; e == FETCH_PROXY_CONNECT && (d = next_address(w, round, &rest));)
		e = reach(w, &d->addr.sa, ret_conn);
	if (round->begun == 0 && round->refused)
		return fault(w->detail, round->refused, "%s", round->why);
	enum fetch_error ended = e == FETCH_PROXY_CONNECT ? scope_check(w->scope) : FETCH_OK;
	return ended ? ended : e;
}

static enum fetch_error reach_resolved(const struct way *w, struct conn **ret_conn)
{
	cleanup(connect_lookup_done) struct cache_lookup found;
	enum fetch_error e = connect_resolve(w->c, w->scope, w->key->host, w->limits->resolve_ns,
					     &found, w->detail);
	return e ? e : reach_any(w, &found, ret_conn);
}

/* What the proxy resolves; an address that the URL says is told as such. */
static enum fetch_error reach_named(const struct way *w, struct conn **ret_conn)
{
	cleanup(unref_answer) struct dns_answer *answer = NULL;
	enum fetch_error e = FETCH_OK;
	if (w->key->proxy->kind == PROXY_SOCKS5H)
		e = literal_answer(w->key->host, &answer);
	bool address = answer && answer->len == 1; /* localhost has two */
	return e ? e : reach(w, address ? &answer->addrs[0].sa : NULL, ret_conn);
}

enum fetch_error proxy_dial(struct connector *c, const struct scope *scope,
			    const struct connect_limits *limits, const struct pool_key *key,
			    struct conn **ret_conn, struct connect_times *t, char *detail)
{
	const struct way w = { c, scope, limits, key, t, detail };
	enum fetch_error e = key->proxy->kind == PROXY_SOCKS5 ? reach_resolved(&w, ret_conn)
							      : reach_named(&w, ret_conn);
	if (e == FETCH_OK)
		detail[0] = '\0';
	return e;
}

/* --- The policy --- */

enum fetch_error proxy_dial_judge(const struct policy *policy, const struct proxy *proxy,
				  const struct url *url, char *detail)
{
	if (proxy->kind == PROXY_SOCKS5)
		return FETCH_OK;
	const char *rule = policy_check_port(policy, url->port_number);
	if (rule)
		return fault(detail, FETCH_POLICY_DENIED, "%.*s:%u: %s", STR_ARG(url->hostname),
			     url->port_number, rule);
	cleanup(unref_answer) struct dns_answer *answer = NULL;
	enum fetch_error e = literal_answer(url->hostname, &answer);
	if (e || !answer)
		return e;
	cleanup(free_round) struct round *round = round_new(policy, url->port_number);
	if (!round)
		return FETCH_OUT_OF_MEMORY;
	round_add(round, answer);
	return round_is_over(round) ? fault(detail, round->refused, "%s", round->why) : FETCH_OK;
}
