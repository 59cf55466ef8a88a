#include "elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#endif

static int map(struct elf *elf, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return errno;
    if (!S_ISREG(status.st_mode) || status.st_size < (off_t)sizeof(Elf64_Ehdr))
        return ENOEXEC;
    void *at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return errno;
    elf->at = at;
    elf->size = (size_t)status.st_size;
    return 0;
}

int elf_open(struct elf *elf, const char *path)
{
    *elf = (struct elf){ 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int rc = map(elf, fd);
    close(fd);
    if (rc == 0 && memcmp(elf->at, ELFMAG, SELFMAG) != 0) {
        elf_close(elf);
        rc = ENOEXEC;
    }
    return rc;
}

void elf_close(struct elf *elf)
{
    if (elf->at)
        munmap((void *)(uintptr_t)elf->at, elf->size);
    elf->at = NULL;
}

/* NULL: not in the file. */
static const void *at(const struct elf *elf, uint64_t offset, uint64_t size)
{
    return offset <= elf->size && size <= elf->size - offset ? elf->at + offset : NULL;
}

const Elf64_Ehdr *elf_header(const struct elf *elf)
{
    return (const Elf64_Ehdr *)(const void *)elf->at;
}

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_386:
        return "i386";
    case EM_X86_64:
        return "x86_64";
    case EM_ARM:
        return "arm";
    case EM_AARCH64:
        return "aarch64";
    case EM_RISCV:
        return "riscv";
    case EM_PPC64:
        return "ppc64";
    case EM_S390:
        return "s390";
    default:
        return "another machine";
    }
}

const char *elf_foreign(const struct elf *elf)
{
    const Elf64_Ehdr *header = elf_header(elf);
    if (header->e_ident[EI_DATA] != ELFDATA2LSB)
        return "a machine with the other byte order";
    if (header->e_machine != OUR_MACHINE)
        return machine_name(header->e_machine);
    if (header->e_ident[EI_CLASS] != ELFCLASS64)
        return "32-bit programs of this machine";
    return NULL;
}

static const Elf64_Phdr *segments(const struct elf *elf, size_t *ret_count)
{
    const Elf64_Ehdr *header = elf_header(elf);
    *ret_count = header->e_phnum;
    return at(elf, header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr));
}

const char *elf_loader(const struct elf *elf)
{
    size_t count;
    const Elf64_Phdr *segment = segments(elf, &count);
    for (size_t i = 0; segment && i < count; i++) {
        if (segment[i].p_type != PT_INTERP)
            continue;
        const char *name = at(elf, segment[i].p_offset, segment[i].p_filesz);
        return name && memchr(name, 0, segment[i].p_filesz) ? name : NULL;
    }
    return NULL;
}

/* A note of the owner "Go": its build's number. */
static bool has_go_note(const unsigned char *notes, uint64_t size)
{
    Elf64_Nhdr note;
    while (size >= sizeof note) {
        memcpy(&note, notes, sizeof note);
        uint64_t name = ((uint64_t)note.n_namesz + 3) & ~UINT64_C(3);
        uint64_t whole = sizeof note + name + (((uint64_t)note.n_descsz + 3) & ~UINT64_C(3));
        if (whole > size)
            return false;
        if (note.n_namesz >= 3 && memcmp(notes + sizeof note, "Go", 3) == 0)
            return true;
        notes += whole;
        size -= whole;
    }
    return false;
}

bool elf_is_go(const struct elf *elf)
{
    size_t count;
    const Elf64_Phdr *segment = segments(elf, &count);
    for (size_t i = 0; segment && i < count; i++) {
        if (segment[i].p_type != PT_NOTE)
            continue;
        const unsigned char *notes = at(elf, segment[i].p_offset, segment[i].p_filesz);
        if (notes && has_go_note(notes, segment[i].p_filesz))
            return true;
    }
    return false;
}

