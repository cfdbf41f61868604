/* The state: a list of the fds that this process's threads have open for the calls that they are
 * in, under one mutex. A fork takes the mutex before it copies the process, so that the child finds
 * the list whole and closes what is on it: none of those calls goes on in the child.
 *
 * The list is the process's own, not the region's: a kill takes list and fds together. */
#include "os/transient.h"

#include "os/child.h"
#include "os/poll.h"

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct hf_transient *first;

void hf_transient_begin(void)
{
        pthread_mutex_lock(&mutex);
}

void hf_transient_end(void)
{
        pthread_mutex_unlock(&mutex);
}

void hf_transient_enter(struct hf_transient *transient, int fd)
{
        transient->fd = fd;
        if (fd < 0)
                return;
        transient->previous = NULL;
        transient->next = first;
        if (first)
                first->previous = transient;
        first = transient;
}

void hf_transient_close(struct hf_transient *transient)
{
        if (transient->fd < 0)
                return;
        pthread_mutex_lock(&mutex);
        if (transient->previous)
                transient->previous->next = transient->next;
        else
                first = transient->next;
        if (transient->next)
                transient->next->previous = transient->previous;
        /* Under the mutex: a child must not close what the number stands for by then. */
        hf_fd_close(transient->fd);
        pthread_mutex_unlock(&mutex);
        transient->fd = -1;
}

static void in_child(void)
{
        for (; first; first = first->next)
                hf_fd_close(first->fd);
        pthread_mutex_unlock(&mutex);
}

__attribute__((constructor)) static void watch_forks(void)
{
        /* It fails only when a program starts without memory. */
        hf_around_fork(hf_transient_begin, hf_transient_end, in_child);
}
