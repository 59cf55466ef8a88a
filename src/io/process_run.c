/* A program from its beginning to its end. One loop does it all, so that no task is needed
 * besides the caller, who may be a plain thread, and without a runtime. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/operation.h"
#include "io/process.h"
#include "os/error.h"
#include "weft/io.h"
#include "weft/scope.h"

#define FIRST_ROOM ((size_t)4096)
#define GRACE WEFT_S(1)

struct exchange {
    weft_process *process;
    const char *input;
    size_t input_left;
    size_t limit, room[2]; /* of output, without the zero byte */
    weft_process_result *result;
};

/* The program has closed its end, or ended: nobody wants to hear of that, and no SIGPIPE
 * shall come of it, which only threads of the runtime block. */
static ssize_t write_quietly(int fd, const void *data, size_t size)
{
    static const struct timespec now = { 0, 0 };
    sigset_t pipe, before, pending;
    weft__critical_enter(); /* no handler that sleeps: this is about one OS thread */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    sigpending(&pending);
    ssize_t n = write(fd, data, size);
    int error = n < 0 ? weft__error() : 0;
    if (error == EPIPE && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    weft__critical_leave();
    return error ? -error : n;
}

static void feed(struct exchange *exchange)
{
    int kept = weft__error(), fd = weft_process_fd(exchange->process, 0);
    ssize_t n = write_quietly(fd, exchange->input, exchange->input_left);
    weft__error_set(kept);
    if (n > 0) {
        exchange->input += n;
        exchange->input_left -= (size_t)n;
    }
    if (exchange->input_left == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
        weft_process_close(exchange->process, 0);
}

/* More room, up to the limit. False: memory is out. */
static bool grow(weft_process_output *output, size_t *room, size_t limit)
{
    size_t wanted = *room ? 2 * *room : FIRST_ROOM;
    if (wanted > limit)
        wanted = limit;
    char *data = realloc(output->data, wanted + 1);
    if (!data)
        return false;
    output->data = data;
    *room = wanted;
    return true;
}

/* 0 or -ENOMEM. */
static int collect(struct exchange *exchange, int number)
{
    char dropped[4096];
    weft_process_output *output = number == 1 ? &exchange->result->out : &exchange->result->err;
    size_t *room = &exchange->room[number - 1];
    if (output->size == *room && *room < exchange->limit && !grow(output, room, exchange->limit))
        return -ENOMEM;
    bool full = output->size == *room;
    int kept = weft__error(), fd = weft_process_fd(exchange->process, number);
    ssize_t n = full ? read(fd, dropped, sizeof dropped)
                     : read(fd, output->data + output->size, *room - output->size);
    bool later = n < 0 && (weft__error() == EAGAIN || weft__error() == EINTR);
    weft__error_set(kept);
    if (n <= 0 && !later)
        weft_process_close(exchange->process, number);
    if (n > 0 && full)
        output->truncated = true;
    else if (n > 0)
        output->size += (size_t)n;
    return 0;
}

/* What can go on of the three. 0 or -ENOMEM. */
static int move(struct exchange *exchange, const struct pollfd fds[3])
{
    int rc = 0;
    if (fds[0].revents)
        feed(exchange);
    for (int i = 1; rc == 0 && i < 3; i++) {
        if (fds[i].revents)
            rc = collect(exchange, i);
    }
    return rc;
}

/* Until all pipes are closed, and then until the process has ended. */
static int communicate(struct exchange *exchange)
{
    weft_process *process = exchange->process;
    int rc;
    do {
        struct pollfd fds[3];
        if (exchange->input_left == 0)
            weft_process_close(process, 0);
        for (int i = 0; i < 3; i++)
            fds[i] = (struct pollfd){ .fd = process->fds[i], .events = i ? POLLIN : POLLOUT };
        if (fds[0].fd < 0 && fds[1].fd < 0 && fds[2].fd < 0)
            return weft_process_wait(process, &exchange->result->status);
        weft__operation_spend();
        rc = weft_poll(fds, 3);
        if (rc > 0)
            rc = move(exchange, fds);
    } while (rc == 0);
    return rc;
}

/* What it writes in its time of grace is collected as well. */
static void cut_short(struct exchange *exchange, int64_t grace)
{
    weft_scope shield;
    weft_process_signal(exchange->process, SIGTERM);
    weft_scope_enter_shielded(&shield, weft_after(grace ? grace : GRACE));
    communicate(exchange);
    weft_scope_leave(&shield);
    weft_process_signal(exchange->process, SIGKILL);
    weft__process_await(exchange->process, &exchange->result->status);
}

static void complete(weft_process_output *output)
{
    if (output->size) {
        output->data[output->size] = 0;
    } else {
        free(output->data);
        output->data = NULL;
    }
}

int weft_process_run(const weft_process_spec *spec, const void *input, size_t input_size,
                     size_t limit, weft_process_result *ret_result)
{
    struct exchange exchange = {
        .input = input, .input_left = input_size, .limit = limit, .result = ret_result
    };
    memset(ret_result, 0, sizeof *ret_result);
    if (input_size && spec->in.kind != WEFT_STDIO_PIPE)
        return -EINVAL;
    int rc = weft_checkpoint();
    if (rc == 0)
        rc = weft_process_spawn(spec, &exchange.process);
    if (rc)
        return rc;
    rc = communicate(&exchange);
    if (rc)
        cut_short(&exchange, spec->grace);
    complete(&ret_result->out);
    complete(&ret_result->err);
    weft_process_destroy(exchange.process);
    return rc;
}

void weft_process_result_clear(weft_process_result *result)
{
    free(result->out.data);
    free(result->err.data);
    memset(result, 0, sizeof *result);
}
