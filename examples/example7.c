/* The race, mended: a Lock is held from the reading to the writing; the balance is always 100. */
#include <hayfork.h>
#include <stdio.h>

struct account {
        hay_lock lock;
        int balance;
};

static int withdraw(void *arg)
{
        struct account *account = arg;
        for (int i = 0; i < 10000; i++) {
                if (hay_lock_acquire(&account->lock, HAY_FOREVER) < 0)
                        return 1;
                account->balance = account->balance - 1;
                hay_lock_release(&account->lock);
        }
        return 0;
}

static int deposit(void *arg)
{
        struct account *account = arg;
        for (int i = 0; i < 10000; i++) {
                if (hay_lock_acquire(&account->lock, HAY_FOREVER) < 0)
                        return 1;
                account->balance = account->balance + 1;
                hay_lock_release(&account->lock);
        }
        return 0;
}

static int perform_transactions(void)
{
        struct account *account = hay_new(struct account);
        hay_process *p1, *p2;

        if (!account)
                return 1;
        account->balance = 100;
        if (hay_process_start(&p1, withdraw, account, NULL) < 0 ||
            hay_process_start(&p2, deposit, account, NULL) < 0)
                return 1;
        hay_process_join(p1, HAY_FOREVER, NULL);
        hay_process_join(p2, HAY_FOREVER, NULL);
        printf("Final balance = %d\n", account->balance);
        hay_free(account);
        return 0;
}

int main(void)
{
        for (int trial = 0; trial < 10; trial++)
                if (perform_transactions())
                        return 1;
        return 0;
}
