/* SPDX-License-Identifier: MIT
 *
 * Tests of leak.c, and that every TEST_GO uses it.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/leak.h"
#include "tests/harness.h"
#include "tests/specimen.h"

struct place {
	done_chan chan;
};

static void wait_for_ever(struct place *p)
{
	chan_recv(p->chan, NULL);
}

static void end_soon(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++)
		goroutine_yield();
}

TEST_GO(leak_check_finds_nothing_when_all_have_ended)
{
	for (int i = 0; i < 100; i++)
		go(end_soon, NULL);
	CHECK_EQ(leak_check(STDERR_FILENO), 0);
	CHECK_EQ(goroutine_count(), 1);
}

TEST_GO(leak_check_writes_who_is_left_by_stack)
{
	static char text[1 << 16];
	struct place p = { .chan = chan_make(done_chan, 0) };
	for (int i = 0; i < 3; i++)
		go(wait_for_ever, &p);
	int fd = open(test_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	CHECK_LE(0, fd);
	CHECK_EQ(leak_check(fd), 3);
	CHECK_LT(0, pread(fd, text, sizeof(text) - 1, 0));
	CHECK(strstr(text, "\n3 @ 0x") != NULL);
	CHECK(strstr(text, "# chan receive, to run wait_for_ever, created by "
			   "leak_check_writes_who_is_left_by_stack_body_ at "
			   "tests/runtime/test_leak.c:") != NULL);
	close(fd);
	chan_close(p.chan);
	CHECK_EQ(leak_check(STDERR_FILENO), 0);
	chan_unref(p.chan);
}

TEST_GO(specimen_leaks_two, SPECIMEN)
{
	static struct place p;
	p.chan = chan_make(done_chan, 0);
	for (int i = 0; i < 2; i++)
		go(wait_for_ever, &p);
}

TEST(leak_of_a_test_fails_it_and_shows_the_stacks)
{
	const char *report = specimen_check_fails("specimen_leaks_two", "leak: goroutines 1 -> 3");
	CHECK(strstr(report, "# chan receive, to run wait_for_ever, created by") != NULL);
}
