/* SPDX-License-Identifier: MIT
 *
 * test_tls_settings: sessions that are resumed, pins, our own certificate, folders of authorities, the
 * key log, versions, and bodies that end without close_notify.
 */
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "src/client/tls_openssl.h"
#include "src/common/buf.h"
#include "tests/client/certs.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

static const struct reply replies[] = {
	REPLY("/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
	REPLY("/close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
	      .then = THEN_CLOSE),
	REPLY("/until-cut", "HTTP/1.1 200 OK\r\n\r\nall of it", .then = THEN_CUT),
	NO_MORE_REPLIES,
};

struct world {
	struct certs *certs;
	SSL_CTX *ctx;
	struct origin *origin;
};

static void world_open(struct world *w, const struct cert *how)
{
	w->certs = certs_new();
	w->ctx = certs_server(w->certs, how);
	w->origin = origin_open(&(struct origin_options){ .replies = replies, .tls = w->ctx });
}

static void world_close(struct world *w)
{
	origin_close(w->origin);
	SSL_CTX_free(w->ctx);
	certs_free(w->certs);
}

static struct client_stats stats_of(struct rig *rig)
{
	struct client_stats stats;
	client_stats(rig->client, &stats);
	return stats;
}

/* --- Sessions --- */

static void check_resumes(const struct cert *how)
{
	struct world w;
	world_open(&w, how);
	struct rig *rig =
		rig_open(&(struct client_options){ .tls = { .ca_file = w.certs->ca_file } });
	for (int i = 0; i < 5; i++)
		check_get(rig, origin_url(w.origin, "/close"), FETCH_OK, 200, "hi");
	CHECK_EQ(w.origin->connections, 5);
	CHECK_EQ(stats_of(rig).tls_handshakes, 5);
	CHECK_EQ(stats_of(rig).tls_resumed, 4);
	rig_close(rig);
	world_close(&w);
}

TEST_GO(tls_sessions_are_resumed)
{
	check_resumes(&(struct cert){ 0 });
	check_resumes(&(struct cert){ .max_version = TLS1_2_VERSION });
}

static void check_large_ones(int version, size_t comment_bytes, unsigned resumed)
{
	struct world w;
	world_open(&w, &(struct cert){ .max_version = version, .comment_bytes = comment_bytes });
	struct rig *rig =
		rig_open(&(struct client_options){ .tls = { .ca_file = w.certs->ca_file } });
	for (int i = 0; i < 3; i++)
		check_get(rig, origin_url(w.origin, "/close"), FETCH_OK, 200, "hi");
	CHECK_EQ(stats_of(rig).tls_resumed, resumed);
	rig_close(rig);
	world_close(&w);
}

/* Thousands are kept, each with its server's certificates. */
TEST_GO(tls_sessions_with_large_certificates_are_not_kept)
{
	check_large_ones(TLS1_3_VERSION, 10000, 2);
	check_large_ones(TLS1_3_VERSION, 20000, 0);
	check_large_ones(TLS1_2_VERSION, 10000, 2);
	check_large_ones(TLS1_2_VERSION, 20000, 0);
}

TEST_GO(tls_sessions_are_of_one_host_and_port)
{
	struct world w;
	char url[256];
	world_open(&w, &(struct cert){ 0 });
	struct rig *rig =
		rig_open(&(struct client_options){ .tls = { .ca_file = w.certs->ca_file } });
	check_get(rig, origin_url_at(w.origin, "localhost", "/close", url, sizeof(url)), FETCH_OK,
		  200, "hi");
	check_get(rig, origin_url_at(w.origin, "127.0.0.1", "/close", url, sizeof(url)), FETCH_OK,
		  200, "hi");
	CHECK_EQ(stats_of(rig).tls_resumed, 0);
	rig_close(rig);
	world_close(&w);
}

TEST_GO(tls_sessions_can_be_done_without)
{
	struct world w;
	world_open(&w, &(struct cert){ 0 });
	struct rig *rig = rig_open(&(struct client_options){
		.tls = { .ca_file = w.certs->ca_file, .no_sessions = true } });
	for (int i = 0; i < 3; i++)
		check_get(rig, origin_url(w.origin, "/close"), FETCH_OK, 200, "hi");
	CHECK_EQ(stats_of(rig).tls_resumed, 0);
	rig_close(rig);
	world_close(&w);
}

static SSL_SESSION *session_of(int version)
{
	SSL_SESSION *s = SSL_SESSION_new();
	CHECK(s && SSL_SESSION_set_protocol_version(s, version));
	return s;
}

static bool takes(struct tls_sessions *s, const char *host, uint16_t port)
{
	SSL_SESSION *session = tls_sessions_take(s, str_of(host), port);
	SSL_SESSION_free(session);
	return session != NULL;
}

TEST_GO(tls_prefers_the_cheapest_of_the_strong_suites)
{
	const struct tls_options o = { .insecure = true };
	SSL_CTX *ctx = NULL;
	char *reason = NULL;
	CHECK_EQ(tls_context_new(&o, &ctx, &reason), 0);
	STACK_OF(SSL_CIPHER) *suites = SSL_CTX_get_ciphers(ctx);
	CHECK(str_eq(str_of(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(suites, 0))),
		     STR("TLS_AES_128_GCM_SHA256")));
	CHECK(str_eq(str_of(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(suites, 1))),
		     STR("TLS_AES_256_GCM_SHA384")));
	tls_context_free(ctx);
}

