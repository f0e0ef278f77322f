/* SPDX-License-Identifier: MIT
 *
 * The engine itself: the small programs by which memory models are known, each with the very outcomes that C11 allows; what the checker must
 * find; and the reduction against plain enumeration of all interleavings, on random programs.
 */
#include <stdatomic.h>
#include <string.h>

#include "runtime/base.h"
#include "tests/model/engine.h"

static _Atomic uint32_t x, y;
static uint64_t a, b, c, d;

static const int relaxed = memory_order_relaxed, acquire = memory_order_acquire,
		 release = memory_order_release, seq_cst = memory_order_seq_cst;

#define LOAD(loc, order)	 atomic_load_explicit(&(loc), order)
#define STORE(loc, value, order) atomic_store_explicit(&(loc), value, order)

/* Outcomes in decimal: a digit a result. */
static void two(void)
{
	model_outcome(a * 10 + b);
}

static void four(void)
{
	model_outcome(a * 1000 + b * 100 + c * 10 + d);
}

/* --- store buffering: each writes its own and reads the other's --- */

static void sb_left(void)
{
	STORE(x, 1, release);
	a = LOAD(y, acquire);
}

static void sb_right(void)
{
	STORE(y, 1, release);
	b = LOAD(x, acquire);
}

MODEL(both_of_a_dekker_without_fences_may_see_nothing, .threads = { sb_left, sb_right },
      .check = two, .outcomes = "0 1 10 11")

