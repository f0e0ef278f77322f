/* SPDX-License-Identifier: MIT
 *
 * test_dns_message: what is read from answers, well-made and not.
 */
#include "src/client/dns_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/client/packet.h"
#include "tests/harness.h"

static struct packet *begin(const char *name, unsigned type)
{
	struct packet *p = calloc(1, sizeof(*p));
	packet_begin(p, name, type);
	return p;
}

/* want: the addresses, or the error and its detail. Frees p. */
static void check_says(struct packet *p, const char *name, int family, const char *want,
		       int64_t ttl_s)
{
	char got[4096] = "", text[FAULT_ADDR_BYTES];
	uint8_t *bytes = malloc(p->len); /* of exactly that size: reads beyond it are seen */
	memcpy(bytes, p->bytes, p->len);
	struct dns_answer *a = dns_message_read(bytes, p->len, name, family);
	CHECK(a != NULL);
	if (a->error)
		snprintf(got, sizeof(got), "%s %s", fetch_error_name(a->error), a->detail);
	for (uint32_t i = 0, len = 0; i < a->len; i++)
		len += (uint32_t)snprintf(got + len, sizeof(got) - len, "%s%s", i ? " " : "",
					  fault_addr(&a->addrs[i].sa, text));
	CHECK_STR(got, want);
	CHECK_EQ(a->ttl_ns / SECOND, ttl_s);
	dns_answer_unref(a);
	free(bytes);
	free(p);
}

static void check_malformed(struct packet *p)
{
	check_says(p, "a.test", AF_INET, "dns_failed a.test: malformed answer", 0);
}

TEST(dns_message_gives_each_address_once_and_the_shortest_ttl)
{
	struct packet *p = begin("a.test", TYPE_A);
	packet_address(p, "a.test", 60, "192.0.2.1");
	packet_address(p, "A.TEST", 30, "192.0.2.2");
	packet_address(p, "a.test", 90, "192.0.2.1");
	check_says(p, "a.test", AF_INET, "192.0.2.1 192.0.2.2", 30);
	p = begin("a.test", TYPE_AAAA);
	packet_address(p, "a.test", 60, "2001:db8::1");
	check_says(p, "a.test.", AF_INET6, "[2001:db8::1]", 60);
}

TEST(dns_message_follows_aliases_in_whatever_order_they_stand)
{
	struct packet *p = begin("a.test", TYPE_A);
	packet_address(p, "c.test", 60, "192.0.2.1");
	packet_alias(p, "b.test", 20, "c.test");
	packet_alias(p, "a.test", 40, "b.test");
	check_says(p, "a.test", AF_INET, "192.0.2.1", 20);
}

TEST(dns_message_believes_nothing_about_other_names)
{
	struct packet *p = begin("a.test", TYPE_A);
	packet_address(p, "evil.test", 60, "192.0.2.66");
	packet_address(p, "a.test", 60, "192.0.2.1");
	packet_alias(p, "other.test", 60, "a.test");
	check_says(p, "a.test", AF_INET, "192.0.2.1", 60);
	p = begin("a.test", TYPE_A);
	packet_address(p, "evil.test", 60, "192.0.2.66");
	packet_soa(p, "test", 60, 60);
	check_says(p, "a.test", AF_INET, "dns_not_found a.test: no address", 60);
}

static void put_chain(struct packet *p, int aliases)
{
	char from[32] = "a.test", to[32];
	for (int i = 0; i < aliases; i++) {
		snprintf(to, sizeof(to), "n%d.test", i);
		packet_alias(p, from, 60, to);
		memcpy(from, to, sizeof(from));
	}
	packet_address(p, from, 60, "192.0.2.1");
}

TEST(dns_message_chains_of_aliases_are_bounded)
{
	struct packet *p = begin("a.test", TYPE_A);
	put_chain(p, DNS_ALIASES_MAX);
	check_says(p, "a.test", AF_INET, "192.0.2.1", 60);
	p = begin("a.test", TYPE_A);
	put_chain(p, DNS_ALIASES_MAX + 1);
	check_says(p, "a.test", AF_INET, "dns_failed a.test: more than 16 aliases in a chain", 0);
	p = begin("a.test", TYPE_A);
	packet_alias(p, "a.test", 60, "b.test");
	packet_alias(p, "b.test", 60, "a.test");
	check_says(p, "a.test", AF_INET, "dns_failed a.test: more than 16 aliases in a chain", 0);
}

