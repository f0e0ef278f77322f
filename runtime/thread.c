/* SPDX-License-Identifier: MIT
 *
 * thread: pthread_create with the creator's signal mask exchanged around it (a new thread inherits that), and an alternate signal stack
 * for the handlers of crash.c, which must run when the thread stands on a goroutine's stack that has overflowed.
 */
#include "runtime/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "runtime/base.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
/* For a traceback with its line buffers and the dynamic linker's look-ups. */
#define SIGNAL_STACK_SIZE (64 * 1024)

static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };

#define NAME_SIZE 16 /* the kernel's */

struct start {
	char name[NAME_SIZE];
	void *(*fn)(void *arg);
	void *arg;
};

/* The alternate stack goes before the thread does, and what was there before (a sanitizer's) comes back. */
static void *trampoline(void *arg)
{
	struct start start = *(struct start *)arg;
	free(arg);
	pthread_setname_np(pthread_self(), start.name);
	stack_t before, mine = { .ss_size = SIGNAL_STACK_SIZE + getauxval(AT_MINSIGSTKSZ) };
	size_t size = SIGNAL_STACK_GUARD + mine.ss_size;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || mprotect(mem, SIGNAL_STACK_GUARD, PROT_NONE) != 0)
		fatal("no memory for a signal stack");
	mine.ss_sp = mem + SIGNAL_STACK_GUARD;
	sigaltstack(&mine, &before);
	void *result = start.fn(start.arg);
	sigaltstack(&before, NULL);
	munmap(mem, size);
	return result;
}

int thread_start(const char *name, void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;
	sigset_t mask, old;
	sigfillset(&mask);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		sigdelset(&mask, faults[i]);
	struct start *start = xmalloc(sizeof(*start));
	*start = (struct start){ .fn = fn, .arg = arg };
	strncpy(start->name, name, NAME_SIZE - 1);
	pthread_sigmask(SIG_SETMASK, &mask, &old);
	int err = pthread_create(&thread, NULL, trampoline, start);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err != 0)
		free(start);
	else
		pthread_detach(thread);
	return -err;
}

void thread_be_punctual(void)
{
	prctl(PR_SET_TIMERSLACK, 1UL);
}
