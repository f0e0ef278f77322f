/* SPDX-License-Identifier: MIT
 *
 * api: a call is connect, head, maybe a chunked body, answer, close. errno is read right after each
 * system call; there is one thread.
 */
#define _GNU_SOURCE
#include "src/fetchctl/api.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/common/cleanup.h"
#include "src/common/json.h"
#include "src/http/message.h"
#include "src/http/request.h"

#define PATIENCE_S  60
#define PIECE_BYTES 65536

struct call {
	int fd;
	struct message_parser parser;
	struct answer *answer;
	api_take *take; /* NULL = the body goes into answer */
	void *user;
	int taken; /* what take gave, when that was not 0 */
	char piece[PIECE_BYTES];
};

void answer_done(struct answer *a)
{
	buf_done(&a->body);
}

/* ---- the connection ---- */

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int err = -errno;
	close(fd);
	return err;
}

static void set_patience(int fd, int seconds)
{
	struct timeval limit = { .tv_sec = seconds };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static int send_all(int fd, struct str s)
{
	while (s.len > 0) {
		ssize_t n = send(fd, s.data, s.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s = str_slice(s, (size_t)n, s.len);
	}
	return 0;
}

/* ---- the answer ---- */

static int on_head(void *user, const struct message_head *head)
{
	struct call *c = user;
	c->answer->status = head->status;
	return FETCH_OK;
}

static int on_body(void *user, const char *data, size_t len)
{
	struct call *c = user;
	if (!c->take || c->answer->status != 200)
		return buf_append(&c->answer->body, data, len) ? FETCH_OUT_OF_MEMORY : FETCH_OK;
	c->taken = c->take(c->user, str_make(data, len));
	return c->taken ? FETCH_CANCELLED : FETCH_OK;
}

static const struct message_events events = { .on_head = on_head, .on_body = on_body };

static int error_of(enum fetch_error e)
{
	switch (e) {
	case FETCH_OK:
		return 0;
	case FETCH_OUT_OF_MEMORY:
		return -ENOMEM;
	case FETCH_CLOSED_EARLY:
	case FETCH_TRUNCATED:
		return -ECONNRESET;
	default:
		return -EBADMSG;
	}
}

static int receive(struct call *c)
{
	enum fetch_error e = FETCH_OK;
	while (e == FETCH_OK && !message_done(&c->parser)) {
		size_t used;
		ssize_t n = recv(c->fd, c->piece, sizeof(c->piece), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		e = n > 0 ? message_parser_feed(&c->parser, c->piece, (size_t)n, &used)
			  : message_parser_finish(&c->parser);
	}
	return c->taken ? c->taken : error_of(e);
}

/* ---- calls ---- */

static int open_call(struct call *c, const struct ctl *ctl, struct answer *answer)
{
	c->answer = answer;
	c->take = NULL;
	c->taken = 0;
	answer->status = 0;
	buf_clear(&answer->body);
	c->fd = connect_to(ctl->socket_path);
	if (c->fd < 0)
		return c->fd;
	message_parser_init(&c->parser, MESSAGE_RESPONSE, &message_default_limits, &events, c);
	set_patience(c->fd, PATIENCE_S);
	return 0;
}

static void close_call(struct call *c)
{
	message_parser_done(&c->parser);
	close(c->fd);
}

static int send_head(struct call *c, const char *method, const char *target, int64_t length,
		     const char *content_type)
{
	cleanup(buf_done) struct buf head = { 0 };
	struct field type = { STR("Content-Type"), str_of(content_type) };
	struct request_head h = {
		.method = str_of(method),
		.host = STR("fetchd"),
		.target = str_of(target),
		.fields = &type,
		.field_count = content_type != NULL,
		.content_length = length,
		.close = true,
		.bare = true,
	};
	int err = request_write_head(&head, &h);
	return err ? err : send_all(c->fd, buf_str(&head));
}

int api_call(const struct ctl *ctl, const char *method, const char *target, struct answer *ret)
{
	struct call c;
	int err = open_call(&c, ctl, ret);
	if (err)
		return err;
	err = send_head(&c, method, target, REQUEST_NO_BODY, NULL);
	if (!err)
		err = receive(&c);
	close_call(&c);
	return err;
}

int api_stream(const struct ctl *ctl, const char *target, bool patient, api_take *take, void *user,
	       struct answer *ret)
{
	struct call c;
	int err = open_call(&c, ctl, ret);
	if (err)
		return err;
	c.take = take;
	c.user = user;
	if (patient)
		set_patience(c.fd, 0);
	err = send_head(&c, "GET", target, REQUEST_NO_BODY, NULL);
	if (!err)
		err = receive(&c);
	close_call(&c);
	return err;
}

/* ---- uploads ---- */

static bool answer_waits(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	return poll(&p, 1, 0) > 0;
}

/* One chunk; the last has length 0. RFC 9112 §7.1. */
static int send_chunk(int fd, struct str piece)
{
	cleanup(buf_done) struct buf chunk = { 0 };
	buf_printf(&chunk, "%zx\r\n", piece.len);
	buf_append_str(&chunk, piece);
	buf_append_str(&chunk, STR("\r\n"));
	return chunk.failed ? chunk.failed : send_all(fd, buf_str(&chunk));
}

/* 0; -EPIPE or the like when the daemon closed, maybe behind an answer; or what give said, in
 * *ret_give_error too. */
static int send_body(struct call *c, api_give *give, void *user, int *ret_give_error)
{
	ssize_t n;
	int err = 0;
	do {
		n = give(user, c->piece, sizeof(c->piece));
		if (n < 0) {
			*ret_give_error = (int)n;
			return (int)n;
		}
		if (answer_waits(c->fd))
			return 0;
		err = send_chunk(c->fd, str_make(c->piece, (size_t)n));
	} while (err == 0 && n > 0);
	return err;
}

int api_upload(const struct ctl *ctl, const char *target, const char *content_type, api_give *give,
	       void *user, struct answer *ret)
{
	struct call c;
	int err = open_call(&c, ctl, ret);
	if (err)
		return err;
	int give_error = 0;
	set_patience(c.fd, 0); /* making a large batch durable takes its time */
	err = send_head(&c, "POST", target, REQUEST_CHUNKED, content_type);
	if (!err)
		err = send_body(&c, give, user, &give_error);
	if (!give_error) {
		int received = receive(&c); /* also after a broken pipe: the answer may lie there */
		err = received == 0 ? 0 : err ? err : received;
	}
	close_call(&c);
	return err;
}

/* ---- what went wrong ---- */

bool api_gone(int err, const struct answer *a)
{
	return err == -ENOENT || err == -ECONNREFUSED || err == -ECONNRESET || err == -EPIPE ||
	       (err == 0 && a->status == 503);
}

static int say_connection_error(const struct ctl *ctl, int err)
{
	const char *path = ctl->socket_path;
	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		return ctl_fail(EXIT_NO_DAEMON,
				"no daemon at %s; start fetchd, or name its socket with --socket "
				"PATH or FETCHD_SOCKET",
				path);
	case -EACCES:
	case -EPERM:
		return ctl_fail(EXIT_NOT_PERMITTED,
				"you may not use %s; its owner and group may (see ls -l)", path);
	case -ENAMETOOLONG:
		return ctl_fail(EXIT_USAGE, "the socket's path is too long: %s", path);
	case -ETIMEDOUT:
		return ctl_fail(EXIT_NO_DAEMON, "the daemon at %s has not answered for %d s", path,
				PATIENCE_S);
	case -ECONNRESET:
	case -EPIPE:
		return ctl_fail(EXIT_NO_DAEMON, "the daemon at %s went away before it had answered",
				path);
	case -EBADMSG:
		return ctl_fail(EXIT_INTERNAL, "what answers at %s is no fetchd", path);
	default:
		return ctl_fail(EXIT_SYSTEM, "%s: %s", path, strerrordesc_np(-err));
	}
}

static enum exit_code code_of_status(int status)
{
	switch (status) {
	case 403:
		return EXIT_NOT_PERMITTED;
	case 404:
		return EXIT_NO_INPUT;
	case 408:
	case 409:
	case 429:
	case 503:
	case 507:
		return EXIT_FULL;
	case 413:
	case 415:
		return EXIT_BAD_INPUT;
	default:
		return status < 500 ? EXIT_USAGE : EXIT_INTERNAL;
	}
}

int api_exit_code(const struct ctl *ctl, int err, const struct answer *a)
{
	if (err)
		return say_connection_error(ctl, err);
	if (a->status >= 200 && a->status < 300)
		return 0;
	cleanup(buf_done) struct buf text = { 0 };
	struct json_item item;
	if (!json_get(buf_str(&a->body), "detail", &item) || item.type != JSON_IS_STRING ||
	    json_unescape(item.raw, &text))
		buf_printf(&text, "the daemon answered %d", a->status);
	return ctl_fail(code_of_status(a->status), "%s", buf_cstr(&text));
}
