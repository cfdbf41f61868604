/* What is shared on purpose: an Array and a Value, filled by the child, read by the parent. */
#include "list.h"

#include <hayfork.h>

static const int numbers[] = { 1, 2, 3, 4 };
static hay_array *result;
static int *square_sum;

static int square_list(void *arg)
{
        (void)arg;
        int *squares = hay_array_data(result);
        for (int i = 0; i < 4; i++) {
                squares[i] = numbers[i] * numbers[i];
                *square_sum += squares[i];
        }
        print_list("Result (in process p1)", squares, 4);
        printf("Sum of squares (in process p1): %d\n", *square_sum);
        return 0;
}

int main(void)
{
        hay_process *p1;

        square_sum = hay_new(int);
        if (!square_sum ||
            hay_array_new(&result, &(struct hay_array_options){ .type = HAY_INT, .length = 4 }) <
                    0 ||
            hay_process_start(&p1, square_list, NULL, NULL) < 0)
                return 1;
        hay_process_join(p1, HAY_FOREVER, NULL);
        print_list("Result (in main program)", hay_array_data(result), 4);
        printf("Sum of squares (in main program): %d\n", *square_sum);
        return 0;
}