static void sb_left_fence(void)
{
	STORE(x, 1, relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	a = LOAD(y, relaxed);
}

static void sb_right_fence(void)
{
	STORE(y, 1, relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	b = LOAD(x, relaxed);
}

MODEL(with_fences_one_sees_the_other, .threads = { sb_left_fence, sb_right_fence }, .check = two,
      .outcomes = "1 10 11")

static void sb_left_sc(void)
{
	STORE(x, 1, seq_cst);
	a = LOAD(y, seq_cst);
}

static void sb_right_sc(void)
{
	STORE(y, 1, seq_cst);
	b = LOAD(x, seq_cst);
}

MODEL(with_sequential_consistency_one_sees_the_other, .threads = { sb_left_sc, sb_right_sc },
      .check = two, .outcomes = "1 10 11")
MODEL(sequential_consistency_of_one_is_not_enough, .threads = { sb_left_sc, sb_right },
      .check = two, .outcomes = "0 1 10 11")
MODEL(a_fence_and_sequential_consistency_are_enough, .threads = { sb_left_fence, sb_right_sc },
      .check = two, .outcomes = "1 10 11")

static void sb_right_light(void)
{
	STORE(y, 1, relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	b = LOAD(x, relaxed);
}

void barrier_heavy(void);

static void sb_left_heavy(void)
{
	STORE(x, 1, relaxed);
	barrier_heavy();
	a = LOAD(y, relaxed);
}

MODEL(a_heavy_barrier_makes_up_for_the_light_one, .threads = { sb_left_heavy, sb_right_light },
      .check = two, .outcomes = "1 10 11")
MODEL(a_light_barrier_and_a_fence_are_not_enough, .threads = { sb_left_fence, sb_right_light },
      .check = two, .outcomes = "0 1 10 11")

/* --- message passing --- */

static void mp_write(void)
{
	STORE(x, 1, relaxed);
	STORE(y, 1, release);
}

static void mp_read(void)
{
	a = LOAD(y, acquire);
	b = LOAD(x, relaxed);
}

static void mp_write_relaxed(void)
{
	STORE(x, 1, relaxed);
	STORE(y, 1, relaxed);
}

static void mp_write_fence(void)
{
	STORE(x, 1, relaxed);
	atomic_thread_fence(memory_order_release);
	STORE(y, 1, relaxed);
}

static void mp_read_fence(void)
{
	a = LOAD(y, relaxed);
	atomic_thread_fence(memory_order_acquire);
	b = LOAD(x, relaxed);
}

static void mp_read_relaxed(void)
{
	a = LOAD(y, relaxed);
	b = LOAD(x, relaxed);
}

MODEL(an_acquire_sees_what_was_before_the_release, .threads = { mp_write, mp_read }, .check = two,
      .outcomes = "0 1 11")
MODEL(a_relaxed_write_passes_no_message, .threads = { mp_write_relaxed, mp_read }, .check = two,
      .outcomes = "0 1 10 11")
MODEL(a_relaxed_read_takes_no_message, .threads = { mp_write, mp_read_relaxed }, .check = two,
      .outcomes = "0 1 10 11")
MODEL(fences_pass_messages, .threads = { mp_write_fence, mp_read_fence }, .check = two,
      .outcomes = "0 1 11")

static void mp_add(void)
{
	atomic_fetch_add_explicit(&y, 1, relaxed);
}

static void mp_read_two(void)
{
	a = LOAD(y, acquire);
	b = LOAD(x, relaxed);
	model_outcome(a == 2 ? b : 9);
}

MODEL(a_relaxed_change_continues_the_release_sequence, .threads = { mp_write, mp_add, mp_read_two },
      .outcomes = "1 9")

/* --- coherence, several copies --- */

static void write_one(void)
{
	STORE(x, 1, relaxed);
}

static void write_two(void)
{
	STORE(x, 2, relaxed);
}

static void read_twice(void)
{
	a = LOAD(x, relaxed);
	b = LOAD(x, relaxed);
}

static void read_twice_more(void)
{
	c = LOAD(x, relaxed);
	d = LOAD(x, relaxed);
}

static void no_disagreement(void)
{
	CHECK(!(a == 1 && b == 2 && c == 2 && d == 1));
	CHECK(!(a == 2 && b == 1 && c == 1 && d == 2));
	CHECK(a == 0 || b != 0);
	model_outcome(0);
}

MODEL(all_agree_on_the_order_of_one_location,
      .threads = { write_one, write_two, read_twice, read_twice_more }, .check = no_disagreement,
      .outcomes = "0")

static void write_x(void)
{
	STORE(x, 1, seq_cst);
}

static void write_y(void)
{
	STORE(y, 1, seq_cst);
}

static void read_x_y(void)
{
	a = LOAD(x, acquire);
	b = LOAD(y, acquire);
}

static void read_y_x(void)
{
	c = LOAD(y, acquire);
	d = LOAD(x, acquire);
}

static void read_x_y_sc(void)
{
	a = LOAD(x, seq_cst);
	b = LOAD(y, seq_cst);
}

static void read_y_x_sc(void)
{
	c = LOAD(y, seq_cst);
	d = LOAD(x, seq_cst);
}

MODEL(two_readers_may_see_two_writers_in_either_order,
      .threads = { write_x, write_y, read_x_y, read_y_x }, .check = four,
      .outcomes = "0 1 10 11 100 101 110 111 1000 1001 1010 1011 1100 1101 1110 1111")
MODEL(sequentially_consistent_readers_agree,
      .threads = { write_x, write_y, read_x_y_sc, read_y_x_sc }, .check = four,
      .outcomes = "0 1 10 11 100 101 110 111 1000 1001 1011 1100 1101 1110 1111")

static void w22_left(void)
{
	STORE(x, 1, relaxed);
	STORE(y, 2, relaxed);
}

static void w22_right(void)
{
	STORE(y, 1, relaxed);
	STORE(x, 2, relaxed);
}

static void last_values(void)
{
	a = x;
	b = y;
	two();
}

MODEL(stores_of_two_threads_may_cross, .threads = { w22_left, w22_right }, .check = last_values,
      .outcomes = "11 12 21 22")

static void lb_left(void)
{
	a = LOAD(x, relaxed);
	STORE(y, 1, relaxed);
}

static void lb_right(void)
{
	b = LOAD(y, relaxed);
	STORE(x, 1, relaxed);
}

MODEL(load_buffering_is_not_modelled, .threads = { lb_left, lb_right }, .check = two,
      .outcomes = "0 1 10")

/* --- read-modify-writes --- */

static void add_twice(void)
{
	atomic_fetch_add_explicit(&x, 1, relaxed);
	atomic_fetch_add_explicit(&x, 1, relaxed);
}

static void sum(void)
{
	model_outcome(x);
}

MODEL(changes_are_atomic, .threads = { add_twice, add_twice, add_twice }, .check = sum,
      .outcomes = "6")

static void swap_in(void)
{
	uint32_t zero = 0;
	bool won = atomic_compare_exchange_strong_explicit(&x, &zero, 1, relaxed, relaxed);
	atomic_fetch_add_explicit(&y, won, relaxed);
}

static void sum_y(void)
{
	model_outcome(y);
}

MODEL(one_swap_wins, .threads = { swap_in, swap_in, swap_in }, .check = sum_y, .outcomes = "1")

/* --- what the checker must find --- */

static uint64_t plain;

static void write_plain(void)
{
	plain = 1;
	STORE(x, 1, relaxed);
}

static void read_plain(void)
{
	if (LOAD(x, acquire) == 1)
		a = plain;
}

MODEL(a_data_race_is_found, .threads = { write_plain, read_plain }, .fails = "data race")

static void write_plain_release(void)
{
	plain = 1;
	STORE(x, 1, release);
}

MODEL(a_released_write_is_no_race, .threads = { write_plain_release, read_plain })

static void write_plain_fence(void)
{
	plain = 1;
	STORE(y, 1, relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	a = LOAD(x, relaxed);
}

static void read_plain_fence(void)
{
	STORE(x, 1, relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (LOAD(y, relaxed) == 1)
		b = plain;
	else
		b = 2;
}

MODEL(fences_order_what_was_read_between_them, .threads = { write_plain_fence, read_plain_fence },
      .fails = "data race")

static void await_one(void)
{
	while (LOAD(x, acquire) == 0)
		model_await();
	a = plain;
}

MODEL(who_waits_for_a_store_gets_it, .threads = { write_plain_release, await_one })
MODEL(who_waits_for_nothing_is_found, .threads = { write_y, await_one }, .fails = "deadlock")

/* --- the reduction, against all interleavings of random programs --- */

enum {
	PROGRAMS = 100,
	STEPS = 3,
	LOCATIONS = 2
};

static uint64_t seed;
static int steps; /* of each thread: three, or two when there are three threads */
static _Atomic uint32_t cells[LOCATIONS];
static struct instruction {
	int what, where, order;
} program[3][STEPS];
static uint64_t seen[3][STEPS];

static uint32_t draw(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((seed >> 33) % below);
}

static uint64_t run_instruction(const struct instruction *i, uint32_t value)
{
	static const int loads[] = { memory_order_relaxed, memory_order_acquire,
				     memory_order_seq_cst };
	static const int stores[] = { memory_order_relaxed, memory_order_release,
				      memory_order_seq_cst };
	static const int both[] = { memory_order_relaxed, memory_order_acq_rel,
				    memory_order_seq_cst };
	uint32_t expected = value & 1;
	switch (i->what) {
	case 0:
	case 1:
		return atomic_load_explicit(&cells[i->where], loads[i->order]);
	case 2:
	case 3:
		atomic_store_explicit(&cells[i->where], value, stores[i->order]);
		return 0;
	case 4:
		return atomic_exchange_explicit(&cells[i->where], value, both[i->order]);
	case 5:
		return atomic_compare_exchange_strong_explicit(
			&cells[i->where], &expected, value, both[i->order], memory_order_relaxed);
	case 8:
		barrier_heavy();
		return 0;
	default:
		atomic_thread_fence(both[i->order]);
		return 0;
	}
}

static void run_program(int thread)
{
	for (int i = 0; i < steps; i++)
		seen[thread][i] =
			run_instruction(&program[thread][i], (uint32_t)(thread * STEPS + i + 1));
}

static void first(void)
{
	run_program(0);
}

static void second(void)
{
	run_program(1);
}

static void third(void)
{
	run_program(2);
}

static void hash_outcome(void)
{
	uint64_t h = 0;
	for (int t = 0; t < 3; t++)
		for (int i = 0; i < STEPS; i++)
			h = h * 11 + seen[t][i];
	for (int i = 0; i < LOCATIONS; i++)
		h = h * 11 + cells[i];
	model_outcome(h);
}

static void make_program(void)
{
	for (int t = 0; t < 3; t++)
		for (int i = 0; i < STEPS; i++)
			program[t][i] = (struct instruction){ (int)draw(steps == STEPS ? 9 : 8),
							      (int)draw(LOCATIONS), (int)draw(3) };
}

static struct result plain_result;

static void compare_reduction(void)
{
	struct model m = { .name = "random",
			   .setup = make_program,
			   .threads = { first, second },
			   .check = hash_outcome };
	for (int i = 0; i < PROGRAMS * model_depth(); i++) {
		seed = (uint64_t)i;
		m.threads[2] = i % 2 ? third : NULL;
		steps = i % 2 ? 2 : 3;
		plain_result = *run_model(&m, (struct mutation){ 0 }, true);
		const struct result *r = run_model(&m, (struct mutation){ 0 }, false);
		if (r->failed || plain_result.failed || !r->complete || !plain_result.complete ||
		    r->outcomes_n != plain_result.outcomes_n ||
		    memcmp(r->outcomes, plain_result.outcomes, sizeof(r->outcomes)) != 0)
			run_failed("random program %d: %u outcomes of %u: %s%s", i, r->outcomes_n,
				   plain_result.outcomes_n, r->message, plain_result.message);
	}
}

MODEL(the_reduction_leaves_no_outcome_out, .whole = compare_reduction)
