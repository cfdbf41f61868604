#include "speedup_options.h"

#include "cli.h"
#include "plot.h"

#include <hayfork.h>

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#define REPEAT_MAX 1000

enum { KEY_WARMUP = 256, KEY_INPUT, KEY_SHOW_OUTPUT };

static const struct argp_option known_options[] = {
        { "workers", 'w', "LIST", 0,
          "Numbers of workers: 1..4 or 1,2,4 or 1..N, N being the number of processors (default: "
          "1..N; above 8 only powers of two and N)",
          0 },
        { "repeat", 'r', "R", 0, "Runs of each number, 1 to 1000 (default 5)", 0 },
        { "warmup", KEY_WARMUP, "W", 0, "Runs before that don't count, 0 to 1000 (default 1)", 0 },
        { "plot", 'p', "FILE", 0, "Draw a picture, FILE.svg or FILE.png (needs gnuplot)", 0 },
        { "json", 'j', "FILE", 0,
          "Write everything as JSON; - is standard output, instead of the report", 0 },
        { "input", KEY_INPUT, "FILE", 0,
          "The program's standard input, from its beginning in each run (default: none)", 0 },
        { "show-output", KEY_SHOW_OUTPUT, NULL, 0, "Let the program's standard output through", 0 },
        { "quiet", 'q', NULL, 0, "No report and no progress, only warnings and errors", 0 },
        { 0 },
};

static int take_count(const char *text, int least, const char *name, struct argp_state *state)
{
        long number = 0;
        const char *at = text;
        for (; *at >= '0' && *at <= '9' && number <= REPEAT_MAX; at++)
                number = number * 10 + (*at - '0');
        if (*at || at == text || number < least || number > REPEAT_MAX)
                argp_error(state, "--%s '%s': expected a number from %d to %d", name, text, least,
                           REPEAT_MAX);
        return (int)number;
}

static void take_workers(const char *text, struct speedup_options *options,
                         struct argp_state *state)
{
        char *problem;
        free(options->workers.numbers);
        if (workers_parse(text, options->processors, &options->workers, &problem) < 0)
                argp_error(state, "%s", problem);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
        struct speedup_options *options = state->input;
        switch (key) {
        case 'w':
                take_workers(argument, options, state);
                return 0;
        case 'r':
                options->repeat = take_count(argument, 1, "repeat", state);
                return 0;
        case KEY_WARMUP:
                options->warmup = take_count(argument, 0, "warmup", state);
                return 0;
        case 'p':
                if (!plot_has_form(argument))
                        argp_error(state,
                                   "--plot '%s': expected a file name that ends with .svg or .png",
                                   argument);
                options->plot = argument;
                return 0;
        case 'j':
                options->json = argument;
                return 0;
        case KEY_INPUT:
                options->input = argument;
                return 0;
        case KEY_SHOW_OUTPUT:
                options->shows_output = true;
                return 0;
        case 'q':
                options->is_quiet = true;
                return 0;
        case ARGP_KEY_ARG:
                options->argv = state->argv + state->next - 1;
                state->next = state->argc;
                return 0;
        case ARGP_KEY_NO_ARGS:
                argp_error(state, "no program to run: expected hayfork speedup [OPTION...] -- "
                                  "PROGRAM [ARGUMENT...]");
                return 0;
        default:
                return ARGP_ERR_UNKNOWN;
        }
}

void speedup_options_parse(int argc, char **argv, struct speedup_options *ret_options)
{
        static const struct argp argp = {
                .options = known_options,
                .parser = parse,
                .args_doc = "-- PROGRAM [ARGUMENT...]",
                .doc = "Run PROGRAM with HAYFORK_WORKERS set to each of several numbers of "
                       "workers, several times each, and report how much faster it gets.\v"
                       "PROGRAM must take its number of workers from the environment variable "
                       "HAYFORK_WORKERS, as hayfork's pools do. Its standard output is dropped.\n\n"
                       "Exit codes: 0 fine; 1 failed; 2 bad command line; 126, 127 PROGRAM can't "
                       "be run, is not found; else that of PROGRAM when it failed (128 + N when "
                       "signal N ended it). See hayfork-speedup(1).",
        };
        *ret_options = (struct speedup_options){
                .processors = hay_cpu_count(),
                .repeat = 5,
                .warmup = 1,
        };
        error_t error = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, ret_options);
        if (error) {
                cli_error("%s", strerror(error));
                exit(CLI_FAILURE);
        }
        if (!ret_options->workers.numbers)
                workers_default(ret_options->processors, &ret_options->workers);
}
