/* Joining, and what others may do to our children meanwhile. */
#include "kit.h"

#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

static int sleep_and_give(void *arg)
{
        const int *what = arg; /* milliseconds, code */
        kit_sleep_ms(what[0]);
        return what[1];
}

static int wait_for_ever(void *arg)
{
        (void)arg;
        pause();
        return 0;
}

static hay_process *start(int (*function)(void *arg), void *arg)
{
        hay_process *process;
        ck_assert_int_eq(hay_process_start(&process, function, arg, NULL), 0);
        return process;
}

static struct hay_exit join(hay_process *process)
{
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
        return exit;
}

static void kill_and_close(hay_process *process)
{
        ck_assert_int_eq(hay_process_kill(process), 0);
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, NULL), 0);
        ck_assert_int_eq(hay_process_close(process), 0);
}

TEST(join_times_out_while_the_child_runs)
{
        hay_process *process = start(wait_for_ever, NULL);
        struct hay_exit exit = { 77, 77 };
        hay_time deadline = hay_in_ms(50);
        ck_assert_int_eq(hay_process_join(process, deadline, &exit), -ETIMEDOUT);
        ck_assert_int_ge(hay_now(), deadline);
        ck_assert_int_lt(hay_now(), deadline + 1000000000);
        ck_assert_int_eq(hay_process_join(process, HAY_NOWAIT, &exit), -ETIMEDOUT);
        ck_assert_int_eq(hay_process_join(process, 1, &exit), -ETIMEDOUT);
        ck_assert_int_eq(exit.code, 77);
        ck_assert_int_eq(hay_process_is_alive(process), 1);
        kill_and_close(process);
}

TEST(join_may_be_called_again)
{
        int what[] = { 20, 9 };
        hay_process *process = start(sleep_and_give, what);
        for (int i = 0; i < 3; i++)
                ck_assert_int_eq(join(process).code, 9);
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_join(process, HAY_NOWAIT, &exit), 0);
        ck_assert_int_eq(exit.code, 9);
        ck_assert_int_eq(hay_process_is_alive(process), 0);
        ck_assert_int_eq(hay_process_close(process), 0);
}

TEST(an_ended_child_is_joined_even_by_a_deadline_that_has_passed)
{
        int what[] = { 0, 3 };
        hay_process *process = start(sleep_and_give, what);
        struct pollfd entry = { .fd = hay_process_sentinel(process), .events = POLLIN };
        ck_assert_int_eq(poll(&entry, 1, 10000), 1);
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_join(process, HAY_NOWAIT, &exit), 0);
        ck_assert_int_eq(exit.code, 3);
        ck_assert_int_eq(hay_process_close(process), 0);
}

TEST(the_sentinel_is_readable_from_the_end_on)
{
        hay_process *process = start(wait_for_ever, NULL);
        struct pollfd entry = { .fd = hay_process_sentinel(process), .events = POLLIN };
        ck_assert_int_eq(poll(&entry, 1, 20), 0);
        ck_assert_int_eq(hay_process_kill(process), 0);
        ck_assert_int_eq(poll(&entry, 1, 10000), 1);
        ck_assert_int_eq(join(process).signal, SIGKILL);
        ck_assert_int_eq(poll(&entry, 1, 0), 1);
        ck_assert_int_eq(hay_process_close(process), 0);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int signal)
{
        (void)signal;
        alarms++;
}

TEST(an_interrupted_join_goes_on_with_its_deadline)
{
        struct sigaction action = { .sa_handler = count_alarm };
        struct itimerval often = { { 0, 5000 }, { 0, 5000 } };
        struct itimerval never = { { 0, 0 }, { 0, 0 } };
        sigaction(SIGALRM, &action, NULL);
        hay_process *process = start(wait_for_ever, NULL);
        setitimer(ITIMER_REAL, &often, NULL);
        hay_time deadline = hay_in_ms(100);
        ck_assert_int_eq(hay_process_join(process, deadline, NULL), -ETIMEDOUT);
        ck_assert_int_ge(hay_now(), deadline);
        ck_assert_int_gt(alarms, 3);
        setitimer(ITIMER_REAL, &never, NULL);
        kill_and_close(process);
        int what[] = { 60, 4 };
        process = start(sleep_and_give, what);
        setitimer(ITIMER_REAL, &often, NULL);
        ck_assert_int_eq(join(process).code, 4);
        setitimer(ITIMER_REAL, &never, NULL);
        ck_assert_int_eq(hay_process_close(process), 0);
}

