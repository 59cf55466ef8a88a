/* The names of addresses in code: as far as the objects export them.
 *
 * Not by dladdr(), which waits while anybody is in dlopen(), a constructor there included. */
#include <elf.h>
#include <link.h>
#include <string.h>

#include "observe/trace.h"

struct object {
    uintptr_t base;
    const ElfW(Sym) * symbols;
    const char *strings;
    const uint32_t *hash, *gnu_hash;
};

/* The loader has added the base, but for the kernel's own object. */
static const void *part(uintptr_t base, uintptr_t value)
{
    return (const void *)(value < base ? base + value : value);
}

static void read_dynamic(struct object *object, const ElfW(Dyn) * entry)
{
    for (; entry->d_tag != DT_NULL; entry++) {
        const void *at = part(object->base, entry->d_un.d_ptr);
        if (entry->d_tag == DT_SYMTAB)
            object->symbols = at;
        else if (entry->d_tag == DT_STRTAB)
            object->strings = at;
        else if (entry->d_tag == DT_HASH)
            object->hash = at;
        else if (entry->d_tag == DT_GNU_HASH)
            object->gnu_hash = at;
    }
}

/* Nobody says it, but the tables that find symbols end with the last one. */
static uint32_t count_symbols(const struct object *object)
{
    const uint32_t *table = object->gnu_hash;
    if (object->hash)
        return object->hash[1];
    if (!table)
        return 0;
    uint32_t buckets = table[0], first = table[1], last = 0;
    const uint32_t *bucket = table + 4 + table[2] * (sizeof(ElfW(Addr)) / sizeof *table);
    const uint32_t *chain = bucket + buckets;
    for (uint32_t i = 0; i < buckets; i++)
        last = bucket[i] > last ? bucket[i] : last;
    if (last < first)
        return first;
    while (!(chain[last - first] & 1))
        last++;
    return last + 1;
}

static const ElfW(Sym) * find_symbol(const struct object *object, uintptr_t offset)
{
    const ElfW(Sym) *best = NULL;
    uint32_t count = object->symbols && object->strings ? count_symbols(object) : 0;
    for (uint32_t i = 0; i < count; i++) {
        const ElfW(Sym) *symbol = &object->symbols[i];
        /* STT_FUNC or STT_GNU_IFUNC, whose value is its resolver's, so not that */
        if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF)
            continue;
        if (symbol->st_value <= offset && offset < symbol->st_value + symbol->st_size)
            best = symbol;
    }
    return best;
}

struct question {
    struct weft__line *line;
    uintptr_t address;
};

static void put(struct weft__line *line, const struct dl_phdr_info *info,
                const struct object *object, uintptr_t offset)
{
    const ElfW(Sym) *symbol = find_symbol(object, offset - 1); /* behind a call that is the end */
    if (symbol) {
        weft__line_string(line, object->strings + symbol->st_name);
        weft__line_string(line, "+");
        weft__line_hex(line, offset - symbol->st_value);
        weft__line_string(line, " ");
    }
    weft__line_string(line, "(");
    weft__line_string(line, info->dlpi_name[0] ? info->dlpi_name : "the program");
    weft__line_string(line, "+");
    weft__line_hex(line, offset);
    weft__line_string(line, ")");
}

static int ask(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct question *question = arg;
    struct object object = { .base = info->dlpi_addr };
    uintptr_t offset = question->address - info->dlpi_addr;
    bool inside = false;
    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_DYNAMIC)
            read_dynamic(&object, (const void *)(info->dlpi_addr + header->p_vaddr));
        if (header->p_type == PT_LOAD && offset - header->p_vaddr < header->p_memsz)
            inside = true;
    }
    if (inside)
        put(question->line, info, &object, offset);
    return inside;
}

void weft__line_code(struct weft__line *line, const void *address)
{
    struct question question = { line, (uintptr_t)address };
    if (!dl_iterate_phdr(ask, &question))
        weft__line_hex(line, (uintptr_t)address);
}
