/* SPDX-License-Identifier: MIT */
#include "src/fetchd/rate.h"
#include "tests/harness.h"

#define AT(seconds) ((int64_t)((seconds)*1000) * MILLISECOND)

TEST(rate_is_the_mean_of_the_last_whole_seconds)
{
	struct rate r = { 0 };
	for (int i = 0; i < 40; i++)
		rate_add(&r, AT(100 + i * 0.25), 10);
	CHECK_EQ(rate_get(&r, AT(110.5)), 40);
	rate_add(&r, AT(110.5), 1000); /* of the running second: counts when it is whole */
	CHECK_EQ(rate_get(&r, AT(110.6)), 40);
}

TEST(rate_of_the_first_second_is_what_came)
{
	struct rate r = { 0 };
	CHECK_EQ(rate_get(&r, AT(100)), 0);
	rate_add(&r, AT(100.2), 7);
	CHECK_EQ(rate_get(&r, AT(100.9)), 7);
}

TEST(rate_falls_to_zero_when_nothing_comes)
{
	struct rate r = { 0 };
	rate_add(&r, AT(100), 50);
	CHECK_EQ(rate_get(&r, AT(101)), 50);
	CHECK_EQ(rate_get(&r, AT(105)), 10);
	CHECK_EQ(rate_get(&r, AT(106)), 0);
}
