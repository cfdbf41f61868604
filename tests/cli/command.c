#include "command.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>

const char *const subject = SUBJECT_PROGRAM;
const char *const manual_folder = MANUAL_FOLDER;
static char folder[64];

static _Noreturn void become(const char *const *arguments)
{
        char *argv[32] = { (char *)"hayfork" };
        for (size_t i = 0; arguments[i] && i < 30; i++)
                argv[i + 1] = (char *)arguments[i];
        /* The kit's frame may hold back or ignore some. */
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        execv(HAYFORK_PROGRAM, argv);
        _exit(99);
}

/* Append what can be read; false at the end. */
static bool take(int fd, char *text, size_t size, size_t *used)
{
        char spare[4096];
        size_t room = size - 1 - *used;
        ssize_t n = room ? read(fd, text + *used, room) : read(fd, spare, sizeof(spare));
        if (room && n > 0)
                *used += (size_t)n;
        return n > 0;
}

void command_run(struct outcome *ret_outcome, const char *const *arguments)
{
        int out[2], err[2];
        size_t out_used = 0, err_used = 0;
        memset(ret_outcome, 0, sizeof(*ret_outcome));
        ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
        ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
        fflush(NULL);
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                dup2(out[1], 1);
                dup2(err[1], 2);
                become(arguments);
        }
        close(out[1]);
        close(err[1]);
        struct pollfd ends[] = { { out[0], POLLIN, 0 }, { err[0], POLLIN, 0 } };
        while (ends[0].fd >= 0 || ends[1].fd >= 0) {
                poll(ends, 2, -1);
                if (ends[0].revents &&
                    !take(out[0], ret_outcome->out, sizeof(ret_outcome->out), &out_used))
                        ends[0].fd = -1;
                if (ends[1].revents &&
                    !take(err[0], ret_outcome->err, sizeof(ret_outcome->err), &err_used))
                        ends[1].fd = -1;
                ends[0].revents = ends[1].revents = 0;
        }
        close(out[0]);
        close(err[0]);
        ret_outcome->code = kit_wait(pid);
}

pid_t command_start(const char *const *arguments)
{
        fflush(NULL);
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                int null = open("/dev/null", O_RDWR | O_CLOEXEC);
                setpgid(0, 0);
                dup2(null, 1);
                dup2(null, 2);
                become(arguments);
        }
        return pid;
}

pid_t command_start_on_terminal(const char *const *arguments, int *ret_fd)
{
        struct winsize size = { .ws_row = 24, .ws_col = 60 };
        fflush(NULL);
        pid_t pid = forkpty(ret_fd, NULL, NULL, &size);
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                become(arguments);
        return pid;
}

int command_shell(const char *line)
{
        fflush(NULL);
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                int null = open("/dev/null", O_RDWR | O_CLOEXEC);
                dup2(null, 2);
                execl("/bin/sh", "sh", "-c", line, HAYFORK_PROGRAM, SUBJECT_PROGRAM, NULL);
                _exit(99);
        }
        return kit_wait(pid);
}

void folder_make(void)
{
        strcpy(folder, "/tmp/hayfork-cli-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
        (void)status;
        (void)type;
        (void)at;
        return remove(path);
}

void folder_remove(void)
{
        ck_assert_int_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *folder_path(const char *name)
{
        static char paths[8][256];
        static unsigned next;
        char *path = paths[next++ % 8];
        snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
        return path;
}

int folder_count(void)
{
        int count = -2; /* . and .. */
        DIR *stream = opendir(folder);
        ck_assert_ptr_nonnull(stream);
        while (readdir(stream))
                count++;
        closedir(stream);
        return count;
}

void file_write(const char *path, const char *text, unsigned mode)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        ck_assert_int_eq(fchmod(fd, mode), 0);
        ck_assert_int_eq(close(fd), 0);
}

char *file_read(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat status;
        if (fd < 0)
                return NULL;
        ck_assert_int_eq(fstat(fd, &status), 0);
        char *text = calloc(1, (size_t)status.st_size + 1);
        ck_assert_int_eq(read(fd, text, (size_t)status.st_size), status.st_size);
        close(fd);
        return text;
}

void file_await_lines(const char *path, int count)
{
        for (int lines = 0; lines < count; kit_sleep_ms(5)) {
                char *text = file_read(path);
                lines = 0;
                for (char *at = text; at && (at = strchr(at, '\n')); at++)
                        lines++;
                free(text);
        }
}

bool pid_runs(pid_t pid)
{
        char path[64], text[512];
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        if (n <= 0)
                return false;
        text[n] = '\0';
        const char *state = strrchr(text, ')');
        return state && state[1] == ' ' && state[2] != 'Z' && state[2] != 'X';
}
