/* SPDX-License-Identifier: MIT
 *
 * test_making: allocations and system calls that fail while a client is made, while it sets up TLS for its first
 * request, and while it is freed. What it can't have is told, and nothing is left over; what is only put off is
 * there for the next request.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/client/faults/farm.h"
#include "tests/client/faults/inject.h"
#include "tests/client/rig.h"

static const struct injection nothing = { .first = 0 };

struct making {
	struct farm *farm;
	struct policy *policy;
	struct client_options options;
};

static void open_making(struct making *m)
{
	struct str bad;
	m->farm = farm_open();
	m->policy = policy_new();
	CHECK_OK(policy_allow(m->policy, STR("127.0.0.0/8"), &bad));
	m->options = (struct client_options){ .policy = m->policy,
					      .dns_servers = m->farm->dns,
					      .user_agent = "test/1",
					      .tls.ca_file = m->farm->ca_file };
}

static void close_making(struct making *m)
{
	policy_free(m->policy);
	farm_close(m->farm);
}

static enum fetch_error fetch(const struct making *m, struct client *client,
			      const struct injection *what, bool *ret_hit)
{
	char text[64];
	const char *reason;
	struct url url = { 0 };
	struct fetch_response *resp = fetch_response_new();
	snprintf(text, sizeof(text), "https://127.0.0.1:%u/ok", m->farm->tls);
	CHECK_OK(url_parse(str_of(text), NULL, &url, &reason));
	struct fetch_request req = { .method = STR("GET"), .url = &url };
	inject_begin(what);
	enum fetch_error e = client_fetch(client, context_background(), &req, resp);
	*ret_hit = inject_end();
	CHECK(e || resp->status == 200);
	url_done(&url);
	fetch_response_free(resp);
	return e;
}

static void fetch_honestly(const struct making *m, struct client *client, const char *after)
{
	bool hit;
	enum fetch_error e = fetch(m, client, &nothing, &hit);
	if (e)
		test_fail("the request after %s: %s", after, fetch_error_name(e));
}

/* False when the client was made before that. */
static bool make(const struct making *m, const struct injection *what)
{
	struct client *client = NULL;
	char *reason = NULL;
	inject_begin(what);
	int err = client_new(&m->options, &client, &reason);
	bool hit = inject_end();
	fprintf(stderr, "%s %d at %s: %d %s\n", inject_name(what->call), what->first,
		inject_where(), err, reason ? reason : "");
	if (err == 0)
		fetch_honestly(m, client, inject_where());
	else
		CHECK_EQ(err, what->call == CALL_MEMORY ? -ENOMEM : -EINVAL);
	CHECK(err != -EINVAL || reason);
	client_free(client);
	free(reason);
	return hit;
}

static void make_without(const struct making *m, enum injected_call call, int error)
{
	struct injection what = { call, error, .first = 1, .count = 1 };
	while (make(m, &what))
		what.first++;
	what.count = INT_MAX;
	for (what.first = 1; make(m, &what);)
		what.first++;
}

TEST_GO(making_a_client_without_memory_fails_and_leaves_nothing)
{
	struct making m;
	open_making(&m);
	(void)make(&m, &nothing);
	make_without(&m, CALL_MEMORY, ENOMEM);
	make_without(&m, CALL_FOPEN, EMFILE);
	close_making(&m);
}

TEST_GO(making_what_is_made_late_is_tried_again_by_the_next_request)
{
	struct making m;
	struct injection what = { CALL_MEMORY, ENOMEM, .first = 1, .count = INT_MAX };
	open_making(&m);
	CHECK_OK(setenv("SSL_CERT_FILE", m.farm->ca_file, 1));
	m.options.tls.ca_file = NULL;
	(void)make(&m, &nothing);
	for (bool hit = true; hit; what.first += 7) {
		struct client *client;
		CHECK_OK(client_new(&m.options, &client, NULL));
		enum fetch_error e = fetch(&m, client, &what, &hit);
		fprintf(stderr, "%d at %s: %s\n", what.first, inject_where(), fetch_error_name(e));
		CHECK(e == FETCH_OK || e == FETCH_OUT_OF_MEMORY || e == FETCH_TLS_HANDSHAKE ||
		      e == FETCH_TLS_WEAK);
		fetch_honestly(&m, client, inject_where());
		client_free(client);
	}
	close_making(&m);
}

TEST_GO(making_room_by_freeing_a_client_needs_no_memory)
{
	struct making m;
	const struct injection all = { CALL_MEMORY, ENOMEM, .first = 1, .count = INT_MAX };
	struct client *client;
	open_making(&m);
	CHECK_OK(client_new(&m.options, &client, NULL));
	fetch_honestly(&m, client, "nothing");
	inject_begin(&all);
	client_free(client);
	(void)inject_end();
	close_making(&m);
}
