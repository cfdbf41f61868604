/* The member table.
 *
 * The words
 *   slot.word     id:31 | burying:1 | pid:22 | start:10. The id is epoch:18 | slot:13. A pid of 0
 *                 means free; the id is then that of the next member here. Changed by one CAS each:
 *                 join, leave, bury. Burying: somebody settles what its dead member left, or has
 *                 died of it. start is the low end of the process's start time, against reused
 *                 pids; 0 with an unreadable /proc.
 *   slot.intents  what the member is in the middle of; written by it alone while it lives, by the
 *                 burier (who holds `burial`) afterwards. All zero in a free slot.
 *   root.window   slots 1 to window - 1 may be in use and their pages exist; only grows.
 *   root.next     a hint where to look for a free slot, so that ids are long out of use before they
 *                 come back: that takes 2^18 times the window in joins.
 *   root.deaths   counts burials; late by one if the burier dies.
 *
 * The matrix: join against join, leave and bury meet in the CAS of slot.word. Burials of members
 * with intents exclude each other by `burial`, a guard; others need none. Who joins a full table
 * takes the slots of those that left nothing undone; it is no member yet and can't hold the guard.
 * So [M1] a burier marks the word before it touches the intents, and by the CAS that ends it the
 * slot is free: in between the intents may be all zero already, while the burier writes there still.
 *
 * The crash table
 *   join   before the CAS: nothing. After: a member without intents, that is dead.
 *   leave  as join, the other way round.
 *   bury   marked: the next burier settles again what is left of the intents (a resolver finds its
 *          own work done). Freed, before deaths: the count is late; sleepers look at the owner words
 *          at the end of their slice anyway.
 *   grow   pages reserved, window not stored: the next one reserves them again. */
#include "member/member.h"

#include "base/checked.h"
#include "member/guard.h"
#include "os/process.h"
#include "region/root.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_MASK 0x3ffu
#define BURYING 0x80000000ull
#define FIRST_WINDOW 256u
#define BURIALS 8

_Static_assert(sizeof(struct hf_member) == 128, "the region's layout knows this size");

static uint32_t no_process;
uint32_t *hf_process_key = &no_process;
__thread struct hf_thread hf_thread __attribute__((tls_model("initial-exec"))) = { NULL, 0, 1 };

static pthread_key_t leave_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static hf_burial *burials[BURIALS];
static unsigned burial_count;

static hf_member_id id_of(uint64_t word)
{
        return (hf_member_id)word & HF_MEMBER_ID_MASK;
}

static pid_t pid_of(uint64_t word)
{
        return (pid_t)(word >> 32 & 0x3fffff);
}

static uint64_t occupied(hf_member_id id, pid_t pid, uint64_t start_time)
{
        return (uint64_t)id | (uint64_t)(uint32_t)pid << 32 | (start_time & START_MASK) << 54;
}

/* A free slot's word: it holds the id of the next member here. */
static uint64_t vacated(hf_member_id id)
{
        return (id + HF_MEMBER_SLOTS) & HF_MEMBER_ID_MASK;
}

static struct hf_member *slot_at(uint32_t index)
{
        struct hf_member *table = hf_at(hf_region_layout.members);
        return &table[index & (HF_MEMBER_SLOTS - 1)];
}

struct hf_member *hf_member_slot(hf_member_id id)
{
        return slot_at(id);
}

/* Reading a start time costs more than all the rest of a look, and tells of a reused pid alone:
 * that may be found out a few looks later. */
static bool is_ended(uint64_t word)
{
        static _Thread_local unsigned turn;
        uint64_t start = turn++ % 8 ? 0 : word >> 54;
        return !hf_process_runs(pid_of(word), start, START_MASK);
}

uint32_t hf_member_window(void)
{
        uint32_t window = atomic_load_acquire(&hf_region_root()->member.window);
        return hf_min(window, HF_MEMBER_SLOTS);
}

static bool has_intents(const struct hf_member *slot)
{
        static const struct hf_intents none;
        return memcmp(&slot->intents, &none, sizeof(none)) != 0;
}

