/* The heap: blocks of the region, from 16 bytes to many GiB. */
#ifndef HF_MEMORY_HEAP_H
#define HF_MEMORY_HEAP_H

#include "member/member.h"

/* A block of at least `size` bytes, aligned to `alignment` (0: as hay_alloc()), zeroed or not. It
 * is noted as self->intents.block: the caller links it somewhere, then forgets the note with
 * hf_heap_linked(); if it dies before, burial frees the block. Hence one unlinked block a member at
 * a time; who needs a second one first moves the note to intents.spare_block (store there, then
 * clear block; a block that both name is freed once). 0, -ENOMEM, -EINVAL. */
int hf_heap_alloc(struct hf_member *self, size_t size, size_t alignment, bool zeroed,
                  void **ret_block);

/* The block noted in intents.block is linked now: forget the note. */
static inline void hf_heap_linked(struct hf_member *self)
{
        atomic_store_release(&self->intents.block, (hf_offset)0);
}

/* Free a block; -EINVAL when it is no live block. Every note of it in the caller's intents.block
 * and .spare_block is cleared. */
int hf_heap_free(struct hf_member *self, void *block);

/* The usable size of a live block; 0 when it is none. */
size_t hf_heap_block_size(struct hf_member *self, const void *block);

#endif
