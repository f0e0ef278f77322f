/* SPDX-License-Identifier: MIT
 *
 * test_dns: c-ares on the runtime and the cache in front of it, against a name server of our own
 * and /etc/hosts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "src/client/cache.h"
#include "tests/client/nameserver.h"
#include "tests/client/rig.h"

static const struct record records[] = {
	{ .name = "a.test", .v4 = "192.0.2.1", .ttl = 60 },
	{ .name = "both.test", .v4 = "192.0.2.1", .v6 = "2001:db8::1", .ttl = 60 },
	{ .name = "six.test", .v6 = "2001:db8::1", .ttl = 60 },
	{ .name = "alias.test", .cname = "a.test", .ttl = 60 },
	{ .name = "none.test", .ttl = 60 },
	{ .name = "broken.test", .rcode = 2 },
	{ .name = "silent.test", .silent = true },
	{ .name = "large.test", .v4 = "192.0.2.2", .ttl = 60, .truncated = true },
	{ .name = "*.many.test", .v4 = "192.0.2.3", .ttl = 60 },
	{ .name = NULL },
};

struct resolver {
	struct nameserver *ns;
	struct errgroup *group;
	struct dns *dns;
	struct cache *cache;
};

static struct resolver *resolver_open(void)
{
	struct resolver *r = calloc(1, sizeof(*r));
	r->ns = nameserver_open(records);
	r->group = errgroup_new(context_background());
	CHECK_OK(dns_cares_new(r->group, r->ns->address, &r->dns));
	r->cache = cache_new(r->dns, &cache_default_limits);
	return r;
}

static void resolver_close(struct resolver *r)
{
	context_cancel(errgroup_context(r->group));
	CHECK_EQ(errgroup_wait(r->group), 0);
	cache_free(r->cache);
	r->dns->ops->close(r->dns);
	nameserver_close(r->ns);
	free(r);
}

/* How many addresses, the first of them as text; or the error. */
static enum fetch_error resolve(struct resolver *r, const char *name, int64_t timeout_ns,
				char first[FAULT_ADDR_BYTES], uint32_t *ret_len,
				char detail[FAULT_BYTES])
{
	struct scope scope = scope_of(context_background(), clock_now() + 60 * SECOND);
	struct cache_lookup found;
	detail[0] = '\0';
	enum fetch_error e =
		cache_resolve(r->cache, &scope, str_of(name), timeout_ns, &found, detail);
	if (e)
		return e;
	fault_addr(&found.answer->addrs[0].sa, first);
	*ret_len = found.answer->len;
	dns_answer_unref(found.answer);
	return e;
}

static void check_resolves(struct resolver *r, const char *name, const char *first, uint32_t len)
{
	char text[FAULT_ADDR_BYTES], detail[FAULT_BYTES];
	uint32_t n;
	enum fetch_error e = resolve(r, name, 10 * SECOND, text, &n, detail);
	if (e)
		test_fail("%s: %s (%s)", name, fetch_error_name(e), detail);
	CHECK_EQ(n, len);
	if (first)
		CHECK_STR(text, first);
}

static void check_fails(struct resolver *r, const char *name, int64_t timeout_ns,
			enum fetch_error want)
{
	char text[FAULT_ADDR_BYTES], detail[FAULT_BYTES];
	uint32_t n;
	enum fetch_error e = resolve(r, name, timeout_ns, text, &n, detail);
	CHECK_STR(fetch_error_name(e), fetch_error_name(want));
	CHECK(strstr(detail, name) != NULL);
}

TEST_GO(dns_resolves_both_families_aliases_and_truncated_answers)
{
	struct resolver *r = resolver_open();
	check_resolves(r, "a.test", "192.0.2.1", 1);
	check_resolves(r, "both.test", NULL, 2);
	check_resolves(r, "six.test", "[2001:db8::1]", 1);
	check_resolves(r, "alias.test", "192.0.2.1", 1);
	CHECK_EQ(r->ns->tcp_queries, 0);
	check_resolves(r, "large.test", "192.0.2.2", 1);
	CHECK_LE(1, r->ns->tcp_queries);
	resolver_close(r);
}

TEST_GO(dns_names_every_failure)
{
	struct resolver *r = resolver_open();
	check_fails(r, "absent.test", 10 * SECOND, FETCH_DNS_NOT_FOUND);
	check_fails(r, "none.test", 10 * SECOND, FETCH_DNS_NOT_FOUND);
	check_fails(r, "broken.test", 10 * SECOND, FETCH_DNS_FAILED);
	check_fails(r, "silent.test", 50 * MILLISECOND, FETCH_DNS_TIMEOUT);
	resolver_close(r);
}

/* The first name in /etc/hosts with an IPv4 address. */
static void name_in_hosts_file(char addr[64], char name[256])
{
	char line[512];
	FILE *f = fopen("/etc/hosts", "r");
	bool found = false;
	while (f && !found && fgets(line, sizeof(line), f))
		found = line[0] >= '0' && line[0] <= '9' && !strchr(line, ':') &&
			sscanf(line, "%63s %255s", addr, name) == 2;
	if (f)
		fclose(f);
	if (!found)
		test_skip("no name in /etc/hosts");
}

