/* Other processes, as the kernel knows them. */
#ifndef HF_OS_PROCESS_H
#define HF_OS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* When the process started, in clock ticks since boot; 0 when unknown (no /proc, no such pid). */
uint64_t hf_process_start_time(pid_t pid);

/* Whether the process still runs: a zombie does not, a stopped one does. When its start time can be
 * read, the low bits under `mask` must be those of `start_time` (0: not compared): else the pid was
 * reused and the one that is meant is dead. */
bool hf_process_runs(pid_t pid, uint64_t start_time, uint64_t mask);

/* An fd, close-on-exec, that is readable once the process has ended; -errno. */
int hf_pidfd_open(pid_t pid);

/* Whether an fd is readable (or hung up) now. */
bool hf_fd_readable(int fd);

/* The calling thread's id in the kernel. */
int32_t hf_thread_id(void);

/* Run `in_child` in the child of every fork(); 0 or -errno. */
int hf_at_fork(void (*in_child)(void));

/* A zeroed page that is zero again in the child of a fork; NULL when the kernel can't. */
void *hf_wiped_page(void);

#endif
