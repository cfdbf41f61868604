/* The shared region: one sparse memory file, mapped at the same address in every member. */
#ifndef HF_REGION_REGION_H
#define HF_REGION_REGION_H

#include <hayfork/memory.h>
#include <hayfork/time.h>

#include <stdint.h>

/* A place in the region, counted from its start; 0 is nothing. */
typedef uint64_t hf_offset;

/* Where it is mapped, NULL before its first use; set once, kept by forks. */
extern unsigned char *hf_region_base;
extern size_t hf_region_size;

/* Make the region, or attach to the inherited one, unless that was done. 0 or -errno. */
int hf_region_ready(void);

/* Attach to the region behind an inherited fd, at the address that the maker had; it becomes this
 * process's region, the fds the region's. -EALREADY: it has one; -EUCLEAN: no region of this
 * library's layout; -EEXIST: something else is at that address. */
int hf_region_attach(int fd, int bell);

/* The memory file, close-on-exec; -1 when there is no region. */
int hf_region_fd(void);

/* An eventfd that all members inherit; a ring is an edge for every epoll set that it is in. */
int hf_region_bell(void);
void hf_region_ring(void);

static inline void *hf_at(hf_offset offset)
{
        return offset ? hf_region_base + offset : NULL;
}

/* What lies at an offset that was read from the region: NULL unless it is aligned and inside. */
static inline void *hf_checked_at(hf_offset offset, size_t size, size_t alignment)
{
        if (!offset || offset % alignment || size > hf_region_size ||
            offset > hf_region_size - size)
                return NULL;
        return hf_region_base + offset;
}

static inline hf_offset hf_offset_of(const void *address)
{
        return address ? (hf_offset)((const unsigned char *)address - hf_region_base) : 0;
}

/* True when [address, address + size) lies within the region. */
bool hf_in_region(const void *address, size_t size);

/* Asking the machine what it still has costs some 20 µs, so an answer is good for a while and for a
 * part of what was free then. This process's own; nobody but tests looks at it. */
struct hf_credit {
        uint64_t bytes;
        hay_time good_until;
};
extern struct hf_credit hf_region_credit;

/* Make the pages of [offset, offset + size) exist. -ENOMEM when the machine, the cgroup or the
 * region's limit has no more; then nothing was touched. */
int hf_region_reserve(hf_offset offset, size_t size);

/* Give pages back: they read as zeros, and must be reserved before they are touched again. */
int hf_region_release(hf_offset offset, size_t size);

#endif
