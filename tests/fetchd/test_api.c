/* SPDX-License-Identifier: MIT
 *
 * The API's routes and errors, with a real engine, store and client behind it and the address
 * policy's refusal for an outside world: every job for 127.0.0.1 ends at once with policy_denied.
 */
#include "src/fetchd/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/net.h"
#include "src/common/cleanup.h"
#include "src/common/json.h"
#include "tests/harness.h"

#define JOB "http://127.0.0.1:9/"

static struct api api;
static struct store *store;
static char path[200];

static void start(void)
{
	struct client_options client = { 0 };
	struct engine_options engine = {
		.max_in_flight = 8, .max_per_host = 8, .max_batch_jobs = 1000, .max_batches = 10
	};
	struct server_options server = { .handle = api_handle, .user = &api };
	char *reason = NULL;
	snprintf(path, sizeof(path), "%s/s", test_dir());
	if (store_sqlite_open(test_dir(), &store, &reason) ||
	    client_new(&client, &api.client, &reason) ||
	    unix_socket_open(path, &server.socket, &reason))
		test_fail("%s", reason);
	CHECK_OK(engine_open(&engine, store, api.client, &api.engine));
	CHECK_OK(server_open(&server, &api.server));
}

static void stop(void)
{
	server_close(api.server);
	engine_close(api.engine, 0);
	client_free(api.client);
	store->ops->close(store);
}

static struct conn *dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct conn *c;
	strcpy(address.sun_path, path);
	CHECK_OK(conn_dial((struct sockaddr *)&address, sizeof(address), clock_now() + 5 * SECOND,
			   &c));
	conn_set_deadline(c, clock_now() + 20 * SECOND);
	return c;
}

/* Sends the request, with "Connection: close"; gives all of the answer, which the next call
 * forgets. */
