#include "cgroup.h"
#include "checks.h"
#include "cli.h"

#include <hayfork.h>

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROCESSORS_MAX 65536

static bool is_allowed[PROCESSORS_MAX];

/* How many are in the affinity mask; 0 when it can't be read. */
static int read_mask(void)
{
        static unsigned char mask[PROCESSORS_MAX / 8];
        int count = 0;
        if (sched_getaffinity(0, sizeof(mask), (cpu_set_t *)(void *)mask) < 0)
                return 0;
        for (int i = 0; i < PROCESSORS_MAX; i++) {
                is_allowed[i] = mask[i / 8] >> (i % 8) & 1;
                count += is_allowed[i];
        }
        return count;
}

static long read_topology(int processor, const char *name)
{
        char *path = cli_format("/sys/devices/system/cpu/cpu%d/topology/%s", processor, name);
        FILE *file = fopen(path, "re");
        long value = -1;
        if (file) {
                if (fscanf(file, "%ld", &value) != 1)
                        value = -1;
                fclose(file);
        }
        free(path);
        return value;
}

/* How many cores the allowed processors stand on; 0 when unknown. */
static int count_cores(void)
{
        struct place {
                long package, core;
        } *places = cli_calloc(PROCESSORS_MAX, sizeof(*places));
        int count = 0;
        for (int i = 0; i < PROCESSORS_MAX; i++) {
                if (!is_allowed[i])
                        continue;
                struct place place = { read_topology(i, "physical_package_id"),
                                       read_topology(i, "core_id") };
                if (place.core < 0) {
                        count = 0;
                        break;
                }
                int known = 0;
                while (known < count && memcmp(&places[known], &place, sizeof(place)) != 0)
                        known++;
                if (known == count)
                        places[count++] = place;
        }
        free(places);
        return count;
}

static void check_mask(struct checks *checks, int allowed)
{
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        checks_add(checks, CHECK_OK, "affinity mask",
                   cli_format("%d of %ld processors online", allowed, online),
                   cli_format(allowed < online
                                      ? "Others were taken from this process (taskset, a cpuset): "
                                        "it can't use them."
                                      : "Nothing is taken away (by taskset or a cpuset)."));
}

static void check_quota(struct checks *checks, int allowed)
{
        double quota;
        bool is_set = cgroup_cpu_quota(&quota);
        bool is_less = is_set && quota < allowed;
        bool is_whole = is_set && quota == (double)(long)quota;
        checks_add(checks, is_less && !is_whole ? CHECK_WARN : CHECK_OK, "CPU quota",
                   is_set ? cli_format("%.3g processors (cgroups: %s)", quota, cgroup_versions())
                          : cli_format("none (cgroups: %s)", cgroup_versions()),
                   cli_format(!is_less ? "No control group holds this process below its processors."
                              : is_whole
                                      ? "A control group (a container) gives less time than there "
                                        "are processors; workers are counted by it."
                                      : "The number of workers is the quota rounded up: all "
                                        "together they are held up a part of the time, and "
                                        "speed-ups stay below that number."));
}

static void check_cores(struct checks *checks, int allowed)
{
        int cores = count_cores();
        if (!cores)
                return;
        bool is_shared = cores < allowed;
        checks_add(
                checks, is_shared ? CHECK_WARN : CHECK_OK, "cores",
                cli_format("%d processor%s on %d core%s", allowed, allowed == 1 ? "" : "s", cores,
                           cores == 1 ? "" : "s"),
                cli_format(is_shared ? "Processors that share a core (hyper-threads) share its "
                                       "units: expect speed-ups near the number of cores."
                                     : "Each processor has a core of its own, as far as the system "
                                       "tells (virtual machines may not know)."));
}

static void check_usable(struct checks *checks)
{
        int count = hay_cpu_count();
        checks_add(checks, count > 1 ? CHECK_OK : CHECK_WARN, "usable processors",
                   cli_format("%d", count),
                   count > 1 ? cli_format("A pool starts %d workers when it isn't told otherwise.",
                                          count)
                             : cli_format("Nothing can run at the same time: more workers gain "
                                          "isolation, but no speed."));
}

static void check_environment(struct checks *checks)
{
        const char *text = getenv("HAYFORK_WORKERS");
        if (!text)
                return;
        char *clean = cli_clean(text);
        char digits[16];
        /* The library takes it if it says the same number. */
        snprintf(digits, sizeof(digits), "%d", hay_default_workers());
        bool is_taken = strcmp(digits, text + strspn(text, "0")) == 0;
        checks_add(checks, is_taken ? CHECK_OK : CHECK_WARN, "HAYFORK_WORKERS",
                   cli_format("'%s'", clean),
                   is_taken ? cli_format("Pools start %s workers when they aren't told otherwise.",
                                         digits)
                            : cli_format("Ignored: expected a number from 1 to 4096."));
        free(clean);
}

static void check_load(struct checks *checks)
{
        double load;
        if (getloadavg(&load, 1) != 1)
                return;
        int count = hay_cpu_count();
        bool is_busy = load > 0.5 * count;
        checks_add(checks, is_busy ? CHECK_WARN : CHECK_OK, "load",
                   cli_format("%.2f in the last minute", load),
                   cli_format(is_busy ? "Others use the processors: a speed-up measured now tells "
                                        "more about them than about the program."
                                      : "Little else runs: a good time to measure."));
}

void probe_processors(struct checks *checks)
{
        checks->group = "processors";
        int allowed = read_mask();
        if (allowed) {
                check_mask(checks, allowed);
                check_quota(checks, allowed);
                check_cores(checks, allowed);
        }
        check_usable(checks);
        check_environment(checks);
        check_load(checks);
}
