/* SPDX-License-Identifier: MIT
 *
 * tls_context: an SSL_CTX from a client's settings. Verification is on unless the process itself
 * (fetchbench) says otherwise: no key and no URL can switch it off.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/client/tls_openssl.h"
#include "src/common/reason.h"

bool tls_starved(void)
{
	bool starved = false;
	for (unsigned long e; (e = ERR_get_error());)
		starved = starved || ERR_GET_REASON(e) ==
					     (ERR_SYSTEM_ERROR(e) ? ENOMEM : ERR_R_MALLOC_FAILURE);
	return starved;
}

static int refuse_file(char **ret_reason, const char *key, const char *file, const char *what)
{
	char why[256];
	bool starved = errno == ENOMEM;
	ERR_error_string_n(ERR_peek_error(), why, sizeof(why));
	if (tls_starved() || starved)
		return -ENOMEM;
	return refuse(-EINVAL, ret_reason, "%s: %s for [tls] %s: %s", file, what, key, why);
}

/* The library's own three for TLS 1.3, with the one first that browsers and Go prefer, too: SHA-256 has
 * instructions of its own in most processors, SHA-384 in none, which is a tenth of a resumed
 * handshake's cost. */
#define CIPHERSUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

static bool set_up(SSL_CTX *ctx, const struct tls_options *o)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_set_read_ahead(ctx, 1);
	return SSL_CTX_set_ciphersuites(ctx, CIPHERSUITES) &&
	       SSL_CTX_set_min_proto_version(ctx,
					     o->only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION) &&
	       SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1) == 0;
}

/* --- Trust --- */

/* OpenSSL looks into a folder only when it needs an authority: one that isn't there shows here. */
static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Without memory the library finds keys too weak and signatures false: the certificate is not to be blamed
 * for that. */
static int verify(X509_STORE_CTX *store, void *unused)
{
	(void)unused;
	errno = 0;
	int ok = X509_verify_cert(store);
	if (ok <= 0 && errno == ENOMEM)
		X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
	return ok;
}

/* What SSL_CTX_set_default_verify_file does, but for its silence when that fails. A bundle that isn't there, or
 * holds no certificate, is none. */
static int load_bundle(SSL_CTX *ctx)
{
	const char *file = secure_getenv(X509_get_default_cert_file_env());
	bool loaded = SSL_CTX_load_verify_file(ctx, file ? file : X509_get_default_cert_file());
	bool starved = errno == ENOMEM;
	return (tls_starved() || starved) && !loaded ? -ENOMEM : 0;
}

static int load_trust(SSL_CTX *ctx, const struct tls_options *o, char **ret_reason)
{
	SSL_CTX_set_verify(ctx, o->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify, NULL);
	if (o->ca_file && !SSL_CTX_load_verify_file(ctx, o->ca_file))
		return refuse_file(ret_reason, "ca_file", o->ca_file, "no usable certificates");
	if (o->ca_path && !is_folder(o->ca_path))
		return refuse(-EINVAL, ret_reason, "%s: no folder for [tls] ca_path", o->ca_path);
	if (o->ca_path && !SSL_CTX_load_verify_dir(ctx, o->ca_path))
		return -ENOMEM;
	if (o->ca_file || o->ca_path || o->insecure)
		return 0;
	int err = load_bundle(ctx);
	if (err)
		return err;
	return SSL_CTX_set_default_verify_dir(ctx) ? 0 : -ENOMEM;
}

/* --- Our own certificate --- */

/* A key that others can read is no secret any more. */
static int check_private(const char *file, char **ret_reason)
{
	struct stat st;
	if (stat(file, &st) != 0)
		return refuse(-EINVAL, ret_reason, "%s: can't be read for [tls] key_file: %s", file,
			      strerror(errno));
	if (st.st_mode & (S_IROTH | S_IWOTH))
		return refuse(-EINVAL, ret_reason,
			      "%s: [tls] key_file can be read by everybody: chmod o-rw", file);
	return 0;
}

/* Without this the library would ask on the terminal. */
static int no_password(char *buf, int size, int writing, void *asked)
{
	(void)buf, (void)size, (void)writing;
	*(bool *)asked = true;
	return -1;
}

