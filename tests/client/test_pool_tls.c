/* SPDX-License-Identifier: MIT
 *
 * test_pool_tls: a TLS connection whose request is gone before the handshake is over rests all the same,
 * although its server then sends what a client must read; anything else that it says there ends it.
 */
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "tests/client/certs.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

struct world {
	struct certs *certs;
	SSL_CTX *ctx;
	struct origin *origin;
	struct rig *rig;
	char url[256];
	bool talks; /* the server says something at the handshake's end, unasked */
	_Atomic bool go;
	_Atomic int handshakes;
};

/* Keeps the client waiting in the handshake until it may go on. */
static void shake_hands_late(struct peer *p)
{
	struct world *w = p->origin->options.user;
	WAIT_FOR(atomic_load(&w->go));
	if (!peer_handshake(p))
		return;
	atomic_fetch_add(&w->handshakes, 1);
	if (w->talks)
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	while (peer_read_head(p))
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
}

static struct world *world_open(int version, bool talks)
{
	struct world *w = calloc(1, sizeof(*w));
	w->talks = talks;
	w->certs = certs_new();
	w->ctx = certs_server(w->certs, &(struct cert){ .max_version = version });
	w->origin = origin_open(&(struct origin_options){
		.play = shake_hands_late, .user = w, .tls = w->ctx, .late = true });
	w->rig = rig_open(&(struct client_options){ .tls.ca_file = w->certs->ca_file });
	origin_url_at(w->origin, "localhost", "/", w->url, sizeof(w->url));
	return w;
}

static void world_close(struct world *w)
{
	rig_close(w->rig);
	origin_close(w->origin);
	SSL_CTX_free(w->ctx);
	certs_free(w->certs);
	free(w);
}

static struct client_stats stats(struct world *w)
{
	struct client_stats s;
	client_stats(w->rig->client, &s);
	return s;
}

/* A request that is gone before the handshake begins. */
static void leave_in_the_handshake(struct world *w)
{
	struct fetch_request req = { .method = STR("GET"),
				     .limits.total_timeout_ns = 50 * MILLISECOND };
	struct fetched *f = fetched_new();
	int handshakes = atomic_load(&w->handshakes);
	atomic_store(&w->go, false);
	fetched_run(f, w->rig, context_background(), &req, w->url);
	CHECK_ERROR(f, FETCH_TOTAL_TIMEOUT);
	CHECK_EQ(f->resp->attempts, 0);
	fetched_free(f);
	atomic_store(&w->go, true);
	WAIT_FOR(atomic_load(&w->handshakes) > handshakes);
}

/* With TLS 1.3 tickets come when the connection is at rest. Who takes it just as they come finds it noisy and opens another:
 * hence several tries. */
static void check_rests(int version)
{
	struct world *w = world_open(version, false);
	bool reused = false;
	for (int i = 0; i < 20 && !reused; i++) {
		leave_in_the_handshake(w);
		WAIT_FOR(stats(w).conns_idle > 0 || stats(w).conns_open == 0);
		goroutine_sleep(5 * MILLISECOND); /* so that tickets are on their way */
		struct fetched *f = rig_get(w->rig, w->url);
		CHECK_ERROR(f, FETCH_OK);
		reused = f->resp->conn_reused;
		CHECK(!reused || (f->resp->t.tls_done == 0 && f->resp->t.connect_done == 0));
		fetched_free(f);
		if (!reused)
			world_close(w), w = world_open(version, false);
	}
	CHECK(reused);
	CHECK_EQ(w->origin->connections, 1);
	world_close(w);
}

TEST_GO(pool_tls_1_3_connection_rests_through_its_tickets, .timeout_s = 60)
{
	check_rests(0);
}

TEST_GO(pool_tls_1_2_connection_rests, .timeout_s = 60)
{
	check_rests(TLS1_2_VERSION);
}

TEST_GO(pool_tls_connection_on_which_the_server_speaks_unasked_is_closed)
{
	struct world *w = world_open(0, true);
	leave_in_the_handshake(w);
	WAIT_FOR(stats(w).conns_open == 0);
	CHECK_EQ(w->origin->requests, 0);
	world_close(w);
}
