/* SPDX-License-Identifier: MIT
 *
 * delete: a finished batch and its results go for good.
 */
#include <stdio.h>

#include "src/common/cleanup.h"
#include "src/fetchctl/api.h"

static int delete_one(const struct ctl *ctl, const char *arg)
{
	cleanup(answer_done) struct answer a = { 0 };
	char target[64];
	uint64_t id;
	int code = ctl_batch_id(arg, &id);
	if (code)
		return code;
	snprintf(target, sizeof(target), "/v1/batches/%llu", (unsigned long long)id);
	int err = api_call(ctl, "DELETE", target, &a);
	return api_exit_code(ctl, err, &a);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	int code = 0;
	for (int i = 0; i < argc && code == 0; i++)
		code = delete_one(ctl, argv[i]);
	return code;
}

const struct verb verb_delete = {
	.name = "delete",
	.arguments = "ID...",
	.summary = "Deletes finished batches with their results",
	.min_args = 1,
	.max_args = 1000,
	.run = run,
};
