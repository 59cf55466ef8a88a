/* POSIX message queues: order, limits, waits of both sides, notification. */
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "fds.h"

#define SIZE 32
#define CAPACITY 4
#define RECEIVERS 4

static char name[32];
static mqd_t queue;
static sem_t called;
static atomic_int handled, received;
static pthread_t first;

static struct timespec now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

static mqd_t open_queue(int flags)
{
    struct mq_attr attr = { .mq_maxmsg = CAPACITY, .mq_msgsize = SIZE };
    return mq_open(name, flags, 0600, &attr);
}

static void put(const char *text, unsigned priority)
{
    if (mq_send(queue, text, strlen(text), priority) != 0)
        abort();
}

static void receive(void)
{
    char buf[SIZE + 1] = "";
    unsigned priority = 0;
    ssize_t n = mq_receive(queue, buf, SIZE, &priority);
    printf("received: %zd '%s' %u\n", n, buf, priority);
}

static void *send_later(void *text)
{
    usleep(A_WHILE);
    NOTE_CALL(mq_send(queue, text, strlen(text), 5));
    return NULL;
}

static void *receive_later(void *unused)
{
    char buf[SIZE];
    usleep(A_WHILE);
    NOTE_CALL(mq_receive(queue, buf, SIZE, NULL));
    return unused;
}

static void opening(void)
{
    snprintf(name, sizeof name, "/weft-test-%d", (int)getpid());
    SAY_CALL(open_queue(O_RDWR));
    SAY_CALL(mq_open("no-slash", O_RDWR));
    queue = open_queue(O_RDWR | O_CREAT | O_EXCL);
    SAY_NUMBER(queue >= 0);
    SAY_CALL(open_queue(O_RDWR | O_CREAT | O_EXCL));
    SAY_CALL(mq_unlink(name));
    SAY_CALL(mq_unlink(name));
}

static void order(void)
{
    struct mq_attr attr;
    put("low", 1);
    put("high", 9);
    put("middle", 4);
    put("high again", 9);
    mq_getattr(queue, &attr);
    SAY_NUMBER(attr.mq_curmsgs);
    for (int i = 0; i < 4; i++)
        receive();
}

static void set_blocking(bool blocking)
{
    struct mq_attr attr = { .mq_flags = blocking ? 0 : O_NONBLOCK };
    SAY_CALL(mq_setattr(queue, &attr, NULL));
}

static void limits(void)
{
    char buf[SIZE * 2] = "";
    struct timespec wrong = { 0, 1000000000 };
    SAY_CALL(mq_send(queue, buf, SIZE + 1, 0));
    SAY_CALL(mq_receive(queue, buf, SIZE - 1, NULL));
    SAY_CALL(mq_timedreceive(queue, buf, SIZE, NULL, &wrong));
    SAY_CALL(mq_send(queue, buf, 1, 1u << 30));
    set_blocking(false);
    SAY_CALL(mq_receive(queue, buf, SIZE, NULL));
    for (int i = 0; i < CAPACITY; i++)
        put("x", 0);
    SAY_CALL(mq_send(queue, "y", 1, 0));
    set_blocking(true);
    for (int i = 0; i < CAPACITY; i++)
        receive();
}

static void waits(void)
{
    char buf[SIZE];
    struct timespec until, begin = now();
    start(send_later, "awaited");
    receive();
    finish();
    for (int i = 0; i < CAPACITY; i++)
        put("x", 0);
    start(receive_later, NULL);
    SAY_CALL(mq_send(queue, "room", 4, 0));
    finish();
    begin = now();
    until = after_ms(CLOCK_REALTIME, 30);
    SAY_CALL(mq_timedsend(queue, "y", 1, 0, &until));
    SAY_NUMBER(took_ms(begin, 29));
    for (int i = 0; i < CAPACITY; i++)
        receive();
    begin = now();
    until = after_ms(CLOCK_REALTIME, 30);
    SAY_CALL(mq_timedreceive(queue, buf, SIZE, NULL, &until));
    SAY_NUMBER(took_ms(begin, 29));
    until = after_ms(CLOCK_REALTIME, 10000);
    start(send_later, "in time");
    SAY_CALL(mq_timedreceive(queue, buf, SIZE, NULL, &until));
    finish();
}

