/* Rivals that take no time and claim some, so that the table is known beforehand. */
#include <kit.h>

static double steady(void *arg)
{
        return *(double *)arg;
}

/* 5 when the kit looks whether it can run at all, then 1, 2, 3, 4, 5, 1, … */
static double varying(void *arg)
{
        int *times = arg;
        return 1 + (*times)++ % 5;
}

int main(int argc, char **argv)
{
        static double one = 1, two = 2, never = -1;
        static int times = 4;
        static const struct rival rivals[] = {
                { "floor", steady, &one },
                { "half as fast", steady, &two },
                { "varying", varying, &times },
                { "of another machine", steady, &never },
        };
        static const struct bench benches[] = {
                { "Who is faster?", "point", 1e9, rivals, 4 },
                { "And in thousands?", "message", 1000, rivals, 2 },
        };
        return bench_main(argc, argv, benches, 2);
}
