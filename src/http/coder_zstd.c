/* SPDX-License-Identifier: MIT
 *
 * coder_zstd: RFC 8878: frames, and skippable frames, one behind the other. The window is at most
 * 8 MiB, as RFC 9659 asks of what is sent as a content coding. Each frame's magic number is looked at
 * before the library sees it: it would decode its formats of before 1.0, too, which need ten times
 * the stack.
 *
 * The frame's header is fed a byte at a time. Where the call that completes it brings a whole small
 * frame, libzstd 1.5 decodes that in one go, and begins at what this call brought: a header that came
 * in two calls is then read from its middle, and may look like another frame.
 */
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "runtime/base.h"
#include "src/http/coder.h"

#define WINDOW_LOG_MAX	23
#define FRAME_MAGIC	0xFD2FB528u
#define SKIPPABLE_MAGIC 0x184D2A50u
#define SKIPPABLE_MASK	0xFFFFFFF0u
#define MAGIC_BYTES	4
#define HEADER_MAX	14 /* RFC 8878 §3.1.1.1, without the magic number */

struct zstd_coder {
	struct coder coder;
	ZSTD_DStream *stream;
	bool in_frame;
	uint8_t header_left; /* bytes of the frame that may still be its header */
	uint8_t held;	     /* bytes of the next frame's magic that have come */
	unsigned char magic[MAGIC_BYTES];
};

static struct zstd_coder *zstd_of(struct coder *c)
{
	return CONTAINER_OF(c, struct zstd_coder, coder);
}

static enum coder_status decompress(struct zstd_coder *d, struct coder_io *io)
{
	size_t len = d->header_left > 0 && io->in_len > 1 ? 1 : io->in_len;
	ZSTD_inBuffer in = { io->in, len, 0 };
	ZSTD_outBuffer out = { io->out, io->out_len, 0 };
	size_t r = ZSTD_decompressStream(d->stream, &out, &in);
	io->in += in.pos;
	io->in_len -= in.pos;
	io->out += out.pos;
	io->out_len -= out.pos;
	if (ZSTD_isError(r))
		return ZSTD_getErrorCode(r) == ZSTD_error_memory_allocation ? CODER_NO_MEMORY
									    : CODER_BROKEN;
	if (d->header_left > 0)
		d->header_left -= in.pos > 0;
	d->in_frame = r != 0;
	return CODER_MORE;
}

static bool magic_is_good(const unsigned char m[MAGIC_BYTES])
{
	uint32_t magic =
		(uint32_t)m[0] | (uint32_t)m[1] << 8 | (uint32_t)m[2] << 16 | (uint32_t)m[3] << 24;
	return magic == FRAME_MAGIC || (magic & SKIPPABLE_MASK) == SKIPPABLE_MAGIC;
}

/* Takes the magic's bytes as they come; with the last of them the frame begins. */
static enum coder_status begin_frame(struct zstd_coder *d, struct coder_io *io)
{
	while (d->held < MAGIC_BYTES && io->in_len > 0) {
		d->magic[d->held++] = *io->in++;
		io->in_len--;
	}
	if (d->held < MAGIC_BYTES)
		return CODER_MORE;
	d->held = 0;
	if (!magic_is_good(d->magic))
		return CODER_BROKEN;
	struct coder_io magic = { d->magic, MAGIC_BYTES, io->out, io->out_len };
	d->header_left = 0;
	enum coder_status s = decompress(d, &magic);
	d->header_left = HEADER_MAX;
	return s;
}

static enum coder_status zstd_run(struct coder *c, struct coder_io *io)
{
	struct zstd_coder *d = zstd_of(c);
	enum coder_status s = CODER_MORE;
	size_t before;
	do {
		before = io->in_len + io->out_len;
		s = d->in_frame ? decompress(d, io) : begin_frame(d, io);
	} while (s == CODER_MORE && io->out_len > 0 && io->in_len + io->out_len != before);
	return s;
}

static bool zstd_at_end(struct coder *c)
{
	return !zstd_of(c)->in_frame && zstd_of(c)->held == 0;
}

static void zstd_free(struct coder *c)
{
	ZSTD_freeDStream(zstd_of(c)->stream);
	free(zstd_of(c));
}

struct coder *coder_zstd_new(void)
{
	static const struct coder_ops ops = { "zstd", zstd_run, zstd_at_end, zstd_free };
	struct zstd_coder *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->coder.ops = &ops;
	d->stream = ZSTD_createDStream();
	if (d->stream &&
	    !ZSTD_isError(ZSTD_DCtx_setParameter(d->stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		return &d->coder;
	zstd_free(&d->coder);
	return NULL;
}
