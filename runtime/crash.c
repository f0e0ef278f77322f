/* SPDX-License-Identifier: MIT
 *
 * crash: handlers run on their thread's alternate stack (thread.c), since a goroutine's own may be what has run out. They write with write(2) only.
 *
 * Afterwards the handler that was there before (a sanitizer's, or the default) is put back and the faulting instruction runs again: so the
 * core dump has the frames as they were.
 */
#include "runtime/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "runtime/dump.h"
#include "runtime/overflow.h"
#include "runtime/sched.h"
#include "runtime/traceback.h"

static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

static struct sigaction before[ARRAY_LEN(faults)];

/* The stack that is stood on: the current goroutine's, or the scheduler's. Of another thread's the bounds are not known. */
static void find_bounds(struct stack_point *at, const struct m *m, const struct g *g)
{
	const char *here = at->sp != NULL ? at->sp : at->fp;
	if (g != NULL && here >= stack_low(g) && here < (const char *)g) {
		at->low = stack_low(g);
		at->high = (const char *)g;
	} else if (m != NULL) {
		at->low = m->stack_low;
		at->high = m->stack_low + m->stack_size;
	}
}

static void write_thread(struct writer *w, const struct m *m, struct stack_point at)
{
	struct trace t;
	trace_take(&t, at);
	writer_print(w, "%s:\n", m != NULL ? "runtime stack" : "thread outside of the runtime");
	trace_write(w, &t);
	writer_print(w, "\n");
}

/* From here on no m starts another goroutine: what is dumped holds still, as far as it lets itself be held. */
static void write_all(struct writer *w, struct stack_point at, bool is_fatal)
{
	struct m *m = m_self();
	struct g *g = g_self();
	atomic_store(&sched.stopping, true);
	bool overflown = at.low != NULL;
	if (!overflown)
		find_bounds(&at, m, g);
	writer_print(w, "\n");
	if (g != NULL)
		dump__goroutine(w, g, at);
	else if (m == NULL || !is_fatal)
		write_thread(w, m, at);
	writer_flush(w);
	if (!(overflown && overflow_harms_others()))
		dump__others(w, g);
	else
		writer_print(
			w,
			"the stacks of other goroutines may be overwritten: they are not shown\n");
	writer_flush(w);
}

static void panic_hook(bool is_fatal)
{
	struct writer w = { .fd = STDERR_FILENO };
	write_all(&w, (struct stack_point){ .fp = __builtin_frame_address(0) }, is_fatal);
}

static struct stack_point interrupted_point(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (struct stack_point){ .pc = (void *)(uintptr_t)context->uc_mcontext.gregs[REG_RIP],
				     .fp = (void *)(uintptr_t)context->uc_mcontext.gregs[REG_RBP],
				     .sp = (void *)(uintptr_t)context->uc_mcontext.gregs[REG_RSP] };
#elif defined(__aarch64__)
	return (struct stack_point){ .pc = (void *)(uintptr_t)context->uc_mcontext.pc,
				     .fp = (void *)(uintptr_t)context->uc_mcontext.regs[29],
				     .sp = (void *)(uintptr_t)context->uc_mcontext.sp };
#endif
}

/* What a memory access faulted on. */
static void describe_address(struct writer *w, const void *addr, const stack_t *alternate)
{
	const struct g *owner = stack_find(addr);
	writer_print(w, " at address %p", addr);
	if (owner != NULL && stack_is_guard(addr))
		writer_print(w, ", in the guard of goroutine %llu's stack",
			     (unsigned long long)atomic_load(&owner->id));
	else if (overflow_is_of_signals(addr, alternate))
		writer_print(w, ", in the guard of a signal stack");
}

static bool has_address(int signal_number)
{
	return signal_number == SIGSEGV || signal_number == SIGBUS;
}

static void report(struct writer *w, int signal_number, const siginfo_t *info,
		   const ucontext_t *context)
{
	struct stack_point at = interrupted_point(context);
	const struct g *g = g_self();
	if (has_address(signal_number) && overflow_is(g, &at, info, &context->uc_stack)) {
		overflow_write(w, g);
		overflow_bounds(g, &at);
	} else {
		writer_print(w, "fatal error: signal SIG%s", sigabbrev_np(signal_number));
		if (has_address(signal_number))
			describe_address(w, info->si_addr, &context->uc_stack);
		writer_print(w, "\n");
	}
	write_all(w, at, false);
}

/* What an instruction raised comes again with it; what a process sent does not, nor what the kernel made of a signal that it couldn't deliver. */
static void die_of(int signal_number, const siginfo_t *info)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (faults[i] == signal_number)
			sigaction(signal_number, &before[i], NULL);
	if (info->si_code <= 0 || info->si_code == SI_KERNEL)
		raise(signal_number);
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
	struct writer w = { .fd = STDERR_FILENO };
	if (panic_claim()) {
		report(&w, signal_number, info, context);
	} else if (signal_number != SIGABRT) {
		writer_print(&w, "fatal error: signal SIG%s during the report\n",
			     sigabbrev_np(signal_number));
		writer_flush(&w);
	}
	die_of(signal_number, info);
}

static void on_quit(int signal_number)
{
	(void)signal_number;
	goroutine_dump(STDERR_FILENO);
}

void crash_init(void)
{
	symbol_init();
	panic_set_hook(panic_hook);
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		sigaction(faults[i], &fault, &before[i]);
	struct sigaction quit = { .sa_handler = on_quit, .sa_flags = SA_ONSTACK | SA_RESTART };
	sigaction(SIGQUIT, &quit, NULL);
}
