/* Pools. A worker dies: every item has one outcome, and the one it died in is told. The owner dies:
 * the workers and all that was the pool's go. */
#include "kill.h"

#include <signal.h>

#define ITEMS 24
#define CHUNK 3
#define OFFER 4 /* in this item a worker becomes the victim */
#define LAST 11 /* and to the end of this one it is led, if it comes there */

static struct {
        pid_t victim;
        int begun[ITEMS];
        int done[ITEMS];
        long results[ITEMS];
        int r;
        struct hay_error error;
        bool over;
} * shared;

static hay_pool *pool;

static void fresh(void)
{
        shared = hay_alloc(sizeof(*shared), 0);
        kill_expect(shared, "no memory");
}

static int square(const void *in, void *out, void *arg)
{
        (void)arg;
        const long *item = in;
        *(long *)out = *item * *item;
        return 0;
}

/* The victim alone does more than its share. */
static int item(const void *in, void *out, void *arg)
{
        static bool is_victim;
        long number = *(const long *)in;
        (void)arg;
        __atomic_fetch_add(&shared->begun[number], 1, __ATOMIC_SEQ_CST);
        if (number == OFFER) {
                is_victim = true;
                kill_offer(&shared->victim);
        }
        *(long *)out = number * number;
        __atomic_fetch_add(&shared->done[number], 1, __ATOMIC_SEQ_CST);
        if (is_victim && number == LAST)
                kill_end();
        return 0;
}

static int own_pool(void)
{
        long in[ITEMS];
        for (long i = 0; i < ITEMS; i++)
                in[i] = i;
        int r = hay_pool_new(&pool, &(struct hay_pool_options){ .workers = 1 });
        if (r < 0)
                return 1;
        struct hay_map map = { HAY_MAP(item, in, shared->results, ITEMS), .chunk = CHUNK };
        shared->r = hay_pool_map(pool, &map, &shared->error);
        /* The pool is as good as new. */
        long more[4] = { 1, 2, 3, 4 };
        struct hay_map again = { HAY_MAP(square, more, more, 4) };
        r = hay_pool_map(pool, &again, NULL);
        if (r < 0 || more[3] != 16)
                return 2;
        shared->over = true;
        hay_pool_free(pool);
        return 0;
}

static pid_t owner;

static pid_t offered(void)
{
        fflush(NULL);
        owner = fork();
        if (owner == 0)
                _exit(own_pool());
        hay_time until = hay_in_ms(2000);
        while (!__atomic_load_n(&shared->victim, __ATOMIC_SEQ_CST)) {
                kill_expect(hay_now() < until, "no worker offers itself");
                usleep(100);
        }
        return shared->victim;
}

static enum kill_found survive_worker(void)
{
        hay_time until = hay_in_ms(1000);
        while (!__atomic_load_n(&shared->over, __ATOMIC_SEQ_CST)) {
                if (hay_now() > until)
                        kill_hang("the job does not end");
                usleep(300);
        }
        kill_await_orphans();
        kill_expect(shared->r == 0 || shared->r == -ECHILD, "map: %d", shared->r);
        for (int i = 0; i < ITEMS; i++) {
                bool failed = shared->r < 0 && shared->error.index == (size_t)i;
                kill_expect(shared->begun[i] == 1 || (failed && !shared->begun[i]),
                            "item %d was begun %d times", i, shared->begun[i]);
                kill_expect(failed || shared->done[i] == 1, "item %d is not done", i);
                kill_expect(failed || shared->results[i] == (long)i * i, "item %d has no result",
                            i);
        }
        if (shared->r < 0)
                kill_expect(shared->error.pid == shared->victim && shared->error.signal == SIGKILL,
                            "pid %d, signal %d", (int)shared->error.pid, shared->error.signal);
        return KILL_UNKNOWN;
}

static void whole_life(void)
{
        long in[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
        if (hay_pool_new(&pool, &(struct hay_pool_options){ .workers = 2 }) < 0)
                return;
        struct hay_map map = { HAY_MAP(square, in, in, 8), .chunk = 2 };
        hay_pool_map(pool, &map, NULL);
        hay_pool_free(pool);
}

static void make_pool(void)
{
        hay_pool_new(&pool, &(struct hay_pool_options){ .workers = 2 });
}

static void map_it(void)
{
        long in[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
        struct hay_map map = { HAY_MAP(square, in, in, 8), .chunk = 2 };
        hay_pool_map(pool, &map, NULL);
}

static void apply(void)
{
        long in = 5;
        long out;
        hay_pool_apply(pool, square, &in, sizeof(in), &out, sizeof(out), NULL, NULL);
}

static void close_and_join(void)
{
        hay_pool_close(pool);
        hay_pool_join(pool, HAY_FOREVER);
        hay_pool_free(pool);
}

static void terminate(void)
{
        hay_pool_terminate(pool);
        hay_pool_free(pool);
}

/* Nothing of it is left. */
static enum kill_found survive_owner(void)
{
        kill_await_orphans();
        kill_expect(hay_audit(NULL) == 0, "damage");
        kill_expect(kill_more_blocks() == 0, "%ld blocks of the pool are left", kill_more_blocks());
        return KILL_UNKNOWN;
}

#define OWNER .before = make_pool, .survive = survive_owner

static const struct kill_sweep table[] = {
        { "pool: a worker dies", fresh, .adopt = offered, .survive = survive_worker },
        { "pool: new, map, free", fresh, .operation = whole_life, .survive = survive_owner },
        { "pool: map", fresh, .operation = map_it, OWNER },
        { "pool: apply", fresh, .operation = apply, OWNER },
        { "pool: close, join, free", fresh, .operation = close_and_join, OWNER },
        { "pool: terminate, free", fresh, .operation = terminate, OWNER },
};

KILL_SWEEPS(table)
