/* SPDX-License-Identifier: MIT
 *
 * model: what a model of tests/model/ is written with. engine.h's head says what is checked and how.
 *
 *	static void owner(void) { runq_put(&q, &gs[0], &spill); ... }
 *	static void thief(void) { take(runq_steal(&own, &q, true)); }
 *	static void check(void) { CHECK(taken == 1); }
 *	MODEL(each_goroutine_comes_out_once, .setup = fill, .threads = { owner, thief }, .check = check)
 *
 * setup runs once, alone; then the program's data are put back to what it left before every execution. Plain variables of a model
 * are watched for races like those of the code under test.
 */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	THREADS_MAX = 4
};

struct model {
	const char *name;
	void (*setup)(void);
	void (*threads[THREADS_MAX])(void);
	void (*check)(void); /* when all threads have returned */
	uint64_t most;	     /* so many executions will do at a depth of 1; 0 = all */
	bool may_sleep;	     /* a thread that sleeps when all others have returned is no deadlock */
	/* NULL, or all that model_outcome must have been given, sorted: "0 1 11". */
	const char *outcomes;
	/* NULL, or what the message of the failure must contain that must be found. */
	const char *fails;
	void (*whole)(void); /* instead of all this: a test of the engine itself */
	struct model *next;
};

#define MODEL(name_, ...)                                                     \
	static struct model name_##_model_ = { .name = #name_, __VA_ARGS__ }; \
	__attribute__((constructor)) static void name_##_register_(void)      \
	{                                                                     \
		model_register(&name_##_model_);                              \
	}

void model_register(struct model *m);

/* A weakening of the code under test that no model notices, and why that is right. "function: operation number: weakening". */
struct survivor {
	const char *mutant, *why;
};

/* Mutants are made of the operations in these functions (beginnings of names); each must be found by one of the program's models, but
 * for the survivors. */
struct mutants {
	const char *of;
	struct survivor survivors[40];
};

#define MUTANTS(...) const struct mutants mutants_wanted = { __VA_ARGS__ }
extern const struct mutants mutants_wanted;

#define CHECK(cond) ((cond) ? (void)0 : model_fail(__FILE__ ": " #cond))
_Noreturn void model_fail(const char *message);

/* One of 0 .. n-1: each is explored. */
int model_choose(int n);

/* The number of the running thread. */
int model_self(void);

/* What an execution came to; all that came are in the report and in struct result. */
void model_outcome(uint64_t outcome);

/* What DEPTH in the environment says, else 1: how much longer the threads of a model work. */
int model_depth(void);

/* --- for the stand-ins of what the code under test calls (stubs.c) --- */

/* Until the location that this thread has read last has another value. */
void model_await(void);

/* The clock of the model: moved by whatever sleeps until a time. */
extern int64_t model_now_ns;

#endif
