/* The region's contents are anything: words of a region with every kind of object in it are changed as
 * the fuzzer says, then all is used, audited and freed. Errors are right; an access outside the
 * region, a crash or a hang is not. Who scribbles over what another one holds may block it: so the
 * calls have deadlines, and nobody but this process is alive.
 *
 * An input is a row of changes, 8 bytes each: which part, which word of it, how, and with what. */
#include "fuzz.h"

#include <hayfork.h>

#include "member/member.h"
#include "region/root.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define REGION_SIZE ((size_t)2 << 20)
#define CHANGES 12

static struct {
        hay_lock lock, dead_lock;
        hay_rlock rlock;
        hay_semaphore plain, owned, many;
        hay_event event;
        hay_condition condition;
        hay_barrier barrier;
        hay_barrier large_barrier;
} * sync_objects;

static hay_array *array;
static hay_queue *queue;    /* with messages, small and big, and one that was taken by a dead one */
static hay_queue *bounded;  /* full */
static hay_queue *joinable; /* some taken, some not */
static void *small_block;
static void *large_block;

static struct part {
        unsigned char *start;
        size_t size;
} parts[32];
static size_t part_count;

static unsigned char *snapshot;
static struct hf_thread thread;
static unsigned char buffer[200000];

static void must(bool condition)
{
        if (!condition)
                abort();
}

static void add_part(void *start, size_t size)
{
        must(part_count < sizeof(parts) / sizeof(*parts));
        parts[part_count++] = (struct part){ start, size };
}

static void add_block(void *block)
{
        size_t size = hay_block_size(block);
        must(size);
        add_part(block, size);
}

static void put(hay_queue *to, size_t size, int number)
{
        memset(buffer, number, size);
        must(hay_queue_put(to, buffer, size, HAY_NOWAIT) == 0);
}

static void make_queues(void)
{
        must(hay_queue_new(&queue, NULL) == 0);
        must(hay_queue_new(&bounded, &(struct hay_queue_options){ .max_messages = 3 }) == 0);
        must(hay_queue_new(&joinable, &(struct hay_queue_options){ .joinable = true }) == 0);
        for (int i = 0; i < 12; i++) {
                put(queue, i % 4 == 3 ? 30000 : 150, i);
                put(joinable, 100, i);
        }
        for (int i = 0; i < 3; i++)
                put(bounded, 200, i);
}

static int square(const void *in, void *out, void *arg)
{
        (void)arg;
        *(long *)out = *(const long *)in;
        return 0;
}

/* Each dies with something in its hands. */
static void die_with(int what)
{
        struct hay_message message;
        hay_pool *pool;
        long in[6] = { 0 };
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
                switch (what) {
                case 0:
                        hay_lock_acquire(&sync_objects->dead_lock, HAY_NOWAIT);
                        hay_semaphore_acquire(&sync_objects->owned, HAY_NOWAIT);
                        hay_semaphore_acquire(&sync_objects->many, HAY_NOWAIT);
                        break;
                case 1:
                        hay_queue_take(queue, &message, HAY_NOWAIT);
                        hay_queue_take(joinable, &message, HAY_NOWAIT);
                        hay_message_new(&message, 4000);
                        break;
                case 2:
                        if (hay_pool_new(&pool, &(struct hay_pool_options){ .workers = 2 }) == 0)
                                hay_pool_map(pool, &(struct hay_map){ HAY_MAP(square, in, in, 6) },
                                             NULL);
                        break;
                default:
                        hay_barrier_wait(&sync_objects->barrier, HAY_NOWAIT, NULL);
                        hay_condition_wait(&sync_objects->condition, &sync_objects->lock,
                                           HAY_NOWAIT);
                        hay_alloc(500, 0);
                }
                raise(SIGKILL);
        }
        int status;
        must(pid > 0 && waitpid(pid, &status, 0) == pid);
}

static void make_sync(void)
{
        sync_objects = hay_alloc(sizeof(*sync_objects), 0);
        must(sync_objects);
        must(hay_semaphore_init(&sync_objects->plain, &(struct hay_semaphore_options){
                                                              .value = 2, .signal = true }) == 0);
        must(hay_semaphore_init(&sync_objects->owned,
                                &(struct hay_semaphore_options){ .value = 2 }) == 0);
        must(hay_semaphore_init(&sync_objects->many,
                                &(struct hay_semaphore_options){ .value = 40 }) == 0);
        must(hay_barrier_init(&sync_objects->barrier,
                              &(struct hay_barrier_options){ .parties = 2 }) == 0);
        must(hay_barrier_init(&sync_objects->large_barrier,
                              &(struct hay_barrier_options){ .parties = 40 }) == 0);
}

