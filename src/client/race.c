/* SPDX-License-Identifier: MIT
 *
 * race: a goroutine an address, and the caller, who starts them and hears of each end by a channel that
 * has room for all: a runner never waits to be heard. Runners live in an errgroup: when there is a
 * winner, or no hope, its context's end interrupts the others, and the caller waits until they have
 * gone. So the list and the race outlive all who use them.
 */
#include "src/client/race.h"

#include <stdlib.h>

#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/errgroup.h"
#include "runtime/select.h"
#include "runtime/ticker.h"

struct runner {
	struct race *race;
	struct dial *dial;
	int64_t until;
	enum fetch_error error; /* once it was sent */
	char why[FAULT_BYTES];
};

CHAN_OF(struct runner *, runner_chan);

struct race {
	const struct dial_options *how;
	struct scope scope; /* the request's, within the group's context */
	struct errgroup *group;
	runner_chan ended;
	uint32_t n, started, running;
	struct runner runners[];
};

static int run(void *arg)
{
	struct runner *r = arg;
	r->error = dial_wait(&r->race->scope, r->dial, r->until, r->why);
	if (r->error)
		dial_abandon(r->dial);
	chan_send(r->race->ended, r);
	return 0;
}

static void start(struct race *race, struct runner *r)
{
	race->running++;
	errgroup_go(race->group, run, r);
}

/* Starts the next. A failure to begin counts as an end. */
static void start_next(struct race *race)
{
	struct runner *r = &race->runners[race->started++];
	r->error = dial_start(race->how, r->dial, &r->until, r->why);
	if (r->error == FETCH_OK) {
		start(race, r);
		return;
	}
	race->running++;
	chan_send(race->ended, r);
}

/* The next that has ended; NULL when it is time for another to join. */
static struct runner *wait_for_end(struct race *race)
{
	enum {
		ON_END,
		ON_TIME
	};
	struct runner *r = NULL;
	time_chan timer = { 0 };
	if (race->started < race->n)
		timer = time_after(RACE_DELAY_NS);
	struct select_case cases[] = {
		[ON_END] = on_recv(race->ended, &r),
		[ON_TIME] = on_recv(timer, NULL),
	};
	int chosen = select_wait(cases);
	chan_unref(timer);
	return chosen == ON_END ? r : NULL;
}

static struct runner *hold(struct race *race)
{
	struct runner *last = NULL;
	while (race->running > 0 || race->started < race->n) {
		if (race->running == 0)
			start_next(race);
		struct runner *r = wait_for_end(race);
		if (r) {
			last = r;
			race->running--;
			if (dial_is_final(r->error))
				break;
		}
		if (race->started < race->n)
			start_next(race);
	}
	return last;
}

static struct race *race_new(const struct dial_options *how, const struct scope *scope,
			     struct dial *list, uint32_t n)
{
	struct race *race = calloc(1, sizeof(*race) + n * sizeof(race->runners[0]));
	if (!race)
		return NULL;
	race->how = how;
	race->group = errgroup_new(scope->ctx);
	race->scope = scope_of(errgroup_context(race->group), scope->deadline_ns);
	race->ended = chan_make(runner_chan, n);
	race->n = n;
	for (uint32_t i = 0; i < n; i++)
		race->runners[i] = (struct runner){ .race = race, .dial = &list[i] };
	return race;
}

/* Ends the losers, also one that connected too late. */
static void race_free(struct race *race, const struct runner *winner)
{
	context_cancel(errgroup_context(race->group));
	(void)!errgroup_wait(race->group);
	for (uint32_t i = 0; i < race->started; i++)
		if (&race->runners[i] != winner && race->runners[i].dial->conn)
			dial_abandon(race->runners[i].dial);
	chan_unref(race->ended);
	free(race);
}

enum fetch_error race_run(const struct dial_options *how, const struct scope *scope,
			  struct dial *list, uint32_t n, int64_t until, struct dial **ret_winner,
			  char *detail)
{
	struct race *race = race_new(how, scope, list, n);
	if (!race) {
		dial_abandon(&list[0]);
		return FETCH_OUT_OF_MEMORY;
	}
	race->runners[0].until = until;
	race->started = 1;
	start(race, &race->runners[0]);
	start_next(race);
	struct runner *last = hold(race);
	enum fetch_error e = last->error;
	if (e)
		fault(detail, e, "%s", last->why);
	else
		*ret_winner = last->dial;
	race_free(race, e ? NULL : last);
	return e;
}
