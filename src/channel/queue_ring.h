/* Segments and records: where a message lies in a ring. Inline, for these are the hot path.
 *
 * A record is a header {size, kind} and its data, rounded up to units, never wrapping: a filler
 * skips the ring's end. Whatever is read from the region here is read once and bounded: a wild
 * write gives -EUCLEAN. */
#ifndef HF_CHANNEL_QUEUE_RING_H
#define HF_CHANNEL_QUEUE_RING_H

#include "channel/queue_words.h"

#include <errno.h>
#include <string.h>

#define HF_UNIT 8u
#define HF_RING_FIRST 256u   /* units of a new queue's ring: 2 KiB */
#define HF_RING_MOST 65536u  /* 512 KiB: what one core's cache holds */
#define HF_INLINE_MOST 1024u /* larger messages lie in blocks */
#define HF_SEGMENT_MAGIC 0x73656721u

enum hf_record_kind {
        HF_RECORD_DATA = 0x64617461,
        HF_RECORD_BLOCK = 0x626c6f63,
        HF_RECORD_FILLER = 0x66696c6c
};

struct hf_segment {
        HF_LINE uint32_t magic;
        uint32_t units; /* a power of two */
        uint32_t base;  /* the position at which it begins */
        uint32_t end;   /* the position at which the next one begins, once there is one */
        hf_offset next;
        HF_LINE unsigned char ring[];
};

struct hf_header {
        uint32_t size;
        uint32_t kind;
};

/* The data of a HF_RECORD_BLOCK. */
struct hf_block_record {
        hf_offset block;
        uint64_t size;
};

#define HF_BLOCK_UNITS (1 + (uint32_t)(sizeof(struct hf_block_record) / HF_UNIT))

static inline uint32_t hf_position(uint64_t place)
{
        return (uint32_t)place;
}

static inline uint32_t hf_count(uint64_t place)
{
        return (uint32_t)(place >> 32);
}

/* The place after one more message of so many units. */
static inline uint64_t hf_place_after(uint64_t place, uint32_t units)
{
        return (uint64_t)(hf_count(place) + 1) << 32 | (hf_position(place) + units);
}

static inline uint32_t hf_units_of(size_t size)
{
        return 1 + (uint32_t)((size + HF_UNIT - 1) / HF_UNIT);
}

/* A segment, checked. */
struct hf_ring {
        struct hf_segment *segment;
        uint32_t base;
        uint32_t mask;
};

static inline int hf_ring_open(hf_offset offset, struct hf_ring *ret_ring)
{
        struct hf_segment *segment = hf_checked_at(offset, sizeof(*segment), HF_CACHE_LINE);
        if (hf_unlikely(!segment))
                return -EUCLEAN;
        uint32_t units = atomic_load_relaxed(&segment->units);
        if (hf_unlikely(segment->magic != HF_SEGMENT_MAGIC || !units || (units & (units - 1)) ||
                        units > HF_RING_MOST ||
                        units * HF_UNIT > hf_region_size - sizeof(*segment) - offset))
                return -EUCLEAN;
        *ret_ring = (struct hf_ring){ segment, atomic_load_relaxed(&segment->base), units - 1 };
        return 0;
}

static inline void *hf_ring_at(const struct hf_ring *ring, uint32_t index)
{
        return ring->segment->ring + (size_t)index * HF_UNIT;
}

/* Units to skip and then to fill for a record, or 0 when there is no room for it. */
static inline uint32_t hf_ring_room(const struct hf_ring *ring, uint64_t tail, uint64_t head,
                                    uint32_t units, uint32_t *ret_skip)
{
        uint32_t begun = hf_position(head);
        if ((int32_t)(begun - ring->base) < 0)
                begun = ring->base; /* the getter is in an older segment */
        uint32_t used = hf_position(tail) - begun;
        uint32_t till_end = ring->mask + 1 - ((hf_position(tail) - ring->base) & ring->mask);
        uint32_t skip = units > till_end ? till_end : 0;
        if (used > ring->mask + 1 || skip + units > ring->mask + 1 - used)
                return 0;
        *ret_skip = skip;
        return skip + units;
}

