#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void cli_error(const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        fputs("hayfork: ", stderr);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        va_end(arguments);
}

void cli_warning(const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        fputs("hayfork: warning: ", stderr);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        va_end(arguments);
}

static void out_of_memory(void)
{
        cli_error("out of memory");
        exit(CLI_FAILURE);
}

char *cli_format(const char *format, ...)
{
        char *text;
        va_list arguments;
        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                out_of_memory();
        va_end(arguments);
        return text;
}

void *cli_calloc(size_t count, size_t size)
{
        void *memory = calloc(count, size);
        if (!memory && count && size)
                out_of_memory();
        return memory;
}

/* The length of the UTF-8 sequence at `text`, 0 when it is none that may be shown. */
static size_t sequence(const unsigned char *text)
{
        if (text[0] < 0x80)
                return text[0] >= 0x20 && text[0] != 0x7f;
        size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
        if (text[0] < 0xc2 || text[0] > 0xf4)
                return 0;
        unsigned long point = text[0] & (0x7fu >> length);
        for (size_t i = 1; i < length; i++) {
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
                point = point << 6 | (text[i] & 0x3fu);
        }
        static const unsigned long least[] = { 0, 0, 0xa0, 0x800, 0x10000 };
        bool is_surrogate = point >= 0xd800 && point < 0xe000;
        return point < least[length] || point > 0x10ffff || is_surrogate ? 0 : length;
}

char *cli_clean(const char *text)
{
        char *clean = cli_calloc(strlen(text) + 1, 1);
        char *to = clean;
        while (*text) {
                size_t length = sequence((const unsigned char *)text);
                if (length) {
                        memcpy(to, text, length);
                        to += length;
                        text += length;
                } else {
                        *to++ = '?';
                        text++;
                }
        }
        return clean;
}

static int executable(const char *path)
{
        struct stat status;
        if (stat(path, &status) < 0)
                return errno == EACCES ? -EACCES : -ENOENT;
        return S_ISREG(status.st_mode) && access(path, X_OK) == 0 ? 0 : -EACCES;
}

int cli_find_program(const char *name, char **ret_path)
{
        if (!*name)
                return -ENOENT;
        if (strchr(name, '/')) {
                int r = executable(name);
                if (r == 0)
                        *ret_path = cli_format("%s", name);
                return r;
        }
        const char *folders = getenv("PATH");
        int worst = -ENOENT;
        for (const char *at = folders ? folders : "/bin:/usr/bin"; at;) {
                size_t length = strcspn(at, ":");
                /* An empty entry is the current folder. */
                char *path = cli_format("%.*s%s%s", (int)length, at, length ? "/" : "./", name);
                int r = executable(path);
                if (r == 0) {
                        *ret_path = path;
                        return 0;
                }
                if (r == -EACCES)
                        worst = r;
                free(path);
                at = at[length] ? at + length + 1 : NULL;
        }
        return worst;
}
