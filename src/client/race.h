/* SPDX-License-Identifier: MIT
 *
 * race: several addresses of one host at once (Happy Eyeballs, RFC 8305 §5): each next one joins when
 * the last has been silent for RACE_DELAY_NS, or at once when one has failed; the first that connects
 * wins, the others are given up. Addresses that are resolved meanwhile join as well.
 */
#ifndef CLIENT_RACE_H
#define CLIENT_RACE_H

#include "src/client/dial.h"

#define RACE_DELAY_NS (250 * MILLISECOND)

/* Parks. first is connecting already, and may until `until`; round has those that haven't begun, and
 * rest, which may be NULL, more of them. FETCH_OK and *ret_winner, with its conn; the others have none.
 * Else what became of the one that failed last. */
enum fetch_error race_run(const struct dial_options *how, const struct scope *scope,
			  struct round *round, struct dns_rest *rest, struct dial *first,
			  int64_t until, struct dial **ret_winner, char *detail) MUST_USE;

#endif
