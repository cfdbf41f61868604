/* How long one waits for what the dead hold: in the calm, from the kill of a holder that another one
 * waits for to that one's return. */
#include "storm.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

struct trial {
        hay_time killed;
        hay_time returned;
        uint32_t held;
        uint32_t waits;
        int32_t result;
};

static int hold(hay_lock *lock, struct trial *trial)
{
        if (hay_lock_acquire(lock, HAY_FOREVER) < 0)
                return 1;
        __atomic_store_n(&trial->held, 1, __ATOMIC_RELEASE);
        for (;;)
                pause();
}

static int wait_for(hay_lock *lock, struct trial *trial)
{
        __atomic_store_n(&trial->waits, 1, __ATOMIC_RELEASE);
        trial->result = hay_lock_acquire(lock, hay_in_ms(5000));
        trial->returned = hay_now();
        return hay_lock_release(lock) < 0;
}

static pid_t start(int (*body)(hay_lock *, struct trial *), hay_lock *lock, struct trial *trial,
                   const uint32_t *begun)
{
        pid_t pid = fork();
        if (pid == 0)
                _exit(body(lock, trial));
        while (pid > 0 && !__atomic_load_n(begun, __ATOMIC_ACQUIRE))
                sched_yield();
        return pid;
}

void storm_measure_recovery(unsigned times)
{
        struct trial *trial = mmap(NULL, sizeof(*trial), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        hay_lock *lock = hay_new(hay_lock);
        if (trial == MAP_FAILED || !lock)
                abort();
        for (unsigned i = 0; i < times; i++) {
                memset(trial, 0, sizeof(*trial));
                pid_t holder = start(hold, lock, trial, &trial->held);
                pid_t waiter = start(wait_for, lock, trial, &trial->waits);
                usleep(1000 + storm_below(40000));
                trial->killed = hay_now();
                kill(holder, SIGKILL);
                waitpid(holder, NULL, 0);
                waitpid(waiter, NULL, 0);
                if (trial->result == HAY_OWNER_DIED)
                        storm_note_recovery(trial->returned - trial->killed);
                else
                        storm_complain("recovery: a waiter for a dead owner's lock got %d",
                                       trial->result);
                storm_sums.kills++;
        }
        hay_free(lock);
        munmap(trial, sizeof(*trial));
}
