/* What does it cost to start a process and to wait for its end, from a small and a big parent? */
#include "kit.h"

#include <hayfork.h>

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STARTS 20
#define BIG ((size_t)256 << 20)

extern char **environ;

/* Private pages that the big parent has touched; NULL: the parent is small. */
static char *pages;

static void be(bool big)
{
        if (big && !pages && (pages = malloc(BIG)))
                memset(pages, 1, BIG);
        if (!big) {
                free(pages);
                pages = NULL;
        }
}

static int nothing(void *arg)
{
        (void)arg;
        return 0;
}

static double by_fork(void *big)
{
        be(big);
        double begin = bench_now();
        for (int i = 0; i < STARTS; i++) {
                pid_t pid = fork();
                if (pid == 0)
                        _exit(0);
                if (pid < 0 || waitpid(pid, NULL, 0) != pid)
                        return -1;
        }
        return bench_now() - begin;
}

static double by_posix_spawn(void *big)
{
        char name[] = "true";
        char *argv[] = { name, NULL };
        be(big);
        double begin = bench_now();
        for (int i = 0; i < STARTS; i++) {
                pid_t pid;
                if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) != 0 ||
                    waitpid(pid, NULL, 0) != pid)
                        return -1;
        }
        return bench_now() - begin;
}

static double by_hayfork(enum hay_start how, bool big)
{
        struct hay_process_options options = { .start = how };
        be(big);
        double begin = bench_now();
        for (int i = 0; i < STARTS; i++) {
                hay_process *process;
                if (hay_process_start(&process, nothing, NULL, &options) < 0)
                        return -1;
                hay_process_join(process, HAY_FOREVER, NULL);
                hay_process_close(process);
        }
        return bench_now() - begin;
}

static double by_hay_fork(void *big)
{
        return by_hayfork(HAY_FORK, big);
}

static double by_hay_spawn(void *big)
{
        return by_hayfork(HAY_SPAWN, big);
}

static double by_hay_forkserver(void *big)
{
        return by_hayfork(HAY_FORKSERVER, big);
}

/* Python measures by itself, without its own start. */
static double by_python(void *big)
{
        static const char program[] = "python3 -c '\n"
                                      "import multiprocessing, time\n"
                                      "pages = bytearray(b\"x\") * %zu\n"
                                      "context = multiprocessing.get_context(\"fork\")\n"
                                      "begin = time.monotonic()\n"
                                      "for i in range(%d):\n"
                                      "    p = context.Process(target=int)\n"
                                      "    p.start()\n"
                                      "    p.join()\n"
                                      "print(time.monotonic() - begin)\n"
                                      "' 2>/dev/null";
        char command[sizeof(program) + 64];
        double seconds = -1;
        be(big);
        snprintf(command, sizeof(command), program, big ? BIG : 0, STARTS);
        FILE *output = popen(command, "re");
        if (!output)
                return -1;
        if (fscanf(output, "%lf", &seconds) != 1)
                seconds = -1;
        pclose(output);
        return seconds;
}

int main(int argc, char **argv)
{
        static char big[] = "big";
        const struct rival from_small[] = {
                { "fork, _exit, waitpid", by_fork, NULL },
                { "posix_spawn of true", by_posix_spawn, NULL },
                { "hayfork: fork", by_hay_fork, NULL },
                { "hayfork: spawn", by_hay_spawn, NULL },
                { "hayfork: forkserver", by_hay_forkserver, NULL },
                { "Python: fork", by_python, NULL },
        };
        const struct rival from_big[] = {
                { "fork, _exit, waitpid", by_fork, big },
                { "posix_spawn of true", by_posix_spawn, big },
                { "hayfork: fork", by_hay_fork, big },
                { "hayfork: spawn", by_hay_spawn, big },
                { "hayfork: forkserver", by_hay_forkserver, big },
                { "Python: fork", by_python, big },
        };
        const struct bench benches[] = {
                { "Start and join, from a small parent?", "process", STARTS, from_small, 6 },
                { "Start and join, from a parent of 256 MiB?", "process", STARTS, from_big, 6 },
        };
        hay_main(argc, argv);
        return bench_main(argc, argv, benches, 2);
}
