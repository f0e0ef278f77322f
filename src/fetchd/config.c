/* SPDX-License-Identifier: MIT
 *
 * config: reads the file through inih and gives each value to config_value.c. The first error ends
 * the reading; its sentence names file, line, section and key. Lines are counted in the reader that
 * inih calls, since inih keeps its own count to itself.
 *
 * Called once or twice at the start, before any goroutine: inih's settings are variables of the
 * process.
 */
#define _GNU_SOURCE /* strerrordesc_np */
#include "src/fetchd/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/common/cleanup.h"
#include "src/common/nearest.h"
#include "src/common/paths.h"
#include "src/fetchd/config_value.h"

/* Of one line, its end included: a long list of networks fits. */
#define LINE_BYTES 65536

static const struct config_key keys[] = {
#define KEY(section, key, kind, member, fallback, least, most) \
	{ #section, #key, CONFIG_##kind, offsetof(struct config, member), fallback, least, most },
#include "src/fetchd/config.def"
#undef KEY
};

struct loader {
	struct config *config;
	const char *path;
	FILE *file;
	unsigned line;
	struct buf reason; /* empty = all is well */
	int err;
};

static void *member_of(struct config *c, const struct config_key *key)
{
	return (char *)c + key->offset;
}

/* ---- errors ---- */

static void begin_reason(struct loader *l, int err)
{
	l->err = err;
	buf_clear(&l->reason);
	buf_printf(&l->reason, "%s:%u: ", l->path, l->line);
}

static void refuse_section(struct loader *l, struct str section)
{
	struct nearest near = { 0 };
	begin_reason(l, -EINVAL);
	buf_printf(&l->reason, "unknown section [%.*s]", STR_ARG(section));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		nearest_offer(&near, section, keys[i].section);
	if (near.best)
		buf_printf(&l->reason, "; did you mean [%s]?", near.best);
}

/* A key that another section has is a hint as good as a misspelt one. */
static void refuse_key(struct loader *l, const char *section, struct str name)
{
	struct nearest near = { 0 };
	const char *elsewhere = NULL;
	begin_reason(l, -EINVAL);
	buf_printf(&l->reason, "[%s] has no key \"%.*s\"", section, STR_ARG(name));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(keys[i].section, section) == 0)
			nearest_offer(&near, name, keys[i].name);
		else if (str_eq(name, str_of(keys[i].name)))
			elsewhere = keys[i].section;
	}
	if (near.best)
		buf_printf(&l->reason, "; did you mean %s?", near.best);
	else if (elsewhere)
		buf_printf(&l->reason, "; it belongs into [%s]", elsewhere);
}

static void refuse_value(struct loader *l, const struct config_key *key, struct str value,
			 struct str why)
{
	/* begin_reason clears the buffer that `why` does not lie in. */
	begin_reason(l, -EINVAL);
	if (key->kind == CONFIG_PROXY) { /* it may hold a password */
		buf_printf(&l->reason, "[%s] %s: %.*s", key->section, key->name, STR_ARG(why));
		return;
	}
	struct str shown = str_slice(value, 0, 80);
	buf_printf(&l->reason, "[%s] %s: \"%.*s\"%s %.*s", key->section, key->name, STR_ARG(shown),
		   shown.len < value.len ? "..." : "", STR_ARG(why));
}

/* ---- the file ---- */

static const struct config_key *find_key(const char *section, struct str name,
					 bool *ret_section_known)
{
	*ret_section_known = false;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(keys[i].section, section) != 0)
			continue;
		*ret_section_known = true;
		if (str_eq(name, str_of(keys[i].name)))
			return &keys[i];
	}
	return NULL;
}

/* What a program that keeps passwords in files is expected to look at. */
static int check_secrecy(const struct loader *l, const struct config_key *key, struct str value,
			 struct buf *why)
{
	struct stat s;
	if (key->kind != CONFIG_PROXY || str_index(value, '@') < 0)
		return 0;
	if (fstat(fileno(l->file), &s) != 0)
		return -errno;
	if (!(s.st_mode & S_IROTH))
		return 0;
	buf_append_str(why, STR("a user's name or password, in a file that everybody can read "
				"(chmod o-r)"));
	return -EINVAL;
}

/* inih's handler: 0 stops the reading. */
static int take_pair(void *user, const char *section, const char *name, const char *value)
{
	struct loader *l = user;
	bool section_known;
	const struct config_key *key = find_key(section, str_of(name), &section_known);
	if (*section == '\0') {
		begin_reason(l, -EINVAL);
		buf_printf(&l->reason, "\"%s\" stands before the first [section]", name);
	} else if (!section_known) {
		refuse_section(l, str_of(section));
	} else if (!key) {
		refuse_key(l, section, str_of(name));
	} else {
		cleanup(buf_done) struct buf why = { 0 };
		int err = config_value_set(key, str_of(value), member_of(l->config, key), &why);
		if (err == 0)
			err = check_secrecy(l, key, str_of(value), &why);
		if (err == -EINVAL)
			refuse_value(l, key, str_of(value), buf_str(&why));
		else
			l->err = err;
	}
	return l->err == 0;
}

