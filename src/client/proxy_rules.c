/* SPDX-License-Identifier: MIT
 *
 * proxy_rules: an exception is parsed once, into what it is compared with: a name without dots at its
 * ends, or a network, and a port. Hosts that are addresses are compared with networks alone, names
 * with names alone.
 */
#include "src/client/proxy_rules.h"

#include <errno.h>
#include <stdlib.h>

#include "src/client/literal.h"
#include "src/client/prefix.h"

struct proxy_exception {
	bool any;
	struct str name; /* owned; empty: net counts */
	struct prefix net;
	uint16_t port; /* 0 = any */
};

/* --- Setting up --- */

static struct str without_last_dot(struct str name)
{
	return str_slice(name, 0, name.len - str_ends(name, STR(".")));
}

/* "*.example.com", ".example.com" and "example.com" are one. */
static struct str without_first_dot(struct str item)
{
	if (str_starts(item, STR("*.")))
		return str_slice(item, 2, item.len);
	return str_slice(item, str_starts(item, STR(".")), item.len);
}

static int parse_host(struct str item, struct proxy_exception *ret)
{
	const char *why;
	struct url url;
	int err = proxy_parse_authority(without_first_dot(item), &url, &ret->port, &why);
	if (err)
		return err;
	char *name = NULL;
	if (url.username.len || url.password.len || str_index(url.hostname, '*') >= 0)
		err = -EINVAL;
	else if (url.host_type != URL_NAME)
		err = prefix_parse(literal_bare_host(url.hostname), &ret->net);
	else if (!(name = str_dup(without_last_dot(url.hostname))))
		err = -ENOMEM;
	else
		ret->name = str_make(name, without_last_dot(url.hostname).len);
	url_done(&url);
	return err;
}

static int parse(struct str item, struct proxy_exception *ret)
{
	*ret = (struct proxy_exception){ .any = str_eq(item, STR("*")) };
	if (ret->any || prefix_parse(item, &ret->net) == 0)
		return 0;
	return str_index(item, '/') >= 0 ? -EINVAL : parse_host(item, ret);
}

int proxy_rules_except(struct proxy_rules *r, struct str list, struct str *ret_bad)
{
	struct str item;
	while (str_next_word(&list, &item)) {
		struct proxy_exception *grown =
			reallocarray(r->except, r->except_len + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		r->except = grown;
		int err = parse(item, &grown[r->except_len]);
		if (err == -EINVAL)
			*ret_bad = item;
		if (err)
			return err;
		r->except_len++;
	}
	return 0;
}

void proxy_rules_done(struct proxy_rules *r)
{
	proxy_unref(r->http);
	proxy_unref(r->https);
	proxy_unref(r->all);
	for (size_t i = 0; i < r->except_len; i++)
		free((void *)(uintptr_t)r->except[i].name.data);
	free(r->except);
	*r = (struct proxy_rules){ 0 };
}

/* --- Choosing --- */

/* The name itself, or one below it. */
static bool within(struct str host, struct str name)
{
	return str_ends(host, name) &&
	       (host.len == name.len || host.data[host.len - name.len - 1] == '.');
}

static bool matches(const struct proxy_exception *x, const struct url *url,
		    const struct prefix *addr)
{
	if (x->any)
		return true;
	if (x->port && x->port != url->port_number)
		return false;
	if (url->host_type != URL_NAME)
		return !x->name.len && prefix_contains(&x->net, addr->bytes);
	return x->name.len && within(without_last_dot(url->hostname), x->name);
}

static bool excepted(const struct proxy_rules *r, const struct url *url)
{
	struct prefix addr = { 0 };
	if (url->host_type != URL_NAME && prefix_parse(literal_bare_host(url->hostname), &addr))
		panic("proxy_rules: no address: %.*s", STR_ARG(url->hostname));
	for (size_t i = 0; i < r->except_len; i++)
		if (matches(&r->except[i], url, &addr))
			return true;
	return false;
}

const struct proxy *proxy_rules_choose(const struct proxy_rules *r, const struct url *url)
{
	const struct proxy *own = url->https ? r->https : r->http;
	const struct proxy *chosen = own ? own : r->all;
	return chosen && !excepted(r, url) ? chosen : NULL;
}
