/* SPDX-License-Identifier: MIT
 *
 * batch: what the daemon says of a batch, as the verbs use it.
 */
#ifndef FETCHCTL_BATCH_H
#define FETCHCTL_BATCH_H

#include "src/fetchctl/api.h"

struct batch {
	uint64_t id, jobs, done, fetched, failed, cancelled, expired, in_flight, queued;
	int64_t rate_ns; /* results a second, in 1e-9 */
	bool finished;
	struct str state, waits_for, created, ended,
		options; /* slices of the JSON; the last is JSON itself */
};

/* Reads the object. 0 or -EBADMSG. */
int batch_read(struct str json, struct batch *ret) MUST_USE;

/* Asks the daemon; ret borrows from answer. Errors as of api_call. */
int batch_get(const struct ctl *ctl, uint64_t id, struct answer *answer,
	      struct batch *ret) MUST_USE;

/* How much of it is done, 0..100. */
unsigned batch_percent(const struct batch *b);

#endif
