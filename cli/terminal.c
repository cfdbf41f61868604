#include "terminal.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int width_of(int fd)
{
        struct winsize size;
        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                return size.ws_col;
        const char *columns = getenv("COLUMNS");
        long width = columns ? strtol(columns, NULL, 10) : 0;
        return width > 0 && width < 1000 ? (int)width : 80;
}

void terminal_init(struct terminal *terminal, FILE *stream)
{
        const char *no_colour = getenv("NO_COLOR");
        const char *name = getenv("TERM");
        int fd = fileno(stream);
        *terminal = (struct terminal){
                .stream = stream,
                .width = width_of(fd),
                .is_live = isatty(fd) && name && strcmp(name, "dumb") != 0,
                .is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        };
        terminal->colours = terminal->is_live && !(no_colour && *no_colour);
}

const char *terminal_colour(const struct terminal *terminal, enum colour colour)
{
        static const char *const sequences[] = {
                [COLOUR_NONE] = "\033[0m",    [COLOUR_GREEN] = "\033[32m",
                [COLOUR_YELLOW] = "\033[33m", [COLOUR_RED] = "\033[31m",
                [COLOUR_DIM] = "\033[2m",     [COLOUR_BOLD] = "\033[1m",
        };
        return terminal->colours ? sequences[colour] : "";
}

void terminal_wrap(const struct terminal *terminal, int margin, const char *text)
{
        int room = terminal->width - margin - 1;
        int used = 0;
        fprintf(terminal->stream, "%*s", margin, "");
        while (*text) {
                int length = (int)strcspn(text, " ");
                if (used && used + 1 + length > room) {
                        fprintf(terminal->stream, "\n%*s", margin, "");
                        used = 0;
                }
                fprintf(terminal->stream, "%s%.*s", used ? " " : "", length, text);
                used += length + (used != 0);
                text += length;
                text += strspn(text, " ");
        }
        fputc('\n', terminal->stream);
}
