/* SPDX-License-Identifier: MIT
 *
 * again: patience with a daemon that restarts: after a call that failed because nobody was there,
 * sleep a little and try again, for a bounded time, with one message.
 *
 *	struct again again = again_with(&progress);
 *	do {
 *		err = api_call(...);
 *	} while (again_try(&again, api_gone(err, &answer)));
 */
#ifndef FETCHCTL_AGAIN_H
#define FETCHCTL_AGAIN_H

#include "src/fetchctl/progress.h"

struct again {
	struct progress *progress;
	bool seen;	    /* the daemon has answered before: only then its absence is a restart */
	int64_t give_up_ns; /* 0 = it is there */
};

static inline struct again again_with(struct progress *p)
{
	return (struct again){ .progress = p };
}

/* gone: the last call met nobody. True, after a short sleep, when it is to be tried again. */
bool again_try(struct again *a, bool gone);

#endif
