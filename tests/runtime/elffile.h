/* SPDX-License-Identifier: MIT
 *
 * elffile: files as byte arrays of exactly their size, so that AddressSanitizer sees a read beyond; and damage to them.
 */
#ifndef TESTS_RUNTIME_ELFFILE_H
#define TESTS_RUNTIME_ELFFILE_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
	uint8_t *data;
	size_t size;
};

/* The whole file; freed with free(data). */
struct bytes bytes_read(const char *path);
struct bytes bytes_copy(const void *data, size_t size);

/* Changes some bytes; by the seed, always the same ones. */
void bytes_damage(struct bytes b, uint32_t seed);

#endif
