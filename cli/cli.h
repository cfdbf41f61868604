/* What the files of the `hayfork` command share: exit codes and how it speaks. */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>

/* Documented in hayfork(1). A measured program's own exit code is passed on as it is. */
enum cli_exit {
        CLI_OK = 0,
        CLI_FAILURE = 1,          /* something failed that the message names */
        CLI_USAGE = 2,            /* the command line makes no sense */
        CLI_NOT_EXECUTABLE = 126, /* as shells say it */
        CLI_NOT_FOUND = 127,
        CLI_SIGNAL = 128, /* and the number of the signal that ended the program */
};

/* "hayfork: …" and "hayfork: warning: …" on stderr, with a newline. */
__attribute__((format(printf, 1, 2))) void cli_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void cli_warning(const char *format, ...);

/* A string made as by printf; ends the command when memory is out. The caller frees it. */
__attribute__((format(printf, 1, 2))) char *cli_format(const char *format, ...);

/* calloc() that ends the command when memory is out. */
void *cli_calloc(size_t count, size_t size);

/* A copy that may be shown anywhere: control characters and what is not UTF-8 become '?'. The
 * caller frees it. */
char *cli_clean(const char *text);

/* Where a program is, as execvp() would find it; the caller frees it. -ENOENT: nowhere; -EACCES:
 * there is one, but it may not be executed. */
int cli_find_program(const char *name, char **ret_path);

/* The commands. argv[0] is "hayfork speedup" and so on. */
int speedup_main(int argc, char **argv);
int doctor_main(int argc, char **argv);

#endif