TEST(dns_message_addresses_are_bounded)
{
	struct packet *p = begin("a.test", TYPE_A);
	char addr[32];
	for (int i = 0; i < 400; i++) {
		snprintf(addr, sizeof(addr), "192.0.%d.%d", i / 256, i % 256);
		packet_address(p, "a.test", 60, addr);
	}
	struct dns_answer *a = dns_message_read(p->bytes, p->len, "a.test", AF_INET);
	CHECK_EQ(a->error, FETCH_OK);
	CHECK_EQ(a->len, DNS_ADDRS_MAX);
	dns_answer_unref(a);
	free(p);
}

TEST(dns_message_records_are_bounded)
{
	struct packet *p = begin("a.test", TYPE_A);
	for (int i = 0; i < DNS_RECORDS_MAX; i++)
		packet_address(p, "other.test", 60, "192.0.2.1");
	packet_address(p, "a.test", 60, "192.0.2.1");
	check_malformed(p);
}

TEST(dns_message_absence_holds_as_long_as_the_zone_says)
{
	struct packet *p = begin("a.test", TYPE_A);
	packet_soa(p, "test", 3600, 60);
	p->bytes[3] |= 3;
	check_says(p, "a.test", AF_INET, "dns_not_found a.test: no such name", 60);
	p = begin("a.test", TYPE_A);
	packet_soa(p, "test", 30, 60);
	check_says(p, "a.test", AF_INET, "dns_not_found a.test: no address", 30);
	check_says(begin("a.test", TYPE_A), "a.test", AF_INET, "dns_not_found a.test: no address",
		   0);
	p = begin("a.test", TYPE_A);
	packet_alias(p, "a.test", 60, "gone.test");
	packet_soa(p, "test", 30, 60);
	p->bytes[3] |= 3;
	check_says(p, "a.test", AF_INET, "dns_not_found a.test: no such name", 30);
}

TEST(dns_message_ttls_of_more_than_31_bits_are_0)
{
	struct packet *p = begin("a.test", TYPE_A);
	packet_address(p, "a.test", 0x80000000u, "192.0.2.1");
	check_says(p, "a.test", AF_INET, "192.0.2.1", 0);
	p = begin("a.test", TYPE_A);
	packet_address(p, "a.test", INT32_MAX, "192.0.2.1");
	check_says(p, "a.test", AF_INET, "192.0.2.1", INT32_MAX);
	p = begin("a.test", TYPE_A);
	packet_soa(p, "test", 0xffffffffu, 60);
	check_says(p, "a.test", AF_INET, "dns_not_found a.test: no address", 0);
}

TEST(dns_message_a_referral_is_no_answer)
{
	struct packet *p = begin("a.test", TYPE_A);
	packet_ns(p, "test");
	p->bytes[2] &= (uint8_t)~4;
	check_says(p, "a.test", AF_INET, "dns_failed a.test: the server only refers to others", 0);
}

TEST(dns_message_names_the_servers_errors)
{
	static const char *const texts[] = { [1] = "FORMERR",
					     [2] = "SERVFAIL",
					     [4] = "NOTIMP",
					     [5] = "REFUSED",
					     [9] = "an error of an unusual kind" };
	for (unsigned rcode = 0; rcode < 10; rcode++) {
		char want[64];
		if (!texts[rcode])
			continue;
		struct packet *p = begin("a.test", TYPE_A);
		p->bytes[3] |= rcode;
		snprintf(want, sizeof(want), "dns_failed a.test: the server says %s", texts[rcode]);
		check_says(p, "a.test", AF_INET, want, 0);
	}
}

