/* SPDX-License-Identifier: MIT
 *
 * coder: one coding of decode.c's chain: what the libraries have in common. Internal to src/http.
 */
#ifndef HTTP_CODER_H
#define HTTP_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes in and out; run moves both on. */
struct coder_io {
	const unsigned char *in;
	size_t in_len;
	unsigned char *out;
	size_t out_len;
};

enum coder_status {
	CODER_MORE,   /* goes on as soon as it has input, or room for output */
	CODER_BROKEN, /* the input is not what it should be */
	CODER_NO_MEMORY
};

struct coder {
	const struct coder_ops *ops;
};

struct coder_ops {
	const char *name;
	/* Takes and gives what it can. When it leaves room in out, it has taken all of in. */
	enum coder_status (*run)(struct coder *c, struct coder_io *io);
	/* True where the input may end. Not asked before the first byte. */
	bool (*at_end)(struct coder *c);
	void (*free)(struct coder *c);
};

/* NULL = out of memory. */
struct coder *coder_gzip_new(void);
struct coder *coder_deflate_new(void);
struct coder *coder_brotli_new(void);
struct coder *coder_zstd_new(void);

#endif
