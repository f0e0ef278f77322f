/* SPDX-License-Identifier: MIT
 *
 * list: all batches, a line each.
 */
#include "src/fetchctl/list.h"

#include <stdio.h>

#include "src/common/cleanup.h"
#include "src/common/json.h"
#include "src/fetchctl/batch.h"

static int print_table(struct str json)
{
	struct json_item array, item;
	struct json_reader r;
	struct batch b;
	int more = json_get(json, "batches", &array) ? json_reader_init(&r, array.raw) : -1;
	printf("%6s  %-10s %10s %10s %10s %10s  %s\n", "ID", "STATE", "JOBS", "DONE", "FETCHED",
	       "FAILED", "CREATED");
	while (more == 0 && (more = json_next(&r, &item)) > 0) {
		more = batch_read(item.raw, &b);
		if (more == 0)
			printf("%6llu  %-10.*s %10llu %10llu %10llu %10llu  %.*s\n",
			       (unsigned long long)b.id, STR_ARG(b.state),
			       (unsigned long long)b.jobs, (unsigned long long)b.done,
			       (unsigned long long)b.fetched, (unsigned long long)b.failed,
			       STR_ARG(b.created));
	}
	return more < 0 ? ctl_fail(EXIT_INTERNAL, "the daemon's list can't be read") : 0;
}

int list_batches(struct ctl *ctl)
{
	cleanup(answer_done) struct answer a = { 0 };
	int err = api_call(ctl, "GET", "/v1/batches", &a);
	int code = api_exit_code(ctl, err, &a);
	if (code)
		return code;
	return ctl->json ? ctl_print(buf_str(&a.body)) : print_table(buf_str(&a.body));
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	(void)argc, (void)argv;
	return list_batches(ctl);
}

const struct verb verb_list = {
	.name = "list",
	.arguments = "",
	.summary = "Lists all batches",
	.run = run,
};
