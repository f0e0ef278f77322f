/* SPDX-License-Identifier: MIT
 *
 * test_proxy_dial: whole fetches through proxies: what a proxy is told, who resolves, whose connection
 * may be used again, whom the address policy is asked about, and what is said when the way is barred.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "src/client/proxy_rules.h"
#include "tests/client/certs.h"
#include "tests/client/nameserver.h"
#include "tests/client/relay.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

static const struct reply replies[] = {
	REPLY("/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
	REPLY("/407", "HTTP/1.1 407 Mine\r\nContent-Length: 2\r\n\r\nhm"),
	NO_MORE_REPLIES,
};

/* A client without DNS: all names go to the proxy, or nowhere. */
static struct rig *open_rig(const struct proxy_rules *rules, const struct client_options *more)
{
	struct client_options o = *more;
	o.proxies = rules;
	if (!o.dns_servers)
		o.dns_servers = "127.0.0.1:1";
	return rig_open(&o);
}

static void check_no_lookups(struct rig *rig)
{
	struct client_stats stats;
	client_stats(rig->client, &stats);
	CHECK_EQ(stats.dns_lookups, 0);
}

static void check_asked(struct relay *r, const char *want)
{
	char asked[2048];
	relay_asked(r, asked);
	CHECK_STR(asked, want);
}

static struct policy *policy_of(const char *allow, const char *ports)
{
	struct policy *p = policy_new();
	struct str bad;
	CHECK_OK(policy_allow(p, str_of(allow), &bad));
	if (ports)
		CHECK_OK(policy_ports(p, str_of(ports), &bad));
	return p;
}

/* Through that proxy, whatever the client's rules say. */
static struct fetched *get_by(struct rig *rig, const struct proxy *proxy, const char *url)
{
	struct fetched *f = fetched_new();
	struct fetch_request req = { .method = STR("GET"), .proxy = proxy };
	fetched_run(f, rig, context_background(), &req, url);
	return f;
}

static void check_fails(struct rig *rig, const struct proxy *proxy, const char *url,
			enum fetch_error e, const char *detail)
{
	struct fetched *f = get_by(rig, proxy, url);
	CHECK_ERROR(f, e);
	if (!strstr(f->resp->detail, detail))
		test_fail("%s: want \"%s\" in \"%s\"", url, detail, f->resp->detail);
	fetched_free(f);
}

/* --- Plain http through an HTTP proxy --- */

