/* What the machine and the control groups still have of memory. */
#ifndef HF_OS_MEMORY_LEFT_H
#define HF_OS_MEMORY_LEFT_H

#include <stddef.h>

/* A line of /proc/meminfo ("MemTotal:") in bytes; 0, -ENOENT. */
int hf_meminfo(const char *key, size_t *ret_bytes);

/* Bytes that this process's control group (version 1 or 2) and those above it can still give, with
 * what the kernel could drop from its file cache; SIZE_MAX without a limit. */
size_t hf_cgroup_memory_left(void);

#endif
