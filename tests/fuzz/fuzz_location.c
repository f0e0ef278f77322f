/* SPDX-License-Identifier: MIT
 *
 * fuzz_location: following redirects under libFuzzer. The input is a chain: a byte for the settings, the
 * first URL, then, behind an LF each, a byte for the status and what Location said. What the client would
 * ask for at each hop is checked against rules that are written down here once more, and its head is read
 * back: one request line, one Host, no field that nobody asked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/client/redirect_next.h"
#include "src/http/message.h"
#include "src/http/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOPS 12

static void insist(bool holds)
{
	if (!holds)
		abort();
}

/* --- The request as it would be sent, read back --- */

struct reading {
	const struct url *url;
	struct str method;
	uint32_t fields, heads;
	bool secret; /* Authorization has the caller's token */
};

static int on_head(void *user, const struct message_head *head)
{
	struct reading *r = user;
	r->heads++;
	r->fields = head->fields->count;
	insist(str_eq(head->method, r->method));
	insist(str_eq(head->target, url_request_target(r->url)));
	insist(fields_count(head->fields, STR("Host")) == 1);
	insist(str_eq(fields_value(head->fields, STR("Host")), r->url->host_port));
	r->secret = str_eq(fields_value(head->fields, STR("Authorization")), STR("Bearer secret"));
	return 0;
}

static int on_body(void *user, const char *body, size_t len)
{
	(void)user, (void)body, (void)len;
	abort();
}

static void check_request(const struct url *url, struct str method, const struct auth *auth,
			  bool left)
{
	static const struct message_events events = { .on_head = on_head, .on_body = on_body };
	static const struct message_limits limits = { .start_line_bytes = 1 << 20,
						      .field_bytes = 1 << 20,
						      .field_count = 10,
						      .head_bytes = 1 << 22 };
	struct buf authorization = { 0 }, head = { 0 };
	struct reading r = { .url = url, .method = method };
	struct message_parser p;
	size_t consumed;
	insist(auth_write(&authorization, auth, url, left) == 0);
	struct request_head request = request_head_for(method, url);
	request.authorization = buf_str(&authorization);
	insist(request_write_head(&head, &request) == 0);
	message_parser_init(&p, MESSAGE_REQUEST, &limits, &events, &r);
	insist(message_parser_feed(&p, head.data, head.len, &consumed) == FETCH_OK);
	insist(message_done(&p) && consumed == head.len && r.heads == 1);
	insist(r.fields == 3 + (authorization.len > 0)); /* Host, User-Agent, Accept */
	insist(r.secret == !left);
	message_parser_done(&p);
	buf_done(&authorization);
	buf_done(&head);
}

/* --- The rules, once more --- */

static bool is_sound(const struct url *u)
{
	for (size_t i = 0; i < u->href.len; i++)
		if (u->href.data[i] <= ' ' || u->href.data[i] >= 0x7f)
			return false;
	return (str_starts(u->href, STR("http://")) && !u->https) ||
	       (str_starts(u->href, STR("https://")) && u->https);
}

static bool same_origin(const struct url *a, const struct url *b)
{
	struct buf left = { 0 }, right = { 0 };
	insist(url_origin(a, &left) == 0 && url_origin(b, &right) == 0);
	bool same = str_eq(buf_str(&left), buf_str(&right));
	buf_done(&left);
	buf_done(&right);
	return same;
}

static const char *method_of(int status, const char *method)
{
	bool post = strcmp(method, "POST") == 0, head = strcmp(method, "HEAD") == 0;
	switch (status) {
	case 301:
	case 302:
		return post ? "GET" : method;
	case 303:
		return head ? method : "GET";
	default:
		return method;
	}
}

struct chain {
	struct url url;
	const char *method;
	struct fetch_hop hops[HOPS];
	const char *methods[HOPS];
	uint32_t len, stretch;
	bool left;
};

