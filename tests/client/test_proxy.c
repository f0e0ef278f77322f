/* SPDX-License-Identifier: MIT
 *
 * test_proxy: what a proxy's URL says, what is refused and in which words, and which proxies are
 * equal.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/client/proxy.h"
#include "tests/harness.h"

static const struct proxy *make(const char *url)
{
	const struct proxy *p;
	char reason[FAULT_BYTES] = "";
	if (proxy_new(str_of(url), false, &p, reason))
		test_fail("%s: %s", url, reason);
	return p;
}

TEST(proxy_url_says_kind_host_port_and_credentials)
{
	static const struct {
		const char *url;
		enum proxy_kind kind;
		const char *host;
		uint16_t port;
		const char *username, *password;
	} cases[] = {
		{ "http://proxy.example:3128", PROXY_HTTP, "proxy.example", 3128, "", "" },
		{ "http://proxy.example", PROXY_HTTP, "proxy.example", 80, "", "" },
		{ "HTTP://Proxy.Example:443/", PROXY_HTTP, "proxy.example", 443, "", "" },
		{ " http://192.0.2.1:80 ", PROXY_HTTP, "192.0.2.1", 80, "", "" },
		{ "http://0xc0000201:8080", PROXY_HTTP, "192.0.2.1", 8080, "", "" },
		{ "http://[2001:DB8::1]:8080", PROXY_HTTP, "[2001:db8::1]", 8080, "", "" },
		{ "http://bücher.example", PROXY_HTTP, "xn--bcher-kva.example", 80, "", "" },
		{ "http://u:p@h:1", PROXY_HTTP, "h", 1, "u", "p" },
		{ "http://u@h:1", PROXY_HTTP, "h", 1, "u", "" },
		{ "http://:p@h:1", PROXY_HTTP, "h", 1, "", "p" },
		{ "http://a%40b:c%3Ad%2fe%25@h", PROXY_HTTP, "h", 80, "a@b", "c:d/e%" },
		{ "http://u:p:q@h", PROXY_HTTP, "h", 80, "u", "p:q" },
		{ "socks5://proxy.example", PROXY_SOCKS5, "proxy.example", 1080, "", "" },
		{ "socks5://proxy.example:80", PROXY_SOCKS5, "proxy.example", 80, "", "" },
		{ "socks5://proxy.example:443", PROXY_SOCKS5, "proxy.example", 443, "", "" },
		{ "socks5h://u:p@[::1]", PROXY_SOCKS5H, "[::1]", 1080, "u", "p" },
		{ "socks5h://u%3a:%00@h:9", PROXY_SOCKS5H, "h", 9, "u:", NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct proxy *p = make(cases[i].url);
		CHECK_EQ(p->kind, cases[i].kind);
		CHECK_EQ(p->port, cases[i].port);
		CHECK(str_eq(p->at.hostname, str_of(cases[i].host)));
		CHECK(str_eq(p->username, str_of(cases[i].username)));
		CHECK(str_eq(p->password,
			     cases[i].password ? str_of(cases[i].password) : str_make("", 1)));
		proxy_unref(p);
	}
}

TEST(proxy_url_that_is_none_is_refused_by_name)
{
	static const struct {
		const char *url, *reason;
	} cases[] = {
		{ "", "begins with http://" },
		{ "proxy.example", "begins with http://" },
		{ "proxy.example:3128", "begins with http://" },
		{ "http:proxy.example", "begins with http://" },
		{ "https://proxy.example", "https://" },
		{ "socks4://proxy.example", "socks4://" },
		{ "socks4a://proxy.example", "socks4a://" },
		{ "socks://proxy.example", "socks://" },
		{ "://proxy.example", ": ://" },
		{ "http://", "host" },
		{ "http://:80", "host" },
		{ "http://h:65536", "port" },
		{ "http://h:x", "port" },
		{ "http://h/path", "nothing may follow" },
		{ "http://h?q", "nothing may follow" },
		{ "http://h/#f", "nothing may follow" },
		{ "http://a b", "host" },
		{ "http://a%00b", "host" },
		{ "http://u%3a:p@h", "colon" },
		{ "http://u%0d%0aX: p@h", "control" },
		{ "http://u:p%00@h", "control" },
		{ "socks5://u@h", "both" },
		{ "socks5://:p@h", "both" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct proxy *p = NULL;
		char reason[FAULT_BYTES] = "";
		CHECK_EQ(proxy_new(str_of(cases[i].url), false, &p, reason), -EINVAL);
		CHECK(!p);
		if (!strstr(reason, cases[i].reason))
			test_fail("%s: want \"%s\" in \"%s\"", cases[i].url, cases[i].reason,
				  reason);
	}
}

TEST(proxy_that_is_refused_tells_no_password)
{
	static const char *const urls[] = {
		"u:secret@h",	       "u:secret@h:1/",	   "https://u:secret@h",
		"http://u:secret@h:x", "http://u:secret@", "socks5://:secret@h",
	};
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		const struct proxy *p;
		char reason[FAULT_BYTES] = "";
		CHECK_EQ(proxy_new(str_of(urls[i]), false, &p, reason), -EINVAL);
		CHECK(reason[0] && !strstr(reason, "secret"));
	}
}

TEST(proxy_credentials_for_socks_are_at_most_255_bytes_each)
{
	char url[600], reason[FAULT_BYTES];
	const struct proxy *p;
	char word[257] = "";
	memset(word, 'x', 255);
	snprintf(url, sizeof(url), "socks5://%s:%s@h", word, word);
	proxy_unref(make(url));
	snprintf(url, sizeof(url), "http://%sy:%s@h", word, word);
	proxy_unref(make(url));
	snprintf(url, sizeof(url), "socks5://%sy:p@h", word);
	CHECK_EQ(proxy_new(str_of(url), false, &p, reason), -EINVAL);
	snprintf(url, sizeof(url), "socks5h://u:%sy@h", word);
	CHECK_EQ(proxy_new(str_of(url), false, &p, reason), -EINVAL);
}

TEST(proxies_are_equal_by_value)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ "http://h:80", "http://H/", true },
		{ "http://127.1:8", "http://127.0.0.1:8", true },
		{ "http://u:%70@h", "http://u:p@h", true },
		{ "http://h:80", "http://h:81", false },
		{ "http://h:80", "http://g:80", false },
		{ "http://u:p@h", "http://h", false },
		{ "http://u:p@h", "http://u:q@h", false },
		{ "http://u:p@h", "http://v:p@h", false },
		{ "http://h:1080", "socks5://h", false },
		{ "socks5://h", "socks5h://h", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct proxy *a = make(cases[i].a), *b = make(cases[i].b);
		CHECK_EQ(proxy_equal(a, b), cases[i].equal);
		CHECK_EQ(proxy_equal(b, a), cases[i].equal);
		CHECK(!cases[i].equal || proxy_hash(a) == proxy_hash(b));
		CHECK(!proxy_equal(a, NULL) && !proxy_equal(NULL, a));
		proxy_unref(a);
		proxy_unref(b);
	}
	CHECK(proxy_equal(NULL, NULL));
}

TEST(proxy_of_the_operator_differs_from_the_same_one_of_a_caller)
{
	const struct proxy *theirs = make("http://10.0.0.1:3128"), *ours;
	char reason[FAULT_BYTES];
	CHECK_OK(proxy_new(STR("http://10.0.0.1:3128"), true, &ours, reason));
	CHECK(ours->trusted && !theirs->trusted);
	CHECK(!proxy_equal(ours, theirs));
	proxy_unref(theirs);
	proxy_unref(ours);
}

TEST(proxy_lives_until_its_last_reference_goes)
{
	const struct proxy *p = make("http://u:p@h");
	CHECK(proxy_ref(p) == p);
	proxy_unref(p);
	CHECK(str_eq(p->password, STR("p")));
	proxy_unref(p);
	CHECK(!proxy_ref(NULL));
	proxy_unref(NULL);
}
