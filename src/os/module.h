/* Where a function stands, told so that a fresh process can find it again. */
#ifndef HF_OS_MODULE_H
#define HF_OS_MODULE_H

#include <stdint.h>

typedef int hf_function(void *arg);

struct hf_place {
        uint64_t offset;    /* from the module's start */
        uint64_t signature; /* of the module's layout and build */
        char path[4096];    /* the shared object; "" is the program itself */
};

/* -ENOENT: it is in no module that has a file. */
int hf_place_of(hf_function *function, struct hf_place *ret_place);

/* Load the module unless it is there, and find the function. -ENOENT: the module is not there any
 * more, or is another one than it was. */
int hf_place_find(const struct hf_place *place, hf_function **ret_function);

#endif
