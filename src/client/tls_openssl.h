/* SPDX-License-Identifier: MIT
 *
 * tls_openssl: what the files behind tls_openssl.c share: the settings as an SSL_CTX, pins, and the
 * sessions that are kept to be resumed. Nobody else includes this.
 */
#ifndef CLIENT_TLS_OPENSSL_H
#define CLIENT_TLS_OPENSSL_H

#include <openssl/ssl.h>

#include "src/client/tls.h"
#include "src/common/str.h"

/* --- tls_context.c --- */

/* Takes all errors that the library has noted. Whether memory was among them. */
bool tls_starved(void);

/* 0; -ENOMEM; or -EINVAL for a file that can't be used: *ret_reason (the caller frees) names it and
 * its key. Reads files. */
int tls_context_new(const struct tls_options *options, SSL_CTX **ret_ctx,
		    char **ret_reason) MUST_USE;
void tls_context_free(SSL_CTX *ctx); /* NULL is fine */

/* --- tls_pins.c --- */

struct tls_pins;

/* text: "HOST=sha256//BASE64, ...": of the certificate's SubjectPublicKeyInfo (RFC 7469 §2.4), in
 * curl's spelling. A host may stand several times: any of its pins will do. NULL = no pins. Errors as
 * above. */
int tls_pins_new(const char *text, struct tls_pins **ret_pins, char **ret_reason) MUST_USE;
void tls_pins_free(struct tls_pins *p);
/* True when host has no pin, or one is of a certificate in the chain that was verified. A resumed
 * session was checked when it began. Any thread. */
bool tls_pins_match(const struct tls_pins *p, struct str host, SSL *ssl);

/* --- tls_sessions.c --- */

struct tls_sessions;

#define TLS_SESSIONS_PER_HOST 64 /* further ones put out the host's oldest */

/* At most `most` sessions. NULL = out of memory. Any thread for all of them. */
struct tls_sessions *tls_sessions_new(uint32_t most) MUST_USE;
void tls_sessions_free(struct tls_sessions *s);
/* Owns session from now on. */
void tls_sessions_put(struct tls_sessions *s, struct str host, uint16_t port, SSL_SESSION *session);
/* A session to resume, the caller's to free; NULL when there is none. */
SSL_SESSION *tls_sessions_take(struct tls_sessions *s, struct str host, uint16_t port);

#endif
