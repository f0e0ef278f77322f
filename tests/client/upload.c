/* SPDX-License-Identifier: MIT
 *
 * upload: see upload.h. Connections are kept: the origin reads a body to its last byte and no further.
 */
#include "tests/client/upload.h"

#include <stdio.h>
#include <stdlib.h>

#include "src/common/cleanup.h"

bool upload_read(struct peer *p, struct buf *to, size_t len)
{
	CHECK_OK(buf_reserve(to, len));
	for (size_t left = len; left > 0;) {
		ssize_t n = peer_read(p, to->data + to->len, left);
		if (n <= 0)
			return false;
		to->len += (size_t)n;
		left -= (size_t)n;
	}
	return true;
}

static bool read_line(struct peer *p, char *line, size_t size)
{
	for (size_t len = 0; len + 1 < size; len++) {
		if (peer_read(p, line + len, 1) <= 0)
			return false;
		line[len + 1] = '\0';
		if (len > 0 && line[len - 1] == '\r' && line[len] == '\n')
			return true;
	}
	return false;
}

static bool read_chunked(struct peer *p, struct buf *to)
{
	char line[64];
	for (;;) {
		if (!read_line(p, line, sizeof(line)))
			return false;
		size_t len = strtoul(line, NULL, 16);
		if (len > 0 && !upload_read(p, to, len))
			return false;
		if (!read_line(p, line, sizeof(line)))
			return false;
		if (len == 0)
			return true;
	}
}

bool upload_read_body(struct peer *p, struct buf *to)
{
	const char *length = strstr(p->request, "\r\nContent-Length: ");
	if (strstr(p->request, "\r\nTransfer-Encoding: chunked\r\n"))
		return read_chunked(p, to);
	return !length || upload_read(p, to, strtoul(length + 18, NULL, 10));
}

void upload_answer(struct peer *p, const char *status, struct str body)
{
	cleanup(buf_done) struct buf b = { 0 };
	buf_printf(&b, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status, body.len);
	buf_append_str(&b, body);
	peer_write(p, b.data, b.len);
}

void upload_echo(struct peer *p)
{
	while (peer_read_head(p)) {
		cleanup(buf_done) struct buf body = { 0 };
		if (!upload_read_body(p, &body))
			return;
		upload_answer(p, "200 OK", buf_str(&body));
	}
}

/* --- Requests --- */

void upload_open(struct upload *w, void (*play)(struct peer *p), bool tls)
{
	*w = (struct upload){ 0 };
	if (tls) {
		w->certs = certs_new();
		w->ctx = certs_server(w->certs, &(struct cert){ 0 });
	}
	w->origin = origin_open(&(struct origin_options){ .play = play, .tls = w->ctx });
	w->rig = rig_open(
		&(struct client_options){ .tls = { .ca_file = tls ? w->certs->ca_file : NULL } });
}

void upload_close(struct upload *w)
{
	rig_close(w->rig);
	origin_close(w->origin);
	SSL_CTX_free(w->ctx);
	if (w->certs)
		certs_free(w->certs);
}

struct fetched *upload_run(struct upload *w, struct fetch_request req, const char *path)
{
	struct fetched *f = fetched_new();
	fetched_run(f, w->rig, context_background(), &req, origin_url(w->origin, path));
	return f;
}

struct buf upload_noise(size_t len)
{
	struct buf b = { 0 };
	CHECK_OK(buf_reserve(&b, len));
	for (uint32_t i = 0; i < len; i++)
		b.data[i] = (char)('a' + i * 2654435761u % 26);
	b.len = len;
	return b;
}

void check_upload_echo(struct upload *w, struct body_source *source, struct str want)
{
	struct fetched *f =
		upload_run(w, (struct fetch_request){ .method = STR("PUT"), .body = source }, "/");
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->len, want.len);
	CHECK_MEM(f->body, want.len ? want.data : "", want.len);
	fetched_free(f);
}

void check_head_has(struct upload *w, const char *line, bool has)
{
	char head[4096];
	origin_last_request(w->origin, head);
	if ((strstr(head, line) != NULL) != has)
		test_fail("\"%s\" %s in:\n%s", line, has ? "missing" : "stands", head);
}
