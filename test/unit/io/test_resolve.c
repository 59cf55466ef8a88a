#include "suite.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "sync.h"

static int look_up_numbers(void *unused)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME };
    struct addrinfo *list = NULL;
    char text[64];
    (void)unused;
    ck_assert_int_eq(weft_getaddrinfo("127.0.0.1", "80", &hints, &list), 0);
    ck_assert_ptr_null(list->ai_next);
    ck_assert_int_eq(list->ai_family, AF_INET);
    ck_assert_int_eq(list->ai_socktype, SOCK_STREAM);
    ck_assert_str_eq(list->ai_canonname, "127.0.0.1");
    weft_address_format(list->ai_addr, list->ai_addrlen, text, sizeof text);
    ck_assert_str_eq(text, "127.0.0.1:80");
    weft_freeaddrinfo(list);
    ck_assert_int_eq(weft_getaddrinfo("127.0.0.1", NULL, NULL, &list), 0);
    ck_assert_ptr_null(list->ai_canonname);
    ck_assert_ptr_nonnull(list->ai_next); /* each kind of socket */
    ck_assert_ptr_ne(list->ai_addr, list->ai_next->ai_addr);
    weft_freeaddrinfo(list);
    weft_freeaddrinfo(NULL);
    return 0;
}

TEST(numbers_need_no_look_up)
{
    run_mixed(look_up_numbers);
    ck_assert_int_eq(look_up_numbers(NULL), 0); /* without a runtime */
}

static int look_up_localhost(void *unused)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list = NULL;
    (void)unused;
    ck_assert_int_eq(weft_getaddrinfo("localhost", "7", &hints, &list), 0);
    const struct sockaddr_in *address = (const void *)list->ai_addr;
    ck_assert_int_eq(address->sin_family, AF_INET);
    ck_assert_int_eq(ntohl(address->sin_addr.s_addr) >> 24, 127);
    ck_assert_int_eq(ntohs(address->sin_port), 7);
    weft_freeaddrinfo(list);
    return 0;
}

static int crowd_looks_up(void *unused)
{
    struct crowd crowd;
    (void)unused;
    crowd_start(&crowd, look_up_localhost, NULL);
    crowd_join(&crowd);
    return 0;
}

TEST(many_look_up_the_same)
{
    run_mixed(crowd_looks_up);
    ck_assert_int_eq(look_up_localhost(NULL), 0); /* without a runtime */
}

static int look_up_nonsense(void *unused)
{
    struct addrinfo service = { .ai_socktype = SOCK_STREAM }, bad = { .ai_flags = -1 },
                    *list = NULL;
    (void)unused;
    ck_assert_int_eq(weft_getaddrinfo("127.0.0.1", "no-such-service", &service, &list), -EINVAL);
    ck_assert_int_eq(weft_getaddrinfo("127.0.0.1", NULL, &bad, &list), -EINVAL);
    ck_assert_int_eq(weft_getaddrinfo(NULL, NULL, NULL, &list), -ENOENT);
    ck_assert_ptr_null(list);
    return 0;
}

TEST(what_cannot_be_found_is_an_error)
{
    run_mixed(look_up_nonsense);
}
