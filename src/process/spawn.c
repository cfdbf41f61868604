/* Start by spawn: this program's file runs afresh, and hay_main() in its main() finds by a marker
 * in argv that it is a child. What it is to do comes over a socket, its channel, and it answers
 * there when it has the region, the function and the argument; until then this call waits, so that
 * every failure is this call's failure. A child that dies before is noticed by its sentinel. */
#include "process/message.h"

#include "os/socket.h"
#include "process/child.h"
#include "region/region.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int hf_message_fill(const struct hf_start *start, struct hf_message *ret_message)
{
        if (!hf_program_name())
                return -ENOTSUP;
        memset(ret_message, 0, sizeof(*ret_message));
        int r = hf_place_of(start->function, &ret_message->place);
        if (r < 0)
                return r;
        ret_message->magic = HF_MESSAGE_MAGIC;
        ret_message->size = sizeof(*ret_message);
        ret_message->kind = HF_MESSAGE_CHILD;
        ret_message->argument_size = start->argument_size;
        if (!start->argument_size)
                ret_message->argument = (uintptr_t)start->argument;
        ret_message->who = start->who;
        return 0;
}

int hf_message_check(struct hf_message *message)
{
        if (message->magic != HF_MESSAGE_MAGIC || message->size != sizeof(*message) ||
            message->argument_size > PTRDIFF_MAX)
                return -EPROTO;
        message->place.path[sizeof(message->place.path) - 1] = '\0';
        return 0;
}

/* Without a pidfd the child holds a status pipe, at the place after its lifeline's, which then is
 * any other fd of its. */
static size_t gather_fds(const struct hay_process *process, int fds[HF_FDS])
{
        int lifeline = process->fds[HF_ITS_LIFELINE];
        int status = process->fds[HF_ITS_STATUS];
        fds[HF_FD_REGION] = hf_region_fd();
        fds[HF_FD_BELL] = hf_region_bell();
        fds[HF_FD_CHANNEL] = process->fds[HF_ITS_CHANNEL];
        fds[HF_FD_LIFELINE] = lifeline >= 0 ? lifeline : process->fds[HF_ITS_CHANNEL];
        fds[HF_FD_STATUS] = status;
        return status >= 0 ? HF_FDS : lifeline >= 0 ? HF_FD_STATUS : HF_FD_LIFELINE;
}

int hf_spawn(struct hay_process *process)
{
        int fds[HF_FDS];
        char mark[sizeof(HF_CHILD_MARK) + 12];
        char *argv[] = { hf_program_name(), mark, NULL };
        snprintf(mark, sizeof(mark), HF_CHILD_MARK "%d", (int)getpid());
        int r = hf_handle_reserve(process);
        if (r == 0)
                r = hf_handle_channel(process);
        if (r == 0 && process->daemon)
                r = hf_handle_lifeline(process);
        if (r < 0)
                return r;
        pid_t pid;
        hf_children_lock();
        size_t count = gather_fds(process, fds);
        r = hf_spawn_self(argv, fds, count, &pid);
        if (r == 0)
                r = hf_handle_born(process, pid);
        hf_handle_close_its(process);
        hf_children_unlock();
        return r;
}

/* The answer; a child of the server sends its pidfd along. */
static int receive_answer(struct hay_process *process, int watch, struct hf_answer *answer)
{
        int channel = process->fds[HF_CHANNEL];
        int fds[HF_FDS_MAX];
        size_t count = 0;
        if (!process->by_server) {
                size_t done = 0;
                return hf_receive_all(channel, answer, sizeof(*answer), &done, watch, HAY_FOREVER);
        }
        int r = hf_wait_readable(&channel, 1, HAY_FOREVER);
        if (r < 0)
                return r;
        hf_children_lock();
        r = hf_receive_fds(channel, answer, sizeof(*answer), fds, &count);
        for (size_t i = 0; i < count; i++) {
                if (process->fds[HF_PIDFD] < 0)
                        process->fds[HF_PIDFD] = fds[i];
                else
                        close(fds[i]);
        }
        hf_children_unlock();
        /* Without room for the pidfd the status socket must do, as where there are none. */
        if (r == -EMFILE)
                return 0;
        /* Too late to fail: it may be in the function already. */
        size_t done = 0;
        return r == -ENOMEM
                       ? hf_receive_all(channel, answer, sizeof(*answer), &done, -1, HAY_FOREVER)
                       : r;
}

int hf_hand_over(struct hay_process *process, struct hf_message *message, const void *argument)
{
        int channel = process->fds[HF_CHANNEL];
        int watch = -1;
        if (!process->by_server) {
                message->has_status = process->fds[HF_STATUS] >= 0;
                watch = process->fds[message->has_status ? HF_STATUS : HF_PIDFD];
        }
        int sent = hf_send_all(channel, message, sizeof(*message), watch);
        if (sent == 0)
                sent = hf_send_all(channel, argument, message->argument_size, watch);
        if (sent < 0 && sent != -EPIPE)
                return sent;
        /* Also when it did not take all: then it may have said why. */
        struct hf_answer answer = { 0 };
        int r = receive_answer(process, watch, &answer);
        if (r < 0)
                return r;
        if (process->by_server)
                process->pid = answer.pid;
        return answer.result;
}

int hf_start_spawn(struct hay_process *process, const struct hf_start *start)
{
        struct hf_message message;
        int r = hf_message_fill(start, &message);
        if (r == 0)
                r = hf_spawn(process);
        if (r == 0)
                r = hf_hand_over(process, &message, start->argument);
        return r == -EPIPE ? -ECHILD : r;
}
