/* hayfork doctor: probes everything that hayfork asks of a machine, each by doing it once, and says
 * what the answer means for a user. */
#include "checks.h"
#include "cli.h"
#include "json.h"
#include "plot.h"

#include <hayfork.h>

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static error_t parse(int key, char *argument, struct argp_state *state)
{
        bool *is_json = state->input;
        switch (key) {
        case 'j':
                *is_json = true;
                return 0;
        case ARGP_KEY_ARG:
                argp_error(state, "unexpected argument '%s': expected options only", argument);
                return EINVAL;
        default:
                return ARGP_ERR_UNKNOWN;
        }
}

static void probe_tools(struct checks *checks)
{
        checks->group = "tools";
        bool is_there = plot_has_gnuplot();
        checks_add(checks, is_there ? CHECK_OK : CHECK_WARN, "gnuplot",
                   cli_format(is_there ? "found" : "not in PATH"),
                   cli_format("hayfork speedup --plot draws its pictures with it; nothing else "
                              "needs it (Debian: package gnuplot-nox)."));
}

static int tell_json(const struct checks *checks, const char *verdict)
{
        json_t *object = json_object();
        json_object_set_new(object, "hayfork", json_string(hay_version()));
        json_object_set_new(object, "verdict", json_string(verdict));
        json_object_set_new(object, "machine", json_machine(hay_cpu_count()));
        json_object_set_new(object, "checks", checks_json(checks));
        return json_write(object, STDOUT_FILENO);
}

static int tell(const struct checks *checks, size_t failed, size_t warned)
{
        struct terminal terminal;
        terminal_init(&terminal, stdout);
        checks_print(checks, &terminal);
        if (failed)
                printf("\n%zu thing%s that hayfork needs %s missing.\n", failed,
                       failed == 1 ? "" : "s", failed == 1 ? "is" : "are");
        else
                printf("\nAll that hayfork needs is here; %zu warning%s.\n", warned,
                       warned == 1 ? "" : "s");
        return fflush(stdout) == EOF ? -errno : 0;
}

int doctor_main(int argc, char **argv)
{
        static const struct argp_option options[] = {
                { "json", 'j', NULL, 0, "Print the checks as JSON", 0 },
                { 0 },
        };
        static const struct argp argp = {
                .options = options,
                .parser = parse,
                .doc = "Tell what this machine offers to hayfork, and what that means.\v"
                       "Exit codes: 0 all that hayfork needs is here; 1 something is missing; 2 "
                       "bad command line. See hayfork-doctor(1).",
        };
        struct checks checks = { 0 };
        bool is_json = false;
        error_t error = argp_parse(&argp, argc, argv, 0, NULL, &is_json);
        if (error) {
                cli_error("%s", strerror(error));
                return CLI_FAILURE;
        }
        probe_processors(&checks);
        probe_memory(&checks);
        probe_kernel(&checks);
        probe_limits(&checks);
        probe_costs(&checks);
        probe_tools(&checks);
        size_t failed = checks_count(&checks, CHECK_FAIL);
        size_t warned = checks_count(&checks, CHECK_WARN);
        int r = is_json ? tell_json(&checks, failed   ? "fail"
                                             : warned ? "warn"
                                                      : "ok")
                        : tell(&checks, failed, warned);
        if (r < 0)
                cli_error("could not write the findings: %s", strerror(-r));
        checks_fini(&checks);
        return failed || r < 0 ? CLI_FAILURE : CLI_OK;
}
