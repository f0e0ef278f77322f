/* SPDX-License-Identifier: MIT
 *
 * How many requests in flight and idle connections are chosen from what the system gives.
 */
#include "src/fetchd/limits.h"

#include <errno.h>
#include <sys/resource.h>

#include "tests/harness.h"

static struct config choose(uint32_t in_flight, uint64_t descriptors, int64_t goroutines)
{
	struct config c = { .engine.max_in_flight = in_flight };
	CHECK_OK(limits_choose(&c, descriptors, goroutines));
	return c;
}

TEST(limits_auto_takes_three_quarters_of_the_descriptors)
{
	struct config c = choose(0, LIMITS_RESERVED + 1000, 1000000);
	CHECK_EQ(c.engine.max_in_flight, 750);
	CHECK_EQ(c.client.max_idle_conns, 250);
}

TEST(limits_auto_stops_at_its_ceiling)
{
	CHECK_EQ(choose(0, 1 << 20, 1000000).engine.max_in_flight, LIMITS_AUTO_IN_FLIGHT);
}

TEST(limits_configured_number_may_go_beyond_the_ceiling)
{
	CHECK_EQ(choose(50000, 1 << 20, 1000000).engine.max_in_flight, 50000);
}

TEST(limits_cut_what_descriptors_do_not_allow)
{
	struct config c = choose(50000, 20000, 1000000);
	CHECK_EQ(c.engine.max_in_flight, 20000 - LIMITS_RESERVED);
	CHECK_EQ(c.client.max_idle_conns, 1);
}

TEST(limits_cut_what_goroutines_do_not_allow)
{
	struct config c = choose(50000, 1 << 20, 30000);
	CHECK_LT(10000, c.engine.max_in_flight);
	CHECK_LT(2 * c.engine.max_in_flight + c.client.max_idle_conns, 30000);
}

TEST(limits_refuse_to_start_without_room)
{
	struct config c = { 0 };
	CHECK_EQ(limits_choose(&c, 256, 1000000), -EMFILE);
}

TEST(limits_raise_the_soft_limit_to_the_hard_one)
{
	struct rlimit limit;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 100;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(limits_raise_descriptors(), limit.rlim_max);
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(limit.rlim_cur, limit.rlim_max);
}
