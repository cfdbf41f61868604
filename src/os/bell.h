/* A bell: an eventfd that all who inherit it can ring, and that can be waited for beside other fds.
 */
#ifndef HF_OS_BELL_H
#define HF_OS_BELL_H

#include "os/memory.h"

struct hf_bell {
        int fd; /* -1: none */
        struct hf_file_identity identity;
};

/* Close-on-exec, never blocks. 0 or -errno. */
int hf_bell_open(struct hf_bell *ret_bell);

/* Take over an inherited one. 0 or -errno. */
int hf_bell_adopt(struct hf_bell *ret_bell, int fd);

void hf_bell_close(struct hf_bell *bell);

/* Ring. Nothing happens when the fd was closed behind the library's back, and another kind of file
 * took its number. */
void hf_bell_ring(const struct hf_bell *bell);

/* Forget the rings so far. */
void hf_bell_clear(const struct hf_bell *bell);

#endif
