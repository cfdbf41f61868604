/* Atomic access to words that other processes see. Names follow the memory order; what has no
 * suffix is sequentially consistent. */
#ifndef HF_BASE_ATOMIC_H
#define HF_BASE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#define atomic_load_relaxed(word) __atomic_load_n((word), __ATOMIC_RELAXED)
#define atomic_load_acquire(word) __atomic_load_n((word), __ATOMIC_ACQUIRE)
#define atomic_load_full(word) __atomic_load_n((word), __ATOMIC_SEQ_CST)
#define atomic_store_relaxed(word, value) __atomic_store_n((word), (value), __ATOMIC_RELAXED)
#define atomic_store_release(word, value) __atomic_store_n((word), (value), __ATOMIC_RELEASE)
#define atomic_swap(word, value) __atomic_exchange_n((word), (value), __ATOMIC_SEQ_CST)
#define atomic_add(word, value) __atomic_fetch_add((word), (value), __ATOMIC_SEQ_CST)
#define atomic_or(word, value) __atomic_fetch_or((word), (value), __ATOMIC_SEQ_CST)
#define atomic_and(word, value) __atomic_fetch_and((word), (value), __ATOMIC_SEQ_CST)
#define atomic_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* One compare-and-swap; true when `word` was `expected` and is now `desired`. */
#define atomic_cas(word, expected, desired) \
        __extension__({ \
                __typeof__(*(word)) expected_ = (expected); \
                __atomic_compare_exchange_n((word), &expected_, (desired), false, \
                                            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED); \
        })

/* Order the stores of this thread before its later ones, for a death in between: the compiler may
 * not swap them. A dead process's stores become visible as a whole up to the instruction at which
 * it died, so that no processor fence is needed. */
#define atomic_keep_order() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* Tell the processor that this is a spin. */
static inline void atomic_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("isb" ::: "memory");
#endif
}

#endif
