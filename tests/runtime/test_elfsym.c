/* SPDX-License-Identifier: MIT
 *
 * Tests of elfsym.c: this very program is the file.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/elfsym.h"
#include "tests/harness.h"
#include "tests/runtime/elffile.h"

extern const char __ehdr_start[];

static __attribute__((noinline)) int a_static_function(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n * 3;
}

static uint64_t address_of(const struct elf_image *image, int (*fn)(int))
{
	return image->base + (uint64_t)((const char *)(uintptr_t)fn - __ehdr_start);
}

TEST(elf_static_functions_are_found_by_any_of_their_bytes)
{
	struct bytes file = bytes_read("/proc/self/exe");
	struct elf_image image;
	struct elf_symbol first, inside;
	CHECK(elf_read(file.data, file.size, &image));
	uint64_t address = address_of(&image, a_static_function);
	CHECK(elf_find_function(&image, address, &first));
	CHECK_STR(first.name, "a_static_function");
	CHECK_EQ(first.address, address);
	CHECK(elf_find_function(&image, address + 1, &inside));
	CHECK_STR(inside.name, "a_static_function");
	CHECK_EQ(a_static_function(2), 6);
	free(file.data);
}

TEST(elf_an_address_outside_of_all_functions_has_no_name)
{
	struct bytes file = bytes_read("/proc/self/exe");
	struct elf_image image;
	struct elf_symbol symbol;
	CHECK(elf_read(file.data, file.size, &image));
	CHECK(!elf_find_function(&image, image.base, &symbol));
	free(file.data);
}

TEST(elf_what_is_no_such_file_is_refused)
{
	struct bytes file = bytes_read("/proc/self/exe");
	struct elf_image image;
	CHECK(!elf_read("", 0, &image));
	CHECK(!elf_read("\177ELF", 4, &image));
	CHECK(!elf_read(file.data, 63, &image));
	file.data[4] = 1; /* 32 bits */
	CHECK(!elf_read(file.data, file.size, &image));
	file.data[4] = 2;
	file.data[5] = 2; /* big-endian */
	CHECK(!elf_read(file.data, file.size, &image));
	free(file.data);
}

/* A truncated file has its table of sections at the end cut off, or no sections. */
TEST(elf_a_truncated_file_is_never_read_beyond_its_end)
{
	struct bytes file = bytes_read("/proc/self/exe");
	struct elf_symbol symbol;
	for (int i = 1; i <= 50; i++) {
		struct bytes part = bytes_copy(file.data, file.size / 51 * (size_t)i);
		struct elf_image image;
		if (elf_read(part.data, part.size, &image))
			(void)elf_find_function(&image, 0x1000, &symbol);
		free(part.data);
	}
	free(file.data);
}

/* The damage is done to the header and to the tables of parts and sections, where offsets and sizes are. */
TEST(elf_damaged_tables_are_never_followed_out_of_the_file)
{
	struct bytes file = bytes_read("/proc/self/exe");
	const size_t head = 64 + 13 * 56, tail = 40 * 64;
	for (uint32_t seed = 0; seed < 300; seed++) {
		struct bytes bad = bytes_copy(file.data, file.size);
		struct elf_image image;
		struct elf_symbol symbol;
		bytes_damage(seed % 2 == 0 ? (struct bytes){ bad.data + 16, head - 16 }
					   : (struct bytes){ bad.data + bad.size - tail, tail },
			     seed);
		if (elf_read(bad.data, bad.size, &image))
			(void)elf_find_function(&image, 0x2000 + seed * 64, &symbol);
		free(bad.data);
	}
	free(file.data);
}
