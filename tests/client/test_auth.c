/* SPDX-License-Identifier: MIT
 *
 * test_auth: with what a request logs in, hop by hop: field, request, URL, file, in that order; and what
 * a redirect takes away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "src/common/cleanup.h"
#include "tests/client/certs.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

/* --- Origins that tell what they were shown --- */

/* The Authorization fields of the last head, one after the other. */
static void append_shown(const char *head, struct buf *out)
{
	for (const char *at = head; (at = strcasestr(at, "\r\nAuthorization: "));) {
		at += strlen("\r\nAuthorization: ");
		buf_append(out, at, strcspn(at, "\r"));
		buf_append_char(out, '|');
	}
}

/* /to/URL is a redirect to that URL; anything else is answered with what Authorization said. */
static void play_show(struct peer *p)
{
	while (peer_read_head(p)) {
		cleanup(buf_done) struct buf shown = { 0 }, answer = { 0 };
		struct str target = str_of(p->request), to;
		str_cut(target, ' ', NULL, &target);
		str_cut(target, ' ', &target, NULL);
		append_shown(p->request, &shown);
		if (str_starts(target, STR("/to/"))) {
			to = str_slice(target, strlen("/to/"), SIZE_MAX);
			buf_printf(&answer,
				   "HTTP/1.1 307 Go\r\nLocation: %.*s\r\nContent-Length: 0\r\n\r\n",
				   STR_ARG(to));
		} else {
			buf_printf(&answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%.*s",
				   shown.len, (int)shown.len, shown.data ? shown.data : "");
		}
		peer_write(p, answer.data, answer.len);
	}
}

struct world {
	struct origin *a, *b;
	struct rig *rig;
	char file[300];
};

/* The file's sections, each of an origin at its port. */
static void write_file(struct world *w, const char *text)
{
	snprintf(w->file, sizeof(w->file), "%s/secret", test_dir());
	FILE *f = fopen(w->file, "w");
	CHECK(f && fputs(text, f) >= 0);
	CHECK_OK(fclose(f));
	CHECK_OK(chmod(w->file, 0600));
}

/* file: what the file has for b. */
static void world_open(struct world *w, const char *file)
{
	char text[500];
	w->a = origin_open(&(struct origin_options){ .play = play_show });
	w->b = origin_open(&(struct origin_options){ .play = play_show });
	snprintf(text, sizeof(text), "[http://127.0.0.1:%u]\n%s\n", w->b->port, file ? file : "");
	if (file)
		write_file(w, text);
	w->rig = rig_open(&(struct client_options){ .credentials_file = file ? w->file : NULL });
}

static void world_close(struct world *w)
{
	rig_close(w->rig);
	origin_close(w->a);
	origin_close(w->b);
}

static void check_shown(struct world *w, const struct fetch_auth *auth, const struct fields *fields,
			const char *url, const char *want)
{
	struct fetched *f = fetched_new();
	struct fetch_request req = { .method = STR("GET"), .fields = fields };
	if (auth)
		req.auth = *auth;
	fetched_run(f, w->rig, context_background(), &req, url);
	CHECK_ERROR(f, FETCH_OK);
	if (strcmp(f->body, want) != 0)
		test_fail("%s: want \"%s\", got \"%s\"", url, want, f->body);
	fetched_free(f);
}

static const struct fetch_auth basic = { .kind = FETCH_AUTH_BASIC,
					 .user = STR_INIT("Aladdin"),
					 .password = STR_INIT("open sesame") };
static const struct fetch_auth bearer = { .kind = FETCH_AUTH_BEARER, .token = STR_INIT("tok") };
#define BASIC "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==|"

/* "http://USERINFO127.0.0.1:PORT/PATH" */
static const char *url_with(const struct origin *o, const char *userinfo, const char *path,
			    char out[1000])
{
	CHECK(snprintf(out, 1000, "http://%s127.0.0.1:%u%s", userinfo, o->port, path) < 1000);
	return out;
}

