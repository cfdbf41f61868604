/* Queue: messages of any size between any number of producers and consumers. The data belongs to
 * the region: a producer may exit as soon as put returns. */
#ifndef HAYFORK_QUEUE_H
#define HAYFORK_QUEUE_H

#include <hayfork/time.h>

HAY_BEGIN

/* Lives in the region; its address is valid in every member. */
typedef struct hay_queue hay_queue;

struct hay_queue_options {
        size_t max_messages; /* put waits when so many are in it; 0: unbounded, put never waits */
        bool joinable;       /* keep each message until task_done, redeliver it if its taker dies */
};

/* See hay_queue_new(). */
HAY_API int hay_queue_new_sized(hay_queue **ret_queue, const struct hay_queue_options *options,
                                size_t options_size);

/* A new, empty queue. A SimpleQueue is one with all defaults, a JoinableQueue has .joinable.
 * -EINVAL: NULL ret_queue, max_messages over 2^31; -ENOMEM.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
static inline int hay_queue_new(hay_queue **ret_queue, const struct hay_queue_options *options)
{
        return hay_queue_new_sized(ret_queue, options, sizeof(*options));
}

/* Free it with all that is in it; nobody may use it then. NULL is fine. Returns NULL.
 * Safety: threads one · after fork child · in signal handlers no · if killed recovers */
HAY_API hay_queue *hay_queue_free(hay_queue *queue);

/* Put a copy of `size` bytes (0 is a message too). -ETIMEDOUT: full until the deadline; -EPIPE: the
 * queue is closed; -EMSGSIZE: larger than the region; -ENOMEM: the region is full, nothing was put;
 * -EINVAL: NULL.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_queue_put(hay_queue *queue, const void *data, size_t size, hay_time deadline);

/* Take the oldest message into a buffer of `capacity` bytes; its size goes to ret_size (may be
 * NULL). 0, or HAY_REDELIVERED. -EMSGSIZE: the buffer is too small, ret_size tells the needed size
 * and the message stays the oldest; -ETIMEDOUT: empty until the deadline; -EPIPE: empty, and
 * closed; -ENOMEM; -EINVAL.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_queue_get(hay_queue *queue, void *ret_data, size_t capacity, size_t *ret_size,
                          hay_time deadline);

/* A run of messages for put_many and get_many. */
struct hay_part {
        void *data;
        size_t size; /* put: the message's; get: the buffer's, then the message's */
};

/* Put `count` messages in order, as many as fit under one lock (those over 1 KiB, and all of a
 * joinable queue, take it each). Returns how many were put: fewer when the deadline passed or memory
 * ran out after some; the error of hay_queue_put() when there were none.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API ssize_t hay_queue_put_many(hay_queue *queue, const struct hay_part *parts, size_t count,
                                   hay_time deadline);

/* Take up to `count` messages, at least one: waits for the first only. Returns how many; stops
 * before one that does not fit its buffer (-EMSGSIZE with the needed size in parts[0].size when it
 * is the first). Whether one was delivered before is not told. Other errors as hay_queue_get().
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API ssize_t hay_queue_get_many(hay_queue *queue, struct hay_part *parts, size_t count,
                                   hay_time deadline);

/* A message lent without a copy. */
struct hay_message {
        void *data; /* size bytes in the region */
        size_t size;
        uint64_t private_hold; /* who keeps it, for the case of death; 0: nothing lent */
};

/* Take the oldest message without copying it. It is the caller's until hay_message_release(); if
 * the caller dies it is counted lost (or redelivered, joinable). Results as hay_queue_get().
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_queue_take(hay_queue *queue, struct hay_message *ret_message, hay_time deadline);

/* Memory for a message of `size` bytes, to be filled in place and sent by hay_queue_send(), or
 * given back by hay_message_release(). Its content is undefined. -ENOMEM; -EINVAL.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_message_new(struct hay_message *ret_message, size_t size);

/* Put a message that hay_message_new() or hay_queue_take() gave, without a copy; it is the queue's
 * then. On failure it stays the caller's. A message taken from a joinable queue counts there as
 * done by this. Errors as hay_queue_put().
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_queue_send(hay_queue *queue, struct hay_message *message, hay_time deadline);

/* Give the memory back (for a joinable queue it stays unfinished until task_done). Zeroed ones are
 * fine. Returns 0, -EINVAL when it was not lent to this process.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_message_release(struct hay_message *message);

/* Messages in it just now, with those that are to be delivered again; -EINVAL: NULL.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API ssize_t hay_queue_size(const hay_queue *queue);
/* 1 or 0, just now; -EINVAL: NULL.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API int hay_queue_empty(const hay_queue *queue);
/* 1 or 0, just now (never for an unbounded one); -EINVAL: NULL.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API int hay_queue_full(const hay_queue *queue);

/* No more puts, by anybody: they get -EPIPE; gets go on until it is empty. Idempotent.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_queue_close(hay_queue *queue);

/* How many messages were lost so far because their taker died between taking and returning.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API uint64_t hay_queue_lost(hay_queue *queue);

/* Joinable: the oldest message that this process took is dealt with. -EPERM: called more often than
 * there were messages; -EINVAL: NULL or not joinable.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_queue_task_done(hay_queue *queue);

/* Joinable: wait until every message that was put is dealt with. -ETIMEDOUT; -EINVAL.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_queue_join(hay_queue *queue, hay_time deadline);

HAY_END

#endif
