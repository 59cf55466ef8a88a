#include "suite.h"

#include "os/signal_mask.h"

TEST(all_but_what_a_thread_does_to_itself_is_blocked)
{
    sigset_t before, now, again;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    weft__signals_block(&before);
    for (int number = 1; number < 32; number++)
        ck_assert_int_eq(sigismember(&before, number), sigismember(&now, number));
    pthread_sigmask(SIG_SETMASK, &before, &again);
    ck_assert(sigismember(&again, SIGTERM) && sigismember(&again, SIGCHLD));
    ck_assert(!sigismember(&again, SIGSEGV) && !sigismember(&again, SIGABRT));
}
