/* Start by forkserver, the client's side. The server is a process that was spawned once, when first
 * needed; it has the region and nothing else, so its forks are cheap however big this process is.
 * It is asked by one byte with fds over its socket:
 *   - the child's channel, over which the child itself is told what to do, as a spawned one is;
 *   - the status socket, where the server will tell how the child ended;
 *   - the end of the lifeline, for a daemonic one.
 * The child answers with a pidfd of its own, so that its sentinel and its signals are exact though
 * it is not our child.
 *
 * The server is no child of ours either (it is orphaned at birth): a program that waits for "any"
 * child till there is none must not wait for it. It ends when our end of its socket is closed,
 * which our death does too. If it was killed, a new one is started: once in a start, so that a
 * server that can't live is an error. */
#include "process/forkserver.h"

#include "os/socket.h"
#include "process/message.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int server = -1;  /* our end of its socket; written with the children's lock too */
static unsigned servers; /* how many there were: tells one from its successor */

static void drop_server(void)
{
        hf_children_lock();
        if (server >= 0)
                close(server);
        server = -1;
        hf_children_unlock();
}

void hf_forkserver_stop(void)
{
        pthread_mutex_lock(&lock);
        drop_server();
        pthread_mutex_unlock(&lock);
}

void hf_forkserver_forget(void)
{
        lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        if (server >= 0)
                close(server);
        server = -1;
}

/* The spawned process forks the server, answers, and ends. */
static int start_server(void)
{
        struct hay_process *process;
        struct hf_message message;
        memset(&message, 0, sizeof(message));
        message.magic = HF_MESSAGE_MAGIC;
        message.size = sizeof(message);
        message.kind = HF_MESSAGE_SERVER;
        int r = hf_handle_new("forkserver", false, &process);
        if (r < 0)
                return r;
        r = hf_spawn(process);
        if (r == 0)
                r = hf_hand_over(process, &message, NULL);
        if (r == 0) {
                hf_children_lock();
                server = process->fds[HF_CHANNEL];
                process->fds[HF_CHANNEL] = -1;
                hf_children_unlock();
                servers++;
        }
        hf_handle_failed(process);
        return r;
}

/* Ask for a child; it has its ends then. -EPIPE: the server is dead. */
static int ask(struct hay_process *process, unsigned *ret_server)
{
        int fds[] = { process->fds[HF_ITS_CHANNEL], process->fds[HF_ITS_STATUS],
                      process->fds[HF_ITS_LIFELINE] };
        pthread_mutex_lock(&lock);
        int r = server < 0 ? start_server() : 0;
        if (r == 0) {
                *ret_server = servers;
                r = hf_send_fds(server, "c", 1, fds, process->daemon ? 3 : 2);
                if (r == -EPIPE)
                        drop_server();
        }
        pthread_mutex_unlock(&lock);
        hf_children_lock();
        hf_handle_close_its(process);
        hf_children_unlock();
        return r;
}

/* The channel was closed without an answer: either the child died, then the server will say so, or
 * the server did. (Its own socket may be open a moment longer than what it held of ours.) */
static int why_no_answer(struct hay_process *process, unsigned which)
{
        struct hf_end end;
        size_t done = 0;
        if (hf_receive_all(process->fds[HF_STATUS], &end, sizeof(end), &done, -1, HAY_FOREVER) == 0)
                return -ECHILD;
        pthread_mutex_lock(&lock);
        if (which == servers)
                drop_server();
        pthread_mutex_unlock(&lock);
        return -EPIPE;
}

static int try_once(struct hay_process *process, struct hf_message *message, const void *argument)
{
        int r = hf_handle_channel(process);
        if (r == 0)
                r = hf_handle_status(process);
        if (r == 0 && process->daemon)
                r = hf_handle_lifeline(process);
        if (r < 0)
                return r;
        unsigned which = 0;
        r = ask(process, &which);
        if (r < 0)
                return r;
        r = hf_hand_over(process, message, argument);
        return r == -EPIPE ? why_no_answer(process, which) : r;
}

int hf_start_forkserver(struct hay_process *process, const struct hf_start *start)
{
        struct hf_message message;
        int r = hf_message_fill(start, &message);
        if (r < 0)
                return r;
        process->by_server = true;
        r = try_once(process, &message, start->argument);
        if (r == -EPIPE) {
                hf_children_lock();
                for (int i = 0; i < HF_ALL_FDS; i++)
                        hf_handle_close_fd(process, i);
                hf_children_unlock();
                r = try_once(process, &message, start->argument);
        }
        return r == -EPIPE ? -ECHILD : r;
}
