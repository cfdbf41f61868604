/* Event: a flag to wait for. Valid when zeroed (not set). */
#ifndef HAYFORK_EVENT_H
#define HAYFORK_EVENT_H

#include <hayfork/time.h>

HAY_BEGIN

typedef struct hay_event {
        uint32_t private_word; /* bit 0: set; bit 1: somebody may sleep; above: how often it was set
                                */
        uint32_t private_spin; /* a hint: how long spinning was worth it lately */
} hay_event;

/* Set the flag and wake all who wait, also if it is cleared at once. -EINVAL: NULL or misaligned.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_event_set(hay_event *event);

/* Clear it. -EINVAL: NULL or misaligned.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_event_clear(hay_event *event);

/* 1 when set, 0 when not; -EINVAL: NULL or misaligned.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API int hay_event_is_set(const hay_event *event);

/* Wait until it is set. 0; -ETIMEDOUT: the deadline passed (at once with HAY_NOWAIT); -EINVAL: NULL
 * or misaligned.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_event_wait(hay_event *event, hay_time deadline);

HAY_END

#endif
