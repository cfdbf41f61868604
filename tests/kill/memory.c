/* The heap: slabs, spans, their pages, and the notes of the dead. */
#include "kill.h"

#include "memory/heap.h"
#include "region/root.h"

/* The blocks that live beside what is killed keep what they hold. */
#define BYSTANDERS 6
static struct {
        unsigned char *bystander[BYSTANDERS];
        void *block; /* what the victim frees */
        size_t size; /* what it allocates */
        size_t alignment;
        void *neighbour[2];
} state;

static const size_t sizes[BYSTANDERS] = { 16, 100, 1000, 16384, 70000, 200000 };

static void fill(unsigned char *block, int number)
{
        memset(block, 0x11 * (number + 1), sizes[number]);
}

static void check(const unsigned char *block, int number)
{
        for (size_t i = 0; i < sizes[number]; i++)
                kill_expect(block[i] == 0x11 * (number + 1), "block %d lost byte %zu", number, i);
}

static void make_bystanders(void)
{
        for (int i = 0; i < BYSTANDERS; i++) {
                state.bystander[i] = hay_alloc(sizes[i], 0);
                kill_expect(state.bystander[i], "no memory");
                fill(state.bystander[i], i);
        }
}

/* The heap is used as by any other program: new blocks are zeroed and nobody else's. */
static void use_heap(void)
{
        unsigned char *mine[BYSTANDERS];
        for (int i = 0; i < BYSTANDERS; i++) {
                mine[i] = hay_alloc(sizes[i], 0);
                kill_expect(mine[i], "%zu bytes: %s", sizes[i], strerror(errno));
                kill_expect(hay_block_size(mine[i]) >= sizes[i], "a block of another size");
                for (size_t j = 0; j < sizes[i]; j++)
                        kill_expect(!mine[i][j], "a block that is not zeroed");
                fill(mine[i], i);
        }
        for (int i = 0; i < BYSTANDERS; i++) {
                if (state.bystander[i])
                        check(state.bystander[i], i);
                check(mine[i], i);
                kill_expect(!hay_free(mine[i]), "a block can't be freed");
        }
        kill_expect(hay_audit(NULL) == 0, "the audit found damage");
}

static void alloc(void)
{
        hay_alloc(state.size, state.alignment);
}

/* The block's address died with the victim; it is the region's if the call had come so far. */
static enum kill_found survive_alloc(void)
{
        use_heap();
        long more = kill_more_blocks();
        kill_expect(more == 0 || more == 1, "%ld blocks more", more);
        kill_keep_blocks(more);
        return more ? KILL_AFTER : KILL_BEFORE;
}

static void free_it(void)
{
        hay_free(state.block);
}

static enum kill_found survive_free(void)
{
        size_t size = hay_block_size(state.block);
        enum kill_found found = size ? KILL_BEFORE : KILL_AFTER;
        if (size)
                kill_expect(!hay_free(state.block), "it can't be freed any more");
        use_heap();
        kill_keep_blocks(-1);
        return found;
}

static void small(void)
{
        make_bystanders();
        state.size = 100;
}

static void new_slab(void)
{
        make_bystanders();
        state.size = 3000;
}

/* The next block of the class begins a page that does not exist yet. */
static void new_page(void)
{
        make_bystanders();
        state.size = 4096;
        hay_alloc(state.size, 0);
}

static void last_of_slab(void)
{
        make_bystanders();
        state.size = 16384;
        hay_alloc(state.size, 0);
        hay_alloc(state.size, 0);
}

static void at_the_top(void)
{
        make_bystanders();
        state.size = 300000;
}

/* A free span of warm pages, of which a part is taken. */
static void split(void)
{
        make_bystanders();
        void *span = hay_alloc(1000000, 0);
        hay_alloc(70000, 0);
        hay_free(span);
        state.size = 300000;
}

/* What is taken stands in the middle of what is free. */
static void split_twice(void)
{
        make_bystanders();
        void *span = hay_alloc(2000000, 0);
        hay_alloc(70000, 0);
        hay_free(span);
        state.size = 150000;
        state.alignment = 512 << 10;
}

static void nearly_full(void)
{
        hay_region_open(&(struct hay_region_options){ .size = 2 << 20 });
        make_bystanders();
        state.size = 100000;
        while (hay_alloc(65536, 0))
                ;
}

static enum kill_found survive_full(void)
{
        for (int i = 0; i < BYSTANDERS; i++)
                check(state.bystander[i], i);
        kill_expect(!hay_alloc(state.size, 0) && errno == ENOMEM, "it was not full");
        void *block = hay_alloc(100, 0);
        kill_expect(block && !hay_free(block), "a small one: %s", strerror(errno));
        kill_expect(!hay_free(state.bystander[5]), "can't be freed");
        void *again = hay_alloc(200000, 0);
        kill_expect(again, "what was freed is not there: %s", strerror(errno));
        kill_expect(kill_more_blocks() == 0, "%ld blocks more", kill_more_blocks());
        return KILL_UNKNOWN;
}

