/* Minding the workers: their deaths are settled and they are replaced, by whichever thread of the
 * owner waits in the pool. A pool breaks, and says why, when its initializer fails, when workers
 * die one after the other before they did anything, and when none is left and none can be started.
 */
#include "pool/pool.h"

#include "member/park.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STRIKES_MOST 10
#define RETRY_AFTER_MS 50
#define GIVE_UP_AFTER ((hay_time)5 * 1000000000)

struct birth {
        struct hay_pool *pool;
        unsigned index;
};

static int live(void *arg)
{
        struct birth *birth = arg;
        struct hay_pool *pool = birth->pool;
        return hf_worker_run(pool->shared, birth->index, &pool->bell, &pool->options);
}

int hf_pool_start_worker(struct hay_pool *pool, unsigned index)
{
        static uint32_t born;
        char name[32];
        snprintf(name, sizeof(name), "PoolWorker-%u", atomic_add(&born, 1u) + 1);
        struct birth birth = { pool, index };
        struct hay_process_options options = { .name = name, .daemon = true };
        return hay_process_start(&pool->workers[index], live, &birth, &options);
}

__attribute__((format(printf, 3, 4))) static void break_pool(struct hay_pool *pool, int code,
                                                             const char *format, ...)
{
        if (pool->broken)
                return;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(pool->reason, sizeof(pool->reason), format, arguments);
        va_end(arguments);
        pool->broken = code;
        hf_pool_rouse(pool);
}

static bool is_needed(const struct hay_pool *pool)
{
        uint32_t state = atomic_load_relaxed(&pool->shared->state);
        return !pool->broken && (state == HF_POOL_OPEN || (state == HF_POOL_CLOSED && pool->calls));
}

static unsigned count_workers(const struct hay_pool *pool)
{
        unsigned count = 0;
        for (unsigned i = 0; i < pool->worker_count; i++)
                count += pool->workers[i] != NULL;
        return count;
}

/* Start those that are missing; a failing fork is tried again after a while. */
static void replace(struct hay_pool *pool)
{
        hay_time now = hay_now();
        if (!pool->retry_at || now < pool->retry_at)
                return;
        pool->retry_at = 0;
        for (unsigned i = 0; i < pool->worker_count && is_needed(pool); i++) {
                if (pool->workers[i])
                        continue;
                int r = hf_pool_start_worker(pool, i);
                if (r == 0) {
                        pool->failing_since = 0;
                        continue;
                }
                pool->retry_at = hay_in_ms(RETRY_AFTER_MS);
                if (!pool->failing_since)
                        pool->failing_since = now;
                if (!count_workers(pool) && now - pool->failing_since > GIVE_UP_AFTER)
                        break_pool(pool, r, "no worker is left, and none can be started: %s",
                                   strerrordesc_np(-r));
                return;
        }
}

static void judge(struct hay_pool *pool, const struct hf_worker *worker, pid_t pid,
                  const struct hay_exit *exit)
{
        bool struck = !worker->claims && (exit->code || exit->signal);
        pool->strikes = struck ? pool->strikes + 1 : 0;
        if (atomic_load_acquire(&pool->shared->failed_initializer))
                break_pool(pool, -EPIPE, "the initializer failed: it returned %d",
                           (int)pool->shared->initializer_code);
        else if (pool->strikes > STRIKES_MOST && exit->signal)
                break_pool(pool, -EPIPE,
                           "%u workers in a row died before they began an item, the last (pid %d) "
                           "by signal %d",
                           pool->strikes, (int)pid, exit->signal);
        else if (pool->strikes > STRIKES_MOST)
                break_pool(pool, -EPIPE,
                           "%u workers in a row ended before they began an item, the last (pid %d) "
                           "with exit code %d",
                           pool->strikes, (int)pid, exit->code);
}

static void settle_death(struct hay_pool *pool, unsigned index, const struct hay_exit *exit)
{
        struct hf_worker *worker = &pool->shared->workers[index];
        pid_t pid = hay_process_pid(pool->workers[index]);
        hay_process_close(pool->workers[index]);
        pool->workers[index] = NULL;
        for (struct hf_call *call = pool->calls; call; call = call->next)
                hf_job_bury(call, worker, pid, exit);
        judge(pool, worker, pid, exit);
        *worker = (struct hf_worker){ 0 };
        pool->retry_at = hf_max(pool->retry_at, (hay_time)1);
        hf_pool_call(pool->shared, INT32_MAX);
}

void hf_pool_mind(struct hay_pool *pool)
{
        for (unsigned i = 0; i < pool->worker_count; i++) {
                struct hay_exit exit;
                if (pool->workers[i] && hay_process_join(pool->workers[i], HAY_NOWAIT, &exit) == 0)
                        settle_death(pool, i, &exit);
        }
        replace(pool);
        hf_job_reap(pool);
}