static bool was_asked(const struct chain *c, const char *method, const struct url *next)
{
	struct str wanted = url_without_hash(next);
	for (uint32_t i = 0; i <= c->len; i++) {
		const char *then = i < c->len ? c->methods[i] : c->method;
		const char *href = i < c->len ? c->hops[i].url : c->url.href.data;
		if (i >= c->stretch && strcmp(then, method) == 0 &&
		    str_eq(str_make(href, strcspn(href, "#")), wanted))
			return true;
	}
	return false;
}

static void check_step(const struct chain *c, const struct redirect_from *from,
		       const struct redirect_to *to)
{
	const char *method = method_of(from->status, c->method);
	insist(is_sound(&to->url));
	insist(str_eq(to->method, str_of(method)));
	insist(to->method_changed == (strcmp(method, c->method) != 0));
	insist(to->leaves == !same_origin(&c->url, &to->url));
	insist(!c->url.https || to->url.https || from->https_to_http);
	insist(to->method_changed || !was_asked(c, method, &to->url));
	insist(c->len < from->max_redirects);
	insist(c->url.hash.len == 0 || str_index(from->location, '#') >= 0 ||
	       str_eq(to->url.hash, c->url.hash));
	struct url again;
	insist(url_parse(to->url.href, NULL, &again, NULL) == 0);
	insist(str_eq(again.href, to->url.href));
	url_done(&again);
}

static void check_refusal(const struct chain *c, const struct redirect_from *from,
			  enum fetch_error e, const char *detail)
{
	insist(e == FETCH_REDIRECT_BAD || e == FETCH_REDIRECT_REFUSED || e == FETCH_REDIRECT_LOOP ||
	       e == FETCH_TOO_MANY_REDIRECTS);
	insist(detail[0] != '\0');
	insist(e != FETCH_REDIRECT_REFUSED || (c->url.https && !from->https_to_http));
	insist(e != FETCH_TOO_MANY_REDIRECTS || c->len == from->max_redirects);
}

/* --- A chain --- */

static bool follow(struct chain *c, struct redirect_from *from)
{
	char detail[FAULT_BYTES] = "";
	struct redirect_to to;
	from->url = &c->url;
	from->method = str_of(c->method);
	from->hops = c->hops;
	from->hops_len = c->len;
	from->stretch = c->stretch;
	enum fetch_error e = redirect_next(from, &to, detail);
	if (e) {
		check_refusal(c, from, e, detail);
		return false;
	}
	check_step(c, from, &to);
	c->methods[c->len] = c->method;
	c->hops[c->len++].url = str_dup(c->url.href);
	if (to.method_changed)
		c->stretch = c->len;
	c->left = c->left || to.leaves;
	c->method = method_of(from->status, c->method);
	url_done(&c->url);
	c->url = to.url;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = { "GET", "HEAD", "POST", "PUT" };
	static const uint16_t statuses[] = { 301, 302, 303, 307, 308 };
	static const struct fetch_auth own = { .kind = FETCH_AUTH_BEARER,
					       .token = STR_INIT("secret") };
	if (size < 2)
		return -1;
	struct str rest = str_make((const char *)data + 1, size - 1), line;
	struct chain c = { .method = methods[data[0] % ARRAY_LEN(methods)] };
	struct redirect_from from = { .https_to_http = data[0] & 4,
				      .max_redirects = data[0] & 8 ? HOPS : data[0] >> 4 & 3 };
	struct url first;
	str_cut(rest, '\n', &line, &rest);
	if (url_parse(line, NULL, &first, NULL) != 0)
		return -1;
	insist(url_copy(&first, &c.url) == 0);
	const struct auth auth = { .own = &own, .first = &first };
	check_request(&c.url, str_of(c.method), &auth, c.left);
	while (rest.len > 1) {
		from.status = statuses[(unsigned char)rest.data[0] % ARRAY_LEN(statuses)];
		str_cut(str_slice(rest, 1, SIZE_MAX), '\n', &from.location, &rest);
		if (!follow(&c, &from))
			break;
		check_request(&c.url, str_of(c.method), &auth, c.left);
	}
	for (uint32_t i = 0; i < c.len; i++)
		free(c.hops[i].url);
	url_done(&c.url);
	url_done(&first);
	return 0;
}
