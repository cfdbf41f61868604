/* Spans of units. From unit 0 to root.top every unit belongs to one span, whose first unit's word says
 * kind and length: so the spans are found by a walk. Every change is one store to one word (or to
 * root.top) that keeps the walk whole; what it makes stale is mended after it.
 *
 * The words: all are written under the heap's guard alone, but `warm` and `size` of a live span, which
 * belong to the block's owner.
 *   word    the truth. Inside a span 0.
 *   before, next, prev, `size` of a free span, root.last, root.free_lists, root.partial,
 *   root.warm_free  derived, rebuilt by repair.
 *   root.top        units that belong to spans; only grows.
 *   root.releasing  the span whose pages are just being given back: warm is 0 there already.
 *
 * The crash table
 *   carve    the words of the new span and of the rest, which stand inside the old, longer span, are
 *            nothing to a walk until the old span's word is stored (the commit); repair clears them.
 *            After it lists and `before` are stale, repair rebuilds them.
 *   extend   words beyond top are nothing until top moves (the commit).
 *   give     the word turned free: stale as above. Joined: the second span's word is now inside,
 *            repair clears it.
 *   release  between warm = 0 and the kernel's call: pages stay that nobody counts; repair gives
 *            root.releasing back again. */
#include "memory/unit.h"

#include <errno.h>
#include <string.h>

/* What free spans may keep in warm pages, at least and as a part of all, before pages go back. */
#define WARM_LEAST ((uint64_t)32 << 20)
#define RELEASE_LEAST ((uint64_t)1 << 20)

void hf_list_push(struct hf_heap *heap, uint32_t *head, uint64_t index)
{
        struct hf_unit *unit = &heap->units[index];
        unit->prev = 0;
        unit->next = *head;
        struct hf_unit *next = hf_unit_named(heap, *head);
        if (next)
                next->prev = (uint32_t)index + 1;
        *head = (uint32_t)index + 1;
}

void hf_list_remove(struct hf_heap *heap, uint32_t *head, uint64_t index)
{
        struct hf_unit *unit = &heap->units[index];
        struct hf_unit *prev = hf_unit_named(heap, unit->prev);
        struct hf_unit *next = hf_unit_named(heap, unit->next);
        *(prev ? &prev->next : head) = unit->next;
        if (next)
                next->prev = unit->prev;
        unit->next = 0;
        unit->prev = 0;
}

static uint32_t *list_of(struct hf_heap *heap, uint64_t length)
{
        unsigned log = hf_log2(hf_max(length, (uint64_t)1));
        return &heap->root->free_lists[hf_min(log, HF_LISTS - 1u)];
}

static uint64_t warm_pages(const struct hf_heap *heap, uint64_t index, uint64_t length)
{
        uint64_t pages = 0;
        for (uint64_t i = index; i < index + length; i++)
                pages += heap->units[i].warm;
        return pages;
}

static void tell_next(struct hf_heap *heap, uint64_t index, uint64_t length)
{
        if (index + length < hf_heap_top(heap))
                heap->units[index + length].before = (uint32_t)length;
        else
                heap->root->last = index;
}

static void enlist(struct hf_heap *heap, uint64_t index, uint64_t length, uint64_t warm)
{
        heap->units[index].size = warm;
        heap->root->warm_free += warm;
        hf_list_push(heap, list_of(heap, length), index);
}

/* Returns how many of its pages are warm. */
static uint64_t delist(struct hf_heap *heap, uint64_t index, uint64_t length)
{
        hf_list_remove(heap, list_of(heap, length), index);
        uint64_t warm = heap->units[index].size;
        heap->root->warm_free -= hf_min(warm, heap->root->warm_free);
        return warm;
}

/* The first unit in [index, index + length) where a span of `wanted` units may begin; the end if
 * none. */
static uint64_t fit(const struct hf_heap *heap, uint64_t index, uint64_t length, uint64_t wanted,
                    size_t alignment)
{
        uint64_t at = index;
        if (alignment > HF_UNIT_SIZE) {
                uintptr_t first = (uintptr_t)hf_region_base + heap->base + index * HF_UNIT_SIZE;
                at += (hf_round_up(first, alignment) - first) / HF_UNIT_SIZE;
        }
        return at < index + length && index + length - at >= wanted ? at : index + length;
}

