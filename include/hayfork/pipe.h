/* Pipe: two connected ends; messages of any size, whole or not at all. An end belongs to the
 * processes that hold it: close the one you don't use after a fork, or end of file never comes. */
#ifndef HAYFORK_PIPE_H
#define HAYFORK_PIPE_H

#include <hayfork/time.h>

HAY_BEGIN

typedef struct hay_connection hay_connection;

/* One-way: *ret_first only receives, *ret_second only sends. Duplex: both do both. The fds are
 * close-on-exec. -EINVAL: NULL; -EMFILE, -ENFILE, -ENOMEM.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_pipe_new(bool duplex, hay_connection **ret_first, hay_connection **ret_second);

/* Close this process's end and free the handle. NULL is fine. Returns NULL.
 * Safety: threads one · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API hay_connection *hay_connection_close(hay_connection *connection);

/* Send a message. -EPIPE: the other side closed or died; -EBADF: this end only receives;
 * -ETIMEDOUT: not wholly sent by the deadline, the other side drops what came of it; -EMFILE,
 * -ENFILE (messages over 64 KiB have an fd of their own while they are sent and received), -ENOMEM:
 * not sent. A message that the pipe has no room for at once waits for a receiver.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_connection_send(hay_connection *connection, const void *data, size_t size,
                                hay_time deadline);

/* Receive one. -EMSGSIZE: the buffer is too small, ret_size tells the needed size and the message
 * stays; -EPIPE: end of file, the other side closed or died; -EBADF: this end only sends;
 * -ETIMEDOUT; -EMFILE, -ENOMEM: the message stays. A large message that has begun to come is
 * received to its end, past the deadline too, unless its sender stalls. ret_size may be NULL; what
 * the buffer holds after a failure is undefined.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_connection_recv(hay_connection *connection, void *ret_data, size_t capacity,
                                size_t *ret_size, hay_time deadline);

/* 1: a recv would not wait (a message, or end of file); 0: nothing by the deadline; -EBADF: this
 * end only sends. 1 is also said of a large message whose sender has died since: a recv drops it.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_connection_poll(hay_connection *connection, hay_time deadline);

/* The fd, for poll(2) only (readable: see poll above); the connection keeps it. -EINVAL: NULL.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API int hay_connection_fd(const hay_connection *connection);

HAY_END

#endif
