#include "workers.h"

#include "cli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A number at *text, which moves behind it; 0 when there is none in range. */
static int take_number(const char **text, int processors)
{
        if (**text == 'N') {
                (*text)++;
                return processors < WORKERS_MAX ? processors : WORKERS_MAX;
        }
        int number = 0;
        const char *at = *text;
        for (; *at >= '0' && *at <= '9' && number <= WORKERS_MAX; at++)
                number = number * 10 + (*at - '0');
        *text = at;
        return number <= WORKERS_MAX ? number : 0;
}

/* One piece of the list, "4" or "1..4", into the marks; false when it is neither. */
static bool take_piece(const char **text, int processors, bool *marks)
{
        int first = take_number(text, processors);
        int last = first;
        if (strncmp(*text, "..", 2) == 0) {
                *text += 2;
                last = take_number(text, processors);
        }
        if (!first || !last || first > last || (**text != '\0' && **text != ','))
                return false;
        for (int i = first; i <= last; i++)
                marks[i] = true;
        return true;
}

static void gather(const bool *marks, struct workers *ret_workers)
{
        size_t count = 0;
        for (int i = 1; i <= WORKERS_MAX; i++)
                count += marks[i];
        ret_workers->numbers = cli_calloc(count, sizeof(int));
        ret_workers->count = 0;
        for (int i = 1; i <= WORKERS_MAX; i++)
                if (marks[i])
                        ret_workers->numbers[ret_workers->count++] = i;
}

int workers_parse(const char *text, int processors, struct workers *ret_workers, char **ret_problem)
{
        bool marks[WORKERS_MAX + 1] = { [1] = true };
        for (const char *at = text;; at++) {
                const char *piece = at;
                if (!take_piece(&at, processors, marks)) {
                        *ret_problem = cli_format(
                                "'%.*s' in --workers '%s': expected numbers from 1 to %d as in "
                                "1..4 or 1,2,4 or 1..N (N is the number of processors)",
                                (int)strcspn(piece, ","), piece, text, WORKERS_MAX);
                        return -EINVAL;
                }
                if (*at == '\0')
                        break;
        }
        gather(marks, ret_workers);
        return 0;
}

void workers_default(int processors, struct workers *ret_workers)
{
        bool marks[WORKERS_MAX + 1] = { false };
        if (processors > WORKERS_MAX)
                processors = WORKERS_MAX;
        for (int i = 1; i <= processors; i++)
                marks[i] = processors <= 8 || (i & (i - 1)) == 0 || i == processors;
        gather(marks, ret_workers);
}

size_t workers_turn(size_t count, size_t round, size_t position)
{
        if (round % 2)
                position = count - 1 - position;
        return (position + round / 2) % count;
}