TEST(dns_message_an_answer_to_another_question_is_malformed)
{
	struct packet *p = begin("b.test", TYPE_A);
	packet_address(p, "a.test", 60, "192.0.2.1");
	check_malformed(p);
	p = begin("a.test", TYPE_AAAA);
	packet_address(p, "a.test", 60, "192.0.2.1");
	check_malformed(p);
	p = begin("a.test", TYPE_A);
	packet_address(p, "a.test", 60, "192.0.2.1");
	p->bytes[2] &= 0x7f; /* a query */
	check_malformed(p);
	p = begin("a.test", TYPE_A);
	packet_address(p, "a.test", 60, "192.0.2.1");
	p->bytes[5] = 2;
	check_malformed(p);
}

TEST(dns_message_an_address_of_another_size_is_malformed)
{
	struct packet *p = begin("a.test", TYPE_A);
	packet_record(p, "a.test", TYPE_A, 60, "12345", 5);
	check_malformed(p);
	p = begin("a.test", TYPE_A);
	packet_record(p, "a.test", TYPE_CNAME, 60, "\1b\4test\0x", 9);
	check_malformed(p);
}

TEST(dns_message_cut_anywhere_is_malformed)
{
	struct packet *p = begin("a.test", TYPE_A);
	packet_alias(p, "a.test", 60, "b.test");
	packet_address(p, "b.test", 60, "192.0.2.1");
	for (size_t len = 0; len < p->len; len++) {
		struct packet *cut = malloc(sizeof(*cut));
		memcpy(cut, p, sizeof(*cut));
		cut->len = len;
		check_malformed(cut);
	}
	free(p);
}

/* A record whose owner is these bytes. */
static struct packet *with_owner(const char *owner, size_t len)
{
	struct packet *p = begin("a.test", TYPE_A);
	memcpy(p->bytes + p->len, owner, len);
	p->len += len;
	packet_put16(p, TYPE_A);
	packet_put16(p, 1);
	packet_put16(p, 0);
	packet_put16(p, 60);
	packet_put16(p, 4);
	packet_put16(p, 0xc000);
	packet_put16(p, 0x0201);
	p->bytes[7] = 1;
	return p;
}

TEST(dns_message_pointers_lead_back_or_nowhere)
{
	check_says(with_owner("\xc0\x0c", 2), "a.test", AF_INET, "192.0.2.1", 60);
	check_says(with_owner("\1A\xc0\x0e", 4), "a.test", AF_INET, "192.0.2.1", 60);
	check_malformed(with_owner("\xc0\x18", 2));    /* itself */
	check_malformed(with_owner("\1a\xc0\x18", 4)); /* its own beginning */
	check_malformed(with_owner("\xff\xff", 2));
	check_malformed(with_owner("\x81x\0", 3)); /* a kind of label that never was */
	check_malformed(with_owner("\x41x\0", 3));
}

TEST(dns_message_names_longer_than_dns_can_have_are_malformed)
{
	char owner[512];
	size_t len = 0;
	for (; len < 5 * 64; len += 64) {
		owner[len] = 63;
		memset(owner + len + 1, 'x', 63);
	}
	owner[len++] = 0;
	check_malformed(with_owner(owner, len));
}

TEST(dns_message_says_which_names_can_be_asked_for)
{
	char label[65] = "", name[300] = "";
	memset(label, 'x', 63);
	CHECK(dns_message_can_ask("a.test") && dns_message_can_ask("a.test."));
	CHECK(dns_message_can_ask(label) && dns_message_can_ask("_dmarc.a.test"));
	CHECK(!dns_message_can_ask("") && !dns_message_can_ask("."));
	CHECK(!dns_message_can_ask("a..test") && !dns_message_can_ask(".a") &&
	      !dns_message_can_ask("a.."));
	CHECK(!dns_message_can_ask("a\\.test"));
	label[63] = 'x';
	CHECK(!dns_message_can_ask(label));
	for (int i = 0; i < 126; i++)
		strcat(name, "x.");
	strcat(name, "x"); /* 253 characters */
	CHECK(dns_message_can_ask(name));
	CHECK(!dns_message_can_ask(strcat(name, "y")));
}
