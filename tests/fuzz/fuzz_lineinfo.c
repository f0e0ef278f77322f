/* SPDX-License-Identifier: MIT
 *
 * fuzz_lineinfo: line tables under libFuzzer. The input is the section .debug_line, and its own tail serves as the strings. All that is
 * asked: to end, and to read nothing outside.
 */
#include <string.h>

#include "runtime/elfsym.h"
#include "runtime/lineinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const char *text)
{
	volatile size_t len = text == NULL ? 0 : strlen(text);
	(void)len;
}

static void look_up(const struct lineinfo *info, size_t table, uint64_t address)
{
	struct line line;
	if (lineinfo_find(info, table, address, &line)) {
		use(line.folder);
		use(line.file);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cursor all = cursor_of(data, size),
			    tail = cursor_of(data + size / 2, size - size / 2);
	const struct lineinfo info = { .line = all, .line_str = tail, .str = tail };
	struct line_span span;
	struct elf_image image;
	struct elf_symbol symbol;
	int tables = 0;
	for (size_t at = 0; tables++ < 64 && lineinfo_next(&info, &at, &span);) {
		look_up(&info, span.table, span.low);
		look_up(&info, span.table, span.high - 1);
	}
	if (elf_read(data, size, &image) && elf_find_function(&image, 0x1000, &symbol))
		use(symbol.name);
	return 0;
}
