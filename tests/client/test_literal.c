/* SPDX-License-Identifier: MIT
 *
 * test_literal: hosts that answer themselves.
 */
#include "src/client/literal.h"
#include "src/common/cleanup.h"
#include "src/http/url.h"
#include "tests/harness.h"

/* The first address that url's host gives without asking anybody; "" when it is a name. */
static void check_answers(const char *text, const char *want, uint32_t want_len)
{
	cleanup(url_done) struct url url = { 0 };
	CHECK_OK(url_parse(str_of(text), NULL, &url, NULL));
	struct dns_answer *a = NULL;
	CHECK_EQ(literal_answer(url.hostname, &a), FETCH_OK);
	char got[FAULT_ADDR_BYTES] = "";
	if (a)
		fault_addr(&a->addrs[0].sa, got);
	CHECK_STR(got, want);
	CHECK_EQ(a ? a->len : 0, want_len);
	dns_answer_unref(a);
}

TEST(literal_addresses_answer_themselves)
{
	check_answers("http://192.0.2.1/", "192.0.2.1", 1);
	check_answers("http://0x7f.1/", "127.0.0.1", 1);
	check_answers("http://[2001:db8::1]/", "[2001:db8::1]", 1);
}

TEST(literal_localhost_is_loopback_whatever_the_hosts_file_says)
{
	check_answers("http://localhost/", "127.0.0.1", 2);
	check_answers("http://LOCALHOST./", "127.0.0.1", 2);
	check_answers("http://a.b.localhost/", "127.0.0.1", 2);
}

TEST(literal_other_names_are_for_the_resolver)
{
	check_answers("http://localhost.example/", "", 0);
	check_answers("http://notlocalhost/", "", 0);
	check_answers("http://a.b1/", "", 0);
	check_answers("http://1.2.3.4.example/", "", 0);
}
