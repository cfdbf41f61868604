/* The audit: a walk over all that the heap holds, which must add up. */
#include "memory/unit.h"

#include <errno.h>

static uint64_t warm_in(const struct hf_heap *heap, uint64_t index, uint64_t length)
{
        uint64_t pages = 0;
        for (uint64_t i = index; i < index + length; i++)
                pages += heap->units[i].warm;
        return pages * heap->page;
}

static int add_span(struct hf_heap *heap, uint64_t index, uint64_t length, struct hay_audit *sum)
{
        const struct hf_unit *unit = &heap->units[index];
        size_t bytes = length * HF_UNIT_SIZE;
        size_t warm = warm_in(heap, index, length);
        size_t used = 0;
        switch (hf_span_kind(unit->word)) {
        case HF_SPAN_FREE:
                if (unit->size * heap->page != warm)
                        return -EUCLEAN;
                break;
        case HF_SPAN_LARGE:
                if (!unit->size || unit->size > bytes)
                        return -EUCLEAN;
                used = unit->size;
                sum->blocks++;
                break;
        case HF_SPAN_SLAB:
                used = unit->live * hf_slab_class_size(hf_span_class(unit->word));
                if (length != 1 || used > bytes)
                        return -EUCLEAN;
                sum->blocks += unit->live;
                break;
        default:
                return -EUCLEAN;
        }
        sum->used += used;
        sum->free_warm += warm - hf_min(warm, used);
        sum->free_cold += bytes - hf_max(warm, used);
        return 0;
}

static int walk(struct hf_heap *heap, struct hay_audit *sum)
{
        uint64_t top = heap->root->top;
        uint64_t before = 0;
        if (top > heap->unit_count)
                return -EUCLEAN;
        for (uint64_t i = 0; i < top; i += before) {
                uint64_t length = hf_span_length(heap->units[i].word);
                if (!length || length > top - i || heap->units[i].before != before)
                        return -EUCLEAN;
                for (uint64_t j = i + 1; j < i + length; j++)
                        if (heap->units[j].word)
                                return -EUCLEAN;
                int r = add_span(heap, i, length, sum);
                if (r < 0)
                        return r;
                before = length;
        }
        sum->free_cold += (heap->unit_count - top) * HF_UNIT_SIZE;
        return 0;
}

/* What the lists hold, in any order. */
struct listed {
        uint64_t count;
        uint64_t sum; /* of the units' numbers */
};

static void add_list(const struct hf_heap *heap, uint32_t head, struct listed *listed)
{
        while (head && head <= heap->unit_count && listed->count <= heap->unit_count) {
                listed->count++;
                listed->sum += head;
                head = heap->units[head - 1].next;
        }
}

static struct listed lists_of(const struct hf_heap *heap)
{
        struct listed listed = { 0 };
        for (unsigned i = 0; i < HF_LISTS; i++)
                add_list(heap, heap->root->free_lists[i], &listed);
        for (unsigned i = 0; i < hf_slab_classes(); i++)
                add_list(heap, heap->root->partial[i], &listed);
        return listed;
}

/* What is derived must come out the same when it is rebuilt. */
static int rebuild(struct hf_heap *heap, const struct hay_audit *sum)
{
        struct hay_audit again = { 0 };
        uint64_t warm_free = heap->root->warm_free;
        struct listed listed = lists_of(heap);
        int r = hf_span_rebuild(heap);
        if (r == 0)
                r = walk(heap, &again);
        if (r < 0)
                return r;
        struct listed relisted = lists_of(heap);
        bool is_same = heap->root->warm_free == warm_free && again.blocks == sum->blocks &&
                       again.used == sum->used && listed.count == relisted.count &&
                       listed.sum == relisted.sum;
        return is_same ? 0 : -EUCLEAN;
}

int hay_audit(struct hay_audit *ret_audit)
{
        int r;
        if (!hf_self(&r))
                return r;
        hf_bury(0);
        struct hf_heap heap = hf_heap_here();
        struct hay_audit sum = { .region_size = heap.unit_count * HF_UNIT_SIZE };
        hf_heap_lock(&heap, NULL);
        r = walk(&heap, &sum);
        if (r == 0)
                r = rebuild(&heap, &sum);
        hf_heap_unlock(&heap);
        if (r < 0)
                return r;
        hf_member_count(&sum.members, &sum.dead_members);
        if (ret_audit)
                *ret_audit = sum;
        return 0;
}
