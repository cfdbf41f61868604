/* The kernel holds the truth about fds, so a wait for them needs no slices: it sleeps until the
 * deadline, and goes on with the same deadline after a signal. */
#include "os/poll.h"

#include "os/fault.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <errno.h>

#define SECOND 1000000000

/* What is left until a deadline; NULL for ever. */
static const struct timespec *time_left(hay_time deadline, struct timespec *span)
{
        if (deadline == HAY_FOREVER)
                return NULL;
        hay_time left = deadline < 0 ? 0 : deadline - hay_now();
        if (left < 0)
                left = 0;
        *span = (struct timespec){ .tv_sec = left / SECOND, .tv_nsec = left % SECOND };
        return span;
}

int hf_poll(struct pollfd *entries, size_t count, hay_time deadline)
{
        int saved = errno;
        int r;
        do {
                struct timespec span;
                const struct timespec *left = time_left(deadline, &span);
                r = HF_OS_CALL("ppoll", ppoll(entries, count, left, NULL));
        } while (r < 0 && errno == EINTR);
        if (r < 0)
                r = -errno;
        errno = saved;
        return r;
}

int hf_fd_wait(int fd, enum hf_fd_event event, hay_time deadline)
{
        struct pollfd entry = { .fd = fd, .events = event == HF_READABLE ? POLLIN : POLLOUT };
        int r = hf_poll(&entry, 1, deadline);
        if (r < 0)
                return r;
        if (r == 0)
                return -ETIMEDOUT;
        return entry.revents & POLLNVAL ? -EBADF : 0;
}

int hf_ear_open(int bell)
{
        int saved = errno;
        int ear = HF_OS_CALL("epoll_create1", epoll_create1(EPOLL_CLOEXEC));
        /* Edges: each write to the bell is news to each ear, and nobody needs to read it. */
        struct epoll_event event = { .events = EPOLLIN | EPOLLET };
        if (ear >= 0 && epoll_ctl(ear, EPOLL_CTL_ADD, bell, &event) < 0) {
                int r = -errno;
                close(ear);
                errno = saved;
                return r;
        }
        int r = ear < 0 ? -errno : ear;
        errno = saved;
        return r;
}

void hf_ear_clear(int ear)
{
        int saved = errno;
        struct epoll_event event;
        if (ear >= 0)
                epoll_wait(ear, &event, 1, 0);
        errno = saved;
}

void hf_fd_close(int fd)
{
        int saved = errno;
        if (fd >= 0)
                close(fd);
        errno = saved;
}
