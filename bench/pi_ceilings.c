/* See pi_ceilings.h. */
#include "pi_ceilings.h"

#include <kernels.h>
#include <stdlib.h>

#if __has_include(<Random123/philox.h>)
#define HAVE_PHILOX 1
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <Random123/philox.h>
#pragma GCC diagnostic pop
#endif

#define STEP 0x9e3779b97f4a7c15

#ifdef __x86_64__
#include <immintrin.h>

#define BY_HAND __attribute__((target("avx512f,avx512dq")))
#define VECTORS (LANES / 8)

bool ceiling_possible(void)
{
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
}

static uint64_t mix(uint64_t z)
{
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
}

BY_HAND uint64_t ceiling_pi1_block(uint64_t seed, uint64_t block, uint64_t points)
{
        uint64_t words[4][LANES], key = mix(seed) + STEP * 4 * LANES * block;
        for (int lane = 0; lane < LANES; lane++)
                for (int word = 0; word < 4; word++)
                        words[word][lane] = mix(key += STEP);

        __m512i a[VECTORS], b[VECTORS], c[VECTORS], d[VECTORS], outside[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
                a[v] = _mm512_loadu_si512(&words[0][v * 8]);
                b[v] = _mm512_loadu_si512(&words[1][v * 8]);
                c[v] = _mm512_loadu_si512(&words[2][v * 8]);
                d[v] = _mm512_loadu_si512(&words[3][v * 8]);
                outside[v] = _mm512_setzero_si512();
        }
        const __m512i low = _mm512_set1_epi64(0x7fffffff);
        for (uint64_t point = 0; point < points; point += LANES) {
                for (int v = 0; v < VECTORS; v++) {
                        __m512i random = _mm512_add_epi64(
                                _mm512_rol_epi64(_mm512_add_epi64(a[v], d[v]), 23), a[v]);
                        __m512i shifted = _mm512_slli_epi64(b[v], 17);
                        __m512i c_next = _mm512_xor_si512(c[v], a[v]);
                        __m512i d_next = _mm512_xor_si512(d[v], b[v]);
                        a[v] = _mm512_xor_si512(a[v], d_next);
                        b[v] = _mm512_xor_si512(b[v], c_next);
                        c[v] = _mm512_xor_si512(c_next, shifted);
                        d[v] = _mm512_rol_epi64(d_next, 45);

                        __m512i x = _mm512_srli_epi64(random, 33);
                        __m512i y = _mm512_and_si512(random, low);
                        __m512i square =
                                _mm512_add_epi64(_mm512_mul_epu32(x, x), _mm512_mul_epu32(y, y));
                        outside[v] = _mm512_add_epi64(outside[v], _mm512_srli_epi64(square, 62));
                }
        }
        uint64_t sum = 0;
        for (int v = 0; v < VECTORS; v++)
                sum += (uint64_t)_mm512_reduce_add_epi64(outside[v]);
        return points - sum;
}

BY_HAND double ceiling_pi2_block(uint64_t first, uint64_t steps, double width)
{
        const __m512d one = _mm512_set1_pd(1), four = _mm512_set1_pd(4);
        const __m512d stride = _mm512_set1_pd(LANES), scale = _mm512_set1_pd(width);
        __m512d middle[VECTORS], sum[VECTORS], total = _mm512_setzero_pd();
        for (int v = 0; v < VECTORS; v++) {
                double start = (double)first + 8 * v + 0.5;
                middle[v] = _mm512_add_pd(_mm512_set1_pd(start),
                                          _mm512_setr_pd(0, 1, 2, 3, 4, 5, 6, 7));
                sum[v] = _mm512_setzero_pd();
        }
        for (uint64_t step = 0; step < steps; step += LANES) {
                for (int v = 0; v < VECTORS; v++) {
                        __m512d x = _mm512_mul_pd(middle[v], scale);
                        sum[v] = _mm512_add_pd(sum[v],
                                               _mm512_div_pd(four, _mm512_fmadd_pd(x, x, one)));
                        middle[v] = _mm512_add_pd(middle[v], stride);
                }
        }
        for (int v = 0; v < VECTORS; v++)
                total = _mm512_add_pd(total, sum[v]);
        return _mm512_reduce_add_pd(total);
}
#else
bool ceiling_possible(void)
{
        return false;
}

uint64_t ceiling_pi1_block(uint64_t seed, uint64_t block, uint64_t points)
{
        return pi1_block(seed, block, points);
}

double ceiling_pi2_block(uint64_t first, uint64_t steps, double width)
{
        return pi2_block(first, steps, width);
}
#endif

/* 1/a + 1/b + 1/c + 1/d = ((a + b)cd + (c + d)ab) / abcd */
FOR_EACH_PROCESSOR static double add_fours(uint64_t first, uint64_t steps, double width)
{
        double middle[LANES], sum[LANES] = { 0 }, total = 0;

        for (int lane = 0; lane < LANES; lane++)
                middle[lane] = (double)first + lane + 0.5;
        for (uint64_t step = 0; step < steps; step += LANES * (uint64_t)4) {
                for (int lane = 0; lane < LANES; lane++) {
                        double x1 = middle[lane] * width;
                        double x2 = (middle[lane] + LANES) * width;
                        double x3 = (middle[lane] + 2 * LANES) * width;
                        double x4 = (middle[lane] + 3 * LANES) * width;
                        double a = 1 + x1 * x1, b = 1 + x2 * x2, c = 1 + x3 * x3, d = 1 + x4 * x4;
                        sum[lane] +=
                                4 * ((a + b) * (c * d) + (c + d) * (a * b)) / ((a * b) * (c * d));
                        middle[lane] += 4 * LANES;
                }
        }
        for (int lane = 0; lane < LANES; lane++)
                total += sum[lane];
        return total;
}

double ceiling_pi2_block_of_four(uint64_t first, uint64_t steps, double width)
{
        return add_fours(first, steps, width);
}

uint64_t rival_pi1_block_rand_r(uint64_t seed, uint64_t block, uint64_t points)
{
        unsigned state = (unsigned)(seed + block * 1000003);
        uint64_t inside = 0;
        for (uint64_t point = 0; point < points; point++) {
                double x = rand_r(&state) / (double)RAND_MAX;
                double y = rand_r(&state) / (double)RAND_MAX;
                inside += x * x + y * y < 1;
        }
        return inside;
}

#ifdef HAVE_PHILOX
uint64_t rival_pi1_block_philox(uint64_t seed, uint64_t block, uint64_t points)
{
        uint64_t inside = 0;
        philox4x32_key_t key = { { (uint32_t)seed, (uint32_t)(seed >> 32) } };
        for (uint64_t point = 0; point < points; point += 2) {
                philox4x32_ctr_t place = { { (uint32_t)point, 0, (uint32_t)block,
                                             (uint32_t)(block >> 32) } };
                philox4x32_ctr_t random = philox4x32(place, key);
                for (int i = 0; i < 4; i += 2) {
                        uint64_t x = random.v[i] >> 1, y = random.v[i + 1] >> 1;
                        inside += x * x + y * y < (uint64_t)1 << 62;
                }
        }
        return inside;
}
#else
uint64_t rival_pi1_block_philox(uint64_t seed, uint64_t block, uint64_t points)
{
        (void)seed;
        (void)block;
        (void)points;
        return UINT64_MAX;
}
#endif
