/* skynet.c - a tree of tasks, ten children each, that add up their leaves' numbers. */
#include <weft.h>

#include "bench.h"

#define CHILDREN 10

struct node {
    int64_t first;
    int64_t leaves;
    int64_t sum;
};

static int run_node(void *arg)
{
    struct node *node = arg;
    if (node->leaves == 1) {
        node->sum = node->first;
        return 0;
    }
    struct node children[CHILDREN];
    weft_task *tasks[CHILDREN];
    int64_t share = node->leaves / CHILDREN;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = (struct node){ .first = node->first + i * share, .leaves = share };
        must(weft_spawn(run_node, &children[i], &tasks[i]));
    }
    node->sum = 0;
    for (int i = 0; i < CHILDREN; i++) {
        must(weft_join(tasks[i], NULL));
        node->sum += children[i].sum;
    }
    return 0;
}

struct sample skynet(const struct load *load)
{
    struct node root = { .leaves = CHILDREN };
    weft_task *task;
    while (root.leaves * CHILDREN <= (int64_t)load_count(load, 1000000))
        root.leaves *= CHILDREN;
    struct meter meter = meter_start();
    must(weft_spawn(run_node, &root, &task));
    must(weft_join(task, NULL));
    struct sample sample = meter_millis(&meter, (size_t)root.leaves);
    check(root.sum == root.leaves * (root.leaves - 1) / 2, "wrong sum");
    return sample;
}
