#include "plan.h"

/* How often each instruction was come to so far. */
struct counter {
        uint64_t instruction;
        uint32_t count;
};
#define COUNTERS (1u << 20)

static struct counter *find(struct counter *counters, uint64_t instruction)
{
        uint32_t at = (uint32_t)(instruction * 0x9e3779b97f4a7c15ull >> 44);
        while (counters[at].instruction && counters[at].instruction != instruction)
                at = (at + 1) % COUNTERS;
        counters[at].instruction = instruction;
        return &counters[at];
}

struct kill_way kill_slow_way(uint32_t position, bool inside)
{
        return (struct kill_way){ .steps = position, .inside = inside };
}

/* A stop at a breakpoint costs as much as a step. The stop before the first instruction is free.
 * Through a call that sleeps no breakpoint leads: what follows is reached by steps from before it,
 * since what lets the victim go on must come at the right instant. */
static void add_ways(struct kill_plan *plan, const struct kill_path *path, const uint32_t *coming)
{
        struct kill_way best = { 0 };
        int64_t gain = 0; /* of the best checkpoint: its position, less the stops it takes */
        for (uint32_t k = 0; k <= path->count; k++) {
                struct kill_way way = best;
                bool again = k > 0 && k < path->count &&
                             path->instruction[k] == path->instruction[k - 1];
                if (k < path->count && !again && (int64_t)k - coming[k] > gain) {
                        gain = (int64_t)k - coming[k];
                        best = (struct kill_way){
                                .checkpoint = path->instruction[k] & ~KILL_SLEPT,
                                .hits = coming[k],
                                .steps = k, /* where it is */
                        };
                        way = best;
                }
                way.steps = k - way.steps;
                plan->ways[plan->count] = way;
                plan->position[plan->count++] = k;
                if (k < path->count && path->instruction[k] & KILL_SLEPT) {
                        way.inside = true;
                        plan->ways[plan->count] = way;
                        plan->position[plan->count++] = k;
                }
        }
}

static double chance(unsigned *seed)
{
        return rand_r(seed) / (RAND_MAX + 1.0);
}

/* Drop some, so that about `most` are left. */
static void thin_out(struct kill_plan *plan, const struct kill_path *path, const uint32_t *coming,
                     size_t most, unsigned *seed)
{
        size_t first_comings = 0;
        for (uint32_t k = 0; k < path->count; k++)
                first_comings += coming[k] == 1;
        double first_part = first_comings > most ? (double)most / (double)first_comings : 1;
        size_t others = plan->count - first_comings;
        double other_part = first_comings < most && others
                                    ? (double)(most - first_comings) / (double)others
                                    : 0;
        size_t kept = 0;
        for (size_t i = 0; i < plan->count; i++) {
                uint32_t k = plan->position[i];
                bool always = k == 0 || k == path->count || plan->ways[i].inside;
                bool first = k < path->count && coming[k] == 1;
                if (!always && chance(seed) >= (first ? first_part : other_part))
                        continue;
                plan->ways[kept] = plan->ways[i];
                plan->position[kept++] = k;
        }
        plan->count = kept;
}

struct kill_plan kill_plan_make(const struct kill_path *path, size_t most, unsigned *seed)
{
        size_t room = 2 * (size_t)path->count + 2;
        struct kill_plan plan = {
                .ways = calloc(room, sizeof(*plan.ways)),
                .position = calloc(room, sizeof(*plan.position)),
        };
        struct counter *counters = calloc(COUNTERS, sizeof(*counters));
        uint32_t *coming = calloc(path->count + 1, sizeof(*coming));
        if (!plan.ways || !plan.position || !counters || !coming)
                abort();
        for (uint32_t k = 0; k < path->count; k++) {
                struct counter *counter = find(counters, path->instruction[k] & ~KILL_SLEPT);
                /* A repeated string instruction steps once a round, and is come to once. */
                if (k == 0 || path->instruction[k] != path->instruction[k - 1])
                        counter->count++;
                coming[k] = counter->count;
        }
        add_ways(&plan, path, coming);
        if (plan.count > most)
                thin_out(&plan, path, coming, most, seed);
        free(counters);
        free(coming);
        return plan;
}

void kill_plan_free(struct kill_plan *plan)
{
        free(plan->ways);
        free(plan->position);
}
