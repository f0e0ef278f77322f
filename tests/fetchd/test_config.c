/* SPDX-License-Identifier: MIT
 *
 * The configuration file: what each kind of value takes, what each mistake is told, and that
 * config/fetchd.conf is the manual of the table.
 */
#define _GNU_SOURCE
#include "src/fetchd/config.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "src/common/cleanup.h"
#include "src/common/paths.h"
#include "tests/harness.h"

static const struct {
	const char *section, *key, *fallback;
} keys[] = {
#define KEY(section, key, kind, member, fallback, least, most) { #section, #key, fallback },
#include "src/fetchd/config.def"
#undef KEY
};

static char path[300];

static const char *write_file(const char *text, size_t len)
{
	snprintf(path, sizeof(path), "%s/test.conf", test_dir());
	FILE *f = fopen(path, "w");
	CHECK(f);
	CHECK_EQ(fwrite(text, 1, len, f), len);
	CHECK_OK(fclose(f));
	return path;
}

static struct config load(const char *text)
{
	struct config c = { 0 };
	char *reason = NULL;
	int err = config_load(write_file(text, strlen(text)), &c, &reason);
	if (err)
		test_fail("%s", reason);
	return c;
}

/* The reason behind "PATH:". */
static void check_refused(const char *text, const char *want)
{
	struct config c = { .socket_path = path };
	cleanup(cleanup_free) char *reason = NULL;
	CHECK_EQ(config_load(write_file(text, strlen(text)), &c, &reason), -EINVAL);
	CHECK(c.socket_path == path); /* untouched */
	CHECK(strncmp(reason, path, strlen(path)) == 0);
	CHECK_STR(reason + strlen(path), want);
}

TEST(config_without_a_file_is_the_defaults)
{
	struct config c = { 0 };
	char *reason;
	CHECK_OK(config_load(NULL, &c, &reason));
	CHECK_STR(c.socket_path, FETCHD_SOCKET_PATH);
	CHECK_STR(c.state_dir, "/var/lib/fetchd");
	CHECK_STR(c.log_level, "info");
	CHECK_EQ(c.shutdown_grace_ns, 5 * SECOND);
	CHECK_EQ(c.engine.max_in_flight, 0);
	CHECK_EQ(c.engine.max_per_host, 64);
	CHECK_EQ(c.client.limits.total_timeout_ns, 60 * SECOND);
	CHECK_EQ(c.client.limits.message.body_bytes, 100 << 20);
	CHECK_EQ(c.client.limits.message.head_bytes, 64 << 10);
	CHECK_EQ(c.client.limits.max_redirects, 10);
	CHECK(!c.client.no_redirects && !c.client.https_to_http && !c.client.credentials_file);
	CHECK(c.client.policy && c.client.policy == c.policy);
	CHECK(!c.client.tls.ca_file && !c.client.user_agent && !c.client.dns_servers);
	config_done(&c);
}

TEST(config_values_of_every_kind_are_read)
{
	struct config c =
		load("[daemon]\nsocket = ./s\nlog_level=debug\nshutdown_grace = 0\n"
		     "[fetch]\nmax_in_flight = 10000\nidle_timeout = 250ms\nmax_body = "
		     "5G\nmax_head = 8k\n"
		     "decode = no\nmax_decoded = 2M\nmax_batch_jobs = 5000000\nuser_agent = "
		     "tester/1 (+http://example.com/)\n"
		     "https_to_http = yes\n[auth]\ncredentials_file = /x/secrets\n"
		     "[tls]\nca_file = /x/ca.pem\n[dns]\nservers = 192.0.2.1, 192.0.2.2:5353\n");
	CHECK_STR(c.socket_path, "./s");
	CHECK_STR(c.log_level, "debug");
	CHECK_EQ(c.shutdown_grace_ns, 0);
	CHECK_EQ(c.engine.max_in_flight, 10000);
	CHECK_EQ(c.engine.max_batch_jobs, 5000000);
	CHECK_EQ(c.client.limits.idle_timeout_ns, 250 * MILLISECOND);
	CHECK_EQ(c.client.limits.message.body_bytes, INT64_C(5) << 30);
	CHECK_EQ(c.client.limits.message.head_bytes, 8192);
	CHECK(c.client.no_decode);
	CHECK_EQ(c.client.limits.decode.bytes, 2 << 20);
	CHECK_STR(c.client.user_agent, "tester/1 (+http://example.com/)");
	CHECK(c.client.https_to_http);
	CHECK_STR(c.client.credentials_file, "/x/secrets");
	CHECK_STR(c.client.tls.ca_file, "/x/ca.pem");
	CHECK_STR(c.client.dns_servers, "192.0.2.1, 192.0.2.2:5353");
	config_done(&c);
}

