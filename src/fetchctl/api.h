/* SPDX-License-Identifier: MIT
 *
 * api: HTTP/1.1 to the daemon over its Unix socket, blocking, a connection a call.
 *
 *	struct answer a = { 0 };
 *	int err = api_call(ctl, "GET", "/v1/version", &a);
 *	int code = api_exit_code(ctl, err, &a);		// 0, or it has said what is wrong
 *	if (code == 0)
 *		ctl_print(buf_str(&a.body));
 *	answer_done(&a);
 *
 * Calls give 0 when an answer came, whatever its status, else -errno: -ENOENT, -ECONNREFUSED nobody
 * listens there; -EACCES; -ECONNRESET the daemon went away; -ETIMEDOUT; -EBADMSG what came is no
 * HTTP.
 */
#ifndef FETCHCTL_API_H
#define FETCHCTL_API_H

#include <sys/types.h>

#include "src/common/buf.h"
#include "src/fetchctl/ctl.h"

struct answer {
	int status;	 /* 0 = none came */
	struct buf body; /* but for what a stream's function took */
};
void answer_done(struct answer *a);

int api_call(const struct ctl *ctl, const char *method, const char *target,
	     struct answer *ret) MUST_USE;

/* GET whose body, when the status is 200, goes to take piece by piece as it comes. take gives 0 to
 * go on; anything else ends the call and is given back as it is. patient: the daemon may be silent
 * for as long as it likes. */
typedef int api_take(void *user, struct str piece);
int api_stream(const struct ctl *ctl, const char *target, bool patient, api_take *take, void *user,
	       struct answer *ret) MUST_USE;

/* POST with the body that give has: it gives the number of bytes put into the buffer, 0 at the end,
 * or -errno, which ends the call and is given back. Stops sending as soon as the daemon answers. */
typedef ssize_t api_give(void *user, char *buffer, size_t size);
int api_upload(const struct ctl *ctl, const char *target, const char *content_type, api_give *give,
	       void *user, struct answer *ret) MUST_USE;

/* True when it may help to try again in a moment: the daemon restarts. */
bool api_gone(int err, const struct answer *a);

/* 0 when err is 0 and the status is 2xx; else says what is wrong, with a hint, and gives the exit
 * code. */
int api_exit_code(const struct ctl *ctl, int err, const struct answer *a) MUST_USE;

#endif
