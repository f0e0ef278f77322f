/* SPDX-License-Identifier: MIT
 *
 * tls_openssl: TLS by OpenSSL 3. One SSL_CTX a client; one SSL a connection, whose BIO reads and
 * writes the connection by tries that never park (no SIGPIPE, readiness kept by the netpoller).
 *
 * OpenSSL's error queue belongs to the OS thread. Each call goes: ERR_clear_error, the call,
 * SSL_get_error, and what is to be known about an error is taken out of the queue, all before
 * anything can park (facts in ARCHITECTURE.md). None of the functions parks, but for open, before
 * its first call, while another goroutine sets the library up.
 *
 * After a fatal error the SSL is used no more, not even for close_notify: `dead`. But for one thing: what a peer said before
 * it stopped listening can be read after a write has failed. A read that failed is not made again: it would find the error
 * queue empty, and take what broke the connection for an end of the stream.
 *
 * Tickets, key updates, requests to renegotiate and empty records cost their sender next to nothing, and the library
 * takes them in without returning for as long as they come. So the BIO counts what it reads, and reads no more once
 * TALK_BYTES have given neither a handshake nor a byte of data.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/mutex.h"
#include "src/client/tls_openssl.h"

/* Kept unless the options say otherwise. */
#define SESSIONS 4096
/* What a peer may say in a handshake (of which a chain of certificates may be 100 KiB), and between two bytes of data. */
#define TALK_BYTES (128 << 10)
/* A session whose ticket and certificates are larger isn't worth its memory. */
#define SESSION_BYTES (16 << 10)

struct openssl {
	struct tls tls;
	bool only_tls13, insecure; /* for a late start */
	_Atomic bool built;	   /* all there: the two below don't change any more */
	struct mutex building;
	SSL_CTX *ctx; /* NULL: not yet */
	BIO_METHOD *method;
	struct tls_pins *pins;
	struct tls_sessions *sessions; /* NULL: none are kept */
};

struct stream {
	struct tls_stream stream;
	SSL *ssl;
	int socket_err;	       /* the last error of the socket that wasn't -EAGAIN */
	int read_failure;      /* what the last read gave; 0 = more may come */
	unsigned long problem; /* the first of OpenSSL's own errors */
	uint32_t talk; /* bytes read since the last of data came out, or the handshake ended */
	bool starved;  /* and what was behind it: no memory */
	bool dead;
	bool pin_missing; /* the host showed none of its pins */
	bool established; /* the handshake is done */
	bool spoke;	  /* data has come */
	struct openssl *openssl;
	uint16_t port;
	size_t host_len; /* without a trailing dot */
	char host[];
};

static struct str host_of(const struct stream *s)
{
	return str_make(s->host, s->host_len);
}

static struct stream *of(struct tls_stream *s)
{
	return CONTAINER_OF(s, struct stream, stream);
}

/* --- The BIO --- */

static int bio_result(BIO *bio, ssize_t n, int retry_flags)
{
	struct stream *s = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (n >= 0)
		return (int)n;
	if (n == -EAGAIN)
		BIO_set_flags(bio, retry_flags | BIO_FLAGS_SHOULD_RETRY);
	else
		s->socket_err = (int)n;
	return -1;
}

static int bio_read(BIO *bio, char *buf, int size)
{
	struct stream *s = BIO_get_data(bio);
	if (s->talk >= TALK_BYTES)
		return bio_result(bio, TLS_BROKEN, 0);
	ssize_t n = conn_try_read(s->stream.conn, buf, (size_t)size);
	if (n > 0)
		s->talk += (uint32_t)n;
	return bio_result(bio, n, BIO_FLAGS_READ);
}

/* With TLS 1.3 the client has the last word in a handshake: it travels with the request, which saves each
 * side a segment. */
static bool is_last_flight(const SSL *ssl)
{
	return SSL_get_state(ssl) == TLS_ST_CW_FINISHED && SSL_version(ssl) == TLS1_3_VERSION;
}

static int bio_write(BIO *bio, const char *buf, int size)
{
	struct stream *s = BIO_get_data(bio);
	ssize_t n = is_last_flight(s->ssl) ? conn_try_write_ahead(s->stream.conn, buf, (size_t)size)
					   : conn_try_write(s->stream.conn, buf, (size_t)size);
	return bio_result(bio, n, BIO_FLAGS_WRITE);
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "conn");
	if (!m || !BIO_meth_set_read(m, bio_read) || !BIO_meth_set_write(m, bio_write) ||
	    !BIO_meth_set_ctrl(m, bio_ctrl)) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}

