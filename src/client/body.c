/* SPDX-License-Identifier: MIT
 *
 * body: see body.h.
 */
#include "src/client/body.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/blocking.h"

static ssize_t bytes_read(struct body_source *s, void *buf, size_t size)
{
	struct body_bytes *b = CONTAINER_OF(s, struct body_bytes, source);
	struct str part = str_slice(b->bytes, b->at, size);
	if (part.len > 0)
		memcpy(buf, part.data, part.len);
	b->at += part.len;
	return (ssize_t)part.len;
}

static int bytes_rewind(struct body_source *s)
{
	CONTAINER_OF(s, struct body_bytes, source)->at = 0;
	return 0;
}

struct body_bytes body_of_bytes(struct str bytes)
{
	return (struct body_bytes){
		.source = { .len = (int64_t)bytes.len, .read = bytes_read, .rewind = bytes_rewind },
		.bytes = bytes,
	};
}

struct file_read {
	int fd;
	void *buf;
	size_t size;
	int64_t at;
	ssize_t n;
};

static void read_file(void *arg)
{
	struct file_read *r = arg;
	r->n = pread(r->fd, r->buf, r->size, r->at);
	if (r->n < 0)
		r->n = -errno;
}

/* On a thread for what blocks: a disk may take its time. */
static ssize_t file_read(struct body_source *s, void *buf, size_t size)
{
	struct body_file *f = CONTAINER_OF(s, struct body_file, source);
	struct file_read r = { .fd = f->fd, .buf = buf, .size = size, .at = f->at };
	blocking_call(read_file, &r);
	if (r.n > 0)
		f->at += r.n;
	return r.n;
}

static int file_rewind(struct body_source *s)
{
	CONTAINER_OF(s, struct body_file, source)->at = 0;
	return 0;
}

int body_of_file(int fd, struct body_file *ret)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret = (struct body_file){
		.source = { .len = st.st_size, .read = file_read, .rewind = file_rewind },
		.fd = fd,
	};
	return 0;
}