/* --- One hop --- */

TEST_GO(auth_of_a_request_is_sent_as_basic_or_bearer)
{
	struct world w;
	world_open(&w, NULL);
	check_shown(&w, NULL, NULL, origin_url(w.a, "/"), "");
	check_shown(&w, &basic, NULL, origin_url(w.a, "/"), BASIC);
	check_shown(&w, &bearer, NULL, origin_url(w.a, "/"), "Bearer tok|");
	world_close(&w);
}

TEST_GO(auth_that_cant_be_said_is_a_bad_request)
{
	struct world w;
	world_open(&w, NULL);
	struct fetched *f = fetched_new();
	struct fetch_request req = {
		.method = STR("GET"),
		.auth = { .kind = FETCH_AUTH_BEARER, .token = STR("tok\r\nX: y") },
	};
	fetched_run(f, w.rig, context_background(), &req, origin_url(w.a, "/"));
	CHECK_ERROR(f, FETCH_BAD_REQUEST);
	CHECK_STR(f->resp->detail, "the token holds a byte that is no visible ASCII");
	CHECK_EQ(w.a->connections, 0);
	fetched_free(f);
	world_close(&w);
}

TEST_GO(auth_precedence_is_field_request_url_file)
{
	struct world w;
	char url[1000];
	struct fields fields = { 0 };
	CHECK_OK(fields_add(&fields, STR("authorization"), STR("Field x")));
	world_open(&w, "bearer = file");
	check_shown(&w, &basic, &fields, url_with(w.b, "u:p@", "/", url), "Field x|");
	check_shown(&w, &basic, NULL, url_with(w.b, "u:p@", "/", url), BASIC);
	check_shown(&w, NULL, NULL, url_with(w.b, "u:p@", "/", url), "Basic dTpw|");
	check_shown(&w, NULL, NULL, url_with(w.b, ":p@", "/", url), "Basic OnA=|");
	check_shown(&w, NULL, NULL, url_with(w.b, "", "/", url), "Bearer file|");
	check_shown(&w, NULL, NULL, url_with(w.a, "", "/", url), "");
	world_close(&w);
	fields_done(&fields);
}

/* --- Redirects --- */

/* The path that makes `from` redirect to path at `to`. */
static const char *leading_to(const struct origin *to, const char *userinfo, const char *path,
			      char out[1100])
{
	char url[1000];
	CHECK(snprintf(out, 1100, "/to/%s", url_with(to, userinfo, path, url)) < 1100);
	return out;
}

TEST_GO(auth_stays_within_its_origin)
{
	struct world w;
	char path[1100], url[1000], twice[1100];
	world_open(&w, NULL);
	leading_to(w.a, "", "/", path);
	check_shown(&w, &basic, NULL, url_with(w.a, "", path, url), BASIC);
	check_shown(&w, NULL, NULL, url_with(w.a, "u:p@", path, url), "Basic dTpw|");
	check_shown(&w, NULL, NULL, url_with(w.a, "u:p@", "/to//x", url), "Basic dTpw|");
	leading_to(w.b, "", "/", path);
	check_shown(&w, &basic, NULL, url_with(w.a, "", path, url), "");
	check_shown(&w, &bearer, NULL, url_with(w.a, "", path, url), "");
	check_shown(&w, NULL, NULL, url_with(w.a, "u:p@", path, url), "");
	/* away and back */
	leading_to(w.a, "", "/", path);
	leading_to(w.b, "", path, twice);
	check_shown(&w, &basic, NULL, url_with(w.a, "", twice, url), "");
	check_shown(&w, NULL, NULL, url_with(w.a, "u:p@", twice, url), "");
	world_close(&w);
}

