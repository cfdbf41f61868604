/* A block of the heap: this header, then the elements. The header never changes once the array is
 * made, so there is nothing to exclude, and nothing to repair.
 *
 * The words
 *   magic   MAGIC in a live array; the last word that new writes, the first that free clears.
 *
 * The crash table
 *   new   the block stays noted as this member's until the array is whole; death frees it.
 *   free  after magic is cleared: a block that no array is in, noted as this member's again; death
 *         frees it. */
#include <hayfork/array.h>

#include "base/checked.h"
#include "base/options.h"
#include "memory/heap.h"

#include <errno.h>
#include <string.h>
#include <wchar.h>

#define MAGIC 0x79617272u /* "rray" */
#define ALIGNMENT 16

struct hay_array {
        uint32_t magic;
        uint32_t type;
        uint64_t length;
        hay_rlock lock;
        uint32_t reserved;
};

_Static_assert(sizeof(struct hay_array) % ALIGNMENT == 0, "the elements follow, aligned");
_Static_assert(_Alignof(long double) <= ALIGNMENT, "the elements follow, aligned");

static const unsigned char sizes[] = {
        [HAY_CHAR] = sizeof(char),
        [HAY_SIGNED_CHAR] = sizeof(signed char),
        [HAY_UNSIGNED_CHAR] = sizeof(unsigned char),
        [HAY_SHORT] = sizeof(short),
        [HAY_UNSIGNED_SHORT] = sizeof(unsigned short),
        [HAY_INT] = sizeof(int),
        [HAY_UNSIGNED] = sizeof(unsigned),
        [HAY_LONG] = sizeof(long),
        [HAY_UNSIGNED_LONG] = sizeof(unsigned long),
        [HAY_LONG_LONG] = sizeof(long long),
        [HAY_UNSIGNED_LONG_LONG] = sizeof(unsigned long long),
        [HAY_BOOL] = sizeof(bool),
        [HAY_FLOAT] = sizeof(float),
        [HAY_DOUBLE] = sizeof(double),
        [HAY_LONG_DOUBLE] = sizeof(long double),
        [HAY_WCHAR] = sizeof(wchar_t),
        [HAY_SIZE] = sizeof(size_t),
        [HAY_SSIZE] = sizeof(ssize_t),
        [HAY_INT8] = 1,
        [HAY_UINT8] = 1,
        [HAY_INT16] = 2,
        [HAY_UINT16] = 2,
        [HAY_INT32] = 4,
        [HAY_UINT32] = 4,
        [HAY_INT64] = 8,
        [HAY_UINT64] = 8,
        [HAY_COMPLEX_FLOAT] = 2 * sizeof(float),
        [HAY_COMPLEX_DOUBLE] = 2 * sizeof(double),
};

size_t hay_type_size(enum hay_type type)
{
        return (unsigned)type < sizeof(sizes) ? sizes[type] : 0;
}

static bool is_array(const hay_array *array)
{
        return array && (uintptr_t)array % ALIGNMENT == 0 && hf_in_region(array, sizeof(*array)) &&
               atomic_load_acquire(&array->magic) == MAGIC;
}

static unsigned char *elements_of(const hay_array *array)
{
        return (unsigned char *)(uintptr_t)(array + 1);
}

int hay_array_new_sized(hay_array **ret_array, const struct hay_array_options *options,
                        size_t options_size)
{
        struct hay_array_options wanted;
        size_t size;
        size_t bytes;
        void *block;
        int r = hf_options_take(&wanted, sizeof(wanted), options, options_size);
        if (r < 0)
                return r;
        if (!ret_array || !hay_type_size(wanted.type))
                return -EINVAL;
        if (!hf_multiply(wanted.length, hay_type_size(wanted.type), &bytes) ||
            !hf_sum(bytes, sizeof(hay_array), &size))
                return -ENOMEM;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        r = hf_heap_alloc(self, size, ALIGNMENT, true, &block);
        if (r < 0)
                return r;
        hay_array *array = block;
        array->type = wanted.type;
        array->length = wanted.length;
        if (wanted.initial)
                memcpy(elements_of(array), wanted.initial, bytes);
        atomic_store_release(&array->magic, MAGIC);
        hf_heap_linked(self);
        *ret_array = array;
        return 0;
}

hay_array *hay_array_free(hay_array *array)
{
        int r;
        struct hf_member *self = is_array(array) ? hf_self(&r) : NULL;
        if (!self)
                return NULL;
        atomic_store_release(&self->intents.block, hf_offset_of(array));
        atomic_keep_order();
        atomic_store_release(&array->magic, 0u);
        hf_heap_free(self, array);
        return NULL;
}

void *hay_array_data(hay_array *array)
{
        return is_array(array) ? elements_of(array) : NULL;
}

/* As many as the region has room for behind it, whatever its words say. */
static size_t length_of(const hay_array *array, size_t size)
{
        size_t room = hf_region_size - hf_offset_of(array + 1);
        return size ? hf_min((size_t)array->length, room / size) : 0;
}

size_t hay_array_length(const hay_array *array)
{
        return is_array(array) ? length_of(array, hay_type_size((enum hay_type)array->type)) : 0;
}

int hay_array_type(const hay_array *array)
{
        return is_array(array) ? (int)array->type : 0;
}

hay_rlock *hay_array_lock(hay_array *array)
{
        return is_array(array) ? &array->lock : NULL;
}

/* Where `count` elements from `from` on are, and their size in bytes. */
static int slice_of(const hay_array *array, size_t from, size_t count, unsigned char **ret_at,
                    size_t *ret_bytes)
{
        if (!is_array(array))
                return -EINVAL;
        size_t size = hay_type_size((enum hay_type)array->type);
        size_t length = length_of(array, size);
        if (from > length || count > length - from)
                return -ERANGE;
        *ret_at = elements_of(array) + from * size;
        *ret_bytes = count * size;
        return 0;
}

int hay_array_read(const hay_array *array, size_t from, size_t count, void *ret_elements)
{
        unsigned char *at;
        size_t bytes;
        int r = ret_elements ? slice_of(array, from, count, &at, &bytes) : -EINVAL;
        if (r == 0)
                memcpy(ret_elements, at, bytes);
        return r;
}

int hay_array_write(hay_array *array, size_t from, size_t count, const void *elements)
{
        unsigned char *at;
        size_t bytes;
        int r = elements ? slice_of(array, from, count, &at, &bytes) : -EINVAL;
        if (r == 0)
                memcpy(at, elements, bytes);
        return r;
}
