/* SPDX-License-Identifier: MIT
 *
 * rig: the client under test and its fetches. A failure to set up is a failure of the test.
 */
#include "tests/client/rig.h"

#include <stdlib.h>

struct rig *rig_open(const struct client_options *options)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct client_options o = *options;
	struct str bad;
	char *reason = NULL;
	rig->policy = policy_new();
	CHECK_OK(policy_allow(rig->policy, STR("127.0.0.0/8, ::1"), &bad));
	if (!o.policy)
		o.policy = rig->policy;
	int err = client_new(&o, &rig->client, &reason);
	if (err)
		test_fail("client_new: %d %s", err, reason ? reason : "");
	return rig;
}

void rig_close(struct rig *rig)
{
	client_free(rig->client);
	policy_free(rig->policy);
	free(rig);
}

static int begin(struct body_sink *s, uint16_t status, const struct fields *fields)
{
	struct fetched *f = (struct fetched *)s;
	(void)status, (void)fields;
	f->begins++;
	f->len = 0;
	return f->begin_result;
}

static int keep(struct body_sink *s, const char *data, size_t len)
{
	struct fetched *f = (struct fetched *)s;
	if (f->len + len >= f->room) {
		f->room = 2 * (f->len + len) + 1;
		f->body = realloc(f->body, f->room);
	}
	memcpy(f->body + f->len, data, len);
	f->len += len;
	f->body[f->len] = '\0';
	return f->write_result;
}

struct fetched *fetched_new(void)
{
	struct fetched *f = calloc(1, sizeof(*f));
	f->sink = (struct body_sink){ .begin = begin, .write = keep };
	f->resp = fetch_response_new();
	f->body = calloc(1, 1);
	return f;
}

void fetched_run(struct fetched *f, struct rig *rig, struct context *ctx, struct fetch_request *req,
		 const char *url)
{
	struct url u = { 0 };
	const char *reason = NULL;
	if (url_parse(str_of(url), NULL, &u, &reason))
		test_fail("%s: %s", url, reason);
	req->url = &u;
	req->sink = &f->sink;
	f->error = client_fetch(rig->client, ctx, req, f->resp);
	CHECK_EQ(f->error, f->resp->error);
	url_done(&u);
}

struct fetched *rig_fetch(struct rig *rig, struct context *ctx, const char *method, const char *url,
			  const struct fields *fields)
{
	struct fetched *f = fetched_new();
	struct fetch_request req = { .method = str_of(method), .fields = fields };
	fetched_run(f, rig, ctx, &req, url);
	return f;
}

struct fetched *rig_get(struct rig *rig, const char *url)
{
	return rig_fetch(rig, context_background(), "GET", url, NULL);
}

void fetched_free(struct fetched *f)
{
	fetch_response_free(f->resp);
	free(f->body);
	free(f);
}

void check_get(struct rig *rig, const char *url, enum fetch_error e, unsigned status,
	       const char *body)
{
	struct fetched *f = rig_get(rig, url);
	CHECK_ERROR(f, e);
	CHECK_EQ(f->resp->status, status);
	if (body)
		CHECK_STR(f->body, body);
	fetched_free(f);
}
