/* Each kernel call of a start fails once; and a system without pidfds. */
#include "kit.h"
#include "os/fault.h"
#include "process/forkserver.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

bool hf_fault(const char *call);

static pid_t armed; /* the process whose calls are counted; 0: none */
static int countdown;
static const char *only; /* NULL: any call */
static int error;

bool hf_fault(const char *call)
{
        if (getenv("TEST_WITHOUT_PIDFD") && strcmp(call, "pidfd_open") == 0) {
                errno = ENOSYS;
                return true;
        }
        if (getenv("TEST_WITHOUT_LIFELINE") && strcmp(call, "F_SETSIG") == 0) {
                errno = EINVAL;
                return true;
        }
        /* The n-th fork in a line of processes: the first is the server's birth. */
        static int forks;
        const char *nth = getenv("TEST_FAIL_FORK");
        if (nth && strcmp(call, "fork") == 0 && ++forks == atoi(nth)) {
                errno = EAGAIN;
                return true;
        }
        if (armed != getpid() || (only && strcmp(call, only) != 0))
                return false;
        if (countdown > 0 && --countdown > 0)
                return false;
        if (countdown == 0 && !only)
                armed = 0;
        errno = error;
        return true;
}

/* The n-th call fails from now on, once. */
static void arm(int n, int with)
{
        only = NULL;
        countdown = n;
        error = with;
        armed = getpid();
}

/* True when the call was reached. */
static bool disarm(void)
{
        bool reached = armed == 0;
        armed = 0;
        return reached;
}

static int give(void *arg)
{
        return arg ? *(int *)arg : 5;
}

static int wait_for_ever(void *arg)
{
        (void)arg;
        pause();
        return 0;
}

static void check_nothing_is_left(int fds)
{
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
        ck_assert_int_eq(errno, ECHILD);
        ck_assert_int_eq(kit_fds(), fds);
        ck_assert_int_eq(hay_active_children(NULL, 0), 0);
}

static void finish(hay_process *process, int code)
{
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
        ck_assert_int_eq(exit.code, code);
        ck_assert_int_eq(exit.signal, 0);
        ck_assert_int_eq(hay_process_close(process), 0);
}

/* For every n, until there is no n-th call. */
static void fail_each_call(const struct hay_process_options *options, int with)
{
        hay_process *const untouched = (hay_process *)&(int){ 0 };
        int value = 9;
        int failed = 0;
        int fds = kit_fds();
        bool reached = true;
        for (int n = 1; reached; n++) {
                hay_process *process = untouched;
                arm(n, with);
                int r = hay_process_start(&process, give, &value, options);
                reached = disarm();
                ck_assert_int_le(r, 0);
                ck_assert_msg(r == 0 || reached, "call %d: %d", n, r);
                if (r == 0) {
                        finish(process, 9);
                } else {
                        ck_assert_ptr_eq(process, untouched);
                        failed++;
                }
                hf_forkserver_stop();
                check_nothing_is_left(fds);
                ck_assert_int_lt(n, 200);
        }
        ck_assert_int_gt(failed, 0);
}

static void fail_each_call_of(enum hay_start how)
{
        const int errors[] = { EMFILE, EAGAIN, ENOMEM };
        for (int daemon = 0; daemon < 2; daemon++) {
                struct hay_process_options options = { .start = how,
                                                       .daemon = daemon,
                                                       .argument_size = sizeof(int) };
                /* EAGAIN means "wait" to send() and recv(): it fails nothing but forks. */
                for (int i = 0; i < 3; i++)
                        if (how == HAY_FORK || errors[i] != EAGAIN)
                                fail_each_call(&options, errors[i]);
        }
}

TEST(any_call_of_a_fork_may_fail)
{
        struct hay_process_options options = { .argument_size = sizeof(int) };
        hay_process *process;
        int value = 1;
        ck_assert_int_eq(hay_process_start(&process, give, &value, &options), 0);
        finish(process, 1);
        fail_each_call_of(HAY_FORK);
}

