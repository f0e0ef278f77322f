/* SPDX-License-Identifier: MIT
 *
 * test_url: the parser against tables written from the WHATWG URL standard's rules. A row is input,
 * base (NULL = none), and the href that must come out, or NULL for a refusal. Every href must parse
 * to itself, and every component must lie where JavaScript's URL says.
 */
#include "src/http/url.h"

#include <errno.h>
#include <stdlib.h>

#include "src/common/cleanup.h"
#include "tests/harness.h"

struct row {
	const char *input, *base, *href;
};

/* The input in a block of its own, so that ASan sees a read past its end. */
static int parse(const char *input, const char *base, struct url *ret, const char **ret_reason)
{
	cleanup(url_done) struct url b = { 0 };
	struct str in = str_of(input);
	char *copy = malloc(in.len ? in.len : 1);
	memcpy(copy, in.data, in.len);
	if (base)
		CHECK_OK(url_parse(str_of(base), NULL, &b, NULL));
	int err = url_parse(str_make(copy, in.len), base ? &b : NULL, ret, ret_reason);
	free(copy);
	return err;
}

static void check_row(const struct row *row)
{
	cleanup(url_done) struct url u = { 0 }, again = { 0 };
	const char *reason = NULL;
	int err = parse(row->input, row->base, &u, &reason);
	if (row->href == NULL) {
		if (err == 0)
			test_fail("\"%s\" was taken as %s", row->input, u.href.data);
		CHECK(reason != NULL && u.href.data == NULL);
		return;
	}
	if (err != 0)
		test_fail("\"%s\" was refused: %s", row->input, reason);
	CHECK_STR(u.href.data, row->href);
	CHECK_OK(url_parse(u.href, NULL, &again, NULL));
	CHECK_STR(again.href.data, row->href);
	CHECK_EQ(again.port_number, u.port_number);
	CHECK_EQ(again.host_type, u.host_type);
}

static void check_rows(const struct row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++)
		check_row(&rows[i]);
}

#define ROWS(...)                                                 \
	do {                                                      \
		static const struct row rows[] = { __VA_ARGS__ }; \
		check_rows(rows, ARRAY_LEN(rows));                \
	} while (0)

TEST(url_scheme_and_slashes)
{
	ROWS({ "http://h", NULL, "http://h/" }, { "HTTPS://h/", NULL, "https://h/" },
	     { "hTtP:h", NULL, "http://h/" }, { "http:/h", NULL, "http://h/" },
	     { "http:///h", NULL, "http://h/" }, { "http:\\\\h\\a\\b", NULL, "http://h/a/b" },
	     { "http:/\\//h", NULL, "http://h/" }, { "https:h/x", NULL, "https://h/x" });
	ROWS({ "", NULL, NULL }, { "h", NULL, NULL }, { "//h", NULL, NULL }, { "/x", NULL, NULL },
	     { "http", NULL, NULL }, { "http:", NULL, NULL }, { "http://", NULL, NULL },
	     { "http:///", NULL, NULL }, { "http://?q", NULL, NULL }, { "http://#f", NULL, NULL },
	     { "://h", NULL, NULL }, { "1http://h", NULL, NULL }, { "ht_tp://h", NULL, NULL });
}

TEST(url_of_another_scheme_is_unsupported)
{
	static const char *const others[] = {
		"ftp://h/", "file:///etc/passwd", "mailto:a@b",	 "javascript:1", "data:,x",
		"ws://h",   "localhost:80/x",	  "about:blank", "gopher://h",	 "x-y+z.1:"
	};
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct url u = { 0 };
		const char *reason;
		CHECK_EQ(parse(others[i], NULL, &u, &reason), -EPROTONOSUPPORT);
		CHECK_EQ(parse(others[i], "http://h/", &u, &reason), -EPROTONOSUPPORT);
		CHECK_STR(reason, "the scheme is neither http nor https");
	}
	CHECK_EQ(url_fetch_error(-EPROTONOSUPPORT), FETCH_UNSUPPORTED_SCHEME);
	CHECK_EQ(url_fetch_error(-EINVAL), FETCH_BAD_URL);
	CHECK_EQ(url_fetch_error(-ENAMETOOLONG), FETCH_BAD_URL);
	CHECK_EQ(url_fetch_error(-ENOMEM), FETCH_OUT_OF_MEMORY);
}

