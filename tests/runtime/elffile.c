/* SPDX-License-Identifier: MIT
 *
 * elffile: see elffile.h.
 */
#include "tests/runtime/elffile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness.h"

struct bytes bytes_copy(const void *data, size_t size)
{
	struct bytes b = { .data = malloc(size), .size = size };
	CHECK(b.data != NULL);
	memcpy(b.data, data, size);
	return b;
}

struct bytes bytes_read(const char *path)
{
	FILE *f = fopen(path, "re");
	CHECK(f != NULL);
	fseek(f, 0, SEEK_END);
	struct bytes b = { .size = (size_t)ftell(f) };
	b.data = malloc(b.size);
	rewind(f);
	CHECK(b.data != NULL);
	CHECK_EQ(fread(b.data, 1, b.size, f), b.size);
	fclose(f);
	return b;
}

void bytes_damage(struct bytes b, uint32_t seed)
{
	for (int i = 0; i < 8; i++) {
		seed = seed * 1664525 + 1013904223;
		b.data[(seed >> 8) % b.size] ^= (uint8_t)(seed >> 24 | 1);
	}
}
