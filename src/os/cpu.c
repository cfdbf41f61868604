/* The number of processors is the least of three: those in the affinity mask (taskset, cpusets),
 * the CPU quota of this process's cgroup and of each group above it (containers: "cpu.max" in
 * version 2, cfs_quota over cfs_period in version 1). A quota of 1.5 processors is 2: a second
 * worker does have something to run on.
 *
 * Nothing is cached, since masks and quotas change while programs run; who asks often keeps the
 * answer. Not hwloc: see docs/decisions/0001-cpu-count-without-hwloc.md. */
#include "os/cpu.h"

#include "base/checked.h"
#include "os/cgroup_folder.h"

#include <hayfork/base.h>

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define WORKERS_MAX 4096

int hf_cpu_affinity(void)
{
        /* The kernel refuses a mask smaller than its own, of at most 8192 bits today. */
        unsigned long mask[65536 / 8 / sizeof(unsigned long)] = { 0 };
        int saved = errno;
        int count = 0;
        if (sched_getaffinity(0, sizeof(mask), (cpu_set_t *)(void *)mask) == 0)
                count = CPU_COUNT_S(sizeof(mask), (cpu_set_t *)(void *)mask);
        if (count < 1)
                count = (int)hf_min(sysconf(_SC_NPROCESSORS_ONLN), (long)INT_MAX);
        errno = saved;
        return hf_max(count, 1);
}

/* Digits at *text, which moves behind them; 0 when there are none or too many. */
static unsigned long take_number(const char **text)
{
        unsigned long number = 0;
        const char *at = *text;
        for (; *at >= '0' && *at <= '9'; at++)
                if (!hf_multiply(number, 10ul, &number) ||
                    !hf_sum(number, (unsigned long)(*at - '0'), &number))
                        return 0;
        *text = at;
        return number;
}

/* Both 0 when there is no limit; "max", "-1" and whatever is malformed are none. */
static void read_quota(const struct hf_cgroup *group, enum hf_cgroup_version version,
                       unsigned long *ret_quota, unsigned long *ret_period)
{
        char text[64];
        const char *at = text;
        *ret_quota = *ret_period = 0;
        if (hf_cgroup_read(group, version == HF_CGROUP_V2 ? "cpu.max" : "cpu.cfs_quota_us", text,
                           sizeof(text)) < 0)
                return;
        *ret_quota = take_number(&at);
        if (version == HF_CGROUP_V2) {
                if (*at == ' ')
                        at++;
        } else {
                if (hf_cgroup_read(group, "cpu.cfs_period_us", text, sizeof(text)) < 0)
                        return;
                at = text;
        }
        *ret_period = take_number(&at);
}

static int quota_under(const char *root, enum hf_cgroup_version version)
{
        struct hf_cgroup group;
        int least = 0;
        if (hf_cgroup_find(root, version, "cpu", &group) < 0)
                return 0;
        do {
                unsigned long quota, period;
                read_quota(&group, version, &quota, &period);
                if (!quota || !period)
                        continue;
                unsigned long processors = (quota - 1) / period + 1;
                if (processors <= INT_MAX && (!least || (int)processors < least))
                        least = (int)processors;
        } while (hf_cgroup_up(&group));
        return least;
}

int hf_cpu_quota(const char *root)
{
        int a = quota_under(root, HF_CGROUP_V2);
        int b = quota_under(root, HF_CGROUP_V1);
        return a && b ? hf_min(a, b) : a + b;
}

int hf_cpu_parse_workers(const char *text)
{
        unsigned long number = take_number(&text);
        return *text == '\0' && number <= WORKERS_MAX ? (int)number : 0;
}

int hay_cpu_count(void)
{
        int count = hf_cpu_affinity();
        int quota = hf_cpu_quota("");
        return quota ? hf_min(count, quota) : count;
}

int hay_default_workers(void)
{
        const char *text = getenv("HAYFORK_WORKERS");
        int workers = text ? hf_cpu_parse_workers(text) : 0;
        return workers ? workers : hay_cpu_count();
}
