/* SPDX-License-Identifier: MIT
 *
 * crash: what is said when the process dies: by panic(), by a fault, or by a goroutine that overflows its stack. Internal to runtime/.
 *
 * SIGQUIT is no death here: it writes the goroutine dump to stderr, and the process goes on.
 */
#ifndef RUNTIME_CRASH_H
#define RUNTIME_CRASH_H

/* Installs the handlers and panic's hook. Once, before the first goroutine. */
void crash_init(void);

#endif
