#include "os/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <errno.h>

void hf_futex_wait(const uint32_t *word, uint32_t expected, hay_time until)
{
        struct timespec at = { .tv_sec = until / 1000000000, .tv_nsec = until % 1000000000 };
        int saved = errno;
        syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, &at, NULL, FUTEX_BITSET_MATCH_ANY);
        errno = saved;
}

void hf_futex_wake(const uint32_t *word, int count)
{
        int saved = errno;
        syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
        errno = saved;
}
