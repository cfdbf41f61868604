/* Where an object may stand. */
#ifndef HF_SYNC_PLACE_H
#define HF_SYNC_PLACE_H

#include <stdbool.h>
#include <stdint.h>

/* Not NULL, and at an address that its atomic words can have. */
#define hf_is_placed(object) \
        ((object) && (uintptr_t)(const void *)(object) % _Alignof(__typeof__(*(object))) == 0)

#endif
