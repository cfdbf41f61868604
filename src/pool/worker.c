/* A worker: it looks through the pool's jobs for free chunks, runs them, and sleeps when there are
 * none. The words and the crash table are in shared.h. */
#include "pool/shared.h"

#include "base/safe.h"
#include "member/park.h"
#include "os/bell.h"

#include <errno.h>

enum { ENDED = 0, NO_MEMBER = 2, BAD_INITIALIZER = 3 };

void hf_pool_call(struct hf_pool_shared *shared, int count)
{
        atomic_add(&shared->work, 1u);
        if (count > 0 && atomic_load_full(&shared->sleepers))
                hf_unpark(&shared->work, count);
}

static void note_failure(struct hf_job *job, uint32_t worker, uint64_t item, int code)
{
        struct hf_failure *failure = (struct hf_failure *)hf_at(job->failures) + worker;
        uint32_t current = failure->current & 1;
        hf_job_mark_failed(job, item);
        uint64_t least = failure->entries[current].index;
        if (least && least <= item + 1)
                return;
        failure->entries[!current].index = item + 1;
        failure->entries[!current].code = code;
        atomic_store_release(&failure->current, !current);
}

/* Run the items of a chunk that is ours. False: the job was cancelled in the middle. */
static bool run_items(struct hf_job *job, struct hf_worker *self, uint32_t worker, uint32_t chunk,
                      uint64_t first)
{
        uint64_t end = hf_chunk_end(job, chunk);
        for (uint64_t i = first; i < end; i++) {
                if (atomic_load_relaxed(&job->cancelled))
                        return false;
                if (HF_SAFE)
                        atomic_store_relaxed(&self->item, i + 1);
                atomic_keep_order();
                int code = job->task(job->in ? job->in + i * job->in_size : NULL,
                                     job->out ? job->out + i * job->out_size : NULL, job->arg);
                if (hf_unlikely(code))
                        note_failure(job, worker, i, code);
        }
        return true;
}

/* [P1] The chunk's word is done, with all that the items wrote before it. Then count it: who counts
 * the last one, says so. The owner looks at `waiting` after it has stored it and before it looks at
 * `finished` for the last time (wait.c), so one of both sees the other. */
static void count_chunk(struct hf_job *job, const struct hf_bell *bell)
{
        bool last = atomic_add(&job->done, 1u) + 1 == job->chunks;
        if (last)
                atomic_swap(&job->finished, 1u);
        if (!last && !atomic_load_full(&job->nervous))
                return;
        if (!atomic_load_full(&job->waiting))
                return;
        hf_unpark(&job->finished, INT32_MAX);
        hf_bell_ring(bell);
}

/* Without a claim: the cursor gave it to nobody else. */
static bool run_unclaimed(struct hf_job *job, struct hf_worker *self, uint32_t worker,
                          uint32_t chunk, const struct hf_bell *bell)
{
        if (!run_items(job, self, worker, chunk, hf_chunk_first(job, chunk)))
                return false;
        count_chunk(job, bell);
        return true;
}

static bool run_chunk(struct hf_job *job, struct hf_worker *self, uint32_t worker, uint32_t chunk,
                      const struct hf_bell *bell)
{
        if (!HF_SAFE)
                return run_unclaimed(job, self, worker, chunk, bell);
        uint64_t word = atomic_load_acquire(&job->words[chunk]);
        if (hf_chunk_state(word) != HF_CHUNK_FREE)
                return true;
        uint64_t items = hf_chunk_items(word);
        uint64_t mine = hf_chunk_word(HF_CHUNK_RUNNING, items, self->member);
        atomic_store_relaxed(&self->item, (uint64_t)0);
        atomic_store_relaxed(&self->chunk, (uint64_t)chunk + 1);
        atomic_keep_order();
        if (!atomic_cas(&job->words[chunk], word, mine))
                return true;
        atomic_store_relaxed(&self->claims, self->claims + 1);
        if (!run_items(job, self, worker, chunk, hf_chunk_first(job, chunk) + items))
                return false;
        /* A process that a task forked and that came back from it is not counted too. */
        if (atomic_load_relaxed(&job->words[chunk]) != mine)
                return true;
        atomic_store_release(&job->words[chunk], hf_chunk_word(HF_CHUNK_DONE, 0, self->member));
        count_chunk(job, bell);
        return true;
}

