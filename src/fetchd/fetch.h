/* SPDX-License-Identifier: MIT
 *
 * fetch: one job from line to record. A goroutine each.
 */
#ifndef FETCHD_FETCH_H
#define FETCHD_FETCH_H

#include <openssl/evp.h>

#include "src/fetchd/batch.h"

CHAN_OF(struct empty, token_chan);

/* What all requests share; the engine's. */
struct fetch_shared {
	struct client *client;
	struct hostq *q;
	struct context *ctx; /* ends when running requests are to be given up */
	token_chan tokens;   /* a request holds one of them */
	EVP_MD *sha256;
};

struct fetch_args {
	struct fetch_shared *shared;
	struct job *job; /* owned; in flight */
};

/* An errgroup's function (errgroup_go_copy): runs the job, hands its record to the batch, gives the
 * token back. Always 0: a failed URL is a result. A request that is given up because shared->ctx
 * ended leaves no record: the next start runs its job again. */
int fetch_run(void *fetch_args);

#endif