static const struct reply relayed[] = {
	REPLY("http://a.test/x?y=z", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
	REPLY("http://b.test:81/", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"),
	REPLY("http://407.test/", "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n"
				  "Content-Length: 2\r\n\r\nno"),
	REPLY("http://once.test/", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\no",
	      .then = THEN_CLOSE),
	NO_MORE_REPLIES,
};

TEST_GO(proxy_is_told_the_absolute_form_without_the_urls_password)
{
	struct origin *proxy = origin_open(&(struct origin_options){ .replies = relayed });
	struct proxy_rules rules = { .http = relay_proxy_at(proxy->port, "http", true) };
	struct rig *rig = open_rig(&rules, &(struct client_options){ 0 });
	char head[4096];
	struct fetched *f = rig_get(rig, "http://me:secret@a.test/x?y=z#f");
	CHECK_ERROR(f, FETCH_OK);
	CHECK_STR(f->body, "a");
	CHECK(f->resp->proxy_used);
	fetched_free(f);
	origin_last_request(proxy, head);
	CHECK(strstr(head, "GET http://a.test/x?y=z HTTP/1.1\r\nHost: a.test\r\n") == head);
	CHECK(strstr(head, "\r\nAuthorization: Basic bWU6c2VjcmV0\r\n") != NULL);
	CHECK(!strstr(head, "Proxy-Authorization") && !strstr(head, "secret"));
	check_no_lookups(rig);
	rig_close(rig);
	proxy_rules_done(&rules);
	origin_close(proxy);
}

TEST_GO(proxy_connection_serves_plain_requests_to_any_origin)
{
	struct origin *proxy = origin_open(&(struct origin_options){ .replies = relayed });
	struct proxy_rules rules = { .all = relay_proxy_at(proxy->port, "http", true) };
	struct rig *rig = open_rig(&rules, &(struct client_options){ .policy = NULL });
	check_get(rig, "http://a.test/x?y=z", FETCH_OK, 200, "a");
	check_get(rig, "http://b.test:81/", FETCH_OK, 200, "b");
	struct fetched *f = rig_get(rig, "http://a.test/x?y=z");
	CHECK_STR(f->body, "a");
	CHECK(f->resp->conn_reused);
	fetched_free(f);
	CHECK_EQ(proxy->connections, 1);
	rig_close(rig);
	proxy_rules_done(&rules);
	origin_close(proxy);
}

static bool proxy_was_told(struct origin *proxy, const char *what)
{
	char head[4096];
	origin_last_request(proxy, head);
	return strstr(head, what) != NULL;
}

static void check_told(struct rig *rig, const struct proxy *by, bool direct, const char *url,
		       struct origin *whom, const char *value)
{
	char line[100];
	struct fields fields = { 0 };
	CHECK_OK(fields_add(&fields, STR("Proxy-Authorization"), STR("Basic dGhlaXJz")));
	struct fetched *f = fetched_new();
	struct fetch_request req = {
		.method = STR("GET"), .proxy = by, .direct = direct, .fields = &fields
	};
	fetched_run(f, rig, context_background(), &req, url);
	CHECK_ERROR(f, FETCH_OK);
	fetched_free(f);
	fields_done(&fields);
	snprintf(line, sizeof(line), "\r\nProxy-Authorization: %s\r\n", value);
	if (value && !proxy_was_told(whom, line))
		test_fail("%s: not told %s", url, value);
	if (!value && proxy_was_told(whom, "roxy-"))
		test_fail("%s: told of a proxy", url);
}

TEST_GO(proxy_credentials_go_to_a_proxy_that_reads_the_request_and_to_no_origin)
{
	struct origin *proxy = origin_open(&(struct origin_options){ .replies = relayed });
	struct origin *origin = origin_open(&(struct origin_options){ .replies = replies });
	struct relay *socks = relay_open(&(struct relay_options){ .socks = true });
	const struct proxy *plain = relay_proxy_at(proxy->port, "http", false),
			   *by_socks = relay_proxy(socks, "socks5h", false), *known;
	struct rig *rig = open_rig(NULL, &(struct client_options){ 0 });
	char url[100], reason[FAULT_BYTES];
	snprintf(url, sizeof(url), "http://u:p@127.0.0.1:%u", proxy->port);
	CHECK_OK(proxy_new(str_of(url), false, &known, reason));
	check_told(rig, plain, false, "http://a.test/x?y=z", proxy, "Basic dGhlaXJz");
	check_told(rig, known, false, "http://a.test/x?y=z", proxy, "Basic dTpw");
	CHECK(!proxy_was_told(proxy, "dGhlaXJz"));
	check_told(rig, NULL, true, origin_url(origin, "/ok"), origin, NULL);
	check_told(rig, by_socks, false, origin_url(origin, "/ok"), origin, NULL);
	rig_close(rig);
	proxy_unref(plain);
	proxy_unref(known);
	proxy_unref(by_socks);
	relay_close(socks);
	origin_close(origin);
	origin_close(proxy);
}

TEST_GO(proxy_407_is_no_answer_of_the_origins)
{
	struct origin *proxy = origin_open(&(struct origin_options){ .replies = relayed });
	struct origin *origin = origin_open(&(struct origin_options){ .replies = replies });
	struct proxy_rules rules = { .all = relay_proxy_at(proxy->port, "http", true) };
	struct str bad;
	CHECK_OK(proxy_rules_except(&rules, STR("127.0.0.1"), &bad));
	struct rig *rig = open_rig(&rules, &(struct client_options){ 0 });
	check_fails(rig, NULL, "http://407.test/", FETCH_PROXY_AUTH, "Basic");
	check_get(rig, origin_url(origin, "/407"), FETCH_OK, 407, "hm"); /* direct: it is */
	rig_close(rig);
	proxy_rules_done(&rules);
	origin_close(origin);
	origin_close(proxy);
}

TEST_GO(proxy_connection_that_went_stale_is_replaced_unnoticed)
{
	struct origin *proxy = origin_open(&(struct origin_options){ .replies = relayed });
	struct proxy_rules rules = { .all = relay_proxy_at(proxy->port, "http", true) };
	struct rig *rig = open_rig(&rules, &(struct client_options){ 0 });
	for (int i = 0; i < 20; i++)
		check_get(rig, "http://once.test/", FETCH_OK, 200, "o");
	CHECK_EQ(proxy->connections, 20);
	rig_close(rig);
	proxy_rules_done(&rules);
	origin_close(proxy);
}

/* --- Redirects --- */

static struct origin *redirecting(const char *path, const char *to, char *text, size_t size,
				  struct reply table[2])
{
	snprintf(text, size, "HTTP/1.1 302 Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", to);
	table[0] = (struct reply){ .path = path, .text = text };
	table[1] = (struct reply){ .path = NULL };
	return origin_open(&(struct origin_options){ .replies = table });
}

TEST_GO(proxy_is_chosen_anew_for_each_hop)
{
	struct origin *origin = origin_open(&(struct origin_options){ .replies = replies });
	struct reply there[2], back[2];
	char to_origin[200], to_proxy[200];
	struct origin *proxy = redirecting("http://a.test/", origin_url(origin, "/ok"), to_origin,
					   sizeof(to_origin), there);
	struct origin *first = redirecting("/", "http://a.test/", to_proxy, sizeof(to_proxy), back);
	char url[100], reason[FAULT_BYTES];
	struct proxy_rules rules = { 0 };
	struct str bad;
	snprintf(url, sizeof(url), "http://u:p@127.0.0.1:%u", proxy->port);
	CHECK_OK(proxy_new(str_of(url), true, &rules.all, reason));
	CHECK_OK(proxy_rules_except(&rules, STR("127.0.0.0/8"), &bad));
	struct rig *rig = open_rig(&rules, &(struct client_options){ 0 });
	struct fetched *f = rig_get(rig, origin_url(first, "/"));
	CHECK_ERROR(f, FETCH_OK);
	CHECK_STR(f->body, "hi");
	CHECK_EQ(f->resp->hops_len, 2);
	CHECK(!f->resp->proxy_used);
	fetched_free(f);
	CHECK(proxy_was_told(proxy, "Proxy-Authorization: Basic dTpw"));
	CHECK(!proxy_was_told(first, "roxy") && !proxy_was_told(origin, "roxy"));
	rig_close(rig);
	proxy_rules_done(&rules);
	origin_close(first);
	origin_close(proxy);
	origin_close(origin);
}

TEST_GO(proxy_cannot_redirect_to_where_no_url_may_lead)
{
	static const char *const targets[] = { "http://10.0.0.1/", "https://10.0.0.1/",
					       "http://localhost/", "http://a.test:25/" };
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct reply table[2];
		char text[200];
		struct origin *proxy =
			redirecting("http://a.test/", targets[i], text, sizeof(text), table);
		struct policy *policy = policy_of("", "80, 443");
		struct proxy_rules rules = { .all = relay_proxy_at(proxy->port, "http", true) };
		struct rig *rig = open_rig(&rules, &(struct client_options){ .policy = policy });
		check_fails(rig, NULL, "http://a.test/", FETCH_POLICY_DENIED, "");
		CHECK_EQ(proxy->requests, 1);
		rig_close(rig);
		proxy_rules_done(&rules);
		policy_free(policy);
		origin_close(proxy);
	}
}

TEST_GO(proxy_may_have_an_ipv6_address)
{
	struct origin *proxy =
		origin_open(&(struct origin_options){ .replies = relayed, .ipv6 = true });
	struct rig *rig = open_rig(NULL, &(struct client_options){ 0 });
	const struct proxy *p;
	char url[64], reason[FAULT_BYTES];
	snprintf(url, sizeof(url), "http://[::1]:%u", proxy->port);
	CHECK_OK(proxy_new(str_of(url), false, &p, reason));
	struct fetched *f = get_by(rig, p, "http://[2001:db8::1]/");
	CHECK_ERROR(f, FETCH_POLICY_DENIED); /* a documentation address */
	fetched_free(f);
	f = get_by(rig, p, "http://a.test/x?y=z");
	CHECK_ERROR(f, FETCH_OK);
	CHECK_STR(f->body, "a");
	CHECK_EQ(f->resp->remote.sa.sa_family, AF_INET6);
	fetched_free(f);
	proxy_unref(p);
	rig_close(rig);
	origin_close(proxy);
}

/* --- Tunnels --- */

struct world {
	struct certs *certs;
	SSL_CTX *ctx;
	struct origin *plain, *secure;
	struct rig *rig;
	char url[256];
};

static struct world *world_open(const char *host)
{
	struct world *w = calloc(1, sizeof(*w));
	w->certs = certs_new();
	w->ctx = certs_server(w->certs, &(struct cert){ .host = host });
	w->plain = origin_open(&(struct origin_options){ .replies = replies });
	w->secure = origin_open(&(struct origin_options){ .replies = replies, .tls = w->ctx });
	w->rig = open_rig(NULL, &(struct client_options){ .tls.ca_file = w->certs->ca_file });
	return w;
}

static void world_close(struct world *w)
{
	rig_close(w->rig);
	origin_close(w->plain);
	origin_close(w->secure);
	SSL_CTX_free(w->ctx);
	certs_free(w->certs);
	free(w);
}

static void check_through(struct world *w, const struct proxy *p, struct origin *o,
			  const char *host, bool reused)
{
	struct fetched *f =
		get_by(w->rig, p, origin_url_at(o, host, "/ok", w->url, sizeof(w->url)));
	CHECK_ERROR(f, FETCH_OK);
	CHECK_STR(f->body, "hi");
	CHECK(f->resp->proxy_used);
	CHECK_EQ(f->resp->conn_reused, reused);
	fetched_free(f);
}

static void check_tunnels(bool socks, const char *scheme, const char *user)
{
	struct world *w = world_open("a.test");
	struct relay *r = relay_open(
		&(struct relay_options){ .socks = socks, .user = user, .password = user });
	const struct proxy *p = relay_proxy(r, scheme, false);
	char want[200];
	check_through(w, p, w->secure, "a.test", false);
	check_through(w, p, w->secure, "a.test", true);
	snprintf(want, sizeof(want), "a.test:%u;", w->secure->port);
	check_asked(r, want);
	if (socks) {
		check_through(w, p, w->plain, "a.test", false);
		check_through(w, p, w->plain, "b.test", false); /* another origin */
		check_through(w, p, w->plain, "a.test", true);
		snprintf(want, sizeof(want), "a.test:%u;a.test:%u;b.test:%u;", w->secure->port,
			 w->plain->port, w->plain->port);
		check_asked(r, want);
	}
	check_no_lookups(w->rig);
	CHECK(!proxy_was_told(w->secure, "roxy"));
	proxy_unref(p);
	relay_close(r);
	world_close(w);
}

TEST_GO(proxy_tunnel_by_connect_carries_https_to_one_origin)
{
	check_tunnels(false, "http", NULL);
	check_tunnels(false, "http", "somebody");
}

TEST_GO(proxy_socks5h_carries_http_and_https_to_one_origin)
{
	check_tunnels(true, "socks5h", NULL);
	check_tunnels(true, "socks5h", "somebody");
}

TEST_GO(proxy_tunnel_is_verified_against_the_origins_name)
{
	struct world *w = world_open("a.test");
	struct relay *r = relay_open(&(struct relay_options){ .socks = false });
	const struct proxy *p = relay_proxy(r, "http", false);
	check_fails(w->rig, p, origin_url_at(w->secure, "b.test", "/ok", w->url, sizeof(w->url)),
		    FETCH_TLS_HOST_MISMATCH, "");
	CHECK_EQ(w->secure->requests, 0);
	proxy_unref(p);
	relay_close(r);
	world_close(w);
}

TEST_GO(proxy_with_another_password_is_another_way)
{
	struct world *w = world_open("a.test");
	struct relay *right =
		relay_open(&(struct relay_options){ .socks = true, .user = "u", .password = "p" });
	const struct proxy *p = relay_proxy(right, "socks5h", false), *q;
	char url[100], reason[FAULT_BYTES];
	check_through(w, p, w->plain, "a.test", false);
	snprintf(url, sizeof(url), "socks5h://u:q@127.0.0.1:%u", right->front->port);
	CHECK_OK(proxy_new(str_of(url), false, &q, reason));
	check_fails(w->rig, q, origin_url_at(w->plain, "a.test", "/ok", w->url, sizeof(w->url)),
		    FETCH_PROXY_AUTH, "SOCKS5");
	check_through(w, p, w->plain, "a.test", true);
	proxy_unref(p);
	proxy_unref(q);
	relay_close(right);
	world_close(w);
}

TEST_GO(proxy_direct_request_goes_past_the_clients_proxy)
{
	struct origin *origin = origin_open(&(struct origin_options){ .replies = replies });
	struct proxy_rules rules = { .all = relay_proxy_at(1, "http", true) };
	struct rig *rig = open_rig(&rules, &(struct client_options){ 0 });
	struct fetched *f = fetched_new();
	struct fetch_request req = { .method = STR("GET"), .direct = true };
	fetched_run(f, rig, context_background(), &req, origin_url(origin, "/ok"));
	CHECK_ERROR(f, FETCH_OK);
	CHECK(!f->resp->proxy_used);
	fetched_free(f);
	check_fails(rig, NULL, origin_url(origin, "/ok"), FETCH_PROXY_UNREACHABLE, "127.0.0.1:1");
	rig_close(rig);
	proxy_rules_done(&rules);
	origin_close(origin);
}

/* --- SOCKS5 with names resolved here --- */

TEST_GO(proxy_socks5_is_given_addresses_until_one_is_reached)
{
	static const struct record records[] = { { "a.test", .v4 = "127.0.0.1" },
						 { "a.test", .v4 = "127.0.0.2" },
						 { "a.test", .v4 = "127.0.0.3" },
						 { 0 } };
	struct nameserver *ns = nameserver_open(records);
	struct origin *origin = origin_open(&(struct origin_options){ .replies = replies });
	struct relay *r = relay_open(&(struct relay_options){ .socks = true, .refuse = 2 });
	struct proxy_rules rules = { .all = relay_proxy(r, "socks5", true) };
	struct rig *rig = open_rig(&rules, &(struct client_options){ .dns_servers = ns->address });
	char url[100], asked[2048];
	check_get(rig, origin_url_at(origin, "a.test", "/ok", url, sizeof(url)), FETCH_OK, 200,
		  "hi");
	relay_asked(r, asked);
	for (int i = 1; i <= 3; i++) {
		snprintf(url, sizeof(url), "127.0.0.%d:%u;", i, origin->port);
		if (!strstr(asked, url))
			test_fail("%s not asked for: %s", url, asked);
	}
	CHECK_EQ(r->refused, 3);
	rig_close(rig);
	proxy_rules_done(&rules);
	relay_close(r);
	origin_close(origin);
	nameserver_close(ns);
}

TEST_GO(proxy_socks5_that_reaches_no_address_says_what_became_of_the_last)
{
	static const struct record records[] = { { "a.test", .v4 = "127.0.0.1" },
						 { "a.test", .v4 = "127.0.0.2" },
						 { 0 } };
	struct nameserver *ns = nameserver_open(records);
	struct relay *r = relay_open(&(struct relay_options){ .socks = true, .refuse = 100 });
	struct proxy_rules rules = { .all = relay_proxy(r, "socks5", true) };
	struct rig *rig = open_rig(&rules, &(struct client_options){ .dns_servers = ns->address });
	check_fails(rig, NULL, "http://a.test/", FETCH_PROXY_CONNECT, "host unreachable");
	CHECK_EQ(r->refused, 2);
	check_fails(rig, NULL, "http://none.test/", FETCH_DNS_NOT_FOUND, "");
	CHECK_EQ(r->refused, 2);
	rig_close(rig);
	proxy_rules_done(&rules);
	relay_close(r);
	nameserver_close(ns);
}

/* --- The address policy --- */

/* The default policy: nothing on loopback may be connected to. */
TEST_GO(proxy_of_the_operators_may_stand_where_no_url_may_lead)
{
	struct origin *proxy = origin_open(&(struct origin_options){ .replies = relayed });
	struct policy *policy = policy_of("", NULL);
	struct proxy_rules rules = { .all = relay_proxy_at(proxy->port, "http", true) };
	struct rig *rig = open_rig(&rules, &(struct client_options){ .policy = policy });
	const struct proxy *same = relay_proxy_at(proxy->port, "http", false);
	char url[64];
	check_get(rig, "http://a.test/x?y=z", FETCH_OK, 200, "a");
	/* named by a request, although a connection to it is idle */
	check_fails(rig, same, "http://a.test/x?y=z", FETCH_POLICY_DENIED, "proxy 127.0.0.1");
	/* as a server, by its own proxy and direct */
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", proxy->port);
	check_fails(rig, NULL, url, FETCH_POLICY_DENIED, "loopback");
	struct fetched *f = fetched_new();
	struct fetch_request req = { .method = STR("GET"), .direct = true };
	fetched_run(f, rig, context_background(), &req, url);
	CHECK_ERROR(f, FETCH_POLICY_DENIED);
	fetched_free(f);
	CHECK_EQ(proxy->connections, 1);
	CHECK_EQ(proxy->requests, 1);
	rig_close(rig);
	proxy_unref(same);
	proxy_rules_done(&rules);
	policy_free(policy);
	origin_close(proxy);
}

TEST_GO(proxy_is_not_asked_for_an_address_that_policy_refuses)
{
	static const char *const schemes[] = { "http", "socks5", "socks5h" };
	static const char *const urls[] = {
		"http://10.0.0.1/",   "https://10.0.0.1/",	   "http://169.254.169.254/",
		"https://[::1]/",     "http://localhost/",	   "https://a.localhost/",
		"http://2130706433/", "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::a00:1]/",
	};
	struct origin *proxy = origin_open(&(struct origin_options){ .replies = relayed });
	struct policy *policy = policy_of("", NULL);
	struct rig *rig = open_rig(NULL, &(struct client_options){ .policy = policy });
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		const struct proxy *p = relay_proxy_at(proxy->port, schemes[i], true);
		for (size_t j = 0; j < ARRAY_LEN(urls); j++)
			check_fails(rig, p, urls[j], FETCH_POLICY_DENIED, " address");
		proxy_unref(p);
	}
	CHECK_EQ(proxy->connections, 0);
	rig_close(rig);
	policy_free(policy);
	origin_close(proxy);
}

