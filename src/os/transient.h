/* Fds that exist for the length of one call. The child of a fork that another thread makes in the
 * meantime does not keep them: a copy of its own would keep the other side waiting for ever. */
#ifndef HF_OS_TRANSIENT_H
#define HF_OS_TRANSIENT_H

/* One such fd, on the stack of the call. */
struct hf_transient {
        int fd; /* -1: none */
        struct hf_transient *next;
        struct hf_transient *previous;
};

/* Between begin and end no fork happens: make the fds here, and enter each. Don't wait here. */
void hf_transient_begin(void);
void hf_transient_enter(struct hf_transient *transient, int fd);
void hf_transient_end(void);

/* Close it and forget it; nothing when its fd is -1. Not between begin and end. */
void hf_transient_close(struct hf_transient *transient);

#endif
