/* Ids and groups that are changed for good: all of the process's OS threads have the new
 * ones, whoever has asked, main or another thread, and say the same about the next call.
 * Each case is a process of its own, since there is no way back. */
#include <dirent.h>
#include <grp.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

#define OTHERS 6
#define SKIPPED 77

extern char **environ;

/* What one OS thread has, as the kernel tells it. */
static void look_at(const char *task, char *ret_ids, size_t size)
{
    char path[300], line[1024];
    snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
    FILE *file = fopen(path, "re");
    ret_ids[0] = '\0';
    if (!file)
        return; /* has ended */
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "Uid:", 4) == 0 || strncmp(line, "Gid:", 4) == 0 ||
            strncmp(line, "Groups:", 7) == 0)
            strncat(ret_ids, line, size - strlen(ret_ids) - 1);
    }
    fclose(file);
}

static void say_ids(void)
{
    char first[3000] = "", ids[3000];
    int others = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks));) {
        if (entry->d_name[0] == '.')
            continue;
        look_at(entry->d_name, ids, sizeof ids);
        if (!ids[0])
            continue;
        if (!first[0])
            memcpy(first, ids, sizeof first);
        else if (strcmp(first, ids) != 0 && others++ == 0)
            printf("another thread:\n%s", ids);
    }
    closedir(tasks);
    printf("%s%s", first, others ? "" : "all threads alike\n");
}

static void setuid_1(void)
{
    SAY_ERRNO(setuid(1000));
    say_ids();
}

static void setuid_2(void)
{
    SAY_ERRNO(setuid(0));
    SAY_ERRNO(setuid(1001));
    SAY_ERRNO(setuid(1000));
    say_ids();
}

static void setgid_1(void)
{
    SAY_ERRNO(setgid(1000));
    say_ids();
    SAY_ERRNO(setgid((gid_t)-1));
}

static void setgid_2(void)
{
    SAY_ERRNO(setgid(1001));
    say_ids();
}

static void seteuid_1(void)
{
    SAY_ERRNO(seteuid(1000));
    say_ids();
    SAY_ERRNO(seteuid(1001));
}

static void seteuid_2(void)
{
    SAY_ERRNO(seteuid(0));
    say_ids();
}

static void setegid_1(void)
{
    SAY_ERRNO(setegid(1000));
    say_ids();
}

static void setegid_2(void)
{
    SAY_ERRNO(setegid(1001));
    say_ids();
}

static void setreuid_1(void)
{
    SAY_ERRNO(setreuid(1000, 1001));
    say_ids();
    SAY_ERRNO(setreuid(1002, (uid_t)-1));
}

static void setreuid_2(void)
{
    SAY_ERRNO(setreuid(geteuid(), getuid()));
    say_ids();
}

static void setregid_1(void)
{
    SAY_ERRNO(setregid(1000, 1001));
    say_ids();
}

static void setregid_2(void)
{
    SAY_ERRNO(setregid(getegid(), getgid()));
    say_ids();
}

static void setresuid_1(void)
{
    SAY_ERRNO(setresuid(1000, 1001, 1002));
    say_ids();
}

static void setresuid_2(void)
{
    SAY_ERRNO(setresuid(1001, 1002, 1000));
    SAY_ERRNO(setresuid((uid_t)-1, 0, (uid_t)-1));
    say_ids();
}

static void setresgid_1(void)
{
    SAY_ERRNO(setresgid(1000, 1001, 1002));
    say_ids();
}

static void setresgid_2(void)
{
    SAY_ERRNO(setresgid(1001, 1002, 1000));
    say_ids();
}

static void setgroups_1(void)
{
    gid_t groups[] = { 1002, 1000, 1001 };
    SAY_ERRNO(setgroups(3, groups));
    say_ids();
    SAY_ERRNO(setgroups(1000000, groups));
}

static void setgroups_2(void)
{
    SAY_ERRNO(setgroups(0, NULL));
    say_ids();
}

static void initgroups_1(void)
{
    SAY_ERRNO(initgroups("root", 1000));
    say_ids();
}

