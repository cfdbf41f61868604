/* Waiting for fds. */
#ifndef HF_OS_POLL_H
#define HF_OS_POLL_H

#include <hayfork/time.h>

#include <poll.h>

enum hf_fd_event { HF_READABLE, HF_WRITABLE };

/* Wait for one fd. 0: it is ready, hung up, or has an error to tell; -ETIMEDOUT; -EBADF. Signals
 * don't end it. */
int hf_fd_wait(int fd, enum hf_fd_event event, hay_time deadline);

/* poll(2) with a deadline that signals don't end: how many entries have revents, 0 when the
 * deadline has passed, or -errno. */
int hf_poll(struct pollfd *entries, size_t count, hay_time deadline);

/* An ear for a bell (an eventfd that nobody reads): an fd that is readable after a ring, until
 * hf_ear_clear(). Every ear hears every ring. Close-on-exec; the caller closes it. The fd, or
 * -EMFILE, -ENFILE, -ENOMEM. */
int hf_ear_open(int bell);
void hf_ear_clear(int ear);

/* Close an fd; errno stays. Negative ones are fine. */
void hf_fd_close(int fd);

#endif
