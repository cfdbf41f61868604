/* Pictures; gnuplot itself, and scripts that stand in for one that fails. */
#include "command.h"

#include <signal.h>

static struct outcome outcome;

static bool has_gnuplot(void)
{
        return system("command -v gnuplot >/dev/null 2>&1") == 0;
}

/* A gnuplot of our own, alone in PATH with the system's tools. */
static void pretend_gnuplot(const char *script)
{
        char path[512];
        file_write(folder_path("gnuplot"), script, 0755);
        snprintf(path, sizeof(path), "%s:/usr/bin:/bin", folder_path(""));
        ck_assert_int_eq(setenv("PATH", path, 1), 0);
}

static void draw(const char *file, const char *program)
{
        COMMAND(&outcome, "speedup", "-q", "-w", "1..3", "-r", "3", "--plot", folder_path(file),
                "--", program, "--parallel", "10");
}

TEST(svg_has_the_title_the_ideal_and_the_fit)
{
        if (!has_gnuplot())
                return;
        folder_make();
        draw("p.svg", subject);
        ck_assert_msg(outcome.code == 0, "%s", outcome.err);
        char *svg = file_read(folder_path("p.svg"));
        ck_assert_ptr_nonnull(svg);
        ck_assert_int_eq(strncmp(svg, "<?xml", 5), 0);
        ck_assert_ptr_nonnull(strstr(svg, "Speed-up of subject"));
        ck_assert_ptr_nonnull(strstr(svg, ">ideal<"));
        ck_assert_ptr_nonnull(strstr(svg, "measured"));
        ck_assert_ptr_nonnull(strstr(svg, "</svg>"));
        if (hay_cpu_count() > 1)
                ck_assert_ptr_nonnull(strstr(svg, "Amdahl fit"));
        free(svg);
        ck_assert_int_eq(folder_count(), 1);
        folder_remove();
}

TEST(png_is_a_png_also_with_capital_letters)
{
        if (!has_gnuplot())
                return;
        folder_make();
        draw("p.PNG", subject);
        ck_assert_msg(outcome.code == 0, "%s", outcome.err);
        char *png = file_read(folder_path("p.PNG"));
        ck_assert_int_eq(memcmp(png, "\x89PNG\r\n\x1a\n", 8), 0);
        free(png);
        ck_assert_int_eq(folder_count(), 1);
        folder_remove();
}

TEST(a_program_name_is_text_whatever_it_holds)
{
        if (!has_gnuplot())
                return;
        folder_make();
        ck_assert_int_eq(chdir(folder_path("")), 0);
        const char *name =
                folder_path("it's `touch a` \"$(touch b)\" ' ; system 'touch c' _{x}<&\n@");
        ck_assert_int_eq(symlink(subject, name), 0);
        draw("p.svg", name);
        ck_assert_msg(outcome.code == 0, "%s", outcome.err);
        char *svg = file_read(folder_path("p.svg"));
        ck_assert_ptr_nonnull(strstr(svg, "`touch a`"));
        ck_assert_ptr_nonnull(strstr(svg, "_{x}&lt;&amp;?@"));
        free(svg);
        ck_assert_int_eq(folder_count(), 2);
        ck_assert_int_eq(chdir("/"), 0);
        folder_remove();
}

TEST(without_gnuplot_nothing_is_run)
{
        folder_make();
        ck_assert_int_eq(setenv("PATH", folder_path("none"), 1), 0);
        COMMAND(&outcome, "speedup", "--plot", folder_path("p.svg"), "--", subject, "--log",
                folder_path("log"));
        ck_assert_int_eq(outcome.code, 1);
        ck_assert_ptr_nonnull(strstr(outcome.err, "--plot needs gnuplot"));
        ck_assert_int_eq(folder_count(), 0);
        folder_remove();
}

TEST(a_gnuplot_that_fails_is_quoted_and_leaves_the_old_picture)
{
        folder_make();
        file_write(folder_path("p.svg"), "old", 0644);
        pretend_gnuplot(
                "#!/bin/sh\necho '<?xml half'\necho first >&2\necho 'line 7: no' >&2\nexit 3\n");
        draw("p.svg", subject);
        ck_assert_int_eq(outcome.code, 1);
        ck_assert_ptr_nonnull(strstr(outcome.err, "gnuplot failed (exit code 3): line 7: no\n"));
        char *svg = file_read(folder_path("p.svg"));
        ck_assert_str_eq(svg, "old");
        free(svg);
        ck_assert_int_eq(folder_count(), 2);
        folder_remove();
}

TEST(a_gnuplot_that_draws_nothing_has_failed)
{
        folder_make();
        pretend_gnuplot("#!/bin/sh\nexit 0\n");
        draw("p.png", subject);
        ck_assert_int_eq(outcome.code, 1);
        ck_assert_ptr_nonnull(strstr(outcome.err, "gnuplot failed"));
        ck_assert_int_eq(folder_count(), 1);
        folder_remove();
}

TEST(ctrl_c_while_gnuplot_draws_leaves_no_picture)
{
        char script[512];
        folder_make();
        snprintf(script, sizeof(script),
                 "#!/bin/sh\necho '<?xml half'\necho x >'%s'\nexec sleep 3600\n",
                 folder_path("drawing"));
        pretend_gnuplot(script);
        pid_t pid =
                command_start((const char *const[]){ "speedup", "-r", "1", "-w", "1", "--plot",
                                                     folder_path("p.svg"), "--", subject, NULL });
        file_await_lines(folder_path("drawing"), 1);
        ck_assert_int_eq(folder_count(), 3);
        ck_assert_int_eq(kill(pid, SIGINT), 0);
        ck_assert_int_eq(kit_wait(pid), -SIGINT);
        ck_assert_ptr_null(file_read(folder_path("p.svg")));
        ck_assert_int_eq(folder_count(), 2);
        folder_remove();
}

KIT_MAIN
