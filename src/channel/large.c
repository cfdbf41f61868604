/* Messages that are larger than a packet.
 *
 * The sender makes a pair of stream sockets, sends one of them in the message's packet beside the
 * first bytes, and pours the rest into the other. The receiver reads until it has all.
 *
 * The crash table (a deadline that passes is as a death)
 *   sender    it closes: the receiver finds the stream's end too early, drops the message and goes
 *             on to the next.
 *   receiver  the stream closes: the sender, who has not yet poured all, begins again, for the next
 *             receiver. Nothing is lost by a short deadline.
 *
 *   Both at once, the last bytes against giving up: the receiver shuts the stream for writing first
 * and then reads what is still in it. The kernel orders a write and the shutdown: either the last
 * bytes were in, then the receiver finds them and has the message, or the sender's write fails and
 * it begins again. A receiver that dies with all bytes poured takes the message with it, as with a
 * small one.
 *
 *   A receiver gives up only when its deadline is past and nothing has come for a while, since no
 * large message could be received without waiting a little between its pieces. A sender that may
 * not wait succeeds if the stream has room for the rest at once; it pours before it sends the
 * packet.
 *
 *   What is under way of one message is bounded by the stream's room, and the first part that
 * each packet holds bounds how many packets fit into the pipe. */
#include "channel/connection.h"

#include "base/checked.h"
#include "os/packet.h"
#include "os/poll.h"

#include <errno.h>

/* After its deadline a receiver waits so long for each next piece. */
#define STALL_MS 100

struct source {
        const unsigned char *data;
        size_t left;
};

/* Pour until all is in. -EPIPE: the receiver gave up; -ETIMEDOUT. */
static int pour(int fd, struct source *source, hay_time deadline)
{
        while (source->left) {
                ssize_t n =
                        hf_stream_write(fd, source->data, source->left, deadline == HAY_FOREVER);
                if (n == -EAGAIN)
                        n = hf_fd_wait(fd, HF_WRITABLE, deadline);
                if (n < 0)
                        return (int)n;
                source->data += n;
                source->left -= (size_t)n;
        }
        return 0;
}

static int open_stream(struct hf_transient *ret_mine, struct hf_transient *ret_theirs)
{
        int fds[2] = { -1, -1 };
        hf_transient_begin();
        int r = hf_stream_pair(fds);
        hf_transient_enter(ret_mine, fds[0]);
        hf_transient_enter(ret_theirs, fds[1]);
        hf_transient_end();
        if (r < 0)
                return r;
        hf_packet_room(fds[0], HF_PIPE_ROOM);
        return 0;
}

/* Send it once. -ECONNABORTED: a receiver began to take it, and gave up or died. */
static int send_once(hay_connection *connection, const void *data, size_t size, hay_time deadline)
{
        struct hf_transient mine;
        struct hf_transient theirs;
        int r = open_stream(&mine, &theirs);
        if (r < 0)
                return r;
        size_t here = connection->packet_limit;
        struct source source = { (const unsigned char *)data + here, size - here };
        if (deadline < 0)
                r = pour(mine.fd, &source, deadline);
        if (r == 0)
                r = hf_connection_put(connection, size, data, here, theirs.fd, deadline);
        hf_transient_close(&theirs);
        if (r == 0) {
                r = pour(mine.fd, &source, deadline);
                if (r == -EPIPE)
                        r = -ECONNABORTED;
        }
        hf_transient_close(&mine);
        return r;
}

int hf_large_send(hay_connection *connection, const void *data, size_t size, hay_time deadline)
{
        int r;
        do
                r = send_once(connection, data, size, deadline);
        while (r == -ECONNABORTED);
        return r;
}

int hf_large_receive(struct hf_arrival *arrival, void *data, hay_time deadline)
{
        unsigned char *at = (unsigned char *)data + arrival->here;
        size_t left = arrival->size - arrival->here;
        bool has_refused = false;
        while (left) {
                ssize_t n = hf_stream_read(arrival->rest.fd, at, left, deadline == HAY_FOREVER);
                if (n == -EAGAIN) {
                        hay_time until = hf_max(deadline, hay_in_ms(STALL_MS));
                        n = hf_fd_wait(arrival->rest.fd, HF_READABLE, until);
                        if (n == -ETIMEDOUT) {
                                hf_stream_refuse(arrival->rest.fd);
                                has_refused = true;
                        }
                        continue;
                }
                if (n < 0)
                        return (int)n;
                if (n == 0)
                        return has_refused ? -ETIMEDOUT : -ECONNABORTED;
                at += n;
                left -= (size_t)n;
        }
        return 0;
}
