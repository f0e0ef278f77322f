/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "src/common/json.h"
#include "tests/fetchd/farm.h"
#include "tests/fetchd/rig.h"

#define PLENTY (&(struct engine_options){ .max_in_flight = 64 })

static const char *ok_url = "http://127.0.0.1:%d/ok", *gate_url = "http://127.0.0.2:%d/gate";

/* ---- exactly one record each ---- */

TEST_GO(engine_gives_every_job_one_record, .timeout_s = 60)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(PLENTY);
	struct buf text = { 0 };
	rig_urls(&text, 700, ok_url, f->port);
	rig_urls(&text, 300, "http://127.0.0.3:%d/status/404", f->port);
	rig_urls(&text, 300, "http://127.0.0.4:%d/n/3000", f->port);
	rig_urls(&text, 50, "http://192.168.1.1:%d/", f->port);
	rig_urls(&text, 50, "http://127.0.0.9:1/", f->port);
	uint64_t id = rig_submit(r, text.data);
	rig_wait_done(r, id);
	struct outcomes o = rig_outcomes(r, id);
	CHECK_EQ(o.fetched, 1300);
	CHECK_EQ(o.failed, 100);
	CHECK_EQ(atomic_load(&f->requests), 1300);
	struct engine_stats stats;
	engine_stats(r->engine, &stats);
	CHECK_EQ(stats.results_total, 1400);
	CHECK_EQ(stats.fetched_total, 1300);
	CHECK_EQ(stats.failed_total, 100);
	CHECK_EQ(stats.bytes_total, 1000 * 2 + 300 * 3000);
	CHECK_EQ(stats.in_flight, 0);
	CHECK_EQ(stats.queued, 0);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

TEST_GO(engine_finishes_an_empty_batch_at_once)
{
	struct rig *r = rig_open(PLENTY);
	uint64_t id = rig_submit(r, "# nothing\n");
	CHECK_EQ(rig_status(r, id).b.state, BATCH_DONE);
	CHECK_EQ(rig_outcomes(r, id).jobs, 0);
	rig_close(r, 0);
}

TEST_GO(engine_record_has_the_digest_when_asked_for)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(PLENTY);
	struct buf text = { 0 };
	rig_urls(&text, 1, "http://127.0.0.1:%d/n/100000", f->port);
	uint64_t id = rig_submit_with(r, text.data, "{\"digest\":\"sha256\"}");
	rig_wait_done(r, id);
	struct buf results = rig_results(r, id);
	struct json_item sum;
	CHECK(json_get(buf_str(&results), "sha256", &sum));
	/* head -c 100000 /dev/zero | tr '\0' x | sha256sum */
	CHECK(str_eq(sum.raw,
		     STR("d69e68988157833272305aaf21f453c800346e8a3640db6578e260215542e5d4")));
	buf_done(&results);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

TEST_GO(engine_record_names_the_job_as_it_was_submitted)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(PLENTY);
	struct buf line = { 0 };
	buf_printf(
		&line,
		"{\"url\":\"HTTP://127.0.0.1:%u/\\u00e9\",\"tag\":\"a\\\"b\",\"method\":\"HEAD\"}",
		f->port);
	struct ingest *in;
	struct ingest_error error;
	uint64_t id, jobs;
	CHECK_OK(engine_ingest_begin(r->engine, INGEST_NDJSON, STR("{}"), &in));
	CHECK_OK(ingest_feed(in, line.data, line.len, &error));
	CHECK_OK(ingest_commit(in, &id, &jobs, &error));
	CHECK_EQ(jobs, 1);
	rig_wait_done(r, id);
	struct buf results = rig_results(r, id), want = { 0 };
	buf_printf(&want,
		   "{\"batch\":1,\"index\":0,\"tag\":\"a\\\"b\",\"url\":\"HTTP://127.0.0.1:%u/"
		   "\xc3\xa9\","
		   "\"method\":\"HEAD\",\"state\":\"fetched\",\"url_effective\":\"http://"
		   "127.0.0.1:%u/%%C3%%A9\","
		   "\"http_code\":200,",
		   f->port, f->port);
	CHECK(str_starts(buf_str(&results), buf_str(&want)));
	buf_done(&line);
	buf_done(&results);
	buf_done(&want);
	rig_close(r, 0);
	farm_close(f);
}

TEST_GO(engine_refuses_options_that_it_does_not_know)
{
	struct rig *r = rig_open(PLENTY);
	struct ingest *in;
	CHECK_EQ(engine_ingest_begin(r->engine, INGEST_TEXT, STR("{\"digest\":\"md5\"}"), &in),
		 -EINVAL);
	CHECK_EQ(engine_ingest_begin(r->engine, INGEST_TEXT, STR("{\"colour\":\"red\"}"), &in),
		 -EINVAL);
	rig_close(r, 0);
}

