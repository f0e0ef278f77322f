/* SPDX-License-Identifier: MIT
 *
 * signal: a handler notes the signal in a bitmap and interrupts the netpoller, which sends to the channels. Costs nothing while no
 * signal comes.
 *
 * Only the main thread takes signals (thread.h). `notify.lock` guards all of `notify`; lock order: before a channel's lock. The handler
 * touches `pending` alone.
 *
 * What a signal does is what `ignored` and the subscriptions say; set_actions brings the kernel in line, and keeps what was there before
 * for the time when nobody cares any more. Stop first gives the signal back to the kernel and then delivers what has come by then: so each
 * has one effect, the new or the old. (But for one whose handler has been entered and is held up before its first instruction.)
 */
#include "runtime/signal.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/chan_internal.h"
#include "runtime/list.h"
#include "runtime/lock.h"
#include "runtime/poll.h"
#include "runtime/proc.h"
#include "runtime/sanitizer.h"

#define SIGNALS_MAX 64

/* Faults of the program: crash.c's. */
static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };

struct subscription {
	struct list link;
	signal_chan chan; /* a reference of ours; no other subscription has this channel */
	uint64_t mask;	  /* not 0 */
};

static struct {
	struct lock lock;
	struct list subscriptions;
	uint64_t ignored;
	uint64_t installed; /* whose action is not the one before */
	struct sigaction before[SIGNALS_MAX + 1];
} notify;

static _Atomic uint64_t pending;

static uint64_t bit(int signal_number)
{
	return UINT64_C(1) << (signal_number - 1);
}

static void on_signal(int signal_number)
{
	int saved = errno;
	atomic_fetch_or(&pending, bit(signal_number));
	poll_interrupt();
	errno = saved;
}

static void send_to_all(int signal_number)
{
	list_for_each (link, &notify.subscriptions) {
		struct subscription *s = CONTAINER_OF(link, struct subscription, link);
		if (s->mask & bit(signal_number))
			(void)chan_try_send(s->chan, signal_number);
	}
}

/* Under notify.lock. */
static void send_pending(void)
{
	uint64_t signals = atomic_exchange(&pending, 0);
	for (int n = 1; signals != 0; n++, signals >>= 1)
		if (signals & 1)
			send_to_all(n);
}

/* A signal wakes those who receive from a channel that gets it, and nobody else: a subscription alone is no hope. What is about to be
 * delivered counts: whoever delivers takes the lock after `pending` has become 0, and its receivers are still in line then. */
static bool somebody_receives(void)
{
	bool found = atomic_load(&pending) != 0;
	lock_acquire(&notify.lock);
	list_for_each (link, &notify.subscriptions) {
		struct subscription *s = CONTAINER_OF(link, struct subscription, link);
		found = found || !waitq_empty(&s->chan.tx->receivers);
	}
	lock_release(&notify.lock);
	return found;
}

static void deliver(void)
{
	if (atomic_load_explicit(&pending, memory_order_relaxed) == 0)
		return;
	lock_acquire(&notify.lock);
	HAPPENS_AFTER(&notify);
	send_pending();
	HAPPENS_BEFORE(&notify);
	lock_release(&notify.lock);
}

static void begin(void)
{
	lock_acquire(&notify.lock);
	HAPPENS_AFTER(&notify);
	if (notify.subscriptions.next != NULL)
		return;
	list_init(&notify.subscriptions);
	poll_set_interrupt_hook(deliver);
	sched_set_signal_hook(somebody_receives);
}

static void end(void)
{
	HAPPENS_BEFORE(&notify);
	lock_release(&notify.lock);
}

/* --- under notify.lock, all of these --- */

static uint64_t wanted_without(const struct subscription *leaving)
{
	uint64_t wanted = 0;
	list_for_each (link, &notify.subscriptions)
		if (CONTAINER_OF(link, struct subscription, link) != leaving)
			wanted |= CONTAINER_OF(link, struct subscription, link)->mask;
	return wanted;
}