static void count_death(void)
{
        atomic_add(&hf_region_root()->member.deaths, 1);
}

/* Free the slots of dead members that left nothing undone. */
static int reclaim(void)
{
        int count = 0;
        for (uint32_t i = 1, window = hf_member_window(); i < window; i++) {
                struct hf_member *slot = slot_at(i);
                uint64_t word = atomic_load_acquire(&slot->word);
                if (!pid_of(word) || (word & BURYING) || !is_ended(word) || has_intents(slot))
                        continue;
                /* [M1] Not if it is marked since. */
                if (atomic_cas(&slot->word, word, vacated(id_of(word)))) {
                        count_death();
                        count++;
                }
        }
        return count;
}

static int grow(uint32_t window)
{
        uint32_t larger = window ? window * 2 : FIRST_WINDOW;
        if (larger > HF_MEMBER_SLOTS)
                return -ENOMEM;
        int r = hf_region_reserve(hf_region_layout.members + window * sizeof(struct hf_member),
                                  (larger - window) * sizeof(struct hf_member));
        if (r < 0)
                return r;
        atomic_cas(&hf_region_root()->member.window, window, larger);
        return 0;
}

/* The first free slot after the hint, taken; NULL when there is none. */
static struct hf_member *take_slot(pid_t pid, uint64_t start_time)
{
        uint32_t window = hf_member_window();
        uint32_t first = atomic_load_relaxed(&hf_region_root()->member.next);
        for (uint32_t i = 0; i < window; i++) {
                uint32_t index = (first + i) % window;
                if (!index)
                        continue;
                struct hf_member *slot = slot_at(index);
                uint64_t word = atomic_load_relaxed(&slot->word);
                if (pid_of(word))
                        continue;
                hf_member_id id = (id_of(word) & ~(HF_MEMBER_SLOTS - 1)) | index;
                if (!atomic_cas(&slot->word, word, occupied(id, pid, start_time)))
                        continue;
                atomic_store_relaxed(&hf_region_root()->member.next, index + 1);
                return slot;
        }
        return NULL;
}

/* A thread's end; also the process's, for the thread that ends it. `value` may be the slot of the
 * thread that forked this process: then it is not ours. */
static void leave(void *value)
{
        struct hf_member *slot = value;
        uint64_t word = atomic_load_relaxed(&slot->word);
        if (hf_thread.member != slot || hf_thread.key != atomic_load_relaxed(hf_process_key) ||
            id_of(word) != hf_thread.id || has_intents(slot))
                return;
        hf_thread = (struct hf_thread){ NULL, 0, 1 };
        atomic_cas(&slot->word, word, vacated(id_of(word)));
        count_death();
}

static void leave_at_exit(void)
{
        if (hf_thread.member)
                leave(hf_thread.member);
}

static void forget_process(void)
{
        atomic_store_relaxed(hf_process_key, 0u);
}

/* The key is wiped by the kernel at any fork; where it can't do that, by fork(3) alone. */
static void prepare(void)
{
        uint32_t *page = hf_wiped_page();
        if (page)
                hf_process_key = page;
        hf_at_fork(forget_process);
        pthread_key_create(&leave_key, leave);
        atexit(leave_at_exit);
}

struct hf_member *hf_join(int *ret_error)
{
        int r = hf_region_ready();
        if (r < 0)
                goto fail;
        pthread_once(&once, prepare);
        pid_t pid = getpid();
        uint64_t start_time = hf_process_start_time(pid);
        struct hf_member *slot;
        while (!(slot = take_slot(pid, start_time))) {
                uint32_t window = hf_member_window();
                if (window && reclaim())
                        continue;
                r = grow(window);
                if (r < 0)
                        goto fail;
        }
        slot->thread = (uint32_t)hf_thread_id();
        uint32_t key = (uint32_t)pid | 0x80000000u;
        hf_thread = (struct hf_thread){ slot, id_of(atomic_load_relaxed(&slot->word)), key };
        atomic_store_relaxed(hf_process_key, key);
        pthread_setspecific(leave_key, slot);
        return slot;
fail:
        *ret_error = r;
        return NULL;
}

