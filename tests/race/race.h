/* SPDX-License-Identifier: MIT
 *
 * race: tests of the race detector's build (MODE=race): a race that must be reported, or a correct program that must not.
 *
 *	RACE(name) { ... }	must be reported, with the functions first and second in the two stacks, second being the later
 *	TEST_GO(name) { ... }	must run in silence (TSan ends the program at its first report)
 *
 * Both write `shared` by first() and second(), mostly one goroutine each. Nothing is left to luck: the accesses come one after the other in
 * time by step() and await(), which order nothing: their atomics are relaxed, and yielding promises nothing. So an edge that the
 * runtime draws by mistake, or forgets, shows each time.
 */
#ifndef TESTS_RACE_RACE_H
#define TESTS_RACE_RACE_H

#include "runtime/goroutine.h"
#include "tests/harness.h"

#define RACE_BETWEEN(name, first, second) \
	TEST_GO_DIES(name,                \
		     "WARNING: ThreadSanitizer: data race\n " second " \nPrevious \n " first " ")
#define RACE(name) RACE_BETWEEN(name, "first", "second")

void first(void);
void second(void);

/* first() and step(); second() and step(), but after n steps. For go(). */
void do_first(void *arg);
void do_second_after_1(void *arg);
void do_second_after_2(void *arg);

/* Counts; waits until so many have been counted. Orders nothing. */
void step(void);
void await(int steps);

#endif
