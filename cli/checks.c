#include "checks.h"

#include "cli.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

static const char *const words[] = { "ok", "warn", "fail" };

void checks_add(struct checks *checks, enum check_status status, const char *name, char *found,
                char *meaning)
{
        struct check *more = cli_calloc(checks->count + 1, sizeof(*more));
        for (size_t i = 0; i < checks->count; i++)
                more[i] = checks->list[i];
        more[checks->count++] = (struct check){ checks->group, name, status, found, meaning };
        free(checks->list);
        checks->list = more;
}

void checks_fini(struct checks *checks)
{
        for (size_t i = 0; i < checks->count; i++) {
                free(checks->list[i].found);
                free(checks->list[i].meaning);
        }
        free(checks->list);
        *checks = (struct checks){ 0 };
}

size_t checks_count(const struct checks *checks, enum check_status status)
{
        size_t count = 0;
        for (size_t i = 0; i < checks->count; i++)
                count += checks->list[i].status == status;
        return count;
}

void checks_print(const struct checks *checks, const struct terminal *terminal)
{
        static const enum colour colours[] = { COLOUR_GREEN, COLOUR_YELLOW, COLOUR_RED };
        const char *group = NULL;
        FILE *out = terminal->stream;
        const char *plain = terminal_colour(terminal, COLOUR_NONE);
        for (size_t i = 0; i < checks->count; i++) {
                const struct check *check = &checks->list[i];
                if (check->group != group)
                        fprintf(out, "%s%s%s%s\n", group ? "\n" : "",
                                terminal_colour(terminal, COLOUR_BOLD), check->group, plain);
                group = check->group;
                fprintf(out, "  %s%-4s%s  %s: %s\n",
                        terminal_colour(terminal, colours[check->status]), words[check->status],
                        plain, check->name, check->found);
                fputs(terminal_colour(terminal, COLOUR_DIM), out);
                terminal_wrap(terminal, 8, check->meaning);
                fputs(plain, out);
        }
}

json_t *checks_json(const struct checks *checks)
{
        json_t *array = json_array();
        for (size_t i = 0; i < checks->count; i++) {
                const struct check *check = &checks->list[i];
                json_t *object = json_object();
                json_object_set_new(object, "group", json_text(check->group));
                json_object_set_new(object, "name", json_text(check->name));
                json_object_set_new(object, "status", json_string(words[check->status]));
                json_object_set_new(object, "found", json_text(check->found));
                json_object_set_new(object, "meaning", json_text(check->meaning));
                json_array_append_new(array, object);
        }
        return array;
}
