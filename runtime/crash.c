/* SPDX-License-Identifier: MIT
 *
 * crash: handlers run on their thread's alternate stack (thread.c), since a goroutine's own may be what has run out. They write with write(2) only.
 *
 * Afterwards the handler that was there before (a sanitizer's, or the default) is put back and the faulting instruction runs again: so the
 * core dump has the frames as they were. An overflow is told by the address alone: it lies in a slot's guard.
 */
#include "runtime/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "runtime/dump.h"
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
	find_bounds(&at, m, g);
	writer_print(w, "\n");
	if (g != NULL)
		dump__goroutine(w, g, at);
	else if (m == NULL || !is_fatal)
		write_thread(w, m, at);
	dump__others(w, g);
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

static void describe(struct writer *w, int signal_number, const siginfo_t *info)
{
	bool has_address = signal_number == SIGSEGV || signal_number == SIGBUS;
	const struct g *owner = has_address ? stack_find(info->si_addr) : NULL;
	if (owner != NULL && stack_is_guard(info->si_addr)) {
		writer_print(w,
			     "fatal error: goroutine stack overflow\ngoroutine %llu [%s] has used "
			     "up its stack of %zu KiB\n",
			     (unsigned long long)atomic_load(&owner->id), owner->name,
			     (size_t)((const char *)owner - stack_low(owner)) / 1024);
		return;
	}
	writer_print(w, "fatal error: signal SIG%s", sigabbrev_np(signal_number));
	if (has_address)
		writer_print(w, " at address %p", info->si_addr);
	writer_print(w, "\n");
}

/* What the kernel raised comes again with the instruction; what a process sent does not. */
static void die_of(int signal_number, const siginfo_t *info)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (faults[i] == signal_number)
			sigaction(signal_number, &before[i], NULL);
	if (info->si_code <= 0)
		raise(signal_number);
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
	struct writer w = { .fd = STDERR_FILENO };
	if (panic_claim()) {
		describe(&w, signal_number, info);
		write_all(&w, interrupted_point(context), false);
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
