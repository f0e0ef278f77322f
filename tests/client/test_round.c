/* SPDX-License-Identifier: MIT
 *
 * test_round: the order in which addresses are tried, what policy takes away, and where those that come
 * later find their places.
 */
#include "src/client/round.h"

#include <arpa/inet.h>
#include <string.h>

#include "tests/client/answers.h"
#include "tests/harness.h"

static void check_order(struct dns_answer *a, const char *want)
{
	uint8_t order[DNS_ADDRS_MAX];
	char text[DNS_ADDRS_MAX + 1] = "";
	round_order(a, order);
	for (uint32_t i = 0; i < a->len; i++)
		text[i] = (char)('0' + order[i]);
	CHECK_STR(text, want);
	dns_answer_unref(a);
}

TEST(round_alternates_families_beginning_with_the_first)
{
	check_order(ANSWER("::1", "::2", "::3", "1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"),
		    "0314256");
	check_order(ANSWER("1.1.1.1", "2.2.2.2", "::1"), "021");
	check_order(ANSWER("1.1.1.1"), "0");
}

TEST(round_begins_with_the_address_that_won_before)
{
	struct dns_answer *a = ANSWER("::1", "::2", "1.1.1.1", "2.2.2.2");
	union dns_addr won = { .in = { .sin_family = AF_INET, .sin_port = htons(443) } };
	CHECK_EQ(inet_pton(AF_INET, "2.2.2.2", &won.in.sin_addr), 1);
	dns_answer_won(a, &won);
	check_order(a, "3021");
}

/* Begins the next n; their addresses as text. */
static void check_next(struct round *r, const char *const *texts)
{
	char text[FAULT_ADDR_BYTES];
	for (; *texts; texts++) {
		struct dial *d = round_next(r);
		CHECK(d != NULL);
		CHECK_STR(fault_addr(&d->addr.sa, text), *texts);
	}
}

#define CHECK_NEXT(r, ...) check_next(r, (const char *const[]){ __VA_ARGS__, NULL })

static void add(struct round *r, struct dns_answer *a)
{
	round_add(r, a);
	dns_answer_unref(a);
}

static struct round *open_round(void)
{
	struct round *r = round_new(NULL, 80);
	CHECK(r != NULL);
	return r;
}

TEST(round_late_addresses_alternate_with_those_not_yet_begun)
{
	struct round *r = open_round();
	add(r, ANSWER("1.1.1.1", "2.2.2.2", "3.3.3.3"));
	CHECK_NEXT(r, "1.1.1.1:80");
	add(r, ANSWER("2600::1", "2600::2", "1.1.1.1", "2.2.2.2", "3.3.3.3"));
	CHECK_NEXT(r, "[2600::1]:80", "2.2.2.2:80", "[2600::2]:80", "3.3.3.3:80");
	CHECK(round_next(r) == NULL);
	round_free(r);
}

TEST(round_late_addresses_are_tried_when_all_others_have_been)
{
	struct round *r = open_round();
	add(r, ANSWER("1.1.1.1", "2.2.2.2"));
	CHECK_NEXT(r, "1.1.1.1:80", "2.2.2.2:80");
	CHECK(round_is_over(r));
	add(r, ANSWER("2600::1", "1.1.1.1", "2.2.2.2"));
	CHECK_NEXT(r, "[2600::1]:80");
	CHECK(round_next(r) == NULL);
	round_free(r);
}

TEST(round_has_only_what_policy_lets_through_and_says_what_it_refused_first)
{
	struct round *r = open_round();
	add(r, ANSWER("10.0.0.1", "1.1.1.1", "::1"));
	CHECK_NEXT(r, "1.1.1.1:80");
	add(r, ANSWER("fe80::1", "2600::1", "10.0.0.1", "1.1.1.1"));
	CHECK_NEXT(r, "[2600::1]:80");
	CHECK(round_next(r) == NULL);
	CHECK_EQ(r->refused, FETCH_POLICY_DENIED);
	CHECK_STR(r->why, "10.0.0.1:80: private address (see [policy] allow)");
	round_free(r);
}

/* All addresses are others each time. */
TEST(round_is_bounded_whatever_comes_late)
{
	struct round *r = open_round();
	uint32_t begun = 0;
	for (int i = 0; i < 3; i++) {
		struct dns_answer *a = dns_answer_new(DNS_ADDRS_MAX);
		for (a->len = 0; a->len < DNS_ADDRS_MAX; a->len++)
			a->addrs[a->len].in = (struct sockaddr_in){
				.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(0x01010000u | (uint32_t)i << 8 | a->len),
			};
		add(r, a);
		for (int k = 0; k < 6 && round_next(r); k++)
			begun++;
	}
	CHECK_EQ(begun, DNS_ADDRS_MAX);
	round_free(r);
}
