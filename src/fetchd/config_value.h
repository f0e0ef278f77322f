/* SPDX-License-Identifier: MIT
 *
 * config_value: one value of the configuration file, from text into its place in struct config, by
 * the kind that config.def gives its key.
 */
#ifndef FETCHD_CONFIG_VALUE_H
#define FETCHD_CONFIG_VALUE_H

#include "src/common/buf.h"
#include "src/common/str.h"

enum config_kind {
	CONFIG_TEXT,
	CONFIG_LEVEL,
	CONFIG_PREFIXES,
	CONFIG_PORTS,
	CONFIG_PROXY,
	CONFIG_EXCEPTIONS,
	CONFIG_DURATION,
	CONFIG_SIZE,
	CONFIG_SIZE32,
	CONFIG_COUNT,
	CONFIG_COUNT32,
	CONFIG_AUTO32,
	CONFIG_SWITCH,
};

struct config_key {
	const char *section, *name;
	enum config_kind kind;
	size_t offset; /* of the member in struct config */
	const char *fallback;
	uint64_t least, most;
};

/* Stores the value at member; what stood there before is replaced (and freed, for text). 0;
 * -ENOMEM; or -EINVAL with the rest of a sentence appended to reason: "is not a number (1 to
 * 1000000)". */
int config_value_set(const struct config_key *key, struct str value, void *member,
		     struct buf *reason) MUST_USE;

/* The kinds that own memory. */
bool config_value_is_text(enum config_kind kind);

#endif
