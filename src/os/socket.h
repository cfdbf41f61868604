/* Pipes and sockets between processes of the family, and fds passed through them. All fds that are
 * made or received here are close-on-exec. */
#ifndef HF_OS_SOCKET_H
#define HF_OS_SOCKET_H

#include <hayfork/time.h>

/* ret_fds[0] reads, ret_fds[1] writes. */
int hf_pipe(int ret_fds[2]);

/* Two connected ends of a stream. */
int hf_socket_pair(int ret_fds[2]);

/* So that an executed program does not get it. */
void hf_close_on_exec(int fd);

/* Wait until one of the fds (-1: none) is readable or hung up: 0; -ETIMEDOUT. */
int hf_wait_readable(const int *fds, size_t count, hay_time deadline);

/* Send all bytes. -EPIPE: the other side is gone, or `watch` (-1: none) became readable, which is
 * the end of the process that should have received. */
int hf_send_all(int fd, const void *data, size_t size, int watch);

/* Receive exactly so many bytes. -EPIPE: end of file before, or `watch` became readable and nothing
 * more came; -ETIMEDOUT: nothing came for a while (bytes received so far are counted in *size_done,
 * call again with the same). */
int hf_receive_all(int fd, void *data, size_t size, size_t *size_done, int watch,
                   hay_time deadline);

/* Look at the bytes that came, which stay: 0 when they are there; -EPIPE: end of file before so
 * many came; -ETIMEDOUT: not yet. */
int hf_peek(int fd, void *ret_data, size_t size);

#define HF_FDS_MAX 4

/* Send one message of at least 1 byte with fds. -EPIPE: the other side is gone. */
int hf_send_fds(int fd, const void *data, size_t size, const int *fds, size_t count);

/* Receive one such message, never glued to another one. Waits for it. *ret_count is how many fds
 * came; the receiver closes them. -EPIPE: end of file; -EMFILE: there was no room for all fds, then
 * those that came are given all the same. */
int hf_receive_fds(int fd, void *data, size_t size, int ret_fds[HF_FDS_MAX], size_t *ret_count);

#endif
