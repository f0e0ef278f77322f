/* SPDX-License-Identifier: MIT
 *
 * rig: a client as the tests want it (loopback allowed, short of patience where asked), and fetches
 * that keep their body.
 *
 *	struct rig *rig = rig_open(&(struct client_options){ .limits.max_redirects = 3 });
 *	struct fetched *f = rig_get(rig, origin_url(o, "/ok"));
 *	CHECK_ERROR(f, FETCH_OK);
 *	CHECK_STR(f->body, "hi");
 *	fetched_free(f);
 *	rig_close(rig);
 */
#ifndef TESTS_CLIENT_RIG_H
#define TESTS_CLIENT_RIG_H

#include "src/client/client.h"
#include "tests/harness.h"

struct rig {
	struct client *client;
	struct policy *policy;
};

struct fetched {
	struct body_sink sink;
	enum fetch_error error;
	struct fetch_response *resp;
	char *body; /* a C string */
	size_t len, room;
	int begins;			/* how often the sink's begin was called */
	int write_result, begin_result; /* what the sink is to return */
};

/* policy NULL in options: loopback is allowed. */
struct rig *rig_open(const struct client_options *options);
void rig_close(struct rig *rig);

struct fetched *rig_get(struct rig *rig, const char *url);
/* With a method, the caller's fields and a context of its own. */
struct fetched *rig_fetch(struct rig *rig, struct context *ctx, const char *method, const char *url,
			  const struct fields *fields);
/* Prepared but for client_fetch: for tests that change something first. */
struct fetched *fetched_new(void);
void fetched_run(struct fetched *f, struct rig *rig, struct context *ctx, struct fetch_request *req,
		 const char *url);
void fetched_free(struct fetched *f);

/* Waits, by yielding, until cond holds. */
#define WAIT_FOR(cond)                                \
	do {                                          \
		while (!(cond))                       \
			goroutine_sleep(MILLISECOND); \
	} while (0)

#define CHECK_ERROR(f, e)                                                                 \
	((f)->error == (e) ? (void)0                                                      \
			   : test_fail("want %s, got %s (%s), status %u, %zu bytes",      \
				       fetch_error_name(e), fetch_error_name((f)->error), \
				       (f)->resp->detail, (f)->resp->status, (f)->len))

/* Fetches url and checks error, status and body (NULL: whatever). */
void check_get(struct rig *rig, const char *url, enum fetch_error e, unsigned status,
	       const char *body);

#endif
