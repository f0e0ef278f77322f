/* SPDX-License-Identifier: MIT
 *
 * names: an address of the program to the function that it lies in, from the program's own table of symbols (static functions stand in it, too),
 * and an operation in words, for traces and names of mutants.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/model/engine.h"

extern char __executable_start[];

static const Elf64_Sym *symbols;
static size_t symbols_n;
static const char *strings;

static void read_symbols(void)
{
	struct stat st;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return;
	const char *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return;
	const Elf64_Ehdr *head = (const void *)file;
	const Elf64_Shdr *sections = (const void *)(file + head->e_shoff);
	for (int i = 0; i < head->e_shnum; i++) {
		if (sections[i].sh_type != SHT_SYMTAB)
			continue;
		symbols = (const void *)(file + sections[i].sh_offset);
		symbols_n = sections[i].sh_size / sizeof(*symbols);
		strings = file + sections[sections[i].sh_link].sh_offset;
	}
}

const char *function_at(const void *pc)
{
	uintptr_t at = (uintptr_t)pc - (uintptr_t)__executable_start;
	if (symbols == NULL)
		read_symbols();
	for (size_t i = 0; i < symbols_n; i++)
		if (ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC && at > symbols[i].st_value &&
		    at <= symbols[i].st_value + symbols[i].st_size)
			return strings + symbols[i].st_name;
	return "?";
}

const char *kind_name(uint8_t kind)
{
	static const char *const names[] = {
		[OP_NONE] = "start",
		[OP_LOAD] = "load",
		[OP_STORE] = "store",
		[OP_RMW] = "change",
		[OP_CAS] = "swap",
		[OP_FENCE] = "fence",
		[OP_FENCE_OF] = "membarrier",
		[OP_FUTEX_WAIT] = "futex wait",
		[OP_FUTEX_SLEEP] = "asleep",
		[OP_FUTEX_WAKE] = "futex wake",
		[OP_AWAIT] = "await",
		[OP_LOCK] = "lock",
		[OP_TRY_LOCK] = "try lock",
		[OP_UNLOCK] = "unlock",
		[OP_CHOOSE] = "choose",
	};
	return names[kind];
}

const char *order_name(uint8_t order)
{
	static const char *const names[] = {
		[__ATOMIC_RELAXED] = "relaxed", [__ATOMIC_CONSUME] = "consume",
		[__ATOMIC_ACQUIRE] = "acquire", [__ATOMIC_RELEASE] = "release",
		[__ATOMIC_ACQ_REL] = "acq_rel", [__ATOMIC_SEQ_CST] = "seq_cst",
	};
	return names[order];
}

void describe(char *buf, size_t size, const struct op *op, int thread)
{
	const char *where = op->site == NULL ? "" : function_at(op->site);
	bool c11 = op->kind >= OP_LOAD && op->kind <= OP_FENCE;
	snprintf(buf, size, "  %*s%d: %s %s %s", thread * 4, "", thread, where, kind_name(op->kind),
		 c11 ? order_name(op->order) : "");
	size_t at = strlen(buf);
	if (op->addr != NULL)
		snprintf(buf + at, size - at, " %p: %#llx -> %#llx %s\n", op->addr,
			 (unsigned long long)(op->kind == OP_CAS ? op->expected : op->result),
			 (unsigned long long)op->operand,
			 op->kind == OP_CAS && !op->done ? "lost" : "");
	else
		snprintf(buf + at, size - at, " %llu\n", (unsigned long long)op->result);
}
