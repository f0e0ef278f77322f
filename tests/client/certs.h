/* SPDX-License-Identifier: MIT
 *
 * certs: an authority and certificates of its making, for servers in tests. Keys are P-256, made on
 * the spot.
 *
 *	struct certs *certs = certs_new();		// certs->ca_file is PEM in test_dir()
 *	SSL_CTX *ctx = certs_server(certs, &(struct cert){ .host = "localhost" });
 *	... origin_open(&(struct origin_options){ .tls = ctx, ... });
 *	SSL_CTX_free(ctx);
 *	certs_free(certs);
 */
#ifndef TESTS_CLIENT_CERTS_H
#define TESTS_CLIENT_CERTS_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct certs {
	EVP_PKEY *key;
	X509 *ca;
	char ca_file[256];
};

/* Zero = right: valid now, signed by the authority, TLS 1.2 and 1.3. */
struct cert {
	const char *host; /* "localhost" or "IP:127.0.0.1"; NULL = both */
	long begins_s;	  /* seconds from now; 0 = an hour ago */
	long ends_s;	  /* 0 = in an hour */
	bool self_signed;
	bool by_stranger;  /* signed by an authority that nobody knows */
	bool intermediate; /* signed by one that the authority vouches for, and which is shown */
	bool no_chain;	   /* ... or isn't */
	bool sha1;
	bool only_common_name; /* host stands there alone */
	size_t comment_bytes;  /* makes it large */
	const char *usage;     /* extended key usage: "clientAuth"; NULL = none is said */
	int rsa_bits;	       /* 0 = P-256 */
	int max_version;       /* e.g. TLS1_1_VERSION; 0 = the newest */
};

struct certs *certs_new(void);
void certs_free(struct certs *c);
SSL_CTX *certs_server(struct certs *c, const struct cert *how);

#endif
