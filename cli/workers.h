/* The numbers of workers to compare: "1..4", "1,2,4", "1..4,8", "1..N". */
#ifndef CLI_WORKERS_H
#define CLI_WORKERS_H

#include <stddef.h>

#define WORKERS_MAX 4096

struct workers {
        int *numbers; /* ascending, each once, 1 first; free() it */
        size_t count;
};

/* N stands for `processors`. 1 is added: speed-up compares with it. -EINVAL: *ret_problem is a
 * sentence that says what was wrong and what was expected, for the caller to free. */
int workers_parse(const char *text, int processors, struct workers *ret_workers,
                  char **ret_problem);

/* 1 to `processors`, each up to 8, beyond only the powers of two and the last. */
void workers_default(int processors, struct workers *ret_workers);

/* Which number has its turn: the index of the `position`th run of a round. Each round runs all.
 * Every second round is the reverse of the one before, so that what drifts steadily (heat, other
 * load) hits all numbers alike; pairs of rounds start one further on. */
size_t workers_turn(size_t count, size_t round, size_t position);

#endif
