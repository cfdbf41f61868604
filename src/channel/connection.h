/* A process's handle of one end of a pipe. See channel/pipe.c for the model. */
#ifndef HF_CHANNEL_CONNECTION_H
#define HF_CHANNEL_CONNECTION_H

#include "os/transient.h"
#include <hayfork/pipe.h>

/* Never changed after it was made: threads share it, forks copy it. */
struct hay_connection {
        int fd;
        bool can_send;
        bool can_recv;
        uint32_t taker;      /* which of the region's taker words guards this end's receivers */
        size_t packet_limit; /* how many bytes of a message its packet holds at most */
};

/* The most that a packet holds of a message: the kernel needs no long runs of free pages for it. */
#define HF_PACKET_LIMIT ((size_t)64 << 10)
/* How many bytes may be under way in each direction, if the system's limits allow. */
#define HF_PIPE_ROOM ((size_t)512 << 10)

/* Put one packet into the pipe, waiting for room: see hf_packet_send(). */
int hf_connection_put(hay_connection *connection, uint64_t size, const void *data, size_t here,
                      int sent_fd, hay_time deadline);

/* A message whose first `here` bytes the packet has brought; the rest comes through rest.fd. */
struct hf_arrival {
        size_t size;
        size_t here;
        struct hf_transient rest;
};

/* Send what is larger than one packet. Errors as hay_connection_send(). */
int hf_large_send(hay_connection *connection, const void *data, size_t size, hay_time deadline);

/* Read the rest of a message behind what has arrived, and close rest. 0; -ECONNABORTED: its sender
 * died or gave up; -ETIMEDOUT: it stalled, and will be sent again. */
int hf_large_receive(struct hf_arrival *arrival, void *data, hay_time deadline);

#endif
