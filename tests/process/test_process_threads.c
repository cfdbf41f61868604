/* Threads that start, join, look at and signal children at once, while others fork. */
#include "kit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static int nothing(void *arg)
{
        (void)arg;
        return 0;
}

static int wait_for_ever(void *arg)
{
        (void)arg;
        pause();
        return 0;
}

static int sleep_and_give(void *arg)
{
        const int *what = arg; /* milliseconds, code */
        kit_sleep_ms(what[0]);
        return what[1];
}

static hay_process *start(int (*function)(void *arg), void *arg)
{
        hay_process *process;
        ck_assert_int_eq(hay_process_start(&process, function, arg, NULL), 0);
        return process;
}

static void *join_in_thread(void *arg)
{
        struct hay_exit exit = { 0, 0 };
        int r = hay_process_join(arg, HAY_FOREVER, &exit);
        return (void *)(intptr_t)(r < 0 ? r : exit.code);
}

TEST(many_threads_join_one_child)
{
        for (int round = 0; round < 10; round++) {
                int what[] = { round % 5, 40 + round };
                pthread_t threads[8];
                hay_process *process = start(sleep_and_give, what);
                for (int i = 0; i < 8; i++)
                        ck_assert_int_eq(pthread_create(&threads[i], NULL, join_in_thread, process),
                                         0);
                for (int i = 0; i < 8; i++) {
                        void *result;
                        pthread_join(threads[i], &result);
                        ck_assert_int_eq((intptr_t)result, 40 + round);
                }
                ck_assert_int_eq(hay_process_close(process), 0);
        }
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
        __atomic_store_n(&stop, false, __ATOMIC_RELEASE);
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

static void *look_around(void *arg)
{
        intptr_t bad = 0;
        while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
                ssize_t count = hay_active_children(NULL, 0);
                bad += count < 1 || count > 4 || hay_process_is_alive(arg) != 1 ||
                       hay_process_join(arg, HAY_NOWAIT, NULL) != -ETIMEDOUT;
        }
        return (void *)bad;
}

TEST(threads_look_at_the_children_while_others_come_and_go)
{
        __atomic_store_n(&stop, false, __ATOMIC_RELEASE);
        pthread_t lookers[2];
        pthread_t starters[3];
        void *result;
        hay_process *stays = start(wait_for_ever, NULL);
        for (int i = 0; i < 2; i++)
                pthread_create(&lookers[i], NULL, look_around, stays);
        for (int i = 0; i < 3; i++)
                pthread_create(&starters[i], NULL, start_and_join, NULL);
        for (int i = 0; i < 3; i++) {
                pthread_join(starters[i], &result);
                ck_assert_ptr_null(result);
        }
        __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
        for (int i = 0; i < 2; i++) {
                pthread_join(lookers[i], &result);
                ck_assert_ptr_null(result);
        }
        ck_assert_int_eq(hay_process_kill(stays), 0);
        ck_assert_int_eq(hay_process_join(stays, HAY_FOREVER, NULL), 0);
        ck_assert_int_eq(hay_process_close(stays), 0);
}

static void *kill_it(void *arg)
{
        return (void *)(intptr_t)hay_process_kill(arg);
}

TEST(threads_kill_one_child_at_once)
{
        for (int i = 0; i < 20; i++) {
                pthread_t killers[4];
                hay_process *process = start(wait_for_ever, NULL);
                for (int j = 0; j < 4; j++)
                        pthread_create(&killers[j], NULL, kill_it, process);
                struct hay_exit exit;
                ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
                ck_assert_int_eq(exit.signal, SIGKILL);
                for (int j = 0; j < 4; j++) {
                        void *result;
                        pthread_join(killers[j], &result);
                        ck_assert_ptr_null(result);
                }
                ck_assert_int_eq(hay_process_close(process), 0);
        }
}

KIT_MAIN
