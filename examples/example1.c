/* Two processes, side by side: one prints a square, the other a cube. */
#include <hayfork.h>
#include <stdio.h>

static int print_square(void *arg)
{
        int number = *(int *)arg;
        printf("Square: %d\n", number * number);
        return 0;
}

static int print_cube(void *arg)
{
        int number = *(int *)arg;
        printf("Cube: %d\n", number * number * number);
        return 0;
}

int main(void)
{
        int number = 10;
        hay_process *p1, *p2;

        if (hay_process_start(&p1, print_square, &number, NULL) < 0 ||
            hay_process_start(&p2, print_cube, &number, NULL) < 0)
                return 1;
        hay_process_join(p1, HAY_FOREVER, NULL);
        hay_process_join(p2, HAY_FOREVER, NULL);
        printf("Done!\n");
        return 0;
}
