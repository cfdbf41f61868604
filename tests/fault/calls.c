/* What the calls that the engine and the C library make may return, by their manual pages; of those
 * the ones that a caller in the right can meet. */
#include "fault.h"

#include <sys/syscall.h>

#define MOST 6

static const struct {
        const char *name;
        short call;
        short errors[MOST];
        bool done_anyway;
} table[] = {
#define CALL(name, ...) \
        { \
#name, SYS_##name, { __VA_ARGS__ }, false \
        }
#define DONE(name, ...) \
        { \
#name, SYS_##name, { __VA_ARGS__ }, true \
        }
        CALL(access, EACCES),
        CALL(brk, ENOMEM),
        CALL(clone, EAGAIN, ENOMEM),
        CALL(clone3, EAGAIN, ENOMEM, ENOSYS),
        CALL(connect, EINTR, EAGAIN),
        CALL(epoll_create1, EMFILE, ENFILE, ENOMEM),
        CALL(epoll_ctl, ENOMEM, ENOSPC),
        CALL(epoll_wait, EINTR),
        CALL(eventfd2, EMFILE, ENFILE, ENOMEM),
        CALL(fallocate, EINTR, ENOSPC, ENOMEM),
        CALL(fcntl, EMFILE),
        CALL(fork, EAGAIN, ENOMEM),
        CALL(fstat, ENOMEM),
        CALL(ftruncate, EINTR, ENOSPC),
        CALL(futex, EINTR, ENOMEM),
        CALL(getdents64, ENOENT),
        CALL(getrandom, EINTR, ENOSYS),
        CALL(getsockopt, ENOBUFS),
        CALL(ioctl, ENOTTY),
        CALL(kill, EPERM),
        CALL(madvise, ENOMEM, EAGAIN, EINVAL),
        CALL(memfd_create, EMFILE, ENFILE, ENOMEM),
        CALL(mmap, ENOMEM, ENFILE),
        CALL(mprotect, ENOMEM),
        CALL(newfstatat, ENOMEM),
        CALL(openat, EMFILE, ENFILE, EACCES, ENOMEM),
        CALL(pidfd_open, EMFILE, ENFILE, ENOMEM, ENOSYS),
        CALL(pidfd_send_signal, ENOSYS, EPERM),
        CALL(pipe2, EMFILE, ENFILE),
        CALL(poll, EINTR, ENOMEM),
        CALL(ppoll, EINTR, ENOMEM),
        CALL(prctl, EINVAL),
        CALL(pread64, EINTR, EIO),
        CALL(prlimit64, EPERM),
        CALL(read, EINTR, EIO),
        CALL(readlink, EACCES, ENOMEM),
        CALL(recvfrom, EINTR),
        CALL(recvmsg, EINTR, ENOMEM),
        CALL(rt_sigqueueinfo, EAGAIN),
        CALL(sched_getaffinity, EPERM),
        CALL(sendmsg, EINTR, ENOBUFS, ENOMEM),
        CALL(sendto, EINTR, ENOBUFS, ENOMEM),
        CALL(setsockopt, ENOMEM),
        CALL(shutdown, ENOBUFS),
        CALL(socketpair, EMFILE, ENFILE, ENOMEM),
        CALL(statfs, EACCES),
        CALL(vfork, EAGAIN, ENOMEM),
        CALL(wait4, EINTR),
        CALL(waitid, EINTR),
        CALL(write, EINTR),
        CALL(writev, EINTR),
        DONE(close, EINTR, EIO),
        DONE(munmap, ENOMEM),
        /* These don't fail for a caller in the right. */
        CALL(clock_nanosleep, EINTR),
        CALL(exit_group, 0),
        CALL(getpid, 0),
        CALL(getppid, 0),
        CALL(getuid, 0),
        CALL(gettid, 0),
        CALL(lseek, 0),
        CALL(restart_syscall, 0),
        CALL(rt_sigaction, 0),
        CALL(rt_sigprocmask, 0),
        CALL(rt_sigreturn, 0),
        CALL(sched_yield, 0),
        CALL(set_robust_list, 0),
        CALL(set_tid_address, 0),
        CALL(rseq, 0),
        CALL(arch_prctl, 0),
        CALL(tgkill, 0),
};

static size_t find(long call)
{
        size_t i = 0;
        while (i < sizeof(table) / sizeof(*table) && table[i].call != call)
                i++;
        return i;
}

const short *fault_errors(long call, bool *ret_known)
{
        size_t i = find(call);
        *ret_known = i < sizeof(table) / sizeof(*table);
        return *ret_known && table[i].errors[0] ? table[i].errors : NULL;
}

const char *fault_call_name(long call)
{
        size_t i = find(call);
        return i < sizeof(table) / sizeof(*table) ? table[i].name : "?";
}

bool fault_is_done_anyway(long call)
{
        size_t i = find(call);
        return i < sizeof(table) / sizeof(*table) && table[i].done_anyway;
}

bool fault_may_last(long call)
{
        return call != SYS_futex && call != SYS_poll && call != SYS_ppoll && call != SYS_epoll_wait;
}
