/* SPDX-License-Identifier: MIT
 *
 * poll on Linux: one epoll for the whole process, and one eventfd that ends its sleep. The only file that calls epoll.
 *
 * The eventfd is registered edge-triggered: each write is a report, and it never has to be read. A report's 64 bits of data are
 * the source's address (48 bits, as user space has them on x86-64 and AArch64) and the registration's tag (16).
 */
#include "runtime/poll.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/sanitizer.h"

#define ADDRESS_BITS 48

static struct {
	int epoll;
	int wake;
	bool no_pwait2; /* before Linux 5.11, or refused by a filter of system calls: milliseconds will have to do */
} os;

static void (*_Atomic interrupt_hook)(void);

static void interrupted(struct poll_source *s, uint16_t tag, unsigned events)
{
	(void)s, (void)tag, (void)events;
	void (*hook)(void) = atomic_load_explicit(&interrupt_hook, memory_order_acquire);
	if (hook != NULL)
		hook();
}

static struct poll_source wake_source = { .deliver = interrupted };

static uint64_t pack(const struct poll_source *s, uint16_t tag)
{
	return (uint64_t)(uintptr_t)s | (uint64_t)tag << ADDRESS_BITS;
}

static struct poll_report translate(const struct epoll_event *ev)
{
	unsigned events = 0;
	if (ev->events & EPOLLIN)
		events |= POLL_READ;
	if (ev->events & EPOLLOUT)
		events |= POLL_WRITE;
	if (ev->events & EPOLLRDHUP)
		events |= POLL_READ | POLL_HANGUP;
	if (ev->events & (EPOLLHUP | EPOLLERR))
		events |= POLL_READ | POLL_WRITE | POLL_HANGUP;
	uint64_t address = ev->data.u64 & ((UINT64_C(1) << ADDRESS_BITS) - 1);
	return (struct poll_report){ .source = (struct poll_source *)(uintptr_t)address,
				     .tag = (uint16_t)(ev->data.u64 >> ADDRESS_BITS),
				     .events = (uint16_t)events };
}

void poll_init(void)
{
	os.epoll = epoll_create1(EPOLL_CLOEXEC);
	os.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (os.epoll < 0 || os.wake < 0)
		fatal("can't make the netpoller's descriptors: %m");
	if (poll_add_edge(os.wake, &wake_source, 0) != 0)
		fatal("can't register the netpoller's eventfd");
}

/* To the race detector registering a descriptor orders nothing. */
static int control(int op, int fd, struct epoll_event *ev)
{
	HIDDEN_BEGIN();
	int err = epoll_ctl(os.epoll, op, fd, ev) == 0 ? 0 : -errno;
	HIDDEN_END();
	return err;
}

int poll_add_edge(int fd, struct poll_source *s, uint16_t tag)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				  .data.u64 = pack(s, tag) };
	return control(EPOLL_CTL_ADD, fd, &ev);
}

/* The owner of fd may have closed it and got the number anew, or not: try both ways. */
int poll_add_once(int fd, struct poll_source *s, uint16_t tag, unsigned events)
{
	struct epoll_event ev = { .events = EPOLLONESHOT, .data.u64 = pack(s, tag) };
	if (events & POLL_READ)
		ev.events |= EPOLLIN | EPOLLRDHUP;
	if (events & POLL_WRITE)
		ev.events |= EPOLLOUT;
	int err = control(EPOLL_CTL_MOD, fd, &ev);
	return err == -ENOENT ? control(EPOLL_CTL_ADD, fd, &ev) : err;
}

void poll_remove(int fd)
{
	struct epoll_event ev = { 0 };
	(void)control(EPOLL_CTL_DEL, fd, &ev);
}

/* Rounded up: waking before the time would mean to sleep once more. */
static int milliseconds(int64_t ns)
{
	int64_t ms = (ns + MILLISECOND - 1) / MILLISECOND;
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static int sleep_in_epoll(struct epoll_event *evs, int64_t until_ns)
{
	if (until_ns == NEVER)
		return epoll_wait(os.epoll, evs, POLL_BATCH, -1);
	int64_t ns = until_ns - clock_now();
	if (ns <= 0)
		return epoll_wait(os.epoll, evs, POLL_BATCH, 0);
	if (!os.no_pwait2) {
		struct timespec ts = { .tv_sec = ns / SECOND, .tv_nsec = ns % SECOND };
		int n = epoll_pwait2(os.epoll, evs, POLL_BATCH, &ts, NULL);
		if (n >= 0 || errno == EINTR)
			return n;
		os.no_pwait2 = true;
	}
	return epoll_wait(os.epoll, evs, POLL_BATCH, milliseconds(ns));
}

int poll_wait(struct poll_report *ret_reports, int64_t until_ns)
{
	struct epoll_event evs[POLL_BATCH];
	HIDDEN_BEGIN();
	int n = until_ns == 0 ? epoll_wait(os.epoll, evs, POLL_BATCH, 0)
			      : sleep_in_epoll(evs, until_ns);
	HIDDEN_END();
	for (int i = 0; i < n; i++)
		ret_reports[i] = translate(&evs[i]);
	return n > 0 ? n : 0;
}

void poll_interrupt(void)
{
	uint64_t one = 1;
	ssize_t ignored = write(os.wake, &one, sizeof(one));
	(void)ignored;
}

void poll_set_interrupt_hook(void (*fn)(void))
{
	atomic_store_explicit(&interrupt_hook, fn, memory_order_release);
}
