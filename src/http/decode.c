/* SPDX-License-Identifier: MIT
 *
 * decode: a chain of layers, the outermost coding (named last in the fields) first. A layer has a
 * block for its output, which goes to the next one whenever it is full or the input is used up; the
 * last one's goes to write. So nothing is held whole, and nothing bigger than a block is passed on.
 *
 * Limits hold for each layer by itself: what a layer gives is counted against the bytes and against
 * what came in from the wire. A bomb within a bomb is stopped at the first that goes off.
 */
#include "src/http/decode.h"

#include <stdlib.h>
#include <string.h>

#include "src/http/coder.h"

#define BLOCK_BYTES (16 * 1024)
#define LAYERS_MAX  8

const struct decode_limits decode_default_limits = {
	.bytes = UINT64_C(1) << 30,
	.ratio = 250,
	.layers = 3,
};

struct layer {
	struct coder *coder;
	unsigned char *block;
	uint64_t given; /* bytes */
	bool begun;	/* a byte has come */
};

struct decoder {
	struct decode_limits limits;
	int (*write)(void *user, const char *data, size_t len);
	void *user;
	uint64_t taken; /* bytes from the wire */
	const char *reason;
	uint32_t len;
	struct layer layers[LAYERS_MAX]; /* the outermost first */
};

/* --- Making one --- */

static const struct coding {
	struct str name;
	struct coder *(*make)(void);
} codings[] = {
	{ STR_INIT("gzip"), coder_gzip_new },	    { STR_INIT("x-gzip"), coder_gzip_new },
	{ STR_INIT("br"), coder_brotli_new },	    { STR_INIT("zstd"), coder_zstd_new },
	{ STR_INIT("deflate"), coder_deflate_new },
};

static const struct coding *coding_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(codings); i++)
		if (str_eq_nocase(codings[i].name, name))
			return &codings[i];
	return NULL;
}

static enum fetch_error push_layer(struct decoder *d, struct str name)
{
	const struct coding *coding = coding_find(name);
	if (!coding)
		return FETCH_DECODE_FAILED;
	if (d->len == LAYERS_MAX || d->len == d->limits.layers)
		return FETCH_DECODE_LIMIT;
	memmove(&d->layers[1], &d->layers[0], d->len * sizeof(d->layers[0]));
	d->len++;
	d->layers[0] = (struct layer){ .coder = coding->make(), .block = malloc(BLOCK_BYTES) };
	return d->layers[0].coder && d->layers[0].block ? FETCH_OK : FETCH_OUT_OF_MEMORY;
}

/* The codings of one field's value, in the order in which they were put on. */
static enum fetch_error push_list(struct decoder *d, struct str list)
{
	enum fetch_error e = FETCH_OK;
	struct str name;
	while (e == FETCH_OK && str_next(&list, ',', &name)) {
		name = str_trim(name);
		if (name.len > 0 && !str_eq_nocase(name, STR("identity")))
			e = push_layer(d, name);
	}
	return e;
}

static enum fetch_error push_all(struct decoder *d, const struct fields *fields)
{
	enum fetch_error e = FETCH_OK;
	struct field f;
	for (uint32_t at = 0; e == FETCH_OK && fields_next(fields, &at, &f);)
		if (str_eq_nocase(f.name, STR("Content-Encoding")))
			e = push_list(d, f.value);
	return e;
}

enum fetch_error decoder_new(const struct fields *fields, const struct decode_limits *limits,
			     int (*write)(void *user, const char *data, size_t len), void *user,
			     struct decoder **ret)
{
	*ret = NULL;
	if (fields_count(fields, STR("Content-Encoding")) == 0)
		return FETCH_OK;
	struct decoder *d = calloc(1, sizeof(*d));
	if (!d)
		return FETCH_OUT_OF_MEMORY;
	*d = (struct decoder){ .limits = *limits, .write = write, .user = user, .reason = "" };
	enum fetch_error e = push_all(d, fields);
	if (e || d->len == 0) {
		decoder_free(d);
		return e;
	}
	*ret = d;
	return FETCH_OK;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; i < d->len; i++) {
		if (d->layers[i].coder)
			d->layers[i].coder->ops->free(d->layers[i].coder);
		free(d->layers[i].block);
	}
	free(d);
}

const char *decoder_reason(const struct decoder *d)
{
	return d->reason;
}

/* --- Running --- */

static enum fetch_error refuse(struct decoder *d, enum fetch_error e, const char *reason)
{
	d->reason = reason;
	return e;
}

static enum fetch_error check_limits(struct decoder *d, const struct layer *l)
{
	if (l->given > d->limits.bytes)
		return refuse(d, FETCH_DECODE_LIMIT, "too many bytes come out");
	if (l->given > DECODE_RATIO_FREE && l->given / d->limits.ratio > d->taken)
		return refuse(d, FETCH_DECODE_LIMIT, "too much comes out of too little");
	return FETCH_OK;
}

static enum fetch_error run_layer(struct decoder *d, uint32_t i, const unsigned char *data,
				  size_t len);

/* What layer i has put into its block. */
static enum fetch_error hand_on(struct decoder *d, uint32_t i, size_t n)
{
	struct layer *l = &d->layers[i];
	if (n == 0)
		return FETCH_OK;
	l->given += n;
	enum fetch_error e = check_limits(d, l);
	if (e)
		return e;
	if (i + 1 < d->len)
		return run_layer(d, i + 1, l->block, n);
	return (enum fetch_error)d->write(d->user, (const char *)l->block, n);
}

static enum fetch_error run_layer(struct decoder *d, uint32_t i, const unsigned char *data,
				  size_t len)
{
	struct layer *l = &d->layers[i];
	struct coder_io io = { .in = data, .in_len = len };
	l->begun = true;
	do {
		io.out = l->block;
		io.out_len = BLOCK_BYTES;
		enum coder_status s = l->coder->ops->run(l->coder, &io);
		if (s == CODER_NO_MEMORY)
			return FETCH_OUT_OF_MEMORY;
		if (s == CODER_BROKEN)
			return refuse(d, FETCH_DECODE_FAILED, l->coder->ops->name);
		enum fetch_error e = hand_on(d, i, BLOCK_BYTES - io.out_len);
		if (e)
			return e;
	} while (io.in_len > 0 || io.out_len == 0);
	return FETCH_OK;
}

enum fetch_error decoder_feed(struct decoder *d, const char *data, size_t len)
{
	if (len == 0)
		return FETCH_OK;
	d->taken += len;
	return run_layer(d, 0, (const unsigned char *)data, len);
}

enum fetch_error decoder_finish(struct decoder *d)
{
	for (uint32_t i = 0; i < d->len; i++) {
		const struct layer *l = &d->layers[i];
		if (l->begun && !l->coder->ops->at_end(l->coder))
			return refuse(d, FETCH_DECODE_FAILED, "the stream is cut short");
	}
	return FETCH_OK;
}
