#include "cgroup.h"

#include "command.h"

#include <sys/stat.h>

/* A tree of fixtures, in which every file is written with the folders above it. */
static void tree(void)
{
        static char root[256];
        folder_make();
        snprintf(root, sizeof(root), "%s", folder_path(""));
        cgroup_root = root;
}

static void put(const char *name, const char *text)
{
        char path[512];
        snprintf(path, sizeof(path), "%s%s", cgroup_root, name);
        for (char *slash = path + strlen(cgroup_root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                mkdir(path, 0700);
                *slash = '/';
        }
        file_write(path, text, 0600);
}

static double found(bool (*limit)(double *ret_value))
{
        double value;
        return limit(&value) ? value : -1;
}

static void is_near(double value, double wanted)
{
        ck_assert_double_eq_tol(value, wanted, 1e-12);
}

TEST(without_groups_there_are_no_limits)
{
        tree();
        ck_assert_str_eq(cgroup_versions(), "none");
        is_near(found(cgroup_cpu_quota), -1);
        is_near(found(cgroup_memory_limit), -1);
        is_near(found(cgroup_process_limit), -1);
        folder_remove();
}

TEST(version_2_limits_are_the_least_of_all_ancestors)
{
        tree();
        put("/proc/self/cgroup", "0::/a/b\n");
        put("/proc/self/mountinfo",
            "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n");
        put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
        put("/sys/fs/cgroup/a/b/memory.max", "max\n");
        put("/sys/fs/cgroup/a/b/pids.max", "max\n");
        ck_assert_str_eq(cgroup_versions(), "version 2");
        is_near(found(cgroup_cpu_quota), -1);
        is_near(found(cgroup_memory_limit), -1);
        is_near(found(cgroup_process_limit), -1);
        put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
        put("/sys/fs/cgroup/a/memory.max", "1048576\n");
        put("/sys/fs/cgroup/a/b/memory.max", "2097152\n");
        put("/sys/fs/cgroup/a/pids.max", "77\n");
        put("/sys/fs/cgroup.max", "1");
        is_near(found(cgroup_cpu_quota), 1.5);
        is_near(found(cgroup_memory_limit), 1048576);
        is_near(found(cgroup_process_limit), 77);
        folder_remove();
}

TEST(version_1_limits_are_those_of_each_controller)
{
        tree();
        put("/proc/self/cgroup",
            "8:pids:/docker/3f\n4:memory:/docker/3f/c\n1:cpu,cpuacct:/\n0::/\n");
        put("/proc/self/mountinfo",
            "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
            "32 23 0:28 /docker/3f /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
            "33 23 0:29 /docker/3f /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");
        put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
        put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
        put("/sys/fs/cgroup/memory/c/memory.limit_in_bytes", "9223372036854771712\n");
        ck_assert_str_eq(cgroup_versions(), "version 1");
        is_near(found(cgroup_cpu_quota), -1);
        is_near(found(cgroup_memory_limit), -1);
        put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "250000\n");
        put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
        put("/sys/fs/cgroup/pids/pids.max", "50\n");
        is_near(found(cgroup_cpu_quota), 2.5);
        is_near(found(cgroup_memory_limit), 536870912);
        is_near(found(cgroup_process_limit), 50);
        folder_remove();
}

KIT_MAIN
