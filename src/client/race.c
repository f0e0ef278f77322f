/* SPDX-License-Identifier: MIT
 *
 * race: a goroutine an address, and the caller, who starts them and hears of each end by a channel that
 * has room for all: a runner never waits to be heard. One more runner waits for addresses that are
 * still being resolved. Runners live in an errgroup: when there is a winner, or no hope, its context's
 * end interrupts the others, and the caller waits until they have gone. So the round and the race
 * outlive all who use them. The round is the caller's alone: a runner has one address of it.
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
	struct dial *dial; /* NULL = the one that waits for addresses */
	int64_t until;
	enum fetch_error error; /* once it was sent */
	char why[FAULT_BYTES];
};

CHAN_OF(struct runner *, runner_chan);

struct race {
	const struct dial_options *how;
	struct scope scope; /* the request's, within the group's context */
	struct round *round;
	struct dns_rest *rest;
	struct dns_answer *whole; /* what rest gave */
	bool resolving;
	struct errgroup *group;
	runner_chan ended;
	uint32_t started, running;
	struct runner resolver;
	struct runner runners[DNS_ADDRS_MAX];
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

static int resolve(void *arg)
{
	struct runner *r = arg;
	r->race->whole = r->race->rest->await(r->race->rest, &r->race->scope);
	chan_send(r->race->ended, r);
	return 0;
}

static struct runner *join(struct race *race, struct dial *d)
{
	struct runner *r = &race->runners[race->started++];
	r->race = race;
	r->dial = d;
	race->running++;
	return r;
}

/* Starts the next, if there is one. A failure to begin counts as an end. Gives when another may join;
 * 0 = at once. */
static int64_t start_next(struct race *race)
{
	struct dial *d = round_next(race->round);
	if (!d)
		return 0;
	struct runner *r = join(race, d);
	r->error = dial_start(race->how, d, &r->until, r->why);
	if (r->error == FETCH_OK)
		errgroup_go(race->group, run, r);
	else
		chan_send(race->ended, r);
	return clock_now() + RACE_DELAY_NS;
}

/* The next that has ended; NULL when it is time for another to join. */
static struct runner *wait_for_end(struct race *race, int64_t turn_ns)
{
	enum {
		ON_END,
		ON_TIME
	};
	struct runner *r = NULL;
	time_chan timer = { 0 };
	if (!round_is_over(race->round) && race->running > 0)
		timer = time_after(turn_ns - clock_now());
	struct select_case cases[] = {
		[ON_END] = on_recv(race->ended, &r),
		[ON_TIME] = on_recv(timer, NULL),
	};
	int chosen = select_wait(cases);
	chan_unref(timer);
	return chosen == ON_END ? r : NULL;
}

static void take_rest(struct race *race)
{
	race->resolving = false;
	if (race->whole)
		round_add(race->round, race->whole);
	dns_answer_unref(race->whole);
	race->whole = NULL;
}

/* Until one has won or none is left; gives the one that ended last. */
static struct runner *hold(struct race *race)
{
	struct runner *last = NULL;
	int64_t turn_ns = 0; /* when another joins; the first's turn is over */
	for (;;) {
		if (race->running == 0 || clock_now() >= turn_ns)
			turn_ns = start_next(race);
		if (race->running == 0 && !race->resolving)
			return last;
		struct runner *r = wait_for_end(race, turn_ns);
		if (r == &race->resolver) {
			take_rest(race);
		} else if (r) {
			last = r;
			race->running--;
			turn_ns = 0;
			if (dial_is_final(r->error))
				return last;
		}
	}
}

static struct race *race_new(const struct dial_options *how, const struct scope *scope,
			     struct round *round, struct dns_rest *rest)
{
	struct race *race = calloc(1, sizeof(*race));
	if (!race)
		return NULL;
	race->how = how;
	race->round = round;
	race->rest = rest;
	race->resolving = rest != NULL;
	race->resolver.race = race;
	race->group = errgroup_new(scope->ctx);
	race->scope = scope_of(errgroup_context(race->group), scope->deadline_ns);
	race->ended = chan_make(runner_chan, DNS_ADDRS_MAX + 1);
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
	dns_answer_unref(race->whole);
	chan_unref(race->ended);
	free(race);
}

enum fetch_error race_run(const struct dial_options *how, const struct scope *scope,
			  struct round *round, struct dns_rest *rest, struct dial *first,
			  int64_t until, struct dial **ret_winner, char *detail)
{
	struct race *race = race_new(how, scope, round, rest);
	if (!race) {
		dial_abandon(first);
		return FETCH_OUT_OF_MEMORY;
	}
	struct runner *r = join(race, first);
	r->until = until;
	errgroup_go(race->group, run, r);
	if (rest)
		errgroup_go(race->group, resolve, &race->resolver);
	struct runner *last = hold(race);
	enum fetch_error e = last->error;
	if (e)
		fault(detail, e, "%s", last->why);
	else
		*ret_winner = last->dial;
	race_free(race, e ? NULL : last);
	return e;
}
