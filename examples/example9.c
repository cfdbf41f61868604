/* All at once: the squares of a list, by a Pool of workers. */
#include "list.h"

#include <hayfork.h>
#include <unistd.h>

static int square(const void *in, void *out, void *arg)
{
        (void)arg;
        int number = *(const int *)in;
        printf("Worker process id for %d: %d\n", number, getpid());
        *(int *)out = number * number;
        return 0;
}

int main(void)
{
        int numbers[] = { 1, 2, 3, 4, 5 }, result[5];
        hay_pool *pool;

        if (hay_pool_new(&pool, NULL) < 0 ||
            hay_pool_map(pool, &(struct hay_map){ HAY_MAP(square, numbers, result, 5) }, NULL) < 0)
                return 1;
        hay_pool_close(pool);
        hay_pool_join(pool, HAY_FOREVER);
        print_list("Squares", result, 5);
        hay_pool_free(pool);
        return 0;
}
