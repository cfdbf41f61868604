/* Sending and receiving through one end of a pipe. The model is that of pipe.c. */
#include "channel/connection.h"

#include "base/checked.h"
#include "member/guard.h"
#include "member/park.h"
#include "os/packet.h"
#include "os/poll.h"
#include "region/root.h"

#include <errno.h>

/* A packet is this word, the message's size, and bytes of it. */
#define HEAD sizeof(uint64_t)
/* How long to wait for another receiver of this end, which is between two calls that don't wait, or
 * was stopped there. */
#define TAKER_GRACE_MS 100

int hf_connection_put(hay_connection *connection, uint64_t size, const void *data, size_t here,
                      int sent_fd, hay_time deadline)
{
        for (;;) {
                int r = hf_packet_send(connection->fd, size, data, here, sent_fd,
                                       deadline == HAY_FOREVER);
                if (r != -EAGAIN)
                        return r;
                r = hf_fd_wait(connection->fd, HF_WRITABLE, deadline);
                if (r < 0)
                        return r;
        }
}

int hay_connection_send(hay_connection *connection, const void *data, size_t size,
                        hay_time deadline)
{
        if (!connection || (!data && size))
                return -EINVAL;
        if (!connection->can_send)
                return -EBADF;
        if (size > connection->packet_limit)
                return hf_large_send(connection, data, size, deadline);
        return hf_connection_put(connection, size, data, size, -1, deadline);
}

static int lock_takers(const hay_connection *connection, hay_time deadline)
{
        int r;
        hf_member_id me = hf_self_id(&r);
        if (!me)
                return r;
        struct hf_taker *taker = &hf_region_root()->takers[connection->taker];
        r = hf_word_acquire(&taker->word, &taker->hint, me, HAY_NOWAIT);
        if (r != -ETIMEDOUT)
                return r;
        if (deadline != HAY_FOREVER)
                deadline = hf_max(deadline, hay_in_ms(TAKER_GRACE_MS));
        return hf_word_acquire(&taker->word, &taker->hint, me, deadline);
}

static void unlock_takers(const hay_connection *connection)
{
        hf_word_release(&hf_region_root()->takers[connection->taker].word);
}

/* Take the packet of a large message, and its fd. The fd first: when there is no room for it, the
 * message stays. */
static int take_large(hay_connection *connection, void *ret_data, struct hf_arrival *ret_arrival)
{
        uint64_t size;
        int fd = -1;
        size_t capacity = hf_min(ret_arrival->size, HF_PACKET_LIMIT);
        hf_transient_begin();
        ssize_t n = hf_packet_peek(connection->fd, &size, ret_data, capacity, &fd);
        hf_transient_enter(&ret_arrival->rest, fd);
        hf_transient_end();
        if (n < 0)
                return (int)n;
        n = hf_packet_take(connection->fd, &size, NULL, 0);
        if (n < 0)
                return (int)n;
        return fd < 0 ? -EBADMSG : 0;
}

/* Take the first message if there is one and it fits, as far as its packet holds it. */
static int take(hay_connection *connection, void *ret_data, size_t capacity,
                struct hf_arrival *ret_arrival)
{
        uint64_t size;
        ssize_t n = hf_packet_peek(connection->fd, &size, NULL, 0, NULL);
        if (n < 0)
                return (int)n;
        if (n == 0)
                return -EPIPE;
        if ((size_t)n < HEAD || size < (size_t)n - HEAD || size > SIZE_MAX) {
                hf_packet_take(connection->fd, &size, NULL, 0);
                return -EBADMSG;
        }
        *ret_arrival = (struct hf_arrival){
                .size = (size_t)size,
                .here = (size_t)n - HEAD,
                .rest = { .fd = -1 },
        };
        if (size > capacity)
                return -EMSGSIZE;
        if (ret_arrival->here < ret_arrival->size)
                return take_large(connection, ret_data, ret_arrival);
        n = hf_packet_take(connection->fd, &size, ret_data, capacity);
        return n < 0 ? (int)n : 0;
}

/* Take the first message, waiting for one. */
static int take_next(hay_connection *connection, void *ret_data, size_t capacity,
                     struct hf_arrival *ret_arrival, hay_time deadline)
{
        for (;;) {
                int r = lock_takers(connection, deadline);
                if (r < 0)
                        return r;
                r = take(connection, ret_data, capacity, ret_arrival);
                unlock_takers(connection);
                if (r != -EAGAIN)
                        return r;
                r = hf_fd_wait(connection->fd, HF_READABLE, deadline);
                if (r < 0)
                        return r;
        }
}

int hay_connection_recv(hay_connection *connection, void *ret_data, size_t capacity,
                        size_t *ret_size, hay_time deadline)
{
        if (!connection || (!ret_data && capacity))
                return -EINVAL;
        if (!connection->can_recv)
                return -EBADF;
        struct hf_arrival arrival;
        int r;
        do {
                arrival = (struct hf_arrival){ .rest = { .fd = -1 } };
                r = take_next(connection, ret_data, capacity, &arrival, deadline);
                if (r == 0 && arrival.rest.fd >= 0)
                        r = hf_large_receive(&arrival, ret_data, deadline);
                hf_transient_close(&arrival.rest);
        } while (r == -ECONNABORTED);
        if (ret_size && (r == 0 || r == -EMSGSIZE))
                *ret_size = arrival.size;
        return r;
}

int hay_connection_poll(hay_connection *connection, hay_time deadline)
{
        if (!connection)
                return -EINVAL;
        if (!connection->can_recv)
                return -EBADF;
        int r = hf_fd_wait(connection->fd, HF_READABLE, deadline);
        if (r == -ETIMEDOUT)
                return 0;
        return r < 0 ? r : 1;
}
