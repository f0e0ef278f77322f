/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"
#include "src/fetchd/store.h"
#include "tests/harness.h"

/* ---- helpers ---- */

static struct store *open_store(void)
{
	struct store *s;
	char *reason = NULL;
	int err = store_sqlite_open(test_dir(), &s, &reason);
	if (err)
		test_fail("store: %d %s", err, reason);
	return s;
}

static struct store *reopen(struct store *s)
{
	s->ops->close(s);
	return open_store();
}

static void fill_chunk(struct store_chunk *c, uint64_t batch, uint32_t number, uint32_t jobs)
{
	*c = (struct store_chunk){ .batch = batch, .chunk = number, .jobs = jobs };
	for (uint32_t i = 0; i < jobs; i++)
		buf_printf(&c->data, "{\"index\":%u,\"url\":\"http://h/%u\"}\n", i, i);
	for (uint32_t i = 0; i < (jobs + 7) / 8; i++)
		buf_append_char(&c->done, 0);
	CHECK_OK(store_runs_add(&c->runs, &(struct store_run){ .origin = STR("http://h:80"), .count = jobs }));
}

static void add_chunk(struct store *s, uint64_t batch, uint32_t number, uint32_t jobs)
{
	struct store_chunk c;
	fill_chunk(&c, batch, number, jobs);
	CHECK_OK(s->ops->chunk_add(s, &c));
	store_chunk_done(&c);
}

/* A running batch of `chunks` chunks with `jobs` jobs each. */
static uint64_t make_batch(struct store *s, uint32_t chunks, uint32_t jobs)
{
	uint64_t id;
	CHECK_OK(s->ops->batch_begin(s, STR("{}"), &id));
	for (uint32_t i = 0; i < chunks; i++)
		add_chunk(s, id, i, jobs);
	CHECK_OK(s->ops->batch_commit(s, id, (uint64_t)chunks * jobs));
	return id;
}

/* Results for places [from, to) of a chunk. */
static int add_results(struct store *s, uint64_t batch, uint32_t chunk, uint32_t from, uint32_t to, bool finishes)
{
	struct store_results r = { .batch = batch, .len = to - from, .fetched = to - from, .finishes = finishes };
	r.marks = calloc(r.len + 1, sizeof(*r.marks));
	for (uint32_t i = from; i < to; i++) {
		r.marks[i - from] = (struct store_mark){ .chunk = chunk, .place = i };
		buf_printf(&r.data, "result %u.%u\n", chunk, i);
	}
	int err = s->ops->results_add(s, &r);
	buf_done(&r.data);
	free(r.marks);
	return err;
}

static struct store_batch batch_at(struct store *s, size_t at, size_t want_len)
{
	struct store_batch *batches, found = { 0 };
	size_t len;
	CHECK_OK(s->ops->batches(s, &batches, &len));
	CHECK_EQ(len, want_len);
	if (at < len)
		found = batches[at];
	for (size_t i = 0; i < len; i++)
		store_batch_done(&batches[i]);
	free(batches);
	found.options = (struct str){ 0 };
	return found;
}

static uint32_t count_done(struct store *s, uint64_t batch, uint32_t chunk)
{
	struct store_chunk c;
	CHECK_OK(s->ops->chunk_read(s, batch, chunk, false, &c));
	uint32_t n = 0;
	for (uint32_t i = 0; i < c.jobs; i++)
		n += (unsigned char)c.done.data[i / 8] >> i % 8 & 1;
	store_chunk_done(&c);
	return n;
}

static char *read_results(struct store *s, uint64_t batch, uint64_t after, size_t max, uint64_t *ret_lines)
{
	struct buf out = { 0 };
	CHECK_OK(s->ops->results_read(s, batch, after, max, &out, ret_lines));
	CHECK(buf_cstr(&out) != NULL);
	return out.data;
}

static void check_results(struct store *s, uint64_t batch, uint64_t after, size_t max, const char *want)
{
	uint64_t lines, count = 0;
	char *text = read_results(s, batch, after, max, &lines);
	CHECK_STR(text, want);
	for (const char *p = want; *p; p++)
		count += *p == '\n';
	CHECK_EQ(lines, count);
	free(text);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	CHECK(f != NULL);
	CHECK(fputs(text, f) >= 0);
	CHECK_EQ(fclose(f), 0);
}