/* ---- limits ---- */

TEST_GO(engine_keeps_to_its_limits, .timeout_s = 60)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(
		&(struct engine_options){ .max_in_flight = 6, .max_per_host = 2, .window = 40 });
	struct buf text = { 0 };
	for (int i = 0; i < 200; i++) {
		rig_urls(&text, 1, "http://127.0.0.1:%d/n/2000", f->port);
		rig_urls(&text, 1, "http://127.0.0.2:%d/n/2000", f->port);
		rig_urls(&text, 1, "http://127.0.0.3:%d/n/2000", f->port);
		rig_urls(&text, 1, "http://127.0.0.4:%d/n/2000", f->port);
	}
	uint64_t id = rig_submit(r, text.data);
	rig_wait_done(r, id);
	CHECK_EQ(rig_outcomes(r, id).fetched, 800);
	CHECK_LE(atomic_load(&f->most_all), 6);
	for (int i = 1; i <= 4; i++)
		CHECK_LE(atomic_load(&f->most[i]), 2);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

TEST_GO(engine_slow_host_does_not_starve_the_others, .timeout_s = 60)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(
		&(struct engine_options){ .max_in_flight = 8, .max_per_host = 4, .window = 40 });
	struct buf text = { 0 };
	rig_urls(&text, 20000, gate_url, f->port);
	rig_urls(&text, 300, ok_url, f->port);
	uint64_t id = rig_submit(r, text.data);
	rig_wait_results(r, id, 299); /* all of the fast one, while the slow one hangs */
	WAIT_FOR(atomic_load(&f->at_gate) == 4);
	struct batch_status s = rig_status(r, id);
	CHECK_EQ(s.b.done, 300);
	CHECK_EQ(s.in_flight, 4);
	CHECK_EQ(s.queued, 19996);
	CHECK_STR(s.waits_for, "host limits");
	CHECK_OK(engine_batch_cancel(r->engine, id));
	farm_open_gate(f);
	rig_wait_done(r, id);
	struct outcomes o = rig_outcomes(r, id);
	CHECK_EQ(o.fetched, 304);
	CHECK_EQ(o.cancelled, 19996);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

TEST_GO(engine_small_batch_does_not_wait_for_a_large_one, .timeout_s = 60)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(&(struct engine_options){ .max_in_flight = 4, .window = 64 });
	struct buf large = { 0 }, small = { 0 };
	rig_urls(&large, 20000, ok_url, f->port);
	rig_urls(&small, 20, ok_url, f->port);
	uint64_t first = rig_submit(r, large.data);
	rig_wait_results(r, first, 0);
	uint64_t second = rig_submit(r, small.data);
	rig_wait_done(r, second);
	CHECK_EQ(rig_status(r, first).b.state, BATCH_RUNNING);
	rig_wait_done(r, first);
	rig_outcomes(r, first);
	rig_outcomes(r, second);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&large);
	buf_done(&small);
}

TEST_GO(engine_refuses_more_unfinished_batches_than_the_limit)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(&(struct engine_options){ .max_in_flight = 4, .max_batches = 2 });
	struct buf text = { 0 };
	rig_urls(&text, 1, gate_url, f->port);
	uint64_t id = rig_submit(r, text.data);
	struct ingest *in, *none;
	CHECK_OK(engine_ingest_begin(r->engine, INGEST_TEXT, STR("{}"), &in));
	CHECK_EQ(engine_ingest_begin(r->engine, INGEST_TEXT, STR("{}"), &none), -EAGAIN);
	ingest_abort(in);
	CHECK_OK(engine_ingest_begin(r->engine, INGEST_TEXT, STR("{}"), &in));
	ingest_abort(in);
	farm_open_gate(f);
	rig_wait_done(r, id);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

/* ---- cancelling and deleting ---- */

TEST_GO(engine_cancel_ends_what_has_not_started_and_lets_the_rest_finish, .timeout_s = 60)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(&(struct engine_options){ .max_in_flight = 5 });
	struct buf text = { 0 };
	rig_urls(&text, 30000, gate_url, f->port);
	uint64_t id = rig_submit(r, text.data);
	WAIT_FOR(atomic_load(&f->at_gate) == 5);
	CHECK_OK(engine_batch_cancel(r->engine, id));
	CHECK_OK(engine_batch_cancel(r->engine, id)); /* twice is fine */
	CHECK_EQ(rig_status(r, id).b.state, BATCH_CANCELLING);
	CHECK_STR(rig_status(r, id).waits_for, "running requests");
	farm_open_gate(f);
	rig_wait_done(r, id);
	CHECK_OK(engine_batch_cancel(r->engine, id)); /* so is too late */
	struct outcomes o = rig_outcomes(r, id);
	CHECK_EQ(o.fetched, 5);
	CHECK_EQ(o.cancelled, 29995);
	CHECK_EQ(engine_batch_cancel(r->engine, 99), -ENOENT);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

