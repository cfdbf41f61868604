/* Filling the caller's struct hay_error. */
#ifndef HF_BASE_ERROR_H
#define HF_BASE_ERROR_H

#include <hayfork/base.h>

/* Fill `error` (NULL is fine) with a code, no child, no item, and a message; returns the code. */
__attribute__((format(printf, 3, 4))) int hf_error(struct hay_error *error, int code,
                                                   const char *format, ...);

#endif
