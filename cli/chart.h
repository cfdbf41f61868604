/* The speed-ups as bars of text, with the ideal line. */
#ifndef CLI_CHART_H
#define CLI_CHART_H

#include "study.h"
#include "terminal.h"

void chart_print(const struct study *study, const struct terminal *terminal);

#endif
