/* SPDX-License-Identifier: MIT
 *
 * config_value: parses, checks the range, stores. Numbers of every kind are parsed into one
 * uint64_t first; the kind decides about the form, the unit in which the range is told to people,
 * and the width of the member.
 */
#include "src/fetchd/config_value.h"

#include <errno.h>
#include <string.h>

#include "src/client/policy.h"
#include "src/client/proxy_rules.h"
#include "src/common/cleanup.h"
#include "src/common/log.h"

bool config_value_is_text(enum config_kind kind)
{
	return kind == CONFIG_TEXT || kind == CONFIG_LEVEL || kind == CONFIG_PREFIXES ||
	       kind == CONFIG_PORTS || kind == CONFIG_PROXY || kind == CONFIG_EXCEPTIONS;
}

struct unit {
	uint64_t size;
	const char *name;
};

static const struct unit time_units[] = {
	{ 3600 * SECOND, "h" }, { 60 * SECOND, "m" }, { SECOND, "s" }, { MILLISECOND, "ms" }
};
static const struct unit byte_units[] = {
	{ UINT64_C(1) << 40, "T" }, { 1 << 30, "G" }, { 1 << 20, "M" }, { 1 << 10, "k" }
};

/* 90000000000 as "90s": in the largest unit that divides it. */
static void print_in_units(struct buf *out, uint64_t v, const struct unit *units, size_t len)
{
	for (size_t i = 0; i < len && v != 0; i++) {
		if (v % units[i].size == 0) {
			buf_append_u64(out, v / units[i].size);
			buf_append_str(out, str_of(units[i].name));
			return;
		}
	}
	buf_append_u64(out, v);
}

static void print_number(struct buf *out, enum config_kind kind, uint64_t v)
{
	if (kind == CONFIG_DURATION)
		print_in_units(out, v, time_units, ARRAY_LEN(time_units));
	else if (kind == CONFIG_SIZE || kind == CONFIG_SIZE32)
		print_in_units(out, v, byte_units, ARRAY_LEN(byte_units));
	else
		buf_append_u64(out, v);
}

static int parse_number(enum config_kind kind, struct str value, uint64_t *ret)
{
	int64_t ns;
	int err;
	switch (kind) {
	case CONFIG_DURATION:
		err = str_parse_duration(value, INT64_MAX, &ns);
		if (err == 0)
			*ret = (uint64_t)ns;
		return err;
	case CONFIG_SIZE:
	case CONFIG_SIZE32:
		return str_parse_size(value, UINT64_MAX, ret);
	case CONFIG_AUTO32:
		if (str_eq(value, STR("auto"))) {
			*ret = 0;
			return 0;
		}
		return str_parse_u64(value, UINT64_MAX, ret);
	case CONFIG_SWITCH:
		*ret = str_eq(value, STR("yes"));
		return *ret || str_eq(value, STR("no")) ? 0 : -EINVAL;
	default:
		return str_parse_u64(value, UINT64_MAX, ret);
	}
}

static const char *form_of(enum config_kind kind)
{
	switch (kind) {
	case CONFIG_DURATION:
		return str_duration_form;
	case CONFIG_SIZE:
	case CONFIG_SIZE32:
		return str_size_form;
	case CONFIG_AUTO32:
		return "auto or a number";
	default:
		return "a number";
	}
}

/* A switch has no range to speak of. */
static int refuse_switch(struct buf *reason)
{
	buf_append_str(reason, STR("is neither yes nor no"));
	return -EINVAL;
}

static int refuse_number(const struct config_key *key, bool out_of_range, struct buf *reason)
{
	if (out_of_range)
		buf_append_str(reason, STR("is out of range ("));
	else
		buf_printf(reason, "is not %s (", form_of(key->kind));
	print_number(reason, key->kind, key->least);
	buf_append_str(reason, STR(" to "));
	print_number(reason, key->kind, key->most);
	buf_append_char(reason, ')');
	return -EINVAL;
}

