/* Pairs of connected local sockets: packets, whole or not at all, and streams. */
#ifndef HF_OS_PACKET_H
#define HF_OS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A connected pair, close-on-exec. 0, -EMFILE, -ENFILE, -ENOMEM. */
int hf_packet_pair(int ret_fds[2]);
int hf_stream_pair(int ret_fds[2]);

/* Ask for room for `wanted` bytes in what the socket sends; returns the largest packet that it
 * takes now. */
size_t hf_packet_room(int fd, size_t wanted);

/* A number of the socket's own, the same in every process that holds it. */
uint64_t hf_packet_cookie(int fd);

/* Send one packet: a word, `size` bytes, and an fd (-1: none), in one piece. 0; -EAGAIN: no room,
 * and `wait` was false; -EPIPE: nobody receives there any more; else as sendmsg(2). */
int hf_packet_send(int fd, uint64_t word, const void *data, size_t size, int sent_fd, bool wait);

/* Look at the first packet, which stays: its word, and up to `capacity` bytes. ret_fd (NULL: not
 * wanted) gets a copy of the fd that it carries, close-on-exec and the caller's to close, or -1.
 * Returns the packet's length, word included; 0: end of file; -EAGAIN: none; -EMFILE: no room for
 * the fd. */
ssize_t hf_packet_peek(int fd, uint64_t *ret_word, void *data, size_t capacity, int *ret_fd);

/* Take the first packet and up to `capacity` bytes of it; the rest, and an fd, are dropped. Returns
 * as hf_packet_peek(). */
ssize_t hf_packet_take(int fd, uint64_t *ret_word, void *data, size_t capacity);

/* Streams: how many bytes went or came, at least 1; 0 of a read: end of file; -EAGAIN: none would,
 * and `wait` was false; -EPIPE: the other side is gone. A read that may wait, waits for all. */
ssize_t hf_stream_write(int fd, const void *data, size_t size, bool wait);
ssize_t hf_stream_read(int fd, void *data, size_t capacity, bool wait);

/* From now on writes on the other side fail; what came before can still be read. */
void hf_stream_refuse(int fd);

#endif
