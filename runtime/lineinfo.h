/* SPDX-License-Identifier: MIT
 *
 * lineinfo: the file and line of an address, from DWARF's line number tables, versions 2 to 5. Internal to runtime/. Allocates nothing, believes
 * nothing (a fuzzer sees to it). Any thread, signal handlers too.
 *
 * Source: DWARF 5, section 6.2 (the header 6.2.4, the program's state 6.2.2, its operations 6.2.5), 7.5.5 and 7.22 for the encodings;
 * DWARF 4, section 6.2.4 for the older header. Calls that the compiler has inlined are not told apart: their lines come with the
 * name of the function that they are in.
 */
#ifndef RUNTIME_LINEINFO_H
#define RUNTIME_LINEINFO_H

#include "runtime/cursor.h"

struct lineinfo {
	struct cursor line, line_str,
		str; /* the sections .debug_line, .debug_line_str, .debug_str */
};

struct line {
	const char *folder; /* NULL: the file is named from where it was compiled */
	const char *file;
	uint32_t number;
};

/* What one table of the section covers: each compiled file has one. */
struct line_span {
	uint64_t low, high; /* addresses [low, high) */
	size_t table;	    /* offset in .debug_line */
};

/* Looks into the table at *offset, and steps to the next. False when there is none. *ret_span: from its lowest address to its highest. */
bool lineinfo_next(const struct lineinfo *info, size_t *offset, struct line_span *ret_span);

/* The line of address according to the table at the offset. */
bool lineinfo_find(const struct lineinfo *info, size_t table, uint64_t address,
		   struct line *ret_line);

#endif
