/* Whether a process runs is told rightly by a pidfd, and where there is none. */
#include "kit.h"
#include "os/fault.h"
#include "os/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

bool hf_fault(const char *call);

static int refused; /* the errno with which pidfds are refused; 0: they are not */

bool hf_fault(const char *call)
{
        if (!refused || strcmp(call, "pidfd_open") != 0)
                return false;
        errno = refused;
        return true;
}

static const int refusals[] = { 0, EMFILE, ENOSYS, EPERM };
#define REFUSALS (sizeof(refusals) / sizeof(*refusals))

static int wait_for_signal(void *arg)
{
        (void)arg;
        pause();
        return 0;
}

static void await_zombie(pid_t pid)
{
        siginfo_t info;
        ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void expect_runs(pid_t pid, bool runs)
{
        for (size_t i = 0; i < REFUSALS; i++) {
                refused = refusals[i];
                errno = 77;
                ck_assert_msg(hf_process_runs(pid, 0, UINT64_MAX) == runs,
                              "pidfds refused by %d: does not say %d", refused, runs);
                ck_assert_int_eq(errno, 77);
        }
        refused = 0;
}

TEST(a_process_runs_until_it_has_ended)
{
        int status;
        pid_t pid = kit_fork(wait_for_signal, NULL);
        expect_runs(pid, true);
        kill(pid, SIGSTOP);
        ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
        expect_runs(pid, true);
        kill(pid, SIGKILL);
        await_zombie(pid);
        expect_runs(pid, false);
        ck_assert_int_eq(kit_wait(pid), -SIGKILL);
        expect_runs(pid, false);
}

static void *stay(void *arg)
{
        (void)arg;
        pause();
        return NULL;
}

static int leave_by_first_thread(void *arg)
{
        pthread_t thread;
        (void)arg;
        if (pthread_create(&thread, NULL, stay, NULL))
                return 1;
        pthread_exit(NULL);
}

/* The state letter, of the first thread. */
static char state_of(pid_t pid)
{
        char path[32];
        char text[256];
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        ck_assert_int_gt((int)n, 0);
        text[n] = '\0';
        return strrchr(text, ')')[2];
}

TEST(a_process_whose_first_thread_has_ended_runs)
{
        pid_t pid = kit_fork(leave_by_first_thread, NULL);
        while (state_of(pid) != 'Z')
                kit_sleep_ms(1);
        expect_runs(pid, true);
        kill(pid, SIGKILL);
        await_zombie(pid);
        expect_runs(pid, false);
        kit_wait(pid);
}

TEST(another_process_with_the_same_pid_is_another)
{
        pid_t pid = kit_fork(wait_for_signal, NULL);
        uint64_t start = hf_process_start_time(pid);
        ck_assert_uint_gt(start, 0);
        for (size_t i = 0; i < REFUSALS; i++) {
                refused = refusals[i];
                ck_assert(hf_process_runs(pid, start, 0x3ff));
                ck_assert(!hf_process_runs(pid, start + 1, 0x3ff));
                ck_assert(hf_process_runs(pid, start + 0x400, 0x3ff));
        }
        refused = 0;
        kill(pid, SIGKILL);
        kit_wait(pid);
}

KIT_MAIN
