/* SPDX-License-Identifier: MIT
 *
 * test_redirect_next: from a redirect to the next request, as a table.
 */
#include "src/client/redirect_next.h"

#include <stdio.h>

#include "tests/harness.h"

struct outcome {
	enum fetch_error error;
	char detail[FAULT_BYTES];
	char url[200];
	struct redirect_to to; /* its URL is gone */
};

static struct outcome next(struct redirect_from from, const char *url, const char *location)
{
	struct url u = { 0 };
	struct outcome o = { 0 };
	CHECK_OK(url_parse(str_of(url), NULL, &u, NULL));
	from.url = &u;
	from.location = str_of(location);
	if (!from.method.data)
		from.method = STR("GET");
	if (!from.status)
		from.status = 302;
	if (!from.max_redirects)
		from.max_redirects = 3;
	o.error = redirect_next(&from, &o.to, o.detail);
	if (o.error == FETCH_OK)
		snprintf(o.url, sizeof(o.url), "%s", o.to.url.href.data);
	url_done(&o.to.url);
	url_done(&u);
	return o;
}

static void check_url(const char *url, const char *location, const char *want)
{
	struct outcome o = next((struct redirect_from){ 0 }, url, location);
	CHECK_EQ(o.error, FETCH_OK);
	CHECK_STR(o.url, want);
}

TEST(redirect_next_resolves_against_the_url_asked_for)
{
	check_url("http://a/b/c?d", "e", "http://a/b/e");
	check_url("http://a/b/c?d", "?e", "http://a/b/c?e");
	check_url("http://a/b/c?d", "//b/e", "http://b/e");
	check_url("http://a/b/c?d", "https:/e", "https://e/");
	check_url("http://a/b/c?d", "\\\\b\\e", "http://b/e");
	check_url("http://a/b/c?d", "../../..//e", "http://a//e");
	check_url("http://u:p@a/b", "e", "http://u:p@a/e");
	check_url("http://u:p@a/b", "//a/e", "http://a/e");
	check_url("http://a/b", " e\r\n ", "http://a/e");
}

TEST(redirect_next_inherits_the_fragment)
{
	check_url("http://a/b#f", "e", "http://a/e#f");
	check_url("http://a/b#f", "http://b/", "http://b/#f");
	check_url("http://a/b#f", "e#g", "http://a/e#g");
	check_url("http://a/b#f", "e#", "http://a/e#");
}

static void check_error(struct redirect_from from, const char *url, const char *location,
			enum fetch_error want, const char *detail)
{
	struct outcome o = next(from, url, location);
	CHECK_EQ(o.error, want);
	CHECK_STR(o.detail, detail);
}

TEST(redirect_next_goes_nowhere_but_to_http_and_https)
{
	static const char *const bad[] = {
		"ftp://b/",	    "javascript:alert(1)", "file:///etc/passwd",
		"data:text/html,x", "gopher://127.0.0.1/", "ws://b/"
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_error((struct redirect_from){ 0 }, "http://a/", bad[i], FETCH_REDIRECT_BAD,
			    "Location: the scheme is neither http nor https");
	check_error((struct redirect_from){ 0 }, "http://a/", "http://", FETCH_REDIRECT_BAD,
		    "Location: the host is missing");
}

TEST(redirect_next_refuses_https_to_http_unless_allowed)
{
	check_error((struct redirect_from){ 0 }, "https://a/", "http://a/", FETCH_REDIRECT_REFUSED,
		    "from https to http: a");
	check_error((struct redirect_from){ .https_to_http = true }, "https://a/", "http://a/",
		    FETCH_OK, "");
	check_error((struct redirect_from){ 0 }, "http://a/", "https://a/", FETCH_OK, "");
}

TEST(redirect_next_sees_loops_within_a_stretch_of_one_method)
{
	char first[] = "http://a/1#x", second[] = "http://a/2";
	const struct fetch_hop hops[] = { { .url = first }, { .url = second } };
	struct redirect_from from = { .hops = hops, .hops_len = 2 };
	check_error(from, "http://a/3", "/1", FETCH_REDIRECT_LOOP, "after 2 redirects");
	check_error(from, "http://a/3", "/2#y", FETCH_REDIRECT_LOOP, "after 2 redirects");
	check_error(from, "http://a/3", "/3", FETCH_REDIRECT_LOOP, "after 2 redirects");
	check_error(from, "http://a/3", "/4", FETCH_OK, "");
	check_error(from, "http://a/3", "/1?", FETCH_OK, "");
	from.stretch = 1;
	check_error(from, "http://a/3", "/1", FETCH_OK, "");
	check_error(from, "http://a/3", "/2", FETCH_REDIRECT_LOOP, "after 2 redirects");
	from.method = STR("POST");
	check_error(from, "http://a/3", "/3", FETCH_OK, ""); /* as GET */
	from.status = 307;
	check_error(from, "http://a/3", "/3", FETCH_REDIRECT_LOOP, "after 2 redirects");
}

TEST(redirect_next_stops_at_the_limit)
{
	char first[] = "http://a/1";
	const struct fetch_hop hops[] = { { .url = first }, { .url = first } };
	struct redirect_from from = { .hops = hops, .hops_len = 1, .max_redirects = 2 };
	check_error(from, "http://a/3", "/4", FETCH_OK, "");
	from.hops_len = 2;
	check_error(from, "http://a/3", "/4", FETCH_TOO_MANY_REDIRECTS, "the limit is 2");
}

static void check_method(uint16_t status, const char *method, const char *want)
{
	struct outcome o =
		next((struct redirect_from){ .status = status, .method = str_of(method) },
		     "http://a/", "/b");
	CHECK_EQ(o.error, FETCH_OK);
	if (!str_eq(o.to.method, str_of(want)))
		test_fail("%u %s: want %s, got %.*s", status, method, want, STR_ARG(o.to.method));
	CHECK_EQ(o.to.method_changed, strcmp(method, want) != 0);
}

TEST(redirect_next_rewrites_methods)
{
	static const struct {
		const char *method, *moved, *see_other;
	} rows[] = {
		{ "GET", "GET", "GET" }, { "HEAD", "HEAD", "HEAD" },	{ "POST", "GET", "GET" },
		{ "PUT", "PUT", "GET" }, { "DELETE", "DELETE", "GET" }, { "post", "post", "GET" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check_method(301, rows[i].method, rows[i].moved);
		check_method(302, rows[i].method, rows[i].moved);
		check_method(303, rows[i].method, rows[i].see_other);
		check_method(307, rows[i].method, rows[i].method);
		check_method(308, rows[i].method, rows[i].method);
	}
}

static void check_leaves(const char *url, const char *location, bool want)
{
	struct outcome o = next((struct redirect_from){ .https_to_http = true }, url, location);
	CHECK_EQ(o.error, FETCH_OK);
	CHECK_EQ(o.to.leaves, want);
}

TEST(redirect_next_knows_origins_by_scheme_host_and_port)
{
	check_leaves("http://a/", "/b", false);
	check_leaves("http://a/", "http://A:80/b", false);
	check_leaves("http://a/", "http://u:p@a/b", false);
	check_leaves("http://a/", "https://a/b", true);
	check_leaves("http://a/", "https://a:80/b", true);
	check_leaves("http://a/", "http://a:81/b", true);
	check_leaves("http://a/", "http://b.a/b", true);
	check_leaves("http://a/", "http://a./b", true);
	check_leaves("https://a/", "http://a/b", true);
}
