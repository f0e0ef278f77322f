/* SPDX-License-Identifier: MIT
 *
 * harness: tests whose names are their specifications, each in a process of its own with a time
 * limit.
 *
 *	TEST(url_port_defaults_by_scheme) { CHECK_EQ(port_of("https://a/"), 443); }
 *	TEST_GO(chan_close_wakes_all_receivers, .timeout_s = 60) { ... on the main goroutine ... }
 *	TEST_GO_DIES(chan_close_twice, "close of closed channel") { ... }
 *
 * A file of tests is a program; harness.c has its main:
 *	test_chan [-j N] [NAME ...]	runs all, or those named; exit 0 or 1
 *	test_chan -l			lists the names
 *	test_chan --here NAME		runs one in this very process: for gdb, strace, perf
 * Environment: TEST_TIMEOUT multiplies the time limits (sanitizers, slow machines); TEST_KEEP=1
 * keeps the folders that test_dir() makes; TEST_LAUNCHER is a program that runs this one (qemu).
 *
 * The checks print file, line and both values and abort, from any goroutine or thread. A TEST_GO
 * ends with a leak check: goroutines, channels, contexts, connections and descriptors are as before the test
 * within 2 s, else it fails. After the time limit the child gets SIGQUIT (the runtime dumps its
 * goroutines), then SIGABRT, then SIGKILL.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct test {
	const char *name, *file;
	int line;
	void (*body)(void);
	int (*run)(struct test *t); /* runs body where it belongs: plain thread or main goroutine */
	const char *
		dies; /* NULL, or what its output must contain when it dies, as it must. Lines: in this order */
	int timeout_s;	   /* 0 = 30 */
	bool only_by_name; /* left out when all are run */
	struct test *next;
};

/* Further fields may follow the name: TEST(name, .timeout_s = 60). */
#define TEST(name, ...)		      TEST_(name, harness_run_plain, __VA_ARGS__)
#define TEST_GO(name, ...)	      TEST_(name, harness_run_go, __VA_ARGS__)
#define TEST_DIES(name, text, ...)    TEST_(name, harness_run_plain, .dies = (text), __VA_ARGS__)
#define TEST_GO_DIES(name, text, ...) TEST_(name, harness_run_go, .dies = (text), __VA_ARGS__)

#define TEST_(name_, run_, ...)                                          \
	static void name_##_body_(void);                                 \
	static struct test name_##_test_ = { .name = #name_,             \
					     .file = __FILE__,           \
					     .line = __LINE__,           \
					     .body = name_##_body_,      \
					     .run = run_,                \
					     __VA_ARGS__ };              \
	__attribute__((constructor)) static void name_##_register_(void) \
	{                                                                \
		harness_register(&name_##_test_);                        \
	}                                                                \
	static void name_##_body_(void)

#define CHECK(cond)	      ((cond) ? (void)0 : test_fail_at(__FILE__, __LINE__, "CHECK(%s)", #cond))
#define CHECK_EQ(a, b)	      CHECK_INT_(a, ==, b)
#define CHECK_NE(a, b)	      CHECK_INT_(a, !=, b)
#define CHECK_LT(a, b)	      CHECK_INT_(a, <, b)
#define CHECK_LE(a, b)	      CHECK_INT_(a, <=, b)
#define CHECK_STR(a, b)	      harness_check_str(__FILE__, __LINE__, #a, #b, (a), (b))
#define CHECK_OK(err)	      harness_check_ok(__FILE__, __LINE__, #err, (err))
#define CHECK_MEM(a, b, size) harness_check_mem(__FILE__, __LINE__, #a, #b, (a), (b), (size))

#define CHECK_INT_(a, op, b)                                                                      \
	do {                                                                                      \
		intmax_t HARNESS_NAME(a_) = (intmax_t)(a), HARNESS_NAME(b_) = (intmax_t)(b);      \
		if (!(HARNESS_NAME(a_) op HARNESS_NAME(b_)))                                      \
			harness_fail_int(__FILE__, __LINE__, #a " " #op " " #b, HARNESS_NAME(a_), \
					 HARNESS_NAME(b_));                                       \
	} while (0)
#define HARNESS_NAME(name) harness_##name

/* Fails the test with a message of your own. */
#define test_fail(...) test_fail_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void test_fail_at(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Ends the test as skipped: this machine can't show the behaviour. Say why. */
_Noreturn void test_skip(const char *why);

/* A folder of this test's own, made at the first call, removed with all in it at the test's end. */
const char *test_dir(void);

/* In a child: goes on as the test of that name. */
_Noreturn void harness_become(const char *name);

void harness_register(struct test *t);
int harness_run_plain(struct test *t);
int harness_run_go(struct test *t);
_Noreturn void harness_fail_int(const char *file, int line, const char *what, intmax_t a,
				intmax_t b);
void harness_check_str(const char *file, int line, const char *a_text, const char *b_text,
		       const char *a, const char *b);
void harness_check_ok(const char *file, int line, const char *text, int err);
void harness_check_mem(const char *file, int line, const char *a_text, const char *b_text,
		       const void *a, const void *b, size_t size);

#endif
