/* SPDX-License-Identifier: MIT
 *
 * test_pool_key: what tells connections apart.
 */
#include "src/client/pool_key.h"
#include "src/client/tls.h"
#include "tests/harness.h"

TEST(pool_key_is_all_that_security_hangs_on)
{
	struct tls one, other;
	const struct pool_key keys[] = {
		{ .host = STR("a"), .port = 80 },
		{ .host = STR("b"), .port = 80 },
		{ .host = STR("aa"), .port = 80 },
		{ .host = STR("a"), .port = 81 },
		{ .host = STR("a"), .port = 80, .tls = &one },
		{ .host = STR("a"), .port = 80, .tls = &other },
	};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		for (size_t j = 0; j < ARRAY_LEN(keys); j++)
			CHECK_EQ(pool_key_equal(&keys[i], &keys[j]), i == j);
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
