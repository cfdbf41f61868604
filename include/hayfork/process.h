/* Process: start a function in a process of its own, and join it.
 *
 * When the function returns, the child ends as in Python: its own daemonic children are terminated
 * (SIGTERM, and after a second SIGKILL), the others joined, stdio is flushed. A child by HAY_FORK or
 * HAY_FORKSERVER leaves by _exit(), so that exit handlers of its parent do not run; one by HAY_SPAWN
 * leaves by exit(). A process that ends by exit() or by a return from main() treats its children the
 * same way.
 *
 * SIGCHLD is left alone, and so are children that hayfork did not start. Who ignores SIGCHLD, or
 * waits for any child, takes the exit codes of hayfork's children too: join still returns, with an
 * exit that nobody knows. */
#ifndef HAYFORK_PROCESS_H
#define HAYFORK_PROCESS_H

#include <hayfork/time.h>

HAY_BEGIN

/* A child, known to the process that started it. */
typedef struct hay_process hay_process;

enum hay_start {
        HAY_FORK = 0,   /* a copy of this process: arguments by pointer, memory inherited */
        HAY_SPAWN,      /* a fresh process of the same program; call hay_main() first in main() */
        HAY_FORKSERVER, /* forked from a small process that was spawned once; the same rule */
};

struct hay_process_options {
        const char *name;     /* copied; NULL: "Process-1", "Process-2", … */
        bool daemon;          /* killed when its parent ends: SIGTERM at its exit, SIGKILL when
                               * it dies otherwise or executes another program */
        enum hay_start start; /* how; spawn and forkserver find the function again by its place */
        size_t argument_size; /* 0: the argument is passed by pointer (spawn: it must be NULL or in
                               * the region); else so many bytes are copied for the child */
};

/* How a child ended. */
struct hay_exit {
        int code;   /* its exit code, 0 to 255; -1 when a signal ended it or nobody knows */
        int signal; /* the signal that ended it, else 0 */
};

/* See hay_process_start(). */
HAY_API int hay_process_start_sized(hay_process **ret_process, int (*function)(void *arg),
                                    void *arg, const struct hay_process_options *options,
                                    size_t options_size);

/* Start function(arg) in a new process; what it returns (its low 8 bits) is the exit code. stdio is
 * flushed before, so nothing prints twice. -EINVAL: NULL, a bad option, or an argument that can't
 * be passed; -ENOTSUP: spawn or forkserver without hay_main(); -ENOENT: the function is in no
 * module that a fresh process could find again; -EPERM: a daemonic process may not have children;
 * -EAGAIN, -ENOMEM: as fork(2); -EMFILE, -ENFILE: a child needs an fd here, a daemonic one two;
 * -ECHILD, -EEXIST: the fresh process ended before it began, or something stood where the region
 * belongs. On failure no child, no fd is left.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
static inline int hay_process_start(hay_process **ret_process, int (*function)(void *arg),
                                    void *arg, const struct hay_process_options *options)
{
        return hay_process_start_sized(ret_process, function, arg, options, sizeof(*options));
}

/* First statement of main() in programs that use HAY_SPAWN or HAY_FORKSERVER: in a child that was
 * so started it runs the child and does not return; else it returns 0.
 * Safety: threads one · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_main(int argc, char **argv);

/* Wait for its end. ret_exit may be NULL. May be called again. -ETIMEDOUT: it still runs;
 * -ECHILD: it is not this process's child; -EINVAL: NULL.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_process_join(hay_process *process, hay_time deadline, struct hay_exit *ret_exit);

/* 1 while it runs, 0 afterwards. -EINVAL: NULL; -ECHILD: not this process's child.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_process_is_alive(hay_process *process);

/* Its pid; -EINVAL: NULL.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API pid_t hay_process_pid(const hay_process *process);
/* Its name; NULL for NULL. Valid until free.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API const char *hay_process_name(const hay_process *process);
/* 1 if daemonic, else 0; -EINVAL: NULL.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API int hay_process_daemon(const hay_process *process);
/* An fd that is readable once it has ended; the handle keeps it. -EINVAL: NULL; -ECHILD: not this
 * process's child.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API int hay_process_sentinel(const hay_process *process);

/* Send SIGTERM, SIGKILL, SIGINT. 0 also when it has ended. -EINVAL: NULL; -ECHILD: not a child.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_process_terminate(hay_process *process);
/* See hay_process_terminate().
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_process_kill(hay_process *process);
/* See hay_process_terminate().
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_process_interrupt(hay_process *process);

/* Free the handle of a child that has ended. -EBUSY: it still runs, the handle stays; 0 for NULL,
 * and for a handle that was inherited through a fork.
 * Safety: threads one · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_process_close(hay_process *process);

/* This process's children that still run; the ended ones are reaped. Stores up to `capacity`
 * handles (owned as before) and returns how many there are. -EINVAL: NULL with a capacity.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API ssize_t hay_active_children(hay_process **ret_processes, size_t capacity);

/* Who I am, and who started me. */
struct hay_process_info {
        pid_t pid;
        char name[64]; /* cut at 63 bytes */
        bool daemon;
        bool alive; /* the parent may have ended */
};

/* This process: "MainProcess" if hayfork did not start it. -EINVAL: NULL.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_current_process(struct hay_process_info *ret_info);

/* The process that started this one; -ESRCH in a main process. -EINVAL: NULL.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_parent_process(struct hay_process_info *ret_info);

HAY_END

#endif
