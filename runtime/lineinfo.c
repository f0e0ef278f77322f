/* SPDX-License-Identifier: MIT
 *
 * lineinfo: see lineinfo.h. A table is a header, which has the names of folders and files, and a program. Run, the program makes rows
 * (address, file, line): in sequences, within each of which addresses rise, and a row holds up to the next one's address.
 */
#include "runtime/lineinfo.h"

#include "runtime/base.h"

/* Section 7.22 */
enum standard_op {
	OP_EXTENDED = 0,
	OP_COPY = 1,
	OP_ADVANCE_PC = 2,
	OP_ADVANCE_LINE = 3,
	OP_SET_FILE = 4,
	OP_CONST_ADD_PC = 8,
	OP_FIXED_ADVANCE_PC = 9,
};

enum extended_op {
	OP_END_SEQUENCE = 1,
	OP_SET_ADDRESS = 2,
};

enum content {
	CONTENT_PATH = 1,
	CONTENT_FOLDER = 2,
};

/* Section 7.5.6 */
enum form {
	FORM_DATA2 = 0x05,
	FORM_DATA4 = 0x06,
	FORM_DATA8 = 0x07,
	FORM_STRING = 0x08,
	FORM_BLOCK = 0x09,
	FORM_DATA1 = 0x0b,
	FORM_STRP = 0x0e,
	FORM_UDATA = 0x0f,
	FORM_DATA16 = 0x1e,
	FORM_LINE_STRP = 0x1f,
};

struct table {
	struct cursor names, program;
	unsigned version;
	unsigned offset_size; /* of references to other sections: 4 or 8 */
	unsigned min_step;    /* addresses advance in units of so many bytes */
	int line_base;
	unsigned line_range, opcode_base;
	const uint8_t *operands; /* how many each standard operation has, from 1 */
};

/* --- the header --- */

static struct cursor read_length(struct cursor *section, unsigned *ret_offset_size)
{
	uint64_t length = cursor_uint(section, 4);
	*ret_offset_size = length == 0xffffffff ? 8 : 4;
	if (*ret_offset_size == 8)
		length = cursor_uint(section, 8);
	return cursor_split(section, length);
}

static void read_parameters(struct table *t, struct cursor *c)
{
	t->min_step = cursor_u8(c);
	cursor_skip(c, t->version >= 4 ? 2 : 1); /* operations per instruction; is_stmt's default */
	t->line_base = (int8_t)cursor_u8(c);
	t->line_range = cursor_u8(c);
	t->opcode_base = cursor_u8(c);
	if (t->line_range == 0 || t->opcode_base == 0)
		cursor_fail(c);
	t->operands = c->at;
	cursor_skip(c, t->opcode_base - 1);
}

/* The table at *offset, which goes on to the next. */
static bool read_table(const struct lineinfo *info, size_t *offset, struct table *ret_table)
{
	struct cursor section = info->line;
	cursor_skip(&section, *offset);
	if (!cursor_more(&section))
		return false;
	struct table t = { 0 };
	struct cursor c = read_length(&section, &t.offset_size);
	*offset = (size_t)(section.at - info->line.at);
	t.version = (unsigned)cursor_uint(&c, 2);
	if (t.version >= 5)
		cursor_skip(&c, 2); /* sizes of an address and of a segment selector */
	struct cursor header = cursor_split(&c, cursor_uint(&c, t.offset_size));
	read_parameters(&t, &header);
	t.names = header;
	t.program = c;
	if (header.failed || t.version < 2 || t.version > 5)
		t.program = cursor_of(NULL, 0); /* as if it had no rows */
	*ret_table = t;
	return true;
}

/* --- the program --- */

struct row {
	uint64_t address, file;
	uint32_t line;
	bool ends_sequence; /* the row is only an address: the first behind the sequence */
};

static const struct row first_row = { .file = 1, .line = 1 };

static void run_extended(struct cursor *code, struct row *row)
{
	struct cursor op = cursor_split(code, cursor_leb128(code, false));
	switch (cursor_u8(&op)) {
	case OP_END_SEQUENCE:
		row->ends_sequence = true;
		break;
	case OP_SET_ADDRESS:
		if (cursor_left(&op) <= sizeof(row->address))
			row->address = cursor_uint(&op, (unsigned)cursor_left(&op));
		break;
	}
}

/* True if the operation makes a row. */
static bool run_special(const struct table *t, unsigned opcode, struct row *row)
{
	unsigned n = opcode - t->opcode_base;
	row->address += (uint64_t)(n / t->line_range) * t->min_step;
	row->line += (uint32_t)(t->line_base + (int)(n % t->line_range));
	return true;
}

static bool run_operation(const struct table *t, struct cursor *code, struct row *row)
{
	unsigned opcode = cursor_u8(code);
	if (opcode >= t->opcode_base)
		return run_special(t, opcode, row);
	switch (opcode) {
	case OP_EXTENDED:
		run_extended(code, row);
		return row->ends_sequence;
	case OP_COPY:
		return true;
	case OP_ADVANCE_PC:
		row->address += cursor_leb128(code, false) * t->min_step;
		return false;
	case OP_ADVANCE_LINE:
		row->line += (uint32_t)cursor_leb128(code, true);
		return false;
	case OP_SET_FILE:
		row->file = cursor_leb128(code, false);
		return false;
	case OP_CONST_ADD_PC:
		row->address += (uint64_t)((255 - t->opcode_base) / t->line_range) * t->min_step;
		return false;
	case OP_FIXED_ADVANCE_PC:
		row->address += cursor_uint(code, 2);
		return false;
	}
	for (unsigned i = t->operands[opcode - 1]; i > 0; i--) /* of no interest here */
		cursor_leb128(code, false);
	return false;
}

