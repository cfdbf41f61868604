/* The end of a process, in Python's order: its daemonic children are terminated and awaited, then
 * the others are joined, then stdio is flushed. Runs by atexit() in processes that end by exit(),
 * and in a child after its function returned. A process that dies by a signal or _exit() takes its
 * daemonic children along by their lifelines; the others go on.
 *
 * Unlike in Python a daemonic child that does not heed SIGTERM within GRACE is killed: an exit that
 * hangs for ever is worse. */
#include "process/exit.h"

#include "process/handle.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>

#define GRACE_MS 1000

static void send_to_daemons(int signal)
{
        for (struct hay_process *p = hf_next_pinned(NULL); p; p = hf_next_pinned(p))
                if (p->daemon)
                        hf_send_signal(p, signal);
}

void hf_end_children(void)
{
        send_to_daemons(SIGTERM);
        hay_time deadline = hay_in_ms(GRACE_MS);
        for (struct hay_process *p = hf_next_pinned(NULL); p; p = hf_next_pinned(p))
                if (p->daemon)
                        hay_process_join(p, deadline, NULL);
        send_to_daemons(SIGKILL);
        for (struct hay_process *p = hf_next_pinned(NULL); p; p = hf_next_pinned(p))
                hay_process_join(p, HAY_FOREVER, NULL);
}

void hf_flush_stdio(void)
{
        /* fflush(NULL) takes each stream's lock, and a thread that waits for input holds that of
         * stdin for as long as it waits. */
        if (ftrylockfile(stdin) == 0) {
                fflush(NULL);
                funlockfile(stdin);
        } else {
                fflush(stdout);
                fflush(stderr);
        }
}

void hf_purge_stdio(void)
{
        __fpurge(stdout);
        __fpurge(stderr);
}