TEST(url_controls_and_spaces_around_it_are_trimmed)
{
	ROWS({ "  http://h/x  ", NULL, "http://h/x" },
	     { "\x01\x1f http://h/ \x02", NULL, "http://h/" },
	     { "http://h/a b \t", NULL, "http://h/a%20b" });
}

TEST(url_tabs_and_newlines_are_removed_everywhere)
{
	ROWS({ "ht\ntp://e\txa\rmple/a\nb?c\td#e\rf", NULL, "http://example/ab?cd#ef" },
	     { "http:\n/\n/h", NULL, "http://h/" }, { "http://h:8\t0", NULL, "http://h/" },
	     { "http://h/.\n.", NULL, "http://h/" });
}

TEST(url_userinfo)
{
	ROWS({ "http://u@h", NULL, "http://u@h/" }, { "http://u:p@h", NULL, "http://u:p@h/" },
	     { "http://u:@h", NULL, "http://u@h/" }, { "http://:p@h", NULL, "http://:p@h/" },
	     { "http://@h", NULL, "http://h/" }, { "http://:@h", NULL, "http://h/" },
	     { "http://a@b@h", NULL, "http://a%40b@h/" },
	     { "http://a:b:c@h", NULL, "http://a:b%3Ac@h/" },
	     { "http://u:p@@h", NULL, "http://u:p%40@h/" },
	     { "http://a b:\xc3\xa9@h", NULL, "http://a%20b:%C3%A9@h/" },
	     { "http://%41%zz@h", NULL, "http://%41%zz@h/" },
	     { "http://[;=|^]@h", NULL, "http://%5B%3B%3D%7C%5E%5D@h/" },
	     { "http://u@/x", NULL, NULL }, { "http://u@", NULL, NULL },
	     { "http://u:p@:80", NULL, NULL }, { "http://u/@h", NULL, "http://u/@h" },
	     { "http://u?@h", NULL, "http://u/?@h" }, { "http://u\\@h", NULL, "http://u/@h" });
}

TEST(url_host_is_lowered_decoded_and_checked)
{
	ROWS({ "http://EXAMPLE.Com", NULL, "http://example.com/" },
	     { "http://%65%78.com", NULL, "http://ex.com/" },
	     { "http://a%2eb", NULL, "http://a.b/" }, { "http://a_b", NULL, "http://a_b/" },
	     { "http://-a-", NULL, "http://-a-/" },
	     { "http://r3---sn.x", NULL, "http://r3---sn.x/" },
	     { "http://a..b", NULL, "http://a..b/" }, { "http://a.", NULL, "http://a./" },
	     { "http://a!$&'()*+,;=~`{}\"b", NULL, "http://a!$&'()*+,;=~`{}\"b/" });
	ROWS({ "http://a b", NULL, NULL }, { "http://a%20b", NULL, NULL },
	     { "http://a%00b", NULL, NULL }, { "http://a%zzb", NULL, NULL },
	     { "http://a%", NULL, NULL }, { "http://a<b", NULL, NULL },
	     { "http://a>b", NULL, NULL }, { "http://a^b", NULL, NULL },
	     { "http://a|b", NULL, NULL }, { "http://a]b", NULL, NULL },
	     { "http://a[b", NULL, NULL }, { "http://a%5cb", NULL, NULL },
	     { "http://a%2fb", NULL, NULL }, { "http://a%3ab", NULL, NULL },
	     { "http://a%40b", NULL, NULL }, { "http://a%25b", NULL, NULL },
	     { "http://a\x01"
	       "b",
	       NULL, NULL },
	     { "http://a\x7f"
	       "b",
	       NULL, NULL },
	     { "http://\xff", NULL, NULL }, { "http://%ff", NULL, NULL });
}

TEST(url_host_is_mapped_by_uts_46)
{
	ROWS({ "http://B\u00dcCHER.de", NULL, "http://xn--bcher-kva.de/" },
	     { "http://fa\u00df.de", NULL, "http://xn--fa-hia.de/" },
	     { "http://xn--bcher-kva.de", NULL, "http://xn--bcher-kva.de/" },
	     { "http://XN--BCHER-KVA.de", NULL, "http://xn--bcher-kva.de/" },
	     { "http://b%C3%BCcher.de", NULL, "http://xn--bcher-kva.de/" },
	     { "http://\uff27\uff4f.com", NULL, "http://go.com/" },
	     { "http://a\u3002b\uff0ec\uff61d", NULL, "http://a.b.c.d/" },
	     { "http://\u65e5\u672c\u8a9e.jp", NULL, "http://xn--wgv71a119e.jp/" },
	     { "http://A\u030a", NULL, "http://xn--5ca/" },
	     { "http://ex\u00adample", NULL, "http://example/" },
	     { "http://r3---sn.b\u00fccher.de", NULL, "http://r3---sn.xn--bcher-kva.de/" },
	     { "http://\uff11.\uff12.\uff13.\uff14", NULL, "http://1.2.3.4/" },
	     { "http://0\u2169"
	       "7f.1",
	       NULL, "http://127.0.0.1/" });
	ROWS({ "http://xn--", NULL, NULL }, { "http://xn--a", NULL, NULL },
	     { "http://a.xn--zz--z", NULL, NULL }, { "http://\u00ad", NULL, NULL },
	     { "http://a\u200db", NULL, NULL }, { "http://\u0301a", NULL, NULL },
	     { "http://\uff05\uff14\uff11", NULL, NULL });
}

