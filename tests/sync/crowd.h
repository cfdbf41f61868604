/* Many run one body: as processes, or as threads of one process (so that ThreadSanitizer sees
 * them). And steps that they tell each other in shared memory. */
#ifndef CROWD_H
#define CROWD_H

#include "kit.h"

#include <pthread.h>
#include <signal.h>

#define CROWD_MOST 1024

/* Leave a body, saying where. */
#define EXPECT(condition) \
        do { \
                if (!(condition)) { \
                        fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
                        return 1; \
                } \
        } while (0)

struct crowd_member {
        int (*body)(void *shared, int index);
        void *shared;
        int index;
        int result;
};

static inline int crowd_run(void *arg)
{
        struct crowd_member *member = arg;
        return member->body(member->shared, member->index);
}

static inline void *crowd_run_thread(void *arg)
{
        struct crowd_member *member = arg;
        member->result = member->body(member->shared, member->index);
        return NULL;
}

/* How many of n processes did not return 0. */
static inline int crowd_of_processes(int n, int (*body)(void *shared, int index), void *shared)
{
        pid_t pids[CROWD_MOST];
        int failed = 0;
        for (int i = 0; i < n; i++)
                pids[i] = kit_fork(crowd_run, &(struct crowd_member){ body, shared, i, 0 });
        for (int i = 0; i < n; i++)
                failed += kit_wait(pids[i]) != 0;
        return failed;
}

static inline int crowd_of_threads(int n, int (*body)(void *shared, int index), void *shared)
{
        pthread_t threads[CROWD_MOST];
        struct crowd_member members[CROWD_MOST];
        int failed = 0;
        for (int i = 0; i < n; i++) {
                members[i] = (struct crowd_member){ body, shared, i, 0 };
                ck_assert_int_eq(pthread_create(&threads[i], NULL, crowd_run_thread, &members[i]),
                                 0);
        }
        for (int i = 0; i < n; i++) {
                pthread_join(threads[i], NULL);
                failed += members[i].result != 0;
        }
        return failed;
}

/* How long a thing may take that takes so many milliseconds at most on a machine that does nothing
 * else. A hang is still a hang. */
static inline int patience(int milliseconds)
{
        double load = 0;
        getloadavg(&load, 1);
        return (int)(milliseconds * (1 + (load < 100 ? load : 100)));
}

/* A step is a counter in shared memory. */
static inline void step_do(unsigned *step)
{
        __atomic_add_fetch(step, 1, __ATOMIC_SEQ_CST);
}

static inline unsigned step_count(unsigned *step)
{
        return __atomic_load_n(step, __ATOMIC_SEQ_CST);
}

/* False when it is not reached within 10 s, or what these are on a busy machine. */
static inline bool step_await(unsigned *step, unsigned count)
{
        hay_time deadline = hay_in_ms(patience(10000));
        while (step_count(step) < count) {
                if (hay_now() > deadline)
                        return false;
                kit_sleep_ms(1);
        }
        return true;
}

static inline void kill_and_wait(pid_t pid)
{
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(pid), -SIGKILL);
}

/* Milliseconds since. */
static inline int ms_since(hay_time begun)
{
        return (int)((hay_now() - begun) / 1000000);
}

#endif
