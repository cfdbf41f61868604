/* What another process sends: packets and streams into a pipe, fds beside a message, what a started
 * child is told. An input is a byte that says which, then frames. */
#include "fuzz.h"

#include <hayfork.h>

#include "channel/connection.h"
#include "os/packet.h"
#include "os/socket.h"
#include "process/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned char buffer[1 << 20];
static unsigned char small_buffer[40];

static void must(bool condition)
{
        if (!condition)
                abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc;
        (void)argv;
        must(hay_region_open(&(struct hay_region_options){ .size = 2 << 20 }) == 0);
        return 0;
}

/* So many bytes from the input. */
static size_t take(const uint8_t **data, size_t *left, void *ret_bytes, size_t size)
{
        size_t n = size < *left ? size : *left;
        memcpy(ret_bytes, *data, n);
        *data += n;
        *left -= n;
        return n;
}

static int next_fd(void)
{
        int fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
        must(fd >= 0);
        close(fd);
        return fd;
}

/* An fd to go with a packet: a stream with some bytes in it whose other end is closed, or one that is
 * none. */
static int make_fd(uint8_t kind, const uint8_t **data, size_t *left)
{
        int ends[2];
        unsigned char bytes[64];
        if (kind & 1)
                return eventfd(0, EFD_CLOEXEC);
        must(hf_stream_pair(ends) == 0);
        uint8_t length = 0;
        take(data, left, &length, 1);
        size_t n = take(data, left, bytes, length % sizeof(bytes));
        must(!n || send(ends[0], bytes, n, MSG_NOSIGNAL) == (ssize_t)n);
        close(ends[0]);
        return ends[1];
}

/* A packet: kind, the size that it claims, how many bytes it has, these. */
static void send_packet(int fd, const uint8_t **data, size_t *left)
{
        struct {
                uint8_t kind;
                uint8_t shift;
                uint16_t claimed;
                uint8_t here;
        } head = { 0 };
        unsigned char bytes[256];
        take(data, left, &head.kind, 1);
        take(data, left, &head.shift, 1);
        take(data, left, &head.claimed, 2);
        take(data, left, &head.here, 1);
        size_t here = take(data, left, bytes, head.here);
        uint64_t claimed = (uint64_t)head.claimed << head.shift % 64;
        if (head.kind & 1)
                claimed = here;
        if (head.kind & 2) {
                /* Shorter than a packet's head. */
                send(fd, bytes, here % 8, MSG_DONTWAIT | MSG_NOSIGNAL);
                return;
        }
        int sent = head.kind & 4 ? make_fd(head.kind >> 3, data, left) : -1;
        hf_packet_send(fd, claimed, bytes, here, sent, false);
        if (sent >= 0)
                close(sent);
}

static void receive_packets(const uint8_t *data, size_t left)
{
        hay_connection *in;
        hay_connection *out;
        must(hay_pipe_new(false, &in, &out) == 0);
        for (int i = 0; i < 12 && left; i++)
                send_packet(out->fd, &data, &left);
        out = hay_connection_close(out);
        for (int i = 0; i < 20; i++) {
                bool is_small = i % 3 == 0;
                size_t capacity = is_small ? sizeof(small_buffer) : sizeof(buffer);
                size_t size = 0;
                int r = hay_connection_recv(in, is_small ? small_buffer : buffer, capacity, &size,
                                            HAY_NOWAIT);
                must(r < 0 || size <= capacity);
                if (r == -EPIPE)
                        break;
                if (r == -EMSGSIZE && !is_small) {
                        uint64_t word;
                        hf_packet_take(in->fd, &word, NULL, 0);
                }
        }
        hay_connection_close(in);
}

static void receive_fds(const uint8_t *data, size_t left)
{
        int ends[2];
        int fds[HF_FDS_MAX];
        uint8_t many = 0;
        size_t count = 0;
        struct hf_answer answer;
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(32 * sizeof(int))];
        } control = { 0 };
        take(&data, &left, &many, 1);
        many %= 32;
        struct iovec part = { (void *)(uintptr_t)data, left };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
        must(hf_socket_pair(ends) == 0);
        if (many) {
                control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(many * sizeof(int)),
                                                   .cmsg_level = SOL_SOCKET,
                                                   .cmsg_type = SCM_RIGHTS };
                for (int i = 0; i < many; i++)
                        memcpy(CMSG_DATA(&control.header) + (size_t)i * sizeof(int), &ends[1],
                               sizeof(int));
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(many * sizeof(int));
        }
        sendmsg(ends[0], &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        close(ends[0]);
        hf_receive_fds(ends[1], &answer, sizeof(answer), fds, &count);
        must(count <= HF_FDS_MAX);
        for (size_t i = 0; i < count; i++)
                close(fds[i]);
        close(ends[1]);
}

static void read_message(const uint8_t *data, size_t left)
{
        struct hf_message message;
        hf_function *function;
        memset(&message, 0, sizeof(message));
        message.magic = HF_MESSAGE_MAGIC;
        message.size = sizeof(message);
        uint8_t place = 0;
        take(&data, &left, &place, 1);
        take(&data, &left, (unsigned char *)&message + place * 4u % 128, left > 64 ? 64 : left);
        memcpy(message.place.path, data,
               left < sizeof(message.place.path) ? left : sizeof(message.place.path));
        if (hf_message_check(&message) < 0)
                return;
        must(strlen(message.place.path) < sizeof(message.place.path));
        /* Modules that exist would be loaded, as they should. */
        if (message.place.path[0])
                message.place.path[0] = '?';
        hf_place_find(&message.place, &function);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (!size)
                return 0;
        int before = next_fd();
        switch (*data % 3) {
        case 0:
                receive_packets(data + 1, size - 1);
                break;
        case 1:
                receive_fds(data + 1, size - 1);
                break;
        default:
                read_message(data + 1, size - 1);
        }
        must(next_fd() == before);
        return 0;
}