static const char *in_dir(const char *name)
{
	static char path[4096];
	snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	return path;
}

/* ---- the run directory ---- */

TEST(store_runs_come_back_as_they_were_added)
{
	struct buf runs = { 0 };
	const struct store_run in[] = {
		{ .origin = STR_INIT("http://a:80"), .first = 0, .count = 1, .offset = 0 },
		{ .origin = STR_INIT("https://[2001:db8::1]:8443"), .first = 1, .count = 127, .offset = 128 },
		{ .origin = STR_INIT(""), .first = UINT32_MAX, .count = UINT32_MAX, .offset = UINT32_MAX },
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
	CHECK_OK(store_runs_add(&runs, &(struct store_run){ .origin = STR("http://a:80"), .first = 300, .count = 300 }));
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
		buf_append_str(&c.data, STR("0123456789012345678901234567890123456789012345678901234567890123\n"));
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
	check_results(s, id, 0, 1000, "result 0.0\nresult 0.1\nresult 0.2\nresult 0.3\nresult 0.4\nresult 0.5\n");
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

/* ---- power cuts, as near as a test gets ---- */

static int crash_pipe[2];

/* Commits results for ever, and tells the parent of each batch of them that is durable. */
static int commit_until_killed(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct store *s = open_store();
	uint64_t id = make_batch(s, 8, 8000);
	for (uint32_t chunk = 0; chunk < 8; chunk++) {
		for (uint32_t at = 0; at < 8000; at += 20) {
			CHECK_OK(add_results(s, id, chunk, at, at + 20, chunk == 7 && at == 7980));
			uint32_t done = chunk * 8000 + at + 20;
			CHECK_EQ(write(crash_pipe[1], &done, sizeof(done)), (ssize_t)sizeof(done));
		}
	}
	return 0;
}

static uint32_t kill_in_the_middle(void)
{
	CHECK_EQ(pipe(crash_pipe), 0);
	test_dir();
	pid_t pid = fork();
	if (pid == 0) {
		close(crash_pipe[0]);
		_exit(runtime_main(commit_until_killed, 0, NULL));
	}
	close(crash_pipe[1]);
	uint32_t done = 0;
	for (int i = 0; i < 150; i++)
		CHECK_EQ(read(crash_pipe[0], &done, sizeof(done)), (ssize_t)sizeof(done));
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	while (read(crash_pipe[0], &done, sizeof(done)) == (ssize_t)sizeof(done))
		;
	close(crash_pipe[0]);
	return done;
}

static uint32_t told;

static int check_after_crash(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct store *s = open_store();
	struct store_batch b = batch_at(s, 0, 1);
	CHECK_EQ(b.state, BATCH_RUNNING);
	CHECK_EQ(b.jobs, 64000);
	CHECK_LE(told, b.done);
	CHECK_LE(b.done, told + 20);
	uint64_t bits = 0, lines, count = 0;
	for (uint32_t i = 0; i < 8; i++)
		bits += count_done(s, b.id, i);
	CHECK_EQ(bits, b.done);
	for (;;) {
		free(read_results(s, b.id, count, 1 << 20, &lines));
		if (lines == 0)
			break;
		count += lines;
	}
	CHECK_EQ(count, b.done);
	s->ops->close(s);
	return 0;
}

TEST(store_loses_and_doubles_nothing_when_killed, .timeout_s = 60)
{
	told = kill_in_the_middle();
	CHECK_EQ(runtime_main(check_after_crash, 0, NULL), 0);
}

/* ---- a full disk ---- */

static void fill_disk(const char *path, size_t bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	CHECK_LE(0, fd);
	CHECK_EQ(posix_fallocate(fd, 0, (off_t)bytes), 0);
	close(fd);
}

static int fill_and_free(int argc, char **argv)
{
	(void)argc;
	const char *path = argv[0], *filler = argv[1];
	struct store *s;
	char *reason;
	CHECK_OK(store_sqlite_open(path, &s, &reason));
	uint64_t id = make_batch(s, 1, 100), big;
	CHECK_OK(s->ops->batch_begin(s, STR("{}"), &big));
	struct store_chunk c;
	fill_chunk(&c, big, 0, 8000);
	int err;
	while ((err = s->ops->chunk_add(s, &c)) == 0)
		c.chunk++;
	CHECK_EQ(err, -ENOSPC);
	CHECK_EQ(s->ops->chunk_add(s, &c), -ENOSPC);
	CHECK_EQ(count_done(s, id, 0), 0);
	CHECK_EQ(unlink(filler), 0);
	CHECK_OK(add_results(s, id, 0, 0, 100, true));
	for (uint32_t i = 0; i < 10; i++, c.chunk++)
		CHECK_OK(s->ops->chunk_add(s, &c));
	CHECK_OK(s->ops->batch_commit(s, big, (uint64_t)c.chunk * c.jobs));
	s->ops->close(s);
	CHECK_OK(store_sqlite_open(path, &s, &reason));
	CHECK_EQ(batch_at(s, 0, 2).state, BATCH_DONE);
	for (uint32_t i = 0; i < c.chunk; i++)
		CHECK_EQ(count_done(s, big, i), 0);
	s->ops->close(s);
	store_chunk_done(&c);
	return 0;
}

/* The mount is in a namespace of this process: it goes with it, however it ends. */
TEST(store_refuses_on_a_full_disk_and_goes_on_once_there_is_space, .timeout_s = 60)
{
	char path[4096], filler[5000];
	snprintf(path, sizeof(path), "%s", in_dir("small"));
	snprintf(filler, sizeof(filler), "%s/filler", path);
	CHECK_EQ(mkdir(path, 0700), 0);
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", path, "tmpfs", 0, "size=64m") != 0)
		test_skip("a small tmpfs can't be mounted here (not root)");
	fill_disk(filler, 48 << 20);
	CHECK_EQ(runtime_main(fill_and_free, 2, (char *[]){ path, filler, NULL }), 0);
}

/* ---- opening ---- */

static void check_refused(const char *path, int want, const char *text)
{
	struct store *s;
	char *reason = NULL;
	CHECK_EQ(store_sqlite_open(path, &s, &reason), want);
	CHECK(reason != NULL);
	if (strstr(reason, text) == NULL || strstr(reason, path) == NULL)
		test_fail("\"%s\" should name %s and say \"%s\"", reason, path, text);
	free(reason);
}

TEST_GO(store_names_a_missing_state_folder)
{
	check_refused("/nonexistent/state", -ENOENT, "doesn't exist");
}

TEST_GO(store_refuses_a_file_as_state_folder)
{
	write_file(in_dir("file"), "");
	check_refused(in_dir("file"), -ENOTDIR, "is no folder");
}

TEST_GO(store_names_a_folder_that_it_may_not_write)
{
	check_refused("/proc/self", -ENOENT, "can't be written");
}

TEST_GO(store_refuses_a_second_daemon_and_names_the_first)
{
	struct store *s = open_store();
	char text[100];
	snprintf(text, sizeof(text), "another fetchd, process %d,", (int)getpid());
	text[strlen(text) - 1] = '\0';
	check_refused(test_dir(), -EBUSY, text);
	s->ops->close(s);
	s = open_store();
	s->ops->close(s);
}

TEST_GO(store_says_when_it_is_damaged)
{
	struct store *s = open_store();
	s->ops->close(s);
	write_file(in_dir("fetchd.db"), "this is no database, it is a text that somebody wrote over it; a long one, longer than 100 bytes");
	check_refused(test_dir(), -EIO, "is damaged");
}

TEST_GO(store_refuses_the_format_of_a_newer_one)
{
	struct store *s = open_store();
	s->ops->close(s);
	int fd = open(in_dir("fetchd.db"), O_RDWR);
	CHECK_EQ(pwrite(fd, "\0\0\0\2", 4, 60), 4); /* user_version of the file format */
	close(fd);
	check_refused(test_dir(), -EINVAL, "has format 2");
}