TEST_GO(dns_knows_the_hosts_file)
{
	char addr[64], name[256];
	name_in_hosts_file(addr, name);
	struct resolver *r = resolver_open();
	uint32_t n;
	char text[FAULT_ADDR_BYTES], detail[FAULT_BYTES];
	CHECK_EQ(resolve(r, name, 10 * SECOND, text, &n, detail), FETCH_OK);
	CHECK(strcmp(text, addr) == 0 || text[0] == '[');
	CHECK_EQ(r->ns->queries, 0);
	resolver_close(r);
}

TEST_GO(dns_a_bad_server_list_is_refused)
{
	struct client *client;
	char *reason = NULL;
	int err = client_new(&(struct client_options){ .dns_servers = "what?" }, &client, &reason);
	CHECK_EQ(err, -EINVAL);
	CHECK(reason && strstr(reason, "what?") != NULL);
	free(reason);
}

TEST_GO(cache_answers_again_without_asking)
{
	struct resolver *r = resolver_open();
	struct cache_stats stats;
	check_resolves(r, "a.test", "192.0.2.1", 1);
	int asked = r->ns->queries;
	check_resolves(r, "a.test", "192.0.2.1", 1);
	check_fails(r, "absent.test", 10 * SECOND, FETCH_DNS_NOT_FOUND);
	int asked_absent = r->ns->queries;
	check_fails(r, "absent.test", 10 * SECOND, FETCH_DNS_NOT_FOUND);
	CHECK_EQ(asked, 2);
	CHECK_EQ(asked_absent, r->ns->queries);
	cache_stats(r->cache, &stats);
	CHECK_EQ(stats.lookups, 4);
	CHECK_EQ(stats.hits, 2);
	resolver_close(r);
}

static int ask(void *arg)
{
	check_resolves(arg, "a.test", "192.0.2.1", 1);
	return 0;
}

TEST_GO(cache_has_one_flight_per_name)
{
	struct resolver *r = resolver_open();
	struct errgroup *g = errgroup_new(context_background());
	for (int i = 0; i < 500; i++)
		errgroup_go(g, ask, r);
	CHECK_EQ(errgroup_wait(g), 0);
	CHECK_EQ(r->ns->queries, 2);
	resolver_close(r);
}

static int ask_another(void *arg)
{
	static _Atomic int number;
	char name[32];
	snprintf(name, sizeof(name), "n%d.many.test", atomic_fetch_add(&number, 1));
	check_resolves(arg, name, "192.0.2.3", 1);
	return 0;
}

TEST_GO(dns_a_thousand_names_at_once_are_resolved)
{
	struct resolver *r = resolver_open();
	struct errgroup *g = errgroup_new(context_background());
	for (int i = 0; i < 1000; i++)
		errgroup_go(g, ask_another, r);
	CHECK_EQ(errgroup_wait(g), 0);
	CHECK_LE(2000, r->ns->queries); /* a datagram may get lost */
	resolver_close(r);
}

TEST_GO(client_unresolvable_name_is_dns_not_found)
{
	struct nameserver *ns = nameserver_open(records);
	struct rig *rig = rig_open(&(struct client_options){ .dns_servers = ns->address });
	check_get(rig, "http://absent.test/", FETCH_DNS_NOT_FOUND, 0, "");
	check_get(rig, "http://broken.test/", FETCH_DNS_FAILED, 0, "");
	rig_close(rig);
	nameserver_close(ns);
}

TEST_GO(client_may_be_freed_while_a_query_is_under_way)
{
	struct nameserver *ns = nameserver_open(records);
	struct rig *rig = rig_open(&(struct client_options){
		.dns_servers = ns->address, .limits.resolve_timeout_ns = 50 * MILLISECOND });
	check_get(rig, "http://silent.test/", FETCH_DNS_TIMEOUT, 0, "");
	rig_close(rig);
	nameserver_close(ns);
}

static int cancel_when_asked(void *arg)
{
	struct context *ctx = ((void **)arg)[0];
	struct nameserver *ns = ((void **)arg)[1];
	WAIT_FOR(atomic_load(&ns->queries) > 0);
	context_cancel(ctx);
	return 0;
}

TEST_GO(client_cancel_ends_a_request_that_waits_for_dns)
{
	struct nameserver *ns = nameserver_open(records);
	struct rig *rig = rig_open(&(struct client_options){ .dns_servers = ns->address });
	struct context *ctx = context_with_cancel(context_background());
	struct errgroup *g = errgroup_new(context_background());
	void *args[] = { ctx, ns };
	errgroup_go(g, cancel_when_asked, args);
	struct fetched *f = rig_fetch(rig, ctx, "GET", "http://silent.test/", NULL);
	CHECK_ERROR(f, FETCH_CANCELLED);
	fetched_free(f);
	CHECK_EQ(errgroup_wait(g), 0);
	context_unref(ctx);
	rig_close(rig);
	nameserver_close(ns);
}

TEST_GO(client_checks_the_policy_on_resolved_addresses)
{
	struct nameserver *ns = nameserver_open(records);
	struct rig *rig = rig_open(&(struct client_options){ .dns_servers = ns->address });
	struct fetched *f = rig_get(rig, "http://a.test/");
	CHECK_ERROR(f, FETCH_POLICY_DENIED);
	CHECK_STR(f->resp->detail, "192.0.2.1:80: documentation address (see [policy] allow)");
	fetched_free(f);
	rig_close(rig);
	nameserver_close(ns);
}
