#include "suite.h"

#include "base/list.h"

struct item {
    int number;
    struct weft__list node;
};

static int number_of(struct weft__list *node)
{
    return weft__container_of(node, struct item, node)->number;
}

TEST(a_list_starts_empty)
{
    struct weft__list list;
    weft__list_init(&list);
    ck_assert(weft__list_empty(&list));
    ck_assert_ptr_null(weft__list_first(&list));

    struct weft__list constant = WEFT__LIST_INIT(constant);
    ck_assert(weft__list_empty(&constant));
}

TEST(nodes_come_first_in_first_out)
{
    struct weft__list list;
    struct item items[5];
    weft__list_init(&list);
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        weft__list_append(&list, &items[i].node);
    }
    for (int i = 0; i < 5; i++) {
        struct weft__list *first = weft__list_first(&list);
        ck_assert_ptr_nonnull(first);
        ck_assert_int_eq(number_of(first), i);
        weft__list_remove(first);
    }
    ck_assert(weft__list_empty(&list));
}

TEST(appending_to_a_node_inserts_before_it)
{
    struct weft__list list;
    struct item items[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
    weft__list_init(&list);
    weft__list_append(&list, &items[0].node);
    weft__list_append(&list, &items[2].node);
    weft__list_append(&items[2].node, &items[1].node);
    int expected = 0;
    for (struct weft__list *node = list.next; node != &list; node = node->next)
        ck_assert_int_eq(number_of(node), expected++);
    ck_assert_int_eq(expected, 3);
}

TEST(removing_from_the_middle_keeps_both_directions)
{
    struct weft__list list;
    struct item items[3];
    weft__list_init(&list);
    for (int i = 0; i < 3; i++)
        weft__list_append(&list, &items[i].node);
    weft__list_remove(&items[1].node);
    ck_assert_ptr_eq(list.next, &items[0].node);
    ck_assert_ptr_eq(items[0].node.next, &items[2].node);
    ck_assert_ptr_eq(items[2].node.prev, &items[0].node);
    ck_assert_ptr_eq(list.prev, &items[2].node);
}

TEST(removing_twice_does_no_harm)
{
    struct weft__list list;
    struct item items[2];
    weft__list_init(&list);
    weft__list_append(&list, &items[0].node);
    weft__list_append(&list, &items[1].node);
    weft__list_remove(&items[0].node);
    weft__list_remove(&items[0].node);
    ck_assert_ptr_eq(weft__list_first(&list), &items[1].node);
    ck_assert_ptr_eq(items[1].node.next, &list);
    ck_assert_ptr_eq(items[1].node.prev, &list);
}
