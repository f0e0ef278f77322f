/* SPDX-License-Identifier: MIT
 *
 * elfsym: sections and function symbols of a 64-bit little-endian ELF file in memory. Internal to runtime/. Allocates nothing, believes nothing:
 * every offset is checked against the file's size. Any thread, signal handlers too.
 *
 * Source: System V ABI, chapters "Object Files" and "Symbol Table" (gABI), <elf.h>.
 */
#ifndef RUNTIME_ELFSYM_H
#define RUNTIME_ELFSYM_H

#include "runtime/cursor.h"

/* .symtab has static functions, too, unlike the dynamic symbols; strip(1) removes it. A section that isn't there is empty. */
struct elf_image {
	uint64_t base; /* address of the file's first byte: 0 if the code is position-independent */
	struct cursor symtab, strtab;
	struct cursor debug_line, debug_line_str, debug_str;
};

/* False if it is no such file. */
bool elf_read(const void *file, size_t size, struct elf_image *ret_image);

struct elf_symbol {
	const char *name;
	uint64_t address;
};

/* The function that holds address, as the file has it: from base on. */
bool elf_find_function(const struct elf_image *image, uint64_t address,
		       struct elf_symbol *ret_symbol);

#endif
