#include "os/socket.h"

#include "base/checked.h"
#include "os/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int hf_pipe(int ret_fds[2])
{
        return HF_OS_CALL("pipe2", pipe2(ret_fds, O_CLOEXEC)) < 0 ? -errno : 0;
}

int hf_socket_pair(int ret_fds[2])
{
        int r = HF_OS_CALL("socketpair",
                           socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_fds));
        return r < 0 ? -errno : 0;
}

void hf_close_on_exec(int fd)
{
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Poll until the deadline, whatever signals come. > 0, or -ETIMEDOUT. */
static int poll_until(struct pollfd *entries, size_t count, hay_time deadline)
{
        for (;;) {
                struct timespec left = { 0 };
                hay_time span = deadline - hay_now();
                if (deadline > 0 && span > 0)
                        left = (struct timespec){ span / 1000000000, span % 1000000000 };
                int r = ppoll(entries, count, deadline == HAY_FOREVER ? NULL : &left, NULL);
                if (r > 0)
                        return r;
                if (r == 0 && (deadline < 0 || deadline <= hay_now()))
                        return -ETIMEDOUT;
                /* A few fds take no memory of the kernel's for long. */
                if (r < 0 && errno != EINTR && errno != EAGAIN && errno != ENOMEM)
                        return -errno;
        }
}

int hf_wait_readable(const int *fds, size_t count, hay_time deadline)
{
        struct pollfd entries[HF_FDS_MAX];
        int saved = errno;
        for (size_t i = 0; i < count; i++)
                entries[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
        int r = poll_until(entries, count, deadline);
        errno = saved;
        return hf_min(r, 0);
}

/* errno by another name, where the kernel has two. */
static int failure(void)
{
        return errno == ECONNRESET ? -EPIPE : errno == ENOBUFS ? -ENOMEM : -errno;
}

int hf_send_all(int fd, const void *data, size_t size, int watch)
{
        const char *bytes = data;
        while (size) {
                ssize_t n = HF_OS_CALL("send", send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT));
                if (n >= 0) {
                        bytes += n;
                        size -= (size_t)n;
                        continue;
                }
                if (errno != EINTR && errno != EAGAIN)
                        return failure();
                struct pollfd entries[] = { { .fd = fd, .events = POLLOUT },
                                            { .fd = watch, .events = POLLIN } };
                int r = poll_until(entries, 2, HAY_FOREVER);
                if (r < 0)
                        return r;
                if (entries[1].revents)
                        return -EPIPE;
        }
        return 0;
}

int hf_receive_all(int fd, void *data, size_t size, size_t *size_done, int watch, hay_time deadline)
{
        bool watched = false;
        while (*size_done < size) {
                ssize_t n = HF_OS_CALL("recv", recv(fd, (char *)data + *size_done,
                                                    size - *size_done, MSG_DONTWAIT));
                if (n > 0) {
                        *size_done += (size_t)n;
                        continue;
                }
                if (n == 0)
                        return -EPIPE;
                if (errno != EINTR && errno != EAGAIN)
                        return failure();
                /* What was sent before the end has been read by now: one more look was taken. */
                if (watched && errno == EAGAIN)
                        return -EPIPE;
                struct pollfd entries[] = { { .fd = fd, .events = POLLIN },
                                            { .fd = watch, .events = POLLIN } };
                int r = poll_until(entries, 2, deadline);
                if (r < 0)
                        return r;
                watched = entries[1].revents;
        }
        return 0;
}

int hf_peek(int fd, void *ret_data, size_t size)
{
        int saved = errno;
        ssize_t n = recv(fd, ret_data, size, MSG_PEEK | MSG_DONTWAIT);
        bool early = n < 0 && (errno == EAGAIN || errno == EINTR);
        errno = saved;
        return n == (ssize_t)size ? 0 : early ? -ETIMEDOUT : -EPIPE;
}

int hf_send_fds(int fd, const void *data, size_t size, const int *fds, size_t count)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(HF_FDS_MAX * sizeof(int))];
        } control;
        struct iovec part = { (void *)(uintptr_t)data, size };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
        if (count) {
                memset(&control, 0, sizeof(control));
                control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(count * sizeof(int)),
                                                   .cmsg_level = SOL_SOCKET,
                                                   .cmsg_type = SCM_RIGHTS };
                memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        }
        ssize_t n;
        do
                n = HF_OS_CALL("sendmsg", sendmsg(fd, &message, MSG_NOSIGNAL));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return failure();
        return (size_t)n < size ? -EPIPE : 0;
}

/* The fds of a message, however they are spread over its control parts. */
static size_t take_fds(struct msghdr *message, int fds[HF_FDS_MAX])
{
        size_t count = 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                n = hf_min(n, HF_FDS_MAX - count);
                memcpy(fds + count, CMSG_DATA(c), n * sizeof(int));
                count += n;
        }
        return count;
}

int hf_receive_fds(int fd, void *data, size_t size, int ret_fds[HF_FDS_MAX], size_t *ret_count)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(HF_FDS_MAX * sizeof(int))];
        } control;
        struct iovec part = { data, size };
        struct msghdr message = { .msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof(control) };
        ssize_t n;
        do
                n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return failure();
        *ret_count = take_fds(&message, ret_fds);
        if (message.msg_flags & MSG_CTRUNC)
                return -EMFILE;
        return (size_t)n < size ? -EPIPE : 0;
}
