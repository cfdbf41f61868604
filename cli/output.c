#include "output.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The mode of the file that is replaced, or that of a new one. */
static mode_t wanted_mode(const struct stat *old)
{
        if (old)
                return old->st_mode & 07777;
        mode_t mask = umask(0);
        umask(mask);
        return 0666 & ~mask;
}

static int open_temporary(struct output *output, const struct stat *old)
{
        const char *slash = strrchr(output->path, '/');
        int folder = slash ? (int)(slash - output->path) + 1 : 0;
        output->temporary =
                cli_format("%.*s.%s.XXXXXX", folder, output->path, output->path + folder);
        output->fd = mkostemp(output->temporary, O_CLOEXEC);
        int r = output->fd < 0 ? -errno : 0;
        if (r == 0 && fchmod(output->fd, wanted_mode(old)) < 0)
                r = -errno;
        return r;
}

static int open_output(const char *path, struct output *output)
{
        struct stat status;
        if (!*path)
                return -ENOENT;
        if (path[strlen(path) - 1] == '/')
                return -EISDIR;
        if (stat(path, &status) < 0) {
                if (errno != ENOENT)
                        return -errno;
                output->path = cli_format("%s", path);
                return open_temporary(output, NULL);
        }
        if (S_ISDIR(status.st_mode))
                return -EISDIR;
        if (!S_ISREG(status.st_mode)) {
                output->path = cli_format("%s", path);
                output->fd = open(path, O_WRONLY | O_CLOEXEC);
                return output->fd < 0 ? -errno : 0;
        }
        /* A rename needs no right to the old file; a file that is write-protected is meant so. */
        if (access(path, W_OK) < 0)
                return -errno;
        output->path = realpath(path, NULL);
        return output->path ? open_temporary(output, &status) : -errno;
}

static void forget(struct output *output)
{
        free(output->path);
        free(output->temporary);
        *output = (struct output){ .fd = -1 };
}

void output_discard(struct output *output)
{
        if (output->fd >= 0) {
                close(output->fd);
                if (output->temporary)
                        unlink(output->temporary);
        }
        forget(output);
}

int output_open(const char *path, struct output *ret_output)
{
        struct output output = { .fd = -1 };
        int r = open_output(path, &output);
        if (r < 0)
                output_discard(&output);
        else
                *ret_output = output;
        return r;
}

int output_check(const char *path)
{
        struct stat status;
        /* To open a pipe would wait for its reader, or show him an end. */
        if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
                return access(path, W_OK) < 0 ? -errno : 0;
        struct output output;
        int r = output_open(path, &output);
        if (r == 0)
                output_discard(&output);
        return r;
}

int output_commit(struct output *output)
{
        int r = 0;
        if (close(output->fd) < 0)
                r = -errno;
        if (r == 0 && output->temporary && rename(output->temporary, output->path) < 0)
                r = -errno;
        if (r < 0 && output->temporary)
                unlink(output->temporary);
        output->fd = -1;
        forget(output);
        return r;
}
