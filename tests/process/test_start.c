/* Start by fork, and what all start methods have in common. */
#include "kit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

static int give(void *arg)
{
        return *(int *)arg;
}

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

/* Start it by fork, join it, close it. */
static struct hay_exit run(int (*function)(void *arg), void *arg)
{
        hay_process *process;
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_start(&process, function, arg, NULL), 0);
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
        ck_assert_int_eq(hay_process_close(process), 0);
        return exit;
}

TEST(what_the_function_returns_is_the_exit_code)
{
        for (int code = 0; code < 256; code += 51) {
                struct hay_exit exit = run(give, &code);
                ck_assert_int_eq(exit.code, code);
                ck_assert_int_eq(exit.signal, 0);
        }
        int large = 0x1234;
        ck_assert_int_eq(run(give, &large).code, 0x34);
        int negative = -1;
        ck_assert_int_eq(run(give, &negative).code, 255);
}

static int exit_with_7(void *arg)
{
        (void)arg;
        exit(7);
}

static int end_by_signal(void *arg)
{
        raise(*(int *)arg);
        return 0;
}

TEST(a_function_may_call_exit)
{
        ck_assert_int_eq(run(exit_with_7, NULL).code, 7);
}

TEST(a_signal_that_ends_the_child_is_told)
{
        int signals[] = { SIGKILL, SIGTERM, SIGUSR1 };
        for (int i = 0; i < 3; i++) {
                struct hay_exit exit = run(end_by_signal, &signals[i]);
                ck_assert_int_eq(exit.code, -1);
                ck_assert_int_eq(exit.signal, signals[i]);
        }
}

static int change(void *arg)
{
        **(int **)arg = 1;
        return 0;
}

TEST(memory_is_the_childs_own_and_the_region_is_shared)
{
        int own = 0;
        int *pointer = &own;
        run(change, &pointer);
        ck_assert_int_eq(own, 0);
        int *shared = hay_new(int);
        run(change, &shared);
        ck_assert_int_eq(*shared, 1);
        hay_free(shared);
}

struct copied {
        int *gate;
        int value;
};

static int await_gate_and_give(void *arg)
{
        struct copied *copied = arg;
        while (!__atomic_load_n(copied->gate, __ATOMIC_ACQUIRE))
                kit_sleep_ms(1);
        return copied->value;
}

TEST(an_argument_with_a_size_is_copied)
{
        struct copied *copied = hay_new(struct copied);
        copied->gate = hay_new(int);
        copied->value = 5;
        hay_process *process;
        struct hay_process_options options = { .argument_size = sizeof(*copied) };
        ck_assert_int_eq(hay_process_start(&process, await_gate_and_give, copied, &options), 0);
        copied->value = 6;
        int *gate = copied->gate;
        __atomic_store_n(gate, 1, __ATOMIC_RELEASE);
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
        ck_assert_int_eq(exit.code, 5);
        ck_assert_int_eq(hay_process_close(process), 0);
        hay_free(copied);
        hay_free(gate);
}

TEST(bad_input_is_refused_and_nothing_is_started)
{
        hay_process *const untouched = (hay_process *)&(int){ 0 };
        hay_process *process = untouched;
        struct hay_process_options options = { 0 };
        ck_assert_int_eq(hay_process_start(NULL, nothing, NULL, NULL), -EINVAL);
        ck_assert_int_eq(hay_process_start(&process, NULL, NULL, NULL), -EINVAL);
        options.start = (enum hay_start)3;
        ck_assert_int_eq(hay_process_start(&process, nothing, NULL, &options), -EINVAL);
        options.start = (enum hay_start)(-1);
        ck_assert_int_eq(hay_process_start(&process, nothing, NULL, &options), -EINVAL);
        options = (struct hay_process_options){ .argument_size = 1 };
        ck_assert_int_eq(hay_process_start(&process, nothing, NULL, &options), -EINVAL);
        options = (struct hay_process_options){ .argument_size = SIZE_MAX };
        ck_assert_int_eq(hay_process_start(&process, nothing, &options, &options), -ENOMEM);
        int private = 0;
        options = (struct hay_process_options){ .start = HAY_SPAWN };
        ck_assert_int_eq(hay_process_start(&process, nothing, &private, &options), -EINVAL);
        options = (struct hay_process_options){ .start = HAY_FORKSERVER };
        ck_assert_int_eq(hay_process_start(&process, nothing, &private, &options), -EINVAL);
        ck_assert_ptr_eq(process, untouched);
        ck_assert_int_eq(hay_active_children(NULL, 0), 0);
}

TEST(spawn_without_hay_main_is_refused)
{
        hay_process *process;
        struct hay_process_options options = { .start = HAY_SPAWN };
        ck_assert_int_eq(hay_process_start(&process, nothing, NULL, &options), -ENOTSUP);
        options.start = HAY_FORKSERVER;
        ck_assert_int_eq(hay_process_start(&process, nothing, NULL, &options), -ENOTSUP);
}

TEST(options_of_a_newer_library_are_refused_unless_zero)
{
        struct {
                struct hay_process_options known;
                long unknown;
        } options = { .unknown = 0 };
        hay_process *process;
        ck_assert_int_eq(
                hay_process_start_sized(&process, nothing, NULL, &options.known, sizeof(options)),
                0);
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, NULL), 0);
        ck_assert_int_eq(hay_process_close(process), 0);
        options.unknown = 1;
        ck_assert_int_eq(
                hay_process_start_sized(&process, nothing, NULL, &options.known, sizeof(options)),
                -EINVAL);
}

