/* SPDX-License-Identifier: MIT
 *
 * symbol: see symbol.h. The file is mapped at the start and costs address space alone: its pages are read when the first traceback wants them.
 *
 * Which of the tables of lines covers an address is found once for all of them (own.spans, made at the first use; milliseconds), and what
 * was found for an address is kept: a dump of 100,000 goroutines asks for the same few. Both belong to one user at a time (own.busy,
 * only tried): another, and a handler that interrupts the user, does without and looks at all tables.
 */
#include "runtime/symbol.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base.h"
#include "runtime/elfsym.h"

#define SPANS_MAX  2048
#define CACHE_SIZE 1024

/* The linker's: where the executable is loaded, and the end of its code. */
extern const char __ehdr_start[];
extern const char etext[];

struct cached {
	const void *pc;
	struct symbol symbol;
};

static struct {
	atomic_bool busy; /* guards what stands up to the blank line */
	struct line_span spans[SPANS_MAX];
	size_t span_count, unindexed; /* tables from that offset on are not in spans */
	bool indexed;
	struct cached cache[CACHE_SIZE];

	struct elf_image image; /* constant from here */
	struct lineinfo lines;
} own;

bool symbol_is_own(const void *pc)
{
	return (const char *)pc >= __ehdr_start && (const char *)pc < etext;
}

static const void *map_file(const char *path, size_t *ret_size)
{
	struct stat st;
	void *file = MAP_FAILED;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size > 0)
		file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	*ret_size = (size_t)st.st_size;
	return file == MAP_FAILED ? NULL : file;
}

void symbol_init(void)
{
	size_t size;
	const void *file = map_file("/proc/self/exe", &size);
	if (file == NULL || !elf_read(file, size, &own.image))
		return;
	own.lines = (struct lineinfo){ .line = own.image.debug_line,
				       .line_str = own.image.debug_line_str,
				       .str = own.image.debug_str };
}

/* By the user. */
static void index_lines(void)
{
	while (own.span_count < SPANS_MAX &&
	       lineinfo_next(&own.lines, &own.unindexed, &own.spans[own.span_count]))
		own.span_count++;
	own.indexed = true;
}

static bool find_line_from(size_t offset, uint64_t address, struct line *ret_line)
{
	struct line_span span;
	while (lineinfo_next(&own.lines, &offset, &span))
		if (address >= span.low && address < span.high &&
		    lineinfo_find(&own.lines, span.table, address, ret_line))
			return true;
	return false;
}

/* By the user. */
static bool find_line(uint64_t address, struct line *ret_line)
{
	if (!own.indexed)
		index_lines();
	for (size_t i = 0; i < own.span_count; i++)
		if (address >= own.spans[i].low && address < own.spans[i].high &&
		    lineinfo_find(&own.lines, own.spans[i].table, address, ret_line))
			return true;
	return find_line_from(own.unindexed, address, ret_line);
}

bool symbol_is_code(const void *pc)
{
	Dl_info info;
	return symbol_is_own(pc) ||
	       (dladdr(pc, &info) != 0 && info.dli_fbase != (const void *)__ehdr_start);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

static void ask_linker(const char *pc, struct symbol *s)
{
	Dl_info info = { 0 };
	if (dladdr(pc, &info) == 0 || info.dli_fname == NULL)
		return;
	s->module = base_name(info.dli_fname);
	s->module_offset = (uint64_t)(pc - (const char *)info.dli_fbase);
	s->function = info.dli_sname;
	if (s->function != NULL)
		s->offset = (uint64_t)(pc - (const char *)info.dli_saddr);
}

static void ask_file(const char *pc, bool may_index, struct symbol *s)
{
	uint64_t address = own.image.base + (uint64_t)(pc - __ehdr_start);
	struct elf_symbol found;
	if (!elf_find_function(&own.image, address, &found))
		return;
	s->module = program_invocation_short_name;
	s->module_offset = address;
	s->function = found.name;
	s->offset = address - found.address;
	if (may_index)
		find_line(address, &s->line);
	else
		find_line_from(0, address, &s->line);
}

/* The linker last: it takes a lock of libc's. */
static struct symbol find(const void *pc, bool may_index)
{
	struct symbol s = { 0 };
	if (symbol_is_own(pc))
		ask_file(pc, may_index, &s);
	if (s.function == NULL)
		ask_linker(pc, &s);
	return s;
}

void symbol_find(const void *pc, struct symbol *ret_symbol)
{
	if (atomic_exchange_explicit(&own.busy, true, memory_order_acquire)) {
		*ret_symbol = find(pc, false);
		return;
	}
	struct cached *c = &own.cache[((uintptr_t)pc ^ (uintptr_t)pc >> 10) % CACHE_SIZE];
	if (c->pc != pc) {
		c->symbol = find(pc, true);
		c->pc = pc;
	}
	*ret_symbol = c->symbol;
	atomic_store_explicit(&own.busy, false, memory_order_release);
}
