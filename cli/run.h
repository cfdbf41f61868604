/* Running a program and waiting for it, with the signals that are meant for both. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdbool.h>
#include <stddef.h>

/* From here on SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGTSTP wait until run_program() or
 * run_check_signals() looks; may be said again. 0 or -errno. */
int run_take_signals(void);

/* The signal that wants this command to end and came since, or 0. */
int run_check_signals(void);

/* Die of a signal as if it had not been held back. */
_Noreturn void run_die(int signal);

struct run {
        char *const *argv;
        const char *variable; /* set in its environment; NULL: nothing is */
        const char *value;
        int input, output, errors; /* its fds 0, 1 and 2 */
        /* When not NULL: called before the wait, then every quarter of a second. */
        void (*tick)(void *arg);
        void *arg;
        /* When not -1, reading end of what it writes to `errors`; given to `said` as it comes. */
        int errors_from;
        void (*said)(void *arg, const char *bytes, size_t size);
};

struct run_end {
        double seconds;     /* wall time, from before the fork to the end */
        double cpu_seconds; /* of it and of the children that it waited for */
        int code;           /* its exit code, -1 when a signal ended it */
        int signal;         /* that signal, else 0 */
        int interrupted;    /* the signal that wants this command to end, else 0 */
        bool paused;        /* it was stopped by Ctrl-Z for a while: its time tells nothing */
};

/* Run a program and wait for its end. When this command is to end, the signal goes to the program
 * and its children (they are a session of their own), which are killed if they go on for 2 s. 0, or
 * -errno when it could not be started; then *ret_end is untouched. */
int run_program(const struct run *run, struct run_end *ret_end);

#endif
