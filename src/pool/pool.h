/* The owner's side of a pool: private memory of the process that made it. */
#ifndef HF_POOL_POOL_H
#define HF_POOL_POOL_H

#include "pool/shared.h"

#include <hayfork/process.h>

#include <poll.h>
#include <pthread.h>

/* One running map or apply, on the stack of its caller. */
struct hf_call {
        struct hf_call *next;
        const struct hay_map *map;
        unsigned slot;
        struct hf_job *job;
        uint32_t all_done_below; /* chunks below it are done */
        uint64_t death_index;    /* + 1 of the first item that a worker died in; 0: none */
        pid_t death_pid;
        struct hay_exit death;
};

struct hay_pool {
        pthread_mutex_t lock; /* over all below, but what says otherwise */
        pid_t owner;
        struct hay_pool_options options;
        struct hf_pool_shared *shared;
        unsigned worker_count;
        hay_process **workers; /* NULL: it died and is not replaced yet */
        struct hf_bell bell;
        struct pollfd *entries; /* the minder's */
        uint32_t minding;       /* atomic: a waiting thread minds the workers, see wait.c */
        uint32_t calls_word;    /* atomic: moves when a call ends; others sleep on it */
        struct hf_call *calls;
        uint32_t used_slots;
        uint32_t retired_slots; /* used by no call any more, maybe looked at by a worker */
        unsigned strikes;       /* workers in a row that died before they did anything */
        hay_time retry_at;      /* when to start workers again; 0: none is missing */
        hay_time failing_since;
        int broken; /* -EPIPE or what fork said: no more jobs; why: */
        char reason[120];
};

/* mind.c: under the lock. */

/* Start worker `index`. 0 or -errno. */
int hf_pool_start_worker(struct hay_pool *pool, unsigned index);

/* Settle the deaths of those workers that ended, and replace them if there is need. */
void hf_pool_mind(struct hay_pool *pool);

/* job.c: under the lock, but hf_job_collect(). */

/* Make the job and let the workers see it. 0, -ENOMEM; -EBUSY: no slot is free. */
int hf_job_publish(struct hay_pool *pool, struct hf_call *call);

/* Take it from the workers; its memory is freed when none looks at it any more. */
void hf_job_retire(struct hay_pool *pool, struct hf_call *call);

/* Free the memory of retired jobs that nobody looks at any more. */
void hf_job_reap(struct hay_pool *pool);

/* A worker died: what it had begun is settled, the rest is free again. */
void hf_job_bury(struct hf_call *call, struct hf_worker *worker, pid_t pid,
                 const struct hay_exit *exit);

/* Whether every item had its outcome. */
bool hf_job_is_done(struct hf_call *call);

/* Copy the results to the caller's memory. The first error of all items, told in `error`. */
int hf_job_collect(struct hay_pool *pool, struct hf_call *call, struct hay_error *error);

/* wait.c: wait until the call is done. 0; -ETIMEDOUT; -EPIPE: terminated or broken. Not locked. */
int hf_pool_wait(struct hay_pool *pool, struct hf_call *call);

/* Wake all who wait in this pool, to look again. */
void hf_pool_rouse(struct hay_pool *pool);

#endif