static void initgroups_2(void)
{
    SAY_ERRNO(initgroups("there is nobody of that name", 1001));
    say_ids();
}

/* Twice is not the same as once: it has the privilege the second time. */
static void back_1(void)
{
    SAY_ERRNO(setresuid(1000, 1000, 0));
    SAY_ERRNO(setuid(0));
    say_ids();
}

static void back_2(void)
{
    SAY_ERRNO(setresuid(1000, 1000, 0));
    SAY_ERRNO(setuid(0));
    say_ids();
    SAY_ERRNO(setuid(1001));
    say_ids();
}

/* What daemons do. */
static void drop_1(void)
{
    gid_t groups[] = { 1000 };
    SAY_ERRNO(setgroups(1, groups));
    SAY_ERRNO(setgid(1000));
    SAY_ERRNO(setuid(1000));
    say_ids();
}

static void drop_2(void)
{
    SAY_ERRNO(setgroups(0, NULL));
    SAY_ERRNO(setgid(0));
    SAY_ERRNO(setuid(0));
    SAY_ERRNO(seteuid(0));
    say_ids();
}

static const struct {
    const char *name;
    void (*first)(void), (*second)(void);
} cases[] = {
    { "setuid", setuid_1, setuid_2 },
    { "setgid", setgid_1, setgid_2 },
    { "seteuid", seteuid_1, seteuid_2 },
    { "setegid", setegid_1, setegid_2 },
    { "setreuid", setreuid_1, setreuid_2 },
    { "setregid", setregid_1, setregid_2 },
    { "setresuid", setresuid_1, setresuid_2 },
    { "setresgid", setresgid_1, setresgid_2 },
    { "setgroups", setgroups_1, setgroups_2 },
    { "initgroups", initgroups_1, initgroups_2 },
    { "back", back_1, back_2 },
    { "drop", drop_1, drop_2 },
};

static sem_t end, settled;
static atomic_bool stop;

static void *park(void *unused)
{
    sem_post(&settled);
    while (sem_wait(&end) != 0)
        ;
    return unused;
}

static void *compute(void *unused)
{
    sem_post(&settled);
    while (!stop)
        ;
    return unused;
}

static void *call(void *arg)
{
    (*(void (*const *)(void))arg)();
    return NULL;
}

static void in_thread(void (*const *step)(void))
{
    pthread_t thread;
    pthread_create(&thread, NULL, call, (void *)step);
    pthread_join(thread, NULL);
}

/* By main or by another thread first, and then the other way round. */
static int run_case(int number, bool by_main)
{
    void (*const *first)(void) = &cases[number].first,
                 (*const *second)(void) = &cases[number].second;
    pthread_t others[OTHERS];
    sem_init(&end, 0, 0);
    sem_init(&settled, 0, 0);
    for (int i = 0; i < OTHERS; i++)
        pthread_create(&others[i], NULL, i == 0 ? compute : park, NULL);
    for (int i = 0; i < OTHERS; i++)
        sem_wait(&settled);
    if (by_main)
        (*first)();
    else
        in_thread(first);
    if (by_main)
        in_thread(second);
    else
        (*second)();
    if (by_main)
        (*first)();
    else
        in_thread(first);
    stop = true;
    for (int i = 0; i < OTHERS; i++)
        sem_post(&end);
    for (int i = 0; i < OTHERS; i++)
        pthread_join(others[i], NULL);
    return 0;
}

static void run_in_process(int number, bool by_main)
{
    char text[12];
    char *argv[] = { "ids_dropped", text, by_main ? "main" : "thread", NULL };
    pid_t pid;
    int status = -1;
    snprintf(text, sizeof text, "%d", number);
    printf("%s, first by %s\n", cases[number].name, argv[2]);
    fflush(stdout);
    SAY(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ));
    waitpid(pid, &status, 0);
    SAY_NUMBER(status);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return run_case(atoi(argv[1]), strcmp(argv[2], "main") == 0);
    if (geteuid() != 0 || setgroups(0, NULL) != 0) {
        puts("only root changes ids for good");
        return SKIPPED;
    }
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        run_in_process(i, true);
        run_in_process(i, false);
    }
    return 0;
}
