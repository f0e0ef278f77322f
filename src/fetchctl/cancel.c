/* SPDX-License-Identifier: MIT
 *
 * cancel: jobs that have not begun end as cancelled; those under way come to their end.
 */
#include <stdio.h>

#include "src/common/cleanup.h"
#include "src/fetchctl/api.h"

static int cancel(const struct ctl *ctl, const char *arg)
{
	cleanup(answer_done) struct answer a = { 0 };
	char target[64];
	uint64_t id;
	int code = ctl_batch_id(arg, &id);
	if (code)
		return code;
	snprintf(target, sizeof(target), "/v1/batches/%llu/cancel", (unsigned long long)id);
	int err = api_call(ctl, "POST", target, &a);
	code = api_exit_code(ctl, err, &a);
	return code || !ctl->json ? code : ctl_print(buf_str(&a.body));
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	int code = 0;
	for (int i = 0; i < argc && code == 0; i++)
		code = cancel(ctl, argv[i]);
	return code;
}

const struct verb verb_cancel = {
	.name = "cancel",
	.arguments = "ID...",
	.summary = "Ends batches early: what has not begun gets a result with state cancelled",
	.min_args = 1,
	.max_args = 1000,
	.run = run,
};
