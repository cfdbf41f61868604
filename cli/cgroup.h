/* The limits that control groups set to this process. */
#ifndef CLI_CGROUP_H
#define CLI_CGROUP_H

#include <stdbool.h>

/* Stands before each path that is read; "" but for tests. */
extern const char *cgroup_root;

/* The least of the limits of this process's group and of those above it; false: no limit, or no
 * such groups. Versions 1 and 2 are looked at both. */
bool cgroup_cpu_quota(double *ret_processors);
bool cgroup_memory_limit(double *ret_bytes);
bool cgroup_process_limit(double *ret_processes);

/* "version 2", "version 1", "versions 1 and 2", "none". */
const char *cgroup_versions(void);

#endif
