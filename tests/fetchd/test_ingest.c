/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/fetchd/ingest.h"
#include "src/fetchd/job.h"
#include "tests/harness.h"

/* ---- helpers ---- */

static struct store *open_store(void)
{
	struct store *s;
	char *reason;
	CHECK_OK(store_sqlite_open(test_dir(), &s, &reason));
	return s;
}

struct submission {
	enum ingest_format format;
	uint64_t max_jobs;
	size_t step; /* bytes a feed; 0 = all at once */
};

/* The batch's id; -errno and *error. */
static int64_t submit(struct store *s, struct submission how, const char *text, size_t len,
		      struct ingest_error *error)
{
	struct ingest *in =
		ingest__new(s, how.format, STR("{}"), how.max_jobs ? how.max_jobs : 1000000);
	int err = 0;
	for (size_t at = 0; at < len && !err;) {
		size_t n = how.step && how.step < len - at ? how.step : len - at;
		err = ingest_feed(in, text + at, n, error);
		at += n;
	}
	if (!err)
		err = ingest__finish(in, error);
	int64_t id = err ? err : (int64_t)in->id;
	ingest__free(in);
	return id;
}

static void check_refused(struct submission how, const char *text, uint64_t line, const char *want)
{
	struct store *s = open_store();
	struct ingest_error error = { 0 };
	CHECK_EQ(submit(s, how, text, strlen(text), &error), -EINVAL);
	CHECK_STR(error.text, want);
	CHECK_EQ(error.line, line);
	struct store_batch *batches;
	size_t len;
	CHECK_OK(s->ops->batches(s, &batches, &len));
	CHECK_EQ(len, 0);
	free(batches);
	s->ops->close(s);
}

static const struct submission text_lines = { .format = INGEST_TEXT },
			       json_lines = { .format = INGEST_NDJSON };

/* The lines of a batch's chunks, one after the other. */
static struct buf read_lines(struct store *s, uint64_t id, uint32_t *ret_chunks)
{
	struct buf all = { 0 };
	struct store_chunk c;
	uint32_t n = 0;
	for (; s->ops->chunk_read(s, id, n, true, &c) == 0; n++) {
		buf_append_str(&all, buf_str(&c.data));
		store_chunk_done(&c);
	}
	CHECK_EQ(all.failed, 0);
	*ret_chunks = n;
	return all;
}

static void check_lines(struct submission how, const char *text, const char *want)
{
	struct store *s = open_store();
	struct ingest_error error = { 0 };
	int64_t id = submit(s, how, text, strlen(text), &error);
	if (id < 0)
		test_fail("line %ju: %s", (uintmax_t)error.line, error.text);
	uint32_t chunks;
	struct buf lines = read_lines(s, (uint64_t)id, &chunks);
	CHECK(buf_cstr(&lines) != NULL);
	CHECK_STR(lines.data, want);
	buf_done(&lines);
	s->ops->close(s);
}

/* ---- what is accepted ---- */

TEST_GO(ingest_text_skips_blanks_and_comments_and_keeps_the_order_within_an_origin)
{
	check_lines(
		text_lines,
		"\xef\xbb\xbfhttp://a/1\n\n  # no\n#\n\t http://b/2 \r\nhttp://a:80/3\nHTTP://A/4",
		"{\"index\":0,\"url\":\"http://a/1\"}\n"
		"{\"index\":2,\"url\":\"http://a:80/3\"}\n"
		"{\"index\":3,\"url\":\"HTTP://A/4\"}\n"
		"{\"index\":1,\"url\":\"http://b/2\"}\n");
}

TEST_GO(ingest_ndjson_takes_url_tag_and_method)
{
	check_lines(json_lines,
		    "{\"url\":\"http://a/"
		    "\\u00e9\",\"tag\":\"\\\"q\\\"\"}\n\n{\"method\":\"HEAD\",\"url\":\"http://a/"
		    "\",\"tag\":\"\"}\n"
		    "{\"url\":\"http://a/\",\"method\":\"GET\"}",
		    "{\"index\":0,\"url\":\"http://a/\xc3\xa9\",\"tag\":\"\\\"q\\\"\"}\n"
		    "{\"index\":1,\"url\":\"http://a/\",\"tag\":\"\",\"method\":\"HEAD\"}\n"
		    "{\"index\":2,\"url\":\"http://a/\"}\n");
}

