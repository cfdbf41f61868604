/* Pi is the integral of 4 / (1 + x*x) from 0 to 1: the sum of its values at the midpoints.
 *
 * Each lane adds up every LANES-th step, so that the order of the additions, and with it each
 * digit of the sum, is the same for every width of vectors and every number of workers. */
#include "kernels.h"

/* Static: clang 14 lets no other file call a function of several versions. */
FOR_EACH_PROCESSOR static double add_up(uint64_t first, uint64_t steps, double width)
{
        double middle[LANES], sum[LANES] = { 0 };

        for (int lane = 0; lane < LANES; lane++)
                middle[lane] = (double)first + lane + 0.5;
        for (uint64_t step = 0; step + LANES <= steps; step += LANES) {
                for (int lane = 0; lane < LANES; lane++) {
                        double x = middle[lane] * width;
                        sum[lane] += 4 / (1 + x * x);
                        middle[lane] += LANES;
                }
        }
        for (int lane = 0; lane < (int)(steps % LANES); lane++) {
                double x = middle[lane] * width;
                sum[lane] += 4 / (1 + x * x);
        }
        for (int half = LANES / 2; half > 0; half /= 2)
                for (int lane = 0; lane < half; lane++)
                        sum[lane] += sum[lane + half];
        return sum[0];
}

double pi2_block(uint64_t first, uint64_t steps, double width)
{
        return add_up(first, steps, width);
}
