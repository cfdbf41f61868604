/* What is to be started, on its way through the start methods. */
#ifndef HF_PROCESS_START_H
#define HF_PROCESS_START_H

#include "process/current.h"
#include "process/handle.h"

struct hf_start {
        hf_function *function;
        void *argument;
        size_t argument_size; /* 0: by pointer */
        struct hf_who who;
};

/* Each makes the handle's process, which has taken over what it is to do when the call returns. On
 * failure what they began is left to hf_handle_failed(). */
int hf_start_fork(struct hay_process *process, const struct hf_start *start);
int hf_start_spawn(struct hay_process *process, const struct hf_start *start);
int hf_start_forkserver(struct hay_process *process, const struct hf_start *start);

#endif
