/* SPDX-License-Identifier: MIT
 *
 * wait: asks for the batch's state until it is done. A restart of the daemon in between is lived
 * through: batches outlive it.
 */
#include "runtime/clock.h"
#include "src/fetchctl/again.h"

enum {
	TIMEOUT
};

#define PAUSE_MIN (20 * MILLISECOND)
#define PAUSE_MAX (250 * MILLISECOND)

/* 0 with the state in *ret, or the exit code. */
static int ask(const struct ctl *ctl, uint64_t id, struct again *again, struct answer *answer,
	       struct batch *ret)
{
	int err;
	do
		err = batch_get(ctl, id, answer, ret);
	while (again_try(again, api_gone(err, answer)));
	return api_exit_code(ctl, err, answer);
}

/* Until it is done, or the deadline. */
static int watch(const struct ctl *ctl, uint64_t id, int64_t deadline, struct progress *p,
		 struct answer *answer, struct batch *b)
{
	struct again again = again_with(p);
	for (int64_t pause = PAUSE_MIN;;
	     pause = pause * 3 / 2 < PAUSE_MAX ? pause * 3 / 2 : PAUSE_MAX) {
		int code = ask(ctl, id, &again, answer, b);
		if (code || b->finished)
			return code;
		progress_show(p, b);
		if (clock_now() >= deadline) {
			progress_say(p, "the time given by --timeout is over; the batch goes on");
			return EXIT_FULL;
		}
		clock_sleep_thread(pause);
	}
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	uint64_t id;
	int64_t timeout = 0;
	struct batch b;
	(void)argc;
	int code = ctl_batch_id(argv[0], &id);
	if (code)
		return code;
	const char *given = ctl->given[TIMEOUT];
	if (given && str_parse_duration(str_of(given), INT64_MAX / 2, &timeout))
		return ctl_fail(EXIT_USAGE, "--timeout: '%s' is not %s", given, str_duration_form);
	struct answer answer = { 0 };
	struct progress p = progress_to_stderr();
	code = watch(ctl, id, given ? clock_now() + timeout : NEVER, &p, &answer, &b);
	if (code == 0) {
		progress_end(&p, &b);
		code = ctl->json ? ctl_print(buf_str(&answer.body)) : 0;
		if (code == 0 && b.fetched != b.jobs)
			code = EXIT_SOME_FAILED;
	}
	answer_done(&answer);
	return code;
}

const struct verb verb_wait = {
	.name = "wait",
	.arguments = "ID",
	.summary =
		"Waits until the batch is done; exit code 0 if all was fetched, 1 if some failed",
	.help = "Shows on stderr how it gets on: a bar on a terminal, plain lines elsewhere.",
	.options = { [TIMEOUT] = { "timeout", "TIME",
				   "give up after that time (30s, 5m, ...) with exit code 75" } },
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
