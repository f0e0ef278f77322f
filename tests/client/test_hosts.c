/* SPDX-License-Identifier: MIT
 *
 * test_hosts: which names a hosts file has, and that a change to it is seen.
 */
#include "src/client/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness.h"

/* Another file in its place, as editors do. */
static const char *write_file(const char *text)
{
	static char path[64], next[80];
	snprintf(path, sizeof(path), "/tmp/fetchd-hosts-%d", getpid());
	snprintf(next, sizeof(next), "%s.new", path);
	FILE *f = fopen(next, "w");
	CHECK(f && fwrite(text, 1, strlen(text), f) == strlen(text) && fclose(f) == 0);
	CHECK(rename(next, path) == 0);
	return path;
}

static struct hosts *hosts_of(const char *text)
{
	struct hosts *h = hosts_new(write_file(text));
	CHECK(h != NULL);
	hosts_refresh(h);
	return h;
}

static void close_hosts(struct hosts *h)
{
	hosts_free(h);
	unlink(write_file(""));
}

/* want: addresses; "" = the name isn't there, "none" = there, but not with that family. */
static void check_has(struct hosts *h, const char *name, int family, const char *want)
{
	char got[1024] = "", text[FAULT_ADDR_BYTES];
	struct dns_answer *a = NULL;
	bool there = hosts_answer(h, name, family, &a);
	CHECK_EQ(there, a != NULL);
	if (a && a->error == FETCH_DNS_NOT_FOUND)
		strcpy(got, "none");
	for (uint32_t i = 0, len = 0; a && i < a->len; i++)
		len += (uint32_t)snprintf(got + len, sizeof(got) - len, "%s%s", i ? " " : "",
					  fault_addr(&a->addrs[i].sa, text));
	CHECK_STR(got, want);
	dns_answer_unref(a);
}

TEST(hosts_has_the_names_of_the_file_in_both_families)
{
	struct hosts *h = hosts_of("# comment\n"
				   "192.0.2.1\ta.test alias # b.test\n"
				   "\n"
				   "2001:db8::1  A.Test\r\n"
				   "  192.0.2.2 a.test a.test.\n"
				   "192.0.2.1 a.test\n"
				   "not-an-address c.test\n"
				   "192.0.2.3\n"
				   "192.0.2.4 last.test");
	check_has(h, "a.test", AF_INET, "192.0.2.1 192.0.2.2");
	check_has(h, "a.test", AF_INET6, "[2001:db8::1]");
	check_has(h, "A.TEST.", AF_INET6, "[2001:db8::1]");
	check_has(h, "alias", AF_INET, "192.0.2.1");
	check_has(h, "alias", AF_INET6, "none");
	check_has(h, "b.test", AF_INET, "");
	check_has(h, "c.test", AF_INET, "");
	check_has(h, "last.test", AF_INET, "192.0.2.4");
	check_has(h, "test", AF_INET, "");
	check_has(h, "", AF_INET, "");
	close_hosts(h);
}

TEST(hosts_sees_that_the_file_has_changed)
{
	struct hosts *h = hosts_of("192.0.2.1 a.test\n");
	check_has(h, "a.test", AF_INET, "192.0.2.1");
	write_file("192.0.2.2 a.test\n");
	hosts_refresh(h);
	check_has(h, "a.test", AF_INET, "192.0.2.2");
	unlink(write_file(""));
	hosts_refresh(h);
	check_has(h, "a.test", AF_INET, "");
	write_file("192.0.2.3 a.test\n");
	hosts_refresh(h);
	check_has(h, "a.test", AF_INET, "192.0.2.3");
	close_hosts(h);
}

TEST(hosts_that_is_no_file_has_no_names)
{
	static const char *const paths[] = { "/", "/nonexistent/hosts", "/dev/zero" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct hosts *h = hosts_new(paths[i]);
		hosts_refresh(h);
		check_has(h, "a.test", AF_INET, "");
		hosts_free(h);
	}
}

TEST(hosts_finds_each_of_many_names)
{
	enum {
		NAMES = 10000
	};
	char *text = malloc(NAMES * 32), name[32], want[32];
	size_t len = 0;
	for (int i = 0; i < NAMES; i++)
		len += (size_t)sprintf(text + len, "10.0.%d.%d n%d.test\n", i / 256, i % 256, i);
	struct hosts *h = hosts_of(text);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		snprintf(want, sizeof(want), "10.0.%d.%d", i / 256, i % 256);
		check_has(h, name, AF_INET, want);
	}
	free(text);
	close_hosts(h);
}

TEST(hosts_gives_no_more_addresses_than_are_used)
{
	char text[1024];
	size_t len = 0;
	for (int i = 0; i < 20; i++)
		len += (size_t)sprintf(text + len, "192.0.2.%d a.test\n", i);
	struct hosts *h = hosts_of(text);
	struct dns_answer *a;
	CHECK(hosts_answer(h, "a.test", AF_INET, &a));
	CHECK_EQ(a->len, DNS_ADDRS_MAX);
	dns_answer_unref(a);
	close_hosts(h);
}
