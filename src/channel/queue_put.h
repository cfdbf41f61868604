/* Putting, as the other files of the queue need it. */
#ifndef HF_CHANNEL_QUEUE_PUT_H
#define HF_CHANNEL_QUEUE_PUT_H

#include "channel/queue_words.h"

/* Put a block. It is noted in self->intents.block (hold 0), or in the ledger under `hold`. On
 * success the note is gone; the hold is in the intents as sent, and its entry there still. On
 * failure nothing has changed. Results as hay_queue_put(). */
int hf_queue_put_block(struct hay_queue *queue, struct hf_member *self, hf_offset block,
                       uint64_t size, uint64_t hold, hay_time deadline);

#endif
