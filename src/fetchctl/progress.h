/* SPDX-License-Identifier: MIT
 *
 * progress: how a batch gets on, on stderr: a bar that redraws itself on a terminal, now and then a
 * plain line elsewhere.
 *
 *	struct progress p = progress_to_stderr();
 *	progress_show(&p, &batch);	// as often as you like
 *	progress_say(&p, "the daemon is gone; waiting for it");
 *	progress_end(&p, &batch);
 */
#ifndef FETCHCTL_PROGRESS_H
#define FETCHCTL_PROGRESS_H

#include "src/fetchctl/batch.h"

struct progress {
	bool terminal, drawn; /* drawn: the cursor stands behind a bar */
	int64_t started_ns, next_line_ns;
	uint64_t last_done;
};

struct progress progress_to_stderr(void);
void progress_show(struct progress *p, const struct batch *b);
/* A line of its own, above the bar. */
void progress_say(struct progress *p, const char *text);
/* The closing line: how many of each kind. */
void progress_end(struct progress *p, const struct batch *b);

#endif
