/* map and apply: one call from its form to its result. */
#include "pool/pool.h"

#include "base/error.h"
#include "base/options.h"
#include "member/park.h"

#include <errno.h>
#include <unistd.h>

static int check(const struct hay_map *map, struct hay_error *error)
{
        size_t bytes;
        if (!map->task)
                return hf_error(error, -EINVAL, "the map has no task");
        if (!map->in && map->in_size && map->count)
                return hf_error(error, -EINVAL, "the map has no input, but items of %zu bytes",
                                map->in_size);
        if (!hf_multiply(map->count, map->in_size, &bytes) ||
            !hf_multiply(map->count, map->out_size, &bytes))
                return hf_error(error, -EINVAL, "%zu items of %zu and %zu bytes are too many bytes",
                                map->count, map->in_size, map->out_size);
        return 0;
}

static int refuse(struct hay_pool *pool, struct hay_error *error)
{
        if (pool->broken)
                return hf_error(error, pool->broken, "the pool is broken: %s", pool->reason);
        uint32_t state = atomic_load_relaxed(&pool->shared->state);
        if (state == HF_POOL_OPEN)
                return 0;
        return hf_error(error, -EPIPE, "the pool was %s",
                        state == HF_POOL_CLOSED ? "closed" : "terminated");
}

/* All slots in use: wait until a call ends. The lock is held. */
static int wait_for_slot(struct hay_pool *pool, hay_time deadline)
{
        uint32_t seen = atomic_load_acquire(&pool->calls_word);
        pthread_mutex_unlock(&pool->lock);
        int r = hf_park(&pool->calls_word, seen, deadline, HF_SLICE_OWNED);
        pthread_mutex_lock(&pool->lock);
        hf_job_reap(pool);
        return r;
}

static int begin(struct hay_pool *pool, struct hf_call *call, struct hay_error *error)
{
        int r;
        pthread_mutex_lock(&pool->lock);
        hf_job_reap(pool);
        while ((r = refuse(pool, error)) == 0) {
                r = hf_job_publish(pool, call);
                if (r != -EBUSY)
                        break;
                r = wait_for_slot(pool, call->map->deadline);
                if (r < 0)
                        break;
        }
        pthread_mutex_unlock(&pool->lock);
        if (r == -ENOMEM)
                hf_error(error, r, "the region has no memory for the job");
        if (r == -ETIMEDOUT)
                hf_error(error, r, "the deadline passed before the map began");
        return r;
}

static int run(struct hay_pool *pool, const struct hay_map *map, struct hay_error *error)
{
        struct hf_call call = { .map = map };
        int r = begin(pool, &call, error);
        if (r < 0)
                return r;
        r = hf_pool_wait(pool, &call);
        if (r == 0)
                r = hf_job_collect(pool, &call, error);
        else if (r == -ETIMEDOUT)
                hf_error(error, r, "the deadline passed before all %zu items were done",
                         map->count);
        pthread_mutex_lock(&pool->lock);
        if (r == -EPIPE || (r < 0 && r == pool->broken))
                refuse(pool, error);
        hf_job_retire(pool, &call);
        if (pool->calls || atomic_load_relaxed(&pool->shared->state) != HF_POOL_OPEN ||
            !~pool->used_slots)
                hf_pool_rouse(pool);
        pthread_mutex_unlock(&pool->lock);
        return r;
}

int hay_pool_map_sized(hay_pool *pool, const struct hay_map *map, size_t map_size,
                       struct hay_error *ret_error)
{
        struct hay_map mine;
        if (!pool || !map)
                return hf_error(ret_error, -EINVAL, "%s is NULL", pool ? "the map" : "the pool");
        if (pool->owner != getpid())
                return hf_error(ret_error, -ECHILD, "the pool is another process's (pid %d)",
                                (int)pool->owner);
        int r = hf_options_take(&mine, sizeof(mine), map, map_size);
        if (r < 0)
                return hf_error(ret_error, r,
                                "the map has a field that this library is too old for");
        r = check(&mine, ret_error);
        if (r < 0)
                return r;
        if (!mine.count)
                return 0;
        int unused;
        if (!hf_self(&unused))
                return hf_error(ret_error, unused, "this thread has no place among the members");
        return run(pool, &mine, ret_error);
}

int hay_pool_apply(hay_pool *pool, hay_task *task, const void *in, size_t in_size, void *out,
                   size_t out_size, void *arg, struct hay_error *ret_error)
{
        struct hay_map map = {
                .task = task,
                .in = in,
                .in_size = in_size,
                .out = out,
                .out_size = out_size,
                .count = 1,
                .arg = arg,
        };
        return hay_pool_map(pool, &map, ret_error);
}
