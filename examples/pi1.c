/* Pi by throwing darts: the share of random points in a square that hit the quarter circle. */
#include "kernels.h"
#include "pi.h"

#include <errno.h>

static int throw_block(const void *in, void *out, void *arg)
{
        const uint64_t *block = in;
        uint64_t *inside = out;
        const struct pi_job *job = arg;

        *inside = pi1_block(job->seed, *block, pi_block_size(job, *block));
        pi_progress(job);
        return 0;
}

int main(int argc, char **argv)
{
        struct pi_job job;
        pi_begin(&job, argc, argv, "points",
                 "Estimate pi from random points in a square. The same seed gives the same "
                 "estimate for any number of workers.");

        uint64_t *blocks = hay_new_array(uint64_t, job.blocks);
        uint64_t *inside = hay_new_array(uint64_t, job.blocks);
        if (!blocks || !inside)
                pi_fail("cannot share the blocks", -ENOMEM, NULL);
        for (uint64_t block = 0; block < job.blocks; block++)
                blocks[block] = block;

        hay_pool *pool;
        struct hay_error error = { 0 };
        int r = hay_pool_new(&pool, &(struct hay_pool_options){ .workers = job.workers });
        if (r < 0)
                pi_fail("cannot start the workers", r, NULL);
        r = hay_pool_map(pool,
                         &(struct hay_map){ HAY_MAP(throw_block, blocks, inside, job.blocks),
                                            .chunk = 1, .arg = &job },
                         &error);
        if (r < 0)
                pi_fail("cannot count the points", r, &error);

        uint64_t sum = 0;
        for (uint64_t block = 0; block < job.blocks; block++)
                sum += inside[block];
        pi_end(&job, 4 * (double)sum / (double)job.count);
        hay_pool_free(pool);
        return 0;
}
