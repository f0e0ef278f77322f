/* SPDX-License-Identifier: MIT
 *
 * hosts: the names in a file like /etc/hosts (hosts(5)): lines of an address and the names that have it.
 * A name that stands there is answered from there alone, for both families.
 *
 *	struct hosts *h = hosts_new("/etc/hosts");
 *	hosts_refresh(h);
 *	struct dns_answer *a;
 *	if (hosts_answer(h, "printer", AF_INET, &a)) ...	// a may be a failure
 *	hosts_free(h);
 *
 * One goroutine at a time. Reading the file blocks the thread: it is local, and read only when it has
 * changed.
 */
#ifndef CLIENT_HOSTS_H
#define CLIENT_HOSTS_H

#include "src/client/dns.h"

/* A larger file is taken for none. */
#define HOSTS_BYTES_MAX (32 << 20)

struct hosts;

/* path is borrowed. NULL = out of memory. Knows nothing before the first refresh. */
struct hosts *hosts_new(const char *path) MUST_USE;
void hosts_free(struct hosts *h); /* NULL is fine */

/* Reads the file when it has changed. Out of memory: it is empty until it changes again. */
void hosts_refresh(struct hosts *h);

/* True: the name is in the file; *ret_answer has its addresses of that family with one reference, or a
 * failure when it has none; NULL = out of memory. Case doesn't matter, nor a dot at the end. */
bool hosts_answer(const struct hosts *h, const char *name, int family,
		  struct dns_answer **ret_answer) MUST_USE;

#endif
