/* SPDX-License-Identifier: MIT
 *
 * results: copies the daemon's NDJSON to standard output, whole lines only: what of a line came
 * before the connection broke is held back, so that going on with ?after=LINES puts the pieces
 * together again without a seam.
 */
#include <errno.h>
#include <stdio.h>

#include "runtime/clock.h"
#include "src/common/cleanup.h"
#include "src/fetchctl/again.h"

enum {
	FOLLOW,
	AFTER
};

/* A stream that held so long shows a daemon that is well; one that breaks at once and brings
 * nothing new, again and again, shows a damaged store. */
#define HELD SECOND

struct copy {
	uint64_t lines;	 /* printed, or skipped by --after */
	struct buf rest; /* of a line whose end has not come */
	int code;	 /* of a failed print */
};

static int take(void *user, struct str piece)
{
	struct copy *c = user;
	size_t whole = piece.len;
	while (whole > 0 && piece.data[whole - 1] != '\n')
		whole--;
	for (size_t i = 0; i < whole; i++)
		c->lines += piece.data[i] == '\n';
	if (whole > 0) {
		c->code = ctl_print(buf_str(&c->rest));
		if (c->code == 0)
			c->code = ctl_print(str_slice(piece, 0, whole));
		buf_clear(&c->rest);
	}
	int err = buf_append_str(&c->rest, str_slice(piece, whole, piece.len));
	return c->code ? -ECANCELED : err;
}

static int stream(const struct ctl *ctl, uint64_t id, struct copy *c)
{
	cleanup(answer_done) struct answer a = { 0 };
	struct progress p = progress_to_stderr();
	struct again again = again_with(&p);
	bool follow = ctl->given[FOLLOW] != NULL;
	char target[128];
	int err;
	do {
		uint64_t before = c->lines;
		int64_t began = clock_now();
		buf_clear(&c->rest);
		snprintf(target, sizeof(target), "/v1/batches/%llu/results?after=%llu%s",
			 (unsigned long long)id, (unsigned long long)c->lines,
			 follow ? "&follow=1" : "");
		err = api_stream(ctl, target, follow, take, c, &a);
		again.seen |= a.status == 200;
		if (c->lines > before || (a.status == 200 && clock_now() - began >= HELD))
			(void)again_try(&again, false); /* it was there, if only for a while */
	} while (!c->code && again_try(&again, api_gone(err, &a)));
	return c->code ? c->code : api_exit_code(ctl, err, &a);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	uint64_t id;
	struct copy c = { 0 };
	(void)argc;
	int code = ctl_batch_id(argv[0], &id);
	const char *after = ctl->given[AFTER];
	if (code == 0 && after && str_parse_u64(str_of(after), INT64_MAX, &c.lines))
		code = ctl_fail(EXIT_USAGE, "--after: '%s' is not a number of lines", after);
	if (code == 0)
		code = stream(ctl, id, &c);
	buf_done(&c.rest);
	return code;
}

const struct verb verb_results = {
	.name = "results",
	.arguments = "ID",
	.summary = "Prints the results so far, a JSON object a line, in order of their arrival",
	.options = {
		[FOLLOW] = { "follow", NULL, "go on until the batch is done" },
		[AFTER] = { "after", "N", "leave out the first N: those that you have already" },
	},
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
