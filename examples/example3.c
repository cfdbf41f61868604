/* Processes do not share memory: the child fills its own copy of the list. */
#include "list.h"

#include <hayfork.h>

static int result[4];
static int length;

static int square_list(void *arg)
{
        const int *numbers = arg;
        for (int i = 0; i < 4; i++)
                result[length++] = numbers[i] * numbers[i];
        print_list("Result (in process p1)", result, length);
        return 0;
}

int main(void)
{
        int numbers[] = { 1, 2, 3, 4 };
        hay_process *p1;

        if (hay_process_start(&p1, square_list, numbers, NULL) < 0)
                return 1;
        hay_process_join(p1, HAY_FOREVER, NULL);
        print_list("Result (in main program)", result, length);
        return 0;
}
