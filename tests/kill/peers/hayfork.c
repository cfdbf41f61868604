/* hayfork, as a user has it: over its public header. Its victims in queues and locks are led to an
 * instruction, those that sleep or run tasks are killed at some instant. */
#include "scene.h"

#include <hayfork.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TASKS 40
#define TASK_US 5000
#define LAST 1 /* the size of the message after which the survivor asks no more */

static struct {
        hay_lock lock;
        hay_condition condition;
        hay_barrier barrier;
        hay_queue *queue;
        pid_t worker;
        int ready, stop, got, first, second, went;
} * shared;

static size_t size;
static char *message;

static void need(bool is_so, const char *what)
{
        if (!is_so)
                scene_broken(what);
}

static void fresh(void)
{
        shared = hay_alloc(sizeof(*shared), 0);
        need(shared && hay_queue_new(&shared->queue, NULL) == 0, "no memory");
}

/* Its first use of anything makes it a member. */
static void join(void)
{
        hay_lock_acquire(&shared->lock, HAY_FOREVER);
        hay_lock_release(&shared->lock);
}

static void wait_for(const int *word, int value)
{
        while (__atomic_load_n(word, __ATOMIC_SEQ_CST) < value)
                usleep(100);
}

static void count(int *word)
{
        __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
}

static void messages_of(size_t bytes)
{
        fresh();
        size = bytes;
        message = malloc(size);
        memset(message, 7, size);
}

static void of_100(void)
{
        messages_of(100);
}

static void of_60k(void)
{
        messages_of(60000);
}

static void of_1m(void)
{
        messages_of(1000000);
}

static void put(void)
{
        hay_queue_put(shared->queue, message, size, HAY_FOREVER);
        shared->went = 1;
}

static bool is_whole(void)
{
        for (size_t i = 0; i < size; i++)
                if (message[i] != 7)
                        return false;
        return true;
}

static void get_until_last(void)
{
        for (size_t bytes = 0; bytes != LAST;) {
                memset(message, 0, size);
                if (hay_queue_get(shared->queue, message, size, &bytes, HAY_FOREVER) < 0)
                        scene_torn("a get failed");
                if (bytes == size)
                        count(&shared->got);
                if (bytes != LAST && (bytes != size || !is_whole()))
                        scene_torn("a message is not as it was put");
        }
}

static void put_last(void)
{
        hay_queue_put(shared->queue, message, LAST, HAY_FOREVER);
}

/* Another producer, and a consumer: either may hang. */
static void survive_producer(void)
{
        pid_t other = scene_start(put_last);
        get_until_last();
        scene_join(other);
        scene_verdict.lost = shared->went && !shared->got;
}

static void three_messages(void)
{
        of_100();
        for (int i = 0; i < 3; i++)
                put();
}

static void get(void)
{
        hay_queue_get(shared->queue, message, size, NULL, HAY_FOREVER);
        shared->first = 1;
}

static void survive_consumer(void)
{
        put_last();
        get_until_last();
        hay_audit(NULL);
        scene_verdict.reported = (long)hay_queue_lost(shared->queue);
        scene_verdict.lost = 3 - shared->first - shared->got - scene_verdict.reported;
}

static void three_to_be_done(void)
{
        of_100();
        need(hay_queue_new(&shared->queue, &(struct hay_queue_options){ .joinable = true }) == 0,
             "no memory");
        for (int i = 0; i < 3; i++)
                put();
}

static void get_and_do(void)
{
        get();
        hay_queue_task_done(shared->queue);
}

/* Its first makes the queue's ledger, a long way that tells nothing. */
static void do_one_before(void)
{
        get_and_do();
        shared->first = 0;
}

static void do_all(void)
{
        for (;;) {
                int r = hay_queue_get(shared->queue, message, size, NULL, HAY_FOREVER);
                if (r >= 0)
                        count(&shared->got);
                if (r == HAY_REDELIVERED)
                        count(&shared->ready);
                hay_queue_task_done(shared->queue);
        }
}

/* What the victim had and was not done with comes again. */
static void survive_taker(void)
{
        pid_t other = scene_start(do_all);
        hay_queue_join(shared->queue, HAY_FOREVER);
        scene_verdict.told = shared->ready > 0;
        scene_verdict.lost = !shared->first && shared->got < 2;
        scene_kill(other, 0);
        scene_join(other);
}

static void hold(void)
{
        hay_lock_acquire(&shared->lock, HAY_FOREVER);
        count(&shared->ready);
        wait_for(&shared->stop, 1);
        hay_lock_release(&shared->lock);
}

static void is_held(void)
{
        wait_for(&shared->ready, 1);
}

static void stop(void)
{
        count(&shared->stop);
}

static void take_and_give(void)
{
        hay_lock_acquire(&shared->lock, HAY_FOREVER);
        shared->first++;
        shared->second++;
        hay_lock_release(&shared->lock);
}

static void survive_lock(void)
{
        int r = hay_lock_acquire(&shared->lock, HAY_FOREVER);
        scene_verdict.told = r == HAY_OWNER_DIED;
        if (r < 0 || (r == 0 && shared->first != shared->second))
                scene_torn("half done, and not told");
        hay_lock_release(&shared->lock);
}