TEST_GO(tls_sessions_of_a_host_are_enough_for_a_burst_and_no_more)
{
	struct tls_sessions *s = tls_sessions_new(2 * TLS_SESSIONS_PER_HOST);
	for (int i = 0; i <= TLS_SESSIONS_PER_HOST; i++)
		tls_sessions_put(s, STR("a"), 443, session_of(TLS1_3_VERSION));
	for (int i = 0; i < TLS_SESSIONS_PER_HOST; i++)
		CHECK(takes(s, "a", 443));
	CHECK(!takes(s, "a", 443));
	tls_sessions_free(s);
}

TEST_GO(tls_sessions_of_1_3_are_used_once_and_the_oldest_makes_room)
{
	struct tls_sessions *s = tls_sessions_new(6);
	for (int i = 0; i < 7; i++)
		tls_sessions_put(s, str_make(&"abcdefg"[i], 1), 443, session_of(TLS1_3_VERSION));
	CHECK(!takes(s, "a", 443));
	CHECK(!takes(s, "b", 444));
	for (int i = 1; i < 7; i++) {
		const char name[] = { "abcdefg"[i], '\0' };
		CHECK(takes(s, name, 443));
		CHECK(!takes(s, name, 443));
	}
	tls_sessions_put(s, STR("left"), 443, session_of(TLS1_2_VERSION));
	tls_sessions_free(s);
}

/* --- Pins --- */

static void pin_of(SSL_CTX *ctx, const char *host, struct buf *ret)
{
	unsigned char *der = NULL, digest[32];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(SSL_CTX_get0_certificate(ctx)), &der);
	CHECK(EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL));
	OPENSSL_free(der);
	buf_printf(ret, "%s=sha256//", host);
	buf_append_base64(ret, str_make((const char *)digest, sizeof(digest)));
}

static void check_pinned(struct world *w, const char *pins, enum fetch_error e)
{
	char url[256];
	struct rig *rig = rig_open(
		&(struct client_options){ .tls = { .ca_file = w->certs->ca_file, .pins = pins } });
	int before = atomic_load(&w->origin->requests);
	for (int i = 0; i < 2; i++) {
		struct fetched *f = rig_get(
			rig, origin_url_at(w->origin, "localhost", "/close", url, sizeof(url)));
		CHECK_ERROR(f, e);
		if (e)
			CHECK_STR(f->resp->detail, "see [tls] pins for localhost");
		fetched_free(f);
	}
	if (e)
		CHECK_EQ(w->origin->requests, before);
	rig_close(rig);
}

#define OTHER_PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static struct tls_stream *shake(struct world *w, struct tls *tls, enum fetch_error want)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(w->origin->port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct scope scope = scope_of(context_background(), NEVER);
	struct conn *conn;
	struct tls_stream *stream;
	char detail[FAULT_BYTES] = "";
	CHECK_OK(conn_dial((struct sockaddr *)&addr, sizeof(addr), NEVER, &conn));
	CHECK_OK(tls->ops->open(tls, conn, STR("localhost"), w->origin->port, &stream));
	enum fetch_error e = tls_handshake(stream, &scope, detail);
	if (e != want)
		test_fail("want %s, got %s", fetch_error_name(want), fetch_error_name(e));
	return stream;
}

