/* A file that is written whole or not at all: a temporary in the same folder, then a rename. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdio.h>

struct output {
        char *path;      /* where it goes, links followed */
        char *temporary; /* NULL: what is at `path` is no regular file (a device, a pipe) and is
                          * written as it is */
        int fd;          /* close-on-exec */
};

/* Whether a file could be written there, found out before there is anything to write; leaves
 * nothing behind. 0 or -errno. */
int output_check(const char *path);

/* Begin, then commit or discard. 0 or -errno. */
int output_open(const char *path, struct output *ret_output);
/* Takes what was written to `fd` as the file. On failure nothing is left. */
int output_commit(struct output *output);
void output_discard(struct output *output);

#endif
