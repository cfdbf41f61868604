#include "cli.h"
#include "report.h"

#include "command.h"

static void cleans(const char *text, const char *wanted)
{
        char *clean = cli_clean(text);
        ck_assert_str_eq(clean, wanted);
        free(clean);
}

TEST(text_that_may_be_shown_stays_as_it_is)
{
        cleans("", "");
        cleans("plain text ~", "plain text ~");
        cleans("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8c\xbe", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8c\xbe");
}

TEST(control_characters_and_broken_utf8_become_question_marks)
{
        cleans("a\nb\tc\x1b[31m\x7f", "a?b?c?[31m?");
        cleans("\xff\xc3", "??");
        cleans("\xe2\x82", "??");
        cleans("\xc0\xaf", "??");           /* too long a form */
        cleans("\xed\xa0\x80", "???");      /* a surrogate */
        cleans("\xf5\x80\x80\x80", "????"); /* beyond Unicode */
        cleans("\xc2\x9b", "??");           /* a control character, though of two bytes */
}

TEST(programs_are_found_as_execvp_finds_them)
{
        char *path = NULL;
        folder_make();
        file_write(folder_path("tool"), "#!/bin/sh\n", 0755);
        file_write(folder_path("text"), "x", 0644);
        ck_assert_int_eq(setenv("PATH", folder_path("none"), 1), 0);
        ck_assert_int_eq(cli_find_program("tool", &path), -ENOENT);
        ck_assert_int_eq(setenv("PATH", folder_path(""), 1), 0);
        ck_assert_int_eq(cli_find_program("tool", &path), 0);
        ck_assert_int_eq(access(path, X_OK), 0);
        free(path);
        ck_assert_int_eq(cli_find_program("text", &path), -EACCES);
        ck_assert_int_eq(cli_find_program(folder_path("tool"), &path), 0);
        ck_assert_str_eq(path, folder_path("tool"));
        free(path);
        ck_assert_int_eq(cli_find_program(folder_path(""), &path), -EACCES);
        ck_assert_int_eq(cli_find_program("./tool", &path), -ENOENT);
        ck_assert_int_eq(cli_find_program("", &path), -ENOENT);
        ck_assert_int_eq(chdir(folder_path("")), 0);
        ck_assert_int_eq(setenv("PATH", "/nowhere:", 1), 0);
        ck_assert_int_eq(cli_find_program("tool", &path), 0);
        ck_assert_str_eq(path, "./tool");
        free(path);
        ck_assert_int_eq(chdir("/"), 0);
        folder_remove();
}

TEST(seconds_have_a_unit_that_suits_them)
{
        static const struct {
                double seconds;
                const char *text;
        } rows[] = {
                { 0.0012345, "1.234 ms" },   { 0.0123456, "12.35 ms" }, { 0.217, "217.0 ms" },
                { 0.99994, "999.9 ms" },     { 0.99999, "1.000 s" },    { 1.5, "1.500 s" },
                { 12.3456, "12.35 s" },      { 123.456, "123.5 s" },    { 0, "0.000 ms" },
                { 1e300, "1000000000.0 s" },
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                char text[16];
                report_seconds(rows[i].seconds, text);
                ck_assert_str_eq(text, rows[i].text);
        }
}

KIT_MAIN
