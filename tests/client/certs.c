/* SPDX-License-Identifier: MIT
 *
 * certs: X.509 by OpenSSL's calls. What can't fail in a test is checked all the same.
 */
#include "tests/client/certs.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness.h"

static void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	CHECK(e != NULL);
	CHECK(X509_add_ext(x, e, -1));
	X509_EXTENSION_free(e);
}

static X509 *new_cert(EVP_PKEY *key, const char *name, long begins_s, long ends_s)
{
	static _Atomic long serial = 1;
	X509 *x = X509_new();
	CHECK(X509_set_version(x, 2));
	ASN1_INTEGER_set(X509_get_serialNumber(x), atomic_fetch_add(&serial, 1));
	X509_gmtime_adj(X509_getm_notBefore(x), begins_s);
	X509_gmtime_adj(X509_getm_notAfter(x), ends_s);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	return x;
}

struct authority {
	X509 *cert;
	EVP_PKEY *key;
};

/* by NULL: its own. */
static struct authority new_authority(const char *name, const struct authority *by)
{
	struct authority a = { .key = EVP_EC_gen("P-256") };
	a.cert = new_cert(a.key, name, -3600, 3600);
	X509_set_issuer_name(a.cert, X509_get_subject_name(by ? by->cert : a.cert));
	add_extension(a.cert, NID_basic_constraints, "critical,CA:TRUE");
	CHECK(X509_sign(a.cert, by ? by->key : a.key, EVP_sha256()));
	return a;
}

static void free_authority(struct authority *a)
{
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
}

struct certs *certs_new(void)
{
	struct certs *c = calloc(1, sizeof(*c));
	struct authority a = new_authority("test authority", NULL);
	c->key = a.key;
	c->ca = a.cert;
	snprintf(c->ca_file, sizeof(c->ca_file), "%s/ca.pem", test_dir());
	FILE *f = fopen(c->ca_file, "w");
	CHECK(f && PEM_write_X509(f, c->ca));
	fclose(f);
	return c;
}

void certs_free(struct certs *c)
{
	X509_free(c->ca);
	EVP_PKEY_free(c->key);
	free(c);
}

static void add_comment(X509 *x, size_t len)
{
	char *text = malloc(len + 1);
	memset(text, 'x', len);
	text[len] = '\0';
	add_extension(x, NID_netscape_comment, text);
	free(text);
}

static void add_names(X509 *x, const struct cert *how)
{
	char names[128] = "DNS:localhost,IP:127.0.0.1";
	if (how->host)
		snprintf(names, sizeof(names), "%s%s",
			 strncmp(how->host, "IP:", 3) == 0 ? "" : "DNS:", how->host);
	if (!how->only_common_name)
		add_extension(x, NID_subject_alt_name, names);
	if (how->comment_bytes)
		add_comment(x, how->comment_bytes);
	if (how->usage)
		add_extension(x, NID_ext_key_usage, how->usage);
}

static X509 *server_cert(EVP_PKEY *key, const struct cert *how, const struct authority *by)
{
	X509 *x = new_cert(key, how->only_common_name ? how->host : "test server",
			   how->begins_s ? how->begins_s : -3600, how->ends_s ? how->ends_s : 3600);
	add_names(x, how);
	X509_set_issuer_name(x, X509_get_subject_name(how->self_signed ? x : by->cert));
	CHECK(X509_sign(x, how->self_signed ? key : by->key,
			how->sha1 ? EVP_sha1() : EVP_sha256()));
	return x;
}

static SSL_CTX *server_context(const struct cert *how)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	if (how->max_version)
		SSL_CTX_set_max_proto_version(ctx, how->max_version);
	return ctx;
}

SSL_CTX *certs_server(struct certs *c, const struct cert *how)
{
	struct authority known = { .cert = c->ca, .key = c->key }, own = { 0 };
	if (how->by_stranger)
		own = new_authority("a stranger", NULL);
	else if (how->intermediate)
		own = new_authority("test intermediate", &known);
	EVP_PKEY *key = how->rsa_bits ? EVP_RSA_gen((unsigned)how->rsa_bits) : EVP_EC_gen("P-256");
	X509 *x = server_cert(key, how, own.cert ? &own : &known);
	SSL_CTX *ctx = server_context(how);
	CHECK(SSL_CTX_use_certificate(ctx, x));
	CHECK(SSL_CTX_use_PrivateKey(ctx, key));
	if (how->intermediate && !how->no_chain)
		CHECK(SSL_CTX_add1_chain_cert(ctx, own.cert));
	free_authority(&own);
	X509_free(x);
	EVP_PKEY_free(key);
	return ctx;
}
