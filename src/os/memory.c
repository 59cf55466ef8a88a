#include "os/memory.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/annotate.h"
#include "base/atomic.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef PIDFD_SELF
#define PIDFD_SELF (-10000)
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440 /* on every architecture */
#endif

size_t weft__memory_page(void)
{
    static _Atomic(size_t) page;
    size_t known = weft__load(&page, relaxed); /* every writer writes the same */
    if (known == 0) {
        known = (size_t)sysconf(_SC_PAGESIZE);
        weft__store(&page, known, relaxed);
    }
    return known;
}

void *weft__memory_map(size_t size, size_t align, bool for_stacks)
{
    size_t slack = align > weft__memory_page() ? align : 0;
    char *start = mmap(NULL, size + slack, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    if (slack) {
        char *aligned = (char *)(((uintptr_t)start + align - 1) & ~(uintptr_t)(align - 1));
        if (aligned > start)
            munmap(start, (size_t)(aligned - start));
        if (aligned + size < start + size + slack)
            munmap(aligned + size, (size_t)(start + slack - aligned));
        start = aligned;
    }
    if (for_stacks)
        madvise(start, size, MADV_NOHUGEPAGE);
    return start;
}

void *weft__memory_reserve(size_t size)
{
    void *start = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return start == MAP_FAILED ? NULL : start;
}

bool weft__memory_open(void *start, size_t size)
{
    return mprotect(start, size, PROT_READ | PROT_WRITE) == 0;
}

void weft__memory_unmap(void *start, size_t size)
{
    munmap(start, size);
}

void weft__memory_discard(void *start, size_t size)
{
    madvise(start, size, MADV_DONTNEED);
}

/* qemu-user says yes to any advice and does nothing. */
static bool advice_is_checked(void *page)
{
    static _Atomic(int) known; /* 0: not asked yet; every writer writes the same */
    int checked = weft__load(&known, relaxed);
    if (checked == 0) {
        checked = madvise(page, weft__memory_page(), 0x7fff) < 0 ? 1 : -1;
        weft__store(&known, checked, relaxed);
    }
    return checked > 0;
}

bool weft__memory_guard(void *start, size_t size)
{
    /* EINVAL: a kernel before 6.13. Valgrind 3.19 would not know of such a guard, and
     * walks stacks that it takes for one piece with what lies behind it. */
    if (!weft__annotate_on_valgrind() && advice_is_checked(start) &&
        madvise(start, size, MADV_GUARD_INSTALL) == 0)
        return true;
    return mprotect(start, size, PROT_NONE) == 0;
}

/* EBADF: a kernel before 6.14; EPERM, ENOSYS: a sandbox. Valgrind 3.19 does not
 * know the call and says so at each. */
static bool guard_together(char *start, size_t size, size_t stride, size_t count)
{
    static _Atomic(bool) refused; /* every writer writes the same */
    struct iovec ranges[WEFT__GUARDS_MAX];
    if (weft__annotate_on_valgrind() || !advice_is_checked(start) || weft__load(&refused, relaxed))
        return false;
    for (size_t i = 0; i < count; i++)
        ranges[i] = (struct iovec){ .iov_base = start + i * stride, .iov_len = size };
    long done = syscall(SYS_process_madvise, PIDFD_SELF, ranges, count, MADV_GUARD_INSTALL, 0);
    if (done == (long)(count * size))
        return true;
    weft__store(&refused, true, relaxed);
    return false;
}

bool weft__memory_guard_each(char *start, size_t size, size_t stride, size_t count)
{
    if (count > 1 && guard_together(start, size, stride, count))
        return true;
    for (size_t i = 0; i < count; i++) {
        if (!weft__memory_guard(start + i * stride, size))
            return false;
    }
    return true;
}

void weft__memory_huge(void *start, size_t size)
{
    madvise(start, size, MADV_HUGEPAGE);
}
