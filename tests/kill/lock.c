/* Lock and RLock: who holds it dies, who waits for it dies, who takes it over dies. */
#include "kill.h"

#include "member/guard.h"

static struct {
        hay_lock lock;
        hay_rlock rlock;
        long first;
        long second;
} * shared;

static void fresh(void)
{
        shared = hay_alloc(sizeof(*shared), 0);
        kill_expect(shared, "no memory");
}

static bool is_mine(void)
{
        return (shared->lock.private_word & HF_MEMBER_ID_MASK) == hf_thread.id;
}

/* Two words change together under the lock. */
static void work(void)
{
        __atomic_store_n(&shared->first, shared->first + 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&shared->second, shared->second + 1, __ATOMIC_SEQ_CST);
}

/* Who is told of a death finishes what was half done; who comes after is told nothing. */
static void mend(int r)
{
        if (r == HAY_OWNER_DIED)
                shared->first = shared->second;
}

static void acquire(void)
{
        hay_lock_acquire(&shared->lock, HAY_FOREVER);
}

static void release(void)
{
        hay_lock_release(&shared->lock);
}

/* A victim that sleeps may wait for another's death instead. */
static void let_go(void)
{
        if (is_mine())
                release();
}

static void use(void)
{
        if (hay_lock_acquire(&shared->lock, HAY_FOREVER) < 0)
                return;
        work();
        hay_lock_release(&shared->lock);
}

static void held(void)
{
        fresh();
        acquire();
}

static void try_to(void)
{
        hay_lock_acquire(&shared->lock, HAY_NOWAIT);
}

static void try_for_a_while(void)
{
        hay_lock_acquire(&shared->lock, hay_in_ms(5));
}

static void look(void)
{
        hay_lock_locked(&shared->lock);
}

/* It can be taken; half-done work comes with the news of a death, and with nothing else. */
static enum kill_found survive(void)
{
        let_go();
        int r = kill_in_time(hay_lock_acquire(&shared->lock, hay_in_ms(1000)));
        kill_expect(r == 0 || r == HAY_OWNER_DIED, "acquire: %d", r);
        kill_expect(r == HAY_OWNER_DIED || shared->first == shared->second,
                    "half done, and no news of a death");
        enum kill_found found = r == 0 && shared->second ? KILL_AFTER : KILL_BEFORE;
        mend(r);
        kill_expect(hay_lock_locked(&shared->lock) == 1, "held, but not locked");
        kill_expect(hay_lock_release(&shared->lock) == 0, "it can't be released");
        kill_expect(hay_lock_acquire(&shared->lock, HAY_NOWAIT) == 0, "it is not free again");
        kill_expect(hay_lock_release(&shared->lock) == 0, "it can't be released");
        kill_expect(hay_lock_locked(&shared->lock) == 0, "free, but locked");
        return found;
}

static enum kill_found survive_any(void)
{
        survive();
        return KILL_UNKNOWN;
}

static int wait_for_it(void)
{
        int r = hay_lock_acquire(&shared->lock, KILL_PATIENCE);
        if (r < 0)
                return 1;
        if (r == 0 && shared->first != shared->second)
                return 2;
        mend(r);
        return hay_lock_release(&shared->lock) == 0 ? 0 : 3;
}

static void died_holding(void)
{
        acquire();
        shared->first++;
}

static void death_of_owner(void)
{
        kill_one_by(died_holding);
}

/* The death of the one who held it, or of the one who took it over, is told to the next. */
static enum kill_found survive_two(void)
{
        int r = kill_in_time(hay_lock_acquire(&shared->lock, hay_in_ms(1000)));
        kill_expect(r == HAY_OWNER_DIED || shared->second >= 1, "nobody was told of a death: %d",
                    r);
        kill_expect(hay_lock_release(&shared->lock) == 0, "it can't be released");
        return r == HAY_OWNER_DIED ? KILL_BEFORE : KILL_AFTER;
}

static void recover(void)
{
        mend(hay_lock_acquire(&shared->lock, HAY_FOREVER));
        work();
        hay_lock_release(&shared->lock);
}

static void deadline_holds(void)
{
        int r = hay_lock_acquire(&shared->lock, hay_in_ms(60));
        kill_expect(r == 0 || r == -ETIMEDOUT, "beside a stopped one: %d", r);
        if (r == 0)
                hay_lock_release(&shared->lock);
}

