/* SPDX-License-Identifier: MIT
 *
 * inject: see inject.h.
 *
 * The real work is done by the C library's or ASan's own allocator, which both have names of their own,
 * and by bare system calls.
 *
 * A failure must be one that the kernel could give, with what the kernel promises about it. Of some
 * errnos that is more than the number: after EAGAIN, and after a read or write of a part, the socket is
 * reported again when it can go on. The client waits for that report, so there has to be one: the
 * registration is made anew with the values it has, which makes the kernel report what is there.
 * A connection that is broken stays so. A close that fails has closed (close(2)); a connect that was
 * interrupted goes on (connect(2)).
 */
#undef _FORTIFY_SOURCE /* whose inline functions have the names that are defined here */
#include "tests/client/faults/inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/symbol.h"

#ifdef __SANITIZE_ADDRESS__
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *mem, size_t size);
void *REAL(memalign)(size_t alignment, size_t size);

/* The allocator is called before ASan is ready for what it has compiled. */
#define EARLY __attribute__((no_sanitize("address", "undefined")))

#define FDS	 4096
#define SITES	 4096
#define CALLER() __builtin_return_address(0)

static struct {
	_Atomic bool on;
	struct injection what;
	_Atomic int calls[INJECTED_CALLS_LEN];
	_Atomic(const void *) where; /* NULL: nothing has failed */
} window;

/* A thread's calls are its own from the first instruction of its function on: what it takes to make it, in
 * its maker and in itself, belongs to the C library and to ASan. */
static _Thread_local bool makes_thread, has_begun;

/* The netpoller's registrations, by descriptor. */
static struct {
	int epoll;
	struct epoll_event event;
} registered[FDS];

/* --- Whose call it is --- */

static bool find_out_exempt(const char *site)
{
	struct symbol s;
	symbol_find(site - 1, &s);
	const char *folder = s.line.folder ? strrchr(s.line.folder, '/') : NULL;
	folder = folder ? folder + 1 : s.line.folder;
	return folder && strcmp(folder, "runtime") == 0 && strcmp(s.line.file, "conn.c") != 0;
}

/* Known sites, with the answer in the lowest bit: code addresses are far fewer than SITES. */
static bool is_exempt(const void *site)
{
	static _Atomic uintptr_t known[SITES];
	uintptr_t key = (uintptr_t)site << 1;
	size_t at = (uintptr_t)site * UINT64_C(0x9e3779b97f4a7c15) >> 52;
	for (;; at = (at + 1) % SITES) {
		uintptr_t entry = atomic_load(&known[at]);
		if (entry == 0)
			break;
		if (entry >> 1 == (uintptr_t)site)
			return entry & 1;
	}
	bool exempt = find_out_exempt(site);
	atomic_store(&known[at], key | exempt);
	return exempt;
}

EARLY static bool fails(enum injected_call call, const void *site)
{
	if (!atomic_load_explicit(&window.on, memory_order_acquire) || makes_thread || !has_begun)
		return false;
	if (call == CALL_MEMORY && is_exempt(site))
		return false;
	int n = atomic_fetch_add(&window.calls[call], 1) + 1;
	const struct injection *w = &window.what;
	if (call != w->call || w->first == 0 || n < w->first || n - w->first >= w->count)
		return false;
	atomic_store(&window.where, site);
	return true;
}

void inject_begin(const struct injection *what)
{
	window.what = *what;
	for (int i = 0; i < INJECTED_CALLS_LEN; i++)
		atomic_store(&window.calls[i], 0);
	atomic_store(&window.where, NULL);
	atomic_store_explicit(&window.on, true, memory_order_release);
}

bool inject_end(void)
{
	atomic_store(&window.on, false);
	return atomic_load(&window.where) != NULL;
}

int inject_calls(enum injected_call call)
{
	return atomic_load(&window.calls[call]);
}

const char *inject_where(void)
{
	static char text[512];
	struct symbol s;
	const char *site = atomic_load(&window.where);
	if (!site)
		return "nowhere";
	symbol_find(site - 1, &s);
	snprintf(text, sizeof(text), "%s %s:%u in %s", s.function ? s.function : "?",
		 s.line.file ? s.line.file : "?", s.line.number, s.module ? s.module : "?");
	return text;
}

const char *inject_name(enum injected_call call)
{
	static const char *const names[] = {
#define X(name, text) text,
		INJECTED_CALLS(X)
#undef X
	};
	return names[call];
}

/* --- Memory --- */

#define RETURN_NULL_IF_FAILS()                      \
	do {                                        \
		if (fails(CALL_MEMORY, CALLER())) { \
			errno = ENOMEM;             \
			return NULL;                \
		}                                   \
	} while (0)

EARLY void *malloc(size_t size)
{
	RETURN_NULL_IF_FAILS();
	return REAL(malloc)(size);
}

EARLY void *calloc(size_t n, size_t size)
{
	RETURN_NULL_IF_FAILS();
	return REAL(calloc)(n, size);
}

EARLY void *realloc(void *mem, size_t size)
{
	RETURN_NULL_IF_FAILS();
	return REAL(realloc)(mem, size);
}

EARLY void *reallocarray(void *mem, size_t n, size_t size)
{
	RETURN_NULL_IF_FAILS();
	size_t bytes;
	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return REAL(realloc)(mem, bytes);
}

EARLY void *aligned_alloc(size_t alignment, size_t size)
{
	RETURN_NULL_IF_FAILS();
	return REAL(memalign)(alignment, size);
}

