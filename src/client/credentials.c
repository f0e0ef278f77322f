/* SPDX-License-Identifier: MIT
 *
 * credentials: reads the file into a list that is sorted by origin. What an entry keeps is the field's
 * value, made at the start: a request only looks it up.
 *
 * Who may read the file is asked of the open descriptor, so that it can't be another one a moment later.
 * A group may read it if it is root's: that is how the mode of a file looks which systemd (LoadCredential=)
 * opens to the service's user by an access control list.
 *
 * There is no library for the format: inih's comments within a line would cut passwords, and its sections
 * end at the first bracket of an IPv6 address.
 */
#define _GNU_SOURCE /* strerrordesc_np */
#include "src/client/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/cleanup.h"
#include "src/common/reason.h"
#include "src/http/authorization.h"

#define FILE_BYTES (1 << 20)

struct entry {
	struct url origin;
	char *authorization;
	unsigned line; /* of its section */
};

struct credentials {
	struct entry *entries; /* sorted by origin */
	size_t len;
};

/* --- Entries --- */

static int compare_urls(const struct url *a, const struct url *b)
{
	if (a->https != b->https)
		return a->https ? 1 : -1;
	if (a->port_number != b->port_number)
		return a->port_number > b->port_number ? 1 : -1;
	return str_compare(a->hostname, b->hostname);
}

static int compare_entries(const void *a, const void *b)
{
	return compare_urls(&((const struct entry *)a)->origin, &((const struct entry *)b)->origin);
}

static int compare_key(const void *key, const void *entry)
{
	return compare_urls(key, &((const struct entry *)entry)->origin);
}

struct str credentials_find(const struct credentials *c, const struct url *url)
{
	if (!c || c->len == 0)
		return (struct str){ 0 };
	const struct entry *e = bsearch(url, c->entries, c->len, sizeof(*e), compare_key);
	return e ? str_of(e->authorization) : (struct str){ 0 };
}

void credentials_free(struct credentials *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->len; i++) {
		url_done(&c->entries[i].origin);
		free(c->entries[i].authorization);
	}
	free(c->entries);
	free(c);
}

/* --- The file's text --- */

struct reader {
	const char *path;
	struct credentials *c;
	char **ret_reason;
	unsigned line;

	/* of the section that is being read; slices of the text */
	bool open;
	unsigned section_line;
	struct url origin;
	struct str user, password, token; /* data NULL = not said */
};

static int refuse_line(struct reader *r, unsigned line, const char *what)
{
	return refuse(-EINVAL, r->ret_reason, "%s:%u: %s", r->path, line, what);
}

static int make_value(const struct reader *r, char **ret)
{
	cleanup(buf_done) struct buf b = { 0 };
	int err = r->token.data ? authorization_bearer(&b, r->token)
				: authorization_basic(&b, r->user, r->password);
	if (err)
		return err;
	*ret = str_dup(buf_str(&b));
	return *ret ? 0 : -ENOMEM;
}

static int add_entry(struct reader *r)
{
	struct credentials *c = r->c;
	struct entry *entries = reallocarray(c->entries, c->len + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	c->entries = entries;
	struct entry *e = &entries[c->len];
	*e = (struct entry){ .line = r->section_line };
	int err = make_value(r, &e->authorization);
	if (err)
		return err;
	e->origin = r->origin;
	r->origin = (struct url){ 0 };
	c->len++;
	return 0;
}

static int end_section(struct reader *r)
{
	if (!r->open)
		return 0;
	r->open = false;
	if (r->token.data && (r->user.data || r->password.data))
		return refuse_line(r, r->section_line, "either user and password, or bearer");
	if (!r->token.data && !r->user.data)
		return refuse_line(r, r->section_line, "neither user nor bearer");
	int err = add_entry(r);
	r->user = r->password = r->token = (struct str){ 0 };
	return err;
}

static int begin_section(struct reader *r, struct str text)
{
	cleanup(buf_done) struct buf full = { 0 };
	const char *reason = "";
	bool has_scheme = memmem(text.data, text.len, "://", 3) != NULL;
	buf_append_str(&full, has_scheme ? STR("") : STR("https://"));
	buf_append_str(&full, text);
	int err = full.failed ? -ENOMEM : url_parse(buf_str(&full), NULL, &r->origin, &reason);
	if (err)
		return err == -ENOMEM ? err : refuse_line(r, r->line, reason);
	r->open = true;
	r->section_line = r->line;
	const struct url *u = &r->origin;
	if (u->username.len || u->password.len)
		return refuse_line(r, r->line, "user and password go into lines of their own");
	if (!str_eq(url_request_target(u), STR("/")) || u->hash.len)
		return refuse_line(r, r->line, "a section is an origin: scheme, host and port");
	return 0;
}

/* Keys aren't shown: this may be the second line of a password. */
static int take_pair(struct reader *r, struct str key, struct str value)
{
	static const struct {
		struct str name;
		size_t member;
		const char *(*problem)(struct str value);
	} keys[] = {
		{ STR_INIT("user"), offsetof(struct reader, user), authorization_bad_user },
		{ STR_INIT("password"), offsetof(struct reader, password),
		  authorization_bad_password },
		{ STR_INIT("bearer"), offsetof(struct reader, token), authorization_bad_token },
	};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!str_eq(key, keys[i].name))
			continue;
		struct str *member = (struct str *)((char *)r + keys[i].member);
		const char *problem = keys[i].problem(value);
		if (!problem && member->data)
			problem = "said twice for this origin";
		if (problem)
			return refuse_line(r, r->line, problem);
		*member = value.len ? value : STR("");
		return 0;
	}
	return refuse_line(r, r->line, "the key is none of user, password and bearer");
}

