/* What the doctor found: a list of checks in groups. */
#ifndef CLI_CHECKS_H
#define CLI_CHECKS_H

#include "terminal.h"

#include <jansson.h>

enum check_status {
        CHECK_OK,
        CHECK_WARN, /* hayfork works, but something is slower, smaller or unusual */
        CHECK_FAIL, /* hayfork needs it */
};

struct check {
        const char *group;
        const char *name;
        enum check_status status;
        char *found;
        char *meaning;
};

struct checks {
        struct check *list;
        size_t count;
        const char *group; /* that the next ones belong to */
};

/* Takes both strings (from cli_format()). */
void checks_add(struct checks *checks, enum check_status status, const char *name, char *found,
                char *meaning);
void checks_fini(struct checks *checks);

size_t checks_count(const struct checks *checks, enum check_status status);

void checks_print(const struct checks *checks, const struct terminal *terminal);
json_t *checks_json(const struct checks *checks);

/* The probes, each a group. */
void probe_processors(struct checks *checks);
void probe_memory(struct checks *checks);
void probe_kernel(struct checks *checks);
void probe_limits(struct checks *checks);
void probe_costs(struct checks *checks);

#endif
