/* SPDX-License-Identifier: MIT
 *
 * signal: a handler notes the signal in a bitmap and interrupts the netpoller, which sends to the channels. Costs nothing while no
 * signal comes. As the kernel does, equal signals that come faster than they are delivered become one.
 *
 * Only the main thread takes signals (thread.h). `notify.lock` guards the subscriptions and the saved actions; lock order: before
 * a channel's lock. The handler touches `pending` alone.
 */
#include "runtime/signal.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/list.h"
#include "runtime/lock.h"
#include "runtime/poll.h"
#include "runtime/proc.h"
#include "runtime/sanitizer.h"

#define SIGNALS_MAX 64

struct subscription {
	struct list link;
	signal_chan chan; /* a reference of ours */
	uint64_t mask;
};

static struct {
	struct lock lock;
	struct list subscriptions;
	uint64_t installed;
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

static void deliver(void)
{
	if (atomic_load_explicit(&pending, memory_order_relaxed) == 0)
		return;
	uint64_t signals = atomic_exchange(&pending, 0);
	lock_acquire(&notify.lock);
	for (int n = 1; signals != 0; n++, signals >>= 1)
		if (signals & 1)
			send_to_all(n);
	lock_release(&notify.lock);
}

/* Under notify.lock. */
static void init_once(void)
{
	if (notify.subscriptions.next != NULL)
		return;
	list_init(&notify.subscriptions);
	poll_set_interrupt_hook(deliver);
}

/* Under notify.lock. Brings the handlers in line with what is subscribed to. */
static void update_handlers(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK };
	uint64_t wanted = 0;
	list_for_each (link, &notify.subscriptions)
		wanted |= CONTAINER_OF(link, struct subscription, link)->mask;
	for (int n = 1; n <= SIGNALS_MAX; n++) {
		if (wanted & ~notify.installed & bit(n))
			sigaction(n, &action, &notify.before[n]);
		if (notify.installed & ~wanted & bit(n))
			sigaction(n, &notify.before[n], NULL);
	}
	notify.installed = wanted;
}

static uint64_t collect(int first, va_list more)
{
	uint64_t mask = 0;
	for (int n = first; n != 0; n = va_arg(more, int)) {
		if (n < 1 || n > SIGNALS_MAX)
			panic("signal_notify: no signal %d", n);
		mask |= bit(n);
	}
	return mask;
}

/* From here on a signal may come: no deadlock while somebody waits for one. */
void signal_notify(signal_chan c, int first, ...)
{
	struct subscription *s = xcalloc(1, sizeof(*s));
	va_list more;
	va_start(more, first);
	s->mask = collect(first, more);
	va_end(more);
	s->chan = chan_ref(c);
	sched_external_begin();
	lock_acquire(&notify.lock);
	init_once();
	list_push_back(&notify.subscriptions, &s->link);
	update_handlers();
	lock_release(&notify.lock);
}

static void drop(struct subscription *s)
{
	list_remove(&s->link);
	chan_unref(s->chan);
	HIDDEN_BEGIN();
	free(s);
	HIDDEN_END();
	sched_external_end();
}

void signal_stop(signal_chan c)
{
	lock_acquire(&notify.lock);
	init_once();
	list_for_each_safe (link, next, &notify.subscriptions) {
		struct subscription *s = CONTAINER_OF(link, struct subscription, link);
		if (s->chan.tx == c.tx)
			drop(s);
	}
	update_handlers();
	lock_release(&notify.lock);
}
