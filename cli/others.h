/* What the rest of the machine does while a program is measured. */
#ifndef CLI_OTHERS_H
#define CLI_OTHERS_H

/* Seconds that all processors together have been busy since the machine started, time stolen by
 * other virtual machines with it; NaN when the system doesn't tell. Steps are 10 ms. */
double others_busy(void);

#endif
