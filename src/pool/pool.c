/* A pool's life: new, close, terminate, join, free. */
#include "pool/pool.h"

#include "base/options.h"
#include "member/park.h"
#include "memory/heap.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define WORKERS_MOST 4096
#define PATIENCE_MS 1000 /* between SIGTERM and SIGKILL */

static int check_ours(const hay_pool *pool)
{
        if (!pool)
                return -EINVAL;
        return pool->owner == getpid() ? 0 : -ECHILD;
}

static int make_shared(struct hay_pool *pool)
{
        int r;
        void *block;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        size_t size = sizeof(struct hf_pool_shared) + pool->worker_count * sizeof(struct hf_worker);
        r = hf_heap_alloc(self, size, HF_CACHE_LINE, true, &block);
        if (r < 0)
                return r;
        pool->shared = block;
        pool->shared->worker_count = pool->worker_count;
        hf_estate_add(self, pool->shared);
        return 0;
}

/* Free what there is; the workers have ended. */
static void free_parts(struct hay_pool *pool)
{
        if (pool->shared && pool->owner == getpid())
                hf_estate_free(pool->shared);
        hf_bell_close(&pool->bell);
        pthread_mutex_destroy(&pool->lock);
        free(pool->workers);
        free(pool->entries);
        free(pool);
}

static void kill_workers(struct hay_pool *pool)
{
        for (unsigned i = 0; i < pool->worker_count; i++)
                if (pool->workers[i])
                        hay_process_kill(pool->workers[i]);
}

/* Nobody minds any more: the caller alone uses the handles. */
static int join_workers(struct hay_pool *pool, hay_time deadline)
{
        for (unsigned i = 0; i < pool->worker_count; i++) {
                if (!pool->workers[i])
                        continue;
                int r = hay_process_join(pool->workers[i], deadline, NULL);
                if (r < 0)
                        return r;
                hay_process_close(pool->workers[i]);
                pool->workers[i] = NULL;
        }
        return 0;
}

int hay_pool_new_sized(hay_pool **ret_pool, const struct hay_pool_options *options,
                       size_t options_size)
{
        struct hay_pool_options mine;
        int r = hf_options_take(&mine, sizeof(mine), options, options_size);
        if (r < 0 || !ret_pool || mine.workers < 0 || mine.workers > WORKERS_MOST)
                return -EINVAL;
        struct hay_pool *pool = calloc(1, sizeof(*pool));
        if (!pool)
                return -ENOMEM;
        pool->bell.fd = -1;
        pool->owner = getpid();
        pool->options = mine;
        pool->worker_count = (unsigned)(mine.workers ? mine.workers : hay_default_workers());
        pthread_mutex_init(&pool->lock, NULL);
        pool->workers = calloc(pool->worker_count, sizeof(*pool->workers));
        pool->entries = calloc(pool->worker_count + 1, sizeof(*pool->entries));
        r = pool->workers && pool->entries ? 0 : -ENOMEM;
        if (r == 0)
                r = hf_bell_open(&pool->bell);
        if (r == 0)
                r = make_shared(pool);
        for (unsigned i = 0; r == 0 && i < pool->worker_count; i++)
                r = hf_pool_start_worker(pool, i);
        if (r < 0) {
                if (pool->workers) {
                        kill_workers(pool);
                        join_workers(pool, HAY_FOREVER);
                }
                free_parts(pool);
                return r;
        }
        *ret_pool = pool;
        return 0;
}

int hay_pool_workers(const hay_pool *pool)
{
        return pool ? (int)pool->worker_count : -EINVAL;
}

/* States only rise. */
static void set_state(struct hay_pool *pool, enum hf_pool_state state)
{
        if (atomic_load_relaxed(&pool->shared->state) < state)
                atomic_store_release(&pool->shared->state, (uint32_t)state);
        hf_pool_call(pool->shared, INT32_MAX);
        hf_pool_rouse(pool);
}

int hay_pool_close(hay_pool *pool)
{
        int r = check_ours(pool);
        if (r < 0)
                return r;
        pthread_mutex_lock(&pool->lock);
        set_state(pool, HF_POOL_CLOSED);
        pthread_mutex_unlock(&pool->lock);
        return 0;
}

int hay_pool_terminate(hay_pool *pool)
{
        int r = check_ours(pool);
        if (r < 0)
                return r;
        pthread_mutex_lock(&pool->lock);
        set_state(pool, HF_POOL_TERMINATED);
        for (unsigned i = 0; i < pool->worker_count; i++)
                if (pool->workers[i])
                        hay_process_terminate(pool->workers[i]);
        pthread_mutex_unlock(&pool->lock);
        return 0;
}

/* Until the last call is over, its thread minds the workers. */
static int wait_for_calls(struct hay_pool *pool, hay_time deadline)
{
        int r = 0;
        pthread_mutex_lock(&pool->lock);
        while (r == 0 && pool->calls) {
                uint32_t seen = atomic_load_acquire(&pool->calls_word);
                pthread_mutex_unlock(&pool->lock);
                r = hf_park(&pool->calls_word, seen, deadline, HF_SLICE_OWNED);
                pthread_mutex_lock(&pool->lock);
        }
        pthread_mutex_unlock(&pool->lock);
        return r;
}

/* One thread at a time uses the workers' handles. */
static int take_minding(struct hay_pool *pool, hay_time deadline)
{
        int r = 0;
        while (r == 0 && !atomic_cas(&pool->minding, 0u, 1u))
                r = hf_park(&pool->minding, 1u, deadline, HF_SLICE_OWNED);
        return r;
}

static int end_workers(struct hay_pool *pool, hay_time deadline)
{
        if (atomic_load_acquire(&pool->shared->state) == HF_POOL_TERMINATED) {
                hay_time patience = hay_in_ms(PATIENCE_MS);
                if (deadline != HAY_FOREVER && deadline <= patience)
                        return join_workers(pool, deadline);
                if (join_workers(pool, patience) == 0)
                        return 0;
                kill_workers(pool);
        }
        return join_workers(pool, deadline);
}

int hay_pool_join(hay_pool *pool, hay_time deadline)
{
        int r = check_ours(pool);
        if (r < 0)
                return r;
        if (atomic_load_acquire(&pool->shared->state) == HF_POOL_OPEN)
                return -EBUSY;
        r = wait_for_calls(pool, deadline);
        if (r == 0)
                r = take_minding(pool, deadline);
        if (r < 0)
                return r;
        r = end_workers(pool, deadline);
        atomic_store_release(&pool->minding, 0u);
        return r;
}

hay_pool *hay_pool_free(hay_pool *pool)
{
        if (!pool)
                return NULL;
        if (pool->owner == getpid()) {
                hay_pool_terminate(pool);
                hay_pool_join(pool, HAY_FOREVER);
        }
        free_parts(pool);
        return NULL;
}
