/* The heap's own structures: units of 64 KiB, spans of units, slabs of small blocks. See heap.c. */
#ifndef HF_MEMORY_UNIT_H
#define HF_MEMORY_UNIT_H

#include "base/checked.h"
#include "member/guard.h"
#include "region/root.h"

enum hf_span_kind {
        HF_SPAN_INSIDE = 0, /* not the first unit of a span */
        HF_SPAN_FREE,
        HF_SPAN_LARGE, /* one block */
        HF_SPAN_SLAB,  /* one unit of equal small blocks; the bitmap says which are live */
};

/* A unit's descriptor. `word` is the truth, all else is rebuilt by repair (or, for `size` and
 * `warm`, right at every instant in the order in which it is written). */
struct hf_unit {
        uint64_t word; /* kind:8 | class:8 | length in units:48, in a span's first unit; else 0 */
        uint64_t size; /* large: bytes that the block has; free: warm pages in the span (derived) */
        uint32_t next; /* in a list: unit index + 1, 0 at the end */
        uint32_t prev;
        uint32_t before; /* length of the span before this one, 0 for the first */
        uint16_t warm;   /* pages at the unit's start that exist: never more than do */
        uint16_t live;   /* slab: live blocks */
};

#define HF_SMALL_MOST 16384u
#define HF_BITMAP_WORDS (HF_UNIT_SIZE / 16 / 64)

/* The heap of this region, with what is looked up often. */
struct hf_heap {
        struct hf_heap_root *root;
        struct hf_unit *units;
        uint64_t *bitmaps;
        uint64_t unit_count;
        hf_offset base;
        size_t page;
};

struct hf_heap hf_heap_here(void);

static inline uint64_t hf_span_word(enum hf_span_kind kind, unsigned class, uint64_t length)
{
        return (uint64_t)kind | (uint64_t) class << 8 | length << 16;
}

static inline enum hf_span_kind hf_span_kind(uint64_t word)
{
        return (enum hf_span_kind)(word & 0xff);
}

static inline unsigned hf_span_class(uint64_t word)
{
        return word >> 8 & 0xff;
}

static inline uint64_t hf_span_length(uint64_t word)
{
        return word >> 16;
}

/* What is read from the region is bounded before it is used as an index: a damaged heap gives errors,
 * and never leads out of itself. So many units belong to spans: */
static inline uint64_t hf_heap_top(const struct hf_heap *heap)
{
        return hf_min(heap->root->top, heap->unit_count);
}

/* How long the span at `index` (below the unit count) is; 0 for a damaged one, perhaps. */
static inline uint64_t hf_span_length_at(const struct hf_heap *heap, uint64_t index)
{
        return hf_min(hf_span_length(heap->units[index].word), heap->unit_count - index);
}

/* The unit that a list names by its index + 1; NULL at the end. */
static inline struct hf_unit *hf_unit_named(const struct hf_heap *heap, uint32_t name)
{
        return name && name <= heap->unit_count ? &heap->units[name - 1] : NULL;
}

/* span.c: spans of units. All under the heap's guard. */

/* Find room for `length` units whose address is a multiple of `alignment`: in the free span at
 * *ret_index, from *ret_at on. 0, -ENOMEM. */
int hf_span_find(struct hf_heap *heap, uint64_t length, size_t alignment, uint64_t *ret_index,
                 uint64_t *ret_at);

/* Carve `length` units from `at` on out of the free span at `index`; its last ordered store, of
 * `word` or of the rest's, is the commit. `size` goes to the new span's descriptor. */
void hf_span_carve(struct hf_heap *heap, uint64_t index, uint64_t at, uint64_t word, uint64_t size);

/* Give a span back, join it with free neighbours, and give its pages back if much is free. */
void hf_span_give(struct hf_heap *heap, uint64_t index);

/* Rebuild what is derived from the spans' words and the bitmaps; -EUCLEAN when these don't add up.
 */
int hf_span_rebuild(struct hf_heap *heap);

/* Put a unit at the head of a list, take it out. `head` holds unit index + 1. */
void hf_list_push(struct hf_heap *heap, uint32_t *head, uint64_t index);
void hf_list_remove(struct hf_heap *heap, uint32_t *head, uint64_t index);

/* slab.c: small blocks. All under the heap's guard. */

/* The class of blocks of `size` bytes at multiples of `alignment`; the size must fit. */
unsigned hf_slab_class(size_t size, size_t alignment);
size_t hf_slab_class_size(unsigned class);
unsigned hf_slab_classes(void);

/* Take a block of a class; its offset is stored at *place before the commit. 0, -ENOMEM. */
int hf_slab_take(struct hf_heap *heap, unsigned class, hf_offset *place);

/* Whether `block` is a live block of the slab `index`; its number there. */
bool hf_slab_is_live(struct hf_heap *heap, uint64_t index, hf_offset block, unsigned *ret_number);

/* The commit of a free; the slab goes to its list, or back to the spans when it is empty. */
void hf_slab_give(struct hf_heap *heap, uint64_t index, unsigned number);

/* Rebuild what is derived from the bitmap of one slab and put it into its list; -EUCLEAN when a
 * block is live that is beyond the end. */
int hf_slab_rebuild(struct hf_heap *heap, uint64_t index);

/* heap.c: enter and leave the guard, with the place that is about to change (NULL: none). */
void hf_heap_lock(struct hf_heap *heap, hf_offset *place);
void hf_heap_unlock(struct hf_heap *heap);

#endif
