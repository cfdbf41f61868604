/* Blocks up to 16 KiB come from slabs (slab.c), larger ones are spans of whole units (span.c) of whose
 * pages only those exist that the block needs. One guard stands over both; its repair rebuilds all
 * that is derived from the spans' words and the slabs' bitmaps. Pages are reserved and zeroed outside
 * of it, by the block's owner.
 *
 * A place is the word of the region that is to name a new block, or names the one to be freed: an
 * intent of a member, or a word of a structure that is reachable by itself. root.place says which is
 * just being changed. The invariant: while nobody is in the guard, a place names a live block, or 0. Of a
 * dead member's place that is true once its guard was passed, and not before: so what a place names is
 * read under the guard.
 *
 * The crash table
 *   alloc  *place set, block not live: repair clears *place. Live: it is the place's. An intent's is
 *          freed by burial, until its owner has linked it.
 *   free   block no longer live, *place not cleared: repair clears it.
 *   pages  units[].warm is raised after the pages exist: reserving again does no harm. */
#include "memory/heap.h"

#include "memory/unit.h"

#include <errno.h>
#include <string.h>

_Static_assert(sizeof(struct hf_unit) == 32, "the region's layout knows this size");
_Static_assert(HF_BITMAP_WORDS * 8 == HF_UNIT_SIZE / 16 / 8, "and this one");

struct hf_heap hf_heap_here(void)
{
        const struct hf_layout *layout = &hf_region_layout;
        return (struct hf_heap){
                .root = &hf_region_root()->heap,
                .units = hf_at(layout->units),
                .bitmaps = hf_at(layout->bitmaps),
                .unit_count = layout->unit_count,
                .base = layout->heap,
                .page = layout->page_size,
        };
}

/* The unit of a live block; a small one's number in its slab. False when it is none. */
static bool find_block(struct hf_heap *heap, hf_offset block, uint64_t *ret_index,
                       unsigned *ret_number)
{
        uint64_t index = (block - heap->base) / HF_UNIT_SIZE;
        if (block < heap->base || index >= hf_heap_top(heap))
                return false;
        *ret_index = index;
        uint64_t word = heap->units[index].word;
        if (hf_span_kind(word) == HF_SPAN_LARGE)
                return (block - heap->base) % HF_UNIT_SIZE == 0;
        return hf_span_kind(word) == HF_SPAN_SLAB &&
               hf_slab_is_live(heap, index, block, ret_number);
}

/* A place that holds 0 is left alone: the slot that it is in may have another member by now, who
 * notes a block there without the guard. */
static void repair(void *object)
{
        struct hf_heap *heap = object;
        hf_offset *place = hf_checked_at(heap->root->place, sizeof(*place), sizeof(*place));
        uint64_t index;
        unsigned number;
        hf_span_rebuild(heap);
        hf_offset block = place ? atomic_load_relaxed(place) : 0;
        if (block && !find_block(heap, block, &index, &number))
                atomic_cas(place, block, (hf_offset)0);
}

void hf_heap_lock(struct hf_heap *heap, hf_offset *place)
{
        hf_guard_lock((struct hf_guard *)(void *)&heap->root->guard_word, hf_thread.id, repair,
                      heap);
        atomic_store_release(&heap->root->place, hf_offset_of(place));
        atomic_keep_order();
}

/* Nobody may see a place that is no longer one. */
void hf_heap_unlock(struct hf_heap *heap)
{
        atomic_store_release(&heap->root->place, (hf_offset)0);
        hf_guard_unlock((struct hf_guard *)(void *)&heap->root->guard_word);
}

static void free_found(struct hf_heap *heap, uint64_t index, unsigned number)
{
        if (hf_span_kind(heap->units[index].word) == HF_SPAN_LARGE)
                hf_span_give(heap, index);
        else
                hf_slab_give(heap, index, number);
}

/* Let pages [from, to), counted from the heap's start, exist. */
static int reserve_run(struct hf_heap *heap, uint64_t from, uint64_t to)
{
        size_t per_unit = HF_UNIT_SIZE / heap->page;
        if (from >= to)
                return 0;
        int r = hf_region_reserve(heap->base + from * heap->page, (to - from) * heap->page);
        for (uint64_t i = from / per_unit; r == 0 && i * per_unit < to; i++)
                heap->units[i].warm = (uint16_t)hf_min(per_unit, to - i * per_unit);
        return r;
}

/* Make the pages of a large block exist, zeroed if wanted: those that were warm by hand. */
static int prepare_pages(struct hf_heap *heap, uint64_t index, size_t size, bool zeroed)
{
        size_t per_unit = HF_UNIT_SIZE / heap->page;
        uint64_t end = index * per_unit + (size + heap->page - 1) / heap->page;
        uint64_t cold = index * per_unit;
        for (uint64_t i = index; i * per_unit < end; i++) {
                uint64_t first = i * per_unit;
                size_t warm = heap->units[i].warm;
                if (!warm)
                        continue;
                int r = reserve_run(heap, cold, first);
                if (r < 0)
                        return r;
                cold = first + warm;
                if (zeroed)
                        memset(hf_at(heap->base + i * HF_UNIT_SIZE), 0,
                               hf_min(warm, end - first) * heap->page);
        }
        return reserve_run(heap, cold, end);
}

