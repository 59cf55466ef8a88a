/* What a constructor sets before main() is main's: its threads and children have it, and
 * the process's other OS threads do not. */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

static cpu_set_t all, one;

/* As OpenMP libraries do. */
__attribute__((constructor)) static void bind(void)
{
    struct sched_param zero = { 0 };
    int cpu = 0;
    sched_getaffinity(0, sizeof all, &all);
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    sched_setscheduler(0, SCHED_BATCH, &zero);
}

static bool is_bound(void)
{
    cpu_set_t cpus;
    sched_getaffinity(0, sizeof cpus, &cpus);
    return CPU_EQUAL(&cpus, &one);
}

static void say_here(void)
{
    int policy = -1;
    struct sched_param param;
    pthread_getschedparam(pthread_self(), &policy, &param);
    SAY_NUMBER(is_bound());
    SAY_NUMBER(sched_getscheduler(0));
    SAY_NUMBER(policy);
}

/* A line of the kernel's about the caller's OS thread, in words. */
static bool kernel_says(const char *file, const char *format, void *ret_value)
{
    char line[1024];
    FILE *stream = fopen(file, "re");
    bool found = false;
    while (stream && !found && fgets(line, sizeof line, stream))
        found = sscanf(line, format, ret_value) == 1;
    if (stream)
        fclose(stream);
    return found;
}

/* Of 41 fields, behind the name in parentheses. */
#define TEN "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
#define POLICY "%*d (%*[^)]) " TEN TEN TEN "%*s %*s %*s %*s %*s %*s %*s %*s %d"

/* The first hexadecimal digits are those of the last CPUs. */
static int cpus_by_kernel(void)
{
    char digits[512] = "";
    int count = 0;
    kernel_says("/proc/thread-self/status", "Cpus_allowed: %511s", digits);
    for (const char *at = digits; *at; at++) {
        char digit[2] = { *at };
        count += *at == ',' ? 0 : __builtin_popcountl(strtoul(digit, NULL, 16));
    }
    return count;
}

/* It asks for what the process had. */
static void *widen(void *unused)
{
    int policy = -1;
    struct sched_param zero = { 0 };
    say_here();
    SAY(pthread_setaffinity_np(pthread_self(), sizeof all, &all));
    SAY(pthread_setschedparam(pthread_self(), SCHED_OTHER, &zero));
    SAY_NUMBER(is_bound() && !CPU_EQUAL(&all, &one));
    SAY_NUMBER(cpus_by_kernel() == CPU_COUNT(&all));
    SAY_NUMBER(kernel_says("/proc/thread-self/stat", POLICY, &policy));
    SAY_NUMBER(policy);
    return unused;
}

static void say_of_children(void)
{
    int status = -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(is_bound() ? 10 + sched_getscheduler(0) : 1);
    waitpid(child, &status, 0);
    SAY_NUMBER(WEXITSTATUS(status));
    fflush(stdout);
    SAY_NUMBER(system("test $(nproc) = 1"));
}

int main(void)
{
    pthread_t thread;
    say_here();
    pthread_create(&thread, NULL, widen, NULL);
    pthread_join(thread, NULL);
    say_of_children();
    say_here();
    return 0;
}
