#include "os/packet.h"

#include "base/checked.h"
#include "os/fault.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <string.h>

/* What the kernel takes from a buffer beside the bytes of a packet. */
#define PACKET_OVERHEAD 1024

union fd_note {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
};

static int open_pair(int type, int ret_fds[2])
{
        int saved = errno;
        int fds[2];
        if (HF_OS_CALL("socketpair", socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds)) < 0) {
                int r = errno == ENOBUFS ? -ENOMEM : -errno;
                errno = saved;
                return r;
        }
        ret_fds[0] = fds[0];
        ret_fds[1] = fds[1];
        return 0;
}

int hf_packet_pair(int ret_fds[2])
{
        return open_pair(SOCK_SEQPACKET, ret_fds);
}

int hf_stream_pair(int ret_fds[2])
{
        return open_pair(SOCK_STREAM, ret_fds);
}

size_t hf_packet_room(int fd, size_t wanted)
{
        /* The kernel cuts what is more than net.core.wmem_max, and says nothing. */
        int saved = errno;
        int asked = (int)hf_min(wanted, (size_t)1 << 30);
        int room = 0;
        socklen_t length = sizeof(room);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &asked, sizeof(asked));
        getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &length);
        errno = saved;
        return room > 2 * PACKET_OVERHEAD ? (size_t)room - PACKET_OVERHEAD : PACKET_OVERHEAD;
}

uint64_t hf_packet_cookie(int fd)
{
        int saved = errno;
        uint64_t cookie = 0;
        socklen_t length = sizeof(cookie);
        getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length);
        errno = saved;
        return cookie;
}

/* The errno of a failed send, in our words. A peer that closed with messages unread leaves
 * ECONNRESET for the first call after. */
static int send_error(void)
{
        if (errno == ECONNRESET)
                return -EPIPE;
        if (errno == ENOBUFS)
                return -ENOMEM;
        if (errno == ETOOMANYREFS)
                return -EMFILE;
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

int hf_packet_send(int fd, uint64_t word, const void *data, size_t size, int sent_fd, bool wait)
{
        int saved = errno;
        struct iovec parts[2] = {
                { .iov_base = &word, .iov_len = sizeof(word) },
                { .iov_base = (void *)(uintptr_t)data, .iov_len = size },
        };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
        union fd_note note = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
                                         .cmsg_level = SOL_SOCKET,
                                         .cmsg_type = SCM_RIGHTS } };
        if (sent_fd >= 0) {
                memcpy(CMSG_DATA(&note.head), &sent_fd, sizeof(sent_fd));
                message.msg_control = &note;
                message.msg_controllen = sizeof(note);
        }
        int flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);
        ssize_t n;
        do
                n = HF_OS_CALL("sendmsg", sendmsg(fd, &message, flags));
        while (n < 0 && errno == EINTR);
        int r = n < 0 ? send_error() : 0;
        errno = saved;
        return r;
}

/* One packet. The error that a closing peer left (see send_error()) stands before messages that can
 * still be had: it is read away. */
static ssize_t receive(int fd, struct msghdr *message, int peek)
{
        int saved = errno;
        int flags = peek | MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC;
        ssize_t n;
        do
                n = HF_OS_CALL("recvmsg", recvmsg(fd, message, flags));
        while (n < 0 && (errno == EINTR || errno == ECONNRESET));
        if (n < 0)
                n = errno == EWOULDBLOCK ? -EAGAIN : -errno;
        errno = saved;
        return n;
}

ssize_t hf_packet_peek(int fd, uint64_t *ret_word, void *data, size_t capacity, int *ret_fd)
{
        uint64_t word = 0;
        struct iovec parts[2] = {
                { .iov_base = &word, .iov_len = sizeof(word) },
                { .iov_base = data, .iov_len = capacity },
        };
        union fd_note note;
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = capacity ? 2 : 1 };
        if (ret_fd) {
                message.msg_control = &note;
                message.msg_controllen = sizeof(note);
        }
        ssize_t n = receive(fd, &message, MSG_PEEK);
        if (n < 0)
                return n;
        if (ret_fd) {
                if (message.msg_flags & MSG_CTRUNC)
                        return -EMFILE;
                struct cmsghdr *head = CMSG_FIRSTHDR(&message);
                *ret_fd = -1;
                if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
                        memcpy(ret_fd, CMSG_DATA(head), sizeof(*ret_fd));
        }
        *ret_word = word;
        return n;
}

ssize_t hf_packet_take(int fd, uint64_t *ret_word, void *data, size_t capacity)
{
        struct iovec parts[2] = {
                { .iov_base = ret_word, .iov_len = sizeof(*ret_word) },
                { .iov_base = data, .iov_len = capacity },
        };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
        return receive(fd, &message, 0);
}

ssize_t hf_stream_write(int fd, const void *data, size_t size, bool wait)
{
        int saved = errno;
        int flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);
        ssize_t n;
        do
                n = HF_OS_CALL("send", send(fd, data, size, flags));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                n = send_error();
        errno = saved;
        return n;
}

ssize_t hf_stream_read(int fd, void *data, size_t capacity, bool wait)
{
        int saved = errno;
        int flags = wait ? MSG_WAITALL : MSG_DONTWAIT;
        ssize_t n;
        do
                n = HF_OS_CALL("recv", recv(fd, data, capacity, flags));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                n = errno == EWOULDBLOCK ? -EAGAIN : errno == ECONNRESET ? 0 : -errno;
        errno = saved;
        return n;
}

void hf_stream_refuse(int fd)
{
        int saved = errno;
        shutdown(fd, SHUT_RD);
        errno = saved;
}
