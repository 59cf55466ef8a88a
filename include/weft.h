/* weft.h - write plain, blocking C and run it as a million tasks on every core.
 *
 * This header brings in all of the library; each capability also has a header
 * of its own below weft/. They compile as C99, C11 and C++17. */
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
