/* weft.h - write plain, blocking C and run it as a million tasks on every core.
 *
 * This header brings in all of the library; each capability also has a header
 * of its own below weft/. They compile as C99, C11 and C++17.
 *
 * ENVIRONMENT
 *
 * These fill in what weft_config (weft/runtime.h) leaves open. An empty variable is none. With
 * a value that is not understood weft_run() and weft_start() say so on stderr and return
 * -EINVAL. Numbers are decimal, or hexadecimal after 0x; sizes may end in K, M or G.
 *
 *     WEFT_WORKERS               how many tasks run at the same time, 1 to 1024
 *     WEFT_STACK_SIZE            of a task, 32K to 1G
 *     WEFT_SEED                  above 0: one worker, a random order, fixed by it
 *     WEFT_BLOCKING_THREADS      calls that block at the same time, 1 to 65536
 *     WEFT_BLOCKING_DNS_THREADS  such as look names up, 1 to 65536
 *     WEFT_BLOCKING_STACK_SIZE   of their threads, 32K to 1G
 *     WEFT_FILES                 "pool": no io_uring (weft/file.h); "ring": if there is one
 *     WEFT_WATCHDOG              "500": name tasks that do not suspend for so many
 *                                milliseconds (weft/observe.h); "500,interrupt"; 0: off
 *
 * What programs under `weft exec` obey beside: weft(1). */
#ifndef WEFT_H
#define WEFT_H

#include <weft/actor.h>
#include <weft/barrier.h>
#include <weft/blocking.h>
#include <weft/channel.h>
#include <weft/cleanup.h>
#include <weft/common.h>
#include <weft/dir.h>
#include <weft/event.h>
#include <weft/file.h>
#include <weft/file_watch.h>
#include <weft/future.h>
#include <weft/gather.h>
#include <weft/group.h>
#include <weft/io.h>
#include <weft/limiter.h>
#include <weft/local.h>
#include <weft/mailbox.h>
#include <weft/mutex.h>
#include <weft/net.h>
#include <weft/observe.h>
#include <weft/once.h>
#include <weft/parallel.h>
#include <weft/pool.h>
#include <weft/process.h>
#include <weft/process_pool.h>
#include <weft/queue.h>
#include <weft/runtime.h>
#include <weft/rwlock.h>
#include <weft/scope.h>
#include <weft/select.h>
#include <weft/semaphore.h>
#include <weft/signal.h>
#include <weft/strand.h>
#include <weft/submit.h>
#include <weft/supervisor.h>
#include <weft/task.h>
#include <weft/time.h>
#include <weft/wait_group.h>

#endif