static void wait_in_condition(void)
{
        hay_lock_acquire(&shared->lock, HAY_FOREVER);
        count(&shared->ready);
        hay_condition_wait(&shared->condition, &shared->lock, HAY_FOREVER);
        hay_lock_release(&shared->lock);
}

static pid_t other_waiter;

static void two_wait(void)
{
        other_waiter = scene_start(wait_in_condition);
        wait_for(&shared->ready, 2);
        hay_lock_acquire(&shared->lock, HAY_FOREVER);
        hay_lock_release(&shared->lock);
}

static void survive_condition(void)
{
        hay_lock_acquire(&shared->lock, HAY_FOREVER);
        hay_condition_notify_all(&shared->condition);
        hay_lock_release(&shared->lock);
        scene_join(other_waiter);
}

static void three_parties(void)
{
        fresh();
        need(hay_barrier_init(&shared->barrier, &(struct hay_barrier_options){ .parties = 3 }) == 0,
             "no barrier");
}

static void come(void)
{
        hay_barrier_wait(&shared->barrier, HAY_FOREVER, NULL);
}

static void one_waits(void)
{
        while (hay_barrier_waiting(&shared->barrier) < 1)
                usleep(100);
}

static void survive_barrier(void)
{
        pid_t other = scene_start(come);
        int r = hay_barrier_wait(&shared->barrier, hay_in_ms(1000), NULL);
        scene_verdict.told = r == -EPIPE && hay_barrier_broken(&shared->barrier, NULL) == 1;
        scene_join(other);
}

static int task(const void *in, void *out, void *arg)
{
        (void)arg;
        __atomic_store_n(&shared->worker, getpid(), __ATOMIC_SEQ_CST);
        count(&shared->ready);
        usleep(TASK_US);
        *(long *)out = *(const long *)in + 1;
        return 0;
}

static hay_pool *pool;

static void make_pool(void)
{
        fresh();
        need(hay_pool_new(&pool, &(struct hay_pool_options){ .workers = 2 }) == 0, "no pool");
}

/* How many of the tasks have no result. */
static long map(long tasks)
{
        long in[TASKS], out[TASKS] = { 0 };
        struct hay_error error = { 0 };
        long failed = 0;
        for (long i = 0; i < tasks; i++)
                in[i] = i;
        struct hay_map form = { HAY_MAP(task, in, out, (size_t)tasks), .chunk = 1 };
        int r = hay_pool_map(pool, &form, &error);
        for (long i = 0; i < tasks; i++)
                failed += out[i] != i + 1;
        scene_verdict.told |= r == -ECHILD && error.signal == SIGKILL;
        if ((r < 0) != (failed > 0))
                scene_torn("a map's result is not what it says");
        return failed;
}

static double delay;

static void kill_a_busy_one(void)
{
        wait_for(&shared->ready, 1);
        usleep((useconds_t)(delay * 1e3));
        kill(shared->worker, SIGKILL);
}

static void end_pool(void)
{
        scene_verdict.unusable = map(4) > 0;
        hay_pool_free(pool);
}

static void worker_busy(double ms)
{
        pid_t killer = 0;
        delay = ms;
        make_pool();
        if (ms >= 0)
                killer = scene_start(kill_a_busy_one);
        scene_verdict.tasks = TASKS;
        scene_verdict.failed = map(TASKS);
        if (killer)
                scene_join(killer);
        end_pool();
}

static void worker_idle(double ms)
{
        make_pool();
        map(4);
        if (ms >= 0)
                scene_kill(shared->worker, ms);
        scene_verdict.tasks = TASKS;
        scene_verdict.failed = map(TASKS);
        end_pool();
}

static void own_pool(void)
{
        make_pool();
        for (;;)
                map(TASKS);
}

static void own_pool_once(void)
{
        make_pool();
        map(TASKS);
        hay_pool_free(pool);
}

static void owner(double ms)
{
        pid_t victim = scene_start(ms < 0 ? own_pool_once : own_pool);
        if (ms >= 0)
                scene_kill(victim, ms);
        scene_join(victim);
}

static const struct scene scenes[] = {
        { "producer 100 B", of_100, put, survive_producer, .before = join },
        { "producer 60 kB", of_60k, put, survive_producer, .before = join },
        { "producer 1 MB", of_1m, put, survive_producer, .before = join },
        { "consumer", three_messages, get, survive_consumer, .before = join },
        { "taker", three_to_be_done, get_and_do, survive_taker, .before = do_one_before },
        { "lock holder", fresh, hold, survive_lock, NULL, 20, is_held, stop, NULL },
        { "lock user", fresh, take_and_give, survive_lock, .before = join },
        { "condition waiter", fresh, wait_in_condition, survive_condition, NULL, 20, two_wait, NULL,
          NULL },
        { "barrier waiter", three_parties, come, survive_barrier, NULL, 20, one_waits, NULL, NULL },
        { "worker busy", .span_ms = 60, .play = worker_busy },
        { "worker idle", .span_ms = 60, .play = worker_idle },
        { "owner", .span_ms = 60, .play = owner },
};

int main(int argc, char **argv)
{
        return scene_main(argc, argv, scenes, sizeof(scenes) / sizeof(*scenes));
}