static int set_number(const struct config_key *key, struct str value, void *member,
		      struct buf *reason)
{
	uint64_t v = 0;
	int err = parse_number(key->kind, value, &v);
	bool automatic = key->kind == CONFIG_AUTO32 && str_eq(value, STR("auto"));
	bool out_of_range =
		err == -ERANGE || (err == 0 && !automatic && (v < key->least || v > key->most));
	if (err != 0 && key->kind == CONFIG_SWITCH)
		return refuse_switch(reason);
	if (err != 0 || out_of_range)
		return refuse_number(key, out_of_range, reason);
	if (key->kind == CONFIG_SWITCH)
		*(bool *)member = v != 0;
	else if (key->kind == CONFIG_COUNT32 || key->kind == CONFIG_AUTO32 ||
		 key->kind == CONFIG_SIZE32)
		*(uint32_t *)member = (uint32_t)v;
	else
		*(uint64_t *)member = v;
	return 0;
}

/* Tries the list on a policy of its own. */
static int check_list(enum config_kind kind, struct str value, struct buf *reason)
{
	bool ports = kind == CONFIG_PORTS;
	struct policy *p = policy_new();
	if (!p)
		return -ENOMEM;
	struct str bad = { 0 };
	int err = (ports ? policy_ports : policy_allow)(p, value, &bad);
	if (err == -EINVAL)
		buf_printf(reason, "has \"%.*s\", which is no %s", STR_ARG(bad),
			   ports ? "port or range of ports such as 8000-8999"
				 : "address or network such as 10.0.0.0/8 or ::1");
	policy_free(p);
	return err;
}

static int check_exceptions(struct str value, struct buf *reason)
{
	struct proxy_rules rules = { 0 };
	struct str bad = { 0 };
	int err = proxy_rules_except(&rules, value, &bad);
	if (err == -EINVAL)
		buf_printf(reason,
			   "has \"%.*s\", which is no host, address or network such as "
			   "example.com, example.com:8080 or 10.0.0.0/8",
			   STR_ARG(bad));
	proxy_rules_done(&rules);
	return err;
}

static int check_proxy(struct str value, struct buf *reason)
{
	const struct proxy *proxy = NULL;
	char why[FAULT_BYTES];
	int err = proxy_new(value, true, &proxy, why);
	if (err == -EINVAL)
		buf_append_str(reason, str_of(why));
	proxy_unref(proxy);
	return err;
}

static int check_form(enum config_kind kind, struct str value, struct buf *reason)
{
	switch (kind) {
	case CONFIG_PREFIXES:
	case CONFIG_PORTS:
		return check_list(kind, value, reason);
	case CONFIG_PROXY:
		return check_proxy(value, reason);
	case CONFIG_EXCEPTIONS:
		return check_exceptions(value, reason);
	default:
		return 0;
	}
}

static int check_text(const struct config_key *key, struct str value, struct buf *reason)
{
	enum log_level level;
	if (key->kind == CONFIG_LEVEL) {
		int err = log_parse_level(value, &level);
		if (err)
			buf_append_str(reason, STR("is not a level (err, warn, info, debug)"));
		return err;
	}
	if (value.len < key->least || value.len > key->most) {
		if (value.len == 0)
			buf_append_str(reason, STR("may not be empty"));
		else
			buf_printf(reason, "is too long (%zu bytes, at most %llu)", value.len,
				   (unsigned long long)key->most);
		return -EINVAL;
	}
	return value.len ? check_form(key->kind, value, reason) : 0;
}

static int set_text(const struct config_key *key, struct str value, void *member,
		    struct buf *reason)
{
	int err = check_text(key, value, reason);
	if (err)
		return err;
	char *copy = value.len ? str_dup(value) : NULL;
	if (value.len && !copy)
		return -ENOMEM;
	cleanup_free(member);
	memcpy(member, &copy, sizeof(copy));
	return 0;
}

int config_value_set(const struct config_key *key, struct str value, void *member,
		     struct buf *reason)
{
	return config_value_is_text(key->kind) ? set_text(key, value, member, reason)
					       : set_number(key, value, member, reason);
}