/* The one before the stopped one is dead. */
static void deadline_holds_or_died(void)
{
        int r = hay_lock_acquire(&shared->lock, hay_in_ms(60));
        kill_expect(r >= 0 || r == -ETIMEDOUT, "beside a stopped one: %d", r);
        if (r >= 0) {
                mend(r);
                shared->second = 1;
                hay_lock_release(&shared->lock);
        }
}

static void racquire(void)
{
        hay_rlock_acquire(&shared->rlock, HAY_FOREVER);
}

static void rrelease(void)
{
        hay_rlock_release(&shared->rlock);
}

static void ruse(void)
{
        racquire();
        racquire();
        work();
        rrelease();
        rrelease();
}

static void rrecover(void)
{
        mend(hay_rlock_acquire(&shared->rlock, HAY_FOREVER));
        work();
        rrelease();
}

static void rheld(void)
{
        fresh();
        racquire();
        racquire();
}

static void rlet_go(void)
{
        while (hay_rlock_release(&shared->rlock) == 0)
                ;
}

static enum kill_found rsurvive(void)
{
        rlet_go();
        int r = kill_in_time(hay_rlock_acquire(&shared->rlock, hay_in_ms(1000)));
        kill_expect(r == 0 || r == HAY_OWNER_DIED, "acquire: %d", r);
        kill_expect(r == HAY_OWNER_DIED || shared->first == shared->second,
                    "half done, and no news of a death");
        enum kill_found found = r == 0 && shared->second ? KILL_AFTER : KILL_BEFORE;
        kill_expect(hay_rlock_acquire(&shared->rlock, HAY_NOWAIT) == 0, "not twice");
        kill_expect(hay_rlock_release(&shared->rlock) == 0, "once");
        kill_expect(hay_rlock_locked(&shared->rlock) == 1, "released too early");
        kill_expect(hay_rlock_release(&shared->rlock) == 0, "twice");
        kill_expect(hay_rlock_release(&shared->rlock) == -EPERM, "thrice");
        kill_expect(hay_rlock_locked(&shared->rlock) == 0, "free, but locked");
        return found;
}

static enum kill_found rsurvive_any(void)
{
        rsurvive();
        return KILL_UNKNOWN;
}

static int rwait_for_it(void)
{
        int r = hay_rlock_acquire(&shared->rlock, KILL_PATIENCE);
        if (r < 0)
                return 1;
        mend(r);
        return hay_rlock_release(&shared->rlock) == 0 ? 0 : 3;
}

static void rdeadline_holds(void)
{
        int r = hay_rlock_acquire(&shared->rlock, hay_in_ms(60));
        kill_expect(r == 0 || r == -ETIMEDOUT, "beside a stopped one: %d", r);
        if (r == 0)
                hay_rlock_release(&shared->rlock);
}

#define STOP .meanwhile = deadline_holds, .recover = recover
#define RSTOP .meanwhile = rdeadline_holds, .recover = rrecover

static const struct kill_sweep table[] = {
        { "lock: acquire, work, release", fresh, .operation = use, .survive = survive, STOP },
        { "lock: first use", fresh, .operation = use, .survive = survive, .stranger = true, STOP },
        { "lock: acquire, contended", held, .operation = use, .survive = survive_any,
          .unblock = let_go, STOP },
        { "lock: acquire, owner died", fresh, death_of_owner, .operation = use,
          .survive = survive_two, .meanwhile = deadline_holds_or_died, .recover = recover },
        { "lock: acquire, held, a waiter asleep", held, .operation = use, .survive = survive_any,
          .companion = wait_for_it, .patient = true, .unblock = let_go, STOP },
        { "lock: release, a waiter asleep", fresh, .before = acquire, .operation = release,
          .survive = survive_any, .companion = wait_for_it, .recover = recover },
        { "lock: try, held", held, .operation = try_to, .survive = survive_any, .unblock = let_go,
          STOP },
        { "lock: acquire, deadline passes", held, .operation = try_for_a_while,
          .survive = survive_any, .unblock = let_go, STOP },
        { "lock: locked", held, .operation = look, .survive = survive_any, .unblock = let_go,
          STOP },
        { "rlock: acquire twice, work, release", fresh, .operation = ruse, .survive = rsurvive,
          RSTOP },
        { "rlock: acquire, contended", rheld, .operation = ruse, .survive = rsurvive_any,
          .unblock = rlet_go, RSTOP },
        { "rlock: release, a waiter asleep", fresh, .before = racquire, .operation = rrelease,
          .survive = rsurvive_any, .companion = rwait_for_it, .recover = rrecover },
};

KILL_SWEEPS(table)
