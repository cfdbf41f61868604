/* What does it cost two processes to wait for each other: by semaphores, events, a condition, a
 * barrier? */
#include "kit.h"

#include <hayfork.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEETINGS 20000

static void pause_processor(void)
{
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
}

static struct shared {
        _Alignas(64) unsigned turn;
        _Alignas(64) hay_semaphore hay_semaphores[2];
        _Alignas(64) hay_event events[2];
        _Alignas(64) hay_lock lock;
        hay_condition hay_condition;
        int whose;
        _Alignas(64) hay_barrier hay_barrier;
        _Alignas(64) sem_t semaphores[2];
        _Alignas(64) pthread_mutex_t mutex;
        pthread_cond_t condition;
        int whose_too;
        _Alignas(64) pthread_barrier_t barrier;
        _Alignas(64) hay_barrier start;
} * shared;

/* One side's part of round trip i. */
static void by_spinning(int side, int i)
{
        unsigned mine = 2 * (unsigned)i + (unsigned)side;
        while (__atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE) != mine)
                pause_processor();
        __atomic_store_n(&shared->turn, mine + 1, __ATOMIC_RELEASE);
}

static void by_hay_semaphores(int side, int i)
{
        (void)i;
        hay_semaphore_release(&shared->hay_semaphores[!side]);
        hay_semaphore_acquire(&shared->hay_semaphores[side], HAY_FOREVER);
}

static void by_hay_events(int side, int i)
{
        (void)i;
        if (side == 0)
                hay_event_set(&shared->events[0]);
        hay_event_wait(&shared->events[!side], HAY_FOREVER);
        hay_event_clear(&shared->events[!side]);
        if (side == 1)
                hay_event_set(&shared->events[1]);
}

static void by_hay_condition(int side, int i)
{
        (void)i;
        hay_lock_acquire(&shared->lock, HAY_FOREVER);
        while (shared->whose != side)
                hay_condition_wait(&shared->hay_condition, &shared->lock, HAY_FOREVER);
        shared->whose = !side;
        hay_condition_notify(&shared->hay_condition, 1);
        hay_lock_release(&shared->lock);
}

static void by_hay_barrier(int side, int i)
{
        (void)side;
        (void)i;
        hay_barrier_wait(&shared->hay_barrier, HAY_FOREVER, NULL);
}

static void by_semaphores(int side, int i)
{
        (void)i;
        sem_post(&shared->semaphores[!side]);
        sem_wait(&shared->semaphores[side]);
}

static void by_condition(int side, int i)
{
        (void)i;
        pthread_mutex_lock(&shared->mutex);
        while (shared->whose_too != side)
                pthread_cond_wait(&shared->condition, &shared->mutex);
        shared->whose_too = !side;
        pthread_cond_signal(&shared->condition);
        pthread_mutex_unlock(&shared->mutex);
}

static void by_barrier(int side, int i)
{
        (void)side;
        (void)i;
        pthread_barrier_wait(&shared->barrier);
}

struct way {
        void (*once)(int side, int i);
};

static double both(void *arg)
{
        struct way *way = arg;
        shared->turn = 0;
        pid_t pid = fork();
        if (pid < 0)
                return -1;
        hay_barrier_wait(&shared->start, HAY_FOREVER, NULL);
        double begin = bench_now();
        for (int i = 0; i < MEETINGS; i++)
                way->once(pid == 0, i);
        if (pid == 0)
                _exit(0);
        int status;
        waitpid(pid, &status, 0);
        double end = bench_now();
        return status == 0 ? end - begin : -1;
}

static int set_up(void)
{
        shared = hay_new(struct shared);
        if (!shared)
                return -1;
        pthread_mutexattr_t mutex;
        pthread_mutexattr_init(&mutex);
        pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
        pthread_mutex_init(&shared->mutex, &mutex);
        pthread_condattr_t condition;
        pthread_condattr_init(&condition);
        pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
        pthread_cond_init(&shared->condition, &condition);
        pthread_barrierattr_t barrier;
        pthread_barrierattr_init(&barrier);
        pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
        pthread_barrier_init(&shared->barrier, &barrier, 2);
        sem_init(&shared->semaphores[0], 1, 0);
        sem_init(&shared->semaphores[1], 1, 0);
        struct hay_barrier_options two = { .parties = 2 };
        return hay_barrier_init(&shared->start, &two) < 0 ||
                               hay_barrier_init(&shared->hay_barrier, &two) < 0
                       ? -1
                       : 0;
}

#define WAY(function) (&(struct way){ function })

int main(int argc, char **argv)
{
        const struct rival rivals[] = {
                { "spinning on a word", both, WAY(by_spinning) },
                { "two hay_semaphores", both, WAY(by_hay_semaphores) },
                { "two hay_events", both, WAY(by_hay_events) },
                { "a hay_condition", both, WAY(by_hay_condition) },
                { "a hay_barrier", both, WAY(by_hay_barrier) },
                { "two sem_t", both, WAY(by_semaphores) },
                { "a pthread_cond", both, WAY(by_condition) },
                { "a pthread_barrier", both, WAY(by_barrier) },
        };
        const struct bench benches[] = {
                { "What does it cost two processes to wait for each other?", "round", MEETINGS,
                  rivals, 8 },
        };
        if (set_up() < 0) {
                fprintf(stderr, "meet: no shared memory\n");
                return 1;
        }
        return bench_main(argc, argv, benches, 1);
}