static int take_line(struct reader *r, struct str line)
{
	struct str key, value, text = str_trim(line);
	if (text.len == 0 || text.data[0] == '#')
		return 0;
	if (text.data[0] == '[' && text.data[text.len - 1] == ']') {
		int err = end_section(r);
		return err ? err : begin_section(r, str_slice(text, 1, text.len - 2));
	}
	if (!str_cut(text, '=', &key, &value))
		return refuse_line(r, r->line, "neither [ORIGIN] nor key = value");
	if (!r->open)
		return refuse_line(r, r->line, "stands before the first [ORIGIN]");
	return take_pair(r, str_trim(key), str_trim(value));
}

static int refuse_twins(struct reader *r)
{
	const struct credentials *c = r->c;
	for (size_t i = 1; i < c->len; i++) {
		const struct entry *a = &c->entries[i - 1], *b = &c->entries[i];
		if (compare_entries(a, b) == 0)
			return refuse(-EINVAL, r->ret_reason,
				      "%s:%u: the same origin as in line %u", r->path,
				      a->line > b->line ? a->line : b->line,
				      a->line < b->line ? a->line : b->line);
	}
	return 0;
}

static int read_text(struct reader *r, struct str text)
{
	int err = 0;
	while (err == 0 && text.len > 0) {
		struct str line;
		r->line++;
		str_cut(text, '\n', &line, &text);
		err = take_line(r, line);
	}
	if (err == 0)
		err = end_section(r);
	url_done(&r->origin);
	if (err)
		return err;
	if (r->c->len)
		qsort(r->c->entries, r->c->len, sizeof(*r->c->entries), compare_entries);
	return refuse_twins(r);
}

/* --- The file --- */

static int check_owner(int fd, const char *path, char **ret_reason)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return refuse(-EINVAL, ret_reason, "%s: %s", path, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(-EINVAL, ret_reason, "%s: no regular file", path);
	unsigned mode = st.st_mode & 07777;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return refuse(-EINVAL, ret_reason,
			      "%s: its owner is user %u: it must be root's, or that of user %u "
			      "whom fetchd runs as",
			      path, (unsigned)st.st_uid, (unsigned)geteuid());
	unsigned others =
		st.st_uid == 0 && st.st_gid == 0 ? S_IRWXO | S_IWGRP | S_IXGRP : S_IRWXO | S_IRWXG;
	if (mode & others)
		return refuse(-EINVAL, ret_reason, "%s: mode %04o lets %s at it: chmod 600", path,
			      mode, mode & S_IRWXO ? "everybody" : "a group");
	return 0;
}

static int read_all(int fd, const char *path, struct buf *text, char **ret_reason)
{
	while (text->len <= FILE_BYTES) {
		if (buf_reserve(text, 4096))
			return -ENOMEM;
		ssize_t n = read(fd, text->data + text->len, text->cap - text->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse(-EINVAL, ret_reason, "%s: %s", path, strerrordesc_np(errno));
		if (n == 0)
			return 0;
		text->len += (size_t)n;
	}
	return refuse(-EINVAL, ret_reason, "%s: larger than %d bytes", path, FILE_BYTES);
}

static int load(int fd, struct reader *r)
{
	cleanup(buf_done) struct buf text = { 0 };
	int err = check_owner(fd, r->path, r->ret_reason);
	if (!err)
		err = read_all(fd, r->path, &text, r->ret_reason);
	if (!err)
		err = read_text(r, buf_str(&text));
	return err;
}

int credentials_open(const char *path, struct credentials **ret_credentials, char **ret_reason)
{
	struct credentials *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	struct reader r = { .path = path, .c = c, .ret_reason = ret_reason };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would block */
	int err = fd < 0 ? refuse(-EINVAL, ret_reason, "%s: %s", path, strerrordesc_np(errno)) : 0;
	if (!err)
		err = load(fd, &r);
	if (fd >= 0)
		close(fd);
	if (err) {
		credentials_free(c);
		return err;
	}
	*ret_credentials = c;
	return 0;
}
