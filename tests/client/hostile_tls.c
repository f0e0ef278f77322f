/* SPDX-License-Identifier: MIT
 *
 * hostile_tls: certificates that must not be believed, handshakes that aren't, and what a peer may do with an established
 * connection. Servers are OpenSSL's, or bytes.
 */
#include <errno.h>
#include <openssl/err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "runtime/goroutine.h"
#include "tests/client/hostile.h"
#include "tests/client/rig.h"
#include "tests/harness.h"

#define OK     "HTTP/1.1 200 OK\r\n"
#define HI     OK "Content-Length: 2\r\n\r\nhi"
#define UPLOAD .method = "POST", .upload = 16 << 20
#define SHORT  (100 * MILLISECOND)

/* --- Bytes in place of a handshake --- */

static void say_bytes(struct peer *p)
{
	const struct hostile *h = hostile_of(p);
	peer_write(p, h->text.data, h->text.len);
	if (h->again.len)
		hostile_say_without_end(p, h->again);
	peer_wait_closed(p);
}

static void leave_at_once(struct peer *p)
{
	(void)p;
}

static void reset_at_once(struct peer *p)
{
	peer_reset(p);
}

/* The client's hello is read first, so that the end isn't a reset. */
static void leave_behind_the_hello(struct peer *p)
{
	char hello[4096];
	(void)!peer_read(p, hello, sizeof(hello));
}

/* --- What an established connection may be used for --- */

static bool go_on(struct peer *p)
{
	int r;
	do {
		ERR_clear_error();
		r = SSL_do_handshake(p->ssl);
	} while (r != 1 && !peer_tls_again(p, r));
	return r == 1;
}

#define MANY 16 /* between two looks at others */

static void update_keys(struct peer *p, int kind)
{
	for (int i = 1; SSL_key_update(p->ssl, kind) && go_on(p); i++)
		if (i % MANY == 0)
			goroutine_yield();
	ERR_clear_error();
}

static void update_keys_without_end(struct peer *p)
{
	update_keys(p, SSL_KEY_UPDATE_NOT_REQUESTED);
}

/* And the client's updates in return are read by nobody. */
static void ask_for_key_updates_without_end(struct peer *p)
{
	update_keys(p, SSL_KEY_UPDATE_REQUESTED);
}

