/* SPDX-License-Identifier: MIT
 *
 * rand: SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014) over one shared counter.
 *
 * A draw is one atomic add and a mix, so any thread may draw without a state of its own, and a seed makes the sequence of a
 * single-threaded run repeatable. The first seed comes from the kernel.
 */
#include "runtime/rand.h"

#include <stdatomic.h>
#include <sys/random.h>

#include "runtime/clock.h"

#define GAMMA UINT64_C(0x9e3779b97f4a7c15)

static _Atomic uint64_t counter;

__attribute__((constructor)) static void seed_from_kernel(void)
{
	uint64_t seed;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (uint64_t)clock_wall();
	rand_seed(seed);
}

uint64_t rand_u64(void)
{
	uint64_t z = atomic_fetch_add_explicit(&counter, GAMMA, memory_order_relaxed) + GAMMA;
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Lemire: Fast random integer generation in an interval, 2019. Without the rejection step the bias is at most n / 2^32. */
uint32_t rand_below(uint32_t n)
{
	uint64_t x = (rand_u64() >> 32) * n;
	uint32_t threshold = -n % n;
	while ((uint32_t)x < threshold)
		x = (rand_u64() >> 32) * n;
	return (uint32_t)(x >> 32);
}

void rand_seed(uint64_t seed)
{
	atomic_store_explicit(&counter, seed, memory_order_relaxed);
}
