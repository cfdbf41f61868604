/* A child's handle, and the list of them: known to this process alone, nothing of it is shared. */
#ifndef HF_PROCESS_HANDLE_H
#define HF_PROCESS_HANDLE_H

#include "os/child.h"
#include "os/module.h"

#include <hayfork/process.h>

/* Our ends of the pipes and sockets of a child, and its ends as long as it is starting. -1: none.
 */
enum {
        HF_PIDFD,    /* readable once it has ended */
        HF_STATUS,   /* instead, where there is no pidfd: end of file once it has ended. For
                      * children of the forkserver: how it ended, then end of file */
        HF_LIFELINE, /* held while this process lives: see os/lifeline.h */
        HF_CHANNEL,  /* what it is to do, and its answer, until it has taken that over */
        HF_OUR_FDS,
        HF_ITS_STATUS = HF_OUR_FDS,
        HF_ITS_LIFELINE,
        HF_ITS_CHANNEL,
        HF_ALL_FDS,
};

struct hay_process {
        struct hay_process *next;
        struct hay_process *previous;
        uint64_t generation; /* of the process whose child it is */
        int fds[HF_ALL_FDS];
        pid_t pid;
        bool daemon;
        bool by_server; /* the forkserver's child, which reaps it */
        bool started;   /* start has returned it: pid and fds are as they will be */
        bool ended;     /* `end` holds */
        bool buried;    /* its members are */
        bool abandoned; /* closed while somebody had it pinned: the last of these frees it */
        unsigned pins;  /* who walks the list and looks at it now */
        struct hf_end end;
        char name[];
};

/* One lock stands over the list, all handles and all their fds. fork() holds it too, so that a
 * child finds all in order, and closes what it may not keep. Hold it only for instants. */
void hf_children_lock(void);
void hf_children_unlock(void);

/* Prepare this process for having children: 0 or -ENOMEM. */
int hf_children_ready(void);

/* The number of forks between this process and the first one. */
uint64_t hf_generation(void);

/* Whether it is a child of this process, not of one that this one was forked from. */
bool hf_is_ours(const struct hay_process *process);

/* A handle without a process, in the list but not started. */
int hf_handle_new(const char *name, bool daemon, struct hay_process **ret_process);

/* Take it out of the list, close its fds, free it. */
void hf_handle_free(struct hay_process *process);

/* Make a pipe or socket for it, both ends. The list is not locked. */
int hf_handle_lifeline(struct hay_process *process);
int hf_handle_channel(struct hay_process *process);
int hf_handle_status(struct hay_process *process);

/* A placeholder for its pidfd, which proves that there is one to be had; where this system has
 * none, a pipe that the child holds instead. */
int hf_handle_reserve(struct hay_process *process);

/* Its pid is known: get the pidfd. The list is locked. On failure it has no sentinel yet, but its pid
 * will do: nobody else has that before it is reaped here. */
int hf_handle_born(struct hay_process *process, pid_t pid);

/* See that it has a sentinel: 0, or why there is none (-EMFILE ...). The list is locked. */
int hf_handle_sentinel(struct hay_process *process);

/* Close its ends, which it has by now. The list is locked. */
void hf_handle_close_its(struct hay_process *process);

/* It has begun: its ends are closed here, and others see it in the list. */
void hf_handle_started(struct hay_process *process);

/* The start failed: kill and reap what there is, and free the handle. */
void hf_handle_failed(struct hay_process *process);

/* Close one of its fds. The list is locked. */
void hf_handle_close_fd(struct hay_process *process, int which);

/* The handle whose child is being forked by this thread: the child keeps the ends that are its. */
extern _Thread_local struct hay_process *hf_forking;

/* The next started handle after `process` (NULL: the first), pinned until hf_unpin(); the pin of
 * `process` is let go. NULL at the end. */
struct hay_process *hf_next_pinned(struct hay_process *process);
void hf_unpin(struct hay_process *process);

/* Look whether it has ended: 1, and ret_exit (may be NULL) is filled; 0 while it runs. If
 * `exactly`, it runs until it is known how it ended. The members of one that ended are buried. */
int hf_settle(struct hay_process *process, bool exactly, struct hay_exit *ret_exit);

/* The same within the lock, burying nobody. */
bool hf_look(struct hay_process *process, bool exactly);

/* Send a signal unless it has ended: 0, -EINVAL, -ECHILD, -errno. */
int hf_send_signal(struct hay_process *process, int signal);

/* Reap all that have ended. */
void hf_settle_all(void);

#endif
