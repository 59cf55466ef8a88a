/* memory.h - address space from the kernel. */
#ifndef WEFT_OS_MEMORY_H
#define WEFT_OS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

size_t weft__memory_page(void) WEFT_CONST;

/* Rounded up to whole pages. */
static inline size_t weft__memory_pages(size_t size)
{
    size_t page = weft__memory_page();
    return (size + page - 1) / page * page;
}

/* Reserves `size` bytes of zeroed memory that costs nothing until touched, at
 * an address that is a multiple of `align` (a power of two, at least a page).
 * Memory for stacks never gets huge pages, of which a stack would touch a few
 * bytes. Returns NULL when there is none. */
void *weft__memory_map(size_t size, size_t align, bool for_stacks);

/* Reserves address space that cannot be used before it is opened, in part or whole. NULL,
 * false: there is none, or no memory. */
void *weft__memory_reserve(size_t size);
bool weft__memory_open(void *start, size_t size);

void weft__memory_unmap(void *start, size_t size);

/* Gives the pages back to the kernel; they read as zero when touched again. */
void weft__memory_discard(void *start, size_t size);

/* Makes every access to [start, start + size) fault. With guard markers (Linux
 * 6.13) this needs no mapping of its own; before, it splits the mapping, and a
 * process may have 65,530 of those. Returns false when the kernel refuses. */
bool weft__memory_guard(void *start, size_t size);

#define WEFT__GUARDS_MAX 64

/* The same for `count` ranges of `size` bytes, `stride` bytes apart, at
 * most GUARDS_MAX; in one call where the kernel can (Linux 6.14). After a refusal some may be
 * guarded. */
bool weft__memory_guard_each(char *start, size_t size, size_t stride, size_t count);

/* Asks for 2 MiB pages. */
void weft__memory_huge(void *start, size_t size);

#endif
