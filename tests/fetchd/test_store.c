/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"
#include "tests/fetchd/shelf.h"
#include "tests/harness.h"

static void check_results(struct store *s, uint64_t batch, uint64_t after, size_t max,
			  const char *want)
{
	uint64_t lines, count = 0;
	char *text = read_results(s, batch, after, max, &lines);
	CHECK_STR(text, want);
	for (const char *p = want; *p; p++)
		count += *p == '\n';
	CHECK_EQ(lines, count);
	free(text);
}

/* ---- the run directory ---- */

TEST(store_runs_come_back_as_they_were_added)
{
	struct buf runs = { 0 };
	const struct store_run in[] = {
		{ .origin = STR_INIT("http://a:80"), .first = 0, .count = 1, .offset = 0 },
		{ .origin = STR_INIT("https://[2001:db8::1]:8443"),
		  .first = 1,
		  .count = 127,
		  .offset = 128 },
		{ .origin = STR_INIT(""),
		  .first = UINT32_MAX,
		  .count = UINT32_MAX,
		  .offset = UINT32_MAX },
	};
	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		CHECK_OK(store_runs_add(&runs, &in[i]));
	size_t cursor = 0;
	struct store_run run;
	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		CHECK(store_runs_next(&runs, &cursor, &run));
		CHECK(str_eq(run.origin, in[i].origin));
		CHECK_EQ(run.first, in[i].first);
		CHECK_EQ(run.count, in[i].count);
		CHECK_EQ(run.offset, in[i].offset);
	}
	CHECK(!store_runs_next(&runs, &cursor, &run));
	CHECK_EQ(cursor, runs.len);
	buf_done(&runs);
}

TEST(store_runs_cut_short_end_the_directory)
{
	struct buf runs = { 0 };
	CHECK_OK(store_runs_add(
		&runs,
		&(struct store_run){ .origin = STR("http://a:80"), .first = 300, .count = 300 }));
	for (size_t len = 0; len < runs.len; len++) {
		struct buf cut = { .data = runs.data, .len = len };
		size_t cursor = 0;
		struct store_run run;
		CHECK(!store_runs_next(&cut, &cursor, &run));
	}
	buf_done(&runs);
}

/* ---- a batch's life ---- */

TEST_GO(store_keeps_a_batch_across_reopening)
{
	struct store *s = open_store();
	uint64_t id;
	CHECK_OK(s->ops->batch_begin(s, STR("{\"digest\":\"sha256\"}"), &id));
	CHECK_EQ(id, 1);
	add_chunk(s, id, 0, 10);
	add_chunk(s, id, 1, 3);
	CHECK_OK(s->ops->batch_commit(s, id, 13));
	s = reopen(s);
	struct store_batch *b;
	size_t len;
	CHECK_OK(s->ops->batches(s, &b, &len));
	CHECK_EQ(len, 1);
	CHECK_EQ(b->id, 1);
	CHECK_EQ(b->state, BATCH_RUNNING);
	CHECK_EQ(b->jobs, 13);
	CHECK_EQ(b->done, 0);
	CHECK(str_eq(b->options, STR("{\"digest\":\"sha256\"}")));
	CHECK_LT(0, b->created_wall);
	store_batch_done(b);
	free(b);
	struct store_chunk want, got;
	fill_chunk(&want, id, 1, 3);
	CHECK_OK(s->ops->chunk_read(s, id, 1, true, &got));
	CHECK_EQ(got.jobs, 3);
	CHECK(str_eq(buf_str(&got.data), buf_str(&want.data)));
	CHECK(str_eq(buf_str(&got.runs), buf_str(&want.runs)));
	CHECK(str_eq(buf_str(&got.done), buf_str(&want.done)));
	store_chunk_done(&got);
	CHECK_OK(s->ops->chunk_read(s, id, 1, false, &got));
	CHECK_EQ(got.data.len, 0);
	CHECK(str_eq(buf_str(&got.runs), buf_str(&want.runs)));
	store_chunk_done(&got);
	store_chunk_done(&want);
	CHECK_EQ(s->ops->chunk_read(s, id, 2, true, &got), -ENOENT);
	s->ops->close(s);
}