TEST_GO(proxy_is_not_asked_for_a_port_that_policy_refuses)
{
	static const char *const urls[] = { "http://a.test:25/", "https://a.test:8443/",
					    "http://192.0.32.1:25/" };
	struct origin *proxy = origin_open(&(struct origin_options){ .replies = relayed });
	struct policy *policy = policy_of("", "80, 443");
	struct rig *rig = open_rig(NULL, &(struct client_options){ .policy = policy });
	static const char *const schemes[] = { "http", "socks5h" };
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		const struct proxy *p = relay_proxy_at(proxy->port, schemes[i], true);
		for (size_t j = 0; j < ARRAY_LEN(urls); j++)
			check_fails(rig, p, urls[j], FETCH_POLICY_DENIED, "[policy] ports");
		proxy_unref(p);
	}
	CHECK_EQ(proxy->connections, 0);
	/* its own port is the operator's choice */
	const struct proxy *p = relay_proxy_at(proxy->port, "http", true);
	struct fetched *f = get_by(rig, p, "http://a.test/x?y=z");
	CHECK_ERROR(f, FETCH_OK);
	fetched_free(f);
	proxy_unref(p);
	rig_close(rig);
	policy_free(policy);
	origin_close(proxy);
}

TEST_GO(proxy_socks5_is_given_no_address_that_policy_refuses)
{
	static const struct record records[] = { { "a.test", .v4 = "10.0.0.1" },
						 { "a.test", .v4 = "127.0.0.1" },
						 { "a.test", .v6 = "fe80::1" },
						 { "b.test", .v4 = "10.0.0.1" },
						 { 0 } };
	struct nameserver *ns = nameserver_open(records);
	struct origin *origin = origin_open(&(struct origin_options){ .replies = replies });
	struct relay *r = relay_open(&(struct relay_options){ .socks = true });
	struct proxy_rules rules = { .all = relay_proxy(r, "socks5", true) };
	struct rig *rig = open_rig(&rules, &(struct client_options){ .dns_servers = ns->address });
	char url[100], want[100];
	check_get(rig, origin_url_at(origin, "a.test", "/ok", url, sizeof(url)), FETCH_OK, 200,
		  "hi");
	check_fails(rig, NULL, "http://b.test/", FETCH_POLICY_DENIED, "10.0.0.1:80: private");
	snprintf(want, sizeof(want), "127.0.0.1:%u;", origin->port);
	check_asked(r, want);
	rig_close(rig);
	proxy_rules_done(&rules);
	relay_close(r);
	origin_close(origin);
	nameserver_close(ns);
}

