/* Sizes that don't overflow, and small arithmetic. */
#ifndef HF_BASE_CHECKED_H
#define HF_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define hf_likely(x) __builtin_expect(!!(x), 1)
#define hf_unlikely(x) __builtin_expect(!!(x), 0)
#define hf_min(a, b) ((a) < (b) ? (a) : (b))
#define hf_max(a, b) ((a) > (b) ? (a) : (b))

/* False when the result does not fit. */
#define hf_multiply(a, b, ret) (!__builtin_mul_overflow((a), (b), (ret)))
#define hf_sum(a, b, ret) (!__builtin_add_overflow((a), (b), (ret)))

static inline bool hf_is_power_of_two(size_t x)
{
        return x != 0 && (x & (x - 1)) == 0;
}

/* The caller has checked that it fits; `to` is a power of two. */
static inline size_t hf_round_up(size_t x, size_t to)
{
        return (x + to - 1) & ~(to - 1);
}

static inline unsigned hf_log2(uint64_t x)
{
        return 63u - (unsigned)__builtin_clzll(x);
}

#endif
