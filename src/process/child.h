/* The life of a child, from its first call to its exit. */
#ifndef HF_PROCESS_CHILD_H
#define HF_PROCESS_CHILD_H

#include "process/message.h"

/* Room for a copied argument, aligned for any type (64); free() it. 0 or -ENOMEM. */
int hf_argument_space(size_t size, void **ret_space);

/* Run the function, then end as Python's children do. `fresh`: this process is no copy, so that
 * what was registered with atexit() is its own, and runs. */
_Noreturn void hf_child_run(hf_function *function, void *argument, bool fresh);

/* End at once, before the function: the parent is gone, or will be told. */
_Noreturn void hf_child_give_up(void);

/* A child that is told over `channel` what to do: find it, answer, do it. The head of the message
 * has been received. */
_Noreturn void hf_child_serve(int channel, const struct hf_message *message, int lifeline,
                              int status, bool fresh);

/* Receive the message's head. `parent` (0: unknown) is the pid of who started this process: when
 * it is gone the message won't come. */
int hf_child_receive(int channel, pid_t parent, void *data, size_t size);

/* argv[0], for fresh processes; NULL when hay_main() was not called. */
char *hf_program_name(void);

#endif
