/* Running the hayfork command as a user does, in a folder that is thrown away. */
#ifndef COMMAND_H
#define COMMAND_H

#include <kit.h>

/* The program that is measured; see subject.c. */
extern const char *const subject;

/* Where the manual pages are. */
extern const char *const manual_folder;

/* What a command printed, and how it ended: its exit code, or minus the signal. */
struct outcome {
        int code;
        char out[65536];
        char err[16384];
};

/* Run hayfork with arguments, the last of them NULL; `ret_outcome` is big: have it static. */
void command_run(struct outcome *ret_outcome, const char *const *arguments);

/* The same, and the arguments as a list. */
#define COMMAND(ret_outcome, ...) \
        command_run((ret_outcome), (const char *const[]){ __VA_ARGS__, NULL })

/* Start it in a process group of its own, with standard output and error going to /dev/null. */
pid_t command_start(const char *const *arguments);

/* The same on a terminal of its own, whose other side goes to *ret_fd. */
pid_t command_start_on_terminal(const char *const *arguments, int *ret_fd);

/* What sh says of a line in which $0 is hayfork and $1 the subject: its exit code. */
int command_shell(const char *line);

/* A folder of its own for the test, made and thrown away with all that is in it. */
void folder_make(void);
void folder_remove(void);

/* A path in it: valid for the next 7 calls. */
const char *folder_path(const char *name);

/* How many files are in it, hidden ones too. */
int folder_count(void);

void file_write(const char *path, const char *text, unsigned mode);

/* The whole of a file, to be freed; NULL when there is none. */
char *file_read(const char *path);

/* Sleep until a file has `count` lines; the Check frame's limit is the only one. */
void file_await_lines(const char *path, int count);

/* Whether a process runs (a zombie does not). */
bool pid_runs(pid_t pid);

#endif
