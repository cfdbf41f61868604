/* The forkserver's own life. */
#include "kit.h"
#include "os/process.h"
#include "process/forkserver.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const struct hay_process_options by_server = { .start = HAY_FORKSERVER };

static int give_parent(void *arg)
{
        *(pid_t *)arg = getppid();
        return 5;
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
        ck_assert_int_eq(hay_process_start(&process, function, arg, &by_server), 0);
        return process;
}

static struct hay_exit finish(hay_process *process)
{
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_join(process, hay_in_ms(20000), &exit), 0);
        ck_assert_int_eq(hay_process_is_alive(process), 0);
        ck_assert_int_eq(hay_process_close(process), 0);
        return exit;
}

static pid_t server_pid(void)
{
        pid_t *pid = hay_new(pid_t);
        ck_assert_int_eq(finish(start(give_parent, pid)).code, 5);
        pid_t server = *pid;
        hay_free(pid);
        ck_assert_int_ne(server, getpid());
        return server;
}

static bool ends_soon(pid_t pid)
{
        hay_time end = hay_in_ms(10000);
        while (hf_process_runs(pid, 0, 0) && hay_now() < end)
                kit_sleep_ms(1);
        return hay_now() < end;
}

TEST(one_server_forks_all_children)
{
        pid_t server = server_pid();
        for (int i = 0; i < 5; i++)
                ck_assert_int_eq(server_pid(), server);
        /* It is nobody's child here: a wait for any child does not wait for it. */
        ck_assert_int_eq(wait(NULL), -1);
        ck_assert_int_eq(errno, ECHILD);
        hf_forkserver_stop();
        ck_assert(ends_soon(server));
}

TEST(a_killed_server_is_replaced_and_its_children_live_on)
{
        pid_t server = server_pid();
        hay_process *process = start(wait_for_ever, NULL);
        ck_assert_int_eq(kill(server, SIGKILL), 0);
        ck_assert(ends_soon(server));
        ck_assert_int_eq(hay_process_join(process, hay_in_ms(30), NULL), -ETIMEDOUT);
        ck_assert_int_eq(hay_process_is_alive(process), 1);
        ck_assert_int_ne(server_pid(), server);
        ck_assert_int_eq(hay_process_kill(process), 0);
        struct hay_exit exit = finish(process);
        ck_assert_int_eq(exit.code, -1);
        ck_assert_int_eq(exit.signal, 0);
        hf_forkserver_stop();
}

TEST(a_server_is_replaced_wherever_it_is_killed)
{
        unsigned long seed = kit_seed();
        srandom((unsigned)seed);
        for (int i = 0; i < 30; i++) {
                pid_t server = server_pid();
                pid_t killer = fork();
                if (killer == 0) {
                        struct timespec pause = { 0, random() % 1500000 };
                        nanosleep(&pause, NULL);
                        kill(server, SIGKILL);
                        _exit(0);
                }
                random();
                for (int j = 0; j < 3; j++) {
                        pid_t *pid = hay_new(pid_t);
                        struct hay_exit exit = finish(start(give_parent, pid));
                        ck_assert_int_eq(exit.signal, 0);
                        ck_assert(exit.code == 5 || exit.code == -1);
                        hay_free(pid);
                }
                ck_assert_int_eq(kit_wait(killer), 0);
        }
        hf_forkserver_stop();
}

static void *start_some(void *arg)
{
        pid_t *pid = arg;
        intptr_t bad = 0;
        for (int i = 0; i < 15; i++) {
                hay_process *process;
                struct hay_exit exit;
                bad += hay_process_start(&process, give_parent, pid, &by_server) < 0 ||
                       hay_process_join(process, HAY_FOREVER, &exit) < 0 || exit.code != 5 ||
                       hay_process_close(process) < 0;
        }
        return (void *)bad;
}

TEST(threads_share_one_server)
{
        pid_t *pids = hay_new_array(pid_t, 4);
        pthread_t threads[4];
        for (int i = 0; i < 4; i++)
                pthread_create(&threads[i], NULL, start_some, &pids[i]);
        for (int i = 0; i < 4; i++) {
                void *bad;
                pthread_join(threads[i], &bad);
                ck_assert_ptr_null(bad);
                ck_assert_int_eq(pids[i], pids[0]);
        }
        hay_free(pids);
        hf_forkserver_stop();
}

TEST(many_children_of_a_server_are_told_apart)
{
        enum { COUNT = 40 };
        hay_process *processes[COUNT];
        for (int i = 0; i < COUNT; i++)
                processes[i] = start(wait_for_ever, NULL);
        ck_assert_int_eq(hay_active_children(NULL, 0), COUNT);
        for (int i = 0; i < COUNT; i++)
                ck_assert_int_eq(i % 2 ? hay_process_kill(processes[i])
                                       : hay_process_terminate(processes[i]),
                                 0);
        for (int i = 0; i < COUNT; i++)
                ck_assert_int_eq(finish(processes[i]).signal, i % 2 ? SIGKILL : SIGTERM);
        hf_forkserver_stop();
}

struct life {
        pid_t server;
        pid_t child;
        int ready;
};

static int tell_and_wait(void *arg)
{
        struct life *life = arg;
        life->server = getppid();
        life->child = getpid();
        __atomic_store_n(&life->ready, 1, __ATOMIC_RELEASE);
        pause();
        return 0;
}

static int use_server_and_pause(void *arg)
{
        hay_process *process;
        if (hay_process_start(&process, tell_and_wait, arg, &by_server) < 0)
                return 1;
        pause();
        return 0;
}

TEST(a_server_ends_when_its_client_is_killed_and_its_children_do_not)
{
        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        struct life *life = hay_new(struct life);
        pid_t client = kit_fork(use_server_and_pause, life);
        while (!__atomic_load_n(&life->ready, __ATOMIC_ACQUIRE))
                kit_sleep_ms(1);
        ck_assert_int_eq(kill(client, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(client), -SIGKILL);
        ck_assert_int_eq(kit_wait(life->server), 0);
        ck_assert_int_eq(waitpid(life->child, NULL, WNOHANG), 0);
        ck_assert_int_eq(kill(life->child, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(life->child), -SIGKILL);
        hay_free(life);
        prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static int interrupted(void *arg)
{
        (void)arg;
        raise(SIGINT);
        return 0;
}

TEST(an_interrupt_from_the_terminal_is_for_the_children_not_for_the_server)
{
        pid_t server = server_pid();
        ck_assert_int_eq(kill(server, SIGINT), 0);
        ck_assert_int_eq(server_pid(), server);
        ck_assert_int_eq(finish(start(interrupted, NULL)).signal, SIGINT);
        hf_forkserver_stop();
}

int main(int argc, char **argv)
{
        hay_main(argc, argv);
        return kit_main(argc, argv, __FILE__);
}
