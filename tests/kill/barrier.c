/* Barriers: a party dies before, in and after the meeting; whole or broken, never stuck. */
#include "kill.h"

#include <sys/wait.h>

static struct {
        hay_barrier barrier;
        hay_barrier other;
        int ran;
} * shared;

static unsigned parties;

static int action(void *arg)
{
        (void)arg;
        shared->ran++;
        return 0;
}

static void make(unsigned count, bool with_action)
{
        shared = hay_alloc(sizeof(*shared), 0);
        parties = count;
        struct hay_barrier_options options = { .parties = count,
                                               .action = with_action ? action : NULL };
        kill_expect(shared && hay_barrier_init(&shared->barrier, &options) == 0, "no barrier");
}

static void two(void)
{
        make(2, false);
}

static void two_with_action(void)
{
        make(2, true);
}

static void three(void)
{
        make(3, false);
}

static void meet(void)
{
        unsigned index;
        hay_barrier_wait(&shared->barrier, HAY_FOREVER, &index);
}

static void meet_in_vain(void)
{
        hay_barrier_wait(&shared->barrier, hay_in_ms(5), NULL);
}

static void abort_it(void)
{
        hay_barrier_abort(&shared->barrier);
}

static void reset(void)
{
        hay_barrier_reset(&shared->barrier);
}

static int companion_meets(void)
{
        int r = hay_barrier_wait(&shared->barrier, KILL_PATIENCE, NULL);
        return r == 0 || r == -EPIPE ? 0 : 1;
}

/* Reset, it holds a meeting of all again. */
static void check(hay_barrier *barrier, unsigned count)
{
        pid_t pids[16];
        int status;
        kill_expect(hay_barrier_parties(barrier) == (int)count, "parties");
        kill_expect(hay_barrier_reset(barrier) == 0, "it can't be reset");
        kill_expect(hay_barrier_broken(barrier, NULL) == 0, "reset, and broken");
        kill_expect(hay_barrier_waiting(barrier) == 0, "somebody waits in an empty one");
        for (unsigned i = 1; i < count; i++) {
                pids[i] = fork();
                if (pids[i] == 0)
                        _exit(hay_barrier_wait(barrier, hay_in_ms(1000), NULL) < 0);
        }
        int r = kill_in_time(hay_barrier_wait(barrier, hay_in_ms(1000), NULL));
        kill_expect(r == 0, "a fresh meeting: %d", r);
        for (unsigned i = 1; i < count; i++)
                kill_expect(waitpid(pids[i], &status, 0) == pids[i] && status == 0,
                            "a fresh party ended with %#x", status);
}

static enum kill_found survive(void)
{
        check(&shared->barrier, parties);
        return KILL_UNKNOWN;
}

/* Who had come and died breaks it, without anybody's help. */
static enum kill_found survive_asleep(void)
{
        pid_t pid = 0;
        hay_time until = hay_in_ms(1000);
        while (kill_was_asleep() && hay_barrier_broken(&shared->barrier, &pid) != 1) {
                if (hay_now() > until)
                        kill_hang("the dead one is waited for");
                usleep(1000);
        }
        kill_expect(!kill_was_asleep() || pid > 0, "broken by nobody");
        check(&shared->barrier, parties);
        return KILL_UNKNOWN;
}

static void come(void)
{
        int status;
        pid_t pid = fork();
        if (pid == 0)
                _exit(companion_meets());
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
}

static void init(void)
{
        hay_barrier_init(&shared->other, &(struct hay_barrier_options){ .parties = 12 });
}

static void fini(void)
{
        hay_barrier_fini(&shared->other);
}

static void inited(void)
{
        two();
        init();
}

static enum kill_found survive_other(void)
{
        int r = hay_barrier_parties(&shared->other);
        kill_expect(r == 12 || r == -EINVAL, "parties: %d", r);
        if (r > 0)
                check(&shared->other, 12);
        hay_barrier_fini(&shared->other);
        return r > 0 ? KILL_AFTER : KILL_BEFORE;
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
        int r = hay_barrier_wait(&shared->barrier, hay_in_ms(60), NULL);
        kill_expect(r == 0 || r == -ETIMEDOUT || r == -EPIPE, "beside a stopped one: %d", r);
}

#define STOP .meanwhile = deadline_holds

static const struct kill_sweep table[] = {
        { "barrier: wait, the last to come", two, .operation = meet, .companion = companion_meets,
          .patient = true, .survive = survive, .recover = meet_in_vain },
        { "barrier: wait, the last, with an action", two_with_action, .operation = meet,
          .companion = companion_meets, .patient = true, .survive = survive,
          .recover = meet_in_vain },
        { "barrier: wait, another comes", two, .operation = meet, .unblock = come,
          .survive = survive, .recover = meet_in_vain, STOP },
        { "barrier: wait, second of three", three, .operation = meet, .unblock = come,
          .companion = companion_meets, .patient = true, .survive = survive_asleep },
        { "barrier: wait, deadline passes", two, .operation = meet_in_vain, .survive = survive,
          STOP },
        { "barrier: wait, first use", two, .operation = meet, .unblock = come, .survive = survive,
          .stranger = true },
        { "barrier: abort, a party waits", two, .operation = abort_it, .companion = companion_meets,
          .patient = true, .survive = survive },
        { "barrier: reset, a party waits", two, .operation = reset, .companion = companion_meets,
          .patient = true, .survive = survive },
        { "barrier: init, with a block", two, .operation = init, .survive = survive_init },
        { "barrier: fini, with a block", inited, .operation = fini, .survive = survive_fini },
};

KILL_SWEEPS(table)
