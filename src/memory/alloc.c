/* The public face of the heap: blocks that belong to the region, whoever dies. */
#include "memory/heap.h"

#include "base/checked.h"

#include <errno.h>

void *hay_alloc(size_t size, size_t alignment)
{
        void *block;
        int r;
        struct hf_member *self = hf_self(&r);
        if (self)
                r = hf_heap_alloc(self, size, alignment, true, &block);
        if (!self || r < 0) {
                errno = -r;
                return NULL;
        }
        hf_heap_linked(self);
        return block;
}

void *hay_alloc_array(size_t count, size_t size, size_t alignment)
{
        size_t bytes;
        if (!hf_multiply(count, size, &bytes)) {
                errno = ENOMEM;
                return NULL;
        }
        return hay_alloc(bytes, alignment);
}

void *hay_free(void *block)
{
        int r = -EINVAL;
        if (!block)
                return NULL;
        struct hf_member *self = hf_in_region(block, 1) ? hf_self(&r) : NULL;
        if (self)
                r = hf_heap_free(self, block);
        if (r == 0)
                return NULL;
        errno = -r;
        return block;
}

size_t hay_block_size(const void *block)
{
        int r;
        struct hf_member *self = hf_in_region(block, 1) ? hf_self(&r) : NULL;
        return self ? hf_heap_block_size(self, block) : 0;
}
