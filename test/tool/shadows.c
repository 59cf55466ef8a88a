/* Has a function of its own by a name that weft interposes, and a system call. */
#include <semaphore.h>
#include <sys/syscall.h>
#include <unistd.h>

int sem_post(sem_t *unused)
{
    (void)unused;
    return 0;
}

static long direct(void)
{
    long result;
#if defined(__x86_64__)
    __asm__ volatile("mov %1, %%eax\n\tsyscall\n\tmov %%rax, %0"
                     : "=r"(result)
                     : "i"(SYS_getpid)
                     : "rax", "rcx", "r11", "memory");
#elif defined(__aarch64__)
    __asm__ volatile("mov x8, %1\n\tsvc #0\n\tmov %0, x0"
                     : "=r"(result)
                     : "i"(SYS_getpid)
                     : "x0", "x8", "memory");
#endif
    return result;
}

int main(void)
{
    sem_t sem;
    return direct() == getpid() ? sem_post(&sem) : 1;
}
