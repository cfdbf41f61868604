/* What owner and workers share of a pool: a block of the region, with one slot a job and one a
 * worker.
 *
 * The words, who writes them, and how they may be stale
 *   work      moves when there is work or the state changed; idle workers sleep on it. Anybody.
 *   sleepers  about how many workers sleep on `work`; too high after a death: a wake of nobody.
 *   state     open, closed, terminated; only rises. The owner.
 *   failed_initializer, initializer_code
 *             a worker whose initializer failed. The code is first.
 *   slot.ready  the job that workers may look at; set when it is whole, cleared to retire it. Owner.
 *   slot.job, in, out  places (memory/heap.h) of the job's blocks. Owner.
 *   worker.member  who it is: 0 until it runs. Worker; the owner when it died.
 *   worker.job     the job that it looks at now: such a one is not freed. Worker; the owner when it
 *                  died.
 *   worker.chunk, item  number + 1 of the chunk and the item that it has begun, 0: none. Worker.
 *   worker.claims  how many chunks it has taken. Worker.
 *   job.cursor     a hint where free chunks are. Anybody.
 *   job.done       chunks whose word says done; too low after a death, until the owner has counted.
 *   job.finished   1: all are done; the waiting owner may sleep on it. Who did the last one.
 *   job.waiting    the owner sleeps: ring. job.nervous: a worker died, ring after each chunk. Owner.
 *   job.cancelled  nobody begins an item any more. Owner.
 *   job.words[chunk]  the truth: see below.
 *   failed[item / 64]  a bit for each item without a result, where results are copied back (0: they
 *                  are not). Set by who settles the item, before its chunk's word says so.
 *   failures[worker]  the failing item with the least index that this worker had: the entry that
 *                  `current` names; the other one is being written. Worker.
 *
 * A chunk's word: state:2 | items done before this run:31 | the worker's member id:31. free -> running
 * is a CAS by its worker, who stands in the word from that instant on; running -> done is a store by the
 * same, since nobody else changes the word of one that lives; running by a dead one -> free again (with
 * the items up to the one that it died in counted as done), or done, by the owner. So every item is begun
 * once.
 *
 * The crash table
 *   worker  before its claim: the cursor may have passed a free chunk; the owner sets it back.
 *           Claimed, no item begun (item is 0): free again as it was.
 *           In an item, or between two: the last begun one is the one that it died in: it is reported
 *           with the worker's signal; the rest is free again.
 *           Done, not counted or not rung: the owner learns of the death by itself, and counts.
 *           A failure written, `current` not flipped: the item counts as the one that it died in.
 *   owner   the workers hang on its lifeline and die; burial frees the blocks when they are dead
 *           (estate.c). */
#ifndef HF_POOL_SHARED_H
#define HF_POOL_SHARED_H

#include "base/checked.h"
#include "member/member.h"
#include "os/bell.h"
#include "region/root.h"

#include <hayfork/pool.h>

#define HF_POOL_JOBS 32
#define HF_POOL_CHUNKS_MOST ((uint64_t)1 << 30)

enum hf_pool_state { HF_POOL_OPEN, HF_POOL_CLOSED, HF_POOL_TERMINATED };

struct hf_worker {
        _Alignas(HF_CACHE_LINE) hf_member_id member;
        uint32_t claims;
        hf_offset job;
        uint64_t chunk;
        uint64_t item;
};

struct hf_job_slot {
        hf_offset ready;
        hf_offset job;
        hf_offset in;
        hf_offset out;
};

struct hf_pool_shared {
        hf_offset next; /* of the pools that a member made */
        uint32_t worker_count;
        uint32_t initializer_code;
        _Alignas(HF_CACHE_LINE) uint32_t work;
        uint32_t sleepers;
        uint32_t state;
        uint32_t failed_initializer;
        uint32_t spin_hint;
        _Alignas(HF_CACHE_LINE) struct hf_job_slot slots[HF_POOL_JOBS];
        struct hf_worker workers[];
};

struct hf_failure {
        uint32_t current;
        uint32_t unused;
        struct {
                uint64_t index; /* + 1; 0: none */
                int64_t code;
        } entries[2];
};

struct hf_job {
        hay_task *task;
        const unsigned char *in;
        unsigned char *out;
        void *arg;
        size_t in_size;
        size_t out_size;
        uint64_t count;
        uint64_t chunk; /* items in each but the last */
        uint32_t chunks;
        hf_offset failures; /* one a worker */
        hf_offset failed;   /* one bit an item, or 0 */
        _Alignas(HF_CACHE_LINE) uint32_t cursor;
        _Alignas(HF_CACHE_LINE) uint32_t done;
        uint32_t finished;
        uint32_t waiting;
        uint32_t nervous;
        uint32_t cancelled;
        _Alignas(HF_CACHE_LINE) uint64_t words[];
};

static inline void hf_job_mark_failed(struct hf_job *job, uint64_t item)
{
        if (job->failed)
                atomic_or((uint64_t *)hf_at(job->failed) + item / 64, 1ull << item % 64);
}

enum hf_chunk_state { HF_CHUNK_FREE, HF_CHUNK_RUNNING, HF_CHUNK_DONE };

static inline uint64_t hf_chunk_word(enum hf_chunk_state state, uint64_t items, hf_member_id worker)
{
        return (uint64_t)state << 62 | items << 31 | worker;
}

static inline enum hf_chunk_state hf_chunk_state(uint64_t word)
{
        return (enum hf_chunk_state)(word >> 62);
}

static inline uint64_t hf_chunk_items(uint64_t word)
{
        return word >> 31 & 0x7fffffff;
}

static inline hf_member_id hf_chunk_worker(uint64_t word)
{
        return word & HF_MEMBER_ID_MASK;
}

/* The items of a chunk are [first, end). */
static inline uint64_t hf_chunk_first(const struct hf_job *job, uint32_t chunk)
{
        return chunk * job->chunk;
}

static inline uint64_t hf_chunk_end(const struct hf_job *job, uint32_t chunk)
{
        return hf_min(job->count, (chunk + 1) * job->chunk);
}

/* worker.c: the life of worker `index`, in its process: its exit code. */
int hf_worker_run(struct hf_pool_shared *shared, uint32_t index, const struct hf_bell *bell,
                  const struct hay_pool_options *options);

/* Say that there is work, or another state: wake up to `count` idle workers. */
void hf_pool_call(struct hf_pool_shared *shared, int count);

/* estate.c: let the pool, noted in self->intents.block, be one of this member's, so that its blocks
 * are freed if it dies. */
void hf_estate_add(struct hf_member *self, struct hf_pool_shared *shared);

/* Free the pool's blocks, whose workers have ended. */
void hf_estate_free(struct hf_pool_shared *shared);

#endif
