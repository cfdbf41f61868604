/* Signals to the command: they end the program and its children, and leave no file. */
#include "command.h"

#include <signal.h>
#include <sys/wait.h>

/* Read the "pid N" lines of the log. */
static void read_pids(pid_t pids[2])
{
        int count = 0;
        char *log = file_read(folder_path("log"));
        for (char *at = log; at && (at = strstr(at, "pid ")); at++) {
                ck_assert_int_lt(count, 2);
                pids[count++] = (pid_t)atoi(at + 4);
        }
        ck_assert_int_eq(count, 2);
        free(log);
}

static void await_end(const pid_t pids[2])
{
        for (int i = 0; i < 2; i++)
                while (pid_runs(pids[i]))
                        kit_sleep_ms(2);
}

/* Start it on a program that would sleep for an hour and has a child; wait until both run. */
static pid_t start(const char *option, pid_t pids[2])
{
        file_write(folder_path("r.json"), "old", 0644);
        pid_t pid = command_start((const char *const[]){
                "speedup", "--json", folder_path("r.json"), "--", subject, "--log",
                folder_path("log"), option, "--child", "--serial", "3600000", NULL });
        file_await_lines(folder_path("log"), 3);
        read_pids(pids);
        return pid;
}

static void ends_cleanly(const char *option, int number)
{
        pid_t pids[2];
        /* The command leaves alone what it was started to ignore, as under nohup. */
        signal(number, SIG_DFL);
        folder_make();
        pid_t pid = start(option, pids);
        ck_assert(pid_runs(pids[0]));
        ck_assert_int_eq(kill(pid, number), 0);
        ck_assert_int_eq(kit_wait(pid), -number);
        await_end(pids);
        char *text = file_read(folder_path("r.json"));
        ck_assert_str_eq(text, "old");
        free(text);
        ck_assert_int_eq(folder_count(), 2);
        folder_remove();
}

TEST(ctrl_c_ends_the_program_and_its_children)
{
        ends_cleanly("--input", SIGINT);
}

TEST(sigterm_ends_the_program_and_its_children)
{
        ends_cleanly("--input", SIGTERM);
}

TEST(a_hang_up_ends_the_program_and_its_children)
{
        ends_cleanly("--input", SIGHUP);
}

TEST(a_program_that_ignores_the_signal_is_killed)
{
        ends_cleanly("--stubborn", SIGINT);
}

TEST(the_program_ends_when_the_command_is_killed)
{
        pid_t pids[2];
        folder_make();
        pid_t pid = start("--input", pids);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(pid), -SIGKILL);
        while (pid_runs(pids[0]))
                kit_sleep_ms(2);
        /* Its own child is stubborn, and nobody's now: this test's to end. */
        ck_assert_int_eq(kill(pids[1], SIGKILL), 0);
        await_end(pids);
        folder_remove();
}

TEST(a_signal_that_was_ignored_before_stays_ignored)
{
        pid_t pids[2];
        folder_make();
        signal(SIGHUP, SIG_IGN);
        pid_t pid = start("--input", pids);
        signal(SIGHUP, SIG_DFL);
        ck_assert_int_eq(kill(pid, SIGHUP), 0);
        ck_assert_int_eq(kill(pid, SIGTERM), 0);
        ck_assert_int_eq(kit_wait(pid), -SIGTERM);
        await_end(pids);
        folder_remove();
}

TEST(a_run_that_ctrl_z_paused_is_run_again)
{
        int status;
        folder_make();
        pid_t pid = command_start((const char *const[]){
                "speedup", "--warmup", "0", "-r", "1", "-w", "1", "--", subject, "--log",
                folder_path("log"), "--serial", "300", NULL });
        file_await_lines(folder_path("log"), 1);
        ck_assert_int_eq(kill(pid, SIGTSTP), 0);
        ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
        ck_assert(WIFSTOPPED(status));
        ck_assert_int_eq(kill(pid, SIGCONT), 0);
        ck_assert_int_eq(kit_wait(pid), 0);
        char *log = file_read(folder_path("log"));
        ck_assert_str_eq(log, "workers 1\nworkers 1\n");
        free(log);
        folder_remove();
}

TEST(other_processes_are_left_alone)
{
        pid_t pids[2];
        folder_make();
        pid_t other = fork();
        if (other == 0)
                for (;;)
                        pause();
        pid_t pid = start("--input", pids);
        ck_assert_int_eq(kill(pid, SIGINT), 0);
        ck_assert_int_eq(kit_wait(pid), -SIGINT);
        await_end(pids);
        ck_assert(pid_runs(other));
        ck_assert_int_eq(kill(other, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(other), -SIGKILL);
        folder_remove();
}

KIT_MAIN