TEST_GO(engine_goes_on_cancelling_after_a_restart, .timeout_s = 60)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(&(struct engine_options){ .max_in_flight = 5 });
	struct buf text = { 0 };
	rig_urls(&text, 1000, gate_url, f->port);
	uint64_t id = rig_submit(r, text.data);
	WAIT_FOR(atomic_load(&f->at_gate) == 5);
	CHECK_OK(engine_batch_cancel(r->engine, id));
	rig_close(r, 0);
	r = rig_open(PLENTY);
	rig_wait_done(r, id);
	CHECK_EQ(rig_outcomes(r, id).cancelled, 1000);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

TEST_GO(engine_deletes_finished_batches_only)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(PLENTY);
	struct buf text = { 0 };
	rig_urls(&text, 1, gate_url, f->port);
	uint64_t id = rig_submit(r, text.data), *ids;
	size_t len;
	CHECK_EQ(engine_batch_delete(r->engine, id), -EBUSY);
	farm_open_gate(f);
	rig_wait_done(r, id);
	CHECK_OK(engine_batch_ids(r->engine, &ids, &len));
	CHECK_EQ(len, 1);
	CHECK_EQ(ids[0], id);
	free(ids);
	CHECK_OK(engine_batch_delete(r->engine, id));
	CHECK_EQ(engine_batch_delete(r->engine, id), -ENOENT);
	struct batch_status s;
	CHECK_EQ(engine_batch_status(r->engine, id, &s), -ENOENT);
	CHECK_EQ(engine_results_wait(r->engine, id, 0, context_background()), -ENOENT);
	CHECK_OK(engine_batch_ids(r->engine, &ids, &len));
	CHECK_EQ(len, 0);
	free(ids);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

/* ---- waiting for results ---- */

TEST_GO(engine_wait_for_results_ends_with_its_context)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(PLENTY);
	struct buf text = { 0 };
	rig_urls(&text, 1, gate_url, f->port);
	uint64_t id = rig_submit(r, text.data);
	struct context *ctx = context_with_timeout(context_background(), 20 * MILLISECOND);
	CHECK_EQ(engine_results_wait(r->engine, id, 0, ctx), -ETIMEDOUT);
	context_unref(ctx);
	farm_open_gate(f);
	rig_wait_results(r, id, 0);
	CHECK_EQ(engine_results_wait(r->engine, id, 1, context_background()), 0);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

/* ---- a disk that is full, or fails ---- */

TEST_GO(engine_keeps_results_while_the_disk_is_full_and_shows_none, .timeout_s = 60)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(PLENTY);
	struct buf text = { 0 };
	rig_urls(&text, 500, ok_url, f->port);
	atomic_store(&r->fail_results, ENOSPC);
	uint64_t id = rig_submit(r, text.data), lines;
	WAIT_FOR(atomic_load(&f->requests) == 500 && atomic_load(&r->failures) > 1);
	WAIT_FOR(rig_status(r, id).in_flight == 0);
	struct batch_status s = rig_status(r, id);
	CHECK_EQ(s.b.done, 0);
	CHECK_EQ(s.b.state, BATCH_RUNNING);
	CHECK_STR(s.waits_for, "disk space");
	struct buf out = { 0 };
	CHECK_OK(engine_results_read(r->engine, id, 0, 1000, &out, &lines));
	CHECK_EQ(lines, 0);
	atomic_store(&r->fail_results, 0);
	rig_wait_done(r, id);
	CHECK_EQ(rig_outcomes(r, id).fetched, 500);
	CHECK_EQ(atomic_load(&f->requests), 500); /* nothing was asked for twice */
	struct engine_stats stats;
	engine_stats(r->engine, &stats);
	CHECK_LE(2, stats.commit_errors_total);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

TEST_GO(engine_tries_again_when_jobs_cannot_be_read, .timeout_s = 60)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(PLENTY);
	struct buf text = { 0 };
	rig_urls(&text, 100, ok_url, f->port);
	atomic_store(&r->fail_reads, EIO);
	uint64_t id = rig_submit(r, text.data);
	WAIT_FOR(atomic_load(&r->failures) > 0);
	atomic_store(&r->fail_reads, 0);
	rig_wait_done(r, id);
	CHECK_EQ(rig_outcomes(r, id).fetched, 100);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

