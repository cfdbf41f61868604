/* What other folders ask of a queue. */
#ifndef HF_CHANNEL_QUEUE_H
#define HF_CHANNEL_QUEUE_H

#include <hayfork/queue.h>

/* Whether a get would not wait: a message, or one to be delivered again, or closed. A queue that is
 * none is ready: the get tells the error. */
bool hf_queue_ready(const hay_queue *queue);

/* Let the next put or close ring the region's bell, once. Who watches looks at hf_queue_ready()
 * after this and before it waits, and again at the end of each slice. */
void hf_queue_watch(hay_queue *queue);

#endif