TEST(any_call_of_a_spawn_may_fail)
{
        fail_each_call_of(HAY_SPAWN);
}

TEST(any_call_of_a_start_by_forkserver_may_fail)
{
        fail_each_call_of(HAY_FORKSERVER);
}

TEST(a_fork_that_goes_on_failing_is_an_error)
{
        hay_process *process;
        int fds = kit_fds();
        only = "fork";
        countdown = 0;
        error = EAGAIN;
        armed = getpid();
        ck_assert_int_eq(hay_process_start(&process, give, NULL, NULL), -EAGAIN);
        armed = 0;
        check_nothing_is_left(fds);
}

TEST(running_out_of_fds_is_an_error_and_leaves_nothing)
{
        struct rlimit old;
        getrlimit(RLIMIT_NOFILE, &old);
        int fds = kit_fds();
        for (enum hay_start how = HAY_FORK; how <= HAY_FORKSERVER; how++) {
                int refused = 0;
                for (int room = 0; room < 24; room++) {
                        int lowest = dup(0);
                        close(lowest);
                        struct rlimit low = { (rlim_t)(lowest + room), old.rlim_max };
                        struct hay_process_options options = { .start = how, .daemon = true };
                        hay_process *process;
                        setrlimit(RLIMIT_NOFILE, &low);
                        int r = hay_process_start(&process, give, NULL, &options);
                        setrlimit(RLIMIT_NOFILE, &old);
                        if (r == 0) {
                                finish(process, 5);
                        } else {
                                ck_assert_int_eq(r, -EMFILE);
                                refused++;
                        }
                        hf_forkserver_stop();
                        check_nothing_is_left(fds);
                }
                ck_assert_int_gt(refused, 0);
                ck_assert_int_lt(refused, 24);
        }
}

static int close_everything(void *arg)
{
        (void)arg;
        for (int fd = 3; fd < 200; fd++)
                close(fd);
        kit_sleep_ms(100);
        return 5;
}

TEST(without_pidfds_all_works_by_pipes)
{
        setenv("TEST_WITHOUT_PIDFD", "1", 1);
        int fds = kit_fds();
        for (enum hay_start how = HAY_FORK; how <= HAY_FORKSERVER; how++) {
                for (int daemon = 0; daemon < 2; daemon++) {
                        struct hay_process_options options = { .start = how, .daemon = daemon };
                        struct hay_exit exit;
                        hay_process *process;
                        ck_assert_int_eq(hay_process_start(&process, give, NULL, &options), 0);
                        finish(process, 5);
                        ck_assert_int_eq(hay_process_start(&process, wait_for_ever, NULL, &options),
                                         0);
                        struct pollfd entry = { hay_process_sentinel(process), POLLIN, 0 };
                        ck_assert_int_eq(poll(&entry, 1, 20), 0);
                        ck_assert_int_eq(hay_process_join(process, hay_in_ms(20), &exit),
                                         -ETIMEDOUT);
                        ck_assert_int_eq(hay_process_is_alive(process), 1);
                        ck_assert_int_eq(hay_process_terminate(process), 0);
                        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
                        ck_assert_int_eq(exit.signal, SIGTERM);
                        ck_assert_int_eq(poll(&entry, 1, 0), 1);
                        ck_assert_int_eq(hay_process_kill(process), 0);
                        ck_assert_int_eq(hay_process_close(process), 0);
                }
        }
        hf_forkserver_stop();
        check_nothing_is_left(fds);
        unsetenv("TEST_WITHOUT_PIDFD");
}

TEST(without_pidfds_a_child_that_closes_all_fds_is_joined_at_its_end)
{
        setenv("TEST_WITHOUT_PIDFD", "1", 1);
        hay_process *process;
        ck_assert_int_eq(hay_process_start(&process, close_everything, NULL, NULL), 0);
        ck_assert_int_eq(hay_process_join(process, hay_in_ms(50), NULL), -ETIMEDOUT);
        finish(process, 5);
        unsetenv("TEST_WITHOUT_PIDFD");
}

