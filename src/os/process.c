#include "os/process.h"

#include "os/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* "/proc/PID/stat", written without stdio: this runs between fork and exec too. */
static void stat_path(pid_t pid, char path[static 32])
{
        char digits[12];
        size_t n = 0;
        unsigned rest = (unsigned)pid;
        do
                digits[n++] = (char)('0' + rest % 10);
        while (rest /= 10);
        memcpy(path, "/proc/", 6);
        path += 6;
        while (n)
                *path++ = digits[--n];
        memcpy(path, "/stat", 6);
}

uint64_t hf_process_start_time(pid_t pid)
{
        int saved = errno;
        char path[32];
        char text[1024];
        stat_path(pid, path);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
                errno = saved;
                return 0;
        }
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        errno = saved;
        if (n <= 0)
                return 0;
        text[n] = '\0';
        /* The second field is a name in parentheses that may hold anything, also parentheses; the
         * start time is the 22nd, the 20th after it. */
        const char *at = strrchr(text, ')');
        for (int field = 2; at && field < 22; field++)
                at = strchr(at + 1, ' ');
        if (!at)
                return 0;
        uint64_t ticks = 0;
        for (at++; *at >= '0' && *at <= '9'; at++)
                ticks = ticks * 10 + (uint64_t)(*at - '0');
        return ticks;
}

int hf_pidfd_open(pid_t pid)
{
        int fd = (int)HF_OS_CALL("pidfd_open", syscall(SYS_pidfd_open, pid, 0));
        return fd < 0 ? -errno : fd;
}

bool hf_fd_readable(int fd)
{
        struct pollfd entry = { .fd = fd, .events = POLLIN };
        int saved = errno;
        int r;
        do
                r = poll(&entry, 1, 0);
        while (r < 0 && errno == EINTR);
        errno = saved;
        return r > 0;
}

bool hf_process_runs(pid_t pid, uint64_t start_time, uint64_t mask)
{
        int saved = errno;
        int fd = hf_pidfd_open(pid);
        errno = saved;
        if (fd == -ESRCH || fd == -EINVAL)
                return false;
        if (fd >= 0) {
                bool ended = hf_fd_readable(fd);
                close(fd);
                errno = saved;
                if (ended)
                        return false;
        }
        if (!start_time)
                return true;
        /* Out of fds (or of a seccomp filter's grace): the start time alone must do. */
        uint64_t now = hf_process_start_time(pid);
        return !now || ((now ^ start_time) & mask) == 0;
}

int32_t hf_thread_id(void)
{
        return (int32_t)syscall(SYS_gettid);
}

int hf_at_fork(void (*in_child)(void))
{
        return -pthread_atfork(NULL, NULL, in_child);
}

void *hf_wiped_page(void)
{
        size_t size = (size_t)sysconf(_SC_PAGESIZE);
        void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
                return NULL;
        if (madvise(page, size, MADV_WIPEONFORK) < 0) {
                munmap(page, size);
                return NULL;
        }
        return page;
}