/* inih's reader: fgets that counts. A section's line gets no call of the handler, so it is looked
 * at here. */
static char *read_line(char *line, int size, void *user)
{
	struct loader *l = user;
	if (!fgets(line, size, l->file))
		return NULL;
	l->line++;
	struct str text = str_trim(str_of(line));
	if (strlen(line) == (size_t)size - 1 && line[size - 2] != '\n') {
		begin_reason(l, -EINVAL);
		buf_printf(&l->reason, "the line is longer than %d bytes", size - 2);
		return NULL;
	}
	if (text.len >= 2 && text.data[0] == '[' && text.data[text.len - 1] == ']') {
		struct str section = str_slice(text, 1, text.len - 2);
		bool known = false;
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			known |= str_eq(section, str_of(keys[i].section));
		if (!known) {
			refuse_section(l, section);
			return NULL;
		}
	}
	return line;
}

static int read_file(struct loader *l)
{
	l->file = fopen(l->path, "re");
	int err = l->file ? 0 : -errno;
	if (err) {
		buf_printf(&l->reason, "%s: %s", l->path, strerrordesc_np(-err));
		return err;
	}
	ini_use_stack = false; /* 200 bytes a line */
	ini_max_line = ini_initial_alloc = LINE_BYTES;
	ini_allow_multiline = false;
	ini_stop_on_first_error = true;
	int bad_line = ini_parse_stream(read_line, l, take_pair, l);
	if (l->err == 0 && ferror(l->file)) {
		l->err = -EIO;
		buf_printf(&l->reason, "%s: can't be read", l->path);
	} else if (l->err == 0 && bad_line > 0) {
		begin_reason(l, -EINVAL);
		buf_append_str(&l->reason, STR("neither a [section] nor key = value"));
	} else if (l->err == 0 && bad_line < 0) {
		l->err = -ENOMEM;
	}
	fclose(l->file);
	return l->err;
}

/* ---- what follows from the values ---- */

static int set_defaults(struct config *c)
{
	cleanup(buf_done) struct buf reason = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		int err = config_value_set(&keys[i], str_of(keys[i].fallback),
					   member_of(c, &keys[i]), &reason);
		if (err == -EINVAL)
			panic("config.def: [%s] %s: its default %s", keys[i].section, keys[i].name,
			      buf_cstr(&reason));
		if (err)
			return err;
	}
	return 0;
}

static int make_policy(struct config *c)
{
	struct str bad;
	c->policy = policy_new();
	int err = c->policy ? 0 : -ENOMEM;
	if (!err && c->policy_allow)
		err = policy_allow(c->policy, str_of(c->policy_allow), &bad);
	if (!err && c->policy_deny)
		err = policy_deny(c->policy, str_of(c->policy_deny), &bad);
	if (!err && c->policy_ports)
		err = policy_ports(c->policy, str_of(c->policy_ports), &bad);
	c->client.policy = c->policy;
	c->client.no_redirects = c->client.limits.max_redirects == 0;
	c->client.no_decode = !c->decode;
	c->client.max_conns_per_host = c->engine.max_per_host;
	c->client.tls.no_sessions = c->client.tls.max_sessions == 0;
	return err;
}

static int make_proxy(const char *url, const struct proxy **ret_proxy)
{
	char why[FAULT_BYTES]; /* it was checked */
	return url ? proxy_new(str_of(url), true, ret_proxy, why) : 0;
}

static int make_proxies(struct config *c)
{
	struct str bad;
	struct proxy_rules *rules = c->proxies = calloc(1, sizeof(*rules));
	int err = rules ? make_proxy(c->proxy_http, &rules->http) : -ENOMEM;
	if (!err)
		err = make_proxy(c->proxy_https, &rules->https);
	if (!err)
		err = make_proxy(c->proxy_all, &rules->all);
	if (!err && c->proxy_except)
		err = proxy_rules_except(rules, str_of(c->proxy_except), &bad);
	c->client.proxies = rules;
	return err;
}

int config_load(const char *path, struct config *ret_config, char **ret_reason)
{
	struct config c = { 0 };
	struct loader l = { .config = &c, .path = path };
	int err = set_defaults(&c);
	if (!err && path)
		err = read_file(&l);
	if (!err)
		err = make_policy(&c);
	if (!err)
		err = make_proxies(&c);
	if (err) {
		config_done(&c);
		*ret_reason = str_dup(l.reason.len && !l.reason.failed ? buf_str(&l.reason)
								       : STR("out of memory"));
	} else {
		*ret_config = c;
	}
	buf_done(&l.reason);
	return err;
}

void config_done(struct config *c)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (config_value_is_text(keys[i].kind))
			cleanup_free(member_of(c, &keys[i]));
	policy_free(c->policy);
	if (c->proxies)
		proxy_rules_done(c->proxies);
	free(c->proxies);
	*c = (struct config){ 0 };
}
