/* For a process whose children are all its own doing: wait for requests and for their ends. */
#ifndef HF_OS_REAPER_H
#define HF_OS_REAPER_H

#include "os/child.h"

/* From now on the end of a child ends hf_reaper_wait(); an interrupt from the terminal is not meant
 * for this process. */
void hf_reaper_begin(void);

/* In a child: signals are again as they were before. */
void hf_reaper_end(void);

/* Reap one child: its pid, 0 when none has ended. */
pid_t hf_reaper_next(struct hf_end *ret_end);

/* Wait for a child's end or for `fd`: true when that is readable. */
bool hf_reaper_wait(int fd);

#endif