/* --- The way barred --- */

TEST_GO(proxy_that_cannot_be_reached_is_told_from_an_origin)
{
	static const struct record records[] = { { "p.test", .v4 = "127.0.0.1" },
						 { "fail.test", .rcode = 2 },
						 { 0 } };
	struct nameserver *ns = nameserver_open(records);
	struct rig *rig = open_rig(NULL, &(struct client_options){ .dns_servers = ns->address });
	static const struct {
		const char *proxy;
		enum fetch_error error;
		const char *detail;
	} cases[] = {
		{ "http://127.0.0.1:1", FETCH_PROXY_UNREACHABLE, "proxy 127.0.0.1:1" },
		{ "socks5h://p.test:1", FETCH_PROXY_UNREACHABLE, "proxy 127.0.0.1:1" },
		{ "http://none.test:1", FETCH_PROXY_NOT_FOUND, "proxy none.test" },
		{ "socks5h://fail.test:1", FETCH_PROXY_NOT_FOUND, "proxy fail.test" },
		{ "http://10.0.0.1:1", FETCH_POLICY_DENIED, "proxy 10.0.0.1:1: private" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct proxy *p;
		char reason[FAULT_BYTES];
		CHECK_OK(proxy_new(str_of(cases[i].proxy), false, &p, reason));
		check_fails(rig, p, "http://a.test/", cases[i].error, cases[i].detail);
		check_fails(rig, p, "https://a.test/", cases[i].error, cases[i].detail);
		proxy_unref(p);
	}
	rig_close(rig);
	nameserver_close(ns);
}

static const struct reply barred[] = {
	REPLY("closes.test:443", "HTTP/1.1 200 OK\r\n\r\n", .then = THEN_CLOSE),
	REPLY("resets.test:443", "HTTP/1.1 200 OK\r\n\r\n", .then = THEN_RESET),
	REPLY("plain.test:443", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
	REPLY("403.test:443", "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
	REPLY("503.test:443", "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\noops"),
	REPLY("407.test:443", "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"),
	REPLY("302.test:443",
	      "HTTP/1.1 302 No\r\nLocation: http://a.test/\r\nContent-Length: 0\r\n\r\n"),
	REPLY("stall.test:443", "HTTP/1.1 200 OK\r\n", .then = THEN_STALL),
	NO_MORE_REPLIES,
};

TEST_GO(proxy_that_bars_the_tunnel_is_an_error_and_its_connection_is_closed)
{
	static const struct {
		const char *url;
		enum fetch_error error;
	} cases[] = {
		{ "https://403.test/", FETCH_PROXY_REFUSED },
		{ "https://503.test/", FETCH_PROXY_CONNECT },
		{ "https://407.test/", FETCH_PROXY_AUTH },
		{ "https://302.test/", FETCH_PROXY_REFUSED },
		{ "https://404.test/", FETCH_PROXY_REFUSED },
		{ "https://plain.test/", FETCH_PROXY_BAD_ANSWER },
		{ "https://closes.test/", FETCH_TLS_HANDSHAKE },
		{ "https://stall.test/", FETCH_CONNECT_TIMEOUT },
	};
	struct origin *proxy = origin_open(&(struct origin_options){ .replies = barred });
	struct proxy_rules rules = { .https = relay_proxy_at(proxy->port, "http", true) };
	struct rig *rig = open_rig(
		&rules, &(struct client_options){ .limits.connect_timeout_ns = 200 * MILLISECOND });
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_fails(rig, NULL, cases[i].url, cases[i].error, "");
	CHECK_EQ(proxy->requests, ARRAY_LEN(cases));
	CHECK_EQ(proxy->connections, ARRAY_LEN(cases));
	WAIT_FOR(atomic_load(&proxy->open) == 0);
	rig_close(rig);
	proxy_rules_done(&rules);
	origin_close(proxy);
}

/* With the answer to CONNECT, or a moment later in TLS's stead: no such byte is ever taken for the
 * origin's answer. */
static void play_plaintext(struct peer *p)
{
	char hello[512];
	if (!peer_read_head(p) || !peer_say(p, "HTTP/1.1 200 OK\r\n\r\n"))
		return;
	if (peer_read(p, hello, sizeof(hello)) > 0)
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad");
	peer_wait_closed(p);
}

TEST_GO(proxy_that_answers_for_the_origin_in_plaintext_fails_the_handshake)
{
	struct origin *proxy = origin_open(&(struct origin_options){ .play = play_plaintext });
	struct proxy_rules rules = { .https = relay_proxy_at(proxy->port, "http", true) };
	struct rig *rig = open_rig(&rules, &(struct client_options){ 0 });
	struct fetched *f = rig_get(rig, "https://a.test/");
	if (f->error != FETCH_TLS_HANDSHAKE && f->error != FETCH_TLS_PROTOCOL)
		CHECK_ERROR(f, FETCH_TLS_HANDSHAKE);
	CHECK_EQ(f->len, 0);
	CHECK_EQ(f->resp->status, 0);
	fetched_free(f);
	rig_close(rig);
	proxy_rules_done(&rules);
	origin_close(proxy);
}

TEST_GO(proxy_talk_ends_when_the_request_is_cancelled)
{
	struct origin *proxy = origin_open(&(struct origin_options){ .replies = barred });
	struct proxy_rules rules = { .https = relay_proxy_at(proxy->port, "http", true) };
	struct rig *rig = open_rig(&rules, &(struct client_options){ 0 });
	struct context *ctx = context_with_timeout(context_background(), 100 * MILLISECOND);
	struct fetched *f = rig_fetch(rig, ctx, "GET", "https://stall.test/", NULL);
	CHECK_ERROR(f, FETCH_TOTAL_TIMEOUT);
	fetched_free(f);
	context_unref(ctx);
	rig_close(rig);
	WAIT_FOR(atomic_load(&proxy->open) == 0);
	proxy_rules_done(&rules);
	origin_close(proxy);
}
