/* SPDX-License-Identifier: MIT
 *
 * test_policy: which addresses are refused and why, in every disguise; and what allow and deny
 * lists change about it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "src/client/policy.h"
#include "tests/harness.h"

static const char *judge(const struct policy *p, const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return policy_check(p, (struct sockaddr *)&in);
	CHECK(inet_pton(AF_INET6, text, &in6.sin6_addr) == 1);
	return policy_check(p, (struct sockaddr *)&in6);
}

static void check_refused(const struct policy *p, const char *addr, const char *rule)
{
	const char *found = judge(p, addr);
	if (!found || strcmp(found, rule) != 0)
		test_fail("%s: want \"%s\", got \"%s\"", addr, rule,
			  found ? found : "(let through)");
}

static void check_let_through(const struct policy *p, const char *addr)
{
	const char *found = judge(p, addr);
	if (found)
		test_fail("%s: refused as %s", addr, found);
}

TEST(policy_refuses_what_is_no_public_address)
{
	static const struct {
		const char *addr, *rule;
	} cases[] = {
		{ "0.0.0.0", "unspecified address" },
		{ "0.1.2.3", "reserved address" },
		{ "10.0.0.0", "private address" },
		{ "10.255.255.255", "private address" },
		{ "100.64.0.1", "carrier-grade NAT address" },
		{ "100.127.255.255", "carrier-grade NAT address" },
		{ "127.0.0.1", "loopback address" },
		{ "127.255.255.254", "loopback address" },
		{ "168.63.129.16", "cloud metadata address" },
		{ "169.254.169.254", "cloud metadata address" },
		{ "169.254.0.1", "link-local address" },
		{ "172.16.0.1", "private address" },
		{ "172.31.255.255", "private address" },
		{ "192.0.0.192", "reserved address" },
		{ "192.0.2.7", "documentation address" },
		{ "192.88.99.1", "reserved address" },
		{ "192.168.1.1", "private address" },
		{ "198.19.255.255", "benchmarking address" },
		{ "198.51.100.1", "documentation address" },
		{ "203.0.113.1", "documentation address" },
		{ "224.0.0.1", "multicast address" },
		{ "239.255.255.255", "multicast address" },
		{ "240.0.0.1", "reserved address" },
		{ "255.255.255.255", "broadcast address" },
		{ "::", "unspecified address" },
		{ "::1", "loopback address" },
		{ "64:ff9b:1::1", "reserved address" },
		{ "100::1", "reserved address" },
		{ "2001:2::1", "benchmarking address" },
		{ "2001:1f::1", "reserved address" },
		{ "2001:db8::1", "documentation address" },
		{ "3fff::1", "documentation address" },
		{ "4000::1", "reserved address" },
		{ "5f00::1", "reserved address" },
		{ "fc00::1", "private address" },
		{ "fdff::1", "private address" },
		{ "fd00:ec2::254", "cloud metadata address" },
		{ "fe80::1", "link-local address" },
		{ "febf::1", "link-local address" },
		{ "fec0::1", "private address" },
		{ "ff02::1", "multicast address" },
	};
	struct policy *p = policy_new();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check_refused(p, cases[i].addr, cases[i].rule);
		check_refused(NULL, cases[i].addr, cases[i].rule);
	}
	policy_free(p);
}

TEST(policy_lets_public_addresses_through)
{
	static const char *addrs[] = { "1.1.1.1",	 "9.255.255.255",   "11.0.0.0",
				       "100.63.255.255", "100.128.0.0",	    "126.255.255.255",
				       "128.0.0.1",	 "169.253.255.255", "172.15.255.255",
				       "172.32.0.0",	 "192.167.255.255", "223.255.255.255",
				       "2606:4700::1",	 "2a00::1",	    "2001:4860::8888" };
	struct policy *p = policy_new();
	for (size_t i = 0; i < ARRAY_LEN(addrs); i++)
		check_let_through(p, addrs[i]);
	policy_free(p);
}

TEST(policy_undoes_disguises_of_ipv4)
{
	struct policy *p = policy_new();
	check_refused(p, "::ffff:127.0.0.1", "loopback address");
	check_refused(p, "::ffff:169.254.169.254", "cloud metadata address");
	check_refused(p, "::127.0.0.1", "loopback address");		   /* compatible */
	check_refused(p, "64:ff9b::10.0.0.1", "private address");	   /* NAT64 */
	check_refused(p, "2002:a00:1::", "private address");		   /* 6to4 of 10.0.0.1 */
	check_refused(p, "2002:7f00:1::1", "loopback address");		   /* of 127.0.0.1 */
	check_refused(p, "2001:0:a00:1::f7f7:f7f7", "private address");	   /* Teredo: server */
	check_refused(p, "2001:0:808:808::80ff:fffe", "loopback address"); /* Teredo: client */
	check_let_through(p, "::ffff:8.8.8.8");
	check_let_through(p, "::8.8.8.8");
	check_let_through(p, "64:ff9b::8.8.8.8");
	check_let_through(p, "2002:808:808::1");
	check_let_through(p, "2001:0:808:808::f7f7:f7f7");
	policy_free(p);
}