TEST(config_proxies_are_read_and_trusted)
{
	struct config c = load("[proxy]\nhttp = http://p.example:3128\nall = socks5h://[::1]\n"
			       "no_proxy = example.com, 10.0.0.0/8\n");
	CHECK(c.client.proxies == c.proxies);
	CHECK(!c.proxies->https && c.proxies->http->trusted && c.proxies->all->trusted);
	CHECK_EQ(c.proxies->http->port, 3128);
	CHECK_EQ(c.proxies->all->kind, PROXY_SOCKS5H);
	CHECK_EQ(c.proxies->except_len, 2);
	config_done(&c);
	check_refused("[proxy]\nhttps = https://p.example\n",
		      ":2: [proxy] https: no http, socks5 or socks5h proxy: https://");
	check_refused("[proxy]\nno_proxy = a, 10.0.0.0/33\n",
		      ":2: [proxy] no_proxy: \"a, 10.0.0.0/33\" has \"10.0.0.0/33\", which is no "
		      "host, address or network such as example.com, example.com:8080 or "
		      "10.0.0.0/8");
}

TEST(config_proxys_password_is_for_few_eyes_and_for_no_message)
{
	static const char text[] = "[proxy]\nall = http://u:secret@p.example\n";
	struct config c = { 0 };
	char *reason = NULL;
	CHECK_OK(chmod(write_file("", 0), 0644)); /* and it stays so when it is written again */
	check_refused(text, ":2: [proxy] all: a user's name or password, in a file that everybody "
			    "can read (chmod o-r)");
	check_refused("[proxy]\nall = http://u:secret@:x\n",
		      ":2: [proxy] all: the proxy's URL: the host is missing");
	CHECK_OK(chmod(write_file(text, strlen(text)), 0640));
	CHECK_OK(config_load(path, &c, &reason));
	CHECK(str_eq(c.proxies->all->password, STR("secret")));
	config_done(&c);
}

TEST(config_last_value_wins_and_sections_may_repeat)
{
	struct config c = load(
		"[fetch]\nmax_per_host = 1\nmax_per_host = 2\n[tls]\n[fetch]\nmax_per_host = 3\n");
	CHECK_EQ(c.engine.max_per_host, 3);
	config_done(&c);
}

TEST(config_comments_indentation_and_byte_order_mark_are_fine)
{
	struct config c = load("\xef\xbb\xbf# one\n; two\n\n  [fetch]\n\tmax_per_host = 7 ; "
			       "seven\n   max_redirects=2\r\n");
	CHECK_EQ(c.engine.max_per_host, 7);
	CHECK_EQ(c.client.limits.max_redirects, 2);
	config_done(&c);
}

TEST(config_no_redirects_at_zero)
{
	struct config c = load("[fetch]\nmax_redirects = 0\n");
	CHECK(c.client.no_redirects);
	config_done(&c);
}

TEST(config_auto_is_zero)
{
	struct config c = load("[fetch]\nmax_in_flight = 5\nmax_in_flight = auto\n");
	CHECK_EQ(c.engine.max_in_flight, 0);
	config_done(&c);
}

static const char *check_address(const struct config *c, uint32_t address)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };
	return policy_check(c->policy, (struct sockaddr *)&sa);
}

TEST(config_policy_lists_make_the_policy)
{
	struct config c = load("[policy]\nallow = 127.0.0.0/8, 10.1.2.3\ndeny = 127.9.0.0/16\n");
	CHECK(!check_address(&c, 0x7f000001));
	CHECK(!check_address(&c, 0x0a010203));
	CHECK(check_address(&c, 0x0a010204));
	CHECK(check_address(&c, 0x7f090001));
	config_done(&c);
}

