/* SPDX-License-Identifier: MIT
 *
 * elfsym: see elfsym.h. Structures are copied out of the file before they are read: nothing says that they are aligned there.
 */
#include "runtime/elfsym.h"

#include <elf.h>

#include "runtime/base.h"

static bool copy_at(struct cursor file, uint64_t offset, void *ret_struct, size_t size)
{
	cursor_skip(&file, offset);
	struct cursor part = cursor_split(&file, size);
	if (part.failed)
		return false;
	memcpy(ret_struct, part.at, size);
	return true;
}

static bool is_ours(const Elf64_Ehdr *h)
{
	return memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 && h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_ident[EI_DATA] == ELFDATA2LSB && h->e_shentsize == sizeof(Elf64_Shdr);
}

static bool section_at(struct cursor file, const Elf64_Ehdr *h, unsigned i, Elf64_Shdr *ret)
{
	return i < h->e_shnum &&
	       copy_at(file, h->e_shoff + (uint64_t)i * sizeof(*ret), ret, sizeof(*ret));
}

static uint64_t base_of(struct cursor file, const Elf64_Ehdr *h)
{
	Elf64_Phdr part;
	for (unsigned i = 0; i < h->e_phnum; i++)
		if (copy_at(file, h->e_phoff + (uint64_t)i * sizeof(part), &part, sizeof(part)) &&
		    part.p_type == PT_LOAD && part.p_offset == 0)
			return part.p_vaddr;
	return 0;
}

/* Empty if compressed: to unpack it would take memory. */
static struct cursor bytes_of(struct cursor file, const Elf64_Shdr *section)
{
	if (section->sh_type == SHT_NOBITS || (section->sh_flags & SHF_COMPRESSED))
		return cursor_of(NULL, 0);
	cursor_skip(&file, section->sh_offset);
	return cursor_split(&file, section->sh_size);
}

static struct cursor *place_of(struct elf_image *image, const char *name)
{
	const struct {
		const char *name;
		struct cursor *place;
	} wanted[] = {
		{ ".symtab", &image->symtab },
		{ ".strtab", &image->strtab },
		{ ".debug_line", &image->debug_line },
		{ ".debug_line_str", &image->debug_line_str },
		{ ".debug_str", &image->debug_str },
	};
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (strcmp(name, wanted[i].name) == 0)
			return wanted[i].place;
	return NULL;
}

static const char *string_at(struct cursor strings, uint64_t offset)
{
	cursor_skip(&strings, offset);
	return cursor_string(&strings);
}

bool elf_read(const void *data, size_t size, struct elf_image *ret_image)
{
	struct cursor file = cursor_of(data, size);
	Elf64_Ehdr header;
	Elf64_Shdr section, names;
	if (!copy_at(file, 0, &header, sizeof(header)) || !is_ours(&header) ||
	    !section_at(file, &header, header.e_shstrndx, &names))
		return false;
	struct elf_image image = { .base = base_of(file, &header) };
	struct cursor strings = bytes_of(file, &names);
	for (unsigned i = 0; section_at(file, &header, i, &section); i++) {
		struct cursor *place = place_of(&image, string_at(strings, section.sh_name));
		if (place != NULL)
			*place = bytes_of(file, &section);
	}
	*ret_image = image;
	return true;
}

/* Functions of assembly files have no size: those hold what follows them. */
static bool holds(const Elf64_Sym *sym, uint64_t address)
{
	return ELF64_ST_TYPE(sym->st_info) == STT_FUNC && sym->st_shndx != SHN_UNDEF &&
	       address >= sym->st_value &&
	       (sym->st_size == 0 || address - sym->st_value < sym->st_size);
}

bool elf_find_function(const struct elf_image *image, uint64_t address,
		       struct elf_symbol *ret_symbol)
{
	struct cursor table = image->symtab;
	bool found = false;
	Elf64_Sym sym;
	while (cursor_left(&table) >= sizeof(sym)) {
		memcpy(&sym, table.at, sizeof(sym));
		cursor_skip(&table, sizeof(sym));
		if (!holds(&sym, address) || (found && sym.st_value <= ret_symbol->address))
			continue;
		*ret_symbol =
			(struct elf_symbol){ string_at(image->strtab, sym.st_name), sym.st_value };
		found = true;
	}
	return found;
}
