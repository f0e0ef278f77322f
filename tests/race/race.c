/* SPDX-License-Identifier: MIT
 *
 * race: see race.h. The empty asm keeps a write from becoming a tail call, whose function would be missing in the report.
 */
#include "tests/race/race.h"

#include <stdatomic.h>

static int shared;
static atomic_int steps;

void first(void)
{
	shared++;
	__asm__ volatile("");
}

void second(void)
{
	shared++;
	__asm__ volatile("");
}

void step(void)
{
	atomic_fetch_add_explicit(&steps, 1, memory_order_relaxed);
}

void await(int n)
{
	while (atomic_load_explicit(&steps, memory_order_relaxed) < n)
		goroutine_yield();
}

void do_first(void *arg)
{
	(void)arg;
	first();
	step();
}

static void do_second(int after)
{
	await(after);
	second();
	step();
}

void do_second_after_1(void *arg)
{
	(void)arg;
	do_second(1);
}

void do_second_after_2(void *arg)
{
	(void)arg;
	do_second(2);
}
