/* SPDX-License-Identifier: MIT
 *
 * Tests of startup.c: from main to the main goroutine and back.
 */
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "tests/harness.h"

static int main_that_returns_42(int argc, char **argv)
{
	CHECK_EQ(argc, 1);
	CHECK_STR(argv[0], "name");
	return 42;
}

TEST(runtime_main_returns_what_main_returns)
{
	char name[] = "name", *argv[] = { name, NULL };
	CHECK_EQ(runtime_main(main_that_returns_42, 1, argv), 42);
}

static void hog(void *arg)
{
	(void)arg;
	for (;;)
		;
}

static int main_that_leaves_a_hog(int argc, char **argv)
{
	(void)argc, (void)argv;
	go(hog, NULL);
	goroutine_sleep(MILLISECOND);
	return 7;
}

TEST(runtime_main_returns_although_a_goroutine_hogs_its_thread)
{
	setenv("GOMAXPROCS", "4", 1);
	CHECK_EQ(runtime_main(main_that_leaves_a_hog, 0, NULL), 7);
}
