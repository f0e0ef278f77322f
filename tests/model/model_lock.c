/* SPDX-License-Identifier: MIT
 *
 * lock.c and note.c on futexes: one holder at a time, who sees what the one before wrote; and nobody sleeps for ever.
 */
#include "runtime/base.h"
#include "runtime/lock.h"
#include "runtime/note.h"
#include "tests/model/model.h"

static struct lock lock;
static int guarded;

static void increment(void)
{
	for (int i = 0; i < model_depth(); i++) {
		lock_acquire(&lock);
		guarded++;
		lock_release(&lock);
	}
}

static void try_to_increment(void)
{
	if (!lock_try_acquire(&lock))
		return;
	guarded++;
	lock_release(&lock);
}

static void all_incremented(void)
{
	CHECK(guarded == 2 * model_depth());
	CHECK(lock.state == 0);
}

static void most_incremented(void)
{
	CHECK(guarded == model_depth() || guarded == model_depth() + 1);
}

MODEL(the_lock_has_one_holder_and_wakes_its_sleepers, .threads = { increment, increment },
      .check = all_incremented)

MODEL(who_gets_the_lock_at_once_is_a_holder_too, .threads = { increment, try_to_increment },
      .check = most_incremented)

/* --- notes --- */

static struct note note, back;
static int passed;

static void wake(void)
{
	passed = 1;
	note_wake(&note);
}

static void wait(void)
{
	note_sleep(&note);
	CHECK(passed == 1);
	note_clear(&note);
}

MODEL(a_note_wakes_its_sleeper_and_passes_what_was_written, .threads = { wake, wait })

static void wait_a_while(void)
{
	if (note_sleep_until(&note, SECOND))
		CHECK(passed == 1);
	else
		CHECK(model_now_ns >= SECOND);
}

MODEL(a_note_with_a_time_limit_is_woken_or_times_out, .threads = { wake, wait_a_while })

static void ask(void)
{
	for (int i = 0; i < 2; i++) {
		passed++;
		note_wake(&note);
		note_sleep(&back);
		note_clear(&back);
	}
}

static void answer(void)
{
	for (int i = 0; i < 2; i++) {
		note_sleep(&note);
		note_clear(&note);
		passed++;
		note_wake(&back);
	}
}

static void four_times(void)
{
	CHECK(passed == 4);
}

MODEL(notes_are_used_again_and_again, .threads = { ask, answer }, .check = four_times)

MUTANTS(.of = "try acquire_slow lock_ note_");
