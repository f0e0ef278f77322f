/* SPDX-License-Identifier: MIT
 *
 * ctl: what every verb of fetchctl stands on: its description, its options once they are read, and
 * how it fails. The verbs themselves are listed here, an index of the program; main.c has the
 * table. One file a verb, plain blocking I/O, one thread.
 *
 *	static int run(struct ctl *ctl, int argc, char **argv) { ... return 0; }
 *	const struct verb verb_cancel = {
 *		.name = "cancel", .arguments = "ID...", .summary = "...",
 *		.min_args = 1, .max_args = 1000, .run = run,
 *	};
 */
#ifndef FETCHCTL_CTL_H
#define FETCHCTL_CTL_H

#include "src/common/exit.h"
#include "src/common/str.h"

#define VERB_OPTIONS 4

struct verb_option {
	const char *name;  /* "digest" */
	const char *value; /* what --help calls its value; NULL = it takes none */
	const char *help;
};

struct ctl {
	const char *socket_path;
	bool json;
	/* Value of the verb's i-th option; "" for one without value; NULL = not given. */
	const char *given[VERB_OPTIONS];
};

struct verb {
	const char *name, *arguments, *summary;
	const char *help; /* what else --help says; may be NULL */
	struct verb_option options[VERB_OPTIONS];
	int min_args, max_args;
	int (*run)(struct ctl *ctl, int argc,
		   char **argv); /* the arguments alone; gives the exit code */
};

extern const struct verb verb_submit, verb_status, verb_list, verb_results, verb_wait, verb_cancel,
	verb_delete, verb_parse, verb_version;

/* Says "fetchctl: ..." on stderr; gives code. */
int ctl_fail(enum exit_code code, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* An argument that must be a batch's number. 0, or the exit code of a mistake, which it has named.
 * */
int ctl_batch_id(const char *arg, uint64_t *ret_id) MUST_USE;

/* Writes all of it to standard output. 0, or the exit code. */
int ctl_print(struct str text) MUST_USE;

#endif
