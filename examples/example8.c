/* One after the other: the squares of a list, by this process alone. See example9. */
#include "list.h"

static int square(int number)
{
        return number * number;
}

int main(void)
{
        int numbers[] = { 1, 2, 3, 4, 5 }, result[5];

        for (int i = 0; i < 5; i++)
                result[i] = square(numbers[i]);
        print_list("Squares", result, 5);
        return 0;
}
