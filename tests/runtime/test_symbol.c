/* SPDX-License-Identifier: MIT
 *
 * Tests of symbol.c: names and lines in this program, in libraries, and without symbols.
 */
#include <pthread.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "runtime/base.h"
#include "runtime/symbol.h"
#include "tests/harness.h"
#include "tests/specimen.h"

static __attribute__((noinline)) int static_one(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}
enum {
	STATIC_ONE_LINE = __LINE__ - 5
};

static const void *address_of(int (*fn)(int))
{
	return (const void *)(uintptr_t)fn;
}

static void check_static_one(void)
{
	struct symbol s;
	symbol_find(address_of(static_one), &s);
	CHECK_STR(s.function, "static_one");
	CHECK_EQ(s.offset, 0);
	CHECK_STR(s.module, "test_symbol");
	CHECK(s.line.file != NULL && strstr(s.line.file, "test_symbol.c") != NULL);
	CHECK_LE(s.line.number, STATIC_ONE_LINE + 2);
	CHECK_LE(STATIC_ONE_LINE, s.line.number);
}

TEST(symbol_a_static_function_has_name_file_and_line)
{
	symbol_init();
	check_static_one();
	check_static_one(); /* as it was kept */
	CHECK_EQ(static_one(1), 2);
}

TEST(symbol_a_library_has_the_name_that_it_exports_and_an_offset_for_addr2line)
{
	struct symbol s;
	symbol_init();
	symbol_find((const void *)(uintptr_t)insque, &s);
	CHECK(s.function != NULL);
	CHECK(s.module != NULL && strstr(s.module, ".so") != NULL);
	CHECK_LT(0, s.module_offset);
	CHECK(s.line.file == NULL);
}

TEST(symbol_what_is_no_code_has_no_name)
{
	struct symbol s;
	symbol_init();
	symbol_find((const void *)16, &s);
	CHECK(s.function == NULL && s.module == NULL && s.line.file == NULL);
	CHECK(!symbol_is_code((const void *)16));
	CHECK(!symbol_is_code(&s));
	CHECK(symbol_is_own(address_of(static_one)));
	CHECK(!symbol_is_own((const void *)(uintptr_t)insque));
}

TEST(symbol_without_its_file_only_the_linker_is_asked)
{
	struct symbol s;
	symbol_find((const void *)(uintptr_t)symbol_find, &s); /* symbol_init was not called */
	CHECK_STR(s.function, "symbol_find");
	CHECK(s.line.file == NULL);
	symbol_find(address_of(static_one), &s);
	CHECK(s.line.file == NULL);
	CHECK_STR(s.module, "test_symbol");
}

static _Atomic int interruptions;

static void interrupt(int signal_number)
{
	(void)signal_number;
	check_static_one();
	interruptions++;
}

static void *look_again_and_again(void *arg)
{
	struct symbol s;
	while (interruptions < 200) {
		const char *pc = address_of(static_one);
		for (int i = 0; i < 3000; i += 7)
			symbol_find(pc + i, &s);
	}
	return arg;
}

TEST(symbol_look_ups_may_be_interrupted_by_look_ups)
{
	struct itimerval often = { .it_interval.tv_usec = 1000, .it_value.tv_usec = 1000 };
	pthread_t other;
	symbol_init();
	signal(SIGALRM, interrupt);
	CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
	CHECK_EQ(pthread_create(&other, NULL, look_again_and_again, NULL), 0);
	look_again_and_again(NULL);
	pthread_join(other, NULL);
}

TEST_GO(specimen_panics, SPECIMEN)
{
	panic("out of luck");
}

static char output[65536];

static void run(const char *command_format, const char *program)
{
	char command[600];
	snprintf(command, sizeof(command), command_format, program);
	FILE *f = popen(command, "r");
	CHECK(f != NULL);
	output[fread(output, 1, sizeof(output) - 1, f)] = '\0';
	pclose(f);
}

TEST(symbol_a_stripped_program_still_shows_the_names_that_it_exports)
{
	char program[300];
	snprintf(program, sizeof(program), "%s/stripped", test_dir());
	run("strip -o %s /proc/$PPID/exe 2>&1", program);
	CHECK_STR(output, "");
	run("%s --here specimen_panics 2>&1", program);
	CHECK(strstr(output, "panic: out of luck\n\ngoroutine 1 [running]:\n") == output);
	CHECK(strstr(output, "\npanic(...)\n\tstripped+0x") != NULL);
	CHECK(strstr(output, "\ncreated by ") == NULL);
}