static void add_parts(void)
{
        struct hf_root *root = hf_region_root();
        add_part(&root->member, sizeof(*root) - sizeof(root->layout));
        add_part(&root->heap, sizeof(root->heap));
        add_part(root->ledgers, sizeof(root->ledgers) + sizeof(root->spare));
        add_part(hf_at(root->layout.members), 16 * sizeof(struct hf_member));
        add_part(hf_member_slot(thread.id), sizeof(struct hf_member));
        add_part(hf_at(root->layout.units), root->layout.unit_count * root->layout.unit_size);
        add_part(hf_at(root->layout.bitmaps), 8 * HF_UNIT_SIZE / 16 / 8);
        /* Rows of units, in which the blocks of dead ones and of the engine itself are. */
        add_part(hf_at(root->layout.heap), 4 * HF_UNIT_SIZE);
        add_part(hf_at(root->layout.heap), root->layout.unit_count * HF_UNIT_SIZE);
        add_block(sync_objects);
        add_block(array);
        add_block(queue);
        add_block(bounded);
        add_block(joinable);
        add_block(large_block);
        for (uint32_t i = 1; i < hf_member_window(); i++)
                if (hf_member_slot(i)->intents.pools)
                        add_block(hf_at(hf_member_slot(i)->intents.pools));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        int r;
        (void)argc;
        (void)argv;
        must(hay_region_open(&(struct hay_region_options){ .size = REGION_SIZE }) == 0);
        hf_region_credit = (struct hf_credit){ 1ull << 40, INT64_MAX };
        make_sync();
        make_queues();
        must(hay_array_new(&array, &(struct hay_array_options){ .type = HAY_INT, .length = 50 }) ==
             0);
        small_block = hay_alloc(100, 0);
        large_block = hay_alloc(150000, 0);
        must(small_block && large_block);
        /* A burial would settle what they leave: all die before the first call that buries. */
        for (int i = 0; i < 4; i++)
                die_with(i);
        must(hf_self(&r));
        thread = hf_thread;
        add_parts();
        snapshot = malloc(hf_region_size);
        must(snapshot);
        memcpy(snapshot, hf_region_base, hf_region_size);
        return 0;
}

static void change(const struct fuzz_change *wanted)
{
        const struct part *part = &parts[wanted->part % part_count];
        size_t index = wanted->place % (part->size / sizeof(uint64_t));
        uint64_t *word = (uint64_t *)(void *)(part->start + index * sizeof(uint64_t));
        *word = fuzz_changed(*word, wanted, hf_region_size, thread.id);
}

static void use_sync(void)
{
        hay_lock_acquire(&sync_objects->lock, HAY_NOWAIT);
        hay_lock_locked(&sync_objects->lock);
        hay_condition_wait(&sync_objects->condition, &sync_objects->lock, HAY_NOWAIT);
        hay_condition_notify(&sync_objects->condition, 1);
        hay_condition_notify_all(&sync_objects->condition);
        hay_lock_release(&sync_objects->lock);
        hay_lock_acquire(&sync_objects->dead_lock, HAY_NOWAIT);
        hay_rlock_acquire(&sync_objects->rlock, HAY_NOWAIT);
        hay_rlock_release(&sync_objects->rlock);
        hay_rlock_locked(&sync_objects->rlock);
        hay_semaphore *const semaphores[] = { &sync_objects->plain, &sync_objects->owned,
                                              &sync_objects->many };
        for (int i = 0; i < 3; i++) {
                hay_semaphore_acquire(semaphores[i], HAY_NOWAIT);
                hay_semaphore_value(semaphores[i]);
                hay_semaphore_release(semaphores[i]);
        }
        hay_event_set(&sync_objects->event);
        hay_event_wait(&sync_objects->event, HAY_NOWAIT);
        hay_event_clear(&sync_objects->event);
        hay_event_is_set(&sync_objects->event);
}

static void use_barrier(hay_barrier *barrier)
{
        unsigned index;
        pid_t pid;
        hay_barrier_parties(barrier);
        hay_barrier_waiting(barrier);
        hay_barrier_wait(barrier, HAY_NOWAIT, &index);
        hay_barrier_broken(barrier, &pid);
        hay_barrier_abort(barrier);
        hay_barrier_reset(barrier);
}

