/* How far are pi1 and pi2 from what the core can do?
 *
 * The floor is the loop of the example alone, on one core, without any library. Above it stand the
 * same by hand and other generators; then the same loop shared out by two processes forked by hand,
 * by OpenMP's threads, and by hayfork's pool, in which the workers wait already ("warm") or are
 * started too. */
#include "kit.h"
#include "pi_ceilings.h"

#include <hayfork.h>
#include <kernels.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCKS 1024
#define WIDTH (1 / (double)(BLOCK * BLOCKS))
#define NOT_HERE -1.0

/* The two questions have the same rivals: a block of work gives a number, and their sum is checked.
 */
typedef double block_function(uint64_t block);

static double points_plain(uint64_t block)
{
        return (double)pi1_block(1, block, BLOCK);
}

static double points_by_hand(uint64_t block)
{
        return (double)ceiling_pi1_block(1, block, BLOCK);
}

static double points_rand_r(uint64_t block)
{
        return (double)rival_pi1_block_rand_r(1, block, BLOCK);
}

static double points_philox(uint64_t block)
{
        return (double)rival_pi1_block_philox(1, block, BLOCK);
}

static double steps_plain(uint64_t block)
{
        return pi2_block(block * BLOCK, BLOCK, WIDTH);
}

static double steps_by_hand(uint64_t block)
{
        return ceiling_pi2_block(block * BLOCK, BLOCK, WIDTH);
}

static double steps_of_four(uint64_t block)
{
        return ceiling_pi2_block_of_four(block * BLOCK, BLOCK, WIDTH);
}

/* What all rivals compute in the end; a wrong one has no business in the table. */
static void check(bool points, double sum)
{
        double estimate = points ? 4 * sum * WIDTH : sum * WIDTH;
        if (fabs(estimate - M_PI) > (points ? 1e-3 : 1e-12)) {
                fprintf(stderr, "a rival computed %.17g\n", estimate);
                exit(1);
        }
}

struct contest {
        block_function *block;
        bool points;
        bool by_hand; /* not on every machine */
        bool slow;    /* a sixteenth of the work tells enough */
        int workers;
        hay_pool *pool; /* warm */
        double *sums;   /* shared by all, one for each block */
};

static double one_core(void *arg)
{
        const struct contest *contest = arg;
        uint64_t part = contest->slow ? 16 : 1;
        double sum = 0;

        if (contest->by_hand && !ceiling_possible())
                return NOT_HERE;
        if (contest->block == points_philox && points_philox(0) > BLOCK)
                return NOT_HERE;
        double start = bench_now();
        for (uint64_t block = 0; block < BLOCKS / part; block++)
                sum += contest->block(block);
        double seconds = bench_now() - start;
        check(contest->points, sum * (double)part);
        return seconds * (double)part;
}

static double sum_up(const struct contest *contest)
{
        double sum = 0;
        for (int block = 0; block < BLOCKS; block++)
                sum += contest->sums[block];
        return sum;
}

static double forked_by_hand(void *arg)
{
        const struct contest *contest = arg;
        double start = bench_now();

        for (int worker = 0; worker < contest->workers; worker++) {
                if (fork() == 0) {
                        for (int block = worker; block < BLOCKS; block += contest->workers)
                                contest->sums[block] = contest->block((uint64_t)block);
                        _exit(0);
                }
        }
        for (int worker = 0; worker < contest->workers; worker++)
                wait(NULL);
        double sum = sum_up(contest), seconds = bench_now() - start;
        check(contest->points, sum);
        return seconds;
}

static double openmp(void *arg)
{
#ifdef _OPENMP
        const struct contest *contest = arg;
        double start = bench_now();

#pragma omp parallel for schedule(dynamic) num_threads(contest->workers)
        for (int block = 0; block < BLOCKS; block++)
                contest->sums[block] = contest->block((uint64_t)block);
        double sum = sum_up(contest), seconds = bench_now() - start;
        check(contest->points, sum);
        return seconds;
#else
        (void)arg;
        return NOT_HERE;
#endif
}

static uint64_t *numbers; /* of the blocks, shared */

static int task(const void *in, void *out, void *arg)
{
        const struct contest *contest = arg;
        *(double *)out = contest->block(*(const uint64_t *)in);
        return 0;
}

static hay_pool *start_pool(int workers)
{
        hay_pool *pool;
        int r = hay_pool_new(&pool, &(struct hay_pool_options){ .workers = workers });
        if (r < 0) {
                fprintf(stderr, "hay_pool_new: error %d\n", -r);
                exit(1);
        }
        return pool;
}

