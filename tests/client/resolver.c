/* SPDX-License-Identifier: MIT
 *
 * resolver: see resolver.h. Nothing here counts on both families coming together.
 */
#include "tests/client/resolver.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "tests/harness.h"

struct resolver *resolver_with(const struct dns_cares_options *options,
			       const struct cache_limits *limits)
{
	struct resolver *r = calloc(1, sizeof(*r));
	r->group = errgroup_new(context_background());
	CHECK_OK(dns_cares_new(r->group, options, &r->dns));
	r->cache = cache_new(r->dns, limits ? limits : &cache_default_limits);
	return r;
}

struct resolver *resolver_open(const struct record *records)
{
	struct nameserver *ns = nameserver_open(records);
	struct resolver *r =
		resolver_with(&(struct dns_cares_options){ .servers = ns->address }, NULL);
	r->ns = ns;
	return r;
}

void resolver_close(struct resolver *r)
{
	context_cancel(errgroup_context(r->group));
	CHECK_EQ(errgroup_wait(r->group), 0);
	cache_free(r->cache);
	r->dns->ops->close(r->dns);
	if (r->ns)
		nameserver_close(r->ns);
	free(r);
}

static struct scope whole_test(void)
{
	return scope_of(context_background(), clock_now() + 60 * SECOND);
}

enum fetch_error resolver_ask(struct resolver *r, const char *name, int64_t timeout_ns,
			      struct cache_lookup *ret, char detail[FAULT_BYTES])
{
	struct scope scope = whole_test();
	detail[0] = '\0';
	return cache_resolve(r->cache, &scope, str_of(name), timeout_ns, ret, detail);
}

/* Waits for the other family. */
static void complete(struct cache_lookup *found)
{
	struct scope scope = whole_test();
	struct dns_answer *whole = found->rest.await(&found->rest, &scope);
	if (!whole)
		return;
	dns_answer_unref(found->answer);
	found->answer = whole;
}

void check_resolves(struct resolver *r, const char *name, const char *first, uint32_t len)
{
	struct cache_lookup found;
	char text[FAULT_ADDR_BYTES], detail[FAULT_BYTES];
	enum fetch_error e = resolver_ask(r, name, 10 * SECOND, &found, detail);
	if (e)
		test_fail("%s: %s (%s)", name, fetch_error_name(e), detail);
	if (found.half && found.answer->len < len)
		complete(&found);
	CHECK_EQ(found.answer->len, len);
	if (first)
		CHECK_STR(fault_addr(&found.answer->addrs[0].sa, text), first);
	dns_answer_unref(found.answer);
}

static void check_error(struct resolver *r, const char *name, int64_t timeout_ns,
			enum fetch_error want, char detail[FAULT_BYTES])
{
	struct cache_lookup found;
	enum fetch_error e = resolver_ask(r, name, timeout_ns, &found, detail);
	CHECK_STR(fetch_error_name(e), fetch_error_name(want));
}

void check_fails(struct resolver *r, const char *name, int64_t timeout_ns, enum fetch_error want)
{
	char detail[FAULT_BYTES];
	check_error(r, name, timeout_ns, want, detail);
	CHECK(strstr(detail, name) != NULL);
}

void check_detail(struct resolver *r, const char *name, enum fetch_error want,
		  const char *want_detail)
{
	char detail[FAULT_BYTES];
	check_error(r, name, 10 * SECOND, want, detail);
	CHECK_STR(detail, want_detail);
}
