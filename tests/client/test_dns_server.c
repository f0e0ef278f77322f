/* SPDX-License-Identifier: MIT
 *
 * test_dns_server: names as a real name server answers for them (nsd.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/client/dns_message.h"
#include "tests/client/nsd.h"
#include "tests/client/resolver.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

static const char records[] = "@ SOA ns root 1 3600 600 86400 30\n"
			      "@ NS ns\n"
			      "ns A 192.0.2.53\n"
			      "a A 192.0.2.1\n"
			      "six AAAA 2001:db8::1\n"
			      "both A 192.0.2.1\n"
			      "both AAAA 2001:db8::1\n"
			      "text TXT \"no address\"\n"
			      "fleeting 0 A 192.0.2.1\n"
			      "alias CNAME alias2\n"
			      "alias2 CNAME both\n"
			      "dangling CNAME absent\n"
			      "abroad CNAME elsewhere.test.\n"
			      "loop CNAME pool\n"
			      "pool CNAME loop\n"
			      "*.wild A 192.0.2.4\n"
			      "delegated NS ns.elsewhere.test.\n"
			      "here A 127.0.0.1\n";

/* n0 is n1, and so on; the last has an address. And a name with 40 addresses. */
static struct nsd *open_nsd(void)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	fputs(records, f);
	for (int i = 0; i < 20; i++)
		fprintf(f, "n%d CNAME n%d\n", i, i + 1);
	fputs("n20 A 192.0.2.20\n", f);
	for (int i = 0; i < 40; i++)
		fprintf(f, "many A 192.0.2.%d\nmany AAAA 2001:db8::%x\n", i, i);
	fclose(f);
	struct nsd *nsd = nsd_open("real.test", text);
	free(text);
	return nsd;
}

static struct resolver *open_resolver(const struct nsd *nsd, const struct cache_limits *limits)
{
	return resolver_with(&(struct dns_cares_options){ .servers = nsd->address }, limits);
}

TEST_GO(dns_server_gives_addresses_and_aliases)
{
	struct nsd *nsd = open_nsd();
	struct resolver *r = open_resolver(nsd, NULL);
	check_resolves(r, "a.real.test", "192.0.2.1", 1);
	check_resolves(r, "six.real.test.", "[2001:db8::1]", 1);
	check_resolves(r, "both.real.test", NULL, 2);
	check_resolves(r, "alias.real.test", NULL, 2);
	check_resolves(r, "a.b.wild.real.test", "192.0.2.4", 1);
	resolver_close(r);
	nsd_close(nsd);
}

TEST_GO(dns_server_failures_have_their_names)
{
	struct nsd *nsd = open_nsd();
	struct resolver *r = open_resolver(nsd, NULL);
	check_detail(r, "absent.real.test", FETCH_DNS_NOT_FOUND, "absent.real.test: no such name");
	check_detail(r, "text.real.test", FETCH_DNS_NOT_FOUND, "text.real.test: no address");
	check_detail(r, "dangling.real.test", FETCH_DNS_NOT_FOUND,
		     "dangling.real.test: no such name");
	check_detail(r, "abroad.real.test", FETCH_DNS_NOT_FOUND, "abroad.real.test: no address");
	check_detail(r, "x.delegated.real.test", FETCH_DNS_FAILED,
		     "x.delegated.real.test: the server only refers to others");
	check_detail(r, "elsewhere.test", FETCH_DNS_FAILED,
		     "elsewhere.test: the server says REFUSED");
	resolver_close(r);
	nsd_close(nsd);
}

TEST_GO(dns_server_chains_of_aliases_are_followed_as_far_as_the_limit)
{
	struct nsd *nsd = open_nsd();
	struct resolver *r = open_resolver(nsd, NULL);
	char name[32];
	snprintf(name, sizeof(name), "n%d.real.test", 20 - DNS_ALIASES_MAX);
	check_resolves(r, name, "192.0.2.20", 1);
	check_detail(r, "n3.real.test", FETCH_DNS_FAILED,
		     "n3.real.test: more than 16 aliases in a chain");
	check_fails(r, "loop.real.test", 10 * SECOND, FETCH_DNS_FAILED);
	resolver_close(r);
	nsd_close(nsd);
}

/* 40 of each family don't go into 512 bytes. */
TEST_GO(dns_server_answers_that_are_too_large_for_udp_come_by_tcp)
{
	struct nsd *nsd = open_nsd();
	struct resolver *r = open_resolver(nsd, NULL);
	check_resolves(r, "many.real.test", NULL, DNS_ADDRS_MAX);
	resolver_close(r);
	nsd_close(nsd);
}

static uint64_t hits(struct resolver *r)
{
	struct cache_stats stats;
	cache_stats(r->cache, &stats);
	return stats.hits;
}

TEST_GO(dns_server_ttls_are_heard)
{
	struct nsd *nsd = open_nsd();
	struct cache_limits limits = cache_default_limits;
	limits.ttl_min_ns = 0;
	struct resolver *r = open_resolver(nsd, &limits);
	for (int i = 0; i < 2; i++) {
		check_resolves(r, "fleeting.real.test", "192.0.2.1", 1);
		CHECK_EQ(hits(r), 0);
	}
	for (int i = 0; i < 2; i++) {
		check_resolves(r, "six.real.test", "[2001:db8::1]", 1);
		check_fails(r, "absent.real.test", 10 * SECOND, FETCH_DNS_NOT_FOUND);
	}
	CHECK_LE(1, hits(r)); /* not more: the first answer may have come in halves */
	resolver_close(r);
	nsd_close(nsd);
}

TEST_GO(dns_server_names_are_fetched_from)
{
	static const struct reply replies[] = {
		REPLY("/", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
		NO_MORE_REPLIES,
	};
	struct nsd *nsd = open_nsd();
	struct origin *o = origin_open(&(struct origin_options){ .replies = replies });
	struct rig *rig = rig_open(&(struct client_options){ .dns_servers = nsd->address });
	char url[64];
	snprintf(url, sizeof(url), "http://here.real.test:%u/", o->port);
	check_get(rig, url, FETCH_OK, 200, "hi");
	check_get(rig, "http://a.real.test/", FETCH_POLICY_DENIED, 0, "");
	rig_close(rig);
	origin_close(o);
	nsd_close(nsd);
}