/* The row after *row, which starts as first_row. */
static bool next_row(const struct table *t, struct cursor *code, struct row *row)
{
	if (row->ends_sequence)
		*row = first_row;
	while (cursor_more(code))
		if (run_operation(t, code, row))
			return !code->failed;
	return false;
}

bool lineinfo_next(const struct lineinfo *info, size_t *offset, struct line_span *ret_span)
{
	struct table t;
	struct line_span span = { .low = UINT64_MAX, .table = *offset };
	if (!read_table(info, offset, &t))
		return false;
	struct row row = first_row;
	while (next_row(&t, &t.program, &row)) {
		span.low = row.address < span.low ? row.address : span.low;
		span.high = row.address > span.high ? row.address : span.high;
	}
	*ret_span = span;
	return true;
}

/* --- names of files --- */

struct entry {
	const char *path;
	uint64_t folder;
};

static const char *string_from(struct cursor section, uint64_t offset)
{
	cursor_skip(&section, offset);
	return cursor_string(&section);
}

/* One value of an entry: a number, or a string. */
static uint64_t read_value(const struct lineinfo *info, const struct table *t, uint64_t form,
			   struct cursor *c, const char **ret_string)
{
	switch (form) {
	case FORM_STRING:
		*ret_string = cursor_string(c);
		return 0;
	case FORM_LINE_STRP:
		*ret_string = string_from(info->line_str, cursor_uint(c, t->offset_size));
		return 0;
	case FORM_STRP:
		*ret_string = string_from(info->str, cursor_uint(c, t->offset_size));
		return 0;
	case FORM_UDATA:
		return cursor_leb128(c, false);
	case FORM_DATA1:
		return cursor_uint(c, 1);
	case FORM_DATA2:
		return cursor_uint(c, 2);
	case FORM_DATA4:
		return cursor_uint(c, 4);
	case FORM_DATA8:
		return cursor_uint(c, 8);
	case FORM_DATA16:
		cursor_skip(c, 16);
		return 0;
	case FORM_BLOCK:
		cursor_skip(c, cursor_leb128(c, false));
		return 0;
	}
	cursor_fail(c);
	return 0;
}

static struct entry read_entry(const struct lineinfo *info, const struct table *t,
			       struct cursor format, struct cursor *c)
{
	struct entry e = { .path = "" };
	while (cursor_more(&format)) {
		uint64_t content = cursor_leb128(&format, false);
		const char *string = "";
		uint64_t value = read_value(info, t, cursor_leb128(&format, false), c, &string);
		if (content == CONTENT_PATH)
			e.path = string;
		else if (content == CONTENT_FOLDER)
			e.folder = value;
	}
	return e;
}

static struct cursor read_format(struct cursor *c)
{
	unsigned pairs = cursor_u8(c);
	struct cursor format = *c;
	for (; pairs > 0; pairs--) {
		cursor_leb128(c, false);
		cursor_leb128(c, false);
	}
	format.end = c->at;
	return format;
}

/* The entry of that number out of a list, from 0; c goes behind the list. Each entry takes a byte at least: a false count ends with
 * the bytes. */
static struct entry read_list(const struct lineinfo *info, const struct table *t, uint64_t wanted,
			      struct cursor *c)
{
	struct cursor format = read_format(c);
	struct entry found = { 0 };
	uint64_t count = cursor_leb128(c, false);
	for (uint64_t i = 0; i < count && cursor_more(c) && cursor_more(&format); i++) {
		struct entry e = read_entry(info, t, format, c);
		if (i == wanted)
			found = e;
	}
	return found;
}

/* Up to version 4: entries from 1, and an empty name behind the last. */
static struct entry read_old_list(uint64_t wanted, bool is_files, struct cursor *c)
{
	struct entry found = { 0 };
	for (uint64_t i = 1; cursor_more(c); i++) {
		struct entry e = { .path = cursor_string(c) };
		if (*e.path == '\0')
			break;
		if (is_files) {
			e.folder = cursor_leb128(c, false);
			cursor_leb128(c, false); /* time of change, size: never set */
			cursor_leb128(c, false);
		}
		if (i == wanted)
			found = e;
	}
	return found;
}

static struct entry find_entry(const struct lineinfo *info, const struct table *t, bool is_file,
			       uint64_t wanted)
{
	struct cursor c = t->names;
	if (t->version < 5) {
		struct entry folder = read_old_list(wanted, false, &c);
		return is_file ? read_old_list(wanted, true, &c) : folder;
	}
	struct entry folder = read_list(info, t, wanted, &c);
	return is_file ? read_list(info, t, wanted, &c) : folder;
}

/* Folder 0 is the one in which the compiler ran. */
static bool name_line(const struct lineinfo *info, const struct table *t, const struct row *row,
		      struct line *ret_line)
{
	struct entry file = find_entry(info, t, true, row->file);
	if (file.path == NULL)
		return false;
	const char *folder = file.folder == 0 ? NULL : find_entry(info, t, false, file.folder).path;
	*ret_line = (struct line){ .folder = folder, .file = file.path, .number = row->line };
	return true;
}

bool lineinfo_find(const struct lineinfo *info, size_t table, uint64_t address,
		   struct line *ret_line)
{
	struct table t;
	if (!read_table(info, &table, &t))
		return false;
	struct row row = first_row, before = { .ends_sequence = true };
	while (next_row(&t, &t.program, &row)) {
		if (!before.ends_sequence && before.address <= address && address < row.address)
			return name_line(info, &t, &before, ret_line);
		struct row here = row;
		if (row.line == 0 && !before.ends_sequence) { /* code that no line asked for */
			here.line = before.line;
			here.file = before.file;
		}
		before = here;
	}
	return false;
}
