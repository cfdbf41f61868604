#include "progress.h"

#include "report.h"

#include <math.h>

void progress_init(struct progress *progress, const struct study *study, bool is_wanted)
{
        *progress = (struct progress){
                .study = study,
                .runs = study->warmup + study->repeat * (int)study->count,
        };
        terminal_init(&progress->terminal, stderr);
        progress->is_shown = is_wanted && progress->terminal.is_live;
}

void progress_begin(struct progress *progress, int workers)
{
        progress->workers = workers;
        progress->run++;
        progress->started = hay_now();
}

static double mean(const struct measurement *one)
{
        double sum = 0;
        for (size_t i = 0; i < one->count; i++)
                sum += one->seconds[i];
        return sum / (double)one->count;
}

/* What a run may take: what such runs took, else what its neighbour's would at ideal speed-up. */
static double guess(const struct study *study, size_t index)
{
        const struct measurement *wanted = &study->measurements[index];
        if (wanted->count)
                return mean(wanted);
        double seconds = NAN;
        for (size_t i = 0; i < study->count; i++) {
                const struct measurement *one = &study->measurements[i];
                if (one->count && (isnan(seconds) || i < index))
                        seconds = mean(one) * one->workers / wanted->workers;
        }
        return seconds;
}

double progress_left(const struct progress *progress)
{
        const struct study *study = progress->study;
        double left = 0;
        if (progress->run <= study->warmup)
                return NAN;
        for (size_t i = 0; i < study->count; i++)
                left += guess(study, i) *
                        (double)((size_t)study->repeat - study->measurements[i].count);
        left -= (double)(hay_now() - progress->started) / 1e9;
        return isnan(left) ? NAN : fmax(left, 0);
}

void progress_draw(struct progress *progress)
{
        char line[160];
        char left_text[40] = "";
        char workers[32] = "warm-up";
        if (!progress->is_shown)
                return;
        if (progress->workers)
                snprintf(workers, sizeof(workers), "%d worker%s", progress->workers,
                         progress->workers == 1 ? "" : "s");
        double left = progress_left(progress);
        if (!isnan(left)) {
                double seconds = ceil(fmin(left, 3600e3));
                snprintf(left_text, sizeof(left_text), ", about %.0f:%02.0f left",
                         floor(seconds / 60), fmod(seconds, 60));
        }
        snprintf(line, sizeof(line), "run %d of %d, %s, %.0f s%s", progress->run, progress->runs,
                 workers, floor((double)(hay_now() - progress->started) / 1e9), left_text);
        fprintf(stderr, "\r\033[K%.*s", progress->terminal.width - 1, line);
        fflush(stderr);
}

void progress_clear(struct progress *progress)
{
        if (!progress->is_shown)
                return;
        fputs("\r\033[K", stderr);
        fflush(stderr);
}
