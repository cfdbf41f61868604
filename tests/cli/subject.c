/* A program to be measured, whose time is a known function of HAYFORK_WORKERS because it sleeps.
 * What it is to do stands in its arguments, in this order of doing:
 *
 *   --log FILE       append "workers N" to FILE; other things that it has to say go there too
 *   --stubborn       ignore the signals that ask for an end
 *   --child          have a stubborn child that sleeps for ever; "pid N" for both goes to the log
 *   --input          copy standard input to the log
 *   --say TEXT       to standard output; --complain TEXT: to standard error
 *   --serial MS      sleep so long
 *   --parallel MS    sleep so long, divided by the number of workers
 *   --when N         do the following only with N workers
 *   --signal N       end by that signal; --exit N: with that exit code */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int workers;
static int log_fd = 2;

static void sleep_ms(double milliseconds)
{
        long ns = (long)(milliseconds * 1e6);
        struct timespec left = { ns / 1000000000, ns % 1000000000 };
        while (nanosleep(&left, &left) < 0)
                ;
}

static void be_stubborn(void)
{
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
}

static void have_child(void)
{
        pid_t pid = fork();
        if (pid == 0) {
                be_stubborn();
                for (;;)
                        pause();
        }
        dprintf(log_fd, "pid %d\npid %d\n", (int)getpid(), (int)pid);
}

static void copy_input(void)
{
        char bytes[256];
        ssize_t n;
        while ((n = read(0, bytes, sizeof(bytes))) > 0)
                dprintf(log_fd, "%.*s", (int)n, bytes);
}

static void act(const char *what, const char *value)
{
        if (strcmp(what, "--log") == 0) {
                log_fd = open(value, O_WRONLY | O_APPEND | O_CREAT, 0600);
                dprintf(log_fd, "workers %d\n", workers);
        } else if (strcmp(what, "--say") == 0) {
                dprintf(1, "%s\n", value);
        } else if (strcmp(what, "--complain") == 0) {
                dprintf(2, "%s\n", value);
        } else if (strcmp(what, "--serial") == 0) {
                sleep_ms(atof(value));
        } else if (strcmp(what, "--parallel") == 0) {
                sleep_ms(atof(value) / workers);
        } else if (strcmp(what, "--signal") == 0) {
                signal(atoi(value), SIG_DFL);
                raise(atoi(value));
        } else if (strcmp(what, "--exit") == 0) {
                exit(atoi(value));
        }
}

int main(int argc, char **argv)
{
        const char *text = getenv("HAYFORK_WORKERS");
        workers = text ? atoi(text) : 0;
        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--stubborn") == 0)
                        be_stubborn();
                else if (strcmp(argv[i], "--child") == 0)
                        have_child();
                else if (strcmp(argv[i], "--input") == 0)
                        copy_input();
                else if (i + 1 == argc)
                        return 99;
                else if (strcmp(argv[i], "--when") == 0 && atoi(argv[++i]) != workers)
                        return 0;
                else if (strcmp(argv[i - 1], "--when") != 0) {
                        act(argv[i], argv[i + 1]);
                        i++;
                }
        }
        return 0;
}
