/* The calls that a sleeping thread is in, by the words on its stack.
 *
 * The kernel tells where it sleeps and its stack pointer, but not the registers that
 * unwinding begins with. So it is read backwards: a return address points into code, right
 * behind a call. All that belong are found; and some that an earlier call has left in a part
 * of a frame that was not written since.
 *
 * The loader's long lock is not taken, as dladdr() would: the thread in question may hold
 * it, in a constructor. */
#include <link.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/compiler.h"
#include "observe/trace.h"

#define WORDS 8192 /* 64 KiB of stack */
#define OBJECTS 512

struct code {
    uintptr_t low, high;
};

/* Of the one caller. */
static struct code code[OBJECTS];
static size_t objects;
static uintptr_t words[WORDS];

static int add_code(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size, (void)unused;
    for (unsigned i = 0; i < info->dlpi_phnum && objects < OBJECTS; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        uintptr_t low = info->dlpi_addr + part->p_vaddr;
        code[objects++] = (struct code){ low, low + part->p_memsz };
    }
    return 0;
}

static bool is_code(uintptr_t address)
{
    for (size_t i = 0; i < objects; i++) {
        if (address >= code[i].low + 8 && address < code[i].high)
            return true;
    }
    return false;
}

/* By the kernel: what is not there is not copied. Returns the bytes. */
static size_t copy(void *to, uintptr_t from, size_t size)
{
    struct iovec here = { to, size }, there = { (void *)from, size };
    ssize_t n = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
    return n > 0 ? (size_t)n : 0;
}

#ifdef __x86_64__
#define ADDRESS(word) (word)

/* `at`: the eight bytes before it. The forms of a call through a register or memory have
 * two bytes, and up to five for the address. */
static bool follows_call(const unsigned char *at)
{
    if (at[3] == 0xe8)
        return true;
    for (int length = 2; length <= 7; length++) {
        const unsigned char *call = at + 8 - length;
        if (call[0] == 0xff && (call[1] & 0x38) == 0x10)
            return true;
    }
    return false;
}
#else
#define ADDRESS(word) ((word)&0xffffffffffffu) /* it may be signed */

static bool follows_call(const unsigned char *at)
{
    uint32_t call;
    memcpy(&call, at + 4, sizeof call);
    return (call & 0xfc000000u) == 0x94000000u || (call & 0xfefff000u) == 0xd63f0000u;
}
#endif

static bool is_return_address(uintptr_t address)
{
    unsigned char before[8];
    return is_code(address) && copy(before, address - 8, 8) == 8 && follows_call(before);
}

void weft__trace_scan(struct weft__trace *trace, uintptr_t pc, uintptr_t sp, uintptr_t top)
{
    size_t size = top - sp < sizeof words ? top - sp : sizeof words;
    objects = 0;
    dl_iterate_phdr(add_code, NULL);
    size_t count = copy(words, sp, size) / sizeof *words;
    *trace = (struct weft__trace){ .frames = { (const void *)pc }, .depth = 1 };
    for (size_t i = 0; i < count && trace->depth < WEFT__FRAMES; i++) {
        uintptr_t address = ADDRESS(words[i]);
        if (is_return_address(address))
            trace->frames[trace->depth++] = (const void *)address;
    }
}
