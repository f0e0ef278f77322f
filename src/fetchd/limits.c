/* SPDX-License-Identifier: MIT
 *
 * limits: descriptors are the scarce thing. Those that are left after the reserve are split: at
 * most three quarters for requests in flight when nothing else is configured, and what is left for
 * connections that wait to be used again.
 */
#include "src/fetchd/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>

#include "src/common/log.h"

/* A request's own, and that of the connection that is opened for it. */
#define GOROUTINES_EACH 2
/* Goroutines that no request uses: API connections, engine, store, timers. */
#define RESERVED_GOROUTINES (LIMITS_API_CONNECTIONS + 256)

uint64_t limits_raise_descriptors(void)
{
	struct rlimit limit = { 0 };
	getrlimit(RLIMIT_NOFILE, &limit);
	rlim_t soft = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : soft;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int limits_choose(struct config *c, uint64_t descriptors, int64_t goroutines)
{
	uint64_t room = descriptors > LIMITS_RESERVED ? descriptors - LIMITS_RESERVED : 0;
	uint64_t ours =
		goroutines > RESERVED_GOROUTINES ? (uint64_t)goroutines - RESERVED_GOROUTINES : 0;
	uint64_t fits = smaller(room, ours / GOROUTINES_EACH);
	uint32_t wanted = c->engine.max_in_flight;
	if (fits < 4) {
		log_err("limits: %" PRIu64 " descriptors and %" PRId64
			" goroutines are too few for a single request; raise LimitNOFILE= or "
			"ulimit -n",
			descriptors, goroutines);
		return -EMFILE;
	}
	if (wanted == 0)
		c->engine.max_in_flight = (uint32_t)smaller(fits * 3 / 4, LIMITS_AUTO_IN_FLIGHT);
	else
		c->engine.max_in_flight = (uint32_t)smaller(wanted, fits);
	if (c->engine.max_in_flight < wanted)
		log_warn("limits: [fetch] max_in_flight = %" PRIu32 " is cut to %" PRIu32
			 ": %" PRIu64 " descriptors, %" PRId64 " goroutines",
			 wanted, c->engine.max_in_flight, descriptors, goroutines);
	uint64_t in_flight = c->engine.max_in_flight;
	uint64_t left =
		ours - GOROUTINES_EACH * in_flight; /* for connections that outlive a request */
	uint64_t idle = smaller(room - smaller(room - 1, in_flight), left ? left : 1);
	wanted = c->client.max_idle_conns;
	c->client.max_idle_conns = (uint32_t)smaller(wanted ? wanted : 20000, idle);
	log_info("limits: max_in_flight=%" PRIu32 " max_per_host=%" PRIu32
		 " max_idle_conns=%" PRIu32 " descriptors=%" PRIu64 " goroutines=%" PRId64,
		 c->engine.max_in_flight, c->engine.max_per_host, c->client.max_idle_conns,
		 descriptors, goroutines);
	return 0;
}
