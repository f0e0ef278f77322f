/* SPDX-License-Identifier: MIT
 *
 * upload: an origin that reads bodies of requests, and a client that sends them to it.
 *
 *	struct upload w;
 *	upload_open(&w, upload_echo, false);
 *	struct body_bytes body = body_of_bytes(STR("the body"));
 *	check_upload_echo(&w, &body.source, STR("the body"));
 *	upload_close(&w);
 */
#ifndef TESTS_CLIENT_UPLOAD_H
#define TESTS_CLIENT_UPLOAD_H

#include "src/common/buf.h"
#include "tests/client/certs.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

struct upload {
	struct certs *certs; /* NULL = plain */
	SSL_CTX *ctx;
	struct origin *origin;
	struct rig *rig;
};

/* An origin that plays that, and a client which trusts it. */
void upload_open(struct upload *w, void (*play)(struct peer *p), bool tls);
void upload_close(struct upload *w);

/* --- For play: after peer_read_head. False at the end of the connection. --- */

/* Appends so many bytes. */
bool upload_read(struct peer *p, struct buf *to, size_t len);
/* Appends the request's body, by length or in chunks. */
bool upload_read_body(struct peer *p, struct buf *to);
/* status: "200 OK". */
void upload_answer(struct peer *p, const char *status, struct str body);
/* A whole play: gives back what it gets. */
void upload_echo(struct peer *p);

/* --- Requests --- */

struct fetched *upload_run(struct upload *w, struct fetch_request req, const char *path);
/* So many letters. */
struct buf upload_noise(size_t len);
/* Sends it to an echo; it comes back as `want`. */
void check_upload_echo(struct upload *w, struct body_source *source, struct str want);
/* Whether the last request's head has that. */
void check_head_has(struct upload *w, const char *line, bool has);

#endif