static void hang_up(struct tls_stream *stream)
{
	struct conn *conn = stream->conn;
	stream->ops->close(stream);
	conn_close(conn);
}

/* TLS 1.2 hands a session over before the handshake's end, and so before anybody looks at pins; the
 * second handshake begins before the first stream is taken down. */
TEST_GO(tls_session_of_a_host_that_shows_no_pin_is_not_resumed)
{
	struct world w;
	struct tls *tls;
	char *reason = NULL;
	world_open(&w, &(struct cert){ .max_version = TLS1_2_VERSION });
	const struct tls_options options = { .ca_file = w.certs->ca_file,
					     .pins = "localhost=" OTHER_PIN };
	CHECK_OK(tls_openssl_new(&options, &tls, &reason));
	struct tls_stream *first = shake(&w, tls, FETCH_TLS_PIN_MISMATCH);
	struct tls_stream *second = shake(&w, tls, FETCH_TLS_PIN_MISMATCH);
	hang_up(first);
	hang_up(second);
	tls->ops->free(tls);
	world_close(&w);
}

TEST_GO(tls_pins_hold_for_their_host)
{
	struct world w;
	struct buf right = { 0 };
	world_open(&w, &(struct cert){ 0 });
	pin_of(w.ctx, "LOCALHOST", &right);
	check_pinned(&w, buf_cstr(&right), FETCH_OK);
	check_pinned(&w, "localhost=" OTHER_PIN, FETCH_TLS_PIN_MISMATCH);
	check_pinned(&w, "example.com=" OTHER_PIN, FETCH_OK);
	buf_append_str(&right, STR(" , localhost=" OTHER_PIN));
	check_pinned(&w, buf_cstr(&right), FETCH_OK); /* any of them will do */
	buf_done(&right);
	world_close(&w);
}

static void check_no_client(const struct tls_options *tls, const char *reason_part)
{
	struct client *client;
	char *reason = NULL;
	CHECK_EQ(client_new(&(struct client_options){ .tls = *tls }, &client, &reason), -EINVAL);
	if (!reason || !strstr(reason, reason_part))
		test_fail("want \"%s\" in \"%s\"", reason_part, reason ? reason : "");
	free(reason);
}

TEST_GO(tls_settings_that_cant_be_used_are_named)
{
	char path[300];
	check_no_client(&(struct tls_options){ .pins = "localhost=" OTHER_PIN ", x=y" },
			"[tls] pins: \"x=y\"");
	check_no_client(&(struct tls_options){ .pins = "localhost=sha256//AAAA" }, "[tls] pins");
	check_no_client(&(struct tls_options){ .ca_path = "/nonexistent" },
			"/nonexistent: no folder for [tls] ca_path");
	check_no_client(&(struct tls_options){ .key_file = "/nonexistent/key" },
			"key_file without cert_file");
	check_no_client(&(struct tls_options){ .cert_file = "/nonexistent/c" },
			"/nonexistent/c: can't be read");
	check_no_client(&(struct tls_options){ .keylog_file = "/nonexistent/log" },
			"[tls] keylog_file");
	snprintf(path, sizeof(path), "%s/open.pem", test_dir());
	FILE *f = fopen(path, "w");
	CHECK(f && fclose(f) == 0);
	CHECK_OK(chmod(path, 0644));
	check_no_client(&(struct tls_options){ .cert_file = path }, "can be read by everybody");
	CHECK_OK(chmod(path, 0600));
	check_no_client(&(struct tls_options){ .cert_file = path },
			"no usable certificate for [tls] cert_file");
}

/* --- Our own certificate --- */

/* password NULL: the key lies open. */
static void write_own(SSL_CTX *ctx, const char *path, const char *password)
{
	FILE *f = fopen(path, "w");
	CHECK(f);
	CHECK(PEM_write_X509(f, SSL_CTX_get0_certificate(ctx)));
	CHECK(PEM_write_PrivateKey(f, SSL_CTX_get0_privatekey(ctx),
				   password ? EVP_aes_256_cbc() : NULL, NULL, 0, NULL,
				   (void *)(uintptr_t)password));
	CHECK_OK(fclose(f));
	CHECK_OK(chmod(path, 0600));
}