/* What can't be caught is refused by the kernel, and stays as it is. */
static void set_action(int n, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK };
	bool first = !(notify.installed & bit(n));
	if (sigaction(n, &action, first ? &notify.before[n] : NULL) == 0)
		notify.installed |= bit(n);
}

static void restore_action(int n)
{
	if (notify.installed & bit(n))
		sigaction(n, &notify.before[n], NULL);
	notify.installed &= ~bit(n);
}

static void set_actions(uint64_t changed, uint64_t wanted)
{
	for (int n = 1; n <= SIGNALS_MAX; n++) {
		if (!(changed & bit(n)))
			continue;
		if (wanted & bit(n))
			set_action(n, on_signal);
		else if (notify.ignored & bit(n))
			set_action(n, SIG_IGN);
		else
			restore_action(n);
	}
}

static struct subscription *find(signal_chan c)
{
	list_for_each (link, &notify.subscriptions) {
		struct subscription *s = CONTAINER_OF(link, struct subscription, link);
		if (s->chan.tx == c.tx)
			return s;
	}
	return NULL;
}

static struct subscription *subscribe(signal_chan c)
{
	struct subscription *s = xcalloc(1, sizeof(*s));
	s->chan = chan_ref(c);
	list_push_back(&notify.subscriptions, &s->link);
	return s;
}

static void drop(struct subscription *s)
{
	list_remove(&s->link);
	chan_unref(s->chan);
	HIDDEN_BEGIN();
	free(s);
	HIDDEN_END();
}

static void forget(uint64_t mask)
{
	list_for_each_safe (link, next, &notify.subscriptions) {
		struct subscription *s = CONTAINER_OF(link, struct subscription, link);
		s->mask &= ~mask;
		if (s->mask == 0)
			drop(s);
	}
}

/* --- lists of signals --- */

static bool is_fault(int n)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (faults[i] == n)
			return true;
	return false;
}

/* Numbers below SIGRTMIN that are no standard signal are libc's. */
static bool is_signal(int n)
{
	return (n >= 1 && n <= SIGSYS) || (n >= SIGRTMIN && n <= SIGRTMAX);
}

static uint64_t all_signals(void)
{
	uint64_t mask = 0;
	for (int n = 1; n <= SIGNALS_MAX; n++)
		if (is_signal(n) && !is_fault(n))
			mask |= bit(n);
	return mask;
}

static uint64_t collect(const char *caller, int first, va_list more)
{
	uint64_t mask = 0;
	for (int n = first; n != 0; n = va_arg(more, int)) {
		if (!is_signal(n))
			panic("%s: no signal %d", caller, n);
		if (is_fault(n))
			panic("%s: signal %d is the runtime's", caller, n);
		mask |= bit(n);
	}
	return mask ? mask : all_signals();
}

/* --- the interface --- */

void signal_notify(signal_chan c, int first, ...)
{
	va_list more;
	va_start(more, first);
	uint64_t mask = collect("signal_notify", first, more);
	va_end(more);
	if (c.tx == NULL)
		panic("signal_notify: nil channel");
	begin();
	struct subscription *s = find(c);
	if (s == NULL)
		s = subscribe(c);
	s->mask |= mask;
	notify.ignored &= ~mask;
	set_actions(mask, wanted_without(NULL));
	end();
}

void signal_stop(signal_chan c)
{
	begin();
	struct subscription *s = find(c);
	if (s != NULL) {
		set_actions(s->mask, wanted_without(s));
		send_pending();
		drop(s);
	}
	end();
}

void signal_reset(int first, ...)
{
	va_list more;
	va_start(more, first);
	uint64_t mask = collect("signal_reset", first, more);
	va_end(more);
	begin();
	forget(mask);
	notify.ignored &= ~mask;
	set_actions(mask, 0);
	end();
}

void signal_ignore(int first, ...)
{
	va_list more;
	va_start(more, first);
	uint64_t mask = collect("signal_ignore", first, more);
	va_end(more);
	begin();
	forget(mask);
	notify.ignored |= mask;
	set_actions(mask, 0);
	end();
}

bool signal_ignored(int signal_number)
{
	struct sigaction now;
	return sigaction(signal_number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}
