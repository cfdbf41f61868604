/* Small blocks: a slab is one unit of equal blocks, whose truth is a bitmap: a set bit is a live
 * block. Taking and giving are one store each.
 *
 * The words, all under the heap's guard: bitmap words (the truth); unit.live, unit.next and prev,
 * root.partial (derived); unit.warm (pages at the start that exist; raised after they do).
 * root.partial[class] lists the slabs of a class with room, so that a take looks at the first only.
 *
 * The crash table
 *   take  before the bit: the place names a block that is not live, repair clears it (heap.c).
 *   give  before the bit: nothing. After: `live` and the list are stale, repair counts again.
 *   new   the bitmap is zeroed before the unit's word says slab; an empty slab waits in its list. */
#include "memory/unit.h"

#include <errno.h>
#include <string.h>

/* Multiples of what their blocks' alignment asks for (see hay_alloc()): steps of a quarter where
 * the waste would be more, none where a block spans pages anyway. */
static const uint16_t class_sizes[] = { 16,   32,   64,   128,   192,   256,   320,  384,
                                        448,  512,  640,  768,   896,   1024,  1280, 1536,
                                        1792, 2048, 2560, 3072,  3584,  4096,  5120, 6144,
                                        7168, 8192, 9216, 10240, 12288, 14336, 16384 };
#define CLASSES (sizeof(class_sizes) / sizeof(*class_sizes))

unsigned hf_slab_classes(void)
{
        return CLASSES;
}

size_t hf_slab_class_size(unsigned class)
{
        return class_sizes[class < CLASSES ? class : 0];
}

