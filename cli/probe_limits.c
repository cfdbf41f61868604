#include "cgroup.h"
#include "checks.h"
#include "cli.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Below these a few pools of a few dozen workers would not fit. */
#define LEAST_FDS 256
#define LEAST_PROCESSES 256

static char *limit_text(rlim_t limit)
{
        return limit == RLIM_INFINITY ? cli_format("unlimited")
                                      : cli_format("%llu", (unsigned long long)limit);
}

static void check_fds(struct checks *checks)
{
        struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
        getrlimit(RLIMIT_NOFILE, &limit);
        char *soft = limit_text(limit.rlim_cur);
        char *hard = limit_text(limit.rlim_max);
        bool is_low = limit.rlim_cur < LEAST_FDS;
        checks_add(checks, is_low ? CHECK_WARN : CHECK_OK, "open files (RLIMIT_NOFILE)",
                   cli_format("%s, may be raised to %s", soft, hard),
                   cli_format("Each child costs its parent a file descriptor or two%s",
                              is_low ? ": raise it (ulimit -n)." : "."));
        free(soft);
        free(hard);
}

static void check_processes(struct checks *checks)
{
        struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
        double grouped = 0;
        getrlimit(RLIMIT_NPROC, &limit);
        bool is_grouped = cgroup_process_limit(&grouped);
        bool is_low = (is_grouped && grouped < LEAST_PROCESSES) || limit.rlim_cur < LEAST_PROCESSES;
        char *soft = limit_text(limit.rlim_cur);
        char *group = is_grouped ? cli_format("%.0f", grouped) : cli_format("unlimited");
        checks_add(checks, is_low ? CHECK_WARN : CHECK_OK, "processes",
                   cli_format("%s for the user (RLIMIT_NPROC), %s for the cgroup", soft, group),
                   cli_format("Beyond it no process can be started (EAGAIN)%s%s",
                              geteuid() == 0 ? "; the first does not hold for root" : "",
                              is_low ? ". It is low: raise it (ulimit -u, or the container's "
                                       "pids limit)."
                                     : "."));
        free(soft);
        free(group);
}

void probe_limits(struct checks *checks)
{
        checks->group = "limits";
        check_fds(checks);
        check_processes(checks);
}
