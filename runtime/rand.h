/* SPDX-License-Identifier: MIT
 *
 * rand: the only source of random numbers. Any thread. Not for secrets.
 */
#ifndef RUNTIME_RAND_H
#define RUNTIME_RAND_H

#include <stdint.h>

uint64_t rand_u64(void);

/* Uniform in [0, n); n > 0. */
uint32_t rand_below(uint32_t n);

/* Makes the sequence repeatable: for tests. */
void rand_seed(uint64_t seed);

#endif
