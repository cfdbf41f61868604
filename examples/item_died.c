/* A worker of a pool is killed in a task: that item fails, by name, and all others have their results. */
#include <hayfork.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ITEMS 6

static int root(const void *in, void *out, void *arg)
{
        int number = *(const int *)in;
        (void)arg;
        if (number == 9)
                raise(SIGKILL);
        for (int i = 0; i <= number; i++)
                if (i * i == number)
                        *(int *)out = i;
        return 0;
}

int main(void)
{
        int squares[ITEMS] = { 1, 4, 9, 16, 25, 36 };
        int roots[ITEMS] = { 0 };
        hay_pool *pool;
        struct hay_error error;
        if (hay_pool_new(&pool, &(struct hay_pool_options){ .workers = 2 }) < 0)
                return 1;
        struct hay_map map = { HAY_MAP(root, squares, roots, ITEMS) };
        int r = hay_pool_map(pool, &map, &error);
        if (r < 0)
                printf("item %zu: %s\n", error.index,
                       error.signal ? strsignal(error.signal) : error.message);
        for (int i = 0; i < ITEMS; i++)
                printf("%d ", roots[i]);
        squares[2] = 16;
        printf("\nonce more: %d\n", hay_pool_map(pool, &map, NULL));
        hay_pool_free(pool);
        return 0;
}
