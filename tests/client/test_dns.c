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
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "tests/client/resolver.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

static const struct record records[] = {
	{ .name = "a.test", .v4 = "192.0.2.1", .ttl = 60 },
	{ .name = "both.test", .v4 = "192.0.2.1", .v6 = "2001:db8::1", .ttl = 60 },
	{ .name = "six.test", .v6 = "2001:db8::1", .ttl = 60 },
	{ .name = "alias.test", .cname = "a.test", .ttl = 60 },
	{ .name = "none.test", .ttl = 60 },
	{ .name = "broken.test", .rcode = 2 },
	{ .name = "silent.test", .silent = true },
	{ .name = "large.test", .v4 = "192.0.2.2", .ttl = 60, .truncated = true },
	{ .name = "wrong-id.test",
	  .v4 = "192.0.2.1",
	  .v6 = "2001:db8::1",
	  .trick = TRICK_WRONG_ID },
	{ .name = "wrong-question.test",
	  .v4 = "192.0.2.1",
	  .v6 = "2001:db8::1",
	  .trick = TRICK_WRONG_QUESTION },
	{ .name = "wrong-source.test",
	  .v4 = "192.0.2.1",
	  .v6 = "2001:db8::1",
	  .trick = TRICK_WRONG_SOURCE },
	{ .name = "duplicated.test", .v4 = "192.0.2.1", .trick = TRICK_DUPLICATED },
	{ .name = "tiny.test", .v4 = "192.0.2.1", .trick = TRICK_TINY },
	{ .name = "lame.test", .trick = TRICK_LAME },
	{ .name = "cut.test", .v4 = "192.0.2.1", .trick = TRICK_CUT },
	{ .name = "cut-by-tcp.test", .v4 = "192.0.2.1", .truncated = true, .trick = TRICK_CUT },
	{ .name = "refused.test", .rcode = 5 },
	{ .name = "half.test", .v4 = "192.0.2.1", .rcode = 2, .rcode_for = TYPE_AAAA },
	{ .name = "other-half.test", .v6 = "2001:db8::1", .rcode = 3, .rcode_for = TYPE_A },
	{ .name = "no-ipv6.test", .v4 = "192.0.2.1", .silent_for = TYPE_AAAA },
	{ .name = "no-ipv4.test", .v6 = "2001:db8::1", .silent_for = TYPE_A },
	{ .name = "*.many.test", .v4 = "192.0.2.3", .ttl = 60 },
	{ .name = NULL },
};

TEST_GO(dns_resolves_both_families_aliases_and_truncated_answers)
{
	struct resolver *r = resolver_open(records);
	check_resolves(r, "a.test", "192.0.2.1", 1);
	check_resolves(r, "both.test", NULL, 2);
	check_resolves(r, "six.test", "[2001:db8::1]", 1);
	check_resolves(r, "alias.test", "192.0.2.1", 1);
	check_resolves(r, "alias.test.", "192.0.2.1", 1);
	CHECK_EQ(r->ns->tcp_queries, 0);
	check_resolves(r, "large.test", "192.0.2.2", 1);
	CHECK_LE(1, r->ns->tcp_queries);
	resolver_close(r);
}

TEST_GO(dns_names_every_failure)
{
	struct resolver *r = resolver_open(records);
	check_detail(r, "absent.test", FETCH_DNS_NOT_FOUND, "absent.test: no such name");
	check_detail(r, "none.test", FETCH_DNS_NOT_FOUND, "none.test: no address");
	check_detail(r, "broken.test", FETCH_DNS_FAILED, "broken.test: the server says SERVFAIL");
	check_detail(r, "refused.test", FETCH_DNS_FAILED, "refused.test: the server says REFUSED");
	check_detail(r, "lame.test", FETCH_DNS_FAILED,
		     "lame.test: the server only refers to others");
	check_detail(r, "cut.test", FETCH_DNS_FAILED, "cut.test: malformed answer");
	check_fails(r, "silent.test", 50 * MILLISECOND, FETCH_DNS_TIMEOUT);
	resolver_close(r);
}