TEST(policy_allow_lets_prefixes_through_and_deny_wins)
{
	struct policy *p = policy_new();
	struct str bad;
	CHECK_OK(policy_allow(p, STR("127.0.0.0/8, ::1  10.1.2.3,fd00::/8"), &bad));
	CHECK_OK(policy_deny(p, STR("127.0.0.2\n1.1.1.0/24,2a00::/12"), &bad));
	check_let_through(p, "127.0.0.1");
	check_let_through(p, "::ffff:127.0.0.1");
	check_let_through(p, "2002:7f00:1::1");
	check_let_through(p, "::1");
	check_let_through(p, "10.1.2.3");
	check_refused(p, "10.1.2.4", "private address");
	check_let_through(p, "fd12::1");
	check_refused(p, "127.0.0.2", "[policy] deny");
	check_refused(p, "::ffff:127.0.0.2", "[policy] deny");
	check_refused(p, "1.1.1.1", "[policy] deny");
	check_refused(p, "2a0f::1", "[policy] deny");
	check_refused(p, "64:ff9b::1.1.1.1", "[policy] deny");
	policy_free(p);
}

TEST(policy_allow_of_everything_works)
{
	struct policy *p = policy_new();
	struct str bad;
	CHECK_OK(policy_allow(p, STR("0.0.0.0/0"), &bad));
	check_let_through(p, "169.254.169.254");
	check_refused(p, "::1", "loopback address");
	CHECK_OK(policy_allow(p, STR("::/0"), &bad));
	check_let_through(p, "::1");
	policy_free(p);
}

TEST(policy_names_the_part_that_is_no_prefix)
{
	static const char *bads[] = { "10.0.0.0/33", "::/129",	   "10.0.0",
				      "example.com", "10.0.0.0/",  "/8",
				      "10.0.0.0/8x", "1.2.3.4/-1", "[::1]" };
	struct policy *p = policy_new();
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		char list[64] = "1.2.3.4, ";
		struct str bad = STR("");
		strcat(list, bads[i]);
		CHECK_EQ(policy_allow(p, str_of(list), &bad), -EINVAL);
		char *text = str_dup(bad);
		CHECK_STR(text, bads[i]);
		free(text);
	}
	struct str bad;
	CHECK_OK(policy_allow(p, STR(""), &bad));
	CHECK_OK(policy_allow(p, STR(" , ,"), &bad));
	policy_free(p);
}

TEST(policy_refuses_other_families)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };
	CHECK_STR(policy_check(NULL, &sa), "neither IPv4 nor IPv6");
}

static const char *check_port(const struct policy *p, uint16_t port, int family)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	CHECK_EQ(inet_pton(AF_INET, "1.1.1.1", &in.sin_addr), 1);
	CHECK_EQ(inet_pton(AF_INET6, "2606:4700::1", &in6.sin6_addr), 1);
	return policy_check(p, family == AF_INET ? (void *)&in : (void *)&in6);
}

TEST(policy_ports_are_the_only_ones_let_through)
{
	static const uint16_t yes[] = { 80, 443, 8000, 8500, 8999, 65535 };
	static const uint16_t no[] = { 0, 1, 22, 79, 81, 444, 7999, 9000, 65534 };
	struct policy *p = policy_new();
	struct str bad;
	CHECK(!check_port(p, 22, AF_INET));
	CHECK_OK(policy_ports(p, STR("80, 443,8000-8999\t65535-65535"), &bad));
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		CHECK(!check_port(p, yes[i], AF_INET) && !check_port(p, yes[i], AF_INET6));
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		CHECK_STR(check_port(p, no[i], AF_INET), "[policy] ports");
		CHECK_STR(check_port(p, no[i], AF_INET6), "[policy] ports");
	}
	policy_free(p);
}

TEST(policy_names_the_part_that_is_no_port)
{
	static const char *bads[] = { "0", "65536", "-1", "1-", "9-8", "http", "1-2-3", "0-5" };
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		struct policy *p = policy_new();
		char list[64] = "80, ";
		struct str bad = STR("");
		strcat(list, bads[i]);
		CHECK_EQ(policy_ports(p, str_of(list), &bad), -EINVAL);
		CHECK(str_eq(bad, str_of(bads[i])));
		policy_free(p);
	}
}

TEST(policy_list_without_a_port_is_refused)
{
	static const char *bads[] = { "", ",", " ,, " };
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		struct policy *p = policy_new();
		struct str bad = STR("?");
		CHECK_EQ(policy_ports(p, str_of(bads[i]), &bad), -EINVAL);
		CHECK(str_eq(bad, str_of(bads[i])));
		policy_free(p);
	}
}
