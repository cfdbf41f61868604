/* Children of this process: making them, waiting for their end, signalling them. */
#ifndef HF_OS_CHILD_H
#define HF_OS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The lowest fd that a fresh process may be handed; the ones below are the standard streams. */
#define HF_FIRST_FD 3

/* fork() with its handlers: 0 in the child, its pid in the parent, or -errno. */
pid_t hf_fork(void);

/* Run before each fork() in its parent, and after it in parent and child; 0 or -errno. */
int hf_around_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));

/* Start this program's file afresh, without a copy of this process's page tables. fds[i] becomes
 * fd HF_FIRST_FD + i, the standard streams stay, all others are closed. 0 or -errno. */
int hf_spawn_self(char *const argv[], const int *fds, size_t count, pid_t *ret_pid);

/* How a child ended; code is -1 when a signal ended it or nobody knows. */
struct hf_end {
        int code;
        int signal;
};

/* Reap this child, and no other, if it has ended: 1 with its end; 0 while it runs. When somebody
 * else reaped it (a handler of SIGCHLD, or the kernel because SIGCHLD is ignored) its end is
 * unknown. `pidfd` may be -1, then the pid alone must do. */
int hf_reap(pid_t pid, int pidfd, struct hf_end *ret_end);

/* Wait until it has ended, and reap it. */
void hf_reap_wait(pid_t pid, int pidfd);

/* Send a signal to the process behind a pidfd; where there is none (-1), or no such call, to the
 * pid. 0 also when it has ended; -errno. */
int hf_signal(pid_t pid, int pidfd, int signal);

/* Run when this process ends by exit(); 0 or -ENOMEM. */
int hf_at_exit(void (*handler)(void));

#endif