/* --- Calls --- */

static int failure_of(const struct stream *s, int what)
{
	if (s->socket_err)
		return s->socket_err;
	if (what == SSL_ERROR_SYSCALL ||
	    ERR_GET_REASON(s->problem) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return TLS_CUT_OFF;
	return TLS_BROKEN;
}

/* What a call that returned r <= 0 means. Right after the call. What the library says first may be
 * a mere consequence of malloc's failure: it is looked for in all that it says. */
static int result(struct stream *s, int r)
{
	int what = SSL_get_error(s->ssl, r);
	switch (what) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANTS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		s->problem = ERR_peek_error();
		s->starved = tls_starved() || s->starved;
		s->dead = true;
		return failure_of(s, what);
	}
}

static int openssl_try_handshake(struct tls_stream *stream)
{
	struct stream *s = of(stream);
	ERR_clear_error();
	int r = SSL_do_handshake(s->ssl);
	if (r == 1) {
		s->talk = 0;
		s->established = true;
		s->pin_missing = !tls_pins_match(s->openssl->pins, host_of(s), s->ssl);
		s->dead = s->pin_missing;
		return s->dead ? TLS_BROKEN : 0;
	}
	int err = result(s, r);
	return err ? err : TLS_CUT_OFF;
}

/* A byte of data at least: the peer may talk on. */
static void data_came(struct stream *s)
{
	s->talk = 0;
	s->spoke = true;
}

static int read_result(struct stream *s, int r)
{
	int err = result(s, r);
	if (err != TLS_WANTS_READ && err != TLS_WANTS_WRITE)
		s->read_failure = err;
	return err;
}

static ssize_t openssl_try_read(struct tls_stream *stream, void *buf, size_t size)
{
	struct stream *s = of(stream);
	size_t n = 0;
	if (s->read_failure)
		return s->read_failure;
	ERR_clear_error();
	int r = SSL_read_ex(s->ssl, buf, size, &n);
	if (r != 1)
		return read_result(s, r);
	data_came(s);
	return (ssize_t)n;
}

static ssize_t openssl_try_write(struct tls_stream *stream, const void *buf, size_t size)
{
	struct stream *s = of(stream);
	size_t n = 0;
	ERR_clear_error();
	int r = SSL_write_ex(s->ssl, buf, size, &n);
	if (r == 1)
		return (ssize_t)n;
	int err = result(s, r);
	return err ? err : TLS_CUT_OFF;
}

static ssize_t openssl_try_peek(struct tls_stream *stream)
{
	struct stream *s = of(stream);
	char byte;
	size_t n;
	if (s->read_failure)
		return s->read_failure;
	ERR_clear_error();
	int r = SSL_peek_ex(s->ssl, &byte, 1, &n);
	if (r != 1)
		return read_result(s, r);
	data_came(s);
	return 1;
}

/* What lies in the library's buffers may be session tickets, which a peek swallows, or data that
 * nobody asked for, be it the beginning of a record. */
static bool openssl_quiet(struct tls_stream *stream)
{
	struct stream *s = of(stream);
	if (s->dead || !SSL_has_pending(s->ssl))
		return !s->dead;
	return openssl_try_peek(stream) == TLS_WANTS_READ && !SSL_has_pending(s->ssl);
}

/* --- Errors --- */

static enum fetch_error verify_error(long v)
{
	switch (v) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return FETCH_TLS_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return FETCH_TLS_NOT_YET_VALID;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return FETCH_TLS_HOST_MISMATCH;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return FETCH_TLS_SELF_SIGNED;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return FETCH_TLS_WEAK;
	case X509_V_ERR_OUT_OF_MEM:
		return FETCH_OUT_OF_MEMORY;
	default:
		return FETCH_TLS_UNTRUSTED;
	}
}

static enum fetch_error protocol_error(unsigned long problem)
{
	switch (ERR_GET_REASON(problem)) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_NO_PROTOCOLS_AVAILABLE:
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
	case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
	case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
		return FETCH_TLS_PROTOCOL;
	case SSL_R_EE_KEY_TOO_SMALL:
	case SSL_R_CA_KEY_TOO_SMALL:
	case SSL_R_CA_MD_TOO_WEAK:
	case SSL_R_DH_KEY_TOO_SMALL:
		return FETCH_TLS_WEAK;
	default:
		return FETCH_TLS_HANDSHAKE;
	}
}

