/* What a fresh process is told, and what it answers. Both sides are the same program file, so plain
 * structs will do; all is checked nevertheless. */
#ifndef HF_PROCESS_MESSAGE_H
#define HF_PROCESS_MESSAGE_H

#include "process/start.h"

#define HF_MESSAGE_MAGIC 0x32305941484b4f46u

/* The marker in its argv, followed by the pid of its parent. */
#define HF_CHILD_MARK "--hayfork-child="

enum hf_message_kind {
        HF_MESSAGE_CHILD = 1,
        HF_MESSAGE_SERVER,
};

/* Followed by argument_size bytes. */
struct hf_message {
        uint64_t magic;
        uint32_t size; /* of this struct */
        uint32_t kind;
        uint64_t argument; /* the pointer, when argument_size is 0 */
        uint64_t argument_size;
        struct hf_who who;
        uint8_t has_status; /* it holds a status pipe */
        struct hf_place place;
};

/* The fds of a spawned process, from HF_FIRST_FD on; the last two only for some. */
enum {
        HF_FD_REGION,
        HF_FD_BELL,
        HF_FD_CHANNEL,
        HF_FD_LIFELINE,
        HF_FD_STATUS,
        HF_FDS,
};

struct hf_answer {
        int32_t result; /* 0: taken over; -errno */
        pid_t pid;
};

/* -ENOTSUP: hay_main() was not called; -ENOENT: the function can't be named. */
int hf_message_fill(const struct hf_start *start, struct hf_message *ret_message);

/* Start this program afresh for `process`, with its channel. */
int hf_spawn(struct hay_process *process);

/* Tell it the message, and wait for its answer. -EPIPE: it ended before it answered. */
int hf_hand_over(struct hay_process *process, struct hf_message *message, const void *argument);

/* The child's side: 0, or -EPROTO when this is no message of ours. */
int hf_message_check(struct hf_message *message);

#endif
