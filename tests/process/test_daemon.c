/* Daemonic children end with their parent, however it ends, and not before. */
#include "kit.h"
#include "os/process.h"
#include "process/forkserver.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct family {
        pid_t daemon;
        pid_t brother;
        int ready; /* the parent has done all, and waits to be killed */
        enum hay_start how;
        bool by_thread;
        bool with_brother;
};

/* Also with all signals blocked, and in the middle of a sleep. */
static int live_on(void *arg)
{
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        __atomic_store_n((pid_t *)arg, getpid(), __ATOMIC_RELEASE);
        kit_sleep_ms(60000);
        return 0;
}

static void await(const int *word)
{
        while (!__atomic_load_n(word, __ATOMIC_ACQUIRE))
                kit_sleep_ms(1);
}

static void *start_daemon(void *arg)
{
        struct family *family = arg;
        hay_process *process;
        struct hay_process_options options = { .daemon = true, .start = family->how };
        if (hay_process_start(&process, live_on, &family->daemon, &options) == 0)
                await(&family->daemon);
        return NULL;
}

static int be_parent(void *arg)
{
        struct family *family = arg;
        hay_process *process;
        pthread_t thread;
        struct hay_process_options options = { .daemon = false };
        if (family->by_thread) {
                pthread_create(&thread, NULL, start_daemon, family);
                pthread_join(thread, NULL);
        } else {
                start_daemon(family);
        }
        if (family->with_brother) {
                if (hay_process_start(&process, live_on, &family->brother, &options) < 0)
                        return 1;
                await(&family->brother);
        }
        __atomic_store_n(&family->ready, 1, __ATOMIC_RELEASE);
        pause();
        return 0;
}

static bool ends_soon(pid_t pid, uint64_t start_time)
{
        hay_time end = hay_in_ms(10000);
        while (hf_process_runs(pid, start_time, UINT64_MAX) && hay_now() < end)
                kit_sleep_ms(1);
        return hay_now() < end;
}

/* Wait for all that was orphaned to us. */
static void reap_orphans(void)
{
        while (wait(NULL) > 0 || errno == EINTR)
                continue;
}