static bool is_alert(unsigned long problem)
{
	return ERR_GET_REASON(problem) >= SSL_AD_REASON_OFFSET;
}

/* Broken after the handshake. But with TLS 1.3 a server says only then, by an alert, what it has against our half of it. */
static bool broke_later(const struct stream *s)
{
	return s->established && (s->spoke || !is_alert(s->problem));
}

static enum fetch_error openssl_error(struct tls_stream *stream, int err, char *detail)
{
	struct stream *s = of(stream);
	if (s->pin_missing)
		return fault(detail, FETCH_TLS_PIN_MISMATCH, "see [tls] pins for %.*s",
			     STR_ARG(host_of(s)));
	if (s->talk >= TALK_BYTES)
		return fault(detail, s->established ? FETCH_TLS_BROKEN : FETCH_TLS_HANDSHAKE,
			     "the server talks TLS without end");
	if (s->starved || err == -ENOMEM || err == -ENOBUFS)
		return fault(detail, FETCH_OUT_OF_MEMORY, "in TLS");
	long v = SSL_get_verify_result(s->ssl);
	if (v != X509_V_OK && SSL_get_verify_mode(s->ssl) != SSL_VERIFY_NONE)
		return fault(detail, verify_error(v), "%s", X509_verify_cert_error_string(v));
	if (err == TLS_CUT_OFF)
		return fault(detail, FETCH_TLS_HANDSHAKE, "the server closed in the handshake");
	if (err != TLS_BROKEN)
		return fault(detail, FETCH_TLS_HANDSHAKE, "%s", fault_errno(err));
	const char *reason = ERR_reason_error_string(s->problem);
	enum fetch_error e = broke_later(s) ? FETCH_TLS_BROKEN : protocol_error(s->problem);
	return fault(detail, e, "%s", reason ? reason : "unknown reason");
}

/* --- Streams --- */

/* What it would cost to keep, roughly: a session holds the peer's certificates. */
static bool is_large(SSL *ssl, SSL_SESSION *session)
{
	const unsigned char *ticket;
	size_t len;
	SSL_SESSION_get0_ticket(session, &ticket, &len);
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	for (int i = 0; i < sk_X509_num(chain) && len <= SESSION_BYTES; i++)
		len += (size_t)i2d_X509(sk_X509_value(chain, i), NULL);
	return len > SESSION_BYTES;
}

/* A session has come that may be resumed: with TLS 1.3 in a read, after the handshake, with 1.2 before
 * its end. Pins are looked at here too, for who resumes it doesn't. 1 = it is ours now. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct stream *s = SSL_get_app_data(ssl);
	if (s->dead || is_large(ssl, session) || !tls_pins_match(s->openssl->pins, host_of(s), ssl))
		return 0;
	tls_sessions_put(s->openssl->sessions, host_of(s), s->port, session);
	return 1;
}

/* Builds what is not there when a stream is opened: the first, or the next after one that found no memory for it. */
static bool build_late(struct openssl *o)
{
	const struct tls_options plain = { .only_tls13 = o->only_tls13, .insecure = o->insecure };
	char *reason = NULL;
	mutex_lock(&o->building);
	if (!o->ctx)
		(void)!tls_context_new(&plain, &o->ctx, &reason);
	free(reason);
	if (o->ctx && o->sessions)
		SSL_CTX_sess_set_new_cb(o->ctx, keep_session);
	if (!o->method)
		o->method = bio_method_new();
	bool built = o->ctx && o->method;
	atomic_store_explicit(&o->built, built, memory_order_release);
	mutex_unlock(&o->building);
	return built;
}

static bool is_built(struct openssl *o)
{
	return atomic_load_explicit(&o->built, memory_order_acquire) || build_late(o);
}

/* The name to verify, and to ask for by SNI unless it is an address. It must stand among the certificate's alternative
 * names: a common name is no name of a host (RFC 9110 §4.3.4). */
static bool set_host(struct stream *s)
{
	char name[256];
	if (s->host_len == 0 || s->host_len >= sizeof(name))
		return false;
	memcpy(name, s->host, s->host_len);
	name[s->host_len] = '\0';
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s->ssl), name))
		return true;
	SSL_set_hostflags(s->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
					  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return SSL_set1_host(s->ssl, name) && SSL_set_tlsext_host_name(s->ssl, name);
}

