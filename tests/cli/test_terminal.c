/* What is different on a terminal: progress, colours, and the program's own words between. */
#include "command.h"

static char shown[65536];

static void run(void)
{
        int fd;
        size_t used = 0;
        memset(shown, 0, sizeof(shown));
        pid_t pid = command_start_on_terminal(
                (const char *const[]){ "speedup", "-w", "1,2", "-r", "2", "--", subject,
                                       "--complain", "from the program", "--serial", "10", NULL },
                &fd);
        /* The terminal's reading end fails with EIO when the other side is closed. */
        ssize_t n;
        while (used < sizeof(shown) - 1 &&
               (n = read(fd, shown + used, sizeof(shown) - 1 - used)) > 0)
                used += (size_t)n;
        ck_assert_int_eq(kit_wait(pid), 0);
        close(fd);
}

static void shows(const char *words)
{
        ck_assert_msg(strstr(shown, words), "'%s' is not in:\n%s", words, shown);
}

TEST(progress_and_colours_are_shown_on_a_terminal)
{
        setenv("TERM", "xterm", 1);
        unsetenv("NO_COLOR");
        run();
        shows("run 1 of 5, warm-up");
        shows("run 5 of 5, 1 worker,");
        shows(" left");
        shows("from the program");
        shows("\033[32m");
        /* The last thing done to the progress line is to wipe it. */
        char *last = strstr(shown, "run 5 of 5");
        ck_assert_ptr_nonnull(strstr(last, "\r\033[K"));
}

TEST(no_color_is_honoured)
{
        setenv("TERM", "xterm", 1);
        setenv("NO_COLOR", "1", 1);
        run();
        shows("run 1 of 5");
        ck_assert_ptr_null(strstr(shown, "\033[3"));
        ck_assert_ptr_null(strstr(shown, "\033[1m"));
        ck_assert_ptr_null(strstr(shown, "\033[0m"));
}

TEST(a_dumb_terminal_gets_plain_text)
{
        setenv("TERM", "dumb", 1);
        unsetenv("NO_COLOR");
        run();
        ck_assert_ptr_null(strchr(shown, '\033'));
        ck_assert_ptr_null(strstr(shown, "run 1 of"));
        shows("from the program");
}

TEST(the_report_fits_the_terminals_width)
{
        setenv("TERM", "dumb", 1);
        setenv("LC_ALL", "C", 1);
        run();
        char *chart = strstr(shown, "is the ideal)");
        ck_assert_ptr_nonnull(chart);
        for (char *line = strchr(chart, '\n') + 1; *line == ' '; line = strchr(line, '\n') + 1)
                ck_assert_int_eq((int)strcspn(line, "\r\n"), 60);
}

KIT_MAIN
