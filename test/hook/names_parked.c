/* Only under weft exec, with slow_names.c: threads that wait for names hold no carrier,
 * and no more helpers than there may be. */
#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "say.h"

#define THREADS 100
#define HELPERS 16
#define WORKERS 2 /* in meson.build */

static atomic_int answered;

static void *ask(void *unused)
{
    struct addrinfo *list;
    if (getaddrinfo("somewhere", "1", NULL, &list) == EAI_AGAIN)
        answered++;
    return unused;
}

/* weft-0 and so on. */
static int carriers(void)
{
    char path[300], name[32];
    int count = 0, number;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        count += file && fgets(name, sizeof name, file) && sscanf(name, "weft-%d", &number) == 1;
        if (file)
            fclose(file);
    }
    closedir(tasks);
    return count;
}

int main(void)
{
    pthread_t threads[THREADS];
    atomic_int *asked = dlsym(RTLD_DEFAULT, "slow_names_asked");
    atomic_int *known = dlsym(RTLD_DEFAULT, "slow_names_known");
    int before;
    while ((before = carriers()) < WORKERS) /* each names itself */
        usleep(1000);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, ask, NULL);
    while (*asked < HELPERS)
        usleep(1000);
    usleep(100000); /* time for more than that, if there were */
    int under_way = *asked, after = carriers();
    atomic_store(known, 1);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("1..3\n%sok 1 - %d look-ups at once\n", under_way == HELPERS ? "" : "not ", under_way);
    printf("%sok 2 - %d carriers before, %d meanwhile\n", after <= before + 1 ? "" : "not ", before,
           after);
    printf("%sok 3 - %d answers\n", answered == THREADS && *asked == THREADS ? "" : "not ",
           answered);
    return 0;
}
