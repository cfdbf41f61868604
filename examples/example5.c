/* A Queue: one process puts squares in, another prints them until it is empty. */
#include <hayfork.h>
#include <stdio.h>

static int square_list(void *arg)
{
        for (int number = 1; number <= 4; number++) {
                int square = number * number;
                if (hay_queue_put(arg, &square, sizeof(square), HAY_FOREVER) < 0)
                        return 1;
        }
        return 0;
}

static int print_queue(void *arg)
{
        int square;
        printf("Queue elements:\n");
        while (hay_queue_empty(arg) == 0) {
                if (hay_queue_get(arg, &square, sizeof(square), NULL, HAY_FOREVER) < 0)
                        return 1;
                printf("%d\n", square);
        }
        printf("Queue is now empty!\n");
        return 0;
}

int main(void)
{
        hay_queue *queue;
        hay_process *p1, *p2;

        if (hay_queue_new(&queue, NULL) < 0 || hay_process_start(&p1, square_list, queue, NULL) < 0)
                return 1;
        hay_process_join(p1, HAY_FOREVER, NULL);
        if (hay_process_start(&p2, print_queue, queue, NULL) < 0)
                return 1;
        hay_process_join(p2, HAY_FOREVER, NULL);
        return 0;
}
