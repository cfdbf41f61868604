/* Who this process is. Written when it begins, as long as it has one thread, and read ever after;
 * a fork by the user inherits it, as in Python.
 *
 * The default names are Python's: the n-th child that a process makes is n, below the place of that
 * process in the family: "Process-2", and its first child "Process-2:1". */
#include "process/current.h"

#include "base/atomic.h"
#include "os/lifeline.h"
#include "os/process.h"
#include "process/handle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct hf_who self = { .name = "MainProcess" };
static unsigned children_named;

/* Ends of pipes that our parent's handle of us needs; -1: none. */
static int held[2] = { -1, -1 };

/* Our own start time, and the generation that read it: a fork has another one. */
static uint64_t start_time;
static uint64_t start_time_of;

bool hf_is_daemon(void)
{
        return self.daemon;
}

static void copy_name(char *to, size_t size, const char *from)
{
        size_t length = strnlen(from, size - 1);
        memcpy(to, from, length);
        memset(to + length, 0, size - length);
}

static uint64_t own_start_time(void)
{
        hf_children_lock();
        if (start_time_of != hf_generation()) {
                start_time = hf_process_start_time(getpid());
                start_time_of = hf_generation();
        }
        uint64_t result = start_time;
        hf_children_unlock();
        return result;
}

const char *hf_who_next(const char *name, bool daemon, struct hf_who *ret_who,
                        char space[static HF_DEFAULT_NAME_SIZE])
{
        unsigned number = atomic_add(&children_named, 1u) + 1;
        struct hf_who *who = ret_who;
        memset(who, 0, sizeof(*who));
        /* Some dozens of generations deep the place does not fit any more, and is cut. */
        int length = snprintf(who->place, sizeof(who->place), "%s%s%u", self.place,
                              *self.place ? ":" : "", number);
        if (length < 0)
                *who->place = '\0';
        snprintf(space, HF_DEFAULT_NAME_SIZE, "Process-%s", who->place);
        if (!name)
                name = space;
        copy_name(who->name, sizeof(who->name), name);
        who->daemon = daemon;
        who->has_parent = true;
        who->parent.daemon = self.daemon;
        who->parent.pid = getpid();
        who->parent.start_time = own_start_time();
        memcpy(who->parent.name, self.name, sizeof(who->parent.name));
        return name;
}

void hf_become(const struct hf_who *who)
{
        self = *who;
        children_named = 0;
}

int hf_hold(int lifeline, int status)
{
        held[0] = lifeline;
        held[1] = status;
        if (lifeline < 0)
                return 0;
        int r = hf_lifeline_hold(lifeline);
        if (r < 0 && r != -EPIPE && hf_lifeline_by_thread() == 0)
                r = hf_fd_readable(lifeline) ? -EPIPE : 0;
        return r;
}

void hf_let_go(void)
{
        for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++) {
                if (held[i] >= 0)
                        close(held[i]);
                held[i] = -1;
        }
}

int hay_current_process(struct hay_process_info *ret_info)
{
        if (!ret_info)
                return -EINVAL;
        struct hay_process_info info = { .pid = getpid(), .daemon = self.daemon, .alive = true };
        memcpy(info.name, self.name, sizeof(info.name));
        *ret_info = info;
        return 0;
}

int hay_parent_process(struct hay_process_info *ret_info)
{
        if (!ret_info)
                return -EINVAL;
        if (!self.has_parent)
                return -ESRCH;
        struct hay_process_info info = { .pid = self.parent.pid, .daemon = self.parent.daemon };
        memcpy(info.name, self.parent.name, sizeof(info.name));
        info.alive = hf_process_runs(info.pid, self.parent.start_time, UINT64_MAX);
        *ret_info = info;
        return 0;
}