/* The host without a trailing dot (RFC 6066 §3). */
static struct stream *stream_new(struct openssl *o, struct conn *conn, struct str host,
				 uint16_t port)
{
	if (str_ends(host, STR(".")))
		host.len--;
	struct stream *s = calloc(1, sizeof(*s) + host.len);
	if (!s)
		return NULL;
	s->stream = (struct tls_stream){ .ops = o->tls.ops, .conn = conn };
	s->openssl = o;
	s->port = port;
	s->host_len = host.len;
	memcpy(s->host, host.data, host.len);
	return s;
}

static void resume(struct stream *s)
{
	SSL_SESSION *session = NULL;
	if (s->openssl->sessions)
		session = tls_sessions_take(s->openssl->sessions, host_of(s), s->port);
	if (session)
		(void)SSL_set_session(s->ssl, session); /* refused: a full handshake it is */
	SSL_SESSION_free(session);
}

static bool set_up_ssl(struct stream *s)
{
	s->ssl = SSL_new(s->openssl->ctx);
	BIO *bio = s->ssl ? BIO_new(s->openssl->method) : NULL;
	if (!bio || !set_host(s)) {
		BIO_free(bio);
		return false;
	}
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_connect_state(s->ssl);
	if (!SSL_set_app_data(s->ssl, s))
		return false;
	resume(s);
	return true;
}

static bool openssl_resumed(struct tls_stream *stream)
{
	return SSL_session_reused(of(stream)->ssl);
}

static void openssl_close(struct tls_stream *stream)
{
	struct stream *s = of(stream);
	ERR_clear_error();
	if (!s->dead && SSL_is_init_finished(s->ssl))
		(void)SSL_shutdown(s->ssl);
	SSL_free(s->ssl);
	ERR_clear_error();
	free(s);
}

static int openssl_open(struct tls *t, struct conn *conn, struct str host, uint16_t port,
			struct tls_stream **ret_stream)
{
	struct openssl *o = CONTAINER_OF(t, struct openssl, tls);
	struct stream *s = is_built(o) ? stream_new(o, conn, host, port) : NULL;
	if (!s)
		return -ENOMEM;
	ERR_clear_error();
	if (!set_up_ssl(s)) {
		SSL_free(s->ssl);
		ERR_clear_error();
		free(s);
		return -ENOMEM;
	}
	*ret_stream = &s->stream;
	return 0;
}

/* --- The whole --- */

static void openssl_free(struct tls *t)
{
	struct openssl *o = CONTAINER_OF(t, struct openssl, tls);
	tls_context_free(o->ctx);
	BIO_meth_free(o->method);
	tls_pins_free(o->pins);
	tls_sessions_free(o->sessions);
	free(o);
}

static bool names_a_file(const struct tls_options *o)
{
	return o->ca_file || o->ca_path || o->cert_file || o->key_file || o->keylog_file;
}

static int openssl_init(struct openssl *o, const struct tls_options *options, char **ret_reason)
{
	o->only_tls13 = options->only_tls13;
	o->insecure = options->insecure;
	if (!options->no_sessions) {
		o->sessions =
			tls_sessions_new(options->max_sessions ? options->max_sessions : SESSIONS);
		if (!o->sessions)
			return -ENOMEM;
	}
	int err = tls_pins_new(options->pins, &o->pins, ret_reason);
	if (!err && names_a_file(options))
		err = tls_context_new(options, &o->ctx, ret_reason);
	return err;
}

/* A file that somebody named is read now, so that a mistake shows at start. The system's bundle,
 * and the library's own 20 ms of setting up, can wait for a connection that needs them. */
int tls_openssl_new(const struct tls_options *options, struct tls **ret_tls, char **ret_reason)
{
	static const struct tls_ops ops = { .open = openssl_open,
					    .try_handshake = openssl_try_handshake,
					    .resumed = openssl_resumed,
					    .error = openssl_error,
					    .try_read = openssl_try_read,
					    .try_write = openssl_try_write,
					    .try_peek = openssl_try_peek,
					    .quiet = openssl_quiet,
					    .close = openssl_close,
					    .free = openssl_free };
	struct openssl *o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->tls.ops = &ops;
	int err = openssl_init(o, options, ret_reason);
	if (err) {
		openssl_free(&o->tls);
		return err;
	}
	*ret_tls = &o->tls;
	return 0;
}
