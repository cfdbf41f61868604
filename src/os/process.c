#include "os/process.h"

#include "os/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
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

struct stat_line {
        char state;
        uint64_t threads;
        uint64_t start_time;
};

/* The second field is a name in parentheses that may hold anything, also parentheses; the state is
 * the third, the number of threads the 20th, the start time the 22nd. */
static bool parse_stat(const char *text, struct stat_line *ret_line)
{
        uint64_t fields[23] = { 0 };
        const char *at = strrchr(text, ')');
        if (!at || at[1] != ' ')
                return false;
        ret_line->state = at[2];
        at++;
        for (int field = 3; at && field < 23; field++) {
                for (at++; *at >= '0' && *at <= '9'; at++)
                        fields[field] = fields[field] * 10 + (uint64_t)(*at - '0');
                at = strchr(at, ' ');
        }
        ret_line->threads = fields[20];
        ret_line->start_time = fields[22];
        return true;
}

/* False: it can't be read. errno is changed. */
static bool read_stat(pid_t pid, struct stat_line *ret_line)
{
        char path[32];
        char text[1024];
        stat_path(pid, path);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        ssize_t n;
        do
                n = read(fd, text, sizeof(text) - 1);
        while (n < 0 && errno == EINTR);
        close(fd);
        text[n < 0 ? 0 : n] = '\0';
        return parse_stat(text, ret_line);
}

uint64_t hf_process_start_time(pid_t pid)
{
        int saved = errno;
        struct stat_line line;
        bool known = read_stat(pid, &line);
        errno = saved;
        return known ? line.start_time : 0;
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

/* 0 or 1; -1: there is no pidfd to ask. */
static int has_ended_by_pidfd(pid_t pid)
{
        int fd = hf_pidfd_open(pid);
        if (fd == -ESRCH || fd == -EINVAL)
                return 1;
        if (fd < 0)
                return -1;
        int ended = hf_fd_readable(fd);
        close(fd);
        return ended;
}

/* Out of fds, or of a seccomp filter's grace, or on a kernel without pidfds. A pid that is nobody's
 * is told without an fd; a zombie, whose first thread may have ended before the others, by /proc. */
static bool has_ended_by_pid(pid_t pid, const struct stat_line *line)
{
        if (kill(pid, 0) < 0 && errno == ESRCH)
                return true;
        return line && line->state == 'Z' && line->threads <= 1;
}

bool hf_process_runs(pid_t pid, uint64_t start_time, uint64_t mask)
{
        int saved = errno;
        struct stat_line line;
        int ended = has_ended_by_pidfd(pid);
        if (ended <= 0 && (ended < 0 || start_time)) {
                bool known = read_stat(pid, &line);
                if (ended < 0)
                        ended = has_ended_by_pid(pid, known ? &line : NULL);
                /* Another one by now has the pid. */
                if (known && start_time && line.start_time)
                        ended |= ((line.start_time ^ start_time) & mask) != 0;
        }
        errno = saved;
        return !ended;
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
