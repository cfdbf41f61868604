/* One round at a time of what `compare` compares between two builds: each line of the input names
 * a work, and the answer is the processor time of one of it, in ns. Processor time, of all that took
 * part, is what others on the machine disturb least. With an argument: the works that there are. */
#include <hayfork.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAIRS 2000000
#define MESSAGES 1000000
#define ITEMS 400000
#define MANY 20
#define WORKERS 2

static hay_lock *lock;
static hay_queue *queue;
static int *numbers;

static void fail(const char *what)
{
        fprintf(stderr, "round: %s\n", what);
        exit(1);
}

static double used(int who)
{
        struct rusage usage;
        getrusage(who, &usage);
        return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

static void lock_pairs(void)
{
        for (int i = 0; i < PAIRS; i++) {
                hay_lock_acquire(lock, HAY_FOREVER);
                hay_lock_release(lock);
        }
}

/* In one process, so that nothing but the work is measured. */
static void put_and_get(void)
{
        long number = 0;
        for (long i = 0; i < MESSAGES; i++)
                if (hay_queue_put(queue, &i, sizeof(i), HAY_FOREVER) < 0 ||
                    hay_queue_get(queue, &number, sizeof(number), NULL, HAY_FOREVER) < 0)
                        fail("put and get");
}

static void put_to_another(void)
{
        long number;
        int status;
        pid_t getter = fork();
        for (long i = 0; i < MESSAGES; i++)
                if ((getter == 0 ? hay_queue_get(queue, &number, sizeof(number), NULL, HAY_FOREVER)
                                 : hay_queue_put(queue, &i, sizeof(i), HAY_FOREVER)) < 0)
                        fail("put to another");
        if (getter == 0)
                _exit(0);
        if (getter < 0 || waitpid(getter, &status, 0) < 0 || status)
                fail("put to another");
}

static int add_one(const void *in, void *out, void *arg)
{
        (void)arg;
        *(int *)out = *(const int *)in + 1;
        return 0;
}

/* Some 50 ns. */
static int work_a_little(const void *in, void *out, void *arg)
{
        unsigned number = (unsigned)*(const int *)in;
        (void)arg;
        for (int i = 0; i < 50; i++)
                number = number * 1664525u + 1013904223u;
        *(int *)out = (int)(number >> 1);
        return 0;
}

static void map(hay_task *task, size_t chunk, int times)
{
        hay_pool *pool;
        struct hay_map map = { HAY_MAP(task, numbers, numbers, ITEMS), .chunk = chunk };
        if (hay_pool_new(&pool, &(struct hay_pool_options){ .workers = WORKERS }) < 0)
                fail("no pool");
        for (int i = 0; i < times; i++)
                if (hay_pool_map(pool, &map, NULL) < 0)
                        fail("map");
        hay_pool_free(pool);
}

static void map_by_one(void)
{
        map(add_one, 1, 1);
}

static void map_by_chunks(void)
{
        map(add_one, 0, MANY);
}

static void map_work_by_one(void)
{
        map(work_a_little, 1, 1);
}

static const struct work {
        const char *name;
        void (*run)(void);
        double units;
} works[] = {
        { "lock pair", lock_pairs, PAIRS },
        { "queue put+get", put_and_get, MESSAGES },
        { "queue put+get, two processes", put_to_another, MESSAGES },
        { "pool item", map_by_chunks, MANY *(double)ITEMS },
        { "pool item, claimed alone", map_by_one, ITEMS },
        { "the same, with some work", map_work_by_one, ITEMS },
};

#define WORKS (sizeof(works) / sizeof(*works))

static void run(const struct work *work)
{
        double begun = used(RUSAGE_SELF) + used(RUSAGE_CHILDREN);
        work->run();
        double ns = used(RUSAGE_SELF) + used(RUSAGE_CHILDREN) - begun;
        printf("%.4f\n", ns / work->units);
        fflush(stdout);
}

int main(int argc, char **argv)
{
        char line[64];
        (void)argv;
        if (argc > 1) {
                for (size_t i = 0; i < WORKS; i++)
                        printf("%s\n", works[i].name);
                return 0;
        }
        lock = hay_new(hay_lock);
        numbers = hay_new_array(int, ITEMS);
        if (!lock || !numbers || hay_queue_new(&queue, NULL) < 0)
                fail("no memory");
        while (fgets(line, sizeof(line), stdin)) {
                line[strcspn(line, "\n")] = '\0';
                size_t i = 0;
                while (i < WORKS && strcmp(line, works[i].name) != 0)
                        i++;
                if (i == WORKS)
                        fail("there is no such work");
                run(&works[i]);
        }
        return 0;
}
