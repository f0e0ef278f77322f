/* SPDX-License-Identifier: MIT
 *
 * test_tls_server: `openssl s_server`, set up well in unusual ways and badly in the usual ones; each mistake by its own
 * error. What no setting of a real server brings about is in hostile_tls.c.
 */
#include <openssl/dh.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/errgroup.h"
#include "tests/client/rig.h"
#include "tests/client/sserver.h"

#define FILE_BYTES 300000
#define AT_ONCE	   16
#define RSA	   .rsa_bits = 2048

static const struct setting {
	const char *name, *arguments;
	struct cert cert;
	enum fetch_error error;
	const char *detail; /* a part of it */
} settings[] = {
	/* well */
	{ "TLS 1.3", "-tls1_3", { 0 }, FETCH_OK, "" },
	{ "TLS 1.2", "-tls1_2", { 0 }, FETCH_OK, "" },
	{ "TLS 1.2 without forward secrecy",
	  "-tls1_2 -cipher AES128-GCM-SHA256",
	  { RSA },
	  FETCH_OK,
	  "" },
	{ "TLS 1.2 with DHE", "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", { RSA }, FETCH_OK, "" },
	{ "ChaCha20", "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256", { 0 }, FETCH_OK, "" },
	{ "a group of which we have sent no share", "-tls1_3 -groups P-384", { 0 }, FETCH_OK, "" },
	{ "RSA of 2048 bits", "-tls1_3", { RSA }, FETCH_OK, "" },
	{ "an intermediate", "-tls1_3", { .intermediate = true }, FETCH_OK, "" },
	{ "no tickets", "-tls1_3 -num_tickets 0", { 0 }, FETCH_OK, "" },
	{ "many tickets", "-tls1_3 -num_tickets 50", { 0 }, FETCH_OK, "" },
	{ "no tickets in TLS 1.2", "-tls1_2 -no_ticket", { 0 }, FETCH_OK, "" },
	{ "tiny records", "-tls1_3 -max_send_frag 512", { 0 }, FETCH_OK, "" },
	{ "padded records", "-tls1_3 -record_padding 16384", { 0 }, FETCH_OK, "" },
	{ "ALPN of ours among others", "-alpn h2,http/1.1", { 0 }, FETCH_OK, "" },

	/* badly */
	{ "TLS 1.0", "-tls1 -cipher ALL@SECLEVEL=0", { 0 }, FETCH_TLS_PROTOCOL, "" },
	{ "TLS 1.1", "-tls1_1 -cipher ALL@SECLEVEL=0", { 0 }, FETCH_TLS_PROTOCOL, "" },
	{ "no cipher of ours",
	  "-tls1_2 -cipher aNULL@SECLEVEL=0",
	  { 0 },
	  FETCH_TLS_PROTOCOL,
	  "handshake failure" },
	{ "ALPN without ours", "-alpn h2", { 0 }, FETCH_TLS_PROTOCOL, "no application protocol" },
	{ "a weak group for DHE",
	  "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256@SECLEVEL=0 -dhparam weak.pem",
	  { RSA },
	  FETCH_TLS_WEAK,
	  "dh key too small" },
	{ "a weak key", "-cipher ALL@SECLEVEL=0", { .rsa_bits = 1024 }, FETCH_TLS_WEAK, "too" },
	{ "a weak signature",
	  "-cipher ALL@SECLEVEL=0",
	  { .sha1 = true },
	  FETCH_TLS_WEAK,
	  "too weak" },
	{ "expired",
	  "-tls1_3",
	  { .begins_s = -7200, .ends_s = -3600 },
	  FETCH_TLS_EXPIRED,
	  "has expired" },
	{ "not yet valid",
	  "-tls1_2",
	  { .begins_s = 3000 },
	  FETCH_TLS_NOT_YET_VALID,
	  "not yet valid" },
	{ "for another host",
	  "-tls1_3",
	  { .host = "example.com" },
	  FETCH_TLS_HOST_MISMATCH,
	  "mismatch" },
	{ "signed by itself",
	  "-tls1_3",
	  { .self_signed = true },
	  FETCH_TLS_SELF_SIGNED,
	  "self-signed" },
	{ "signed by a stranger", "-tls1_3", { .by_stranger = true }, FETCH_TLS_UNTRUSTED, "" },
	{ "no intermediate",
	  "-tls1_3",
	  { .intermediate = true, .no_chain = true },
	  FETCH_TLS_UNTRUSTED,
	  "" },
	{ "a certificate for clients",
	  "-tls1_3",
	  { .usage = "clientAuth" },
	  FETCH_TLS_UNTRUSTED,
	  "purpose" },
	{ "a certificate of ours is wanted",
	  "-tls1_2 -Verify 1",
	  { 0 },
	  FETCH_TLS_PROTOCOL,
	  "handshake failure" },
};

