/* The heap: blocks of the region, from 16 bytes to many GiB. */
#ifndef HF_MEMORY_HEAP_H
#define HF_MEMORY_HEAP_H

#include "member/member.h"

/* A block of at least `size` bytes, aligned to `alignment` (0: as hay_alloc()), zeroed or not,
 * whose offset is stored at *place, a word of the region that held 0: at every instant it names a
 * live block, or 0 (once the heap is repaired). 0, -ENOMEM, -EINVAL; then *place is 0. */
int hf_heap_alloc_at(hf_offset *place, size_t size, size_t alignment, bool zeroed);

/* Free the block that *place names, and make *place 0, in one step. 0; -EINVAL: it names no live
 * block; then it is 0 nevertheless. */
int hf_heap_free_at(hf_offset *place);

/* The same with a note in self->intents.block for the place: the caller links the block somewhere,
 * then forgets the note with hf_heap_linked(); if it dies before, burial frees the block. Hence one
 * unlinked block a member at a time; intents.spare_block is a second such place. */
int hf_heap_alloc(struct hf_member *self, size_t size, size_t alignment, bool zeroed,
                  void **ret_block);

/* The block noted in intents.block is linked now: forget the note. */
static inline void hf_heap_linked(struct hf_member *self)
{
        atomic_store_release(&self->intents.block, (hf_offset)0);
}

/* Free a block; -EINVAL when it is no live block. A note of it in the caller's intents.block or
 * .spare_block is cleared. */
int hf_heap_free(struct hf_member *self, void *block);

/* The usable size of a live block; 0 when it is none. */
size_t hf_heap_block_size(struct hf_member *self, const void *block);

#endif