TEST(config_policy_list_given_twice_is_replaced)
{
	struct config c = load("[policy]\nallow = 127.0.0.0/8\nallow = 10.0.0.0/8\n");
	CHECK(check_address(&c, 0x7f000001));
	CHECK(!check_address(&c, 0x0a010203));
	config_done(&c);
}

TEST(config_long_list_fits_on_a_line)
{
	cleanup(buf_done) struct buf text = { 0 };
	buf_append_str(&text, STR("[policy]\nallow = 127.0.0.0/8"));
	for (int i = 0; i < 2000; i++)
		buf_printf(&text, ", 10.%d.%d.0/24", i / 256, i % 256);
	struct config c = load(buf_cstr(&text));
	CHECK(!check_address(&c, 0x0a07cf01)); /* 10.7.207.1: the last */
	config_done(&c);
}

TEST(config_bad_numbers_are_named_with_line_and_range)
{
	check_refused("\n[fetch]\nmax_in_flight = abc\n",
		      ":3: [fetch] max_in_flight: \"abc\" is not auto or a number (1 to 1000000)");
	check_refused("[fetch]\nmax_in_flight = 0\n",
		      ":2: [fetch] max_in_flight: \"0\" is out of range (1 to 1000000)");
	check_refused("[fetch]\nmax_per_host = -1\n",
		      ":2: [fetch] max_per_host: \"-1\" is not a number (0 to 1000000)");
	check_refused("[fetch]\nmax_per_host = 99999999999999999999\n",
		      ":2: [fetch] max_per_host: \"99999999999999999999\" is out of range (0 to "
		      "1000000)");
	check_refused("[fetch]\nmax_per_host = 4 # four\n",
		      ":2: [fetch] max_per_host: \"4 # four\" is not a number (0 to 1000000)");
}

TEST(config_bad_durations_and_sizes_are_named_with_form_and_range)
{
	check_refused("[fetch]\nidle_timeout = 30\n",
		      ":2: [fetch] idle_timeout: \"30\" is not a number and ms, s, m, h or d, such "
		      "as 250ms, 5s or 2m (1ms to 24h)");
	check_refused("[fetch]\nidle_timeout = 25h\n",
		      ":2: [fetch] idle_timeout: \"25h\" is out of range (1ms to 24h)");
	check_refused("[fetch]\nmax_head = 1\n",
		      ":2: [fetch] max_head: \"1\" is out of range (1k to 1M)");
	check_refused("[fetch]\nmax_body = lots\n",
		      ":2: [fetch] max_body: \"lots\" is not a number of bytes, or a number and k, "
		      "M, G or T, "
		      "such as 64k or 10M (1 to 1T)");
}

TEST(config_bad_words_are_named)
{
	check_refused("[daemon]\nlog_level = loud\n",
		      ":2: [daemon] log_level: \"loud\" is not a level (err, warn, info, debug)");
	check_refused("[daemon]\nsocket =\n", ":2: [daemon] socket: \"\" may not be empty");
	check_refused(
		"[policy]\nallow = 10.0.0.0/8, 10.0.0.0/33\n",
		":2: [policy] allow: \"10.0.0.0/8, 10.0.0.0/33\" has \"10.0.0.0/33\", which is "
		"no address or network such as 10.0.0.0/8 or ::1");
	check_refused("[policy]\nports = 80, 443-\n",
		      ":2: [policy] ports: \"80, 443-\" has \"443-\", which is no port or range of "
		      "ports such as 8000-8999");
	check_refused("[policy]\nports = ,\n",
		      ":2: [policy] ports: \",\" has \",\", which is no port "
		      "or range of ports such as 8000-8999");
	check_refused("[fetch]\ndecode = on\n", ":2: [fetch] decode: \"on\" is neither yes nor no");
}

TEST(config_unknown_names_are_refused_with_a_hint)
{
	check_refused("[fetch]\n\nmax_inflight = 3\n",
		      ":3: [fetch] has no key \"max_inflight\"; did you mean max_in_flight?");
	check_refused("[fetch]\nca_file = x\n",
		      ":2: [fetch] has no key \"ca_file\"; it belongs into [tls]");
	check_refused("[fetch]\nzebra = x\n", ":2: [fetch] has no key \"zebra\"");
	check_refused("[fetchd]\nzebra = x\n",
		      ":1: unknown section [fetchd]; did you mean [fetch]?");
	check_refused("[zebras]\n", ":1: unknown section [zebras]");
	check_refused("max_in_flight = 3\n",
		      ":1: \"max_in_flight\" stands before the first [section]");
}

