/* SPDX-License-Identifier: MIT
 *
 * Tests of label.c. What a dump shows of labels: test_dump.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/dump.h"
#include "runtime/goroutine.h"
#include "runtime/label.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"

TEST_GO(label_a_goroutine_has_none_until_it_sets_one)
{
	CHECK(label_get("batch") == NULL);
	CHECK_OK(label_set("batch", "12"));
	CHECK_STR(label_get("batch"), "12");
	CHECK(label_get("batc") == NULL && label_get("12") == NULL);
}

TEST_GO(label_a_value_may_be_replaced_and_taken_away)
{
	CHECK_OK(label_set("batch", "12"));
	CHECK_OK(label_set("host", "example.org"));
	CHECK_OK(label_set("batch", "13"));
	CHECK_STR(label_get("batch"), "13");
	CHECK_OK(label_set("batch", NULL));
	CHECK(label_get("batch") == NULL);
	CHECK_STR(label_get("host"), "example.org");
	CHECK_OK(label_set("host", NULL));
	CHECK_OK(label_set("host", NULL));
	CHECK(label_get("host") == NULL);
}

TEST_GO(label_strings_are_copied)
{
	char value[] = "first";
	CHECK_OK(label_set("key", value));
	value[0] = '?';
	CHECK_STR(label_get("key"), "first");
}

TEST_GO(label_more_than_fits_is_refused_and_changes_nothing)
{
	char long_value[LABELS_SIZE_MAX];
	memset(long_value, 'x', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	CHECK_OK(label_set("a", "1"));
	CHECK_EQ(label_set("a", long_value), -E2BIG);
	CHECK_STR(label_get("a"), "1");
	long_value[LABELS_SIZE_MAX - 1 - 2] = '\0'; /* with "a" and two NULs: to the last byte */
	CHECK_OK(label_set("a", long_value));
	CHECK_EQ(label_set("b", ""), -E2BIG);
	CHECK_OK(label_set("a", "2"));
	CHECK_OK(label_set("b", ""));
}

struct child {
	struct waitgroup done, changed;
	const char *expected;
};

static void check_label(struct child *c)
{
	CHECK_STR(label_get("batch"), c->expected);
	waitgroup_wait(&c->changed);
	CHECK_STR(label_get("batch"), c->expected);
	CHECK_OK(label_set("batch", "the child's own"));
	waitgroup_done(&c->done);
}

TEST_GO(label_goroutines_inherit_what_their_creator_has_at_that_moment)
{
	struct child c = { .expected = "12" };
	waitgroup_add(&c.done, 1);
	waitgroup_add(&c.changed, 1);
	CHECK_OK(label_set("batch", "12"));
	go(check_label, &c);
	CHECK_OK(label_set("batch", "13"));
	waitgroup_done(&c.changed);
	waitgroup_wait(&c.done);
	CHECK_STR(label_get("batch"), "13");
}

static void set_and_end(struct waitgroup *done)
{
	for (int i = 0; i < 20; i++) {
		char value[20];
		snprintf(value, sizeof(value), "%d", i);
		CHECK_OK(label_set("round", value));
		goroutine_yield();
	}
	waitgroup_done(done);
}

static void dump_until(_Atomic bool *stop)
{
	while (!atomic_load(stop)) {
		FILE *f = fopen("/dev/null", "w");
		goroutine_dump(fileno(f));
		CHECK_OK(goroutine_dump_counts(fileno(f)));
		fclose(f);
		goroutine_yield();
	}
}

/* AddressSanitizer's test: that no dump reads labels that are freed, and that all are freed. */
TEST_GO(label_dumps_read_labels_while_they_change_and_end)
{
	struct waitgroup done = { 0 };
	_Atomic bool stop = false;
	go(dump_until, &stop);
	for (int i = 0; i < 300; i++) {
		waitgroup_add(&done, 1);
		go(set_and_end, &done);
	}
	waitgroup_wait(&done);
	atomic_store(&stop, true);
	while (goroutine_count() > 1)
		goroutine_yield();
	CHECK_OK(label_set("round", "last")); /* the next to free also frees what dumps have kept */
	CHECK_OK(label_set("round", NULL));
}
