/* Array and Value: typed shared memory whose length and type travel with it, with a lock beside it.
 * Plain shared memory without either is hay_new() and hay_new_array(). */
#ifndef HAYFORK_ARRAY_H
#define HAYFORK_ARRAY_H

#include <hayfork/rlock.h>

HAY_BEGIN

/* The element types; each is C's type of that name on this machine. */
enum hay_type {
        HAY_CHAR = 1,
        HAY_SIGNED_CHAR,
        HAY_UNSIGNED_CHAR,
        HAY_SHORT,
        HAY_UNSIGNED_SHORT,
        HAY_INT,
        HAY_UNSIGNED,
        HAY_LONG,
        HAY_UNSIGNED_LONG,
        HAY_LONG_LONG,
        HAY_UNSIGNED_LONG_LONG,
        HAY_BOOL,
        HAY_FLOAT,
        HAY_DOUBLE,
        HAY_LONG_DOUBLE,
        HAY_WCHAR,
        HAY_SIZE,
        HAY_SSIZE,
        HAY_INT8,
        HAY_UINT8,
        HAY_INT16,
        HAY_UINT16,
        HAY_INT32,
        HAY_UINT32,
        HAY_INT64,
        HAY_UINT64,
        HAY_COMPLEX_FLOAT,
        HAY_COMPLEX_DOUBLE,
};

/* Lives in the region, followed by its elements; its address is valid in every member. */
typedef struct hay_array hay_array;

struct hay_array_options {
        enum hay_type type;
        size_t length;       /* 0 is an array without elements */
        const void *initial; /* length elements to start with; NULL: zeros */
};

/* See hay_array_new(). */
HAY_API int hay_array_new_sized(hay_array **ret_array, const struct hay_array_options *options,
                                size_t options_size);

/* A new array in the region. -EINVAL: NULL or unknown type; -ENOMEM (also when the size overflows).
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
static inline int hay_array_new(hay_array **ret_array, const struct hay_array_options *options)
{
        return hay_array_new_sized(ret_array, options, sizeof(*options));
}

/* Free it; nobody may use it then. NULL is fine. Returns NULL.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API hay_array *hay_array_free(hay_array *array);

/* The elements: NULL, or the first of length elements, aligned for the type (and to 16 bytes).
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API void *hay_array_data(hay_array *array);

/* How many elements; 0 for NULL.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API size_t hay_array_length(const hay_array *array);

/* The element type; 0 for NULL.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API int hay_array_type(const hay_array *array);

/* The size of one element of a type in bytes, 0 for an unknown one.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API size_t hay_type_size(enum hay_type type);

/* The array's lock, as get_lock() in Python; NULL for NULL. Using it is up to the caller.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API hay_rlock *hay_array_lock(hay_array *array);

/* Copy `count` elements from index `from` on, out of or into the array, bounds checked, without the
 * lock. -ERANGE: beyond the end; -EINVAL: NULL.
 * Safety: threads any · after fork child · in signal handlers yes · if killed may be half written
 */
HAY_API int hay_array_read(const hay_array *array, size_t from, size_t count, void *ret_elements);
/* See hay_array_read().
 * Safety: threads any · after fork child · in signal handlers yes · if killed may be half written
 */
HAY_API int hay_array_write(hay_array *array, size_t from, size_t count, const void *elements);

HAY_END

#endif
