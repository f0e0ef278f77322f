/* SPDX-License-Identifier: MIT
 *
 * futex: the two calls by which an OS thread sleeps and is woken. For lock.c and note.c alone. Any thread.
 */
#ifndef RUNTIME_FUTEX_H
#define RUNTIME_FUTEX_H

#include <stdatomic.h>
#include <stdint.h>

/* Sleeps while *word == expected, at most until deadline_ns (NEVER = no limit). May return early: look at the word again. */
void futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline_ns);

void futex_wake(_Atomic uint32_t *word, int count);

#endif
