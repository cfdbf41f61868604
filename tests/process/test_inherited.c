/* Handles in a forked child. */
#include "kit.h"

#include <fcntl.h>
#include <signal.h>

static int wait_for_ever(void *arg)
{
        (void)arg;
        pause();
        return 0;
}

static int nothing(void *arg)
{
        (void)arg;
        return 0;
}

static hay_process *start(int (*function)(void *arg), void *arg, bool daemon)
{
        hay_process *process;
        struct hay_process_options options = { .name = "one", .daemon = daemon };
        ck_assert_int_eq(hay_process_start(&process, function, arg, &options), 0);
        return process;
}

static void kill_and_close(hay_process *process)
{
        ck_assert_int_eq(hay_process_kill(process), 0);
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, NULL), 0);
        ck_assert_int_eq(hay_process_close(process), 0);
}

struct inherited {
        hay_process *process;
        pid_t pid;
        int sentinel;
};

#define EXPECT(condition) \
        do { \
                if (!(condition)) \
                        return __LINE__ & 0xff; \
        } while (0)

/* Returns 0, or the line of what is wrong. */
static int use_inherited(void *arg)
{
        const struct inherited *inherited = arg;
        hay_process *process = inherited->process;
        EXPECT(hay_process_join(process, HAY_NOWAIT, NULL) == -ECHILD);
        EXPECT(hay_process_is_alive(process) == -ECHILD);
        EXPECT(hay_process_terminate(process) == -ECHILD);
        EXPECT(hay_process_kill(process) == -ECHILD);
        EXPECT(hay_process_interrupt(process) == -ECHILD);
        EXPECT(hay_process_sentinel(process) == -ECHILD);
        EXPECT(hay_process_pid(process) == inherited->pid);
        EXPECT(strcmp(hay_process_name(process), "one") == 0);
        EXPECT(hay_process_daemon(process) == 1);
        EXPECT(fcntl(inherited->sentinel, F_GETFD) < 0);
        EXPECT(hay_active_children(NULL, 0) == 0);
        hay_process *own;
        struct hay_exit exit;
        EXPECT(hay_process_start(&own, nothing, NULL, NULL) == 0);
        EXPECT(hay_active_children(NULL, 0) <= 1);
        EXPECT(hay_process_join(own, HAY_FOREVER, &exit) == 0);
        EXPECT(exit.code == 0);
        EXPECT(hay_process_close(own) == 0);
        EXPECT(hay_process_close(process) == 0);
        return 0;
}

TEST(an_inherited_handle_tells_who_it_was_and_does_nothing)
{
        struct inherited inherited;
        inherited.process = start(wait_for_ever, NULL, true);
        inherited.pid = hay_process_pid(inherited.process);
        inherited.sentinel = hay_process_sentinel(inherited.process);
        ck_assert_int_eq(kit_wait(kit_fork(use_inherited, &inherited)), 0);
        hay_process *process;
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_start(&process, use_inherited, &inherited, NULL), 0);
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
        ck_assert_int_eq(exit.code, 0);
        ck_assert_int_eq(hay_process_close(process), 0);
        ck_assert_int_eq(hay_process_is_alive(inherited.process), 1);
        kill_and_close(inherited.process);
}

static int count_fds(void *arg)
{
        *(int *)arg = kit_fds();
        return 0;
}

TEST(no_child_has_fds_of_its_siblings)
{
        int *count = hay_new(int);
        hay_process *others[4];
        int alone = kit_fds();
        for (int i = 0; i < 4; i++)
                others[i] = start(wait_for_ever, NULL, i % 2);
        hay_process *process = start(count_fds, count, false);
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, NULL), 0);
        ck_assert_int_eq(hay_process_close(process), 0);
        ck_assert_int_eq(*count, alone);
        ck_assert_int_eq(kit_wait(kit_fork(count_fds, count)), 0);
        ck_assert_int_eq(*count, alone);
        for (int i = 0; i < 4; i++)
                kill_and_close(others[i]);
        hay_free(count);
}

KIT_MAIN
