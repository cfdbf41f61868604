/* What many do at once with one object; each body is run by processes and by threads. */
#ifndef BODIES_H
#define BODIES_H

#include "crowd.h"

#define ROUNDS 2000

struct bodies {
        hay_lock lock;
        hay_rlock rlock;
        hay_semaphore semaphore;
        hay_condition condition;
        hay_event events[2];
        hay_barrier barrier;
        unsigned inside;
        unsigned steps[2];
        long count;   /* guarded by a lock, plain on purpose */
        int items;    /* guarded by lock */
        int produced; /* guarded by lock */
        int parties;
        unsigned indices[64];
        long meetings[64];
};

static inline int body_lock(void *shared, int index)
{
        struct bodies *b = shared;
        (void)index;
        for (int i = 0; i < ROUNDS; i++) {
                EXPECT(hay_lock_acquire(&b->lock, HAY_FOREVER) == 0);
                b->count++;
                EXPECT(hay_lock_release(&b->lock) == 0);
        }
        return 0;
}

/* Some give up, some only try: who gets it is inside alone. */
static inline int body_lock_deadlines(void *shared, int index)
{
        struct bodies *b = shared;
        for (int i = 0; i < ROUNDS; i++) {
                hay_time deadline = index % 3 == 0   ? HAY_FOREVER
                                    : index % 3 == 1 ? HAY_NOWAIT
                                                     : hay_now() + 20000;
                int r = hay_lock_acquire(&b->lock, deadline);
                EXPECT(r == 0 || (r == -ETIMEDOUT && deadline != HAY_FOREVER));
                if (r < 0)
                        continue;
                EXPECT(__atomic_add_fetch(&b->inside, 1, __ATOMIC_RELAXED) == 1);
                b->count++;
                __atomic_sub_fetch(&b->inside, 1, __ATOMIC_RELAXED);
                EXPECT(hay_lock_release(&b->lock) == 0);
        }
        return 0;
}

static inline int body_rlock(void *shared, int index)
{
        struct bodies *b = shared;
        for (int i = 0; i < ROUNDS; i++) {
                int depth = 1 + (i + index) % 3;
                for (int k = 0; k < depth; k++)
                        EXPECT(hay_rlock_acquire(&b->rlock, HAY_FOREVER) == 0);
                b->count++;
                for (int k = 0; k < depth; k++)
                        EXPECT(hay_rlock_release(&b->rlock) == 0);
        }
        return 0;
}

/* Never more than three inside. */
static inline int body_semaphore(void *shared, int index)
{
        struct bodies *b = shared;
        for (int i = 0; i < ROUNDS; i++) {
                hay_time deadline = (i + index) % 4 ? HAY_FOREVER : hay_now() + 20000;
                int r = hay_semaphore_acquire(&b->semaphore, deadline);
                EXPECT(r == 0 || (r == -ETIMEDOUT && deadline != HAY_FOREVER));
                if (r < 0)
                        continue;
                EXPECT(__atomic_add_fetch(&b->inside, 1, __ATOMIC_RELAXED) <= 3);
                __atomic_sub_fetch(&b->inside, 1, __ATOMIC_RELAXED);
                EXPECT(hay_semaphore_release(&b->semaphore) == 0);
        }
        return 0;
}

/* Even ones produce, odd ones consume; every item is consumed once. */
static inline int body_condition(void *shared, int index)
{
        struct bodies *b = shared;
        for (int i = 0; i < ROUNDS / 4; i++) {
                EXPECT(hay_lock_acquire(&b->lock, HAY_FOREVER) == 0);
                if (index % 2 == 0) {
                        b->items++;
                        b->produced++;
                        EXPECT(hay_condition_notify(&b->condition, 1) == 0);
                } else {
                        while (!b->items)
                                EXPECT(hay_condition_wait(&b->condition, &b->lock, HAY_FOREVER) ==
                                       0);
                        b->items--;
                        b->count++;
                }
                EXPECT(hay_lock_release(&b->lock) == 0);
        }
        return 0;
}

static inline int body_condition_deadlines(void *shared, int index)
{
        struct bodies *b = shared;
        for (int i = 0; i < ROUNDS / 4; i++) {
                EXPECT(hay_lock_acquire(&b->lock, HAY_FOREVER) == 0);
                if (index % 2 == 0) {
                        b->items++;
                        EXPECT(hay_condition_notify(&b->condition, 1 + i % 3) == 0);
                } else {
                        hay_time deadline = hay_now() + 1000 * (i % 300);
                        while (!b->items) {
                                int r = hay_condition_wait(&b->condition, &b->lock, deadline);
                                EXPECT(r == 0 || r == -ETIMEDOUT);
                                if (r == -ETIMEDOUT)
                                        deadline = hay_now() + 1000000;
                        }
                        b->items--;
                        b->count++;
                }
                EXPECT(hay_lock_release(&b->lock) == 0);
        }
        return 0;
}

/* Two play ping-pong with two events. */
static inline int body_event(void *shared, int index)
{
        struct bodies *b = shared;
        for (int i = 0; i < ROUNDS; i++) {
                if (index == 0) {
                        b->count++;
                        EXPECT(hay_event_set(&b->events[0]) == 0);
                        EXPECT(hay_event_wait(&b->events[1], HAY_FOREVER) == 0);
                        EXPECT(hay_event_clear(&b->events[1]) == 0);
                } else {
                        EXPECT(hay_event_wait(&b->events[0], HAY_FOREVER) == 0);
                        EXPECT(hay_event_clear(&b->events[0]) == 0);
                        b->count++;
                        EXPECT(hay_event_set(&b->events[1]) == 0);
                }
        }
        return 0;
}

/* Nobody is a meeting ahead of another, and each has an index of its own. */
static inline int body_barrier(void *shared, int index)
{
        struct bodies *b = shared;
        for (int i = 0; i < ROUNDS / 4; i++) {
                unsigned mine = ~0u;
                b->meetings[index] = i;
                EXPECT(hay_barrier_wait(&b->barrier, HAY_FOREVER, &mine) == 0);
                for (int k = 0; k < b->parties; k++)
                        EXPECT(b->meetings[k] == i);
                EXPECT(mine < (unsigned)b->parties);
                __atomic_add_fetch(&b->indices[mine], 1, __ATOMIC_RELAXED);
                EXPECT(hay_barrier_wait(&b->barrier, HAY_FOREVER, NULL) == 0);
        }
        return 0;
}

/* More come than the barrier holds: each meeting still has its number of parties. The last meeting
 * turns all away, since those that are left may be too few. */
static inline int body_barrier_crowded(void *shared, int index)
{
        struct bodies *b = shared;
        (void)index;
        for (;;) {
                unsigned mine = ~0u;
                int r = hay_barrier_wait(&b->barrier, HAY_FOREVER, &mine);
                if (r == -EPIPE && __atomic_load_n(&b->inside, __ATOMIC_SEQ_CST))
                        return 0;
                EXPECT(r == 0);
                EXPECT(mine < (unsigned)b->parties);
                unsigned met = __atomic_add_fetch(&b->indices[mine], 1, __ATOMIC_RELAXED);
                if (mine == 0 && met == 50 * ROUNDS) {
                        __atomic_store_n(&b->inside, 1, __ATOMIC_SEQ_CST);
                        EXPECT(hay_barrier_abort(&b->barrier) == 0);
                }
        }
}

#endif
