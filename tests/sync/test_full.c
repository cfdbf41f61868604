/* A process that finds no room in the member table is told so, by every function that needs it. */
#include "crowd.h"

#include "member/member.h"
#include "region/root.h"

struct scene {
        hay_lock lock;
        hay_rlock rlock;
        hay_condition condition;
        hay_semaphore semaphore;
        hay_semaphore large;
        hay_barrier barrier;
        hay_barrier broad;
};

static bool is_true(void *arg)
{
        return arg != NULL;
}

static int has_no_room(void *arg)
{
        struct scene *s = arg;
        struct hay_semaphore_options permits = { .value = 11 };
        struct hay_barrier_options parties = { .parties = 9 };
        struct hay_array_options elements = { .type = HAY_INT, .length = 1 };
        hay_array *array = NULL;
        unsigned index = 5;
        EXPECT(hay_lock_acquire(&s->lock, HAY_FOREVER) == -ENOMEM);
        EXPECT(hay_lock_locked(&s->lock) == 0);
        EXPECT(hay_rlock_acquire(&s->rlock, HAY_FOREVER) == -ENOMEM);
        EXPECT(hay_rlock_release(&s->rlock) == -ENOMEM);
        EXPECT(hay_condition_wait(&s->condition, &s->lock, HAY_FOREVER) == -ENOMEM);
        EXPECT(hay_condition_wait_rlock(&s->condition, &s->rlock, HAY_FOREVER) == -ENOMEM);
        EXPECT(hay_condition_wait_for(&s->condition, &s->lock, is_true, s, HAY_FOREVER) == -ENOMEM);
        EXPECT(hay_semaphore_acquire(&s->semaphore, HAY_FOREVER) == -ENOMEM);
        EXPECT(hay_semaphore_release(&s->semaphore) == -ENOMEM);
        EXPECT(hay_semaphore_init(&s->large, &permits) == -ENOMEM);
        EXPECT(hay_barrier_wait(&s->barrier, HAY_FOREVER, &index) == -ENOMEM);
        EXPECT(index == 5);
        EXPECT(hay_barrier_init(&s->broad, &parties) == -ENOMEM);
        EXPECT(hay_array_new(&array, &elements) == -ENOMEM);
        EXPECT(array == NULL);
        return 0;
}

TEST(no_room_for_another_member_is_an_error)
{
        struct scene *scene = hay_new(struct scene);
        struct hay_semaphore_options one = { .value = 1 };
        struct hay_barrier_options parties = { .parties = 2 };
        ck_assert_int_eq(hay_semaphore_init(&scene->semaphore, &one), 0);
        ck_assert_int_eq(hay_barrier_init(&scene->barrier, &parties), 0);
        /* All other slots are as ours: this process, alive. */
        int r;
        hf_member_id me = hf_self_id(&r);
        uint64_t alive = hf_member_slot(me)->word >> 32 << 32;
        uint32_t *window = &hf_region_root()->member.window;
        uint32_t before = *window;
        bool was_free[HF_MEMBER_SLOTS];
        ck_assert_int_eq(hf_region_reserve(hf_region_root()->layout.members,
                                           HF_MEMBER_SLOTS * sizeof(struct hf_member)),
                         0);
        for (uint32_t i = 1; i < HF_MEMBER_SLOTS; i++) {
                struct hf_member *slot = hf_member_slot(i);
                was_free[i] = slot->word >> 32 == 0;
                if (was_free[i])
                        slot->word |= alive;
        }
        *window = HF_MEMBER_SLOTS;
        ck_assert_int_eq(kit_wait(kit_fork(has_no_room, scene)), 0);
        for (uint32_t i = 1; i < HF_MEMBER_SLOTS; i++)
                if (was_free[i])
                        hf_member_slot(i)->word &= UINT32_MAX;
        *window = before;
        ck_assert_int_eq(hay_barrier_waiting(&scene->barrier), 0);
        ck_assert_int_eq(hay_semaphore_value(&scene->semaphore), 1);
        hay_free(scene);
}

KIT_MAIN