TEST(url_ipv4_in_all_spellings)
{
	ROWS({ "http://1.2.3.4", NULL, "http://1.2.3.4/" },
	     { "http://1.2.3.4.", NULL, "http://1.2.3.4/" },
	     { "http://0x7f.1", NULL, "http://127.0.0.1/" },
	     { "http://0X7F000001", NULL, "http://127.0.0.1/" },
	     { "http://017700000001", NULL, "http://127.0.0.1/" },
	     { "http://2130706433", NULL, "http://127.0.0.1/" },
	     { "http://0", NULL, "http://0.0.0.0/" }, { "http://0x", NULL, "http://0.0.0.0/" },
	     { "http://0x.0x.0", NULL, "http://0.0.0.0/" },
	     { "http://1.65535", NULL, "http://1.0.255.255/" },
	     { "http://1.2.65535", NULL, "http://1.2.255.255/" },
	     { "http://1.16777215", NULL, "http://1.255.255.255/" },
	     { "http://4294967295", NULL, "http://255.255.255.255/" },
	     { "http://00000000000000000001", NULL, "http://0.0.0.1/" },
	     { "http://%30%78%63%30", NULL, "http://0.0.0.192/" });
	ROWS({ "http://4294967296", NULL, NULL }, { "http://1.2.3.256", NULL, NULL },
	     { "http://256.2.3.4", NULL, NULL }, { "http://1.2.65536", NULL, NULL },
	     { "http://1.16777216", NULL, NULL }, { "http://1.2.3.4.5", NULL, NULL },
	     { "http://1..2", NULL, NULL }, { "http://08", NULL, NULL },
	     { "http://1.2.3.08", NULL, NULL }, { "http://0xg.1", NULL, NULL },
	     { "http://a.1", NULL, NULL }, { "http://a.0x1", NULL, NULL },
	     { "http://a.09", NULL, NULL }, { "http://1.2.3.4..", NULL, "http://1.2.3.4../" },
	     { "http://99999999999999999999999999", NULL, NULL },
	     { "http://0xfffffffffffffffffffffff", NULL, NULL });
	ROWS({ "http://a.1a", NULL, "http://a.1a/" }, { "http://1.2.3.a", NULL, "http://1.2.3.a/" },
	     { "http://1a", NULL, "http://1a/" }, { "http://0xg", NULL, "http://0xg/" });
}

