/* SPDX-License-Identifier: MIT
 *
 * request: checks everything first, then writes; so a refusal leaves the buffer as it was.
 */
#include "src/http/request.h"

#include <errno.h>

#include "src/common/cleanup.h"
#include "src/http/method.h"
#include "src/http/percent.h"

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

/* RFC 7617: Basic and the base64 of user:password, percent-decoded. */
static int write_credentials(struct buf *b, const struct request_head *h)
{
	cleanup(buf_done) struct buf plain = { 0 }, value = { 0 };
	if (h->username.len == 0 && h->password.len == 0)
		return 0;
	percent_decode(&plain, h->username);
	buf_append_char(&plain, ':');
	percent_decode(&plain, h->password);
	buf_append_str(&value, STR("Basic "));
	buf_append_base64(&value, buf_str(&plain));
	if (plain.failed || value.failed)
		return -ENOMEM;
	write_default(b, h, STR("Authorization"), buf_str(&value));
	return 0;
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
		.username = url->username,
		.password = url->password,
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
	int err = write_credentials(b, head);
	if (err != 0)
		return err;
	for (size_t i = 0; i < head->field_count; i++)
		write_field(b, head->fields[i].name, head->fields[i].value);
	write_framing(b, head);
	return b->failed;
}