static void free_small(void)
{
        make_bystanders();
        state.block = hay_alloc(100, 0);
}

/* The slab had no room, and has now. */
static void free_of_full_slab(void)
{
        make_bystanders();
        for (int i = 0; i < 3; i++)
                state.block = hay_alloc(16384, 0);
}

/* An empty slab beside another one goes back to the spans. */
static void free_last_of_slab(void)
{
        make_bystanders();
        for (int i = 0; i < 3; i++)
                hay_alloc(16384, 0);
        state.block = hay_alloc(16384, 0);
        hay_free(state.bystander[3]);
        state.bystander[3] = NULL;
}

static void free_large(void)
{
        make_bystanders();
        state.block = hay_alloc(300000, 0);
        hay_alloc(70000, 0);
}

/* Free neighbours on both sides: three spans become one. */
static void free_between(void)
{
        make_bystanders();
        state.neighbour[0] = hay_alloc(150000, 0);
        state.block = hay_alloc(300000, 0);
        state.neighbour[1] = hay_alloc(150000, 0);
        hay_alloc(70000, 0);
        hay_free(state.neighbour[0]);
        hay_free(state.neighbour[1]);
}

/* So much is warm that pages go back to the system. */
static void free_warm(void)
{
        make_bystanders();
        state.block = hay_alloc(36 << 20, 0);
        hay_alloc(70000, 0);
}

static void fragments(void)
{
        make_bystanders();
        void *span = hay_alloc(150000, 0);
        hay_alloc(70000, 0);
        hay_free(span);
}

static void audit(void)
{
        hay_audit(NULL);
}

static enum kill_found survive_use(void)
{
        use_heap();
        return KILL_UNKNOWN;
}

static void leave_two_notes(void)
{
        int r;
        void *block;
        struct hf_member *self = hf_self(&r);
        if (hf_heap_alloc(self, 100, 0, true, &block) < 0)
                return;
        atomic_store_release(&self->intents.spare_block, self->intents.block);
        atomic_store_release(&self->intents.block, (hf_offset)0);
        hf_heap_alloc(self, 100000, 0, true, &block);
}

static enum kill_found survive_burial(void)
{
        use_heap();
        kill_expect(kill_more_blocks() == 0, "%ld blocks of the dead are left", kill_more_blocks());
        return KILL_UNKNOWN;
}

static void hold_guard(void)
{
        struct hf_root *root = hf_region_root();
        int r;
        root->heap.guard_word = hf_self_id(&r);
}

static void death_in_the_guard(void)
{
        kill_one_by(hold_guard);
}

static void death_with_notes(void)
{
        kill_one_by(leave_two_notes);
}

static void size_of_block(void)
{
        hay_block_size(state.bystander[1]);
}

static void alloc_array(void)
{
        hay_alloc_array(10, 20, 0);
}

#define ALLOC .operation = alloc, .survive = survive_alloc
#define FREE .operation = free_it, .survive = survive_free

static const struct kill_sweep table[] = {
        { "memory: alloc, small", small, ALLOC },
        { "memory: alloc_array", small, .operation = alloc_array, .survive = survive_alloc },
        { "memory: alloc, new slab", new_slab, ALLOC },
        { "memory: alloc, new slab, asking", new_slab, ALLOC, .asks = true },
        { "memory: alloc, new page", new_page, ALLOC },
        { "memory: alloc, last of slab", last_of_slab, ALLOC },
        { "memory: alloc, large, at the top", at_the_top, ALLOC },
        { "memory: alloc, large, split", split, ALLOC },
        { "memory: alloc, large, split twice", split_twice, ALLOC },
        { "memory: alloc, region full", nearly_full, .operation = alloc, .survive = survive_full },
        { "memory: alloc, first use", small, ALLOC, .stranger = true },
        { "memory: alloc, the guard's owner died", small, death_in_the_guard, ALLOC },
        { "memory: free, small", free_small, FREE },
        { "memory: free, of full slab", free_of_full_slab, FREE },
        { "memory: free, last of slab", free_last_of_slab, FREE },
        { "memory: free, large", free_large, FREE },
        { "memory: free, between free ones", free_between, FREE },
        { "memory: free, pages go back", free_warm, FREE },
        { "memory: free, the guard's owner died", free_large, death_in_the_guard, FREE },
        { "memory: block_size", small, .operation = size_of_block, .survive = survive_use },
        { "memory: audit", fragments, .operation = audit, .survive = survive_use },
        { "memory: audit, notes of a dead member", fragments, death_with_notes, .operation = audit,
          .survive = survive_burial },
        { "memory: two notes", small, .operation = leave_two_notes, .survive = survive_burial },
};

KILL_SWEEPS(table)