TEST_GO(dns_an_answer_that_ends_early_by_tcp_is_a_failure)
{
	struct resolver *r = resolver_open(records);
	check_fails(r, "cut-by-tcp.test", 10 * SECOND, FETCH_DNS_FAILED);
	resolver_close(r);
}

TEST_GO(dns_never_asks_for_names_that_dns_does_not_have)
{
	struct resolver *r = resolver_open(records);
	char label[70] = "";
	memset(label, 'x', 64);
	strcat(label, ".test");
	check_detail(r, "a.invalid", FETCH_DNS_NOT_FOUND,
		     "a.invalid: no such name, and DNS is not asked for it");
	check_fails(r, "invalid", 10 * SECOND, FETCH_DNS_NOT_FOUND);
	check_fails(r, "a.b.onion", 10 * SECOND, FETCH_DNS_NOT_FOUND);
	check_fails(r, "a..test", 10 * SECOND, FETCH_DNS_NOT_FOUND);
	check_fails(r, label, 10 * SECOND, FETCH_DNS_NOT_FOUND);
	CHECK_EQ(r->ns->queries, 0);
	check_fails(r, "notinvalid", 10 * SECOND, FETCH_DNS_NOT_FOUND);
	CHECK_EQ(r->ns->queries, 2);
	resolver_close(r);
}

/* --- Families --- */

TEST_GO(dns_one_family_is_enough)
{
	struct resolver *r = resolver_open(records);
	check_resolves(r, "half.test", "192.0.2.1", 1);
	check_resolves(r, "other-half.test", "[2001:db8::1]", 1);
	check_resolves(r, "no-ipv6.test", "192.0.2.1", 1);
	check_resolves(r, "no-ipv4.test", "[2001:db8::1]", 1);
	resolver_close(r);
}

/* --- Liars and fools --- */

static void check_truth(struct resolver *r, const char *name)
{
	struct cache_lookup found;
	char text[FAULT_ADDR_BYTES], detail[FAULT_BYTES];
	CHECK_EQ(resolver_ask(r, name, 10 * SECOND, &found, detail), FETCH_OK);
	for (uint32_t i = 0; i < found.answer->len; i++) {
		fault_addr(&found.answer->addrs[i].sa, text);
		CHECK(strcmp(text, FORGED_V4) != 0 && strcmp(text, "[" FORGED_V6 "]") != 0);
	}
	dns_answer_unref(found.answer);
}

TEST_GO(dns_forged_answers_are_not_believed)
{
	struct resolver *r = resolver_open(records);
	check_truth(r, "wrong-id.test");
	check_truth(r, "wrong-question.test");
	check_truth(r, "wrong-source.test");
	resolver_close(r);
}

TEST_GO(dns_scraps_and_duplicates_do_no_harm)
{
	struct resolver *r = resolver_open(records);
	check_resolves(r, "tiny.test", "192.0.2.1", 1);
	check_resolves(r, "duplicated.test", "192.0.2.1", 1);
	check_resolves(r, "a.test", "192.0.2.1", 1);
	resolver_close(r);
}

/* --- Servers and files --- */

/* Nobody listens on the first. */
TEST_GO(dns_turns_to_the_next_server_when_one_is_not_there)
{
	struct nameserver *ns = nameserver_open(records);
	char servers[160];
	snprintf(servers, sizeof(servers), "127.0.0.1:1,%s", ns->address);
	struct resolver *r = resolver_with(&(struct dns_cares_options){ .servers = servers }, NULL);
	check_resolves(r, "a.test", "192.0.2.1", 1);
	resolver_close(r);
	nameserver_close(ns);
}

TEST_GO(dns_turns_to_the_next_server_when_one_fails)
{
	static const struct record failing[] = { { .name = "*.test", .rcode = 2 },
						 { .name = NULL } };
	static const struct record refusing[] = { { .name = "*.test", .rcode = 5 },
						  { .name = NULL } };
	struct nameserver *bad = nameserver_open(failing), *worse = nameserver_open(refusing),
			  *good = nameserver_open(records);
	char servers[160];
	snprintf(servers, sizeof(servers), "%s,%s", bad->address, good->address);
	struct resolver *r = resolver_with(&(struct dns_cares_options){ .servers = servers }, NULL);
	check_resolves(r, "a.test", "192.0.2.1", 1);
	CHECK_LE(1, bad->queries);
	resolver_close(r);
	snprintf(servers, sizeof(servers), "%s,%s", bad->address, worse->address);
	r = resolver_with(&(struct dns_cares_options){ .servers = servers }, NULL);
	check_detail(r, "a.test", FETCH_DNS_FAILED,
		     "a.test: each server failed, refused, or wasn't reached");
	resolver_close(r);
	nameserver_close(bad);
	nameserver_close(worse);
	nameserver_close(good);
}