/* 1,536 bits: less than the 2,048 that are asked for. */
static void write_weak_group(void)
{
	char path[300];
	EVP_PKEY *group = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	CHECK(EVP_PKEY_paramgen_init(ctx) == 1);
	CHECK(EVP_PKEY_CTX_set_dh_nid(ctx, NID_modp_1536) == 1);
	CHECK(EVP_PKEY_paramgen(ctx, &group) == 1);
	snprintf(path, sizeof(path), "%s/weak.pem", test_dir());
	BIO *out = BIO_new_file(path, "w");
	CHECK(PEM_write_bio_Parameters(out, group));
	BIO_free(out);
	EVP_PKEY_free(group);
	EVP_PKEY_CTX_free(ctx);
}

static void write_file(char *content)
{
	char path[300];
	for (size_t i = 0; i < FILE_BYTES; i++)
		content[i] = (char)('a' + i * i % 23);
	snprintf(path, sizeof(path), "%s/file.txt", test_dir());
	FILE *f = fopen(path, "w");
	CHECK(f && fwrite(content, 1, FILE_BYTES, f) == FILE_BYTES);
	CHECK_OK(fclose(f));
}

struct shared {
	struct certs *certs;
	struct rig *rig;
	const char *content;
};

struct one {
	const struct shared *shared;
	const struct setting *setting;
};

static void check_once(const struct shared *w, const struct setting *how, struct sserver *s)
{
	struct fetched *f = rig_get(w->rig, sserver_url(s, "/file.txt"));
	if (f->error != how->error || !strstr(f->resp->detail, how->detail))
		test_fail("%s: want %s (%s), got %s (%s)", how->name, fetch_error_name(how->error),
			  how->detail, fetch_error_name(f->error), f->resp->detail);
	if (!f->error && (f->len != FILE_BYTES || memcmp(f->body, w->content, FILE_BYTES) != 0))
		test_fail("%s: %zu bytes that are not the file", how->name, f->len);
	fetched_free(f);
}

/* A second time, too: where the first one left a session, that resumes it. */
static int check_setting(void *arg)
{
	const struct one *o = arg;
	char arguments[256];
	struct sserver s;
	snprintf(arguments, sizeof(arguments), "%s -WWW", o->setting->arguments);
	sserver_open(&s, o->shared->certs, &o->setting->cert, arguments);
	check_once(o->shared, o->setting, &s);
	check_once(o->shared, o->setting, &s);
	sserver_close(&s);
	return 0;
}

TEST_GO(tls_with_openssls_server_set_up_well_and_badly, .timeout_s = 60)
{
	char *content = malloc(FILE_BYTES);
	struct certs *certs = certs_new();
	struct shared shared = { .certs = certs, .content = content };
	struct errgroup *g = errgroup_new(context_background());
	write_file(content);
	write_weak_group();
	shared.rig = rig_open(&(struct client_options){ .tls = { .ca_file = certs->ca_file } });
	errgroup_set_limit(g, AT_ONCE);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		errgroup_go_copy(g, check_setting, &(struct one){ &shared, &settings[i] },
				 sizeof(struct one));
	CHECK_EQ(errgroup_wait(g), 0);
	struct client_stats stats;
	client_stats(shared.rig->client, &stats);
	CHECK_LT(0, stats.tls_resumed);
	rig_close(shared.rig);
	certs_free(certs);
	free(content);
}