static void *receive_one(void *unused)
{
    char buf[SIZE];
    if (mq_receive(queue, buf, SIZE, NULL) == 3)
        received++;
    return unused;
}

static void crowd(void)
{
    pthread_t threads[RECEIVERS];
    for (int i = 0; i < RECEIVERS; i++)
        pthread_create(&threads[i], NULL, receive_one, NULL);
    usleep(A_WHILE);
    for (int i = 0; i < RECEIVERS; i++)
        put("one", 0);
    for (int i = 0; i < RECEIVERS; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(received);
}

/* A queue is a descriptor. */
static void readiness(void)
{
    struct pollfd readable = { .fd = queue, .events = POLLIN };
    struct epoll_event event = { EPOLLIN, { .fd = queue } };
    int set = epoll_create1(0);
    SAY_CALL(poll(&readable, 1, 0));
    start(send_later, "polled");
    SAY_CALL(poll(&readable, 1, -1));
    finish();
    SAY_NUMBER(readable.revents);
    receive();
    SAY_CALL(epoll_ctl(set, EPOLL_CTL_ADD, queue, &event));
    start(send_later, "found by epoll");
    SAY_CALL(epoll_wait(set, &event, 1, -1));
    finish();
    receive();
    close(set);
}

static void count(int number)
{
    (void)number;
    handled++;
}

static void call(union sigval with)
{
    (void)with;
    sem_post(&called);
}

static void wait_handled(int times)
{
    while (handled < times)
        usleep(1000);
    SAY_NUMBER(handled);
}

static void notification(void)
{
    struct sigevent signal_event = { .sigev_notify = SIGEV_SIGNAL,
                                     .sigev_signo = SIGUSR1,
                                     .sigev_value.sival_int = 17 };
    struct sigevent thread_event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = call };
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    SAY_CALL(mq_notify(queue, &signal_event));
    SAY_CALL(mq_notify(queue, &signal_event));
    start(send_later, "with a signal");
    SAY_CALL(sigwaitinfo(&set, &info) == SIGUSR1);
    finish();
    SAY_NUMBER(info.si_code == SI_MESGQ);
    SAY_NUMBER(info.si_value.sival_int);
    receive();
    signal(SIGUSR1, count);
    SAY_CALL(mq_notify(queue, &signal_event));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    put("handled", 0);
    wait_handled(1);
    receive();
    SAY_CALL(mq_notify(queue, &thread_event));
    start(send_later, "by a thread");
    SAY_CALL(sem_wait(&called));
    finish();
    receive();
    SAY_CALL(mq_notify(queue, &signal_event));
    SAY_CALL(mq_notify(queue, NULL));
    put("without", 0);
    receive();
    SAY_NUMBER(handled);
}

static void *interrupt(void *unused)
{
    usleep(A_WHILE);
    NOTE_CALL(pthread_kill(first, SIGUSR1));
    return unused;
}

static void interruption(void)
{
    struct sigaction action = { .sa_handler = count };
    char buf[SIZE];
    sigaction(SIGUSR1, &action, NULL);
    start(interrupt, NULL);
    SAY_CALL(mq_receive(queue, buf, SIZE, NULL));
    finish();
    SAY_NUMBER(handled);
}

static void *count_later(void *fd)
{
    usleep(A_WHILE);
    NOTE_CALL(eventfd_write(*(int *)fd, 1));
    return NULL;
}

/* Its number is an event counter's next. */
static void number_again(void)
{
    struct pollfd readable = { .fd = queue, .events = POLLIN };
    SAY_CALL(poll(&readable, 1, 10));
    SAY_CALL(mq_close(queue));
    readable.fd = eventfd(0, 0);
    SAY_NUMBER(readable.fd == queue);
    start(count_later, &readable.fd);
    SAY_CALL(poll(&readable, 1, 3000));
    finish();
    close(readable.fd);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    first = pthread_self();
    sem_init(&called, 0, 0);
    opening();
    order();
    limits();
    waits();
    crowd();
    readiness();
    notification();
    interruption();
    number_again();
    SAY_CALL(mq_send(queue, "closed", 6, 0));
    SAY_CALL(mq_close(queue));
    return 0;
}
