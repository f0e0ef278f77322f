/* SPDX-License-Identifier: MIT
 *
 * test_hostile: every row of the tables of hostile.h, hundreds at a time, beside honest requests of the same client. Each
 * origin's misbehaviour must end in its own error, and nowhere else: the honest answers are compared byte by byte with what
 * their request's own number makes of them, so that none may be another's; and memory stays bounded.
 */
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/rand.h"
#include "src/common/buf.h"
#include "src/common/cleanup.h"
#include "tests/client/hostile.h"
#include "tests/client/rig.h"

#define AT_ONCE	     300
#define HONEST	     12 /* goroutines, plain and TLS by turns */
#define HONEST_LEAST 30 /* requests of each */
#define HONEST_BYTES 40000
#define MEMORY_BYTES (96 << 20)

/* --- Honest requests --- */

/* What the request of that number is answered with. */
static void fill(char *body, size_t len, uint64_t number)
{
	uint64_t x = number | 1;
	for (size_t i = 0; i < len; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		body[i] = (char)(x >> 56);
	}
}

/* "/NUMBER/LENGTH/c" in chunks, "/NUMBER/LENGTH/l" by length. */
static void play_honest(struct peer *p)
{
	while (peer_read_head(p)) {
		unsigned long long number;
		size_t len;
		char framing;
		CHECK_EQ(sscanf(p->request, "GET /%llx/%zu/%c", &number, &len, &framing), 3);
		cleanup(buf_done) struct buf b = { 0 };
		cleanup(cleanup_free) char *body = malloc(len + 1);
		fill(body, len, number);
		buf_printf(&b, "HTTP/1.1 200 OK\r\nNumber: %llx\r\n", number);
		if (framing == 'c')
			buf_printf(&b, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", len);
		else
			buf_printf(&b, "Content-Length: %zu\r\n\r\n", len);
		buf_append_str(&b, str_make(body, len));
		buf_append_str(&b, framing == 'c' ? STR("\r\n0\r\n\r\n") : STR(""));
		if (!peer_write(p, b.data, b.len))
			return;
	}
}

struct honest {
	struct hostile_world *world;
	struct origin *origin;
	_Atomic bool *over;
	_Atomic uint64_t *requests;
};

static void check_honest(const struct fetched *f, uint64_t number, size_t len)
{
	cleanup(cleanup_free) char *body = malloc(len + 1);
	char text[32];
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->resp->status, 200);
	snprintf(text, sizeof(text), "%llx", (unsigned long long)number);
	CHECK(str_eq(fields_value(&f->resp->fields, STR("Number")), str_of(text)));
	fill(body, len, number);
	CHECK_EQ(f->len, len);
	CHECK_MEM(f->body, body, len);
}

static int be_honest(void *arg)
{
	struct honest *h = arg;
	for (int i = 0; i < HONEST_LEAST || !atomic_load(h->over); i++) {
		char path[64], url[256];
		uint64_t number = rand_u64();
		size_t len = 1 + rand_below(HONEST_BYTES);
		snprintf(path, sizeof(path), "/%llx/%zu/%c", (unsigned long long)number, len,
			 i % 2 ? 'c' : 'l');
		struct fetched *f = rig_get(h->world->rig, origin_url_at(h->origin, "127.0.0.1",
									 path, url, sizeof(url)));
		check_honest(f, number, len);
		fetched_free(f);
		atomic_fetch_add(h->requests, 1);
		goroutine_sleep(MILLISECOND);
	}
	return 0;
}

/* --- Memory --- */

static size_t allocated(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

struct watch {
	_Atomic bool *over;
	size_t before, most;
};

static int watch_memory(void *arg)
{
	struct watch *w = arg;
	while (!atomic_load(w->over)) {
		size_t now = allocated();
		w->most = now > w->most ? now : w->most;
		goroutine_sleep(5 * MILLISECOND);
	}
	return 0;
}

/* --- All together --- */

struct row {
	struct hostile_world *world;
	const struct hostile *row;
};

static int run_row(void *arg)
{
	struct row *r = arg;
	hostile_run(r->world, r->row);
	return 0;
}

/* HOSTILE=WORD in the environment: those rows alone whose name has it, for a closer look. */
static size_t run_rows(struct hostile_world *w)
{
	const char *word = getenv("HOSTILE");
	struct hostile_table cuts = hostile_cuts();
	const struct hostile_table *tables[] = { &hostile_heads,  &hostile_bodies, &hostile_floods,
						 &hostile_stalls, &hostile_tls,	   &cuts };
	struct errgroup *g = errgroup_new(context_background());
	size_t n = 0;
	errgroup_set_limit(g, AT_ONCE);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		for (size_t j = 0; j < tables[i]->len; j++) {
			struct row row = { w, &tables[i]->rows[j] };
			if (word && !strstr(row.row->name, word))
				continue;
			errgroup_go_copy(g, run_row, &row, sizeof(row));
			n++;
		}
	CHECK_EQ(errgroup_wait(g), 0);
	hostile_cuts_free(&cuts);
	return n;
}

TEST_GO(hostile_origins_end_in_their_own_errors_beside_honest_ones, .timeout_s = 90)
{
	_Atomic bool over = false;
	_Atomic uint64_t requests = 0;
	struct hostile_world w = { .certs = certs_new() };
	w.rig = rig_open(&(struct client_options){ .tls = { .ca_file = w.certs->ca_file } });
	SSL_CTX *tls = certs_server(w.certs, &(struct cert){ 0 });
	struct origin *origins[] = { origin_open(&(struct origin_options){ .play = play_honest }),
				     origin_open(&(struct origin_options){ .play = play_honest,
									   .tls = tls }) };
	struct honest honest[] = { { &w, origins[0], &over, &requests },
				   { &w, origins[1], &over, &requests } };
	struct watch watch = { .over = &over, .before = allocated() };
	struct errgroup *g = errgroup_new(context_background());
	errgroup_go(g, watch_memory, &watch);
	for (int i = 0; i < HONEST; i++)
		errgroup_go(g, be_honest, &honest[i % 2]);
	size_t rows = run_rows(&w);
	atomic_store(&over, true);
	CHECK_EQ(errgroup_wait(g), 0);
	printf("%zu hostile rows, %llu honest requests, at most %zu KiB more allocated\n", rows,
	       (unsigned long long)requests, (watch.most - watch.before) >> 10);
	CHECK_EQ(w.failures, 0);
	CHECK_LT(watch.most - watch.before, MEMORY_BYTES);
	rig_close(w.rig);
	origin_close(origins[0]);
	origin_close(origins[1]);
	SSL_CTX_free(tls);
	certs_free(w.certs);
}