TEST_GO(tls_shows_its_own_certificate_to_servers_that_ask)
{
	struct world w;
	char own[300];
	world_open(&w, &(struct cert){ 0 });
	SSL_CTX_set_verify(w.ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	CHECK(SSL_CTX_load_verify_file(w.ctx, w.certs->ca_file));
	CHECK(SSL_CTX_set_session_id_context(w.ctx, (const unsigned char *)"test", 4));
	snprintf(own, sizeof(own), "%s/own.pem", test_dir());
	write_own(w.ctx, own, NULL);
	struct rig *rig = rig_open(&(struct client_options){
		.tls = { .ca_file = w.certs->ca_file, .cert_file = own } });
	check_get(rig, origin_url(w.origin, "/ok"), FETCH_OK, 200, "hi");
	rig_close(rig);
	rig = rig_open(&(struct client_options){ .tls = { .ca_file = w.certs->ca_file } });
	struct fetched *f = rig_get(rig, origin_url(w.origin, "/ok"));
	CHECK(f->error != FETCH_OK);
	fetched_free(f);
	CHECK_EQ(w.origin->requests, 1);
	rig_close(rig);
	world_close(&w);
}

/* Nobody is asked for it: a daemon has no terminal, and where it has one the start would stand still. */
TEST_GO(tls_key_with_a_password_is_refused)
{
	struct world w;
	char own[300];
	world_open(&w, &(struct cert){ 0 });
	snprintf(own, sizeof(own), "%s/locked.pem", test_dir());
	write_own(w.ctx, own, "secret");
	check_no_client(&(struct tls_options){ .cert_file = own }, "needs a password");
	world_close(&w);
}

/* --- The rest --- */

TEST_GO(tls_trusts_the_authorities_of_a_folder)
{
	struct world w;
	char folder[300], link[400];
	world_open(&w, &(struct cert){ 0 });
	snprintf(folder, sizeof(folder), "%s/authorities", test_dir());
	CHECK_OK(mkdir(folder, 0700));
	struct rig *rig = rig_open(&(struct client_options){ .tls = { .ca_path = folder } });
	check_get(rig, origin_url(w.origin, "/ok"), FETCH_TLS_UNTRUSTED, 0, "");
	snprintf(link, sizeof(link), "%s/%08lx.0", folder, X509_subject_name_hash(w.certs->ca));
	CHECK_OK(symlink(w.certs->ca_file, link));
	check_get(rig, origin_url(w.origin, "/ok"), FETCH_OK, 200, "hi");
	rig_close(rig);
	world_close(&w);
}

TEST_GO(tls_key_log_has_what_wireshark_wants)
{
	struct world w;
	char path[300], line[600];
	world_open(&w, &(struct cert){ 0 });
	snprintf(path, sizeof(path), "%s/keys", test_dir());
	struct rig *rig = rig_open(&(struct client_options){
		.tls = { .ca_file = w.certs->ca_file, .keylog_file = path } });
	check_get(rig, origin_url(w.origin, "/ok"), FETCH_OK, 200, "hi");
	rig_close(rig);
	FILE *f = fopen(path, "r");
	CHECK(f && fgets(line, sizeof(line), f));
	CHECK(strstr(line, "_TRAFFIC_SECRET ") && line[strlen(line) - 1] == '\n');
	CHECK_OK(fclose(f));
	world_close(&w);
}

TEST_GO(tls_1_2_can_be_too_old)
{
	struct world w;
	world_open(&w, &(struct cert){ .max_version = TLS1_2_VERSION });
	struct rig *rig = rig_open(&(struct client_options){
		.tls = { .ca_file = w.certs->ca_file, .only_tls13 = true } });
	check_get(rig, origin_url(w.origin, "/ok"), FETCH_TLS_PROTOCOL, 0, "");
	rig_close(rig);
	world_close(&w);
}

TEST_GO(tls_close_notify_can_be_forgone)
{
	struct world w;
	world_open(&w, &(struct cert){ 0 });
	struct rig *rig = rig_open(&(struct client_options){ .tls = { .ca_file = w.certs->ca_file },
							     .unclean_close = true });
	check_get(rig, origin_url(w.origin, "/until-cut"), FETCH_OK, 200, "all of it");
	rig_close(rig);
	world_close(&w);
}
