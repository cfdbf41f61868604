/* What a user's own program is: built against the installed headers and library alone, as C and as
 * C++ (scripts/check-install). */
#include <hayfork.h>

#include <stdio.h>

static int square(void *arg)
{
        long *number = (long *)arg;
        *number *= *number;
        return 7;
}

int main(int argc, char **argv)
{
        hay_main(argc, argv);
        long *number = hay_new(long);
        if (!number)
                return 1;
        *number = 12;
        hay_process *process;
        struct hay_exit end;
        if (hay_process_start(&process, square, number, NULL) < 0 ||
            hay_process_join(process, hay_in_s(10), &end) < 0)
                return 2;
        printf("%s %ld %d %d\n", hay_version(), *number, end.code, end.signal);
        hay_process_close(process);
        hay_free(number);
        return 0;
}
