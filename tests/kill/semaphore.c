/* Semaphores: owned permits come back from the dead, a number has no owner. */
#include "kill.h"

#include "member/member.h"

static struct {
        hay_semaphore semaphore;
        hay_semaphore other; /* that the operation makes */
} * shared;

static unsigned value; /* permits in all */

static void make(struct hay_semaphore_options options)
{
        shared = hay_alloc(sizeof(*shared), 0);
        value = options.value;
        kill_expect(shared && hay_semaphore_init(&shared->semaphore, &options) == 0,
                    "no semaphore");
}

static void two_owned(void)
{
        make((struct hay_semaphore_options){ .value = 2 });
}

static void many_owned(void)
{
        make((struct hay_semaphore_options){ .value = 30 });
}

static void number(void)
{
        make((struct hay_semaphore_options){ .value = 1, .signal = true });
}

static void number_zero(void)
{
        make((struct hay_semaphore_options){ .signal = true });
}

static void bounded(void)
{
        make((struct hay_semaphore_options){ .value = 1, .signal = true, .bounded = true });
        hay_semaphore_acquire(&shared->semaphore, HAY_NOWAIT);
}

static void acquire(void)
{
        hay_semaphore_acquire(&shared->semaphore, HAY_FOREVER);
}

static void acquire_all(void)
{
        for (unsigned i = 0; i < value; i++)
                acquire();
}

static void release(void)
{
        hay_semaphore_release(&shared->semaphore);
}

static void use(void)
{
        acquire();
        release();
}

static void two_owned_taken(void)
{
        two_owned();
        acquire_all();
}

static void release_mine(void)
{
        while (hay_semaphore_release(&shared->semaphore) == 0)
                ;
}

/* All permits can be had, and no more. */
static enum kill_found survive_owned(void)
{
        release_mine();
        for (unsigned i = 0; i < value; i++) {
                int r = kill_in_time(hay_semaphore_acquire(&shared->semaphore, hay_in_ms(1000)));
                kill_expect(r == 0, "permit %u: %d", i, r);
        }
        kill_expect(hay_semaphore_value(&shared->semaphore) == 0, "there are more permits");
        kill_expect(hay_semaphore_acquire(&shared->semaphore, HAY_NOWAIT) == -ETIMEDOUT,
                    "one more could be had");
        release_mine();
        kill_expect(hay_semaphore_value(&shared->semaphore) == (int)value, "permits are missing");
        return KILL_UNKNOWN;
}

static int wait_for_one(void)
{
        int r = hay_semaphore_acquire(&shared->semaphore, KILL_PATIENCE);
        return r < 0 ? 1 : hay_semaphore_release(&shared->semaphore) < 0;
}

static enum kill_found survive_taken(void)
{
        int now = hay_semaphore_value(&shared->semaphore);
        kill_expect(now == 0 || now == 1, "value %d", now);
        release();
        kill_expect(kill_in_time(hay_semaphore_acquire(&shared->semaphore, hay_in_ms(1000))) == 0,
                    "acquire");
        return now ? KILL_BEFORE : KILL_AFTER;
}

static enum kill_found survive_given(void)
{
        int now = hay_semaphore_value(&shared->semaphore);
        kill_expect(now == 0 || now == 1, "value %d", now);
        if (!now)
                release();
        kill_expect(kill_in_time(hay_semaphore_acquire(&shared->semaphore, hay_in_ms(1000))) == 0,
                    "acquire");
        return now ? KILL_AFTER : KILL_BEFORE;
}

static enum kill_found survive_bounded(void)
{
        enum kill_found found = survive_given();
        release();
        kill_expect(hay_semaphore_release(&shared->semaphore) == -EOVERFLOW, "above the bound");
        return found;
}

/* The companion holds it for a moment, so that the value is 1 in the end where it was given. */
static enum kill_found survive_with_waiter(void)
{
        hay_semaphore_release(&shared->semaphore);
        return KILL_UNKNOWN;
}

static enum kill_found survive_blocked(void)
{
        release();
        kill_expect(kill_in_time(hay_semaphore_acquire(&shared->semaphore, hay_in_ms(1000))) == 0,
                    "acquire");
        return KILL_UNKNOWN;
}

static void init(void)
{
        hay_semaphore_init(&shared->other, &(struct hay_semaphore_options){ .value = 100 });
}

static void fini(void)
{
        hay_semaphore_fini(&shared->other);
}

static void inited(void)
{
        two_owned();
        init();
}

/* Whatever init or fini left, fini makes an end of it. */
static enum kill_found survive_other(void)
{
        int r = hay_semaphore_value(&shared->other);
        kill_expect(r == 100 || r == 0, "value %d", r);
        if (r == 100)
                kill_expect(kill_in_time(hay_semaphore_acquire(&shared->other, hay_in_ms(1000))) ==
                                    0,
                            "acquire");
        hay_semaphore_fini(&shared->other);
        return r ? KILL_AFTER : KILL_BEFORE;
}

static enum kill_found survive_init(void)
{
        enum kill_found found = survive_other();
        kill_expect(kill_more_blocks() == 0, "%ld blocks are left", kill_more_blocks());
        return found;
}

static enum kill_found survive_fini(void)
{
        enum kill_found found = survive_other();
        kill_keep_blocks(-1);
        return found == KILL_AFTER ? KILL_BEFORE : KILL_AFTER;
}

static void deadline_holds(void)
{
        int r = hay_semaphore_acquire(&shared->semaphore, hay_in_ms(60));
        kill_expect(r == 0 || r == -ETIMEDOUT, "beside a stopped one: %d", r);
        if (r == 0)
                release();
}

#define STOP .meanwhile = deadline_holds

static const struct kill_sweep table[] = {
        { "semaphore: owned, acquire and release", two_owned, .operation = use,
          .survive = survive_owned, .recover = use, STOP },
        { "semaphore: owned, first use", two_owned, .operation = use, .survive = survive_owned,
          .stranger = true, .recover = use, STOP },
        { "semaphore: owned, all permits", many_owned, .operation = acquire_all,
          .survive = survive_owned, .recover = acquire_all, STOP },
        { "semaphore: owned, acquire, none free", two_owned_taken, .operation = use,
          .survive = survive_owned, .unblock = release, .recover = use },
        { "semaphore: owned, release, a waiter asleep", two_owned, .before = acquire_all,
          .operation = release, .survive = survive_owned, .companion = wait_for_one,
          .recover = use },
        { "semaphore: acquire", number, .operation = acquire, .survive = survive_taken, STOP },
        { "semaphore: acquire, at 0", number_zero, .operation = acquire, .survive = survive_blocked,
          .unblock = release },
        { "semaphore: release", number_zero, .operation = release, .survive = survive_given, STOP },
        { "semaphore: release, a waiter asleep", number_zero, .operation = release,
          .survive = survive_with_waiter, .companion = wait_for_one, .patient = true },
        { "semaphore: bounded, release", bounded, .operation = release, .survive = survive_bounded,
          STOP },
        { "semaphore: init, with a block", two_owned, .operation = init, .survive = survive_init },
        { "semaphore: fini, with a block", inited, .operation = fini, .survive = survive_fini },
};

KILL_SWEEPS(table)
