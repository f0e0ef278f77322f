/* SPDX-License-Identifier: MIT
 *
 * redirect_next: see redirect_next.h.
 */
#include "src/client/redirect_next.h"

#include <errno.h>
#include <string.h>

#include "src/common/buf.h"
#include "src/common/cleanup.h"

/* A Location without fragment inherits the one we came with (RFC 9110 §10.2.2). */
static enum fetch_error resolve(const struct redirect_from *from, struct url *ret, char *detail)
{
	struct str location = from->location;
	const char *reason = "";
	cleanup(buf_done) struct buf with_hash = { 0 };
	if (from->url->hash.len && str_index(location, '#') < 0) {
		buf_append_str(&with_hash, location);
		buf_append_str(&with_hash, from->url->hash);
		if (with_hash.failed)
			return FETCH_OUT_OF_MEMORY;
		location = buf_str(&with_hash);
	}
	int err = url_parse(location, from->url, ret, &reason);
	if (err == -ENOMEM)
		return FETCH_OUT_OF_MEMORY;
	if (err)
		return fault(detail, FETCH_REDIRECT_BAD, "Location: %s", reason);
	return FETCH_OK;
}

static struct str method_after(uint16_t status, struct str method)
{
	if (status == 303 && !str_eq(method, STR("HEAD")))
		return STR("GET");
	if ((status == 301 || status == 302) && str_eq(method, STR("POST")))
		return STR("GET");
	return method;
}

static bool visited(const struct redirect_from *from, const struct url *next)
{
	struct str wanted = url_without_hash(next);
	if (str_eq(url_without_hash(from->url), wanted))
		return true;
	for (uint32_t i = from->stretch; i < from->hops_len; i++) {
		const char *href = from->hops[i].url;
		if (str_eq(str_make(href, strcspn(href, "#")), wanted))
			return true;
	}
	return false;
}

static enum fetch_error judge(const struct redirect_from *from, const struct redirect_to *to,
			      char *detail)
{
	if (from->url->https && !to->url.https && !from->https_to_http)
		return fault(detail, FETCH_REDIRECT_REFUSED, "from https to http: %.*s",
			     STR_ARG(to->url.host_port));
	if (!to->method_changed && visited(from, &to->url))
		return fault(detail, FETCH_REDIRECT_LOOP, "after %u redirects", from->hops_len);
	if (from->hops_len >= from->max_redirects)
		return fault(detail, FETCH_TOO_MANY_REDIRECTS, "the limit is %u",
			     from->max_redirects);
	return FETCH_OK;
}

enum fetch_error redirect_next(const struct redirect_from *from, struct redirect_to *ret,
			       char *detail)
{
	struct redirect_to to = { .method = method_after(from->status, from->method) };
	enum fetch_error e = resolve(from, &to.url, detail);
	if (e)
		return e;
	to.method_changed = !str_eq(to.method, from->method);
	to.leaves = !url_same_origin(from->url, &to.url);
	e = judge(from, &to, detail);
	if (e) {
		url_done(&to.url);
		return e;
	}
	*ret = to;
	return FETCH_OK;
}
