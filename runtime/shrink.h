/* SPDX-License-Identifier: MIT
 *
 * shrink: gives the memory that a deep call has left below a parked goroutine's stack pointer back to the kernel. Internal to runtime/.
 */
#ifndef RUNTIME_SHRINK_H
#define RUNTIME_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

struct g;

/* Shrinks the stack of g to what it uses, if it is parked (else false). May end up queueing g, if it is readied meanwhile. Any thread. */
bool shrink_one(struct g *g);

/* Looks at some goroutines, more of them when `idle`. Returns when to call again if nothing runs until then; NEVER = all is done. From sysmon. */
int64_t shrink_tick(int64_t now_ns, bool idle);

/* Returns when no goroutine that was readied before this call is still held back. Any thread. */
void shrink_wait(void);

#endif