static unsigned first_class(size_t size)
{
        unsigned low = 0;
        unsigned high = CLASSES - 1;
        while (low < high) {
                unsigned middle = (low + high) / 2;
                if (class_sizes[middle] < size)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

unsigned hf_slab_class(size_t size, size_t alignment)
{
        unsigned class = first_class(size);
        while (class_sizes[class] % alignment)
                class ++;
        return class;
}

static uint64_t *bitmap_of(struct hf_heap *heap, uint64_t index)
{
        return heap->bitmaps + index * HF_BITMAP_WORDS;
}

static unsigned capacity_of(unsigned class)
{
        return (unsigned)(HF_UNIT_SIZE / hf_slab_class_size(class));
}

/* The first free block's number; the caller knows that there is one, a damaged bitmap does not. */
static unsigned first_free(const uint64_t *bitmap, unsigned capacity)
{
        for (unsigned i = 0; i * 64 < capacity; i++)
                if (~bitmap[i])
                        return i * 64 + (unsigned)__builtin_ctzll(~bitmap[i]);
        return capacity;
}

static int new_slab(struct hf_heap *heap, unsigned class, uint64_t *ret_index)
{
        uint64_t index;
        uint64_t at;
        int r = hf_span_find(heap, 1, 0, &index, &at);
        if (r < 0)
                return r;
        uint64_t *bitmap = bitmap_of(heap, at);
        r = hf_region_reserve(hf_offset_of(bitmap), HF_BITMAP_WORDS * sizeof(*bitmap));
        if (r < 0)
                return r;
        memset(bitmap, 0, HF_BITMAP_WORDS * sizeof(*bitmap));
        atomic_keep_order();
        hf_span_carve(heap, index, at, hf_span_word(HF_SPAN_SLAB, class, 1), 0);
        heap->units[at].live = 0;
        hf_list_push(heap, &heap->root->partial[class], at);
        *ret_index = at;
        return 0;
}

/* Let the pages up to byte `end` of a unit exist. */
static int warm_up(struct hf_heap *heap, uint64_t index, size_t end)
{
        struct hf_unit *unit = &heap->units[index];
        size_t pages = (end + heap->page - 1) / heap->page;
        if (pages <= unit->warm)
                return 0;
        hf_offset from = heap->base + index * HF_UNIT_SIZE + unit->warm * heap->page;
        int r = hf_region_reserve(from, (pages - unit->warm) * heap->page);
        if (r == 0)
                unit->warm = (uint16_t)pages;
        return r;
}

int hf_slab_take(struct hf_heap *heap, unsigned class, hf_offset *place)
{
        uint32_t name = heap->root->partial[class];
        uint64_t index = name - 1u;
        if (!name) {
                int r = new_slab(heap, class, &index);
                if (r < 0)
                        return r;
        } else if (index >= heap->unit_count ||
                   heap->units[index].word != hf_span_word(HF_SPAN_SLAB, class, 1)) {
                return -EUCLEAN;
        }
        struct hf_unit *unit = &heap->units[index];
        uint64_t *bitmap = bitmap_of(heap, index);
        unsigned number = first_free(bitmap, capacity_of(class));
        if (number >= capacity_of(class))
                return -EUCLEAN;
        size_t at = number * hf_slab_class_size(class);
        int r = warm_up(heap, index, at + hf_slab_class_size(class));
        if (r < 0) {
                if (!unit->live) {
                        hf_list_remove(heap, &heap->root->partial[class], index);
                        hf_span_give(heap, index);
                }
                return r;
        }
        atomic_store_release(place, heap->base + index * HF_UNIT_SIZE + at);
        atomic_keep_order();
        atomic_store_release(&bitmap[number / 64], bitmap[number / 64] | 1ull << number % 64);
        if (++unit->live == capacity_of(class))
                hf_list_remove(heap, &heap->root->partial[class], index);
        return 0;
}

bool hf_slab_is_live(struct hf_heap *heap, uint64_t index, hf_offset block, unsigned *ret_number)
{
        unsigned class = hf_span_class(heap->units[index].word);
        if (class >= CLASSES)
                return false;
        size_t at = block - heap->base - index * HF_UNIT_SIZE;
        size_t number = at / hf_slab_class_size(class);
        if (at % hf_slab_class_size(class) || number >= capacity_of(class))
                return false;
        *ret_number = (unsigned)number;
        return bitmap_of(heap, index)[number / 64] >> number % 64 & 1;
}

void hf_slab_give(struct hf_heap *heap, uint64_t index, unsigned number)
{
        struct hf_unit *unit = &heap->units[index];
        unsigned class = hf_span_class(unit->word);
        uint32_t *list = &heap->root->partial[class];
        uint64_t *bitmap = bitmap_of(heap, index);
        atomic_store_release(&bitmap[number / 64], bitmap[number / 64] & ~(1ull << number % 64));
        atomic_keep_order();
        if (unit->live-- == capacity_of(class))
                hf_list_push(heap, list, index);
        /* One empty slab a class stays: the next block of this size will come. */
        if (!unit->live && (unit->next || unit->prev)) {
                hf_list_remove(heap, list, index);
                hf_span_give(heap, index);
        }
}

int hf_slab_rebuild(struct hf_heap *heap, uint64_t index)
{
        struct hf_unit *unit = &heap->units[index];
        unsigned class = hf_span_class(unit->word);
        if (class >= CLASSES)
                return -EUCLEAN;
        const uint64_t *bitmap = bitmap_of(heap, index);
        unsigned capacity = capacity_of(class);
        unsigned live = 0;
        for (unsigned i = 0; i < HF_BITMAP_WORDS; i++) {
                unsigned first = i * 64;
                uint64_t beyond = first >= capacity        ? ~0ull
                                  : first + 64 <= capacity ? 0
                                                           : ~0ull << (capacity - first);
                if (bitmap[i] & beyond)
                        return -EUCLEAN;
                live += (unsigned)__builtin_popcountll(bitmap[i]);
        }
        unit->live = (uint16_t)live;
        if (live < capacity)
                hf_list_push(heap, &heap->root->partial[class], index);
        return 0;
}
