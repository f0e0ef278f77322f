/* SPDX-License-Identifier: MIT
 *
 * request: checks everything first, then writes; so a refusal leaves the buffer as it was.
 */
#include "src/http/request.h"

#include <errno.h>

#include "src/http/method.h"

/* Visible ASCII (RFC 9112 §3.2: no whitespace in a target; bytes above ASCII are percent-encoded
 * before). */
static bool target_valid(struct str target)
{
	for (size_t i = 0; i < target.len; i++)
		if ((unsigned char)target.data[i] <= ' ' || (unsigned char)target.data[i] >= 0x7f)
			return false;
	return target.len > 0;
}

static bool framing_name(struct str name)
{
	return str_eq_nocase(name, STR("Content-Length")) ||
	       str_eq_nocase(name, STR("Transfer-Encoding")) ||
	       str_eq_nocase(name, STR("Connection"));
}

static bool head_valid(const struct request_head *h)
{
	if (!method_valid(h->method) || !target_valid(h->target) ||
	    h->content_length < REQUEST_CHUNKED)
		return false;
	if (!target_valid(h->host) && h->host.len > 0)
		return false;
	if (!field_value_valid(h->authorization))
		return false;
	for (size_t i = 0; i < h->field_count; i++) {
		const struct field *f = &h->fields[i];
		if (!field_name_valid(f->name) || !field_value_valid(f->value) ||
		    framing_name(f->name) || str_eq_nocase(f->name, STR("Host")))
			return false;
	}
	return true;
}

static void write_field(struct buf *b, struct str name, struct str value)
{
	buf_append_str(b, name);
	buf_append_str(b, STR(": "));
	buf_append_str(b, value);
	buf_append_str(b, STR("\r\n"));
}

/* Ours, unless the caller has one of that name. */
static void write_default(struct buf *b, const struct request_head *h, struct str name,
			  struct str value)
{
	for (size_t i = 0; i < h->field_count; i++)
		if (str_eq_nocase(h->fields[i].name, name))
			return;
	write_field(b, name, value);
}

static void write_framing(struct buf *b, const struct request_head *h)
{
	if (h->content_length >= 0) {
		buf_append_str(b, STR("Content-Length: "));
		buf_append_i64(b, h->content_length);
		buf_append_str(b, STR("\r\n"));
	} else if (h->content_length == REQUEST_CHUNKED) {
		write_field(b, STR("Transfer-Encoding"), STR("chunked"));
	}
	if (h->close)
		write_field(b, STR("Connection"), STR("close"));
	buf_append_str(b, STR("\r\n"));
}

struct request_head request_head_for(struct str method, const struct url *url)
{
	return (struct request_head){
		.method = method,
		.host = url->host_port,
		.target = url_request_target(url),
		.content_length = REQUEST_NO_BODY,
	};
}

int request_write_head(struct buf *b, const struct request_head *head)
{
	if (!head_valid(head))
		return -EINVAL;
	buf_append_str(b, head->method);
	buf_append_char(b, ' ');
	buf_append_str(b, head->target);
	buf_append_str(b, STR(" HTTP/1.1\r\n"));
	write_field(b, STR("Host"), head->host);
	if (!head->bare) {
		write_default(b, head, STR("User-Agent"), STR(REQUEST_USER_AGENT));
		write_default(b, head, STR("Accept"), STR("*/*"));
	}
	if (head->authorization.len > 0)
		write_default(b, head, STR("Authorization"), head->authorization);
	for (size_t i = 0; i < head->field_count; i++)
		write_field(b, head->fields[i].name, head->fields[i].value);
	write_framing(b, head);
	return b->failed;
}
