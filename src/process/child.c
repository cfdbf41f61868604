/* The life of a child that is a fresh process or a copy of the forkserver, and how all children
 * end.
 *
 * It answers before it runs the function, and gives up when nobody hears the answer: then the start
 * failed, or the parent was killed in the middle of it. After the answer the function runs
 * whatever becomes of the parent, unless the child is daemonic.
 *
 * After the function come Python's steps: the children of its own (exit.c), stdio, the exit. A
 * forked child leaves by _exit(): the atexit handlers are its parent's, not its own. */
#include "process/child.h"

#include "os/process.h"
#include "os/socket.h"
#include "process/exit.h"
#include "process/server.h"
#include "region/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENT_ALIGNMENT 64
#define PARENT_SLICE_MS 250

static char *program_name;

char *hf_program_name(void)
{
        return program_name;
}

int hf_argument_space(size_t size, void **ret_space)
{
        if (size > PTRDIFF_MAX - ARGUMENT_ALIGNMENT)
                return -ENOMEM;
        return -posix_memalign(ret_space, ARGUMENT_ALIGNMENT, size);
}

void hf_child_run(hf_function *function, void *argument, bool fresh)
{
        int code = function(argument) & 0xff;
        hf_end_children();
        if (fresh)
                exit(code);
        hf_flush_stdio();
        _exit(code);
}

void hf_child_give_up(void)
{
        _exit(1);
}

int hf_child_receive(int channel, pid_t parent, void *data, size_t size)
{
        size_t done = 0;
        for (;;) {
                int r = hf_receive_all(channel, data, size, &done, -1, hay_in_ms(PARENT_SLICE_MS));
                if (r != -ETIMEDOUT)
                        return r;
                if (parent && getppid() != parent)
                        return -EPIPE;
        }
}

static int take_over(int channel, const struct hf_message *message, hf_function **ret_function,
                     void **ret_argument)
{
        int r = hf_place_find(&message->place, ret_function);
        if (r < 0)
                return r;
        *ret_argument = (void *)(uintptr_t)message->argument;
        if (!message->argument_size)
                return 0;
        r = hf_argument_space(message->argument_size, ret_argument);
        if (r < 0)
                return r;
        return hf_child_receive(channel, 0, *ret_argument, message->argument_size);
}

/* The parent of a forkserver's child can't make a pidfd of it by its pid for sure: send one. */
static int answer(int channel, int result, bool with_pidfd)
{
        struct hf_answer answer = { .result = result, .pid = getpid() };
        int pidfd = with_pidfd ? hf_pidfd_open(getpid()) : -1;
        int r = hf_send_fds(channel, &answer, sizeof(answer), &pidfd, pidfd >= 0);
        if (pidfd >= 0)
                close(pidfd);
        return r;
}

void hf_child_serve(int channel, const struct hf_message *message, int lifeline, int status,
                    bool fresh)
{
        hf_function *function;
        static void *argument; /* static, so that no leak checker misses it */
        int r = take_over(channel, message, &function, &argument);
        if (r == 0)
                r = hf_hold(lifeline, status);
        int sent = answer(channel, r, !fresh);
        if (r < 0 || sent < 0)
                hf_child_give_up();
        close(channel);
        hf_become(&message->who);
        hf_child_run(function, argument, fresh);
}

/* A fresh process: its fds are at their places, open across an exec until now. */
_Noreturn static void live(pid_t parent)
{
        int channel = HF_FIRST_FD + HF_FD_CHANNEL;
        struct hf_message message;
        int r = hf_child_receive(channel, parent, &message, sizeof(message));
        if (r == 0)
                r = hf_message_check(&message);
        if (r < 0)
                hf_child_give_up();
        int lifeline = message.who.daemon ? HF_FIRST_FD + HF_FD_LIFELINE : -1;
        int status = message.has_status ? HF_FIRST_FD + HF_FD_STATUS : -1;
        if (message.has_status && lifeline < 0)
                close(HF_FIRST_FD + HF_FD_LIFELINE);
        for (int i = 0; i < HF_FDS; i++)
                hf_close_on_exec(HF_FIRST_FD + i);
        r = hf_region_attach(HF_FIRST_FD + HF_FD_REGION, HF_FIRST_FD + HF_FD_BELL);
        if (r == 0)
                r = hf_children_ready();
        if (r < 0) {
                answer(channel, r, false);
                hf_child_give_up();
        }
        if (message.kind == HF_MESSAGE_SERVER)
                hf_server_begin(channel);
        hf_child_serve(channel, &message, lifeline, status, true);
}

int hay_main(int argc, char **argv)
{
        static char unnamed[] = "hayfork";
        size_t length = strlen(HF_CHILD_MARK);
        program_name = argc > 0 && argv && argv[0] ? argv[0] : unnamed;
        if (argc == 2 && strncmp(argv[1], HF_CHILD_MARK, length) == 0)
                live((pid_t)strtol(argv[1] + length, NULL, 10));
        return 0;
}
