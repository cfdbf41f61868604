/* Pipes.
 *
 * The model: a pipe is a pair of packet sockets, and the kernel holds all its state. One message is
 * one packet: {its size, its bytes}, so that it is sent and taken whole, whoever is killed when,
 * and any number of processes may share an end. Of a message larger than HF_PACKET_LIMIT the packet
 * holds the first part and an fd: a stream that belongs to this one message, through which its
 * sender sends the rest (large.c). So there is nothing to interleave, nothing to reassemble, no
 * lock for senders, and nothing to mend:
 *
 *   killed                       the kernel closes        and then
 *   sender, before the packet    its end                  nothing was sent
 *   sender, after it             its end                  a small message is received
 *   sender, in the rest          its side of the stream   the receiver drops the message
 *   receiver, before the take    its end                  the packet stays for the others
 *   receiver, in the rest        its side of the stream   the sender sends the message again
 *   all who hold the other end   that end                 a send gets -EPIPE; a recv what is in
 *                                                         the pipe, then end of file
 *
 * A message is sent when all its bytes are in the kernel, and that is when send returns: its sender
 * may exit then. It is taken when its packet was taken and all its bytes have come.
 *
 * A receiver looks at the packet before it takes it, since a message that is too large for its
 * buffer must stay: two calls, of which the look costs a quarter of a whole send and recv. Between
 * them no other receiver of that end may take the packet. That is the one word in the region: its
 * root has a few taker words (hf_word_acquire()), an end has one of them by its socket's number. A
 * word is held for two calls that don't wait; ends that share one don't notice. Its owner's death
 * leaves nothing half done, so who takes it over has nothing to repair:
 *   held, before the take: the packet is there. After it: the packet is gone with its taker.
 *
 * An fd of a large message that a fork copied in the wrong moment would hide a death from the other
 * side: see os/transient.c. */
#include "channel/connection.h"

#include "base/checked.h"
#include "os/packet.h"
#include "os/poll.h"
#include "region/root.h"

#include <errno.h>
#include <stdlib.h>

static hay_connection *connection_new(int fd, bool can_send, bool can_recv)
{
        hay_connection *connection = malloc(sizeof(*connection));
        if (!connection)
                return NULL;
        size_t room = can_send ? hf_packet_room(fd, HF_PIPE_ROOM) : HF_PACKET_LIMIT;
        *connection = (hay_connection){
                .fd = fd,
                .can_send = can_send,
                .can_recv = can_recv,
                .taker = (uint32_t)(hf_packet_cookie(fd) % HF_TAKERS),
                .packet_limit = hf_min(room, HF_PACKET_LIMIT),
        };
        return connection;
}

int hay_pipe_new(bool duplex, hay_connection **ret_first, hay_connection **ret_second)
{
        if (!ret_first || !ret_second)
                return -EINVAL;
        int r = hf_region_ready();
        if (r < 0)
                return r;
        int fds[2];
        r = hf_packet_pair(fds);
        if (r < 0)
                return r;
        hay_connection *first = connection_new(fds[0], duplex, true);
        hay_connection *second = connection_new(fds[1], true, duplex);
        if (!first || !second)
                goto free;
        *ret_first = first;
        *ret_second = second;
        return 0;
free:
        free(first);
        free(second);
        hf_fd_close(fds[0]);
        hf_fd_close(fds[1]);
        return -ENOMEM;
}

hay_connection *hay_connection_close(hay_connection *connection)
{
        if (!connection)
                return NULL;
        hf_fd_close(connection->fd);
        free(connection);
        return NULL;
}

int hay_connection_fd(const hay_connection *connection)
{
        return connection ? connection->fd : -EINVAL;
}
