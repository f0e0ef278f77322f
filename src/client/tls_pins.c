/* SPDX-License-Identifier: MIT
 *
 * tls_pins: hosts that must show a known key. The list is short and read only: it is walked.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "src/client/tls_openssl.h"
#include "src/common/reason.h"

#define DIGEST_BYTES 32
#define BASE64_CHARS 44 /* of 32 bytes */

struct pin {
	struct str host; /* in the list's text */
	unsigned char digest[DIGEST_BYTES];
};

struct tls_pins {
	char *text; /* a copy */
	size_t len;
	struct pin pins[];
};

static bool parse_digest(struct str s, unsigned char ret[DIGEST_BYTES])
{
	unsigned char raw[DIGEST_BYTES + 2];
	if (s.len != BASE64_CHARS || s.data[BASE64_CHARS - 1] != '=' ||
	    s.data[BASE64_CHARS - 2] == '=')
		return false;
	if (EVP_DecodeBlock(raw, (const unsigned char *)s.data, BASE64_CHARS) != DIGEST_BYTES + 1)
		return false;
	memcpy(ret, raw, DIGEST_BYTES);
	return true;
}

static bool parse_pin(struct str item, struct pin *ret)
{
	struct str host, pin;
	if (!str_cut(str_trim(item), '=', &host, &pin) || host.len == 0 ||
	    !str_starts(pin, STR("sha256//")))
		return false;
	ret->host = host;
	return parse_digest(str_slice(pin, strlen("sha256//"), SIZE_MAX), ret->digest);
}

static size_t count_items(const char *text)
{
	size_t n = 1;
	for (; *text; text++)
		n += *text == ',';
	return n;
}

int tls_pins_new(const char *text, struct tls_pins **ret_pins, char **ret_reason)
{
	*ret_pins = NULL;
	if (!text)
		return 0;
	struct tls_pins *p = calloc(1, sizeof(*p) + count_items(text) * sizeof(p->pins[0]));
	if (!p || !(p->text = strdup(text))) {
		free(p);
		return -ENOMEM;
	}
	struct str rest = str_of(p->text), item;
	while (str_next(&rest, ',', &item)) {
		if (parse_pin(item, &p->pins[p->len++]))
			continue;
		int err = refuse(-EINVAL, ret_reason,
				 "[tls] pins: \"%.*s\" is not HOST=sha256//BASE64 of 32 bytes",
				 STR_ARG(str_trim(item)));
		tls_pins_free(p);
		return err;
	}
	*ret_pins = p;
	return 0;
}

void tls_pins_free(struct tls_pins *p)
{
	if (p)
		free(p->text);
	free(p);
}

static bool has_digest(const struct tls_pins *p, struct str host,
		       const unsigned char digest[DIGEST_BYTES])
{
	for (size_t i = 0; i < p->len; i++)
		if (str_eq_nocase(p->pins[i].host, host) &&
		    memcmp(p->pins[i].digest, digest, DIGEST_BYTES) == 0)
			return true;
	return false;
}

static bool is_pinned(const struct tls_pins *p, struct str host)
{
	for (size_t i = 0; i < p->len; i++)
		if (str_eq_nocase(p->pins[i].host, host))
			return true;
	return false;
}

static bool key_digest(X509 *cert, unsigned char ret[DIGEST_BYTES])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool done = len > 0 && EVP_Digest(der, (size_t)len, ret, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return done;
}

bool tls_pins_match(const struct tls_pins *p, struct str host, SSL *ssl)
{
	if (!p || !is_pinned(p, host) || SSL_session_reused(ssl))
		return true;
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	for (int i = 0; i < sk_X509_num(chain); i++) {
		unsigned char digest[DIGEST_BYTES];
		if (key_digest(sk_X509_value(chain, i), digest) && has_digest(p, host, digest))
			return true;
	}
	return false;
}
