#include "report.h"

#include "chart.h"
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Columns of the table that go first when the terminal is narrow. */
#define WIDTH_FOR_ALL 74
#define WIDTH_FOR_INTERVAL 65

void report_seconds(double seconds, char ret_text[static 16])
{
        bool is_short = seconds < 0.99995;
        double value = fmin(is_short ? seconds * 1e3 : seconds, 1e9);
        int digits = value < 9.9995 ? 3 : value < 99.995 ? 2 : 1;
        snprintf(ret_text, 16, "%.*f %s", digits, value, is_short ? "ms" : "s");
}

static void print_title(const struct study *study, const struct terminal *terminal)
{
        FILE *out = terminal->stream;
        fputs(terminal_colour(terminal, COLOUR_BOLD), out);
        fputs("speed-up of", out);
        for (char **word = study->argv; *word; word++) {
                char *clean = cli_clean(*word);
                fprintf(out, " %s", clean);
                free(clean);
        }
        fprintf(out, "%s\n", terminal_colour(terminal, COLOUR_NONE));
        fprintf(out, "%d processor%s, %d repeat%s\n\n", study->processors,
                study->processors == 1 ? "" : "s", study->repeat, study->repeat == 1 ? "" : "s");
}

static void print_head(const struct study *study, const struct terminal *terminal)
{
        FILE *out = terminal->stream;
        char interval[32];
        snprintf(interval, sizeof(interval), "%.0f %% interval",
                 floor(study->measurements[0].time.coverage * 100));
        fprintf(out, "%8s%11s", "workers", "median");
        if (terminal->width >= WIDTH_FOR_INTERVAL)
                fprintf(out, "%24s", study->repeat > 1 ? interval : "");
        fprintf(out, "%10s%12s", "speed-up", "efficiency");
        if (terminal->width >= WIDTH_FOR_ALL)
                fprintf(out, "%9s", "serial");
        fputc('\n', out);
}

static void print_row(const struct study *study, const struct measurement *one,
                      const struct terminal *terminal)
{
        FILE *out = terminal->stream;
        char median[16], low[16], high[16], interval[40] = "";
        report_seconds(one->time.median, median);
        report_seconds(one->time.low, low);
        report_seconds(one->time.high, high);
        if (study->repeat > 1)
                snprintf(interval, sizeof(interval), "%s - %s", low, high);
        fprintf(out, "%8d%11s", one->workers, median);
        if (terminal->width >= WIDTH_FOR_INTERVAL)
                fprintf(out, "%24s", interval);
        fprintf(out, "%10.2f%10.0f %%", one->speedup, one->efficiency * 100);
        if (terminal->width >= WIDTH_FOR_ALL && one->workers > 1)
                fprintf(out, "%7.1f %%", one->karp_flatt * 100);
        else if (terminal->width >= WIDTH_FOR_ALL)
                fprintf(out, "%9s", "-");
        fputc('\n', out);
}

static void print_fit(const struct study *study, const struct terminal *terminal)
{
        const struct fit *fit = &study->fit;
        char *limit = fit->serial_fraction > 0
                              ? cli_format("so at most %.3g times as fast with any number of "
                                           "workers",
                                           1 / fit->serial_fraction)
                              : cli_format("no serial part seen");
        char *miss = fit->points > 1 ? cli_format(" (the fit misses by %.1f %%)", fit->error * 100)
                                     : cli_format("%s", "");
        char *text = fit->points ? cli_format("Amdahl fit: serial fraction %.1f %%, %s%s.",
                                              fit->serial_fraction * 100, limit, miss)
                                 : cli_format("No Amdahl fit: it needs a number of workers from 2 "
                                              "to that of the processors.");
        terminal_wrap(terminal, 0, text);
        free(text);
        free(miss);
        free(limit);
}

void report_print(const struct study *study, const struct terminal *terminal)
{
        print_title(study, terminal);
        print_head(study, terminal);
        for (size_t i = 0; i < study->count; i++)
                print_row(study, &study->measurements[i], terminal);
        fputc('\n', terminal->stream);
        chart_print(study, terminal);
        fputc('\n', terminal->stream);
        print_fit(study, terminal);
}

void report_warn(const struct study *study)
{
        for (size_t i = 0; i < study->warning_count; i++)
                cli_warning("%s", study->warnings[i]);
}
