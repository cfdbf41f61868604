/* What a study says, for people. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "study.h"
#include "terminal.h"

/* The table, the chart and the serial fraction. */
void report_print(const struct study *study, const struct terminal *terminal);

/* The warnings, to stderr. */
void report_warn(const struct study *study);

/* Seconds with a unit that suits them, "1.234 s", as a string of at most 15 bytes. */
void report_seconds(double seconds, char ret_text[static 16]);

#endif
