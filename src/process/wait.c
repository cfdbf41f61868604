/* Waiting for the first of many.
 *
 * Fds (of connections, processes, the caller's) are the kernel's to watch. Queues are memory, and
 * have none: the region has one bell, an eventfd that all members inherit and nobody reads. A
 * waiter marks each of its queues; the next put or close of a marked queue rings. Each waiter
 * hears it by an ear of its own, so that a ring reaches all of them and none can swallow it.
 *
 * The order: clear the ear, mark the queues, look at all, sleep. A put that the look did not see
 * finds the mark, and its ring stays in the ear.
 *
 * The crash table
 *   ringer  dead between its put and the ring: the waiter sleeps in slices and looks again.
 *   waiter  dead with its marks set: the next put rings for nobody, once.
 *   taker   of a joinable queue, dead: its message is there again, which a look finds. */
#include <hayfork/wait.h>

#include "base/checked.h"
#include "channel/connection.h"
#include "channel/queue.h"
#include "member/park.h"
#include "os/poll.h"
#include "region/region.h"

#include <errno.h>
#include <stdlib.h>

/* So many fds need no memory. */
#define FEW 16

struct waiter {
        struct hay_waitable *waitables;
        size_t count;
        bool has_queues;
        bool has_slept;
        struct hf_transient ear; /* open once it has to sleep for a queue */
        struct pollfd *entries;  /* one for each waitable that is no queue, in their order */
        size_t entry_count;      /* and one more place, for the ear */
        struct pollfd few[FEW];
};

/* The fd of a waitable, -1 for a queue's; or what is wrong with it. */
static int fd_of(const struct hay_waitable *waitable, int *ret_fd)
{
        int named = !!waitable->queue + !!waitable->connection + !!waitable->process +
                    !!waitable->fd_plus_one;
        if (named != 1)
                return -EINVAL;
        if (waitable->queue) {
                *ret_fd = -1;
                return 0;
        }
        if (waitable->connection && !waitable->connection->can_recv)
                return -EBADF;
        int fd = waitable->connection ? waitable->connection->fd
                 : waitable->process  ? hay_process_sentinel(waitable->process)
                                      : waitable->fd_plus_one - 1;
        if (fd < 0)
                return waitable->process ? fd : -EBADF;
        *ret_fd = fd;
        return 0;
}

static int collect(struct waiter *waiter)
{
        if (waiter->count >= FEW) {
                waiter->entries = calloc(waiter->count + 1, sizeof(*waiter->entries));
                if (!waiter->entries)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < waiter->count; i++) {
                int fd;
                int r = fd_of(&waiter->waitables[i], &fd);
                if (r < 0)
                        return r;
                if (fd < 0)
                        waiter->has_queues = true;
                else
                        waiter->entries[waiter->entry_count++] =
                                (struct pollfd){ .fd = fd, .events = POLLIN };
        }
        return 0;
}

static bool a_queue_is_ready(const struct waiter *waiter)
{
        for (size_t i = 0; i < waiter->count; i++)
                if (waiter->waitables[i].queue && hf_queue_ready(waiter->waitables[i].queue))
                        return true;
        return false;
}

/* Mark what is ready, and count it. */
static int mark(struct waiter *waiter)
{
        const struct pollfd *entry = waiter->entries;
        int count = 0;
        for (size_t i = 0; i < waiter->count; i++) {
                struct hay_waitable *waitable = &waiter->waitables[i];
                if (waitable->queue) {
                        waitable->ready = hf_queue_ready(waitable->queue);
                } else {
                        if (entry->revents & POLLNVAL)
                                return -EBADF;
                        waitable->ready = entry++->revents != 0;
                }
                count += waitable->ready;
        }
        return count;
}

/* A bell that the program has closed is not heard: then the slices alone must do. */
static int open_ear(struct waiter *waiter)
{
        hf_transient_begin();
        int ear = hf_ear_open(hf_region_bell());
        hf_transient_enter(&waiter->ear, ear < 0 ? -1 : ear);
        hf_transient_end();
        return ear == -EMFILE || ear == -ENFILE || ear == -ENOMEM ? ear : 0;
}

/* Hear the next ring for any of the queues. */
static void listen_to_queues(struct waiter *waiter)
{
        hf_ear_clear(waiter->ear.fd);
        for (size_t i = 0; i < waiter->count; i++)
                if (waiter->waitables[i].queue)
                        hf_queue_watch(waiter->waitables[i].queue);
        waiter->entries[waiter->entry_count] =
                (struct pollfd){ .fd = waiter->ear.fd, .events = POLLIN };
}

/* Sleep until something may be ready. */
static int sleep_once(struct waiter *waiter, hay_time deadline)
{
        if (!waiter->has_queues)
                return hf_poll(waiter->entries, waiter->entry_count, deadline);
        listen_to_queues(waiter);
        hay_time slice = a_queue_is_ready(waiter) ? HAY_NOWAIT : hay_now() + HF_SLICE_IDLE;
        if (deadline != HAY_FOREVER)
                slice = hf_min(slice, deadline);
        return hf_poll(waiter->entries, waiter->entry_count + 1, slice);
}

static int wait_for_first(struct waiter *waiter, hay_time deadline)
{
        int r = hf_poll(waiter->entries, waiter->entry_count, HAY_NOWAIT);
        for (;;) {
                /* What poll(2) says of more entries than a process may have fds. */
                if (r == -EINVAL)
                        return -EMFILE;
                if (r >= 0)
                        r = mark(waiter);
                if (r != 0)
                        return r;
                if (hf_is_past(deadline))
                        return -ETIMEDOUT;
                if (waiter->has_queues && !waiter->has_slept) {
                        r = open_ear(waiter);
                        if (r < 0)
                                return r;
                        waiter->has_slept = true;
                }
                r = sleep_once(waiter, deadline);
        }
}

int hay_wait(struct hay_waitable *waitables, size_t count, hay_time deadline)
{
        if (!waitables || !count)
                return -EINVAL;
        struct waiter waiter = { .waitables = waitables, .count = count, .ear = { .fd = -1 } };
        waiter.entries = waiter.few;
        int r = collect(&waiter);
        if (r == 0)
                r = wait_for_first(&waiter, deadline);
        for (size_t i = 0; r < 0 && i < count; i++)
                waitables[i].ready = false;
        hf_transient_close(&waiter.ear);
        if (waiter.entries != waiter.few)
                free(waiter.entries);
        return r;
}
