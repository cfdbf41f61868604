/* The forkserver: a small process with one thread that forks on request, and tells each client's
 * handle how its child ended. It never reads what the children are told, so no message can hurt it.
 * Its table holds the children that run, each with the server's end of its status socket. Only the
 * server holds these ends (a child closes all of them), so that its death is seen by all handles.
 *
 * It ends when its client is gone: there is nobody left to tell. */
#include "process/server.h"

#include "base/checked.h"
#include "os/reaper.h"
#include "os/socket.h"
#include "process/child.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct running {
        pid_t pid;
        int status;
};

static struct running *table;
static size_t running;
static size_t room;

static int make_room(void)
{
        if (running < room)
                return 0;
        struct running *larger = realloc(table, (room + 64) * sizeof(*table));
        if (!larger)
                return -ENOMEM;
        table = larger;
        room += 64;
        return 0;
}

static void tell(pid_t pid, const struct hf_end *end)
{
        for (size_t i = 0; i < running; i++) {
                if (table[i].pid != pid)
                        continue;
                hf_send_all(table[i].status, end, sizeof(*end), -1);
                close(table[i].status);
                table[i] = table[--running];
                return;
        }
}

static void refuse(int channel, int error)
{
        struct hf_answer answer = { .result = error };
        hf_send_all(channel, &answer, sizeof(answer), -1);
}

_Noreturn static void begin(int server, int channel, int status, int lifeline)
{
        struct hf_message message;
        hf_reaper_end();
        close(server);
        close(status);
        for (size_t i = 0; i < running; i++)
                close(table[i].status);
        free(table);
        int r = hf_child_receive(channel, 0, &message, sizeof(message));
        if (r == 0)
                r = hf_message_check(&message);
        if (r < 0)
                hf_child_give_up();
        hf_child_serve(channel, &message, lifeline, -1, false);
}

/* fds: the child's channel, its status socket, and the lifeline if it is daemonic. */
static void serve(int server, const int *fds, size_t count)
{
        int r = count < 2 ? -EMFILE : make_room();
        pid_t pid = r < 0 ? r : hf_fork();
        if (pid == 0)
                begin(server, fds[0], fds[1], count > 2 ? fds[2] : -1);
        if (pid < 0 && count)
                refuse(fds[0], pid);
        for (size_t i = 0; i < count; i++)
                if (pid < 0 || i != 1)
                        close(fds[i]);
        if (pid > 0)
                table[running++] = (struct running){ .pid = pid, .status = fds[1] };
}

_Noreturn static void run(int server)
{
        hf_reaper_begin();
        for (;;) {
                char byte;
                int fds[HF_FDS_MAX];
                size_t count = 0;
                pid_t pid;
                struct hf_end end;
                while ((pid = hf_reaper_next(&end)) > 0)
                        tell(pid, &end);
                if (!hf_reaper_wait(server))
                        continue;
                int r = hf_receive_fds(server, &byte, 1, fds, &count);
                if (r < 0 && r != -EMFILE)
                        _exit(0);
                serve(server, fds, r < 0 ? hf_min(count, 1u) : count);
        }
}

void hf_server_begin(int channel)
{
        pid_t pid = hf_fork();
        if (pid == 0)
                run(channel);
        struct hf_answer answer = { .result = pid < 0 ? pid : 0 };
        hf_send_all(channel, &answer, sizeof(answer), -1);
        _exit(0);
}
