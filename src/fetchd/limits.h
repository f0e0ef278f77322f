/* SPDX-License-Identifier: MIT
 *
 * limits: how much fetchd may do at once, from what the system lets it have. Each request in flight
 * needs a descriptor and two goroutines, each idle connection a descriptor, and while it is being opened
 * for a request that has gone a goroutine; what the configuration
 * leaves at "auto" is derived, what it asks for too much of is cut, and both are said in the log.
 */
#ifndef FETCHD_LIMITS_H
#define FETCHD_LIMITS_H

#include "src/fetchd/config.h"

/* API connections, files, name servers, pipes: descriptors that no request uses. */
#define LIMITS_API_CONNECTIONS 256
#define LIMITS_RESERVED	       (LIMITS_API_CONNECTIONS + 64)
/* What "auto" never goes above: more in flight costs memory (a window of jobs too) and wins
 * nothing. */
#define LIMITS_AUTO_IN_FLIGHT 10000

/* Raises the soft limit of descriptors to the hard one, and gives it. At the start, before there
 * are threads. */
uint64_t limits_raise_descriptors(void);

/* Fills in and cuts max_in_flight and max_idle_conns of c. Pure but for its lines in the log.
 * -EMFILE when not even one request fits. */
int limits_choose(struct config *c, uint64_t descriptors, int64_t goroutines) MUST_USE;

#endif
