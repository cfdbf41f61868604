/* The program is a session of its own: what the terminal sends (Ctrl-C, Ctrl-Z) reaches only this
 * command, which passes it on to all of the program's processes; and it can't be stopped for
 * touching the terminal. It gets SIGTERM should this command be killed.
 *
 * The signals are blocked all the time and read from a signalfd, so there is no handler and no
 * instant at which one is missed. The program's group is signalled only while the program is not
 * reaped: until then its id can't be anybody else's. */
#include "run.h"

#include <hayfork.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 250
#define GRACE_MS 2000

/* Failed writes are told as errors; the program gets these signals as they came. */
static const int writing[] = { SIGPIPE, SIGXFSZ };
static struct sigaction writing_before[2];
static sigset_t watched;
static sigset_t mask_before;
static int signals_fd = -1;

int run_take_signals(void)
{
        static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
        if (signals_fd >= 0)
                return 0;
        sigemptyset(&watched);
        sigaddset(&watched, SIGCHLD);
        /* SIGCHLD ignored (inherited) would have the kernel reap the program. */
        signal(SIGCHLD, SIG_DFL);
        for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++) {
                /* What whoever started us ignores (nohup) stays ignored. */
                struct sigaction action;
                if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
                        sigaddset(&watched, ending[i]);
        }
        for (size_t i = 0; i < 2; i++)
                sigaction(writing[i], &(struct sigaction){ .sa_handler = SIG_IGN },
                          &writing_before[i]);
        if (sigprocmask(SIG_BLOCK, &watched, &mask_before) < 0)
                return -errno;
        signals_fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
        return signals_fd < 0 ? -errno : 0;
}

static bool is_ending(int signal)
{
        return signal != SIGCHLD && signal != SIGTSTP;
}

/* The next signal that came, 0 when there is none. */
static int next_signal(void)
{
        struct signalfd_siginfo info;
        return read(signals_fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo
                                                                              : 0;
}

/* As the kernel does it: where nobody could let us go on (an orphaned group), not at all. */
static void stop_myself(void)
{
        sigset_t only;
        sigemptyset(&only);
        sigaddset(&only, SIGTSTP);
        sigprocmask(SIG_UNBLOCK, &only, NULL);
        raise(SIGTSTP);
        sigprocmask(SIG_BLOCK, &only, NULL);
}

int run_check_signals(void)
{
        for (;;) {
                int signal = next_signal();
                if (signal == 0 || is_ending(signal))
                        return signal;
                if (signal == SIGTSTP)
                        stop_myself();
        }
}

_Noreturn void run_die(int number)
{
        sigset_t only;
        sigemptyset(&only);
        sigaddset(&only, number);
        signal(number, SIG_DFL);
        raise(number);
        sigprocmask(SIG_UNBLOCK, &only, NULL);
        _exit(128 + number);
}

/* In the child. Tells why it could not become the program; does not return. */
static _Noreturn void become(const struct run *run, int report, pid_t parent)
{
        setsid();
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
                _exit(1);
        for (size_t i = 0; i < 2; i++)
                sigaction(writing[i], &writing_before[i], NULL);
        sigprocmask(SIG_SETMASK, &mask_before, NULL);
        int error = 0;
        if (run->variable && setenv(run->variable, run->value, 1) < 0)
                error = errno;
        if (dup2(run->input, 0) < 0 || dup2(run->output, 1) < 0 || dup2(run->errors, 2) < 0)
                error = errno;
        if (!error) {
                execvp(run->argv[0], run->argv);
                error = errno;
        }
        ssize_t written = write(report, &error, sizeof(error));
        _exit(written == sizeof(error) ? 127 : 126);
}

/* Fork, and wait until it is the program. */
static int start(const struct run *run, pid_t *ret_pid)
{
        int report[2];
        if (pipe2(report, O_CLOEXEC) < 0)
                return -errno;
        pid_t parent = getpid();
        pid_t pid = fork();
        if (pid == 0)
                become(run, report[1], parent);
        int r = pid < 0 ? -errno : 0;
        close(report[1]);
        if (r == 0) {
                int error;
                ssize_t n;
                do
                        n = read(report[0], &error, sizeof(error));
                while (n < 0 && errno == EINTR);
                if (n == sizeof(error)) {
                        r = -error;
                        waitpid(pid, NULL, 0);
                }
        }
        close(report[0]);
        if (r == 0)
                *ret_pid = pid;
        return r;
}

static void listen_to(const struct run *run)
{
        char bytes[4096];
        ssize_t n;
        if (run->errors_from < 0)
                return;
        while ((n = read(run->errors_from, bytes, sizeof(bytes))) > 0)
                run->said(run->arg, bytes, (size_t)n);
}

/* Whether the program has ended; it is not reaped yet. */
static bool has_ended(pid_t pid)
{
        siginfo_t info = { 0 };
        return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
               info.si_pid == pid;
}

static void pause_both(pid_t pid)
{
        kill(-pid, SIGSTOP);
        stop_myself();
        kill(-pid, SIGCONT);
}

/* Handle what came; true when the program has ended. */
static bool handle_signals(pid_t pid, struct run_end *end, hay_time *kill_at)
{
        int signal;
        while ((signal = next_signal())) {
                if (signal == SIGTSTP) {
                        end->paused = true;
                        pause_both(pid);
                } else if (is_ending(signal)) {
                        kill(-pid, signal);
                        if (!end->interrupted)
                                *kill_at = hay_in_ms(GRACE_MS);
                        end->interrupted = signal;
                }
        }
        return has_ended(pid);
}

static int next_timeout(const struct run *run, hay_time kill_at)
{
        if (!kill_at)
                return run->tick ? TICK_MS : -1;
        hay_time left = (kill_at - hay_now()) / 1000000 + 1;
        return left < 0 ? 0 : left > TICK_MS ? TICK_MS : (int)left;
}

static void wait_for(pid_t pid, const struct run *run, struct run_end *end)
{
        hay_time kill_at = 0;
        struct pollfd wanted[2] = { { .fd = signals_fd, .events = POLLIN },
                                    { .fd = run->errors_from, .events = POLLIN } };
        bool ended = false;
        while (!ended) {
                if (run->tick)
                        run->tick(run->arg);
                poll(wanted, 2, next_timeout(run, kill_at));
                ended = handle_signals(pid, end, &kill_at);
                if (kill_at && !ended && hay_now() > kill_at)
                        kill(-pid, SIGKILL);
                listen_to(run);
        }
}

static double seconds_of(struct timeval time)
{
        return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int run_program(const struct run *run, struct run_end *ret_end)
{
        struct run_end end = { .code = -1 };
        pid_t pid = -1;
        int r = run_take_signals();
        if (r < 0)
                return r;
        hay_time before = hay_now();
        r = start(run, &pid);
        if (r < 0)
                return r;
        wait_for(pid, run, &end);
        end.seconds = (double)(hay_now() - before) / 1e9;
        /* Its children that outlived it are ended only when the user wants an end. */
        if (end.interrupted)
                kill(-pid, SIGKILL);
        int status = 0;
        struct rusage usage = { 0 };
        if (wait4(pid, &status, 0, &usage) == pid) {
                end.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
                end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
                end.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        *ret_end = end;
        return 0;
}