static const char *temporary_file(const char *name)
{
	static char path[2][64];
	static int n;
	char *p = path[n++ % 2];
	snprintf(p, sizeof(path[0]), "/tmp/fetchd-%s-%d", name, getpid());
	return p;
}

static void write_file(const char *path, const char *text)
{
	char next[80];
	snprintf(next, sizeof(next), "%s.new", path);
	FILE *f = fopen(next, "w");
	CHECK(f && fwrite(text, 1, strlen(text), f) == strlen(text) && fclose(f) == 0);
	CHECK(rename(next, path) == 0);
}

TEST_GO(dns_hosts_file_goes_first_and_names_in_it_are_never_asked_for)
{
	const char *path = temporary_file("hosts");
	write_file(path, "192.0.2.7 a.test printer\n2001:db8::7 six.test x.invalid\n");
	struct nameserver *ns = nameserver_open(records);
	struct resolver *r = resolver_with(
		&(struct dns_cares_options){ .servers = ns->address, .hosts_file = path }, NULL);
	check_resolves(r, "a.test", "192.0.2.7", 1);
	check_resolves(r, "printer", "192.0.2.7", 1);
	check_resolves(r, "six.test", "[2001:db8::7]", 1);
	check_resolves(r, "x.invalid", "[2001:db8::7]", 1);
	CHECK_EQ(ns->queries, 0);
	resolver_close(r);
	nameserver_close(ns);
	unlink(path);
}

static void write_resolv_conf(const char *path, const struct nameserver *ns)
{
	char text[256];
	snprintf(text, sizeof(text), "nameserver %.*s\nsearch many.test\noptions ndots:5\n",
		 (int)strcspn(ns->address, ":"), ns->address);
	write_file(path, text);
}

/* The search list isn't applied: "other" would be found in it. Names differ, since the cache is fresh. */
TEST_GO(dns_takes_servers_from_resolv_conf_and_hears_of_its_changes)
{
	static const struct record others[] = { { .name = "*.test", .v4 = "192.0.2.9", .ttl = 60 },
						{ .name = NULL } };
	const char *path = temporary_file("resolv");
	struct nameserver *first = nameserver_open(records);
	struct nameserver *second = nameserver_open_at(others, "127.0.0.2", first->port);
	write_resolv_conf(path, first);
	struct resolver *r = resolver_with(
		&(struct dns_cares_options){ .resolv_conf = path, .port = first->port }, NULL);
	check_resolves(r, "a.test", "192.0.2.1", 1);
	check_fails(r, "other", 10 * SECOND, FETCH_DNS_NOT_FOUND);
	write_resolv_conf(path, second);
	char name[32];
	for (int i = 0; second->queries == 0; i++) {
		snprintf(name, sizeof(name), "n%d.many.test", i);
		check_resolves(r, name, NULL, 1);
		goroutine_sleep(20 * MILLISECOND);
	}
	check_resolves(r, "b.test", "192.0.2.9", 1);
	resolver_close(r);
	nameserver_close(first);
	nameserver_close(second);
	unlink(path);
}

/* The servers change while a query waits for one that keeps silent: it is asked of the new one. */
static int resolve_silent(void *arg)
{
	check_resolves(arg, "silent.test", "192.0.2.9", 1);
	return 0;
}

