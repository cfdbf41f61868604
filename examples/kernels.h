/* The inner loops of pi1 and pi2: one block of the work, on one core. */
#ifndef KERNELS_H
#define KERNELS_H

#include <stdint.h>

/* Points or steps in a block: large enough that sharing out blocks costs nothing (some 30 µs of
 * work), small enough that the last ones end together. The results depend on it. */
#define BLOCK ((uint64_t)1 << 18)

/* The loops run over so many independent lanes, which the compiler packs into vectors of whatever
 * width the machine has. The results depend on it too, but not on that width. 32 is a few vectors
 * of the widest kind, enough to hide the latency of one by the others. */
#define LANES 32

/* How many of `points` random points of block `block`, at most BLOCK, fall into the circle. */
uint64_t pi1_block(uint64_t seed, uint64_t block, uint64_t points);

/* The sum of 4 / (1 + x*x) at the midpoints of `steps` steps of `width`, from step `first` on. */
double pi2_block(uint64_t first, uint64_t steps, double width);

/* A function so marked is compiled for several kinds of processor, and the loader takes the best
 * that this one knows. Only where that works (the sanitizers are not awake yet when it is chosen)
 * and unless -DONE_PROCESSOR: elsewhere it is compiled once, for the kind that the compiler was
 * told, and the results are the same. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
        __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#if !defined(SANITIZED) && !defined(ONE_PROCESSOR) && defined(__x86_64__) && defined(__gnu_linux__)
#if defined(__clang__) && __clang_major__ >= 14
#define FOR_EACH_PROCESSOR __attribute__((target_clones("default", "avx2", "avx512f")))
#elif !defined(__clang__) && __GNUC__ >= 12
#define FOR_EACH_PROCESSOR __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#endif
#endif
#ifndef FOR_EACH_PROCESSOR
#define FOR_EACH_PROCESSOR
#endif

#endif
