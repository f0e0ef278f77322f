/* SPDX-License-Identifier: MIT
 *
 * response: checks everything first, then writes; so a refusal leaves the buffer as it was.
 */
#include "src/http/response.h"

#include <errno.h>

/* RFC 9110 §15. */
static const struct reason {
	int status;
	const char *text;
} reasons[] = {
	{ 100, "Continue" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
};

const char *response_reason(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "";
}

static bool head_valid(const struct response_head *h)
{
	if (h->status < 100 || h->status > 999 || h->content_length < RESPONSE_CHUNKED)
		return false;
	for (size_t i = 0; i < h->field_count; i++) {
		const struct field *f = &h->fields[i];
		if (!field_name_valid(f->name) || !field_value_valid(f->value) ||
		    str_eq_nocase(f->name, STR("Content-Length")) ||
		    str_eq_nocase(f->name, STR("Transfer-Encoding")) ||
		    str_eq_nocase(f->name, STR("Connection")))
			return false;
	}
	return true;
}

int response_write_head(struct buf *b, const struct response_head *head)
{
	if (!head_valid(head))
		return -EINVAL;
	buf_append_str(b, STR("HTTP/1.1 "));
	buf_append_i64(b, head->status);
	buf_append_char(b, ' ');
	buf_append_str(b, str_of(response_reason(head->status)));
	for (size_t i = 0; i < head->field_count; i++) {
		buf_append_str(b, STR("\r\n"));
		buf_append_str(b, head->fields[i].name);
		buf_append_str(b, STR(": "));
		buf_append_str(b, head->fields[i].value);
	}
	if (head->content_length >= 0) {
		buf_append_str(b, STR("\r\nContent-Length: "));
		buf_append_i64(b, head->content_length);
	} else if (head->content_length == RESPONSE_CHUNKED) {
		buf_append_str(b, STR("\r\nTransfer-Encoding: chunked"));
	}
	if (head->close)
		buf_append_str(b, STR("\r\nConnection: close"));
	return buf_append_str(b, STR("\r\n\r\n"));
}

int response_write_chunk(struct buf *b, const char *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	int shift = 60;
	if (len == 0)
		return b->failed;
	while ((len >> shift) == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		buf_append_char(b, digits[len >> shift & 15]);
	buf_append_str(b, STR("\r\n"));
	buf_append(b, data, len);
	return buf_append_str(b, STR("\r\n"));
}

int response_write_last_chunk(struct buf *b)
{
	return buf_append_str(b, STR("0\r\n\r\n"));
}
