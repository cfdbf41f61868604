/* The objects of a round, and what the region held before and holds afterwards. */
#include "../kit/fds.h"
#include "storm.h"

#include "blocks.h"
#include "channel/queue_words.h"
#include "memory/unit.h"

struct storm_objects *storm_objects;
hay_connection *storm_receivers[STORM_PIPES];
hay_connection *storm_senders[STORM_PIPES];

#define KNOWN 4096u

static struct {
        struct hay_audit audit;
        void *known[KNOWN]; /* the blocks, by address */
        size_t count;
        int fds;
} before;

static int make_queues(void)
{
        for (unsigned i = 0; i < STORM_QUEUES; i++) {
                struct hay_queue_options options = {
                        .max_messages = i == STORM_BOUNDED ? 3 : 0,
                        .joinable = i == STORM_JOINABLE,
                };
                int r = hay_queue_new(&storm_objects->queues[i], &options);
                if (r < 0)
                        return r;
        }
        for (unsigned i = 0; i < STORM_PIPES; i++) {
                int r = hay_pipe_new(false, &storm_receivers[i], &storm_senders[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int storm_objects_make(void)
{
        int r = 0;
        storm_objects = hay_new(struct storm_objects);
        if (!storm_objects)
                return -ENOMEM;
        for (unsigned i = 0; i < STORM_ARRAYS && r == 0; i++)
                r = hay_array_new(&storm_objects->arrays[i],
                                  &(struct hay_array_options){ .type = HAY_UINT64, .length = 8 });
        for (unsigned i = 0; i < STORM_PERMITS && r == 0; i++)
                r = hay_semaphore_init(
                        &storm_objects->permits[i],
                        &(struct hay_semaphore_options){ .value = storm_permits_of(i) });
        for (unsigned i = 0; i < STORM_COUNTERS && r == 0; i++)
                r = hay_semaphore_init(&storm_objects->counters[i], &(struct hay_semaphore_options){
                                                                            .value = STORM_RAISED,
                                                                            .signal = true,
                                                                    });
        for (unsigned i = 0; i < STORM_BARRIERS && r == 0; i++)
                r = hay_barrier_init(&storm_objects->barriers[i],
                                     &(struct hay_barrier_options){
                                             .parties = STORM_PARTIES,
                                             .action = storm_count_trip,
                                             .arg = &storm_objects->trips[i],
                                     });
        return r < 0 ? r : make_queues();
}

int storm_count_trip(void *arg)
{
        __atomic_fetch_add((uint64_t *)arg, 1, __ATOMIC_RELAXED);
        return 0;
}

void storm_objects_free(void)
{
        for (unsigned i = 0; i < STORM_ARRAYS; i++)
                hay_array_free(storm_objects->arrays[i]);
        for (unsigned i = 0; i < STORM_PERMITS; i++)
                hay_semaphore_fini(&storm_objects->permits[i]);
        for (unsigned i = 0; i < STORM_BARRIERS; i++)
                hay_barrier_fini(&storm_objects->barriers[i]);
        for (unsigned i = 0; i < STORM_QUEUES; i++)
                hay_queue_free(storm_objects->queues[i]);
        for (unsigned i = 0; i < STORM_PIPES; i++) {
                storm_receivers[i] = hay_connection_close(storm_receivers[i]);
                storm_senders[i] = hay_connection_close(storm_senders[i]);
        }
        storm_objects = hay_free(storm_objects);
}

/* Every live block of the region. */
static void each_block(void (*look)(void *block, size_t size, void *arg), void *arg)
{
        struct hf_heap heap = hf_heap_here();
        const struct hf_root *root = hf_region_root();
        unsigned char *end = hf_region_base + root->layout.heap + heap.root->top * HF_UNIT_SIZE;
        for (unsigned char *at = hf_region_base + root->layout.heap; at < end;) {
                size_t size = hay_block_size(at);
                if (size)
                        look(at, size, arg);
                at += size ? (size + 15) / 16 * 16 : 16;
        }
}

static void know(void *block, size_t size, void *arg)
{
        (void)size;
        (void)arg;
        if (before.count < KNOWN)
                before.known[before.count++] = block;
}

/* Before the storm, or the table of the region's own ledger, which may have grown since. */
static bool is_known(const void *block)
{
        const struct hf_ledger *ledger = hf_at(hf_region_root()->ledgers[0]);
        if (ledger && hf_at(ledger->table) == block)
                return true;
        for (size_t i = 0; i < before.count; i++)
                if (before.known[i] == block)
                        return true;
        return false;
}

static void audit(struct hay_audit *audit)
{
        int r = hay_audit(audit);
        if (r < 0)
                storm_complain("the audit found damage: %s", strerror(-r));
        if (audit->dead_members)
                storm_complain("the audit: %u dead members are not buried", audit->dead_members);
        if (audit->members != 1)
                storm_complain("the audit: %u members, of one process", audit->members);
}

void storm_region_before(void)
{
        audit(&before.audit);
        before.count = 0;
        each_block(know, NULL);
        before.fds = kit_count_fds();
}

/* The blocks that acts had when they were killed, or did not come to log, go back: they are the
 * users'. Whatever else is left is a leak of the library's. */
static void free_logged(void)
{
        size_t count;
        struct storm_record **records = storm_records_of(STORM_ALLOC, 0, &count);
        for (size_t i = 0; i < count; i++) {
                struct storm_block *block = (void *)(uintptr_t)records[i]->id;
                if (records[i]->state == STORM_BEGUN || records[i]->state == STORM_ENDED)
                        continue;
                uint64_t number = (uint64_t)(records[i] - storm->records);
                bool is_live = hay_block_size(block) && block->magic == STORM_BLOCK &&
                               block->record == number;
                if (is_live)
                        hay_free(block);
                else if (records[i]->state == STORM_GOT)
                        storm_complain("alloc: the block of a dead process went away");
        }
}

struct leftovers {
        size_t unlogged; /* acts killed between the library's return and the log */
        size_t freed;
};

static void judge_block(void *address, size_t size, void *arg)
{
        struct leftovers *left = arg;
        struct storm_block *block = address;
        if (is_known(address))
                return;
        bool is_zero = !block->record && !block->magic;
        bool is_ours = block->record < (uint64_t)STORM_CHUNKS * STORM_CHUNK &&
                       storm->records[block->record].act == STORM_ALLOC &&
                       storm->records[block->record].state == STORM_BEGUN;
        if ((is_zero || is_ours) && left->freed < left->unlogged) {
                left->freed++;
                hay_free(address);
                return;
        }
        storm_complain("leak: a block of %zu bytes, %016lx %016lx %016lx %016lx", size,
                       (unsigned long)block->record, (unsigned long)block->size,
                       (unsigned long)block->magic, ((unsigned long *)address)[3 * (size > 24)]);
        storm_tell_message(address);
        hay_free(address);
}

void storm_region_after(void)
{
        struct hay_audit after = { 0 };
        struct leftovers left = { 0 };
        free_logged();
        size_t count;
        struct storm_record **records = storm_records_of(STORM_ALLOC, 0, &count);
        for (size_t i = 0; i < count; i++)
                left.unlogged += records[i]->state == STORM_BEGUN;
        audit(&after);
        if (after.blocks != before.audit.blocks) {
                each_block(judge_block, &left);
                audit(&after);
        }
        if (after.blocks != before.audit.blocks || after.used > before.audit.used + 65536)
                storm_complain("the region: %zu blocks of %zu bytes before, %zu of %zu after",
                               before.audit.blocks, before.audit.used, after.blocks, after.used);
        int fds = kit_count_fds();
        if (fds != before.fds)
                storm_complain("fds: %d before, %d after", before.fds, fds);
}
