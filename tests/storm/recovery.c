/* How long one waits for what the dead hold: in the calm, from the kill of a holder that another
 * one waits for to that one's return; for each kind of object that somebody can hold. */
#include "storm.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#define WAITS_MS 5000
#define TIMES_MOST 1000u

struct things {
        hay_lock lock;
        hay_rlock rlock;
        hay_semaphore semaphore;
        hay_barrier barrier;
        hay_queue *tasks;
};

struct trial {
        hay_time killed;
        hay_time returned;
        uint32_t held;
        uint32_t waits;
        int32_t result;
};

static struct things *things;
static struct trial *trial;

static int lock(hay_time deadline)
{
        return hay_lock_acquire(&things->lock, deadline);
}

static int rlock(hay_time deadline)
{
        return hay_rlock_acquire(&things->rlock, deadline);
}

static int permit(hay_time deadline)
{
        return hay_semaphore_acquire(&things->semaphore, deadline);
}

/* Two of three parties: the other one's death breaks it. */
static int meet(hay_time deadline)
{
        return hay_barrier_wait(&things->barrier, deadline, NULL);
}

static int task(hay_time deadline)
{
        size_t size;
        char text[16];
        return hay_queue_get(things->tasks, text, sizeof(text), &size, deadline);
}

static const struct kind {
        const char *name;
        int (*take)(hay_time deadline); /* by the holder, then by who waits */
        int expected;                   /* by who waits */
        bool is_met;                    /* the holder waits too */
} kinds[] = {
        { "lock", lock, HAY_OWNER_DIED, false },  { "rlock", rlock, HAY_OWNER_DIED, false },
        { "semaphore", permit, 0, false },        { "barrier", meet, -EPIPE, true },
        { "task", task, HAY_REDELIVERED, false },
};

/* As before: nobody holds anything. */
static int make_ready(void)
{
        memset(trial, 0, sizeof(*trial));
        memset(&things->lock, 0, sizeof(things->lock));
        memset(&things->rlock, 0, sizeof(things->rlock));
        hay_semaphore_fini(&things->semaphore);
        hay_barrier_fini(&things->barrier);
        hay_queue_free(things->tasks);
        int r = hay_semaphore_init(&things->semaphore,
                                   &(struct hay_semaphore_options){ .value = 1 });
        if (r == 0)
                r = hay_barrier_init(&things->barrier,
                                     &(struct hay_barrier_options){ .parties = 3 });
        if (r == 0)
                r = hay_queue_new(&things->tasks, &(struct hay_queue_options){ .joinable = true });
        return r < 0 ? r : hay_queue_put(things->tasks, "task", 5, HAY_FOREVER);
}

static void free_things(void)
{
        hay_semaphore_fini(&things->semaphore);
        hay_barrier_fini(&things->barrier);
        hay_queue_free(things->tasks);
        things = hay_free(things);
}

static int hold(const struct kind *kind)
{
        if (kind->is_met)
                __atomic_store_n(&trial->held, 1, __ATOMIC_RELEASE);
        if (kind->take(HAY_FOREVER) < 0)
                return 1;
        __atomic_store_n(&trial->held, 1, __ATOMIC_RELEASE);
        for (;;)
                pause();
}

static int wait_for(const struct kind *kind)
{
        __atomic_store_n(&trial->waits, 1, __ATOMIC_RELEASE);
        trial->result = kind->take(hay_in_ms(WAITS_MS));
        trial->returned = hay_now();
        return 0;
}

static pid_t start(int (*body)(const struct kind *), const struct kind *kind, const uint32_t *begun)
{
        pid_t pid = fork();
        if (pid == 0)
                _exit(body(kind));
        while (pid > 0 && !__atomic_load_n(begun, __ATOMIC_ACQUIRE))
                sched_yield();
        return pid;
}

/* Returns the time, or -1. */
static hay_time measure(const struct kind *kind)
{
        int r = make_ready();
        if (r < 0) {
                storm_complain("recovery: %s: %s", kind->name, strerror(-r));
                return -1;
        }
        pid_t holder = start(hold, kind, &trial->held);
        pid_t waiter = start(wait_for, kind, &trial->waits);
        usleep(1000 + storm_below(40000));
        trial->killed = hay_now();
        kill(holder, SIGKILL);
        waitpid(holder, NULL, 0);
        waitpid(waiter, NULL, 0);
        storm_sums->kills++;
        if (trial->result == kind->expected)
                return trial->returned - trial->killed;
        storm_complain("recovery: who waited for a dead owner's %s got %d", kind->name,
                       trial->result);
        return -1;
}

void storm_measure_recovery(unsigned times)
{
        hay_time took[TIMES_MOST];
        trial = storm_share(sizeof(*trial));
        things = hay_new(struct things);
        if (!things || times > TIMES_MOST)
                abort();
        for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
                unsigned count = 0;
                for (unsigned j = 0; j < times; j++) {
                        hay_time time = measure(&kinds[i]);
                        if (time < 0)
                                break;
                        took[count++] = time;
                        storm_note_recovery(time);
                }
                storm_tell_times(kinds[i].name, took, count);
        }
        free_things();
}
