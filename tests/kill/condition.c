/* Condition and Event: whoever waits, or was to wake others, dies. */
#include "kill.h"

#include "member/guard.h"

#include <sys/wait.h>

static struct {
        hay_lock lock;
        hay_rlock rlock;
        hay_condition condition;
        hay_event event;
        bool flag;
} * shared;

static void fresh(void)
{
        shared = hay_alloc(sizeof(*shared), 0);
        kill_expect(shared, "no memory");
}

static bool take(void)
{
        return hay_lock_acquire(&shared->lock, hay_in_ms(1000)) >= 0;
}

static void take_for_ever(void)
{
        hay_lock_acquire(&shared->lock, HAY_FOREVER);
}

static void take_rlock_twice(void)
{
        hay_rlock_acquire(&shared->rlock, HAY_FOREVER);
        hay_rlock_acquire(&shared->rlock, HAY_FOREVER);
}

static void wait_on_it(void)
{
        hay_condition_wait(&shared->condition, &shared->lock, HAY_FOREVER);
        hay_lock_release(&shared->lock);
}

static void take_and_wait(void)
{
        take_for_ever();
        wait_on_it();
}

static void wait_a_moment(void)
{
        hay_condition_wait(&shared->condition, &shared->lock, hay_in_ms(5));
        hay_lock_release(&shared->lock);
}

static void wait_rlock(void)
{
        hay_condition_wait_rlock(&shared->condition, &shared->rlock, HAY_FOREVER);
        hay_rlock_release(&shared->rlock);
        hay_rlock_release(&shared->rlock);
}

static bool is_flag(void *arg)
{
        (void)arg;
        return shared->flag;
}

static void wait_for(void)
{
        hay_condition_wait_for(&shared->condition, &shared->lock, is_flag, NULL, HAY_FOREVER);
        hay_lock_release(&shared->lock);
}

static void notify_one(void)
{
        if (!take())
                kill_hang("the lock");
        hay_condition_notify(&shared->condition, 1);
        hay_lock_release(&shared->lock);
}

/* What unblocks a victim does not wait for the lock: the victim may be stopped with it by now. One
 * notification may go to either of two waiters. */
static void unblock(void)
{
        if (hay_lock_acquire(&shared->lock, HAY_NOWAIT) < 0)
                return;
        hay_condition_notify(&shared->condition, 2);
        hay_lock_release(&shared->lock);
}

static void runblock(void)
{
        if (hay_rlock_acquire(&shared->rlock, HAY_NOWAIT) < 0)
                return;
        hay_condition_notify_all(&shared->condition);
        hay_rlock_release(&shared->rlock);
}

static void unblock_with_flag(void)
{
        if (hay_lock_acquire(&shared->lock, HAY_NOWAIT) < 0)
                return;
        shared->flag = true;
        hay_condition_notify(&shared->condition, 1);
        hay_lock_release(&shared->lock);
}

static void notify_with_flag(void)
{
        take_for_ever();
        shared->flag = true;
        hay_condition_notify(&shared->condition, 1);
        hay_lock_release(&shared->lock);
}

static void notify_all_with_flag(void)
{
        take_for_ever();
        shared->flag = true;
        hay_condition_notify_all(&shared->condition);
        hay_lock_release(&shared->lock);
}

/* A companion that was notified, or told of a death, returns with the lock. */
static int wait_once(void)
{
        if (hay_lock_acquire(&shared->lock, HAY_FOREVER) < 0)
                return 1;
        if (hay_condition_wait(&shared->condition, &shared->lock, KILL_PATIENCE) < 0)
                return 2;
        return hay_lock_release(&shared->lock) < 0 ? 3 : 0;
}

static int wait_for_flag(void)
{
        int r;
        if (hay_lock_acquire(&shared->lock, HAY_FOREVER) < 0)
                return 1;
        do
                r = hay_condition_wait_for(&shared->condition, &shared->lock, is_flag, NULL,
                                           KILL_PATIENCE);
        while (r == HAY_OWNER_DIED && !shared->flag);
        if (r < 0)
                return 2;
        return hay_lock_release(&shared->lock) < 0 ? 3 : 0;
}

/* A fresh pair: one waits, one notifies. */
static void check_condition(void)
{
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0)
                _exit(wait_once());
        int status;
        hay_time until = hay_in_ms(1000);
        while (waitpid(pid, &status, WNOHANG) == 0) {
                if (hay_now() > until)
                        kill_hang("a fresh waiter is not notified");
                notify_one();
                usleep(200);
        }
        kill_expect(status == 0, "a fresh waiter ended with %#x", status);
}

static void let_lock_go(void)
{
        if ((shared->lock.private_word & HF_MEMBER_ID_MASK) == hf_thread.id)
                hay_lock_release(&shared->lock);
}

static enum kill_found survive(void)
{
        let_lock_go();
        check_condition();
        return KILL_UNKNOWN;
}

/* One notification for the one that is left, whether or not the dead one has had one. */
static enum kill_found survive_with_waiter(void)
{
        notify_one();
        return KILL_UNKNOWN;
}