EARLY char *strdup(const char *text)
{
	RETURN_NULL_IF_FAILS();
	size_t size = strlen(text) + 1;
	char *copy = REAL(malloc)(size);
	return copy ? memcpy(copy, text, size) : NULL;
}

struct thread_start {
	void *(*fn)(void *arg);
	void *arg;
};

static void *begin_thread(void *arg)
{
	struct thread_start start = *(struct thread_start *)arg;
	free(arg);
	has_begun = true;
	return start.fn(start.arg);
}

int pthread_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*fn)(void *),
		   void *arg)
{
	static int (*_Atomic real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	makes_thread = true;
	if (!atomic_load(&real))
		atomic_store(&real, (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
					     void *))dlsym(RTLD_NEXT, "pthread_create"));
	struct thread_start *start = malloc(sizeof(*start));
	if (!start)
		abort();
	*start = (struct thread_start){ fn, arg };
	int err = atomic_load(&real)(ret_thread, attr, begin_thread, start);
	if (err)
		free(start);
	makes_thread = false;
	return err;
}

/* --- System calls --- */

static int failed(void)
{
	errno = window.what.error;
	return -1;
}

/* One of the runtime's own; not a library's. */
static bool is_conn(int fd)
{
	return fd < FDS && registered[fd].epoll;
}

/* Has the kernel report again what the descriptor is ready for. */
static void have_reported(int fd)
{
	if (is_conn(fd))
		(void)syscall(SYS_epoll_ctl, registered[fd].epoll, EPOLL_CTL_MOD, fd,
			      &registered[fd].event);
}

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	if (op == EPOLL_CTL_ADD && fails(CALL_EPOLL_ADD, CALLER()))
		return failed();
	if (op == EPOLL_CTL_ADD && fd < FDS) {
		registered[fd].event = *event;
		registered[fd].epoll = event->events & EPOLLET ? epoll : 0;
	}
	return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

int socket(int family, int type, int protocol)
{
	if (fails(CALL_SOCKET, CALLER()))
		return failed();
	return (int)syscall(SYS_socket, family, type, protocol);
}

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	bool now = fails(CALL_CONNECT, CALLER());
	if (now && window.what.error != EINTR)
		return failed();
	int r = (int)syscall(SYS_connect, fd, addr, len);
	return now ? failed() : r;
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (fails(CALL_BIND, CALLER()))
		return failed();
	return (int)syscall(SYS_bind, fd, addr, len);
}

/* For calls that move bytes: makes it one byte, or true when it fails. */
static bool disturb(enum injected_call call, const void *site, int fd, size_t *size)
{
	if (!fails(call, site))
		return false;
	int error = window.what.error;
	bool is_short = error == INJECT_SHORT;
	if ((error == EPIPE || error == ECONNRESET) && is_conn(fd))
		(void)syscall(SYS_shutdown, fd, SHUT_RDWR);
	if (is_short && *size > 1)
		*size = 1;
	if (is_short || error == EAGAIN)
		have_reported(fd);
	return !is_short;
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	if (disturb(CALL_SEND, CALLER(), fd, &size))
		return failed();
	return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

static ssize_t receive(const void *site, int fd, void *data, size_t size, int flags,
		       struct sockaddr *addr, socklen_t *len)
{
	if (disturb(CALL_RECV, site, fd, &size))
		return failed();
	return syscall(SYS_recvfrom, fd, data, size, flags, addr, len);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
	return receive(CALLER(), fd, data, size, flags, NULL, NULL);
}

ssize_t recvfrom(int fd, void *data, size_t size, int flags, struct sockaddr *addr, socklen_t *len)
{
	return receive(CALLER(), fd, data, size, flags, addr, len);
}

ssize_t writev(int fd, const struct iovec *iov, int iov_len)
{
	struct iovec one = { .iov_base = iov[0].iov_base, .iov_len = 1 };
	if (!fails(CALL_WRITEV, CALLER()))
		return syscall(SYS_writev, fd, iov, iov_len);
	return window.what.error == INJECT_SHORT ? syscall(SYS_writev, fd, &one, 1) : failed();
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (fails(CALL_SETSOCKOPT, CALLER()))
		return failed();
	return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

/* The one that the client makes asks for the socket's error: that is what it is given. */
int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	bool now = level == SOL_SOCKET && name == SO_ERROR && fails(CALL_GETSOCKOPT, CALLER());
	int r = (int)syscall(SYS_getsockopt, fd, level, name, value, len);
	if (now)
		*(int *)value = window.what.error;
	return r;
}

int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	if (fails(CALL_GETSOCKNAME, CALLER()))
		return failed();
	return (int)syscall(SYS_getsockname, fd, addr, len);
}

int fcntl(int fd, int op, ...)
{
	va_list args;
	va_start(args, op);
	void *arg = va_arg(args, void *);
	va_end(args);
	if ((op == F_DUPFD || op == F_DUPFD_CLOEXEC) && fails(CALL_FCNTL, CALLER()))
		return failed();
	return (int)syscall(SYS_fcntl, fd, op, arg);
}

int close(int fd)
{
	bool now = fails(CALL_CLOSE, CALLER());
	if (fd >= 0 && fd < FDS)
		registered[fd].epoll = 0;
	int r = (int)syscall(SYS_close, fd);
	return now ? failed() : r;
}

FILE *fopen(const char *path, const char *mode)
{
	static FILE *(*_Atomic real)(const char *, const char *);
	if (fails(CALL_FOPEN, CALLER())) {
		failed();
		return NULL;
	}
	if (!atomic_load(&real))
		atomic_store(&real,
			     (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen"));
	return atomic_load(&real)(path, mode);
}