TEST(config_malformed_lines_are_refused)
{
	check_refused("[fetch]\nmax_in_flight\n", ":2: neither a [section] nor key = value");
	check_refused("# x\n[fetch\n", ":2: neither a [section] nor key = value");
}

TEST(config_overlong_line_is_refused)
{
	cleanup(buf_done) struct buf text = { 0 };
	buf_append_str(&text, STR("[fetch]\nuser_agent = "));
	for (int i = 0; i < 70000; i++)
		buf_append_char(&text, 'x');
	check_refused(buf_cstr(&text), ":2: the line is longer than 65534 bytes");
}

TEST(config_file_that_is_absent_or_a_folder_is_named)
{
	struct config c;
	char *reason = NULL;
	CHECK_EQ(config_load("/nonexistent/x.conf", &c, &reason), -ENOENT);
	CHECK_STR(reason, "/nonexistent/x.conf: No such file or directory");
	free(reason);
	CHECK(config_load(test_dir(), &c, &reason) < 0);
	CHECK(strstr(reason, test_dir()) == reason);
	free(reason);
}

/* ---- config/fetchd.conf ---- */

static FILE *open_manual(void)
{
	FILE *f = fopen("config/fetchd.conf", "r");
	if (!f)
		test_skip("not run from the root of the tree");
	return f;
}

TEST(config_manual_lists_every_key_with_its_default_in_order)
{
	FILE *f = open_manual();
	char line[300], section[50] = "", key[50], value[200];
	size_t n = 0;
	while (fgets(line, sizeof(line), f)) {
		value[0] = '\0';
		if (sscanf(line, "[%49[a-z]]", section) == 1 ||
		    sscanf(line, "#%49[a-z0-9_] = %199[^\n]", key, value) < 1 ||
		    strncmp(line, "# ", 2) == 0)
			continue;
		if (!strchr(line, '='))
			continue;
		CHECK_LT(n, ARRAY_LEN(keys));
		CHECK_STR(section, keys[n].section);
		CHECK_STR(key, keys[n].key);
		CHECK_STR(value, keys[n].fallback);
		n++;
	}
	fclose(f);
	CHECK_EQ(n, ARRAY_LEN(keys));
}

TEST(config_man_page_lists_every_key_with_its_default_in_order)
{
	FILE *f = fopen("man/fetchd.conf.5", "r");
	if (!f)
		test_skip("not run from the root of the tree");
	char line[300], section[50] = "", key[50], value[200];
	size_t n = 0;
	while (fgets(line, sizeof(line), f)) {
		value[0] = '\0';
		if (sscanf(line, ".SH [%49[a-z]]", section) == 1 ||
		    sscanf(line, ".BR %49[a-z0-9_] \" (%199[^)])\"", key, value) < 1)
			continue;
		if (!strstr(line, "\" ("))
			continue;
		CHECK_LT(n, ARRAY_LEN(keys));
		CHECK_STR(section, keys[n].section);
		CHECK_STR(key, keys[n].key);
		CHECK_STR(value, keys[n].fallback);
		n++;
	}
	fclose(f);
	CHECK_EQ(n, ARRAY_LEN(keys));
}

TEST(config_manual_is_a_valid_file_with_all_defaults_uncommented)
{
	FILE *f = open_manual();
	cleanup(buf_done) struct buf text = { 0 };
	char line[300];
	while (fgets(line, sizeof(line), f))
		buf_append_str(&text, str_of(line[0] == '#' && line[1] != ' ' ? line + 1 : line));
	fclose(f);
	struct config c = load(buf_cstr(&text)), fallback;
	char *reason;
	CHECK_OK(config_load(NULL, &fallback, &reason));
	CHECK_EQ(c.engine.max_batches, fallback.engine.max_batches);
	CHECK_STR(c.state_dir, fallback.state_dir);
	config_done(&c);
	config_done(&fallback);
}