/* ---- stopping and starting ---- */

TEST_GO(engine_close_lets_running_requests_finish, .timeout_s = 60)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(&(struct engine_options){ .max_in_flight = 5 });
	struct buf text = { 0 };
	rig_urls(&text, 100, gate_url, f->port);
	uint64_t id = rig_submit(r, text.data);
	WAIT_FOR(atomic_load(&f->at_gate) == 5);
	go(farm_open_gate, f);
	rig_close(r, 10 * SECOND);
	r = rig_open(&(struct engine_options){ .max_in_flight = 1 });
	CHECK_LE(5, rig_status(r, id).b.done);
	rig_wait_done(r, id);
	CHECK_EQ(rig_outcomes(r, id).fetched, 100);
	CHECK_EQ(atomic_load(&f->requests), 100);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

TEST_GO(engine_resumes_what_was_given_up_at_the_end_of_the_grace, .timeout_s = 60)
{
	struct farm *f = farm_open();
	struct rig *r = rig_open(&(struct engine_options){ .max_in_flight = 5 });
	struct buf text = { 0 };
	rig_urls(&text, 20, ok_url, f->port);
	rig_urls(&text, 50, gate_url, f->port);
	uint64_t id = rig_submit(r, text.data);
	WAIT_FOR(atomic_load(&f->at_gate) == 5);
	rig_close(r, MILLISECOND);
	farm_open_gate(f);
	r = rig_open(PLENTY);
	rig_wait_done(r, id);
	CHECK_EQ(rig_outcomes(r, id).fetched, 70);
	rig_close(r, 0);
	farm_close(f);
	buf_done(&text);
}

/* ---- killed: an origin, a daemon that is killed again and again, and one that looks ---- */

#define KILLED_JOBS 6000
static uint16_t origin_port;
static int port_pipe[2];

static int run_origin(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct farm *f = farm_open();
	CHECK_EQ(write(port_pipe[1], &f->port, sizeof(f->port)), (ssize_t)sizeof(f->port));
	for (;;)
		goroutine_sleep(SECOND);
}

/* Until a fraction of the batch is done; then hangs, and is killed. */
static int run_until_killed(int argc, char **argv)
{
	(void)argc;
	struct rig *r = rig_open(PLENTY);
	uint64_t id = 1, *ids;
	size_t len;
	CHECK_OK(engine_batch_ids(r->engine, &ids, &len));
	if (len == 0) {
		struct buf text = { 0 };
		rig_urls(&text, KILLED_JOBS, ok_url, origin_port);
		id = rig_submit(r, text.data);
		CHECK_EQ(id, 1);
	}
	rig_wait_results(r, id, strtoul(argv[0], NULL, 10));
	CHECK_EQ(write(port_pipe[1], "x", 1), 1);
	for (;;)
		goroutine_sleep(SECOND);
}

static int run_to_the_end(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct rig *r = rig_open(PLENTY);
	rig_wait_done(r, 1);
	CHECK_EQ(rig_outcomes(r, 1).fetched, KILLED_JOBS);
	rig_close(r, 0);
	return 0;
}

static pid_t spawn(int (*fn)(int, char **), char *arg)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(runtime_main(fn, 1, (char *[]){ arg, NULL }));
	return pid;
}

TEST(engine_killed_five_times_gives_every_job_one_record, .timeout_s = 120)
{
	static const char *const kill_after[] = { "0", "500", "1500", "3000", "5000" };
	test_dir();
	CHECK_EQ(pipe(port_pipe), 0);
	pid_t origin = spawn(run_origin, NULL);
	CHECK_EQ(read(port_pipe[0], &origin_port, sizeof(origin_port)),
		 (ssize_t)sizeof(origin_port));
	for (size_t i = 0; i < ARRAY_LEN(kill_after); i++) {
		char token, after[8];
		strcpy(after, kill_after[i]);
		pid_t daemon = spawn(run_until_killed, after);
		CHECK_EQ(read(port_pipe[0], &token, 1), 1);
		CHECK_EQ(kill(daemon, SIGKILL), 0);
		CHECK_EQ(waitpid(daemon, NULL, 0), daemon);
	}
	CHECK_EQ(runtime_main(run_to_the_end, 0, NULL), 0);
	CHECK_EQ(kill(origin, SIGKILL), 0);
	CHECK_EQ(waitpid(origin, NULL, 0), origin);
}
