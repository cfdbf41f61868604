/* Wait for the first of many: queues, connections, processes, fds. */
#ifndef HAYFORK_WAIT_H
#define HAYFORK_WAIT_H

#include <hayfork/pipe.h>
#include <hayfork/process.h>
#include <hayfork/queue.h>

HAY_BEGIN

/* One thing to wait for: exactly one of the four is set (fd: use HAY_WAIT_FD). */
struct hay_waitable {
        hay_queue *queue;           /* ready: not empty, or closed */
        hay_connection *connection; /* ready: a message, or end of file */
        hay_process *process;       /* ready: it has ended */
        int fd_plus_one;            /* ready: readable, or hung up */
        bool ready;                 /* set by hay_wait() */
};

#define HAY_WAIT_FD(fd) \
        { \
                .fd_plus_one = (fd) + 1 \
        }

/* Wait until at least one is ready. Returns how many are, each marked; -ETIMEDOUT: none by the
 * deadline; -EINVAL: none given, or one names nothing or two things; -EBADF: an fd that is not
 * open, or a connection that only sends; -ECHILD: a process that is not this one's child; -EMFILE,
 * -ENFILE, -ENOMEM. After a failure none is marked. What is ready may be gone when others take it
 * first. Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_wait(struct hay_waitable *waitables, size_t count, hay_time deadline);

HAY_END

#endif