static int alloc_small(struct hf_heap *heap, unsigned class, bool zeroed, hf_offset *place)
{
        hf_heap_lock(heap, place);
        int r = hf_slab_take(heap, class, place);
        hf_heap_unlock(heap);
        if (r == 0 && zeroed)
                memset(hf_at(*place), 0, hf_slab_class_size(class));
        return r;
}

static int alloc_large(struct hf_heap *heap, size_t size, size_t alignment, bool zeroed,
                       hf_offset *place)
{
        if (size > heap->unit_count * HF_UNIT_SIZE || alignment > heap->unit_count * HF_UNIT_SIZE)
                return -ENOMEM;
        uint64_t length = (size + HF_UNIT_SIZE - 1) / HF_UNIT_SIZE;
        uint64_t index;
        uint64_t at;
        hf_heap_lock(heap, place);
        int r = hf_span_find(heap, length, alignment, &index, &at);
        if (r == 0) {
                atomic_store_release(place, heap->base + at * HF_UNIT_SIZE);
                atomic_keep_order();
                hf_span_carve(heap, index, at, hf_span_word(HF_SPAN_LARGE, 0, length),
                              hf_round_up(size, heap->page));
        }
        hf_heap_unlock(heap);
        if (r < 0)
                return r;
        r = prepare_pages(heap, at, size, zeroed);
        if (r < 0)
                hf_heap_free_at(place);
        return r;
}

int hf_heap_alloc_at(hf_offset *place, size_t size, size_t alignment, bool zeroed)
{
        size = hf_max(size, (size_t)1);
        if (!alignment)
                alignment = hf_min((size_t)64, (size_t)1 << hf_log2(size));
        if (!hf_is_power_of_two(alignment))
                return -EINVAL;
        struct hf_heap heap = hf_heap_here();
        if (size <= HF_SMALL_MOST && alignment <= HF_SMALL_MOST)
                return alloc_small(&heap, hf_slab_class(size, alignment), zeroed, place);
        return alloc_large(&heap, size, alignment, zeroed, place);
}

int hf_heap_alloc(struct hf_member *self, size_t size, size_t alignment, bool zeroed,
                  void **ret_block)
{
        int r = hf_heap_alloc_at(&self->intents.block, size, alignment, zeroed);
        if (r == 0)
                *ret_block = hf_at(self->intents.block);
        return r;
}

/* The guard is held, for `place` (or NULL). */
static int free_and_unlock(struct hf_heap *heap, hf_offset block, hf_offset *place)
{
        uint64_t index;
        unsigned number;
        bool found = find_block(heap, block, &index, &number);
        if (found)
                free_found(heap, index, number);
        atomic_keep_order();
        if (place)
                atomic_store_release(place, (hf_offset)0);
        hf_heap_unlock(heap);
        return found ? 0 : -EINVAL;
}

/* Read before the guard is passed, a dead member's place may name a block that the repair takes back
 * from it, and that is somebody else's when we free it. */
int hf_heap_free_at(hf_offset *place)
{
        struct hf_heap heap = hf_heap_here();
        hf_heap_lock(&heap, place);
        return free_and_unlock(&heap, *place, place);
}

int hf_heap_free(struct hf_member *self, void *block)
{
        hf_offset offset = hf_offset_of(block);
        hf_offset *place = self->intents.block == offset         ? &self->intents.block
                           : self->intents.spare_block == offset ? &self->intents.spare_block
                                                                 : NULL;
        struct hf_heap heap = hf_heap_here();
        hf_heap_lock(&heap, place);
        return free_and_unlock(&heap, offset, place);
}

size_t hf_heap_block_size(struct hf_member *self, const void *block)
{
        (void)self;
        struct hf_heap heap = hf_heap_here();
        uint64_t index;
        unsigned number;
        size_t size = 0;
        hf_heap_lock(&heap, NULL);
        if (find_block(&heap, hf_offset_of(block), &index, &number)) {
                uint64_t word = heap.units[index].word;
                size = hf_span_kind(word) == HF_SPAN_LARGE
                               ? hf_min(heap.units[index].size,
                                        hf_span_length_at(&heap, index) * HF_UNIT_SIZE)
                               : hf_slab_class_size(hf_span_class(word));
        }
        hf_heap_unlock(&heap);
        return size;
}

/* Free what a dead member's notes name. It may have died in the guard: entering it repairs. */
static bool settle(struct hf_member *me, hf_member_id id, struct hf_intents *intents)
{
        (void)me;
        (void)id;
        hf_heap_free_at(&intents->block);
        hf_heap_free_at(&intents->spare_block);
        return true;
}

/* Settled last, so that the others may still look at the notes: so registered first. */
__attribute__((constructor(101))) static void at_start(void)
{
        hf_at_burial(settle);
}
