/* Random points in a square: how many fall into the quarter circle?
 *
 * Each lane has a generator of its own, xoshiro256++ (Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators", ACM Trans. Math. Softw. 47, 2021), which passes BigCrush in all
 * its bits. Its start comes from splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
 * number generators", OOPSLA 2014), as its authors advise: word number n of all the states of all
 * blocks is output n of one splitmix64 sequence that the seed selects. So a point depends on seed,
 * block and its place in the block alone, whoever computes it, in whatever order. The streams do
 * not meet: a block takes 2^13 numbers a lane out of a period of 2^256 - 1, and the chance that any
 * two of even 2^40 such stretches, begun at random places, overlap is under 2^-160. */
#include "kernels.h"

#define STEP 0x9e3779b97f4a7c15 /* splitmix64's: 2^64 divided by the golden ratio */
#define SIDE ((uint64_t)1 << 31)

static inline uint64_t mix(uint64_t z)
{
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
}

static inline uint64_t rotate(uint64_t word, int bits)
{
        return word << bits | word >> (64 - bits);
}

/* Static: clang 14 lets no other file call a function of several versions. */
FOR_EACH_PROCESSOR static uint64_t count_inside(uint64_t seed, uint64_t block, uint64_t points)
{
        uint64_t a[LANES], b[LANES], c[LANES], d[LANES], inside[LANES] = { 0 };
        uint64_t key = mix(seed) + STEP * 4 * LANES * block;

        for (int lane = 0; lane < LANES; lane++) {
                a[lane] = mix(key += STEP);
                b[lane] = mix(key += STEP);
                c[lane] = mix(key += STEP);
                d[lane] = mix(key += STEP);
        }
        for (uint64_t point = 0; point < points; point += LANES) {
                uint64_t last = point + LANES <= points ? LANES : points - point;
                for (uint64_t lane = 0; lane < LANES; lane++) {
                        uint64_t random = rotate(a[lane] + d[lane], 23) + a[lane];
                        uint64_t shifted = b[lane] << 17;
                        c[lane] ^= a[lane];
                        d[lane] ^= b[lane];
                        b[lane] ^= c[lane];
                        a[lane] ^= d[lane];
                        c[lane] ^= shifted;
                        d[lane] = rotate(d[lane], 45);

                        /* Whole numbers of 31 bits: exact, and as quick as doubles. */
                        uint64_t x = random >> 33, y = random % SIDE;
                        inside[lane] += (x * x + y * y < SIDE * SIDE) & (lane < last);
                }
        }
        uint64_t sum = 0;
        for (int lane = 0; lane < LANES; lane++)
                sum += inside[lane];
        return sum;
}

uint64_t pi1_block(uint64_t seed, uint64_t block, uint64_t points)
{
        return count_inside(seed, block, points);
}
