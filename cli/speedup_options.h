/* The command line of `hayfork speedup`. */
#ifndef CLI_SPEEDUP_OPTIONS_H
#define CLI_SPEEDUP_OPTIONS_H

#include "workers.h"

#include <stdbool.h>

struct speedup_options {
        struct workers workers;
        int processors; /* that this process may use */
        int repeat;
        int warmup;
        const char *plot;
        const char *json;
        const char *input;
        bool is_quiet;
        bool shows_output;
        char **argv; /* the program's */
};

/* Ends the command with CLI_USAGE when the command line makes no sense. */
void speedup_options_parse(int argc, char **argv, struct speedup_options *ret_options);

#endif