TEST_GO(store_drops_submissions_that_were_not_committed)
{
	struct store *s = open_store();
	uint64_t id;
	CHECK_OK(s->ops->batch_begin(s, STR("{}"), &id));
	add_chunk(s, id, 0, 10);
	s = reopen(s);
	batch_at(s, 0, 0);
	CHECK_EQ(s->ops->batch_commit(s, id, 10), -ENOENT);
	uint64_t lines;
	struct buf out = { 0 };
	CHECK_EQ(s->ops->results_read(s, id, 0, 100, &out, &lines), -ENOENT);
	s->ops->close(s);
}

TEST_GO(store_never_uses_an_id_twice)
{
	struct store *s = open_store();
	uint64_t id = make_batch(s, 0, 0);
	CHECK_EQ(batch_at(s, 0, 1).state, BATCH_DONE);
	CHECK_OK(s->ops->batch_delete(s, id));
	batch_at(s, 0, 0);
	s = reopen(s);
	CHECK_EQ(make_batch(s, 1, 1), id + 1);
	s->ops->close(s);
}

TEST_GO(store_deletes_finished_batches_only)
{
	struct store *s = open_store();
	uint64_t id = make_batch(s, 1, 1);
	CHECK_EQ(s->ops->batch_delete(s, id), -ENOENT);
	CHECK_OK(add_results(s, id, 0, 0, 1, true));
	CHECK_OK(s->ops->batch_delete(s, id));
	CHECK_EQ(s->ops->batch_delete(s, id), -ENOENT);
	CHECK_EQ(s->ops->batch_delete(s, 99), -ENOENT);
	s->ops->close(s);
}

static off_t file_size(const char *name)
{
	struct stat st;
	return stat(in_dir(name), &st) == 0 ? st.st_size : 0;
}

TEST_GO(store_gives_a_deleted_batch_back_to_the_disk, .timeout_s = 60)
{
	struct store *s = open_store();
	uint64_t id = make_batch(s, 0, 0);
	CHECK_OK(s->ops->batch_begin(s, STR("{}"), &id));
	struct store_chunk c;
	fill_chunk(&c, id, 0, 1);
	while (c.data.len < 256 * 1024)
		buf_append_str(
			&c.data,
			STR("0123456789012345678901234567890123456789012345678901234567890123\n"));
	for (c.chunk = 0; c.chunk < 100; c.chunk++)
		CHECK_OK(s->ops->chunk_add(s, &c));
	store_chunk_done(&c);
	CHECK_OK(s->ops->batch_abort(s, id));
	s = reopen(s); /* a restart finishes the job */
	while (s->ops->chunk_read(s, id, 99, false, &c) == 0) {
		store_chunk_done(&c);
		goroutine_sleep(MILLISECOND);
	}
	while (file_size("fetchd.db") > 8 << 20) {
		s = reopen(s); /* closing checkpoints */
		goroutine_sleep(MILLISECOND);
	}
	s->ops->close(s);
}

/* ---- results ---- */

TEST_GO(store_results_set_bits_and_counts_in_one_commit)
{
	struct store *s = open_store();
	uint64_t id = make_batch(s, 2, 20);
	CHECK_OK(add_results(s, id, 1, 3, 7, false));
	s = reopen(s);
	CHECK_EQ(count_done(s, id, 0), 0);
	CHECK_EQ(count_done(s, id, 1), 4);
	struct store_batch b = batch_at(s, 0, 1);
	CHECK_EQ(b.done, 4);
	CHECK_EQ(b.fetched, 4);
	CHECK_EQ(b.state, BATCH_RUNNING);
	CHECK_EQ(b.finished_wall, 0);
	s->ops->close(s);
}

TEST_GO(store_finishes_a_batch_with_its_last_result)
{
	struct store *s = open_store();
	uint64_t id = make_batch(s, 1, 20);
	CHECK_OK(add_results(s, id, 0, 0, 19, false));
	CHECK_EQ(add_results(s, id, 0, 19, 20, false), -EINVAL); /* it would be the last */
	CHECK_OK(add_results(s, id, 0, 19, 20, true));
	struct store_batch b = batch_at(s, 0, 1);
	CHECK_EQ(b.state, BATCH_DONE);
	CHECK_LT(0, b.finished_wall);
	s->ops->close(s);
}

