/* Pi by adding up: the integral of 4 / (1 + x*x) from 0 to 1, by the midpoint rule. */
#include "kernels.h"
#include "pi.h"

#include <errno.h>
#include <math.h>

static int add_block(const void *in, void *out, void *arg)
{
        const uint64_t *block = in;
        double *sum = out;
        const struct pi_job *job = arg;

        *sum = pi2_block(*block * BLOCK, pi_block_size(job, *block), 1 / (double)job->count);
        pi_progress(job);
        return 0;
}

/* The sum in the order of the blocks, whoever computed them; what each addition rounds off is added
 * at the end (Neumaier's form of Kahan's sum). */
static double sum_of(const double *sums, uint64_t count)
{
        double sum = 0, lost = 0;
        for (uint64_t i = 0; i < count; i++) {
                double next = sum + sums[i];
                lost += fabs(sum) >= fabs(sums[i]) ? sum - next + sums[i] : sums[i] - next + sum;
                sum = next;
        }
        return sum + lost;
}

int main(int argc, char **argv)
{
        struct pi_job job;
        pi_begin(&job, argc, argv, "steps",
                 "Compute pi as the integral of 4 / (1 + x*x) from 0 to 1, by the midpoint rule.");

        uint64_t *blocks = hay_new_array(uint64_t, job.blocks);
        double *sums = hay_new_array(double, job.blocks);
        if (!blocks || !sums)
                pi_fail("cannot share the blocks", -ENOMEM, NULL);
        for (uint64_t block = 0; block < job.blocks; block++)
                blocks[block] = block;

        hay_pool *pool;
        struct hay_error error = { 0 };
        int r = hay_pool_new(&pool, &(struct hay_pool_options){ .workers = job.workers });
        if (r < 0)
                pi_fail("cannot start the workers", r, NULL);
        r = hay_pool_map(pool,
                         &(struct hay_map){ HAY_MAP(add_block, blocks, sums, job.blocks),
                                            .chunk = 1, .arg = &job },
                         &error);
        if (r < 0)
                pi_fail("cannot add up the steps", r, &error);

        pi_end(&job, sum_of(sums, job.blocks) / (double)job.count);
        hay_pool_free(pool);
        return 0;
}