TEST(a_stopped_child_has_not_ended)
{
        hay_process *process = start(wait_for_ever, NULL);
        ck_assert_int_eq(kill(hay_process_pid(process), SIGSTOP), 0);
        ck_assert_int_eq(hay_process_join(process, hay_in_ms(30), NULL), -ETIMEDOUT);
        ck_assert_int_eq(hay_process_is_alive(process), 1);
        kill_and_close(process);
}

static void check_unknown(hay_process *process)
{
        struct hay_exit exit = join(process);
        ck_assert_int_eq(exit.code, -1);
        ck_assert_int_eq(exit.signal, 0);
        ck_assert_int_eq(hay_process_is_alive(process), 0);
        ck_assert_int_eq(hay_process_terminate(process), 0);
        struct pollfd entry = { .fd = hay_process_sentinel(process), .events = POLLIN };
        ck_assert_int_eq(poll(&entry, 1, 0), 1);
        ck_assert_int_eq(hay_process_close(process), 0);
}

static void start_while_the_kernel_reaps(void)
{
        for (int i = 0; i < 30; i++) {
                int what[] = { i % 3, 5 };
                check_unknown(start(sleep_and_give, what));
        }
        hay_process *process = start(wait_for_ever, NULL);
        ck_assert_int_eq(hay_process_join(process, hay_in_ms(20), NULL), -ETIMEDOUT);
        ck_assert_int_eq(hay_process_is_alive(process), 1);
        ck_assert_int_eq(hay_process_kill(process), 0);
        check_unknown(process);
}

TEST(where_sigchld_is_ignored_join_returns_but_nobody_knows_how_it_ended)
{
        signal(SIGCHLD, SIG_IGN);
        start_while_the_kernel_reaps();
        signal(SIGCHLD, SIG_DFL);
}

TEST(where_zombies_are_unwanted_join_returns_but_nobody_knows_how_it_ended)
{
        struct sigaction action = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
        sigaction(SIGCHLD, &action, NULL);
        start_while_the_kernel_reaps();
        signal(SIGCHLD, SIG_DFL);
}

TEST(a_child_that_somebody_else_reaped_is_joined)
{
        int what[] = { 0, 5 };
        hay_process *process = start(sleep_and_give, what);
        ck_assert_int_eq(kit_wait(hay_process_pid(process)), 5);
        check_unknown(process);
}

static pid_t users_child;
static volatile sig_atomic_t users_status = -1;

static void reap_own(int signal)
{
        int status;
        int saved = errno;
        (void)signal;
        if (waitpid(users_child, &status, WNOHANG) == users_child)
                users_status = WEXITSTATUS(status);
        errno = saved;
}

TEST(a_handler_of_sigchld_and_the_children_of_the_user_are_left_alone)
{
        struct sigaction action = { .sa_handler = reap_own, .sa_flags = SA_RESTART };
        struct sigaction after;
        sigset_t block;
        sigset_t old;
        sigemptyset(&block);
        sigaddset(&block, SIGCHLD);
        sigaction(SIGCHLD, &action, NULL);
        sigprocmask(SIG_BLOCK, &block, &old);
        int users[] = { 30, 11 };
        users_child = kit_fork(sleep_and_give, users);
        sigprocmask(SIG_SETMASK, &old, NULL);
        for (int i = 0; i < 20; i++) {
                int what[] = { i % 4, i };
                hay_process *process = start(sleep_and_give, what);
                ck_assert_int_eq(join(process).code, i);
                ck_assert_int_eq(hay_process_close(process), 0);
        }
        while (users_status < 0)
                kit_sleep_ms(5);
        ck_assert_int_eq(users_status, 11);
        sigaction(SIGCHLD, NULL, &after);
        ck_assert_ptr_eq((void *)(uintptr_t)after.sa_handler, (void *)(uintptr_t)reap_own);
        signal(SIGCHLD, SIG_DFL);
}

TEST(the_users_children_keep_their_status_while_ours_are_joined)
{
        int users[] = { 0, 12 };
        pid_t pid = kit_fork(sleep_and_give, users);
        int what[] = { 30, 1 };
        hay_process *process = start(sleep_and_give, what);
        ck_assert_int_eq(join(process).code, 1);
        ck_assert_int_eq(hay_active_children(NULL, 0), 0);
        ck_assert_int_eq(kit_wait(pid), 12);
        ck_assert_int_eq(hay_process_close(process), 0);
}

KIT_MAIN
