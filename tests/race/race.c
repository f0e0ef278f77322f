/* SPDX-License-Identifier: MIT
 *
 * race: see race.h.
 */
#include "tests/race/race.h"

int shared;
atomic_int race__steps;
