/* Handles in a forked child, and forks by other threads. */
#include "kit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

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

static bool stop;

static void *fork_and_wait(void *arg)
{
        intptr_t forks = 0;
        while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
                pid_t pid = fork();
                if (pid == 0)
                        _exit(3);
                int status;
                if (pid < 0 || waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 3)
                        return (void *)-1;
                forks++;
        }
        (void)arg;
        return (void *)forks;
}

static void *start_and_join(void *arg)
{
        (void)arg;
        for (int i = 0; i < 40; i++) {
                hay_process *process;
                struct hay_exit exit;
                struct hay_process_options options = { .daemon = i % 2 };
                if (hay_process_start(&process, nothing, NULL, &options) < 0 ||
                    hay_process_join(process, HAY_FOREVER, &exit) < 0 || exit.code != 0 ||
                    hay_process_close(process) < 0)
                        return (void *)-1;
        }
        return NULL;
}

TEST(threads_start_join_and_fork_at_once)
{
        pthread_t forker;
        pthread_t starters[3];
        void *result;
        pthread_create(&forker, NULL, fork_and_wait, NULL);
        for (int i = 0; i < 3; i++)
                pthread_create(&starters[i], NULL, start_and_join, NULL);
        for (int i = 0; i < 3; i++) {
                pthread_join(starters[i], &result);
                ck_assert_ptr_null(result);
        }
        __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
        pthread_join(forker, &result);
        ck_assert_int_gt((intptr_t)result, 0);
}

KIT_MAIN
