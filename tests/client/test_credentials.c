/* SPDX-License-Identifier: MIT
 *
 * test_credentials: the file of credentials: what it says to whom, what is wrong with it, and who may
 * read it. An error never shows a value.
 */
#define _GNU_SOURCE
#include "src/client/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/cleanup.h"
#include "tests/harness.h"

static char path[300];

static void write_file(const char *text, mode_t mode)
{
	snprintf(path, sizeof(path), "%s/secret", test_dir());
	FILE *f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0);
	CHECK_OK(fclose(f));
	CHECK_OK(chmod(path, mode));
}

static struct credentials *load(const char *text)
{
	struct credentials *c = NULL;
	char *reason = NULL;
	write_file(text, 0600);
	if (credentials_open(path, &c, &reason))
		test_fail("%s", reason);
	return c;
}

static void check_find(const struct credentials *c, const char *href, const char *want)
{
	cleanup(url_done) struct url url = { 0 };
	CHECK_OK(url_parse(str_of(href), NULL, &url, NULL));
	struct str found = credentials_find(c, &url);
	if (!str_eq(found, str_of(want)))
		test_fail("%s: want \"%s\", got \"%.*s\"", href, want, STR_ARG(found));
}

TEST(credentials_are_those_of_the_origin_alone)
{
	struct credentials *c =
		load("# who we are\n[https://api.example.com]\nuser = Aladdin\npassword = open "
		     "sesame\n\n  [http://api.example.com:8080]  \r\n\tbearer=t-1\r\n"
		     "[https://[2001:DB8:0::1]:8443]\nbearer = t-2 \n[B\xc3\xbc"
		     "cher.example]\nuser = u");
	check_find(c, "https://api.example.com/x?y", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	check_find(c, "https://API.example.com:443/", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	check_find(c, "http://api.example.com:8080/", "Bearer t-1");
	check_find(c, "https://[2001:db8::1]:8443/", "Bearer t-2");
	check_find(c, "https://xn--bcher-kva.example/", "Basic dTo=");
	check_find(c, "http://api.example.com/", "");
	check_find(c, "http://api.example.com:443/", "");
	check_find(c, "https://api.example.com:8080/", "");
	check_find(c, "https://example.com/", "");
	check_find(c, "https://api.example.com.evil.example/", "");
	credentials_free(c);
}

TEST(credentials_values_stand_as_they_are)
{
	struct credentials *c = load("[http://a]\nuser =\npassword = a#b ;c = \"d\" "
				     "%20\n[http://b]\nuser=x=y\npassword =\n");
	check_find(c, "http://a/", "Basic OmEjYiA7YyA9ICJkIiAlMjA=");
	check_find(c, "http://b/", "Basic eD15Og==");
	credentials_free(c);
}

TEST(credentials_of_many_origins_are_found)
{
	struct buf text = { 0 };
	for (int i = 0; i < 2000; i++)
		buf_printf(&text, "[http://h%d.example]\nbearer = t%d\n", i * 7919 % 2000,
			   i * 7919 % 2000);
	struct credentials *c = load(buf_cstr(&text));
	for (int i = 0; i < 2000; i++) {
		char href[100], want[100];
		snprintf(href, sizeof(href), "http://h%d.example/", i);
		snprintf(want, sizeof(want), "Bearer t%d", i);
		check_find(c, href, want);
	}
	credentials_free(c);
	buf_done(&text);
}

TEST(credentials_file_may_be_empty)
{
	struct credentials *c = load("");
	check_find(c, "http://a/", "");
	credentials_free(c);
	check_find(NULL, "http://a/", "");
}

/* --- Errors --- */

/* The reason behind the path. */
static void check_reason(const char *want)
{
	struct credentials *c = NULL;
	cleanup(cleanup_free) char *reason = NULL;
	CHECK_EQ(credentials_open(path, &c, &reason), -EINVAL);
	CHECK(!c && strncmp(reason, path, strlen(path)) == 0);
	CHECK_STR(reason + strlen(path), want);
}

static void check_refused(const char *text, const char *want)
{
	write_file(text, 0600);
	check_reason(want);
}

TEST(credentials_errors_name_the_line_and_show_no_secret)
{
	check_refused("[https://a]\nhunter2\n", ":2: neither [ORIGIN] nor key = value");
	check_refused("[https://a]\nuser = u\nhunter2 = x\n",
		      ":3: the key is none of user, password and bearer");
	check_refused("\nuser = u\n", ":2: stands before the first [ORIGIN]");
	check_refused("[https://a]\nuser = u:hunter2\n", ":2: the user's name holds a colon");
	check_refused("[https://a]\nuser = u\npassword = hunter2\x01\n",
		      ":3: the password holds a control character");
	check_refused("[https://a]\nbearer = hunter2 x\n",
		      ":2: the token holds a byte that is no visible ASCII");
	check_refused("[https://a]\nbearer =\n", ":2: the token is empty");
	check_refused("[https://a]\nbearer = x\nbearer = hunter2\n",
		      ":3: said twice for this origin");
	check_refused("\n[https://a]\nuser = u\nbearer = hunter2\n",
		      ":2: either user and password, or bearer");
	check_refused("[https://a]\n[https://b]\nuser = u\n", ":1: neither user nor bearer");
	check_refused("[https://a]\npassword = hunter2\n", ":1: neither user nor bearer");
	check_refused("[https://a]\nuser = u\n[http://a]\nuser = u\n[A:443]\nuser = hunter2\n",
		      ":5: the same origin as in line 1");
}

TEST(credentials_sections_are_origins)
{
	static const char *const origin = ":1: a section is an origin: scheme, host and port";
	check_refused("[https://a/b]\nuser = u\n", origin);
	check_refused("[https://a/?b]\nuser = u\n", origin);
	check_refused("[https://a/#b]\nuser = u\n", origin);
	check_refused("[https://u:hunter2@a]\nuser = u\n",
		      ":1: user and password go into lines of their own");
	check_refused("[ftp://a]\nuser = u\n", ":1: the scheme is neither http nor https");
	check_refused("[https://a b]\nuser = u\n", ":1: the host holds a forbidden character");
	check_refused("[]\nuser = u\n", ":1: the host is missing");
}

/* --- Who may read it --- */

#define FINE "[https://a]\nuser = u\n"

static void check_mode(mode_t mode, const char *want)
{
	write_file(FINE, mode);
	check_reason(want);
}

TEST(credentials_that_others_can_read_are_refused)
{
	check_mode(0604, ": mode 0604 lets everybody at it: chmod 600");
	check_mode(0644, ": mode 0644 lets everybody at it: chmod 600");
	check_mode(0602, ": mode 0602 lets everybody at it: chmod 600");
	check_mode(0620, ": mode 0620 lets a group at it: chmod 600");
	if (geteuid() == 0) {
		write_file(FINE, 0640);
		CHECK_OK(chown(path, 0, 1));
		check_reason(": mode 0640 lets a group at it: chmod 600");
	} else {
		check_mode(0640, ": mode 0640 lets a group at it: chmod 600");
	}
}

TEST(credentials_of_the_owner_alone_are_read)
{
	static const mode_t modes[] = { 0600, 0400, 0440 }; /* the last as systemd has it */
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct credentials *c = NULL;
		char *reason = NULL;
		write_file(FINE, modes[i]);
		if (modes[i] == 0440 && geteuid() != 0)
			continue;
		if (credentials_open(path, &c, &reason))
			test_fail("%s", reason);
		check_find(c, "https://a/", "Basic dTo=");
		credentials_free(c);
		CHECK_OK(unlink(path));
	}
}

TEST(credentials_of_another_user_are_refused)
{
	if (geteuid() != 0)
		test_skip("needs root");
	write_file(FINE, 0600);
	CHECK_OK(chown(path, 12345, 0));
	check_reason(": its owner is user 12345: it must be root's, or that of user 0 whom fetchd "
		     "runs as");
}

TEST(credentials_that_are_no_file_are_refused)
{
	snprintf(path, sizeof(path), "%s/absent", test_dir());
	check_reason(": No such file or directory");
	CHECK_OK(mkfifo(path, 0600));
	check_reason(": no regular file");
	snprintf(path, sizeof(path), "%s", test_dir());
	check_reason(": no regular file");
}
