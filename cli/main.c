/* hayfork COMMAND …: reads the options that stand before the command, and hands the rest to it. */
#include "cli.h"

#include <hayfork.h>

#include <argp.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
        const char *name;
        int (*main)(int argc, char **argv);
} commands[] = {
        { "speedup", speedup_main },
        { "doctor", doctor_main },
};

static void print_version(FILE *stream, struct argp_state *state)
{
        (void)state;
        fprintf(stream, "hayfork %s\n", hay_version());
}

struct choice {
        const struct command *command;
        int index; /* of the command in argv */
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
        struct choice *choice = state->input;
        switch (key) {
        case ARGP_KEY_ARG:
                for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
                        if (strcmp(argument, commands[i].name) == 0)
                                choice->command = &commands[i];
                if (!choice->command)
                        argp_error(state, "no command '%s': expected speedup or doctor", argument);
                choice->index = state->next - 1;
                state->next = state->argc;
                return 0;
        case ARGP_KEY_NO_ARGS:
                argp_error(state, "no command: expected speedup or doctor");
                return EINVAL;
        default:
                return ARGP_ERR_UNKNOWN;
        }
}

int main(int argc, char **argv)
{
        static const struct argp argp = {
                .parser = parse,
                .args_doc = "COMMAND [ARGUMENT...]",
                .doc = "What is the speed-up in your system?\v"
                       "Commands:\n"
                       "  speedup    run a program with 1, 2, ... workers, and compare\n"
                       "  doctor     tell what this machine offers, and what that means\n\n"
                       "`hayfork COMMAND --help' tells more, so do hayfork-speedup(1) and "
                       "hayfork-doctor(1).\n\n"
                       "Exit codes: 0 fine, 1 failed, 2 bad command line; speedup passes on those "
                       "of the program.",
        };
        struct choice choice = { 0 };
        setlocale(LC_CTYPE, "");
        argp_err_exit_status = CLI_USAGE;
        argp_program_version_hook = print_version;
        char name[] = "hayfork";
        argv[0] = name;
        error_t error = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &choice);
        if (error) {
                cli_error("%s", strerror(error));
                return CLI_FAILURE;
        }
        char *full = cli_format("hayfork %s", choice.command->name);
        argv[choice.index] = full;
        int code = choice.command->main(argc - choice.index, argv + choice.index);
        free(full);
        return code;
}
