/* The list's own two hooks, for handle.c. The list is locked. */
#ifndef HF_PROCESS_LIST_H
#define HF_PROCESS_LIST_H

#include "process/handle.h"

void hf_list_add(struct hay_process *process);

/* Take it out and free it, at the latest when nobody looks at it any more. */
void hf_list_drop(struct hay_process *process);

#endif
