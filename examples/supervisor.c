/* supervisor - a bakery that goes on. The baker burns himself now and then, and is started
 * again. The orders are in a mailbox that is not his, so he finds them where he has left
 * them: an order that was taken is baked.
 *
 * The oven fails too often: the kitchen, which is its supervisor, gives up, and is started
 * again by its own.
 *
 * The clock is virtual: the minutes pass at once, when nobody has anything to do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft.h>

struct order {
    int number;
    bool urgent;
};
WEFT_MAILBOX(orders, struct order);

static bool is_urgent(const struct order *order, void *unused)
{
    (void)unused;
    return order->urgent;
}

/* What is urgent first, then the oldest. After three he has had enough. */
static int bake(void *arg)
{
    orders *box = arg;
    struct order order;
    int rc = 0;

    for (int baked = 0; baked < 3 && rc == 0; baked++) {
        rc = orders_try_receive_match(box, is_urgent, NULL, &order);
        if (rc)
            rc = orders_receive(box, &order);
        if (rc)
            return rc == -EPIPE ? 0 : rc; /* no more will come, or he was stopped */
        printf("  order %d is baked%s\n", order.number, order.urgent ? ", the urgent one" : "");
        rc = weft_sleep(WEFT_S(60));
    }
    return rc ? rc : -EIO;
}

static int heat(void *failures)
{
    int rc = weft_sleep(--*(int *)failures >= 0 ? WEFT_S(50) : WEFT_NEVER);

    return rc ? rc : -EIO;
}

static void tell(const weft_supervisor_event *event)
{
    static const char *const what[] = {
        [WEFT_CHILD_STARTED] = "starts",
        [WEFT_CHILD_ENDED] = "ends",
        [WEFT_CHILD_REFUSES] = "refuses to end",
        [WEFT_SUPERVISOR_GIVES_UP] = "is given up",
    };
    static const char *const how[] = { [WEFT_END_NORMAL] = ", done",
                                       [WEFT_END_FAILED] = ", failed",
                                       [WEFT_END_CANCELLED] = ", stopped" };

    printf("%s: %s %s%s\n", event->supervisor, event->child, what[event->kind],
           event->kind == WEFT_CHILD_ENDED ? how[event->reason] : "");
}

static int run_supervisor(void *supervisor)
{
    return weft_supervisor_run(supervisor);
}

static int run(void *unused)
{
    int failures = 4;
    orders *box;
    weft_supervisor *supervisor;
    weft_group group;

    (void)unused;
    if (orders_create(16, &box))
        return -ENOMEM;
    weft_child_spec in_kitchen[] = { { .name = "oven", .fn = heat, .arg = &failures } };
    weft_supervisor_spec kitchen = {
        .name = "kitchen",
        .children = in_kitchen,
        .count = 1,
        .max_restarts = 2,
        .period = WEFT_S(600),
        .on_event = tell,
    };
    weft_child_spec in_shop[] = {
        { .name = "kitchen", .fn = weft_supervise, .arg = &kitchen, .flags = WEFT_CHILD_STARTS },
        { .name = "baker", .fn = bake, .arg = box, .restart = WEFT_TRANSIENT },
    };
    weft_supervisor_spec shop = {
        .name = "shop",
        .children = in_shop,
        .count = 2,
        .on_event = tell,
    };
    if (weft_supervisor_create(&shop, &supervisor))
        return -ENOMEM;

    weft_group_enter(&group, WEFT_NEVER);
    weft_group_spawn(&group, run_supervisor, supervisor);
    for (int i = 1; i <= 7; i++)
        orders_send(box, (struct order){ i, i == 6 });
    orders_close(box);
    weft_sleep(WEFT_S(3600));
    weft_supervisor_stop(supervisor);
    int rc = weft_group_leave(&group);
    weft_supervisor_destroy(supervisor);
    printf("%zu orders are left\n", orders_destroy(box));
    return rc;
}

int main(void)
{
    weft_config config = { .flags = WEFT_VIRTUAL_CLOCK };

    return weft_run(&config, run, NULL) == 0 ? 0 : 1;
}