TEST_GO(dns_queries_under_way_go_to_the_new_servers)
{
	static const struct record others[] = { { .name = "*.test", .v4 = "192.0.2.9", .ttl = 60 },
						{ .name = NULL } };
	const char *path = temporary_file("resolv");
	struct nameserver *first = nameserver_open(records);
	struct nameserver *second = nameserver_open_at(others, "127.0.0.2", first->port);
	write_resolv_conf(path, first);
	struct resolver *r = resolver_with(
		&(struct dns_cares_options){ .resolv_conf = path, .port = first->port }, NULL);
	struct errgroup *g = errgroup_new(NULL);
	errgroup_go(g, resolve_silent, r);
	WAIT_FOR(first->queries >= 2);
	write_resolv_conf(path, second);
	char name[32];
	for (int i = 0; second->queries < 2; i++) {
		snprintf(name, sizeof(name), "n%d.many.test", i);
		check_resolves(r, name, NULL, 1);
		goroutine_sleep(20 * MILLISECOND);
	}
	CHECK_EQ(errgroup_wait(g), 0);
	resolver_close(r);
	nameserver_close(first);
	nameserver_close(second);
	unlink(path);
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
	struct resolver *r = resolver_open(records);
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
	struct resolver *r = resolver_open(records);
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
	struct resolver *r = resolver_open(records);
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

/* --- Late families --- */

static const struct reply replies[] = {
	REPLY("/", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
	NO_MORE_REPLIES,
};

TEST_GO(client_connects_by_ipv4_while_ipv6_is_still_awaited)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = replies });
	static const struct record late[] = { { .name = "late.test",
						.v4 = "127.0.0.1",
						.v6 = "::1",
						.held_for = TYPE_AAAA,
						.ttl = 60 },
					      { .name = NULL } };
	struct nameserver *ns = nameserver_open(late);
	struct rig *rig = rig_open(&(struct client_options){ .dns_servers = ns->address });
	char url[64];
	snprintf(url, sizeof(url), "http://late.test:%u/", o->port);
	check_get(rig, url, FETCH_OK, 200, "hi");
	CHECK_EQ(ns->held, 1);
	rig_close(rig);
	nameserver_close(ns);
	origin_close(o);
}

static int release_when_refused(void *arg)
{
	struct nameserver *ns = ((void **)arg)[0];
	struct rig *rig = ((void **)arg)[1];
	struct client_stats stats;
	do {
		goroutine_sleep(MILLISECOND);
		client_stats(rig->client, &stats);
	} while (ns->held == 0 || stats.dials == 0);
	nameserver_release(ns);
	return 0;
}

/* By IPv4 nobody answers; the IPv6 address, which is the origin's in another form, comes when that has
 * been tried. */
TEST_GO(client_addresses_that_come_late_are_tried_by_the_request_under_way)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = replies });
	static const struct record late[] = { { .name = "late.test",
						.v4 = "127.0.0.9",
						.v6 = "::ffff:127.0.0.1",
						.held_for = TYPE_AAAA,
						.ttl = 60 },
					      { .name = NULL } };
	struct nameserver *ns = nameserver_open(late);
	struct rig *rig = rig_open(&(struct client_options){ .dns_servers = ns->address });
	struct errgroup *g = errgroup_new(NULL);
	void *args[] = { ns, rig };
	char url[64];
	errgroup_go(g, release_when_refused, args);
	snprintf(url, sizeof(url), "http://late.test:%u/", o->port);
	check_get(rig, url, FETCH_OK, 200, "hi");
	CHECK_EQ(errgroup_wait(g), 0);
	rig_close(rig);
	nameserver_close(ns);
	origin_close(o);
}

TEST_GO(client_checks_the_policy_on_addresses_that_come_late)
{
	static const struct record late[] = { { .name = "late.test",
						.v4 = "127.0.0.9",
						.v6 = "fe80::1",
						.held_for = TYPE_AAAA,
						.ttl = 60 },
					      { .name = NULL } };
	struct nameserver *ns = nameserver_open(late);
	struct rig *rig = rig_open(&(struct client_options){ .dns_servers = ns->address });
	struct errgroup *g = errgroup_new(NULL);
	void *args[] = { ns, rig };
	errgroup_go(g, release_when_refused, args);
	check_get(rig, "http://late.test:1/", FETCH_CONNECT_REFUSED, 0, "");
	CHECK_EQ(errgroup_wait(g), 0);
	rig_close(rig);
	nameserver_close(ns);
}
