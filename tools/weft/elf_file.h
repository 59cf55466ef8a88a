/* elf_file.h - reading ELF files of this machine's kind. */
#ifndef WEFT_TOOL_ELF_H
#define WEFT_TOOL_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>

/* A file, mapped. Everything in it is looked at with care: it may be damaged. */
struct elf {
    const unsigned char *at;
    size_t size;
};

/* 0 or an errno value; ENOEXEC: not an ELF file. */
int elf_open(struct elf *elf, const char *path);
void elf_close(struct elf *elf);

/* NULL: it is of this machine's kind; else what it is instead. */
const char *elf_foreign(const struct elf *elf);

/* The loader that it names; NULL: none. */
const char *elf_loader(const struct elf *elf);

/* EM_..., ET_... and so on. */
const Elf64_Ehdr *elf_header(const struct elf *elf);

/* Whether Go's linker made it. */
bool elf_is_go(const struct elf *elf);

/* Calls fn for each dynamic symbol. False: there is no table of them. */
typedef void elf_symbol_fn(const char *name, bool defined, void *arg);
bool elf_symbols(const struct elf *elf, elf_symbol_fn *fn, void *arg);

/* How many system calls its code has in it, at the least. */
unsigned elf_system_calls(const struct elf *elf);

#endif