static void use_queue(hay_queue *used)
{
        size_t size;
        struct hay_message message = { 0 };
        struct hay_part many[3] = { { buffer, 60000 },
                                    { buffer + 60000, 60000 },
                                    { buffer + 120000, 60000 } };
        hay_queue_size(used);
        hay_queue_full(used);
        hay_queue_put(used, buffer, 300, HAY_NOWAIT);
        hay_queue_put(used, buffer, 50000, HAY_NOWAIT);
        for (int i = 0; i < 3; i++)
                hay_queue_get(used, buffer, sizeof(buffer), &size, HAY_NOWAIT);
        hay_queue_get_many(used, many, 3, HAY_NOWAIT);
        if (hay_queue_take(used, &message, HAY_NOWAIT) >= 0 &&
            hay_queue_send(used, &message, HAY_NOWAIT) < 0)
                hay_message_release(&message);
        hay_queue_task_done(used);
        hay_queue_join(used, HAY_NOWAIT);
        hay_queue_lost(used);
        hay_queue_put_many(used, (struct hay_part[]){ { buffer, 10 }, { buffer, 20 } }, 2,
                           HAY_NOWAIT);
        hay_queue_empty(used);
}

static void use_memory(void)
{
        static const size_t sizes[] = { 16, 100, 5000, 16384, 70000, 300000 };
        void *blocks[6];
        double values[100]; /* as of the widest type: the array says which it has */
        for (int i = 0; i < 6; i++) {
                blocks[i] = hay_alloc(sizes[i], i == 4 ? 4096 : 0);
                /* Who was given a block may write to it. */
                if (blocks[i])
                        memset(blocks[i], 0xa0 + i, sizes[i]);
        }
        for (int i = 0; i < 6; i++)
                hay_free(blocks[i]);
        hay_array_read(array, 0, 50, values);
        hay_array_write(array, 10, 5, values);
        size_t length = hay_array_length(array);
        if (length >= 5) {
                hay_array_read(array, length - 5, 5, values);
                hay_array_write(array, length - 5, 5, values);
        }
        hay_block_size(small_block);
}

static void free_all(void)
{
        hay_semaphore_fini(&sync_objects->plain);
        hay_semaphore_fini(&sync_objects->many);
        hay_barrier_fini(&sync_objects->barrier);
        hay_barrier_fini(&sync_objects->large_barrier);
        hay_queue_close(queue);
        hay_queue_free(queue);
        hay_queue_free(bounded);
        hay_queue_free(joinable);
        hay_array_free(array);
        hay_free(small_block);
        hay_free(large_block);
        hay_free(sync_objects);
        hay_audit(NULL);
}

/* Some changes come first, some between the uses. */
/* Who lives is the kernel's word, which is not fuzzed: others would wait for them rightly. */
static void let_nobody_live(void)
{
        for (uint32_t i = 1, window = hf_member_window(); i < window; i++) {
                struct hf_member *slot = hf_member_slot(i);
                pid_t pid = (pid_t)(slot->word >> 32 & 0x3fffff);
                if (i == thread.id % HF_MEMBER_SLOTS || !pid)
                        continue;
                if (kill(pid, 0) == 0 || errno != ESRCH)
                        memcpy(&slot->word,
                               snapshot + ((unsigned char *)&slot->word - hf_region_base),
                               sizeof(slot->word));
        }
}

static size_t change_up_to(const struct fuzz_change *changes, size_t from, size_t count, int phase)
{
        while (from < count && (changes[from].how >> 5) <= phase)
                change(&changes[from++]);
        let_nobody_live();
        return from;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct fuzz_change changes[CHANGES];
        struct hay_audit sum;
        size_t count = fuzz_changes(data, size, changes, CHANGES);
        memcpy(hf_region_base, snapshot, hf_region_size);
        hf_thread = thread;
        size_t at = change_up_to(changes, 0, count, 3);
        use_sync();
        at = change_up_to(changes, at, count, 4);
        use_queue(queue);
        use_queue(bounded);
        use_queue(joinable);
        at = change_up_to(changes, at, count, 5);
        hay_audit(&sum);
        use_barrier(&sync_objects->barrier);
        use_barrier(&sync_objects->large_barrier);
        at = change_up_to(changes, at, count, 6);
        use_memory();
        change_up_to(changes, at, count, 7);
        free_all();
        return 0;
}
