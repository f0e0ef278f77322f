/* SPDX-License-Identifier: MIT
 *
 * version: ours and the daemon's.
 */
#include <stdio.h>

#include "src/common/cleanup.h"
#include "src/common/json.h"
#include "src/common/version.h"
#include "src/fetchctl/api.h"

static int run(struct ctl *ctl, int argc, char **argv)
{
	cleanup(answer_done) struct answer a = { 0 };
	struct json_item version;
	(void)argc, (void)argv;
	if (!ctl->json)
		puts("fetchctl " FETCHD_VERSION);
	fflush(stdout);
	int err = api_call(ctl, "GET", "/v1/version", &a);
	int code = api_exit_code(ctl, err, &a);
	if (code || ctl->json)
		return code ? code : ctl_print(buf_str(&a.body));
	if (!json_get(buf_str(&a.body), "version", &version))
		return ctl_fail(EXIT_INTERNAL, "what answers at %s is no fetchd", ctl->socket_path);
	printf("fetchd   %.*s at %s\n", STR_ARG(version.raw), ctl->socket_path);
	return 0;
}

const struct verb verb_version = {
	.name = "version",
	.arguments = "",
	.summary = "Prints the versions of fetchctl and of the daemon",
	.run = run,
};
