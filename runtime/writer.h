/* SPDX-License-Identifier: MIT
 *
 * writer: formatted text to a descriptor, with write(2) alone and without memory: for reports that a dying process makes. Any thread, signal
 * handlers too.
 */
#ifndef RUNTIME_WRITER_H
#define RUNTIME_WRITER_H

#include <stddef.h>

/* = { .fd = fd }. Written when full and by writer_flush. */
struct writer {
	int fd;
	size_t len;
	char buf[1024];
};

/* At most 500 bytes a call; what is longer is cut. */
void writer_print(struct writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What can't be written is dropped: there is nobody left to tell. */
void writer_flush(struct writer *w);

#endif
