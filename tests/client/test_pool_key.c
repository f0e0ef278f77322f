/* SPDX-License-Identifier: MIT
 *
 * test_pool_key: what tells connections apart.
 */
#include "src/client/pool_key.h"
#include "src/client/tls.h"
#include "tests/harness.h"

static const struct proxy *proxy(const char *url, bool trusted)
{
	const struct proxy *p;
	char reason[FAULT_BYTES];
	CHECK_OK(proxy_new(str_of(url), trusted, &p, reason));
	return p;
}

TEST(pool_key_is_all_that_security_hangs_on)
{
	struct tls one, other;
	const struct proxy *p = proxy("http://p:1", false), *trusted = proxy("http://p:1", true),
			   *q = proxy("http://q:1", false);
	const struct pool_key keys[] = {
		{ .host = STR("a"), .port = 80 },
		{ .host = STR("b"), .port = 80 },
		{ .host = STR("aa"), .port = 80 },
		{ .host = STR("a"), .port = 81 },
		{ .host = STR("a"), .port = 80, .tls = &one },
		{ .host = STR("a"), .port = 80, .tls = &other },
		{ .host = STR("a"), .port = 80, .proxy = p },
		{ .host = STR("a"), .port = 80, .proxy = q },
		{ .host = STR("a"), .port = 80, .proxy = trusted },
		{ .host = STR("a"), .port = 80, .tls = &one, .proxy = p },
		{ .proxy = p },
		{ .proxy = trusted },
	};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		for (size_t j = 0; j < ARRAY_LEN(keys); j++)
			CHECK_EQ(pool_key_equal(&keys[i], &keys[j]), i == j);
	proxy_unref(p);
	proxy_unref(trusted);
	proxy_unref(q);
}

TEST(pool_key_has_its_proxy_by_value)
{
	const struct proxy *p = proxy("http://u:p@h:80", false), *q = proxy("http://u:p@H", false);
	const struct pool_key a = { .proxy = p }, b = { .proxy = q };
	CHECK(pool_key_equal(&a, &b));
	CHECK_EQ(pool_key_hash(&a, 7), pool_key_hash(&b, 7));
	proxy_unref(p);
	proxy_unref(q);
}

TEST(pool_key_equal_ones_have_the_same_hash_under_a_seed)
{
	char host[] = "example.com";
	const struct pool_key a = { .host = STR("example.com"), .port = 443 };
	const struct pool_key b = { .host = str_of(host), .port = 443 };
	CHECK(pool_key_equal(&a, &b));
	CHECK_EQ(pool_key_hash(&a, 7), pool_key_hash(&b, 7));
	CHECK(pool_key_hash(&a, 7) != pool_key_hash(&a, 8));
}