TEST_GO(auth_of_a_redirect_target_is_for_that_target_alone)
{
	struct world w;
	char path[1100], url[1000], twice[1100];
	world_open(&w, NULL);
	leading_to(w.b, "x:y@", "/", path);
	check_shown(&w, NULL, NULL, url_with(w.a, "", path, url), "Basic eDp5|");
	check_shown(&w, &basic, NULL, url_with(w.a, "", path, url), "Basic eDp5|");
	/* the caller's own word goes before a server's, within its origin */
	leading_to(w.a, "x:y@", "/", path);
	check_shown(&w, &basic, NULL, url_with(w.a, "", path, url), BASIC);
	leading_to(w.a, "", "/", path);
	leading_to(w.b, "x:y@", path, twice);
	check_shown(&w, NULL, NULL, url_with(w.a, "", twice, url), "");
	world_close(&w);
}

TEST_GO(auth_of_the_file_is_for_whoever_leads_there_and_goes_no_further)
{
	struct world w;
	char path[1100], url[1000];
	struct fields fields = { 0 };
	CHECK_OK(fields_add(&fields, STR("Authorization"), STR("Field x")));
	world_open(&w, "bearer = file");
	leading_to(w.b, "", "/", path);
	check_shown(&w, NULL, NULL, url_with(w.a, "", path, url), "Bearer file|");
	check_shown(&w, &basic, &fields, url_with(w.a, "", path, url), "Bearer file|");
	leading_to(w.b, "x:y@", "/", path);
	check_shown(&w, NULL, NULL, url_with(w.a, "", path, url), "Basic eDp5|");
	leading_to(w.a, "", "/", path);
	check_shown(&w, NULL, NULL, url_with(w.b, "", path, url), "");
	/* another name for the same place is another origin */
	origin_url_at(w.b, "localhost", "/", url, sizeof(url));
	check_shown(&w, NULL, NULL, url, "");
	world_close(&w);
	fields_done(&fields);
}

/* --- The file --- */

TEST_GO(auth_for_https_does_not_go_over_http)
{
	struct world w = { 0 };
	char text[500], url[1000];
	w.a = origin_open(&(struct origin_options){ .play = play_show });
	w.b = origin_open(&(struct origin_options){ .play = play_show });
	snprintf(text, sizeof(text),
		 "[https://127.0.0.1:%u]\nbearer = x\n[127.0.0.1:%u]\nbearer = x\n", w.a->port,
		 w.b->port);
	write_file(&w, text);
	w.rig = rig_open(&(struct client_options){ .credentials_file = w.file });
	check_shown(&w, NULL, NULL, url_with(w.a, "", "/", url), "");
	check_shown(&w, NULL, NULL, url_with(w.b, "", "/", url), "");
	world_close(&w);
}

TEST_GO(auth_for_https_goes_over_https)
{
	struct certs *certs = certs_new();
	SSL_CTX *ctx = certs_server(certs, &(struct cert){ 0 });
	struct world w = { 0 };
	char text[500];
	w.a = origin_open(&(struct origin_options){ .play = play_show, .tls = ctx });
	snprintf(text, sizeof(text), "[127.0.0.1:%u]\nbearer = x\n", w.a->port);
	write_file(&w, text);
	w.rig = rig_open(&(struct client_options){ .credentials_file = w.file,
						   .tls = { .ca_file = certs->ca_file } });
	check_shown(&w, NULL, NULL, origin_url(w.a, "/"), "Bearer x|");
	rig_close(w.rig);
	origin_close(w.a);
	SSL_CTX_free(ctx);
	certs_free(certs);
}

TEST_GO(auth_file_with_a_mistake_makes_no_client)
{
	struct world w;
	struct client *client = NULL;
	char *reason = NULL;
	write_file(&w, "[https://a]\nbearer = x y\n");
	struct client_options o = { .credentials_file = w.file };
	CHECK_EQ(client_new(&o, &client, &reason), -EINVAL);
	CHECK(!client && reason && strstr(reason, "/secret:2: the token holds"));
	free(reason);
}
