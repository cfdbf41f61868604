/* A job's way: made in a slot of the pool's shared block, seen by the workers, settled when one
 * dies, taken away, collected. The words and the crash table are in shared.h. */
#include "pool/pool.h"

#include "base/error.h"
#include "memory/heap.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* A worker should come back for more some 16 times, so that an uneven one at the end costs little.
 */
#define CHUNKS_PER_WORKER 16

static uint64_t choose_chunk(const struct hay_map *map, unsigned workers)
{
        uint64_t chunk = map->chunk;
        if (!chunk)
                chunk = (map->count - 1) / ((uint64_t)workers * CHUNKS_PER_WORKER) + 1;
        uint64_t least = (map->count - 1) / HF_POOL_CHUNKS_MOST + 1;
        return hf_min(hf_max(chunk, least), (uint64_t)HF_POOL_CHUNKS_MOST);
}

/* What the caller has outside the region has a block there. */
static int make_room(const void *bytes, size_t size, hf_offset *place)
{
        if (!bytes || !size || hf_in_region(bytes, size))
                return 0;
        return hf_heap_alloc_at(place, size, 64, false);
}

static int make_job(struct hay_pool *pool, struct hf_call *call, struct hf_job_slot *slot)
{
        const struct hay_map *map = call->map;
        uint64_t chunk = choose_chunk(map, pool->worker_count);
        uint32_t chunks = (uint32_t)((map->count - 1) / chunk + 1);
        size_t words = sizeof(struct hf_job) + chunks * sizeof(uint64_t);
        size_t failures = words + pool->worker_count * sizeof(struct hf_failure);
        int r = make_room(map->in, map->count * map->in_size, &slot->in);
        if (r == 0)
                r = make_room(map->out, map->count * map->out_size, &slot->out);
        size_t bits = slot->out ? (map->count / 64 + 1) * sizeof(uint64_t) : 0;
        if (r == 0)
                r = hf_heap_alloc_at(&slot->job, failures + bits, HF_CACHE_LINE, true);
        if (r < 0)
                return r;
        if (slot->in)
                memcpy(hf_at(slot->in), map->in, map->count * map->in_size);
        call->job = hf_at(slot->job);
        *call->job = (struct hf_job){
                .task = map->task,
                .in = slot->in ? hf_at(slot->in) : map->in,
                .out = slot->out ? hf_at(slot->out) : map->out,
                .arg = map->arg,
                .in_size = map->in_size,
                .out_size = map->out_size,
                .count = map->count,
                .chunk = chunk,
                .chunks = chunks,
                .failures = slot->job + words,
                .failed = bits ? slot->job + failures : 0,
        };
        return 0;
}

static void free_slot(struct hay_pool *pool, unsigned index)
{
        struct hf_job_slot *slot = &pool->shared->slots[index];
        hf_offset *places[] = { &slot->in, &slot->out, &slot->job };
        for (int i = 0; i < 3; i++)
                if (*places[i])
                        hf_heap_free_at(places[i]);
        pool->used_slots &= ~(1u << index);
        pool->retired_slots &= ~(1u << index);
}

int hf_job_publish(struct hay_pool *pool, struct hf_call *call)
{
        if (!~pool->used_slots)
                return -EBUSY;
        call->slot = (unsigned)__builtin_ctz(~pool->used_slots);
        pool->used_slots |= 1u << call->slot;
        struct hf_job_slot *slot = &pool->shared->slots[call->slot];
        int r = make_job(pool, call, slot);
        if (r < 0) {
                free_slot(pool, call->slot);
                return r;
        }
        call->next = pool->calls;
        pool->calls = call;
        atomic_store_release(&slot->ready, slot->job);
        hf_pool_call(pool->shared, 1);
        return 0;
}

/* [P2] See worker.c: the slot was cleared before, in one order with their announcements. */
static bool is_looked_at(struct hay_pool *pool, unsigned index)
{
        hf_offset job = pool->shared->slots[index].job;
        for (unsigned i = 0; i < pool->worker_count; i++)
                if (pool->workers[i] && atomic_load_full(&pool->shared->workers[i].job) == job)
                        return true;
        return false;
}

void hf_job_reap(struct hay_pool *pool)
{
        for (uint32_t left = pool->retired_slots; left; left &= left - 1) {
                unsigned index = (unsigned)__builtin_ctz(left);
                if (!is_looked_at(pool, index))
                        free_slot(pool, index);
        }
}

void hf_job_retire(struct hay_pool *pool, struct hf_call *call)
{
        atomic_store_relaxed(&call->job->cancelled, 1u);
        atomic_swap(&pool->shared->slots[call->slot].ready, (hf_offset)0);
        struct hf_call **link = &pool->calls;
        while (*link != call)
                link = &(*link)->next;
        *link = call->next;
        pool->retired_slots |= 1u << call->slot;
        hf_job_reap(pool);
        /* Workers of a closed pool stay for the jobs that there are. */
        if (atomic_load_relaxed(&pool->shared->state) != HF_POOL_OPEN)
                hf_pool_call(pool->shared, INT32_MAX);
}

static void note_death(struct hf_call *call, uint64_t item, pid_t pid, const struct hay_exit *exit)
{
        if (call->death_index && call->death_index <= item + 1)
                return;
        call->death_index = item + 1;
        call->death_pid = pid;
        call->death = *exit;
}