static int load_key(SSL_CTX *ctx, const char *file, char **ret_reason)
{
	bool asked = false;
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
	bool loaded = SSL_CTX_use_PrivateKey_file(ctx, file, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	if (asked)
		return refuse(-EINVAL, ret_reason,
			      "%s: [tls] key_file needs a password: keep the key without one",
			      file);
	return loaded ? 0
		      : refuse_file(ret_reason, "key_file", file,
				    "no usable key of that certificate");
}

static int load_own(SSL_CTX *ctx, const struct tls_options *o, char **ret_reason)
{
	if (!o->cert_file && !o->key_file)
		return 0;
	const char *key = o->key_file ? o->key_file : o->cert_file;
	if (!o->cert_file)
		return refuse(-EINVAL, ret_reason, "%s: [tls] key_file without cert_file", key);
	int err = check_private(key, ret_reason);
	if (err)
		return err;
	if (!SSL_CTX_use_certificate_chain_file(ctx, o->cert_file))
		return refuse_file(ret_reason, "cert_file", o->cert_file, "no usable certificate");
	return load_key(ctx, key, ret_reason);
}

/* --- The key log --- */

static struct {
	pthread_once_t once;
	int index;
} keylog = { .once = PTHREAD_ONCE_INIT };

static void reserve_index(void)
{
	keylog.index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static int keylog_index(void)
{
	pthread_once(&keylog.once, reserve_index);
	return keylog.index;
}

/* One write a line, at the file's end: lines of several connections don't mix. A line that the disk
 * doesn't take is lost: this is for debugging. */
static void log_key(const SSL *ssl, const char *line)
{
	const int *fd = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), keylog_index());
	char with_newline[512];
	int len = snprintf(with_newline, sizeof(with_newline), "%s\n", line);
	if (fd && len > 0 && (size_t)len < sizeof(with_newline))
		(void)!write(*fd, with_newline, (size_t)len);
}

static int open_keylog(SSL_CTX *ctx, const struct tls_options *o, char **ret_reason)
{
	if (!o->keylog_file)
		return 0;
	int *fd = malloc(sizeof(*fd));
	if (!fd)
		return -ENOMEM;
	*fd = open(o->keylog_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (*fd < 0) {
		free(fd);
		return refuse(-EINVAL, ret_reason, "%s: can't be written for [tls] keylog_file: %s",
			      o->keylog_file, strerror(errno));
	}
	SSL_CTX_set_ex_data(ctx, keylog_index(), fd);
	SSL_CTX_set_keylog_callback(ctx, log_key);
	return 0;
}

void tls_context_free(SSL_CTX *ctx)
{
	int *fd = ctx ? SSL_CTX_get_ex_data(ctx, keylog_index()) : NULL;
	if (fd)
		close(*fd);
	free(fd);
	SSL_CTX_free(ctx);
}

/* An authority's extensions are looked at once, when first needed; without memory at that moment it would count as
 * invalid from then on. So now. */
static void look_at_authorities(SSL_CTX *ctx)
{
	STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx));
	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		X509 *x = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
		if (x)
			(void)X509_check_purpose(x, -1, 0);
	}
}

static int fill(SSL_CTX *ctx, const struct tls_options *options, char **ret_reason)
{
	int err = set_up(ctx, options) ? 0 : -ENOMEM;
	if (!err)
		err = load_trust(ctx, options, ret_reason);
	if (!err)
		look_at_authorities(ctx);
	if (!err)
		err = load_own(ctx, options, ret_reason);
	if (!err)
		err = open_keylog(ctx, options, ret_reason);
	return err;
}

/* Without memory the library makes do with less, silently: a context that knows no protocol, or trusts none of
 * the system's authorities. malloc's errno tells. */
int tls_context_new(const struct tls_options *options, SSL_CTX **ret_ctx, char **ret_reason)
{
	ERR_clear_error();
	errno = 0;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int err = ctx ? fill(ctx, options, ret_reason) : -ENOMEM;
	bool starved = errno == ENOMEM;
	if (!err && (tls_starved() || starved))
		err = -ENOMEM;
	ERR_clear_error();
	if (err) {
		tls_context_free(ctx);
		return err;
	}
	*ret_ctx = ctx;
	return 0;
}
