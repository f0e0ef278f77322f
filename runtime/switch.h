/* SPDX-License-Identifier: MIT
 *
 * switch: leave one stack and go on with another. The only assembly; one file an architecture.
 *
 * A stack at rest is a pointer to its lowest used word. There lie the callee-saved registers and the floating-point control words,
 * then the address to go on at. Signal masks, errno and thread-locals stay with the OS thread. A new stack starts at
 * switch_start, where unwinders stop.
 */
#ifndef RUNTIME_SWITCH_H
#define RUNTIME_SWITCH_H

/* Saves this stack into *save_sp and goes on with load_sp. Returns when somebody switches back, maybe on another OS thread. */
void switch_stack(void **save_sp, void *load_sp);

/* Lays the first frame below top (16-aligned): the first switch to the result calls entry, which must not return. */
void *switch_prepare(void *top, void (*entry)(void));

/* Where a stack at rest goes on: its frame pointer and its program counter. For tracebacks. */
void switch_resume_point(const void *sp, void **ret_fp, void **ret_pc);

#endif
