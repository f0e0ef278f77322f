/* SPDX-License-Identifier: MIT
 *
 * Tests of gdb.py: a real gdb on a live process, and on a core of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/sanitizer.h"
#include "runtime/sched.h"
#include "tests/harness.h"
#include "tests/specimen.h"

/* Few slots: a core has all of the arena. */
#define GDB "ulimit -v 400000; gdb -nx -batch -iex 'set debuginfod enabled off' -x runtime/gdb.py "

struct place {
	done_chan chan;
};

static void receive_here(struct place *p)
{
	chan_recv(p->chan, NULL);
	__asm__ volatile(""); /* no tail call */
}

__attribute__((noinline)) void gdb_stops_here(void);
__attribute__((noinline)) void gdb_stops_here(void)
{
	__asm__ volatile("");
}

TEST_GO(specimen_for_gdb, SPECIMEN)
{
	struct place p = { .chan = chan_make(done_chan, 0) };
	go(receive_here, &p);
	while (gstate_get(&stack_find(&p)->state) != G_RUNNING || goroutine_count() != 2)
		goroutine_yield();
	for (int parked = 0; parked == 0; goroutine_yield())
		for (uint32_t i = 0; i < stack_used(); i++)
			parked += gstate_get(&stack_slot(i)->state) == G_PARKED;
	gdb_stops_here();
	chan_close(p.chan);
	while (goroutine_count() > 1)
		goroutine_yield();
	chan_unref(p.chan);
}

static char output[65536];

static void run(const char *command)
{
	FILE *f = popen(command, "r");
	CHECK(f != NULL);
	output[fread(output, 1, sizeof(output) - 1, f)] = '\0';
	pclose(f);
}

static void check_output(const char *words)
{
	if (strstr(output, words) == NULL)
		test_fail("\"%s\" is expected in:\n%s", words, output);
}

static void check_goroutines(void)
{
	check_output("       1  running                  main\n");
	check_output("       2  chan receive             receive_here started by "
		     "specimen_for_gdb_body_ at tests/runtime/test_gdb.c:");
	check_output("goroutine 2 [chan receive]:\n#0  0x");
	check_output(" () at runtime/chan.c:");
	check_output(" in receive_here () at tests/runtime/test_gdb.c:");
	check_output("goroutine 1 [running]:\nit runs on thread ");
	check_output("specimen_for_gdb_body_ () at tests/runtime/test_gdb.c:");
	check_output("there is no goroutine 99\n");
}

#define COMMANDS                                                    \
	"-ex goroutines -ex 'goroutine 2 bt' -ex 'goroutine 1 bt' " \
	"-ex 'python try_command(\"goroutine 99 bt\")' "
#define TRY                                                                                        \
	"-ex 'python exec(\"def try_command(c):\\n try: gdb.execute(c)\\n except gdb.error as e: " \
	"print(e)\")' "

TEST(gdb_lists_goroutines_and_their_stacks_live_and_in_a_core, .timeout_s = 60)
{
#ifdef HAVE_SANITIZER
	test_skip("a sanitizer's shadow memory and gdb's core don't go together");
#endif
	char self[300] = "", command[2000];
	CHECK_LT(0, readlink("/proc/self/exe", self, sizeof(self) - 1));
	snprintf(command, sizeof(command),
		 GDB TRY "-ex 'set environment FETCHD_STACK_GUARD canary' -ex 'set environment "
			 "GOMAXPROCS 1' -ex 'break "
			 "gdb_stops_here' -ex run " COMMANDS
			 "-ex 'generate-core-file %s/core' --args %s --here specimen_for_gdb 2>&1",
		 test_dir(), self);
	run(command);
	check_goroutines();
	snprintf(command, sizeof(command), GDB TRY COMMANDS "%s %s/core 2>&1", self, test_dir());
	run(command);
	check_goroutines();
}
