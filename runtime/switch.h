/* SPDX-License-Identifier: MIT
 *
 * switch: leave one stack and go on with another. The only assembly; one file an architecture.
 *
 * A stack at rest is a pointer to its lowest used word. There lie the callee-saved registers and the floating-point control words,
 * then the address to go on at. Signal masks, errno and thread-locals stay with the OS thread. A new stack starts at
 * switch_start, where unwinders stop. One direction is a goroutine's (switch_leave), the other the scheduler's (switch_enter).
 */
#ifndef RUNTIME_SWITCH_H
#define RUNTIME_SWITCH_H

/* Saves this stack into *save_sp and goes on with load_sp. Returns when somebody switches back, maybe on another OS thread. */
static inline void switch_leave(void **save_sp, void *load_sp);

/* The same, from a stack that never changes the floating-point control words: that of the scheduler. */
static inline void switch_enter(void **save_sp, void *load_sp);

/* Lays the first frame below top (16-aligned): the first switch to the result calls entry, which must not return. */
void *switch_prepare(void *top, void (*entry)(void));

/* Where a stack at rest goes on: its frame pointer and its program counter. For tracebacks. */
void switch_resume_point(const void *sp, void **ret_fp, void **ret_pc);

/* Takes this thread's control words as those that every goroutine starts with. Once. */
void switch_init(void);

/* Gives them to this thread, which may have inherited a goroutine's. Before its first switch_enter. */
void switch_init_thread(void);

#if defined(__x86_64__)
/* A jump and no call, with the return address pushed by hand: a call would stand in the CPU's return predictor above the other stack's callers,
 * and each of its returns after the switch would be mispredicted (5 ns each). For that, both must be inlined. 128: the red zone. */
#define SWITCH_BY_JUMP(target, save_sp, load_sp)                                                  \
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\t"                                            \
			 "leaq 1f(%%rip), %%rcx\n\t"                                              \
			 "pushq %%rcx\n\t"                                                        \
			 "jmp " target "\n"                                                       \
			 "1:\n\t"                                                                 \
			 "leaq 128(%%rsp), %%rsp"                                                 \
			 : "+D"(save_sp), "+S"(load_sp)                                           \
			 :                                                                        \
			 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", \
			   "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
			   "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory")

static inline __attribute__((always_inline)) void switch_leave(void **save_sp, void *load_sp)
{
	SWITCH_BY_JUMP("switch__leave", save_sp, load_sp);
}

static inline __attribute__((always_inline)) void switch_enter(void **save_sp, void *load_sp)
{
	SWITCH_BY_JUMP("switch__enter", save_sp, load_sp);
}
#else
void switch__leave(void **save_sp, void *load_sp);

static inline void switch_leave(void **save_sp, void *load_sp)
{
	switch__leave(save_sp, load_sp);
}

static inline void switch_enter(void **save_sp, void *load_sp)
{
	switch__leave(save_sp, load_sp);
}
#endif

#endif
