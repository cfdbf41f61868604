/* Waiting for a call. Of all threads of the owner that wait in a pool, one minds its workers: it
 * sleeps on the bell and on the workers' sentinels, so that it learns of deaths at once. The others
 * sleep on their job's `finished`, in slices. When the minder goes, another one takes its place.
 *
 * [P1] A job's `waiting` is stored before the last look at `finished`; see count_chunk() in
 * worker.c. */
#include "pool/pool.h"

#include "member/park.h"
#include "os/poll.h"

#include <errno.h>

static uint32_t spin_hint;

void hf_pool_rouse(struct hay_pool *pool)
{
        hf_bell_ring(&pool->bell);
        for (struct hf_call *call = pool->calls; call; call = call->next)
                hf_unpark(&call->job->finished, INT32_MAX);
        atomic_add(&pool->calls_word, 1u);
        hf_unpark(&pool->calls_word, INT32_MAX);
}

/* The lock is held. 0: go on waiting; 1: done. */
static int look(struct hay_pool *pool, struct hf_call *call)
{
        if (hf_job_is_done(call))
                return 1;
        if (pool->broken)
                return pool->broken;
        if (atomic_load_relaxed(&pool->shared->state) == HF_POOL_TERMINATED)
                return -EPIPE;
        return hf_is_past(call->map->deadline) ? -ETIMEDOUT : 0;
}

/* Only the minder calls this: it alone closes handles of workers, so their fds stay while it
 * sleeps. */
static void sleep_minding(struct hay_pool *pool, hay_time deadline)
{
        struct pollfd *entries = pool->entries;
        hay_time until = hay_now() + HF_SLICE_IDLE;
        size_t count = 0;
        entries[count++] = (struct pollfd){ .fd = pool->bell.fd, .events = POLLIN };
        for (unsigned i = 0; i < pool->worker_count; i++)
                if (pool->workers[i])
                        entries[count++] =
                                (struct pollfd){ .fd = hay_process_sentinel(pool->workers[i]),
                                                 .events = POLLIN };
        if (pool->retry_at > 1)
                until = hf_min(until, pool->retry_at);
        if (deadline != HAY_FOREVER)
                until = hf_min(until, deadline);
        pthread_mutex_unlock(&pool->lock);
        hf_poll(entries, count, until);
        hf_bell_clear(&pool->bell);
        pthread_mutex_lock(&pool->lock);
}

static int wait_minding(struct hay_pool *pool, struct hf_call *call)
{
        int r;
        hf_pool_mind(pool);
        while ((r = look(pool, call)) == 0) {
                sleep_minding(pool, call->map->deadline);
                hf_pool_mind(pool);
        }
        return r;
}

static void sleep_beside(struct hay_pool *pool, struct hf_call *call)
{
        pthread_mutex_unlock(&pool->lock);
        hf_park(&call->job->finished, 0, call->map->deadline, HF_SLICE_OWNED);
        pthread_mutex_lock(&pool->lock);
}

int hf_pool_wait(struct hay_pool *pool, struct hf_call *call)
{
        struct hf_job *job = call->job;
        bool done = hf_spin(&job->finished, 0, &spin_hint) && atomic_load_acquire(&job->finished);
        if (done && !atomic_load_relaxed(&job->nervous))
                return 0;
        atomic_swap(&job->waiting, 1u);
        /* Also when it is done: whoever noted a death did so under the lock. */
        pthread_mutex_lock(&pool->lock);
        int r;
        while ((r = look(pool, call)) == 0) {
                if (!atomic_cas(&pool->minding, 0u, 1u)) {
                        sleep_beside(pool, call);
                        continue;
                }
                r = wait_minding(pool, call);
                atomic_store_release(&pool->minding, 0u);
                if (pool->calls->next)
                        hf_pool_rouse(pool);
                break;
        }
        pthread_mutex_unlock(&pool->lock);
        return hf_min(r, 0);
}