static double hayfork(void *arg)
{
        struct contest *contest = arg;
        double start = bench_now();
        hay_pool *pool = contest->pool ? contest->pool : start_pool(contest->workers);
        struct hay_error error;

        int r = hay_pool_map(pool,
                             &(struct hay_map){ HAY_MAP(task, numbers, contest->sums, BLOCKS),
                                                .chunk = 1, .arg = contest },
                             &error);
        if (r < 0) {
                fprintf(stderr, "hay_pool_map: %s\n", error.message);
                exit(1);
        }
        double sum = sum_up(contest), seconds = bench_now() - start;
        if (!contest->pool)
                hay_pool_free(pool);
        check(contest->points, sum);
        return seconds;
}

/* One worker or two, warm or not; of those that are warm the pool is the same for both questions.
 */
static struct contest shared[2][2][2];

static void prepare(double *sums)
{
        for (int more = 0; more < 2; more++) {
                for (int warm = 0; warm < 2; warm++)
                        for (int steps = 0; steps < 2; steps++)
                                shared[steps][more][warm] = (struct contest){
                                        .block = steps ? steps_plain : points_plain,
                                        .points = !steps,
                                        .workers = 1 + more,
                                        .sums = sums,
                                };
        }
        /* The tasks' arguments must be there before the workers are. */
        for (int more = 0; more < 2; more++)
                shared[0][more][1].pool = shared[1][more][1].pool = start_pool(1 + more);
}

/* The loops alone, and then what both questions have in common. */
static size_t line_up(struct rival *ret_rivals, const struct rival *alone, size_t count, int steps)
{
        struct contest(*ours)[2] = shared[steps];
        const struct rival together[] = {
                { "2 processes forked by hand", forked_by_hand, &ours[1][0] },
                { "OpenMP, 1 thread", openmp, &ours[0][0] },
                { "OpenMP, 2 threads", openmp, &ours[1][0] },
                { "hayfork, 1 worker, warm", hayfork, &ours[0][1] },
                { "hayfork, 2 workers, warm", hayfork, &ours[1][1] },
                { "hayfork, 1 worker, started too", hayfork, &ours[0][0] },
                { "hayfork, 2 workers, started too", hayfork, &ours[1][0] },
        };
        memcpy(ret_rivals, alone, count * sizeof(*alone));
        memcpy(ret_rivals + count, together, sizeof(together));
        return count + sizeof(together) / sizeof(*together);
}

int main(int argc, char **argv)
{
        static struct contest points = { .block = points_plain, .points = true };
        static struct contest points_hand = { .block = points_by_hand,
                                              .points = true,
                                              .by_hand = true };
        static struct contest points_rand = { .block = points_rand_r,
                                              .points = true,
                                              .slow = true };
        static struct contest points_123 = { .block = points_philox, .points = true, .slow = true };
        static struct contest steps = { .block = steps_plain };
        static struct contest steps_hand = { .block = steps_by_hand, .by_hand = true };
        static struct contest steps_four = { .block = steps_of_four };
        static const struct rival points_alone[] = {
                { "the loop alone (floor)", one_core, &points },
                { "the same in AVX-512 by hand", one_core, &points_hand },
                { "rand_r", one_core, &points_rand },
                { "Random123's Philox 4x32", one_core, &points_123 },
        };
        static const struct rival steps_alone[] = {
                { "the loop alone (floor)", one_core, &steps },
                { "the same in AVX-512 by hand", one_core, &steps_hand },
                { "one division for four steps", one_core, &steps_four },
        };

        numbers = hay_new_array(uint64_t, BLOCKS);
        double *sums = hay_new_array(double, BLOCKS);
        if (!numbers || !sums)
                return 1;
        for (uint64_t block = 0; block < BLOCKS; block++)
                numbers[block] = block;
        prepare(sums);

        struct rival points_rivals[16], steps_rivals[16];
        const struct bench benches[] = {
                { "How far is pi1 from what the core can do?", "point", (double)BLOCK * BLOCKS,
                  points_rivals, line_up(points_rivals, points_alone, 4, 0) },
                { "How far is pi2 from what the core can do?", "step", (double)BLOCK * BLOCKS,
                  steps_rivals, line_up(steps_rivals, steps_alone, 3, 1) },
        };
        int code = bench_main(argc, argv, benches, 2);
        hay_pool_free(shared[0][0][1].pool);
        hay_pool_free(shared[0][1][1].pool);
        return code;
}
