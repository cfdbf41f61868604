/* What a core can do at pi1's and pi2's blocks when somebody takes pains. Each has the arguments of
 * the plain loop (kernels.h) and takes whole blocks only. */
#ifndef PI_CEILINGS_H
#define PI_CEILINGS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether this machine can run the two that are written by hand. */
bool ceiling_possible(void);

/* pi1's block in AVX-512 intrinsics: the same generator, the same points, the same count. */
uint64_t ceiling_pi1_block(uint64_t seed, uint64_t block, uint64_t points);

/* pi2's block in AVX-512 intrinsics: a division for each step. */
double ceiling_pi2_block(uint64_t first, uint64_t steps, double width);

/* pi2's block with one division for four steps, in plain C: other roundings, less plain. */
double ceiling_pi2_block_of_four(uint64_t first, uint64_t steps, double width);

/* pi1's block with other generators, one point after the other. */
uint64_t rival_pi1_block_rand_r(uint64_t seed, uint64_t block, uint64_t points);
uint64_t rival_pi1_block_philox(uint64_t seed, uint64_t block, uint64_t points);

#endif