TEST_GO(store_refuses_a_second_result_and_changes_nothing)
{
	struct store *s = open_store();
	uint64_t id = make_batch(s, 1, 20);
	CHECK_OK(add_results(s, id, 0, 5, 6, false));
	CHECK_EQ(add_results(s, id, 0, 0, 10, false), -EEXIST);
	CHECK_EQ(count_done(s, id, 0), 1);
	CHECK_EQ(batch_at(s, 0, 1).done, 1);
	struct store_mark twice[] = { { 0, 8 }, { 0, 8 } };
	struct store_results r = { .batch = id, .marks = twice, .len = 2, .failed = 2 };
	buf_append_str(&r.data, STR("a\nb\n"));
	CHECK_EQ(s->ops->results_add(s, &r), -EEXIST);
	CHECK_EQ(count_done(s, id, 0), 1);
	buf_done(&r.data);
	check_results(s, id, 0, 1000, "result 0.5\n");
	s->ops->close(s);
}

TEST_GO(store_refuses_marks_that_name_no_job)
{
	struct store *s = open_store();
	uint64_t id = make_batch(s, 1, 20);
	CHECK_EQ(add_results(s, id, 1, 0, 1, false), -EINVAL);
	CHECK_EQ(add_results(s, id, 0, 30, 31, false), -EINVAL);
	CHECK_EQ(add_results(s, 77, 0, 0, 1, false), -ENOENT);
	s->ops->close(s);
}

TEST_GO(store_reads_results_from_any_line_and_within_bounds)
{
	struct store *s = open_store();
	uint64_t id = make_batch(s, 1, 20);
	CHECK_OK(add_results(s, id, 0, 0, 3, false));
	CHECK_OK(add_results(s, id, 0, 3, 4, false));
	CHECK_OK(add_results(s, id, 0, 4, 6, false));
	check_results(s, id, 0, 1000,
		      "result 0.0\nresult 0.1\nresult 0.2\nresult 0.3\nresult 0.4\nresult 0.5\n");
	check_results(s, id, 2, 1000, "result 0.2\nresult 0.3\nresult 0.4\nresult 0.5\n");
	check_results(s, id, 2, 22, "result 0.2\nresult 0.3\n");
	check_results(s, id, 5, 1, "result 0.5\n"); /* one line at least */
	check_results(s, id, 6, 1000, "");
	check_results(s, id, UINT64_MAX, 1000, "");
	s->ops->close(s);
}

TEST_GO(store_cancels_running_batches_only)
{
	struct store *s = open_store();
	uint64_t id = make_batch(s, 1, 2);
	CHECK_OK(s->ops->batch_set_state(s, id, BATCH_CANCELLING));
	CHECK_EQ(s->ops->batch_set_state(s, id, BATCH_CANCELLING), -ENOENT);
	s = reopen(s);
	CHECK_EQ(batch_at(s, 0, 1).state, BATCH_CANCELLING);
	CHECK_OK(add_results(s, id, 0, 0, 1, false));
	CHECK_EQ(batch_at(s, 0, 1).state, BATCH_CANCELLING);
	CHECK_OK(add_results(s, id, 0, 1, 2, true));
	CHECK_EQ(batch_at(s, 0, 1).state, BATCH_DONE);
	s->ops->close(s);
}

/* ---- many writers ---- */

struct writer {
	struct store *store;
	struct waitgroup *wg;
	uint64_t batch;
	uint32_t place;
	int result;
};

static void write_one(struct writer *w)
{
	w->result = add_results(w->store, w->batch, 0, w->place, w->place + 1, false);
	waitgroup_done(w->wg);
}

TEST_GO(store_writers_share_commits_and_a_bad_one_fails_alone)
{
	struct store *s = open_store();
	uint64_t id = make_batch(s, 1, 400);
	static struct writer writers[300];
	struct waitgroup wg = { 0 };
	waitgroup_add(&wg, ARRAY_LEN(writers));
	for (uint32_t i = 0; i < ARRAY_LEN(writers); i++) {
		/* each third wants a place that another has, or that isn't there */
		uint32_t place = i % 3 == 2 ? (i % 2 ? 0 : 5000) : i;
		writers[i] = (struct writer){ .store = s, .wg = &wg, .batch = id, .place = place };
		go(write_one, &writers[i]);
	}
	waitgroup_wait(&wg);
	uint32_t ok = 0;
	for (uint32_t i = 0; i < ARRAY_LEN(writers); i++) {
		if (i % 3 == 2 && i % 2 == 0)
			CHECK_EQ(writers[i].result, -EINVAL);
		ok += writers[i].result == 0;
	}
	CHECK_EQ(ok, 200);
	CHECK_EQ(count_done(s, id, 0), 200);
	CHECK_EQ(batch_at(s, 0, 1).done, 200);
	s->ops->close(s);
}
