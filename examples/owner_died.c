/* A process is killed while it holds a lock. Who takes the lock next is told, and mends what it
 * guards. */
#include <hayfork.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define SHELVES 4

struct stock {
        hay_lock lock; /* guards what follows */
        int shelf[SHELVES];
        int total; /* always the sum of the shelves, while nobody holds the lock */
};
static struct stock *stock;

/* Take the lock; what it guards is in order then. */
static int enter(void)
{
        int r = hay_lock_acquire(&stock->lock, hay_in_ms(10000));
        if (r == HAY_OWNER_DIED) {
                /* We hold it, but its last owner died within: rebuild what follows from the rest. */
                printf("the owner died: total %d, ", stock->total);
                stock->total = 0;
                for (int i = 0; i < SHELVES; i++)
                        stock->total += stock->shelf[i];
                printf("mended: %d\n", stock->total);
                return 0;
        }
        return r;
}

static int deliver(void *arg)
{
        int shelf = *(int *)arg;
        if (enter() < 0)
                return 1;
        stock->shelf[shelf] += 5;
        if (shelf == 3)
                raise(SIGKILL); /* as the kernel does when memory runs out */
        stock->total += 5;
        hay_lock_release(&stock->lock);
        return 0;
}

int main(void)
{
        stock = hay_new(struct stock);
        if (!stock)
                return 1;
        for (int shelf = 0; shelf < SHELVES; shelf++) {
                hay_process *carrier;
                struct hay_exit end;
                if (hay_process_start(&carrier, deliver, &shelf, NULL) < 0)
                        return 1;
                hay_process_join(carrier, HAY_FOREVER, &end);
                printf("carrier %d: %s\n", shelf, end.signal ? strsignal(end.signal) : "done");
        }
        if (enter() < 0)
                return 1;
        printf("total: %d\n", stock->total);
        hay_lock_release(&stock->lock);
        return 0;
}
