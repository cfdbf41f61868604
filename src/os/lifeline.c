/* PR_SET_PDEATHSIG would be the obvious means, but it fires when the *thread* that forked ends, so
 * that a child started by a short-lived thread would be killed while its parent lives on; and the
 * parent of a forkserver's child is the server. A pipe's end closes with the process that holds it,
 * and asynchronous notification (O_ASYNC) sends whichever signal F_SETSIG named, also SIGKILL,
 * which can't be blocked. So no thread is needed to watch, and none of the child's signals. */
#include "os/lifeline.h"

#include "os/fault.h"
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int hf_lifeline_hold(int fd)
{
        if (HF_OS_CALL("F_SETSIG", fcntl(fd, F_SETSIG, SIGKILL)) < 0 ||
            HF_OS_CALL("fcntl", fcntl(fd, F_SETOWN, getpid())) < 0 ||
            HF_OS_CALL("fcntl", fcntl(fd, F_SETFL, O_ASYNC)) < 0)
                return -errno;
        /* It may have been closed before the kernel knew whom to tell. */
        return hf_fd_readable(fd) ? -EPIPE : 0;
}

int hf_lifeline_by_thread(void)
{
        return HF_OS_CALL("prctl", prctl(PR_SET_PDEATHSIG, SIGKILL)) < 0 ? -errno : 0;
}
