/* Options structs are versioned by their size: fields are only ever appended, zero is the default
 * of each. */
#ifndef HF_BASE_OPTIONS_H
#define HF_BASE_OPTIONS_H

#include <stddef.h>

/* Copy the caller's form, of the size that it was compiled with, into ours. NULL is all defaults.
 * -EINVAL when the caller's is newer and sets a field that this library doesn't know. */
int hf_options_take(void *ret_options, size_t our_size, const void *options, size_t options_size);

#endif
