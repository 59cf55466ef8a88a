/* Programs that trace others, as debuggers do. The kernel takes requests about a traced
 * process from one OS thread only: which attached to it, or has forked it. A virtual thread
 * that has waited for it may go on on another. And what is traced is an OS thread: of a shell
 * that is weft's another one would execute the program that a debugger waits for. So programs
 * that trace, and those that they start, run without weft, as with WEFT_EXEC=0.
 *
 * The executable is looked at, not its libraries: programs that never trace are linked with
 * some that can (libdw). What a program calls in other objects its relocations name. */
#include <link.h>
#include <string.h>

#include "hook/thread.h"

struct dynamic {
    uintptr_t symbols, strings, relocations[2];
    size_t sizes[2]; /* in bytes */
};

static void take(struct dynamic *dynamic, const ElfW(Dyn) * entry, uintptr_t base)
{
    uintptr_t value = entry->d_un.d_ptr;
    uintptr_t address = value < base ? base + value : value; /* the loader has added it, mostly */
    switch (entry->d_tag) {
    case DT_SYMTAB:
        dynamic->symbols = address;
        break;
    case DT_STRTAB:
        dynamic->strings = address;
        break;
    case DT_RELA:
        dynamic->relocations[0] = address;
        break;
    case DT_RELASZ:
        dynamic->sizes[0] = value;
        break;
    case DT_JMPREL:
        dynamic->relocations[1] = address;
        break;
    case DT_PLTRELSZ:
        dynamic->sizes[1] = value;
        break;
    default:
        break;
    }
}

static bool calls(const struct dynamic *dynamic, const char *function)
{
    const ElfW(Sym) *symbols = (const void *)dynamic->symbols;
    const char *strings = (const void *)dynamic->strings;
    for (int table = 0; table < 2; table++) {
        const ElfW(Rela) *relocation = (const void *)dynamic->relocations[table];
        size_t count = relocation ? dynamic->sizes[table] / sizeof *relocation : 0;
        for (size_t i = 0; i < count; i++) {
            size_t symbol = ELF64_R_SYM(relocation[i].r_info); /* 0, mostly: of no symbol */
            if (symbol && strcmp(strings + symbols[symbol].st_name, function) == 0)
                return true;
        }
    }
    return false;
}

/* The first object is the executable. */
static int look(struct dl_phdr_info *info, size_t size, void *ret_traces)
{
    struct dynamic dynamic = { 0 };
    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        const ElfW(Dyn) *entry = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++)
            take(&dynamic, entry, info->dlpi_addr);
    }
    *(bool *)ret_traces = dynamic.symbols && dynamic.strings && calls(&dynamic, "ptrace");
    return 1;
}

bool weft__hook_traces(void)
{
    bool traces = false;
    dl_iterate_phdr(look, &traces);
    return traces;
}
