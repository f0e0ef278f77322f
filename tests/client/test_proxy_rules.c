/* SPDX-License-Identifier: MIT
 *
 * test_proxy_rules: which proxy is chosen for a URL: by its scheme, and not at all for what a list
 * of exceptions names.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/client/proxy_rules.h"
#include "src/common/cleanup.h"
#include "tests/harness.h"

static const struct proxy *make(const char *url)
{
	const struct proxy *p;
	char reason[FAULT_BYTES] = "";
	if (proxy_new(str_of(url), true, &p, reason))
		test_fail("%s: %s", url, reason);
	return p;
}

static const struct proxy *choose(const struct proxy_rules *r, const char *text)
{
	cleanup(url_done) struct url url = { 0 };
	CHECK_OK(url_parse(str_of(text), NULL, &url, NULL));
	return proxy_rules_choose(r, &url);
}

TEST(proxy_is_chosen_by_scheme_then_for_all)
{
	struct proxy_rules r = { 0 };
	CHECK(!choose(&r, "http://example.com/"));
	r.all = make("http://a:1");
	CHECK(choose(&r, "http://example.com/") == r.all);
	CHECK(choose(&r, "https://example.com/") == r.all);
	r.https = make("http://b:2");
	CHECK(choose(&r, "http://example.com/") == r.all);
	CHECK(choose(&r, "https://example.com/") == r.https);
	r.http = make("http://c:3");
	CHECK(choose(&r, "http://example.com/") == r.http);
	proxy_rules_done(&r);
	CHECK(!choose(&r, "http://example.com/"));
}

TEST(proxy_for_one_scheme_leaves_the_other_direct)
{
	struct proxy_rules r = { .http = make("http://a:1") };
	CHECK(choose(&r, "http://example.com/") == r.http);
	CHECK(!choose(&r, "https://example.com/"));
	proxy_rules_done(&r);
}

TEST(proxy_exceptions)
{
	static const struct {
		const char *except, *url;
		bool direct;
	} cases[] = {
		{ "", "http://example.com/", false },
		{ " , ", "http://example.com/", false },
		{ "*", "http://example.com/", true },
		{ "*", "http://[::1]/", true },
		{ "other.example, *", "http://example.com/", true },
		/* names */
		{ "example.com", "http://example.com/", true },
		{ "example.com", "https://example.com/", true },
		{ "example.com", "http://example.com:8080/", true },
		{ "example.com", "http://www.example.com/", true },
		{ "example.com", "http://a.b.example.com/", true },
		{ "example.com", "http://notexample.com/", false },
		{ "example.com", "http://example.com.org/", false },
		{ "example.com", "http://example.co/", false },
		{ "example.com", "http://com/", false },
		{ ".example.com", "http://www.example.com/", true },
		{ ".example.com", "http://example.com/", true },
		{ ".example.com", "http://notexample.com/", false },
		{ "*.example.com", "http://www.example.com/", true },
		{ "*.example.com", "http://notexample.com/", false },
		{ "EXAMPLE.com", "http://Example.COM/", true },
		{ "example.com.", "http://example.com/", true },
		{ "example.com", "http://example.com./", true },
		{ "example.com", "http://www.example.com./", true },
		{ "com", "http://example.com/", true },
		{ "localhost", "http://localhost/", true },
		{ "other.example", "http://localhost/", false },
		{ "bücher.example", "http://xn--bcher-kva.example/", true },
		{ "a.example,example.com", "http://example.com/", true },
		{ "a.example example.com", "http://example.com/", true },
		{ "a.example\t,, example.com ,", "http://example.com/", true },
		{ "a.example b.example", "http://example.com/", false },
		/* names with a port */
		{ "example.com:8080", "http://example.com:8080/", true },
		{ "example.com:8080", "http://www.example.com:8080/", true },
		{ "example.com:8080", "http://example.com/", false },
		{ "example.com:80", "http://example.com/", true },
		{ "example.com:80", "https://example.com/", false },
		{ "example.com:443", "https://example.com/", true },
		{ "example.com:443", "http://example.com/", false },
		/* addresses */
		{ "192.0.2.1", "http://192.0.2.1/", true },
		{ "192.0.2.1", "http://3221225985/", true },
		{ "192.0.2.1", "http://192.0.2.10/", false },
		{ "192.0.2.1", "http://example.com/", false },
		{ "192.0.2.1:81", "http://192.0.2.1:81/", true },
		{ "192.0.2.1:81", "http://192.0.2.1/", false },
		{ "192.0.2.1", "http://[::ffff:192.0.2.1]/", true },
		{ "::1", "http://[::1]/", true },
		{ "[::1]", "http://[::1]:81/", true },
		{ "[::1]:81", "http://[::1]:81/", true },
		{ "[::1]:81", "http://[::1]/", false },
		{ "2001:DB8:0::1", "http://[2001:db8::1]/", true },
		{ "2001:db8::1", "http://[2001:db8::2]/", false },
		/* networks */
		{ "192.0.2.0/24", "http://192.0.2.255/", true },
		{ "192.0.2.0/24", "http://192.0.3.0/", false },
		{ "192.0.2.77/24", "http://192.0.2.1/", true },
		{ "0.0.0.0/0", "http://192.0.2.1/", true },
		{ "0.0.0.0/0", "http://[2001:db8::1]/", false },
		{ "0.0.0.0/0", "http://example.com/", false },
		{ "2001:db8::/32", "http://[2001:db8:1::1]/", true },
		{ "2001:db8::/32", "http://[2001:db9::1]/", false },
		{ "::/0", "http://[2001:db9::1]/", true },
		{ "10.0.0.0/8 example.com", "http://example.com/", true },
		{ "10.0.0.0/8 example.com", "http://10.1.2.3/", true },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct proxy_rules r = { .all = make("http://proxy.example") };
		struct str bad;
		CHECK_OK(proxy_rules_except(&r, str_of(cases[i].except), &bad));
		if (!choose(&r, cases[i].url) != cases[i].direct)
			test_fail("\"%s\", %s: want %s", cases[i].except, cases[i].url,
				  cases[i].direct ? "direct" : "the proxy");
		proxy_rules_done(&r);
	}
}

TEST(proxy_exception_that_is_none_is_refused)
{
	static const char *const bad_items[] = {
		"10.0.0.0/33",
		"10.0.0.0/",
		"10.0.0.0/x",
		"2001:db8::/129",
		"example.com/8",
		"[::1",
		"[::1]/64",
		"a:65536",
		"a:b",
		"u@a",
		"u:p@a",
		"http://a",
		"a?q",
		"a#f",
		"*a*",
		".",
		"*.",
		"1.2.3.4.5",
		"256.1.1.1",
		"a%00b",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad_items); i++) {
		struct proxy_rules r = { 0 };
		struct str bad = { 0 };
		char list[64];
		snprintf(list, sizeof(list), "good.example, %s ,x", bad_items[i]);
		if (proxy_rules_except(&r, str_of(list), &bad) != -EINVAL ||
		    !str_eq(bad, str_of(bad_items[i])))
			test_fail("%s: not refused, or as %.*s", bad_items[i], STR_ARG(bad));
		proxy_rules_done(&r);
	}
}
