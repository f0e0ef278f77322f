/* SPDX-License-Identifier: MIT
 *
 * "Did you mean": typical slips find their word, other words find none.
 */
#include "src/common/nearest.h"

#include "tests/harness.h"

static const char *nearest_of(const char *word)
{
	static const char *const words[] = { "max_in_flight", "max_per_host", "submit", "status",
					     "list",	      "wait",	      "get" };
	struct nearest n = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		nearest_offer(&n, str_of(word), words[i]);
	return n.best;
}

TEST(nearest_finds_a_missing_or_extra_letter)
{
	CHECK_STR(nearest_of("submt"), "submit");
	CHECK_STR(nearest_of("sttatus"), "status");
	CHECK_STR(nearest_of("max_inflight"), "max_in_flight");
}

TEST(nearest_finds_a_wrong_letter_and_swapped_ones)
{
	CHECK_STR(nearest_of("lisd"), "list");
	CHECK_STR(nearest_of("wiat"), "wait");
	CHECK_STR(nearest_of("max-per-host"), "max_per_host");
}

TEST(nearest_finds_nothing_for_another_word)
{
	CHECK_STR(nearest_of("delete"), NULL);
	CHECK_STR(nearest_of("put"), NULL);
	CHECK_STR(nearest_of(""), NULL);
	CHECK_STR(nearest_of("a_word_that_is_longer_than_any_table_of_ours_has"), NULL);
}

TEST(nearest_takes_the_nearest_of_several)
{
	struct nearest n = { 0 };
	nearest_offer(&n, STR("statsu"), "states");
	nearest_offer(&n, STR("statsu"), "status");
	nearest_offer(&n, STR("statsu"), "stats1");
	CHECK_STR(n.best, "status");
}
