/* SPDX-License-Identifier: MIT
 *
 * dns_sockets: for each of the library's sockets that is open, one goroutine at a time waits for
 * readiness and reports it (struct watch). It waits on a duplicate of the descriptor. The library closes
 * its own from within its calls, at a moment when the waiter can't be stopped; the number would be given
 * to somebody else's socket while the waiter still means the old one. The duplicate is closed by the
 * channel's owner, after its waiter has gone.
 *
 * Level-triggered, because the library's TCP path reads once a call. All but watch_run is called by the
 * owner alone.
 */
#include "src/client/dns_sockets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/net.h"

struct watch {
	struct list link;
	struct dns_sockets *sockets;
	int library_fd; /* -1 = the library has closed it */
	int fd;		/* our duplicate */
	unsigned wanted;
	unsigned awaited; /* what the goroutine under way waits for; 0 = there is none */
	int ready;	  /* what it found, or -errno; valid once reported */
	_Atomic bool reported;
};

static struct watch *watch_find(struct dns_sockets *s, int library_fd)
{
	list_for_each (node, &s->watches) {
		struct watch *w = CONTAINER_OF(node, struct watch, link);
		if (w->library_fd == library_fd)
			return w;
	}
	return NULL;
}

static enum fetch_error watch_new(struct dns_sockets *s, int library_fd)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return FETCH_OUT_OF_MEMORY;
	w->fd = fcntl(library_fd, F_DUPFD_CLOEXEC, 0);
	if (w->fd < 0) {
		free(w);
		return FETCH_OUT_OF_DESCRIPTORS;
	}
	w->sockets = s;
	w->library_fd = library_fd;
	list_push_back(&s->watches, &w->link);
	return FETCH_OK;
}

int dns_sockets_opened(ares_socket_t fd, int type, void *arg)
{
	struct dns_sockets *s = arg;
	(void)type;
	s->shortage = watch_new(s, fd);
	return s->shortage ? -1 : 0;
}

void dns_sockets_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns_sockets *s = arg;
	struct watch *w = watch_find(s, fd);
	if (!w)
		return;
	w->wanted = (readable ? FD_READ : 0) | (writable ? FD_WRITE : 0);
	if (!w->wanted)
		w->library_fd = -1;
}

static int watch_run(void *arg)
{
	struct watch *w = arg;
	struct dns_sockets *s = w->sockets;
	w->ready = fd_wait(w->fd, w->awaited, NEVER);
	atomic_store_explicit(&w->reported, true, memory_order_release);
	event_set(s->wake);
	return 0;
}

/* A waiter that has not begun to wait can't be woken: so again, until it has gone. */
static void watch_stop(struct watch *w)
{
	while (w->awaited && !atomic_load_explicit(&w->reported, memory_order_acquire)) {
		fd_wait_end(w->fd);
		goroutine_yield();
	}
	w->awaited = 0;
}

static void watch_free(struct watch *w)
{
	watch_stop(w);
	fd_wait_end(w->fd);
	close(w->fd);
	list_remove(&w->link);
	free(w);
}

/* Makes what waits agree with what the library wants. Parks. */
void dns_sockets_watch(struct dns_sockets *s)
{
	list_for_each_safe (node, next, &s->watches) {
		struct watch *w = CONTAINER_OF(node, struct watch, link);
		if (!w->wanted) {
			watch_free(w);
			continue;
		}
		if (w->awaited == w->wanted)
			continue;
		watch_stop(w);
		w->awaited = w->wanted;
		atomic_store_explicit(&w->reported, false, memory_order_relaxed);
		errgroup_go(s->group, watch_run, w);
	}
}

/* Tells the library which sockets are ready. A socket that can't be waited for is left to the
 * query's time limit. */
void dns_sockets_process(struct dns_sockets *s, ares_channel channel)
{
	list_for_each_safe (node, next, &s->watches) {
		struct watch *w = CONTAINER_OF(node, struct watch, link);
		if (!w->awaited || !atomic_load_explicit(&w->reported, memory_order_acquire))
			continue;
		if (w->ready < 0)
			continue;
		unsigned ready = (unsigned)w->ready;
		w->awaited = 0;
		if (w->wanted)
			ares_process_fd(channel, ready & FD_READ ? w->library_fd : ARES_SOCKET_BAD,
					ready & FD_WRITE ? w->library_fd : ARES_SOCKET_BAD);
	}
}

void dns_sockets_init(struct dns_sockets *s, struct errgroup *group, struct event *wake)
{
	s->group = group;
	s->wake = wake;
	list_init(&s->watches);
}
