/* Sleeping at a queue, and waking who sleeps there. */
#ifndef HF_CHANNEL_QUEUE_WAIT_H
#define HF_CHANNEL_QUEUE_WAIT_H

#include "channel/queue_words.h"

#define HF_ATTENTION_SLEEPERS 1u
#define HF_ATTENTION_WATCHED 2u

/* Wait until there may be a message, or room: spin, then sleep for a slice. `*slept` is set when it
 * did (to how long at most): then the caller owes hf_queue_pass_on_get() or …_put() before it
 * returns. 0: look again; -ETIMEDOUT: the deadline has passed already. */
int hf_queue_wait_message(struct hay_queue *queue, struct hf_member *self, hay_time deadline,
                          hay_time *slept);
int hf_queue_wait_room(struct hay_queue *queue, hay_time deadline, bool *slept);

/* One who was woken wakes the next if there is something for it, and else says that others may
 * still sleep. */
void hf_queue_pass_on_get(struct hay_queue *queue);
void hf_queue_pass_on_put(struct hay_queue *queue);

void hf_queue_wake_getter(struct hay_queue *queue);
void hf_queue_wake_putter(struct hay_queue *queue);
void hf_queue_wake_joiners(struct hay_queue *queue);
void hf_queue_wake_all(struct hay_queue *queue);

/* [Q3] After tail was stored and the guard's swap, a full fence: so either this load sees the flag,
 * or the getter's look after its flag sees the message. */
static inline void hf_queue_notify_getters(struct hay_queue *queue)
{
        if (hf_unlikely(atomic_load_full(&queue->get_attention)))
                hf_queue_wake_getter(queue);
}

/* [Q3] The same for head and for those who wait for room. */
static inline void hf_queue_notify_putters(struct hay_queue *queue)
{
        if (hf_unlikely(atomic_load_full(&queue->put_attention)))
                hf_queue_wake_putter(queue);
}

#endif
