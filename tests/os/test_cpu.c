#include "os/cgroup_folder.h"
#include "os/cpu.h"

#include "kit.h"

#include <ftw.h>
#include <sched.h>
#include <sys/stat.h>

/* A tree of fixtures: root/proc/self/cgroup and so on. */
static char root[64];

static void tree(void)
{
        strcpy(root, "/tmp/hayfork-cpu-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
        (void)status;
        (void)type;
        (void)at;
        return remove(path);
}

static void fell(void)
{
        ck_assert_int_eq(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void put(const char *path, const char *text)
{
        char full[512];
        snprintf(full, sizeof(full), "%s%s", root, path);
        for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                mkdir(full, 0700);
                *slash = '/';
        }
        FILE *file = fopen(full, "w");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(fputs(text, file), 0);
        ck_assert_int_eq(fclose(file), 0);
}

#define MOUNT_V2 "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define MOUNT_V1 "31 23 0:27 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"

TEST(no_proc_means_no_quota)
{
        tree();
        ck_assert_int_eq(hf_cpu_quota(root), 0);
        fell();
}

TEST(version_2_quota_is_rounded_up)
{
        static const struct {
                const char *text;
                int quota;
        } rows[] = {
                { "max 100000\n", 0 },
                { "100000 100000\n", 1 },
                { "150000 100000\n", 2 },
                { "200000 100000\n", 2 },
                { "1000 100000\n", 1 },
                { "200001 100000\n", 3 },
                { "6400000 100000\n", 64 },
                { "", 0 },
                { "0 100000\n", 0 },
                { "100000 0\n", 0 },
                { "-1 100000\n", 0 },
                { "many 100000\n", 0 },
                { "100000\n", 0 },
                { "99999999999999999999999 1\n", 0 },
                { "18446744073709551615 1", 0 },
        };
        tree();
        put("/proc/self/cgroup", "0::/user.slice/session\n");
        put("/proc/self/mountinfo", MOUNT_V2);
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                put("/sys/fs/cgroup/user.slice/session/cpu.max", rows[i].text);
                ck_assert_msg(hf_cpu_quota(root) == rows[i].quota, "%s: %d, not %d", rows[i].text,
                              hf_cpu_quota(root), rows[i].quota);
        }
        fell();
}

TEST(the_least_quota_of_all_ancestors_counts)
{
        tree();
        put("/proc/self/cgroup", "0::/a/b/c\n");
        put("/proc/self/mountinfo", MOUNT_V2);
        put("/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
        put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
        put("/sys/fs/cgroup/a/cpu.max", "300000 100000\n");
        ck_assert_int_eq(hf_cpu_quota(root), 3);
        put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
        ck_assert_int_eq(hf_cpu_quota(root), 1);
        fell();
}

TEST(nothing_above_the_mount_point_counts)
{
        tree();
        put("/proc/self/cgroup", "0::/a\n");
        put("/proc/self/mountinfo", MOUNT_V2);
        put("/sys/fs/cgroup/a/cpu.max", "400000 100000\n");
        put("/sys/fs/cpu.max", "100000 100000\n");
        put("/cpu.max", "100000 100000\n");
        ck_assert_int_eq(hf_cpu_quota(root), 4);
        fell();
}

TEST(version_1_quota_is_that_of_the_cpu_controller)
{
        tree();
        put("/proc/self/cgroup", "11:cpuset:/wrong\n7:cpuacct:/wrong\n4:cpu,cpuacct:/job\n0::/\n");
        put("/proc/self/mountinfo",
            "29 23 0:25 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" MOUNT_V1);
        put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "250000\n");
        ck_assert_int_eq(hf_cpu_quota(root), 0);
        put("/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
        ck_assert_int_eq(hf_cpu_quota(root), 3);
        put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n");
        ck_assert_int_eq(hf_cpu_quota(root), 0);
        fell();
}

TEST(both_versions_at_once_give_the_lesser)
{
        tree();
        put("/proc/self/cgroup", "4:cpu,cpuacct:/\n0::/\n");
        put("/proc/self/mountinfo",
            "32 23 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" MOUNT_V1);
        put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "500000\n");
        put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
        ck_assert_int_eq(hf_cpu_quota(root), 5);
        put("/sys/fs/cgroup/unified/cpu.max", "200000 100000\n");
        ck_assert_int_eq(hf_cpu_quota(root), 2);
        fell();
}

TEST(a_container_that_sees_the_host_path_uses_its_mount)
{
        tree();
        put("/proc/self/cgroup", "4:cpu,cpuacct:/docker/3f/sub\n");
        put("/proc/self/mountinfo",
            "33 23 0:27 /other /mnt/other rw - cgroup cgroup rw,cpu,cpuacct\n"
            "31 23 0:27 /docker/3f /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n");
        put("/sys/fs/cgroup/cpu/sub/cpu.cfs_quota_us", "100000\n");
        put("/sys/fs/cgroup/cpu/sub/cpu.cfs_period_us", "50000\n");
        put("/mnt/other/cpu.cfs_quota_us", "100\n");
        put("/mnt/other/cpu.cfs_period_us", "100\n");
        ck_assert_int_eq(hf_cpu_quota(root), 2);
        /* "/docker/3f" is no parent of "/docker/3ff": the first mount point must do. */
        put("/proc/self/cgroup", "4:cpu,cpuacct:/docker/3ff\n");
        ck_assert_int_eq(hf_cpu_quota(root), 1);
        fell();
}

TEST(a_path_that_leads_out_of_the_namespace_uses_the_mount_point)
{
        tree();
        put("/proc/self/cgroup", "0::/../../elsewhere\n");
        put("/proc/self/mountinfo", MOUNT_V2);
        put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
        put("/elsewhere/cpu.max", "100000 100000\n");
        ck_assert_int_eq(hf_cpu_quota(root), 2);
        fell();
}

TEST(a_group_that_is_not_mounted_here_uses_its_nearest_parent)
{
        tree();
        put("/proc/self/cgroup", "0::/kube/pod/box\n");
        put("/proc/self/mountinfo", MOUNT_V2);
        put("/sys/fs/cgroup/kube/cpu.max", "700000 100000\n");
        ck_assert_int_eq(hf_cpu_quota(root), 7);
        fell();
}

TEST(escaped_mount_points_and_long_lines_are_read)
{
        tree();
        char info[9000];
        memset(info, 'x', 8000);
        memcpy(info, "20 1 0:1 / /var rw - overlay overlay rw,lowerdir=", 49);
        strcpy(info + 8000, "\n30 23 0:26 / /odd\\040place rw - cgroup2 cgroup2 rw");
        put("/proc/self/cgroup", "0::/a:b");
        put("/proc/self/mountinfo", info);
        put("/odd place/a:b/cpu.max", "300000 100000\n");
        ck_assert_int_eq(hf_cpu_quota(root), 3);
        fell();
}

TEST(a_group_walks_up_to_its_mount_point_and_no_further)
{
        tree();
        put("/proc/self/cgroup", "0::/a/b\n");
        put("/proc/self/mountinfo", MOUNT_V2);
        put("/sys/fs/cgroup/a/b/memory.max", "123\n");
        struct hf_cgroup group;
        char text[16];
        ck_assert_int_eq(hf_cgroup_find(root, HF_CGROUP_V1, "memory", &group), -ENOENT);
        ck_assert_int_eq(hf_cgroup_find(root, HF_CGROUP_V2, "memory", &group), 0);
        ck_assert_int_eq(hf_cgroup_read(&group, "memory.max", text, sizeof(text)), 0);
        ck_assert_str_eq(text, "123\n");
        ck_assert(hf_cgroup_up(&group));
        ck_assert_int_eq(hf_cgroup_read(&group, "memory.max", text, sizeof(text)), -ENOENT);
        ck_assert(hf_cgroup_up(&group));
        ck_assert_str_eq(group.folder + strlen(root), "/sys/fs/cgroup");
        ck_assert(!hf_cgroup_up(&group));
        fell();
}

TEST(cpu_count_follows_the_affinity_mask)
{
        cpu_set_t all, one;
        ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
        ck_assert_int_eq(hf_cpu_affinity(), CPU_COUNT(&all));
        ck_assert_int_ge(hay_cpu_count(), 1);
        ck_assert_int_le(hay_cpu_count(), CPU_COUNT(&all));
        size_t first = 0;
        while (!CPU_ISSET(first, &all))
                first++;
        CPU_ZERO(&one);
        CPU_SET(first, &one);
        ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
        ck_assert_int_eq(hay_cpu_count(), 1);
        ck_assert_int_eq(sched_setaffinity(0, sizeof(all), &all), 0);
}

TEST(default_workers_are_those_of_the_environment_if_it_makes_sense)
{
        static const char *const wrong[] = { "",
                                             "0",
                                             "4097",
                                             "-1",
                                             "+2",
                                             " 2",
                                             "2 ",
                                             "2.5",
                                             "1e3",
                                             "two",
                                             "0x2",
                                             "1\n",
                                             "99999999999999999999" };
        ck_assert_int_eq(setenv("HAYFORK_WORKERS", "1", 1), 0);
        ck_assert_int_eq(hay_default_workers(), 1);
        setenv("HAYFORK_WORKERS", "4096", 1);
        ck_assert_int_eq(hay_default_workers(), 4096);
        setenv("HAYFORK_WORKERS", "007", 1);
        ck_assert_int_eq(hay_default_workers(), 7);
        for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
                setenv("HAYFORK_WORKERS", wrong[i], 1);
                ck_assert_msg(hay_default_workers() == hay_cpu_count(), "'%s'", wrong[i]);
                ck_assert_int_eq(hf_cpu_parse_workers(wrong[i]), 0);
        }
        unsetenv("HAYFORK_WORKERS");
        ck_assert_int_eq(hay_default_workers(), hay_cpu_count());
}

TEST(version_is_three_numbers)
{
        int major, minor, patch, end = 0;
        ck_assert_int_eq(sscanf(hay_version(), "%d.%d.%d%n", &major, &minor, &patch, &end), 3);
        ck_assert_int_eq(hay_version()[end], '\0');
}

KIT_MAIN
