/* SPDX-License-Identifier: MIT
 *
 * url: what can be asked of a parsed URL. Parsing is in url_parse.c.
 */
#include "src/http/url.h"

#include <errno.h>
#include <stdlib.h>

#include "src/common/json.h"

/* Owned, though a slice's data is const. */
static char *block_of(const struct url *u)
{
	return (char *)(uintptr_t)u->href.data;
}

int url_copy(const struct url *u, struct url *ret)
{
	bool fits = ret->href.data != NULL && ret->href.len >= u->href.len;
	char *href = fits ? block_of(ret) : realloc(block_of(ret), u->href.len + 1);
	if (href == NULL)
		return -ENOMEM;
	memcpy(href, u->href.data, u->href.len);
	href[u->href.len] = '\0';
	struct url copy = *u;
	struct str *parts[] = {
		&copy.href,	 &copy.protocol, &copy.username, &copy.password, &copy.hostname,
		&copy.host_port, &copy.port,	 &copy.pathname, &copy.search,	 &copy.hash,
	};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		parts[i]->data = href + (parts[i]->data - u->href.data);
	*ret = copy;
	return 0;
}

enum fetch_error url_fetch_error(int err)
{
	switch (err) {
	case 0:
		return FETCH_OK;
	case -ENOMEM:
		return FETCH_OUT_OF_MEMORY;
	case -EPROTONOSUPPORT:
		return FETCH_UNSUPPORTED_SCHEME;
	default:
		return FETCH_BAD_URL;
	}
}

struct str url_without_hash(const struct url *u)
{
	ptrdiff_t mark = str_index(u->href, '#');
	return str_slice(u->href, 0, mark < 0 ? u->href.len : (size_t)mark);
}

struct str url_request_target(const struct url *u)
{
	return str_slice(url_without_hash(u), (size_t)(u->pathname.data - u->href.data), SIZE_MAX);
}

int url_origin(const struct url *u, struct buf *b)
{
	buf_append_str(b, u->protocol);
	buf_append_str(b, STR("//"));
	buf_append_str(b, u->hostname);
	buf_append_char(b, ':');
	return buf_append_u64(b, u->port_number);
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->https == b->https && a->port_number == b->port_number &&
	       str_eq(a->hostname, b->hostname);
}

/* FNV-1a, 64 bits. */
uint64_t url_origin_hash(const struct url *u)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ u->port_number ^ (uint64_t)u->https << 16;
	for (size_t i = 0; i < u->hostname.len; i++)
		hash = (hash ^ (unsigned char)u->hostname.data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

int url_to_json(const struct url *u, struct buf *b)
{
	struct json j = json_to(b);
	json_object_begin(&j);
	json_put_str(&j, "protocol", u->protocol);
	json_put_str(&j, "username", u->username);
	json_put_str(&j, "password", u->password);
	json_put_str(&j, "host", u->host_port);
	json_put_str(&j, "hostname", u->hostname);
	json_put_str(&j, "port", u->port);
	json_put_str(&j, "pathname", u->pathname);
	json_put_str(&j, "search", u->search);
	json_put_str(&j, "hash", u->hash);
	json_put_str(&j, "href", u->href);
	json_object_end(&j);
	return b->failed;
}

void url_done(struct url *u)
{
	free(block_of(u));
	*u = (struct url){ 0 };
}
