/* SPDX-License-Identifier: MIT
 *
 * fuzz_url: the URL parser under libFuzzer. The input is a URL, or a relative reference and its
 * base with an LF between them. What was accepted must parse to itself, hold its components in
 * order, and be fit for a request.
 */
#include <stdlib.h>

#include "src/http/request.h"
#include "src/http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void check_within(struct str whole, struct str part)
{
	insist(part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void check(const struct url *u)
{
	struct url again;
	const struct str parts[] = { u->protocol, u->username,	u->password,
				     u->hostname, u->host_port, u->port,
				     u->pathname, u->search,	u->hash };
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		check_within(u->href, parts[i]);
	for (size_t i = 0; i < u->href.len; i++)
		insist(u->href.data[i] > ' ' && u->href.data[i] < 0x7f);
	insist(u->href.data[u->href.len] == '\0' && u->hostname.len > 0 &&
	       u->pathname.data[0] == '/');
	insist(url_parse(u->href, NULL, &again, NULL) == 0);
	insist(str_eq(again.href, u->href) && url_same_origin(u, &again) &&
	       again.host_type == u->host_type);
	url_done(&again);

	struct buf head = { 0 };
	struct request_head request = request_head_for(STR("GET"), u);
	insist(request_write_head(&head, &request) == 0);
	buf_done(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_make((const char *)data, size), reference, base_text;
	struct url base = { 0 }, u = { 0 };
	const char *reason = NULL;
	bool relative = str_cut(input, '\n', &reference, &base_text);
	if (relative && url_parse(base_text, NULL, &base, NULL) != 0)
		return -1;
	if (url_parse(reference, relative ? &base : NULL, &u, &reason) == 0)
		check(&u);
	else
		insist(reason != NULL);
	url_done(&u);
	url_done(&base);
	return 0;
}
