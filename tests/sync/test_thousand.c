/* A thousand processes alive at once share what there is to share. */
#include "crowd.h"

#define PROCESSES 1000

struct all {
        hay_lock lock;
        hay_rlock rlock;
        hay_semaphore owned;
        hay_semaphore counter;
        hay_event event;
        hay_condition condition;
        hay_barrier barrier;
        unsigned indices[PROCESSES];
        int counts[3]; /* guarded by lock, rlock, owned */
        int ready;     /* guarded by lock */
};

static int use_all(void *shared, int index)
{
        struct all *all = shared;
        unsigned mine;
        (void)index;
        EXPECT(hay_barrier_wait(&all->barrier, HAY_FOREVER, &mine) == 0);
        EXPECT(mine < PROCESSES);
        step_do(&all->indices[mine]);
        EXPECT(hay_lock_acquire(&all->lock, HAY_FOREVER) == 0);
        all->counts[0]++;
        EXPECT(hay_lock_release(&all->lock) == 0);
        EXPECT(hay_rlock_acquire(&all->rlock, HAY_FOREVER) == 0);
        all->counts[1]++;
        EXPECT(hay_rlock_release(&all->rlock) == 0);
        EXPECT(hay_semaphore_acquire(&all->owned, HAY_FOREVER) == 0);
        all->counts[2]++;
        EXPECT(hay_semaphore_release(&all->owned) == 0);
        EXPECT(hay_semaphore_release(&all->counter) == 0);
        EXPECT(hay_event_wait(&all->event, HAY_FOREVER) == 0);
        EXPECT(hay_lock_acquire(&all->lock, HAY_FOREVER) == 0);
        if (++all->ready == PROCESSES)
                EXPECT(hay_condition_notify_all(&all->condition) == 0);
        while (all->ready < PROCESSES)
                EXPECT(hay_condition_wait(&all->condition, &all->lock, HAY_FOREVER) == 0);
        EXPECT(hay_lock_release(&all->lock) == 0);
        EXPECT(hay_barrier_wait(&all->barrier, HAY_FOREVER, NULL) == 0);
        return 0;
}

static int let_them_go(void *arg)
{
        struct all *all = arg;
        for (int i = 0; i < PROCESSES; i++)
                EXPECT(hay_semaphore_acquire(&all->counter, HAY_FOREVER) == 0);
        EXPECT(hay_event_set(&all->event) == 0);
        return 0;
}

TEST(a_thousand_processes_share_everything)
{
        struct all *all = hay_new(struct all);
        struct hay_semaphore_options one = { .value = 1 };
        struct hay_semaphore_options counter = { .signal = true };
        struct hay_barrier_options parties = { .parties = PROCESSES };
        ck_assert_int_eq(hay_semaphore_init(&all->owned, &one), 0);
        ck_assert_int_eq(hay_semaphore_init(&all->counter, &counter), 0);
        ck_assert_int_eq(hay_barrier_init(&all->barrier, &parties), 0);
        pid_t starter = kit_fork(let_them_go, all);
        ck_assert_int_eq(crowd_of_processes(PROCESSES, use_all, all), 0);
        ck_assert_int_eq(kit_wait(starter), 0);
        for (int i = 0; i < 3; i++)
                ck_assert_int_eq(all->counts[i], PROCESSES);
        for (int i = 0; i < PROCESSES; i++)
                ck_assert_uint_eq(all->indices[i], 1);
        hay_barrier_fini(&all->barrier);
        hay_semaphore_fini(&all->owned);
        hay_free(all);
}

KIT_MAIN
