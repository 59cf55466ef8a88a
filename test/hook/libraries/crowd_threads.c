/* A crowd of pthreads. It knows nothing of weft: natively and for `weft exec`. */
#include <pthread.h>
#include <string.h>

#include "crowd.h"

struct member {
    pthread_t thread;
    void (*fn)(size_t number);
    size_t number;
};

static void *run(void *arg)
{
    struct member *member = arg;
    member->fn(member->number);
    return NULL;
}

void crowd_run(size_t count, void (*fn)(size_t number))
{
    struct member *members = calloc(count, sizeof *members);
    MUST(members, "no memory");
    for (size_t i = 0; i < count; i++) {
        members[i].fn = fn;
        members[i].number = i;
        int rc = pthread_create(&members[i].thread, NULL, run, &members[i]);
        MUST(rc == 0, strerror(rc));
    }
    for (size_t i = 0; i < count; i++)
        pthread_join(members[i].thread, NULL);
    free(members);
}

int main(int argc, char **argv)
{
    return library(argc, argv);
}
