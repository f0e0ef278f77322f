/* SPDX-License-Identifier: MIT
 *
 * self: stands before the runtime's header of that name: each model says which m its threads are.
 */
#ifndef RUNTIME_SELF_H
#define RUNTIME_SELF_H

struct m;
struct m *m_self(void);

#endif
