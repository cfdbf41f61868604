/* What does it cost to take a lock and to give it back, free and contended by two processes? */
#include "kit.h"

#include <hayfork.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define FREE 2000000
#define CONTENDED 300000

static void pause_processor(void)
{
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
}

static struct shared {
        _Alignas(64) unsigned word;
        _Alignas(64) hay_lock lock;
        _Alignas(64) hay_rlock rlock;
        _Alignas(64) hay_semaphore owned;
        _Alignas(64) pthread_mutex_t mutex;
        _Alignas(64) pthread_mutex_t robust;
        _Alignas(64) sem_t semaphore;
        _Alignas(64) hay_barrier start;
        _Alignas(64) long count;
} * shared;

static void by_instructions(void)
{
        unsigned is_free = 0;
        __atomic_compare_exchange_n(&shared->word, &is_free, 1, 0, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED);
        shared->count++;
        __atomic_exchange_n(&shared->word, 0, __ATOMIC_RELEASE);
}

static void by_spinning(void)
{
        while (__atomic_exchange_n(&shared->word, 1, __ATOMIC_ACQUIRE))
                while (__atomic_load_n(&shared->word, __ATOMIC_RELAXED))
                        pause_processor();
        shared->count++;
        __atomic_store_n(&shared->word, 0, __ATOMIC_RELEASE);
}

static void by_hay_lock(void)
{
        hay_lock_acquire(&shared->lock, HAY_FOREVER);
        shared->count++;
        hay_lock_release(&shared->lock);
}

static void by_hay_rlock(void)
{
        hay_rlock_acquire(&shared->rlock, HAY_FOREVER);
        shared->count++;
        hay_rlock_release(&shared->rlock);
}

static void by_hay_semaphore(void)
{
        hay_semaphore_acquire(&shared->owned, HAY_FOREVER);
        shared->count++;
        hay_semaphore_release(&shared->owned);
}

static void by_mutex(void)
{
        pthread_mutex_lock(&shared->mutex);
        shared->count++;
        pthread_mutex_unlock(&shared->mutex);
}

static void by_robust_mutex(void)
{
        pthread_mutex_lock(&shared->robust);
        shared->count++;
        pthread_mutex_unlock(&shared->robust);
}

static void by_semaphore(void)
{
        sem_wait(&shared->semaphore);
        shared->count++;
        sem_post(&shared->semaphore);
}

struct way {
        void (*once)(void);
};

static double alone(void *arg)
{
        struct way *way = arg;
        double begin = bench_now();
        for (int i = 0; i < FREE; i++)
                way->once();
        return bench_now() - begin;
}

static double contended(void *arg)
{
        struct way *way = arg;
        shared->count = 0;
        pid_t pid = fork();
        if (pid < 0)
                return -1;
        hay_barrier_wait(&shared->start, HAY_FOREVER, NULL);
        double begin = bench_now();
        for (int i = 0; i < CONTENDED; i++)
                way->once();
        if (pid == 0)
                _exit(0);
        int status;
        waitpid(pid, &status, 0);
        double end = bench_now();
        return status == 0 && shared->count == 2 * CONTENDED ? end - begin : -1;
}

/* Python measures by itself, without its own start. */
static double by_python(void *arg)
{
        static const char program[] = "python3 -c '\n"
                                      "import multiprocessing, time\n"
                                      "lock = multiprocessing.Lock()\n"
                                      "begin = time.monotonic()\n"
                                      "for i in range(%d):\n"
                                      "    with lock: pass\n"
                                      "print((time.monotonic() - begin) * 10)\n"
                                      "' 2>/dev/null";
        char command[sizeof(program) + 32];
        double seconds = -1;
        (void)arg;
        snprintf(command, sizeof(command), program, FREE / 10);
        FILE *output = popen(command, "re");
        if (!output)
                return -1;
        if (fscanf(output, "%lf", &seconds) != 1)
                seconds = -1;
        pclose(output);
        return seconds;
}

static int set_up(void)
{
        shared = hay_new(struct shared);
        if (!shared)
                return -1;
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_mutex_init(&shared->mutex, &attributes);
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&shared->robust, &attributes);
        sem_init(&shared->semaphore, 1, 1);
        struct hay_semaphore_options one = { .value = 1 };
        struct hay_barrier_options two = { .parties = 2 };
        return hay_semaphore_init(&shared->owned, &one) < 0 ||
                               hay_barrier_init(&shared->start, &two) < 0
                       ? -1
                       : 0;
}

#define WAY(function) (&(struct way){ function })

int main(int argc, char **argv)
{
        const struct rival free_rivals[] = {
                { "a CAS and a swap", alone, WAY(by_instructions) },
                { "hay_lock", alone, WAY(by_hay_lock) },
                { "hay_rlock", alone, WAY(by_hay_rlock) },
                { "hay_semaphore of 1", alone, WAY(by_hay_semaphore) },
                { "pthread_mutex, shared", alone, WAY(by_mutex) },
                { "the same, robust", alone, WAY(by_robust_mutex) },
                { "sem_t", alone, WAY(by_semaphore) },
                { "Python's Lock", by_python, NULL },
        };
        const struct rival contended_rivals[] = {
                { "a spin lock", contended, WAY(by_spinning) },
                { "hay_lock", contended, WAY(by_hay_lock) },
                { "hay_rlock", contended, WAY(by_hay_rlock) },
                { "hay_semaphore of 1", contended, WAY(by_hay_semaphore) },
                { "pthread_mutex, shared", contended, WAY(by_mutex) },
                { "the same, robust", contended, WAY(by_robust_mutex) },
                { "sem_t", contended, WAY(by_semaphore) },
        };
        const struct bench benches[] = {
                { "What does a lock cost that nobody else wants?", "pair", FREE, free_rivals, 8 },
                { "And when two processes do nothing but take it?", "pair", 2 * CONTENDED,
                  contended_rivals, 7 },
        };
        if (set_up() < 0) {
                fprintf(stderr, "lock: no shared memory\n");
                return 1;
        }
        return bench_main(argc, argv, benches, 2);
}
