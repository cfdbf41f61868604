/* A thousand processes at once. */
#include "kit.h"

enum { PROCESSES = 1000, ROUNDS = 3 };

struct shared {
        hay_lock lock;
        long count;
        hay_barrier barrier;
        hay_queue *queue;
        long meetings[ROUNDS];
};

static int take_part(void *arg)
{
        struct shared *shared = arg;
        for (int round = 0; round < ROUNDS; round++) {
                unsigned index;
                if (hay_lock_acquire(&shared->lock, HAY_FOREVER) != 0)
                        return 1;
                shared->count++;
                if (hay_lock_release(&shared->lock) != 0)
                        return 2;
                if (hay_barrier_wait(&shared->barrier, HAY_FOREVER, &index) != 0)
                        return 3;
                /* All have counted before anybody goes on. */
                if (shared->count < (long)(round + 1) * PROCESSES)
                        return 4;
                if (index == 0)
                        shared->meetings[round]++;
                if (hay_barrier_wait(&shared->barrier, HAY_FOREVER, NULL) != 0)
                        return 5;
        }
        pid_t me = getpid();
        return hay_queue_put(shared->queue, &me, sizeof(me), HAY_FOREVER) == 0 ? 0 : 6;
}

TEST(a_thousand_processes_share_a_lock_a_queue_and_a_barrier)
{
        static hay_process *processes[PROCESSES];
        static pid_t seen[PROCESSES];
        struct shared *shared = hay_new(struct shared);
        struct hay_barrier_options options = { .parties = PROCESSES };
        ck_assert_int_eq(hay_barrier_init(&shared->barrier, &options), 0);
        ck_assert_int_eq(hay_queue_new(&shared->queue, NULL), 0);
        for (int i = 0; i < PROCESSES; i++) {
                int r = hay_process_start(&processes[i], take_part, shared, NULL);
                ck_assert_int_eq(r, 0);
        }
        for (int i = 0; i < PROCESSES; i++) {
                int r = hay_queue_get(shared->queue, &seen[i], sizeof(seen[i]), NULL, HAY_FOREVER);
                ck_assert_int_eq(r, 0);
        }
        for (int i = 0; i < PROCESSES; i++) {
                struct hay_exit exit;
                pid_t pid = hay_process_pid(processes[i]);
                int found = 0;
                for (int j = 0; j < PROCESSES; j++)
                        found += seen[j] == pid;
                ck_assert_int_eq(found, 1);
                ck_assert_int_eq(hay_process_join(processes[i], HAY_FOREVER, &exit), 0);
                ck_assert_int_eq(exit.code, 0);
                ck_assert_int_eq(hay_process_close(processes[i]), 0);
        }
        ck_assert_int_eq(shared->count, (long)PROCESSES * ROUNDS);
        for (int round = 0; round < ROUNDS; round++)
                ck_assert_int_eq(shared->meetings[round], 1);
        ck_assert_int_eq(hay_queue_empty(shared->queue), 1);
        hay_barrier_fini(&shared->barrier);
        hay_queue_free(shared->queue);
        hay_free(shared);
}

KIT_MAIN
