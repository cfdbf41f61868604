/* Deadlines: absolute points of CLOCK_MONOTONIC, in nanoseconds. */
#ifndef HAYFORK_TIME_H
#define HAYFORK_TIME_H

#include <hayfork/base.h>

HAY_BEGIN

/* An absolute deadline. A wait that is interrupted goes on with the same one. */
typedef int64_t hay_time;

#define HAY_FOREVER ((hay_time)0)
#define HAY_NOWAIT ((hay_time)-1)

/* Now, on the clock of deadlines.
 * Safety: threads any · after fork any · in signal handlers yes · if killed nothing to mend */
HAY_API hay_time hay_now(void);

/* The deadline that lies so many milliseconds ahead; negative ones have passed already, and what
 * lies beyond the clock's range is HAY_FOREVER.
 * Safety: threads any · after fork any · in signal handlers yes · if killed nothing to mend */
HAY_API hay_time hay_in_ms(int64_t milliseconds);

/* The same in seconds, for code that has a double. NaN counts as 0.
 * Safety: threads any · after fork any · in signal handlers yes · if killed nothing to mend */
HAY_API hay_time hay_in_s(double seconds);

HAY_END

#endif