static const Elf64_Shdr *sections(const struct elf *elf, size_t *ret_count)
{
    const Elf64_Ehdr *header = elf_header(elf);
    *ret_count = header->e_shnum;
    return header->e_shoff
               ? at(elf, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr))
               : NULL;
}

static bool report_symbols(const struct elf *elf, const Elf64_Shdr *table,
                           const Elf64_Shdr *strings, elf_symbol_fn *fn, void *arg)
{
    const Elf64_Sym *symbol = at(elf, table->sh_offset, table->sh_size);
    const char *names = at(elf, strings->sh_offset, strings->sh_size);
    if (!symbol || !names || !strings->sh_size || names[strings->sh_size - 1])
        return false;
    for (size_t i = 1; i < table->sh_size / sizeof *symbol; i++) {
        if (symbol[i].st_name < strings->sh_size && ELF64_ST_BIND(symbol[i].st_info) != STB_LOCAL)
            fn(names + symbol[i].st_name, symbol[i].st_shndx != SHN_UNDEF, arg);
    }
    return true;
}

bool elf_symbols(const struct elf *elf, elf_symbol_fn *fn, void *arg)
{
    size_t count;
    const Elf64_Shdr *section = sections(elf, &count);
    for (size_t i = 0; section && i < count; i++) {
        if (section[i].sh_type == SHT_DYNSYM && section[i].sh_link < count)
            return report_symbols(elf, &section[i], &section[section[i].sh_link], fn, arg);
    }
    return false;
}

#if defined(__x86_64__)
/* Two bytes may be anything: they count when the number of the call has been loaded
 * shortly before (mov $number,%eax; xor %eax,%eax; mov %edi or %rdi,%(r|e)ax) and what
 * comes next does something with the result. In libc that finds 488 of 526, in LLVM,
 * gdb, git, bash none of the hundreds of pairs that are no system calls. */
static bool number_loaded(const unsigned char *code, size_t here)
{
    size_t from = here > 48 ? here - 48 : 0;
    for (size_t i = from; i + 2 <= here; i++) {
        const unsigned char *c = code + i;
        if (i + 5 <= here && c[0] == 0xb8 && c[2] < 4 && c[3] == 0 && c[4] == 0)
            return true;
        if ((c[0] == 0x31 && c[1] == 0xc0) || (c[0] == 0x89 && c[1] == 0xf8))
            return true;
    }
    return false;
}

/* mov, cmp, test, add; ret, hlt, pop, jmp. */
static bool goes_on(unsigned char next)
{
    static const unsigned char likely[] = { 0x48, 0x49, 0x4c, 0x41, 0x44, 0x85, 0x83,
                                            0x89, 0x8b, 0x3d, 0xc3, 0xf4, 0x5d, 0xeb };
    return memchr(likely, next, sizeof likely) != NULL;
}

static unsigned count_calls(const unsigned char *code, size_t size)
{
    unsigned count = 0;
    for (size_t i = 0; i + 3 <= size; i++)
        count += code[i] == 0x0f && code[i + 1] == 0x05 && goes_on(code[i + 2]) &&
                 number_loaded(code, i);
    return count;
}
#elif defined(__aarch64__)
static unsigned count_calls(const unsigned char *code, size_t size)
{
    unsigned count = 0;
    for (size_t i = 0; i + 4 <= size; i += 4)
        count += memcmp(code + i, "\x01\x00\x00\xd4", 4) == 0; /* svc #0 */
    return count;
}
#endif

unsigned elf_system_calls(const struct elf *elf)
{
    size_t count;
    unsigned calls = 0;
    const Elf64_Shdr *section = sections(elf, &count);
    for (size_t i = 0; section && i < count; i++) {
        if (section[i].sh_type != SHT_PROGBITS || !(section[i].sh_flags & SHF_EXECINSTR))
            continue;
        const unsigned char *code = at(elf, section[i].sh_offset, section[i].sh_size);
        if (code)
            calls += count_calls(code, section[i].sh_size);
    }
    return calls;
}
