/* workshop - two threads put in work, tasks do it, two threads take what has been made.
 *
 * One queue is shared by threads and tasks on either side, which is all the same to it.
 * The most urgent orders are done first, as soon as there is a choice. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <weft.h>

#define ORDERS 500 /* of each customer */
#define WORKERS 8

struct order {
    int urgency, number;
};
WEFT_QUEUE(orders, struct order);
WEFT_QUEUE(parcels, long);

static orders *in;
static parcels *out;
static atomic_int received;
static atomic_long value;

static int more_urgent(const void *a, const void *b)
{
    const struct order *first = a, *second = b;
    return second->urgency - first->urgency;
}

static void *send_orders(void *customer)
{
    int first = customer ? ORDERS : 0;

    for (int i = first; i < first + ORDERS; i++)
        orders_put(in, (struct order){ i % 3, i });
    return NULL;
}

static void *receive_parcels(void *customer)
{
    long parcel;

    while (parcels_get(out, &parcel) == 0) {
        atomic_fetch_add(&received, 1);
        atomic_fetch_add(&value, parcel);
        parcels_task_done(out);
    }
    return customer;
}

static int work(void *unused)
{
    struct order order;

    (void)unused;
    while (orders_get(in, &order) == 0) {
        parcels_put(out, 2L * order.number);
        orders_task_done(in); /* only now: its parcel is on the way */
    }
    return 0;
}

static int run_workshop(void)
{
    pthread_t threads[4];
    int count = 0;
    weft_group group;

    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < WORKERS; i++)
        weft_group_spawn(&group, work, NULL);
    for (intptr_t i = 0; i < 2; i++) {
        pthread_create(&threads[count++], NULL, send_orders, (void *)i);
        pthread_create(&threads[count++], NULL, receive_parcels, (void *)i);
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[2], NULL);
    printf("all is ordered\n");
    orders_join(in);
    parcels_join(out);
    printf("all is done: %d parcels, worth %ld\n", atomic_load(&received), atomic_load(&value));
    orders_shutdown(in, false);
    parcels_shutdown(out, false);
    pthread_join(threads[1], NULL);
    pthread_join(threads[3], NULL);
    return weft_group_leave(&group);
}

int main(void)
{
    const weft_queue_attr attr = { .order = WEFT_QUEUE_PRIORITY, .compare = more_urgent };

    if (orders_create(16, &attr, &in) != 0 || parcels_create(16, NULL, &out) != 0 ||
        weft_start(NULL) != 0)
        return 1;
    int rc = run_workshop();
    weft_stop();
    orders_destroy(in);
    parcels_destroy(out);
    return rc;
}
