/* SPDX-License-Identifier: MIT
 *
 * status: one batch in full, or the list of all.
 */
#include <stdio.h>

#include "src/common/cleanup.h"
#include "src/fetchctl/batch.h"
#include "src/fetchctl/list.h"

static void put_number(const char *name, uint64_t n)
{
	printf("%-10s %llu\n", name, (unsigned long long)n);
}

/* Lines that have nothing to say are left out. */
static void put_if(const char *name, uint64_t n)
{
	if (n)
		put_number(name, n);
}

static void put_text(const char *name, struct str text)
{
	if (text.len)
		printf("%-10s %.*s\n", name, STR_ARG(text));
}

static void print_batch(const struct batch *b)
{
	put_number("batch", b->id);
	put_text("state", b->state);
	put_number("jobs", b->jobs);
	printf("%-10s %llu (%u%%)\n", "done", (unsigned long long)b->done, batch_percent(b));
	put_number("fetched", b->fetched);
	put_number("failed", b->failed);
	put_if("cancelled", b->cancelled);
	put_if("expired", b->expired);
	put_if("in flight", b->in_flight);
	put_if("queued", b->queued);
	if (b->rate_ns > 0)
		printf("%-10s %.1f/s\n", "rate", (double)b->rate_ns / SECOND);
	put_text("waits for", b->waits_for);
	put_text("created", b->created);
	put_text("finished", b->ended);
	if (!str_eq(b->options, STR("{}")))
		put_text("options", b->options);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	if (argc == 0)
		return list_batches(ctl);
	cleanup(answer_done) struct answer a = { 0 };
	struct batch b;
	uint64_t id;
	int code = ctl_batch_id(argv[0], &id);
	if (code)
		return code;
	int err = batch_get(ctl, id, &a, &b);
	code = api_exit_code(ctl, err, &a);
	if (code || ctl->json)
		return code ? code : ctl_print(buf_str(&a.body));
	print_batch(&b);
	return 0;
}

const struct verb verb_status = {
	.name = "status",
	.arguments = "[ID]",
	.summary = "Shows how a batch gets on; without a number, lists all",
	.min_args = 0,
	.max_args = 1,
	.run = run,
};