TEST_GO(ingest_is_the_same_however_the_input_is_split)
{
	for (size_t step = 1; step < 40; step += 6)
		check_lines((struct submission){ .format = INGEST_TEXT, .step = step },
			    "# list\r\nhttp://a/1\r\n\r\nhttp://b/2\nhttp://a/3",
			    "{\"index\":0,\"url\":\"http://a/1\"}\n"
			    "{\"index\":2,\"url\":\"http://a/3\"}\n"
			    "{\"index\":1,\"url\":\"http://b/2\"}\n");
}

TEST_GO(ingest_of_nothing_is_an_empty_batch)
{
	struct store *s = open_store();
	struct ingest_error error;
	CHECK_EQ(submit(s, text_lines, "\n# only this\n", 13, &error), 1);
	struct store_batch *b;
	size_t len;
	CHECK_OK(s->ops->batches(s, &b, &len));
	CHECK_EQ(len, 1);
	CHECK_EQ(b->state, BATCH_DONE);
	store_batch_done(b);
	free(b);
	s->ops->close(s);
}

/* ---- what is refused ---- */

TEST_GO(ingest_names_line_value_and_fault)
{
	check_refused(text_lines, "http://a/\n\nhtp:/x\n", 3,
		      "\"htp:/x\": unsupported scheme \"htp\" (http and https are)");
}

TEST_GO(ingest_quotes_no_control_bytes)
{
	check_refused(json_lines, "{\"url\":\"http://a/\",\"\\u001b[2J\":1}\n", 1,
		      "unknown key \"?[2J\": url, tag and method are known");
}

TEST_GO(ingest_refuses_a_port_that_is_none)
{
	struct store *s = open_store();
	struct ingest_error error;
	CHECK_EQ(submit(s, text_lines, "http://a:70000/", 15, &error), -EINVAL);
	CHECK_EQ(error.line, 1);
	CHECK(strncmp(error.text, "\"http://a:70000/\": ", 19) == 0);
	s->ops->close(s);
}

TEST_GO(ingest_cuts_a_long_value_at_a_character)
{
	char line[400];
	memset(line, 'x', sizeof(line));
	strcpy(line + 79, "\xc3\xa9:yyy");
	char want[300];
	snprintf(want, sizeof(want), "\"%.79s…\": ", line);
	struct store *s = open_store();
	struct ingest_error error;
	CHECK_EQ(submit(s, text_lines, line, strlen(line), &error), -EINVAL);
	error.text[strlen(want)] = '\0';
	CHECK_STR(error.text, want);
	s->ops->close(s);
}

TEST_GO(ingest_refuses_bytes_that_are_no_utf8)
{
	struct store *s = open_store();
	struct ingest_error error;
	CHECK_EQ(submit(s, text_lines, "http://a/\xff", 10, &error), -EINVAL);
	CHECK_STR(error.text, "the line is no valid UTF-8");
	CHECK_EQ(submit(s, json_lines, "{\"url\":\"http://a/\xff\"}", 20, &error), -EINVAL);
	s->ops->close(s);
}

TEST_GO(ingest_refuses_unknown_keys_by_name)
{
	check_refused(json_lines, "{\"url\":\"http://a/\",\"prio\":1}", 1,
		      "unknown key \"prio\": url, tag and method are known");
}

TEST_GO(ingest_refuses_methods_it_does_not_know)
{
	check_refused(json_lines, "{\"url\":\"http://a/\",\"method\":\"POST\"}", 1,
		      "method \"POST\" is not supported: GET and HEAD are");
}

TEST_GO(ingest_refuses_what_is_no_object)
{
	check_refused(json_lines, "\n[\"http://a/\"]", 2, "no JSON object");
}

TEST_GO(ingest_refuses_a_job_without_url)
{
	check_refused(json_lines, "{\"tag\":\"x\"}", 1, "\"url\" is missing");
}

TEST_GO(ingest_refuses_values_of_another_type)
{
	check_refused(json_lines, "{\"url\":17}", 1, "\"url\" is no string");
}