static bool is_ended(const struct hf_pool_shared *shared)
{
        return atomic_load_relaxed(&shared->state) == HF_POOL_TERMINATED;
}

static bool is_closed(const struct hf_pool_shared *shared)
{
        return atomic_load_acquire(&shared->state) == HF_POOL_CLOSED;
}

/* One that is not done may need this worker yet, if another one dies. */
static bool has_jobs(const struct hf_pool_shared *shared)
{
        for (int i = 0; i < HF_POOL_JOBS; i++)
                if (atomic_load_relaxed(&shared->slots[i].ready))
                        return true;
        return false;
}

/* True if there was anything to run. */
static bool run_job(struct hf_pool_shared *shared, struct hf_job *job, uint32_t worker,
                    const struct hf_bell *bell)
{
        struct hf_worker *self = &shared->workers[worker];
        bool ran = false;
        while (!is_ended(shared) && !atomic_load_relaxed(&job->cancelled)) {
                if (atomic_load_relaxed(&job->cursor) >= job->chunks)
                        break;
                uint32_t chunk = atomic_add(&job->cursor, 1u);
                if (chunk >= job->chunks)
                        break;
                /* Who was woken wakes two more while there is work: the owner woke one. */
                if (!ran && chunk + 1 < job->chunks && atomic_load_relaxed(&shared->sleepers))
                        hf_unpark(&shared->work, 2);
                ran = true;
                if (!run_chunk(job, self, worker, chunk, bell))
                        break;
        }
        return ran;
}

/* [P2] Announce the job, then look again whether it is still there: the owner clears `ready`, then
 * looks for announcements (job.c). So either it sees ours, or we see that it is gone. */
static bool look_for_work(struct hf_pool_shared *shared, uint32_t worker,
                          const struct hf_bell *bell)
{
        struct hf_worker *self = &shared->workers[worker];
        bool ran = false;
        for (int i = 0; i < HF_POOL_JOBS; i++) {
                hf_offset ready = atomic_load_acquire(&shared->slots[i].ready);
                if (!ready)
                        continue;
                atomic_swap(&self->job, ready);
                if (atomic_load_full(&shared->slots[i].ready) == ready)
                        ran |= run_job(shared, hf_at(ready), worker, bell);
                atomic_store_relaxed(&self->chunk, (uint64_t)0);
                atomic_store_release(&self->job, (hf_offset)0);
        }
        return ran;
}

static void sleep_until_work(struct hf_pool_shared *shared, uint32_t seen)
{
        if (hf_spin(&shared->work, seen, &shared->spin_hint))
                return;
        atomic_add(&shared->sleepers, 1u);
        if (atomic_load_full(&shared->work) == seen)
                hf_park(&shared->work, seen, HAY_FOREVER, HF_SLICE_IDLE);
        atomic_add(&shared->sleepers, (uint32_t)-1);
}

int hf_worker_run(struct hf_pool_shared *shared, uint32_t index, const struct hf_bell *bell,
                  const struct hay_pool_options *options)
{
        int r;
        hf_member_id id = hf_self_id(&r);
        if (!id)
                return NO_MEMBER;
        atomic_store_release(&shared->workers[index].member, id);
        if (options->initializer) {
                int code = options->initializer(options->initializer_arg);
                if (code) {
                        atomic_store_relaxed(&shared->initializer_code, (uint32_t)code);
                        atomic_store_release(&shared->failed_initializer, 1u);
                        return BAD_INITIALIZER;
                }
        }
        for (;;) {
                uint32_t seen = atomic_load_acquire(&shared->work);
                bool ran = look_for_work(shared, index, bell);
                if (ran && !is_ended(shared))
                        continue;
                if (is_ended(shared) || (is_closed(shared) && !has_jobs(shared)))
                        return ENDED;
                sleep_until_work(shared, seen);
        }
}