TEST(url_ipv6_is_compressed)
{
	ROWS({ "http://[::]", NULL, "http://[::]/" }, { "http://[::1]", NULL, "http://[::1]/" },
	     { "http://[1::]", NULL, "http://[1::]/" },
	     { "http://[2001:DB8:0:0:8:800:200C:417A]", NULL,
	       "http://[2001:db8::8:800:200c:417a]/" },
	     { "http://[1:0:0:2:0:0:0:3]", NULL, "http://[1:0:0:2::3]/" },
	     { "http://[1:0:0:2:3:0:0:4]", NULL, "http://[1::2:3:0:0:4]/" },
	     { "http://[0:1:0:1:0:1:0:1]", NULL, "http://[0:1:0:1:0:1:0:1]/" },
	     { "http://[1:2:3:4:5:6:7::]", NULL, "http://[1:2:3:4:5:6:7:0]/" },
	     { "http://[::2:3:4:5:6:7:8]", NULL, "http://[0:2:3:4:5:6:7:8]/" },
	     { "http://[0:0:0:0:0:0:0:0]", NULL, "http://[::]/" },
	     { "http://[::ffff:1.2.3.4]", NULL, "http://[::ffff:102:304]/" },
	     { "http://[1:2:3:4:5:6:7.8.9.10]", NULL, "http://[1:2:3:4:5:6:708:90a]/" },
	     { "http://[0001:00ab:0:0:0:0:0:1]:8080", NULL, "http://[1:ab::1]:8080/" });
	ROWS({ "http://[]", NULL, NULL }, { "http://[:]", NULL, NULL },
	     { "http://[:1]", NULL, NULL }, { "http://[1]", NULL, NULL },
	     { "http://[1:]", NULL, NULL }, { "http://[1:2:3:4:5:6:7]", NULL, NULL },
	     { "http://[1:2:3:4:5:6:7:8:9]", NULL, NULL },
	     { "http://[1:2:3:4:5:6:7:8:]", NULL, NULL },
	     { "http://[1::2:3:4:5:6:7:8]", NULL, NULL },
	     { "http://[::1:2:3:4:5:6:7:8]", NULL, NULL },
	     { "http://[1:2:3:4:5:6::1.2.3.4]", NULL, NULL }, { "http://[1::2::3]", NULL, NULL },
	     { "http://[:::]", NULL, NULL }, { "http://[12345::]", NULL, NULL },
	     { "http://[::g]", NULL, NULL }, { "http://[::1.2.3]", NULL, NULL },
	     { "http://[::1.2.3.4.5]", NULL, NULL }, { "http://[::1.2.3.256]", NULL, NULL },
	     { "http://[::01.2.3.4]", NULL, NULL }, { "http://[::.1.2.3]", NULL, NULL },
	     { "http://[::1.2.3.]", NULL, NULL }, { "http://[::a.2.3.4]", NULL, NULL },
	     { "http://[1:2:3:4:5:6:7:1.2.3.4]", NULL, NULL }, { "http://[::1%eth0]", NULL, NULL },
	     { "http://[::1", NULL, NULL }, { "http://[::1]x", NULL, NULL },
	     { "http://::1", NULL, NULL }, { "http://x[::1]", NULL, NULL },
	     { "http://[1.2.3.4]", NULL, NULL });
}

TEST(url_ports)
{
	ROWS({ "http://h:80", NULL, "http://h/" }, { "https://h:443", NULL, "https://h/" },
	     { "http://h:443", NULL, "http://h:443/" }, { "https://h:80", NULL, "https://h:80/" },
	     { "http://h:", NULL, "http://h/" }, { "http://h:0", NULL, "http://h:0/" },
	     { "http://h:00080", NULL, "http://h/" },
	     { "http://h:0008080", NULL, "http://h:8080/" },
	     { "http://h:65535", NULL, "http://h:65535/" }, { "http://h:65536", NULL, NULL },
	     { "http://h:99999999999999999999", NULL, NULL }, { "http://h:a", NULL, NULL },
	     { "http://h:8a", NULL, NULL }, { "http://h:-1", NULL, NULL },
	     { "http://h: 80", NULL, NULL }, { "http://:80", NULL, NULL },
	     { "http://h:80:80", NULL, NULL });
}

TEST(url_dot_segments)
{
	ROWS({ "http://h/a/./b", NULL, "http://h/a/b" }, { "http://h/a/../b", NULL, "http://h/b" },
	     { "http://h/../../b", NULL, "http://h/b" }, { "http://h/a/..", NULL, "http://h/" },
	     { "http://h/a/.", NULL, "http://h/a/" }, { "http://h/a/b/..", NULL, "http://h/a/" },
	     { "http://h/%2e/a", NULL, "http://h/a" },
	     { "http://h/a/%2E%2e/b", NULL, "http://h/b" },
	     { "http://h/a/.%2e/b", NULL, "http://h/b" }, { "http://h/a/%2e.", NULL, "http://h/" },
	     { "http://h/...", NULL, "http://h/..." },
	     { "http://h/%2e%2e%2e", NULL, "http://h/%2e%2e%2e" },
	     { "http://h/a//../b", NULL, "http://h/a/b" }, { "http://h//", NULL, "http://h//" },
	     { "http://h/a\\..\\b", NULL, "http://h/b" }, { "http://h/..?q", NULL, "http://h/?q" },
	     { "http://h/.#f", NULL, "http://h/#f" }, { "http://h/%2f..", NULL, "http://h/%2f.." });
}

