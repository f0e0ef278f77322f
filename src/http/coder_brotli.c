/* SPDX-License-Identifier: MIT
 *
 * coder_brotli: RFC 7932, with its windows of at most 16 MiB; "large window" streams are refused.
 */
#include <brotli/decode.h>
#include <stdlib.h>

#include "runtime/base.h"
#include "src/http/coder.h"

struct brotli_coder {
	struct coder coder;
	BrotliDecoderState *state;
};

static struct brotli_coder *brotli_of(struct coder *c)
{
	return CONTAINER_OF(c, struct brotli_coder, coder);
}

static bool is_memory_error(BrotliDecoderErrorCode code)
{
	return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
	       code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
}

static enum coder_status brotli_run(struct coder *c, struct coder_io *io)
{
	struct brotli_coder *d = brotli_of(c);
	if (BrotliDecoderIsFinished(d->state) && io->in_len > 0)
		return CODER_BROKEN;
	BrotliDecoderResult r = BrotliDecoderDecompressStream(d->state, &io->in_len, &io->in,
							      &io->out_len, &io->out, NULL);
	if (r == BROTLI_DECODER_RESULT_ERROR)
		return is_memory_error(BrotliDecoderGetErrorCode(d->state)) ? CODER_NO_MEMORY
									    : CODER_BROKEN;
	if (r == BROTLI_DECODER_RESULT_SUCCESS && io->in_len > 0)
		return CODER_BROKEN;
	return CODER_MORE;
}

static bool brotli_at_end(struct coder *c)
{
	return BrotliDecoderIsFinished(brotli_of(c)->state);
}

static void brotli_free(struct coder *c)
{
	struct brotli_coder *d = brotli_of(c);
	BrotliDecoderDestroyInstance(d->state);
	free(d);
}

struct coder *coder_brotli_new(void)
{
	static const struct coder_ops ops = { "br", brotli_run, brotli_at_end, brotli_free };
	struct brotli_coder *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->coder.ops = &ops;
	d->state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	if (d->state)
		return &d->coder;
	free(d);
	return NULL;
}