static enum kill_found survive_with_flag(void)
{
        if (!take())
                kill_hang("the lock");
        enum kill_found found = shared->flag ? KILL_AFTER : KILL_BEFORE;
        shared->flag = true;
        hay_condition_notify(&shared->condition, 1);
        hay_lock_release(&shared->lock);
        return found;
}

static enum kill_found survive_rlock(void)
{
        int r = kill_in_time(hay_rlock_acquire(&shared->rlock, hay_in_ms(1000)));
        kill_expect(r >= 0, "the rlock: %d", r);
        hay_rlock_release(&shared->rlock);
        kill_expect(hay_rlock_locked(&shared->rlock) == 0, "it is held more than once");
        check_condition();
        return KILL_UNKNOWN;
}

static void deadline_holds(void)
{
        if (hay_lock_acquire(&shared->lock, hay_in_ms(60)) < 0)
                return;
        int r = hay_condition_wait(&shared->condition, &shared->lock, hay_in_ms(60));
        kill_expect(r == 0 || r == -ETIMEDOUT, "beside a stopped one: %d", r);
        hay_lock_release(&shared->lock);
}

static void set(void)
{
        hay_event_set(&shared->event);
}

static void is_set(void)
{
        fresh();
        set();
}

static void clear(void)
{
        hay_event_clear(&shared->event);
}

static void await(void)
{
        hay_event_wait(&shared->event, HAY_FOREVER);
}

static void await_a_moment(void)
{
        hay_event_wait(&shared->event, hay_in_ms(5));
}

static int companion_awaits(void)
{
        return hay_event_wait(&shared->event, KILL_PATIENCE) < 0;
}

static void check_event(void)
{
        set();
        kill_expect(hay_event_is_set(&shared->event) == 1, "it can't be set");
        kill_expect(hay_event_wait(&shared->event, HAY_NOWAIT) == 0, "set, and waits");
}

static enum kill_found survive_set(void)
{
        enum kill_found found = hay_event_is_set(&shared->event) ? KILL_AFTER : KILL_BEFORE;
        check_event();
        return found;
}

static enum kill_found survive_clear(void)
{
        enum kill_found found = hay_event_is_set(&shared->event) ? KILL_BEFORE : KILL_AFTER;
        check_event();
        clear();
        kill_expect(hay_event_wait(&shared->event, HAY_NOWAIT) == -ETIMEDOUT, "clear, and set");
        return found;
}

static enum kill_found survive_await(void)
{
        check_event();
        return KILL_UNKNOWN;
}

static void event_deadline_holds(void)
{
        int r = hay_event_wait(&shared->event, hay_in_ms(60));
        kill_expect(r == 0 || r == -ETIMEDOUT, "beside a stopped one: %d", r);
}

#define WAITER .before = take_for_ever, .unblock = unblock, .recover = notify_one
#define STOP .meanwhile = deadline_holds
#define EVENT_STOP .meanwhile = event_deadline_holds, .recover = set

static const struct kill_sweep table[] = {
        { "condition: wait", fresh, .operation = wait_on_it, .survive = survive, WAITER, STOP },
        { "condition: wait, beside another", fresh, .operation = take_and_wait,
          .companion = wait_once, .survive = survive_with_waiter, .patient = true,
          .unblock = unblock },
        { "condition: wait, deadline passes", fresh, .before = take_for_ever,
          .operation = wait_a_moment, .survive = survive, STOP },
        { "condition: wait_for", fresh, .before = take_for_ever, .operation = wait_for,
          .unblock = unblock_with_flag, .survive = survive, STOP },
        { "condition: wait_rlock", fresh, .before = take_rlock_twice, .operation = wait_rlock,
          .unblock = runblock, .survive = survive_rlock },
        { "condition: notify, a waiter asleep", fresh, .operation = notify_with_flag,
          .companion = wait_for_flag, .patient = true, .survive = survive_with_flag },
        { "condition: notify_all, a waiter asleep", fresh, .operation = notify_all_with_flag,
          .companion = wait_for_flag, .patient = true, .survive = survive_with_flag },
        { "event: set", fresh, .operation = set, .survive = survive_set, EVENT_STOP },
        { "event: set, a waiter asleep", fresh, .operation = set, .survive = survive_set,
          .companion = companion_awaits, .patient = true, EVENT_STOP },
        { "event: set, first use", fresh, .operation = set, .survive = survive_set,
          .stranger = true, EVENT_STOP },
        { "event: clear", is_set, .operation = clear, .survive = survive_clear, EVENT_STOP },
        { "event: wait", fresh, .operation = await, .survive = survive_await, .unblock = set,
          EVENT_STOP },
        { "event: wait, beside another", fresh, .operation = await, .survive = survive_await,
          .companion = companion_awaits, .patient = true, .unblock = set, EVENT_STOP },
        { "event: wait, deadline passes", fresh, .operation = await_a_moment,
          .survive = survive_await, EVENT_STOP },
};

KILL_SWEEPS(table)
