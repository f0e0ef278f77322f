/* SPDX-License-Identifier: MIT
 *
 * Tests of lineinfo.c and cursor.h: against binutils' addr2line, on what two compilers make of our own sources; and on damaged tables.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/elfsym.h"
#include "runtime/lineinfo.h"
#include "tests/harness.h"
#include "tests/runtime/elffile.h"

/* --- cursor --- */

TEST(cursor_reads_numbers_of_any_size_little_end_first)
{
	struct cursor c = cursor_of("\x01\x02\x03\x04\x05\x06\x07\x08\xff", 9);
	CHECK_EQ(cursor_uint(&c, 8), 0x0807060504030201);
	CHECK_EQ(cursor_u8(&c), 0xff);
	CHECK(!cursor_more(&c) && !c.failed);
}

/* The examples of DWARF 5, tables 7.7 and 7.8. */
TEST(cursor_reads_leb128)
{
	struct cursor u = cursor_of("\x02\x7f\x80\x01\x81\x01\x82\x01\xb9\x64", 10);
	const uint64_t expected[] = { 2, 127, 128, 129, 130, 12857 };
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		CHECK_EQ(cursor_leb128(&u, false), expected[i]);
	struct cursor s = cursor_of("\x02\x7e\xff\x00\x81\x7f\x80\x01\x80\x7f\x81\x01\xff\x7e", 14);
	const int64_t signed_expected[] = { 2, -2, 127, -127, 128, -128, 129, -129 };
	for (size_t i = 0; i < sizeof(signed_expected) / sizeof(signed_expected[0]); i++)
		CHECK_EQ((int64_t)cursor_leb128(&s, true), signed_expected[i]);
	CHECK(!cursor_more(&s) && !s.failed);
}

TEST(cursor_fails_for_good_at_the_end)
{
	struct cursor c = cursor_of("\x80\x80", 2);
	CHECK_EQ(cursor_leb128(&c, false), 0);
	CHECK(c.failed && !cursor_more(&c));
	CHECK_EQ(cursor_u8(&c), 0);
	struct cursor s = cursor_of("abc", 3);
	CHECK_STR(cursor_string(&s), "");
	CHECK(s.failed);
	struct cursor short_one = cursor_of("abc", 3);
	struct cursor part = cursor_split(&short_one, 4);
	CHECK(part.failed && !cursor_more(&part));
}

/* --- against addr2line --- */

static struct lineinfo lines_of(const struct elf_image *image)
{
	return (struct lineinfo){ .line = image->debug_line,
				  .line_str = image->debug_line_str,
				  .str = image->debug_str };
}

static bool find_anywhere(const struct lineinfo *info, uint64_t address, struct line *ret_line)
{
	struct line_span span;
	for (size_t at = 0; lineinfo_next(info, &at, &span);)
		if (address >= span.low && address < span.high &&
		    lineinfo_find(info, span.table, address, ret_line))
			return true;
	return false;
}