/* The chunk that the dead worker had. */
static void give_back(struct hf_call *call, const struct hf_worker *worker, pid_t pid,
                      const struct hay_exit *exit)
{
        struct hf_job *job = call->job;
        uint32_t chunk = (uint32_t)(worker->chunk - 1);
        if (!worker->chunk || chunk >= job->chunks)
                return;
        uint64_t word = atomic_load_acquire(&job->words[chunk]);
        if (hf_chunk_state(word) != HF_CHUNK_RUNNING || hf_chunk_worker(word) != worker->member)
                return;
        uint64_t first = hf_chunk_first(job, chunk);
        uint64_t end = hf_chunk_end(job, chunk);
        uint64_t items = hf_chunk_items(word);
        if (worker->item > first + items && worker->item <= end) {
                note_death(call, worker->item - 1, pid, exit);
                hf_job_mark_failed(job, worker->item - 1);
                items = worker->item - first;
        }
        if (first + items < end)
                atomic_cas(&job->words[chunk], word, hf_chunk_word(HF_CHUNK_FREE, items, 0));
        else
                atomic_cas(&job->words[chunk], word, hf_chunk_word(HF_CHUNK_DONE, 0, 0));
}

static void skip_done(struct hf_call *call)
{
        struct hf_job *job = call->job;
        while (call->all_done_below < job->chunks &&
               hf_chunk_state(atomic_load_acquire(&job->words[call->all_done_below])) ==
                       HF_CHUNK_DONE)
                call->all_done_below++;
}

void hf_job_bury(struct hf_call *call, struct hf_worker *worker, pid_t pid,
                 const struct hay_exit *exit)
{
        struct hf_job *job = call->job;
        atomic_swap(&job->nervous, 1u);
        if (worker->job == hf_offset_of(job))
                give_back(call, worker, pid, exit);
        skip_done(call);
        for (uint32_t i = call->all_done_below; i < job->chunks; i++) {
                if (hf_chunk_state(atomic_load_relaxed(&job->words[i])) != HF_CHUNK_FREE)
                        continue;
                if (i < atomic_load_relaxed(&job->cursor))
                        atomic_store_relaxed(&job->cursor, i);
                return;
        }
}

bool hf_job_is_done(struct hf_call *call)
{
        struct hf_job *job = call->job;
        if (atomic_load_acquire(&job->finished))
                return true;
        if (!atomic_load_relaxed(&job->nervous))
                return false;
        skip_done(call);
        return call->all_done_below == job->chunks;
}

static int tell_death(const struct hf_call *call, struct hay_error *error)
{
        const struct hay_exit *exit = &call->death;
        unsigned long item = call->death_index - 1;
        int pid = (int)call->death_pid;
        if (exit->signal == SIGKILL)
                hf_error(error, -ECHILD,
                         "item %lu: its worker (pid %d) was killed by SIGKILL, possibly because "
                         "memory ran out",
                         item, pid);
        else if (exit->signal)
                hf_error(error, -ECHILD, "item %lu: its worker (pid %d) died by signal %d (SIG%s)",
                         item, pid, exit->signal, sigabbrev_np(exit->signal));
        else
                hf_error(error, -ECHILD, "item %lu: its worker (pid %d) ended with exit code %d",
                         item, pid, exit->code);
        if (error) {
                error->index = item;
                error->pid = call->death_pid;
                error->signal = exit->signal;
        }
        return -ECHILD;
}

/* The failing item with the least index, of all workers; its index + 1, 0: none. */
static uint64_t first_failure(struct hay_pool *pool, const struct hf_job *job, int *ret_code)
{
        const struct hf_failure *failures = hf_at(job->failures);
        uint64_t least = 0;
        for (unsigned i = 0; i < pool->worker_count; i++) {
                uint32_t current = atomic_load_acquire(&failures[i].current) & 1;
                uint64_t index = failures[i].entries[current].index;
                if (!index || (least && least <= index))
                        continue;
                least = index;
                *ret_code = (int)failures[i].entries[current].code;
        }
        return least;
}

/* The results of the items that have one; where there is none the caller's memory stays as it was. */
static void copy_back(struct hf_call *call, bool some_failed)
{
        const struct hf_job *job = call->job;
        const uint64_t *failed = hf_at(job->failed);
        size_t size = job->out_size;
        unsigned char *out = call->map->out;
        if (!some_failed) {
                memcpy(out, job->out, job->count * size);
                return;
        }
        for (uint64_t i = 0; i < job->count; i++)
                if (!(failed[i / 64] >> i % 64 & 1))
                        memcpy(out + i * size, job->out + i * size, size);
}

int hf_job_collect(struct hay_pool *pool, struct hf_call *call, struct hay_error *error)
{
        const struct hf_job *job = call->job;
        int code = 0;
        uint64_t failed = first_failure(pool, job, &code);
        if (pool->shared->slots[call->slot].out)
                copy_back(call, failed || call->death_index);
        if (call->death_index && (!failed || call->death_index <= failed))
                return tell_death(call, error);
        if (!failed)
                return 0;
        hf_error(error, -ECANCELED, "item %lu failed: its task returned %d",
                 (unsigned long)failed - 1, code);
        if (error)
                error->index = failed - 1;
        return -ECANCELED;
}
