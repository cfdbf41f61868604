/* A process is killed with a message in its hands. A plain queue counts it as lost; a joinable one
 * delivers it again, to somebody else. */
#include <hayfork.h>

#include <signal.h>
#include <stdio.h>

static hay_queue *orders;

/* The first one does not get far. */
static int do_one(void *arg)
{
        int number;
        (void)arg;
        if (hay_queue_get(orders, &number, sizeof(number), NULL, HAY_FOREVER) < 0)
                return 1;
        raise(SIGKILL);
        return 0;
}

static int do_all(void *arg)
{
        int number;
        int r;
        (void)arg;
        while ((r = hay_queue_get(orders, &number, sizeof(number), NULL, HAY_FOREVER)) >= 0) {
                /* Who had it before may have begun: what was done may have to be found out. */
                printf("order %d%s\n", number, r == HAY_REDELIVERED ? ", again" : "");
                hay_queue_task_done(orders);
        }
        return 0;
}

/* Take a message without a copy: until its release it is lost with its taker, and counted. */
static int take_one(void *arg)
{
        struct hay_message message;
        (void)arg;
        if (hay_queue_take(orders, &message, HAY_FOREVER) < 0)
                return 1;
        raise(SIGKILL);
        return hay_message_release(&message);
}

static int run(int (*body)(void *arg))
{
        hay_process *worker;
        int r = hay_process_start(&worker, body, NULL, NULL);
        return r < 0 ? r : hay_process_join(worker, HAY_FOREVER, NULL);
}

static int open_orders(bool joinable)
{
        int r = hay_queue_new(&orders, &(struct hay_queue_options){ .joinable = joinable });
        for (int number = 1; r >= 0 && number <= 3; number++)
                r = hay_queue_put(orders, &number, sizeof(number), HAY_FOREVER);
        return r;
}

int main(void)
{
        if (open_orders(true) < 0 || run(do_one) < 0)
                return 1;
        hay_process *worker;
        if (hay_process_start(&worker, do_all, NULL, NULL) < 0)
                return 1;
        if (hay_queue_join(orders, hay_in_ms(10000)) < 0)
                return 1;
        printf("all are done\n");
        hay_queue_close(orders);
        hay_process_join(worker, HAY_FOREVER, NULL);
        hay_queue_free(orders);

        if (open_orders(false) < 0 || run(take_one) < 0)
                return 1;
        printf("left in a plain queue: %zd, lost: %llu\n", hay_queue_size(orders),
               (unsigned long long)hay_queue_lost(orders));
        hay_queue_free(orders);
        return 0;
}
