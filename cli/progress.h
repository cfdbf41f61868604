/* One line on stderr, where it is a terminal: which run of how many, and how long it may take. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "study.h"
#include "terminal.h"

#include <hayfork.h>

struct progress {
        struct terminal terminal;
        bool is_shown;
        const struct study *study;
        int run, runs;    /* this run and all, warm-ups with them, from 1 */
        int workers;      /* of this run; 0: a warm-up */
        hay_time started; /* this run */
};

void progress_init(struct progress *progress, const struct study *study, bool is_wanted);
void progress_begin(struct progress *progress, int workers);
void progress_draw(struct progress *progress);
void progress_clear(struct progress *progress);

/* How long what is left may take, in seconds, this run with it; NaN when nothing is known yet. */
double progress_left(const struct progress *progress);

#endif
