/* What a dump says of tasks that wait with pthread mutexes locked, in debug builds. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <weft.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, kept = PTHREAD_MUTEX_INITIALIZER,
                       other = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static weft_event go = WEFT_EVENT_INIT;
static int ready;

static int wait_with_one(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&kept);
    weft_event_wait(&go); /* another one unlocks it meanwhile */
    return 0;
}

static int wait_with_two(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&other);
    pthread_mutex_lock(&recursive);
    pthread_mutex_lock(&recursive);
    weft_event_wait(&go);
    pthread_mutex_unlock(&recursive);
    pthread_mutex_unlock(&recursive);
    pthread_mutex_unlock(&other);
    return 0;
}

static int wait_for_condition(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (!ready)
        pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    return 0;
}

static int wait_without(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    weft_event_wait(&go);
    return 0;
}

static int unlock_for_another(void *unused)
{
    (void)unused;
    pthread_mutex_unlock(&kept);
    return 0;
}

static const char *dump(void)
{
    static char text[8192];
    FILE *file = tmpfile();
    weft_dump(fileno(file));
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

/* As soon as all wait. */
static void say(void)
{
    static const char *const names[] = { "'wait_with_one'", "'wait_with_two'",
                                         "'wait_for_condition'", "'wait_without'" };
    const char *text;
    do {
        weft_yield();
        text = dump();
    } while (strstr(text, "runnable"));
    for (int i = 0; i < 4; i++) {
        const char *line = strstr(text, names[i]);
        const char *held = line ? strstr(line, ", holds ") : NULL;
        int count = 0;
        if (held && held < strchr(line, '\n'))
            sscanf(held, ", holds %d pthread mutex", &count);
        printf("%s holds %d\n", line ? names[i] : "nobody", count);
    }
}

static int run(void *unused)
{
    weft_attr thread = { .flags = weft_virtual_thread_refusal() ? 0 : WEFT_VIRTUAL_THREAD };
    weft_task *tasks[4], *another;
    (void)unused;
    weft_spawn_with(&thread, wait_with_two, NULL, &tasks[0]);
    weft_spawn(wait_for_condition, NULL, &tasks[1]);
    weft_spawn(wait_without, NULL, &tasks[2]);
    weft_spawn(wait_with_one, NULL, &tasks[3]);
    say();
    weft_spawn(unlock_for_another, NULL, &another);
    weft_join(another, NULL);
    printf("now that one has unlocked what another had locked, nobody knows:\n");
    say();
    ready = 1;
    pthread_cond_signal(&cond);
    weft_event_set(&go);
    for (int i = 0; i < 4; i++)
        weft_join(tasks[i], NULL);
    return 0;
}

int main(void)
{
    weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
    return weft_run(&config, run, NULL);
}