void hf_span_carve(struct hf_heap *heap, uint64_t index, uint64_t at, uint64_t word, uint64_t size)
{
        struct hf_unit *units = heap->units;
        uint64_t length = hf_span_length_at(heap, index);
        uint64_t wanted = hf_span_length(word);
        uint64_t front = at - index;
        uint64_t rest = length - front - wanted;
        uint64_t warm = delist(heap, index, length);
        uint64_t warm_front = warm_pages(heap, index, front);
        uint64_t warm_rest = warm - warm_front - warm_pages(heap, at, wanted);
        units[at].size = size;
        if (rest)
                atomic_store_release(&units[at + wanted].word, hf_span_word(HF_SPAN_FREE, 0, rest));
        atomic_store_release(&units[at].word, word);
        if (front) {
                atomic_keep_order();
                atomic_store_release(&units[index].word, hf_span_word(HF_SPAN_FREE, 0, front));
                atomic_keep_order();
                tell_next(heap, index, front);
                enlist(heap, index, front, warm_front);
        }
        tell_next(heap, at, wanted);
        if (rest) {
                tell_next(heap, at + wanted, rest);
                enlist(heap, at + wanted, rest, warm_rest);
        }
}

/* A free span that has room: the first of the smallest list that has one. */
static bool find(struct hf_heap *heap, uint64_t wanted, size_t alignment, uint64_t *ret_index,
                 uint64_t *ret_at)
{
        uint64_t most = heap->unit_count; /* a damaged list may go round */
        for (unsigned i = hf_min(hf_log2(wanted), HF_LISTS - 1u); i < HF_LISTS; i++) {
                const struct hf_unit *unit = hf_unit_named(heap, heap->root->free_lists[i]);
                for (; unit && most; unit = hf_unit_named(heap, unit->next), most--) {
                        uint64_t index = (uint64_t)(unit - heap->units);
                        uint64_t length = hf_span_kind(unit->word) == HF_SPAN_FREE
                                                  ? hf_span_length_at(heap, index)
                                                  : 0;
                        uint64_t at = fit(heap, index, length, wanted, alignment);
                        if (at == index + length)
                                continue;
                        *ret_index = index;
                        *ret_at = at;
                        return true;
                }
        }
        return false;
}

static void release_pages(struct hf_heap *heap, uint64_t index, uint64_t length)
{
        for (uint64_t i = index; i < index + length; i++)
                heap->units[i].warm = 0;
        heap->root->releasing_size = length * HF_UNIT_SIZE;
        atomic_keep_order();
        atomic_store_release(&heap->root->releasing, heap->base + index * HF_UNIT_SIZE);
        hf_region_release(heap->root->releasing, heap->root->releasing_size);
        atomic_store_release(&heap->root->releasing, (hf_offset)0);
}

/* Pages beyond what is worth keeping go back to the system. Returns how many stay. */
static uint64_t cool(struct hf_heap *heap, uint64_t index, uint64_t length, uint64_t warm)
{
        uint64_t keep = hf_max(WARM_LEAST, heap->root->top * HF_UNIT_SIZE / 16) / heap->page;
        if (warm * heap->page < RELEASE_LEAST || heap->root->warm_free + warm <= keep)
                return warm;
        release_pages(heap, index, length);
        return 0;
}

/* A span's word is free: join it with its neighbours and enlist it. */
static void settle(struct hf_heap *heap, uint64_t index, uint64_t warm)
{
        struct hf_unit *units = heap->units;
        uint64_t length = hf_span_length_at(heap, index);
        uint64_t next = index + length;
        if (next < hf_heap_top(heap) && hf_span_kind(units[next].word) == HF_SPAN_FREE) {
                uint64_t more = hf_span_length_at(heap, next);
                warm += delist(heap, next, more);
                length += more;
                atomic_store_release(&units[index].word, hf_span_word(HF_SPAN_FREE, 0, length));
                atomic_keep_order();
                atomic_store_release(&units[next].word, (uint64_t)0);
        }
        uint64_t first = index - hf_min(units[index].before, index);
        if (first < index && hf_span_kind(units[first].word) == HF_SPAN_FREE) {
                warm += delist(heap, first, index - first);
                length += index - first;
                atomic_store_release(&units[first].word, hf_span_word(HF_SPAN_FREE, 0, length));
                atomic_keep_order();
                atomic_store_release(&units[index].word, (uint64_t)0);
                index = first;
        }
        tell_next(heap, index, length);
        enlist(heap, index, length, cool(heap, index, length, warm));
}

