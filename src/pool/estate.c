/* What a pool leaves in the region when its owner dies. A member's intents name the first of the pools
 * that it made, each names the next, and each names its jobs' blocks. Burial frees them, once no worker
 * lives that may still be writing there; until then the owner stays unburied.
 *
 * The words: intents.pools and shared->next, changed by the threads of the process that made the pool,
 * under its list lock, and by the burier.
 *
 * The crash table
 *   add   linked, the note in intents.block not cleared: burial sees both, and clears the note.
 *   free  the job's places are freed one by one, each in one step. Noted in intents.pool_note, not yet
 *         unlinked: burial sees both, and clears the note. Unlinked: the note frees it. */
#include "pool/shared.h"

#include "memory/heap.h"

#include "os/process.h"

#include <pthread.h>
#include <unistd.h>

/* More pools than any region holds: a list that is longer goes round. */
#define MOST_POOLS (hf_region_size / sizeof(struct hf_pool_shared))

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;

/* The pool that a word names; NULL: none, or what can't be one: no live block of that size. */
static struct hf_pool_shared *pool_at(hf_offset offset)
{
        int r;
        struct hf_pool_shared *shared = hf_checked_at(offset, sizeof(*shared), HF_CACHE_LINE);
        struct hf_member *self = shared ? hf_self(&r) : NULL;
        return self && hf_heap_block_size(self, shared) >= sizeof(*shared) ? shared : NULL;
}

void hf_estate_add(struct hf_member *self, struct hf_pool_shared *shared)
{
        pthread_mutex_lock(&list_lock);
        shared->next = self->intents.pools;
        atomic_keep_order();
        atomic_store_release(&self->intents.pools, hf_offset_of(shared));
        atomic_keep_order();
        hf_heap_linked(self);
        pthread_mutex_unlock(&list_lock);
}

/* The word that names the pool, in whichever member's list of this process. */
static hf_offset *find(struct hf_pool_shared *shared, struct hf_member **ret_member)
{
        pid_t me = getpid();
        for (uint32_t i = 1, window = hf_member_window(); i < window; i++) {
                struct hf_member *member = hf_member_slot(i);
                hf_offset *place = &member->intents.pools;
                if (!*place || hf_member_pid((hf_member_id)member->word) != me)
                        continue;
                struct hf_pool_shared *named;
                for (size_t most = MOST_POOLS; (named = pool_at(*place)) && most; most--) {
                        if (named != shared) {
                                place = &named->next;
                                continue;
                        }
                        *ret_member = member;
                        return place;
                }
        }
        return NULL;
}

static void free_jobs(struct hf_pool_shared *shared)
{
        for (int i = 0; i < HF_POOL_JOBS; i++) {
                struct hf_job_slot *slot = &shared->slots[i];
                atomic_store_release(&slot->ready, (hf_offset)0);
                hf_offset *places[] = { &slot->in, &slot->out, &slot->job };
                for (int j = 0; j < 3; j++)
                        if (*places[j])
                                hf_heap_free_at(places[j]);
        }
}

/* Free the pool that *place names; the note is the step between. */
static void free_pool(hf_offset *place, hf_offset *note)
{
        struct hf_pool_shared *shared = pool_at(*place);
        if (!shared) {
                atomic_store_release(place, (hf_offset)0);
                return;
        }
        free_jobs(shared);
        atomic_store_release(note, *place);
        atomic_keep_order();
        atomic_store_release(place, shared->next);
        hf_heap_free_at(note);
}

void hf_estate_free(struct hf_pool_shared *shared)
{
        int r;
        struct hf_member *self = hf_self(&r);
        struct hf_member *maker;
        pthread_mutex_lock(&list_lock);
        hf_offset *place = find(shared, &maker);
        if (self && place)
                free_pool(place, &maker->intents.pool_note);
        pthread_mutex_unlock(&list_lock);
}

static bool has_living_worker(const struct hf_pool_shared *shared)
{
        size_t room = hf_region_size - hf_offset_of(shared->workers);
        size_t count = hf_min((size_t)shared->worker_count, room / sizeof(*shared->workers));
        for (size_t i = 0; i < count; i++) {
                hf_member_id member = atomic_load_acquire(&shared->workers[i].member);
                if (member && !hf_member_is_dead(member))
                        return true;
        }
        return false;
}

static bool settle(struct hf_member *me, hf_member_id id, struct hf_intents *intents)
{
        (void)me;
        (void)id;
        struct hf_pool_shared *shared;
        size_t most = MOST_POOLS;
        for (hf_offset at = intents->pools; (shared = pool_at(at)) && most; most--) {
                if (has_living_worker(shared))
                        return false;
                hf_offset *notes[] = { &intents->block, &intents->pool_note };
                for (int i = 0; i < 2; i++)
                        if (*notes[i] == at)
                                atomic_store_release(notes[i], (hf_offset)0);
                at = shared->next;
        }
        if (intents->pool_note)
                hf_heap_free_at(&intents->pool_note);
        for (most = MOST_POOLS; intents->pools && most; most--)
                free_pool(&intents->pools, &intents->pool_note);
        return true;
}

/* The thread that held it is not in the child. */
static void forget_lock(void)
{
        pthread_mutex_init(&list_lock, NULL);
}

__attribute__((constructor)) static void at_start(void)
{
        hf_at_fork(forget_lock);
        hf_at_burial(settle);
}