TEST_GO(ingest_refuses_deep_json_before_it_is_parsed)
{
	char text[2200];
	memset(text, '[', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	check_refused(json_lines, text, 1, "JSON nested deeper than 8");
}

TEST_GO(ingest_refuses_a_tag_that_is_too_long)
{
	char text[1200];
	int head = snprintf(text, sizeof(text), "{\"url\":\"http://a/\",\"tag\":\"");
	memset(text + head, 't', 1025);
	strcpy(text + head + 1025, "\"}");
	check_refused(json_lines, text, 1, "\"tag\" is longer than 1024 bytes");
}

TEST_GO(ingest_refuses_a_line_without_end)
{
	struct store *s = open_store();
	struct ingest_error error;
	struct ingest *in = ingest__new(s, INGEST_TEXT, STR("{}"), 10);
	char piece[1000];
	memset(piece, 'x', sizeof(piece));
	int err = 0, fed = 0;
	while (!err && fed++ < 1000)
		err = ingest_feed(in, piece, sizeof(piece), &error);
	CHECK_EQ(err, -EINVAL);
	CHECK_EQ(fed, 132);
	CHECK_EQ(error.line, 1);
	CHECK_STR(error.text, "the line is longer than 131072 bytes");
	ingest__free(in);
	s->ops->close(s);
}

TEST_GO(ingest_refuses_more_jobs_than_the_limit)
{
	check_refused((struct submission){ .format = INGEST_TEXT, .max_jobs = 2 },
		      "http://a/\nhttp://a/\nhttp://a/\n", 3,
		      "more than 2 URLs in one submission ([fetch] max_batch_jobs)");
}

/* ---- blocks and chunks ---- */

#define MANY  150000
#define HOSTS 37

static struct buf many_lines(void)
{
	struct buf b = { 0 };
	for (int i = 0; i < MANY; i++)
		buf_printf(&b, "http://host%d.example/path/%d\n", i % HOSTS, i);
	return b;
}

/* Every run's lines are of its origin, in ascending order; every job stands in one place. */
static void check_chunk(const struct store_chunk *c, unsigned char *seen)
{
	size_t cursor = 0;
	uint32_t place = 0;
	struct str rest = buf_str(&c->data);
	for (struct store_run run; store_runs_next(&c->runs, &cursor, &run);) {
		CHECK_EQ(run.first, place);
		CHECK_EQ(run.offset, rest.data - c->data.data);
		uint64_t last = 0;
		for (uint32_t i = 0; i < run.count; i++, place++) {
			struct str line;
			struct job_line job;
			char want[64];
			CHECK(str_cut(rest, '\n', &line, &rest));
			CHECK_OK(job_read(line, &job));
			snprintf(want, sizeof(want), "http://host%d.example:80",
				 (int)(job.index % HOSTS));
			CHECK(str_eq(run.origin, str_of(want)));
			CHECK(i == 0 || last < job.index);
			CHECK_EQ(seen[job.index], 0);
			seen[job.index] = 1;
			last = job.index;
		}
	}
	CHECK_EQ(place, c->jobs);
	CHECK_EQ(rest.len, 0);
	CHECK_LE(c->data.len, STORE_CHUNK_BYTES);
	CHECK_LE(c->jobs, STORE_CHUNK_JOBS);
}

TEST_GO(ingest_groups_blocks_by_origin_and_cuts_them_into_chunks, .timeout_s = 60)
{
	struct store *s = open_store();
	struct ingest_error error = { 0 };
	struct buf text = many_lines();
	int64_t id = submit(s, (struct submission){ .format = INGEST_TEXT, .step = 16384 },
			    text.data, text.len, &error);
	CHECK_EQ(id, 1);
	unsigned char *seen = calloc(1, MANY);
	struct store_chunk c;
	uint32_t n = 0, jobs = 0, runs = 0;
	for (; s->ops->chunk_read(s, 1, n, true, &c) == 0; n++) {
		check_chunk(&c, seen);
		jobs += c.jobs;
		size_t cursor = 0;
		for (struct store_run run; store_runs_next(&c.runs, &cursor, &run);)
			runs++;
		store_chunk_done(&c);
	}
	CHECK_EQ(jobs, MANY);
	CHECK_LT(n, 60);
	CHECK_LT(runs, 3 * HOSTS + n + 1); /* a run a host and block, and one more for each cut */
	free(seen);
	buf_done(&text);
	s->ops->close(s);
}

TEST_GO(ingest_aborted_leaves_no_batch)
{
	struct store *s = open_store();
	struct ingest_error error;
	struct buf text = many_lines();
	struct ingest *in = ingest__new(s, INGEST_TEXT, STR("{}"), MANY);
	CHECK_OK(ingest_feed(in, text.data, text.len, &error));
	CHECK_EQ(in->id, 1);
	ingest__free(in);
	struct store_chunk c;
	struct store_batch *b;
	size_t len;
	CHECK_OK(s->ops->batches(s, &b, &len));
	CHECK_EQ(len, 0);
	free(b);
	while (s->ops->chunk_read(s, 1, 0, false, &c) == 0) /* the sweeper takes it away */
		store_chunk_done(&c);
	buf_done(&text);
	s->ops->close(s);
}