static void kill_the_parent(struct family what, bool brother_lives)
{
        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        struct family *family = hay_new(struct family);
        *family = what;
        pid_t parent = kit_fork(be_parent, family);
        await(&family->ready);
        uint64_t start_time = hf_process_start_time(family->daemon);
        /* It does not die because the thread that started it has ended. */
        kit_sleep_ms(50);
        ck_assert(hf_process_runs(family->daemon, start_time, UINT64_MAX));
        ck_assert_int_eq(kill(parent, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(parent), -SIGKILL);
        ck_assert_msg(ends_soon(family->daemon, start_time), "the daemon lives");
        if (brother_lives) {
                ck_assert_int_eq(waitpid(family->brother, NULL, WNOHANG), 0);
                ck_assert_int_eq(kill(family->brother, SIGKILL), 0);
        }
        reap_orphans();
        hay_free(family);
        prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(a_forked_daemon_dies_when_its_parent_is_killed)
{
        kill_the_parent((struct family){ .how = HAY_FORK }, false);
}

TEST(a_daemon_that_a_thread_started_outlives_the_thread_and_not_the_process)
{
        kill_the_parent((struct family){ .how = HAY_FORK, .by_thread = true }, false);
        kill_the_parent((struct family){ .how = HAY_SPAWN, .by_thread = true }, false);
        kill_the_parent((struct family){ .how = HAY_FORKSERVER, .by_thread = true }, false);
}

TEST(a_spawned_daemon_dies_when_its_parent_is_killed)
{
        kill_the_parent((struct family){ .how = HAY_SPAWN }, false);
}

TEST(a_daemon_of_the_forkserver_dies_when_its_parent_is_killed)
{
        kill_the_parent((struct family){ .how = HAY_FORKSERVER }, false);
}

TEST(a_daemon_dies_though_its_brother_lives_on)
{
        kill_the_parent((struct family){ .how = HAY_FORK, .with_brother = true }, true);
}

static int fork_brother_and_pause(void *arg)
{
        struct family *family = arg;
        start_daemon(family);
        family->brother = kit_fork(live_on, &family->brother);
        __atomic_store_n(&family->ready, 1, __ATOMIC_RELEASE);
        pause();
        return 0;
}

TEST(a_daemon_dies_though_a_fork_of_the_users_lives_on)
{
        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        struct family *family = hay_new(struct family);
        pid_t parent = kit_fork(fork_brother_and_pause, family);
        await(&family->ready);
        ck_assert_int_eq(kill(parent, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(parent), -SIGKILL);
        int status;
        ck_assert_int_eq(waitpid(family->daemon, &status, 0), family->daemon);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        ck_assert_int_eq(waitpid(family->brother, NULL, WNOHANG), 0);
        ck_assert_int_eq(kill(family->brother, SIGKILL), 0);
        reap_orphans();
        hay_free(family);
        prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static int leave_at_once(void *arg)
{
        start_daemon(arg);
        _exit(5);
}

static int execute(void *arg)
{
        start_daemon(arg);
        execl("/bin/sleep", "sleep", "0.05", (char *)NULL);
        return 1;
}

TEST(a_daemon_dies_when_its_parent_leaves_without_exit_handlers_or_executes)
{
        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        int (*const bodies[])(void *) = { leave_at_once, execute };
        for (int i = 0; i < 2; i++) {
                struct family *family = hay_new(struct family);
                ck_assert_int_eq(kit_wait(kit_fork(bodies[i], family)), i ? 0 : 5);
                int status;
                ck_assert_int_eq(waitpid(family->daemon, &status, 0), family->daemon);
                ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
                hay_free(family);
        }
        prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static int nothing(void *arg)
{
        (void)arg;
        return 0;
}

struct storm {
        int count;
        enum hay_start how;
        pid_t pid; /* of some daemon: not looked at */
};

static int start_daemons_for_ever(void *arg)
{
        struct storm *storm = arg;
        for (;;) {
                hay_process *process;
                struct hay_process_options options = { .daemon = true, .start = storm->how };
                int count = __atomic_add_fetch(&storm->count, 1, __ATOMIC_RELEASE);
                if (hay_process_start(&process, count % 2 ? nothing : live_on, &storm->pid,
                                      &options) < 0)
                        return 1;
        }
}

/* All processes that are orphaned to us end within 10 s. */
static bool all_end(void)
{
        hay_time end = hay_in_ms(10000);
        while (hay_now() < end) {
                pid_t pid = waitpid(-1, NULL, WNOHANG);
                if (pid < 0 && errno == ECHILD)
                        return true;
                if (!pid)
                        kit_sleep_ms(1);
        }
        return false;
}

static void kill_somewhere(enum hay_start how, int rounds, long longest_ns)
{
        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        srandom((unsigned)kit_seed());
        for (int i = 0; i < rounds; i++) {
                struct storm *storm = hay_new(struct storm);
                storm->how = how;
                pid_t parent = kit_fork(start_daemons_for_ever, storm);
                await(&storm->count);
                struct timespec pause = { 0, random() % longest_ns };
                nanosleep(&pause, NULL);
                ck_assert_int_eq(kill(parent, SIGKILL), 0);
                ck_assert_msg(all_end(), "a process is left, round %d", i);
                hay_free(storm);
        }
        prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(nobody_is_left_wherever_in_a_start_by_fork_the_parent_is_killed)
{
        kill_somewhere(HAY_FORK, 40, 4000000);
}

TEST(nobody_is_left_wherever_in_a_start_by_spawn_the_parent_is_killed)
{
        kill_somewhere(HAY_SPAWN, 40, 8000000);
}

TEST(nobody_is_left_wherever_in_a_start_by_forkserver_the_parent_is_killed)
{
        kill_somewhere(HAY_FORKSERVER, 40, 12000000);
}

/* Kill children of `parent`, and theirs, at random; exits when told. */
static void kill_children(pid_t parent, int depth)
{
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
        FILE *file = fopen(path, "re");
        int pid;
        while (file && fscanf(file, "%d", &pid) == 1) {
                if (pid == getpid())
                        continue;
                if (depth)
                        kill_children(pid, depth - 1);
                if (random() % 4 == 0)
                        kill(pid, SIGKILL);
        }
        if (file)
                fclose(file);
}

static int kill_siblings(void *arg)
{
        srandom((unsigned)hay_now());
        while (!__atomic_load_n((int *)arg, __ATOMIC_ACQUIRE)) {
                kill_children(getppid(), 1);
                struct timespec pause = { 0, random() % 1000000 };
                nanosleep(&pause, NULL);
        }
        return 0;
}

/* The server becomes a child of this process here, and is killed too. */
TEST(children_killed_anywhere_in_their_start_cost_an_error_at_most)
{
        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        int *stop = hay_new(int);
        pid_t killer = kit_fork(kill_siblings, stop);
        int failed = 0;
        for (int i = 0; i < 300; i++) {
                struct hay_process_options options = { .start = (enum hay_start)(i % 3) };
                hay_process *process;
                struct hay_exit exit;
                int r = hay_process_start(&process, nothing, NULL, &options);
                ck_assert_msg(r == 0 || r == -ECHILD, "start: %d", r);
                failed += r < 0;
                if (r < 0)
                        continue;
                ck_assert_int_eq(hay_process_join(process, hay_in_ms(20000), &exit), 0);
                ck_assert(exit.code == 0 || exit.code == -1);
                ck_assert_int_eq(hay_process_close(process), 0);
        }
        printf("%d of 300 starts failed\n", failed);
        __atomic_store_n(stop, 1, __ATOMIC_RELEASE);
        ck_assert_int_eq(kit_wait(killer), 0);
        hf_forkserver_stop();
        ck_assert(all_end());
        hay_free(stop);
        prctl(PR_SET_CHILD_SUBREAPER, 0);
}

int main(int argc, char **argv)
{
        hay_main(argc, argv);
        return kit_main(argc, argv, __FILE__);
}
