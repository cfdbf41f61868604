/* What a stream can show. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

enum colour { COLOUR_NONE, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_RED, COLOUR_DIM, COLOUR_BOLD };

struct terminal {
        FILE *stream;
        int width;    /* columns: the terminal's, else COLUMNS, else 80 */
        bool is_live; /* a terminal that can go back on its line */
        bool colours; /* a terminal, and NO_COLOR is not set */
        bool is_utf8; /* by the locale */
};

void terminal_init(struct terminal *terminal, FILE *stream);

/* The sequence that begins a colour (COLOUR_NONE ends it); "" where there are no colours. */
const char *terminal_colour(const struct terminal *terminal, enum colour colour);

/* A sentence as lines that begin after a margin and end before the terminal's edge. */
void terminal_wrap(const struct terminal *terminal, int margin, const char *text);

#endif
