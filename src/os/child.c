/* A child is known by its pid, and by a pidfd where the kernel has them. A pid of a child that is
 * not reaped yet can't be another's; but others in this process may reap it, hence the pidfd comes
 * first everywhere. Nothing here waits for "any" child: those of the user are not ours. */
#include "os/child.h"

#include "os/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* <sys/wait.h> has it under another name in some libcs. */
#define ID_OF_PIDFD ((idtype_t)3)

pid_t hf_fork(void)
{
        pid_t pid = HF_OS_CALL("fork", fork());
        return pid < 0 ? -errno : pid;
}

int hf_around_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
        return -pthread_atfork(before, in_parent, in_child);
}

int hf_at_exit(void (*handler)(void))
{
        return HF_OS_CALL("atexit", atexit(handler)) ? -ENOMEM : 0;
}

/* Move the fds to their places. They lie above all places, so that none is overwritten before it
 * was moved. */
static int place_fds(posix_spawn_file_actions_t *actions, const int *fds, size_t count)
{
        int r = 0;
        for (size_t i = 0; i < count && !r; i++)
                r = posix_spawn_file_actions_adddup2(actions, fds[i], HF_FIRST_FD + (int)i);
        if (!r)
                r = posix_spawn_file_actions_addclosefrom_np(actions, HF_FIRST_FD + (int)count);
        return -r;
}

/* By its own path, as long as that still leads to this file: the process then has the program's
 * name in lists of processes, and valgrind lets it pass. Else by the kernel's link to the file. */
static const char *program_path(char path[static PATH_MAX])
{
        static const char link[] = "/proc/self/exe";
        struct stat ours;
        struct stat there;
        ssize_t n = readlink(link, path, PATH_MAX - 1);
        int fd = open(link, O_RDONLY | O_CLOEXEC);
        bool same = false;
        if (n > 0 && fd >= 0) {
                path[n] = '\0';
                same = fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
                       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
        }
        if (fd >= 0)
                close(fd);
        return same ? path : link;
}

int hf_spawn_self(char *const argv[], const int *fds, size_t count, pid_t *ret_pid)
{
        int high[8];
        size_t moved = 0;
        char path[PATH_MAX];
        if (count > sizeof(high) / sizeof(*high))
                return -EINVAL;
        posix_spawn_file_actions_t actions;
        int r = -posix_spawn_file_actions_init(&actions);
        if (r < 0)
                return r;
        for (; moved < count; moved++) {
                high[moved] = HF_OS_CALL(
                        "fcntl", fcntl(fds[moved], F_DUPFD_CLOEXEC, HF_FIRST_FD + (int)count));
                if (high[moved] < 0) {
                        r = -errno;
                        goto close;
                }
        }
        r = place_fds(&actions, high, count);
        if (r < 0)
                goto close;
        /* glibc's posix_spawn shares the memory with the child until it executes. */
        r = hf_fault && hf_fault("posix_spawn")
                    ? errno
                    : posix_spawn(ret_pid, program_path(path), &actions, NULL, argv, environ);
        r = -r;
close:
        while (moved)
                close(high[--moved]);
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

static int wait_for(pid_t pid, int pidfd, int flags, siginfo_t *ret_info)
{
        int r;
        do {
                ret_info->si_pid = 0;
                r = pidfd >= 0 ? waitid(ID_OF_PIDFD, (id_t)pidfd, ret_info, flags)
                               : waitid(P_PID, (id_t)pid, ret_info, flags);
                /* Kernels from before 5.4 can't wait for a pidfd. */
                if (r < 0 && errno == EINVAL && pidfd >= 0)
                        r = waitid(P_PID, (id_t)pid, ret_info, flags);
        } while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

int hf_reap(pid_t pid, int pidfd, struct hf_end *ret_end)
{
        siginfo_t info;
        int saved = errno;
        int r = wait_for(pid, pidfd, WEXITED | WNOHANG, &info);
        errno = saved;
        if (r == 0 && info.si_pid == 0)
                return 0;
        if (r < 0)
                *ret_end = (struct hf_end){ .code = -1 };
        else if (info.si_code == CLD_EXITED)
                *ret_end = (struct hf_end){ .code = info.si_status & 0xff };
        else
                *ret_end = (struct hf_end){ .code = -1, .signal = info.si_status };
        return 1;
}

void hf_reap_wait(pid_t pid, int pidfd)
{
        siginfo_t info;
        int saved = errno;
        wait_for(pid, pidfd, WEXITED, &info);
        errno = saved;
}

int hf_signal(pid_t pid, int pidfd, int signal)
{
        int saved = errno;
        long r = -1;
        errno = ENOSYS;
        if (pidfd >= 0)
                r = syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
        if (r < 0 && errno == ENOSYS)
                r = kill(pid, signal);
        int result = r < 0 && errno != ESRCH ? -errno : 0;
        errno = saved;
        return result;
}