TEST(url_percent_encoding_by_component)
{
	ROWS({ "http://h/ \"#", NULL, "http://h/%20%22#" },
	     { "http://h/<>?", NULL, "http://h/%3C%3E?" },
	     { "http://h/`{}^", NULL, "http://h/%60%7B%7D%5E" },
	     { "http://h/|'[]@:;=~", NULL, "http://h/|'[]@:;=~" },
	     { "http://h/%zz%4%41", NULL, "http://h/%zz%4%41" },
	     { "http://h/\x01\x7f\xc3\xa9", NULL, "http://h/%01%7F%C3%A9" },
	     { "http://h/?\"<>'#", NULL, "http://h/?%22%3C%3E%27#" },
	     { "http://h/?`{}^|\\?", NULL, "http://h/?`{}^|\\?" },
	     { "http://h/?\xc3\xa9 \x01", NULL, "http://h/?%C3%A9" },
	     { "http://h/#\"<>`", NULL, "http://h/#%22%3C%3E%60" },
	     { "http://h/#a#b'{}^ c", NULL, "http://h/#a#b'{}^%20c" });
}

#define BASE "http://u:p@h:81/a/b/c?q#f"

TEST(url_relative_references)
{
	ROWS({ "", BASE, "http://u:p@h:81/a/b/c?q" }, { "#x", BASE, "http://u:p@h:81/a/b/c?q#x" },
	     { "?x", BASE, "http://u:p@h:81/a/b/c?x" }, { "?", BASE, "http://u:p@h:81/a/b/c?" },
	     { "x", BASE, "http://u:p@h:81/a/b/x" }, { "x/", BASE, "http://u:p@h:81/a/b/x/" },
	     { "/x", BASE, "http://u:p@h:81/x" }, { "\\x", BASE, "http://u:p@h:81/x" },
	     { "//x", BASE, "http://x/" }, { "\\\\x", BASE, "http://x/" },
	     { "/\\x", BASE, "http://x/" }, { "///x", BASE, "http://x/" },
	     { ".", BASE, "http://u:p@h:81/a/b/" }, { "..", BASE, "http://u:p@h:81/a/" },
	     { "../x", BASE, "http://u:p@h:81/a/x" }, { "../../../x", BASE, "http://u:p@h:81/x" },
	     { "./x:y", BASE, "http://u:p@h:81/a/b/x:y" },
	     { "x?y#z", BASE, "http://u:p@h:81/a/b/x?y#z" }, { "//x:80/y", BASE, "http://x/y" },
	     { "//", BASE, NULL }, { "//u@", BASE, NULL },
	     { " x ", BASE, "http://u:p@h:81/a/b/x" });
}

TEST(url_relative_references_with_the_same_scheme)
{
	ROWS({ "http:x", BASE, "http://u:p@h:81/a/b/x" },
	     { "http:", BASE, "http://u:p@h:81/a/b/c?q" }, { "http:/x", BASE, "http://u:p@h:81/x" },
	     { "http:#x", BASE, "http://u:p@h:81/a/b/c?q#x" },
	     { "http:?x", BASE, "http://u:p@h:81/a/b/c?x" }, { "http://x", BASE, "http://x/" },
	     { "http:\\\\x", BASE, "http://x/" }, { "https:x", BASE, "https://x/" },
	     { "https:/x", BASE, "https://x/" }, { "//x", "https://h:8443/y", "https://x/" },
	     { "x", "https://h", "https://h/x" });
}

TEST(url_relative_reference_keeps_an_empty_query)
{
	ROWS({ "#x", "http://h/?", "http://h/?#x" }, { "", "http://h/?#y", "http://h/?" });
}

static bool is(struct str s, const char *text)
{
	return str_eq(s, str_of(text));
}

TEST(url_components_are_those_of_javascript)
{
	cleanup(url_done) struct url u = { 0 };
	CHECK_OK(
		url_parse(STR("HTTPS://us%20er:pa:ss@EXAMPLE.com:8443/p/a?q=1#f"), NULL, &u, NULL));
	CHECK(is(u.protocol, "https:") && is(u.username, "us%20er") && is(u.password, "pa%3Ass"));
	CHECK(is(u.hostname, "example.com") && is(u.host_port, "example.com:8443") &&
	      is(u.port, "8443"));
	CHECK(is(u.pathname, "/p/a") && is(u.search, "?q=1") && is(u.hash, "#f"));
	CHECK(u.https && u.port_number == 8443 && u.host_type == URL_NAME);
	CHECK(is(url_request_target(&u), "/p/a?q=1"));
	CHECK(is(url_without_hash(&u), "https://us%20er:pa%3Ass@example.com:8443/p/a?q=1"));
}

