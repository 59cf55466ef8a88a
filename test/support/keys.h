/* keys.h - a process whose pthread keys are all in use. */
#ifndef WEFT_TEST_KEYS_H
#define WEFT_TEST_KEYS_H

#include <check.h>
#include <pthread.h>

/* Takes all that are left. Returns one of them: deleting it leaves one. */
static inline pthread_key_t take_all_keys(void)
{
    pthread_key_t key, last;
    ck_assert_int_eq(pthread_key_create(&last, NULL), 0);
    while (pthread_key_create(&key, NULL) == 0)
        last = key;
    return last;
}

#endif
