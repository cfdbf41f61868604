/* The heap is put in order again after a death, also when it is damaged: then the damage is told. */
#include "kit.h"
#include "member/member.h"
#include "memory/unit.h"

#include <errno.h>
#include <signal.h>

static struct hf_heap heap;

static int die_in_the_guard(void *arg)
{
        int r;
        (void)arg;
        if (!hf_self(&r))
                return 1;
        hf_heap_lock(&heap, NULL);
        raise(SIGKILL);
        return 2;
}

/* The next one to come repairs it. */
static void leave_it_to_the_next(void)
{
        ck_assert_int_eq(kit_wait(kit_fork(die_in_the_guard, NULL)), -SIGKILL);
}

static uint64_t unit_of(const void *block)
{
        return ((uint64_t)(uintptr_t)block - (uint64_t)(uintptr_t)hf_at(heap.base)) / HF_UNIT_SIZE;
}

/* With the word damaged, a death leads to a repair that can't be whole; put back, to one that is. */
static void damage(uint64_t *word, uint64_t bad)
{
        uint64_t good = *word;
        *word = bad;
        leave_it_to_the_next();
        void *block = hay_alloc(100, 0);
        ck_assert_int_eq(hay_audit(NULL), -EUCLEAN);
        *word = good;
        leave_it_to_the_next();
        hay_free(block);
        ck_assert_int_eq(hay_audit(NULL), 0);
}

TEST(damage_that_a_repair_finds_is_told_and_does_no_more_harm)
{
        void *small = hay_alloc(64, 0);
        void *middle = hay_alloc(4000, 0);
        void *large = hay_alloc(100000, 0);
        ck_assert(small && middle && large);
        heap = hf_heap_here();
        uint64_t slab = unit_of(small);
        uint64_t *word = &heap.units[slab].word;
        damage(word, 0);
        damage(word, hf_span_word(HF_SPAN_SLAB, 255, 1));
        damage(word, hf_span_word(HF_SPAN_SLAB, hf_span_class(*word), 2));
        damage(word, hf_span_word(HF_SPAN_SLAB + 1, 0, 1));
        damage(word, hf_span_word(HF_SPAN_INSIDE, 0, 1));
        damage(word, hf_span_word(HF_SPAN_SLAB, hf_span_class(*word), 1ull << 40));
        word = &heap.bitmaps[unit_of(middle) * HF_BITMAP_WORDS + HF_BITMAP_WORDS - 1];
        damage(word, *word | 1ull << 63);
        hay_free(small);
        hay_free(middle);
        hay_free(large);
}

/* A death while a span was carved leaves words inside another span. */
TEST(words_inside_a_span_are_cleared)
{
        void *large = hay_alloc(1 << 20, 0);
        ck_assert_ptr_nonnull(large);
        heap = hf_heap_here();
        heap.units[unit_of(large) + 1].word = hf_span_word(HF_SPAN_FREE, 0, 1);
        ck_assert_int_eq(hay_audit(NULL), -EUCLEAN);
        leave_it_to_the_next();
        hay_free(hay_alloc(100, 0));
        ck_assert_int_eq(hay_audit(NULL), 0);
        ck_assert_uint_eq(heap.units[unit_of(large) + 1].word, 0);
        hay_free(large);
}

KIT_MAIN
