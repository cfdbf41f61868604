/* Deadlines on CLOCK_MONOTONIC. 0 and -1 are words (HAY_FOREVER, HAY_NOWAIT); real ones are > 0. */
#include <hayfork/time.h>

#include <time.h>

hay_time hay_now(void)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (hay_time)now.tv_sec * 1000000000 + now.tv_nsec;
}

hay_time hay_in_ms(int64_t milliseconds)
{
        if (milliseconds <= 0)
                return HAY_NOWAIT;
        hay_time span;
        hay_time deadline;
        if (__builtin_mul_overflow(milliseconds, (int64_t)1000000, &span) ||
            __builtin_add_overflow(hay_now(), span, &deadline))
                return HAY_FOREVER;
        return deadline;
}

hay_time hay_in_s(double seconds)
{
        if (!(seconds > 0))
                return HAY_NOWAIT;
        if (seconds > 9e9)
                return HAY_FOREVER;
        hay_time deadline;
        if (__builtin_add_overflow(hay_now(), (hay_time)(seconds * 1e9), &deadline))
                return HAY_FOREVER;
        return deadline;
}