TEST(url_components_that_are_absent_are_empty)
{
	cleanup(url_done) struct url u = { 0 }, v = { 0 };
	CHECK_OK(url_parse(STR("http://h"), NULL, &u, NULL));
	CHECK(u.username.len == 0 && u.password.len == 0 && u.port.len == 0 && u.search.len == 0 &&
	      u.hash.len == 0);
	CHECK(is(u.host_port, "h") && is(u.pathname, "/") && u.port_number == 80 && !u.https);
	CHECK_OK(url_parse(STR("http://[::1]/?#"), NULL, &v, NULL));
	CHECK(v.search.len == 0 && v.hash.len == 0 && v.host_type == URL_IPV6);
	CHECK(is(v.href, "http://[::1]/?#"));
	CHECK(is(url_request_target(&v), "/?"));
	CHECK(is(url_without_hash(&v), "http://[::1]/?"));
}

TEST(url_copy_stands_alone)
{
	cleanup(url_done) struct url copy = { 0 };
	struct url u;
	CHECK_OK(url_parse(STR("http://u@h:1/p?q#f"), NULL, &u, NULL));
	CHECK_OK(url_copy(&u, &copy));
	url_done(&u);
	CHECK_STR(copy.href.data, "http://u@h:1/p?q#f");
	CHECK(is(copy.username, "u") && is(copy.host_port, "h:1") && is(copy.hash, "#f") &&
	      is(copy.search, "?q"));
}

TEST(url_origins)
{
	static const char *const same[] = { "http://h", "http://h:80/x", "HTTP://H:080?y",
					    "http://u@%48#z" };
	static const char *const others[] = { "https://h", "http://h:81", "http://g",
					      "https://h:80" };
	cleanup(url_done) struct url u = { 0 };
	cleanup(buf_done) struct buf b = { 0 };
	CHECK_OK(url_parse(STR("http://h"), NULL, &u, NULL));
	CHECK_OK(url_origin(&u, &b));
	CHECK_STR(buf_cstr(&b), "http://h:80");
	for (size_t i = 0; i < 4; i++) {
		cleanup(url_done) struct url s = { 0 }, o = { 0 };
		CHECK_OK(url_parse(str_of(same[i]), NULL, &s, NULL));
		CHECK_OK(url_parse(str_of(others[i]), NULL, &o, NULL));
		CHECK(url_same_origin(&u, &s) && url_origin_hash(&u) == url_origin_hash(&s));
		CHECK(!url_same_origin(&u, &o) && url_origin_hash(&u) != url_origin_hash(&o));
	}
}

TEST(url_as_json)
{
	cleanup(url_done) struct url u = { 0 };
	cleanup(buf_done) struct buf b = { 0 };
	CHECK_OK(url_parse(STR("http://u:p@h:81/x?y#z"), NULL, &u, NULL));
	CHECK_OK(url_to_json(&u, &b));
	CHECK_STR(buf_cstr(&b),
		  "{\"protocol\":\"http:\",\"username\":\"u\",\"password\":\"p\",\"host\":\"h:81\","
		  "\"hostname\":\"h\","
		  "\"port\":\"81\",\"pathname\":\"/"
		  "x\",\"search\":\"?y\",\"hash\":\"#z\",\"href\":\"http://u:p@h:81/x?y#z\"}");
}

TEST(url_longer_than_the_limit_is_refused)
{
	cleanup(buf_done) struct buf b = { 0 };
	struct url u = { 0 };
	const char *reason;
	buf_append_str(&b, STR("http://h/"));
	while (b.len < URL_LIMIT)
		buf_append_char(&b, 'a');
	CHECK_OK(url_parse(buf_str(&b), NULL, &u, NULL));
	url_done(&u);
	b.data[9] = ' '; /* three bytes when encoded */
	CHECK_EQ(url_parse(buf_str(&b), NULL, &u, &reason), -ENAMETOOLONG);
	buf_append_char(&b, 'a');
	CHECK_EQ(url_parse(buf_str(&b), NULL, &u, &reason), -ENAMETOOLONG);
	CHECK_STR(reason, "the URL is longer than 64 KiB");
}

TEST(url_with_nul_bytes)
{
	cleanup(url_done) struct url u = { 0 };
	CHECK_OK(url_parse(STR("\0http://h/a\0b\0"), NULL, &u, NULL));
	CHECK_STR(u.href.data, "http://h/a%00b");
	CHECK_EQ(url_parse(STR("http://h\0x/"), NULL, &u, NULL), -EINVAL);
}
