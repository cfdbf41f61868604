/* The shared region: memory that every member (this process, its forks, its spawned children) sees
 * at the same address. It is made at the first use; a pointer into it is valid in every member. */
#ifndef HAYFORK_MEMORY_H
#define HAYFORK_MEMORY_H

#include <hayfork/base.h>

HAY_BEGIN

struct hay_region_options {
        /* Limit in bytes. 0: HAYFORK_REGION_SIZE, else the machine's memory; 256 MiB under valgrind,
         * whose search for leaks touches all of it. */
        size_t size;
};

/* See hay_region_open(). */
HAY_API int hay_region_open_sized(const struct hay_region_options *options, size_t options_size);

/* Make the region now, with options. Needed only by who wants other than the defaults, before the
 * first use of anything shared. -EALREADY: there is one already; -EINVAL: under 1 MiB, or larger
 * than 256 TiB; -ENOMEM: no address space of even the least size.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
static inline int hay_region_open(const struct hay_region_options *options)
{
        return hay_region_open_sized(options, sizeof(*options));
}

/* Shared, zeroed memory of `size` bytes, aligned to `alignment` (a power of two; 0: to its own
 * size's largest power of two up to 64). NULL with errno ENOMEM when the region's limit, the
 * cgroup's or the machine's memory is exhausted, EINVAL when the alignment is not a power of two.
 * A size of 0 gives a unique block. The block belongs to the region: it lives until hay_free(),
 * whoever dies.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API void *hay_alloc(size_t size, size_t alignment);

/* The same for an array; ENOMEM when count * size overflows.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API void *hay_alloc_array(size_t count, size_t size, size_t alignment);

/* struct account *account = hay_new(struct account); */
#define hay_new(type) ((type *)hay_alloc(sizeof(type), 0))
/* double *grid = hay_new_array(double, 1000); */
#define hay_new_array(type, count) ((type *)hay_alloc_array((count), sizeof(type), 0))

/* Give a block back, from any member. Returns NULL; what is not a live block of the region is left
 * alone and returned as it came, with errno EINVAL. NULL is fine.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API void *hay_free(void *block);

/* The usable size of a live block, 0 for anything else.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API size_t hay_block_size(const void *block);

/* True for addresses inside the region.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API bool hay_is_shared(const void *address);

/* What hay_audit() found. All sizes in bytes. */
struct hay_audit {
        size_t region_size;    /* the limit */
        size_t used;           /* in live blocks, with rounding */
        size_t blocks;         /* how many live blocks there are */
        size_t free_warm;      /* free, pages present */
        size_t free_cold;      /* free, pages given back or never touched */
        unsigned members;      /* members alive */
        unsigned dead_members; /* that died and are not yet buried */
};

/* Walk the whole region, bury the dead, check that the sum of all blocks is the region and that
 * every word is in its bounds. 0, or -EUCLEAN when something does not add up (a bug or a wild
 * write). `ret_audit` may be NULL.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_audit(struct hay_audit *ret_audit);

HAY_END

#endif