static const char *ask(const char *method, const char *target, const char *type, const char *body)
{
	static char answer[200000];
	cleanup(buf_done) struct buf request = { 0 };
	buf_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", method, target);
	if (type)
		buf_printf(&request, "Content-Type: %s\r\n", type);
	if (body)
		buf_printf(&request, "Content-Length: %zu\r\n", strlen(body));
	buf_printf(&request, "\r\n%s", body ? body : "");
	struct conn *c = dial();
	CHECK_EQ(conn_write(c, request.data, request.len), request.len);
	size_t len = 0;
	ssize_t n;
	while ((n = conn_read(c, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)n;
	CHECK_EQ(n, 0);
	answer[len] = '\0';
	conn_close(c);
	return answer;
}

static int status_of(const char *answer)
{
	int status = 0;
	CHECK_EQ(sscanf(answer, "HTTP/1.1 %d ", &status), 1);
	return status;
}

static void check_answer(const char *answer, int status, const char *word)
{
	if (status_of(answer) != status || !strstr(answer, word))
		test_fail("expected %d with '%s': %s", status, word, answer);
}

static void await_done(const char *target)
{
	while (!strstr(ask("GET", target, NULL, NULL), "\"state\":\"done\""))
		goroutine_sleep(MILLISECOND);
}

TEST_GO(api_knows_no_other_paths)
{
	start();
	check_answer(ask("GET", "/", NULL, NULL), 404, "\"error\":\"no_such_path\"");
	check_answer(ask("GET", "/v1/batches/", NULL, NULL), 404, "no_such_path");
	check_answer(ask("GET", "/v1/batches/x", NULL, NULL), 404, "no_such_path");
	check_answer(ask("GET", "/v1/batches/-1", NULL, NULL), 404, "no_such_path");
	check_answer(ask("GET", "/v1/batches/1/bodies", NULL, NULL), 404, "no_such_path");
	check_answer(ask("GET", "/v1/batches/1/results/", NULL, NULL), 404, "no_such_path");
	stop();
}

TEST_GO(api_names_the_methods_that_a_path_has)
{
	start();
	check_answer(ask("PUT", "/v1/batches", NULL, NULL), 405, "Allow: POST, GET\r\n");
	check_answer(ask("POST", "/v1/batches/1", NULL, NULL), 405, "Allow: GET, DELETE\r\n");
	check_answer(ask("GET", "/v1/batches/1/cancel", NULL, NULL), 405, "Allow: POST\r\n");
	stop();
}

TEST_GO(api_answers_head_like_get_without_a_body)
{
	start();
	const char *answer = ask("HEAD", "/healthz", NULL, NULL);
	check_answer(answer, 200, "Content-Length: 3\r\n");
	CHECK_STR(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
	stop();
}

TEST_GO(api_of_a_batch_that_is_not_there_is_404)
{
	start();
	check_answer(ask("GET", "/v1/batches/7", NULL, NULL), 404,
		     "\"detail\":\"batch 7: there is no such batch\"");
	check_answer(ask("GET", "/v1/batches/7/results", NULL, NULL), 404, "no_such_batch");
	check_answer(ask("POST", "/v1/batches/7/cancel", NULL, NULL), 404, "no_such_batch");
	check_answer(ask("DELETE", "/v1/batches/7", NULL, NULL), 404, "no_such_batch");
	stop();
}

TEST_GO(api_submission_to_deletion)
{
	start();
	check_answer(ask("POST", "/v1/batches", "text/plain", "# two\n" JOB "\n\n" JOB "b\n"), 201,
		     "{\"id\":1,\"jobs\":2}\n");
	await_done("/v1/batches/1");
	check_answer(ask("GET", "/v1/batches/1", NULL, NULL), 200,
		     "\"jobs\":2,\"done\":2,\"fetched\":0,\"failed\":2,");
	check_answer(ask("GET", "/v1/batches", NULL, NULL), 200, "\"id\":1,\"state\":\"done\"");
	check_answer(ask("GET", "/v1/batches/1/results?follow=1", NULL, NULL), 200,
		     "\"error\":\"policy_denied\"");
	const char *rest = ask("GET", "/v1/batches/1/results?after=2", NULL, NULL);
	check_answer(rest, 200, "\r\n\r\n0\r\n\r\n");
	check_answer(ask("DELETE", "/v1/batches/1", NULL, NULL), 204, "");
	check_answer(ask("GET", "/v1/batches/1", NULL, NULL), 404, "no_such_batch");
	check_answer(ask("GET", "/v1/batches", NULL, NULL), 200, "{\"batches\":[");
	stop();
}

TEST_GO(api_names_the_bad_line_and_accepts_nothing)
{
	start();
	check_answer(ask("POST", "/v1/batches", NULL, JOB "\n\nnonsense\n" JOB "\n"), 400,
		     "{\"error\":\"bad_line\",\"line\":3,\"detail\":\"");
	check_answer(ask("POST", "/v1/batches", NULL, JOB "\nno end"), 400, "\"line\":2,");
	check_answer(
		ask("POST", "/v1/batches", "application/x-ndjson", "{\"url\":\"" JOB "\"}\n[]\n"),
		400, "\"line\":2,");
	CHECK(!strstr(ask("GET", "/v1/batches", NULL, NULL), "\"id\""));
	stop();
}

TEST_GO(api_refuses_options_that_it_does_not_know)
{
	start();
	check_answer(ask("POST", "/v1/batches?digset=sha256", NULL, JOB), 400,
		     "\"error\":\"unknown_option\"");
	check_answer(ask("POST", "/v1/batches?digest=md5", NULL, JOB), 400,
		     "option digest can't be \\\"md5\\\"; it can be sha256");
	check_answer(ask("GET", "/v1/batches/1/results?folow=1", NULL, NULL), 400,
		     "unknown_option");
	check_answer(ask("GET", "/v1/batches/1/results?after=-1", NULL, NULL), 400, "bad_option");
	stop();
}

TEST_GO(api_keeps_the_options_of_a_batch)
{
	start();
	check_answer(ask("POST", "/v1/batches?dig%65st=sha256", NULL, JOB), 201, "\"id\":1");
	check_answer(ask("GET", "/v1/batches/1", NULL, NULL), 200,
		     "\"options\":{\"digest\":\"sha256\"}");
	stop();
}

TEST_GO(api_takes_text_and_ndjson_and_nothing_else)
{
	start();
	check_answer(ask("POST", "/v1/batches", "text/plain; charset=utf-8", JOB), 201,
		     "\"jobs\":1");
	check_answer(ask("POST", "/v1/batches", "Application/X-NDJSON", "{\"url\":\"" JOB "\"}"),
		     201, "\"jobs\":1");
	check_answer(ask("POST", "/v1/batches", "image/png", JOB), 415,
		     "\"error\":\"unknown_format\"");
	stop();
}

TEST_GO(api_names_the_limit_of_jobs)
{
	cleanup(buf_done) struct buf body = { 0 };
	start();
	for (int i = 0; i < 1001; i++)
		buf_append_str(&body, STR(JOB "\n"));
	const char *answer = ask("POST", "/v1/batches", NULL, buf_cstr(&body));
	CHECK(status_of(answer) >= 400);
	CHECK(strstr(answer, "max_batch_jobs"));
	stop();
}

TEST_GO(api_upload_that_is_cut_off_leaves_nothing)
{
	start();
	struct conn *c = dial();
	const char *cut = "POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" JOB
			  "\n" JOB "\n";
	CHECK_EQ(conn_write(c, cut, strlen(cut)), strlen(cut));
	conn_close(c);
	struct server_stats stats;
	do
		server_stats(api.server, &stats);
	while ((stats.requests_total < 1 || stats.connections > 0) &&
	       (goroutine_sleep(MILLISECOND), true));
	CHECK(!strstr(ask("GET", "/v1/batches", NULL, NULL), "\"id\""));
	stop();
}

/* A histogram's values have names of their own. */
static void cut_off(char *name, const char *suffix)
{
	size_t len = strlen(name), cut = strlen(suffix);
	if (len > cut && strcmp(name + len - cut, suffix) == 0)
		name[len - cut] = '\0';
}

TEST_GO(api_metrics_have_a_help_and_a_type_each)
{
	start();
	char *copy = strdup(ask("GET", "/metrics", NULL, NULL));
	check_answer(copy, 200, "Content-Type: text/plain; version=0.0.4\r\n");
	int values = 0;
	for (char *line = strstr(copy, "\r\n\r\n") + 4; *line; line += strcspn(line, "\n") + 1) {
		char name[80], type[100];
		if (*line == '#')
			continue;
		CHECK_EQ(sscanf(line, "%79[a-z0-9_]", name), 1);
		cut_off(name, "_bucket");
		cut_off(name, "_sum");
		cut_off(name, "_count");
		snprintf(type, sizeof(type), "# TYPE %s ", name);
		CHECK(strstr(copy, type) && strstr(copy, type) < line);
		values++;
	}
	CHECK_LT(20, values);
	free(copy);
	stop();
}

TEST_GO(api_shows_the_goroutines)
{
	start();
	check_answer(ask("GET", "/debug/goroutines", NULL, NULL), 200, "goroutine 1 ");
	stop();
}