/* The header for the next record, behind the filler if one is needed. */
static inline struct hf_header *hf_ring_begin(const struct hf_ring *ring, uint64_t tail,
                                              uint32_t skip)
{
        uint32_t index = (hf_position(tail) - ring->base) & ring->mask;
        struct hf_header *header = hf_ring_at(ring, index);
        if (hf_likely(!skip))
                return header;
        *header = (struct hf_header){ 0, HF_RECORD_FILLER };
        return hf_ring_at(ring, 0);
}

/* Messages of 8 bytes are copied without a call; NULL is fine for none. */
static inline void hf_copy(void *to, const void *from, size_t size)
{
        if (size == 8)
                memcpy(to, from, 8);
        else if (size)
                memcpy(to, from, size);
}

static inline void hf_ring_write_data(struct hf_header *header, const void *data, size_t size)
{
        *header = (struct hf_header){ (uint32_t)size, HF_RECORD_DATA };
        hf_copy(header + 1, data, size);
}

static inline void hf_ring_write_block(struct hf_header *header, hf_offset block, uint64_t size)
{
        struct hf_block_record record = { block, size };
        *header = (struct hf_header){ sizeof(record), HF_RECORD_BLOCK };
        memcpy(header + 1, &record, sizeof(record));
}

/* A message in the ring. */
struct hf_record {
        const void *data; /* HF_RECORD_DATA */
        hf_offset block;  /* HF_RECORD_BLOCK; else 0 */
        uint64_t size;
        uint32_t units; /* with the filler before it */
};

/* Read the record at `head`, of which at most `most` units were committed. 0, -EUCLEAN. */
static inline int hf_ring_read(const struct hf_ring *ring, uint64_t head, uint32_t most,
                               struct hf_record *ret_record)
{
        uint32_t index = (hf_position(head) - ring->base) & ring->mask;
        uint32_t skip = 0;
        struct hf_header header;
        memcpy(&header, hf_ring_at(ring, index), sizeof(header));
        if (hf_unlikely(header.kind == HF_RECORD_FILLER)) {
                skip = ring->mask + 1 - index;
                index = 0;
                memcpy(&header, hf_ring_at(ring, 0), sizeof(header));
        }
        uint32_t units = hf_units_of(header.size);
        if (hf_unlikely(header.size > HF_INLINE_MOST || skip + units > most ||
                        index + units > ring->mask + 1))
                return -EUCLEAN;
        struct hf_record record = { (const unsigned char *)hf_ring_at(ring, index) + HF_UNIT, 0,
                                    header.size, skip + units };
        if (hf_unlikely(header.kind != HF_RECORD_DATA)) {
                struct hf_block_record named;
                if (header.kind != HF_RECORD_BLOCK || header.size != sizeof(named))
                        return -EUCLEAN;
                memcpy(&named, record.data, sizeof(named));
                record.data = hf_checked_at(named.block, named.size, 16);
                if (!record.data)
                        return -EUCLEAN;
                record.block = named.block;
                record.size = named.size;
        }
        *ret_record = record;
        return 0;
}

/* queue_ring.c */

/* A segment of so many units, whose offset goes to *place, as with hf_heap_alloc_at(). */
int hf_segment_new_at(hf_offset *place, uint32_t units);

/* Follow the ring of `seen` (put.segment) by one of `units` at least, unless somebody did. The
 * caller holds no guard and may have a block noted in intents.block. 0, -ENOMEM, -EUCLEAN. */
int hf_queue_grow(struct hay_queue *queue, struct hf_member *self, hf_offset seen, uint32_t units);

/* Leave drained segments: get.segment moves on as far as head allows, the old ones are freed. The
 * caller holds no guard and no note. 0, -EUCLEAN. */
int hf_queue_move_on(struct hay_queue *queue, struct hf_member *self);

/* Give a large, empty ring's memory back. As hf_queue_move_on(). */
void hf_queue_shrink(struct hay_queue *queue, struct hf_member *self);

#endif