bool hf_member_is_dead(hf_member_id id)
{
        id &= HF_MEMBER_ID_MASK;
        if (!id)
                return false;
        uint64_t word = atomic_load_acquire(&slot_at(id)->word);
        if (id_of(word) != id || !pid_of(word) || (word & BURYING))
                return true;
        return is_ended(word);
}

pid_t hf_member_pid(hf_member_id id)
{
        uint64_t word = atomic_load_acquire(&slot_at(id)->word);
        return id_of(word) == (id & HF_MEMBER_ID_MASK) ? pid_of(word) : 0;
}

void hf_at_burial(hf_burial *settle)
{
        if (burial_count < BURIALS)
                burials[burial_count++] = settle;
}

static bool settle(struct hf_member *me, struct hf_member *slot, hf_member_id id)
{
        bool settled = true;
        for (unsigned i = burial_count; i-- > 0;)
                settled &= burials[i](me, id, &slot->intents);
        return settled;
}

/* The burial guard is held. False: another member has the slot, or it is not time yet. */
static bool settle_and_free(struct hf_member *me, struct hf_member *slot, uint64_t word)
{
        hf_member_id id = id_of(word);
        /* [M1] From here on nobody joins in this slot. Without it, one could as soon as the last
         * intent is settled, and its own would be settled and wiped. */
        if (!(word & BURYING) && !atomic_cas(&slot->word, word, word | BURYING))
                return false;
        if (!settle(me, slot, id))
                return false;
        memset(&slot->intents, 0, sizeof(slot->intents));
        return atomic_cas(&slot->word, word | BURYING, vacated(id));
}

static bool bury(struct hf_member *me, struct hf_member *slot, uint64_t seen)
{
        struct hf_guard *guard = (struct hf_guard *)(void *)&hf_region_root()->member.burial_word;
        bool buried = false;
        hf_guard_lock(guard, hf_thread.id, NULL, NULL);
        uint64_t word = atomic_load_acquire(&slot->word);
        if ((word & ~BURYING) == (seen & ~BURYING)) {
                if (has_intents(slot) || (word & BURYING))
                        buried = settle_and_free(me, slot, word);
                else
                        buried = atomic_cas(&slot->word, word, vacated(id_of(word)));
                if (buried)
                        count_death();
        }
        hf_guard_unlock(guard);
        return buried;
}

/* A reused pid must not hide an end that the caller knows of, or one that left something undone:
 * what that is in may be gone a few looks later. */
static bool is_to_be_buried(const struct hf_member *slot, uint64_t word, pid_t pid)
{
        if (!pid && !has_intents(slot))
                return is_ended(word);
        return (!pid || pid_of(word) == pid) &&
               !hf_process_runs(pid_of(word), word >> 54, START_MASK);
}

int hf_bury(pid_t pid)
{
        int r;
        int count = 0;
        if (!hf_region_base)
                return 0;
        struct hf_member *me = hf_self(&r);
        if (!me)
                return 0;
        for (uint32_t i = 1, window = hf_member_window(); i < window; i++) {
                struct hf_member *slot = slot_at(i);
                uint64_t word = atomic_load_acquire(&slot->word);
                if (pid_of(word) && slot != me && is_to_be_buried(slot, word, pid))
                        count += bury(me, slot, word);
        }
        return count;
}

uint32_t hf_deaths(void)
{
        return atomic_load_acquire(&hf_region_root()->member.deaths);
}

void hf_member_count(unsigned *ret_alive, unsigned *ret_dead)
{
        *ret_alive = 0;
        *ret_dead = 0;
        for (uint32_t i = 1, window = hf_member_window(); i < window; i++) {
                uint64_t word = atomic_load_acquire(&slot_at(i)->word);
                if (pid_of(word))
                        ++*(is_ended(word) ? ret_dead : ret_alive);
        }
}