/* Ours as addr2line prints it without the folder in which the compiler ran; "?" if unknown. */
static void our_answer(const struct lineinfo *info, uint64_t address, char *buf, size_t size)
{
	struct line line;
	if (!find_anywhere(info, address, &line))
		snprintf(buf, size, "?");
	else
		snprintf(buf, size, "%s%s%s:%" PRIu32, line.folder ? line.folder : "",
			 line.folder ? "/" : "", line.file, line.number);
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

static void compare(const char *path, const struct elf_image *image)
{
	char command[2000], theirs[500], ours[500];
	struct lineinfo info = lines_of(image);
	int known = 0, compared = 0;
	snprintf(command, sizeof(command),
		 "objdump -d --no-show-raw-insn %s | awk '/^ +[0-9a-f]+:/ && NR %% 5 == 0 { "
		 "sub(/:.*/, \"\"); print $1 }' "
		 ">%s.pcs; "
		 "addr2line -e %s <%s.pcs | paste %s.pcs -",
		 path, path, path, path, path);
	FILE *f = popen(command, "r");
	CHECK(f != NULL);
	for (uint64_t address; fscanf(f, "%" SCNx64 " %499[^\n]", &address, theirs) == 2;) {
		char *discriminator = strstr(theirs, " (disc");
		if (discriminator != NULL)
			*discriminator = '\0';
		our_answer(&info, address, ours, sizeof(ours));
		bool unknown = strncmp(theirs, "??", 2) == 0;
		if (ends_with(theirs, ":?")) /* line 0: we keep to the line before */
			continue;
		if (unknown ? strcmp(ours, "?") != 0 : !ends_with(theirs, ours))
			test_fail("%s at 0x%" PRIx64 ": ours %s, addr2line's %s", path, address,
				  ours, theirs);
		known += !unknown;
		compared++;
	}
	pclose(f);
	CHECK_LT(300, known);
	CHECK_LE(known, compared);
}

static void compile_and_compare(const char *compiler, const char *options)
{
	char path[200], command[800];
	struct elf_image image;
	snprintf(path, sizeof(path), "%s/%s%s.so", test_dir(), compiler, options + 8);
	snprintf(command, sizeof(command),
		 "%s -std=gnu11 -D_GNU_SOURCE -I. -fPIC -shared -O2 -g %s -o %s runtime/lineinfo.c "
		 "runtime/timer.c",
		 compiler, options, path);
	CHECK_EQ(system(command), 0);
	struct bytes file = bytes_read(path);
	CHECK(elf_read(file.data, file.size, &image));
	compare(path, &image);
	free(file.data);
}

TEST(lines_agree_with_addr2line_for_gcc_dwarf_5)
{
	compile_and_compare("gcc", "-gdwarf-5");
}

TEST(lines_agree_with_addr2line_for_gcc_dwarf_4)
{
	compile_and_compare("gcc", "-gdwarf-4");
}

TEST(lines_agree_with_addr2line_for_clang_dwarf_5)
{
	compile_and_compare("clang-14", "-gdwarf-5");
}

TEST(lines_agree_with_addr2line_for_clang_dwarf_4)
{
	compile_and_compare("clang-14", "-gdwarf-4");
}

/* --- damage --- */

static void look_everywhere(const struct lineinfo *info)
{
	char answer[500];
	struct line_span span;
	for (size_t at = 0; lineinfo_next(info, &at, &span);) {
		our_answer(info, span.low, answer, sizeof(answer));
		our_answer(info, span.low + (span.high - span.low) / 2, answer, sizeof(answer));
	}
}

/* The first tables of this program, for speed. */
TEST(lines_damaged_tables_are_read_within_their_bounds, .timeout_s = 60)
{
	struct bytes file = bytes_read("/proc/self/exe");
	struct elf_image image;
	CHECK(elf_read(file.data, file.size, &image));
	struct lineinfo info = lines_of(&image);
	struct line_span span;
	size_t end = 0;
	for (int i = 0; i < 2; i++)
		CHECK(lineinfo_next(&info, &end, &span));
	for (uint32_t seed = 0; seed < 1000; seed++) {
		struct bytes bad = bytes_copy(info.line.at, end);
		bytes_damage(bad, seed);
		if (seed % 2 == 0) /* near the header */
			bytes_damage((struct bytes){ bad.data, 120 }, seed);
		struct lineinfo damaged = info;
		damaged.line = cursor_of(bad.data, bad.size);
		look_everywhere(&damaged);
		free(bad.data);
	}
	free(file.data);
}

TEST(lines_a_cut_off_section_ends_the_search)
{
	struct bytes file = bytes_read("/proc/self/exe");
	struct elf_image image;
	CHECK(elf_read(file.data, file.size, &image));
	struct lineinfo info = lines_of(&image);
	for (size_t size = 0; size < 400; size++) {
		struct bytes part = bytes_copy(info.line.at, size);
		struct lineinfo cut = info;
		cut.line = cursor_of(part.data, part.size);
		look_everywhere(&cut);
		free(part.data);
	}
	free(file.data);
}
