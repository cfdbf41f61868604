/* Waiting for the first of many queues, connections, processes and fds. */
#include "kit.h"

#include "os/poll.h"
#include "region/region.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

static hay_connection *in, *out;
static hay_queue *queue;

static void open_all(void)
{
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        ck_assert_int_eq(hay_queue_new(&queue, NULL), 0);
}

static void close_all(void)
{
        in = hay_connection_close(in);
        out = hay_connection_close(out);
        queue = hay_queue_free(queue);
}

static void put(void)
{
        ck_assert_int_eq(hay_queue_put(queue, "x", 1, HAY_FOREVER), 0);
}

static void get(void)
{
        char byte;
        ck_assert_int_eq(hay_queue_get(queue, &byte, 1, NULL, HAY_FOREVER), 0);
}

TEST(bad_arguments_are_refused_and_mark_nothing)
{
        open_all();
        put();
        struct hay_waitable one = { .queue = queue };
        struct hay_waitable none[2] = { { .queue = queue }, { .ready = true } };
        struct hay_waitable two = { .queue = queue, .connection = in };
        struct hay_waitable sends = { .connection = out };
        struct hay_waitable closed[2] = { { .queue = queue }, HAY_WAIT_FD(1000) };
        struct hay_waitable negative = HAY_WAIT_FD(-7);
        ck_assert_int_eq(hay_wait(NULL, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_wait(&one, 0, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_wait(none, 2, HAY_NOWAIT), -EINVAL);
        ck_assert(!none[0].ready && !none[1].ready);
        ck_assert_int_eq(hay_wait(&two, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_wait(&sends, 1, HAY_NOWAIT), -EBADF);
        ck_assert_int_eq(hay_wait(closed, 2, HAY_NOWAIT), -EBADF);
        ck_assert(!closed[0].ready && !closed[1].ready);
        ck_assert_int_eq(hay_wait(&negative, 1, HAY_NOWAIT), -EBADF);
        close_all();
}

TEST(wait_times_out_when_nothing_is_ready)
{
        open_all();
        struct hay_waitable all[2] = { { .queue = queue }, { .connection = in } };
        ck_assert_int_eq(hay_wait(all, 2, HAY_NOWAIT), -ETIMEDOUT);
        for (int i = 0; i < 2; i++) {
                all[i].ready = true;
                hay_time start = hay_now();
                ck_assert_int_eq(hay_wait(&all[i], 1, hay_in_ms(30)), -ETIMEDOUT);
                ck_assert_int_ge(hay_now() - start, 30 * 1000000);
                ck_assert(!all[i].ready);
        }
        hay_time start = hay_now();
        ck_assert_int_eq(hay_wait(all, 2, hay_in_ms(600)), -ETIMEDOUT);
        ck_assert_int_ge(hay_now() - start, 600 * 1000000);
        close_all();
}

TEST(all_that_are_ready_are_marked_and_counted)
{
        open_all();
        int fds[2];
        ck_assert_int_eq(pipe(fds), 0);
        struct hay_waitable all[4] = {
                { .queue = queue }, { .connection = in }, HAY_WAIT_FD(fds[0]), { .queue = queue }
        };
        put();
        ck_assert_int_eq(hay_wait(all, 4, HAY_FOREVER), 2);
        ck_assert(all[0].ready && !all[1].ready && !all[2].ready && all[3].ready);
        ck_assert_int_eq(hay_connection_send(out, "", 0, HAY_FOREVER), 0);
        ck_assert_int_eq(write(fds[1], "x", 1), 1);
        ck_assert_int_eq(hay_wait(all, 4, HAY_NOWAIT), 4);
        get();
        ck_assert_int_eq(hay_wait(all, 4, HAY_FOREVER), 2);
        ck_assert(!all[0].ready && all[1].ready && all[2].ready && !all[3].ready);
        close(fds[0]);
        close(fds[1]);
        close_all();
}

TEST(closed_ends_are_ready)
{
        open_all();
        int fds[2];
        ck_assert_int_eq(pipe(fds), 0);
        struct hay_waitable all[3] = { { .queue = queue },
                                       { .connection = in },
                                       HAY_WAIT_FD(fds[0]) };
        out = hay_connection_close(out);
        ck_assert_int_eq(hay_wait(all, 3, HAY_FOREVER), 1);
        ck_assert(all[1].ready);
        ck_assert_int_eq(hay_queue_close(queue), 0);
        ck_assert_int_eq(hay_wait(all, 3, HAY_FOREVER), 2);
        ck_assert(all[0].ready);
        close(fds[1]);
        ck_assert_int_eq(hay_wait(all, 3, HAY_FOREVER), 3);
        close(fds[0]);
        close_all();
}

static int return_3(void *arg)
{
        (void)arg;
        kit_sleep_ms(30);
        return 3;
}

TEST(a_process_is_ready_when_it_has_ended_and_after_its_join)
{
        open_all();
        hay_process *process;
        ck_assert_int_eq(hay_process_start(&process, return_3, NULL, NULL), 0);
        struct hay_waitable both[2] = { { .process = process }, { .queue = queue } };
        ck_assert_int_eq(hay_wait(both, 2, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(hay_wait(both, 2, HAY_FOREVER), 1);
        ck_assert(both[0].ready && !both[1].ready);
        struct hay_exit end;
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &end), 0);
        ck_assert_int_eq(end.code, 3);
        ck_assert_int_eq(hay_wait(both, 2, HAY_FOREVER), 1);
        ck_assert(both[0].ready);
        ck_assert_int_eq(hay_process_close(process), 0);
        close_all();
}

static int wait_for_foreign_process(void *arg)
{
        struct hay_waitable one = { .process = arg };
        return hay_wait(&one, 1, HAY_NOWAIT) == -ECHILD ? 0 : 1;
}

TEST(a_process_of_another_parent_is_refused)
{
        hay_process *process;
        ck_assert_int_eq(hay_process_start(&process, return_3, NULL, NULL), 0);
        ck_assert_int_eq(kit_wait(kit_fork(wait_for_foreign_process, process)), 0);
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, NULL), 0);
        ck_assert_int_eq(hay_process_close(process), 0);
}

static int put_later(void *arg)
{
        kit_sleep_ms(20);
        if (arg)
                hay_queue_close(queue);
        else
                put();
        return 0;
}

TEST(a_put_and_a_close_wake_the_waiter_at_once)
{
        open_all();
        struct hay_waitable one = { .queue = queue };
        int quick = 0;
        for (int i = 0; i < 10; i++) {
                hay_time start = hay_now();
                pid_t child = kit_fork(put_later, NULL);
                ck_assert_int_eq(hay_wait(&one, 1, HAY_FOREVER), 1);
                quick += hay_now() - start < 150 * 1000000;
                get();
                ck_assert_int_eq(kit_wait(child), 0);
        }
        /* Without the bell each would have taken a slice of 250 ms. */
        ck_assert_int_ge(quick, 5);
        pid_t child = kit_fork(put_later, queue);
        ck_assert_int_eq(hay_wait(&one, 1, HAY_FOREVER), 1);
        ck_assert_int_eq(kit_wait(child), 0);
        close_all();
}

static int put_without_a_bell(void *arg)
{
        hf_fd_close(hf_region_bell());
        return put_later(arg);
}

TEST(a_ring_that_is_lost_costs_a_slice)
{
        open_all();
        struct hay_waitable one = { .queue = queue };
        pid_t child = kit_fork(put_without_a_bell, NULL);
        hay_time start = hay_now();
        ck_assert_int_eq(hay_wait(&one, 1, HAY_FOREVER), 1);
        ck_assert_int_lt(hay_now() - start, 1000 * 1000000);
        ck_assert_int_eq(kit_wait(child), 0);
        close_all();
}

static int wait_without_a_bell(void *arg)
{
        struct hay_waitable one = { .queue = queue };
        hf_fd_close(hf_region_bell());
        (void)arg;
        return hay_wait(&one, 1, hay_in_ms(5000)) == 1 ? 0 : 1;
}

TEST(a_waiter_that_closed_the_bell_still_learns_of_a_put)
{
        open_all();
        pid_t child = kit_fork(wait_without_a_bell, NULL);
        kit_sleep_ms(20);
        put();
        ck_assert_int_eq(kit_wait(child), 0);
        close_all();
}

static int wait_for_queue(void *arg)
{
        struct hay_waitable both[2] = { { .connection = in }, { .queue = queue } };
        (void)arg;
        return hay_wait(both, 2, hay_in_ms(10000)) == 1 && both[1].ready ? 0 : 1;
}

TEST(one_put_wakes_every_waiter)
{
        open_all();
        pid_t children[5];
        for (int i = 0; i < 5; i++)
                children[i] = kit_fork(wait_for_queue, NULL);
        kit_sleep_ms(20);
        put();
        for (int i = 0; i < 5; i++)
                ck_assert_int_eq(kit_wait(children[i]), 0);
        close_all();
}

static int put_and_die(void *arg)
{
        (void)arg;
        put();
        kill(getpid(), SIGKILL);
        return 0;
}

TEST(a_killed_waiter_takes_no_wake_up_along)
{
        open_all();
        for (int i = 0; i < 10; i++) {
                pid_t victim = kit_fork(wait_for_queue, NULL);
                pid_t waiter = kit_fork(wait_for_queue, NULL);
                kit_sleep_ms(i);
                ck_assert_int_eq(kill(victim, SIGKILL), 0);
                pid_t putter = kit_fork(put_and_die, NULL);
                ck_assert_int_eq(kit_wait(waiter), 0);
                ck_assert_int_eq(kit_wait(victim), -SIGKILL);
                ck_assert_int_eq(kit_wait(putter), -SIGKILL);
                get();
        }
        close_all();
}

TEST(a_thousand_things_are_waited_for)
{
        enum { COUNT = 1000 };
        open_all();
        static hay_queue *queues[COUNT];
        static struct hay_waitable all[COUNT + 1];
        memset(all, 0, sizeof(all));
        for (int i = 0; i < COUNT; i++) {
                ck_assert_int_eq(hay_queue_new(&queues[i], NULL), 0);
                all[i].queue = queues[i];
        }
        all[COUNT].connection = in;
        struct rlimit old, tight;
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
        tight = (struct rlimit){ 64, old.rlim_max };
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
        ck_assert_int_eq(hay_wait(all, COUNT + 1, hay_in_ms(10)), -ETIMEDOUT);
        ck_assert_int_eq(hay_queue_put(queues[777], "x", 1, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_wait(all, COUNT + 1, HAY_FOREVER), 1);
        ck_assert(all[777].ready && !all[776].ready);
        setrlimit(RLIMIT_NOFILE, &old);
        for (int i = 0; i < COUNT; i++)
                hay_queue_free(queues[i]);
        close_all();
}

TEST(out_of_fds_is_said_and_only_when_it_must_sleep_for_a_queue)
{
        open_all();
        struct hay_waitable both[2] = { { .queue = queue }, { .connection = in } };
        struct rlimit old, tight;
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
        int probe = dup(0);
        close(probe);
        tight = (struct rlimit){ (rlim_t)probe, old.rlim_max };
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
        int slept = hay_wait(both, 2, hay_in_ms(10));
        int looked = hay_wait(both, 2, HAY_NOWAIT);
        int connection_only = hay_wait(&both[1], 1, hay_in_ms(10));
        setrlimit(RLIMIT_NOFILE, &old);
        ck_assert_int_eq(slept, -EMFILE);
        ck_assert_int_eq(looked, -ETIMEDOUT);
        ck_assert_int_eq(connection_only, -ETIMEDOUT);
        close_all();
}

static void ignore(int number)
{
        (void)number;
}

static int signal_parent_then_put(void *arg)
{
        (void)arg;
        for (int i = 0; i < 10; i++) {
                kit_sleep_ms(5);
                kill(getppid(), SIGUSR1);
        }
        put();
        return 0;
}

TEST(signals_do_not_end_a_wait)
{
        open_all();
        struct sigaction action = { .sa_handler = ignore };
        ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
        struct hay_waitable both[2] = { { .queue = queue }, { .connection = in } };
        pid_t child = kit_fork(signal_parent_then_put, NULL);
        ck_assert_int_eq(hay_wait(both, 2, HAY_FOREVER), 1);
        ck_assert(both[0].ready);
        ck_assert_int_eq(kit_wait(child), 0);
        close_all();
}

static void *wait_in_thread(void *arg)
{
        struct hay_waitable one = { .queue = arg };
        ck_assert_int_eq(hay_wait(&one, 1, HAY_FOREVER), 1);
        return NULL;
}

static int count_fds(void *arg)
{
        return kit_fds() == *(int *)arg ? 0 : 1;
}

TEST(a_fork_in_the_middle_of_a_wait_keeps_no_fd_of_it)
{
        open_all();
        int before = kit_fds();
        pthread_t waiter;
        ck_assert_int_eq(pthread_create(&waiter, NULL, wait_in_thread, queue), 0);
        kit_sleep_ms(30);
        ck_assert_int_eq(kit_fds(), before + 1);
        ck_assert_int_eq(kit_wait(kit_fork(count_fds, &before)), 0);
        put();
        pthread_join(waiter, NULL);
        close_all();
}

KIT_MAIN