static bool client_left(struct peer *p)
{
	char byte;
	ssize_t n = recv(conn_fd(p->conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN);
}

/* OpenSSL takes a ticket that can't be written for one that was. */
static void send_tickets_without_end(struct peer *p)
{
	while (!client_left(p) && SSL_new_session_ticket(p->ssl) && go_on(p))
		goroutine_yield();
	ERR_clear_error();
}

static void update_keys_in_the_body(struct peer *p)
{
	peer_say(p, OK "Content-Length: 9\r\n\r\nhi");
	update_keys_without_end(p);
}

/* Each update is followed by a byte: odd, but nothing to be held against anybody. */
static void update_keys_between_bytes(struct peer *p)
{
	peer_say(p, OK "Content-Length: 2000\r\n\r\n");
	for (int i = 0; i < 2000; i++) {
		CHECK(SSL_key_update(p->ssl, SSL_KEY_UPDATE_NOT_REQUESTED));
		if (!go_on(p) || !peer_say(p, "x"))
			return;
	}
}

static void say_bytes_in_records_of_their_own(struct peer *p)
{
	peer_say(p, OK "Content-Length: 2000\r\n\r\n");
	for (int i = 0; i < 2000 && peer_say(p, "x"); i++)
		;
}

/* Past OpenSSL, onto the socket. */
static void break_in(struct peer *p, const char *bytes, size_t len)
{
	peer_say(p, OK "Content-Length: 9\r\n\r\nhi");
	CHECK_EQ(conn_write(p->conn, bytes, len), (ssize_t)len);
	peer_wait_closed(p);
}

#define FORGED                 \
	"\x17\x03\x03\x00\x20" \
	"0123456789abcdef0123456789abcdef"

static void forge_a_record(struct peer *p)
{
	break_in(p, FORGED, sizeof(FORGED) - 1);
}

static void speak_plain_in_the_body(struct peer *p)
{
	break_in(p, "1234567", 7);
}

static void forge_an_alert(struct peer *p)
{
	break_in(p, "\x15\x03\x03\x00\x02\x02\x50", 7);
}

/* While the client sends a large body, of which nothing is read. */
static void forge_a_record_in_an_upload(struct peer *p)
{
	CHECK_EQ(conn_write(p->conn, FORGED, sizeof(FORGED) - 1), (ssize_t)sizeof(FORGED) - 1);
	peer_wait_closed(p);
}

/* With its half of the handshake, before the client's, and so before any request. */
static void answer_before_the_request(struct peer *p)
{
	size_t n;
	char byte;
	p->ssl = SSL_new(p->origin->options.tls);
	SSL_set_fd(p->ssl, conn_fd(p->conn));
	SSL_set_accept_state(p->ssl);
	for (int r = 0; r != SSL_READ_EARLY_DATA_FINISH;) {
		r = SSL_read_early_data(p->ssl, &byte, 1, &n);
		if (r == SSL_READ_EARLY_DATA_ERROR && peer_tls_again(p, -1))
			return;
	}
	CHECK(SSL_write_early_data(p->ssl, HI, sizeof(HI) - 1, &n));
	if (!go_on(p) || !peer_read_head(p))
		return;
	peer_say(p, OK "Content-Length: 4\r\n\r\nevil");
	peer_wait_closed(p);
}

static void renegotiate_without_end(struct peer *p)
{
	while (!client_left(p) && SSL_renegotiate(p->ssl) && go_on(p))
		goroutine_yield();
	ERR_clear_error();
}

/* Two records in one segment: the second lies in the library's buffer when the first has been read. */
static void answer_twice_at_once(struct peer *p)
{
	CHECK(setsockopt(conn_fd(p->conn), IPPROTO_TCP, TCP_CORK, &(int){ 1 }, sizeof(int)) == 0);
	peer_say(p, HI);
	peer_say(p, OK "Content-Length: 4\r\n\r\nevil");
	CHECK(setsockopt(conn_fd(p->conn), IPPROTO_TCP, TCP_CORK, &(int){ 0 }, sizeof(int)) == 0);
	peer_wait_closed(p);
}

/* --- Servers set up badly --- */

static int choose_h2(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		     const unsigned char *in, unsigned in_len, void *arg)
{
	(void)ssl, (void)in, (void)in_len, (void)arg;
	*out = (const unsigned char *)"h2";
	*out_len = 2;
	return SSL_TLSEXT_ERR_OK;
}

static void speak_h2_alone(SSL_CTX *ctx)
{
	SSL_CTX_set_alpn_select_cb(ctx, choose_h2, NULL);
}

static int refuse_all(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		      const unsigned char *in, unsigned in_len, void *arg)
{
	(void)ssl, (void)out, (void)out_len, (void)in, (void)in_len, (void)arg;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void know_none_of_the_protocols(SSL_CTX *ctx)
{
	SSL_CTX_set_alpn_select_cb(ctx, refuse_all, NULL);
}

static void offer_anonymous_ciphers(SSL_CTX *ctx)
{
	CHECK(SSL_CTX_set_cipher_list(ctx, "aNULL:@SECLEVEL=0"));
}

static void ask_for_a_certificate(SSL_CTX *ctx)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static void pad_records(SSL_CTX *ctx)
{
	CHECK(SSL_CTX_set_block_padding(ctx, SSL3_RT_MAX_PLAIN_LENGTH));
}

static void cut_records_small(SSL_CTX *ctx)
{
	CHECK(SSL_CTX_set_max_send_fragment(ctx, 512));
}

static void send_many_tickets(SSL_CTX *ctx)
{
	CHECK(SSL_CTX_set_num_tickets(ctx, 100));
}

/* --- The table --- */

#define GOOD           \
	&(struct cert) \
	{              \
		0      \
	}
#define TLS_1_2                               \
	&(struct cert)                        \
	{                                     \
		.max_version = TLS1_2_VERSION \
	}
/* Whoever connects gets to see that certificate. */
#define CERT(name_, host_, error_, detail_, ...)                                          \
	{                                                                                 \
		.name = (name_), .host = (host_), .error = (error_), .detail = (detail_), \
		.text = TEXT(HI), .always = true, .cert = &(struct cert)                  \
		{                                                                         \
			__VA_ARGS__                                                       \
		}                                                                         \
	}
#define BYTES(name_, text_, again_, error_, detail_)                                           \
	{                                                                                      \
		.name = (name_), .raw = say_bytes, .text = TEXT(text_), .again = TEXT(again_), \
		.error = (error_), .detail = (detail_), .cert = GOOD                           \
	}
#define SET_UP(name_, set_up_, cert_, error_, detail_, ...)                              \
	{                                                                                \
		.name = (name_), .set_up = (set_up_), .cert = (cert_), .text = TEXT(HI), \
		.error = (error_), .detail = (detail_), .always = true, __VA_ARGS__      \
	}
#define USE(name_, play_, cert_, error_, status_, detail_)                           \
	{                                                                            \
		.name = (name_), .play = (play_), .then = THEN_CUT, .cert = (cert_), \
		.error = (error_), .status = (status_), .detail = (detail_)          \
	}
#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct hostile rows[] = {
	/* certificates */
	CERT("expired", NULL, FETCH_TLS_EXPIRED, "has expired", .begins_s = -7200, .ends_s = -3600),
	CERT("not yet valid", NULL, FETCH_TLS_NOT_YET_VALID, "not yet valid", .begins_s = 3000),
	CERT("for another host", "localhost", FETCH_TLS_HOST_MISMATCH, "ostname mismatch",
	     .host = "example.com"),
	CERT("for another address", NULL, FETCH_TLS_HOST_MISMATCH, "IP address mismatch",
	     .host = "IP:127.0.0.2"),
	CERT("for a name, not the address", NULL, FETCH_TLS_HOST_MISMATCH, "IP address mismatch",
	     .host = "localhost"),
	CERT("for an address written as a name", NULL, FETCH_TLS_HOST_MISMATCH,
	     "IP address mismatch", .host = "DNS:127.0.0.1"),
	CERT("for a host by common name alone", "localhost", FETCH_TLS_HOST_MISMATCH,
	     "ostname mismatch", .host = "localhost", .only_common_name = true),
	CERT("for a part of a label", "foo.test.localhost", FETCH_TLS_HOST_MISMATCH,
	     "ostname mismatch", .host = "f*.test.localhost"),
	CERT("for one label, not two", "a.b.test.localhost", FETCH_TLS_HOST_MISMATCH,
	     "ostname mismatch", .host = "*.test.localhost"),
	CERT("for a whole top level", "localhost", FETCH_TLS_HOST_MISMATCH, "ostname mismatch",
	     .host = "*"),
	CERT("signed by a stranger", NULL, FETCH_TLS_UNTRUSTED, "", .by_stranger = true),
	CERT("signed by itself", NULL, FETCH_TLS_SELF_SIGNED, "self-signed", .self_signed = true),
	CERT("without its intermediate", NULL, FETCH_TLS_UNTRUSTED, "", .intermediate = true,
	     .no_chain = true),
	CERT("for clients alone", NULL, FETCH_TLS_UNTRUSTED, "purpose", .usage = "clientAuth"),
	CERT("with a key too small", NULL, FETCH_TLS_WEAK, "too", .rsa_bits = 1024),
	CERT("signed over SHA-1", NULL, FETCH_TLS_WEAK, "too weak", .sha1 = true),
	CERT("over TLS 1.0", NULL, FETCH_TLS_PROTOCOL, "", .max_version = TLS1_VERSION),
	CERT("over TLS 1.1", NULL, FETCH_TLS_PROTOCOL, "", .max_version = TLS1_1_VERSION),
	{ .name = "with its intermediate",
	  .text = TEXT(HI),
	  .status = 200,
	  .body = "hi",
	  .kept = true,
	  .cert = &(struct cert){ .intermediate = true } },
	{ .name = "for a whole label",
	  .host = "a.test.localhost",
	  .text = TEXT(HI),
	  .status = 200,
	  .body = "hi",
	  .kept = true,
	  .cert = &(struct cert){ .host = "*.test.localhost" } },

	/* no handshake */
	BYTES("plain HTTP", "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nhi", "",
	      FETCH_TLS_PROTOCOL, ""),
	BYTES("garbage", X64, "", FETCH_TLS_PROTOCOL, ""),
	BYTES("garbage without end", X64, X64, FETCH_TLS_PROTOCOL, ""),
	BYTES("alert: handshake failure", "\x15\x03\x03\x00\x02\x02\x28", "", FETCH_TLS_PROTOCOL,
	      "handshake failure"),
	BYTES("alert: protocol version", "\x15\x03\x03\x00\x02\x02\x46", "", FETCH_TLS_PROTOCOL,
	      "protocol version"),
	BYTES("alert: internal error", "\x15\x03\x03\x00\x02\x02\x50", "", FETCH_TLS_HANDSHAKE,
	      "internal error"),
	BYTES("alert: unrecognized name", "\x15\x03\x03\x00\x02\x02\x70", "", FETCH_TLS_HANDSHAKE,
	      "unrecognized name"),
	BYTES("alert: close_notify", "\x15\x03\x03\x00\x02\x01\x00", "", FETCH_TLS_HANDSHAKE, ""),
	BYTES("alert of one byte", "\x15\x03\x03\x00\x01\x02", "", FETCH_TLS_HANDSHAKE, ""),
	BYTES("record larger than any", "\x16\x03\x03\xff\xff" X64, "", FETCH_TLS_HANDSHAKE, ""),
	BYTES("empty records without end", "", "\x16\x03\x03\x00\x00", FETCH_TLS_HANDSHAKE, ""),
	BYTES("message of 16 MiB", "\x16\x03\x03\x00\x04\x02\xff\xff\xff", "", FETCH_TLS_HANDSHAKE,
	      ""),
	BYTES("data before the hello", "\x17\x03\x03\x00\x02hi", "", FETCH_TLS_HANDSHAKE, ""),
	BYTES("hello that breaks off in its fields", "\x16\x03\x03\x00\x05\x02\x00\x00\x01\x03", "",
	      FETCH_TLS_HANDSHAKE, ""),
	BYTES("hello requests without end", "", "\x16\x03\x03\x00\x04\x00\x00\x00\x00",
	      FETCH_TLS_HANDSHAKE, "without end"),
	BYTES("warnings without end", "", "\x15\x03\x03\x00\x02\x01\x5a", FETCH_TLS_HANDSHAKE, ""),
	BYTES("changes of cipher without end", "", "\x14\x03\x03\x00\x01\x01", FETCH_TLS_HANDSHAKE,
	      ""),
	{ .name = "no hello",
	  .raw = peer_wait_closed,
	  .cert = GOOD,
	  .limits.tls_timeout_ns = SHORT,
	  .error = FETCH_TLS_TIMEOUT },
	{ .name = "silence in a record",
	  .raw = say_bytes,
	  .text = TEXT("\x16\x03\x03\x00\x7a\x02\x00"),
	  .cert = GOOD,
	  .limits.tls_timeout_ns = SHORT,
	  .error = FETCH_TLS_TIMEOUT },
	{ .name = "silence ended by the total time, and then for the connection by its own",
	  .raw = peer_wait_closed,
	  .cert = GOOD,
	  .limits.total_timeout_ns = SHORT,
	  .limits.tls_timeout_ns = 10 * SHORT,
	  .error = FETCH_TOTAL_TIMEOUT,
	  .alone = true },
	{ .name = "closed at once",
	  .raw = leave_at_once,
	  .cert = GOOD,
	  .error = FETCH_TLS_HANDSHAKE },
	{ .name = "reset at once",
	  .raw = reset_at_once,
	  .cert = GOOD,
	  .error = FETCH_TLS_HANDSHAKE,
	  .or_errors = { FETCH_CONNECT_FAILED } },
	{ .name = "closed behind the hello",
	  .raw = leave_behind_the_hello,
	  .cert = GOOD,
	  .error = FETCH_TLS_HANDSHAKE,
	  .detail = "closed in the handshake" },

	/* servers set up badly */
	SET_UP("h2 that was not offered", speak_h2_alone, GOOD, FETCH_TLS_HANDSHAKE,
	       "bad extension"),
	SET_UP("h2 that was not offered, in TLS 1.2", speak_h2_alone, TLS_1_2, FETCH_TLS_HANDSHAKE,
	       "bad extension"),
	SET_UP("no protocol that we know", know_none_of_the_protocols, GOOD, FETCH_TLS_PROTOCOL,
	       "no application protocol"),
	SET_UP("no cipher that we know", offer_anonymous_ciphers, TLS_1_2, FETCH_TLS_PROTOCOL, ""),
	SET_UP("a certificate of ours is wanted", ask_for_a_certificate, GOOD, FETCH_TLS_HANDSHAKE,
	       "", .or_errors = { FETCH_SEND_FAILED, FETCH_RESET }),
	SET_UP("a certificate of ours is wanted, in TLS 1.2", ask_for_a_certificate, TLS_1_2,
	       FETCH_TLS_PROTOCOL, "handshake failure",
	       .or_errors = { FETCH_SEND_FAILED, FETCH_RESET }),

	/* odd, but right */
	{ .name = "a hundred tickets",
	  .set_up = send_many_tickets,
	  .cert = GOOD,
	  .text = TEXT(HI),
	  .status = 200,
	  .body = "hi",
	  .kept = true },
	{ .name = "small records",
	  .set_up = cut_records_small,
	  .cert = GOOD,
	  .text = TEXT(HI),
	  .status = 200,
	  .body = "hi",
	  .kept = true },
	{ .name = "bytes in records of their own",
	  .play = say_bytes_in_records_of_their_own,
	  .cert = GOOD,
	  .status = 200,
	  .kept = true },
	{ .name = "bytes in records filled up to 16 KiB",
	  .play = say_bytes_in_records_of_their_own,
	  .set_up = pad_records,
	  .cert = GOOD,
	  .status = 200,
	  .kept = true },
	{ .name = "a key update for each byte",
	  .play = update_keys_between_bytes,
	  .cert = GOOD,
	  .status = 200,
	  .kept = true },

	/* after the handshake */
	USE("key updates without end", update_keys_without_end, GOOD, FETCH_TLS_BROKEN, 0,
	    "without end"),
	USE("key updates asked for without end", ask_for_key_updates_without_end, GOOD,
	    FETCH_TLS_BROKEN, 0, "without end"),
	USE("tickets without end", send_tickets_without_end, GOOD, FETCH_TLS_BROKEN, 0,
	    "without end"),
	USE("wishes to renegotiate without end", renegotiate_without_end, TLS_1_2, FETCH_TLS_BROKEN,
	    0, "without end"),
	USE("two answers in two records", answer_twice_at_once, GOOD, FETCH_OK, 200, ""),
	USE("key updates without end in a body", update_keys_in_the_body, GOOD, FETCH_TLS_BROKEN,
	    200, "without end"),
	USE("a forged record", forge_a_record, GOOD, FETCH_TLS_BROKEN, 200, ""),
	USE("a forged record in TLS 1.2", forge_a_record, TLS_1_2, FETCH_TLS_BROKEN, 200, ""),
	USE("a forged alert", forge_an_alert, GOOD, FETCH_TLS_BROKEN, 200, ""),
	USE("a forged alert in TLS 1.2", forge_an_alert, TLS_1_2, FETCH_TLS_BROKEN, 200, ""),
	{ .name = "a forged record in an upload",
	  .play = forge_a_record_in_an_upload,
	  .then = THEN_CUT,
	  UPLOAD,
	  .cert = GOOD,
	  .error = FETCH_TLS_BROKEN },
	{ .name = "a forged record in an upload, in TLS 1.2",
	  .play = forge_a_record_in_an_upload,
	  .then = THEN_CUT,
	  UPLOAD,
	  .cert = TLS_1_2,
	  .error = FETCH_TLS_BROKEN },
	{ .name = "key updates without end in an upload",
	  .play = update_keys_without_end,
	  .then = THEN_CUT,
	  UPLOAD,
	  .cert = GOOD,
	  .error = FETCH_TLS_BROKEN,
	  .detail = "without end" },
	USE("plain text in a body", speak_plain_in_the_body, GOOD, FETCH_TLS_BROKEN, 200, ""),
	{ .name = "an answer before the request",
	  .raw = answer_before_the_request,
	  .cert = GOOD,
	  .status = 200,
	  .body = "hi" },
	{ .name = "two answers",
	  .cert = GOOD,
	  .text = TEXT(HI OK "Content-Length: 4\r\n\r\nevil"),
	  .status = 200,
	  .body = "hi" },
	{ .name = "close_notify behind the answer",
	  .cert = GOOD,
	  .text = TEXT(HI),
	  .then = THEN_CLOSE,
	  .status = 200,
	  .body = "hi",
	  .settle = true },
};

HOSTILE_TABLE(hostile_tls, rows);
