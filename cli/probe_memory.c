#include "cgroup.h"
#include "checks.h"
#include "cli.h"

#include <hayfork.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A size with a unit, to be freed. */
static char *size_text(double bytes)
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
        size_t unit = 0;
        while (bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(*units)) {
                bytes /= 1024;
                unit++;
        }
        return cli_format("%.*f %s", unit && bytes < 100 ? 1 : 0, bytes, units[unit]);
}

/* Of /proc/meminfo, in bytes; 0 when it isn't told. */
static double read_meminfo(const char *key)
{
        FILE *file = fopen("/proc/meminfo", "re");
        char line[128];
        double bytes = 0;
        while (file && fgets(line, sizeof(line), file))
                if (strncmp(line, key, strlen(key)) == 0)
                        bytes = strtod(line + strlen(key), NULL) * 1024;
        if (file)
                fclose(file);
        return bytes;
}

static void check_machine(struct checks *checks)
{
        char *total = size_text(read_meminfo("MemTotal:"));
        char *available = size_text(read_meminfo("MemAvailable:"));
        checks_add(
                checks, CHECK_OK, "memory",
                cli_format("%s, of which %s available", total, available),
                cli_format("What is shared lives in memory, never on disk; beyond it hay_alloc() "
                           "says ENOMEM."));
        free(total);
        free(available);
}

static void check_group(struct checks *checks)
{
        double limit;
        bool is_set = cgroup_memory_limit(&limit);
        checks_add(checks, CHECK_OK, "memory limit",
                   is_set ? size_text(limit) : cli_format("none (cgroups: %s)", cgroup_versions()),
                   cli_format(is_set ? "A control group (a container) sets it for all processes "
                                       "together. Private memory beyond it has the kernel kill a "
                                       "process; hay_alloc() says ENOMEM before that."
                                     : "No control group limits this process."));
}

static void check_address_space(struct checks *checks)
{
        struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
        getrlimit(RLIMIT_AS, &limit);
        bool is_free = limit.rlim_cur == RLIM_INFINITY;
        checks_add(checks, is_free ? CHECK_OK : CHECK_WARN, "address space (RLIMIT_AS)",
                   is_free ? cli_format("unlimited") : size_text((double)limit.rlim_cur),
                   cli_format(is_free ? "The region can be as large as the memory."
                                      : "The region takes its size from it, whether used or not: "
                                        "raise it (ulimit -v unlimited) to share more."));
}

static void check_file_size(struct checks *checks)
{
        struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
        getrlimit(RLIMIT_FSIZE, &limit);
        bool is_free = limit.rlim_cur == RLIM_INFINITY;
        checks_add(checks, is_free ? CHECK_OK : CHECK_WARN, "file size (RLIMIT_FSIZE)",
                   is_free ? cli_format("unlimited") : size_text((double)limit.rlim_cur),
                   cli_format(is_free ? "The region's memory file can have any size."
                                      : "The kernel counts shared memory as a file: the region "
                                        "can't be larger (ulimit -f unlimited)."));
}

static void check_overcommit(struct checks *checks)
{
        FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");
        int mode = -1;
        if (file) {
                if (fscanf(file, "%d", &mode) != 1)
                        mode = -1;
                fclose(file);
        }
        static const char *const words[] = { "heuristic (0)", "always (1)", "strict (2)" };
        bool is_known = mode >= 0 && mode <= 2;
        checks_add(checks, mode == 2 ? CHECK_WARN : CHECK_OK, "overcommit",
                   cli_format("%s", is_known ? words[mode] : "unknown"),
                   cli_format(mode == 2 ? "The kernel promises no more than it has: forks of large "
                                          "processes may fail with ENOMEM."
                                        : "Large sparse mappings and forks of large processes are "
                                          "allowed."));
}

static void check_pages(struct checks *checks)
{
        char *size = size_text((double)sysconf(_SC_PAGESIZE));
        checks_add(checks, CHECK_OK, "page size", cli_format("%s", size),
                   cli_format("The region grows and shrinks by whole pages."));
        free(size);
}

/* 0 or -errno. */
static int try_region(size_t *ret_limit)
{
        struct hay_audit audit;
        size_t size = (size_t)1 << 20;
        unsigned char *block = hay_alloc(size, 0);
        if (!block)
                return -errno;
        memset(block, 0x5a, size);
        if (hay_free(block) != NULL)
                return -errno;
        int r = hay_audit(&audit);
        if (r == 0)
                *ret_limit = audit.region_size;
        return r;
}

/* The one thing that all else stands on is tried as a user would. */
static void check_region(struct checks *checks)
{
        size_t bytes = 0;
        int r = try_region(&bytes);
        char *limit = size_text((double)bytes);
        const char *wanted = getenv("HAYFORK_REGION_SIZE");
        char *clean = cli_clean(wanted ? wanted : "");
        if (r == 0)
                checks_add(checks, CHECK_OK, "shared region",
                           cli_format("made, up to %s%s", limit,
                                      wanted ? " (HAYFORK_REGION_SIZE)" : ""),
                           cli_format("1 MiB was taken, written, given back and audited. "
                                      "HAYFORK_REGION_SIZE sets another limit."));
        else
                checks_add(checks, CHECK_FAIL, "shared region",
                           cli_format("could not be made and used: %s%s%s%s", strerror(-r),
                                      wanted ? " (HAYFORK_REGION_SIZE is '" : "", clean,
                                      wanted ? "')" : ""),
                           cli_format("Without it nothing can be shared. HAYFORK_REGION_SIZE must "
                                      "be at least 1M, as in 512M or 4G; see also the limits and "
                                      "the kernel's features."));
        free(clean);
        free(limit);
}

void probe_memory(struct checks *checks)
{
        checks->group = "memory";
        check_machine(checks);
        check_group(checks);
        check_address_space(checks);
        check_file_size(checks);
        check_overcommit(checks);
        check_pages(checks);
        check_region(checks);
}
