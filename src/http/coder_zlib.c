/* SPDX-License-Identifier: MIT
 *
 * coder_zlib: gzip (RFC 1952) and deflate. "deflate" means zlib's format (RFC 1950), and yet some
 * servers send the bare stream (RFC 1951): the first two bytes tell, for zlib's are a multiple of 31
 * and name the method 8. A bare stream that began like that would begin with a stored block whose
 * padding isn't zero.
 */
#include <stdlib.h>
#include <zlib.h>

#include "runtime/base.h"
#include "src/http/coder.h"

#define GZIP_BITS (15 + 16)
#define ZLIB_BITS 15
#define RAW_BITS  (-15)

struct zlib_coder {
	struct coder coder;
	z_stream z;
	bool gzip;
	bool open;    /* z is initialised */
	bool ended;   /* at the end of a stream or member */
	uint8_t held; /* bytes of head: the two that tell zlib's format from a bare stream */
	unsigned char head[2];
};

static struct zlib_coder *zlib_of(struct coder *c)
{
	return CONTAINER_OF(c, struct zlib_coder, coder);
}

static enum coder_status status_of(int code)
{
	switch (code) {
	case Z_OK:
	case Z_BUF_ERROR: /* no input or no room: not an error */
		return CODER_MORE;
	case Z_MEM_ERROR:
		return CODER_NO_MEMORY;
	default:
		return CODER_BROKEN;
	}
}

/* Behind a gzip member only another may come; behind a deflate stream nothing. */
static enum coder_status go_on(struct zlib_coder *d)
{
	if (!d->gzip || inflateReset(&d->z) != Z_OK)
		return CODER_BROKEN;
	d->ended = false;
	return CODER_MORE;
}

static enum coder_status inflate_some(struct zlib_coder *d, struct coder_io *io)
{
	z_stream *z = &d->z;
	int code = Z_OK;
	z->next_in = (unsigned char *)(uintptr_t)io->in;
	z->avail_in = (unsigned)io->in_len;
	z->next_out = io->out;
	z->avail_out = (unsigned)io->out_len;
	while (code == Z_OK && z->avail_out > 0 && (z->avail_in > 0 || !d->ended)) {
		if (d->ended && go_on(d) != CODER_MORE)
			code = Z_DATA_ERROR;
		else
			code = inflate(z, Z_NO_FLUSH);
		d->ended = code == Z_STREAM_END;
		if (d->ended)
			code = Z_OK;
	}
	io->in = z->next_in;
	io->in_len = z->avail_in;
	io->out = z->next_out;
	io->out_len = z->avail_out;
	return status_of(code);
}

static enum coder_status open_as(struct zlib_coder *d, int bits)
{
	int code = inflateInit2(&d->z, bits);
	d->open = code == Z_OK;
	return status_of(code);
}

static bool is_zlib_head(const unsigned char head[2])
{
	return (head[0] & 0x0f) == Z_DEFLATED && (head[0] >> 4) <= 7 &&
	       (head[0] << 8 | head[1]) % 31 == 0;
}

/* Holds the first two bytes back until both are there. */
static enum coder_status open_deflate(struct zlib_coder *d, struct coder_io *io)
{
	while (d->held < 2 && io->in_len > 0) {
		d->head[d->held++] = *io->in++;
		io->in_len--;
	}
	if (d->held < 2)
		return CODER_MORE;
	enum coder_status s = open_as(d, is_zlib_head(d->head) ? ZLIB_BITS : RAW_BITS);
	if (s != CODER_MORE)
		return s;
	struct coder_io head = { d->head, 2, io->out, io->out_len };
	s = inflate_some(d, &head);
	io->out = head.out;
	io->out_len = head.out_len;
	return head.in_len > 0 ? CODER_BROKEN : s; /* an end within two bytes, and more behind it */
}

static enum coder_status zlib_run(struct coder *c, struct coder_io *io)
{
	struct zlib_coder *d = zlib_of(c);
	enum coder_status s = CODER_MORE;
	if (!d->open)
		s = d->gzip ? open_as(d, GZIP_BITS) : open_deflate(d, io);
	return s == CODER_MORE && d->open ? inflate_some(d, io) : s;
}

static bool zlib_at_end(struct coder *c)
{
	return zlib_of(c)->ended;
}

static void zlib_free(struct coder *c)
{
	struct zlib_coder *d = zlib_of(c);
	if (d->open)
		inflateEnd(&d->z);
	free(d);
}

static struct coder *zlib_new(const struct coder_ops *ops, bool gzip)
{
	struct zlib_coder *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->coder.ops = ops;
	d->gzip = gzip;
	return &d->coder;
}

struct coder *coder_gzip_new(void)
{
	static const struct coder_ops ops = { "gzip", zlib_run, zlib_at_end, zlib_free };
	return zlib_new(&ops, true);
}

struct coder *coder_deflate_new(void)
{
	static const struct coder_ops ops = { "deflate", zlib_run, zlib_at_end, zlib_free };
	return zlib_new(&ops, false);
}