static int start_one(void *arg)
{
        hay_process *process;
        (void)arg;
        return hay_process_start(&process, nothing, NULL, NULL) == -EPERM ? 0 : 1;
}

TEST(a_daemonic_process_may_not_have_children)
{
        hay_process *process;
        struct hay_exit exit;
        struct hay_process_options options = { .daemon = true };
        ck_assert_int_eq(hay_process_start(&process, start_one, NULL, &options), 0);
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
        ck_assert_int_eq(exit.code, 0);
        ck_assert_int_eq(hay_process_close(process), 0);
}

TEST(null_handles_are_refused)
{
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_join(NULL, HAY_NOWAIT, &exit), -EINVAL);
        ck_assert_int_eq(hay_process_is_alive(NULL), -EINVAL);
        ck_assert_int_eq(hay_process_pid(NULL), -EINVAL);
        ck_assert_ptr_null(hay_process_name(NULL));
        ck_assert_int_eq(hay_process_daemon(NULL), -EINVAL);
        ck_assert_int_eq(hay_process_sentinel(NULL), -EINVAL);
        ck_assert_int_eq(hay_process_terminate(NULL), -EINVAL);
        ck_assert_int_eq(hay_process_kill(NULL), -EINVAL);
        ck_assert_int_eq(hay_process_interrupt(NULL), -EINVAL);
        ck_assert_int_eq(hay_process_close(NULL), 0);
}

TEST(terminate_kill_and_interrupt_send_their_signals)
{
        int (*const send[])(hay_process *) = { hay_process_terminate, hay_process_kill,
                                               hay_process_interrupt };
        const int expected[] = { SIGTERM, SIGKILL, SIGINT };
        for (int i = 0; i < 3; i++) {
                hay_process *process;
                struct hay_exit exit = { 0 };
                ck_assert_int_eq(hay_process_start(&process, wait_for_ever, NULL, NULL), 0);
                ck_assert_int_eq(hay_process_close(process), -EBUSY);
                ck_assert_int_eq(send[i](process), 0);
                ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
                ck_assert_int_eq(exit.signal, expected[i]);
                ck_assert_int_eq(send[i](process), 0);
                ck_assert_int_eq(hay_process_close(process), 0);
        }
}

TEST(signals_to_a_child_that_just_ended_are_no_error)
{
        for (int i = 0; i < 50; i++) {
                hay_process *process;
                ck_assert_int_eq(hay_process_start(&process, nothing, NULL, NULL), 0);
                ck_assert_int_eq(hay_process_terminate(process), 0);
                kit_sleep_ms(i % 3);
                ck_assert_int_eq(hay_process_kill(process), 0);
                ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, NULL), 0);
                ck_assert_int_eq(hay_process_kill(process), 0);
                ck_assert_int_eq(hay_process_close(process), 0);
        }
}

TEST(a_hundred_starts_leave_nothing_behind)
{
        for (int i = 0; i < 100; i++)
                ck_assert_int_eq(run(nothing, NULL).code, 0);
        struct hay_audit audit;
        ck_assert_int_eq(hay_audit(&audit), 0);
        ck_assert_uint_eq(audit.members, 1);
        ck_assert_uint_eq(audit.dead_members, 0);
}

TEST(a_thousand_children_run_at_once)
{
        enum { COUNT = 1000 };
        static hay_process *processes[COUNT];
        struct rlimit old;
        getrlimit(RLIMIT_NOFILE, &old);
        struct rlimit high = { old.rlim_max, old.rlim_max };
        setrlimit(RLIMIT_NOFILE, &high);
        for (int i = 0; i < COUNT; i++)
                ck_assert_int_eq(hay_process_start(&processes[i], wait_for_ever, NULL, NULL), 0);
        ck_assert_int_eq(hay_active_children(NULL, 0), COUNT);
        for (int i = 0; i < COUNT; i++)
                ck_assert_int_eq(hay_process_kill(processes[i]), 0);
        for (int i = 0; i < COUNT; i++) {
                struct hay_exit exit;
                ck_assert_int_eq(hay_process_join(processes[i], HAY_FOREVER, &exit), 0);
                ck_assert_int_eq(exit.signal, SIGKILL);
                ck_assert_int_eq(hay_process_close(processes[i]), 0);
        }
        setrlimit(RLIMIT_NOFILE, &old);
}

static int use_the_region_and_wait(void *arg)
{
        hay_free(hay_alloc(100, 0));
        __atomic_store_n((int *)arg, 1, __ATOMIC_RELEASE);
        pause();
        return 0;
}

TEST(the_member_slot_of_a_killed_child_is_free_once_it_is_joined)
{
        int *ready = hay_new(int);
        for (int i = 0; i < 20; i++) {
                hay_process *process;
                *ready = 0;
                ck_assert_int_eq(hay_process_start(&process, use_the_region_and_wait, ready, NULL),
                                 0);
                while (!__atomic_load_n(ready, __ATOMIC_ACQUIRE))
                        kit_sleep_ms(1);
                struct hay_audit audit;
                ck_assert_int_eq(hay_audit(&audit), 0);
                ck_assert_uint_eq(audit.members, 2);
                ck_assert_int_eq(hay_process_kill(process), 0);
                ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, NULL), 0);
                ck_assert_int_eq(hay_process_close(process), 0);
                ck_assert_int_eq(hay_audit(&audit), 0);
                ck_assert_uint_eq(audit.members, 1);
                ck_assert_uint_eq(audit.dead_members, 0);
        }
        hay_free(ready);
}

KIT_MAIN
