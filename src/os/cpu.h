/* How many processors this process may use. */
#ifndef HF_OS_CPU_H
#define HF_OS_CPU_H

/* In the calling thread's affinity mask; at least 1. */
int hf_cpu_affinity(void);

/* How many processors' time the cgroups of this process allow, rounded up; 0 when they set no
 * limit. `root` as for hf_cgroup_find(). */
int hf_cpu_quota(const char *root);

/* A number from 1 to 4096 as HAYFORK_WORKERS has it, digits alone; 0 for anything else. */
int hf_cpu_parse_workers(const char *text);

#endif
