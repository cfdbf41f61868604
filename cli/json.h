/* JSON as the commands write it. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "study.h"

#include <jansson.h>

/* A number; null when it is NaN or infinite, for which JSON has no word. */
json_t *json_number(double value);

/* A string that may hold anything; see cli_clean(). */
json_t *json_text(const char *text);

/* The machine that was measured on. */
json_t *json_machine(int processors);

/* The whole study; its form is documented in hayfork-speedup(1). */
json_t *json_study(const struct study *study);

/* Write a value and a newline to an fd, and give the value up. 0 or -errno. */
int json_write(json_t *value, int fd);

#endif
