/* The speed-ups as a picture, by gnuplot. */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include "study.h"

#include <stdbool.h>

/* Whether a picture can be made under that name: it ends with .svg or .png. */
bool plot_has_form(const char *path);

/* Whether there is a gnuplot to draw it. */
bool plot_has_gnuplot(void);

/* Draw it. 0; or -errno with *ret_problem; or the number of the signal that wants this command to
 * end. Then nothing is left of it. */
int plot_write(const struct study *study, const char *path, char **ret_problem);

#endif
