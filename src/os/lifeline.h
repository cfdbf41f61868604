/* A lifeline: a pipe whose writing end a process keeps as long as it lives; whoever holds on to the
 * other end is killed by the kernel when it is gone. */
#ifndef HF_OS_LIFELINE_H
#define HF_OS_LIFELINE_H

/* Have this process killed (SIGKILL) as soon as the other end of `fd` is closed. Lasts until `fd`
 * is closed. 0; -EPIPE: it is closed already; -errno: this kernel can't. */
int hf_lifeline_hold(int fd);

/* The next best: SIGKILL when the thread that started this process ends. 0 or -errno. */
int hf_lifeline_by_thread(void);

#endif