static int tell_pid_and_wait(void *arg)
{
        __atomic_store_n((pid_t *)arg, getpid(), __ATOMIC_RELEASE);
        pause();
        return 0;
}

static int start_daemon_and_wait(void *arg)
{
        hay_process *process;
        struct hay_process_options options = { .daemon = true };
        if (hay_process_start(&process, tell_pid_and_wait, arg, &options) < 0)
                return 1;
        pause();
        return 0;
}

TEST(without_a_lifeline_a_daemon_hangs_on_the_thread_that_started_it)
{
        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        setenv("TEST_WITHOUT_LIFELINE", "1", 1);
        pid_t *daemon = hay_new(pid_t);
        pid_t parent = kit_fork(start_daemon_and_wait, daemon);
        while (!__atomic_load_n(daemon, __ATOMIC_ACQUIRE))
                kit_sleep_ms(1);
        ck_assert_int_eq(kill(parent, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(parent), -SIGKILL);
        ck_assert_int_eq(kit_wait(*daemon), -SIGKILL);
        hay_free(daemon);
        unsetenv("TEST_WITHOUT_LIFELINE");
        prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(a_server_that_cannot_fork_says_so_and_may_fork_later)
{
        int fds = kit_fds();
        struct hay_process_options options = { .start = HAY_FORKSERVER };
        hay_process *process;
        for (int nth = 1; nth <= 3; nth++) {
                char text[8];
                snprintf(text, sizeof(text), "%d", nth);
                setenv("TEST_FAIL_FORK", text, 1);
                for (int i = 1; i <= 4; i++) {
                        int r = hay_process_start(&process, give, NULL, &options);
                        /* The first of all fails again and again, since each is a new server's. */
                        bool fails = nth == 1 || i == nth - 1;
                        ck_assert_int_eq(r, fails ? -EAGAIN : 0);
                        if (r == 0)
                                finish(process, 5);
                }
                unsetenv("TEST_FAIL_FORK");
                hf_forkserver_stop();
        }
        check_nothing_is_left(fds);
}

static int die(void *arg)
{
        (void)arg;
        raise(SIGKILL);
        return 0;
}

/* Runs before main(): a fresh process that dies before it can answer. */
__attribute__((constructor)) static void die_early(void)
{
        if (getenv("TEST_DIE_EARLY"))
                die(NULL);
}

TEST(a_fresh_process_that_dies_before_it_begins_is_an_error)
{
        int fds = kit_fds();
        char big[300000] = "";
        setenv("TEST_DIE_EARLY", "1", 1);
        for (enum hay_start how = HAY_SPAWN; how <= HAY_FORKSERVER; how++) {
                struct hay_process_options options = { .start = how };
                hay_process *process;
                ck_assert_int_eq(hay_process_start(&process, give, NULL, &options), -ECHILD);
                options.argument_size = sizeof(big);
                ck_assert_int_eq(hay_process_start(&process, give, big, &options), -ECHILD);
        }
        unsetenv("TEST_DIE_EARLY");
        check_nothing_is_left(fds);
}

/* Runs before main(): a fresh process that has a region of its own already. */
__attribute__((constructor)) static void use_early(void)
{
        if (getenv("TEST_USE_EARLY"))
                hay_free(hay_alloc(1, 0));
}

TEST(a_fresh_process_that_has_a_region_already_is_an_error)
{
        int fds = kit_fds();
        setenv("TEST_USE_EARLY", "1", 1);
        for (enum hay_start how = HAY_SPAWN; how <= HAY_FORKSERVER; how++) {
                struct hay_process_options options = { .start = how };
                hay_process *process;
                ck_assert_int_eq(hay_process_start(&process, give, NULL, &options), -EALREADY);
        }
        unsetenv("TEST_USE_EARLY");
        check_nothing_is_left(fds);
}

int main(int argc, char **argv)
{
        hay_main(argc, argv);
        return kit_main(argc, argv, __FILE__);
}
