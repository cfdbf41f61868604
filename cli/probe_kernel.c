/* Each feature is used once, harmlessly, since version numbers say little: features are backported,
 * and containers forbid system calls. */
#include "checks.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static int memory_file(void)
{
        int fd = memfd_create("hayfork-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd >= 0 && ftruncate(fd, 1 << 16) < 0) {
                close(fd);
                fd = -1;
        }
        return fd;
}

/* The probes return 0 or -errno. */
static int try_memfd(void)
{
        int fd = memory_file();
        if (fd < 0)
                return -errno;
        close(fd);
        return 0;
}

static int try_seals(void)
{
        int fd = memory_file();
        int r = fd < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0
                        ? -errno
                        : 0;
        if (fd >= 0)
                close(fd);
        return r;
}

static int try_fallocate(int mode)
{
        int fd = memory_file();
        int r = fd < 0 || fallocate(fd, mode, 0, 1 << 16) < 0 ? -errno : 0;
        if (fd >= 0)
                close(fd);
        return r;
}

static int try_reserve(void)
{
        return try_fallocate(0);
}

static int try_give_back(void)
{
        return try_fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
}

static int try_futex(void)
{
        uint32_t word = 1;
        long r =
                syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, NULL, NULL, FUTEX_BITSET_MATCH_ANY);
        return r < 0 && errno != EAGAIN ? -errno : 0;
}

static int try_eventfd(void)
{
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        close(fd);
        return 0;
}

static int try_epoll(void)
{
        int fd = epoll_create1(EPOLL_CLOEXEC);
        if (fd < 0)
                return -errno;
        close(fd);
        return 0;
}

static int try_pidfd(void)
{
        int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
        if (fd < 0)
                return -errno;
        close(fd);
        return 0;
}

static int try_advice(int flags, int advice)
{
        size_t size = (size_t)sysconf(_SC_PAGESIZE);
        void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
                return -errno;
        int r = madvise(page, size, advice) < 0 ? -errno : 0;
        munmap(page, size);
        return r;
}

static int try_wipe_on_fork(void)
{
        return try_advice(MAP_PRIVATE, MADV_WIPEONFORK);
}

static int try_dont_dump(void)
{
        return try_advice(MAP_SHARED, MADV_DONTDUMP);
}

static int try_populate(void)
{
        return try_advice(MAP_SHARED, MADV_POPULATE_WRITE);
}

static int try_clone3(void)
{
        /* Too small a form is refused by a kernel that knows the call. */
        long r = syscall(SYS_clone3, NULL, 0);
        return r < 0 && errno != EINVAL ? -errno : 0;
}

static int try_close_range(void)
{
        return syscall(SYS_close_range, ~0u, ~0u, 0) < 0 ? -errno : 0;
}

static int try_proc(void)
{
        return access("/proc/self/stat", R_OK) < 0 ? -errno : 0;
}

static const struct feature {
        const char *name;
        int (*try)(void);
        enum check_status status; /* when it is missing */
        const char *here, *missing;
} features[] = {
        { "memfd_create", try_memfd, CHECK_FAIL,
          "The shared region is a memory file without a name: nothing can leak in /dev/shm.",
          "The shared region needs it (Linux 3.17)." },
        { "sealing", try_seals, CHECK_FAIL, "Nobody can cut the region short under its users.",
          "The region must not shrink under its users." },
        { "fallocate on memfd", try_reserve, CHECK_FAIL,
          "Pages are reserved before they are used: a full machine is ENOMEM, not SIGBUS.",
          "Pages must be reserved before they are used." },
        { "giving pages back", try_give_back, CHECK_WARN, "Freed memory goes back to the machine.",
          "Freed memory stays with the region until the last process ends." },
        { "futex", try_futex, CHECK_FAIL, "Waiting costs no processor time.",
          "Locks, queues and all that waits need it." },
        { "eventfd", try_eventfd, CHECK_FAIL,
          "Who waits for several things at once is woken by it.", "The shared region needs it." },
        { "epoll", try_epoll, CHECK_FAIL, "Waiting for several things at once works.",
          "Waiting for several things at once needs it." },
        { "pidfd_open", try_pidfd, CHECK_WARN,
          "A child's end is learned at once, and a reused process id never mistaken for it.",
          "Not here (Linux 5.3; some sandboxes forbid it). Children are watched through pipes "
          "instead: a child that closes files that it does not know is noticed later." },
        { "MADV_WIPEONFORK", try_wipe_on_fork, CHECK_WARN,
          "A child made by a bare system call is known as a process of its own, too.",
          "Children made by a bare clone() system call, not by fork(), are not told from their "
          "parent (Linux 4.14)." },
        { "MADV_DONTDUMP", try_dont_dump, CHECK_WARN, "Core dumps leave the region out.",
          "Core dumps contain the whole region." },
        { "MADV_POPULATE_WRITE", try_populate, CHECK_OK,
          "A program that closed all files, the region's too, can still share more.",
          "Not here (Linux 5.14): a program that closes all files, the region's too, gets ENOMEM "
          "for what it wants to share after that." },
        { "clone3", try_clone3, CHECK_OK, "The C library may start processes by it.",
          "Not here (Linux 5.3, or a container forbids it); fork serves as well." },
        { "close_range", try_close_range, CHECK_OK,
          "Spawned processes close what they don't need in one call.",
          "Not here (Linux 5.9); files are closed one by one." },
        { "/proc", try_proc, CHECK_WARN, "Start times of processes can be read.",
          "Not mounted: a reused process id is told by other means only, and control groups are "
          "not seen." },
};

static void check_feature(struct checks *checks, const struct feature *feature)
{
        int r = feature->try();
        checks_add(checks, r == 0 ? CHECK_OK : feature->status, feature->name,
                   r == 0 ? cli_format("works") : cli_format("missing: %s", strerror(-r)),
                   cli_format("%s", r == 0 ? feature->here : feature->missing));
}

/* A number in a file of /proc, behind a key if there is one; -1. */
static long read_number(const char *path, const char *key)
{
        FILE *file = fopen(path, "re");
        char line[256];
        long number = -1;
        while (file && number < 0 && fgets(line, sizeof(line), file))
                if (strncmp(line, key, strlen(key)) == 0)
                        number = strtol(line + strlen(key), NULL, 10);
        if (file)
                fclose(file);
        return number;
}

static void check_confinement(struct checks *checks)
{
        long seccomp = read_number("/proc/self/status", "Seccomp:");
        long ptrace = read_number("/proc/sys/kernel/yama/ptrace_scope", "");
        if (seccomp > 0)
                checks_add(
                        checks, CHECK_OK, "seccomp", cli_format("a filter is active"),
                        cli_format("Something (a container) may forbid system calls; those above "
                                   "were tried."));
        if (ptrace >= 0)
                checks_add(checks, ptrace < 3 ? CHECK_OK : CHECK_WARN, "ptrace (yama)",
                           cli_format("scope %ld", ptrace),
                           cli_format(ptrace < 2 ? "A debugger may trace its own children."
                                                 : "Debuggers are restricted; hayfork's own tests "
                                                   "that kill processes at each instruction need "
                                                   "scope 0 or 1. Programs don't."));
}

void probe_kernel(struct checks *checks)
{
        struct utsname name = { 0 };
        uname(&name);
        checks->group = "kernel";
        checks_add(checks, CHECK_OK, "version",
                   cli_format("%s %s, %s", name.sysname, name.release, name.machine),
                   cli_format("What counts is what works, below."));
        for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++)
                check_feature(checks, &features[i]);
        check_confinement(checks);
}