void hf_span_give(struct hf_heap *heap, uint64_t index)
{
        uint64_t length = hf_span_length_at(heap, index);
        atomic_store_release(&heap->units[index].word, hf_span_word(HF_SPAN_FREE, 0, length));
        atomic_keep_order();
        settle(heap, index, warm_pages(heap, index, length));
}

/* Let units from the top on belong to spans, so many that `wanted` fit. 0, -ENOMEM. */
static int extend(struct hf_heap *heap, uint64_t wanted)
{
        struct hf_heap_root *root = heap->root;
        struct hf_unit *units = heap->units;
        uint64_t top = hf_heap_top(heap);
        uint64_t last = root->last;
        if (top && last >= top)
                return -EUCLEAN;
        uint64_t before = top ? hf_span_length_at(heap, last) : 0;
        if (top && hf_span_kind(units[last].word) == HF_SPAN_FREE && before < wanted)
                wanted -= before;
        if (wanted > heap->unit_count - top)
                return -ENOMEM;
        int r = hf_region_reserve(hf_offset_of(&units[top]), wanted * sizeof(*units));
        if (r < 0)
                return r;
        units[top].before = (uint32_t)before;
        atomic_store_release(&units[top].word, hf_span_word(HF_SPAN_FREE, 0, wanted));
        atomic_keep_order();
        atomic_store_release(&root->top, top + wanted);
        atomic_keep_order();
        settle(heap, top, warm_pages(heap, top, wanted));
        return 0;
}

int hf_span_find(struct hf_heap *heap, uint64_t length, size_t alignment, uint64_t *ret_index,
                 uint64_t *ret_at)
{
        if (find(heap, length, alignment, ret_index, ret_at))
                return 0;
        uint64_t slack = alignment > HF_UNIT_SIZE ? alignment / HF_UNIT_SIZE - 1 : 0;
        uint64_t more;
        if (!hf_sum(length, slack, &more))
                return -ENOMEM;
        int r = extend(heap, more);
        if (r < 0)
                return r;
        return find(heap, length, alignment, ret_index, ret_at) ? 0 : -ENOMEM;
}

static int rebuild_span(struct hf_heap *heap, uint64_t index, uint64_t before)
{
        struct hf_unit *unit = &heap->units[index];
        uint64_t length = hf_span_length(unit->word);
        enum hf_span_kind kind = hf_span_kind(unit->word);
        bool is_known = kind == HF_SPAN_FREE || kind == HF_SPAN_LARGE;
        if (!is_known && (kind != HF_SPAN_SLAB || length != 1))
                return -EUCLEAN;
        unit->before = (uint32_t)before;
        unit->next = 0;
        unit->prev = 0;
        for (uint64_t i = index + 1; i < index + length; i++)
                if (heap->units[i].word)
                        atomic_store_release(&heap->units[i].word, (uint64_t)0);
        if (kind == HF_SPAN_FREE)
                enlist(heap, index, length, warm_pages(heap, index, length));
        tell_next(heap, index, length);
        return kind == HF_SPAN_SLAB ? hf_slab_rebuild(heap, index) : 0;
}

/* Who died there had set `warm` of all these to 0. */
static void release_again(struct hf_heap *heap)
{
        hf_offset from = heap->root->releasing;
        uint64_t size = heap->root->releasing_size;
        uint64_t end = heap->base + heap->unit_count * HF_UNIT_SIZE;
        if (!from)
                return;
        if (from >= heap->base && from < end && size <= end - from)
                hf_region_release(from, size);
        atomic_store_release(&heap->root->releasing, (hf_offset)0);
}

int hf_span_rebuild(struct hf_heap *heap)
{
        struct hf_heap_root *root = heap->root;
        memset(root->free_lists, 0, sizeof(root->free_lists));
        memset(root->partial, 0, sizeof(root->partial));
        root->warm_free = 0;
        release_again(heap);
        uint64_t top = hf_heap_top(heap);
        uint64_t before = 0;
        for (uint64_t i = 0; i < top; i += before) {
                uint64_t length = hf_span_length(heap->units[i].word);
                if (!length || length > top - i)
                        return -EUCLEAN;
                int r = rebuild_span(heap, i, before);
                if (r < 0)
                        return r;
                before = length;
        }
        return 0;
}
