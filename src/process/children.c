/* The list of this process's children, and what a fork does to it.
 *
 * A handle is in the list from before its process exists until it is closed. fork(), whoever calls
 * it, takes the lock; so its child finds the list whole, closes all fds that stand in it (a copy of
 * a lifeline's end would keep others alive, a copy of a sentinel is waste), and forgets it: what
 * was a child of its parent is none of its own. Handles carry the generation in which they were
 * made, by which they are known to be inherited. */
#include "process/handle.h"

#include "base/atomic.h"
#include "member/member.h"
#include "process/current.h"
#include "process/exit.h"
#include "process/forkserver.h"
#include "process/list.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

_Thread_local struct hay_process *hf_forking;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hay_process *first;
static struct hay_process *last;
static uint64_t generation = 1;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_result;

void hf_children_lock(void)
{
        pthread_mutex_lock(&lock);
}

void hf_children_unlock(void)
{
        pthread_mutex_unlock(&lock);
}

uint64_t hf_generation(void)
{
        return generation;
}

bool hf_is_ours(const struct hay_process *process)
{
        return process->generation == generation;
}

static void after_fork_in_child(void)
{
        lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        generation++;
        for (struct hay_process *process = first; process; process = process->next) {
                process->pins = 0;
                int count = process == hf_forking ? HF_OUR_FDS : HF_ALL_FDS;
                for (int i = 0; i < count; i++)
                        hf_handle_close_fd(process, i);
        }
        first = last = NULL;
        hf_let_go();
        hf_forkserver_forget();
}

static void ready(void)
{
        int ignored;
        /* Exit handlers run last first: the member is to leave after its children were buried. */
        hf_self(&ignored);
        once_result = hf_around_fork(hf_children_lock, hf_children_unlock, after_fork_in_child);
}

int hf_children_ready(void)
{
        static bool has_handler;
        pthread_once(&once, ready);
        if (once_result < 0 || atomic_load_relaxed(&has_handler))
                return once_result;
        /* Two threads may both come here; a second handler finds nothing to do. */
        int r = hf_at_exit(hf_end_children);
        if (r == 0)
                atomic_store_relaxed(&has_handler, true);
        return r;
}

void hf_list_add(struct hay_process *process)
{
        process->previous = last;
        *(last ? &last->next : &first) = process;
        last = process;
}

static void drop(struct hay_process *process)
{
        *(process->previous ? &process->previous->next : &first) = process->next;
        *(process->next ? &process->next->previous : &last) = process->previous;
        free(process);
}

void hf_list_drop(struct hay_process *process)
{
        if (process->pins)
                process->abandoned = true;
        else
                drop(process);
}

static void unpin(struct hay_process *process)
{
        if (--process->pins == 0 && process->abandoned)
                drop(process);
}

void hf_unpin(struct hay_process *process)
{
        hf_children_lock();
        unpin(process);
        hf_children_unlock();
}

struct hay_process *hf_next_pinned(struct hay_process *process)
{
        hf_children_lock();
        struct hay_process *next = process ? process->next : first;
        while (next && (!next->started || next->abandoned))
                next = next->next;
        if (next)
                next->pins++;
        if (process)
                unpin(process);
        hf_children_unlock();
        return next;
}

ssize_t hay_active_children(hay_process **ret_processes, size_t capacity)
{
        if (!ret_processes && capacity)
                return -EINVAL;
        hf_settle_all();
        size_t count = 0;
        hf_children_lock();
        for (struct hay_process *process = first; process; process = process->next) {
                if (!process->started || process->abandoned || hf_look(process, false))
                        continue;
                if (count < capacity)
                        ret_processes[count] = process;
                count++;
        }
        hf_children_unlock();
        return (ssize_t)count;
}
