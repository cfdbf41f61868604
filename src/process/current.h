/* Who this process is, and what a child is told of that. */
#ifndef HF_PROCESS_CURRENT_H
#define HF_PROCESS_CURRENT_H

#include <hayfork/process.h>

struct hf_who {
        char name[sizeof(((struct hay_process_info *)0)->name)];
        char place[192]; /* in the family: "" is its head, "2:1" the first child of its second */
        bool daemon;
        bool has_parent;
        struct {
                char name[sizeof(((struct hay_process_info *)0)->name)];
                bool daemon;
                pid_t pid;
                uint64_t start_time; /* 0: unknown */
        } parent;
};

bool hf_is_daemon(void);

#define HF_DEFAULT_NAME_SIZE 208

/* What the next child is, and its whole name: the given one, or a default that is written into
 * `space`. */
const char *hf_who_next(const char *name, bool daemon, struct hf_who *ret_who,
                        char space[static HF_DEFAULT_NAME_SIZE]);

/* This process is that child now. It has one thread. */
void hf_become(const struct hf_who *who);

/* The same for its ends of pipes: the lifeline is held on to (SIGKILL when the parent is gone), the
 * status pipe kept open. Both -1 when there is none. -EPIPE: the parent is gone. */
int hf_hold(int lifeline, int status);

/* After a fork: what hf_hold() held is the parent's, not ours. */
void hf_let_go(void);

#endif
