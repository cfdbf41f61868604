/* Spinning keeps a hand-over out of the kernel, where a wake costs 25-50 µs; it is worth it only
 * while the other side runs on another processor. So each object's hint follows what spinning
 * brought: glibc's rule for adaptive mutexes, an average that moves an eighth of the way to the
 * last count, with a ceiling that a failure halves.
 *
 * The words: the hint is written by anybody, without order; any value is right, it costs time only.
 */
#include "member/park.h"

#include "base/checked.h"
#include "base/safe.h"
#include "os/futex.h"

#include <hayfork/base.h>

#include <errno.h>

#define SPIN_LEAST 64u
#define SPIN_MOST 4000u

bool hf_is_past(hay_time deadline)
{
        return deadline != HAY_FOREVER && (deadline < 0 || hay_now() >= deadline);
}

static bool has_one_processor(void)
{
        static int count;
        int seen = atomic_load_relaxed(&count);
        if (!seen) {
                seen = hay_cpu_count();
                atomic_store_relaxed(&count, seen);
        }
        return seen == 1;
}

bool hf_spin(const uint32_t *word, uint32_t value, uint32_t *hint)
{
        if (has_one_processor())
                return false;
        uint32_t average = hf_min(atomic_load_relaxed(hint), SPIN_MOST / 2);
        uint32_t most = 2 * average + SPIN_LEAST;
        for (uint32_t i = 0; i < most; i++) {
                if (atomic_load_relaxed(word) != value) {
                        atomic_store_relaxed(hint, average + i / 8 - average / 8);
                        return true;
                }
                atomic_pause();
        }
        atomic_store_relaxed(hint, average / 2);
        return false;
}

int hf_park(const uint32_t *word, uint32_t value, hay_time deadline, hay_time slice)
{
        hay_time now = hay_now();
        if (deadline != HAY_FOREVER && (deadline < 0 || now >= deadline))
                return -ETIMEDOUT;
        hay_time until = HF_SAFE ? now + slice : INT64_MAX;
        if (deadline != HAY_FOREVER && deadline < until)
                until = deadline;
        hf_futex_wait(word, value, until);
        return 0;
}

void hf_unpark(const uint32_t *word, int count)
{
        hf_futex_wake(word, count);
}
