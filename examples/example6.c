/* The race: as many deposits as withdrawals, but the balance does not stay what it was. Between the
 * reading and the writing of one process the other one writes too, and one of both is lost. */
#include <hayfork.h>
#include <sched.h>
#include <stdio.h>

static int withdraw(void *arg)
{
        volatile int *balance = arg;
        for (int i = 0; i < 10000; i++) {
                int seen = *balance;
                sched_yield(); /* let the other in: C is so quick that they would rarely meet */
                *balance = seen - 1;
                sched_yield();
        }
        return 0;
}

static int deposit(void *arg)
{
        volatile int *balance = arg;
        for (int i = 0; i < 10000; i++) {
                int seen = *balance;
                sched_yield();
                *balance = seen + 1;
                sched_yield();
        }
        return 0;
}

static int perform_transactions(void)
{
        int *balance = hay_new(int);
        hay_process *p1, *p2;

        if (!balance)
                return 1;
        *balance = 100;
        if (hay_process_start(&p1, withdraw, balance, NULL) < 0 ||
            hay_process_start(&p2, deposit, balance, NULL) < 0)
                return 1;
        hay_process_join(p1, HAY_FOREVER, NULL);
        hay_process_join(p2, HAY_FOREVER, NULL);
        printf("Final balance = %d\n", *balance);
        hay_free(balance);
        return 0;
}

int main(void)
{
        for (int trial = 0; trial < 10; trial++)
                if (perform_transactions())
                        return 1;
        return 0;
}
