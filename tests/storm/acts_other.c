/* Acts on memory and on processes; and what an actor's life is. */
#include "storm.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "blocks.h"

#define KEPT 8u
#define ACTS_MOST 3000u
#define FUSE 6u /* acts before a hasty one kills itself, at most */

static struct {
        struct storm_block *block;
        struct storm_record *record;
} kept[KEPT];

static void give_back(unsigned i)
{
        struct storm_block *block = kept[i].block;
        kept[i].block = NULL;
        if (block->magic != STORM_BLOCK ||
            block->record != (uint64_t)(kept[i].record - storm->records) ||
            block->size > hay_block_size(block) ||
            ((unsigned char *)block)[block->size - 1] != (unsigned char)block->record)
                storm_complain("alloc: a block of %lu bytes was written by somebody else",
                               (unsigned long)block->size);
        storm_leave(kept[i].record);
        if (hay_free(block))
                storm_complain("free: %s", strerror(errno));
        storm_end(kept[i].record, 0);
}

void storm_free_blocks(void)
{
        for (unsigned i = 0; i < KEPT; i++)
                if (kept[i].block)
                        give_back(i);
}

static size_t some_size(void)
{
        unsigned chance = storm_below(64);
        if (chance == 0)
                return 100000 + storm_below(300000);
        if (chance < 8)
                return 2000 + storm_below(40000);
        return sizeof(struct storm_block) + 1 + storm_below(400);
}

void storm_act_memory(void)
{
        unsigned i = storm_below(KEPT);
        if (kept[i].block) {
                give_back(i);
                return;
        }
        size_t size = some_size();
        struct storm_record *record = storm_begin(STORM_ALLOC, 0, 0);
        struct storm_block *block = hay_alloc(size, 0);
        if (!block) {
                storm_complain("alloc: %s", strerror(errno));
                storm_end(record, -errno);
                return;
        }
        if (block->magic || ((unsigned char *)block)[size - 1])
                storm_complain("alloc: a block of %zu bytes is not zeroed", size);
        block->record = (uint64_t)(record - storm->records);
        block->size = size;
        ((unsigned char *)block)[size - 1] = (unsigned char)block->record;
        __atomic_store_n(&block->magic, STORM_BLOCK, __ATOMIC_RELEASE);
        record->id = (uint64_t)(uintptr_t)block;
        storm_got(record);
        kept[i].block = block;
        kept[i].record = record;
}

/* A child has none of what its parent keeps. */
static void be_born(uint32_t life)
{
        memset(kept, 0, sizeof(kept));
        storm_live(life);
}

static int cut_short(pid_t pid, uint32_t life)
{
        int status;
        if (storm_below(2)) {
                for (volatile unsigned i = storm_below(60000); i; i = i - 1)
                        ;
                storm_doom(life);
                kill(pid, SIGKILL);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (WIFSIGNALED(status))
                __atomic_fetch_add(&storm->kills, 1, __ATOMIC_RELAXED);
        return status;
}

/* fork(2) without a word to hayfork, and as likely as not a kill of the child. */
void storm_act_fork(void)
{
        uint32_t life = storm_new_life(storm_me());
        if (!life)
                return;
        struct storm_record *record = storm_begin(STORM_FORK, 0, 0);
        pid_t pid = fork();
        if (pid == 0) {
                be_born(life);
                storm_perform(1 + storm_below(30));
                storm->life[life].ended = 1;
                _exit(0);
        }
        int r = pid < 0 ? -errno : cut_short(pid, life);
        storm_end(record, r);
}

#define STARTED_OK 42

static int started(void *arg)
{
        be_born(*(uint32_t *)arg);
        storm_perform(1 + storm_below(10));
        storm->life[storm_me()].ended = 1;
        return STARTED_OK;
}

void storm_act_start(void)
{
        uint32_t life = storm_new_life(storm_me());
        if (!life)
                return;
        struct storm_record *record = storm_begin(STORM_START, 0, 0);
        hay_process *process;
        struct hay_exit end;
        struct hay_process_options options = { .daemon = storm_below(2) };
        int r = hay_process_start(&process, started, &life, &options);
        if (r < 0) {
                storm_complain("start: %s", strerror(-r));
                storm_end(record, r);
                return;
        }
        bool kills = storm_below(3) == 0;
        if (kills) {
                storm_doom(life);
                hay_process_kill(process);
        }
        r = hay_process_join(process, HAY_FOREVER, &end);
        if (r < 0)
                storm_complain("join: %s", strerror(-r));
        else if (end.code != STARTED_OK && !(storm->life[life].killed && end.signal == SIGKILL))
                storm_complain("join: exit code %d, signal %d", end.code, end.signal);
        if (r == 0 && end.signal)
                __atomic_fetch_add(&storm->kills, 1, __ATOMIC_RELAXED);
        r = hay_process_close(process);
        if (r < 0)
                storm_complain("close: %s", strerror(-r));
        storm_end(record, r);
}

void storm_perform(unsigned acts)
{
        unsigned fuse = storm_is_hasty() && storm_below(4) ? 1 + storm_below(FUSE) : 0;
        while (acts-- && !storm_is_over()) {
                if (fuse && !--fuse)
                        storm_light_fuse();
                /* Locks are a word; the dead leave more undone in queues and in the heap. */
                unsigned chance = storm_is_lit() ? 25 + storm_below(73) : storm_below(100);
                if (chance < 42)
                        storm_act_sync();
                else if (chance < 75)
                        storm_act_queue();
                else if (chance < 83)
                        storm_act_pipe();
                else if (chance < 98)
                        storm_act_memory();
                else if (storm->life[storm_me()].parent)
                        continue; /* a child of an actor has no children */
                else if (chance == 98)
                        storm_act_fork();
                else
                        storm_act_start();
                if (!storm_is_lit())
                        storm_think();
        }
        storm_free_blocks();
}

int storm_actor(void)
{
        storm_perform(1 + storm_below(ACTS_MOST));
        storm->life[storm_me()].ended = 1;
        return 0;
}
