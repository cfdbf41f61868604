/* One bar for each number of workers, as long as its speed-up; the mark in or behind it is where
 * the ideal speed-up, equal to the number of workers, would be. The marks of all bars are the ideal
 * line. All lengths are in eighths of a column, for which UTF-8 has blocks. */
#include "chart.h"

#include <math.h>

#define LABEL 9     /* "  workers" and a blank: what stands left of the bars */
#define VALUE 8     /* " 1234.56": what stands right of them */
#define LEAST_BAR 8 /* columns, however narrow the terminal */

static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };

/* One column of the bar. */
static void print_column(const struct terminal *terminal, int column, int length, int mark)
{
        FILE *out = terminal->stream;
        if (column == mark) {
                fprintf(out, "%s%s%s", terminal_colour(terminal, COLOUR_DIM),
                        terminal->is_utf8 ? "│" : "|", terminal_colour(terminal, COLOUR_NONE));
                return;
        }
        int filled = length - column * 8;
        fputs(terminal_colour(terminal, COLOUR_GREEN), out);
        if (filled <= 0)
                fputc(' ', out);
        else if (!terminal->is_utf8)
                fputc(filled >= 4 ? '#' : ' ', out);
        else
                fputs(filled >= 8 ? "█" : eighths[filled], out);
        fputs(terminal_colour(terminal, COLOUR_NONE), out);
}

static void print_bar(const struct terminal *terminal, const struct measurement *one, double scale,
                      int columns)
{
        int length = (int)lround(one->speedup * scale * 8);
        /* The mark stands on the column that ends where the ideal bar would. */
        int mark = (int)lround(one->workers * scale) - 1;
        fprintf(terminal->stream, "%*d ", LABEL - 1, one->workers);
        for (int column = 0; column < columns; column++)
                print_column(terminal, column, length, mark);
        fprintf(terminal->stream, "%*.2f\n", VALUE, one->speedup);
}

void chart_print(const struct study *study, const struct terminal *terminal)
{
        int columns = terminal->width - LABEL - VALUE;
        if (columns < LEAST_BAR)
                columns = LEAST_BAR;
        double most = 1;
        for (size_t i = 0; i < study->count; i++) {
                most = fmax(most, study->measurements[i].workers);
                most = fmax(most, study->measurements[i].speedup);
        }
        fprintf(terminal->stream, "%*s speed-up (%s is the ideal)\n", LABEL - 1, "workers",
                terminal->is_utf8 ? "│" : "|");
        for (size_t i = 0; i < study->count; i++)
                print_bar(terminal, &study->measurements[i], columns / most, columns);
}
